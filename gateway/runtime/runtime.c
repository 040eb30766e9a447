#include "internal.h"

#include <stdlib.h>

enum {
    EVENTS_A_TURN = 1024,
    CLOCK_EVERY = 64, /* records between two looks at the clock */
    REVOKE_MS = 5000,
    SLOW_TURN_MS = 1000,
};

static void look_at_clock(struct egw_runtime *rt)
{
    rt->wall_ms = rt->log.ops->wall_ms(rt->log.self);
    rt->mono_ms = rt->log.ops->mono_ms(rt->log.self);
}

/* ---- inputs ---- */

static bool batch_full(const struct egw_runtime *rt)
{
    const struct batch *batch = &rt->batches[rt->deciding];

    return batch->records >= 2 * rt->conf.batch_records ||
           batch->out_bytes >= 2 * rt->conf.batch_bytes;
}

/* What a step was for, in part->told: an input by its index, or what had become ready. */
enum { OF_READY = EGW_LOG_INPUTS_MAX };

/* What a step's failure asks of the part. */
static void step_failed(struct egw_runtime *rt, struct part *part, enum egw_status st, int of,
                        const struct egw_error *error)
{
    if (st == EGW_INVALID) {
        halt(rt, part, error);
    } else if (st == EGW_RETRY) {
        uint64_t why = egw_table_hash(egw_str_of(error->text)) | 1;

        *(of == OF_READY ? &part->ready_waiting : &part->waiting[of]) = true;
        if (part->told[of] != why) /* it is asked again with everything learned: once is enough */
            note(rt, EGW_NOTE_WAITING, part->id, 0, 0, error);
        part->told[of] = why;
    } else {
        end(rt, st, error);
    }
}

static void step_done(struct egw_runtime *rt, struct part *part, int of)
{
    if (!part->told[of])
        return;
    part->told[of] = 0;
    note(rt, EGW_NOTE_GOES_ON, part->id, 0, 0, NULL);
}

/* The record before the first new one: is this still the log the position was written for? */
static void check_digest(struct egw_runtime *rt, struct part *part,
                         const struct egw_log_record *record)
{
    const struct egw_input_position *place = &part->now.inputs[record->topic];
    struct egw_sha256 digest;
    struct egw_error error;

    part->check[record->topic] = false;
    if (record->offset != place->last) { /* inputs are not compacted: it was above the log start */
        egw_error_set(&error, EGW_INVALID,
                      "%s/%d/%lld: the record that was handled is not there, the next is %lld: the "
                      "topic was made anew",
                      rt->conf.input_names[record->topic], (int)part->id, (long long)place->last,
                      (long long)record->offset);
        halt(rt, part, &error);
        return;
    }
    egw_sha256(record->value.p, record->value.n, &digest);
    if (memcmp(digest.b, place->digest, EGW_SHA256) == 0)
        return;
    egw_error_set(&error, EGW_INVALID,
                  "%s/%d/%lld: the record is not the one that was handled: the topic was made anew",
                  rt->conf.input_names[record->topic], (int)part->id, (long long)record->offset);
    halt(rt, part, &error);
}

static void take_input(struct egw_runtime *rt, const struct egw_log_record *record)
{
    struct egw_input input = {.kind = EGW_INPUT_RECORD, .input = record->topic, .record = *record};
    struct part *part = &rt->parts[record->partition];
    struct egw_error error;
    enum egw_status st;

    if (part->phase != PART_RUNNING || part->waiting[record->topic] || rt->held_back ||
        rt->revoking || rt->stop)
        return; /* it comes again: the position was not moved */
    if (part->check[record->topic])
        check_digest(rt, part, record);
    if (part->phase != PART_RUNNING || record->offset < part->now.inputs[record->topic].next)
        return;
    st = run_step(rt, part, &input, &error);
    if (st) {
        part->head_ms[record->topic] = record->timestamp_ms;
        step_failed(rt, part, st, record->topic, &error);
        if (st == EGW_RETRY)
            read_on(rt, part, &part->now);
        return;
    }
    rt->stats.inputs++;
    step_done(rt, part, record->topic);
    if (waits(rt, part)) /* what this one changed may be what the others wait for */
        start_part(rt, part, &part->now, false);
}

/* Does the entry still wait for this? It may have changed since, or the clock has stepped back.
 * *ret_due: the time it waits for, 0 if none; not always the one that made it ready, for an entry
 * that is put again has one more timer, which may fire for what the entry waits for next. */
