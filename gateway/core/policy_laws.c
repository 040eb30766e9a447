/* What one policy's facts never are together. */
#include "policy_laws.h"

/* ---- boxes over values ---- */

uint64_t egw_axes_of(const struct egw_part *parts, size_t n)
{
    uint64_t axes = n ? 0 : ~UINT64_C(0); /* of what depends on nothing: never passed over */

    for (size_t i = 0; i < n; i++)
        axes |= EGW_AXIS_BIT(parts[i].axis);
    return axes;
}

struct egw_part egw_part_where(struct egw_build *b, unsigned axis, egw_part_fn *ask,
                               const void *about)
{
    size_t count = b->space->axes[axis].value_count;
    uint64_t *bits = egw_build_get(b, egw_bit_words(count), sizeof(*bits));

    for (size_t v = 0; bits && v < count; v++) {
        if (ask(about, v))
            egw_bit_set(bits, v);
    }
    return (struct egw_part){axis, bits};
}

static bool in_mask(const void *about, size_t value)
{
    return value < 64 && *(const uint64_t *)about >> value & 1;
}

struct egw_part egw_part_of(struct egw_build *b, unsigned axis, uint64_t mask)
{
    return egw_part_where(b, axis, in_mask, &mask);
}

static bool not_in_mask(const void *about, size_t value)
{
    return !in_mask(about, value);
}

static bool is_empty(const struct egw_build *b, const struct egw_part *part)
{
    for (size_t w = 0; w < egw_bit_words(b->space->axes[part->axis].value_count); w++) {
        if (part->in[w])
            return false;
    }
    return true;
}

void egw_forbid(struct egw_build *b, const struct egw_part *given, size_t count)
{
    struct egw_part *parts = egw_build_get(b, count, sizeof(*parts));
    struct egw_box *box;
    size_t n = 0;

    if (b->nomem)
        return;
    for (size_t i = 0; i < count; i++) {
        if (given[i].in && is_empty(b, &given[i]))
            return;
        if (given[i].in)
            parts[n++] = given[i];
    }
    box = egw_list_push(&b->space->arena, &b->impossible, sizeof(*box));
    if (box)
        *box = (struct egw_box){parts, n, egw_axes_of(parts, n)};
    else
        b->nomem = true;
}

/* ---- of one policy ---- */

struct lawing {
    struct egw_build *b;
    const struct egw_policy *policy;
    size_t side;
};

static unsigned axis_of(const struct lawing *l, size_t fact)
{
    return (unsigned)l->b->space->axis_of[l->side][fact];
}

/* Some of a fact's values: those of the mask, or all others. */
struct some {
    enum egw_fact_id fact;
    uint64_t mask;
    bool others;
};
#define ONLY(fact, value)                                                                          \
    {                                                                                              \
        (fact), UINT64_C(1) << (value), false                                                      \
    }
#define ALL_BUT(fact, value)                                                                       \
    {                                                                                              \
        (fact), UINT64_C(1) << (value), true                                                       \
    }

static struct egw_part part_of(const struct lawing *l, struct some some)
{
    return egw_part_where(l->b, axis_of(l, some.fact), some.others ? not_in_mask : in_mask,
                          &some.mask);
}

