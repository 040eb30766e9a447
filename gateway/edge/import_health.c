/* Service health of Microsoft 365, as Graph tells it, and of Azure. */
#include "import_internal.h"

#include <ctype.h>
#include <string.h>

/* ---- health ---- */

/* Whose health: asked once, for every item says the same. */
static bool health_customer(struct import *in, const struct import_item *item, struct egw_str *ret)
{
    if (!in->how->customer.n) {
        import_fault(in, item, "", "service health does not say whose it is: name the customer");
        return false;
    }
    return egw_facts_customer(in->how->known, in->how->partner, in->how->customer, ret) ||
           import_customer_named(in, in->how->customer, ret) ||
           (import_fault(in, item, "", "no customer of %.*s is named %.*s",
                         EGW_FMT(in->how->partner), EGW_FMT(in->how->customer)),
            false);
}

static bool is_there(const struct import *in, enum egw_reference_kind kind, struct egw_str name)
{
    const struct egw_reference *facts = in->ret->facts.p;

    for (size_t i = in->ret->facts.n; i-- > 0;) {
        if (facts[i].body.branch != (int32_t)kind)
            continue;
        if (egw_str_eq(kind == EGW_REF_HEALTH_ISSUE
                           ? ((const struct egw_health_issue *)facts[i].body.p)->id
                           : ((const struct egw_health_snapshot *)facts[i].body.p)->service,
                       name))
            return true;
    }
    return false;
}

void import_issue(struct import *in, const struct import_item *item)
{
    const char *id = import_need(in, item, "id"), *service = import_need(in, item, "service");
    const char *status = import_need(in, item, "status");
    const char *classification = import_need(in, item, "classification");
    const json_t *resolved = import_at(item->json, "isResolved");
    struct egw_health_issue *issue;
    struct egw_str customer;

    if (!json_is_boolean(resolved))
        import_fault(in, item, "isResolved", "must be true or false");
    if (classification && !import_same(classification, "incident") &&
        !import_same(classification, "advisory"))
        import_fault(in, item, "classification", "%.40s is neither incident nor advisory",
                     classification);
    if (!health_customer(in, item, &customer) || !id || !service || !status || !classification)
        return;
    if (is_there(in, EGW_REF_HEALTH_ISSUE, egw_str_of(id)))
        return; /* healthOverviews and issues often bring the same one */
    issue = egw_arena_alloc(in->arena, sizeof(*issue));
    if (issue)
        *issue = (struct egw_health_issue){
            .customer = customer,
            .id = import_keep(in, id),
            .service = import_keep(in, service),
            .feature = import_keep(in, import_text(in, item, "feature")),
            .feature_group = import_keep(in, import_text(in, item, "featureGroup")),
            .classification =
                import_same(classification, "incident") ? EGW_STR("incident") : EGW_STR("advisory"),
            .status = import_keep(in, status),
            .resolved = json_is_true(resolved),
            .starts_at = import_time(in, item, "startDateTime"),
            .ends_at = import_time(in, item, "endDateTime"),
            .title = import_keep(in, import_text(in, item, "title")),
        };
    (void)import_add(in, item, EGW_REF_HEALTH_ISSUE, issue);
}

void import_overview(struct import *in, const struct import_item *item)
{
    const char *service = import_need(in, item, "service"),
               *status = import_need(in, item, "status");
    const json_t *issues = json_object_get(item->json, "issues");
    struct egw_health_snapshot *snapshot;
    struct egw_str customer;

    if (!health_customer(in, item, &customer) || !service || !status)
        return;
    if (is_there(in, EGW_REF_HEALTH_SNAPSHOT, egw_str_of(service))) {
        import_fault(in, item, "service", "%.64s is there twice", service);
        return;
    }
    snapshot = egw_arena_alloc(in->arena, sizeof(*snapshot));
    if (!snapshot) {
        in->nomem = true;
        return;
    }
    *snapshot = (struct egw_health_snapshot){.customer = customer,
                                             .service = import_keep(in, service),
                                             .status = import_keep(in, status)};
    for (size_t i = 0; i < json_array_size(issues) && !in->nomem; i++) {
        struct egw_str where = egw_arena_printf(in->arena, "%s%sissues[%zu]", item->where,
                                                item->where[0] ? "." : "", i);
        struct import_item issue = {json_array_get(issues, i), IMPORT_AN_ISSUE, item->file, where.p,
                                    EGW_STR_NONE};

        if (!where.p)
            in->nomem = true;
        else if (!json_is_object(issue.json))
            import_fault(in, &issue, "", "must be an object");
        else
            import_issue(in, &issue);
        if (!in->nomem && !json_is_true(json_object_get(issue.json, "isResolved")))
            snapshot->issues =
                import_with(in, &snapshot->issues,
                            import_keep(in, json_string_value(json_object_get(issue.json, "id"))));
    }
    (void)import_add(in, item, EGW_REF_HEALTH_SNAPSHOT, snapshot);
}

