/*
 * facts_learn - a record of the reference topic, from bytes to facts: the only part of facts that
 * knows the codec
 */
#include "egw/facts.h"

#include "egw/buf.h"

static enum egw_status learn_decoded(struct egw_facts *facts, const struct egw_plan *plan,
                                     struct egw_str key, struct egw_str body, int64_t offset,
                                     struct egw_error *reterr)
{
    EGW_CLEANUP(egw_arena_free) struct egw_arena arena = {0};
    struct egw_reference reference;
    enum egw_status st;

    if (egw_plan_reader(plan) != &egw_type_reference)
        return egw_error_set(reterr, EGW_INVALID, "cannot use fact %.*s: it is no reference record",
                             EGW_FMT(key));
    st = egw_decode(plan, body.p, body.n, &arena, &reference, reterr);
    if (st)
        return egw_error_prefix(reterr, st, "cannot read fact %.*s", EGW_FMT(key));
    return egw_facts_take(facts, key, &reference, offset, reterr);
}

enum egw_status egw_facts_learn(struct egw_facts *facts, const struct egw_plans *plans,
                                struct egw_str key, struct egw_str value, int64_t offset,
                                struct egw_error *reterr)
{
    struct egw_frame frame;
    const struct egw_plan *plan;
    enum egw_status st;

    if (!value.p)
        return egw_facts_take(facts, key, NULL, offset, reterr);
    frame = egw_frame_read(value);
    st = egw_plans_find(plans, &frame, &plan, reterr);
    if (st)
        return egw_error_prefix(reterr, st, "cannot read fact %.*s", EGW_FMT(key));
    return learn_decoded(facts, plan, key, frame.body, offset, reterr);
}
