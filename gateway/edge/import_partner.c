/* Customers as Partner Center lists them, and the access they delegate, as Graph tells it. */
#include "import_internal.h"

#include <string.h>

/* What the assignments of one relationship add up to. */
struct assignment {
    struct egw_str relationship;
    bool active;
    const json_t *roles;
};

/* ---- customers ---- */

void import_customer(struct import *in, const struct import_item *item)
{
    struct egw_relation *relation = egw_arena_alloc(in->arena, sizeof(*relation));
    const char *tenant = import_at(item->json, "companyProfile.tenantId")
                             ? import_need(in, item, "companyProfile.tenantId")
                             : import_need(in, item, "id");
    const char *domain = import_text(in, item, "companyProfile.domain");
    const char *name = import_text(in, item, "companyProfile.companyName");
    const char *standing = import_text(in, item, "relationshipToPartner");
    const struct egw_relation *known;
    struct egw_str customer;

    if (!tenant || !relation) {
        in->nomem = in->nomem || !relation;
        return;
    }
    relation->tenant = import_lower(in, tenant);
    if (import_relation_of(in, relation->tenant)) {
        import_fault(in, item, "", "the customer %.64s is there twice", tenant);
        return;
    }
    if (!import_customer_named(in, relation->tenant, &customer))
        customer = domain && *domain ? import_lower(in, domain) : relation->tenant;
    known = import_on_record(in, "relation", customer);
    if (known) {
        struct egw_str same_tenant = relation->tenant;

        *relation = *known;
        relation->tenant = same_tenant;
    }
    relation->partner = in->how->partner;
    relation->customer = customer;
    relation->active = !standing || !import_same(standing, "none");
    relation->domains =
        import_with(in, &relation->domains, domain ? import_lower(in, domain) : EGW_STR_NONE);
    relation->aliases = import_with(in, &relation->aliases, import_keep(in, name));
    (void)import_add(in, item, EGW_REF_RELATION, relation);
}

/* ---- delegated access ---- */

void import_assignment(struct import *in, const struct import_item *item)
{
    const char *named = import_text(in, item, "delegatedAdminRelationshipId");
    const char *status = import_need(in, item, "status");
    struct egw_str relationship = named ? import_keep(in, named) : item->relationship;
    struct assignment *to;

    if (!relationship.n) {
        import_fault(in, item, "",
                     "does not say whose assignment it is: neither @odata.context nor "
                     "delegatedAdminRelationshipId names a relationship");
        return;
    }
    if (!status)
        return;
    to = import_push(in, &in->assignments, sizeof(*to));
    if (to)
        *to = (struct assignment){relationship, import_same(status, "active"),
                                  import_at(item->json, "accessDetails.unifiedRoles")};
}

void import_nested_assignments(struct import *in, const struct import_item *item)
{
    const json_t *list = json_object_get(item->json, "accessAssignments");
    const char *id = json_string_value(json_object_get(item->json, "id"));

    for (size_t i = 0; i < json_array_size(list) && id; i++) {
        struct egw_str where = egw_arena_printf(in->arena, "%s%saccessAssignments[%zu]",
                                                item->where, item->where[0] ? "." : "", i);
        struct import_item one = {json_array_get(list, i), IMPORT_AN_ASSIGNMENT, item->file,
                                  where.p, import_keep(in, id)};

        if (!where.p) {
            in->nomem = true;
            return;
        }
        import_assignment(in, &one);
    }
}

/* One relationship, on the way to what the customer's delegations add up to. */
struct delegation {
    const struct import_item *item;
    struct egw_str customer;
    const char *status;
    struct egw_list roles;
    struct egw_opt_i64 ends_at;
    bool auto_extend, assigned, active, used;
};

static void add_roles(struct import *in, const struct import_item *item, const json_t *roles,
                      struct egw_list *to)
{
    for (size_t i = 0; i < json_array_size(roles); i++) {
        const char *id =
            json_string_value(json_object_get(json_array_get(roles, i), "roleDefinitionId"));

        if (id)
            *to = import_with(in, to, import_lower(in, id));
        else
            import_fault(in, item, "accessDetails.unifiedRoles", "[%zu] has no roleDefinitionId",
                         i);
    }
}

/* Roles reach the partner's people through a group's active assignment only. */
static void assigned_roles(struct import *in, const struct import_item *item, struct egw_str id,
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
        import_fault(
            in, item, "",
            "no access assignments of %.*s are in this import: add them, or say --assigned",
            EGW_FMT(id));
        return;
    }
    to->assigned = to->active;
    add_roles(in, item, import_at(item->json, "accessDetails.unifiedRoles"), &to->roles);
}

static bool extends_itself(const char *duration)
{
    return duration && *duration && !import_same(duration, "PT0S") && !import_same(duration, "P0D");
}

void import_relationship(struct import *in, const struct import_item *item)
{
    const char *id = import_need(in, item, "id");
    const char *tenant = import_need(in, item, "customer.tenantId");
    const char *status = import_need(in, item, "status");
    struct egw_opt_i64 ends_at = import_time(in, item, "endDateTime");
    const char *extends = import_text(in, item, "autoExtendDuration");
    struct delegation *to;
    struct egw_str customer;

    if (!id || !tenant || !status)
        return;
    if (!import_customer_named(in, import_lower(in, tenant), &customer)) {
        import_fault(in, item, "customer.tenantId",
                     "no customer of %.*s has the tenant %.64s: import the list of customers too",
                     EGW_FMT(in->how->partner), tenant);
        return;
    }
    to = import_push(in, &in->access, sizeof(*to));
    if (!to)
        return;
    *to = (struct delegation){.item = item,
                              .customer = customer,
                              .status = status,
                              .ends_at = ends_at,
                              .auto_extend = extends_itself(extends),
                              .active = import_same(status, "active")};
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
        access->roles = import_with(in, &access->roles, roles[i]);
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
    const struct egw_access *known = import_on_record(in, "access", customer);
    struct egw_access *access = egw_arena_alloc(in->arena, sizeof(*access));

    if (!access) {
        in->nomem = true;
        return;
    }
    *access = (struct egw_access){.partner = in->how->partner,
                                  .customer = customer,
                                  .status = import_keep(in, best->status),
                                  .assigned = best->assigned,
                                  .roles = best->roles,
                                  .ends_at = best->ends_at,
                                  .auto_extend = best->auto_extend};
    if (known)
        access->rbac = known->rbac; /* Azure's own: no export of Graph knows it */
    while ((more = best_of(in, customer)) != NULL)
        add_delegation(in, access, more);
    (void)import_add(in, best->item, EGW_REF_ACCESS, access);
}

void import_all_access(struct import *in)
{
    const struct delegation *list = in->access.p;

    for (size_t i = 0; i < in->access.n && !in->nomem; i++) {
        if (!list[i].used)
            import_access(in, list[i].customer);
    }
}
