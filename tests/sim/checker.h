/*
 * checker - is what the committed log says what exactly-once promises?
 *
 * Reads as any consumer would (committed records only) and remembers nothing of the run. As it
 * goes: each chain dense and linked, each trigger answered once, in order and none left out,
 * digests right, each command id once, no decision on older facts or another policy than its
 * predecessor's. Whenever no transaction is under way: state is what the outcomes add up to,
 * position and offsets are where they end, commands and outcomes name each other. At the end: every
 * input answered, all that was waited for done.
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
/* The same, and what has to agree once no transaction is under way: state is what the outcomes add
 * up to, each position what they end at, each committed offset the position's, commands those that
 * outcomes name. */
bool checker_look(struct checker *checker);
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
