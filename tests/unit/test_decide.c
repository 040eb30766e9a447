#include "support.h"

#include <stdio.h>

#include "catalogue_double.h"
#include "egw/policy_file.h"

/* ---- the world of the story: 5 January 2026 ---- */

static int64_t at(const char *text)
{
    int64_t ms = 0;

    assert_true(egw_time_parse(egw_str_of(text), &ms));
    return ms;
}

static struct egw_policy *policy;
static struct egw_facts *facts;
static struct egw_arena arena;
static int64_t now;
static int64_t next_offset;

static void learn_as_of(enum egw_reference_kind kind, void *body, int64_t as_of)
{
    EGW_CLEANUP(egw_buf_free) struct egw_buf key = {0};
    struct egw_reference reference = {.as_of = as_of, .source = EGW_STR("test")};
    struct egw_error err;

    reference.body = (struct egw_choice){(int32_t)kind, body};
    assert_int_equal(egw_reference_key(&reference, &key, &err), EGW_OK);
    assert_int_equal(egw_facts_take(facts, egw_buf_str(&key), &reference, next_offset++, &err),
                     EGW_OK);
}

static void learn(enum egw_reference_kind kind, void *body)
{
    learn_as_of(kind, body, now);
}

static void forget(const char *key)
{
    struct egw_error err;

    assert_int_equal(egw_facts_take(facts, egw_str_of(key), NULL, next_offset++, &err), EGW_OK);
}

static struct egw_list list_of(struct egw_str *texts, size_t n)
{
    return (struct egw_list){texts, n};
}

static void learn_partner(const char *name, const char *kind, bool csp)
{
    struct egw_partner p = {.partner = egw_str_of(name),
                            .kind = egw_str_of(kind),
                            .csp = csp,
                            .cloud = EGW_STR("global")};

    learn(EGW_REF_PARTNER, &p);
}

static void learn_contract(const char *partner, const char *plan, const char *ends)
{
    struct egw_contract c = {.partner = egw_str_of(partner), .plan = egw_str_of(plan)};

    if (ends)
        c.ends_at = (struct egw_opt_i64){true, at(ends)};
    learn(EGW_REF_CONTRACT, &c);
}

static void learn_relation(const char *partner, const char *customer, bool active)
{
    struct egw_relation r = {.partner = egw_str_of(partner),
                             .customer = egw_str_of(customer),
                             .tenant = EGW_STR("t-1"),
                             .active = active};

    learn(EGW_REF_RELATION, &r);
}

static void learn_access(const char *customer, const char *status, const char *role,
                         const char *ends, const char *rbac)
{
    struct egw_str roles[] = {egw_str_of(role)}, subscriptions[] = {egw_str_of(rbac)};
    struct egw_access a = {.partner = EGW_STR("litware"),
                           .customer = egw_str_of(customer),
                           .status = egw_str_of(status),
                           .assigned = true,
                           .roles = list_of(roles, role ? 1 : 0),
                           .rbac = list_of(subscriptions, rbac ? 1 : 0)};

    if (ends)
        a.ends_at = (struct egw_opt_i64){true, at(ends)};
    learn(EGW_REF_ACCESS, &a);
}

static void learn_subscription(const char *customer, const char *id, const char *plan,
                               const char *seller)
{
    struct egw_subscription s = {.customer = egw_str_of(customer),
                                 .subscription = egw_str_of(id),
                                 .plan = egw_str_of(plan),
                                 .seller = egw_str_of(seller),
                                 .status = EGW_STR("active")};

    learn(EGW_REF_SUBSCRIPTION, &s);
}

static void learn_health(const char *customer, const char *service, const char *status)
{
    struct egw_health_snapshot h = {.customer = egw_str_of(customer),
                                    .service = egw_str_of(service),
                                    .status = egw_str_of(status)};

    learn(EGW_REF_HEALTH_SNAPSHOT, &h);
}

static struct egw_health_issue story_issue(void)
{
    return (struct egw_health_issue){
        .customer = EGW_STR("fabrikam"),
        .id = EGW_STR("EX700101"),
        .service = EGW_STR("Exchange Online"),
        .feature = EGW_STR("Mail flow"),
        .feature_group = EGW_STR("E-mail timely delivery"),
        .classification = EGW_STR("Incident"),
        .status = EGW_STR("RestoringService"),
        .starts_at = {true, at("2026-01-05T07:50:00Z")},
    };
}

static const struct egw_known_issue disabled_account = {
    .id = EGW_STR("KI-00059"),
    .code = EGW_STR("AADSTS50057"),
    .service = EGW_STR("entra-id"),
    .remedy = EGW_STR("the account is disabled: enable it"),
    .basis = EGW_STR("doc"),
    .baseline = 1,
};

static void learn_story(void)
{
    struct egw_health_issue issue = story_issue();

    learn_partner("litware", "indirect-provider", true);
    learn_contract("litware", "advanced", "2026-06-30");
    learn_relation("litware", "fabrikam", true);
    learn_relation("litware", "northwind", true);
    learn_relation("litware", "adatum", true);
    learn_access("fabrikam", "active", "Service Support Administrator", "2026-12-01", NULL);
    learn_access("northwind", "active", "Directory Readers", "2026-12-01", "sub-1");
    learn_access("adatum", "active", "Service Support Administrator", "2026-01-03", NULL);
    learn_subscription("northwind", "sub-1", "csp", "litware");
    learn_health("northwind", "azure", "serviceOperational");
    learn_health("fabrikam", "exchange-online", "serviceDegradation");
    learn(EGW_REF_HEALTH_ISSUE, &issue);
}

static int load_policy(void **state EGW_UNUSED)
{
    struct egw_policy_files files;
    struct egw_faults faults = {0};
    struct egw_error err;
    struct egw_policy_file *all;

    if (egw_policy_read(EGW_SOURCE_DIR "/config/policy", NULL, &files, &err))
        return -1;
    all = calloc(files.n + 1, sizeof(*all));
    if (!all)
        return -1;
    memcpy(all, files.files, files.n * sizeof(*all));
    all[files.n] = (struct egw_policy_file){EGW_STR("catalogue/a.tsv"), EGW_STR("good")};
    if (egw_policy_compile(all, files.n + 1, &policy, &faults)) {
        egw_faults_print(&faults, stderr);
        return -1;
    }
    free(all);
    egw_policy_files_free(&files);
    return 0;
}

