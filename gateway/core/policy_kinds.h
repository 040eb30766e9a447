/*
 * policy_kinds - the kinds of cases that limits tell apart
 *
 * Of one action's limits: each combination of the words they name (code, severity, channel,
 * language), and for each of these any other word. Private to the modules that analyse policies.
 */
#ifndef EGW_POLICY_KINDS_H
#define EGW_POLICY_KINDS_H

#include "policy_model.h"

enum {
    EGW_KIND_CODE,
    EGW_KIND_SEVERITY,
    EGW_KIND_CHANNEL,
    EGW_KIND_LANGUAGE,
    EGW_KIND_WORDS,
};

struct egw_kinds {
    int action;
    struct egw_list words[EGW_KIND_WORDS]; /* of struct egw_str, "(any other)" last */
};

/* Of the limits of all these policies. False: no memory. */
bool egw_kinds_gather(const struct egw_policy *const *policies, size_t n, int action,
                      struct egw_arena *arena, struct egw_kinds *ret);
/* From all zero to the last one, which is followed by none. */
bool egw_kinds_next(const struct egw_kinds *kinds, size_t at[EGW_KIND_WORDS]);
struct egw_str egw_kinds_word(const struct egw_kinds *kinds, const size_t at[EGW_KIND_WORDS],
                              size_t which);
/* The limit that counts for the kind; NULL: none does. */
const struct egw_limit *egw_kinds_limit(const struct egw_kinds *kinds,
                                        const struct egw_policy *policy,
                                        const size_t at[EGW_KIND_WORDS]);
/* A language of the cases it is about; empty: any. */
struct egw_str egw_limit_language(const struct egw_limit *limit);
/* Whether a case is due by both at the same time; NULL: at none. */
bool egw_same_limit(const struct egw_limit *a, const struct egw_limit *b);

#endif
