/*
 * schemas - how records are framed: ids of the registry where one is set, else fingerprints
 */
#ifndef EGW_SCHEMAS_H
#define EGW_SCHEMAS_H

#include "egw/codec.h"
#include "egw/settings.h"

struct egw_schemas {
    struct egw_framing framing;
    int32_t *ids;      /* framing.ids; NULL without a registry */
    size_t registered; /* schemas the registry did not hold before */
};

struct egw_registry;

/* A client of the registry the settings name. EGW_OK, EGW_INVALID (url), EGW_NOMEM. */
enum egw_status egw_schemas_registry(const struct egw_settings *settings, struct egw_registry **ret,
                                     struct egw_error *reterr) EGW_MUST_CHECK;
/* The ids of our schemas where registry.url is set; a schema it lacks is registered, so after `egw
 * init` this needs no right to write. EGW_OK, EGW_RETRY (no registry answered), EGW_INVALID (it
 * refused one), EGW_DENIED, EGW_NOMEM. On EGW_OK the caller ends *ret with egw_schemas_close(). */
enum egw_status egw_schemas_open(const struct egw_settings *settings, struct egw_schemas *ret,
                                 struct egw_error *reterr) EGW_MUST_CHECK;
/* Lets plans read what is framed with these ids, besides what it reads already. EGW_OK, EGW_NOMEM;
 * EGW_INVALID: our own schema does not compile (a bug). */
enum egw_status egw_schemas_teach(const struct egw_schemas *schemas, struct egw_plans *plans,
                                  struct egw_error *reterr) EGW_MUST_CHECK;
/* A plan for what somebody wrote by schema, which must be a record of ours by name. EGW_OK;
 * EGW_INVALID: it is another record, or does not fit; EGW_NOMEM. */
enum egw_status egw_schemas_plan(struct egw_str schema, struct egw_plan **ret,
                                 struct egw_error *reterr) EGW_MUST_CHECK;
void egw_schemas_close(struct egw_schemas *schemas);

#endif
