/* The embedded cluster. Three brokers, Nagle off on its side too: else every commit waits for it.
 */
#include "kafka_internal.h"

#include <stdlib.h>

enum { MOCK_BROKERS = 3, MOCK_CLOSE_MS = 10000 };

enum egw_status egw_kafka_mock_new(struct egw_kafka_mock **ret, struct egw_error *reterr)
{
    const struct egw_kafka_handle_conf conf = {.role = EGW_KAFKA_MOCK, .client_id = "egw-mock"};
    struct egw_kafka_mock *mock = calloc(1, sizeof(*mock));
    enum egw_status st;

    if (!mock)
        return egw_error_set(reterr, EGW_NOMEM, "no memory for the mock cluster");
    st = egw_kafka_handle(&conf, &mock->handle, reterr);
    if (st != EGW_OK) {
        free(mock);
        return st;
    }
    mock->cluster = rd_kafka_mock_cluster_new(mock->handle, MOCK_BROKERS);
    if (!mock->cluster) {
        egw_kafka_mock_free(mock);
        return egw_error_set(reterr, EGW_FATAL, "the mock cluster did not start");
    }
    *ret = mock;
    return EGW_OK;
}

const char *egw_kafka_mock_brokers(const struct egw_kafka_mock *mock)
{
    return rd_kafka_mock_cluster_bootstraps(mock->cluster);
}

enum egw_status egw_kafka_mock_topic(struct egw_kafka_mock *mock, const char *name,
                                     int32_t partitions, struct egw_error *reterr)
{
    rd_kafka_resp_err_t code =
        rd_kafka_mock_topic_create(mock->cluster, name, partitions, MOCK_BROKERS);

    if (!code)
        return EGW_OK;
    if (code == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS)
        return egw_error_set(reterr, EGW_INVALID, "topic %s exists", name);
    return egw_from_kafka_code(code, name, NULL, reterr);
}

void egw_kafka_mock_free(struct egw_kafka_mock *mock)
{
    if (!mock)
        return;
    if (mock->cluster)
        rd_kafka_mock_cluster_destroy(mock->cluster);
    (void)egw_kafka_destroy(mock->handle, MOCK_CLOSE_MS);
    free(mock);
}
