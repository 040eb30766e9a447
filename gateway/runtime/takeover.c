/* From "assigned" to "running": look up, restore, compare, catch up. Rules page, section 5. */
#include "internal.h"

#include <assert.h>

enum { PARKED_MS = 3600000 }; /* well within half of any sensible delete.retention.ms */

void take_assignment(struct egw_runtime *rt, const int32_t *partitions, size_t n,
                     int64_t generation)
{
    assert(!rt->assigned); /* egw/log.h: release() or LOST comes between two */
    rt->assigned = true;
    rt->ready_noted = false;
    rt->generation = generation;
    rt->epoch++;
    rt->stats.rebalances++;
    for (int32_t p = 0; p < rt->conf.partition_count; p++) {
        struct part *part = &rt->parts[p];

        if (part->phase == PART_PARKED && rt->mono_ms - part->parked_ms > PARKED_MS) {
            part_forget(part);
            part->phase = PART_UNUSED;
        }
    }
    for (size_t i = 0; i < n; i++) {
        struct part *part;

        if (partitions[i] < 0 || partitions[i] >= rt->conf.partition_count) {
            struct egw_error error;

            egw_error_set(&error, EGW_INVALID, "partition %d was assigned, the settings say %d",
                          (int)partitions[i], (int)rt->conf.partition_count);
            end(rt, EGW_INVALID, &error);
            return;
        }
        part = &rt->parts[partitions[i]];
        if (part->phase != PART_PARKED)
            part_forget(part);
        part->epoch = rt->epoch;
        part->phase = PART_LOOKUP;
        part->looked_again = false;
        part->look_again_ms = 0;
        part->told_behind = false;
        part->has_position = false;
        memset(part->head_ms, 0, sizeof(part->head_ms));
        memset(part->told, 0, sizeof(part->told));
        part->restore_began_ms = rt->mono_ms;
        note(rt, EGW_NOTE_ASSIGNED, part->id, 0, 0, NULL);
    }
}

void look_up_all(struct egw_runtime *rt)
{
    rt->held_back = false;
    for (int32_t p = 0; p < rt->conf.partition_count; p++) {
        struct part *part = &rt->parts[p];

        if (part->phase == PART_UNUSED || part->phase == PART_PARKED || part->phase == PART_HALTED)
            continue;
        if (part->phase == PART_RESTORING)
            rt->log.ops->unfollow(rt->log.self, rt->conf.state_topic, part->id);
        else if (part->phase == PART_RUNNING)
            rt->log.ops->stop(rt->log.self, part->id);
        part_disarm(part);
        part->phase = PART_LOOKUP;
        part->epoch = ++rt->epoch;
        part->looked_again = false;
        part->look_again_ms = 0;
        memset(part->told, 0, sizeof(part->told));
        part->restore_began_ms = rt->mono_ms;
    }
}

/* Everything given up is clean: what was decided has committed, nothing is under way. */
void give_up_parts(struct egw_runtime *rt, bool park)
{
    rt->assigned = false;
    rt->held_back = false;
    rt->epoch++;
    for (int32_t p = 0; p < rt->conf.partition_count; p++) {
        struct part *part = &rt->parts[p];
        bool known = part->phase == PART_RUNNING || part->phase == PART_CATCHING;

        if (part->phase == PART_UNUSED || part->phase == PART_PARKED)
            continue;
        if (part->phase == PART_RESTORING)
            rt->log.ops->unfollow(rt->log.self, rt->conf.state_topic, part->id);
        if (part->phase == PART_RUNNING)
            rt->log.ops->stop(rt->log.self, part->id);
        part->epoch = rt->epoch;
        if (park && known) {
            part_disarm(part);
            part->phase = PART_PARKED;
            part->parked_ms = rt->mono_ms;
        } else {
            part_forget(part);
            part->phase = PART_UNUSED;
        }
    }
}

/* ---- look-up ---- */

bool submit_lookup(struct egw_runtime *rt)
{
    size_t n = 0;

    for (int32_t p = 0; p < rt->conf.partition_count; p++) {
        struct part *part = &rt->parts[p];

        if (part->phase != PART_LOOKUP || part->look_again_ms > rt->mono_ms)
            continue;
        rt->places[n] = (struct egw_log_place){.partition = p};
        rt->place_epochs[n] = part->epoch;
        n++;
    }
    rt->job.places = rt->places;
    rt->job.place_count = n;
    return n > 0;
}

