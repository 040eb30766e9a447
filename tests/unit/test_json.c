#include "support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "egw/json.h"
#include "egw/records.h"
#include "egw/schema.h"

/* ---- a fixed sequence of numbers: every run tests the same records ---- */

static uint64_t sequence = 1;

static uint64_t next_number(void)
{
    sequence ^= sequence << 13;
    sequence ^= sequence >> 7;
    sequence ^= sequence << 17;
    return sequence;
}

static size_t below(size_t n)
{
    return (size_t)(next_number() % n);
}

/* ---- random records, by the tables ---- */

static struct egw_str random_text(struct egw_arena *arena)
{
    static const char *const words[] = {
        "Anmeldung schlägt fehl",
        "サインインできない",
        "😀👩‍💻",
        "\x01\x02\x1f\x7f",
        "\"\\/\b\f\n\r\t",
        "plain",
        "",
        "\xEF\xBF\xBD",
        "\xC2\x80\xDF\xBF\xE0\xA0\x80\xEF\xBF\xBF\xF0\x90\x80\x80\xF4\x8F\xBF\xBF",
        "é̂",
        "x",
    };
    struct egw_str s = egw_arena_printf(arena, "%s%s", words[below(EGW_COUNT(words))],
                                        words[below(EGW_COUNT(words))]);

    assert_non_null(s.p);
    return s;
}

static void *zeroed(struct egw_arena *arena, size_t n)
{
    void *p = egw_arena_alloc(arena, n);

    assert_non_null(p);
    return p;
}

static void fill(const struct egw_type *type, struct egw_arena *arena, void *out);

static int64_t random_long(const struct egw_type *type)
{
    static const int64_t edges[] = {0, 1, -1, INT64_MAX, INT64_MIN, 1767600600000};

    if (below(3) == 0)
        return edges[below(EGW_COUNT(edges))];
    if (type->logical == EGW_L_TIMESTAMP_MS)
        return (int64_t)(next_number() % 4102444800000u);
    return (int64_t)next_number();
}

static void fill_option(const struct egw_type *item, struct egw_arena *arena, void *out)
{
    if (below(3) == 0)
        return;
    switch (item->kind) {
    case EGW_K_STRING:
    case EGW_K_BYTES:
        fill(item, arena, out);
        break;
    case EGW_K_BOOLEAN:
        *(struct egw_opt_bool *)out = (struct egw_opt_bool){true, below(2) == 0};
        break;
    case EGW_K_INT:
    case EGW_K_ENUM:
        ((struct egw_opt_i32 *)out)->has = true;
        fill(item, arena, &((struct egw_opt_i32 *)out)->v);
        break;
    case EGW_K_LONG:
        *(struct egw_opt_i64 *)out = (struct egw_opt_i64){true, random_long(item)};
        break;
    default:
        *(void **)out = zeroed(arena, item->size);
        fill(item, arena, *(void **)out);
        break;
    }
}

static void fill_list(const struct egw_type *type, struct egw_arena *arena, struct egw_list *out)
{
    size_t size = type->kind == EGW_K_MAP ? sizeof(struct egw_pair) : type->item->size;

    *out = (struct egw_list){NULL, below(4)};
    if (out->n)
        out->p = zeroed(arena, out->n * size);
    for (size_t i = 0; i < out->n; i++) {
        if (type->kind == EGW_K_MAP) {
            struct egw_pair *pair = (struct egw_pair *)out->p + i;

            pair->key = egw_arena_printf(arena, "key %zu é", i);
            pair->value = random_text(arena);
        } else {
            fill(type->item, arena, (char *)out->p + i * size);
        }
    }
}

static void fill(const struct egw_type *type, struct egw_arena *arena, void *out)
{
    switch (type->kind) {
    case EGW_K_BOOLEAN:
        *(bool *)out = below(2) == 0;
        break;
    case EGW_K_INT:
        *(int32_t *)out = (int32_t)next_number();
        break;
    case EGW_K_LONG:
        *(int64_t *)out = random_long(type);
        break;
    case EGW_K_BYTES:
    case EGW_K_STRING:
        *(struct egw_str *)out = random_text(arena);
        break;
    case EGW_K_FIXED:
        for (size_t i = 0; i < type->size; i++)
            ((unsigned char *)out)[i] = (unsigned char)next_number();
        break;
    case EGW_K_ENUM:
        *(int32_t *)out = (int32_t)below(type->symbol_count);
        break;
    case EGW_K_ARRAY:
    case EGW_K_MAP:
        fill_list(type, arena, out);
        break;
    case EGW_K_OPTION:
        fill_option(type->item, arena, out);
        break;
    case EGW_K_CHOICE: {
        struct egw_choice *choice = out;

        choice->branch = (int32_t)below(type->branch_count);
        choice->p = zeroed(arena, type->branches[choice->branch]->size);
        fill(type->branches[choice->branch], arena, choice->p);
        break;
    }
    case EGW_K_RECORD:
        for (size_t i = 0; i < type->field_count; i++)
            fill(type->fields[i].type, arena, (char *)out + type->fields[i].offset);
        break;
    default:
        fail_msg("no record has a field of kind %d", (int)type->kind);
    }
}

