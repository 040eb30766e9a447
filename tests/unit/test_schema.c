#include "support.h"

#include <stdio.h>
#include <stdlib.h>

#include "egw/records.h"
#include "egw/schema.h"
#include "forms.h"

/* ---- readers of one field "v"; what was read is looked at as we would write it ---- */

#define TYPE(var, tag, ctype, ...)                                                                 \
    static const struct egw_type var = {                                                           \
        .kind = tag, .size = sizeof(ctype), .default_symbol = -1, __VA_ARGS__}
#define READER(var, field_type)                                                                    \
    static const struct egw_field var##_f[] = {{.name = "v", .type = &(field_type)}};              \
    static const struct egw_type var = {.kind = EGW_K_RECORD,                                      \
                                        .name = "ours.One",                                        \
                                        .size = 64,                                                \
                                        .fields = var##_f,                                         \
                                        .field_count = 1,                                          \
                                        .default_symbol = -1}

static const char *const sizes[] = {"SMALL", "LARGE", "OTHER"};

TYPE(boolean_t, EGW_K_BOOLEAN, bool, .name = NULL);
TYPE(int_t, EGW_K_INT, int32_t, .name = NULL);
TYPE(long_t, EGW_K_LONG, int64_t, .name = NULL);
TYPE(float_t_, EGW_K_FLOAT, float, .name = NULL);
TYPE(double_t_, EGW_K_DOUBLE, double, .name = NULL);
TYPE(string_t, EGW_K_STRING, struct egw_str, .name = NULL);
TYPE(bytes_t, EGW_K_BYTES, struct egw_str, .name = NULL);
TYPE(time_t_, EGW_K_LONG, int64_t, .logical = EGW_L_TIMESTAMP_MS);
TYPE(opt_long_t, EGW_K_OPTION, struct egw_opt_i64, .item = &long_t);
TYPE(opt_string_t, EGW_K_OPTION, struct egw_str, .item = &string_t);
TYPE(strings_t, EGW_K_ARRAY, struct egw_list, .item = &string_t);
static const struct egw_type size_t_ = {.kind = EGW_K_ENUM,
                                        .name = "ours.Size",
                                        .size = sizeof(int32_t),
                                        .symbols = sizes,
                                        .symbol_count = 3,
                                        .default_symbol = -1};
static const struct egw_type size_or_other_t = {.kind = EGW_K_ENUM,
                                                .name = "ours.Size",
                                                .size = sizeof(int32_t),
                                                .symbols = sizes,
                                                .symbol_count = 3,
                                                .default_symbol = 2};
static const struct egw_type fixed_t = {
    .kind = EGW_K_FIXED,
    .name = "ours.Two",
    .size = 2,
    .default_symbol = -1,
    .aliases = (const char *const[]){"old.Pair", NULL},
};
TYPE(opt_size_t, EGW_K_OPTION, struct egw_opt_i32, .item = &size_t_);
TYPE(opt_fixed_t, EGW_K_OPTION, unsigned char *, .item = &fixed_t);

READER(r_boolean, boolean_t);
READER(r_int, int_t);
READER(r_long, long_t);
READER(r_float, float_t_);
READER(r_double, double_t_);
READER(r_string, string_t);
READER(r_bytes, bytes_t);
READER(r_time, time_t_);
READER(r_opt_long, opt_long_t);
READER(r_opt_string, opt_string_t);
READER(r_strings, strings_t);
READER(r_size, size_t_);
READER(r_size_or_other, size_or_other_t);
READER(r_fixed, fixed_t);
READER(r_opt_size, opt_size_t);
READER(r_opt_fixed, opt_fixed_t);

#define ONE(type)                                                                                  \
    "{\"type\":\"record\",\"name\":\"One\",\"namespace\":\"theirs\",\"fields\":["                  \
    "{\"name\":\"v\",\"type\":" type "}]}"
#define SIZE_ENUM(symbols) "{\"type\":\"enum\",\"name\":\"Size\",\"symbols\":[" symbols "]}"
#define PAIR(name, n)      "{\"type\":\"fixed\",\"name\":\"" name "\",\"size\":" n "}"

static struct egw_error err;

/* Decodes bytes of a writer and gives back what the reader's own form of it is. */
static enum egw_status convert(const char *writer, const struct egw_type *reader,
                               struct egw_str bytes, struct egw_buf *out)
{
    struct egw_arena arena = {0};
    struct egw_plan *plan = NULL;
    void *record = malloc(reader->size);
    enum egw_status st = egw_plan_new(egw_str_of(writer), reader, &plan, &err);

