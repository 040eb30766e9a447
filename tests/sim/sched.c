#include "sched.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>

struct sched_action {
    int64_t at;
    uint64_t order;
    sched_fn fn;
    void *arg;
    int64_t n;
};

void *sim_realloc(void *p, size_t n)
{
    void *q = realloc(p, n ? n : 1);

    if (!q) {
        fputs("sim: no memory\n", stderr);
        abort();
    }
    return q;
}

void *sim_zalloc(size_t n)
{
    void *p = sim_realloc(NULL, n);

    memset(p, 0, n);
    return p;
}

void *sim_push(void *array, size_t *n, size_t *cap, size_t size)
{
    void **p = array;

    if (*n == *cap) {
        *cap = *cap ? *cap * 2 : 16;
        *p = sim_realloc(*p, *cap * size);
    }
    return memset((char *)*p + (*n)++ * size, 0, size);
}

void sched_init(struct sched *sched, uint64_t seed)
{
    *sched = (struct sched){.random = seed, .trace = 0xcbf29ce484222325u};
}

void sched_free(struct sched *sched)
{
    free(sched->heap);
    *sched = (struct sched){0};
}

static bool earlier(const struct sched_action *a, const struct sched_action *b)
{
    return a->at != b->at ? a->at < b->at : a->order < b->order;
}

static void swap(struct sched_action *a, struct sched_action *b)
{
    struct sched_action kept = *a;

    *a = *b;
    *b = kept;
}

void sched_after(struct sched *sched, int64_t after, sched_fn fn, void *arg, int64_t n)
{
    struct sched_action *slot =
        sim_push(&sched->heap, &sched->n, &sched->cap, sizeof(*sched->heap));
    size_t i = sched->n - 1;

    assert(after >= 0);
    *slot = (struct sched_action){sched->now + after, sched->asked++, fn, arg, n};
    for (; i > 0 && earlier(&sched->heap[i], &sched->heap[(i - 1) / 2]); i = (i - 1) / 2)
        swap(&sched->heap[i], &sched->heap[(i - 1) / 2]);
}

int64_t sched_next(const struct sched *sched)
{
    return sched->n ? sched->heap[0].at : INT64_MAX;
}

static struct sched_action take_first(struct sched *sched)
{
    struct sched_action first = sched->heap[0];
    size_t i = 0, least, child;

    sched->heap[0] = sched->heap[--sched->n];
    for (;; i = least) {
        least = i;
        for (child = 2 * i + 1; child <= 2 * i + 2 && child < sched->n; child++)
            if (earlier(&sched->heap[child], &sched->heap[least]))
                least = child;
        if (least == i)
            return first;
        swap(&sched->heap[i], &sched->heap[least]);
    }
}

void sched_run_next(struct sched *sched)
{
    struct sched_action action = take_first(sched);

    assert(action.at >= sched->now);
    sched->now = action.at;
    action.fn(action.arg, action.n);
}

void sched_run_until(struct sched *sched, int64_t until)
{
    while (sched_next(sched) <= until)
        sched_run_next(sched);
    if (sched->now < until)
        sched->now = until;
}

/* splitmix64 */
static uint64_t draw(struct sched *sched)
{
    uint64_t z = sched->random += 0x9e3779b97f4a7c15u;

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

uint64_t sched_pick(struct sched *sched, uint64_t n)
{
    assert(n > 0);
    return draw(sched) % n;
}

int64_t sched_between(struct sched *sched, int64_t low, int64_t high)
{
    assert(low <= high);
    return low + (int64_t)sched_pick(sched, (uint64_t)(high - low) + 1);
}

bool sched_chance(struct sched *sched, unsigned in_10000)
{
    return in_10000 > 0 && sched_pick(sched, 10000) < in_10000;
}

void sched_say(struct sched *sched, const char *fmt, ...)
{
    char line[400];
    va_list ap;
    int n = snprintf(line, sizeof(line), "%9" PRId64 " ", sched->now);

    va_start(ap, fmt);
    vsnprintf(line + n, sizeof(line) - (size_t)n, fmt, ap);
    va_end(ap);
    for (const char *p = line; *p; p++)
        sched->trace = (sched->trace ^ (unsigned char)*p) * 0x100000001b3u;
    if (sched->trace_to)
        fprintf(sched->trace_to, "%s\n", line);
}
