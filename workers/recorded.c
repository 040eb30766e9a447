#include "recorded.h"

#include <inttypes.h>
#include <stdlib.h>

#include "decoder.h"
#include "policies.h"
#include "reading.h"
#include "schemas.h"
#include "topics.h"

enum { TURN_MS = 500 };

/* One input topic of the partition at hand, read along with the chain. */
struct along {
    struct egw_kafka_reader *reader;
    struct egw_log_record record;
    bool has; /* record is there, at or past what was asked for last */
    bool ended;
};

/* A policy the triage has, or cannot have (NULL); the triage owns it. */
struct loaded {
    struct egw_sha256 manifest;
    const struct egw_policy *policy;
};

struct egw_recorded {
    const struct egw_settings *settings;
    struct egw_recorded_ports ports;
    struct egw_kafka *kafka;
    struct egw_policies *policies;
    struct egw_schemas schemas;
    struct egw_decoder *decoder;
    const char *inputs[EGW_TOPIC_INPUTS];
    int32_t partitions;

    struct egw_log_record *reference;
    size_t reference_n, reference_cap;
    struct egw_arena kept; /* what reference points to */

    struct egw_triage *triage;
    struct loaded *loaded;
    size_t loaded_n, loaded_cap;
    bool has_candidate;
    struct egw_sha256 candidate;
    int64_t since;

    struct egw_replay *replay; /* of the partition at hand, as the next */
    struct along along[EGW_TOPIC_INPUTS];
    int64_t low, done, total; /* outcomes: where the partition's begin; for the progress */

    struct egw_error err;
};

/* ---- what triage asks of its wiring ---- */

/* Compiled when an outcome names it: most that the log holds never will be. */
static void compile_later(void *user, const struct egw_sha256 *manifest,
                          const struct egw_policy_file *files, size_t n)
{
    (void)user;
    (void)manifest;
    (void)files;
    (void)n;
}

static enum egw_status accept_schema(void *user, struct egw_str json, struct egw_error *reterr)
{
    struct egw_recorded *r = user;

    return egw_decoder_accept(r->decoder, json, reterr);
}

/* An outcome with a command is there, so its channel had a topic. */
static int any_channel(void *user, struct egw_str channel)
{
    (void)user;
    (void)channel;
    return EGW_TOPIC_ESCALATIONS;
}

/* ---- policies ---- */

static struct loaded *loaded_of(const struct egw_recorded *r, const unsigned char *manifest)
{
    for (size_t i = 0; i < r->loaded_n; i++) {
        if (memcmp(r->loaded[i].manifest.b, manifest, EGW_SHA256) == 0)
            return &r->loaded[i];
    }
    return NULL;
}

static enum egw_status remember_loaded(struct egw_recorded *r, const struct egw_sha256 *manifest,
                                       const struct egw_policy *policy)
{
    if (!egw_grow(&r->loaded, sizeof(*r->loaded), r->loaded_n, &r->loaded_cap))
        return egw_error_set(&r->err, EGW_NOMEM, "no memory for the policies of the log");
    r->loaded[r->loaded_n++] = (struct loaded){*manifest, policy};
    return EGW_OK;
}

static enum egw_status load_policy(struct egw_recorded *r, const unsigned char *manifest,
                                   const struct egw_policy **ret)
{
    const struct loaded *loaded = manifest ? loaded_of(r, manifest) : NULL;
    struct egw_sha256 hash;
    struct egw_policy *policy = NULL;
    struct egw_error why;
    enum egw_status st;

    *ret = loaded ? loaded->policy : NULL;
    if (loaded || !manifest)
        return EGW_OK;
    memcpy(hash.b, manifest, EGW_SHA256);
    st = egw_policies_compile(r->policies, manifest, &policy, &why);
    if (st == EGW_NOMEM) {
        r->err = why;
        return st;
    }
    *ret = policy;
    if (st != EGW_NOT_FOUND) /* not there: the step says so */
        egw_triage_policy(r->triage, &hash, policy, &why);
    return remember_loaded(r, &hash, policy);
}

