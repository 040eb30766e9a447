/* What the event tells by itself. */
#include "decide.h"

#include <string.h>

static unsigned word_value(const struct decide *d, unsigned fact, struct egw_str word)
{
    int value;

    if (!word.n)
        return EGW_V_ABSENT;
    value = egw_wordset_find(&d->policy->facts[fact].words, word);
    return value < 0 ? EGW_V_INVALID : (unsigned)value;
}

static unsigned severity_value(const struct decide *d)
{
    const struct egw_support_event *event = d->event;

    if (event->severity.n)
        return word_value(d, EGW_F_SEVERITY, event->severity);
    if (event->priority.n && event->source_system.n) {
        for (size_t i = 0; i < d->policy->priority_count; i++) {
            const struct egw_priority_map *map = &d->policy->priorities[i];
            int value = egw_str_same(map->system, event->source_system)
                            ? egw_wordset_find(&map->priorities, event->priority)
                            : -1;

            if (value >= 0)
                return (unsigned)value;
        }
    }
    return d->policy->default_severity;
}

static void event_service(struct decide *d)
{
    struct egw_str name = d->event->service;
    int value = name.n ? egw_wordset_find(&d->policy->facts[EGW_F_SERVICE].words, name) : -1;

    if (!name.n) {
        decide_put(d, EGW_F_SERVICE, EGW_V_ABSENT);
        decide_put(d, EGW_F_FAMILY, EGW_V_ABSENT);
    } else if (value < 0) {
        decide_put(d, EGW_F_SERVICE, EGW_V_INVALID); /* its word is "unknown" */
        decide_put(d, EGW_F_FAMILY, EGW_V_INVALID);
    } else {
        d->service = &d->policy->services[value - EGW_V_WORDS];
        decide_put(d, EGW_F_SERVICE, (unsigned)value);
        decide_put(d, EGW_F_FAMILY, d->service->family);
    }
}

static unsigned ask_value(const struct decide *d)
{
    int value;

    if (!d->event->ask.n)
        return EGW_V_ASK_ISSUE;
    value = egw_wordset_find(&d->policy->facts[EGW_F_ASK].words, d->event->ask);
    return value < 0 ? EGW_V_ASK_INVALID : (unsigned)value;
}

static unsigned publisher_value(struct egw_str publisher)
{
    if (!publisher.n)
        return 0;
    return egw_str_same(publisher, EGW_STR("microsoft")) ? 2 : 1;
}

static unsigned customer_value(const struct egw_subject *subject)
{
    if (subject->customer.p)
        return EGW_V_CUSTOMER_KNOWN;
    return subject->customer_elsewhere ? EGW_V_CUSTOMER_ELSEWHERE : EGW_V_CUSTOMER_UNKNOWN;
}

static bool says_nothing(struct egw_str text)
{
    for (size_t i = 0; i < text.n; i++) {
        if (!strchr(" \t\r\n", text.p[i]))
            return false;
    }
    return true;
}

/* What the desk recorded. The last attempt says how things stand; a check counts once something
 * came of it: a step without result or time is a plan. A step that says nothing is none. */
static void event_evidence(struct decide *d)
{
    const struct egw_diagnosis *steps = d->event->diagnosis.p;
    unsigned attempt = EGW_V_ATTEMPT_NONE, diagnosis = EGW_V_DIAGNOSIS_NONE;

    for (size_t i = 0; i < d->event->diagnosis.n; i++) {
        if (says_nothing(steps[i].step))
            continue;
        if (egw_str_same(steps[i].kind, EGW_STR("attempt")))
            attempt = steps[i].resolved ? EGW_V_ATTEMPT_RESOLVED : EGW_V_ATTEMPT_FAILED;
        else if (egw_str_same(steps[i].kind, EGW_STR("check")) &&
                 (steps[i].result.n || steps[i].at.has))
            diagnosis = EGW_V_DIAGNOSIS_DONE;
    }
    decide_put(d, EGW_F_ATTEMPT, attempt);
    decide_put(d, EGW_F_DIAGNOSIS, diagnosis);
}

/* What was said to a hold. */
static void event_leave(struct decide *d)
{
    struct egw_str said = d->subject->approval;

    decide_put(d, EGW_F_APPROVAL,
               egw_str_is(said, "approved")   ? EGW_V_APPROVAL_APPROVED
               : egw_str_is(said, "declined") ? EGW_V_APPROVAL_DECLINED
                                              : EGW_V_APPROVAL_NONE);
    decide_put(d, EGW_F_RELEASED, d->subject->released ? EGW_V_YES : EGW_V_NO);
}

/* All facts that cost no lookup. */
void decide_event(struct decide *d)
{
    const struct egw_support_event *event = d->event;

    decide_put(d, EGW_F_ERA, egw_walk_era(d->policy, d->subject->recorded_ms));
    decide_put(d, EGW_F_ASK, ask_value(d));
    decide_put(d, EGW_F_DOMAIN, word_value(d, EGW_F_DOMAIN, event->domain));
    event_service(d);
    decide_put(d, EGW_F_SYMPTOM, word_value(d, EGW_F_SYMPTOM, event->symptom));
    decide_put(d, EGW_F_TOPIC, word_value(d, EGW_F_TOPIC, event->topic));
    decide_put(d, EGW_F_SEVERITY, severity_value(d));
    decide_put(d, EGW_F_SCOPE, word_value(d, EGW_F_SCOPE, event->scope));
    decide_put(d, EGW_F_USE, word_value(d, EGW_F_USE, event->use));
    decide_put(d, EGW_F_HOSTING, word_value(d, EGW_F_HOSTING, event->hosting));
    decide_put(d, EGW_F_ENVIRONMENT, word_value(d, EGW_F_ENVIRONMENT, event->environment));
    decide_put(d, EGW_F_OWN_TENANT, event->own_tenant ? EGW_V_YES : EGW_V_NO);
    decide_put(d, EGW_F_PUBLISHER, publisher_value(event->publisher));
    decide_put(d, EGW_F_CUSTOMER, customer_value(d->subject));
    decide_put(d, EGW_F_PACKAGE, EGW_V_PACKAGE_COMPLETE); /* until a channel is chosen */
    event_evidence(d);
    event_leave(d);
    d->known = (SET(EGW_F_CUSTOMER) << 1) - 1;
    d->known |= SET(EGW_F_ATTEMPT) | SET(EGW_F_DIAGNOSIS) | SET(EGW_F_APPROVAL) |
                SET(EGW_F_RELEASED) | SET(EGW_F_PACKAGE);
}
