#include "egw/codec.h"

#include <stddef.h>

/* ---- encoding by the table ---- */

/*
 * Any table can be written this way: it takes no byte more than it needs and says what is wrong.
 * Bytes go straight into the buffer: each function takes the place to write at and returns the next
 * one, NULL on a fault. out->n is behind until the end.
 */
struct encoding {
    struct egw_buf *out;
    unsigned char *end;
    size_t slack; /* of the ops: bytes that stay free behind what is being written */
    enum egw_status status;
    struct egw_error *err;
};

enum { VARINT_MAX = 10 };

__attribute__((cold, noinline)) static unsigned char *more_room(struct encoding *e,
                                                                unsigned char *p, size_t n)
{
    e->out->n = (size_t)(p - e->out->p);
    if (egw_buf_reserve(e->out, n)) {
        e->status =
            egw_error_set(e->err, EGW_NOMEM, "no room for %zu more bytes after %zu", n, e->out->n);
        return NULL;
    }
    e->end = e->out->p + e->out->cap;
    return e->out->p + e->out->n;
}

static inline unsigned char *room(struct encoding *e, unsigned char *p, size_t n)
{
    return __builtin_expect((size_t)(e->end - p) >= n, 1) ? p : more_room(e, p, n);
}

static inline unsigned char *put_varint(unsigned char *p, int64_t v)
{
    uint64_t z = (uint64_t)v << 1 ^ (uint64_t)(v >> 63);

    while (z >= 0x80) {
        *p++ = (unsigned char)(z | 0x80);
        z >>= 7;
    }
    *p++ = (unsigned char)z;
    return p;
}

static unsigned char *put_long(struct encoding *e, unsigned char *p, int64_t v)
{
    p = room(e, p, VARINT_MAX);
    return p ? put_varint(p, v) : NULL;
}

static unsigned char *put_byte(struct encoding *e, unsigned char *p, unsigned char b)
{
    p = room(e, p, 1);
    if (p)
        *p++ = b;
    return p;
}

static unsigned char *put_raw(struct encoding *e, unsigned char *p, const void *bytes, size_t n)
{
    p = room(e, p, n);
    if (!p)
        return NULL;
    memcpy(p, bytes, n);
    return p + n;
}

static unsigned char *put_string(struct encoding *e, unsigned char *p, const struct egw_str *s)
{
    const size_t n = s->p ? s->n : 0;
    size_t all;

    if (__builtin_add_overflow(n, (size_t)VARINT_MAX, &all))
        all = SIZE_MAX;
    p = room(e, p, all);
    if (!p)
        return NULL;
    p = put_varint(p, (int64_t)n);
    if (n)
        memcpy(p, s->p, n);
    return p + n;
}

static unsigned char *put_float(struct encoding *e, unsigned char *p, float f)
{
    uint32_t v;
    unsigned char b[4];

    memcpy(&v, &f, sizeof(v));
    for (int i = 0; i < 4; i++)
        b[i] = (unsigned char)(v >> (8 * i));
    return put_raw(e, p, b, sizeof(b));
}

static unsigned char *put_double(struct encoding *e, unsigned char *p, double f)
{
    uint64_t v;
    unsigned char b[8];

    memcpy(&v, &f, sizeof(v));
    for (int i = 0; i < 8; i++)
        b[i] = (unsigned char)(v >> (8 * i));
    return put_raw(e, p, b, sizeof(b));
}

static unsigned char *put_ordinal(struct encoding *e, unsigned char *p, const char *what, int32_t v,
                                  size_t count)
{
    if (v < 0 || (size_t)v >= count) {
        e->status =
            egw_error_set(e->err, EGW_INVALID, "%s %d is outside 0..%zu", what, v, count - 1);
        return NULL;
    }
    return put_long(e, p, v);
}

static unsigned char *put_record(struct encoding *e, unsigned char *p, const struct egw_type *type,
                                 const unsigned char *from);
