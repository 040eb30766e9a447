#define _GNU_SOURCE /* memmem */
/* Clocks, answers that never come, who delivers and at what price: over the shipped policy, event
 * by event and hour by hour (S16, S23, S30, S32-S37, S39, S42, S48). */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>

#include "desk.h"
#include "egw/hash.h"

#define HOUR   INT64_C(3600000)
#define MINUTE INT64_C(60000)

static int64_t at(const char *text)
{
    int64_t ms = 0;

    if (!egw_time_parse(egw_str_of(text), &ms))
        fail_msg("%s is no time", text);
    return ms;
}

static struct desk *open_desk(const char *now)
{
    struct desk *desk = desk_new(at(now));

    desk_everyday(desk);
    return desk;
}

/* Monday, 08:30 in London. */
static int setup(void **state)
{
    *state = open_desk("2026-01-05T08:30:00Z");
    return 0;
}

static int teardown(void **state)
{
    desk_free(*state);
    return 0;
}

/* An event that occurs now. */
static void event(struct desk *desk, const char *id, const char *type, const char *case_id,
                  const char *more)
{
    char line[4096], now[EGW_TIME_TEXT];

    egw_time_format(desk->now_ms, now);
    (void)snprintf(line, sizeof(line),
                   "{\"event_id\":\"%s\",\"event_type\":\"%s\",\"partner\":\"litware\","
                   "\"customer\":\"adatum\",\"case_id\":\"%s\",\"occurred_at\":\"%s\"%s}",
                   id, type, case_id, now, more);
    desk_event(desk, line);
    desk_run(desk);
}

static void wait_until(struct desk *desk, int64_t ms)
{
    assert_true(ms >= desk->now_ms);
    desk->now_ms = ms;
    desk_run(desk);
}

static void expect_due(const struct egw_outcome *outcome, const char *due, const char *calendar)
{
    char got[EGW_TIME_TEXT] = "nothing";

    if (outcome->due_at.has)
        egw_time_format(outcome->due_at.v, got);
    if (!outcome->due_at.has || outcome->due_at.v != at(due))
        fail_msg("due at %s, wanted %s", got, due);
    if (!egw_str_is(outcome->calendar, calendar))
        fail_msg("counted in '%.*s', wanted '%s'", EGW_FMT(outcome->calendar), calendar);
}

static void is(struct egw_str got, const char *want)
{
    if (!egw_str_is(got, want))
        fail_msg("'%.*s', wanted '%s'", EGW_FMT(got), want);
}

#define BILLING                                                                                    \
    ",\"domain\":\"billing\",\"ask\":\"issue\",\"service\":\"Office 365\",\"severity\":\"C\","     \
    "\"title\":\"Charged twice\",\"text\":\"40 seats were charged twice\","                        \
    "\"diagnosis\":[{\"kind\":\"check\",\"step\":\"compared\",\"result\":\"one order\"}]"
#define EXCHANGE(severity)                                                                         \
    ",\"domain\":\"technical\",\"ask\":\"issue\",\"service\":\"Exchange Online\","                 \
    "\"severity\":\"" severity "\",\"symptom\":\"mail-flow\",\"title\":\"Late mail\","             \
    "\"text\":\"late\",\"impact\":\"no mail\",\"available_24x7\":true,"                            \
    "\"started_at\":\"2026-01-05T08:00:00Z\",\"diagnosis\":[{\"kind\":\"attempt\",\"step\":"       \
    "\"connector\"},"                                                                              \
    "{\"kind\":\"check\",\"step\":\"trace\",\"result\":\"queued\"}]"
#define VAGUE ",\"text\":\"something is wrong\""

static void contract(struct desk *desk, const char *plan)
{
    char line[512];

    (void)snprintf(line, sizeof(line),
                   DESK_FACT("{\"contract\":{\"partner\":\"litware\",\"plan\":\"%s\"}}"), plan);
    desk_fact(desk, line);
    desk_run(desk);
}

static void statement(struct desk *desk, const char *more)
{
    char line[2048];

    (void)snprintf(line, sizeof(line),
                   DESK_FACT("{\"statement\":{\"partner\":\"litware\",\"customer\":\"adatum\","
                             "\"support\":\"all\",\"contact\":\"phone\",%s}}"),
                   more);
    desk_fact(desk, line);
    desk_run(desk);
}

#define OFFICE                                                                                     \
    DESK_FACT("{\"calendar\":{\"id\":\"office\",\"zone\":\"Europe/Paris\","                        \
              "\"rules\":\"CET-1CEST,M3.5.0,M10.5.0/3\",\"hours\":[\"mon-fri 09:00-17:00\"],"      \
              "\"holidays\":[\"2026-01-06\"]}}")
#define NIGHTS                                                                                     \
    DESK_FACT("{\"calendar\":{\"id\":\"nights\",\"zone\":\"UTC\","                                 \
              "\"hours\":[\"mon-sun 20:00-08:00\"]}}")

/* ---- clocks ---- */

