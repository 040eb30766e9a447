/* The clock of a case, and what every contact says about itself: service, theme, who delivers and
 * under which statement (S30, S32-S37, S42). */
#include "clock.h"
#include "work.h"

static enum egw_status take_notes(struct work *work, const struct egw_notes *notes)
{
    enum egw_status st = notes->nomem ? no_memory(work) : EGW_OK;

    for (size_t i = 0; i < notes->source_count && !st; i++)
        st = list_add(work, &work->outcome.sources, sizeof(notes->sources[i]), LIST_MAX,
                      &notes->sources[i]);
    for (size_t i = 0; i < notes->warning_count && !st; i++)
        st = list_add(work, &work->outcome.warnings, sizeof(notes->warnings[i]), LIST_MAX,
                      &notes->warnings[i]);
    return st;
}

enum egw_status case_touch(struct work *work, const struct kase *kase)
{
    struct egw_outcome *outcome = &work->outcome;
    const struct egw_facts *facts = work->triage->facts;
    struct egw_support_event event = kase->event;
    struct egw_notes notes = {.source_count = 0};
    struct egw_terms_ask ask = {.policy = work->policy,
                                .facts = facts,
                                .event = &event,
                                .severity = kase->entry.severity,
                                .recorded_ms = work->recorded_ms,
                                .now_ms = egw_turn_now(work->turn),
                                .arena = work->arena};

    if (work->touched)
        return EGW_OK;
    work->touched = true;
    event.partner = kase->entry.partner;
    ask.customer_known =
        egw_facts_customer(facts, event.partner, kase->entry.customer, &event.customer);
    egw_terms_find(&ask, &work->terms, &notes);
    outcome->service = work->terms.service;
    outcome->theme = work->terms.theme;
    outcome->severity = kase->entry.severity;
    outcome->statement = work->terms.statement;
    outcome->chargeable = work->terms.chargeable;
    outcome->price = work->terms.price;
    outcome->delivery = work->terms.model;
    outcome->handled_by = work->terms.handled_by;
    return take_notes(work, &notes);
}

enum egw_status case_clock_start(struct work *work, struct kase *kase, enum egw_action action)
{
    struct egw_notes notes = {.source_count = 0};
    enum egw_status st = case_touch(work, kase);
    struct egw_clock clock;
    const struct egw_clock_ask ask = {.policy = work->policy,
                                      .facts = work->triage->facts,
                                      .action = (int32_t)action,
                                      .code = EGW_STR(""),
                                      .severity = kase->entry.severity,
                                      .channel = kase->entry.channel,
                                      .language = kase->event.support_language,
                                      .terms = &work->terms,
                                      .from_ms = egw_turn_now(work->turn),
                                      .arena = work->arena};

    if (st)
        return st;
    egw_clock_start(&ask, &clock, &notes);
    kase->entry.due_at = clock.due_at;
    kase->entry.warn_at = clock.warn_at;
    kase->entry.calendar = clock.calendar;
    kase->entry.otherwise = clock.otherwise;
    case_clock_show(work, kase);
    return take_notes(work, &notes);
}

void case_clock_stop(struct kase *kase)
{
    kase->entry.due_at.has = kase->entry.warn_at.has = false;
    kase->entry.calendar = kase->entry.otherwise = EGW_STR("");
}

void case_clock_show(struct work *work, const struct kase *kase)
{
    work->outcome.due_at = kase->entry.due_at;
    work->outcome.calendar = kase->entry.calendar;
    work->outcome.otherwise = kase->entry.otherwise;
}
