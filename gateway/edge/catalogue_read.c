/* The files: rows of tab-separated columns, each an issue and the ways it is written. */
#include <stdio.h>
#include <stdlib.h>

#include "catalogue_internal.h"

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

#define FAULT(builder, ...)                                                                        \
    egw_faults_add((builder)->faults, (builder)->file, (builder)->line, __VA_ARGS__)

static bool hex_digit(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static bool status_char(char c)
{
    return is_digit(c) || c == '.' || c == '-';
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
        return all_of(s, is_word) && is_letter(s.p[0]) && is_digit(s.p[s.n - 1]);
    case FORM_HEX:
        return all_of(without_0x(s), hex_digit);
    case FORM_STATUS:
        return all_of(s, status_char) && is_digit(s.p[0]) && memchr(s.p, '.', s.n);
    case FORM_SYMBOL:
    case FORM_SYMBOL_IN_CONTEXT:
        return all_of(s, is_word) && is_letter(s.p[0]);
    case FORM_NUMBER_IN_CONTEXT:
        return all_of(s, is_digit);
    case FORM_DECIMAL:
        return s.n > 1 && s.p[0] == '-' && all_of((struct egw_str){s.p + 1, s.n - 1}, is_digit);
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

static void add_spelling(struct builder *b, struct egw_str text, enum form form)
{
    uint32_t issue = (uint32_t)b->issue_count;
    struct egw_str own;

    if (form == FORM_HEX)
        text = without_0x(text);
    if (text.n < CODE_LEAST) {
        FAULT(b, "'%.*s' is too short to look for", EGW_FMT(text));
        return;
    }
    if (!egw_grow(&b->spellings, sizeof(*b->spellings), b->spelling_count, &b->spelling_capacity) ||
        !egw_arena_str(b->texts, text, &own)) {
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
        struct egw_str alias = egw_str_take(&aliases, ';');
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
    struct egw_known_issue issue = {
        .id = columns[COLUMN_ID],
        .code = columns[COLUMN_CODE],
        .aliases = columns[COLUMN_ALIASES],
        .match = columns[COLUMN_MATCH],
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
    if (!egw_grow(&b->issues, sizeof(issue), b->issue_count, &b->issue_capacity)) {
        b->no_memory = true;
        return;
    }
    b->issues[b->issue_count++] = issue;
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
    } else if (!all_of(line, text_char)) {
        FAULT(b, "the line holds a control character");
    } else if (n != COLUMNS) {
        FAULT(b, "%zu columns, expected %d", n, COLUMNS);
    } else {
        for (size_t i = 0; i < COLUMNS; i++)
            columns[i] = egw_str_take(&rest, '\t');
        read_row(b, columns);
    }
}

static struct egw_str without_cr(struct egw_str line)
{
    return line.n && line.p[line.n - 1] == '\r' ? (struct egw_str){line.p, line.n - 1} : line;
}

void catalogue_read(struct builder *b, const struct egw_catalogue_file *file)
{
    struct egw_str rest, line;
    char name[256];

    (void)snprintf(name, sizeof(name), "%.*s", EGW_FMT(file->name));
    b->file = name;
    b->line = 1;
    if (!egw_arena_str(b->texts, file->content.p ? file->content : EGW_STR(""), &rest)) {
        b->file = NULL;
        b->no_memory = true;
        return;
    }
    line = without_cr(egw_str_take(&rest, '\n'));
    if (!egw_str_is(line, header))
        FAULT(b, "the first line must name the columns: id, code, aliases, match, service, basis, "
                 "baseline, name, url, remedy");
    while (rest.n && !b->no_memory) {
        b->line++;
        line = without_cr(egw_str_take(&rest, '\n'));
        if (line.n && line.p[0] != '#')
            read_line(b, line);
    }
    b->file = NULL;
}
