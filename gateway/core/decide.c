/*
 * decide - one event against a policy: facts become small numbers, each stage is one match
 *
 * Facts are worked out when the first stage that tests them is walked, and every reference record
 * looked at on the way is noted as a source. Nothing here formats text unless the answer is
 * unusual, and nothing allocates but from the arena.
 */
#include <assert.h>

#include "decide.h"
#include "egw/wants.h"

/* ---- walking the stages ---- */

static void work_out(struct decide *d, unsigned fact)
{
    switch (fact) {
    case EGW_F_CSP:
    case EGW_F_PARTNER:
        decide_fact_partner(d);
        break;
    case EGW_F_RELATION:
        decide_fact_relation(d);
        break;
    case EGW_F_ACCESS:
        decide_fact_access(d);
        break;
    case EGW_F_HEALTH:
        decide_fact_health(d);
        break;
    case EGW_F_KNOWN_ISSUE:
        decide_fact_known_issue(d);
        break;
    case EGW_F_PLAN:
    case EGW_F_SELLER:
        decide_fact_subscription(d);
        break;
    case EGW_F_CLOUD:
        decide_fact_cloud(d);
        break;
    default:
        assert(fact >= EGW_F_CHANNEL && "facts of the event are there from the start");
        decide_fact_channel(d, fact);
        break;
    }
}

static void work_out_all(struct decide *d, uint64_t facts)
{
    for (uint64_t left = facts & ~d->known; left; left = facts & ~d->known)
        work_out(d, (unsigned)__builtin_ctzll(left));
}

/* ---- what the channel's form wants ---- */

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
    partner = decide_partner(d);
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
        const struct egw_relation *relation = decide_relation(d);

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
        return event->available_24x7.has && event->available_24x7.v;
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
static void fact_package(struct decide *d, const struct egw_walk *walk,
                         const struct egw_channel *channel)
{
    const struct egw_policy *policy = d->policy;
    size_t place = (size_t)(channel - policy->channels);
    unsigned value = EGW_V_PACKAGE_COMPLETE;

    work_out_all(d, policy->demand_facts);
    for (size_t i = 0; i < policy->demand_count; i++) {
        const struct egw_demand *demand = &policy->demands[i];
        uint32_t missing;

        if (!(demand->channels >> place & 1) || !egw_walk_fits(walk, demand->rule))
            continue;
        missing = lacking(d, demand->wants);
        d->missing |= missing;
        if (missing && value == EGW_V_PACKAGE_COMPLETE && i < policy->demanded_count)
            value = (unsigned)i + 1;
    }
    decide_put(d, EGW_F_PACKAGE, value);
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
        const struct egw_channel *channel;

        work_out_all(d, d->policy->stages[stage].facts);
        if (!egw_walk_stage(ret, stage))
            continue;
        channel = egw_policy_channel_of(d->policy, ret->rule->view.channel);
        if (channel) {
            find_portal(d, channel);
            fact_package(d, ret, channel);
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
    return d->values[fact] >= EGW_V_WORDS ? decide_value_text(d, fact) : EGW_STR("");
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
        decide_warn(d, notes->warnings[i]);
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
    decide_event(d);
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
    if (ret->action == EGW_ACTION_TO_PROVIDER)
        decide_warn_of_provider(&d);
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
        list[n++] = (struct egw_fact){policy->facts[fact].name, decide_value_text(&d, fact)};
    *ret = (struct egw_list){list, n};
    return d.nomem ? EGW_NOMEM : EGW_OK;
}
