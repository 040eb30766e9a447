/* What every room of triage shares: texts and lists of a step, records written and read, and the
 * outcome that ends each step. */
#include "work.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- small helpers of a step ---- */

struct egw_str work_join(struct work *work, struct egw_str a, char separator, struct egw_str b)
{
    char *p = egw_arena_alloc(work->arena, a.n + b.n + 1);

    if (!p)
        return EGW_STR_NONE;
    memcpy(p, a.p, a.n);
    p[a.n] = separator;
    memcpy(p + a.n + 1, b.p, b.n);
    return (struct egw_str){p, a.n + b.n + 1};
}

enum egw_status list_add(struct work *work, struct egw_list *list, size_t size, size_t max,
                         const void *item)
{
    size_t drop = list->n >= max ? list->n - max + 1 : 0;
    size_t n = list->n - drop;
    char *items = egw_arena_alloc(work->arena, (n + 1) * size);

    if (!items)
        return no_memory(work);
    if (n)
        memcpy(items, (const char *)list->p + drop * size, n * size);
    memcpy(items + n * size, item, size);
    list->p = items;
    list->n = n + 1;
    return EGW_OK;
}

enum egw_status warn(struct work *work, const char *text)
{
    struct egw_str s = egw_str_of(text);

    return list_add(work, &work->outcome.warnings, sizeof(s), LIST_MAX, &s);
}

enum egw_status write_record(struct work *work, const struct egw_type *type, const void *record,
                             struct egw_buf *out)
{
    enum egw_status st;

    egw_buf_clear(out);
    st = egw_encode_framed(work->triage->framing, type, record, out, work->err);
    if (st)
        return st;
    if (out->n > RECORD_MAX)
        return egw_error_set(work->err, EGW_INVALID, "%s of %zu bytes is over the limit of %d",
                             type->name, out->n, RECORD_MAX);
    return EGW_OK;
}

enum egw_status read_entry(struct egw_triage *triage, struct egw_str value,
                           const struct egw_type *type, struct egw_arena *arena, void *ret,
                           struct egw_error *reterr)
{
    struct egw_frame frame = egw_frame_read(value);
    const struct egw_plan *plan;
    enum egw_status st = egw_plans_find(triage->plans, &frame, &plan, reterr);

    if (!st && egw_plan_reader(plan) != type)
        st = egw_error_set(reterr, EGW_INVALID, "it is a %s, not a %s", egw_plan_reader(plan)->name,
                           type->name);
    if (!st)
        st = egw_decode(plan, frame.body.p, frame.body.n, arena, ret, reterr);
    return st;
}

/* ---- the end of a step ---- */

static void fill_trigger(struct work *work)
{
    struct egw_trigger *trigger = &work->outcome.trigger;
    const struct egw_input *input = work->input;

    switch (input->kind) {
    case EGW_INPUT_RECORD:
        trigger->kind = EGW_TRIGGER_KIND_EVENT;
        trigger->topic = egw_str_of(work->triage->topics.input_names[input->input]);
        trigger->partition = input->record.partition;
        trigger->offset = input->record.offset;
        trigger->prev_offset = egw_turn_input_position(work->turn)->last;
        trigger->digest = (unsigned char *)egw_turn_digest(work->turn)->b;
        break;
    case EGW_INPUT_TIMER:
        trigger->kind = EGW_TRIGGER_KIND_TIMER;
        trigger->partition = egw_turn_partition(work->turn);
        trigger->offset = input->due_ms;
        trigger->prev_offset = -1;
        break;
    case EGW_INPUT_FACT:
        trigger->kind = EGW_TRIGGER_KIND_FACT;
        trigger->topic = egw_str_of(work->triage->topics.reference_name);
        trigger->offset = input->offset;
        trigger->prev_offset = -1;
        break;
    }
}

static struct egw_str chain_of(struct egw_triage *triage, int32_t partition)
{
    if (triage->chain_partition != partition) {
        (void)snprintf(triage->chain, sizeof(triage->chain), "%s/%d", triage->processor.name,
                       (int)partition);
        triage->chain_partition = partition;
    }
    return egw_str_of(triage->chain);
}

static uint32_t tally_of(const struct work *work, enum egw_action action)
{
    const struct egw_triage_topics *topics = &work->triage->topics;
    struct egw_str channel = work->outcome.channel;

    return egw_triage_tally(action, channel.n ? topics->escalations(topics->user, channel) : -1);
}

enum egw_status finish(struct work *work, enum egw_action action, struct egw_str code,
                       enum egw_stage stage)
{
    struct egw_outcome *outcome = &work->outcome;
    struct egw_position *position = egw_turn_position(work->turn);
    struct egw_triage *triage = work->triage;
    int32_t partition = egw_turn_partition(work->turn);
    struct egw_log_out out = {.topic = triage->topics.outcomes, .partition = partition};
    struct egw_sha256 leaf, head;
    enum egw_status st;

    outcome->chain = chain_of(triage, partition);
    outcome->seq = position->chain_seq;
    memcpy(outcome->prev, position->chain_head, EGW_SHA256);
    fill_trigger(work);
    outcome->decided_at = egw_turn_now(work->turn);
    outcome->recorded_at = work->recorded_ms;
    outcome->facts_offset = (struct egw_opt_i64){true, triage->reference_last};
    outcome->action = (int32_t)action;
    outcome->code = code;
    outcome->stage = (int32_t)stage;
    outcome->activation = position->activation;
    if (position->activation)
        outcome->policy = position->policy;
    st = write_record(work, &egw_type_outcome, outcome, &triage->out);
    if (st)
        return st;
    out.key = work->key.p ? work->key : EGW_STR("");
    out.value = egw_buf_str(&triage->out);
    out.tally = tally_of(work, action);
    egw_chain_leaf(out.key, out.value, &leaf);
    egw_chain_head(position->chain_head, &leaf, &head);
    memcpy(position->chain_head, head.b, EGW_SHA256);
    position->chain_seq++;
    return egw_turn_emit(work->turn, &out);
}
