/* Cases that take an odd way: filed by hand, back after their cure, held at one severity and worse
 * the next hour, told twice, told too much. Over the shipped policy (S10, S16, S23, S44, S48). */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>

#include "desk.h"
#include "egw/hash.h"

#define BILLING                                                                                    \
    ",\"domain\":\"billing\",\"ask\":\"issue\",\"service\":\"Office 365\","                        \
    "\"title\":\"Charged twice\",\"text\":\"40 seats were charged twice\""                         \
    ",\"diagnosis\":[{\"kind\":\"check\",\"step\":\"compared\",\"result\":\"one order\"}]"
#define EXCHANGE                                                                                   \
    ",\"domain\":\"technical\",\"ask\":\"issue\",\"service\":\"Exchange Online\","                 \
    "\"symptom\":\"mail-flow\",\"title\":\"Late mail\",\"text\":\"late\",\"impact\":\"none\","     \
    "\"available_24x7\":true,\"started_at\":\"2026-01-05T08:00:00Z\""
#define TRIED ",\"diagnosis\":[{\"kind\":\"attempt\",\"step\":\"connector\"}]"
#define CURED ",\"diagnosis\":[{\"kind\":\"attempt\",\"step\":\"restart\",\"resolved\":true}]"

static int setup(void **state)
{
    struct desk *desk = desk_new(1767601800000); /* 2026-01-05, 08:30 */

    desk_everyday(desk);
    *state = desk;
    return 0;
}

static int teardown(void **state)
{
    desk_free(*state);
    return 0;
}

static void event_of(struct desk *desk, const char *partner, const char *id, const char *type,
                     const char *case_id, const char *more)
{
    char line[16384], now[EGW_TIME_TEXT];

    egw_time_format(desk->now_ms, now);
    assert_true((size_t)snprintf(line, sizeof(line),
                                 "{\"event_id\":\"%s\",\"event_type\":\"%s\",\"partner\":\"%s\","
                                 "\"customer\":\"adatum\",\"case_id\":\"%s\","
                                 "\"occurred_at\":\"%s\"%s}",
                                 id, type, partner, case_id, now, more) < sizeof(line));
    desk_event(desk, line);
    desk_run(desk);
}

static void event(struct desk *desk, const char *id, const char *type, const char *case_id,
                  const char *more)
{
    event_of(desk, "litware", id, type, case_id, more);
}

static void is(struct egw_str got, const char *want)
{
    if (!egw_str_is(got, want))
        fail_msg("'%.*s', wanted '%s'", EGW_FMT(got), want);
}

static void premier(struct desk *desk)
{
    desk_fact(desk, DESK_FACT("{\"contract\":{\"partner\":\"litware\",\"plan\":\"premier\"}}"));
    desk_run(desk);
}

/* Over or not, and what else is said of it. */
static void incident(struct desk *desk, const char *id, const char *resolved)
{
    char line[1024], now[EGW_TIME_TEXT];

    egw_time_format(desk->now_ms, now);
    (void)snprintf(
        line, sizeof(line),
        "{\"as_of\":\"%s\",\"source\":\"t\",\"body\":{\"health_issue\":{"
        "\"customer\":\"adatum\",\"id\":\"%s\",\"service\":\"Exchange Online\","
        "\"classification\":\"incident\",\"status\":\"serviceDegradation\",\"resolved\":%s}}}",
        now, id, resolved);
    desk_fact(desk, line);
    desk_run(desk);
}

/* ---- the end and what comes after ---- */

/* A number says that Microsoft has the case: what is told of it later files nothing again. */
static void a_number_that_comes_before_the_case_is_kept(void **state)
{
    struct desk *desk = *state;
    const struct egw_outcome *outcome;

    event(desk, "e1", "case-number", "c1", ",\"number\":\"2601\"");
    outcome = desk_expect(desk, "c1", "NOTED/CASE_NUMBER");
    is(outcome->number, "2601");
    assert_true(outcome->due_at.has); /* Microsoft's first answer */
    event(desk, "e2", "opened", "c1", BILLING);
    outcome = desk_expect(desk, "c1", "NOTED/UPDATED");
    is(outcome->number, "2601");
    is(outcome->theme, "billing");
    event(desk, "e3", "case-number", "c1", ",\"number\":\"2602\"");
    desk_expect(desk, "c1", "NOTED/NUMBER_CONFLICT");
    event(desk, "e4", "case-state", "c1", ",\"state\":\"closed\"");
    is(desk_expect(desk, "c1", "CLOSED/MICROSOFT")->number, "2601");
    assert_int_equal(desk_count(desk, DESK_ESCALATIONS), 0);
}

