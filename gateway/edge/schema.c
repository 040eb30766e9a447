#include "egw/schema.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "egw/records.h"
#include "egw/table.h"
#include "../core/plan.h"
#include "schema_node.h"

enum { SCHEMA_BYTES_MAX = 64 * 1024, SCHEMA_ARENA_MAX = 16 * 1024 * 1024, NAME_MAX_BYTES = 512 };

struct parsing {
    struct egw_arena arena;
    struct egw_table named; /* full name -> address of its node */
    struct egw_error *err;
};

static const struct {
    const char *name;
    enum egw_kind kind;
} primitives[] = {
    {"null", EGW_K_NULL},   {"boolean", EGW_K_BOOLEAN}, {"int", EGW_K_INT},
    {"long", EGW_K_LONG},   {"float", EGW_K_FLOAT},     {"double", EGW_K_DOUBLE},
    {"bytes", EGW_K_BYTES}, {"string", EGW_K_STRING},
};

static void parsing_free(struct parsing *p)
{
    egw_table_free(&p->named);
    egw_arena_free(&p->arena);
}

static void json_freep(json_t **json)
{
    json_decref(*json);
}

static enum egw_status no_memory(struct egw_error *err)
{
    return egw_error_set(err, EGW_NOMEM, "no memory for a schema");
}

/* Brackets are counted before the JSON library, which recurses, sees the text. */
static bool too_deep(struct egw_str text)
{
    bool quoted = false;
    int depth = 0;

    for (size_t i = 0; i < text.n; i++) {
        char c = text.p[i];

        if (quoted && c == '\\')
            i++;
        else if (c == '"')
            quoted = !quoted;
        else if (!quoted && (c == '{' || c == '['))
            depth++;
        else if (!quoted && (c == '}' || c == ']'))
            depth--;
        if (depth > EGW_DEPTH_MAX)
            return true;
    }
    return false;
}

static enum egw_status load(struct egw_str text, json_t **ret, struct egw_error *err)
{
    json_error_t why;

    if (text.n > SCHEMA_BYTES_MAX)
        return egw_error_set(err, EGW_INVALID, "schema of %zu bytes, at most %d are read", text.n,
                             SCHEMA_BYTES_MAX);
    if (too_deep(text))
        return egw_error_set(err, EGW_INVALID, "schema is nested deeper than %d", EGW_DEPTH_MAX);
    *ret = json_loadb(text.p ? text.p : "", text.n, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, &why);
    if (!*ret)
        return egw_error_set(err, EGW_INVALID, "schema is not JSON: line %d: %s", why.line,
                             why.text);
    return EGW_OK;
}

/* ---- names ---- */

static bool is_name(const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        bool letter = (s[i] >= 'a' && s[i] <= 'z') || (s[i] >= 'A' && s[i] <= 'Z') || s[i] == '_';

        if (!letter && (i == 0 || s[i] < '0' || s[i] > '9'))
            return false;
    }
    return n > 0;
}

/* Names with dots between; every part a name. */
static bool is_dotted(const char *s)
{
    for (;;) {
        size_t n = strcspn(s, ".");

        if (!is_name(s, n))
            return false;
        if (!s[n])
            return true;
        s += n + 1;
    }
}

/* Space and name joined: the full name, in the arena. space may be empty. */
static const char *joined(struct parsing *p, struct egw_str space, const char *name)
{
    if (strchr(name, '.') || !space.n)
        return egw_arena_printf(&p->arena, "%s", name).p;
    return egw_arena_printf(&p->arena, "%.*s.%s", (int)space.n, space.p, name).p;
}

/* The namespace part of a full name. */
static struct egw_str space_of(const char *full)
{
    const char *dot = strrchr(full, '.');

    return dot ? (struct egw_str){full, (size_t)(dot - full)} : EGW_STR("");
}

static struct egw_node *look_up(struct parsing *p, const char *full)
{
    struct egw_str value;
    struct egw_node *node;

    if (!egw_table_get(&p->named, egw_str_of(full), &value))
        return NULL;
    memcpy(&node, value.p, sizeof(node));
    return node;
}

/* ---- JSON to nodes; recursion is bounded by the depth of the text ---- */

static enum egw_status parse(struct parsing *p, const json_t *json, struct egw_str space,
                             struct egw_node **ret);

