/*
 * What the broker may answer, given by the mock cluster in turn: the class each error gets on its
 * way through librdkafka, and that work goes on after it. A test's name begins with the row of
 * docs/errors.md it reaches.
 */
#include "bed.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- one transaction each ---- */

static const struct script {
    const char *name;
    int16_t api;
    size_t times;
    rd_kafka_resp_err_t code;
    enum egw_status result;
    enum egw_status cause; /* asserted when result is EGW_ABORT */
    bool doubtful;         /* asserted when result is EGW_OK */
} scripts[] = {
    {"a03_the_reply_to_a_commit_is_lost", END_TXN, 1, RD_KAFKA_RESP_ERR__TRANSPORT, EGW_OK, EGW_OK,
     true},
    {"a04_the_request_to_commit_is_lost", END_TXN, 3, RD_KAFKA_RESP_ERR__TRANSPORT, EGW_OK, EGW_OK,
     true},
    {"a04_the_connection_breaks_while_records_go", PRODUCE, 1, RD_KAFKA_RESP_ERR__TRANSPORT, EGW_OK,
     EGW_OK, true},
    {"a06_the_transaction_has_timed_out", END_TXN, 1, RD_KAFKA_RESP_ERR_INVALID_TXN_STATE,
     EGW_FATAL, EGW_OK, false},
    {"a06_records_of_a_transaction_that_has_timed_out", PRODUCE, 1,
     RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER, EGW_FATAL, EGW_OK, false},
    {"a08_the_producer_is_fenced", END_TXN, 1, RD_KAFKA_RESP_ERR_PRODUCER_FENCED, EGW_FATAL, EGW_OK,
     false},
    {"a08_the_epoch_is_old", END_TXN, 1, RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH, EGW_FATAL,
     EGW_OK, false},
    {"a09_the_producer_id_has_expired", ADD_PARTITIONS, 1,
     RD_KAFKA_RESP_ERR_INVALID_PRODUCER_ID_MAPPING, EGW_ABORT, EGW_ABORT, false},
    {"a10_the_generation_has_moved_on", TXN_OFFSETS, 1, RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION,
     EGW_ABORT, EGW_ABORT, false},
    {"a10_the_member_is_not_known", TXN_OFFSETS, 1, RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID, EGW_ABORT,
     EGW_ABORT, false},
    {"a11_another_process_has_our_name", TXN_OFFSETS, 1, RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID,
     EGW_ABORT, EGW_ABORT, false},
    {"a13_the_coordinator_loads", END_TXN, 2, RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS,
     EGW_OK, EGW_OK, false},
    {"a13_the_coordinator_has_moved", ADD_OFFSETS, 2, RD_KAFKA_RESP_ERR_NOT_COORDINATOR, EGW_OK,
     EGW_OK, false},
    {"a14_the_transaction_before_still_ends", ADD_PARTITIONS, 2,
     RD_KAFKA_RESP_ERR_CONCURRENT_TRANSACTIONS, EGW_OK, EGW_OK, false},
    {"a15_a_record_is_too_large_for_the_broker", PRODUCE, 1, RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE,
     EGW_ABORT, EGW_INVALID, false},
    {"a15_a_request_is_larger_than_a_segment", PRODUCE, 1, RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE,
     EGW_ABORT, EGW_INVALID, false},
    {"a17_a_topic_is_not_allowed", ADD_PARTITIONS, 1, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED,
     EGW_ABORT, EGW_DENIED, false},
    {"a17_a_topic_is_not_allowed_any_more", PRODUCE, 1,
     RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, EGW_ABORT, EGW_DENIED, false},
    {"a17_the_group_is_not_allowed", ADD_OFFSETS, 1, RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED,
     EGW_ABORT, EGW_DENIED, false},
    {"a17_the_group_is_not_allowed_any_more", TXN_OFFSETS, 1,
     RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED, EGW_ABORT, EGW_DENIED, false},
    {"a18_the_transactional_id_is_not_allowed_any_more", END_TXN, 1,
     RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED, EGW_DENIED, EGW_OK, false},
    {"a17_the_cluster_is_not_allowed_any_more", PRODUCE, 1,
     RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED, EGW_ABORT, EGW_DENIED, false},
    {"a19_too_few_replicas", PRODUCE, 2, RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS, EGW_OK, EGW_OK,
     false},
    {"a19_the_leader_has_moved", PRODUCE, 2, RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION, EGW_OK,
     EGW_OK, false},
    {"a19_the_disk_of_the_leader_fails", PRODUCE, 2, RD_KAFKA_RESP_ERR_KAFKA_STORAGE_ERROR, EGW_OK,
     EGW_OK, false},
};

