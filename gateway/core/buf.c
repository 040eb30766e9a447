#include "egw/buf.h"
#include "egw/codec.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

bool egw_grow(void *items, size_t size, size_t n, size_t *capacity)
{
    size_t more = *capacity ? *capacity * 2 : 64;
    void *p, *grown;

    if (n < *capacity)
        return true;
    memcpy(&p, items, sizeof(p));
    grown = reallocarray(p, more, size);
    if (!grown)
        return false;
    memcpy(items, &grown, sizeof(grown));
    *capacity = more;
    return true;
}

void egw_buf_free(struct egw_buf *buf)
{
    if (!buf)
        return;
    free(buf->p);
    *buf = (struct egw_buf){.max = buf->max};
}

enum egw_status egw_buf_reserve(struct egw_buf *buf, size_t more)
{
    size_t max = buf->max ? buf->max : (size_t)1 << 30;
    size_t need, cap;
    unsigned char *p;

    if (max > PTRDIFF_MAX) /* no object is larger */
        max = PTRDIFF_MAX;
    if (__builtin_add_overflow(buf->n, more, &need) || need > max)
        return EGW_NOMEM;
    if (need <= buf->cap)
        return EGW_OK;
    cap = buf->cap ? buf->cap : 256;
    while (cap < need && cap <= max / 2)
        cap *= 2;
    if (cap < need || cap > max)
        cap = max;
    p = realloc(buf->p, cap);
    if (!p)
        return EGW_NOMEM;
    buf->p = p;
    buf->cap = cap;
    return EGW_OK;
}

enum egw_status egw_buf_put(struct egw_buf *buf, const void *bytes, size_t n)
{
    enum egw_status st = egw_buf_reserve(buf, n);

    if (st)
        return st;
    if (n)
        memcpy(buf->p + buf->n, bytes, n);
    buf->n += n;
    return EGW_OK;
}

enum egw_status egw_buf_printf(struct egw_buf *buf, const char *fmt, ...)
{
    va_list ap;
    int n;
    enum egw_status st;

    va_start(ap, fmt);
    n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (n < 0)
        return EGW_INVALID;
    st = egw_buf_reserve(buf, (size_t)n + 1);
    if (st)
        return st;
    va_start(ap, fmt);
    (void)vsnprintf((char *)buf->p + buf->n, (size_t)n + 1, fmt, ap);
    va_end(ap);
    buf->n += (size_t)n;
    return EGW_OK;
}

enum { ARENA_BLOCK = 16384, ARENA_ALIGN = 16 };

struct egw_arena_block {
    struct egw_arena_block *next;
    size_t n, cap;
    _Alignas(ARENA_ALIGN) unsigned char bytes[];
};

/* n bytes as they happen to be. */
static void *take(struct egw_arena *arena, size_t n)
{
    size_t max = arena->max ? arena->max : (size_t)64 << 20;
    struct egw_arena_block *block = arena->now;
    void *p;

    if (max > PTRDIFF_MAX / 2)
        max = PTRDIFF_MAX / 2; /* so that no sum below overflows */
    if (__builtin_add_overflow(n, (size_t)ARENA_ALIGN - 1, &n))
        return NULL;
    n &= ~((size_t)ARENA_ALIGN - 1);
    if (n > max || arena->used > max - n)
        return NULL;
    while (block && block->cap - block->n < n && block->next) {
        block = block->next; /* kept from before the last reset: empty */
        block->n = 0;
    }
    if (!block || block->cap - block->n < n) {
        size_t cap = n > ARENA_BLOCK ? n : ARENA_BLOCK;
        struct egw_arena_block *fresh = malloc(sizeof(*fresh) + cap);

        if (!fresh)
            return NULL;
        fresh->next = NULL;
        fresh->n = 0;
        fresh->cap = cap;
        if (block)
            block->next = fresh;
        else
            arena->first = fresh;
        block = fresh;
    }
    arena->now = block;
    p = block->bytes + block->n;
    block->n += n;
    arena->used += n;
    return p;
}

void *egw_arena_alloc(struct egw_arena *arena, size_t n)
{
    void *p = take(arena, n);

    if (p)
        memset(p, 0, n);
    return p;
}

bool egw_arena_str(struct egw_arena *arena, struct egw_str s, struct egw_str *ret)
{
    char *p;

    if (!s.p) {
        *ret = EGW_STR_NONE;
        return true;
    }
    p = take(arena, s.n + 1);
    if (!p)
        return false;
    memcpy(p, s.p, s.n);
    p[s.n] = '\0';
    *ret = (struct egw_str){p, s.n};
    return true;
}

struct egw_str egw_arena_printf(struct egw_arena *arena, const char *fmt, ...)
{
    char brief[128]; /* most are: they need not be formatted twice to know their length */
    va_list ap;
    int n;
    char *p;

    va_start(ap, fmt);
    n = vsnprintf(brief, sizeof(brief), fmt, ap);
    va_end(ap);
    p = n < 0 ? NULL : take(arena, (size_t)n + 1);
    if (!p)
        return EGW_STR_NONE;
    if ((size_t)n < sizeof(brief)) {
        memcpy(p, brief, (size_t)n + 1);
        return (struct egw_str){p, (size_t)n};
    }
    va_start(ap, fmt);
    (void)vsnprintf(p, (size_t)n + 1, fmt, ap);
    va_end(ap);
    return (struct egw_str){p, (size_t)n};
}

void egw_arena_reset(struct egw_arena *arena)
{
    arena->now = arena->first;
    if (arena->first)
        arena->first->n = 0;
    arena->used = 0;
}

void egw_arena_free(struct egw_arena *arena)
{
    struct egw_arena_block *block = arena->first;

    while (block) {
        struct egw_arena_block *next = block->next;

        free(block);
        block = next;
    }
    *arena = (struct egw_arena){.max = arena->max};
}

void *egw_list_push(struct egw_arena *arena, struct egw_list *list, size_t size)
{
    if ((list->n & (list->n - 1)) == 0) { /* full: the capacity is the next power of two */
        void *grown = egw_arena_alloc(arena, (list->n ? list->n * 2 : 1) * size);

        if (!grown)
            return NULL;
        if (list->n)
            memcpy(grown, list->p, list->n * size);
        list->p = grown;
    }
    return (unsigned char *)list->p + list->n++ * size;
}
