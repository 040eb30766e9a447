/* What a report says of the facts on record. */
#include "support.h"

#include "egw/findings.h"
#include "egw/json.h"

#define NOW "2026-01-05T09:00:00Z"

static struct egw_facts *facts;
static struct egw_arena arena;

static int setup(void **state EGW_UNUSED)
{
    facts = egw_facts_new();
    return facts ? 0 : -1;
}

static int teardown(void **state EGW_UNUSED)
{
    egw_facts_free(facts);
    egw_arena_free(&arena);
    return 0;
}

static enum egw_status take(const char *as_of, const char *body, struct egw_error *err)
{
    struct egw_str line =
        egw_arena_printf(&arena, "{\"as_of\":\"%s\",\"source\":\"t\",\"body\":%s}", as_of, body);
    struct egw_buf key = {0};
    struct egw_reference reference;
    enum egw_status st;

    if (egw_json_read(line, &egw_type_reference, &arena, &reference, err) ||
        egw_reference_key(&reference, &key, err))
        fail_msg("%s", err->text);
    st = egw_facts_take(facts, egw_buf_str(&key), &reference, 1, err);
    egw_buf_free(&key);
    return st;
}

static void put(const char *as_of, const char *body)
{
    struct egw_error err;

    if (take(as_of, body, &err))
        fail_msg("%s", err.text);
}

static bool is_office(const void *policy, struct egw_str id)
{
    assert_string_equal(policy, "policy");
    return egw_str_is(id, "office");
}

static const char *report(void)
{
    int64_t max_age[EGW_REF_COUNT] = {[EGW_REF_ACCESS] = INT64_C(7) * 86400000};
    struct egw_findings_ask ask = {
        .facts = facts, .max_age_ms = max_age, .has_calendar = is_office, .policy = "policy"};
    struct egw_str text = EGW_STR(""), more;
    const struct egw_finding *list;
    struct egw_list found;

    assert_true(egw_time_parse(EGW_STR(NOW), &ask.now_ms));
    assert_int_equal(egw_findings(&ask, &arena, &found), EGW_OK);
    list = found.p;
    for (size_t i = 0; i < found.n; i++) {
        more = egw_arena_printf(&arena, "%.*s%s %.*s: %.*s\n", EGW_FMT(text), list[i].kind,
                                EGW_FMT(list[i].key), EGW_FMT(list[i].text));
        text = more;
    }
    return text.p;
}

#define RELATION "{\"relation\":{\"partner\":\"litware\",\"customer\":\"adatum\"}}"
#define STATEMENT(fields)                                                                          \
    "{\"statement\":{\"partner\":\"litware\",\"customer\":\"adatum\",\"version\":\"v1\"," fields   \
    "}}"
#define GOOD                                                                                       \
    "\"support\":\"all\",\"hours\":\"mon-fri\",\"contact\":\"phone\",\"charge\":false,"            \
    "\"since\":\"2025-01-01T00:00:00Z\""
#define CALENDAR                                                                                   \
    "{\"calendar\":{\"id\":\"mon-fri\",\"zone\":\"UTC\",\"hours\":[\"mon-fri 09:00-17:00\"]}}"

static void test_S38_a_customer_without_a_statement_is_named(void **state EGW_UNUSED)
{
    put(NOW, RELATION);
    assert_string_equal(report(), "no-statement relation/litware/adatum: no statement of support "
                                  "tells this customer what support it has, when, how and at what "
                                  "price\n");
    put(NOW, STATEMENT(GOOD));
    put(NOW, CALENDAR);
    assert_string_equal(report(), "");
}

static void test_S38_a_statement_to_come_is_none_yet(void **state EGW_UNUSED)
{
    put(NOW, RELATION);
    put(NOW, CALENDAR);
    put(NOW, STATEMENT("\"support\":\"all\",\"hours\":\"mon-fri\",\"contact\":\"phone\",\"charge\":"
                       "false,\"since\":\"2026-02-01T00:00:00Z\""));
    assert_string_equal(report(), "no-statement relation/litware/adatum: the statement of support "
                                  "is in force from 2026-02-01 only\n");
}

static void test_a_customer_who_left_needs_none(void **state EGW_UNUSED)
{
    put(NOW, "{\"relation\":{\"partner\":\"litware\",\"customer\":\"adatum\",\"active\":false}}");
    assert_string_equal(report(), "");
}

static void test_S39_hours_name_a_calendar_on_record(void **state EGW_UNUSED)
{
    put(NOW, STATEMENT(GOOD));
    assert_string_equal(report(), "no-calendar statement/litware/adatum: the hours of service name "
                                  "the calendar mon-fri, which nobody supplied\n");
    put(NOW, STATEMENT("\"support\":\"all\",\"hours\":\"office\",\"contact\":\"phone\",\"since\":1,"
                       "\"charge\":false")); /* the policy's own */
    assert_string_equal(report(), "");
    put(NOW, STATEMENT("\"support\":\"all\",\"hours\":\"24x7\",\"contact\":\"phone\",\"since\":1,"
                       "\"charge\":false"));
    assert_string_equal(report(), "");
    put(NOW, "{\"delivery\":{\"partner\":\"litware\",\"customer\":\"adatum\",\"service\":\"*\","
             "\"model\":\"direct\",\"entity\":\"e\",\"queue\":\"q\",\"hours\":\"nights\"}}");
    assert_string_equal(report(), "no-calendar delivery/litware/adatum/*: the hours of delivery "
                                  "name the calendar nights, which nobody supplied\n");
}

