/*
 * settings - one table of settings for parser, check, sample, manual (edge: libconfig)
 *
 * A settings file is libconfig; every key has one row in egw_settings_table (settings.c): dotted
 * name, type, range, default, help. Unknown keys, wrong types and ranges are faults with file:line,
 * all found in one run. `-s key=value` sets the same rows. Strict at start; nothing is re-read
 * later but secrets and the log level (SIGHUP).
 */
#ifndef EGW_SETTINGS_H
#define EGW_SETTINGS_H

#include <stdio.h>

#include "egw/base.h"
#include "egw/faults.h"

/* Where a setting was set: in a line of the settings file, by -s (line 0), or nowhere (file NULL):
 * then it has its default. */
struct egw_setting_place {
    const char *file;
    int line;
    bool refused; /* by itself or beside another: nothing that rests on its value can be judged */
};

struct egw_property {
    char *name, *value;
    struct egw_setting_place at; /* of librdkafka's in settings; the file's name is the settings' */
};

struct egw_settings {
    struct {
        char *brokers;        /* kafka.brokers: host:port,... */
        char *user;           /* kafka.user: empty: none, no SASL */
        char *password_file;  /* kafka.password_file: read whenever a connection is set up */
        bool allow_plaintext; /* kafka.allow_plaintext: permits PLAINTEXT beyond loopback (K1) */
        int64_t session_timeout_ms;     /* kafka.session_timeout_ms, 30000 */
        int64_t transaction_timeout_ms; /* kafka.transaction_timeout_ms, 15000; <= session */
        struct egw_property
            *properties; /* kafka.properties: librdkafka's own, by allow-list (K5) */
        size_t property_count;
    } kafka;
    struct {
        int64_t partitions; /* topics.partitions, 12: of all co-partitioned topics; fixed by init */
        int64_t replication; /* topics.replication, 3 */
        char *events, *inbox, *outcomes, *escalations /* prefix: .<channel> is added */, *cases;
        char *reference, *policy, *dead_letters, *checkpoints;
    } topics;
    struct {
        char *group;            /* triage.group, "egw-triage"; also the prefix of instance ids */
        int64_t slot;           /* triage.slot, -1: from --slot, EGW_SLOT or the systemd instance */
        int64_t commit_ms;      /* triage.commit_ms, 80 */
        int64_t commit_records; /* triage.commit_records, 50000 */
        int64_t commit_bytes;   /* triage.commit_bytes, 33554432 */
        int64_t stuck_ms;       /* triage.stuck_ms, 60000 */
    } triage;
    struct {
        char *url; /* registry.url: empty: none, single-object encoding is written */
        int64_t timeout_ms;
        char *user, *password_file, *ca_file;
    } registry;
    struct {
        char *dir, *catalogue;  /* policy.dir, policy.catalogue: for init, check, policy verbs */
        int64_t backtest_limit; /* policy.backtest_limit, 100: percent; for policy activate */
    } policy;
    struct {
        char *listen;      /* metrics.listen: empty: nowhere; see egw/metrics.h */
        bool allow_remote; /* metrics.allow_remote: permits addresses other than loopback */
    } metrics;
    struct {
        char *level; /* log.level: error, warn, info, debug */
    } log;
    char *file;                       /* it was read from; NULL: none */
    struct egw_setting_place *places; /* see egw_settings_place() */
};

/* Load path (NULL: defaults only), then overrides "key=value". EGW_OK, EGW_INVALID, EGW_IO,
 * EGW_RETRY (see egw_file_status(); all three with faults), EGW_NOMEM. After EGW_OK the caller owns
 * *ret and ends it with egw_settings_free(). So after EGW_INVALID: where the file could be read at
 * all, *ret is what stands in it, but for the values that were refused (see the places), so that
 * what follows from the others can be judged in the same run; where not, *ret is empty
 * (kafka.brokers is NULL). */
enum egw_status egw_settings_load(const char *path, const char *const *overrides, size_t n,
                                  struct egw_settings *ret,
                                  struct egw_faults *faults) EGW_MUST_CHECK;
void egw_settings_free(struct egw_settings *settings);
/* Of a key of the table. Settings that were not loaded have no places. */
struct egw_setting_place egw_settings_place(const struct egw_settings *settings, const char *key);

/* What the table says, for sample, manual, completion. */
struct egw_setting_view {
    const char *key, *type, *range, *fallback, *help;
};
size_t egw_settings_count(void);
struct egw_setting_view egw_settings_view(size_t index);
/* config/full.cfg, every key at its default, written from the table. */
void egw_settings_sample(FILE *to);

#endif
