/* Any calendar: lines are the zone's rules, hours, and holidays (those that begin with a digit).
 * What is read must give answers that agree with each other. */
#include <stdint.h>
#include <stdlib.h>

#include "egw/calendar.h"

enum { LINES_MAX = 100 };
#define NOW INT64_C(1767601800000)
#define DAY INT64_C(86400000)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct egw_open_hours *calendar)
{
    int64_t due = 0, later = 0;

    if (!egw_calendar_add(calendar, NOW, DAY, &due))
        return;
    if (due < NOW + DAY) /* open time does not run faster than time */
        abort();
    if (egw_calendar_add(calendar, NOW, DAY + 1, &later) && later <= due)
        abort();
    if (!egw_calendar_open(calendar, due - 1)) /* it was reached in open time */
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct egw_str rules = {NULL, 0}, hours[LINES_MAX], holidays[LINES_MAX];
    struct egw_list open = {hours, 0}, closed = {holidays, 0};
    const char *at = (const char *)data, *end = at + size;
    struct egw_open_hours calendar;
    struct egw_error err;

    while (at < end && open.n < LINES_MAX && closed.n < LINES_MAX) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        struct egw_str line = {at, (size_t)((stop ? stop : end) - at)};

        if (!rules.p)
            rules = line;
        else if (line.n && line.p[0] >= '0' && line.p[0] <= '9' && line.n == 10)
            holidays[closed.n++] = line;
        else
            hours[open.n++] = line;
        at = stop ? stop + 1 : end;
    }
    if (!egw_calendar_make(EGW_STR("zone"), rules, &open, &closed, &calendar, &err))
        check(&calendar);
    return 0;
}
