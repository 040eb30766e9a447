/* Rows of the requirements that no single module answers for, each by its id, on the shipped
 * policy. */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>

#include "desk.h"
#include "egw/hash.h"

#define NOW        INT64_C(1767601800000) /* 2026-01-05T08:30:00Z, the clock of the story */
#define FACT(body) "{\"as_of\":\"2026-01-05T08:20:00Z\",\"source\":\"t\",\"body\":{" body "}}"

static int setup(void **state)
{
    static const char *const facts[] = {
        FACT("\"partner\":{\"partner\":\"litware\",\"kind\":\"direct-bill\",\"csp\":true,"
             "\"contact_name\":\"Ops\",\"contact_email\":\"ops@litware.example\"}"),
        FACT("\"relation\":{\"partner\":\"litware\",\"customer\":\"adatum\",\"tenant\":\"t-"
             "adatum\"}"),
        FACT("\"access\":{\"partner\":\"litware\",\"customer\":\"adatum\",\"status\":\"active\","
             "\"assigned\":true,\"roles\":[\"Service Support Administrator\"]}"),
        FACT("\"contract\":{\"partner\":\"litware\",\"plan\":\"advanced\"}"),
        FACT("\"statement\":{\"partner\":\"litware\",\"customer\":\"adatum\",\"version\":\"v1\","
             "\"support\":\"all\",\"hours\":\"h\",\"contact\":\"phone\",\"charge\":false,\"since\":"
             "0}"),
    };
    struct desk *desk = desk_new(NOW);

    for (size_t i = 0; i < EGW_COUNT(facts); i++)
        desk_fact(desk, facts[i]);
    desk_run(desk);
    *state = desk;
    return 0;
}

static int teardown(void **state)
{
    desk_free(*state);
    return 0;
}

static void is(struct egw_str text, const char *expected)
{
    if (!egw_str_is(text, expected))
        fail_msg("'%.*s' is not '%s'", EGW_FMT(text), expected);
}

static const struct egw_outcome *event(struct desk *desk, const char *type, const char *case_id,
                                       const char *fields)
{
    static int number;
    char line[4096];

    (void)snprintf(line, sizeof(line),
                   "{\"event_id\":\"e%d\",\"event_type\":\"%s\",\"partner\":\"litware\","
                   "\"customer\":\"adatum\",\"case_id\":\"%s\","
                   "\"occurred_at\":\"2026-01-05T08:20:00Z\"%s}",
                   number++, type, case_id, fields);
    desk_event(desk, line);
    desk_run(desk);
    return desk_outcome(desk, case_id);
}

static void expect(const struct egw_outcome *outcome, const char *action, const char *code)
{
    assert_non_null(outcome);
    if (strcmp(egw_action_names[outcome->action], action) != 0)
        fail_msg("%s/%.*s is not %s: %.*s", egw_action_names[outcome->action],
                 EGW_FMT(outcome->code), action, EGW_FMT(outcome->because));
    is(outcome->code, code);
}

#define TEXTS                                                                                      \
    ",\"title\":\"It fails\",\"text\":\"It fails for everybody\","                                 \
    "\"started_at\":\"2026-01-05T08:10:00Z\""
#define TRIED                                                                                      \
    ",\"diagnosis\":[{\"kind\":\"attempt\",\"step\":\"restarted\",\"result\":\"no change\","       \
    "\"at\":\"2026-01-05T08:15:00Z\"}]"
#define TECHNICAL(service) ",\"domain\":\"technical\",\"service\":\"" service "\"" TEXTS TRIED
#define BILLING            ",\"domain\":\"billing\",\"service\":\"Office 365\"" TEXTS TRIED

static void test_S01_what_is_no_support_event_is_rejected_and_the_next_is_decided(void **state)
{
    expect(event(*state, "dinner", "c1", BILLING), "REJECTED", "UNKNOWN_EVENT_TYPE");
    expect(event(*state, "opened", "c1", BILLING), "HANDOFF", "");
}

static void test_S02_each_outcome_names_the_policy_of_its_time(void **state)
{
    unsigned char first[EGW_SHA256];
    const struct egw_outcome *outcome = event(*state, "opened", "c1", BILLING);

    memcpy(first, outcome->policy, EGW_SHA256);
    desk_amend(*state, "more.cfg", "plans = [\"educational\"];\n");
    outcome = event(*state, "opened", "c2", BILLING);
    expect(outcome, "HANDOFF", "");
    assert_memory_not_equal(first, outcome->policy, EGW_SHA256);
}

/* Whatever the desk reports: a technical case that reached a channel says what was known of health.
 */
