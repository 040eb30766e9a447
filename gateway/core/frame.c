#include "egw/codec.h"

#include "egw/records.h"

enum { CONFLUENT_HEAD = 5, SINGLE_HEAD = 10 };

static struct egw_str after(struct egw_str value, size_t n)
{
    return (struct egw_str){value.p + n, value.n - n};
}

struct egw_frame egw_frame_read(struct egw_str value)
{
    const unsigned char *p = (const unsigned char *)value.p;
    struct egw_frame frame = {.kind = EGW_FRAME_NONE};

    if (!p)
        return frame;
    if (value.n >= CONFLUENT_HEAD && p[0] == 0x00) {
        uint32_t id = (uint32_t)p[1] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 8 | p[4];

        if (id > INT32_MAX) /* registries number from 1 up, in an int */
            return frame;
        frame.kind = EGW_FRAME_CONFLUENT;
        frame.id = (int32_t)id;
        frame.body = after(value, CONFLUENT_HEAD);
    } else if (value.n >= SINGLE_HEAD && p[0] == 0xC3 && p[1] == 0x01) {
        frame.kind = EGW_FRAME_SINGLE;
        for (int i = 7; i >= 0; i--)
            frame.fingerprint = frame.fingerprint << 8 | p[2 + i];
        frame.body = after(value, SINGLE_HEAD);
    }
    return frame;
}

/* The type's place in egw_record_types, by which ids are kept; -1: it has none. */
static int place_of(const struct egw_type *type)
{
    for (int i = 0; i < EGW_RECORD_COUNT; i++) {
        if (egw_record_types[i] == type)
            return i;
    }
    return -1;
}

static enum egw_status put_head(const struct egw_framing *framing, const struct egw_type *type,
                                int place, struct egw_buf *out, struct egw_error *reterr)
{
    unsigned char head[SINGLE_HEAD] = {0xC3, 0x01};
    size_t n = SINGLE_HEAD;

    if (framing->confluent) {
        uint32_t id = (uint32_t)framing->ids[place];

        head[0] = 0x00;
        for (int i = 0; i < 4; i++)
            head[1 + i] = (unsigned char)(id >> (24 - 8 * i));
        n = CONFLUENT_HEAD;
    } else {
        for (int i = 0; i < 8; i++)
            head[2 + i] = (unsigned char)(type->fingerprint >> (8 * i));
    }
    if (egw_buf_put(out, head, n))
        return egw_error_set(reterr, EGW_NOMEM, "no room for the frame of %s", type->name);
    return EGW_OK;
}

enum egw_status egw_encode_framed(const struct egw_framing *framing, const struct egw_type *type,
                                  const void *record, struct egw_buf *out, struct egw_error *reterr)
{
    const size_t before = out->n;
    const int place = place_of(type);
    enum egw_status st;

    if (place < 0)
        return egw_error_set(reterr, EGW_INVALID, "%s is no record that stands on a topic",
                             type->name ? type->name : "a type without a name");
    st = put_head(framing, type, place, out, reterr);
    if (!st)
        st = egw_encode(type, record, out, reterr);
    if (st)
        out->n = before;
    return st;
}
