#include "egw/dead.h"

#include <inttypes.h>

enum { TOPIC_MAX = 249 }; /* Kafka's own limit */

const char *const egw_dead_class_names[EGW_DEAD_CLASSES] = {
    [EGW_DEAD_NO_VALUE] = "no-value",
    [EGW_DEAD_NO_FRAME] = "no-frame",
    [EGW_DEAD_UNKNOWN_SCHEMA] = "unknown-schema",
    [EGW_DEAD_WRONG_RECORD] = "wrong-record",
    [EGW_DEAD_DECODE_FAULT] = "decode-fault",
};

enum egw_dead_class egw_dead_class_of(struct egw_str name)
{
    int class = 0;

    while (class < EGW_DEAD_CLASSES && !egw_str_is(name, egw_dead_class_names[class]))
        class ++;
    return (enum egw_dead_class) class;
}

bool egw_retry_by_valid(struct egw_str by)
{
    for (size_t i = 0; i < by.n; i++) {
        if (by.p[i] <= ' ' || by.p[i] > '~')
            return false;
    }
    return by.n > 0 && by.n <= EGW_RETRY_BY_MAX;
}

static bool topic_valid(struct egw_str topic)
{
    for (size_t i = 0; i < topic.n; i++) {
        char c = topic.p[i];

        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              c == '.' || c == '_' || c == '-'))
            return false;
    }
    return topic.n > 0 && topic.n <= TOPIC_MAX;
}

enum egw_status egw_retry_write(const struct egw_retry *retry, bool moved, struct egw_buf *out)
{
    return egw_buf_printf(out, "%.*s/%" PRId32 "/%" PRId64 " %" PRId64 " %.*s%s",
                          EGW_FMT(retry->topic), retry->partition, retry->offset, retry->letter,
                          EGW_FMT(retry->by), moved ? " moved" : "");
}

/* Whether it does; then that is taken off. */
static bool ends_in(struct egw_str *text, struct egw_str end)
{
    if (text->n < end.n || memcmp(text->p + text->n - end.n, end.p, end.n) != 0)
        return false;
    text->n -= end.n;
    return true;
}

/* What stands before the next c, which is taken too. False: there is none. */
static bool take_until(struct egw_str *rest, char c, struct egw_str *ret)
{
    if (!rest->n || !memchr(rest->p, c, rest->n))
        return false;
    *ret = egw_str_take(rest, c);
    return true;
}

bool egw_retry_read(struct egw_str header, struct egw_retry *ret, bool *ret_moved)
{
    struct egw_str partition, offset, letter;
    int64_t n;

    *ret = (struct egw_retry){0};
    *ret_moved = ends_in(&header, EGW_STR(" moved"));
    if (!take_until(&header, '/', &ret->topic) || !take_until(&header, '/', &partition) ||
        !take_until(&header, ' ', &offset) || !take_until(&header, ' ', &letter) ||
        !topic_valid(ret->topic) || !egw_parse_i64(partition, 0, INT32_MAX, &n) ||
        !egw_parse_i64(offset, 0, INT64_MAX, &ret->offset) ||
        !egw_parse_i64(letter, 0, INT64_MAX, &ret->letter) || !egw_retry_by_valid(header))
        return false;
    ret->partition = (int32_t)n;
    ret->by = header;
    return true;
}
