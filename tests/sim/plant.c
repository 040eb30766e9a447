#include "plant.h"

#include <stdlib.h>

#include "egw/buf.h"
#include "egw/table.h"

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
    [PLANT_NO_GENERATION] = "no-generation",
    [PLANT_READ_UNCOMMITTED] = "read-uncommitted",
    [PLANT_STALE_LOOKUP] = "stale-lookup",
    [PLANT_OLDER_FACTS] = "older-facts",
    [PLANT_REMOVALS_IGNORED] = "removals-ignored",
    [PLANT_OVERLAY_KEPT] = "overlay-kept",
    [PLANT_WAITS_DROPPED] = "waits-dropped",
    [PLANT_ACTIVATION_TWICE] = "activation-twice",
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
    /* stale-lookup: the first answer for each partition */
    struct egw_log_place *places;
    bool *placed;
    /* older-facts */
    const struct egw_plans *plans;
    struct egw_arena arena;
    struct egw_buf forged;
    /* overlay-kept: the state put by the open transaction, then by the aborted ones */
    struct held *kept;
    size_t kept_n, kept_cap, aborted_n;
    /* waits-dropped: keys that were armed by a commit, and so not at a take-over */
    struct egw_table armed;
    bool merging;
    /* mistakes of the processor */
    struct egw_processor processor;
    const struct egw_processor *right;
};

static void drop_held(struct planted *pl)
{
    for (size_t i = 0; i < pl->held_n; i++)
        free(pl->held[i].bytes);
    pl->held_n = 0;
}

static void copy_out(struct held *h, const struct egw_log_out *out)
{
    h->out = *out;
    h->bytes = sim_realloc(NULL, out->key.n + out->value.n);
    if (out->key.p)
        h->out.key.p = memcpy(h->bytes, out->key.p, out->key.n);
    if (out->value.p)
        h->out.value.p = memcpy(h->bytes + out->key.n, out->value.p, out->value.n);
}