static void forbid_pairs(const struct lawing *l)
{
    static const struct some pairs[][2] = {
        {ONLY(EGW_F_CUSTOMER, EGW_V_CUSTOMER_KNOWN), ONLY(EGW_F_RELATION, EGW_V_RELATION_NONE)},
        {ALL_BUT(EGW_F_CUSTOMER, EGW_V_CUSTOMER_KNOWN),
         ALL_BUT(EGW_F_RELATION, EGW_V_RELATION_NONE)},
        {ALL_BUT(EGW_F_CUSTOMER, EGW_V_CUSTOMER_KNOWN),
         ALL_BUT(EGW_F_ACCESS, EGW_V_ACCESS_UNKNOWN)},
        {ALL_BUT(EGW_F_CUSTOMER, EGW_V_CUSTOMER_KNOWN),
         ALL_BUT(EGW_F_HEALTH, EGW_V_HEALTH_UNKNOWN)},
        {ALL_BUT(EGW_F_CUSTOMER, EGW_V_CUSTOMER_KNOWN), ALL_BUT(EGW_F_PLAN, EGW_V_PLAN_NONE)},
        {ALL_BUT(EGW_F_CUSTOMER, EGW_V_CUSTOMER_KNOWN), ALL_BUT(EGW_F_SELLER, EGW_V_SELLER_NONE)},
        {ONLY(EGW_F_CSP, EGW_V_CSP_UNKNOWN), ALL_BUT(EGW_F_PARTNER, EGW_V_PARTNER_UNKNOWN)},
        {ONLY(EGW_F_PLAN, EGW_V_PLAN_NONE), ALL_BUT(EGW_F_SELLER, EGW_V_SELLER_NONE)},
        {ALL_BUT(EGW_F_PLAN, EGW_V_PLAN_NONE), ONLY(EGW_F_SELLER, EGW_V_SELLER_NONE)},
    };
    static const struct some no_severity = ONLY(EGW_F_SEVERITY, EGW_V_ABSENT);
    static const struct some an_issue = ALL_BUT(EGW_F_KNOWN_ISSUE, EGW_V_ISSUE_NONE);
    static const struct some stale_health = ONLY(EGW_F_HEALTH, EGW_V_HEALTH_STALE);

    for (size_t i = 0; i < EGW_COUNT(pairs); i++)
        EGW_FORBID(l->b, part_of(l, pairs[i][0]), part_of(l, pairs[i][1]));
    EGW_FORBID(l->b, part_of(l, no_severity)); /* there is a default */
    if (!l->policy->catalogue)
        EGW_FORBID(l->b, part_of(l, an_issue));
    if (!l->policy->max_age_ms[EGW_REF_HEALTH_SNAPSHOT] &&
        !l->policy->max_age_ms[EGW_REF_HEALTH_ISSUE])
        EGW_FORBID(l->b, part_of(l, stale_health));
}

/* ---- by service ---- */

/* The services for which the question is answered so. */
struct service_question {
    bool (*ask)(const struct egw_policy *policy, uint16_t service, unsigned about,
                const struct egw_channel *channel);
    unsigned about;
    const struct egw_channel *channel;
    const struct egw_policy *policy; /* these two are filled in */
    const uint16_t *map;
};

static bool service_says_yes(const void *about, size_t value)
{
    const struct service_question *q = about;

    return q->ask(q->policy, q->map[value], q->about, q->channel);
}

static bool service_says_no(const void *about, size_t value)
{
    return !service_says_yes(about, value);
}

static struct egw_part services_where(const struct lawing *l, const struct service_question *q,
                                      bool yes)
{
    unsigned axis = axis_of(l, EGW_F_SERVICE);
    struct service_question full = *q;

    full.policy = l->policy;
    full.map = l->b->space->axes[axis].map[l->side];
    if (!full.map)
        return egw_no_part; /* no memory */
    return egw_part_where(l->b, axis, yes ? service_says_yes : service_says_no, &full);
}

static bool is_known(const struct egw_policy *policy EGW_UNUSED, uint16_t service,
                     unsigned about EGW_UNUSED, const struct egw_channel *channel EGW_UNUSED)
{
    return service >= EGW_V_WORDS;
}

const struct egw_need *egw_need_of(const struct egw_policy *policy, uint16_t service, unsigned use)
{
    const struct egw_need *need =
        service >= EGW_V_WORDS ? policy->services[service - EGW_V_WORDS].needs : policy->any_needs;

    while (need && !(need->uses >> use & 1))
        need = need->next;
    return need;
}

static bool has_need(const struct egw_policy *policy, uint16_t service, unsigned use,
                     const struct egw_channel *channel EGW_UNUSED)
{
    return egw_need_of(policy, service, use) != NULL;
}

static bool needs_rbac(const struct egw_policy *policy, uint16_t service, unsigned use,
                       const struct egw_channel *channel EGW_UNUSED)
{
    const struct egw_need *need = egw_need_of(policy, service, use);

    return need && need->rbac;
}

