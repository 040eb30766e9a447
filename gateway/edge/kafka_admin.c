/*
 * Questions about topics, and making them.
 */
#include "kafka_command.h"

#include <inttypes.h>
#include <stdlib.h>
#include <time.h>

enum { ANSWER_MS = 10000, CREATE_MS = 30000, CLOSE_MS = 10000, ADMIN_TEXT = 512 };

/* ---- questions ---- */

static bool nobody_answered(rd_kafka_resp_err_t code)
{
    return code == RD_KAFKA_RESP_ERR__TRANSPORT || code == RD_KAFKA_RESP_ERR__TIMED_OUT;
}

/* The library puts a question again to the broker it chose, also when that one has gone: only a new
 * question goes to one that is up. The last one has most of the time, for brokers that are slow.
 * topic NULL: all of them. */
static rd_kafka_resp_err_t ask_metadata(rd_kafka_t *rk, rd_kafka_topic_t *topic, int timeout_ms,
                                        const struct rd_kafka_metadata **ret)
{
    const int64_t until = egw_kafka_mono_ms() + timeout_ms;
    const int first_ones[] = {timeout_ms / 10, timeout_ms / 5};
    rd_kafka_resp_err_t code;
    int64_t rest;

    for (size_t i = 0; i < EGW_COUNT(first_ones); i++) {
        code = rd_kafka_metadata(rk, !topic, topic, ret, first_ones[i]);
        if (!nobody_answered(code) || egw_kafka_refused(rk))
            return code;
    }
    rest = until - egw_kafka_mono_ms(); /* below 0 would mean for ever: we may have stood still */
    return rd_kafka_metadata(rk, !topic, topic, ret, rest > 0 ? (int)rest : 0);
}

enum egw_status egw_kafka_count(rd_kafka_t *consumer, const char *topic, int timeout_ms,
                                int32_t *ret, struct egw_error *reterr)
{
    rd_kafka_topic_t *rkt = rd_kafka_topic_new(consumer, topic, NULL);
    const struct rd_kafka_metadata *metadata = NULL;
    struct egw_error error;
    rd_kafka_resp_err_t code;

    if (!rkt)
        return egw_error_set(reterr, EGW_INVALID, "topic name %s refused: %s", topic,
                             rd_kafka_err2str(rd_kafka_last_error()));
    code = ask_metadata(consumer, rkt, timeout_ms, &metadata);
    if (!nobody_answered(code))
        egw_kafka_heard_well(consumer);
    if (!code && metadata->topic_cnt == 1) {
        code = metadata->topics[0].err;
        *ret = metadata->topics[0].partition_cnt;
    }
    if (metadata)
        rd_kafka_metadata_destroy(metadata);
    rd_kafka_topic_destroy(rkt);
    if (code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART)
        return egw_error_set(reterr, EGW_NOT_FOUND, "topic %s is not there; run egw init", topic);
    if (nobody_answered(code))
        return egw_kafka_no_answer(
            consumer, reterr, "no broker answered within %d ms about topic %s", timeout_ms, topic);
    if (!code)
        return EGW_OK;
    (void)egw_from_kafka_code(code, "metadata", NULL, &error);
    (void)egw_error_prefix(&error, error.status, "topic %s", topic);
    (void)egw_kafka_name_denied(consumer, error.status, &error);
    if (reterr)
        *reterr = error;
    return error.status;
}

/* Leaders come from the library's cache, which it renews only for topics it holds a handle of.
 * Without this a leader that has moved would be asked for again and again where it no longer is. */
static void renew_leaders(rd_kafka_t *consumer, const rd_kafka_topic_partition_list_t *list,
                          int timeout_ms)
{
    enum egw_status st = EGW_OK;
    struct egw_error error;
    int32_t count;

    for (int i = 0; st == EGW_OK && i < list->cnt; i++) {
        bool done = false;

        for (int k = 0; k < i && !done; k++)
            done = strcmp(list->elems[k].topic, list->elems[i].topic) == 0;
        if (!done)
            st = egw_kafka_count(consumer, list->elems[i].topic, timeout_ms, &count, &error);
    }
}

