/*
 * policy_shown - an event whose case a definition touches
 *
 * What a form demands, by when a step is due and where a case is filed is decided after the rules:
 * no rule becomes another by it. An event that some rule sends there shows whom it touches. Private
 * to policy_diff.
 */
#ifndef EGW_POLICY_SHOWN_H
#define EGW_POLICY_SHOWN_H

#include "policy_kinds.h"
#include "policy_search.h"

enum egw_touch {
    EGW_TOUCHES_NOTHING,
    EGW_TOUCHES_DEMAND,  /* cases that `demand` asks, of `side` */
    EGW_TOUCHES_LIMIT,   /* cases due by this limit of each policy */
    EGW_TOUCHES_HOURS,   /* cases whose time is counted in the calendar `name`, of `side` */
    EGW_TOUCHES_SERVICE, /* cases handed off for the service `name`, of `side` */
    EGW_TOUCHES_CHANNEL, /* cases handed off to the channel `name`, of `side` */
    EGW_TOUCHES_ACCESS,  /* cases of the service `name` that lack a role, of `side` */
    EGW_TOUCHES_RULE,    /* cases that the rule `name` decides, of `side` */
};

struct egw_touched {
    enum egw_touch what;
    size_t side;
    const struct egw_demand *demand;
    int action; /* of the limits */
    const struct egw_limit *limits[2];
    const struct egw_limit *about; /* in place of them: cases that it is about */
    struct egw_str language;       /* of the case, for the limits; empty: none known */
    struct egw_str name;
};

/* The policies are the quest's. NONE: ret has no facts; UNSURE: neither, but there may be one, or
 * memory failed (quest->nomem). */
enum egw_found egw_show_touched(struct egw_quest *quest, const struct egw_touched *touched,
                                struct egw_arena *arena, struct egw_example *ret);

#endif
