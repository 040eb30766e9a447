#include "world.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>

#include "checker.h"
#include "egw/runtime.h"
#include "egw/schema.h"

enum {
    SLOTS = 3,
    PROCESSES_MAX = 400,
    ID_TEXT = 16,
    STORM_MS = 20000, /* faults happen until then */
    SESSION_MS = 2000,
    TURNS_MAX = 600000,
    TURN_SLEEP_MS = 100,
};

enum fault_kind {
    FAULT_CRASH,
    FAULT_FREEZE,
    FAULT_TWIN,
    FAULT_SILENCE,
    FAULT_REBALANCE,
    FAULT_CLOCK,
    FAULT_TOOL_BACK,
    FAULT_TOOL_FORWARD,
    FAULT_COMPACT,
    FAULT_RESTART,
    FAULT_KINDS,
};

struct world;

/* One life of a process. A slot has one after the other, and two while a twin runs. */
struct process {
    struct world *world;
    int slot, number;
    char name[ID_TEXT], identity[ID_TEXT];
    struct memlog *log;
    struct planted *planted;
    void *subject;
    struct egw_runtime *runtime;
    struct egw_processor processor; /* the subject's, with the points to die at */
    const struct egw_processor *inner;
    bool running, frozen, draining;
    bool killed;      /* at a point: what it still does is in vain */
    int64_t skipped;  /* as its notes say */
    int64_t clock_ms; /* ahead of the world's */
    int64_t turn_at;
};

/* What a tool did to a committed offset. */
struct move {
    int32_t partition;
    size_t input;
    int64_t offset;
};

struct world {
    const struct sim_subject *subject;
    struct world_conf conf;
    struct world_result *result;
    struct sched sched;
    struct memcluster cluster;
    struct memfaults faults;
    struct sim_feed feed;
    struct checker *checker;
    struct egw_plans *plans;
    struct egw_framing framing;
    struct egw_arena arena;
    struct process *processes[PROCESSES_MAX];
    size_t process_n;
    struct move *moves;
    size_t move_n, move_cap;
    int64_t kill_skip; /* times the next point is passed unharmed */
    bool fresh;        /* something became readable since the checker looked */
    bool dying;        /* a process was killed at a point and is to be replaced */
    bool knows[FAULT_KINDS];
    bool calm;                                   /* no faults any more */
    int64_t moved_until[EGW_LOG_PARTITIONS_MAX]; /* forward, by a tool: a halt is right so long */
    int64_t events_left, fault_every_ms;
    int64_t batch_ms;
    size_t batch_records;
    bool closing, failed;
};

EGW_PRINTF(2, 3)
static void fail(struct world *w, const char *fmt, ...)
{
    va_list ap;

    if (w->failed)
        return;
    w->failed = true;
    va_start(ap, fmt);
    vsnprintf(w->result->why, sizeof(w->result->why), fmt, ap);
    va_end(ap);
    sched_say(&w->sched, "FAILED: %s", w->result->why);
}

/* ---- processes ---- */

static void start_process(void *arg, int64_t slot);

static void on_halted(struct process *process, const struct egw_note *note);
static void on_skipped(struct process *process, const struct egw_note *note);

static void on_note(void *user, const struct egw_note *note)
{
    static const char *const names[] = {
        [EGW_NOTE_ASSIGNED] = "assigned",
        [EGW_NOTE_REVOKED] = "revoked",
        [EGW_NOTE_LOST] = "lost",
        [EGW_NOTE_RESTORED] = "restored",
        [EGW_NOTE_COMMITTED] = "committed",
        [EGW_NOTE_ABORTED] = "aborted",
        [EGW_NOTE_RECREATED] = "recreated",
        [EGW_NOTE_SKIPPED] = "skipped",
        [EGW_NOTE_PARTITION_HALTED] = "halted",
        [EGW_NOTE_WAITING] = "waiting",
        [EGW_NOTE_GOES_ON] = "goes-on",
        [EGW_NOTE_UNUSABLE] = "unusable",
        [EGW_NOTE_READY] = "ready",
        [EGW_NOTE_TURN_SLOW] = "slow turn",
        [EGW_NOTE_BEGUN] = "begun",
    };
    struct process *process = user;

    if (process->killed)
        return;
    sched_say(&process->world->sched, "%s: %s %d %" PRId64 " %" PRId64 "%s%s", process->name,
              names[note->kind], (int)note->partition, note->a, note->b, note->error ? ": " : "",
              note->error ? note->error->text : "");
    if (note->kind == EGW_NOTE_PARTITION_HALTED)
        on_halted(process, note);
    if (note->kind == EGW_NOTE_WAITING && strstr(note->error->text, " was decided on reference "))
        process->world->sched.hits[HIT_REFERENCE_BEHIND]++;
    if (note->kind == EGW_NOTE_SKIPPED)
        on_skipped(process, note);
}