/* As if it stood in the policy topic. */
static enum egw_status learn_file(struct egw_recorded *r, const struct egw_policy_folder *folder,
                                  const struct egw_policy_file *file)
{
    const struct egw_processor *processor = egw_triage_processor(r->triage);
    struct egw_log_record record = {.topic = EGW_TOPIC_POLICY};
    char hex[2 * EGW_SHA256 + 1];
    struct egw_policy_content content = {.manifest = {hex, sizeof(hex) - 1},
                                         .name = file->name,
                                         .files = (int32_t)folder->files.n,
                                         .content = file->content};
    struct egw_sha256 digest;
    struct egw_buf bytes = {0};
    struct egw_str fact;
    enum egw_status st;

    egw_hex(folder->manifest.b, EGW_SHA256, hex);
    egw_sha256(file->content.p, file->content.n, &digest);
    memcpy(content.digest, digest.b, EGW_SHA256);
    st =
        egw_encode_framed(&r->schemas.framing, &egw_type_policy_content, &content, &bytes, &r->err);
    record.value = egw_buf_str(&bytes);
    if (!st)
        st = processor->learn(processor->self, &record, &fact, &r->err);
    egw_buf_free(&bytes);
    return st;
}

/* Compiled once more: the triage owns what it decides by. */
static enum egw_status load_candidate(struct egw_recorded *r,
                                      const struct egw_policy_folder *folder)
{
    struct egw_faults faults = {0};
    struct egw_policy *policy = NULL;
    enum egw_status st = egw_policy_compile(folder->files.files, folder->files.n, &policy, &faults);

    egw_faults_free(&faults);
    if (st)
        return egw_error_set(&r->err, st, "the candidate does not compile a second time");
    egw_triage_policy(r->triage, &folder->manifest, policy, NULL);
    return remember_loaded(r, &folder->manifest, policy);
}

enum egw_status egw_recorded_candidate(struct egw_recorded *r,
                                       const struct egw_policy_folder *folder, int64_t since,
                                       struct egw_error *reterr)
{
    enum egw_status st = EGW_OK;

    for (size_t i = 0; i < folder->files.n && !st; i++)
        st = learn_file(r, folder, &folder->files.files[i]);
    if (!st)
        st = load_candidate(r, folder);
    if (st) {
        *reterr = r->err;
        return st;
    }
    r->has_candidate = true;
    r->candidate = folder->manifest;
    r->since = since;
    return EGW_OK;
}

/* ---- the reference topic, once for all partitions ---- */

static enum egw_status keep_reference(struct egw_recorded *r, const struct egw_log_record *record)
{
    struct egw_log_record *kept;

    if (!egw_grow(&r->reference, sizeof(*r->reference), r->reference_n, &r->reference_cap))
        return egw_error_set(&r->err, EGW_NOMEM, "no memory for the reference topic");
    kept = &r->reference[r->reference_n++];
    *kept = *record;
    kept->topic = EGW_TOPIC_REFERENCE;
    if (!egw_arena_str(&r->kept, record->key, &kept->key) ||
        !egw_arena_str(&r->kept, record->value, &kept->value))
        return egw_error_set(&r->err, EGW_NOMEM, "no memory for the reference topic");
    return egw_decoder_prepare(r->decoder, kept->value, &r->err);
}

static enum egw_status read_record(struct egw_recorded *r, struct egw_kafka_reader *reader,
                                   const char *topic, struct egw_log_record *ret)
{
    enum egw_status st = EGW_RETRY;

    for (int64_t waited = 0; st == EGW_RETRY && waited < EGW_READING_PATIENCE_MS; waited += TURN_MS)
        st = egw_kafka_reader_next(reader, TURN_MS, ret, &r->err);
    if (st == EGW_RETRY)
        return egw_error_set(&r->err, st, "no broker answered for %d s while %s was read",
                             EGW_READING_PATIENCE_MS / 1000, topic);
    return st;
}

static enum egw_status read_reference(struct egw_recorded *r)
{
    const char *topic = r->settings->topics.reference;
    struct egw_kafka_reader *reader = NULL;
    struct egw_log_record record;
    enum egw_status st =
        egw_kafka_reader_new(r->settings, topic, 0, EGW_LOG_BEGINNING, &reader, &r->err);

    while (!st) {
        st = read_record(r, reader, topic, &record);
        if (!st)
            st = keep_reference(r, &record);
    }
    if (reader)
        egw_kafka_reader_free(reader);
    return st == EGW_NOT_FOUND ? EGW_OK : st;
}

/* ---- the inputs of a partition ---- */

/* The input record at this offset; *ret NULL: it is not there. Offsets rise along a chain. */
static enum egw_status input_at(struct egw_recorded *r, int input, int64_t offset,
                                const struct egw_log_record **ret)
{
    struct along *along = &r->along[input];
    enum egw_status st = EGW_OK;

    *ret = NULL;
    while (!st && !along->ended && (!along->has || along->record.offset < offset)) {
        st = read_record(r, along->reader, r->inputs[input], &along->record);
        along->has = !st;
        if (st == EGW_NOT_FOUND) {
            along->ended = true;
            st = EGW_OK;
        }
    }
    if (st || !along->has || along->record.offset != offset)
        return st;
    along->record.topic = input;
    *ret = &along->record;
    return egw_decoder_prepare(r->decoder, along->record.value, &r->err);
}

