/* A line of JSON from a stranger as each record: it is refused, or it reads back as written. */
#include <stdlib.h>

#include "egw/json.h"
#include "egw/records.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void again(const struct egw_type *type, const void *record)
{
    struct egw_arena arena = {0};
    struct egw_buf first = {0}, second = {0};
    void *back = calloc(1, type->size);

    /* whatever was read can be written and read again */
    if (!back || egw_json_write(type, record, EGW_JSON_FULL, NULL, &first, NULL) != EGW_OK)
        abort();
    if (egw_json_read(egw_buf_str(&first), type, &arena, back, NULL) != EGW_OK)
        abort();
    if (egw_json_write(type, back, EGW_JSON_FULL, NULL, &second, NULL) != EGW_OK)
        abort();
    if (!egw_str_eq(egw_buf_str(&first), egw_buf_str(&second)))
        abort();
    free(back);
    egw_buf_free(&first);
    egw_buf_free(&second);
    egw_arena_free(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct egw_str json = {(const char *)data, n};

    for (size_t i = 0; i < EGW_RECORD_COUNT; i++) {
        const struct egw_type *type = egw_record_types[i];
        struct egw_arena arena = {0};
        void *record = calloc(1, type->size);

        if (record && egw_json_read(json, type, &arena, record, NULL) == EGW_OK)
            again(type, record);
        free(record);
        egw_arena_free(&arena);
    }
    return 0;
}
