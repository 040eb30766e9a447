/* What the registry answers is a stranger's text: checked for size by the caller, for shape here.
 */
#include "egw/registry.h"

#include <jansson.h>

static void json_freep(json_t **json)
{
    json_decref(*json);
}

static json_t *parse(struct egw_str answer)
{
    json_t *json = json_loadb(answer.p ? answer.p : "", answer.n, JSON_REJECT_DUPLICATES, NULL);

    if (json && !json_is_object(json)) {
        json_decref(json);
        return NULL;
    }
    return json;
}

enum egw_status egw_registry_read_id(struct egw_str answer, int32_t *ret, struct egw_error *reterr)
{
    EGW_CLEANUP(json_freep) json_t *json = parse(answer);
    const json_t *id = json_object_get(json, "id");

    if (!json)
        return egw_error_set(reterr, EGW_INVALID, "the answer is no JSON object");
    if (!json_is_integer(id) || json_integer_value(id) < 0 || json_integer_value(id) > INT32_MAX)
        return egw_error_set(reterr, EGW_INVALID, "the answer has no usable id");
    *ret = (int32_t)json_integer_value(id);
    return EGW_OK;
}

enum egw_status egw_registry_read_schema(struct egw_str answer, struct egw_buf *ret,
                                         struct egw_error *reterr)
{
    EGW_CLEANUP(json_freep) json_t *json = parse(answer);
    const json_t *schema = json_object_get(json, "schema");
    const json_t *type = json_object_get(json, "schemaType");
    const json_t *references = json_object_get(json, "references");

    if (!json)
        return egw_error_set(reterr, EGW_INVALID, "the answer is no JSON object");
    if (!json_is_string(schema))
        return egw_error_set(reterr, EGW_INVALID, "the answer has no schema");
    if (type && !json_is_null(type) &&
        (!json_is_string(type) || strcmp(json_string_value(type), "AVRO") != 0))
        return egw_error_set(reterr, EGW_INVALID, "the schema is not of type AVRO");
    if (references && !json_is_null(references) && json_array_size(references) > 0)
        return egw_error_set(reterr, EGW_INVALID, "the schema refers to others");
    if (json_string_length(schema) > EGW_REGISTRY_SCHEMA_MAX)
        return egw_error_set(reterr, EGW_INVALID, "the schema is larger than 64 KiB");
    if (egw_buf_put(ret, json_string_value(schema), json_string_length(schema)) != EGW_OK)
        return egw_error_set(reterr, EGW_NOMEM, "no memory for the schema");
    return EGW_OK;
}

int64_t egw_registry_read_error(struct egw_str answer, char *message, size_t n)
{
    EGW_CLEANUP(json_freep) json_t *json = parse(answer);
    const char *text = json_string_value(json_object_get(json, "message"));
    size_t i = 0;

    for (; text && text[i] && i + 1 < n; i++)
        message[i] = text[i] >= ' ' && text[i] < 0x7F ? text[i] : ' ';
    if (n)
        message[i] = '\0';
    return json_integer_value(json_object_get(json, "error_code"));
}