/* S09: of a customer who is still the partner's. */
static void test_S09_access_that_was_lost_is_named(void **state EGW_UNUSED)
{
    static const char *const lost[] = {"expired", "expiring", "terminated", "Terminating"};

    put(NOW, STATEMENT("\"support\":\"all\",\"hours\":\"24x7\",\"contact\":\"phone\",\"since\":1,"
                       "\"charge\":false"));
    for (size_t i = 0; i < EGW_COUNT(lost); i++) {
        struct egw_str body =
            egw_arena_printf(&arena,
                             "{\"access\":{\"partner\":\"litware\",\"customer\":\"adatum\","
                             "\"assigned\":true,\"status\":\"%s\"}}",
                             lost[i]);

        put(NOW, RELATION);
        put(NOW, body.p);
        body = egw_arena_printf(&arena,
                                "access-ended access/litware/adatum: delegated access to this "
                                "customer is %s\n",
                                lost[i]);
        assert_string_equal(report(), body.p);
        body = egw_arena_printf(
            &arena,
            "{\"access\":{\"partner\":\"litware\",\"customer\":\"adatum\","
            "\"assigned\":true,\"status\":\"%s\",\"ends_at\":\"2026-01-03T00:00:00Z\"}}",
            lost[i]);
        put(NOW, body.p);
        assert_non_null(strstr(report(), ", since 2026-01-03\n"));
        put(NOW,
            "{\"relation\":{\"partner\":\"litware\",\"customer\":\"adatum\",\"active\":false}}");
        assert_string_equal(report(), "");
    }
}

static void test_S40_S41_an_incomplete_statement_is_refused(void **state EGW_UNUSED)
{
    static const struct {
        const char *body, *expected;
    } cases[] = {
        {STATEMENT(
             "\"support\":\"\",\"hours\":\"h\",\"contact\":\"c\",\"charge\":false,\"since\":1"),
         "the statement of support does not say what support is provided"},
        {STATEMENT(
             "\"support\":\"s\",\"hours\":\"\",\"contact\":\"c\",\"charge\":false,\"since\":1"),
         "the statement of support does not say the hours of service"},
        {STATEMENT(
             "\"support\":\"s\",\"hours\":\"h\",\"contact\":\"\",\"charge\":false,\"since\":1"),
         "the statement of support does not say the contact method"},
        {STATEMENT(
             "\"support\":\"s\",\"hours\":\"h\",\"contact\":\"c\",\"charge\":true,\"since\":1"),
         "the statement of support does not say the price of the support that is charged"},
    };
    struct egw_error err;

    for (size_t i = 0; i < EGW_COUNT(cases); i++) {
        assert_int_equal(take(NOW, cases[i].body, &err), EGW_INVALID);
        assert_string_equal(err.text, cases[i].expected);
    }
    put(NOW, STATEMENT("\"support\":\"s\",\"hours\":\"h\",\"contact\":\"c\",\"charge\":true,"
                       "\"price\":\"90 EUR\",\"since\":1"));
    put(NOW, STATEMENT("\"support\":\"s\",\"hours\":\"h\",\"contact\":\"c\",\"charge\":false,"
                       "\"since\":1"));
}

static void test_S09_access_that_ends_within_30_days_is_named(void **state EGW_UNUSED)
{
    static const struct {
        const char *fields, *expected;
    } cases[] = {
        {"\"status\":\"active\",\"ends_at\":\"2026-02-04T09:00:00Z\"",
         "access-ends access/litware/adatum: delegated access ends on 2026-02-04 and does not "
         "extend itself\n"},
        {"\"status\":\"active\",\"ends_at\":\"2026-02-04T09:00:00.001Z\"", ""},
        {"\"status\":\"active\",\"ends_at\":\"2026-01-20T00:00:00Z\",\"auto_extend\":true", ""},
        {"\"status\":\"active\",\"ends_at\":\"2026-01-05T09:00:00Z\"",
         "access-ended access/litware/adatum: delegated access ended on 2026-01-05\n"},
        {"\"status\":\"expired\",\"ends_at\":\"2026-01-05T09:00:00Z\"", ""}, /* nobody's customer */
        {"\"status\":\"active\"", ""},
    };

    for (size_t i = 0; i < EGW_COUNT(cases); i++) {
        struct egw_str body =
            egw_arena_printf(&arena,
                             "{\"access\":{\"partner\":\"litware\",\"customer\":\"adatum\","
                             "\"assigned\":true,%s}}",
                             cases[i].fields);

        put(NOW, body.p);
        assert_string_equal(report(), cases[i].expected);
    }
}

static void test_a_fact_past_its_age_is_named(void **state EGW_UNUSED)
{
    put("2025-12-29T09:00:00Z", "{\"access\":{\"partner\":\"litware\",\"customer\":\"adatum\","
                                "\"status\":\"active\",\"assigned\":true}}");
    assert_string_equal(report(), "");
    put("2025-12-29T08:59:59Z", "{\"access\":{\"partner\":\"litware\",\"customer\":\"adatum\","
                                "\"status\":\"active\",\"assigned\":true}}");
    assert_string_equal(report(), "too-old access/litware/adatum: read on 2025-12-29: past the age "
                                  "the policy allows, it counts as unknown\n");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_S38_a_customer_without_a_statement_is_named),
        TEST(test_S38_a_statement_to_come_is_none_yet),
        TEST(test_a_customer_who_left_needs_none),
        TEST(test_S39_hours_name_a_calendar_on_record),
        TEST(test_S40_S41_an_incomplete_statement_is_refused),
        TEST(test_S09_access_that_ends_within_30_days_is_named),
        TEST(test_S09_access_that_was_lost_is_named),
        TEST(test_a_fact_past_its_age_is_named),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
