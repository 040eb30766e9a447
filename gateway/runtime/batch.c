#include "internal.h"

#include <stdlib.h>

enum egw_status batch_refer(struct batch *batch, const struct egw_log_out *out)
{
    if (!egw_grow(&batch->outs, sizeof(*batch->outs), batch->n, &batch->cap))
        return EGW_NOMEM;
    batch->outs[batch->n++] = *out;
    return EGW_OK;
}

enum egw_status batch_add(struct batch *batch, const struct egw_log_out *out)
{
    struct egw_log_out copy = *out;
    enum egw_status st;

    if (!egw_arena_str(&batch->bytes, out->key, &copy.key) ||
        !egw_arena_str(&batch->bytes, out->value, &copy.value))
        return EGW_NOMEM;
    if (out->header_count) {
        struct egw_log_header *headers =
            egw_arena_alloc(&batch->bytes, out->header_count * sizeof(*headers));

        if (!headers)
            return EGW_NOMEM;
        for (size_t i = 0; i < out->header_count; i++) {
            headers[i].name = out->headers[i].name;
            if (!egw_arena_str(&batch->bytes, out->headers[i].value, &headers[i].value))
                return EGW_NOMEM;
        }
        copy.headers = headers;
    }
    st = batch_refer(batch, &copy);
    if (st)
        return st;
    batch->out_bytes += copy.key.n + copy.value.n;
    return EGW_OK;
}

void batch_saw(struct batch *batch, int64_t timestamp_ms)
{
    if (timestamp_ms > 0 && (!batch->oldest_ms || timestamp_ms < batch->oldest_ms))
        batch->oldest_ms = timestamp_ms;
}

void batch_clear(struct batch *batch)
{
    egw_arena_reset(&batch->bytes);
    batch->n = batch->out_bytes = batch->records = 0;
    batch->oldest_ms = 0;
    batch->open = false;
    ready_free(&batch->fired);
}

void batch_free(struct batch *batch)
{
    batch_clear(batch);
    egw_arena_free(&batch->bytes);
    free(batch->outs);
    batch->outs = NULL;
    batch->cap = 0;
}
