#include "policy_readings.h"

#include "decide.h"
#include "policy_pairs.h"

/* ---- severity ---- */

const struct egw_wordset *egw_priorities_of(const struct egw_policy *policy, struct egw_str system)
{
    for (size_t i = 0; i < policy->priority_count; i++) {
        if (egw_str_same(policy->priorities[i].system, system))
            return &policy->priorities[i].priorities;
    }
    return NULL;
}

struct egw_str egw_severity_of(const struct egw_policy *policy, struct egw_str system,
                               struct egw_str priority)
{
    const struct egw_wordset *set = egw_priorities_of(policy, system);
    int value = set ? egw_wordset_find(set, priority) : -1;

    return policy->facts[EGW_F_SEVERITY].values[value < 0 ? policy->default_severity : value];
}

/* Calls take with the severities of each priority that either policy knows, and of an event that
 * has none. */
static void each_severity(const struct egw_policy *const p[2],
                          void (*take)(void *user, struct egw_str old, struct egw_str new),
                          void *user)
{
    static const struct egw_str none = {"", 0};

    take(user, egw_severity_of(p[EGW_OLD], none, none), egw_severity_of(p[EGW_NEW], none, none));
    for (size_t side = 0; side < 2; side++) {
        for (size_t i = 0; i < p[side]->priority_count; i++) {
            const struct egw_priority_map *map = &p[side]->priorities[i];

            for (size_t w = 0; w < map->priorities.n; w++)
                take(user, egw_severity_of(p[EGW_OLD], map->system, map->priorities.words[w]),
                     egw_severity_of(p[EGW_NEW], map->system, map->priorities.words[w]));
        }
    }
}

static void note_other_severity(void *user, struct egw_str old, struct egw_str new)
{
    bool *alike = user;

    *alike = *alike && egw_str_same(old, new);
}

struct severities {
    const struct egw_axis *axis;
    struct egw_pairs pairs;
};

static void take_severities(void *user, struct egw_str old, struct egw_str new)
{
    struct severities *s = user;
    int was = egw_space_value(s->axis, old), is = egw_space_value(s->axis, new);

    if (was >= 0 && is >= 0)
        egw_pair(&s->pairs, (size_t)was, (size_t)is);
}

static void say_severity(struct egw_build *b)
{
    const struct egw_policy *const p[] = {egw_side_policy(b, EGW_OLD), egw_side_policy(b, EGW_NEW)};
    struct severities s = {.axis = egw_side_axis(b, EGW_OLD, EGW_F_SEVERITY)};

    if (!egw_pairs_new(b, EGW_F_SEVERITY, &s.pairs))
        return;
    egw_pair_equals(&s.pairs); /* of an event that states it */
    each_severity(p, take_severities, &s);
    egw_say_pairs(b, EGW_F_SEVERITY, EGW_F_SEVERITY, &s.pairs, NULL, 0);
}

static bool severity_alike(const struct egw_policy *const p[2])
{
    bool alike = true;

    each_severity(p, note_other_severity, &alike);
    return alike;
}

/* ---- partner, relation, subscription, cloud ---- */

/* A record too old for one policy says nothing to it. */
static void say_unknown(struct egw_build *b, unsigned fact, enum egw_reference_kind kind,
                        unsigned unknown, uint64_t known)
{
    struct egw_pairs pairs;
    int side = egw_stricter_in(b, kind);

    if (!egw_read_apart(b, fact) || !egw_pairs_new(b, fact, &pairs))
        return;
    egw_pair_equals(&pairs);
    if (side >= 0)
        egw_pair_with(&pairs, (size_t)side, unknown, known);
    egw_say_pairs(b, fact, fact, &pairs, NULL, 0);
}

