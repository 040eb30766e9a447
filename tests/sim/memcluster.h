/*
 * memcluster - the broker side of the in-memory log
 *
 * Topics, partitions, producers, one consumer group, as Kafka keeps them where exactly-once depends
 * on it: control markers take offsets, readers stop at the last stable offset, a new producer of
 * the same transactional id fences the older one, transactional offsets stay pending until the
 * marker, a transaction older than its time-out is aborted by the coordinator, the group checks
 * member and generation of an offset commit but (like Kafka) not who owns the partition. Markers
 * reach each partition in their own time after the end of a transaction was accepted.
 *
 * It is only ever asked at a moment of virtual time and answers at once; what takes time on the way
 * is the client's business (memlog.h).
 */
#ifndef EGW_SIM_MEMCLUSTER_H
#define EGW_SIM_MEMCLUSTER_H

#include "egw/log.h"
#include "sched.h"

struct memtopic_conf {
    const char *name;
    int32_t partitions;
};

struct memcluster_conf {
    const struct memtopic_conf *topics; /* the first input_count are the inputs */
    size_t topic_count;
    size_t input_count;
    int state_topic;
    int64_t session_ms;
    int64_t rebalance_ms; /* how long a rebalance waits for its members */
    int64_t txn_timeout_ms;
    int64_t sweep_ms;   /* how often the coordinator looks for transactions that are too old */
    int64_t wall_ms;    /* Unix time at the start */
    int64_t wall_speed; /* wall ms for each ms of virtual time; 0: 1 */
};

enum memmark {
    MEM_PLAIN, /* written outside any transaction */
    MEM_OPEN,
    MEM_COMMITTED,
    MEM_ABORTED,
    MEM_MARKER,    /* control record: takes an offset, holds nothing */
    MEM_COMPACTED, /* its offset is all that is left */
};

struct memrecord {
    enum memmark mark;
    int producer; /* -1: none */
    int64_t timestamp_ms;
    struct egw_str key, value;
    char *bytes; /* holds both */
};

struct mempartition {
    struct memrecord *records; /* by offset */
    size_t n, cap;
    int64_t low;    /* log start */
    int64_t stable; /* last stable offset: everything before it is decided */
};

enum memreply {
    MEM_OK,
    MEM_AGAIN,   /* the transaction before is still being ended */
    MEM_FENCED,  /* a newer epoch exists: another producer, or the transaction timed out */
    MEM_STATE,   /* there is no such transaction */
    MEM_REFUSED, /* the group does not know this member, or not in this generation */
};

enum memheartbeat {
    MEM_BEAT_OK,
    MEM_BEAT_REBALANCE, /* a rebalance waits for you */
    MEM_BEAT_STALE,     /* the group went on without you */
    MEM_BEAT_UNKNOWN,   /* the session expired */
    MEM_BEAT_FENCED,    /* another process joined under this instance id */
};

struct memproducer;
struct memmember;

/* What the group tells a member when a rebalance ends: partitions [first, first + count). */
typedef void (*memcluster_assign_fn)(void *client, int64_t generation, int32_t first,
                                     int32_t count);

struct memcluster {
    struct sched *sched;
    struct memcluster_conf conf;
    int32_t partition_count; /* of inputs and state */
    struct mempartition **topics;
    struct memproducer **producers;
    size_t producer_n, producer_cap;
    struct memmember *members; /* by instance id */
    size_t member_n, member_cap;
    int64_t generation;
    int64_t last_member_id;
    bool rebalancing;
    int64_t round;            /* of rebalances: tells an old deadline from the current one */
    int64_t *committed;       /* [input][partition], -1: none */
    bool *moved;              /* likewise: by a tool, and not committed since */
    int64_t paused_until;     /* brokers answer nothing before */
    int64_t marker_slow_ms;   /* most a marker may take to reach its partition */
    void (*stir)(void *user); /* something became readable; may be NULL */
    void *user;
};

void memcluster_init(struct memcluster *cluster, struct sched *sched,
                     const struct memcluster_conf *conf);
void memcluster_free(struct memcluster *cluster);

/* No transaction is open or ending: what is committed can be read as a whole. */
bool memcluster_quiet(const struct memcluster *cluster);

/* Unix time `ago` ms of virtual time before now. */
int64_t memcluster_wall(const struct memcluster *cluster, int64_t ago);

/* ---- brokers ---- */

void memcluster_pause(struct memcluster *cluster, int64_t ms);
bool memcluster_paused(const struct memcluster *cluster);

/* ---- partitions ---- */

struct mempartition *memcluster_partition(const struct memcluster *cluster, int topic, int32_t p);
/* A record outside any transaction; returns its offset. */
int64_t memcluster_append(struct memcluster *cluster, int topic, int32_t p, struct egw_str key,
                          struct egw_str value);
/* What a read_committed reader at *cursor is given next, *cursor being moved there; NULL: nothing
 * before the last stable offset, *cursor being moved to that. */
const struct memrecord *memcluster_read(const struct memcluster *cluster, int topic, int32_t p,
                                        int64_t *cursor);
/* Compaction: of the decided records before `before` only the last of each key stays. */
void memcluster_compact(struct memcluster *cluster, int topic, int32_t p, int64_t before);

/* ---- transactions ---- */

/* MEM_OK: the producer of this id at *ret_epoch, any older one being fenced. MEM_AGAIN: what the
 * older one left open is being ended. */
enum memreply memcluster_producer(struct memcluster *cluster, const char *transactional_id,
                                  int *ret_producer, int *ret_epoch);
enum memreply memcluster_write(struct memcluster *cluster, int producer, int epoch, int topic,
                               int32_t p, struct egw_str key, struct egw_str value);
/* Offsets that count when the transaction is committed. generation < 0 without a member is what
 * Kafka takes without any check. */
enum memreply memcluster_offsets(struct memcluster *cluster, int producer, int epoch,
                                 const char *instance, int64_t member_id, int64_t generation,
                                 const struct egw_log_offset *offsets, size_t n);
enum memreply memcluster_end(struct memcluster *cluster, int producer, int epoch, bool commit);

/* ---- group ---- */

/* member_id 0: a process that starts; it takes the place of the one before under that instance id.
 * assign() is called when the member's partitions are known. MEM_FENCED: see MEM_BEAT_FENCED. */
enum memreply memcluster_join(struct memcluster *cluster, const char *instance, int64_t *member_id,
                              memcluster_assign_fn assign, void *client);
void memcluster_leave(struct memcluster *cluster, const char *instance, int64_t member_id);
enum memheartbeat memcluster_heartbeat(struct memcluster *cluster, const char *instance,
                                       int64_t member_id, int64_t generation);
/* May this member commit offsets? */
bool memcluster_knows(const struct memcluster *cluster, const char *instance, int64_t member_id,
                      int64_t generation);
/* As a change of metadata would: every member has to join again. */
void memcluster_rebalance(struct memcluster *cluster);
/* The committed offset; *ret_pending: an open transaction is about to change it. -1: none. */
int64_t memcluster_committed(const struct memcluster *cluster, size_t input, int32_t p,
                             bool *ret_pending);
bool memcluster_was_moved(const struct memcluster *cluster, size_t input, int32_t p);
/* What an operator's tool does. */
void memcluster_move_offset(struct memcluster *cluster, size_t input, int32_t p, int64_t offset);

#endif
