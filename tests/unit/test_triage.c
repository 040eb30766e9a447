/* What triage does with events, facts and time, on the shipped policy: every claim about one
 * trigger and its one outcome. */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>

#include "desk.h"
#include "egw/chain.h"
#include "egw/hash.h"

#define NOW INT64_C(1767601800000) /* 2026-01-05T08:30:00Z, the clock of the story */

static int setup(void **state)
{
    struct desk *desk = desk_new(NOW);

    desk_fact(desk, "{\"as_of\":\"2026-01-05T06:00:00Z\",\"source\":\"t\",\"body\":{\"partner\":"
                    "{\"partner\":\"litware\",\"kind\":\"indirect-provider\",\"csp\":true,"
                    "\"contact_name\":\"Ops\",\"contact_email\":\"ops@litware.example\"}}}");
    desk_fact(desk, "{\"as_of\":\"2026-01-05T06:00:00Z\",\"source\":\"t\",\"body\":{\"relation\":"
                    "{\"partner\":\"litware\",\"customer\":\"adatum\",\"tenant\":\"t-adatum\","
                    "\"domains\":[\"adatum.example\"]}}}");
    desk_fact(desk, "{\"as_of\":\"2026-01-05T06:00:00Z\",\"source\":\"t\",\"body\":{\"access\":"
                    "{\"partner\":\"litware\",\"customer\":\"adatum\",\"status\":\"active\","
                    "\"assigned\":true,\"roles\":[\"Service Support Administrator\"]}}}");
    desk_fact(desk, "{\"as_of\":\"2026-01-05T06:00:00Z\",\"source\":\"t\",\"body\":{\"contract\":"
                    "{\"partner\":\"litware\",\"plan\":\"advanced\","
                    "\"ends_at\":\"2026-06-30T00:00:00Z\"}}}");
    desk_run(desk);
    *state = desk;
    return 0;
}

static int teardown(void **state)
{
    desk_free(*state);
    return 0;
}

/* An event of litware/adatum with more fields at the end. */
static void event(struct desk *desk, const char *id, const char *type, const char *case_id,
                  const char *more)
{
    char line[4096];

    (void)snprintf(line, sizeof(line),
                   "{\"event_id\":\"%s\",\"event_type\":\"%s\",\"partner\":\"litware\","
                   "\"customer\":\"adatum\",\"case_id\":\"%s\","
                   "\"occurred_at\":\"2026-01-05T08:20:00Z\"%s}",
                   id, type, case_id, more);
    desk_event(desk, line);
}

/* Billing is handed off to Commercial whatever the access: the shortest way to a command. */
#define BILLING                                                                                    \
    ",\"domain\":\"billing\",\"ask\":\"issue\",\"service\":\"Office 365\",\"severity\":\"C\","     \
    "\"title\":\"Charged twice\",\"text\":\"40 seats were charged twice\","                        \
    "\"diagnosis\":[{\"kind\":\"check\",\"step\":\"compared with the order\",\"result\":\"one "    \
    "order\"}]"

static void expect(struct desk *desk, const char *case_id, const char *want)
{
    const struct egw_outcome *outcome = desk_outcome(desk, case_id);
    char got[128];

    if (!outcome)
        fail_msg("no outcome, wanted %s", want);
    (void)snprintf(got, sizeof(got), "%s%s%.*s", egw_action_names[outcome->action],
                   outcome->code.n ? "/" : "", EGW_FMT(outcome->code));
    if (strcmp(got, want) != 0)
        fail_msg("%s: %s, wanted %s (%.*s)", case_id, got, want, EGW_FMT(outcome->because));
}

static void expect_nothing(struct desk *desk)
{
    assert_null(desk_outcome(desk, ""));
}

static void test_a_billing_issue_becomes_one_command(void **state)
{
    struct desk *desk = *state;
    const struct egw_escalation *command;

    event(desk, "e1", "opened", "c1", BILLING);
    desk_run(desk);
    expect(desk, "c1", "HANDOFF");
    command = desk_command(desk, "c1");
    assert_non_null(command);
    assert_true(egw_str_is(command->channel, "commercial"));
    assert_true(egw_str_is(command->text, "40 seats were charged twice"));
    assert_non_null(command->contact);
    assert_true(egw_str_is(command->contact->email, "ops@litware.example"));
}