/* Two facts of one record: if it is too old for one of them, it is for the other. */
static void say_both_unknown(struct egw_build *b, enum egw_reference_kind kind, unsigned x,
                             unsigned x_unknown, unsigned y, unsigned y_unknown)
{
    int side = egw_stricter_in(b, kind);

    if (side < 0)
        return;
    EGW_FORBID(b, egw_strictly(b, side, x, EGW_BUT(x_unknown)),
               egw_strictly(b, side, y, EGW_BIT(y_unknown)),
               egw_strictly(b, !side, y, EGW_BUT(y_unknown)));
    EGW_FORBID(b, egw_strictly(b, side, y, EGW_BUT(y_unknown)),
               egw_strictly(b, side, x, EGW_BIT(x_unknown)),
               egw_strictly(b, !side, x, EGW_BUT(x_unknown)));
}

/* The customer's cloud is the relation's, else the partner's: it is another only where one of the
 * records is too old for one policy. */
static void say_cloud(struct egw_build *b)
{
    int relation = egw_stricter_in(b, EGW_REF_RELATION),
        partner = egw_stricter_in(b, EGW_REF_PARTNER);
    struct egw_pairs pairs;
    struct egw_part believed[2];
    size_t n = 0;

    if (!egw_read_apart(b, EGW_F_CLOUD) || !egw_pairs_new(b, EGW_F_CLOUD, &pairs))
        return;
    egw_pair_equals(&pairs);
    if (relation >= 0)
        believed[n++] = egw_strictly(b, relation, EGW_F_RELATION, EGW_BUT(EGW_V_RELATION_UNKNOWN));
    if (partner >= 0)
        believed[n++] = egw_strictly(b, partner, EGW_F_CSP, EGW_BUT(EGW_V_CSP_UNKNOWN));
    egw_say_pairs(b, EGW_F_CLOUD, EGW_F_CLOUD, &pairs, believed, n);
    if (relation >= 0)
        return;
    egw_pair_with(&pairs, (size_t)partner, EGW_V_CLOUD_UNKNOWN, EGW_ALL);
    egw_say_pairs(b, EGW_F_CLOUD, EGW_F_CLOUD, &pairs, NULL, 0);
}

static void say_records(struct egw_build *b)
{
    say_unknown(b, EGW_F_CSP, EGW_REF_PARTNER, EGW_V_CSP_UNKNOWN, EGW_ALL);
    say_unknown(b, EGW_F_PARTNER, EGW_REF_PARTNER, EGW_V_PARTNER_UNKNOWN, EGW_ALL);
    say_both_unknown(b, EGW_REF_PARTNER, EGW_F_CSP, EGW_V_CSP_UNKNOWN, EGW_F_PARTNER,
                     EGW_V_PARTNER_UNKNOWN);
    say_unknown(b, EGW_F_RELATION, EGW_REF_RELATION, EGW_V_RELATION_UNKNOWN,
                EGW_BUT(EGW_V_RELATION_NONE));
    say_unknown(b, EGW_F_PLAN, EGW_REF_SUBSCRIPTION, EGW_V_PLAN_UNKNOWN, EGW_BUT(EGW_V_PLAN_NONE));
    say_unknown(b, EGW_F_SELLER, EGW_REF_SUBSCRIPTION, EGW_V_SELLER_UNKNOWN,
                EGW_BUT(EGW_V_SELLER_NONE));
    say_both_unknown(b, EGW_REF_SUBSCRIPTION, EGW_F_PLAN, EGW_V_PLAN_UNKNOWN, EGW_F_SELLER,
                     EGW_V_SELLER_UNKNOWN);
    say_cloud(b);
}

/* ---- access ---- */

/* What a delegation of one role gives, or of none; NULL: of a role that no need names. */
static unsigned access_of(const struct egw_need *need, const struct egw_str *role, bool any,
                          bool rbac)
{
    if (!need)
        return EGW_V_ACCESS_ACTIVE;
    if (need->role_count ? !(role && decide_among(*role, need->roles, need->role_count)) : !any)
        return EGW_V_ACCESS_ROLE;
    return need->rbac && !rbac ? EGW_V_ACCESS_RBAC : EGW_V_ACCESS_ACTIVE;
}

/* A role that satisfies both needs and one that satisfies each say it all: more roles give access
 * to one of them or to both. */