static enum egw_status input_of(struct egw_recorded *r, const struct egw_outcome *outcome,
                                int32_t partition, const struct egw_log_record **ret)
{
    *ret = NULL;
    if (outcome->trigger.kind != EGW_TRIGGER_KIND_EVENT || outcome->trigger.partition != partition)
        return EGW_OK;
    for (int i = 0; i < EGW_TOPIC_INPUTS; i++) {
        if (egw_str_is(outcome->trigger.topic, r->inputs[i]))
            return input_at(r, i, outcome->trigger.offset, ret);
    }
    return EGW_OK;
}

/* ---- one partition ---- */

static enum egw_status take_outcome(struct egw_recorded *r, const struct egw_item *item)
{
    const struct egw_outcome *outcome = item->value;
    bool wanted = r->ports.wanted(r->ports.user, outcome);
    const struct egw_policy *policy;
    const struct egw_log_record *input;
    struct egw_replay_answer answer;
    enum egw_status st = input_of(r, outcome, item->record.partition, &input);

    if (!st)
        st = load_policy(r, outcome->policy, &policy);
    if (!st)
        st = egw_replay_outcome(r->replay, &item->record, outcome, input, wanted, &answer, &r->err);
    if (!st && wanted)
        st = r->ports.tell(r->ports.user, item, &answer, policy, &r->err);
    if (!st && r->ports.progress)
        r->ports.progress(r->ports.user, r->done + item->record.offset - r->low + 1, r->total);
    return st;
}

static enum egw_status read_chain(struct egw_recorded *r, int32_t partition)
{
    struct egw_reading *reading = NULL;
    struct egw_item item;
    enum egw_status st = egw_reading_new(r->settings, r->settings->topics.outcomes, partition,
                                         EGW_LOG_BEGINNING, &reading, &r->err);

    while (!st) {
        st = egw_reading_next(reading, &item, &r->err);
        if (!st && item.type != &egw_type_outcome)
            r->ports.unreadable(r->ports.user, &item);
        else if (!st)
            st = take_outcome(r, &item);
    }
    egw_reading_free(reading);
    return st == EGW_NOT_FOUND ? EGW_OK : st;
}

static enum egw_status learn_policies(struct egw_recorded *r)
{
    const struct egw_processor *processor = egw_triage_processor(r->triage);
    size_t n;
    const struct egw_log_record *records = egw_policies_records(r->policies, &n);

    for (size_t i = 0; i < n; i++) {
        struct egw_log_record record = records[i];
        struct egw_str fact;
        enum egw_status st;

        record.topic = EGW_TOPIC_POLICY;
        st = processor->learn(processor->self, &record, &fact, &r->err);
        if (st && st != EGW_INVALID) /* unusable ones are skipped by every worker too */
            return st;
    }
    return EGW_OK;
}

static enum egw_status open_triage(struct egw_recorded *r)
{
    const struct egw_triage_topics topics = {
        .outcomes = EGW_TOPIC_OUTCOMES,
        .inbox = EGW_TOPIC_INBOX,
        .dead_letters = EGW_TOPIC_DEAD_LETTERS,
        .reference = EGW_TOPIC_REFERENCE,
        .policy = EGW_TOPIC_POLICY,
        .escalations = any_channel,
        .input_names = {r->inputs[0], r->inputs[1]},
        .reference_name = r->settings->topics.reference,
    };
    const struct egw_triage_ports ports = {
        .compile = compile_later, .schema = accept_schema, .user = r};
    enum egw_status st = egw_triage_new(&topics, &ports, &r->schemas.framing,
                                        egw_decoder_plans(r->decoder), &r->triage, &r->err);

    return st ? st : learn_policies(r);
}

static enum egw_status open_partition(struct egw_recorded *r, int32_t partition)
{
    const struct egw_replay_conf conf = {
        .triage = r->triage,
        .plans = egw_decoder_plans(r->decoder),
        .outcomes_topic = EGW_TOPIC_OUTCOMES,
        .input_names = r->inputs,
        .input_count = EGW_TOPIC_INPUTS,
        .partition = partition,
        .partition_count = r->partitions,
        .reference = r->reference,
        .reference_n = r->reference_n,
        .candidate = r->has_candidate ? &r->candidate : NULL,
        .since = r->since,
    };
    enum egw_status st = egw_triage_forget_facts(r->triage);