static void s39_the_partners_own_clock_runs_in_the_hours_it_promised(void **state)
{
    struct desk *desk = *state;
    const struct egw_outcome *outcome;

    desk_fact(desk, OFFICE);
    statement(desk, "\"version\":\"1\",\"hours\":\"office\",\"charge\":false,"
                    "\"since\":\"2026-01-01T00:00:00Z\"");
    wait_until(desk, at("2026-01-05T15:00:00Z")); /* 16:00 in Paris, the day before a holiday */
    event(desk, "e1", "opened", "c1", VAGUE ",\"severity\":\"B\"");
    outcome = desk_expect(desk, "c1", "BASELINE/CLASSIFY");
    expect_due(outcome, "2026-01-07T11:00:00Z", "office");
    event(desk, "e2", "opened", "c2", VAGUE ",\"severity\":\"A\"");
    expect_due(desk_expect(desk, "c2", "BASELINE/CLASSIFY"), "2026-01-05T16:00:00Z", "office");
}

static void s39_hours_nobody_has_on_record_are_counted_round_the_clock_and_pointed_out(void **state)
{
    struct desk *desk = *state;
    const struct egw_outcome *outcome;
    const struct egw_str *warnings;

    statement(desk, "\"version\":\"1\",\"hours\":\"dusk\",\"charge\":false,"
                    "\"since\":\"2026-01-01T00:00:00Z\"");
    event(desk, "e1", "opened", "c1", VAGUE ",\"severity\":\"B\"");
    outcome = desk_expect(desk, "c1", "BASELINE/CLASSIFY");
    expect_due(outcome, "2026-01-05T12:30:00Z", "");
    assert_int_equal(outcome->warnings.n, 1);
    warnings = outcome->warnings.p;
    is(warnings[0], "calendar dusk is not on record");
}

static void a_warning_comes_before_the_breach_and_each_once(void **state)
{
    struct desk *desk = *state;
    const struct egw_outcome *outcome;

    contract(desk, "advanced");
    event(desk, "e1", "opened", "c1", EXCHANGE("A"));
    expect_due(desk_expect(desk, "c1", "HANDOFF"), "2026-01-05T09:30:00Z", "");
    wait_until(desk, at("2026-01-05T09:14:59Z"));
    desk_expect_nothing(desk);
    wait_until(desk, at("2026-01-05T09:15:00Z"));
    outcome = desk_expect(desk, "c1", "OVERDUE/WARNING");
    assert_int_equal(outcome->trigger.kind, EGW_TRIGGER_KIND_TIMER);
    is(outcome->because, "the time given to file the case and enter its number is nearly over");
    is(outcome->owner, "desk");
    assert_true(outcome->advice.n > 0);
    expect_due(outcome, "2026-01-05T09:30:00Z", "");
    is(outcome->theme, "mail-flow");
    wait_until(desk, at("2026-01-05T09:29:00Z"));
    desk_expect_nothing(desk);
    wait_until(desk, at("2026-01-05T09:30:00Z"));
    outcome = desk_expect(desk, "c1", "OVERDUE/BREACH");
    is(outcome->because, "the time given to file the case and enter its number has passed");
    assert_int_equal(outcome->trigger.offset, at("2026-01-05T09:30:00Z"));
    wait_until(desk, at("2026-01-09T09:30:00Z"));
    desk_expect_nothing(desk);
}

static void clocks_survive_a_take_over_before_and_after_the_warning(void **state)
{
    struct desk *desk = *state;

    event(desk, "e1", "opened", "c1", BILLING);
    desk_expect(desk, "c1", "HANDOFF");
    desk_restart(desk);
    wait_until(desk, at("2026-01-06T04:30:00Z"));
    desk_expect(desk, "c1", "OVERDUE/WARNING");
    desk_restart(desk);
    wait_until(desk, at("2026-01-06T08:29:00Z"));
    desk_expect_nothing(desk);
    desk->now_ms = at("2026-01-06T08:30:00Z"); /* comes while nobody works */
    desk_restart(desk);
    desk_run(desk);
    desk_expect(desk, "c1", "OVERDUE/BREACH");
    desk_restart(desk);
    desk_run(desk);
    desk_expect_nothing(desk);
}

static void a_breach_that_passed_unseen_needs_no_warning_any_more(void **state)
{
    struct desk *desk = *state;

    event(desk, "e1", "opened", "c1", BILLING);
    desk_expect(desk, "c1", "HANDOFF");
    wait_until(desk, at("2026-01-20T00:00:00Z"));
    desk_expect(desk, "c1", "OVERDUE/BREACH");
    desk_expect_nothing(desk);
}

static void the_number_ends_its_clock_and_starts_microsofts(void **state)
{
    static const struct {
        const char *language, *due, *calendar;
    } cases[] = {
        {"", "2026-01-10T00:30:00Z", ""},
        {",\"support_language\":\"en-US\"", "2026-01-10T00:30:00Z", ""},
        {",\"support_language\":\"fr\"", "2026-01-12T16:00:00Z", "microsoft-business"},
    };
    struct desk *desk = *state;

    wait_until(desk, at("2026-01-09T16:30:00Z")); /* Friday, 17:30 in Paris */
    for (size_t i = 0; i < EGW_COUNT(cases); i++) {
        char opened[32], number[32], id[16], more[1024];
        const struct egw_outcome *outcome;

        (void)snprintf(id, sizeof(id), "c%zu", i);
        (void)snprintf(opened, sizeof(opened), "o%zu", i);
        (void)snprintf(number, sizeof(number), "n%zu", i);
        (void)snprintf(more, sizeof(more), "%s%s", EXCHANGE("C"), cases[i].language);
        event(desk, opened, "opened", id, more);
        is(desk_expect(desk, id, "HANDOFF")->channel, "csp-program");
        event(desk, number, "case-number", id, ",\"number\":\"7\"");
        outcome = desk_expect(desk, id, "NOTED/CASE_NUMBER");
        expect_due(outcome, cases[i].due, cases[i].calendar);
        is(outcome->severity, "C");
    }
}

