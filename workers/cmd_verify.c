/*
 * verify - one decision once more, from what its outcome says and the policy it names
 */
#include <inttypes.h>
#include <stdio.h>

#include "again.h"
#include "decoder.h"
#include "egw/table.h"
#include "policies.h"

struct verify {
    const struct egw_args *args;
    struct egw_policies *policies;
    struct egw_again again;
    bool all;
    int64_t since;
    bool found[EGW_REPEATS_MAX]; /* by operand */
    struct egw_decoder *decoder; /* of the records below */
    struct egw_table references; /* offset of the reference topic to framed record */
    struct egw_table times;      /* case to the last framed outcome that named a time */
    struct egw_arena arena;
    struct egw_error err;
    enum egw_status st;
};

/* ---- which outcomes ---- */

static bool wanted(struct verify *v, const struct egw_item *item)
{
    const struct egw_outcome *outcome = item->value;
    bool named = v->all;

    if (outcome->decided_at < v->since)
        return false;
    for (size_t i = 0; i < v->args->operand_count; i++) {
        if (egw_names_outcome(v->args->operands[i], v->again.topic, item))
            named = v->found[i] = true;
    }
    return named;
}

/* ---- what an outcome hangs on ---- */

static struct egw_str key_of(const int64_t *offset)
{
    return (struct egw_str){(const char *)offset, sizeof(*offset)};
}

static bool take_reference(void *user, const struct egw_item *item)
{
    struct verify *v = user;

    if (item->record.value.p &&
        egw_table_put(&v->references, key_of(&item->record.offset), item->record.value))
        v->st = egw_error_set(&v->err, EGW_NOMEM, "no memory for the reference records");
    return !v->st;
}

/* Decoded into the arena; NULL: it is none of that type. */
static void *decode(struct verify *v, struct egw_str value, const struct egw_type *wanted)
{
    const struct egw_type *type = NULL;
    void *read = NULL;

    if (egw_decoder_read(v->decoder, value, &v->arena, &type, &read, NULL) || type != wanted)
        return NULL;
    return read;
}

static const struct egw_reference *find_reference(void *user, struct egw_str key, int64_t offset)
{
    struct verify *v = user;
    struct egw_str value;

    (void)key; /* an offset holds one record only */
    return egw_table_get(&v->references, key_of(&offset), &value)
               ? decode(v, value, &egw_type_reference)
               : NULL;
}

static struct egw_str case_of(struct verify *v, const struct egw_outcome *outcome)
{
    return egw_arena_printf(&v->arena, "%.*s/%.*s/%.*s", EGW_FMT(outcome->partner),
                            EGW_FMT(outcome->customer), EGW_FMT(outcome->case_id));
}

static const struct egw_outcome *time_before(struct verify *v, const struct egw_outcome *outcome)
{
    struct egw_str key = case_of(v, outcome), value;

    return key.p && egw_table_get(&v->times, key, &value) ? decode(v, value, &egw_type_outcome)
                                                          : NULL;
}

static void keep_time(struct verify *v, const struct egw_item *item)
{
    const struct egw_outcome *outcome = item->value;
    struct egw_str key;

    if (!outcome->due_at.has)
        return;
    egw_arena_reset(&v->arena);
    key = case_of(v, outcome);
    if (!key.p || egw_table_put(&v->times, key, item->record.value))
        v->st = egw_error_set(&v->err, EGW_NOMEM, "no memory for the times of cases");
}

/* ---- one outcome ---- */

static void compare(struct verify *v, const struct egw_item *item, const struct egw_policy *policy)
{
    const struct egw_outcome *outcome = item->value;
    const struct egw_catalogue *catalogue = egw_policy_catalogue(policy);
    const struct egw_known_issue *issue = catalogue && outcome->signature.n
                                              ? egw_catalogue_find(catalogue, outcome->signature)
                                              : NULL;
    const struct egw_recall_ask terms = {.policy = policy,
                                         .outcome = outcome,
                                         .before = time_before(v, outcome),
                                         .find = find_reference,
                                         .user = v};
    struct egw_outcome was = egw_recall_part(outcome), made;
    egw_outcome_fields fields = 0, others = 0;
    struct egw_error why, lost;
    enum egw_status st = egw_recall(policy, outcome, issue, &v->arena, &made, &why),
                    termed = EGW_OK;

    if (st == EGW_INVALID) {
        egw_again_differs(&v->again, item, NULL, 0, why.text);
        return;
    }
    if (!st)
        st = egw_outcome_differ(&was, &made, &fields, &why);
    if (!st && !fields) {
        termed = egw_recall_terms(&terms, &v->arena, &made, &lost);
        was = egw_recall_terms_part(outcome);
        made = egw_recall_terms_part(&made);
        st = termed ? EGW_OK : egw_outcome_differ(&was, &made, &others, &why);
    }
    if (st) {
        v->st = st;
        v->err = why;
    } else if (fields) {
        egw_again_differs(&v->again, item, &made, fields,
                          "its facts and its policy lead elsewhere");
    } else if (termed) {
        egw_again_unchecked(&v->again, item, lost.text);
    } else if (others) {
        egw_again_differs(&v->again, item, &made, others,
                          "its policy and the records it names promise something else");
    } else {
        egw_again_same(&v->again, item);
    }
}

