/*
 * again - what `egw verify` and `egw replay` say of outcomes that were decided once more
 */
#ifndef EGW_AGAIN_H
#define EGW_AGAIN_H

#include "cli.h"
#include "egw/recall.h"
#include "reading.h"

struct egw_again {
    const char *topic; /* of outcomes */
    bool json, verbose;
    uint64_t same, differ, unchecked, undecided, unreadable;
    struct egw_buf line;
    bool failed; /* no memory to print */
};

/* -o and -v of the command. */
void egw_again_open(struct egw_again *again, const struct egw_args *args);

/* made: what came out; NULL: nothing did. fields: in which it differs. */
void egw_again_differs(struct egw_again *again, const struct egw_item *item,
                       const struct egw_outcome *made, egw_outcome_fields fields, const char *why);
void egw_again_unchecked(struct egw_again *again, const struct egw_item *item, const char *why);
/* A record among the outcomes that is none: said on stderr. */
void egw_again_unreadable(struct egw_again *again, const struct egw_item *item);
/* Shown with -v only, as are those not checked. */
void egw_again_same(struct egw_again *again, const struct egw_item *item);

/* The summary. Returns the exit code: 1 where one differs or is none, 69 where none could be
 * checked. */
int egw_again_close(struct egw_again *again);

#endif
