#include "egw/schema_view.h"

#include <inttypes.h>
#include <stdio.h>

#include "../core/plan.h"
#include "egw/hash.h"
#include "schema_node.h"

const char *const egw_difference_names[EGW_FIELD_KINDS] = {
    [EGW_FIELD_MISSING] = "missing",
    [EGW_FIELD_UNFIT] = "unfit",
    [EGW_FIELD_DEFAULT] = "default",
    [EGW_FIELD_DROPPED] = "dropped",
};

static enum egw_status no_memory(struct egw_error *err)
{
    return egw_error_set(err, EGW_NOMEM, "no memory to look at a schema");
}

/* ---- differences ---- */

struct comparing {
    struct egw_str json;
    const struct egw_type *reader;
    struct egw_arena *arena;
    struct egw_difference *made; /* room for every field of both */
    size_t n;
    struct egw_error *err;
};

static void add(struct comparing *c, enum egw_difference_kind kind, const char *field,
                struct egw_str why)
{
    c->made[c->n++] = (struct egw_difference){kind, egw_str_of(field), why};
}

/* The same rules as for the whole record, on a reader of this field alone. */
static enum egw_status try_field(struct comparing *c, const struct egw_field *field)
{
    struct egw_type narrow = *c->reader;
    struct egw_plan *plan = NULL;
    struct egw_error why = {.text = ""};
    struct egw_str text;
    enum egw_status st;

    narrow.fields = field;
    narrow.field_count = 1;
    narrow.puts = NULL;
    st = egw_plan_new(c->json, &narrow, &plan, &why);
    if (!st)
        egw_plan_free(plan);
    if (st != EGW_INVALID)
        return st;
    if (!egw_arena_str(c->arena, egw_str_of(why.text), &text))
        return EGW_NOMEM;
    add(c, EGW_FIELD_UNFIT, field->name, text);
    return EGW_OK;
}

static enum egw_status compare_ours(struct comparing *c)
{
    enum egw_status st = EGW_OK;

    for (size_t i = 0; !st && i < c->reader->field_count; i++) {
        const struct egw_field *field = &c->reader->fields[i];
        bool has = false;

        st = egw_schema_has(c->json, field, &has, c->err);
        if (!st && has)
            st = try_field(c, field);
        else if (!st)
            add(c, field->has_default ? EGW_FIELD_DEFAULT : EGW_FIELD_MISSING, field->name,
                EGW_STR_NONE);
    }
    return st;
}

static bool is_ours(const struct egw_type *reader, const char *name)
{
    for (size_t i = 0; i < reader->field_count; i++) {
        const struct egw_field *field = &reader->fields[i];

        if (strcmp(field->name, name) == 0)
            return true;
        for (const char *const *alias = field->aliases; alias && *alias; alias++)
            if (strcmp(*alias, name) == 0)
                return true;
    }
    return false;
}

/* Few kinds, and within one the schemas' own order. */
static void worst_first(struct egw_difference *p, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        struct egw_difference one = p[i];
        size_t at = i;

        for (; at > 0 && p[at - 1].kind > one.kind; at--)
            p[at] = p[at - 1];
        p[at] = one;
    }
}

enum egw_status egw_schema_differences(struct egw_str writer_json, const struct egw_type *reader,
                                       struct egw_arena *arena, struct egw_list *ret,
                                       struct egw_error *reterr)
{
    struct comparing c = {.json = writer_json, .reader = reader, .arena = arena, .err = reterr};
    struct egw_node *writer;
    enum egw_status st = egw_node_read(writer_json, arena, &writer, reterr);

    if (st)
        return st;
    if (writer->is_union || writer->kind != EGW_K_RECORD)
        return egw_error_set(reterr, EGW_INVALID, "schema describes no record");
    c.made = egw_arena_alloc(arena, (reader->field_count + writer->n + 1) * sizeof(*c.made));
    st = c.made ? compare_ours(&c) : EGW_NOMEM;
    for (size_t i = 0; !st && i < writer->n; i++) {
        if (!is_ours(reader, writer->fields[i].name))
            add(&c, EGW_FIELD_DROPPED, writer->fields[i].name, EGW_STR_NONE);
    }
    if (st)
        return st == EGW_NOMEM ? no_memory(reterr) : st;
    worst_first(c.made, c.n);
    *ret = (struct egw_list){c.made, c.n};
    return EGW_OK;
}

/* ---- values ---- */

struct walking {
    const unsigned char *begin, *at, *end;
    struct egw_arena *arena;
    struct egw_seen *seen;
    size_t n, cap, items_left, steps_left; /* empty records may hold one another without end */
    unsigned depth;
    struct egw_error *err;
};

static enum egw_status stop(const struct walking *w, struct egw_str path, const char *why)
{
    return egw_error_set(w->err, EGW_INVALID, "%.*s at byte %zu: %s", path.n ? (int)path.n : 5,
                         path.n ? path.p : "value", (size_t)(w->at - w->begin), why);
}

