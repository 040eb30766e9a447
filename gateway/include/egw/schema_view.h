/*
 * schema_view - a writer's schema and bytes beside what we read, for a person who looks for the
 * fault
 *
 * Nothing here decides whether a record can be read: that is the plan's (egw/schema.h), whose rules
 * and words this repeats field by field. Bytes are walked by the writer's own schema, so they are
 * seen as far as they go, whatever we make of them. Pure but for the JSON library; any thread.
 */
#ifndef EGW_SCHEMA_VIEW_H
#define EGW_SCHEMA_VIEW_H

#include "egw/schema.h"

enum egw_difference_kind {
    EGW_FIELD_MISSING, /* we need it, the writer has none */
    EGW_FIELD_UNFIT,   /* the writer's type cannot be read as ours */
    EGW_FIELD_DEFAULT, /* the writer has none: it gets its default */
    EGW_FIELD_DROPPED, /* only the writer has it */
    EGW_FIELD_KINDS
};
extern const char *const egw_difference_names[EGW_FIELD_KINDS]; /* "missing", ... */

struct egw_difference {
    enum egw_difference_kind kind;
    struct egw_str field, why; /* why: EGW_FIELD_UNFIT */
};

/* How a writer's record differs from reader, the worst first: a list of egw_difference in the
 * arena. EGW_OK, EGW_INVALID (it is no schema of a record), EGW_NOMEM. */
enum egw_status egw_schema_differences(struct egw_str writer_json, const struct egw_type *reader,
                                       struct egw_arena *arena, struct egw_list *ret,
                                       struct egw_error *reterr) EGW_MUST_CHECK;

enum { EGW_VIEW_MAX = 4096 }; /* values shown of one record */

struct egw_seen {
    size_t at;                  /* byte of the body at which the value begins */
    struct egw_str path, value; /* text of numbers and words; bytes as they are */
};

/* The values of body one by one, by the writer's schema: a list of egw_seen in the arena. EGW_OK:
 * it was read to its end; EGW_INVALID: as far as *ret goes, and reterr says at which field and byte
 * and why it goes no further; EGW_NOMEM. */
enum egw_status egw_schema_walk(struct egw_str writer_json, struct egw_str body,
                                struct egw_arena *arena, struct egw_list *ret,
                                struct egw_error *reterr) EGW_MUST_CHECK;

#endif
