#include "policy_space.h"

#include <stdlib.h>

#include "walk.h"

struct build {
    struct egw_space *space;
    struct egw_list impossible; /* of egw_box */
    int axis_of[EGW_FACTS_MAX]; /* by fact of the first policy; -1: the family */
    bool nomem;
};

static void *get(struct build *b, size_t n, size_t size)
{
    size_t bytes;
    void *p = NULL;

    if (!__builtin_mul_overflow(n ? n : 1, size, &bytes))
        p = egw_arena_alloc(&b->space->arena, bytes);
    if (!p)
        b->nomem = true;
    return p;
}

static size_t words_of(size_t bits)
{
    return (bits + 63) / 64;
}

static void bit_set(uint64_t *bits, size_t i)
{
    bits[i / 64] |= UINT64_C(1) << (i % 64);
}

int egw_space_axis(const struct egw_space *space, struct egw_str name)
{
    for (size_t a = 0; a < space->axis_count; a++) {
        if (egw_str_eq(space->axes[a].name, name))
            return (int)a;
    }
    return -1;
}

int egw_space_value(const struct egw_axis *axis, struct egw_str text)
{
    for (size_t v = 0; v < axis->value_count; v++) {
        if (egw_str_same(axis->values[v], text))
            return (int)v;
    }
    return -1;
}

/* ---- axes ---- */

static int fact_named(const struct egw_policy *policy, struct egw_str name)
{
    for (size_t f = EGW_F_ERA + 1; f < policy->fact_count; f++) {
        if (egw_str_eq(policy->facts[f].name, name))
            return (int)f;
    }
    return -1;
}

/* What the policy makes of an event's word: what it does not know is EGW_V_INVALID, which facts
 * with words of their own begin with. */
static uint16_t value_of(const struct egw_fact_def *fact, struct egw_str text)
{
    size_t last = fact->words.n ? EGW_V_WORDS : fact->value_count;
    int value = egw_wordset_find(&fact->words, text);

    for (size_t v = 0; value < 0 && v < last && v < fact->value_count; v++)
        value = egw_str_same(fact->values[v], text) ? (int)v : -1;
    return (uint16_t)(value < 0 ? EGW_V_INVALID : value);
}

static bool knows(const struct egw_fact_def *fact, struct egw_str text)
{
    return value_of(fact, text) != EGW_V_INVALID || egw_str_same(fact->values[1], text);
}

/* A service goes by every name the policy gives it. */
static size_t texts_of(const struct egw_fact_def *fact, bool service, struct egw_str *ret)
{
    size_t n = service ? EGW_V_WORDS : fact->value_count;

    for (size_t v = 0; ret && v < n; v++)
        ret[v] = fact->values[v];
    for (size_t v = 0; service && v < fact->words.n; v++) {
        if (ret)
            ret[n] = fact->words.words[v];
        n++;
    }
    return n;
}

static void map_values(struct build *b, struct egw_axis *axis, size_t side, int fact)
{
    const struct egw_fact_def *def = &b->space->sides[side].policy->facts[fact];
    uint16_t *map = get(b, axis->value_count, sizeof(*map));

    for (size_t v = 0; map && v < axis->value_count; v++)
        map[v] = value_of(def, axis->values[v]);
    axis->map[side] = map;
}

static struct egw_axis *add_axis(struct build *b, struct egw_str name)
{
    struct egw_axis *axis = &b->space->axes[b->space->axis_count++];

    axis->name = name;
    return axis;
}

static void add_fact(struct build *b, struct egw_str name)
{
    const struct egw_fact_def *defs[EGW_SIDES_MAX] = {NULL};
    bool service = egw_str_is(name, "service");
    struct egw_axis *axis = add_axis(b, name);
    struct egw_str *values;
    size_t room = 0, n = 0;

    for (size_t s = 0; s < b->space->side_count; s++) {
        int fact = fact_named(b->space->sides[s].policy, name);

        if (fact >= 0) {
            defs[s] = &b->space->sides[s].policy->facts[fact];
            room += texts_of(defs[s], service, NULL);
        }
    }
    values = get(b, room, sizeof(*values));
    for (size_t s = 0; values && s < b->space->side_count; s++) {
        size_t fresh = defs[s] ? texts_of(defs[s], service, values + n) : 0, first = n;

        for (size_t v = 0; v < fresh; v++) {
            if (!s || !defs[0] || !knows(defs[0], values[first + v]))
                values[n++] = values[first + v];
        }
    }
    axis->values = values;
    axis->value_count = n;
    for (size_t s = 0; values && s < b->space->side_count; s++) {
        if (defs[s])
            map_values(b, axis, s, fact_named(b->space->sides[s].policy, name));
    }
}

