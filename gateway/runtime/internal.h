/*
 * internal - the parts of the runtime
 *
 *   part   one assigned partition: its state, position, timers, waits
 *   batch  effects decided but not yet committed
 *   turn   what a step sees and leaves behind, until it says OK
 *
 * runtime.c is the loop over them, commit.c the transaction, takeover.c the way to a running part,
 * flow.c what these three share, watch.c what the outside may see of it all.
 */
#ifndef EGW_RUNTIME_INTERNAL_H
#define EGW_RUNTIME_INTERNAL_H

#include "egw/buf.h"
#include "egw/hash.h"
#include "egw/runtime.h"
#include "egw/table.h"

/* ---- position: the record with room for its inputs, so that it can be copied ---- */

struct place {
    struct egw_position p; /* p.inputs.p points at inputs below: see place_copy() */
    struct egw_input_position inputs[EGW_LOG_INPUTS_MAX];
};

void place_copy(struct place *to, const struct place *from);

/* ---- part ---- */

enum phase {
    PART_UNUSED,
    PART_LOOKUP,    /* its committed offsets and ends are asked for */
    PART_RESTORING, /* its state partition is being read */
    PART_CATCHING,  /* state is there; reference is not yet as far as the predecessor's */
    PART_RUNNING,
    PART_HALTED, /* cannot be used until it is assigned anew */
    PART_PARKED, /* given up; state kept for a quick return */
};

struct timer {
    int64_t due_ms;
    char *key;
    size_t key_n;
};

struct waiter { /* an entry waiting for a fact: chained per fact */
    struct waiter *next;
    size_t key_n;
    char key[];
};

/* Something that came true and has to be stepped. */
struct ready {
    enum egw_input_kind kind; /* TIMER or FACT */
    int32_t partition;
    struct egw_str key, fact; /* one allocation, at key.p */
};

struct ready_list {
    struct ready *items;
    size_t first, n, cap;
};

struct part {
    int32_t id;
    enum phase phase;
    uint64_t epoch; /* changes with every assignment: late answers of an older one are dropped */
    struct egw_table base;       /* committed */
    struct egw_table overlay[2]; /* of the deciding and of the closing batch */
    bool touched[2];
    struct place now;     /* as the deciding batch leaves it */
    struct place closing; /* as the closing batch leaves it */
    struct place committed;
    bool has_position;  /* committed is what was found, compared, or written since */
    int64_t state_next; /* state was read up to here; own later writes may follow */
    int64_t state_end;  /* read at least to here before anything */
    int64_t parked_ms;
    struct egw_log_place found;
    bool looked_again;     /* committed > position was seen once: the second time it stands */
    int64_t look_again_ms; /* mono; 0: none */
    bool told_behind;      /* reference ends before the predecessor's: said once */
    bool waiting[EGW_LOG_INPUTS_MAX];    /* a step said RETRY to this input */
    int64_t head_ms[EGW_LOG_INPUTS_MAX]; /* time of the record that waits or halted it; 0: none */
    bool ready_waiting;                  /* or to what is ready */
    /* Why it waits, as said last (hashed; 0: it does not): an input, or (last) what is ready. */
    uint64_t told[EGW_LOG_INPUTS_MAX + 1];
    bool start_again;               /* the log could not start it just then */
    bool check[EGW_LOG_INPUTS_MAX]; /* the next record with offset `last` proves the digest */
    int64_t restore_began_ms;
    struct timer *timers; /* binary heap, by due_ms */
    size_t timer_count, timer_cap;
    struct egw_table facts; /* fact key -> struct waiter * (its bytes) */
    size_t waiter_count;
    struct ready_list ready;
};

/* Forget timers, waits and what is ready; state stays. */
void part_disarm(struct part *part);
void part_forget(struct part *part); /* all of it */
bool part_get(const struct part *part, int deciding, struct egw_str key, struct egw_str *ret);
enum egw_status part_arm(struct egw_runtime *rt, struct part *part, struct egw_str key,
                         struct egw_str value, struct egw_error *reterr) EGW_MUST_CHECK;
/* The entry of this key becomes ready at due_ms. */
enum egw_status part_wake(struct part *part, int64_t due_ms, struct egw_str key) EGW_MUST_CHECK;
/* Arms every entry of the base anew, and nothing else: what became moot is forgotten. */
enum egw_status part_arm_all(struct egw_runtime *rt, struct part *part,
                             struct egw_error *reterr) EGW_MUST_CHECK;
/* A reference key changed: what waits for it becomes ready. */
enum egw_status part_fact(struct part *part, struct egw_str fact) EGW_MUST_CHECK;
/* Timers that are due at now_ms become ready. */
enum egw_status part_due(struct part *part, int64_t now_ms) EGW_MUST_CHECK;
enum egw_status ready_push(struct ready_list *list, const struct ready *ready) EGW_MUST_CHECK;
void ready_free(struct ready_list *list);

/* ---- batch ---- */

struct batch {
    struct egw_arena bytes; /* everything the outs point to */
    struct egw_log_out *outs;
    size_t n, cap;
    size_t out_bytes;
    size_t records;    /* steps that went into it */
    int64_t opened_ms; /* mono, of the first step */
    int64_t oldest_ms; /* Unix ms, of the oldest input in it; 0: none */
    bool open;
    struct ready_list fired; /* timers and facts it has used up: come back when it is dropped */
};

