#include "decoder.h"

#include "egw/registry.h"
#include "egw/schema.h"
#include "schemas.h"

enum egw_status egw_decoder_open(const struct egw_settings *settings, struct egw_decoder *ret,
                                 struct egw_error *reterr)
{
    const struct egw_registry_conf conf = {
        .url = settings->registry.url,
        .user = settings->registry.user,
        .password_file = settings->registry.password_file,
        .ca_file = settings->registry.ca_file,
        .timeout_ms = settings->registry.timeout_ms,
    };
    struct egw_decoder made = {0};
    enum egw_status st = egw_plans_builtin(&made.plans, reterr);

    if (!st && *settings->registry.url) {
        st = egw_registry_new(&conf, &made.registry, reterr);
        egw_plans_expect_registry(made.plans, true);
    }
    if (st) {
        egw_decoder_close(&made);
        return st;
    }
    *ret = made;
    return EGW_OK;
}

void egw_decoder_close(struct egw_decoder *decoder)
{
    egw_registry_free(decoder->registry);
    egw_plans_free(decoder->plans);
    *decoder = (struct egw_decoder){0};
}

/* Each id is asked for once, so the registry's own clockwork of believing an answer is not used. */
static enum egw_status ask(struct egw_decoder *decoder, int32_t id, struct egw_error *reterr)
{
    struct egw_plan *plan = NULL;
    struct egw_str schema;
    enum egw_status st = egw_registry_fetch(decoder->registry, id, 0, &schema, reterr);

    if (st == EGW_NOT_FOUND)
        return egw_plans_refuse_id(decoder->plans, id);
    if (st)
        return st;
    st = egw_schemas_plan(schema, &plan, reterr);
    if (st == EGW_INVALID)
        return egw_plans_refuse_id(decoder->plans, id);
    return st ? st : egw_plans_add_id(decoder->plans, id, plan);
}

enum egw_status egw_decoder_meet(struct egw_decoder *decoder, struct egw_str value,
                                 struct egw_error *reterr)
{
    struct egw_frame frame = egw_frame_read(value);
    const struct egw_plan *plan = NULL;

    if (egw_plans_find(decoder->plans, &frame, &plan, NULL) != EGW_RETRY)
        return EGW_OK;
    return ask(decoder, frame.id, reterr);
}

enum egw_status egw_decode_any(struct egw_decoder *decoder, struct egw_str value,
                               struct egw_arena *arena, const struct egw_type **ret_type,
                               void **ret, struct egw_error *reterr)
{
    struct egw_frame frame = egw_frame_read(value);
    const struct egw_plan *plan = NULL;
    const struct egw_type *type;
    void *record;
    enum egw_status st = egw_decoder_meet(decoder, value, reterr);

    if (!st)
        st = egw_plans_find(decoder->plans, &frame, &plan, reterr);
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
