/*
 * base - statuses, errors, string views, clean-up: what every module speaks
 *
 * A status names the caller's next move, an error holds the sentence. Reporting cannot fail: the
 * text lives in a fixed buffer of the caller's. Functions never log; whoever cannot return the
 * fault any further logs it, once.
 */
#ifndef EGW_BASE_H
#define EGW_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define EGW_MUST_CHECK   __attribute__((warn_unused_result))
#define EGW_PRINTF(f, a) __attribute__((format(printf, f, a)))
#define EGW_CLEANUP(fn)  __attribute__((cleanup(fn)))
#define EGW_COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define EGW_UNUSED       __attribute__((unused))
/* The build zeroes locals. Not this one: it is large, on the hot path, and written before it is
 * read. */
#define EGW_SCRATCH __attribute__((uninitialized))

enum egw_status {
    EGW_OK = 0,
    EGW_INVALID,   /* the input is wrong and will stay wrong: refuse it, go on */
    EGW_NOT_FOUND, /* a definite "there is none" */
    EGW_RETRY,     /* nothing was done; the same call may succeed later */
    EGW_ABORT,     /* the transaction cannot commit: abort and rewind */
    EGW_FENCED,    /* another process has our identity, or the session is gone: restart */
    EGW_FATAL,     /* this handle is of no use any more: make a new one */
    EGW_NOMEM,     /* no memory, or a stated ceiling was reached */
    EGW_DENIED,    /* no permission */
    EGW_IO,        /* a file or a peer failed */
};

const char *egw_status_name(enum egw_status st);

enum { EGW_ERROR_TEXT = 512 };

struct egw_error {
    enum egw_status status;
    char text[EGW_ERROR_TEXT]; /* complete sentence: lower case, no full stop, failure first */
};

/* Fill *err (NULL is allowed) and hand st back, so that `return egw_error_set(...)` reads well. */
enum egw_status egw_error_set(struct egw_error *err, enum egw_status st, const char *fmt, ...)
    EGW_PRINTF(3, 4);
/* Put "text: " before what *err already says; returns st. */
enum egw_status egw_error_prefix(struct egw_error *err, enum egw_status st, const char *fmt, ...)
    EGW_PRINTF(3, 4);

/* What errno says of a file or socket that could not be opened or read. EGW_IO: its name leads
 * nowhere, or it is not ours to read. EGW_RETRY: the machine could not, the same call may succeed
 * later. */
enum egw_status egw_file_status(int error);

/* A view of bytes somebody else owns. p == NULL is "absent"; an empty text has p != NULL. */
struct egw_str {
    const char *p;
    size_t n;
};

#define EGW_STR(literal) ((struct egw_str){(literal), sizeof(literal) - 1})
#define EGW_STR_NONE     ((struct egw_str){NULL, 0})
/* For printf: "%.*s", EGW_FMT(s) */
#define EGW_FMT(s) (int)((s).n > 1024 ? 1024 : (s).n), ((s).p ? (s).p : "")

static inline struct egw_str egw_str_of(const char *text)
{
    return text ? (struct egw_str){text, strlen(text)} : EGW_STR_NONE;
}

static inline bool egw_str_eq(struct egw_str a, struct egw_str b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static inline bool egw_str_is(struct egw_str a, const char *text)
{
    return a.p && a.n == strlen(text) && memcmp(a.p, text, a.n) == 0;
}

/* Without case (ASCII). */
bool egw_str_same(struct egw_str a, struct egw_str b);

static inline bool egw_str_begins(struct egw_str s, struct egw_str with)
{
    return s.n >= with.n && (with.n == 0 || memcmp(s.p, with.p, with.n) == 0);
}

/* Byte order; a shorter prefix comes first. */
int egw_str_cmp(struct egw_str a, struct egw_str b);
/* Takes what stands before the first separator off *rest, and the separator; all of it where there
 * is none. */
struct egw_str egw_str_take(struct egw_str *rest, char separator);

/* True when all of s is well-formed UTF-8 (no surrogates, no over-long forms). */
bool egw_utf8_valid(struct egw_str s);

/* Parse all of s as a decimal number in [min, max]; false leaves *ret as it was. */
bool egw_parse_i64(struct egw_str s, int64_t min, int64_t max, int64_t *ret);

/* ISO 8601 UTC with milliseconds, "2026-01-05T08:10:00.000Z". out holds EGW_TIME_TEXT bytes. */
enum { EGW_TIME_TEXT = 40 };
void egw_time_format(int64_t ms, char out[EGW_TIME_TEXT]);
/* Reads a date ("2026-01-05": midnight) or date-time with Z or offset. False: not such a text. */
bool egw_time_parse(struct egw_str s, int64_t *ret_ms);

#endif