/* What the runtime does for each class. */
static void heal(const struct egw_log_job *ended)
{
    struct egw_log_job job = {.kind = EGW_LOG_ABORT};
    struct egw_error error;

    if (ended->result == EGW_ABORT && run_job(&job) == EGW_OK && !job.doubtful)
        return;
    if (ended->result != EGW_OK &&
        ended->result != EGW_ABORT) /* A23: the library would hang in there */
        assert_int_equal(EGW_FATAL, bed.log.ops->begin(bed.log.self, &error));
    if (ended->result != EGW_OK || ended->doubtful)
        run_init();
}

/* One transaction; a produce that says "abort" is its end. */
static struct egw_log_job transact(void)
{
    const struct egw_log_out out = {
        .topic = OUT, .partition = P(0) + 1, .key = EGW_STR("k"), .value = EGW_STR("v")};
    struct egw_log_job job = commit_job();

    begin();
    job.result = produce(&out, 1, &job.error);
    if (job.result == EGW_OK)
        (void)run_job(&job);
    return job;
}

/* Not always the next: after a refused record the library has a gap in its numbers, which costs one
 * more abort; a topic refused stays so until the library asks again. */
static void commits_again(void)
{
    int64_t until = egw_kafka_mono_ms() + WAIT_MS;
    struct egw_log_job job = transact();

    while (job.result != EGW_OK && egw_kafka_mono_ms() < until) {
        heal(&job);
        never(EGW_LOG_DONE, 100);
        job = transact();
    }
    must(job.result, &job.error);
    if (job.doubtful)
        run_init();
}

static const char *limit_named(rd_kafka_resp_err_t code)
{
    return code == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE ? "the topic's max.message.bytes"
                                                        : "the topic's segment.bytes";
}

static void reach(void **state)
{
    const struct script *script = *state;
    struct egw_log_job job;

    for (size_t i = 0; i < script->times; i++)
        rd_kafka_mock_push_request_errors(bed.mock->cluster, script->api, 1, script->code);
    job = transact();
    rd_kafka_mock_clear_request_errors(bed.mock->cluster, script->api);
    if (job.result != script->result)
        fail_msg("%s: %s", egw_status_name(job.result), job.error.text);
    if (job.result == EGW_OK)
        assert_int_equal(script->doubtful, job.doubtful);
    if (job.result == EGW_ABORT && job.error.status != script->cause)
        fail_msg("cause %s: %s", egw_status_name(job.error.status), job.error.text);
    if (job.error.status == EGW_INVALID && !strstr(job.error.text, limit_named(script->code)))
        fail_msg("it names no limit: %s", job.error.text);
    assert_true(job.result == EGW_OK ? job.error.text[0] == '\0' : job.error.text[0] != '\0');
    heal(&job);
    commits_again();
}

/* ---- the producer ---- */

static void a07_an_abort_waits_for_records_under_way(void **state)
{
    struct egw_log_job job = {.kind = EGW_LOG_ABORT};
    int64_t since;

    (void)state;
    (void)rd_kafka_mock_partition_set_leader(bed.mock->cluster, "out", P(0) + 1, 1);
    commits_again(); /* there */
    begin();
    delay(PRODUCE, 1000);
    since = egw_kafka_mono_ms();
    produce_one();
    must(run_job(&job), &job.error);
    assert_true(egw_kafka_mono_ms() - since >= 900);
    assert_false(job.doubtful);
    commits_again();
}

/* The answer comes when the next transaction would have begun. */
static void a07_an_abort_that_could_not_wait_is_doubtful(void **state)
{
    struct egw_log_job job = {.kind = EGW_LOG_ABORT};

    (void)state;
    (void)rd_kafka_mock_partition_set_leader(bed.mock->cluster, "out", P(0) + 1, 1);
    commits_again(); /* there */
    begin();
    delay(PRODUCE, 4500);
    produce_one();
    must(run_job(&job), &job.error);
    assert_true(job.doubtful);
    run_init();
    commits_again();
}