    assert_non_null(record);
    if (!st)
        st = egw_decode(plan, bytes.p, bytes.n, &arena, record, &err);
    if (!st)
        assert_int_equal(egw_encode(reader, record, out, &err), EGW_OK);
    egw_plan_free(plan);
    egw_arena_free(&arena);
    free(record);
    return st;
}

struct conversion {
    const char *what, *writer;
    const struct egw_type *reader;
    struct egw_str in, out;
};

static void check_conversions(const struct conversion *cases, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct egw_buf out = {0};
        enum egw_status st = convert(cases[i].writer, cases[i].reader, cases[i].in, &out);

        if (st || !egw_str_eq(egw_buf_str(&out), cases[i].out))
            fail_msg("%s: %s", cases[i].what, st ? err.text : "other bytes than expected");
        egw_buf_free(&out);
    }
}

struct refusal {
    const char *writer;
    const struct egw_type *reader;
    struct egw_str in;
    const char *sentence;
};

static void check_refusals(const struct refusal *cases, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct egw_buf out = {0};

        assert_int_equal(convert(cases[i].writer, cases[i].reader, cases[i].in, &out), EGW_INVALID);
        assert_string_equal(err.text, cases[i].sentence);
        egw_buf_free(&out);
    }
}

#define B(literal) EGW_STR(literal)

static void test_numbers_widen_as_avro_promotes_them(void **state)
{
    static const struct conversion cases[] = {
        {"int to long", ONE("\"int\""), &r_long, B("\x03"), B("\x03")},
        {"int to float", ONE("\"int\""), &r_float, B("\x03"), B("\x00\x00\x00\xc0")},
        {"int to double", ONE("\"int\""), &r_double, B("\x03"),
         B("\x00\x00\x00\x00\x00\x00\x00\xc0")},
        {"long to float", ONE("\"long\""), &r_float, B("\x02"), B("\x00\x00\x80\x3f")},
        {"long to double", ONE("\"long\""), &r_double, B("\x02"),
         B("\x00\x00\x00\x00\x00\x00\xf0\x3f")},
        {"float to double", ONE("\"float\""), &r_double, B("\x00\x00\x80\x3f"),
         B("\x00\x00\x00\x00\x00\x00\xf0\x3f")},
        {"string to bytes", ONE("\"string\""), &r_bytes,
         B("\x02"
           "a"),
         B("\x02"
           "a")},
        {"bytes to string", ONE("\"bytes\""), &r_string, B("\x02\xff"), B("\x02\xff")},
        {"boolean", ONE("\"boolean\""), &r_boolean, B("\x01"), B("\x01")},
        {"int to a time", ONE("\"int\""), &r_time, B("\x02"), B("\x02")},
        {"items of a list", ONE("{\"type\":\"array\",\"items\":\"bytes\"}"), &r_strings,
         B("\x02\x02"
           "a\x00"),
         B("\x02\x02"
           "a\x00")},
    };

    (void)state;
    check_conversions(cases, EGW_COUNT(cases));
}

static void test_numbers_do_not_narrow(void **state)
{
    static const struct refusal cases[] = {
        {ONE("\"long\""), &r_int, {NULL, 0}, "v: the writer has long, we read int"},
        {ONE("\"double\""), &r_float, {NULL, 0}, "v: the writer has double, we read float"},
        {ONE("\"string\""), &r_long, {NULL, 0}, "v: the writer has string, we read long"},
        {ONE("\"int\""), &r_boolean, {NULL, 0}, "v: the writer has int, we read boolean"},
        {ONE("\"null\""), &r_string, {NULL, 0}, "v: the writer has null, we read string"},
        {ONE("\"string\""), &r_strings, {NULL, 0}, "v: the writer has string, we read array"},
        {ONE("{\"type\":\"array\",\"items\":\"int\"}"),
         &r_strings,
         {NULL, 0},
         "v[]: the writer has int, we read string"},
    };

    (void)state;
    check_refusals(cases, EGW_COUNT(cases));
}

