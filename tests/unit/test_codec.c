#include "support.h"

#include <stdlib.h>

#include "egw/records.h"
#include "egw/schema.h"
#include "forms.h"

struct codec {
    struct egw_plan *plan; /* of forms_type, as written by ourselves */
    struct egw_arena arena;
    struct egw_buf out;
    struct egw_error err;
};

static int setup(void **state)
{
    struct codec *c = calloc(1, sizeof(*c));

    assert_non_null(c);
    assert_int_equal(egw_plan_new(egw_str_of(forms_type.json), &forms_type, &c->plan, &c->err),
                     EGW_OK);
    *state = c;
    return 0;
}

static int teardown(void **state)
{
    struct codec *c = *state;

    egw_plan_free(c->plan);
    egw_arena_free(&c->arena);
    egw_buf_free(&c->out);
    free(c);
    return 0;
}

/* ---- small readers: one field, so that a test's bytes are the field's bytes ---- */

struct one {
    union {
        bool flag;
        int32_t i;
        int64_t l;
        struct egw_str s;
        struct egw_list list;
        struct egw_opt_i64 opt;
    } v;
};

#define ONE(var, tag, ctype, more)                                                                 \
    static const struct egw_type var##_t = {                                                       \
        .kind = tag, .size = sizeof(ctype), .default_symbol = -1, more};                           \
    static const struct egw_field var##_f[] = {{.name = "v", .type = &var##_t}};                   \
    static const struct egw_type var = {.kind = EGW_K_RECORD,                                      \
                                        .name = "One",                                             \
                                        .size = sizeof(struct one),                                \
                                        .fields = var##_f,                                         \
                                        .field_count = 1,                                          \
                                        .default_symbol = -1}

static const char *const two_names[] = {"NO", "YES"};
static const struct egw_type plain_string = {
    .kind = EGW_K_STRING, .size = sizeof(struct egw_str), .default_symbol = -1};
static const struct egw_type plain_long = {
    .kind = EGW_K_LONG, .size = sizeof(int64_t), .default_symbol = -1};

ONE(one_flag, EGW_K_BOOLEAN, bool, );
ONE(one_int, EGW_K_INT, int32_t, );
ONE(one_long, EGW_K_LONG, int64_t, );
ONE(one_string, EGW_K_STRING, struct egw_str, );
#define ENUM_PART .name = "Two", .symbols = two_names, .symbol_count = 2
ONE(one_enum, EGW_K_ENUM, int32_t, ENUM_PART);
ONE(one_list, EGW_K_ARRAY, struct egw_list, .item = &plain_string);
ONE(one_option, EGW_K_OPTION, struct egw_opt_i64, .item = &plain_long);

#define SCHEMA(type)                                                                               \
    "{\"type\":\"record\",\"name\":\"One\",\"fields\":[{\"name\":\"v\",\"type\":" type "}]}"

static const char *schema_of(const struct egw_type *type)
{
    if (type == &one_flag)
        return SCHEMA("\"boolean\"");
    if (type == &one_int)
        return SCHEMA("\"int\"");
    if (type == &one_long)
        return SCHEMA("\"long\"");
    if (type == &one_string)
        return SCHEMA("\"string\"");
    if (type == &one_enum)
        return SCHEMA("{\"type\":\"enum\",\"name\":\"Two\",\"symbols\":[\"NO\",\"YES\"]}");
    if (type == &one_list)
        return SCHEMA("{\"type\":\"array\",\"items\":\"string\"}");
    return SCHEMA("[\"null\",\"long\"]");
}

