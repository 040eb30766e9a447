/*
 * What commands do with Kafka, over the mock cluster.
 */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>

#include "../../gateway/edge/kafka_internal.h"

enum { PARTITIONS = 2, WAIT_MS = 20000, PRODUCE = 0, END_TXN = 26, INIT_PRODUCER = 22 };

static struct egw_kafka_mock *mock;
static struct egw_kafka *kafka;
static struct egw_settings settings;
static char topic[32];

static void must(enum egw_status st, const struct egw_error *error)
{
    if (st != EGW_OK)
        fail_msg("%s: %s", egw_status_name(st), error->text);
}

static int open_all(void **state)
{
    struct egw_error error;

    (void)state;
    must(egw_kafka_mock_new(&mock, &error), &error);
    settings.kafka.brokers = strdup(egw_kafka_mock_brokers(mock));
    settings.kafka.session_timeout_ms = 6000;
    settings.kafka.transaction_timeout_ms = 6000;
    must(egw_kafka_open(&settings, "egw-test", &kafka, &error), &error);
    return 0;
}

static int close_all(void **state)
{
    (void)state;
    egw_kafka_close(kafka);
    egw_kafka_mock_free(mock);
    free(settings.kafka.brokers);
    return 0;
}

/* A topic of its own for each test. */
static int new_topic(void **state)
{
    static int serial;
    struct egw_error error;

    (void)state;
    (void)snprintf(topic, sizeof(topic), "t%d", serial++);
    must(egw_kafka_mock_topic(mock, topic, PARTITIONS, &error), &error);
    return 0;
}

static void put(int32_t partition, const char *key, const char *value)
{
    struct egw_error error;

    must(egw_kafka_send(kafka, topic, partition, egw_str_of(key), egw_str_of(value), &error),
         &error);
}

static void flush(void)
{
    struct egw_error error;
    size_t failed = 99;

    must(egw_kafka_flush(kafka, WAIT_MS, &failed, &error), &error);
    assert_int_equal(0, failed);
}

static struct egw_kafka_reader *reader(int32_t partition, int64_t from)
{
    struct egw_kafka_reader *made = NULL;
    struct egw_error error;

    must(egw_kafka_reader_new(&settings, topic, partition, from, &made, &error), &error);
    return made;
}

static void expect_record(struct egw_kafka_reader *from, int32_t partition, int64_t offset,
                          const char *value)
{
    struct egw_log_record record;
    struct egw_error error;

    must(egw_kafka_reader_next(from, WAIT_MS, &record, &error), &error);
    assert_int_equal(0, record.topic);
    assert_int_equal(partition, record.partition);
    assert_int_equal(offset, record.offset);
    assert_true(egw_str_eq(egw_str_of(value), record.value));
}

static void expect_status(struct egw_kafka_reader *from, enum egw_status st, int64_t ms)
{
    struct egw_log_record record;
    struct egw_error error;

    assert_int_equal(st, egw_kafka_reader_next(from, ms, &record, &error));
}

static void what_was_sent_is_read_to_the_end_and_followed(void **state)
{
    struct egw_kafka_reader *from;

    (void)state;
    put(1, "k", "one");
    put(1, "k", NULL);
    flush();
    from = reader(1, EGW_LOG_BEGINNING);
    expect_record(from, 1, 0, "one");
    expect_record(from, 1, 1, NULL);
    expect_status(from, EGW_NOT_FOUND, WAIT_MS);
    expect_status(from, EGW_RETRY, 100);
    put(1, "k", "three");
    flush();
    expect_record(from, 1, 2, "three");
    expect_status(from, EGW_NOT_FOUND, WAIT_MS);
    egw_kafka_reader_free(from);
}

static void a_reader_starts_at_its_offset(void **state)
{
    struct egw_kafka_reader *from;

    (void)state;
    put(0, "k", "a");
    put(0, "k", "b");
    flush();
    from = reader(0, 1);
    expect_record(from, 0, 1, "b");
    egw_kafka_reader_free(from);
}

static void all_partitions_are_read_before_the_end_is_told(void **state)
{
    struct egw_kafka_reader *from;
    struct egw_log_record record;
    struct egw_error error;
    int seen = 0;
    enum egw_status st;

    (void)state;
    put(0, "k", "a");
    put(1, "k", "b");
    flush();
    from = reader(-1, EGW_LOG_BEGINNING);
    while ((st = egw_kafka_reader_next(from, WAIT_MS, &record, &error)) == EGW_OK)
        seen |= 1 << record.partition;
    assert_int_equal(EGW_NOT_FOUND, st);
    assert_int_equal(3, seen);
    egw_kafka_reader_free(from);
}

static void a_partition_that_is_not_there_cannot_be_read(void **state)
{
    struct egw_kafka_reader *from;
    struct egw_error error;
    char expected[128];

    (void)state;
    (void)snprintf(expected, sizeof(expected), "topic %s has 2 partitions, 2 is none of them",
                   topic);
    assert_int_equal(EGW_INVALID, egw_kafka_reader_new(&settings, topic, 2, 0, &from, &error));
    assert_string_equal(expected, error.text);
}

