/*
 * Jobs: what waits for the broker runs on one helper thread, one at a time. The producer is the
 * helper's while a job is under way, so librdkafka's callbacks about it run either inside a job or
 * inside produce() and begin(), never in both at once.
 */
#include "kafka_log.h"

#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>

enum {
    DESTROY_MS = 10000,
    INIT_MS = 60000,
    SLICE_MS = 2000, /* of a call that can be resumed, so that closing is heard */
    FLUSH_MS = 2000, /* before an abort or the end of a producer */
    COMMITTED_MS = 5000,
    COUNT_MS = 2000,
    SWEEP_MS = 15000, /* the broker's sweep of dead transactions, and a margin */
};

/* ---- what all jobs share ---- */

static bool quitting(struct kafka_log *log)
{
    bool quit;

    (void)pthread_mutex_lock(&log->lock);
    quit = log->quit;
    (void)pthread_mutex_unlock(&log->lock);
    return quit;
}

/* News, not failures: the library goes on by itself. But a request may still be under way after it
 * was given up, and be applied late. */
static void on_trouble(rd_kafka_t *rk, int code, const char *reason, void *opaque)
{
    struct kafka_log *log = opaque;

    (void)rk;
    (void)reason;
    if (code != RD_KAFKA_RESP_ERR__FATAL)
        log->transaction.troubles++;
}

/* Why a transaction is doomed is said once, in a line; the calls after it know only that it is. */
static void on_line(const rd_kafka_t *rk, int level, const char *facility, const char *text)
{
    struct kafka_log *log = egw_kafka_self(rk);

    (void)level;
    if (strcmp(facility, "TXNERR") == 0) {
        rd_kafka_resp_err_t code = egw_kafka_code_in(text);
        const char *thread = text[0] == '[' ? strstr(text, "]: ") : NULL;
        const char *advice = egw_kafka_advice(code);

        if (code == RD_KAFKA_RESP_ERR__INCONSISTENT)
            return; /* how many records did not arrive: their own error says why */
        (void)pthread_mutex_lock(&log->lock);
        log->timed_out |= code == RD_KAFKA_RESP_ERR__TIMED_OUT;
        (void)egw_error_set(&log->doomed, egw_kafka_abort_cause(code), "%s%s%s",
                            thread ? thread + 3 : text, advice ? "; " : "", advice ? advice : "");
        (void)pthread_mutex_unlock(&log->lock);
    }
}

void kafka_txn_timed_out(struct kafka_log *log)
{
    (void)pthread_mutex_lock(&log->lock);
    log->timed_out = true;
    (void)pthread_mutex_unlock(&log->lock);
}

void kafka_txn_explain(struct kafka_log *log, struct egw_error *error)
{
    (void)pthread_mutex_lock(&log->lock);
    if (error->status == EGW_ABORT && log->doomed.text[0])
        *error = log->doomed;
    (void)pthread_mutex_unlock(&log->lock);
}

/* The library waits for a topic that is gone as for a leader that is away, until records time out.
 */
static void blame_missing_topic(struct kafka_log *log, struct egw_error *error)
{
    enum egw_status st = EGW_OK;
    struct egw_error why;
    int32_t count;
    bool timed_out;

    (void)pthread_mutex_lock(&log->lock);
    timed_out = log->timed_out;
    (void)pthread_mutex_unlock(&log->lock);
    for (size_t i = 0; timed_out && st == EGW_OK && i < log->conf.topic_count; i++)
        st = egw_kafka_count(log->probe, log->conf.topics[i], COUNT_MS, &count, &why);
    if (st == EGW_NOT_FOUND || st == EGW_DENIED)
        *error = why;
}

static int64_t transaction_ms(const struct kafka_log *log)
{
    return log->conf.settings->kafka.transaction_timeout_ms;
}

