/*
 * replay - the outcomes of one partition made once more, through the real step
 *
 * A step is pure: given the same input, state, policy, facts and time it leaves the same bytes. So
 * the chain is gone through in order; each outcome's input, its reference records and its policy
 * are given to a fresh processor, with the time the outcome names, and what comes out is compared
 * byte for byte. What can no longer be known (an input past retention, a reference record compacted
 * away, a case that began before what is kept) is not checked, and is said to be so: it never
 * counts as the same. The chain's hashes are not looked at; the audit does that.
 *
 * Facts are learned as far as each outcome says they were known; steps without an outcome leave
 * nothing that a later outcome shows, and are not made again. Pure; one thread.
 */
#ifndef EGW_REPLAY_H
#define EGW_REPLAY_H

#include "egw/hash.h"
#include "egw/log.h"
#include "egw/recall.h"
#include "egw/triage.h"

struct egw_replay;

struct egw_replay_conf {
    struct egw_triage *triage; /* it knows the policies, and no reference record yet */
    const struct egw_plans *plans;
    int outcomes_topic; /* as the triage was told */
    const char *const *input_names;
    size_t input_count;
    int32_t partition, partition_count;
    /* The reference topic as it is kept, by offset, under the number the triage knows it by; the
     * records outlive the replay. */
    const struct egw_log_record *reference;
    size_t reference_n;
    /* A policy the triage knows, tried on each step of an outcome decided at since or later, in the
     * state that was then; what it does is dropped. NULL: none. */
    const struct egw_sha256 *candidate;
    int64_t since;
};

/* The triage outlives the replay. EGW_OK, EGW_NOMEM. */
enum egw_status egw_replay_new(const struct egw_replay_conf *conf, struct egw_replay **ret,
                               struct egw_error *reterr) EGW_MUST_CHECK;
void egw_replay_free(struct egw_replay *replay); /* NULL is allowed */

enum egw_replay_verdict {
    EGW_REPLAY_SAME,
    EGW_REPLAY_DIFFERS,   /* why, and the fields where the outcome could be made */
    EGW_REPLAY_UNCHECKED, /* why */
};

struct egw_replay_answer {
    enum egw_replay_verdict verdict;
    struct egw_error why;
    const struct egw_outcome *made; /* NULL: none; lives until the next call */
    egw_outcome_fields fields;      /* in which made differs */
    /* What the candidate makes of it; NULL: it was not tried, or it comes to no outcome (why_none).
     * Stands in the state that was only where the verdict is SAME. Lives as long as made. */
    const struct egw_outcome *tried;
    struct egw_error why_none;
};

/*
 * The next outcome of the chain. input: the record its trigger names, where it is one and is still
 * kept; else NULL. Every outcome of the chain is given, in order: with wanted false it is only
 * taken note of. EGW_OK and the answer; EGW_NOMEM, EGW_FATAL.
 */
enum egw_status egw_replay_outcome(struct egw_replay *replay, const struct egw_log_record *record,
                                   const struct egw_outcome *outcome,
                                   const struct egw_log_record *input, bool wanted,
                                   struct egw_replay_answer *ret,
                                   struct egw_error *reterr) EGW_MUST_CHECK;

#endif
