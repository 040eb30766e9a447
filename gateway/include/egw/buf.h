/*
 * buf, arena - memory that grows up to a stated ceiling
 *
 * A buf is one contiguous piece that may move when it grows; an arena hands out pieces that stay
 * where they are until the whole arena is reset. Both refuse (never abort) past their ceiling.
 * Threading: one owner each, no lock inside.
 */
#ifndef EGW_BUF_H
#define EGW_BUF_H

#include "egw/base.h"

struct egw_buf {
    unsigned char *p;
    size_t n;   /* bytes in use */
    size_t cap; /* bytes allocated */
    size_t max; /* ceiling in bytes; 0 means 1 GiB */
};

void egw_buf_free(struct egw_buf *buf); /* leaves an empty buf; NULL is allowed */
static inline void egw_buf_clear(struct egw_buf *buf)
{
    buf->n = 0;
}
/* Room for `more` bytes after p + n. EGW_OK or EGW_NOMEM (buf unchanged). */
enum egw_status egw_buf_reserve(struct egw_buf *buf, size_t more) EGW_MUST_CHECK;
enum egw_status egw_buf_put(struct egw_buf *buf, const void *bytes, size_t n) EGW_MUST_CHECK;
enum egw_status egw_buf_printf(struct egw_buf *buf, const char *fmt, ...)
    EGW_PRINTF(2, 3) EGW_MUST_CHECK;
static inline struct egw_str egw_buf_str(const struct egw_buf *buf)
{
    return (struct egw_str){buf->p ? (const char *)buf->p : "", buf->n};
}

/* Room for one more in an array of n items of size, malloc'd or NULL, its pointer at items. False:
 * no memory, and all is as it was. */
bool egw_grow(void *items, size_t size, size_t n, size_t *capacity) EGW_MUST_CHECK;

struct egw_arena_block;
struct egw_arena {
    struct egw_arena_block *first, *now;
    size_t used; /* bytes handed out since the last reset */
    size_t max;  /* ceiling in bytes; 0 means 64 MiB */
};

/* n bytes, aligned for any type, zeroed; NULL when the ceiling or memory is reached. */
void *egw_arena_alloc(struct egw_arena *arena, size_t n) EGW_MUST_CHECK;
/* A copy of s that lives as long as the arena's contents; absent stays absent. False: no memory. */
bool egw_arena_str(struct egw_arena *arena, struct egw_str s, struct egw_str *ret) EGW_MUST_CHECK;
/* Text made in the arena; p == NULL when there is no memory. */
struct egw_str egw_arena_printf(struct egw_arena *arena, const char *fmt, ...) EGW_PRINTF(2, 3);
void egw_arena_reset(struct egw_arena *arena); /* keeps the blocks for the next use */
void egw_arena_free(struct egw_arena *arena);

#endif
