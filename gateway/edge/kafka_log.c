/*
 * The log port over librdkafka: opening, the turn of poll and wait, closing in order.
 */
#include "kafka_log.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

enum { TAIL_EVERY = 16, METADATA_MS = 10000 };

/* ---- records ---- */

int kafka_log_topic(struct kafka_log *log, rd_kafka_topic_t *const *topics, size_t n,
                    const rd_kafka_topic_t *rkt)
{
    const char *name;

    for (size_t i = 0; i < n; i++) {
        if (topics[i] == rkt)
            return (int)i;
    }
    name = rd_kafka_topic_name(rkt);
    for (size_t i = 0; i < n; i++) {
        if (strcmp(log->conf.topics[i], name) == 0)
            return (int)i;
    }
    return -1;
}

struct egw_str egw_kafka_header(const rd_kafka_headers_t *headers, const char *name)
{
    const void *value;
    size_t n;

    if (rd_kafka_header_get_last(headers, name, &value, &n) || !value)
        return EGW_STR_NONE;
    return (struct egw_str){value, n};
}

size_t egw_kafka_record_headers(const rd_kafka_message_t *message, struct egw_log_record *ret)
{
    rd_kafka_headers_t *headers;

    if (rd_kafka_message_headers(message, &headers))
        return 0;
    ret->traceparent = egw_kafka_header(headers, "traceparent");
    ret->retry = egw_kafka_header(headers, EGW_RETRY_HEADER);
    return rd_kafka_header_cnt(headers);
}

void kafka_log_record(const rd_kafka_message_t *message, int topic, struct egw_log_record *ret)
{
    rd_kafka_timestamp_type_t type;

    *ret = (struct egw_log_record){
        .topic = topic,
        .partition = message->partition,
        .offset = message->offset,
        .timestamp_ms = rd_kafka_message_timestamp(message, &type),
        .key = {message->key, message->key_len},
        .value = {message->payload, message->len},
    };
    (void)egw_kafka_record_headers(message, ret);
}

/* ---- poll and wait ---- */

static void take_back(struct kafka_log *log)
{
    if (log->handed) {
        rd_kafka_message_destroy(log->handed);
        log->handed = NULL;
    }
    free(log->handed_partitions);
    log->handed_partitions = NULL;
}

/* Rebalances and ended jobs first, then inputs; tails come in between so that a busy input cannot
 * starve them. */
static void log_poll(void *self, struct egw_log_event *ret)
{
    struct kafka_log *log = self;
    bool tail_first = log->turn++ % TAIL_EVERY == 0;

    take_back(log);
    log->idle = false;
    if (kafka_group_event(log, ret) || kafka_txn_done(log, ret))
        return;
    if (tail_first && kafka_tail_poll(log, ret))
        return;
    if (kafka_group_poll(log, ret))
        return;
    if (!tail_first && kafka_tail_poll(log, ret))
        return;
    log->idle = true;
    ret->kind = EGW_LOG_IDLE;
}

void kafka_log_wake(struct kafka_log *log)
{
    const uint64_t one = 1;
    ssize_t n = write(log->wake_fd, &one, sizeof(one));

    (void)n; /* a full counter wakes as well */
}

static void log_wait(void *self, int64_t ms)
{
    struct kafka_log *log = self;
    struct pollfd fd = {.fd = log->wake_fd, .events = POLLIN};
    uint64_t count;
    ssize_t n;

    /* The library tells once when a queue stops being empty: who has not seen it empty since would
     * sleep over what is there. */
    if (!log->idle || ms <= 0)
        return;
    (void)rd_kafka_poll(log->tail, 0); /* what these hear of their connections must not pile up */
    (void)rd_kafka_poll(log->probe, 0);
    if (poll(&fd, 1, ms > INT_MAX ? INT_MAX : (int)ms) == 1) {
        n = read(log->wake_fd, &count, sizeof(count));
        (void)n;
    }
}