void lookup_done(struct egw_runtime *rt)
{
    struct egw_error error;

    if (rt->job.result == EGW_DENIED || rt->job.result == EGW_FENCED ||
        rt->job.result == EGW_FATAL) {
        end(rt, rt->job.result, &rt->job.error);
        return;
    }
    if (rt->job.result)
        return; /* the parts still want it: asked again by the next submit_jobs() */
    for (size_t i = 0; i < rt->job.place_count; i++) {
        struct part *part = &rt->parts[rt->places[i].partition];

        if (part->phase != PART_LOOKUP || part->epoch != rt->place_epochs[i])
            continue;
        part->found = rt->places[i];
        part->state_end = rt->places[i].state_end;
        part->phase = PART_RESTORING;
        if (rt->log.ops->follow(rt->log.self, rt->conf.state_topic, part->id,
                                part->state_next ? part->state_next : EGW_LOG_BEGINNING, &error))
            halt(rt, part, &error);
    }
}

/* ---- restore ---- */

void restore_record(struct egw_runtime *rt, const struct egw_log_record *record)
{
    struct part *part = &rt->parts[record->partition];
    struct egw_error error;
    enum egw_status st = EGW_OK;

    if (part->phase != PART_RESTORING)
        return;
    if (!record->value.p) {
        (void)egw_table_remove(&part->base, record->key);
        return;
    }
    if (!egw_str_is(record->key, EGW_POSITION_KEY)) {
        struct egw_waits waits = {0};

        st = rt->processor->waits(rt->processor->self, record->key, record->value, &waits, &error);
    }
    if (st == EGW_INVALID) {
        rt->log.ops->unfollow(rt->log.self, rt->conf.state_topic, part->id);
        egw_error_prefix(&error, st, "cannot read the state entry at offset %lld of partition %d",
                         (long long)record->offset, (int)part->id);
        halt(rt, part, &error);
        return;
    }
    if (!st)
        st = egw_table_put(&part->base, record->key, record->value);
    if (st)
        end(rt, st, NULL);
}

static enum egw_status read_position(struct egw_runtime *rt, struct part *part, bool *ret_there,
                                     struct egw_error *reterr)
{
    struct egw_str value;
    struct egw_frame frame;
    const struct egw_plan *plan;
    struct egw_position position;
    const struct egw_input_position *inputs;
    enum egw_status st;

    *ret_there = egw_table_get(&part->base, EGW_STR(EGW_POSITION_KEY), &value);
    if (!*ret_there)
        return EGW_OK;
    frame = egw_frame_read(value);
    egw_arena_reset(&rt->keep);
    st = egw_plans_find(rt->conf.plans, &frame, &plan, reterr);
    if (!st && egw_plan_reader(plan) != &egw_type_position)
        st = egw_error_set(reterr, EGW_INVALID, "it is not a position");
    if (!st)
        st = egw_decode(plan, frame.body.p, frame.body.n, &rt->keep, &position, reterr);
    if (!st && position.version != 1)
        st = egw_error_set(reterr, EGW_INVALID, "its version is %d, this program reads 1",
                           (int)position.version);
    if (!st && position.inputs.n != rt->conf.input_count)
        st = egw_error_set(reterr, EGW_INVALID, "it has %zu inputs, this program reads %zu",
                           position.inputs.n, rt->conf.input_count);
    inputs = position.inputs.p;
    for (size_t i = 0; !st && i < rt->conf.input_count; i++) {
        if (!egw_str_is(inputs[i].topic, rt->conf.input_names[i]))
            st = egw_error_set(reterr, EGW_INVALID, "its input %zu is %.*s, the settings say %s", i,
                               EGW_FMT(inputs[i].topic), rt->conf.input_names[i]);
    }
    if (!st && position.partition_count != rt->conf.partition_count)
        st = egw_error_set(reterr, EGW_INVALID, "it was written for %d partitions, there are %d",
                           (int)position.partition_count, (int)rt->conf.partition_count);
    if (st)
        return egw_error_prefix(reterr, EGW_INVALID, "cannot use the position of partition %d",
                                (int)part->id);
    part->committed.p = position;
    memcpy(part->committed.inputs, inputs, sizeof(*inputs) * rt->conf.input_count);
    for (size_t i = 0; i < rt->conf.input_count; i++)
        part->committed.inputs[i].topic = egw_str_of(rt->conf.input_names[i]);
    part->committed.p.inputs.p = part->committed.inputs;
    part->has_position = true;
    return EGW_OK;
}

enum verdict { GO_ON, LOOK_AGAIN, STOP_HERE };

/* One input of one partition: may we go on where the position says? */
static enum verdict compare(struct egw_runtime *rt, struct part *part, size_t i,
                            struct egw_error *ret_why)
{
    const char *topic = rt->conf.input_names[i];
    long long next = (long long)part->committed.inputs[i].next;
    long long found = (long long)part->found.committed[i];