static void microsofts_answer_stops_its_clock_and_a_queue_is_no_answer(void **state)
{
    struct desk *desk = *state;

    event(desk, "e1", "opened", "c1", EXCHANGE("B"));
    event(desk, "e2", "case-number", "c1", ",\"number\":\"7\"");
    event(desk, "e3", "case-number", "c1", ",\"number\":\"7\"");
    event(desk, "e4", "case-state", "c1", ",\"state\":\"Open\"");
    desk_expect(desk, "c1", "HANDOFF");
    expect_due(desk_expect(desk, "c1", "NOTED/CASE_NUMBER"), "2026-01-05T12:30:00Z", "");
    expect_due(desk_expect(desk, "c1", "NOTED/CASE_NUMBER"), "2026-01-05T12:30:00Z", "");
    assert_true(desk_expect(desk, "c1", "NOTED/CASE_STATE")->due_at.has);
    wait_until(desk, at("2026-01-05T11:30:00Z"));
    desk_expect(desk, "c1", "OVERDUE/WARNING");
    event(desk, "e5", "case-state", "c1", ",\"state\":\"Waiting on customer\"");
    assert_false(desk_expect(desk, "c1", "NOTED/CASE_STATE")->due_at.has);
    wait_until(desk, at("2026-01-08T00:00:00Z"));
    desk_expect_nothing(desk);
}

static void deciding_the_same_again_gives_no_more_time(void **state)
{
    struct desk *desk = *state;

    event(desk, "e1", "opened", "c1", VAGUE ",\"severity\":\"B\"");
    expect_due(desk_expect(desk, "c1", "BASELINE/CLASSIFY"), "2026-01-05T12:30:00Z", "");
    wait_until(desk, at("2026-01-05T10:00:00Z"));
    event(desk, "e2", "updated", "c1", "");
    expect_due(desk_expect(desk, "c1", "BASELINE/CLASSIFY"), "2026-01-05T12:30:00Z", "");
    event(desk, "e3", "updated", "c1", ",\"severity\":\"A\"");
    expect_due(desk_expect(desk, "c1", "BASELINE/CLASSIFY"), "2026-01-05T11:00:00Z", "");
}

static void an_ended_case_strikes_no_more(void **state)
{
    struct desk *desk = *state;

    event(desk, "e1", "opened", "c1", BILLING);
    event(desk, "e2", "closed", "c1", "");
    desk_expect(desk, "c1", "HANDOFF");
    desk_expect(desk, "c1", "CLOSED/PARTNER");
    wait_until(desk, at("2026-01-15T00:00:00Z"));
    desk_expect_nothing(desk);
}

/* ---- holds and approval ---- */

static void an_approval_has_an_owner_a_time_and_a_default(void **state)
{
    struct desk *desk = *state;
    const struct egw_outcome *outcome;

    contract(desk, "premier");
    event(desk, "e1", "opened", "c1", EXCHANGE("emergency"));
    outcome = desk_expect(desk, "c1", "HELD/APPROVAL");
    is(outcome->owner, "desk");
    is(outcome->otherwise, "approved");
    expect_due(outcome, "2026-01-05T09:30:00Z", "");
    is((struct egw_str){desk_fact_value(outcome, "approval"), 4}, "none");
    assert_int_equal(desk_count(desk, DESK_ESCALATIONS), 0);
}

static void what_is_approved_goes_and_what_is_declined_stays(void **state)
{
    struct desk *desk = *state;
    const struct egw_outcome *outcome;

    contract(desk, "premier");
    event(desk, "e1", "opened", "c1", EXCHANGE("emergency"));
    event(desk, "e2", "opened", "c2", EXCHANGE("emergency"));
    desk_expect(desk, "c1", "HELD/APPROVAL");
    desk_expect(desk, "c2", "HELD/APPROVAL");
    event(desk, "e3", "approved", "c1", "");
    outcome = desk_expect(desk, "c1", "HANDOFF");
    is(outcome->channel, "premier");
    assert_string_equal(desk_fact_value(outcome, "approval"), "approved");
    event(desk, "e4", "declined", "c2", "");
    outcome = desk_expect(desk, "c2", "HELD/POLICY");
    is(outcome->rule, "approval.emergency.declined");
    assert_int_equal(desk_count(desk, DESK_ESCALATIONS), 1);
    event(desk, "e5", "approved", "c2", ""); /* on second thoughts */
    desk_expect(desk, "c2", "HANDOFF");
    assert_int_equal(desk_count(desk, DESK_ESCALATIONS), 2);
}

static void an_approval_for_nothing_approves_nothing(void **state)
{
    struct desk *desk = *state;

    contract(desk, "premier");
    event(desk, "e1", "opened", "c1", VAGUE);
    event(desk, "e2", "approved", "c1", "");
    event(desk, "e3", "updated", "c1", EXCHANGE("emergency"));
    desk_expect(desk, "c1", "BASELINE/CLASSIFY");
    desk_expect(desk, "c1", "NOTED/UPDATED");
    desk_expect(desk, "c1", "HELD/APPROVAL");
}

