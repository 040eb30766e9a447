#include "egw/codec.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "plan.h"

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
