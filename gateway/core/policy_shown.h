/*
 * policy_shown - an event whose case a definition touches
 *
 * What a form demands, by when a step is due and where a case is filed is decided after the rules:
 * no rule becomes another by it. An event that some rule sends there shows whom it touches. Private
 * to policy_diff.
 */
#ifndef EGW_POLICY_SHOWN_H
#define EGW_POLICY_SHOWN_H

#include "policy_search.h"

struct egw_touched {
    enum {
        EGW_TOUCHES_NOTHING,
        EGW_TOUCHES_DEMAND,  /* cases that `demand` asks, of `side` */
        EGW_TOUCHES_LIMIT,   /* cases due by limits[0] before and limits[1] after */
        EGW_TOUCHES_HOURS,   /* cases whose time is counted in the calendar `name`, of `side` */
        EGW_TOUCHES_SERVICE, /* cases handed off for the service `name`, of `side` */
        EGW_TOUCHES_CHANNEL, /* cases handed off to the channel `name`, of `side` */
    } what;
    size_t side;
    const struct egw_demand *demand;
    int action; /* of the limits */
    const struct egw_limit *limits[2];
    struct egw_str language; /* of the case, for the limits; empty: none known */
    struct egw_str name;
};

/* Whether a case is due by both at the same time; NULL: at none. */
bool egw_same_limit(const struct egw_limit *a, const struct egw_limit *b);

/* No event: ret has no facts. False: no memory. */
bool egw_show_touched(struct egw_quest *quest, const struct egw_touched *touched,
                      struct egw_arena *arena, struct egw_example *ret);

#endif
