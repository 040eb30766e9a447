#include "letter_json.h"

#include <inttypes.h>

#include "egw/json.h"

enum egw_status egw_letter_text(struct egw_buf *out, const char *name, struct egw_str text)
{
    return text.p ? egw_json_text(out, name, text) : egw_buf_printf(out, ",\"%s\":null", name);
}

static enum egw_status put_time(struct egw_buf *out, const char *name, int64_t ms)
{
    char at[EGW_TIME_TEXT];

    if (ms < 0)
        return egw_buf_printf(out, ",\"%s\":null", name);
    egw_time_format(ms, at);
    return egw_buf_printf(out, ",\"%s\":\"%s\"", name, at);
}

enum egw_status egw_letter_head(struct egw_buf *out, const struct egw_letter *letter)
{
    char digest[2 * EGW_SHA256 + 1];
    enum egw_status st =
        egw_buf_printf(out, "{\"id\":\"%" PRId32 "/%" PRId64 "\",\"class\":\"%s\"",
                       letter->partition, letter->offset, egw_letter_class(letter));

    egw_hex(letter->digest.b, EGW_SHA256, digest);
    if (!st)
        st = egw_letter_text(out, "topic", letter->topic);
    if (!st)
        st = egw_buf_printf(out, ",\"partition\":%" PRId32 ",\"offset\":%" PRId64,
                            letter->partition, letter->from);
    if (!st)
        st = put_time(out, "recorded_at", letter->recorded_ms);
    if (!st)
        st = put_time(out, "dead_at", letter->dead_ms);
    if (!st)
        st = egw_letter_text(out, "key", letter->key);
    if (!st)
        st = egw_buf_printf(out, ",\"bytes\":%zu", letter->value.n);
    if (!st)
        st = egw_letter_text(out, "sha256", egw_str_of(digest));
    if (!st)
        st = egw_letter_text(out, "reason", letter->reason);
    if (!st && letter->fault)
        st = egw_letter_text(out, "fault", egw_str_of(letter->fault));
    return st;
}
