/*
 * kafka_log - the log port's insides, shared by its files
 *
 * Four handles. `member` is the group consumer; `tail` reads followed partitions and asks committed
 * offsets; `probe` asks log ends, open transactions included; `producer` comes and goes with INIT
 * jobs. member, tail and all tables belong to the loop thread. The producer, its topics and the
 * reports of the open transaction have one owner at a time: the helper while a job is under way,
 * the loop otherwise; the hand-over is log->lock. probe is used by the helper only.
 *
 * Waking: librdkafka's queues, the helper and wake() all write to one eventfd.
 */
#ifndef EGW_KAFKA_LOG_H
#define EGW_KAFKA_LOG_H

#include <pthread.h>

#include "kafka_internal.h"

enum {
    KAFKA_TOPICS_MAX = 32,
    KAFKA_EVENTS_MAX = 16,     /* rebalances that one poll of the library may bring */
    KAFKA_GENERATIONS_MAX = 8, /* assignments whose metadata is kept; a job names one of them */
    KAFKA_BATCH = 1024,        /* records in one call of the library */
};
#define KAFKA_NO_NEXT UINT32_MAX

/* ---- the group side (kafka_group.c) ---- */

struct kafka_input { /* one partition of one input topic */
    bool started;    /* the loop wants its records */
    bool paused;     /* by us: resume only what we paused (rules page, 22) */
    int64_t next;    /* no offset below is handed out */
    int64_t read_to; /* all before this was read, markers at the end included; 0: not known */
};

struct kafka_generation {
    int64_t number; /* 0: empty */
    void *metadata; /* as the library writes it */
    size_t size;
};

struct kafka_event {
    enum egw_log_event_kind kind;
    int32_t *partitions;
    size_t partition_count;
    int64_t generation;
    struct egw_error error;
};

/* ---- the producing side (kafka_produce.c, kafka_txn.c) ---- */

struct kafka_slot {  /* one partition of any topic, as a place to write to */
    uint32_t listed; /* the listing of the sheet that last is about */
    uint32_t last;   /* its last record in that listing */
};

struct kafka_line {     /* a record on the sheet */
    uint32_t next;      /* of its partition */
    uint32_t next_head; /* of the first of a partition: the first of the next one */
    bool sent;          /* went in an earlier try */
};

struct kafka_sheet { /* the records of produce() on their way into the library */
    size_t n;        /* 0: none under way */
    struct kafka_line *lines;
    size_t capacity;
    uint32_t listing, first_head;
    rd_kafka_message_t batch[KAFKA_BATCH]; /* of one partition */
    uint32_t batch_of[KAFKA_BATCH];        /* which record each is */
    size_t batch_n;
};

struct kafka_transaction {
    bool failed; /* a delivery failed: it cannot commit */
    struct egw_error error;
    unsigned troubles; /* transport errors heard of since begin */
};

struct kafka_log {
    struct egw_kafka_log_conf conf;
    int32_t counts[KAFKA_TOPICS_MAX]; /* partitions of each topic */
    int wake_fd;
    bool closing;
    bool idle; /* the last poll found nothing */

    rd_kafka_t *member;
    rd_kafka_queue_t *member_queue;
    rd_kafka_topic_t *member_topics[EGW_LOG_INPUTS_MAX];
    struct kafka_input *inputs; /* [input * partition_count + partition] */
    struct kafka_event events[KAFKA_EVENTS_MAX];
    size_t event_first, event_count;
    int32_t *handed_partitions;                                 /* of the event last handed out */
    rd_kafka_message_t *handed;                                 /* the record last handed out */
    struct kafka_generation generations[KAFKA_GENERATIONS_MAX]; /* under lock */
    int64_t generation;                                         /* number of the last assignment */
    int32_t *owned;                                             /* its partitions */
    size_t owned_count;
    bool revoking; /* REVOKE told, release() awaited */
    bool failed;   /* FAILED told */
    unsigned turn;

