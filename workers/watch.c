#include "watch.h"

#ifdef EGW_HAS_TCMALLOC
#include <gperftools/malloc_extension_c.h>
#endif
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "cli.h"
#include "egw/kafka.h"
#include "egw/metrics.h"
#include "egw/watchdog.h"

enum { PUBLISH_MS = 100, GIVE_BACK_MS = 30000 };

struct egw_watch {
    struct egw_watch_conf conf;
    struct egw_watchdog *dog;
    struct egw_metrics *metrics; /* NULL: nobody is to look */
    int64_t published_ms;        /* mono */
    bool behind;                 /* turns have ended since whose counts are not published */
    int64_t gave_back_ms;        /* mono */
    bool begun;                  /* the supervisor knows that we run */
};

/* ---- the watchdog's words ---- */

static void say_age(enum egw_log_level level, const char *what, int64_t ms)
{
    char text[24];

    (void)snprintf(text, sizeof(text), "%" PRId64, ms);
    egw_log_line(level, what, "ms", text, NULL);
}

static void slow(void *user, int64_t ms)
{
    (void)user;
    say_age(EGW_LEVEL_WARN, "loop.slow", ms);
}

static void stuck(void *user, int64_t ms)
{
    const struct egw_watch *watch = user;

    watch->conf.dying();
    say_age(EGW_LEVEL_ERROR, "stop.stuck", ms);
    _exit(EGW_EXIT_BUG);
}

static void well(void *user)
{
    (void)user;
    egw_supervisor_tell("WATCHDOG=1");
}

static int64_t turn_age(void *user, bool *ret_live)
{
    const struct egw_watch *watch = user;

    *ret_live = egw_watchdog_is_well(watch->dog);
    return egw_watchdog_age_ms(watch->dog);
}

/* ---- life ---- */

static int64_t wall_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static enum egw_status open_metrics(struct egw_watch *watch, struct egw_error *reterr)
{
    struct egw_metrics_conf conf = {
        .listen = watch->conf.settings->metrics.listen,
        .slot = watch->conf.slot,
        .about = {.version = EGW_VERSION,
                  .kafka_version = egw_kafka_version(),
                  .worker = watch->conf.worker,
                  .started_ms = wall_ms()},
        .turn_age = turn_age,
        .user = watch,
    };

    if (!*conf.listen)
        return EGW_OK;
    return egw_metrics_open(&conf, &watch->metrics, reterr);
}

enum egw_status egw_watch_open(const struct egw_watch_conf *conf, struct egw_watch **ret,
                               struct egw_error *reterr)
{
    struct egw_watch *watch = calloc(1, sizeof(*watch));
    struct egw_watchdog_conf dog = {
        .bound_ms = conf->settings->triage.stuck_ms,
        .slow = slow,
        .stuck = stuck,
        .well = well,
        .user = watch,
    };
    enum egw_status st;

    if (!watch)
        return egw_error_set(reterr, EGW_NOMEM, "no memory to watch the worker");
    watch->conf = *conf;
    st = egw_watchdog_start(&dog, &watch->dog, reterr);
    if (!st)
        st = open_metrics(watch, reterr);
    if (st) {
        egw_watch_close(watch);
        return st;
    }
    *ret = watch;
    return EGW_OK;
}

void egw_watch_turn(struct egw_watch *watch)
{
    egw_watchdog_beat(watch->dog);
    if (!watch->begun)
        egw_supervisor_tell("READY=1");
    watch->begun = true;
}

/* What a flood took goes back to the system. Left alone, tcmalloc keeps the most it ever needed. */
static void give_back(struct egw_watch *watch, int64_t mono_ms)
{
    if (mono_ms - watch->gave_back_ms < GIVE_BACK_MS)
        return;
    watch->gave_back_ms = mono_ms;
#ifdef EGW_HAS_TCMALLOC
    MallocExtension_ReleaseFreeMemory();
#endif
}

enum egw_status egw_watch_look(struct egw_watch *watch, struct egw_worker *worker, int64_t mono_ms,
                               struct egw_error *reterr)
{
    struct egw_metrics_sample sample;

    give_back(watch, mono_ms);
    if (!watch->metrics)
        return EGW_OK;
    watch->behind = mono_ms - watch->published_ms < PUBLISH_MS;
    if (watch->behind)
        return EGW_OK;
    watch->published_ms = mono_ms;
    egw_worker_sample(worker, &sample);
    if (egw_metrics_publish(watch->metrics, &sample))
        return egw_error_set(reterr, EGW_NOMEM, "no memory for a sample of the counters");
    return EGW_OK;
}

int64_t egw_watch_sleep_ms(const struct egw_watch *watch, int64_t most_ms)
{
    return watch->behind && most_ms > PUBLISH_MS ? PUBLISH_MS : most_ms;
}

void egw_watch_close(struct egw_watch *watch)
{
    if (!watch)
        return;
    if (watch->dog)
        egw_watchdog_rest(watch->dog);
    if (watch->begun)
        egw_supervisor_tell("STOPPING=1");
    egw_metrics_close(watch->metrics);
    egw_watchdog_stop(watch->dog);
    free(watch);
}
