/*
 * clock - by when a case's next step is due; private to core
 *
 * The policy gives each state of a case its time, by severity, channel and language, counted in
 * a calendar. A case has one clock at a time: that of whoever must act next. It stands in the
 * case's entry, so that it survives restart and take-over.
 */
#ifndef EGW_CLOCK_H
#define EGW_CLOCK_H

#include "terms.h"

struct egw_clock_ask {
    const struct egw_policy *policy;
    const struct egw_facts *facts;
    int32_t action; /* enum egw_action: the state the case is in now */
    struct egw_str code, severity, channel, language;
    const struct egw_terms *terms; /* for limits in the hours promised, or of who delivers */
    int64_t from_ms;
    struct egw_arena *arena;
};

struct egw_clock {
    struct egw_opt_i64 due_at, warn_at;
    struct egw_str calendar;  /* empty: round the clock */
    struct egw_str otherwise; /* event type that due_at stands for; empty: none */
};

/* language: its primary tag. */
bool egw_limit_fits(const struct egw_limit *limit, struct egw_str code, struct egw_str severity,
                    struct egw_str channel, struct egw_str language);
/* The limit that counts for such a case, by action, code, severity, channel and language; NULL:
 * none fits. */
const struct egw_limit *egw_clock_limit(const struct egw_clock_ask *ask);
/* The id of the calendar it is counted in, with those of the statement and of who delivers; empty:
 * round the clock. */
struct egw_str egw_clock_calendar(const struct egw_limit *limit, struct egw_str hours,
                                  struct egw_str shift);
/* No limit fits: *ret has no due time. */
void egw_clock_start(const struct egw_clock_ask *ask, struct egw_clock *ret,
                     struct egw_notes *notes);

#endif
