#include "egw/codec.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "plan.h"

/* ---- decoding ---- */

/* Arena use is at most ARENA_FREE + ARENA_PER_BYTE x input, so that few bytes cannot ask for much.
 */
enum { ARENA_FREE = 65536, ARENA_PER_BYTE = 64 };

struct decoding {
    const struct egw_plan *plan;
    const unsigned char *begin, *end;
    struct egw_arena *arena;
    size_t arena_left;
    size_t items_left;
    size_t calls_left; /* dropped records may contain one another and yet take no bytes */
    unsigned depth;
    enum egw_status status;
    struct egw_error *err;
};

static const char *reader_name(const struct egw_plan *plan)
{
    return plan->reader->name ? plan->reader->name : "value";
}

/* Says what is wrong with the value op was to read at p. Returns NULL, as its callers do. */
__attribute__((cold, noinline)) static const unsigned char *
fault(struct decoding *d, const struct egw_op *op, const unsigned char *p, const char *fmt, ...)
    EGW_PRINTF(4, 5);

static const unsigned char *fault(struct decoding *d, const struct egw_op *op,
                                  const unsigned char *p, const char *fmt, ...)
{
    const char *path = d->plan->paths[op - d->plan->ops];
    char what[256];
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(what, sizeof(what), fmt, ap);
    va_end(ap);
    d->status = egw_error_set(d->err, EGW_INVALID, "%s: %s at byte %zu: %s", reader_name(d->plan),
                              path, (size_t)(p - d->begin), what);
    return NULL;
}

__attribute__((cold, noinline)) static const unsigned char *
varint_fault(struct decoding *d, const struct egw_op *op, const unsigned char *p)
{
    size_t n = 0, left = (size_t)(d->end - p);

    while (n < left && n < 10 && p[n] >= 0x80)
        n++;
    if (n < 10 && n == left)
        return fault(d, op, p, "a number is cut off");
    if (n < 10 && n > 0 && p[n] == 0)
        return fault(d, op, p, "a number is written with needless bytes");
    return fault(d, op, p, "a number has more than 64 bits");
}

/* What was read and where reading goes on, NULL on a fault: together, so that both stay in
 * registers. */
struct number {
    const unsigned char *next;
    uint64_t z; /* zig-zag */
};

/* A number of two bytes or more, or of one byte; next is NULL when it is none. */
__attribute__((noinline)) static struct number varint_slow(const unsigned char *p,
                                                           const unsigned char *end)
{
    uint64_t v = 0;

    for (unsigned shift = 0; p < end && shift <= 63; shift += 7) {
        unsigned char b = *p++;

        if (shift == 63 && b > 1)
            break;
        v |= (uint64_t)(b & 0x7f) << shift;
        if (b < 0x80) {
            if (!b && shift)
                break;
            return (struct number){p, v};
        }
    }
    return (struct number){NULL, 0};
}

static inline struct number varint(struct decoding *d, const struct egw_op *op,
                                   const unsigned char *p)
{
    struct number number;

    if (__builtin_expect(p < d->end && *p < 0x80, 1))
        return (struct number){p + 1, *p};
    number = varint_slow(p, d->end);
    if (!number.next)
        (void)varint_fault(d, op, p);
    return number;
}

static inline int64_t unzigzag(uint64_t z)
{
    return (int64_t)(z >> 1 ^ (0 - (z & 1)));
}

static inline const unsigned char *take_long(struct decoding *d, const struct egw_op *op,
                                             const unsigned char *p, int64_t *ret)
{
    const struct number number = varint(d, op, p);

    if (number.next)
        *ret = unzigzag(number.z);
    return number.next;
}

static inline const unsigned char *take_int(struct decoding *d, const struct egw_op *op,
                                            const unsigned char *p, int32_t *ret)
{
    const struct number number = varint(d, op, p);

    if (!number.next)
        return NULL;
    if (number.z > UINT32_MAX)
        return fault(d, op, p, "int is %lld, outside its 32 bits", (long long)unzigzag(number.z));
    *ret = (int32_t)unzigzag(number.z);
    return number.next;
}

static inline const unsigned char *take_string(struct decoding *d, const struct egw_op *op,
                                               const unsigned char *p, struct egw_str *ret)
{
    const struct number number = varint(d, op, p);
    const size_t n = (size_t)(number.z >> 1);

    if (!number.next)
        return NULL;
    if (number.z & 1)
        return fault(d, op, p, "length %lld is negative", (long long)unzigzag(number.z));
    if (n > (size_t)(d->end - number.next))
        return fault(d, op, p, "length %zu, but %zu bytes are left", n,
                     (size_t)(d->end - number.next));
    *ret = (struct egw_str){(const char *)number.next, n};
    return number.next + n;
}

