#define _GNU_SOURCE
#include "policy_world.h"

#include <stdio.h>
#include <stdlib.h>

#include "egw/policy_file.h"
#include "support.h"

static const int64_t DAY_MS = INT64_C(86400000);

static bool heads(struct world *w)
{
    return random_below(&w->r, 2);
}

/* As things are, where odd ones are rare. */
static bool likely(struct world *w)
{
    return w->odd ? random_below(&w->r, 8) > 0 : heads(w);
}

static const struct egw_policy *any_policy(struct world *w)
{
    return w->policies[w->policies[1] ? random_below(&w->r, 2) : 0];
}

static struct egw_str one_of(struct world *w, const struct egw_str *words, size_t n)
{
    return n && random_below(&w->r, w->odd ? w->odd : 6) ? words[random_below(&w->r, (uint32_t)n)]
           : heads(w)                                    ? EGW_STR("no such word")
                                                         : EGW_STR("");
}

#define ONE_OF(w, ...)                                                                             \
    one_of((w), (const struct egw_str[]){__VA_ARGS__},                                             \
           sizeof((const struct egw_str[]){__VA_ARGS__}) / sizeof(struct egw_str))

static struct egw_str word_of(struct world *w, unsigned fact)
{
    const struct egw_fact_def *def = &any_policy(w)->facts[fact];
    struct egw_str word = w->odd || heads(w) ? one_of(w, def->words.words, def->words.n)
                                             : one_of(w, def->values, def->value_count);

    if (w->odd && egw_str_is(word, "invalid") && random_below(&w->r, w->odd))
        return EGW_STR("");
    return word;
}

static int64_t days_from(struct world *w, int64_t from)
{
    return from + ((int64_t)random_below(&w->r, 800) - 400) * DAY_MS;
}

static struct egw_opt_i64 maybe_days(struct world *w)
{
    return (struct egw_opt_i64){!likely(w), days_from(w, w->recorded)};
}

/* Sometimes nobody supplied it. */
static void learn(struct world *w, enum egw_reference_kind kind, void *body)
{
    struct egw_reference reference = {.as_of = w->now -
                                               (likely(w) ? 0 : random_below(&w->r, 90) * DAY_MS),
                                      .source = EGW_STR("test"),
                                      .body = {(int32_t)kind, body}};
    struct egw_buf key = {0};
    struct egw_error err;

    if (!likely(w) && heads(w))
        return;
    assert_int_equal(egw_reference_key(&reference, &key, &err), EGW_OK);
    assert_int_equal(egw_facts_take(w->facts, egw_buf_str(&key), &reference, w->offset++, &err),
                     EGW_OK);
    egw_buf_free(&key);
}

static struct egw_str any_level(struct world *w)
{
    const struct egw_policy *policy = any_policy(w);
    const struct egw_channel *channel =
        policy->channel_count
            ? &policy->channels[random_below(&w->r, (uint32_t)policy->channel_count)]
            : NULL;

    return channel ? one_of(w, channel->levels, channel->level_count) : EGW_STR("");
}

static void learn_of_contracts(struct world *w, const struct egw_policy *policy)
{
    for (size_t c = 0; c < policy->channel_count; c++) {
        struct egw_contract contract = {.partner = EGW_STR("p"),
                                        .plan = policy->channels[c].plan,
                                        .starts_at = maybe_days(w),
                                        .ends_at = maybe_days(w)};

        if (contract.plan.n)
            learn(w, EGW_REF_CONTRACT, &contract);
    }
}

static void learn_of_partner(struct world *w)
{
    struct egw_partner partner = {.partner = EGW_STR("p"),
                                  .kind = word_of(w, EGW_F_PARTNER),
                                  .csp = likely(w),
                                  .cloud = word_of(w, EGW_F_CLOUD)};
    struct egw_membership membership = {.partner = EGW_STR("p"),
                                        .level = any_level(w),
                                        .starts_at = maybe_days(w),
                                        .ends_at = maybe_days(w)};
    struct egw_pack pack = {.partner = EGW_STR("p"),
                            .unlimited = heads(w),
                            .left = heads(w) ? 3 : 0,
                            .activated = random_below(&w->r, 3) > 0,
                            .ends_at = maybe_days(w)};

    learn(w, EGW_REF_PARTNER, &partner);
    learn(w, EGW_REF_MEMBERSHIP, &membership);
    learn(w, EGW_REF_PACK, &pack);
    for (size_t i = 0; i < 2 && w->policies[i]; i++)
        learn_of_contracts(w, w->policies[i]);
}