/* Health is judged of known services; a role is lacked where one is needed. */
static void forbid_by_service(const struct lawing *l)
{
    static const struct some health = ALL_BUT(EGW_F_HEALTH, EGW_V_HEALTH_UNKNOWN);
    static const struct some role = ONLY(EGW_F_ACCESS, EGW_V_ACCESS_ROLE);
    static const struct some rbac = ONLY(EGW_F_ACCESS, EGW_V_ACCESS_RBAC);
    struct service_question q = {.ask = is_known};
    size_t uses = l->b->space->axes[axis_of(l, EGW_F_USE)].value_count;

    EGW_FORBID(l->b, services_where(l, &q, false), part_of(l, health));
    for (unsigned use = 0; use < uses; use++) {
        struct some this_use = ONLY(EGW_F_USE, use);

        q.about = use;
        q.ask = has_need;
        EGW_FORBID(l->b, services_where(l, &q, false), part_of(l, this_use), part_of(l, role));
        q.ask = needs_rbac;
        EGW_FORBID(l->b, services_where(l, &q, false), part_of(l, this_use), part_of(l, rbac));
    }
}

/* ---- by channel ---- */

#define RIGHT(word) (1u << EGW_V_RIGHT_##word)

/* While a channel is offered its right follows from what the partner is. */
static void forbid_by_program(const struct lawing *l, unsigned axis,
                              const struct egw_channel *channel, struct egw_part now)
{
    static const struct some not_csp[] = {ONLY(EGW_F_CSP, EGW_V_CSP_NO),
                                          ONLY(EGW_F_CSP, EGW_V_CSP_UNKNOWN)};
    static const unsigned rights[] = {RIGHT(NONE), RIGHT(UNKNOWN)};
    static const struct some csp = ONLY(EGW_F_CSP, EGW_V_CSP_YES);
    const uint64_t good = RIGHT(IN_FORCE) | RIGHT(NOT_COVERED);
    size_t kinds = l->b->space->axes[axis_of(l, EGW_F_PARTNER)].value_count;

    for (size_t i = 0; i < EGW_COUNT(not_csp); i++)
        EGW_FORBID(l->b, now, part_of(l, not_csp[i]),
                   egw_part_of(l->b, axis, ~(uint64_t)rights[i]));
    if (channel->entitlement == EGW_ENTITLED_CSP)
        EGW_FORBID(l->b, now, part_of(l, csp), egw_part_of(l->b, axis, ~good));
    for (unsigned kind = 0; kind < kinds && channel->entitlement != EGW_ENTITLED_CSP; kind++) {
        struct some this_kind = ONLY(EGW_F_PARTNER, kind);
        uint64_t right = kind == EGW_V_PARTNER_UNKNOWN   ? RIGHT(UNKNOWN)
                         : channel->partners >> kind & 1 ? good
                                                         : RIGHT(NONE);

        EGW_FORBID(l->b, now, part_of(l, csp), part_of(l, this_kind),
                   egw_part_of(l->b, axis, ~right));
    }
}

/* Or from a record, which leaves it unknown where it may be too old or the partner has none. */
static void forbid_by_record(const struct lawing *l, unsigned axis,
                             const struct egw_channel *channel, struct egw_part now)
{
    static const struct some on_record = ALL_BUT(EGW_F_CSP, EGW_V_CSP_UNKNOWN);
    const int64_t *ages = l->policy->max_age_ms;
    bool membership = channel->entitlement == EGW_ENTITLED_MEMBERSHIP;
    bool may_be_stale = membership
                            ? ages[EGW_REF_MEMBERSHIP] || (channel->counted && ages[EGW_REF_PACK])
                            : ages[EGW_REF_CONTRACT];

    if (!membership || !channel->counted)
        EGW_FORBID(l->b, now, egw_part_of(l->b, axis, RIGHT(EMPTY)));
    if (!may_be_stale)
        EGW_FORBID(l->b, now, part_of(l, on_record), egw_part_of(l->b, axis, RIGHT(UNKNOWN)));
}

bool egw_channel_covers(const struct egw_policy *policy, const struct egw_channel *channel,
                        uint16_t service, bool on_premises)
{
    uint16_t family = egw_family_of(policy, service);

    if (channel->cloud_only &&
        (on_premises ||
         (service >= EGW_V_WORDS && !policy->services[service - EGW_V_WORDS].view.cloud)))
        return false;
    return !channel->families || egw_bit(channel->families, family);
}