/* The call is made for times; the protocol's two special times are the ends of the log. One request
 * for each leader instead of two for each partition. */
enum egw_status egw_kafka_log_ends(rd_kafka_t *consumer, rd_kafka_topic_partition_list_t *list,
                                   int64_t which, int timeout_ms, struct egw_error *reterr)
{
    enum egw_status st;

    for (int i = 0; i < list->cnt; i++)
        list->elems[i].offset = which;
    st = egw_from_kafka_code(rd_kafka_offsets_for_times(consumer, list, timeout_ms),
                             "look-up of log ends", NULL, reterr);
    for (int i = 0; st == EGW_OK && i < list->cnt; i++) {
        const rd_kafka_topic_partition_t *at = &list->elems[i];

        st = egw_from_kafka_code(at->err, "look-up of the log end", NULL, reterr);
        if (st == EGW_OK && at->offset < 0)
            st = egw_error_set(reterr, EGW_RETRY, "no log end answered");
        if (st != EGW_OK)
            st = egw_error_prefix(reterr, st, "%s/%" PRId32, at->topic, at->partition);
    }
    if (st == EGW_RETRY)
        renew_leaders(consumer, list, timeout_ms);
    return st;
}

enum egw_status egw_kafka_partitions(struct egw_kafka *kafka, const char *topic, int32_t *ret,
                                     struct egw_error *reterr)
{
    return egw_kafka_count(kafka->asker, topic, ANSWER_MS, ret, reterr);
}

static int by_name(const void *a, const void *b)
{
    return egw_str_cmp(*(const struct egw_str *)a, *(const struct egw_str *)b);
}

enum egw_status egw_kafka_find(struct egw_kafka *kafka, const char *prefix, struct egw_arena *arena,
                               struct egw_list *ret, struct egw_error *reterr)
{
    const struct rd_kafka_metadata *metadata = NULL;
    rd_kafka_resp_err_t code = ask_metadata(kafka->asker, NULL, ANSWER_MS, &metadata);
    struct egw_str *names;
    size_t n = 0;

    if (nobody_answered(code))
        return egw_kafka_no_answer(kafka->asker, reterr, "no broker answered within %d ms",
                                   ANSWER_MS);
    if (code)
        return egw_from_kafka_code(code, "metadata", NULL, reterr);
    names = egw_arena_alloc(arena, (size_t)metadata->topic_cnt * sizeof(*names) + 1);
    for (int i = 0; names && i < metadata->topic_cnt; i++) {
        struct egw_str name = egw_str_of(metadata->topics[i].topic);

        if (strncmp(name.p, prefix, strlen(prefix)) == 0 &&
            !egw_arena_str(arena, name, &names[n++]))
            names = NULL;
    }
    rd_kafka_metadata_destroy(metadata);
    if (!names)
        return egw_error_set(reterr, EGW_NOMEM, "no memory for topic names");
    qsort(names, n, sizeof(*names), by_name);
    *ret = (struct egw_list){names, n};
    return EGW_OK;
}

static enum egw_status one_end(struct egw_kafka *kafka, const char *topic, int32_t partition,
                               int64_t which, int64_t *ret, struct egw_error *reterr)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    enum egw_status st;

    (void)rd_kafka_topic_partition_list_add(list, topic, partition);
    st = egw_kafka_log_ends(kafka->asker, list, which, ANSWER_MS, reterr);
    if (st == EGW_OK)
        *ret = list->elems[0].offset;
    rd_kafka_topic_partition_list_destroy(list);
    return st;
}

enum egw_status egw_kafka_ends(struct egw_kafka *kafka, const char *topic, int32_t partition,
                               int64_t *ret_low, int64_t *ret_high, struct egw_error *reterr)
{
    enum egw_status st =
        one_end(kafka, topic, partition, RD_KAFKA_OFFSET_BEGINNING, ret_low, reterr);

    if (st == EGW_OK)
        st = one_end(kafka, topic, partition, RD_KAFKA_OFFSET_END, ret_high, reterr);
    return st;
}

