/* What an event, a changed fact or a due time does to a case. */
#include "work.h"

/* ---- deciding ---- */

static enum egw_status ask(struct work *work, struct kase *kase, struct egw_decision *ret)
{
    struct egw_subject subject = {
        .event = &kase->event,
        .not_incident = kase->entry.not_incident.p,
        .not_incident_count = kase->entry.not_incident.n,
        .approval = kase->entry.approval,
        .released = kase->entry.released,
        .recorded_ms = work->recorded_ms,
    };
    const struct egw_facts *facts = work->triage->facts;
    enum egw_status st;

    if (!egw_facts_customer(facts, kase->event.partner, kase->entry.customer, &subject.customer)) {
        subject.customer = EGW_STR_NONE;
        subject.customer_elsewhere =
            egw_facts_customer_elsewhere(facts, kase->event.partner, kase->entry.customer);
    }
    st = egw_decide(work->policy, facts, &subject, egw_turn_now(work->turn), work->arena, ret);
    return st ? no_memory(work) : EGW_OK;
}

static void report(struct work *work, const struct kase *kase, const struct egw_decision *decision)
{
    struct egw_outcome *outcome = &work->outcome;

    outcome->rule = egw_policy_rule(work->policy, decision->rule).id;
    outcome->because = decision->because;
    outcome->boundary = decision->boundary;
    outcome->channel = decision->channel;
    outcome->mode = decision->mode;
    outcome->advice = decision->advice;
    outcome->owner = decision->owner;
    outcome->severity = decision->severity;
    outcome->service = decision->service;
    outcome->domain = decision->domain;
    outcome->health = decision->health;
    outcome->health_as_of = decision->health_as_of;
    outcome->incident = decision->incident.n ? decision->incident : kase->entry.outlived;
    outcome->incident_ended_at = kase->entry.incident_ended_at;
    outcome->confirmed_at = kase->entry.confirmed_at;
    outcome->signature = decision->signature;
    outcome->facts = decision->facts;
    outcome->sources = decision->sources;
    outcome->near = decision->near;
    outcome->missing = decision->missing;
    outcome->waits_for = decision->waits_for;
    outcome->theme = decision->theme;
    outcome->delivery = decision->delivery;
    outcome->handled_by = decision->handled_by;
    outcome->statement = decision->statement;
    outcome->price = decision->price;
    outcome->chargeable = decision->chargeable;
    outcome->number = kase->entry.number;
    outcome->links = kase->entry.links;
}

static enum egw_status digest_text(struct work *work, const struct kase *kase)
{
    struct egw_sha256 *digest;

    if (!kase->event.text.p)
        return EGW_OK;
    digest = egw_arena_alloc(work->arena, sizeof(*digest));
    if (!digest)
        return no_memory(work);
    egw_sha256(kase->event.text.p, kase->event.text.n, digest);
    work->outcome.text_digest = digest->b;
    return EGW_OK;
}

/* The answer is the one the case has already; waiting for another incident is another answer. */
static bool says_the_same(const struct egw_case_entry *entry, const struct egw_decision *decision)
{
    return egw_str_is(entry->action, egw_action_names[decision->action]) &&
           egw_str_eq(entry->code, decision->code) &&
           (decision->action != EGW_ACTION_HEALTH_MATCH ||
            egw_str_eq(entry->incident, decision->incident));
}

/* Deciding the same again gives no more time than there was. */
static void set_clock(struct egw_case_entry *entry, const struct egw_decision *decision)
{
    if (says_the_same(entry, decision) && entry->due_at.has && decision->due_at.has &&
        entry->due_at.v <= decision->due_at.v)
        return;
    entry->due_at = decision->due_at;
    entry->warn_at = decision->warn_at;
    entry->calendar = decision->calendar;
    entry->otherwise = decision->otherwise;
}

/* The decision becomes the case's: phase, waits, command. The outcome is filled, not yet written.
 */
