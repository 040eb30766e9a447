/* Reading: an own scan for what jansson lets pass, jansson for the text, the tables for the shape.
 * Writing: straight into the buffer. */
#include "egw/json.h"

#include <ctype.h>
#include <float.h>
#include <math.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#include <jansson.h>

enum {
    DEPTH_MAX = 32,
    ITEMS_MAX = 100000, /* as in the Avro codec: what is read here is written there */
    NAME_MAX_SHOWN = 64,
    PATH_TEXT = 192,
    FRAMES_MAX = 4, /* framed records shown inside framed records */
};

/* ---- where we are: "diagnosis[1].kind" ---- */

struct path {
    char text[PATH_TEXT];
    size_t n;
};

static size_t path_add(struct path *path, const char *fmt, ...) EGW_PRINTF(2, 3);
/* Returns the length before, for path_back(). A path too long for the buffer is cut. */
static size_t path_add(struct path *path, const char *fmt, ...)
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

static size_t path_field(struct path *path, const char *name)
{
    return path_add(path, path->n ? ".%s" : "%s", name);
}

static void path_back(struct path *path, size_t before)
{
    path->n = before;
    path->text[before] = '\0';
}

static enum egw_status path_fail(const struct path *path, struct egw_error *err, const char *fmt,
                                 ...) EGW_PRINTF(3, 4);
static enum egw_status path_fail(const struct path *path, struct egw_error *err, const char *fmt,
                                 ...)
{
    char text[EGW_ERROR_TEXT];
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    if (!path->n)
        return egw_error_set(err, EGW_INVALID, "%s", text);
    return egw_error_set(err, EGW_INVALID, "%s: %s", path->text, text);
}

/* ---- names ---- */

/* "egw.HealthIssue" as "health_issue"; the rule of schemas/generate.py. */
static void snake(const char *full, char out[NAME_MAX_SHOWN])
{
    const char *dot = strrchr(full, '.');
    const char *name = dot ? dot + 1 : full;
    size_t n = 0;

    for (size_t i = 0; name[i] && n + 2 < NAME_MAX_SHOWN; i++) {
        unsigned char c = (unsigned char)name[i];

        if (isupper(c) && i > 0 && !isupper((unsigned char)name[i - 1]))
            out[n++] = '_';
        out[n++] = (char)tolower(c);
    }
    out[n] = '\0';
}

/* Edits that turn a into b; more than NAME_MAX_SHOWN bytes are never close. */
static size_t distance(const char *a, const char *b)
{
    size_t row[NAME_MAX_SHOWN + 1];
    size_t na = strlen(a), nb = strlen(b);

    if (na > NAME_MAX_SHOWN || nb > NAME_MAX_SHOWN)
        return SIZE_MAX;
    for (size_t j = 0; j <= nb; j++)
        row[j] = j;
    for (size_t i = 1; i <= na; i++) {
        size_t diagonal = row[0];

        row[0] = i;
        for (size_t j = 1; j <= nb; j++) {
            size_t best = diagonal + (a[i - 1] != b[j - 1]);

            diagonal = row[j];
            if (row[j] + 1 < best)
                best = row[j] + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            row[j] = best;
        }
    }
    return row[nb];
}

/* The known name a stranger most likely meant: at most two edits, and no more than half its length.
 */
struct nearest {
    const char *name;
    size_t edits;
};

static void consider(struct nearest *nearest, const char *given, const char *known)
{
    size_t edits = distance(given, known);

    if (edits <= 2 && edits * 2 <= strlen(known) && (!nearest->name || edits < nearest->edits))
        *nearest = (struct nearest){known, edits};
}

static enum egw_status unknown(const struct path *path, struct egw_error *err, const char *what,
                               const char *given, const struct nearest *nearest)
{
    if (nearest->name)
        return path_fail(path, err, "unknown %s '%.*s' (did you mean '%s'?)", what, NAME_MAX_SHOWN,
                         given, nearest->name);
    return path_fail(path, err, "unknown %s '%.*s'", what, NAME_MAX_SHOWN, given);
}

