/*
 * mock_cluster TOPIC:PARTITIONS ... - librdkafka's mock cluster in a process of its own
 *
 * Prints its brokers as one line. For each line of input, the name of a topic, it prints how many
 * records that topic holds; it ends when its input does.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "egw/kafka.h"
#include "egw/settings.h"

static enum egw_status make_topic(struct egw_kafka_mock *mock, const char *word,
                                  struct egw_error *reterr)
{
    const char *colon = strchr(word, ':');
    int64_t partitions;
    char name[250];

    if (!colon || (size_t)(colon - word) >= sizeof(name) ||
        !egw_parse_i64(egw_str_of(colon + 1), 1, 100, &partitions))
        return egw_error_set(reterr, EGW_INVALID, "%s is not TOPIC:PARTITIONS", word);
    (void)snprintf(name, sizeof(name), "%.*s", (int)(colon - word), word);
    return egw_kafka_mock_topic(mock, name, (int32_t)partitions, reterr);
}

static enum egw_status count(struct egw_kafka *kafka, const char *topic, int64_t *ret,
                             struct egw_error *reterr)
{
    int32_t partitions = 0;
    enum egw_status st = egw_kafka_partitions(kafka, topic, &partitions, reterr);

    *ret = 0;
    for (int32_t p = 0; !st && p < partitions; p++) {
        int64_t low = 0, high = 0;

        st = egw_kafka_ends(kafka, topic, p, &low, &high, reterr);
        *ret += high - low;
    }
    return st;
}

static enum egw_status answer(struct egw_kafka *kafka, struct egw_error *reterr)
{
    char topic[256];
    int64_t records;
    enum egw_status st = EGW_OK;

    while (!st && fgets(topic, sizeof(topic), stdin)) {
        topic[strcspn(topic, "\n")] = '\0';
        st = count(kafka, topic, &records, reterr);
        if (!st)
            (void)printf("%" PRId64 "\n", records);
        (void)fflush(stdout);
    }
    return st;
}

static enum egw_status serve(struct egw_kafka_mock *mock, struct egw_error *reterr)
{
    char brokers[256];
    const char *overrides[] = {brokers};
    struct egw_settings settings;
    struct egw_faults faults = {0};
    struct egw_kafka *kafka = NULL;
    enum egw_status st;

    (void)snprintf(brokers, sizeof(brokers), "kafka.brokers=%s", egw_kafka_mock_brokers(mock));
    st = egw_settings_load(NULL, overrides, 1, &settings, &faults);
    egw_faults_free(&faults);
    if (st) {
        egw_settings_free(&settings);
        return egw_error_set(reterr, st, "the settings do not load");
    }
    st = egw_kafka_open(&settings, "mock-cluster", &kafka, reterr);
    (void)puts(egw_kafka_mock_brokers(mock));
    (void)fflush(stdout);
    if (!st)
        st = answer(kafka, reterr);
    if (kafka)
        egw_kafka_close(kafka);
    egw_settings_free(&settings);
    return st;
}

int main(int argc, char **argv)
{
    struct egw_kafka_mock *mock = NULL;
    struct egw_error error = {.text = ""};
    enum egw_status st = egw_kafka_mock_new(&mock, &error);

    for (int i = 1; !st && i < argc; i++)
        st = make_topic(mock, argv[i], &error);
    if (!st)
        st = serve(mock, &error);
    egw_kafka_mock_free(mock);
    if (st)
        (void)fprintf(stderr, "mock_cluster: %s\n", error.text);
    return st ? EXIT_FAILURE : EXIT_SUCCESS;
}
