#include "settings_text.h"

#include <stdlib.h>

struct scan {
    const char *file;
    struct egw_str text;
    size_t at;
    int line;
    struct egw_faults *faults;
};

/* NUL at the end, so that look-ahead needs no bounds of its own. */
static char peek(const struct scan *s, size_t ahead)
{
    return s->at + ahead < s->text.n ? s->text.p[s->at + ahead] : '\0';
}

static void advance(struct scan *s)
{
    s->line += s->text.p[s->at++] == '\n';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_hex(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* What may stand in a name; a digit after one of these is no number. */
static bool is_name(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
           c == '-' || c == '*';
}

static void skip_line(struct scan *s)
{
    while (s->at < s->text.n && peek(s, 0) != '\n')
        advance(s);
}

static void skip_comment(struct scan *s)
{
    int opened = s->line;

    s->at += 2;
    while (s->at < s->text.n) {
        if (peek(s, 0) == '*' && peek(s, 1) == '/') {
            s->at += 2;
            return;
        }
        advance(s);
    }
    egw_faults_add(s->faults, s->file, opened, "comment never ends: there is no */");
}

static void skip_string(struct scan *s)
{
    int opened = s->line;

    s->at++;
    while (s->at < s->text.n) {
        if (peek(s, 0) == '"') {
            s->at++;
            return;
        }
        if (peek(s, 0) == '\\' && s->at + 1 < s->text.n) {
            if (peek(s, 1) == 'x' && peek(s, 2) == '0' && peek(s, 3) == '0')
                egw_faults_add(s->faults, s->file, s->line, "string must not hold \\x00");
            s->at++;
        }
        advance(s);
    }
    egw_faults_add(s->faults, s->file, opened, "string never ends: there is no closing quote");
}

/* Digits without sign, prefix and suffix. False: past 64 bits. */
static bool magnitude(const char *p, size_t n, unsigned base, uint64_t *ret)
{
    uint64_t v = 0;

    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)p[i];
        unsigned digit = is_digit((char)c) ? c - 0x30u : (c | 0x20u) - 0x61u + 10u;

        if (__builtin_mul_overflow(v, base, &v) || __builtin_add_overflow(v, digit, &v))
            return false;
    }
    *ret = v;
    return true;
}

static void check_number(struct scan *s)
{
    bool hex = peek(s, 0) == '0' && (peek(s, 1) | 0x20) == 'x' && is_hex(peek(s, 2));
    bool negative = s->at > 0 && s->text.p[s->at - 1] == '-';
    size_t start = s->at, digits;
    uint64_t v = 0, most;
    bool is_long, fits;

    if (hex)
        s->at += 2;
    digits = s->at;
    while (hex ? is_hex(peek(s, 0)) : is_digit(peek(s, 0)))
        s->at++;
    if (!hex && (peek(s, 0) == '.' || (peek(s, 0) | 0x20) == 'e')) {
        while (is_digit(peek(s, 0)) || peek(s, 0) == '.' || (peek(s, 0) | 0x20) == 'e' ||
               peek(s, 0) == '+' || peek(s, 0) == '-')
            s->at++;
        return; /* a float: no key of ours is one, so it is refused by its type */
    }
    is_long = peek(s, 0) == 'L';
    most = (is_long ? (uint64_t)INT64_MAX : (uint64_t)INT32_MAX) + negative;
    fits = magnitude(s->text.p + digits, s->at - digits, hex ? 16 : 10, &v) && v <= most;
    if (!fits)
        egw_faults_add(s->faults, s->file, s->line,
                       is_long ? "%s%.*s does not fit 64 bits"
                               : "%s%.*s does not fit 32 bits: write the suffix L after it",
                       negative ? "-" : "", (int)(s->at - start > 40 ? 40 : s->at - start),
                       s->text.p + start);
    while (peek(s, 0) == 'L')
        s->at++;
}

static bool check_bytes(const char *file, struct egw_str text, struct egw_faults *faults)
{
    const char *nul = text.n ? memchr(text.p, '\0', text.n) : NULL;
    int line = 1;

    if (nul) {
        for (const char *p = text.p; p < nul; p++)
            line += *p == '\n';
        egw_faults_add(faults, file, line, "text holds a NUL byte");
        return false;
    }
    if (text.n && !egw_utf8_valid(text)) {
        egw_faults_add(faults, file, 0, "text is not UTF-8");
        return false;
    }
    return true;
}

bool egw_settings_text_check(const char *file, struct egw_str text, struct egw_faults *faults)
{
    struct scan s = {.file = file, .text = text, .line = 1, .faults = faults};
    size_t before = faults->total;

    if (!check_bytes(file, text, faults))
        return false;
    while (s.at < text.n) {
        char c = peek(&s, 0);

        if (c == '#' || (c == '/' && peek(&s, 1) == '/')) {
            skip_line(&s);
        } else if (c == '/' && peek(&s, 1) == '*') {
            skip_comment(&s);
        } else if (c == '"') {
            skip_string(&s);
        } else if (c == '@') {
            egw_faults_add(faults, file, s.line, "@include is refused: settings are one file");
            skip_line(&s);
        } else if (is_digit(c) || (c == '.' && is_digit(peek(&s, 1)))) {
            check_number(&s);
        } else if (is_name(c) && c != '-') {
            while (is_name(peek(&s, 0)))
                s.at++;
        } else {
            advance(&s);
        }
    }
    return faults->total == before;
}