static enum egw_status new_node(struct parsing *p, enum egw_kind kind, struct egw_node **ret)
{
    struct egw_node *node = egw_arena_alloc(&p->arena, sizeof(*node));

    if (!node)
        return no_memory(p->err);
    node->kind = kind;
    *ret = node;
    return EGW_OK;
}

static enum egw_status parse_name(struct parsing *p, const char *name, struct egw_str space,
                                  struct egw_node **ret)
{
    const char *full;

    for (size_t i = 0; i < EGW_COUNT(primitives); i++) {
        if (!strcmp(name, primitives[i].name))
            return new_node(p, primitives[i].kind, ret);
    }
    if (!is_dotted(name))
        return egw_error_set(p->err, EGW_INVALID, "'%.100s' is no name of a type", name);
    full = joined(p, space, name);
    if (!full)
        return no_memory(p->err);
    *ret = look_up(p, full);
    if (!*ret)
        return egw_error_set(p->err, EGW_INVALID, "type '%.100s' is not defined", full);
    return EGW_OK;
}

static enum egw_status parse_union(struct parsing *p, const json_t *json, struct egw_str space,
                                   struct egw_node **ret)
{
    struct egw_node *node;
    enum egw_status st = new_node(p, EGW_K_NULL, &node);

    if (st)
        return st;
    node->is_union = true;
    node->n = json_array_size(json);
    if (!node->n)
        return egw_error_set(p->err, EGW_INVALID, "a union without branches");
    node->branches = egw_arena_alloc(&p->arena, node->n * sizeof(*node->branches));
    if (!node->branches)
        return no_memory(p->err);
    for (size_t i = 0; i < node->n; i++) {
        st = parse(p, json_array_get(json, i), space, &node->branches[i]);
        if (st)
            return st;
        if (node->branches[i]->is_union)
            return egw_error_set(p->err, EGW_INVALID, "a union directly inside a union");
    }
    *ret = node;
    return EGW_OK;
}

static enum egw_status parse_field(struct parsing *p, const json_t *json, struct egw_node *record,
                                   struct egw_node_field *field)
{
    const char *name = json_string_value(json_object_get(json, "name"));
    const json_t *type = json_object_get(json, "type");
    enum egw_status st;

    if (!name || !is_name(name, strlen(name)))
        return egw_error_set(p->err, EGW_INVALID, "a field has no valid name");
    for (const struct egw_node_field *f = record->fields; f < field; f++) {
        if (!strcmp(f->name, name))
            return egw_error_set(p->err, EGW_INVALID, "field '%.100s' is there twice", name);
    }
    field->name = egw_arena_printf(&p->arena, "%s", name).p;
    if (!field->name)
        return no_memory(p->err);
    if (!type)
        return egw_error_set(p->err, EGW_INVALID, "field '%.100s' has no type", name);
    st = parse(p, type, space_of(record->name), &field->type);
    return st == EGW_INVALID ? egw_error_prefix(p->err, st, "field '%.100s'", name) : st;
}

static enum egw_status parse_fields(struct parsing *p, const json_t *json, struct egw_node *node)
{
    const json_t *fields = json_object_get(json, "fields");
    enum egw_status st;

    if (!json_is_array(fields))
        return egw_error_set(p->err, EGW_INVALID, "a record without a list of fields");
    node->n = json_array_size(fields);
    node->fields = egw_arena_alloc(&p->arena, node->n * sizeof(*node->fields));
    if (!node->fields)
        return no_memory(p->err);
    for (size_t i = 0; i < node->n; i++) {
        st = parse_field(p, json_array_get(fields, i), node, &node->fields[i]);
        if (st)
            return st;
    }
    return EGW_OK;
}

static enum egw_status parse_symbols(struct parsing *p, const json_t *json, struct egw_node *node)
{
    const json_t *symbols = json_object_get(json, "symbols");
    const char **made;

