/* Closing the log while nobody answers, by the mock cluster: in time, whatever is under way. */
#include "bed.h"

/* librdkafka 2.0.2 forgets a request for the group's coordinator that it holds back while the
 * handle is destroyed, now and then; these tests end handles in the middle of everything. What we
 * forget ourselves, other tests find. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:librdkafka.so\n";
}

/* The transaction's coordinator is the broker that delay() is about. */
static void commit_there(void)
{
    struct egw_log_job job = commit_job();

    (void)rd_kafka_mock_coordinator_set(bed.mock->cluster, "transaction", bed.group, 1);
    begin();
    produce_one();
    must(run_job(&job), &job.error);
    if (job.doubtful)
        run_init();
}

enum { SLACK_MS = 1500 }; /* of a busy machine */

static void close_in_time(void)
{
    const int64_t deadline_ms = 2500;
    int64_t since = egw_kafka_mono_ms();

    (void)egw_kafka_log_close(&bed.log, deadline_ms);
    assert_true(egw_kafka_mono_ms() - since < deadline_ms + SLACK_MS);
}

static void b18_closing_a_member_ends_in_time_without_a_broker(void **state)
{
    (void)state;
    brokers_go();
    close_in_time();
}

static void b18_closing_an_open_transaction_ends_in_time_without_a_broker(void **state)
{
    (void)state;
    begin();
    produce_one();
    brokers_go();
    close_in_time();
}

static void b18_closing_while_a_commit_is_under_way_ends_in_time_without_a_broker(void **state)
{
    static struct egw_log_job job; /* the helper may outlive the test */

    (void)state;
    begin();
    produce_one();
    brokers_go();
    job = commit_job();
    bed.log.ops->job(bed.log.self, &job);
    never(EGW_LOG_DONE, 300);
    close_in_time();
}

/* The library may fail an assertion when it is torn down in there. */
static void b18_closing_waits_for_partitions_that_are_being_registered(void **state)
{
    int64_t since;

    (void)state;
    commit_there();
    begin();
    delay(ADD_PARTITIONS, 500);
    since = egw_kafka_mono_ms();
    produce_one();
    assert_true(egw_kafka_log_close(&bed.log, WAIT_MS));
    assert_true(egw_kafka_mono_ms() - since >= 400);
}

static void b18_what_cannot_be_waited_for_is_left_behind_in_time(void **state)
{
    const int64_t deadline_ms = 1000;
    int64_t since;

    (void)state;
    commit_there();
    begin();
    delay(ADD_PARTITIONS, 60000);
    produce_one();
    since = egw_kafka_mono_ms();
    assert_false(egw_kafka_log_close(&bed.log, deadline_ms));
    assert_true(egw_kafka_mono_ms() - since < deadline_ms + SLACK_MS);
}

int main(void)
{
#define WITH(open, test) cmocka_unit_test_setup_teardown(test, open, close_bed)
    const struct CMUnitTest tests[] = {
        WITH(open_assigned, b18_closing_a_member_ends_in_time_without_a_broker),
        WITH(open_both, b18_closing_an_open_transaction_ends_in_time_without_a_broker),
        WITH(open_both, b18_closing_while_a_commit_is_under_way_ends_in_time_without_a_broker),
        WITH(open_both, b18_closing_waits_for_partitions_that_are_being_registered),
        WITH(open_both, b18_what_cannot_be_waited_for_is_left_behind_in_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
