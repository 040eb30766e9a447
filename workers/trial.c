#include "trial.h"

#include "egw/json.h"
#include "egw/schema.h"
#include "reading.h"

enum egw_status egw_trial_forget(struct egw_trial *trial, struct egw_error *reterr)
{
    struct egw_facts *fresh = egw_facts_new();

    if (!fresh)
        return egw_error_set(reterr, EGW_NOMEM, "no memory for facts");
    egw_facts_free(trial->facts);
    trial->facts = fresh;
    trial->next_offset = 0;
    return EGW_OK;
}

enum egw_status egw_trial_facts(struct egw_trial *ret, struct egw_error *reterr)
{
    struct egw_trial trial = {0};
    enum egw_status st = egw_plans_builtin(&trial.plans, reterr);

    if (!st)
        st = egw_trial_forget(&trial, reterr);
    if (st)
        egw_trial_free(&trial);
    else
        *ret = trial;
    return st;
}

enum egw_status egw_trial_new(const struct egw_settings *settings, struct egw_trial *ret,
                              struct egw_faults *faults, struct egw_error *reterr)
{
    struct egw_trial trial;
    enum egw_status st = egw_trial_facts(&trial, reterr);

    if (st)
        return st;
    st = egw_policy_read(settings->policy.dir, settings->policy.catalogue, &trial.files, reterr);
    if (!st) {
        st = egw_policy_compile(trial.files.files, trial.files.n, &trial.policy, faults);
        if (st)
            (void)egw_error_set(reterr, st, "the policy in %s cannot be used",
                                settings->policy.dir);
    }
    if (st)
        egw_trial_free(&trial);
    else
        *ret = trial;
    return st;
}

void egw_trial_free(struct egw_trial *trial)
{
    egw_facts_free(trial->facts);
    egw_plans_free(trial->plans);
    egw_policy_free(trial->policy);
    egw_policy_files_free(&trial->files);
    *trial = (struct egw_trial){0};
}

/* ---- facts ---- */

enum egw_status egw_trial_learn(struct egw_trial *trial, const struct egw_reference *reference,
                                struct egw_error *reterr)
{
    static const struct egw_framing framing = {.confluent = false};
    struct egw_buf key = {0}, value = {0};
    enum egw_status st = egw_reference_key(reference, &key, reterr);

    if (!st)
        st = egw_encode_framed(&framing, &egw_type_reference, reference, &value, reterr);
    if (!st)
        st = egw_facts_learn(trial->facts, trial->plans, egw_buf_str(&key), egw_buf_str(&value),
                             trial->next_offset++, reterr);
    egw_buf_free(&key);
    egw_buf_free(&value);
    return st;
}

static enum egw_status learn_line(struct egw_trial *trial, struct egw_str line,
                                  struct egw_arena *arena, struct egw_error *reterr)
{
    struct egw_reference reference = {0};
    enum egw_status st;

    egw_arena_reset(arena);
    st = egw_json_read(line, &egw_type_reference, arena, &reference, reterr);
    return st ? st : egw_trial_learn(trial, &reference, reterr);
}

enum egw_status egw_trial_learn_file(struct egw_trial *trial, const char *path,
                                     struct egw_error *reterr)
{
    struct egw_arena arena = {0};
    struct egw_lines lines;
    struct egw_str line;
    enum egw_status st = egw_lines_open(&lines, path, reterr);

    if (st)
        return st;
    do {
        st = egw_lines_next(&lines, &line, reterr);
        if (!st)
            st = learn_line(trial, line, &arena, reterr);
    } while (!st);
    if (st != EGW_NOT_FOUND)
        (void)egw_error_prefix(reterr, st, "%s:%d", lines.name, lines.line);
    egw_lines_close(&lines);
    egw_arena_free(&arena);
    return st == EGW_NOT_FOUND ? EGW_OK : st;
}

struct learning {
    struct egw_trial *trial;
    const char *topic;
    enum egw_status st;
    struct egw_error *reterr;
};

/* Triage skips what it cannot read, and so does the trial; only memory ends it. */
static bool take_reference(void *user, const struct egw_item *item)
{
    struct learning *l = user;
    struct egw_item fault = *item;

    if (item->type == &egw_type_reference)
        l->st = egw_facts_take(l->trial->facts, item->record.key, item->value, item->record.offset,
                               &fault.why);
    else /* a tombstone, or a record that is none: learn() knows both */
        l->st = egw_facts_learn(l->trial->facts, l->trial->plans, item->record.key,
                                item->record.value, item->record.offset, &fault.why);
    if (l->st == EGW_INVALID) {
        egw_item_complain(l->topic, &fault, stderr);
        l->st = EGW_OK;
    } else if (l->st) {
        *l->reterr = fault.why;
    }
    return !l->st;
}

