/* What is meant by what a text names; and what two catalogues make of the same text. */
#include <stdlib.h>

#include "catalogue_internal.h"

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

struct egw_match catalogue_judge(const struct egw_known_issue *issues, const uint32_t *named,
                                 size_t n, struct egw_str service)
{
    struct egw_match match = {0};

    for (size_t i = 0; i < n; i++) {
        const struct egw_known_issue *issue = &issues[named[i]];
        int more = match.issue ? rank(issue, service) - rank(match.issue, service) : 1;

        if (more > 0 || (more == 0 && issue < match.issue))
            match.issue = issue;
    }
    for (size_t i = 0; i < n && !match.ambiguous; i++)
        match.ambiguous = rivals(match.issue, &issues[named[i]], service);
    return match;
}

/* ---- two catalogues ---- */

static bool same_issue(const struct egw_known_issue *a, const struct egw_known_issue *b)
{
    return egw_str_eq(a->id, b->id) && egw_str_eq(a->code, b->code) &&
           egw_str_eq(a->service, b->service) && egw_str_eq(a->remedy, b->remedy) &&
           egw_str_eq(a->basis, b->basis) && a->baseline == b->baseline;
}

static int by_spelling(const struct signature *a, const struct signature *b)
{
    int c = egw_str_cmp(a->text, b->text);

    return c ? c : (a->form > b->form) - (a->form < b->form);
}

bool egw_catalogue_same(const struct egw_catalogue *a, const struct egw_catalogue *b)
{
    if (!a || !b)
        return (a ? a->signature_count : 0) == (b ? b->signature_count : 0);
    if (a->count != b->count || a->signature_count != b->signature_count)
        return false;
    for (size_t i = 0; i < a->count; i++) {
        if (!same_issue(&a->issues[i], &b->issues[i]))
            return false;
    }
    for (size_t i = 0; i < a->signature_count; i++) {
        const struct signature *x = &a->signatures[i], *y = &b->signatures[i];

        if (by_spelling(x, y) != 0 || x->count != y->count ||
            memcmp(a->meanings + x->first, b->meanings + y->first,
                   x->count * sizeof(*a->meanings)) != 0)
            return false;
    }
    return true;
}

/* A spelling in each of the catalogues; NULL: it is none there. What it means alone, and how that
 * ranks among others. */
struct spelled {
    const struct signature *in[2];
    struct egw_match means[2];
    size_t kind;
    bool changed;
};

/* Spellings that mean alike and rank alike in both catalogues. */
struct kind {
    int keys[2];
    size_t first, other; /* one of them, and one of another remedy; SIZE_MAX: there is none */
    size_t asked;        /* of its changed ones so many were tried beside all others */
};
enum { ASKED_MAX = 3, TOGETHER_MAX = 3 };

struct comparing {
    const struct egw_catalogue *const *catalogues;
    const struct egw_str *services;
    egw_catalogue_pair_fn *take;
    void *user;
    struct spelled *spelled;
    size_t n;
    struct kind *kinds;
    size_t kind_n, kind_room;
    uint32_t *named; /* room for the meanings of some spellings */
    bool *tried;     /* by kind and what remedies it shares */
};

static struct egw_match judge_in(const struct comparing *c, size_t side,
                                 const struct spelled *const *texts, size_t n)
{
    const struct egw_catalogue *catalogue = c->catalogues[side];
    size_t named = 0;

    for (size_t k = 0; k < n; k++) {
        const struct signature *s = texts[k]->in[side];

        for (uint32_t i = 0; s && i < s->count; i++)
            c->named[named++] = catalogue->meanings[s->first + i];
    }
    return named ? catalogue_judge(catalogue->issues, c->named, named, c->services[side])
                 : (struct egw_match){0};
}

static void tell(const struct comparing *c, const struct spelled *const *texts, size_t n)
{
    const struct egw_match old = judge_in(c, 0, texts, n), new = judge_in(c, 1, texts, n);

    c->take(c->user, &old, &new);
}

/* 0: it means nothing. */
static int key_of(const struct egw_match *match, struct egw_str service)
{
    const struct egw_known_issue *issue = match->issue;
    int basis;

    if (!issue)
        return 0;
    basis = egw_str_is(issue->basis, "doc") ? 2 : actionable(issue);
    return 1 + issue->baseline + 1 + 3 * match->ambiguous + 6 * basis + 18 * rank(issue, service);
}

static bool same_meanings(const struct comparing *c, const struct spelled *x)
{
    const struct signature *old = x->in[0], *new = x->in[1];

    if (!old || !new || old->count != new->count)
        return false;
    for (uint32_t i = 0; i < old->count; i++) {
        if (!same_issue(&c->catalogues[0]->issues[c->catalogues[0]->meanings[old->first + i]],
                        &c->catalogues[1]->issues[c->catalogues[1]->meanings[new->first + i]]))
            return false;
    }
    return true;
}

static bool same_remedies(const struct egw_match *a, const struct egw_match *b)
{
    return a->issue && b->issue && egw_str_eq(a->issue->remedy, b->issue->remedy);
}

