/*
 * findings - what is wrong with the facts on record, for whoever keeps them
 *
 * A decision takes the facts as they are and says "unknown" where they fail it. Here they are
 * looked at before a case needs them. Pure.
 */
#ifndef EGW_FINDINGS_H
#define EGW_FINDINGS_H

#include "egw/buf.h"
#include "egw/facts.h"

struct egw_finding {
    const char *kind;    /* no-statement, no-calendar, access-ends, access-ended, too-old */
    struct egw_str key;  /* of the record it is about */
    struct egw_str text; /* a sentence */
};

enum { EGW_FINDINGS_WARN_DAYS = 30 };

struct egw_findings_ask {
    const struct egw_facts *facts;
    const int64_t *max_age_ms; /* by enum egw_reference_kind; 0: never too old */
    int64_t now_ms;
    /* whether the policy has such a calendar itself */
    bool (*has_calendar)(const void *policy, struct egw_str id);
    const void *policy;
};

/* All findings, sorted by kind and key. They live as long as facts and arena. EGW_OK, EGW_NOMEM. */
enum egw_status egw_findings(const struct egw_findings_ask *ask, struct egw_arena *arena,
                             struct egw_list *ret) EGW_MUST_CHECK;

#endif
