/*
 * Codes are compiled as literals and found in one pass; whether a find stands alone and means what
 * it seems to is decided in plain C around it. Signed decimals are half of all spellings and rarely
 * met: their minus sign leads to them, and no program waits at its start for them to be compiled.
 * Regular expressions for the same were rejected: word boundaries and context words would multiply
 * the automaton, and nobody could read them.
 */
#include "egw/catalogue.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "catalogue_internal.h"

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
static bool collect_signatures(struct egw_catalogue *catalogue, struct builder *b)
{
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
    free(b->issues);
    free(b->spellings);
    egw_table_free(&b->places);
}

static void catalogue_freep(struct egw_catalogue **catalogue)
{
    egw_catalogue_free(*catalogue);
}

enum egw_status egw_catalogue_new(const struct egw_catalogue_file *files, size_t n,
                                  struct egw_catalogue **ret, struct egw_faults *faults)
{
    EGW_CLEANUP(catalogue_freep) struct egw_catalogue *catalogue = calloc(1, sizeof(*catalogue));
    EGW_CLEANUP(builder_end) struct builder b = {.faults = faults};
    size_t faults_before = faults->total;
    enum egw_status st;

    if (!catalogue)
        return EGW_NOMEM;
    catalogue->texts.max = (size_t)256 << 20;
    b.texts = &catalogue->texts;
    for (size_t i = 0; i < n && !b.no_memory; i++)
        catalogue_read(&b, &files[i]);
    if (b.no_memory)
        return EGW_NOMEM;
    if (faults->total > faults_before)
        return EGW_INVALID;
    catalogue->issues = b.issues;
    catalogue->count = b.issue_count;
    b.issues = NULL;
    if (!collect_signatures(catalogue, &b))
        return EGW_NOMEM;
    st = compile(catalogue, faults);
    if (st)
        return st;
    *ret = catalogue;
    catalogue = NULL;
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
    struct found f = {pass->text, end - s->text.n, end};

    if (!catalogue_fits(s->form, &f))
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
        while (number.p + number.n < end && is_digit(number.p[number.n]))
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

    if (catalogue->signature_count == 0)
        return (struct egw_match){0};
    scan(&pass, title);
    scan(&pass, text);
    for (size_t i = 0; i < pass.hits; i++)
        catalogue->named[catalogue->hits[i]] = false;
    return catalogue_judge(catalogue->issues, catalogue->hits, pass.hits, service);
}
