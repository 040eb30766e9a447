/* The transaction: how a batch closes, commits, aborts, and how a spoilt producer is replaced. */
#include "internal.h"

enum {
    ARMED_SLACK = 1024,
    BACKOFF_MS = 100, /* after the second abort in a row; doubled with each */
    BACKOFF_MAX_MS = 5000,
    DENIED_BACKOFF_MS = 10000, /* after the first: 10, 20, 40, 80, 150 s, and the end */
    DENIED_PATIENCE_MS = 300000,
    REFUSED_PATIENCE_MS = 60000, /* a topic is gone, or does not take what is written */
};

static struct batch *deciding(struct egw_runtime *rt)
{
    return &rt->batches[rt->deciding];
}

static struct batch *closing(struct egw_runtime *rt)
{
    return &rt->batches[!rt->deciding];
}

bool batch_wanted(const struct egw_runtime *rt)
{
    const struct batch *batch = &rt->batches[rt->deciding];

    if (!batch->open)
        return false;
    return (rt->revoking || rt->stop == EGW_STOP_DRAIN ||
            rt->mono_ms - batch->opened_ms >= rt->conf.batch_ms ||
            batch->records >= rt->conf.batch_records || batch->out_bytes >= rt->conf.batch_bytes);
}

bool batch_due(const struct egw_runtime *rt)
{
    return batch_wanted(rt) && rt->mono_ms >= rt->begin_again_ms;
}

/*
 * A new producer must be made before the next begin. reread: what the last transaction did is not
 * known, so both batches are gone and every part is read again from the state topic, once the new
 * producer has fenced whatever the old one left.
 */
static void want_init(struct egw_runtime *rt, enum egw_recreation why, bool reread,
                      const struct egw_error *cause)
{
    rt->need_init = true;
    rt->producer_ready = false;
    rt->init_cause = *cause;
    rt->init_why = why;
    if (!reread)
        return;
    rt->txn = TXN_NONE;
    rt->stats.open_since_ms = 0;
    drop_batches(rt);
    look_up_all(rt);
}

/* What a person has to mend stays in mind until a commit, or until transactions fail for other
 * reasons: one that does is what the library makes of the numbers of the refused records. */
static void heed(struct egw_runtime *rt, const struct egw_error *error)
{
    bool refusal = error->status == EGW_DENIED || error->status == EGW_NOT_FOUND ||
                   error->status == EGW_INVALID;

    rt->aborts_since_refused = refusal ? 0 : rt->aborts_since_refused + 1;
    if (refusal && error->status != rt->refused.status)
        rt->refused_since_ms = rt->mono_ms;
    if (refusal)
        rt->refused = *error;
    else if (rt->aborts_since_refused > 1)
        rt->refused.status = EGW_OK;
}

static void must_abort(struct egw_runtime *rt, const struct egw_error *error)
{
    note(rt, EGW_NOTE_ABORTED, -1, 0, 0, error);
    rt->txn = TXN_MUST_ABORT;
    heed(rt, error);
}

void drop_batches(struct egw_runtime *rt)
{
    for (int i = 0; i < 2; i++) {
        struct ready_list *fired = &rt->batches[i].fired;

        for (size_t k = fired->first; k < fired->n; k++) {
            const struct ready *ready = &fired->items[k];

            if (ready_push(&rt->parts[ready->partition].ready, ready))
                end(rt, EGW_NOMEM, NULL);
        }
        batch_clear(&rt->batches[i]);
    }
    for (int32_t p = 0; p < rt->conf.partition_count; p++) {
        struct part *part = &rt->parts[p];

        if (part->phase == PART_UNUSED)
            continue;
        egw_table_clear(&part->overlay[0]);
        egw_table_clear(&part->overlay[1]);
        part->touched[0] = part->touched[1] = false;
        place_copy(&part->now, &part->committed);
    }
}

static void rewind_all(struct egw_runtime *rt)
{
    rt->held_back = false;
    for (int32_t p = 0; p < rt->conf.partition_count; p++) {
        struct part *part = &rt->parts[p];

        if (part->phase == PART_RUNNING)
            start_part(rt, part, &part->committed, false);
    }
}

/* ---- closing ---- */

static enum egw_status add_state(struct egw_runtime *rt, struct part *part, struct batch *batch)
{
    size_t at = 0;
    struct egw_table_item item;
    struct egw_log_out out = {.topic = rt->conf.state_topic, .partition = part->id};
    struct egw_error error;
    enum egw_status st;

    while (egw_table_next(&part->overlay[rt->deciding], &at, &item)) {
        out.key = item.key;
        out.value = item.value;
        st = batch_refer(batch, &out);
        if (st)
            return st;
    }
    egw_buf_clear(&rt->scratch);
    st =
        egw_encode_framed(rt->conf.framing, &egw_type_position, &part->now.p, &rt->scratch, &error);
    if (st)
        return st;
    out.key = EGW_STR(EGW_POSITION_KEY);
    out.value = egw_buf_str(&rt->scratch);
    return batch_add(batch, &out);
}

