/*
 * load - publishes the benchmarks' events, and times how long their outcomes take
 *
 * usage: load publish BROKERS EVENTS PARTITIONS COUNT SALT [CASES]
 *            as fast as they go; prints their mean size. CASES: drawn from so many, the same ones
 *            under any SALT
 *        load pace BROKERS EVENTS PARTITIONS COUNT SALT RATE OUTCOMES
 *            RATE a second, and reads the outcomes as they are committed; prints percentiles of
 *            the time from the record's time stamp to its outcome in a read_committed reader
 */
#include <inttypes.h>
#include <librdkafka/rdkafka.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "egw/codec.h"
#include "egw/hash.h"
#include "egw/schema.h"
#include "events.h"

enum { CUSTOMERS = 2000, PATIENCE_MS = 30000, SLICE_NS = 1000000 };

struct load {
    const char *brokers, *events, *outcomes, *salt;
    int32_t partitions;
    size_t count, cases, rate; /* rate 0: as fast as they go */
    bool same_cases;           /* whatever the salt */
    struct egw_plans *plans;
    size_t bytes;
    double *waits_ms;
    size_t waited;
};

static void die(const char *what, const char *why)
{
    fprintf(stderr, "load: %s: %s\n", what, why);
    exit(1);
}

static size_t number(const char *text)
{
    char *end;
    unsigned long n = strtoul(text, &end, 10);

    if (end == text || *end)
        die("not a number", text);
    return n;
}

