/*
 * worker - a triage worker over any log: processor, runtime, workshop, put together
 *
 * `egw triage` gives it librdkafka's log, `egw demo` the same on an embedded cluster. It owns their
 * lifetimes and decides nothing.
 */
#ifndef EGW_WORKER_H
#define EGW_WORKER_H

#include "egw/metrics.h"
#include "egw/runtime.h"
#include "schemas.h"
#include "topics.h"

struct egw_worker;

struct egw_worker_conf {
    const struct egw_settings *settings;
    const struct egw_topics *topics;   /* the log's table of names */
    const struct egw_schemas *schemas; /* how records are framed */
    struct egw_log log;
    void (*wake)(void *user); /* ends a wait of the log; called from any thread */
    void *wake_user;
    void (*note)(void *user, const struct egw_note *note);
    void *note_user;
};

/* Everything conf points to must outlive the worker; settings and topics are not copied. */
enum egw_status egw_worker_new(const struct egw_worker_conf *conf, struct egw_worker **ret,
                               struct egw_error *reterr) EGW_MUST_CHECK;
/* Ends the threads that wake the log. No turn after it. NULL is allowed, as by the next. */
void egw_worker_quiet(struct egw_worker *worker);
/* The log must be closed: its helper may still be at a job, which lies in the worker. */
void egw_worker_free(struct egw_worker *worker);

/* One turn, as egw_runtime_turn(). */
enum egw_status egw_worker_turn(struct egw_worker *worker, int64_t max_ms,
                                struct egw_error *reterr) EGW_MUST_CHECK;
void egw_worker_stop(struct egw_worker *worker, enum egw_stop how);
void egw_worker_stats(const struct egw_worker *worker, struct egw_runtime_stats *ret);
/* Records that could not be read, and again could not when retried, by committed outcomes. */
uint64_t egw_worker_dead_letters(const struct egw_worker *worker);
/* All that is counted, valid until the next turn; looks a little further for cases that are stuck.
 */
void egw_worker_sample(struct egw_worker *worker, struct egw_metrics_sample *ret);

#endif
