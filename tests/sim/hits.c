#include "hits.h"

#include <string.h>

static const char *const HITS[HIT_COUNT] = {
    [HIT_DELAY] = "slow request",
    [HIT_OUTAGE] = "silent brokers",
    [HIT_FETCH_STALL] = "stalled fetch",
    [HIT_QUEUE_FULL] = "full send queue",
    [HIT_BEGIN_FATAL] = "fatal begin",
    [HIT_INIT_FATAL] = "fatal init",
    [HIT_ABORT_DELIVERY] = "abort, delivery failed",
    [HIT_ABORT_OFFSETS] = "abort, offsets refused",
    [HIT_ABORT_COMMIT] = "abort, commit refused",
    [HIT_ABORT_FATAL] = "fatal abort",
    [HIT_ABORT_LATE] = "late abort",
    [HIT_COMMIT_LOST] = "lost answer of a commit",
    [HIT_COMMIT_NOWHERE] = "lost commit",
    [HIT_COMMIT_UNHEARD] = "commit nobody heard of",
    [HIT_COMMIT_LATE] = "late commit",
    [HIT_COMMIT_TORN] = "tearing commit, fenced",
    [HIT_MARKER_LATE] = "late marker",
    [HIT_TIMED_OUT] = "transaction timed out",
    [HIT_FENCED] = "fenced producer",
    [HIT_CRASH] = "crash",
    [HIT_CRASH_OPEN] = "crash inside a transaction",
    [HIT_FREEZE_SHORT] = "freeze",
    [HIT_FREEZE_LONG] = "freeze beyond the session",
    [HIT_TWIN] = "twin of one identity",
    [HIT_DRAIN] = "orderly restart",
    [HIT_CLOCK_BACK] = "clock steps back",
    [HIT_CLOCK_FORWARD] = "clock steps forward",
    [HIT_REBALANCE] = "rebalance",
    [HIT_LOST] = "partitions lost",
    [HIT_ZOMBIE_OFFSETS] = "offsets of a zombie",
    [HIT_LOOKUP_RETRY] = "failed look-up",
    [HIT_LOOKUP_PENDING] = "look-up of pending offsets",
    [HIT_LOOKUP_STALE] = "look-up of an older assignment",
    [HIT_REDELIVERED] = "duplicate delivery",
    [HIT_DUPLICATE_EVENT] = "duplicate event",
    [HIT_WRONG_PARTITION] = "event in a wrong partition",
    [HIT_REFERENCE_LATE] = "late reference record",
    [HIT_REFERENCE_BEHIND] = "reference behind the predecessor's",
    [HIT_REFERENCE_OLDER] = "reference record out of order",
    [HIT_ACTIVATION_TWICE] = "activation sent twice",
    [HIT_COMPACTED] = "compaction of state",
    [HIT_TOOL_BACK] = "offsets moved back, skipped",
    [HIT_TOOL_FORWARD] = "offsets moved forward, stopped",
};

static const char *const POINTS[KILL_COUNT] = {
    [KILL_NONE] = "none",
    [KILL_ASSIGN_TOLD] = "assign-told",
    [KILL_LOOKUP_ASKED] = "lookup-asked",
    [KILL_LOOKUP_ANSWERED] = "lookup-answered",
    [KILL_LOOKUP_TOLD] = "lookup-told",
    [KILL_FOLLOW] = "follow-state",
    [KILL_STATE_READ] = "state-read",
    [KILL_STATE_END] = "state-end",
    [KILL_START_BEFORE] = "start-before",
    [KILL_START_AFTER] = "start-after",
    [KILL_REFERENCE_READ] = "reference-read",
    [KILL_INPUT_POLLED] = "input-polled",
    [KILL_DECIDE_BEFORE] = "decide-before",
    [KILL_DECIDE_AFTER] = "decide-after",
    [KILL_TIMER_AFTER] = "timer-after",
    [KILL_FACT_AFTER] = "fact-after",
    [KILL_BEGIN_BEFORE] = "begin-before",
    [KILL_BEGIN_AFTER] = "begin-after",
    [KILL_PRODUCE_BEFORE] = "produce-before",
    [KILL_PRODUCE_HALF] = "produce-half",
    [KILL_PRODUCE_AFTER] = "produce-after",
    [KILL_COMMIT_ASKED] = "commit-asked",
    [KILL_FLUSHED] = "flushed",
    [KILL_OFFSETS_SENT] = "offsets-sent",
    [KILL_END_SENT] = "end-sent",
    [KILL_COMMIT_ENDED] = "commit-ended",
    [KILL_COMMIT_TOLD] = "commit-told",
    [KILL_ABORT_ASKED] = "abort-asked",
    [KILL_ABORT_SENT] = "abort-sent",
    [KILL_ABORT_TOLD] = "abort-told",
    [KILL_INIT_ASKED] = "init-asked",
    [KILL_INIT_ANSWERED] = "init-answered",
    [KILL_INIT_TOLD] = "init-told",
    [KILL_REVOKE_TOLD] = "revoke-told",
    [KILL_RELEASE_BEFORE] = "release-before",
    [KILL_RELEASE_AFTER] = "release-after",
    [KILL_LOST_TOLD] = "lost-told",
};

const char *hit_name(enum hit hit)
{
    return HITS[hit];
}

const char *kill_name(enum kill_point point)
{
    return POINTS[point];
}

bool kill_find(const char *name, enum kill_point *ret)
{
    for (int i = 0; i < KILL_COUNT; i++)
        if (strcmp(POINTS[i], name) == 0) {
            *ret = (enum kill_point)i;
            return true;
        }
    return false;
}