static int by_time(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

static struct egw_str era_text(struct build *b, const int64_t *bounds, size_t n, size_t era)
{
    char from[EGW_TIME_TEXT], to[EGW_TIME_TEXT];
    struct egw_str text;

    if (era)
        egw_time_format(bounds[era - 1], from);
    if (era < n)
        egw_time_format(bounds[era], to);
    if (!n)
        return EGW_STR("at any time");
    if (!era)
        text = egw_arena_printf(&b->space->arena, "before %.10s", to);
    else if (era == n)
        text = egw_arena_printf(&b->space->arena, "from %.10s on", from);
    else
        text = egw_arena_printf(&b->space->arena, "from %.10s to before %.10s", from, to);
    b->nomem = b->nomem || !text.p;
    return text;
}

/* The times at which either policy's set of rules or of channels changes. */
static void add_eras(struct build *b)
{
    struct egw_axis *axis = add_axis(b, EGW_STR("recorded"));
    struct egw_str *values;
    size_t room = 0, n = 0;
    int64_t *bounds;

    for (size_t s = 0; s < b->space->side_count; s++)
        room += b->space->sides[s].policy->era_count;
    bounds = get(b, room, sizeof(*bounds));
    values = get(b, room + 1, sizeof(*values));
    if (!bounds || !values)
        return;
    for (size_t s = 0, at = 0; s < b->space->side_count; s++) {
        for (size_t e = 0; e < b->space->sides[s].policy->era_count; e++)
            bounds[at++] = b->space->sides[s].policy->eras[e];
    }
    if (room)
        qsort(bounds, room, sizeof(*bounds), by_time);
    for (size_t i = 0; i < room; i++) {
        if (!n || bounds[n - 1] != bounds[i])
            bounds[n++] = bounds[i];
    }
    for (size_t e = 0; e <= n; e++)
        values[e] = era_text(b, bounds, n, e);
    axis->values = values;
    axis->value_count = n + 1;
    for (size_t s = 0; s < b->space->side_count; s++) {
        uint16_t *map = get(b, n + 1, sizeof(*map));

        for (size_t e = 0; map && e <= n; e++)
            map[e] = e ? egw_walk_era(b->space->sides[s].policy, bounds[e - 1]) : 0;
        axis->map[s] = map;
    }
}

static void add_axes(struct build *b)
{
    add_eras(b);
    for (size_t s = 0; s < b->space->side_count; s++) {
        const struct egw_policy *policy = b->space->sides[s].policy;

        for (size_t f = EGW_F_ERA + 1; f < policy->fact_count; f++) {
            if (f != EGW_F_FAMILY && egw_space_axis(b->space, policy->facts[f].name) < 0)
                add_fact(b, policy->facts[f].name);
            if (!s)
                b->axis_of[f] = egw_space_axis(b->space, policy->facts[f].name);
        }
    }
}

/* ---- boxes, first over values ---- */

static uint16_t family_of(const struct egw_policy *policy, uint16_t service)
{
    return service < EGW_V_WORDS ? service : policy->services[service - EGW_V_WORDS].family;
}

/* The part of the box on that axis, made if it is not there: all values. */
static uint64_t *part_on(struct build *b, struct egw_part *parts, size_t *n, int axis)
{
    const struct egw_axis *of = &b->space->axes[axis];
    uint64_t *bits;

    for (size_t i = 0; i < *n; i++) {
        if (parts[i].axis == (unsigned)axis)
            return (uint64_t *)(uintptr_t)parts[i].in;
    }
    bits = get(b, words_of(of->value_count), sizeof(*bits));
    for (size_t v = 0; bits && v < of->value_count; v++)
        bit_set(bits, v);
    parts[(*n)++] = (struct egw_part){(unsigned)axis, bits};
    return bits;
}

static void narrow_to(uint64_t *bits, const struct egw_axis *axis, const uint16_t *map,
                      const uint64_t *accepts, const struct egw_policy *family_in)
{
    for (size_t v = 0; bits && map && v < axis->value_count; v++) {
        uint16_t own = family_in ? family_of(family_in, map[v]) : map[v];

        if (!egw_bit(accepts, own))
            bits[v / 64] &= ~(UINT64_C(1) << (v % 64));
    }
}

/* The times the rule is in force, off the stage's table. */
static void narrow_to_eras(struct build *b, size_t side, size_t rule, struct egw_part *parts,
                           size_t *n)
{
    const struct egw_policy *policy = b->space->sides[side].policy;
    const struct egw_stage_table *stage =
        &policy->stages[policy->rules[rule].view.stage - EGW_STAGE_VALIDITY];
    const struct egw_axis *axis = &b->space->axes[0];
    size_t place = rule - stage->first;
    uint64_t *bits;

    if (!policy->era_count || !stage->tested_count)
        return;
    bits = part_on(b, parts, n, 0);
    for (size_t e = 0; bits && axis->map[side] && e < axis->value_count; e++) {
        if (!egw_bit(stage->tested[0].row[axis->map[side][e]], place))
            bits[e / 64] &= ~(UINT64_C(1) << (e % 64));
    }
}

static bool takes_all(const struct egw_part *part, size_t values)
{
    for (size_t v = 0; v < values; v++) {
        if (!egw_bit(part->in, v))
            return false;
    }
    return true;
}

static uint64_t axes_of(const struct egw_part *parts, size_t n)
{
    uint64_t axes = n ? 0 : ~UINT64_C(0); /* of what depends on nothing: never passed over */

    for (size_t i = 0; i < n; i++)
        axes |= EGW_AXIS_BIT(parts[i].axis);
    return axes;
}

static struct egw_box rule_box(struct build *b, size_t side, size_t rule)
{
    const struct egw_policy *policy = b->space->sides[side].policy;
    const struct egw_rule *from = &policy->rules[rule];
    struct egw_part *parts = get(b, from->when_count + 1, sizeof(*parts));
    size_t n = 0, kept = 0;

    if (!parts)
        return (struct egw_box){0};
    for (size_t i = 0; i < from->when_count; i++) {
        bool family = from->when[i].fact == EGW_F_FAMILY;
        struct egw_str name = policy->facts[family ? EGW_F_SERVICE : from->when[i].fact].name;
        int axis = egw_space_axis(b->space, name);
        uint64_t *bits = part_on(b, parts, &n, axis);

        narrow_to(bits, &b->space->axes[axis], b->space->axes[axis].map[side],
                  from->when[i].accepts, family ? policy : NULL);
    }
    narrow_to_eras(b, side, rule, parts, &n);
    for (size_t i = 0; i < n && !b->nomem; i++) {
        if (!takes_all(&parts[i], b->space->axes[parts[i].axis].value_count))
            parts[kept++] = parts[i];
    }
    return (struct egw_box){parts, kept, axes_of(parts, kept)};
}

/* ---- what cannot be ---- */

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

static const struct egw_part nowhere = {0, NULL};

static struct egw_part part_of(struct build *b, struct some some)
{
    int axis = b->axis_of[some.fact];
    size_t count = b->space->axes[axis].value_count;
    uint64_t *bits = get(b, words_of(count), sizeof(*bits));

    for (size_t v = 0; bits && v < count; v++) {
        if ((v < 64 && (some.mask >> v & 1)) != some.others)
            bit_set(bits, v);
    }
    return (struct egw_part){(unsigned)axis, bits};
}

static bool is_empty(const struct build *b, const struct egw_part *part)
{
    for (size_t w = 0; w < words_of(b->space->axes[part->axis].value_count); w++) {
        if (part->in[w])
            return false;
    }
    return true;
}

/* These never come together; a part of nothing forbids nothing. */
static void forbid_all(struct build *b, const struct egw_part *given, size_t count)
{
    struct egw_part *parts = get(b, count, sizeof(*parts));
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
        *box = (struct egw_box){parts, n, axes_of(parts, n)};
    else
        b->nomem = true;
}

static void forbid(struct build *b, struct egw_part x, struct egw_part y, struct egw_part z)
{
    const struct egw_part given[] = {x, y, z};

    forbid_all(b, given, EGW_COUNT(given));
}

static void forbid_pairs(struct build *b)
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
    bool catalogue = false;

    for (size_t i = 0; i < EGW_COUNT(pairs); i++)
        forbid(b, part_of(b, pairs[i][0]), part_of(b, pairs[i][1]), nowhere);
    forbid(b, part_of(b, no_severity), nowhere, nowhere); /* there is a default */
    for (size_t s = 0; s < b->space->side_count; s++)
        catalogue = catalogue || b->space->sides[s].policy->catalogue;
    if (!catalogue)
        forbid(b, part_of(b, an_issue), nowhere, nowhere);
}

