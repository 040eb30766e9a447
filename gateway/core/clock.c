#include "clock.h"

#include "egw/lifecycle.h"

static bool fits(const struct egw_str *words, size_t n, struct egw_str word)
{
    for (size_t i = 0; i < n; i++) {
        if (egw_str_same(words[i], word))
            return true;
    }
    return n == 0;
}

/* "fr" of "fr-CA": targets are given by language, not by country. */
static struct egw_str primary(struct egw_str language)
{
    const char *dash = language.n ? memchr(language.p, '-', language.n) : NULL;

    return dash ? (struct egw_str){language.p, (size_t)(dash - language.p)} : language;
}

bool egw_limit_fits(const struct egw_limit *limit, struct egw_str code, struct egw_str severity,
                    struct egw_str channel, struct egw_str language)
{
    return (!limit->code.n || egw_str_eq(limit->code, code)) &&
           fits(limit->severities, limit->severity_count, severity) &&
           fits(limit->channels, limit->channel_count, channel) &&
           fits(limit->languages, limit->language_count, language);
}

const struct egw_limit *egw_clock_limit(const struct egw_clock_ask *ask)
{
    const struct egw_limit *limit = ask->policy->limits[ask->action];
    struct egw_str language = primary(ask->language);

    while (limit && !egw_limit_fits(limit, ask->code, ask->severity, ask->channel, language))
        limit = limit->next;
    return limit;
}

struct egw_str egw_clock_calendar(const struct egw_limit *limit, struct egw_str hours,
                                  struct egw_str shift)
{
    if (egw_str_is(limit->calendar, "24x7"))
        return EGW_STR("");
    if (egw_str_is(limit->calendar, "statement"))
        return hours;
    if (egw_str_is(limit->calendar, "delivery"))
        return shift;
    return limit->calendar;
}

static struct egw_opt_i64 after(int64_t from_ms, int64_t span_ms)
{
    struct egw_opt_i64 at = {true, 0};

    at.has = !__builtin_add_overflow(from_ms, span_ms, &at.v);
    return at;
}

/* False: the calendar does not say; then what is due is counted round the clock, never later. */
static bool count_open(const struct egw_clock_ask *ask, const struct egw_limit *limit,
                       struct egw_clock *ret, struct egw_notes *notes)
{
    struct egw_open_hours calendar;

    if (!egw_terms_calendar(ask->policy, ask->facts, ret->calendar, ask->arena, &calendar, notes))
        return false;
    ret->due_at.has = egw_calendar_add(&calendar, ask->from_ms, limit->within_ms, &ret->due_at.v);
    if (limit->warn_ms)
        ret->warn_at.has = egw_calendar_add(&calendar, ask->from_ms,
                                            limit->within_ms - limit->warn_ms, &ret->warn_at.v);
    if (!ret->due_at.has)
        egw_notes_warn(notes,
                       egw_arena_printf(ask->arena, "calendar %.*s does not open for so long",
                                        EGW_FMT(ret->calendar)));
    return ret->due_at.has;
}

void egw_clock_start(const struct egw_clock_ask *ask, struct egw_clock *ret,
                     struct egw_notes *notes)
{
    const struct egw_limit *limit = egw_clock_limit(ask);

    *ret = (struct egw_clock){.calendar = EGW_STR(""), .otherwise = EGW_STR("")};
    if (!limit)
        return;
    ret->otherwise = limit->otherwise;
    ret->calendar = egw_clock_calendar(limit, ask->terms->hours, ask->terms->shift);
    if (ret->calendar.n && count_open(ask, limit, ret, notes))
        return;
    ret->calendar = EGW_STR("");
    ret->due_at = after(ask->from_ms, limit->within_ms);
    if (limit->warn_ms)
        ret->warn_at = after(ask->from_ms, limit->within_ms - limit->warn_ms);
}
