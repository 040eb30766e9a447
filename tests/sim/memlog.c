#include "memlog.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    EVENTS_MAX = 64,
    CAPTURED_MAX = 8,
    VIOLATION_TEXT = 200,
    CHUNK = 48,
    REFERENCE_LATE_MS = 500,
    LOOKUP_SLOW_MS = 8000,
};

enum step {
    STEP_INIT,
    STEP_LOOKUP_OFFSETS,
    STEP_LOOKUP_ENDS,
    STEP_LOOKUP_DONE,
    STEP_FLUSH,
    STEP_OFFSETS,
    STEP_COMMIT,
    STEP_ABORT,
    STEP_DONE,
};

struct input_cursor {
    bool running;
    int64_t next[EGW_LOG_INPUTS_MAX];
    int64_t from[EGW_LOG_INPUTS_MAX];   /* as started */
    int64_t handed[EGW_LOG_INPUTS_MAX]; /* everything before was handed out since */
    int64_t ready_at;
};

struct tail {
    int topic;
    int32_t partition;
    int64_t cursor, told_end, ready_at;
};

struct queued {
    int topic;
    int32_t partition;
    struct egw_str key, value;
    char *bytes;
};

/* Group metadata as it was when an assignment came. The name is the log's own count: a static
 * member that joins anew may get the group's generation of before, under another member id. */
struct captured {
    int64_t name, generation, member_id;
};

struct memlog {
    struct memlog_conf conf;
    struct memcluster *cluster;
    struct sched *sched;
    bool dead, frozen;
    bool cold; /* thawed, and no offsets sent since */
    bool wire; /* one request was on its way when the process stopped */
    int64_t skew_ms, last_poll, wake_at;
    char violation[VIOLATION_TEXT];

    /* member of the group */
    int64_t member_id, generation;
    bool joining;                     /* a join is on its way or waits for the rebalance */
    int64_t joins;                    /* tells the last join from one that was given up */
    bool assigned;                    /* as told to the caller, or about to be */
    bool revoking;                    /* REVOKE was said; release() is awaited */
    bool release_due;                 /* ... and the caller has heard it */
    bool hopeless;                    /* fenced: nothing more will come */
    int32_t first, count;             /* from the last assignment */
    bool owned;                       /* the caller has polled ASSIGN, and not yet lost it */
    int32_t owned_first, owned_count; /* what it was told */
    int64_t owned_name;               /* ... and when, by the count of captures */
    struct captured captured[CAPTURED_MAX];
    int64_t captured_n;
    struct egw_log_event events[EVENTS_MAX];
    size_t event_at, event_n;
    int32_t *told; /* partition numbers of the event last polled */

    /* reader */
    struct input_cursor *inputs; /* by partition */
    struct tail *tails;
    size_t tail_n, tail_cap, turn;

    /* producer */
    int producer, epoch;
    bool have_producer, in_transaction, sent;
    enum egw_status broken; /* EGW_OK, or what a send came back with */
    struct queued *queue;
    size_t queue_n, queue_cap, queue_at;
    bool sending;

    /* the job */
    struct egw_log_job *job;
    enum egw_log_job_kind job_kind;
    int64_t job_began, job_generation, job_owned_name;
    struct egw_log_offset *offsets;
    size_t offset_n;
    bool doubtful, faulted;

    bool plant_newest, plant_stable_end, plant_no_generation, plant_read_uncommitted, lenient;
};

/* ---- helpers ---- */

static bool fault(struct memlog *log, unsigned in_10000)
{
    return sched_chance(log->sched, in_10000);
}

static bool fault_of(struct memlog *log, unsigned in_10000, enum hit hit)
{
    bool yes = fault(log, in_10000);

    log->sched->hits[hit] += yes;
    return yes;
}

/* The process may die here: everything after it is in vain. */
static void at(struct memlog *log, enum kill_point point)
{
    if (log->conf.at && !log->dead && point != KILL_NONE)
        log->conf.at(log->conf.user, point);
}

static void at_job(struct memlog *log, enum egw_log_job_kind kind, enum kill_point init,
                   enum kill_point lookup, enum kill_point commit, enum kill_point abort)
{
    const enum kill_point points[] = {[EGW_LOG_INIT] = init,
                                      [EGW_LOG_LOOKUP] = lookup,
                                      [EGW_LOG_COMMIT] = commit,
                                      [EGW_LOG_ABORT] = abort};

    at(log, points[kind]);
}

static int64_t latency(struct memlog *log)
{
    if (fault_of(log, log->conf.faults->slow, HIT_DELAY))
        return sched_between(log->sched, 1, log->conf.faults->slow_ms);
    return sched_between(log->sched, 1, 4);
}

static void violate(struct memlog *log, const char *what)
{
    if (!log->violation[0])
        snprintf(log->violation, sizeof(log->violation), "%s: %s", log->conf.name, what);
    sched_say(log->sched, "%s: VIOLATION %s", log->conf.name, what);
}

/* Does this action of a stopped process still happen? Only what was on the wire does. */
static bool still_sent(struct memlog *log)
{
    bool yes = log->wire && sched_chance(log->sched, 5000);

    log->wire = false;
    return yes;
}

/* False: the action is put off, or dropped with the process. */
static bool alive(struct memlog *log, sched_fn fn, int64_t n)
{
    int64_t now = log->sched->now;

    if (log->dead)
        return false;
    if (log->frozen)
        sched_after(log->sched, 25, fn, log, n);
    else if (memcluster_paused(log->cluster))
        sched_after(log->sched, log->cluster->paused_until - now + latency(log), fn, log, n);
    else
        return true;
    return false;
}