/* Only what ended well can be in doubt; the rest is known to need a new producer or an abort. */
static void judge(struct kafka_log *log, struct egw_log_job *job, int64_t since, bool repeated)
{
    int64_t took = egw_kafka_mono_ms() - since;

    (void)rd_kafka_poll(log->producer, 0);
    job->doubtful =
        job->result == EGW_OK && (repeated || log->transaction.troubles > 0 ||
                                  took > egw_kafka_socket_timeout_ms(log->conf.settings) / 2);
}

static enum egw_status no_producer(struct egw_error *reterr)
{
    return egw_error_set(reterr, EGW_FATAL, "no producer: INIT comes first");
}

/*
 * What was handed over gets some time to arrive. An abort while the first records of a partition
 * are still under way can end in a fatal error; and the library may fail an assertion of its own
 * (txn_req_cnt > 0) when it is torn down while it registers partitions with the transaction:
 * delivered records are past that. False: something is under way yet.
 */
static bool await_delivery(struct kafka_log *log, int64_t ms)
{
    return rd_kafka_fatal_error(log->producer, NULL, 0) ||
           !rd_kafka_flush(log->producer, (int)(ms < FLUSH_MS ? ms : FLUSH_MS));
}

/* ---- INIT ---- */

/* Under the lock for egw_kafka_log_login() only: otherwise it is whose turn it is. */
static void set_producer(struct kafka_log *log, rd_kafka_t *producer)
{
    (void)pthread_mutex_lock(&log->lock);
    log->producer = producer;
    (void)pthread_mutex_unlock(&log->lock);
}

static bool drop_producer(struct kafka_log *log, int64_t ms)
{
    rd_kafka_t *old = log->producer;

    if (!old)
        return true;
    set_producer(log, NULL);
    (void)rd_kafka_purge(old, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT |
                                  RD_KAFKA_PURGE_F_NON_BLOCKING);
    for (size_t i = 0; i < log->conf.topic_count; i++) {
        if (log->producer_topics[i])
            rd_kafka_topic_destroy(log->producer_topics[i]);
        log->producer_topics[i] = NULL;
    }
    return egw_kafka_destroy(old, ms);
}

static enum egw_status make_producer(struct kafka_log *log, struct egw_error *reterr)
{
    const struct egw_kafka_handle_conf conf = {
        .role = EGW_KAFKA_TRANSACTIONS,
        .settings = log->conf.settings,
        .client_id = log->conf.instance,
        .instance = log->conf.instance,
        .self = log,
        .delivered = kafka_produce_delivered,
        .trouble = on_trouble,
        .line = on_line,
    };
    rd_kafka_t *made;
    enum egw_status st = egw_kafka_handle(&conf, &made, reterr);

    if (st == EGW_OK)
        set_producer(log, made);
    for (size_t i = 0; st == EGW_OK && i < log->conf.topic_count; i++) {
        log->producer_topics[i] = rd_kafka_topic_new(log->producer, log->conf.topics[i], NULL);
        if (!log->producer_topics[i])
            st = egw_from_kafka_code(rd_kafka_last_error(), log->conf.topics[i], NULL, reterr);
    }
    return st;
}

static enum egw_status fence_older(struct kafka_log *log, struct egw_error *reterr)
{
    int64_t until = egw_kafka_mono_ms() + INIT_MS;
    enum egw_status st;

    do
        st = egw_from_kafka(rd_kafka_init_transactions(log->producer, SLICE_MS),
                            "init transactions", reterr);
    while (st == EGW_RETRY && egw_kafka_mono_ms() < until && !quitting(log));
    if (st != EGW_OK)
        (void)egw_error_prefix(reterr, st, "transactional id %s", log->conf.instance);
    return egw_kafka_name_denied(log->producer, st, reterr);
}

/* Without it the first transaction waits up to a second for what the library asks by itself. */
static enum egw_status learn_topics(struct kafka_log *log, struct egw_error *reterr)
{
    const struct rd_kafka_metadata *metadata;
    rd_kafka_resp_err_t code;
    int64_t until = egw_kafka_mono_ms() + INIT_MS;

