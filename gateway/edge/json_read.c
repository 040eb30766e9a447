/* An own scan for what jansson lets pass, jansson for the text, the tables for the shape. */
#include "egw/json.h"

#include <float.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#include <jansson.h>

#include "egw/suggest.h"
#include "json_shape.h"

enum {
    DEPTH_MAX = 32,
    ITEMS_MAX = 100000, /* as in the Avro codec: what is read here is written there */
};

/* ---- the scan before jansson ---- */

struct scan {
    const char *p, *end;
    int line, column; /* of *p, in characters, from 1 */
    int depth;
};

static enum egw_status scan_fail(const struct scan *scan, struct egw_error *err, const char *what)
{
    return egw_error_set(err, EGW_INVALID, "line %d column %d: %s", scan->line, scan->column, what);
}

static void scan_next(struct scan *scan)
{
    if (*scan->p == '\n') {
        scan->line++;
        scan->column = 1;
    } else if ((*scan->p & 0xC0) != 0x80) {
        scan->column++;
    }
    scan->p++;
}

static bool scan_sees(const struct scan *scan, const char *text)
{
    size_t n = strlen(text);

    return (size_t)(scan->end - scan->p) >= n && memcmp(scan->p, text, n) == 0;
}

/* p stands after the opening quote; ends on the closing one or at the end. */
static enum egw_status scan_string(struct scan *scan, struct egw_error *err)
{
    for (; scan->p < scan->end && *scan->p != '"'; scan_next(scan)) {
        if (*scan->p != '\\')
            continue;
        if (scan_sees(scan, "\\u0000"))
            return scan_fail(scan, err, "\\u0000 is not allowed in a text");
        scan_next(scan);
        if (scan->p == scan->end)
            break;
    }
    return EGW_OK;
}

/* -0 would silently lose its sign as an integer. */
static bool scan_minus_zero(const struct scan *scan)
{
    return scan_sees(scan, "-0") &&
           (scan->p + 2 == scan->end || !strchr(".eE0123456789", scan->p[2]));
}

static enum egw_status scan_text(struct egw_str json, struct egw_error *err)
{
    struct scan scan = {json.p, json.p + json.n, 1, 1, 0};
    enum egw_status st = EGW_OK;

    if (scan_sees(&scan, "\xEF\xBB\xBF"))
        return scan_fail(&scan, err, "a byte order mark is not allowed");
    for (; !st && scan.p < scan.end; scan_next(&scan)) {
        if (*scan.p == '"') {
            scan_next(&scan);
            st = scan_string(&scan, err);
            if (st || scan.p == scan.end)
                break;
        } else if (*scan.p == '{' || *scan.p == '[') {
            if (++scan.depth > DEPTH_MAX)
                st = scan_fail(&scan, err, "nested deeper than 32");
        } else if (*scan.p == '}' || *scan.p == ']') {
            scan.depth--;
        } else if (*scan.p == '\0') {
            st = scan_fail(&scan, err, "a NUL byte is not allowed");
        } else if (scan_minus_zero(&scan)) {
            st = scan_fail(&scan, err, "-0 is not allowed");
        }
        if (st)
            break;
    }
    return st;
}

/* ---- jansson ---- */

static pthread_once_t seeded = PTHREAD_ONCE_INIT;

static void seed_objects(void)
{
    size_t seed = 0;

    /* 0 makes jansson look for a seed itself, which is good enough where getrandom is missing */
    if (getrandom(&seed, sizeof(seed), 0) != (ssize_t)sizeof(seed))
        seed = 0;
    json_object_seed(seed);
}

static void json_freep(json_t **json)
{
    json_decref(*json);
}

static enum egw_status parse(struct egw_str json, json_t **ret, struct egw_error *err)
{
    json_error_t error;
    json_t *parsed;
    char *near_text;