static bool still_awaited(struct egw_runtime *rt, struct part *part, const struct ready *ready,
                          int64_t now_ms, int64_t *ret_due)
{
    struct egw_waits waits = {0};
    struct egw_str value;

    *ret_due = 0;
    if (!part_get(part, rt->deciding, ready->key, &value) ||
        rt->processor->waits(rt->processor->self, ready->key, value, &waits, NULL))
        return false;
    if (ready->kind == EGW_INPUT_TIMER) {
        *ret_due = waits.has_due ? waits.due_ms : 0;
        return waits.has_due && waits.due_ms <= now_ms;
    }
    for (size_t i = 0; i < waits.fact_count; i++) {
        if (egw_str_eq(waits.facts[i], ready->fact))
            return rt->processor->fact_offset(rt->processor->self, ready->fact) >
                   waits.facts_offset;
    }
    return false;
}

static void take_ready(struct egw_runtime *rt, struct part *part)
{
    struct ready_list *list = &part->ready;

    while (list->first < list->n && part->phase == PART_RUNNING && !part->ready_waiting &&
           !batch_full(rt) && !rt->ended) {
        struct ready *ready = &list->items[list->first];
        int64_t now_ms = rt->wall_ms > part->now.p.now ? rt->wall_ms : part->now.p.now, due;
        struct egw_input input = {.kind = ready->kind, .key = ready->key, .fact = ready->fact};
        struct egw_error error;
        enum egw_status st;

        /* Also what is not awaited any more: the entry says so in a batch that may be dropped. */
        if (ready_push(&rt->batches[rt->deciding].fired, ready)) {
            end(rt, EGW_NOMEM, NULL);
            return;
        }
        if (!still_awaited(rt, part, ready, now_ms, &due)) {
            if (due && part_wake(part, due, ready->key)) {
                end(rt, EGW_NOMEM, NULL);
                return;
            }
            free((char *)ready->key.p);
            list->first++;
            part->told[OF_READY] = 0; /* nothing waits with it any more */
            continue;
        }
        input.due_ms = due;
        if (ready->kind == EGW_INPUT_FACT)
            input.offset = rt->processor->fact_offset(rt->processor->self, ready->fact);
        st = run_step(rt, part, &input, &error);
        if (st) {
            struct ready_list *fired = &rt->batches[rt->deciding].fired;

            step_failed(rt, part, st, OF_READY, &error);
            free((char *)fired->items[--fired->n].key.p); /* it stays ready */
            return;
        }
        step_done(rt, part, OF_READY);
        if (ready->kind == EGW_INPUT_TIMER)
            rt->stats.timers++;
        else
            rt->stats.facts++;
        free((char *)ready->key.p);
        list->first++;
    }
}

/* ---- what the log says ---- */

static void learn(struct egw_runtime *rt, const struct egw_log_record *record)
{
    struct egw_str fact = EGW_STR_NONE;
    struct egw_error error;
    enum egw_status st = rt->processor->learn(rt->processor->self, record, &fact, &error);

    if (st == EGW_INVALID) {
        rt->stats.unusable++;
        note(rt, EGW_NOTE_UNUSABLE, record->partition, record->topic, record->offset, &error);
    } else if (st) {
        end(rt, st, &error);
    }
    if (record->topic == rt->conf.reference_topic)
        rt->reference_next = record->offset + 1;
    rt->learned = true;
    for (int32_t p = 0; fact.p && p < rt->conf.partition_count; p++) {
        struct part *part = &rt->parts[p];

        if (part->phase == PART_RUNNING && part_fact(part, fact))
            end(rt, EGW_NOMEM, NULL);
    }
}

static void tail_end(struct egw_runtime *rt, const struct egw_log_event *event)
{
    if (event->topic == rt->conf.state_topic) {
        restore_end(rt, event->partition, event->offset);
    } else if (event->topic == rt->conf.reference_topic) {
        if (event->offset > rt->reference_next)
            rt->reference_next = event->offset;
        rt->reference_read = true;
    } else if (event->topic == rt->conf.policy_topic) {
        rt->policy_read = true;
    }
    rt->learned = true;
}

static void job_done(struct egw_runtime *rt)
{
    rt->job_busy = false;
    switch (rt->job.kind) {
    case EGW_LOG_INIT:
        init_done(rt);
        break;
    case EGW_LOG_LOOKUP:
        lookup_done(rt);
        break;
    case EGW_LOG_COMMIT:
        commit_done(rt);
        break;
    case EGW_LOG_ABORT:
        abort_done(rt);
        break;
    }
    rt->learned = true;
}