/* ---- deep equality, by the tables ---- */

static bool same(const struct egw_type *type, const void *a, const void *b);

static bool same_option(const struct egw_type *item, const void *a, const void *b)
{
    switch (item->kind) {
    case EGW_K_STRING:
    case EGW_K_BYTES: {
        const struct egw_str *x = a, *y = b;

        return !x->p == !y->p && egw_str_eq(*x, *y);
    }
    case EGW_K_BOOLEAN: {
        const struct egw_opt_bool *x = a, *y = b;

        return x->has == y->has && x->v == y->v;
    }
    case EGW_K_INT:
    case EGW_K_ENUM: {
        const struct egw_opt_i32 *x = a, *y = b;

        return x->has == y->has && x->v == y->v;
    }
    case EGW_K_LONG: {
        const struct egw_opt_i64 *x = a, *y = b;

        return x->has == y->has && x->v == y->v;
    }
    default: {
        void *const *x = a, *const *y = b;

        return !*x == !*y && (!*x || same(item, *x, *y));
    }
    }
}

static bool same_list(const struct egw_type *type, const struct egw_list *a,
                      const struct egw_list *b)
{
    if (a->n != b->n)
        return false;
    for (size_t i = 0; i < a->n; i++) {
        const struct egw_pair *x = (const struct egw_pair *)a->p + i;
        const struct egw_pair *y = (const struct egw_pair *)b->p + i;
        size_t at = i * type->item->size;

        if (type->kind == EGW_K_MAP
                ? !egw_str_eq(x->key, y->key) || !egw_str_eq(x->value, y->value)
                : !same(type->item, (const char *)a->p + at, (const char *)b->p + at))
            return false;
    }
    return true;
}

static bool same(const struct egw_type *type, const void *a, const void *b)
{
    const struct egw_choice *x = a, *y = b;

    switch (type->kind) {
    case EGW_K_BYTES:
    case EGW_K_STRING:
        return egw_str_eq(*(const struct egw_str *)a, *(const struct egw_str *)b);
    case EGW_K_ARRAY:
    case EGW_K_MAP:
        return same_list(type, a, b);
    case EGW_K_OPTION:
        return same_option(type->item, a, b);
    case EGW_K_CHOICE:
        return x->branch == y->branch && same(type->branches[x->branch], x->p, y->p);
    case EGW_K_RECORD:
        for (size_t i = 0; i < type->field_count; i++) {
            size_t at = type->fields[i].offset;

            if (!same(type->fields[i].type, (const char *)a + at, (const char *)b + at))
                return false;
        }
        return true;
    default:
        return memcmp(a, b, type->size) == 0;
    }
}

static void test_every_record_comes_back_from_every_style(void **state)
{
    EGW_CLEANUP(egw_arena_free) struct egw_arena arena = {0};
    EGW_CLEANUP(egw_buf_free) struct egw_buf buf = {0};
    struct egw_error err;

    (void)state;
    for (int round = 0; round < 200; round++) {
        for (size_t i = 0; i < EGW_RECORD_COUNT; i++) {
            const struct egw_type *type = egw_record_types[i];
            void *record = zeroed(&arena, type->size), *back = zeroed(&arena, type->size);

            fill(type, &arena, record);
            for (int style = EGW_JSON_LINE; style <= EGW_JSON_PRETTY; style++) {
                egw_buf_clear(&buf);
                assert_int_equal(
                    egw_json_write(type, record, (enum egw_json_style)style, NULL, &buf, &err),
                    EGW_OK);
                assert_true(egw_utf8_valid(egw_buf_str(&buf)));
                if (egw_json_read(egw_buf_str(&buf), type, &arena, back, &err) != EGW_OK)
                    fail_msg("%s: %s in %.*s", type->name, err.text, EGW_FMT(egw_buf_str(&buf)));
                assert_true(same(type, record, back));
            }
            if (arena.used > (size_t)32 << 20)
                egw_arena_reset(&arena);
        }
    }
}

/* ---- one small type with every kind, for messages and forms ---- */

