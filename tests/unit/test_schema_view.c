/* What a person sees of a record that cannot be read: how its schema differs, how far it goes. */
#include "support.h"

#include <stdio.h>

#include "egw/records.h"
#include "egw/schema_view.h"

#define FIELD(name, type) "{\"name\":\"" name "\",\"type\":" type "}"
#define RECORD(fields)                                                                             \
    "{\"type\":\"record\",\"name\":\"SupportEvent\",\"namespace\":\"egw\",\"fields\":[" fields "]" \
    "}"
#define TIME "{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"}"

static struct egw_arena arena;

static int empty(void **state)
{
    (void)state;
    egw_arena_free(&arena);
    return 0;
}

static const struct egw_difference *differences(const char *json, size_t *ret_n)
{
    struct egw_list list;
    struct egw_error err;

    if (egw_schema_differences(egw_str_of(json), &egw_type_support_event, &arena, &list, &err))
        fail_msg("%s", err.text);
    *ret_n = list.n;
    return list.p;
}

static void test_the_same_schema_has_no_difference(void **state)
{
    size_t n;

    (void)state;
    (void)differences(egw_type_support_event.json, &n);
    assert_int_equal(n, 0);
}

static void test_each_field_that_differs_says_how_the_worst_first(void **state)
{
    const struct egw_difference *p;
    size_t n, defaults = 0;

    (void)state;
    p = differences(
        RECORD(FIELD("mood", "\"string\"") "," FIELD("event_id", "\"string\"") "," FIELD(
            "event_type", "\"string\"") "," FIELD("partner", "\"int\"") "," //
               FIELD("customer", "\"string\"") "," FIELD("occurred_at", TIME)),
        &n);
    assert_true(n > 3);
    assert_int_equal(p[0].kind, EGW_FIELD_MISSING);
    assert_true(egw_str_is(p[0].field, "case_id"));
    assert_int_equal(p[1].kind, EGW_FIELD_UNFIT);
    assert_true(egw_str_is(p[1].field, "partner"));
    assert_true(egw_str_is(p[1].why, "partner: the writer has int, we read string"));
    for (size_t i = 2; i < n - 1; i++)
        defaults += p[i].kind == EGW_FIELD_DEFAULT;
    assert_int_equal(defaults, n - 3);
    assert_int_equal(p[n - 1].kind, EGW_FIELD_DROPPED);
    assert_true(egw_str_is(p[n - 1].field, "mood"));
}

static void test_what_is_no_record_is_said(void **state)
{
    struct egw_list list;
    struct egw_error err;

    (void)state;
    assert_int_equal(
        egw_schema_differences(EGW_STR("\"int\""), &egw_type_support_event, &arena, &list, &err),
        EGW_INVALID);
    assert_string_equal(err.text, "schema describes no record");
}

#define ALL                                                                                                                                                                           \
    "{\"type\":\"record\",\"name\":\"R\",\"fields\":[" FIELD("s", "\"string\"") "," FIELD(                                                                                            \
        "u",                                                                                                                                                                          \
        "["                                                                                                                                                                           \
        "\"null\",\"long\"]") "," FIELD("e",                                                                                                                                          \
                                        "{\"type\":\"enum\",\"name\":\"E\","                                                                                                          \
                                        "\"symbols\":[\"A\",\"B\"]}") "," FIELD("l",                                                                                                  \
                                                                                "{\"type\":"                                                                                          \
                                                                                "\"array\","                                                                                          \
                                                                                "\"items\":"                                                                                          \
                                                                                "\"int\"}") "," FIELD("m",                                                                            \
                                                                                                      "{\"type\":"                                                                    \
                                                                                                      "\"map\","                                                                      \
                                                                                                      "\"values\":"                                                                   \
                                                                                                      "\"boolean\""                                                                   \
                                                                                                      "}") "," FIELD("f",                                                             \
                                                                                                                     "{\"type\":\"fixed\",\"name\":\"F\",\"size\":2}") "," FIELD("d", \
                                                                                                                                                                                 "\"double\"") "]}"

