#include "egw/codec.h"

#include <stdlib.h>

/*
 * Two sorted arrays of keys, and the plans themselves: one plan may stand under several keys (a
 * fingerprint as two libraries compute it) and is freed once. Refused ids are kept in a ring: who
 * sends many false ids makes us ask the registry again, never run out of room.
 */
enum { KEYS_MAX = 256, REFUSED_MAX = 256 };

struct key {
    uint64_t key;
    struct egw_plan *plan;
};

struct keys {
    struct key *p;
    size_t n;
};

struct egw_plans {
    struct keys fingerprints, ids;
    struct egw_plan *owned[2 * KEYS_MAX];
    size_t owned_n;
    int32_t refused[REFUSED_MAX];
    size_t refused_n; /* ever; the place of the next is refused_n % REFUSED_MAX */
    bool registry;
};

struct egw_plans *egw_plans_new(void)
{
    return calloc(1, sizeof(struct egw_plans));
}

void egw_plans_free(struct egw_plans *plans)
{
    if (!plans)
        return;
    for (size_t i = 0; i < plans->owned_n; i++)
        egw_plan_free(plans->owned[i]);
    free(plans->fingerprints.p);
    free(plans->ids.p);
    free(plans);
}

/* The first place whose key is not below key. */
static size_t place_of(const struct keys *keys, uint64_t key)
{
    size_t low = 0, high = keys->n;

    while (low < high) {
        size_t mid = low + (high - low) / 2;

        if (keys->p[mid].key < key)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

static struct egw_plan *get(const struct keys *keys, uint64_t key)
{
    size_t at = place_of(keys, key);

    return at < keys->n && keys->p[at].key == key ? keys->p[at].plan : NULL;
}

static bool owned(const struct egw_plans *plans, const struct egw_plan *plan)
{
    for (size_t i = 0; i < plans->owned_n; i++) {
        if (plans->owned[i] == plan)
            return true;
    }
    return false;
}

/* A schema never changes under its key, so the first plan of a key stays (views of it are out). */
static enum egw_status add(struct egw_plans *plans, struct keys *keys, uint64_t key,
                           struct egw_plan *plan)
{
    const bool known = get(keys, key), held = owned(plans, plan);
    struct key *grown;
    size_t at;

    if (known || keys->n == KEYS_MAX ||
        !(grown = realloc(keys->p, (keys->n + 1) * sizeof(*grown)))) {
        if (!held)
            egw_plan_free(plan);
        return known ? EGW_OK : EGW_NOMEM;
    }
    keys->p = grown;
    at = place_of(keys, key);
    memmove(keys->p + at + 1, keys->p + at, (keys->n - at) * sizeof(*grown));
    keys->p[at] = (struct key){key, plan};
    keys->n++;
    if (!held)
        plans->owned[plans->owned_n++] = plan; /* never more plans than keys */
    return EGW_OK;
}

enum egw_status egw_plans_add_fingerprint(struct egw_plans *plans, uint64_t fingerprint,
                                          struct egw_plan *plan)
{
    return add(plans, &plans->fingerprints, fingerprint, plan);
}

enum egw_status egw_plans_add_id(struct egw_plans *plans, int32_t id, struct egw_plan *plan)
{
    return add(plans, &plans->ids, (uint32_t)id, plan);
}

static bool refused(const struct egw_plans *plans, int32_t id)
{
    size_t n = plans->refused_n < REFUSED_MAX ? plans->refused_n : REFUSED_MAX;

    for (size_t i = 0; i < n; i++) {
        if (plans->refused[i] == id)
            return true;
    }
    return false;
}

enum egw_status egw_plans_refuse_id(struct egw_plans *plans, int32_t id)
{
    if (!refused(plans, id))
        plans->refused[plans->refused_n++ % REFUSED_MAX] = id;
    return EGW_OK;
}

void egw_plans_forget_refused(struct egw_plans *plans)
{
    plans->refused_n = 0;
}

void egw_plans_expect_registry(struct egw_plans *plans, bool yes)
{
    plans->registry = yes;
}

static enum egw_status find_id(const struct egw_plans *plans, int32_t id,
                               const struct egw_plan **ret, struct egw_error *reterr)
{
    const struct egw_plan *plan = get(&plans->ids, (uint32_t)id);

    if (plan) {
        *ret = plan;
        return EGW_OK;
    }
    if (!plans->registry)
        return egw_error_set(reterr, EGW_INVALID, "schema id %d, but no registry is set", id);
    if (refused(plans, id))
        return egw_error_set(reterr, EGW_INVALID, "schema id %d is no schema that is read here",
                             id);
    return egw_error_set(reterr, EGW_RETRY, "schema id %d is not known yet", id);
}

enum egw_status egw_plans_find(const struct egw_plans *plans, const struct egw_frame *frame,
                               const struct egw_plan **ret, struct egw_error *reterr)
{
    const struct egw_plan *plan;

    if (frame->kind == EGW_FRAME_CONFLUENT)
        return find_id(plans, frame->id, ret, reterr);
    if (frame->kind != EGW_FRAME_SINGLE)
        return egw_error_set(reterr, EGW_INVALID,
                             "the value has no frame: neither 00 and a schema "
                             "id nor C3 01 and a fingerprint");
    plan = get(&plans->fingerprints, frame->fingerprint);
    if (!plan)
        return egw_error_set(reterr, EGW_INVALID, "schema fingerprint %016llx is not accepted",
                             (unsigned long long)frame->fingerprint);
    *ret = plan;
    return EGW_OK;
}
