/* What the forms want of a case is asked for before the case is offered, by the shipped policy. */
#include "support.h"

#include <stdio.h>

#include "desk.h"

#define NOW        INT64_C(1767601800000) /* 2026-01-05T08:30:00Z, the clock of the story */
#define FACT(body) "{\"as_of\":\"2026-01-05T08:20:00Z\",\"source\":\"t\",\"body\":{" body "}}"
#define PARTNER(more)                                                                              \
    FACT("\"partner\":{\"partner\":\"litware\",\"kind\":\"direct-bill\",\"csp\":true" more "}")
#define CONTACT ",\"contact_name\":\"Ops\",\"contact_email\":\"ops@litware.example\""
#define RELATION(more)                                                                             \
    FACT("\"relation\":{\"partner\":\"litware\",\"customer\":\"adatum\"" more "}")
#define TENANT ",\"tenant\":\"t-adatum\""

static int setup(void **state)
{
    struct desk *desk = desk_new(NOW);

    desk_fact(desk, PARTNER(CONTACT));
    desk_fact(desk, RELATION(TENANT));
    desk_fact(desk, FACT("\"access\":{\"partner\":\"litware\",\"customer\":\"adatum\",\"status\":"
                         "\"active\",\"assigned\":true,\"rbac\":[\"sub-1\"],\"roles\":[\"Service "
                         "Support Administrator\"]}"));
    desk_fact(desk, FACT("\"contract\":{\"partner\":\"litware\",\"plan\":\"advanced\"}"));
    desk_run(desk);
    *state = desk;
    return 0;
}

static int teardown(void **state)
{
    desk_free(*state);
    return 0;
}

static void event(struct desk *desk, const char *id, const char *type, const char *fields)
{
    char line[4096];

    (void)snprintf(
        line, sizeof(line),
        "{\"event_id\":\"%s\",\"event_type\":\"%s\",\"partner\":\"litware\",\"customer\":"
        "\"adatum\",\"case_id\":\"c1\",\"occurred_at\":\"2026-01-05T08:20:00Z\"%s}",
        id, type, fields);
    desk_event(desk, line);
    desk_run(desk);
}

static void is(struct egw_str text, const char *expected)
{
    if (!egw_str_is(text, expected))
        fail_msg("'%.*s' is not '%s'", EGW_FMT(text), expected);
}

static void expect(struct desk *desk, const char *action, const char *code, const char *rule,
                   const char *missing)
{
    const struct egw_outcome *outcome = desk_outcome(desk, "c1");
    const struct egw_str *names;
    char got[256] = "";
    size_t n = 0;

    assert_non_null(outcome);
    names = outcome->missing.p;
    for (size_t i = 0; i < outcome->missing.n; i++)
        n += (size_t)snprintf(got + n, sizeof(got) - n, "%s%.*s", i ? " " : "", EGW_FMT(names[i]));
    is(outcome->rule, rule);
    assert_string_equal(egw_action_names[outcome->action], action);
    is(outcome->code, code);
    assert_string_equal(got, missing);
}

#define BILLING                                                                                    \
    ",\"domain\":\"billing\",\"service\":\"Office 365\",\"diagnosis\":[{\"kind\":\"check\","       \
    "\"step\":\"compared\",\"result\":\"twice\"}]"
#define TECHNICAL(service)                                                                         \
    ",\"domain\":\"technical\",\"service\":\"" service "\",\"diagnosis\":[{\"kind\":\"attempt\","  \
    "\"step\":\"restarted\",\"result\":\"no change\"}]"
#define TEXTS   ",\"title\":\"It fails\",\"text\":\"It fails for everybody\""
#define STARTED ",\"started_at\":\"2026-01-05T08:10:00Z\""

