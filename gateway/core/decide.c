/*
 * decide - one event against a policy: facts become small numbers, each stage is one match
 *
 * Facts are worked out when the first stage that tests them is walked, and every reference record
 * looked at on the way is noted as a source. Nothing here formats text unless the answer is
 * unusual, and nothing allocates but from the arena.
 */
#include "egw/policy.h"

#include <assert.h>

#include "clock.h"
#include "egw/wants.h"
#include "policy_model.h"
#include "walk.h"

enum { KEY_MAX = 512, WARNINGS_MAX = 8 };
/* At most: partner, relation, access, subscription, issue, two of health and what is noted of the
 * terms; and for each channel a membership and a pack. */
enum { SOURCES_MAX = 8 + EGW_NOTES_SOURCES + 2 * EGW_CHANNELS_MAX };
#define NO_SOURCE SIZE_MAX
static const int64_t DAY_MS = INT64_C(86400000);
enum { WARN_DAYS = 30 };

struct decide {
    const struct egw_policy *policy;
    struct egw_dossier dossier;
    const struct egw_subject *subject;
    const struct egw_support_event *event;
    int64_t now_ms;
    struct egw_arena *arena;
    struct egw_decision *ret;
    bool nomem;

    uint64_t known; /* set of facts worked out */
    uint16_t values[EGW_FACTS_MAX];
    const struct egw_service_rules *service; /* NULL: none named, or none we know */

    bool partner_asked;
    struct egw_fact_view partner; /* fresh record or NULL */
    struct egw_fact_source sources[SOURCES_MAX];
    uint64_t about[SOURCES_MAX]; /* for each, the set of facts it was read for */
    size_t source_count;
    struct egw_str warnings[WARNINGS_MAX];
    size_t warning_count;
    struct egw_match match;
    struct egw_str issue_key; /* of the incident waited on */
    uint32_t missing;         /* set of what the channel's form wants and the case lacks */
};

#define SET(fact) (UINT64_C(1) << (fact))

static void put(struct decide *d, unsigned fact, unsigned value)
{
    d->values[fact] = (uint16_t)value;
}

static void warn(struct decide *d, struct egw_str text)
{
    if (!text.p)
        d->nomem = true;
    else if (d->warning_count < WARNINGS_MAX)
        d->warnings[d->warning_count++] = text;
}

/* ---- reference records ---- */

/* How a kind's key reads: its word, the owners, and a last part where the caller has one. */
static const struct {
    struct egw_str word;
    bool partner, customer;
} keys[EGW_REF_COUNT] = {
    [EGW_REF_PARTNER] = {{"partner", 7}, true, false},
    [EGW_REF_RELATION] = {{"relation", 8}, true, true},
    [EGW_REF_ACCESS] = {{"access", 6}, true, true},
    [EGW_REF_SUBSCRIPTION] = {{"subscription", 12}, false, true},
    [EGW_REF_CONTRACT] = {{"contract", 8}, true, false},
    [EGW_REF_MEMBERSHIP] = {{"membership", 10}, true, false},
    [EGW_REF_PACK] = {{"pack", 4}, true, false},
    [EGW_REF_HEALTH_SNAPSHOT] = {{"health", 6}, false, true},
};

/* The key nobody has filed yet, in the arena: it is a source, and may be waited for. p == NULL:
 * longer than any key. */
static struct egw_str key_make(struct decide *d, enum egw_reference_kind kind, struct egw_str last)
{
    struct egw_str parts[4] = {keys[kind].word};
    size_t count = 1, n = 0;
    char *text, *to;

    if (keys[kind].partner)
        parts[count++] = d->event->partner;
    if (keys[kind].customer)
        parts[count++] = d->subject->customer;
    if (last.p)
        parts[count++] = last;
    for (size_t i = 0; i < count; i++) {
        if (parts[i].n > KEY_MAX)
            return EGW_STR_NONE;
        n += parts[i].n + (i > 0);
    }
    if (n > KEY_MAX)
        return EGW_STR_NONE;
    to = text = egw_arena_alloc(d->arena, n);
    if (!text) {
        d->nomem = true;
        return EGW_STR_NONE;
    }
    for (size_t i = 0; i < count; i++) {
        if (i)
            *to++ = '/';
        if (parts[i].n)
            memcpy(to, parts[i].p, parts[i].n);
        to += parts[i].n;
    }
    return (struct egw_str){text, n};
}

/* Its place among the sources. */
static size_t source_add(struct decide *d, struct egw_str key, const struct egw_fact_view *view,
                         uint64_t about)
{
    assert(d->source_count < SOURCES_MAX && "a channel reads two records at most, the rest ten");
    d->sources[d->source_count] =
        (struct egw_fact_source){.key = key,
                                 .offset = view->offset,
                                 .as_of = view->reference ? view->reference->as_of : 0,
                                 .value = EGW_STR("")};
    d->about[d->source_count] = about;
    return d->source_count++;
}

static bool too_old(const struct decide *d, enum egw_reference_kind kind,
                    const struct egw_reference *reference)
{
    int64_t max = d->policy->max_age_ms[kind], age;

    return max && !__builtin_sub_overflow(d->now_ms, reference->as_of, &age) && age > max;
}

struct lookup {
    const void *body; /* NULL: nobody supplied it, or too old to be believed */
    bool stale;
    size_t source; /* place among the sources, or NO_SOURCE */
    struct egw_fact_view view;
};
static const struct lookup nowhere = {.source = NO_SOURCE, .view = {NULL, -1}};

/* What the record at key says; it becomes a source. */
static struct lookup read_record(struct decide *d, enum egw_reference_kind kind,
                                 struct egw_fact_view view, struct egw_str key, uint64_t about)
{
    struct lookup found = {.view = view, .source = source_add(d, key, &view, about)};

    if (!view.reference)
        return found;
    found.stale = too_old(d, kind, view.reference);
    if (found.stale && kind != EGW_REF_HEALTH_SNAPSHOT)
        warn(d, egw_arena_printf(d->arena, "the fact %.*s is older than the policy allows",
                                 EGW_FMT(key)));
    if (!found.stale)
        found.body = view.reference->body.p;
    return found;
}