static void when_nobody_approves_an_emergency_goes(void **state)
{
    struct desk *desk = *state;
    const struct egw_outcome *outcome;
    const struct egw_str *warnings;

    contract(desk, "premier");
    event(desk, "e1", "opened", "c1", EXCHANGE("emergency"));
    desk_expect(desk, "c1", "HELD/APPROVAL");
    wait_until(desk, at("2026-01-05T09:00:00Z"));
    desk_expect(desk, "c1", "OVERDUE/WARNING");
    desk_restart(desk);
    wait_until(desk, at("2026-01-05T09:30:00Z"));
    outcome = desk_expect(desk, "c1", "HANDOFF");
    assert_int_equal(outcome->trigger.kind, EGW_TRIGGER_KIND_TIMER);
    warnings = outcome->warnings.p;
    assert_true(outcome->warnings.n > 0);
    is(warnings[0], "nobody answered in time: taken as approved");
    assert_non_null(desk_command(desk, "c1"));
    wait_until(desk, at("2026-01-05T10:29:00Z"));
    desk_expect(desk, "c1", "OVERDUE/WARNING"); /* now of the number */
    desk_expect_nothing(desk);
}

static void when_nobody_approves_a_cost_it_is_declined(void **state)
{
    struct desk *desk = *state;
    const struct egw_outcome *outcome;

    contract(desk, "premier");
    event(desk, "e1", "opened", "c1",
          ",\"domain\":\"technical\",\"ask\":\"issue\",\"service\":\"Dynamics 365\","
          "\"severity\":\"C\",\"symptom\":\"form-load\",\"title\":\"Form\",\"text\":\"fails\","
          "\"started_at\":\"2026-01-05T08:00:00Z\","
          "\"diagnosis\":[{\"kind\":\"attempt\",\"step\":\"sandbox\"},"
          "{\"kind\":\"check\",\"step\":\"trace\",\"result\":\"none\"}]");
    outcome = desk_expect(desk, "c1", "HELD/APPROVAL");
    is(outcome->rule, "approval.premier-for-c");
    is(outcome->otherwise, "declined");
    expect_due(outcome, "2026-01-05T16:30:00Z", "desk");
    wait_until(desk, at("2026-01-05T16:30:00Z"));
    outcome = desk_expect(desk, "c1", "HELD/POLICY");
    is(outcome->rule, "approval.premier-for-c.declined");
    assert_int_equal(desk_count(desk, DESK_ESCALATIONS), 0);
}

#define ROOT_CAUSE BILLING ",\"topic\":\"root-cause\""

static void s48_a_hold_calls_no_channel_until_it_is_released(void **state)
{
    struct desk *desk = *state;
    const struct egw_outcome *outcome;

    event(desk, "e1", "opened", "c1", ROOT_CAUSE);
    outcome = desk_expect(desk, "c1", "HELD/POLICY");
    is(outcome->owner, "desk");
    assert_int_equal(desk_count(desk, DESK_ESCALATIONS), 0);
    event(desk, "e2", "released", "c1", "");
    desk_expect(desk, "c1", "HANDOFF");
    assert_int_equal(desk_count(desk, DESK_ESCALATIONS), 1);
}

static void a_hold_nobody_asks_about_ends_without_reply(void **state)
{
    struct desk *desk = *state;
    const struct egw_outcome *outcome;

    event(desk, "e1", "opened", "c1", ROOT_CAUSE);
    is(desk_expect(desk, "c1", "HELD/POLICY")->otherwise, "closed");
    wait_until(desk, at("2026-01-12T08:30:00Z"));
    desk_expect(desk, "c1", "OVERDUE/WARNING");
    wait_until(desk, at("2026-01-15T08:30:00Z"));
    outcome = desk_expect(desk, "c1", "CLOSED/NO_REPLY");
    assert_true(outcome->final);
    assert_int_equal(outcome->trigger.kind, EGW_TRIGGER_KIND_TIMER);
    assert_null(outcome->command_id);
    event(desk, "e2", "updated", "c1", "");
    outcome = desk_expect(desk, "c1", "NOTED/LATE");
    is(outcome->because, "the case has ended");
    is(outcome->owner, "desk");
    event(desk, "e3", "reopened", "c1", "");
    desk_expect(desk, "c1", "HELD/POLICY");
}

static void a_severity_that_changes_after_the_hand_off_is_said_and_has_its_clock(void **state)
{
    struct desk *desk = *state;
    const struct egw_outcome *outcome;

    contract(desk, "advanced");
    event(desk, "e1", "opened", "c1", EXCHANGE("C"));
    expect_due(desk_expect(desk, "c1", "HANDOFF"), "2026-01-06T08:30:00Z", "");
    event(desk, "e2", "updated", "c1", ",\"severity\":\"nonsense\"");
    is(desk_expect(desk, "c1", "NOTED/UPDATED")->severity, "C");
    event(desk, "e3", "updated", "c1", ",\"severity\":\"A\"");
    outcome = desk_expect(desk, "c1", "NOTED/UPDATED");
    is(outcome->severity, "A");
    is(outcome->because, "severity is A now; the package says C");
    is(outcome->owner, "desk");
    assert_true(outcome->advice.n > 0);
    expect_due(outcome, "2026-01-05T09:30:00Z", "");
    event(desk, "e4", "updated", "c1", ",\"severity\":\"A\"");
    assert_int_equal(desk_expect(desk, "c1", "NOTED/UPDATED")->because.n, 0);
    event(desk, "e5", "redecide", "c1", "");
    outcome = desk_expect(desk, "c1", "HANDOFF");
    is(outcome->severity, "A");
    is(desk_command(desk, "c1")->severity, "A");
    event(desk, "e6", "case-number", "c1", ",\"number\":\"100\"");
    desk_expect(desk, "c1", "NOTED/CASE_NUMBER");
    event(desk, "e7", "updated", "c1", ",\"severity\":\"B\"");
    outcome = desk_expect(desk, "c1", "NOTED/UPDATED");
    is(outcome->advice, "tell Microsoft, in the case they have");
}