static void test_the_same_event_again_is_a_duplicate_and_names_the_first(void **state)
{
    struct desk *desk = *state;
    const struct egw_outcome *first, *second;

    event(desk, "e1", "opened", "c1", BILLING);
    event(desk, "e1", "opened", "c1", BILLING);
    desk_run(desk);
    first = desk_outcome(desk, "c1");
    second = desk_outcome(desk, "c1");
    assert_int_equal(second->action, EGW_ACTION_DUPLICATE);
    assert_int_equal(second->code.n, 0);
    assert_true(second->first_seq.has);
    assert_int_equal(second->first_seq.v, first->seq);
    assert_int_equal(desk_count(desk, DESK_ESCALATIONS), 1);
}

static void test_the_same_id_with_other_content_is_a_conflict(void **state)
{
    struct desk *desk = *state;

    event(desk, "e1", "opened", "c1", BILLING);
    event(desk, "e1", "opened", "c1", BILLING ",\"impact\":\"other\"");
    desk_run(desk);
    expect(desk, "c1", "HANDOFF");
    expect(desk, "c1", "DUPLICATE/ID_CONFLICT");
}

static void test_an_event_is_known_after_a_restart(void **state)
{
    struct desk *desk = *state;

    event(desk, "e1", "opened", "c1", BILLING);
    desk_run(desk);
    expect(desk, "c1", "HANDOFF");
    desk_restart(desk);
    expect_nothing(desk);
    event(desk, "e1", "opened", "c1", BILLING);
    desk_run(desk);
    expect(desk, "c1", "DUPLICATE");
}

static void test_later_events_of_a_case_issue_no_second_command(void **state)
{
    struct desk *desk = *state;

    event(desk, "e1", "opened", "c1", BILLING);
    event(desk, "e2", "updated", "c1", ",\"impact\":\"urgent now\"");
    event(desk, "e3", "opened", "c1", BILLING);
    desk_run(desk);
    expect(desk, "c1", "HANDOFF");
    expect(desk, "c1", "NOTED/UPDATED");
    expect(desk, "c1", "NOTED/UPDATED");
    assert_int_equal(desk_count(desk, DESK_ESCALATIONS), 1);
}

static void test_cases_of_one_problem_share_one_command(void **state)
{
    struct desk *desk = *state;
    const struct egw_outcome *first, *second;

    event(desk, "e1", "opened", "c1", BILLING ",\"problem\":\"P1\"");
    event(desk, "e2", "opened", "c2", BILLING ",\"problem\":\"P1\"");
    desk_run(desk);
    first = desk_outcome(desk, "c1");
    assert_int_equal(first->action, EGW_ACTION_HANDOFF);
    second = desk_outcome(desk, "c2");
    assert_int_equal(second->action, EGW_ACTION_LINKED);
    assert_memory_equal(first->command_id, second->command_id, EGW_SHA256);
    assert_int_equal(desk_count(desk, DESK_ESCALATIONS), 1);
}

static void test_the_command_id_depends_on_the_business_not_on_the_log(void **state)
{
    struct desk *desk = *state, *other;
    const struct egw_escalation *here, *there;
    void *second = NULL;

    event(desk, "e0", "opened", "c0", BILLING);
    event(desk, "e1", "opened", "c1", BILLING);
    desk_run(desk);
    setup(&second);
    other = second;
    event(other, "another-id", "opened", "c1", BILLING);
    desk_run(other);
    here = desk_command(desk, "c1");
    there = desk_command(other, "c1");
    assert_memory_equal(here->command_id, there->command_id, EGW_SHA256);
    assert_memory_not_equal(here->command_id, desk_command(desk, "c0")->command_id, EGW_SHA256);
    desk_free(other);
}

