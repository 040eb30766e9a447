/*
 * bed - the log port over librdkafka's mock cluster, for tests of the Kafka edge
 *
 * The mock keeps no transactional offsets and hides no aborted record: isolation and fencing are
 * shown on a real broker, not here.
 */
#ifndef EGW_TEST_BED_H
#define EGW_TEST_BED_H

#include "support.h"

#include "../../gateway/edge/kafka_internal.h"

enum { BROKERS = 3, PARTITIONS = 96, SPREAD = 3, WAIT_MS = 20000, TURN_MS = 50 };
enum { EVENTS, INBOX, STATE, OUT, TOPICS };
/* Requests, by their numbers in the protocol. */
enum { PRODUCE = 0, ADD_PARTITIONS = 24, ADD_OFFSETS = 25, END_TXN = 26, TXN_OFFSETS = 28 };
enum { HEARTBEAT = 12, INIT_PRODUCER = 22 };

/* A mock cluster and a log on it. The mock's first join takes 3 s: tests that leave the membership
 * as it is share one, each with partitions of its own. */
struct bed {
    struct egw_kafka_mock *mock;
    struct egw_settings settings;
    struct egw_kafka *writer;
    struct egw_log log;
    struct egw_log_event event;
    int64_t generation;
    char group[32];
    int32_t base; /* first of the partitions that are this test's */
};

extern struct bed bed;

/* The k-th of the SPREAD partitions that are this test's. */
int32_t P(int32_t k);
struct egw_kafka_log_conf log_conf(void);
/* Fails with the error's text. */
void must(enum egw_status st, const struct egw_error *error);
/* Polls until an event of this kind; others are skipped. */
struct egw_log_event *await(enum egw_log_event_kind kind);
/* Polls for so long; fails on an event of this kind. */
void never(enum egw_log_event_kind kind, int64_t ms);
enum egw_status run_job(struct egw_log_job *job);
void run_init(void);
/* n committed records. */
void fill(int topic, int32_t partition, int n);
/* Opened; a member that has joined; and with a producer; one of many tests on one membership. */
int open_bed(void **state);
int open_assigned(void **state);
int open_shared(void **state);
int quiet_shared(void **state);
int close_bed(void **state);
void begin(void);
/* Also over a full queue. */
enum egw_status produce(const struct egw_log_out *outs, size_t n, struct egw_error *reterr);
/* Into a partition that no test reads. */
void produce_one(void);
struct egw_log_job commit_job(void);
int open_both(void **state);
void brokers_go(void);
void brokers_come(void);
/* The next request of this kind is answered so much later. The first broker is to get it. */
void delay(int16_t api, int ms);

#endif