static bool covers(const struct egw_policy *policy, uint16_t service, unsigned on_premises,
                   const struct egw_channel *channel)
{
    return egw_channel_covers(policy, channel, service, on_premises);
}

enum egw_offer egw_offer_in(const struct egw_policy *policy, const struct egw_channel *channel,
                            size_t era)
{
    int64_t begins = era ? policy->eras[era - 1] : INT64_MIN;

    if (channel->since.has && begins < channel->since.v)
        return EGW_OFFER_EARLY;
    return channel->until.has && begins >= channel->until.v ? EGW_OFFER_PAST : EGW_OFFER_NOW;
}

struct offer_question {
    const struct egw_policy *policy;
    const struct egw_channel *channel;
    const uint16_t *map; /* of eras */
    enum egw_offer offer;
};

static bool is_offered_so(const void *about, size_t era)
{
    const struct offer_question *q = about;

    return q->map && egw_offer_in(q->policy, q->channel, q->map[era]) == q->offer;
}

static struct egw_part eras_of(const struct lawing *l, const struct egw_channel *channel,
                               enum egw_offer offer)
{
    const struct offer_question q = {l->policy, channel, l->b->space->axes[0].map[l->side], offer};

    return egw_part_where(l->b, 0, is_offered_so, &q);
}

/* One record speaks for all channels of a membership: believed for one it is for another, of which
 * no pack may be too old. */
static void forbid_by_membership(const struct lawing *l, const struct egw_channel *channel,
                                 unsigned axis)
{
    const struct egw_part now = eras_of(l, channel, EGW_OFFER_NOW);

    for (size_t c = 0; c < l->policy->channel_count; c++) {
        const struct egw_channel *other = &l->policy->channels[c];

        if (other != channel && other->entitlement == EGW_ENTITLED_MEMBERSHIP && !other->counted)
            EGW_FORBID(l->b, now, egw_part_of(l->b, axis, ~(uint64_t)RIGHT(UNKNOWN)),
                       egw_part_of(l->b, axis_of(l, EGW_F_CHANNEL + c), RIGHT(UNKNOWN)));
    }
}

static void forbid_by_channel(const struct lawing *l, unsigned axis,
                              const struct egw_channel *channel)
{
    const struct egw_part now = eras_of(l, channel, EGW_OFFER_NOW);
    struct service_question q = {.ask = covers, .channel = channel};

    for (unsigned on_premises = 0; on_premises < 2; on_premises++) {
        struct some place = {EGW_F_HOSTING, UINT64_C(1) << EGW_V_HOSTING_ON_PREMISES, !on_premises};

        q.about = on_premises;
        EGW_FORBID(l->b, services_where(l, &q, false), part_of(l, place),
                   egw_part_of(l->b, axis, RIGHT(IN_FORCE)));
        EGW_FORBID(l->b, services_where(l, &q, true), part_of(l, place),
                   egw_part_of(l->b, axis, RIGHT(NOT_COVERED)));
    }
    if (channel->entitlement == EGW_ENTITLED_CSP || channel->entitlement == EGW_ENTITLED_PROGRAM)
        forbid_by_program(l, axis, channel, now);
    else
        forbid_by_record(l, axis, channel, now);
    if (channel->entitlement == EGW_ENTITLED_MEMBERSHIP)
        forbid_by_membership(l, channel, axis);
    EGW_FORBID(l->b, eras_of(l, channel, EGW_OFFER_EARLY),
               egw_part_of(l->b, axis, ~(uint64_t)RIGHT(NONE)));
    EGW_FORBID(l->b, eras_of(l, channel, EGW_OFFER_PAST),
               egw_part_of(l->b, axis, ~(uint64_t)RIGHT(ENDED)));
}

void egw_build_laws(struct egw_build *b, size_t side)
{
    const struct lawing l = {b, b->space->sides[side].policy, side};

    forbid_pairs(&l);
    forbid_by_service(&l);
    for (size_t c = 0; c < l.policy->channel_count && !b->nomem; c++)
        forbid_by_channel(&l, axis_of(&l, EGW_F_CHANNEL + c), &l.policy->channels[c]);
}
