#include "egw/calendar.h"

#include <assert.h>

#define DAY_S  INT64_C(86400)
#define DAY_MS (1000 * DAY_S)
/* Times outside are no business times; inside, nothing below overflows. */
#define FIRST_MS INT64_C(-62135596800000) /* 0001-01-01 */
#define END_MS   INT64_C(253402300800000) /* 10000-01-01 */
enum { STEPS_MAX = 20000 };               /* of adding: more than ten years of closed days */

/* ---- days ---- */

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

static bool is_leap(int64_t year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

/* Days from 1970-01-01 to the first of a month (1-13) of the Gregorian calendar. */
static int64_t first_of(int64_t year, int month)
{
    static const int before[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365};
    int64_t past = year - 1;

    return past * 365 + floor_div(past, 4) - floor_div(past, 100) + floor_div(past, 400) - 719162 +
           before[month - 1] + (month > 2 && is_leap(year));
}

static int64_t year_of(int64_t day)
{
    int64_t year = 1970 + floor_div(day, 366); /* never past it, and a few years short at most */

    while (first_of(year, 13) <= day)
        year++;
    while (first_of(year, 1) > day)
        year--;
    return year;
}

static int weekday_of(int64_t day)
{
    return (int)(day + 4 - 7 * floor_div(day + 4, 7)); /* 1970-01-01 was a Thursday */
}

/* ---- the zone ---- */

static int64_t day_of_change(const struct egw_zone_change *change, int64_t year)
{
    int64_t day;

    switch (change->kind) {
    case EGW_CHANGE_DAY:
        return first_of(year, 1) + change->day - 1 + (is_leap(year) && change->day >= 60);
    case EGW_CHANGE_DAY_LEAP:
        return first_of(year, 1) + change->day;
    case EGW_CHANGE_WEEKDAY:
        break;
    }
    day = first_of(year, change->month);
    day += (change->day - weekday_of(day) + 7) % 7 + 7 * (change->week - 1);
    return day < first_of(year, change->month + 1) ? day : day - 7;
}

/* Time with one offset: from before the instant asked about to `until`. */
struct span {
    int32_t offset_s;
    int64_t until_s;
};

/* The changes of the years around are gone through: summer may go over New Year. */
static struct span span_at(const struct egw_zone *zone, int64_t s)
{
    struct span span = {zone->standard_s, INT64_MAX};
    int64_t year = year_of(floor_div(s, DAY_S)), last = INT64_MIN;

    if (!zone->has_summer)
        return span;
    for (int64_t y = year - 1; y <= year + 1; y++) {
        const struct {
            int64_t at;
            int32_t offset;
        } changes[] = {
            {day_of_change(&zone->ends, y) * DAY_S + zone->ends.second - zone->summer_s,
             zone->standard_s},
            {day_of_change(&zone->begins, y) * DAY_S + zone->begins.second - zone->standard_s,
             zone->summer_s},
        };

        for (size_t i = 0; i < EGW_COUNT(changes); i++) {
            if (changes[i].at > s) {
                span.until_s = changes[i].at < span.until_s ? changes[i].at : span.until_s;
            } else if (changes[i].at >= last) {
                last = changes[i].at;
                span.offset_s = changes[i].offset;
            }
        }
    }
    return span;
}

int32_t egw_zone_offset_s(const struct egw_zone *zone, int64_t ms)
{
    if (ms < FIRST_MS || ms >= END_MS)
        return zone->standard_s;
    return span_at(zone, floor_div(ms, 1000)).offset_s;
}

/* ---- reading a zone's rules ---- */

struct cursor {
    const char *p, *end;
};

static bool next_is(struct cursor *c, char want)
{
    if (c->p == c->end || *c->p != want)
        return false;
    c->p++;
    return true;
}

static bool is_digit(char ch)
{
    return ch >= '0' && ch <= '9';
}

static bool is_letter(char ch)
{
    return (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z');
}

/* CET, or <+03> */
static bool read_name(struct cursor *c)
{
    bool quoted = next_is(c, '<');
    const char *begin = c->p;

    while (c->p < c->end &&
           (is_letter(*c->p) || (quoted && (is_digit(*c->p) || *c->p == '+' || *c->p == '-'))))
        c->p++;
    return c->p - begin >= 3 && (!quoted || next_is(c, '>'));
}

static bool read_number(struct cursor *c, int min, int max, int *ret)
{
    const char *begin = c->p;
    int n = 0;

    while (c->p < c->end && is_digit(*c->p) && c->p - begin < 3)
        n = 10 * n + (*c->p++ - '0');
    *ret = n;
    return c->p > begin && n >= min && n <= max;
}

/* [+-]h[:mm[:ss]] in seconds */
static bool read_time(struct cursor *c, int hours_max, int32_t *ret)
{
    bool minus = next_is(c, '-');
    int h, m = 0, s = 0;

    if (!minus)
        (void)next_is(c, '+');
    if (!read_number(c, 0, hours_max, &h))
        return false;
    if (next_is(c, ':')) {
        if (!read_number(c, 0, 59, &m) || (next_is(c, ':') && !read_number(c, 0, 59, &s)))
            return false;
    }
    *ret = (minus ? -1 : 1) * (h * 3600 + m * 60 + s);
    return true;
}

/* ,M3.5.0/2 or ,J60 or ,59 */
static bool read_change(struct cursor *c, struct egw_zone_change *ret)
{
    bool ok;

    ret->second = 2 * 3600;
    if (!next_is(c, ','))
        return false;
    if (next_is(c, 'M')) {
        ret->kind = EGW_CHANGE_WEEKDAY;
        ok = read_number(c, 1, 12, &ret->month) && next_is(c, '.') &&
             read_number(c, 1, 5, &ret->week) && next_is(c, '.') && read_number(c, 0, 6, &ret->day);
    } else if (next_is(c, 'J')) {
        ret->kind = EGW_CHANGE_DAY;
        ok = read_number(c, 1, 365, &ret->day);
    } else {
        ret->kind = EGW_CHANGE_DAY_LEAP;
        ok = read_number(c, 0, 365, &ret->day);
    }
    return ok && (!next_is(c, '/') || read_time(c, 167, &ret->second));
}

static bool read_zone(struct cursor *c, struct egw_zone *ret)
{
    if (!read_name(c) || !read_time(c, 24, &ret->standard_s))
        return false;
    ret->standard_s = -ret->standard_s; /* POSIX counts west of Greenwich */
    if (c->p == c->end)
        return true;
    ret->has_summer = true;
    ret->summer_s = ret->standard_s + 3600;
    if (!read_name(c))
        return false;
    if (c->p < c->end && *c->p != ',') {
        if (!read_time(c, 24, &ret->summer_s))
            return false;
        ret->summer_s = -ret->summer_s;
    }
    return read_change(c, &ret->begins) && read_change(c, &ret->ends) && c->p == c->end;
}

enum egw_status egw_zone_parse(struct egw_str rules, struct egw_zone *ret, struct egw_error *reterr)
{
    struct cursor cursor = {rules.p, rules.p + rules.n};

    *ret = (struct egw_zone){0};
    if (rules.n && read_zone(&cursor, ret))
        return EGW_OK;
    return egw_error_set(reterr, EGW_INVALID,
                         "'%.*s' is no rule of a time zone as CET-1CEST,M3.5.0,M10.5.0/3",
                         EGW_FMT(rules));
}

/* ---- reading hours and holidays ---- */

static bool read_weekday(struct cursor *c, int *ret)
{
    static const char names[] = "sunmontuewedthufrisat";

    for (int day = 0; day < 7; day++) {
        if (c->end - c->p >= 3 && memcmp(c->p, names + (size_t)3 * (size_t)day, 3) == 0) {
            c->p += 3;
            *ret = day;
            return true;
        }
    }
    return false;
}

/* mon-fri,sun as a set */
static bool read_weekdays(struct cursor *c, unsigned *ret)
{
    *ret = 0;
    do {
        int first, last;

        if (!read_weekday(c, &first))
            return false;
        last = first;
        if (next_is(c, '-') && !read_weekday(c, &last))
            return false;
        for (int day = first;; day = (day + 1) % 7) {
            *ret |= 1U << day;
            if (day == last)
                break;
        }
    } while (next_is(c, ','));
    return true;
}

/* 09:00, up to 24:00 */
static bool read_clock(struct cursor *c, int32_t *ret)
{
    int h, m;

    if (!read_number(c, 0, 24, &h) || !next_is(c, ':') || !read_number(c, 0, 59, &m))
        return false;
    *ret = h * 3600 + m * 60;
    return *ret <= DAY_S;
}

static bool add_hours(struct egw_open_hours *calendar, int day, int32_t from, int32_t to)
{
    if (from >= to)
        return true; /* a night that ends at midnight has no second piece */
    if (calendar->hour_count == EGW_HOURS_MAX)
        return false;
    calendar->hours[calendar->hour_count].day = day % 7;
    calendar->hours[calendar->hour_count].from = from;
    calendar->hours[calendar->hour_count++].to = to;
    return true;
}

static bool read_hours(struct egw_str text, struct egw_open_hours *ret)
{
    struct cursor c = {text.p, text.p + text.n};
    int32_t from, to;
    unsigned days;

    if (egw_str_is(text, "24x7")) {
        ret->always = true;
        return true;
    }
    if (!text.n || !read_weekdays(&c, &days) || !next_is(&c, ' ') || !read_clock(&c, &from) ||
        !next_is(&c, '-') || !read_clock(&c, &to) || c.p != c.end || from == to || from == DAY_S)
        return false;
    for (int day = 0; day < 7; day++) {
        bool night = to < from;

        if (!(days >> day & 1))
            continue;
        if (!add_hours(ret, day, from, night ? (int32_t)DAY_S : to) ||
            (night && !add_hours(ret, day + 1, 0, to)))
            return false;
    }
    return true;
}

static bool read_holiday(struct egw_str text, struct egw_open_hours *ret)
{
    int64_t ms;

    if (text.n != 10 || ret->holiday_count == EGW_HOLIDAYS_MAX || !egw_time_parse(text, &ms))
        return false;
    ret->holidays[ret->holiday_count++] = floor_div(ms, DAY_MS);
    return true;
}

static bool is_utc(struct egw_str zone)
{
    return egw_str_is(zone, "UTC") || egw_str_is(zone, "Etc/UTC");
}

enum egw_status egw_calendar_make(struct egw_str zone, struct egw_str rules,
                                  const struct egw_list *hours, const struct egw_list *holidays,
                                  struct egw_open_hours *ret, struct egw_error *reterr)
{
    const struct egw_str *texts = hours->p, *dates = holidays->p;

    memset(ret, 0, sizeof(*ret));
    if (!rules.n && !is_utc(zone))
        return egw_error_set(reterr, EGW_INVALID,
                             "zone '%.*s' needs its rules, as CET-1CEST,M3.5.0,M10.5.0/3",
                             EGW_FMT(zone));
    if (rules.n && egw_zone_parse(rules, &ret->zone, reterr))
        return EGW_INVALID;
    if (!hours->n)
        return egw_error_set(reterr, EGW_INVALID, "there are no hours: it would never be open");
    for (size_t i = 0; i < hours->n; i++) {
        if (!read_hours(texts[i], ret))
            return egw_error_set(reterr, EGW_INVALID,
                                 "hours '%.*s' are not as mon-fri 09:00-17:00 or 24x7, or too many",
                                 EGW_FMT(texts[i]));
    }
    for (size_t i = 0; i < holidays->n; i++) {
        if (!read_holiday(dates[i], ret))
            return egw_error_set(reterr, EGW_INVALID,
                                 "holiday '%.*s' is not a date as 2026-12-25, or one of too many",
                                 EGW_FMT(dates[i]));
    }
    return EGW_OK;
}

/* ---- open time ---- */

/* Whether open at this second of a local day, and until when that stays so. */
static bool open_at(const struct egw_open_hours *calendar, int64_t day, int32_t second,
                    int32_t *ret_until)
{
    int weekday = weekday_of(day);

    *ret_until = (int32_t)DAY_S;
    for (size_t i = 0; i < calendar->holiday_count; i++) {
        if (calendar->holidays[i] == day)
            return false;
    }
    if (calendar->always)
        return true;
    for (size_t i = 0; i < calendar->hour_count; i++) {
        if (calendar->hours[i].day != weekday)
            continue;
        if (calendar->hours[i].from <= second && second < calendar->hours[i].to) {
            *ret_until = calendar->hours[i].to;
            return true;
        }
        if (calendar->hours[i].from > second && calendar->hours[i].from < *ret_until)
            *ret_until = calendar->hours[i].from;
    }
    return false;
}

bool egw_calendar_open(const struct egw_open_hours *calendar, int64_t ms)
{
    int64_t local_s, day;
    int32_t until;

    if (ms < FIRST_MS || ms >= END_MS)
        return false;
    local_s = floor_div(ms, 1000) + egw_zone_offset_s(&calendar->zone, ms);
    day = floor_div(local_s, DAY_S);
    return open_at(calendar, day, (int32_t)(local_s - day * DAY_S), &until);
}

bool egw_calendar_add(const struct egw_open_hours *calendar, int64_t from_ms, int64_t span_ms,
                      int64_t *ret_ms)
{
    struct span span = {0, INT64_MIN};
    int64_t s = floor_div(from_ms, 1000), left = span_ms;

    assert(span_ms >= 0);
    if (from_ms < FIRST_MS || from_ms >= END_MS)
        return false;
    if (egw_calendar_open(calendar, from_ms))
        left += from_ms - 1000 * s; /* what of this second had passed already */
    for (int step = 0; step < STEPS_MAX && 1000 * s < END_MS; step++) {
        int64_t day, end;
        int32_t second, until;
        bool open;

        if (s >= span.until_s)
            span = span_at(&calendar->zone, s);
        day = floor_div(s + span.offset_s, DAY_S);
        second = (int32_t)(s + span.offset_s - day * DAY_S);
        open = open_at(calendar, day, second, &until);
        end = s + until - second < span.until_s ? s + until - second : span.until_s;
        if (open && left <= 1000 * (end - s)) {
            *ret_ms = 1000 * s + left;
            return true;
        }
        left -= open ? 1000 * (end - s) : 0;
        s = end;
    }
    return false;
}
