/* A part runs, is held, or halts; and what is told of it. */
#include "internal.h"

/* ---- telling ---- */

void note(struct egw_runtime *rt, enum egw_note_kind kind, int32_t partition, int64_t a, int64_t b,
          const struct egw_error *error)
{
    struct egw_note n = {kind, partition, a, b, error};

    if (rt->conf.note)
        rt->conf.note(rt->conf.user, &n);
}

void end(struct egw_runtime *rt, enum egw_status st, const struct egw_error *error)
{
    if (rt->ended)
        return;
    rt->ended = st;
    if (error)
        rt->ended_error = *error;
    else
        egw_error_set(&rt->ended_error, st, "no memory");
}

void halt(struct egw_runtime *rt, struct part *part, const struct egw_error *error)
{
    if (part->phase == PART_RUNNING)
        rt->log.ops->stop(rt->log.self, part->id);
    part->phase = PART_HALTED;
    note(rt, EGW_NOTE_PARTITION_HALTED, part->id, 0, 0, error);
}

/* ---- inputs of a part ---- */

void read_on(struct egw_runtime *rt, struct part *part, const struct place *place)
{
    int64_t next[EGW_LOG_INPUTS_MAX];
    struct egw_error error;
    enum egw_status st;

    for (size_t i = 0; i < rt->conf.input_count; i++) {
        const struct egw_input_position *input = &place->inputs[i];

        next[i] = part->check[i] ? input->last : input->next;
        if (part->waiting[i])
            next[i] = EGW_LOG_HOLD;
    }
    st = rt->log.ops->start(rt->log.self, part->id, next, &error);
    part->start_again = st == EGW_RETRY;
    if (st && st != EGW_RETRY)
        halt(rt, part, &error);
}

void start_part(struct egw_runtime *rt, struct part *part, const struct place *place, bool check)
{
    for (size_t i = 0; i < rt->conf.input_count; i++) {
        const struct egw_input_position *input = &place->inputs[i];

        if (check)
            part->check[i] = input->last >= 0 && input->last >= part->found.low[i];
        part->waiting[i] = false;
        part->head_ms[i] = 0;
    }
    part->ready_waiting = false;
    part->phase = PART_RUNNING;
    read_on(rt, part, place);
}

bool waits(const struct egw_runtime *rt, const struct part *part)
{
    bool any = part->ready_waiting;

    for (size_t i = 0; i < rt->conf.input_count; i++)
        any |= part->waiting[i];
    return any;
}