static unsigned char *put_value(struct encoding *e, unsigned char *p, const struct egw_type *type,
                                const unsigned char *from);

/* Array or map: one block, or none when it is empty. */
static unsigned char *put_list(struct encoding *e, unsigned char *p, const struct egw_type *type,
                               const struct egw_list *list)
{
    const size_t step = type->kind == EGW_K_MAP ? sizeof(struct egw_pair) : type->item->size;
    const unsigned char *item = list->p;

    if (list->n)
        p = put_long(e, p, (int64_t)list->n);
    for (size_t n = list->n; p && n; n--, item += step) {
        if (type->kind == EGW_K_MAP) {
            const struct egw_pair *pair = (const void *)item;

            p = put_string(e, p, &pair->key);
            if (p)
                p = put_value(e, p, type->item, (const unsigned char *)&pair->value);
        } else {
            p = put_value(e, p, type->item, item);
        }
    }
    return p ? put_byte(e, p, 0) : NULL;
}

const void *egw_option_value(const struct egw_type *item, const void *option)
{
    const unsigned char *from = option;
    bool has;
    size_t at;

    switch (item->kind) {
    case EGW_K_STRING:
    case EGW_K_BYTES:
        return ((const struct egw_str *)(const void *)from)->p ? from : NULL;
    case EGW_K_BOOLEAN:
        has = ((const struct egw_opt_bool *)(const void *)from)->has;
        at = offsetof(struct egw_opt_bool, v);
        break;
    case EGW_K_INT:
    case EGW_K_ENUM:
        has = ((const struct egw_opt_i32 *)(const void *)from)->has;
        at = offsetof(struct egw_opt_i32, v);
        break;
    case EGW_K_LONG:
        has = ((const struct egw_opt_i64 *)(const void *)from)->has;
        at = offsetof(struct egw_opt_i64, v);
        break;
    case EGW_K_DOUBLE:
        has = ((const struct egw_opt_double *)(const void *)from)->has;
        at = offsetof(struct egw_opt_double, v);
        break;
    default: /* record, fixed */
        return *(const unsigned char *const *)(const void *)from;
    }
    return has ? from + at : NULL;
}

static unsigned char *put_option(struct encoding *e, unsigned char *p, const struct egw_type *item,
                                 const unsigned char *from)
{
    const unsigned char *value = egw_option_value(item, from);

    p = put_byte(e, p, value ? 2 : 0);
    return value && p ? put_value(e, p, item, value) : p;
}

static unsigned char *put_value(struct encoding *e, unsigned char *p, const struct egw_type *type,
                                const unsigned char *from)
{
    switch (type->kind) {
    case EGW_K_NULL:
        return p;
    case EGW_K_BOOLEAN:
        return put_byte(e, p, *(const bool *)from ? 1 : 0);
    case EGW_K_INT:
        return put_long(e, p, *(const int32_t *)(const void *)from);
    case EGW_K_LONG:
        return put_long(e, p, *(const int64_t *)(const void *)from);
    case EGW_K_FLOAT:
        return put_float(e, p, *(const float *)(const void *)from);
    case EGW_K_DOUBLE:
        return put_double(e, p, *(const double *)(const void *)from);
    case EGW_K_BYTES:
    case EGW_K_STRING:
        return put_string(e, p, (const struct egw_str *)(const void *)from);
    case EGW_K_FIXED:
        return put_raw(e, p, from, type->size);
    case EGW_K_ENUM:
        return put_ordinal(e, p, "enum symbol", *(const int32_t *)(const void *)from,
                           type->symbol_count);
    case EGW_K_ARRAY:
    case EGW_K_MAP:
        return put_list(e, p, type, (const struct egw_list *)(const void *)from);
    case EGW_K_OPTION:
        return put_option(e, p, type->item, from);
    case EGW_K_CHOICE: {
        const struct egw_choice *choice = (const void *)from;

        p = put_ordinal(e, p, "union branch", choice->branch, type->branch_count);
        return p ? put_record(e, p, type->branches[choice->branch], choice->p) : NULL;
    }
    case EGW_K_RECORD:
        return put_record(e, p, type, from);
    }
    return NULL;
}