/* The record of the event's partner, its customer or both; last: what else its key names. */
static struct lookup look_up(struct decide *d, enum egw_reference_kind kind, struct egw_str last,
                             uint64_t about)
{
    struct egw_str key;
    struct egw_fact_view view = egw_dossier_find(&d->dossier, kind, last, &key);

    if (!key.p)
        key = key_make(d, kind, last);
    if (!key.p)
        return nowhere;
    return read_record(d, kind, view, key, about);
}

/* What the record said that mattered. */
static void say(struct decide *d, const struct lookup *found, struct egw_str value)
{
    if (found->source != NO_SOURCE)
        d->sources[found->source].value = value;
}

static void say_date(struct decide *d, const struct lookup *found, int64_t ms)
{
    char text[EGW_TIME_TEXT];
    struct egw_str copy;

    egw_time_format(ms, text);
    if (!egw_arena_str(d->arena, (struct egw_str){text, strnlen(text, 10)}, &copy))
        d->nomem = true;
    else
        say(d, found, copy);
}

static struct egw_str value_text(const struct decide *d, unsigned fact)
{
    return d->policy->facts[fact].values[d->values[fact]];
}

static const struct egw_partner *partner_of(struct decide *d)
{
    if (!d->partner_asked) {
        struct lookup found =
            look_up(d, EGW_REF_PARTNER, EGW_STR_NONE, SET(EGW_F_PARTNER) | SET(EGW_F_CSP));

        d->partner_asked = true;
        d->partner = found.view;
        if (!found.body)
            d->partner.reference = NULL;
        else
            say(d, &found, ((const struct egw_partner *)found.body)->kind);
    }
    return d->partner.reference ? d->partner.reference->body.p : NULL;
}

/* ---- facts of the event ---- */

static unsigned word_value(const struct decide *d, unsigned fact, struct egw_str word)
{
    int value;

    if (!word.n)
        return EGW_V_ABSENT;
    value = egw_wordset_find(&d->policy->facts[fact].words, word);
    return value < 0 ? EGW_V_INVALID : (unsigned)value;
}

static unsigned severity_value(const struct decide *d)
{
    const struct egw_support_event *event = d->event;

    if (event->severity.n)
        return word_value(d, EGW_F_SEVERITY, event->severity);
    if (event->priority.n && event->source_system.n) {
        for (size_t i = 0; i < d->policy->priority_count; i++) {
            const struct egw_priority_map *map = &d->policy->priorities[i];
            int value = egw_str_same(map->system, event->source_system)
                            ? egw_wordset_find(&map->priorities, event->priority)
                            : -1;

            if (value >= 0)
                return (unsigned)value;
        }
    }
    return d->policy->default_severity;
}

static void event_service(struct decide *d)
{
    struct egw_str name = d->event->service;
    int value = name.n ? egw_wordset_find(&d->policy->facts[EGW_F_SERVICE].words, name) : -1;

    if (!name.n) {
        put(d, EGW_F_SERVICE, EGW_V_ABSENT);
        put(d, EGW_F_FAMILY, EGW_V_ABSENT);
    } else if (value < 0) {
        put(d, EGW_F_SERVICE, EGW_V_INVALID); /* its word is "unknown" */
        put(d, EGW_F_FAMILY, EGW_V_INVALID);
    } else {
        d->service = &d->policy->services[value - EGW_V_WORDS];
        put(d, EGW_F_SERVICE, (unsigned)value);
        put(d, EGW_F_FAMILY, d->service->family);
    }
}

static unsigned ask_value(const struct decide *d)
{
    int value;

    if (!d->event->ask.n)
        return EGW_V_ASK_ISSUE;
    value = egw_wordset_find(&d->policy->facts[EGW_F_ASK].words, d->event->ask);
    return value < 0 ? EGW_V_ASK_INVALID : (unsigned)value;
}

static unsigned publisher_value(struct egw_str publisher)
{
    if (!publisher.n)
        return 0;
    return egw_str_same(publisher, EGW_STR("microsoft")) ? 2 : 1;
}

static unsigned customer_value(const struct egw_subject *subject)
{
    if (subject->customer.p)
        return EGW_V_CUSTOMER_KNOWN;
    return subject->customer_elsewhere ? EGW_V_CUSTOMER_ELSEWHERE : EGW_V_CUSTOMER_UNKNOWN;
}

/* What the desk recorded. The last attempt says how things stand; a check counts once something
 * came of it: a step without result or time is a plan. */
static void event_evidence(struct decide *d)
{
    const struct egw_diagnosis *steps = d->event->diagnosis.p;
    unsigned attempt = EGW_V_ATTEMPT_NONE, diagnosis = EGW_V_DIAGNOSIS_NONE;

    for (size_t i = 0; i < d->event->diagnosis.n; i++) {
        if (egw_str_same(steps[i].kind, EGW_STR("attempt")))
            attempt = steps[i].resolved ? EGW_V_ATTEMPT_RESOLVED : EGW_V_ATTEMPT_FAILED;
        else if (steps[i].step.n && (steps[i].result.n || steps[i].at.has))
            diagnosis = EGW_V_DIAGNOSIS_DONE;
    }
    put(d, EGW_F_ATTEMPT, attempt);
    put(d, EGW_F_DIAGNOSIS, diagnosis);
}

/* What was said to a hold. */
static void event_leave(struct decide *d)
{
    struct egw_str said = d->subject->approval;

    put(d, EGW_F_APPROVAL,
        egw_str_is(said, "approved")   ? EGW_V_APPROVAL_APPROVED
        : egw_str_is(said, "declined") ? EGW_V_APPROVAL_DECLINED
                                       : EGW_V_APPROVAL_NONE);
    put(d, EGW_F_RELEASED, d->subject->released ? EGW_V_YES : EGW_V_NO);
}

