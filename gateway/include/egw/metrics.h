/*
 * metrics - what an operator's tools see of a worker: /metrics, /ready, /live (edge: libmicrohttpd)
 *
 * The loop publishes a sample of its counters now and then; whoever asks over HTTP gets the last
 * one, so that no scrape touches what the loop works on. No event text, no customer: every label
 * comes from a closed set (topics, partitions, actions, channels, causes).
 *
 *   /metrics  Prometheus' text format, version 0.0.4
 *   /ready    200 when every assigned partition runs; else 503, and why
 *   /live     200 while the loop turns; else 503
 *
 * Threading: publish() belongs to the loop; the HTTP side has one thread of its own.
 */
#ifndef EGW_METRICS_H
#define EGW_METRICS_H

#include "egw/buf.h"
#include "egw/runtime.h"

/* Who it is. */
struct egw_metrics_about {
    const char *version, *kafka_version;
    const char *worker; /* "egw-triage-003" */
    int64_t started_ms; /* Unix ms */
};

/* What the loop had counted at one moment. The names must outlive the metrics. */
struct egw_metrics_sample {
    struct egw_runtime_stats stats;
    const char *const *inputs; /* names of the input topics, by struct egw_runtime_lag */
    const struct egw_runtime_lag *lags;
    size_t lag_count;
    const uint64_t *outcomes; /* [channel * action_count + action] */
    const char *const *actions;
    const char *const *channels; /* [0]: "", none */
    size_t action_count, channel_count;
    size_t dead_letters; /* index in actions */
};

/* What is asked for when somebody looks. */
struct egw_metrics_now {
    int64_t wall_ms, mono_ms;
    int64_t turn_age_ms; /* how long ago the loop last began a turn; -1: it has not begun */
    bool live;
    int64_t cpu_ms, resident_bytes;
};

/* Appends the text. sample NULL: still starting. EGW_OK, EGW_NOMEM. */
enum egw_status egw_metrics_render(const struct egw_metrics_about *about,
                                   const struct egw_metrics_sample *sample,
                                   const struct egw_metrics_now *now,
                                   struct egw_buf *out) EGW_MUST_CHECK;

enum { EGW_METRICS_REASON = 96 };
/* Whether work can be given to it; if not, why. */
bool egw_metrics_ready(const struct egw_metrics_sample *sample, bool live,
                       char why[EGW_METRICS_REASON]);

/* ---- over HTTP ---- */

struct egw_metrics;

struct egw_metrics_conf {
    const char *listen; /* metrics.listen: "127.0.0.1:9464", "[::1]:9464+slot", "unix:/path" */
    int64_t slot;       /* what "+slot" adds */
    struct egw_metrics_about about;
    /* How long ago the loop began its turn, in ms (-1: not yet), and whether that is still well.
     * Called from the HTTP thread. */
    int64_t (*turn_age)(void *user, bool *ret_live);
    void *user;
};

/* Listens. What about points to must outlive it. EGW_OK, EGW_INVALID (cannot listen there: says
 * why), EGW_FENCED (somebody else does), EGW_FATAL (no socket or thread to be had), EGW_NOMEM. */
enum egw_status egw_metrics_open(const struct egw_metrics_conf *conf, struct egw_metrics **ret,
                                 struct egw_error *reterr) EGW_MUST_CHECK;
/* Copies the sample, names excepted. EGW_OK, EGW_NOMEM. */
enum egw_status egw_metrics_publish(struct egw_metrics *metrics,
                                    const struct egw_metrics_sample *sample) EGW_MUST_CHECK;
void egw_metrics_close(struct egw_metrics *metrics); /* NULL is allowed */

const char *egw_metrics_library(void); /* libmicrohttpd's version, at run time */

#endif