    if (found > next) {
        egw_error_set(ret_why, EGW_INVALID,
                      "%s/%d: the group's committed offset is %lld but the position says %lld: "
                      "offsets were moved forward by a tool, or state was lost",
                      topic, (int)part->id, found, next);
        return part->looked_again ? STOP_HERE : LOOK_AGAIN;
    }
    if (next < part->found.low[i]) {
        egw_error_set(ret_why, EGW_INVALID,
                      "%s/%d: the position says %lld but the log begins at %lld: retention removed "
                      "records before they were handled",
                      topic, (int)part->id, next, (long long)part->found.low[i]);
        return STOP_HERE;
    }
    if (next > part->found.high[i]) {
        egw_error_set(ret_why, EGW_INVALID,
                      "%s/%d: the position says %lld but the log ends at %lld: the topic was "
                      "truncated or made anew",
                      topic, (int)part->id, next, (long long)part->found.high[i]);
        return part->looked_again ? STOP_HERE : LOOK_AGAIN;
    }
    if (found >= 0 && found < next) {
        rt->stats.skipped += (uint64_t)(next - found);
        note(rt, EGW_NOTE_SKIPPED, part->id, found, next, NULL);
    }
    return GO_ON;
}

static void restored(struct egw_runtime *rt, struct part *part)
{
    struct egw_error error;
    bool there, offsets = false;

    if (read_position(rt, part, &there, &error)) {
        halt(rt, part, &error);
        return;
    }
    for (size_t i = 0; i < rt->conf.input_count; i++)
        offsets |= part->found.committed[i] >= 0;
    if (!there) {
        if (offsets)
            egw_error_set(
                &error, EGW_INVALID,
                "partition %d: the group has committed offsets but the state topic has no "
                "position: the state topic was lost or is another's",
                (int)part->id);
        else
            egw_error_set(&error, EGW_INVALID,
                          "partition %d: there is no position: run egw init first", (int)part->id);
        halt(rt, part, &error);
        return;
    }
    for (size_t i = 0; i < rt->conf.input_count; i++) {
        switch (compare(rt, part, i, &error)) {
        case GO_ON:
            break;
        case LOOK_AGAIN: /* a late marker may still be on its way */
            part->looked_again = true;
            part->look_again_ms = rt->mono_ms + rt->conf.settle_ms;
            part->phase = PART_LOOKUP;
            note(rt, EGW_NOTE_WAITING, part->id, 0, 0, &error);
            return;
        case STOP_HERE:
            halt(rt, part, &error);
            return;
        }
    }
    place_copy(&part->now, &part->committed);
    part->phase = PART_CATCHING;
}

void restore_end(struct egw_runtime *rt, int32_t partition, int64_t offset)
{
    struct part *part = &rt->parts[partition];

    if (part->phase != PART_RESTORING || offset < part->state_end)
        return; /* an open transaction holds readers back: it has to end first */
    rt->log.ops->unfollow(rt->log.self, rt->conf.state_topic, partition);
    part->state_next = offset;
    restored(rt, part);
}

/* ---- catching up with reference and policy ---- */

/* Reference ends before what the predecessor knew: its last records are on their way, or the topic
 * was made anew and this partition will wait for ever. Said once, the end having been seen. */
static void tell_behind(struct egw_runtime *rt, struct part *part)
{
    struct egw_error error;

    if (part->told_behind)
        return;
    part->told_behind = true;
    egw_error_set(&error, EGW_RETRY,
                  "partition %d was decided on reference up to %lld, which ends at %lld",
                  (int)part->id, (long long)part->committed.p.reference_offset,
                  (long long)rt->reference_next);
    note(rt, EGW_NOTE_WAITING, part->id, 0, 0, &error);
}

void catch_up(struct egw_runtime *rt)
{
    if (!rt->reference_read || !rt->policy_read)
        return;
    for (int32_t p = 0; p < rt->conf.partition_count; p++) {
        struct part *part = &rt->parts[p];
        struct egw_error error;
        enum egw_status st;

        if (part->phase != PART_CATCHING)
            continue;
        if (rt->reference_next < part->committed.p.reference_offset) {
            tell_behind(rt, part);
            continue;
        }
        st = part_arm_all(rt, part, &error);
        if (st == EGW_INVALID) {
            halt(rt, part, &error);
            continue;
        }
        if (st) {
            end(rt, st, &error);
            return;
        }
        start_part(rt, part, &part->committed, true);
        egw_times_add(&rt->stats.restores, rt->mono_ms - part->restore_began_ms);
        note(rt, EGW_NOTE_RESTORED, p, (int64_t)part->base.used,
             rt->mono_ms - part->restore_began_ms, NULL);
    }
}
