/*
 * Commands: writing with acknowledgement, one transaction, reading without a group.
 */
#include "kafka_command.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { QUEUE_WAIT_MS = 100, QUEUE_PATIENCE_MS = 60000, CLOSE_MS = 10000, INIT_MS = 60000 };
enum { SLICE_MS = 2000, READER_METADATA_MS = 10000 };

/* ---- open and close ---- */

/* A producer that is refused empties its queue: that is not why the record was not delivered. */
static rd_kafka_resp_err_t cause_of(rd_kafka_t *rk, rd_kafka_resp_err_t code)
{
    rd_kafka_resp_err_t fatal = rd_kafka_fatal_error(rk, NULL, 0);
    bool purged =
        code == RD_KAFKA_RESP_ERR__PURGE_QUEUE || code == RD_KAFKA_RESP_ERR__PURGE_INFLIGHT;

    return fatal && (purged || code == RD_KAFKA_RESP_ERR__FATAL) ? fatal : code;
}

static void on_delivered(rd_kafka_t *rk, const rd_kafka_message_t *message, void *opaque)
{
    struct egw_kafka *kafka = egw_kafka_self(rk);

    (void)opaque;
    if (!message->err)
        return;
    if (kafka->failed++ == 0) {
        enum egw_status st =
            egw_from_kafka_code(cause_of(rk, message->err), "delivery", NULL, &kafka->failure);

        (void)egw_error_prefix(&kafka->failure, st, "%s/%" PRId32,
                               rd_kafka_topic_name(message->rkt), message->partition);
        (void)egw_kafka_name_denied(rk, st, &kafka->failure);
    }
}

static enum egw_status open_handles(struct egw_kafka *kafka, struct egw_error *reterr)
{
    struct egw_kafka_handle_conf conf = {.role = EGW_KAFKA_WRITER,
                                         .settings = kafka->settings,
                                         .client_id = kafka->client_id,
                                         .self = kafka,
                                         .delivered = on_delivered};
    enum egw_status st = egw_kafka_handle(&conf, &kafka->writer, reterr);

    if (st != EGW_OK)
        return st;
    conf.role = EGW_KAFKA_PROBE;
    conf.delivered = NULL;
    return egw_kafka_handle(&conf, &kafka->asker, reterr);
}

enum egw_status egw_kafka_open(const struct egw_settings *settings, const char *client_id,
                               struct egw_kafka **ret, struct egw_error *reterr)
{
    struct egw_kafka *kafka = calloc(1, sizeof(*kafka));
    enum egw_status st;

    if (kafka)
        kafka->client_id = strdup(client_id);
    if (!kafka || !kafka->client_id) {
        free(kafka);
        return egw_error_set(reterr, EGW_NOMEM, "no memory for the connection to kafka");
    }
    kafka->settings = settings;
    st = open_handles(kafka, reterr);
    if (st != EGW_OK) {
        egw_kafka_close(kafka);
        return st;
    }
    *ret = kafka;
    return EGW_OK;
}

void egw_kafka_close(struct egw_kafka *kafka)
{
    bool closed;

    if (!kafka)
        return;
    if (kafka->writer)
        (void)rd_kafka_purge(kafka->writer, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT |
                                                RD_KAFKA_PURGE_F_NON_BLOCKING);
    closed = egw_kafka_destroy(kafka->writer, CLOSE_MS);
    (void)egw_kafka_destroy(kafka->asker, CLOSE_MS);
    (void)egw_kafka_destroy(kafka->grouped, CLOSE_MS);
    free(kafka->client_id);
    free(kafka->group);
    if (closed) /* one that hangs may still report to it */
        free(kafka);
}

/* ---- writing ---- */

/* A first record for a topic the handle has not heard of waits a second in 2.0.2 for the next
 * look-out for leaders; asked beforehand it goes at once. */
static enum egw_status meet_topic(rd_kafka_t *rk, const char *topic, struct egw_error *reterr)
{
    int32_t count;

    return egw_kafka_count(rk, topic, READER_METADATA_MS, &count, reterr);
}

static rd_kafka_resp_err_t enqueue(rd_kafka_t *rk, const struct egw_kafka_write *write)
{
    const rd_kafka_vu_t fields[] = {
        {.vtype = RD_KAFKA_VTYPE_TOPIC, .u.cstr = write->topic},
        {.vtype = RD_KAFKA_VTYPE_PARTITION, .u.i32 = write->partition},
        {.vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = RD_KAFKA_MSG_F_COPY},
        {.vtype = RD_KAFKA_VTYPE_KEY, .u.mem = {(void *)write->key.p, write->key.n}},
        {.vtype = RD_KAFKA_VTYPE_VALUE, .u.mem = {(void *)write->value.p, write->value.n}},
        {.vtype = RD_KAFKA_VTYPE_HEADER,
         .u.header = {EGW_RETRY_HEADER, write->retry.p, (ssize_t)write->retry.n}},
    };
    rd_kafka_error_t *e = rd_kafka_produceva(rk, fields, EGW_COUNT(fields) - !write->retry.p);
    rd_kafka_resp_err_t code = rd_kafka_error_code(e);

    rd_kafka_error_destroy(e);
    return code;
}

