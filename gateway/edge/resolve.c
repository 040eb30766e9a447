#include "schema_node.h"

#include <assert.h>
#include <stdlib.h>

#include "../core/plan.h"

/*
 * Avro's schema resolution, done once: what can be decided from the two schemas becomes ops, what
 * depends on the value (a union's branch, an enum's symbol) becomes an op that decides it.
 *
 * The writer's schema may be hostile. The reader's is ours and not recursive, so resolving ends;
 * dropped records, which may be recursive, become blocks, one each. All ops together are bounded.
 */

struct compiler {
    struct egw_plan *plan;
    size_t op_cap, target_n, target_cap, symbol_n, symbol_cap, constant_n, constant_cap;
    const char *path; /* of the value being resolved */
    unsigned depth;
    size_t steps;              /* so that a schema which comes to no ops is bounded too */
    struct egw_node **dropped; /* records to be dropped; each gets one block */
    size_t dropped_n, dropped_cap;
    struct egw_error *err;
};

static enum egw_status no_memory(struct compiler *c)
{
    return egw_error_set(c->err, EGW_NOMEM, "no memory for a plan");
}

/* The array with room for want items of size bytes, doubled as needed; NULL: no memory. */
static void *roomy(void *array, size_t *cap, size_t want, size_t size)
{
    size_t n = *cap ? *cap : 64;
    void *grown;

    if (want <= *cap)
        return array;
    while (n < want)
        n *= 2;
    grown = realloc(array, n * size);
    if (grown)
        *cap = n;
    return grown;
}

static enum egw_status too_large(struct compiler *c)
{
    return egw_error_set(c->err, EGW_INVALID, "%s: the schema comes to more than %d steps", c->path,
                         EGW_PLAN_OPS_MAX);
}

static enum egw_status emit(struct compiler *c, struct egw_op op)
{
    struct egw_plan *plan = c->plan;
    size_t path_cap = c->op_cap;
    void *grown;

    if (plan->op_count == EGW_PLAN_OPS_MAX)
        return too_large(c);
    grown = roomy(plan->paths, &path_cap, plan->op_count + 1, sizeof(*plan->paths));
    if (!grown)
        return no_memory(c);
    plan->paths = grown;
    grown = roomy(plan->ops, &c->op_cap, plan->op_count + 1, sizeof(*plan->ops));
    if (!grown)
        return no_memory(c);
    plan->ops = grown;
    plan->paths[plan->op_count] = c->path;
    plan->ops[plan->op_count++] = op;
    return EGW_OK;
}

static uint32_t here(const struct compiler *c)
{
    return (uint32_t)c->plan->op_count;
}

static enum egw_status simple(struct compiler *c, enum egw_opcode code, size_t at, size_t size)
{
    return emit(c,
                (struct egw_op){.code = (uint8_t)code, .at = (uint32_t)at, .size = (uint32_t)size});
}

static enum egw_status end_block(struct compiler *c, uint32_t head)
{
    enum egw_status st = simple(c, EGW_OP_END, 0, 0);

    if (!st)
        c->plan->ops[head].to = here(c);
    return st;
}

/* ---- saying what does not fit ---- */

static const char *kind_name(enum egw_kind kind)
{
    static const char *const names[] = {
        "null",
        "boolean",
        "int",
        "long",
        "float",
        "double",
        "bytes",
        "string",
        "fixed",
        "enum",
        "array",
        "map",
        "an optional value",
        "a union of records",
        "record",
    };

    return names[kind];
}

static enum egw_status misfit(struct compiler *c, const struct egw_node *w,
                              const struct egw_type *r)
{
    return egw_error_set(c->err, EGW_INVALID, "%s: the writer has %s%s%.100s, we read %s%s%s",
                         c->path, w->is_union ? "a union" : kind_name(w->kind), w->name ? " " : "",
                         w->name ? w->name : "", kind_name(r->kind), r->name ? " " : "",
                         r->name ? r->name : "");
}

/* The path of a field of the record being resolved. */
static const char *path_of(struct compiler *c, const char *name)
{
    if (c->depth <= 1)
        return egw_arena_printf(&c->plan->arena, "%.100s", name).p;
    return egw_arena_printf(&c->plan->arena, "%s.%.100s", c->path, name).p;
}

/* ---- names ---- */