static void a12_a_commit_under_an_unknown_generation_is_refused_here(void **state)
{
    struct egw_log_job job = commit_job();

    (void)state;
    begin();
    produce_one();
    job.generation = bed.generation + 7;
    assert_int_equal(EGW_ABORT, run_job(&job));
    assert_non_null(strstr(job.error.text, "of the group is not known"));
    heal(&job);
    commits_again();
}

static void a18_init_is_denied_when_the_id_or_the_cluster_is_not_allowed(void **state)
{
    static const rd_kafka_resp_err_t codes[] = {
        RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
        RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED};

    (void)state;
    for (size_t i = 0; i < EGW_COUNT(codes); i++) {
        struct egw_log_job job = {.kind = EGW_LOG_INIT};

        rd_kafka_mock_push_request_errors(bed.mock->cluster, INIT_PRODUCER, 1, codes[i]);
        assert_int_equal(EGW_DENIED, run_job(&job));
        run_init();
        commits_again();
    }
}

/* More than the queue holds while no broker takes any; the rest while they take the first. */
static void a20_a_full_queue_asks_to_come_again_and_loses_and_changes_nothing(void **state)
{
    enum { N = 260000 };
    struct egw_log_out *outs = calloc(N, sizeof(*outs));
    uint32_t *numbers = calloc(N, sizeof(*numbers));
    struct egw_log_job job = commit_job();
    struct egw_error error;
    size_t done = 0, went, full = 0;
    enum egw_status st;

    (void)state;
    assert_non_null(outs);
    assert_non_null(numbers);
    for (uint32_t i = 0; i < N; i++) {
        numbers[i] = i;
        outs[i] = (struct egw_log_out){
            .topic = OUT, .partition = P(0), .value = {(char *)&numbers[i], sizeof(numbers[i])}};
    }
    begin();
    brokers_go();
    st = bed.log.ops->produce(bed.log.self, outs, N, &done, &error);
    assert_int_equal(EGW_RETRY, st);
    assert_string_equal("the producer's queue is full", error.text);
    brokers_come();
    for (int64_t until = egw_kafka_mono_ms() + WAIT_MS; done < N; done += went) {
        st = bed.log.ops->produce(bed.log.self, outs + done, N - done, &went, &error);
        if (st != EGW_OK && st != EGW_RETRY)
            fail_msg("%s", error.text);
        full += st == EGW_RETRY;
        assert_true(egw_kafka_mono_ms() < until);
    }
    assert_true(full > 0); /* again while some went: the sheet goes on in the middle */
    must(run_job(&job), &job.error);
    must(bed.log.ops->follow(bed.log.self, OUT, P(0), 0, &error), &error);
    for (uint32_t i = 0; i < N; i++) {
        const struct egw_str value = await(EGW_LOG_TAIL)->record.value;

        assert_int_equal(sizeof(numbers[i]), value.n);
        assert_memory_equal(value.p, &numbers[i], sizeof(numbers[i]));
    }
    assert_int_equal(N, await(EGW_LOG_TAIL_END)->offset);
    free(numbers);
    free(outs);
    bed.log.ops->unfollow(bed.log.self, OUT, P(0));
    run_init();
}

static void a23_begin_after_a_fatal_error_is_refused_and_does_not_hang(void **state)
{
    struct egw_log_job job = commit_job();
    struct egw_error error;
    int64_t since;

    (void)state;
    begin();
    rd_kafka_mock_push_request_errors(bed.mock->cluster, END_TXN, 1,
                                      RD_KAFKA_RESP_ERR_PRODUCER_FENCED);
    produce_one();
    assert_int_equal(EGW_FATAL, run_job(&job));
    since = egw_kafka_mono_ms();
    assert_int_equal(EGW_FATAL, bed.log.ops->begin(bed.log.self, &error));
    assert_string_equal("begin on a producer that met a fatal error", error.text);
    assert_true(egw_kafka_mono_ms() - since < 1000);
    run_init();
    commits_again();
}

