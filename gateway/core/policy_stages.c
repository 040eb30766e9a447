/* The table of a stage: which of its rules accept each value of each fact, in each era. */
#include <stdlib.h>

#include "policy_compile.h"
#include "policy_gap.h"

enum { RULES_MAX = 2048 };

static int by_time(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

void egw_compile_eras(struct egw_compile *c)
{
    const struct egw_source_rule *rules = c->source->rules.p;
    struct egw_policy *p = c->policy;
    size_t n = 0;

    p->eras = egw_compile_array(c, 2 * (c->source->rules.n + p->channel_count), sizeof(*p->eras));
    for (size_t i = 0; p->eras && i < p->channel_count; i++) {
        if (p->channels[i].since.has)
            p->eras[n++] = p->channels[i].since.v;
        if (p->channels[i].until.has)
            p->eras[n++] = p->channels[i].until.v;
    }
    for (size_t i = 0; p->eras && i < c->source->rules.n; i++) {
        if (rules[i].since.has)
            p->eras[n++] = rules[i].since.v;
        if (rules[i].until.has)
            p->eras[n++] = rules[i].until.v;
    }
    if (n)
        qsort(p->eras, n, sizeof(*p->eras), by_time);
    for (size_t i = 0; i < n; i++) {
        if (!p->era_count || p->eras[p->era_count - 1] != p->eras[i])
            p->eras[p->era_count++] = p->eras[i];
    }
    p->facts[EGW_F_ERA].value_count = p->era_count + 1;
}

/* Era i lies before boundary i; the last one has no end. */
static bool in_force(const struct egw_policy *p, const struct egw_source_rule *rule, size_t era)
{
    int64_t begins = era ? p->eras[era - 1] : INT64_MIN;

    return (!rule->since.has || begins >= rule->since.v) &&
           (!rule->until.has || begins < rule->until.v);
}

/* ---- stages ---- */

static bool rule_accepts(const struct egw_rule *rule, unsigned fact, size_t value)
{
    for (size_t i = 0; i < rule->when_count; i++) {
        if (rule->when[i].fact == fact && !bit_is(rule->when[i].accepts, value))
            return false;
    }
    return true;
}

/* Rows of the values of one fact; values that no rule tells apart share theirs. */
static void make_rows(struct egw_compile *c, struct egw_stage_table *stage, unsigned fact,
                      const struct egw_source_rule *const *written)
{
    const struct egw_policy *p = c->policy;
    size_t values = p->facts[fact].value_count;
    const uint64_t **row = egw_compile_array(c, values, sizeof(*row));

    for (size_t v = 0; row && v < values; v++) {
        uint64_t *fresh = egw_compile_array(c, stage->words, sizeof(*fresh));

        if (!fresh)
            return;
        for (size_t r = 0; r < stage->count; r++) {
            bool accepts = fact == EGW_F_ERA ? in_force(p, written[r], v)
                                             : rule_accepts(&p->rules[stage->first + r], fact, v);

            if (accepts)
                bit_set(fresh, r);
        }
        row[v] = fresh;
        for (size_t k = 0; k < v; k++) {
            if (memcmp(row[k], fresh, stage->words * sizeof(*fresh)) == 0) {
                row[v] = row[k];
                break;
            }
        }
    }
    stage->tested[stage->tested_count++] = (struct egw_tested){fact, row};
    if (fact < EGW_F_CUSTOMER)
        stage->event_count++;
    if (fact != EGW_F_ERA)
        stage->facts |= UINT64_C(1) << fact;
}

static bool stage_tests(const struct egw_compile *c, const struct egw_stage_table *stage,
                        unsigned fact)
{
    if (fact == EGW_F_ERA) /* also where nothing else is tested: the unused bits must be masked */
        return true;
    for (size_t r = 0; r < stage->count; r++) {
        const struct egw_rule *rule = &c->policy->rules[stage->first + r];

        for (size_t i = 0; i < rule->when_count; i++) {
            if (rule->when[i].fact == fact)
                return true;
        }
    }
    return false;
}

void egw_compile_stage(struct egw_compile *c, struct egw_stage_table *stage, int32_t number,
                       const struct egw_source_rule *const *written)
{
    size_t words = (stage->count + 63) / 64;

    if (!stage->count) {
        egw_faults_add(c->faults, NULL, 0, "stage %s has no rules", egw_stage_names[number]);
        return;
    }
    if (stage->count > RULES_MAX) {
        egw_faults_add(c->faults, NULL, 0, "stage %s has %zu rules, more than %d",
                       egw_stage_names[number], stage->count, RULES_MAX);
        return;
    }
    for (size_t r = 0; r + 1 < stage->count; r++) {
        if (!written[r]->when.n && !written[r]->since.has && !written[r]->until.has)
            FAULT(c, written[r]->at, "rule \"%.*s\" takes every event: no rule after it can decide",
                  EGW_FMT(written[r]->id));
    }
    stage->words = (words + EGW_ROW_BLOCK - 1) / EGW_ROW_BLOCK * EGW_ROW_BLOCK;
    for (unsigned fact = 0; fact < c->policy->fact_count && !c->nomem; fact++) {
        if (stage_tests(c, stage, fact))
            make_rows(c, stage, fact, written);
    }
}

/* No event may meet a stage that has no rule for it. A last rule without conditions shows it; where
 * there is none, all that can come is searched. */
void egw_compile_cover(struct egw_compile *c, const struct egw_stage_table *stage, int32_t number,
                       const struct egw_source_rule *const *written)
{
    const struct egw_source_rule *last;
    struct egw_str gap;

    if (!stage->tested_count) /* at fault already */
        return;
    last = written[stage->count - 1];
    if (!last->when.n && !last->since.has && !last->until.has)
        return;
    switch (
        egw_stage_gap(c->policy, (size_t)(number - EGW_STAGE_VALIDITY), &c->policy->arena, &gap)) {
    case EGW_FOUND_NONE:
        break;
    case EGW_FOUND_SOME:
        FAULT(c, last->at, "stage %s does not cover every event: no rule takes one with %.*s",
              egw_stage_names[number], EGW_FMT(gap));
        break;
    case EGW_FOUND_UNSURE:
        FAULT(
            c, last->at,
            "stage %s cannot be shown to cover every event: end it with a rule without conditions",
            egw_stage_names[number]);
        break;
    }
}
