/* What a registry may answer: read within its bounds or refused. */
#include <stdlib.h>

#include "egw/registry.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct egw_str answer = {(const char *)data, n};
    struct egw_buf schema = {0};
    char message[16];
    int32_t id = -1;

    if (egw_registry_read_id(answer, &id, NULL) == EGW_OK && id < 0)
        abort();
    if (egw_registry_read_schema(answer, &schema, NULL) == EGW_OK &&
        schema.n > EGW_REGISTRY_SCHEMA_MAX)
        abort();
    (void)egw_registry_read_error(answer, message, sizeof(message));
    if (strlen(message) >= sizeof(message))
        abort();
    egw_buf_free(&schema);
    return 0;
}
