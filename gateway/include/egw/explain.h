/*
 * explain - the path of a decision, what it narrowly missed, and what would have led elsewhere
 *
 * Worked out from the facts by value and the rules alone. The changes are the fewest that lead to
 * another result, exact over everything that can come: no event with fewer of its facts changed
 * gets that result. Words that the policy does not know are never proposed. Pure; any thread.
 */
#ifndef EGW_EXPLAIN_H
#define EGW_EXPLAIN_H

#include "egw/policy.h"

/* A rule of the path's stage that stood before the one that fitted, and whose conditions on the
 * event itself all held. */
struct egw_explain_miss {
    size_t rule;           /* for egw_policy_rule() */
    struct egw_str fact;   /* its first condition that failed */
    struct egw_str value;  /* what it was */
    struct egw_str wanted; /* "a or b"; "anything but a" */
    size_t failed;         /* conditions in all */
};

struct egw_explain_step {
    size_t rule;            /* the first of its stage that fits */
    struct egw_list missed; /* of struct egw_explain_miss */
};

struct egw_explain_change {
    struct egw_str fact;
    struct egw_str is;    /* p == NULL: the decision did not look at it, so it may be so already */
    struct egw_str would; /* "a or b"; "anything but a" */
};

/* Another result. */
struct egw_explain_other {
    size_t rule;             /* that would decide */
    struct egw_list changes; /* of struct egw_explain_change, what must change first */
    size_t count;            /* so many must */
};

enum { EGW_EXPLAIN_OTHERS = 5, EGW_EXPLAIN_CHANGES = 4 };

struct egw_explanation {
    struct egw_arena arena;
    struct egw_list path;   /* of struct egw_explain_step, by stage */
    size_t decided_by;      /* the last step's rule, or the demand of its channel's form */
    struct egw_list others; /* of struct egw_explain_other: fewest changes first, each result once,
                             * EGW_EXPLAIN_OTHERS at most, with EGW_EXPLAIN_CHANGES at most */
    bool cut_short;         /* the steps were used up: there may be others, and nearer ones */
};

/* facts: of struct egw_fact, at least all that the walk tests (what an outcome holds, or
 * egw_gather()). EGW_OK; EGW_INVALID: the facts are not this policy's, or not enough; EGW_NOMEM. */
enum egw_status egw_explain(const struct egw_policy *policy, const struct egw_list *facts,
                            int64_t recorded_ms, struct egw_explanation *ret,
                            struct egw_error *reterr) EGW_MUST_CHECK;
void egw_explanation_free(struct egw_explanation *explanation);

#endif
