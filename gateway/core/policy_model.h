/*
 * policy_model - a policy as written (source) and as compiled; private to policy and its parser
 *
 * The parser at the edge fills struct egw_policy_source and nothing else; policy_compile.c checks
 * it as a whole and builds struct egw_policy; decide.c reads that. Everything lives in one arena,
 * which moves from the source into the policy.
 */
#ifndef EGW_POLICY_MODEL_H
#define EGW_POLICY_MODEL_H

#include "egw/buf.h"
#include "egw/calendar.h"
#include "egw/faults.h"
#include "egw/policy.h"

/* ---- as written ---- */

struct egw_place {
    const char *file;
    int line;
};

/* A word with its place, for lists in which each word is checked. */
struct egw_word {
    struct egw_place at;
    struct egw_str text;
};

/* Lists are struct egw_list, grown by egw_list_push(). */

struct egw_source_service {
    struct egw_place at;
    struct egw_str id, name, family, portal, portal_usgov;
    struct egw_str source, source_usgov; /* of the portals */
    struct egw_list aliases;             /* of egw_word */
    bool cloud;
};

struct egw_source_symptom {
    struct egw_place at;
    struct egw_str id;
    bool has_features;        /* false: the symptom says nothing about the feature */
    struct egw_list features; /* of egw_word; empty: no incident explains it */
};

enum egw_entitlement {
    EGW_ENTITLED_CSP,        /* every partner in the program */
    EGW_ENTITLED_PROGRAM,    /* partners of some kinds in the program */
    EGW_ENTITLED_CONTRACT,   /* a paid contract in force */
    EGW_ENTITLED_MEMBERSHIP, /* a membership of some levels */
};

struct egw_source_channel {
    struct egw_place at;
    struct egw_str id, name, plan, source;
    struct egw_str portal, portal_usgov, portal_source; /* empty: each service has its own */
    enum egw_entitlement entitlement;
    struct egw_list levels;   /* of egw_word */
    struct egw_list partners; /* of egw_word */
    struct egw_list families; /* of egw_word; empty: all */
    bool counted;             /* the pack must have incidents left */
    bool cloud_only;
    struct egw_opt_i64 since, until;
};

struct egw_source_priority {
    struct egw_word system, priority, severity;
};

struct egw_source_need {
    struct egw_place at;
    struct egw_list services, families, uses; /* of egw_word; empty: any */
    struct egw_list roles;                    /* of egw_word, any of them; empty: any role */
    bool rbac;
    struct egw_str source;
};

struct egw_source_limit {
    struct egw_place at;
    struct egw_word action, code;
    struct egw_list severities, channels, languages; /* of egw_word; empty: any */
    int64_t within_ms, warn_ms;                      /* warn_ms: so long before; 0: no warning */
    struct egw_word calendar, otherwise;
    struct egw_str source;
};

struct egw_source_calendar {
    struct egw_place at;
    struct egw_str id, zone, rules, source;
    struct egw_list hours, holidays; /* of egw_word */
};

struct egw_source_age {
    struct egw_word kind;
    int64_t ms;
};

struct egw_source_condition {
    struct egw_word fact;
    struct egw_list values; /* of egw_word; "!x" on all of them: everything but these */
};

struct egw_source_rule {
    struct egw_place at;
    int32_t stage; /* enum egw_stage */
    struct egw_str id, then, code, channel, mode, because, advice, source, owner;
    struct egw_list when; /* of egw_source_condition */
    struct egw_opt_i64 since, until;
};

/* What a channel's form wants of a case: with a code it is demanded, without it only wanted. */
struct egw_source_demand {
    struct egw_source_rule rule; /* of stage baseline */
    struct egw_list channels;    /* of egw_word; empty: any */
    struct egw_list wants;       /* of egw_word */
};

/* Where a rule comes from, and when that was said. */
struct egw_source_origin {
    struct egw_place at;
    struct egw_str id, where, date;
};

