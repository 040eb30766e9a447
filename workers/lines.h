/*
 * lines - the lines of a file somebody hands in, bounded
 *
 * A line past the limit costs itself, not the memory of the machine nor the lines after it.
 */
#ifndef EGW_LINES_H
#define EGW_LINES_H

#include <stdio.h>

#include "egw/buf.h"

enum { EGW_LINE_MAX = 8 << 20 };

struct egw_lines {
    const char *name; /* "-" is shown as <stdin> */
    int line;         /* of the text last returned, from 1 */
    FILE *file;
    struct egw_buf buf;
    size_t at;
    bool ended;
};

/* path "-": standard input. EGW_OK, EGW_IO. */
enum egw_status egw_lines_open(struct egw_lines *lines, const char *path,
                               struct egw_error *reterr) EGW_MUST_CHECK;
/* The next line that is not blank, without its end. EGW_OK; EGW_NOT_FOUND: the end; EGW_INVALID:
 * the line is longer than EGW_LINE_MAX and was skipped; EGW_IO; EGW_NOMEM. Lives until the next
 * call. */
enum egw_status egw_lines_next(struct egw_lines *lines, struct egw_str *ret,
                               struct egw_error *reterr) EGW_MUST_CHECK;
void egw_lines_close(struct egw_lines *lines);

#endif