static struct egw_log_offset offset_of(const struct egw_runtime *rt, const struct part *part)
{
    struct egw_log_offset offset = {.partition = part->id};

    for (size_t i = 0; i < rt->conf.input_count; i++)
        offset.next[i] = part->now.inputs[i].next;
    return offset;
}

void close_batch(struct egw_runtime *rt)
{
    struct batch *batch = deciding(rt);
    struct egw_error error;
    size_t offsets = 0;
    enum egw_status st;

    for (int32_t p = 0; p < rt->conf.partition_count; p++) {
        struct part *part = &rt->parts[p];

        if (!part->touched[rt->deciding])
            continue;
        if (add_state(rt, part, batch)) {
            end(rt, EGW_NOMEM, NULL);
            return;
        }
        place_copy(&part->closing, &part->now);
        rt->offsets[offsets++] = offset_of(rt, part);
    }
    rt->job.offset_count = offsets;
    rt->deciding = !rt->deciding;
    rt->produced = 0;
    rt->txn_began_ms = rt->mono_ms;
    rt->stats.open_since_ms = rt->mono_ms;
    st = rt->log.ops->begin(rt->log.self, &error);
    if (st) {
        want_init(rt, EGW_RECREATED_BEGIN_FAILED, true, &error);
        return;
    }
    note(rt, EGW_NOTE_BEGUN, -1, (int64_t)batch->n, 0, NULL);
    rt->txn = TXN_PRODUCING;
    go_on_producing(rt);
}

void go_on_producing(struct egw_runtime *rt)
{
    struct batch *batch = closing(rt);
    struct egw_error error;

    while (rt->produced < batch->n) {
        size_t done = 0;
        enum egw_status st = rt->log.ops->produce(rt->log.self, batch->outs + rt->produced,
                                                  batch->n - rt->produced, &done, &error);

        rt->produced += done;
        if (st == EGW_RETRY)
            return; /* the local queue is full: the next turn goes on */
        if (st == EGW_ABORT) {
            must_abort(rt, &error);
            return;
        }
        if (st) {
            rt->stats.abandoned++;
            want_init(rt, EGW_RECREATED_PRODUCE_FAILED, true, &error);
            return;
        }
    }
    rt->txn = TXN_COMMITTING;
}

/* ---- the ends of jobs ---- */

/* What the batch changed joins the base, and what waits from now on is armed. */
static void merge(struct egw_runtime *rt, struct part *part, int which)
{
    struct egw_table *overlay = &part->overlay[which];
    size_t at = 0;
    struct egw_table_item item;
    struct egw_error error;
    enum egw_status st = EGW_OK;

    while (!st && egw_table_next(overlay, &at, &item))
        st = part_arm(rt, part, item.key, item.value, &error);
    if (!st)
        st = egw_table_absorb(&part->base, overlay);
    /* An entry put every day leaves a timer and a waiter each time: now and then the moot ones go.
     */
    if (!st && part->timer_count + part->waiter_count > 4 * part->base.used + ARMED_SLACK)
        st = part_arm_all(rt, part, &error);
    if (st == EGW_INVALID)
        halt(rt, part, &error);
    else if (st)
        end(rt, EGW_NOMEM, NULL);
    part->touched[which] = false;
    place_copy(&part->committed, &part->closing);
}

static void tally(struct egw_runtime *rt, const struct egw_log_out *out)
{
    if (out->tally && out->tally < rt->conf.tallies)
        rt->tallies[out->tally]++;
}

static void committed(struct egw_runtime *rt)
{
    int which = !rt->deciding;
    struct batch *batch = closing(rt);

    for (int32_t p = 0; p < rt->conf.partition_count; p++) {
        if (rt->parts[p].touched[which])
            merge(rt, &rt->parts[p], which);
    }
    rt->aborts_in_a_row = 0;
    rt->refused.status = EGW_OK;
    rt->stats.committed++;
    rt->stats.outputs += batch->n;
    rt->stats.steps_committed += batch->records;
    egw_times_add(&rt->stats.commits, rt->mono_ms - rt->txn_began_ms);
    for (size_t i = 0; i < batch->n; i++)
        tally(rt, &batch->outs[i]);
    note(rt, EGW_NOTE_COMMITTED, -1, (int64_t)batch->n, rt->mono_ms - rt->txn_began_ms, NULL);
    batch_clear(batch);
}

void commit_done(struct egw_runtime *rt)
{
    rt->stats.open_since_ms = 0;
    rt->txn = TXN_NONE;
    switch (rt->job.result) {
    case EGW_OK:
        committed(rt);
        rt->begin_again_ms = rt->mono_ms + rt->conf.rest_ms;
        if (rt->job.doubtful) {
            egw_error_set(&rt->job.error, EGW_RETRY,
                          "the commit met a transport error or was slow");
            want_init(rt, EGW_RECREATED_COMMIT_DOUBTFUL, false, &rt->job.error);
        }
        break;
    case EGW_ABORT:
        must_abort(rt, &rt->job.error);
        break;
    case EGW_FENCED:
    case EGW_DENIED:
        end(rt, rt->job.result, &rt->job.error);
        break;
    default: /* unknown whether it stands: the state topic will tell */
        rt->stats.unknown++;
        want_init(rt, EGW_RECREATED_COMMIT_UNKNOWN, true, &rt->job.error);
        break;
    }
}

