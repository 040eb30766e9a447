/* Items are told apart by their members first; then customers, assignments, relationships and
 * health are read in that order, because each may name what the one before brought. */
#include "egw/import.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <jansson.h>

enum { ITEMS_MAX = 200000, WHERE_MAX = 320 };

enum shape {
    A_CUSTOMER,
    AN_ASSIGNMENT,
    A_RELATIONSHIP,
    AN_OVERVIEW,
    AN_ISSUE,
    AN_AZURE_EVENT,
    SHAPES,
};

struct item {
    const json_t *json;
    enum shape shape;
    const struct egw_import_file *file;
    const char *where;           /* "value[3]", empty for a file that is one item */
    struct egw_str relationship; /* of an assignment */
};

/* What the assignments of one relationship add up to. */
struct assignment {
    struct egw_str relationship;
    bool active;
    const json_t *roles;
};

struct import {
    const struct egw_import *how;
    struct egw_arena *arena;
    struct egw_faults *faults;
    struct egw_list items;       /* of item */
    struct egw_list assignments; /* of assignment */
    struct egw_list access;      /* of delegation */
    struct egw_imported *ret;
    bool nomem;
};

/* ---- small helpers ---- */

static void *push(struct import *in, struct egw_list *list, size_t size)
{
    void *item = egw_list_push(in->arena, list, size);

    if (!item)
        in->nomem = true;
    return item;
}

static struct egw_str keep(struct import *in, const char *text)
{
    struct egw_str copy = EGW_STR_NONE;

    if (text && !egw_arena_str(in->arena, egw_str_of(text), &copy))
        in->nomem = true;
    return copy;
}

static void fault(struct import *in, const struct item *item, const char *member, const char *fmt,
                  ...) EGW_PRINTF(4, 5);
static void fault(struct import *in, const struct item *item, const char *member, const char *fmt,
                  ...)
{
    char where[WHERE_MAX], text[EGW_ERROR_TEXT];
    const char *dot = item->where[0] && member[0] ? "." : "";
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    (void)snprintf(where, sizeof(where), "%s%s%s%s%s", item->file->name,
                   item->where[0] || member[0] ? ":" : "", item->where, dot, member);
    egw_faults_add(in->faults, where, 0, "%s", text);
}

/* The value at "customer.tenantId"; NULL: not there, or null. */
static const json_t *at(const json_t *json, const char *path)
{
    char name[64];

    while (json && *path) {
        size_t n = strcspn(path, ".");

        if (n >= sizeof(name))
            return NULL;
        memcpy(name, path, n);
        name[n] = '\0';
        json = json_object_get(json, name);
        path += n + (path[n] == '.');
    }
    return json_is_null(json) ? NULL : json;
}

static bool same(const char *a, const char *b)
{
    return strcasecmp(a, b) == 0;
}

/* NULL: not there; a value that is no text is a fault. */
static const char *text_at(struct import *in, const struct item *item, const char *path)
{
    const json_t *value = at(item->json, path);

    if (value && !json_is_string(value)) {
        fault(in, item, path, "must be a text");
        return NULL;
    }
    return value ? json_string_value(value) : NULL;
}

static const char *need_text(struct import *in, const struct item *item, const char *path)
{
    const char *text = text_at(in, item, path);

    if (!at(item->json, path))
        fault(in, item, path, "is missing");
    else if (text && !*text)
        fault(in, item, path, "is empty");
    return text && *text ? text : NULL;
}

/* Graph gives a zone, Partner Center not always; the year 1 is its "not set". */
static struct egw_opt_i64 time_at(struct import *in, const struct item *item, const char *path)
{
    const char *text = text_at(in, item, path);
    struct egw_opt_i64 time = {false, 0};
    char zoned[64];

    if (!text || strncmp(text, "0001-", 5) == 0)
        return time;
    time.has = egw_time_parse(egw_str_of(text), &time.v);
    if (!time.has && strlen(text) < sizeof(zoned) - 1) {
        (void)snprintf(zoned, sizeof(zoned), "%sZ", text);
        time.has = egw_time_parse(egw_str_of(zoned), &time.v);
    }
    if (!time.has)
        fault(in, item, path, "%.40s is no time", text);
    return time;
}

