/* What a topic is held to by the brokers. */
#include "kafka_command.h"

enum { ANSWER_MS = 10000 };

enum egw_status egw_kafka_find_controller(struct egw_kafka *kafka, struct egw_error *reterr)
{
    const struct rd_kafka_metadata *metadata;
    enum egw_status st =
        egw_from_kafka_code(rd_kafka_metadata(kafka->writer, 0, NULL, &metadata, ANSWER_MS),
                            "look for the controller", NULL, reterr);
    int32_t id = rd_kafka_controllerid(kafka->writer, 0);
    bool found = false;

    if (st)
        return st;
    for (int i = 0; i < metadata->broker_cnt; i++)
        found |= metadata->brokers[i].id == id;
    rd_kafka_metadata_destroy(metadata);
    return found ? EGW_OK : egw_error_set(reterr, EGW_RETRY, "the cluster has no controller");
}

static const char *value_of(const rd_kafka_ConfigEntry_t *const *entries, size_t n,
                            const char *name)
{
    for (size_t i = 0; i < n; i++) {
        if (strcmp(rd_kafka_ConfigEntry_name(entries[i]), name) == 0)
            return rd_kafka_ConfigEntry_value(entries[i]);
    }
    return NULL;
}

static enum egw_status read_answer(rd_kafka_event_t *event, const struct egw_kafka_topic *topic,
                                   egw_kafka_setting_fn *take, void *user, struct egw_error *reterr)
{
    const rd_kafka_DescribeConfigs_result_t *result = rd_kafka_event_DescribeConfigs_result(event);
    rd_kafka_resp_err_t code = rd_kafka_event_error(event);
    const char *text = rd_kafka_event_error_string(event);
    const rd_kafka_ConfigResource_t **resources = NULL;
    const rd_kafka_ConfigEntry_t **entries;
    size_t n = 0, m = 0;

    if (!code && result)
        resources = rd_kafka_DescribeConfigs_result_resources(result, &n);
    if (!code && n == 1) {
        code = rd_kafka_ConfigResource_error(resources[0]);
        text = rd_kafka_ConfigResource_error_string(resources[0]);
    }
    if (code || n != 1)
        return egw_from_kafka_code(code ? code : RD_KAFKA_RESP_ERR__BAD_MSG, "look at its settings",
                                   text, reterr);
    entries = rd_kafka_ConfigResource_configs(resources[0], &m);
    for (size_t i = 0; i < topic->setting_count; i++) {
        const char *value = value_of(entries, m, topic->settings[i].name);

        if (value)
            take(user, &topic->settings[i], value);
    }
    return EGW_OK;
}

enum egw_status egw_kafka_describe(struct egw_kafka *kafka, const struct egw_kafka_topic *topic,
                                   egw_kafka_setting_fn *take, void *user, struct egw_error *reterr)
{
    rd_kafka_ConfigResource_t *resource =
        rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, topic->name);
    rd_kafka_AdminOptions_t *options =
        rd_kafka_AdminOptions_new(kafka->writer, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(kafka->writer);
    rd_kafka_event_t *event;
    enum egw_status st;

    (void)rd_kafka_AdminOptions_set_request_timeout(options, ANSWER_MS, NULL, 0);
    rd_kafka_DescribeConfigs(kafka->writer, &resource, 1, options, queue);
    event = rd_kafka_queue_poll(queue, 2 * ANSWER_MS);
    if (event) {
        st = read_answer(event, topic, take, user, reterr);
        rd_kafka_event_destroy(event);
    } else {
        st = egw_error_set(reterr, EGW_RETRY, "no answer");
    }
    rd_kafka_queue_destroy(queue);
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_ConfigResource_destroy(resource);
    return st == EGW_OK ? st : egw_error_prefix(reterr, st, "topic %s", topic->name);
}