/* Roles that somebody needs. */
static size_t any_roles(struct world *w, const struct egw_policy *policy, size_t n)
{
    for (size_t s = 0; s < policy->service_count; s++) {
        for (const struct egw_need *need = policy->services[s].needs; need; need = need->next) {
            if (need->role_count && n < WORLD_ROLES && random_below(&w->r, 3) == 0)
                w->roles[n++] = need->roles[random_below(&w->r, (uint32_t)need->role_count)];
        }
    }
    return n;
}

static void learn_of_access(struct world *w)
{
    struct egw_str rbac = EGW_STR("sub");
    size_t n = 0;
    struct egw_access access = {
        .partner = EGW_STR("p"),
        .customer = EGW_STR("c"),
        .status = likely(w) ? EGW_STR("active")
                            : ONE_OF(w, EGW_STR("expired"), EGW_STR("terminated"), EGW_STR("none"),
                                     EGW_STR("approvalPending")),
        .assigned = likely(w),
        .ends_at = maybe_days(w),
        .auto_extend = heads(w),
        .rbac = {&rbac, heads(w)},
    };

    for (size_t i = 0; i < 2 && w->policies[i]; i++)
        n = any_roles(w, w->policies[i], n);
    access.roles = (struct egw_list){w->roles, n};
    learn(w, EGW_REF_ACCESS, &access);
}

static struct egw_str any_status(struct world *w)
{
    const struct egw_policy *policy = any_policy(w);

    return heads(w) ? one_of(w, policy->operational, policy->operational_count)
                    : one_of(w, policy->active, policy->active_count);
}

/* A feature that a symptom may come from, or another service of the family. */
static struct egw_str any_feature(struct world *w)
{
    const struct egw_policy *policy = any_policy(w);
    size_t n = policy->facts[EGW_F_SYMPTOM].value_count - EGW_V_WORDS;
    const struct egw_symptom *symptom =
        n ? &policy->symptoms[random_below(&w->r, (uint32_t)n)] : NULL;

    if (random_below(&w->r, 3) == 0)
        return word_of(w, EGW_F_SERVICE);
    return symptom ? one_of(w, symptom->features, symptom->feature_count) : EGW_STR("");
}

/* The service itself, mostly, or the part of it that the event names. */
static struct egw_str any_service(struct world *w)
{
    uint32_t which = random_below(&w->r, 5);

    if (which == 0)
        return word_of(w, EGW_F_SERVICE);
    return which == 1 && w->event.feature.n ? w->event.feature : w->event.service;
}

static bool may_be_in_a_key(struct egw_str text)
{
    return text.n && !memchr(text.p, '/', text.n);
}

static void learn_of_health(struct world *w, struct egw_str id)
{
    struct egw_health_snapshot snapshot = {
        .customer = EGW_STR("c"), .service = any_service(w), .status = any_status(w)};
    struct egw_health_issue issue = {.customer = EGW_STR("c"),
                                     .id = id,
                                     .service = any_service(w),
                                     .feature = heads(w) ? any_feature(w) : EGW_STR(""),
                                     .classification =
                                         heads(w) ? EGW_STR("incident") : EGW_STR("advisory"),
                                     .status = any_status(w),
                                     .starts_at = {heads(w), w->event.occurred_at},
                                     .resolved = random_below(&w->r, 4) == 0};

    issue.starts_at.v += ((int64_t)random_below(&w->r, 240) - 120) * 60000;
    if (may_be_in_a_key(snapshot.service))
        learn(w, EGW_REF_HEALTH_SNAPSHOT, &snapshot);
    if (may_be_in_a_key(issue.service))
        learn(w, EGW_REF_HEALTH_ISSUE, &issue);
}

static void learn_of_customer(struct world *w)
{
    struct egw_relation relation = {.partner = EGW_STR("p"),
                                    .customer = EGW_STR("c"),
                                    .tenant = EGW_STR("t"),
                                    .cloud = word_of(w, EGW_F_CLOUD),
                                    .active = likely(w)};
    struct egw_subscription subscription = {.customer = EGW_STR("c"),
                                            .subscription = EGW_STR("sub"),
                                            .plan = word_of(w, EGW_F_PLAN),
                                            .seller = likely(w) ? EGW_STR("p")
                                                                : ONE_OF(w, EGW_STR("microsoft")),
                                            .status = EGW_STR("active")};

    learn(w, EGW_REF_RELATION, &relation);
    learn_of_access(w);
    learn(w, EGW_REF_SUBSCRIPTION, &subscription);
    learn_of_health(w, EGW_STR("I1"));
    learn_of_health(w, EGW_STR("I2"));
}