static int64_t clock_ns(clockid_t which)
{
    struct timespec t;

    (void)clock_gettime(which, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void set(rd_kafka_conf_t *conf, const char *name, const char *value)
{
    char why[256];

    if (rd_kafka_conf_set(conf, name, value, why, sizeof(why)) != RD_KAFKA_CONF_OK)
        die(name, why);
}

static rd_kafka_t *handle(const struct load *load, rd_kafka_type_t type, rd_kafka_conf_t *conf)
{
    char why[256];
    rd_kafka_t *rk;

    set(conf, "bootstrap.servers", load->brokers);
    set(conf, "socket.nagle.disable", "true");
    rk = rd_kafka_new(type, conf, why, sizeof(why));
    if (!rk)
        die("cannot connect", why);
    return rk;
}

/* ---- publishing ---- */

static void publish_one(struct load *load, rd_kafka_t *producer, struct bench_events *events,
                        struct egw_buf *buf)
{
    static const struct egw_framing framing;
    struct egw_support_event event;
    struct egw_str key;
    rd_kafka_resp_err_t code;

    bench_event(events, &key, &event);
    egw_buf_clear(buf);
    if (egw_encode_framed(&framing, &egw_type_support_event, &event, buf, NULL))
        die("encode", "no memory");
    load->bytes += buf->n;
    while ((code = rd_kafka_producev(
                producer, RD_KAFKA_V_TOPIC(load->events),
                RD_KAFKA_V_PARTITION(egw_partition_of(key, load->partitions)),
                RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_KEY((void *)key.p, key.n),
                RD_KAFKA_V_VALUE(buf->p, buf->n), RD_KAFKA_V_END)) == RD_KAFKA_RESP_ERR__QUEUE_FULL)
        (void)rd_kafka_poll(producer, 10);
    if (code)
        die("produce", rd_kafka_err2str(code));
}

/* In slices of a millisecond: what is due by then goes. */
static void wait_turn(const struct load *load, int64_t began, size_t i)
{
    const struct timespec slice = {.tv_nsec = SLICE_NS};

    while (load->rate &&
           (clock_ns(CLOCK_MONOTONIC) - began) * (int64_t)load->rate / 1000000000 < (int64_t)i)
        (void)nanosleep(&slice, NULL);
}

static void *publish(void *arg)
{
    struct load *load = arg;
    struct bench_events events = {.cases = load->cases ? load->cases : load->count,
                                  .customers = CUSTOMERS,
                                  .salt = load->salt,
                                  .case_salt = load->same_cases ? "" : load->salt,
                                  .random = 1};
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    struct egw_buf buf = {0};
    int64_t began = clock_ns(CLOCK_MONOTONIC);
    rd_kafka_t *producer;

    set(conf, "linger.ms", load->rate ? "5" : "20"); /* 5: the library's default */
    set(conf, "queue.buffering.max.messages", "1000000");
    producer = handle(load, RD_KAFKA_PRODUCER, conf);
    for (size_t i = 0; i < load->count; i++) {
        wait_turn(load, began, i);
        publish_one(load, producer, &events, &buf);
        (void)rd_kafka_poll(producer, 0);
    }
    if (rd_kafka_flush(producer, PATIENCE_MS))
        die("flush", "events were not taken in time");
    rd_kafka_destroy(producer);
    egw_buf_free(&buf);
    return NULL;
}

/* ---- watching ---- */

static rd_kafka_t *open_reader(const struct load *load)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(load->partitions);
    rd_kafka_t *reader;

    set(conf, "group.id", "load");
    set(conf, "isolation.level", "read_committed");
    set(conf, "enable.auto.commit", "false");
    set(conf, "fetch.wait.max.ms", "10");
    reader = handle(load, RD_KAFKA_CONSUMER, conf);
    for (int32_t p = 0; p < load->partitions; p++) {
        int64_t low, high;
        rd_kafka_resp_err_t code =
            rd_kafka_query_watermark_offsets(reader, load->outcomes, p, &low, &high, PATIENCE_MS);

        if (code)
            die(load->outcomes, rd_kafka_err2str(code));
        rd_kafka_topic_partition_list_add(list, load->outcomes, p)->offset = high;
    }
    (void)rd_kafka_poll_set_consumer(reader);
    if (rd_kafka_assign(reader, list))
        die(load->outcomes, "cannot be read");
    rd_kafka_topic_partition_list_destroy(list);
    return reader;
}

static void take(struct load *load, const rd_kafka_message_t *message, struct egw_arena *arena)
{
    int64_t now = clock_ns(CLOCK_REALTIME);
    struct egw_frame frame = egw_frame_read((struct egw_str){message->payload, message->len});
    const struct egw_plan *plan;
    struct egw_outcome outcome;

    if (message->err)
        die("read", rd_kafka_message_errstr(message));
    egw_arena_reset(arena);
    if (egw_plans_find(load->plans, &frame, &plan, NULL) ||
        egw_decode(plan, frame.body.p, frame.body.n, arena, &outcome, NULL))
        die("decode", "an outcome cannot be read");
    if (egw_str_is(outcome.event_type, "opened"))
        load->waits_ms[load->waited++] = (double)(now - outcome.recorded_at * 1000000) / 1e6;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static void watch(struct load *load)
{
    rd_kafka_t *reader = open_reader(load);
    struct egw_arena arena = {.max = (size_t)64 << 20};
    pthread_t publisher;

    if (pthread_create(&publisher, NULL, publish, load) != 0)
        die("thread", "none");
    while (load->waited < load->count) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(reader, PATIENCE_MS);

        if (!message)
            die("watch", "no outcome for 30 s");
        take(load, message, &arena);
        rd_kafka_message_destroy(message);
    }
    (void)pthread_join(publisher, NULL);
    rd_kafka_consumer_close(reader);
    rd_kafka_destroy(reader);
    egw_arena_free(&arena);
    /* The first tenth is the ramp: connections, first fetches. */
    qsort(load->waits_ms + load->count / 10, load->count - load->count / 10, sizeof(double),
          by_value);
    printf("p50_ms=%.1f p99_ms=%.1f max_ms=%.1f\n",
           load->waits_ms[load->count / 10 + (load->count - load->count / 10) / 2],
           load->waits_ms[load->count / 10 + (load->count - load->count / 10) * 99 / 100],
           load->waits_ms[load->count - 1]);
}

int main(int argc, char **argv)
{
    struct load load = {0};
    bool pace = argc == 9 && strcmp(argv[1], "pace") == 0;

    if (!pace && !((argc == 7 || argc == 8) && strcmp(argv[1], "publish") == 0))
        die("usage", "load publish BROKERS EVENTS PARTITIONS COUNT SALT [CASES] | "
                     "load pace BROKERS EVENTS PARTITIONS COUNT SALT RATE OUTCOMES");
    load.brokers = argv[2];
    load.events = argv[3];
    load.partitions = (int32_t)number(argv[4]);
    load.count = number(argv[5]);
    load.salt = argv[6];
    if (!pace) {
        load.same_cases = argc == 8;
        load.cases = load.same_cases ? number(argv[7]) : 0;
        (void)publish(&load);
        printf("mean_bytes=%.0f\n", (double)load.bytes / (double)load.count);
        return 0;
    }
    load.rate = number(argv[7]);
    load.outcomes = argv[8];
    load.waits_ms = calloc(load.count, sizeof(*load.waits_ms));
    if (!load.waits_ms || egw_plans_builtin(&load.plans, NULL))
        die("memory", "none");
    watch(&load);
    return 0;
}