static void fill_access(struct egw_build *b, const uint16_t services[2], const void *about,
                        struct egw_pairs *ret)
{
    unsigned use = *(const unsigned *)about;
    int side = egw_stricter_in(b, EGW_REF_ACCESS);
    const struct egw_need *needs[2];

    for (size_t s = 0; s < 2; s++)
        needs[s] = egw_need_of(egw_side_policy(b, s), services[s], use);
    egw_pair_equals(ret);
    /* Where both want the same no role tells them apart, and one of them may want none at all. */
    ret->rows[EGW_V_ACCESS_ACTIVE * ret->words] = 0;
    ret->rows[EGW_V_ACCESS_ROLE * ret->words] = 0;
    ret->rows[EGW_V_ACCESS_RBAC * ret->words] = 0;
    for (int rbac = 0; rbac < 2; rbac++) {
        egw_pair(ret, access_of(needs[EGW_OLD], NULL, false, rbac),
                 access_of(needs[EGW_NEW], NULL, false, rbac));
        egw_pair(ret, access_of(needs[EGW_OLD], NULL, true, rbac),
                 access_of(needs[EGW_NEW], NULL, true, rbac));
        for (size_t s = 0; s < 2; s++) {
            for (size_t i = 0; needs[s] && i < needs[s]->role_count; i++) {
                const struct egw_str *role = &needs[s]->roles[i];

                egw_pair(ret, access_of(needs[EGW_OLD], role, true, rbac),
                         access_of(needs[EGW_NEW], role, true, rbac));
            }
        }
        if (needs[EGW_OLD] && needs[EGW_NEW] && needs[EGW_OLD]->role_count &&
            needs[EGW_NEW]->role_count)
            egw_pair(ret, needs[EGW_OLD]->rbac && !rbac ? EGW_V_ACCESS_RBAC : EGW_V_ACCESS_ACTIVE,
                     needs[EGW_NEW]->rbac && !rbac ? EGW_V_ACCESS_RBAC : EGW_V_ACCESS_ACTIVE);
    }
    if (side >= 0)
        egw_pair_with(ret, (size_t)side, EGW_V_ACCESS_UNKNOWN, EGW_ALL);
}

static bool same_need(const struct egw_need *a, const struct egw_need *b)
{
    return a && b ? egw_same_need(a, b) : a == b;
}

static void say_access(struct egw_build *b)
{
    size_t uses = egw_side_axis(b, EGW_OLD, EGW_F_USE)->value_count;

    for (unsigned use = 0; use < uses && !b->nomem; use++) {
        const struct egw_part this_use =
            egw_part_of(b, (unsigned)b->space->axis_of[EGW_OLD][EGW_F_USE], EGW_BIT(use));
        const struct egw_pairs *all = egw_pairs_by_service(b, EGW_F_ACCESS, fill_access, &use);

        if (all)
            egw_say_by_service(b, EGW_F_ACCESS, all, &this_use);
    }
}

static bool needs_alike(const struct egw_policy *const p[2], const uint16_t services[2],
                        const void *about EGW_UNUSED)
{
    for (unsigned use = 0; use < p[EGW_OLD]->facts[EGW_F_USE].value_count; use++) {
        if (!same_need(egw_need_of(p[EGW_OLD], services[EGW_OLD], use),
                       egw_need_of(p[EGW_NEW], services[EGW_NEW], use)))
            return false;
    }
    return true;
}

/* ---- known errors ---- */

static void take_matches(void *user, const struct egw_match *old, const struct egw_match *new)
{
    egw_pair(user, decide_known_issue(old), decide_known_issue(new));
}

/* As the catalogue names it; empty: the policy does not know it. */
static struct egw_str id_of(const struct egw_policy *policy, uint16_t service)
{
    const struct egw_service_rules *own = egw_service_of(policy, service);

    return own ? own->view.id : EGW_STR("");
}