static void what_microsoft_has_a_number_for_was_not_closed_before_escalation(void **state)
{
    static const struct {
        const char *type, *more, *want;
    } ends[] = {
        {"closed", "", "CLOSED/PARTNER"},
        {"cleared", "", "CLOSED/CUSTOMER"},
        {"case-state", ",\"state\":\"closed\"", "CLOSED/MICROSOFT"},
    };
    struct desk *desk = *state;
    char id[3][16];

    for (size_t i = 0; i < EGW_COUNT(ends); i++) {
        for (size_t k = 0; k < EGW_COUNT(id); k++)
            (void)snprintf(id[k], sizeof(id[k]), "e%zu%zu", i, k);
        event(desk, id[0], "opened", id[0], ",\"text\":\"something is wrong\"");
        event(desk, id[1], "case-number", id[0], ",\"number\":\"2601\"");
        event(desk, id[2], ends[i].type, id[0], ends[i].more);
        desk_expect(desk, id[0], "BASELINE/CLASSIFY");
        desk_expect(desk, id[0], "NOTED/CASE_NUMBER");
        is(desk_expect(desk, id[0], ends[i].want)->number, "2601");
    }
    assert_int_equal(desk_count(desk, DESK_ESCALATIONS), 0);
}

static void a_problem_that_came_back_was_not_cured(void **state)
{
    struct desk *desk = *state;

    event(desk, "e1", "opened", "c1", EXCHANGE CURED);
    desk_expect(desk, "c1", "RESOLVED_BASELINE");
    event(desk, "e2", "reopened", "c1", "");
    desk_expect(desk, "c1", "HANDOFF");
    event(desk, "e3", "opened", "c2", EXCHANGE CURED);
    desk_expect(desk, "c2", "RESOLVED_BASELINE");
    event(desk, "e4", "redecide", "c2", ""); /* nobody says that it is back */
    desk_expect(desk, "c2", "RESOLVED_BASELINE");
}

/* ---- hours ---- */

static void who_is_there_around_the_clock_needs_no_calendar_on_record(void **state)
{
    struct desk *desk = *state;
    const struct egw_outcome *outcome;

    desk_fact(desk,
              DESK_FACT("{\"statement\":{\"partner\":\"litware\",\"customer\":\"adatum\","
                        "\"version\":\"1\",\"support\":\"all\",\"hours\":\"24x7\",\"contact\":"
                        "\"phone\",\"charge\":false,\"since\":1}}"));
    desk_run(desk);
    event(desk, "e1", "opened", "c1", EXCHANGE ",\"severity\":\"A\"");
    outcome = desk_expect(desk, "c1", "BASELINE/DIAGNOSE");
    is(outcome->calendar, "24x7");
    assert_int_equal(outcome->due_at.v, desk->now_ms + 3600000);
    assert_int_equal(outcome->warnings.n, 0);
}

/* ---- holds ---- */

static void an_answer_to_a_hold_is_for_the_severity_it_was_given_at(void **state)
{
    struct desk *desk = *state;

    premier(desk);
    desk_fact(desk,
              DESK_FACT("{\"partner\":{\"partner\":\"litware\",\"kind\":\"other\",\"csp\":true}}"));
    desk_run(desk);
    event(desk, "e1", "opened", "c1", EXCHANGE TRIED ",\"severity\":\"C\"");
    desk_expect(desk, "c1", "HELD/APPROVAL");
    event(desk, "e2", "declined", "c1", "");
    is(desk_expect(desk, "c1", "HELD/POLICY")->rule, "approval.premier-for-c.declined");
    event(desk, "e3", "updated", "c1", ",\"impact\":\"some\"");
    is(desk_expect(desk, "c1", "HELD/POLICY")->rule, "approval.premier-for-c.declined");
    event(desk, "e4", "updated", "c1", ",\"severity\":\"emergency\"");
    is(desk_expect(desk, "c1", "HELD/APPROVAL")->rule, "approval.emergency");
}

