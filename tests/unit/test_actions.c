/* The closed list of actions and codes: each is reached on the shipped policy, and nothing else
 * ever comes out. */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>

#include "desk.h"

#define HOUR INT64_C(3600000)

/* `later`: what only the dispatch of commands by API says. */
static const struct {
    int action;
    const char *codes[8]; /* none: the action has no code */
    bool later;
} list[] = {
    {EGW_ACTION_DUPLICATE, {"", "ID_CONFLICT"}, false},
    {EGW_ACTION_PASSED_ON, {""}, false},
    {EGW_ACTION_DEAD_LETTERED, {""}, false},
    {EGW_ACTION_POLICY_ACTIVATED, {""}, false},
    {EGW_ACTION_NOTED,
     {"UPDATED", "CASE_NUMBER", "NUMBER_CONFLICT", "CASE_STATE", "LINK", "UNLINK", "LATE"},
     false},
    {EGW_ACTION_LINKED, {""}, false},
    {EGW_ACTION_CLOSED_BEFORE_ESCALATION, {""}, false},
    {EGW_ACTION_CLOSED, {"CUSTOMER", "PARTNER", "MICROSOFT", "NO_REPLY"}, false},
    {EGW_ACTION_REJECTED,
     {"UNKNOWN_EVENT_TYPE", "BAD_FIELD", "UNKNOWN_CUSTOMER", "NOT_YOUR_CUSTOMER"},
     false},
    {EGW_ACTION_NO_POLICY, {""}, false},
    {EGW_ACTION_REFERRED, {"PUBLISHER", "MSRC", "DIRECT_AGREEMENT"}, false},
    {EGW_ACTION_ACCESS_REQUIRED,
     {"NO_RELATION", "NO_GDAP", "EXPIRED", "ROLE", "ASSIGNMENT", "RBAC", "UNKNOWN"},
     false},
    {EGW_ACTION_HEALTH_MATCH, {""}, false},
    {EGW_ACTION_INCIDENT_ENDED, {""}, false},
    {EGW_ACTION_BASELINE, {"REMEDY", "ANSWER", "DIAGNOSE", "CLASSIFY"}, false},
    {EGW_ACTION_RESOLVED_BASELINE, {""}, false},
    {EGW_ACTION_HELD, {"POLICY", "APPROVAL"}, false},
    {EGW_ACTION_TO_PROVIDER, {""}, false},
    {EGW_ACTION_NOT_ENTITLED,
     {"NOT_CSP", "NO_PLAN", "PLAN_ENDED", "PACK_EMPTY", "NOT_COVERED", "UNKNOWN"},
     false},
    {EGW_ACTION_ESCALATED, {""}, false},
    {EGW_ACTION_HANDOFF, {""}, false},
    {EGW_ACTION_OVERDUE, {"WARNING", "BREACH"}, false},
    {EGW_ACTION_FILED, {"CREATED", "ADOPTED"}, true},
    {EGW_ACTION_CHANNEL_REFUSED, {""}, true},
    {EGW_ACTION_IN_DOUBT, {""}, true},
};

static bool seen[EGW_COUNT(list)][8];

static void see(const struct egw_outcome *outcome)
{
    for (size_t i = 0; i < EGW_COUNT(list); i++) {
        for (size_t k = 0; k < 8 && list[i].codes[k]; k++) {
            if (list[i].action == outcome->action && egw_str_is(outcome->code, list[i].codes[k])) {
                if (list[i].later)
                    break;
                seen[i][k] = true;
                return;
            }
        }
    }
    fail_msg("%s/%.*s is not on the list", egw_action_names[outcome->action],
             EGW_FMT(outcome->code));
}

/* ---- the scenes ---- */

static int number; /* of the next event or fact */

static void fact(struct desk *desk, const char *body)
{
    char line[1024], now[EGW_TIME_TEXT];

    egw_time_format(desk->now_ms, now);
    (void)snprintf(line, sizeof(line), "{\"as_of\":\"%s\",\"source\":\"t\",\"body\":%s}", now,
                   body);
    desk_fact(desk, line);
}

static void partner(struct desk *desk, const char *name, const char *kind, const char *csp)
{
    char body[256];

    (void)snprintf(body, sizeof(body),
                   "{\"partner\":{\"partner\":\"%s\",\"kind\":\"%s\",\"csp\":%s,"
                   "\"contact_name\":\"n\",\"contact_email\":\"n@x.example\"}}",
                   name, kind, csp);
    fact(desk, body);
}