static void hold(struct planted *pl, const struct egw_log_out *out)
{
    copy_out(sim_push(&pl->held, &pl->held_n, &pl->held_cap, sizeof(*pl->held)), out);
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

static void answer_as_before(struct planted *pl)
{
    for (size_t i = 0; i < pl->job->place_count; i++) {
        struct egw_log_place *place = &pl->job->places[i];

        if (pl->placed[place->partition])
            *place = pl->places[place->partition];
        pl->places[place->partition] = *place;
        pl->placed[place->partition] = true;
    }
}

static void forget_kept(struct planted *pl, size_t from)
{
    while (pl->kept_n > from)
        free(pl->kept[--pl->kept_n].bytes);
}

/* The position says that nothing was known of reference. */
static void forge_position(struct planted *pl, struct egw_log_record *record)
{
    static const struct egw_framing framing = {.confluent = false};
    struct egw_frame frame = egw_frame_read(record->value);
    const struct egw_plan *plan;
    struct egw_position position;

    egw_arena_reset(&pl->arena);
    egw_buf_clear(&pl->forged);
    if (egw_plans_find(pl->plans, &frame, &plan, NULL) ||
        egw_decode(plan, frame.body.p, frame.body.n, &pl->arena, &position, NULL))
        return;
    position.reference_offset = 0;
    if (egw_encode_framed(&framing, &egw_type_position, &position, &pl->forged, NULL))
        return;
    record->value = egw_buf_str(&pl->forged);
}

/* A record of the state topic is read; true: the runtime is not to see it. */
static bool restore_wrongly(struct planted *pl, struct egw_log_record *record)
{
    if (pl->plant == PLANT_OLDER_FACTS && egw_str_is(record->key, "#position"))
        forge_position(pl, record);
    return pl->plant == PLANT_REMOVALS_IGNORED && !record->value.p;
}

static void group_spoke(struct planted *pl)
{
    memset(pl->runs, 0, (size_t)pl->cluster->partition_count * sizeof(*pl->runs));
    forget_kept(pl, 0);
    pl->aborted_n = 0;
    egw_table_free(&pl->armed);
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
    if (pl->plant == PLANT_STALE_LOOKUP && kind == EGW_LOG_LOOKUP && pl->job->result == EGW_OK)
        answer_as_before(pl);
    if (pl->plant == PLANT_OVERLAY_KEPT && kind == EGW_LOG_ABORT && pl->job->result == EGW_OK)
        pl->aborted_n = pl->kept_n;
    pl->merging = kind == EGW_LOG_COMMIT;
    pl->rewinding = kind == EGW_LOG_ABORT && pl->job->result == EGW_OK;
    pl->rewound = 0;
    return false;
}

static void op_poll(void *self, struct egw_log_event *ret)
{
    struct planted *pl = self;

    pl->rewinding = pl->merging = false;
    for (;;) {
        pl->inner.ops->poll(pl->inner.self, ret);
        if (ret->kind == EGW_LOG_ASSIGN || ret->kind == EGW_LOG_LOST)
            group_spoke(pl);
        if (ret->kind == EGW_LOG_TAIL && ret->record.topic == pl->cluster->conf.state_topic &&
            restore_wrongly(pl, &ret->record))
            continue;
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
    forget_kept(pl, pl->aborted_n);
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
    if (pl->plant == PLANT_OVERLAY_KEPT && out->topic == pl->cluster->conf.state_topic &&
        !egw_str_is(out->key, "#position"))
        copy_out(sim_push(&pl->kept, &pl->kept_n, &pl->kept_cap, sizeof(*pl->kept)), out);
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

/* ---- the processor ---- */

/* What the aborted batch had put is there again, a few entries a step. */
static void put_kept(struct planted *pl, struct egw_turn *turn)
{
    enum { A_STEP = 8 };
    size_t put = 0, stays = 0;

    for (size_t i = 0; i < pl->kept_n; i++) {
        struct held *h = &pl->kept[i];

        if (i < pl->aborted_n && put < A_STEP && h->out.partition == egw_turn_partition(turn)) {
            put += egw_turn_put(turn, h->out.key, h->out.value) == EGW_OK;
            free(h->bytes);
            h->bytes = NULL;
        }
    }
    for (size_t i = 0; i < pl->kept_n; i++)
        if (pl->kept[i].bytes)
            pl->kept[stays++] = pl->kept[i];
    pl->aborted_n -= pl->kept_n - stays;
    pl->kept_n = stays;
}

static enum egw_status wrong_step(void *self, struct egw_turn *turn, const struct egw_input *input,
                                  struct egw_error *reterr)
{
    struct planted *pl = self;

    put_kept(pl, turn);
    if (pl->plant == PLANT_ACTIVATION_TWICE && input->kind == EGW_INPUT_RECORD &&
        egw_str_is(input->record.key, "#activation"))
        egw_turn_position(turn)->activation = 0;
    return pl->right->step(pl->right->self, turn, input, reterr);
}

static enum egw_status wrong_learn(void *self, const struct egw_log_record *record,
                                   struct egw_str *ret_fact, struct egw_error *reterr)
{
    struct planted *pl = self;

    return pl->right->learn(pl->right->self, record, ret_fact, reterr);
}

static int64_t wrong_fact_offset(void *self, struct egw_str fact)
{
    struct planted *pl = self;

    return pl->right->fact_offset(pl->right->self, fact);
}

/* waits-dropped: only what a commit put while this owner was there is ever armed. */
static enum egw_status wrong_waits(void *self, struct egw_str key, struct egw_str value,
                                   struct egw_waits *ret, struct egw_error *reterr)
{
    struct planted *pl = self;
    enum egw_status st = pl->right->waits(pl->right->self, key, value, ret, reterr);
    struct egw_str held;

    if (st || pl->plant != PLANT_WAITS_DROPPED)
        return st;
    if (pl->merging && egw_table_put(&pl->armed, key, EGW_STR("")))
        abort();
    if (!egw_table_get(&pl->armed, key, &held))
        *ret = (struct egw_waits){0};
    return EGW_OK;
}

const struct egw_processor *plant_processor(struct planted *pl, const struct egw_processor *inner)
{
    if (!pl)
        return inner;
    pl->right = inner;
    pl->processor = (struct egw_processor){.name = inner->name,
                                           .self = pl,
                                           .step = wrong_step,
                                           .learn = wrong_learn,
                                           .fact_offset = wrong_fact_offset,
                                           .waits = wrong_waits};
    return &pl->processor;
}

/* ---- life ---- */

struct egw_log plant_port(enum plant plant, struct memlog *log, struct memcluster *cluster,
                          const struct egw_plans *plans, struct planted **ret)
{
    struct planted *pl;

    *ret = NULL;
    if (plant == PLANT_NONE)
        return memlog_port(log);
    if (plant == PLANT_NEWEST_METADATA)
        memlog_plant_newest_metadata(log);
    if (plant == PLANT_STABLE_END)
        memlog_plant_stable_end(log);
    if (plant == PLANT_NO_GENERATION)
        memlog_plant_no_generation(log);
    if (plant == PLANT_READ_UNCOMMITTED)
        memlog_plant_read_uncommitted(log);
    if (plant == PLANT_NO_OFFSETS)
        memlog_allow_no_offsets(log);
    *ret = pl = sim_zalloc(sizeof(*pl));
    pl->plant = plant;
    pl->inner = memlog_port(log);
    pl->cluster = cluster;
    pl->plans = plans;
    pl->runs = sim_zalloc((size_t)cluster->partition_count * sizeof(*pl->runs));
    pl->places = sim_zalloc((size_t)cluster->partition_count * sizeof(*pl->places));
    pl->placed = sim_zalloc((size_t)cluster->partition_count * sizeof(*pl->placed));
    return (struct egw_log){&OPS, pl};
}

void planted_free(struct planted *pl)
{
    if (!pl)
        return;
    drop_held(pl);
    free(pl->held);
    forget_kept(pl, 0);
    free(pl->kept);
    free(pl->places);
    free(pl->placed);
    egw_arena_free(&pl->arena);
    egw_buf_free(&pl->forged);
    egw_table_free(&pl->armed);
    free(pl->runs);
    free(pl);
}
