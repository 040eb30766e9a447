#include "policy_pairs.h"

#include "decide.h"

/* ---- which values come together ---- */

const struct egw_policy *egw_side_policy(const struct egw_build *b, size_t side)
{
    return b->space->sides[side].policy;
}

const struct egw_axis *egw_side_axis(const struct egw_build *b, size_t side, unsigned fact)
{
    return &b->space->axes[b->space->axis_of[side][fact]];
}

bool egw_pairs_new(struct egw_build *b, unsigned old_fact, struct egw_pairs *ret)
{
    ret->values = egw_side_axis(b, EGW_OLD, old_fact)->value_count;
    ret->words = egw_bit_words(ret->values);
    ret->rows = egw_build_get(b, ret->values * ret->words, sizeof(*ret->rows));
    return ret->rows != NULL;
}

void egw_pair(struct egw_pairs *pairs, size_t old, size_t new)
{
    egw_bit_set(pairs->rows + old * pairs->words, new);
}

void egw_pair_equals(struct egw_pairs *pairs)
{
    for (size_t v = 0; v < pairs->values; v++)
        egw_pair(pairs, v, v);
}

static bool same_pairs(const struct egw_pairs *a, const struct egw_pairs *b)
{
    return memcmp(a->rows, b->rows, a->values * a->words * sizeof(*a->rows)) == 0;
}

void egw_pair_with(struct egw_pairs *pairs, size_t side, size_t value, uint64_t set)
{
    for (size_t v = 0; v < pairs->values; v++) {
        if (set >> (v < 63 ? v : 63) & 1)
            egw_pair(pairs, side == EGW_OLD ? value : v, side == EGW_OLD ? v : value);
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

void egw_say_pairs(struct egw_build *b, unsigned old_fact, unsigned new_fact,
                   const struct egw_pairs *pairs, const struct egw_part *within, size_t n)
{
    struct egw_part parts[EGW_WITHIN_MAX + 2];

    for (size_t v = 0; v < pairs->values && !b->nomem; v++) {
        for (size_t i = 0; i < n; i++)
            parts[i] = within[i];
        parts[n] = egw_part_where(b, (unsigned)b->space->axis_of[EGW_OLD][old_fact], is_value, &v);
        parts[n + 1] = egw_part_where(b, (unsigned)b->space->axis_of[EGW_NEW][new_fact], not_in_row,
                                      pairs->rows + v * pairs->words);
        egw_forbid(b, parts, n + 2);
    }
}

bool egw_read_apart(const struct egw_build *b, unsigned fact)
{
    return b->space->axis_of[EGW_OLD][fact] != b->space->axis_of[EGW_NEW][fact];
}

/* ---- ages ---- */

int egw_stricter(const struct egw_policy *const p[2], enum egw_reference_kind kind)
{
    int64_t old = p[EGW_OLD]->max_age_ms[kind], new = p[EGW_NEW]->max_age_ms[kind];

    if (old == new)
        return -1;
    return old && (!new || old < new) ? EGW_OLD : EGW_NEW;
}

int egw_stricter_in(const struct egw_build *b, enum egw_reference_kind kind)
{
    const struct egw_policy *const p[] = {egw_side_policy(b, EGW_OLD), egw_side_policy(b, EGW_NEW)};

    return egw_stricter(p, kind);
}

struct egw_part egw_strictly(struct egw_build *b, int side, unsigned fact, uint64_t mask)
{
    return egw_part_of(b, (unsigned)b->space->axis_of[side][fact], mask);
}

bool egw_all_among(const struct egw_str *words, size_t n, const struct egw_str *others, size_t m)
{
    for (size_t i = 0; i < n; i++) {
        if (!decide_among(words[i], others, m))
            return false;
    }
    return true;
}

bool egw_same_words(const struct egw_str *a, size_t n, const struct egw_str *b, size_t m)
{
    return egw_all_among(a, n, b, m) && egw_all_among(b, m, a, n);
}

bool egw_same_need(const struct egw_need *a, const struct egw_need *b)
{
    return a->rbac == b->rbac && egw_same_words(a->roles, a->role_count, b->roles, b->role_count);
}

bool egw_same_symptom(const struct egw_symptom *a, const struct egw_symptom *b)
{
    return a->has_features == b->has_features &&
           egw_same_words(a->features, a->feature_count, b->features, b->feature_count);
}

/* ---- by service: one question of each pair of services that a name may mean ---- */

struct by_service {
    const struct egw_pairs *all; /* by value of the service's axis */
    const struct egw_pairs *wanted;
};

static bool has_these_pairs(const void *about, size_t value)
{
    const struct by_service *q = about;

    return same_pairs(&q->all[value], q->wanted);
}

/* Each kind of pairs is said once, of all services that have it. */
void egw_say_by_service(struct egw_build *b, unsigned fact, const struct egw_pairs *all,
                        const struct egw_part *within)
{
    const struct egw_axis *services = egw_side_axis(b, EGW_OLD, EGW_F_SERVICE);

    for (size_t v = 0; v < services->value_count && !b->nomem; v++) {
        const struct by_service these = {all, &all[v]};
        size_t first = 0;

        while (first < v && !same_pairs(&all[first], &all[v]))
            first++;
        if (first == v) {
            const struct egw_part parts[] = {
                egw_part_where(b, (unsigned)b->space->axis_of[EGW_OLD][EGW_F_SERVICE],
                               has_these_pairs, &these),
                within ? *within : egw_no_part};

            egw_say_pairs(b, fact, fact, &all[v], parts, EGW_COUNT(parts));
        }
    }
}

struct egw_pairs *egw_pairs_by_service(struct egw_build *b, unsigned fact, egw_pairs_fn *fill,
                                       const void *about)
{
    const struct egw_axis *services = egw_side_axis(b, EGW_OLD, EGW_F_SERVICE);
    struct egw_pairs *all = egw_build_get(b, services->value_count, sizeof(*all));

    for (size_t v = 0; all && v < services->value_count; v++) {
        const uint16_t own[] = {services->map[EGW_OLD][v], services->map[EGW_NEW][v]};
        size_t same = 0;

        while (same < v && (services->map[EGW_OLD][same] != own[EGW_OLD] ||
                            services->map[EGW_NEW][same] != own[EGW_NEW]))
            same++;
        if (same < v)
            all[v] = all[same];
        else if (egw_pairs_new(b, fact, &all[v]))
            fill(b, own, about, &all[v]);
        else
            return NULL;
    }
    return all;
}

const struct egw_service_rules *egw_service_of(const struct egw_policy *policy, uint16_t service)
{
    return service >= EGW_V_WORDS ? &policy->services[service - EGW_V_WORDS] : NULL;
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

bool egw_alike_by_service(const struct egw_policy *const p[2], egw_alike_fn *ask, const void *about)
{
    static const uint16_t unknown[] = {EGW_V_INVALID, EGW_V_INVALID};
    static const uint16_t absent[] = {EGW_V_ABSENT, EGW_V_ABSENT};

    for (size_t side = 0; side < 2; side++) {
        const struct egw_wordset *words = &p[side]->facts[EGW_F_SERVICE].words;

        for (size_t w = 0; w < words->n; w++) {
            uint16_t services[2];

            services_named(p, words->words[w], services);
            if (!ask(p, services, about))
                return false;
        }
    }
    return ask(p, unknown, about) && ask(p, absent, about);
}