static void test_a_number_comes_back_once_and_a_second_one_is_a_conflict(void **state)
{
    struct desk *desk = *state;
    const struct egw_outcome *conflict;

    event(desk, "e1", "opened", "c1", BILLING);
    event(desk, "e2", "case-number", "c1", ",\"number\":\"2601050010000123\"");
    event(desk, "e3", "case-number", "c1", ",\"number\":\"2601050010000123\"");
    event(desk, "e4", "case-number", "c1", ",\"number\":\"999\"");
    event(desk, "e5", "case-number", "c1", "");
    desk_run(desk);
    expect(desk, "c1", "HANDOFF");
    expect(desk, "c1", "NOTED/CASE_NUMBER");
    expect(desk, "c1", "NOTED/CASE_NUMBER");
    conflict = desk_outcome(desk, "c1");
    assert_true(egw_str_is(conflict->code, "NUMBER_CONFLICT"));
    assert_true(egw_str_is(conflict->number, "2601050010000123"));
    expect(desk, "c1", "REJECTED/BAD_FIELD");
}

static void test_closed_before_any_command_says_so(void **state)
{
    struct desk *desk = *state;

    event(desk, "e1", "opened", "c1", ",\"text\":\"something is wrong\"");
    event(desk, "e2", "closed", "c1", "");
    event(desk, "e3", "updated", "c1", "");
    desk_run(desk);
    expect(desk, "c1", "BASELINE/CLASSIFY");
    expect(desk, "c1", "CLOSED_BEFORE_ESCALATION");
    expect(desk, "c1", "NOTED/LATE");
}

static void test_closed_after_a_command_says_by_whom(void **state)
{
    static const struct {
        const char *more, *want;
    } cases[] = {
        {"", "CLOSED/PARTNER"},
        {",\"state\":\"customer\"", "CLOSED/CUSTOMER"},
        {",\"state\":\"microsoft\"", "CLOSED/MICROSOFT"},
        {",\"state\":\"no-reply\"", "CLOSED/NO_REPLY"},
    };
    struct desk *desk = *state;

    for (size_t i = 0; i < EGW_COUNT(cases); i++) {
        char id[16], closed[16];

        (void)snprintf(id, sizeof(id), "c%zu", i);
        (void)snprintf(closed, sizeof(closed), "x%zu", i);
        event(desk, id, "opened", id, BILLING);
        event(desk, closed, "closed", id, cases[i].more);
        desk_run(desk);
        expect(desk, id, "HANDOFF");
        expect(desk, id, cases[i].want);
    }
}

static void test_microsofts_states_are_noted_and_closed_ends_the_case(void **state)
{
    struct desk *desk = *state;

    event(desk, "e1", "opened", "c1", BILLING);
    event(desk, "e2", "case-state", "c1", ",\"state\":\"Open\"");
    event(desk, "e3", "case-state", "c1", ",\"state\":\"Closed\"");
    desk_run(desk);
    expect(desk, "c1", "HANDOFF");
    expect(desk, "c1", "NOTED/CASE_STATE");
    expect(desk, "c1", "CLOSED/MICROSOFT");
}

static void test_reopening_allows_a_new_command(void **state)
{
    struct desk *desk = *state;
    unsigned char first[EGW_SHA256];

    event(desk, "e1", "opened", "c1", BILLING);
    event(desk, "e2", "closed", "c1", "");
    desk_run(desk);
    memcpy(first, desk_command(desk, "c1")->command_id, EGW_SHA256);
    event(desk, "e3", "reopened", "c1", "");
    desk_run(desk);
    expect(desk, "c1", "HANDOFF");
    expect(desk, "c1", "CLOSED/PARTNER");
    expect(desk, "c1", "HANDOFF");
    assert_int_equal(desk_count(desk, DESK_ESCALATIONS), 2);
    assert_memory_not_equal(first, desk_command(desk, "c1")->command_id, EGW_SHA256);
}

