/*
 * backtest - a candidate policy over what the log holds: `egw policy backtest` and the limit that
 * `egw policy activate` keeps
 */
#ifndef EGW_WORKERS_BACKTEST_H
#define EGW_WORKERS_BACKTEST_H

#include "activate.h"
#include "cli.h"
#include "egw/backtest.h"

/* Tries the folder's policy on what was decided at since or later; shows progress
 * on a terminal. EGW_OK: the caller ends *ret with egw_backtest_free(). */
enum egw_status egw_backtest_run(const struct egw_settings *settings,
                                 const struct egw_policy_folder *folder, int64_t since,
                                 struct egw_backtest **ret,
                                 struct egw_error *reterr) EGW_MUST_CHECK;

/* Moves, lines and sums for a person, or one JSON object. EGW_OK, EGW_NOMEM. */
enum egw_status egw_backtest_put(struct egw_backtest *backtest, bool json,
                                 struct egw_error *reterr) EGW_MUST_CHECK;

/* --since or --backtest, as a time; false: it is none, and the usage was said. */
bool egw_backtest_since(const struct egw_args *args, const char *option, int64_t *ret_since);
/* --limit, else policy.backtest_limit; false: as above. */
bool egw_backtest_limit(const struct egw_args *args, int64_t *ret_percent);

/* "12 of 40 cases move, limit 5 %" */
enum { EGW_BACKTEST_VERDICT = 160 };
void egw_backtest_verdict(const struct egw_backtest_sums *sums, int64_t percent,
                          char ret[EGW_BACKTEST_VERDICT]);
/* 0 within the limit, 1 over it, 69 where nothing could be checked. */
int egw_backtest_code(const struct egw_backtest_sums *sums, int64_t percent);

#endif
