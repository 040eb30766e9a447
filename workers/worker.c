#include "worker.h"

#include <stdlib.h>

#include "cli.h"
#include "egw/schema.h"
#include "egw/triage.h"
#include "workshop.h"

enum {
    ASK_AGAIN_MS = 2000,       /* between two questions to a registry that does not answer */
    FORGET_REFUSED_MS = 60000, /* how long a definite "there is none" is believed */
    SURVEY_ENTRIES = 256,      /* of the state a sample looks at: some 0.2 ms */
    REST_MS = 3,               /* markers take that long; who begins in them is put off by 20 */
};

struct egw_worker {
    struct egw_worker_conf conf;
    const char *input_names[EGW_TOPIC_INPUTS];
    struct egw_plans *plans;
    struct egw_triage *triage;
    struct egw_runtime *runtime;
    struct egw_workshop *workshop;
    int32_t asked_id;          /* the schema id last asked for; -1: none */
    int64_t forget_refused_ms; /* when what the registry lacked is asked for anew; monotonic */
    int64_t ask_again_ms;
    enum egw_status registry_told; /* how it was as last told */
    bool out_of_memory;
    struct egw_runtime_lag *lags; /* of a sample, lag_max of them */
    size_t lag_max;
    const char **channels; /* likewise: by topic, after the one for none */
};

/* ---- what triage asks of the wiring ---- */

static void compile(void *user, const struct egw_sha256 *manifest,
                    const struct egw_policy_file *files, size_t n)
{
    struct egw_worker *worker = user;

    if (egw_workshop_compile(worker->workshop, manifest, files, n))
        worker->out_of_memory = true;
}

static enum egw_status accept_schema(void *user, struct egw_str json, struct egw_error *reterr)
{
    struct egw_worker *worker = user;
    struct egw_plan *plan;
    uint64_t fingerprint;
    enum egw_status st = egw_schema_fingerprint(json, &fingerprint, reterr);

    if (!st)
        st = egw_schemas_plan(json, &plan, reterr);
    return st ? st : egw_plans_add_fingerprint(worker->plans, fingerprint, plan);
}

/* ---- what the workshop has made ---- */

/* Partitions wait for it, so its troubles are told: when they begin, when they are of another kind,
 * when they are over. */
static void tell_registry(struct egw_worker *worker, const struct egw_workshop_result *result)
{
    enum egw_status now = result->status == EGW_NOT_FOUND ? EGW_OK : result->status;

    if (now == worker->registry_told)
        return;
    if (now == EGW_OK)
        egw_log_line(EGW_LEVEL_INFO, "registry.answers", NULL);
    else
        egw_log_line(EGW_LEVEL_WARN, "registry.trouble", "why", result->error.text, NULL);
    worker->registry_told = now;
}

static void take_schema(struct egw_worker *worker, struct egw_workshop_result *result)
{
    enum egw_status st = EGW_OK;

    if (result->status == EGW_OK)
        st = egw_plans_add_id(worker->plans, result->id, result->plan);
    else if (result->status == EGW_NOT_FOUND)
        st = egw_plans_refuse_id(worker->plans, result->id);
    else
        worker->ask_again_ms = worker->conf.log.ops->mono_ms(worker->conf.log.self) + ASK_AGAIN_MS;
    worker->asked_id = -1;
    tell_registry(worker, result);
    if (st == EGW_NOMEM)
        worker->out_of_memory = true;
}

static void take_results(struct egw_worker *worker)
{
    struct egw_workshop_result result;

    while (egw_workshop_take(worker->workshop, &result)) {
        if (result.kind == EGW_WORKSHOP_POLICY)
            egw_triage_policy(worker->triage, &result.manifest, result.policy, &result.error);
        else
            take_schema(worker, &result);
        egw_runtime_nudge(worker->runtime);
    }
}

/* Or a schema registered after its first record came would never be read before a restart. */
static void forget_refused(struct egw_worker *worker)
{
    int64_t now = worker->conf.log.ops->mono_ms(worker->conf.log.self);

    if (now < worker->forget_refused_ms)
        return;
    egw_plans_forget_refused(worker->plans);
    worker->forget_refused_ms = now + FORGET_REFUSED_MS;
}

static void ask_for_schema(struct egw_worker *worker)
{
    int32_t id = egw_triage_wants_schema(worker->triage);

    if (id < 0 || id == worker->asked_id ||
        worker->conf.log.ops->mono_ms(worker->conf.log.self) < worker->ask_again_ms)
        return;
    if (egw_workshop_fetch(worker->workshop, id))
        worker->out_of_memory = true;
    worker->asked_id = id;
}

enum egw_status egw_worker_turn(struct egw_worker *worker, int64_t max_ms, struct egw_error *reterr)
{
    take_results(worker);
    forget_refused(worker);
    ask_for_schema(worker);
    if (worker->out_of_memory)
        return egw_error_set(reterr, EGW_NOMEM, "no memory for an order to the workshop");
    return egw_runtime_turn(worker->runtime, max_ms, reterr);
}

void egw_worker_stop(struct egw_worker *worker, enum egw_stop how)
{
    egw_runtime_stop(worker->runtime, how);
}

void egw_worker_stats(const struct egw_worker *worker, struct egw_runtime_stats *ret)
{
    egw_runtime_stats(worker->runtime, ret);
}

uint64_t egw_worker_dead_letters(const struct egw_worker *worker)
{
    return egw_runtime_tallies(worker->runtime)[egw_triage_tally(EGW_ACTION_DEAD_LETTERED, -1)];
}