    (void)pthread_once(&seeded, seed_objects);
    parsed =
        json_loadb(json.p ? json.p : "", json.n, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
    if (parsed) {
        *ret = parsed;
        return EGW_OK;
    }
    if (json_error_code(&error) == json_error_out_of_memory)
        return egw_error_set(err, EGW_NOMEM, "no memory to read the JSON text");
    near_text = strstr(error.text, " near '"); /* quotes the text itself, which may be personal */
    if (near_text)
        *near_text = '\0';
    return egw_error_set(err, EGW_INVALID, "line %d column %d: %s", error.line, error.column,
                         error.text);
}

/* ---- by the tables ---- */

struct reader {
    struct egw_arena *arena;
    struct egw_error *err;
    struct json_path path;
    size_t items;
};

static enum egw_status read_value(struct reader *r, json_t *json, const struct egw_type *type,
                                  void *out);

static enum egw_status no_memory(struct reader *r)
{
    return egw_error_set(r->err, EGW_NOMEM, "the record needs more memory than allowed");
}

static enum egw_status unknown(struct reader *r, const char *what,
                               const struct egw_suggestion *nearest)
{
    const char *given = nearest->word.p;

    if (nearest->best)
        return json_path_fail(&r->path, r->err, "unknown %s '%.*s' (did you mean '%s'?)", what,
                              JSON_NAME_MAX, given, nearest->best);
    return json_path_fail(&r->path, r->err, "unknown %s '%.*s'", what, JSON_NAME_MAX, given);
}

static const char *json_kind(const json_t *json)
{
    switch (json_typeof(json)) {
    case JSON_OBJECT:
        return "an object";
    case JSON_ARRAY:
        return "an array";
    case JSON_STRING:
        return "a text";
    case JSON_INTEGER:
        return "an integer";
    case JSON_REAL:
        return "a number with a fraction or exponent";
    case JSON_TRUE:
    case JSON_FALSE:
        return "a boolean";
    default:
        return "null";
    }
}

static enum egw_status wrong(struct reader *r, const json_t *json, const char *wanted)
{
    return json_path_fail(&r->path, r->err, "expected %s, got %s", wanted, json_kind(json));
}

static struct egw_str text_of(const json_t *json)
{
    return (struct egw_str){json_string_value(json), json_string_length(json)};
}

static enum egw_status read_int(struct reader *r, const json_t *json, int32_t *out)
{
    json_int_t v;

    if (!json_is_integer(json))
        return wrong(r, json, "an integer");
    v = json_integer_value(json);
    if (v < INT32_MIN || v > INT32_MAX)
        return json_path_fail(&r->path, r->err,
                              "%" JSON_INTEGER_FORMAT " is outside -2147483648 to 2147483647", v);
    *out = (int32_t)v;
    return EGW_OK;
}

static enum egw_status read_time(struct reader *r, const json_t *json, int64_t *out)
{
    if (json_is_integer(json)) {
        *out = json_integer_value(json);
        return EGW_OK;
    }
    if (!json_is_string(json))
        return wrong(r, json, "a time (ISO 8601, or milliseconds)");
    if (!egw_time_parse(text_of(json), out))
        return json_path_fail(&r->path, r->err, "the text is no ISO 8601 time");
    return EGW_OK;
}

static enum egw_status read_long(struct reader *r, const json_t *json, const struct egw_type *type,
                                 int64_t *out)
{
    if (type->logical == EGW_L_TIMESTAMP_MS)
        return read_time(r, json, out);
    if (!json_is_integer(json))
        return wrong(r, json, "an integer");
    *out = json_integer_value(json);
    return EGW_OK;
}

static enum egw_status read_float(struct reader *r, const json_t *json, float *out)
{
    double v = json_number_value(json);

    if (!json_is_number(json))
        return wrong(r, json, "a number");
    if (fabs(v) > (double)FLT_MAX)
        return json_path_fail(&r->path, r->err, "the number does not fit a float");
    *out = (float)v;
    return EGW_OK;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static enum egw_status read_hex(struct reader *r, struct egw_str hex, unsigned char *out)
{
    for (size_t i = 0; i < hex.n / 2; i++) {
        int high = hex_digit(hex.p[2 * i]), low = hex_digit(hex.p[2 * i + 1]);

        if (high < 0 || low < 0)
            return json_path_fail(&r->path, r->err, "the text is not hexadecimal");
        out[i] = (unsigned char)(high << 4 | low);
    }
    return EGW_OK;
}

static enum egw_status read_fixed(struct reader *r, const json_t *json, size_t n,
                                  unsigned char *out)
{
    if (!json_is_string(json))
        return wrong(r, json, "hexadecimal text");
    if (json_string_length(json) != 2 * n)
        return json_path_fail(&r->path, r->err,
                              "expected %zu hexadecimal digits, got %zu characters", 2 * n,
                              json_string_length(json));
    return read_hex(r, text_of(json), out);
}

static enum egw_status read_bytes(struct reader *r, const json_t *json, struct egw_str *out)
{
    struct egw_str hex = text_of(json);
    unsigned char *p;
    enum egw_status st;