static void test_unions_resolve_on_either_side(void **state)
{
    static const struct conversion cases[] = {
        {"plain to optional", ONE("\"long\""), &r_opt_long, B("\x06"), B("\x02\x06")},
        {"plain promoted to optional", ONE("\"int\""), &r_opt_long, B("\x06"), B("\x02\x06")},
        {"null to optional", ONE("\"null\""), &r_opt_long, B(""), B("\x00")},
        {"null last, absent", ONE("[\"long\",\"null\"]"), &r_opt_long, B("\x02"), B("\x00")},
        {"null last, present", ONE("[\"long\",\"null\"]"), &r_opt_long, B("\x00\x06"),
         B("\x02\x06")},
        {"null first, absent string", ONE("[\"null\",\"string\"]"), &r_opt_string, B("\x00"),
         B("\x00")},
        {"null last, string", ONE("[\"string\",\"null\"]"), &r_opt_string,
         B("\x00\x02"
           "a"),
         B("\x02\x02"
           "a")},
        {"union of three to optional", ONE("[\"int\",\"null\",\"long\"]"), &r_opt_long,
         B("\x04\x06"), B("\x02\x06")},
        {"union to plain", ONE("[\"null\",\"long\"]"), &r_long, B("\x02\x06"), B("\x06")},
        {"union of two numbers to plain", ONE("[\"int\",\"float\"]"), &r_double,
         B("\x02\x00\x00\x80\x3f"), B("\x00\x00\x00\x00\x00\x00\xf0\x3f")},
        {"union of one", ONE("[\"long\"]"), &r_long, B("\x00\x06"), B("\x06")},
        {"optional enum", ONE("[\"null\"," SIZE_ENUM("\"LARGE\"") "]"), &r_opt_size, B("\x02\x00"),
         B("\x02\x02")},
        {"optional fixed", ONE("[" PAIR("Two", "2") ",\"null\"]"), &r_opt_fixed,
         B("\x00"
           "xy"),
         B("\x02"
           "xy")},
    };

    (void)state;
    check_conversions(cases, EGW_COUNT(cases));
}

static void test_a_branch_without_a_place_is_refused_when_it_comes(void **state)
{
    static const struct refusal cases[] = {
        {ONE("[\"null\",\"long\"]"),
         &r_long,
         {"\x00", 1},
         "ours.One: v: the writer has null, we read long at byte 1: the writer chose a branch that "
         "is not read here"},
        {ONE("[\"null\",\"string\"]"),
         &r_opt_long,
         {"\x02\x02"
          "a",
          3},
         "ours.One: v: the writer has string, we read long at byte 1: the writer chose a branch "
         "that is not read here"},
        {ONE("[\"null\",\"string\"]"),
         &r_long,
         {NULL, 0},
         "v: the writer has a union, we read long"},
    };

    (void)state;
    check_refusals(cases, EGW_COUNT(cases));
}

static void test_enums_go_by_name(void **state)
{
    static const struct conversion cases[] = {
        {"same", ONE(SIZE_ENUM("\"SMALL\",\"LARGE\",\"OTHER\"")), &r_size, B("\x04"), B("\x04")},
        {"fewer symbols", ONE(SIZE_ENUM("\"SMALL\",\"LARGE\"")), &r_size, B("\x02"), B("\x02")},
        {"another order", ONE(SIZE_ENUM("\"LARGE\",\"SMALL\"")), &r_size, B("\x00"), B("\x02")},
        {"unknown symbol, default", ONE(SIZE_ENUM("\"SMALL\",\"HUGE\"")), &r_size_or_other,
         B("\x02"), B("\x04")},
        {"unknown symbol that does not come", ONE(SIZE_ENUM("\"SMALL\",\"HUGE\"")), &r_size,
         B("\x00"), B("\x00")},
    };
    static const struct refusal refusals[] = {
        {ONE(SIZE_ENUM("\"SMALL\",\"HUGE\"")),
         &r_size,
         {"\x02", 1},
         "ours.One: v at byte 0: symbol 1 of the writer's enum is not known here"},
        {ONE("{\"type\":\"enum\",\"name\":\"Colour\",\"symbols\":[\"RED\"]}"),
         &r_size,
         {NULL, 0},
         "v: the writer has enum theirs.Colour, we read enum ours.Size"},
    };

    (void)state;
    check_conversions(cases, EGW_COUNT(cases));
    check_refusals(refusals, EGW_COUNT(refusals));
}

static void test_fixed_goes_by_name_or_alias_and_size(void **state)
{
    static const struct conversion cases[] = {
        {"unqualified name", ONE(PAIR("Two", "2")), &r_fixed, B("xy"), B("xy")},
        {"alias", ONE(PAIR("old.Pair", "2")), &r_fixed, B("xy"), B("xy")},
    };
    static const struct refusal refusals[] = {
        {ONE(PAIR("Two", "3")), &r_fixed, {NULL, 0}, "v: the writer has 3 bytes, we read 2"},
        {ONE(PAIR("Pair", "2")),
         &r_fixed,
         {NULL, 0},
         "v: the writer has fixed theirs.Pair, we read fixed ours.Two"},
    };

    (void)state;
    check_conversions(cases, EGW_COUNT(cases));
    check_refusals(refusals, EGW_COUNT(refusals));
}

