/* Calendars: zones against the C library's own reading of the same rules, open time against a
 * count minute by minute (S34, S39). */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "egw/calendar.h"

#define HOUR INT64_C(3600000)

static int64_t at(const char *text)
{
    int64_t ms = 0;

    if (!egw_time_parse(egw_str_of(text), &ms))
        fail_msg("%s is no time", text);
    return ms;
}

static const char *const zones[] = {
    "CET-1CEST,M3.5.0,M10.5.0/3",           /* Europe/Paris */
    "EST5EDT,M3.2.0,M11.1.0",               /* America/New_York */
    "GMT0BST,M3.5.0/1,M10.5.0",             /* Europe/London */
    "AEST-10AEDT,M10.1.0,M4.1.0/3",         /* Australia/Sydney: summer over New Year */
    "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0", /* Lord Howe: half an hour */
    "<-02>2<-01>,M3.5.0/-1,M10.5.0/0",      /* Greenland: the change lies on the day before */
    "JST-9",                                /* no summer time */
    "<+0545>-5:45",                         /* Kathmandu */
    "NST3:30NDT,M3.2.0,M11.1.0",            /* Newfoundland */
    "EET-2EEST,M4.5.5/0,M10.5.4/24",        /* Cairo: a change at 24:00 */
    "XXX3YYY,J60,J300",
    "XXX3YYY,59/1:30,299/12:15:30",
    "UTC0",
};

static void parse(const char *rules, struct egw_zone *zone)
{
    struct egw_error err;

    if (egw_zone_parse(egw_str_of(rules), zone, &err))
        fail_msg("%s: %s", rules, err.text);
}

/* Every 20 hours and 17 minutes of 70 years, and each minute around the changes of one. */
static void test_a_zone_has_the_offsets_the_c_library_reads_from_its_rules(void **state)
{
    (void)state;
    for (size_t z = 0; z < EGW_COUNT(zones); z++) {
        struct egw_zone zone;
        int64_t last = 0;

        parse(zones[z], &zone);
        assert_int_equal(setenv("TZ", zones[z], 1), 0);
        tzset();
        for (int64_t s = at("1971-01-01") / 1000; s < at("2041-01-01") / 1000; s += 73020) {
            time_t t = (time_t)s;
            struct tm tm;
            int32_t got = egw_zone_offset_s(&zone, s * 1000);

            assert_non_null(localtime_r(&t, &tm));
            if (got != tm.tm_gmtoff)
                fail_msg("%s at %lld: %d, the library says %ld", zones[z], (long long)s, got,
                         tm.tm_gmtoff);
            if (got == last)
                continue;
            last = got; /* a change lies behind: find its minute */
            for (int64_t m = s - 73020; m <= s; m += 60) {
                t = (time_t)m;
                assert_non_null(localtime_r(&t, &tm));
                assert_int_equal(egw_zone_offset_s(&zone, m * 1000), tm.tm_gmtoff);
            }
        }
    }
    assert_int_equal(unsetenv("TZ"), 0);
    tzset();
}

static void test_rules_that_are_none_are_refused_with_their_text(void **state)
{
    static const char *const bad[] = {
        "",
        "C",
        "CET",
        "CET-",
        "CET-1CEST",
        "CET-1CEST,M3.5.0",
        "CET-25",
        "CET-1:60",
        "<CET-1",
        "CET-1CEST,M13.5.0,M10.5.0",
        "CET-1CEST,M3.6.0,M10.5.0",
        "CET-1CEST,M3.5.7,M10.5.0",
        "CET-1CEST,J0,J3",
        "CET-1CEST,366,3",
        "CET-1CEST,M3.5.0,M10.5.0/168",
        "CET-1CEST,M3.5.0,M10.5.0x",
        "Europe/Paris",
        "CET-1:30:",
        "CET-1CEST,M3.5.0/,5",
    };
    struct egw_error err;
    struct egw_zone zone;

    (void)state;
    for (size_t i = 0; i < EGW_COUNT(bad); i++) {
        if (egw_zone_parse(egw_str_of(bad[i]), &zone, &err) != EGW_INVALID)
            fail_msg("'%s' was taken", bad[i]);
    }
    assert_string_equal(
        err.text, "'CET-1CEST,M3.5.0/,5' is no rule of a time zone as CET-1CEST,M3.5.0,M10.5.0/3");
}

