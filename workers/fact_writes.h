/*
 * fact_writes - facts collected for the reference topic, written in one transaction or not at all
 */
#ifndef EGW_FACT_WRITES_H
#define EGW_FACT_WRITES_H

#include "cli.h"
#include "egw/buf.h"
#include "egw/facts.h"
#include "egw/kafka.h"
#include "schemas.h"

struct egw_fact_writes {
    struct egw_kafka_write *writes;
    size_t n, cap;
    struct egw_arena kept; /* keys and values until they are written */
    struct egw_buf key, value;
    struct egw_schemas schemas; /* a dry run writes fingerprints: it asks nobody */
    const struct egw_settings *settings;
    bool dry;
};

/* End it with egw_fact_writes_close(), also after a failure. As egw_schemas_open(); a dry run:
 * EGW_OK. */
enum egw_status egw_fact_writes_open(const struct egw_settings *settings, bool dry,
                                     struct egw_fact_writes *ret,
                                     struct egw_error *reterr) EGW_MUST_CHECK;
/* EGW_OK; EGW_INVALID: it is no good fact, and is not among them; EGW_NOMEM. */
enum egw_status egw_fact_writes_add(struct egw_fact_writes *facts,
                                    const struct egw_reference *reference,
                                    struct egw_error *reterr) EGW_MUST_CHECK;
/* A dry run writes nothing. As egw_kafka_transaction(). */
enum egw_status egw_fact_writes_commit(struct egw_fact_writes *facts,
                                       struct egw_error *reterr) EGW_MUST_CHECK;
void egw_fact_writes_close(struct egw_fact_writes *facts);

#endif
