/*
 * rawcopy - the floor of what exactly-once costs: what triage is measured against
 *
 * Reads the input topic as a group of one and writes, for each record and under its key, as many
 * records of the given sizes as triage writes: an outcome, a state entry, now and then an
 * escalation. Nothing is decoded, nothing is decided, the bytes are the same ones every time.
 * Transactions of 100 ms, records handed over in batches per topic and partition, as triage does
 * it. It is one thread and shares no code with egw.
 *
 * usage: rawcopy BROKERS GROUP INPUT EVENTS OUTCOME:BYTES STATE:BYTES ESCALATION:BYTES:PER-MILLE
 * Ends when EVENTS records are committed; prints what it took.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <inttypes.h>
#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

enum { PARTITIONS_MAX = 64, TARGETS = 3, BATCH_MAX = 1000, TXN_MS = 100, TXN_RECORDS = 50000 };
enum { TIMEOUT_MS = 30000 };

struct target {
    const char *topic;
    size_t bytes;
    unsigned per_mille; /* of the inputs that write to it */
    rd_kafka_topic_t *handle;
    size_t count[PARTITIONS_MAX];
    rd_kafka_message_t batch[PARTITIONS_MAX][BATCH_MAX];
};

struct copy {
    rd_kafka_t *consumer, *producer;
    rd_kafka_queue_t *queue;
    struct target target[TARGETS];
    char *payload;
    int64_t next[PARTITIONS_MAX]; /* offset to commit; -1: nothing read */
    bool moved[PARTITIONS_MAX];   /* since the last commit */
    rd_kafka_message_t **held;    /* inputs whose keys a batch still points to */
    size_t held_count;
    uint64_t committed, transactions;
    double first_s;
};

static void die(const char *what, const char *why)
{
    fprintf(stderr, "rawcopy: %s: %s\n", what, why);
    exit(1);
}

static double now_s(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static unsigned long number(const char *text)
{
    char *end;
    unsigned long n;

    errno = 0;
    n = strtoul(text, &end, 10);
    if (errno || end == text || *end)
        die("not a number", text);
    return n;
}

/* "topic:bytes" or "topic:bytes:per-mille"; the text is cut up in place. */
static void read_target(char *text, struct target *ret)
{
    char *bytes = strchr(text, ':');
    char *share = bytes ? strchr(bytes + 1, ':') : NULL;

    if (!bytes)
        die("wants TOPIC:BYTES[:PER-MILLE]", text);
    *bytes++ = '\0';
    if (share)
        *share++ = '\0';
    ret->topic = text;
    ret->bytes = number(bytes);
    ret->per_mille = share ? (unsigned)number(share) : 1000;
}

static void set(rd_kafka_conf_t *conf, const char *name, const char *value)
{
    char text[512];

    if (rd_kafka_conf_set(conf, name, value, text, sizeof(text)) != RD_KAFKA_CONF_OK)
        die(name, text);
}

static rd_kafka_t *open_handle(rd_kafka_type_t type, rd_kafka_conf_t *conf, const char *brokers)
{
    char text[512];
    rd_kafka_t *handle;

    set(conf, "bootstrap.servers", brokers);
    set(conf, "socket.nagle.disable", "true");
    handle = rd_kafka_new(type, conf, text, sizeof(text));
    if (!handle)
        die("rd_kafka_new", text);
    return handle;
}

static void check(rd_kafka_error_t *error, const char *what)
{
    if (error)
        die(what, rd_kafka_error_string(error));
}

static void open_consumer(struct copy *copy, const char *brokers, const char *group,
                          const char *input)
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
    copy->consumer = open_handle(RD_KAFKA_CONSUMER, conf, brokers);
    rd_kafka_poll_set_consumer(copy->consumer);
    rd_kafka_topic_partition_list_add(topics, input, RD_KAFKA_PARTITION_UA);
    err = rd_kafka_subscribe(copy->consumer, topics);
    if (err)
        die("subscribe", rd_kafka_err2str(err));
    rd_kafka_topic_partition_list_destroy(topics);
    copy->queue = rd_kafka_queue_get_consumer(copy->consumer);
}

static void open_producer(struct copy *copy, const char *brokers, const char *group)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();

    set(conf, "transactional.id", group);
    set(conf, "linger.ms", "5");
    set(conf, "queue.buffering.max.messages", "1000000");
    set(conf, "queue.buffering.max.kbytes", "1048576");
    set(conf, "batch.num.messages", "100000");
    copy->producer = open_handle(RD_KAFKA_PRODUCER, conf, brokers);
    check(rd_kafka_init_transactions(copy->producer, TIMEOUT_MS), "init_transactions");
    for (size_t i = 0; i < TARGETS; i++) {
        copy->target[i].handle = rd_kafka_topic_new(copy->producer, copy->target[i].topic, NULL);
        if (!copy->target[i].handle)
            die(copy->target[i].topic, rd_kafka_err2str(rd_kafka_last_error()));
    }
}

static void hand_over(struct copy *copy, struct target *target, size_t partition)
{
    size_t sent = 0;

    while (sent < target->count[partition]) {
        rd_kafka_message_t *from = &target->batch[partition][sent];
        int left = (int)(target->count[partition] - sent);
        int done = rd_kafka_produce_batch(target->handle, (int32_t)partition, RD_KAFKA_MSG_F_COPY,
                                          from, left);

        if (done < left && from[done < 0 ? 0 : done].err != RD_KAFKA_RESP_ERR__QUEUE_FULL)
            die("produce_batch", rd_kafka_err2str(from[done < 0 ? 0 : done].err));
        if (done > 0)
            sent += (size_t)done;
        rd_kafka_poll(copy->producer, done < left ? 10 : 0);
    }
    target->count[partition] = 0;
}