static struct egw_open_hours make(const char *rules, const char *const *hours, size_t hour_count,
                                  const char *const *holidays, size_t holiday_count)
{
    struct egw_str h[8], d[8];
    struct egw_list hs = {h, hour_count}, ds = {d, holiday_count};
    struct egw_open_hours calendar;
    struct egw_error err;

    for (size_t i = 0; i < hour_count; i++)
        h[i] = egw_str_of(hours[i]);
    for (size_t i = 0; i < holiday_count; i++)
        d[i] = egw_str_of(holidays[i]);
    if (egw_calendar_make(EGW_STR("test"), egw_str_of(rules), &hs, &ds, &calendar, &err))
        fail_msg("%s", err.text);
    return calendar;
}

#define MAKE(rules, hours, holidays)                                                               \
    make(rules, hours, EGW_COUNT(hours), holidays, EGW_COUNT(holidays))

static const char *const office[] = {"mon-fri 09:00-17:00"};
static const char *const nights[] = {"mon-sun 20:00-08:00"};
static const char *const odd[] = {"mon,wed 08:15-12:00", "mon,wed 13:00-18:30",
                                  "sat-sun 22:00-02:30"};
static const char *const round_the_clock[] = {"24x7"};
static const char *const feasts[] = {"2026-01-01", "2026-03-27", "2026-12-25"};

static void test_what_is_due_counts_open_hours_over_nights_weekends_and_holidays_S39(void **state)
{
    static const struct {
        const char *from;
        int64_t hours;
        const char *due;
    } cases[] = {
        {"2026-01-05T09:00:00Z", 4, "2026-01-05T13:00:00Z"}, /* Monday 10:00 in Paris */
        {"2026-01-05T14:00:00Z", 4, "2026-01-06T10:00:00Z"}, /* the rest on Tuesday */
        {"2026-01-05T03:00:00Z", 1, "2026-01-05T09:00:00Z"}, /* before opening */
        {"2026-01-05T12:00:00Z", 4, "2026-01-05T16:00:00Z"}, /* due at closing, not at opening */
        {"2026-01-09T15:30:00Z", 1, "2026-01-12T08:30:00Z"}, /* Friday to Monday */
        {"2025-12-31T15:00:00Z", 2, "2026-01-02T09:00:00Z"}, /* New Year is closed */
        {"2026-03-26T15:00:00Z", 9, "2026-03-30T15:00:00Z"}, /* a holiday, and summer begins */
        {"2026-10-23T14:00:00Z", 2, "2026-10-26T09:00:00Z"}, /* summer has ended */
        {"2026-01-05T09:00:00.500Z", 4, "2026-01-05T13:00:00.500Z"},
        {"2026-01-05T03:00:00.500Z", 1, "2026-01-05T09:00:00.000Z"},
    };
    struct egw_open_hours calendar = MAKE("CET-1CEST,M3.5.0,M10.5.0/3", office, feasts);

    (void)state;
    for (size_t i = 0; i < EGW_COUNT(cases); i++) {
        char text[EGW_TIME_TEXT];
        int64_t due;

        assert_true(egw_calendar_add(&calendar, at(cases[i].from), cases[i].hours * HOUR, &due));
        egw_time_format(due, text);
        if (due != at(cases[i].due))
            fail_msg("%s and %d h: %s, wanted %s", cases[i].from, (int)cases[i].hours, text,
                     cases[i].due);
    }
}

static void test_a_night_is_open_on_both_sides_of_midnight_S34(void **state)
{
    struct egw_open_hours calendar = MAKE("CET-1CEST,M3.5.0,M10.5.0/3", nights, feasts);

    (void)state;
    assert_true(egw_calendar_open(&calendar, at("2026-01-05T02:00:00Z")));  /* 03:00 */
    assert_false(egw_calendar_open(&calendar, at("2026-01-05T10:00:00Z"))); /* 11:00 */
    assert_true(egw_calendar_open(&calendar, at("2026-01-05T19:00:00Z")));
    assert_false(egw_calendar_open(&calendar, at("2026-01-05T07:00:00Z")));
    assert_false(egw_calendar_open(&calendar, at("2026-01-01T02:00:00Z"))); /* a holiday */
}