/* Names in keys: lower case, because tenants and domains are the same in any case. */
static struct egw_str lower(struct import *in, const char *text)
{
    struct egw_str copy = keep(in, text);
    char *p = (char *)copy.p;

    for (size_t i = 0; i < copy.n; i++)
        p[i] = (char)tolower((unsigned char)p[i]);
    return copy;
}

/* ---- which shape ---- */

static bool has(const json_t *json, const char *path)
{
    return at(json, path) != NULL;
}

/* What has members of ours and is something else, or is no fact at all. */
static const struct stranger {
    const char *first, *second, *name;
} strangers[] = {
    {"category", "isMajorChange", "a message of the message center"},
    {"supportTopicId", "status", "a service request of Partner Center"},
    {"groupName", "links", "a managed service of Partner Center"},
    {"offerId", "friendlyName", "a subscription of Partner Center"},
    {"mpnId", "relationshipType", "an indirect relationship of Partner Center"},
    {"operationType", "resourceType", "an audit record of Partner Center"},
};

static void refuse_stranger(struct import *in, const struct item *item)
{
    char members[160] = "";
    size_t n = 0;
    const char *name;
    json_t *value;

    for (size_t i = 0; i < EGW_COUNT(strangers); i++) {
        if (has(item->json, strangers[i].first) && has(item->json, strangers[i].second)) {
            fault(in, item, "", "is %s, which has no import", strangers[i].name);
            return;
        }
    }
    json_object_foreach((json_t *)(uintptr_t)item->json, name, value)
    {
        int more = snprintf(members + n, sizeof(members) - n, "%s%.40s", n ? ", " : "", name);

        if (more < 0 || (size_t)more >= sizeof(members) - n)
            break;
        n += (size_t)more;
    }
    members[n] = '\0';
    fault(in, item, "", "is no shape that can be imported: it has %s", n ? members : "no members");
}

static bool shape_of(const json_t *json, enum shape *ret)
{
    static const struct {
        const char *first, *second;
        enum shape shape;
    } shapes[] = {
        {"companyProfile", "id", A_CUSTOMER},
        {"accessContainer", "accessDetails", AN_ASSIGNMENT},
        {"customer", "accessDetails", A_RELATIONSHIP},
        {"classification", "isResolved", AN_ISSUE},
        {"eventType", "eventSource", AN_AZURE_EVENT},
        {"properties.eventType", "properties.eventSource", AN_AZURE_EVENT},
        {"service", "status", AN_OVERVIEW},
    };

    for (size_t i = 0; i < EGW_COUNT(shapes); i++) {
        if (has(json, shapes[i].first) && has(json, shapes[i].second)) {
            *ret = shapes[i].shape;
            return true;
        }
    }
    return false;
}

/* "...delegatedAdminRelationships('5d02-...')/accessAssignments" names whose assignments these are.
 */
static struct egw_str relationship_of_context(struct import *in, const json_t *root)
{
    const char *context = json_string_value(json_object_get(root, "@odata.context"));
    const char *open = context ? strstr(context, "delegatedAdminRelationships('") : NULL;
    const char *close;
    struct egw_str id = EGW_STR_NONE;

    if (!open)
        return id;
    open += strlen("delegatedAdminRelationships('");
    close = strchr(open, '\'');
    if (close && !egw_arena_str(in->arena, (struct egw_str){open, (size_t)(close - open)}, &id))
        in->nomem = true;
    return id;
}

static void take_item(struct import *in, const struct egw_import_file *file, const json_t *json,
                      const char *where, struct egw_str relationship)
{
    struct item item = {json, A_CUSTOMER, file, where, relationship}, *to;

    if (in->items.n >= ITEMS_MAX) {
        fault(in, &item, "", "there are more than %d items in one import", ITEMS_MAX);
        return;
    }
    if (!json_is_object(json)) {
        fault(in, &item, "", "must be an object");
        return;
    }
    if (!shape_of(json, &item.shape)) {
        refuse_stranger(in, &item);
        return;
    }
    to = push(in, &in->items, sizeof(*to));
    if (to)
        *to = item;
}

