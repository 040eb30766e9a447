/*
 * catalogue_internal - what reading the catalogue, matching it and judging a find share
 */
#ifndef EGW_EDGE_CATALOGUE_INTERNAL_H
#define EGW_EDGE_CATALOGUE_INTERNAL_H

#include <hs/hs.h>

#include "egw/catalogue.h"
#include "egw/buf.h"
#include "egw/table.h"

enum { CODE_LEAST = 3 }; /* shorter ones would be found everywhere */

/* The column `match`, and the spellings that only aliases have. */
enum form {
    FORM_PREFIX,            /* AADSTS50057; AADSTS500571 is another code */
    FORM_HEX,               /* 80070005 of 0x80070005, any case */
    FORM_STATUS,            /* 5.1.1; neither 5.1.10 nor 15.1.1 nor version 5.1.1 */
    FORM_SYMBOL,            /* InvalidSoftMatch, exact case */
    FORM_SYMBOL_IN_CONTEXT, /* NotFound, but only as the code of an error */
    FORM_NUMBER_IN_CONTEXT, /* 800019, likewise */
    FORM_KINDS,
    FORM_DECIMAL = FORM_KINDS, /* -2147024891: a hex code as signed decimal */
    FORM_NONE,
};

/* One spelling of one issue, while the catalogue is being built. */
struct spelling {
    struct egw_str text; /* lower case where case does not matter; hex without 0x */
    enum form form;
    uint32_t issue;
};

/* The catalogue while it is being built: its issues and the spellings to look for. */
struct builder {
    struct egw_arena *texts; /* owns all that is read */
    struct egw_known_issue *issues;
    size_t issue_count, issue_capacity;
    struct egw_faults *faults;
    struct egw_table places; /* id: "file:line" */
    struct spelling *spellings;
    size_t spelling_count, spelling_capacity;
    const char *file;
    int line;
    bool no_memory;
};

/* One literal, and the issues it may mean: meanings[first .. first + count). */
struct signature {
    struct egw_str text;
    enum form form;
    uint32_t first, count;
};

struct egw_catalogue {
    struct egw_arena texts;
    struct egw_known_issue *issues;
    size_t count;
    struct signature *signatures;
    size_t signature_count;
    uint32_t *meanings;
    hs_database_t *database; /* NULL: no literals */
    hs_scratch_t *scratch;
    bool *named;    /* by issue: found in the present text */
    uint32_t *hits; /* those that are named */
};

/* A file's rows, or its faults. */
void catalogue_read(struct builder *b, const struct egw_catalogue_file *file);

/* A spelling that was found. */
struct found {
    struct egw_str text; /* the whole text */
    size_t at, end;      /* where the spelling stands in it */
};
/* Whether it stands alone and means what it seems to. */
bool catalogue_fits(enum form form, const struct found *f);

/* Which of the issues a text names is meant, where the event names that service. */
struct egw_match catalogue_judge(const struct egw_known_issue *issues, const uint32_t *named,
                                 size_t n, struct egw_str service);

static inline bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static inline bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Bytes past ASCII are no word characters: 'エラー0x80070005が' names the code. */
static inline bool is_word(char c)
{
    return is_digit(c) || is_letter(c) || c == '_';
}

static inline bool all_of(struct egw_str s, bool (*is)(char))
{
    for (size_t i = 0; i < s.n; i++) {
        if (!is(s.p[i]))
            return false;
    }
    return s.n > 0;
}

static inline bool caseless(enum form form)
{
    return form == FORM_PREFIX || form == FORM_HEX;
}

#endif