static void test_an_unknown_event_type_is_refused_and_the_case_stays(void **state)
{
    struct desk *desk = *state;
    const struct egw_outcome *outcome;

    event(desk, "e1", "exploded", "c1", BILLING);
    event(desk, "e2", "opened", "c1", BILLING);
    desk_run(desk);
    outcome = desk_outcome(desk, "c1");
    assert_int_equal(outcome->action, EGW_ACTION_REJECTED);
    assert_true(egw_str_is(outcome->code, "UNKNOWN_EVENT_TYPE"));
    assert_true(egw_str_is(outcome->because, "event_type 'exploded' is not one we know"));
    assert_false(outcome->final); /* of the case, which goes on */
    expect(desk, "c1", "HANDOFF");
}

static void test_a_case_known_by_an_unknown_event_type_only_is_forgotten(void **state)
{
    struct desk *desk = *state;
    size_t entries;

    event(desk, "e1", "exploded", "c1", BILLING);
    desk_run(desk);
    expect(desk, "c1", "REJECTED/UNKNOWN_EVENT_TYPE");
    entries = desk_count(desk, DESK_CASES);
    desk->now_ms += INT64_C(400) * 86400000;
    desk_run(desk);
    assert_true(desk_count(desk, DESK_CASES) > entries);
    expect_nothing(desk);
}

static void test_a_record_under_another_name_is_passed_on_once(void **state)
{
    struct desk *desk = *state;
    const struct egw_outcome *passed, *decided;

    desk_event(desk, "{\"event_id\":\"e1\",\"event_type\":\"opened\",\"partner\":\"litware\","
                     "\"customer\":\"ADATUM.example\",\"case_id\":\"c1\","
                     "\"occurred_at\":\"2026-01-05T08:20:00Z\"" BILLING "}");
    desk_run(desk);
    passed = desk_outcome(desk, "c1");
    assert_int_equal(passed->action, EGW_ACTION_PASSED_ON);
    decided = desk_outcome(desk, "c1");
    assert_int_equal(decided->action, EGW_ACTION_HANDOFF);
    assert_true(egw_str_is(decided->customer, "adatum"));
    assert_true(egw_str_is(decided->trigger.topic, "inbox"));
    assert_memory_equal(passed->trigger.digest, decided->trigger.digest, EGW_SHA256);
    expect_nothing(desk);
}

static void test_bytes_that_are_no_event_become_a_dead_letter(void **state)
{
    static const struct {
        const char *bytes;
        size_t n;
    } cases[] = {{"", 0}, {"\x01", 1}, {"hello", 5}, {"\xC3\x01 12345678 and so on", 22}};
    struct desk *desk = *state;

    for (size_t i = 0; i < EGW_COUNT(cases); i++)
        desk_raw(desk, DESK_EVENTS, 1, EGW_STR("litware/adatum"),
                 (struct egw_str){cases[i].bytes, cases[i].n});
    desk_raw(desk, DESK_EVENTS, 1, EGW_STR_NONE, EGW_STR_NONE);
    desk_run(desk);
    for (size_t i = 0; i < EGW_COUNT(cases) + 1; i++) {
        const struct egw_outcome *outcome = desk_outcome(desk, "");

        assert_non_null(outcome);
        assert_int_equal(outcome->action, EGW_ACTION_DEAD_LETTERED);
        assert_true(outcome->because.n > 0);
    }
    assert_int_equal(desk_count(desk, DESK_DEAD_LETTERS), EGW_COUNT(cases) + 1);
    assert_memory_equal(desk->topics[DESK_DEAD_LETTERS].records[2].value.p, "hello", 5);
}

static void test_identifiers_that_cannot_be_keys_are_refused(void **state)
{
    struct desk *desk = *state;

    desk_event(desk, "{\"event_id\":\"e1\",\"event_type\":\"opened\",\"partner\":\"lit/ware\","
                     "\"customer\":\"adatum\",\"case_id\":\"c1\","
                     "\"occurred_at\":\"2026-01-05T08:20:00Z\"}");
    desk_event(desk, "{\"event_id\":\"\",\"event_type\":\"opened\",\"partner\":\"litware\","
                     "\"customer\":\"adatum\",\"case_id\":\"c1\","
                     "\"occurred_at\":\"2026-01-05T08:20:00Z\"}");
    desk_run(desk);
    for (int i = 0; i < 2; i++)
        expect(desk, "", "REJECTED/BAD_FIELD");
    expect_nothing(desk);
}