static enum egw_status adopt(struct work *work, struct kase *kase,
                             const struct egw_decision *decision, enum egw_action *ret_action)
{
    struct egw_case_entry *entry = &kase->entry;
    enum egw_action action = (enum egw_action)decision->action;
    const struct egw_str *warnings = decision->warnings.p;
    bool linked = false;
    enum egw_status st;

    report(work, kase, decision);
    st = digest_text(work, kase);
    for (size_t i = 0; !st && i < decision->warnings.n; i++)
        st = list_add(work, &work->outcome.warnings, sizeof(*warnings), LIST_MAX, &warnings[i]);
    if (st)
        return st;
    entry->waits_for = decision->waits_for;
    entry->facts_offset = work->triage->reference_last;
    entry->severity = decision->severity;
    set_clock(entry, decision);
    entry->incident = action == EGW_ACTION_HEALTH_MATCH ? decision->incident : EGW_STR("");
    if (action == EGW_ACTION_ESCALATED || action == EGW_ACTION_HANDOFF) {
        st = command_issue(work, kase, decision, &linked);
        if (st)
            return st;
        if (linked) { /* the case that has the command has the channel's clock */
            action = EGW_ACTION_LINKED;
            st = case_clock_start(work, kase, action);
            if (st)
                return st;
        }
    }
    case_clock_show(work, kase);
    entry->phase = (int32_t)egw_phase_after(action);
    if (entry->phase == EGW_PHASE_ESCALATED && entry->number.n)
        entry->phase = EGW_PHASE_FILED;
    entry->action = egw_str_of(egw_action_names[action]);
    entry->code = linked ? EGW_STR("") : decision->code;
    if (entry->phase == EGW_PHASE_ENDED) {
        case_end(work, kase);
        work->outcome.final = true;
    }
    *ret_action = action;
    return EGW_OK;
}

static enum egw_status store_and_finish(struct work *work, struct kase *kase,
                                        enum egw_action action, struct egw_str code,
                                        enum egw_stage stage)
{
    enum egw_status st = case_store(work, kase);

    return st ? st : finish(work, action, code, stage);
}

/* Who answered a hold answered it for the severity of then: at another, the rules ask again. */
static enum egw_status ask_again(struct work *work, struct kase *kase, struct egw_decision *ret)
{
    enum egw_status st = ask(work, kase, ret);

    if (st || !kase->entry.approval.n || egw_str_eq(kase->entry.severity, ret->severity))
        return st;
    kase->entry.approval = EGW_STR("");
    return ask(work, kase, ret);
}

static enum egw_status decided(struct work *work, struct kase *kase,
                               const struct egw_decision *decision)
{
    enum egw_action action = EGW_ACTION_NOTED;
    enum egw_status st = adopt(work, kase, decision, &action);

    return st ? st
              : store_and_finish(work, kase, action, kase->entry.code,
                                 (enum egw_stage)decision->stage);
}

static enum egw_status decide(struct work *work, struct kase *kase)
{
    struct egw_decision decision;
    enum egw_status st = ask_again(work, kase, &decision);

    return st ? st : decided(work, kase, &decision);
}

/* ---- events that decide nothing ---- */

static enum egw_status noted(struct work *work, struct kase *kase, const char *code)
{
    enum egw_status st = case_touch(work, kase);

    if (!st)
        st = command_shared_number(work, kase);
    if (st)
        return st;
    work->outcome.number = kase->entry.number;
    work->outcome.links = kase->entry.links;
    if (kase->entry.phase != EGW_PHASE_ENDED)
        case_clock_show(work, kase);
    return store_and_finish(work, kase, EGW_ACTION_NOTED, egw_str_of(code), EGW_STAGE_CASE);
}