/* Batches point to the keys of held inputs: they are let go after all was handed over. */
static void hand_over_all(struct copy *copy)
{
    for (size_t i = 0; i < TARGETS; i++)
        for (size_t p = 0; p < PARTITIONS_MAX; p++)
            hand_over(copy, &copy->target[i], p);
    for (size_t i = 0; i < copy->held_count; i++)
        rd_kafka_message_destroy(copy->held[i]);
    copy->held_count = 0;
}

static void copy_one(struct copy *copy, rd_kafka_message_t *message)
{
    size_t partition = (size_t)message->partition;
    unsigned dice = (unsigned)(message->offset % 1000);

    if (partition >= PARTITIONS_MAX)
        die("too many partitions", rd_kafka_topic_name(message->rkt));
    for (size_t i = 0; i < TARGETS; i++) {
        struct target *target = &copy->target[i];

        if (dice >= target->per_mille)
            continue;
        if (target->count[partition] == BATCH_MAX)
            hand_over(copy, target, partition);
        target->batch[partition][target->count[partition]++] = (rd_kafka_message_t){
            .payload = copy->payload,
            .len = target->bytes,
            .key = message->key,
            .key_len = message->key_len,
        };
    }
    copy->next[partition] = message->offset + 1;
    copy->moved[partition] = true;
    copy->held[copy->held_count++] = message;
}

static void commit(struct copy *copy, const char *input)
{
    rd_kafka_topic_partition_list_t *offsets = rd_kafka_topic_partition_list_new(PARTITIONS_MAX);
    rd_kafka_consumer_group_metadata_t *group = rd_kafka_consumer_group_metadata(copy->consumer);
    uint64_t records = copy->held_count;

    hand_over_all(copy);
    for (int32_t p = 0; p < PARTITIONS_MAX; p++) {
        if (!copy->moved[p])
            continue;
        rd_kafka_topic_partition_list_add(offsets, input, p)->offset = copy->next[p];
        copy->moved[p] = false;
    }
    check(rd_kafka_send_offsets_to_transaction(copy->producer, offsets, group, TIMEOUT_MS),
          "send_offsets");
    check(rd_kafka_commit_transaction(copy->producer, TIMEOUT_MS), "commit");
    rd_kafka_consumer_group_metadata_destroy(group);
    rd_kafka_topic_partition_list_destroy(offsets);
    copy->committed += records;
    copy->transactions++;
}

/* Begin one transaction with its first record and fill it: 100 ms or 50,000 records. */
static void collect(struct copy *copy)
{
    static rd_kafka_message_t *got[BATCH_MAX];
    double end = 0;

    while (copy->held_count + BATCH_MAX <= TXN_RECORDS && (end == 0 || now_s() < end)) {
        /* The call waits its whole time unless it is full: one record with a wait, the rest
         * without. */
        ssize_t n = rd_kafka_consume_batch_queue(copy->queue, end == 0 ? 100 : 5, got, 1);

        if (n == 1)
            n += rd_kafka_consume_batch_queue(copy->queue, 0, got + 1, BATCH_MAX - 1);
        if (n > 0 && end == 0) {
            check(rd_kafka_begin_transaction(copy->producer), "begin");
            end = now_s() + TXN_MS / 1e3;
        }
        for (ssize_t i = 0; i < n; i++) {
            if (got[i]->err)
                die("consume", rd_kafka_message_errstr(got[i]));
            copy_one(copy, got[i]);
        }
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

static void report(const struct copy *copy, double started)
{
    struct rusage usage;
    double took = now_s() - started;
    double cpu;

    getrusage(RUSAGE_SELF, &usage);
    cpu = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
          (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
    printf("events=%" PRIu64 " seconds=%.3f first_s=%.3f events_per_s=%.0f cpu_us=%.3f "
           "rss_mib=%.0f transactions=%" PRIu64 "\n",
           copy->committed, took, copy->first_s, (double)copy->committed / took,
           cpu * 1e6 / (double)copy->committed, peak_mib(), copy->transactions);
}

static void close_all(struct copy *copy)
{
    for (size_t i = 0; i < TARGETS; i++)
        rd_kafka_topic_destroy(copy->target[i].handle);
    rd_kafka_queue_destroy(copy->queue);
    rd_kafka_consumer_close(copy->consumer);
    rd_kafka_destroy(copy->consumer);
    rd_kafka_destroy(copy->producer);
    free(copy->held);
    free(copy->payload);
    free(copy);
}

int main(int argc, char **argv)
{
    double started = now_s();
    struct copy *copy = calloc(1, sizeof(*copy));
    uint64_t events;
    size_t largest = 1;

    if (argc != 8)
        die("usage", "rawcopy BROKERS GROUP INPUT EVENTS OUTCOME:BYTES STATE:BYTES "
                     "ESCALATION:BYTES:PER-MILLE");
    if (!copy)
        die("memory", "none");
    events = number(argv[4]);
    for (size_t i = 0; i < TARGETS; i++) {
        read_target(argv[5 + i], &copy->target[i]);
        if (copy->target[i].bytes > largest)
            largest = copy->target[i].bytes;
    }
    copy->held = calloc(TXN_RECORDS, sizeof(*copy->held));
    copy->payload = malloc(largest);
    if (!copy->held || !copy->payload)
        die("memory", "none");
    memset(copy->payload, 'x', largest);
    open_consumer(copy, argv[1], argv[2], argv[3]);
    open_producer(copy, argv[1], argv[2]);
    while (copy->committed < events) {
        collect(copy);
        if (copy->held_count == 0)
            continue;
        commit(copy, argv[3]);
        if (copy->transactions == 1)
            copy->first_s = now_s() - started;
    }
    report(copy, started);
    close_all(copy);
    return 0;
}