static void at_point(void *user, enum kill_point point)
{
    struct process *process = user;
    struct world *w = process->world;
    int next = w->result->kills;

    w->result->passed[point]++;
    if (w->calm || next == 2 || w->conf.kill[next] != point || w->kill_skip-- > 0)
        return;
    sched_say(&w->sched, "%s: killed at %s", process->name, kill_name(point));
    memlog_kill(process->log);
    process->killed = w->dying = true;
    w->result->kills++;
    w->kill_skip = 0;
}

static enum egw_status step_with_points(void *self, struct egw_turn *turn,
                                        const struct egw_input *input, struct egw_error *reterr)
{
    static const enum kill_point after[] = {[EGW_INPUT_RECORD] = KILL_DECIDE_AFTER,
                                            [EGW_INPUT_TIMER] = KILL_TIMER_AFTER,
                                            [EGW_INPUT_FACT] = KILL_FACT_AFTER};
    struct process *process = self;
    enum egw_status st;

    memlog_at(process->log, KILL_DECIDE_BEFORE);
    st = process->inner->step(process->inner->self, turn, input, reterr);
    memlog_at(process->log, after[input->kind]);
    return st;
}

static enum egw_status learn_inner(void *self, const struct egw_log_record *record,
                                   struct egw_str *ret_fact, struct egw_error *reterr)
{
    struct process *process = self;

    return process->inner->learn(process->inner->self, record, ret_fact, reterr);
}

static int64_t fact_offset_inner(void *self, struct egw_str fact)
{
    struct process *process = self;

    return process->inner->fact_offset(process->inner->self, fact);
}

static enum egw_status waits_inner(void *self, struct egw_str key, struct egw_str value,
                                   struct egw_waits *ret, struct egw_error *reterr)
{
    struct process *process = self;

    return process->inner->waits(process->inner->self, key, value, ret, reterr);
}

static struct process *new_process(struct world *w, int slot)
{
    struct process *process = sim_zalloc(sizeof(*process));

    if (w->process_n == PROCESSES_MAX) {
        fputs("sim: too many processes\n", stderr);
        abort();
    }
    process->world = w;
    process->slot = slot;
    process->number = (int)w->process_n;
    snprintf(process->name, sizeof(process->name), "p%d.%d", slot, process->number);
    snprintf(process->identity, sizeof(process->identity), "egw-%02d", slot);
    w->processes[w->process_n++] = process;
    return process;
}

static void open_runtime(struct world *w, struct process *process)
{
    struct egw_runtime_conf conf = {
        .input_names = w->subject->input_names,
        .input_count = w->subject->input_count,
        .state_topic = w->subject->state,
        .reference_topic = w->subject->reference,
        .policy_topic = w->subject->policy,
        .partition_count = w->cluster.partition_count,
        .plans = w->plans,
        .framing = &w->framing,
        .batch_ms = w->batch_ms,
        .batch_records = w->batch_records,
        .rest_ms = w->batch_ms % 4,
        .settle_ms = w->cluster.conf.txn_timeout_ms + 2 * w->cluster.conf.sweep_ms,
        .recreations = 100,
        .note = on_note,
        .user = process,
    };
    struct egw_log port =
        plant_port(w->conf.plant, process->log, &w->cluster, w->plans, &process->planted);
    struct egw_error error;

    process->subject = w->subject->open(w->plans, &w->framing);
    process->inner = plant_processor(process->planted, w->subject->processor(process->subject));
    process->processor = (struct egw_processor){.name = process->inner->name,
                                                .self = process,
                                                .step = step_with_points,
                                                .learn = learn_inner,
                                                .fact_offset = fact_offset_inner,
                                                .waits = waits_inner};
    if (egw_runtime_new(&conf, port, &process->processor, &process->runtime, &error))
        fail(w, "the runtime does not start: %s", error.text);
    else
        process->running = true;
}

