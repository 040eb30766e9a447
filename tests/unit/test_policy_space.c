/* What the analysis of policies holds impossible, against the facts that deciding really gathers.
 */
#define _GNU_SOURCE
#include "support.h"

#include <stdio.h>

#include "../../gateway/core/policy_search.h"
#include "../../gateway/core/walk.h"
#include "catalogue_double.h"
#include "egw/policy_file.h"
#include "policy_random.h"

enum { SUBJECTS = 6000, ROLES_MAX = 2 };
static const int64_t DAY_MS = INT64_C(86400000);

/* Every kind of channel, need and service there is, besides what is shipped. */
static const char odd_words[] =
    "domains = [\"billing\", \"technical\"]; severities = [\"A\", \"C\"]; default-severity = "
    "\"C\"; plans = [\"csp\", \"enterprise\"]; topics = [\"how-to\"];"
    "services = ( { id = \"s0\"; name = \"S 0\"; family = \"f0\"; cloud = true; },"
    "{ id = \"s1\"; name = \"S 1\"; aliases = [\"one\"]; family = \"f1\"; cloud = true; },"
    "{ id = \"s2\"; name = \"S 2\"; family = \"f1\"; cloud = false; } );"
    "access-needs = ( { services = [\"s0\"]; uses = [\"configure\"]; roles = [\"Admin\"]; },"
    "{ services = [\"s1\"]; rbac = true; } );"
    "health = { active = [\"degraded\"]; operational = [\"fine\"]; slack = \"2h\"; };"
    "max-age = { health = \"30m\"; pack = \"7d\"; };"
    "channels = ( { id = \"open\"; name = \"O\"; entitlement = \"csp\"; source = \"S\"; },"
    "{ id = \"paid\"; name = \"P\"; entitlement = \"contract\"; plan = \"paid\"; source = \"S\"; "
    "until = \"2023-01-01\"; families = [\"f1\"]; },"
    "{ id = \"levels\"; name = \"L\"; entitlement = \"membership\"; levels = [\"gold\"]; source = "
    "\"S\"; },"
    "{ id = \"packs\"; name = \"K\"; entitlement = \"membership\"; levels = [\"gold\"]; counted = "
    "true; cloud-only = true; source = \"S\"; },"
    "{ id = \"few\"; name = \"F\"; entitlement = \"program\"; partners = [\"direct-bill\"]; "
    "since = \"2022-01-01\"; cloud-only = true; source = \"S\"; } );";

static const struct egw_policy_file odd_files[] = {
    {{"a.cfg", 5}, {odd_words, sizeof(odd_words) - 1}},
    {{"b.cfg", 5},
     EGW_STR("stage = \"validity\"; rules = ( { id = \"v\"; then = \"next\"; because "
             "= \"b\"; source = \"S\"; } );")},
    {{"c.cfg", 5},
     EGW_STR("stage = \"access\"; rules = ( { id = \"a\"; then = \"next\"; because = "
             "\"b\"; source = \"S\"; } );")},
    {{"d.cfg", 5},
     EGW_STR("stage = \"health\"; rules = ( { id = \"h\"; then = \"next\"; because = "
             "\"b\"; source = \"S\"; } );")},
    {{"e.cfg", 5},
     EGW_STR("stage = \"baseline\"; rules = ( { id = \"l\"; then = \"next\"; because "
             "= \"b\"; source = \"S\"; } );")},
    {{"f.cfg", 5},
     EGW_STR("stage = \"channel\"; rules = ( { id = \"c\"; then = \"TO_PROVIDER\"; "
             "because = \"b\"; source = \"S\"; } );")},
};

/* ---- a policy whose first stage asks for every fact ---- */

static struct egw_policy *compile(const struct egw_policy_file *files, size_t n)
{
    struct egw_policy *policy = NULL;
    struct egw_faults faults = {0};

    if (egw_policy_compile(files, n, &policy, &faults)) {
        egw_faults_print(&faults, stderr);
        fail();
    }
    return policy;
}

/* A rule a fact, in front of the others: so every fact is worked out, and told. */
static void ask_for_all(const struct egw_policy *policy, struct egw_buf *ret)
{
    const char *comma = "";

    assert_int_equal(egw_buf_printf(ret, "stage = \"validity\"; rules = ("), EGW_OK);
    for (size_t f = EGW_F_ERA + 1; f < policy->fact_count; f++) {
        const struct egw_fact_def *def = &policy->facts[f];

        if (f == EGW_F_PACKAGE)
            continue; /* known once a channel is chosen; no rule may ask for it */
        assert_int_equal(
            egw_buf_printf(ret,
                           "%s{ id = \"asks.%zu\"; when = { %.*s = [\"%.*s\"]; }; "
                           "then = \"next\"; because = \"b\"; source = \"assumption\"; }",
                           comma, f, EGW_FMT(def->name), EGW_FMT(def->values[0])),
            EGW_OK);
        comma = ", ";
    }
    assert_int_equal(egw_buf_printf(ret, " );"), EGW_OK);
}

