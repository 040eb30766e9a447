/*
 * Bytes of a stranger as each record we read. The first byte chooses the type. What is accepted
 * must stay within the promised memory and come back the same when written and read again.
 */
#include <stdlib.h>

#include "egw/records.h"
#include "egw/schema.h"
#include "forms.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static struct egw_plan *plans[EGW_RECORD_COUNT + 2];

static void must(bool fine)
{
    if (!fine)
        abort();
}

/* Present types, the form of every Avro type, and last the oldest version there is. */
static void open_plans(void)
{
    for (size_t i = 0; i < EGW_RECORD_COUNT; i++)
        must(!egw_plan_new(egw_str_of(egw_record_types[i]->json), egw_record_types[i], &plans[i],
                           NULL));
    must(!egw_plan_new(egw_str_of(forms_type.json), &forms_type, &plans[EGW_RECORD_COUNT], NULL));
    must(!egw_plan_new(egw_str_of(egw_old_schemas[0].json), egw_old_schemas[0].type,
                       &plans[EGW_RECORD_COUNT + 1], NULL));
}

static void read_again(const struct egw_plan *plan, const struct egw_buf *first)
{
    const struct egw_type *type = egw_plan_reader(plan);
    struct egw_arena arena = {0};
    struct egw_buf second = {0};
    void *record = malloc(type->size);
    struct egw_plan *own = NULL;

    must(record && !egw_plan_new(egw_str_of(type->json), type, &own, NULL));
    if (!egw_decode(own, first->p, first->n, &arena, record, NULL)) {
        must(!egw_encode(type, record, &second, NULL));
        must(second.n == first->n && !memcmp(second.p, first->p, first->n));
    } else {
        must(plan == plans[EGW_RECORD_COUNT + 1]); /* another form may need more room */
    }
    egw_plan_free(own);
    egw_arena_free(&arena);
    egw_buf_free(&second);
    free(record);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static struct egw_arena arena;
    static struct egw_buf out;
    const struct egw_plan *plan;
    struct egw_error err;
    void *record;

    if (!plans[0])
        open_plans();
    if (!n)
        return 0;
    plan = plans[data[0] % EGW_COUNT(plans)];
    record = malloc(egw_plan_reader(plan)->size);
    must(record);
    egw_arena_reset(&arena);
    if (!egw_decode(plan, data + 1, n - 1, &arena, record, &err)) {
        egw_buf_clear(&out);
        must(!egw_encode(egw_plan_reader(plan), record, &out, NULL));
        read_again(plan, &out);
    }
    must(arena.used <= 65536 + 64 * n);
    free(record);
    return 0;
}