/* What nobody asked for is no answer, and does not count when it is asked for later. */
static void an_answer_to_another_kind_of_hold_is_none(void **state)
{
    struct desk *desk = *state;
    const struct egw_outcome *outcome;

    premier(desk);
    desk_fact(desk,
              DESK_FACT("{\"partner\":{\"partner\":\"litware\",\"kind\":\"other\",\"csp\":true}}"));
    desk_run(desk);
    event(desk, "e1", "opened", "c1", EXCHANGE TRIED ",\"topic\":\"root-cause\"");
    is(desk_expect(desk, "c1", "HELD/POLICY")->rule, "channel.root-cause");
    event(desk, "e2", "approved", "c1", "");
    outcome = desk_expect(desk, "c1", "NOTED/UPDATED");
    is(outcome->because, "no approval was asked for: the case is held until it is released");
    assert_true(outcome->due_at.has); /* of the hold, which stands */
    event(desk, "e3", "released", "c1", "");
    outcome = desk_expect(desk, "c1", "HELD/APPROVAL"); /* the approval of before was none */
    is(outcome->rule, "approval.premier-for-c");
    event(desk, "e4", "released", "c1", "");
    is(desk_expect(desk, "c1", "NOTED/UPDATED")->because,
       "the case is held for an approval: it is approved or declined");
    event(desk, "e5", "approved", "c1", "");
    is(desk_expect(desk, "c1", "BASELINE/CLASSIFY")->rule, "form.contact"); /* it goes on */
}

/* ---- incidents ---- */

/* S16: while the incident is open, that the fault is there is what everybody knows. */
static void a_fault_confirmed_while_its_incident_is_open_waits_on(void **state)
{
    struct desk *desk = *state;
    const struct egw_outcome *outcome;
    struct egw_opt_i64 due;

    incident(desk, "EX1", "false");
    event(desk, "e1", "opened", "c1", EXCHANGE TRIED);
    due = desk_expect(desk, "c1", "HEALTH_MATCH")->due_at;
    event(desk, "e2", "confirmed", "c1", "");
    outcome = desk_expect(desk, "c1", "NOTED/UPDATED");
    is(outcome->incident, "EX1");
    is(outcome->because, "EX1 is still open: the case waits for its end");
    assert_int_equal(outcome->due_at.v, due.v);
    assert_int_equal(desk_count(desk, DESK_ESCALATIONS), 0);
    incident(desk, "EX1", "true");
    desk_expect(desk, "c1", "INCIDENT_ENDED");
    event(desk, "e3", "confirmed", "c1", "");
    outcome = desk_expect(desk, "c1", "HANDOFF");
    assert_true(outcome->incident_ended_at.has && outcome->confirmed_at.has);
    assert_int_equal(desk_count(desk, DESK_ESCALATIONS), 1);
}

/* S15: a feed that fell silent does not say that the incident is still open: the customer's word
 * counts. */
static void a_fault_confirmed_after_the_feed_fell_silent_goes_on(void **state)
{
    struct desk *desk = *state;
    const struct egw_outcome *outcome;

    incident(desk, "EX1", "false");
    event(desk, "e1", "opened", "c1", EXCHANGE TRIED ",\"severity\":\"C\"");
    desk_expect(desk, "c1", "HEALTH_MATCH");
    desk->now_ms += INT64_C(6) * 3600000;
    desk_run(desk);
    event(desk, "e2", "confirmed", "c1", "");
    desk_expect(desk, "c1", "NOTED/UPDATED"); /* to its last instant it is believed */
    desk->now_ms++;
    event(desk, "e3", "confirmed", "c1", "");
    outcome = desk_expect(desk, "c1", "HANDOFF");
    is(outcome->health, "unknown");
    assert_false(outcome->incident_ended_at.has); /* nobody said that it ended */
    assert_true(outcome->confirmed_at.has);
}

/* The end of the incident and the customer's word cross: whichever is first, one hand-off follows,
 * with both times. */
static void an_end_and_a_confirmation_at_once_make_one_hand_off(void **state)
{
    struct desk *desk = *state;
    const struct egw_outcome *outcome;

    incident(desk, "EX1", "false");
    event(desk, "e1", "opened", "c1", EXCHANGE TRIED);
    desk_expect(desk, "c1", "HEALTH_MATCH");
    desk->now_ms += 60000;
    desk_event(desk, "{\"event_id\":\"e2\",\"event_type\":\"confirmed\",\"partner\":\"litware\","
                     "\"customer\":\"adatum\",\"case_id\":\"c1\",\"occurred_at\":"
                     "\"2026-01-05T08:31:00Z\"}");
    incident(desk, "EX1", "true,\"ends_at\":\"2026-01-05T08:30:30Z\"");
    outcome = desk_outcome(desk, "c1");
    assert_non_null(outcome);
    if (outcome->action == EGW_ACTION_INCIDENT_ENDED)
        outcome = desk_outcome(desk, "c1");
    assert_non_null(outcome);
    assert_int_equal(outcome->action, EGW_ACTION_HANDOFF);
    assert_int_equal(outcome->incident_ended_at.v, 1767601830000);
    assert_int_equal(outcome->confirmed_at.v, 1767601860000);
    desk_expect_nothing(desk);
}

