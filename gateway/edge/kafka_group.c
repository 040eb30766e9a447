/*
 * The group side: membership, rebalance, the records of the inputs.
 *
 * The rebalance callback runs inside our poll of the member and only records what happened; it
 * waits for nothing. A partition assigned is paused at once and stays so until start().
 */
#include "kafka_log.h"

#include <inttypes.h>
#include <stdlib.h>
#include <time.h>

enum { SEEK_PATIENCE_MS = 2000, SEEK_PAUSE_NS = 2000000, FATAL_TEXT = 512 };

static struct kafka_input *input_at(struct kafka_log *log, size_t input, int32_t p)
{
    if (p < 0 || p >= log->conf.partition_count)
        return NULL;
    return &log->inputs[input * (size_t)log->conf.partition_count + (size_t)p];
}

/* ---- events ---- */

static struct kafka_event *event_new(struct kafka_log *log, enum egw_log_event_kind kind)
{
    struct kafka_event *event;

    /* poll() empties the list before it polls the library again: as many rebalances in one call of
     * the library do not happen, each takes a round trip to the coordinator. */
    if (log->event_count == KAFKA_EVENTS_MAX)
        return NULL;
    event = &log->events[(log->event_first + log->event_count++) % KAFKA_EVENTS_MAX];
    *event = (struct kafka_event){.kind = kind};
    return event;
}

static void tell_failed(struct kafka_log *log, const struct egw_error *error)
{
    struct kafka_event *event = log->failed ? NULL : event_new(log, EGW_LOG_FAILED);

    if (!event)
        return;
    log->failed = true;
    event->error = *error;
}

void kafka_group_topic_gone(struct kafka_log *log, int topic)
{
    struct egw_error error;

    (void)egw_error_set(&error, EGW_RETRY, "topic %s is not there any more",
                        log->conf.topics[topic]);
    tell_failed(log, &error);
}

static void tell_owned(struct kafka_log *log, enum egw_log_event_kind kind)
{
    int32_t *partitions = calloc(log->owned_count + 1, sizeof(*partitions));
    struct kafka_event *event = partitions ? event_new(log, kind) : NULL;
    struct egw_error error;

    if (!event) {
        free(partitions);
        (void)egw_error_set(&error, EGW_FATAL, "no memory for a rebalance of the group");
        tell_failed(log, &error);
        return;
    }
    if (log->owned_count)
        memcpy(partitions, log->owned, log->owned_count * sizeof(*partitions));
    event->partitions = partitions;
    event->partition_count = log->owned_count;
    event->generation = log->generation;
}

bool kafka_group_event(struct kafka_log *log, struct egw_log_event *ret)
{
    struct kafka_event *event;

    /* The session may end while the loop still finishes for REVOKE. */
    if (log->revoking && rd_kafka_assignment_lost(log->member)) {
        tell_owned(log, EGW_LOG_LOST);
        kafka_group_release(log);
    }
    if (log->event_count == 0)
        return false;
    event = &log->events[log->event_first];
    log->event_first = (log->event_first + 1) % KAFKA_EVENTS_MAX;
    log->event_count--;
    log->handed_partitions = event->partitions;
    ret->kind = event->kind;
    ret->partitions = event->partitions;
    ret->partition_count = event->partition_count;
    ret->generation = event->generation;
    ret->error = event->error;
    return true;
}

/* ---- generations ---- */

/*
 * Whether a commit under this metadata is checked by the broker: generation and member are there
 * (rules page, 12). This library shows both only in the serialised form; an unknown one is refused.
 */
static bool is_fenced(const void *bytes, size_t n)
{
    static const char magic[] = "CGMDv2:"; /* then the generation, group\0, member\0, instance */
    const size_t head = sizeof(magic) - 1;
    const char *p = bytes, *end = p + n, *group_end;
    int32_t generation;

    if (n <= head + sizeof(generation) || memcmp(p, magic, head) != 0)
        return false;
    memcpy(&generation, p + head, sizeof(generation));
    p += head + sizeof(generation);
    group_end = memchr(p, 0, (size_t)(end - p));
    return group_end && group_end + 1 < end && generation >= 0 && group_end[1] != '\0';
}

