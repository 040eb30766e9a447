/*
 * standing - where each partition of triage stands, as its position entry says
 */
#ifndef EGW_STANDING_H
#define EGW_STANDING_H

#include "egw/kafka.h"
#include "reading.h"
#include "topics.h"

/*
 * The last record of a partition that wanted() takes, found from the end: commands need the newest
 * position or outcome, not years of them. EGW_OK; EGW_NOT_FOUND: none; EGW_INVALID: a record cannot
 * be read (reterr names its place); or what reading says. wanted() may be called for several
 * records in log order; the last it took counts. It says EGW_OK: taken; EGW_NOT_FOUND: not one of
 * these; EGW_INVALID: without what this one holds nothing can be said.
 */
typedef enum egw_status egw_wanted_fn(void *user, const struct egw_item *item);
enum egw_status egw_read_back(struct egw_kafka *kafka, const struct egw_settings *settings,
                              const char *topic, int32_t partition, egw_wanted_fn *wanted,
                              void *user, struct egw_error *reterr) EGW_MUST_CHECK;

struct egw_standing {
    int32_t partition_count;
    int64_t next[EGW_TOPIC_INPUTS];
    int64_t activation;
    unsigned char policy[32];
};

/* EGW_NOT_FOUND: no position yet. */
enum egw_status egw_standing_read(struct egw_kafka *kafka, const struct egw_settings *settings,
                                  int32_t partition, struct egw_standing *ret,
                                  struct egw_error *reterr) EGW_MUST_CHECK;

/*
 * Writes the first position of each partition that has none, all in one transaction. Refuses
 * (EGW_INVALID) a partition without one where the group has committed: its state was lost, and
 * starting over would decide everything again. EGW_OK: *ret_written says how many, 0 when all had
 * one.
 */
enum egw_status egw_standing_begin(struct egw_kafka *kafka, const struct egw_settings *settings,
                                   const struct egw_framing *framing, size_t *ret_written,
                                   struct egw_error *reterr) EGW_MUST_CHECK;

/* The transactional id of an operator's command: one at a time, the older is fenced. Long enough
 * for any group name. */
enum { EGW_OPERATOR_ID = 256 };
void egw_operator_id(const struct egw_settings *settings, char out[EGW_OPERATOR_ID]);

#endif
