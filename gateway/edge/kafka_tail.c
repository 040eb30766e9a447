/*
 * Followed partitions. The simple consumer's calls: each partition starts and stops by itself, all
 * land in one queue, no group is involved.
 */
#include "kafka_log.h"

#include <inttypes.h>
#include <stdlib.h>

enum { NOT_FOLLOWED = -1 };

/* The library says it here for followed partitions, not by a message: "TOPIC [0]: ...". Called from
 * poll(), on the loop's thread. */
static void on_trouble(rd_kafka_t *rk, int code, const char *reason, void *opaque)
{
    struct kafka_log *log = opaque;

    (void)rk;
    for (size_t i = 0; code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART && i < log->conf.topic_count;
         i++) {
        size_t n = strlen(log->conf.topics[i]);

        if (strncmp(reason, log->conf.topics[i], n) == 0 && reason[n] == ' ')
            kafka_group_topic_gone(log, (int)i);
    }
}

enum egw_status kafka_tail_open(struct kafka_log *log, struct egw_error *reterr)
{
    const uint64_t one = 1;
    struct egw_kafka_handle_conf conf = {
        .role = EGW_KAFKA_TAIL,
        .settings = log->conf.settings,
        .client_id = log->conf.instance,
        .group = log->conf.group,
        .self = log,
        .trouble = on_trouble,
    };
    enum egw_status st = egw_kafka_handle(&conf, &log->tail, reterr);

    if (st != EGW_OK)
        return st;
    log->tail_queue = rd_kafka_queue_new(log->tail);
    rd_kafka_queue_io_event_enable(log->tail_queue, log->wake_fd, &one, sizeof(one));
    for (size_t i = 0; i < log->conf.topic_count; i++) {
        log->tail_topics[i] = rd_kafka_topic_new(log->tail, log->conf.topics[i], NULL);
        if (!log->tail_topics[i])
            return egw_from_kafka_code(rd_kafka_last_error(), log->conf.topics[i], NULL, reterr);
    }
    conf.role = EGW_KAFKA_PROBE;
    conf.trouble = NULL;
    conf.group = NULL;
    return egw_kafka_handle(&conf, &log->probe, reterr);
}

static int64_t *follow_of(struct kafka_log *log, int topic, int32_t p)
{
    return p >= 0 && p < log->counts[topic] && log->follows[topic] ? &log->follows[topic][p] : NULL;
}

static enum egw_status make_follows(struct kafka_log *log, int topic, struct egw_error *reterr)
{
    size_t n = (size_t)log->counts[topic];

    if (log->follows[topic])
        return EGW_OK;
    log->follows[topic] = calloc(n, sizeof(*log->follows[topic]));
    if (!log->follows[topic])
        return egw_error_set(reterr, EGW_NOMEM, "no memory to follow %s", log->conf.topics[topic]);
    for (size_t i = 0; i < n; i++)
        log->follows[topic][i] = NOT_FOLLOWED;
    return EGW_OK;
}

enum egw_status kafka_tail_follow(void *self, int topic, int32_t p, int64_t offset,
                                  struct egw_error *reterr)
{
    struct kafka_log *log = self;
    enum egw_status st;

    if (topic < 0 || (size_t)topic >= log->conf.topic_count || p < 0 || p >= log->counts[topic])
        return egw_error_set(reterr, EGW_INVALID,
                             "topic %d partition %" PRId32 " cannot be followed", topic, p);
    st = make_follows(log, topic, reterr);
    if (st != EGW_OK)
        return st;
    kafka_tail_unfollow(log, topic, p);
    if (rd_kafka_consume_start_queue(log->tail_topics[topic], p, offset, log->tail_queue) != 0)
        return egw_from_kafka_code(rd_kafka_last_error(), log->conf.topics[topic],
                                   "the partition cannot be followed", reterr);
    log->follows[topic][p] = offset < 0 ? 0 : offset;
    return EGW_OK;
}

void kafka_tail_unfollow(void *self, int topic, int32_t p)
{
    struct kafka_log *log = self;
    int64_t *from = follow_of(log, topic, p);

    if (!from || *from == NOT_FOLLOWED)
        return;
    *from = NOT_FOLLOWED;
    /* Outdates what of it is still in the queue. */
    (void)rd_kafka_consume_stop(log->tail_topics[topic], p);
}

/* False: news about no partition we follow. */
static bool tell_error(struct kafka_log *log, const rd_kafka_message_t *message,
                       struct egw_log_event *ret)
{
    int topic = message->rkt
                    ? kafka_log_topic(log, log->tail_topics, log->conf.topic_count, message->rkt)
                    : -1;
    int64_t *from = topic < 0 ? NULL : follow_of(log, topic, message->partition);
    enum egw_status st;

    if (!from || *from == NOT_FOLLOWED)
        return false;
    ret->topic = topic;
    ret->partition = message->partition;
    ret->offset = message->offset;
    if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
        ret->kind = EGW_LOG_TAIL_END;
        return true;
    }
    st = egw_from_kafka_code(message->err, "read", rd_kafka_message_errstr(message), &ret->error);
    if (st == EGW_RETRY)
        return false;
    (void)egw_error_prefix(&ret->error, st, "%s/%" PRId32, log->conf.topics[topic],
                           message->partition);
    (void)egw_kafka_name_denied(log->tail, st, &ret->error);
    ret->kind = EGW_LOG_BROKEN;
    return true;
}

bool kafka_tail_poll(struct kafka_log *log, struct egw_log_event *ret)
{
    rd_kafka_message_t *message;

    while ((message = rd_kafka_consume_queue(log->tail_queue, 0))) {
        int topic;
        int64_t *from;

        if (message->err) {
            bool told = tell_error(log, message, ret);

            rd_kafka_message_destroy(message);
            if (told)
                return true;
            continue;
        }
        topic = kafka_log_topic(log, log->tail_topics, log->conf.topic_count, message->rkt);
        from = topic < 0 ? NULL : follow_of(log, topic, message->partition);
        if (from && *from != NOT_FOLLOWED && message->offset >= *from) {
            ret->kind = EGW_LOG_TAIL;
            kafka_log_record(message, topic, &ret->record);
            log->handed = message;
            return true;
        }
        rd_kafka_message_destroy(message);
    }
    return false;
}

static void stop_all(void *arg)
{
    struct kafka_log *log = arg;

    for (size_t i = 0; i < log->conf.topic_count; i++) {
        for (int32_t p = 0; log->follows[i] && p < log->counts[i]; p++)
            kafka_tail_unfollow(log, (int)i, p);
        if (log->tail_topics[i])
            rd_kafka_topic_destroy(log->tail_topics[i]);
        free(log->follows[i]);
    }
    if (log->tail_queue)
        rd_kafka_queue_destroy(log->tail_queue);
}

bool kafka_tail_close(struct kafka_log *log, int64_t ms)
{
    return egw_kafka_within(ms, stop_all, log) && egw_kafka_destroy(log->tail, ms) &&
           egw_kafka_destroy(log->probe, ms);
}