static void test_another_unit_of_time_is_refused(void **state)
{
    static const struct refusal cases[] = {
        {ONE("{\"type\":\"long\",\"logicalType\":\"timestamp-micros\"}"),
         &r_time,
         {NULL, 0},
         "v: the writer has timestamp-micros, we read timestamp-millis"},
    };

    (void)state;
    check_refusals(cases, EGW_COUNT(cases));
}

/* ---- fields ---- */

struct three {
    int64_t a;
    struct egw_str b;
    struct egw_str c;
    struct egw_list d;
};

static const struct egw_field three_fields[] = {
    {.name = "a",
     .type = &long_t,
     .offset = offsetof(struct three, a),
     .aliases = (const char *const[]){"alpha", NULL}},
    {.name = "b",
     .type = &string_t,
     .offset = offsetof(struct three, b),
     .has_default = true,
     .default_bytes = (const unsigned char *)"\x04hi",
     .default_n = 3},
    {.name = "c",
     .type = &opt_string_t,
     .offset = offsetof(struct three, c),
     .has_default = true,
     .default_bytes = (const unsigned char *)"\x00",
     .default_n = 1},
    {.name = "d",
     .type = &strings_t,
     .offset = offsetof(struct three, d),
     .has_default = true,
     .default_bytes = (const unsigned char *)"\x02\x02x\x00",
     .default_n = 4},
};
static const struct egw_type three_t = {.kind = EGW_K_RECORD,
                                        .name = "Three",
                                        .size = sizeof(struct three),
                                        .fields = three_fields,
                                        .field_count = 4,
                                        .default_symbol = -1};

#define THREE(fields) "{\"type\":\"record\",\"name\":\"Three\",\"fields\":[" fields "]}"
#define F(name, type) "{\"name\":\"" name "\",\"type\":" type "}"

static void test_fields_are_dropped_reordered_renamed_and_defaulted(void **state)
{
    static const struct conversion cases[] = {
        {"defaults, strings and lists too", THREE(F("a", "\"long\"")), &three_t, B("\x02"),
         B("\x02\x04hi\x00\x02\x02x\x00")},
        {"another order", THREE(F("b", "\"string\"") "," F("a", "\"int\"")), &three_t,
         B("\x02"
           "b\x02"),
         B("\x02\x02"
           "b\x00\x02\x02x\x00")},
        {"alias", THREE(F("alpha", "\"long\"")), &three_t, B("\x04"),
         B("\x04\x04hi\x00\x02\x02x\x00")},
        {"name before alias", THREE(F("alpha", "\"long\"") "," F("a", "\"long\"")), &three_t,
         B("\x04\x06"), B("\x06\x04hi\x00\x02\x02x\x00")},
        {"dropped: every kind",
         THREE(F("z0", "\"boolean\"") "," F("z1", "\"int\"") "," F("z2", "\"long\"") "," F(
             "z3",
             "\"f"
             "loa"
             "t"
             "\"") "," F("z4",
                         "\"double\"") "," F("z5",
                                             "\"bytes\"") "," F("z6",
                                                                PAIR(
                                                                    "Z",
                                                                    "3")) "," F("z7",
                                                                                SIZE_ENUM(
                                                                                    "\"A\","
                                                                                    "\"B\"")) "," F("z8",
                                                                                                    "{\"type\":\"map\",\"values\":"
                                                                                                    "\"long\"}") "," F("z9",
                                                                                                                       "[\"null\","
                                                                                                                       "\"Size\"]") "," F("a",
                                                                                                                                          "\"long\"") "," F("z10",
                                                                                                                                                            "\"null\"")),
         &three_t,
         B("\x01\x02\x04"
           "ffff"
           "dddddddd"
           "\x02"
           "b"
           "zzz"
           "\x02"
           "\x02\x02k\x06\x00"
           "\x02\x00"
           "\x08"),
         B("\x08\x04hi\x00\x02\x02x\x00")},
        {"dropped: a record that contains itself",
         THREE(
             F("tree",
               "{\"type\":\"record\",\"name\":\"Tree\",\"fields\":[" F(
                   "sub", "{\"type\":\"array\",\"items\":\"Tree\"}") "]}") "," F("a", "\"long\"")),
         &three_t, B("\x04\x00\x02\x00\x00\x00\x08"), B("\x08\x04hi\x00\x02\x02x\x00")},
    };

    (void)state;
    check_conversions(cases, EGW_COUNT(cases));
}

static void test_a_missing_field_without_default_is_named(void **state)
{
    static const struct refusal cases[] = {
        {THREE(F("b", "\"string\"")),
         &three_t,
         {NULL, 0},
         "a: the writer has no such field, and it has no default"},
    };

    (void)state;
    check_refusals(cases, EGW_COUNT(cases));
}