/* A handle of the group's name that never joins it. */
static enum egw_status open_group(struct egw_kafka *kafka, const char *group,
                                  struct egw_error *reterr)
{
    const struct egw_kafka_handle_conf conf = {.role = EGW_KAFKA_TAIL,
                                               .settings = kafka->settings,
                                               .client_id = kafka->client_id,
                                               .group = group};
    char *name;
    enum egw_status st;

    if (kafka->group && strcmp(kafka->group, group) == 0)
        return EGW_OK;
    name = strdup(group);
    if (!name)
        return egw_error_set(reterr, EGW_NOMEM, "no memory to ask for group %s", group);
    (void)egw_kafka_destroy(kafka->grouped, CLOSE_MS);
    kafka->grouped = NULL;
    free(kafka->group);
    kafka->group = NULL;
    st = egw_kafka_handle(&conf, &kafka->grouped, reterr);
    if (st != EGW_OK) {
        free(name);
        return st;
    }
    kafka->group = name;
    return EGW_OK;
}

/* That the group is not ours to ask for is told to whoever would read as its member; the question
 * itself goes on looking for a coordinator. */
static rd_kafka_resp_err_t why_no_coordinator(rd_kafka_t *grouped, rd_kafka_resp_err_t code)
{
    rd_kafka_message_t *message;

    while ((message = rd_kafka_consumer_poll(grouped, 0))) {
        if (message->err == RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED)
            code = message->err;
        rd_kafka_message_destroy(message);
    }
    return code;
}

static rd_kafka_resp_err_t ask_committed(rd_kafka_t *grouped, rd_kafka_topic_partition_list_t *list)
{
    int64_t until = egw_kafka_mono_ms() + ANSWER_MS;
    rd_kafka_resp_err_t code;

    do {
        list->elems[0].err = RD_KAFKA_RESP_ERR_NO_ERROR;
        code = rd_kafka_committed(grouped, list, ANSWER_MS / 10);
        if (code == RD_KAFKA_RESP_ERR__TIMED_OUT)
            code = why_no_coordinator(grouped, code);
    } while (code == RD_KAFKA_RESP_ERR__TIMED_OUT && egw_kafka_mono_ms() < until);
    return code;
}

enum egw_status egw_kafka_committed(struct egw_kafka *kafka, const char *group, const char *topic,
                                    int32_t partition, int64_t *ret, struct egw_error *reterr)
{
    rd_kafka_topic_partition_list_t *list;
    enum egw_status st = open_group(kafka, group, reterr);
    rd_kafka_resp_err_t code;

    if (st != EGW_OK)
        return st;
    list = rd_kafka_topic_partition_list_new(1);
    (void)rd_kafka_topic_partition_list_add(list, topic, partition);
    code = ask_committed(kafka->grouped, list);
    if (!code)
        code = list->elems[0].err;
    if (!code)
        *ret = list->elems[0].offset < 0 ? -1 : list->elems[0].offset;
    rd_kafka_topic_partition_list_destroy(list);
    st = egw_from_kafka_code(code, "look-up of the committed offset", NULL, reterr);
    if (st != EGW_OK)
        (void)egw_error_prefix(reterr, st, "group %s, %s/%" PRId32, group, topic, partition);
    return egw_kafka_name_denied(kafka->grouped, st, reterr);
}

/* ---- making topics ---- */

static enum egw_status describe(const struct egw_kafka_topic *topic, rd_kafka_NewTopic_t **ret,
                                struct egw_error *reterr)
{
    char text[ADMIN_TEXT] = "";
    rd_kafka_NewTopic_t *made = rd_kafka_NewTopic_new(topic->name, topic->partitions,
                                                      topic->replication, text, sizeof(text));

    if (!made)
        return egw_error_set(reterr, EGW_INVALID, "topic %s refused: %s", topic->name, text);
    for (size_t i = 0; i < topic->setting_count; i++) {
        if (rd_kafka_NewTopic_set_config(made, topic->settings[i].name, topic->settings[i].value)) {
            rd_kafka_NewTopic_destroy(made);
            return egw_error_set(reterr, EGW_INVALID, "topic %s: setting %s refused", topic->name,
                                 topic->settings[i].name);
        }
    }
    *ret = made;
    return EGW_OK;
}