static void start_process(void *arg, int64_t slot)
{
    struct world *w = arg;
    struct process *process;
    struct memlog_conf conf;

    if (w->closing) /* it was to come back after the end */
        return;
    process = new_process(w, (int)slot);
    conf = (struct memlog_conf){
        .cluster = &w->cluster,
        .name = process->name,
        .identity = process->identity,
        .faults = &w->faults,
        .heartbeat_ms = 500,
        .max_poll_ms = 4000,
        .socket_ms = 1000,
        .at = at_point,
        .user = process,
    };
    process->log = memlog_new(&conf);
    process->turn_at = w->sched.now;
    open_runtime(w, process);
    sched_say(&w->sched, "%s: starts", process->name);
}

/* The process is gone, whatever it was doing. */
static void end_process(struct process *process)
{
    memlog_kill(process->log);
    egw_runtime_free(process->runtime);
    process->world->subject->close(process->subject);
    planted_free(process->planted);
    process->runtime = NULL;
    process->subject = NULL;
    process->planted = NULL;
    process->running = false;
}

/* Ends it and has the slot filled again. */
static void replace_process(struct process *process, int64_t after)
{
    struct world *w = process->world;

    end_process(process);
    sched_after(&w->sched, after, start_process, w, process->slot);
}

static struct process *pick_process(struct world *w)
{
    struct process *found = NULL;
    uint64_t n = 0;

    for (size_t i = 0; i < w->process_n; i++)
        if (w->processes[i]->running && !w->processes[i]->frozen && !w->processes[i]->draining &&
            sched_pick(&w->sched, ++n) == 0)
            found = w->processes[i];
    return found;
}

static int running_in(const struct world *w, int slot)
{
    int n = 0;

    for (size_t i = 0; i < w->process_n; i++)
        n += w->processes[i]->running && w->processes[i]->slot == slot;
    return n;
}

/* ---- partitions that halt ---- */

/* The operator puts the offsets back where the position is, and has the process started anew. */
static void repair(void *arg, int64_t p)
{
    struct process *process = arg;
    struct world *w = process->world;
    struct egw_position position;
    const struct egw_input_position *places;

    if (!checker_position(&w->cluster, w->subject->state, (int32_t)p, w->plans, &w->arena,
                          &position)) {
        fail(w, "partition %d: no position to repair the offsets from", (int)p);
        return;
    }
    places = position.inputs.p;
    for (size_t i = 0; i < w->subject->input_count; i++)
        memcluster_move_offset(&w->cluster, i, (int32_t)p, places[i].next);
    sched_say(&w->sched, "operator: offsets of partition %d put back", (int)p);
    w->moved_until[p] = w->sched.now + 5000; /* who asked before still halts */
    if (process->running)
        replace_process(process, 50);
}

/* Does the reason name the offset a tool set and the position it is ahead of? */
static bool names_both_numbers(struct world *w, int32_t p, const char *text)
{
    struct egw_position position;
    const struct egw_input_position *places;
    char both[120];

    if (!checker_position(&w->cluster, w->subject->state, p, w->plans, &w->arena, &position))
        return false;
    places = position.inputs.p;
    for (size_t i = 0; i < w->move_n; i++) {
        const struct move *move = &w->moves[i];

        snprintf(
            both, sizeof(both),
            "%s/%d: the group's committed offset is %" PRId64 " but the position says %" PRId64 ":",
            w->subject->input_names[move->input], (int)p, move->offset, places[move->input].next);
        if (move->partition == p && strstr(text, both))
            return true;
    }
    return false;
}