static bool write_metadata(rd_kafka_t *member, void **ret, size_t *ret_n)
{
    rd_kafka_consumer_group_metadata_t *metadata = rd_kafka_consumer_group_metadata(member);
    rd_kafka_error_t *e;

    if (!metadata)
        return false;
    e = rd_kafka_consumer_group_metadata_write(metadata, ret, ret_n);
    rd_kafka_consumer_group_metadata_destroy(metadata);
    if (e) {
        rd_kafka_error_destroy(e);
        return false;
    }
    return true;
}

/* Captured in the callback: fetched later it would carry the next generation, which the broker
 * takes also for partitions that moved away. */
static bool capture_generation(struct kafka_log *log)
{
    struct kafka_generation *generation;
    void *bytes = NULL;
    size_t n = 0;

    if (!write_metadata(log->member, &bytes, &n))
        return false;
    if (!is_fenced(bytes, n)) {
        rd_kafka_mem_free(log->member, bytes);
        return false;
    }
    log->generation++;
    generation = &log->generations[log->generation % KAFKA_GENERATIONS_MAX];
    (void)pthread_mutex_lock(&log->lock);
    rd_kafka_mem_free(log->member, generation->metadata);
    *generation =
        (struct kafka_generation){.number = log->generation, .metadata = bytes, .size = n};
    (void)pthread_mutex_unlock(&log->lock);
    return true;
}

rd_kafka_consumer_group_metadata_t *kafka_group_metadata(struct kafka_log *log, int64_t generation)
{
    rd_kafka_consumer_group_metadata_t *metadata = NULL;
    const struct kafka_generation *at;

    if (generation <= 0)
        return NULL;
    at = &log->generations[generation % KAFKA_GENERATIONS_MAX];
    (void)pthread_mutex_lock(&log->lock);
    if (at->number == generation) {
        rd_kafka_error_t *e =
            rd_kafka_consumer_group_metadata_read(&metadata, at->metadata, at->size);

        if (e) {
            rd_kafka_error_destroy(e);
            metadata = NULL;
        }
    }
    (void)pthread_mutex_unlock(&log->lock);
    return metadata;
}

/* ---- rebalance ---- */

static void forget_inputs(struct kafka_log *log)
{
    size_t n = log->conf.input_count * (size_t)log->conf.partition_count;

    memset(log->inputs, 0, n * sizeof(*log->inputs));
}

/* Nothing of ours is handed out any more; what the library has of it is still to be given back. */
static void silence(struct kafka_log *log)
{
    size_t n = log->conf.input_count * (size_t)log->conf.partition_count;

    for (size_t i = 0; i < n; i++)
        log->inputs[i].started = false;
}

static void unassign(struct kafka_log *log)
{
    (void)rd_kafka_assign(log->member, NULL);
    forget_inputs(log);
    log->owned_count = 0;
    log->revoking = false;
}

static int input_named(const struct kafka_log *log, const char *topic)
{
    for (size_t i = 0; i < log->conf.input_count; i++) {
        if (strcmp(log->conf.topics[i], topic) == 0)
            return (int)i;
    }
    return -1;
}

static bool has_all_owned(struct kafka_log *log, size_t input)
{
    for (size_t i = 0; i < log->owned_count; i++) {
        if (!input_at(log, input, log->owned[i])->paused)
            return false;
    }
    return true;
}

/* The partition numbers, which all inputs must share; the lists of an eager range assignor do.
 * EGW_RETRY: an input has none where another has. */
static enum egw_status common_partitions(struct kafka_log *log,
                                         const rd_kafka_topic_partition_list_t *list,
                                         struct egw_error *reterr)
{
    size_t per_input[EGW_LOG_INPUTS_MAX] = {0};
    size_t n = 0;