static void relation(struct desk *desk, const char *of, const char *customer, const char *active)
{
    char body[256];

    (void)snprintf(body, sizeof(body),
                   "{\"relation\":{\"partner\":\"%s\",\"customer\":\"%s\",\"tenant\":\"t\","
                   "\"active\":%s}}",
                   of, customer, active);
    fact(desk, body);
}

static void access_of(struct desk *desk, const char *of, const char *customer, const char *status,
                      const char *more)
{
    char body[512];

    (void)snprintf(body, sizeof(body),
                   "{\"access\":{\"partner\":\"%s\",\"customer\":\"%s\",\"status\":\"%s\",%s}}", of,
                   customer, status, more);
    fact(desk, body);
}

#define SUPPORT_ROLE "\"assigned\":true,\"roles\":[\"Service Support Administrator\"]"
#define OWNER_ROLE   SUPPORT_ROLE ",\"rbac\":[\"sub\"]"

/* Who is who: a partner with nothing but the program, with each plan, and outside. */
static void cast(struct desk *desk)
{
    static const char *const partners[] = {"plain", "premier", "ended", "packed", "cloudy"};

    for (size_t i = 0; i < EGW_COUNT(partners); i++) {
        partner(desk, partners[i], "indirect-provider", "true");
        relation(desk, partners[i], "c", "true");
        access_of(desk, partners[i], "c", "active", OWNER_ROLE);
    }
    partner(desk, "outside", "direct-bill", "false");
    relation(desk, "outside", "c", "true");
    partner(desk, "reseller", "indirect-reseller", "true");
    relation(desk, "reseller", "c", "true");
    relation(desk, "plain", "alone", "true");
    relation(desk, "unknown", "c", "true");
    access_of(desk, "unknown", "c", "active", SUPPORT_ROLE);
    fact(desk, "{\"contract\":{\"partner\":\"premier\",\"plan\":\"premier\"}}");
    fact(desk, "{\"contract\":{\"partner\":\"ended\",\"plan\":\"advanced\","
               "\"ends_at\":\"2025-12-31T00:00:00Z\"}}");
    fact(desk, "{\"contract\":{\"partner\":\"cloudy\",\"plan\":\"advanced\"}}");
    fact(desk, "{\"membership\":{\"partner\":\"packed\",\"level\":\"gold\"}}");
    fact(desk, "{\"pack\":{\"partner\":\"packed\",\"left\":0,\"activated\":true}}");
    fact(desk, "{\"subscription\":{\"customer\":\"c\",\"subscription\":\"sub\","
               "\"plan\":\"pay-as-you-go\",\"seller\":\"premier\"}}");
    fact(desk, "{\"subscription\":{\"customer\":\"c\",\"subscription\":\"theirs\","
               "\"plan\":\"enterprise\",\"seller\":\"microsoft\"}}");
    desk_run(desk);
}

static void event(struct desk *desk, const char *of, const char *customer, const char *case_id,
                  const char *type, const char *more)
{
    char line[2048], now[EGW_TIME_TEXT];

    egw_time_format(desk->now_ms, now);
    (void)snprintf(line, sizeof(line),
                   "{\"event_id\":\"e%d\",\"event_type\":\"%s\",\"partner\":\"%s\","
                   "\"customer\":\"%s\",\"case_id\":\"%s\",\"occurred_at\":\"%s\"%s}",
                   number++, type, of, customer, case_id, now, more);
    desk_event(desk, line);
    desk_run(desk);
}

#define TRIED                                                                                      \
    ",\"title\":\"t\",\"text\":\"x\",\"started_at\":\"2026-01-05T08:00:00Z\","                     \
    "\"diagnosis\":[{\"kind\":\"attempt\",\"step\":\"a\"},"                                        \
    "{\"kind\":\"check\",\"step\":\"b\",\"result\":\"r\"}]"
#define TECHNICAL(service) ",\"domain\":\"technical\",\"service\":\"" service "\"" TRIED
#define BILLING            ",\"domain\":\"billing\",\"service\":\"Office 365\"" TRIED

/* A fresh case for each line of a table. */
struct scene {
    const char *partner, *customer, *more;
};

static void play(struct desk *desk, const char *name, const struct scene *scenes, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        char case_id[32];

        (void)snprintf(case_id, sizeof(case_id), "%s-%zu", name, i);
        event(desk, scenes[i].partner, scenes[i].customer, case_id, "opened", scenes[i].more);
    }
}

