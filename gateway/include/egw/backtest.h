/*
 * backtest - what a candidate policy moves, counted over recorded decisions
 *
 * One-step: each recorded input was decided by the candidate in the state that was then, and the
 * recorded course went on. What a moved case would have met later is not in the counts. What could
 * not be decided again is counted apart, never as the same. Pure; one thread.
 */
#ifndef EGW_BACKTEST_H
#define EGW_BACKTEST_H

#include "egw/base.h"
#include "egw/records.h"

struct egw_backtest;

enum egw_status egw_backtest_new(struct egw_backtest **ret,
                                 struct egw_error *reterr) EGW_MUST_CHECK;
void egw_backtest_free(struct egw_backtest *backtest); /* NULL is allowed */

/* One side of a comparison. counted: its channel takes an incident from a pack. */
struct egw_backtest_side {
    const struct egw_outcome *outcome;
    bool counted;
};

/* Repeats, activations and what is about no case do not depend on the rules: false. */
bool egw_backtest_concerns(const struct egw_outcome *outcome);
/* EGW_OK, EGW_NOMEM, EGW_INVALID (an outcome cannot be compared). */
enum egw_status egw_backtest_compare(struct egw_backtest *backtest,
                                     const struct egw_backtest_side *was,
                                     const struct egw_backtest_side *becomes,
                                     struct egw_error *reterr) EGW_MUST_CHECK;
enum egw_status egw_backtest_unchecked(struct egw_backtest *backtest, const char *why,
                                       struct egw_error *reterr) EGW_MUST_CHECK;

/* ---- what came of it: once moves or lines were asked for, nothing more is counted ---- */

struct egw_backtest_sums {
    uint64_t same;   /* steps with the same answer in the same words */
    uint64_t retold; /* the same answer by another rule, in other words, times or hands */
    uint64_t moved;
    uint64_t undecided; /* neither side tells of a decision by rules: a note, a number */
    uint64_t unchecked;
    uint64_t cases;       /* with a step that was checked */
    uint64_t cases_moved; /* with a step that moved */
    uint64_t contacts[2], incidents[2],
        priced[2]; /* with Microsoft: as recorded, as the candidate */
};
struct egw_backtest_sums egw_backtest_sums(const struct egw_backtest *backtest);
/* Whether more than percent of the cases moved. */
bool egw_backtest_over(const struct egw_backtest_sums *sums, int64_t percent);

/* What a case was told. severity, chargeable and price are empty where both sides agree on them. */
struct egw_backtest_answer {
    int32_t action; /* enum egw_action */
    struct egw_str code, channel, mode, severity, price;
    struct egw_opt_bool chargeable;
};

struct egw_backtest_move {
    struct egw_backtest_answer was, becomes;
    uint64_t n;
    /* of the first one */
    struct egw_str was_rule, becomes_rule, partner, customer, case_id, chain;
    int64_t seq;
};

enum egw_backtest_by {
    EGW_BACKTEST_CUSTOMER, /* partner/customer */
    EGW_BACKTEST_SEVERITY,
    EGW_BACKTEST_CHANNEL,
    EGW_BACKTEST_PRICE, /* of priced contacts only */
    EGW_BACKTEST_WHY,   /* not checked, by reason: steps only */
};
enum { EGW_BACKTEST_BYS = EGW_BACKTEST_WHY + 1 };

struct egw_backtest_line {
    struct egw_str name;   /* empty: none was said */
    uint64_t steps, moved; /* by what the recorded outcome says */
    uint64_t contacts[2];  /* each side by what it says itself */
};

/* Most steps first; then in the order of chains. */
const struct egw_backtest_move *egw_backtest_moves(struct egw_backtest *backtest, size_t *ret_n);
/* Most moved first, then most steps, then by name. */
const struct egw_backtest_line *egw_backtest_lines(struct egw_backtest *backtest,
                                                   enum egw_backtest_by by, size_t *ret_n);

#endif
