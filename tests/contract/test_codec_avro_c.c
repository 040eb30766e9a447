/*
 * Holds Apache's C library against our codec: its generic values read what we wrote and write the
 * same bytes, on random records of every type that stands on a topic.
 */
#include "support.h"

#include <avro.h>
#include <stdlib.h>

#include "egw/records.h"
#include "egw/schema.h"
#include "forms.h"

struct pair {
    const struct egw_type *type;
    struct egw_plan *plan;
    avro_schema_t schema;
    avro_value_iface_t *iface;
    avro_value_t value;
    struct egw_arena arena;
};

static void pair_open(struct pair *p, const struct egw_type *type)
{
    struct egw_error err;

    *p = (struct pair){.type = type};
    assert_int_equal(egw_plan_new(egw_str_of(type->json), type, &p->plan, &err), EGW_OK);
    assert_int_equal(avro_schema_from_json_length(type->json, strlen(type->json), &p->schema), 0);
    p->iface = avro_generic_class_from_schema(p->schema);
    assert_non_null(p->iface);
    assert_int_equal(avro_generic_value_new(p->iface, &p->value), 0);
}

static void pair_close(struct pair *p)
{
    avro_value_decref(&p->value);
    avro_value_iface_decref(p->iface);
    avro_schema_decref(p->schema);
    egw_plan_free(p->plan);
    egw_arena_free(&p->arena);
}

/* What avro-c writes after it has read the bytes. */
static void through_avro_c(struct pair *p, const struct egw_buf *in, struct egw_buf *out)
{
    avro_reader_t reader = avro_reader_memory((const char *)in->p, (int64_t)in->n);
    avro_writer_t writer;

    assert_int_equal(egw_buf_reserve(out, in->n + 16), EGW_OK);
    writer = avro_writer_memory((const char *)out->p, (int64_t)out->cap);
    avro_value_reset(&p->value);
    if (avro_value_read(reader, &p->value) || avro_value_write(writer, &p->value))
        fail_msg("%s: %s", p->type->name, avro_strerror());
    out->n = (size_t)avro_writer_tell(writer);
    avro_reader_free(reader);
    avro_writer_free(writer);
}

static void check(struct pair *p, uint64_t *seed)
{
    struct egw_buf ours = {0}, theirs = {0}, again = {0};
    void *record, *back;
    struct egw_error err;

    egw_arena_reset(&p->arena);
    record = egw_arena_alloc(&p->arena, p->type->size);
    back = egw_arena_alloc(&p->arena, p->type->size);
    assert_true(record && back && random_record(seed, p->type, &p->arena, record));
    assert_int_equal(egw_encode(p->type, record, &ours, &err), EGW_OK);
    through_avro_c(p, &ours, &theirs);
    assert_int_equal(theirs.n, ours.n);
    assert_memory_equal(theirs.p, ours.p, ours.n);
    if (egw_decode(p->plan, theirs.p, theirs.n, &p->arena, back, &err))
        fail_msg("%s", err.text);
    assert_int_equal(egw_encode(p->type, back, &again, &err), EGW_OK);
    assert_int_equal(again.n, theirs.n);
    assert_memory_equal(again.p, theirs.p, theirs.n);
    egw_buf_free(&ours);
    egw_buf_free(&theirs);
    egw_buf_free(&again);
}

static void test_avro_c_reads_ours_and_we_read_its(void **state)
{
    uint64_t seed = 2026;

    (void)state;
    for (size_t t = 0; t <= EGW_RECORD_COUNT; t++) {
        struct pair p;

        pair_open(&p, t < EGW_RECORD_COUNT ? egw_record_types[t] : &forms_type);
        for (int i = 0; i < 150; i++)
            check(&p, &seed);
        pair_close(&p);
    }
}

/* Whatever we accept of damaged bytes, avro-c reads the same way. The other way round does not
 * hold: it takes enums out of range, booleans of 2, and what is left over. */
static void test_what_we_accept_of_damaged_bytes_avro_c_accepts(void **state)
{
    uint64_t seed = 99;
    size_t accepted = 0;

    (void)state;
    for (size_t t = 0; t < EGW_RECORD_COUNT; t++) {
        struct egw_buf bytes = {0}, again = {0}, theirs = {0};
        void *record;
        struct pair p;

        pair_open(&p, egw_record_types[t]);
        record = egw_arena_alloc(&p.arena, p.type->size);
        assert_true(record && random_record(&seed, p.type, &p.arena, record));
        assert_int_equal(egw_encode(p.type, record, &bytes, NULL), EGW_OK);
        for (int i = 0; i < 300; i++) {
            size_t at = random_next(&seed) % bytes.n;
            unsigned char was = bytes.p[at];

            bytes.p[at] = (unsigned char)random_next(&seed);
            egw_arena_reset(&p.arena);
            record = egw_arena_alloc(&p.arena, p.type->size);
            assert_non_null(record);
            if (!egw_decode(p.plan, bytes.p, bytes.n, &p.arena, record, NULL)) {
                egw_buf_clear(&again);
                assert_int_equal(egw_encode(p.type, record, &again, NULL), EGW_OK);
                through_avro_c(&p, &again, &theirs);
                assert_int_equal(theirs.n, again.n);
                assert_memory_equal(theirs.p, again.p, again.n);
                accepted++;
            }
            bytes.p[at] = was;
        }
        egw_buf_free(&bytes);
        egw_buf_free(&again);
        egw_buf_free(&theirs);
        pair_close(&p);
    }
    assert_true(accepted > 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_avro_c_reads_ours_and_we_read_its),
        cmocka_unit_test(test_what_we_accept_of_damaged_bytes_avro_c_accepts),
    };
    return cmocka_run_group_tests_name("codec_avro_c", tests, NULL, NULL);
}