enum egw_status egw_trial_learn_topic(struct egw_trial *trial, const struct egw_settings *settings,
                                      struct egw_error *reterr)
{
    struct learning l = {.trial = trial, .topic = settings->topics.reference, .reterr = reterr};
    enum egw_status st = egw_read_all(settings, l.topic, 0, take_reference, &l, reterr);

    return st ? st : l.st;
}

/* ---- deciding ---- */

static void copy_decision(const struct egw_trial *trial, const struct egw_decision *d,
                          struct egw_outcome *ret)
{
    ret->action = d->action;
    ret->stage = d->stage;
    ret->code = d->code;
    ret->because = d->because;
    ret->rule = egw_policy_rule(trial->policy, d->rule).id;
    ret->facts = d->facts;
    ret->sources = d->sources;
    ret->near = d->near;
    ret->missing = d->missing;
    ret->boundary = d->boundary;
    ret->channel = d->channel;
    ret->mode = d->mode;
    ret->service = d->service;
    ret->domain = d->domain;
    ret->severity = d->severity;
    ret->health = d->health;
    ret->health_as_of = d->health_as_of;
    ret->incident = d->incident;
    ret->signature = d->signature;
    ret->advice = d->advice;
    ret->owner = d->owner;
    ret->waits_for = d->waits_for;
    ret->due_at = d->due_at;
    ret->calendar = d->calendar;
    ret->otherwise = d->otherwise;
    ret->theme = d->theme;
    ret->delivery = d->delivery;
    ret->handled_by = d->handled_by;
    ret->statement = d->statement;
    ret->price = d->price;
    ret->chargeable = d->chargeable;
    ret->warnings = d->warnings;
}

/* The event merged with the case, as far as either is told. NULL: no memory. */
static const struct egw_support_event *subject_of(const struct egw_trial *trial,
                                                  const struct egw_support_event *event,
                                                  const struct egw_case_so_far *so_far,
                                                  int64_t now_ms, struct egw_arena *arena,
                                                  struct egw_subject *ret)
{
    struct egw_support_event *merged = egw_arena_alloc(arena, sizeof(*merged));
    struct egw_str customer;

    if (!merged)
        return NULL;
    *merged = *event;
    *ret = (struct egw_subject){.event = merged, .recorded_ms = now_ms};
    if (so_far) {
        ret->not_incident = so_far->not_incident.p;
        ret->not_incident_count = so_far->not_incident.n;
        ret->approval = so_far->approval;
        ret->released = so_far->released;
    }
    /* An answer is decided as if the case were held: it is a fact for the rules. */
    if (egw_str_is(event->event_type, "approved") || egw_str_is(event->event_type, "declined"))
        ret->approval = event->event_type;
    ret->released |= egw_str_is(event->event_type, "released");
    if (egw_facts_customer(trial->facts, event->partner, event->customer, &customer))
        merged->customer = ret->customer = customer;
    else
        ret->customer_elsewhere =
            egw_facts_customer_elsewhere(trial->facts, event->partner, event->customer);
    return merged;
}

enum egw_status egw_trial_decide(struct egw_trial *trial, const struct egw_support_event *event,
                                 const struct egw_case_so_far *so_far, int64_t now_ms,
                                 struct egw_arena *arena, struct egw_outcome *ret)
{
    struct egw_subject subject;
    struct egw_decision decision = {0};
    const struct egw_support_event *merged =
        subject_of(trial, event, so_far, now_ms, arena, &subject);

    if (!merged || egw_decide(trial->policy, trial->facts, &subject, now_ms, arena, &decision))
        return EGW_NOMEM;
    *ret = (struct egw_outcome){
        .decided_at = now_ms,
        .recorded_at = now_ms,
        .partner = event->partner,
        .customer = merged->customer,
        .case_id = event->case_id,
        .event_id = event->event_id,
        .event_type = event->event_type,
    };
    copy_decision(trial, &decision, ret);
    return EGW_OK;
}

enum egw_status egw_trial_gather(struct egw_trial *trial, const struct egw_support_event *event,
                                 const struct egw_case_so_far *so_far, int64_t now_ms,
                                 struct egw_arena *arena, struct egw_list *ret)
{
    struct egw_subject subject;

    return subject_of(trial, event, so_far, now_ms, arena, &subject)
               ? egw_gather(trial->policy, trial->facts, &subject, now_ms, arena, ret)
               : EGW_NOMEM;
}