static void a_failed_delivery_is_counted_once_and_named(void **state)
{
    struct egw_error error;
    size_t failed = 0;
    char expected[128];

    (void)state;
    (void)snprintf(expected, sizeof(expected),
                   "%s/1: delivery failed: Broker: Topic authorization failed "
                   "(TOPIC_AUTHORIZATION_FAILED)",
                   topic);
    rd_kafka_mock_push_request_errors(mock->cluster, PRODUCE, 1,
                                      RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
    put(1, "k", "refused");
    assert_int_equal(EGW_DENIED, egw_kafka_flush(kafka, WAIT_MS, &failed, &error));
    assert_int_equal(1, failed);
    assert_string_equal(expected, error.text);
    flush();
}

static void ends_grow_with_what_is_sent(void **state)
{
    struct egw_error error;
    int64_t low = -1, high = -1;

    (void)state;
    must(egw_kafka_ends(kafka, topic, 0, &low, &high, &error), &error);
    assert_int_equal(0, low);
    assert_int_equal(0, high);
    put(0, "k", "v");
    put(0, "k", "v");
    flush();
    must(egw_kafka_ends(kafka, topic, 0, &low, &high, &error), &error);
    assert_int_equal(0, low);
    assert_int_equal(2, high);
}

static void partitions_are_counted(void **state)
{
    struct egw_error error;
    int32_t count = 0;

    (void)state;
    must(egw_kafka_partitions(kafka, topic, &count, &error), &error);
    assert_int_equal(PARTITIONS, count);
}

static void a_missing_topic_is_not_found(void **state)
{
    struct egw_error error;
    int32_t count;
    char expected[128];

    (void)state;
    (void)snprintf(expected, sizeof(expected), "topic %s is not there; run egw init", topic);
    rd_kafka_mock_topic_set_error(mock->cluster, topic, RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
    assert_int_equal(EGW_NOT_FOUND, egw_kafka_partitions(kafka, topic, &count, &error));
    assert_string_equal(expected, error.text);
}

static void a_topic_that_is_there_is_not_made_again(void **state)
{
    const struct egw_kafka_topic wanted = {.name = topic, .partitions = 2, .replication = 1};
    struct egw_error error;
    bool created = true;

    (void)state;
    must(egw_kafka_create(kafka, &wanted, 1, &created, &error), &error);
    assert_false(created);
}

static void a_topic_with_another_count_is_named(void **state)
{
    const struct egw_kafka_topic wanted = {.name = topic, .partitions = 5, .replication = 1};
    struct egw_error error;
    bool created;
    char expected[128];

    (void)state;
    (void)snprintf(expected, sizeof(expected), "topic %s has 2 partitions, not 5", topic);
    assert_int_equal(EGW_INVALID, egw_kafka_create(kafka, &wanted, 1, &created, &error));
    assert_string_equal(expected, error.text);
}

static void a_group_without_commits_has_none(void **state)
{
    struct egw_error error;
    int64_t committed = 7;

    (void)state;
    must(egw_kafka_committed(kafka, "nobody", topic, 0, &committed, &error), &error);
    assert_int_equal(-1, committed);
}

/* The header of the record read last. */
static void expect_retry(const struct egw_kafka_reader *from, const char *value)
{
    struct egw_str got = egw_kafka_reader_header(from, EGW_RETRY_HEADER);

    assert_true(value ? egw_str_is(got, value) : !got.p);
}

static void a_transaction_writes_all_its_records(void **state)
{
    const struct egw_kafka_write writes[] = {
        {topic, 0, EGW_STR("a"), EGW_STR("1"), EGW_STR("events/0/7 3 alice")},
        {topic, 0, EGW_STR("b"), EGW_STR("2"), EGW_STR_NONE},
        {topic, 1, EGW_STR("c"), EGW_STR_NONE, EGW_STR_NONE},
    };
    struct egw_kafka_reader *from;
    struct egw_error error;

    (void)state;
    must(egw_kafka_transaction(&settings, "egw-op", writes, EGW_COUNT(writes), &error), &error);
    from = reader(0, 0);
    expect_record(from, 0, 0, "1");
    expect_retry(from, "events/0/7 3 alice");
    expect_record(from, 0, 1, "2");
    expect_retry(from, NULL);
    egw_kafka_reader_free(from);
    from = reader(1, 0);
    expect_record(from, 1, 0, NULL);
    egw_kafka_reader_free(from);
}

static void a_transaction_says_why_it_failed(void **state)
{
    static const struct {
        int16_t api;
        rd_kafka_resp_err_t code;
        enum egw_status st;
    } cases[] = {
        {INIT_PRODUCER, RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED, EGW_DENIED},
        {END_TXN, RD_KAFKA_RESP_ERR_PRODUCER_FENCED, EGW_FATAL},
        {PRODUCE, RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, EGW_ABORT},
    };
    const struct egw_kafka_write write = {
        .topic = topic, .key = EGW_STR("a"), .value = EGW_STR("1")};

    (void)state;
    for (size_t i = 0; i < EGW_COUNT(cases); i++) {
        struct egw_error error = {0};

        rd_kafka_mock_push_request_errors(mock->cluster, cases[i].api, 1, cases[i].code);
        assert_int_equal(cases[i].st,
                         egw_kafka_transaction(&settings, "egw-op", &write, 1, &error));
        assert_int_equal(cases[i].st, error.status);
        rd_kafka_mock_clear_request_errors(mock->cluster, cases[i].api);
    }
}

int main(void)
{
#define WITH(test) cmocka_unit_test_setup(test, new_topic)
    const struct CMUnitTest tests[] = {
        WITH(what_was_sent_is_read_to_the_end_and_followed),
        WITH(a_reader_starts_at_its_offset),
        WITH(all_partitions_are_read_before_the_end_is_told),
        WITH(a_partition_that_is_not_there_cannot_be_read),
        WITH(a_failed_delivery_is_counted_once_and_named),
        WITH(ends_grow_with_what_is_sent),
        WITH(partitions_are_counted),
        WITH(a_missing_topic_is_not_found),
        WITH(a_topic_that_is_there_is_not_made_again),
        WITH(a_topic_with_another_count_is_named),
        WITH(a_group_without_commits_has_none),
        WITH(a_transaction_writes_all_its_records),
        WITH(a_transaction_says_why_it_failed),
    };

    return cmocka_run_group_tests(tests, open_all, close_all);
}
