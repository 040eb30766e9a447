/*
 * times - how often something took how long
 *
 * A histogram over fixed bounds, so that those of several processes can be added up. Whole
 * milliseconds: what a loop measures with the clock it looks at anyway.
 */
#ifndef EGW_TIMES_H
#define EGW_TIMES_H

#include "egw/base.h"

enum { EGW_TIMES_BOUNDS = 12 };

/* In ms, rising. */
extern const int64_t egw_times_bounds[EGW_TIMES_BOUNDS];

struct egw_times {
    uint64_t counts[EGW_TIMES_BOUNDS + 1]; /* [i]: at most bounds[i], over the one before; last:
                                              over all */
    uint64_t n;
    int64_t sum_ms;
};

/* A negative time, of a clock that was set, counts as 0. */
void egw_times_add(struct egw_times *times, int64_t ms);

#endif