static struct egw_policy *asking(const struct egw_policy_file *files, size_t n, bool catalogue)
{
    struct egw_policy_file *all = must_alloc((n + 2) * sizeof(*all));
    struct egw_policy *plain = compile(files, n), *policy;
    struct egw_buf rules = {0};

    ask_for_all(plain, &rules);
    egw_policy_free(plain);
    all[0] = (struct egw_policy_file){EGW_STR("0.cfg"), egw_buf_str(&rules)};
    memcpy(all + 1, files, n * sizeof(*all));
    all[n + 1] = (struct egw_policy_file){EGW_STR("catalogue/a.tsv"), EGW_STR("good")};
    policy = compile(all, n + 1 + catalogue);
    egw_buf_free(&rules);
    free(all);
    return policy;
}

/* ---- anything that may come ---- */

struct world {
    struct random_source r;
    const struct egw_policy *policy;
    struct egw_facts *facts;
    struct egw_str customer;
    int64_t recorded, now, offset;
    struct egw_str roles[ROLES_MAX];
};

static bool heads(struct world *w)
{
    return random_below(&w->r, 2);
}

static struct egw_str one_of(struct world *w, const struct egw_str *words, size_t n)
{
    return n && random_below(&w->r, 6) ? words[random_below(&w->r, (uint32_t)n)]
           : heads(w)                  ? EGW_STR("no such word")
                                       : EGW_STR("");
}

#define ONE_OF(w, ...)                                                                             \
    one_of((w), (const struct egw_str[]){__VA_ARGS__},                                             \
           sizeof((const struct egw_str[]){__VA_ARGS__}) / sizeof(struct egw_str))

static struct egw_str word_of(struct world *w, unsigned fact)
{
    const struct egw_fact_def *def = &w->policy->facts[fact];

    return heads(w) ? one_of(w, def->words.words, def->words.n)
                    : one_of(w, def->values, def->value_count);
}

static int64_t days_from(struct world *w, int64_t from)
{
    return from + ((int64_t)random_below(&w->r, 800) - 400) * DAY_MS;
}

static struct egw_opt_i64 maybe_days(struct world *w)
{
    return (struct egw_opt_i64){heads(w), days_from(w, w->recorded)};
}

/* Sometimes nobody supplied it. */
static void learn(struct world *w, enum egw_reference_kind kind, void *body)
{
    struct egw_reference reference = {.as_of = w->now -
                                               (heads(w) ? 0 : random_below(&w->r, 90) * DAY_MS),
                                      .source = EGW_STR("test"),
                                      .body = {(int32_t)kind, body}};
    struct egw_buf key = {0};
    struct egw_error err;

    if (random_below(&w->r, 4) == 0)
        return;
    assert_int_equal(egw_reference_key(&reference, &key, &err), EGW_OK);
    assert_int_equal(egw_facts_take(w->facts, egw_buf_str(&key), &reference, w->offset++, &err),
                     EGW_OK);
    egw_buf_free(&key);
}

static void learn_of_partner(struct world *w)
{
    struct egw_partner partner = {.partner = EGW_STR("p"),
                                  .kind = word_of(w, EGW_F_PARTNER),
                                  .csp = heads(w),
                                  .cloud = word_of(w, EGW_F_CLOUD)};
    struct egw_membership membership = {.partner = EGW_STR("p"),
                                        .level = EGW_STR("gold"),
                                        .starts_at = maybe_days(w),
                                        .ends_at = maybe_days(w)};
    struct egw_pack pack = {.partner = EGW_STR("p"),
                            .unlimited = heads(w),
                            .left = heads(w) ? 3 : 0,
                            .activated = random_below(&w->r, 3) > 0,
                            .ends_at = maybe_days(w)};

    learn(w, EGW_REF_PARTNER, &partner);
    if (random_below(&w->r, 4) == 0)
        membership.level = EGW_STR("brass");
    learn(w, EGW_REF_MEMBERSHIP, &membership);
    learn(w, EGW_REF_PACK, &pack);
    for (size_t c = 0; c < w->policy->channel_count; c++) {
        struct egw_contract contract = {.partner = EGW_STR("p"),
                                        .plan = w->policy->channels[c].plan,
                                        .starts_at = maybe_days(w),
                                        .ends_at = maybe_days(w)};

        if (contract.plan.n)
            learn(w, EGW_REF_CONTRACT, &contract);
    }
}

