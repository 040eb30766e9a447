#include "lines.h"

#include <errno.h>

enum { CHUNK = 1 << 18 };

enum egw_status egw_lines_open(struct egw_lines *lines, const char *path, struct egw_error *reterr)
{
    bool standard = strcmp(path, "-") == 0;

    *lines = (struct egw_lines){.name = standard ? "<stdin>" : path,
                                .file = standard ? stdin : fopen(path, "re"),
                                .buf = {.max = (size_t)EGW_LINE_MAX + CHUNK}};
    if (!lines->file)
        return egw_error_set(reterr, EGW_IO, "cannot open %s: %s", path, strerror(errno));
    return EGW_OK;
}

/* Bring more bytes behind what is left of the buffer. */
static enum egw_status fill(struct egw_lines *lines, struct egw_error *reterr)
{
    size_t left = lines->buf.n - lines->at;
    size_t n;

    if (lines->at > 0 && left > 0)
        memmove(lines->buf.p, lines->buf.p + lines->at, left);
    lines->buf.n = left;
    lines->at = 0;
    if (egw_buf_reserve(&lines->buf, CHUNK))
        return egw_error_set(reterr, EGW_NOMEM, "no memory for a line of %s", lines->name);
    n = fread(lines->buf.p + lines->buf.n, 1, CHUNK, lines->file);
    if (n == 0 && ferror(lines->file))
        return egw_error_set(reterr, EGW_IO, "cannot read %s: %s", lines->name, strerror(errno));
    lines->buf.n += n;
    lines->ended = n == 0;
    return EGW_OK;
}

/* One line, blank or not. A line past the limit is dropped piece by piece while it is read. */
static enum egw_status take_line(struct egw_lines *lines, struct egw_str *ret,
                                 struct egw_error *reterr)
{
    size_t seen = 0;
    bool too_long = false;

    for (;;) {
        char *from = lines->buf.p ? (char *)lines->buf.p + lines->at : NULL;
        size_t n = lines->buf.n - lines->at;
        char *end = n > seen ? memchr(from + seen, '\n', n - seen) : NULL;
        enum egw_status st;

        if (end || (lines->ended && (n > 0 || too_long))) {
            size_t length = end ? (size_t)(end - from) : n;

            lines->at += length + (end ? 1 : 0);
            lines->line++;
            if (too_long || length > EGW_LINE_MAX)
                return egw_error_set(reterr, EGW_INVALID, "the line is longer than %d bytes",
                                     EGW_LINE_MAX);
            *ret = (struct egw_str){from, length};
            return EGW_OK;
        }
        if (lines->ended)
            return EGW_NOT_FOUND;
        seen = n;
        if (n > EGW_LINE_MAX) {
            too_long = true;
            lines->at = lines->buf.n;
            seen = 0;
        }
        st = fill(lines, reterr);
        if (st)
            return st;
    }
}

enum egw_status egw_lines_next(struct egw_lines *lines, struct egw_str *ret,
                               struct egw_error *reterr)
{
    enum egw_status st;

    do {
        st = take_line(lines, ret, reterr);
        while (!st && ret->n > 0 && ret->p[ret->n - 1] && strchr(" \t\r", ret->p[ret->n - 1]))
            ret->n--; /* a zero byte is no blank: of such a file all would be */
    } while (!st && ret->n == 0);
    return st;
}

void egw_lines_close(struct egw_lines *lines)
{
    if (lines->file && lines->file != stdin)
        (void)fclose(lines->file);
    lines->file = NULL;
    egw_buf_free(&lines->buf);
}
