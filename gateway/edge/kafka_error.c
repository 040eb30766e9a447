/*
 * The ladder (rules page, 4): every error of librdkafka becomes a status here and nowhere else.
 */
#include "kafka_internal.h"

struct marks {
    bool fatal, abort, retriable;
};

static bool says_denied(rd_kafka_resp_err_t code)
{
    switch (code) {
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED:
    case RD_KAFKA_RESP_ERR__AUTHENTICATION:
        return true;
    default:
        return false;
    }
}

static bool passes_by_itself(rd_kafka_resp_err_t code)
{
    switch (code) {
    case RD_KAFKA_RESP_ERR__TRANSPORT:
    case RD_KAFKA_RESP_ERR__TIMED_OUT:
    case RD_KAFKA_RESP_ERR__TIMED_OUT_QUEUE:
    case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
    case RD_KAFKA_RESP_ERR__RESOLVE:
    case RD_KAFKA_RESP_ERR__WAIT_COORD:
    case RD_KAFKA_RESP_ERR__WAIT_CACHE:
    case RD_KAFKA_RESP_ERR__QUEUE_FULL:
    case RD_KAFKA_RESP_ERR__IN_PROGRESS:
    case RD_KAFKA_RESP_ERR__PREV_IN_PROGRESS:
    case RD_KAFKA_RESP_ERR__RETRY:
    case RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION:
    case RD_KAFKA_RESP_ERR_BROKER_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_REPLICA_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_NETWORK_EXCEPTION:
    case RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT:
    case RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS:
    case RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_NOT_COORDINATOR:
    case RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS:
    case RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND:
    case RD_KAFKA_RESP_ERR_NOT_CONTROLLER:
    case RD_KAFKA_RESP_ERR_UNSTABLE_OFFSET_COMMIT:
    case RD_KAFKA_RESP_ERR_CONCURRENT_TRANSACTIONS:
    case RD_KAFKA_RESP_ERR_KAFKA_STORAGE_ERROR:
    case RD_KAFKA_RESP_ERR_FENCED_LEADER_EPOCH:
    case RD_KAFKA_RESP_ERR_UNKNOWN_LEADER_EPOCH:
    case RD_KAFKA_RESP_ERR_OFFSET_NOT_AVAILABLE:
        return true;
    default:
        return false;
    }
}

static enum egw_status plain(rd_kafka_resp_err_t code)
{
    if (passes_by_itself(code))
        return EGW_RETRY;
    switch (code) {
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
        return EGW_NOT_FOUND;
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
    case RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE:
    case RD_KAFKA_RESP_ERR__INVALID_ARG:
    case RD_KAFKA_RESP_ERR_INVALID_CONFIG:
    case RD_KAFKA_RESP_ERR_INVALID_PARTITIONS:
    case RD_KAFKA_RESP_ERR_INVALID_REPLICATION_FACTOR:
    case RD_KAFKA_RESP_ERR_INVALID_REQUEST:
    case RD_KAFKA_RESP_ERR_POLICY_VIOLATION:
    case RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION:
    case RD_KAFKA_RESP_ERR_INVALID_RECORD:
        return EGW_INVALID;
    default:
        return EGW_FATAL;
    }
}

/* marks NULL: a bare code, outside a transaction. */
static enum egw_status step(rd_kafka_resp_err_t code, const struct marks *marks)
{
    if (!marks) {
        if (says_denied(code))
            return EGW_DENIED;
        /* Only a consumer reports this one bare: another process has our instance id, or a broker
         * was away longer than the session. Either way a restart is the answer (rules page, 6). */
        return code == RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID ? EGW_FENCED : plain(code);
    }
    if (marks->abort && !marks->fatal)
        return EGW_ABORT;
    if (says_denied(code))
        return EGW_DENIED;
    if (marks->fatal)
        return EGW_FATAL;
    return marks->retriable ? EGW_RETRY : EGW_FATAL;
}

const char *egw_kafka_advice(rd_kafka_resp_err_t code)
{
    switch (code) {
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
        return "the topic's max.message.bytes is too small for what egw writes: see egw check";
    case RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE:
        return "the topic's segment.bytes is too small for what egw writes";
    default:
        return NULL;
    }
}

enum egw_status egw_kafka_abort_cause(rd_kafka_resp_err_t code)
{
    if (says_denied(code))
        return EGW_DENIED;
    if (egw_kafka_advice(code))
        return EGW_INVALID;
    return plain(code) == EGW_NOT_FOUND ? EGW_NOT_FOUND : EGW_ABORT;
}

rd_kafka_resp_err_t egw_kafka_code_in(const char *line)
{
    const struct rd_kafka_err_desc *known;
    const char *name = strrchr(line, '(');
    size_t n = name ? strcspn(++name, ",)") : 0, count;

    rd_kafka_get_err_descs(&known, &count);
    for (size_t i = 0; n && i < count; i++) {
        if (known[i].name && strlen(known[i].name) == n && memcmp(known[i].name, name, n) == 0)
            return known[i].code;
    }
    return RD_KAFKA_RESP_ERR_UNKNOWN;
}

enum egw_status egw_from_kafka(rd_kafka_error_t *e, const char *doing, struct egw_error *reterr)
{
    struct marks marks;
    const char *advice;
    rd_kafka_resp_err_t code;
    enum egw_status st;

    if (!e)
        return EGW_OK;
    marks = (struct marks){
        .fatal = rd_kafka_error_is_fatal(e),
        .abort = rd_kafka_error_txn_requires_abort(e),
        .retriable = rd_kafka_error_is_retriable(e),
    };
    code = rd_kafka_error_code(e);
    st = step(code, &marks);
    advice = egw_kafka_advice(code);
    (void)egw_error_set(reterr, st == EGW_ABORT ? egw_kafka_abort_cause(code) : st,
                        "%s failed: %s (%s)%s%s", doing, rd_kafka_error_string(e),
                        rd_kafka_error_name(e), advice ? "; " : "", advice ? advice : "");
    rd_kafka_error_destroy(e);
    return st;
}

enum egw_status egw_from_kafka_code(rd_kafka_resp_err_t code, const char *doing, const char *detail,
                                    struct egw_error *reterr)
{
    const char *advice = egw_kafka_advice(code);

    if (!code)
        return EGW_OK;
    if (advice)
        detail = advice;
    return egw_error_set(reterr, step(code, NULL), "%s failed: %s (%s)", doing,
                         detail && *detail ? detail : rd_kafka_err2str(code),
                         rd_kafka_err2name(code));
}