/* Reads literal bytes into ret; the plan is freed, so views of defaults must not be looked at. */
static enum egw_status read_one(struct codec *c, const struct egw_type *type, const void *bytes,
                                size_t n, struct one *ret)
{
    struct egw_plan *plan;
    enum egw_status st;
    void *copy = n ? malloc(n) : NULL; /* of the exact size, so that a sanitizer sees over-reads */

    assert_int_equal(egw_plan_new(egw_str_of(schema_of(type)), type, &plan, &c->err), EGW_OK);
    assert_true(copy || !n);
    if (n)
        memcpy(copy, bytes, n);
    egw_arena_reset(&c->arena);
    st = egw_decode(plan, copy, n, &c->arena, ret, &c->err);
    egw_plan_free(plan);
    if (st == EGW_OK && type == &one_string) {
        struct egw_str s;

        assert_true(egw_arena_str(&c->arena, ret->v.s, &s));
        ret->v.s = s;
    }
    free(copy);
    return st;
}

#define READ(c, type, literal, ret) read_one(c, type, literal, sizeof(literal) - 1, ret)
#define REFUSED(c, type, literal, sentence)                                                        \
    do {                                                                                           \
        struct codec *codec_ = (c);                                                                \
        struct one ignored;                                                                        \
        assert_int_equal(READ(codec_, type, literal, &ignored), EGW_INVALID);                      \
        assert_string_equal(codec_->err.text, sentence);                                           \
    } while (0)

/* ---- what is read and written ---- */

static void test_reads_back_every_form_it_writes(void **state)
{
    struct codec *c = *state;
    struct forms_part parts[] = {{EGW_STR("p"), 7}, {EGW_STR(""), -7}};
    struct egw_str texts[] = {EGW_STR("one"), EGW_STR("")};
    struct egw_pair pairs[] = {{EGW_STR("k"), EGW_STR("v")}};
    struct forms_other other = {.yes = true};
    unsigned char id[4] = {9, 8, 7, 6};
    struct forms in = {
        .flag = true,
        .i = INT32_MIN,
        .l = INT64_MIN,
        .f = 1.5f,
        .d = -2.25,
        .bytes = {"\0\xff", 2},
        .text = EGW_STR("text"),
        .id = {1, 2, 3, 4},
        .colour = 2,
        .part = {EGW_STR("in place"), 1},
        .texts = {texts, 2},
        .parts = {parts, 2},
        .map = {pairs, 1},
        .opt_text = EGW_STR(""),
        .opt_flag = {true, false},
        .opt_i = {true, INT32_MAX},
        .opt_l = {true, INT64_MAX},
        .opt_d = {true, 0.5},
        .opt_colour = {true, 1},
        .opt_part = &parts[0],
        .opt_id = id,
        .choice = {1, &other},
    };
    struct forms out;
    const struct forms_part *got;

    assert_int_equal(egw_encode(&forms_type, &in, &c->out, &c->err), EGW_OK);
    assert_int_equal(egw_decode(c->plan, c->out.p, c->out.n, &c->arena, &out, &c->err), EGW_OK);
    assert_true(out.flag);
    assert_int_equal(out.i, INT32_MIN);
    assert_true(out.l == INT64_MIN);
    assert_true(out.f >= 1.5f && out.f <= 1.5f && out.d >= -2.25 && out.d <= -2.25);
    assert_true(egw_str_eq(out.bytes, in.bytes) && egw_str_eq(out.text, in.text));
    assert_memory_equal(out.id, in.id, 4);
    assert_int_equal(out.colour, 2);
    assert_true(egw_str_is(out.part.name, "in place"));
    assert_int_equal(out.texts.n, 2);
    assert_true(egw_str_is(((struct egw_str *)out.texts.p)[0], "one"));
    got = out.parts.p;
    assert_int_equal(out.parts.n, 2);
    assert_true(egw_str_is(got[0].name, "p") && got[1].n == -7);
    assert_int_equal(out.map.n, 1);
    assert_true(egw_str_is(((struct egw_pair *)out.map.p)[0].value, "v"));
    assert_true(out.opt_text.p && out.opt_text.n == 0);
    assert_true(out.opt_flag.has && !out.opt_flag.v);
    assert_true(out.opt_i.has && out.opt_i.v == INT32_MAX);
    assert_true(out.opt_l.has && out.opt_l.v == INT64_MAX);
    assert_true(out.opt_d.has && out.opt_d.v > 0.4 && out.opt_d.v < 0.6);
    assert_true(out.opt_colour.has && out.opt_colour.v == 1);
    assert_true(egw_str_is(out.opt_part->name, "p"));
    assert_memory_equal(out.opt_id, id, 4);
    assert_int_equal(out.choice.branch, 1);
    assert_true(((struct forms_other *)out.choice.p)->yes);
}

