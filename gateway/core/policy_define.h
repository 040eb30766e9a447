/*
 * policy_define - what two policies mean otherwise, beside their rules
 *
 * Rules test words; what a word stands for (a channel's dates, a service's names, what a form
 * demands, by when a step is due) is defined elsewhere. Each definition that differs is told in a
 * sentence of its own, with the cases it touches. Private to policy_diff.
 */
#ifndef EGW_POLICY_DEFINE_H
#define EGW_POLICY_DEFINE_H

#include "policy_search.h"

/* Adds struct egw_policy_definition, of the two policies of the quest's space. False: no memory. */
bool egw_policy_define(struct egw_quest *quest, struct egw_arena *arena, struct egw_list *ret);

#endif
