#include "support.h"

#include "script_log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static void trace(struct script_log *log, const char *fmt, ...) EGW_PRINTF(2, 3);

static void trace(struct script_log *log, const char *fmt, ...)
{
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(log->trace + log->trace_n, sizeof(log->trace) - log->trace_n, fmt, ap);
    va_end(ap);
    assert_true(n >= 0 && (size_t)n < sizeof(log->trace) - log->trace_n);
    log->trace_n += (size_t)n;
}

void script_clear_trace(struct script_log *log)
{
    log->trace_n = 0;
    log->trace[0] = '\0';
}

/* ---- records ---- */

static void copy_bytes(struct egw_str key, struct egw_str value, struct egw_str *ret_key,
                       struct egw_str *ret_value)
{
    char *bytes = malloc(key.n + value.n + 1);

    assert_non_null(bytes);
    if (key.n)
        memcpy(bytes, key.p, key.n);
    if (value.n)
        memcpy(bytes + key.n, value.p, value.n);
    *ret_key = (struct egw_str){bytes, key.n};
    *ret_value = value.p ? (struct egw_str){bytes + key.n, value.n} : EGW_STR_NONE;
}

int64_t script_append(struct script_log *log, int topic, int32_t partition, struct egw_str key,
                      struct egw_str value)
{
    struct script_partition *part = &log->parts[topic][partition];
    struct script_record *record = &part->records[part->n];

    assert_true(part->n < SCRIPT_RECORDS);
    part->n++;
    copy_bytes(key, value, &record->key, &record->value);
    record->offset = part->next++;
    record->timestamp_ms = log->wall_ms;
    return record->offset;
}

static const struct script_record *at_or_after(const struct script_partition *part, int64_t offset)
{
    for (size_t i = 0; i < part->n; i++) {
        if (part->records[i].offset >= offset)
            return part->hold_at >= 0 && part->records[i].offset >= part->hold_at
                       ? NULL
                       : &part->records[i];
    }
    return NULL;
}

static struct egw_log_record as_log(int topic, int32_t partition,
                                    const struct script_record *record)
{
    return (struct egw_log_record){.topic = topic,
                                   .partition = partition,
                                   .offset = record->offset,
                                   .timestamp_ms = record->timestamp_ms,
                                   .key = record->key,
                                   .value = record->value};
}

const char *script_outs(const struct script_log *log)
{
    static char text[4096];
    size_t n = 0;

    text[0] = '\0';
    for (int p = 0; p < SCRIPT_PARTITIONS; p++) {
        const struct script_partition *part = &log->parts[SCRIPT_OUT][p];

        for (size_t i = 0; i < part->n; i++) {
            int more = snprintf(text + n, sizeof(text) - n, "%s%.*s", n ? " " : "",
                                EGW_FMT(part->records[i].value));

            assert_true(more >= 0 && (size_t)more < sizeof(text) - n);
            n += (size_t)more;
        }
    }
    return text;
}

/* ---- events ---- */

void script_tell(struct script_log *log, const struct egw_log_event *event)
{
    assert_true(log->event_n < SCRIPT_EVENTS);
    log->events[(log->event_first + log->event_n++) % SCRIPT_EVENTS] = *event;
}

void script_assign(struct script_log *log, int64_t generation, const int32_t *partitions, size_t n)
{
    script_tell(log, &(struct egw_log_event){.kind = EGW_LOG_ASSIGN,
                                             .partitions = partitions,
                                             .partition_count = n,
                                             .generation = generation});
}

static bool poll_tail(struct script_log *log, int topic, int32_t p, struct egw_log_event *ret)
{
    struct script_partition *part = &log->parts[topic][p];
    const struct script_record *record;
    int64_t end;

    if (!part->followed)
        return false;
    record = at_or_after(part, part->tail_next);
    if (record) {
        *ret = (struct egw_log_event){.kind = EGW_LOG_TAIL, .record = as_log(topic, p, record)};
        part->tail_next = record->offset + 1;
        return true;
    }
    end = part->hold_at >= 0 ? part->hold_at : part->next;
    if (end == part->tail_told)
        return false;
    part->tail_told = end;
    if (end > part->tail_next)
        part->tail_next = end;
    *ret = (struct egw_log_event){
        .kind = EGW_LOG_TAIL_END, .topic = topic, .partition = p, .offset = end};
    return true;
}

static bool poll_input(struct script_log *log, int topic, int32_t p, struct egw_log_event *ret)
{
    struct script_partition *part = &log->parts[topic][p];
    const struct script_record *record;

    if (part->reading < 0)
        return false;
    record = at_or_after(part, part->reading);
    if (!record)
        return false;
    *ret = (struct egw_log_event){.kind = EGW_LOG_INPUT, .record = as_log(topic, p, record)};
    part->reading = record->offset + 1;
    return true;
}