    do {
        code = rd_kafka_metadata(log->producer, 0, NULL, &metadata, SLICE_MS);
        if (!code)
            rd_kafka_metadata_destroy(metadata);
    } while (code && egw_kafka_mono_ms() < until && !quitting(log));
    return egw_from_kafka_code(code, "topic metadata", NULL, reterr);
}

static enum egw_status run_init(struct kafka_log *log, struct egw_error *reterr)
{
    enum egw_status st;

    if (log->producer)
        (void)await_delivery(log, FLUSH_MS);
    /* A hang in there is a known fault of the library: only a new process helps. */
    if (!drop_producer(log, DESTROY_MS))
        return egw_error_set(reterr, EGW_FENCED, "the old producer did not end within %d ms",
                             DESTROY_MS);
    st = make_producer(log, reterr);
    if (st == EGW_OK)
        st = fence_older(log, reterr);
    if (st == EGW_OK)
        st = learn_topics(log, reterr);
    if (st == EGW_OK || st == EGW_DENIED)
        return st;
    return egw_error_prefix(reterr, EGW_FATAL, "no producer");
}

/* ---- COMMIT and ABORT ---- */

static rd_kafka_topic_partition_list_t *offsets_of(const struct kafka_log *log,
                                                   const struct egw_log_job *job)
{
    rd_kafka_topic_partition_list_t *list =
        rd_kafka_topic_partition_list_new((int)(job->offset_count * log->conf.input_count));

    for (size_t i = 0; i < job->offset_count; i++) {
        for (size_t k = 0; k < log->conf.input_count; k++) {
            if (job->offsets[i].next[k] >= 0)
                rd_kafka_topic_partition_list_add(list, log->conf.topics[k],
                                                  job->offsets[i].partition)
                    ->offset = job->offsets[i].next[k];
        }
    }
    return list;
}

/* Repeated with the same arguments for as long as the transaction lives. */
static enum egw_status send_offsets(struct kafka_log *log, const struct egw_log_job *job,
                                    rd_kafka_consumer_group_metadata_t *metadata, bool *repeated,
                                    struct egw_error *reterr)
{
    rd_kafka_topic_partition_list_t *list = offsets_of(log, job);
    int64_t until = egw_kafka_mono_ms() + transaction_ms(log);
    enum egw_status st;

    if (list->cnt == 0) {
        rd_kafka_topic_partition_list_destroy(list);
        return egw_error_set(reterr, EGW_ABORT, "a transaction without offsets is not fenced");
    }
    while ((st = egw_from_kafka(
                rd_kafka_send_offsets_to_transaction(log->producer, list, metadata, -1),
                "send offsets", reterr)) == EGW_RETRY &&
           egw_kafka_mono_ms() < until && !quitting(log))
        *repeated = true;
    rd_kafka_topic_partition_list_destroy(list);
    if (st != EGW_OK) /* the cause of an abort stays what it is */
        (void)egw_error_prefix(reterr, reterr->status, "group %s", log->conf.group);
    return st;
}

/* end: commit or abort, both of which go on where they were when called again. */
static enum egw_status end_transaction(struct kafka_log *log,
                                       rd_kafka_error_t *(*end)(rd_kafka_t *, int),
                                       const char *doing, bool *repeated, struct egw_error *reterr)
{
    int64_t until = egw_kafka_mono_ms() + 2 * transaction_ms(log);
    enum egw_status st;

    while ((st = egw_from_kafka(end(log->producer, -1), doing, reterr)) == EGW_RETRY &&
           egw_kafka_mono_ms() < until && !quitting(log))
        *repeated = true;
    return st;
}

/*
 * The flush that the commit begins with looks every 10 ms only whether all arrived. Each look wakes
 * the broker threads: the longer it takes, the fewer they get.
 */
