/*
 * suggest - "did you mean ...?" for a word that is not in a list
 *
 * Pure; any thread.
 */
#ifndef EGW_SUGGEST_H
#define EGW_SUGGEST_H

#include "egw/base.h"

/* Keeps the nearest of the candidates offered; nothing beyond a third of the word counts as near.
 */
struct egw_suggestion {
    struct egw_str word;
    const char *best; /* NULL: nothing near */
    int edits;
};
void egw_suggest_begin(struct egw_suggestion *suggestion, struct egw_str word);
/* If `candidate` is nearer than all before, `answer` becomes the best. */
void egw_suggest_offer(struct egw_suggestion *suggestion, const char *candidate,
                       const char *answer);

#endif
