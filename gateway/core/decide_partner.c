/* Partner, relation, access, subscription: who the customer is to the partner. */
#include "decide.h"

static const int64_t DAY_MS = INT64_C(86400000);
enum { WARN_DAYS = 30 };

void decide_fact_partner(struct decide *d)
{
    const struct egw_partner *partner = decide_partner(d);
    int kind =
        partner ? egw_wordset_find(&d->policy->facts[EGW_F_PARTNER].words, partner->kind) : -1;

    decide_put(d, EGW_F_PARTNER, kind < 0 ? EGW_V_PARTNER_UNKNOWN : (unsigned)kind);
    decide_put(d, EGW_F_CSP,
               !partner       ? EGW_V_CSP_UNKNOWN
               : partner->csp ? EGW_V_CSP_YES
                              : EGW_V_CSP_NO);
    d->known |= SET(EGW_F_PARTNER) | SET(EGW_F_CSP);
}

void decide_csp(struct decide *d)
{
    if (!(d->known & SET(EGW_F_PARTNER)))
        decide_fact_partner(d);
}

void decide_fact_relation(struct decide *d)
{
    unsigned value = EGW_V_RELATION_NONE;

    if (d->subject->customer.p) {
        struct lookup found =
            decide_look_up(d, EGW_REF_RELATION, EGW_STR_NONE, SET(EGW_F_RELATION));
        const struct egw_relation *relation = found.body;

        value = !relation          ? EGW_V_RELATION_UNKNOWN
                : relation->active ? EGW_V_RELATION_ACTIVE
                                   : EGW_V_RELATION_ENDED;
        decide_put(d, EGW_F_RELATION, value);
        if (relation)
            decide_say(d, &found, decide_value_text(d, EGW_F_RELATION));
    }
    decide_put(d, EGW_F_RELATION, value);
    d->known |= SET(EGW_F_RELATION);
}

/* The relation as decide_fact_relation() found it: NULL where nobody supplied it or it is too old.
 */
const struct egw_relation *decide_relation(struct decide *d)
{
    struct egw_str key;
    struct egw_fact_view view;

    if (!(d->known & SET(EGW_F_RELATION)))
        decide_fact_relation(d);
    if (!d->subject->customer.p)
        return NULL;
    view = egw_dossier_find(&d->dossier, EGW_REF_RELATION, EGW_STR_NONE, &key);
    return view.reference && !decide_too_old(d, EGW_REF_RELATION, view.reference)
               ? view.reference->body.p
               : NULL;
}

/* The customer's own cloud where it is on record, else the partner's. */
void decide_fact_cloud(struct decide *d)
{
    const struct egw_relation *relation = decide_relation(d);
    const struct egw_partner *partner = decide_partner(d);
    struct egw_str word = relation && relation->cloud.n ? relation->cloud
                          : partner                     ? partner->cloud
                                                        : EGW_STR("unknown");
    int value = egw_wordset_find(&d->policy->facts[EGW_F_CLOUD].words, word);

    decide_put(d, EGW_F_CLOUD, value < 0 ? EGW_V_CLOUD_UNKNOWN : (unsigned)value);
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
unsigned decide_access_status(struct egw_str status)
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
    decide_warn(d, egw_arena_printf(d->arena, "delegated access ends on %.10s", text));
}

/* The desk is told the date (S09), whatever the case becomes. */
static void warn_of_ended(struct decide *d, int64_t ms)
{
    char text[EGW_TIME_TEXT];

    egw_time_format(ms, text);
    decide_warn(d, egw_arena_printf(d->arena, "delegated access ended on %.10s", text));
}

void decide_fact_access(struct decide *d)
{
    unsigned value = EGW_V_ACCESS_UNKNOWN;
    struct lookup found;
    const struct egw_access *access;

    d->known |= SET(EGW_F_ACCESS);
    decide_put(d, EGW_F_ACCESS, value);
    if (!d->subject->customer.p)
        return;
    found = decide_look_up(d, EGW_REF_ACCESS, EGW_STR_NONE, SET(EGW_F_ACCESS));
    access = found.body;
    if (access) {
        value = decide_access_status(access->status);
        if (value == EGW_V_ACCESS_ACTIVE && access->ends_at.has && !access->auto_extend &&
            access->ends_at.v <= d->subject->recorded_ms)
            value = EGW_V_ACCESS_EXPIRED;
        if (value == EGW_V_ACCESS_ACTIVE) {
            value = access->assigned ? access_for_need(d, access) : EGW_V_ACCESS_ASSIGNMENT;
            warn_of_end(d, access);
        }
    }
    decide_put(d, EGW_F_ACCESS, value);
    if (access && value == EGW_V_ACCESS_EXPIRED && access->ends_at.has &&
        access->ends_at.v <= d->subject->recorded_ms) { /* else it ended before its day came */
        decide_say_date(d, &found, access->ends_at.v);
        warn_of_ended(d, access->ends_at.v);
    } else if (access) {
        decide_say(d, &found, access->status);
    }
}

/* What a right may not hang on, but whoever files the case should know. */
static void warn_of_subscription(struct decide *d, const struct egw_subscription *subscription)
{
    if (subscription->status.n && !egw_str_same(subscription->status, EGW_STR("active")))
        decide_warn(d, egw_arena_printf(d->arena, "subscription %.*s is %.*s",
                                        EGW_FMT(subscription->subscription),
                                        EGW_FMT(subscription->status)));
    if (subscription->seller.n && !egw_str_same(subscription->seller, EGW_STR("microsoft")) &&
        !egw_str_eq(subscription->seller, d->event->partner))
        decide_warn(d, egw_arena_printf(d->arena, "subscription %.*s was sold by %.*s",
                                        EGW_FMT(subscription->subscription),
                                        EGW_FMT(subscription->seller)));
}

void decide_warn_of_provider(struct decide *d)
{
    const struct egw_partner *partner = decide_partner(d);

    decide_warn(d, partner && partner->provider.n
                       ? egw_arena_printf(d->arena, "the provider on record is %.*s",
                                          EGW_FMT(partner->provider))
                       : EGW_STR("no provider of this reseller is on record"));
}

void decide_fact_subscription(struct decide *d)
{
    unsigned plan = EGW_V_PLAN_NONE, seller = EGW_V_SELLER_NONE;

    if (d->event->subscription.n && d->subject->customer.p) {
        struct lookup found = decide_look_up(d, EGW_REF_SUBSCRIPTION, d->event->subscription,
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
            decide_say(d, &found, subscription->plan);
            warn_of_subscription(d, subscription);
        }
    }
    decide_put(d, EGW_F_PLAN, plan);
    decide_put(d, EGW_F_SELLER, seller);
    d->known |= SET(EGW_F_PLAN) | SET(EGW_F_SELLER);
}
