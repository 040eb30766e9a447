/*
 * audit - reads the topics and lets egw/audit.h judge them
 *
 * The order of reading is what keeps a gateway at work from being a finding: how far it had
 * committed, then the end of its outcomes, then the inputs, then the outcomes up to that end.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli.h"
#include "egw/audit.h"
#include "egw/json.h"
#include "egw/kafka.h"
#include "egw/runtime.h"
#include "reading.h"

enum { INPUTS = 2, TURN_MS = 500 };

struct audit_run {
    const struct egw_settings *settings;
    struct egw_kafka *kafka;
    struct egw_audit *audit;
    const char *inputs[INPUTS];
    int32_t partitions;
    bool json, failed_to_print;
    struct egw_buf line;
    struct egw_audit_partition open; /* the partition at hand */
    struct egw_position position;
    int64_t next[INPUTS];
    bool positioned;
};

/* ---- findings ---- */

static enum egw_status finding_json(const struct egw_finding *f, const char *topic,
                                    struct egw_buf *out)
{
    enum egw_status st = egw_buf_printf(out, "{\"finding\":\"%s\",\"partition\":%" PRId32,
                                        egw_finding_names[f->kind], f->partition);

    if (!st && f->chain[0]) {
        st = egw_buf_printf(out, ",\"chain\":");
        if (!st)
            st = egw_json_string(egw_str_of(f->chain), out);
    }
    if (!st && f->seq >= 0)
        st = egw_buf_printf(out, ",\"seq\":%" PRId64 ",\"last_seq\":%" PRId64, f->seq, f->last_seq);
    if (!st && f->record >= 0)
        st = egw_buf_printf(out, ",\"outcome_offset\":%" PRId64, f->record);
    if (!st && topic) {
        st = egw_buf_printf(out, ",\"topic\":");
        if (!st)
            st = egw_json_string(egw_str_of(topic), out);
    }
    if (!st && f->offset >= 0)
        st = egw_buf_printf(out, ",\"offset\":%" PRId64 ",\"last_offset\":%" PRId64, f->offset,
                            f->last_offset);
    if (!st)
        st = egw_buf_printf(out, ",\"text\":");
    if (!st)
        st = egw_json_string(egw_str_of(f->text), out);
    return st ? st : egw_buf_put(out, "}\n", 2);
}

static void show_finding(void *user, const struct egw_finding *finding)
{
    struct audit_run *run = user;

    if (!run->json) {
        (void)printf("%-10s  ", egw_finding_names[finding->kind]);
        egw_put_safe(stdout, egw_str_of(finding->text));
        (void)putchar('\n');
        return;
    }
    egw_buf_clear(&run->line);
    if (finding_json(finding, finding->input < 0 ? NULL : run->inputs[finding->input], &run->line))
        run->failed_to_print = true;
    else
        (void)fwrite(run->line.p, 1, run->line.n, stdout);
}

/* ---- before the logs: what must exist ---- */

static bool take_position(void *user, const struct egw_item *item)
{
    struct audit_run *run = user;
    const struct egw_position *position = item->value;
    const struct egw_input_position *inputs;

    if (item->type != &egw_type_position || !egw_str_is(item->record.key, EGW_POSITION_KEY))
        return true;
    run->position = *position;
    run->positioned = true;
    inputs = position->inputs.p;
    for (size_t i = 0; i < position->inputs.n; i++)
        for (size_t in = 0; in < INPUTS; in++)
            if (egw_str_is(inputs[i].topic, run->inputs[in]))
                run->next[in] = inputs[i].next;
    run->position.inputs = (struct egw_list){0}; /* lived in the reading's arena */
    return true;
}

static enum egw_status read_position(struct audit_run *run, int32_t partition,
                                     struct egw_error *reterr)
{
    enum egw_status st;

    run->positioned = false;
    run->next[0] = run->next[1] = 0;
    st = egw_read_all(run->settings, run->settings->topics.cases, partition, take_position, run,
                      reterr);
    if (st)
        return st;
    if (!run->positioned)
        return egw_error_set(reterr, EGW_INVALID,
                             "%s/%" PRId32 " has no position: what must exist there is unknown",
                             run->settings->topics.cases, partition);
    if (run->position.partition_count != run->partitions)
        return egw_error_set(reterr, EGW_INVALID,
                             "%s/%" PRId32 " was written for %" PRId32
                             " partitions, %s has %" PRId32,
                             run->settings->topics.cases, partition, run->position.partition_count,
                             run->inputs[0], run->partitions);
    return EGW_OK;
}

static enum egw_status what_must_exist(struct audit_run *run, int32_t partition,
                                       struct egw_error *reterr)
{
    int64_t committed[INPUTS] = {0};
    enum egw_status st = EGW_OK;

