/*
 * replay - whole cases once more, from their inputs, through the step that decided them
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "again.h"
#include "decoder.h"
#include "egw/replay.h"
#include "egw/schema.h"
#include "policies.h"
#include "reading.h"
#include "schemas.h"
#include "topics.h"

enum { TURN_MS = 500, LOADED_MAX = 64 };

/* One input topic of the partition at hand, read along with the chain. */
struct along {
    struct egw_kafka_reader *reader;
    struct egw_log_record record;
    bool has; /* record is there, at or past what was asked for last */
    bool ended;
};

struct replaying {
    const struct egw_args *args;
    const struct egw_settings *settings;
    struct egw_kafka *kafka;
    struct egw_policies *policies;
    struct egw_schemas schemas;
    struct egw_decoder *decoder;
    struct egw_again again;
    const char *inputs[EGW_TOPIC_INPUTS];
    int32_t partitions;

    struct egw_str case_id, customer; /* p NULL: any */
    struct egw_str owner;             /* of the case: partner/customer */
    int64_t since;

    struct egw_log_record *reference;
    size_t reference_n, reference_cap;
    struct egw_arena kept; /* what reference points to, and owner */

    struct egw_triage *triage;
    struct egw_replay *replay; /* of the partition at hand, as the next */
    struct along along[EGW_TOPIC_INPUTS];
    struct egw_sha256 loaded[LOADED_MAX]; /* policies the triage has, or cannot have */
    size_t loaded_n;

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
    struct replaying *r = user;

    return egw_decoder_accept(r->decoder, json, reterr);
}

/* An outcome with a command is there, so its channel had a topic. */
static int any_channel(void *user, struct egw_str channel)
{
    (void)user;
    (void)channel;
    return EGW_TOPIC_ESCALATIONS;
}

static enum egw_status load_policy(struct replaying *r, const unsigned char *manifest)
{
    struct egw_sha256 hash;
    struct egw_policy *policy = NULL;
    struct egw_error why;
    enum egw_status st;

    if (!manifest)
        return EGW_OK;
    for (size_t i = 0; i < r->loaded_n; i++) {
        if (memcmp(r->loaded[i].b, manifest, EGW_SHA256) == 0)
            return EGW_OK;
    }
    memcpy(hash.b, manifest, EGW_SHA256);
    st = egw_policies_compile(r->policies, manifest, &policy, &why);
    if (st == EGW_NOMEM) {
        r->err = why;
        return st;
    }
    if (st != EGW_NOT_FOUND) /* not there: the step says so */
        egw_triage_policy(r->triage, &hash, policy, &why);
    if (r->loaded_n < LOADED_MAX) /* past it, asking again does no harm */
        r->loaded[r->loaded_n++] = hash;
    return EGW_OK;
}

/* ---- the reference topic, once for all partitions ---- */

static enum egw_status keep_reference(struct replaying *r, const struct egw_log_record *record)
{
    struct egw_log_record *kept;

    if (r->reference_n == r->reference_cap) {
        size_t cap = r->reference_cap ? 2 * r->reference_cap : 1024;
        struct egw_log_record *grown = realloc(r->reference, cap * sizeof(*grown));

        if (!grown)
            return egw_error_set(&r->err, EGW_NOMEM, "no memory for the reference topic");
        r->reference = grown;
        r->reference_cap = cap;
    }
    kept = &r->reference[r->reference_n++];
    *kept = *record;
    kept->topic = EGW_TOPIC_REFERENCE;
    if (!egw_arena_str(&r->kept, record->key, &kept->key) ||
        !egw_arena_str(&r->kept, record->value, &kept->value))
        return egw_error_set(&r->err, EGW_NOMEM, "no memory for the reference topic");
    return egw_decoder_prepare(r->decoder, kept->value, &r->err);
}