static void test_a_field_of_a_nested_record_is_named_by_its_path(void **state)
{
    struct egw_plan *plan;

    (void)state;
    assert_int_equal(
        egw_plan_new(EGW_STR("{\"type\":\"record\",\"name\":\"CaseEntry\",\"fields\":["
                             "{\"name\":\"recent\",\"type\":{\"type\":\"array\",\"items\":"
                             "{\"type\":\"record\",\"name\":\"SeenEvent\",\"fields\":["
                             "{\"name\":\"event_id\",\"type\":\"long\"}]}}}]}"),
                     &egw_type_case_entry, &plan, &err),
        EGW_INVALID);
    assert_string_equal(err.text, "recent[].event_id: the writer has long, we read string");
}

static void test_records_of_other_names_are_refused(void **state)
{
    static const struct refusal cases[] = {
        {"{\"type\":\"record\",\"name\":\"x.Four\",\"fields\":[]}",
         &three_t,
         {NULL, 0},
         "Three: the writer has record x.Four, we read record Three"},
        {"\"string\"", &three_t, {NULL, 0}, "Three: the writer has string, we read record Three"},
    };

    (void)state;
    check_refusals(cases, EGW_COUNT(cases));
}

/* ---- hostile schemas ---- */

static void refuse_text(const char *text, size_t n, const char *sentence)
{
    struct egw_plan *plan = NULL;

    assert_int_equal(egw_plan_new((struct egw_str){text, n}, &three_t, &plan, &err), EGW_INVALID);
    assert_null(plan);
    assert_string_equal(err.text, sentence);
}

static void test_d07_a_schema_of_more_than_64_kib_is_refused(void **state)
{
    char *text = calloc(1, 65537);

    (void)state;
    assert_non_null(text);
    memset(text, ' ', 65537);
    refuse_text(text, 65537, "schema of 65537 bytes, at most 65536 are read");
    free(text);
}

static void test_d07_a_schema_nested_100_kb_deep_is_refused_before_it_is_parsed(void **state)
{
    char *text = malloc(60000);

    (void)state;
    assert_non_null(text);
    memset(text, '[', 60000);
    refuse_text(text, 60000, "schema is nested deeper than 64");
    free(text);
}

static void test_brackets_in_strings_are_no_depth(void **state)
{
    static const char doc[] =
        "{\"type\":\"record\",\"name\":\"Three\",\"doc\":\"\\\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["
        "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\",\"fields\":[" F("a", "\"long\"") "]}";
    struct egw_plan *plan;

    (void)state;
    assert_int_equal(egw_plan_new(egw_str_of(doc), &three_t, &plan, &err), EGW_OK);
    egw_plan_free(plan);
}

static void test_malformed_schemas_are_refused_with_a_reason(void **state)
{
    static const struct {
        const char *text, *sentence;
    } cases[] = {
        {"", "schema is not JSON: line 1: '[' or '{' expected near end of file"},
        {"7", "a schema is a name, an object or a list"},
        {"{}", "a schema object without a type"},
        {"\"nothing\"", "type 'nothing' is not defined"},
        {"\"a b\"", "'a b' is no name of a type"},
        {"[]", "a union without branches"},
        {"[\"int\",[\"null\"]]", "a union directly inside a union"},
        {"{\"type\":\"array\"}", "a list without the type of its items"},
        {"{\"type\":\"record\",\"name\":\"A\"}", "a record without a list of fields"},
        {"{\"type\":\"record\",\"name\":\"1\",\"fields\":[]}", "a type has no valid name"},
        {"{\"type\":\"enum\",\"name\":\"A\",\"symbols\":[]}", "an enum without symbols"},
        {"{\"type\":\"enum\",\"name\":\"A\",\"symbols\":[\"x y\"]}",
         "symbol 0 is not a valid name"},
        {"{\"type\":\"fixed\",\"name\":\"A\",\"size\":-1}", "a fixed without a valid size"},
        {"{\"type\":\"fixed\",\"name\":\"A\",\"size\":4294967296}", "a fixed without a valid size"},
        {THREE(F("a", "\"int\"") "," F("a", "\"int\"")), "field 'a' is there twice"},
        {THREE(F("a", PAIR("P", "1")) "," F("b", PAIR("P", "1"))),
         "field 'b': type 'P' is defined twice"},
        {THREE("{\"name\":\"a\"}"), "field 'a' has no type"},
        {THREE("{\"type\":\"int\"}"), "a field has no valid name"},
    };

    (void)state;
    for (size_t i = 0; i < EGW_COUNT(cases); i++) {
        struct egw_plan *plan;

        assert_int_equal(egw_plan_new(egw_str_of(cases[i].text), &three_t, &plan, &err),
                         EGW_INVALID);
        if (i) /* the words of the first are the JSON library's */
            assert_string_equal(err.text, cases[i].sentence);
    }
}