static void test_a_changed_fact_decides_a_waiting_case_anew(void **state)
{
    struct desk *desk = *state;
    const struct egw_outcome *outcome;

    desk_fact(desk, "{\"as_of\":\"2026-01-05T07:00:00Z\",\"source\":\"t\",\"body\":{\"access\":"
                    "{\"partner\":\"litware\",\"customer\":\"adatum\",\"status\":\"expired\","
                    "\"assigned\":true,\"ends_at\":\"2026-01-03T00:00:00Z\"}}}");
    desk_run(desk);
    event(desk, "e1", "opened", "c1",
          ",\"domain\":\"technical\",\"ask\":\"issue\",\"service\":\"Dynamics 365\","
          "\"severity\":\"B\",\"title\":\"A form fails\",\"text\":\"form fails to load\","
          "\"started_at\":\"2026-01-05T08:10:00Z\","
          "\"diagnosis\":[{\"kind\":\"check\",\"step\":\"reproduced in a "
          "sandbox\",\"result\":\"fails too\"}]");
    desk_run(desk);
    expect(desk, "c1", "ACCESS_REQUIRED/EXPIRED");
    desk_restart(desk);
    expect_nothing(desk);
    desk_fact(desk, "{\"as_of\":\"2026-01-05T09:00:00Z\",\"source\":\"t\",\"body\":{\"access\":"
                    "{\"partner\":\"litware\",\"customer\":\"adatum\",\"status\":\"active\","
                    "\"assigned\":true,\"roles\":[\"Service Support Administrator\"]}}}");
    desk_run(desk);
    outcome = desk_outcome(desk, "c1");
    assert_non_null(outcome);
    assert_int_equal(outcome->action, EGW_ACTION_HANDOFF);
    assert_int_equal(outcome->trigger.kind, EGW_TRIGGER_KIND_FACT);
    assert_true(egw_str_is(outcome->channel, "advanced"));
    expect_nothing(desk);
}

static void test_a_fact_that_came_while_nobody_was_there_is_not_missed(void **state)
{
    struct desk *desk = *state;

    desk_fact(desk, "{\"as_of\":\"2026-01-05T07:00:00Z\",\"source\":\"t\",\"body\":{\"access\":"
                    "{\"partner\":\"litware\",\"customer\":\"adatum\",\"status\":\"terminated\","
                    "\"assigned\":true}}}");
    desk_run(desk);
    event(desk, "e1", "opened", "c1",
          ",\"domain\":\"technical\",\"ask\":\"issue\",\"service\":\"Dynamics 365\","
          "\"title\":\"A form fails\",\"text\":\"form fails to load\","
          "\"started_at\":\"2026-01-05T08:10:00Z\","
          "\"diagnosis\":[{\"kind\":\"check\",\"step\":\"reproduced in a "
          "sandbox\",\"result\":\"fails too\"}]");
    desk_run(desk);
    assert_int_equal(desk_outcome(desk, "c1")->action, EGW_ACTION_ACCESS_REQUIRED);
    desk_fact(desk, "{\"as_of\":\"2026-01-05T09:00:00Z\",\"source\":\"t\",\"body\":{\"access\":"
                    "{\"partner\":\"litware\",\"customer\":\"adatum\",\"status\":\"active\","
                    "\"assigned\":true,\"roles\":[\"Service Support Administrator\"]}}}");
    desk_restart(desk);
    expect(desk, "c1", "HANDOFF");
    desk_restart(desk);
    expect_nothing(desk);
}