/* ---- events ---- */

static struct egw_log_event *push_event(struct memlog *log, enum egw_log_event_kind kind)
{
    struct egw_log_event *event;

    assert(log->event_n < EVENTS_MAX);
    event = &log->events[(log->event_at + log->event_n++) % EVENTS_MAX];
    *event = (struct egw_log_event){.kind = kind, .partition = -1};
    return event;
}

/* The partitions of a group event are a range: first in .partition until it is polled. */
static void push_group_event(struct memlog *log, enum egw_log_event_kind kind)
{
    struct egw_log_event *event = push_event(log, kind);

    event->partition = log->first;
    event->partition_count = (size_t)log->count;
    event->generation = log->captured_n;
}

/* ---- group ---- */

static void send_join(void *arg, int64_t n);

static void join_later(struct memlog *log)
{
    if (log->joining || log->hopeless)
        return;
    log->joining = true;
    sched_after(log->sched, latency(log), send_join, log, ++log->joins);
}

static void give_up(struct memlog *log, const char *why)
{
    log->hopeless = true;
    egw_error_set(&push_event(log, EGW_LOG_FAILED)->error, EGW_FENCED, "%s", why);
}

static void lose(struct memlog *log)
{
    if (!log->assigned)
        return;
    log->sched->hits[HIT_LOST]++;
    log->assigned = log->revoking = false;
    push_group_event(log, EGW_LOG_LOST);
}

static void capture(struct memlog *log)
{
    struct captured *slot = &log->captured[log->captured_n++ % CAPTURED_MAX];

    *slot = (struct captured){log->captured_n, log->generation, log->member_id};
}

/* The answer to SyncGroup reaches the process; n: the join it answers. */
static void sync_arrives(void *arg, int64_t n)
{
    struct memlog *log = arg;

    if (log->joins != n || !alive(log, sync_arrives, n))
        return;
    log->joining = false;
    log->assigned = true;
    capture(log);
    push_group_event(log, EGW_LOG_ASSIGN);
}

static void on_assign(void *client, int64_t generation, int32_t first, int32_t count)
{
    struct memlog *log = client;

    log->generation = generation;
    log->first = first;
    log->count = count;
    sched_after(log->sched, latency(log), sync_arrives, log, log->joins);
}

static void send_join(void *arg, int64_t n)
{
    struct memlog *log = arg;

    if (log->joins != n || !alive(log, send_join, n))
        return;
    if (log->sched->now - log->last_poll > log->conf.max_poll_ms) {
        sched_after(log->sched, 50, send_join, log, n);
        return;
    }
    if (memcluster_join(log->cluster, log->conf.identity, &log->member_id, on_assign, log) !=
        MEM_OK) {
        lose(log);
        give_up(log, "fenced: another process joined under this instance id");
    }
}

static void serve_rebalance(struct memlog *log)
{
    if (log->revoking || log->joining)
        return;
    if (!log->assigned) {
        join_later(log);
        return;
    }
    log->revoking = true;
    push_group_event(log, EGW_LOG_REVOKE);
}

static void forget_membership(struct memlog *log)
{
    lose(log);
    log->member_id = 0;
    log->generation = -1;
    log->joining = false;
    log->joins++;
    join_later(log);
}

static void beat(void *arg, int64_t n)
{
    struct memlog *log = arg;
    bool waiting = log->joining;

    if (log->hopeless || log->dead)
        return;
    sched_after(log->sched,
                sched_between(log->sched, log->conf.heartbeat_ms / 2, log->conf.heartbeat_ms), beat,
                log, n);
    if (log->frozen || memcluster_paused(log->cluster))
        return;
    if (log->member_id == 0)
        return;
    if (log->sched->now - log->last_poll > log->conf.max_poll_ms) {
        memcluster_leave(log->cluster, log->conf.identity, log->member_id);
        forget_membership(log);
        return;
    }
    switch (
        memcluster_heartbeat(log->cluster, log->conf.identity, log->member_id, log->generation)) {
    case MEM_BEAT_OK:
        return;
    case MEM_BEAT_REBALANCE:
        serve_rebalance(log);
        return;
    case MEM_BEAT_STALE:
        if (waiting)
            return;
        lose(log);
        join_later(log);
        return;
    case MEM_BEAT_UNKNOWN:
        forget_membership(log);
        return;
    case MEM_BEAT_FENCED:
        lose(log);
        give_up(log, "fenced: another process joined under this instance id");
        return;
    }
}

static void op_release(void *self)
{
    struct memlog *log = self;

    at(log, KILL_RELEASE_BEFORE);
    if (log->dead)
        return;
    if (!log->release_due)
        violate(log, "release without a revoke");
    log->release_due = log->owned = false;
    if (!log->revoking)
        return; /* lost meanwhile, though the caller has not heard it yet */
    log->revoking = log->assigned = false;
    for (int32_t p = 0; p < log->cluster->partition_count; p++)
        log->inputs[p].running = false;
    join_later(log);
    at(log, KILL_RELEASE_AFTER);
}

/* ---- reading ---- */

static bool owns(const struct memlog *log, int32_t p)
{
    return log->owned && p >= log->owned_first && p < log->owned_first + log->owned_count;
}

static enum egw_status op_start(void *self, int32_t p, const int64_t *next,
                                struct egw_error *reterr)
{
    struct memlog *log = self;
    struct input_cursor *cursor;

