/*
 * Codes are compiled as literals and found in one pass; whether a find stands alone and means what
 * it seems to is decided in plain C around it. Signed decimals are half of all spellings and rarely
 * met: their minus sign leads to them, and no program waits at its start for them to be compiled.
 * Regular expressions for the same were rejected: word boundaries and context words would multiply
 * the automaton, and nobody could read them.
 */
#define _GNU_SOURCE /* memmem */
#include "egw/catalogue.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include <hs/hs.h>

#include "egw/buf.h"
#include "egw/table.h"

/* The column `match`, and the spellings that only aliases have. */
enum form {
    FORM_PREFIX,            /* AADSTS50057; AADSTS500571 is another code */
    FORM_HEX,               /* 80070005 of 0x80070005, any case */
    FORM_STATUS,            /* 5.1.1; neither 5.1.10 nor 15.1.1 nor version 5.1.1 */
    FORM_SYMBOL,            /* InvalidSoftMatch, exact case */
    FORM_SYMBOL_IN_CONTEXT, /* NotFound, but only as the code of an error */
    FORM_NUMBER_IN_CONTEXT, /* 800019, likewise */
    FORM_KINDS,
    FORM_DECIMAL = FORM_KINDS, /* -2147024891: a hex code as signed decimal */
    FORM_NONE,
};

static const char *const form_names[FORM_KINDS] = {
    "prefix", "hex", "status", "symbol", "symbol-in-context", "number-in-context"};

enum column {
    COLUMN_ID,
    COLUMN_CODE,
    COLUMN_ALIASES,
    COLUMN_MATCH,
    COLUMN_SERVICE,
    COLUMN_BASIS,
    COLUMN_BASELINE,
    COLUMN_NAME,
    COLUMN_URL,
    COLUMN_REMEDY,
    COLUMNS,
};

static const char header[] =
    "id\tcode\taliases\tmatch\tservice\tbasis\tbaseline\tname\turl\tremedy";

enum { CODE_LEAST = 3 }; /* shorter ones would be found everywhere */

/* One spelling of one issue, while the catalogue is being built. */
struct spelling {
    struct egw_str text; /* lower case where case does not matter; hex without 0x */
    enum form form;
    uint32_t issue;
};

/* One literal, and the issues it may mean: meanings[first .. first + count). */
struct signature {
    struct egw_str text;
    enum form form;
    uint32_t first, count;
};

struct egw_catalogue {
    struct egw_arena texts;
    struct egw_known_issue *issues;
    size_t count, capacity;
    struct signature *signatures;
    size_t signature_count;
    uint32_t *meanings;
    hs_database_t *database; /* NULL: no literals */
    hs_scratch_t *scratch;
    bool *named;    /* by issue: found in the present text */
    uint32_t *hits; /* those that are named */
};

/* ---- reading the files ---- */

struct builder {
    struct egw_catalogue *catalogue;
    struct egw_faults *faults;
    struct egw_table places; /* id: "file:line" */
    struct spelling *spellings;
    size_t spelling_count, spelling_capacity;
    const char *file;
    int line;
    bool no_memory;
};

#define FAULT(builder, ...)                                                                        \
    egw_faults_add((builder)->faults, (builder)->file, (builder)->line, __VA_ARGS__)

/* Room for one more; false: no memory. */
static bool grow(void *items, size_t size, size_t count, size_t *capacity)
{
    void **p = items;
    size_t wanted = *capacity ? *capacity * 2 : 256;
    void *grown;

    if (count < *capacity)
        return true;
    grown = reallocarray(*p, wanted, size);
    if (!grown)
        return false;
    *p = grown;
    *capacity = wanted;
    return true;
}

static struct egw_str take_until(struct egw_str *rest, char separator)
{
    const char *end = rest->n ? memchr(rest->p, separator, rest->n) : NULL;
    struct egw_str head = {rest->p, end ? (size_t)(end - rest->p) : rest->n};
    size_t used = head.n + (end != NULL);

