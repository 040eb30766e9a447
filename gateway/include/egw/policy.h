/*
 * policy - the rules, compiled: stage tables as bitmaps, services, channels, word lists
 *
 * Rules are data: libconfig files and catalogue tables, read at the edge (egw/policy_file.h) into
 * one immutable object here. Matching an event against a stage is an AND over a few words per fact.
 * Pure; an object may be read by any thread, but decide() by one at a time (catalogue scratch).
 */
#ifndef EGW_POLICY_H
#define EGW_POLICY_H

#include "egw/catalogue.h"
#include "egw/facts.h"
#include "egw/hash.h"

struct egw_policy;

struct egw_policy_file {
    struct egw_str name; /* relative: "services.cfg", "catalogue/entra.tsv" */
    struct egw_str content;
};

struct egw_service {
    struct egw_str id, name; /* "exchange-online", "Exchange Online" */
    struct egw_str family;   /* "microsoft-365", "azure", "dynamics-365" ...: rules may test it */
    bool cloud;
};

/* The source of what has no text of Microsoft's behind it. */
#define EGW_ASSUMPTION "assumption"

/* How a rule stands, for explain, lint and show. Strings live as long as the policy. */
struct egw_rule_view {
    struct egw_str id, because, source, file;
    struct egw_str dated; /* when the source said so; empty: the policy gives no date */
    int line;
    int32_t stage;  /* enum egw_stage */
    int32_t action; /* enum egw_action; -1: next stage */
    struct egw_str code, channel, mode, advice, owner;
    struct egw_str when; /* as text: fact = value | value, ... */
};

const struct egw_sha256 *egw_policy_hash(const struct egw_policy *policy); /* of the manifest */
size_t egw_policy_rule_count(const struct egw_policy *policy);
/* Rules, limits, calendars, portals, needs and channels whose source is EGW_ASSUMPTION: what nobody
 * at Microsoft says. */
struct egw_assumption {
    struct egw_str file;
    int line;
    const char *what;  /* "rule", "limit of" */
    struct egw_str id; /* empty: what has none */
};
size_t egw_policy_assumptions(const struct egw_policy *policy);
struct egw_assumption egw_policy_assumption(const struct egw_policy *policy, size_t index);
struct egw_rule_view egw_policy_rule(const struct egw_policy *policy, size_t index);
size_t egw_policy_channel_count(const struct egw_policy *policy);
struct egw_str egw_policy_channel(const struct egw_policy *policy, size_t index);
/* In words; empty: there is no such channel. */
struct egw_str egw_policy_channel_name(const struct egw_policy *policy, struct egw_str id);
/* Whether a case by this channel takes an incident from a pack. */
bool egw_policy_channel_counted(const struct egw_policy *policy, struct egw_str channel);
/* By id or alias, without case; NULL: no rules for such a service. */
const struct egw_service *egw_policy_service(const struct egw_policy *policy, struct egw_str name);
/* What it knows of errors; NULL: nothing. */
const struct egw_catalogue *egw_policy_catalogue(const struct egw_policy *policy);
/* How long a case's events stay known after its end. */
int64_t egw_policy_horizon_ms(const struct egw_policy *policy);
/* Past this age a fact of the kind counts as unknown; 0: it never grows old. */
int64_t egw_policy_max_age_ms(const struct egw_policy *policy, enum egw_reference_kind kind);
/* Whether it has a calendar of that id itself. */
bool egw_policy_has_calendar(const struct egw_policy *policy, struct egw_str id);
/* Whether the issue is still going on, by the policy's words for active states. */
bool egw_policy_issue_active(const struct egw_policy *policy, const struct egw_health_issue *issue,
                             int64_t now_ms);
/* Whether Microsoft's state of a case says that nobody has taken it up yet. */
bool egw_policy_state_unanswered(const struct egw_policy *policy, struct egw_str state);
void egw_policy_free(struct egw_policy *policy);

/* ---- deciding ---- */

/* What is known of a case at this step: the event merged with the case so far. */
struct egw_subject {
    const struct egw_support_event *event; /* merged: customer is canonical here */
    struct egw_str customer;               /* canonical; p == NULL: the name is unknown */
    bool customer_elsewhere;               /* another partner's customer (S10) */
    const struct egw_str *not_incident;    /* issue ids that do not explain this fault */
    size_t not_incident_count;
    struct egw_str approval; /* approved or declined; else nobody has said */
    bool released;           /* from a hold by the policy */
    int64_t
        recorded_ms; /* record time of the step's input: eras and entitlements are judged by it */
};

struct egw_decision {
    int32_t action; /* enum egw_action */
    int32_t stage;  /* enum egw_stage that ended the walk */
    size_t rule;    /* index for egw_policy_rule() */
    struct egw_str code, channel, mode, advice, owner, because;
    struct egw_str boundary; /* the rule of the baseline stage; empty: not walked */
    struct egw_str severity, service, domain; /* as decided */
    struct egw_str health;                    /* known, stale, unknown; empty: stage not walked */
    struct egw_opt_i64 health_as_of;
    struct egw_str incident, signature;
    struct egw_list facts;     /* of struct egw_fact */
    struct egw_list sources;   /* of struct egw_fact_source */
    struct egw_list near;      /* of struct egw_near_miss */
    struct egw_list waits_for; /* of struct egw_str: reference keys whose change decides anew */
    struct egw_list warnings;  /* of struct egw_str */
    struct egw_list missing;   /* of struct egw_str: what the channel's form wants and the case
                                * lacks, by the names of egw/wants.h */
    struct egw_str portal;  /* where this case is filed, in the customer's cloud, with {tenant} and
                             * the like; empty: no link is known */
    bool portal_of_channel; /* it is the channel's own: a service's link does not go before it */
    struct egw_opt_i64 due_at, warn_at;
    struct egw_str calendar, otherwise; /* of due_at: what it was counted in, what it stands for */
    struct egw_str theme;
    struct egw_str delivery, handled_by, statement, price;
    struct egw_opt_bool chargeable;
};

/*
 * Walk validity, access, health, baseline, channel; the first stage whose rule has an action ends
 * the walk. Reads no clock: now_ms is the time of the decision (ages of facts are judged by it).
 * Lists and made texts come from the arena, others live as long as policy and facts. Same inputs,
 * same answer. EGW_OK, EGW_NOMEM.
 */
enum egw_status egw_decide(const struct egw_policy *policy, const struct egw_facts *facts,
                           const struct egw_subject *subject, int64_t now_ms,
                           struct egw_arena *arena, struct egw_decision *ret) EGW_MUST_CHECK;

/* The facts (struct egw_fact) of the same decision, and all others that rules may test, which it
 * never came to. EGW_OK, EGW_NOMEM. */
enum egw_status egw_gather(const struct egw_policy *policy, const struct egw_facts *facts,
                           const struct egw_subject *subject, int64_t now_ms,
                           struct egw_arena *arena, struct egw_list *ret) EGW_MUST_CHECK;

#endif
