/*
 * policy_overlap - pairs of rules of one stage that both fit, where only their order decides
 *
 * Of a thousand rules there are a hundred thousand pairs, and most that can meet do. So a pair is
 * first tried on an event made for it: one that the first rule decides, changed to what the second
 * asks for. Which rules fit that event is an AND over rows of bits, as in the policy's own stages.
 * Only where this shows nothing the question is put to the search.
 *
 * Private to the modules that analyse policies.
 */
#ifndef EGW_POLICY_OVERLAP_H
#define EGW_POLICY_OVERLAP_H

#include "policy_search.h"

struct egw_overlap {
    struct egw_quest *quest;  /* of one policy */
    size_t words;             /* of a row: the rules, then what cannot be */
    uint64_t *rows;           /* by place in a region: what the class does not keep from fitting */
    uint64_t *fits;           /* by the same bits: what fits the point at hand */
    uint16_t *base, *classes; /* by axis: of an event that rule decides; of that made for a pair */
    size_t base_of;           /* that rule; SIZE_MAX: none yet */
    enum egw_found base_found;
    struct egw_arena arena;
};

/* The quest outlives it. EGW_OK, EGW_NOMEM. */
enum egw_status egw_overlap_new(struct egw_quest *quest, struct egw_overlap *ret) EGW_MUST_CHECK;
void egw_overlap_free(struct egw_overlap *overlap);

/*
 * Is there an event that the first decides, and that the second would decide if it were not there?
 * Both are of one stage. A rule within another is an exception from it: that it comes first is what
 * it is for, and no overlap. SOME: quest->point is such an event.
 */
enum egw_found egw_overlap_find(struct egw_overlap *overlap, size_t first, size_t second);

#endif