static const char *unqualified(const char *full)
{
    const char *dot = strrchr(full, '.');

    return dot ? dot + 1 : full;
}

/* The specification compares names without their namespace; an alias with a namespace in full. */
static bool names_fit(const char *writer, const struct egw_type *r)
{
    if (!strcmp(unqualified(writer), unqualified(r->name)))
        return true;
    for (const char *const *alias = r->aliases; alias && *alias; alias++) {
        if (!strcmp(strchr(*alias, '.') ? writer : unqualified(writer), *alias))
            return true;
    }
    return false;
}

/* ---- dropping what the reader has no field for ---- */

static enum egw_status drop(struct compiler *c, struct egw_node *w);

static enum egw_status drop_list(struct compiler *c, const struct egw_node *w)
{
    const uint32_t head = here(c);
    enum egw_status st = simple(c, EGW_OP_LIST, 0, 0);

    if (!st && w->kind == EGW_K_MAP)
        st = simple(c, EGW_OP_SKIP_STRING, 0, 0);
    if (!st)
        st = drop(c, w->item);
    return st ? st : end_block(c, head);
}

/* The op names the record; write_blocks() puts the block's place in. */
static enum egw_status drop_record(struct compiler *c, struct egw_node *w)
{
    struct egw_node **grown;

    if (!w->dropped) {
        grown = roomy(c->dropped, &c->dropped_cap, c->dropped_n + 1, sizeof(*grown));
        if (!grown)
            return no_memory(c);
        c->dropped = grown;
        w->dropped = true;
        w->block = (uint32_t)c->dropped_n;
        c->dropped[c->dropped_n++] = w;
    }
    return emit(c, (struct egw_op){.code = EGW_OP_CALL, .to = w->block});
}

/* One branch: its ops, then a jump whose target is not known yet. */
static enum egw_status end_branch(struct compiler *c, uint32_t *last_jump)
{
    enum egw_status st = emit(c, (struct egw_op){.code = EGW_OP_JUMP, .to = *last_jump});

    *last_jump = here(c) - 1;
    return st;
}

static void land_branches(struct compiler *c, uint32_t last_jump)
{
    while (last_jump) {
        uint32_t before = c->plan->ops[last_jump].to;

        c->plan->ops[last_jump].to = here(c);
        last_jump = before;
    }
}

/* Emits the UNION op; *ret_first is the place of its targets. */
static enum egw_status begin_union(struct compiler *c, const struct egw_node *w, size_t *ret_first)
{
    const size_t first = c->target_n;
    uint32_t *grown;

    if (first + w->n > EGW_PLAN_OPS_MAX)
        return too_large(c);
    grown = roomy(c->plan->targets, &c->target_cap, first + w->n, sizeof(*grown));
    if (!grown)
        return no_memory(c);
    c->plan->targets = grown;
    c->target_n += w->n;
    *ret_first = first;
    return emit(
        c, (struct egw_op){.code = EGW_OP_UNION, .size = (uint32_t)w->n, .to = (uint32_t)first});
}

static enum egw_status drop_union(struct compiler *c, const struct egw_node *w)
{
    uint32_t last_jump = 0;
    size_t first;
    enum egw_status st = begin_union(c, w, &first);

    for (size_t i = 0; !st && i < w->n; i++) {
        c->plan->targets[first + i] = here(c);
        st = drop(c, w->branches[i]);
        if (!st)
            st = end_branch(c, &last_jump);
    }
    if (!st)
        land_branches(c, last_jump);
    return st;
}

static enum egw_status drop(struct compiler *c, struct egw_node *w)
{
    if (w->is_union)
        return drop_union(c, w);
    switch (w->kind) {
    case EGW_K_BOOLEAN:
        return simple(c, EGW_OP_SKIP_BOOLEAN, 0, 0);
    case EGW_K_INT:
        return simple(c, EGW_OP_SKIP_INT, 0, 0);
    case EGW_K_LONG:
        return simple(c, EGW_OP_SKIP_LONG, 0, 0);
    case EGW_K_FLOAT:
        return simple(c, EGW_OP_SKIP, 0, 4);
    case EGW_K_DOUBLE:
        return simple(c, EGW_OP_SKIP, 0, 8);
    case EGW_K_FIXED:
        return simple(c, EGW_OP_SKIP, 0, w->n);
    case EGW_K_STRING:
    case EGW_K_BYTES:
        return simple(c, EGW_OP_SKIP_STRING, 0, 0);
    case EGW_K_ENUM:
        return simple(c, EGW_OP_SKIP_ENUM, 0, w->n);
    case EGW_K_ARRAY:
    case EGW_K_MAP:
        return drop_list(c, w);
    case EGW_K_RECORD:
        return drop_record(c, w);
    default: /* null takes no bytes */
        return EGW_OK;
    }
}

