/*
 * runtime - executes a processor over a log: transactions, rebalance, abort, rewind, restore, drain
 *
 * The only place that executes effects. It owns the transaction and the state of the partitions
 * assigned to it, and knows nothing of what a step decides. It includes no outside library: log,
 * clock and helper thread are behind egw/log.h.
 *
 * Life of a partition:
 *   ASSIGN -> LOOKUP (committed offsets, ends) -> follow the state partition to its end -> compare
 *   position and offsets (rules page, 5) -> wait until reference has been read as far as the
 *   predecessor had -> start inputs -> ... -> REVOKE: commit what is decided, release.
 *
 * Life of a batch: steps add effects to the deciding batch. When it is due (80 ms, 50,000 records,
 * 32 MiB) and no transaction is under way it closes: begin, produce, and a COMMIT job; meanwhile
 * the next batch is decided on top of it. Committed: its state changes join the base. Aborted: both
 * batches are dropped and every partition rewinds to its committed position.
 *
 * Threading: one thread calls everything here.
 */
#ifndef EGW_RUNTIME_H
#define EGW_RUNTIME_H

#include "egw/log.h"
#include "egw/processor.h"
#include "egw/times.h"

struct egw_runtime;

enum egw_stop {
    EGW_STOP_NO,    /* running */
    EGW_STOP_DRAIN, /* no new inputs; what is decided commits */
    EGW_STOP_NOW,   /* the open transaction is left to be aborted */
};

/* What happened, for the log lines and counters of whoever owns the process. */
enum egw_note_kind {
    EGW_NOTE_ASSIGNED,
    EGW_NOTE_REVOKED,
    EGW_NOTE_LOST,
    EGW_NOTE_RESTORED,         /* partition; a: entries, b: ms it took */
    EGW_NOTE_BEGUN,            /* a transaction is open. a: outputs */
    EGW_NOTE_COMMITTED,        /* a: outputs, b: ms from begin to done */
    EGW_NOTE_ABORTED,          /* error: why */
    EGW_NOTE_RECREATED,        /* error: why */
    EGW_NOTE_SKIPPED,          /* partition; a: committed offset found, b: position resumed at */
    EGW_NOTE_PARTITION_HALTED, /* partition; error: why. Stays so until it is assigned anew */
    EGW_NOTE_WAITING,          /* partition waits (policy, schema): error: for what */
    EGW_NOTE_GOES_ON,          /* partition: what it waited with (input, timer, fact) was decided */
    EGW_NOTE_UNUSABLE,         /* a reference or policy record was skipped: error */
    EGW_NOTE_READY,            /* every assigned partition runs */
    EGW_NOTE_TURN_SLOW,        /* a: ms of one loop turn */
};

struct egw_note {
    enum egw_note_kind kind;
    int32_t partition; /* -1: none */
    int64_t a, b;
    const struct egw_error *error; /* NULL: none */
};

/* Why a producer was made anew. */
enum egw_recreation {
    EGW_RECREATED_COMMIT_DOUBTFUL, /* it stands, but a late request of it may be on its way */
    EGW_RECREATED_ABORT_DOUBTFUL,
    EGW_RECREATED_COMMIT_UNKNOWN, /* nobody knows whether it stands: state is read again */
    EGW_RECREATED_ABORT_FAILED,
    EGW_RECREATED_BEGIN_FAILED,
    EGW_RECREATED_PRODUCE_FAILED,
    EGW_RECREATED_INIT_FAILED,
    EGW_RECREATIONS
};

/* All but the gauges only grow. Steps and what they left are counted again when a transaction
 * aborted and they came again, unless it says committed. */
struct egw_runtime_stats {
    uint64_t inputs, steps, outputs, committed, aborted, recreated, rebalances, skipped, lost;
    uint64_t timers, facts;
    uint64_t steps_committed; /* of steps: those whose transaction has committed */
    uint64_t unknown;         /* transactions whose commit was asked for and not answered */
    uint64_t abandoned;       /* and those left open for the next producer to end */
    uint64_t recreated_by[EGW_RECREATIONS];
    uint64_t unusable;         /* reference and policy records that could not be read */
    struct egw_times commits;  /* from begin to the end of the commit */
    struct egw_times restores; /* from assigned to running, a partition */
    struct egw_times turns;    /* of the loop, without its sleep */
    uint64_t surveys;          /* whole rounds of egw_runtime_survey() */

