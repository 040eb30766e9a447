/*
 * The text of /metrics, and what ready means. Names once given keep their meaning: dashboards and
 * alerts of others hang on them. Label values need no escapes: topics, channels and workers are
 * letters, digits, '.', '_' and '-' by the settings.
 */
#include "egw/metrics.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

enum { LINE_MAX_BYTES = 1024 };

struct text {
    struct egw_buf *out;
    enum egw_status st; /* the first failure stays, what follows is left out */
};

static void put(struct text *text, const char *fmt, ...) EGW_PRINTF(2, 3);

static void put(struct text *text, const char *fmt, ...)
{
    char line[LINE_MAX_BYTES];
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(line, sizeof(line), fmt, ap);
    va_end(ap);
    if (!text->st && n > 0)
        text->st = egw_buf_put(text->out, line, (size_t)n < sizeof(line) ? (size_t)n : 0);
}

static void head(struct text *text, const char *name, const char *type, const char *help)
{
    put(text, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void counter(struct text *text, const char *name, uint64_t value, const char *help)
{
    head(text, name, "counter", help);
    put(text, "%s %" PRIu64 "\n", name, value);
}

static void gauge(struct text *text, const char *name, int64_t value, const char *help)
{
    head(text, name, "gauge", help);
    put(text, "%s %" PRId64 "\n", name, value);
}

static void seconds(struct text *text, const char *name, int64_t ms)
{
    ms = ms < 0 ? 0 : ms;
    put(text, "%s %" PRId64 ".%03" PRId64 "\n", name, ms / 1000, ms % 1000);
}

static void age(struct text *text, const char *name, int64_t since_ms, int64_t now_ms,
                const char *help)
{
    head(text, name, "gauge", help);
    seconds(text, name, since_ms ? now_ms - since_ms : 0);
}

static void histogram(struct text *text, const char *name, const struct egw_times *times,
                      const char *help)
{
    uint64_t so_far = 0;
    char sum[LINE_MAX_BYTES / 4];

    head(text, name, "histogram", help);
    for (size_t i = 0; i < EGW_TIMES_BOUNDS; i++) {
        so_far += times->counts[i];
        put(text, "%s_bucket{le=\"%g\"} %" PRIu64 "\n", name, (double)egw_times_bounds[i] / 1000,
            so_far);
    }
    put(text, "%s_bucket{le=\"+Inf\"} %" PRIu64 "\n", name, times->n);
    (void)snprintf(sum, sizeof(sum), "%s_sum", name);
    seconds(text, sum, times->sum_ms);
    put(text, "%s_count %" PRIu64 "\n", name, times->n);
}

/* ---- groups, in the order of the page ---- */

static void put_about(struct text *text, const struct egw_metrics_about *about,
                      const struct egw_metrics_sample *sample, const struct egw_metrics_now *now)
{
    char why[EGW_METRICS_REASON];

    head(text, "egw_build_info", "gauge", "Which program this is; always 1.");
    put(text, "egw_build_info{version=\"%s\",librdkafka=\"%s\",worker=\"%s\"} 1\n", about->version,
        about->kafka_version, about->worker);
    gauge(text, "egw_ready", egw_metrics_ready(sample, now->live, why),
          "1 while every assigned partition runs and nothing is draining.");
    head(text, "process_start_time_seconds", "gauge", "Start of the process, Unix time.");
    seconds(text, "process_start_time_seconds", about->started_ms);
    head(text, "process_cpu_seconds_total", "counter", "User and system CPU time.");
    seconds(text, "process_cpu_seconds_total", now->cpu_ms);
    gauge(text, "process_resident_memory_bytes", now->resident_bytes, "Resident memory.");
}

static void put_transactions(struct text *text, const struct egw_runtime_stats *s,
                             const struct egw_metrics_now *now)
{
    static const char *const causes[EGW_RECREATIONS] = {
        [EGW_RECREATED_COMMIT_DOUBTFUL] = "commit-doubtful",
        [EGW_RECREATED_ABORT_DOUBTFUL] = "abort-doubtful",
        [EGW_RECREATED_COMMIT_UNKNOWN] = "commit-unknown",
        [EGW_RECREATED_ABORT_FAILED] = "abort-failed",
        [EGW_RECREATED_BEGIN_FAILED] = "begin-failed",
        [EGW_RECREATED_PRODUCE_FAILED] = "produce-failed",
        [EGW_RECREATED_INIT_FAILED] = "init-failed",
    };

    head(text, "egw_transactions_total", "counter",
         "Transactions by how they ended; unknown: asked to commit and not answered, state was "
         "read again; abandoned: left for the next producer to end.");
    put(text, "egw_transactions_total{result=\"committed\"} %" PRIu64 "\n", s->committed);
    put(text, "egw_transactions_total{result=\"aborted\"} %" PRIu64 "\n", s->aborted);
    put(text, "egw_transactions_total{result=\"unknown\"} %" PRIu64 "\n", s->unknown);
    put(text, "egw_transactions_total{result=\"abandoned\"} %" PRIu64 "\n", s->abandoned);
    histogram(text, "egw_transaction_seconds", &s->commits,
              "From begin to committed; aborted ones are not in it.");
    age(text, "egw_transaction_open_seconds", s->open_since_ms, now->mono_ms,
        "Age of the open transaction; 0: none.");
    head(text, "egw_producer_recreations_total", "counter", "Producers made anew, by cause.");
    for (size_t i = 0; i < EGW_RECREATIONS; i++)
        put(text, "egw_producer_recreations_total{cause=\"%s\"} %" PRIu64 "\n", causes[i],
            s->recreated_by[i]);
}

static void put_outcomes(struct text *text, const struct egw_metrics_sample *sample)
{
    uint64_t letters = 0;

    head(text, "egw_outcomes_total", "counter",
         "Committed outcomes, by action and by the channel chosen.");
    for (size_t channel = 0; channel < sample->channel_count; channel++) {
        const uint64_t *counts = sample->outcomes + channel * sample->action_count;

        letters += counts[sample->dead_letters];
        for (size_t action = 0; action < sample->action_count; action++) {
            if (channel == 0 || counts[action])
                put(text, "egw_outcomes_total{action=\"%s\",channel=\"%s\"} %" PRIu64 "\n",
                    sample->actions[action], sample->channels[channel], counts[action]);
        }
    }
    counter(text, "egw_dead_letters_total", letters,
            "Committed input records that could not be read, kept as dead letters.");
}

static void put_work(struct text *text, const struct egw_runtime_stats *s)
{
    head(text, "egw_steps_total", "counter",
         "Steps by what asked for them; those of an aborted transaction come, and count, again.");
    put(text, "egw_steps_total{input=\"record\"} %" PRIu64 "\n", s->inputs);
    put(text, "egw_steps_total{input=\"timer\"} %" PRIu64 "\n", s->timers);
    put(text, "egw_steps_total{input=\"fact\"} %" PRIu64 "\n", s->facts);
    counter(text, "egw_steps_committed_total", s->steps_committed,
            "Steps whose transaction committed.");
    counter(text, "egw_records_committed_total", s->outputs,
            "Records written by committed transactions: outcomes, commands, state.");
    counter(text, "egw_reference_unusable_total", s->unusable,
            "Reference and policy records that could not be read and were passed over.");
}

static void put_partitions(struct text *text, const struct egw_runtime_stats *s)
{
    head(text, "egw_partitions", "gauge",
         "Partitions assigned; of these: running, and halted until they are assigned anew; of the "
         "running: waiting for a policy or schema.");
    put(text, "egw_partitions{state=\"assigned\"} %zu\n", s->partitions_assigned);
    put(text, "egw_partitions{state=\"running\"} %zu\n", s->partitions_running);
    put(text, "egw_partitions{state=\"halted\"} %zu\n", s->partitions_halted);
    put(text, "egw_partitions{state=\"waiting\"} %zu\n", s->partitions_waiting);
    counter(text, "egw_rebalances_total", s->rebalances, "Assignments received.");
    counter(text, "egw_assignments_lost_total", s->lost,
            "Assignments taken away without having been asked for.");
    counter(text, "egw_offsets_skipped_total", s->skipped,
            "Offsets below the position: handled already, found again, and passed over.");
    histogram(text, "egw_restore_seconds", &s->restores,
              "From assigned to running, for each partition.");
}

static void put_lag(struct text *text, const struct egw_metrics_sample *sample)
{
    head(text, "egw_lag_records", "gauge",
         "Offsets between the committed position and the end of the log as last heard of; stands "
         "still while a partition waits.");
    for (size_t i = 0; i < sample->lag_count; i++) {
        const struct egw_runtime_lag *lag = &sample->lags[i];

        put(text, "egw_lag_records{topic=\"%s\",partition=\"%" PRId32 "\"} %" PRId64 "\n",
            sample->inputs[lag->input], lag->partition, lag->records);
    }
}

static void put_state(struct text *text, const struct egw_runtime_stats *s,
                      const struct egw_metrics_now *now)
{
    age(text, "egw_oldest_undecided_event_seconds", s->oldest_undecided_ms, now->wall_ms,
        "Age, by its record's time, of the oldest event that was read and is not committed; 0: "
        "none.");
    gauge(text, "egw_cases_waiting", (int64_t)s->entries_stuck,
          "Cases that cannot go on until access, an incident or an approval changes; counted by a "
          "walk over all cases, again and again.");
    age(text, "egw_oldest_waiting_case_seconds", s->oldest_stuck_ms, now->wall_ms,
        "Age of the oldest of them since it was opened; 0: none.");
    gauge(text, "egw_state_entries", (int64_t)s->state_entries, "State entries in memory.");
    gauge(text, "egw_state_bytes", (int64_t)s->state_bytes, "Bytes of their keys and values.");
}

static void put_loop(struct text *text, const struct egw_runtime_stats *s,
                     const struct egw_metrics_now *now)
{
    histogram(text, "egw_loop_turn_seconds", &s->turns, "A turn of the loop, without its sleep.");
    head(text, "egw_loop_turn_age_seconds", "gauge",
         "How long ago the loop last began a turn; its longest sleep is half a second.");
    seconds(text, "egw_loop_turn_age_seconds", now->turn_age_ms);
}

enum egw_status egw_metrics_render(const struct egw_metrics_about *about,
                                   const struct egw_metrics_sample *sample,
                                   const struct egw_metrics_now *now, struct egw_buf *out)
{
    struct text text = {out, EGW_OK};

    put_about(&text, about, sample, now);
    if (sample) {
        put_transactions(&text, &sample->stats, now);
        put_outcomes(&text, sample);
        put_work(&text, &sample->stats);
        put_partitions(&text, &sample->stats);
        put_lag(&text, sample);
        put_state(&text, &sample->stats, now);
        put_loop(&text, &sample->stats, now);
    }
    return text.st;
}

/* ---- ready ---- */

bool egw_metrics_ready(const struct egw_metrics_sample *sample, bool live,
                       char why[EGW_METRICS_REASON])
{
    const struct egw_runtime_stats *s = sample ? &sample->stats : NULL;

    why[0] = '\0';
    if (!s)
        (void)snprintf(why, EGW_METRICS_REASON, "starting");
    else if (!live)
        (void)snprintf(why, EGW_METRICS_REASON, "the loop is stuck");
    else if (s->stopping)
        (void)snprintf(why, EGW_METRICS_REASON, "draining");
    else if (!s->assigned)
        (void)snprintf(why, EGW_METRICS_REASON, "no partitions are assigned yet");
    else if (s->partitions_halted)
        (void)snprintf(why, EGW_METRICS_REASON, "%zu of %zu partitions are halted",
                       s->partitions_halted, s->partitions_assigned);
    else if (s->partitions_running < s->partitions_assigned)
        (void)snprintf(why, EGW_METRICS_REASON, "%zu of %zu partitions run", s->partitions_running,
                       s->partitions_assigned);
    return why[0] == '\0';
}
