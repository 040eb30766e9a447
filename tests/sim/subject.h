/*
 * subject - what runs in the simulation: a processor, its topics, its inputs, and how to read what
 * it leaves behind
 */
#ifndef EGW_SIM_SUBJECT_H
#define EGW_SIM_SUBJECT_H

#include "egw/codec.h"
#include "egw/hash.h"
#include "egw/processor.h"
#include "egw/table.h"
#include "memcluster.h"

/* One outcome as the checker sees it, whatever its bytes look like. */
struct sim_outcome {
    struct egw_str chain;
    int64_t seq;
    unsigned char prev[EGW_SHA256];
    enum egw_input_kind kind;
    int topic; /* of a RECORD trigger: number of the input */
    int32_t partition;
    int64_t offset, prev_offset;
    bool digested;
    unsigned char digest[EGW_SHA256];
    int64_t now_ms;       /* the time it was decided; never runs back in a chain */
    int64_t knew;         /* the latest reference record it knew; never less than the one before */
    struct egw_str about; /* what a timer or fact was for: with offset it names the trigger */
    const struct egw_fact_source *sources; /* reference records it names */
    size_t source_count;
    bool activated; /* a policy: this one, from here on */
    int64_t activation;
    bool has_command; /* it names a command that was issued, then or before */
    unsigned char command[EGW_SHA256];
    struct egw_str event_id; /* triage: the event its case has to remember; p == NULL: none */
};

/* Where the inputs of a run come from. */
struct sim_feed {
    struct memcluster *cluster;
    struct sched *sched;
    const struct egw_framing *framing;
    int64_t fed;
    int64_t activation; /* number of the latest */
    int as_of;          /* of the latest reference record */
};

struct sim_subject {
    const char *name;
    bool facts_have_age, has_activations; /* or those faults cannot be made */
    const struct memtopic_conf *topics;   /* the inputs first */
    size_t topic_count, input_count;
    const char *const *input_names;
    int64_t wall_speed; /* see struct memcluster_conf */
    int state, outcomes, reference, policy;
    const int *commands; /* topics of commands */
    size_t command_count;

    /* One process's processor. */
    void *(*open)(struct egw_plans *plans, const struct egw_framing *framing);
    void (*close)(void *self);
    const struct egw_processor *(*processor)(void *self);
    /* Work of the wiring between two turns; true: the runtime should look again. May be NULL. */
    bool (*between)(void *self);

    void (*prepare)(struct sim_feed *feed); /* before the first worker; may be NULL */
    void (*event)(struct sim_feed *feed);   /* one more input */
    void (*fact)(struct sim_feed *feed);    /* one more reference record */

    /* The outcome in these bytes; views live until the arena is reset. */
    bool (*decode)(struct egw_plans *plans, struct egw_str value, struct egw_arena *arena,
                   struct sim_outcome *ret);
    bool (*command_id)(struct egw_plans *plans, struct egw_str value, struct egw_arena *arena,
                       unsigned char ret[EGW_SHA256]);
    /*
     * State is what its outcomes add up to. fold() adds one to what is expected of an entry, in
     * bytes of the subject's own, and names the entry (p == NULL: it changes none); input is the
     * record it answers, or NULL. It may also say which command it stands for. agrees() compares
     * with the entries of the partition as they were read.
     */
    void (*fold)(const struct memcluster *cluster, struct sim_outcome *outcome,
                 const struct memrecord *input, struct egw_table *expected, struct egw_arena *arena,
                 struct egw_str *ret_key);
    bool (*agrees)(struct egw_plans *plans, struct egw_str key, struct egw_str expected,
                   const struct egw_table *actual, struct egw_arena *arena);
    /* Does the state say what the inputs say? May be NULL. */
    bool (*right)(const struct memcluster *cluster, char *why, size_t why_n);
    /* At the end: does all that was decided come out the same once more? Adds to *checked how many
     * that were. May be NULL. */
    bool (*again)(const struct memcluster *cluster, struct egw_plans *plans,
                  const struct egw_framing *framing, int64_t *checked, char *why, size_t why_n);
};

/* Calls visit for the last visible record of each key of a partition that has not been removed. */
void sim_each_entry(const struct memcluster *cluster, int topic, int32_t p,
                    void (*visit)(void *user, struct egw_str key, struct egw_str value),
                    void *user);

extern const struct sim_subject tally_subject, triage_subject;

#endif