static void a_case_whose_incident_is_another_one_now_waits_for_that_one(void **state)
{
    struct desk *desk = *state;
    const struct egw_outcome *outcome;

    incident(desk, "EX1", "false");
    event(desk, "e1", "opened", "c1", EXCHANGE TRIED);
    is(desk_expect(desk, "c1", "HEALTH_MATCH")->incident, "EX1");
    incident(desk, "EX2", "false");
    desk_expect_nothing(desk);
    incident(desk, "EX1", "false,\"feature\":\"Voice mail\""); /* it turns out to be about that */
    is(desk_expect(desk, "c1", "HEALTH_MATCH")->incident, "EX2");
    incident(desk, "EX2", "true");
    outcome = desk_expect(desk, "c1", "INCIDENT_ENDED");
    is(outcome->incident, "EX2");
    desk_expect_nothing(desk);
}

/* S23: our own note in its ticket comes back as an update, and is no customer's word. */
static void news_while_the_customer_is_asked_sends_nothing_to_microsoft(void **state)
{
    static const struct {
        const char *type, *more, *want;
    } words[] = {
        {"confirmed", "", "HANDOFF"},
        {"diagnosed", ",\"diagnosis\":[{\"kind\":\"check\",\"step\":\"s\",\"result\":\"r\"}]",
         "HANDOFF"},
        {"updated", ",\"topic\":\"vulnerability\"", "REFERRED/MSRC"},
        {"updated", CURED, "RESOLVED_BASELINE"},
    };
    struct desk *desk = *state;
    char id[3][16];

    for (size_t i = 0; i < EGW_COUNT(words); i++) {
        incident(desk, "EX1", "false");
        for (size_t k = 0; k < EGW_COUNT(id); k++)
            (void)snprintf(id[k], sizeof(id[k]), "e%zu%zu", i, k);
        event(desk, id[0], "opened", id[0], EXCHANGE TRIED);
        desk_expect(desk, id[0], "HEALTH_MATCH");
        incident(desk, "EX1", "true");
        desk_expect(desk, id[0], "INCIDENT_ENDED");
        event(desk, id[1], "updated", id[0], ",\"impact\":\"was noted in the ticket\"");
        assert_true(desk_expect(desk, id[0], "NOTED/UPDATED")->due_at.has);
        event(desk, id[2], words[i].type, id[0], words[i].more);
        desk_expect(desk, id[0], words[i].want);
    }
}

/* Who files reads what was known, not a word of ours alone. */
static void the_package_says_what_is_known_of_health(void **state)
{
    static const struct {
        const char *status, *more, *as_of, *want;
    } cases[] = {
        {"serviceOperational", "", "2026-01-05T08:20:00Z",
         "known as of 2026-01-05T08:20:00.000Z: no open incident explains the fault"},
        {"serviceOperational", "", "2026-01-05T07:00:00Z",
         "stale: last told of at 2026-01-05T07:00:00.000Z"},
        {"serviceDegradation", "advisory", "2026-01-05T08:20:00Z",
         "known as of 2026-01-05T08:20:00.000Z: see EX7, which is open"},
        {"", "", "", "unknown: nobody has told of this service's health lately"},
    };
    char line[512], id[16];

    for (size_t i = 0; i < EGW_COUNT(cases); i++) {
        struct desk *desk;

        (void)teardown(state);
        (void)setup(state);
        desk = *state;
        (void)snprintf(
            line, sizeof(line),
            "{\"as_of\":\"%s\",\"source\":\"t\",\"body\":{\"health_snapshot\":{"
            "\"customer\":\"adatum\",\"service\":\"Exchange Online\",\"status\":\"%s\"}}}",
            cases[i].as_of, cases[i].status);
        if (*cases[i].as_of)
            desk_fact(desk, line);
        (void)snprintf(
            line, sizeof(line),
            "{\"as_of\":\"%s\",\"source\":\"t\",\"body\":{\"health_issue\":{"
            "\"customer\":\"adatum\",\"id\":\"EX7\",\"service\":\"Exchange Online\","
            "\"classification\":\"%s\",\"status\":\"investigating\",\"resolved\":false}}}",
            cases[i].as_of, cases[i].more);
        if (*cases[i].more)
            desk_fact(desk, line);
        desk_run(desk);
        (void)snprintf(id, sizeof(id), "e%zu", i);
        event(desk, id, "opened", "c1", EXCHANGE TRIED);
        desk_expect(desk, "c1", "HANDOFF");
        is(desk_command(desk, "c1")->health, cases[i].want);
    }
}

