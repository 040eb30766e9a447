/*
 * Waiting with a deadline. librdkafka's close and destroy can hang (rules page, 24): they run on a
 * thread of their own, and whoever waits gives up in time.
 */
#include "kafka_internal.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

enum { LEAST_MS = 100 };

struct errand {
    pthread_mutex_t lock;
    pthread_cond_t ended;
    void (*fn)(void *);
    void *arg;
    bool done, abandoned;
};

int64_t egw_kafka_mono_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_BOOTTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t egw_kafka_rest_of(int64_t deadline_ms)
{
    int64_t rest = deadline_ms - egw_kafka_mono_ms();

    return rest > LEAST_MS ? rest : LEAST_MS;
}

static void errand_free(struct errand *errand)
{
    (void)pthread_cond_destroy(&errand->ended);
    (void)pthread_mutex_destroy(&errand->lock);
    free(errand);
}

static void *run(void *arg)
{
    struct errand *errand = arg;
    bool mine;

    errand->fn(errand->arg);
    (void)pthread_mutex_lock(&errand->lock);
    errand->done = true;
    mine = errand->abandoned;
    (void)pthread_cond_signal(&errand->ended);
    (void)pthread_mutex_unlock(&errand->lock);
    if (mine)
        errand_free(errand);
    return NULL;
}

static struct timespec deadline_in(int64_t ms)
{
    struct timespec at;

    (void)clock_gettime(CLOCK_MONOTONIC, &at);
    at.tv_sec += ms / 1000;
    at.tv_nsec += ms % 1000 * 1000000;
    if (at.tv_nsec >= 1000000000) {
        at.tv_sec++;
        at.tv_nsec -= 1000000000;
    }
    return at;
}

static struct errand *errand_new(void (*fn)(void *), void *arg)
{
    struct errand *errand = calloc(1, sizeof(*errand));
    pthread_condattr_t attr;

    if (!errand)
        return NULL;
    errand->fn = fn;
    errand->arg = arg;
    (void)pthread_mutex_init(&errand->lock, NULL);
    (void)pthread_condattr_init(&attr);
    (void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&errand->ended, &attr);
    (void)pthread_condattr_destroy(&attr);
    return errand;
}

bool egw_kafka_within(int64_t ms, void (*fn)(void *), void *arg)
{
    struct errand *errand = errand_new(fn, arg);
    struct timespec at = deadline_in(ms);
    pthread_t thread;
    bool done;

    if (!errand)
        return false;
    if (pthread_create(&thread, NULL, run, errand) != 0) {
        errand_free(errand);
        return false;
    }
    (void)pthread_mutex_lock(&errand->lock);
    while (!errand->done && pthread_cond_timedwait(&errand->ended, &errand->lock, &at) != ETIMEDOUT)
        ;
    done = errand->done;
    errand->abandoned = !done;
    (void)pthread_mutex_unlock(&errand->lock);
    if (done) {
        (void)pthread_join(thread, NULL);
        errand_free(errand);
    } else {
        (void)pthread_detach(thread);
    }
    return done;
}

static void destroy(void *arg)
{
    rd_kafka_destroy_flags(arg, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
}

bool egw_kafka_destroy(rd_kafka_t *rk, int64_t ms)
{
    struct egw_kafka_heard *heard = rk ? rd_kafka_opaque(rk) : NULL;

    if (rk && !egw_kafka_within(ms, destroy, rk))
        return false; /* its callbacks may still come */
    egw_kafka_heard_free(heard);
    return true;
}
