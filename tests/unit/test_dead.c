/* Dead letters: their class, and what becomes of one that is retried. */
#include "support.h"

#include <stdio.h>

#include "desk.h"
#include "egw/dead.h"
#include "egw/hash.h"
#include "egw/schema.h"

#define NOW INT64_C(1767601800000)
#define KEY EGW_STR("litware/adatum")

/* What another source writes: only what must be there, and a field of its own. */
static const char theirs[] =
    "{\"type\":\"record\",\"name\":\"SupportEvent\",\"namespace\":\"egw\",\"fields\":["
    "{\"name\":\"event_id\",\"type\":\"string\"},{\"name\":\"event_type\",\"type\":\"string\"},"
    "{\"name\":\"partner\",\"type\":\"string\"},{\"name\":\"customer\",\"type\":\"string\"},"
    "{\"name\":\"case_id\",\"type\":\"string\"},{\"name\":\"mood\",\"type\":\"string\"},"
    "{\"name\":\"occurred_at\",\"type\":{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"}}]"
    "}";

static int setup(void **state)
{
    *state = desk_new(NOW);
    desk_run(*state);
    while (desk_outcome(*state, ""))
        ;
    return 0;
}

static int teardown(void **state)
{
    desk_free(*state);
    return 0;
}

static int32_t home(struct egw_str key)
{
    return egw_partition_of(key, DESK_PARTITIONS);
}

/* An event as `theirs` has it. */
static struct egw_str foreign(struct desk *desk, const char *customer)
{
    const char *const texts[] = {"e1", "opened", "litware", customer, "c1", "fine"};
    struct egw_buf value = {0};
    uint64_t fingerprint;
    struct egw_str made;
    int64_t at = NOW;

    assert_int_equal(egw_schema_fingerprint(egw_str_of(theirs), &fingerprint, NULL), EGW_OK);
    assert_int_equal(egw_buf_put(&value, "\xC3\x01", 2), EGW_OK);
    for (int i = 0; i < 8; i++)
        assert_int_equal(egw_buf_put(&value, &(char){(char)(fingerprint >> (8 * i))}, 1), EGW_OK);
    for (size_t i = 0; i < EGW_COUNT(texts); i++) {
        size_t n = strlen(texts[i]);

        assert_true(n < 64);
        assert_int_equal(egw_buf_put(&value, &(char){(char)(n << 1)}, 1), EGW_OK);
        assert_int_equal(egw_buf_put(&value, texts[i], n), EGW_OK);
    }
    for (uint64_t z = (uint64_t)at << 1; z; z >>= 7)
        assert_int_equal(
            egw_buf_put(&value, &(char){(char)((z & 0x7f) | (z > 0x7f ? 0x80 : 0))}, 1), EGW_OK);
    assert_true(egw_arena_str(&desk->arena, egw_buf_str(&value), &made));
    egw_buf_free(&value);
    return made;
}

static const struct egw_outcome *next(struct desk *desk, enum egw_action action)
{
    const struct egw_outcome *outcome = desk_outcome(desk, "");

    if (!outcome)
        fail_msg("no outcome, wanted %s", egw_action_names[action]);
    if (outcome->action != (int32_t)action)
        fail_msg("%s (%.*s), wanted %s", egw_action_names[outcome->action],
                 EGW_FMT(outcome->because), egw_action_names[action]);
    return outcome;
}

