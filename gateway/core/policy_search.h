/*
 * policy_search - is there a point in the space of a policy for which rules decide so and so?
 *
 * A quest collects what must hold: boxes the point lies in, boxes it avoids, stages its walk
 * passes, how much of what is known it may change. find() settles the question by branching on one
 * part of one box at a time, after everything that follows has been drawn; so it is exact, and a
 * box whose parts leave no choice is closed at once. What takes more steps than the quest allows is
 * answered as unsure, never guessed. Steps are counted, not timed: the same question has the same
 * answer on every machine.
 *
 * Private to the modules that analyse policies.
 */
#ifndef EGW_POLICY_SEARCH_H
#define EGW_POLICY_SEARCH_H

#include "egw/policy_lint.h"
#include "policy_space.h"

enum egw_found { EGW_FOUND_NONE, EGW_FOUND_SOME, EGW_FOUND_UNSURE };
enum { EGW_SEARCH_STEPS = 4000000 }; /* for one question: some tenths of a second */

struct egw_branch {
    uint64_t *region;
    const struct egw_box **avoid; /* those still open */
    size_t n, room;
    uint64_t narrowed; /* axes on which the region became less since all was last drawn */
};

struct egw_quest {
    const struct egw_space *space;
    struct egw_branch *frames; /* the first is the question, the others are branches */
    size_t frame_count;
    size_t passes[EGW_SIDES_MAX]; /* the side's walk goes on after so many stages */
    const uint64_t *keep;         /* what is known, as a region; NULL: nothing */
    unsigned changes;             /* at most so many axes leave it */
    uint64_t steps;               /* allowed for one question */
    uint64_t left;
    unsigned blame[EGW_AXES_MAX]; /* how often a branch ended for lack of choice there */
    bool nomem;
    uint64_t *point; /* where find() found something: a region of which all is so */
    double count;
};

/* EGW_OK, EGW_NOMEM. A quest may ask many questions, one after the other. */
enum egw_status egw_quest_new(const struct egw_space *space, struct egw_quest *ret) EGW_MUST_CHECK;
void egw_quest_free(struct egw_quest *quest);

/* A new question: anything that can be. bare: also what cannot. */
void egw_quest_begin(struct egw_quest *quest, bool bare);
void egw_quest_within(struct egw_quest *quest, const struct egw_box *box);
void egw_quest_avoid(struct egw_quest *quest, const struct egw_box *box);
/* The rule is the first of its stage that fits. */
void egw_quest_first(struct egw_quest *quest, size_t side, size_t rule);
/* The rule ends the side's walk: first in its stage, and the walk gets there. */
void egw_quest_decides(struct egw_quest *quest, size_t side, size_t rule);

/* Whether there is such a point; quest->point. NOMEM counts as unsure and sets nomem. */
enum egw_found egw_quest_find(struct egw_quest *quest);
/* How many: quest->count. SOME or NONE, or UNSURE where it is a lower bound. */
enum egw_found egw_quest_count(struct egw_quest *quest);

enum egw_fit egw_box_fit(const struct egw_space *space, const uint64_t *region,
                         const struct egw_box *box);
/* Whether all of the inner lies in the outer. */
bool egw_box_holds(const struct egw_space *space, const struct egw_box *outer,
                   const struct egw_box *inner);

/* Whether the rule ends the walk of all of the region, what can be and what cannot. */
bool egw_region_decided_by(const struct egw_space *space, size_t side, const uint64_t *region,
                           size_t rule);
/* The rule that ends the walk of one event of the region; keep (or NULL) is preferred. */
size_t egw_region_decider(const struct egw_space *space, size_t side, const uint64_t *region,
                          const uint64_t *keep);
/* A rule of a side; rule SIZE_MAX: none. */
struct egw_told {
    size_t side, rule;
};
/* That event in facts, in the arena: those the region says something about. The facts that these
 * rules test come first. False: no memory. */
bool egw_region_example(const struct egw_space *space, const uint64_t *region,
                        const struct egw_told *about, size_t n, struct egw_arena *arena,
                        struct egw_example *ret);

#endif