/* The blocks of dropped records, behind the plan's END. Writing one may add others. */
static enum egw_status write_blocks(struct compiler *c)
{
    enum egw_status st = EGW_OK;

    for (size_t i = 0; !st && i < c->dropped_n; i++) {
        struct egw_node *w = c->dropped[i];

        c->path = egw_arena_printf(&c->plan->arena, "%s (dropped)", w->name).p;
        if (!c->path)
            return no_memory(c);
        w->start = here(c);
        for (size_t f = 0; !st && f < w->n; f++)
            st = drop(c, w->fields[f].type);
        if (!st)
            st = simple(c, EGW_OP_END, 0, 0);
    }
    for (size_t i = 0; !st && i < c->plan->op_count; i++) {
        struct egw_op *op = &c->plan->ops[i];

        if (op->code == EGW_OP_CALL)
            op->to = c->dropped[op->to]->start;
    }
    return st;
}

/* ---- resolving ---- */

static enum egw_status resolve(struct compiler *c, struct egw_node *w, const struct egw_type *r,
                               size_t at);

/* The op that reads w's plain value into r's, or EGW_OP_END when Avro has no such promotion. */
static enum egw_opcode scalar_op(enum egw_kind w, enum egw_kind r)
{
    static const struct {
        enum egw_kind w, r;
        enum egw_opcode op;
    } table[] = {
        {EGW_K_BOOLEAN, EGW_K_BOOLEAN, EGW_OP_BOOLEAN},
        {EGW_K_INT, EGW_K_INT, EGW_OP_INT},
        {EGW_K_INT, EGW_K_LONG, EGW_OP_INT_LONG},
        {EGW_K_INT, EGW_K_FLOAT, EGW_OP_INT_FLOAT},
        {EGW_K_INT, EGW_K_DOUBLE, EGW_OP_INT_DOUBLE},
        {EGW_K_LONG, EGW_K_LONG, EGW_OP_LONG},
        {EGW_K_LONG, EGW_K_FLOAT, EGW_OP_LONG_FLOAT},
        {EGW_K_LONG, EGW_K_DOUBLE, EGW_OP_LONG_DOUBLE},
        {EGW_K_FLOAT, EGW_K_FLOAT, EGW_OP_FLOAT},
        {EGW_K_FLOAT, EGW_K_DOUBLE, EGW_OP_FLOAT_DOUBLE},
        {EGW_K_DOUBLE, EGW_K_DOUBLE, EGW_OP_DOUBLE},
        {EGW_K_STRING, EGW_K_STRING, EGW_OP_STRING},
        {EGW_K_STRING, EGW_K_BYTES, EGW_OP_STRING},
        {EGW_K_BYTES, EGW_K_STRING, EGW_OP_STRING},
        {EGW_K_BYTES, EGW_K_BYTES, EGW_OP_STRING},
    };

    for (size_t i = 0; i < EGW_COUNT(table); i++) {
        if (table[i].w == w && table[i].r == r)
            return table[i].op;
    }
    return EGW_OP_END;
}

/* Two units of time in one long would be read a thousandfold wrong, and nobody would see it. */
static bool times_differ(const struct egw_node *w, const struct egw_type *r)
{
    return r->logical == EGW_L_TIMESTAMP_MS && w->logical && strstr(w->logical, "timestamp-") &&
           strcmp(w->logical, "timestamp-millis") != 0;
}

static enum egw_status resolve_scalar(struct compiler *c, const struct egw_node *w,
                                      const struct egw_type *r, size_t at)
{
    enum egw_opcode op = scalar_op(w->kind, r->kind);

    if (op == EGW_OP_END)
        return misfit(c, w, r);
    if (times_differ(w, r))
        return egw_error_set(c->err, EGW_INVALID,
                             "%s: the writer has %.100s, we read "
                             "timestamp-millis",
                             c->path, w->logical);
    return simple(c, op, at, 0);
}