static int drop_policy(void **state EGW_UNUSED)
{
    egw_policy_free(policy);
    egw_arena_free(&arena);
    return 0;
}

static int fresh_world(void **state EGW_UNUSED)
{
    now = at("2026-01-05T08:15:00Z");
    next_offset = 0;
    double_match = (struct egw_match){&disabled_account, false};
    facts = egw_facts_new();
    learn_story();
    return facts ? 0 : -1;
}

static int end_of_world(void **state EGW_UNUSED)
{
    egw_facts_free(facts);
    egw_arena_reset(&arena);
    return 0;
}

/* ---- events ---- */

static struct egw_diagnosis check = {
    .kind = EGW_STR("check"), .step = EGW_STR("looked at it"), .result = EGW_STR("as described")};
static struct egw_diagnosis failed = {
    .kind = EGW_STR("attempt"), .step = EGW_STR("redeployed"), .result = EGW_STR("no change")};
static struct egw_diagnosis mended = {
    .kind = EGW_STR("attempt"), .step = EGW_STR("restarted"), .resolved = true};

static struct egw_contact desk_contact = {.name = EGW_STR("Service Desk"),
                                          .email = EGW_STR("desk@litware.example"),
                                          .phone = EGW_STR("+1 206 555 0100")};

static struct egw_support_event event_of(const char *customer, const char *service,
                                         const char *domain, struct egw_diagnosis *step)
{
    return (struct egw_support_event){
        .event_id = EGW_STR("e"),
        .event_type = EGW_STR("opened"),
        .partner = EGW_STR("litware"),
        .customer = egw_str_of(customer),
        .case_id = EGW_STR("c"),
        .occurred_at = at("2026-01-05T08:10:00Z"),
        .service = egw_str_of(service),
        .domain = egw_str_of(domain),
        .title = EGW_STR("It fails"),
        .text = EGW_STR("It fails for everybody"),
        .started_at = {true, at("2026-01-05T08:10:00Z")},
        .contact = &desk_contact,
        .subscription = egw_str_of(service && strncmp(service, "Azure", 5) == 0 ? "sub-9" : NULL),
        .impact = EGW_STR("nobody can work"),
        .available_24x7 = {true, true},
        .diagnosis = {step, step ? 1 : 0},
    };
}

static struct egw_support_event cw1001(void)
{
    struct egw_support_event e = event_of("fabrikam", "Exchange Online", "technical", NULL);

    e.symptom = EGW_STR("mail-flow");
    e.severity = EGW_STR("B");
    e.started_at = (struct egw_opt_i64){true, at("2026-01-05T08:10:00Z")};
    e.text = EGW_STR("Les messages sortants sont retardés");
    return e;
}

static struct egw_support_event cw1002(void)
{
    struct egw_support_event e = event_of("fabrikam", "Entra ID", "technical", NULL);

    e.title = EGW_STR("AADSTS50057 at sign-in");
    e.severity = EGW_STR("C");
    return e;
}

static struct egw_support_event cw1003(void)
{
    return event_of("adatum", "Office 365", "billing", &check);
}

static struct egw_support_event cw1004(void)
{
    struct egw_support_event e = event_of("northwind", "Azure", "technical", &failed);

    e.symptom = EGW_STR("vm-unreachable");
    e.severity = EGW_STR("B");
    e.subscription = EGW_STR("sub-1");
    return e;
}

static struct egw_support_event cw1005(void)
{
    struct egw_support_event e = event_of("adatum", "Dynamics 365", "technical", &check);

    e.symptom = EGW_STR("form-load");
    return e;
}

static struct egw_decision decide_subject(const struct egw_subject *subject)
{
    struct egw_decision d;

    assert_int_equal(egw_decide(policy, facts, subject, now, &arena, &d), EGW_OK);
    return d;
}

static struct egw_subject subject_of(const struct egw_support_event *e)
{
    struct egw_subject s = {.event = e, .recorded_ms = now};

    if (!egw_facts_customer(facts, e->partner, e->customer, &s.customer)) {
        s.customer = EGW_STR_NONE;
        s.customer_elsewhere = egw_facts_customer_elsewhere(facts, e->partner, e->customer);
    }
    return s;
}

static struct egw_decision decide(struct egw_support_event e)
{
    struct egw_subject s = subject_of(&e);

    return decide_subject(&s);
}

/* After somebody answered a hold. */
static struct egw_decision decide_said(struct egw_support_event e, const char *approval)
{
    struct egw_subject s = subject_of(&e);

    s.approval = egw_str_of(approval);
    return decide_subject(&s);
}

static struct egw_str rule_of(const struct egw_decision *d)
{
    return egw_policy_rule(policy, d->rule).id;
}