    forget_inputs(log);
    free(log->owned);
    log->owned = calloc((size_t)list->cnt + 1, sizeof(*log->owned));
    log->owned_count = 0;
    if (!log->owned)
        return egw_error_set(reterr, EGW_FATAL, "no memory for an assignment");
    for (int i = 0; i < list->cnt; i++) {
        const rd_kafka_topic_partition_t *at = &list->elems[i];
        int input = input_named(log, at->topic);
        struct kafka_input *in = input < 0 ? NULL : input_at(log, (size_t)input, at->partition);

        if (!in)
            return egw_error_set(reterr, EGW_FATAL, "assigned %s/%" PRId32 ", which is no input",
                                 at->topic, at->partition);
        in->paused = true;
        per_input[input]++;
        if (input == 0)
            log->owned[n++] = at->partition;
    }
    log->owned_count = n;
    for (size_t i = 0; i < log->conf.input_count && list->cnt; i++) {
        if (!per_input[i])
            return egw_error_set(reterr, EGW_RETRY,
                                 "assigned partitions of other inputs, and none of %s: it is gone, "
                                 "or was made anew",
                                 log->conf.topics[i]);
    }
    for (size_t i = 1; i < log->conf.input_count; i++) {
        if (per_input[i] != n || !has_all_owned(log, i))
            return egw_error_set(reterr, EGW_FATAL, "assigned other partitions of %s than of %s",
                                 log->conf.topics[i], log->conf.topics[0]);
    }
    return EGW_OK;
}

/*
 * The offset here is never read: the partition is paused before, and start() seeks first. It must
 * be a plain number. With "the end" the library asks a broker for it, and an answer that comes
 * after a seek is asked for again half a second later and then wins over the seek: records are
 * skipped.
 */
static enum egw_status assign_paused(struct kafka_log *log, rd_kafka_topic_partition_list_t *list,
                                     struct egw_error *reterr)
{
    rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR_NO_ERROR;

    for (int i = 0; i < list->cnt; i++)
        list->elems[i].offset = 0;
    if (list->cnt)
        code = rd_kafka_pause_partitions(log->member, list);
    for (int i = 0; !code && i < list->cnt; i++)
        code = list->elems[i].err;
    if (!code)
        code = rd_kafka_assign(log->member, list);
    return egw_from_kafka_code(code, "assign", NULL, reterr);
}

static void on_assign(struct kafka_log *log, rd_kafka_topic_partition_list_t *list)
{
    struct egw_error error;
    enum egw_status st = common_partitions(log, list, &error);
    bool gone = st == EGW_RETRY;

    if (st == EGW_OK && !capture_generation(log))
        st = egw_error_set(&error, EGW_FATAL,
                           "assigned without a generation that the broker would check");
    if (st == EGW_OK)
        st = assign_paused(log, list, &error);
    if (st == EGW_OK) {
        tell_owned(log, EGW_LOG_ASSIGN);
        return;
    }
    unassign(log);
    if (!gone)
        error.status = EGW_FATAL;
    tell_failed(log, &error);
}

static void on_rebalance(rd_kafka_t *rk, rd_kafka_resp_err_t code,
                         rd_kafka_topic_partition_list_t *list, void *opaque)
{
    struct kafka_log *log = egw_kafka_self(rk);

    (void)opaque;
    if (code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS && !log->closing) {
        on_assign(log, list);
        return;
    }
    silence(log);
    if (code == RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS && !log->closing &&
        !rd_kafka_assignment_lost(rk)) {
        log->revoking = true;
        tell_owned(log, EGW_LOG_REVOKE);
        return;
    }
    /* Lost: whoever waits here longer is fenced when the coordinator comes back (rules page, 18).
     */
    tell_owned(log, EGW_LOG_LOST);
    unassign(log);
}

void kafka_group_release(void *self)
{
    struct kafka_log *log = self;

    if (log->revoking)
        unassign(log);
}

/* ---- start and stop ---- */

static rd_kafka_topic_partition_list_t *inputs_of(struct kafka_log *log, int32_t p)
{
    int n = (int)log->conf.input_count;
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(n);

    for (int i = 0; i < n; i++)
        (void)rd_kafka_topic_partition_list_add(list, log->conf.topics[i], p);
    return list;
}

