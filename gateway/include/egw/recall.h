/*
 * recall - a decision once more, from what its outcome says, and outcomes compared field by field
 *
 * An outcome holds every fact its decision tested, by value. With the policy it names that is all
 * the rules need: the walk is done again and must say the same. What the facts were made of (event,
 * reference records) is not looked at here; that takes a replay (egw/replay.h). Pure; any thread.
 */
#ifndef EGW_RECALL_H
#define EGW_RECALL_H

#include "egw/buf.h"
#include "egw/policy.h"
#include "egw/reference.h"

/* Whether the outcome tells of a walk: one that noted an update, or repeats, decided nothing. */
bool egw_recall_decided(const struct egw_outcome *outcome);

/* The decision part of an outcome: action, code, stage, final, rule, reason, boundary, facts, near
 * misses, channel, mode, service, domain, severity, health, advice, owner. All else is empty. */
struct egw_outcome egw_recall_part(const struct egw_outcome *outcome);

/*
 * The decision part as policy gives it for the facts the outcome holds. issue: the entry of the
 * policy's catalogue that the outcome names as its signature; NULL: none. Lists are the arena's.
 * EGW_OK; EGW_INVALID: the outcome's facts are not this policy's, or are not enough for its rules
 * (reterr says which); EGW_NOMEM.
 */
enum egw_status egw_recall(const struct egw_policy *policy, const struct egw_outcome *outcome,
                           const struct egw_known_issue *issue, struct egw_arena *arena,
                           struct egw_outcome *ret, struct egw_error *reterr) EGW_MUST_CHECK;

/* What was promised with it: due_at, calendar, otherwise, statement, chargeable, price. */
struct egw_outcome egw_recall_terms_part(const struct egw_outcome *outcome);

struct egw_recall_ask {
    const struct egw_policy *policy;
    const struct egw_outcome *outcome;
    /* The last outcome of the case before that named a time; NULL: none is known. */
    const struct egw_outcome *before;
    /* The reference record at that place; NULL: it is no longer kept. */
    const struct egw_reference *(*find)(void *user, struct egw_str key, int64_t offset);
    void *user;
};

/*
 * The same as policy and the records the outcome names give it. Two things an outcome does not say
 * are left open: the case's language (any that limits tell apart may be it), and when the event
 * occurred (the version of the statement is taken from the outcome). EGW_OK; EGW_NOT_FOUND: what it
 * hangs on is no longer kept, reterr says what.
 */
enum egw_status egw_recall_terms(const struct egw_recall_ask *ask, struct egw_arena *arena,
                                 struct egw_outcome *ret, struct egw_error *reterr) EGW_MUST_CHECK;

/* A set of fields of Outcome: bit i is field i of egw_type_outcome. */
typedef uint64_t egw_outcome_fields;

/* The fields in which two outcomes differ, by their bytes. EGW_OK (*ret 0: none), EGW_INVALID: one
 * cannot be written; EGW_NOMEM. */
enum egw_status egw_outcome_differ(const struct egw_outcome *a, const struct egw_outcome *b,
                                   egw_outcome_fields *ret,
                                   struct egw_error *reterr) EGW_MUST_CHECK;

#endif