/* All facts that cost no lookup. */
static void event_facts(struct decide *d)
{
    const struct egw_support_event *event = d->event;

    put(d, EGW_F_ERA, egw_walk_era(d->policy, d->subject->recorded_ms));
    put(d, EGW_F_ASK, ask_value(d));
    put(d, EGW_F_DOMAIN, word_value(d, EGW_F_DOMAIN, event->domain));
    event_service(d);
    put(d, EGW_F_SYMPTOM, word_value(d, EGW_F_SYMPTOM, event->symptom));
    put(d, EGW_F_TOPIC, word_value(d, EGW_F_TOPIC, event->topic));
    put(d, EGW_F_SEVERITY, severity_value(d));
    put(d, EGW_F_SCOPE, word_value(d, EGW_F_SCOPE, event->scope));
    put(d, EGW_F_USE, word_value(d, EGW_F_USE, event->use));
    put(d, EGW_F_HOSTING, word_value(d, EGW_F_HOSTING, event->hosting));
    put(d, EGW_F_ENVIRONMENT, word_value(d, EGW_F_ENVIRONMENT, event->environment));
    put(d, EGW_F_OWN_TENANT, event->own_tenant ? EGW_V_YES : EGW_V_NO);
    put(d, EGW_F_PUBLISHER, publisher_value(event->publisher));
    put(d, EGW_F_CUSTOMER, customer_value(d->subject));
    put(d, EGW_F_PACKAGE, EGW_V_PACKAGE_COMPLETE); /* until a channel is chosen */
    event_evidence(d);
    event_leave(d);
    d->known = (SET(EGW_F_CUSTOMER) << 1) - 1;
    d->known |= SET(EGW_F_ATTEMPT) | SET(EGW_F_DIAGNOSIS) | SET(EGW_F_APPROVAL) |
                SET(EGW_F_RELEASED) | SET(EGW_F_PACKAGE);
}

/* ---- facts about partner, relation, access ---- */

static void fact_partner(struct decide *d)
{
    const struct egw_partner *partner = partner_of(d);
    int kind =
        partner ? egw_wordset_find(&d->policy->facts[EGW_F_PARTNER].words, partner->kind) : -1;

    put(d, EGW_F_PARTNER, kind < 0 ? EGW_V_PARTNER_UNKNOWN : (unsigned)kind);
    put(d, EGW_F_CSP, !partner ? EGW_V_CSP_UNKNOWN : partner->csp ? EGW_V_CSP_YES : EGW_V_CSP_NO);
    d->known |= SET(EGW_F_PARTNER) | SET(EGW_F_CSP);
}

static void work_out_partner(struct decide *d)
{
    if (!(d->known & SET(EGW_F_PARTNER)))
        fact_partner(d);
}

static void fact_relation(struct decide *d)
{
    unsigned value = EGW_V_RELATION_NONE;

    if (d->subject->customer.p) {
        struct lookup found = look_up(d, EGW_REF_RELATION, EGW_STR_NONE, SET(EGW_F_RELATION));
        const struct egw_relation *relation = found.body;

        value = !relation          ? EGW_V_RELATION_UNKNOWN
                : relation->active ? EGW_V_RELATION_ACTIVE
                                   : EGW_V_RELATION_ENDED;
        put(d, EGW_F_RELATION, value);
        if (relation)
            say(d, &found, value_text(d, EGW_F_RELATION));
    }
    put(d, EGW_F_RELATION, value);
    d->known |= SET(EGW_F_RELATION);
}

/* The relation as fact_relation() found it: NULL where nobody supplied it or it is too old. */
static const struct egw_relation *relation_of(struct decide *d)
{
    struct egw_str key;
    struct egw_fact_view view;

    if (!(d->known & SET(EGW_F_RELATION)))
        fact_relation(d);
    if (!d->subject->customer.p)
        return NULL;
    view = egw_dossier_find(&d->dossier, EGW_REF_RELATION, EGW_STR_NONE, &key);
    return view.reference && !too_old(d, EGW_REF_RELATION, view.reference) ? view.reference->body.p
                                                                           : NULL;
}

/* The customer's own cloud where it is on record, else the partner's. */
static void fact_cloud(struct decide *d)
{
    const struct egw_relation *relation = relation_of(d);
    const struct egw_partner *partner = partner_of(d);
    struct egw_str word = relation && relation->cloud.n ? relation->cloud
                          : partner                     ? partner->cloud
                                                        : EGW_STR("unknown");
    int value = egw_wordset_find(&d->policy->facts[EGW_F_CLOUD].words, word);

    put(d, EGW_F_CLOUD, value < 0 ? EGW_V_CLOUD_UNKNOWN : (unsigned)value);
    d->known |= SET(EGW_F_CLOUD);
}

static bool listed(struct egw_str word, const struct egw_list *list)
{
    const struct egw_str *words = list->p;

    for (size_t i = 0; i < list->n; i++) {
        if (egw_str_same(words[i], word))
            return true;
    }
    return false;
}

/* Whether the delegation covers what this service wants for this use. */
static unsigned access_for_need(const struct decide *d, const struct egw_access *access)
{
    const struct egw_need *need = d->service ? d->service->needs : d->policy->any_needs;
    bool role = false;

    while (need && !(need->uses >> d->values[EGW_F_USE] & 1))
        need = need->next;
    if (!need)
        return EGW_V_ACCESS_ACTIVE;
    for (size_t i = 0; i < need->role_count; i++)
        role = role || listed(need->roles[i], &access->roles);
    if (need->role_count ? !role : !access->roles.n)
        return EGW_V_ACCESS_ROLE;
    if (!need->rbac)
        return EGW_V_ACCESS_ACTIVE;
    /* Without a subscription named, any that the partner may file for will do: the form asks. */
    if (d->event->subscription.n ? listed(d->event->subscription, &access->rbac) : access->rbac.n)
        return EGW_V_ACCESS_ACTIVE;
    return EGW_V_ACCESS_RBAC;
}

/* Microsoft's words for a delegation; only active gives access. */
static unsigned access_status(struct egw_str status)
{
    static const struct {
        const char *word;
        unsigned value;
    } words[] = {
        {"active", EGW_V_ACCESS_ACTIVE},
        {"expired", EGW_V_ACCESS_EXPIRED},
        {"expiring", EGW_V_ACCESS_EXPIRED},
        {"terminated", EGW_V_ACCESS_ENDED},
        {"terminating", EGW_V_ACCESS_ENDED},
        {"terminationRequested", EGW_V_ACCESS_ENDED},
        {"none", EGW_V_ACCESS_NONE},
        {"created", EGW_V_ACCESS_NONE},
        {"approvalPending", EGW_V_ACCESS_NONE},
        {"approved", EGW_V_ACCESS_NONE},
        {"activating", EGW_V_ACCESS_NONE},
    };

    for (size_t i = 0; i < EGW_COUNT(words); i++) {
        if (egw_str_same(status, egw_str_of(words[i].word)))
            return words[i].value;
    }
    return EGW_V_ACCESS_UNKNOWN;
}

