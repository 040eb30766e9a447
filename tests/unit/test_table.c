#include "support.h"

#include <stdio.h>

#include "egw/table.h"

static struct egw_str number(char text[24], int i)
{
    int n = snprintf(text, 24, "key-%d", i);

    return (struct egw_str){text, (size_t)n};
}

static int teardown(void **state)
{
    egw_table_free(*state);
    return 0;
}

static int setup(void **state)
{
    static struct egw_table table;

    table = (struct egw_table){0};
    *state = &table;
    return 0;
}

static void test_an_empty_table_has_nothing(void **state)
{
    struct egw_table_item item;
    struct egw_str value;
    size_t at = 0;

    assert_false(egw_table_get(*state, EGW_STR("a"), &value));
    assert_false(egw_table_remove(*state, EGW_STR("a")));
    assert_false(egw_table_next(*state, &at, &item));
    egw_table_clear(*state);
}

static void test_what_is_put_is_found_until_removed(void **state)
{
    struct egw_table *table = *state;
    struct egw_str value;
    char text[24];

    for (int i = 0; i < 5000; i++)
        assert_int_equal(egw_table_put(table, number(text, i), number(text, i)), EGW_OK);
    for (int i = 0; i < 5000; i += 2)
        assert_true(egw_table_remove(table, number(text, i)));
    assert_int_equal(table->used, 2500);
    for (int i = 0; i < 5000; i++) {
        bool found = egw_table_get(table, number(text, i), &value);

        assert_int_equal(found, i % 2);
        if (found)
            assert_true(egw_str_eq(value, number(text, i)));
    }
}

static void test_a_second_put_replaces_and_may_use_the_old_value(void **state)
{
    struct egw_table *table = *state;
    struct egw_str value;

    assert_int_equal(egw_table_put(table, EGW_STR("k"), EGW_STR("value")), EGW_OK);
    assert_true(egw_table_get(table, EGW_STR("k"), &value));
    value.n = 3;
    assert_int_equal(egw_table_put(table, EGW_STR("k"), value), EGW_OK);
    assert_true(egw_table_get(table, EGW_STR("k"), &value));
    assert_true(egw_str_is(value, "val"));
    assert_int_equal(table->used, 1);
    assert_int_equal(table->bytes, 4);
}

static void test_an_absent_value_and_an_empty_one_differ(void **state)
{
    struct egw_str value;

    assert_int_equal(egw_table_put(*state, EGW_STR("none"), EGW_STR_NONE), EGW_OK);
    assert_int_equal(egw_table_put(*state, EGW_STR("empty"), EGW_STR("")), EGW_OK);
    assert_int_equal(egw_table_put(*state, EGW_STR(""), EGW_STR("no key")), EGW_OK);
    assert_true(egw_table_get(*state, EGW_STR("none"), &value));
    assert_null(value.p);
    assert_true(egw_table_get(*state, EGW_STR("empty"), &value));
    assert_true(value.p && !value.n);
    assert_true(egw_table_get(*state, EGW_STR_NONE, &value));
    assert_true(egw_str_is(value, "no key"));
}

static void test_the_first_table_that_has_a_key_answers(void **state)
{
    struct egw_table *first = *state, second = {0}, third = {0};
    const struct egw_table *const all[] = {first, &second, &third};
    struct egw_str value;

    assert_int_equal(egw_table_put(first, EGW_STR("removed"), EGW_STR_NONE), EGW_OK);
    assert_int_equal(egw_table_put(first, EGW_STR("both"), EGW_STR("1")), EGW_OK);
    assert_int_equal(egw_table_put(&third, EGW_STR("removed"), EGW_STR("3")), EGW_OK);
    assert_int_equal(egw_table_put(&third, EGW_STR("both"), EGW_STR("3")), EGW_OK);
    assert_int_equal(egw_table_put(&third, EGW_STR("last"), EGW_STR("3")), EGW_OK);
    assert_true(egw_table_get_first(all, 3, EGW_STR("removed"), &value));
    assert_null(value.p);
    assert_true(egw_table_get_first(all, 3, EGW_STR("both"), &value));
    assert_true(egw_str_is(value, "1"));
    assert_true(egw_table_get_first(all, 3, EGW_STR("last"), &value));
    assert_true(egw_str_is(value, "3"));
    assert_false(egw_table_get_first(all, 2, EGW_STR("last"), &value));
    assert_false(egw_table_get_first(all, 3, EGW_STR("none"), &value));
    egw_table_free(&third);
}

