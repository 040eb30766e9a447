#include "egw/base.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

const char *egw_status_name(enum egw_status st)
{
    static const char *const names[] = {
        [EGW_OK] = "ok",       [EGW_INVALID] = "invalid", [EGW_NOT_FOUND] = "not found",
        [EGW_RETRY] = "retry", [EGW_ABORT] = "abort",     [EGW_FENCED] = "fenced",
        [EGW_FATAL] = "fatal", [EGW_NOMEM] = "no memory", [EGW_DENIED] = "denied",
        [EGW_IO] = "i/o",
    };

    return (size_t)st < EGW_COUNT(names) ? names[st] : "unknown";
}

enum egw_status egw_error_set(struct egw_error *err, enum egw_status st, const char *fmt, ...)
{
    va_list ap;

    if (!err)
        return st;
    err->status = st;
    va_start(ap, fmt);
    (void)vsnprintf(err->text, sizeof(err->text), fmt, ap);
    va_end(ap);
    return st;
}

enum egw_status egw_error_prefix(struct egw_error *err, enum egw_status st, const char *fmt, ...)
{
    char was[EGW_ERROR_TEXT];
    va_list ap;
    size_t n, rest;

    if (!err)
        return st;
    memcpy(was, err->text, sizeof(was));
    was[sizeof(was) - 1] = '\0'; /* an error nobody has set yet is no text */
    err->status = st;
    va_start(ap, fmt);
    (void)vsnprintf(err->text, sizeof(err->text) - 3, fmt, ap);
    va_end(ap);
    n = strlen(err->text);
    err->text[n++] = ':';
    err->text[n++] = ' ';
    rest = strlen(was);
    if (rest > sizeof(err->text) - 1 - n)
        rest = sizeof(err->text) - 1 - n;
    memcpy(err->text + n, was, rest);
    err->text[n + rest] = '\0';
    return st;
}

enum egw_status egw_file_status(int error)
{
    switch (error) {
    case EIO:
    case EINTR:
    case EAGAIN:
    case ENOMEM:
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ESTALE:
    case ETIMEDOUT:
        return EGW_RETRY;
    default:
        return EGW_IO;
    }
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

bool egw_str_same(struct egw_str a, struct egw_str b)
{
    if (a.n != b.n)
        return false;
    if (a.n == 0 || memcmp(a.p, b.p, a.n) == 0) /* as nearly always */
        return true;
    for (size_t i = 0; i < a.n; i++) {
        if (a.p[i] != b.p[i] && lower(a.p[i]) != lower(b.p[i]))
            return false;
    }
    return true;
}

struct egw_str egw_str_take(struct egw_str *rest, char separator)
{
    const char *end = rest->n ? memchr(rest->p, separator, rest->n) : NULL;
    struct egw_str head = {rest->p, end ? (size_t)(end - rest->p) : rest->n};
    size_t used = head.n + (end != NULL);

