#include "topics.h"

#include <stdio.h>
#include <stdlib.h>

#define DAY_MS      INT64_C(86400000)
#define HORIZON_MS  (30 * DAY_MS)   /* where no policy says another */
#define COMMANDS_MS (90 * DAY_MS)   /* far past the longest a command may wait */
#define LETTERS_MS  (365 * DAY_MS)  /* bytes of strangers, maybe personal: not for ever */
#define OUTCOMES_MS (1095 * DAY_MS) /* the record of what was decided: three years */

/* Input is at most 1 MiB; packages, state and policies may be twice that (promises D12). */
static const char message_bytes[] = "2097152";
/* Only closed segments are compacted, and a restart reads all that is left: keep them small. */
static const char state_segment_bytes[] = "16777216";
static const char state_segment_ms[] = "3600000";
static const char state_dirty_ratio[] = "0.1";

enum keep { KEEP_HORIZON, KEEP_COMMANDS, KEEP_LETTERS, KEEP_OUTCOMES, KEEP_COMPACTED };

struct plan {
    size_t name; /* offset of its name in struct egw_settings; an escalation's prefix */
    enum keep keep;
    bool single; /* one partition, whatever topics.partitions says */
};

static const struct plan plans[] = {
    [EGW_TOPIC_EVENTS] = {offsetof(struct egw_settings, topics.events), KEEP_HORIZON, false},
    [EGW_TOPIC_INBOX] = {offsetof(struct egw_settings, topics.inbox), KEEP_HORIZON, false},
    [EGW_TOPIC_CASES] = {offsetof(struct egw_settings, topics.cases), KEEP_COMPACTED, false},
    [EGW_TOPIC_OUTCOMES] = {offsetof(struct egw_settings, topics.outcomes), KEEP_OUTCOMES, false},
    [EGW_TOPIC_DEAD_LETTERS] = {offsetof(struct egw_settings, topics.dead_letters), KEEP_LETTERS,
                                false},
    [EGW_TOPIC_REFERENCE] = {offsetof(struct egw_settings, topics.reference), KEEP_COMPACTED, true},
    [EGW_TOPIC_POLICY] = {offsetof(struct egw_settings, topics.policy), KEEP_COMPACTED, true},
    [EGW_TOPIC_ESCALATIONS] = {offsetof(struct egw_settings, topics.escalations), KEEP_COMMANDS,
                               false},
};

static int64_t retention_ms(enum keep keep, int64_t horizon_ms)
{
    switch (keep) {
    case KEEP_HORIZON:
        return horizon_ms;
    case KEEP_COMMANDS:
        return COMMANDS_MS;
    case KEEP_LETTERS:
        return LETTERS_MS;
    case KEEP_OUTCOMES:
        return OUTCOMES_MS;
    case KEEP_COMPACTED:
        break;
    }
    return -1;
}

/* struct egw_property holds char * because settings own theirs; Kafka only reads these. */
static void add(struct egw_topic_row *row, const char *name, const char *value)
{
    row->settings[row->setting_count++] =
        (struct egw_property){.name = (char *)name, .value = (char *)value};
}

static void fill_settings(struct egw_topic_row *row, enum keep keep, int64_t horizon_ms,
                          int32_t replication)
{
    add(row, "max.message.bytes", message_bytes);
    add(row, "unclean.leader.election.enable", "false");
    add(row, "min.insync.replicas", replication >= 3 ? "2" : "1");
    if (keep == KEEP_COMPACTED) {
        add(row, "cleanup.policy", "compact");
        add(row, "segment.bytes", state_segment_bytes);
        add(row, "segment.ms", state_segment_ms);
        add(row, "min.cleanable.dirty.ratio", state_dirty_ratio);
        return;
    }
    (void)snprintf(row->retention, sizeof(row->retention), "%lld",
                   (long long)retention_ms(keep, horizon_ms));
    add(row, "cleanup.policy", "delete");
    add(row, "retention.ms", row->retention);
}

static bool is_channel(struct egw_str channel)
{
    for (size_t i = 0; i < channel.n; i++) {
        char c = channel.p[i];

        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              c == '-' || c == '_' || c == '.'))
            return false;
    }
    return channel.n > 0 && channel.n <= 64;
}

static enum egw_status name_row(struct egw_topic_row *row, const char *name, struct egw_str channel,
                                struct egw_error *reterr)
{
    char full[256];

    if (channel.p && !is_channel(channel))
        return egw_error_set(reterr, EGW_INVALID, "channel \"%.*s\" makes no topic name",
                             EGW_FMT(channel));
    if (channel.p) {
        (void)snprintf(full, sizeof(full), "%s.%.*s", name, EGW_FMT(channel));
        row->name = strdup(full);
        row->channel = strndup(channel.p, channel.n);
    } else {
        row->name = strdup(name);
    }
    if (!row->name || (channel.p && !row->channel))
        return egw_error_set(reterr, EGW_NOMEM, "no memory for the table of topics");
    return EGW_OK;
}

static enum egw_status fill_row(struct egw_topics *topics, const struct egw_settings *settings,
                                const struct plan *plan, struct egw_str channel, int64_t horizon_ms,
                                struct egw_error *reterr)
{
    struct egw_topic_row *row = &topics->rows[topics->count];
    const char *name = *(char *const *)((const char *)settings + plan->name);