/* S44, S47: no channel without what its form asks; the desk is told all of it at once. */
static void test_S47_each_demand_sends_the_case_back_to_the_desk(void **state)
{
    static const struct {
        const char *fields, *action, *code, *rule, *missing;
    } cases[] = {
        {BILLING, "BASELINE", "CLASSIFY", "form.title", "title text"},
        {BILLING ",\"title\":\"Twice\"", "BASELINE", "CLASSIFY", "form.title", "text"},
        {BILLING TEXTS, "HANDOFF", "", "commercial.billing", ""},
        {TECHNICAL("Dynamics 365") TEXTS, "BASELINE", "DIAGNOSE", "form.started",
         "impact started_at correlation_ids"},
        {TECHNICAL("Dynamics 365") TEXTS STARTED, "HANDOFF", "", "dynamics.advanced",
         "impact correlation_ids"},
        {TECHNICAL("Azure") TEXTS STARTED, "BASELINE", "CLASSIFY", "form.azure-subscription",
         "subscription resource region impact correlation_ids"},
        {TECHNICAL("Azure") TEXTS STARTED ",\"subscription\":\"sub-1\",\"resource\":\"/r\","
                                          "\"region\":\"westeurope\",\"impact\":\"i\","
                                          "\"correlation_ids\":[\"x\"]",
         "HANDOFF", "", "azure.advanced", ""},
        {TECHNICAL("Dynamics 365") TEXTS STARTED ",\"severity\":\"A\"", "BASELINE", "CLASSIFY",
         "form.severity-a", "impact available_24x7 correlation_ids contact_phone"},
        {TECHNICAL("Dynamics 365") TEXTS STARTED
         ",\"severity\":\"A\",\"impact\":\"i\",\"available_24x7\":true,\"contact\":{\"name\":"
         "\"Ops\","
         "\"email\":\"o@litware.example\",\"phone\":\"+1\"}",
         "HANDOFF", "", "dynamics.advanced", "correlation_ids"},
    };

    for (size_t i = 0; i < EGW_COUNT(cases); i++) {
        (void)teardown(state);
        (void)setup(state);
        event(*state, "e1", "opened", cases[i].fields);
        expect(*state, cases[i].action, cases[i].code, cases[i].rule, cases[i].missing);
        assert_true((desk_command(*state, "c1") != NULL) ==
                    (strcmp(cases[i].action, "HANDOFF") == 0));
    }
}

static void test_what_the_desk_adds_completes_the_case(void **state)
{
    event(*state, "e1", "opened", TECHNICAL("Dynamics 365") ",\"title\":\"It fails\"");
    expect(*state, "BASELINE", "CLASSIFY", "form.title", "impact started_at text correlation_ids");
    event(*state, "e2", "updated", ",\"text\":\"all of it\"");
    expect(*state, "BASELINE", "DIAGNOSE", "form.started", "impact started_at correlation_ids");
    event(*state, "e3", "diagnosed", STARTED);
    expect(*state, "HANDOFF", "", "dynamics.advanced", "impact correlation_ids");
}

/* The desk cannot know what is kept on record: there, the record's change decides anew. */
static void test_a_record_that_was_missing_completes_the_case(void **state)
{
    desk_fact(*state, PARTNER(""));
    desk_fact(*state, RELATION(""));
    event(*state, "e1", "opened", BILLING TEXTS);
    expect(*state, "BASELINE", "CLASSIFY", "form.tenant", "tenant contact_name contact_email");
    desk_fact(*state, RELATION(TENANT));
    desk_run(*state);
    assert_null(desk_outcome(*state, "c1")); /* the same answer: nothing new to say */
    desk_fact(*state, PARTNER(CONTACT));
    desk_run(*state);
    expect(*state, "HANDOFF", "", "commercial.billing", "");
}

static void test_the_package_says_in_words_what_is_only_wanted(void **state)
{
    const struct egw_escalation *command;
    const struct egw_str *texts;

    event(*state, "e1", "opened", TECHNICAL("Dynamics 365") TEXTS STARTED);
    command = desk_command(*state, "c1");
    assert_non_null(command);
    texts = command->missing.p;
    assert_int_equal(command->missing.n, 2);
    is(texts[0], "business impact");
    is(texts[1], "correlation ids");
}

/* S05, S20: the link leads into the customer's context, in the customer's cloud. */
static void test_S05_S20_the_link_is_that_of_the_customers_cloud(void **state)
{
    static const struct {
        const char *partner, *relation, *portal;
    } cases[] = {
        {PARTNER(CONTACT), RELATION(TENANT),
         "https://admin.powerplatform.microsoft.com/account/login/t-adatum"},
        {PARTNER(CONTACT), RELATION(TENANT ",\"cloud\":\"usgov\""),
         "https://high.admin.powerplatform.microsoft.us"},
        {PARTNER(CONTACT ",\"cloud\":\"usgov\""), RELATION(TENANT),
         "https://high.admin.powerplatform.microsoft.us"},
        {PARTNER(CONTACT ",\"cloud\":\"usgov\""), RELATION(TENANT ",\"cloud\":\"global\""),
         "https://admin.powerplatform.microsoft.com/account/login/t-adatum"},
        {PARTNER(CONTACT), RELATION(TENANT ",\"cloud\":\"elsewhere\""), ""},
    };

    for (size_t i = 0; i < EGW_COUNT(cases); i++) {
        (void)teardown(state);
        (void)setup(state);
        desk_fact(*state, cases[i].partner);
        desk_fact(*state, cases[i].relation);
        event(*state, "e1", "opened", TECHNICAL("Dynamics 365") TEXTS STARTED);
        assert_non_null(desk_command(*state, "c1"));
        is(desk_command(*state, "c1")->portal, cases[i].portal);
    }
}

