#include "support.h"

static void test_a_buf_grows_and_keeps_its_bytes(void **state)
{
    struct egw_buf buf = {0};

    (void)state;
    for (int i = 0; i < 1000; i++)
        assert_int_equal(egw_buf_put(&buf, "0123456789", 10), EGW_OK);
    assert_int_equal(buf.n, 10000);
    assert_memory_equal(buf.p + 9990, "0123456789", 10);
    egw_buf_clear(&buf);
    assert_int_equal(buf.n, 0);
    egw_buf_free(&buf);
    assert_null(buf.p);
    egw_buf_free(NULL);
}

static void test_a_buf_refuses_past_its_ceiling_and_stays_as_it_was(void **state)
{
    struct egw_buf buf = {.max = 10};

    (void)state;
    assert_int_equal(egw_buf_put(&buf, "0123456789", 10), EGW_OK);
    assert_int_equal(egw_buf_put(&buf, "x", 1), EGW_NOMEM);
    assert_int_equal(buf.n, 10);
    assert_true(buf.cap <= 10);
    assert_int_equal(egw_buf_reserve(&buf, SIZE_MAX), EGW_NOMEM);
    egw_buf_free(&buf);
    assert_int_equal(buf.max, 10);
}

static void test_a_ceiling_near_the_end_of_memory_ends(void **state)
{
    struct egw_buf buf = {.max = SIZE_MAX};

    (void)state;
    assert_int_equal(egw_buf_reserve(&buf, SIZE_MAX - 8), EGW_NOMEM);
    egw_buf_free(&buf);
}

static void test_an_empty_buf_is_an_empty_text(void **state)
{
    struct egw_buf buf = {0};

    (void)state;
    assert_int_equal(egw_buf_put(&buf, NULL, 0), EGW_OK);
    assert_non_null(egw_buf_str(&buf).p);
    assert_int_equal(egw_buf_str(&buf).n, 0);
}

static void test_printf_appends(void **state)
{
    struct egw_buf buf = {0};

    (void)state;
    assert_int_equal(egw_buf_printf(&buf, "%s-%d", "a", 1), EGW_OK);
    assert_int_equal(egw_buf_printf(&buf, "%300s", "z"), EGW_OK);
    assert_int_equal(buf.n, 303);
    assert_memory_equal(buf.p, "a-1", 3);
    egw_buf_free(&buf);
}

static void test_arena_pieces_are_zeroed_aligned_and_apart(void **state)
{
    struct egw_arena arena = {0};
    unsigned char *last = NULL;

    (void)state;
    for (size_t n = 1; n < 300; n++) {
        unsigned char *p = egw_arena_alloc(&arena, n);

        assert_non_null(p);
        assert_int_equal((uintptr_t)p % 16, 0);
        for (size_t i = 0; i < n; i++)
            assert_int_equal(p[i], 0);
        memset(p, 0xee, n);
        assert_true(!last || *last == 0xee);
        last = p;
    }
    egw_arena_free(&arena);
}

static void test_arena_pieces_stay_until_reset_and_are_zeroed_again_after(void **state)
{
    struct egw_arena arena = {0};
    char *p = egw_arena_alloc(&arena, 40000), *first;

    (void)state;
    assert_non_null(p);
    memset(p, 'x', 40000);
    first = egw_arena_alloc(&arena, 100000);
    assert_non_null(first);
    assert_int_equal(p[39999], 'x');
    egw_arena_reset(&arena);
    assert_int_equal(arena.used, 0);
    for (int round = 0; round < 3; round++) {
        char *q = egw_arena_alloc(&arena, 100000);

        assert_non_null(q);
        for (size_t i = 0; i < 100000; i++)
            assert_int_equal(q[i], 0);
        memset(q, 'y', 100000);
        egw_arena_reset(&arena);
    }
    egw_arena_free(&arena);
}

static void test_an_arena_refuses_past_its_ceiling(void **state)
{
    struct egw_arena arena = {.max = 64};

    (void)state;
    assert_non_null(egw_arena_alloc(&arena, 48));
    assert_null(egw_arena_alloc(&arena, 17));
    assert_non_null(egw_arena_alloc(&arena, 16));
    assert_null(egw_arena_alloc(&arena, 1));
    assert_null(egw_arena_alloc(&arena, SIZE_MAX));
    egw_arena_free(&arena);
    assert_int_equal(arena.max, 64);
    arena.max = SIZE_MAX;
    assert_null(egw_arena_alloc(&arena, SIZE_MAX - 40));
    egw_arena_free(&arena);
}

static void test_arena_texts_end_in_a_zero_where_others_were_before(void **state)
{
    struct egw_arena arena = {0};
    struct egw_str copy;

    (void)state;
    for (size_t n = 0; n < 40; n++) {
        char *dirt = egw_arena_alloc(&arena, 256);

        assert_non_null(dirt);
        memset(dirt, 'x', 256);
        egw_arena_reset(&arena);
        assert_true(egw_arena_str(
            &arena, (struct egw_str){"0123456789012345678901234567890123456789", n}, &copy));
        assert_int_equal(strlen(copy.p), n);
        copy = egw_arena_printf(&arena, "%.*s", (int)n, "0123456789012345678901234567890123456789");
        assert_int_equal(strlen(copy.p), n);
        egw_arena_reset(&arena);
    }
    egw_arena_free(&arena);
}

static void test_arena_texts_are_copies_and_absent_stays_absent(void **state)
{
    struct egw_arena arena = {0};
    char text[] = "text";
    struct egw_str copy = EGW_STR("was");

    (void)state;
    assert_true(egw_arena_str(&arena, (struct egw_str){text, 4}, &copy));
    text[0] = 'n';
    assert_true(egw_str_is(copy, "text"));
    assert_int_equal(copy.p[4], '\0');
    assert_true(egw_arena_str(&arena, EGW_STR(""), &copy));
    assert_true(copy.p && copy.n == 0);
    assert_true(egw_arena_str(&arena, EGW_STR_NONE, &copy));
    assert_null(copy.p);
    assert_true(egw_str_is(egw_arena_printf(&arena, "%s/%d", "a", 7), "a/7"));
    arena.max = arena.used;
    assert_null(egw_arena_printf(&arena, "x").p);
    assert_false(egw_arena_str(&arena, EGW_STR("x"), &copy));
    egw_arena_free(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_buf_grows_and_keeps_its_bytes),
        cmocka_unit_test(test_a_buf_refuses_past_its_ceiling_and_stays_as_it_was),
        cmocka_unit_test(test_a_ceiling_near_the_end_of_memory_ends),
        cmocka_unit_test(test_an_empty_buf_is_an_empty_text),
        cmocka_unit_test(test_printf_appends),
        cmocka_unit_test(test_arena_pieces_are_zeroed_aligned_and_apart),
        cmocka_unit_test(test_arena_pieces_stay_until_reset_and_are_zeroed_again_after),
        cmocka_unit_test(test_an_arena_refuses_past_its_ceiling),
        cmocka_unit_test(test_arena_texts_end_in_a_zero_where_others_were_before),
        cmocka_unit_test(test_arena_texts_are_copies_and_absent_stays_absent),
    };
    return cmocka_run_group_tests_name("buf", tests, NULL, NULL);
}
