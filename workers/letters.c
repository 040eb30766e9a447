#include "letters.h"

#include <stdlib.h>

#include "egw/kafka.h"
#include "reading.h"

enum { TURN_MS = 500, HELD_BYTES = 512 << 20 };

const char *egw_letter_class(const struct egw_letter *letter)
{
    return letter->class < EGW_DEAD_CLASSES ? egw_dead_class_names[letter->class] : "unclassified";
}

/* ---- one letter ---- */

static bool number(const struct egw_kafka_reader *reader, const char *header, int64_t max,
                   int64_t *ret)
{
    struct egw_str text = egw_kafka_reader_header(reader, header);

    return text.p && egw_parse_i64(text, 0, max, ret);
}

/* Everything but the bytes themselves; texts are the reader's. */
static struct egw_letter read_letter(const struct egw_kafka_reader *reader,
                                     const struct egw_log_record *record)
{
    struct egw_letter letter = {
        .partition = record->partition,
        .offset = record->offset,
        .dead_ms = record->timestamp_ms,
        .topic = egw_kafka_reader_header(reader, EGW_DEAD_TOPIC),
        .from = -1,
        .recorded_ms = -1,
        .class = egw_dead_class_of(egw_kafka_reader_header(reader, EGW_DEAD_CLASS)),
        .reason = egw_kafka_reader_header(reader, EGW_DEAD_REASON),
        .key = record->key,
        .value = record->value,
    };
    struct egw_sha256 said;
    int64_t partition;

    egw_sha256(record->value.p, record->value.n, &letter.digest);
    (void)number(reader, EGW_DEAD_TIMESTAMP, INT64_MAX, &letter.recorded_ms);
    if (!letter.topic.n || !number(reader, EGW_DEAD_PARTITION, INT32_MAX, &partition) ||
        !number(reader, EGW_DEAD_OFFSET, INT64_MAX, &letter.from))
        letter.fault = "its headers do not say where it came from";
    else if (partition != letter.partition)
        letter.fault = "its headers name another partition than its own";
    else if (!egw_sha256_of_hex(egw_kafka_reader_header(reader, EGW_DEAD_DIGEST), &said) ||
             memcmp(said.b, letter.digest.b, EGW_SHA256) != 0)
        letter.fault = "its bytes do not have the digest it names";
    return letter;
}

/* ---- which ---- */

static bool is_key(struct egw_str asked, struct egw_str key)
{
    const char *slash = key.n ? memchr(key.p, '/', key.n) : NULL;

    if (memchr(asked.p, '/', asked.n) || !slash)
        return egw_str_eq(asked, key);
    return egw_str_eq(asked, (struct egw_str){slash + 1, key.n - (size_t)(slash + 1 - key.p)});
}

static bool is_asked(struct egw_letter_filter *filter, const struct egw_letter *letter)
{
    bool asked = filter->id_count == 0;

    for (size_t i = 0; i < filter->id_count; i++) {
        if (filter->ids[i].partition == letter->partition &&
            filter->ids[i].offset == letter->offset)
            asked = filter->ids[i].found = true;
    }
    return asked;
}

static bool passes(struct egw_letter_filter *filter, const struct egw_letter *letter)
{
    return is_asked(filter, letter) && (!filter->has_class || filter->class == letter->class) &&
           (!filter->topic.p || egw_str_eq(filter->topic, letter->topic)) &&
           (!filter->key.p || is_key(filter->key, letter->key)) &&
           letter->dead_ms >= filter->since_ms && letter->dead_ms < filter->until_ms;
}

/* Those of one record lie as that record's topic had them. */
static int by_origin(const void *a, const void *b)
{
    const struct egw_letter *x = a, *y = b;
    int c = (x->partition > y->partition) - (x->partition < y->partition);

    if (!c)
        c = egw_str_cmp(x->topic, y->topic);
    if (!c)
        c = (x->from > y->from) - (x->from < y->from);
    return c ? c : (x->offset > y->offset) - (x->offset < y->offset);
}

/* ---- all of them ---- */

static enum egw_status keep(struct egw_letters *letters, struct egw_letter *letter,
                            struct egw_error *reterr)
{
    struct egw_arena *arena = &letters->arena;

    if (!egw_grow(&letters->p, sizeof(*letters->p), letters->n, &letters->cap))
        return egw_error_set(reterr, EGW_NOMEM, "no memory for dead letters");
    if (!egw_arena_str(arena, letter->topic, &letter->topic) ||
        !egw_arena_str(arena, letter->reason, &letter->reason) ||
        !egw_arena_str(arena, letter->key, &letter->key) ||
        !egw_arena_str(arena, letter->value, &letter->value))
        return egw_error_set(reterr, EGW_NOMEM,
                             "more than %d MiB of dead letters: ask for fewer at a time",
                             HELD_BYTES >> 20);
    letters->p[letters->n++] = *letter;
    return EGW_OK;
}

static enum egw_status next(struct egw_kafka_reader *reader, const char *topic,
                            struct egw_log_record *ret, struct egw_error *reterr)
{
    for (int64_t waited = 0; waited < EGW_READING_PATIENCE_MS; waited += TURN_MS) {
        enum egw_status st = egw_kafka_reader_next(reader, TURN_MS, ret, reterr);

        if (st != EGW_RETRY)
            return st;
    }
    return egw_error_set(reterr, EGW_RETRY, "no broker answered for %d s while %s was read",
                         EGW_READING_PATIENCE_MS / 1000, topic);
}

static enum egw_status read_all(struct egw_kafka_reader *reader, const char *topic,
                                struct egw_letter_filter *filter, struct egw_letters *letters,
                                struct egw_error *reterr)
{
    struct egw_log_record record;
    enum egw_status st;

    while ((st = next(reader, topic, &record, reterr)) == EGW_OK) {
        struct egw_letter letter = read_letter(reader, &record);

        if (passes(filter, &letter))
            st = keep(letters, &letter, reterr);
        if (st)
            break;
    }
    return st == EGW_NOT_FOUND ? EGW_OK : st;
}

enum egw_status egw_letters_read(const struct egw_settings *settings,
                                 struct egw_letter_filter *filter, struct egw_letters *ret,
                                 struct egw_error *reterr)
{
    const char *topic = settings->topics.dead_letters;
    struct egw_kafka_reader *reader = NULL;
    enum egw_status st;

    *ret = (struct egw_letters){.arena = {.max = HELD_BYTES}};
    st = egw_kafka_reader_new(settings, topic, -1, EGW_LOG_BEGINNING, &reader, reterr);
    if (st == EGW_NOT_FOUND)
        return egw_error_set(reterr, EGW_IO, "there is no topic %s: run egw init", topic);
    if (st)
        return st;
    st = read_all(reader, topic, filter, ret, reterr);
    egw_kafka_reader_free(reader);
    if (ret->n)
        qsort(ret->p, ret->n, sizeof(*ret->p), by_origin);
    return st;
}

void egw_letters_free(struct egw_letters *letters)
{
    free(letters->p);
    egw_arena_free(&letters->arena);
}