    if (!json_is_string(json))
        return wrong(r, json, "hexadecimal text");
    if (hex.n % 2)
        return json_path_fail(&r->path, r->err, "an odd number of hexadecimal digits");
    p = egw_arena_alloc(r->arena, hex.n / 2 + 1);
    if (!p)
        return no_memory(r);
    st = read_hex(r, hex, p);
    if (st)
        return st;
    *out = (struct egw_str){(const char *)p, hex.n / 2};
    return EGW_OK;
}

static enum egw_status read_string(struct reader *r, const json_t *json, struct egw_str *out)
{
    if (!json_is_string(json))
        return wrong(r, json, "a text");
    return egw_arena_str(r->arena, text_of(json), out) ? EGW_OK : no_memory(r);
}

static enum egw_status read_enum(struct reader *r, const json_t *json, const struct egw_type *type,
                                 int32_t *out)
{
    const char *given = json_string_value(json);
    struct egw_suggestion nearest;

    if (!given)
        return wrong(r, json, "a text");
    for (size_t i = 0; i < type->symbol_count; i++) {
        if (strcmp(given, type->symbols[i]) == 0) {
            *out = (int32_t)i;
            return EGW_OK;
        }
    }
    egw_suggest_begin(&nearest, egw_str_of(given));
    for (size_t i = 0; i < type->symbol_count; i++)
        egw_suggest_offer(&nearest, type->symbols[i], type->symbols[i]);
    return unknown(r, "value", &nearest);
}

static enum egw_status count_items(struct reader *r, size_t n)
{
    if (n > ITEMS_MAX - r->items)
        return json_path_fail(&r->path, r->err, "more than 100000 items");
    r->items += n;
    return EGW_OK;
}

static enum egw_status read_array(struct reader *r, const json_t *json, const struct egw_type *item,
                                  struct egw_list *out)
{
    size_t n = json_array_size(json), bytes;
    enum egw_status st;
    char *p;

    if (!json_is_array(json))
        return wrong(r, json, "an array");
    st = count_items(r, n);
    if (st || n == 0)
        return st;
    if (__builtin_mul_overflow(n, item->size, &bytes))
        return no_memory(r);
    p = egw_arena_alloc(r->arena, bytes);
    if (!p)
        return no_memory(r);
    for (size_t i = 0; i < n; i++) {
        size_t before = json_path_item(&r->path, i);

        st = read_value(r, json_array_get(json, i), item, p + i * item->size);
        if (st)
            return st;
        json_path_back(&r->path, before);
    }
    *out = (struct egw_list){p, n};
    return EGW_OK;
}

static enum egw_status read_map(struct reader *r, json_t *json, struct egw_list *out)
{
    size_t n = json_object_size(json);
    struct egw_pair *pairs, *pair;
    const char *key;
    json_t *value;
    enum egw_status st;

    if (!json_is_object(json))
        return wrong(r, json, "an object");
    st = count_items(r, n);
    if (st || n == 0)
        return st;
    pairs = pair = egw_arena_alloc(r->arena, n * sizeof(*pairs));
    if (!pairs)
        return no_memory(r);
    json_object_foreach(json, key, value)
    {
        size_t before = json_path_field(&r->path, key);

        if (!egw_arena_str(r->arena, egw_str_of(key), &pair->key))
            return no_memory(r);
        st = read_string(r, value, &pair->value);
        if (st)
            return st;
        pair++;
        json_path_back(&r->path, before);
    }
    *out = (struct egw_list){pairs, n};
    return EGW_OK;
}

static enum egw_status read_option(struct reader *r, json_t *json, const struct egw_type *item,
                                   void *out)
{
    void *p;

    if (json_is_null(json))
        return EGW_OK;
    switch (item->kind) {
    case EGW_K_BYTES:
    case EGW_K_STRING:
        return read_value(r, json, item, out);
    case EGW_K_BOOLEAN:
        ((struct egw_opt_bool *)out)->has = true;
        return read_value(r, json, item, &((struct egw_opt_bool *)out)->v);
    case EGW_K_INT:
    case EGW_K_ENUM:
        ((struct egw_opt_i32 *)out)->has = true;
        return read_value(r, json, item, &((struct egw_opt_i32 *)out)->v);
    case EGW_K_LONG:
        ((struct egw_opt_i64 *)out)->has = true;
        return read_value(r, json, item, &((struct egw_opt_i64 *)out)->v);
    case EGW_K_DOUBLE:
        ((struct egw_opt_double *)out)->has = true;
        return read_value(r, json, item, &((struct egw_opt_double *)out)->v);
    default:
        p = egw_arena_alloc(r->arena, item->size);
        if (!p)
            return no_memory(r);
        *(void **)out = p;
        return read_value(r, json, item, p);
    }
}

static enum egw_status read_choice(struct reader *r, json_t *json, const struct egw_type *type,
                                   struct egw_choice *out)
{
    const char *given = json_object_iter_key(json_object_iter(json));
    char name[JSON_NAME_MAX];
    enum egw_status st;