#define EXPECT(d, action_, code_, channel_, rule_)                                                 \
    do {                                                                                           \
        assert_string_equal(rule_of(&(d)).p, rule_);                                               \
        assert_int_equal((d).action, EGW_ACTION_##action_);                                        \
        assert_string_equal((d).code.p, code_);                                                    \
        assert_string_equal((d).channel.p, channel_);                                              \
    } while (0)

static void expect_str(struct egw_str s, const char *text)
{
    if (!egw_str_is(s, text))
        print_error("%.*s is not %s\n", EGW_FMT(s), text);
    assert_true(egw_str_is(s, text));
}

static struct egw_str fact_value(const struct egw_decision *d, const char *name)
{
    const struct egw_fact *list = d->facts.p;

    for (size_t i = 0; i < d->facts.n; i++) {
        if (egw_str_is(list[i].name, name))
            return list[i].value;
    }
    return EGW_STR("(not among the facts)");
}

static const struct egw_fact_source *source_of(const struct egw_decision *d, const char *key)
{
    const struct egw_fact_source *list = d->sources.p;

    for (size_t i = 0; i < d->sources.n; i++) {
        if (egw_str_is(list[i].key, key))
            return &list[i];
    }
    return NULL;
}

static size_t times_read(const struct egw_decision *d, const char *key)
{
    const struct egw_fact_source *list = d->sources.p;
    size_t n = 0;

    for (size_t i = 0; i < d->sources.n; i++)
        n += egw_str_is(list[i].key, key);
    return n;
}

static bool holds(const struct egw_list *list, const char *text)
{
    const struct egw_str *texts = list->p;

    for (size_t i = 0; i < list->n; i++) {
        if (egw_str_is(texts[i], text))
            return true;
    }
    return false;
}

/* ---- the story ---- */

static void cw1001_waits_on_the_incident(void **state EGW_UNUSED)
{
    struct egw_decision d = decide(cw1001());

    EXPECT(d, HEALTH_MATCH, "", "", "health.incident");
    assert_int_equal(d.stage, EGW_STAGE_HEALTH);
    expect_str(d.incident, "EX700101");
    expect_str(d.health, "known");
    expect_str(d.severity, "B");
    expect_str(d.service, "exchange-online");
    assert_int_equal(d.waits_for.n, 1);
    assert_true(holds(&d.waits_for, "issue/fabrikam/EX700101"));
    assert_true(d.due_at.has);
    assert_int_equal(d.due_at.v, now + 24 * 3600000);
    assert_non_null(source_of(&d, "issue/fabrikam/EX700101"));
    expect_str(source_of(&d, "issue/fabrikam/EX700101")->value, "EX700101");
}

static void cw1002_is_remedied_and_health_unknown_is_shown(void **state EGW_UNUSED)
{
    struct egw_decision d = decide(cw1002());

    EXPECT(d, BASELINE, "REMEDY", "", "baseline.remedy");
    expect_str(d.signature, "KI-00059");
    expect_str(d.advice, "the account is disabled: enable it");
    expect_str(d.health, "unknown");
    expect_str(fact_value(&d, "health"), "unknown");
    expect_str(fact_value(&d, "known-issue"), "remedy");
    assert_int_equal(source_of(&d, "health/fabrikam/entra-id")->offset, -1);
}

static void cw1003_goes_to_commercial_though_access_expired(void **state EGW_UNUSED)
{
    struct egw_decision d = decide(cw1003());

    EXPECT(d, HANDOFF, "", "commercial", "commercial.billing");
    expect_str(d.mode, "hand-off");
    expect_str(fact_value(&d, "access"), "expired");
}

static void cw1004_goes_to_advanced_and_premier_and_api_are_near(void **state EGW_UNUSED)
{
    struct egw_decision d = decide(cw1004());
    const struct egw_near_miss *near = d.near.p;

    EXPECT(d, HANDOFF, "", "advanced", "azure.advanced");
    expect_str(d.mode, "hand-off");
    assert_int_equal(d.near.n, 2);
    expect_str(near[0].rule, "azure.premier.api");
    expect_str(near[0].mode, "api");
    expect_str(near[0].lacked, "premier=none,plan=csp");
    expect_str(near[1].rule, "azure.premier");
    expect_str(near[1].lacked, "premier=none");
    expect_str(d.health, "known");
    expect_str(fact_value(&d, "health"), "ok");
}

static void cw1005_wants_access_and_goes_to_advanced_once_renewed(void **state EGW_UNUSED)
{
    struct egw_decision d = decide(cw1005());

    EXPECT(d, ACCESS_REQUIRED, "EXPIRED", "", "access.expired");
    expect_str(source_of(&d, "access/litware/adatum")->value, "2026-01-03");
    assert_true(holds(&d.waits_for, "access/litware/adatum"));
    assert_true(holds(&d.waits_for, "relation/litware/adatum"));
    assert_int_equal(d.waits_for.n, 2);
    learn_access("adatum", "active", "Service Support Administrator", "2026-12-31", NULL);
    d = decide(cw1005());
    EXPECT(d, HANDOFF, "", "advanced", "dynamics.advanced");
}

/* ---- rows ---- */

static void s03_a_partner_outside_the_program_is_not_entitled(void **state EGW_UNUSED)
{
    struct egw_decision d;

    learn_partner("litware", "indirect-provider", false);
    d = decide(cw1004());
    EXPECT(d, NOT_ENTITLED, "NOT_CSP", "", "validity.not-csp");
    assert_true(holds(&d.waits_for, "partner/litware"));
}

static void s08_support_rights_do_not_allow_configuring(void **state EGW_UNUSED)
{
    struct egw_support_event e = cw1002();
    struct egw_decision d;

    e.use = EGW_STR("configure");
    d = decide(e);
    EXPECT(d, ACCESS_REQUIRED, "ROLE", "", "access.use-beyond-role");
    e.use = EGW_STR("support");
    d = decide(e);
    EXPECT(d, BASELINE, "REMEDY", "", "baseline.remedy");
}

static void s10_another_partners_customer_is_refused_and_an_unknown_one_too(void **state EGW_UNUSED)
{
    struct egw_decision d;

    learn_relation("proseware", "tailwind", true);
    d = decide(event_of("tailwind", "Azure", "technical", &failed));
    EXPECT(d, REJECTED, "NOT_YOUR_CUSTOMER", "", "validity.not-your-customer");
    d = decide(event_of("nobody", "Azure", "technical", &failed));
    EXPECT(d, REJECTED, "UNKNOWN_CUSTOMER", "", "validity.unknown-customer");
}

static void access_is_refused_for_each_reason_by_its_code(void **state EGW_UNUSED)
{
    struct egw_decision d;

    learn_access("northwind", "active", "Directory Readers", NULL, "sub-2");
    d = decide(cw1004());
    EXPECT(d, ACCESS_REQUIRED, "RBAC", "", "access.rbac");
    learn_access("northwind", "terminated", "Directory Readers", NULL, "sub-1");
    d = decide(cw1004());
    EXPECT(d, ACCESS_REQUIRED, "NO_GDAP", "", "access.none");
    forget("access/litware/northwind");
    d = decide(cw1004());
    EXPECT(d, ACCESS_REQUIRED, "UNKNOWN", "", "access.unknown");
    learn_relation("litware", "northwind", false);
    d = decide(cw1004());
    EXPECT(d, ACCESS_REQUIRED, "NO_RELATION", "", "access.relation-ended");
    learn_access("adatum", "active", "Helpdesk Administrator", NULL, NULL);
    d = decide(cw1005());
    EXPECT(d, ACCESS_REQUIRED, "ROLE", "", "access.role");
}

static void s09_access_ends_at_its_instant_by_record_time(void **state EGW_UNUSED)
{
    struct egw_support_event e = cw1005();
    struct egw_subject s = subject_of(&e);
    struct egw_decision d;

    s.recorded_ms = at("2026-01-03") - 1;
    d = decide_subject(&s);
    EXPECT(d, HANDOFF, "", "advanced", "dynamics.advanced");
    assert_true(holds(&d.warnings, "delegated access ends on 2026-01-03"));
    s.recorded_ms++;
    d = decide_subject(&s);
    EXPECT(d, ACCESS_REQUIRED, "EXPIRED", "", "access.expired");
    assert_true(holds(&d.warnings, "delegated access ended on 2026-01-03"));
    learn_access("adatum", "expired", "Service Support Administrator", "2027-01-01", NULL);
    d = decide_subject(&s); /* before its day: nobody knows since when */
    EXPECT(d, ACCESS_REQUIRED, "EXPIRED", "", "access.expired");
    assert_false(holds(&d.warnings, "delegated access ended on 2027-01-01"));
}

static void s15_old_or_missing_health_is_never_healthy(void **state EGW_UNUSED)
{
    struct egw_health_snapshot h = {.customer = EGW_STR("northwind"),
                                    .service = EGW_STR("azure"),
                                    .status = EGW_STR("serviceOperational")};
    struct egw_decision d;

    learn_as_of(EGW_REF_HEALTH_SNAPSHOT, &h, now - 30 * 60000 - 1);
    d = decide(cw1004());
    expect_str(d.health, "stale");
    expect_str(fact_value(&d, "health"), "stale");
    forget("health/northwind/azure");
    d = decide(cw1004());
    expect_str(d.health, "unknown");
    learn_health("northwind", "azure", "somethingNew");
    d = decide(cw1004());
    expect_str(d.health, "unknown");
    learn_health("northwind", "Microsoft Azure", "ServiceOperational");
    forget("health/northwind/azure");
    d = decide(cw1004());
    expect_str(fact_value(&d, "health"), "ok");
}

/* Azure's feed speaks of services and regions by other names than a case does. */
static void s16_an_incident_of_azure_is_known_by_service_symptom_and_region(void **state EGW_UNUSED)
{
    static const struct {
        const char *service, *feature, *symptom, *region, *issue_service, *issue_region;
        bool matches;
    } cases[] = {
        {"Azure", NULL, "vm-unreachable", "westeurope", "Virtual Machines", "West Europe", true},
        {"Azure", NULL, "vm-unreachable", "west-europe", "Virtual Machines", "West Europe", true},
        {"Azure", NULL, "vm-unreachable", NULL, "Virtual Machines", "West Europe", true},
        {"Azure", NULL, "vm-unreachable", "westeurope", "Virtual Machines", NULL, true},
        {"Azure", NULL, "vm-unreachable", "westeurope", "Virtual Machines", "West Europe 2", false},
        {"Azure", NULL, "vm-unreachable", "westeurope2", "Virtual Machines", "West Europe", false},
        {"Azure", NULL, "vm-unreachable", "northeurope", "Virtual Machines", "West Europe", false},
        {"Azure", NULL, "vm-unreachable", NULL, "SQL Database", NULL, false},
        {"Azure", NULL, NULL, NULL, "Virtual Machines", NULL, false}, /* it may be any part */
        {"Azure", "Virtual Machines", NULL, NULL, "Virtual Machines", NULL, true},
        {"Azure", "SQL Database", "vm-unreachable", NULL, "Virtual Machines", NULL, false},
        {"Azure VM", NULL, NULL, NULL, "Virtual Machines", NULL, true},
        {"Azure VM", NULL, "network", NULL, "Load Balancer", NULL, true},
        {"Azure SQL", NULL, NULL, NULL, "Virtual Machines", NULL, false},
        {"Azure", NULL, "vm-unreachable", NULL, "Azure", NULL, true},
        {"Azure", NULL, "vm-unreachable", NULL, "Log Analytics", NULL, false},
    };

    for (size_t i = 0; i < EGW_COUNT(cases); i++) {
        struct egw_health_issue issue = {.customer = EGW_STR("northwind"),
                                         .id = EGW_STR("1KFM-DQ0"),
                                         .service = egw_str_of(cases[i].issue_service),
                                         .region = egw_str_of(cases[i].issue_region),
                                         .classification = EGW_STR("incident"),
                                         .status = EGW_STR("Active")};
        struct egw_support_event e = cw1004();
        struct egw_decision d;

        e.service = egw_str_of(cases[i].service);
        e.feature = egw_str_of(cases[i].feature);
        e.symptom = egw_str_of(cases[i].symptom);
        e.region = egw_str_of(cases[i].region);
        learn(EGW_REF_HEALTH_ISSUE, &issue);
        d = decide(e);
        if ((d.action == EGW_ACTION_HEALTH_MATCH) != cases[i].matches)
            fail_msg("case %zu: %s", i, egw_action_names[d.action]);
    }
}

static void s16_only_an_open_incident_that_fits_holds_a_case(void **state EGW_UNUSED)
{
    static const struct {
        const char *what;
        const char *field, *value;
        bool matches;
    } cases[] = {
        {"as it is", NULL, NULL, true},
        {"an advisory is evidence only", "classification", "advisory", false},
        {"another service", "service", "Microsoft Teams", false},
        {"another feature", "feature", "Calendar", false},
        {"restored", "status", "serviceRestored", false},
        {"status not known", "status", "unknownFutureValue", false},
        {"began later than fault and slack", "starts", "2026-01-05T10:10:00.001Z", false},
        {"began within the slack", "starts", "2026-01-05T10:10:00Z", true},
        {"over", "resolved", "yes", false},
    };

    for (size_t i = 0; i < EGW_COUNT(cases); i++) {
        struct egw_health_issue issue = story_issue();
        struct egw_str value = egw_str_of(cases[i].value);
        const char *field = cases[i].field ? cases[i].field : "";
        struct egw_decision d;

        if (strcmp(field, "classification") == 0)
            issue.classification = value;
        else if (strcmp(field, "service") == 0)
            issue.service = value;
        else if (strcmp(field, "feature") == 0)
            issue.feature = issue.feature_group = value;
        else if (strcmp(field, "status") == 0)
            issue.status = value;
        else if (strcmp(field, "starts") == 0)
            issue.starts_at.v = at(cases[i].value);
        else if (strcmp(field, "resolved") == 0)
            issue.resolved = true;
        learn(EGW_REF_HEALTH_ISSUE, &issue);
        d = decide(cw1001());
        if ((d.action == EGW_ACTION_HEALTH_MATCH) != cases[i].matches)
            print_error("%s\n", cases[i].what);
        assert_int_equal(d.action == EGW_ACTION_HEALTH_MATCH, cases[i].matches);
    }
}

static void s16_an_incident_the_desk_excluded_holds_no_case(void **state EGW_UNUSED)
{
    struct egw_support_event e = cw1001();
    struct egw_subject s = subject_of(&e);
    struct egw_str excluded[] = {EGW_STR("EX700101")};
    struct egw_decision d;

    s.not_incident = excluded;
    s.not_incident_count = 1;
    d = decide_subject(&s);
    EXPECT(d, BASELINE, "DIAGNOSE", "", "baseline.no-evidence");
}

static void s29_a_question_never_becomes_a_technical_case(void **state EGW_UNUSED)
{
    struct egw_support_event e = cw1004();
    struct egw_decision d;

    e.ask = EGW_STR("question");
    d = decide(e);
    EXPECT(d, BASELINE, "ANSWER", "", "baseline.question");
    e = cw1003();
    e.ask = EGW_STR("question");
    e.diagnosis.n = 0;
    d = decide(e);
    EXPECT(d, BASELINE, "ANSWER", "", "baseline.commercial-question");
    e.diagnosis = (struct egw_list){&check, 1};
    d = decide(e);
    EXPECT(d, HANDOFF, "", "commercial", "commercial.billing");
}

static void s42_the_statement_in_force_is_on_the_outcome(void **state EGW_UNUSED)
{
    struct egw_statement s = {.partner = EGW_STR("litware"),
                              .customer = EGW_STR("northwind"),
                              .version = EGW_STR("v3"),
                              .support = EGW_STR("all"),
                              .hours = EGW_STR("mon-fri"),
                              .contact = EGW_STR("phone"),
                              .charge = true,
                              .price = EGW_STR("EUR 120/h"),
                              .since = at("2026-01-01")};
    struct egw_delivery night = {.partner = EGW_STR("litware"),
                                 .customer = EGW_STR("northwind"),
                                 .service = EGW_STR("*"),
                                 .model = EGW_STR("subcontract"),
                                 .entity = EGW_STR("nightowl"),
                                 .queue = EGW_STR("cloud")};
    struct egw_decision d = decide(cw1004());

    assert_true(holds(&d.warnings, "no statement of support was in force for this customer"));
    assert_false(d.chargeable.has);
    learn(EGW_REF_STATEMENT, &s);
    learn(EGW_REF_DELIVERY, &night);
    d = decide(cw1004());
    assert_int_equal(d.warnings.n, 0);
    expect_str(d.statement, "v3");
    assert_true(d.chargeable.has && d.chargeable.v);
    expect_str(d.price, "EUR 120/h");
    expect_str(d.handled_by, "nightowl/cloud");
    s.since = at("2026-01-05T08:10:00.001Z");
    learn(EGW_REF_STATEMENT, &s);
    d = decide(cw1004());
    expect_str(d.statement, "");
}

static void s45_a_recorded_success_ends_the_case_in_the_baseline(void **state EGW_UNUSED)
{
    struct egw_support_event e = cw1004();
    struct egw_diagnosis steps[] = {failed, mended};
    struct egw_decision d;

    e.diagnosis = (struct egw_list){steps, 2};
    d = decide(e);
    EXPECT(d, RESOLVED_BASELINE, "", "", "baseline.resolved");
    steps[0] = mended;
    steps[1] = failed; /* it came back: the last attempt counts */
    d = decide(e);
    EXPECT(d, HANDOFF, "", "advanced", "azure.advanced");
}

static void s47_a_step_that_says_nothing_is_no_evidence(void **state EGW_UNUSED)
{
    static const struct egw_diagnosis nothing[] = {
        {.kind = EGW_STR("attempt"), .step = EGW_STR("")},
        {.kind = EGW_STR("attempt"), .step = EGW_STR(" \t"), .resolved = true},
        {.kind = EGW_STR("check"), .step = EGW_STR("will look at it")},
        {.kind = EGW_STR("banana"), .step = EGW_STR("peeled"), .result = EGW_STR("none left")},
    };
    struct egw_support_event e = cw1004();

    for (size_t i = 0; i < EGW_COUNT(nothing); i++) {
        struct egw_diagnosis step = nothing[i];
        struct egw_decision d;

        e.diagnosis = (struct egw_list){&step, 1};
        d = decide(e);
        EXPECT(d, BASELINE, "DIAGNOSE", "", "baseline.no-evidence");
    }
}

static void s45_a_remedy_tried_in_vain_no_longer_stops_the_case(void **state EGW_UNUSED)
{
    struct egw_support_event e = cw1002();
    struct egw_decision d;

    e.diagnosis = (struct egw_list){&failed, 1};
    d = decide(e);
    EXPECT(d, HANDOFF, "", "advanced", "m365.advanced");
    expect_str(d.signature, "KI-00059");
}

static void only_a_vouched_signature_stops_an_escalation(void **state EGW_UNUSED)
{
    struct egw_known_issue rough = disabled_account;
    struct egw_decision d;

    rough.basis = EGW_STR("rule");
    double_match.issue = &rough;
    d = decide(cw1002());
    EXPECT(d, BASELINE, "DIAGNOSE", "", "baseline.no-evidence");
    expect_str(fact_value(&d, "known-issue"), "hint");
    double_match = (struct egw_match){&disabled_account, true};
    d = decide(cw1002());
    expect_str(fact_value(&d, "known-issue"), "ambiguous");
    EXPECT(d, BASELINE, "DIAGNOSE", "", "baseline.no-evidence");
}

static void s47_nothing_is_passed_on_without_evidence(void **state EGW_UNUSED)
{
    struct egw_support_event e = cw1004();
    struct egw_diagnosis planned = {.kind = EGW_STR("check"), .step = EGW_STR("look at logs")};
    struct egw_decision d;

    e.diagnosis = (struct egw_list){NULL, 0};
    d = decide(e);
    EXPECT(d, BASELINE, "DIAGNOSE", "", "baseline.no-evidence");
    e.diagnosis = (struct egw_list){&planned, 1};
    d = decide(e);
    EXPECT(d, BASELINE, "DIAGNOSE", "", "baseline.no-evidence");
    e.diagnosis = (struct egw_list){&check, 1};
    d = decide(e);
    EXPECT(d, HANDOFF, "", "advanced", "azure.advanced");
}

static void s49_s50_without_a_plan_billing_goes_up_and_technical_does_not(void **state EGW_UNUSED)
{
    struct egw_support_event e = cw1005();
    struct egw_decision d;

    forget("contract/litware/advanced");
    d = decide(cw1003());
    EXPECT(d, HANDOFF, "", "commercial", "commercial.billing");
    learn_access("adatum", "active", "Service Support Administrator", NULL, NULL);
    d = decide(e);
    EXPECT(d, NOT_ENTITLED, "NO_PLAN", "", "entitlement.dynamics");
    assert_true(holds(&d.waits_for, "contract/litware/advanced"));
    assert_true(holds(&d.waits_for, "contract/litware/premier"));
    assert_true(holds(&d.waits_for, "membership/litware"));
    assert_int_equal(d.near.n, 2); /* Advanced, and Premier for a C */
}

static void s51_s52_a_contract_is_in_force_to_its_last_instant(void **state EGW_UNUSED)
{
    struct egw_support_event e = cw1004();
    struct egw_subject s = subject_of(&e);
    struct egw_decision d;

    learn_contract("litware", "premier", "2026-01-05T12:00:00Z");
    learn_contract("litware", "advanced", "2026-01-05T12:00:00Z");
    s.recorded_ms = at("2026-01-05T12:00:00Z") - 1;
    d = decide_subject(&s);
    EXPECT(d, HANDOFF, "", "premier", "azure.premier");
    s.recorded_ms++;
    d = decide_subject(&s);
    EXPECT(d, HANDOFF, "", "csp-program", "azure.csp-program");
    expect_str(fact_value(&d, "premier"), "ended");
    expect_str(source_of(&d, "contract/litware/premier")->value, "2026-01-05");
}

static void s53_s54_signature_comes_with_a_membership_for_cloud_products(void **state EGW_UNUSED)
{
    struct egw_membership gold = {.partner = EGW_STR("litware"), .level = EGW_STR("gold")};
    struct egw_pack pack = {.partner = EGW_STR("litware"), .activated = true, .left = 0};
    struct egw_support_event e = event_of("northwind", "Windows Server", "technical", &failed);
    struct egw_decision d;
    size_t warned = 0;

    forget("contract/litware/advanced");
    learn(EGW_REF_MEMBERSHIP, &gold);
    d = decide(cw1004());
    EXPECT(d, HANDOFF, "", "signature", "azure.partner-cloud-support");
    learn(EGW_REF_PACK, &pack);
    d = decide(cw1004());
    EXPECT(d, HANDOFF, "", "csp-program", "azure.csp-program");
    expect_str(fact_value(&d, "signature"), "empty");
    pack.left = 1;
    learn(EGW_REF_PACK, &pack);
    d = decide(e);
    EXPECT(d, HANDOFF, "", "partner-on-premises", "on-premises.partner-on-premises-support");
    expect_str(fact_value(&d, "signature"), "not-covered");
    /* Both channels rest on the same two records. */
    assert_int_equal(times_read(&d, "membership/litware"), 1);
    assert_int_equal(times_read(&d, "pack/litware"), 1);
    expect_str(source_of(&d, "membership/litware")->value, "gold");
    learn_as_of(EGW_REF_MEMBERSHIP, &gold, now - (int64_t)91 * 86400000);
    d = decide(e);
    expect_str(fact_value(&d, "signature"), "unknown");
    expect_str(fact_value(&d, "partner-on-premises"), "unknown");
    for (size_t i = 0; i < d.warnings.n; i++)
        warned += egw_str_is(((const struct egw_str *)d.warnings.p)[i],
                             "the fact membership/litware is older than the policy allows");
    assert_int_equal(warned, 1);
    gold.level = EGW_STR("none");
    learn(EGW_REF_MEMBERSHIP, &gold);
    d = decide(e);
    EXPECT(d, NOT_ENTITLED, "NO_PLAN", "", "entitlement.none");
    d = decide(cw1004());
    EXPECT(d, HANDOFF, "", "csp-program", "azure.csp-program");
    expect_str(fact_value(&d, "signature"), "none");
}

static void s59_dynamics_needs_advanced_or_higher(void **state EGW_UNUSED)
{
    struct egw_decision d;

    learn_access("adatum", "active", "Service Support Administrator", NULL, NULL);
    learn_contract("litware", "advanced", "2025-12-31");
    d = decide(cw1005());
    EXPECT(d, NOT_ENTITLED, "PLAN_ENDED", "", "entitlement.advanced-ended");
    learn_contract("litware", "premier", NULL);
    d = decide(cw1005());
    EXPECT(d, HELD, "APPROVAL", "", "approval.premier-for-c");
    d = decide_said(cw1005(), "approved");
    EXPECT(d, HANDOFF, "", "premier", "dynamics.premier.last");
    d = decide_said(cw1005(), "declined");
    EXPECT(d, HELD, "POLICY", "", "approval.premier-for-c.declined");
}

static void s60_azure_goes_by_api_with_premier_and_another_plan_than_csp(void **state EGW_UNUSED)
{
    struct egw_decision d;

    learn_contract("litware", "premier", NULL);
    d = decide(cw1004());
    EXPECT(d, HANDOFF, "", "premier", "azure.premier");
    learn_subscription("northwind", "sub-1", "pay-as-you-go", "litware");
    d = decide(cw1004());
    EXPECT(d, ESCALATED, "", "premier", "azure.premier.api");
    expect_str(d.mode, "api");
}

static void s61_office_uses_graph_health_then_the_hand_off(void **state EGW_UNUSED)
{
    struct egw_support_event e = event_of("fabrikam", "Office 365", "technical", &failed);
    struct egw_decision d;

    learn_health("fabrikam", "microsoft-365", "serviceOperational");
    d = decide(e);
    EXPECT(d, HANDOFF, "", "advanced", "m365.advanced");
    expect_str(d.health, "known");
}

static void s62_an_unknown_service_is_not_guessed_at(void **state EGW_UNUSED)
{
    struct egw_decision d = decide(event_of("northwind", "Contoso Cloud", "technical", &failed));

    EXPECT(d, NO_POLICY, "", "", "validity.unknown-service");
    expect_str(d.service, "");
}

static void s67_a_reseller_goes_to_its_provider(void **state EGW_UNUSED)
{
    struct egw_decision d;

    learn_partner("litware", "indirect-reseller", true);
    d = decide(cw1004());
    EXPECT(d, TO_PROVIDER, "", "", "to-provider.azure");
    expect_str(d.owner, "provider");
    assert_true(holds(&d.warnings, "no provider of this reseller is on record"));
    d = decide(cw1003());
    EXPECT(d, TO_PROVIDER, "", "", "to-provider.commercial");
    learn(EGW_REF_PARTNER, &(struct egw_partner){.partner = EGW_STR("litware"),
                                                 .kind = EGW_STR("indirect-reseller"),
                                                 .csp = true,
                                                 .provider = EGW_STR("tailspin")});
    d = decide(cw1005());
    EXPECT(d, TO_PROVIDER, "", "", "to-provider.rest");
    assert_true(holds(&d.warnings, "the provider on record is tailspin"));
}

static void
s10_a_subscription_of_another_seller_or_not_active_is_pointed_out(void **state EGW_UNUSED)
{
    struct egw_subscription s = {.customer = EGW_STR("northwind"),
                                 .subscription = EGW_STR("sub-1"),
                                 .plan = EGW_STR("csp"),
                                 .seller = EGW_STR("litware"),
                                 .status = EGW_STR("active")};
    struct egw_decision d = decide(cw1004());

    assert_false(holds(&d.warnings, "subscription sub-1 is suspended"));
    assert_false(holds(&d.warnings, "subscription sub-1 was sold by contender"));
    s.status = EGW_STR("suspended");
    s.seller = EGW_STR("contender");
    learn(EGW_REF_SUBSCRIPTION, &s);
    d = decide(cw1004());
    assert_true(holds(&d.warnings, "subscription sub-1 is suspended"));
    assert_true(holds(&d.warnings, "subscription sub-1 was sold by contender"));
    s.status = EGW_STR("active");
    s.seller = EGW_STR("litware");
    learn(EGW_REF_SUBSCRIPTION, &s);
}

static void words_outside_the_policy_are_refused_by_field(void **state EGW_UNUSED)
{
    struct egw_support_event e = cw1004();
    struct egw_decision d;

    e.symptom = EGW_STR("gremlins");
    d = decide(e);
    EXPECT(d, REJECTED, "BAD_FIELD", "", "validity.bad-symptom");
    e = cw1004();
    e.ask = EGW_STR("demand");
    d = decide(e);
    EXPECT(d, REJECTED, "BAD_FIELD", "", "validity.bad-ask");
    e = cw1004();
    e.severity = EGW_STR("b"); /* case does not matter */
    d = decide(e);
    expect_str(d.severity, "B");
}

static void an_event_that_names_too_little_is_classified(void **state EGW_UNUSED)
{
    struct egw_decision d = decide(event_of("northwind", NULL, "technical", &failed));

    EXPECT(d, BASELINE, "CLASSIFY", "", "baseline.which-service");
    expect_str(fact_value(&d, "service"), "");
    d = decide(event_of("northwind", "Azure", NULL, &failed));
    EXPECT(d, BASELINE, "CLASSIFY", "", "baseline.which-domain");
}

static void a_priority_gives_the_severity_by_its_system(void **state EGW_UNUSED)
{
    struct egw_support_event e = cw1004();
    struct egw_decision d;

    e.severity = EGW_STR_NONE;
    e.source_system = EGW_STR("ConnectWise");
    e.priority = EGW_STR("Priority 1 - Critical");
    d = decide(e);
    expect_str(d.severity, "A");
    e.priority = EGW_STR("Priority 9");
    d = decide(e);
    expect_str(d.severity, "C");
}

static void what_is_not_for_csp_support_is_referred(void **state EGW_UNUSED)
{
    struct egw_support_event e = cw1004();
    struct egw_decision d;

    e.publisher = EGW_STR("Contoso ISV");
    d = decide(e);
    EXPECT(d, REFERRED, "PUBLISHER", "", "validity.third-party");
    e.publisher = EGW_STR("Microsoft");
    e.topic = EGW_STR("vulnerability");
    d = decide(e);
    EXPECT(d, REFERRED, "MSRC", "", "validity.vulnerability");
    learn_subscription("northwind", "sub-1", "enterprise", "microsoft");
    d = decide(cw1004());
    EXPECT(d, REFERRED, "DIRECT_AGREEMENT", "", "validity.direct-agreement");
}

static void s55_the_same_inputs_give_the_same_answer(void **state EGW_UNUSED)
{
    struct egw_decision first = decide(cw1004());

    for (int i = 0; i < 1000; i++) {
        struct egw_decision d = decide(cw1004());

        assert_int_equal(d.rule, first.rule);
        assert_int_equal(d.facts.n, first.facts.n);
        assert_int_equal(d.sources.n, first.sources.n);
    }
}

/* The offset the decision saw at the key; -2: the key is no source. */
static int64_t seen_at(const char *key)
{
    struct egw_support_event e = cw1004();
    struct egw_subject subject = {.event = &e, .customer = e.customer, .recorded_ms = now};
    struct egw_decision d = decide_subject(&subject);
    const struct egw_fact_source *source = source_of(&d, key);

    return source ? source->offset : -2;
}

static void a_changed_record_of_each_kind_is_seen_by_the_next_decision(void **state EGW_UNUSED)
{
    struct egw_partner partner = {
        .partner = EGW_STR("litware"), .kind = EGW_STR("indirect-provider"), .csp = true};
    struct egw_relation relation = {
        .partner = EGW_STR("litware"), .customer = EGW_STR("northwind"), .active = true};
    struct egw_str role = EGW_STR("Directory Readers"), rbac = EGW_STR("sub-1");
    struct egw_access access = {.partner = EGW_STR("litware"),
                                .customer = EGW_STR("northwind"),
                                .status = EGW_STR("active"),
                                .assigned = true,
                                .roles = list_of(&role, 1),
                                .rbac = list_of(&rbac, 1)};
    struct egw_subscription subscription = {.customer = EGW_STR("northwind"),
                                            .subscription = EGW_STR("sub-1"),
                                            .plan = EGW_STR("csp"),
                                            .seller = EGW_STR("litware")};
    struct egw_contract contract = {.partner = EGW_STR("litware"), .plan = EGW_STR("advanced")};
    struct egw_membership membership = {.partner = EGW_STR("litware"), .level = EGW_STR("gold")};
    struct egw_pack pack = {.partner = EGW_STR("litware"), .activated = true, .left = 3};
    struct egw_statement statement = {.partner = EGW_STR("litware"),
                                      .customer = EGW_STR("northwind"),
                                      .version = EGW_STR("v1"),
                                      .support = EGW_STR("all"),
                                      .hours = EGW_STR("mon-fri"),
                                      .contact = EGW_STR("phone")};
    struct egw_delivery delivery = {.partner = EGW_STR("litware"),
                                    .customer = EGW_STR("northwind"),
                                    .service = EGW_STR("azure"),
                                    .model = EGW_STR("direct"),
                                    .entity = EGW_STR("e"),
                                    .queue = EGW_STR("q")};
    struct egw_delivery any = delivery;
    struct egw_health_snapshot health = {.customer = EGW_STR("northwind"),
                                         .service = EGW_STR("azure"),
                                         .status = EGW_STR("serviceOperational")};
    struct egw_health_issue issue = story_issue();
    const struct {
        enum egw_reference_kind kind;
        void *body;
        const char *key;
        bool no_source; /* once removed */
    } rows[] = {
        {EGW_REF_PARTNER, &partner, "partner/litware", false},
        {EGW_REF_RELATION, &relation, "relation/litware/northwind", false},
        {EGW_REF_ACCESS, &access, "access/litware/northwind", false},
        {EGW_REF_SUBSCRIPTION, &subscription, "subscription/northwind/sub-1", false},
        {EGW_REF_CONTRACT, &contract, "contract/litware/advanced", false},
        {EGW_REF_MEMBERSHIP, &membership, "membership/litware", false},
        {EGW_REF_PACK, &pack, "pack/litware", false},
        {EGW_REF_STATEMENT, &statement, "statement/litware/northwind", false},
        {EGW_REF_DELIVERY, &any, "delivery/litware/northwind/*", true},
        {EGW_REF_DELIVERY, &delivery, "delivery/litware/northwind/azure", true},
        {EGW_REF_HEALTH_SNAPSHOT, &health, "health/northwind/azure", false},
        {EGW_REF_HEALTH_ISSUE, &issue, "issue/northwind/EX700101", true},
    };

    any.service = EGW_STR("*");
    issue.customer = EGW_STR("northwind");
    issue.service = EGW_STR("Azure");
    issue.feature = issue.feature_group = EGW_STR("");
    learn(EGW_REF_MEMBERSHIP, &membership); /* without it nobody asks for a pack */
    for (size_t i = 0; i < EGW_COUNT(rows); i++) {
        for (int round = 0; round < 2; round++) {
            learn(rows[i].kind, rows[i].body);
            assert_int_equal(seen_at(rows[i].key), next_offset - 1);
            learn(rows[i].kind, rows[i].body);
            assert_int_equal(seen_at(rows[i].key), next_offset - 1);
            forget(rows[i].key);
            assert_int_equal(seen_at(rows[i].key), rows[i].no_source ? -2 : next_offset - 1);
        }
        if (rows[i].kind != EGW_REF_HEALTH_ISSUE && rows[i].body != &any)
            learn(rows[i].kind, rows[i].body);
    }
}

static void names_of_any_length_are_survived(void **state EGW_UNUSED)
{
    static char longest[1 << 20];
    struct egw_support_event e = cw1004();
    struct egw_subject s;
    struct egw_decision d;

    memset(longest, 'x', sizeof(longest));
    e.partner = e.subscription = e.feature = (struct egw_str){longest, sizeof(longest)};
    s = (struct egw_subject){.event = &e, .customer = e.partner, .recorded_ms = INT64_MAX};
    d = decide_subject(&s);
    EXPECT(d, ACCESS_REQUIRED, "UNKNOWN", "", "access.relation-unknown");
    e.priority = e.source_system = e.symptom = (struct egw_str){longest, sizeof(longest)};
    d = decide_subject(&s);
    EXPECT(d, REJECTED, "BAD_FIELD", "", "validity.bad-symptom");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fresh_world, end_of_world)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(cw1001_waits_on_the_incident),
        TEST(cw1002_is_remedied_and_health_unknown_is_shown),
        TEST(cw1003_goes_to_commercial_though_access_expired),
        TEST(cw1004_goes_to_advanced_and_premier_and_api_are_near),
        TEST(cw1005_wants_access_and_goes_to_advanced_once_renewed),
        TEST(s03_a_partner_outside_the_program_is_not_entitled),
        TEST(s08_support_rights_do_not_allow_configuring),
        TEST(s10_another_partners_customer_is_refused_and_an_unknown_one_too),
        TEST(access_is_refused_for_each_reason_by_its_code),
        TEST(s09_access_ends_at_its_instant_by_record_time),
        TEST(s15_old_or_missing_health_is_never_healthy),
        TEST(s16_only_an_open_incident_that_fits_holds_a_case),
        TEST(s16_an_incident_of_azure_is_known_by_service_symptom_and_region),
        TEST(s16_an_incident_the_desk_excluded_holds_no_case),
        TEST(s29_a_question_never_becomes_a_technical_case),
        TEST(s42_the_statement_in_force_is_on_the_outcome),
        TEST(s45_a_recorded_success_ends_the_case_in_the_baseline),
        TEST(s47_a_step_that_says_nothing_is_no_evidence),
        TEST(s45_a_remedy_tried_in_vain_no_longer_stops_the_case),
        TEST(only_a_vouched_signature_stops_an_escalation),
        TEST(s47_nothing_is_passed_on_without_evidence),
        TEST(s49_s50_without_a_plan_billing_goes_up_and_technical_does_not),
        TEST(s51_s52_a_contract_is_in_force_to_its_last_instant),
        TEST(s53_s54_signature_comes_with_a_membership_for_cloud_products),
        TEST(s59_dynamics_needs_advanced_or_higher),
        TEST(s60_azure_goes_by_api_with_premier_and_another_plan_than_csp),
        TEST(s61_office_uses_graph_health_then_the_hand_off),
        TEST(s62_an_unknown_service_is_not_guessed_at),
        TEST(s67_a_reseller_goes_to_its_provider),
        TEST(s10_a_subscription_of_another_seller_or_not_active_is_pointed_out),
        TEST(words_outside_the_policy_are_refused_by_field),
        TEST(an_event_that_names_too_little_is_classified),
        TEST(a_priority_gives_the_severity_by_its_system),
        TEST(what_is_not_for_csp_support_is_referred),
        TEST(s55_the_same_inputs_give_the_same_answer),
        TEST(a_changed_record_of_each_kind_is_seen_by_the_next_decision),
        TEST(names_of_any_length_are_survived),
    };

    return cmocka_run_group_tests(tests, load_policy, drop_policy);
}