static void test_absent_parts_stay_absent(void **state)
{
    struct codec *c = *state;
    struct forms_part part = {EGW_STR(""), 0};
    struct forms in = {.choice = {0, &part}}, out;

    memset(&out, 0xAA, sizeof(out));
    assert_int_equal(egw_encode(&forms_type, &in, &c->out, &c->err), EGW_OK);
    assert_int_equal(egw_decode(c->plan, c->out.p, c->out.n, &c->arena, &out, &c->err), EGW_OK);
    assert_null(out.opt_text.p);
    assert_false(out.opt_flag.has || out.opt_i.has || out.opt_l.has || out.opt_d.has ||
                 out.opt_colour.has);
    assert_null(out.opt_part);
    assert_null(out.opt_id);
    assert_true(!out.texts.n && !out.parts.n && !out.map.n);
    assert_non_null(out.text.p); /* empty, but there */
}

static void test_writes_the_bytes_of_the_specification(void **state)
{
    static const struct {
        int64_t v;
        const char *bytes;
        size_t n;
    } cases[] = {
        {0, "\x00", 1},
        {-1, "\x01", 1},
        {1, "\x02", 1},
        {-64, "\x7f", 1},
        {64, "\x80\x01", 2},
        {8191, "\xfe\x7f", 2},
        {INT64_MAX, "\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01", 10},
        {INT64_MIN, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 10},
    };
    struct codec *c = *state;

    for (size_t i = 0; i < EGW_COUNT(cases); i++) {
        struct one in = {.v.l = cases[i].v}, out;

        egw_buf_clear(&c->out);
        assert_int_equal(egw_encode(&one_long, &in, &c->out, &c->err), EGW_OK);
        assert_int_equal(c->out.n, cases[i].n);
        assert_memory_equal(c->out.p, cases[i].bytes, cases[i].n);
        assert_int_equal(read_one(c, &one_long, cases[i].bytes, cases[i].n, &out), EGW_OK);
        assert_true(out.v.l == cases[i].v);
    }
}

static void test_strings_are_views_of_the_input(void **state)
{
    struct codec *c = *state;
    struct forms_part part = {EGW_STR("zero-copy"), 0};
    struct forms in = {.choice = {0, &part}, .text = EGW_STR("text")}, out;

    assert_int_equal(egw_encode(&forms_type, &in, &c->out, &c->err), EGW_OK);
    assert_int_equal(egw_decode(c->plan, c->out.p, c->out.n, &c->arena, &out, &c->err), EGW_OK);
    assert_true((const unsigned char *)out.text.p > c->out.p &&
                (const unsigned char *)out.text.p < c->out.p + c->out.n);
}

static void test_invalid_utf8_is_kept_byte_for_byte(void **state)
{
    struct codec *c = *state;
    struct one out;

    assert_int_equal(READ(c, &one_string, "\x08\xff\xed\xa0\x80", &out), EGW_OK); /* D06 */
    assert_int_equal(out.v.s.n, 4);
    assert_memory_equal(out.v.s.p, "\xff\xed\xa0\x80", 4);
}

static void test_a_list_may_come_in_blocks_with_their_size(void **state)
{
    struct codec *c = *state;
    struct one out;
    const struct egw_str *items;

    /* 2 items; -1: one item in 2 bytes; end */
    assert_int_equal(READ(c, &one_list,
                          "\x04\x02"
                          "a\x02"
                          "b\x01\x04\x02"
                          "c\x00",
                          &out),
                     EGW_OK);
    items = out.v.list.p;
    assert_int_equal(out.v.list.n, 3);
    assert_int_equal(items[0].n + items[1].n + items[2].n, 3);
}