struct egw_policy_source {
    struct egw_arena arena;
    struct egw_list services, symptoms, channels, priorities, needs, limits, ages, rules;
    struct egw_list demands, origins, calendars;
    struct egw_list domains, topics, severities, plans; /* of egw_word */
    struct egw_list active, operational;                /* of egw_word: health statuses */
    struct egw_list unanswered; /* of egw_word: Microsoft's states of a case nobody took up yet */
    struct egw_word default_severity;
    int64_t slack_ms;   /* an incident may have begun this much after the fault was noticed */
    int64_t horizon_ms; /* 0: not said */
};

/* ---- as compiled ---- */

enum egw_fact_id {
    EGW_F_ERA, /* not a fact of the event: which rules were in force then */
    EGW_F_ASK,
    EGW_F_DOMAIN,
    EGW_F_SERVICE,
    EGW_F_FAMILY,
    EGW_F_SYMPTOM,
    EGW_F_TOPIC,
    EGW_F_SEVERITY,
    EGW_F_SCOPE,
    EGW_F_USE,
    EGW_F_HOSTING,
    EGW_F_ENVIRONMENT,
    EGW_F_OWN_TENANT,
    EGW_F_PUBLISHER,
    EGW_F_CUSTOMER, /* from here on: circumstances */
    EGW_F_CSP,
    EGW_F_PARTNER,
    EGW_F_RELATION,
    EGW_F_ACCESS,
    EGW_F_HEALTH,
    EGW_F_KNOWN_ISSUE,
    EGW_F_ATTEMPT,
    EGW_F_DIAGNOSIS,
    EGW_F_APPROVAL,
    EGW_F_RELEASED,
    EGW_F_PLAN,
    EGW_F_SELLER,
    EGW_F_CLOUD,
    EGW_F_PACKAGE, /* complete, or the demand that is not met: known once a channel is chosen */
    EGW_F_CHANNEL, /* the entitlement of the first channel; the others follow */
};
enum { EGW_CHANNELS_MAX = 24, EGW_FACTS_MAX = EGW_F_CHANNEL + EGW_CHANNELS_MAX };
_Static_assert(EGW_FACTS_MAX <= 64, "a set of facts is one word");

/* Values of facts with words of the policy: the words begin after these two. */
enum { EGW_V_ABSENT, EGW_V_INVALID, EGW_V_WORDS };
/* customer, csp, partner, relation, ... in the order of their words in policy_facts.c */
enum { EGW_V_CUSTOMER_KNOWN, EGW_V_CUSTOMER_UNKNOWN, EGW_V_CUSTOMER_ELSEWHERE };
enum { EGW_V_CSP_YES, EGW_V_CSP_NO, EGW_V_CSP_UNKNOWN };
enum {
    EGW_V_PARTNER_DIRECT,
    EGW_V_PARTNER_PROVIDER,
    EGW_V_PARTNER_RESELLER,
    EGW_V_PARTNER_UNKNOWN
};
enum { EGW_V_RELATION_ACTIVE, EGW_V_RELATION_ENDED, EGW_V_RELATION_NONE, EGW_V_RELATION_UNKNOWN };
enum {
    EGW_V_ACCESS_ACTIVE,
    EGW_V_ACCESS_EXPIRED,
    EGW_V_ACCESS_ENDED,
    EGW_V_ACCESS_NONE,
    EGW_V_ACCESS_ROLE,
    EGW_V_ACCESS_ASSIGNMENT,
    EGW_V_ACCESS_RBAC,
    EGW_V_ACCESS_UNKNOWN,
};
enum {
    EGW_V_HEALTH_OK,
    EGW_V_HEALTH_INCIDENT,
    EGW_V_HEALTH_ADVISORY,
    EGW_V_HEALTH_UNKNOWN,
    EGW_V_HEALTH_STALE,
};
enum {
    EGW_V_ISSUE_REMEDY,
    EGW_V_ISSUE_HINT,
    EGW_V_ISSUE_ESCALATE,
    EGW_V_ISSUE_AMBIGUOUS,
    EGW_V_ISSUE_NONE,
};
enum { EGW_V_ATTEMPT_NONE, EGW_V_ATTEMPT_FAILED, EGW_V_ATTEMPT_RESOLVED };
enum { EGW_V_DIAGNOSIS_NONE, EGW_V_DIAGNOSIS_DONE };
enum { EGW_V_APPROVAL_NONE, EGW_V_APPROVAL_APPROVED, EGW_V_APPROVAL_DECLINED };
enum { EGW_V_PLAN_NONE, EGW_V_PLAN_UNKNOWN };
enum {
    EGW_V_SELLER_PARTNER,
    EGW_V_SELLER_MICROSOFT,
    EGW_V_SELLER_UNKNOWN,
    EGW_V_SELLER_NONE,
};
enum {
    EGW_V_RIGHT_IN_FORCE,
    EGW_V_RIGHT_ENDED,
    EGW_V_RIGHT_NONE,
    EGW_V_RIGHT_UNKNOWN,
    EGW_V_RIGHT_EMPTY,
    EGW_V_RIGHT_NOT_COVERED,
};
enum { EGW_V_CLOUD_GLOBAL, EGW_V_CLOUD_USGOV, EGW_V_CLOUD_UNKNOWN };
enum { EGW_V_PACKAGE_COMPLETE };
enum { EGW_V_NO, EGW_V_YES };
enum { EGW_V_HOSTING_ON_PREMISES = 3 };
enum { EGW_V_ASK_QUESTION = 0, EGW_V_ASK_ISSUE = 1, EGW_V_ASK_INVALID = 2 };