/* The open transaction's batch was dropped: it must not commit. Where the commit is asked for
 * already, its end is awaited: the broker knows the generation. */
static void abort_unless_asked(struct egw_runtime *rt)
{
    bool asked = rt->job_busy && rt->job.kind == EGW_LOG_COMMIT;

    if ((rt->txn == TXN_PRODUCING || rt->txn == TXN_COMMITTING) && !asked)
        rt->txn = TXN_MUST_ABORT;
    rt->refused.status = EGW_OK; /* what was refused may be another's from now on */
}

static void lost(struct egw_runtime *rt)
{
    rt->stats.lost++;
    rt->revoking = false;
    note(rt, EGW_NOTE_LOST, -1, 0, 0, NULL);
    drop_batches(rt);
    abort_unless_asked(rt);
    give_up_parts(rt, rt->txn == TXN_NONE);
}

/* An input or a state partition costs the partition, where it is ours just then. Without reference
 * or policy every decision would be made on what was known once: the process must end. So it must
 * where a right is missing: no partition is better off. */
static void broken(struct egw_runtime *rt, const struct egw_log_event *event)
{
    bool input = event->topic >= 0 && (size_t)event->topic < rt->conf.input_count;
    struct part *part;

    if (event->error.status == EGW_DENIED || (!input && event->topic != rt->conf.state_topic)) {
        end(rt, event->error.status == EGW_DENIED ? EGW_DENIED : EGW_FATAL, &event->error);
        return;
    }
    if (event->partition < 0 || event->partition >= rt->conf.partition_count)
        return;
    part = &rt->parts[event->partition];
    if (part->phase != (input ? PART_RUNNING : PART_RESTORING))
        return;
    if (!input)
        rt->log.ops->unfollow(rt->log.self, rt->conf.state_topic, part->id);
    halt(rt, part, &event->error);
}

static void serve(struct egw_runtime *rt, const struct egw_log_event *event)
{
    switch (event->kind) {
    case EGW_LOG_IDLE:
        break;
    case EGW_LOG_INPUT:
        take_input(rt, &event->record);
        break;
    case EGW_LOG_TAIL:
        if (event->record.topic == rt->conf.state_topic)
            restore_record(rt, &event->record);
        else
            learn(rt, &event->record);
        break;
    case EGW_LOG_TAIL_END:
        tail_end(rt, event);
        break;
    case EGW_LOG_ASSIGN:
        take_assignment(rt, event->partitions, event->partition_count, event->generation);
        break;
    case EGW_LOG_REVOKE:
        rt->revoking = true;
        rt->revoke_by_ms = rt->mono_ms + REVOKE_MS;
        break;
    case EGW_LOG_LOST:
        lost(rt);
        break;
    case EGW_LOG_DONE:
        job_done(rt);
        break;
    case EGW_LOG_BROKEN:
        broken(rt, event);
        break;
    case EGW_LOG_FAILED:
        end(rt, event->error.status, &event->error);
        break;
    }
}

/* ---- the turn ---- */

/* The partitions are given up as soon as what was decided has committed, or time is up. */
static void finish_revoke(struct egw_runtime *rt)
{
    bool clean = rt->txn == TXN_NONE && !rt->batches[rt->deciding].open;

    if (!rt->revoking || (!clean && rt->mono_ms < rt->revoke_by_ms))
        return;
    if (!clean) {
        drop_batches(rt);
        abort_unless_asked(rt);
    }
    give_up_parts(rt, clean);
    rt->revoking = false;
    note(rt, EGW_NOTE_REVOKED, -1, 0, 0, NULL);
    rt->log.ops->release(rt->log.self);
}

static void hold_back(struct egw_runtime *rt)
{
    bool full = batch_full(rt);

    if (full == rt->held_back)
        return;
    if (!full && rt->batches[rt->deciding].open)
        return; /* go on with an empty batch, not at the edge of a full one */
    rt->held_back = full;
    if (!full)
        rt->learned = true; /* what waits may try again */
    for (int32_t p = 0; p < rt->conf.partition_count; p++) {
        struct part *part = &rt->parts[p];

        if (part->phase != PART_RUNNING)
            continue;
        if (full)
            rt->log.ops->stop(rt->log.self, part->id);
        else
            start_part(rt, part, &part->now, false);
    }
}

static void after_learning(struct egw_runtime *rt)
{
    bool learned = rt->learned;

    rt->learned = false;
    if (learned)
        catch_up(rt);
    for (int32_t p = 0; p < rt->conf.partition_count; p++) {
        struct part *part = &rt->parts[p];

        if (part->phase == PART_RUNNING && !rt->held_back &&
            (part->start_again || (learned && waits(rt, part))))
            start_part(rt, part, &part->now, false);
    }
}