static void learn_of_access(struct world *w)
{
    const struct egw_policy *policy = w->policy;
    struct egw_str rbac = EGW_STR("sub");
    struct egw_access access = {
        .partner = EGW_STR("p"),
        .customer = EGW_STR("c"),
        .status = heads(w) ? EGW_STR("active")
                           : ONE_OF(w, EGW_STR("expired"), EGW_STR("terminated"), EGW_STR("none"),
                                    EGW_STR("approvalPending")),
        .assigned = random_below(&w->r, 4) > 0,
        .ends_at = maybe_days(w),
        .auto_extend = heads(w),
        .rbac = {&rbac, heads(w)},
    };
    size_t n = 0;

    for (size_t s = 0; s < policy->service_count && n < ROLES_MAX; s++) {
        for (const struct egw_need *need = policy->services[s].needs; need && n < ROLES_MAX;
             need = need->next) {
            if (need->role_count && random_below(&w->r, 3) == 0)
                w->roles[n++] = need->roles[0];
        }
    }
    access.roles = (struct egw_list){w->roles, n};
    learn(w, EGW_REF_ACCESS, &access);
}

static void learn_of_customer(struct world *w, struct egw_str service)
{
    const struct egw_policy *policy = w->policy;
    struct egw_relation relation = {.partner = EGW_STR("p"),
                                    .customer = EGW_STR("c"),
                                    .tenant = EGW_STR("t"),
                                    .cloud = word_of(w, EGW_F_CLOUD),
                                    .active = heads(w)};
    struct egw_subscription subscription = {.customer = EGW_STR("c"),
                                            .subscription = EGW_STR("sub"),
                                            .plan = word_of(w, EGW_F_PLAN),
                                            .seller = ONE_OF(w, EGW_STR("microsoft")),
                                            .status = EGW_STR("active")};
    struct egw_health_snapshot snapshot = {
        .customer = EGW_STR("c"),
        .service = service,
        .status = heads(w) ? one_of(w, policy->operational, policy->operational_count)
                           : one_of(w, policy->active, policy->active_count)};
    struct egw_health_issue issue = {.customer = EGW_STR("c"),
                                     .id = EGW_STR("I1"),
                                     .service = service,
                                     .classification =
                                         heads(w) ? EGW_STR("incident") : EGW_STR("advisory"),
                                     .status = one_of(w, policy->active, policy->active_count),
                                     .resolved = random_below(&w->r, 4) == 0};

    learn(w, EGW_REF_RELATION, &relation);
    learn_of_access(w);
    learn(w, EGW_REF_SUBSCRIPTION, &subscription);
    if (service.n && !memchr(service.p, '/', service.n)) { /* which no key may hold */
        learn(w, EGW_REF_HEALTH_SNAPSHOT, &snapshot);
        learn(w, EGW_REF_HEALTH_ISSUE, &issue);
    }
}

static struct egw_support_event any_event(struct world *w, struct egw_diagnosis *step)
{
    step->kind = heads(w) ? EGW_STR("attempt") : EGW_STR("check");
    step->resolved = heads(w);
    return (struct egw_support_event){
        .event_id = EGW_STR("e"),
        .event_type = EGW_STR("opened"),
        .partner = EGW_STR("p"),
        .customer = EGW_STR("c"),
        .case_id = EGW_STR("1"),
        .occurred_at = w->recorded,
        .ask = word_of(w, EGW_F_ASK),
        .domain = word_of(w, EGW_F_DOMAIN),
        .service = word_of(w, EGW_F_SERVICE),
        .symptom = word_of(w, EGW_F_SYMPTOM),
        .topic = word_of(w, EGW_F_TOPIC),
        .severity = word_of(w, EGW_F_SEVERITY),
        .scope = word_of(w, EGW_F_SCOPE),
        .use = word_of(w, EGW_F_USE),
        .hosting = word_of(w, EGW_F_HOSTING),
        .environment = word_of(w, EGW_F_ENVIRONMENT),
        .own_tenant = heads(w),
        .publisher = ONE_OF(w, EGW_STR("microsoft"), EGW_STR("contoso")),
        .subscription = heads(w) ? EGW_STR("sub") : EGW_STR(""),
        .title = heads(w) ? EGW_STR("E42 at sign-in") : EGW_STR(""),
        .text = EGW_STR("it fails"),
        .diagnosis = {step, heads(w)},
    };
}

