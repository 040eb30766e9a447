#include "bed.h"

#include <stdio.h>
#include <stdlib.h>

static const char *const names[TOPICS] = {"events", "inbox", "state", "out"};
static char bootstrap[256];

struct bed bed;

int32_t P(int32_t k)
{
    return bed.base + k;
}

static void make_settings(struct egw_settings *settings)
{
    (void)snprintf(bootstrap, sizeof(bootstrap), "%s", egw_kafka_mock_brokers(bed.mock));
    *settings = (struct egw_settings){0};
    settings->kafka.brokers = bootstrap;
    settings->kafka.session_timeout_ms = 6000;
    settings->kafka.transaction_timeout_ms = 6000;
}

struct egw_kafka_log_conf log_conf(void)
{
    return (struct egw_kafka_log_conf){
        .settings = &bed.settings,
        .topics = names,
        .topic_count = TOPICS,
        .input_count = 2,
        .state_topic = STATE,
        .group = bed.group,
        .instance = bed.group,
        .partition_count = PARTITIONS,
    };
}

void must(enum egw_status st, const struct egw_error *error)
{
    if (st != EGW_OK)
        fail_msg("%s: %s", egw_status_name(st), error->text);
}

/* Polls until an event of this kind; others are skipped. */
struct egw_log_event *await(enum egw_log_event_kind kind)
{
    int64_t until = egw_kafka_mono_ms() + WAIT_MS;

    while (egw_kafka_mono_ms() < until) {
        bed.log.ops->poll(bed.log.self, &bed.event);
        if (bed.event.kind == kind)
            return &bed.event;
        if (bed.event.kind == EGW_LOG_IDLE)
            bed.log.ops->wait(bed.log.self, TURN_MS);
    }
    fail_msg("no event of kind %d", (int)kind);
    return NULL;
}

/* Polls until nothing has come for a while; fails on an event of this kind. */
void never(enum egw_log_event_kind kind, int64_t ms)
{
    int64_t until = egw_kafka_mono_ms() + ms;

    while (egw_kafka_mono_ms() < until) {
        bed.log.ops->poll(bed.log.self, &bed.event);
        if (bed.event.kind == kind)
            fail_msg("event %d at %d/%d/%lld", (int)kind, bed.event.record.topic,
                     (int)bed.event.record.partition, (long long)bed.event.record.offset);
        if (bed.event.kind == EGW_LOG_IDLE)
            bed.log.ops->wait(bed.log.self, TURN_MS);
    }
}

enum egw_status run_job(struct egw_log_job *job)
{
    bed.log.ops->job(bed.log.self, job);
    (void)await(EGW_LOG_DONE);
    return job->result;
}

void run_init(void)
{
    struct egw_log_job job = {.kind = EGW_LOG_INIT};

    must(run_job(&job), &job.error);
}

void fill(int topic, int32_t partition, int n)
{
    struct egw_error error;
    size_t failed;
    char value[32];

    for (int i = 0; i < n; i++) {
        (void)snprintf(value, sizeof(value), "%s-%d-%d", names[topic], (int)partition, i);
        must(egw_kafka_send(bed.writer, names[topic], partition, EGW_STR("k"), egw_str_of(value),
                            &error),
             &error);
    }
    must(egw_kafka_flush(bed.writer, WAIT_MS, &failed, &error), &error);
}

int open_bed(void **state)
{
    static int serial;
    struct egw_error error;
    struct egw_kafka_log_conf conf;

    (void)state;
    bed = (struct bed){0};
    (void)snprintf(bed.group, sizeof(bed.group), "egw-test-%03d", serial++);
    must(egw_kafka_mock_new(&bed.mock, &error), &error);
    for (int i = 0; i < TOPICS; i++)
        must(egw_kafka_mock_topic(bed.mock, names[i], PARTITIONS, &error), &error);
    make_settings(&bed.settings);
    must(egw_kafka_open(&bed.settings, "egw-test-writer", &bed.writer, &error), &error);
    conf = log_conf();
    must(egw_kafka_log_new(&conf, &bed.log, &error), &error);
    return 0;
}

int open_assigned(void **state)
{
    int rc = open_bed(state);

    bed.generation = await(EGW_LOG_ASSIGN)->generation;
    return rc;
}

int open_shared(void **state)
{
    if (!bed.log.self)
        (void)open_assigned(state);
    else
        bed.base += SPREAD;
    run_init(); /* the test before may have left its transaction open */
    return bed.base + SPREAD <= PARTITIONS ? 0 : -1;
}

int quiet_shared(void **state)
{
    (void)state;
    for (int32_t k = 0; k < SPREAD; k++) {
        bed.log.ops->stop(bed.log.self, P(k));
        for (int topic = 0; topic < TOPICS; topic++)
            bed.log.ops->unfollow(bed.log.self, topic, P(k));
    }
    return 0;
}

int close_bed(void **state)
{
    bool closed = !bed.log.self || egw_kafka_log_close(&bed.log, WAIT_MS);

    (void)state;
    egw_kafka_close(bed.writer);
    egw_kafka_mock_free(bed.mock);
    bed = (struct bed){0};
    return closed ? 0 : -1;
}

void begin(void)
{
    struct egw_error error;

    must(bed.log.ops->begin(bed.log.self, &error), &error);
}

enum egw_status produce(const struct egw_log_out *outs, size_t n, struct egw_error *reterr)
{
    size_t done;
    enum egw_status st;

    while ((st = bed.log.ops->produce(bed.log.self, outs, n, &done, reterr)) == EGW_RETRY) {
        outs += done;
        n -= done;
    }
    return st;
}

void produce_one(void)
{
    const struct egw_log_out out = {
        .topic = OUT, .partition = P(0) + 1, .key = EGW_STR("k"), .value = EGW_STR("v")};
    struct egw_error error;

    must(produce(&out, 1, &error), &error);
}

struct egw_log_job commit_job(void)
{
    static struct egw_log_offset offset;

    offset = (struct egw_log_offset){.partition = 0, .next = {5, 2}};
    return (struct egw_log_job){.kind = EGW_LOG_COMMIT,
                                .generation = bed.generation,
                                .offsets = &offset,
                                .offset_count = 1};
}

int open_both(void **state)
{
    int rc = open_assigned(state);

    run_init();
    return rc;
}

void brokers_go(void)
{
    for (int32_t id = 1; id <= BROKERS; id++)
        rd_kafka_mock_broker_set_down(bed.mock->cluster, id);
}

void brokers_come(void)
{
    for (int32_t id = 1; id <= BROKERS; id++)
        rd_kafka_mock_broker_set_up(bed.mock->cluster, id);
}

void delay(int16_t api, int ms)
{
    rd_kafka_resp_err_t code = rd_kafka_mock_broker_push_request_error_rtts(
        bed.mock->cluster, 1, api, 1, RD_KAFKA_RESP_ERR_NO_ERROR, ms);

    assert_int_equal(RD_KAFKA_RESP_ERR_NO_ERROR, code);
}
