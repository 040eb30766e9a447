#include "standing.h"

#include <stdlib.h>
#include <time.h>

#include "egw/runtime.h"

/* ---- reading from the end ---- */

static enum egw_status read_window(const struct egw_settings *settings, const char *topic,
                                   int32_t partition, int64_t from, egw_wanted_fn *wanted,
                                   void *user, bool *ret_found, struct egw_error *reterr)
{
    struct egw_reading *reading = NULL;
    struct egw_item item;
    enum egw_status st = egw_reading_new(settings, topic, partition, from, &reading, reterr);

    while (!st) {
        enum egw_status taken;

        st = egw_reading_next(reading, &item, reterr);
        if (st)
            break;
        taken = wanted(user, &item);
        *ret_found |= taken == EGW_OK;
        if (taken == EGW_INVALID)
            st = egw_error_set(reterr, EGW_INVALID, "cannot read %s/%d/%lld: %s", topic,
                               (int)partition, (long long)item.record.offset, item.why.text);
    }
    egw_reading_free(reading);
    return st == EGW_NOT_FOUND ? EGW_OK : st;
}

enum egw_status egw_read_back(struct egw_kafka *kafka, const struct egw_settings *settings,
                              const char *topic, int32_t partition, egw_wanted_fn *wanted,
                              void *user, struct egw_error *reterr)
{
    static const int64_t windows[] = {256, 16384, INT64_MAX};
    int64_t low = 0, high = 0;
    bool found = false;
    enum egw_status st = egw_kafka_ends(kafka, topic, partition, &low, &high, reterr);

    for (size_t i = 0; !st && low < high && i < EGW_COUNT(windows); i++) {
        int64_t from = high - low > windows[i] ? high - windows[i] : low;

        st = read_window(settings, topic, partition, from, wanted, user, &found, reterr);
        if (!st && found)
            return EGW_OK;
        if (from == low)
            break;
    }
    if (st)
        return st;
    return egw_error_set(reterr, EGW_NOT_FOUND, "nothing of the kind is in %s/%d", topic,
                         (int)partition);
}

/* ---- positions ---- */

static enum egw_status take_position(void *user, const struct egw_item *item)
{
    struct egw_standing *standing = user;
    const struct egw_position *position = item->value;
    const struct egw_input_position *inputs;

    if (!item->type && item->record.value.p)
        return EGW_INVALID;
    if (item->type != &egw_type_position || !egw_str_is(item->record.key, EGW_POSITION_KEY))
        return EGW_NOT_FOUND;
    inputs = position->inputs.p;
    *standing = (struct egw_standing){.partition_count = position->partition_count,
                                      .activation = position->activation};
    memcpy(standing->policy, position->policy, sizeof(standing->policy));
    for (size_t i = 0; i < EGW_TOPIC_INPUTS && i < position->inputs.n; i++)
        standing->next[i] = inputs[i].next;
    return EGW_OK;
}

enum egw_status egw_standing_read(struct egw_kafka *kafka, const struct egw_settings *settings,
                                  int32_t partition, struct egw_standing *ret,
                                  struct egw_error *reterr)
{
    enum egw_status st = egw_read_back(kafka, settings, settings->topics.cases, partition,
                                       take_position, ret, reterr);

    if (st == EGW_NOT_FOUND)
        return egw_error_set(reterr, st, "%s/%d has no position: run egw init",
                             settings->topics.cases, (int)partition);
    return st;
}

/* ---- first positions ---- */

struct first {
    struct egw_kafka *kafka;
    const struct egw_settings *settings;
    const struct egw_framing *framing;
    const char *inputs[EGW_TOPIC_INPUTS];
    struct egw_buf bytes; /* the encoded positions, one after another */
    struct egw_kafka_write *writes;
    size_t *ends; /* of each position in bytes: it may move while it grows */
    size_t n;
};

/* A group that committed where state has no position has lost its state. */
static enum egw_status refuse_lost_state(const struct first *f, int32_t partition,
                                         struct egw_error *reterr)
{
    for (size_t i = 0; i < EGW_TOPIC_INPUTS; i++) {
        int64_t committed = -1;
        enum egw_status st = egw_kafka_committed(f->kafka, f->settings->triage.group, f->inputs[i],
                                                 partition, &committed, reterr);

        if (st)
            return st;
        if (committed >= 0)
            return egw_error_set(reterr, EGW_INVALID,
                                 "%s/%d has no position, but group %s has committed %s/%d up to "
                                 "%lld: its state was lost, restore the topic",
                                 f->settings->topics.cases, (int)partition,
                                 f->settings->triage.group, f->inputs[i], (int)partition,
                                 (long long)committed);
    }
    return EGW_OK;
}