static void on_halted(struct process *process, const struct egw_note *note)
{
    struct world *w = process->world;

    if (!memlog_is_owner(process->log))
        return; /* a zombie: its look-up and the state it read are of two times */
    if (w->sched.now >= w->moved_until[note->partition]) {
        fail(w, "%s: partition %d halted: %s", process->name, (int)note->partition,
             note->error->text);
    } else if (!names_both_numbers(w, note->partition, note->error->text)) {
        fail(w, "%s: partition %d halted without the two numbers: %s", process->name,
             (int)note->partition, note->error->text);
    } else {
        w->sched.hits[HIT_TOOL_FORWARD]++;
        sched_after(&w->sched, 200, repair, process, note->partition);
    }
}

/* Offsets behind the position: a tool put them there, and nothing else may have. */
static void on_skipped(struct process *process, const struct egw_note *note)
{
    struct world *w = process->world;

    process->skipped += note->b - note->a;
    for (size_t i = 0; i < w->move_n; i++)
        if (w->moves[i].partition == note->partition && w->moves[i].offset == note->a) {
            w->sched.hits[HIT_TOOL_BACK]++;
            return;
        }
    if (memlog_is_owner(process->log))
        fail(w,
             "%s: partition %d: offset %" PRId64 " is behind the position %" PRId64
             ", and no tool moved it",
             process->name, (int)note->partition, note->a, note->b);
}

/* ---- faults ---- */

static void thaw(void *arg, int64_t n)
{
    struct process *process = arg;

    (void)n;
    if (!process->frozen)
        return;
    process->frozen = false;
    process->turn_at = process->world->sched.now;
    memlog_freeze(process->log, false);
    sched_say(&process->world->sched, "%s: thawed", process->name);
}

static void freeze(struct process *process, int64_t ms)
{
    sched_say(&process->world->sched, "%s: frozen for %" PRId64 " ms", process->name, ms);
    process->world->result->freezes++;
    process->world->sched.hits[ms > SESSION_MS ? HIT_FREEZE_LONG : HIT_FREEZE_SHORT]++;
    process->frozen = true;
    memlog_freeze(process->log, true);
    sched_after(&process->world->sched, ms, thaw, process, 0);
}

/* Often short, sometimes beyond the session. */
static int64_t how_long(struct world *w)
{
    return sched_chance(&w->sched, 5000) ? sched_between(&w->sched, 5, 400)
                                         : sched_between(&w->sched, 400, 6000);
}

static void move_offsets(struct world *w, bool forward)
{
    struct move *move;
    int32_t p = (int32_t)sched_pick(&w->sched, (uint64_t)w->cluster.partition_count);
    size_t input = (size_t)sched_pick(&w->sched, w->subject->input_count);
    bool pending;
    int64_t at = memcluster_committed(&w->cluster, input, p, &pending);

    if (at < 0 || pending)
        return;
    if (forward) {
        at += sched_between(&w->sched, 1, 20);
        w->moved_until[p] = INT64_MAX;
    } else {
        at = sched_between(&w->sched, -1, at);
    }
    sched_say(&w->sched, "tool: offset of %s/%d moved to %" PRId64, w->subject->input_names[input],
              (int)p, at);
    memcluster_move_offset(&w->cluster, input, p, at);
    move = sim_push(&w->moves, &w->move_n, &w->move_cap, sizeof(*w->moves));
    *move = (struct move){p, input, at};
}

static void compact(struct world *w)
{
    int32_t p = (int32_t)sched_pick(&w->sched, (uint64_t)w->cluster.partition_count);
    const struct mempartition *part = memcluster_partition(&w->cluster, w->subject->state, p);

    memcluster_compact(&w->cluster, w->subject->state, p,
                       sched_between(&w->sched, 0, part->stable));
    sched_say(&w->sched, "state of partition %d compacted", (int)p);
}

