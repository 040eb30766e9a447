/* What is known of the fault: open incidents and advisories, known issues in the text. */
#include <strings.h>

#include "decide.h"

bool egw_policy_issue_active(const struct egw_policy *policy, const struct egw_health_issue *issue,
                             int64_t now_ms)
{
    return !issue->resolved && (!issue->ends_at.has || issue->ends_at.v > now_ms) &&
           decide_among(issue->status, policy->active, policy->active_count);
}

static bool issue_is_excluded(const struct decide *d, struct egw_str id)
{
    for (size_t i = 0; i < d->subject->not_incident_count; i++) {
        if (egw_str_eq(d->subject->not_incident[i], id))
            return true;
    }
    return false;
}

/* The event's feature decides where it is named, else the features its symptom may come from. An
 * issue that names neither feature nor group is about the whole service. */
static bool issue_fits_feature(const struct decide *d, const struct egw_health_issue *issue)
{
    struct egw_str feature = d->event->feature;
    unsigned symptom = d->values[EGW_F_SYMPTOM];
    const struct egw_symptom *known =
        symptom >= EGW_V_WORDS ? &d->policy->symptoms[symptom - EGW_V_WORDS] : NULL;

    if (known && known->has_features && !known->feature_count)
        return false;
    if (!issue->feature.n && !issue->feature_group.n)
        return true;
    if (feature.n)
        return egw_str_same(feature, issue->feature) || egw_str_same(feature, issue->feature_group);
    if (known && known->has_features)
        return decide_among(issue->feature, known->features, known->feature_count) ||
               decide_among(issue->feature_group, known->features, known->feature_count);
    return true;
}

/* Azure's feed names as services what a case that says "Azure" names as feature, or not at all: the
 * issue is of a service of the same family that is the feature named, or one of the symptom's. */
static bool issue_is_of_part(const struct decide *d, const struct egw_service *part)
{
    unsigned symptom = d->values[EGW_F_SYMPTOM];
    const struct egw_symptom *known =
        symptom >= EGW_V_WORDS ? &d->policy->symptoms[symptom - EGW_V_WORDS] : NULL;

    if (!part || !egw_str_eq(part->family, d->service->view.family))
        return false;
    if (d->event->feature.n)
        return egw_policy_service(d->policy, d->event->feature) == part;
    for (size_t i = 0; known && i < known->feature_count; i++) {
        if (egw_policy_service(d->policy, known->features[i]) == part)
            return true;
    }
    return false;
}

static bool issue_fits_service(const struct decide *d, const struct egw_health_issue *issue)
{
    const struct egw_service *service = egw_policy_service(d->policy, issue->service);

    return service == &d->service->view ? issue_fits_feature(d, issue)
                                        : issue_is_of_part(d, service);
}

/* "West Europe" to Azure's feed is westeurope to its resources. */
static bool region_same(struct egw_str a, struct egw_str b)
{
    size_t i = 0, k = 0;

    for (;;) {
        while (i < a.n && (a.p[i] == ' ' || a.p[i] == '-'))
            i++;
        while (k < b.n && (b.p[k] == ' ' || b.p[k] == '-'))
            k++;
        if (i == a.n || k == b.n)
            return i == a.n && k == b.n;
        if (strncasecmp(a.p + i++, b.p + k++, 1) != 0)
            return false;
    }
}

/* An incident in another region is another fault. Where either names none, it may be the same. */
static bool issue_fits_region(const struct decide *d, const struct egw_health_issue *issue)
{
    return !issue->region.n || !d->event->region.n || region_same(issue->region, d->event->region);
}

/* A fault noticed well before the incident began is another fault. */
static bool issue_fits_time(const struct decide *d, const struct egw_health_issue *issue)
{
    int64_t fault = d->event->started_at.has ? d->event->started_at.v : d->event->occurred_at;
    int64_t latest;

    if (!issue->starts_at.has)
        return true;
    return __builtin_add_overflow(fault, d->policy->slack_ms, &latest) ||
           issue->starts_at.v <= latest;
}

struct issue_found {
    const struct egw_health_issue *issue;
    struct egw_fact_view view;
    struct egw_str key;
    bool incident;
};

/* The newest incident that explains the fault, else the newest advisory. ret_stale: one that might
 * was passed over because it is too old to be believed. */
static struct issue_found find_issue(struct decide *d, bool *ret_stale)
{
    struct issue_found best = {0};
    struct egw_fact_view view;
    struct egw_str key;
    size_t at = 0;