static enum egw_status resolve_fixed(struct compiler *c, const struct egw_node *w,
                                     const struct egw_type *r, size_t at)
{
    if (w->kind != EGW_K_FIXED || !names_fit(w->name, r))
        return misfit(c, w, r);
    if (w->n != r->size)
        return egw_error_set(c->err, EGW_INVALID, "%s: the writer has %zu bytes, we read %zu",
                             c->path, w->n, r->size);
    return simple(c, EGW_OP_FIXED, at, w->n);
}

static int32_t symbol_here(const struct egw_type *r, const char *symbol)
{
    for (size_t i = 0; i < r->symbol_count; i++) {
        if (!strcmp(r->symbols[i], symbol))
            return (int32_t)i;
    }
    return r->default_symbol;
}

static enum egw_status resolve_enum(struct compiler *c, const struct egw_node *w,
                                    const struct egw_type *r, size_t at)
{
    const size_t first = c->symbol_n;
    bool same = true;
    int32_t *grown;

    if (w->kind != EGW_K_ENUM || !names_fit(w->name, r))
        return misfit(c, w, r);
    if (first + w->n > 16 * (size_t)EGW_PLAN_OPS_MAX)
        return too_large(c);
    grown = roomy(c->plan->symbols, &c->symbol_cap, first + w->n, sizeof(*grown));
    if (!grown)
        return no_memory(c);
    c->plan->symbols = grown;
    for (size_t i = 0; i < w->n; i++) {
        c->plan->symbols[first + i] = symbol_here(r, w->symbols[i]);
        same = same && c->plan->symbols[first + i] == (int32_t)i;
    }
    if (same)
        return simple(c, EGW_OP_ENUM, at, w->n);
    c->symbol_n += w->n;
    return emit(c, (struct egw_op){.code = EGW_OP_ENUM_MAP,
                                   .at = (uint32_t)at,
                                   .size = (uint32_t)w->n,
                                   .to = (uint32_t)first});
}

static enum egw_status resolve_list(struct compiler *c, const struct egw_node *w,
                                    const struct egw_type *r, size_t at)
{
    const uint32_t head = here(c);
    const bool map = r->kind == EGW_K_MAP;
    const char *outer = c->path;
    enum egw_status st;

    if (w->kind != r->kind)
        return misfit(c, w, r);
    st = simple(c, EGW_OP_LIST, at, map ? sizeof(struct egw_pair) : r->item->size);
    if (!st) {
        c->path = egw_arena_printf(&c->plan->arena, "%s[]", outer).p;
        st = c->path ? EGW_OK : no_memory(c);
    }
    if (!st && map)
        st = simple(c, EGW_OP_STRING, offsetof(struct egw_pair, key), 0);
    if (!st)
        st = resolve(c, w->item, r->item, map ? offsetof(struct egw_pair, value) : 0);
    if (!st)
        st = end_block(c, head);
    c->path = outer;
    return st;
}

/* ---- records ---- */

enum { FIELDS_MAX = 512 }; /* of a reader */

static const struct egw_node_field *written_as(const struct egw_node *w, const char *name)
{
    for (size_t i = 0; i < w->n; i++) {
        if (!strcmp(w->fields[i].name, name))
            return &w->fields[i];
    }
    return NULL;
}

/* The writer's field for a reader's: by name, else by alias. */
static const struct egw_node_field *written(const struct egw_node *w, const struct egw_field *r)
{
    const struct egw_node_field *field = written_as(w, r->name);

    for (const char *const *alias = r->aliases; !field && alias && *alias; alias++)
        field = written_as(w, *alias);
    return field;
}

static struct egw_node *node_of(struct egw_arena *arena, const struct egw_type *type);

/* The default in its C form, made once by reading its bytes like any other. */
static enum egw_status default_value(struct compiler *c, const struct egw_field *field, void *ret)
{
    struct egw_arena nodes = {0};
    struct egw_node *node = node_of(&nodes, field->type);
    struct egw_plan *plan = NULL;
    enum egw_status st = node ? egw_resolve(node, field->type, &plan, c->err) : no_memory(c);

    if (!st)
        st = egw_decode(plan, field->default_bytes, field->default_n, &c->plan->arena, ret, c->err);
    egw_plan_free(plan);
    egw_arena_free(&nodes);
    return st ? egw_error_prefix(c->err, st, "%s: default", c->path) : EGW_OK;
}