static void take_list(struct import *in, const struct egw_import_file *file, const json_t *list,
                      const char *name, struct egw_str relationship)
{
    for (size_t i = 0; i < json_array_size(list) && !in->nomem; i++) {
        struct egw_str where = egw_arena_printf(in->arena, "%s[%zu]", name, i);

        if (where.p)
            take_item(in, file, json_array_get(list, i), where.p, relationship);
        else
            in->nomem = true;
    }
}

static void note_page(struct import *in, const struct egw_import_file *file, const json_t *root)
{
    if (has(root, "@odata.nextLink") || has(root, "links.next")) {
        const char **to = push(in, &in->ret->pages, sizeof(*to));

        if (to)
            *to = file->name;
    }
}

static void take_root(struct import *in, const struct egw_import_file *file, const json_t *root)
{
    struct egw_str relationship = relationship_of_context(in, root);

    note_page(in, file, root);
    if (json_is_array(root))
        take_list(in, file, root, "", relationship);
    else if (json_is_array(json_object_get(root, "value")))
        take_list(in, file, json_object_get(root, "value"), "value", relationship);
    else if (json_is_array(json_object_get(root, "items")))
        take_list(in, file, json_object_get(root, "items"), "items", relationship);
    else
        take_item(in, file, root, "", relationship);
}

/* ---- the facts so far ---- */

static struct egw_reference *add_fact(struct import *in, const struct item *item,
                                      enum egw_reference_kind kind, void *body)
{
    struct egw_reference *to = body ? push(in, &in->ret->facts, sizeof(*to)) : NULL;

    if (!body)
        in->nomem = true;
    if (!to)
        return NULL;
    to->as_of = item->file->as_of;
    to->source = kind == EGW_REF_RELATION ? EGW_STR("partner-center") : EGW_STR("microsoft-graph");
    to->body.branch = (int32_t)kind;
    to->body.p = body;
    return to;
}

static const struct egw_relation *imported_relation(const struct import *in, struct egw_str tenant)
{
    const struct egw_reference *facts = in->ret->facts.p;

    for (size_t i = 0; i < in->ret->facts.n; i++) {
        const struct egw_relation *relation = facts[i].body.p;

        if (facts[i].body.branch == EGW_REF_RELATION && egw_str_eq(relation->tenant, tenant))
            return relation;
    }
    return NULL;
}

static const void *on_record(struct import *in, const char *kind, struct egw_str customer)
{
    struct egw_str key = egw_arena_printf(in->arena, "%s/%.*s/%.*s", kind,
                                          EGW_FMT(in->how->partner), EGW_FMT(customer));
    struct egw_fact_view view;

    if (!key.p) {
        in->nomem = true;
        return NULL;
    }
    view = egw_facts_get(in->how->known, key);
    return view.reference ? view.reference->body.p : NULL;
}

/* The name keys use for the tenant: the one on record, or of this import. */
static bool customer_named(struct import *in, struct egw_str tenant, struct egw_str *ret)
{
    const struct egw_relation *fresh = imported_relation(in, tenant);

    if (fresh) {
        *ret = fresh->customer;
        return true;
    }
    return egw_facts_customer(in->how->known, in->how->partner, tenant, ret);
}

/* ---- customers ---- */

static bool listed(const struct egw_list *list, struct egw_str word)
{
    const struct egw_str *words = list->p;

    for (size_t i = 0; i < list->n; i++) {
        if (egw_str_same(words[i], word))
            return true;
    }
    return false;
}

/* The list with one word more, in fresh memory: the one on record is not ours to grow. */
static struct egw_list with(struct import *in, const struct egw_list *list, struct egw_str word)
{
    struct egw_str *words;

    if (!word.n || listed(list, word))
        return *list;
    words = egw_arena_alloc(in->arena, (list->n + 1) * sizeof(*words));
    if (!words) {
        in->nomem = true;
        return *list;
    }
    if (list->n)
        memcpy(words, list->p, list->n * sizeof(*words));
    words[list->n] = word;
    return (struct egw_list){words, list->n + 1};
}

