/*
 * bench_codec - CPU time to read a SupportEvent and to write an Outcome, ours against avro-c's
 * generic values. Each figure is the median of seven rounds.
 */
#include "support.h"

#include <avro.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "egw/records.h"
#include "egw/schema.h"

enum { ROUNDS = 7, OURS = 200000, THEIRS = 20000 };

struct side {
    const struct egw_type *type;
    struct egw_plan *plan;
    struct egw_arena arena;
    struct egw_buf bytes, out;
    avro_value_t value;
    void *record;
};

static void must(bool fine, const char *what)
{
    if (!fine) {
        fprintf(stderr, "bench_codec: %s failed\n", what);
        exit(1);
    }
}

static double cpu_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void our_decode(struct side *s)
{
    egw_arena_reset(&s->arena);
    must(!egw_decode(s->plan, s->bytes.p, s->bytes.n, &s->arena, s->record, NULL), "our decode");
}

static void our_encode(struct side *s)
{
    egw_buf_clear(&s->out);
    must(!egw_encode(s->type, s->record, &s->out, NULL), "our encode");
}

static void their_decode(struct side *s)
{
    avro_reader_t reader = avro_reader_memory((const char *)s->bytes.p, (int64_t)s->bytes.n);

    avro_value_reset(&s->value);
    must(!avro_value_read(reader, &s->value), "avro-c's decode");
    avro_reader_free(reader);
}

static void their_encode(struct side *s)
{
    avro_writer_t writer = avro_writer_memory((const char *)s->out.p, (int64_t)s->out.cap);

    must(!avro_value_write(writer, &s->value), "avro-c's encode");
    avro_writer_free(writer);
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static double median_ns(void (*work)(struct side *), struct side *s, int times)
{
    double rounds[ROUNDS];

    for (int r = 0; r < ROUNDS; r++) {
        double before = cpu_ns();

        for (int i = 0; i < times; i++)
            work(s);
        rounds[r] = (cpu_ns() - before) / times;
    }
    qsort(rounds, ROUNDS, sizeof(rounds[0]), by_size);
    return rounds[ROUNDS / 2];
}

/* record is what the bytes are made of. */
static void open_side(struct side *s, const struct egw_type *type, const void *record)
{
    avro_schema_t schema;

    *s = (struct side){.type = type, .record = malloc(type->size)};
    must(s->record && !egw_plan_new(egw_str_of(type->json), type, &s->plan, NULL), "plan");
    must(!egw_encode(type, record, &s->bytes, NULL), "first encode");
    must(!egw_buf_reserve(&s->out, s->bytes.n + 64), "buffer");
    must(!avro_schema_from_json_length(type->json, strlen(type->json), &schema), "schema");
    must(!avro_generic_value_new(avro_generic_class_from_schema(schema), &s->value), "value");
    avro_schema_decref(schema);
}

static void close_side(struct side *s)
{
    avro_value_iface_t *iface = s->value.iface;

    avro_value_decref(&s->value);
    avro_value_iface_decref(iface);
    egw_plan_free(s->plan);
    egw_arena_free(&s->arena);
    egw_buf_free(&s->bytes);
    egw_buf_free(&s->out);
    free(s->record);
}

/* Figures for one type; lines are named codec_<what>_... */
static void compare(const char *what, const struct egw_type *type, const void *record)
{
    double decode, encode, decode_avro, encode_avro;
    struct side s;

    open_side(&s, type, record);
    decode = median_ns(our_decode, &s, OURS);
    encode = median_ns(our_encode, &s, OURS);
    decode_avro = median_ns(their_decode, &s, THEIRS);
    encode_avro = median_ns(their_encode, &s, THEIRS);
    printf("# %s of %zu bytes, CPU ns each: decode %.0f (avro-c %.0f), encode %.0f (avro-c %.0f)\n",
           type->name, s.bytes.n, decode, decode_avro, encode, encode_avro);
    printf("bench codec_%sdecode_vs_avro_c %.1f goal >= 10\n", what, decode_avro / decode);
    printf("bench codec_%sencode_vs_avro_c %.1f goal >= 5\n", what, encode_avro / encode);
    if (!what[0])
        printf("bench codec_decode_ns %.0f goal <= 200\n", decode);
    close_side(&s);
}

int main(void)
{
    const struct egw_support_event event = {
        .event_id = EGW_STR("7b1d6f2e-3c55-4f6a-9a57-0d3f1c2b4e61"),
        .event_type = EGW_STR("opened"),
        .partner = EGW_STR("contoso-partner"),
        .customer = EGW_STR("fabrikam.onmicrosoft.com"),
        .case_id = EGW_STR("CAS-2026-0048121"),
        .occurred_at = INT64_C(1767600600000),
        .domain = EGW_STR("technical"),
        .service = EGW_STR("exchange-online"),
        .symptom = EGW_STR("delivery-delay"),
        .severity = EGW_STR("B"),
        .available_24x7 = {true, false},
        .title = EGW_STR("Mail to external recipients is delayed by hours"),
        .text = EGW_STR("Since this morning outgoing mail of all users in the tenant is queued; "
                        "message trace shows Pending with 451 4.7.500 Server busy. Restarting the "
                        "connectors did not help."),
        .language = EGW_STR("en"),
        .region = EGW_STR("westeurope"),
        .source_system = EGW_STR("psa"),
        .source_record = EGW_STR("481210"),
    };
    const struct egw_outcome outcome = {
        .chain = EGW_STR("triage/3"),
        .seq = 481210,
        .trigger = {.topic = EGW_STR("support.events"),
                    .partition = 3,
                    .offset = 88121,
                    .prev_offset = 88120},
        .decided_at = INT64_C(1767600600123),
        .recorded_at = INT64_C(1767600600100),
        .action = 3,
        .rule = EGW_STR("exchange-premier"),
        .partner = EGW_STR("contoso-partner"),
        .customer = EGW_STR("fabrikam.onmicrosoft.com"),
        .case_id = EGW_STR("CAS-2026-0048121"),
        .event_id = EGW_STR("7b1d6f2e-3c55-4f6a-9a57-0d3f1c2b4e61"),
        .event_type = EGW_STR("opened"),
        .channel = EGW_STR("premier"),
        .mode = EGW_STR("api"),
        .service = EGW_STR("exchange-online"),
        .domain = EGW_STR("technical"),
        .severity = EGW_STR("B"),
    };

    compare("", &egw_type_support_event, &event);
    compare("outcome_", &egw_type_outcome, &outcome);
    return 0;
}