static enum egw_status encode_first(struct first *f, int32_t partition, struct egw_error *reterr)
{
    struct egw_input_position inputs[EGW_TOPIC_INPUTS] = {0};
    struct egw_position position = {
        .version = 1,
        .partition_count = (int32_t)f->settings->topics.partitions,
        .inputs = {inputs, EGW_TOPIC_INPUTS},
    };
    enum egw_status st = EGW_OK;

    for (size_t i = 0; st == EGW_OK && i < EGW_TOPIC_INPUTS; i++) {
        int64_t low = 0, high = 0;

        /* 0 in a new topic; what retention has deleted before the first start is nobody's to decide
         */
        st = egw_kafka_ends(f->kafka, f->inputs[i], partition, &low, &high, reterr);
        inputs[i].topic = egw_str_of(f->inputs[i]);
        inputs[i].next = low;
        inputs[i].last = -1;
    }
    if (st == EGW_OK)
        st = egw_encode_framed(f->framing, &egw_type_position, &position, &f->bytes, reterr);
    if (st)
        return st;
    f->writes[f->n] = (struct egw_kafka_write){.topic = f->settings->topics.cases,
                                               .partition = partition,
                                               .key = EGW_STR(EGW_POSITION_KEY)};
    f->ends[f->n++] = f->bytes.n;
    return EGW_OK;
}

static enum egw_status add_first(struct first *f, int32_t partition, struct egw_error *reterr)
{
    struct egw_standing standing;
    enum egw_status st = egw_standing_read(f->kafka, f->settings, partition, &standing, reterr);

    if (st == EGW_OK && standing.partition_count != f->settings->topics.partitions)
        return egw_error_set(
            reterr, EGW_INVALID,
            "the position of %s/%d is for %d partitions, topics.partitions is %lld",
            f->settings->topics.cases, (int)partition, (int)standing.partition_count,
            (long long)f->settings->topics.partitions);
    if (st != EGW_NOT_FOUND)
        return st;
    st = refuse_lost_state(f, partition, reterr);
    return st ? st : encode_first(f, partition, reterr);
}

static enum egw_status write_first(struct first *f, struct egw_error *reterr)
{
    char id[EGW_OPERATOR_ID];
    size_t from = 0;

    for (size_t i = 0; i < f->n; i++) {
        f->writes[i].value = (struct egw_str){(const char *)f->bytes.p + from, f->ends[i] - from};
        from = f->ends[i];
    }
    egw_operator_id(f->settings, id);
    return egw_kafka_transaction(f->settings, id, f->writes, f->n, reterr);
}

enum egw_status egw_standing_begin(struct egw_kafka *kafka, const struct egw_settings *settings,
                                   const struct egw_framing *framing, size_t *ret_written,
                                   struct egw_error *reterr)
{
    struct first f = {.kafka = kafka,
                      .settings = settings,
                      .framing = framing,
                      .inputs = {settings->topics.events, settings->topics.inbox}};
    size_t partitions = (size_t)settings->topics.partitions;
    enum egw_status st = EGW_OK;

    f.writes = calloc(partitions, sizeof(*f.writes));
    f.ends = calloc(partitions, sizeof(*f.ends));
    if (!f.writes || !f.ends)
        st = egw_error_set(reterr, EGW_NOMEM, "no memory for the first positions");
    for (size_t p = 0; st == EGW_OK && p < partitions; p++)
        st = add_first(&f, (int32_t)p, reterr);
    if (st == EGW_OK && f.n > 0)
        st = write_first(&f, reterr);
    if (st == EGW_OK)
        *ret_written = f.n;
    egw_buf_free(&f.bytes);
    free(f.writes);
    free(f.ends);
    return st;
}

void egw_operator_id(const struct egw_settings *settings, char out[EGW_OPERATOR_ID])
{
    (void)snprintf(out, EGW_OPERATOR_ID, "%s-operator", settings->triage.group);
}