    at(log, KILL_START_BEFORE);
    if (!owns(log, p)) {
        violate(log, "start of a partition it was not assigned");
        return egw_error_set(reterr, EGW_INVALID, "partition %d is not assigned", (int)p);
    }
    cursor = &log->inputs[p];
    cursor->running = true;
    cursor->ready_at = log->sched->now + latency(log);
    for (size_t i = 0; i < log->cluster->conf.input_count; i++) {
        const struct mempartition *part = memcluster_partition(log->cluster, (int)i, p);

        cursor->next[i] = cursor->from[i] = cursor->handed[i] = next[i];
        if (next[i] == EGW_LOG_HOLD)
            continue;
        if (next[i] < part->low || next[i] > (int64_t)part->n) {
            struct egw_log_event *event = push_event(log, EGW_LOG_BROKEN);

            cursor->running = false;
            event->topic = (int)i;
            event->partition = p;
            event->offset = next[i];
            egw_error_set(&event->error, EGW_INVALID, "offset %" PRId64 " is outside %s/%d",
                          next[i], log->cluster->conf.topics[i].name, (int)p);
        }
    }
    at(log, KILL_START_AFTER);
    return EGW_OK;
}

static void op_stop(void *self, int32_t p)
{
    struct memlog *log = self;

    log->inputs[p].running = false;
}

static struct tail *find_tail(struct memlog *log, int topic, int32_t p)
{
    for (size_t i = 0; i < log->tail_n; i++)
        if (log->tails[i].topic == topic && log->tails[i].partition == p)
            return &log->tails[i];
    return NULL;
}

static enum egw_status op_follow(void *self, int topic, int32_t p, int64_t offset,
                                 struct egw_error *reterr)
{
    struct memlog *log = self;
    struct tail *tail = find_tail(log, topic, p);

    (void)reterr;
    if (tail)
        violate(log, "follow of a partition that is followed already");
    else
        tail = sim_push(&log->tails, &log->tail_n, &log->tail_cap, sizeof(*log->tails));
    *tail = (struct tail){topic, p, offset == EGW_LOG_BEGINNING ? 0 : offset, -1,
                          log->sched->now + latency(log)};
    if (topic == log->cluster->conf.state_topic)
        at(log, KILL_FOLLOW);
    return EGW_OK;
}

static void op_unfollow(void *self, int topic, int32_t p)
{
    struct memlog *log = self;
    struct tail *tail = find_tail(log, topic, p);

    if (!tail) {
        violate(log, "unfollow of a partition that is not followed");
        return;
    }
    memmove(tail, tail + 1, (size_t)(log->tails + log->tail_n - tail - 1) * sizeof(*tail));
    log->tail_n--;
}

static void fill_record(struct egw_log_record *ret, int topic, int32_t p, int64_t offset,
                        const struct memrecord *r)
{
    *ret = (struct egw_log_record){.topic = topic,
                                   .partition = p,
                                   .offset = offset,
                                   .timestamp_ms = r->timestamp_ms,
                                   .key = r->key,
                                   .value = r->value};
}

/* After some records the next fetch takes a moment; so partitions interleave in every way. */
static void pace(struct memlog *log, int64_t *ready_at, unsigned stall)
{
    if (fault_of(log, stall, HIT_FETCH_STALL))
        *ready_at = log->sched->now + sched_between(log->sched, 20, 4000);
    else if (sched_chance(log->sched, 600))
        *ready_at = log->sched->now + latency(log);
}

static const struct memrecord *read_next(const struct memlog *log, int topic, int32_t p,
                                         int64_t *cursor)
{
    const struct mempartition *part = memcluster_partition(log->cluster, topic, p);

    if (!log->plant_read_uncommitted)
        return memcluster_read(log->cluster, topic, p, cursor);
    for (; *cursor < (int64_t)part->n; ++*cursor)
        if (part->records[*cursor].mark < MEM_MARKER)
            return &part->records[*cursor];
    return NULL;
}

/* What was handed out since the start may come again, as after a fetch that is repeated. */
static void hand_out(struct memlog *log, struct input_cursor *cursor, size_t i)
{
    int64_t given = cursor->next[i]++, back;

    if (given < cursor->handed[i])
        log->sched->hits[HIT_REDELIVERED]++;
    else
        cursor->handed[i] = given + 1;
    if (!fault(log, log->conf.faults->redelivered))
        return;
    back = given - (int64_t)sched_pick(log->sched, 4);
    cursor->next[i] = back > cursor->from[i] ? back : cursor->from[i];
}

static bool read_input(struct memlog *log, int32_t p, struct egw_log_event *ret)
{
    struct input_cursor *cursor = &log->inputs[p];
    size_t inputs = log->cluster->conf.input_count, from;

    if (!cursor->running || !owns(log, p) || cursor->ready_at > log->sched->now)
        return false;
    from = (size_t)sched_pick(log->sched, inputs);
    for (size_t k = 0; k < inputs; k++) {
        size_t i = (from + k) % inputs;
        const struct memrecord *r = NULL;

        if (cursor->next[i] != EGW_LOG_HOLD)
            r = read_next(log, (int)i, p, &cursor->next[i]);
        if (!r)
            continue;
        ret->kind = EGW_LOG_INPUT;
        fill_record(&ret->record, (int)i, p, cursor->next[i], r);
        hand_out(log, cursor, i);
        pace(log, &cursor->ready_at, log->conf.faults->fetch_stall);
        return true;
    }
    return false;
}

