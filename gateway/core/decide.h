/*
 * decide - what the parts of a decision share: one event on its way through the stages
 *
 * A part works out facts and puts their values; a record it reads becomes a source of the answer.
 * Private to core/decide*.c.
 */
#ifndef EGW_CORE_DECIDE_H
#define EGW_CORE_DECIDE_H

#include "egw/policy.h"
#include "clock.h"
#include "policy_model.h"
#include "walk.h"

enum { WARNINGS_MAX = 8 };
/* At most: partner, relation, access, subscription, issue, two of health and what is noted of the
 * terms; and for each channel a membership and a pack. */
enum { SOURCES_MAX = 8 + EGW_NOTES_SOURCES + 2 * EGW_CHANNELS_MAX };
#define NO_SOURCE SIZE_MAX
struct decide {
    const struct egw_policy *policy;
    struct egw_dossier dossier;
    const struct egw_subject *subject;
    const struct egw_support_event *event;
    int64_t now_ms;
    struct egw_arena *arena;
    struct egw_decision *ret;
    bool nomem;

    uint64_t known; /* set of facts worked out */
    uint16_t values[EGW_FACTS_MAX];
    const struct egw_service_rules *service; /* NULL: none named, or none we know */

    bool partner_asked;
    struct egw_fact_view partner; /* fresh record or NULL */
    struct egw_fact_source sources[SOURCES_MAX];
    uint64_t about[SOURCES_MAX]; /* for each, the set of facts it was read for */
    size_t source_count;
    struct egw_str warnings[WARNINGS_MAX];
    size_t warning_count;
    struct egw_match match;
    struct egw_str issue_key; /* of the incident waited on */
    uint32_t missing;         /* set of what the channel's form wants and the case lacks */
};

#define SET(fact) (UINT64_C(1) << (fact))

static inline void decide_put(struct decide *d, unsigned fact, unsigned value)
{
    d->values[fact] = (uint16_t)value;
}

static inline struct egw_str decide_value_text(const struct decide *d, unsigned fact)
{
    return d->policy->facts[fact].values[d->values[fact]];
}

static inline bool decide_among(struct egw_str word, const struct egw_str *words, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (egw_str_same(words[i], word))
            return true;
    }
    return false;
}

void decide_warn(struct decide *d, struct egw_str text);

/* ---- reference records ---- */

struct lookup {
    const void *body; /* NULL: nobody supplied it, or too old to be believed */
    bool stale;
    size_t source; /* place among the sources, or NO_SOURCE */
    struct egw_fact_view view;
};

/* The record of the event's partner, its customer or both; last: what else its key names. */
struct lookup decide_look_up(struct decide *d, enum egw_reference_kind kind, struct egw_str last,
                             uint64_t about);
/* What the record at key says; it becomes a source. */
struct lookup decide_read(struct decide *d, enum egw_reference_kind kind, struct egw_fact_view view,
                          struct egw_str key, uint64_t about);
/* A record that was looked at is a source of the answer. Returns its place among them. */
size_t decide_source(struct decide *d, struct egw_str key, const struct egw_fact_view *view,
                     uint64_t about);
bool decide_too_old(const struct decide *d, enum egw_reference_kind kind,
                    const struct egw_reference *reference);
/* What the record said that mattered. */
void decide_say(struct decide *d, const struct lookup *found, struct egw_str value);
void decide_say_date(struct decide *d, const struct lookup *found, int64_t ms);
/* The partner's record; NULL: none, or too old. */
const struct egw_partner *decide_partner(struct decide *d);
void decide_warn_of_provider(struct decide *d); /* of a reseller: who it is */

const struct egw_relation *decide_relation(struct decide *d);

/* ---- facts: each works out one, and those that come with it ---- */

void decide_event(struct decide *d); /* all that the event tells by itself */
void decide_fact_partner(struct decide *d);
void decide_csp(struct decide *d); /* the same, once */
void decide_fact_relation(struct decide *d);
void decide_fact_cloud(struct decide *d);
void decide_fact_access(struct decide *d);
void decide_fact_subscription(struct decide *d);
void decide_fact_health(struct decide *d);
void decide_fact_known_issue(struct decide *d);
unsigned decide_access_status(struct egw_str status); /* EGW_V_ACCESS_UNKNOWN: no word we know */
unsigned decide_known_issue(const struct egw_match *match); /* the value a match makes */
void decide_fact_channel(struct decide *d, unsigned fact);

#endif