static void warn_of_end(struct decide *d, const struct egw_access *access)
{
    int64_t left;
    char text[EGW_TIME_TEXT];

    if (!access->ends_at.has || access->auto_extend ||
        __builtin_sub_overflow(access->ends_at.v, d->subject->recorded_ms, &left) ||
        left > WARN_DAYS * DAY_MS)
        return;
    egw_time_format(access->ends_at.v, text);
    warn(d, egw_arena_printf(d->arena, "delegated access ends on %.10s", text));
}

/* The desk is told the date (S09), whatever the case becomes. */
static void warn_of_ended(struct decide *d, int64_t ms)
{
    char text[EGW_TIME_TEXT];

    egw_time_format(ms, text);
    warn(d, egw_arena_printf(d->arena, "delegated access ended on %.10s", text));
}

static void fact_access(struct decide *d)
{
    unsigned value = EGW_V_ACCESS_UNKNOWN;
    struct lookup found;
    const struct egw_access *access;

    d->known |= SET(EGW_F_ACCESS);
    put(d, EGW_F_ACCESS, value);
    if (!d->subject->customer.p)
        return;
    found = look_up(d, EGW_REF_ACCESS, EGW_STR_NONE, SET(EGW_F_ACCESS));
    access = found.body;
    if (access) {
        value = access_status(access->status);
        if (value == EGW_V_ACCESS_ACTIVE && access->ends_at.has && !access->auto_extend &&
            access->ends_at.v <= d->subject->recorded_ms)
            value = EGW_V_ACCESS_EXPIRED;
        if (value == EGW_V_ACCESS_ACTIVE) {
            value = access->assigned ? access_for_need(d, access) : EGW_V_ACCESS_ASSIGNMENT;
            warn_of_end(d, access);
        }
    }
    put(d, EGW_F_ACCESS, value);
    if (access && value == EGW_V_ACCESS_EXPIRED && access->ends_at.has) {
        say_date(d, &found, access->ends_at.v);
        warn_of_ended(d, access->ends_at.v);
    } else if (access) {
        say(d, &found, access->status);
    }
}

static void fact_subscription(struct decide *d)
{
    unsigned plan = EGW_V_PLAN_NONE, seller = EGW_V_SELLER_NONE;

    if (d->event->subscription.n && d->subject->customer.p) {
        struct lookup found = look_up(d, EGW_REF_SUBSCRIPTION, d->event->subscription,
                                      SET(EGW_F_PLAN) | SET(EGW_F_SELLER));
        const struct egw_subscription *subscription = found.body;

        plan = EGW_V_PLAN_UNKNOWN;
        seller = EGW_V_SELLER_UNKNOWN;
        if (subscription) {
            int word = egw_wordset_find(&d->policy->facts[EGW_F_PLAN].words, subscription->plan);

            /* A record that says "none" tells of a subscription all the same. */
            plan = word < EGW_V_WORDS ? EGW_V_PLAN_UNKNOWN : (unsigned)word;
            if (egw_str_same(subscription->seller, EGW_STR("microsoft")))
                seller = EGW_V_SELLER_MICROSOFT;
            else if (subscription->seller.n)
                seller = EGW_V_SELLER_PARTNER;
            say(d, &found, subscription->plan);
        }
    }
    put(d, EGW_F_PLAN, plan);
    put(d, EGW_F_SELLER, seller);
    d->known |= SET(EGW_F_PLAN) | SET(EGW_F_SELLER);
}

/* ---- health ---- */

static bool among(struct egw_str word, const struct egw_str *words, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (egw_str_same(words[i], word))
            return true;
    }
    return false;
}

bool egw_policy_issue_active(const struct egw_policy *policy, const struct egw_health_issue *issue,
                             int64_t now_ms)
{
    return !issue->resolved && (!issue->ends_at.has || issue->ends_at.v > now_ms) &&
           among(issue->status, policy->active, policy->active_count);
}

static bool issue_is_excluded(const struct decide *d, struct egw_str id)
{
    for (size_t i = 0; i < d->subject->not_incident_count; i++) {
        if (egw_str_eq(d->subject->not_incident[i], id))
            return true;
    }
    return false;
}

/* The event's feature decides where it is named, else the features its symptom may come from. An
 * issue that names neither feature nor group is about the whole service. */
static bool issue_fits_feature(const struct decide *d, const struct egw_health_issue *issue)
{
    struct egw_str feature = d->event->feature;
    unsigned symptom = d->values[EGW_F_SYMPTOM];
    const struct egw_symptom *known =
        symptom >= EGW_V_WORDS ? &d->policy->symptoms[symptom - EGW_V_WORDS] : NULL;

    if (known && known->has_features && !known->feature_count)
        return false;
    if (!issue->feature.n && !issue->feature_group.n)
        return true;
    if (feature.n)
        return egw_str_same(feature, issue->feature) || egw_str_same(feature, issue->feature_group);
    if (known && known->has_features)
        return among(issue->feature, known->features, known->feature_count) ||
               among(issue->feature_group, known->features, known->feature_count);
    return true;
}

/* Azure's feed names as services what a case that says "Azure" names as feature, or not at all: the
 * issue is of a service of the same family that is the feature named, or one of the symptom's. */
static bool issue_is_of_part(const struct decide *d, const struct egw_service *part)
{
    unsigned symptom = d->values[EGW_F_SYMPTOM];
    const struct egw_symptom *known =
        symptom >= EGW_V_WORDS ? &d->policy->symptoms[symptom - EGW_V_WORDS] : NULL;

    if (!part || !egw_str_eq(part->family, d->service->view.family))
        return false;
    if (d->event->feature.n)
        return egw_policy_service(d->policy, d->event->feature) == part;
    for (size_t i = 0; known && i < known->feature_count; i++) {
        if (egw_policy_service(d->policy, known->features[i]) == part)
            return true;
    }
    return false;
}

static bool issue_fits_service(const struct decide *d, const struct egw_health_issue *issue)
{
    const struct egw_service *service = egw_policy_service(d->policy, issue->service);

    return service == &d->service->view ? issue_fits_feature(d, issue)
                                        : issue_is_of_part(d, service);
}

/* "West Europe" to Azure's feed is westeurope to its resources. */
static bool region_same(struct egw_str a, struct egw_str b)
{
    size_t i = 0, k = 0;

    for (;;) {
        while (i < a.n && (a.p[i] == ' ' || a.p[i] == '-'))
            i++;
        while (k < b.n && (b.p[k] == ' ' || b.p[k] == '-'))
            k++;
        if (i == a.n || k == b.n)
            return i == a.n && k == b.n;
        if (strncasecmp(a.p + i++, b.p + k++, 1) != 0)
            return false;
    }
}

