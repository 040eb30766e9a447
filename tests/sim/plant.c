#include "plant.h"

#include <stdlib.h>

static const char *const NAMES[PLANT_COUNT] = {
    [PLANT_NONE] = "none",
    [PLANT_COMMIT_BEFORE_PRODUCE] = "commit-before-produce",
    [PLANT_REWIND_ONE] = "rewind-one-partition",
    [PLANT_NEWEST_METADATA] = "newest-metadata",
    [PLANT_NO_OFFSETS] = "no-offsets",
    [PLANT_STATE_OUTSIDE] = "state-outside",
    [PLANT_STABLE_END] = "restore-to-stable",
    [PLANT_NO_POSITION] = "no-position",
    [PLANT_IGNORE_DOUBT] = "ignore-doubt",
};

const char *plant_name(enum plant plant)
{
    return NAMES[plant];
}

bool plant_find(const char *name, enum plant *ret)
{
    for (int i = 0; i < PLANT_COUNT; i++)
        if (strcmp(NAMES[i], name) == 0) {
            *ret = (enum plant)i;
            return true;
        }
    return false;
}

struct held {
    struct egw_log_out out;
    char *bytes;
};

enum late { LATE_NONE, LATE_FIRST, LATE_SECOND };

struct planted {
    enum plant plant;
    struct egw_log inner;
    struct memcluster *cluster;
    struct egw_log_job *job; /* the caller's, under way */
    /* rewind-one-partition */
    bool rewinding;
    bool *runs;
    size_t rewound;
    /* commit-before-produce: LATE_FIRST while the offsets commit, LATE_SECOND while the rest does
     */
    enum late late;
    struct egw_log_job second;
    struct held *held;
    size_t held_n, held_cap;
};

static void drop_held(struct planted *pl)
{
    for (size_t i = 0; i < pl->held_n; i++)
        free(pl->held[i].bytes);
    pl->held_n = 0;
}

static void hold(struct planted *pl, const struct egw_log_out *out)
{
    struct held *h = sim_push(&pl->held, &pl->held_n, &pl->held_cap, sizeof(*pl->held));

    h->out = *out;
    h->bytes = sim_realloc(NULL, out->key.n + out->value.n);
    if (out->key.p)
        h->out.key.p = memcpy(h->bytes, out->key.p, out->key.n);
    if (out->value.p)
        h->out.value.p = memcpy(h->bytes + out->key.n, out->value.p, out->value.n);
}

/* The offsets stand; now what should have come before. */
static bool produce_late(struct planted *pl)
{
    struct egw_error error;

    if (pl->inner.ops->begin(pl->inner.self, &error))
        return false;
    for (size_t i = 0; i < pl->held_n; i++) {
        size_t done = 0;

        if (pl->inner.ops->produce(pl->inner.self, &pl->held[i].out, 1, &done, &error))
            return false;
    }
    pl->late = LATE_SECOND;
    pl->second = *pl->job;
    pl->inner.ops->job(pl->inner.self, &pl->second);
    return true;
}

/* A job ended; true: the caller is not to know yet. */
static bool job_ended(struct planted *pl)
{
    enum egw_log_job_kind kind = pl->job->kind;

    if (pl->late == LATE_FIRST && pl->job->result == EGW_OK && !pl->job->doubtful &&
        pl->held_n > 0 && produce_late(pl))
        return true;
    if (pl->late == LATE_SECOND) {
        pl->job->result = pl->second.result;
        pl->job->doubtful = pl->second.doubtful;
        pl->job->error = pl->second.error;
    }
    pl->late = LATE_NONE;
    if (kind != EGW_LOG_LOOKUP)
        drop_held(pl);
    if (pl->plant == PLANT_IGNORE_DOUBT)
        pl->job->doubtful = false;
    pl->rewinding = kind == EGW_LOG_ABORT && pl->job->result == EGW_OK;
    pl->rewound = 0;
    return false;
}

static void op_poll(void *self, struct egw_log_event *ret)
{
    struct planted *pl = self;

    pl->rewinding = false;
    for (;;) {
        pl->inner.ops->poll(pl->inner.self, ret);
        if (ret->kind == EGW_LOG_ASSIGN || ret->kind == EGW_LOG_LOST)
            memset(pl->runs, 0, (size_t)pl->cluster->partition_count * sizeof(*pl->runs));
        if (ret->kind != EGW_LOG_DONE || !job_ended(pl))
            return;
    }
}

static void op_wait(void *self, int64_t ms)
{
    struct planted *pl = self;

    pl->inner.ops->wait(pl->inner.self, ms);
}

static enum egw_status op_start(void *self, int32_t p, const int64_t *next,
                                struct egw_error *reterr)
{
    struct planted *pl = self;

