/*
 * calendar - opening hours in a time zone, and what is due when only they count
 *
 * The zone is its rules, written as POSIX writes them in TZ ("CET-1CEST,M3.5.0,M10.5.0/3"): what
 * is due then depends on the record and nothing on the machine, today and at every replay. A
 * holiday closes its whole local day. Pure; an object may be read by any thread.
 */
#ifndef EGW_CALENDAR_H
#define EGW_CALENDAR_H

#include "egw/codec.h"

enum { EGW_HOURS_MAX = 64, EGW_HOLIDAYS_MAX = 400 };

/* A day of every year at which the clocks change. */
struct egw_zone_change {
    enum { EGW_CHANGE_WEEKDAY, EGW_CHANGE_DAY, EGW_CHANGE_DAY_LEAP } kind;
    int month, week; /* WEEKDAY: month 1-12, week 1-5, 5 the last */
    int day;         /* WEEKDAY: 0 is Sunday; DAY: 1-365 without 29 February; DAY_LEAP: 0-365 */
    int32_t second;  /* of that day, by the clock before the change; may lie outside the day */
};

struct egw_zone {
    int32_t standard_s, summer_s; /* seconds east of UTC */
    bool has_summer;
    struct egw_zone_change begins, ends; /* of summer time */
};

struct egw_open_hours {
    struct egw_zone zone;
    bool always;
    struct {
        int day; /* 0 is Sunday */
        int32_t from, to;
    } hours[EGW_HOURS_MAX]; /* seconds of the local day; a night stands in two pieces */
    size_t hour_count;
    int64_t holidays[EGW_HOLIDAYS_MAX]; /* days since 1970-01-01 */
    size_t holiday_count;
};

/* EGW_INVALID: reterr says what it is not. */
enum egw_status egw_zone_parse(struct egw_str rules, struct egw_zone *ret,
                               struct egw_error *reterr) EGW_MUST_CHECK;
int32_t egw_zone_offset_s(const struct egw_zone *zone, int64_t ms);

/*
 * Of a zone's name with its rules (which UTC needs none of), hours as "mon-fri 09:00-17:00",
 * "sat,sun 22:00-06:00" or "24x7", and holidays as dates. The lists are of struct egw_str.
 * EGW_INVALID: reterr names the part.
 */
enum egw_status egw_calendar_make(struct egw_str zone, struct egw_str rules,
                                  const struct egw_list *hours, const struct egw_list *holidays,
                                  struct egw_open_hours *ret,
                                  struct egw_error *reterr) EGW_MUST_CHECK;

bool egw_calendar_open(const struct egw_open_hours *calendar, int64_t ms);
/* The instant by which span_ms of open time have passed since from_ms. False: not within years. */
bool egw_calendar_add(const struct egw_open_hours *calendar, int64_t from_ms, int64_t span_ms,
                      int64_t *ret_ms);

#endif