/* The services for which the question is answered so by every policy. */
struct service_question {
    bool (*ask)(const struct egw_policy *policy, uint16_t service, const void *about,
                unsigned more);
    const void *about[EGW_SIDES_MAX]; /* NULL: this policy has no say */
    unsigned more;
};

static struct egw_part services_where(struct build *b, const struct service_question *q, bool yes)
{
    const struct egw_axis *axis = &b->space->axes[b->axis_of[EGW_F_SERVICE]];
    uint64_t *bits = get(b, words_of(axis->value_count), sizeof(*bits));

    for (size_t v = 0; bits && v < axis->value_count; v++) {
        bool all = true;

        for (size_t s = 0; s < b->space->side_count; s++) {
            const struct egw_policy *policy = b->space->sides[s].policy;

            if (q->about[s] && axis->map[s])
                all = all && q->ask(policy, axis->map[s][v], q->about[s], q->more) == yes;
        }
        if (all)
            bit_set(bits, v);
    }
    return (struct egw_part){(unsigned)b->axis_of[EGW_F_SERVICE], bits};
}

static bool is_known(const struct egw_policy *policy EGW_UNUSED, uint16_t service,
                     const void *about EGW_UNUSED, unsigned more EGW_UNUSED)
{
    return service >= EGW_V_WORDS;
}