static void test_a_letter_says_its_class(void **state)
{
    static const struct {
        const char *bytes;
        size_t n;
        enum egw_dead_class class;
    } cases[] = {
        {NULL, 0, EGW_DEAD_NO_VALUE},
        {"", 0, EGW_DEAD_NO_FRAME},
        {"hello", 5, EGW_DEAD_NO_FRAME},
        {"\xC3\x01 1234567", 10, EGW_DEAD_UNKNOWN_SCHEMA},
        {"\0\0\0\0\7body", 9, EGW_DEAD_UNKNOWN_SCHEMA},
    };
    struct desk *desk = *state;
    char cut[12] = "\xC3\x01";
    size_t n = EGW_COUNT(cases);
    struct egw_buf activation = {0};

    for (size_t i = 0; i < n; i++)
        desk_raw(desk, DESK_EVENTS, 1, KEY, (struct egw_str){cases[i].bytes, cases[i].n});
    for (int i = 0; i < 8; i++)
        cut[2 + i] = (char)(egw_type_support_event.fingerprint >> (8 * i));
    desk_raw(desk, DESK_EVENTS, 1, KEY, (struct egw_str){cut, 10});
    assert_int_equal(egw_encode_framed(&(struct egw_framing){0}, &egw_type_policy_activation,
                                       &(struct egw_policy_activation){.manifest = EGW_STR("x"),
                                                                       .by = EGW_STR("y"),
                                                                       .note = EGW_STR("")},
                                       &activation, NULL),
                     EGW_OK);
    desk_raw(desk, DESK_EVENTS, 1, KEY, egw_buf_str(&activation));
    desk_run(desk);
    egw_buf_free(&activation);
    assert_int_equal(desk_count(desk, DESK_DEAD_LETTERS), n + 2);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(desk->topics[DESK_DEAD_LETTERS].records[i].dead, cases[i].class);
    assert_int_equal(desk->topics[DESK_DEAD_LETTERS].records[n].dead, EGW_DEAD_DECODE_FAULT);
    assert_int_equal(desk->topics[DESK_DEAD_LETTERS].records[n + 1].dead, EGW_DEAD_WRONG_RECORD);
}

static void test_a_retry_once_the_schema_is_known_is_decided_once(void **state)
{
    struct desk *desk = *state;
    const struct egw_outcome *dead, *first, *second;
    struct egw_str value = foreign(desk, "adatum");

    desk_raw(desk, DESK_EVENTS, home(KEY), KEY, value);
    desk_run(desk);
    dead = next(desk, EGW_ACTION_DEAD_LETTERED);
    assert_null(dead->retry_of);
    desk_schema(desk, theirs);
    desk_run(desk);
    desk_retry(desk, home(KEY), KEY, value, "events/2/5 7 alice");
    desk_retry(desk, home(KEY), KEY, value, "events/2/5 7 bob");
    desk_run(desk);
    first = next(desk, EGW_ACTION_REJECTED); /* litware is no partner here */
    assert_true(egw_str_is(first->case_id, "c1"));
    assert_true(egw_str_is(first->trigger.topic, "inbox"));
    assert_memory_equal(first->trigger.digest, dead->trigger.digest, EGW_SHA256);
    assert_non_null(first->retry_of);
    assert_true(egw_str_is(first->retry_of->topic, "events"));
    assert_int_equal(first->retry_of->partition, 2);
    assert_int_equal(first->retry_of->offset, 5);
    assert_int_equal(first->retry_of->letter, 7);
    assert_true(egw_str_is(first->retry_of->by, "alice"));
    second = next(desk, EGW_ACTION_DUPLICATE);
    assert_int_equal(second->code.n, 0); /* the same bytes */
    assert_int_equal(second->first_seq.v, first->seq);
    assert_true(egw_str_is(second->retry_of->by, "bob"));
    assert_null(desk_outcome(desk, ""));
}

static void test_a_retry_that_fails_again_leaves_the_one_letter(void **state)
{
    struct desk *desk = *state;

    desk_raw(desk, DESK_EVENTS, 1, KEY, EGW_STR("poison"));
    desk_run(desk);
    (void)next(desk, EGW_ACTION_DEAD_LETTERED);
    for (int i = 0; i < 3; i++)
        desk_retry(desk, 1, KEY, EGW_STR("poison"), "events/1/0 0 alice");
    desk_run(desk);
    for (int i = 0; i < 3; i++) {
        const struct egw_outcome *again = next(desk, EGW_ACTION_DEAD_LETTERED);

        assert_non_null(again->retry_of);
        assert_true(again->because.n > 0);
    }
    assert_int_equal(desk_count(desk, DESK_DEAD_LETTERS), 1);
}

static void test_a_retry_in_a_strange_partition_moves_and_stays_a_retry(void **state)
{
    struct desk *desk = *state;
    int32_t wrong = (home(KEY) + 1) % DESK_PARTITIONS;
    const struct egw_outcome *came;

    desk_schema(desk, theirs);
    desk_run(desk);
    desk_retry(desk, wrong, KEY, foreign(desk, "adatum"), "events/0/0 7 alice");
    desk_run(desk);
    assert_non_null(next(desk, EGW_ACTION_PASSED_ON)->retry_of);
    came = next(desk, EGW_ACTION_REJECTED); /* nobody knows that customer */
    assert_non_null(came->retry_of);
    assert_int_equal(came->retry_of->letter, 7);
    assert_true(egw_str_is(came->retry_of->by, "alice"));
    assert_null(desk_outcome(desk, ""));
}