/* Words to small numbers, without case. */
struct egw_wordset {
    struct egw_str *words;
    uint16_t *numbers; /* numbers[i] is what words[i] stands for */
    size_t n;
    uint16_t *slots; /* place in words + 1; 0: empty */
    size_t mask;
};
/* The word's number, or -1. */
int egw_wordset_find(const struct egw_wordset *set, struct egw_str word);
/* False: no memory. The set is built once, of at most 60,000 words. */
bool egw_wordset_make(struct egw_wordset *set, struct egw_arena *arena, struct egw_str *words,
                      uint16_t *numbers, size_t n);

struct egw_fact_def {
    struct egw_str name;
    struct egw_str *values;
    size_t value_count;
    struct egw_wordset words; /* of an event's strings, where the fact has words */
};

struct egw_rule_condition {
    unsigned fact;
    uint64_t *accepts; /* bit set over the fact's values */
};

struct egw_rule {
    struct egw_rule_view view;
    struct egw_rule_condition *when; /* as written; the era is not among them */
    size_t when_count;
};

struct egw_tested {
    unsigned fact;
    const uint64_t *
        *row; /* by value: which of the stage's rules accept it; equal rows are shared */
};

struct egw_stage_table {
    size_t first, count; /* rules */
    size_t words;        /* of a row: a multiple of EGW_ROW_BLOCK */
    struct egw_tested tested[EGW_FACTS_MAX];
    size_t tested_count;
    size_t event_count; /* of them, event facts: they come first */
    uint64_t facts;     /* set of facts tested, the era left out */
};
enum { EGW_ROW_BLOCK = 4 };
enum { EGW_STAGES = EGW_STAGE_CHANNEL - EGW_STAGE_VALIDITY + 1 };

struct egw_need {
    struct egw_place at;
    uint64_t uses;               /* bit set over values of `use` */
    const struct egw_str *roles; /* any of them; none: any role */
    size_t role_count;
    bool rbac;
    const struct egw_need *next; /* of the same service */
};

struct egw_service_rules {
    struct egw_service view;
    struct egw_str portal, portal_usgov; /* where its cases are filed, by cloud */
    const struct egw_str *names;         /* every name it goes by, id first */
    size_t name_count;
    uint16_t family; /* value of the fact */
    const struct egw_need *needs;
};

struct egw_symptom {
    bool has_features;
    const struct egw_str *features;
    size_t feature_count;
};