static bool read_tail(struct memlog *log, struct tail *tail, struct egw_log_event *ret)
{
    const struct memrecord *r;

    if (tail->ready_at > log->sched->now)
        return false;
    r = read_next(log, tail->topic, tail->partition, &tail->cursor);
    if (r) {
        ret->kind = EGW_LOG_TAIL;
        fill_record(&ret->record, tail->topic, tail->partition, tail->cursor++, r);
        /* Who reads from the start is not held up: it would never come to work. */
        pace(log, &tail->ready_at,
             tail->topic == log->cluster->conf.state_topic || tail->told_end < 0
                 ? log->conf.faults->fetch_stall
                 : log->conf.faults->reference_stall);
        if (memcluster_wall(log->cluster, REFERENCE_LATE_MS) > r->timestamp_ms &&
            tail->topic != log->cluster->conf.state_topic && tail->told_end >= 0)
            log->sched->hits[HIT_REFERENCE_LATE]++;
        return true;
    }
    if (tail->told_end == tail->cursor)
        return false;
    tail->told_end = tail->cursor;
    ret->kind = EGW_LOG_TAIL_END;
    ret->topic = tail->topic;
    ret->partition = tail->partition;
    ret->offset = tail->cursor;
    return true;
}

static bool read_any(struct memlog *log, struct egw_log_event *ret)
{
    size_t sources = (size_t)log->cluster->partition_count + log->tail_n;

    if (memcluster_paused(log->cluster))
        return false;
    for (size_t k = 0; k < sources; k++) {
        size_t i = (log->turn + k) % sources;
        bool got = i < log->tail_n ? read_tail(log, &log->tails[i], ret)
                                   : read_input(log, (int32_t)(i - log->tail_n), ret);

        if (got) {
            log->turn += sched_chance(log->sched, 2000) ? k + 1 : k;
            return true;
        }
    }
    return false;
}

static void list_partitions(struct memlog *log, struct egw_log_event *event)
{
    for (size_t i = 0; i < event->partition_count; i++)
        log->told[i] = event->partition + (int32_t)i;
    event->partitions = log->told;
}

static void hand_over_group_event(struct memlog *log, struct egw_log_event *event)
{
    list_partitions(log, event);
    log->release_due = event->kind == EGW_LOG_REVOKE;
    if (event->kind == EGW_LOG_ASSIGN) {
        log->owned = true;
        log->owned_first = event->partition;
        log->owned_count = (int32_t)event->partition_count;
        log->owned_name = event->generation;
    } else if (event->kind == EGW_LOG_LOST) {
        log->owned = false;
        for (int32_t p = 0; p < log->cluster->partition_count; p++)
            log->inputs[p].running = false;
    }
    sched_say(log->sched, "%s: %s of %d partitions from %d, generation %" PRId64, log->conf.name,
              event->kind == EGW_LOG_ASSIGN   ? "assign"
              : event->kind == EGW_LOG_REVOKE ? "revoke"
                                              : "lost",
              (int)event->partition_count, (int)event->partition, event->generation);
    event->partition = -1;
}

/* Which point the process is at when it holds this event and has done nothing with it. */
static enum kill_point point_of(const struct memlog *log, const struct egw_log_event *event)
{
    static const enum kill_point told[] = {[EGW_LOG_INIT] = KILL_INIT_TOLD,
                                           [EGW_LOG_LOOKUP] = KILL_LOOKUP_TOLD,
                                           [EGW_LOG_COMMIT] = KILL_COMMIT_TOLD,
                                           [EGW_LOG_ABORT] = KILL_ABORT_TOLD};
    int state = log->cluster->conf.state_topic;

    switch (event->kind) {
    case EGW_LOG_ASSIGN:
        return KILL_ASSIGN_TOLD;
    case EGW_LOG_REVOKE:
        return KILL_REVOKE_TOLD;
    case EGW_LOG_LOST:
        return KILL_LOST_TOLD;
    case EGW_LOG_INPUT:
        return KILL_INPUT_POLLED;
    case EGW_LOG_TAIL:
        return event->record.topic == state ? KILL_STATE_READ : KILL_REFERENCE_READ;
    case EGW_LOG_TAIL_END:
        return event->topic == state ? KILL_STATE_END : KILL_NONE;
    case EGW_LOG_DONE:
        return told[log->job_kind];
    default:
        return KILL_NONE;
    }
}

static void poll_one(struct memlog *log, struct egw_log_event *ret)
{
    *ret = (struct egw_log_event){.kind = EGW_LOG_IDLE, .partition = -1};
    log->last_poll = log->sched->now;
    if (log->event_n == 0) {
        (void)read_any(log, ret);
        return;
    }
    *ret = log->events[log->event_at];
    log->event_at = (log->event_at + 1) % EVENTS_MAX;
    log->event_n--;
    if (ret->kind == EGW_LOG_ASSIGN || ret->kind == EGW_LOG_REVOKE || ret->kind == EGW_LOG_LOST)
        hand_over_group_event(log, ret);
    if (ret->kind == EGW_LOG_DONE && log->job_kind == EGW_LOG_LOOKUP && log->owned &&
        log->owned_name != log->job_owned_name)
        log->sched->hits[HIT_LOOKUP_STALE]++;
}

static void op_poll(void *self, struct egw_log_event *ret)
{
    struct memlog *log = self;

    if (!log->dead) {
        poll_one(log, ret);
        at(log, point_of(log, ret));
    }
    if (log->dead)
        *ret = (struct egw_log_event){.kind = EGW_LOG_IDLE, .partition = -1};
}