static rd_kafka_resp_err_t first_error(const rd_kafka_topic_partition_list_t *list)
{
    for (int i = 0; i < list->cnt; i++) {
        if (list->elems[i].err)
            return list->elems[i].err;
    }
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

static rd_kafka_resp_err_t seek(rd_kafka_t *member, rd_kafka_topic_partition_list_t *list)
{
    rd_kafka_resp_err_t code;
    rd_kafka_error_t *e;

    for (int i = 0; i < list->cnt; i++)
        list->elems[i].err = RD_KAFKA_RESP_ERR_NO_ERROR;
    /* -1: a finite time-out is passed on in the wrong unit by 2.0.2. The answer is local. */
    e = rd_kafka_seek_partitions(member, list, -1);
    code = rd_kafka_error_code(e);
    if (e)
        rd_kafka_error_destroy(e);
    return code ? code : first_error(list);
}

/* A partition assigned a moment ago may still be on its way into the fetcher. The seek outdates all
 * that was fetched before it. */
static rd_kafka_resp_err_t seek_patiently(rd_kafka_t *member, rd_kafka_topic_partition_list_t *list)
{
    const struct timespec pause = {.tv_nsec = SEEK_PAUSE_NS};
    int64_t until = egw_kafka_mono_ms() + SEEK_PATIENCE_MS;
    rd_kafka_resp_err_t code = seek(member, list);

    while ((code == RD_KAFKA_RESP_ERR__STATE || code == RD_KAFKA_RESP_ERR__PREV_IN_PROGRESS) &&
           egw_kafka_mono_ms() < until) {
        (void)nanosleep(&pause, NULL);
        code = seek(member, list);
    }
    return code;
}

static bool is_owned(const struct kafka_log *log, int32_t p)
{
    for (size_t i = 0; i < log->owned_count; i++) {
        if (log->owned[i] == p)
            return true;
    }
    return false;
}

static enum egw_status failed_start(rd_kafka_resp_err_t code, const char *doing, int32_t p,
                                    struct egw_error *reterr)
{
    (void)egw_from_kafka_code(code, doing, NULL, reterr);
    return egw_error_prefix(reterr, EGW_RETRY, "partition %" PRId32, p);
}

/* The inputs that are to run, at next; the held ones stay or become paused. */
static rd_kafka_resp_err_t start_inputs(struct kafka_log *log, int32_t p, const int64_t *next)
{
    int n = (int)log->conf.input_count;
    rd_kafka_topic_partition_list_t *run = rd_kafka_topic_partition_list_new(n);
    rd_kafka_topic_partition_list_t *hold = rd_kafka_topic_partition_list_new(n);
    rd_kafka_topic_partition_list_t *paused = rd_kafka_topic_partition_list_new(n);
    rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR_NO_ERROR;

    for (int i = 0; i < n; i++) {
        struct kafka_input *in = input_at(log, (size_t)i, p);
        const char *topic = log->conf.topics[i];

        in->started = false;
        if (next[i] == EGW_LOG_HOLD) {
            if (!in->paused)
                (void)rd_kafka_topic_partition_list_add(hold, topic, p);
            continue;
        }
        rd_kafka_topic_partition_list_add(run, topic, p)->offset = next[i];
        if (in->paused)
            (void)rd_kafka_topic_partition_list_add(paused, topic, p);
    }
    if (hold->cnt)
        code = rd_kafka_pause_partitions(log->member, hold);
    if (!code && run->cnt)
        code = seek_patiently(log->member, run);
    if (!code && paused->cnt)
        code = rd_kafka_resume_partitions(log->member, paused);
    rd_kafka_topic_partition_list_destroy(run);
    rd_kafka_topic_partition_list_destroy(hold);
    rd_kafka_topic_partition_list_destroy(paused);
    return code;
}

enum egw_status kafka_group_start(void *self, int32_t p, const int64_t *next,
                                  struct egw_error *reterr)
{
    struct kafka_log *log = self;
    rd_kafka_resp_err_t code;

    if (!is_owned(log, p) || log->revoking)
        return egw_error_set(reterr, EGW_RETRY, "partition %" PRId32 " is not ours to start", p);
    code = start_inputs(log, p, next);
    if (code)
        return failed_start(code, "seek", p, reterr);
    for (size_t i = 0; i < log->conf.input_count; i++) {
        struct kafka_input *in = input_at(log, i, p);

        in->started = next[i] != EGW_LOG_HOLD;
        in->paused = !in->started;
        in->next = next[i];
        in->read_to = 0;
    }
    return EGW_OK;
}

void kafka_group_stop(void *self, int32_t p)
{
    struct kafka_log *log = self;
    rd_kafka_topic_partition_list_t *list;

    if (!is_owned(log, p))
        return;
    list = inputs_of(log, p);
    (void)rd_kafka_pause_partitions(log->member, list);
    rd_kafka_topic_partition_list_destroy(list);
    for (size_t i = 0; i < log->conf.input_count; i++) {
        input_at(log, i, p)->started = false;
        input_at(log, i, p)->paused = true;
    }
}

/* The library keeps it from the last answer to a fetch; a paused partition is not fetched. A log
 * that ends in markers of transactions has its last record before them: they are no lag. */
int64_t kafka_group_end(void *self, size_t input, int32_t p)
{
    struct kafka_log *log = self;
    const struct kafka_input *in = input_at(log, input, p);
    int64_t low, high;

    if (rd_kafka_get_watermark_offsets(log->member, log->conf.topics[input], p, &low, &high) ||
        high < 0)
        return -1;
    return in && in->started && in->read_to >= high ? in->next : high;
}

/* ---- poll ---- */

static void tell_fatal(struct kafka_log *log)
{
    char text[FATAL_TEXT] = "";
    struct egw_error error;
    rd_kafka_resp_err_t code = rd_kafka_fatal_error(log->member, text, sizeof(text));
    enum egw_status st = egw_from_kafka_code(code, "group membership", text, &error);

    if (st != EGW_FENCED && st != EGW_DENIED)
        error.status = EGW_FATAL;
    tell_failed(log, &error);
}

static void note_end(struct kafka_log *log, const rd_kafka_message_t *message)
{
    int input = message->rkt
                    ? kafka_log_topic(log, log->member_topics, log->conf.input_count, message->rkt)
                    : -1;
    struct kafka_input *in = input < 0 ? NULL : input_at(log, (size_t)input, message->partition);

    if (in && in->started)
        in->read_to = message->offset;
}

static void name_refused(const struct kafka_log *log, const rd_kafka_message_t *message,
                         struct egw_error *error)
{
    if (message->rkt)
        (void)egw_error_prefix(error, error->status, "%s/%" PRId32,
                               rd_kafka_topic_name(message->rkt), message->partition);
    else
        (void)egw_error_prefix(error, error->status, "group %s", log->conf.group);
    (void)egw_kafka_name_denied(log->member, error->status, error);
}

/* True: ret says that an input cannot be read on. Everything else is news, or told as FAILED. */
static bool tell_error(struct kafka_log *log, const rd_kafka_message_t *message,
                       struct egw_log_event *ret)
{
    int input;
    struct kafka_input *in;
    enum egw_status st;

    if (rd_kafka_fatal_error(log->member, NULL, 0)) {
        tell_fatal(log);
        return false;
    }
    if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
        note_end(log, message);
        return false;
    }
    st = egw_from_kafka_code(message->err, "read", rd_kafka_message_errstr(message), &ret->error);
    if (st == EGW_DENIED) {
        name_refused(log, message, &ret->error);
        tell_failed(log, &ret->error);
        return false;
    }
    input = message->rkt
                ? kafka_log_topic(log, log->member_topics, log->conf.input_count, message->rkt)
                : -1;
    if (input >= 0 && message->err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART) {
        kafka_group_topic_gone(log, input); /* whatever the partition says */
        return false;
    }
    in = input < 0 ? NULL : input_at(log, (size_t)input, message->partition);
    if (!in || !in->started || st == EGW_RETRY)
        return false;
    ret->kind = EGW_LOG_BROKEN;
    ret->topic = input;
    ret->partition = message->partition;
    ret->offset = message->offset;
    (void)egw_error_prefix(&ret->error, st, "%s/%" PRId32, log->conf.topics[input],
                           message->partition);
    return true;
}