struct egw_channel {
    struct egw_str id, name, plan;
    struct egw_str portal, portal_usgov; /* where all its cases are filed; empty: by service */
    enum egw_entitlement entitlement;
    const struct egw_str *levels;
    size_t level_count;
    unsigned partners;  /* bit set over values of `partner` */
    uint64_t *families; /* bit set over values of `family`; NULL: all */
    bool counted, cloud_only;
    struct egw_opt_i64 since, until;
};

/* By when a case in a state is due; of one action's, the first that fits counts. */
struct egw_limit {
    struct egw_place at;
    struct egw_str code;                                     /* empty: any */
    const struct egw_str *severities, *channels, *languages; /* none: any */
    size_t severity_count, channel_count, language_count;
    int64_t within_ms, warn_ms;
    struct egw_str calendar, otherwise;
    const struct egw_limit *next;
};

struct egw_named_calendar {
    struct egw_str id;
    struct egw_open_hours calendar;
};

struct egw_demand {
    const struct egw_rule *rule;
    uint64_t channels; /* bit set by place among the policy's channels */
    uint32_t wants;    /* bit set by enum egw_want */
};

struct egw_priority_map {
    struct egw_str system;
    struct egw_wordset priorities; /* to values of `severity` */
};

struct egw_policy {
    struct egw_arena arena;
    struct egw_sha256 hash;
    struct egw_catalogue *catalogue; /* NULL: none */
    void (*catalogue_free)(struct egw_catalogue *catalogue);
    struct egw_fact_def facts[EGW_FACTS_MAX];
    size_t fact_count;
    struct egw_service_rules *services; /* value of `service` less EGW_V_WORDS */
    size_t service_count;
    struct egw_symptom *symptoms;
    struct egw_channel *channels;
    size_t channel_count;
    struct egw_priority_map *priorities;
    size_t priority_count;
    uint16_t default_severity;
    const struct egw_str *active, *operational;
    size_t active_count, operational_count;
    struct egw_need *any_needs; /* for events without a service we know */
    int64_t slack_ms, horizon_ms;
    int64_t max_age_ms[EGW_REF_COUNT]; /* 0: never too old */
    const struct egw_limit *limits[EGW_ACTION_COUNT];
    struct egw_named_calendar *calendars;
    size_t calendar_count;
    const struct egw_str *unanswered;
    size_t unanswered_count;
    int64_t *eras; /* instants at which the set of rules or of channels changes, sorted */
    size_t era_count;
    struct egw_rule *rules; /* by stage, in order; then what is demanded, which decides too */
    size_t rule_count, staged_count; /* of all, and of those of a stage */
    struct egw_assumption *assumptions;
    size_t assumption_count, assumption_cap;
    struct egw_demand *demands; /* those demanded first: value of `package` less one, then wanted */
    size_t demand_count, demanded_count;
    uint64_t demand_facts; /* set of facts their conditions test */
    struct egw_stage_table stages[EGW_STAGES];
};

/*
 * Check the source and compile it. The source's arena moves into the policy, also when this fails
 * (then it is freed). catalogue may be NULL; the policy owns it from here, also on failure.
 * EGW_OK, EGW_INVALID (faults has all of it), EGW_NOMEM.
 */
enum egw_status egw_policy_build(struct egw_policy_source *source, const struct egw_sha256 *hash,
                                 struct egw_catalogue *catalogue,
                                 void (*catalogue_free)(struct egw_catalogue *catalogue),
                                 struct egw_policy **ret, struct egw_faults *faults) EGW_MUST_CHECK;

/* The first rule of the stage that accepts the values (by fact id), and in near (stage words long)
 * the rules of before it whose event facts all fit. Returns its place in the stage. */
size_t egw_stage_match(const struct egw_stage_table *stage, const uint16_t *values,
                       uint64_t *ret_near);

/* NULL: the policy has none of that name. */
const struct egw_channel *egw_policy_channel_of(const struct egw_policy *policy, struct egw_str id);
const struct egw_named_calendar *egw_policy_calendar(const struct egw_policy *policy,
                                                     struct egw_str id);

/* Whether the desk is told the same by both: action, code, channel, mode. */
bool egw_rules_agree(const struct egw_rule_view *a, const struct egw_rule_view *b);

#endif