/* ---- defaults: the Avro bytes of the table ---- */

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

/* out is zeroed: absent options and empty lists are already there. */
static void set_default(const struct egw_field *field, void *out)
{
    switch (field->type->kind) {
    case EGW_K_BOOLEAN:
        *(bool *)out = field->default_bytes[0] != 0;
        break;
    case EGW_K_INT:
    case EGW_K_ENUM:
        *(int32_t *)out = (int32_t)default_long(field);
        break;
    case EGW_K_LONG:
        *(int64_t *)out = default_long(field);
        break;
    case EGW_K_FLOAT:
    case EGW_K_DOUBLE:
        memcpy(out, field->default_bytes, field->default_n); /* both little-endian */
        break;
    case EGW_K_BYTES:
    case EGW_K_STRING:
        *(struct egw_str *)out = default_text(field);
        break;
    default:
        break;
    }
}

static bool option_absent(const struct egw_type *item, const void *value)
{
    switch (item->kind) {
    case EGW_K_BYTES:
    case EGW_K_STRING:
        return !((const struct egw_str *)value)->p;
    case EGW_K_BOOLEAN:
        return !((const struct egw_opt_bool *)value)->has;
    case EGW_K_INT:
    case EGW_K_ENUM:
        return !((const struct egw_opt_i32 *)value)->has;
    case EGW_K_LONG:
        return !((const struct egw_opt_i64 *)value)->has;
    case EGW_K_DOUBLE:
        return !((const struct egw_opt_double *)value)->has;
    default:
        return !*(void *const *)value;
    }
}

