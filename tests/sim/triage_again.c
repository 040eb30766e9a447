#include "triage_again.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "egw/recall.h"
#include "egw/replay.h"

struct run {
    const struct triage_again *conf;
    struct triage_again_counts *counts;
    struct egw_replay *replay;
    struct egw_arena arena;
    char *why;
    size_t why_n;
};

static struct egw_log_record as_record(int topic, int32_t p, int64_t offset,
                                       const struct memrecord *record)
{
    return (struct egw_log_record){.topic = topic,
                                   .partition = p,
                                   .offset = offset,
                                   .timestamp_ms = record->timestamp_ms,
                                   .key = record->key,
                                   .value = record->value};
}

static bool failed(struct run *run, int32_t p, const struct egw_outcome *outcome, const char *what,
                   const char *why)
{
    snprintf(run->why, run->why_n, "chain %d: number %" PRId64 " (%s) %s: %s", (int)p, outcome->seq,
             egw_action_names[outcome->action], what, why);
    return false;
}

/* ---- recalled ---- */

static const struct egw_known_issue *issue_of(const struct egw_policy *policy, struct egw_str id)
{
    const struct egw_catalogue *catalogue = egw_policy_catalogue(policy);

    return catalogue && id.n ? egw_catalogue_find(catalogue, id) : NULL;
}

static bool recall(struct run *run, int32_t p, const struct egw_outcome *outcome)
{
    const struct egw_policy *policy;
    struct egw_outcome part = egw_recall_part(outcome), again;
    egw_outcome_fields fields = 0;
    struct egw_error error;

    if (!egw_recall_decided(outcome))
        return true;
    policy = run->conf->policy_of(run->conf->user, outcome->policy);
    if (!policy)
        return failed(run, p, outcome, "cannot be recalled", "its policy is unknown");
    if (egw_recall(policy, outcome, issue_of(policy, outcome->signature), &run->arena, &again,
                   &error) ||
        egw_outcome_differ(&part, &again, &fields, &error))
        return failed(run, p, outcome, "cannot be recalled", error.text);
    for (size_t i = 0; fields && i < egw_type_outcome.field_count; i++) {
        if (fields >> i & 1)
            return failed(run, p, outcome, "is recalled with another",
                          egw_type_outcome.fields[i].name);
    }
    run->counts->recalled++;
    return true;
}

/* ---- replayed ---- */

static const char *first_field(const struct egw_replay_answer *answer)
{
    for (size_t i = 0; i < egw_type_outcome.field_count; i++) {
        if (answer->fields >> i & 1)
            return egw_type_outcome.fields[i].name;
    }
    return answer->why.text;
}

static bool replay(struct run *run, int32_t p, const struct egw_log_record *record,
                   const struct egw_outcome *outcome)
{
    const struct egw_trigger *trigger = &outcome->trigger;
    struct egw_log_record input;
    struct egw_replay_answer answer;
    struct egw_error error;
    bool has_input = trigger->kind == EGW_TRIGGER_KIND_EVENT;

    if (has_input) {
        int topic = egw_str_is(trigger->topic, run->conf->input_names[0]) ? 0 : 1;
        const struct mempartition *part = memcluster_partition(run->conf->cluster, topic, p);

        if (trigger->offset < 0 || (size_t)trigger->offset >= part->n)
            return failed(run, p, outcome, "cannot be replayed", "its input is not there");
        input = as_record(topic, p, trigger->offset, &part->records[trigger->offset]);
    }
    if (egw_replay_outcome(run->replay, record, outcome, has_input ? &input : NULL, true, &answer,
                           &error))
        return failed(run, p, outcome, "cannot be replayed", error.text);
    if (answer.verdict == EGW_REPLAY_UNCHECKED)
        return failed(run, p, outcome, "cannot be checked", answer.why.text);
    if (answer.verdict == EGW_REPLAY_DIFFERS)
        return failed(run, p, outcome, "comes out with another", first_field(&answer));
    run->counts->replayed++;
    return true;
}

/* ---- the whole ---- */

static bool decode(struct run *run, struct egw_str value, struct egw_outcome *ret)
{
    struct egw_frame frame = egw_frame_read(value);
    const struct egw_plan *plan;

    return egw_plans_find(run->conf->plans, &frame, &plan, NULL) == EGW_OK &&
           egw_plan_reader(plan) == &egw_type_outcome &&
           egw_decode(plan, frame.body.p, frame.body.n, &run->arena, ret, NULL) == EGW_OK;
}

static bool check_partition(struct run *run, int32_t p)
{
    const struct memrecord *found;

    for (int64_t at = 0; (found = memcluster_read(run->conf->cluster, run->conf->outcomes, p, &at));
         at++) {
        struct egw_log_record record = as_record(run->conf->outcomes, p, at, found);
        struct egw_outcome outcome;

        egw_arena_reset(&run->arena);
        if (!decode(run, record.value, &outcome)) {
            snprintf(run->why, run->why_n, "outcomes/%d/%" PRId64 " cannot be read", (int)p, at);
            return false;
        }
        if (!recall(run, p, &outcome) || !replay(run, p, &record, &outcome))
            return false;
    }
    return true;
}

static struct egw_log_record *all_references(const struct triage_again *conf, size_t *ret_n)
{
    const struct mempartition *part = memcluster_partition(conf->cluster, conf->reference, 0);
    struct egw_log_record *records = sim_zalloc((part->n + 1) * sizeof(*records));
    const struct memrecord *found;
    size_t n = 0;

    for (int64_t at = 0; (found = memcluster_read(conf->cluster, conf->reference, 0, &at)); at++)
        records[n++] = as_record(conf->reference, 0, at, found);
    *ret_n = n;
    return records;
}

bool triage_again(const struct triage_again *again, int32_t partition,
                  struct triage_again_counts *counts, char *why, size_t why_n)
{
    struct run run = {.conf = again, .counts = counts, .why = why, .why_n = why_n};
    struct egw_replay_conf conf = {
        .triage = again->triage,
        .plans = again->plans,
        .outcomes_topic = again->outcomes,
        .input_names = again->input_names,
        .input_count = 2,
        .partition = partition,
        .partition_count = again->cluster->partition_count,
    };
    struct egw_log_record *references = all_references(again, &conf.reference_n);
    struct egw_error error;
    bool fine;

    conf.reference = references;
    if (egw_replay_new(&conf, &run.replay, &error))
        abort();
    fine = check_partition(&run, partition);
    egw_replay_free(run.replay);
    egw_arena_free(&run.arena);
    free(references);
    return fine;
}
