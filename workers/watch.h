/*
 * watch - how a worker is watched: metrics over HTTP, the watchdog, the supervisor's word
 */
#ifndef EGW_WATCH_H
#define EGW_WATCH_H

#include "worker.h"

struct egw_watch;

struct egw_watch_conf {
    const struct egw_settings *settings;
    int64_t slot;
    const char *worker;  /* "egw-triage-003"; outlives the watch */
    void (*dying)(void); /* the loop is stuck and the process about to exit with 70. The last line
                            may block, where nobody reads it: see to it that it ends all the same */
};

/* Listens, where metrics.listen says so. EGW_OK; EGW_INVALID (cannot listen there), EGW_NOMEM. */
enum egw_status egw_watch_open(const struct egw_watch_conf *conf, struct egw_watch **ret,
                               struct egw_error *reterr) EGW_MUST_CHECK;
/* The loop begins a turn. */
void egw_watch_turn(struct egw_watch *watch);
/* It has ended one: what it counted is published now and then. EGW_OK, EGW_NOMEM. */
enum egw_status egw_watch_look(struct egw_watch *watch, struct egw_worker *worker, int64_t mono_ms,
                               struct egw_error *reterr) EGW_MUST_CHECK;
/* How long the next turn may sleep, at most most_ms: what the last ones counted must be published
 * soon, also when nothing follows them. */
int64_t egw_watch_sleep_ms(const struct egw_watch *watch, int64_t most_ms);
/* The loop has ended. The HTTP side ends too: the worker's names may go. NULL is allowed. */
void egw_watch_close(struct egw_watch *watch);

#endif
