/*
 * world - processes on one cluster under virtual time, and everything that may happen to them
 *
 * Each process is a real runtime with a real processor on a memlog. One seed decides the settings,
 * which kinds of faults this world knows, and every one of them: crash, freeze, a twin started
 * while the first is frozen, silent brokers, slow and lost and late answers, rebalances, clocks
 * that step, offsets moved by tools, compaction, graceful restarts. After a while the faults stop,
 * and all that was fed must be answered within a bound of virtual time.
 */
#ifndef EGW_SIM_WORLD_H
#define EGW_SIM_WORLD_H

#include "checker.h"
#include "plant.h"
#include "subject.h"

/* After the last fault all work ends within so much virtual time. */
enum { WORLD_BOUND_MS = 60000 };

struct world_conf {
    const struct sim_subject *subject;
    uint64_t seed;
    enum plant plant;
    int64_t events; /* to feed; 0: 900 */
    /* Kill the process that comes to the first point, then the one that comes to the second. */
    enum kill_point kill[2];
    FILE *trace; /* NULL: none */
};

struct world_result {
    bool ok;
    char why[600];
    uint64_t trace; /* equal for equal seeds */
    struct checker_counts counts;
    int64_t committed, aborted, recreated, rebalances, crashes, freezes, skipped;
    int64_t virtual_ms;
    int64_t again;              /* outcomes that came out the same once more */
    int64_t healed_ms;          /* from the end of the faults until all work was done */
    int64_t hits[HIT_COUNT];    /* faults that took effect */
    int64_t passed[KILL_COUNT]; /* how often a process came to each point */
    int kills;                  /* of the two asked for */
};

void world_run(const struct world_conf *conf, struct world_result *ret);

#endif
