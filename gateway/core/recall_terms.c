/* By when and at which price, once more: from the outcome, the policy, and the statement, delivery
 * and calendar records that the outcome names among its sources. */
#include "clock.h"
#include "egw/recall.h"
#include "policy_model.h"

struct terms {
    const struct egw_recall_ask *ask;
    struct egw_str hours, shift; /* calendars of the statement and of who delivers */
    struct egw_arena *arena;
    struct egw_error *err;
    enum egw_status st;
};

/* The body of the source of that key, or whose key begins so and has words about it; NULL: there is
 * none, or it is lost (st). */
static const void *body_of(struct terms *t, struct egw_str key, bool worded)
{
    const struct egw_fact_source *sources = t->ask->outcome->sources.p;

    for (size_t i = 0; i < t->ask->outcome->sources.n; i++) {
        const struct egw_reference *reference;

        if (sources[i].offset < 0 ||
            (worded ? !egw_str_begins(sources[i].key, key) || !sources[i].value.n
                    : !egw_str_eq(sources[i].key, key)))
            continue;
        reference = t->ask->find(t->ask->user, sources[i].key, sources[i].offset);
        if (!reference)
            t->st = egw_error_set(t->err, EGW_NOT_FOUND, "%.*s as it was then is no longer kept",
                                  EGW_FMT(sources[i].key));
        return reference ? reference->body.p : NULL;
    }
    return NULL;
}

/* ---- the statement of support ---- */

static bool version_of(const struct egw_statement *record, struct egw_str name,
                       struct egw_promise *ret)
{
    for (size_t i = 0; egw_promise_at(record, i, ret); i++) {
        if (egw_str_eq(ret->version, name))
            return true;
    }
    return false;
}

/* Which version was in force hangs on when the event occurred, which the outcome does not say: the
 * one it names counts, if the record has it. */
static void fill_statement(struct terms *t, struct egw_outcome *ret)
{
    const struct egw_outcome *outcome = t->ask->outcome;
    const struct egw_statement *record = body_of(t, EGW_STR("statement/"), true);
    struct egw_promise version;

    ret->statement = EGW_STR("");
    ret->price = EGW_STR("");
    if (!record || !version_of(record, outcome->statement, &version))
        return;
    ret->statement = outcome->statement;
    ret->chargeable = (struct egw_opt_bool){true, egw_promise_charges(&version, outcome->severity)};
    if (ret->chargeable.v && version.price.p)
        ret->price = version.price;
    t->hours = version.hours;
}

/* ---- the clock ---- */

static bool hours_of(struct terms *t, struct egw_str id, struct egw_open_hours *ret)
{
    struct egw_str key = egw_arena_printf(t->arena, "calendar/%.*s", EGW_FMT(id));
    bool recorded;

    return egw_hours_of(t->ask->policy, id, key.p ? body_of(t, key, false) : NULL, ret, &recorded);
}

static struct egw_clock clock_of(struct terms *t, const struct egw_limit *limit)
{
    struct egw_clock clock = {.calendar = EGW_STR(""), .otherwise = EGW_STR("")};
    int64_t from_ms = t->ask->outcome->decided_at;
    struct egw_open_hours hours;

    if (!limit)
        return clock;
    clock.otherwise = limit->otherwise;
    clock.calendar = egw_clock_calendar(limit, t->hours, t->shift);
    if (clock.calendar.n && hours_of(t, clock.calendar, &hours) &&
        egw_calendar_add(&hours, from_ms, limit->within_ms, &clock.due_at.v)) {
        clock.due_at.has = true;
        return clock;
    }
    clock.calendar = EGW_STR("");
    clock.due_at.has = !__builtin_add_overflow(from_ms, limit->within_ms, &clock.due_at.v);
    return clock;
}