static void test_a_list_in_a_thousand_blocks_is_one_list(void **state)
{
    struct codec *c = *state;
    unsigned char bytes[2001] = {0};
    struct one out;

    for (size_t i = 0; i < 1000; i++)
        bytes[2 * i] = 0x02; /* one item; the item is the empty string */
    assert_int_equal(read_one(c, &one_list, bytes, sizeof(bytes), &out), EGW_OK);
    assert_int_equal(out.v.list.n, 1000);
}

static void test_random_records_of_every_type_come_back_byte_equal(void **state)
{
    struct codec *c = *state;
    struct egw_buf again = {0};
    uint64_t seed = 42;

    for (size_t t = 0; t <= EGW_RECORD_COUNT; t++) {
        const struct egw_type *type = t < EGW_RECORD_COUNT ? egw_record_types[t] : &forms_type;
        struct egw_plan *plan;

        assert_int_equal(egw_plan_new(egw_str_of(type->json), type, &plan, &c->err), EGW_OK);
        for (int i = 0; i < 200; i++) {
            void *in, *out;

            egw_arena_reset(&c->arena);
            egw_buf_clear(&c->out);
            egw_buf_clear(&again);
            in = egw_arena_alloc(&c->arena, type->size);
            out = egw_arena_alloc(&c->arena, type->size);
            assert_true(random_record(&seed, type, &c->arena, in));
            assert_int_equal(egw_encode(type, in, &c->out, &c->err), EGW_OK);
            assert_int_equal(egw_decode(plan, c->out.p, c->out.n, &c->arena, out, &c->err), EGW_OK);
            assert_int_equal(egw_encode(type, out, &again, &c->err), EGW_OK);
            assert_int_equal(c->out.n, again.n);
            assert_memory_equal(c->out.p, again.p, again.n);
        }
        egw_plan_free(plan);
    }
    egw_buf_free(&again);
}

/* ---- hostile bytes: D01 to D05 of the promises ---- */

static void test_d01_no_bytes_are_refused(void **state)
{
    struct codec *c = *state;
    struct forms out;

    REFUSED(c, &one_string, "", "One: v at byte 0: a number is cut off");
    assert_int_equal(egw_decode(c->plan, NULL, 0, &c->arena, &out, &c->err), EGW_INVALID);
    assert_string_equal(c->err.text, "test.Forms: flag at byte 0: a boolean is cut off");
}

static void test_d01_one_byte_is_refused(void **state)
{
    REFUSED(*state, &one_string, "\x02", "One: v at byte 0: length 1, but 0 bytes are left");
}

static void test_d03_a_length_of_1_gib_in_5_bytes_is_refused_without_memory(void **state)
{
    struct codec *c = *state;

    REFUSED(c, &one_string, "\x80\x80\x80\x80\x08",
            "One: v at byte 0: length 1073741824, but 0 bytes are left");
    assert_int_equal(c->arena.used, 0);
}

static void test_d03_a_negative_length_is_refused(void **state)
{
    REFUSED(*state, &one_string, "\x01xx", "One: v at byte 0: length -1 is negative");
}

static void test_d03_a_block_count_of_int64_min_is_refused(void **state)
{
    REFUSED(*state, &one_list, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x00",
            "One: v at byte 0: a block has an impossible number of items");
}

static void test_d03_a_block_larger_than_the_input_is_refused(void **state)
{
    REFUSED(*state, &one_list,
            "\x01\x10\x02"
            "a\x00",
            "One: v at byte 0: a block of 8 bytes, but 3 are left");
    REFUSED(*state, &one_list,
            "\x01\x01\x02"
            "a\x00",
            "One: v at byte 0: a block of -1 bytes, but 3 are left");
}