static void test_an_incident_holds_the_case_until_it_ends_and_the_customer_confirms(void **state)
{
    static const char incident[] =
        "{\"as_of\":\"2026-01-05T08:2%d:00Z\",\"source\":\"t\",\"body\":{\"health_issue\":"
        "{\"customer\":\"adatum\",\"id\":\"EX700101\",\"service\":\"Exchange Online\","
        "\"feature\":\"Mail flow\",\"classification\":\"incident\",\"status\":\"%s\","
        "\"resolved\":%s,\"starts_at\":\"2026-01-05T07:50:00Z\"}}}";
    struct desk *desk = *state;
    char line[512];
    const struct egw_outcome *outcome;

    (void)snprintf(line, sizeof(line), incident, 1, "restoringService", "false");
    desk_fact(desk, line);
    desk_fact(desk, "{\"as_of\":\"2026-01-05T08:25:00Z\",\"source\":\"t\",\"body\":{"
                    "\"health_snapshot\":{\"customer\":\"adatum\",\"service\":\"exchange-online\","
                    "\"status\":\"serviceDegradation\",\"issues\":[\"EX700101\"]}}}");
    desk_run(desk);
    event(
        desk, "e1", "opened", "c1",
        ",\"domain\":\"technical\",\"ask\":\"issue\",\"service\":\"Exchange Online\","
        "\"feature\":\"Mail flow\",\"symptom\":\"degraded\",\"severity\":\"B\","
        "\"started_at\":\"2026-01-05T08:10:00Z\",\"title\":\"Courrier\",\"text\":\"courrier "
        "retard\u00e9\","
        "\"diagnosis\":[{\"kind\":\"check\",\"step\":\"traced a message\",\"result\":\"queued\"}]");
    desk_run(desk);
    outcome = desk_outcome(desk, "c1");
    assert_int_equal(outcome->action, EGW_ACTION_HEALTH_MATCH);
    assert_true(egw_str_is(outcome->incident, "EX700101"));
    assert_int_equal(desk_count(desk, DESK_ESCALATIONS), 0);
    (void)snprintf(line, sizeof(line), incident, 8, "serviceRestored", "true");
    desk_fact(desk, line);
    desk_run(desk);
    expect(desk, "c1", "INCIDENT_ENDED");
    event(desk, "e2", "confirmed", "c1", "");
    desk_run(desk);
    expect(desk, "c1", "HANDOFF");
    assert_int_equal(desk_count(desk, DESK_ESCALATIONS), 1);
}

static void test_an_ended_case_is_forgotten_after_the_horizon(void **state)
{
    struct desk *desk = *state;
    size_t entries;

    event(desk, "e1", "opened", "c1", ",\"text\":\"x\"");
    event(desk, "e2", "closed", "c1", "");
    desk_run(desk);
    expect(desk, "c1", "BASELINE/CLASSIFY");
    expect(desk, "c1", "CLOSED_BEFORE_ESCALATION");
    entries = desk_count(desk, DESK_CASES);
    desk->now_ms += INT64_C(400) * 86400000;
    desk_run(desk);
    assert_true(desk_count(desk, DESK_CASES) > entries);
    expect_nothing(desk); /* removing it means nothing: no outcome */
    event(desk, "e1", "opened", "c1", ",\"text\":\"x\"");
    desk_run(desk);
    expect(desk, "c1", "BASELINE/CLASSIFY"); /* not a duplicate any more */
}

static void test_a_text_too_long_for_a_record_is_cut_and_marked(void **state)
{
    struct desk *desk = *state;
    size_t n = 1000000, at = 0;
    char *line = malloc(2 * n + 4096);
    const struct egw_escalation *command;

    assert_non_null(line);
    /* two events of a megabyte each: merged they would not fit into one state entry */
    for (int part = 1; part <= 2; part++) {
        at = (size_t)sprintf(
            line, /* NOLINT: the buffer is far larger */
            "{\"event_id\":\"e%d\",\"event_type\":\"opened\",\"partner\":\"litware\","
            "\"customer\":\"adatum\",\"case_id\":\"c1\","
            "\"occurred_at\":\"2026-01-05T08:20:00Z\"%s,\"%s\":\"",
            part, part == 2 ? BILLING : "", part == 1 ? "text" : "impact");
        if (part == 2) { /* BILLING has a text of its own: keep the long one */
            char *text = strstr(line, "\"text\":\"40 seats were charged twice\",");

            memset(text, ' ', strlen("\"text\":\"40 seats were charged twice\","));
        }
        memset(line + at, 'x', n);
        memcpy(line + at + n, "\"}", 3);
        desk_event(desk, line);
        desk_run(desk);
    }
    free(line);
    expect(desk, "c1", "BASELINE/CLASSIFY");
    expect(desk, "c1", "HANDOFF");
    command = desk_command(desk, "c1");
    assert_true(command->text.n > 900000);
    expect_nothing(desk);
}

