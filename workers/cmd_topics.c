/* egw topics: what is in Kafka, and how far triage has come. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "activate.h"
#include "commands.h"
#include "egw/json.h"
#include "standing.h"
#include "topics.h"

static const struct egw_option options[] = {
    {'o', "output", "FORMAT", "how to print (default: text)", "text|json", false, NULL},
    {0, NULL, NULL, NULL, NULL, false, NULL},
};

enum { MARKERS_MAX = 100, READ_MS = 2000 };

struct span {
    int64_t low, high;
};

struct measured {
    const char *name;
    int32_t partitions; /* 0: the topic is missing */
    struct span *spans;
};

struct place {
    int64_t lag[EGW_TOPIC_INPUTS]; /* -1: the group has committed nothing */
    int64_t outcome_ms;            /* of the newest outcome; -1: none */
};

struct survey {
    const struct egw_settings *settings;
    struct egw_kafka *kafka;
    struct egw_topics topics;
    struct measured *measured; /* one for each of topics */
    struct place *places;      /* one for each partition of the inputs */
    int32_t place_count;
};

/* ---- asking ---- */

static enum egw_status measure(struct survey *survey, size_t index, struct egw_error *reterr)
{
    struct measured *m = &survey->measured[index];
    enum egw_status st;

    m->name = survey->topics.names[index];
    st = egw_kafka_partitions(survey->kafka, m->name, &m->partitions, reterr);
    if (st == EGW_NOT_FOUND) {
        m->partitions = 0;
        return EGW_OK;
    }
    if (st)
        return st;
    m->spans = calloc((size_t)m->partitions, sizeof(*m->spans));
    if (!m->spans)
        return egw_error_set(reterr, EGW_NOMEM, "no memory for the partitions of %s", m->name);
    for (int32_t p = 0; st == EGW_OK && p < m->partitions; p++)
        st = egw_kafka_ends(survey->kafka, m->name, p, &m->spans[p].low, &m->spans[p].high, reterr);
    return st;
}

/* When is all that is asked: one that cannot be read is told of by what shows outcomes. */
static enum egw_status take_outcome(void *user, const struct egw_item *item)
{
    int64_t *latest = user;

    if (item->type != &egw_type_outcome && (item->type || !item->record.value.p))
        return EGW_NOT_FOUND;
    *latest = item->record.timestamp_ms;
    return EGW_OK;
}

static enum egw_status find_outcome(struct survey *survey, int32_t partition,
                                    struct egw_error *reterr)
{
    struct place *place = &survey->places[partition];
    enum egw_status st;

    place->outcome_ms = -1;
    if (partition >= survey->measured[EGW_TOPIC_OUTCOMES].partitions)
        return EGW_OK;
    st = egw_read_back(survey->kafka, survey->settings, survey->settings->topics.outcomes,
                       partition, take_outcome, &place->outcome_ms, reterr);
    return st == EGW_NOT_FOUND ? EGW_OK : st;
}

/* A log may end in markers of transactions, which nobody reads and commits. Where no record comes
 * before its end, nothing is left to do. */
static enum egw_status drop_markers(struct survey *survey, const char *topic, int32_t partition,
                                    int64_t from, int64_t *lag, struct egw_error *reterr)
{
    struct egw_kafka_reader *reader = NULL;
    struct egw_log_record record;
    struct egw_error end;
    enum egw_status st =
        egw_kafka_reader_new(survey->settings, topic, partition, from, &reader, reterr);

    if (st == EGW_OK && egw_kafka_reader_next(reader, READ_MS, &record, &end) == EGW_NOT_FOUND)
        *lag = 0;
    egw_kafka_reader_free(reader);
    return st;
}

static enum egw_status find_lag(struct survey *survey, int32_t partition, size_t input,
                                struct egw_error *reterr)
{
    const struct measured *m = &survey->measured[input];
    int64_t committed = -1, *lag = &survey->places[partition].lag[input];
    enum egw_status st;

    *lag = -1;
    if (partition >= m->partitions)
        return EGW_OK;
    st = egw_kafka_committed(survey->kafka, survey->settings->triage.group, m->name, partition,
                             &committed, reterr);
    if (st != EGW_OK || committed < 0)
        return st;
    *lag = committed < m->spans[partition].high ? m->spans[partition].high - committed : 0;
    if (*lag == 0 || *lag > MARKERS_MAX)
        return EGW_OK;
    return drop_markers(survey, m->name, partition, committed, lag, reterr);
}

static enum egw_status ask(struct survey *survey, struct egw_error *reterr)
{
    enum egw_status st = EGW_OK;

    survey->measured = calloc(survey->topics.count, sizeof(*survey->measured));
    if (!survey->measured)
        return egw_error_set(reterr, EGW_NOMEM, "no memory for the topics");
    for (size_t i = 0; st == EGW_OK && i < survey->topics.count; i++)
        st = measure(survey, i, reterr);
    if (st)
        return st;
    survey->place_count = survey->measured[EGW_TOPIC_EVENTS].partitions;
    survey->places = calloc((size_t)survey->place_count + 1, sizeof(*survey->places));
    if (!survey->places)
        return egw_error_set(reterr, EGW_NOMEM, "no memory for the partitions");
    for (int32_t p = 0; st == EGW_OK && p < survey->place_count; p++) {
        for (size_t i = 0; st == EGW_OK && i < EGW_TOPIC_INPUTS; i++)
            st = find_lag(survey, p, i, reterr);
        if (st == EGW_OK)
            st = find_outcome(survey, p, reterr);
    }
    return st;
}

/* ---- printing ---- */

