/*
 * plain - a consume-transform-produce loop in plain C, exactly once: what others would write
 *
 * One thread, librdkafka alone, none of egw's code. A transaction closes at 100 ms or 50,000
 * records; records are handed over in batches per topic and partition. What is done with an input
 * is the caller's: rawcopy writes bytes of given sizes, peer decides by avro-c.
 */
#ifndef PLAIN_H
#define PLAIN_H

#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PLAIN_PARTITIONS_MAX = 64, PLAIN_TARGETS_MAX = 4, PLAIN_BATCH_MAX = 1000 };

struct plain_target {
    const char *topic;
    rd_kafka_topic_t *handle;
    size_t count[PLAIN_PARTITIONS_MAX];
    rd_kafka_message_t batch[PLAIN_PARTITIONS_MAX][PLAIN_BATCH_MAX];
};

struct plain {
    const char *input;
    rd_kafka_t *consumer, *producer;
    rd_kafka_queue_t *queue;
    struct plain_target target[PLAIN_TARGETS_MAX];
    size_t target_count;
    int64_t next[PLAIN_PARTITIONS_MAX];
    bool moved[PLAIN_PARTITIONS_MAX]; /* since the last commit */
    rd_kafka_message_t **held;        /* inputs whose keys a batch still points to */
    size_t held_count;
    char *bytes; /* of records that are to be written, until they were handed over */
    size_t bytes_used;
    uint64_t committed, transactions;
    double started_s, first_s;
};

/* Ends the process: nothing here is worth a recovery. */
void plain_die(const char *what, const char *why) __attribute__((noreturn));
unsigned long plain_number(const char *text);

/* codec: of what is written, by librdkafka's names. */
struct plain *plain_open(const char *codec, const char *brokers, const char *group,
                         const char *input, char *const *topics, size_t topic_count);
/* Room for a record's bytes that lives until the record was handed over. */
void *plain_room(struct plain *plain, size_t n);
/* key and payload live until the transaction's end: the input's, plain_room()'s or static. */
void plain_write(struct plain *plain, size_t target, int32_t partition, const void *key,
                 size_t key_n, const void *payload, size_t n);
/* Steps through the input until so many events are committed, says what it took on standard
 * output, and closes. */
void plain_run(struct plain *plain, uint64_t events,
               void (*step)(struct plain *plain, rd_kafka_message_t *message, void *user),
               void *user);

#endif
