#include "internal.h"

#include <stdlib.h>

void place_copy(struct place *to, const struct place *from)
{
    *to = *from;
    to->p.inputs.p = to->inputs;
}

/* ---- ready lists: first in, first out ---- */

enum egw_status ready_push(struct ready_list *list, const struct ready *ready)
{
    struct ready copy = *ready;
    char *bytes;

    if (list->first && list->first == list->n)
        list->first = list->n = 0;
    if (!egw_grow(&list->items, sizeof(*list->items), list->n, &list->cap))
        return EGW_NOMEM;
    bytes = malloc(ready->key.n + ready->fact.n + 1);
    if (!bytes)
        return EGW_NOMEM;
    memcpy(bytes, ready->key.p, ready->key.n);
    if (ready->fact.n)
        memcpy(bytes + ready->key.n, ready->fact.p, ready->fact.n);
    copy.key.p = bytes;
    copy.fact.p = bytes + ready->key.n;
    list->items[list->n++] = copy;
    return EGW_OK;
}

void ready_free(struct ready_list *list)
{
    for (size_t i = list->first; i < list->n; i++)
        free((char *)list->items[i].key.p);
    free(list->items);
    *list = (struct ready_list){0};
}

/* ---- timers: a binary heap; stale ones are found out when they come up ---- */

enum egw_status part_wake(struct part *part, int64_t due_ms, struct egw_str key)
{
    size_t at;
    struct timer fresh = {due_ms, NULL, key.n};

    if (!egw_grow(&part->timers, sizeof(*part->timers), part->timer_count, &part->timer_cap))
        return EGW_NOMEM;
    fresh.key = malloc(key.n ? key.n : 1);
    if (!fresh.key)
        return EGW_NOMEM;
    memcpy(fresh.key, key.p, key.n);
    for (at = part->timer_count++; at > 0; at = (at - 1) / 2) {
        if (part->timers[(at - 1) / 2].due_ms <= due_ms)
            break;
        part->timers[at] = part->timers[(at - 1) / 2];
    }
    part->timers[at] = fresh;
    return EGW_OK;
}

static struct timer timer_pop(struct part *part)
{
    struct timer top = part->timers[0];
    struct timer last = part->timers[--part->timer_count];
    size_t at = 0;

    for (;;) {
        size_t child = 2 * at + 1;

        if (child >= part->timer_count)
            break;
        if (child + 1 < part->timer_count &&
            part->timers[child + 1].due_ms < part->timers[child].due_ms)
            child++;
        if (last.due_ms <= part->timers[child].due_ms)
            break;
        part->timers[at] = part->timers[child];
        at = child;
    }
    if (part->timer_count)
        part->timers[at] = last;
    return top;
}

enum egw_status part_due(struct part *part, int64_t now_ms)
{
    while (part->timer_count && part->timers[0].due_ms <= now_ms) {
        struct timer timer = timer_pop(part);
        struct ready ready = {
            .kind = EGW_INPUT_TIMER, .partition = part->id, .key = {timer.key, timer.key_n}};
        enum egw_status st = ready_push(&part->ready, &ready);

        free(timer.key);
        if (st)
            return st;
    }
    return EGW_OK;
}

/* ---- waits for facts ---- */

static struct waiter *waiters_of(const struct part *part, struct egw_str fact)
{
    struct egw_str value;
    struct waiter *first;

    if (!egw_table_get(&part->facts, fact, &value))
        return NULL;
    memcpy(&first, value.p, sizeof(first));
    return first;
}

static enum egw_status wait_for(struct part *part, struct egw_str fact, struct egw_str key)
{
    struct waiter *first = waiters_of(part, fact), *fresh;
    enum egw_status st;

