/*
 * walk - the rules over facts by value; private to core
 *
 * A stage's match, and all that is told of it, need the policy and one small number for each fact.
 * decide.c gathers the numbers from the event and the reference records, recall.c takes them from
 * an outcome; both walk here.
 */
#ifndef EGW_WALK_H
#define EGW_WALK_H

#include "policy_model.h"

enum { EGW_WALK_WORDS = 32 }; /* of a stage's row, at most */

struct egw_walk {
    const struct egw_policy *policy;
    const uint16_t *values;          /* by fact id; read as far as the stages walked test them */
    uint64_t walked;                 /* set of the facts they test */
    const struct egw_rule *rule;     /* of the stage walked last */
    const struct egw_rule *boundary; /* of the baseline stage; NULL: not walked */
    size_t place;                    /* its place there */
    uint64_t near[EGW_WALK_WORDS];   /* the rules above it whose event facts all fit */
};

/* Match one stage, whose facts are in values by now. True: its rule ends the walk. Where that leads
 * to a channel and `package` names a demand that is not met, the demand's rule takes its place. */
bool egw_walk_stage(struct egw_walk *walk, int stage);

/* What the rule says, the near misses of its stage, the facts walked, and how health stood. issue:
 * the entry of the catalogue the text matched; NULL: none. EGW_OK, EGW_NOMEM. */
enum egw_status egw_walk_tell(const struct egw_walk *walk, const struct egw_known_issue *issue,
                              struct egw_arena *arena, struct egw_decision *ret) EGW_MUST_CHECK;

/* Facts (struct egw_fact) to values, and which facts those are. EGW_OK; EGW_INVALID: the policy has
 * no such fact or value. */
enum egw_status egw_walk_take(const struct egw_policy *policy, const struct egw_list *facts,
                              int64_t recorded_ms, uint16_t *ret_values, uint64_t *ret_known,
                              struct egw_error *reterr) EGW_MUST_CHECK;
/* EGW_OK; EGW_INVALID: the stage's rules test what is not known. */
enum egw_status egw_walk_ready(const struct egw_policy *policy, int stage, uint64_t known,
                               struct egw_error *reterr) EGW_MUST_CHECK;

/* Whether all that the rule asks for holds; its facts are in values by now. */
bool egw_walk_fits(const struct egw_walk *walk, const struct egw_rule *rule);
/* A fact's value in words. */
struct egw_str egw_walk_text(const struct egw_walk *walk, unsigned fact);
/* Which rules were in force at an instant: the value of EGW_F_ERA. */
uint16_t egw_walk_era(const struct egw_policy *policy, int64_t at_ms);

#endif
