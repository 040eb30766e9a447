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

/* A spelling in each of the catalogues; NULL: it is none there. */
struct spelled {
    const struct signature *in[2];
};

/* Spellings of which the catalogues make the same two things, by all that tells in a text that has
 * others, too. Of each kind the first and the last stand for all. */
struct kind {
    int keys[2];
    struct spelled first, last;
};

struct comparing {
    const struct egw_catalogue *const *catalogues;
    const struct egw_str *services;
    egw_catalogue_pair_fn *take;
    void *user;
    struct kind *kinds;
    size_t n, room;
    uint32_t *named; /* room for the meanings of two spellings */
};

static struct egw_match judge_in(const struct comparing *c, size_t side, const struct spelled *x,
                                 const struct spelled *y)
{
    const struct egw_catalogue *catalogue = c->catalogues[side];
    size_t n = 0;

    for (int k = 0; k < 2; k++) {
        const struct signature *s = k ? (y ? y->in[side] : NULL) : x->in[side];

        for (uint32_t i = 0; s && i < s->count; i++)
            c->named[n++] = catalogue->meanings[s->first + i];
    }
    return n ? catalogue_judge(catalogue->issues, c->named, n, c->services[side])
             : (struct egw_match){0};
}

static void tell(const struct comparing *c, const struct spelled *x, const struct spelled *y)
{
    const struct egw_match old = judge_in(c, 0, x, y), new = judge_in(c, 1, x, y);

    c->take(c->user, &old, &new);
}

/* 0: it means nothing. */
static int key_of(const struct egw_match *match, struct egw_str service)
{
    const struct egw_known_issue *issue = match->issue;

    if (!issue)
        return 0;
    return 1 + issue->baseline + 1 + 3 * match->ambiguous + 6 * egw_str_is(issue->basis, "doc") +
           12 * rank(issue, service);
}

static bool note_kind(struct comparing *c, const struct spelled *x)
{
    int keys[2];
    size_t i = 0;

    for (size_t side = 0; side < 2; side++) {
        struct egw_match match = judge_in(c, side, x, NULL);

        keys[side] = key_of(&match, c->services[side]);
    }
    while (i < c->n && (c->kinds[i].keys[0] != keys[0] || c->kinds[i].keys[1] != keys[1]))
        i++;
    if (i == c->n) {
        if (!egw_grow(&c->kinds, sizeof(*c->kinds), c->n, &c->room))
            return false;
        c->kinds[c->n++] = (struct kind){{keys[0], keys[1]}, *x, *x};
    }
    c->kinds[i].last = *x;
    return true;
}

/* Every spelling of either catalogue; both are sorted. */
static bool note_spellings(struct comparing *c)
{
    size_t at[2] = {0, 0}, count[2];

    for (size_t side = 0; side < 2; side++)
        count[side] = c->catalogues[side] ? c->catalogues[side]->signature_count : 0;
    while (at[0] < count[0] || at[1] < count[1]) {
        const struct signature *next[2];
        struct spelled x = {{NULL, NULL}};
        int order;

        for (size_t side = 0; side < 2; side++)
            next[side] = at[side] < count[side] ? &c->catalogues[side]->signatures[at[side]] : NULL;
        order = !next[0] ? 1 : !next[1] ? -1 : by_spelling(next[0], next[1]);
        for (size_t side = 0; side < 2; side++) {
            if (order == 0 || (order < 0) == (side == 0))
                x.in[side] = c->catalogues[side]->signatures + at[side]++;
        }
        if (!note_kind(c, &x))
            return false;
    }
    return true;
}

static void tell_kinds(const struct comparing *c)
{
    for (size_t i = 0; i < c->n; i++) {
        const struct kind *changed = &c->kinds[i];

        tell(c, &changed->first, NULL);
        for (size_t k = 0; k < c->n && changed->keys[0] != changed->keys[1]; k++) {
            tell(c, &changed->first, &c->kinds[k].first);
            tell(c, &changed->first, &c->kinds[k].last);
            tell(c, &changed->last, &c->kinds[k].first);
            tell(c, &changed->last, &c->kinds[k].last);
        }
    }
}

bool egw_catalogue_compare(const struct egw_catalogue *const catalogues[2],
                           const struct egw_str services[2], egw_catalogue_pair_fn *take,
                           void *user)
{
    struct comparing c = {catalogues, services, take, user, NULL, 0, 0, NULL};
    size_t room = 2;
    bool ok;

    for (size_t side = 0; side < 2; side++)
        room += catalogues[side] ? 2 * catalogues[side]->count : 0;
    c.named = calloc(room, sizeof(*c.named));
    ok = c.named && note_spellings(&c);
    if (ok)
        tell_kinds(&c);
    free(c.kinds);
    free(c.named);
    return ok;
}