static void op_wait(void *self, int64_t ms)
{
    struct memlog *log = self;
    int64_t now = log->sched->now;

    log->wake_at = now + (ms > 0 ? ms : 0);
    if (log->event_n > 0)
        log->wake_at = now;
    for (int32_t p = 0; p < log->cluster->partition_count; p++)
        if (log->inputs[p].running && log->inputs[p].ready_at > now &&
            log->inputs[p].ready_at < log->wake_at)
            log->wake_at = log->inputs[p].ready_at;
    for (size_t i = 0; i < log->tail_n; i++)
        if (log->tails[i].ready_at > now && log->tails[i].ready_at < log->wake_at)
            log->wake_at = log->tails[i].ready_at;
}

/* ---- producing ---- */

static void drop_queue(struct memlog *log)
{
    for (size_t i = log->queue_at; i < log->queue_n; i++)
        free(log->queue[i].bytes);
    log->queue_n = log->queue_at = 0;
}

static void break_transaction(struct memlog *log, enum egw_status how)
{
    log->broken = how;
    drop_queue(log);
}

/* One record to its broker; false: not now, or not at all any more. */
static bool send_one(struct memlog *log)
{
    struct queued *q = &log->queue[log->queue_at];
    enum memreply reply;

    if (fault_of(log, log->conf.faults->delivery_failed, HIT_ABORT_DELIVERY)) {
        break_transaction(log, EGW_ABORT);
        return false;
    }
    reply = memcluster_write(log->cluster, log->producer, log->epoch, q->topic, q->partition,
                             q->key, q->value);
    if (reply == MEM_AGAIN)
        return false;
    if (reply != MEM_OK) {
        log->sched->hits[HIT_FENCED]++;
        break_transaction(log, EGW_FATAL);
        return false;
    }
    log->sent = true;
    free(q->bytes);
    log->queue_at++;
    return true;
}

static void send_chunk(struct memlog *log)
{
    for (int i = 0; i < CHUNK && log->queue_at < log->queue_n; i++)
        if (!send_one(log))
            break;
    if (log->queue_at == log->queue_n)
        log->queue_n = log->queue_at = 0;
}

static void send_queue(void *arg, int64_t n)
{
    struct memlog *log = arg;

    if (log->dead) {
        if (still_sent(log))
            send_chunk(log);
        return;
    }
    if (!alive(log, send_queue, n))
        return;
    send_chunk(log);
    log->sending = log->queue_n > 0;
    if (log->sending)
        sched_after(log->sched, latency(log), send_queue, log, n);
}

static enum egw_status op_begin(void *self, struct egw_error *reterr)
{
    struct memlog *log = self;

    at(log, KILL_BEGIN_BEFORE);
    if (log->dead)
        return egw_error_set(reterr, EGW_FATAL, "begin: the process is dead");
    if (log->in_transaction)
        violate(log, "begin inside a transaction");
    if (log->job)
        violate(log, "begin while a job is under way");
    if (!log->have_producer || fault_of(log, log->conf.faults->begin_fatal, HIT_BEGIN_FATAL)) {
        log->have_producer = false;
        return egw_error_set(reterr, EGW_FATAL, "begin: the producer is of no use any more");
    }
    log->in_transaction = true;
    log->sent = false;
    log->broken = EGW_OK;
    at(log, KILL_BEGIN_AFTER);
    return EGW_OK;
}

static void enqueue(struct memlog *log, const struct egw_log_out *out)
{
    struct queued *q = sim_push(&log->queue, &log->queue_n, &log->queue_cap, sizeof(*log->queue));

    q->topic = out->topic;
    q->partition = out->partition;
    q->bytes = sim_realloc(NULL, out->key.n + out->value.n);
    if (out->key.p)
        q->key = (struct egw_str){memcpy(q->bytes, out->key.p, out->key.n), out->key.n};
    if (out->value.p)
        q->value = (struct egw_str){memcpy(q->bytes + out->key.n, out->value.p, out->value.n),
                                    out->value.n};
}

static enum egw_status op_produce(void *self, const struct egw_log_out *outs, size_t n,
                                  size_t *ret_done, struct egw_error *reterr)
{
    struct memlog *log = self;
    size_t take = n;

    *ret_done = 0;
    at(log, KILL_PRODUCE_BEFORE);
    if (log->dead)
        return egw_error_set(reterr, EGW_FATAL, "produce: the process is dead");
    if (!log->in_transaction)
        violate(log, "produce outside a transaction");
    if (log->broken != EGW_OK)
        return egw_error_set(reterr, log->broken, "produce: an earlier record failed");
    if (n > 1 && fault_of(log, log->conf.faults->queue_full, HIT_QUEUE_FULL))
        take = (size_t)sched_pick(log->sched, n);
    for (size_t i = 0; i < take; i++)
        enqueue(log, &outs[i]);
    *ret_done = take;
    if (!log->sending && log->queue_n > 0) {
        log->sending = true;
        sched_after(log->sched, latency(log), send_queue, log, 0);
    }
    at(log, take == n ? KILL_PRODUCE_AFTER : KILL_PRODUCE_HALF);
    return take == n ? EGW_OK : egw_error_set(reterr, EGW_RETRY, "produce: the queue is full");
}

/* ---- jobs ---- */

static void run_step(void *arg, int64_t step);

static void next_step(struct memlog *log, enum step step, int64_t after)
{
    sched_after(log->sched, after, run_step, log, step);
}

static const char *job_name(enum egw_log_job_kind kind)
{
    static const char *const names[] = {"init", "lookup", "commit", "abort"};

    return names[kind];
}