    run->open = (struct egw_audit_partition){.partition = partition, .position = &run->position};
    for (size_t in = 0; in < INPUTS && !st; in++)
        st = egw_kafka_committed(run->kafka, run->settings->triage.group, run->inputs[in],
                                 partition, &committed[in], reterr);
    if (!st)
        st = read_position(run, partition, reterr);
    for (size_t in = 0; in < INPUTS; in++)
        run->open.inputs[in].consumed =
            committed[in] > run->next[in] ? committed[in] : run->next[in];
    return st;
}

/* ---- the logs ---- */

static enum egw_status no_answer(const char *topic, struct egw_error *reterr)
{
    return egw_error_set(reterr, EGW_RETRY, "no broker answered for %d s while %s was read",
                         EGW_READING_PATIENCE_MS / 1000, topic);
}

static enum egw_status feed_inputs(struct audit_run *run, int in, struct egw_kafka_reader *reader,
                                   struct egw_error *reterr)
{
    struct egw_log_record record;
    struct egw_sha256 digest;
    int64_t waited = 0;

    for (;;) {
        enum egw_status st = egw_kafka_reader_next(reader, TURN_MS, &record, reterr);

        if (st == EGW_RETRY && (waited += TURN_MS) < EGW_READING_PATIENCE_MS)
            continue;
        if (st == EGW_RETRY)
            return no_answer(run->inputs[in], reterr);
        if (st == EGW_NOT_FOUND || (!st && record.offset >= run->open.inputs[in].high))
            return EGW_OK;
        if (st)
            return st;
        waited = 0;
        egw_sha256(record.value.p, record.value.n, &digest);
        st = egw_audit_input(run->audit, in, record.offset, &digest, reterr);
        if (st)
            return st;
    }
}

static enum egw_status read_inputs(struct audit_run *run, int in, struct egw_error *reterr)
{
    struct egw_kafka_reader *reader = NULL;
    int64_t low = 0, high = 0;
    enum egw_status st = egw_kafka_reader_new(run->settings, run->inputs[in], run->open.partition,
                                              EGW_LOG_BEGINNING, &reader, reterr);

    if (st)
        return st;
    st = feed_inputs(run, in, reader, reterr);
    egw_kafka_reader_free(reader);
    if (!st) /* retention may have gone on meanwhile */
        st = egw_kafka_ends(run->kafka, run->inputs[in], run->open.partition, &low, &high, reterr);
    if (!st)
        egw_audit_retained(run->audit, in, low);
    return st;
}

static enum egw_status feed_outcome(struct audit_run *run, const struct egw_item *item,
                                    struct egw_error *reterr)
{
    struct egw_audit_record record = {
        .offset = item->record.offset,
        .headers = item->record.header_count,
        .key = item->record.key,
        .value = item->record.value,
        .outcome = item->type == &egw_type_outcome ? item->value : NULL,
        .why = item->why.text,
    };

    if (item->type && item->type != &egw_type_outcome)
        record.why = "it is a record of another kind";
    else if (!item->record.value.p)
        record.why = "it has no value";
    return egw_audit_outcome(run->audit, &record, reterr);
}

static enum egw_status read_outcomes(struct audit_run *run, int64_t end, struct egw_error *reterr)
{
    struct egw_reading *reading = NULL;
    struct egw_item item;
    enum egw_status st = egw_reading_new(run->settings, run->settings->topics.outcomes,
                                         run->open.partition, EGW_LOG_BEGINNING, &reading, reterr);

    while (!st) {
        st = egw_reading_next(reading, &item, reterr);
        if (!st && item.record.offset >= end)
            break;
        if (!st)
            st = feed_outcome(run, &item, reterr);
    }
    egw_reading_free(reading);
    return st == EGW_NOT_FOUND ? EGW_OK : st;
}

static enum egw_status audit_partition(struct audit_run *run, int32_t partition,
                                       struct egw_error *reterr)
{
    int64_t outcomes_end = 0;
    enum egw_status st = what_must_exist(run, partition, reterr);

    if (!st)
        st = egw_kafka_ends(run->kafka, run->settings->topics.outcomes, partition,
                            &run->open.outcomes_low, &outcomes_end, reterr);
    for (int in = 0; in < INPUTS && !st; in++)
        st = egw_kafka_ends(run->kafka, run->inputs[in], partition, &run->open.inputs[in].low,
                            &run->open.inputs[in].high, reterr);
    if (!st)
        st = egw_audit_open(run->audit, &run->open, reterr);
    for (int in = 0; in < INPUTS && !st; in++)
        st = read_inputs(run, in, reterr);
    if (!st)
        st = read_outcomes(run, outcomes_end, reterr);
    if (!st)
        egw_audit_close(run->audit);
    return st;
}

/* ---- the whole ---- */

static enum egw_status same_counts(struct audit_run *run, struct egw_error *reterr)
{
    const char *const topics[] = {run->inputs[0], run->inputs[1], run->settings->topics.cases,
                                  run->settings->topics.outcomes};

