/*
 * reading - what commands read from topics: decoded records
 *
 * A reading follows committed records only, outside any group, and decodes each into the record's
 * own struct. What cannot be decoded is handed on as such, with the reason: nothing is skipped in
 * silence.
 */
#ifndef EGW_READING_H
#define EGW_READING_H

#include <stdio.h>

#include "egw/kafka.h"
#include "egw/records.h"
#include "lines.h"

struct egw_reading;

struct egw_item {
    struct egw_log_record record;
    const struct egw_type
        *type;         /* NULL: not read; see why, or a tombstone (record.value.p == NULL) */
    const void *value; /* the struct of that type; lives until the next call */
    struct egw_error why;
};

enum {
    EGW_READING_PATIENCE_MS = 20000, /* how long a broker may be silent before a command gives up */
};

/* For what Kafka says of a whole topic: one that is not there is no answer "no" (EGW_NOT_FOUND, and
 * exit code 1), nothing could be asked: EGW_IO. */
enum egw_status egw_topic_fault(enum egw_status st, struct egw_error *err);

/* partition -1: all; from as egw_kafka_reader_new(). EGW_IO: the topic is not there. */
enum egw_status egw_reading_new(const struct egw_settings *settings, const char *topic,
                                int32_t partition, int64_t from, struct egw_reading **ret,
                                struct egw_error *reterr) EGW_MUST_CHECK;
void egw_reading_free(struct egw_reading *reading); /* NULL is allowed */

/* The next record: EGW_OK; EGW_NOT_FOUND: all that was there has been read (call again to follow);
 * EGW_RETRY: no answer for EGW_READING_PATIENCE_MS; or an error. */
enum egw_status egw_reading_next(struct egw_reading *reading, struct egw_item *ret,
                                 struct egw_error *reterr) EGW_MUST_CHECK;

/* Read to the end. take() returns false to stop early. EGW_OK at the end or a stop. */
typedef bool egw_take_fn(void *user, const struct egw_item *item);
enum egw_status egw_read_all(const struct egw_settings *settings, const char *topic,
                             int32_t partition, egw_take_fn *take, void *user,
                             struct egw_error *reterr) EGW_MUST_CHECK;

/* "topic/partition/offset: why" for a person. */
void egw_item_complain(const char *topic, const struct egw_item *item, FILE *to);

/* Whether this outcome is meant: by its event id, its own place in the topic of outcomes
 * (support.outcomes/3/17), that of what triggered it (support.events/3/12), or its place in the
 * chain (triage/3/17). */
bool egw_names_outcome(const char *name, const char *topic, const struct egw_item *item);

#endif