static void fill_known_issue(struct egw_build *b, const uint16_t services[2],
                             const void *about EGW_UNUSED, struct egw_pairs *ret)
{
    const struct egw_catalogue *catalogues[2];
    struct egw_str names[2];

    for (size_t s = 0; s < 2; s++) {
        catalogues[s] = egw_side_policy(b, s)->catalogue;
        names[s] = id_of(egw_side_policy(b, s), services[s]);
    }
    egw_pair_equals(ret);
    if (!egw_catalogue_compare(catalogues, names, take_matches, ret))
        b->nomem = true;
}

static void say_known_issue(struct egw_build *b)
{
    const struct egw_pairs *all =
        egw_pairs_by_service(b, EGW_F_KNOWN_ISSUE, fill_known_issue, NULL);

    if (all)
        egw_say_by_service(b, EGW_F_KNOWN_ISSUE, all, NULL);
}

static bool catalogue_alike(const struct egw_policy *const p[2], const uint16_t services[2],
                            const void *about EGW_UNUSED)
{
    return egw_str_same(id_of(p[EGW_OLD], services[EGW_OLD]), id_of(p[EGW_NEW], services[EGW_NEW]));
}

/* ---- all of them ---- */

bool egw_read_alike(const struct egw_build *b, unsigned old_fact, unsigned new_fact)
{
    const struct egw_policy *const p[] = {egw_side_policy(b, EGW_OLD), egw_side_policy(b, EGW_NEW)};

    switch (old_fact) {
    case EGW_F_SEVERITY:
        return severity_alike(p);
    case EGW_F_CSP:
    case EGW_F_PARTNER:
        return egw_stricter(p, EGW_REF_PARTNER) < 0;
    case EGW_F_RELATION:
        return egw_stricter(p, EGW_REF_RELATION) < 0;
    case EGW_F_PLAN:
    case EGW_F_SELLER:
        return egw_stricter(p, EGW_REF_SUBSCRIPTION) < 0;
    case EGW_F_CLOUD:
        return egw_stricter(p, EGW_REF_RELATION) < 0 && egw_stricter(p, EGW_REF_PARTNER) < 0;
    case EGW_F_ACCESS:
        return egw_stricter(p, EGW_REF_ACCESS) < 0 && egw_alike_by_service(p, needs_alike, NULL);
    case EGW_F_HEALTH:
        return egw_health_alike(p);
    case EGW_F_KNOWN_ISSUE:
        return egw_catalogue_same(p[EGW_OLD]->catalogue, p[EGW_NEW]->catalogue) &&
               (!p[EGW_OLD]->catalogue || egw_alike_by_service(p, catalogue_alike, NULL));
    default:
        return old_fact < EGW_F_CHANNEL || new_fact < EGW_F_CHANNEL ||
               egw_channel_alike(p, &p[EGW_OLD]->channels[old_fact - EGW_F_CHANNEL],
                                 &p[EGW_NEW]->channels[new_fact - EGW_F_CHANNEL]);
    }
}

void egw_build_readings(struct egw_build *b)
{
    const struct egw_policy *const p[] = {egw_side_policy(b, EGW_OLD), egw_side_policy(b, EGW_NEW)};

    if (egw_read_apart(b, EGW_F_SEVERITY))
        say_severity(b);
    say_records(b);
    if (egw_read_apart(b, EGW_F_ACCESS))
        say_access(b);
    if (egw_read_apart(b, EGW_F_HEALTH))
        egw_say_health(b);
    if (egw_read_apart(b, EGW_F_KNOWN_ISSUE))
        say_known_issue(b);
    for (unsigned x = EGW_F_CHANNEL; x < p[EGW_OLD]->fact_count; x++) {
        for (unsigned y = EGW_F_CHANNEL; y < p[EGW_NEW]->fact_count && !b->nomem; y++) {
            if (egw_str_eq(p[EGW_OLD]->facts[x].name, p[EGW_NEW]->facts[y].name) &&
                b->space->axis_of[EGW_OLD][x] != b->space->axis_of[EGW_NEW][y])
                egw_say_channel(b, x, y);
        }
    }
}