static const struct egw_need *need_of(const struct egw_policy *policy, uint16_t service,
                                      unsigned use)
{
    const struct egw_need *need =
        service >= EGW_V_WORDS ? policy->services[service - EGW_V_WORDS].needs : policy->any_needs;

    while (need && !(need->uses >> use & 1))
        need = need->next;
    return need;
}

static bool has_need(const struct egw_policy *policy, uint16_t service,
                     const void *about EGW_UNUSED, unsigned use)
{
    return need_of(policy, service, use) != NULL;
}

static bool needs_rbac(const struct egw_policy *policy, uint16_t service,
                       const void *about EGW_UNUSED, unsigned use)
{
    const struct egw_need *need = need_of(policy, service, use);

    return need && need->rbac;
}

/* Health is judged of known services; a role is lacked where one is needed. */
static void forbid_by_service(struct build *b)
{
    static const struct some health = ALL_BUT(EGW_F_HEALTH, EGW_V_HEALTH_UNKNOWN);
    static const struct some role = ONLY(EGW_F_ACCESS, EGW_V_ACCESS_ROLE);
    static const struct some rbac = ONLY(EGW_F_ACCESS, EGW_V_ACCESS_RBAC);
    struct service_question q = {.ask = is_known};

    for (size_t s = 0; s < b->space->side_count; s++)
        q.about[s] = b->space->sides[s].policy;
    forbid(b, services_where(b, &q, false), part_of(b, health), nowhere);
    for (unsigned use = 0; use < b->space->axes[b->axis_of[EGW_F_USE]].value_count; use++) {
        struct some this_use = ONLY(EGW_F_USE, use);

        q.more = use;
        q.ask = has_need;
        forbid(b, services_where(b, &q, false), part_of(b, this_use), part_of(b, role));
        q.ask = needs_rbac;
        forbid(b, services_where(b, &q, false), part_of(b, this_use), part_of(b, rbac));
    }
}

#define RIGHT(word) (1u << EGW_V_RIGHT_##word)