static void crash(struct process *process)
{
    struct world *w = process->world;

    w->result->crashes++;
    w->sched.hits[HIT_CRASH]++;
    w->sched.hits[HIT_CRASH_OPEN] += memlog_in_transaction(process->log);
    sched_say(&w->sched, "%s: crashes", process->name);
    replace_process(process, sched_chance(&w->sched, 7000) ? sched_between(&w->sched, 20, 400)
                                                           : sched_between(&w->sched, 400, 5000));
}

static void inject_on(struct process *process, enum fault_kind kind)
{
    struct world *w = process->world;

    switch (kind) {
    case FAULT_CRASH:
        crash(process);
        return;
    case FAULT_FREEZE:
        freeze(process, how_long(w));
        return;
    case FAULT_TWIN:
        freeze(process, how_long(w));
        w->sched.hits[HIT_TWIN]++;
        sched_after(&w->sched, sched_between(&w->sched, 1, 300), start_process, w, process->slot);
        return;
    case FAULT_CLOCK: {
        int64_t ms = sched_between(&w->sched, -5000, 5000);

        w->sched.hits[ms < process->clock_ms ? HIT_CLOCK_BACK : HIT_CLOCK_FORWARD]++;
        process->clock_ms = ms;
        sched_say(&w->sched, "%s: clock steps to %" PRId64 " ms", process->name, ms);
        memlog_set_clock(process->log, ms);
        return;
    }
    default:
        sched_say(&w->sched, "%s: is asked to end", process->name);
        process->draining = true;
        w->sched.hits[HIT_DRAIN]++;
        process->turn_at = w->sched.now;
        egw_runtime_stop(process->runtime, EGW_STOP_DRAIN);
        return;
    }
}

static void inject(struct world *w, enum fault_kind kind)
{
    struct process *process;

    switch (kind) {
    case FAULT_SILENCE:
        memcluster_pause(&w->cluster, how_long(w) / 2);
        return;
    case FAULT_REBALANCE:
        memcluster_rebalance(&w->cluster);
        return;
    case FAULT_TOOL_BACK:
    case FAULT_TOOL_FORWARD:
        move_offsets(w, kind == FAULT_TOOL_FORWARD);
        return;
    case FAULT_COMPACT:
        compact(w);
        return;
    default:
        process = pick_process(w);
        if (process && (kind != FAULT_TWIN || running_in(w, process->slot) == 1))
            inject_on(process, kind);
        return;
    }
}

static void next_fault(void *arg, int64_t n)
{
    struct world *w = arg;
    enum fault_kind kind = (enum fault_kind)sched_pick(&w->sched, FAULT_KINDS);

    if (w->calm)
        return;
    if (w->knows[kind])
        inject(w, kind);
    sched_after(&w->sched, sched_between(&w->sched, 1, w->fault_every_ms), next_fault, w, n);
}

/* Which faults this world knows at all, and how often requests fail: another mix for each seed. */
static unsigned some(struct world *w, unsigned most)
{
    return sched_chance(&w->sched, 5000) ? (unsigned)sched_pick(&w->sched, most) : 0;
}

static void choose_faults(struct world *w)
{
    for (int i = 0; i < FAULT_KINDS; i++)
        w->knows[i] = sched_chance(&w->sched, 5000);
    w->fault_every_ms = sched_between(&w->sched, 100, 1500);
    w->faults = (struct memfaults){
        .commit_reply_lost = some(w, 1000),
        .commit_late = some(w, 1000),
        .commit_not_applied = some(w, 500),
        .commit_applied = some(w, 500),
        .commit_abortable = some(w, 1000),
        .offsets_abortable = some(w, 1000),
        .offsets_slow = some(w, 1500),
        .abort_late = some(w, 3000),
        .abort_fatal = some(w, 2000),
        .init_fatal = some(w, 2000),
        .begin_fatal = some(w, 200),
        .lookup_retry = some(w, 3000),
        .lookup_slow = some(w, 5000),
        .redelivered = some(w, 500),
        .delivery_failed = some(w, 60),
        .queue_full = some(w, 2000),
        .fetch_stall = some(w, 100),
        .reference_stall = some(w, 2500),
        .slow = some(w, 600),
        .slow_ms = sched_between(&w->sched, 20, 3000),
    };
    w->cluster.marker_slow_ms = sched_chance(&w->sched, 3000) ? 600 : 20;
    w->batch_ms = sched_between(&w->sched, 1, 100);
    w->batch_records = sched_chance(&w->sched, 3000) ? (size_t)sched_between(&w->sched, 1, 20) : 0;
    w->kill_skip = sched_chance(&w->sched, 5000) ? sched_between(&w->sched, 0, 8) : 0;
}