/* ---- one problem of several cases ---- */

static void a_problem_that_comes_back_after_its_end_has_a_new_command(void **state)
{
    struct desk *desk = *state;
    unsigned char ids[3][EGW_SHA256];

    event(desk, "e1", "opened", "c1", BILLING ",\"problem\":\"P\"");
    event(desk, "e2", "closed", "c1", "");
    event(desk, "e3", "opened", "c2", BILLING ",\"problem\":\"P\"");
    event(desk, "e4", "reopened", "c1", "");
    desk_expect(desk, "c1", "HANDOFF");
    desk_expect(desk, "c1", "CLOSED/PARTNER");
    memcpy(ids[0], desk_command(desk, "c1")->command_id, EGW_SHA256);
    desk_expect(desk, "c2", "HANDOFF");
    memcpy(ids[1], desk_command(desk, "c2")->command_id, EGW_SHA256);
    desk_expect(desk, "c1", "LINKED");
    event(desk, "e5", "closed", "c2", "");
    desk_expect(desk, "c2", "CLOSED/PARTNER");
    event(desk, "e6", "redecide", "c1", "");
    desk_expect(desk, "c1", "HANDOFF");
    memcpy(ids[2], desk_command(desk, "c1")->command_id, EGW_SHA256);
    assert_memory_not_equal(ids[0], ids[1], EGW_SHA256);
    assert_memory_not_equal(ids[1], ids[2], EGW_SHA256);
    assert_memory_not_equal(ids[0], ids[2], EGW_SHA256);
}

static void a_linked_case_learns_the_number_of_the_command_it_shares(void **state)
{
    struct desk *desk = *state;
    const struct egw_outcome *outcome;

    event(desk, "e1", "opened", "c1", BILLING ",\"problem\":\"P\"");
    event(desk, "e2", "opened", "c2", BILLING ",\"problem\":\"P\"");
    event(desk, "e3", "case-number", "c1", ",\"number\":\"2601\"");
    event(desk, "e4", "updated", "c2", "");
    desk_expect(desk, "c1", "HANDOFF");
    outcome = desk_expect(desk, "c2", "LINKED");
    is(outcome->number, "");
    is(outcome->advice,
       "file nothing for this case: case c1 is filed for both, and its number is shared");
    assert_int_equal(outcome->missing.n, 0);
    desk_expect(desk, "c1", "NOTED/CASE_NUMBER");
    outcome = desk_expect(desk, "c2", "NOTED/UPDATED");
    is(outcome->number, "2601");
    assert_int_equal(outcome->links.n, 1);
    is(*(const struct egw_str *)outcome->links.p, "litware/adatum/c1");
}

static void a_case_taken_off_the_shared_command_has_one_of_its_own(void **state)
{
    struct desk *desk = *state;
    const struct egw_outcome *outcome;
    const struct egw_escalation *command;

    event(desk, "e1", "opened", "c1", BILLING ",\"problem\":\"P\"");
    event(desk, "e2", "opened", "c2", BILLING ",\"problem\":\"P\"");
    event(desk, "e3", "case-number", "c1", ",\"number\":\"2601\"");
    event(desk, "e4", "unlink", "c2", ",\"link\":\"litware/adatum/c9\"");
    event(desk, "e5", "unlink", "c1", ",\"link\":\"litware/adatum/c2\"");
    desk_expect(desk, "c1", "HANDOFF");
    desk_expect(desk, "c2", "LINKED");
    desk_expect(desk, "c1", "NOTED/CASE_NUMBER");
    desk_expect(desk, "c2", "NOTED/UNLINK");
    desk_expect(desk, "c1", "NOTED/UNLINK"); /* whose the command is keeps it */
    event(desk, "e6", "unlink", "c2", ",\"link\":\"litware/adatum/c1\"");
    outcome = desk_expect(desk, "c2", "HANDOFF");
    is(outcome->problem, "");
    is(outcome->number, "");
    assert_int_equal(outcome->links.n, 0);
    command = desk_command(desk, "c2");
    assert_non_null(command);
    assert_memory_not_equal(command->command_id, desk_command(desk, "c1")->command_id, EGW_SHA256);
    event(desk, "e7", "closed", "c2", "");
    desk_expect(desk, "c2", "CLOSED/PARTNER");
    event(desk, "e8", "opened", "c3", BILLING ",\"problem\":\"P\"");
    is(desk_expect(desk, "c3", "LINKED")->number,
       "2601"); /* the problem's command is still there */
}

