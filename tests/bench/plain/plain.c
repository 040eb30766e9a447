#define _GNU_SOURCE
#include "plain.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

enum { TXN_MS = 100, TXN_RECORDS = 50000, TIMEOUT_MS = 30000 };
enum { ROOM = 256 << 20 }; /* reserved, touched as needed */

void plain_die(const char *what, const char *why)
{
    fprintf(stderr, "%s: %s\n", what, why);
    exit(1);
}

static double now_s(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

unsigned long plain_number(const char *text)
{
    char *end;
    unsigned long n;

    errno = 0;
    n = strtoul(text, &end, 10);
    if (errno || end == text || *end)
        plain_die("not a number", text);
    return n;
}

static void set(rd_kafka_conf_t *conf, const char *name, const char *value)
{
    char text[512];

    if (rd_kafka_conf_set(conf, name, value, text, sizeof(text)) != RD_KAFKA_CONF_OK)
        plain_die(name, text);
}

static rd_kafka_t *open_handle(rd_kafka_type_t type, rd_kafka_conf_t *conf, const char *brokers)
{
    char text[512];
    rd_kafka_t *handle;

    set(conf, "bootstrap.servers", brokers);
    set(conf, "socket.nagle.disable", "true");
    handle = rd_kafka_new(type, conf, text, sizeof(text));
    if (!handle)
        plain_die("rd_kafka_new", text);
    return handle;
}

static void check(rd_kafka_error_t *error, const char *what)
{
    if (error)
        plain_die(what, rd_kafka_error_string(error));
}

static void open_consumer(struct plain *plain, const char *brokers, const char *group)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_topic_partition_list_t *topics = rd_kafka_topic_partition_list_new(1);
    rd_kafka_resp_err_t err;

    set(conf, "group.id", group);
    set(conf, "isolation.level", "read_committed");
    set(conf, "enable.auto.commit", "false");
    set(conf, "auto.offset.reset", "earliest");
    set(conf, "fetch.wait.max.ms", "50");
    /* Both must hold more than 1.2 s of traffic, or 2.0.2 stalls for a second. */
    set(conf, "queued.min.messages", "1000000");
    set(conf, "queued.max.messages.kbytes", "131072");
    plain->consumer = open_handle(RD_KAFKA_CONSUMER, conf, brokers);
    rd_kafka_poll_set_consumer(plain->consumer);
    rd_kafka_topic_partition_list_add(topics, plain->input, RD_KAFKA_PARTITION_UA);
    err = rd_kafka_subscribe(plain->consumer, topics);
    if (err)
        plain_die("subscribe", rd_kafka_err2str(err));
    rd_kafka_topic_partition_list_destroy(topics);
    plain->queue = rd_kafka_queue_get_consumer(plain->consumer);
}

static void open_producer(struct plain *plain, const char *codec, const char *brokers,
                          const char *group)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();

    set(conf, "transactional.id", group);
    set(conf, "linger.ms", "5");
    set(conf, "queue.buffering.max.messages", "1000000");
    set(conf, "queue.buffering.max.kbytes", "1048576");
    set(conf, "batch.num.messages", "100000");
    set(conf, "compression.type", codec);
    plain->producer = open_handle(RD_KAFKA_PRODUCER, conf, brokers);
    check(rd_kafka_init_transactions(plain->producer, TIMEOUT_MS), "init_transactions");
    for (size_t i = 0; i < plain->target_count; i++) {
        struct plain_target *target = &plain->target[i];

        target->handle = rd_kafka_topic_new(plain->producer, target->topic, NULL);
        if (!target->handle)
            plain_die(target->topic, rd_kafka_err2str(rd_kafka_last_error()));
    }
}

struct plain *plain_open(const char *codec, const char *brokers, const char *group,
                         const char *input, char *const *topics, size_t topic_count)
{
    struct plain *plain = calloc(1, sizeof(*plain));

    if (!plain)
        plain_die("memory", "none");
    plain->started_s = now_s();
    plain->input = input;
    plain->held = calloc(TXN_RECORDS, sizeof(*plain->held));
    plain->bytes = malloc(ROOM);
    if (!plain->held || !plain->bytes)
        plain_die("memory", "none");
    plain->target_count = topic_count;
    for (size_t i = 0; i < topic_count; i++)
        plain->target[i].topic = topics[i];
    open_consumer(plain, brokers, group);
    open_producer(plain, codec, brokers, group);
    return plain;
}

static void hand_over(struct plain *plain, struct plain_target *target, size_t partition)
{
    size_t sent = 0;

    while (sent < target->count[partition]) {
        rd_kafka_message_t *from = &target->batch[partition][sent];
        int left = (int)(target->count[partition] - sent);
        int done = rd_kafka_produce_batch(target->handle, (int32_t)partition, RD_KAFKA_MSG_F_COPY,
                                          from, left);

        if (done < left && from[done < 0 ? 0 : done].err != RD_KAFKA_RESP_ERR__QUEUE_FULL)
            plain_die("produce_batch", rd_kafka_err2str(from[done < 0 ? 0 : done].err));
        if (done > 0)
            sent += (size_t)done;
        rd_kafka_poll(plain->producer, done < left ? 10 : 0);
    }
    target->count[partition] = 0;
}

void *plain_room(struct plain *plain, size_t n)
{
    void *room = plain->bytes + plain->bytes_used;

    if (n > ROOM - plain->bytes_used)
        plain_die("memory", "a transaction's records do not fit");
    plain->bytes_used += n;
    return room;
}