static void await_acks(struct kafka_log *log)
{
    int64_t since = egw_kafka_mono_ms(), waited = 0;

    while (rd_kafka_flush(log->producer, waited < 72 ? 1 + (int)(waited / 8) : 10) &&
           !quitting(log) && waited < transaction_ms(log))
        waited = egw_kafka_mono_ms() - since;
}

static enum egw_status commit(struct kafka_log *log, struct egw_log_job *job, bool *repeated,
                              struct egw_error *reterr)
{
    rd_kafka_consumer_group_metadata_t *metadata;
    enum egw_status st;

    (void)rd_kafka_poll(log->producer, 0);
    if (log->transaction.failed) {
        *reterr = log->transaction.error;
        return EGW_ABORT;
    }
    metadata = kafka_group_metadata(log, job->generation);
    if (!metadata)
        return egw_error_set(reterr, EGW_ABORT, "generation %" PRId64 " of the group is not known",
                             job->generation);
    st = send_offsets(log, job, metadata, repeated, reterr);
    rd_kafka_consumer_group_metadata_destroy(metadata);
    if (st == EGW_OK) {
        await_acks(log);
        st = end_transaction(log, rd_kafka_commit_transaction, "commit", repeated, reterr);
    }
    if (st == EGW_ABORT && log->transaction.failed)
        *reterr = log->transaction.error; /* the commit says only how many did not arrive */
    /* Not ended in its time: what the broker made of it is unknown, and INIT finds out. */
    return st == EGW_RETRY ? egw_error_prefix(reterr, EGW_FATAL, "given up") : st;
}

static enum egw_status run_commit(struct kafka_log *log, struct egw_log_job *job)
{
    int64_t since = egw_kafka_mono_ms();
    bool repeated = false;

    if (!log->producer)
        return no_producer(&job->error);
    job->result = commit(log, job, &repeated, &job->error);
    if (job->result == EGW_ABORT) {
        kafka_txn_explain(log, &job->error);
        blame_missing_topic(log, &job->error);
        (void)egw_kafka_name_denied(log->producer, EGW_ABORT, &job->error);
    }
    judge(log, job, since, repeated);
    return job->result;
}

static enum egw_status run_abort(struct kafka_log *log, struct egw_log_job *job)
{
    int64_t since;
    bool late;

    if (!log->producer)
        return no_producer(&job->error);
    /* The answer to what is under way would reach the next transaction: it gets another producer.
     */
    late = !await_delivery(log, FLUSH_MS);
    since = egw_kafka_mono_ms();
    job->result = end_transaction(log, rd_kafka_abort_transaction, "abort", &late, &job->error);
    if (job->result == EGW_RETRY || job->result == EGW_ABORT)
        job->result = egw_error_prefix(&job->error, EGW_FATAL, "given up");
    judge(log, job, since, late);
    return job->result;
}

/* ---- LOOKUP ---- */

static rd_kafka_topic_partition_list_t *places_of(const struct kafka_log *log,
                                                  const struct egw_log_job *job, bool with_state)
{
    size_t topics = log->conf.input_count + with_state;
    rd_kafka_topic_partition_list_t *list =
        rd_kafka_topic_partition_list_new((int)(job->place_count * topics));

    for (size_t i = 0; i < job->place_count; i++) {
        for (size_t k = 0; k < log->conf.input_count; k++)
            (void)rd_kafka_topic_partition_list_add(list, log->conf.topics[k],
                                                    job->places[i].partition);
        if (with_state)
            (void)rd_kafka_topic_partition_list_add(list, log->conf.topics[log->conf.state_topic],
                                                    job->places[i].partition);
    }
    return list;
}