enum { RED, GREEN };
struct small {
    struct egw_str text, hex;
    int32_t number;
    int64_t big, at;
    bool yes;
    float single;
    double real;
    unsigned char id[2];
    int32_t colour;
    struct egw_list names, extra;
    struct egw_choice body;
    struct egw_opt_i64 maybe;
    struct egw_opt_double maybe_real;
    int32_t seven;
    struct egw_str word;
};
struct leaf {
    bool yes;
};

static const struct egw_type t_string = {.kind = EGW_K_STRING, .size = sizeof(struct egw_str)};
static const struct egw_type t_bytes = {.kind = EGW_K_BYTES, .size = sizeof(struct egw_str)};
static const struct egw_type t_int = {.kind = EGW_K_INT, .size = sizeof(int32_t)};
static const struct egw_type t_long = {.kind = EGW_K_LONG, .size = sizeof(int64_t)};
static const struct egw_type t_time = {
    .kind = EGW_K_LONG, .logical = EGW_L_TIMESTAMP_MS, .size = sizeof(int64_t)};
static const struct egw_type t_bool = {.kind = EGW_K_BOOLEAN, .size = sizeof(bool)};
static const struct egw_type t_float = {.kind = EGW_K_FLOAT, .size = sizeof(float)};
static const struct egw_type t_double = {.kind = EGW_K_DOUBLE, .size = sizeof(double)};
static const struct egw_type t_fixed = {.kind = EGW_K_FIXED, .name = "t.Id", .size = 2};
static const struct egw_type t_enum = {.kind = EGW_K_ENUM,
                                       .name = "t.Colour",
                                       .size = sizeof(int32_t),
                                       .symbols = (const char *const[]){"RED", "GREEN"},
                                       .symbol_count = 2};
static const struct egw_type t_array = {
    .kind = EGW_K_ARRAY, .size = sizeof(struct egw_list), .item = &t_string};
static const struct egw_type t_map = {
    .kind = EGW_K_MAP, .size = sizeof(struct egw_list), .item = &t_string};
static const struct egw_field leaf_fields[] = {
    {.name = "yes", .type = &t_bool, .offset = offsetof(struct leaf, yes)},
};
static const struct egw_type t_leaf = {.kind = EGW_K_RECORD,
                                       .name = "t.OakLeaf",
                                       .size = sizeof(struct leaf),
                                       .fields = leaf_fields,
                                       .field_count = 1};
static const struct egw_type t_choice = {.kind = EGW_K_CHOICE,
                                         .size = sizeof(struct egw_choice),
                                         .branches = (const struct egw_type *const[]){&t_leaf},
                                         .branch_count = 1};
static const struct egw_type t_maybe = {
    .kind = EGW_K_OPTION, .size = sizeof(struct egw_opt_i64), .item = &t_time};
static const struct egw_type t_maybe_real = {
    .kind = EGW_K_OPTION, .size = sizeof(struct egw_opt_double), .item = &t_double};

static const unsigned char nought[10];
static const unsigned char seven[] = {14};
static const unsigned char global[] = {12, 'g', 'l', 'o', 'b', 'a', 'l'};
#define SMALL(member, row, bytes, n)                                                               \
    {                                                                                              \
        .name = #member, .type = &(row), .offset = offsetof(struct small, member),                 \
        .has_default = true, .default_bytes = (bytes), .default_n = (n)                            \
    }

static const struct egw_field small_fields[] = {
    SMALL(text, t_string, nought, 1),
    SMALL(hex, t_bytes, nought, 1),
    SMALL(number, t_int, nought, 1),
    SMALL(big, t_long, nought, 1),
    SMALL(at, t_time, nought, 1),
    SMALL(yes, t_bool, nought, 1),
    SMALL(single, t_float, nought, 4),
    SMALL(real, t_double, nought, 8),
    SMALL(id, t_fixed, nought, 2),
    SMALL(colour, t_enum, nought, 1),
    SMALL(names, t_array, nought, 1),
    SMALL(extra, t_map, nought, 1),
    SMALL(body, t_choice, nought, 1),
    SMALL(maybe, t_maybe, nought, 1),
    SMALL(maybe_real, t_maybe_real, nought, 1),
    SMALL(seven, t_int, seven, 1),
    SMALL(word, t_string, global, 7),
};
static const struct egw_type t_small = {.kind = EGW_K_RECORD,
                                        .name = "t.Small",
                                        .size = sizeof(struct small),
                                        .fields = small_fields,
                                        .field_count = EGW_COUNT(small_fields)};

struct fault_case {
    const char *json, *message;
};

