/*
 * policy_trial - small policies of random rules, for tests that try everything that can come to
 * them
 */
#ifndef EGW_TEST_POLICY_TRIAL_H
#define EGW_TEST_POLICY_TRIAL_H

#include "support.h"

#include "../../gateway/core/policy_model.h"
#include "egw/policy_diff.h"
#include "policy_random.h"

/* Without a gap; the caller frees it. */
static inline struct egw_policy *trial_policy(uint64_t seed, int rules)
{
    struct egw_policy *policy = NULL;
    struct egw_faults faults = {0};

    if (small_policy(seed, rules, true, &policy, &faults)) {
        egw_faults_print(&faults, stderr);
        fail();
    }
    return policy;
}

/* The rule that ends the walk of the values, found by asking stage after stage. */
static inline size_t trial_decider(const struct egw_policy *policy, const uint16_t *values)
{
    for (size_t s = 0; s < EGW_STAGES; s++) {
        const struct egw_stage_table *stage = &policy->stages[s];
        uint64_t near[64];
        size_t rule = stage->first + egw_stage_match(stage, values, near);

        if (policy->rules[rule].view.action >= 0)
            return rule;
    }
    fail();
    return 0;
}

/* Whether the move from the one rule to the other is told. */
static inline bool trial_tells(const struct egw_policy_diff *diff, size_t before, size_t after)
{
    const struct egw_policy_move *moves = diff->moves.p;

    for (size_t i = 0; i < diff->moves.n; i++) {
        if (moves[i].old_rule == before && moves[i].new_rule == after)
            return true;
    }
    return false;
}

#endif
