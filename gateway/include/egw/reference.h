/*
 * reference - one record of the reference topic: its kind, its key, whether its body is fit
 *
 * Pure; any thread.
 */
#ifndef EGW_REFERENCE_H
#define EGW_REFERENCE_H

#include "egw/records.h"

/* Branches of Reference.body, in the schema's order. */
enum egw_reference_kind {
    EGW_REF_PARTNER,
    EGW_REF_RELATION,
    EGW_REF_ACCESS,
    EGW_REF_SUBSCRIPTION,
    EGW_REF_CONTRACT,
    EGW_REF_MEMBERSHIP,
    EGW_REF_PACK,
    EGW_REF_MANAGED_SERVICE,
    EGW_REF_STATEMENT,
    EGW_REF_DELIVERY,
    EGW_REF_CALENDAR,
    EGW_REF_HEALTH_SNAPSHOT,
    EGW_REF_HEALTH_ISSUE,
    EGW_REF_COUNT
};
extern const char
    *const egw_reference_kinds[EGW_REF_COUNT]; /* "partner", "relation", ... as in keys */

/* Whether the body says what its kind must: a statement of support is complete (S38-S41). EGW_OK;
 * EGW_INVALID: reterr says what it lacks. take() and learn() refuse such a record. */
enum egw_status egw_reference_check(const struct egw_reference *reference,
                                    struct egw_error *reterr) EGW_MUST_CHECK;

/* A field whose word nobody decides by: such a fact counts as unknown, mostly for a slip of the
 * pen. False: there is none. The words are fixed; those of a policy (plans, levels) are not looked
 * at. */
bool egw_reference_odd(const struct egw_reference *reference, const char **ret_field,
                       struct egw_str *ret_word);

/* The key a reference body belongs under, as the schema's doc says. EGW_INVALID: a part is empty or
 * holds a slash. */
enum egw_status egw_reference_key(const struct egw_reference *reference, struct egw_buf *ret,
                                  struct egw_error *reterr) EGW_MUST_CHECK;

/* With all it points to, in one block that free() takes; NULL: no memory. */
struct egw_reference *egw_reference_copy(const struct egw_reference *reference);

#endif
