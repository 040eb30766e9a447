#include "policy_readings.h"

#include "decide.h"

enum { OLD, NEW };

/* ---- which values come together ---- */

/* Bit sets over the values of the new policy's axis, by value of the old one's. */
struct pairs {
    size_t values, words;
    uint64_t *rows;
};

static const struct egw_policy *policy_of(const struct egw_build *b, size_t side)
{
    return b->space->sides[side].policy;
}

static const struct egw_axis *axis_of(const struct egw_build *b, size_t side, unsigned fact)
{
    return &b->space->axes[b->space->axis_of[side][fact]];
}

static bool no_pairs(struct egw_build *b, unsigned old_fact, struct pairs *ret)
{
    ret->values = axis_of(b, OLD, old_fact)->value_count;
    ret->words = egw_bit_words(ret->values);
    ret->rows = egw_build_get(b, ret->values * ret->words, sizeof(*ret->rows));
    return ret->rows != NULL;
}

static void pair(struct pairs *pairs, size_t old, size_t new)
{
    egw_bit_set(pairs->rows + old * pairs->words, new);
}

static void pair_equals(struct pairs *pairs)
{
    for (size_t v = 0; v < pairs->values; v++)
        pair(pairs, v, v);
}

static bool same_pairs(const struct pairs *a, const struct pairs *b)
{
    return memcmp(a->rows, b->rows, a->values * a->words * sizeof(*a->rows)) == 0;
}

/* One policy reads `value` where the other reads any of the set, whose last bit speaks for all
 * values from there on. */
static void pair_with(struct pairs *pairs, size_t side, size_t value, uint64_t set)
{
    for (size_t v = 0; v < pairs->values; v++) {
        if (set >> (v < 63 ? v : 63) & 1)
            pair(pairs, side == OLD ? value : v, side == OLD ? v : value);
    }
}

static bool not_in_row(const void *about, size_t value)
{
    return !egw_bit(about, value);
}

static bool is_value(const void *about, size_t value)
{
    return *(const size_t *)about == value;
}

enum { PARTS_MAX = 4 };

/* Within the parts the fact is read as one of the pairs. */
static void say_pairs(struct egw_build *b, unsigned old_fact, unsigned new_fact,
                      const struct pairs *pairs, const struct egw_part *within, size_t n)
{
    struct egw_part parts[PARTS_MAX + 2];

    for (size_t v = 0; v < pairs->values && !b->nomem; v++) {
        for (size_t i = 0; i < n; i++)
            parts[i] = within[i];
        parts[n] = egw_part_where(b, (unsigned)b->space->axis_of[OLD][old_fact], is_value, &v);
        parts[n + 1] = egw_part_where(b, (unsigned)b->space->axis_of[NEW][new_fact], not_in_row,
                                      pairs->rows + v * pairs->words);
        egw_forbid(b, parts, n + 2);
    }
}

static bool apart(const struct egw_build *b, unsigned fact)
{
    return b->space->axis_of[OLD][fact] != b->space->axis_of[NEW][fact];
}

/* ---- ages ---- */

/* The policy that calls a record too old which the other still believes; -1: neither does. */
static int stricter(const struct egw_policy *const p[2], enum egw_reference_kind kind)
{
    int64_t old = p[OLD]->max_age_ms[kind], new = p[NEW]->max_age_ms[kind];

    if (old == new)
        return -1;
    return old && (!new || old < new) ? OLD : NEW;
}