static unsigned char *put_record(struct encoding *e, unsigned char *p, const struct egw_type *type,
                                 const unsigned char *from)
{
    const struct egw_field *const end = type->fields + type->field_count;

    for (const struct egw_field *field = type->fields; field < end; field++) {
        p = put_value(e, p, field->type, from + field->offset);
        if (!p) {
            if (e->status == EGW_INVALID)
                egw_error_prefix(e->err, e->status, "%s", field->name);
            return NULL;
        }
    }
    return p;
}

__attribute__((cold, noinline)) static enum egw_status
walk(const struct egw_type *type, const void *record, struct egw_buf *out, struct egw_error *reterr)
{
    const size_t before = out->n;
    struct encoding e = {.out = out, .err = reterr};
    unsigned char *p;

    if (egw_buf_reserve(out, 1)) /* so that there is a place to write at */
        return egw_error_set(reterr, EGW_NOMEM, "no room for a record after %zu bytes", out->n);
    e.end = out->p + out->cap;
    p = put_value(&e, out->p + out->n, type, record);
    if (!p) {
        out->n = before; /* what was grown stays */
        return e.status == EGW_INVALID && type->name
                   ? egw_error_prefix(reterr, EGW_INVALID, "%s", type->name)
                   : e.status;
    }
    out->n = (size_t)(p - out->p);
    return EGW_OK;
}

/* ---- encoding by ops ---- */

/*
 * Our own records. Room is kept ahead: where a record begins, for all it can write, its texts taken
 * as short; a long text or the next item of a list asks for its own and leaves that much behind it.
 * So nothing else looks at the end. Whatever goes wrong here, walk() does the record again.
 */
enum {
    SHORT_MAX = 63,
    SHORT_ROOM = 64
}; /* a text whose length is one byte; generate.py counts so */

__attribute__((cold, noinline)) static unsigned char *grow_ahead(struct encoding *e,
                                                                 unsigned char *p, size_t n)
{
    e->out->n = (size_t)(p - e->out->p);
    if (egw_buf_reserve(e->out, n))
        return NULL;
    e->end = e->out->p + e->out->cap;
    return e->out->p + e->out->n;
}

/* n bytes and the slack behind them. */
static inline unsigned char *ahead(struct encoding *e, unsigned char *p, size_t n)
{
    const size_t all = n + e->slack;

    return __builtin_expect((size_t)(e->end - p) >= all, 1) ? p : grow_ahead(e, p, all);
}

/* memcpy() for short texts: no call, two moves that may overlap. */
__attribute__((always_inline)) static inline void copy_short(unsigned char *to, const char *from,
                                                             size_t n)
{
    if (n >= 16) {
        memcpy(to, from, 16);
        if (n > 32) {
            memcpy(to + 16, from + 16, 16);
            memcpy(to + n - 32, from + n - 32, 16);
        }
        memcpy(to + n - 16, from + n - 16, 16);
    } else if (n >= 8) {
        memcpy(to, from, 8);
        memcpy(to + n - 8, from + n - 8, 8);
    } else if (n >= 4) {
        memcpy(to, from, 4);
        memcpy(to + n - 4, from + n - 4, 4);
    } else if (n) {
        to[0] = (unsigned char)from[0];
        to[n / 2] = (unsigned char)from[n / 2];
        to[n - 1] = (unsigned char)from[n - 1];
    }
}

