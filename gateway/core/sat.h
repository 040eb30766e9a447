/*
 * sat - is there an assignment of yes and no under which all clauses hold?
 *
 * Conflict-driven clause learning with two watched literals, first unique implication points,
 * restarts and assumptions: what one question taught stays for the next. The answer is exact; work
 * is counted, not timed, so the same questions have the same answers on every machine, and what
 * takes more than allowed is answered as unsure. Only variables that were made choices are
 * branched on: they must settle all others.
 *
 * Private to the modules that analyse policies.
 */
#ifndef EGW_SAT_H
#define EGW_SAT_H

#include "egw/base.h"

enum egw_found { EGW_FOUND_NONE, EGW_FOUND_SOME, EGW_FOUND_UNSURE };

/* A variable or its opposite. */
typedef int32_t egw_lit;
enum { EGW_LIT_TRUE = 0, EGW_LIT_FALSE = 1 };
static inline egw_lit egw_lit_not(egw_lit lit)
{
    return lit ^ 1;
}

struct egw_sat;

struct egw_sat *egw_sat_new(void);      /* NULL: no memory */
void egw_sat_free(struct egw_sat *sat); /* NULL is allowed */

/* A new variable. From then on without memory: every question is unsure. */
egw_lit egw_sat_settled(struct egw_sat *sat); /* by the choices */
egw_lit egw_sat_choice(struct egw_sat *sat, bool likely);
/* Of these at least one holds. Between questions only. */
void egw_sat_clause(struct egw_sat *sat, const egw_lit *lits, size_t n);

/* Is there one in which these hold, too? *steps is allowed, and counted down. */
enum egw_found egw_sat_ask(struct egw_sat *sat, const egw_lit *held, size_t n, uint64_t *steps);
/* After SOME. */
bool egw_sat_holds(const struct egw_sat *sat, egw_lit lit);
/* After NONE: whether the literal, one of those held, has a part in it. */
bool egw_sat_blamed(const struct egw_sat *sat, egw_lit lit);
bool egw_sat_nomem(const struct egw_sat *sat);

#endif