static enum egw_status read_answer(rd_kafka_event_t *event, const char *topic, bool *ret_created,
                                   struct egw_error *reterr)
{
    const rd_kafka_CreateTopics_result_t *result = rd_kafka_event_CreateTopics_result(event);
    const rd_kafka_topic_result_t **each;
    rd_kafka_resp_err_t code = rd_kafka_event_error(event);
    const char *text = rd_kafka_event_error_string(event);
    size_t n = 0;
    enum egw_status st;

    if (!code && result) {
        each = rd_kafka_CreateTopics_result_topics(result, &n);
        if (n == 1) {
            code = rd_kafka_topic_result_error(each[0]);
            text = rd_kafka_topic_result_error_string(each[0]);
        }
    }
    *ret_created = !code;
    if (code == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS) /* made by somebody else meanwhile */
        return EGW_OK;
    st = egw_from_kafka_code(code, "creation", text, reterr);
    return st == EGW_OK ? st : egw_error_prefix(reterr, st, "topic %s", topic);
}

static enum egw_status ask_creation(struct egw_kafka *kafka, const struct egw_kafka_topic *topic,
                                    bool *ret_created, struct egw_error *reterr)
{
    rd_kafka_AdminOptions_t *options;
    rd_kafka_NewTopic_t *made = NULL;
    rd_kafka_queue_t *queue;
    rd_kafka_event_t *event;
    enum egw_status st = describe(topic, &made, reterr);

    if (st != EGW_OK)
        return st;
    options = rd_kafka_AdminOptions_new(kafka->writer, RD_KAFKA_ADMIN_OP_CREATETOPICS);
    (void)rd_kafka_AdminOptions_set_request_timeout(options, CREATE_MS, NULL, 0);
    (void)rd_kafka_AdminOptions_set_operation_timeout(options, CREATE_MS, NULL, 0);
    queue = rd_kafka_queue_new(kafka->writer);
    rd_kafka_CreateTopics(kafka->writer, &made, 1, options, queue);
    event = rd_kafka_queue_poll(queue, CREATE_MS + ANSWER_MS);
    if (event)
        st = read_answer(event, topic->name, ret_created, reterr);
    else
        st = egw_error_set(reterr, EGW_RETRY, "topic %s: no answer to its creation", topic->name);
    if (event)
        rd_kafka_event_destroy(event);
    rd_kafka_queue_destroy(queue);
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_NewTopic_destroy(made);
    return st;
}

/* A broker may learn of the topic a moment after the controller said yes. */
static enum egw_status await_topic(struct egw_kafka *kafka, const char *topic, int32_t *ret_count,
                                   struct egw_error *reterr)
{
    const struct timespec pause = {.tv_nsec = 50000000};
    int64_t until = egw_kafka_mono_ms() + ANSWER_MS;
    enum egw_status st;

    while ((st = egw_kafka_partitions(kafka, topic, ret_count, reterr)) == EGW_NOT_FOUND &&
           egw_kafka_mono_ms() < until)
        (void)nanosleep(&pause, NULL);
    return st;
}

static enum egw_status create_one(struct egw_kafka *kafka, const struct egw_kafka_topic *topic,
                                  bool *ret_created, struct egw_error *reterr)
{
    int32_t count = 0;
    enum egw_status st = egw_kafka_partitions(kafka, topic->name, &count, reterr);

    *ret_created = false;
    if (st == EGW_NOT_FOUND) {
        st = ask_creation(kafka, topic, ret_created, reterr);
        if (st == EGW_OK)
            st = await_topic(kafka, topic->name, &count, reterr);
    }
    if (st == EGW_OK && count != topic->partitions)
        st = egw_error_set(reterr, EGW_INVALID, "topic %s has %" PRId32 " partitions, not %" PRId32,
                           topic->name, count, topic->partitions);
    return st;
}

enum egw_status egw_kafka_create(struct egw_kafka *kafka, const struct egw_kafka_topic *topics,
                                 size_t n, bool *ret_created, struct egw_error *reterr)
{
    enum egw_status st = EGW_OK;

    for (size_t i = 0; st == EGW_OK && i < n; i++)
        st = create_one(kafka, &topics[i], &ret_created[i], reterr);
    return st;
}