#define TYPE(type) "\"event_type\":\"" type "\","

/* An event of the case with a field of n bytes. */
static void long_event(struct desk *desk, const char *id, const char *type, const char *more,
                       const char *field, size_t n, const char *end)
{
    size_t room = n + 4096;
    char *line = malloc(room);
    size_t at;

    assert_non_null(line);
    at = (size_t)snprintf(line, room,
                          "{\"event_id\":\"%s\",%s\"partner\":\"litware\","
                          "\"customer\":\"adatum\",\"case_id\":\"c1\","
                          "\"occurred_at\":\"2026-01-05T08:20:00Z\"%s,%s\"",
                          id, type, more, field);
    memset(line + at, 'x', n);
    (void)snprintf(line + at + n, room - at - n, "\"%s}", end);
    desk_event(desk, line);
    desk_run(desk);
    free(line);
}

static void test_a_case_of_any_size_costs_no_partition(void **state)
{
    static const struct {
        const char *field, *end;
    } fields[] = {
        {"\"impact\":", ""},
        {"\"resource\":", ""},
        {"\"extensions\":{\"a\":", "}"},
        {"\"extensions\":{\"b\":", "}"},
        {"\"correlation_ids\":[", "]"},
        {"\"contact\":{\"name\":", "}"},
        {"\"diagnosis\":[{\"kind\":\"check\",\"step\":", "}]"},
    };
    struct desk *desk = *state;
    char id[16];

    event(desk, "first", "opened", "c1", BILLING);
    desk_run(desk);
    expect(desk, "c1", "HANDOFF");
    for (size_t i = 0; i < EGW_COUNT(fields); i++) {
        (void)snprintf(id, sizeof(id), "e%zu", i);
        long_event(desk, id, TYPE("updated"), "", fields[i].field, 1500000, fields[i].end);
        expect(desk, "c1", "NOTED/UPDATED");
    }
    event(desk, "last", "updated", "c1", "");
    desk_run(desk);
    expect(desk, "c1", "NOTED/UPDATED");
}

static void test_a_command_of_any_size_is_issued(void **state)
{
    struct desk *desk = *state;
    const struct egw_escalation *command;

    long_event(desk, "e1", TYPE("opened"), "", "\"resource\":", 1500000, "");
    expect(desk, "c1", "BASELINE/CLASSIFY");
    long_event(desk, "e2", TYPE("updated"), BILLING, "\"impact\":", 1500000, "");
    expect(desk, "c1", "HANDOFF");
    command = desk_command(desk, "c1");
    assert_non_null(command);
    assert_true(egw_str_is(command->title, "Charged twice"));
    assert_true(command->impact.n <= 1024);
}

static void test_an_event_type_too_long_is_refused_and_not_repeated(void **state)
{
    struct desk *desk = *state;
    const struct egw_outcome *outcome;

    long_event(desk, "e1", "", "", "\"event_type\":", 1900000, "");
    outcome = desk_outcome(desk, "");
    assert_non_null(outcome);
    assert_int_equal(outcome->action, EGW_ACTION_REJECTED);
    assert_true(egw_str_is(outcome->code, "BAD_FIELD"));
    assert_int_equal(outcome->event_type.n, 0);
}