/* The same question answered by going through the minutes with the library's local time. */
static int64_t by_minutes(const char *const *hours, size_t n, int64_t from, int64_t minutes)
{
    static const char days[] = "sunmontuewedthufrisat";
    int64_t t = from;

    while (minutes > 0) {
        time_t s = (time_t)(t / 1000);
        struct tm tm;
        char date[40];
        bool open = false;

        assert_non_null(localtime_r(&s, &tm));
        (void)snprintf(date, sizeof(date), "%04d-%02d-%02d", tm.tm_year + 1900, tm.tm_mon + 1,
                       tm.tm_mday);
        for (size_t i = 0; i < n; i++) {
            int from_h, from_m, to_h, to_m, now = tm.tm_hour * 60 + tm.tm_min, begin, end;
            const char *space = strchr(hours[i], ' ');
            bool today = false, yesterday = false;

            assert_int_equal(sscanf(space, " %d:%d-%d:%d", &from_h, &from_m, &to_h, &to_m), 4);
            begin = from_h * 60 + from_m;
            end = to_h * 60 + to_m;
            for (const char *p = hours[i]; p < space; p += 4) {
                int first = 0, last;

                while (memcmp(days + 3 * first, p, 3) != 0)
                    first++;
                last = first;
                if (p[3] == '-') {
                    p += 4;
                    last = 0;
                    while (memcmp(days + 3 * last, p, 3) != 0)
                        last++;
                }
                for (int d = first;; d = (d + 1) % 7) {
                    today |= d == tm.tm_wday;
                    yesterday |= (d + 1) % 7 == tm.tm_wday;
                    if (d == last)
                        break;
                }
            }
            if (begin < end)
                open |= today && begin <= now && now < end;
            else
                open |= (today && begin <= now) || (yesterday && now < end);
        }
        for (size_t i = 0; i < EGW_COUNT(feasts); i++)
            open &= strcmp(date, feasts[i]) != 0;
        minutes -= open;
        t += 60000;
    }
    return t;
}

static void test_open_time_added_is_open_time_counted_minute_by_minute(void **state)
{
    static const struct {
        const char *const *hours;
        size_t n;
    } kinds[] = {{office, EGW_COUNT(office)}, {nights, EGW_COUNT(nights)}, {odd, EGW_COUNT(odd)}};
    uint64_t seed = 20260105;

    (void)state;
    for (int round = 0; round < 120; round++) {
        const char *rules = zones[(size_t)round % EGW_COUNT(zones)];
        size_t kind = (size_t)round % EGW_COUNT(kinds);
        struct egw_open_hours calendar =
            make(rules, kinds[kind].hours, kinds[kind].n, feasts, EGW_COUNT(feasts));
        int64_t from, minutes, due, want;

        seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407U;
        /* In weeks with a holiday or a change of the clocks, mostly. */
        from = at(round % 4 == 0   ? "2026-03-24"
                  : round % 4 == 1 ? "2025-12-24"
                  : round % 4 == 2 ? "2026-10-20"
                                   : "2026-04-01") +
               (int64_t)(seed >> 33) % (14 * 1440) * 60000;
        minutes = 1 + (int64_t)(seed >> 20) % 3000;
        assert_int_equal(setenv("TZ", rules, 1), 0);
        tzset();
        want = by_minutes(kinds[kind].hours, kinds[kind].n, from, minutes);
        assert_true(egw_calendar_add(&calendar, from, minutes * 60000, &due));
        if (due != want)
            fail_msg("%s, kind %zu, from %lld, %d minutes: %lld, counted %lld", rules, kind,
                     (long long)from, (int)minutes, (long long)due, (long long)want);
    }
    assert_int_equal(unsetenv("TZ"), 0);
    tzset();
}

static void test_round_the_clock_only_holidays_stop_it(void **state)
{
    struct egw_open_hours calendar = MAKE("UTC0", round_the_clock, feasts);
    int64_t due;

    (void)state;
    assert_true(egw_calendar_add(&calendar, at("2025-12-31T23:00:00Z"), 2 * HOUR, &due));
    assert_int_equal(due, at("2026-01-02T01:00:00Z"));
    assert_true(egw_calendar_add(&calendar, at("2026-01-05T23:00:00Z"), 0, &due));
    assert_int_equal(due, at("2026-01-05T23:00:00Z"));
}