/* The records of a stopped partition and those before its position are dropped: whatever the
 * library does with its queues, nothing is handed out twice. */
static bool hand_out(struct kafka_log *log, rd_kafka_message_t *message, struct egw_log_event *ret)
{
    int input = kafka_log_topic(log, log->member_topics, log->conf.input_count, message->rkt);
    struct kafka_input *in = input < 0 ? NULL : input_at(log, (size_t)input, message->partition);

    if (!in || !in->started || message->offset < in->next)
        return false;
    in->next = message->offset + 1;
    ret->kind = EGW_LOG_INPUT;
    kafka_log_record(message, input, &ret->record);
    log->handed = message;
    return true;
}

bool kafka_group_poll(struct kafka_log *log, struct egw_log_event *ret)
{
    rd_kafka_message_t *message;

    while ((message = rd_kafka_consumer_poll(log->member, 0))) {
        bool told;

        if (!message->err && hand_out(log, message, ret))
            return true;
        told = message->err && tell_error(log, message, ret);
        rd_kafka_message_destroy(message);
        if (told)
            return true;
    }
    return kafka_group_event(log, ret);
}

/* ---- open and close ---- */

/* Fatal errors come here and not always as a message. */
static void on_trouble(rd_kafka_t *rk, int code, const char *reason, void *opaque)
{
    (void)rk;
    (void)reason;
    if (code == RD_KAFKA_RESP_ERR__FATAL)
        tell_fatal(opaque);
}