static void test_only_a_trace_context_is_repeated_as_one(void **state)
{
    static const char good[] = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    struct desk *desk = *state;
    const struct egw_outcome *outcome;

    event(desk, "e1", "opened", "c1", ",\"traceparent\":\"Maria Silva, +31 20 555 0100\"");
    desk_run(desk);
    outcome = desk_outcome(desk, "c1");
    assert_non_null(outcome);
    assert_null(outcome->traceparent.p);
    event(desk, "e2", "updated", "c1",
          ",\"traceparent\":\"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\"");
    desk_run(desk);
    outcome = desk_outcome(desk, "c1");
    assert_non_null(outcome);
    assert_true(egw_str_is(outcome->traceparent, good));
}

/* The chain as an auditor walks it: numbers dense, each head over the record before. */
static void test_the_chain_is_dense_and_linked_in_every_partition(void **state)
{
    struct desk *desk = *state;
    struct egw_sha256 head[DESK_PARTITIONS] = {0};
    int64_t next[DESK_PARTITIONS] = {0};

    for (int i = 0; i < 40; i++) {
        char id[16];

        (void)snprintf(id, sizeof(id), "c%d", i % 7);
        event(desk, id, "opened", id, i % 3 ? BILLING : "");
    }
    desk_raw(desk, DESK_EVENTS, 0, EGW_STR_NONE, EGW_STR("x"));
    desk_run(desk);
    desk_restart(desk);
    event(desk, "last", "opened", "c99", BILLING);
    desk_run(desk);
    desk->outcomes_taken = 0;
    for (size_t i = 0; i < desk_count(desk, DESK_OUTCOMES); i++) {
        const struct desk_record *record = &desk->topics[DESK_OUTCOMES].records[i];
        const struct egw_outcome *outcome = desk_outcome(desk, "");
        int32_t p = record->partition;
        struct egw_sha256 leaf, now;

        assert_int_equal(outcome->seq, next[p]++);
        assert_memory_equal(outcome->prev, head[p].b, EGW_SHA256);
        egw_chain_leaf(record->key, record->value, &leaf);
        egw_chain_head(head[p].b, &leaf, &now);
        head[p] = now;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(test_a_billing_issue_becomes_one_command),
        TEST(test_the_same_event_again_is_a_duplicate_and_names_the_first),
        TEST(test_the_same_id_with_other_content_is_a_conflict),
        TEST(test_an_event_is_known_after_a_restart),
        TEST(test_later_events_of_a_case_issue_no_second_command),
        TEST(test_cases_of_one_problem_share_one_command),
        TEST(test_the_command_id_depends_on_the_business_not_on_the_log),
        TEST(test_a_number_comes_back_once_and_a_second_one_is_a_conflict),
        TEST(test_closed_before_any_command_says_so),
        TEST(test_closed_after_a_command_says_by_whom),
        TEST(test_microsofts_states_are_noted_and_closed_ends_the_case),
        TEST(test_reopening_allows_a_new_command),
        TEST(test_an_unknown_event_type_is_refused_and_the_case_stays),
        TEST(test_a_case_known_by_an_unknown_event_type_only_is_forgotten),
        TEST(test_a_record_under_another_name_is_passed_on_once),
        TEST(test_bytes_that_are_no_event_become_a_dead_letter),
        TEST(test_identifiers_that_cannot_be_keys_are_refused),
        TEST(test_a_changed_fact_decides_a_waiting_case_anew),
        TEST(test_a_fact_that_came_while_nobody_was_there_is_not_missed),
        TEST(test_an_incident_holds_the_case_until_it_ends_and_the_customer_confirms),
        TEST(test_an_ended_case_is_forgotten_after_the_horizon),
        TEST(test_a_text_too_long_for_a_record_is_cut_and_marked),
        TEST(test_a_case_of_any_size_costs_no_partition),
        TEST(test_a_command_of_any_size_is_issued),
        TEST(test_an_event_type_too_long_is_refused_and_not_repeated),
        TEST(test_only_a_trace_context_is_repeated_as_one),
        TEST(test_the_chain_is_dense_and_linked_in_every_partition),
    };

    return cmocka_run_group_tests_name("triage", tests, NULL, NULL);
}
