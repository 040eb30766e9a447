/*
 * faults - all that is wrong with a file or a set of files, collected in one run
 *
 * Each fault is one complete sentence that begins with where it was: "config/x.cfg:14: ...".
 * Bounded: past 200 only the count grows.
 */
#ifndef EGW_FAULTS_H
#define EGW_FAULTS_H

#include <stdio.h>

#include "egw/base.h"

struct egw_faults {
    char **texts;
    size_t n;     /* texts kept */
    size_t total; /* faults seen */
};

/* file may be NULL (no place known); line 0: no line. Cannot fail; without memory only counts. */
void egw_faults_add(struct egw_faults *faults, const char *file, int line, const char *fmt, ...)
    EGW_PRINTF(4, 5);
/* One a line, and "... and N more" where the list was cut. */
void egw_faults_print(const struct egw_faults *faults, FILE *to);
void egw_faults_free(struct egw_faults *faults);

#endif