/* The rights the channel may come out with while it is offered, by what is known of the partner. */
static unsigned rights_of(const struct egw_channel *channel, unsigned csp, unsigned partner)
{
    unsigned rights = 0, good = RIGHT(IN_FORCE);

    if (channel->cloud_only || channel->families)
        good |= RIGHT(NOT_COVERED);
    switch (channel->entitlement) {
    case EGW_ENTITLED_CONTRACT:
        return rights | good | RIGHT(ENDED) | RIGHT(NONE) | RIGHT(UNKNOWN);
    case EGW_ENTITLED_MEMBERSHIP:
        return rights | good | RIGHT(ENDED) | RIGHT(NONE) | RIGHT(UNKNOWN) |
               (channel->counted ? RIGHT(EMPTY) : 0);
    case EGW_ENTITLED_CSP:
    case EGW_ENTITLED_PROGRAM:
        break;
    }
    if (csp != EGW_V_CSP_YES)
        return rights | (csp == EGW_V_CSP_NO ? RIGHT(NONE) : RIGHT(UNKNOWN));
    if (channel->entitlement == EGW_ENTITLED_CSP)
        return rights | good;
    if (partner == EGW_V_PARTNER_UNKNOWN)
        return rights | RIGHT(UNKNOWN);
    return rights | (channel->partners >> partner & 1 ? good : RIGHT(NONE));
}

static bool covers(const struct egw_policy *policy, uint16_t service, const void *about,
                   unsigned on_premises)
{
    const struct egw_channel *channel = about;
    uint16_t family = family_of(policy, service);

    if (channel->cloud_only &&
        (on_premises ||
         (service >= EGW_V_WORDS && !policy->services[service - EGW_V_WORDS].view.cloud)))
        return false;
    return !channel->families || egw_bit(channel->families, family);
}

static struct egw_part rights_part(struct build *b, int axis, unsigned rights)
{
    const struct egw_axis *of = &b->space->axes[axis];
    uint64_t *bits = get(b, words_of(of->value_count), sizeof(*bits));

    for (size_t v = 0; bits && v < of->value_count; v++) {
        if (rights >> v & 1)
            bit_set(bits, v);
    }
    return (struct egw_part){(unsigned)axis, bits};
}

/* Whether a channel is not yet, now, or no longer there; two policies may differ. */
enum offer { OFFER_EARLY, OFFER_NOW, OFFER_PAST, OFFER_MIXED };

static enum offer offer_of(const struct egw_policy *policy, const struct egw_channel *channel,
                           size_t era)
{
    int64_t begins = era ? policy->eras[era - 1] : INT64_MIN;

    if (channel->since.has && begins < channel->since.v)
        return OFFER_EARLY;
    return channel->until.has && begins >= channel->until.v ? OFFER_PAST : OFFER_NOW;
}

static enum offer offer_in(const struct build *b, const struct service_question *channel,
                           size_t era)
{
    const struct egw_axis *axis = &b->space->axes[0];
    enum offer offers[EGW_SIDES_MAX];
    size_t n = 0;

    for (size_t s = 0; s < b->space->side_count; s++) {
        if (channel->about[s])
            offers[n++] = offer_of(b->space->sides[s].policy, channel->about[s], axis->map[s][era]);
    }
    return n == 2 && offers[0] != offers[1] ? OFFER_MIXED : offers[0];
}

static struct egw_part eras_of(struct build *b, const struct service_question *channel,
                               enum offer offer)
{
    const struct egw_axis *axis = &b->space->axes[0];
    uint64_t *bits = get(b, words_of(axis->value_count), sizeof(*bits));

    for (size_t e = 0; bits && e < axis->value_count; e++) {
        if (offer_in(b, channel, e) == offer)
            bit_set(bits, e);
    }
    return (struct egw_part){0, bits};
}

/* While it is offered the partner says which rights there are; in mixed eras its time may, too. */
static void forbid_by_partner(struct build *b, int axis, const struct service_question *channel,
                              const struct egw_part eras[2], unsigned csp, unsigned partner)
{
    const unsigned by_time[] = {0, RIGHT(NONE) | RIGHT(ENDED)};
    struct some this_csp = ONLY(EGW_F_CSP, csp), this_kind = ONLY(EGW_F_PARTNER, partner);
    unsigned rights = 0;

    for (size_t s = 0; s < b->space->side_count; s++)
        rights |= channel->about[s] ? rights_of(channel->about[s], csp, partner) : 0;
    for (size_t i = 0; i < EGW_COUNT(by_time); i++) {
        const struct egw_part parts[] = {eras[i], part_of(b, this_csp), part_of(b, this_kind),
                                         rights_part(b, axis, ~(rights | by_time[i]))};

        forbid_all(b, parts, EGW_COUNT(parts));
    }
}

