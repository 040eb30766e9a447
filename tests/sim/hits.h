/*
 * hits - every class of fault and every point to die at that the simulation promises to make
 *
 * Counted where the fault takes effect, not where it is asked for. A run over many seeds that
 * leaves a class at nought has shown nothing about it, and fails (sim --all-hit).
 */
#ifndef EGW_SIM_HITS_H
#define EGW_SIM_HITS_H

#include <stdbool.h>
#include <stdint.h>

enum hit {
    /* requests and brokers */
    HIT_DELAY,       /* a request took long */
    HIT_OUTAGE,      /* brokers silent */
    HIT_FETCH_STALL, /* inputs stood still */
    HIT_QUEUE_FULL,
    HIT_BEGIN_FATAL,
    HIT_INIT_FATAL,
    /* transactions */
    HIT_ABORT_DELIVERY, /* aborted: a record was not delivered */
    HIT_ABORT_OFFSETS,  /* aborted: the offsets were refused */
    HIT_ABORT_COMMIT,   /* aborted: the end was refused */
    HIT_ABORT_FATAL,
    HIT_ABORT_LATE,     /* a copy of an abort came after its end */
    HIT_COMMIT_LOST,    /* applied, the answer was lost, asked again */
    HIT_COMMIT_NOWHERE, /* never applied, and the client gave up */
    HIT_COMMIT_UNHEARD, /* applied, and the client gave up */
    HIT_COMMIT_LATE,    /* a copy of a commit came after its end */
    HIT_COMMIT_TORN,    /* ... when the next producer was there, whose work it would have torn */
    HIT_MARKER_LATE,
    HIT_TIMED_OUT, /* the coordinator aborted a transaction that was too old */
    HIT_FENCED,    /* a producer met a newer epoch of its id */
    /* processes */
    HIT_CRASH,
    HIT_CRASH_OPEN, /* ... inside a transaction */
    HIT_FREEZE_SHORT,
    HIT_FREEZE_LONG, /* beyond the session */
    HIT_TWIN,        /* two processes under one identity */
    HIT_DRAIN,
    HIT_CLOCK_BACK,
    HIT_CLOCK_FORWARD,
    /* the group */
    HIT_REBALANCE,
    HIT_LOST,           /* partitions gone without being asked for */
    HIT_ZOMBIE_OFFSETS, /* offsets of an old generation or member were refused */
    HIT_LOOKUP_RETRY,
    HIT_LOOKUP_PENDING, /* offsets under an open transaction */
    HIT_LOOKUP_STALE,   /* the answer came after the next assignment */
    /* records */
    HIT_REDELIVERED,     /* the port handed a record out twice */
    HIT_DUPLICATE_EVENT, /* an event id came twice */
    HIT_WRONG_PARTITION,
    HIT_REFERENCE_LATE,   /* a process read reference later than the others */
    HIT_REFERENCE_BEHIND, /* at take-over, of what the predecessor knew */
    HIT_REFERENCE_OLDER,  /* a reference record older than the one before it */
    HIT_ACTIVATION_TWICE,
    HIT_COMPACTED, /* state */
    /* tools */
    HIT_TOOL_BACK,    /* offsets behind the position: skipped and counted */
    HIT_TOOL_FORWARD, /* offsets before the position: the partition stopped */
    HIT_COUNT,
};

/* Where a process can die on the way from a record to its commit, and from an assignment to the
 * first record. */
enum kill_point {
    KILL_NONE,
    KILL_ASSIGN_TOLD,
    KILL_LOOKUP_ASKED,
    KILL_LOOKUP_ANSWERED, /* not heard yet */
    KILL_LOOKUP_TOLD,
    KILL_FOLLOW,     /* of a state partition */
    KILL_STATE_READ, /* one record of it */
    KILL_STATE_END,
    KILL_START_BEFORE,
    KILL_START_AFTER,
    KILL_REFERENCE_READ,
    KILL_INPUT_POLLED,
    KILL_DECIDE_BEFORE,
    KILL_DECIDE_AFTER,
    KILL_TIMER_AFTER,
    KILL_FACT_AFTER,
    KILL_BEGIN_BEFORE,
    KILL_BEGIN_AFTER,
    KILL_PRODUCE_BEFORE,
    KILL_PRODUCE_HALF, /* part of the batch was taken */
    KILL_PRODUCE_AFTER,
    KILL_COMMIT_ASKED,
    KILL_FLUSHED,      /* all delivered, no offsets */
    KILL_OFFSETS_SENT, /* ... and the end not asked for */
    KILL_END_SENT,     /* the commit is decided, markers are on their way */
    KILL_COMMIT_ENDED, /* not heard yet */
    KILL_COMMIT_TOLD,  /* heard, nothing done with it */
    KILL_ABORT_ASKED,
    KILL_ABORT_SENT,
    KILL_ABORT_TOLD,
    KILL_INIT_ASKED,
    KILL_INIT_ANSWERED,
    KILL_INIT_TOLD,
    KILL_REVOKE_TOLD,
    KILL_RELEASE_BEFORE,
    KILL_RELEASE_AFTER,
    KILL_LOST_TOLD,
    KILL_COUNT,
};

const char *hit_name(enum hit hit);
const char *kill_name(enum kill_point point);
bool kill_find(const char *name, enum kill_point *ret);

#endif
