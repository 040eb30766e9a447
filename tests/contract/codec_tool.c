/*
 * codec_tool - our codec as a filter, for tests that hold another Avro library against it
 *
 *   codec_tool schema NAME               the schema text of a record
 *   codec_tool random NAME SEED COUNT    records as hex, one a line
 *   codec_tool convert NAME [WRITER]     reads hex, one record a line, written by schema file
 * WRITER (default: our own); prints what we read, written anew as hex, or "refused: why"
 */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>

#include "egw/hash.h"
#include "egw/records.h"
#include "egw/schema.h"
#include "forms.h"

static const struct egw_type *type_named(const char *name)
{
    for (size_t i = 0; i < EGW_RECORD_COUNT; i++) {
        if (!strcmp(egw_record_types[i]->name, name))
            return egw_record_types[i];
    }
    return !strcmp(name, forms_type.name) ? &forms_type : NULL;
}

static int print_hex(const struct egw_buf *buf)
{
    char *hex = malloc(2 * buf->n + 1);

    if (!hex)
        return 1;
    egw_hex(buf->p, buf->n, hex);
    puts(hex);
    free(hex);
    return 0;
}

static int print_random(const struct egw_type *type, uint64_t seed, long count)
{
    struct egw_arena arena = {0};
    struct egw_buf out = {0};
    int bad = 0;

    while (!bad && count-- > 0) {
        void *record;

        egw_arena_reset(&arena);
        egw_buf_clear(&out);
        record = egw_arena_alloc(&arena, type->size);
        bad = !record || !random_record(&seed, type, &arena, record) ||
              egw_encode(type, record, &out, NULL) || print_hex(&out);
    }
    egw_arena_free(&arena);
    egw_buf_free(&out);
    return bad;
}

static size_t unhex(char *line)
{
    size_t n = 0;
    unsigned v;

    for (const char *p = line; sscanf(p, "%2x", &v) == 1; p += 2)
        line[n++] = (char)v;
    return n;
}

static int convert(const struct egw_plan *plan)
{
    const struct egw_type *type = egw_plan_reader(plan);
    struct egw_arena arena = {0};
    struct egw_buf out = {0};
    char *line = NULL;
    size_t cap = 0;
    int bad = 0;

    while (!bad && getline(&line, &cap, stdin) >= 0) {
        struct egw_error err;
        size_t n = unhex(line);
        void *record;

        egw_arena_reset(&arena);
        egw_buf_clear(&out);
        record = egw_arena_alloc(&arena, type->size);
        if (!record)
            bad = 1;
        else if (egw_decode(plan, line, n, &arena, record, &err))
            printf("refused: %s\n", err.text);
        else
            bad = egw_encode(type, record, &out, &err) || print_hex(&out);
    }
    free(line);
    egw_arena_free(&arena);
    egw_buf_free(&out);
    return bad;
}

int main(int argc, char **argv)
{
    const struct egw_type *type = argc > 2 ? type_named(argv[2]) : NULL;
    struct egw_error err = {0};
    struct egw_plan *plan;
    char *text = NULL;
    int bad;

    if (type && argc == 3 && !strcmp(argv[1], "schema"))
        return puts(type->json) < 0;
    if (type && argc == 5 && !strcmp(argv[1], "random"))
        return print_random(type, strtoull(argv[3], NULL, 10), strtol(argv[4], NULL, 10));
    if (!type || argc > 4 || strcmp(argv[1], "convert") != 0)
        return 2;
    if (argc == 4 && !(text = read_file(argv[3], NULL)))
        return 2;
    if (egw_plan_new(egw_str_of(text ? text : type->json), type, &plan, &err)) {
        fprintf(stderr, "codec_tool: %s\n", err.text);
        free(text);
        return 1;
    }
    bad = convert(plan);
    egw_plan_free(plan);
    free(text);
    return bad;
}