static void a16_a_topic_that_is_gone_is_the_cause_of_the_abort(void **state)
{
    struct egw_log_job job;

    (void)state;
    rd_kafka_mock_topic_set_error(bed.mock->cluster, "out",
                                  RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
    for (int i = 0; i < 1000; i++) /* as often as it is asked until the record times out */
        rd_kafka_mock_push_request_errors(bed.mock->cluster, PRODUCE, 1,
                                          RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
    job = transact();
    assert_int_equal(EGW_ABORT, job.result);
    assert_string_equal("topic out is not there; run egw init", job.error.text);
    assert_int_equal(EGW_NOT_FOUND, job.error.status);
    heal(&job);
    rd_kafka_mock_topic_set_error(bed.mock->cluster, "out", RD_KAFKA_RESP_ERR_NO_ERROR);
    rd_kafka_mock_clear_request_errors(bed.mock->cluster, PRODUCE);
    commits_again();
}

/* ---- the group ---- */

static void a11_a_member_whose_name_another_took_is_told_so(void **state)
{
    const struct egw_log_event *event;

    (void)state;
    rd_kafka_mock_push_request_errors(bed.mock->cluster, HEARTBEAT, 1,
                                      RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID);
    event = await(EGW_LOG_FAILED);
    assert_int_equal(EGW_FENCED, event->error.status);
    assert_non_null(strstr(event->error.text, "group membership failed: "));
}

/* ---- brokers that are away ---- */

static void b16_brokers_that_are_away_are_waited_for(void **state)
{
    struct egw_log_place place = {.partition = P(0)};
    struct egw_log_job lookup = {.kind = EGW_LOG_LOOKUP, .places = &place, .place_count = 1};
    struct egw_log_job job = commit_job();

    (void)state;
    begin();
    produce_one();
    brokers_go();
    bed.log.ops->job(bed.log.self, &job);
    never(EGW_LOG_DONE, 1500);
    brokers_come();
    (void)await(EGW_LOG_DONE);
    must(job.result, &job.error);
    assert_true(job.doubtful);
    run_init();
    must(run_job(&lookup), &lookup.error);
}

/* It takes the request and says nothing: socket.timeout.ms ends that, and the next try counts. */
static void b17_a_broker_that_never_answers_is_given_up_and_asked_again(void **state)
{
    struct egw_log_job job = commit_job();
    int64_t since;

    (void)state;
    (void)rd_kafka_mock_coordinator_set(bed.mock->cluster, "transaction", bed.group, 1);
    commits_again(); /* there */
    begin();
    produce_one();
    delay(END_TXN, 60000);
    since = egw_kafka_mono_ms();
    must(run_job(&job), &job.error);
    assert_true(job.doubtful);
    assert_true(egw_kafka_mono_ms() - since <
                2 * egw_kafka_socket_timeout_ms(&bed.settings) + 2000);
    run_init();
    commits_again();
}

int main(void)
{
#define WITH(open, test) cmocka_unit_test_setup_teardown(test, open, close_bed)
#define SHARED(test)     cmocka_unit_test_setup_teardown(test, open_shared, quiet_shared)
    const struct CMUnitTest alone[] = {
        WITH(open_both, a16_a_topic_that_is_gone_is_the_cause_of_the_abort),
        WITH(open_assigned, a11_a_member_whose_name_another_took_is_told_so),
    };
    const struct CMUnitTest shared[] = {
        SHARED(a07_an_abort_waits_for_records_under_way),
        SHARED(a07_an_abort_that_could_not_wait_is_doubtful),
        SHARED(a12_a_commit_under_an_unknown_generation_is_refused_here),
        SHARED(a18_init_is_denied_when_the_id_or_the_cluster_is_not_allowed),
        SHARED(a20_a_full_queue_asks_to_come_again_and_loses_and_changes_nothing),
        SHARED(a23_begin_after_a_fatal_error_is_refused_and_does_not_hang),
        SHARED(b16_brokers_that_are_away_are_waited_for),
        SHARED(b17_a_broker_that_never_answers_is_given_up_and_asked_again),
    };
    struct CMUnitTest each[EGW_COUNT(scripts)];
    int failed = cmocka_run_group_tests(alone, NULL, NULL);

    for (size_t i = 0; i < EGW_COUNT(scripts); i++)
        each[i] = (struct CMUnitTest){
            .name = scripts[i].name, .test_func = reach, .initial_state = (void *)&scripts[i]};
    failed += cmocka_run_group_tests(shared, NULL, close_bed);
    failed += open_both(NULL) ? 1 : cmocka_run_group_tests(each, NULL, close_bed);
    return failed;
}