    node->n = json_array_size(symbols);
    if (!node->n)
        return egw_error_set(p->err, EGW_INVALID, "an enum without symbols");
    made = egw_arena_alloc(&p->arena, node->n * sizeof(*made));
    if (!made)
        return no_memory(p->err);
    for (size_t i = 0; i < node->n; i++) {
        const char *symbol = json_string_value(json_array_get(symbols, i));

        if (!symbol || !is_name(symbol, strlen(symbol)))
            return egw_error_set(p->err, EGW_INVALID, "symbol %zu is not a valid name", i);
        made[i] = egw_arena_printf(&p->arena, "%s", symbol).p;
        if (!made[i])
            return no_memory(p->err);
    }
    node->symbols = made;
    return EGW_OK;
}

static enum egw_status parse_size(struct parsing *p, const json_t *json, struct egw_node *node)
{
    const json_t *size = json_object_get(json, "size");
    json_int_t n = json_integer_value(size);

    if (!json_is_integer(size) || n < 0 || n > INT32_MAX)
        return egw_error_set(p->err, EGW_INVALID, "a fixed without a valid size");
    node->n = (size_t)n;
    return EGW_OK;
}

/* record, enum, fixed: known by name before its inside is read, so that it may contain itself. */
static enum egw_status parse_named(struct parsing *p, enum egw_kind kind, const json_t *json,
                                   struct egw_str space, struct egw_node **ret)
{
    const char *name = json_string_value(json_object_get(json, "name"));
    const char *own = json_string_value(json_object_get(json, "namespace"));
    struct egw_node *node;
    struct egw_str address = {(const char *)&node, sizeof(node)};
    enum egw_status st = new_node(p, kind, &node);

    if (st)
        return st;
    if (!name || !is_dotted(name) || (own && *own && !is_dotted(own)))
        return egw_error_set(p->err, EGW_INVALID, "a type has no valid name");
    node->name = joined(p, own ? egw_str_of(own) : space, name);
    if (!node->name)
        return no_memory(p->err);
    if (strlen(node->name) >= NAME_MAX_BYTES)
        return egw_error_set(p->err, EGW_INVALID, "name '%.100s...' is longer than %d bytes",
                             node->name, NAME_MAX_BYTES - 1);
    if (look_up(p, node->name))
        return egw_error_set(p->err, EGW_INVALID, "type '%.100s' is defined twice", node->name);
    if (egw_table_put(&p->named, egw_str_of(node->name), address))
        return no_memory(p->err);
    *ret = node;
    if (kind == EGW_K_RECORD)
        return parse_fields(p, json, node);
    return kind == EGW_K_ENUM ? parse_symbols(p, json, node) : parse_size(p, json, node);
}

static enum egw_status parse_items(struct parsing *p, enum egw_kind kind, const json_t *json,
                                   struct egw_str space, struct egw_node **ret)
{
    const json_t *item = json_object_get(json, kind == EGW_K_ARRAY ? "items" : "values");
    enum egw_status st;

    if (!item)
        return egw_error_set(p->err, EGW_INVALID, "a list without the type of its items");
    st = new_node(p, kind, ret);
    return st ? st : parse(p, item, space, &(*ret)->item);
}

static enum egw_status parse_object(struct parsing *p, const json_t *json, struct egw_str space,
                                    struct egw_node **ret)
{
    const json_t *type = json_object_get(json, "type");
    const char *name = json_string_value(type);
    const char *logical = json_string_value(json_object_get(json, "logicalType"));
    enum egw_status st;

    if (!type)
        return egw_error_set(p->err, EGW_INVALID, "a schema object without a type");
    if (!name)
        return parse(p, type, space, ret); /* {"type": {...}} */
    if (!strcmp(name, "record"))
        return parse_named(p, EGW_K_RECORD, json, space, ret);
    if (!strcmp(name, "enum"))
        return parse_named(p, EGW_K_ENUM, json, space, ret);
    if (!strcmp(name, "fixed"))
        return parse_named(p, EGW_K_FIXED, json, space, ret);
    if (!strcmp(name, "array"))
        return parse_items(p, EGW_K_ARRAY, json, space, ret);
    if (!strcmp(name, "map"))
        return parse_items(p, EGW_K_MAP, json, space, ret);
    st = parse_name(p, name, space, ret);
    if (st || !logical || (*ret)->name)
        return st;
    (*ret)->logical = egw_arena_printf(&p->arena, "%s", logical).p;
    return (*ret)->logical ? EGW_OK : no_memory(p->err);
}