static void calm_down(void *arg, int64_t n)
{
    struct world *w = arg;

    (void)n;
    w->calm = true;
    w->faults = (struct memfaults){0};
    w->cluster.marker_slow_ms = 20;
    sched_say(&w->sched, "calm");
    for (size_t i = 0; i < w->process_n; i++)
        if (w->processes[i]->running) {
            thaw(w->processes[i], 0);
            memlog_set_clock(w->processes[i]->log, 0);
        }
}

/* ---- inputs ---- */

static void feed_some(void *arg, int64_t n)
{
    struct world *w = arg;
    int64_t burst = sched_chance(&w->sched, 1000) ? sched_between(&w->sched, 1, 60) : 1;

    for (; burst > 0 && w->events_left > 0; burst--, w->events_left--)
        w->subject->event(&w->feed);
    if (sched_chance(&w->sched, 700))
        w->subject->fact(&w->feed);
    if (w->events_left > 0)
        sched_after(&w->sched, sched_between(&w->sched, 0, 2 * (STORM_MS + 2000) / w->conf.events),
                    feed_some, w, n);
}

/* The tail that shows everything still works: a few more of everything after the storm. */
static void feed_last(void *arg, int64_t n)
{
    struct world *w = arg;

    (void)n;
    w->events_left += 120;
    feed_some(w, 0);
    w->subject->fact(&w->feed);
}

static void write_first_position(struct world *w, int32_t p)
{
    struct egw_input_position places[EGW_LOG_INPUTS_MAX];
    struct egw_position position = {.version = 1, .partition_count = w->cluster.partition_count};
    struct egw_buf value = {0};
    struct egw_error error;

    memset(places, 0, sizeof(places));
    for (size_t i = 0; i < w->subject->input_count; i++) {
        places[i].topic = egw_str_of(w->subject->input_names[i]);
        places[i].last = -1;
        memcluster_move_offset(&w->cluster, i, p, 0);
    }
    position.inputs = (struct egw_list){places, w->subject->input_count};
    if (egw_encode_framed(&w->framing, &egw_type_position, &position, &value, &error))
        fail(w, "cannot write the first position: %s", error.text);
    memcluster_append(&w->cluster, w->subject->state, p, EGW_STR(EGW_POSITION_KEY),
                      egw_buf_str(&value));
    egw_buf_free(&value);
}

/* ---- the world ---- */

static void stir(void *user)
{
    struct world *w = user;

    w->fresh = true;
    for (size_t i = 0; i < w->process_n; i++)
        if (w->processes[i]->running && w->processes[i]->turn_at > w->sched.now + 3)
            w->processes[i]->turn_at = w->sched.now + 3;
}