static void port_poll(void *self, struct egw_log_event *ret)
{
    struct script_log *log = self;

    if (log->event_n) {
        *ret = log->events[log->event_first];
        log->event_first = (log->event_first + 1) % SCRIPT_EVENTS;
        log->event_n--;
        return;
    }
    if (log->job_done) {
        log->job = NULL;
        log->job_done = false;
        *ret = (struct egw_log_event){.kind = EGW_LOG_DONE};
        return;
    }
    for (int topic = 0; topic < SCRIPT_TOPICS; topic++) {
        for (int32_t p = 0; p < SCRIPT_PARTITIONS; p++) {
            if (poll_tail(log, topic, p, ret) ||
                (topic < SCRIPT_INPUTS && poll_input(log, topic, p, ret)))
                return;
        }
    }
    *ret = (struct egw_log_event){.kind = EGW_LOG_IDLE};
}

static void port_wait(void *self, int64_t ms)
{
    ((struct script_log *)self)->waited_ms = ms;
}

/* ---- inputs and tails ---- */

static enum egw_status port_start(void *self, int32_t p, const int64_t *next,
                                  struct egw_error *reterr)
{
    struct script_log *log = self;
    enum egw_status st = log->start_result;

    log->start_result = EGW_OK;
    for (int i = 0; i < SCRIPT_INPUTS; i++)
        log->parts[i][p].reading = st ? EGW_LOG_HOLD : next[i];
    if (st)
        return egw_error_set(reterr, st, "partition %d cannot be started", (int)p);
    trace(log, " start%d:%d,%d", (int)p, (int)next[0], (int)next[1]);
    return EGW_OK;
}

static void port_stop(void *self, int32_t p)
{
    struct script_log *log = self;

    for (int i = 0; i < SCRIPT_INPUTS; i++)
        log->parts[i][p].reading = EGW_LOG_HOLD;
    trace(log, " stop%d", (int)p);
}

static void port_release(void *self)
{
    struct script_log *log = self;

    for (int32_t p = 0; p < SCRIPT_PARTITIONS; p++) {
        for (int i = 0; i < SCRIPT_INPUTS; i++)
            log->parts[i][p].reading = EGW_LOG_HOLD;
    }
    trace(log, " release");
}

static enum egw_status port_follow(void *self, int topic, int32_t p, int64_t offset,
                                   struct egw_error *reterr)
{
    struct script_log *log = self;
    struct script_partition *part = &log->parts[topic][p];

    (void)reterr;
    part->followed = true;
    part->tail_next = offset == EGW_LOG_BEGINNING ? 0 : offset;
    part->tail_told = -1;
    if (topic == SCRIPT_STATE)
        trace(log, " follow%d:%d", (int)p, (int)offset);
    return EGW_OK;
}

static void port_unfollow(void *self, int topic, int32_t p)
{
    ((struct script_log *)self)->parts[topic][p].followed = false;
}

/* ---- transactions ---- */

static void drop_pending(struct script_log *log)
{
    for (size_t i = 0; i < log->pending_n; i++)
        free((char *)log->pending[i].key.p);
    log->pending_n = 0;
    log->in_transaction = false;
}

static enum egw_status cause_of(const struct script_log *log, enum egw_status st)
{
    return st == EGW_ABORT && log->cause ? log->cause : st;
}

static enum egw_status port_begin(void *self, struct egw_error *reterr)
{
    struct script_log *log = self;
    enum egw_status st = log->begin_result;

    log->begin_result = EGW_OK;
    trace(log, " begin");
    if (st)
        return egw_error_set(reterr, st, "begin was told to fail");
    assert_false(log->in_transaction);
    log->in_transaction = true;
    return EGW_OK;
}

static enum egw_status port_produce(void *self, const struct egw_log_out *outs, size_t n,
                                    size_t *ret_done, struct egw_error *reterr)
{
    struct script_log *log = self;
    enum egw_status st = log->produce_result;

    *ret_done = 0;
    log->produce_result = EGW_OK;
    assert_true(log->in_transaction);
    if (st) {
        egw_error_set(reterr, cause_of(log, st), "produce was told to fail");
        return st;
    }
    for (size_t i = 0; i < n; i++) {
        struct script_pending *pending = &log->pending[log->pending_n];

        if (log->room && log->pending_n == log->room)
            return egw_error_set(reterr, EGW_RETRY, "the queue is full");
        assert_true(log->pending_n < SCRIPT_RECORDS);
        pending->topic = outs[i].topic;
        pending->partition = outs[i].partition;
        copy_bytes(outs[i].key, outs[i].value, &pending->key, &pending->value);
        log->pending_n++;
        (*ret_done)++;
    }
    return EGW_OK;
}