    topics->count++; /* counted first: a half-built row is freed with the rest */
    row->partitions = plan->single ? 1 : (int32_t)settings->topics.partitions;
    fill_settings(row, plan->keep, horizon_ms, topics->replication);
    return name_row(row, name, channel, reterr);
}

enum egw_status egw_topics_new(const struct egw_settings *settings, const struct egw_str *channels,
                               size_t n, int64_t horizon_ms, struct egw_topics *ret,
                               struct egw_error *reterr)
{
    struct egw_topics made = {.replication = (int32_t)settings->topics.replication};
    size_t most = EGW_TOPIC_ESCALATIONS + n;
    enum egw_status st = EGW_OK;

    made.rows = calloc(most, sizeof(*made.rows));
    made.names = calloc(most, sizeof(*made.names));
    made.counts = calloc(most, sizeof(*made.counts));
    if (!made.rows || !made.names || !made.counts)
        st = egw_error_set(reterr, EGW_NOMEM, "no memory for the table of topics");
    for (size_t i = 0; st == EGW_OK && i < most; i++) {
        bool fixed = i < EGW_TOPIC_ESCALATIONS;
        struct egw_str channel = fixed ? EGW_STR_NONE : channels[i - EGW_TOPIC_ESCALATIONS];

        st = fill_row(&made, settings, &plans[fixed ? i : EGW_TOPIC_ESCALATIONS], channel,
                      horizon_ms, reterr);
    }
    if (st) {
        egw_topics_free(&made);
        return st;
    }
    for (size_t i = 0; i < made.count; i++) {
        made.names[i] = made.rows[i].name;
        made.counts[i] = made.rows[i].partitions;
    }
    *ret = made;
    return EGW_OK;
}

enum egw_status egw_topics_of_policy(const struct egw_settings *settings,
                                     const struct egw_policy *policy, struct egw_topics *ret,
                                     struct egw_error *reterr)
{
    size_t n = policy ? egw_policy_channel_count(policy) : 0;
    struct egw_str *channels = calloc(n + 1, sizeof(*channels));
    enum egw_status st;

    if (!channels)
        return egw_error_set(reterr, EGW_NOMEM, "no memory for the table of topics");
    for (size_t i = 0; i < n; i++)
        channels[i] = egw_policy_channel(policy, i);
    st = egw_topics_new(settings, channels, n, policy ? egw_policy_horizon_ms(policy) : HORIZON_MS,
                        ret, reterr);
    free(channels);
    return st;
}

void egw_topics_free(struct egw_topics *topics)
{
    if (!topics)
        return;
    for (size_t i = 0; i < topics->count; i++) {
        free(topics->rows[i].name);
        free(topics->rows[i].channel);
    }
    free(topics->rows);
    free(topics->names);
    free(topics->counts);
    *topics = (struct egw_topics){0};
}

int egw_topics_escalation(void *user, struct egw_str channel)
{
    const struct egw_topics *topics = user;

    for (size_t i = EGW_TOPIC_ESCALATIONS; i < topics->count; i++)
        if (egw_str_is(channel, topics->rows[i].channel))
            return (int)i;
    return -1;
}

struct egw_kafka_topic egw_topics_row(const struct egw_topics *topics, size_t index)
{
    const struct egw_topic_row *row = &topics->rows[index];

    return (struct egw_kafka_topic){row->name, row->partitions, topics->replication, row->settings,
                                    row->setting_count};
}

/* ---- what the brokers make of them ---- */

struct holding {
    const struct egw_topic_row *row;
    struct egw_faults *faults;
};

/* Fewer bytes or copies than wanted, another way to clean, a leader that may lose records. */
static bool does_harm(const struct egw_property *wanted, const char *value)
{
    int64_t least, has;

    if (strcmp(wanted->name, "cleanup.policy") == 0 ||
        strcmp(wanted->name, "unclean.leader.election.enable") == 0)
        return strcmp(value, wanted->value) != 0;
    if (strcmp(wanted->name, "max.message.bytes") != 0 &&
        strcmp(wanted->name, "min.insync.replicas") != 0)
        return false;
    return egw_parse_i64(egw_str_of(wanted->value), 0, INT64_MAX, &least) &&
           egw_parse_i64(egw_str_of(value), 0, INT64_MAX, &has) && has < least;
}

static void take_setting(void *user, const struct egw_property *wanted, const char *value)
{
    const struct holding *holding = user;
    bool least = wanted->value[0] >= '0' && wanted->value[0] <= '9';

    if (does_harm(wanted, value))
        egw_faults_add(holding->faults, NULL, 0, "topic %s: %s is %s, must be %s%s",
                       holding->row->name, wanted->name, value, wanted->value,
                       least ? " or more" : "");
}

enum egw_status egw_topics_check(const struct egw_topics *topics, struct egw_kafka *kafka,
                                 struct egw_faults *faults, struct egw_error *reterr)
{
    enum egw_status st = egw_kafka_find_controller(kafka, reterr);

    for (size_t i = 0; i < topics->count && !st; i++) {
        struct holding holding = {&topics->rows[i], faults};
        struct egw_kafka_topic topic = egw_topics_row(topics, i);

        st = egw_kafka_describe(kafka, &topic, take_setting, &holding, reterr);
    }
    return st;
}