static void import_customer(struct import *in, const struct item *item)
{
    struct egw_relation *relation = egw_arena_alloc(in->arena, sizeof(*relation));
    const char *tenant = at(item->json, "companyProfile.tenantId")
                             ? need_text(in, item, "companyProfile.tenantId")
                             : need_text(in, item, "id");
    const char *domain = text_at(in, item, "companyProfile.domain");
    const char *name = text_at(in, item, "companyProfile.companyName");
    const char *standing = text_at(in, item, "relationshipToPartner");
    const struct egw_relation *known;
    struct egw_str customer;

    if (!tenant || !relation) {
        in->nomem = in->nomem || !relation;
        return;
    }
    relation->tenant = lower(in, tenant);
    if (imported_relation(in, relation->tenant)) {
        fault(in, item, "", "the customer %.64s is there twice", tenant);
        return;
    }
    if (!customer_named(in, relation->tenant, &customer))
        customer = domain && *domain ? lower(in, domain) : relation->tenant;
    known = on_record(in, "relation", customer);
    if (known) {
        struct egw_str same_tenant = relation->tenant;

        *relation = *known;
        relation->tenant = same_tenant;
    }
    relation->partner = in->how->partner;
    relation->customer = customer;
    relation->active = !standing || !same(standing, "none");
    relation->domains = with(in, &relation->domains, domain ? lower(in, domain) : EGW_STR_NONE);
    relation->aliases = with(in, &relation->aliases, keep(in, name));
    (void)add_fact(in, item, EGW_REF_RELATION, relation);
}

/* ---- delegated access ---- */

static void import_assignment(struct import *in, const struct item *item)
{
    const char *named = text_at(in, item, "delegatedAdminRelationshipId");
    const char *status = need_text(in, item, "status");
    struct egw_str relationship = named ? keep(in, named) : item->relationship;
    struct assignment *to;

    if (!relationship.n) {
        fault(in, item, "",
              "does not say whose assignment it is: neither @odata.context nor "
              "delegatedAdminRelationshipId names a relationship");
        return;
    }
    if (!status)
        return;
    to = push(in, &in->assignments, sizeof(*to));
    if (to)
        *to = (struct assignment){relationship, same(status, "active"),
                                  at(item->json, "accessDetails.unifiedRoles")};
}

static void nested_assignments(struct import *in, const struct item *item)
{
    const json_t *list = json_object_get(item->json, "accessAssignments");
    const char *id = json_string_value(json_object_get(item->json, "id"));

    for (size_t i = 0; i < json_array_size(list) && id; i++) {
        struct egw_str where = egw_arena_printf(in->arena, "%s%saccessAssignments[%zu]",
                                                item->where, item->where[0] ? "." : "", i);
        struct item one = {json_array_get(list, i), AN_ASSIGNMENT, item->file, where.p,
                           keep(in, id)};

        if (!where.p) {
            in->nomem = true;
            return;
        }
        import_assignment(in, &one);
    }
}

/* One relationship, on the way to what the customer's delegations add up to. */
struct delegation {
    const struct item *item;
    struct egw_str customer;
    const char *status;
    struct egw_list roles;
    struct egw_opt_i64 ends_at;
    bool auto_extend, assigned, active, used;
};

static void add_roles(struct import *in, const struct item *item, const json_t *roles,
                      struct egw_list *to)
{
    for (size_t i = 0; i < json_array_size(roles); i++) {
        const char *id =
            json_string_value(json_object_get(json_array_get(roles, i), "roleDefinitionId"));

        if (id)
            *to = with(in, to, lower(in, id));
        else
            fault(in, item, "accessDetails.unifiedRoles", "[%zu] has no roleDefinitionId", i);
    }
}

/* Roles reach the partner's people through a group's active assignment only. */
static void assigned_roles(struct import *in, const struct item *item, struct egw_str id,
                           struct delegation *to)
{
    const struct assignment *list = in->assignments.p;
    bool told = false;

    for (size_t i = 0; i < in->assignments.n; i++) {
        if (!egw_str_eq(list[i].relationship, id))
            continue;
        told = true;
        if (list[i].active) {
            to->assigned = true;
            add_roles(in, item, list[i].roles, &to->roles);
        }
    }
    if (told)
        return;
    if (to->active && !in->how->assigned) {
        fault(in, item, "",
              "no access assignments of %.*s are in this import: add them, or say --assigned",
              EGW_FMT(id));
        return;
    }
    to->assigned = to->active;
    add_roles(in, item, at(item->json, "accessDetails.unifiedRoles"), &to->roles);
}

