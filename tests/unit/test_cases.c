#include "egw/cases.h"

#include <stdlib.h>

#include "support.h"

#define EVENT                                                                                      \
    "{\"event_id\":\"e1\",\"event_type\":\"opened\",\"partner\":\"litware\","                      \
    "\"customer\":\"fabrikam\",\"case_id\":\"CW-1\",\"occurred_at\":\"2026-01-05T08:00:00Z\"}"
#define FACT(level)                                                                                \
    "{\"as_of\":\"2026-01-05T08:00:00Z\",\"source\":\"t\","                                        \
    "\"body\":{\"membership\":{\"partner\":\"litware\",\"level\":\"" level "\"}}}"
#define CASE_WITH(more) "{\"now\":\"2026-01-05T08:30:00Z\",\"event\":" EVENT "," more "}"

static void test_cases_know_the_shared_facts_first(void **state)
{
    static const char text[] = "{\"facts\":[" FACT("gold") "],\"cases\":[" CASE_WITH(
        "\"name\":\"first\",\"expect\":{"
        "\"action\":\"HANDOFF\",\"code\":"
        "\"\"}") "," CASE_WITH("\"facts\":[" FACT("silver") "],\"expect\":{\"rule\":\"r1\"}") "]}";
    struct egw_arena arena = {0};
    struct egw_policy_case *cases = NULL;
    struct egw_error err = {0};
    size_t n = 0;

    (void)state;
    if (egw_cases_read(EGW_STR(text), &arena, &cases, &n, &err))
        fail_msg("%s", err.text);
    assert_int_equal(n, 2);
    assert_true(egw_str_is(cases[0].name, "first"));
    assert_true(egw_str_is(cases[0].expect.action, "HANDOFF"));
    assert_true(cases[0].expect.code.p && cases[0].expect.code.n == 0);
    assert_null(cases[0].expect.rule.p);
    assert_int_equal(cases[0].fact_count, 1);
    assert_int_equal(cases[0].now_ms, 1767601800000);
    assert_true(egw_str_is(cases[1].name, "CW-1")); /* without a name: the event's case */
    assert_int_equal(cases[1].fact_count, 2);
    assert_true(
        egw_str_is(((const struct egw_membership *)cases[1].facts[1].body.p)->level, "silver"));
    egw_arena_free(&arena);
}

static void test_faults_name_their_place(void **state)
{
    static const struct {
        const char *text, *expected;
    } cases[] = {
        {"{\"cases\":[]}", "cases: must be a list of at least one case"},
        {"[]", "the file: must be an object"},
        {"{\"case\":[]}", "the file: unknown field case"},
        {"{\"cases\":[7]}", "cases[0]: must be an object"},
        {"{\"cases\":[" CASE_WITH("\"expected\":{}") "]}", "cases[0]: unknown field expected"},
        {"{\"cases\":[" CASE_WITH("\"expect\":{}") "]}", "cases[0].expect: expects nothing"},
        {"{\"cases\":[" CASE_WITH("\"name\":\"x\"") "]}", "cases[0].expect: must be an object"},
        {"{\"cases\":[" CASE_WITH("\"expect\":{\"rule\":1}") "]}",
         "cases[0].expect.rule: must be a text"},
        {"{\"cases\":[" CASE_WITH("\"expect\":{\"rule\":\"r\",\"reason\":\"\"}") "]}",
         "cases[0].expect: unknown field reason"},
        {"{\"cases\":[" CASE_WITH("\"so_far\":{\"approval\":\"maybe\"}") "]}",
         "cases[0].so_far.approval: must be approved or declined"},
        {"{\"cases\":[" CASE_WITH("\"so_far\":{\"released\":1}") "]}",
         "cases[0].so_far.released: must be true or false"},
        {"{\"cases\":[" CASE_WITH("\"so_far\":{\"not_incident\":[\"EX1\",2]}") "]}",
         "cases[0].so_far.not_incident[1]: must be a text"},
        {"{\"cases\":[" CASE_WITH("\"so_far\":{\"phase\":\"held\"}") "]}",
         "cases[0].so_far: unknown field phase"},
        {"{\"cases\":[" CASE_WITH("\"facts\":{},\"expect\":{\"rule\":\"r\"}") "]}",
         "cases[0].facts: must be a list"},
        {"{\"facts\":1,\"cases\":[" CASE_WITH("\"expect\":{\"rule\":\"r\"}") "]}",
         "facts: must be a list"},
        {"{\"cases\":[{\"now\":\"soon\",\"event\":" EVENT ",\"expect\":{\"rule\":\"r\"}}]}",
         "cases[0].now: must be a time such as 2026-01-05T08:00:00Z"},
        {"{\"cases\":[{\"now\":\"2026-01-05\",\"expect\":{\"rule\":\"r\"}}]}",
         "cases[0].event: is missing"},
    };

    (void)state;
    for (size_t i = 0; i < EGW_COUNT(cases); i++) {
        struct egw_arena arena = {0};
        struct egw_policy_case *list = NULL;
        struct egw_error err = {0};
        size_t n = 0;

        assert_int_equal(egw_cases_read(egw_str_of(cases[i].text), &arena, &list, &n, &err),
                         EGW_INVALID);
        assert_string_equal(err.text, cases[i].expected);
        assert_null(list);
        egw_arena_free(&arena);
    }
}

static void test_a_record_inside_is_read_as_strictly_as_alone(void **state)
{
    static const struct {
        const char *text, *begins;
    } cases[] = {
        {"{\"cases\":[{\"now\":\"2026-01-05\",\"event\":{\"event_id\":\"e\"},\"expect\":{}}]}",
         "cases[0].event: "},
        {"{\"facts\":[" FACT("gold") ",{\"as_of\":1}],\"cases\":[" CASE_WITH(
             "\"expect\":{\"rule\":\"r\"}") "]}",
         "facts[1]: "},
        {"{\"cases\":[],\"cases\":[]}", "line 1, column "},
        {"{\"cases\":[}", "line 1, column "},
        {"", "line 1, column "},
    };

    (void)state;
    for (size_t i = 0; i < EGW_COUNT(cases); i++) {
        struct egw_arena arena = {0};
        struct egw_policy_case *list = NULL;
        struct egw_error err = {0};
        size_t n = 0;

        assert_int_equal(egw_cases_read(egw_str_of(cases[i].text), &arena, &list, &n, &err),
                         EGW_INVALID);
        if (strncmp(err.text, cases[i].begins, strlen(cases[i].begins)) != 0)
            fail_msg("'%s' does not begin with '%s'", err.text, cases[i].begins);
        egw_arena_free(&arena);
    }
}

static void test_the_cases_of_the_story_are_readable(void **state)
{
    struct egw_arena arena = {0};
    struct egw_policy_case *cases = NULL;
    struct egw_error err = {0};
    size_t n = 0, text_n = 0;
    char *text = read_file(EGW_SOURCE_DIR "/config/policy/tests/story.json", &text_n);

    (void)state;
    assert_non_null(text);
    if (egw_cases_read((struct egw_str){text, text_n}, &arena, &cases, &n, &err))
        fail_msg("%s", err.text);
    assert_int_equal(n, 6);
    free(text);
    egw_arena_free(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases_know_the_shared_facts_first),
        cmocka_unit_test(test_faults_name_their_place),
        cmocka_unit_test(test_a_record_inside_is_read_as_strictly_as_alone),
        cmocka_unit_test(test_the_cases_of_the_story_are_readable),
    };

    return cmocka_run_group_tests_name("cases", tests, NULL, NULL);
}