static void test_d03_a_block_that_lies_about_its_size_is_refused(void **state)
{
    REFUSED(*state, &one_list,
            "\x01\x06\x02"
            "a\x00",
            "One: v at byte 4: a block of items does not have the size it claims");
}

static void test_d03_a_list_count_does_not_allocate_ahead_of_its_bytes(void **state)
{
    struct codec *c = *state;
    struct one out;

    /* 3,000 strings claimed, which memory would allow, and four bytes there */
    assert_int_equal(READ(c, &one_list, "\xf0\x2e\x00\x00\x00\x00", &out), EGW_INVALID);
    assert_string_equal(c->err.text, "One: v[] at byte 6: a number is cut off");
    assert_true(c->arena.used <= 256);
}

static void test_d04_twenty_million_items_are_refused(void **state)
{
    REFUSED(*state, &one_list, "\x80\xb4\x89\x13\x00", /* 20,000,000 */
            "One: v at byte 0: 20000000 items are more than the 100000 a record may have");
}

static void test_d04_items_are_counted_over_all_blocks(void **state)
{
    struct codec *c = *state;
    const size_t n = 100001;
    unsigned char *bytes = calloc(2, n);
    struct one out;

    assert_non_null(bytes);
    for (size_t i = 0; i < n; i++)
        bytes[2 * i] = 0x02;
    assert_int_equal(read_one(c, &one_list, bytes, 2 * n, &out), EGW_INVALID);
    assert_string_equal(c->err.text, "One: v at byte 200000: 1 items are more than the 100000 a "
                                     "record may have");
    free(bytes);
}

static void test_d04_an_over_long_number_is_refused(void **state)
{
    struct codec *c = *state;

    REFUSED(c, &one_long, "\x80\x00", "One: v at byte 0: a number is written with needless bytes");
    REFUSED(c, &one_long, "\x82\x80\x80\x80\x80\x80\x80\x80\x80\x00",
            "One: v at byte 0: a number is written with needless bytes");
    REFUSED(c, &one_long, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02",
            "One: v at byte 0: a number has more than 64 bits");
    REFUSED(c, &one_long, "\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01",
            "One: v at byte 0: a number has more than 64 bits");
    REFUSED(c, &one_long, "\x80\x80", "One: v at byte 0: a number is cut off");
}

static void test_an_int_outside_32_bits_is_refused(void **state)
{
    struct codec *c = *state;
    struct one out;

    assert_int_equal(READ(c, &one_int, "\xff\xff\xff\xff\x0f", &out), EGW_OK);
    assert_int_equal(out.v.i, INT32_MIN);
    REFUSED(c, &one_int, "\x80\x80\x80\x80\x10",
            "One: v at byte 0: int is 2147483648, outside its 32 bits");
}

static void test_d05_an_enum_symbol_out_of_range_is_refused(void **state)
{
    REFUSED(*state, &one_enum, "\x04", "One: v at byte 0: enum symbol 2 is outside 0..1");
    REFUSED(*state, &one_enum, "\x01", "One: v at byte 0: enum symbol -1 is outside 0..1");
}

static void test_d05_boolean_7_is_refused(void **state)
{
    REFUSED(*state, &one_flag, "\x07", "One: v at byte 0: boolean is 7, not 0 or 1");
}

static void test_d05_a_union_branch_out_of_range_is_refused(void **state)
{
    REFUSED(*state, &one_option, "\x04\x02", "One: v at byte 0: union branch 2 is outside 0..1");
    REFUSED(*state, &one_option, "\x01\x02", "One: v at byte 0: union branch -1 is outside 0..1");
    REFUSED(*state, &one_option, "\x82\x00\x02",
            "One: v at byte 0: a number is written with needless bytes");
}

static void test_d05_bytes_left_over_are_refused(void **state)
{
    REFUSED(*state, &one_flag, "\x01\x00", "One: the record ends at byte 1, but the input has 2");
}