/* As a PSA system calls it, that some policy may know. */
static void any_priority(struct world *w)
{
    const struct egw_policy *policy = any_policy(w);
    const struct egw_priority_map *map;

    if (!policy->priority_count || heads(w))
        return;
    map = &policy->priorities[random_below(&w->r, (uint32_t)policy->priority_count)];
    w->event.source_system = map->system;
    w->event.priority = one_of(w, map->priorities.words, map->priorities.n);
    w->event.severity = EGW_STR("");
}

/* With all that a form may demand, or with hardly any of it. */
static void any_package(struct world *w)
{
    static struct egw_contact contact = {
        .name = {"N", 1}, .email = {"e@example.org", 13}, .phone = {"1", 1}};

    if (random_below(&w->r, 4) == 0)
        return;
    w->event.title = heads(w) ? EGW_STR("E42 at sign-in") : EGW_STR("it fails");
    w->event.text = EGW_STR("all the time");
    w->event.contact = &contact;
    w->event.started_at = (struct egw_opt_i64){true, w->recorded};
    w->event.subscription = EGW_STR("sub");
    w->event.impact = EGW_STR("nobody works");
    w->event.available_24x7 = (struct egw_opt_bool){true, true};
}

static void any_event(struct world *w)
{
    w->step = (struct egw_diagnosis){.step = EGW_STR("looked"),
                                     .result = EGW_STR("as told"),
                                     .kind = heads(w) ? EGW_STR("attempt") : EGW_STR("check"),
                                     .resolved = heads(w)};
    w->event = (struct egw_support_event){
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
        .publisher = likely(w) ? EGW_STR("") : ONE_OF(w, EGW_STR("microsoft"), EGW_STR("contoso")),
        .subscription = heads(w) ? EGW_STR("sub") : EGW_STR(""),
        .title = heads(w) ? EGW_STR("E42 at sign-in") : EGW_STR(""),
        .text = EGW_STR("it fails"),
        .diagnosis = {&w->step, heads(w)},
    };
    if (heads(w))
        w->event.feature = any_feature(w);
    any_priority(w);
    any_package(w);
}

void world_begin(struct world *w)
{
    w->facts = egw_facts_new();
    assert_non_null(w->facts);
    w->recorded = INT64_C(1704067200000) + ((int64_t)random_below(&w->r, 3000) - 1500) * DAY_MS;
    w->now = w->recorded + random_below(&w->r, 3) * DAY_MS;
    any_event(w);
    w->subject = (struct egw_subject){
        .event = &w->event,
        .recorded_ms = w->recorded,
        .approval = ONE_OF(w, EGW_STR("approved"), EGW_STR("declined")),
        .released = heads(w),
    };
    if (likely(w) || heads(w))
        w->subject.customer = w->event.customer;
    else
        w->subject.customer_elsewhere = heads(w);
    w->issue = (struct egw_known_issue){
        .id = EGW_STR("KI-1"),
        .code = EGW_STR("E42"),
        .basis = ONE_OF(w, EGW_STR("doc"), EGW_STR("selfhelp"), EGW_STR("forum")),
        .baseline = (int)random_below(&w->r, 3) - 1,
    };
    w->ambiguous = random_below(&w->r, 5) == 0;
    learn_of_partner(w);
    learn_of_customer(w);
}

void world_end(struct world *w)
{
    egw_facts_free(w->facts);
}

/* ---- a policy whose first stage asks for every fact ---- */

struct egw_policy *world_policy(const struct egw_policy_file *files, size_t n)
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

struct egw_policy *world_asking(const struct egw_policy_file *files, size_t n, size_t catalogues)
{
    static const char *const names[] = {"catalogue/a.tsv", "catalogue/b.tsv"};
    struct egw_policy_file *all = must_alloc((n + 3) * sizeof(*all));
    struct egw_policy *plain = world_policy(files, n), *policy;
    struct egw_buf rules = {0};

    assert_true(catalogues <= EGW_COUNT(names));
    ask_for_all(plain, &rules);
    egw_policy_free(plain);
    all[0] = (struct egw_policy_file){EGW_STR("0.cfg"), egw_buf_str(&rules)};
    memcpy(all + 1, files, n * sizeof(*all));
    for (size_t i = 0; i < catalogues; i++)
        all[n + 1 + i] = (struct egw_policy_file){egw_str_of(names[i]), EGW_STR("good")};
    policy = world_policy(all, n + 1 + catalogues);
    egw_buf_free(&rules);
    free(all);
    return policy;
}
