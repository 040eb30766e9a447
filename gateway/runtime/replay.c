#include "egw/replay.h"

#include <stdlib.h>

#include "internal.h"

struct egw_replay {
    struct egw_replay_conf conf;
    const struct egw_processor *processor;
    struct egw_runtime rt; /* as much of one as a step needs */
    struct part part;
    size_t learned;          /* reference records */
    int64_t first_seq;       /* where what is kept of the chain begins; -1: nothing seen yet */
    struct egw_table broken; /* cases whose state cannot be rebuilt, by key; value: why */
    struct egw_arena arena;  /* of the answer */
    struct egw_buf scratch;
};

/* One outcome on its way through. */
struct check {
    struct egw_replay *replay;
    const struct egw_log_record *record;
    const struct egw_outcome *outcome;
    const struct egw_log_record *input;
    struct egw_str kase; /* key of its entry; n 0: it is about no case */
    struct egw_replay_answer *ret;
    struct egw_error *err;
};

/* ---- life ---- */

enum egw_status egw_replay_new(const struct egw_replay_conf *conf, struct egw_replay **ret,
                               struct egw_error *reterr)
{
    struct egw_replay *replay = calloc(1, sizeof(*replay));

    if (!replay)
        return egw_error_set(reterr, EGW_NOMEM, "no memory for a replay");
    replay->conf = *conf;
    replay->processor = egw_triage_processor(conf->triage);
    replay->first_seq = -1;
    replay->rt.processor = replay->processor;
    replay->rt.conf.partition_count = conf->partition_count;
    replay->rt.batches[0].bytes.max = (size_t)64 << 20;
    replay->part.id = conf->partition;
    replay->part.now.p.version = 1;
    replay->part.now.p.partition_count = conf->partition_count;
    replay->part.now.p.inputs = (struct egw_list){replay->part.now.inputs, conf->input_count};
    for (size_t i = 0; i < conf->input_count; i++) {
        replay->part.now.inputs[i].topic = egw_str_of(conf->input_names[i]);
        replay->part.now.inputs[i].last = -1;
    }
    *ret = replay;
    return EGW_OK;
}

void egw_replay_free(struct egw_replay *replay)
{
    if (!replay)
        return;
    part_forget(&replay->part);
    batch_free(&replay->rt.batches[0]);
    egw_arena_free(&replay->rt.arena);
    egw_arena_free(&replay->arena);
    egw_table_free(&replay->broken);
    egw_buf_free(&replay->scratch);
    free(replay);
}

/* ---- answers ---- */

static enum egw_status no_memory(struct check *c)
{
    return egw_error_set(c->err, EGW_NOMEM, "no memory to replay an outcome");
}

static enum egw_status differs(struct check *c, const char *why)
{
    c->ret->verdict = EGW_REPLAY_DIFFERS;
    (void)egw_error_set(&c->ret->why, EGW_INVALID, "%s", why);
    return EGW_OK;
}

/* Such an outcome names a case but leaves it as it was. */
static bool spares_case(const struct egw_outcome *outcome)
{
    return outcome->action == EGW_ACTION_DUPLICATE || outcome->action == EGW_ACTION_PASSED_ON;
}

/* What the case is from here on cannot be known either. */
static enum egw_status unchecked(struct check *c, const char *why)
{
    struct egw_replay *replay = c->replay;

    c->ret->verdict = EGW_REPLAY_UNCHECKED;
    (void)egw_error_set(&c->ret->why, EGW_NOT_FOUND, "%s", why);
    if (c->kase.n && !spares_case(c->outcome) &&
        egw_table_put(&replay->broken, c->kase, egw_str_of(why)))
        return no_memory(c);
    return EGW_OK;
}

/* ---- what the step had before it ---- */