static bool is_clock_of(const struct egw_clock *clock, const struct egw_outcome *outcome)
{
    return clock->due_at.has == outcome->due_at.has &&
           (!clock->due_at.has || clock->due_at.v == outcome->due_at.v) &&
           egw_str_eq(clock->calendar, outcome->calendar) &&
           egw_str_eq(clock->otherwise, outcome->otherwise);
}

/* Deciding the same again gives no more time than there was. */
static bool is_kept(const struct terms *t, const struct egw_clock *clock)
{
    const struct egw_outcome *before = t->ask->before, *outcome = t->ask->outcome;

    return before && before->due_at.has && outcome->due_at.has && clock->due_at.has &&
           before->due_at.v == outcome->due_at.v && before->due_at.v <= clock->due_at.v &&
           egw_str_eq(before->calendar, outcome->calendar) &&
           egw_str_eq(before->otherwise, outcome->otherwise);
}

/* True: the outcome's times are those of the limit for a case in that language. */
static bool try_language(struct terms *t, struct egw_str language, struct egw_str channel,
                         struct egw_clock *ret)
{
    const struct egw_outcome *outcome = t->ask->outcome;
    bool linked = outcome->action == EGW_ACTION_LINKED;
    const struct egw_clock_ask ask = {.policy = t->ask->policy,
                                      .action = outcome->action,
                                      .code = linked ? EGW_STR("") : outcome->code,
                                      .severity = outcome->severity,
                                      .channel = channel,
                                      .language = language};

    *ret = clock_of(t, egw_clock_limit(&ask));
    return is_clock_of(ret, outcome) || is_kept(t, ret);
}

/* The outcome does not say in which language the case is supported: any that limits tell apart may
 * be it. */
static bool try_languages(struct terms *t, struct egw_str channel, struct egw_clock *ret)
{
    const struct egw_limit *limit = t->ask->policy->limits[t->ask->outcome->action];

    for (; limit; limit = limit->next) {
        for (size_t i = 0; i < limit->language_count; i++) {
            if (try_language(t, limit->languages[i], channel, ret))
                return true;
        }
    }
    return try_language(t, EGW_STR("zxx"), channel, ret); /* "no language": none names it */
}

static void fill_clock(struct terms *t, struct egw_outcome *ret)
{
    const struct egw_outcome *outcome = t->ask->outcome;
    const struct egw_delivery *delivery = body_of(t, EGW_STR("delivery/"), true);
    struct egw_clock clock;

    t->shift = delivery && delivery->hours.p ? delivery->hours : EGW_STR("");
    if (try_languages(t, outcome->channel, &clock) ||
        (outcome->action == EGW_ACTION_LINKED && try_languages(t, EGW_STR(""), &clock))) {
        ret->due_at = outcome->due_at;
        ret->calendar = outcome->calendar;
        ret->otherwise = outcome->otherwise;
        return;
    }
    ret->due_at = clock.due_at;
    ret->calendar = clock.calendar;
    ret->otherwise = clock.otherwise;
    if (!t->st && outcome->after_seq.has && !t->ask->before && outcome->due_at.has &&
        clock.due_at.has && outcome->due_at.v < clock.due_at.v)
        t->st = egw_error_set(t->err, EGW_NOT_FOUND,
                              "its time may be that of an outcome before, which is not kept");
}

enum egw_status egw_recall_terms(const struct egw_recall_ask *ask, struct egw_arena *arena,
                                 struct egw_outcome *ret, struct egw_error *reterr)
{
    struct terms t = {
        .ask = ask, .hours = EGW_STR(""), .shift = EGW_STR(""), .arena = arena, .err = reterr};

    fill_statement(&t, ret);
    fill_clock(&t, ret);
    return t.st;
}

struct egw_outcome egw_recall_terms_part(const struct egw_outcome *outcome)
{
    return (struct egw_outcome){
        .due_at = outcome->due_at,
        .calendar = outcome->calendar,
        .otherwise = outcome->otherwise,
        .statement = outcome->statement,
        .chargeable = outcome->chargeable,
        .price = outcome->price,
    };
}