    if (!json_is_object(json))
        return wrong(r, json, "an object");
    if (json_object_size(json) != 1)
        return json_path_fail(&r->path, r->err, "expected one kind of record, got %zu",
                              json_object_size(json));
    for (size_t i = 0; i < type->branch_count; i++) {
        const struct egw_type *branch = type->branches[i];
        size_t before;

        json_kind_name(branch, name);
        if (strcmp(name, given) != 0)
            continue;
        *out = (struct egw_choice){(int32_t)i, egw_arena_alloc(r->arena, branch->size)};
        if (!out->p)
            return no_memory(r);
        before = json_path_field(&r->path, given);
        st = read_value(r, json_object_get(json, given), branch, out->p);
        if (!st)
            json_path_back(&r->path, before);
        return st;
    }
    return json_path_fail(&r->path, r->err, "unknown kind of record '%.*s'", JSON_NAME_MAX, given);
}

static bool has_field(const struct egw_type *type, const char *name)
{
    for (size_t i = 0; i < type->field_count; i++) {
        if (strcmp(name, type->fields[i].name) == 0)
            return true;
    }
    return false;
}

/* The first key no field has. */
static enum egw_status unknown_field(struct reader *r, json_t *json, const struct egw_type *type)
{
    struct egw_suggestion nearest;
    const char *key;
    json_t *value;

    json_object_foreach(json, key, value)
    {
        if (has_field(type, key))
            continue;
        egw_suggest_begin(&nearest, egw_str_of(key));
        for (size_t i = 0; i < type->field_count; i++)
            egw_suggest_offer(&nearest, type->fields[i].name, type->fields[i].name);
        return unknown(r, "field", &nearest);
    }
    return EGW_OK;
}

static enum egw_status read_field(struct reader *r, json_t *json, const struct egw_field *field,
                                  char *record)
{
    json_t *value = json_object_get(json, field->name);
    size_t before = json_path_field(&r->path, field->name);
    enum egw_status st = EGW_OK;

    if (value)
        st = read_value(r, value, field->type, record + field->offset);
    else if (field->has_default)
        json_default_set(field, record + field->offset);
    else
        st = json_path_fail(&r->path, r->err, "missing");
    if (!st)
        json_path_back(&r->path, before);
    return st;
}

static enum egw_status read_record(struct reader *r, json_t *json, const struct egw_type *type,
                                   void *out)
{
    size_t known = 0;
    enum egw_status st = EGW_OK;

    if (!json_is_object(json))
        return wrong(r, json, "an object");
    for (size_t i = 0; i < type->field_count; i++)
        known += json_object_get(json, type->fields[i].name) != NULL;
    if (known < json_object_size(json))
        return unknown_field(r, json, type); /* before "missing": one typing slip is both */
    for (size_t i = 0; !st && i < type->field_count; i++)
        st = read_field(r, json, &type->fields[i], out);
    return st;
}

/* out is zeroed. */
static enum egw_status read_value(struct reader *r, json_t *json, const struct egw_type *type,
                                  void *out)
{
    switch (type->kind) {
    case EGW_K_NULL:
        return json_is_null(json) ? EGW_OK : wrong(r, json, "null");
    case EGW_K_BOOLEAN:
        *(bool *)out = json_is_true(json);
        return json_is_boolean(json) ? EGW_OK : wrong(r, json, "a boolean");
    case EGW_K_INT:
        return read_int(r, json, out);
    case EGW_K_LONG:
        return read_long(r, json, type, out);
    case EGW_K_FLOAT:
        return read_float(r, json, out);
    case EGW_K_DOUBLE:
        *(double *)out = json_number_value(json);
        return json_is_number(json) ? EGW_OK : wrong(r, json, "a number");
    case EGW_K_BYTES:
        return read_bytes(r, json, out);
    case EGW_K_STRING:
        return read_string(r, json, out);
    case EGW_K_FIXED:
        return read_fixed(r, json, type->size, out);
    case EGW_K_ENUM:
        return read_enum(r, json, type, out);
    case EGW_K_ARRAY:
        return read_array(r, json, type->item, out);
    case EGW_K_MAP:
        return read_map(r, json, out);
    case EGW_K_OPTION:
        return read_option(r, json, type->item, out);
    case EGW_K_CHOICE:
        return read_choice(r, json, type, out);
    case EGW_K_RECORD:
        return read_record(r, json, type, out);
    }
    return json_path_fail(&r->path, r->err, "a type without a JSON form");
}

enum egw_status egw_json_read(struct egw_str json, const struct egw_type *type,
                              struct egw_arena *arena, void *ret, struct egw_error *reterr)
{
    EGW_CLEANUP(json_freep) json_t *parsed = NULL;
    struct reader reader = {.arena = arena, .err = reterr};
    enum egw_status st;

    if (!json.p)
        json = EGW_STR("");
    st = scan_text(json, reterr);
    if (st)
        return st;
    st = parse(json, &parsed, reterr);
    if (st)
        return st;
    memset(ret, 0, type->size);
    return read_value(&reader, parsed, type, ret);
}