    /* gauges */
    int64_t open_since_ms; /* mono; 0: no transaction open */
    size_t state_entries, state_bytes;
    size_t partitions_running, partitions_assigned, partitions_halted;
    size_t partitions_waiting;   /* of those that run: a step of theirs said RETRY */
    int64_t oldest_undecided_ms; /* Unix ms, of the oldest input seen and not committed; 0: none */
    size_t entries_stuck;        /* by the last survey: entries that wait for something outside */
    int64_t oldest_stuck_ms;     /* since when the longest of them does; 0: none */
    bool assigned, stopping;
};

struct egw_runtime_lag {
    size_t input;
    int32_t partition;
    int64_t records; /* between the committed position and the end of the log */
};

struct egw_runtime_conf {
    const char *const *input_names; /* written into positions, in order of the log's input table */
    size_t input_count;
    int state_topic; /* indices in the log's table of names */
    int reference_topic;
    int policy_topic;
    int32_t partition_count;
    const struct egw_plans *plans;     /* reads position entries */
    const struct egw_framing *framing; /* writes them */
    int64_t batch_ms;                  /* default 80 */
    size_t batch_records;              /* default 50,000 */
    size_t batch_bytes;                /* default 32 MiB */
    int64_t rest_ms;    /* between a commit and the next begin: the broker writes its markers */
    int64_t settle_ms;  /* transaction timeout + sweep: how long a late marker may take */
    size_t recreations; /* most in recreations_ms before giving up; default 10 in 600,000 */
    int64_t recreations_ms;
    size_t tallies; /* most that a record's tally may be, and 1 */
    void (*note)(void *user, const struct egw_note *note);
    void *user;
};

/* The processor and log must outlive the runtime. EGW_OK, EGW_NOMEM, EGW_INVALID. */
enum egw_status egw_runtime_new(const struct egw_runtime_conf *conf, struct egw_log log,
                                const struct egw_processor *processor, struct egw_runtime **ret,
                                struct egw_error *reterr) EGW_MUST_CHECK;
/* The log must be closed, or hold no job: a job under way lies in the runtime. */
void egw_runtime_free(struct egw_runtime *runtime);

/*
 * One turn of the loop: serve events, take inputs, close and finish batches; sleeps at most max_ms
 * when there is nothing to do. EGW_OK: call again. EGW_NOT_FOUND: drained, all is done. Otherwise
 * the process must end: EGW_FENCED (another owner, or session gone: restart), EGW_FATAL (gave up
 * after too many recreations, or a fault of the processor), EGW_DENIED (at once where the identity
 * itself is refused; after five minutes where a right is), EGW_RETRY (a topic was gone for a
 * minute, or took nothing as large as what is written), EGW_NOMEM.
 */
enum egw_status egw_runtime_turn(struct egw_runtime *runtime, int64_t max_ms,
                                 struct egw_error *reterr) EGW_MUST_CHECK;

void egw_runtime_stop(struct egw_runtime *runtime, enum egw_stop how);
/* Something a step said RETRY about may be there now (a schema fetched, a policy compiled). */
void egw_runtime_nudge(struct egw_runtime *runtime);
void egw_runtime_stats(const struct egw_runtime *runtime, struct egw_runtime_stats *ret);
/* Committed records by tally; conf.tallies of them, [0] unused. */
const uint64_t *egw_runtime_tallies(const struct egw_runtime *runtime);
/* Lag of each assigned partition whose place and end are known, at most max; how many. */
size_t egw_runtime_lags(const struct egw_runtime *runtime, struct egw_runtime_lag *ret, size_t max);
/* Looks at the next `entries` state entries for those that are stuck. Few at a time and often: a
 * round over a large state must not hold up the loop. */
void egw_runtime_survey(struct egw_runtime *runtime, size_t entries);

/* The key of the position entry in a state partition. */
#define EGW_POSITION_KEY "#position"

#endif
