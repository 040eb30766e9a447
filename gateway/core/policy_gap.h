/*
 * policy_gap - whether a stage has a rule for everything; private to the compiler of policies
 */
#ifndef EGW_POLICY_GAP_H
#define EGW_POLICY_GAP_H

#include "policy_search.h"

/*
 * FOUND_SOME: there is a combination of facts that no rule of the stage takes, told in ret_text (in
 * the arena). Combinations that cannot be count as well, so that no mistake about what can be makes
 * a worker meet a gap; one that can be is shown where there is one. UNSURE: out of steps or memory.
 */
enum egw_found egw_stage_gap(const struct egw_policy *policy, size_t stage, struct egw_arena *arena,
                             struct egw_str *ret_text);

#endif