static void scenes_of_validity(struct desk *desk)
{
    static const struct scene scenes[] = {
        {"plain", "c", ",\"ask\":\"moan\""},
        {"plain", "nobody", BILLING},
        {"reseller", "alone", BILLING},
        {"plain", "c", TECHNICAL("Abacus")},
        {"plain", "c", BILLING ",\"topic\":\"vulnerability\""},
        {"plain", "c", TECHNICAL("Azure") ",\"publisher\":\"contoso\""},
        {"plain", "c", TECHNICAL("Azure") ",\"subscription\":\"theirs\""},
        {"outside", "c", BILLING},
    };

    play(desk, "v", scenes, EGW_COUNT(scenes));
}

static void scenes_of_access(struct desk *desk)
{
    static const struct {
        const char *customer, *status, *more;
    } cases[] = {
        {"a1", "active", "\"assigned\":true,\"roles\":[\"Directory Readers\"]"},
        {"a2", "active", "\"assigned\":false,\"roles\":[\"Service Support Administrator\"]"},
        {"a3", "expired", SUPPORT_ROLE},
        {"a4", "terminated", SUPPORT_ROLE},
        {"a5", "puzzling", SUPPORT_ROLE},
        {"a6", "active", SUPPORT_ROLE},
    };
    static const struct scene scenes[] = {
        {"plain", "a1", TECHNICAL("Exchange Online")},
        {"plain", "a2", TECHNICAL("Exchange Online")},
        {"plain", "a3", TECHNICAL("Exchange Online")},
        {"plain", "a4", TECHNICAL("Exchange Online")},
        {"plain", "a5", TECHNICAL("Exchange Online")},
        {"plain", "a6", TECHNICAL("Azure")}, /* no RBAC */
        {"plain", "a7", TECHNICAL("Exchange Online")},
    };

    for (size_t i = 0; i < EGW_COUNT(cases); i++) {
        relation(desk, "plain", cases[i].customer, "true");
        access_of(desk, "plain", cases[i].customer, cases[i].status, cases[i].more);
    }
    relation(desk, "plain", "a7", "false");
    desk_run(desk);
    play(desk, "a", scenes, EGW_COUNT(scenes));
}

static void scenes_of_the_baseline(struct desk *desk)
{
    static const struct scene scenes[] = {
        {"plain", "c", ",\"text\":\"?\""},
        {"plain", "c", ",\"domain\":\"technical\",\"service\":\"Exchange Online\""},
        {"plain", "c",
         ",\"domain\":\"technical\",\"service\":\"Exchange Online\",\"ask\":\"question\""},
        {"plain", "c",
         ",\"domain\":\"technical\",\"service\":\"Exchange Online\","
         "\"symptom\":\"permissions\""},
        {"plain", "c",
         ",\"domain\":\"technical\",\"service\":\"Exchange Online\",\"diagnosis\":["
         "{\"kind\":\"attempt\",\"step\":\"a\",\"resolved\":true}]"},
    };

    play(desk, "b", scenes, EGW_COUNT(scenes));
}

static void scenes_of_the_channels(struct desk *desk)
{
    static const struct scene scenes[] = {
        {"plain", "c", BILLING},
        {"plain", "c", BILLING ",\"topic\":\"root-cause\""},
        {"premier", "c", TECHNICAL("Azure") ",\"severity\":\"B\",\"subscription\":\"sub\""},
        {"premier", "c", TECHNICAL("Dynamics 365") ",\"severity\":\"C\""},
        {"reseller", "c", BILLING},
        {"plain", "c", TECHNICAL("Dynamics 365")},
        {"ended", "c", TECHNICAL("Dynamics 365")},
        {"packed", "c", TECHNICAL("Dynamics 365")},
        {"cloudy", "c", TECHNICAL("Windows Server")},
        {"unknown", "c", BILLING},
    };

    play(desk, "h", scenes, EGW_COUNT(scenes));
}