/* Before the next begin, after the n-th abort in a row: what fails again and again must not spin. A
 * right that is missing is asked for rarely, but from the first time on. */
static int64_t backoff_ms(unsigned n, bool denied)
{
    int64_t most = denied ? DENIED_PATIENCE_MS / 2 : BACKOFF_MAX_MS;
    int64_t ms = denied ? DENIED_BACKOFF_MS : BACKOFF_MS;

    if (n == 1 && !denied)
        return 0;
    for (unsigned i = denied ? 1 : 2; i < n && ms < most; i++)
        ms *= 2;
    return ms < most ? ms : most;
}

static void wait_longer(struct egw_runtime *rt)
{
    bool denied = rt->refused.status == EGW_DENIED;

    rt->begin_again_ms = rt->mono_ms + backoff_ms(++rt->aborts_in_a_row, denied);
}

/* Nobody mended it in all that time, and it was met again just now. */
static bool lost_patience(struct egw_runtime *rt)
{
    bool denied = rt->refused.status == EGW_DENIED;
    int64_t patience_ms = denied ? DENIED_PATIENCE_MS : REFUSED_PATIENCE_MS;

    if (!rt->refused.status || rt->aborts_since_refused > 0 ||
        rt->mono_ms - rt->refused_since_ms < patience_ms)
        return false;
    end(rt, denied ? EGW_DENIED : EGW_RETRY, &rt->refused);
    return true;
}

void abort_done(struct egw_runtime *rt)
{
    rt->stats.open_since_ms = 0;
    rt->stats.aborted++;
    rt->txn = TXN_NONE;
    wait_longer(rt);
    drop_batches(rt);
    if (rt->job.result == EGW_FENCED || rt->job.result == EGW_DENIED) {
        end(rt, rt->job.result, &rt->job.error);
        return;
    }
    if (lost_patience(rt))
        return;
    if (rt->job.result || rt->job.doubtful) {
        if (!rt->job.result)
            egw_error_set(&rt->job.error, EGW_RETRY, "the abort met a transport error or was slow");
        want_init(rt, rt->job.result ? EGW_RECREATED_ABORT_FAILED : EGW_RECREATED_ABORT_DOUBTFUL,
                  rt->job.result != EGW_OK, &rt->job.error);
    }
    if (!rt->job.result)
        rewind_all(rt);
}

/* More than conf.recreations within conf.recreations_ms: something is wrong that we cannot cure. */
static bool too_many_recreations(struct egw_runtime *rt)
{
    int64_t oldest = rt->recreations[rt->recreation_at];

    rt->recreations[rt->recreation_at] = rt->mono_ms;
    rt->recreation_at = (rt->recreation_at + 1) % rt->conf.recreations;
    return oldest && rt->mono_ms - oldest < rt->conf.recreations_ms;
}

void init_done(struct egw_runtime *rt)
{
    if (rt->job.result == EGW_DENIED || rt->job.result == EGW_FENCED) {
        end(rt, rt->job.result, &rt->job.error);
        return;
    }
    if (rt->job.result)
        want_init(rt, EGW_RECREATED_INIT_FAILED, false, &rt->job.error);
    else
        rt->producer_ready = true;
}

/* Hand the helper the most urgent thing there is to do. */
void submit_jobs(struct egw_runtime *rt)
{
    struct egw_log_job *job = &rt->job;

    if (rt->job_busy)
        return;
    if (rt->txn == TXN_MUST_ABORT) {
        job->kind = EGW_LOG_ABORT;
        rt->txn = TXN_ABORTING;
    } else if (rt->txn == TXN_COMMITTING) {
        job->kind = EGW_LOG_COMMIT;
        /* Nothing decided outlives its assignment (a revoke commits or drops it before release(), a
         * loss drops it), so what is asked for here was decided under the one of now. */
        job->generation = rt->generation;
        job->offsets = rt->offsets;
    } else if (rt->need_init && rt->txn == TXN_NONE) {
        if (rt->stats.recreated || rt->init_cause.text[0]) {
            if (too_many_recreations(rt)) {
                end(rt, EGW_FATAL, &rt->init_cause);
                return;
            }
            rt->stats.recreated++;
            rt->stats.recreated_by[rt->init_why]++;
            note(rt, EGW_NOTE_RECREATED, -1, 0, 0, &rt->init_cause);
        }
        rt->need_init = false;
        job->kind = EGW_LOG_INIT;
    } else if (rt->producer_ready && rt->txn == TXN_NONE && submit_lookup(rt)) {
        job->kind = EGW_LOG_LOOKUP;
    } else {
        return;
    }
    job->result = EGW_OK;
    job->doubtful = false;
    job->error.text[0] = '\0';
    rt->job_busy = true;
    rt->log.ops->job(rt->log.self, job);
}
