/* A policy's source, checked as a whole and turned into tables of bits. */
#include <stdlib.h>

#include "policy_compile.h"

static int by_place(const void *a, const void *b)
{
    const struct egw_assumption *x = a, *y = b;
    int c = egw_str_cmp(x->file, y->file);

    return c ? c : (x->line > y->line) - (x->line < y->line);
}

enum egw_status egw_policy_build(struct egw_policy_source *source, const struct egw_sha256 *hash,
                                 struct egw_catalogue *catalogue,
                                 void (*catalogue_free)(struct egw_catalogue *catalogue),
                                 struct egw_policy **ret, struct egw_faults *faults)
{
    struct egw_policy *policy = calloc(1, sizeof(*policy));
    struct egw_compile c = {source, policy, faults, false};

    if (!policy) {
        egw_arena_free(&source->arena);
        if (catalogue)
            catalogue_free(catalogue);
        return EGW_NOMEM;
    }
    policy->arena = source->arena;
    source->arena = (struct egw_arena){0};
    policy->hash = *hash;
    policy->catalogue = catalogue;
    policy->catalogue_free = catalogue_free;
    policy->slack_ms = source->slack_ms;
    policy->horizon_ms = source->horizon_ms;
    policy->active = egw_compile_texts(&c, &source->active);
    policy->active_count = source->active.n;
    policy->operational = egw_compile_texts(&c, &source->operational);
    policy->operational_count = source->operational.n;
    policy->unanswered = egw_compile_texts(&c, &source->unanswered);
    policy->unanswered_count = source->unanswered.n;
    egw_compile_facts(&c);
    if (!c.nomem) {
        egw_compile_lists(&c);
        egw_compile_times(&c);
        egw_compile_rules(&c);
    }
    if (c.nomem || faults->total) {
        egw_policy_free(policy);
        return c.nomem ? EGW_NOMEM : EGW_INVALID;
    }
    if (policy->assumption_count)
        qsort(policy->assumptions, policy->assumption_count, sizeof(*policy->assumptions),
              by_place);
    *ret = policy;
    return EGW_OK;
}
