/* Service health: snapshots, and the incidents that explain a fault. */
#include "decide.h"
#include "policy_pairs.h"

/* Incidents that one policy takes for the cause and the other does not, by the one that does. */
struct seen_by {
    bool only[2];
};

/* A feature that is another service of the family stands for a part of it. */
static bool names_a_part(const struct egw_policy *policy, const struct egw_symptom *symptom,
                         const struct egw_service_rules *of)
{
    for (size_t i = 0; i < symptom->feature_count; i++) {
        const struct egw_service *part = egw_policy_service(policy, symptom->features[i]);

        if (part && part != &of->view && egw_str_eq(part->family, of->view.family))
            return true;
    }
    return false;
}

static void see_symptom(const struct egw_policy *const p[2],
                        const struct egw_symptom *const symptoms[2],
                        const struct egw_service_rules *const own[2], struct seen_by *ret)
{
    for (size_t s = 0; s < 2; s++) {
        const struct egw_symptom *here = symptoms[s], *there = symptoms[!s];

        if (!here->has_features) /* any feature will do */
            ret->only[s] = there->has_features;
        else if (!there->has_features)
            ret->only[s] = names_a_part(p[s], here, own[s]);
        else
            ret->only[s] = !egw_all_among(here->features, here->feature_count, there->features,
                                          there->feature_count);
    }
}

/* Names under which records of the service itself are found. */
static void see_names(const struct egw_service_rules *const own[2], struct seen_by *ret)
{
    for (size_t s = 0; s < 2; s++) {
        if (!egw_all_among(own[s]->names, own[s]->name_count, own[!s]->names, own[!s]->name_count))
            ret->only[s] = true;
    }
}

/* Of a name of another service of the family: what it is to the other policy. */
static void see_part(const struct egw_policy *other, const struct egw_service_rules *own,
                     struct egw_str name, bool *ret_only_here, bool *ret_either)
{
    const struct egw_service *there = egw_policy_service(other, name);

    if (there == &own->view) /* there it is the service itself, by its features */
        *ret_either = true;
    else if (!there || !egw_str_eq(there->family, own->view.family))
        *ret_only_here = true;
}

static void see_parts(const struct egw_policy *const p[2],
                      const struct egw_service_rules *const own[2], struct seen_by *ret)
{
    bool either = false;

    for (size_t s = 0; s < 2; s++) {
        for (size_t i = 0; i < p[s]->service_count; i++) {
            const struct egw_service_rules *part = &p[s]->services[i];

            if (part == own[s] || !egw_str_eq(part->view.family, own[s]->view.family))
                continue;
            for (size_t n = 0; n < part->name_count; n++)
                see_part(p[!s], own[!s], part->names[n], &ret->only[s], &either);
        }
    }
    ret->only[EGW_OLD] = ret->only[EGW_OLD] || either;
    ret->only[EGW_NEW] = ret->only[EGW_NEW] || either;
}

static void see_rules(const struct egw_policy *const p[2], struct seen_by *ret)
{
    for (size_t s = 0; s < 2; s++) {
        if (p[s]->slack_ms > p[!s]->slack_ms ||
            !egw_all_among(p[s]->active, p[s]->active_count, p[!s]->active, p[!s]->active_count))
            ret->only[s] = true;
    }
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
        ret[health_word(p[EGW_OLD], words[i])][health_word(p[EGW_NEW], words[i])] = true;
}

/* The first name that has a snapshot counts, so their order tells. */
static bool same_names(const struct egw_service_rules *a, const struct egw_service_rules *b)
{
    for (size_t i = 0; i < a->name_count && a->name_count == b->name_count; i++) {
        if (!egw_str_same(a->names[i], b->names[i]))
            return false;
    }
    return a->name_count == b->name_count;
}

/* What the policies read off the service's snapshot. */
static void pair_snapshots(const struct egw_policy *const p[2],
                           const struct egw_service_rules *own[2], bool ret[HEALTHS][HEALTHS])
{
    static const unsigned fresh[] = {EGW_V_HEALTH_OK, EGW_V_HEALTH_ADVISORY, EGW_V_HEALTH_UNKNOWN};
    int side = egw_stricter(p, EGW_REF_HEALTH_SNAPSHOT);
    bool same = same_names(own[EGW_OLD], own[EGW_NEW]);

    for (unsigned a = 0; a < HEALTHS; a++) {
        for (unsigned z = 0; z < HEALTHS && a != EGW_V_HEALTH_INCIDENT; z++)
            ret[a][z] = z != EGW_V_HEALTH_INCIDENT && (a == z || !same);
    }
    for (size_t s = 0; s < 2; s++) {
        pair_statuses(p, p[s]->operational, p[s]->operational_count, ret);
        pair_statuses(p, p[s]->active, p[s]->active_count, ret);
    }
    for (size_t i = 0; i < EGW_COUNT(fresh) && side >= 0; i++)
        ret[side == EGW_OLD ? EGW_V_HEALTH_STALE : fresh[i]]
           [side == EGW_OLD ? fresh[i] : EGW_V_HEALTH_STALE] = true;
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
                        struct egw_pairs *ret)
{
    const struct egw_policy *const p[] = {egw_side_policy(b, EGW_OLD), egw_side_policy(b, EGW_NEW)};
    const struct egw_service_rules *own[] = {egw_service_of(p[EGW_OLD], services[EGW_OLD]),
                                             egw_service_of(p[EGW_NEW], services[EGW_NEW])};
    bool snapshots[HEALTHS][HEALTHS] = {{false}};
    const struct egw_symptom *const *symptoms = about;
    struct seen_by by = {{false, false}};
    int side = egw_stricter(p, EGW_REF_HEALTH_ISSUE);

