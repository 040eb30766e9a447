/*
 * dead_verbs - verbs of `egw dead` that have a file of their own
 */
#ifndef EGW_DEAD_VERBS_H
#define EGW_DEAD_VERBS_H

#include "cli.h"
#include "letters.h"

/* Returns an exit code. */
int egw_dead_show(struct egw_args *args, const struct egw_letter *letter);

#endif
