#include "reading.h"

#include <inttypes.h>
#include <stdlib.h>

#include "cli.h"
#include "decoder.h"

enum { TURN_MS = 500 };

struct egw_reading {
    struct egw_kafka_reader *reader;
    struct egw_decoder *decoder;
    struct egw_arena arena;
    const char *topic;
};

enum egw_status egw_topic_fault(enum egw_status st, struct egw_error *err)
{
    if (st == EGW_NOT_FOUND)
        st = err->status = EGW_IO;
    return st;
}

enum egw_status egw_reading_new(const struct egw_settings *settings, const char *topic,
                                int32_t partition, int64_t from, struct egw_reading **ret,
                                struct egw_error *reterr)
{
    struct egw_reading *reading = calloc(1, sizeof(*reading));
    enum egw_status st;

    if (!reading)
        return egw_error_set(reterr, EGW_NOMEM, "no memory to read %s", topic);
    reading->topic = topic;
    st = egw_decoder_new(settings, &reading->decoder, reterr);
    if (!st)
        st = egw_topic_fault(
            egw_kafka_reader_new(settings, topic, partition, from, &reading->reader, reterr),
            reterr);
    if (st) {
        egw_reading_free(reading);
        return st;
    }
    *ret = reading;
    return EGW_OK;
}

void egw_reading_free(struct egw_reading *reading)
{
    if (!reading)
        return;
    if (reading->reader)
        egw_kafka_reader_free(reading->reader);
    egw_decoder_free(reading->decoder);
    egw_arena_free(&reading->arena);
    free(reading);
}

static enum egw_status decode_item(struct egw_reading *reading, struct egw_item *item,
                                   struct egw_error *reterr)
{
    void *value = NULL;
    enum egw_status st;

    item->type = NULL;
    item->value = NULL;
    item->why = (struct egw_error){0};
    if (!item->record.value.p) {
        (void)egw_error_set(&item->why, EGW_NOT_FOUND, "the record has no value");
        return EGW_OK;
    }
    egw_arena_reset(&reading->arena);
    st = egw_decoder_read(reading->decoder, item->record.value, &reading->arena, &item->type,
                          &value, &item->why);
    item->value = value;
    if (st == EGW_NOMEM || st == EGW_RETRY) /* nothing was found out about the record */
        return egw_error_set(reterr, st, "%s", item->why.text);
    return EGW_OK; /* unreadable: type stays NULL and why says so */
}

enum egw_status egw_reading_next(struct egw_reading *reading, struct egw_item *ret,
                                 struct egw_error *reterr)
{
    for (int64_t waited = 0; waited < EGW_READING_PATIENCE_MS; waited += TURN_MS) {
        enum egw_status st = egw_kafka_reader_next(reading->reader, TURN_MS, &ret->record, reterr);

        if (st == EGW_OK)
            return decode_item(reading, ret, reterr);
        if (st != EGW_RETRY)
            return st;
    }
    return egw_error_set(reterr, EGW_RETRY, "no broker answered for %d s while %s was read",
                         EGW_READING_PATIENCE_MS / 1000, reading->topic);
}

enum egw_status egw_read_all(const struct egw_settings *settings, const char *topic,
                             int32_t partition, egw_take_fn *take, void *user,
                             struct egw_error *reterr)
{
    struct egw_reading *reading = NULL;
    struct egw_item item;
    enum egw_status st =
        egw_reading_new(settings, topic, partition, EGW_LOG_BEGINNING, &reading, reterr);

    while (!st) {
        st = egw_reading_next(reading, &item, reterr);
        if (!st && !take(user, &item))
            break;
    }
    egw_reading_free(reading);
    return st == EGW_NOT_FOUND ? EGW_OK : st;
}

void egw_item_complain(const char *topic, const struct egw_item *item, FILE *to)
{
    (void)fprintf(to, "egw: %s/%" PRId32 "/%" PRId64 ": ", topic, item->record.partition,
                  item->record.offset);
    egw_put_safe(to, egw_str_of(item->why.text));
    (void)fputc('\n', to);
}

bool egw_names_outcome(const char *name, const char *topic, const struct egw_item *item)
{
    const struct egw_outcome *outcome = item->value;
    const struct egw_trigger *trigger = &outcome->trigger;
    char place[3][512];

    if (egw_str_is(outcome->event_id, name))
        return true;
    if (!strchr(name, '/'))
        return false; /* every place has one; most names have not, and a topic has many outcomes */
    (void)snprintf(place[0], sizeof(place[0]), "%s/%" PRId32 "/%" PRId64, topic,
                   item->record.partition, item->record.offset);
    (void)snprintf(place[1], sizeof(place[1]), "%.*s/%" PRId32 "/%" PRId64,
                   (int)(trigger->topic.n > 250 ? 250 : trigger->topic.n),
                   trigger->topic.p ? trigger->topic.p : "", trigger->partition, trigger->offset);
    (void)snprintf(place[2], sizeof(place[2]), "%.*s/%" PRId64,
                   (int)(outcome->chain.n > 250 ? 250 : outcome->chain.n),
                   outcome->chain.p ? outcome->chain.p : "", outcome->seq);
    return strcmp(place[0], name) == 0 || strcmp(place[1], name) == 0 ||
           strcmp(place[2], name) == 0;
}