/* ---- who and whose ---- */

static void a_name_of_two_customers_reaches_neither(void **state)
{
    struct desk *desk = *state;

    desk_fact(desk, DESK_FACT("{\"relation\":{\"partner\":\"litware\",\"customer\":\"a\","
                              "\"tenant\":\"ta\",\"aliases\":[\"acme\"]}}"));
    desk_fact(desk, DESK_FACT("{\"relation\":{\"partner\":\"litware\",\"customer\":\"b\","
                              "\"tenant\":\"tb\",\"aliases\":[\"acme\"]}}"));
    desk_run(desk);
    desk_event(desk, "{\"event_id\":\"e1\",\"event_type\":\"opened\",\"partner\":\"litware\","
                     "\"customer\":\"acme\",\"case_id\":\"c1\",\"occurred_at\":"
                     "\"2026-01-05T08:30:00Z\"" BILLING "}");
    desk_run(desk);
    desk_expect(desk, "c1", "REJECTED/UNKNOWN_CUSTOMER");
    desk_fact(desk, DESK_FACT("{\"relation\":{\"partner\":\"litware\",\"customer\":\"b\","
                              "\"tenant\":\"tb\"}}"));
    desk_run(desk);
    desk_event(desk, "{\"event_id\":\"e2\",\"event_type\":\"reopened\",\"partner\":\"litware\","
                     "\"customer\":\"acme\",\"case_id\":\"c1\",\"occurred_at\":"
                     "\"2026-01-05T08:30:00Z\"" BILLING "}");
    desk_run(desk);
    for (const struct egw_outcome *o; (o = desk_outcome(desk, "c1")) != NULL;) {
        if (o->action != EGW_ACTION_PASSED_ON)
            is(o->customer, "a");
    }
    assert_int_equal(desk_count(desk, DESK_ESCALATIONS), 1);
}

static void what_an_operator_had_decided_again_says_so(void **state)
{
    static const struct {
        const char *more, *role;
    } roles[] = {
        {",\"actor\":\"Jo\",\"actor_role\":\"operator\"", "operator"},
        {",\"actor_role\":\"desk\"", "desk"},
        {",\"actor_role\":\"Jo Doe\"", ""},
        {"", ""},
    };
    struct desk *desk = *state;
    const struct egw_outcome *outcome;
    char id[16];

    event(desk, "e", "opened", "c1", ",\"text\":\"?\"");
    desk_expect(desk, "c1", "BASELINE/CLASSIFY");
    for (size_t i = 0; i < EGW_COUNT(roles); i++) {
        (void)snprintf(id, sizeof(id), "r%zu", i);
        event(desk, id, "redecide", "c1", roles[i].more);
        outcome = desk_expect(desk, "c1", "BASELINE/CLASSIFY");
        is(outcome->event_type, "redecide");
        is(outcome->actor_role, roles[i].role);
    }
}

/* ---- what is told twice ---- */

static void a_source_that_repeats_everything_says_it_once(void **state)
{
    static const char all[] =
        ",\"correlation_ids\":[\"id-1\",\"id-2\"],\"diagnosis\":["
        "{\"kind\":\"check\",\"step\":\"trace\",\"result\":\"queued\"},"
        "{\"kind\":\"attempt\",\"step\":\"connector\",\"at\":\"2026-01-05T08:10:00Z\"},"
        "{\"kind\":\"attempt\",\"step\":\"connector\",\"at\":\"2026-01-05T08:20:00Z\"}]";
    struct desk *desk = *state;
    const struct egw_escalation *command;
    const struct egw_diagnosis *steps;

    event(desk, "e1", "opened", "c1", all);
    event(desk, "e2", "updated", "c1", all);
    event(desk, "e3", "diagnosed", "c1", all);
    event(desk, "e4", "updated", "c1", EXCHANGE ",\"correlation_ids\":[\"id-2\",\"id-3\"]");
    command = desk_command(desk, "c1");
    assert_non_null(command);
    assert_int_equal(command->diagnosis.n, 3);
    steps = command->diagnosis.p;
    is(steps[0].step, "trace");
    assert_int_equal(steps[2].at.v - steps[1].at.v, 600000);
    assert_int_equal(command->correlation_ids.n, 3);
}

