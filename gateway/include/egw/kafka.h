/*
 * kafka - librdkafka's edges: connections from settings, the log port, an admin, a plain reader and
 * writer for commands
 *
 * Each foreign error is translated once (from_kafka in kafka_error.c). Properties come from
 * settings by an allow-list; what egw needs for exactly-once cannot be overridden. kafka_conf.c is
 * the only file that touches rd_kafka_conf_t.
 */
#ifndef EGW_KAFKA_H
#define EGW_KAFKA_H

#include "egw/buf.h"
#include "egw/codec.h"
#include "egw/log.h"
#include "egw/settings.h"

/* Faults of the kafka part of the settings that need no broker: property names against the
 * allow-list (K5), plaintext only to loopback (K1), verification not switched off (K2). */
void egw_kafka_check(const struct egw_settings *settings, struct egw_faults *faults);

/* ---- the log port ---- */

/* Everything it points to outlives the log: an INIT job makes a new producer from it. */
struct egw_kafka_log_conf {
    const struct egw_settings *settings;
    const char *const *topics; /* table of names; the port speaks of indices in it */
    size_t topic_count;
    size_t input_count; /* topics[0 .. input_count-1] are the inputs */
    int state_topic;    /* index in topics */
    const char *group;
    const char *instance;    /* "egw-triage-003": group instance id and transactional id */
    int32_t partition_count; /* what inputs and state must have */
    const int32_t *counts;   /* what each topic of the table must have; NULL: no matter */
};

/* Connects, checks that the topics exist with the right partition counts. EGW_OK; EGW_INVALID
 * (names the topic and both counts), EGW_NOT_FOUND (topics missing: run egw init), EGW_RETRY (no
 * broker answered in time), EGW_NOMEM. */
enum egw_status egw_kafka_log_new(const struct egw_kafka_log_conf *conf, struct egw_log *ret,
                                  struct egw_error *reterr) EGW_MUST_CHECK;
/* Close in order, each step with a deadline; past it the process may _exit (rules page, 24).
 * False: a step did not end in time. */
bool egw_kafka_log_close(struct egw_log *log, int64_t deadline_ms);
/* Whether since the last call no broker was connected any more, and why. Work goes on by itself;
 * but nothing else tells of it before the session ends. */
bool egw_kafka_log_silence(struct egw_log *log, struct egw_error *ret);
/* Reads kafka.password_file anew, for connections made from now on. EGW_DENIED: it may not be used,
 * and the password stays what it was. */
enum egw_status egw_kafka_log_login(struct egw_log *log, struct egw_error *reterr) EGW_MUST_CHECK;
/* Readable when wait() would return early for a signal: signals the owner wants to end a wait. */
void egw_kafka_log_wake(struct egw_log *log);

/* ---- commands: admin ---- */

struct egw_kafka; /* one connection for commands: a producer handle for admin and writing */

enum egw_status egw_kafka_open(const struct egw_settings *settings, const char *client_id,
                               struct egw_kafka **ret, struct egw_error *reterr) EGW_MUST_CHECK;
void egw_kafka_close(struct egw_kafka *kafka);

struct egw_kafka_topic {
    const char *name;
    int32_t partitions;
    int32_t replication;
    const struct egw_property *settings; /* retention.ms, cleanup.policy, ... */
    size_t setting_count;
};
/* ret_created[i]: made now; false: was there with the same partition count. EGW_INVALID names a
 * topic with another count. */
enum egw_status egw_kafka_create(struct egw_kafka *kafka, const struct egw_kafka_topic *topics,
                                 size_t n, bool *ret_created,
                                 struct egw_error *reterr) EGW_MUST_CHECK;
/* Whether the controller is among the brokers. It is who answers egw_kafka_describe(); of an
 * embedded cluster it is not there, and each question would be waited out. EGW_RETRY: it is not. */
enum egw_status egw_kafka_find_controller(struct egw_kafka *kafka,
                                          struct egw_error *reterr) EGW_MUST_CHECK;
/* What the brokers hold a topic to. take is called for each of the topic's settings with the value
 * they have for it. EGW_DENIED: without the right DescribeConfigs nobody is told. */
typedef void egw_kafka_setting_fn(void *user, const struct egw_property *wanted, const char *value);
enum egw_status egw_kafka_describe(struct egw_kafka *kafka, const struct egw_kafka_topic *topic,
                                   egw_kafka_setting_fn *take, void *user,
                                   struct egw_error *reterr) EGW_MUST_CHECK;