    if (!own[EGW_OLD] || !own[EGW_NEW]) { /* the law of who knows the service says the rest */
        for (size_t v = 0; v < ret->values; v++)
            egw_pair_with(ret, EGW_OLD, v, EGW_ALL);
        return;
    }
    pair_snapshots(p, own, snapshots);
    see_symptom(p, symptoms, own, &by);
    see_names(own, &by);
    see_parts(p, own, &by);
    see_rules(p, &by);
    for (unsigned a = 0; a < HEALTHS; a++) {
        for (unsigned z = 0; z < HEALTHS; z++) {
            for (size_t i = 0; i < EGW_COUNT(issues_seen) && snapshots[a][z]; i++) {
                for (size_t k = 0; k < EGW_COUNT(issues_seen); k++) {
                    const struct issue_seen seen[] = {issues_seen[i], issues_seen[k]};

                    if (come_together(seen, &by, side))
                        egw_pair(ret, health_of(a, &seen[EGW_OLD]), health_of(z, &seen[EGW_NEW]));
                }
            }
        }
    }
}

struct by_symptom {
    const struct egw_policy *policies[2];
    const uint16_t *maps[2];
    const struct egw_symptom *wanted[2];
};

static const struct egw_symptom any_symptom = {0}; /* none named, or one nobody knows */

/* What each policy makes of the word. One that both read alike is as good as none. */
static void symptoms_of(const struct by_symptom *q, size_t value, const struct egw_symptom *ret[2])
{
    for (size_t s = 0; s < 2; s++)
        ret[s] = q->maps[s][value] >= EGW_V_WORDS
                     ? &q->policies[s]->symptoms[q->maps[s][value] - EGW_V_WORDS]
                     : &any_symptom;
    if (egw_same_symptom(ret[EGW_OLD], ret[EGW_NEW]))
        ret[EGW_OLD] = ret[EGW_NEW] = &any_symptom;
}

static bool is_seen_so(const void *about, size_t value)
{
    const struct by_symptom *q = about;
    const struct egw_symptom *own[2];

    symptoms_of(q, value, own);
    return own[EGW_OLD] == q->wanted[EGW_OLD] && own[EGW_NEW] == q->wanted[EGW_NEW];
}

/* The first value of which the policies make what they make of this one. */
static size_t first_like(const struct by_symptom *q, size_t value)
{
    size_t first = 0;

    while (!is_seen_so(q, first) && first < value)
        first++;
    return first;
}

void egw_say_health(struct egw_build *b)
{
    unsigned symptoms = (unsigned)b->space->axis_of[EGW_OLD][EGW_F_SYMPTOM];
    const struct egw_axis *axis = egw_side_axis(b, EGW_OLD, EGW_F_SYMPTOM);
    struct by_symptom q = {{egw_side_policy(b, EGW_OLD), egw_side_policy(b, EGW_NEW)},
                           {axis->map[EGW_OLD], axis->map[EGW_NEW]},
                           {NULL, NULL}};

    for (size_t v = 0; v < axis->value_count && !b->nomem; v++) {
        struct egw_part these;
        const struct egw_pairs *all;

        symptoms_of(&q, v, q.wanted);
        if (first_like(&q, v) < v)
            continue;
        these = egw_part_where(b, symptoms, is_seen_so, &q);
        all = egw_pairs_by_service(b, EGW_F_HEALTH, fill_health, q.wanted);
        if (all)
            egw_say_by_service(b, EGW_F_HEALTH, all, &these);
    }
}

static bool known_alike(const struct egw_policy *const p[2], const uint16_t services[2],
                        const void *about EGW_UNUSED)
{
    const struct egw_service_rules *own[] = {egw_service_of(p[EGW_OLD], services[EGW_OLD]),
                                             egw_service_of(p[EGW_NEW], services[EGW_NEW])};

    if (!own[EGW_OLD] || !own[EGW_NEW])
        return own[EGW_OLD] == own[EGW_NEW];
    return same_names(own[EGW_OLD], own[EGW_NEW]) &&
           egw_str_same(own[EGW_OLD]->view.id, own[EGW_NEW]->view.id) &&
           egw_str_same(own[EGW_OLD]->view.family, own[EGW_NEW]->view.family);
}

static bool symptoms_alike(const struct egw_policy *const p[2])
{
    const struct egw_fact_def *defs[] = {&p[EGW_OLD]->facts[EGW_F_SYMPTOM],
                                         &p[EGW_NEW]->facts[EGW_F_SYMPTOM]};

    for (size_t side = 0; side < 2; side++) {
        for (size_t v = EGW_V_WORDS; v < defs[side]->value_count; v++) {
            int there = egw_wordset_find(&defs[!side]->words, defs[side]->values[v]);
            const struct egw_symptom *other =
                there >= EGW_V_WORDS ? &p[!side]->symptoms[there - EGW_V_WORDS] : &any_symptom;

            if (!egw_same_symptom(&p[side]->symptoms[v - EGW_V_WORDS], other))
                return false;
        }
    }
    return true;
}

bool egw_health_alike(const struct egw_policy *const p[2])
{
    return p[EGW_OLD]->slack_ms == p[EGW_NEW]->slack_ms &&
           egw_stricter(p, EGW_REF_HEALTH_ISSUE) < 0 &&
           egw_stricter(p, EGW_REF_HEALTH_SNAPSHOT) < 0 &&
           egw_same_words(p[EGW_OLD]->active, p[EGW_OLD]->active_count, p[EGW_NEW]->active,
                          p[EGW_NEW]->active_count) &&
           egw_same_words(p[EGW_OLD]->operational, p[EGW_OLD]->operational_count,
                          p[EGW_NEW]->operational, p[EGW_NEW]->operational_count) &&
           symptoms_alike(p) && egw_alike_by_service(p, known_alike, NULL);
}
