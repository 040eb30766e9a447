/*
 * dead_verbs - what the verbs of `egw dead` share
 */
#ifndef EGW_DEAD_VERBS_H
#define EGW_DEAD_VERBS_H

#include "cli.h"
#include "letters.h"

/* As egw_json_text(); a text that is not there is null, and not the first member. */
enum egw_status egw_dead_text(struct egw_buf *out, const char *name, struct egw_str text);
/* {"id":"3/12","class":...: what list tells of a letter, the object left open. */
enum egw_status egw_dead_head(struct egw_buf *out, const struct egw_letter *letter);

int egw_dead_show(struct egw_args *args, const struct egw_letter *letter);

#endif