static void check_faults(const struct egw_type *type, const struct fault_case *cases, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        EGW_CLEANUP(egw_arena_free) struct egw_arena arena = {0};
        struct egw_error err = {.text = ""};
        void *record = zeroed(&arena, type->size);

        if (egw_json_read(egw_str_of(cases[i].json), type, &arena, record, &err) != EGW_INVALID)
            fail_msg("accepted: %s", cases[i].json);
        assert_string_equal(err.text, cases[i].message);
    }
}

static void test_a_wrong_type_is_refused_by_field_name(void **state)
{
    static const struct fault_case cases[] = {
        {"[]", "expected an object, got an array"},
        {"7", "expected an object, got an integer"},
        {"{\"text\":1}", "text: expected a text, got an integer"},
        {"{\"text\":null}", "text: expected a text, got null"},
        {"{\"hex\":{}}", "hex: expected hexadecimal text, got an object"},
        {"{\"hex\":\"abc\"}", "hex: an odd number of hexadecimal digits"},
        {"{\"hex\":\"zz\"}", "hex: the text is not hexadecimal"},
        {"{\"number\":1.0}",
         "number: expected an integer, got a number with a fraction or exponent"},
        {"{\"number\":\"1\"}", "number: expected an integer, got a text"},
        {"{\"number\":2147483648}", "number: 2147483648 is outside -2147483648 to 2147483647"},
        {"{\"big\":1e3}", "big: expected an integer, got a number with a fraction or exponent"},
        {"{\"at\":true}", "at: expected a time (ISO 8601, or milliseconds), got a boolean"},
        {"{\"at\":\"2026-13-01\"}", "at: the text is no ISO 8601 time"},
        {"{\"yes\":0}", "yes: expected a boolean, got an integer"},
        {"{\"single\":1e39}", "single: the number does not fit a float"},
        {"{\"single\":\"1\"}", "single: expected a number, got a text"},
        {"{\"real\":[]}", "real: expected a number, got an array"},
        {"{\"id\":\"abc\"}", "id: expected 4 hexadecimal digits, got 3 characters"},
        {"{\"id\":\"00g0\"}", "id: the text is not hexadecimal"},
        {"{\"colour\":\"BLUE\"}", "colour: unknown value 'BLUE'"},
        {"{\"colour\":\"GREN\"}", "colour: unknown value 'GREN' (did you mean 'GREEN'?)"},
        {"{\"colour\":0}", "colour: expected a text, got an integer"},
        {"{\"names\":{}}", "names: expected an array, got an object"},
        {"{\"names\":[\"a\",null]}", "names[1]: expected a text, got null"},
        {"{\"extra\":[]}", "extra: expected an object, got an array"},
        {"{\"extra\":{\"k\":1}}", "extra.k: expected a text, got an integer"},
        {"{\"body\":{}}", "body: expected one kind of record, got 0"},
        {"{\"body\":{\"oak_leaf\":{},\"x\":1}}", "body: expected one kind of record, got 2"},
        {"{\"body\":{\"elm\":{}}}", "body: unknown kind of record 'elm'"},
        {"{\"body\":{\"oak_leaf\":{}}}", "body.oak_leaf.yes: missing"},
        {"{\"body\":{\"oak_leaf\":{\"yes\":1}}}",
         "body.oak_leaf.yes: expected a boolean, got an integer"},
        {"{\"body\":[]}", "body: expected an object, got an array"},
        {"{\"maybe\":\"x\"}", "maybe: the text is no ISO 8601 time"},
        {"{\"tetx\":1}", "unknown field 'tetx' (did you mean 'text'?)"},
        {"{\"colour\":\"RED\",\"quite other\":1}", "unknown field 'quite other'"},
    };

    (void)state;
    check_faults(&t_small, cases, EGW_COUNT(cases));
}

static void test_faults_in_an_event_name_the_whole_path(void **state)
{
#define HEAD                                                                                       \
    "{\"event_id\":\"1\",\"event_type\":\"opened\",\"partner\":\"p\",\"customer\":\"c\","          \
    "\"case_id\":\"k\",\"occurred_at\":1"
    static const struct fault_case cases[] = {
        {HEAD ",\"diagnosis\":[{\"kind\":\"check\",\"step\":\"s\"},{\"kind\":4}]}",
         "diagnosis[1].kind: expected a text, got an integer"},
        {HEAD ",\"diagnosis\":[{\"kind\":\"check\",\"stepp\":\"s\"}]}",
         "diagnosis[0]: unknown field 'stepp' (did you mean 'step'?)"},
        {HEAD ",\"servce\":\"x\"}", "unknown field 'servce' (did you mean 'service'?)"},
        {HEAD ",\"contact\":{\"name\":false}}", "contact.name: expected a text, got a boolean"},
        {"{\"event_id\":\"1\"}", "event_type: missing"},
    };
#undef HEAD

    (void)state;
    check_faults(&egw_type_support_event, cases, EGW_COUNT(cases));
}

