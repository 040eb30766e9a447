/*
 * policy_assumed - a case that shows what an assumption decides; private to policy_lint
 */
#ifndef EGW_POLICY_ASSUMED_H
#define EGW_POLICY_ASSUMED_H

#include "policy_search.h"

/* By the policy's assumptions; one without facts has no case. False: no memory. */
bool egw_show_assumed(struct egw_quest *quest, struct egw_arena *arena,
                      const struct egw_example **ret);

#endif