/* ---- incidents ---- */

static void incident(struct desk *desk, const char *status, const char *more)
{
    char line[1024], now[EGW_TIME_TEXT];

    egw_time_format(desk->now_ms, now);
    (void)snprintf(line, sizeof(line),
                   "{\"as_of\":\"%s\",\"source\":\"t\",\"body\":{\"health_issue\":{"
                   "\"customer\":\"adatum\",\"id\":\"EX1\",\"service\":\"Exchange Online\","
                   "\"classification\":\"incident\",\"status\":\"%s\",\"resolved\":%s%s}}}",
                   now, status, strcmp(status, "serviceRestored") == 0 ? "true" : "false", more);
    desk_fact(desk, line);
    desk_run(desk);
}

static void s16_a_fault_that_outlives_its_incident_goes_with_both_times(void **state)
{
    struct desk *desk = *state;
    const struct egw_outcome *outcome;
    const struct egw_escalation *command;

    incident(desk, "serviceDegradation", "");
    event(desk, "e1", "opened", "c1", EXCHANGE("B"));
    desk_expect(desk, "c1", "HEALTH_MATCH");
    wait_until(desk, at("2026-01-05T10:10:00Z"));
    incident(desk, "serviceRestored", ",\"ends_at\":\"2026-01-05T10:00:00Z\"");
    outcome = desk_expect(desk, "c1", "INCIDENT_ENDED");
    is(outcome->otherwise, "closed");
    expect_due(outcome, "2026-01-10T10:10:00Z", "");
    assert_true(outcome->incident_ended_at.has);
    wait_until(desk, at("2026-01-05T11:00:00Z"));
    event(desk, "e2", "confirmed", "c1", "");
    outcome = desk_expect(desk, "c1", "HANDOFF");
    is(outcome->incident, "EX1");
    assert_int_equal(outcome->incident_ended_at.v, at("2026-01-05T10:00:00Z"));
    assert_int_equal(outcome->confirmed_at.v, at("2026-01-05T11:00:00Z"));
    command = desk_command(desk, "c1");
    assert_non_null(command);
    assert_non_null(memmem(command->health.p, command->health.n,
                           "EX1 ended at 2026-01-05T10:00:00.000Z, the fault was confirmed at "
                           "2026-01-05T11:00:00.000Z",
                           87));
    event(desk, "e3", "confirmed", "c1", "");
    desk_expect(desk, "c1", "NOTED/UPDATED");
    assert_int_equal(desk_count(desk, DESK_ESCALATIONS), 1);
}

static void a_customer_who_never_answers_after_an_incident_is_closed_without_reply(void **state)
{
    struct desk *desk = *state;

    incident(desk, "serviceDegradation", "");
    event(desk, "e1", "opened", "c1", EXCHANGE("B"));
    desk_expect(desk, "c1", "HEALTH_MATCH");
    incident(desk, "serviceRestored", "");
    desk_expect(desk, "c1", "INCIDENT_ENDED");
    wait_until(desk, at("2026-01-08T08:30:00Z"));
    desk_expect(desk, "c1", "OVERDUE/WARNING");
    desk_restart(desk);
    wait_until(desk, at("2026-01-10T08:30:00Z"));
    desk_expect(desk, "c1", "CLOSED/NO_REPLY");
    assert_int_equal(desk_count(desk, DESK_ESCALATIONS), 0);
}

static void waiting_for_an_incident_has_a_limit_by_severity(void **state)
{
    struct desk *desk = *state;

    incident(desk, "serviceDegradation", "");
    event(desk, "e1", "opened", "c1", EXCHANGE("A"));
    event(desk, "e2", "opened", "c2", EXCHANGE("B"));
    expect_due(desk_expect(desk, "c1", "HEALTH_MATCH"), "2026-01-05T12:30:00Z", "");
    expect_due(desk_expect(desk, "c2", "HEALTH_MATCH"), "2026-01-06T08:30:00Z", "");
    wait_until(desk, at("2026-01-05T11:30:00Z"));
    desk_expect(desk, "c1", "OVERDUE/WARNING");
    wait_until(desk, at("2026-01-05T12:30:00Z"));
    is(desk_expect(desk, "c1", "OVERDUE/BREACH")->incident, "EX1");
    event(desk, "e3", "released", "c1", ""); /* not this incident */
    desk_expect(desk, "c1", "HANDOFF");
}