enum egw_status batch_add(struct batch *batch, const struct egw_log_out *out) EGW_MUST_CHECK;
/* As it is: the bytes outlive the batch. */
enum egw_status batch_refer(struct batch *batch, const struct egw_log_out *out) EGW_MUST_CHECK;
/* An input of this time is in it. */
void batch_saw(struct batch *batch, int64_t timestamp_ms);
void batch_clear(struct batch *batch);
void batch_free(struct batch *batch);

/* ---- turn ---- */

enum { STAGED_MAX = 16 };

struct staged {
    struct egw_str key, value;
};

struct egw_turn {
    struct egw_runtime *rt;
    struct part *part;
    struct batch *batch;
    const struct egw_input *input;
    int64_t now_ms;
    struct egw_arena *arena;
    struct egw_sha256 digest;
    bool digested;
    struct staged staged[STAGED_MAX];
    size_t staged_n;
};

/* ---- runtime ---- */

enum txn {
    TXN_NONE,
    TXN_PRODUCING,  /* begun; part of the outs went */
    TXN_COMMITTING, /* COMMIT job wanted or under way */
    TXN_MUST_ABORT,
    TXN_ABORTING,
};

/* A round over all state entries, a few at a time. A table that grew meanwhile is begun again. */
struct survey {
    int32_t partition;
    size_t at, mask;   /* in its table; the mask it had */
    size_t stuck;      /* of the partitions done */
    int64_t oldest_ms; /* 0: none */
    size_t part_stuck; /* of the partition under way */
    int64_t part_oldest_ms;
};

struct egw_runtime {
    struct egw_runtime_conf conf;
    struct egw_log log;
    const struct egw_processor *processor;

    struct part *parts; /* by partition number, conf.partition_count of them */
    bool assigned;      /* we hold an assignment */
    int64_t generation;
    uint64_t epoch;
    bool revoking; /* REVOKE came; release() is owed */
    int64_t revoke_by_ms;
    bool ready_noted;

    struct batch batches[2];
    int deciding; /* index; the other one is closing */
    enum txn txn;
    size_t produced;
    int64_t txn_began_ms;
    unsigned aborts_in_a_row;
    int64_t begin_again_ms;   /* mono; a commit rests, aborts in a row make the next begin wait */
    struct egw_error refused; /* status not OK: why no transaction stands until it is mended */
    int64_t refused_since_ms;
    unsigned aborts_since_refused;
    struct egw_log_offset *offsets;

    struct egw_log_job job;
    bool job_busy;
    struct egw_log_place *places; /* LOOKUP's */
    uint64_t *place_epochs;
    bool producer_ready; /* INIT was done and nothing has spoilt it */
    bool need_init;
    struct egw_error init_cause;
    enum egw_recreation init_why;
    int64_t *recreations; /* mono times of the latest, a ring */
    size_t recreation_at;

    int64_t reference_next;           /* reference was learned up to here */
    bool reference_read, policy_read; /* once to their end */
    bool learned;                     /* something new: waiting parts may try again */
    bool held_back;                   /* parts are stopped because the deciding batch is full */

    enum egw_stop stop;
    int64_t wall_ms, mono_ms; /* as of this turn */
    struct egw_arena arena;   /* of the step */
    struct egw_arena keep;    /* of a position being read */
    struct egw_buf scratch;   /* a position being written */
    struct egw_runtime_stats stats;
    uint64_t *tallies;     /* conf.tallies */
    struct survey survey;  /* the round under way */
    enum egw_status ended; /* why turn() must not go on */
    struct egw_error ended_error;
};

/* flow.c */
void note(struct egw_runtime *rt, enum egw_note_kind kind, int32_t partition, int64_t a, int64_t b,
          const struct egw_error *error);
/* The process must end; the first reason stands. */
void end(struct egw_runtime *rt, enum egw_status st, const struct egw_error *error);
void halt(struct egw_runtime *rt, struct part *part, const struct egw_error *error);
/* The part runs from place on, nothing waiting. check: the record before it proves its digest. */
void start_part(struct egw_runtime *rt, struct part *part, const struct place *place, bool check);
/* Its inputs from place on, but for those that wait. */
void read_on(struct egw_runtime *rt, struct part *part, const struct place *place);
bool waits(const struct egw_runtime *rt, const struct part *part); /* anything of it waits */

/* turn.c */
/* One step and, when it says OK, its effects into the deciding batch. */
enum egw_status run_step(struct egw_runtime *rt, struct part *part, const struct egw_input *input,
                         struct egw_error *reterr) EGW_MUST_CHECK;

/* commit.c */
bool batch_wanted(const struct egw_runtime *rt); /* its limits are reached, or it must end */
bool batch_due(const struct egw_runtime *rt);    /* and a transaction may begin */
void close_batch(struct egw_runtime *rt);
void go_on_producing(struct egw_runtime *rt);
void commit_done(struct egw_runtime *rt);
void abort_done(struct egw_runtime *rt);
void init_done(struct egw_runtime *rt);
void submit_jobs(struct egw_runtime *rt);
/* Drop both batches: effects gone, parts at their committed position, what the batches used up
 * (timers, facts) comes back. */
void drop_batches(struct egw_runtime *rt);

/* takeover.c */
void take_assignment(struct egw_runtime *rt, const int32_t *partitions, size_t n,
                     int64_t generation);
bool submit_lookup(struct egw_runtime *rt); /* false: nothing to look up */
void lookup_done(struct egw_runtime *rt);
void restore_record(struct egw_runtime *rt, const struct egw_log_record *record);
void restore_end(struct egw_runtime *rt, int32_t partition, int64_t offset);
void catch_up(struct egw_runtime *rt);
void give_up_parts(struct egw_runtime *rt, bool park);
void look_up_all(struct egw_runtime *rt);

#endif