static void scenes_of_a_case(struct desk *desk)
{
    static const struct {
        const char *case_id, *type, *more;
    } events[] = {
        {"k1", "exploded", ""},
        {"k1", "opened", BILLING ",\"problem\":\"P\""},
        {"k2", "opened", BILLING ",\"problem\":\"P\""},
        {"k1", "updated", ""},
        {"k1", "case-number", ",\"number\":\"1\""},
        {"k1", "case-number", ",\"number\":\"2\""},
        {"k1", "case-state", ",\"state\":\"active\""},
        {"k1", "link", ",\"link\":\"plain/c/k9\""},
        {"k1", "unlink", ",\"link\":\"plain/c/k9\""},
        {"k1", "case-state", ",\"state\":\"closed\""},
        {"k1", "updated", ""},
        {"k3", "opened", BILLING},
        {"k3", "closed", ",\"state\":\"customer\""},
        {"k4", "opened", BILLING},
        {"k4", "closed", ""},
        {"k5", "opened", ",\"text\":\"?\""},
        {"k5", "cleared", ""},
        {"k6", "opened", BILLING ",\"topic\":\"root-cause\""}, /* and nobody asks again */
    };

    for (size_t i = 0; i < EGW_COUNT(events); i++)
        event(desk, "plain", "c", events[i].case_id, events[i].type, events[i].more);
    number--; /* the last event's id again, with other content; then what was said, again */
    event(desk, "plain", "c", "k6", "updated", "");
    number--;
    event(desk, "plain", "c", "k6", "opened", BILLING ",\"topic\":\"root-cause\"");
}

static void scenes_of_the_intake(struct desk *desk)
{
    fact(desk, "{\"relation\":{\"partner\":\"plain\",\"customer\":\"c\",\"tenant\":\"t\","
               "\"aliases\":[\"See Ltd\"]}}");
    desk_run(desk);
    event(desk, "plain", "See Ltd", "i1", "opened", BILLING);
    desk_raw(desk, DESK_EVENTS, 0, EGW_STR("plain/c"), EGW_STR("no event"));
    desk_run(desk);
}

static void scenes_of_an_incident(struct desk *desk)
{
    static const char issue[] =
        "{\"health_issue\":{\"customer\":\"c\",\"id\":\"EX1\",\"service\":\"Exchange Online\","
        "\"classification\":\"incident\",\"status\":\"%s\",\"resolved\":%s}}";
    char body[512];

    (void)snprintf(body, sizeof(body), issue, "serviceDegradation", "false");
    fact(desk, body);
    desk_run(desk);
    event(desk, "plain", "c", "n1", "opened", TECHNICAL("Exchange Online"));
    (void)snprintf(body, sizeof(body), issue, "serviceRestored", "true");
    fact(desk, body);
    desk_run(desk);
}

/* Hour by hour, so that warnings come. */
static void let_time_pass(struct desk *desk)
{
    for (int hour = 0; hour < 12 * 24; hour++) {
        desk->now_ms += HOUR;
        desk_run(desk);
    }
}

static void every_action_and_code_is_reached_and_no_other(void **state)
{
    struct desk *desk = desk_new(INT64_C(1767601800000)); /* 2026-01-05T08:30:00Z */
    const struct egw_outcome *outcome;
    int missing = 0;

    (void)state;
    desk->outcomes_taken = 0; /* the activations, too */
    cast(desk);
    scenes_of_validity(desk);
    scenes_of_access(desk);
    scenes_of_the_baseline(desk);
    scenes_of_the_channels(desk);
    scenes_of_a_case(desk);
    scenes_of_the_intake(desk);
    scenes_of_an_incident(desk);
    let_time_pass(desk);
    while ((outcome = desk_outcome(desk, "")) != NULL)
        see(outcome);
    for (size_t i = 0; i < EGW_COUNT(list); i++) {
        for (size_t k = 0; k < 8 && list[i].codes[k]; k++) {
            if (seen[i][k] || list[i].later)
                continue;
            print_error("%s/%s was not reached\n", egw_action_names[list[i].action],
                        list[i].codes[k]);
            missing++;
        }
    }
    assert_int_equal(missing, 0);
    desk_free(desk);
}

static void the_list_is_whole(void **state)
{
    (void)state;
    assert_int_equal(EGW_COUNT(list), EGW_ACTION_COUNT);
    for (int action = 0; action < EGW_ACTION_COUNT; action++) {
        bool listed = false;

        for (size_t i = 0; i < EGW_COUNT(list); i++)
            listed = listed || list[i].action == action;
        if (!listed)
            fail_msg("%s is not on the list", egw_action_names[action]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_list_is_whole),
        cmocka_unit_test(every_action_and_code_is_reached_and_no_other),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