static bool all_zero(const unsigned char *p, size_t n)
{
    return !n || (p[0] == 0 && memcmp(p, p + 1, n - 1) == 0);
}

/* A field the writer lacks. Zeros are there already; defaults side by side are copied in one. */
static enum egw_status resolve_missing(struct compiler *c, const struct egw_field *field, size_t at,
                                       size_t first_op)
{
    const size_t size = field->type->size;
    struct egw_op *last = NULL;
    unsigned char *value, *grown;
    enum egw_status st;

    if (!field->has_default)
        return egw_error_set(c->err, EGW_INVALID,
                             "%s: the writer has no such field, and it has no default", c->path);
    grown = roomy(c->plan->constants, &c->constant_cap, c->constant_n + size, 1);
    if (!grown)
        return no_memory(c);
    c->plan->constants = grown;
    value = egw_arena_alloc(&c->plan->arena, size); /* aligned */
    if (!value)
        return no_memory(c);
    st = default_value(c, field, value);
    if (st || all_zero(value, size))
        return st;
    memcpy(c->plan->constants + c->constant_n, value, size);
    if (c->plan->op_count > first_op)
        last = &c->plan->ops[c->plan->op_count - 1];
    if (last && last->code == EGW_OP_SET && last->at + last->size == at &&
        last->to + last->size == c->constant_n)
        last->size += (uint32_t)size;
    else
        st = emit(c, (struct egw_op){.code = EGW_OP_SET,
                                     .at = (uint32_t)at,
                                     .size = (uint32_t)size,
                                     .to = (uint32_t)c->constant_n});
    c->constant_n += size;
    return st;
}

static enum egw_status resolve_fields(struct compiler *c, const struct egw_node *w,
                                      const struct egw_type *r, size_t at,
                                      const struct egw_node_field **from)
{
    const char *outer = c->path;
    enum egw_status st = EGW_OK;
    size_t first_set;

    for (size_t i = 0; !st && i < w->n; i++) {
        size_t f = 0;

        while (f < r->field_count && from[f] != &w->fields[i])
            f++;
        c->path = path_of(c, w->fields[i].name);
        if (!c->path)
            st = no_memory(c);
        else if (f == r->field_count)
            st = drop(c, w->fields[i].type);
        else
            st = resolve(c, w->fields[i].type, r->fields[f].type, at + r->fields[f].offset);
        c->path = outer;
    }
    first_set = c->plan->op_count;
    for (size_t f = 0; !st && f < r->field_count; f++) {
        if (from[f])
            continue;
        c->path = path_of(c, r->fields[f].name);
        st = c->path ? resolve_missing(c, &r->fields[f], at + r->fields[f].offset, first_set)
                     : no_memory(c);
        c->path = outer;
    }
    return st;
}

static enum egw_status resolve_record(struct compiler *c, const struct egw_node *w,
                                      const struct egw_type *r, size_t at)
{
    const struct egw_node_field *from[FIELDS_MAX];

    if (w->kind != EGW_K_RECORD || !names_fit(w->name, r))
        return misfit(c, w, r);
    assert(r->field_count <= FIELDS_MAX);
    for (size_t f = 0; f < r->field_count; f++) {
        from[f] = written(w, &r->fields[f]);
        for (size_t g = 0; from[f] && g < f; g++) {
            if (from[g] == from[f])
                return egw_error_set(c->err, EGW_INVALID,
                                     "%s: the writer's field '%.100s' is both "
                                     "%s and %s here",
                                     c->path, from[f]->name, r->fields[g].name, r->fields[f].name);
        }
    }
    return resolve_fields(c, w, r, at, from);
}

/* ---- unions of the reader ---- */

/* What has memory of its own: NEW, the ops that fill it, END. */
static enum egw_status resolve_new(struct compiler *c, struct egw_node *w, const struct egw_type *r,
                                   size_t at)
{
    const uint32_t head = here(c);
    enum egw_status st = simple(c, EGW_OP_NEW, at, r->size);

    if (!st)
        st = resolve(c, w, r, 0);
    return st ? st : end_block(c, head);
}