static void finish(struct memlog *log, enum egw_status result, const char *why)
{
    struct egw_log_job *job = log->job;

    if (log->dead)
        return;
    sched_say(log->sched, "%s: %s %s%s%s%s", log->conf.name, job_name(log->job_kind),
              egw_status_name(result), log->doubtful ? " doubtful" : "", why ? ": " : "",
              why ? why : "");
    if (log->sched->now - log->job_began > log->conf.socket_ms / 2)
        log->doubtful = true;
    job->result = result;
    job->doubtful = result == EGW_OK && log->doubtful;
    if (result != EGW_OK)
        egw_error_set(&job->error, result, "%s", why ? why : "no reason");
    if (result == EGW_FATAL)
        log->have_producer = log->in_transaction = false;
    if (result == EGW_OK && (log->job_kind == EGW_LOG_COMMIT || log->job_kind == EGW_LOG_ABORT))
        log->in_transaction = false;
    log->job = NULL;
    push_event(log, EGW_LOG_DONE);
    at_job(log, log->job_kind, KILL_INIT_ANSWERED, KILL_LOOKUP_ANSWERED, KILL_COMMIT_ENDED,
           KILL_NONE);
}

static void step_init(struct memlog *log)
{
    if (fault_of(log, log->conf.faults->init_fatal, HIT_INIT_FATAL)) {
        finish(log, EGW_FATAL, "init: no answer");
        return;
    }
    if (memcluster_producer(log->cluster, log->conf.identity, &log->producer, &log->epoch) !=
        MEM_OK) {
        next_step(log, STEP_INIT, sched_between(log->sched, 5, 40));
        return;
    }
    log->have_producer = true;
    finish(log, EGW_OK, NULL);
}

static void step_lookup_offsets(struct memlog *log)
{
    bool pending = false, any = false;

    for (size_t k = 0; k < log->job->place_count; k++)
        for (size_t i = 0; i < log->cluster->conf.input_count; i++) {
            struct egw_log_place *place = &log->job->places[k];

            place->committed[i] = memcluster_committed(log->cluster, i, place->partition, &pending);
            any |= pending;
        }
    if (any) {
        log->sched->hits[HIT_LOOKUP_PENDING]++;
        if (log->sched->now - log->job_began > 2000)
            finish(log, EGW_RETRY, "lookup: offsets are not stable yet");
        else
            next_step(log, STEP_LOOKUP_OFFSETS, sched_between(log->sched, 10, 50));
        return;
    }
    if (fault_of(log, log->conf.faults->lookup_retry, HIT_LOOKUP_RETRY))
        finish(log, EGW_RETRY, "lookup: timed out");
    else
        next_step(log, STEP_LOOKUP_ENDS, latency(log));
}

static void step_lookup_ends(struct memlog *log)
{
    for (size_t k = 0; k < log->job->place_count; k++) {
        struct egw_log_place *place = &log->job->places[k];
        const struct mempartition *part =
            memcluster_partition(log->cluster, log->cluster->conf.state_topic, place->partition);

        place->state_low = part->low;
        place->state_end = log->plant_stable_end ? part->stable : (int64_t)part->n;
        for (size_t i = 0; i < log->cluster->conf.input_count; i++) {
            part = memcluster_partition(log->cluster, (int)i, place->partition);
            place->low[i] = part->low;
            place->high[i] = (int64_t)part->n;
        }
    }
    /* What is true now may be old when it is heard. */
    next_step(log, STEP_LOOKUP_DONE,
              fault(log, log->conf.faults->lookup_slow)
                  ? sched_between(log->sched, 100, LOOKUP_SLOW_MS)
                  : latency(log));
}

/* After a freeze the connection is often found broken at its next use. */
static bool coordinator_is_away(struct memlog *log)
{
    bool cold = log->cold && sched_chance(log->sched, 5000);

    log->cold = false;
    return cold || fault(log, log->conf.faults->offsets_slow);
}

static void step_flush(struct memlog *log)
{
    send_chunk(log);
    if (log->broken == EGW_OK && log->queue_n == 0) {
        at(log, KILL_FLUSHED);
        if (log->dead)
            return;
    }
    if (log->broken != EGW_OK)
        finish(log, log->broken, "commit: a record was not delivered");
    else if (log->queue_n > 0)
        next_step(log, STEP_FLUSH, latency(log));
    else if (log->offset_n == 0)
        next_step(log, STEP_COMMIT, latency(log));
    else if (coordinator_is_away(log))
        next_step(log, STEP_OFFSETS, sched_between(log->sched, 300, 1400));
    else
        next_step(log, STEP_OFFSETS, latency(log));
}

static bool find_captured(const struct memlog *log, int64_t name, struct captured *ret)
{
    for (int i = 0; i < CAPTURED_MAX && i < log->captured_n; i++)
        if (log->captured[i].name == name) {
            *ret = log->captured[i];
            return true;
        }
    return false;
}

static void step_offsets(struct memlog *log)
{
    struct captured metadata;

    if (!find_captured(log, log->job_generation, &metadata)) {
        finish(log, EGW_ABORT, "commit: group metadata of no assignment");
        return;
    }
    if (log->plant_newest)
        metadata = (struct captured){0, log->generation, log->member_id};
    if (log->plant_no_generation)
        metadata = (struct captured){0, -1, 0};
    if (fault_of(log, log->conf.faults->offsets_abortable, HIT_ABORT_OFFSETS)) {
        finish(log, EGW_ABORT, "commit: the coordinator refused the offsets");
        return;
    }
    switch (memcluster_offsets(log->cluster, log->producer, log->epoch, log->conf.identity,
                               metadata.member_id, metadata.generation, log->offsets,
                               log->offset_n)) {
    case MEM_OK:
        log->sent = true;
        at(log, KILL_OFFSETS_SENT);
        next_step(log, STEP_COMMIT, latency(log));
        return;
    case MEM_AGAIN:
        next_step(log, STEP_OFFSETS, sched_between(log->sched, 5, 40));
        return;
    case MEM_REFUSED:
        log->sent = true;
        finish(log, EGW_ABORT, "commit: illegal generation");
        return;
    case MEM_FENCED:
    case MEM_STATE:
        log->sched->hits[HIT_FENCED]++;
        finish(log, EGW_FATAL, "commit: the producer was fenced");
        return;
    }
}