static enum egw_status send_waiting(rd_kafka_t *rk, const struct egw_kafka_write *write,
                                    struct egw_error *reterr)
{
    int64_t until = egw_kafka_mono_ms() + QUEUE_PATIENCE_MS;
    rd_kafka_resp_err_t code;
    enum egw_status st;

    while ((code = enqueue(rk, write)) == RD_KAFKA_RESP_ERR__QUEUE_FULL &&
           egw_kafka_mono_ms() < until)
        (void)rd_kafka_poll(rk, QUEUE_WAIT_MS);
    st = egw_from_kafka_code(cause_of(rk, code), "write", NULL, reterr);
    if (st != EGW_OK)
        (void)egw_error_prefix(reterr, st, "%s/%" PRId32, write->topic, write->partition);
    return egw_kafka_name_denied(rk, st, reterr);
}

enum egw_status egw_kafka_send(struct egw_kafka *kafka, const char *topic, int32_t partition,
                               struct egw_str key, struct egw_str value, struct egw_error *reterr)
{
    enum egw_status st = EGW_OK;

    if (strcmp(kafka->met, topic) != 0) {
        st = meet_topic(kafka->writer, topic, reterr);
        if (st != EGW_OK)
            return st;
        (void)snprintf(kafka->met, sizeof(kafka->met), "%s", topic);
    }
    st = send_waiting(kafka->writer,
                      &(struct egw_kafka_write){
                          .topic = topic, .partition = partition, .key = key, .value = value},
                      reterr);
    (void)rd_kafka_poll(kafka->writer, 0);
    return st;
}

enum egw_status egw_kafka_flush(struct egw_kafka *kafka, int64_t timeout_ms, size_t *ret_failed,
                                struct egw_error *reterr)
{
    int ms = timeout_ms > INT32_MAX ? INT32_MAX : (int)timeout_ms;
    rd_kafka_resp_err_t code = rd_kafka_flush(kafka->writer, ms);

    *ret_failed = kafka->failed;
    kafka->failed = 0;
    if (code)
        return egw_error_set(reterr, EGW_RETRY,
                             "%d records are not acknowledged after %" PRId64 " ms",
                             rd_kafka_outq_len(kafka->writer), timeout_ms);
    if (*ret_failed == 0)
        return EGW_OK;
    if (reterr)
        *reterr = kafka->failure;
    return kafka->failure.status;
}

/* ---- one transaction ---- */

static enum egw_status init_producer(rd_kafka_t *rk, const char *id, struct egw_error *reterr)
{
    int64_t until = egw_kafka_mono_ms() + INIT_MS;
    enum egw_status st;

    do
        st = egw_from_kafka(rd_kafka_init_transactions(rk, SLICE_MS), "init transactions", reterr);
    while (st == EGW_RETRY && !egw_kafka_refused(rk) && egw_kafka_mono_ms() < until);
    if (st == EGW_RETRY)
        return egw_kafka_no_answer(rk, reterr, "no broker answered within %d ms", INIT_MS);
    if (st != EGW_OK)
        (void)egw_error_prefix(reterr, st, "transactional id %s", id);
    return egw_kafka_name_denied(rk, st, reterr);
}

static enum egw_status commit_writes(rd_kafka_t *rk, struct egw_error *reterr)
{
    int64_t until = egw_kafka_mono_ms() + INIT_MS;
    enum egw_status st;

    while ((st = egw_from_kafka(rd_kafka_commit_transaction(rk, -1), "commit", reterr)) ==
               EGW_RETRY &&
           egw_kafka_mono_ms() < until)
        ;
    return egw_kafka_name_denied(rk, st, reterr);
}

static enum egw_status write_all(rd_kafka_t *rk, const struct egw_kafka_write *writes, size_t n,
                                 struct egw_error *reterr)
{
    enum egw_status st = EGW_OK;

    for (size_t i = 0; st == EGW_OK && i < n; i++) {
        if (i == 0 || strcmp(writes[i].topic, writes[i - 1].topic) != 0)
            st = meet_topic(rk, writes[i].topic, reterr);
    }
    if (st == EGW_OK)
        st = egw_from_kafka(rd_kafka_begin_transaction(rk), "begin", reterr);
    for (size_t i = 0; st == EGW_OK && i < n; i++)
        st = send_waiting(rk, &writes[i], reterr);
    return st == EGW_OK ? commit_writes(rk, reterr) : st;
}