/* A value that is not null into an optional place. */
static enum egw_status resolve_present(struct compiler *c, struct egw_node *w,
                                       const struct egw_type *item, size_t at)
{
    size_t v;
    enum egw_status st;

    switch (item->kind) {
    case EGW_K_BOOLEAN:
        v = offsetof(struct egw_opt_bool, v);
        break;
    case EGW_K_INT:
    case EGW_K_ENUM:
        v = offsetof(struct egw_opt_i32, v);
        break;
    case EGW_K_LONG:
        v = offsetof(struct egw_opt_i64, v);
        break;
    case EGW_K_DOUBLE:
        v = offsetof(struct egw_opt_double, v);
        break;
    case EGW_K_STRING:
    case EGW_K_BYTES:
        return resolve(c, w, item, at);
    default: /* record, fixed */
        return resolve_new(c, w, item, at);
    }
    st = simple(c, EGW_OP_HAS, at, 0); /* `has` is the first member of each */
    return st ? st : resolve(c, w, item, at + v);
}

static enum egw_status resolve_branch(struct compiler *c, struct egw_node *w,
                                      const struct egw_type *r, int32_t branch, size_t at)
{
    enum egw_status st =
        simple(c, EGW_OP_BRANCH, at + offsetof(struct egw_choice, branch), (size_t)branch);

    return st ? st : resolve_new(c, w, r->branches[branch], at + offsetof(struct egw_choice, p));
}

static enum egw_status resolve_choice(struct compiler *c, struct egw_node *w,
                                      const struct egw_type *r, size_t at)
{
    int32_t fits = -1;

    if (w->kind != EGW_K_RECORD)
        return misfit(c, w, r);
    for (size_t i = r->branch_count; i-- > 0;) {
        if (!strcmp(w->name, r->branches[i]->name)) {
            fits = (int32_t)i;
            break;
        }
        if (names_fit(w->name, r->branches[i]))
            fits = (int32_t)i;
    }
    return fits < 0 ? misfit(c, w, r) : resolve_branch(c, w, r, fits, at);
}

/* ---- unions of the writer ---- */

/* The union everybody writes: null and one type, read as the same. *ret_done is false when it is
 * another, or its type does not fit (the general way then says so, should the value ever come). */
static enum egw_status resolve_option(struct compiler *c, const struct egw_node *w,
                                      const struct egw_type *r, size_t at, bool *ret_done)
{
    const uint32_t head = here(c);
    struct egw_op op = {.code = EGW_OP_OPTION, .at = (uint32_t)at, .size = 2};
    struct egw_plan *plan = c->plan;
    bool null_first;
    enum egw_status st;

    *ret_done = false;
    if (w->n != 2 || r->kind != EGW_K_OPTION)
        return EGW_OK;
    null_first = w->branches[0]->kind == EGW_K_NULL;
    if (null_first == (w->branches[1]->kind == EGW_K_NULL))
        return EGW_OK;
    op.null_byte = null_first ? 0 : 2;
    st = emit(c, op);
    if (!st)
        st = resolve_present(c, w->branches[null_first ? 1 : 0], r->item, at);
    if (st == EGW_INVALID) {
        plan->op_count = head;
        return EGW_OK;
    }
    if (st)
        return st;
    if (here(c) == head + 2 && plan->ops[head + 1].code == EGW_OP_STRING) {
        plan->ops[head].code = EGW_OP_OPT_STRING;
        plan->op_count--;
    }
    plan->ops[head].to = here(c);
    *ret_done = true;
    return EGW_OK;
}

/* A branch that does not fit is refused when it comes, with the sentence kept as its path. */
static enum egw_status refuse_branch(struct compiler *c, size_t back_to)
{
    const char *outer = c->path;
    enum egw_status st;

    c->plan->op_count = back_to;
    c->path = egw_arena_printf(&c->plan->arena, "%s", c->err->text).p;
    st = c->path ? simple(c, EGW_OP_REFUSE, 0, 0) : no_memory(c);
    c->path = outer;
    return st;
}

static enum egw_status resolve_union(struct compiler *c, const struct egw_node *w,
                                     const struct egw_type *r, size_t at)
{
    uint32_t last_jump = 0;
    size_t first, fit = 0;
    bool done;
    enum egw_status st = resolve_option(c, w, r, at, &done);

    if (st || done)
        return st;
    st = begin_union(c, w, &first);
    for (size_t i = 0; !st && i < w->n; i++) {
        const uint32_t start = here(c);

        c->plan->targets[first + i] = start;
        if (w->branches[i]->kind != EGW_K_NULL || r->kind != EGW_K_OPTION)
            st = resolve(c, w->branches[i], r, at);
        if (!st)
            fit++;
        else if (st == EGW_INVALID)
            st = refuse_branch(c, start);
        if (!st)
            st = end_branch(c, &last_jump);
    }
    if (st)
        return st;
    land_branches(c, last_jump);
    return fit ? EGW_OK : misfit(c, w, r);
}

