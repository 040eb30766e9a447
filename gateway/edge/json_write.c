/* Straight into the buffer. */
#include "egw/json.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "json_shape.h"

enum { FRAMES_MAX = 4 }; /* framed records shown inside framed records */

/* Once st is set nothing more is written, so callers need not look after every piece. */
struct writer {
    struct egw_buf *out;
    enum egw_json_style style;
    const struct egw_plans *plans;
    struct egw_error *err;
    struct json_path path;
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
            w->st = json_path_fail(&w->path, w->err,
                                   "JSON has no form for a number that is not finite");
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

static void write_option(struct writer *w, const struct egw_type *item, const void *option)
{
    const void *value = egw_option_value(item, option);

    if (value)
        write_value(w, item, value);
    else
        put_text(w, "null");
}

static void write_array(struct writer *w, const struct egw_type *item, const struct egw_list *list)
{
    const char *p = list->p;

    for (size_t i = 0; i < list->n && !w->st; i++) {
        size_t before = json_path_item(&w->path, i);

        open_item(w, i, '[');
        write_value(w, item, p + i * item->size);
        json_path_back(&w->path, before);
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
    char name[JSON_NAME_MAX];

    if (choice->branch < 0 || (size_t)choice->branch >= type->branch_count || !choice->p) {
        if (!w->st)
            w->st = json_path_fail(&w->path, w->err, "there is no branch %d", choice->branch);
        return;
    }
    json_kind_name(type->branches[choice->branch], name);
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

        if (w->style != EGW_JSON_FULL && json_default_is(field, record + field->offset))
            continue;
        before = json_path_field(&w->path, field->name);
        open_item(w, shown++, '{');
        put_key(w, egw_str_of(field->name));
        write_value(w, field->type, record + field->offset);
        json_path_back(&w->path, before);
    }
    close_items(w, shown, "{}");
}

static void write_enum(struct writer *w, const struct egw_type *type, int32_t v)
{
    if (v >= 0 && (size_t)v < type->symbol_count)
        put_string(w, egw_str_of(type->symbols[v]));
    else if (!w->st)
        w->st = json_path_fail(&w->path, w->err, "there is no symbol %d", v);
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
    bool first = out->n > 0 && out->p[out->n - 1] == '{';
    enum egw_status st = egw_buf_printf(out, "%s\"%s\":", first ? "" : ",", name);

    return st ? st : egw_json_string(text, out);
}