/* A record of every type, whole, as bytes of exactly its size. */
static unsigned char *whole_record(struct codec *c, const struct egw_type *type, uint64_t *seed,
                                   size_t *ret_n)
{
    void *record;
    unsigned char *bytes;

    egw_arena_reset(&c->arena);
    egw_buf_clear(&c->out);
    record = egw_arena_alloc(&c->arena, type->size);
    assert_true(record && random_record(seed, type, &c->arena, record));
    assert_int_equal(egw_encode(type, record, &c->out, &c->err), EGW_OK);
    bytes = malloc(c->out.n);
    assert_non_null(bytes);
    memcpy(bytes, c->out.p, c->out.n);
    *ret_n = c->out.n;
    return bytes;
}

static void test_a_record_cut_at_any_byte_is_refused(void **state)
{
    struct codec *c = *state;
    uint64_t seed = 7;

    for (size_t t = 0; t < EGW_RECORD_COUNT; t++) {
        const struct egw_type *type = egw_record_types[t];
        size_t n;
        unsigned char *bytes = whole_record(c, type, &seed, &n);
        struct egw_plan *plan;
        void *out = malloc(type->size);

        assert_int_equal(egw_plan_new(egw_str_of(type->json), type, &plan, &c->err), EGW_OK);
        for (size_t cut = 0; cut < n; cut++) {
            unsigned char *piece = malloc(cut ? cut : 1);

            assert_true(piece && out);
            memcpy(piece, bytes, cut);
            egw_arena_reset(&c->arena);
            assert_int_equal(egw_decode(plan, piece, cut, &c->arena, out, &c->err), EGW_INVALID);
            free(piece);
        }
        egw_plan_free(plan);
        free(out);
        free(bytes);
    }
}

static void test_flipped_bits_never_crash_nor_use_more_memory_than_promised(void **state)
{
    struct codec *c = *state;
    uint64_t seed = 8;

    for (size_t t = 0; t < EGW_RECORD_COUNT; t++) {
        const struct egw_type *type = egw_record_types[t];
        size_t n;
        unsigned char *bytes = whole_record(c, type, &seed, &n);
        struct egw_plan *plan;
        void *out = malloc(type->size);

        assert_non_null(out);
        assert_int_equal(egw_plan_new(egw_str_of(type->json), type, &plan, &c->err), EGW_OK);
        for (size_t bit = 0; bit < 8 * n; bit++) {
            enum egw_status st;

            bytes[bit / 8] ^= (unsigned char)(1u << bit % 8);
            egw_arena_reset(&c->arena);
            st = egw_decode(plan, bytes, n, &c->arena, out, &c->err);
            assert_true(st == EGW_OK || st == EGW_INVALID);
            assert_true(c->arena.used <= 65536 + 64 * n);
            bytes[bit / 8] ^= (unsigned char)(1u << bit % 8);
        }
        egw_plan_free(plan);
        free(out);
        free(bytes);
    }
}

static void test_an_arena_at_its_ceiling_is_no_memory(void **state)
{
    struct codec *c = *state;
    struct one out;

    c->arena.max = 16;
    assert_int_equal(READ(c, &one_list,
                          "\x04\x02"
                          "a\x02"
                          "b\x00",
                          &out),
                     EGW_NOMEM);
    assert_int_equal(c->err.status, EGW_NOMEM);
}

/* ---- writing what cannot be written ---- */

static void test_encode_refuses_an_enum_out_of_range_and_leaves_the_buffer(void **state)
{
    struct codec *c = *state;
    struct forms_part part = {EGW_STR(""), 0};
    struct forms in = {.choice = {0, &part}, .colour = 3};

    assert_int_equal(egw_buf_put(&c->out, "ab", 2), EGW_OK);
    assert_int_equal(egw_encode(&forms_type, &in, &c->out, &c->err), EGW_INVALID);
    assert_string_equal(c->err.text, "test.Forms: colour: enum symbol 3 is outside 0..2");
    assert_int_equal(c->out.n, 2);
}