static int64_t log_wall_ms(void *self)
{
    struct timespec now;

    (void)self;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int64_t log_mono_ms(void *self)
{
    (void)self;
    return egw_kafka_mono_ms();
}

static const struct egw_log_ops ops = {
    .poll = log_poll,
    .wait = log_wait,
    .start = kafka_group_start,
    .stop = kafka_group_stop,
    .release = kafka_group_release,
    .follow = kafka_tail_follow,
    .unfollow = kafka_tail_unfollow,
    .begin = kafka_txn_begin,
    .produce = kafka_produce,
    .job = kafka_txn_job,
    .end = kafka_group_end,
    .wall_ms = log_wall_ms,
    .mono_ms = log_mono_ms,
};

/* ---- open and close ---- */

/* The partitions a topic must have; 0: no matter. */
static int32_t wanted_count(const struct kafka_log *log, size_t topic)
{
    if (topic < log->conf.input_count || (int)topic == log->conf.state_topic)
        return log->conf.partition_count;
    return log->conf.counts ? log->conf.counts[topic] : 0;
}

static enum egw_status check_topics(struct kafka_log *log, struct egw_error *reterr)
{
    for (size_t i = 0; i < log->conf.topic_count; i++) {
        int32_t wanted = wanted_count(log, i);
        enum egw_status st =
            egw_kafka_count(log->tail, log->conf.topics[i], METADATA_MS, &log->counts[i], reterr);

        if (st != EGW_OK)
            return st;
        if (wanted && log->counts[i] != wanted)
            return egw_error_set(reterr, EGW_INVALID,
                                 "topic %s has %" PRId32 " partitions, the settings say %" PRId32,
                                 log->conf.topics[i], log->counts[i], wanted);
    }
    return EGW_OK;
}

static enum egw_status check_conf(const struct egw_kafka_log_conf *conf, struct egw_error *reterr)
{
    if (conf->topic_count == 0 || conf->topic_count > KAFKA_TOPICS_MAX || conf->input_count == 0 ||
        conf->input_count > EGW_LOG_INPUTS_MAX || conf->input_count > conf->topic_count ||
        conf->state_topic < 0 || (size_t)conf->state_topic >= conf->topic_count)
        return egw_error_set(
            reterr, EGW_INVALID,
            "log over %zu topics, %zu of them inputs, state topic %d: out of range",
            conf->topic_count, conf->input_count, conf->state_topic);
    if (conf->partition_count < 1 || conf->partition_count > EGW_LOG_PARTITIONS_MAX)
        return egw_error_set(reterr, EGW_INVALID, "partition count %" PRId32 " is not in 1 to %d",
                             conf->partition_count, EGW_LOG_PARTITIONS_MAX);
    return EGW_OK;
}

static enum egw_status open_all(struct kafka_log *log, struct egw_error *reterr)
{
    enum egw_status st = kafka_tail_open(log, reterr);

    if (st == EGW_OK)
        st = check_topics(log, reterr);
    if (st == EGW_OK)
        st = kafka_produce_open(log, reterr);
    if (st == EGW_OK)
        st = kafka_txn_open(log, reterr);
    /* Last: from here on the group counts us in. */
    return st == EGW_OK ? kafka_group_open(log, reterr) : st;
}

static struct kafka_log *log_alloc(const struct egw_kafka_log_conf *conf, struct egw_error *reterr)
{
    struct kafka_log *log = calloc(1, sizeof(*log));

    if (!log) {
        (void)egw_error_set(reterr, EGW_NOMEM, "no memory for the log");
        return NULL;
    }
    log->conf = *conf;
    log->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (log->wake_fd < 0) {
        (void)egw_error_set(reterr, EGW_FATAL, "no eventfd for the log: %s", strerror(errno));
        free(log);
        return NULL;
    }
    (void)pthread_mutex_init(&log->lock, NULL);
    (void)pthread_cond_init(&log->changed, NULL);
    return log;
}

static void log_free(struct kafka_log *log)
{
    for (size_t i = 0; i < log->event_count; i++)
        free(log->events[(log->event_first + i) % KAFKA_EVENTS_MAX].partitions);
    for (size_t i = 0; i < EGW_COUNT(log->generations); i++)
        free(log->generations[i].metadata);
    free(log->inputs);
    free(log->owned);
    (void)pthread_cond_destroy(&log->changed);
    (void)pthread_mutex_destroy(&log->lock);
    (void)close(log->wake_fd);
    free(log);
}

/* The helper first: it uses all handles. What hangs is left behind, and everything with it: then
 * only the end of the process helps. */
static bool close_all(struct kafka_log *log, int64_t ms)
{
    int64_t deadline = egw_kafka_mono_ms() + ms;

    log->closing = true;
    take_back(log);
    if (!kafka_txn_close(log, egw_kafka_rest_of(deadline)) ||
        !kafka_group_close(log, egw_kafka_rest_of(deadline)) ||
        !kafka_tail_close(log, egw_kafka_rest_of(deadline)))
        return false;
    kafka_produce_close(log);
    log_free(log);
    return true;
}

enum egw_status egw_kafka_log_new(const struct egw_kafka_log_conf *conf, struct egw_log *ret,
                                  struct egw_error *reterr)
{
    enum egw_status st = check_conf(conf, reterr);
    struct egw_error error;
    struct kafka_log *log;

    if (st != EGW_OK)
        return st;
    log = log_alloc(conf, &error);
    if (!log)
        return egw_error_set(reterr, error.status, "%s", error.text);
    st = open_all(log, reterr);
    if (st != EGW_OK) {
        (void)close_all(log, METADATA_MS);
        return st;
    }
    *ret = (struct egw_log){.ops = &ops, .self = log};
    return EGW_OK;
}

bool egw_kafka_log_close(struct egw_log *log, int64_t deadline_ms)
{
    bool closed = !log->self || close_all(log->self, deadline_ms);

    *log = (struct egw_log){0};
    return closed;
}

bool egw_kafka_log_silence(struct egw_log *log, struct egw_error *ret)
{
    struct kafka_log *self = log->self;

    return egw_kafka_heard_silence(self->member, ret);
}

enum egw_status egw_kafka_log_login(struct egw_log *log, struct egw_error *reterr)
{
    struct kafka_log *self = log->self;
    rd_kafka_t *const handles[] = {self->tail, self->probe, self->member};
    enum egw_status st = EGW_OK;

    for (size_t i = 0; st == EGW_OK && i < EGW_COUNT(handles); i++)
        st = egw_kafka_login(handles[i], self->conf.settings, reterr);
    (void)pthread_mutex_lock(&self->lock); /* the helper may be making another one */
    if (st == EGW_OK)
        st = egw_kafka_login(self->producer, self->conf.settings, reterr);
    (void)pthread_mutex_unlock(&self->lock);
    return st;
}

void egw_kafka_log_wake(struct egw_log *log)
{
    kafka_log_wake(log->self);
}