/* More steps than a case keeps, in one event and over many. */
static void steps_past_all_measure_are_the_last_ones(void **state)
{
    struct desk *desk = *state;
    const size_t n = 60000, room = n * 64 + 4096;
    char *line = malloc(room);
    const struct egw_escalation *command;
    const struct egw_diagnosis *steps;

    assert_non_null(line);
    for (int round = 0; round < 2; round++) {
        size_t at = (size_t)snprintf(
            line, room,
            "{\"event_id\":\"e%d\",\"event_type\":\"updated\",\"partner\":\"litware\","
            "\"customer\":\"adatum\",\"case_id\":\"c1\",\"occurred_at\":"
            "\"2026-01-05T08:30:00Z\",\"diagnosis\":[",
            round);

        for (size_t i = 0; i < n; i++)
            at += (size_t)snprintf(line + at, room - at,
                                   "%s{\"kind\":\"attempt\",\"step\":\"%d-%zu\"}", i ? "," : "",
                                   round, i);
        (void)snprintf(line + at, room - at, "]}");
        desk_event(desk, line);
        desk_run(desk);
        desk_expect(desk, "c1", "BASELINE/CLASSIFY");
    }
    free(line);
    event(desk, "e4", "updated", "c1", EXCHANGE);
    desk_expect(desk, "c1", "HANDOFF");
    command = desk_command(desk, "c1");
    assert_int_equal(command->diagnosis.n, 256);
    steps = command->diagnosis.p;
    is(steps[255].step, "1-59999");
}

/* S47: a case too large keeps what was tried, with fewer words. */
static void a_case_too_large_keeps_what_was_tried(void **state)
{
    struct desk *desk = *state;
    const size_t room = 2000000;
    char *line = malloc(room);
    const struct egw_escalation *command;
    const struct egw_diagnosis *steps;

    assert_non_null(line);
    for (int i = 0; i < 3; i++) {
        size_t at = (size_t)snprintf(
            line, room,
            "{\"event_id\":\"e%d\",\"event_type\":\"updated\",\"partner\":\"litware\","
            "\"customer\":\"adatum\",\"case_id\":\"c1\",\"occurred_at\":"
            "\"2026-01-05T08:30:00Z\",\"diagnosis\":[{\"kind\":\"attempt\",\"step\":\"step %d ",
            i, i);

        memset(line + at, 'x', 900000);
        (void)snprintf(line + at + 900000, room - at - 900000, "\"}]}");
        desk_event(desk, line);
        desk_run(desk);
        desk_expect(desk, "c1", "BASELINE/CLASSIFY");
    }
    free(line);
    event(desk, "e4", "updated", "c1", EXCHANGE);
    desk_expect(desk, "c1", "HANDOFF");
    command = desk_command(desk, "c1");
    assert_int_equal(command->diagnosis.n, 3);
    steps = command->diagnosis.p;
    assert_memory_equal(steps[2].step.p, "step 2 x", 8);
}

/* ---- links ---- */

static void a_link_names_another_case_and_has_its_shape(void **state)
{
    static const char *const bad[] = {"c2",         "litware/adatum", "litware/adatum/",
                                      "/adatum/c2", "litware//c2",    "litware/adatum/c1"};
    struct desk *desk = *state;
    char id[16], more[128];

    event(desk, "e0", "opened", "c1", BILLING);
    desk_expect(desk, "c1", "HANDOFF");
    for (size_t i = 0; i < EGW_COUNT(bad); i++) {
        (void)snprintf(id, sizeof(id), "b%zu", i);
        (void)snprintf(more, sizeof(more), ",\"link\":\"%s\"", bad[i]);
        event(desk, id, "link", "c1", more);
        is(desk_expect(desk, "c1", "REJECTED/BAD_FIELD")->because,
           "a link names the other case as partner/customer/case");
    }
    event(desk, "e1", "link", "c1", ",\"link\":\"litware/adatum/c/2\"");
    desk_expect(desk, "c1", "NOTED/LINK");
}

/* Whose state lies in the same partition, where a look-up would find it. */
static void neighbour_of(const char *partner, char *ret, size_t size)
{
    char key[64];
    int32_t wanted;

    (void)snprintf(key, sizeof(key), "%s/adatum", partner);
    wanted = egw_partition_of(egw_str_of(key), DESK_PARTITIONS);
    for (int i = 0;; i++) {
        (void)snprintf(ret, size, "contoso-%d", i);
        (void)snprintf(key, sizeof(key), "%s/adatum", ret);
        if (egw_partition_of(egw_str_of(key), DESK_PARTITIONS) == wanted)
            return;
    }
}

