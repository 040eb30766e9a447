/*
 * policy_search - is there an event for which rules decide so and so?
 *
 * All that can come to one policy, or to two at once, becomes clauses once: which class each fact
 * is of, which rules fit, which is the first of its stage, where the walk gets to, what cannot be.
 * A question holds some of that; the answer is exact (sat.h), and what one question taught shortens
 * the next. What two policies share is the same clauses, so that what did not change costs little.
 *
 * The answer is a point, which may be widened to a region of which all is so. What takes more steps
 * than the quest allows is answered as unsure, never guessed.
 *
 * Private to the modules that analyse policies.
 */
#ifndef EGW_POLICY_SEARCH_H
#define EGW_POLICY_SEARCH_H

#include "egw/policy_lint.h"
#include "policy_space.h"
#include "sat.h"

enum { EGW_SEARCH_STEPS = 50000000 }; /* for one question: a second or so */

/* What the clauses say of a rule. */
struct egw_rule_lits {
    egw_lit ever; /* it fits but for the time */
    egw_lit fits;
    egw_lit none; /* of its stage's rules before it does */
};

/* Something a question is about, for widening its answer. */
struct egw_asked {
    enum { EGW_ASKED_EVER, EGW_ASKED_FITS, EGW_ASKED_FIRST, EGW_ASKED_PASSES } kind;
    size_t side, rule; /* PASSES: so many stages */
};

/* A literal that holds where all of these do. */
struct egw_gate {
    const egw_lit *lits; /* sorted; NULL: an empty slot */
    size_t n;
    egw_lit all;
};

struct egw_quest {
    const struct egw_space *space;
    struct egw_sat *sat;
    struct egw_arena arena;
    egw_lit *classes; /* by place in a region */
    struct egw_rule_lits *rules[EGW_SIDES_MAX];
    egw_lit gets_to[EGW_SIDES_MAX][EGW_STAGES]; /* the walk, to the stage */
    egw_lit possible;
    struct egw_list sets[EGW_AXES_MAX]; /* sets of classes that have a literal */
    struct egw_gate *gates;             /* by hash */
    size_t gate_n, gate_room;
    const uint64_t *keep; /* what is known, as a region; NULL: nothing */
    egw_lit *further;     /* by n: more than so many axes leave it */

    egw_lit *held; /* the question */
    size_t held_n, held_room;
    struct egw_asked *asked;
    size_t asked_n, asked_room;
    uint64_t *within; /* the region it is about */
    bool bare;        /* also what cannot be */
    uint64_t steps;   /* allowed for one question */
    uint64_t left;
    bool nomem;
    uint64_t *point; /* where find() found something */
};

/* EGW_OK, EGW_NOMEM. A quest may ask many questions, one after the other. */
enum egw_status egw_quest_new(const struct egw_space *space, struct egw_quest *ret) EGW_MUST_CHECK;
void egw_quest_free(struct egw_quest *quest);

/* A new question: anything that can be. bare: also what cannot. */
void egw_quest_begin(struct egw_quest *quest, bool bare);
/* The fact is one of these classes. */
void egw_quest_within(struct egw_quest *quest, size_t axis, const uint64_t *classes);
/* The fact is of this class. */
void egw_quest_at(struct egw_quest *quest, size_t axis, size_t class);
/* The rule fits, or not; whatever the time. */
void egw_quest_fits(struct egw_quest *quest, size_t side, size_t rule, bool yes);
void egw_quest_fits_ever(struct egw_quest *quest, size_t side, size_t rule, bool yes);
/* The rule is the first of its stage that fits. */
void egw_quest_first(struct egw_quest *quest, size_t side, size_t rule);
/* The side's walk goes on after so many stages. */
void egw_quest_passes(struct egw_quest *quest, size_t side, size_t stages);
/* The rule ends the side's walk, or is passed by it: first in its stage, and the walk gets there.
 */
void egw_quest_decides(struct egw_quest *quest, size_t side, size_t rule);
/* It does not. */
void egw_quest_spares(struct egw_quest *quest, size_t side, size_t rule);
/* At most so many facts leave what is known, EGW_NEAR_MAX at most; keep is the same for each
 * question of the quest. */
enum { EGW_NEAR_MAX = 8 };
void egw_quest_near(struct egw_quest *quest, const uint64_t *keep, unsigned changes);

/* Whether there is such a point; quest->point. NOMEM counts as unsure and sets nomem. */
enum egw_found egw_quest_find(struct egw_quest *quest);
/* A rule of a side; rule SIZE_MAX: none. */
struct egw_told {
    size_t side, rule;
};
/* After SOME: the point becomes a region around it of which all is so, and of which that rule, too,
 * decides all (NULL: none), as it does the point. */
void egw_quest_widen(struct egw_quest *quest, const struct egw_told *decider);
/* After NONE: whether it takes the rule, which does not fit, for that. */
bool egw_quest_blames(const struct egw_quest *quest, size_t side, size_t rule);

enum egw_fit egw_box_fit(const struct egw_space *space, const uint64_t *region,
                         const struct egw_box *box);
/* Whether all of the inner lies in the outer; whether some of both is the same. */
bool egw_box_holds(const struct egw_space *space, const struct egw_box *outer,
                   const struct egw_box *inner);
bool egw_boxes_meet(const struct egw_space *space, const struct egw_box *a,
                    const struct egw_box *b);

/* Whether the rule ends the walk of all of the region, what can be and what cannot. */
bool egw_region_decided_by(const struct egw_space *space, size_t side, const uint64_t *region,
                           size_t rule);
/* The rule that ends the walk of one event of the region. */
size_t egw_region_decider(const struct egw_space *space, size_t side, const uint64_t *region);
/* That event in facts, in the arena: those the region says something about. The facts that these
 * rules test come first. False: no memory. */
bool egw_region_example(const struct egw_space *space, const uint64_t *region,
                        const struct egw_told *about, size_t n, struct egw_arena *arena,
                        struct egw_example *ret);
/* Times, and the names of facts that are read apart, are the space's own words: a fact that
 * outlives it keeps a copy. False: no memory. */
bool egw_fact_keep(const struct egw_space *space, struct egw_fact *fact, struct egw_arena *arena);

#endif