static enum egw_status resolve_kind(struct compiler *c, struct egw_node *w,
                                    const struct egw_type *r, size_t at)
{
    if (w->is_union)
        return resolve_union(c, w, r, at);
    switch (r->kind) {
    case EGW_K_OPTION:
        return w->kind == EGW_K_NULL ? EGW_OK : resolve_present(c, w, r->item, at);
    case EGW_K_CHOICE:
        return resolve_choice(c, w, r, at);
    case EGW_K_RECORD:
        return resolve_record(c, w, r, at);
    case EGW_K_ARRAY:
    case EGW_K_MAP:
        return resolve_list(c, w, r, at);
    case EGW_K_ENUM:
        return resolve_enum(c, w, r, at);
    case EGW_K_FIXED:
        return resolve_fixed(c, w, r, at);
    case EGW_K_NULL:
        return w->kind == EGW_K_NULL ? EGW_OK : misfit(c, w, r);
    default:
        return resolve_scalar(c, w, r, at);
    }
}

static enum egw_status resolve(struct compiler *c, struct egw_node *w, const struct egw_type *r,
                               size_t at)
{
    enum egw_status st;

    if (++c->steps > EGW_PLAN_OPS_MAX || c->depth == EGW_DEPTH_MAX)
        return too_large(c);
    c->depth++;
    st = resolve_kind(c, w, r, at);
    c->depth--;
    return st;
}

/* ---- a reader's type as a writer's: for reading our own defaults ---- */

static struct egw_node *node_of(struct egw_arena *arena, const struct egw_type *type)
{
    struct egw_node *node = egw_arena_alloc(arena, sizeof(*node));

    if (!node)
        return NULL;
    node->kind = type->kind;
    node->name = type->name;
    if (type->kind == EGW_K_OPTION) { /* a default is of the first branch, and that is null */
        node->kind = EGW_K_NULL;
        node->is_union = true;
        node->n = 1;
        node->branches = egw_arena_alloc(arena, sizeof(*node->branches));
        if (!node->branches || !(node->branches[0] = egw_arena_alloc(arena, sizeof(*node))))
            return NULL;
    } else if (type->kind == EGW_K_ARRAY || type->kind == EGW_K_MAP) {
        if (!(node->item = node_of(arena, type->item)))
            return NULL;
    } else if (type->kind == EGW_K_ENUM) {
        node->symbols = type->symbols;
        node->n = type->symbol_count;
    } else if (type->kind == EGW_K_FIXED) {
        node->n = type->size;
    } else if (type->kind == EGW_K_RECORD) {
        node->n = type->field_count;
        node->fields = egw_arena_alloc(arena, node->n * sizeof(*node->fields));
        for (size_t i = 0; node->fields && i < node->n; i++) {
            node->fields[i].name = type->fields[i].name;
            if (!(node->fields[i].type = node_of(arena, type->fields[i].type)))
                return NULL;
        }
        if (!node->fields)
            return NULL;
    }
    return node;
}

enum egw_status egw_resolve(struct egw_node *writer, const struct egw_type *reader,
                            struct egw_plan **ret, struct egw_error *reterr)
{
    struct egw_error own; /* a sentence made on the way to success is not the caller's */
    struct compiler c = {.plan = calloc(1, sizeof(struct egw_plan)),
                         .path = reader->name ? reader->name : "value",
                         .err = &own};
    enum egw_status st;

    if (!c.plan)
        return egw_error_set(reterr, EGW_NOMEM, "no memory for a plan");
    c.plan->reader = reader;
    st = resolve(&c, writer, reader, 0);
    if (!st)
        st = simple(&c, EGW_OP_END, 0, 0);
    if (!st)
        st = write_blocks(&c);
    free(c.dropped);
    if (st) {
        egw_plan_free(c.plan);
        return egw_error_set(reterr, st, "%s", own.text);
    }
    *ret = c.plan;
    return EGW_OK;
}
