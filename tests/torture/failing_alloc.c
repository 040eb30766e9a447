#include "failing_alloc.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { SLOTS = 1 << 18 };

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
void __real_free(void *p);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);
char *__wrap_strdup(const char *s);
void __wrap_free(void *p);

static struct {
    bool on, lasting;
    size_t fail_at, count;
    void *live[SLOTS]; /* open addressing; GONE where one was */
    size_t left, used;
} alloc;

static char gone;
#define GONE ((void *)&gone)

static size_t home_of(const void *p)
{
    return (size_t)(((uintptr_t)p >> 4) * UINT64_C(0x9E3779B97F4A7C15) >> 46) % SLOTS;
}

static void keep(void *p)
{
    size_t at = home_of(p);

    if (alloc.used >= SLOTS / 2)
        abort(); /* a scenario too large for the table */
    while (alloc.live[at])
        at = (at + 1) % SLOTS;
    alloc.live[at] = p;
    alloc.used++;
    alloc.left++;
}

static bool forget(const void *p)
{
    for (size_t at = home_of(p); alloc.live[at]; at = (at + 1) % SLOTS) {
        if (alloc.live[at] != p)
            continue;
        alloc.live[at] = GONE;
        alloc.left--;
        return true;
    }
    return false;
}

static bool fails(void)
{
    if (!alloc.on)
        return false;
    alloc.count++;
    return alloc.fail_at &&
           (alloc.count == alloc.fail_at || (alloc.lasting && alloc.count > alloc.fail_at));
}

static void *made(void *p)
{
    if (alloc.on && p)
        keep(p);
    return p;
}

void *__wrap_malloc(size_t n)
{
    return fails() ? NULL : made(__real_malloc(n));
}

void *__wrap_calloc(size_t n, size_t size)
{
    return fails() ? NULL : made(__real_calloc(n, size));
}

void *__wrap_realloc(void *p, size_t n)
{
    bool ours;
    void *fresh;

    if (fails())
        return NULL;
    ours = p && forget(p);
    fresh = __real_realloc(p, n);
    if (fresh && (ours || alloc.on))
        keep(fresh);
    return fresh;
}

char *__wrap_strdup(const char *s)
{
    size_t n = strlen(s) + 1;
    char *copy = __wrap_malloc(n);

    return copy ? memcpy(copy, s, n) : NULL;
}

void __wrap_free(void *p)
{
    if (p)
        (void)forget(p);
    __real_free(p);
}

void alloc_start(size_t n, bool lasting)
{
    memset(alloc.live, 0, sizeof(alloc.live));
    alloc.left = alloc.used = alloc.count = 0;
    alloc.fail_at = n;
    alloc.lasting = lasting;
    alloc.on = true;
}

size_t alloc_stop(void)
{
    alloc.on = false;
    return alloc.count;
}

size_t alloc_left(void)
{
    return alloc.left;
}