static const char *end_code(const struct egw_support_event *event, enum egw_event_type type)
{
    static const struct {
        const char *state, *code;
    } codes[] = {
        {"customer", "CUSTOMER"},
        {"partner", "PARTNER"},
        {"microsoft", "MICROSOFT"},
        {"no-reply", "NO_REPLY"},
    };

    for (size_t i = 0; i < EGW_COUNT(codes); i++) {
        if (egw_str_is(event->state, codes[i].state))
            return codes[i].code;
    }
    return type == EGW_EVENT_CLEARED ? "CUSTOMER" : "PARTNER";
}

static enum egw_status ends_as(struct work *work, struct kase *kase, enum egw_action action,
                               const char *code)
{
    enum egw_status st = case_touch(work, kase);

    if (st)
        return st;
    case_end(work, kase);
    st = command_ended(work, kase);
    if (st)
        return st;
    kase->entry.action = egw_str_of(egw_action_names[action]);
    kase->entry.code = egw_str_of(code);
    work->outcome.final = true;
    work->outcome.command_id = kase->entry.command_id;
    work->outcome.channel = kase->entry.channel;
    work->outcome.mode = kase->entry.mode;
    work->outcome.number = kase->entry.number;
    return store_and_finish(work, kase, action, kase->entry.code, EGW_STAGE_CASE);
}

/* A number says that Microsoft has the case, whoever filed it. */
static enum egw_status ended(struct work *work, struct kase *kase, const char *code)
{
    if (kase->entry.command_id || kase->entry.number.n)
        return ends_as(work, kase, EGW_ACTION_CLOSED, code);
    return ends_as(work, kase, EGW_ACTION_CLOSED_BEFORE_ESCALATION, "");
}

static enum egw_status number(struct work *work, struct kase *kase,
                              const struct egw_support_event *event)
{
    struct egw_case_entry *entry = &kase->entry;
    bool first = entry->phase != EGW_PHASE_ENDED && entry->phase != EGW_PHASE_FILED;
    enum egw_status st;

    if (!event->number.n || event->number.n > IDENTIFIER_MAX) {
        work->outcome.because = EGW_STR("a case-number event needs a number");
        st = case_store(work, kase);
        return st ? st
                  : finish(work, EGW_ACTION_REJECTED, EGW_STR("BAD_FIELD"), EGW_STAGE_VALIDITY);
    }
    if (entry->number.n && !egw_str_eq(entry->number, event->number)) {
        work->outcome.because = work_printf(work, "the case has number %.*s; %.*s was given now",
                                            EGW_FMT(entry->number), EGW_FMT(event->number));
        return noted(work, kase, "NUMBER_CONFLICT");
    }
    entry->number = event->number;
    if (first) { /* from here on it is Microsoft's turn */
        entry->phase = EGW_PHASE_FILED;
        entry->waits_for.n = 0;
        st = case_clock_start(work, kase, EGW_ACTION_FILED);
        if (st)
            return st;
    }
    work->outcome.channel = entry->channel;
    work->outcome.mode = entry->mode;
    work->outcome.command_id = entry->command_id;
    st = command_number(work, kase);
    return st ? st : noted(work, kase, "CASE_NUMBER");
}

static enum egw_status state(struct work *work, struct kase *kase,
                             const struct egw_support_event *event)
{
    work->outcome.because = work_printf(work, "Microsoft's state: %.*s", EGW_FMT(event->state));
    if (event->state.n == 6 && strncasecmp(event->state.p, "closed", 6) == 0)
        return ended(work, kase, "MICROSOFT");
    if (kase->entry.phase == EGW_PHASE_FILED &&
        !egw_policy_state_unanswered(work->policy, event->state))
        case_clock_stop(kase); /* Microsoft has answered */
    return noted(work, kase, "CASE_STATE");
}

static void unlink_case(struct egw_case_entry *entry, struct egw_str other)
{
    struct egw_str *links = entry->links.p;
    struct egw_link_number *numbers = entry->link_numbers.p;
    size_t kept = 0, numbered = 0;

    for (size_t i = 0; i < entry->links.n; i++) {
        if (!egw_str_eq(links[i], other))
            links[kept++] = links[i];
    }
    for (size_t i = 0; i < entry->link_numbers.n; i++) {
        if (!egw_str_eq(numbers[i].link, other))
            numbers[numbered++] = numbers[i];
    }
    entry->links.n = kept;
    entry->link_numbers.n = numbered;
}