/*               0       3      5   6                 10                    15        17 */
#define WHOLE                                                                                      \
    "\4hi"                                                                                         \
    "\2\3"                                                                                         \
    "\2"                                                                                           \
    "\4\2\4\0"                                                                                     \
    "\2\2k\1\0"                                                                                    \
    "\xab\xcd"                                                                                     \
    "\0\0\0\0\0\0\xf8\x3f"

static void test_values_are_seen_with_path_and_place(void **state)
{
    static const struct {
        size_t at;
        const char *path, *value;
    } want[] = {{0, "s", "hi"},   {4, "u", "-2"},       {5, "e", "B"},     {7, "l[0]", "1"},
                {8, "l[1]", "2"}, {13, "m[k]", "true"}, {15, "f", "abcd"}, {17, "d", "1.5"}};
    struct egw_list list;
    struct egw_error err = {.text = ""};
    const struct egw_seen *seen;

    (void)state;
    if (egw_schema_walk(EGW_STR(ALL), EGW_STR(WHOLE), &arena, &list, &err))
        fail_msg("%s", err.text);
    assert_int_equal(list.n, EGW_COUNT(want));
    seen = list.p;
    for (size_t i = 0; i < list.n; i++) {
        assert_true(egw_str_is(seen[i].path, want[i].path));
        assert_true(egw_str_is(seen[i].value, want[i].value));
        assert_int_equal(seen[i].at, want[i].at);
    }
}

static void test_where_the_bytes_go_no_further_is_named(void **state)
{
    static const struct {
        struct egw_str body;
        size_t seen;
        const char *why;
    } cases[] = {
        {EGW_STR(""), 0, "s at byte 0: a number is cut off"},
        {EGW_STR("\4h"), 0, "s at byte 1: 2 bytes are needed, but 1 are left"},
        {EGW_STR("\3h"), 0, "s at byte 1: -2 bytes are needed, but 1 are left"},
        {EGW_STR("\4hi\6"), 1, "u at byte 3: the union has no such branch"},
        {EGW_STR("\4hi\0\4"), 2, "e at byte 4: the enum has no such symbol"},
        {EGW_STR("\4hi\0\0\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), 3,
         "l at byte 15: a number is cut off"},
        {EGW_STR("\4hi\0\0\0\2\2k\7"), 3, "m[k] at byte 9: a boolean is neither 0 nor 1"},
        {EGW_STR(WHOLE "x"), 8, "1 bytes are left after the record, at byte 25"},
    };

    (void)state;
    for (size_t i = 0; i < EGW_COUNT(cases); i++) {
        struct egw_list list;
        struct egw_error err = {.text = ""};

        assert_int_equal(egw_schema_walk(EGW_STR(ALL), cases[i].body, &arena, &list, &err),
                         EGW_INVALID);
        assert_string_equal(err.text, cases[i].why);
        assert_int_equal(list.n, cases[i].seen);
    }
}

static void test_few_bytes_cannot_ask_for_much(void **state)
{
    static const char *const schemas[] = {
        "{\"type\":\"array\",\"items\":\"null\"}", /* items that take no bytes */
        "{\"type\":\"record\",\"name\":\"R\",\"fields\":[" FIELD("r", "\"R\"") "]}",
        "{\"type\":\"array\",\"items\":{\"type\":\"record\",\"name\":\"E\",\"fields\":[]}}",
    };

    (void)state;
    for (size_t i = 0; i < EGW_COUNT(schemas); i++) {
        struct egw_list list;
        struct egw_error err;

        assert_int_equal(
            egw_schema_walk(egw_str_of(schemas[i]), EGW_STR("\xfe\xff\x7f"), &arena, &list, &err),
            EGW_INVALID);
        assert_true(list.n <= EGW_VIEW_MAX);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_teardown(name, empty)
        TEST(test_the_same_schema_has_no_difference),
        TEST(test_each_field_that_differs_says_how_the_worst_first),
        TEST(test_what_is_no_record_is_said),
        TEST(test_values_are_seen_with_path_and_place),
        TEST(test_where_the_bytes_go_no_further_is_named),
        TEST(test_few_bytes_cannot_ask_for_much),
    };

    return cmocka_run_group_tests_name("schema_view", tests, NULL, NULL);
}