static void test_encode_refuses_a_branch_out_of_range(void **state)
{
    struct codec *c = *state;
    struct forms in = {.choice = {2, NULL}};

    assert_int_equal(egw_encode(&forms_type, &in, &c->out, &c->err), EGW_INVALID);
    assert_string_equal(c->err.text, "test.Forms: choice: union branch 2 is outside 0..1");
    assert_int_equal(c->out.n, 0);
}

static void test_encode_stops_at_the_ceiling_of_the_buffer(void **state)
{
    struct codec *c = *state;
    struct forms_part part = {EGW_STR("0123456789012345678901234567890123456789"), 0};
    struct forms in = {.choice = {0, &part}};

    c->out.max = 48;
    assert_int_equal(egw_encode(&forms_type, &in, &c->out, &c->err), EGW_NOMEM);
    assert_int_equal(c->out.n, 0);
}

/* ---- our own records: written by ops, and the same as by the table ---- */

/* type without its ops: what the table alone makes of it. */
static struct egw_type by_table(const struct egw_type *type)
{
    struct egw_type table = *type;

    table.puts = NULL;
    return table;
}

static void written_the_same(struct codec *c, const struct egw_type *type, const void *record)
{
    const struct egw_type table = by_table(type);
    struct egw_buf plain = {0}, tight = {0};

    egw_buf_clear(&c->out);
    assert_int_equal(egw_encode(type, record, &c->out, &c->err), EGW_OK);
    assert_int_equal(egw_encode(&table, record, &plain, &c->err), EGW_OK);
    assert_int_equal(c->out.n, plain.n);
    assert_memory_equal(c->out.p, plain.p, plain.n);
    tight.max = plain.n + 10; /* a number is given its ten bytes before it is looked at */
    assert_int_equal(egw_encode(type, record, &tight, &c->err), EGW_OK);
    assert_int_equal(tight.n, plain.n);
    assert_memory_equal(tight.p, plain.p, plain.n);
    egw_buf_free(&plain);
    egw_buf_free(&tight);
}

static void test_every_record_of_ours_has_ops(void **state)
{
    (void)state;
    for (size_t t = 0; t < EGW_RECORD_COUNT; t++)
        assert_non_null(egw_record_types[t]->puts);
}

static void test_ops_write_what_the_table_says(void **state)
{
    struct codec *c = *state;
    uint64_t seed = 2026;

    for (size_t t = 0; t < EGW_RECORD_COUNT; t++) {
        for (int i = 0; i < 200; i++) {
            void *record;

            egw_arena_reset(&c->arena);
            record = egw_arena_alloc(&c->arena, egw_record_types[t]->size);
            assert_true(record && random_record(&seed, egw_record_types[t], &c->arena, record));
            written_the_same(c, egw_record_types[t], record);
        }
    }
}

/* Lengths around each turn of the encoder, alone, in a list and in a record of a list. */
static void test_ops_write_texts_of_every_length(void **state)
{
    static char text[9000];
    struct egw_fact facts[40];
    struct egw_str links[40];
    struct egw_near_miss near[40];

    for (size_t i = 0; i < sizeof(text); i++)
        text[i] = (char)('a' + i % 26);
    for (size_t n = 0; n <= sizeof(text); n = n < 70 ? n + 1 : n * 2 + 1) {
        char *exact = malloc(n ? n : 1); /* so that reading past its end is seen */
        struct egw_str s = {exact, n};
        struct egw_outcome outcome = {.chain = s,
                                      .rule = s,
                                      .facts = {facts, EGW_COUNT(facts)},
                                      .near = {near, EGW_COUNT(near)},
                                      .links = {links, EGW_COUNT(links)},
                                      .traceparent = s};

        assert_non_null(exact);
        memcpy(exact, text, n);
        for (size_t i = 0; i < EGW_COUNT(facts); i++) {
            facts[i] = (struct egw_fact){i % 2 ? s : EGW_STR("name"), i % 3 ? EGW_STR("") : s};
            links[i] = i % 4 ? s : EGW_STR_NONE;
            near[i] = (struct egw_near_miss){.rule = s};
        }
        written_the_same(*state, &egw_type_outcome, &outcome);
        free(exact);
    }
}