static int stricter_in(const struct egw_build *b, enum egw_reference_kind kind)
{
    const struct egw_policy *const p[] = {policy_of(b, OLD), policy_of(b, NEW)};

    return stricter(p, kind);
}

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

    take(user, egw_severity_of(p[OLD], none, none), egw_severity_of(p[NEW], none, none));
    for (size_t side = 0; side < 2; side++) {
        for (size_t i = 0; i < p[side]->priority_count; i++) {
            const struct egw_priority_map *map = &p[side]->priorities[i];

            for (size_t w = 0; w < map->priorities.n; w++)
                take(user, egw_severity_of(p[OLD], map->system, map->priorities.words[w]),
                     egw_severity_of(p[NEW], map->system, map->priorities.words[w]));
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
    struct pairs pairs;
};

static void take_severities(void *user, struct egw_str old, struct egw_str new)
{
    struct severities *s = user;
    int was = egw_space_value(s->axis, old), is = egw_space_value(s->axis, new);

    if (was >= 0 && is >= 0)
        pair(&s->pairs, (size_t)was, (size_t)is);
}

static void say_severity(struct egw_build *b)
{
    const struct egw_policy *const p[] = {policy_of(b, OLD), policy_of(b, NEW)};
    struct severities s = {.axis = axis_of(b, OLD, EGW_F_SEVERITY)};

    if (!no_pairs(b, EGW_F_SEVERITY, &s.pairs))
        return;
    pair_equals(&s.pairs); /* of an event that states it */
    each_severity(p, take_severities, &s);
    say_pairs(b, EGW_F_SEVERITY, EGW_F_SEVERITY, &s.pairs, NULL, 0);
}

/* ---- partner, relation, subscription, cloud ---- */

#define ALL    (~UINT64_C(0))
#define BIT(v) (UINT64_C(1) << (v))
#define BUT(v) (~BIT(v))

/* A record too old for one policy says nothing to it. */
static void say_unknown(struct egw_build *b, unsigned fact, enum egw_reference_kind kind,
                        unsigned unknown, uint64_t known)
{
    struct pairs pairs;
    int side = stricter_in(b, kind);

    if (!apart(b, fact) || !no_pairs(b, fact, &pairs))
        return;
    pair_equals(&pairs);
    if (side >= 0)
        pair_with(&pairs, (size_t)side, unknown, known);
    say_pairs(b, fact, fact, &pairs, NULL, 0);
}

/* The stricter policy reads the fact off the record that it may call too old. */
static struct egw_part strictly(struct egw_build *b, int side, unsigned fact, uint64_t mask)
{
    return egw_part_of(b, (unsigned)b->space->axis_of[side][fact], mask);
}

/* Two facts of one record: if it is too old for one of them, it is for the other. */
static void say_both_unknown(struct egw_build *b, enum egw_reference_kind kind, unsigned x,
                             unsigned x_unknown, unsigned y, unsigned y_unknown)
{
    int side = stricter_in(b, kind);

    if (side < 0)
        return;
    EGW_FORBID(b, strictly(b, side, x, BUT(x_unknown)), strictly(b, side, y, BIT(y_unknown)),
               strictly(b, !side, y, BUT(y_unknown)));
    EGW_FORBID(b, strictly(b, side, y, BUT(y_unknown)), strictly(b, side, x, BIT(x_unknown)),
               strictly(b, !side, x, BUT(x_unknown)));
}

/* The customer's cloud is the relation's, else the partner's: it is another only where one of the
 * records is too old for one policy. */
static void say_cloud(struct egw_build *b)
{
    int relation = stricter_in(b, EGW_REF_RELATION), partner = stricter_in(b, EGW_REF_PARTNER);
    struct pairs pairs;
    struct egw_part believed[2];
    size_t n = 0;

    if (!apart(b, EGW_F_CLOUD) || !no_pairs(b, EGW_F_CLOUD, &pairs))
        return;
    pair_equals(&pairs);
    if (relation >= 0)
        believed[n++] = strictly(b, relation, EGW_F_RELATION, BUT(EGW_V_RELATION_UNKNOWN));
    if (partner >= 0)
        believed[n++] = strictly(b, partner, EGW_F_CSP, BUT(EGW_V_CSP_UNKNOWN));
    say_pairs(b, EGW_F_CLOUD, EGW_F_CLOUD, &pairs, believed, n);
    if (relation >= 0)
        return;
    pair_with(&pairs, (size_t)partner, EGW_V_CLOUD_UNKNOWN, ALL);
    say_pairs(b, EGW_F_CLOUD, EGW_F_CLOUD, &pairs, NULL, 0);
}

static void say_records(struct egw_build *b)
{
    say_unknown(b, EGW_F_CSP, EGW_REF_PARTNER, EGW_V_CSP_UNKNOWN, ALL);
    say_unknown(b, EGW_F_PARTNER, EGW_REF_PARTNER, EGW_V_PARTNER_UNKNOWN, ALL);
    say_both_unknown(b, EGW_REF_PARTNER, EGW_F_CSP, EGW_V_CSP_UNKNOWN, EGW_F_PARTNER,
                     EGW_V_PARTNER_UNKNOWN);
    say_unknown(b, EGW_F_RELATION, EGW_REF_RELATION, EGW_V_RELATION_UNKNOWN,
                BUT(EGW_V_RELATION_NONE));
    say_unknown(b, EGW_F_PLAN, EGW_REF_SUBSCRIPTION, EGW_V_PLAN_UNKNOWN, BUT(EGW_V_PLAN_NONE));
    say_unknown(b, EGW_F_SELLER, EGW_REF_SUBSCRIPTION, EGW_V_SELLER_UNKNOWN,
                BUT(EGW_V_SELLER_NONE));
    say_both_unknown(b, EGW_REF_SUBSCRIPTION, EGW_F_PLAN, EGW_V_PLAN_UNKNOWN, EGW_F_SELLER,
                     EGW_V_SELLER_UNKNOWN);
    say_cloud(b);
}

/* ---- by service: one question of each pair of services that a name may mean ---- */

struct by_service {
    const struct pairs *all; /* by value of the service's axis */
    const struct pairs *wanted;
};

static bool has_these_pairs(const void *about, size_t value)
{
    const struct by_service *q = about;

    return same_pairs(&q->all[value], q->wanted);
}

/* Each kind of pairs is said once, of all services that have it. */
static void say_by_service(struct egw_build *b, unsigned fact, const struct pairs *all,
                           const struct egw_part *within)
{
    const struct egw_axis *services = axis_of(b, OLD, EGW_F_SERVICE);

    for (size_t v = 0; v < services->value_count && !b->nomem; v++) {
        const struct by_service these = {all, &all[v]};
        size_t first = 0;

        while (first < v && !same_pairs(&all[first], &all[v]))
            first++;
        if (first == v) {
            const struct egw_part parts[] = {
                egw_part_where(b, (unsigned)b->space->axis_of[OLD][EGW_F_SERVICE], has_these_pairs,
                               &these),
                within ? *within : egw_no_part};

            say_pairs(b, fact, fact, &all[v], parts, EGW_COUNT(parts));
        }
    }
}

/* Fills in what the policies read of one service; each has its own number of it. */
typedef void pairs_fn(struct egw_build *b, const uint16_t services[2], const void *about,
                      struct pairs *ret);

static struct pairs *pairs_by_service(struct egw_build *b, unsigned fact, pairs_fn *fill,
                                      const void *about)
{
    const struct egw_axis *services = axis_of(b, OLD, EGW_F_SERVICE);
    struct pairs *all = egw_build_get(b, services->value_count, sizeof(*all));

    for (size_t v = 0; all && v < services->value_count; v++) {
        const uint16_t own[] = {services->map[OLD][v], services->map[NEW][v]};
        size_t same = 0;

        while (same < v &&
               (services->map[OLD][same] != own[OLD] || services->map[NEW][same] != own[NEW]))
            same++;
        if (same < v)
            all[v] = all[same];
        else if (no_pairs(b, fact, &all[v]))
            fill(b, own, about, &all[v]);
        else
            return NULL;
    }
    return all;
}

static const struct egw_service_rules *service_of(const struct egw_policy *policy, uint16_t service)
{
    return service >= EGW_V_WORDS ? &policy->services[service - EGW_V_WORDS] : NULL;
}

/* ---- access ---- */

static bool names_role(const struct egw_need *need, struct egw_str role)
{
    return need && decide_among(role, need->roles, need->role_count);
}

/* What a delegation of one role gives, or of none; NULL: of a role that no need names. */
static unsigned access_of(const struct egw_need *need, const struct egw_str *role, bool any,
                          bool rbac)
{
    if (!need)
        return EGW_V_ACCESS_ACTIVE;
    if (need->role_count ? !(role && names_role(need, *role)) : !any)
        return EGW_V_ACCESS_ROLE;
    return need->rbac && !rbac ? EGW_V_ACCESS_RBAC : EGW_V_ACCESS_ACTIVE;
}

/* A role that satisfies both needs and one that satisfies each say it all: more roles give access
 * to one of them or to both. */
static void fill_access(struct egw_build *b, const uint16_t services[2], const void *about,
                        struct pairs *ret)
{
    unsigned use = *(const unsigned *)about;
    int side = stricter_in(b, EGW_REF_ACCESS);
    const struct egw_need *needs[2];

    for (size_t s = 0; s < 2; s++)
        needs[s] = egw_need_of(policy_of(b, s), services[s], use);
    pair_equals(ret);
    /* Where both want the same no role tells them apart, and one of them may want none at all. */
    ret->rows[EGW_V_ACCESS_ACTIVE * ret->words] = 0;
    ret->rows[EGW_V_ACCESS_ROLE * ret->words] = 0;
    ret->rows[EGW_V_ACCESS_RBAC * ret->words] = 0;
    for (int rbac = 0; rbac < 2; rbac++) {
        const struct egw_str *both = NULL;

        pair(ret, access_of(needs[OLD], NULL, false, rbac),
             access_of(needs[NEW], NULL, false, rbac));
        pair(ret, access_of(needs[OLD], NULL, true, rbac), access_of(needs[NEW], NULL, true, rbac));
        for (size_t s = 0; s < 2; s++) {
            for (size_t i = 0; needs[s] && i < needs[s]->role_count; i++) {
                both = &needs[s]->roles[i];
                pair(ret, access_of(needs[OLD], both, true, rbac),
                     access_of(needs[NEW], both, true, rbac));
            }
        }
        if (needs[OLD] && needs[NEW] && needs[OLD]->role_count && needs[NEW]->role_count)
            pair(ret, needs[OLD]->rbac && !rbac ? EGW_V_ACCESS_RBAC : EGW_V_ACCESS_ACTIVE,
                 needs[NEW]->rbac && !rbac ? EGW_V_ACCESS_RBAC : EGW_V_ACCESS_ACTIVE);
    }
    if (side >= 0)
        pair_with(ret, (size_t)side, EGW_V_ACCESS_UNKNOWN, ALL);
}

static bool same_need(const struct egw_need *a, const struct egw_need *b)
{
    if (!a || !b)
        return a == b;
    if (a->rbac != b->rbac || a->role_count != b->role_count)
        return false;
    for (size_t i = 0; i < a->role_count; i++) {
        if (!names_role(a, b->roles[i]) || !names_role(b, a->roles[i]))
            return false;
    }
    return true;
}

static void say_access(struct egw_build *b)
{
    size_t uses = axis_of(b, OLD, EGW_F_USE)->value_count;

    for (unsigned use = 0; use < uses && !b->nomem; use++) {
        const struct egw_part this_use =
            egw_part_of(b, (unsigned)b->space->axis_of[OLD][EGW_F_USE], BIT(use));
        const struct pairs *all = pairs_by_service(b, EGW_F_ACCESS, fill_access, &use);

        if (all)
            say_by_service(b, EGW_F_ACCESS, all, &this_use);
    }
}

/* ---- health ---- */

/* How much of a list is in the other, too. */
static bool all_among(const struct egw_str *words, size_t n, const struct egw_str *others, size_t m)
{
    for (size_t i = 0; i < n; i++) {
        if (!decide_among(words[i], others, m))
            return false;
    }
    return true;
}

/* Incidents that one policy takes for the cause and the other does not, by the one that does. */
struct seen_by {
    bool only[2];
};

/* A feature that is a service stands for a part of its family. */
static bool names_a_part(const struct egw_policy *policy, const struct egw_symptom *symptom)
{
    for (size_t i = 0; i < symptom->feature_count; i++) {
        if (egw_wordset_find(&policy->facts[EGW_F_SERVICE].words, symptom->features[i]) >= 0)
            return true;
    }
    return false;
}

static void see_symptom(const struct egw_policy *const p[2],
                        const struct egw_symptom *const symptoms[2], struct seen_by *ret)
{
    for (size_t s = 0; s < 2; s++) {
        const struct egw_symptom *own = symptoms[s], *other = symptoms[!s];

        if (!own->has_features) /* any feature will do */
            ret->only[s] = other->has_features;
        else if (!other->has_features)
            ret->only[s] = names_a_part(p[s], own);
        else
            ret->only[s] = !all_among(own->features, own->feature_count, other->features,
                                      other->feature_count);
    }
}

/* Names under which records of the service are found, or of a part of its family. */
static void see_names(const struct egw_service_rules *a, const struct egw_service_rules *b,
                      struct seen_by *ret)
{
    bool other_family = a && b && !egw_str_same(a->view.family, b->view.family);

    ret->only[OLD] = ret->only[OLD] || other_family || (a && !b) ||
                     (a && b && !all_among(a->names, a->name_count, b->names, b->name_count));
    ret->only[NEW] = ret->only[NEW] || other_family || (b && !a) ||
                     (a && b && !all_among(b->names, b->name_count, a->names, a->name_count));
}

static const struct egw_service_rules *by_id(const struct egw_policy *policy, struct egw_str id)
{
    for (size_t i = 0; i < policy->service_count; i++) {
        if (egw_str_same(policy->services[i].view.id, id))
            return &policy->services[i];
    }
    return NULL;
}

/* Of the service's family, in either policy. */
static void see_parts(const struct egw_policy *const p[2], const struct egw_service_rules *own[2],
                      struct seen_by *ret)
{
    for (size_t side = 0; side < 2; side++) {
        for (size_t i = 0; i < p[side]->service_count; i++) {
            const struct egw_service_rules *part = &p[side]->services[i];
            const struct egw_service_rules *other = by_id(p[!side], part->view.id);

            if (egw_str_same(part->view.family, own[side]->view.family))
                see_names(side == OLD ? part : other, side == OLD ? other : part, ret);
        }
    }
}

static void see_rules(const struct egw_policy *const p[2], struct seen_by *ret)
{
    ret->only[OLD] =
        ret->only[OLD] || p[OLD]->slack_ms > p[NEW]->slack_ms ||
        !all_among(p[OLD]->active, p[OLD]->active_count, p[NEW]->active, p[NEW]->active_count);
    ret->only[NEW] =
        ret->only[NEW] || p[NEW]->slack_ms > p[OLD]->slack_ms ||
        !all_among(p[NEW]->active, p[NEW]->active_count, p[OLD]->active, p[OLD]->active_count);
}

static unsigned health_word(const struct egw_policy *policy, struct egw_str status)
{
    if (decide_among(status, policy->operational, policy->operational_count))
        return EGW_V_HEALTH_OK;
    return decide_among(status, policy->active, policy->active_count) ? EGW_V_HEALTH_ADVISORY
                                                                      : EGW_V_HEALTH_UNKNOWN;
}

enum { HEALTHS = EGW_V_HEALTH_STALE + 1 };

static void pair_statuses(const struct egw_policy *const p[2], const struct egw_str *words,
                          size_t n, bool ret[HEALTHS][HEALTHS])
{
    for (size_t i = 0; i < n; i++)
        ret[health_word(p[OLD], words[i])][health_word(p[NEW], words[i])] = true;
}

/* What the policies read off the service's snapshot. */
static void pair_snapshots(const struct egw_policy *const p[2],
                           const struct egw_service_rules *own[2], bool ret[HEALTHS][HEALTHS])
{
    static const unsigned fresh[] = {EGW_V_HEALTH_OK, EGW_V_HEALTH_ADVISORY, EGW_V_HEALTH_UNKNOWN};
    int side = stricter(p, EGW_REF_HEALTH_SNAPSHOT);
    bool same_names = own[OLD]->name_count == own[NEW]->name_count;

    for (size_t i = 0; i < own[OLD]->name_count && same_names; i++)
        same_names = egw_str_same(own[OLD]->names[i], own[NEW]->names[i]);
    for (unsigned a = 0; a < HEALTHS; a++) {
        for (unsigned z = 0; z < HEALTHS && a != EGW_V_HEALTH_INCIDENT; z++)
            ret[a][z] = z != EGW_V_HEALTH_INCIDENT && (a == z || !same_names);
    }
    for (size_t s = 0; s < 2; s++) {
        pair_statuses(p, p[s]->operational, p[s]->operational_count, ret);
        pair_statuses(p, p[s]->active, p[s]->active_count, ret);
    }
    for (size_t i = 0; i < EGW_COUNT(fresh) && side >= 0; i++)
        ret[side == OLD ? EGW_V_HEALTH_STALE : fresh[i]]
           [side == OLD ? fresh[i] : EGW_V_HEALTH_STALE] = true;
}

/* What one policy finds among the issues: nothing, an advisory or an incident; and whether it
 * passed over one that is too old for it. */
struct issue_seen {
    int found;
    bool stale;
};
static const struct issue_seen issues_seen[] = {{0, false}, {0, true},  {1, false},
                                                {1, true},  {2, false}, {2, true}};

static bool come_together(const struct issue_seen seen[2], const struct seen_by *by, int side)
{
    for (size_t s = 0; s < 2; s++) {
        const struct issue_seen *own = &seen[s], *other = &seen[!s];
        bool may = by->only[s];

        /* It finds more: what the other calls too old, or does not take for the cause. */
        if (own->found > other->found && !may && !(side == !(int)s && other->stale))
            return false;
        /* What is too old for it alone, the other found. */
        if (own->stale && !other->stale && !may && !(side == (int)s && other->found))
            return false;
    }
    return true;
}

static unsigned health_of(unsigned snapshot, const struct issue_seen *seen)
{
    static const unsigned found[] = {0, EGW_V_HEALTH_ADVISORY, EGW_V_HEALTH_INCIDENT};

    if (seen->found)
        return found[seen->found];
    return snapshot == EGW_V_HEALTH_OK && seen->stale ? EGW_V_HEALTH_STALE : snapshot;
}

static void fill_health(struct egw_build *b, const uint16_t services[2], const void *about,
                        struct pairs *ret)
{
    const struct egw_policy *const p[] = {policy_of(b, OLD), policy_of(b, NEW)};
    const struct egw_service_rules *own[] = {service_of(p[OLD], services[OLD]),
                                             service_of(p[NEW], services[NEW])};
    bool snapshots[HEALTHS][HEALTHS] = {{false}};
    struct seen_by by = *(const struct seen_by *)about;
    int side = stricter(p, EGW_REF_HEALTH_ISSUE);

    if (!own[OLD] || !own[NEW]) { /* the law of who knows the service says the rest */
        for (size_t v = 0; v < ret->values; v++)
            pair_with(ret, OLD, v, ALL);
        return;
    }
    pair_snapshots(p, own, snapshots);
    see_names(own[OLD], own[NEW], &by);
    see_parts(p, own, &by);
    see_rules(p, &by);
    for (unsigned a = 0; a < HEALTHS; a++) {
        for (unsigned z = 0; z < HEALTHS; z++) {
            for (size_t i = 0; i < EGW_COUNT(issues_seen) && snapshots[a][z]; i++) {
                for (size_t k = 0; k < EGW_COUNT(issues_seen); k++) {
                    const struct issue_seen seen[] = {issues_seen[i], issues_seen[k]};

                    if (come_together(seen, &by, side))
                        pair(ret, health_of(a, &seen[OLD]), health_of(z, &seen[NEW]));
                }
            }
        }
    }
}

struct by_symptom {
    const struct egw_policy *policies[2];
    const uint16_t *maps[2];
    struct seen_by wanted;
};

static struct seen_by seen_of_symptom(const struct by_symptom *q, size_t value)
{
    static const struct egw_symptom any = {0}; /* none named, or one nobody knows */
    const struct egw_symptom *own[2];
    struct seen_by by = {{false, false}};

    for (size_t s = 0; s < 2; s++)
        own[s] = q->maps[s][value] >= EGW_V_WORDS
                     ? &q->policies[s]->symptoms[q->maps[s][value] - EGW_V_WORDS]
                     : &any;
    see_symptom(q->policies, own, &by);
    return by;
}

static bool is_seen_so(const void *about, size_t value)
{
    const struct by_symptom *q = about;
    struct seen_by by = seen_of_symptom(q, value);

    return by.only[OLD] == q->wanted.only[OLD] && by.only[NEW] == q->wanted.only[NEW];
}

static void say_health(struct egw_build *b)
{
    unsigned symptoms = (unsigned)b->space->axis_of[OLD][EGW_F_SYMPTOM];
    struct by_symptom q = {
        {policy_of(b, OLD), policy_of(b, NEW)},
        {axis_of(b, OLD, EGW_F_SYMPTOM)->map[OLD], axis_of(b, OLD, EGW_F_SYMPTOM)->map[NEW]},
        {{false, false}}};

    for (int kind = 0; kind < 4 && !b->nomem; kind++) {
        struct egw_part these;
        const struct pairs *all;

        q.wanted = (struct seen_by){{kind & 1, kind & 2}};
        these = egw_part_where(b, symptoms, is_seen_so, &q);
        all = pairs_by_service(b, EGW_F_HEALTH, fill_health, &q.wanted);
        if (all)
            say_by_service(b, EGW_F_HEALTH, all, &these);
    }
}

/* ---- known errors ---- */

static void take_matches(void *user, const struct egw_match *old, const struct egw_match *new)
{
    pair(user, decide_known_issue(old), decide_known_issue(new));
}

static void fill_known_issue(struct egw_build *b, const uint16_t services[2],
                             const void *about EGW_UNUSED, struct pairs *ret)
{
    const struct egw_catalogue *catalogues[2];
    struct egw_str names[2];

    for (size_t s = 0; s < 2; s++) {
        const struct egw_service_rules *own = service_of(policy_of(b, s), services[s]);

        catalogues[s] = policy_of(b, s)->catalogue;
        names[s] = own ? own->view.id : EGW_STR("");
    }
    pair_equals(ret);
    if (!egw_catalogue_compare(catalogues, names, take_matches, ret))
        b->nomem = true;
}

static void say_known_issue(struct egw_build *b)
{
    const struct pairs *all = pairs_by_service(b, EGW_F_KNOWN_ISSUE, fill_known_issue, NULL);

    if (all)
        say_by_service(b, EGW_F_KNOWN_ISSUE, all, NULL);
}

/* ---- channels ---- */

/* Rights as the partner's records give them, before it is asked what the channel covers. */
enum { RIGHTS = EGW_V_RIGHT_EMPTY + 1 };

static void right(bool ret[RIGHTS][RIGHTS], int stale, unsigned old, unsigned new)
{
    ret[stale == OLD ? EGW_V_RIGHT_UNKNOWN : old][stale == NEW ? EGW_V_RIGHT_UNKNOWN : new] = true;
}

/* No record says none; where there is none of the partner either, nothing. */
static void pair_no_record(bool ret[RIGHTS][RIGHTS])
{
    ret[EGW_V_RIGHT_NONE][EGW_V_RIGHT_NONE] = true;
    ret[EGW_V_RIGHT_UNKNOWN][EGW_V_RIGHT_UNKNOWN] = true;
}

static const unsigned terms[] = {EGW_V_RIGHT_NONE, EGW_V_RIGHT_ENDED, EGW_V_RIGHT_IN_FORCE};

static void pair_contracts(const struct egw_policy *const p[2], bool ret[RIGHTS][RIGHTS])
{
    pair_no_record(ret);
    for (size_t t = 0; t < EGW_COUNT(terms); t++) {
        right(ret, -1, terms[t], terms[t]);
        right(ret, stricter(p, EGW_REF_CONTRACT), terms[t], terms[t]);
    }
}

/* A pack on record, for a channel that counts. */
static void pair_packs(const struct egw_policy *const p[2],
                       const struct egw_channel *const channels[2], const bool level[2],
                       bool ret[RIGHTS][RIGHTS])
{
    static const unsigned packs[] = {EGW_V_RIGHT_IN_FORCE, EGW_V_RIGHT_NONE, EGW_V_RIGHT_ENDED,
                                     EGW_V_RIGHT_EMPTY, EGW_V_RIGHT_UNKNOWN};
    int stale = stricter(p, EGW_REF_PACK);

    for (size_t k = 0; k < EGW_COUNT(packs); k++) {
        for (int aged = 0; aged < 2; aged++) { /* too old for the stricter policy */
            unsigned rights[2];

            for (int s = 0; s < 2; s++) {
                unsigned pack = aged && stale == s ? EGW_V_RIGHT_UNKNOWN : packs[k];

                rights[s] = !level[s]              ? EGW_V_RIGHT_NONE
                            : channels[s]->counted ? pack
                                                   : EGW_V_RIGHT_IN_FORCE;
            }
            right(ret, stricter(p, EGW_REF_MEMBERSHIP), rights[OLD], rights[NEW]);
            right(ret, -1, rights[OLD], rights[NEW]);
        }
    }
}

static bool has_level(const struct egw_channel *channel, struct egw_str level)
{
    return decide_among(level, channel->levels, channel->level_count);
}

/* A membership of a level that these policies take. */
static void pair_level(const struct egw_policy *const p[2],
                       const struct egw_channel *const channels[2], const bool level[2],
                       bool ret[RIGHTS][RIGHTS])
{
    int stale = stricter(p, EGW_REF_MEMBERSHIP);

    for (size_t t = 0; t < EGW_COUNT(terms); t++) {
        unsigned old = level[OLD] ? terms[t] : EGW_V_RIGHT_NONE;
        unsigned new = level[NEW] ? terms[t] : EGW_V_RIGHT_NONE;

        if (terms[t] == EGW_V_RIGHT_IN_FORCE)
            continue; /* the pack says it */
        right(ret, -1, old, new);
        right(ret, stale, old, new);
    }
    pair_packs(p, channels, level, ret);
}

static void pair_memberships(const struct egw_policy *const p[2],
                             const struct egw_channel *const channels[2], bool ret[RIGHTS][RIGHTS])
{
    static const bool neither[2] = {false, false};

    pair_no_record(ret);
    pair_level(p, channels, neither, ret);
    for (size_t s = 0; s < 2; s++) {
        for (size_t i = 0; i < channels[s]->level_count; i++) {
            struct egw_str word = channels[s]->levels[i];
            const bool level[] = {has_level(channels[OLD], word), has_level(channels[NEW], word)};

            pair_level(p, channels, level, ret);
        }
    }
}

static void pair_rights(const struct egw_policy *const p[2],
                        const struct egw_channel *const channels[2], bool ret[RIGHTS][RIGHTS])
{
    const struct egw_channel *old = channels[OLD], *new = channels[NEW];
    bool same_kind = old->entitlement == new->entitlement;

    if (same_kind && old->entitlement == EGW_ENTITLED_CONTRACT && egw_str_eq(old->plan, new->plan))
        pair_contracts(p, ret);
    else if (same_kind && old->entitlement == EGW_ENTITLED_MEMBERSHIP)
        pair_memberships(p, channels, ret);
    else /* by what the partner is, as the laws say, or by another record */
        memset(ret, true, RIGHTS * sizeof(*ret));
}

/* Where each of the policies covers the service there, or not. */
struct covering {
    const struct egw_policy *policies[2];
    const struct egw_channel *channels[2];
    const uint16_t *maps[2];
    bool on_premises, covered[2];
};

static bool is_covered_so(const void *about, size_t value)
{
    const struct covering *q = about;

    for (size_t s = 0; s < 2; s++) {
        if (egw_channel_covers(q->policies[s], q->channels[s], q->maps[s][value], q->on_premises) !=
            q->covered[s])
            return false;
    }
    return true;
}

struct offering {
    const struct egw_policy *policies[2];
    const struct egw_channel *channels[2];
    const uint16_t *maps[2]; /* of eras */
};

static bool is_offered_by_both(const void *about, size_t era)
{
    const struct offering *q = about;

    for (size_t s = 0; s < 2; s++) {
        if (egw_offer_in(q->policies[s], q->channels[s], q->maps[s][era]) != EGW_OFFER_NOW)
            return false;
    }
    return true;
}

static unsigned covered_right(unsigned right, bool covered)
{
    return right == EGW_V_RIGHT_IN_FORCE && !covered ? EGW_V_RIGHT_NOT_COVERED : right;
}

static void say_channel(struct egw_build *b, unsigned old_fact, unsigned new_fact)
{
    const struct egw_space *space = b->space;
    const struct egw_policy *const p[] = {policy_of(b, OLD), policy_of(b, NEW)};
    const struct egw_channel *const channels[] = {&p[OLD]->channels[old_fact - EGW_F_CHANNEL],
                                                  &p[NEW]->channels[new_fact - EGW_F_CHANNEL]};
    const struct egw_axis *eras = &space->axes[0], *services = axis_of(b, OLD, EGW_F_SERVICE);
    const struct offering offering = {
        {p[OLD], p[NEW]}, {channels[OLD], channels[NEW]}, {eras->map[OLD], eras->map[NEW]}};
    struct covering covering = {.policies = {p[OLD], p[NEW]},
                                .channels = {channels[OLD], channels[NEW]},
                                .maps = {services->map[OLD], services->map[NEW]}};
    const struct egw_part offered = egw_part_where(b, 0, is_offered_by_both, &offering);
    int side = stricter(p, EGW_REF_PARTNER);
    bool rights[RIGHTS][RIGHTS] = {{false}};

    pair_rights(p, channels, rights);
    for (int kind = 0; kind < 8 && !b->nomem; kind++) {
        struct pairs pairs;
        struct egw_part within[PARTS_MAX] = {offered};

        covering.on_premises = kind & 1;
        covering.covered[OLD] = kind & 2;
        covering.covered[NEW] = kind & 4;
        within[1] = egw_part_where(b, (unsigned)space->axis_of[OLD][EGW_F_SERVICE], is_covered_so,
                                   &covering);
        within[2] =
            egw_part_of(b, (unsigned)space->axis_of[OLD][EGW_F_HOSTING],
                        kind & 1 ? BIT(EGW_V_HOSTING_ON_PREMISES) : BUT(EGW_V_HOSTING_ON_PREMISES));
        if (!no_pairs(b, old_fact, &pairs))
            return;
        for (unsigned a = 0; a < RIGHTS; a++) {
            for (unsigned z = 0; z < RIGHTS; z++) {
                if (rights[a][z])
                    pair(&pairs, covered_right(a, covering.covered[OLD]),
                         covered_right(z, covering.covered[NEW]));
            }
        }
        within[3] = egw_no_part;
        if (side >= 0) /* while it believes what it knows of the partner */
            within[3] = strictly(b, side, EGW_F_CSP, BUT(EGW_V_CSP_UNKNOWN));
        say_pairs(b, old_fact, new_fact, &pairs, within, PARTS_MAX);
        if (side >= 0) { /* else it does not know that there is no right */
            pair_with(&pairs, (size_t)side, EGW_V_RIGHT_UNKNOWN, BIT(EGW_V_RIGHT_NONE));
            within[3] = egw_no_part;
            say_pairs(b, old_fact, new_fact, &pairs, within, PARTS_MAX);
        }
    }
}

/* ---- which facts are read alike ---- */

static bool same_words(const struct egw_str *a, size_t n, const struct egw_str *b, size_t m)
{
    return all_among(a, n, b, m) && all_among(b, m, a, n);
}

static bool severity_alike(const struct egw_policy *const p[2])
{
    bool alike = true;

    each_severity(p, note_other_severity, &alike);
    return alike;
}

/* Each policy's number of what the name means; of a service it does not know, EGW_V_INVALID. */
static void services_named(const struct egw_policy *const p[2], struct egw_str name,
                           uint16_t ret[2])
{
    for (size_t s = 0; s < 2; s++) {
        int value = egw_wordset_find(&p[s]->facts[EGW_F_SERVICE].words, name);

        ret[s] = (uint16_t)(value < 0 ? EGW_V_INVALID : value);
    }
}

typedef bool alike_fn(const struct egw_policy *const p[2], const uint16_t services[2],
                      const void *about);

/* Of every service that either policy knows by any name, and of one that none does. */
static bool alike_by_service(const struct egw_policy *const p[2], alike_fn *ask, const void *about)
{
    static const uint16_t unknown[] = {EGW_V_INVALID, EGW_V_INVALID};

    for (size_t side = 0; side < 2; side++) {
        const struct egw_wordset *words = &p[side]->facts[EGW_F_SERVICE].words;

        for (size_t w = 0; w < words->n; w++) {
            uint16_t services[2];

            services_named(p, words->words[w], services);
            if (!ask(p, services, about))
                return false;
        }
    }
    return ask(p, unknown, about);
}

static bool needs_alike(const struct egw_policy *const p[2], const uint16_t services[2],
                        const void *about EGW_UNUSED)
{
    for (unsigned use = 0; use < p[OLD]->facts[EGW_F_USE].value_count; use++) {
        if (!same_need(egw_need_of(p[OLD], services[OLD], use),
                       egw_need_of(p[NEW], services[NEW], use)))
            return false;
    }
    return true;
}

static bool known_alike(const struct egw_policy *const p[2], const uint16_t services[2],
                        const void *about EGW_UNUSED)
{
    const struct egw_service_rules *own[] = {service_of(p[OLD], services[OLD]),
                                             service_of(p[NEW], services[NEW])};

    if (!own[OLD] || !own[NEW])
        return own[OLD] == own[NEW];
    return own[OLD]->name_count == own[NEW]->name_count &&
           egw_str_same(own[OLD]->view.id, own[NEW]->view.id) &&
           egw_str_same(own[OLD]->view.family, own[NEW]->view.family) &&
           same_words(own[OLD]->names, own[OLD]->name_count, own[NEW]->names, own[NEW]->name_count);
}

static bool covered_alike(const struct egw_policy *const p[2], const uint16_t services[2],
                          const void *about)
{
    const struct egw_channel *const *channels = about;

    for (int on_premises = 0; on_premises < 2; on_premises++) {
        if (egw_channel_covers(p[OLD], channels[OLD], services[OLD], on_premises) !=
            egw_channel_covers(p[NEW], channels[NEW], services[NEW], on_premises))
            return false;
    }
    return true;
}

static bool symptoms_alike(const struct egw_policy *const p[2])
{
    const struct egw_fact_def *defs[] = {&p[OLD]->facts[EGW_F_SYMPTOM],
                                         &p[NEW]->facts[EGW_F_SYMPTOM]};

    for (size_t side = 0; side < 2; side++) {
        for (size_t v = EGW_V_WORDS; v < defs[side]->value_count; v++) {
            static const struct egw_symptom any = {0};
            int there = egw_wordset_find(&defs[!side]->words, defs[side]->values[v]);
            const struct egw_symptom *own = &p[side]->symptoms[v - EGW_V_WORDS];
            const struct egw_symptom *other =
                there >= EGW_V_WORDS ? &p[!side]->symptoms[there - EGW_V_WORDS] : &any;

            if (own->has_features != other->has_features ||
                !same_words(own->features, own->feature_count, other->features,
                            other->feature_count))
                return false;
        }
    }
    return true;
}

static bool health_alike(const struct egw_policy *const p[2])
{
    return p[OLD]->slack_ms == p[NEW]->slack_ms && stricter(p, EGW_REF_HEALTH_ISSUE) < 0 &&
           stricter(p, EGW_REF_HEALTH_SNAPSHOT) < 0 &&
           same_words(p[OLD]->active, p[OLD]->active_count, p[NEW]->active, p[NEW]->active_count) &&
           same_words(p[OLD]->operational, p[OLD]->operational_count, p[NEW]->operational,
                      p[NEW]->operational_count) &&
           symptoms_alike(p) && alike_by_service(p, known_alike, NULL);
}

static bool catalogue_alike(const struct egw_policy *const p[2], const uint16_t services[2],
                            const void *about EGW_UNUSED)
{
    return egw_str_same(
        service_of(p[OLD], services[OLD]) ? service_of(p[OLD], services[OLD])->view.id
                                          : EGW_STR(""),
        service_of(p[NEW], services[NEW]) ? service_of(p[NEW], services[NEW])->view.id
                                          : EGW_STR(""));
}

static bool channel_alike(const struct egw_policy *const p[2], const struct egw_channel *a,
                          const struct egw_channel *b)
{
    const struct egw_channel *const channels[] = {a, b};

    if (a->entitlement != b->entitlement || a->counted != b->counted ||
        a->since.has != b->since.has || (a->since.has && a->since.v != b->since.v) ||
        a->until.has != b->until.has || (a->until.has && a->until.v != b->until.v) ||
        stricter(p, EGW_REF_PARTNER) >= 0 || !alike_by_service(p, covered_alike, channels))
        return false;
    switch (a->entitlement) {
    case EGW_ENTITLED_CSP:
        return true;
    case EGW_ENTITLED_PROGRAM:
        return a->partners == b->partners;
    case EGW_ENTITLED_CONTRACT:
        return egw_str_eq(a->plan, b->plan) && stricter(p, EGW_REF_CONTRACT) < 0;
    case EGW_ENTITLED_MEMBERSHIP:
        break;
    }
    return same_words(a->levels, a->level_count, b->levels, b->level_count) &&
           stricter(p, EGW_REF_MEMBERSHIP) < 0 && (!a->counted || stricter(p, EGW_REF_PACK) < 0);
}

bool egw_read_alike(const struct egw_build *b, unsigned old_fact, unsigned new_fact)
{
    const struct egw_policy *const p[] = {policy_of(b, OLD), policy_of(b, NEW)};

    switch (old_fact) {
    case EGW_F_SEVERITY:
        return severity_alike(p);
    case EGW_F_CSP:
    case EGW_F_PARTNER:
        return stricter(p, EGW_REF_PARTNER) < 0;
    case EGW_F_RELATION:
        return stricter(p, EGW_REF_RELATION) < 0;
    case EGW_F_PLAN:
    case EGW_F_SELLER:
        return stricter(p, EGW_REF_SUBSCRIPTION) < 0;
    case EGW_F_CLOUD:
        return stricter(p, EGW_REF_RELATION) < 0 && stricter(p, EGW_REF_PARTNER) < 0;
    case EGW_F_ACCESS:
        return stricter(p, EGW_REF_ACCESS) < 0 && alike_by_service(p, needs_alike, NULL);
    case EGW_F_HEALTH:
        return health_alike(p);
    case EGW_F_KNOWN_ISSUE:
        return egw_catalogue_same(p[OLD]->catalogue, p[NEW]->catalogue) &&
               (!p[OLD]->catalogue || alike_by_service(p, catalogue_alike, NULL));
    default:
        return old_fact < EGW_F_CHANNEL || new_fact < EGW_F_CHANNEL ||
               channel_alike(p, &p[OLD]->channels[old_fact - EGW_F_CHANNEL],
                             &p[NEW]->channels[new_fact - EGW_F_CHANNEL]);
    }
}

void egw_build_readings(struct egw_build *b)
{
    const struct egw_policy *const p[] = {policy_of(b, OLD), policy_of(b, NEW)};

    if (apart(b, EGW_F_SEVERITY))
        say_severity(b);
    say_records(b);
    if (apart(b, EGW_F_ACCESS))
        say_access(b);
    if (apart(b, EGW_F_HEALTH))
        say_health(b);
    if (apart(b, EGW_F_KNOWN_ISSUE))
        say_known_issue(b);
    for (unsigned x = EGW_F_CHANNEL; x < p[OLD]->fact_count; x++) {
        for (unsigned y = EGW_F_CHANNEL; y < p[NEW]->fact_count && !b->nomem; y++) {
            if (egw_str_eq(p[OLD]->facts[x].name, p[NEW]->facts[y].name) &&
                b->space->axis_of[OLD][x] != b->space->axis_of[NEW][y])
                say_channel(b, x, y);
        }
    }
}