static enum egw_status see(struct walking *w, struct egw_str path, const unsigned char *from,
                           struct egw_str value)
{
    if (w->n == EGW_VIEW_MAX)
        return stop(w, path, "more values than are shown");
    if (!path.p || !value.p)
        return no_memory(w->err);
    if (w->n == w->cap) {
        size_t cap = w->cap ? w->cap * 2 : 64;
        struct egw_seen *grown = egw_arena_alloc(w->arena, cap * sizeof(*grown));

        if (!grown)
            return no_memory(w->err);
        if (w->n)
            memcpy(grown, w->seen, w->n * sizeof(*grown));
        w->seen = grown;
        w->cap = cap;
    }
    w->seen[w->n++] = (struct egw_seen){(size_t)(from - w->begin), path, value};
    return EGW_OK;
}

static enum egw_status take_long(struct walking *w, struct egw_str path, int64_t *ret)
{
    uint64_t z = 0;

    for (unsigned shift = 0; shift <= 63; shift += 7) {
        unsigned char b;

        if (w->at == w->end)
            return stop(w, path, "a number is cut off");
        b = *w->at++;
        z |= (uint64_t)(b & 0x7f) << shift;
        if (b < 0x80) {
            *ret = (int64_t)(z >> 1 ^ (0 - (z & 1)));
            return EGW_OK;
        }
    }
    return stop(w, path, "a number has more than 64 bits");
}

static enum egw_status take_raw(struct walking *w, struct egw_str path, int64_t n,
                                struct egw_str *ret)
{
    char why[96];

    if (n >= 0 && (uint64_t)n <= (uint64_t)(w->end - w->at)) {
        *ret = (struct egw_str){(const char *)w->at, (size_t)n};
        w->at += n;
        return EGW_OK;
    }
    (void)snprintf(why, sizeof(why), "%" PRId64 " bytes are needed, but %zu are left", n,
                   (size_t)(w->end - w->at));
    return stop(w, path, why);
}

static enum egw_status walk(struct walking *w, const struct egw_node *node, struct egw_str path);

static enum egw_status walk_number(struct walking *w, struct egw_str path)
{
    const unsigned char *from = w->at;
    int64_t v = 0;
    enum egw_status st = take_long(w, path, &v);

    return st ? st : see(w, path, from, egw_arena_printf(w->arena, "%" PRId64, v));
}

static enum egw_status walk_text(struct walking *w, struct egw_str path)
{
    const unsigned char *from = w->at;
    struct egw_str text;
    int64_t n = 0;
    enum egw_status st = take_long(w, path, &n);

    if (!st)
        st = take_raw(w, path, n, &text);
    return st ? st : see(w, path, from, text);
}

/* Little-endian, as Avro has them. */
static enum egw_status walk_float(struct walking *w, struct egw_str path, size_t n)
{
    const unsigned char *from = w->at;
    struct egw_str raw;
    enum egw_status st = take_raw(w, path, (int64_t)n, &raw);
    uint64_t bits = 0;
    double v;
    float f;

    if (st)
        return st;
    for (size_t i = n; i > 0; i--)
        bits = bits << 8 | (unsigned char)raw.p[i - 1];
    memcpy(&f, &(uint32_t){(uint32_t)bits}, sizeof(f));
    memcpy(&v, &bits, sizeof(v));
    return see(w, path, from, egw_arena_printf(w->arena, "%g", n == 4 ? (double)f : v));
}

static enum egw_status walk_fixed(struct walking *w, struct egw_str path, size_t n)
{
    const unsigned char *from = w->at;
    struct egw_str raw;
    enum egw_status st = take_raw(w, path, (int64_t)n, &raw);
    char *hex = st ? NULL : egw_arena_alloc(w->arena, 2 * n + 1);

    if (st)
        return st;
    if (hex)
        egw_hex(raw.p, n, hex);
    return see(w, path, from, (struct egw_str){hex, 2 * n});
}

static enum egw_status walk_boolean(struct walking *w, struct egw_str path)
{
    const unsigned char *from = w->at;

    if (w->at == w->end)
        return stop(w, path, "a boolean is cut off");
    if (*w->at > 1)
        return stop(w, path, "a boolean is neither 0 nor 1");
    w->at++;
    return see(w, path, from, *from ? EGW_STR("true") : EGW_STR("false"));
}

/* A number of symbol or branch. */
static enum egw_status take_ordinal(struct walking *w, struct egw_str path, size_t count,
                                    const char *why, size_t *ret)
{
    const unsigned char *from = w->at;
    int64_t v = 0;
    enum egw_status st = take_long(w, path, &v);

    if (st)
        return st;
    if (v < 0 || (uint64_t)v >= count) {
        w->at = from;
        return stop(w, path, why);
    }
    *ret = (size_t)v;
    return EGW_OK;
}

static enum egw_status walk_enum(struct walking *w, const struct egw_node *node,
                                 struct egw_str path)
{
    const unsigned char *from = w->at;
    size_t v = 0;
    enum egw_status st = take_ordinal(w, path, node->n, "the enum has no such symbol", &v);

    return st ? st : see(w, path, from, egw_arena_printf(w->arena, "%s", node->symbols[v]));
}