    rest->p += used;
    rest->n -= used;
    return head;
}

static bool digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Bytes past ASCII are no word characters: 'エラー0x80070005が' names the code. */
static bool word(char c)
{
    return digit(c) || letter(c) || c == '_';
}

static bool hex_digit(char c)
{
    return digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static bool status_char(char c)
{
    return digit(c) || c == '.' || c == '-';
}

static bool all(struct egw_str s, bool (*is)(char))
{
    for (size_t i = 0; i < s.n; i++) {
        if (!is(s.p[i]))
            return false;
    }
    return s.n > 0;
}

static struct egw_str without_0x(struct egw_str s)
{
    if (s.n > 2 && s.p[0] == '0' && (s.p[1] == 'x' || s.p[1] == 'X'))
        return (struct egw_str){s.p + 2, s.n - 2};
    return s;
}

static bool has_form(struct egw_str s, enum form form)
{
    switch (form) {
    case FORM_PREFIX:
        return all(s, word) && letter(s.p[0]) && digit(s.p[s.n - 1]);
    case FORM_HEX:
        return all(without_0x(s), hex_digit);
    case FORM_STATUS:
        return all(s, status_char) && digit(s.p[0]) && memchr(s.p, '.', s.n);
    case FORM_SYMBOL:
    case FORM_SYMBOL_IN_CONTEXT:
        return all(s, word) && letter(s.p[0]);
    case FORM_NUMBER_IN_CONTEXT:
        return all(s, digit);
    case FORM_DECIMAL:
        return s.n > 1 && s.p[0] == '-' && all((struct egw_str){s.p + 1, s.n - 1}, digit);
    default:
        return false;
    }
}

/* An alias has the form of its row's code, or one that cannot be mistaken. */
static enum form alias_form(struct egw_str alias, enum form row)
{
    if (has_form(alias, row))
        return row;
    if (has_form(alias, FORM_DECIMAL))
        return FORM_DECIMAL;
    if (without_0x(alias).n < alias.n && has_form(alias, FORM_HEX))
        return FORM_HEX;
    return has_form(alias, FORM_SYMBOL) ? FORM_SYMBOL : FORM_NONE;
}

static bool caseless(enum form form)
{
    return form == FORM_PREFIX || form == FORM_HEX;
}

static void add_spelling(struct builder *b, struct egw_str text, enum form form)
{
    uint32_t issue = (uint32_t)b->catalogue->count;
    struct egw_str own;

    if (form == FORM_HEX)
        text = without_0x(text);
    if (text.n < CODE_LEAST) {
        FAULT(b, "'%.*s' is too short to look for", EGW_FMT(text));
        return;
    }
    if (!grow(&b->spellings, sizeof(*b->spellings), b->spelling_count, &b->spelling_capacity) ||
        !egw_arena_str(&b->catalogue->texts, text, &own)) {
        b->no_memory = true;
        return;
    }
    for (size_t i = 0; caseless(form) && i < own.n; i++) {
        char *c = (char *)own.p + i; /* our own copy */

        if (*c >= 'A' && *c <= 'Z')
            *c = (char)(*c + 'a' - 'A');
    }
    b->spellings[b->spelling_count++] = (struct spelling){own, form, issue};
}

static void read_spellings(struct builder *b, const struct egw_str columns[COLUMNS])
{
    struct egw_str match = columns[COLUMN_MATCH], code = columns[COLUMN_CODE];
    struct egw_str aliases = columns[COLUMN_ALIASES];
    enum form form = FORM_PREFIX;

    while (form < FORM_KINDS && !egw_str_is(match, form_names[form]))
        form++;
    if (form == FORM_KINDS) {
        FAULT(b, "unknown match kind '%.*s'", EGW_FMT(match));
        return;
    }
    if (code.n == 0) {
        FAULT(b, "the code is empty");
        return;
    }
    if (!has_form(code, form)) {
        FAULT(b, "code '%.*s' cannot be matched as %s", EGW_FMT(code), form_names[form]);
        return;
    }
    add_spelling(b, code, form);
    while (aliases.n) {
        struct egw_str alias = take_until(&aliases, ';');
        enum form own = alias_form(alias, form);

        if (own == FORM_NONE)
            FAULT(b, "alias '%.*s' is neither a code nor a symbol", EGW_FMT(alias));
        else
            add_spelling(b, alias, own);
    }
}

static bool read_baseline(struct egw_str text, int *ret)
{
    if (egw_str_is(text, "yes"))
        *ret = 1;
    else if (egw_str_is(text, "no"))
        *ret = 0;
    else if (egw_str_is(text, "unknown"))
        *ret = -1;
    else
        return false;
    return true;
}

static bool known_basis(struct egw_str basis)
{
    return egw_str_is(basis, "doc") || egw_str_is(basis, "selfhelp") || egw_str_is(basis, "rule") ||
           egw_str_is(basis, "none");
}

static void read_id(struct builder *b, struct egw_str id)
{
    char place[512];
    struct egw_str before;

    if (id.n == 0) {
        FAULT(b, "the id is empty");
        return;
    }
    if (egw_table_get(&b->places, id, &before)) {
        FAULT(b, "duplicate id '%.*s', first at %.*s", EGW_FMT(id), EGW_FMT(before));
        return;
    }
    (void)snprintf(place, sizeof(place), "%s:%d", b->file, b->line);
    if (egw_table_put(&b->places, id, egw_str_of(place)) != EGW_OK)
        b->no_memory = true;
}

/* Columns are views of the catalogue's own copy of the file. */
static void read_row(struct builder *b, const struct egw_str columns[COLUMNS])
{
    struct egw_catalogue *catalogue = b->catalogue;
    struct egw_known_issue issue = {
        .id = columns[COLUMN_ID],
        .code = columns[COLUMN_CODE],
        .service = columns[COLUMN_SERVICE],
        .remedy = columns[COLUMN_REMEDY],
        .url = columns[COLUMN_URL],
        .basis = columns[COLUMN_BASIS],
    };

    read_id(b, issue.id);
    if (!known_basis(issue.basis))
        FAULT(b, "unknown basis '%.*s', known are doc, selfhelp, rule, none", EGW_FMT(issue.basis));
    if (!read_baseline(columns[COLUMN_BASELINE], &issue.baseline))
        FAULT(b, "baseline is '%.*s', allowed are yes, no, unknown",
              EGW_FMT(columns[COLUMN_BASELINE]));
    read_spellings(b, columns);
    if (!grow(&catalogue->issues, sizeof(issue), catalogue->count, &catalogue->capacity)) {
        b->no_memory = true;
        return;
    }
    catalogue->issues[catalogue->count++] = issue;
}

static bool text_char(char c)
{
    return (unsigned char)c >= ' ' || c == '\t';
}

static void read_line(struct builder *b, struct egw_str line)
{
    struct egw_str columns[COLUMNS], rest = line;
    size_t n = 1;

    for (size_t i = 0; i < line.n; i++)
        n += line.p[i] == '\t';
    if (!egw_utf8_valid(line)) {
        FAULT(b, "the line is not valid UTF-8");
    } else if (!all(line, text_char)) {
        FAULT(b, "the line holds a control character");
    } else if (n != COLUMNS) {
        FAULT(b, "%zu columns, expected %d", n, COLUMNS);
    } else {
        for (size_t i = 0; i < COLUMNS; i++)
            columns[i] = take_until(&rest, '\t');
        read_row(b, columns);
    }
}

static struct egw_str without_cr(struct egw_str line)
{
    return line.n && line.p[line.n - 1] == '\r' ? (struct egw_str){line.p, line.n - 1} : line;
}

static void read_file(struct builder *b, const struct egw_catalogue_file *file)
{
    struct egw_str rest, line;
    char name[256];

    (void)snprintf(name, sizeof(name), "%.*s", EGW_FMT(file->name));
    b->file = name;
    b->line = 1;
    if (!egw_arena_str(&b->catalogue->texts, file->content.p ? file->content : EGW_STR(""),
                       &rest)) {
        b->file = NULL;
        b->no_memory = true;
        return;
    }
    line = without_cr(take_until(&rest, '\n'));
    if (!egw_str_is(line, header))
        FAULT(b, "the first line must name the columns: id, code, aliases, match, service, basis, "
                 "baseline, name, url, remedy");
    while (rest.n && !b->no_memory) {
        b->line++;
        line = without_cr(take_until(&rest, '\n'));
        if (line.n && line.p[0] != '#')
            read_line(b, line);
    }
    b->file = NULL;
}

/* ---- from spellings to signatures ---- */

static int by_text(const void *a, const void *b)
{
    const struct spelling *x = a, *y = b;
    int c = egw_str_cmp(x->text, y->text);

    if (!c)
        c = (x->form > y->form) - (x->form < y->form);
    return c ? c : (x->issue > y->issue) - (x->issue < y->issue);
}

/* Equal spellings become one signature with several meanings, in catalogue order. */
static bool collect_signatures(struct builder *b)
{
    struct egw_catalogue *catalogue = b->catalogue;
    size_t n = b->spelling_count, meanings = 0;
    struct signature *last = NULL;

    catalogue->signatures = calloc(n + 1, sizeof(*catalogue->signatures));
    catalogue->meanings = calloc(n + 1, sizeof(*catalogue->meanings));
    catalogue->named = calloc(catalogue->count + 1, sizeof(*catalogue->named));
    catalogue->hits = calloc(catalogue->count + 1, sizeof(*catalogue->hits));
    if (!catalogue->signatures || !catalogue->meanings || !catalogue->named || !catalogue->hits)
        return false;
    if (n)
        qsort(b->spellings, n, sizeof(*b->spellings), by_text);
    for (size_t i = 0; i < n; i++) {
        const struct spelling *s = &b->spellings[i];

        if (!last || last->form != s->form || !egw_str_eq(last->text, s->text)) {
            last = &catalogue->signatures[catalogue->signature_count++];
            *last = (struct signature){s->text, s->form, (uint32_t)meanings, 0};
        } else if (catalogue->meanings[meanings - 1] == s->issue) {
            continue; /* code and alias were the same */
        }
        catalogue->meanings[meanings++] = s->issue;
        last->count++;
    }
    return true;
}

/* What the compiler wants: parallel arrays. */
struct literals {
    const char **texts;
    size_t *lengths;
    unsigned *flags, *ids;
    unsigned count;
};

static void literals_free(struct literals *l)
{
    free(l->texts);
    free(l->lengths);
    free(l->flags);
    free(l->ids);
}

static bool literals_fill(const struct egw_catalogue *catalogue, struct literals *l)
{
    size_t n = catalogue->signature_count;

    l->texts = calloc(n, sizeof(*l->texts));
    l->lengths = calloc(n, sizeof(*l->lengths));
    l->flags = calloc(n, sizeof(*l->flags));
    l->ids = calloc(n, sizeof(*l->ids));
    if (!l->texts || !l->lengths || !l->flags || !l->ids)
        return false;
    for (size_t i = 0; i < n; i++) {
        const struct signature *signature = &catalogue->signatures[i];

        if (signature->form == FORM_DECIMAL)
            continue;
        l->texts[l->count] = signature->text.p;
        l->lengths[l->count] = signature->text.n;
        l->flags[l->count] = caseless(signature->form) ? HS_FLAG_CASELESS : 0;
        l->ids[l->count++] = (unsigned)i;
    }
    return true;
}

static enum egw_status compile(struct egw_catalogue *catalogue, struct egw_faults *faults)
{
    EGW_CLEANUP(literals_free) struct literals l = {0};
    hs_compile_error_t *error = NULL;
    hs_error_t e;

    if (catalogue->signature_count == 0)
        return EGW_OK;
    if (!literals_fill(catalogue, &l))
        return EGW_NOMEM;
    if (l.count == 0)
        return EGW_OK;
    e = hs_compile_lit_multi(l.texts, l.flags, l.ids, l.lengths, l.count, HS_MODE_BLOCK, NULL,
                             &catalogue->database, &error);
    if (e != HS_SUCCESS) {
        egw_faults_add(faults, NULL, 0, "cannot compile the catalogue: %s",
                       error && error->message ? error->message : "no reason given");
        hs_free_compile_error(error);
        return e == HS_NOMEM ? EGW_NOMEM : EGW_INVALID;
    }
    return hs_alloc_scratch(catalogue->database, &catalogue->scratch) == HS_SUCCESS ? EGW_OK
                                                                                    : EGW_NOMEM;
}

void egw_catalogue_free(struct egw_catalogue *catalogue)
{
    if (!catalogue)
        return;
    hs_free_scratch(catalogue->scratch);
    hs_free_database(catalogue->database);
    free(catalogue->issues);
    free(catalogue->signatures);
    free(catalogue->meanings);
    free(catalogue->named);
    free(catalogue->hits);
    egw_arena_free(&catalogue->texts);
    free(catalogue);
}

static void builder_end(struct builder *b)
{
    free(b->spellings);
    egw_table_free(&b->places);
    egw_catalogue_free(b->catalogue);
}

enum egw_status egw_catalogue_new(const struct egw_catalogue_file *files, size_t n,
                                  struct egw_catalogue **ret, struct egw_faults *faults)
{
    EGW_CLEANUP(builder_end) struct builder b = {.faults = faults};
    size_t faults_before = faults->total;
    enum egw_status st;

    b.catalogue = calloc(1, sizeof(*b.catalogue));
    if (!b.catalogue)
        return EGW_NOMEM;
    b.catalogue->texts.max = (size_t)256 << 20;
    for (size_t i = 0; i < n && !b.no_memory; i++)
        read_file(&b, &files[i]);
    if (b.no_memory)
        return EGW_NOMEM;
    if (faults->total > faults_before)
        return EGW_INVALID;
    if (!collect_signatures(&b))
        return EGW_NOMEM;
    st = compile(b.catalogue, faults);
    if (st)
        return st;
    *ret = b.catalogue;
    b.catalogue = NULL;
    return EGW_OK;
}

size_t egw_catalogue_count(const struct egw_catalogue *catalogue)
{
    return catalogue->count;
}

size_t egw_catalogue_spellings(const struct egw_catalogue *catalogue)
{
    return catalogue->signature_count;
}

const struct egw_known_issue *egw_catalogue_issue(const struct egw_catalogue *catalogue,
                                                  size_t index)
{
    return &catalogue->issues[index];
}

const struct egw_known_issue *egw_catalogue_find(const struct egw_catalogue *catalogue,
                                                 struct egw_str id)
{
    for (size_t i = 0; i < catalogue->count; i++) {
        if (egw_str_eq(catalogue->issues[i].id, id))
            return &catalogue->issues[i];
    }
    return NULL;
}

/* ---- does a find mean what it seems to? ---- */

struct find {
    struct egw_str text; /* the whole text */
    size_t at, end;      /* where the spelling stands in it */
};

static char before(const struct find *f, size_t back)
{
    return f->at >= back ? f->text.p[f->at - back] : ' ';
}

static char after(const struct find *f, size_t forth)
{
    return f->text.n - f->end >= forth ? f->text.p[f->end + forth - 1] : ' ';
}

static bool stands_alone(const struct find *f)
{
    return !word(before(f, 1)) && !word(after(f, 1));
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

    while (end > 0 && at - end < GAP_MOST && !word(text.p[end - 1]) &&
           !ends_sentence(text.p[end - 1]))
        end--;
    start = end;
    while (start > 0 && end - start < WORD_MOST && word(text.p[start - 1]))
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
static bool in_error_context(const struct find *f, bool symbol)
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
static bool hex_fits(const struct find *f)
{
    struct egw_str bare = {f->text.p + f->at, f->end - f->at};

    if (word(after(f, 1)))
        return false;
    if ((before(f, 1) == 'x' || before(f, 1) == 'X') && before(f, 2) == '0')
        return !word(before(f, 3));
    if (word(before(f, 1)) || (after(f, 1) == '-' && word(after(f, 2))) ||
        (before(f, 1) == '-' && word(before(f, 2))))
        return false; /* part of a word or of a GUID */
    return !all(bare, digit) || in_error_context(f, false);
}

/* 5.1.1 of "550 5.1.1" and "#5.1.1"; not of 5.1.10, 5.1.1.2, 15.1.1, 10.5.1.1 or "version 5.1.1" */
static bool status_fits(const struct find *f)
{
    static const char *const versions[] = {
        "version",   "ver",      "v",        "build",     "release", "net",
        "framework", "firmware", "revision", "rev",       "section", "chapter",
        "rfc",       "update",   "patch",    "abschnitt", "kapitel", NULL};
    size_t at;

    if (!stands_alone(f) || before(f, 1) == '.' || before(f, 1) == ',')
        return false;
    if (after(f, 1) == '.' && digit(after(f, 2)))
        return false;
    return !is_any(word_before(f->text, f->at, &at), versions);
}

/* 800019, not 800019.5, 800,019 or 1.800019 */
static bool number_fits(const struct find *f)
{
    if (!stands_alone(f) || ((after(f, 1) == '.' || after(f, 1) == ',') && digit(after(f, 2))))
        return false;
    if ((before(f, 1) == '.' || before(f, 1) == ',' || before(f, 1) == '-') && digit(before(f, 2)))
        return false;
    return in_error_context(f, false);
}

static bool fits(enum form form, const struct find *f)
{
    switch (form) {
    case FORM_PREFIX:
        return !word(before(f, 1)) && !digit(after(f, 1));
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

/* ---- matching ---- */

struct pass {
    const struct egw_catalogue *catalogue;
    struct egw_str text;
    size_t hits;
    egw_catalogue_hit_fn *take; /* NULL: issues are counted once each, in hits */
    void *user;
};

/* A spelling stands in the text, and ends at `end`. */
static void take_find(struct pass *pass, const struct signature *s, size_t end)
{
    const struct egw_catalogue *catalogue = pass->catalogue;
    struct find f = {pass->text, end - s->text.n, end};

    if (!fits(s->form, &f))
        return;
    for (uint32_t i = s->first; i < s->first + s->count; i++) {
        uint32_t issue = catalogue->meanings[i];

        if (pass->take) {
            struct egw_catalogue_hit hit = {f.at, f.end, &catalogue->issues[issue]};

            pass->take(pass->user, &hit);
        } else if (!catalogue->named[issue]) {
            catalogue->named[issue] = true;
            catalogue->hits[pass->hits++] = issue;
        }
    }
}

static int on_find(unsigned id, unsigned long long from, unsigned long long to, unsigned flags,
                   void *context)
{
    struct pass *pass = context;

    (void)from; /* literals have a known length: no need to have their start tracked */
    (void)flags;
    take_find(pass, &pass->catalogue->signatures[id], (size_t)to);
    return 0;
}

static void scan_literals(struct pass *pass)
{
    const struct egw_catalogue *catalogue = pass->catalogue;
    struct egw_str text = pass->text;
    unsigned n = text.n > UINT32_MAX ? UINT32_MAX : (unsigned)text.n;
    hs_error_t e;

    if (!catalogue->database)
        return;
    e = hs_scan(catalogue->database, text.p, n, 0, catalogue->scratch, on_find, pass);
    assert(e == HS_SUCCESS); /* anything else is a scratch used twice at once, or a foreign one */
    (void)e;
}

static int by_decimal(const void *key, const void *item)
{
    const struct egw_str *text = key;
    const struct signature *signature = item;
    int c = egw_str_cmp(*text, signature->text);

    return c ? c : FORM_DECIMAL - (int)signature->form;
}

/* "-2147024891": signatures are sorted by text, then by form. */
static void scan_decimals(struct pass *pass)
{
    const struct egw_catalogue *catalogue = pass->catalogue;
    const char *end = pass->text.p + pass->text.n;
    struct egw_str number = {pass->text.p, 0};

    while ((number.p = memchr(number.p, '-', (size_t)(end - number.p)))) {
        const struct signature *signature = NULL;

        number.n = 1;
        while (number.p + number.n < end && digit(number.p[number.n]))
            number.n++;
        if (number.n >= CODE_LEAST)
            signature = bsearch(&number, catalogue->signatures, catalogue->signature_count,
                                sizeof(*signature), by_decimal);
        number.p += number.n;
        if (signature)
            take_find(pass, signature, (size_t)(number.p - pass->text.p));
    }
}

static void scan(struct pass *pass, struct egw_str text)
{
    if (!text.p || text.n == 0)
        return;
    pass->text = text;
    scan_literals(pass);
    scan_decimals(pass);
}

static bool actionable(const struct egw_known_issue *issue)
{
    return egw_str_is(issue->basis, "doc") || egw_str_is(issue->basis, "selfhelp");
}

/* 2: the event's service; 1: any service, or the event names none; 0: another service's. */
static int service_rank(const struct egw_known_issue *issue, struct egw_str service)
{
    if (service.n == 0 || issue->service.n == 0)
        return 1;
    return egw_str_eq(issue->service, service) ? 2 : 0;
}

static int rank(const struct egw_known_issue *issue, struct egw_str service)
{
    return 2 * service_rank(issue, service) + actionable(issue);
}

/* The desk would do the same about both: which one it is does not matter. */
static bool same_remedy(const struct egw_known_issue *a, const struct egw_known_issue *b)
{
    return a->remedy.n > 0 && egw_str_eq(a->remedy, b->remedy) && a->baseline == b->baseline &&
           actionable(a) == actionable(b);
}

/* Another issue that neither the service nor its basis puts behind the best one, or another meaning
 * of the best one's very code. */
static bool rivals(const struct egw_known_issue *best, const struct egw_known_issue *other,
                   struct egw_str service)
{
    if (other == best || service_rank(other, service) != service_rank(best, service) ||
        same_remedy(best, other))
        return false;
    return actionable(other) == actionable(best) || egw_str_eq(other->code, best->code);
}

void egw_catalogue_hits(const struct egw_catalogue *catalogue, struct egw_str text,
                        egw_catalogue_hit_fn *take, void *user)
{
    struct pass pass = {.catalogue = catalogue, .take = take, .user = user};

    if (catalogue->database)
        scan(&pass, text);
}

struct egw_match egw_catalogue_match(const struct egw_catalogue *catalogue, struct egw_str title,
                                     struct egw_str text, struct egw_str service)
{
    struct pass pass = {.catalogue = catalogue};
    struct egw_match match = {0};

    if (catalogue->signature_count == 0)
        return match;
    scan(&pass, title);
    scan(&pass, text);
    for (size_t i = 0; i < pass.hits; i++) {
        const struct egw_known_issue *issue = &catalogue->issues[catalogue->hits[i]];
        int more = match.issue ? rank(issue, service) - rank(match.issue, service) : 1;

        if (more > 0 || (more == 0 && issue < match.issue))
            match.issue = issue;
        catalogue->named[catalogue->hits[i]] = false;
    }
    for (size_t i = 0; i < pass.hits && !match.ambiguous; i++)
        match.ambiguous = rivals(match.issue, &catalogue->issues[catalogue->hits[i]], service);
    return match;
}