static bool extends_itself(const char *duration)
{
    return duration && *duration && !same(duration, "PT0S") && !same(duration, "P0D");
}

static void import_relationship(struct import *in, const struct item *item)
{
    const char *id = need_text(in, item, "id");
    const char *tenant = need_text(in, item, "customer.tenantId");
    const char *status = need_text(in, item, "status");
    struct egw_opt_i64 ends_at = time_at(in, item, "endDateTime");
    const char *extends = text_at(in, item, "autoExtendDuration");
    struct delegation *to;
    struct egw_str customer;

    if (!id || !tenant || !status)
        return;
    if (!customer_named(in, lower(in, tenant), &customer)) {
        fault(in, item, "customer.tenantId",
              "no customer of %.*s has the tenant %.64s: import the list of customers too",
              EGW_FMT(in->how->partner), tenant);
        return;
    }
    to = push(in, &in->access, sizeof(*to));
    if (!to)
        return;
    *to = (struct delegation){.item = item,
                              .customer = customer,
                              .status = status,
                              .ends_at = ends_at,
                              .auto_extend = extends_itself(extends),
                              .active = same(status, "active")};
    assigned_roles(in, item, egw_str_of(id), to);
}

static int64_t end_of(const struct delegation *d)
{
    return d->ends_at.has && !d->auto_extend ? d->ends_at.v : INT64_MAX;
}

/* Active goes before ended, assigned before not, and what lasts longer before the rest. */
static bool better(const struct delegation *a, const struct delegation *b)
{
    if (a->active != b->active)
        return a->active;
    if (a->assigned != b->assigned)
        return a->assigned;
    return end_of(a) > end_of(b);
}

static struct delegation *best_of(struct import *in, struct egw_str customer)
{
    struct delegation *list = in->access.p, *best = NULL;

    for (size_t i = 0; i < in->access.n; i++) {
        if (!list[i].used && egw_str_eq(list[i].customer, customer) &&
            (!best || better(&list[i], best)))
            best = &list[i];
    }
    if (best)
        best->used = true;
    return best;
}

/* A further delegation counts where it adds a role, and then the whole ends with the first of them:
 * a role that is gone must not be believed. */
static void add_delegation(struct import *in, struct egw_access *access,
                           const struct delegation *more)
{
    const struct egw_str *roles = more->roles.p;
    size_t before = access->roles.n;

    if (!more->active || !more->assigned)
        return;
    for (size_t i = 0; i < more->roles.n; i++)
        access->roles = with(in, &access->roles, roles[i]);
    if (access->roles.n == before || !more->ends_at.has)
        return;
    if (!access->ends_at.has || (access->auto_extend && !more->auto_extend) ||
        (access->auto_extend == more->auto_extend && more->ends_at.v < access->ends_at.v)) {
        access->ends_at = more->ends_at;
        access->auto_extend = more->auto_extend;
    }
}

static void import_access(struct import *in, struct egw_str customer)
{
    const struct delegation *best = best_of(in, customer), *more;
    const struct egw_access *known = on_record(in, "access", customer);
    struct egw_access *access = egw_arena_alloc(in->arena, sizeof(*access));

    if (!access) {
        in->nomem = true;
        return;
    }
    *access = (struct egw_access){.partner = in->how->partner,
                                  .customer = customer,
                                  .status = keep(in, best->status),
                                  .assigned = best->assigned,
                                  .roles = best->roles,
                                  .ends_at = best->ends_at,
                                  .auto_extend = best->auto_extend};
    if (known)
        access->rbac = known->rbac; /* Azure's own: no export of Graph knows it */
    while ((more = best_of(in, customer)) != NULL)
        add_delegation(in, access, more);
    (void)add_fact(in, best->item, EGW_REF_ACCESS, access);
}

static void import_all_access(struct import *in)
{
    const struct delegation *list = in->access.p;

    for (size_t i = 0; i < in->access.n && !in->nomem; i++) {
        if (!list[i].used)
            import_access(in, list[i].customer);
    }
}

/* ---- health ---- */