static enum egw_status element_errors(const rd_kafka_topic_partition_list_t *list,
                                      const char *doing, struct egw_error *reterr)
{
    for (int i = 0; i < list->cnt; i++) {
        const rd_kafka_topic_partition_t *at = &list->elems[i];
        enum egw_status st = egw_from_kafka_code(at->err, doing, NULL, reterr);

        if (st != EGW_OK)
            return egw_error_prefix(reterr, st, "%s/%" PRId32, at->topic, at->partition);
    }
    return EGW_OK;
}

/*
 * Committed offsets, asked by a read_committed handle: the broker makes it wait for the former
 * owner's open transaction (rules page, 19). A time-out comes with "no offset" in each element, and
 * means: ask again.
 */
static enum egw_status ask_committed(struct kafka_log *log, rd_kafka_topic_partition_list_t *list,
                                     struct egw_error *reterr)
{
    int64_t until = egw_kafka_mono_ms() + transaction_ms(log) + SWEEP_MS;
    enum egw_status st;

    do {
        for (int i = 0; i < list->cnt; i++)
            list->elems[i].err = RD_KAFKA_RESP_ERR_NO_ERROR;
        st = egw_from_kafka_code(rd_kafka_committed(log->tail, list, COMMITTED_MS),
                                 "look-up of committed offsets", NULL, reterr);
        if (st == EGW_OK)
            st = element_errors(list, "look-up of the committed offset", reterr);
    } while (st == EGW_RETRY && egw_kafka_mono_ms() < until && !quitting(log));
    return st;
}

static enum egw_status look_up_committed(struct kafka_log *log, struct egw_log_job *job)
{
    rd_kafka_topic_partition_list_t *list = places_of(log, job, false);
    enum egw_status st = ask_committed(log, list, &job->error);
    const rd_kafka_topic_partition_t *at = list->elems;

    for (size_t i = 0; st == EGW_OK && i < job->place_count; i++) {
        for (size_t k = 0; k < log->conf.input_count; k++, at++)
            job->places[i].committed[k] = at->offset < 0 ? -1 : at->offset;
    }
    rd_kafka_topic_partition_list_destroy(list);
    return st;
}

static enum egw_status look_up_ends(struct kafka_log *log, struct egw_log_job *job, int64_t which)
{
    rd_kafka_topic_partition_list_t *list = places_of(log, job, true);
    enum egw_status st = egw_kafka_log_ends(log->probe, list, which, COMMITTED_MS, &job->error);
    const rd_kafka_topic_partition_t *at = list->elems;
    bool low = which == RD_KAFKA_OFFSET_BEGINNING;

    for (size_t i = 0; st == EGW_OK && i < job->place_count; i++) {
        struct egw_log_place *place = &job->places[i];

        for (size_t k = 0; k < log->conf.input_count; k++, at++)
            *(low ? &place->low[k] : &place->high[k]) = at->offset;
        *(low ? &place->state_low : &place->state_end) = at++->offset;
    }
    rd_kafka_topic_partition_list_destroy(list);
    return st;
}

/* Committed first: what the former owner still had open has ended when the ends are asked. */
static enum egw_status run_lookup(struct kafka_log *log, struct egw_log_job *job)
{
    enum egw_status st;

    if (job->place_count == 0)
        return EGW_OK;
    st = look_up_committed(log, job);
    if (st == EGW_OK)
        st = look_up_ends(log, job, RD_KAFKA_OFFSET_BEGINNING);
    return st == EGW_OK ? look_up_ends(log, job, RD_KAFKA_OFFSET_END) : st;
}

/* ---- the helper ---- */

static void run(struct kafka_log *log, struct egw_log_job *job)
{
    job->doubtful = false;
    job->error = (struct egw_error){0};
    switch (job->kind) {
    case EGW_LOG_INIT:
        job->result = run_init(log, &job->error);
        break;
    case EGW_LOG_LOOKUP:
        job->result = run_lookup(log, job);
        break;
    case EGW_LOG_COMMIT:
        job->result = run_commit(log, job);
        break;
    case EGW_LOG_ABORT:
        job->result = run_abort(log, job);
        break;
    }
    if (job->result == EGW_OK)
        job->error = (struct egw_error){0}; /* what a repeated call said first */
}