static void open_world(struct world *w)
{
    struct memcluster_conf conf = {
        .topics = w->subject->topics,
        .topic_count = w->subject->topic_count,
        .input_count = w->subject->input_count,
        .state_topic = w->subject->state,
        .session_ms = SESSION_MS,
        .rebalance_ms = 3000,
        .txn_timeout_ms = 1500,
        .sweep_ms = 300,
        .wall_ms = 1767600000000,
        .wall_speed = w->subject->wall_speed,
    };
    struct egw_error error;

    sched_init(&w->sched, w->conf.seed);
    w->sched.trace_to = w->conf.trace;
    egw_table_seed(w->conf.seed);
    if (egw_plans_builtin(&w->plans, &error)) {
        fail(w, "no plans: %s", error.text);
        return;
    }
    memcluster_init(&w->cluster, &w->sched, &conf);
    w->cluster.stir = stir;
    w->cluster.user = w;
    w->checker = checker_new(w->subject, &w->cluster, w->plans);
    w->feed = (struct sim_feed){.cluster = &w->cluster, .sched = &w->sched, .framing = &w->framing};
    for (int32_t p = 0; p < w->cluster.partition_count; p++)
        write_first_position(w, p);
    choose_faults(w);
    w->events_left = w->conf.events;
    if (w->subject->prepare)
        w->subject->prepare(&w->feed);
    for (int slot = 0; slot < SLOTS; slot++)
        sched_after(&w->sched, sched_between(&w->sched, 0, 300), start_process, w, slot);
    sched_after(&w->sched, 0, feed_some, w, 0);
    sched_after(&w->sched, 500, next_fault, w, 0);
    sched_after(&w->sched, STORM_MS, calm_down, w, 0);
    sched_after(&w->sched, STORM_MS + 3000, feed_last, w, 0);
}

static void count_stats(struct world *w, const struct process *process)
{
    struct egw_runtime_stats stats;

    egw_runtime_stats(process->runtime, &stats);
    w->result->committed += (int64_t)stats.committed;
    w->result->aborted += (int64_t)stats.aborted;
    w->result->recreated += (int64_t)stats.recreated;
    w->result->rebalances += (int64_t)stats.rebalances;
    w->result->skipped += (int64_t)stats.skipped;
    if ((int64_t)stats.skipped != process->skipped)
        fail(w, "%s: %" PRIu64 " skipped records are counted, %" PRId64 " were told of",
             process->name, stats.skipped, process->skipped);
}

/* The turn said the process must end. */
static void ended(struct process *process, enum egw_status st, const struct egw_error *error)
{
    struct world *w = process->world;
    bool alone = running_in(w, process->slot) == 1;

    sched_say(&w->sched, "%s: ends, %s: %s", process->name, egw_status_name(st),
              st == EGW_NOT_FOUND ? "drained" : error->text);
    if (st != EGW_NOT_FOUND && st != EGW_FENCED && st != EGW_FATAL)
        fail(w, "%s ended: %s: %s", process->name, egw_status_name(st), error->text);
    if (alone && !w->closing)
        replace_process(process, sched_between(&w->sched, 20, 300));
    else
        end_process(process); /* its twin goes on */
}

static void take_turn(struct process *process)
{
    struct world *w = process->world;
    struct egw_error error;
    enum egw_status st;

    memlog_awake(process->log);
    if (w->subject->between && w->subject->between(process->subject))
        egw_runtime_nudge(process->runtime);
    st = egw_runtime_turn(process->runtime, TURN_SLEEP_MS, &error);
    if (process->killed)
        return;
    process->turn_at = memlog_wake_at(process->log);
    if (process->turn_at < w->sched.now + 1)
        process->turn_at = w->sched.now + sched_between(&w->sched, 1, 2);
    if (memlog_violation(process->log))
        fail(w, "the port was misused: %s", memlog_violation(process->log));
    if (st) {
        count_stats(w, process);
        ended(process, st, &error);
    }
}

/* An event (a job ended, the group speaks) wakes its process. */
static struct process *next_turn(const struct world *w)
{
    struct process *first = NULL;

    for (size_t i = 0; i < w->process_n; i++) {
        struct process *process = w->processes[i];

        if (process->running && memlog_has_event(process->log) &&
            process->turn_at > w->sched.now + 1)
            process->turn_at = w->sched.now + 1;
        if (process->running && !process->frozen && (!first || process->turn_at < first->turn_at))
            first = process;
    }
    return first;
}

static void bury(struct world *w)
{
    w->dying = false;
    for (size_t i = 0; i < w->process_n; i++)
        if (w->processes[i]->running && w->processes[i]->killed)
            crash(w->processes[i]);
}