    *ret_stale = false;
    while (egw_dossier_next_issue(&d->dossier, &at, &view, &key)) {
        const struct egw_health_issue *issue = view.reference->body.p;
        bool incident = egw_str_same(issue->classification, EGW_STR("incident"));

        if ((best.issue && (best.incident || !incident)) ||
            !egw_policy_issue_active(d->policy, issue, d->now_ms) ||
            issue_is_excluded(d, issue->id) || !issue_fits_service(d, issue) ||
            !issue_fits_region(d, issue) || !issue_fits_time(d, issue))
            continue;
        if (decide_too_old(d, EGW_REF_HEALTH_ISSUE, view.reference))
            *ret_stale = true;
        else
            best = (struct issue_found){issue, view, key, incident};
    }
    return best;
}

/* Snapshots are filed under the policy's id, or under any name the service goes by. That there is
 * none under the id is a source too. */
static struct lookup find_snapshot(struct decide *d)
{
    const struct egw_str *names = d->service->names;
    struct lookup found = decide_look_up(d, EGW_REF_HEALTH_SNAPSHOT, names[0], SET(EGW_F_HEALTH));

    for (size_t i = 1; i < d->service->name_count && !found.view.reference; i++) {
        struct egw_str key;
        struct egw_fact_view view =
            egw_dossier_find(&d->dossier, EGW_REF_HEALTH_SNAPSHOT, names[i], &key);

        if (view.reference)
            found = decide_read(d, EGW_REF_HEALTH_SNAPSHOT, view, key, SET(EGW_F_HEALTH));
    }
    return found;
}

static unsigned snapshot_value(struct decide *d, const struct egw_health_snapshot *snapshot)
{
    if (decide_among(snapshot->status, d->policy->operational, d->policy->operational_count))
        return EGW_V_HEALTH_OK;
    if (decide_among(snapshot->status, d->policy->active, d->policy->active_count))
        return EGW_V_HEALTH_ADVISORY; /* something is published that does not explain this fault */
    return EGW_V_HEALTH_UNKNOWN;
}

static unsigned health_of_service(struct decide *d)
{
    struct lookup snapshot = find_snapshot(d);
    bool stale_issue;
    struct issue_found found = find_issue(d, &stale_issue);
    unsigned value = EGW_V_HEALTH_UNKNOWN;

    if (snapshot.view.reference) {
        const struct egw_health_snapshot *body = snapshot.view.reference->body.p;

        decide_say(d, &snapshot, body->status);
        value = snapshot.stale ? EGW_V_HEALTH_STALE : snapshot_value(d, body);
        d->ret->health_as_of = (struct egw_opt_i64){true, snapshot.view.reference->as_of};
    }
    if (value == EGW_V_HEALTH_OK && stale_issue)
        value = EGW_V_HEALTH_STALE;
    if (found.issue) {
        struct lookup read = {.source =
                                  decide_source(d, found.key, &found.view, SET(EGW_F_HEALTH))};

        decide_say(d, &read, found.issue->id);
        d->ret->incident = found.issue->id;
        d->issue_key = found.key;
        d->ret->health_as_of = (struct egw_opt_i64){true, found.view.reference->as_of};
        value = found.incident ? EGW_V_HEALTH_INCIDENT : EGW_V_HEALTH_ADVISORY;
    }
    return value;
}

void decide_fact_health(struct decide *d)
{
    unsigned value =
        d->service && d->subject->customer.p ? health_of_service(d) : EGW_V_HEALTH_UNKNOWN;

    decide_put(d, EGW_F_HEALTH, value);
    d->known |= SET(EGW_F_HEALTH);
}

/* ---- known issues in the text ---- */

unsigned decide_known_issue(const struct egw_match *match)
{
    bool vouched;

    if (!match->issue)
        return EGW_V_ISSUE_NONE;
    if (match->ambiguous)
        return EGW_V_ISSUE_AMBIGUOUS;
    vouched = egw_str_is(match->issue->basis, "doc");
    if (match->issue->baseline == 1 && (vouched || egw_str_is(match->issue->basis, "selfhelp")))
        return EGW_V_ISSUE_REMEDY;
    if (match->issue->baseline == 0 && vouched)
        return EGW_V_ISSUE_ESCALATE;
    return EGW_V_ISSUE_HINT;
}

void decide_fact_known_issue(struct decide *d)
{
    struct egw_str service = d->service ? d->service->view.id : EGW_STR("");

    if (d->policy->catalogue && (d->event->title.n || d->event->text.n))
        d->match =
            egw_catalogue_match(d->policy->catalogue, d->event->title, d->event->text, service);
    if (d->match.issue)
        d->ret->signature = d->match.issue->id;
    decide_put(d, EGW_F_KNOWN_ISSUE, decide_known_issue(&d->match));
    d->known |= SET(EGW_F_KNOWN_ISSUE);
}
