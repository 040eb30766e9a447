/*
 * show - outcomes for a person
 *
 * One block an outcome: the first line says when, what and about which case; the lines below say
 * only what the outcome holds. Values come from outside and are shown so that they can neither
 * steer a terminal nor fake a line.
 */
#ifndef EGW_SHOW_H
#define EGW_SHOW_H

#include <stdio.h>

#include "egw/records.h"

enum egw_detail {
    EGW_DETAIL_DESK,  /* what the desk needs: what happened, why, what next */
    EGW_DETAIL_PATH,  /* and how it was found: stage, rule, facts, near misses, sources */
    EGW_DETAIL_WHOLE, /* and where it came from: trigger, chain, digests */
};

void egw_show_outcome(const struct egw_outcome *outcome, enum egw_detail detail, FILE *to);
/* Stage, rule, facts, near misses, sources: the indented lines only. */
void egw_show_path(const struct egw_outcome *outcome, FILE *to);
/* "HANDOFF" or "BASELINE/REMEDY" */
void egw_show_action(const struct egw_outcome *outcome, FILE *to);
/* "partner/customer/case", as far as known */
void egw_show_case(const struct egw_outcome *outcome, FILE *to);
/* Whether the outcome is of the case asked for: as above, or by the case's own id alone. */
bool egw_names_case(struct egw_str asked, const struct egw_outcome *outcome);

/* The name of an action, or "?" for a number no action has. */
const char *egw_action_name(int32_t action);

#endif
