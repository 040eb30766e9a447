#include "decoder.h"

#include <stdlib.h>
#include <time.h>

#include "egw/registry.h"
#include "egw/schema.h"
#include "schemas.h"

struct egw_decoder {
    struct egw_plans *plans;
    struct egw_registry *registry; /* NULL: none is set */
};

enum egw_status egw_decoder_new(const struct egw_settings *settings, struct egw_decoder **ret,
                                struct egw_error *reterr)
{
    struct egw_decoder *decoder = calloc(1, sizeof(*decoder));
    enum egw_status st;

    if (!decoder)
        return egw_error_set(reterr, EGW_NOMEM, "no memory to decode records");
    st = egw_plans_builtin(&decoder->plans, reterr);
    if (!st && *settings->registry.url) {
        egw_plans_expect_registry(decoder->plans, true);
        st = egw_schemas_registry(settings, &decoder->registry, reterr);
    }
    if (st) {
        egw_decoder_free(decoder);
        return st;
    }
    *ret = decoder;
    return EGW_OK;
}

void egw_decoder_free(struct egw_decoder *decoder)
{
    if (!decoder)
        return;
    egw_registry_free(decoder->registry);
    egw_plans_free(decoder->plans);
    free(decoder);
}

static int64_t now_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static enum egw_status ask_registry(struct egw_decoder *decoder, int32_t id,
                                    struct egw_error *reterr)
{
    struct egw_str schema;
    struct egw_plan *plan;
    enum egw_status st = egw_registry_fetch(decoder->registry, id, now_ms(), &schema, reterr);

    if (!st)
        st = egw_schemas_plan(schema, &plan, reterr);
    if (!st)
        st = egw_plans_add_id(decoder->plans, id, plan);
    else if (st == EGW_NOT_FOUND || st == EGW_INVALID)
        st = egw_error_prefix(reterr, EGW_INVALID, "schema %d", (int)id);
    return st;
}

enum egw_status egw_decoder_read(struct egw_decoder *decoder, struct egw_str value,
                                 struct egw_arena *arena, const struct egw_type **ret_type,
                                 void **ret, struct egw_error *reterr)
{
    struct egw_frame frame = egw_frame_read(value);
    const struct egw_plan *plan = NULL;
    const struct egw_type *type;
    enum egw_status st = egw_plans_find(decoder->plans, &frame, &plan, reterr);
    void *record;

    if (st == EGW_RETRY) {
        st = ask_registry(decoder, frame.id, reterr);
        if (!st)
            st = egw_plans_find(decoder->plans, &frame, &plan, reterr);
    }
    if (st)
        return st;
    type = egw_plan_reader(plan);
    record = egw_arena_alloc(arena, type->size);
    if (!record)
        return egw_error_set(reterr, EGW_NOMEM, "no memory for a %s", type->name);
    st = egw_decode(plan, frame.body.p, frame.body.n, arena, record, reterr);
    if (st)
        return st;
    *ret_type = type;
    *ret = record;
    return EGW_OK;
}

struct egw_plans *egw_decoder_plans(struct egw_decoder *decoder)
{
    return decoder->plans;
}

enum egw_status egw_decoder_prepare(struct egw_decoder *decoder, struct egw_str value,
                                    struct egw_error *reterr)
{
    struct egw_frame frame = egw_frame_read(value);
    const struct egw_plan *plan;
    enum egw_status st = egw_plans_find(decoder->plans, &frame, &plan, reterr);

    if (st == EGW_RETRY) {
        st = ask_registry(decoder, frame.id, reterr);
        if (st == EGW_INVALID) /* it answered: the id is none of ours */
            st = egw_plans_refuse_id(decoder->plans, frame.id);
    }
    return st == EGW_INVALID ? EGW_OK : st;
}

enum egw_status egw_decoder_accept(struct egw_decoder *decoder, struct egw_str json,
                                   struct egw_error *reterr)
{
    struct egw_plan *plan;
    uint64_t fingerprint;
    enum egw_status st = egw_schema_fingerprint(json, &fingerprint, reterr);

    if (!st)
        st = egw_schemas_plan(json, &plan, reterr);
    return st ? st : egw_plans_add_fingerprint(decoder->plans, fingerprint, plan);
}