static void verify_one(struct verify *v, const struct egw_item *item)
{
    const struct egw_outcome *outcome = item->value;
    const struct egw_policy *policy;
    struct egw_error why;
    enum egw_status st;

    if (!egw_recall_decided(outcome)) {
        v->again.undecided++;
        return;
    }
    if (!outcome->policy) {
        egw_again_differs(&v->again, item, NULL, 0, "it names a rule but no policy");
        return;
    }
    st = egw_policies_find(v->policies, outcome->policy, &policy, &why);
    if (st == EGW_NOT_FOUND || st == EGW_INVALID) {
        egw_again_unchecked(&v->again, item, why.text);
    } else if (st) {
        v->st = st;
        v->err = why;
    } else {
        egw_arena_reset(&v->arena);
        compare(v, item, policy);
    }
}

static bool take(void *user, const struct egw_item *item)
{
    struct verify *v = user;

    if (item->type == &egw_type_outcome) {
        if (wanted(v, item))
            verify_one(v, item);
        if (!v->st)
            keep_time(v, item);
    } else if (v->all) {
        egw_again_unreadable(&v->again, item);
    }
    return !v->st;
}

/* ---- the whole ---- */

static enum egw_status verify_all(struct verify *v)
{
    const struct egw_settings *settings = &v->args->settings;
    enum egw_status st = egw_policies_read(settings, &v->policies, &v->err);

    if (!st)
        st = egw_decoder_new(settings, &v->decoder, &v->err);
    if (!st)
        st = egw_read_all(settings, settings->topics.reference, -1, take_reference, v, &v->err);
    if (!st && !v->st)
        st = egw_read_all(settings, settings->topics.outcomes, -1, take, v, &v->err);
    if (!st)
        st = v->st;
    for (size_t i = 0; i < v->args->operand_count && !st; i++) {
        if (!v->found[i])
            st = egw_error_set(&v->err, EGW_NOT_FOUND, "no outcome is named by %s",
                               v->args->operands[i]);
    }
    return st;
}

static int run(struct egw_args *args)
{
    struct verify v = {.args = args, .all = egw_arg(args, "all") != NULL, .since = INT64_MIN};
    int code;

    if (v.all ? args->operand_count > 0
              : !args->operand_count || args->operand_count > EGW_REPEATS_MAX)
        return egw_usage(args, "takes outcomes, by event id or place, or --all");
    code = egw_arg_time(args, "since", &v.since);
    if (code)
        return code;
    egw_again_open(&v.again, args);
    v.again.verbose = v.again.verbose || !v.all; /* who names an outcome wants to see it */
    if (verify_all(&v)) {
        code = egw_fail(&v.err);
        egw_buf_free(&v.again.line);
    } else {
        code = egw_again_close(&v.again);
    }
    egw_policies_free(v.policies);
    egw_decoder_free(v.decoder);
    egw_table_free(&v.references);
    egw_table_free(&v.times);
    egw_arena_free(&v.arena);
    return code;
}

static const struct egw_option options[] = {
    {0, "all", NULL, "every outcome there is", NULL, false, NULL},
    {0, "since", "TIME", "only those decided at this time or later", NULL, false, NULL},
    {'v', "verbose", NULL, "with --all: show also those that are the same or not checked", NULL,
     false, NULL},
    {'o', "output", "FORM", "form of the output", "text|json", false, NULL},
    {0, NULL, NULL, NULL, NULL, false, NULL},
};

const struct egw_command egw_cmd_verify = {
    .name = "verify",
    .operands = "OUTCOME... | --all",
    .summary = "decide again from an outcome's facts and its policy, and compare",
    .about = "An outcome holds every fact its decision tested, by value, and the hash of its "
             "policy, which the log keeps. verify lets the production rules walk over these facts "
             "and compares the decision part byte for byte: action, code, stage, rule, reason, "
             "facts, near misses, channel, mode, service, domain, severity, health, advice, owner; "
             "then what was promised, from the statement, delivery and calendar records it names: "
             "due_at, calendar, otherwise, statement, chargeable, price. An outcome is named by "
             "its event's id, by topic/partition/offset of itself or of "
             "what triggered it, or by its number in its chain, as triage/3/17. Whether the facts "
             "were right is what replay asks.",
    .exits = "0 no difference, 1 a difference or no such outcome, 69 it could not be checked, 78 "
             "settings",
    .options = options,
    .run = run,
};