static enum egw_status link_case(struct work *work, struct egw_case_entry *entry,
                                 const struct egw_support_event *event)
{
    struct egw_link_number numbered = {event->link, event->number};
    enum egw_status st = list_add(work, &entry->links, sizeof(event->link), LIST_MAX, &event->link);

    if (!st && event->number.n)
        st = list_add(work, &entry->link_numbers, sizeof(numbered), LIST_MAX, &numbered);
    return st;
}

/* partner/customer/case, of which the case may hold more slashes; and another one than this. */
static bool names_other_case(struct egw_str link, struct egw_str own)
{
    const char *end = link.p + link.n;
    const char *first = link.n ? memchr(link.p, '/', link.n) : NULL;
    const char *second = first ? memchr(first + 1, '/', (size_t)(end - first) - 1) : NULL;

    return second && first > link.p && second > first + 1 && second + 1 < end &&
           link.n <= 3 * IDENTIFIER_MAX + 2 && !egw_str_eq(link, own);
}

static enum egw_status link(struct work *work, struct kase *kase,
                            const struct egw_support_event *event, bool on)
{
    enum egw_status st = EGW_OK;
    bool parted = false;

    if (!names_other_case(event->link, kase->key) || event->number.n > IDENTIFIER_MAX) {
        work->outcome.because = EGW_STR("a link names the other case as partner/customer/case");
        st = case_store(work, kase);
        return st ? st
                  : finish(work, EGW_ACTION_REJECTED, EGW_STR("BAD_FIELD"), EGW_STAGE_VALIDITY);
    }
    unlink_case(&kase->entry, event->link);
    if (on)
        st = link_case(work, &kase->entry, event);
    else
        st = command_part(work, kase, event->link, &parted);
    if (st)
        return st;
    return parted ? decide(work, kase) : noted(work, kase, on ? "LINK" : "UNLINK");
}

static bool resolved(const struct egw_support_event *event)
{
    const struct egw_diagnosis *steps = event->diagnosis.p;

    for (size_t i = 0; i < event->diagnosis.n; i++) {
        if (steps[i].resolved && egw_str_is(steps[i].kind, "attempt"))
            return true;
    }
    return false;
}

/* The incident a case waits on; NULL: none, or nobody tells of it any more. */
static const struct egw_reference *incident_of(const struct work *work, const struct kase *kase)
{
    const struct egw_str *keys = kase->entry.waits_for.p;
    const struct egw_reference *reference =
        kase->entry.waits_for.n ? egw_facts_get(work->triage->facts, keys[0]).reference : NULL;

    return reference && reference->body.branch == EGW_REF_HEALTH_ISSUE ? reference : NULL;
}

/* A record that was removed counts as over. */
static bool incident_over(const struct work *work, const struct kase *kase)
{
    const struct egw_reference *reference = incident_of(work, kase);

    return !reference ||
           !egw_policy_issue_active(work->policy, reference->body.p, egw_turn_now(work->turn));
}

/* Not over, and told lately enough to be believed (S15): of a feed that fell silent nobody knows.
 */
static bool incident_open(const struct work *work, const struct kase *kase)
{
    const struct egw_reference *reference = incident_of(work, kase);
    int64_t max = egw_policy_max_age_ms(work->policy, EGW_REF_HEALTH_ISSUE), age;

    return !incident_over(work, kase) &&
           (!max || __builtin_sub_overflow(egw_turn_now(work->turn), reference->as_of, &age) ||
            age <= max);
}

/* When the incident was over: as its record says, else as we learned it. */
static struct egw_opt_i64 incident_end(const struct work *work, const struct kase *kase)
{
    const struct egw_reference *reference = incident_of(work, kase);
    const struct egw_health_issue *issue = reference ? reference->body.p : NULL;