static enum egw_status parse(struct parsing *p, const json_t *json, struct egw_str space,
                             struct egw_node **ret)
{
    if (json_is_string(json))
        return parse_name(p, json_string_value(json), space, ret);
    if (json_is_array(json))
        return parse_union(p, json, space, ret);
    if (json_is_object(json))
        return parse_object(p, json, space, ret);
    return egw_error_set(p->err, EGW_INVALID, "a schema is a name, an object or a list");
}

/* p is to be freed by the caller on every path. */
static enum egw_status parse_text(struct parsing *p, struct egw_str text, struct egw_node **ret)
{
    EGW_CLEANUP(json_freep) json_t *json = NULL;
    enum egw_status st = load(text, &json, p->err);

    return st ? st : parse(p, json, EGW_STR(""), ret);
}

/* ---- parsing canonical form ---- */

static enum egw_status canonical(struct egw_node *node, struct egw_buf *out);

static enum egw_status canonical_record(const struct egw_node *node, struct egw_buf *out)
{
    enum egw_status st =
        egw_buf_printf(out, "{\"name\":\"%s\",\"type\":\"record\",\"fields\":[", node->name);

    for (size_t i = 0; !st && i < node->n; i++) {
        st =
            egw_buf_printf(out, "%s{\"name\":\"%s\",\"type\":", i ? "," : "", node->fields[i].name);
        if (!st)
            st = canonical(node->fields[i].type, out);
        if (!st)
            st = egw_buf_put(out, "}", 1);
    }
    return st ? st : egw_buf_put(out, "]}", 2);
}

static enum egw_status canonical_enum(const struct egw_node *node, struct egw_buf *out)
{
    enum egw_status st =
        egw_buf_printf(out, "{\"name\":\"%s\",\"type\":\"enum\",\"symbols\":[", node->name);

    for (size_t i = 0; !st && i < node->n; i++)
        st = egw_buf_printf(out, "%s\"%s\"", i ? "," : "", node->symbols[i]);
    return st ? st : egw_buf_put(out, "]}", 2);
}

static enum egw_status canonical_union(const struct egw_node *node, struct egw_buf *out)
{
    enum egw_status st = egw_buf_put(out, "[", 1);

    for (size_t i = 0; !st && i < node->n; i++) {
        if (i)
            st = egw_buf_put(out, ",", 1);
        if (!st)
            st = canonical(node->branches[i], out);
    }
    return st ? st : egw_buf_put(out, "]", 1);
}

static enum egw_status canonical_list(const struct egw_node *node, struct egw_buf *out)
{
    enum egw_status st =
        egw_buf_printf(out, node->kind == EGW_K_ARRAY ? "{\"type\":\"array\",\"items\":"
                                                      : "{\"type\":\"map\",\"values\":");

    if (!st)
        st = canonical(node->item, out);
    return st ? st : egw_buf_put(out, "}", 1);
}

static enum egw_status canonical(struct egw_node *node, struct egw_buf *out)
{
    if (node->is_union)
        return canonical_union(node, out);
    if (node->kind == EGW_K_ARRAY || node->kind == EGW_K_MAP)
        return canonical_list(node, out);
    if (!node->name)
        return egw_buf_printf(out, "\"%s\"", primitives[node->kind].name);
    if (node->printed)
        return egw_buf_printf(out, "\"%s\"", node->name);
    node->printed = true;
    if (node->kind == EGW_K_RECORD)
        return canonical_record(node, out);
    if (node->kind == EGW_K_ENUM)
        return canonical_enum(node, out);
    return egw_buf_printf(out, "{\"name\":\"%s\",\"type\":\"fixed\",\"size\":%zu}", node->name,
                          node->n);
}

