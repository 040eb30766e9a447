/*
 * sched - virtual time, one stream of chance, and the trace of what happened
 *
 * Everything in the simulation that takes time is an action in one queue, ordered by time and then
 * by the order of asking; every choice comes from one generator. So a seed decides all, and the
 * trace (a hash over every line said) tells whether two runs were the same.
 */
#ifndef EGW_SIM_SCHED_H
#define EGW_SIM_SCHED_H

#include <stdio.h>

#include "egw/base.h"
#include "hits.h"

struct sched_action;

struct sched {
    int64_t now; /* virtual ms since the start */
    uint64_t random;
    uint64_t asked; /* actions asked for so far: the tie-breaker */
    struct sched_action *heap;
    size_t n, cap;
    uint64_t trace;
    FILE *trace_to; /* NULL: only the hash is kept */
    int64_t hits[HIT_COUNT];
};

typedef void (*sched_fn)(void *arg, int64_t n);

void sched_init(struct sched *sched, uint64_t seed);
void sched_free(struct sched *sched);

/* Have fn(arg, n) called `after` ms from now. arg must stay valid until then. */
void sched_after(struct sched *sched, int64_t after, sched_fn fn, void *arg, int64_t n);
/* Time of the next action; INT64_MAX: none. */
int64_t sched_next(const struct sched *sched);
/* Move time to the next action and run it. There must be one. */
void sched_run_next(struct sched *sched);
/* Run everything up to `until` and leave the time there. */
void sched_run_until(struct sched *sched, int64_t until);

/* [0, n); n > 0. */
uint64_t sched_pick(struct sched *sched, uint64_t n);
/* [low, high]. */
int64_t sched_between(struct sched *sched, int64_t low, int64_t high);
/* True `in_10000` times of ten thousand; 0 takes nothing from the stream. */
bool sched_chance(struct sched *sched, unsigned in_10000);

/* One line of the trace: what happened, without the time. */
void sched_say(struct sched *sched, const char *fmt, ...) EGW_PRINTF(2, 3);

/* Memory of a test program: there, or the program ends. */
void *sim_realloc(void *p, size_t n);
void *sim_zalloc(size_t n);
/* Room for one more element; grows *p. */
void *sim_push(void *array, size_t *n, size_t *cap, size_t size);

#endif