    return issue && issue->ends_at.has ? issue->ends_at
                                       : (struct egw_opt_i64){true, egw_turn_now(work->turn)};
}

/* The awaited incident is set aside, and the case is decided without it. Both times are kept where
 * the fault outlived it: when the incident ended, and when somebody saw the fault after that (S16).
 */
static enum egw_status outlived(struct work *work, struct kase *kase, enum egw_event_type type)
{
    struct egw_case_entry *entry = &kase->entry;

    if (type == EGW_EVENT_CONFIRMED && entry->incident.n && incident_open(work, kase)) {
        work->outcome.incident = entry->incident;
        work->outcome.because = work_printf(work, "%.*s is still open: the case waits for its end",
                                            EGW_FMT(entry->incident));
        return noted(work, kase, "UPDATED");
    }
    if (entry->incident.n) {
        enum egw_status st = list_add(work, &entry->not_incident, sizeof(struct egw_str), LIST_MAX,
                                      &entry->incident);

        if (st)
            return st;
    }
    if (type == EGW_EVENT_CONFIRMED) {
        entry->outlived = entry->incident;
        if (!egw_str_is(entry->action, egw_action_names[EGW_ACTION_INCIDENT_ENDED]) &&
            incident_over(work, kase))
            entry->incident_ended_at = incident_end(work, kase); /* nobody had told the case yet */
        entry->confirmed_at = (struct egw_opt_i64){true, kase->event.occurred_at};
    }
    return decide(work, kase);
}

/* The problem is back: what was thought to have cured it did not. */
static void forget_cures(struct kase *kase)
{
    struct egw_diagnosis *steps = kase->event.diagnosis.p;

    for (size_t i = 0; i < kase->event.diagnosis.n; i++)
        steps[i].resolved = false;
}

static enum egw_status reopen(struct work *work, struct kase *kase)
{
    struct egw_case_entry *entry = &kase->entry;

    if (entry->command_id)
        entry->generation++;
    entry->command_id = NULL;
    entry->number = EGW_STR("");
    entry->channel = entry->mode = EGW_STR("");
    entry->approval = entry->outlived = EGW_STR("");
    entry->released = entry->ended_at.has = false;
    entry->incident_ended_at.has = entry->confirmed_at.has = false;
    case_clock_stop(kase);
    return decide(work, kase);
}

/* The incident is over and the customer is asked: news of the case, which may be our own note in
 * its ticket, is no answer and takes it no further than health (S16, S23). */
static enum egw_status hear(struct work *work, struct kase *kase, enum egw_event_type type)
{
    bool asked = egw_str_is(kase->entry.action, egw_action_names[EGW_ACTION_INCIDENT_ENDED]) &&
                 (type == EGW_EVENT_OPENED || type == EGW_EVENT_UPDATED);
    struct egw_decision decision;
    enum egw_status st = ask_again(work, kase, &decision);

    if (st)
        return st;
    if (asked && decision.stage > EGW_STAGE_HEALTH &&
        egw_phase_after((enum egw_action)decision.action) != EGW_PHASE_ENDED)
        return noted(work, kase, "UPDATED");
    return decided(work, kase, &decision);
}

/* What the event says to a hold: the rules test it. An approval is asked for by HELD/APPROVAL, and
 * who gave an answer may give another one; a release by HELD/POLICY. NULL: it may be an answer;
 * else why it is none. */
static const char *answer(struct kase *kase, enum egw_event_type type)
{
    struct egw_case_entry *entry = &kase->entry;

    switch (type) {
    case EGW_EVENT_APPROVED:
    case EGW_EVENT_DECLINED:
        if (!egw_str_is(entry->code, "APPROVAL") && !entry->approval.n)
            return "no approval was asked for: the case is held until it is released";
        entry->approval = egw_str_of(egw_event_types[type]);
        return NULL;
    case EGW_EVENT_RELEASED:
        if (!egw_str_is(entry->code, "POLICY"))
            return "the case is held for an approval: it is approved or declined";
        entry->released = true;
        return NULL;
    default:
        return NULL;
    }
}