static void test_S13_no_technical_case_reaches_a_channel_without_a_word_on_health(void **state)
{
    static const char *const services[] = {"Exchange Online", "Dynamics 365", "Azure",
                                           "SQL Server",      "Teams",        "nonsense"};
    static const char *const domains[] = {"technical", "technical", "billing", "subscription"};
    static const char *const symptoms[] = {"outage", "degraded", "error", "configuration"};
    static const char *const severities[] = {"A", "B", "C"};
    static const char *const asks[] = {"issue", "issue", "issue", "question"};
    size_t channels = 0;
    uint32_t random = 1;

    desk_fact(*state, FACT("\"health_snapshot\":{\"customer\":\"adatum\",\"service\":\"Teams\","
                           "\"status\":\"serviceOperational\"}"));
    for (int i = 0; i < 1000; i++) {
        const struct egw_outcome *outcome;
        char id[16], fields[512];

        random = random * 1664525u + 1013904223u;
        (void)snprintf(id, sizeof(id), "c%d", i);
        (void)snprintf(fields, sizeof(fields),
                       ",\"domain\":\"%s\",\"service\":\"%s\",\"symptom\":\"%s\",\"severity\":"
                       "\"%s\",\"ask\":\"%s\"%s%s",
                       domains[random >> 8 & 3], services[(random >> 10) % 6],
                       symptoms[random >> 14 & 3], severities[(random >> 16) % 3],
                       asks[random >> 20 & 3], random >> 22 & 1 ? TEXTS : "",
                       random >> 23 & 1 ? TRIED : "");
        outcome = event(*state, "opened", id, fields);
        assert_non_null(outcome);
        if (!outcome->channel.n || !egw_str_is(outcome->domain, "technical"))
            continue;
        channels++;
        if (!egw_str_is(outcome->health, "known") && !egw_str_is(outcome->health, "unknown") &&
            !egw_str_is(outcome->health, "stale"))
            fail_msg("case %s says '%.*s' of health", id, EGW_FMT(outcome->health));
    }
    assert_true(channels > 30);
}

static void test_S14_interruption_and_degradation_look_at_health(void **state)
{
    static const char *const symptoms[] = {"outage", "degraded"};

    desk_fact(*state, FACT("\"health_snapshot\":{\"customer\":\"adatum\",\"service\":\"Exchange "
                           "Online\",\"status\":\"serviceOperational\"}"));
    for (size_t i = 0; i < EGW_COUNT(symptoms); i++) {
        const struct egw_outcome *outcome;
        char fields[512];

        (void)snprintf(fields, sizeof(fields), "%s,\"symptom\":\"%s\"",
                       TECHNICAL("Exchange Online"), symptoms[i]);
        outcome = event(*state, "opened", symptoms[i], fields);
        expect(outcome, "HANDOFF", "");
        is(outcome->health, "known");
        assert_string_equal(desk_fact_value(outcome, "health"), "ok");
    }
}

/* Bad or good, repeated or late: one answer for each. */
static void test_S43_every_event_has_exactly_one_outcome(void **state)
{
    static const char *const types[] = {"opened",   "updated", "opened",      "closed",
                                        "reopened", "dinner",  "case-number", "confirmed"};
    struct desk *desk = *state;
    size_t before = desk_count(desk, DESK_OUTCOMES);

    for (size_t i = 0; i < EGW_COUNT(types); i++)
        (void)event(desk, types[i], "c1", BILLING);
    assert_int_equal(desk_count(desk, DESK_OUTCOMES), before + EGW_COUNT(types));
}

static void test_S44_the_findings_go_with_the_case(void **state)
{
    const struct egw_escalation *command;
    const struct egw_diagnosis *steps;

    expect(event(*state, "opened", "c1", TECHNICAL("Dynamics 365")), "HANDOFF", "");
    command = desk_command(*state, "c1");
    assert_non_null(command);
    assert_int_equal(command->diagnosis.n, 1);
    steps = command->diagnosis.p;
    is(steps[0].step, "restarted");
    is(steps[0].result, "no change");
    assert_true(steps[0].at.has);
}

static void test_S46_the_outcome_names_the_rule_on_either_side_of_the_boundary(void **state)
{
    const struct egw_outcome *outcome =
        event(*state, "opened", "c1", TECHNICAL("Dynamics 365") ",\"ask\":\"question\"");

    expect(outcome, "BASELINE", "ANSWER");
    is(outcome->rule, "baseline.question");
    is(outcome->boundary, "baseline.question");
    outcome = event(*state, "opened", "c2", TECHNICAL("Dynamics 365"));
    expect(outcome, "HANDOFF", "");
    is(outcome->rule, "dynamics.advanced");
    is(outcome->boundary, "baseline.beyond");
    outcome = event(*state, "opened", "c3", TECHNICAL("Zebra Printer")); /* it never came so far */
    expect(outcome, "NO_POLICY", "");
    is(outcome->boundary, "");
}

static void test_S48_a_held_case_has_an_owner_and_no_command(void **state)
{
    const struct egw_outcome *outcome =
        event(*state, "opened", "c1", TECHNICAL("Dynamics 365") ",\"topic\":\"root-cause\"");

    expect(outcome, "HELD", "POLICY");
    is(outcome->owner, "desk");
    assert_true(outcome->due_at.has);
    assert_null(desk_command(*state, "c1"));
}

static void test_S57_each_domain_has_its_own_rules(void **state)
{
    is(event(*state, "opened", "c1", BILLING)->rule, "commercial.billing");
    is(event(*state, "opened", "c2",
             ",\"domain\":\"subscription\",\"service\":\"Office 365\"" TEXTS TRIED)
           ->rule,
       "commercial.subscription");
    is(event(*state, "opened", "c3", TECHNICAL("Office 365"))->rule, "m365.advanced");
}

