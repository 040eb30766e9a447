/*
 * cases - policy test cases from JSON (edge: jansson)
 *
 *   { "facts": [ Reference, ... ],                          what every case knows
 *     "cases": [ { "name": "...", "now": "2026-01-05T08:30:00Z", "event": SupportEvent,
 *                  "facts": [ Reference, ... ],             and this case besides
 *                  "so_far": { "not_incident": ["EX1"], "approval": "approved", "released": true },
 *                  "expect": { "action": "HANDOFF", "code": "", "channel": "advanced",
 *                              "mode": "hand-off", "rule": "..." } } ] }
 *
 * event is given as merged with the case so far; its type is one that asks rules: opened, updated,
 * diagnosed, attempt, reopened, or an answer to a hold (approved, declined, released).
 *
 * Reading is as strict as egw/json.h: unknown fields and doubled keys are faults. Only what expect
 * names is compared.
 */
#ifndef EGW_CASES_H
#define EGW_CASES_H

#include "egw/records.h"

/* p == NULL: not compared. */
struct egw_expectation {
    struct egw_str action, code, channel, mode, rule;
};

/* What the case has come to before the event, which is given as merged with it. */
struct egw_case_so_far {
    struct egw_list not_incident; /* of struct egw_str: issues that do not explain the fault */
    struct egw_str approval;      /* approved or declined; empty: nobody has said */
    bool released;                /* from a hold by the policy */
};

struct egw_policy_case {
    struct egw_str name;
    int64_t now_ms;
    struct egw_support_event event;
    struct egw_case_so_far so_far;
    const struct egw_reference *facts; /* shared ones first */
    size_t fact_count;
    struct egw_expectation expect;
};

/* EGW_OK; EGW_INVALID: reterr names the place ("cases[2].event.partner: ..."); EGW_NOMEM. All of it
 * lives in the arena. */
enum egw_status egw_cases_read(struct egw_str json, struct egw_arena *arena,
                               struct egw_policy_case **ret, size_t *ret_n,
                               struct egw_error *reterr) EGW_MUST_CHECK;

#endif