/* What is known to be wrong, as the catalogue may say it. */
static struct egw_known_issue any_issue(struct world *w)
{
    return (struct egw_known_issue){
        .id = EGW_STR("KI-1"),
        .code = EGW_STR("E42"),
        .basis = ONE_OF(w, EGW_STR("doc"), EGW_STR("selfhelp"), EGW_STR("forum")),
        .baseline = (int)random_below(&w->r, 3) - 1,
    };
}

/* ---- against the boxes ---- */

struct seen {
    const struct egw_space *space;
    size_t at[EGW_AXES_MAX];         /* class of the subject; SIZE_MAX: not told */
    uint64_t came[EGW_AXES_MAX][16]; /* classes by axis */
};

static void place(struct seen *seen, const struct egw_list *facts)
{
    const struct egw_fact *list = facts->p;

    for (size_t a = 0; a < seen->space->axis_count; a++)
        seen->at[a] = SIZE_MAX;
    for (size_t i = 0; i < facts->n; i++) {
        int axis = egw_space_axis(seen->space, list[i].name), value;

        if (axis < 0) {
            assert_string_equal(list[i].name.p, "family"); /* told by the service */
            continue;
        }
        value = egw_space_value(&seen->space->axes[axis], list[i].value);
        assert_true(value >= 0);
        seen->at[axis] = seen->space->axes[axis].class_of[value];
        seen->came[axis][seen->at[axis] / 64] |= UINT64_C(1) << (seen->at[axis] % 64);
    }
}

static const char *text_of(const struct egw_list *facts)
{
    static char text[4096];
    const struct egw_fact *list = facts->p;
    size_t n = 0;

    for (size_t i = 0; i < facts->n && n < sizeof(text) - 100; i++)
        n += (size_t)snprintf(text + n, 100, "%.*s=%.*s ", EGW_FMT(list[i].name),
                              EGW_FMT(list[i].value));
    return text;
}

/* recorded_ms: the first axis is the time. */
static void hold_to_boxes(struct seen *seen, const struct egw_list *facts,
                          const struct egw_policy *policy, int64_t recorded_ms)
{
    place(seen, facts);
    seen->at[0] = seen->space->axes[0].class_of[egw_walk_era(policy, recorded_ms)];
    for (size_t i = 0; i < seen->space->impossible_count; i++) {
        const struct egw_box *box = &seen->space->impossible[i];
        size_t held = 0;

        for (size_t p = 0; p < box->n; p++) {
            size_t at = seen->at[box->parts[p].axis];

            assert_true(at != SIZE_MAX);
            held += egw_bit(box->parts[p].in, at);
        }
        if (held == box->n)
            fail_msg("what cannot be (law %zu, of %zu facts) came: %s", i, box->n, text_of(facts));
    }
}

static void decide_one(struct world *w, struct seen *seen)
{
    struct egw_diagnosis step = {.step = EGW_STR("looked"), .result = EGW_STR("as told")};
    struct egw_known_issue issue = any_issue(w);
    struct egw_arena arena = {0};
    struct egw_support_event event;
    struct egw_subject subject = {.event = &event};
    struct egw_decision decision;

    w->facts = egw_facts_new();
    assert_non_null(w->facts);
    w->recorded = INT64_C(1704067200000) + ((int64_t)random_below(&w->r, 3000) - 1500) * DAY_MS;
    w->now = w->recorded + random_below(&w->r, 3) * DAY_MS;
    event = any_event(w, &step);
    subject.recorded_ms = w->recorded;
    if (random_below(&w->r, 3))
        subject.customer = event.customer;
    else
        subject.customer_elsewhere = heads(w);
    subject.approval = ONE_OF(w, EGW_STR("approved"), EGW_STR("declined"));
    subject.released = heads(w);
    double_match = (struct egw_match){&issue, random_below(&w->r, 5) == 0};
    learn_of_partner(w);
    learn_of_customer(w, event.service);
    assert_int_equal(egw_decide(w->policy, w->facts, &subject, w->now, &arena, &decision), EGW_OK);
    hold_to_boxes(seen, &decision.facts, w->policy, w->recorded);
    egw_facts_free(w->facts);
    egw_arena_free(&arena);
}