static void forbid_by_channel(struct build *b, int axis, const struct service_question *channel)
{
    static const struct some places[] = {
        {EGW_F_HOSTING, UINT64_C(1) << EGW_V_HOSTING_ON_PREMISES, true},
        {EGW_F_HOSTING, UINT64_C(1) << EGW_V_HOSTING_ON_PREMISES, false},
    };
    const struct egw_part eras[] = {eras_of(b, channel, OFFER_NOW),
                                    eras_of(b, channel, OFFER_MIXED)};
    struct service_question q = *channel;

    q.ask = covers;
    for (unsigned on_premises = 0; on_premises < EGW_COUNT(places); on_premises++) {
        struct egw_part hosting = part_of(b, places[on_premises]);

        q.more = on_premises;
        forbid(b, services_where(b, &q, false), hosting, rights_part(b, axis, RIGHT(IN_FORCE)));
        forbid(b, services_where(b, &q, true), hosting, rights_part(b, axis, RIGHT(NOT_COVERED)));
    }
    for (unsigned csp = 0; csp < b->space->axes[b->axis_of[EGW_F_CSP]].value_count; csp++) {
        size_t kinds = b->space->axes[b->axis_of[EGW_F_PARTNER]].value_count;

        for (unsigned partner = 0; partner < kinds; partner++)
            forbid_by_partner(b, axis, channel, eras, csp, partner);
    }
    forbid(b, eras_of(b, channel, OFFER_EARLY), rights_part(b, axis, ~RIGHT(NONE)), nowhere);
    forbid(b, eras_of(b, channel, OFFER_PAST), rights_part(b, axis, ~RIGHT(ENDED)), nowhere);
}

static void forbid_by_channels(struct build *b)
{
    const struct egw_space *space = b->space;

    for (size_t a = 0; a < space->axis_count; a++) {
        struct service_question channel = {0};

        for (size_t s = 0; s < space->side_count; s++) {
            int fact = fact_named(space->sides[s].policy, space->axes[a].name);

            if (fact >= EGW_F_CHANNEL)
                channel.about[s] = &space->sides[s].policy->channels[fact - EGW_F_CHANNEL];
        }
        if (channel.about[0] || channel.about[1])
            forbid_by_channel(b, (int)a, &channel);
    }
}

/* ---- classes ---- */

/* Split each class by one set of values. */
static size_t split(uint16_t *class_of, size_t values, size_t classes, const uint64_t *set,
                    uint16_t (*renamed)[2])
{
    size_t n = 0;

    memset(renamed, 0xff, classes * sizeof(*renamed));
    for (size_t v = 0; v < values; v++) {
        uint16_t *to = &renamed[class_of[v]][egw_bit(set, v)];

        if (*to == UINT16_MAX)
            *to = (uint16_t)n++;
        class_of[v] = *to;
    }
    return n;
}

static bool is_proper(struct egw_str text)
{
    static const char *const others[] = {"", "invalid", "unknown", "none"};

    for (size_t i = 0; i < EGW_COUNT(others); i++) {
        if (egw_str_is(text, others[i]))
            return false;
    }
    return true;
}

struct boxes {
    const struct egw_box *list;
    size_t n;
};

static size_t all_boxes(const struct build *b, struct boxes ret[EGW_SIDES_MAX + 1])
{
    size_t n = 0;

    ret[n++] = (struct boxes){b->impossible.p, b->impossible.n};
    for (size_t s = 0; s < b->space->side_count; s++)
        ret[n++] =
            (struct boxes){b->space->sides[s].rules, b->space->sides[s].policy->staged_count};
    return n;
}