static void note_ready(struct egw_runtime *rt)
{
    size_t running = 0, given = 0, halted = 0;

    for (int32_t p = 0; p < rt->conf.partition_count; p++) {
        enum phase phase = rt->parts[p].phase;

        running += phase == PART_RUNNING;
        halted += phase == PART_HALTED;
        given += phase != PART_UNUSED && phase != PART_PARKED;
    }
    rt->stats.partitions_running = running;
    rt->stats.partitions_assigned = given;
    rt->stats.partitions_halted = halted;
    if (rt->assigned && !rt->ready_noted && running + halted == given) {
        rt->ready_noted = true;
        note(rt, EGW_NOTE_READY, -1, (int64_t)running, (int64_t)halted, NULL);
    }
}

static void run_due(struct egw_runtime *rt)
{
    if (rt->revoking || rt->stop)
        return;
    for (int32_t p = 0; p < rt->conf.partition_count && !rt->ended; p++) {
        struct part *part = &rt->parts[p];

        if (part->phase != PART_RUNNING)
            continue;
        if (part_due(part, rt->wall_ms))
            end(rt, EGW_NOMEM, NULL);
        take_ready(rt, part);
    }
}

static void drive_transaction(struct egw_runtime *rt)
{
    if (rt->txn == TXN_PRODUCING)
        go_on_producing(rt);
    if (batch_due(rt) && rt->txn == TXN_NONE && rt->producer_ready && !rt->job_busy)
        close_batch(rt);
    submit_jobs(rt);
}

/* How long there is nothing to do unless an event comes. */
static int64_t idle_ms(const struct egw_runtime *rt, int64_t max_ms)
{
    const struct batch *batch = &rt->batches[rt->deciding];
    int64_t ms = max_ms;

    if (rt->txn == TXN_PRODUCING)
        return 1;
    if (batch->open && rt->txn == TXN_NONE && !rt->job_busy) {
        int64_t left = batch_wanted(rt) ? 0 : batch->opened_ms + rt->conf.batch_ms - rt->mono_ms;

        if (left < rt->begin_again_ms - rt->mono_ms)
            left = rt->begin_again_ms - rt->mono_ms;
        ms = left < ms ? left : ms;
    }
    if (rt->revoking && rt->revoke_by_ms - rt->mono_ms < ms)
        ms = rt->revoke_by_ms - rt->mono_ms;
    for (int32_t p = 0; p < rt->conf.partition_count; p++) {
        const struct part *part = &rt->parts[p];

        /* A timer that came due while nothing may fire must not keep the loop from sleeping. */
        if (part->phase == PART_RUNNING && part->timer_count && !rt->revoking && !rt->stop) {
            int64_t left = part->timers[0].due_ms - rt->wall_ms;

            ms = left < ms ? left : ms;
        }
        if (part->phase == PART_LOOKUP && part->look_again_ms > rt->mono_ms) {
            int64_t left = part->look_again_ms - rt->mono_ms;

            ms = left < ms ? left : ms;
        }
    }
    return ms < 0 ? 0 : ms;
}

enum egw_status egw_runtime_turn(struct egw_runtime *rt, int64_t max_ms, struct egw_error *reterr)
{
    struct egw_log_event event;
    bool idle = false;
    int64_t began;

    look_at_clock(rt);
    began = rt->mono_ms;
    for (int i = 1; i <= EVENTS_A_TURN && !rt->ended; i++) {
        rt->log.ops->poll(rt->log.self, &event);
        if (event.kind == EGW_LOG_IDLE) {
            idle = true;
            break;
        }
        serve(rt, &event);
        if (i % CLOCK_EVERY == 0)
            look_at_clock(rt);
        if (batch_full(rt))
            break;
    }
    look_at_clock(rt);
    after_learning(rt);
    run_due(rt);
    if (rt->stop != EGW_STOP_NOW && !rt->ended)
        drive_transaction(rt);
    hold_back(rt);
    finish_revoke(rt);
    note_ready(rt);
    look_at_clock(rt);
    egw_times_add(&rt->stats.turns, rt->mono_ms - began);
    if (rt->mono_ms - began > SLOW_TURN_MS)
        note(rt, EGW_NOTE_TURN_SLOW, -1, rt->mono_ms - began, 0, NULL);
    if (rt->ended) {
        if (reterr)
            *reterr = rt->ended_error;
        return rt->ended;
    }
    if (rt->stop == EGW_STOP_NOW)
        return EGW_NOT_FOUND;
    if (rt->stop == EGW_STOP_DRAIN && rt->txn == TXN_NONE && !rt->batches[rt->deciding].open)
        return EGW_NOT_FOUND;
    if (idle) {
        int64_t ms = idle_ms(rt, max_ms);

        if (ms > 0)
            rt->log.ops->wait(rt->log.self, ms);
    }
    return EGW_OK;
}

