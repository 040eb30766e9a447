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
    size_t registered; /* schemas the registry was asked to hold */
};

/* Registers our schemas where registry.url is set (asking again for one that is there is harmless).
 * EGW_OK, EGW_RETRY (no registry answered), EGW_INVALID (it refused one), EGW_DENIED, EGW_NOMEM. On
 * EGW_OK the caller ends *ret with egw_schemas_close(). */
enum egw_status egw_schemas_open(const struct egw_settings *settings, struct egw_schemas *ret,
                                 struct egw_error *reterr) EGW_MUST_CHECK;
void egw_schemas_close(struct egw_schemas *schemas);

#endif