__attribute__((noinline)) static unsigned char *op_long_text(struct encoding *e, unsigned char *p,
                                                             struct egw_str s)
{
    if (s.n > PTRDIFF_MAX / 2) /* no object: walk() says so */
        return NULL;
    p = ahead(e, p, s.n + VARINT_MAX);
    if (!p)
        return NULL;
    p = put_varint(p, (int64_t)s.n);
    memcpy(p, s.p, s.n);
    return p + s.n;
}

/* There are SHORT_ROOM bytes. */
__attribute__((always_inline)) static inline unsigned char *
op_text(struct encoding *e, unsigned char *p, const struct egw_str *s)
{
    const size_t n = s->p ? s->n : 0;

    if (__builtin_expect(n > SHORT_MAX, 0))
        return op_long_text(e, p, *s);
    *p++ = (unsigned char)(n << 1);
    if (n)
        copy_short(p, s->p, n);
    return p + n;
}

static inline unsigned char *op_number(unsigned char *p, int64_t v)
{
    if (__builtin_expect(v >= 0 && v <= SHORT_MAX, 1)) {
        *p = (unsigned char)(v << 1);
        return p + 1;
    }
    return put_varint(p, v);
}

static inline unsigned char *op_ordinal(unsigned char *p, int32_t v, uint32_t count)
{
    return (uint32_t)v < count ? op_number(p, v) : NULL;
}

/* All ours are digests: those cost two moves. */
static inline unsigned char *op_fixed(unsigned char *p, const unsigned char *from, uint32_t n)
{
    if (__builtin_expect(n == 32, 1))
        memcpy(p, from, 32);
    else
        memcpy(p, from, n);
    return p + n;
}

static unsigned char *op_float(unsigned char *p, float f)
{
    uint32_t v;

    memcpy(&v, &f, sizeof(v));
    for (int i = 0; i < 4; i++)
        *p++ = (unsigned char)(v >> (8 * i));
    return p;
}

static unsigned char *op_double(unsigned char *p, double f)
{
    uint64_t v;

    memcpy(&v, &f, sizeof(v));
    for (int i = 0; i < 8; i++)
        *p++ = (unsigned char)(v >> (8 * i));
    return p;
}

static unsigned char *op_texts(struct encoding *e, unsigned char *p, const struct egw_list *list,
                               uint32_t each)
{
    const struct egw_str *s = list->p;

    if (!list->n) {
        *p++ = 0;
        return p;
    }
    p = op_number(p, (int64_t)list->n);
    for (const struct egw_str *end = s + list->n * each; s < end; s++) {
        p = ahead(e, p, SHORT_ROOM);
        if (p)
            p = op_text(e, p, s);
        if (!p)
            return NULL;
    }
    *p++ = 0;
    return p;
}

#define OF(type) (*(const type *)(const void *)value)

