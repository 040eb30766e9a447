/*
 * topics - the one table of topics: names, partitions, how long Kafka keeps them
 *
 * Used by init (creates them), topics and check (compare), triage and demo (the log port's table of
 * names: the port speaks of a topic by its index here).
 */
#ifndef EGW_TOPICS_H
#define EGW_TOPICS_H

#include "egw/kafka.h"
#include "egw/policy.h"
#include "egw/settings.h"

enum egw_topic {
    EGW_TOPIC_EVENTS, /* the inputs come first, as the log port wants it */
    EGW_TOPIC_INBOX,
    EGW_TOPIC_CASES,
    EGW_TOPIC_OUTCOMES,
    EGW_TOPIC_DEAD_LETTERS,
    EGW_TOPIC_REFERENCE,
    EGW_TOPIC_POLICY,
    EGW_TOPIC_ESCALATIONS, /* the first of one for each channel of the policy */
};

enum { EGW_TOPIC_INPUTS = 2, EGW_TOPIC_SETTINGS_MAX = 8 };

struct egw_topic_row {
    char *name;
    char *channel;      /* escalations: the policy's channel; else NULL */
    int32_t partitions; /* topics.partitions, or 1 */
    struct egw_property settings[EGW_TOPIC_SETTINGS_MAX]; /* for Kafka; name and value not owned */
    size_t setting_count;
    char retention[24]; /* what settings point to */
};

struct egw_topics {
    struct egw_topic_row *rows;
    const char **names; /* rows[i].name, as the log port wants them */
    int32_t *counts;    /* rows[i].partitions, likewise */
    size_t count;
    int32_t replication;
};

/*
 * The table by settings, with an escalation topic for each channel. horizon_ms is how long a case's
 * events stay known after its end (egw_policy_horizon_ms): inputs are kept no longer, so that no
 * record can outlive the memory of it. EGW_OK, EGW_INVALID (a channel makes no topic name),
 * EGW_NOMEM. On EGW_OK the caller ends *ret with egw_topics_free().
 */
enum egw_status egw_topics_new(const struct egw_settings *settings, const struct egw_str *channels,
                               size_t n, int64_t horizon_ms, struct egw_topics *ret,
                               struct egw_error *reterr) EGW_MUST_CHECK;
/* The same, channels and horizon taken from the policy; policy NULL: no channels. */
enum egw_status egw_topics_of_policy(const struct egw_settings *settings,
                                     const struct egw_policy *policy, struct egw_topics *ret,
                                     struct egw_error *reterr) EGW_MUST_CHECK;
void egw_topics_free(struct egw_topics *topics);

/* Index of the channel's topic, -1: none. Fits struct egw_triage_topics, user being the table. */
int egw_topics_escalation(void *topics, struct egw_str channel);
/* Whether the brokers hold each topic to what records need that must not be lost: a fault for each
 * setting that does not. How long records are kept is the operator's to say. EGW_OK, EGW_DENIED (no
 * right to look), EGW_RETRY, or what asking says. */
enum egw_status egw_topics_check(const struct egw_topics *topics, struct egw_kafka *kafka,
                                 struct egw_faults *faults,
                                 struct egw_error *reterr) EGW_MUST_CHECK;
/* The row as egw_kafka_create() wants it. Lives as long as the table. */
struct egw_kafka_topic egw_topics_row(const struct egw_topics *topics, size_t index);

#endif