static void test_dropped_records_that_multiply_without_bytes_are_cut_off(void **state)
{
    struct egw_buf text = {0};
    struct egw_arena arena = {0};
    struct egw_plan *plan;
    struct three out;

    (void)state;
    /* R0 holds two R1, that two R2 ...: 2^40 empty records in no bytes. Defined innermost first. */
    assert_int_equal(egw_buf_printf(&text, "{\"type\":\"record\",\"name\":\"Three\",\"fields\":["
                                           "{\"name\":\"r40\",\"type\":{\"type\":\"record\","
                                           "\"name\":\"R40\",\"fields\":[]}}"),
                     EGW_OK);
    for (int i = 39; i >= 0; i--)
        assert_int_equal(egw_buf_printf(&text,
                                        ",{\"name\":\"r%d\",\"type\":{\"type\":\"record\","
                                        "\"name\":\"R%d\",\"fields\":["
                                        "{\"name\":\"x\",\"type\":\"R%d\"},"
                                        "{\"name\":\"y\",\"type\":\"R%d\"}]}}",
                                        i, i, i + 1, i + 1),
                         EGW_OK);
    assert_int_equal(egw_buf_printf(&text, ",{\"name\":\"a\",\"type\":\"long\"}]}"), EGW_OK);
    assert_int_equal(egw_plan_new(egw_buf_str(&text), &three_t, &plan, &err), EGW_OK);
    assert_int_equal(egw_decode(plan, "\x02", 1, &arena, &out, &err), EGW_INVALID);
    assert_non_null(strstr(err.text, "more dropped records than the input can hold"));
    egw_plan_free(plan);
    egw_arena_free(&arena);
    egw_buf_free(&text);
}

static void test_dropped_records_nested_deeper_than_64_are_refused(void **state)
{
    static const char tree[] =
        THREE(F("tree", "{\"type\":\"record\",\"name\":\"Tree\",\"fields\":[" F(
                            "sub", "[\"null\",\"Tree\"]") "]}") "," F("a", "\"long\""));
    struct egw_arena arena = {0};
    unsigned char bytes[80];
    struct egw_plan *plan;
    struct three out;

    (void)state;
    memset(bytes, 0x02, sizeof(bytes)); /* a tree in a tree in a tree */
    assert_int_equal(egw_plan_new(egw_str_of(tree), &three_t, &plan, &err), EGW_OK);
    assert_int_equal(egw_decode(plan, bytes, sizeof(bytes), &arena, &out, &err), EGW_INVALID);
    assert_non_null(strstr(err.text, "nested deeper than 64"));
    egw_plan_free(plan);
    egw_arena_free(&arena);
}

static void test_few_bytes_cannot_ask_for_much_memory(void **state)
{
    /* items that take no bytes, because the writer has none of their fields, and are large in C */
    static const struct egw_type item = {.kind = EGW_K_RECORD,
                                         .name = "Three",
                                         .size = sizeof(struct three),
                                         .fields = three_fields + 1,
                                         .field_count = 3,
                                         .default_symbol = -1};
    static const struct egw_type items = {
        .kind = EGW_K_ARRAY, .size = sizeof(struct egw_list), .item = &item, .default_symbol = -1};
    static const struct egw_field f[] = {{.name = "v", .type = &items}};
    static const struct egw_type reader = {.kind = EGW_K_RECORD,
                                           .name = "One",
                                           .size = sizeof(struct egw_list),
                                           .fields = f,
                                           .field_count = 1,
                                           .default_symbol = -1};
    struct egw_arena arena = {0};
    struct egw_plan *plan;
    struct egw_list out;

    (void)state;
    assert_int_equal(egw_plan_new(EGW_STR(ONE("{\"type\":\"array\",\"items\":" THREE("") "}")),
                                  &reader, &plan, &err),
                     EGW_OK);
    /* 4000 items: 224,000 bytes, more than 64 KiB + 64 x what is there */
    assert_int_equal(egw_decode(plan, "\xc0\x3e\x00", 3, &arena, &out, &err), EGW_INVALID);
    assert_string_equal(err.text,
                        "One: v at byte 2: needs more memory than 3 bytes of input may ask for");
    assert_true(arena.used <= 65536 + 64 * 3);
    /* as many as memory allows are read, each with its defaults */
    egw_arena_reset(&arena);
    assert_int_equal(egw_decode(plan, "\xc8\x01\x00", 3, &arena, &out, &err), EGW_OK);
    assert_int_equal(out.n, 100);
    assert_true(egw_str_is(((struct three *)out.p)[99].b, "hi"));
    egw_plan_free(plan);
    egw_arena_free(&arena);
}