    if (pl->plant == PLANT_REWIND_ONE && pl->rewinding && pl->runs[p] && pl->rewound++ > 0)
        return EGW_OK;
    pl->runs[p] = true;
    return pl->inner.ops->start(pl->inner.self, p, next, reterr);
}

static void op_stop(void *self, int32_t p)
{
    struct planted *pl = self;

    pl->runs[p] = false;
    pl->inner.ops->stop(pl->inner.self, p);
}

static void op_release(void *self)
{
    struct planted *pl = self;

    pl->inner.ops->release(pl->inner.self);
}

static enum egw_status op_follow(void *self, int topic, int32_t p, int64_t offset,
                                 struct egw_error *reterr)
{
    struct planted *pl = self;

    return pl->inner.ops->follow(pl->inner.self, topic, p, offset, reterr);
}

static void op_unfollow(void *self, int topic, int32_t p)
{
    struct planted *pl = self;

    pl->inner.ops->unfollow(pl->inner.self, topic, p);
}

static enum egw_status op_begin(void *self, struct egw_error *reterr)
{
    struct planted *pl = self;

    drop_held(pl);
    return pl->inner.ops->begin(pl->inner.self, reterr);
}

static enum egw_status produce_one(struct planted *pl, const struct egw_log_out *out,
                                   struct egw_error *reterr)
{
    size_t done = 0;

    if (pl->plant == PLANT_COMMIT_BEFORE_PRODUCE) {
        hold(pl, out);
        return EGW_OK;
    }
    if (pl->plant == PLANT_NO_POSITION && egw_str_is(out->key, "#position"))
        return EGW_OK;
    if (pl->plant == PLANT_STATE_OUTSIDE && out->topic == pl->cluster->conf.state_topic) {
        memcluster_append(pl->cluster, out->topic, out->partition, out->key, out->value);
        return EGW_OK;
    }
    return pl->inner.ops->produce(pl->inner.self, out, 1, &done, reterr);
}

static enum egw_status op_produce(void *self, const struct egw_log_out *outs, size_t n,
                                  size_t *ret_done, struct egw_error *reterr)
{
    struct planted *pl = self;

    for (*ret_done = 0; *ret_done < n; ++*ret_done) {
        enum egw_status st = produce_one(pl, &outs[*ret_done], reterr);

        if (st)
            return st;
    }
    return EGW_OK;
}

static void op_job(void *self, struct egw_log_job *job)
{
    struct planted *pl = self;

    pl->job = job;
    if (job->kind == EGW_LOG_COMMIT && pl->plant == PLANT_NO_OFFSETS)
        job->offset_count = 0;
    pl->late = job->kind == EGW_LOG_COMMIT && pl->plant == PLANT_COMMIT_BEFORE_PRODUCE ? LATE_FIRST
                                                                                       : LATE_NONE;
    pl->inner.ops->job(pl->inner.self, job);
}

static int64_t op_wall_ms(void *self)
{
    struct planted *pl = self;

    return pl->inner.ops->wall_ms(pl->inner.self);
}

static int64_t op_mono_ms(void *self)
{
    struct planted *pl = self;

    return pl->inner.ops->mono_ms(pl->inner.self);
}

static const struct egw_log_ops OPS = {
    .poll = op_poll,
    .wait = op_wait,
    .start = op_start,
    .stop = op_stop,
    .release = op_release,
    .follow = op_follow,
    .unfollow = op_unfollow,
    .begin = op_begin,
    .produce = op_produce,
    .job = op_job,
    .wall_ms = op_wall_ms,
    .mono_ms = op_mono_ms,
};

struct egw_log plant_port(enum plant plant, struct memlog *log, struct memcluster *cluster,
                          struct planted **ret)
{
    struct planted *pl;

    *ret = NULL;
    if (plant == PLANT_NONE)
        return memlog_port(log);
    if (plant == PLANT_NEWEST_METADATA)
        memlog_plant_newest_metadata(log);
    if (plant == PLANT_STABLE_END)
        memlog_plant_stable_end(log);
    if (plant == PLANT_NO_OFFSETS)
        memlog_allow_no_offsets(log);
    *ret = pl = sim_zalloc(sizeof(*pl));
    pl->plant = plant;
    pl->inner = memlog_port(log);
    pl->cluster = cluster;
    pl->runs = sim_zalloc((size_t)cluster->partition_count * sizeof(*pl->runs));
    return (struct egw_log){&OPS, pl};
}

void planted_free(struct planted *pl)
{
    if (!pl)
        return;
    drop_held(pl);
    free(pl->held);
    free(pl->runs);
    free(pl);
}