/* Partition count; EGW_NOT_FOUND: no such topic; EGW_RETRY: no broker answered. */
enum egw_status egw_kafka_partitions(struct egw_kafka *kafka, const char *topic, int32_t *ret,
                                     struct egw_error *reterr) EGW_MUST_CHECK;
/* Names of topics that begin with prefix, sorted: a list of egw_str in the arena. */
enum egw_status egw_kafka_find(struct egw_kafka *kafka, const char *prefix, struct egw_arena *arena,
                               struct egw_list *ret, struct egw_error *reterr) EGW_MUST_CHECK;
/* Log start and end; the end includes what open transactions have written. */
enum egw_status egw_kafka_ends(struct egw_kafka *kafka, const char *topic, int32_t partition,
                               int64_t *ret_low, int64_t *ret_high,
                               struct egw_error *reterr) EGW_MUST_CHECK;
/* Committed offset of a group; -1: none. */
enum egw_status egw_kafka_committed(struct egw_kafka *kafka, const char *group, const char *topic,
                                    int32_t partition, int64_t *ret,
                                    struct egw_error *reterr) EGW_MUST_CHECK;

/* ---- commands: writing ---- */

/* One record, acknowledged by all replicas, idempotent. egw_kafka_send() queues (waits while the
 * queue is full); egw_kafka_flush() waits for all and says how many failed. */
enum egw_status egw_kafka_send(struct egw_kafka *kafka, const char *topic, int32_t partition,
                               struct egw_str key, struct egw_str value,
                               struct egw_error *reterr) EGW_MUST_CHECK;
enum egw_status egw_kafka_flush(struct egw_kafka *kafka, int64_t timeout_ms, size_t *ret_failed,
                                struct egw_error *reterr) EGW_MUST_CHECK;

/* All of these records in one transaction, under a transactional id of an operator's command. */
struct egw_kafka_write {
    const char *topic;
    int32_t partition;
    struct egw_str key, value;
    struct egw_str retry; /* of the header egw.retry (egw/dead.h); p == NULL: there is none */
};
enum egw_status egw_kafka_transaction(const struct egw_settings *settings,
                                      const char *transactional_id,
                                      const struct egw_kafka_write *writes, size_t n,
                                      struct egw_error *reterr) EGW_MUST_CHECK;

/* ---- commands: reading, committed records only, no group ---- */

struct egw_kafka_reader;
/* partition -1: all. from: EGW_LOG_BEGINNING, or an offset for a single partition. */
enum egw_status egw_kafka_reader_new(const struct egw_settings *settings, const char *topic,
                                     int32_t partition, int64_t from, struct egw_kafka_reader **ret,
                                     struct egw_error *reterr) EGW_MUST_CHECK;
/* Next record: EGW_OK, EGW_NOT_FOUND (every partition read to the end, and at least to where it
 * ended when the reader was made, transactions then open having ended; call again to follow),
 * EGW_RETRY (nothing for timeout_ms), or an error. The record's topic is 0. It lives until the next
 * call. */
enum egw_status egw_kafka_reader_next(struct egw_kafka_reader *reader, int64_t timeout_ms,
                                      struct egw_log_record *ret,
                                      struct egw_error *reterr) EGW_MUST_CHECK;
/* A header of the record last handed out, the last of that name; p == NULL: there is none. Lives as
 * long as the record. */
struct egw_str egw_kafka_reader_header(const struct egw_kafka_reader *reader, const char *name);
void egw_kafka_reader_free(struct egw_kafka_reader *reader);

/* ---- the embedded cluster of the demo: proves nothing about exactly-once ---- */

struct egw_kafka_mock;
enum egw_status egw_kafka_mock_new(struct egw_kafka_mock **ret,
                                   struct egw_error *reterr) EGW_MUST_CHECK;
const char *egw_kafka_mock_brokers(const struct egw_kafka_mock *mock);
enum egw_status egw_kafka_mock_topic(struct egw_kafka_mock *mock, const char *name,
                                     int32_t partitions, struct egw_error *reterr) EGW_MUST_CHECK;
void egw_kafka_mock_free(struct egw_kafka_mock *mock);

const char *egw_kafka_version(void); /* librdkafka's, at run time */

#endif