/* An incident in another region is another fault. Where either names none, it may be the same. */
static bool issue_fits_region(const struct decide *d, const struct egw_health_issue *issue)
{
    return !issue->region.n || !d->event->region.n || region_same(issue->region, d->event->region);
}

/* A fault noticed well before the incident began is another fault. */
static bool issue_fits_time(const struct decide *d, const struct egw_health_issue *issue)
{
    int64_t fault = d->event->started_at.has ? d->event->started_at.v : d->event->occurred_at;
    int64_t latest;

    if (!issue->starts_at.has)
        return true;
    return __builtin_add_overflow(fault, d->policy->slack_ms, &latest) ||
           issue->starts_at.v <= latest;
}

struct issue_found {
    const struct egw_health_issue *issue;
    struct egw_fact_view view;
    struct egw_str key;
    bool incident;
};

/* The newest incident that explains the fault, else the newest advisory. ret_stale: one that might
 * was passed over because it is too old to be believed. */
static struct issue_found find_issue(struct decide *d, bool *ret_stale)
{
    struct issue_found best = {0};
    struct egw_fact_view view;
    struct egw_str key;
    size_t at = 0;

    *ret_stale = false;
    while (egw_dossier_next_issue(&d->dossier, &at, &view, &key)) {
        const struct egw_health_issue *issue = view.reference->body.p;
        bool incident = egw_str_same(issue->classification, EGW_STR("incident"));

        if ((best.issue && (best.incident || !incident)) ||
            !egw_policy_issue_active(d->policy, issue, d->now_ms) ||
            issue_is_excluded(d, issue->id) || !issue_fits_service(d, issue) ||
            !issue_fits_region(d, issue) || !issue_fits_time(d, issue))
            continue;
        if (too_old(d, EGW_REF_HEALTH_ISSUE, view.reference))
            *ret_stale = true;
        else
            best = (struct issue_found){issue, view, key, incident};
    }
    return best;
}

/* Snapshots are filed under the policy's id, or under any name the service goes by. That there is
 * none under the id is a source too. */
static struct lookup find_snapshot(struct decide *d)
{
    const struct egw_str *names = d->service->names;
    struct lookup found = look_up(d, EGW_REF_HEALTH_SNAPSHOT, names[0], SET(EGW_F_HEALTH));

    for (size_t i = 1; i < d->service->name_count && !found.view.reference; i++) {
        struct egw_str key;
        struct egw_fact_view view =
            egw_dossier_find(&d->dossier, EGW_REF_HEALTH_SNAPSHOT, names[i], &key);

        if (view.reference)
            found = read_record(d, EGW_REF_HEALTH_SNAPSHOT, view, key, SET(EGW_F_HEALTH));
    }
    return found;
}

static unsigned snapshot_value(struct decide *d, const struct egw_health_snapshot *snapshot)
{
    if (among(snapshot->status, d->policy->operational, d->policy->operational_count))
        return EGW_V_HEALTH_OK;
    if (among(snapshot->status, d->policy->active, d->policy->active_count))
        return EGW_V_HEALTH_ADVISORY; /* something is published that does not explain this fault */
    return EGW_V_HEALTH_UNKNOWN;
}

static unsigned health_of_service(struct decide *d)
{
    struct lookup snapshot = find_snapshot(d);
    bool stale_issue;
    struct issue_found found = find_issue(d, &stale_issue);
    unsigned value = EGW_V_HEALTH_UNKNOWN;

    if (snapshot.view.reference) {
        const struct egw_health_snapshot *body = snapshot.view.reference->body.p;

        say(d, &snapshot, body->status);
        value = snapshot.stale ? EGW_V_HEALTH_STALE : snapshot_value(d, body);
        d->ret->health_as_of = (struct egw_opt_i64){true, snapshot.view.reference->as_of};
    }
    if (value == EGW_V_HEALTH_OK && stale_issue)
        value = EGW_V_HEALTH_STALE;
    if (found.issue) {
        struct lookup read = {.source = source_add(d, found.key, &found.view, SET(EGW_F_HEALTH))};

        say(d, &read, found.issue->id);
        d->ret->incident = found.issue->id;
        d->issue_key = found.key;
        d->ret->health_as_of = (struct egw_opt_i64){true, found.view.reference->as_of};
        value = found.incident ? EGW_V_HEALTH_INCIDENT : EGW_V_HEALTH_ADVISORY;
    }
    return value;
}

static void fact_health(struct decide *d)
{
    unsigned value =
        d->service && d->subject->customer.p ? health_of_service(d) : EGW_V_HEALTH_UNKNOWN;

    put(d, EGW_F_HEALTH, value);
    d->known |= SET(EGW_F_HEALTH);
}

/* ---- known issues in the text ---- */

static unsigned known_issue_value(const struct egw_match *match)
{
    bool vouched;

    if (!match->issue)
        return EGW_V_ISSUE_NONE;
    if (match->ambiguous)
        return EGW_V_ISSUE_AMBIGUOUS;
    vouched = egw_str_is(match->issue->basis, "doc");
    if (match->issue->baseline == 1 && (vouched || egw_str_is(match->issue->basis, "selfhelp")))
        return EGW_V_ISSUE_REMEDY;
    if (match->issue->baseline == 0 && vouched)
        return EGW_V_ISSUE_ESCALATE;
    return EGW_V_ISSUE_HINT;
}

static void fact_known_issue(struct decide *d)
{
    struct egw_str service = d->service ? d->service->view.id : EGW_STR("");

    if (d->policy->catalogue && (d->event->title.n || d->event->text.n))
        d->match =
            egw_catalogue_match(d->policy->catalogue, d->event->title, d->event->text, service);
    if (d->match.issue)
        d->ret->signature = d->match.issue->id;
    put(d, EGW_F_KNOWN_ISSUE, known_issue_value(&d->match));
    d->known |= SET(EGW_F_KNOWN_ISSUE);
}

/* ---- entitlements ---- */

