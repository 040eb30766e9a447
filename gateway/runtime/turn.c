/* What a step may ask and do (egw/processor.h), and the step itself. */
#include "internal.h"

int32_t egw_turn_partition(const struct egw_turn *turn)
{
    return turn->part->id;
}

int32_t egw_turn_partition_count(const struct egw_turn *turn)
{
    return turn->rt->conf.partition_count;
}

int64_t egw_turn_now(const struct egw_turn *turn)
{
    return turn->now_ms;
}

struct egw_arena *egw_turn_arena(struct egw_turn *turn)
{
    return turn->arena;
}

struct egw_position *egw_turn_position(struct egw_turn *turn)
{
    return &turn->part->now.p;
}

const struct egw_input_position *egw_turn_input_position(const struct egw_turn *turn)
{
    return &turn->part->now.inputs[turn->input->input];
}

const struct egw_sha256 *egw_turn_digest(struct egw_turn *turn)
{
    if (!turn->digested) {
        egw_sha256(turn->input->record.value.p, turn->input->record.value.n, &turn->digest);
        turn->digested = true;
    }
    return &turn->digest;
}

bool egw_turn_get(struct egw_turn *turn, struct egw_str key, struct egw_str *ret_value)
{
    for (size_t i = turn->staged_n; i-- > 0;) {
        if (egw_str_eq(turn->staged[i].key, key)) {
            *ret_value = turn->staged[i].value;
            return ret_value->p != NULL;
        }
    }
    return part_get(turn->part, turn->rt->deciding, key, ret_value);
}

enum egw_status egw_turn_put(struct egw_turn *turn, struct egw_str key, struct egw_str value)
{
    struct staged staged;

    if (turn->staged_n == STAGED_MAX || !egw_arena_str(turn->arena, key, &staged.key) ||
        !egw_arena_str(turn->arena, value, &staged.value))
        return EGW_NOMEM;
    turn->staged[turn->staged_n++] = staged;
    return EGW_OK;
}

enum egw_status egw_turn_emit(struct egw_turn *turn, const struct egw_log_out *out)
{
    return batch_add(turn->batch, out);
}

/* The step said OK: its puts join the overlay, and the part stands where the step left it. */
static enum egw_status accept(struct egw_turn *turn)
{
    struct egw_runtime *rt = turn->rt;
    struct part *part = turn->part;

    for (size_t i = 0; i < turn->staged_n; i++) {
        enum egw_status st =
            egw_table_put(&part->overlay[rt->deciding], turn->staged[i].key, turn->staged[i].value);

        if (st)
            return st;
        turn->batch->out_bytes += turn->staged[i].key.n + turn->staged[i].value.n;
    }
    if (turn->input->kind == EGW_INPUT_RECORD) {
        struct egw_input_position *place = &part->now.inputs[turn->input->input];

        place->next = turn->input->record.offset + 1;
        place->last = turn->input->record.offset;
        memcpy(place->digest, egw_turn_digest(turn)->b, EGW_SHA256);
        batch_saw(turn->batch, turn->input->record.timestamp_ms);
    }
    part->now.p.now = turn->now_ms;
    part->now.p.reference_offset = rt->reference_next;
    part->touched[rt->deciding] = true;
    if (!turn->batch->open) {
        turn->batch->open = true;
        turn->batch->opened_ms = rt->mono_ms;
    }
    turn->batch->records++;
    rt->stats.steps++;
    return EGW_OK;
}

enum egw_status run_step(struct egw_runtime *rt, struct part *part, const struct egw_input *input,
                         struct egw_error *reterr)
{
    struct batch *batch = &rt->batches[rt->deciding];
    struct place before;
    size_t mark = batch->n, mark_bytes = batch->out_bytes;
    struct egw_turn turn;
    enum egw_status st;

    turn.rt = rt;
    turn.part = part;
    turn.batch = batch;
    turn.input = input;
    turn.now_ms = rt->wall_ms > part->now.p.now ? rt->wall_ms : part->now.p.now;
    turn.arena = &rt->arena;
    turn.digested = false;
    turn.staged_n = 0;
    place_copy(&before, &part->now);
    st = rt->processor->step(rt->processor->self, &turn, input, reterr);
    if (!st)
        st = accept(&turn);
    if (st) { /* nothing of it may stay */
        batch->n = mark;
        batch->out_bytes = mark_bytes;
        place_copy(&part->now, &before);
        if (st == EGW_NOMEM)
            (void)egw_error_set(reterr, st, "partition %d: no memory for a step", (int)part->id);
    }
    egw_arena_reset(&rt->arena);
    return st;
}