    if (st)
        return egw_error_set(&r->err, st, "no memory for facts");
    st = egw_replay_new(&conf, &r->replay, &r->err);
    for (int i = 0; i < EGW_TOPIC_INPUTS && !st; i++)
        st = egw_kafka_reader_new(r->settings, r->inputs[i], partition, EGW_LOG_BEGINNING,
                                  &r->along[i].reader, &r->err);
    return st;
}

static void close_partition(struct egw_recorded *r)
{
    for (int i = 0; i < EGW_TOPIC_INPUTS; i++) {
        if (r->along[i].reader)
            egw_kafka_reader_free(r->along[i].reader);
        r->along[i] = (struct along){0};
    }
    egw_replay_free(r->replay);
    r->replay = NULL;
}

/* ---- all of it ---- */

int32_t egw_recorded_partitions(const struct egw_recorded *r)
{
    return r->partitions;
}

static enum egw_status count_outcomes(struct egw_recorded *r, int32_t partition, int64_t *ret_low,
                                      int64_t *ret_n)
{
    int64_t low, high;
    enum egw_status st =
        egw_kafka_ends(r->kafka, r->settings->topics.outcomes, partition, &low, &high, &r->err);

    if (!st) {
        *ret_low = low;
        *ret_n = high - low;
    }
    return st;
}

static enum egw_status read_partition(struct egw_recorded *r, int32_t partition)
{
    int64_t n = 0;
    enum egw_status st = count_outcomes(r, partition, &r->low, &n);

    if (!st)
        st = open_partition(r, partition);
    if (!st)
        st = read_chain(r, partition);
    close_partition(r);
    r->done += n;
    return st;
}

enum egw_status egw_recorded_read(struct egw_recorded *r, int32_t from, int32_t to,
                                  struct egw_error *reterr)
{
    enum egw_status st = EGW_OK;

    r->done = r->total = 0;
    for (int32_t p = from; p < to && !st; p++) {
        int64_t low, n = 0;

        st = count_outcomes(r, p, &low, &n);
        r->total += n;
    }
    for (int32_t p = from; p < to && !st; p++)
        st = read_partition(r, p);
    if (st)
        *reterr = r->err;
    return st;
}

static enum egw_status open_all(struct egw_recorded *r, const char *client)
{
    enum egw_status st = egw_kafka_open(r->settings, client, &r->kafka, &r->err);

    if (!st)
        st = egw_topic_fault(
            egw_kafka_partitions(r->kafka, r->settings->topics.outcomes, &r->partitions, &r->err),
            &r->err);
    if (!st)
        st = egw_schemas_open(r->settings, &r->schemas, &r->err);
    if (!st)
        st = egw_decoder_new(r->settings, &r->decoder, &r->err);
    if (!st)
        st = egw_schemas_teach(&r->schemas, egw_decoder_plans(r->decoder), &r->err);
    if (!st)
        st = egw_policies_read(r->settings, &r->policies, &r->err);
    if (!st)
        st = read_reference(r);
    return st ? st : open_triage(r);
}

enum egw_status egw_recorded_open(const struct egw_settings *settings, const char *client,
                                  const struct egw_recorded_ports *ports, struct egw_recorded **ret,
                                  struct egw_error *reterr)
{
    struct egw_recorded *r = calloc(1, sizeof(*r));
    enum egw_status st;

    if (!r)
        return egw_error_set(reterr, EGW_NOMEM, "no memory to read what was recorded");
    r->settings = settings;
    r->ports = *ports;
    r->inputs[EGW_TOPIC_EVENTS] = settings->topics.events;
    r->inputs[EGW_TOPIC_INBOX] = settings->topics.inbox;
    r->kept.max = (size_t)64 << 30;
    st = open_all(r, client);
    if (st) {
        *reterr = r->err;
        egw_recorded_free(r);
        return st;
    }
    *ret = r;
    return EGW_OK;
}

void egw_recorded_free(struct egw_recorded *r)
{
    if (!r)
        return;
    egw_triage_free(r->triage);
    egw_policies_free(r->policies);
    egw_decoder_free(r->decoder);
    egw_schemas_close(&r->schemas);
    if (r->kafka)
        egw_kafka_close(r->kafka);
    free(r->loaded);
    free(r->reference);
    egw_arena_free(&r->kept);
    free(r);
}