/* A term judged at the record time; ret_end: when it ended. */
static unsigned term_value(const struct decide *d, struct egw_opt_i64 starts,
                           struct egw_opt_i64 ends)
{
    if (starts.has && starts.v > d->subject->recorded_ms)
        return EGW_V_RIGHT_NONE;
    if (ends.has && ends.v <= d->subject->recorded_ms)
        return EGW_V_RIGHT_ENDED;
    return EGW_V_RIGHT_IN_FORCE;
}

/* No contract or membership on record means there is none, but only where the partner itself is on
 * record: else nobody has told us anything about it. */
static unsigned right_without_record(struct decide *d, const struct lookup *found)
{
    return found->stale || !partner_of(d) ? EGW_V_RIGHT_UNKNOWN : EGW_V_RIGHT_NONE;
}

static unsigned contract_right(struct decide *d, const struct egw_channel *channel, uint64_t about)
{
    struct lookup found = look_up(d, EGW_REF_CONTRACT, channel->plan, about);
    const struct egw_contract *contract = found.body;
    unsigned value;

    if (!contract)
        return right_without_record(d, &found);
    value = term_value(d, contract->starts_at, contract->ends_at);
    if (value == EGW_V_RIGHT_ENDED)
        say_date(d, &found, contract->ends_at.v);
    else
        say(d, &found, d->policy->facts[EGW_F_CHANNEL].values[value]);
    return value;
}

static unsigned pack_right(struct decide *d, uint64_t about)
{
    struct lookup found = look_up(d, EGW_REF_PACK, EGW_STR_NONE, about);
    const struct egw_pack *pack = found.body;
    unsigned value = EGW_V_RIGHT_IN_FORCE; /* uncounted here: the channel's own ledger counts */

    if (!pack)
        return found.stale ? EGW_V_RIGHT_UNKNOWN : value;
    if (!pack->activated)
        value = EGW_V_RIGHT_NONE;
    else if (pack->ends_at.has && pack->ends_at.v <= d->subject->recorded_ms)
        value = EGW_V_RIGHT_ENDED;
    else if (!pack->unlimited && pack->left <= 0)
        value = EGW_V_RIGHT_EMPTY;
    say(d, &found, d->policy->facts[EGW_F_CHANNEL].values[value]);
    return value;
}

static unsigned membership_right(struct decide *d, const struct egw_channel *channel,
                                 uint64_t about)
{
    struct lookup found = look_up(d, EGW_REF_MEMBERSHIP, EGW_STR_NONE, about);
    const struct egw_membership *membership = found.body;
    unsigned value;

    if (!membership)
        return right_without_record(d, &found);
    say(d, &found, membership->level);
    if (!among(membership->level, channel->levels, channel->level_count))
        return EGW_V_RIGHT_NONE;
    value = term_value(d, membership->starts_at, membership->ends_at);
    return value == EGW_V_RIGHT_IN_FORCE && channel->counted ? pack_right(d, about) : value;
}

static unsigned program_right(struct decide *d, const struct egw_channel *channel)
{
    unsigned kind;

    work_out_partner(d);
    if (d->values[EGW_F_CSP] != EGW_V_CSP_YES)
        return d->values[EGW_F_CSP] == EGW_V_CSP_NO ? EGW_V_RIGHT_NONE : EGW_V_RIGHT_UNKNOWN;
    if (channel->entitlement == EGW_ENTITLED_CSP)
        return EGW_V_RIGHT_IN_FORCE;
    kind = d->values[EGW_F_PARTNER];
    if (kind == EGW_V_PARTNER_UNKNOWN)
        return EGW_V_RIGHT_UNKNOWN;
    return channel->partners >> kind & 1 ? EGW_V_RIGHT_IN_FORCE : EGW_V_RIGHT_NONE;
}

static bool channel_covers(const struct decide *d, const struct egw_channel *channel)
{
    unsigned family = d->values[EGW_F_FAMILY];
    struct egw_str hosting = value_text(d, EGW_F_HOSTING);

    if (channel->cloud_only &&
        ((d->service && !d->service->view.cloud) || egw_str_is(hosting, "on-premises")))
        return false;
    return !channel->families || (channel->families[family / 64] >> (family % 64) & 1);
}

static void fact_channel(struct decide *d, unsigned fact)
{
    const struct egw_channel *channel = &d->policy->channels[fact - EGW_F_CHANNEL];
    uint64_t about = SET(fact);
    unsigned value = term_value(d, channel->since, channel->until);

    if (value == EGW_V_RIGHT_IN_FORCE) {
        if (channel->entitlement == EGW_ENTITLED_CONTRACT)
            value = contract_right(d, channel, about);
        else if (channel->entitlement == EGW_ENTITLED_MEMBERSHIP)
            value = membership_right(d, channel, about);
        else
            value = program_right(d, channel);
    }
    if (value == EGW_V_RIGHT_IN_FORCE && !channel_covers(d, channel))
        value = EGW_V_RIGHT_NOT_COVERED;
    put(d, fact, value);
    d->known |= SET(fact);
}

/* ---- walking the stages ---- */

static void work_out(struct decide *d, unsigned fact)
{
    switch (fact) {
    case EGW_F_CSP:
    case EGW_F_PARTNER:
        fact_partner(d);
        break;
    case EGW_F_RELATION:
        fact_relation(d);
        break;
    case EGW_F_ACCESS:
        fact_access(d);
        break;
    case EGW_F_HEALTH:
        fact_health(d);
        break;
    case EGW_F_KNOWN_ISSUE:
        fact_known_issue(d);
        break;
    case EGW_F_PLAN:
    case EGW_F_SELLER:
        fact_subscription(d);
        break;
    case EGW_F_CLOUD:
        fact_cloud(d);
        break;
    default:
        assert(fact >= EGW_F_CHANNEL && "facts of the event are there from the start");
        fact_channel(d, fact);
        break;
    }
}

static void work_out_all(struct decide *d, uint64_t facts)
{
    for (uint64_t left = facts & ~d->known; left; left = facts & ~d->known)
        work_out(d, (unsigned)__builtin_ctzll(left));
}

/* ---- what the channel's form wants ---- */

static size_t channel_place(const struct egw_policy *policy, struct egw_str id)
{
    size_t place = 0;

    while (!egw_str_eq(policy->channels[place].id, id))
        place++; /* it is there: checked when compiled */
    return place;
}