static void test_hostile_texts_are_refused_with_their_position(void **state)
{
    static const struct fault_case cases[] = {
        {"", "line 1 column 0: unexpected token near end of file"},
        {"{\"text\":\"a\",\"text\":\"b\"}", "line 1 column 18: duplicate object key"},
        {"{\"real\":1e400}", "line 1 column 13: real number overflow"},
        {"{\"big\":-0}", "line 1 column 8: -0 is not allowed"},
        {"{\"big\":9223372036854775808}", "line 1 column 26: too big integer"},
        {"{\"big\":-9223372036854775809}", "line 1 column 27: too big negative integer"},
        {"{\"real\":NaN}", "line 1 column 11: invalid token"},
        {"{\"real\":Infinity}", "line 1 column 16: invalid token"},
        {"\xEF\xBB\xBF{}", "line 1 column 1: a byte order mark is not allowed"},
        {"{}\n{}", "line 2 column 1: end of file expected"},
        {"{} x", "line 1 column 4: end of file expected"},
        {"{\n \"text\": \"é\\u0000\"}", "line 2 column 12: \\u0000 is not allowed in a text"},
        {"{\"text\\u0000\":1}", "line 1 column 7: \\u0000 is not allowed in a text"},
        {"{\"text\":\"\\ud800\"}", "line 1 column 16: invalid Unicode '\\uD800'"},
        {"{\"text\":\"\xff\"}", "line 1 column 9: unable to decode byte 0xff"},
        {"{\"text\":\"\xed\xa0\x80\"}", "line 1 column 9: unable to decode byte 0xed"},
        {"{\"text\":\"a\nb\"}", "line 1 column 10: unexpected newline"},
        {"{\"text\":\"secret", "line 1 column 15: premature end of input"},
        {"{\"text\":\"\\", "line 1 column 10: invalid escape"},
        {"{\"text\": secret}", "line 1 column 15: invalid token"},
        {"{'text':1}", "line 1 column 2: string or '}' expected"},
        {"{\"text\":\"a\",}", "line 1 column 13: string or '}' expected"},
    };

    (void)state;
    check_faults(&t_small, cases, EGW_COUNT(cases));
}

static void test_a_nul_byte_is_refused(void **state)
{
    static const char json[] = "{\"text\":\0\"a\"}";
    struct egw_arena arena = {0};
    struct egw_error err;
    struct small small;

    (void)state;
    assert_int_equal(
        egw_json_read((struct egw_str){json, sizeof(json) - 1}, &t_small, &arena, &small, &err),
        EGW_INVALID);
    assert_string_equal(err.text, "line 1 column 9: a NUL byte is not allowed");
}

static enum egw_status read_nested(size_t depth, struct egw_error *err)
{
    static char json[20100];
    struct egw_arena arena = {0};
    struct small small;
    enum egw_status st;

    memset(json, '[', depth);
    memset(json + depth, ']', depth);
    st = egw_json_read((struct egw_str){json, 2 * depth}, &t_small, &arena, &small, err);
    egw_arena_free(&arena);
    return st;
}

static void test_depth_ends_at_32(void **state)
{
    struct egw_error err;

    (void)state;
    assert_int_equal(read_nested(32, &err), EGW_INVALID);
    assert_string_equal(err.text, "expected an object, got an array");
    assert_int_equal(read_nested(33, &err), EGW_INVALID);
    assert_string_equal(err.text, "line 1 column 33: nested deeper than 32");
    assert_int_equal(read_nested(10000, &err), EGW_INVALID);
    assert_string_equal(err.text, "line 1 column 33: nested deeper than 32");
}

static void test_brackets_and_escapes_inside_texts_are_no_nesting(void **state)
{
    struct egw_arena arena = {0};
    struct egw_error err;
    struct small small;

    (void)state;
    assert_int_equal(egw_json_read(EGW_STR("{\"text\":\"\\\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["
                                           " -0 \\\\u0000\"}"),
                                   &t_small, &arena, &small, &err),
                     EGW_OK);
    assert_true(egw_str_is(small.text, "\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[ -0 \\u0000"));
    egw_arena_free(&arena);
}

static void test_absent_fields_take_their_default(void **state)
{
    struct egw_arena arena = {0};
    struct small small;

    (void)state;
    memset(&small, 0xAA, sizeof(small));
    assert_int_equal(egw_json_read(EGW_STR(" {} "), &t_small, &arena, &small, NULL), EGW_OK);
    assert_true(egw_str_is(small.text, ""));
    assert_int_equal(small.seven, 7);
    assert_true(egw_str_is(small.word, "global"));
    assert_false(small.maybe.has);
    assert_int_equal(small.names.n, 0);
}