/* ---- names and fingerprints ---- */

static void test_fingerprints_are_those_of_the_canonical_form(void **state)
{
    /* values of the Avro project's own test file, share/test/data/schema-tests.txt */
    static const struct {
        const char *schema;
        int64_t fingerprint;
    } cases[] = {
        {"\"null\"", 7195948357588979594},
        {"{\"type\":\"null\"}", 7195948357588979594},
        {"\"boolean\"", -6970731678124411036},
        {"\"int\"", 8247732601305521295},
        {"{\"type\":\"int\",\"logicalType\":\"date\"}", 8247732601305521295},
        {"\"string\"", -8142146995180207161},
        {"[ \"int\", \"boolean\" ]", 5392556393470105090},
        {"{\"fields\":[], \"type\":\"record\", \"name\":\"foo\"}", -4824392279771201922},
        {"{\"type\":\"enum\", \"name\":\"foo\", \"symbols\":[\"A1\"]}", -6342190197741309591},
        {"{\"name\":\"x.y.foo\", \"type\":\"fixed\", \"size\":15, \"doc\":\"d\"}", 0},
    };
    uint64_t got, plain;

    (void)state;
    for (size_t i = 0; i + 1 < EGW_COUNT(cases); i++) {
        assert_int_equal(egw_schema_fingerprint(egw_str_of(cases[i].schema), &got, &err), EGW_OK);
        if (got != (uint64_t)cases[i].fingerprint)
            fail_msg("%s: %lld", cases[i].schema, (long long)got);
    }
    assert_int_equal(egw_schema_fingerprint(egw_str_of(cases[9].schema), &got, &err), EGW_OK);
    assert_int_equal(
        egw_schema_fingerprint(EGW_STR("{\"type\":\"fixed\",\"size\":15,\"namespace\":\"x.y\","
                                       "\"name\":\"foo\",\"aliases\":[\"bar\"]}"),
                               &plain, &err),
        EGW_OK);
    assert_true(got == plain);
}

static void test_our_tables_carry_the_fingerprint_of_their_schema(void **state)
{
    (void)state;
    for (size_t i = 0; i < EGW_RECORD_COUNT; i++) {
        uint64_t got;

        assert_int_equal(egw_schema_fingerprint(egw_str_of(egw_record_types[i]->json), &got, &err),
                         EGW_OK);
        assert_true(got == egw_record_types[i]->fingerprint);
    }
    for (const struct egw_old_schema *old = egw_old_schemas; old->json; old++) {
        uint64_t got;

        assert_int_equal(egw_schema_fingerprint(egw_str_of(old->json), &got, &err), EGW_OK);
        assert_true(got == old->fingerprint);
    }
}

static void test_the_name_of_a_schema_is_the_full_name_of_its_record(void **state)
{
    char name[32];

    (void)state;
    assert_int_equal(egw_schema_name(egw_str_of(egw_type_outcome.json), name, sizeof(name), &err),
                     EGW_OK);
    assert_string_equal(name, "egw.Outcome");
    assert_int_equal(egw_schema_name(EGW_STR("\"int\""), name, sizeof(name), &err), EGW_INVALID);
    assert_string_equal(err.text, "schema describes no record");
    assert_int_equal(egw_schema_name(egw_str_of(egw_type_outcome.json), name, 11, &err),
                     EGW_INVALID);
}

/* ---- our own versions ---- */

static char *data(const char *name)
{
    char path[512];
    char *text;

    (void)snprintf(path, sizeof(path), EGW_SOURCE_DIR "/%s", name);
    text = read_file(path, NULL);
    assert_non_null(text);
    return text;
}

static void test_the_builtin_set_reads_present_and_older_versions(void **state)
{
    struct egw_plans *plans;
    const struct egw_plan *plan;
    int n = 0;

    (void)state;
    assert_int_equal(egw_plans_builtin(&plans, &err), EGW_OK);
    for (size_t i = 0; i < EGW_RECORD_COUNT; i++) {
        struct egw_frame frame = {.kind = EGW_FRAME_SINGLE,
                                  .fingerprint = egw_record_types[i]->fingerprint};

        assert_int_equal(egw_plans_find(plans, &frame, &plan, &err), EGW_OK);
        assert_ptr_equal(egw_plan_reader(plan), egw_record_types[i]);
    }
    for (const struct egw_old_schema *old = egw_old_schemas; old->json; old++, n++) {
        struct egw_frame frame = {.kind = EGW_FRAME_SINGLE, .fingerprint = old->fingerprint};

        assert_int_equal(egw_plans_find(plans, &frame, &plan, &err), EGW_OK);
        assert_ptr_equal(egw_plan_reader(plan), old->type);
    }
    assert_true(n >= 1);
    egw_plans_free(plans);
}

