/*
 * script_log - a log of one process that does what a test says, for tests of the runtime
 *
 * Honest where the broker is: a commit makes records and offsets visible together or not at all,
 * tails hand out what is committed, inputs start where they are told. What goes wrong is set by the
 * test beforehand: the result of the next job, a full queue, a job that hangs. Time stands still
 * until the test moves it. What the runtime asked for is kept as a line of words (trace).
 */
#ifndef EGW_TEST_SCRIPT_LOG_H
#define EGW_TEST_SCRIPT_LOG_H

#include "egw/log.h"

enum {
    SCRIPT_PARTITIONS = 2,
    SCRIPT_INPUTS = 2,
    SCRIPT_RECORDS = 512, /* a partition */
    SCRIPT_EVENTS = 16,
    SCRIPT_TRACE = 8192,
};

enum script_topic {
    SCRIPT_EVENTS_TOPIC,
    SCRIPT_INBOX,
    SCRIPT_STATE,
    SCRIPT_OUT,
    SCRIPT_REFERENCE,
    SCRIPT_POLICY,
    SCRIPT_TOPICS
};

struct script_record {
    int64_t offset, timestamp_ms;
    struct egw_str key, value; /* one block at key.p */
};

struct script_partition {
    struct script_record records[SCRIPT_RECORDS];
    size_t n;
    int64_t next; /* offset of the next record */
    int64_t
        hold_at; /* an open transaction of somebody's: nothing from here on is visible; -1: none */
    /* as a tail */
    bool followed;
    int64_t tail_next, tail_told;
    /* as an input */
    int64_t committed;
    int64_t low;
    int64_t reading; /* EGW_LOG_HOLD: not */
};

struct script_pending {
    int topic;
    int32_t partition;
    struct egw_str key, value;
};

struct script_log {
    struct script_partition parts[SCRIPT_TOPICS][SCRIPT_PARTITIONS];
    int64_t wall_ms, mono_ms;

    struct egw_log_event events[SCRIPT_EVENTS];
    size_t event_first, event_n;

    struct egw_log_job *job; /* under way */
    bool job_done;
    bool hang[4];              /* by kind of job: it does not end before script_let_go() */
    enum egw_status result[4]; /* of the next job of that kind; then EGW_OK again */
    bool doubtful[4];
    enum egw_status cause; /* of every EGW_ABORT to come; EGW_OK: none that is known */
    bool applied;          /* a commit whose result is not OK took effect all the same */

    bool in_transaction;
    struct script_pending pending[SCRIPT_RECORDS];
    size_t pending_n;
    enum egw_status begin_result, produce_result; /* of the next call */
    size_t room; /* records produce() takes before it says that the queue is full; 0: no limit */
    enum egw_status start_result;

    int64_t generation; /* of the last COMMIT job */
    struct egw_log_offset offsets[SCRIPT_PARTITIONS];
    size_t offset_count;
    int64_t waited_ms; /* of the last wait(); -1: none since the test cleared it */
    char trace[SCRIPT_TRACE];
    size_t trace_n;
};

struct script_log *script_new(void);
void script_free(struct script_log *log);
struct egw_log script_port(struct script_log *log);

/* A record, committed and visible. Its offset. */
int64_t script_append(struct script_log *log, int topic, int32_t partition, struct egw_str key,
                      struct egw_str value);
void script_assign(struct script_log *log, int64_t generation, const int32_t *partitions, size_t n);
void script_tell(struct script_log *log, const struct egw_log_event *event);
/* The job that hangs ends now. */
void script_let_go(struct script_log *log);
/* The process is gone: what was open is aborted, nothing is followed or started. */
void script_crash(struct script_log *log);
void script_clear_trace(struct script_log *log);
/* Records visible in the topic OUT, all partitions in the order of commit: "a=1 b=1". */
const char *script_outs(const struct script_log *log);

#endif
