/*
 * checker - is what the committed log says what exactly-once promises?
 *
 * Reads as any consumer would (committed records only) and remembers nothing of the run. As it
 * goes: each chain dense and linked, each trigger answered once and in order, digests right, each
 * command id once. At the end: every input answered, each position what its outcomes say, each
 * committed offset the position's, state settled.
 */
#ifndef EGW_SIM_CHECKER_H
#define EGW_SIM_CHECKER_H

#include "subject.h"

struct checker;

struct checker_counts {
    int64_t outcomes, timers, facts, commands; /* timers, facts: outcomes triggered by them */
};

struct checker *checker_new(const struct sim_subject *subject, const struct memcluster *cluster,
                            struct egw_plans *plans);
void checker_free(struct checker *checker);
/* Read what was committed since. False: a promise was broken, see checker_why(). */
bool checker_advance(struct checker *checker);
/* Is every input that can be read answered? Call after checker_advance(). */
bool checker_all_answered(const struct checker *checker);
/* Does nothing in the state wait for a time before by_ms or a fact that has changed, and does it
 * say what the inputs say? */
bool checker_settled(const struct checker *checker, int64_t by_ms, char *why, size_t why_n);
/* The whole check. Nothing may be under way; what was due by settled_by_ms must be done. */
bool checker_finish(struct checker *checker, int64_t settled_by_ms);
const char *checker_why(const struct checker *checker);
struct checker_counts checker_counts(const struct checker *checker);

/* The position entry of a state partition; false: none that can be read. */
bool checker_position(const struct memcluster *cluster, int state_topic, int32_t p,
                      struct egw_plans *plans, struct egw_arena *arena, struct egw_position *ret);

#endif