static void s23_what_is_cleared_before_it_went_goes_nowhere(void **state)
{
    struct desk *desk = *state;

    incident(desk, "serviceDegradation", "");
    event(desk, "e1", "opened", "c1", EXCHANGE("B"));
    event(desk, "e2", "cleared", "c1", "");
    desk_expect(desk, "c1", "HEALTH_MATCH");
    assert_true(desk_expect(desk, "c1", "CLOSED_BEFORE_ESCALATION")->final);
    incident(desk, "serviceRestored", "");
    wait_until(desk, at("2026-01-20T00:00:00Z"));
    desk_expect_nothing(desk);
    assert_int_equal(desk_count(desk, DESK_ESCALATIONS), 0);
}

/* ---- who delivers, and at what price ---- */

static void delivery(struct desk *desk, const char *customer, const char *service,
                     const char *model, const char *entity, const char *hours)
{
    char line[1024];

    (void)snprintf(
        line, sizeof(line),
        DESK_FACT("{\"delivery\":{\"partner\":\"litware\",\"customer\":\"%s\","
                  "\"service\":\"%s\",\"model\":\"%s\",\"entity\":\"%s\",\"queue\":\"q\"%s}}"),
        customer, service, model, entity, hours);
    desk_fact(desk, line);
    desk_run(desk);
}

static void s34_the_same_event_by_night_and_by_day_goes_to_different_teams(void **state)
{
    struct desk *desk = *state;
    const struct egw_outcome *night, *day;

    desk_fact(desk, NIGHTS);
    delivery(desk, "adatum", "*", "subcontract", "contoso", ",\"hours\":\"nights\"");
    delivery(desk, "*", "*", "direct", "litware", "");
    wait_until(desk, at("2026-01-06T03:00:00Z"));
    event(desk, "e1", "opened", "c1", BILLING);
    wait_until(desk, at("2026-01-06T11:00:00Z"));
    event(desk, "e2", "opened", "c2", BILLING);
    night = desk_expect(desk, "c1", "HANDOFF");
    is(night->delivery, "subcontract");
    is(night->handled_by, "contoso/q");
    day = desk_outcome(desk, "c2");
    is(day->delivery, "direct");
    is(day->handled_by, "litware/q");
}

static void s32_s33_s35_s36_models_combine_per_customer_and_per_service(void **state)
{
    struct desk *desk = *state;
    const struct egw_outcome *outcome;

    delivery(desk, "*", "*", "subcontract", "contoso", ""); /* all of it, S33 */
    event(desk, "e1", "opened", "c1", BILLING);
    is(desk_expect(desk, "c1", "HANDOFF")->handled_by, "contoso/q");
    delivery(desk, "adatum", "exchange-online", "resell", "fourthcoffee", ""); /* S32 */
    delivery(desk, "adatum", "azure", "direct", "litware", "");                /* S35 */
    event(desk, "e2", "opened", "c2", EXCHANGE("B"));
    outcome = desk_expect(desk, "c2", "HANDOFF");
    is(outcome->handled_by, "fourthcoffee/q");
    is(outcome->delivery, "resell");
    event(desk, "e3", "opened", "c3", ",\"service\":\"Azure\",\"text\":\"?\"");
    outcome = desk_outcome(desk, "c3");
    is(outcome->handled_by, "litware/q");
    is(outcome->delivery, "direct");
    event(desk, "e4", "opened", "c4", BILLING);
    is(desk_expect(desk, "c4", "HANDOFF")->handled_by, "contoso/q");
}

static void a_delivery_whose_hours_nobody_knows_is_passed_over(void **state)
{
    struct desk *desk = *state;
    const struct egw_outcome *outcome;

    delivery(desk, "adatum", "*", "subcontract", "contoso", ",\"hours\":\"dusk\"");
    event(desk, "e1", "opened", "c1", BILLING);
    outcome = desk_expect(desk, "c1", "HANDOFF");
    is(outcome->handled_by, "");
    assert_true(outcome->warnings.n > 0);
}

static void s37_a_charge_for_one_severity_only(void **state)
{
    struct desk *desk = *state;
    const struct egw_outcome *outcome;

    statement(desk, "\"version\":\"1\",\"hours\":\"desk\",\"charge\":true,\"price\":\"EUR 90\","
                    "\"charge_for\":[\"C\"],\"since\":\"2026-01-01T00:00:00Z\"");
    event(desk, "e1", "opened", "c1", EXCHANGE("C"));
    outcome = desk_expect(desk, "c1", "HANDOFF");
    assert_true(outcome->chargeable.has && outcome->chargeable.v);
    is(outcome->price, "EUR 90");
    event(desk, "e2", "opened", "c2", EXCHANGE("B"));
    outcome = desk_expect(desk, "c2", "HANDOFF");
    assert_true(outcome->chargeable.has && !outcome->chargeable.v);
    is(outcome->price, "");
    event(desk, "e3", "updated", "c1", "");
    outcome = desk_expect(desk, "c1", "NOTED/UPDATED");
    assert_true(outcome->chargeable.v);
    is(outcome->statement, "1");
}