void egw_worker_sample(struct egw_worker *worker, struct egw_metrics_sample *ret)
{
    egw_runtime_survey(worker->runtime, SURVEY_ENTRIES);
    *ret = (struct egw_metrics_sample){
        .inputs = worker->input_names,
        .lags = worker->lags,
        .lag_count = egw_runtime_lags(worker->runtime, worker->lags, worker->lag_max),
        .outcomes = egw_runtime_tallies(worker->runtime) + egw_triage_tally(0, -1),
        .actions = egw_action_names,
        .action_count = EGW_TRIAGE_ACTIONS,
        .channels = worker->channels,
        .channel_count = worker->conf.topics->count + 1,
        .dead_letters = EGW_ACTION_DEAD_LETTERED,
    };
    egw_runtime_stats(worker->runtime, &ret->stats);
}

/* ---- life ---- */

static enum egw_status make_sample(struct egw_worker *worker, struct egw_error *reterr)
{
    const struct egw_topics *topics = worker->conf.topics;

    worker->lag_max = (size_t)worker->conf.settings->topics.partitions * EGW_TOPIC_INPUTS;
    worker->lags = calloc(worker->lag_max, sizeof(*worker->lags));
    worker->channels = calloc(topics->count + 1, sizeof(*worker->channels));
    if (!worker->lags || !worker->channels)
        return egw_error_set(reterr, EGW_NOMEM, "no memory for the counters of a worker");
    for (size_t i = 0; i <= topics->count; i++)
        worker->channels[i] = i && topics->rows[i - 1].channel ? topics->rows[i - 1].channel : "";
    return EGW_OK;
}

static enum egw_status open_triage(struct egw_worker *worker, struct egw_error *reterr)
{
    const struct egw_worker_conf *conf = &worker->conf;
    struct egw_triage_topics topics = {
        .outcomes = EGW_TOPIC_OUTCOMES,
        .inbox = EGW_TOPIC_INBOX,
        .dead_letters = EGW_TOPIC_DEAD_LETTERS,
        .reference = EGW_TOPIC_REFERENCE,
        .policy = EGW_TOPIC_POLICY,
        .escalations = egw_topics_escalation,
        .user = (void *)conf->topics,
        .input_names = {worker->input_names[0], worker->input_names[1]},
        .reference_name = conf->topics->names[EGW_TOPIC_REFERENCE],
    };
    struct egw_triage_ports ports = {.compile = compile, .schema = accept_schema, .user = worker};

    return egw_triage_new(&topics, &ports, &conf->schemas->framing, worker->plans, &worker->triage,
                          reterr);
}

static enum egw_status open_runtime(struct egw_worker *worker, struct egw_error *reterr)
{
    const struct egw_settings *settings = worker->conf.settings;
    struct egw_runtime_conf conf = {
        .input_names = worker->input_names,
        .input_count = EGW_TOPIC_INPUTS,
        .state_topic = EGW_TOPIC_CASES,
        .reference_topic = EGW_TOPIC_REFERENCE,
        .policy_topic = EGW_TOPIC_POLICY,
        .partition_count = (int32_t)settings->topics.partitions,
        .plans = worker->plans,
        .framing = &worker->conf.schemas->framing,
        .batch_ms = settings->triage.commit_ms,
        .batch_records = (size_t)settings->triage.commit_records,
        .batch_bytes = (size_t)settings->triage.commit_bytes,
        .rest_ms = REST_MS,
        .settle_ms = settings->kafka.transaction_timeout_ms + 10000, /* and the broker's sweep */
        .tallies = EGW_TRIAGE_TALLIES(worker->conf.topics->count),
        .note = worker->conf.note,
        .user = worker->conf.note_user,
    };

    return egw_runtime_new(&conf, worker->conf.log, egw_triage_processor(worker->triage),
                           &worker->runtime, reterr);
}

enum egw_status egw_worker_new(const struct egw_worker_conf *conf, struct egw_worker **ret,
                               struct egw_error *reterr)
{
    struct egw_worker *worker = calloc(1, sizeof(*worker));
    enum egw_status st;

    if (!worker)
        return egw_error_set(reterr, EGW_NOMEM, "no memory for a worker");
    worker->conf = *conf;
    worker->asked_id = -1;
    for (int i = 0; i < EGW_TOPIC_INPUTS; i++)
        worker->input_names[i] = conf->topics->names[i];
    st = egw_plans_builtin(&worker->plans, reterr);
    if (!st) {
        egw_plans_expect_registry(worker->plans, *conf->settings->registry.url != '\0');
        st = egw_schemas_teach(conf->schemas, worker->plans, reterr);
    }
    if (!st)
        st = make_sample(worker, reterr);
    if (!st)
        st = egw_workshop_new(conf->settings, conf->wake, conf->wake_user, &worker->workshop,
                              reterr);
    if (!st)
        st = open_triage(worker, reterr);
    if (!st)
        st = open_runtime(worker, reterr);
    if (st) {
        egw_worker_free(worker);
        return st;
    }
    *ret = worker;
    return EGW_OK;
}

void egw_worker_quiet(struct egw_worker *worker)
{
    if (!worker)
        return;
    egw_workshop_free(worker->workshop); /* it may be reading the files of a policy */
    worker->workshop = NULL;
}

void egw_worker_free(struct egw_worker *worker)
{
    if (!worker)
        return;
    egw_worker_quiet(worker);
    egw_runtime_free(worker->runtime);
    egw_triage_free(worker->triage);
    egw_plans_free(worker->plans);
    free(worker->lags);
    free(worker->channels);
    free(worker);
}