/* What is with Microsoft, or on its way there, was written down at the severity of then: the case
 * is answered at the one of now, which somebody must tell them. */
static enum egw_status updated(struct work *work, struct kase *kase,
                               const struct egw_support_event *event)
{
    struct egw_case_entry *entry = &kase->entry;
    bool filed = entry->phase == EGW_PHASE_FILED;
    struct egw_decision now;
    enum egw_status st;

    if (!entry->command_id || (!event->severity.n && !event->priority.n))
        return noted(work, kase, "UPDATED");
    st = ask(work, kase, &now);
    if (st)
        return st;
    if (now.stage == EGW_STAGE_VALIDITY || egw_str_eq(now.severity, entry->severity))
        return noted(work, kase, "UPDATED");
    work->outcome.because = work_printf(work, "severity is %.*s now; the package says %.*s",
                                        EGW_FMT(now.severity), EGW_FMT(entry->severity));
    work->outcome.advice = filed ? EGW_STR("tell Microsoft, in the case they have")
                                 : EGW_STR("file it at the severity of now, or ask the rules once "
                                           "more by an event of type redecide");
    work->outcome.owner = EGW_STR("desk");
    entry->severity = now.severity;
    if (!filed) {
        int action = egw_action_of(entry->action);

        st =
            case_clock_start(work, kase, action < 0 ? EGW_ACTION_HANDOFF : (enum egw_action)action);
    }
    return st ? st : noted(work, kase, "UPDATED");
}

enum egw_status course_event(struct work *work, struct kase *kase,
                             const struct egw_support_event *event, enum egw_event_type type)
{
    enum egw_lifecycle what = egw_lifecycle_of(type, (enum egw_phase)kase->entry.phase);
    enum egw_status st = EGW_OK;
    const char *none;

    if (what != EGW_DO_LATE || !kase->known)
        st = case_merge(work, kase, event);
    if (!st)
        st = case_remember(work, kase, event);
    if (st)
        return st;
    work->outcome.problem = kase->event.problem.p ? kase->event.problem : EGW_STR("");
    switch (what) {
    case EGW_DO_DECIDE:
        none = answer(kase, type);
        if (!none)
            return hear(work, kase, type);
        work->outcome.because = egw_str_of(none);
        return noted(work, kase, "UPDATED");
    case EGW_DO_UPDATE:
        return updated(work, kase, event);
    case EGW_DO_ATTEMPT:
        return resolved(event) ? ended(work, kase, "PARTNER") : updated(work, kase, event);
    case EGW_DO_OUTLIVED:
        return outlived(work, kase, type);
    case EGW_DO_END:
        return ended(work, kase, end_code(event, type));
    case EGW_DO_NUMBER:
        return number(work, kase, event);
    case EGW_DO_STATE:
        return state(work, kase, event);
    case EGW_DO_LINK:
        return link(work, kase, event, true);
    case EGW_DO_UNLINK:
        return link(work, kase, event, false);
    case EGW_DO_REOPEN:
        if (type == EGW_EVENT_REOPENED)
            forget_cures(kase);
        return reopen(work, kase);
    case EGW_DO_LATE:
        break;
    }
    if (kase->known) {
        work->outcome.because = EGW_STR("the case has ended");
        work->outcome.advice = EGW_STR("where it goes on, say so by an event of type reopened");
        work->outcome.owner = EGW_STR("desk");
    } else {
        work->outcome.because = EGW_STR("no case of this name was ever opened");
        case_heard_of(work, kase);
    }
    return noted(work, kase, "LATE");
}

/* ---- what comes by itself ---- */