static void test_times_are_read_in_every_form(void **state)
{
    static const char *const forms[] = {
        "{\"at\":\"2026-01-05T08:10:00Z\"}",
        "{\"at\":\"2026-01-05T08:10:00.000Z\"}",
        "{\"at\":\"2026-01-05T10:10:00+02:00\"}",
        "{\"at\":1767600600000}",
    };

    (void)state;
    for (size_t i = 0; i < EGW_COUNT(forms); i++) {
        struct egw_arena arena = {0};
        struct small small;

        assert_int_equal(egw_json_read(egw_str_of(forms[i]), &t_small, &arena, &small, NULL),
                         EGW_OK);
        assert_int_equal(small.at, 1767600600000);
    }
}

static void test_an_integer_is_a_number_for_a_real_field(void **state)
{
    struct egw_arena arena = {0};
    struct small small;

    (void)state;
    assert_int_equal(
        egw_json_read(EGW_STR("{\"real\":5,\"single\":-2}"), &t_small, &arena, &small, NULL),
        EGW_OK);
    assert_true(small.real == 5.0 && small.single == -2.0f);
}

/* ---- writing ---- */

static struct small shown_small(void)
{
    static struct leaf leaf = {true};
    static struct egw_str names[] = {{"a", 1}, {"b", 1}};
    static struct egw_pair extra[] = {{{"k", 1}, {"v", 1}}};

    return (struct small){
        .text = EGW_STR("\"é\x02"),
        .hex = EGW_STR("\x01\xff"),
        .at = 1767600600000,
        .real = 0.1,
        .single = 0.5f,
        .id = {0xab, 0x01},
        .colour = GREEN,
        .names = {names, 2},
        .extra = {extra, 1},
        .body = {0, &leaf},
        .maybe = {true, INT64_MAX},
        .seven = 7,
        .word = EGW_STR("global"),
    };
}

static void check_written(enum egw_json_style style, const char *expected)
{
    struct small small = shown_small();
    struct egw_buf buf = {0};

    assert_int_equal(egw_json_write(&t_small, &small, style, NULL, &buf, NULL), EGW_OK);
    assert_int_equal(egw_buf_put(&buf, "", 1), EGW_OK);
    assert_string_equal((char *)buf.p, expected);
    egw_buf_free(&buf);
}

static void test_a_line_leaves_defaults_out(void **state)
{
    (void)state;
    check_written(EGW_JSON_LINE,
                  "{\"text\":\"\\\"é\\u0002\",\"hex\":\"01ff\",\"at\":\"2026-01-05T08:10:00.000Z\","
                  "\"single\":0.5,\"real\":0.1,\"id\":\"ab01\",\"colour\":\"GREEN\","
                  "\"names\":[\"a\",\"b\"],\"extra\":{\"k\":\"v\"},"
                  "\"body\":{\"oak_leaf\":{\"yes\":true}},\"maybe\":9223372036854775807}");
}

static void test_full_shows_every_field(void **state)
{
    (void)state;
    check_written(EGW_JSON_FULL,
                  "{\"text\":\"\\\"é\\u0002\",\"hex\":\"01ff\",\"number\":0,\"big\":0,"
                  "\"at\":\"2026-01-05T08:10:00.000Z\",\"yes\":false,"
                  "\"single\":0.5,\"real\":0.1,\"id\":\"ab01\",\"colour\":\"GREEN\","
                  "\"names\":[\"a\",\"b\"],\"extra\":{\"k\":\"v\"},"
                  "\"body\":{\"oak_leaf\":{\"yes\":true}},\"maybe\":9223372036854775807,"
                  "\"maybe_real\":null,\"seven\":7,\"word\":\"global\"}");
}

static void test_pretty_is_indented_by_two(void **state)
{
    (void)state;
    check_written(EGW_JSON_PRETTY, "{\n"
                                   "  \"text\": \"\\\"é\\u0002\",\n"
                                   "  \"hex\": \"01ff\",\n"
                                   "  \"at\": \"2026-01-05T08:10:00.000Z\",\n"
                                   "  \"single\": 0.5,\n"
                                   "  \"real\": 0.1,\n"
                                   "  \"id\": \"ab01\",\n"
                                   "  \"colour\": \"GREEN\",\n"
                                   "  \"names\": [\n"
                                   "    \"a\",\n"
                                   "    \"b\"\n"
                                   "  ],\n"
                                   "  \"extra\": {\n"
                                   "    \"k\": \"v\"\n"
                                   "  },\n"
                                   "  \"body\": {\n"
                                   "    \"oak_leaf\": {\n"
                                   "      \"yes\": true\n"
                                   "    }\n"
                                   "  },\n"
                                   "  \"maybe\": 9223372036854775807\n"
                                   "}");
}

