/* What every shape of an export asks of its items, and the facts they become. */
#include "import_internal.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { WHERE_MAX = 320 };

void *import_push(struct import *in, struct egw_list *list, size_t size)
{
    void *item = egw_list_push(in->arena, list, size);

    if (!item)
        in->nomem = true;
    return item;
}

struct egw_str import_keep(struct import *in, const char *text)
{
    struct egw_str copy = EGW_STR_NONE;

    if (text && !egw_arena_str(in->arena, egw_str_of(text), &copy))
        in->nomem = true;
    return copy;
}

void import_fault(struct import *in, const struct import_item *item, const char *member,
                  const char *fmt, ...)
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

const json_t *import_at(const json_t *json, const char *path)
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

bool import_same(const char *a, const char *b)
{
    return strcasecmp(a, b) == 0;
}

const char *import_text(struct import *in, const struct import_item *item, const char *path)
{
    const json_t *value = import_at(item->json, path);

    if (value && !json_is_string(value)) {
        import_fault(in, item, path, "must be a text");
        return NULL;
    }
    return value ? json_string_value(value) : NULL;
}

const char *import_need(struct import *in, const struct import_item *item, const char *path)
{
    const char *text = import_text(in, item, path);

    if (!import_at(item->json, path))
        import_fault(in, item, path, "is missing");
    else if (text && !*text)
        import_fault(in, item, path, "is empty");
    return text && *text ? text : NULL;
}

/* Graph gives a zone, Partner Center not always; the year 1 is its "not set". */
struct egw_opt_i64 import_time(struct import *in, const struct import_item *item, const char *path)
{
    const char *text = import_text(in, item, path);
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
        import_fault(in, item, path, "%.40s is no time", text);
    return time;
}

struct egw_str import_lower(struct import *in, const char *text)
{
    struct egw_str copy = import_keep(in, text);
    char *p = (char *)copy.p;

    for (size_t i = 0; i < copy.n; i++)
        p[i] = (char)tolower((unsigned char)p[i]);
    return copy;
}

/* ---- lists of words ---- */

static bool listed(const struct egw_list *list, struct egw_str word)
{
    const struct egw_str *words = list->p;

    for (size_t i = 0; i < list->n; i++) {
        if (egw_str_same(words[i], word))
            return true;
    }
    return false;
}

struct egw_list import_with(struct import *in, const struct egw_list *list, struct egw_str word)
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

/* ---- the facts so far ---- */

struct egw_reference *import_add(struct import *in, const struct import_item *item,
                                 enum egw_reference_kind kind, void *body)
{
    struct egw_reference *to = body ? import_push(in, &in->ret->facts, sizeof(*to)) : NULL;

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

const struct egw_relation *import_relation_of(const struct import *in, struct egw_str tenant)
{
    const struct egw_reference *facts = in->ret->facts.p;

    for (size_t i = 0; i < in->ret->facts.n; i++) {
        const struct egw_relation *relation = facts[i].body.p;

        if (facts[i].body.branch == EGW_REF_RELATION && egw_str_eq(relation->tenant, tenant))
            return relation;
    }
    return NULL;
}

const void *import_on_record(struct import *in, const char *kind, struct egw_str customer)
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

bool import_customer_named(struct import *in, struct egw_str tenant, struct egw_str *ret)
{
    const struct egw_relation *fresh = import_relation_of(in, tenant);

    if (fresh) {
        *ret = fresh->customer;
        return true;
    }
    return egw_facts_customer(in->how->known, in->how->partner, tenant, ret);
}