/* The sets to classes, in place of those of values. */
static void translate(struct build *b, unsigned a, const struct egw_box *box)
{
    const struct egw_axis *axis = &b->space->axes[a];

    for (size_t i = 0; i < box->n; i++) {
        struct egw_part *part = (struct egw_part *)(uintptr_t)&box->parts[i];
        uint64_t *classes;

        if (part->axis != a)
            continue;
        classes = get(b, axis->words, sizeof(*classes));
        for (size_t v = 0; classes && v < axis->value_count; v++) {
            if (egw_bit(part->in, v))
                bit_set(classes, axis->class_of[v]);
        }
        part->in = classes;
    }
}

static void make_classes(struct build *b, unsigned a)
{
    struct egw_axis *axis = &b->space->axes[a];
    struct boxes boxes[EGW_SIDES_MAX + 1];
    size_t kinds = all_boxes(b, boxes), values = axis->value_count, classes = 1;
    uint16_t *class_of = get(b, values, sizeof(*class_of)), *shown;
    uint16_t(*renamed)[2] = get(b, values, sizeof(*renamed));

    if (!class_of || !renamed)
        return;
    for (size_t k = 0; k < kinds; k++) {
        for (size_t i = 0; i < boxes[k].n; i++) {
            for (size_t p = 0; p < boxes[k].list[i].n; p++) {
                const struct egw_part *part = &boxes[k].list[i].parts[p];

                if (part->axis == a)
                    classes = split(class_of, values, classes, part->in, renamed);
            }
        }
    }
    shown = get(b, classes, sizeof(*shown));
    if (!shown)
        return;
    for (size_t v = values; v-- > 0;) /* from the end: the first proper word is left */
        shown[class_of[v]] = (uint16_t)v;
    for (size_t v = values; v-- > 0;) {
        if (is_proper(axis->values[v]))
            shown[class_of[v]] = (uint16_t)v;
    }
    axis->class_of = class_of;
    axis->shown = shown;
    axis->class_count = classes;
    axis->words = words_of(classes);
    axis->at = b->space->words;
    b->space->words += axis->words;
    for (size_t k = 0; k < kinds; k++) {
        for (size_t i = 0; i < boxes[k].n && !b->nomem; i++)
            translate(b, a, &boxes[k].list[i]);
    }
}

/* ---- the space ---- */

static void make_boxes(struct build *b)
{
    for (size_t s = 0; s < b->space->side_count && !b->nomem; s++) {
        struct egw_side *side = &b->space->sides[s];

        side->rules = get(b, side->policy->staged_count, sizeof(*side->rules));
        for (size_t r = 0; side->rules && r < side->policy->staged_count && !b->nomem; r++)
            side->rules[r] = rule_box(b, s, r);
    }
    if (b->nomem)
        return;
    forbid_pairs(b);
    forbid_by_service(b);
    forbid_by_channels(b);
    b->space->impossible = b->impossible.p;
    b->space->impossible_count = b->impossible.n;
}

static void make_whole(struct build *b)
{
    b->space->whole = get(b, b->space->words, sizeof(uint64_t));
    b->space->scratch = get(b, b->space->words, sizeof(uint64_t));
    for (size_t a = 0; b->space->whole && a < b->space->axis_count; a++) {
        for (size_t c = 0; c < b->space->axes[a].class_count; c++)
            bit_set(b->space->whole + b->space->axes[a].at, c);
    }
}

enum egw_status egw_space_new(const struct egw_policy *const *policies, size_t n,
                              struct egw_space **ret)
{
    struct egw_space *space = calloc(1, sizeof(*space));
    struct build b = {.space = space};

    if (!space)
        return EGW_NOMEM;
    space->arena.max = (size_t)512 << 20;
    space->side_count = n;
    for (size_t s = 0; s < n; s++)
        space->sides[s].policy = policies[s];
    add_axes(&b);
    if (!b.nomem)
        make_boxes(&b);
    for (unsigned a = 0; a < space->axis_count && !b.nomem; a++)
        make_classes(&b, a);
    if (!b.nomem)
        make_whole(&b);
    if (b.nomem) {
        egw_space_free(space);
        return EGW_NOMEM;
    }
    *ret = space;
    return EGW_OK;
}

void egw_space_free(struct egw_space *space)
{
    if (!space)
        return;
    egw_arena_free(&space->arena);
    free(space);
}