static void s42_each_event_has_the_statement_in_force_when_it_occurred(void **state)
{
    struct desk *desk = *state;
    const struct egw_outcome *outcome;

    statement(desk, "\"version\":\"1\",\"hours\":\"desk\",\"charge\":false,"
                    "\"since\":\"2025-07-01T00:00:00Z\"");
    event(desk, "e1", "opened", "c1", BILLING);
    is(desk_expect(desk, "c1", "HANDOFF")->statement, "1");
    /* Announced before it is in force, with the one before it. */
    statement(desk, "\"version\":\"2\",\"hours\":\"desk\",\"charge\":true,\"price\":\"EUR 90\","
                    "\"since\":\"2026-02-01T00:00:00Z\",\"earlier\":[{\"version\":\"1\","
                    "\"hours\":\"desk\",\"charge\":false,\"since\":\"2025-07-01T00:00:00Z\"}]");
    event(desk, "e2", "opened", "c2", BILLING);
    outcome = desk_expect(desk, "c2", "HANDOFF");
    is(outcome->statement, "1");
    assert_false(outcome->chargeable.v);
    wait_until(desk, at("2026-02-01T00:00:00Z"));
    while (desk_outcome(desk, ""))
        ;
    event(desk, "e3", "opened", "c3", BILLING);
    outcome = desk_expect(desk, "c3", "HANDOFF");
    is(outcome->statement, "2");
    assert_true(outcome->chargeable.v);
    desk_event(desk, "{\"event_id\":\"e4\",\"event_type\":\"opened\",\"partner\":\"litware\","
                     "\"customer\":\"adatum\",\"case_id\":\"c4\","
                     "\"occurred_at\":\"2026-01-31T23:59:59Z\"" BILLING "}");
    desk_run(desk);
    is(desk_expect(desk, "c4", "HANDOFF")->statement, "1");
}

/* ---- touch points ---- */

static void s30_every_contact_says_which_service_and_what_about(void **state)
{
    static const struct {
        const char *type, *more, *want;
    } contacts[] = {
        {"opened", EXCHANGE("B"), "HANDOFF"},
        {"updated", "", "NOTED/UPDATED"},
        {"confirmed", "", "NOTED/UPDATED"},
        {"case-number", ",\"number\":\"7\"", "NOTED/CASE_NUMBER"},
        {"case-state", ",\"state\":\"active\"", "NOTED/CASE_STATE"},
        {"link", ",\"link\":\"litware/adatum/x\"", "NOTED/LINK"},
        {"closed", "", "CLOSED/PARTNER"},
        {"updated", "", "NOTED/LATE"},
    };
    struct desk *desk = *state;

    for (size_t i = 0; i < EGW_COUNT(contacts); i++) {
        char id[16];
        const struct egw_outcome *outcome;

        (void)snprintf(id, sizeof(id), "e%zu", i);
        event(desk, id, contacts[i].type, "c1", contacts[i].more);
        outcome = desk_expect(desk, "c1", contacts[i].want);
        is(outcome->service, "exchange-online");
        is(outcome->theme, "mail-flow");
    }
}

static void s30_a_theme_is_a_word_of_the_policy_and_never_a_persons(void **state)
{
    static const struct {
        const char *more, *want;
    } cases[] = {
        {",\"topic\":\"quota\",\"symptom\":\"mail-flow\"", "quota"},
        {",\"topic\":\"Mrs Smith\",\"symptom\":\"Mail-Flow\"", "mail-flow"},
        {",\"topic\":\"Mrs Smith\",\"domain\":\"billing\"", "billing"},
        {",\"topic\":\"Mrs Smith\"", "unclassified"},
    };
    struct desk *desk = *state;

    for (size_t i = 0; i < EGW_COUNT(cases); i++) {
        char id[16];

        (void)snprintf(id, sizeof(id), "c%zu", i);
        event(desk, id, "opened", id, cases[i].more);
        is(desk_outcome(desk, id)->theme, cases[i].want);
    }
}

/* ---- links ---- */

static void packages_cite_the_numbers_of_linked_cases_until_they_are_unlinked(void **state)
{
    struct desk *desk = *state;
    const struct egw_escalation *command;
    const struct egw_str *links;

    event(desk, "e1", "opened", "c1", BILLING);
    event(desk, "e2", "case-number", "c1", ",\"number\":\"111\"");
    event(desk, "e3", "opened", "c2", VAGUE);
    event(desk, "e4", "link", "c2", ",\"link\":\"litware/adatum/c1\"");
    event(desk, "e5", "link", "c2", ",\"link\":\"litware/northwind/c9\",\"number\":\"999\"");
    event(desk, "e6", "link", "c2", ",\"link\":\"litware/fabrikam/c8\"");
    event(desk, "e7", "link", "c2", ",\"link\":\"litware/fabrikam/c7\",\"number\":\"777\"");
    event(desk, "e8", "unlink", "c2", ",\"link\":\"litware/fabrikam/c7\"");
    event(desk, "e9", "updated", "c2", BILLING);
    command = desk_command(desk, "c2");
    assert_non_null(command);
    assert_int_equal(command->links.n, 3);
    links = command->links.p;
    is(links[0], "litware/adatum/c1, Microsoft's number 111");
    is(links[1], "litware/northwind/c9, Microsoft's number 999");
    is(links[2], "litware/fabrikam/c8");
    event(desk, "e10", "link", "c2", "");
    desk_expect(desk, "c1", "HANDOFF");
    desk_expect(desk, "c1", "NOTED/CASE_NUMBER");
    desk_expect(desk, "c2", "BASELINE/CLASSIFY");
    for (int i = 0; i < 4; i++)
        desk_expect(desk, "c2", "NOTED/LINK");
    desk_expect(desk, "c2", "NOTED/UNLINK");
    desk_expect(desk, "c2", "HANDOFF");
    desk_expect(desk, "c2", "REJECTED/BAD_FIELD");
}

