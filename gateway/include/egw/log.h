/*
 * log - the port through which the runtime sees a partitioned, transactional log
 *
 * Two implementations: librdkafka (egw/kafka_log.h) and the in-memory log of the simulation
 * (tests/sim). The port knows topics by number: the caller hands a table of names when it opens the
 * log. Input topics are read as a member of a consumer group; any other partition can be followed
 * as a tail, from an offset on, outside the group (reference, policy, state being restored).
 *
 * Threading: every call belongs to the loop thread. What waits on the broker (look-up, commit,
 * abort, init) is a job: job() hands it to one helper, one at a time, and the end of it comes as an
 * EGW_LOG_DONE event; so the loop goes on polling, decoding and deciding.
 *
 * Isolation: everything delivered is committed (read_committed), inputs and tails alike.
 */
#ifndef EGW_LOG_H
#define EGW_LOG_H

#include "egw/base.h"

enum { EGW_LOG_INPUTS_MAX = 4, EGW_LOG_PARTITIONS_MAX = 4096 };

struct egw_log_record {
    int topic; /* index in the table of names */
    int32_t partition;
    int64_t offset;
    int64_t timestamp_ms;
    struct egw_str key;         /* p == NULL: null key */
    struct egw_str value;       /* p == NULL: null value (tombstone) */
    struct egw_str traceparent; /* header of that name, where the record has one */
    struct egw_str retry;       /* header egw.retry (egw/dead.h), likewise */
    size_t header_count;        /* readers for commands only: all headers, those included */
};

enum egw_log_event_kind {
    EGW_LOG_IDLE,     /* nothing to hand out now */
    EGW_LOG_INPUT,    /* record of an input topic */
    EGW_LOG_TAIL,     /* record of a partition followed by follow() */
    EGW_LOG_TAIL_END, /* a followed partition was read up to offset (all before it was seen) */
    EGW_LOG_ASSIGN,   /* these partitions are ours from now on; nothing flows before start() */
    EGW_LOG_REVOKE,   /* give them up: answer with release() when the open work is done */
    EGW_LOG_LOST,     /* already gone: no commit may follow */
    EGW_LOG_DONE,     /* the job ended */
    EGW_LOG_BROKEN, /* one input or tail partition cannot be read on (offset outside the log): error
                       says */
    EGW_LOG_FAILED, /* the handle is of no use: EGW_FENCED, EGW_DENIED or EGW_FATAL in error.status
                     */
};

struct egw_log_event {
    enum egw_log_event_kind kind;
    struct egw_log_record record; /* INPUT, TAIL; valid until the next poll */
    int topic;                    /* TAIL_END, BROKEN */
    int32_t partition;
    int64_t offset;
    const int32_t *partitions; /* ASSIGN, REVOKE, LOST; valid until the next poll */
    size_t partition_count;
    int64_t generation; /* ASSIGN: names the group metadata captured with this assignment */
    struct egw_error error;
};

enum egw_log_job_kind {
    EGW_LOG_INIT,   /* (re)create the producer and fence any older one; also after a fatal error */
    EGW_LOG_LOOKUP, /* where do inputs and state of these partitions stand? */
    EGW_LOG_COMMIT, /* send offsets under the generation's metadata, then commit */
    EGW_LOG_ABORT,
};

/* What LOOKUP answers for one partition. */
struct egw_log_place {
    int32_t partition;
    int64_t committed[EGW_LOG_INPUTS_MAX];                     /* stable; -1: definitely none */
    int64_t low[EGW_LOG_INPUTS_MAX], high[EGW_LOG_INPUTS_MAX]; /* log start and end of the inputs */
    int64_t state_end; /* end of the state partition, open transactions included */
    int64_t state_low;
};

struct egw_log_offset {
    int32_t partition;
    int64_t next[EGW_LOG_INPUTS_MAX]; /* in order of the input table */
};

/*
 * A job. The caller owns it and everything it points to and leaves both alone until DONE. result:
 * EGW_OK; EGW_ABORT: the transaction must be aborted (error.status says why where a person has to
 * mend it: EGW_DENIED, EGW_NOT_FOUND, EGW_INVALID; else EGW_ABORT); EGW_FATAL: only INIT helps now;
 * EGW_FENCED: restart the process; EGW_RETRY (LOOKUP): ask again; EGW_DENIED: no permission.
 * doubtful: the job ended well but met a transport error or took longer than half the socket
 * time-out, so a late request of it may still be on its way: make a new producer before the next
 * begin (rules page, 10).
 */
struct egw_log_job {
    enum egw_log_job_kind kind;
    int64_t generation;             /* COMMIT */
    struct egw_log_offset *offsets; /* COMMIT */
    size_t offset_count;
    struct egw_log_place *places; /* LOOKUP: partition set by the caller, the rest by the job */
    size_t place_count;
    enum egw_status result;
    bool doubtful;
    struct egw_error error;
};

/* A record to write. Bytes are copied by produce(). */
struct egw_log_out {
    int topic;
    int32_t partition;
    struct egw_str key, value;            /* value.p == NULL: tombstone */
    const struct egw_log_header *headers; /* of dead letters, and of retries passed on */
    size_t header_count;
    uint32_t tally; /* what it counts as once it is committed; 0: not counted */
};

struct egw_log_header {
    const char *name;
    struct egw_str value;
};

struct egw_log_ops {
    /* Next event, without waiting. */
    void (*poll)(void *log, struct egw_log_event *ret);
    /* Sleep until there may be an event, a signal of wake(), or ms have passed. */
    void (*wait)(void *log, int64_t ms);

    /* Begin to hand out records of input partition p: input i from next[i], or not at all where
     * that is EGW_LOG_HOLD. Also rewinds one that runs. What was prefetched before is never handed
     * out. EGW_OK; EGW_RETRY: not just now, nothing is handed out, call again; else the partition
     * is of no use. */
    enum egw_status (*start)(void *log, int32_t p, const int64_t *next, struct egw_error *reterr);
    /* Hand out nothing more of input partition p until start(). */
    void (*stop)(void *log, int32_t p);
    /* The answer to REVOKE (LOST needs none): the partitions are given up. */
    void (*release)(void *log);

    /* Follow topic/partition from offset (EGW_LOG_BEGINNING: the log start) until unfollow(). */
    enum egw_status (*follow)(void *log, int topic, int32_t p, int64_t offset,
                              struct egw_error *reterr);
    void (*unfollow)(void *log, int topic, int32_t p);

    enum egw_status (*begin)(void *log, struct egw_error *reterr);
    /* Inside a transaction; the records of one call keep their order per partition. EGW_RETRY: the
     * local queue is full; *ret_done says how many went, call again with the rest. EGW_ABORT: as
     * of a job. */
    enum egw_status (*produce)(void *log, const struct egw_log_out *outs, size_t n,
                               size_t *ret_done, struct egw_error *reterr);
    /* One job at a time. */
    void (*job)(void *log, struct egw_log_job *job);

    /* End of partition p of input topic `input` as it was last heard of; asks nobody. -1: not
     * known. May be NULL: it never is. */
    int64_t (*end)(void *log, size_t input, int32_t p);

    int64_t (*wall_ms)(void *log); /* Unix time */
    int64_t (*mono_ms)(void *log); /* never steps; goes on while suspended (CLOCK_BOOTTIME) */
};

enum { EGW_LOG_BEGINNING = -2, EGW_LOG_HOLD = -3 };

struct egw_log {
    const struct egw_log_ops *ops;
    void *self;
};

#endif
