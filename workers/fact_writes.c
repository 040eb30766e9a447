#include "fact_writes.h"

#include <stdlib.h>

#include "reading.h"
#include "standing.h"

enum { KEPT_MAX = 256 << 20 };

enum egw_status egw_fact_writes_open(const struct egw_settings *settings, bool dry,
                                     struct egw_fact_writes *ret, struct egw_error *reterr)
{
    *ret = (struct egw_fact_writes){.settings = settings, .dry = dry, .kept = {.max = KEPT_MAX}};
    return dry ? EGW_OK : egw_schemas_open(settings, &ret->schemas, reterr);
}

static struct egw_kafka_write *add_write(struct egw_fact_writes *facts)
{
    return egw_grow(&facts->writes, sizeof(*facts->writes), facts->n, &facts->cap)
               ? &facts->writes[facts->n]
               : NULL;
}

enum egw_status egw_fact_writes_add(struct egw_fact_writes *facts,
                                    const struct egw_reference *reference, struct egw_error *reterr)
{
    struct egw_kafka_write *write;
    enum egw_status st = egw_reference_check(reference, reterr);

    egw_buf_clear(&facts->key);
    egw_buf_clear(&facts->value);
    if (!st)
        st = egw_reference_key(reference, &facts->key, reterr);
    if (!st)
        st = egw_encode_framed(&facts->schemas.framing, &egw_type_reference, reference,
                               &facts->value, reterr);
    if (st)
        return st;
    write = add_write(facts);
    if (!write)
        return egw_error_set(reterr, EGW_NOMEM, "no memory for so many facts at once");
    *write = (struct egw_kafka_write){.topic = facts->settings->topics.reference, .partition = 0};
    if (!egw_arena_str(&facts->kept, egw_buf_str(&facts->key), &write->key) ||
        !egw_arena_str(&facts->kept, egw_buf_str(&facts->value), &write->value))
        return egw_error_set(reterr, EGW_NOMEM, "no memory for so many facts at once");
    facts->n++;
    return EGW_OK;
}

enum egw_status egw_fact_writes_commit(struct egw_fact_writes *facts, struct egw_error *reterr)
{
    char operator_id[EGW_OPERATOR_ID];

    if (facts->dry || facts->n == 0)
        return EGW_OK;
    egw_operator_id(facts->settings, operator_id);
    return egw_topic_fault(
        egw_kafka_transaction(facts->settings, operator_id, facts->writes, facts->n, reterr),
        reterr);
}

void egw_fact_writes_close(struct egw_fact_writes *facts)
{
    egw_schemas_close(&facts->schemas);
    free(facts->writes);
    egw_arena_free(&facts->kept);
    egw_buf_free(&facts->key);
    egw_buf_free(&facts->value);
}