static enum egw_status describe(struct work *work, const struct kase *kase)
{
    struct egw_outcome *outcome = &work->outcome;

    outcome->partner = kase->entry.partner;
    outcome->customer = kase->entry.customer;
    outcome->case_id = kase->entry.case_id;
    outcome->problem = kase->event.problem.p ? kase->event.problem : EGW_STR("");
    outcome->traceparent = kase->event.traceparent;
    work->key = work_join(work, kase->entry.partner, '/', kase->entry.customer);
    return work->key.p ? EGW_OK : no_memory(work);
}

static enum egw_status incident_ended(struct work *work, struct kase *kase)
{
    struct egw_case_entry *entry = &kase->entry;
    struct egw_str awaited = EGW_STR("confirmed");
    enum egw_status st;

    work->outcome.incident = entry->incident;
    work->outcome.because = work_printf(
        work, "%.*s is over: ask the customer whether the fault is too", EGW_FMT(entry->incident));
    work->outcome.owner = EGW_STR("desk");
    st = list_add(work, &work->outcome.waits_for, sizeof(awaited), LIST_MAX, &awaited);
    if (!st)
        st = case_clock_start(work, kase, EGW_ACTION_INCIDENT_ENDED);
    if (st)
        return st;
    entry->incident_ended_at = incident_end(work, kase);
    work->outcome.incident_ended_at = entry->incident_ended_at;
    entry->waits_for.n = 0;
    entry->facts_offset = work->triage->reference_last;
    entry->action = egw_str_of(egw_action_names[EGW_ACTION_INCIDENT_ENDED]);
    entry->code = EGW_STR("");
    return store_and_finish(work, kase, EGW_ACTION_INCIDENT_ENDED, EGW_STR(""), EGW_STAGE_HEALTH);
}

enum egw_status course_fact(struct work *work)
{
    struct egw_decision decision;
    struct kase kase;
    enum egw_status st = case_load_key(work, work->input->key, &kase);

    if (st || !kase.known)
        return st;
    st = describe(work, &kase);
    if (st)
        return st;
    if (kase.entry.phase == EGW_PHASE_INCIDENT && incident_over(work, &kase))
        return incident_ended(work, &kase);
    st = ask(work, &kase, &decision);
    if (st)
        return st;
    if (says_the_same(&kase.entry, &decision)) {
        kase.entry.waits_for = decision.waits_for; /* nothing new to say: wait on */
        kase.entry.facts_offset = work->triage->reference_last;
        return case_store(work, &kase);
    }
    return decided(work, &kase, &decision);
}

/* What a case was given its time for, and how to go on. */
struct awaited {
    const char *what, *advice;
};

static const struct awaited *awaited_by(const struct egw_case_entry *entry)
{
    static const struct awaited all[EGW_ACTION_COUNT] = {
        [EGW_ACTION_BASELINE] = {"to the desk", "go on with the case, or say that it has ended"},
        [EGW_ACTION_HANDOFF] = {"to file the case and enter its number",
                                "file it: egw handoff show has the package, egw handoff number "
                                "takes the number"},
        [EGW_ACTION_LINKED] = {"to file the case it is linked to",
                               "see to the case that was handed off"},
        [EGW_ACTION_ESCALATED] = {"to Microsoft to take the case", "look for it in the portal"},
        [EGW_ACTION_FILED] = {"to Microsoft to answer", "ask Microsoft, in the case they have"},
        [EGW_ACTION_TO_PROVIDER] = {"to the provider to answer", "ask the provider"},
        [EGW_ACTION_HELD] = {"to release or approve the case",
                             "ask who may: approved, declined, released"},
        [EGW_ACTION_HEALTH_MATCH] = {"to the incident to end",
                                     "tell the customer; released decides the case without the "
                                     "incident"},
        [EGW_ACTION_INCIDENT_ENDED] = {"to the customer to answer",
                                       "ask whether the fault is over"},
        [EGW_ACTION_ACCESS_REQUIRED] = {"to get the access", "ask the customer for it"},
        [EGW_ACTION_NOT_ENTITLED] = {"to get the right to support",
                                     "buy or look up what is missing"},
        [EGW_ACTION_NO_POLICY] = {"to learn about the service", "ask who writes the policy"},
    };
    /* A number files the case, which keeps its action. */
    int action = entry->phase == EGW_PHASE_FILED ? EGW_ACTION_FILED : egw_action_of(entry->action);

    return action >= 0 && all[action].what ? &all[action] : &all[EGW_ACTION_BASELINE];
}