/* The channel's own, whatever the service; else where cases for the service are filed. */
static void find_portal(struct decide *d, const struct egw_channel *channel)
{
    bool own = channel->portal.n > 0 || channel->portal_usgov.n > 0;

    d->ret->portal = EGW_STR("");
    d->ret->portal_of_channel = own;
    if (!own && !d->service)
        return;
    work_out_all(d, SET(EGW_F_CLOUD));
    if (d->values[EGW_F_CLOUD] == EGW_V_CLOUD_GLOBAL)
        d->ret->portal = own ? channel->portal : d->service->portal;
    else if (d->values[EGW_F_CLOUD] == EGW_V_CLOUD_USGOV)
        d->ret->portal = own ? channel->portal_usgov : d->service->portal_usgov;
    /* else none: a link into the wrong cloud is worse */
}

/* The contact the package will name: the event's, else the partner's own (S25). */
static struct egw_contact contact_of(struct decide *d)
{
    const struct egw_partner *partner;

    if (d->event->contact)
        return *d->event->contact;
    partner = partner_of(d);
    if (!partner)
        return (struct egw_contact){0};
    return (struct egw_contact){.name = partner->contact_name,
                                .email = partner->contact_email,
                                .phone = partner->contact_phone};
}

static bool has_want(struct decide *d, enum egw_want want)
{
    const struct egw_support_event *event = d->event;

    switch (want) {
    case EGW_WANT_PORTAL:
        return d->ret->portal.n > 0;
    case EGW_WANT_TENANT: {
        const struct egw_relation *relation = relation_of(d);

        return relation && relation->tenant.n > 0;
    }
    case EGW_WANT_SERVICE:
        return event->service.n > 0;
    case EGW_WANT_SUBSCRIPTION:
        return event->subscription.n > 0;
    case EGW_WANT_RESOURCE:
        return event->resource.n > 0;
    case EGW_WANT_REGION:
        return event->region.n > 0;
    case EGW_WANT_IMPACT:
        return event->impact.n > 0;
    case EGW_WANT_AVAILABLE_24X7:
        return event->available_24x7.has;
    case EGW_WANT_STARTED_AT:
        return event->started_at.has;
    case EGW_WANT_TITLE:
        return event->title.n > 0;
    case EGW_WANT_TEXT:
        return event->text.n > 0;
    case EGW_WANT_DIAGNOSIS:
        return event->diagnosis.n > 0;
    case EGW_WANT_CORRELATION_IDS:
        return event->correlation_ids.n > 0;
    case EGW_WANT_CONTACT_NAME:
        return contact_of(d).name.n > 0;
    case EGW_WANT_CONTACT_EMAIL:
        return contact_of(d).email.n > 0;
    case EGW_WANT_CONTACT_PHONE:
        return contact_of(d).phone.n > 0;
    case EGW_WANTS:
        break;
    }
    return false;
}

static uint32_t lacking(struct decide *d, uint32_t wants)
{
    uint32_t missing = 0;

    for (uint32_t left = wants; left; left &= left - 1) {
        int want = __builtin_ctz(left);

        if (!has_want(d, (enum egw_want)want))
            missing |= UINT32_C(1) << want;
    }
    return missing;
}

/* The channel of the walk's rule wants this of a case; the first demand that is not met decides. */
static void fact_package(struct decide *d, const struct egw_walk *walk)
{
    const struct egw_policy *policy = d->policy;
    size_t channel = channel_place(policy, walk->rule->view.channel);
    unsigned value = EGW_V_PACKAGE_COMPLETE;

    work_out_all(d, policy->demand_facts);
    for (size_t i = 0; i < policy->demand_count; i++) {
        const struct egw_demand *demand = &policy->demands[i];
        uint32_t missing;

        if (!(demand->channels >> channel & 1) || !egw_walk_fits(walk, demand->rule))
            continue;
        missing = lacking(d, demand->wants);
        d->missing |= missing;
        if (missing && value == EGW_V_PACKAGE_COMPLETE && i < policy->demanded_count)
            value = (unsigned)i + 1;
    }
    put(d, EGW_F_PACKAGE, value);
}

static void fill_missing(struct decide *d)
{
    size_t n = (size_t)__builtin_popcount(d->missing);
    struct egw_str *list = n ? egw_arena_alloc(d->arena, n * sizeof(*list)) : NULL;

    if (n && !list) {
        d->nomem = true;
        return;
    }
    n = 0;
    for (uint32_t left = d->missing; left; left &= left - 1)
        list[n++] = egw_wants[__builtin_ctz(left)].name;
    d->ret->missing = (struct egw_list){list, n};
}

/* Facts are worked out as far as the walk goes. What the package lacks is known once the channel
 * is, so the last stage is walked again where that changes the answer. */
static void walk(struct decide *d, struct egw_walk *ret)
{
    ret->policy = d->policy;
    ret->values = d->values;
    ret->walked = 0;
    ret->boundary = NULL;
    for (int stage = 0; stage < EGW_STAGES; stage++) {
        work_out_all(d, d->policy->stages[stage].facts);
        if (!egw_walk_stage(ret, stage))
            continue;
        if (ret->rule->view.channel.n) {
            find_portal(d, &d->policy->channels[channel_place(d->policy, ret->rule->view.channel)]);
            fact_package(d, ret);
            if (d->values[EGW_F_PACKAGE] != EGW_V_PACKAGE_COMPLETE)
                (void)egw_walk_stage(ret, stage);
        }
        return;
    }
    assert(false && "the last stage has no next: checked when compiled");
}

/* ---- the answer ---- */

/* Facts whose change may turn this answer. */
static uint64_t facts_awaited(const struct decide *d, const struct egw_rule *rule)
{
    switch (rule->view.action) {
    case EGW_ACTION_BASELINE:
        return d->missing & EGW_WANTS_ON_RECORD ? SET(EGW_F_PARTNER) | SET(EGW_F_RELATION) : 0;
    case EGW_ACTION_ACCESS_REQUIRED:
        return SET(EGW_F_ACCESS) | SET(EGW_F_RELATION);
    case EGW_ACTION_NOT_ENTITLED:
        return SET(EGW_F_PARTNER) | SET(EGW_F_PLAN) | ~(SET(EGW_F_CHANNEL) - 1);
    default:
        return 0;
    }
}

