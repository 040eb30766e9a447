#include "json_shape.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>

static size_t path_add(struct json_path *path, const char *fmt, ...) EGW_PRINTF(2, 3);
static size_t path_add(struct json_path *path, const char *fmt, ...)
{
    size_t before = path->n, room = sizeof(path->text) - path->n;
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(path->text + path->n, room, fmt, ap);
    va_end(ap);
    if (n > 0)
        path->n += (size_t)n < room ? (size_t)n : room - 1;
    return before;
}

size_t json_path_field(struct json_path *path, const char *name)
{
    return path_add(path, path->n ? ".%s" : "%s", name);
}

size_t json_path_item(struct json_path *path, size_t i)
{
    return path_add(path, "[%zu]", i);
}

void json_path_back(struct json_path *path, size_t before)
{
    path->n = before;
    path->text[before] = '\0';
}

enum egw_status json_path_fail(const struct json_path *path, struct egw_error *reterr,
                               const char *fmt, ...)
{
    char text[EGW_ERROR_TEXT];
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    if (!path->n)
        return egw_error_set(reterr, EGW_INVALID, "%s", text);
    return egw_error_set(reterr, EGW_INVALID, "%s: %s", path->text, text);
}

void json_kind_name(const struct egw_type *type, char ret_name[JSON_NAME_MAX])
{
    const char *dot = strrchr(type->name, '.');
    const char *name = dot ? dot + 1 : type->name;
    size_t n = 0;

    for (size_t i = 0; name[i] && n + 2 < JSON_NAME_MAX; i++) {
        unsigned char c = (unsigned char)name[i];

        if (isupper(c) && i > 0 && !isupper((unsigned char)name[i - 1]))
            ret_name[n++] = '_';
        ret_name[n++] = (char)tolower(c);
    }
    ret_name[n] = '\0';
}

/* ---- defaults ---- */

static int64_t default_long(const struct egw_field *field)
{
    uint64_t v = 0;

    for (size_t i = 0; i < field->default_n && i < 10; i++)
        v |= (uint64_t)(field->default_bytes[i] & 0x7F) << (7 * i);
    return (int64_t)(v >> 1) ^ -(int64_t)(v & 1);
}

static struct egw_str default_text(const struct egw_field *field)
{
    size_t skip = 0;

    while (field->default_bytes[skip] & 0x80)
        skip++;
    skip++;
    return (struct egw_str){(const char *)field->default_bytes + skip, field->default_n - skip};
}

void json_default_set(const struct egw_field *field, void *ret)
{
    switch (field->type->kind) {
    case EGW_K_BOOLEAN:
        *(bool *)ret = field->default_bytes[0] != 0;
        break;
    case EGW_K_INT:
    case EGW_K_ENUM:
        *(int32_t *)ret = (int32_t)default_long(field);
        break;
    case EGW_K_LONG:
        *(int64_t *)ret = default_long(field);
        break;
    case EGW_K_FLOAT:
    case EGW_K_DOUBLE:
        memcpy(ret, field->default_bytes, field->default_n); /* both little-endian */
        break;
    case EGW_K_BYTES:
    case EGW_K_STRING:
        *(struct egw_str *)ret = default_text(field);
        break;
    default:
        break;
    }
}

bool json_default_is(const struct egw_field *field, const void *value)
{
    if (!field->has_default)
        return false;
    switch (field->type->kind) {
    case EGW_K_OPTION:
        return !egw_option_value(field->type->item, value);
    case EGW_K_ARRAY:
    case EGW_K_MAP:
        return ((const struct egw_list *)value)->n == 0;
    case EGW_K_BOOLEAN:
        return *(const bool *)value == (field->default_bytes[0] != 0);
    case EGW_K_INT:
    case EGW_K_ENUM:
        return *(const int32_t *)value == default_long(field);
    case EGW_K_LONG:
        return *(const int64_t *)value == default_long(field);
    case EGW_K_FLOAT:
    case EGW_K_DOUBLE:
        return memcmp(value, field->default_bytes, field->default_n) == 0;
    case EGW_K_BYTES:
    case EGW_K_STRING:
        return egw_str_eq(*(const struct egw_str *)value, default_text(field));
    default:
        return false;
    }
}