static void test_S20_a_managed_service_brings_its_own_link(void **state)
{
    desk_fact(*state, FACT("\"managed_service\":{\"customer\":\"adatum\",\"service\":"
                           "\"dynamics-365\",\"ticket\":\"https://own.example/ticket\"}"));
    event(*state, "e1", "opened", TECHNICAL("Dynamics CRM Online") TEXTS STARTED);
    assert_non_null(desk_command(*state, "c1"));
    is(desk_command(*state, "c1")->portal, "https://own.example/ticket");
}

/* A commercial case of Microsoft 365 is filed in Partner Center, not in the customer's admin
 * center. */
static void test_S20_a_channel_with_a_portal_of_its_own_is_filed_there(void **state)
{
    static const char expected[] =
        "https://partner.microsoft.com/dashboard/support/servicerequests/create";
    const struct egw_escalation *command;

    desk_fact(*state, RELATION(TENANT ",\"domains\":[\"adatum.example\",\"adatum.test\"]"));
    desk_fact(*state, FACT("\"managed_service\":{\"customer\":\"adatum\",\"service\":"
                           "\"microsoft-365\",\"ticket\":\"https://own.example/ticket\"}"));
    event(*state, "e1", "opened",
          ",\"ask\":\"issue\",\"domain\":\"billing\",\"service\":\"Office 365\"" TEXTS
          ",\"diagnosis\":[{\"kind\":\"check\",\"step\":\"invoice\",\"result\":\"twice\"}]");
    command = desk_command(*state, "c1");
    assert_non_null(command);
    is(command->portal, expected);
    is(command->channel_name, "Commercial support");
    is(command->advice, "file it in Partner Center under help and support");
    is(command->because, "billing goes to Commercial support, which every CSP partner has");
    is(command->tenant_domain, "adatum.example");
    assert_int_equal(command->missing.n, 0);
}

/* S27, S28: a second, other number is shown as a conflict and changes nothing. */
static void test_S27_the_number_completes_the_hand_off_and_another_one_conflicts(void **state)
{
    const struct egw_outcome *outcome;

    event(*state, "e1", "opened", BILLING TEXTS);
    expect(*state, "HANDOFF", "", "commercial.billing", "");
    event(*state, "e2", "case-number", ",\"number\":\"2601050010000123\"");
    outcome = desk_outcome(*state, "c1");
    is(outcome->code, "CASE_NUMBER");
    event(*state, "e3", "case-number", ",\"number\":\"999\"");
    outcome = desk_outcome(*state, "c1");
    is(outcome->code, "NUMBER_CONFLICT");
    is(outcome->number, "2601050010000123");
    is(outcome->because, "the case has number 2601050010000123; 999 was given now");
}

/* S25, S28: nobody of the customer is named to Microsoft. */
static void test_S25_S28_the_contact_is_the_partners(void **state)
{
    const struct egw_escalation *command;

    event(*state, "e1", "opened",
          BILLING TEXTS ",\"requester\":{\"name\":\"Cora\",\"email\":\"cora@adatum.example\"}");
    command = desk_command(*state, "c1");
    assert_non_null(command);
    is(command->contact->name, "Ops");
    is(command->contact->email, "ops@litware.example");
    is(command->tenant, "t-adatum");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_S47_each_demand_sends_the_case_back_to_the_desk),
        TEST(test_what_the_desk_adds_completes_the_case),
        TEST(test_a_record_that_was_missing_completes_the_case),
        TEST(test_the_package_says_in_words_what_is_only_wanted),
        TEST(test_S05_S20_the_link_is_that_of_the_customers_cloud),
        TEST(test_S20_a_managed_service_brings_its_own_link),
        TEST(test_S20_a_channel_with_a_portal_of_its_own_is_filed_there),
        TEST(test_S27_the_number_completes_the_hand_off_and_another_one_conflicts),
        TEST(test_S25_S28_the_contact_is_the_partners),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
