/*
 * A stranger's schema, and after a NUL byte a record written by it. Reading the schema, compiling
 * it against our event and our form of every type, and running the plan must end, whatever it says.
 */
#include <stdlib.h>

#include "egw/records.h"
#include "egw/schema.h"
#include "forms.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void compile_and_read(struct egw_str schema, const struct egw_type *type,
                             struct egw_str record)
{
    struct egw_arena arena = {0};
    struct egw_plan *plan;
    struct egw_error err;
    void *out = malloc(type->size);

    if (out && !egw_plan_new(schema, type, &plan, &err)) {
        if (egw_decode(plan, record.p, record.n, &arena, out, &err) == EGW_NOMEM)
            abort();
        if (arena.used > 65536 + 64 * record.n)
            abort();
        egw_plan_free(plan);
    }
    egw_arena_free(&arena);
    free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct egw_str schema = {(const char *)data, n}, record = {"", 0};
    const uint8_t *end = n ? memchr(data, 0, n) : NULL;
    uint64_t fingerprint;
    char name[64];

    if (end) {
        schema.n = (size_t)(end - data);
        record = (struct egw_str){(const char *)end + 1, n - schema.n - 1};
    }
    (void)!egw_schema_fingerprint(schema, &fingerprint, NULL);
    (void)!egw_schema_name(schema, name, sizeof(name), NULL);
    compile_and_read(schema, &egw_type_support_event, record);
    compile_and_read(schema, &forms_type, record);
    return 0;
}