static void apply(struct script_log *log, const struct egw_log_job *job)
{
    for (size_t i = 0; i < log->pending_n; i++) {
        const struct script_pending *pending = &log->pending[i];

        script_append(log, pending->topic, pending->partition, pending->key, pending->value);
    }
    for (size_t i = 0; i < job->offset_count; i++) {
        for (int k = 0; k < SCRIPT_INPUTS; k++)
            log->parts[k][job->offsets[i].partition].committed = job->offsets[i].next[k];
    }
}

static void commit(struct script_log *log, struct egw_log_job *job)
{
    assert_true(log->in_transaction);
    assert_true(job->offset_count > 0 && job->offset_count <= SCRIPT_PARTITIONS);
    log->generation = job->generation;
    log->offset_count = job->offset_count;
    memcpy(log->offsets, job->offsets, job->offset_count * sizeof(*job->offsets));
    if (!job->result || log->applied)
        apply(log, job);
    if (job->result != EGW_ABORT) /* else it is open until the abort */
        drop_pending(log);
    log->applied = false;
}

static void look_up(struct script_log *log, struct egw_log_job *job)
{
    for (size_t i = 0; i < job->place_count; i++) {
        struct egw_log_place *place = &job->places[i];

        for (int k = 0; k < SCRIPT_INPUTS; k++) {
            const struct script_partition *part = &log->parts[k][place->partition];

            place->committed[k] = part->committed;
            place->low[k] = part->low;
            place->high[k] = part->next;
        }
        place->state_end = log->parts[SCRIPT_STATE][place->partition].next;
    }
}

void script_let_go(struct script_log *log)
{
    struct egw_log_job *job = log->job;

    assert_non_null(job);
    job->result = log->result[job->kind];
    job->doubtful = log->doubtful[job->kind];
    log->result[job->kind] = EGW_OK;
    log->doubtful[job->kind] = false;
    if (job->result)
        egw_error_set(&job->error, cause_of(log, job->result), "job %d was told to fail",
                      (int)job->kind);
    switch (job->kind) {
    case EGW_LOG_COMMIT:
        commit(log, job);
        break;
    case EGW_LOG_LOOKUP:
        look_up(log, job);
        break;
    case EGW_LOG_INIT:
    case EGW_LOG_ABORT:
        drop_pending(log);
        break;
    }
    log->job_done = true;
}

static void port_job(void *self, struct egw_log_job *job)
{
    static const char *const names[] = {"INIT", "LOOKUP", "COMMIT", "ABORT"};
    struct script_log *log = self;

    assert_null(log->job);
    trace(log, " %s", names[job->kind]);
    log->job = job;
    log->job_done = false;
    if (!log->hang[job->kind])
        script_let_go(log);
}

static int64_t port_end(void *self, size_t input, int32_t p)
{
    return ((struct script_log *)self)->parts[input][p].next;
}

static int64_t port_wall(void *self)
{
    return ((struct script_log *)self)->wall_ms;
}

static int64_t port_mono(void *self)
{
    return ((struct script_log *)self)->mono_ms;
}

/* ---- life ---- */

static const struct egw_log_ops ops = {
    .poll = port_poll,
    .wait = port_wait,
    .start = port_start,
    .stop = port_stop,
    .release = port_release,
    .follow = port_follow,
    .unfollow = port_unfollow,
    .begin = port_begin,
    .produce = port_produce,
    .job = port_job,
    .end = port_end,
    .wall_ms = port_wall,
    .mono_ms = port_mono,
};

struct egw_log script_port(struct script_log *log)
{
    return (struct egw_log){&ops, log};
}

void script_crash(struct script_log *log)
{
    drop_pending(log);
    log->job = NULL;
    log->job_done = false;
    log->event_n = 0;
    memset(log->hang, 0, sizeof(log->hang));
    for (int t = 0; t < SCRIPT_TOPICS; t++) {
        for (int p = 0; p < SCRIPT_PARTITIONS; p++) {
            log->parts[t][p].followed = false;
            log->parts[t][p].reading = EGW_LOG_HOLD;
        }
    }
}

struct script_log *script_new(void)
{
    struct script_log *log = calloc(1, sizeof(*log));

    assert_non_null(log);
    log->wall_ms = INT64_C(1700000000000);
    log->mono_ms = 1000000;
    for (int t = 0; t < SCRIPT_TOPICS; t++) {
        for (int p = 0; p < SCRIPT_PARTITIONS; p++) {
            log->parts[t][p].hold_at = -1;
            log->parts[t][p].committed = -1;
            log->parts[t][p].reading = EGW_LOG_HOLD;
        }
    }
    return log;
}

void script_free(struct script_log *log)
{
    drop_pending(log);
    for (int t = 0; t < SCRIPT_TOPICS; t++) {
        for (int p = 0; p < SCRIPT_PARTITIONS; p++) {
            for (size_t i = 0; i < log->parts[t][p].n; i++)
                free((char *)log->parts[t][p].records[i].key.p);
        }
    }
    free(log);
}
