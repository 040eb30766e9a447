/*
 * policy_lint - what is wrong with a policy that compiles: found in its tables, without any event
 *
 * Each finding names a rule and shows an event. All of it is exact over everything that can come:
 * what could not be settled within the allowed steps is a finding of its own. Pure; deterministic.
 */
#ifndef EGW_POLICY_LINT_H
#define EGW_POLICY_LINT_H

#include "egw/policy.h"

enum egw_lint_kind {
    EGW_LINT_IMPOSSIBLE,  /* the rule asks for facts that never come together */
    EGW_LINT_SHADOWED,    /* rules before it in its stage take all of it */
    EGW_LINT_UNREACHABLE, /* earlier stages end all of it */
    EGW_LINT_UNUSED,  /* a demand that no case meets, a limit behind others that take its cases */
    EGW_LINT_DATES,   /* between two rules' dates only the stage's last rule decides */
    EGW_LINT_UNSURE,  /* not settled within the steps allowed */
    EGW_LINT_FIELD,   /* an older form of the event lacks what the rule asks for */
    EGW_LINT_OVERLAP, /* two rules fit, say different things, and only their order decides */
    EGW_LINT_KINDS
};
extern const char *const egw_lint_names[EGW_LINT_KINDS];

/* An event by its facts. */
struct egw_example {
    struct egw_list facts; /* of struct egw_fact; none: there is no such event */
    size_t telling;        /* so many of them, the first, are what the rules in question test */
    int64_t decided_by;    /* the rule, for egw_policy_rule(); EGW_NO_RULE */
};
enum { EGW_NO_RULE = -1 };

struct egw_lint_finding {
    enum egw_lint_kind kind;
    const char *what;        /* "rule", "demand", "limit" */
    struct egw_str id, file; /* of a limit the action it is for */
    int line;
    struct egw_str text; /* a sentence about it */
    struct egw_example example;
};

struct egw_lint {
    struct egw_arena arena;
    struct egw_list findings; /* of struct egw_lint_finding */
    size_t counts[EGW_LINT_KINDS];
    size_t listed; /* of the overlaps so many are findings, the others are only counted */
    const struct egw_example *assumed; /* by egw_policy_assumption(), where asked for: a case that
                                        * shows what it decides; no facts: there is none */
    size_t pairs_left; /* pairs of rules whose overlap was not looked at: the steps were used up */
};

/* A form of the event that writers may still use. */
struct egw_lint_form {
    const char *name;
    const char *const *lacks; /* fields it does not have; NULL-terminated */
};

struct egw_lint_options {
    bool overlaps; /* list them, too, instead of counting them */
    bool assumed;  /* show assumptions by a case */
    const struct egw_lint_form *forms;
    size_t form_count;
};

/* Whether it is wrong, or only worth knowing. */
bool egw_lint_is_fault(enum egw_lint_kind kind);

/* EGW_OK, EGW_NOMEM. */
enum egw_status egw_policy_lint(const struct egw_policy *policy,
                                const struct egw_lint_options *options,
                                struct egw_lint *ret) EGW_MUST_CHECK;
void egw_lint_free(struct egw_lint *lint);

#endif