/* n > 0 records side by side. NULL: an ordinal out of range, or no room. */
static unsigned char *op_records(struct encoding *e, unsigned char *p, const struct egw_type *type,
                                 const unsigned char *from, size_t n)
{
    const struct egw_put *op = type->puts;

    e->slack += op->count;
    p = ahead(e, p, 0);
    for (op++; p; op++) {
        const unsigned char *value = from + op->at;

        switch (op->op) {
        case EGW_PUT_HEAD: /* never met: each record starts behind it */
            break;
        case EGW_PUT_END:
            if (!--n) {
                e->slack -= type->puts->count;
                return p;
            }
            from += type->size;
            op = type->puts; /* its head: the first is behind it */
            p = ahead(e, p, 0);
            break;
        case EGW_PUT_STRINGS: {
            const struct egw_str *s = &OF(struct egw_str), *end = s + op->count;

            for (; p && s < end; s++)
                p = op_text(e, p, s);
            break;
        }
        case EGW_PUT_OPT_STRINGS: {
            const struct egw_str *s = &OF(struct egw_str), *end = s + op->count;

            for (; p && s < end; s++) {
                *p++ = s->p ? 2 : 0;
                if (s->p)
                    p = op_text(e, p, s);
            }
            break;
        }
        case EGW_PUT_BOOLEAN:
            *p++ = OF(bool) ? 1 : 0;
            break;
        case EGW_PUT_INT:
            p = op_number(p, OF(int32_t));
            break;
        case EGW_PUT_LONG:
            p = op_number(p, OF(int64_t));
            break;
        case EGW_PUT_FLOAT:
            p = op_float(p, OF(float));
            break;
        case EGW_PUT_DOUBLE:
            p = op_double(p, OF(double));
            break;
        case EGW_PUT_ENUM:
            p = op_ordinal(p, OF(int32_t), op->count);
            break;
        case EGW_PUT_FIXED:
            p = op_fixed(p, value, op->count);
            break;
        case EGW_PUT_OPT_BOOLEAN:
            *p++ = OF(struct egw_opt_bool).has ? 2 : 0;
            if (OF(struct egw_opt_bool).has)
                *p++ = OF(struct egw_opt_bool).v ? 1 : 0;
            break;
        case EGW_PUT_OPT_INT:
            *p++ = OF(struct egw_opt_i32).has ? 2 : 0;
            if (OF(struct egw_opt_i32).has)
                p = op_number(p, OF(struct egw_opt_i32).v);
            break;
        case EGW_PUT_OPT_LONG:
            *p++ = OF(struct egw_opt_i64).has ? 2 : 0;
            if (OF(struct egw_opt_i64).has)
                p = op_number(p, OF(struct egw_opt_i64).v);
            break;
        case EGW_PUT_OPT_DOUBLE:
            *p++ = OF(struct egw_opt_double).has ? 2 : 0;
            if (OF(struct egw_opt_double).has)
                p = op_double(p, OF(struct egw_opt_double).v);
            break;
        case EGW_PUT_OPT_ENUM:
            *p++ = OF(struct egw_opt_i32).has ? 2 : 0;
            if (OF(struct egw_opt_i32).has)
                p = op_ordinal(p, OF(struct egw_opt_i32).v, op->count);
            break;
        case EGW_PUT_OPT_FIXED: {
            const unsigned char *bytes = OF(unsigned char *);

            *p++ = bytes ? 2 : 0;
            if (bytes)
                p = op_fixed(p, bytes, op->count);
            break;
        }
        case EGW_PUT_OPT_RECORD: {
            const unsigned char *record = OF(unsigned char *);

            *p++ = record ? 2 : 0;
            if (record)
                p = op_records(e, p, op->type, record, 1);
            break;
        }
        case EGW_PUT_CHOICE: {
            const struct egw_choice *choice = &OF(struct egw_choice);

            p = op_ordinal(p, choice->branch, op->count);
            if (p)
                p = op_records(e, p, op->type->branches[choice->branch], choice->p, 1);
            break;
        }
        case EGW_PUT_TEXTS:
            p = op_texts(e, p, &OF(struct egw_list), op->count);
            break;
        case EGW_PUT_RECORDS: {
            const struct egw_list *list = &OF(struct egw_list);

            if (list->n) {
                p = op_records(e, op_number(p, (int64_t)list->n), op->type, list->p, list->n);
                if (!p)
                    return NULL;
            }
            *p++ = 0;
            break;
        }
        }
    }
    return NULL;
}

enum egw_status egw_encode(const struct egw_type *type, const void *record, struct egw_buf *out,
                           struct egw_error *reterr)
{
    const size_t before = out->n;
    struct encoding e = {.out = out};
    unsigned char *p;

    if (!type->puts || egw_buf_reserve(out, (size_t)type->puts->count + 1))
        return walk(type, record, out, reterr);
    e.end = out->p + out->cap;
    p = op_records(&e, out->p + out->n, type, record, 1);
    if (!p) {
        out->n = before; /* what was grown stays */
        return walk(type, record, out, reterr);
    }
    out->n = (size_t)(p - out->p);
    return EGW_OK;
}