/* n bytes as they are. */
static inline const unsigned char *take_raw(struct decoding *d, const struct egw_op *op,
                                            const unsigned char *p, size_t n)
{
    if (n > (size_t)(d->end - p))
        return fault(d, op, p, "%zu bytes are needed, but %zu are left", n, (size_t)(d->end - p));
    return p + n;
}

static inline const unsigned char *take_boolean(struct decoding *d, const struct egw_op *op,
                                                const unsigned char *p, bool *ret)
{
    if (p == d->end)
        return fault(d, op, p, "a boolean is cut off");
    if (*p > 1)
        return fault(d, op, p, "boolean is %u, not 0 or 1", *p);
    *ret = *p;
    return p + 1;
}

/* A number of 0..count-1: enum symbol or union branch. */
static inline const unsigned char *take_ordinal(struct decoding *d, const struct egw_op *op,
                                                const unsigned char *p, const char *what,
                                                uint32_t *ret)
{
    const struct number number = varint(d, op, p);

    if (!number.next)
        return NULL;
    if ((number.z & 1) || number.z >> 1 >= op->size)
        return fault(d, op, p, "%s %lld is outside 0..%lld", what, (long long)unzigzag(number.z),
                     (long long)op->size - 1);
    *ret = (uint32_t)(number.z >> 1);
    return number.next;
}

