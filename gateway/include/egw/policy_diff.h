/*
 * policy_diff - which events another policy decides otherwise, found in the tables of both
 *
 * Everything that can come is one region for each pair of rules that decide it, in the old policy
 * and in the new. Each region that is not empty is told once, with an event; none is missed. An
 * event may give the policies different facts (a channel's dates, a service's names, a role that
 * will do): that is part of it. What they define otherwise is told, too; where it has its effect
 * after the rules (what a form demands, by when a step is due), with an event it touches. Pure.
 */
#ifndef EGW_POLICY_DIFF_H
#define EGW_POLICY_DIFF_H

#include "egw/policy_lint.h"

struct egw_policy_move {
    size_t old_rule, new_rule; /* for egw_policy_rule() of each */
    bool same_answer;          /* action, code, channel and mode are the same */
    struct egw_example example;
};

/* Something the policies define otherwise, which events may feel without any rule being another. */
struct egw_policy_definition {
    const char *part;    /* of the policy: "channels", "services", "demands", "limits" ... */
    struct egw_str text; /* "channel unified: since 2026-09-01, was 2026-07-01" */
    /* Of what comes after the rules (demands, limits, links): an event whose case it touches. No
     * facts: there is none, or the moves show them. */
    struct egw_example example;
};

struct egw_policy_diff {
    struct egw_arena arena;
    struct egw_list moves;       /* of struct egw_policy_move, other answers first */
    struct egw_list definitions; /* of struct egw_policy_definition */
    size_t unsure;               /* pairs of rules that took more steps than allowed */
};

/* EGW_OK, EGW_NOMEM. */
enum egw_status egw_policy_diff(const struct egw_policy *before, const struct egw_policy *after,
                                struct egw_policy_diff *ret) EGW_MUST_CHECK;
void egw_policy_diff_free(struct egw_policy_diff *diff);

#endif