/* A transaction that cannot commit is left: the next init of its id, or the broker, aborts it. */
enum egw_status egw_kafka_transaction(const struct egw_settings *settings,
                                      const char *transactional_id,
                                      const struct egw_kafka_write *writes, size_t n,
                                      struct egw_error *reterr)
{
    const struct egw_kafka_handle_conf conf = {.role = EGW_KAFKA_TRANSACTIONS,
                                               .settings = settings,
                                               .client_id = transactional_id,
                                               .instance = transactional_id};
    rd_kafka_t *rk = NULL;
    enum egw_status st = egw_kafka_handle(&conf, &rk, reterr);

    if (st != EGW_OK)
        return st;
    st = init_producer(rk, transactional_id, reterr);
    if (st == EGW_OK)
        st = write_all(rk, writes, n, reterr);
    if (st == EGW_ABORT && reterr && reterr->status == EGW_INVALID)
        reterr->status = st; /* a topic's limit: nothing the caller said is wrong */
    (void)rd_kafka_purge(rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT |
                                 RD_KAFKA_PURGE_F_NON_BLOCKING);
    (void)egw_kafka_destroy(rk, CLOSE_MS);
    return st;
}

/* ---- reading ---- */

struct egw_kafka_reader {
    rd_kafka_t *rk;
    rd_kafka_topic_t *topic;
    rd_kafka_queue_t *queue;
    rd_kafka_message_t *message; /* the last one handed out */
    int32_t first, count;        /* partitions read */
    int64_t *ends;               /* [partition - first]: at the start, open transactions included */
    bool *at_end;                /* [partition - first] */
    int32_t ended;               /* of them at their end */
    bool told;                   /* NOT_FOUND since the last record */
};

static enum egw_status start_reader(struct egw_kafka_reader *reader, const char *topic,
                                    int64_t from, struct egw_error *reterr)
{
    for (int32_t i = 0; i < reader->count; i++) {
        if (rd_kafka_consume_start_queue(reader->topic, reader->first + i, from, reader->queue))
            return egw_error_set(reterr, EGW_INVALID,
                                 "%s/%" PRId32 " cannot be read from %" PRId64 ": %s", topic,
                                 reader->first + i, from, rd_kafka_err2str(rd_kafka_last_error()));
    }
    return EGW_OK;
}

static enum egw_status choose_partitions(struct egw_kafka_reader *reader, const char *topic,
                                         int32_t partition, struct egw_error *reterr)
{
    int32_t count = 0;
    enum egw_status st = egw_kafka_count(reader->rk, topic, READER_METADATA_MS, &count, reterr);

    if (st != EGW_OK)
        return st;
    if (partition >= count)
        return egw_error_set(reterr, EGW_INVALID,
                             "topic %s has %" PRId32 " partitions, %" PRId32 " is none of them",
                             topic, count, partition);
    reader->first = partition < 0 ? 0 : partition;
    reader->count = partition < 0 ? count : 1;
    reader->at_end = calloc((size_t)reader->count + 1, sizeof(*reader->at_end));
    reader->ends = calloc((size_t)reader->count + 1, sizeof(*reader->ends));
    return reader->at_end && reader->ends
               ? EGW_OK
               : egw_error_set(reterr, EGW_NOMEM, "no memory to read %s", topic);
}

/*
 * Where the log ends now for somebody who sees open transactions. A commit is acknowledged before
 * its markers are written, so a committed reader may be told a shorter end for a moment: whoever
 * reads what was just committed must not be told that it is not there.
 */
static enum egw_status find_ends(struct egw_kafka_reader *reader,
                                 const struct egw_settings *settings, const char *topic,
                                 struct egw_error *reterr)
{
    const struct egw_kafka_handle_conf conf = {
        .role = EGW_KAFKA_PROBE, .settings = settings, .client_id = "egw-reader"};
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(reader->count);
    rd_kafka_t *probe = NULL;
    enum egw_status st = egw_kafka_handle(&conf, &probe, reterr);

    for (int32_t i = 0; i < reader->count; i++)
        (void)rd_kafka_topic_partition_list_add(list, topic, reader->first + i);
    if (st == EGW_OK)
        st = egw_kafka_log_ends(probe, list, RD_KAFKA_OFFSET_END, READER_METADATA_MS, reterr);
    for (int32_t i = 0; st == EGW_OK && i < reader->count; i++)
        reader->ends[i] = list->elems[i].offset;
    rd_kafka_topic_partition_list_destroy(list);
    if (probe)
        (void)egw_kafka_destroy(probe, CLOSE_MS);
    return st;
}

