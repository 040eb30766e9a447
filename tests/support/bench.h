/*
 * bench - the real runtime over a scripted log, with a processor that counts
 *
 * A record's value says in words what it does to the entry it names; every step says one thing in
 * the topic OUT: "add a" makes a=1, a=2 and so on. So a test reads as what was fed and what came
 * out. What is said has tally 1.
 */
#ifndef EGW_TEST_BENCH_H
#define EGW_TEST_BENCH_H

#include "support.h"

#include "egw/records.h"
#include "egw/runtime.h"
#include "script_log.h"

enum { GENERATION = 7, NOTES = EGW_NOTE_TURN_SLOW + 1, FACTS = 8 };

extern const int32_t both[SCRIPT_PARTITIONS];

/* ---- the processor ---- */

struct entry {
    int64_t count, due_ms, facts_offset, since_ms;
    char fact[32];
};

struct counter {
    struct egw_processor processor;
    bool let_pass;     /* what "retry" waits for */
    bool hold_timers;  /* until it is taken back */
    int64_t struck_ms; /* due time of the last timer */
    int64_t learned;   /* last reference offset */
    struct {
        char name[32];
        int64_t offset;
    } facts[FACTS];
    size_t fact_n;
    struct entry waits_entry;
    struct egw_str waits_fact;
};

/* ---- the bench ---- */

struct bench {
    struct script_log *log;
    struct counter counter;
    struct egw_plans *plans;
    struct egw_framing framing;
    struct egw_runtime_conf conf;
    struct egw_runtime *runtime;
    enum egw_status ended; /* what the last turn said */
    struct egw_error error;
    size_t notes[NOTES];
    struct egw_note last[NOTES];
    char why[NOTES][EGW_ERROR_TEXT];
};

/* The state topic says: this is where partition p stands. */
void put_position(struct bench *b, int32_t p, const struct egw_position *position);
/* ... at next of events, and at the start of the inbox. last_value: of the record before; NULL:
 * its digest is not known. */
void stand_at(struct bench *b, int32_t p, int64_t next, const char *last_value);
/* A record whose value is words: "VERB NAME [MORE]". */
void feed(struct bench *b, int topic, int32_t p, const char *words);
/* A record of the reference topic. */
void fact(struct bench *b, const char *name);
/* Turns until everything is at rest; time stands. */
void run(struct bench *b);
/* Time goes on, then run(). */
void pass(struct bench *b, int64_t ms);
/* Long enough for what is decided to be committed. */
void settle(struct bench *b);
/* A new runtime with both partitions assigned. */
void start(struct bench *b);
/* The process dies where it stands and comes back. */
void restart(struct bench *b);
struct egw_runtime_stats stats(const struct bench *b);
/* A rebalance of both partitions. */
void tell(struct bench *b, enum egw_log_event_kind kind);
/* As script_outs() says it. */
void assert_outs(const struct bench *b, const char *expected);
void assert_running(const struct bench *b, size_t n);
/* Just one, for this reason. */
void assert_halted(const struct bench *b, const char *why);
/* Not yet started, no position: for the tests of take-over. */
int setup_bare(void **state);
/* Both partitions run, from the start of everything. */
int setup(void **state);
int teardown(void **state);

#endif