/* A copy of a request comes when nobody expects it any more; n: producer, epoch, commit or abort.
 */
static void late_end(void *arg, int64_t n)
{
    struct memcluster *cluster = arg;
    int producer = (int)(n >> 32), epoch = (int)(n >> 1 & 0x7fffffff);
    bool commit = n & 1;
    enum memreply reply = memcluster_end(cluster, producer, epoch, commit);

    cluster->sched->hits[commit ? HIT_COMMIT_LATE : HIT_ABORT_LATE]++;
    cluster->sched->hits[HIT_COMMIT_TORN] += commit && reply == MEM_FENCED;
    sched_say(cluster->sched, "late %s of producer %d, epoch %d: %s", commit ? "commit" : "abort",
              producer, epoch, reply == MEM_OK ? "applied" : "refused");
}

static void send_late(struct memlog *log, bool commit)
{
    int64_t n = (int64_t)log->producer << 32 | (int64_t)log->epoch << 1 | commit;

    sched_after(log->sched, sched_between(log->sched, 5, 400), late_end, log->cluster, n);
}

static void ask_end(struct memlog *log, bool commit)
{
    enum step again = commit ? STEP_COMMIT : STEP_ABORT;

    if (!log->sent) {
        finish(log, EGW_OK, NULL);
        return;
    }
    switch (memcluster_end(log->cluster, log->producer, log->epoch, commit)) {
    case MEM_OK:
        next_step(log, STEP_DONE, latency(log));
        at(log, commit ? KILL_END_SENT : KILL_ABORT_SENT);
        return;
    case MEM_AGAIN:
        next_step(log, again, sched_between(log->sched, 5, 40));
        return;
    case MEM_FENCED:
    case MEM_STATE:
    case MEM_REFUSED:
        log->sched->hits[HIT_FENCED]++;
        finish(log, EGW_FATAL,
               commit ? "commit: the producer was fenced" : "abort: the producer was fenced");
        return;
    }
}

/* True: this attempt met a fault, and what follows is arranged. */
static bool commit_faults(struct memlog *log)
{
    const struct memfaults *f = log->conf.faults;

    if (log->faulted || !log->sent)
        return false;
    log->faulted = true;
    if (fault_of(log, f->commit_not_applied, HIT_COMMIT_NOWHERE)) {
        finish(log, EGW_FATAL, "commit: no answer");
    } else if (fault_of(log, f->commit_applied, HIT_COMMIT_UNHEARD)) {
        (void)memcluster_end(log->cluster, log->producer, log->epoch, true);
        finish(log, EGW_FATAL, "commit: it succeeded at the broker but failed here");
    } else if (fault_of(log, f->commit_abortable, HIT_ABORT_COMMIT)) {
        finish(log, EGW_ABORT, "commit: the coordinator asks for an abort");
    } else if (fault_of(log, f->commit_reply_lost, HIT_COMMIT_LOST)) {
        log->doubtful = true;
        (void)memcluster_end(log->cluster, log->producer, log->epoch, true);
        next_step(log, STEP_COMMIT, sched_between(log->sched, 20, 300));
    } else if (fault(log, f->commit_late)) {
        log->doubtful = true;
        send_late(log, true);
        next_step(log, STEP_COMMIT, sched_between(log->sched, 5, 100));
    } else {
        return false;
    }
    return true;
}

static bool abort_faults(struct memlog *log)
{
    const struct memfaults *f = log->conf.faults;

    if (log->faulted || !log->sent)
        return false;
    log->faulted = true;
    if (fault_of(log, f->abort_fatal, HIT_ABORT_FATAL)) {
        finish(log, EGW_FATAL, "abort: no answer");
    } else if (fault(log, f->abort_late)) {
        log->doubtful = true;
        send_late(log, false);
        next_step(log, STEP_ABORT, sched_between(log->sched, 5, 100));
    } else {
        return false;
    }
    return true;
}

static void step_abort(struct memlog *log)
{
    drop_queue(log);
    if (!log->have_producer || log->broken == EGW_FATAL)
        finish(log, EGW_FATAL, "abort: the producer was fenced");
    else if (!abort_faults(log))
        ask_end(log, false);
}

/* What the brokers see of a request whose sender is gone. */
static void run_step_of_dead(struct memlog *log, enum step step)
{
    if (step == STEP_FLUSH)
        send_chunk(log);
    else if (step == STEP_COMMIT && log->sent)
        (void)memcluster_end(log->cluster, log->producer, log->epoch, true);
    else if (step == STEP_ABORT && log->sent)
        (void)memcluster_end(log->cluster, log->producer, log->epoch, false);
}