void plain_write(struct plain *plain, size_t target, int32_t partition, const void *key,
                 size_t key_n, const void *payload, size_t n)
{
    struct plain_target *into = &plain->target[target];

    if (into->count[partition] == PLAIN_BATCH_MAX)
        hand_over(plain, into, (size_t)partition);
    into->batch[partition][into->count[partition]++] = (rd_kafka_message_t){
        .payload = (void *)payload, .len = n, .key = (void *)key, .key_len = key_n};
}

/* Batches point to the keys of held inputs: they are let go after all was handed over. */
static void hand_over_all(struct plain *plain)
{
    for (size_t i = 0; i < plain->target_count; i++)
        for (size_t p = 0; p < PLAIN_PARTITIONS_MAX; p++)
            hand_over(plain, &plain->target[i], p);
    for (size_t i = 0; i < plain->held_count; i++)
        rd_kafka_message_destroy(plain->held[i]);
    plain->held_count = plain->bytes_used = 0;
}

static void commit(struct plain *plain)
{
    rd_kafka_topic_partition_list_t *offsets =
        rd_kafka_topic_partition_list_new(PLAIN_PARTITIONS_MAX);
    rd_kafka_consumer_group_metadata_t *group = rd_kafka_consumer_group_metadata(plain->consumer);
    uint64_t records = plain->held_count;

    hand_over_all(plain);
    for (int32_t p = 0; p < PLAIN_PARTITIONS_MAX; p++) {
        if (!plain->moved[p])
            continue;
        rd_kafka_topic_partition_list_add(offsets, plain->input, p)->offset = plain->next[p];
        plain->moved[p] = false;
    }
    check(rd_kafka_send_offsets_to_transaction(plain->producer, offsets, group, TIMEOUT_MS),
          "send_offsets");
    check(rd_kafka_commit_transaction(plain->producer, TIMEOUT_MS), "commit");
    rd_kafka_consumer_group_metadata_destroy(group);
    rd_kafka_topic_partition_list_destroy(offsets);
    plain->committed += records;
    plain->transactions++;
}

static void take(struct plain *plain, rd_kafka_message_t *message,
                 void (*step)(struct plain *, rd_kafka_message_t *, void *), void *user)
{
    int32_t partition = message->partition;

    if (message->err)
        plain_die("consume", rd_kafka_message_errstr(message));
    if (partition >= PLAIN_PARTITIONS_MAX)
        plain_die("too many partitions", rd_kafka_topic_name(message->rkt));
    step(plain, message, user);
    plain->next[partition] = message->offset + 1;
    plain->moved[partition] = true;
    plain->held[plain->held_count++] = message;
}

/* Begin one transaction with its first record and fill it: 100 ms or 50,000 records. */
static void collect(struct plain *plain, void (*step)(struct plain *, rd_kafka_message_t *, void *),
                    void *user)
{
    static rd_kafka_message_t *got[PLAIN_BATCH_MAX];
    double end = 0;

    while (plain->held_count + PLAIN_BATCH_MAX <= TXN_RECORDS && (end <= 0 || now_s() < end)) {
        /* The call waits its whole time unless it is full: one record with a wait, the rest
         * without. */
        ssize_t n = rd_kafka_consume_batch_queue(plain->queue, end <= 0 ? 100 : 5, got, 1);

        if (n == 1)
            n += rd_kafka_consume_batch_queue(plain->queue, 0, got + 1, PLAIN_BATCH_MAX - 1);
        if (n > 0 && end <= 0) {
            check(rd_kafka_begin_transaction(plain->producer), "begin");
            end = now_s() + TXN_MS / 1e3;
        }
        for (ssize_t i = 0; i < n; i++)
            take(plain, got[i], step, user);
    }
}

/* Peak memory since exec; what getrusage() says includes the process that forked us. */
static double peak_mib(void)
{
    FILE *f = fopen("/proc/self/status", "r");
    char line[256];
    double kib = 0;

    while (f && fgets(line, sizeof(line), f)) {
        if (strncmp(line, "VmHWM:", 6) == 0)
            kib = strtod(line + 6, NULL);
    }
    if (f)
        fclose(f);
    return kib / 1024;
}

static void report(const struct plain *plain)
{
    struct rusage usage;
    double took = now_s() - plain->started_s;
    double cpu;

    getrusage(RUSAGE_SELF, &usage);
    cpu = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
          (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
    printf("events=%" PRIu64 " seconds=%.3f first_s=%.3f events_per_s=%.0f cpu_us=%.3f "
           "rss_mib=%.0f transactions=%" PRIu64 "\n",
           plain->committed, took, plain->first_s, (double)plain->committed / took,
           cpu * 1e6 / (double)plain->committed, peak_mib(), plain->transactions);
}

static void close_all(struct plain *plain)
{
    for (size_t i = 0; i < plain->target_count; i++)
        rd_kafka_topic_destroy(plain->target[i].handle);
    rd_kafka_queue_destroy(plain->queue);
    rd_kafka_consumer_close(plain->consumer);
    rd_kafka_destroy(plain->consumer);
    rd_kafka_destroy(plain->producer);
    free(plain->held);
    free(plain->bytes);
    free(plain);
}

void plain_run(struct plain *plain, uint64_t events,
               void (*step)(struct plain *plain, rd_kafka_message_t *message, void *user),
               void *user)
{
    while (plain->committed < events) {
        collect(plain, step, user);
        if (plain->held_count == 0)
            continue;
        commit(plain);
        if (plain->transactions == 1)
            plain->first_s = now_s() - plain->started_s;
    }
    report(plain);
    close_all(plain);
}