static void advance(struct world *w)
{
    struct process *process = next_turn(w);
    int64_t action = sched_next(&w->sched);

    if (!process || action <= process->turn_at) {
        sched_run_next(&w->sched);
    } else {
        if (process->turn_at > w->sched.now)
            w->sched.now = process->turn_at;
        take_turn(process);
    }
    if (w->dying)
        bury(w);
    if (!w->fresh)
        return;
    w->fresh = false;
    if (!(memcluster_quiet(&w->cluster) ? checker_look(w->checker) : checker_advance(w->checker)))
        fail(w, "%s", checker_why(w->checker));
}

/* What was due by this time must have been done; clocks of processes may still be behind. */
static int64_t settled_by(const struct world *w)
{
    return memcluster_wall(&w->cluster, 6000);
}

/* Also what is on its way: an outcome can be read before the record it passed on. */
static bool all_done(struct world *w)
{
    char why[200];

    return w->calm && w->events_left == 0 && w->sched.now > STORM_MS + 3500 &&
           memcluster_quiet(&w->cluster) && checker_all_answered(w->checker) &&
           checker_settled(w->checker, settled_by(w), why, sizeof(why));
}

static void run_until_done(struct world *w)
{
    int64_t bound = STORM_MS + WORLD_BOUND_MS, look_at = 0;

    for (int64_t turns = 0; !w->failed; turns++) {
        if (turns > TURNS_MAX) {
            fail(w, "no end after %d turns", TURNS_MAX);
            return;
        }
        advance(w);
        if (w->sched.now < look_at)
            continue;
        look_at = w->sched.now + 250;
        if (all_done(w)) {
            w->result->healed_ms = w->sched.now - STORM_MS;
            return;
        }
        if (w->sched.now > bound) {
            (void)checker_finish(w->checker, settled_by(w));
            fail(w, "not done %d ms after the faults stopped: %s", WORLD_BOUND_MS,
                 checker_why(w->checker));
        }
    }
}

/* All done: the processes end in good order, and the log is looked at as a whole. */
static void finish(struct world *w)
{
    int64_t until = w->sched.now + 4000, by = settled_by(w);
    char why[400];

    w->closing = true;
    for (size_t i = 0; i < w->process_n; i++)
        if (w->processes[i]->running) {
            w->processes[i]->turn_at = w->sched.now;
            count_stats(w, w->processes[i]);
            egw_runtime_stop(w->processes[i]->runtime, EGW_STOP_DRAIN);
        }
    while (!w->failed && w->sched.now < until)
        advance(w);
    if (!w->failed && !checker_finish(w->checker, by))
        fail(w, "%s", checker_why(w->checker));
    if (!w->failed && w->subject->again &&
        !w->subject->again(&w->cluster, w->plans, &w->framing, &w->result->again, why, sizeof(why)))
        fail(w, "decided again: %s", why);
}

static void close_world(struct world *w)
{
    for (size_t i = 0; i < w->process_n; i++) {
        if (w->processes[i]->running)
            end_process(w->processes[i]);
        memlog_free(w->processes[i]->log);
        free(w->processes[i]);
    }
    checker_free(w->checker);
    memcluster_free(&w->cluster);
    egw_plans_free(w->plans);
    egw_arena_free(&w->arena);
    sched_free(&w->sched);
    free(w->moves);
}

void world_run(const struct world_conf *conf, struct world_result *ret)
{
    struct world *w = sim_zalloc(sizeof(*w));

    *ret = (struct world_result){0};
    w->conf = *conf;
    if (!w->conf.events)
        w->conf.events = 900;
    w->subject = conf->subject;
    w->result = ret;
    open_world(w);
    if (!w->failed)
        run_until_done(w);
    if (!w->failed)
        finish(w);
    ret->ok = !w->failed;
    ret->counts = checker_counts(w->checker);
    ret->virtual_ms = w->sched.now;
    ret->trace = w->sched.trace;
    memcpy(ret->hits, w->sched.hits, sizeof(ret->hits));
    close_world(w);
    free(w);
}