/* And what can be has come, class by class: the subjects are as various as the laws allow. */
static void assert_all_came(const struct seen *seen)
{
    struct egw_quest quest;

    assert_int_equal(egw_quest_new(seen->space, &quest), EGW_OK);
    for (size_t a = 1; a < seen->space->axis_count; a++) { /* the first is the time */
        const struct egw_axis *axis = &seen->space->axes[a];

        for (size_t c = 0; c < axis->class_count && !egw_str_is(axis->name, "package"); c++) {
            uint64_t *only = must_alloc(axis->words * sizeof(*only));
            enum egw_found found;

            memset(only, 0, axis->words * sizeof(*only));
            only[c / 64] = UINT64_C(1) << (c % 64);
            egw_quest_begin(&quest, false);
            egw_quest_within(&quest, a, only);
            found = egw_quest_find(&quest);
            if (found != (egw_bit(seen->came[a], c) ? EGW_FOUND_SOME : EGW_FOUND_NONE))
                fail_msg("%.*s=%.*s %s", EGW_FMT(axis->name), EGW_FMT(axis->values[axis->shown[c]]),
                         found == EGW_FOUND_SOME ? "never came" : "came");
            free(only);
        }
    }
    egw_quest_free(&quest);
}

static void nothing_that_cannot_be_comes_to(struct egw_policy *policy)
{
    const struct egw_policy *const policies[] = {policy};
    struct world w = {.r = {7}, .policy = policy};
    struct egw_space *space = NULL;
    struct seen seen = {0};

    assert_int_equal(egw_space_new(policies, 1, &space), EGW_OK);
    assert_true(space->impossible_count > 10);
    seen.space = space;
    for (int i = 0; i < SUBJECTS; i++)
        decide_one(&w, &seen);
    assert_all_came(&seen);
    egw_space_free(space);
    egw_policy_free(policy);
}

/* The first date of a channel is a law: a rule for it before that never decides. */
static void a_channel_gives_no_right_outside_its_time(void **state EGW_UNUSED)
{
    struct egw_policy *policy = compile(odd_files, EGW_COUNT(odd_files));
    const struct egw_policy *const policies[] = {policy};
    struct egw_space *space = NULL;
    struct egw_quest quest;
    int axis = -1;

    assert_int_equal(egw_space_new(policies, 1, &space), EGW_OK);
    for (size_t a = 0; a < space->axis_count; a++) {
        if (egw_str_is(space->axes[a].name, "few")) /* since 2022-01-01 */
            axis = (int)a;
    }
    assert_true(axis > 0);
    assert_int_equal(egw_quest_new(space, &quest), EGW_OK);
    for (size_t era = 0; era < space->axes[0].value_count; era++) {
        const struct egw_axis *time = &space->axes[0], *of = &space->axes[axis];
        uint64_t in_force[EGW_FACTS_MAX] = {0}, then[EGW_FACTS_MAX] = {0};
        int value = egw_space_value(of, EGW_STR("in-force"));
        bool offered = era && policy->eras[era - 1] >= INT64_C(1640995200000);

        assert_true(value >= 0);
        in_force[of->class_of[value] / 64] = UINT64_C(1) << (of->class_of[value] % 64);
        then[time->class_of[era] / 64] = UINT64_C(1) << (time->class_of[era] % 64);
        egw_quest_begin(&quest, false);
        egw_quest_within(&quest, 0, then);
        egw_quest_within(&quest, (size_t)axis, in_force);
        assert_int_equal(egw_quest_find(&quest), offered ? EGW_FOUND_SOME : EGW_FOUND_NONE);
    }
    egw_quest_free(&quest);
    egw_space_free(space);
    egw_policy_free(policy);
}

static void nothing_that_cannot_be_comes_to_a_policy_of_every_kind(void **state EGW_UNUSED)
{
    nothing_that_cannot_be_comes_to(asking(odd_files, EGW_COUNT(odd_files), false));
    nothing_that_cannot_be_comes_to(asking(odd_files, EGW_COUNT(odd_files), true));
}

static void nothing_that_cannot_be_comes_to_the_shipped_policy(void **state EGW_UNUSED)
{
    struct egw_policy_files files;
    struct egw_error err;

    assert_int_equal(egw_policy_read(EGW_SOURCE_DIR "/config/policy", NULL, &files, &err), EGW_OK);
    nothing_that_cannot_be_comes_to(asking(files.files, files.n, true));
    egw_policy_files_free(&files);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_channel_gives_no_right_outside_its_time),
        cmocka_unit_test(nothing_that_cannot_be_comes_to_a_policy_of_every_kind),
        cmocka_unit_test(nothing_that_cannot_be_comes_to_the_shipped_policy),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