/* A linked case waits for the one that has the command, for long: the channel's clock rings once.
 */
static void cases_of_one_problem_have_one_clock_of_the_channel(void **state)
{
    struct desk *desk = *state;

    event(desk, "e1", "opened", "c1", BILLING ",\"problem\":\"P\"");
    event(desk, "e2", "opened", "c2", BILLING ",\"problem\":\"P\"");
    assert_true(desk_expect(desk, "c1", "HANDOFF")->due_at.has);
    expect_due(desk_expect(desk, "c2", "LINKED"), "2026-01-15T08:30:00Z", "");
    wait_until(desk, at("2026-01-08T00:00:00Z"));
    desk_expect(desk, "c1", "OVERDUE/BREACH");
    desk_expect_nothing(desk);
    wait_until(desk,
               at("2026-01-15T08:30:00Z")); /* and if that one ended, somebody hears of this */
    desk_expect(desk, "c2", "OVERDUE/BREACH");
}

/* ---- replay ---- */

/* The same log, taken over after each event or never: the same outcomes at the same times. */
static void outcomes_are_the_same_however_often_the_case_changed_hands(void **state)
{
    struct desk *desks[2] = {*state, open_desk("2026-01-05T08:30:00Z")};

    for (int d = 0; d < 2; d++) {
        static const char *const hours[] = {"2026-01-05T09:15:00Z", "2026-01-05T12:30:00Z",
                                            "2026-01-06T08:30:00Z", "2026-01-15T08:30:00Z"};
        struct desk *desk = desks[d];

        contract(desk, "premier");
        event(desk, "e1", "opened", "c1", EXCHANGE("emergency"));
        event(desk, "e2", "opened", "c2", BILLING);
        event(desk, "e3", "opened", "c3", ROOT_CAUSE);
        event(desk, "e4", "opened", "c4", VAGUE);
        for (size_t i = 0; i < EGW_COUNT(hours); i++) {
            if (d)
                desk_restart(desk);
            wait_until(desk, at(hours[i]));
        }
    }
    assert_int_equal(desk_count(desks[0], DESK_OUTCOMES), desk_count(desks[1], DESK_OUTCOMES));
    for (;;) {
        const struct egw_outcome *a = desk_outcome(desks[0], ""), *b = desk_outcome(desks[1], "");

        if (!a && !b)
            break;
        assert_non_null(a);
        assert_non_null(b);
        assert_int_equal(a->action, b->action);
        assert_true(egw_str_eq(a->code, b->code));
        assert_int_equal(a->due_at.v, b->due_at.v);
        assert_memory_equal(a->prev, b->prev, EGW_SHA256);
    }
    desk_free(desks[1]);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_severity_that_changes_after_the_hand_off_is_said_and_has_its_clock),
        TEST(s39_the_partners_own_clock_runs_in_the_hours_it_promised),
        TEST(s39_hours_nobody_has_on_record_are_counted_round_the_clock_and_pointed_out),
        TEST(a_warning_comes_before_the_breach_and_each_once),
        TEST(clocks_survive_a_take_over_before_and_after_the_warning),
        TEST(a_breach_that_passed_unseen_needs_no_warning_any_more),
        TEST(the_number_ends_its_clock_and_starts_microsofts),
        TEST(microsofts_answer_stops_its_clock_and_a_queue_is_no_answer),
        TEST(deciding_the_same_again_gives_no_more_time),
        TEST(an_ended_case_strikes_no_more),
        TEST(an_approval_has_an_owner_a_time_and_a_default),
        TEST(what_is_approved_goes_and_what_is_declined_stays),
        TEST(an_approval_for_nothing_approves_nothing),
        TEST(when_nobody_approves_an_emergency_goes),
        TEST(when_nobody_approves_a_cost_it_is_declined),
        TEST(s48_a_hold_calls_no_channel_until_it_is_released),
        TEST(a_hold_nobody_asks_about_ends_without_reply),
        TEST(s16_a_fault_that_outlives_its_incident_goes_with_both_times),
        TEST(a_customer_who_never_answers_after_an_incident_is_closed_without_reply),
        TEST(waiting_for_an_incident_has_a_limit_by_severity),
        TEST(s23_what_is_cleared_before_it_went_goes_nowhere),
        TEST(s34_the_same_event_by_night_and_by_day_goes_to_different_teams),
        TEST(s32_s33_s35_s36_models_combine_per_customer_and_per_service),
        TEST(a_delivery_whose_hours_nobody_knows_is_passed_over),
        TEST(s37_a_charge_for_one_severity_only),
        TEST(s42_each_event_has_the_statement_in_force_when_it_occurred),
        TEST(s30_every_contact_says_which_service_and_what_about),
        TEST(s30_a_theme_is_a_word_of_the_policy_and_never_a_persons),
        TEST(packages_cite_the_numbers_of_linked_cases_until_they_are_unlinked),
        TEST(cases_of_one_problem_have_one_clock_of_the_channel),
        TEST(outcomes_are_the_same_however_often_the_case_changed_hands),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
