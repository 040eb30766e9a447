/* Does a spelling that was found mean what it seems to? Codes are short, and texts hold numbers,
 * words and version names that look like them. */
#define _GNU_SOURCE /* memmem */
#include <strings.h>

#include "catalogue_internal.h"

static char before(const struct found *f, size_t back)
{
    return f->at >= back ? f->text.p[f->at - back] : ' ';
}

static char after(const struct found *f, size_t forth)
{
    return f->text.n - f->end >= forth ? f->text.p[f->end + forth - 1] : ' ';
}

static bool stands_alone(const struct found *f)
{
    return !is_word(before(f, 1)) && !is_word(after(f, 1));
}

static bool ends_sentence(char c)
{
    return c == ';' || c == ',' || c == '!' || c == '?' || c == '\n' || c == '\r';
}

enum { GAP_MOST = 24, WORD_MOST = 16 };

/*
 * The ASCII word before `at`, past at most GAP_MOST bytes that are neither word nor end of sentence
 * (spaces of all kinds, quotes, colons). *ret_at: where it begins. Empty: none.
 */
static struct egw_str word_before(struct egw_str text, size_t at, size_t *ret_at)
{
    size_t end = at, start;

    while (end > 0 && at - end < GAP_MOST && !is_word(text.p[end - 1]) &&
           !ends_sentence(text.p[end - 1]))
        end--;
    start = end;
    while (start > 0 && end - start < WORD_MOST && is_word(text.p[start - 1]))
        start--;
    *ret_at = start;
    return (struct egw_str){text.p + start, end - start};
}

static bool begins(struct egw_str s, const char *with)
{
    size_t n = strlen(with);

    return s.n >= n && strncasecmp(s.p, with, n) == 0;
}

static bool is_any(struct egw_str s, const char *const *words)
{
    for (; *words; words++) {
        if (s.n == strlen(*words) && begins(s, *words))
            return true;
    }
    return false;
}

/* error, ErrorCode, Fehler, Fehlercode, erreur (of "code d'erreur"), err, errno */
static bool error_word(struct egw_str s)
{
    static const char *const whole[] = {"err", "errno", "errcode", "err_code", NULL};

    return begins(s, "error") || begins(s, "fehler") || begins(s, "erreur") || is_any(s, whole);
}

/* The same in Japanese and Chinese, which word_before() passes over. */
static bool error_sign(struct egw_str gap)
{
    static const char *const signs[] = {"エラー", "错误", "錯誤"};

    for (size_t i = 0; i < EGW_COUNT(signs); i++) {
        if (memmem(gap.p, gap.n, signs[i], strlen(signs[i])))
            return true;
    }
    return false;
}

/*
 * Is it the code of an error? "error 800019", "Fehlercode: 800019", "error code 800019", and
 * {"code": "800019"}. A bare "code" before it is enough for symbols only: postcodes are numbers.
 */
static bool in_error_context(const struct found *f, bool symbol)
{
    static const char *const code_words[] = {"code", "codes",  "number", "no",
                                             "nr",   "nummer", "id",     NULL};
    size_t at, outer;
    struct egw_str near = word_before(f->text, f->at, &at);
    struct egw_str gap = {near.p + near.n, f->at - at - near.n};

    if (error_word(near) || error_sign(gap))
        return true;
    if (!is_any(near, code_words))
        return false;
    if (begins(near, "code") && (symbol || (gap.n && gap.p[0] == '"')))
        return true;
    return error_word(word_before(f->text, at, &outer));
}

/* 0x80070005 anywhere; bare 8007000A as a word; bare 80070005 could be anybody's number. */
static bool hex_fits(const struct found *f)
{
    struct egw_str bare = {f->text.p + f->at, f->end - f->at};

    if (is_word(after(f, 1)))
        return false;
    if ((before(f, 1) == 'x' || before(f, 1) == 'X') && before(f, 2) == '0')
        return !is_word(before(f, 3));
    if (is_word(before(f, 1)) || (after(f, 1) == '-' && is_word(after(f, 2))) ||
        (before(f, 1) == '-' && is_word(before(f, 2))))
        return false; /* part of a word or of a GUID */
    return !all_of(bare, is_digit) || in_error_context(f, false);
}

/* 5.1.1 of "550 5.1.1" and "#5.1.1"; not of 5.1.10, 5.1.1.2, 15.1.1, 10.5.1.1 or "version 5.1.1" */
static bool status_fits(const struct found *f)
{
    static const char *const versions[] = {
        "version",   "ver",      "v",        "build",     "release", "net",
        "framework", "firmware", "revision", "rev",       "section", "chapter",
        "rfc",       "update",   "patch",    "abschnitt", "kapitel", NULL};
    size_t at;

    if (!stands_alone(f) || before(f, 1) == '.' || before(f, 1) == ',')
        return false;
    if (after(f, 1) == '.' && is_digit(after(f, 2)))
        return false;
    return !is_any(word_before(f->text, f->at, &at), versions);
}

/* 800019, not 800019.5, 800,019 or 1.800019 */
static bool number_fits(const struct found *f)
{
    if (!stands_alone(f) || ((after(f, 1) == '.' || after(f, 1) == ',') && is_digit(after(f, 2))))
        return false;
    if ((before(f, 1) == '.' || before(f, 1) == ',' || before(f, 1) == '-') &&
        is_digit(before(f, 2)))
        return false;
    return in_error_context(f, false);
}

bool catalogue_fits(enum form form, const struct found *f)
{
    switch (form) {
    case FORM_PREFIX:
        return !is_word(before(f, 1)) && !is_digit(after(f, 1));
    case FORM_HEX:
        return hex_fits(f);
    case FORM_STATUS:
        return status_fits(f);
    case FORM_SYMBOL:
    case FORM_DECIMAL:
        return stands_alone(f);
    case FORM_SYMBOL_IN_CONTEXT:
        return stands_alone(f) && in_error_context(f, true);
    case FORM_NUMBER_IN_CONTEXT:
        return number_fits(f);
    default:
        return false;
    }
}