static void test_a_walk_meets_every_entry_once(void **state)
{
    struct egw_table_item item;
    char text[24];
    size_t at = 0, met = 0, bytes = 0;
    struct egw_table *table = *state;

    for (int i = 0; i < 1000; i++)
        assert_int_equal(egw_table_put(table, number(text, i), EGW_STR("v")), EGW_OK);
    for (int i = 0; i < 1000; i += 3)
        assert_true(egw_table_remove(table, number(text, i)));
    while (egw_table_next(table, &at, &item)) {
        met++;
        bytes += item.key.n + item.value.n;
    }
    assert_int_equal(met, table->used);
    assert_int_equal(bytes, table->bytes);
}

static void test_putting_and_removing_forever_does_not_grow(void **state)
{
    struct egw_table *table = *state;
    char text[24];

    for (int i = 0; i < 100000; i++) {
        assert_int_equal(egw_table_put(table, number(text, i), EGW_STR("v")), EGW_OK);
        assert_true(egw_table_remove(table, number(text, i)));
    }
    assert_true(table->mask < 256);
    assert_int_equal(table->bytes, 0);
}

static void test_absorbing_adds_replaces_and_removes(void **state)
{
    struct egw_table base = {0}, overlay = {0};
    struct egw_str value;

    (void)state;
    assert_int_equal(egw_table_put(&base, EGW_STR("kept"), EGW_STR("1")), EGW_OK);
    assert_int_equal(egw_table_put(&base, EGW_STR("replaced"), EGW_STR("old")), EGW_OK);
    assert_int_equal(egw_table_put(&base, EGW_STR("gone"), EGW_STR("x")), EGW_OK);
    assert_int_equal(egw_table_put(&overlay, EGW_STR("replaced"), EGW_STR("new")), EGW_OK);
    assert_int_equal(egw_table_put(&overlay, EGW_STR("gone"), EGW_STR_NONE), EGW_OK);
    assert_int_equal(egw_table_put(&overlay, EGW_STR("never"), EGW_STR_NONE), EGW_OK);
    for (int i = 0; i < 500; i++) { /* the base has to grow on the way */
        char key[16];

        (void)snprintf(key, sizeof(key), "k%d", i);
        assert_int_equal(egw_table_put(&overlay, egw_str_of(key), EGW_STR("v")), EGW_OK);
    }
    assert_int_equal(egw_table_absorb(&base, &overlay), EGW_OK);
    assert_int_equal(base.used, 502);
    assert_int_equal(overlay.used, 0);
    assert_int_equal(overlay.bytes, 0);
    assert_int_equal(base.bytes, 4 + 1 + 8 + 3 + 10 * 3 + 90 * 4 + 400 * 5);
    assert_true(egw_table_get(&base, EGW_STR("replaced"), &value));
    assert_true(egw_str_is(value, "new"));
    assert_false(egw_table_get(&base, EGW_STR("gone"), &value));
    assert_false(egw_table_get(&base, EGW_STR("never"), &value));
    assert_true(egw_table_get(&base, EGW_STR("k499"), &value));
    egw_table_free(&base);
    egw_table_free(&overlay);
}

static void test_clear_keeps_the_slots_and_nothing_else(void **state)
{
    struct egw_table *table = *state;
    struct egw_str value;
    size_t mask;
    char text[24];

    for (int i = 0; i < 1000; i++)
        assert_int_equal(egw_table_put(table, number(text, i), EGW_STR("v")), EGW_OK);
    mask = table->mask;
    egw_table_clear(table);
    assert_int_equal(table->mask, mask);
    assert_int_equal(table->used + table->tombs + table->bytes, 0);
    assert_false(egw_table_get(table, number(text, 1), &value));
    assert_int_equal(egw_table_put(table, EGW_STR("a"), EGW_STR("b")), EGW_OK);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_an_empty_table_has_nothing),
        T(test_what_is_put_is_found_until_removed),
        T(test_a_second_put_replaces_and_may_use_the_old_value),
        T(test_an_absent_value_and_an_empty_one_differ),
        T(test_the_first_table_that_has_a_key_answers),
        T(test_a_walk_meets_every_entry_once),
        T(test_putting_and_removing_forever_does_not_grow),
        T(test_absorbing_adds_replaces_and_removes),
        T(test_clear_keeps_the_slots_and_nothing_else),
    };
    return cmocka_run_group_tests_name("table", tests, NULL, NULL);
}