/* ---- Azure Service Health ---- */

/* "Southeast Asia" as part of an id: southeast-asia. */
static struct egw_str slug(struct import *in, const char *text)
{
    struct egw_str word = import_lower(in, text);
    char *p = (char *)word.p;
    size_t n = 0;

    for (size_t i = 0; i < word.n; i++) {
        bool plain = isalnum((unsigned char)p[i]) != 0;

        if (plain || (n && p[n - 1] != '-'))
            p[n++] = plain ? p[i] : '-';
    }
    return (struct egw_str){word.p, n && p[n - 1] == '-' ? n - 1 : n};
}

/* What an event says of one service, and of one region where it names one. */
struct impact {
    const struct import_item *item; /* an ARM answer has the event under "properties" */
    const char *event, *service, *region, *status;
    bool incident;
    struct egw_str customer;
};

/* The tracking id alone would name a dozen regions, each with an end of its own. */
static struct egw_str impact_id(struct import *in, const struct impact *impact)
{
    struct egw_str service = slug(in, impact->service);
    struct egw_str region = impact->region ? slug(in, impact->region) : EGW_STR_NONE;
    struct egw_str id = egw_arena_printf(in->arena, "%s.%.*s%s%.*s", impact->event,
                                         EGW_FMT(service), region.n ? "." : "", EGW_FMT(region));

    if (!id.p)
        in->nomem = true;
    return id;
}

static void import_impact(struct import *in, const struct impact *impact)
{
    struct egw_health_issue *issue = egw_arena_alloc(in->arena, sizeof(*issue));
    const struct import_item *item = impact->item;
    struct egw_opt_i64 ended = import_time(in, item, "impactMitigationTime");
    bool resolved = import_same(impact->status, "Resolved");
    struct egw_str id = impact_id(in, impact);
    struct egw_reference *fact;

    if (in->nomem || is_there(in, EGW_REF_HEALTH_ISSUE, id))
        return;
    if (issue)
        *issue = (struct egw_health_issue){
            .customer = impact->customer,
            .id = id,
            .service = import_keep(in, impact->service),
            /* a global event is in every region */
            .region = impact->region && !import_same(impact->region, "Global")
                          ? import_keep(in, impact->region)
                          : EGW_STR_NONE,
            .classification = impact->incident ? EGW_STR("incident") : EGW_STR("advisory"),
            .status = import_keep(in, impact->status),
            .resolved = resolved,
            .starts_at = import_time(in, item, "impactStartTime"),
            /* of one that goes on it is a plan */
            .ends_at = resolved ? ended : (struct egw_opt_i64){false, 0},
            .title = import_keep(in, import_text(in, item, "title")),
        };
    fact = import_add(in, item, EGW_REF_HEALTH_ISSUE, issue);
    if (fact)
        fact->source = EGW_STR("azure-service-health");
}

/* A service issue stands region by region, for it holds cases; anything else is evidence only, and
 * one record of the service is enough. */
static void import_impacted(struct import *in, struct impact *impact, const json_t *one)
{
    const json_t *regions = json_object_get(one, "impactedRegions");
    size_t n = json_array_size(regions);
    const char *status = impact->status;

    impact->service = json_string_value(json_object_get(one, "impactedService"));
    if (!impact->service || !*impact->service) {
        import_fault(in, impact->item, "impact", "names no impactedService");
        return;
    }
    if (!impact->incident && n != 1)
        n = 0;
    impact->region = NULL;
    if (n == 0)
        import_impact(in, impact);
    for (size_t i = 0; i < n && !in->nomem; i++) {
        const json_t *region = json_array_get(regions, i);
        const char *own = json_string_value(json_object_get(region, "status"));

        impact->region = json_string_value(json_object_get(region, "impactedRegion"));
        impact->status = own && *own ? own : status;
        import_impact(in, impact);
    }
    impact->status = status;
}

void import_azure_event(struct import *in, const struct import_item *outer)
{
    const json_t *nested = json_object_get(outer->json, "properties");
    struct import_item item = *outer;
    struct impact impact = {.item = &item, .event = import_need(in, outer, "name")};
    const json_t *list;
    const char *type;

    if (nested)
        item.json = nested;
    type = import_need(in, &item, "eventType");
    impact.status = import_need(in, &item, "status");
    list = json_object_get(item.json, "impact");
    if (!json_is_array(list))
        import_fault(in, &item, "impact", "must be a list");
    if (!health_customer(in, &item, &impact.customer) || !impact.event || !type || !impact.status)
        return;
    impact.incident = import_same(type, "ServiceIssue");
    for (size_t i = 0; i < json_array_size(list) && !in->nomem; i++)
        import_impacted(in, &impact, json_array_get(list, i));
}
