/* By when the next step of a case is due: calendars, and the limits that count in them. */
#include "egw/lifecycle.h"
#include "policy_compile.h"

static bool calendar_is_special(struct egw_str id)
{
    return egw_str_is(id, "24x7") || egw_str_is(id, "statement") || egw_str_is(id, "delivery");
}

static void make_calendar(struct egw_compile *c, const struct egw_source_calendar *from)
{
    struct egw_named_calendar *to = &c->policy->calendars[c->policy->calendar_count];
    struct egw_list hours = {(void *)(uintptr_t)egw_compile_texts(c, &from->hours), from->hours.n};
    struct egw_list holidays = {(void *)(uintptr_t)egw_compile_texts(c, &from->holidays),
                                from->holidays.n};
    struct egw_error why;

    egw_compile_id(c, from->at, "calendar", from->id);
    egw_compile_source(c, from->at, "calendar", from->id, from->source);
    if (calendar_is_special(from->id) || egw_policy_calendar(c->policy, from->id))
        FAULT(c, from->at, "calendar \"%.*s\" is there already", EGW_FMT(from->id));
    if (c->nomem)
        return;
    to->id = from->id;
    if (egw_calendar_make(from->zone, from->rules, &hours, &holidays, &to->calendar, &why))
        FAULT(c, from->at, "calendar \"%.*s\": %s", EGW_FMT(from->id), why.text);
    c->policy->calendar_count++;
}

static void make_calendars(struct egw_compile *c)
{
    const struct egw_source_calendar *from = c->source->calendars.p;
    size_t n = c->source->calendars.n;

    c->policy->calendars = egw_compile_array(c, n, sizeof(*c->policy->calendars));
    for (size_t i = 0; c->policy->calendars && i < n; i++)
        make_calendar(c, &from[i]);
}

/* What stands for an answer that never came is an event type that would be one in that phase. */
static void check_otherwise(struct egw_compile *c, const struct egw_source_limit *limit,
                            enum egw_phase phase)
{
    static const char *const answers[] = {"approved", "declined", "released", "closed"};
    enum egw_lifecycle what = EGW_DO_LATE;

    for (size_t i = 0; i < EGW_COUNT(answers); i++) {
        if (egw_str_is(limit->otherwise.text, answers[i]))
            what = egw_lifecycle_of((enum egw_event_type)egw_event_type_of(limit->otherwise.text),
                                    phase);
    }
    if (what != EGW_DO_DECIDE && what != EGW_DO_OUTLIVED && what != EGW_DO_END)
        FAULT(c, limit->otherwise.at, "\"%.*s\" is no answer to %.*s",
              EGW_FMT(limit->otherwise.text), EGW_FMT(limit->action.text));
}

static void check_limit(struct egw_compile *c, const struct egw_source_limit *limit, int action)
{
    const struct egw_word *severities = limit->severities.p, *channels = limit->channels.p;
    enum egw_phase phase = egw_phase_after((enum egw_action)action);

    if (phase == EGW_PHASE_ENDED || (int)phase == EGW_PHASE_COUNT)
        FAULT(c, limit->action.at, "%.*s leaves nothing to wait for", EGW_FMT(limit->action.text));
    else if (limit->otherwise.text.n)
        check_otherwise(c, limit, phase);
    for (size_t i = 0; i < limit->severities.n; i++)
        (void)egw_compile_value_of(c, EGW_F_SEVERITY, &severities[i]);
    for (size_t i = 0; i < limit->channels.n; i++) {
        if (egw_compile_fact(c->policy, channels[i].text) < (int)EGW_F_CHANNEL)
            FAULT(c, channels[i].at, "there is no channel \"%.*s\"", EGW_FMT(channels[i].text));
    }
    egw_compile_source(c, limit->at, "limit of", limit->action.text, limit->source);
    if (limit->warn_ms >= limit->within_ms && limit->warn_ms)
        FAULT(c, limit->at, "the warning would come before the time begins");
    if (limit->calendar.text.n && !calendar_is_special(limit->calendar.text) &&
        !egw_policy_calendar(c->policy, limit->calendar.text))
        FAULT(c, limit->calendar.at, "there is no calendar \"%.*s\"",
              EGW_FMT(limit->calendar.text));
}

static struct egw_limit *make_limit(struct egw_compile *c, const struct egw_source_limit *from)
{
    struct egw_limit *to = egw_compile_alloc(c, sizeof(*to));

    if (to)
        *to = (struct egw_limit){
            .at = from->at,
            .code = from->code.text.n ? from->code.text : EGW_STR(""),
            .severities = egw_compile_texts(c, &from->severities),
            .severity_count = from->severities.n,
            .channels = egw_compile_texts(c, &from->channels),
            .channel_count = from->channels.n,
            .languages = egw_compile_texts(c, &from->languages),
            .language_count = from->languages.n,
            .within_ms = from->within_ms,
            .warn_ms = from->warn_ms,
            .calendar = from->calendar.text.n ? from->calendar.text : EGW_STR("24x7"),
            .otherwise = from->otherwise.text.n ? from->otherwise.text : EGW_STR(""),
        };
    return to;
}

static void make_limits(struct egw_compile *c)
{
    const struct egw_source_limit *from = c->source->limits.p;

    for (size_t i = c->source->limits.n; i-- > 0;) { /* from the end: each goes before the rest */
        int action = egw_action_of(from[i].action.text);
        struct egw_limit *limit;

        if (action < 0) {
            FAULT(c, from[i].action.at, "there is no action \"%.*s\"",
                  EGW_FMT(from[i].action.text));
            continue;
        }
        check_limit(c, &from[i], action);
        limit = make_limit(c, &from[i]);
        if (!limit)
            return;
        limit->next = c->policy->limits[action];
        c->policy->limits[action] = limit;
    }
}

void egw_compile_times(struct egw_compile *c)
{
    make_calendars(c);
    make_limits(c);
}
