/*
 * workshop - one thread for what takes a while and touches no Kafka handle: compiling a policy,
 * asking the registry
 *
 * Work crosses by being given away: an order goes in, a result comes out, nothing is shared.
 * Everything here is called from the loop thread; `wake` is called from the workshop's thread when
 * a result is ready and must be safe there.
 */
#ifndef EGW_WORKSHOP_H
#define EGW_WORKSHOP_H

#include "egw/policy_file.h"
#include "egw/settings.h"

struct egw_workshop;

enum egw_workshop_kind {
    EGW_WORKSHOP_POLICY, /* compile these files */
    EGW_WORKSHOP_SCHEMA, /* fetch this id from the registry and compile a plan */
};

struct egw_workshop_result {
    enum egw_workshop_kind kind;
    enum egw_status status; /* SCHEMA: NOT_FOUND is definite, anything else may pass: ask again */
    struct egw_error error;
    struct egw_sha256 manifest;
    struct egw_policy *policy; /* given to the caller */
    int32_t id;
    struct egw_plan *plan; /* given to the caller */
};

enum egw_status egw_workshop_new(const struct egw_settings *settings, void (*wake)(void *user),
                                 void *user, struct egw_workshop **ret,
                                 struct egw_error *reterr) EGW_MUST_CHECK;
/* Waits for the order under way; results not taken are freed. */
void egw_workshop_free(struct egw_workshop *workshop);

/* files stay valid until the result is taken. */
enum egw_status egw_workshop_compile(struct egw_workshop *workshop,
                                     const struct egw_sha256 *manifest,
                                     const struct egw_policy_file *files, size_t n) EGW_MUST_CHECK;
/* Asked once at a time for each id; asking again while it is under way does nothing. */
enum egw_status egw_workshop_fetch(struct egw_workshop *workshop, int32_t id) EGW_MUST_CHECK;
/* False: none is ready. */
bool egw_workshop_take(struct egw_workshop *workshop, struct egw_workshop_result *ret);

#endif
