/*
 * memlog - one process's log port (egw/log.h) on a memcluster
 *
 * The client side: heartbeats, joining, fetching, a send queue, jobs that end after a while, and
 * every fault a client meets between its call and the broker's answer. It also watches its caller:
 * a call the port does not allow is a violation, kept for whoever runs the simulation.
 *
 * A log that is killed stays in memory until memlog_free(), because requests of it may still be on
 * their way to the brokers.
 */
#ifndef EGW_SIM_MEMLOG_H
#define EGW_SIM_MEMLOG_H

#include "memcluster.h"

/* How often, in ten thousand times. All zero: nothing but delays. */
struct memfaults {
    unsigned commit_reply_lost;  /* applied; the repeated request says so: doubtful */
    unsigned commit_late;        /* the repeated request ends it; the first one arrives later */
    unsigned commit_not_applied; /* nothing arrived, the client gives up: EGW_FATAL */
    unsigned commit_applied;     /* applied, and the client gives up all the same: EGW_FATAL */
    unsigned commit_abortable;   /* EGW_ABORT */
    unsigned offsets_abortable;  /* EGW_ABORT before the end was asked for */
    unsigned offsets_slow;       /* the coordinator's connection has to come back first: a second */
    unsigned abort_late;         /* the abort is doubtful; the first request arrives later */
    unsigned abort_fatal;
    unsigned init_fatal;
    unsigned begin_fatal;
    unsigned lookup_retry;
    unsigned lookup_slow;     /* its answer is long on the way */
    unsigned redelivered;     /* a record is handed out again */
    unsigned delivery_failed; /* one record: the transaction must be aborted */
    unsigned queue_full;
    unsigned fetch_stall;     /* of a partition, for up to a few seconds */
    unsigned reference_stall; /* the same of reference and policy */
    unsigned slow;            /* a request takes up to slow_ms */
    int64_t slow_ms;
};

struct memlog_conf {
    struct memcluster *cluster;
    const char *name;               /* for the trace */
    const char *identity;           /* instance id and transactional id */
    const struct memfaults *faults; /* may change while the log runs */
    int64_t heartbeat_ms;
    int64_t max_poll_ms;
    int64_t socket_ms; /* a job longer than half of it is doubtful */
    /* The process is at a point where it may die: memlog_kill() from here is right. May be NULL. */
    void (*at)(void *user, enum kill_point point);
    void *user;
};

struct memlog;

struct memlog *memlog_new(const struct memlog_conf *conf);
void memlog_free(struct memlog *log);
struct egw_log memlog_port(struct memlog *log);

/* The process is gone: no call comes any more. What it had sent may or may not arrive. */
void memlog_kill(struct memlog *log);
/* A frozen process neither beats nor sends until it is thawed. */
void memlog_freeze(struct memlog *log, bool frozen);
/* Its wall clock from now on: so much ahead of the world's. */
void memlog_set_clock(struct memlog *log, int64_t skew_ms);

/* The caller is at a point of its own, inside a step. */
void memlog_at(struct memlog *log, enum kill_point point);
/* Part of a transaction is at the brokers. */
bool memlog_in_transaction(const struct memlog *log);

/* The group knows it in the generation it knows itself. */
bool memlog_is_owner(const struct memlog *log);

bool memlog_has_event(const struct memlog *log);
/* When there may be something to do, as far as the last wait() could see. */
int64_t memlog_wake_at(const struct memlog *log);
void memlog_awake(struct memlog *log); /* before a turn */
/* What the caller did against the port's rules; NULL: nothing. */
const char *memlog_violation(const struct memlog *log);

/* ---- planted mistakes of an adapter, for the tests of the checker ---- */

/* Commit under the group metadata of this moment instead of the job's. */
void memlog_plant_newest_metadata(struct memlog *log);
/* LOOKUP gives the last stable offset as the state's end. */
void memlog_plant_stable_end(struct memlog *log);
/* Offsets go out under no generation. */
void memlog_plant_no_generation(struct memlog *log);
/* Everything written is read, whatever becomes of its transaction. */
void memlog_plant_read_uncommitted(struct memlog *log);
/* A commit without offsets is no violation. */
void memlog_allow_no_offsets(struct memlog *log);

#endif