/* Whose health: asked once, for every item says the same. */
static bool health_customer(struct import *in, const struct item *item, struct egw_str *ret)
{
    if (!in->how->customer.n) {
        fault(in, item, "", "service health does not say whose it is: name the customer");
        return false;
    }
    return egw_facts_customer(in->how->known, in->how->partner, in->how->customer, ret) ||
           customer_named(in, in->how->customer, ret) ||
           (fault(in, item, "", "no customer of %.*s is named %.*s", EGW_FMT(in->how->partner),
                  EGW_FMT(in->how->customer)),
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

static void import_issue(struct import *in, const struct item *item)
{
    const char *id = need_text(in, item, "id"), *service = need_text(in, item, "service");
    const char *status = need_text(in, item, "status");
    const char *classification = need_text(in, item, "classification");
    const json_t *resolved = at(item->json, "isResolved");
    struct egw_health_issue *issue;
    struct egw_str customer;

    if (!json_is_boolean(resolved))
        fault(in, item, "isResolved", "must be true or false");
    if (classification && !same(classification, "incident") && !same(classification, "advisory"))
        fault(in, item, "classification", "%.40s is neither incident nor advisory", classification);
    if (!health_customer(in, item, &customer) || !id || !service || !status || !classification)
        return;
    if (is_there(in, EGW_REF_HEALTH_ISSUE, egw_str_of(id)))
        return; /* healthOverviews and issues often bring the same one */
    issue = egw_arena_alloc(in->arena, sizeof(*issue));
    if (issue)
        *issue = (struct egw_health_issue){
            .customer = customer,
            .id = keep(in, id),
            .service = keep(in, service),
            .feature = keep(in, text_at(in, item, "feature")),
            .feature_group = keep(in, text_at(in, item, "featureGroup")),
            .classification =
                same(classification, "incident") ? EGW_STR("incident") : EGW_STR("advisory"),
            .status = keep(in, status),
            .resolved = json_is_true(resolved),
            .starts_at = time_at(in, item, "startDateTime"),
            .ends_at = time_at(in, item, "endDateTime"),
            .title = keep(in, text_at(in, item, "title")),
        };
    (void)add_fact(in, item, EGW_REF_HEALTH_ISSUE, issue);
}

static void import_overview(struct import *in, const struct item *item)
{
    const char *service = need_text(in, item, "service"), *status = need_text(in, item, "status");
    const json_t *issues = json_object_get(item->json, "issues");
    struct egw_health_snapshot *snapshot;
    struct egw_str customer;

    if (!health_customer(in, item, &customer) || !service || !status)
        return;
    if (is_there(in, EGW_REF_HEALTH_SNAPSHOT, egw_str_of(service))) {
        fault(in, item, "service", "%.64s is there twice", service);
        return;
    }
    snapshot = egw_arena_alloc(in->arena, sizeof(*snapshot));
    if (!snapshot) {
        in->nomem = true;
        return;
    }
    *snapshot = (struct egw_health_snapshot){
        .customer = customer, .service = keep(in, service), .status = keep(in, status)};
    for (size_t i = 0; i < json_array_size(issues) && !in->nomem; i++) {
        struct egw_str where = egw_arena_printf(in->arena, "%s%sissues[%zu]", item->where,
                                                item->where[0] ? "." : "", i);
        struct item issue = {json_array_get(issues, i), AN_ISSUE, item->file, where.p,
                             EGW_STR_NONE};

        if (!where.p)
            in->nomem = true;
        else if (!json_is_object(issue.json))
            fault(in, &issue, "", "must be an object");
        else
            import_issue(in, &issue);
        if (!in->nomem && !json_is_true(json_object_get(issue.json, "isResolved")))
            snapshot->issues = with(in, &snapshot->issues,
                                    keep(in, json_string_value(json_object_get(issue.json, "id"))));
    }
    (void)add_fact(in, item, EGW_REF_HEALTH_SNAPSHOT, snapshot);
}

/* ---- Azure Service Health ---- */

/* "Southeast Asia" as part of an id: southeast-asia. */
static struct egw_str slug(struct import *in, const char *text)
{
    struct egw_str word = lower(in, text);
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
    const struct item *item; /* an ARM answer has the event under "properties" */
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
    const struct item *item = impact->item;
    struct egw_opt_i64 ended = time_at(in, item, "impactMitigationTime");
    bool resolved = same(impact->status, "Resolved");
    struct egw_str id = impact_id(in, impact);
    struct egw_reference *fact;

    if (in->nomem || is_there(in, EGW_REF_HEALTH_ISSUE, id))
        return;
    if (issue)
        *issue = (struct egw_health_issue){
            .customer = impact->customer,
            .id = id,
            .service = keep(in, impact->service),
            /* a global event is in every region */
            .region = impact->region && !same(impact->region, "Global") ? keep(in, impact->region)
                                                                        : EGW_STR_NONE,
            .classification = impact->incident ? EGW_STR("incident") : EGW_STR("advisory"),
            .status = keep(in, impact->status),
            .resolved = resolved,
            .starts_at = time_at(in, item, "impactStartTime"),
            /* of one that goes on it is a plan */
            .ends_at = resolved ? ended : (struct egw_opt_i64){false, 0},
            .title = keep(in, text_at(in, item, "title")),
        };
    fact = add_fact(in, item, EGW_REF_HEALTH_ISSUE, issue);
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
        fault(in, impact->item, "impact", "names no impactedService");
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

static void import_azure_event(struct import *in, const struct item *outer)
{
    const json_t *nested = json_object_get(outer->json, "properties");
    struct item item = *outer;
    struct impact impact = {.item = &item, .event = need_text(in, outer, "name")};
    const json_t *list;
    const char *type;

    if (nested)
        item.json = nested;
    type = need_text(in, &item, "eventType");
    impact.status = need_text(in, &item, "status");
    list = json_object_get(item.json, "impact");
    if (!json_is_array(list))
        fault(in, &item, "impact", "must be a list");
    if (!health_customer(in, &item, &impact.customer) || !impact.event || !type || !impact.status)
        return;
    impact.incident = same(type, "ServiceIssue");
    for (size_t i = 0; i < json_array_size(list) && !in->nomem; i++)
        import_impacted(in, &impact, json_array_get(list, i));
}

/* ---- all of it ---- */

static void import_items(struct import *in)
{
    static void (*const by_shape[SHAPES])(struct import * in, const struct item *item) = {
        [A_CUSTOMER] = import_customer,
        [AN_ASSIGNMENT] = import_assignment,
        [A_RELATIONSHIP] = import_relationship,
        [AN_OVERVIEW] = import_overview,
        [AN_ISSUE] = import_issue,
        [AN_AZURE_EVENT] = import_azure_event,
    };
    const struct item *items = in->items.p;

    for (size_t i = 0; i < in->items.n && !in->nomem; i++) {
        if (items[i].shape == A_RELATIONSHIP)
            nested_assignments(in, &items[i]);
    }
    for (int shape = 0; shape < SHAPES; shape++) {
        for (size_t i = 0; i < in->items.n && !in->nomem; i++) {
            if ((int)items[i].shape == shape)
                by_shape[shape](in, &items[i]);
        }
    }
    import_all_access(in);
}

static json_t *load(struct import *in, const struct egw_import_file *file)
{
    struct egw_str text = file->content;
    json_error_t why;
    json_t *root;

    if (text.n >= 3 && memcmp(text.p, "\xef\xbb\xbf", 3) == 0)
        text = (struct egw_str){text.p + 3, text.n - 3};
    root = json_loadb(text.p ? text.p : "", text.n, JSON_REJECT_DUPLICATES, &why);
    if (!root)
        egw_faults_add(in->faults, file->name, why.line > 0 ? why.line : 0, "no JSON: %s",
                       why.text);
    return root;
}

enum egw_status egw_import(const struct egw_import_file *files, size_t n,
                           const struct egw_import *how, struct egw_arena *arena,
                           struct egw_imported *ret, struct egw_faults *faults)
{
    json_t **roots = egw_arena_alloc(arena, (n ? n : 1) * sizeof(json_t *));
    struct import in = {.how = how, .arena = arena, .faults = faults, .ret = ret};

    *ret = (struct egw_imported){0};
    if (!roots)
        return EGW_NOMEM;
    for (size_t i = 0; i < n; i++) {
        roots[i] = load(&in, &files[i]);
        if (roots[i])
            take_root(&in, &files[i], roots[i]);
    }
    import_items(&in);
    for (size_t i = 0; i < n; i++)
        json_decref(roots[i]);
    if (in.nomem)
        return EGW_NOMEM;
    return faults->total ? EGW_INVALID : EGW_OK;
}