static uint64_t crc64_avro(const unsigned char *p, size_t n)
{
    const uint64_t empty = UINT64_C(0xC15D213AA4D7A795);
    uint64_t crc = empty;

    for (size_t i = 0; i < n; i++) {
        crc ^= p[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (empty & (0 - (crc & 1)));
    }
    return crc;
}

/* ---- the contract ---- */

enum egw_status egw_node_read(struct egw_str json, struct egw_arena *arena, struct egw_node **ret,
                              struct egw_error *reterr)
{
    struct parsing p = {.arena = *arena, .err = reterr};
    enum egw_status st = parse_text(&p, json, ret);

    *arena = p.arena;
    egw_table_free(&p.named);
    return st;
}

enum egw_status egw_schema_fingerprint(struct egw_str json, uint64_t *ret, struct egw_error *reterr)
{
    EGW_CLEANUP(parsing_free) struct parsing p = {.arena.max = SCHEMA_ARENA_MAX, .err = reterr};
    EGW_CLEANUP(egw_buf_free) struct egw_buf text = {.max = SCHEMA_ARENA_MAX};
    struct egw_node *node;
    enum egw_status st = parse_text(&p, json, &node);

    if (st)
        return st;
    if (canonical(node, &text))
        return no_memory(reterr);
    *ret = crc64_avro(text.p, text.n);
    return EGW_OK;
}

enum egw_status egw_schema_name(struct egw_str json, char *name, size_t n, struct egw_error *reterr)
{
    EGW_CLEANUP(parsing_free) struct parsing p = {.arena.max = SCHEMA_ARENA_MAX, .err = reterr};
    struct egw_node *node;
    enum egw_status st = parse_text(&p, json, &node);

    if (st)
        return st;
    if (node->is_union || node->kind != EGW_K_RECORD)
        return egw_error_set(reterr, EGW_INVALID, "schema describes no record");
    if (strlen(node->name) >= n)
        return egw_error_set(reterr, EGW_INVALID, "name '%.100s' is longer than %zu bytes",
                             node->name, n ? n - 1 : 0);
    memcpy(name, node->name, strlen(node->name) + 1);
    return EGW_OK;
}

enum egw_status egw_schema_has(struct egw_str json, const struct egw_field *field, bool *ret,
                               struct egw_error *reterr)
{
    EGW_CLEANUP(parsing_free) struct parsing p = {.arena.max = SCHEMA_ARENA_MAX, .err = reterr};
    struct egw_node *node;
    enum egw_status st = parse_text(&p, json, &node);

    if (st)
        return st;
    if (node->is_union || node->kind != EGW_K_RECORD)
        return egw_error_set(reterr, EGW_INVALID, "schema describes no record");
    *ret = false;
    for (size_t i = 0; i < node->n; i++) {
        *ret = *ret || strcmp(node->fields[i].name, field->name) == 0;
        for (const char *const *alias = field->aliases; alias && *alias; alias++)
            *ret = *ret || strcmp(node->fields[i].name, *alias) == 0;
    }
    return EGW_OK;
}

enum egw_status egw_plan_new(struct egw_str writer_json, const struct egw_type *reader,
                             struct egw_plan **ret_plan, struct egw_error *reterr)
{
    EGW_CLEANUP(parsing_free) struct parsing p = {.arena.max = SCHEMA_ARENA_MAX, .err = reterr};
    struct egw_node *writer;
    enum egw_status st = parse_text(&p, writer_json, &writer);

    return st ? st : egw_resolve(writer, reader, ret_plan, reterr);
}

static enum egw_status add_builtin(struct egw_plans *plans, const char *json,
                                   const struct egw_type *type, uint64_t fingerprint,
                                   struct egw_error *reterr)
{
    struct egw_plan *plan;
    enum egw_status st = egw_plan_new(egw_str_of(json), type, &plan, reterr);

    if (st)
        return egw_error_prefix(reterr, st, "built-in schema %016llx",
                                (unsigned long long)fingerprint);
    return egw_plans_add_fingerprint(plans, fingerprint, plan) ? no_memory(reterr) : EGW_OK;
}

enum egw_status egw_plans_builtin(struct egw_plans **ret, struct egw_error *reterr)
{
    struct egw_plans *plans = egw_plans_new();
    enum egw_status st = plans ? EGW_OK : no_memory(reterr);

    for (size_t i = 0; !st && i < EGW_RECORD_COUNT; i++) {
        const struct egw_type *type = egw_record_types[i];

        st = add_builtin(plans, type->json, type, type->fingerprint, reterr);
    }
    for (const struct egw_old_schema *old = egw_old_schemas; !st && old->json; old++)
        st = add_builtin(plans, old->json, old->type, old->fingerprint, reterr);
    if (st) {
        egw_plans_free(plans);
        return st;
    }
    *ret = plans;
    return EGW_OK;
}
