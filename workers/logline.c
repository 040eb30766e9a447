#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "cli.h"

enum {
    VALUE_MAX = 256,            /* bytes of a value that are shown */
    ESCAPE_MAX = 6,             /* bytes one byte may become: \u202e */
    LINE_MAX_BYTES = 16 * 1024, /* of a whole line; further pairs are dropped */
};

static const char *const level_names[] = {"error", "warn", "info", "debug"};
static atomic_int level_now = EGW_LEVEL_INFO;

/* ---- safe text ---- */

/* Length of the well-formed UTF-8 character at the start of s; 0: there is none. */
static size_t character(struct egw_str s)
{
    unsigned char c = (unsigned char)s.p[0];
    size_t n = c < 0x80 ? 1 : c < 0xE0 ? 2 : c < 0xF0 ? 3 : 4;

    return n <= s.n && egw_utf8_valid((struct egw_str){s.p, n}) ? n : 0;
}

static unsigned code_point(const char *text, size_t n)
{
    const unsigned char *p = (const unsigned char *)text;
    unsigned code = n == 1 ? p[0] : p[0] & (0xFFu >> (n + 1));

    for (size_t i = 1; i < n; i++)
        code = code << 6 | (p[i] & 0x3Fu);
    return code;
}

/* Controls, and the marks that reorder, hide or break a line (Trojan Source, Unicode TR 36). */
static bool steers(unsigned code)
{
    return code < 0x20 || (code >= 0x7F && code < 0xA0) || code == 0xAD || code == 0x61C ||
           (code >= 0x200B && code <= 0x200F) || (code >= 0x2028 && code <= 0x202E) ||
           (code >= 0x2060 && code <= 0x206F) || code == 0xFEFF;
}

/* Takes one character off *s and writes its safe form (at most ESCAPE_MAX bytes, or 4) to out. */
static size_t take_safe(struct egw_str *s, bool quoted, char out[ESCAPE_MAX + 1])
{
    size_t n = character(*s), made;
    unsigned code = n ? code_point(s->p, n) : 0xFFFD;

    if (n == 0)
        made = (size_t)snprintf(out, ESCAPE_MAX + 1, "\\x%02x", (unsigned char)s->p[0]);
    else if (code == '\n' || code == '\t' || code == '\r')
        made = (size_t)snprintf(out, ESCAPE_MAX + 1, "\\%c",
                                code == '\n'   ? 'n'
                                : code == '\t' ? 't'
                                               : 'r');
    else if (quoted && (code == '"' || code == '\\'))
        made = (size_t)snprintf(out, ESCAPE_MAX + 1, "\\%c", (char)code);
    else if (steers(code))
        made = (size_t)snprintf(out, ESCAPE_MAX + 1, "\\u%04x", code & 0xFFFF);
    else
        memcpy(out, s->p, made = n);
    n += n == 0;
    s->p += n;
    s->n -= n;
    return made;
}

void egw_put_safe(FILE *to, struct egw_str text)
{
    char one[ESCAPE_MAX + 1];

    while (text.n)
        (void)fwrite(one, 1, take_safe(&text, false, one), to);
}

/* ---- lines ---- */

struct line {
    size_t n;
    char text[LINE_MAX_BYTES];
};

static void put(struct line *line, const char *text, size_t n)
{
    memcpy(line->text + line->n, text, n);
    line->n += n;
}

/* Bare values hold only what no reader of logfmt can take for syntax. */
static bool is_bare(struct egw_str value)
{
    for (size_t i = 0; i < value.n; i++) {
        unsigned char c = (unsigned char)value.p[i];

        if (c <= ' ' || c >= 0x7F || c == '"' || c == '=' || c == '\\')
            return false;
    }
    return value.n > 0;
}

/* At most VALUE_MAX bytes, never half a character. */
static struct egw_str cut(struct egw_str value)
{
    size_t n = 0;

    while (n < value.n) {
        size_t one = character((struct egw_str){value.p + n, value.n - n});

        one += one == 0;
        if (n + one > VALUE_MAX)
            break;
        n += one;
    }
    return (struct egw_str){value.p, n};
}

static void put_value(struct line *line, struct egw_str value)
{
    struct egw_str shown = cut(value);
    bool whole = shown.n == value.n;
    char one[ESCAPE_MAX + 1];

    if (whole && is_bare(value)) {
        put(line, value.p, value.n);
        return;
    }
    put(line, "\"", 1);
    while (shown.n) {
        size_t n = take_safe(&shown, true, one);

        put(line, one, n);
    }
    put(line, whole ? "\"" : "...\"", whole ? 1 : 4);
}

static void put_pair(struct line *line, const char *key, const char *value)
{
    size_t most = strlen(key) + VALUE_MAX * ESCAPE_MAX + 8; /* ' ', '=', quotes, dots, newline */

    if (line->n + most > sizeof(line->text))
        return;
    if (line->n)
        put(line, " ", 1);
    put(line, key, strlen(key));
    put(line, "=", 1);
    put_value(line, egw_str_of(value ? value : ""));
}

void egw_log_set_level(const char *name)
{
    for (size_t i = 0; i < EGW_COUNT(level_names); i++)
        if (strcmp(name, level_names[i]) == 0)
            atomic_store(&level_now, (int)i);
}

static int64_t wall_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void egw_log_line(enum egw_log_level level, const char *what, ...)
{
    struct line line;
    char now[EGW_TIME_TEXT];
    const char *key;
    va_list ap;

    if ((int)level > atomic_load(&level_now))
        return;
    line.n = 0;
    egw_time_format(wall_ms(), now);
    put_pair(&line, "time", now);
    put_pair(&line, "level", level_names[level]);
    put_pair(&line, "what", what);
    va_start(ap, what);
    while ((key = va_arg(ap, const char *)) != NULL)
        put_pair(&line, key, va_arg(ap, const char *));
    va_end(ap);
    put(&line, "\n", 1);
    /* One write, so that lines of several threads never mix; a log that cannot take it loses it. */
    (void)!write(STDERR_FILENO, line.text, line.n);
}