static enum egw_status read_record(struct replaying *r, struct egw_kafka_reader *reader,
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

static enum egw_status read_reference(struct replaying *r)
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
static enum egw_status input_at(struct replaying *r, int input, int64_t offset,
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

static enum egw_status input_of(struct replaying *r, const struct egw_outcome *outcome,
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

static bool owned(const struct replaying *r, const struct egw_outcome *outcome)
{
    if (r->owner.p)
        return outcome->partner.n + 1 + outcome->customer.n == r->owner.n &&
               memcmp(r->owner.p, outcome->partner.p, outcome->partner.n) == 0 &&
               egw_str_eq(outcome->customer, (struct egw_str){r->owner.p + outcome->partner.n + 1,
                                                              outcome->customer.n});
    return !r->customer.p || egw_str_eq(outcome->customer, r->customer);
}

static bool told(const struct replaying *r, const struct egw_outcome *outcome)
{
    return owned(r, outcome) && outcome->decided_at >= r->since &&
           (!r->case_id.p || egw_str_eq(outcome->case_id, r->case_id));
}

static enum egw_status replay_one(struct replaying *r, const struct egw_item *item)
{
    const struct egw_outcome *outcome = item->value;
    const struct egw_log_record *input;
    struct egw_replay_answer answer;
    enum egw_status st = input_of(r, outcome, item->record.partition, &input);

    if (!st)
        st = load_policy(r, outcome->policy);
    if (!st)
        st = egw_replay_outcome(r->replay, &item->record, outcome, input, owned(r, outcome),
                                &answer, &r->err);
    if (st || !told(r, outcome))
        return st;
    if (answer.verdict == EGW_REPLAY_SAME)
        egw_again_same(&r->again, item);
    else if (answer.verdict == EGW_REPLAY_DIFFERS)
        egw_again_differs(&r->again, item, answer.made, answer.fields, answer.why.text);
    else
        egw_again_unchecked(&r->again, item, answer.why.text);
    return EGW_OK;
}

static enum egw_status read_chain(struct replaying *r, int32_t partition)
{
    struct egw_reading *reading = NULL;
    struct egw_item item;
    enum egw_status st = egw_reading_new(r->settings, r->again.topic, partition, EGW_LOG_BEGINNING,
                                         &reading, &r->err);

    while (!st) {
        st = egw_reading_next(reading, &item, &r->err);
        if (!st && item.type != &egw_type_outcome)
            st = egw_error_set(&r->err, EGW_INVALID, "%s/%" PRId32 "/%" PRId64 " is no outcome",
                               r->again.topic, partition, item.record.offset);
        if (!st)
            st = replay_one(r, &item);
    }
    egw_reading_free(reading);
    return st == EGW_NOT_FOUND ? EGW_OK : st;
}

static enum egw_status learn_policies(struct replaying *r)
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

static enum egw_status open_triage(struct replaying *r)
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

static enum egw_status open_partition(struct replaying *r, int32_t partition)
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

static void close_partition(struct replaying *r)
{
    for (int i = 0; i < EGW_TOPIC_INPUTS; i++) {
        if (r->along[i].reader)
            egw_kafka_reader_free(r->along[i].reader);
        r->along[i] = (struct along){0};
    }
    egw_replay_free(r->replay);
    r->replay = NULL;
}

/* ---- which partitions ---- */

struct search {
    struct replaying *r;
    int32_t partition; /* -1: not found */
    bool no_memory;
};

static bool take_case(void *user, const struct egw_item *item)
{
    struct search *search = user;
    struct replaying *r = search->r;
    const struct egw_outcome *outcome = item->value;

    if (item->type != &egw_type_outcome || !told(r, outcome) ||
        outcome->action == EGW_ACTION_PASSED_ON)
        return true;
    r->owner = egw_arena_printf(&r->kept, "%.*s/%.*s", EGW_FMT(outcome->partner),
                                EGW_FMT(outcome->customer));
    search->partition = item->record.partition;
    search->no_memory = !r->owner.p;
    return false;
}

/* A case lies in one partition, with all of its customer's: they may share a command. */
static enum egw_status find_case(struct replaying *r, int32_t *ret)
{
    struct search search = {.r = r, .partition = -1};
    int64_t since = r->since;
    enum egw_status st;

    r->since = INT64_MIN;
    st = egw_read_all(r->settings, r->again.topic, -1, take_case, &search, &r->err);
    r->since = since;
    if (!st && search.no_memory)
        st = egw_error_set(&r->err, EGW_NOMEM, "no memory for a key");
    if (!st && search.partition < 0)
        st = egw_error_set(&r->err, EGW_NOT_FOUND, "no outcome is about case %.*s",
                           EGW_FMT(r->case_id));
    *ret = search.partition;
    return st;
}

static enum egw_status replay_partition(struct replaying *r, int32_t partition)
{
    enum egw_status st = open_partition(r, partition);

    if (!st)
        st = read_chain(r, partition);
    close_partition(r);
    return st;
}

static enum egw_status replay_all(struct replaying *r)
{
    int32_t from = 0, to;
    enum egw_status st = egw_kafka_open(r->settings, "egw-replay", &r->kafka, &r->err);

    if (!st)
        st = egw_topic_fault(
            egw_kafka_partitions(r->kafka, r->again.topic, &r->partitions, &r->err), &r->err);
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
    if (!st)
        st = open_triage(r);
    to = r->partitions;
    if (!st && r->case_id.p) {
        st = find_case(r, &from);
        to = from + 1;
    }
    for (int32_t p = from; p < to && !st; p++)
        st = replay_partition(r, p);
    return st;
}

static int run(struct egw_args *args)
{
    const char *since = egw_arg(args, "since");
    struct replaying r = {
        .args = args,
        .settings = &args->settings,
        .inputs = {args->settings.topics.events, args->settings.topics.inbox},
        .case_id = egw_str_of(egw_arg(args, "case")),
        .customer = egw_str_of(egw_arg(args, "customer")),
        .since = INT64_MIN,
        .kept = {.max = (size_t)64 << 30},
    };
    int code;

    if (!egw_arg(args, "all") && !r.case_id.p && !r.customer.p)
        return egw_usage(args, "say which: --case, --customer or --all");
    if (since && !egw_time_parse(egw_str_of(since), &r.since))
        return egw_usage(args, "--since needs a date or time such as 2026-01-05T08:00:00Z, not %s",
                         since);
    egw_again_open(&r.again, args);
    if (replay_all(&r)) {
        code = egw_fail(&r.err);
        egw_buf_free(&r.again.line);
    } else {
        code = egw_again_close(&r.again);
    }
    egw_triage_free(r.triage);
    egw_policies_free(r.policies);
    egw_decoder_free(r.decoder);
    egw_schemas_close(&r.schemas);
    if (r.kafka)
        egw_kafka_close(r.kafka);
    free(r.reference);
    egw_arena_free(&r.kept);
    return code;
}

static const struct egw_option options[] = {
    {0, "case", "CASE", "this case", NULL, false},
    {0, "customer", "CUSTOMER", "the cases of this customer, by its canonical name", NULL, false},
    {0, "all", NULL, "every case", NULL, false},
    {0, "since", "TIME", "tell only of what was decided at this time or later", NULL, false},
    {'v', "verbose", NULL, "show also outcomes that are the same or not checked", NULL, false},
    {'o', "output", "FORM", "form of the output", "text|json", false},
    {0, NULL, NULL, NULL, NULL, false},
};

const struct egw_command egw_cmd_replay = {
    .name = "replay",
    .operands = "--case CASE | --customer CUSTOMER | --all",
    .summary = "decide whole cases again from their inputs, and compare",
    .about = "Goes through the chains in order and gives each recorded input, due time and changed "
             "fact to the production step, with the facts known, the policy in force and the time "
             "as the outcome names them; the outcome that comes out is compared byte for byte. "
             "What can no longer be known (an input past retention, a reference record compacted "
             "away, a case that began before what is kept) is not checked and counted as such, "
             "with -v shown with the reason. Nothing is written.",
    .exits =
        "0 no difference, 1 a difference or no such case, 69 it could not be checked, 78 settings",
    .options = options,
    .run = run,
};