/* passed: "has passed", or "is nearly over". */
static enum egw_status overdue(struct work *work, struct kase *kase, const char *code,
                               const char *passed)
{
    const struct awaited *awaited = awaited_by(&kase->entry);
    enum egw_status st = case_touch(work, kase);

    work->outcome.because = work_printf(work, "the time given %s %s", awaited->what, passed);
    work->outcome.advice = egw_str_of(awaited->advice);
    work->outcome.owner = EGW_STR("desk");
    work->outcome.incident = kase->entry.incident;
    work->outcome.channel = kase->entry.channel;
    work->outcome.mode = kase->entry.mode;
    work->outcome.number = kase->entry.number;
    work->outcome.command_id = kase->entry.command_id;
    return st ? st
              : store_and_finish(work, kase, EGW_ACTION_OVERDUE, egw_str_of(code), EGW_STAGE_CLOCK);
}

static enum egw_status time_is_up(struct work *work, struct kase *kase)
{
    return overdue(work, kase, "BREACH", "has passed");
}

/* Nobody answered. What the policy says stands for the answer; an answer that changes nothing does
 * not, or the case would be asked for ever. */
static enum egw_status unanswered(struct work *work, struct kase *kase, enum egw_event_type type)
{
    struct egw_decision decision;
    enum egw_status st = warn(
        work, work_printf(work, "nobody answered in time: taken as %s", egw_event_types[type]).p);

    if (st)
        return st;
    switch (egw_lifecycle_of(type, (enum egw_phase)kase->entry.phase)) {
    case EGW_DO_END:
        work->outcome.because = EGW_STR("nobody answered in the time given");
        return ends_as(work, kase, EGW_ACTION_CLOSED, "NO_REPLY");
    case EGW_DO_OUTLIVED:
        return outlived(work, kase, type);
    case EGW_DO_DECIDE:
        (void)answer(kase, type); /* none: the case is the same, and overdue */
        st = ask(work, kase, &decision);
        if (!st && says_the_same(&kase->entry, &decision))
            return time_is_up(work, kase);
        return st ? st : decided(work, kase, &decision);
    default:
        return time_is_up(work, kase);
    }
}

static enum egw_status strike(struct work *work, struct kase *kase)
{
    struct egw_case_entry *entry = &kase->entry;
    int type = egw_event_type_of(entry->otherwise);

    if (entry->warn_at.has && entry->due_at.has && entry->due_at.v > egw_turn_now(work->turn)) {
        entry->warn_at.has = false;
        case_clock_show(work, kase);
        return overdue(work, kase, "WARNING", "is nearly over");
    }
    case_clock_show(work, kase);
    case_clock_stop(kase);
    return type < 0 ? time_is_up(work, kase) : unanswered(work, kase, (enum egw_event_type)type);
}

enum egw_status course_timer(struct work *work)
{
    struct kase kase;
    enum egw_status st;

    if (command_key(work->input->key))
        return egw_turn_put(work->turn, work->input->key, EGW_STR_NONE);
    st = case_load_key(work, work->input->key, &kase);
    if (st)
        return st;
    if (!kase.known ||
        kase.entry.phase == EGW_PHASE_NEW) /* past the horizon: removing it means nothing */
        return egw_turn_put(work->turn, work->input->key, EGW_STR_NONE);
    st = describe(work, &kase);
    return st ? st : strike(work, &kase);
}