static void test_d08_the_first_version_of_an_event_is_still_read(void **state)
{
    /* case, partner, customer, event, type, time, title, text, queue, a note with a reply, service,
     * severity, subscription */
    static const char bytes[] = "\x02"
                                "c"
                                "\x02"
                                "p"
                                "\x02"
                                "u"
                                "\x02"
                                "e"
                                "\x0copened"
                                "\x54"
                                "\x04hi"
                                "\x00\x08"
                                "text"
                                "\x02\x02"
                                "q"
                                "\x02"
                                "\x02"
                                "a"
                                "\x02"
                                "b"
                                "\x02"
                                "\x02"
                                "c"
                                "\x02"
                                "d"
                                "\x00"
                                "\x00"
                                "\x00"
                                "\x02\x0a"
                                "azure"
                                "\x00"
                                "\x02\x02"
                                "s";
    char *old = data("schemas/history/SupportEvent.0.avsc");
    struct egw_support_event event;
    struct egw_arena arena = {0};
    struct egw_plan *plan;

    (void)state;
    assert_int_equal(egw_plan_new(egw_str_of(old), &egw_type_support_event, &plan, &err), EGW_OK);
    assert_int_equal(egw_decode(plan, bytes, sizeof(bytes) - 1, &arena, &event, &err), EGW_OK);
    assert_true(egw_str_is(event.event_id, "e") && egw_str_is(event.event_type, "opened"));
    assert_true(event.occurred_at == 42);
    assert_true(egw_str_is(event.title, "hi") && egw_str_is(event.text, "text"));
    assert_true(egw_str_is(event.service, "azure") && egw_str_is(event.subscription, "s"));
    assert_null(event.severity.p);
    assert_null(event.publisher.p);
    assert_int_equal(event.diagnosis.n, 0);
    egw_plan_free(plan);
    egw_arena_free(&arena);
    free(old);
}

static void test_d08_a_later_version_is_read_and_its_additions_dropped(void **state)
{
    char *next = data("tests/data/SupportEvent.next.avsc");
    struct egw_plan *plan;

    (void)state;
    assert_int_equal(egw_plan_new(egw_str_of(next), &egw_type_support_event, &plan, &err), EGW_OK);
    egw_plan_free(plan);
    free(next);
    next = data("tests/data/Outcome.next.avsc");
    assert_int_equal(egw_plan_new(egw_str_of(next), &egw_type_outcome, &plan, &err), EGW_OK);
    egw_plan_free(plan);
    free(next);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers_widen_as_avro_promotes_them),
        cmocka_unit_test(test_numbers_do_not_narrow),
        cmocka_unit_test(test_unions_resolve_on_either_side),
        cmocka_unit_test(test_a_branch_without_a_place_is_refused_when_it_comes),
        cmocka_unit_test(test_enums_go_by_name),
        cmocka_unit_test(test_fixed_goes_by_name_or_alias_and_size),
        cmocka_unit_test(test_another_unit_of_time_is_refused),
        cmocka_unit_test(test_fields_are_dropped_reordered_renamed_and_defaulted),
        cmocka_unit_test(test_a_missing_field_without_default_is_named),
        cmocka_unit_test(test_a_field_of_a_nested_record_is_named_by_its_path),
        cmocka_unit_test(test_records_of_other_names_are_refused),
        cmocka_unit_test(test_d07_a_schema_of_more_than_64_kib_is_refused),
        cmocka_unit_test(test_d07_a_schema_nested_100_kb_deep_is_refused_before_it_is_parsed),
        cmocka_unit_test(test_brackets_in_strings_are_no_depth),
        cmocka_unit_test(test_malformed_schemas_are_refused_with_a_reason),
        cmocka_unit_test(test_dropped_records_that_multiply_without_bytes_are_cut_off),
        cmocka_unit_test(test_dropped_records_nested_deeper_than_64_are_refused),
        cmocka_unit_test(test_few_bytes_cannot_ask_for_much_memory),
        cmocka_unit_test(test_fingerprints_are_those_of_the_canonical_form),
        cmocka_unit_test(test_our_tables_carry_the_fingerprint_of_their_schema),
        cmocka_unit_test(test_the_name_of_a_schema_is_the_full_name_of_its_record),
        cmocka_unit_test(test_the_builtin_set_reads_present_and_older_versions),
        cmocka_unit_test(test_d08_the_first_version_of_an_event_is_still_read),
        cmocka_unit_test(test_d08_a_later_version_is_read_and_its_additions_dropped),
    };
    return cmocka_run_group_tests_name("schema", tests, NULL, NULL);
}