static enum egw_status subscribe(struct kafka_log *log, struct egw_error *reterr)
{
    rd_kafka_topic_partition_list_t *topics =
        rd_kafka_topic_partition_list_new((int)log->conf.input_count);
    rd_kafka_resp_err_t code;

    for (size_t i = 0; i < log->conf.input_count; i++)
        (void)rd_kafka_topic_partition_list_add(topics, log->conf.topics[i], RD_KAFKA_PARTITION_UA);
    code = rd_kafka_subscribe(log->member, topics);
    rd_kafka_topic_partition_list_destroy(topics);
    return egw_from_kafka_code(code, "subscribe", NULL, reterr);
}

enum egw_status kafka_group_open(struct kafka_log *log, struct egw_error *reterr)
{
    const uint64_t one = 1;
    const struct egw_kafka_handle_conf conf = {
        .role = EGW_KAFKA_MEMBER,
        .settings = log->conf.settings,
        .client_id = log->conf.instance,
        .group = log->conf.group,
        .instance = log->conf.instance,
        .self = log,
        .rebalance = on_rebalance,
        .trouble = on_trouble,
    };
    enum egw_status st;

    log->inputs =
        calloc(log->conf.input_count * (size_t)log->conf.partition_count, sizeof(*log->inputs));
    if (!log->inputs)
        return egw_error_set(reterr, EGW_NOMEM, "no memory for the inputs");
    st = egw_kafka_handle(&conf, &log->member, reterr);
    if (st != EGW_OK)
        return st;
    (void)rd_kafka_poll_set_consumer(log->member);
    log->member_queue = rd_kafka_queue_get_consumer(log->member);
    rd_kafka_queue_io_event_enable(log->member_queue, log->wake_fd, &one, sizeof(one));
    for (size_t i = 0; i < log->conf.input_count; i++) {
        log->member_topics[i] = rd_kafka_topic_new(log->member, log->conf.topics[i], NULL);
        if (!log->member_topics[i])
            return egw_from_kafka_code(rd_kafka_last_error(), log->conf.topics[i], NULL, reterr);
    }
    return subscribe(log, reterr);
}

static void leave(void *arg)
{
    struct kafka_log *log = arg;

    (void)rd_kafka_consumer_close(log->member);
    for (size_t i = 0; i < log->conf.input_count; i++) {
        if (log->member_topics[i])
            rd_kafka_topic_destroy(log->member_topics[i]);
    }
    if (log->member_queue) {
        rd_kafka_queue_io_event_enable(log->member_queue, -1, NULL, 0);
        rd_kafka_queue_destroy(log->member_queue);
    }
}

bool kafka_group_close(struct kafka_log *log, int64_t ms)
{
    if (!log->member)
        return true;
    kafka_group_release(log);
    return egw_kafka_within(ms, leave, log) && egw_kafka_destroy(log->member, ms);
}
