/* Items are told apart by their members first; then customers, assignments, relationships and
 * health are read in that order, because each may name what the one before brought. */
#include "import_internal.h"

#include <stdio.h>
#include <string.h>

enum { ITEMS_MAX = 200000 };

/* ---- which shape ---- */

static bool has(const json_t *json, const char *path)
{
    return import_at(json, path) != NULL;
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

static void refuse_stranger(struct import *in, const struct import_item *item)
{
    char members[160] = "";
    size_t n = 0;
    const char *name;
    json_t *value;

    for (size_t i = 0; i < EGW_COUNT(strangers); i++) {
        if (has(item->json, strangers[i].first) && has(item->json, strangers[i].second)) {
            import_fault(in, item, "", "is %s, which has no import", strangers[i].name);
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
    import_fault(in, item, "", "is no shape that can be imported: it has %s",
                 n ? members : "no members");
}

static bool shape_of(const json_t *json, enum import_shape *ret)
{
    static const struct {
        const char *first, *second;
        enum import_shape shape;
    } shapes[] = {
        {"companyProfile", "id", IMPORT_A_CUSTOMER},
        {"accessContainer", "accessDetails", IMPORT_AN_ASSIGNMENT},
        {"customer", "accessDetails", IMPORT_A_RELATIONSHIP},
        {"classification", "isResolved", IMPORT_AN_ISSUE},
        {"eventType", "eventSource", IMPORT_AN_AZURE_EVENT},
        {"properties.eventType", "properties.eventSource", IMPORT_AN_AZURE_EVENT},
        {"service", "status", IMPORT_AN_OVERVIEW},
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
    struct import_item item = {json, IMPORT_A_CUSTOMER, file, where, relationship}, *to;

    if (in->items.n >= ITEMS_MAX) {
        import_fault(in, &item, "", "there are more than %d items in one import", ITEMS_MAX);
        return;
    }
    if (!json_is_object(json)) {
        import_fault(in, &item, "", "must be an object");
        return;
    }
    if (!shape_of(json, &item.shape)) {
        refuse_stranger(in, &item);
        return;
    }
    to = import_push(in, &in->items, sizeof(*to));
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
        const char **to = import_push(in, &in->ret->pages, sizeof(*to));

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
/* ---- all of it ---- */

static void import_items(struct import *in)
{
    static void (*const by_shape[IMPORT_SHAPES])(struct import * in,
                                                 const struct import_item *item) = {
        [IMPORT_A_CUSTOMER] = import_customer,
        [IMPORT_AN_ASSIGNMENT] = import_assignment,
        [IMPORT_A_RELATIONSHIP] = import_relationship,
        [IMPORT_AN_OVERVIEW] = import_overview,
        [IMPORT_AN_ISSUE] = import_issue,
        [IMPORT_AN_AZURE_EVENT] = import_azure_event,
    };
    const struct import_item *items = in->items.p;

    for (size_t i = 0; i < in->items.n && !in->nomem; i++) {
        if (items[i].shape == IMPORT_A_RELATIONSHIP)
            import_nested_assignments(in, &items[i]);
    }
    for (int shape = 0; shape < IMPORT_SHAPES; shape++) {
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