static bool note_kind(struct comparing *c, struct spelled *x)
{
    const struct spelled *const only[] = {x};
    int keys[2];
    size_t i = 0;

    for (size_t side = 0; side < 2; side++) {
        x->means[side] = judge_in(c, side, only, 1);
        keys[side] = key_of(&x->means[side], c->services[side]);
    }
    x->changed = !same_meanings(c, x);
    while (i < c->kind_n && (c->kinds[i].keys[0] != keys[0] || c->kinds[i].keys[1] != keys[1]))
        i++;
    x->kind = i;
    if (i == c->kind_n) {
        if (!egw_grow(&c->kinds, sizeof(*c->kinds), c->kind_n, &c->kind_room))
            return false;
        c->kinds[c->kind_n++] =
            (struct kind){{keys[0], keys[1]}, (size_t)(x - c->spelled), SIZE_MAX, 0};
    } else if (c->kinds[i].other == SIZE_MAX &&
               !(same_remedies(&x->means[0], &c->spelled[c->kinds[i].first].means[0]) &&
                 same_remedies(&x->means[1], &c->spelled[c->kinds[i].first].means[1]))) {
        c->kinds[i].other = (size_t)(x - c->spelled);
    }
    return true;
}

/* Every spelling of either catalogue; both are sorted. */
static bool note_spellings(struct comparing *c)
{
    size_t at[2] = {0, 0}, count[2];

    for (size_t side = 0; side < 2; side++)
        count[side] = c->catalogues[side] ? c->catalogues[side]->signature_count : 0;
    while (at[0] < count[0] || at[1] < count[1]) {
        struct spelled *x = &c->spelled[c->n++];
        const struct signature *next[2];
        int order;

        for (size_t side = 0; side < 2; side++)
            next[side] = at[side] < count[side] ? &c->catalogues[side]->signatures[at[side]] : NULL;
        order = !next[0] ? 1 : !next[1] ? -1 : by_spelling(next[0], next[1]);
        for (size_t side = 0; side < 2; side++) {
            if (order == 0 || (order < 0) == (side == 0))
                x->in[side] = c->catalogues[side]->signatures + at[side]++;
        }
        if (!note_kind(c, x))
            return false;
    }
    return true;
}

/* The two may be in doubt between themselves. */
static void tell_beside_two(const struct comparing *c, const struct spelled *x,
                            const struct kind *a, const struct kind *b)
{
    const size_t seconds[] = {b->first, b->other};

    for (size_t i = 0; i < EGW_COUNT(seconds); i++) {
        const struct spelled *texts[TOGETHER_MAX] = {x, &c->spelled[a->first], NULL};

        if (seconds[i] == SIZE_MAX || seconds[i] == a->first)
            continue;
        texts[2] = &c->spelled[seconds[i]];
        tell(c, texts, TOGETHER_MAX);
    }
}

/* A changed spelling beside each kind of the others, of the same remedy and of another, and beside
 * two of them. */
static void tell_beside_others(const struct comparing *c, const struct spelled *x)
{
    memset(c->tried, 0, 4 * c->kind_n * sizeof(*c->tried));
    for (size_t i = 0; i < c->n; i++) {
        const struct spelled *const texts[] = {x, &c->spelled[i]};
        bool *tried = &c->tried[4 * c->spelled[i].kind +
                                2 * same_remedies(&x->means[0], &c->spelled[i].means[0]) +
                                same_remedies(&x->means[1], &c->spelled[i].means[1])];

        if (!*tried)
            tell(c, texts, EGW_COUNT(texts));
        *tried = true;
    }
    for (size_t k = 0; k < c->kind_n; k++) {
        for (size_t m = k; m < c->kind_n; m++)
            tell_beside_two(c, x, &c->kinds[k], &c->kinds[m]);
    }
}

static void tell_all(const struct comparing *c)
{
    for (size_t k = 0; k < c->kind_n; k++) {
        const struct spelled *const only[] = {&c->spelled[c->kinds[k].first]};

        tell(c, only, 1);
    }
    for (size_t i = 0; i < c->n; i++) {
        struct kind *kind = &c->kinds[c->spelled[i].kind];

        if (c->spelled[i].changed && kind->asked++ < ASKED_MAX)
            tell_beside_others(c, &c->spelled[i]);
    }
}

bool egw_catalogue_compare(const struct egw_catalogue *const catalogues[2],
                           const struct egw_str services[2], egw_catalogue_pair_fn *take,
                           void *user)
{
    struct comparing c = {
        .catalogues = catalogues, .services = services, .take = take, .user = user};
    size_t spellings = 1, issues = 1;
    bool ok;

    for (size_t side = 0; side < 2; side++) {
        spellings += catalogues[side] ? catalogues[side]->signature_count : 0;
        issues += catalogues[side] ? catalogues[side]->count : 0;
    }
    c.spelled = calloc(spellings, sizeof(*c.spelled));
    c.named = calloc(TOGETHER_MAX * issues, sizeof(*c.named));
    ok = c.spelled && c.named && note_spellings(&c);
    c.tried = ok ? calloc(4 * c.kind_n + 1, sizeof(*c.tried)) : NULL;
    ok = ok && c.tried;
    if (ok)
        tell_all(&c);
    free(c.spelled);
    free(c.kinds);
    free(c.named);
    free(c.tried);
    return ok;
}
