#include "schemas.h"

#include <stdlib.h>

enum egw_status egw_schemas_open(const struct egw_settings *settings, struct egw_schemas *ret,
                                 struct egw_error *reterr)
{
    *ret = (struct egw_schemas){0};
    if (*settings->registry.url)
        return egw_error_set(reterr, EGW_INVALID,
                             "registry.url is set, but this build writes no registry ids");
    return EGW_OK;
}

void egw_schemas_close(struct egw_schemas *schemas)
{
    free(schemas->ids);
    *schemas = (struct egw_schemas){0};
}