static enum egw_status walk_union(struct walking *w, const struct egw_node *node,
                                  struct egw_str path)
{
    size_t v = 0;
    enum egw_status st = take_ordinal(w, path, node->n, "the union has no such branch", &v);

    return st ? st : walk(w, node->branches[v], path);
}

static enum egw_status walk_record(struct walking *w, const struct egw_node *node,
                                   struct egw_str path)
{
    enum egw_status st = EGW_OK;

    for (size_t i = 0; !st && i < node->n; i++) {
        const struct egw_node_field *field = &node->fields[i];
        struct egw_str inner =
            egw_arena_printf(w->arena, "%.*s%s%s", EGW_FMT(path), path.n ? "." : "", field->name);

        st = inner.p ? walk(w, field->type, inner) : no_memory(w->err);
    }
    return st;
}

/* The number of items in a block; its size in bytes, where the writer gave it, tells nothing. */
static enum egw_status block(struct walking *w, struct egw_str path, int64_t *ret)
{
    int64_t size;
    enum egw_status st = take_long(w, path, ret);

    if (!st && *ret < 0) {
        st = take_long(w, path, &size);
        *ret = *ret == INT64_MIN ? INT64_MAX : -*ret;
    }
    if (!st && (uint64_t)*ret > w->items_left)
        st = stop(w, path, "more items than a record may have");
    if (!st)
        w->items_left -= (size_t)*ret;
    return st;
}

static enum egw_status walk_item(struct walking *w, const struct egw_node *node,
                                 struct egw_str path, size_t i)
{
    struct egw_str key = EGW_STR_NONE, inner;
    int64_t n = 0;
    enum egw_status st = EGW_OK;

    if (node->kind == EGW_K_MAP) {
        st = take_long(w, path, &n);
        if (!st)
            st = take_raw(w, path, n, &key);
    }
    if (st)
        return st;
    inner = key.p ? egw_arena_printf(w->arena, "%.*s[%.*s]", EGW_FMT(path), EGW_FMT(key))
                  : egw_arena_printf(w->arena, "%.*s[%zu]", EGW_FMT(path), i);
    return inner.p ? walk(w, node->item, inner) : no_memory(w->err);
}

static enum egw_status walk_list(struct walking *w, const struct egw_node *node,
                                 struct egw_str path)
{
    size_t i = 0;

    for (;;) {
        int64_t count = 0;
        enum egw_status st = block(w, path, &count);

        if (st || !count)
            return st;
        for (; !st && count; count--)
            st = walk_item(w, node, path, i++);
        if (st)
            return st;
    }
}

static enum egw_status walk_kind(struct walking *w, const struct egw_node *node,
                                 struct egw_str path)
{
    if (node->is_union)
        return walk_union(w, node, path);
    switch (node->kind) {
    case EGW_K_NULL:
        return see(w, path, w->at, EGW_STR("null"));
    case EGW_K_BOOLEAN:
        return walk_boolean(w, path);
    case EGW_K_INT:
    case EGW_K_LONG:
        return walk_number(w, path);
    case EGW_K_FLOAT:
        return walk_float(w, path, 4);
    case EGW_K_DOUBLE:
        return walk_float(w, path, 8);
    case EGW_K_BYTES:
    case EGW_K_STRING:
        return walk_text(w, path);
    case EGW_K_FIXED:
        return walk_fixed(w, path, node->n);
    case EGW_K_ENUM:
        return walk_enum(w, node, path);
    case EGW_K_ARRAY:
    case EGW_K_MAP:
        return walk_list(w, node, path);
    case EGW_K_RECORD:
        return walk_record(w, node, path);
    case EGW_K_OPTION:
    case EGW_K_CHOICE: /* unions of a writer are is_union */
        break;
    }
    return stop(w, path, "of a kind that no schema has");
}

static enum egw_status walk(struct walking *w, const struct egw_node *node, struct egw_str path)
{
    enum egw_status st;

    if (w->depth == EGW_DEPTH_MAX || !w->steps_left--)
        return stop(w, path, "records are nested too deep");
    w->depth++;
    st = walk_kind(w, node, path);
    w->depth--;
    return st;
}

enum egw_status egw_schema_walk(struct egw_str writer_json, struct egw_str body,
                                struct egw_arena *arena, struct egw_list *ret,
                                struct egw_error *reterr)
{
    const unsigned char *begin = (const unsigned char *)(body.p ? body.p : "");
    struct walking w = {.begin = begin,
                        .at = begin,
                        .end = begin + body.n,
                        .arena = arena,
                        .items_left = EGW_ITEMS_MAX,
                        .steps_left = 2 * EGW_ITEMS_MAX,
                        .err = reterr};
    struct egw_node *writer;
    enum egw_status st = egw_node_read(writer_json, arena, &writer, reterr);

    *ret = (struct egw_list){NULL, 0};
    if (st)
        return st;
    st = walk(&w, writer, EGW_STR(""));
    if (!st && w.at != w.end)
        st = egw_error_set(reterr, EGW_INVALID, "%zu bytes are left after the record, at byte %zu",
                           (size_t)(w.end - w.at), (size_t)(w.at - w.begin));
    *ret = (struct egw_list){w.seen, w.n};
    return st;
}