static void test_reals_come_back_exactly(void **state)
{
    static const double values[] = {0.1, 1.0 / 3, -0.0, 5e-324, 1.7976931348623157e308, 1e22, -1};

    (void)state;
    for (size_t i = 0; i < EGW_COUNT(values); i++) {
        struct egw_arena arena = {0};
        struct egw_buf buf = {0};
        struct small small = shown_small(), back;

        small.real = values[i];
        small.single = (float)(1.0 / 3);
        assert_int_equal(egw_json_write(&t_small, &small, EGW_JSON_FULL, NULL, &buf, NULL), EGW_OK);
        assert_int_equal(egw_json_read(egw_buf_str(&buf), &t_small, &arena, &back, NULL), EGW_OK);
        assert_memory_equal(&back.real, &values[i], sizeof(double));
        assert_true(back.single == small.single);
        egw_arena_free(&arena);
        egw_buf_free(&buf);
    }
}

static void test_what_has_no_json_form_is_refused_and_leaves_the_buffer(void **state)
{
    struct egw_buf buf = {0};
    struct egw_error err;
    struct small small = shown_small();

    (void)state;
    assert_int_equal(egw_buf_put(&buf, "before", 6), EGW_OK);
    small.colour = 2;
    assert_int_equal(egw_json_write(&t_small, &small, EGW_JSON_LINE, NULL, &buf, &err),
                     EGW_INVALID);
    assert_string_equal(err.text, "colour: there is no symbol 2");
    small = shown_small();
    small.body.branch = 1;
    assert_int_equal(egw_json_write(&t_small, &small, EGW_JSON_LINE, NULL, &buf, &err),
                     EGW_INVALID);
    assert_string_equal(err.text, "body: there is no branch 1");
    small = shown_small();
    small.real = (double)NAN;
    assert_int_equal(egw_json_write(&t_small, &small, EGW_JSON_LINE, NULL, &buf, &err),
                     EGW_INVALID);
    assert_string_equal(err.text, "real: JSON has no form for a number that is not finite");
    assert_int_equal(buf.n, 6);
    egw_buf_free(&buf);
}

static void test_the_ceiling_of_the_buffer_holds(void **state)
{
    struct egw_buf buf = {.max = 40};
    struct egw_error err;
    struct small small = shown_small();

    (void)state;
    assert_int_equal(egw_json_write(&t_small, &small, EGW_JSON_LINE, NULL, &buf, &err), EGW_NOMEM);
    assert_string_equal(err.text, "the JSON text is larger than allowed");
    assert_int_equal(buf.n, 0);
    egw_buf_free(&buf);
}

static void test_the_ceiling_of_the_arena_holds(void **state)
{
    struct egw_arena arena = {.max = 8};
    struct egw_error err;
    struct small small;

    (void)state;
    assert_int_equal(
        egw_json_read(EGW_STR("{\"text\":\"more than eight\"}"), &t_small, &arena, &small, &err),
        EGW_NOMEM);
    assert_string_equal(err.text, "the record needs more memory than allowed");
    egw_arena_free(&arena);
}

static void test_broken_utf8_becomes_replacement_characters(void **state)
{
#define BAD "\xEF\xBF\xBD"
    static const struct {
        const char *in, *out;
    } cases[] = {
        {"a\xff", "\"a" BAD "\""},
        {"\xE2\x82", "\"" BAD "\""}, /* cut short: one mark */
        {"\xE2\x82z", "\"" BAD "z\""},
        {"\xC0\xAF", "\"" BAD BAD "\""},         /* over-long */
        {"\xED\xA0\x80", "\"" BAD BAD BAD "\""}, /* surrogate */
        {"\xF4\x90\x80\x80", "\"" BAD BAD BAD BAD "\""},
        {"\x80\xF0\x9F\x98\x80", "\"" BAD "😀\""},
        {"\b\f\n\r\t/\x7f", "\"\\b\\f\\n\\r\\t/\x7f\""},
        {"", "\"\""},
    };

    (void)state;
    for (size_t i = 0; i < EGW_COUNT(cases); i++) {
        struct egw_buf buf = {0};

        assert_int_equal(egw_json_string(egw_str_of(cases[i].in), &buf), EGW_OK);
        assert_int_equal(egw_buf_put(&buf, "", 1), EGW_OK);
        assert_string_equal((char *)buf.p, cases[i].out);
        egw_buf_free(&buf);
    }
#undef BAD
}