/* The place of the first record at or past an offset. */
static size_t reference_at(const struct egw_replay *replay, int64_t offset)
{
    size_t low = 0, high = replay->conf.reference_n;

    while (low < high) {
        size_t mid = low + (high - low) / 2;

        if (replay->conf.reference[mid].offset < offset)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

static const struct egw_log_record *reference_of(const struct egw_replay *replay, int64_t offset)
{
    size_t at = reference_at(replay, offset);

    if (at == replay->conf.reference_n || replay->conf.reference[at].offset != offset)
        return NULL;
    return &replay->conf.reference[at];
}

static enum egw_status learn_facts(struct check *c)
{
    struct egw_replay *replay = c->replay;
    int64_t last = c->outcome->facts_offset.v;

    while (replay->learned < replay->conf.reference_n &&
           replay->conf.reference[replay->learned].offset <= last) {
        struct egw_str fact = EGW_STR_NONE;
        enum egw_status st = replay->processor->learn(
            replay->processor->self, &replay->conf.reference[replay->learned], &fact, c->err);

        if (st && st != EGW_INVALID) /* unusable ones are skipped, as they were then */
            return st;
        replay->learned++;
    }
    return EGW_OK;
}

/* The position as the outcome before left it; where what is kept begins, as this one tells. */
static void stand_before(struct check *c)
{
    struct egw_position *position = &c->replay->part.now.p;
    const struct egw_outcome *outcome = c->outcome;

    if (c->replay->first_seq < 0) {
        c->replay->first_seq = outcome->seq;
        if (outcome->seq > 0 && outcome->action != EGW_ACTION_POLICY_ACTIVATED && outcome->policy) {
            position->activation = outcome->activation;
            memcpy(position->policy, outcome->policy, EGW_SHA256);
        }
    }
    position->chain_seq = outcome->seq;
    memcpy(position->chain_head, outcome->prev, EGW_SHA256);
    position->now = outcome->decided_at;
    c->replay->rt.wall_ms = outcome->decided_at;
    if (c->input)
        c->replay->part.now.inputs[c->input->topic].last = outcome->trigger.prev_offset;
}

/* Also after a difference, so that one does not become many. */
static void stand_after(struct check *c)
{
    struct egw_position *position = &c->replay->part.now.p;

    position->activation = c->outcome->activation;
    if (c->outcome->policy)
        memcpy(position->policy, c->outcome->policy, EGW_SHA256);
}

/* ---- what may be missing ---- */

static bool entry_known(const struct check *c, struct egw_str key)
{
    struct egw_str value;

    return part_get(&c->replay->part, 0, key, &value);
}

/* A source the outcome names that is neither what is known now nor kept any more. */
static bool source_gone(const struct check *c)
{
    const struct egw_fact_source *sources = c->outcome->sources.p;

    for (size_t i = 0; i < c->outcome->sources.n; i++) {
        const struct egw_log_record *kept;
        int64_t known =
            c->replay->processor->fact_offset(c->replay->processor->self, sources[i].key);

        if (known == sources[i].offset || sources[i].offset < 0 ||
            sources[i].offset > c->outcome->facts_offset.v)
            continue;
        kept = reference_of(c->replay, sources[i].offset);
        if (!kept || !egw_str_eq(kept->key, sources[i].key))
            return true;
    }
    return false;
}

/* Compaction leaves of a key its latest records. One whose first is past what was known then may
 * have had others before. */
static bool may_have_been(const struct check *c, struct egw_str key)
{
    const struct egw_replay *replay = c->replay;

    if (replay->processor->fact_offset(replay->processor->self, key) >= 0)
        return false;
    for (size_t i = replay->learned; i < replay->conf.reference_n; i++) {
        if (egw_str_eq(replay->conf.reference[i].key, key))
            return true;
    }
    return false;
}

static bool relation_gone(const struct check *c)
{
    struct egw_str key =
        egw_arena_printf(&c->replay->arena, "relation/%.*s/%.*s", EGW_FMT(c->outcome->partner),
                         EGW_FMT(c->outcome->customer));

    return key.p && c->outcome->customer.n && may_have_been(c, key);
}

/* The command it shares was issued by a case whose history is not whole here. */
static bool problem_gone(const struct check *c)
{
    const struct egw_outcome *outcome = c->outcome;
    struct egw_str key =
        egw_arena_printf(&c->replay->arena, "%.*s/%.*s#%.*s", EGW_FMT(outcome->partner),
                         EGW_FMT(outcome->customer), EGW_FMT(outcome->problem));

    return outcome->action == EGW_ACTION_LINKED && key.p && !entry_known(c, key) &&
           (c->replay->first_seq > 0 || c->replay->broken.used);
}

/* NULL: the step can be made. */
static const char *missing(struct check *c)
{
    const struct egw_outcome *outcome = c->outcome;
    bool fresh = c->kase.n && !outcome->after_seq.has && !spares_case(outcome) &&
                 outcome->action != EGW_ACTION_REJECTED; /* before or after it was looked up */
    struct egw_str why;

    if (!outcome->facts_offset.has)
        return "it was written before outcomes said which facts were known";
    if (fresh)
        (void)egw_table_remove(&c->replay->broken, c->kase);
    if (outcome->trigger.kind == EGW_TRIGGER_KIND_EVENT && !c->input)
        return "its input is no longer kept";
    if (c->kase.n && egw_table_get(&c->replay->broken, c->kase, &why))
        return "what went before in its case could not be checked";
    if (outcome->after_seq.has && outcome->after_seq.v < c->replay->first_seq)
        return "its case began before what is kept";
    if (source_gone(c))
        return "a reference record it names is no longer kept";
    if (problem_gone(c))
        return "the case whose command it shares could not be checked";
    return NULL;
}

/* ---- the step ---- */

/* The fact whose change was the trigger; false: its record is no longer kept. */
static bool find_fact(const struct check *c, struct egw_str *ret)
{
    const struct egw_log_record *record = reference_of(c->replay, c->outcome->trigger.offset);

    if (record)
        *ret = record->key;
    return record != NULL;
}

static struct egw_input input_of(const struct check *c, struct egw_str fact)
{
    const struct egw_trigger *trigger = &c->outcome->trigger;

    switch (trigger->kind) {
    case EGW_TRIGGER_KIND_TIMER:
        return (struct egw_input){
            .kind = EGW_INPUT_TIMER, .key = c->kase, .due_ms = trigger->offset};
    case EGW_TRIGGER_KIND_FACT:
        return (struct egw_input){
            .kind = EGW_INPUT_FACT, .key = c->kase, .fact = fact, .offset = trigger->offset};
    default:
        return (struct egw_input){
            .kind = EGW_INPUT_RECORD, .input = c->input->topic, .record = *c->input};
    }
}

static const struct egw_log_out *made_outcome(const struct egw_replay *replay)
{
    const struct batch *batch = &replay->rt.batches[0];

    for (size_t i = 0; i < batch->n; i++) {
        if (batch->outs[i].topic == replay->conf.outcomes_topic)
            return &batch->outs[i];
    }
    return NULL;
}

static enum egw_status decode_made(struct check *c, struct egw_str value, struct egw_outcome **ret)
{
    struct egw_frame frame = egw_frame_read(value);
    struct egw_outcome *made = egw_arena_alloc(&c->replay->arena, sizeof(*made));
    const struct egw_plan *plan;
    struct egw_str copy;
    enum egw_status st;

    if (!made || !egw_arena_str(&c->replay->arena, frame.body, &copy))
        return no_memory(c);
    st = egw_plans_find(c->replay->conf.plans, &frame, &plan, c->err);
    if (!st)
        st = egw_decode(plan, copy.p, copy.n, &c->replay->arena, made, c->err);
    *ret = made;
    return st ? egw_error_prefix(c->err, EGW_FATAL, "the outcome made anew") : EGW_OK;
}

/* Another framing, or a writer of another version, is no difference where all fields are equal. */
static enum egw_status compare(struct check *c, const struct egw_log_out *out)
{
    struct egw_replay_answer *ret = c->ret;
    struct egw_outcome *made = NULL;
    enum egw_status st;

    if (egw_str_eq(out->key, c->record->key) && egw_str_eq(out->value, c->record->value))
        return EGW_OK;
    st = decode_made(c, out->value, &made);
    if (!st)
        st = egw_outcome_differ(c->outcome, made, &ret->fields, c->err);
    if (st)
        return st;
    if (!ret->fields && egw_str_eq(out->key, c->record->key))
        return EGW_OK;
    if (relation_gone(c))
        return unchecked(c, "the customer's relation as of then is no longer kept");
    if (c->outcome->action == EGW_ACTION_DEAD_LETTERED && made->action != EGW_ACTION_DEAD_LETTERED)
        return unchecked(c, "what it was written by could not be read then and can be now");
    ret->made = made;
    return differs(c, ret->fields ? "it comes out otherwise" : "its record key is another one");
}

static bool tries(const struct check *c)
{
    const struct egw_replay_conf *conf = &c->replay->conf;

    return conf->candidate && c->outcome->decided_at >= conf->since &&
           c->outcome->action != EGW_ACTION_POLICY_ACTIVATED;
}

/* The same input in the same state under the candidate; nothing of it stays. */
static enum egw_status try_candidate(struct check *c, const struct egw_input *input)
{
    struct egw_replay *replay = c->replay;
    struct egw_outcome *tried = NULL;
    const struct egw_log_out *out;
    struct place before;
    enum egw_status st;

    place_copy(&before, &replay->part.now);
    memcpy(replay->part.now.p.policy, replay->conf.candidate->b, EGW_SHA256);
    st = run_step(&replay->rt, &replay->part, input, &c->ret->why_none);
    if (!st) {
        out = made_outcome(replay);
        if (out)
            st = decode_made(c, out->value, &tried);
        else
            (void)egw_error_set(&c->ret->why_none, EGW_INVALID, "the step leaves no outcome");
    } else if (st == EGW_RETRY || st == EGW_INVALID) {
        st = EGW_OK;
    } else if (c->err) {
        *c->err = c->ret->why_none;
    }
    c->ret->tried = tried;
    place_copy(&replay->part.now, &before);
    egw_table_clear(&replay->part.overlay[0]);
    batch_clear(&replay->rt.batches[0]);
    return st;
}

static enum egw_status make_again(struct check *c)
{
    struct egw_replay *replay = c->replay;
    const struct egw_log_out *out;
    struct egw_str fact = EGW_STR_NONE;
    struct egw_input input;
    struct egw_error why;
    enum egw_status st;

    if (c->outcome->trigger.kind == EGW_TRIGGER_KIND_FACT && !find_fact(c, &fact))
        return unchecked(c, "the reference record that triggered it is no longer kept");
    input = input_of(c, fact);
    st = tries(c) ? try_candidate(c, &input) : EGW_OK;
    if (st)
        return st;
    st = run_step(&replay->rt, &replay->part, &input, &why);
    if (st == EGW_RETRY)
        return unchecked(c, why.text);
    if (st == EGW_INVALID)
        return differs(c, why.text);
    /* A dead letter left nothing behind, whatever is known of its writer by now. */
    if (!st && c->outcome->action == EGW_ACTION_DEAD_LETTERED)
        egw_table_clear(&replay->part.overlay[0]);
    else if (!st)
        st = egw_table_absorb(&replay->part.base, &replay->part.overlay[0]);
    if (st) {
        if (c->err)
            *c->err = why;
        return st == EGW_NOMEM ? no_memory(c) : st;
    }
    out = made_outcome(replay);
    return out ? compare(c, out) : differs(c, "the step leaves no outcome");
}

static enum egw_status check(struct check *c)
{
    const char *why;

    c->kase = egw_arena_printf(&c->replay->arena, "%.*s/%.*s/%.*s", EGW_FMT(c->outcome->partner),
                               EGW_FMT(c->outcome->customer), EGW_FMT(c->outcome->case_id));
    if (!c->kase.p)
        return no_memory(c);
    if (!c->outcome->case_id.n)
        c->kase.n = 0;
    why = missing(c);
    return why ? unchecked(c, why) : make_again(c);
}

enum egw_status egw_replay_outcome(struct egw_replay *replay, const struct egw_log_record *record,
                                   const struct egw_outcome *outcome,
                                   const struct egw_log_record *input, bool wanted,
                                   struct egw_replay_answer *ret, struct egw_error *reterr)
{
    struct check c = {.replay = replay,
                      .record = record,
                      .outcome = outcome,
                      .input = input,
                      .ret = ret,
                      .err = reterr};
    enum egw_status st = EGW_OK;

    *ret = (struct egw_replay_answer){.verdict = EGW_REPLAY_SAME};
    batch_clear(&replay->rt.batches[0]);
    egw_arena_reset(&replay->arena);
    stand_before(&c);
    if (wanted || outcome->action == EGW_ACTION_POLICY_ACTIVATED) {
        if (outcome->facts_offset.has)
            st = learn_facts(&c);
        if (!st)
            st = check(&c);
    }
    stand_after(&c);
    return st;
}