static void put_topic_text(const struct measured *m)
{
    int64_t offsets = 0;

    if (m->partitions == 0) {
        (void)printf("%-40s %10s %14s\n", m->name, "missing", "-");
        return;
    }
    for (int32_t p = 0; p < m->partitions; p++)
        offsets += m->spans[p].high - m->spans[p].low;
    (void)printf("%-40s %10d %14" PRId64 "\n", m->name, (int)m->partitions, offsets);
}

static void put_count(int64_t n)
{
    if (n < 0)
        (void)printf(" %12s", "-");
    else
        (void)printf(" %12" PRId64, n);
}

static void put_text(const struct survey *survey)
{
    char when[EGW_TIME_TEXT];

    (void)printf("%-40s %10s %14s\n", "TOPIC", "PARTITIONS", "OFFSETS HELD");
    for (size_t i = 0; i < survey->topics.count; i++)
        put_topic_text(&survey->measured[i]);
    (void)printf("\n%-9s %12s %12s  %s\n", "PARTITION", "EVENTS LAG", "INBOX LAG", "LAST OUTCOME");
    for (int32_t p = 0; p < survey->place_count; p++) {
        const struct place *place = &survey->places[p];

        (void)printf("%9d", (int)p);
        for (size_t i = 0; i < EGW_TOPIC_INPUTS; i++)
            put_count(place->lag[i]);
        if (place->outcome_ms >= 0)
            egw_time_format(place->outcome_ms, when);
        (void)printf("  %s\n", place->outcome_ms >= 0 ? when : "-");
    }
}

/* Names of topics hold nothing JSON would escape: settings.c allows letters, digits and ._- only.
 */
static void put_topic_json(const struct measured *m)
{
    (void)printf("{\"topic\":\"%s\",\"partitions\":[", m->name);
    for (int32_t p = 0; p < m->partitions; p++)
        (void)printf("%s{\"low\":%" PRId64 ",\"high\":%" PRId64 "}", p ? "," : "", m->spans[p].low,
                     m->spans[p].high);
    (void)fputs("]}", stdout);
}

static void put_number_json(const char *name, int64_t n)
{
    if (n < 0)
        (void)printf("\"%s\":null", name);
    else
        (void)printf("\"%s\":%" PRId64, name, n);
}

static void put_place_json(const struct place *place)
{
    char when[EGW_TIME_TEXT];

    (void)fputc('{', stdout);
    put_number_json("events_lag", place->lag[EGW_TOPIC_EVENTS]);
    (void)fputc(',', stdout);
    put_number_json("inbox_lag", place->lag[EGW_TOPIC_INBOX]);
    if (place->outcome_ms >= 0) {
        egw_time_format(place->outcome_ms, when);
        (void)printf(",\"last_outcome\":\"%s\"}", when);
    } else {
        (void)fputs(",\"last_outcome\":null}", stdout);
    }
}

static void put_json(const struct survey *survey)
{
    (void)fputs("{\"topics\":[", stdout);
    for (size_t i = 0; i < survey->topics.count; i++) {
        (void)fputs(i ? "," : "", stdout);
        put_topic_json(&survey->measured[i]);
    }
    (void)printf("],\"group\":\"%s\",\"partitions\":[", survey->settings->triage.group);
    for (int32_t p = 0; p < survey->place_count; p++) {
        (void)fputs(p ? "," : "", stdout);
        put_place_json(&survey->places[p]);
    }
    (void)puts("]}");
}

/* ---- the command ---- */

/* Channels are named by the policy; without a usable one the other topics are shown all the same.
 */
static enum egw_status name_topics(struct survey *survey, struct egw_error *reterr)
{
    const struct egw_settings *s = survey->settings;
    struct egw_policy_folder folder = {0};
    struct egw_faults faults = {0};
    struct egw_error error = {0};
    enum egw_status st;

    if (egw_policy_folder_load(s->policy.dir, s->policy.catalogue, &folder, &faults, &error))
        (void)fprintf(stderr, "egw: topics of channels are left out: %s\n", error.text);
    st = egw_topics_of_policy(s, folder.policy, &survey->topics, reterr);
    egw_policy_folder_free(&folder);
    egw_faults_free(&faults);
    return st;
}

static void free_survey(struct survey *survey)
{
    for (size_t i = 0; survey->measured && i < survey->topics.count; i++)
        free(survey->measured[i].spans);
    free(survey->measured);
    free(survey->places);
    egw_topics_free(&survey->topics);
    if (survey->kafka)
        egw_kafka_close(survey->kafka);
}

static int run(struct egw_args *args)
{
    const char *output = egw_arg(args, "output");
    struct survey survey = {.settings = &args->settings};
    struct egw_error error = {0};
    enum egw_status st = name_topics(&survey, &error);
    int code = EGW_EXIT_OK;

    if (st == EGW_OK)
        st = egw_kafka_open(survey.settings, "egw-topics", &survey.kafka, &error);
    if (st == EGW_OK)
        st = ask(&survey, &error);
    if (st)
        code = egw_fail(&error);
    else if (output && strcmp(output, "json") == 0)
        put_json(&survey);
    else
        put_text(&survey);
    free_survey(&survey);
    return code;
}

const struct egw_command egw_cmd_topics = {
    .name = "topics",
    .summary = "show topics, the lag of triage and the latest outcomes",
    .about = "Shows for each topic its partitions and how many offsets it holds (transaction "
             "markers count as offsets), then for each partition how many offsets of events and "
             "inbox triage has not committed, and when the last outcome was written. A dash: "
             "nothing yet.",
    .exits = "0 shown, 69 no broker or no topic, 78 settings",
    .options = options,
    .run = run,
};