/* ---- framed records inside bytes ---- */

static struct egw_case_entry entry_with_event(struct egw_str event)
{
    return (struct egw_case_entry){
        .version = 1,
        .partner = EGW_STR("p"),
        .customer = EGW_STR("c"),
        .case_id = EGW_STR("k"),
        .action = EGW_STR("HELD"),
        .facts_offset = -1,
        .event = event,
    };
}

static void check_event_shown(struct egw_str event, const struct egw_plans *plans,
                              const char *expected)
{
    struct egw_case_entry entry = entry_with_event(event);
    struct egw_buf buf = {0};
    const char *shown;

    assert_int_equal(egw_json_write(&egw_type_case_entry, &entry, EGW_JSON_LINE, plans, &buf, NULL),
                     EGW_OK);
    assert_int_equal(egw_buf_put(&buf, "", 1), EGW_OK);
    shown = strstr((char *)buf.p, "\"event\":");
    assert_non_null(shown);
    assert_string_equal(shown, expected);
    egw_buf_free(&buf);
}

static void test_a_framed_record_in_bytes_is_shown_as_that_record(void **state)
{
    struct egw_support_event event = {
        .event_id = EGW_STR("e1"),
        .event_type = EGW_STR("opened"),
        .partner = EGW_STR("p"),
        .customer = EGW_STR("c"),
        .case_id = EGW_STR("k"),
        .occurred_at = 1767600600000,
        .title = EGW_STR("é"),
    };
    struct egw_framing framing = {.confluent = false};
    struct egw_plans *plans = NULL;
    struct egw_buf bytes = {0};

    (void)state;
    assert_int_equal(egw_plans_builtin(&plans, NULL), EGW_OK);
    assert_int_equal(egw_encode_framed(&framing, &egw_type_support_event, &event, &bytes, NULL),
                     EGW_OK);
    check_event_shown(egw_buf_str(&bytes), plans,
                      "\"event\":{\"event_id\":\"e1\",\"event_type\":\"opened\","
                      "\"partner\":\"p\",\"customer\":\"c\",\"case_id\":\"k\","
                      "\"occurred_at\":\"2026-01-05T08:10:00.000Z\",\"title\":\"é\"}}");
    egw_plans_free(plans);
    egw_buf_free(&bytes);
}

static void test_bytes_that_are_no_record_we_read_are_hex(void **state)
{
    struct egw_plans *plans = NULL;

    (void)state;
    assert_int_equal(egw_plans_builtin(&plans, NULL), EGW_OK);
    check_event_shown(EGW_STR("\xC3\x01\x01\x02\x03\x04\x05\x06\x07\x08x"), plans,
                      "\"event\":\"c301010203040506070878\"}");
    check_event_shown(EGW_STR("\x01"), plans, "\"event\":\"01\"}");
    check_event_shown(EGW_STR(""), plans, "\"event\":\"\"}");
    check_event_shown(EGW_STR("\xC3\x01"), NULL, "\"event\":\"c301\"}");
    egw_plans_free(plans);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_record_comes_back_from_every_style),
        cmocka_unit_test(test_a_wrong_type_is_refused_by_field_name),
        cmocka_unit_test(test_faults_in_an_event_name_the_whole_path),
        cmocka_unit_test(test_hostile_texts_are_refused_with_their_position),
        cmocka_unit_test(test_a_nul_byte_is_refused),
        cmocka_unit_test(test_depth_ends_at_32),
        cmocka_unit_test(test_brackets_and_escapes_inside_texts_are_no_nesting),
        cmocka_unit_test(test_absent_fields_take_their_default),
        cmocka_unit_test(test_times_are_read_in_every_form),
        cmocka_unit_test(test_an_integer_is_a_number_for_a_real_field),
        cmocka_unit_test(test_a_line_leaves_defaults_out),
        cmocka_unit_test(test_full_shows_every_field),
        cmocka_unit_test(test_pretty_is_indented_by_two),
        cmocka_unit_test(test_reals_come_back_exactly),
        cmocka_unit_test(test_what_has_no_json_form_is_refused_and_leaves_the_buffer),
        cmocka_unit_test(test_the_ceiling_of_the_buffer_holds),
        cmocka_unit_test(test_the_ceiling_of_the_arena_holds),
        cmocka_unit_test(test_a_framed_record_in_bytes_is_shown_as_that_record),
        cmocka_unit_test(test_bytes_that_are_no_record_we_read_are_hex),
        cmocka_unit_test(test_broken_utf8_becomes_replacement_characters),
    };

    return cmocka_run_group_tests_name("json", tests, NULL, NULL);
}
