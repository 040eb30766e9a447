#include "egw/times.h"

const int64_t egw_times_bounds[EGW_TIMES_BOUNDS] = {1,   2,   5,    10,   20,    50,
                                                    100, 250, 1000, 5000, 15000, 60000};

void egw_times_add(struct egw_times *times, int64_t ms)
{
    size_t i = 0;

    if (ms < 0)
        ms = 0;
    while (i < EGW_TIMES_BOUNDS && ms > egw_times_bounds[i])
        i++;
    times->counts[i]++;
    times->n++;
    times->sum_ms += ms;
}