    rd_kafka_t *tail;
    rd_kafka_queue_t *tail_queue;
    rd_kafka_topic_t *tail_topics[KAFKA_TOPICS_MAX];
    int64_t *follows[KAFKA_TOPICS_MAX]; /* [partition]: from which offset; -1: not followed */

    rd_kafka_t *probe;

    rd_kafka_t *producer;
    rd_kafka_topic_t *producer_topics[KAFKA_TOPICS_MAX];
    struct kafka_slot *slots[KAFKA_TOPICS_MAX]; /* [partition] */
    struct kafka_transaction transaction;
    struct kafka_sheet *sheet;

    pthread_t helper;
    bool helper_runs;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct egw_log_job *job; /* under lock: handed to the helper */
    bool done;               /* a job ended and was not yet told; atomic */
    bool quit;               /* under lock */
    struct egw_error doomed; /* under lock: what the library said of the open transaction */
    bool timed_out;          /* under lock: and it was that records did not arrive in time */
};

/* kafka_log.c */
void kafka_log_wake(struct kafka_log *log);
int kafka_log_topic(struct kafka_log *log, rd_kafka_topic_t *const *topics, size_t n,
                    const rd_kafka_topic_t *rkt);
void kafka_log_record(const rd_kafka_message_t *message, int topic, struct egw_log_record *ret);

/* kafka_group.c */
enum egw_status kafka_group_open(struct kafka_log *log, struct egw_error *reterr);
/* A record, or an event; false: nothing there. */
bool kafka_group_poll(struct kafka_log *log, struct egw_log_event *ret);
bool kafka_group_event(struct kafka_log *log, struct egw_log_event *ret);
enum egw_status kafka_group_start(void *self, int32_t p, const int64_t *next,
                                  struct egw_error *reterr);
void kafka_group_stop(void *self, int32_t p);
void kafka_group_release(void *self);
/* The broker says that a topic we read is not there any more. */
void kafka_group_topic_gone(struct kafka_log *log, int topic);
int64_t kafka_group_end(void *self, size_t input, int32_t p);
bool kafka_group_close(struct kafka_log *log, int64_t ms);
/* The metadata of a generation for one call; NULL: too old, or not to be read. */
rd_kafka_consumer_group_metadata_t *kafka_group_metadata(struct kafka_log *log, int64_t generation);

/* kafka_tail.c */
enum egw_status kafka_tail_open(struct kafka_log *log, struct egw_error *reterr);
bool kafka_tail_poll(struct kafka_log *log, struct egw_log_event *ret);
enum egw_status kafka_tail_follow(void *self, int topic, int32_t p, int64_t offset,
                                  struct egw_error *reterr);
void kafka_tail_unfollow(void *self, int topic, int32_t p);
bool kafka_tail_close(struct kafka_log *log, int64_t ms);

/* kafka_produce.c */
enum egw_status kafka_produce_open(struct kafka_log *log, struct egw_error *reterr);
void kafka_produce_close(struct kafka_log *log);
void kafka_produce_reset(struct kafka_log *log);
enum egw_status kafka_produce(void *self, const struct egw_log_out *outs, size_t n,
                              size_t *ret_done, struct egw_error *reterr);
void kafka_produce_delivered(rd_kafka_t *rk, const rd_kafka_message_t *message, void *opaque);

/* kafka_txn.c */
enum egw_status kafka_txn_open(struct kafka_log *log, struct egw_error *reterr);
enum egw_status kafka_txn_begin(void *self, struct egw_error *reterr);
void kafka_txn_job(void *self, struct egw_log_job *job);
void kafka_txn_timed_out(struct kafka_log *log); /* a record of it */
/* An error that only says "abort" becomes the one that told the library so. */
void kafka_txn_explain(struct kafka_log *log, struct egw_error *error);
bool kafka_txn_done(struct kafka_log *log, struct egw_log_event *ret);
bool kafka_txn_close(struct kafka_log *log, int64_t ms);

#endif
