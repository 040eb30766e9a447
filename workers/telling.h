/*
 * telling - why an event went where it went, in words of the service desk
 *
 * The path through the stages, the rules it narrowly missed, and what would have had to be
 * otherwise for another result.
 */
#ifndef EGW_TELLING_H
#define EGW_TELLING_H

#include <stdio.h>

#include "egw/explain.h"

void egw_tell(const struct egw_policy *policy, const struct egw_explanation *explanation, FILE *to);
/* "path":[...],"instead":[...],"cut_short":false. EGW_OK, EGW_NOMEM. */
enum egw_status egw_tell_json(const struct egw_policy *policy,
                              const struct egw_explanation *explanation,
                              struct egw_buf *out) EGW_MUST_CHECK;

#endif