    for (const struct waiter *w = first; w; w = w->next) {
        if (w->key_n == key.n && memcmp(w->key, key.p, key.n) == 0)
            return EGW_OK;
        if (w != first)
            break; /* only the latest are compared: a case that is put often stays one waiter */
    }
    fresh = malloc(sizeof(*fresh) + key.n);
    if (!fresh)
        return EGW_NOMEM;
    fresh->next = first;
    fresh->key_n = key.n;
    memcpy(fresh->key, key.p, key.n);
    st = egw_table_put(&part->facts, fact, (struct egw_str){(const char *)&fresh, sizeof(fresh)});
    if (st)
        free(fresh);
    else
        part->waiter_count++;
    return st;
}

enum egw_status part_fact(struct part *part, struct egw_str fact)
{
    struct waiter *w = waiters_of(part, fact);
    enum egw_status st = EGW_OK;

    if (!w)
        return EGW_OK;
    (void)egw_table_remove(&part->facts, fact);
    while (w) {
        struct waiter *next = w->next;
        struct ready ready = {
            .kind = EGW_INPUT_FACT, .partition = part->id, .key = {w->key, w->key_n}, .fact = fact};

        if (!st)
            st = ready_push(&part->ready, &ready);
        free(w);
        part->waiter_count--;
        w = next;
    }
    return st;
}

enum egw_status part_arm(struct egw_runtime *rt, struct part *part, struct egw_str key,
                         struct egw_str value, struct egw_error *reterr)
{
    struct egw_waits waits = {0};
    enum egw_status st;

    if (!value.p || egw_str_is(key, EGW_POSITION_KEY))
        return EGW_OK;
    st = rt->processor->waits(rt->processor->self, key, value, &waits, reterr);
    if (st)
        return st;
    if (waits.has_due)
        st = part_wake(part, waits.due_ms, key);
    for (size_t i = 0; !st && i < waits.fact_count; i++) {
        int64_t changed = rt->processor->fact_offset(rt->processor->self, waits.facts[i]);
        struct ready ready = {
            .kind = EGW_INPUT_FACT, .partition = part->id, .key = key, .fact = waits.facts[i]};

        st = changed > waits.facts_offset ? ready_push(&part->ready, &ready)
                                          : wait_for(part, waits.facts[i], key);
    }
    if (st == EGW_NOMEM)
        return egw_error_set(reterr, st, "no memory for what entry %.*s waits for", EGW_FMT(key));
    return st;
}

enum egw_status part_arm_all(struct egw_runtime *rt, struct part *part, struct egw_error *reterr)
{
    size_t at = 0;
    struct egw_table_item item;
    enum egw_status st = EGW_OK;

    part_disarm(part);
    while (!st && egw_table_next(&part->base, &at, &item))
        st = part_arm(rt, part, item.key, item.value, reterr);
    return st;
}

/* ---- the part ---- */

bool part_get(const struct part *part, int deciding, struct egw_str key, struct egw_str *ret)
{
    const struct egw_table *const newest_first[] = {&part->overlay[deciding],
                                                    &part->overlay[!deciding], &part->base};

    return egw_table_get_first(newest_first, EGW_COUNT(newest_first), key, ret) && ret->p;
}

void part_disarm(struct part *part)
{
    size_t at = 0;
    struct egw_table_item item;

    while (egw_table_next(&part->facts, &at, &item)) {
        struct waiter *w;

        memcpy(&w, item.value.p, sizeof(w));
        while (w) {
            struct waiter *next = w->next;

            free(w);
            w = next;
        }
    }
    egw_table_free(&part->facts);
    part->waiter_count = 0;
    for (size_t i = 0; i < part->timer_count; i++)
        free(part->timers[i].key);
    free(part->timers);
    part->timers = NULL;
    part->timer_count = part->timer_cap = 0;
    ready_free(&part->ready);
}

void part_forget(struct part *part)
{
    part_disarm(part);
    egw_table_free(&part->base);
    egw_table_free(&part->overlay[0]);
    egw_table_free(&part->overlay[1]);
    part->touched[0] = part->touched[1] = false;
    part->state_next = 0;
}