static void fill_waits(struct decide *d, const struct egw_rule *rule)
{
    uint64_t awaited = facts_awaited(d, rule);
    struct egw_str *list;
    size_t n = 0;

    if (!awaited && rule->view.action != EGW_ACTION_HEALTH_MATCH)
        return;
    list = egw_arena_alloc(d->arena, (d->source_count + 1) * sizeof(*list));
    if (!list) {
        d->nomem = true;
        return;
    }
    if (rule->view.action == EGW_ACTION_HEALTH_MATCH && d->issue_key.p)
        list[n++] = d->issue_key;
    for (size_t i = 0; i < d->source_count; i++) {
        if (d->about[i] & awaited)
            list[n++] = d->sources[i].key;
    }
    d->ret->waits_for = (struct egw_list){list, n};
}

static struct egw_list list_of(struct decide *d, const void *items, size_t size, size_t n)
{
    void *copy = n ? egw_arena_alloc(d->arena, n * size) : NULL;

    if (copy)
        memcpy(copy, items, n * size);
    else if (n)
        d->nomem = true;
    return (struct egw_list){copy, copy ? n : 0};
}

static struct egw_str word_of(const struct decide *d, unsigned fact)
{
    return d->values[fact] >= EGW_V_WORDS ? value_text(d, fact) : EGW_STR("");
}

static void fill_words(struct decide *d)
{
    struct egw_decision *ret = d->ret;

    ret->severity = word_of(d, EGW_F_SEVERITY);
    ret->service = word_of(d, EGW_F_SERVICE);
    ret->domain = word_of(d, EGW_F_DOMAIN);
}

static void take_notes(struct decide *d, const struct egw_notes *notes)
{
    for (size_t i = 0; i < notes->source_count; i++) {
        assert(d->source_count < SOURCES_MAX && "notes are counted in");
        d->about[d->source_count] = 0;
        d->sources[d->source_count++] = notes->sources[i];
    }
    for (size_t i = 0; i < notes->warning_count; i++)
        warn(d, notes->warnings[i]);
    d->nomem = d->nomem || notes->nomem;
}

/* What was promised, who delivers, and by when. */
static void fill_terms(struct decide *d, const struct egw_facts *facts)
{
    struct egw_decision *ret = d->ret;
    struct egw_notes notes;
    struct egw_terms terms;
    struct egw_clock clock;
    const struct egw_terms_ask ask = {.policy = d->policy,
                                      .facts = facts,
                                      .event = d->event,
                                      .customer_known = d->subject->customer.p != NULL,
                                      .severity = ret->severity,
                                      .recorded_ms = d->subject->recorded_ms,
                                      .now_ms = d->now_ms,
                                      .arena = d->arena};
    const struct egw_clock_ask limit = {.policy = d->policy,
                                        .facts = facts,
                                        .action = ret->action,
                                        .code = ret->code,
                                        .severity = ret->severity,
                                        .channel = ret->channel,
                                        .language = d->event->support_language,
                                        .terms = &terms,
                                        .from_ms = d->now_ms,
                                        .arena = d->arena};

    notes.source_count = notes.warning_count = 0;
    notes.nomem = false;
    egw_terms_find(&ask, &terms, &notes);
    egw_clock_start(&limit, &clock, &notes);
    take_notes(d, &notes);
    ret->theme = terms.theme;
    ret->statement = terms.statement;
    ret->chargeable = terms.chargeable;
    ret->price = terms.price;
    ret->delivery = terms.model;
    ret->handled_by = terms.handled_by;
    ret->due_at = clock.due_at;
    ret->warn_at = clock.warn_at;
    ret->calendar = clock.calendar;
    ret->otherwise = clock.otherwise;
}

static const struct egw_decision nothing = {
    .health = {"", 0},
    .incident = {"", 0},
    .signature = {"", 0},
    .portal = {"", 0},
};

static void begin(struct decide *d, const struct egw_policy *policy, const struct egw_facts *facts,
                  const struct egw_subject *subject, int64_t now_ms, struct egw_arena *arena,
                  struct egw_decision *ret)
{
    d->policy = policy;
    d->dossier = egw_facts_dossier(facts, subject->event->partner, subject->customer);
    d->subject = subject;
    d->event = subject->event;
    d->now_ms = now_ms;
    d->arena = arena;
    d->ret = ret;
    d->nomem = false;
    d->known = 0;
    d->service = NULL;
    d->partner_asked = false;
    d->partner = (struct egw_fact_view){NULL, -1};
    d->source_count = d->warning_count = 0;
    d->match = (struct egw_match){NULL, false};
    d->issue_key = EGW_STR_NONE;
    d->missing = 0;
    *ret = nothing;
    event_facts(d);
}

enum egw_status egw_decide(const struct egw_policy *policy, const struct egw_facts *facts,
                           const struct egw_subject *subject, int64_t now_ms,
                           struct egw_arena *arena, struct egw_decision *ret)
{
    EGW_SCRATCH struct decide d;
    EGW_SCRATCH struct egw_walk walked;

    begin(&d, policy, facts, subject, now_ms, arena, ret);
    walk(&d, &walked);
    if (egw_walk_tell(&walked, d.match.issue, arena, ret))
        d.nomem = true;
    fill_words(&d);
    fill_missing(&d);
    fill_terms(&d, facts);
    fill_waits(&d, walked.rule);
    ret->sources = list_of(&d, d.sources, sizeof(*d.sources), d.source_count);
    ret->warnings = list_of(&d, d.warnings, sizeof(*d.warnings), d.warning_count);
    return d.nomem ? EGW_NOMEM : EGW_OK;
}

enum egw_status egw_gather(const struct egw_policy *policy, const struct egw_facts *facts,
                           const struct egw_subject *subject, int64_t now_ms,
                           struct egw_arena *arena, struct egw_list *ret)
{
    EGW_SCRATCH struct decide d;
    EGW_SCRATCH struct egw_walk walked;
    struct egw_fact *list = egw_arena_alloc(arena, policy->fact_count * sizeof(*list));
    struct egw_decision decision;
    size_t n = 0;

    if (!list)
        return EGW_NOMEM;
    begin(&d, policy, facts, subject, now_ms, arena, &decision);
    walk(&d, &walked);
    work_out_all(&d, (SET(policy->fact_count - 1) << 1) - 1 - SET(EGW_F_ERA));
    for (unsigned fact = EGW_F_ERA + 1; fact < policy->fact_count; fact++)
        list[n++] = (struct egw_fact){policy->facts[fact].name, value_text(&d, fact)};
    *ret = (struct egw_list){list, n};
    return d.nomem ? EGW_NOMEM : EGW_OK;
}