static void *helper(void *arg)
{
    struct kafka_log *log = arg;

    (void)pthread_mutex_lock(&log->lock);
    while (!log->quit) {
        struct egw_log_job *job = log->job;

        if (!job) {
            (void)pthread_cond_wait(&log->changed, &log->lock);
            continue;
        }
        (void)pthread_mutex_unlock(&log->lock);
        run(log, job);
        (void)pthread_mutex_lock(&log->lock);
        log->job = NULL;
        __atomic_store_n(&log->done, true, __ATOMIC_RELEASE);
        kafka_log_wake(log);
    }
    (void)pthread_mutex_unlock(&log->lock);
    return NULL;
}

void kafka_txn_job(void *self, struct egw_log_job *job)
{
    struct kafka_log *log = self;

    (void)pthread_mutex_lock(&log->lock);
    log->job = job;
    (void)pthread_cond_signal(&log->changed);
    (void)pthread_mutex_unlock(&log->lock);
}

bool kafka_txn_done(struct kafka_log *log, struct egw_log_event *ret)
{
    if (!__atomic_load_n(&log->done, __ATOMIC_ACQUIRE))
        return false;
    log->done = false; /* no other job is under way before this one is told */
    ret->kind = EGW_LOG_DONE;
    return true;
}

enum egw_status kafka_txn_begin(void *self, struct egw_error *reterr)
{
    struct kafka_log *log = self;

    if (!log->producer)
        return no_producer(reterr);
    /* A fatal producer may hang in begin (rules page, 6). */
    if (rd_kafka_fatal_error(log->producer, NULL, 0))
        return egw_error_set(reterr, EGW_FATAL, "begin on a producer that met a fatal error");
    (void)rd_kafka_poll(log->producer, 0); /* old news are not this transaction's */
    kafka_produce_reset(log);
    egw_kafka_heard_begin(log->producer);
    (void)pthread_mutex_lock(&log->lock);
    log->doomed = (struct egw_error){0};
    log->timed_out = false;
    (void)pthread_mutex_unlock(&log->lock);
    return egw_from_kafka(rd_kafka_begin_transaction(log->producer), "begin", reterr);
}

/* Signals are for the loop. */
static int start_quiet(struct kafka_log *log)
{
    sigset_t all, was;
    int rc;

    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &was);
    rc = pthread_create(&log->helper, NULL, helper, log);
    (void)pthread_sigmask(SIG_SETMASK, &was, NULL);
    return rc;
}

enum egw_status kafka_txn_open(struct kafka_log *log, struct egw_error *reterr)
{
    int rc = start_quiet(log);

    if (rc != 0)
        return egw_error_set(reterr, EGW_FATAL, "no thread for the log's helper: %s", strerror(rc));
    log->helper_runs = true;
    return EGW_OK;
}

static void end_helper(void *arg)
{
    struct kafka_log *log = arg;

    (void)pthread_mutex_lock(&log->lock);
    log->quit = true;
    (void)pthread_cond_signal(&log->changed);
    (void)pthread_mutex_unlock(&log->lock);
    (void)pthread_join(log->helper, NULL);
}

/* Half the time at most goes into waiting, the rest is for the handles. What is under way then is
 * left behind whole: the next owner of the name aborts it. */
bool kafka_txn_close(struct kafka_log *log, int64_t ms)
{
    int64_t deadline = egw_kafka_mono_ms() + ms;

    if (log->helper_runs && !egw_kafka_within(ms, end_helper, log))
        return false;
    log->helper_runs = false;
    if (log->producer && !await_delivery(log, egw_kafka_rest_of(deadline) / 2))
        return false;
    return drop_producer(log, egw_kafka_rest_of(deadline));
}
