#include "activations.h"

#include <inttypes.h>

#include <stdlib.h>

#include "activate.h"
#include "reading.h"

static struct egw_activation_past *item_of(struct egw_activations *a, int64_t number)
{
    size_t at = a->n;

    while (at > 0 && a->items[at - 1].number >= number)
        at--;
    if (at < a->n && a->items[at].number == number)
        return &a->items[at];
    if (!egw_grow(&a->items, sizeof(*a->items), a->n, &a->cap))
        return NULL;
    memmove(&a->items[at + 1], &a->items[at], (a->n - at) * sizeof(*a->items));
    a->n++;
    a->items[at] = (struct egw_activation_past){.number = number};
    return &a->items[at];
}

static bool take_asked(void *user, const struct egw_item *item)
{
    struct egw_activations *a = user;
    const struct egw_policy_activation *asked = item->value;
    struct egw_activation_past *past;

    if (item->type != &egw_type_policy_activation ||
        !egw_str_is(item->record.key, EGW_ACTIVATION_KEY))
        return true;
    past = item_of(a, asked->number);
    if (!past)
        a->status = EGW_NOMEM;
    if (!past || past->by.p)
        return past != NULL;
    past->asked_ms = asked->at;
    if (!egw_sha256_of_hex(asked->manifest, &past->manifest))
        past->manifest = (struct egw_sha256){{0}};
    if (!egw_arena_str(&a->arena, asked->by, &past->by) ||
        !egw_arena_str(&a->arena, asked->note, &past->note) ||
        !egw_arena_str(&a->arena, asked->backtest, &past->backtest) ||
        !egw_arena_str(&a->arena, asked->accepted_by, &past->accepted_by))
        a->status = EGW_NOMEM;
    return !a->status;
}

static bool take_reached(void *user, const struct egw_item *item)
{
    struct egw_activations *a = user;
    const struct egw_outcome *outcome = item->value;
    struct egw_activation_past *past;

    if (item->type != &egw_type_outcome || outcome->action != EGW_ACTION_POLICY_ACTIVATED ||
        !outcome->policy)
        return true;
    past = item_of(a, outcome->activation);
    if (!past) {
        a->status = EGW_NOMEM;
        return false;
    }
    memcpy(past->manifest.b, outcome->policy, EGW_SHA256);
    if (!past->reached || outcome->decided_at < past->first_ms)
        past->first_ms = outcome->decided_at;
    if (!past->reached || outcome->decided_at > past->last_ms)
        past->last_ms = outcome->decided_at;
    past->reached++;
    return true;
}

enum egw_status egw_activations_read(const struct egw_settings *settings,
                                     struct egw_activations *ret, struct egw_error *reterr)
{
    enum egw_status st;

    *ret = (struct egw_activations){.arena = {.max = (size_t)1 << 30}};
    st = egw_read_all(settings, settings->topics.inbox, -1, take_asked, ret, reterr);
    if (!st && !ret->status)
        st = egw_read_all(settings, settings->topics.outcomes, -1, take_reached, ret, reterr);
    if (!st && ret->status)
        st = egw_error_set(reterr, ret->status, "no memory for the activations");
    if (st)
        egw_activations_free(ret);
    return st;
}

void egw_activations_free(struct egw_activations *a)
{
    free(a->items);
    egw_arena_free(&a->arena);
    *a = (struct egw_activations){0};
}

enum egw_status egw_activation_policy(const struct egw_settings *settings, int64_t number,
                                      struct egw_sha256 *ret, struct egw_error *reterr)
{
    struct egw_activations past;
    enum egw_status st = egw_activations_read(settings, &past, reterr);
    bool found = false;

    if (st)
        return st;
    for (size_t i = 0; i < past.n && !found; i++) {
        found = past.items[i].number == number;
        if (found)
            *ret = past.items[i].manifest;
    }
    egw_activations_free(&past);
    return found ? EGW_OK
                 : egw_error_set(reterr, EGW_NOT_FOUND,
                                 "there is no activation %" PRId64 ": egw policy history", number);
}