/* ---- life ---- */

static void set_defaults(struct egw_runtime_conf *conf)
{
    if (!conf->batch_ms)
        conf->batch_ms = 80;
    if (!conf->batch_records)
        conf->batch_records = 50000;
    if (!conf->batch_bytes)
        conf->batch_bytes = (size_t)32 << 20;
    if (!conf->settle_ms)
        conf->settle_ms = 25000;
    if (!conf->recreations)
        conf->recreations = 10;
    if (!conf->recreations_ms)
        conf->recreations_ms = 600000;
}

enum egw_status egw_runtime_new(const struct egw_runtime_conf *conf, struct egw_log log,
                                const struct egw_processor *processor, struct egw_runtime **ret,
                                struct egw_error *reterr)
{
    struct egw_runtime *rt;
    size_t count;
    enum egw_status st;

    if (conf->partition_count < 1 || conf->partition_count > EGW_LOG_PARTITIONS_MAX)
        return egw_error_set(reterr, EGW_INVALID, "partition count is %d, allowed is 1 to %d",
                             (int)conf->partition_count, EGW_LOG_PARTITIONS_MAX);
    if (conf->input_count < 1 || conf->input_count > EGW_LOG_INPUTS_MAX)
        return egw_error_set(reterr, EGW_INVALID, "input count is %zu, allowed is 1 to %d",
                             conf->input_count, EGW_LOG_INPUTS_MAX);
    rt = calloc(1, sizeof(*rt));
    if (!rt)
        return egw_error_set(reterr, EGW_NOMEM, "no memory for a runtime");
    rt->conf = *conf;
    set_defaults(&rt->conf);
    rt->log = log;
    rt->processor = processor;
    count = (size_t)conf->partition_count;
    rt->parts = calloc(count, sizeof(*rt->parts));
    rt->offsets = calloc(count, sizeof(*rt->offsets));
    rt->places = calloc(count, sizeof(*rt->places));
    rt->place_epochs = calloc(count, sizeof(*rt->place_epochs));
    rt->recreations = calloc(rt->conf.recreations, sizeof(*rt->recreations));
    rt->tallies = calloc(conf->tallies + 1, sizeof(*rt->tallies));
    if (!rt->parts || !rt->offsets || !rt->places || !rt->place_epochs || !rt->recreations ||
        !rt->tallies) {
        egw_runtime_free(rt);
        return egw_error_set(reterr, EGW_NOMEM, "no memory for a runtime");
    }
    for (int32_t p = 0; p < conf->partition_count; p++)
        rt->parts[p].id = p;
    rt->batches[0].bytes.max = rt->batches[1].bytes.max =
        4 * rt->conf.batch_bytes + ((size_t)16 << 20);
    rt->need_init = true;
    st = log.ops->follow(log.self, conf->reference_topic, 0, EGW_LOG_BEGINNING, reterr);
    if (!st)
        st = log.ops->follow(log.self, conf->policy_topic, 0, EGW_LOG_BEGINNING, reterr);
    if (st) {
        egw_runtime_free(rt);
        return st;
    }
    *ret = rt;
    return EGW_OK;
}

void egw_runtime_free(struct egw_runtime *rt)
{
    if (!rt)
        return;
    for (int32_t p = 0; rt->parts && p < rt->conf.partition_count; p++)
        part_forget(&rt->parts[p]);
    batch_free(&rt->batches[0]);
    batch_free(&rt->batches[1]);
    egw_arena_free(&rt->arena);
    egw_arena_free(&rt->keep);
    egw_buf_free(&rt->scratch);
    free(rt->parts);
    free(rt->offsets);
    free(rt->places);
    free(rt->place_epochs);
    free(rt->recreations);
    free(rt->tallies);
    free(rt);
}

void egw_runtime_stop(struct egw_runtime *rt, enum egw_stop how)
{
    if (how > rt->stop)
        rt->stop = how;
}

void egw_runtime_nudge(struct egw_runtime *rt)
{
    rt->learned = true;
}