static void test_S58_two_services_answer_the_same_symptom_differently(void **state)
{
#define COST                                                                                       \
    ",\"symptom\":\"cost-analysis\",\"title\":\"t\",\"text\":\"t\",\"domain\":"                    \
    "\"technical\",\"started_at\":1,\"subscription\":\"s\",\"diagnosis\":[{\"kind\":"              \
    "\"check\",\"step\":\"s\",\"result\":\"r\"}]"
    desk_fact(*state, FACT("\"access\":{\"partner\":\"litware\",\"customer\":\"adatum\",\"status\":"
                           "\"active\",\"assigned\":true,\"rbac\":[\"s\"],\"roles\":[\"Service "
                           "Support Administrator\"]}"));
    expect(event(*state, "opened", "c1", COST ",\"service\":\"Azure\""), "BASELINE", "REMEDY");
    expect(event(*state, "opened", "c2", COST ",\"service\":\"Teams\""), "HANDOFF", "");
}

static void test_S63_a_new_service_comes_in_by_an_activation_alone(void **state)
{
    expect(event(*state, "opened", "c1", TECHNICAL("Teleporter")), "NO_POLICY", "");
    desk_amend(*state, "teleporter.cfg",
               "services = ( { id = \"teleporter\"; name = \"Teleporter\"; cloud = true;\n"
               "    family = \"microsoft-365\"; } );\n");
    expect(event(*state, "opened", "c2", TECHNICAL("Teleporter")), "HANDOFF", "");
    assert_null(desk_outcome(*state, "c1")); /* what was decided stays decided */
    desk_restart(*state);
    desk_run(*state);
    expect(event(*state, "opened", "c3", TECHNICAL("Teleporter")), "HANDOFF", "");
}

/* The outcome topic alone tells a case's course: what came, what was known, why, where it went, how
 * it ended. */
static void test_S64_the_course_of_a_case_is_told_by_its_outcomes(void **state)
{
    const struct egw_outcome *first =
        event(*state, "opened", "c1", TECHNICAL("Dynamics 365") ",\"severity\":\"C\"");
    const struct egw_outcome *number, *last;

    expect(first, "HANDOFF", "");
    is(first->event_type, "opened");
    is(first->health, "unknown");
    is(first->rule, "dynamics.advanced");
    is(first->channel, "advanced");
    assert_string_equal(desk_fact_value(first, "attempt"), "failed");
    assert_string_equal(desk_fact_value(first, "access"), "active");
    assert_non_null(first->command_id);
    number = event(*state, "case-number", "c1", ",\"number\":\"2601\"");
    expect(number, "NOTED", "CASE_NUMBER");
    is(number->number, "2601");
    last = event(*state, "case-state", "c1", ",\"state\":\"closed\"");
    expect(last, "CLOSED", "MICROSOFT");
    assert_true(last->final);
    is(last->number, "2601");
}

static void test_S66_any_language_is_byte_equal_in_the_package_and_a_digest_outside(void **state)
{
    static const char text[] = "R\u00e9ponses \u00e0 l\u2019envers \u2014 \u4f1a\u8b70 \U0001f525";
    const struct egw_escalation *command;
    const struct egw_outcome *outcome;
    struct egw_sha256 digest;
    char fields[512];

    (void)snprintf(fields, sizeof(fields),
                   ",\"domain\":\"billing\",\"service\":\"Office 365\",\"title\":\"\u00e9\","
                   "\"text\":\"%s\"" TRIED,
                   text);
    outcome = event(*state, "opened", "c1", fields);
    expect(outcome, "HANDOFF", "");
    egw_sha256(text, sizeof(text) - 1, &digest);
    assert_memory_equal(outcome->text_digest, digest.b, EGW_SHA256);
    command = desk_command(*state, "c1");
    assert_non_null(command);
    is(command->text, text);
    is(command->title, "\u00e9");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_S01_what_is_no_support_event_is_rejected_and_the_next_is_decided),
        TEST(test_S02_each_outcome_names_the_policy_of_its_time),
        TEST(test_S13_no_technical_case_reaches_a_channel_without_a_word_on_health),
        TEST(test_S14_interruption_and_degradation_look_at_health),
        TEST(test_S43_every_event_has_exactly_one_outcome),
        TEST(test_S44_the_findings_go_with_the_case),
        TEST(test_S46_the_outcome_names_the_rule_on_either_side_of_the_boundary),
        TEST(test_S48_a_held_case_has_an_owner_and_no_command),
        TEST(test_S57_each_domain_has_its_own_rules),
        TEST(test_S58_two_services_answer_the_same_symptom_differently),
        TEST(test_S63_a_new_service_comes_in_by_an_activation_alone),
        TEST(test_S64_the_course_of_a_case_is_told_by_its_outcomes),
        TEST(test_S66_any_language_is_byte_equal_in_the_package_and_a_digest_outside),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
