/*
 * The log port over the mock cluster: what librdkafka does with members, seeks, tails and jobs.
 */
#include "bed.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* ---- opening ---- */

static void a_missing_topic_is_named(void **state)
{
    struct egw_kafka_log_conf conf = log_conf();
    struct egw_error error;
    struct egw_log log;

    (void)state;
    /* The mock makes every topic that is asked for. */
    rd_kafka_mock_topic_set_error(bed.mock->cluster, "state",
                                  RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
    assert_int_equal(EGW_NOT_FOUND, egw_kafka_log_new(&conf, &log, &error));
    assert_string_equal("topic state is not there; run egw init", error.text);
}

static void another_partition_count_is_named_with_both_numbers(void **state)
{
    struct egw_kafka_log_conf conf = log_conf();
    struct egw_error error;
    struct egw_log log;

    (void)state;
    conf.partition_count = 4;
    assert_int_equal(EGW_INVALID, egw_kafka_log_new(&conf, &log, &error));
    assert_string_equal("topic events has 96 partitions, the settings say 4", error.text);
}

static void without_a_broker_the_caller_may_try_again(void **state)
{
    struct egw_kafka_log_conf conf = log_conf();
    struct egw_settings settings;
    struct egw_error error;
    struct egw_log log;

    (void)state;
    settings = (struct egw_settings){
        .kafka = {.session_timeout_ms = 6000, .transaction_timeout_ms = 6000}};
    settings.kafka.brokers = (char[]){"127.0.0.1:1"};
    conf.settings = &settings;
    assert_int_equal(EGW_RETRY, egw_kafka_log_new(&conf, &log, &error));
    /* And what the library says of it. */
    assert_true(egw_str_begins(
        egw_str_of(error.text),
        EGW_STR("no broker answered within 10000 ms about topic events: 127.0.0.1:1/bootstrap: ")));
}

enum { FIRST_BROKER = 1, LOST_AFTER_MS = 300, ASK_MS = 10000 };

static void *lose_first_broker(void *cluster)
{
    const struct timespec pause = {.tv_nsec = LOST_AFTER_MS * 1000000L};

    (void)nanosleep(&pause, NULL);
    (void)rd_kafka_mock_broker_set_down(cluster, FIRST_BROKER);
    return NULL;
}

/* Only the first broker answers to begin with, so that the next question goes there too. */
static void a_question_is_asked_elsewhere_when_its_broker_goes(void **state)
{
    const struct egw_kafka_handle_conf conf = {
        .role = EGW_KAFKA_PROBE, .settings = &bed.settings, .client_id = "egw-test"};
    rd_kafka_mock_cluster_t *cluster = bed.mock->cluster;
    int32_t count = 0;
    struct egw_error error;
    rd_kafka_t *asker;
    pthread_t loser;
    int64_t asked;

    (void)state;
    for (int32_t id = FIRST_BROKER + 1; id <= BROKERS; id++)
        (void)rd_kafka_mock_broker_set_down(cluster, id);
    must(egw_kafka_handle(&conf, &asker, &error), &error);
    must(egw_kafka_count(asker, "events", WAIT_MS, &count, &error), &error);
    for (int32_t id = FIRST_BROKER + 1; id <= BROKERS; id++)
        (void)rd_kafka_mock_broker_set_up(cluster, id);
    (void)rd_kafka_mock_broker_set_rtt(cluster, FIRST_BROKER, ASK_MS);
    assert_int_equal(0, pthread_create(&loser, NULL, lose_first_broker, cluster));
    asked = egw_kafka_mono_ms();
    must(egw_kafka_count(asker, "events", ASK_MS, &count, &error), &error);
    assert_in_range(egw_kafka_mono_ms() - asked, 0, ASK_MS / 2);
    (void)pthread_join(loser, NULL);
    assert_int_equal(PARTITIONS, count);
    assert_true(egw_kafka_destroy(asker, WAIT_MS));
}

/* ---- inputs ---- */

static void an_assignment_names_common_partitions_and_nothing_flows_before_start(void **state)
{
    struct egw_log_event *event;

    (void)state;
    for (int32_t p = 0; p < SPREAD; p++)
        fill(EVENTS, p, 5);
    event = await(EGW_LOG_ASSIGN);
    assert_int_equal(PARTITIONS, event->partition_count);
    for (size_t i = 0; i < PARTITIONS; i++)
        assert_int_equal(i, event->partitions[i]);
    assert_int_equal(1, event->generation);
    fill(EVENTS, P(0), 5);
    never(EGW_LOG_INPUT, 500);
}

static void expect_inputs(int32_t p, const int64_t from[2], const int64_t to[2])
{
    int64_t next[2] = {from[0], from[1]};

    while (next[0] < to[0] || next[1] < to[1]) {
        const struct egw_log_record *record = &await(EGW_LOG_INPUT)->record;

        assert_int_equal(p, record->partition);
        assert_in_range(record->topic, EVENTS, INBOX);
        assert_int_equal(next[record->topic], record->offset);
        next[record->topic]++;
    }
}

static void start_hands_out_each_input_from_its_offset_without_holes(void **state)
{
    struct egw_error error;

    (void)state;
    fill(EVENTS, P(1), 40);
    fill(INBOX, P(1), 30);
    must(bed.log.ops->start(bed.log.self, P(1), (const int64_t[]){7, 3}, &error), &error);
    expect_inputs(P(1), (const int64_t[]){7, 3}, (const int64_t[]){40, 30});
    fill(EVENTS, P(1), 5);
    expect_inputs(P(1), (const int64_t[]){40, 30}, (const int64_t[]){45, 30});
}

/* A question about the end of the log that is still under way when the seek comes is put again half
 * a second later, and its answer then wins over the seek: what came meanwhile was never read. */
static void a_slow_broker_right_after_an_assignment_costs_no_record(void **state)
{
    const struct egw_log_event *event;
    enum { SLOW_MS = 200 };
    struct egw_error error;

    (void)state;
    fill(EVENTS, P(0), 40);
    rd_kafka_mock_broker_set_rtt(bed.mock->cluster, -1, SLOW_MS);
    event = await(EGW_LOG_ASSIGN);
    assert_int_equal(PARTITIONS, event->partition_count);
    must(bed.log.ops->start(bed.log.self, P(0), (const int64_t[]){7, 0}, &error), &error);
    expect_inputs(P(0), (const int64_t[]){7, 0}, (const int64_t[]){40, 0});
    for (int i = 0; i < 8; i++)
        fill(EVENTS, P(0), 1);
    expect_inputs(P(0), (const int64_t[]){40, 0}, (const int64_t[]){48, 0});
}

static void a_record_comes_whole(void **state)
{
    struct egw_error error;
    const struct egw_log_record *record;
    char expected[32];

    (void)state;
    (void)snprintf(expected, sizeof(expected), "events-%d-0", (int)P(2));
    fill(EVENTS, P(2), 1);
    must(bed.log.ops->start(bed.log.self, P(2), (const int64_t[]){0, 0}, &error), &error);
    record = &await(EGW_LOG_INPUT)->record;
    assert_int_equal(EVENTS, record->topic);
    assert_int_equal(P(2), record->partition);
    assert_true(egw_str_is(record->key, "k"));
    assert_true(egw_str_is(record->value, expected));
    assert_null(record->traceparent.p);
    assert_true(record->timestamp_ms > INT64_C(1600000000000));
}

static void start_again_rewinds_a_running_partition(void **state)
{
    struct egw_error error;

    (void)state;
    fill(EVENTS, P(0), 50);
    must(bed.log.ops->start(bed.log.self, P(0), (const int64_t[]){0, 0}, &error), &error);
    expect_inputs(P(0), (const int64_t[]){0, 0}, (const int64_t[]){20, 0});
    for (int i = 0; i < 5; i++) {
        must(bed.log.ops->start(bed.log.self, P(0), (const int64_t[]){4, 0}, &error), &error);
        expect_inputs(P(0), (const int64_t[]){4, 0}, (const int64_t[]){20 + i, 0});
    }
}

static void start_forward_hands_out_nothing_before_the_new_offset(void **state)
{
    struct egw_error error;

    (void)state;
    fill(EVENTS, P(0), 50);
    must(bed.log.ops->start(bed.log.self, P(0), (const int64_t[]){0, 0}, &error), &error);
    expect_inputs(P(0), (const int64_t[]){0, 0}, (const int64_t[]){3, 0});
    must(bed.log.ops->start(bed.log.self, P(0), (const int64_t[]){45, 0}, &error), &error);
    expect_inputs(P(0), (const int64_t[]){45, 0}, (const int64_t[]){50, 0});
}

static void a_stopped_partition_is_silent_and_goes_on_where_start_says(void **state)
{
    struct egw_error error;

    (void)state;
    fill(EVENTS, P(0), 20);
    must(bed.log.ops->start(bed.log.self, P(0), (const int64_t[]){0, 0}, &error), &error);
    expect_inputs(P(0), (const int64_t[]){0, 0}, (const int64_t[]){5, 0});
    bed.log.ops->stop(bed.log.self, P(0));
    never(EGW_LOG_INPUT, 500);
    must(bed.log.ops->start(bed.log.self, P(0), (const int64_t[]){5, 0}, &error), &error);
    expect_inputs(P(0), (const int64_t[]){5, 0}, (const int64_t[]){20, 0});
}

static void one_partition_runs_while_another_is_stopped(void **state)
{
    struct egw_error error;

    (void)state;
    fill(EVENTS, P(0), 10);
    fill(EVENTS, P(1), 10);
    must(bed.log.ops->start(bed.log.self, P(1), (const int64_t[]){0, 0}, &error), &error);
    expect_inputs(P(1), (const int64_t[]){0, 0}, (const int64_t[]){10, 0});
    never(EGW_LOG_INPUT, 300);
}

static void a_partition_that_is_not_ours_cannot_start(void **state)
{
    struct egw_error error;

    (void)state;
    assert_int_equal(EGW_RETRY,
                     bed.log.ops->start(bed.log.self, PARTITIONS, (const int64_t[]){0, 0}, &error));
    assert_string_equal("partition 96 is not ours to start", error.text);
}

static void an_offset_past_the_log_breaks_only_that_partition(void **state)
{
    struct egw_error error;
    struct egw_log_event *event;

    (void)state;
    fill(EVENTS, P(0), 3);
    fill(EVENTS, P(1), 3);
    must(bed.log.ops->start(bed.log.self, P(0), (const int64_t[]){1000, 0}, &error), &error);
    event = await(EGW_LOG_BROKEN);
    assert_int_equal(EVENTS, event->topic);
    assert_int_equal(P(0), event->partition);
    assert_non_null(strstr(event->error.text, ": read failed: "));
    assert_non_null(strstr(event->error.text, "(_AUTO_OFFSET_RESET)"));
    must(bed.log.ops->start(bed.log.self, P(1), (const int64_t[]){0, 0}, &error), &error);
    expect_inputs(P(1), (const int64_t[]){0, 0}, (const int64_t[]){3, 0});
}

/* ---- rebalance ---- */

static void a_second_member_takes_over_what_is_released(void **state)
{
    struct egw_kafka_log_conf conf = log_conf();
    struct egw_log first = bed.log, second;
    struct egw_error error;
    size_t mine;

    (void)state;
    conf.instance = "egw-test-second";
    must(egw_kafka_log_new(&conf, &second, &error), &error);
    assert_int_equal(PARTITIONS, await(EGW_LOG_REVOKE)->partition_count);
    bed.log.ops->release(bed.log.self);
    mine = 0;
    for (int64_t until = egw_kafka_mono_ms() + WAIT_MS; mine == 0 && egw_kafka_mono_ms() < until;) {
        struct egw_log_event event;

        second.ops->poll(second.self, &event);
        first.ops->poll(first.self, &bed.event);
        if (bed.event.kind == EGW_LOG_ASSIGN) {
            assert_int_equal(bed.generation + 1, bed.event.generation);
            mine = bed.event.partition_count;
        }
        if (bed.event.kind == EGW_LOG_IDLE)
            first.ops->wait(first.self, 10);
    }
    assert_in_range(mine, 1, PARTITIONS - 1);
    assert_true(egw_kafka_log_close(&second, WAIT_MS));
}

/* ---- tails ---- */

static void expect_tail(int topic, int32_t p, int64_t from, int64_t to)
{
    for (int64_t next = from; next < to; next++) {
        const struct egw_log_record *record = &await(EGW_LOG_TAIL)->record;

        assert_int_equal(topic, record->topic);
        assert_int_equal(p, record->partition);
        assert_int_equal(next, record->offset);
    }
}

static void expect_tail_end(int topic, int32_t p, int64_t offset)
{
    const struct egw_log_event *event = await(EGW_LOG_TAIL_END);

    assert_int_equal(topic, event->topic);
    assert_int_equal(p, event->partition);
    assert_int_equal(offset, event->offset);
}

static void a_tail_is_read_to_its_end_and_then_followed(void **state)
{
    struct egw_error error;

    (void)state;
    fill(STATE, P(1), 10);
    must(bed.log.ops->follow(bed.log.self, STATE, P(1), EGW_LOG_BEGINNING, &error), &error);
    expect_tail(STATE, P(1), 0, 10);
    expect_tail_end(STATE, P(1), 10);
    fill(STATE, P(1), 4);
    expect_tail(STATE, P(1), 10, 14);
    expect_tail_end(STATE, P(1), 14);
}

static void an_empty_tail_ends_at_once(void **state)
{
    struct egw_error error;

    (void)state;
    must(bed.log.ops->follow(bed.log.self, STATE, P(0), EGW_LOG_BEGINNING, &error), &error);
    expect_tail_end(STATE, P(0), 0);
}

static void following_another_partition_disturbs_no_tail(void **state)
{
    struct egw_error error;

    (void)state;
    fill(STATE, P(0), 10);
    fill(STATE, P(1), 10);
    must(bed.log.ops->follow(bed.log.self, STATE, P(0), 2, &error), &error);
    expect_tail(STATE, P(0), 2, 10);
    must(bed.log.ops->follow(bed.log.self, STATE, P(1), 8, &error), &error);
    expect_tail(STATE, P(1), 8, 10);
    fill(STATE, P(0), 1);
    expect_tail(STATE, P(0), 10, 11);
}

static void an_unfollowed_tail_is_silent_and_can_be_followed_again(void **state)
{
    struct egw_error error;

    (void)state;
    fill(STATE, P(0), 30);
    must(bed.log.ops->follow(bed.log.self, STATE, P(0), 0, &error), &error);
    expect_tail(STATE, P(0), 0, 5);
    bed.log.ops->unfollow(bed.log.self, STATE, P(0));
    fill(STATE, P(0), 1);
    never(EGW_LOG_TAIL, 300);
    must(bed.log.ops->follow(bed.log.self, STATE, P(0), 20, &error), &error);
    expect_tail(STATE, P(0), 20, 31);
}

static void a_tail_past_the_log_is_broken(void **state)
{
    struct egw_error error;
    struct egw_log_event *event;

    (void)state;
    must(bed.log.ops->follow(bed.log.self, STATE, P(0), 77, &error), &error);
    event = await(EGW_LOG_BROKEN);
    assert_int_equal(STATE, event->topic);
    assert_int_equal(P(0), event->partition);
}

static void a_partition_that_is_not_there_cannot_be_followed(void **state)
{
    struct egw_error error;

    (void)state;
    assert_int_equal(EGW_INVALID, bed.log.ops->follow(bed.log.self, STATE, PARTITIONS, 0, &error));
    assert_string_equal("topic 2 partition 96 cannot be followed", error.text);
}

/* ---- waiting ---- */

static void wake_ends_a_wait(void **state)
{
    int64_t since;

    (void)state;
    never(EGW_LOG_INPUT, 200);
    egw_kafka_log_wake(&bed.log);
    since = egw_kafka_mono_ms();
    bed.log.ops->wait(bed.log.self, 10000);
    assert_true(egw_kafka_mono_ms() - since < 5000);
}

static void wait_does_not_sleep_over_an_event_that_is_there(void **state)
{
    struct egw_log_job job = {.kind = EGW_LOG_LOOKUP};
    int64_t since = egw_kafka_mono_ms();

    (void)state;
    bed.log.ops->job(bed.log.self, &job);
    do {
        bed.log.ops->wait(bed.log.self, 10000);
        bed.log.ops->poll(bed.log.self, &bed.event);
    } while (bed.event.kind != EGW_LOG_DONE);
    assert_true(egw_kafka_mono_ms() - since < 5000);
}

/* ---- transactions ---- */

static void begin_before_init_is_refused(void **state)
{
    struct egw_error error;

    (void)state;
    assert_int_equal(EGW_FATAL, bed.log.ops->begin(bed.log.self, &error));
    assert_string_equal("no producer: INIT comes first", error.text);
}

static void a_committed_transaction_is_readable_in_order_per_partition(void **state)
{
    enum {
        N = 6000,
        APART = 500
    }; /* more than one call of the library takes; some go by themselves */
    static const struct egw_log_header header = {"egw-why", EGW_STR("bad")};
    struct egw_log_out *outs = calloc(N, sizeof(*outs));
    char(*values)[16] = calloc(N, sizeof(*values));
    struct egw_log_job job = commit_job();
    struct egw_error error;
    int next[SPREAD] = {0, 1, 2};

    (void)state;
    for (int i = 0; i < N; i++) {
        (void)snprintf(values[i], sizeof(values[i]), "%d", i);
        outs[i] = (struct egw_log_out){
            .topic = OUT,
            .partition = P(i % SPREAD),
            .value = egw_str_of(values[i]),
            .headers = &header,
            .header_count = i % APART == 0,
        };
    }
    begin();
    must(produce(outs, N, &error), &error);
    must(run_job(&job), &job.error);
    assert_false(job.doubtful);
    for (int32_t p = 0; p < SPREAD; p++)
        must(bed.log.ops->follow(bed.log.self, OUT, P(p), 0, &error), &error);
    for (int i = 0; i < N; i++) {
        const struct egw_log_record *record = &await(EGW_LOG_TAIL)->record;
        char expected[16];

        (void)snprintf(expected, sizeof(expected), "%d", next[record->partition - P(0)]);
        assert_true(egw_str_is(record->value, expected));
        next[record->partition - P(0)] += SPREAD;
    }
    free(outs);
    free(values);
}

static void headers_tombstones_and_absent_keys_survive(void **state)
{
    const struct egw_log_header headers[] = {{"traceparent", EGW_STR("00-aa-bb-01")},
                                             {"egw-why", EGW_STR("bad")}};
    const struct egw_log_out outs[] = {
        {.topic = OUT, .partition = P(0), .key = EGW_STR("a"), .value = EGW_STR("1")},
        {.topic = OUT,
         .partition = P(0),
         .key = EGW_STR("b"),
         .value = EGW_STR("2"),
         .headers = headers,
         .header_count = 2},
        {.topic = OUT, .partition = P(0), .key = EGW_STR("c")},
        {.topic = OUT, .partition = P(0), .value = EGW_STR("")},
    };
    struct egw_log_job job = commit_job();
    const struct egw_log_record *record;
    struct egw_error error;

    (void)state;
    begin();
    must(produce(outs, EGW_COUNT(outs), &error), &error);
    must(run_job(&job), &job.error);
    must(bed.log.ops->follow(bed.log.self, OUT, P(0), 0, &error), &error);
    record = &await(EGW_LOG_TAIL)->record;
    assert_true(egw_str_is(record->key, "a"));
    assert_null(record->traceparent.p);
    record = &await(EGW_LOG_TAIL)->record;
    assert_true(egw_str_is(record->key, "b"));
    assert_true(egw_str_is(record->traceparent, "00-aa-bb-01"));
    record = &await(EGW_LOG_TAIL)->record;
    assert_true(egw_str_is(record->key, "c"));
    assert_null(record->value.p);
    record = &await(EGW_LOG_TAIL)->record;
    assert_null(record->key.p);
    assert_non_null(record->value.p);
    assert_int_equal(0, record->value.n);
}

static void a_record_for_a_partition_that_is_not_there_is_refused(void **state)
{
    const struct egw_log_out out = {.topic = OUT, .partition = PARTITIONS, .value = EGW_STR("v")};
    struct egw_error error;

    (void)state;
    begin();
    assert_int_equal(EGW_INVALID, produce(&out, 1, &error));
    assert_string_equal("record for out/96, which has 96 partitions", error.text);
}

static void an_aborted_transaction_makes_room_for_the_next(void **state)
{
    struct egw_log_job abort = {.kind = EGW_LOG_ABORT}, commit = commit_job();

    (void)state;
    begin();
    produce_one();
    must(run_job(&abort), &abort.error);
    begin();
    produce_one();
    must(run_job(&commit), &commit.error);
}

static void an_abort_of_nothing_is_fine(void **state)
{
    struct egw_log_job abort = {.kind = EGW_LOG_ABORT};

    (void)state;
    begin();
    must(run_job(&abort), &abort.error);
}

static void init_again_makes_a_working_producer(void **state)
{
    struct egw_log_job commit = commit_job();

    (void)state;
    begin();
    produce_one();
    run_init();
    begin();
    produce_one();
    must(run_job(&commit), &commit.error);
}

static void a_commit_under_an_unknown_generation_is_refused(void **state)
{
    struct egw_log_job job = commit_job();

    (void)state;
    begin();
    produce_one();
    job.generation = 7;
    assert_int_equal(EGW_ABORT, run_job(&job));
    assert_string_equal("generation 7 of the group is not known", job.error.text);
}

static void a_commit_without_offsets_is_refused(void **state)
{
    struct egw_log_job job = commit_job();

    (void)state;
    begin();
    produce_one();
    job.offset_count = 0;
    assert_int_equal(EGW_ABORT, run_job(&job));
    assert_string_equal("a transaction without offsets is not fenced", job.error.text);
}

static void a_look_up_knows_the_ends_of_the_log(void **state)
{
    struct egw_log_place places[] = {{.partition = P(0)}, {.partition = P(2)}};
    struct egw_log_job job = {.kind = EGW_LOG_LOOKUP, .places = places, .place_count = 2};

    (void)state;
    fill(EVENTS, P(0), 4);
    fill(INBOX, P(2), 3);
    fill(STATE, P(2), 9);
    must(run_job(&job), &job.error);
    assert_int_equal(-1, places[0].committed[EVENTS]);
    assert_int_equal(-1, places[1].committed[INBOX]);
    assert_int_equal(4, places[0].high[EVENTS]);
    assert_int_equal(0, places[0].high[INBOX]);
    assert_int_equal(3, places[1].high[INBOX]);
    assert_int_equal(0, places[1].low[INBOX]);
    assert_int_equal(0, places[0].state_end);
    assert_int_equal(9, places[1].state_end);
    assert_int_equal(0, places[1].state_low);
}

static void a_look_up_finds_leaders_that_have_moved(void **state)
{
    struct egw_log_place places[] = {{.partition = P(0)}};
    struct egw_log_job job = {.kind = EGW_LOG_LOOKUP, .places = places, .place_count = 1};
    enum egw_status st = EGW_RETRY;

    (void)state;
    fill(STATE, P(0), 5);
    must(run_job(&job), &job.error);
    for (int32_t broker = 1; broker <= 3; broker++) { /* one of them was the leader before */
        rd_kafka_mock_partition_set_leader(bed.mock->cluster, "state", P(0), broker);
        st = run_job(&job);
        for (int again = 0; again < 3 && st == EGW_RETRY; again++)
            st = run_job(&job);
        must(st, &job.error);
        assert_int_equal(5, places[0].state_end);
    }
}

int main(void)
{
#define WITH(open, test) cmocka_unit_test_setup_teardown(test, open, close_bed)
#define SHARED(test)     cmocka_unit_test_setup_teardown(test, open_shared, quiet_shared)
    const struct CMUnitTest alone[] = {
        WITH(open_bed, a_missing_topic_is_named),
        WITH(open_bed, another_partition_count_is_named_with_both_numbers),
        cmocka_unit_test(without_a_broker_the_caller_may_try_again),
        WITH(open_bed, a_question_is_asked_elsewhere_when_its_broker_goes),
        WITH(open_bed, an_assignment_names_common_partitions_and_nothing_flows_before_start),
        WITH(open_bed, a_slow_broker_right_after_an_assignment_costs_no_record),
        WITH(open_assigned, a_second_member_takes_over_what_is_released),
        WITH(open_bed, begin_before_init_is_refused),
    };
    const struct CMUnitTest shared[] = {
        SHARED(start_hands_out_each_input_from_its_offset_without_holes),
        SHARED(a_record_comes_whole),
        SHARED(start_again_rewinds_a_running_partition),
        SHARED(start_forward_hands_out_nothing_before_the_new_offset),
        SHARED(a_stopped_partition_is_silent_and_goes_on_where_start_says),
        SHARED(one_partition_runs_while_another_is_stopped),
        SHARED(a_partition_that_is_not_ours_cannot_start),
        SHARED(an_offset_past_the_log_breaks_only_that_partition),
        SHARED(a_tail_is_read_to_its_end_and_then_followed),
        SHARED(an_empty_tail_ends_at_once),
        SHARED(following_another_partition_disturbs_no_tail),
        SHARED(an_unfollowed_tail_is_silent_and_can_be_followed_again),
        SHARED(a_tail_past_the_log_is_broken),
        SHARED(a_partition_that_is_not_there_cannot_be_followed),
        SHARED(wake_ends_a_wait),
        SHARED(wait_does_not_sleep_over_an_event_that_is_there),
        SHARED(a_committed_transaction_is_readable_in_order_per_partition),
        SHARED(headers_tombstones_and_absent_keys_survive),
        SHARED(a_record_for_a_partition_that_is_not_there_is_refused),
        SHARED(an_aborted_transaction_makes_room_for_the_next),
        SHARED(an_abort_of_nothing_is_fine),
        SHARED(init_again_makes_a_working_producer),
        SHARED(a_commit_under_an_unknown_generation_is_refused),
        SHARED(a_commit_without_offsets_is_refused),
        SHARED(a_look_up_knows_the_ends_of_the_log),
        SHARED(a_look_up_finds_leaders_that_have_moved),
    };
    int failed = cmocka_run_group_tests(alone, NULL, NULL);

    return failed + cmocka_run_group_tests(shared, NULL, close_bed);
}