    for (size_t i = 0; i < EGW_COUNT(topics); i++) {
        int32_t n = 0;
        enum egw_status st = egw_kafka_partitions(run->kafka, topics[i], &n, reterr);

        if (st)
            return st;
        if (i > 0 && n != run->partitions)
            return egw_error_set(reterr, EGW_INVALID,
                                 "%s has %" PRId32 " partitions, %s has %" PRId32, topics[i], n,
                                 topics[0], run->partitions);
        run->partitions = n;
    }
    return EGW_OK;
}

static enum egw_status audit_all(struct audit_run *run, struct egw_error *reterr)
{
    const struct egw_audit_conf conf = {
        .processor = "triage",
        .outcomes = run->settings->topics.outcomes,
        .input_names = run->inputs,
        .input_count = INPUTS,
        .finding = show_finding,
        .user = run,
    };
    enum egw_status st = egw_kafka_open(run->settings, "egw-audit", &run->kafka, reterr);

    if (!st)
        st = same_counts(run, reterr);
    if (!st && egw_audit_new(&conf, &run->audit))
        st = egw_error_set(reterr, EGW_NOMEM, "no memory for an audit");
    for (int32_t p = 0; p < run->partitions && !st; p++)
        st = audit_partition(run, p, reterr);
    if (!st && run->failed_to_print)
        st = egw_error_set(reterr, EGW_NOMEM, "no memory to print a finding");
    return st;
}

static void summarise(const struct audit_run *run)
{
    const struct egw_audit_summary *s = egw_audit_summary(run->audit);

    if (run->json) {
        (void)printf("{\"checked\":true,\"partitions\":%" PRIu64 ",\"chains\":%" PRIu64
                     ",\"inputs\":%" PRIu64 ",\"outcomes\":%" PRIu64 ",\"answered\":%" PRIu64
                     ",\"by_link\":%" PRIu64 ",\"waiting\":%" PRIu64 ",\"follow_ups\":%" PRIu64
                     ",\"elsewhere\":%" PRIu64 ",\"findings\":%" PRIu64 "}\n",
                     s->partitions, s->chains, s->inputs, s->outcomes, s->answered, s->by_link,
                     s->waiting, s->follow_ups, s->elsewhere, s->found);
        return;
    }
    (void)printf("%" PRIu64 " inputs and %" PRIu64 " outcomes in %" PRIu64 " partitions\n",
                 s->inputs, s->outcomes, s->partitions);
    (void)printf("  %" PRIu64 " answered once, by content\n", s->answered);
    if (s->by_link)
        (void)printf("  %" PRIu64 " proved by link, not by content: no longer kept\n", s->by_link);
    if (s->waiting)
        (void)printf("  %" PRIu64 " not consumed yet: nothing is owed\n", s->waiting);
    if (s->follow_ups)
        (void)printf("  %" PRIu64 " follow-ups of timers and changed facts, by chain\n",
                     s->follow_ups);
    if (s->elsewhere)
        (void)printf("  %" PRIu64 " of other processors: by chain, their inputs not checked\n",
                     s->elsewhere);
    if (s->found)
        (void)printf("%" PRIu64 " findings\n", s->found);
    else
        (void)puts("no findings");
}

static int run_audit(struct egw_args *args)
{
    struct audit_run run = {
        .settings = &args->settings,
        .inputs = {args->settings.topics.events, args->settings.topics.inbox},
        .json = egw_wants_json(args),
    };
    struct egw_error err = {0};
    int code = EGW_EXIT_UNAVAILABLE;

    if (audit_all(&run, &err)) {
        (void)egw_error_prefix(&err, err.status, "could not check");
        if (egw_fail(&err) == EGW_EXIT_DENIED)
            code = EGW_EXIT_DENIED;
        if (run.json)
            (void)puts("{\"checked\":false}");
    } else {
        summarise(&run);
        code = egw_audit_summary(run.audit)->found ? EGW_EXIT_NO : EGW_EXIT_OK;
    }
    if (run.kafka)
        egw_kafka_close(run.kafka);
    egw_audit_free(run.audit);
    egw_buf_free(&run.line);
    return code;
}

static const struct egw_option options[] = {
    {'o', "output", "FORM", "form of the output", "text|json", false, NULL},
    {0, NULL, NULL, NULL, NULL, false, NULL},
};

const struct egw_command egw_cmd_audit = {
    .name = "audit",
    .summary = "prove that no outcome is missing, doubled or altered",
    .about = "Reads committed positions, inputs and outcomes, and checks that every consumed input "
             "has exactly one outcome, that the outcome names the bytes it answered, and that each "
             "chain of outcomes is whole. Whether cases came to an end is another question and not "
             "answered here. The gateway may be at work meanwhile.",
    .exits = "0 no findings, 1 findings, 69 it could not be checked, 78 settings",
    .options = options,
    .run = run_audit,
};