    rest->p += used;
    rest->n -= used;
    return head;
}

int egw_str_cmp(struct egw_str a, struct egw_str b)
{
    size_t n = a.n < b.n ? a.n : b.n;
    int c = n ? memcmp(a.p, b.p, n) : 0;

    if (c)
        return c;
    return a.n < b.n ? -1 : a.n > b.n;
}

bool egw_utf8_valid(struct egw_str s)
{
    const unsigned char *p = (const unsigned char *)s.p;
    const unsigned char *end;

    if (!s.n) /* p may be NULL */
        return true;
    end = p + s.n;
    while (p < end) {
        unsigned char c = *p++;
        unsigned code, least;
        int more;

        if (c < 0x80)
            continue;
        if (c >= 0xC2 && c < 0xE0) {
            more = 1, code = c & 0x1Fu, least = 0x80;
        } else if (c >= 0xE0 && c < 0xF0) {
            more = 2, code = c & 0x0Fu, least = 0x800;
        } else if (c >= 0xF0 && c < 0xF5) {
            more = 3, code = c & 0x07u, least = 0x10000;
        } else {
            return false;
        }
        while (more--) {
            if (p == end || (*p & 0xC0) != 0x80)
                return false;
            code = code << 6 | (*p++ & 0x3Fu);
        }
        if (code < least || code > 0x10FFFF || (code >= 0xD800 && code < 0xE000))
            return false;
    }
    return true;
}

bool egw_parse_i64(struct egw_str s, int64_t min, int64_t max, int64_t *ret)
{
    bool negative = s.n > 0 && s.p[0] == '-';
    size_t i = negative ? 1 : 0;
    int64_t v = 0;

    if (i == s.n)
        return false;
    for (; i < s.n; i++) {
        int digit = s.p[i] - '0';

        if (digit < 0 || digit > 9)
            return false;
        if (__builtin_mul_overflow(v, 10, &v) ||
            __builtin_add_overflow(v, negative ? -digit : digit, &v))
            return false;
    }
    if (v < min || v > max)
        return false;
    *ret = v;
    return true;
}

/* ---- time: days from civil and back (proleptic Gregorian), no libc time functions ---- */

static int64_t days_from_civil(int64_t y, int64_t m, int64_t d)
{
    int64_t era, yoe, doy, doe;

    y -= m <= 2;
    era = (y >= 0 ? y : y - 399) / 400;
    yoe = y - era * 400;
    doy = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
    doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
    return era * 146097 + doe - 719468;
}

static void civil_from_days(int64_t z, int64_t *y, int64_t *m, int64_t *d)
{
    int64_t era, doe, yoe, doy, mp;

    z += 719468;
    era = (z >= 0 ? z : z - 146096) / 146097;
    doe = z - era * 146097;
    yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    mp = (5 * doy + 2) / 153;
    *d = doy - (153 * mp + 2) / 5 + 1;
    *m = mp < 10 ? mp + 3 : mp - 9;
    *y = yoe + era * 400 + (*m <= 2);
}

void egw_time_format(int64_t ms, char out[EGW_TIME_TEXT])
{
    const int64_t most = INT64_C(253402300799999); /* 9999-12-31T23:59:59.999Z */
    int64_t y, m, d, days, rest;

    if (ms > most)
        ms = most;
    if (ms < -INT64_C(62135596800000))
        ms = -INT64_C(62135596800000); /* 0001-01-01 */
    days = ms / 86400000;
    rest = ms % 86400000;
    if (rest < 0) {
        rest += 86400000;
        days--;
    }
    civil_from_days(days, &y, &m, &d);
    (void)snprintf(out, EGW_TIME_TEXT, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", (int)y, (int)m,
                   (int)d, (int)(rest / 3600000), (int)(rest / 60000 % 60), (int)(rest / 1000 % 60),
                   (int)(rest % 1000));
}

/* Takes exactly `digits` digits off the front of s. */
static bool take(struct egw_str *s, size_t digits, int64_t *ret)
{
    struct egw_str head = {s->p, digits};

    if (s->n < digits || s->p[0] == '-' || !egw_parse_i64(head, 0, 9999, ret)) /* "-0" is no hour */
        return false;
    s->p += digits;
    s->n -= digits;
    return true;
}

static bool take_char(struct egw_str *s, char c)
{
    if (!s->n || s->p[0] != c)
        return false;
    s->p++;
    s->n--;
    return true;
}

bool egw_time_parse(struct egw_str s, int64_t *ret_ms)
{
    static const int month_days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int64_t y, mo, d, h = 0, mi = 0, sec = 0, frac = 0, zone = 0, oh, om;
    bool leap;

    if (!take(&s, 4, &y) || !take_char(&s, '-') || !take(&s, 2, &mo) || !take_char(&s, '-') ||
        !take(&s, 2, &d) || mo < 1 || mo > 12 || y < 1)
        return false;
    leap = (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
    if (d < 1 || d > month_days[mo - 1] + (mo == 2 && leap))
        return false;
    if (s.n) {
        if (!take_char(&s, 'T') && !take_char(&s, ' '))
            return false;
        if (!take(&s, 2, &h) || !take_char(&s, ':') || !take(&s, 2, &mi) || h > 23 || mi > 59)
            return false;
        if (take_char(&s, ':') && (!take(&s, 2, &sec) || sec > 59))
            return false;
        if (take_char(&s, '.')) {
            int64_t digit, unit = 100;

            if (!s.n || s.p[0] < '0' || s.p[0] > '9')
                return false;
            while (s.n && s.p[0] >= '0' && s.p[0] <= '9') {
                if (!take(&s, 1, &digit))
                    return false;
                frac += digit * unit;
                unit /= 10;
            }
        }
        if (!take_char(&s, 'Z')) {
            int64_t sign = take_char(&s, '+') ? 1 : take_char(&s, '-') ? -1 : 0;

            if (!sign || !take(&s, 2, &oh) || oh > 14)
                return false;
            (void)take_char(&s, ':');
            if (!take(&s, 2, &om) || om > 59)
                return false;
            zone = sign * (oh * 60 + om);
        }
        if (s.n)
            return false;
    }
    *ret_ms = ((days_from_civil(y, mo, d) * 24 + h) * 60 + mi - zone) * 60000 + sec * 1000 + frac;
    return true;
}