static void test_a_retry_that_was_moved_is_not_moved_again(void **state)
{
    struct desk *desk = *state;
    int32_t wrong = (home(KEY) + 1) % DESK_PARTITIONS;
    const struct egw_outcome *came;

    desk_schema(desk, theirs);
    desk_run(desk);
    desk_retry(desk, wrong, KEY, foreign(desk, "adatum"), "events/0/0 7 alice moved");
    desk_run(desk);
    came = next(desk, EGW_ACTION_REJECTED);
    assert_true(egw_str_is(came->code, "BAD_FIELD"));
    assert_non_null(came->retry_of);
    assert_null(desk_outcome(desk, ""));
}

static void test_no_retry_puts_a_policy_in_force(void **state)
{
    struct desk *desk = *state;
    const struct desk_record *record = &desk->topics[DESK_INBOX].records[0];
    struct egw_str value;

    assert_true(egw_arena_str(&desk->arena, record->value, &value));
    desk_retry(desk, 0, KEY, value, "events/0/0 0 alice");
    desk_run(desk);
    assert_true(egw_str_is(next(desk, EGW_ACTION_DEAD_LETTERED)->because,
                           "a egw.PolicyActivation has no place in this topic"));
}

static void test_a_header_that_names_no_letter_is_pointed_out(void **state)
{
    struct desk *desk = *state;
    const struct egw_outcome *outcome;

    desk_retry(desk, 1, KEY, EGW_STR("poison"), "events/1 by alice");
    desk_run(desk);
    outcome = next(desk, EGW_ACTION_DEAD_LETTERED);
    assert_null(outcome->retry_of);
    assert_int_equal(outcome->warnings.n, 1);
    assert_int_equal(desk_count(desk, DESK_DEAD_LETTERS), 1);
}

static void test_headers_are_read_as_they_are_written(void **state)
{
    static const char *const bad[] = {
        "",
        "events",
        "events/1/2",
        "events/1/2 3",
        "events/1/2 3 ",
        "events/1/2 3 a b",
        "events/1/2 3 moved",
        "events/1/2 3 a moved moved",
        "/1/2 3 a",
        "ev ents/1/2 3 a",
        "events/-1/2 3 a",
        "events/1/x 3 a",
        "events/2147483648/2 3 a",
        "events/1/2 -3 a",
    };
    const struct egw_retry retry = {EGW_STR("a.b-c_D"), INT32_MAX, INT64_MAX, 0,
                                    EGW_STR("alice@litware.example")};
    struct egw_retry read;
    struct egw_buf text = {0};
    bool moved;

    (void)state;
    for (int i = 0; i < 2; i++) {
        egw_buf_clear(&text);
        assert_int_equal(egw_retry_write(&retry, i == 1, &text), EGW_OK);
        assert_true(egw_retry_read(egw_buf_str(&text), &read, &moved));
        assert_int_equal(moved, i == 1);
        assert_true(egw_str_eq(read.topic, retry.topic) && egw_str_eq(read.by, retry.by));
        assert_true(read.partition == INT32_MAX && read.offset == INT64_MAX && read.letter == 0);
    }
    egw_buf_free(&text);
    for (size_t i = 0; i < EGW_COUNT(bad); i++) {
        if (egw_retry_read(egw_str_of(bad[i]), &read, &moved))
            fail_msg("'%s' was read", bad[i]);
    }
    for (int i = 0; i < EGW_DEAD_CLASSES; i++)
        assert_int_equal(egw_dead_class_of(egw_str_of(egw_dead_class_names[i])), i);
    assert_int_equal(egw_dead_class_of(EGW_STR_NONE), EGW_DEAD_CLASSES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(test_a_letter_says_its_class),
        TEST(test_a_retry_once_the_schema_is_known_is_decided_once),
        TEST(test_a_retry_that_fails_again_leaves_the_one_letter),
        TEST(test_a_retry_in_a_strange_partition_moves_and_stays_a_retry),
        TEST(test_a_retry_that_was_moved_is_not_moved_again),
        TEST(test_no_retry_puts_a_policy_in_force),
        TEST(test_a_header_that_names_no_letter_is_pointed_out),
        cmocka_unit_test(test_headers_are_read_as_they_are_written),
    };

    return cmocka_run_group_tests_name("dead", tests, NULL, NULL);
}