static void run_step(void *arg, int64_t n)
{
    struct memlog *log = arg;
    enum step step = (enum step)n;

    if (log->dead) {
        if (still_sent(log))
            run_step_of_dead(log, step);
        return;
    }
    if (log->frozen && still_sent(log)) {
        /* The request went out before the process froze; it hears the answer afterwards. */
        if (step == STEP_LOOKUP_ENDS) {
            step_lookup_ends(log);
            return;
        }
        run_step_of_dead(log, step);
    }
    if (!alive(log, run_step, n))
        return;
    switch (step) {
    case STEP_INIT:
        step_init(log);
        return;
    case STEP_LOOKUP_OFFSETS:
        step_lookup_offsets(log);
        return;
    case STEP_LOOKUP_ENDS:
        step_lookup_ends(log);
        return;
    case STEP_LOOKUP_DONE:
        finish(log, EGW_OK, NULL);
        return;
    case STEP_FLUSH:
        step_flush(log);
        return;
    case STEP_OFFSETS:
        step_offsets(log);
        return;
    case STEP_COMMIT:
        if (!commit_faults(log))
            ask_end(log, true);
        return;
    case STEP_ABORT:
        step_abort(log);
        return;
    case STEP_DONE:
        finish(log, EGW_OK, NULL);
        return;
    }
}

static void copy_offsets(struct memlog *log, const struct egw_log_job *job)
{
    free(log->offsets);
    log->offset_n = job->offset_count;
    log->offsets = sim_realloc(NULL, job->offset_count * sizeof(*log->offsets));
    if (job->offset_count > 0)
        memcpy(log->offsets, job->offsets, job->offset_count * sizeof(*log->offsets));
}

static void op_job(void *self, struct egw_log_job *job)
{
    static const enum step first[] = {[EGW_LOG_INIT] = STEP_INIT,
                                      [EGW_LOG_LOOKUP] = STEP_LOOKUP_OFFSETS,
                                      [EGW_LOG_COMMIT] = STEP_FLUSH,
                                      [EGW_LOG_ABORT] = STEP_ABORT};
    struct memlog *log = self;

    if (log->dead)
        return;
    if (log->job)
        violate(log, "a job while another is under way");
    if ((job->kind == EGW_LOG_COMMIT || job->kind == EGW_LOG_ABORT) && !log->in_transaction)
        violate(log, "commit or abort without a transaction");
    if (job->kind == EGW_LOG_COMMIT && job->offset_count == 0 && !log->lenient)
        violate(log, "commit without offsets");
    log->job = job;
    log->job_kind = job->kind;
    log->job_began = log->sched->now;
    log->job_generation = job->generation;
    log->job_owned_name = log->owned_name;
    log->doubtful = log->faulted = false;
    if (job->kind == EGW_LOG_COMMIT)
        copy_offsets(log, job);
    if (job->kind == EGW_LOG_INIT) {
        drop_queue(log);
        log->have_producer = log->in_transaction = false;
        log->broken = EGW_OK;
    }
    next_step(log, first[job->kind], latency(log));
    at_job(log, job->kind, KILL_INIT_ASKED, KILL_LOOKUP_ASKED, KILL_COMMIT_ASKED, KILL_ABORT_ASKED);
}

/* ---- the rest ---- */

static int64_t op_wall_ms(void *self)
{
    struct memlog *log = self;

    return memcluster_wall(log->cluster, 0) + log->skew_ms;
}

static int64_t op_mono_ms(void *self)
{
    struct memlog *log = self;

    return log->sched->now + 1;
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

struct memlog *memlog_new(const struct memlog_conf *conf)
{
    struct memlog *log = sim_zalloc(sizeof(*log));
    size_t partitions = (size_t)conf->cluster->partition_count;

    log->conf = *conf;
    log->cluster = conf->cluster;
    log->sched = conf->cluster->sched;
    log->generation = -1;
    log->last_poll = log->sched->now;
    log->inputs = sim_zalloc(partitions * sizeof(*log->inputs));
    log->told = sim_zalloc(partitions * sizeof(*log->told));
    join_later(log);
    sched_after(log->sched, conf->heartbeat_ms, beat, log, 0);
    return log;
}

void memlog_free(struct memlog *log)
{
    if (!log)
        return;
    drop_queue(log);
    free(log->queue);
    free(log->inputs);
    free(log->tails);
    free(log->told);
    free(log->offsets);
    free(log);
}

struct egw_log memlog_port(struct memlog *log)
{
    return (struct egw_log){&OPS, log};
}

void memlog_kill(struct memlog *log)
{
    if (!log->dead)
        log->wire = true;
    log->dead = true;
    log->job = NULL;
}

void memlog_freeze(struct memlog *log, bool frozen)
{
    log->frozen = log->wire = frozen;
    log->cold = !frozen;
}

void memlog_set_clock(struct memlog *log, int64_t skew_ms)
{
    log->skew_ms = skew_ms;
}

void memlog_at(struct memlog *log, enum kill_point point)
{
    at(log, point);
}

bool memlog_in_transaction(const struct memlog *log)
{
    return log->in_transaction && log->sent;
}

bool memlog_is_owner(const struct memlog *log)
{
    return memcluster_knows(log->cluster, log->conf.identity, log->member_id, log->generation);
}

bool memlog_has_event(const struct memlog *log)
{
    return log->event_n > 0;
}

int64_t memlog_wake_at(const struct memlog *log)
{
    return log->wake_at;
}

void memlog_awake(struct memlog *log)
{
    log->wake_at = log->sched->now;
}

const char *memlog_violation(const struct memlog *log)
{
    return log->violation[0] ? log->violation : NULL;
}

void memlog_plant_newest_metadata(struct memlog *log)
{
    log->plant_newest = true;
}

void memlog_plant_stable_end(struct memlog *log)
{
    log->plant_stable_end = true;
}

void memlog_plant_no_generation(struct memlog *log)
{
    log->plant_no_generation = true;
}

void memlog_plant_read_uncommitted(struct memlog *log)
{
    log->plant_read_uncommitted = true;
}

void memlog_allow_no_offsets(struct memlog *log)
{
    log->lenient = true;
}