enum egw_status egw_kafka_reader_new(const struct egw_settings *settings, const char *topic,
                                     int32_t partition, int64_t from, struct egw_kafka_reader **ret,
                                     struct egw_error *reterr)
{
    const struct egw_kafka_handle_conf conf = {
        .role = EGW_KAFKA_TAIL, .settings = settings, .client_id = "egw-reader"};
    struct egw_kafka_reader *reader = calloc(1, sizeof(*reader));
    enum egw_status st;

    if (!reader)
        return egw_error_set(reterr, EGW_NOMEM, "no memory to read %s", topic);
    st = egw_kafka_handle(&conf, &reader->rk, reterr);
    if (st == EGW_OK)
        st = choose_partitions(reader, topic, partition, reterr);
    if (st == EGW_OK)
        st = find_ends(reader, settings, topic, reterr);
    if (st == EGW_OK) {
        reader->topic = rd_kafka_topic_new(reader->rk, topic, NULL);
        reader->queue = rd_kafka_queue_new(reader->rk);
        st = start_reader(reader, topic, from, reterr);
    }
    if (st != EGW_OK) {
        egw_kafka_reader_free(reader);
        return st;
    }
    *ret = reader;
    return EGW_OK;
}

static void set_end(struct egw_kafka_reader *reader, int32_t partition, bool at_end)
{
    bool *was = &reader->at_end[partition - reader->first];

    reader->ended += at_end - *was;
    *was = at_end;
}

static void take_back(struct egw_kafka_reader *reader)
{
    if (reader->message)
        rd_kafka_message_destroy(reader->message);
    reader->message = NULL;
}

static void hand_out(struct egw_kafka_reader *reader, struct egw_log_record *ret)
{
    const rd_kafka_message_t *message = reader->message;
    rd_kafka_timestamp_type_t type;

    set_end(reader, message->partition, false);
    reader->told = false;
    *ret = (struct egw_log_record){
        .partition = message->partition,
        .offset = message->offset,
        .timestamp_ms = rd_kafka_message_timestamp(message, &type),
        .key = {message->key, message->key_len},
        .value = {message->payload, message->len},
    };
    ret->header_count = egw_kafka_record_headers(message, ret);
}

struct egw_str egw_kafka_reader_header(const struct egw_kafka_reader *reader, const char *name)
{
    rd_kafka_headers_t *headers;

    if (!reader->message || rd_kafka_message_headers(reader->message, &headers))
        return EGW_STR_NONE;
    return egw_kafka_header(headers, name);
}

enum egw_status egw_kafka_reader_next(struct egw_kafka_reader *reader, int64_t timeout_ms,
                                      struct egw_log_record *ret, struct egw_error *reterr)
{
    int64_t until = egw_kafka_mono_ms() + timeout_ms;
    int64_t rest = timeout_ms;

    take_back(reader);
    do {
        enum egw_status st;

        if (reader->ended == reader->count && !reader->told) {
            reader->told = true;
            return egw_error_set(reterr, EGW_NOT_FOUND, "read to the end");
        }
        reader->message =
            rd_kafka_consume_queue(reader->queue, rest > INT32_MAX ? INT32_MAX : (int)rest);
        if (reader->message && !reader->message->err) {
            hand_out(reader, ret);
            return EGW_OK;
        }
        if (reader->message && reader->message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
            if (reader->message->offset >=
                reader->ends[reader->message->partition - reader->first]) {
                set_end(reader, reader->message->partition, true);
                reader->told = false;
            }
        } else if (reader->message) {
            st = egw_from_kafka_code(reader->message->err, "read",
                                     rd_kafka_message_errstr(reader->message), reterr);
            if (st != EGW_RETRY)
                return st;
        }
        take_back(reader);
        rest = until - egw_kafka_mono_ms();
    } while (rest > 0);
    return egw_error_set(reterr, EGW_RETRY, "nothing came within %" PRId64 " ms", timeout_ms);
}

static void stop_reader(void *arg)
{
    struct egw_kafka_reader *reader = arg;

    for (int32_t i = 0; reader->topic && i < reader->count; i++)
        (void)rd_kafka_consume_stop(reader->topic, reader->first + i);
    if (reader->topic)
        rd_kafka_topic_destroy(reader->topic);
    if (reader->queue)
        rd_kafka_queue_destroy(reader->queue);
}

void egw_kafka_reader_free(struct egw_kafka_reader *reader)
{
    if (!reader)
        return;
    take_back(reader);
    /* What hangs is left to the end of the process. */
    if (!egw_kafka_within(CLOSE_MS, stop_reader, reader) ||
        !egw_kafka_destroy(reader->rk, CLOSE_MS))
        return;
    free(reader->at_end);
    free(reader->ends);
    free(reader);
}