/* Avro's floats are little-endian whatever the machine. */
static inline float float_of(const unsigned char *p)
{
    uint32_t v = (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
    float f;

    memcpy(&f, &v, sizeof(f));
    return f;
}

static inline double double_of(const unsigned char *p)
{
    uint64_t v = 0;
    double f;

    for (int i = 7; i >= 0; i--)
        v = v << 8 | p[i];
    memcpy(&f, &v, sizeof(f));
    return f;
}

static void *memory(struct decoding *d, const struct egw_op *op, const unsigned char *p, size_t n)
{
    size_t rounded = (n + 15) & ~(size_t)15; /* as the arena counts */
    void *made;

    if (rounded > d->arena_left) {
        fault(d, op, p, "needs more memory than %zu bytes of input may ask for",
              (size_t)(d->end - d->begin));
        return NULL;
    }
    made = egw_arena_alloc(d->arena, n);
    if (!made) {
        d->status = egw_error_set(d->err, EGW_NOMEM,
                                  "no memory to read %s: the arena holds %zu "
                                  "bytes",
                                  d->plan->paths[op - d->plan->ops], d->arena->used);
        return NULL;
    }
    d->arena_left -= rounded;
    return made;
}

static const unsigned char *run(struct decoding *d, const struct egw_op *op, unsigned char *base,
                                const unsigned char *p);

struct growing {
    unsigned char *p;
    size_t n, cap;
};

/* Room for `want` items in all; at least doubles, so that many small blocks cost no more than one
 * large one. */
static bool grow(struct decoding *d, const struct egw_op *op, const unsigned char *p,
                 struct growing *list, size_t want)
{
    size_t cap = list->cap * 2 > want ? list->cap * 2 : want;
    unsigned char *made = memory(d, op, p, cap * op->size); /* want <= 2 x 100,000: no overflow */

    if (!made)
        return false;
    if (list->n)
        memcpy(made, list->p, list->n * op->size);
    list->p = made;
    list->cap = cap;
    return true;
}

/* The head of a block of items: their number (0: the list ends) and, where the writer gave the
 * block's size, its end. */
static const unsigned char *block_head(struct decoding *d, const struct egw_op *op,
                                       const unsigned char *p, size_t *ret_count,
                                       const unsigned char **ret_end)
{
    const unsigned char *from = p;
    int64_t count, size;

    *ret_end = NULL;
    p = take_long(d, op, p, &count);
    if (!p)
        return NULL;
    if (count < 0) {
        if (count == INT64_MIN)
            return fault(d, op, from, "a block has an impossible number of items");
        count = -count;
        p = take_long(d, op, p, &size);
        if (!p)
            return NULL;
        if (size < 0 || (uint64_t)size > (uint64_t)(d->end - p))
            return fault(d, op, from, "a block of %lld bytes, but %zu are left", (long long)size,
                         (size_t)(d->end - p));
        *ret_end = p + size;
    }
    if ((uint64_t)count > d->items_left)
        return fault(d, op, from, "%lld items are more than the %d a record may have",
                     (long long)count, EGW_ITEMS_MAX);
    d->items_left -= (size_t)count;
    *ret_count = (size_t)count;
    return p;
}

static const unsigned char *run_list(struct decoding *d, const struct egw_op *op,
                                     unsigned char *base, const unsigned char *p)
{
    const bool kept = op->size > 0;
    const unsigned char *block_end;
    struct growing list = {NULL, 0, 0};
    size_t count, left;

    for (;;) {
        p = block_head(d, op, p, &count, &block_end);
        if (!p)
            return NULL;
        if (!count)
            break;
        left = (size_t)(d->end - p);
        /* A count is believed as far as there are bytes; items that take none come one by one. */
        if (kept && list.cap < list.n + count &&
            !grow(d, op, p, &list, list.n + (count < left + 1 ? count : left + 1)))
            return NULL;
        for (; count; count--) {
            if (kept && list.n == list.cap && !grow(d, op, p, &list, list.n + 1))
                return NULL;
            p = run(d, op + 1, kept ? list.p + list.n * op->size : NULL, p);
            if (!p)
                return NULL;
            list.n++;
        }
        if (block_end && p != block_end)
            return fault(d, op, p, "a block of items does not have the size it claims");
    }
    if (kept)
        *(struct egw_list *)(void *)(base + op->at) = (struct egw_list){list.p, list.n};
    return p;
}

#define AT(type) (*(type *)(void *)(base + op->at))

/* Runs ops up to their END; base is the C struct they fill. Returns where reading stopped, NULL on
 * a fault. Recursion is bounded by depth; the compiler bounds ops without input. */
static const unsigned char *run(struct decoding *d, const struct egw_op *op, unsigned char *base,
                                const unsigned char *p)
{
    const struct egw_op *const ops = d->plan->ops;

    if (++d->depth > EGW_DEPTH_MAX)
        return fault(d, op, p, "records are nested deeper than %d", EGW_DEPTH_MAX);
    for (;; op++) {
        switch ((enum egw_opcode)op->code) {
        case EGW_OP_END:
            d->depth--;
            return p;
        case EGW_OP_JUMP:
            op = ops + op->to - 1;
            continue;
        case EGW_OP_OPT_STRING:
        case EGW_OP_OPTION:
            if (p == d->end)
                return fault(d, op, p, "a union is cut off");
            if (*p == op->null_byte) {
                p++;
                op = ops + op->to - 1;
                continue;
            }
            if (*p != (op->null_byte ^ 2)) {
                uint32_t n;

                return take_ordinal(d, op, p, "union branch", &n); /* NULL: it is none of 0, 1 */
            }
            p++;
            if (op->code == EGW_OP_OPT_STRING)
                p = take_string(d, op, p, &AT(struct egw_str));
            break;
        case EGW_OP_UNION: {
            uint32_t n;

            p = take_ordinal(d, op, p, "union branch", &n);
            if (!p)
                return NULL;
            op = ops + d->plan->targets[op->to + n] - 1;
            continue;
        }
        case EGW_OP_REFUSE:
            return fault(d, op, p, "the writer chose a branch that is not read here");
        case EGW_OP_HAS:
            AT(bool) = true;
            continue;
        case EGW_OP_BRANCH:
            AT(int32_t) = (int32_t)op->size;
            continue;
        case EGW_OP_NEW: {
            unsigned char *made = memory(d, op, p, op->size);

            if (!made)
                return NULL;
            AT(void *) = made;
            p = run(d, op + 1, made, p);
            op = ops + op->to - 1;
            break;
        }
        case EGW_OP_LIST:
            p = run_list(d, op, base, p);
            op = ops + op->to - 1;
            break;
        case EGW_OP_SET:
            memcpy(base + op->at, d->plan->constants + op->to, op->size);
            continue;
        case EGW_OP_CALL:
            if (!d->calls_left--)
                return fault(d, op, p, "more dropped records than the input can hold");
            p = run(d, ops + op->to, NULL, p);
            break;
        case EGW_OP_BOOLEAN:
            p = take_boolean(d, op, p, &AT(bool));
            break;
        case EGW_OP_INT:
            p = take_int(d, op, p, &AT(int32_t));
            break;
        case EGW_OP_LONG:
            p = take_long(d, op, p, &AT(int64_t));
            break;
        case EGW_OP_FLOAT:
        case EGW_OP_FLOAT_DOUBLE: {
            const unsigned char *from = p;

            p = take_raw(d, op, p, 4);
            if (p && op->code == EGW_OP_FLOAT)
                AT(float) = float_of(from);
            else if (p)
                AT(double) = (double)float_of(from);
            break;
        }
        case EGW_OP_DOUBLE: {
            const unsigned char *from = p;

            p = take_raw(d, op, p, 8);
            if (p)
                AT(double) = double_of(from);
            break;
        }
        case EGW_OP_STRING: /* texts stand side by side: the next needs no switch */
            p = take_string(d, op, p, &AT(struct egw_str));
            while (p && op[1].code == EGW_OP_STRING) {
                op++;
                p = take_string(d, op, p, &AT(struct egw_str));
            }
            break;
        case EGW_OP_FIXED: {
            const unsigned char *from = p;

            p = take_raw(d, op, p, op->size);
            if (p && op->size == 32) /* all ours are digests: two moves, no call */
                memcpy(base + op->at, from, 32);
            else if (p)
                memcpy(base + op->at, from, op->size);
            break;
        }
        case EGW_OP_ENUM: {
            uint32_t n;

            p = take_ordinal(d, op, p, "enum symbol", &n);
            if (p)
                AT(int32_t) = (int32_t)n;
            break;
        }
        case EGW_OP_ENUM_MAP: {
            const unsigned char *from = p;
            uint32_t n;

            p = take_ordinal(d, op, p, "enum symbol", &n);
            if (!p)
                return NULL;
            AT(int32_t) = d->plan->symbols[op->to + n];
            if (AT(int32_t) < 0)
                return fault(d, op, from, "symbol %u of the writer's enum is not known here", n);
            break;
        }
        case EGW_OP_INT_LONG:
        case EGW_OP_INT_FLOAT:
        case EGW_OP_INT_DOUBLE: {
            int32_t v;

            p = take_int(d, op, p, &v);
            if (!p)
                return NULL;
            if (op->code == EGW_OP_INT_LONG)
                AT(int64_t) = v;
            else if (op->code == EGW_OP_INT_FLOAT)
                AT(float) = (float)v;
            else
                AT(double) = v;
            break;
        }
        case EGW_OP_LONG_FLOAT:
        case EGW_OP_LONG_DOUBLE: {
            int64_t v;

            p = take_long(d, op, p, &v);
            if (!p)
                return NULL;
            if (op->code == EGW_OP_LONG_FLOAT)
                AT(float) = (float)v;
            else
                AT(double) = (double)v;
            break;
        }
        case EGW_OP_SKIP:
            p = take_raw(d, op, p, op->size);
            break;
        case EGW_OP_SKIP_BOOLEAN: {
            bool v;

            p = take_boolean(d, op, p, &v);
            break;
        }
        case EGW_OP_SKIP_INT: {
            int32_t v;

            p = take_int(d, op, p, &v);
            break;
        }
        case EGW_OP_SKIP_LONG: {
            int64_t v;

            p = take_long(d, op, p, &v);
            break;
        }
        case EGW_OP_SKIP_STRING: {
            struct egw_str v;

            p = take_string(d, op, p, &v);
            break;
        }
        case EGW_OP_SKIP_ENUM: {
            uint32_t n;

            p = take_ordinal(d, op, p, "enum symbol", &n);
            break;
        }
        }
        if (__builtin_expect(!p, 0))
            return NULL;
    }
}

enum egw_status egw_decode(const struct egw_plan *plan, const void *bytes, size_t n,
                           struct egw_arena *arena, void *ret, struct egw_error *reterr)
{
    const unsigned char *begin = bytes ? bytes : (const unsigned char *)"";
    struct decoding d = {.plan = plan,
                         .begin = begin,
                         .end = begin + n,
                         .arena = arena,
                         .items_left = EGW_ITEMS_MAX,
                         .calls_left = EGW_ITEMS_MAX,
                         .err = reterr};
    const unsigned char *p;

    assert(bytes || !n);
    if (__builtin_mul_overflow(n, (size_t)ARENA_PER_BYTE, &d.arena_left) ||
        __builtin_add_overflow(d.arena_left, (size_t)ARENA_FREE, &d.arena_left))
        d.arena_left = SIZE_MAX;
    if (__builtin_add_overflow(d.calls_left, d.arena_left, &d.calls_left))
        d.calls_left = SIZE_MAX;
    memset(ret, 0, plan->reader->size);
    p = run(&d, plan->ops, ret, begin);
    if (!p)
        return d.status;
    if (p != d.end)
        return egw_error_set(reterr, EGW_INVALID,
                             "%s: the record ends at byte %zu, but the input "
                             "has %zu",
                             reader_name(plan), (size_t)(p - begin), n);
    return EGW_OK;
}

const struct egw_type *egw_plan_reader(const struct egw_plan *plan)
{
    return plan->reader;
}

void egw_plan_free(struct egw_plan *plan)
{
    if (!plan)
        return;
    egw_arena_free(&plan->arena);
    free(plan->ops);
    free(plan->paths);
    free(plan->targets);
    free(plan->symbols);
    free(plan->constants);
    free(plan);
}

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

/* Where the value of an optional part is, NULL when it is absent. */
static const unsigned char *option_value(const struct egw_type *item, const unsigned char *from)
{
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
    const unsigned char *value = option_value(item, from);

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