/* S10: two cases that name each other, and one that names another partner's. */
static void a_package_cites_no_number_of_another_partners_case(void **state)
{
    struct desk *desk = *state;
    const struct egw_escalation *command;
    const struct egw_str *links;
    char other[32], line[512], key[64];

    neighbour_of("litware", other, sizeof(other));
    (void)snprintf(line, sizeof(line),
                   DESK_FACT("{\"relation\":{\"partner\":\"%s\",\"customer\":\"adatum\","
                             "\"tenant\":\"t-adatum\"}}"),
                   other);
    desk_fact(desk, line);
    desk_run(desk);
    event_of(desk, other, "x1", "opened", "c9", ",\"text\":\"?\"");
    event_of(desk, other, "x2", "case-number", "c9", ",\"number\":\"secret\"");
    desk_expect(desk, "c9", "BASELINE/CLASSIFY");
    desk_expect(desk, "c9", "NOTED/CASE_NUMBER");
    (void)snprintf(key, sizeof(key), "%s/adatum/c9", other);
    (void)snprintf(line, sizeof(line), ",\"link\":\"%s\"", key);
    event(desk, "e1", "opened", "c1", ",\"text\":\"?\"");
    event(desk, "e2", "link", "c1", line);
    event(desk, "e3", "link", "c1", ",\"link\":\"litware/adatum/c2\"");
    event(desk, "e4", "opened", "c2", ",\"text\":\"?\"");
    event(desk, "e5", "link", "c2", ",\"link\":\"litware/adatum/c1\"");
    event(desk, "e6", "updated", "c1", BILLING);
    command = desk_command(desk, "c1");
    assert_non_null(command);
    assert_int_equal(command->links.n, 2);
    links = command->links.p;
    is(links[0], key);
    is(links[1], "litware/adatum/c2");
}

/* Names of the greatest length, of characters of two bytes: nothing is cut inside one. */
static void the_longest_link_and_number_stand_whole_in_the_package(void **state)
{
    struct desk *desk = *state;
    char word[257], more[2048];
    const struct egw_escalation *command;
    struct egw_str link;

    for (size_t i = 0; i < 256; i += 2)
        memcpy(word + i, "\xC3\xA9", 2);
    word[256] = '\0';
    event(desk, "e1", "opened", "c1", ",\"text\":\"?\"");
    (void)snprintf(more, sizeof(more), ",\"link\":\"%s/%s/%s\",\"number\":\"%s\"", word, word, word,
                   word);
    event(desk, "e2", "link", "c1", more);
    event(desk, "e3", "updated", "c1", BILLING);
    command = desk_command(desk, "c1");
    assert_non_null(command);
    link = *(const struct egw_str *)command->links.p;
    assert_int_equal(link.n, 770 + strlen(", Microsoft's number ") + 256);
    assert_true(egw_utf8_valid(link));
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(what_microsoft_has_a_number_for_was_not_closed_before_escalation),
        TEST(a_number_that_comes_before_the_case_is_kept),
        TEST(a_problem_that_came_back_was_not_cured),
        TEST(who_is_there_around_the_clock_needs_no_calendar_on_record),
        TEST(an_answer_to_a_hold_is_for_the_severity_it_was_given_at),
        TEST(an_answer_to_another_kind_of_hold_is_none),
        TEST(a_case_whose_incident_is_another_one_now_waits_for_that_one),
        TEST(an_end_and_a_confirmation_at_once_make_one_hand_off),
        TEST(a_fault_confirmed_after_the_feed_fell_silent_goes_on),
        TEST(a_fault_confirmed_while_its_incident_is_open_waits_on),
        TEST(news_while_the_customer_is_asked_sends_nothing_to_microsoft),
        TEST(the_package_says_what_is_known_of_health),
        TEST(a_problem_that_comes_back_after_its_end_has_a_new_command),
        TEST(a_linked_case_learns_the_number_of_the_command_it_shares),
        TEST(a_case_taken_off_the_shared_command_has_one_of_its_own),
        TEST(a_name_of_two_customers_reaches_neither),
        TEST(what_an_operator_had_decided_again_says_so),
        TEST(a_source_that_repeats_everything_says_it_once),
        TEST(steps_past_all_measure_are_the_last_ones),
        TEST(a_case_too_large_keeps_what_was_tried),
        TEST(a_link_names_another_case_and_has_its_shape),
        TEST(a_package_cites_no_number_of_another_partners_case),
        TEST(the_longest_link_and_number_stand_whole_in_the_package),
    };

    return cmocka_run_group_tests_name("corners", tests, NULL, NULL);
}