static void test_what_is_not_reached_in_years_is_not_promised(void **state)
{
    struct egw_open_hours calendar = MAKE("UTC0", office, feasts);
    int64_t due;

    (void)state;
    assert_false(egw_calendar_add(&calendar, at("2026-01-05"), INT64_C(100000) * 24 * HOUR, &due));
    assert_false(egw_calendar_add(&calendar, INT64_MAX, HOUR, &due));
    assert_false(egw_calendar_add(&calendar, INT64_MIN, HOUR, &due));
    assert_false(egw_calendar_open(&calendar, INT64_MIN));
}

static void test_bad_calendars_name_the_part(void **state)
{
    static const struct {
        const char *zone, *rules, *hours, *holiday, *want;
    } cases[] = {
        {"Europe/Paris", "", "24x7", NULL,
         "zone 'Europe/Paris' needs its rules, as CET-1CEST,M3.5.0,M10.5.0/3"},
        {"UTC", "", NULL, NULL, "there are no hours: it would never be open"},
        {"UTC", "", "mon-fry 09:00-17:00", NULL,
         "hours 'mon-fry 09:00-17:00' are not as mon-fri 09:00-17:00 or 24x7, or too many"},
        {"UTC", "", "mon 09:00-09:00", NULL,
         "hours 'mon 09:00-09:00' are not as mon-fri 09:00-17:00 or 24x7, or too many"},
        {"UTC", "", "mon 09:00-24:01", NULL,
         "hours 'mon 09:00-24:01' are not as mon-fri 09:00-17:00 or 24x7, or too many"},
        {"UTC", "", "mon 24:00-08:00", NULL,
         "hours 'mon 24:00-08:00' are not as mon-fri 09:00-17:00 or 24x7, or too many"},
        {"UTC", "", "mon 09:00-17:00 ", NULL,
         "hours 'mon 09:00-17:00 ' are not as mon-fri 09:00-17:00 or 24x7, or too many"},
        {"UTC", "", "24x7", "25.12.2026",
         "holiday '25.12.2026' is not a date as 2026-12-25, or one of too many"},
        {"UTC", "", "24x7", "2026-02-30",
         "holiday '2026-02-30' is not a date as 2026-12-25, or one of too many"},
    };
    struct egw_open_hours calendar;
    struct egw_error err;

    (void)state;
    for (size_t i = 0; i < EGW_COUNT(cases); i++) {
        struct egw_str hour = egw_str_of(cases[i].hours), day = egw_str_of(cases[i].holiday);
        struct egw_list hours = {&hour, cases[i].hours != NULL};
        struct egw_list days = {&day, cases[i].holiday != NULL};

        assert_int_equal(egw_calendar_make(egw_str_of(cases[i].zone), egw_str_of(cases[i].rules),
                                           &hours, &days, &calendar, &err),
                         EGW_INVALID);
        assert_string_equal(err.text, cases[i].want);
    }
}

static void test_a_calendar_holds_so_many_hours_and_no_more(void **state)
{
    struct egw_str hours[EGW_HOURS_MAX + 1];
    struct egw_list list = {hours, EGW_HOURS_MAX}, none = {NULL, 0};
    struct egw_open_hours calendar;
    struct egw_error err;

    (void)state;
    for (size_t i = 0; i < EGW_COUNT(hours); i++)
        hours[i] = EGW_STR("mon 09:00-17:00");
    assert_int_equal(egw_calendar_make(EGW_STR("UTC"), EGW_STR(""), &list, &none, &calendar, &err),
                     EGW_OK);
    list.n++;
    assert_int_equal(egw_calendar_make(EGW_STR("UTC"), EGW_STR(""), &list, &none, &calendar, &err),
                     EGW_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_zone_has_the_offsets_the_c_library_reads_from_its_rules),
        cmocka_unit_test(test_rules_that_are_none_are_refused_with_their_text),
        cmocka_unit_test(test_what_is_due_counts_open_hours_over_nights_weekends_and_holidays_S39),
        cmocka_unit_test(test_a_night_is_open_on_both_sides_of_midnight_S34),
        cmocka_unit_test(test_open_time_added_is_open_time_counted_minute_by_minute),
        cmocka_unit_test(test_round_the_clock_only_holidays_stop_it),
        cmocka_unit_test(test_what_is_not_reached_in_years_is_not_promised),
        cmocka_unit_test(test_bad_calendars_name_the_part),
        cmocka_unit_test(test_a_calendar_holds_so_many_hours_and_no_more),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