static bool is_default(const struct egw_field *field, const void *value)
{
    if (!field->has_default)
        return false;
    switch (field->type->kind) {
    case EGW_K_OPTION:
        return option_absent(field->type->item, value);
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

/* ---- reading: the scan before jansson ---- */

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

/* ---- reading: jansson ---- */

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

/* ---- reading: by the tables ---- */

struct reader {
    struct egw_arena *arena;
    struct egw_error *err;
    struct path path;
    size_t items;
};

static enum egw_status read_value(struct reader *r, json_t *json, const struct egw_type *type,
                                  void *out);

static enum egw_status no_memory(struct reader *r)
{
    return egw_error_set(r->err, EGW_NOMEM, "the record needs more memory than allowed");
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
    return path_fail(&r->path, r->err, "expected %s, got %s", wanted, json_kind(json));
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
        return path_fail(&r->path, r->err,
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
        return path_fail(&r->path, r->err, "the text is no ISO 8601 time");
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
        return path_fail(&r->path, r->err, "the number does not fit a float");
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
            return path_fail(&r->path, r->err, "the text is not hexadecimal");
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
        return path_fail(&r->path, r->err, "expected %zu hexadecimal digits, got %zu characters",
                         2 * n, json_string_length(json));
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
        return path_fail(&r->path, r->err, "an odd number of hexadecimal digits");
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
    struct nearest nearest = {NULL, 0};
    const char *given = json_string_value(json);

    if (!given)
        return wrong(r, json, "a text");
    for (size_t i = 0; i < type->symbol_count; i++) {
        if (strcmp(given, type->symbols[i]) == 0) {
            *out = (int32_t)i;
            return EGW_OK;
        }
        consider(&nearest, given, type->symbols[i]);
    }
    return unknown(&r->path, r->err, "value", given, &nearest);
}

static enum egw_status count_items(struct reader *r, size_t n)
{
    if (n > ITEMS_MAX - r->items)
        return path_fail(&r->path, r->err, "more than 100000 items");
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
        size_t before = path_add(&r->path, "[%zu]", i);

        st = read_value(r, json_array_get(json, i), item, p + i * item->size);
        if (st)
            return st;
        path_back(&r->path, before);
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
        size_t before = path_field(&r->path, key);

        if (!egw_arena_str(r->arena, egw_str_of(key), &pair->key))
            return no_memory(r);
        st = read_string(r, value, &pair->value);
        if (st)
            return st;
        pair++;
        path_back(&r->path, before);
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
    char name[NAME_MAX_SHOWN];
    enum egw_status st;

    if (!json_is_object(json))
        return wrong(r, json, "an object");
    if (json_object_size(json) != 1)
        return path_fail(&r->path, r->err, "expected one kind of record, got %zu",
                         json_object_size(json));
    for (size_t i = 0; i < type->branch_count; i++) {
        const struct egw_type *branch = type->branches[i];
        size_t before;

        snake(branch->name, name);
        if (strcmp(name, given) != 0)
            continue;
        *out = (struct egw_choice){(int32_t)i, egw_arena_alloc(r->arena, branch->size)};
        if (!out->p)
            return no_memory(r);
        before = path_field(&r->path, given);
        st = read_value(r, json_object_get(json, given), branch, out->p);
        if (!st)
            path_back(&r->path, before);
        return st;
    }
    return path_fail(&r->path, r->err, "unknown kind of record '%.*s'", NAME_MAX_SHOWN, given);
}

/* The first key no field has. */
static enum egw_status unknown_field(struct reader *r, json_t *json, const struct egw_type *type)
{
    const char *key;
    json_t *value;

    json_object_foreach(json, key, value)
    {
        struct nearest nearest = {NULL, 0};
        size_t i = 0;

        for (; i < type->field_count && strcmp(key, type->fields[i].name) != 0; i++)
            consider(&nearest, key, type->fields[i].name);
        if (i == type->field_count)
            return unknown(&r->path, r->err, "field", key, &nearest);
    }
    return EGW_OK;
}

static enum egw_status read_field(struct reader *r, json_t *json, const struct egw_field *field,
                                  char *record)
{
    json_t *value = json_object_get(json, field->name);
    size_t before = path_field(&r->path, field->name);
    enum egw_status st = EGW_OK;

    if (value)
        st = read_value(r, value, field->type, record + field->offset);
    else if (field->has_default)
        set_default(field, record + field->offset);
    else
        st = path_fail(&r->path, r->err, "missing");
    if (!st)
        path_back(&r->path, before);
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
    return path_fail(&r->path, r->err, "a type without a JSON form");
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

/* ---- writing ---- */

/* Once st is set nothing more is written, so callers need not look after every piece. */
struct writer {
    struct egw_buf *out;
    enum egw_json_style style;
    const struct egw_plans *plans;
    struct egw_error *err;
    struct path path;
    enum egw_status st;
    int indent;
    int frames;
};

static void write_value(struct writer *w, const struct egw_type *type, const void *value);

static void put(struct writer *w, const void *bytes, size_t n)
{
    if (w->st)
        return;
    w->st = egw_buf_put(w->out, bytes, n);
    if (w->st)
        egw_error_set(w->err, w->st, "the JSON text is larger than allowed");
}

static void put_text(struct writer *w, const char *text)
{
    put(w, text, strlen(text));
}

/* Opening and separating: ',' or '{' or '[' and, in the pretty style, the next line. */
static void put_break(struct writer *w, char c)
{
    static const char spaces[] =
        "\n                                                               ";
    size_t n = 1 + 2 * (size_t)w->indent;

    if (c)
        put(w, &c, 1);
    if (w->style == EGW_JSON_PRETTY)
        put(w, spaces, n < sizeof(spaces) - 1 ? n : sizeof(spaces) - 1);
}

static void open_item(struct writer *w, size_t already, char opener)
{
    if (already == 0)
        w->indent++;
    put_break(w, already ? ',' : opener);
}

static void close_items(struct writer *w, size_t count, const char *empty)
{
    if (count == 0) {
        put_text(w, empty);
        return;
    }
    w->indent--;
    put_break(w, 0);
    put(w, empty + 1, 1);
}

static void put_string(struct writer *w, struct egw_str s)
{
    if (w->st)
        return;
    w->st = egw_json_string(s, w->out);
    if (w->st)
        egw_error_set(w->err, w->st, "the JSON text is larger than allowed");
}

static void put_key(struct writer *w, struct egw_str key)
{
    put_string(w, key);
    put(w, ": ", w->style == EGW_JSON_PRETTY ? 2 : 1);
}

static void put_integer(struct writer *w, int64_t v)
{
    char digits[24];
    char *p = digits + sizeof(digits);
    uint64_t rest = v < 0 ? -(uint64_t)v : (uint64_t)v;

    do {
        *--p = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest);
    if (v < 0)
        *--p = '-';
    put(w, p, (size_t)(digits + sizeof(digits) - p));
}

static void put_time(struct writer *w, int64_t ms)
{
    char text[EGW_TIME_TEXT];
    int64_t back;

    egw_time_format(ms, text);
    if (egw_time_parse(egw_str_of(text), &back) && back == ms)
        put_string(w, egw_str_of(text));
    else
        put_integer(w, ms); /* beyond the years ISO 8601 can say */
}

/* The fewest digits that read back as the same number. */
static void put_real(struct writer *w, double v, int digits, int most)
{
    char text[40];

    if (!isfinite(v)) {
        if (!w->st)
            w->st = path_fail(&w->path, w->err, "JSON has no form for a number that is not finite");
        return;
    }
    do {
        (void)snprintf(text, sizeof(text), "%.*g", digits++, v);
    } while (digits <= most && strtod(text, NULL) != v);
    put_text(w, text);
    if (!strpbrk(text, ".e"))
        put_text(w, ".0");
}

static void put_hex(struct writer *w, const void *bytes, size_t n)
{
    static const char digits[] = "0123456789abcdef";
    const unsigned char *p = bytes;

    put(w, "\"", 1);
    for (size_t i = 0; i < n && !w->st; i++) {
        char pair[2] = {digits[p[i] >> 4], digits[p[i] & 15]};

        put(w, pair, 2);
    }
    put(w, "\"", 1);
}

/* False: not a framed record we can read; nothing was written. */
static bool write_framed(struct writer *w, struct egw_str bytes)
{
    EGW_CLEANUP(egw_arena_free) struct egw_arena arena = {0};
    struct egw_frame frame = egw_frame_read(bytes);
    const struct egw_plan *plan = NULL;
    const struct egw_type *type;
    void *record;

    if (frame.kind == EGW_FRAME_NONE || egw_plans_find(w->plans, &frame, &plan, NULL) != EGW_OK)
        return false;
    type = egw_plan_reader(plan);
    record = egw_arena_alloc(&arena, type->size);
    if (!record || egw_decode(plan, frame.body.p, frame.body.n, &arena, record, NULL) != EGW_OK)
        return false;
    w->frames++;
    write_value(w, type, record);
    w->frames--;
    return true;
}

static void write_bytes(struct writer *w, struct egw_str bytes)
{
    if (w->plans && w->frames < FRAMES_MAX && bytes.n && write_framed(w, bytes))
        return;
    put_hex(w, bytes.p, bytes.n);
}

static void write_option(struct writer *w, const struct egw_type *item, const void *value)
{
    if (option_absent(item, value)) {
        put_text(w, "null");
        return;
    }
    switch (item->kind) {
    case EGW_K_BYTES:
    case EGW_K_STRING:
        write_value(w, item, value);
        break;
    case EGW_K_BOOLEAN:
        write_value(w, item, &((const struct egw_opt_bool *)value)->v);
        break;
    case EGW_K_INT:
    case EGW_K_ENUM:
        write_value(w, item, &((const struct egw_opt_i32 *)value)->v);
        break;
    case EGW_K_LONG:
        write_value(w, item, &((const struct egw_opt_i64 *)value)->v);
        break;
    case EGW_K_DOUBLE:
        write_value(w, item, &((const struct egw_opt_double *)value)->v);
        break;
    default:
        write_value(w, item, *(void *const *)value);
        break;
    }
}

static void write_array(struct writer *w, const struct egw_type *item, const struct egw_list *list)
{
    const char *p = list->p;

    for (size_t i = 0; i < list->n && !w->st; i++) {
        size_t before = path_add(&w->path, "[%zu]", i);

        open_item(w, i, '[');
        write_value(w, item, p + i * item->size);
        path_back(&w->path, before);
    }
    close_items(w, list->n, "[]");
}

static void write_map(struct writer *w, const struct egw_list *list)
{
    const struct egw_pair *pairs = list->p;

    for (size_t i = 0; i < list->n && !w->st; i++) {
        open_item(w, i, '{');
        put_key(w, pairs[i].key);
        put_string(w, pairs[i].value);
    }
    close_items(w, list->n, "{}");
}

static void write_choice(struct writer *w, const struct egw_type *type,
                         const struct egw_choice *choice)
{
    char name[NAME_MAX_SHOWN];

    if (choice->branch < 0 || (size_t)choice->branch >= type->branch_count || !choice->p) {
        if (!w->st)
            w->st = path_fail(&w->path, w->err, "there is no branch %d", choice->branch);
        return;
    }
    snake(type->branches[choice->branch]->name, name);
    open_item(w, 0, '{');
    put_key(w, egw_str_of(name));
    write_value(w, type->branches[choice->branch], choice->p);
    close_items(w, 1, "{}");
}

static void write_record(struct writer *w, const struct egw_type *type, const char *record)
{
    size_t shown = 0;

    for (size_t i = 0; i < type->field_count && !w->st; i++) {
        const struct egw_field *field = &type->fields[i];
        size_t before;

        if (w->style != EGW_JSON_FULL && is_default(field, record + field->offset))
            continue;
        before = path_field(&w->path, field->name);
        open_item(w, shown++, '{');
        put_key(w, egw_str_of(field->name));
        write_value(w, field->type, record + field->offset);
        path_back(&w->path, before);
    }
    close_items(w, shown, "{}");
}

static void write_enum(struct writer *w, const struct egw_type *type, int32_t v)
{
    if (v >= 0 && (size_t)v < type->symbol_count)
        put_string(w, egw_str_of(type->symbols[v]));
    else if (!w->st)
        w->st = path_fail(&w->path, w->err, "there is no symbol %d", v);
}

static void write_value(struct writer *w, const struct egw_type *type, const void *value)
{
    switch (type->kind) {
    case EGW_K_NULL:
        put_text(w, "null");
        break;
    case EGW_K_BOOLEAN:
        put_text(w, *(const bool *)value ? "true" : "false");
        break;
    case EGW_K_INT:
        put_integer(w, *(const int32_t *)value);
        break;
    case EGW_K_LONG:
        if (type->logical == EGW_L_TIMESTAMP_MS)
            put_time(w, *(const int64_t *)value);
        else
            put_integer(w, *(const int64_t *)value);
        break;
    case EGW_K_FLOAT:
        put_real(w, (double)*(const float *)value, 6, 17);
        break;
    case EGW_K_DOUBLE:
        put_real(w, *(const double *)value, 15, 17);
        break;
    case EGW_K_BYTES:
        write_bytes(w, *(const struct egw_str *)value);
        break;
    case EGW_K_STRING:
        put_string(w, *(const struct egw_str *)value);
        break;
    case EGW_K_FIXED:
        put_hex(w, value, type->size);
        break;
    case EGW_K_ENUM:
        write_enum(w, type, *(const int32_t *)value);
        break;
    case EGW_K_ARRAY:
        write_array(w, type->item, value);
        break;
    case EGW_K_MAP:
        write_map(w, value);
        break;
    case EGW_K_OPTION:
        write_option(w, type->item, value);
        break;
    case EGW_K_CHOICE:
        write_choice(w, type, value);
        break;
    case EGW_K_RECORD:
        write_record(w, type, value);
        break;
    }
}

enum egw_status egw_json_write(const struct egw_type *type, const void *record,
                               enum egw_json_style style, const struct egw_plans *plans,
                               struct egw_buf *out, struct egw_error *reterr)
{
    struct writer writer = {.out = out, .style = style, .plans = plans, .err = reterr};
    size_t before = out->n;

    write_value(&writer, type, record);
    if (writer.st)
        out->n = before;
    return writer.st;
}

/* ---- one text ---- */

/*
 * How many bytes at p form one well-formed UTF-8 character; 0: none, and *ret_bad says how many
 * bytes the one U+FFFD stands for (the longest start of a character, as Unicode recommends).
 */
static size_t utf8_length(const unsigned char *p, size_t left, size_t *ret_bad)
{
    unsigned char c = p[0], low = 0x80, high = 0xBF;
    size_t n = c >= 0xC2 && c < 0xE0   ? 2
               : c >= 0xE0 && c < 0xF0 ? 3
               : c >= 0xF0 && c < 0xF5 ? 4
                                       : 0;

    *ret_bad = 1;
    if (n == 0)
        return 0;
    if (c == 0xE0)
        low = 0xA0; /* over-long */
    else if (c == 0xED)
        high = 0x9F; /* surrogates */
    else if (c == 0xF0)
        low = 0x90; /* over-long */
    else if (c == 0xF4)
        high = 0x8F; /* past U+10FFFF */
    for (size_t i = 1; i < n; i++) {
        if (i == left || p[i] < low || p[i] > high)
            return 0;
        *ret_bad = i + 1;
        low = 0x80;
        high = 0xBF;
    }
    return n;
}

static enum egw_status put_escape(unsigned char c, struct egw_buf *out)
{
    static const char short_forms[] = "\"\"\\\\\bb\ff\nn\rr\tt";

    for (size_t i = 0; i + 1 < sizeof(short_forms); i += 2) {
        if ((unsigned char)short_forms[i] == c) {
            char pair[2] = {'\\', short_forms[i + 1]};

            return egw_buf_put(out, pair, 2);
        }
    }
    return egw_buf_printf(out, "\\u%04x", (unsigned)c);
}

enum egw_status egw_json_string(struct egw_str s, struct egw_buf *out)
{
    const unsigned char *p = (const unsigned char *)s.p;
    size_t before = out->n, plain = 0, i = 0;
    enum egw_status st = egw_buf_put(out, "\"", 1);

    while (!st && i < s.n) {
        size_t bad = 0, n = 1;
        bool good = p[i] >= 0x80 ? (n = utf8_length(p + i, s.n - i, &bad)) != 0
                                 : p[i] >= 0x20 && p[i] != '"' && p[i] != '\\';

        if (good) {
            i += n;
            continue;
        }
        st = egw_buf_put(out, p + plain, i - plain);
        if (!st)
            st = bad ? egw_buf_put(out, "\xEF\xBF\xBD", 3) : put_escape(p[i], out);
        i += bad ? bad : 1;
        plain = i;
    }
    if (!st && i > plain)
        st = egw_buf_put(out, p + plain, i - plain);
    if (!st)
        st = egw_buf_put(out, "\"", 1);
    if (st)
        out->n = before;
    return st;
}

enum egw_status egw_json_text(struct egw_buf *out, const char *name, struct egw_str text)
{
    enum egw_status st = egw_buf_printf(out, ",\"%s\":", name);

    return st ? st : egw_json_string(text, out);
}