static void test_ops_name_the_place_of_what_cannot_be_written(void **state)
{
    static const struct {
        int32_t kind;
        const char *sentence;
    } cases[] = {
        {3, "egw.Outcome: trigger: kind: enum symbol 3 is outside 0..2"},
        {-1, "egw.Outcome: trigger: kind: enum symbol -1 is outside 0..2"},
    };
    struct codec *c = *state;

    for (size_t i = 0; i < EGW_COUNT(cases); i++) {
        struct egw_outcome outcome = {.trigger.kind = cases[i].kind};

        egw_buf_clear(&c->out);
        assert_int_equal(egw_buf_put(&c->out, "ab", 2), EGW_OK);
        assert_int_equal(egw_encode(&egw_type_outcome, &outcome, &c->out, &c->err), EGW_INVALID);
        assert_string_equal(c->err.text, cases[i].sentence);
        assert_int_equal(c->out.n, 2);
    }
}

static void test_ops_stop_at_the_ceiling_of_the_buffer(void **state)
{
    struct codec *c = *state;
    struct egw_outcome outcome = {.rule = EGW_STR("0123456789012345678901234567890123456789")};

    c->out.max = 48;
    assert_int_equal(egw_encode(&egw_type_outcome, &outcome, &c->out, &c->err), EGW_NOMEM);
    assert_int_equal(c->out.n, 0);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_reads_back_every_form_it_writes),
        T(test_absent_parts_stay_absent),
        T(test_writes_the_bytes_of_the_specification),
        T(test_strings_are_views_of_the_input),
        T(test_invalid_utf8_is_kept_byte_for_byte),
        T(test_a_list_may_come_in_blocks_with_their_size),
        T(test_a_list_in_a_thousand_blocks_is_one_list),
        T(test_random_records_of_every_type_come_back_byte_equal),
        T(test_d01_no_bytes_are_refused),
        T(test_d01_one_byte_is_refused),
        T(test_d03_a_length_of_1_gib_in_5_bytes_is_refused_without_memory),
        T(test_d03_a_negative_length_is_refused),
        T(test_d03_a_block_count_of_int64_min_is_refused),
        T(test_d03_a_block_larger_than_the_input_is_refused),
        T(test_d03_a_block_that_lies_about_its_size_is_refused),
        T(test_d03_a_list_count_does_not_allocate_ahead_of_its_bytes),
        T(test_d04_twenty_million_items_are_refused),
        T(test_d04_items_are_counted_over_all_blocks),
        T(test_d04_an_over_long_number_is_refused),
        T(test_an_int_outside_32_bits_is_refused),
        T(test_d05_an_enum_symbol_out_of_range_is_refused),
        T(test_d05_boolean_7_is_refused),
        T(test_d05_a_union_branch_out_of_range_is_refused),
        T(test_d05_bytes_left_over_are_refused),
        T(test_a_record_cut_at_any_byte_is_refused),
        T(test_flipped_bits_never_crash_nor_use_more_memory_than_promised),
        T(test_an_arena_at_its_ceiling_is_no_memory),
        T(test_encode_refuses_an_enum_out_of_range_and_leaves_the_buffer),
        T(test_encode_refuses_a_branch_out_of_range),
        T(test_encode_stops_at_the_ceiling_of_the_buffer),
        T(test_every_record_of_ours_has_ops),
        T(test_ops_write_what_the_table_says),
        T(test_ops_write_texts_of_every_length),
        T(test_ops_name_the_place_of_what_cannot_be_written),
        T(test_ops_stop_at_the_ceiling_of_the_buffer),
    };
    return cmocka_run_group_tests_name("codec", tests, NULL, NULL);
}
