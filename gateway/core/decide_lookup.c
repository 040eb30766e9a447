/* The reference records a decision reads, each noted as a source. */
#include <assert.h>

#include "decide.h"

enum { KEY_MAX = 512 };

static const struct lookup nowhere = {.source = NO_SOURCE, .view = {NULL, -1}};

void decide_warn(struct decide *d, struct egw_str text)
{
    if (!text.p)
        d->nomem = true;
    else if (d->warning_count < WARNINGS_MAX)
        d->warnings[d->warning_count++] = text;
}

/* How a kind's key reads: its word, the owners, and a last part where the caller has one. */
static const struct {
    struct egw_str word;
    bool partner, customer;
} keys[EGW_REF_COUNT] = {
    [EGW_REF_PARTNER] = {{"partner", 7}, true, false},
    [EGW_REF_RELATION] = {{"relation", 8}, true, true},
    [EGW_REF_ACCESS] = {{"access", 6}, true, true},
    [EGW_REF_SUBSCRIPTION] = {{"subscription", 12}, false, true},
    [EGW_REF_CONTRACT] = {{"contract", 8}, true, false},
    [EGW_REF_MEMBERSHIP] = {{"membership", 10}, true, false},
    [EGW_REF_PACK] = {{"pack", 4}, true, false},
    [EGW_REF_HEALTH_SNAPSHOT] = {{"health", 6}, false, true},
};

/* The key nobody has filed yet, in the arena: it is a source, and may be waited for. p == NULL:
 * longer than any key. */
static struct egw_str key_make(struct decide *d, enum egw_reference_kind kind, struct egw_str last)
{
    struct egw_str parts[4] = {keys[kind].word};
    size_t count = 1, n = 0;
    char *text, *to;

    if (keys[kind].partner)
        parts[count++] = d->event->partner;
    if (keys[kind].customer)
        parts[count++] = d->subject->customer;
    if (last.p)
        parts[count++] = last;
    for (size_t i = 0; i < count; i++) {
        if (parts[i].n > KEY_MAX)
            return EGW_STR_NONE;
        n += parts[i].n + (i > 0);
    }
    if (n > KEY_MAX)
        return EGW_STR_NONE;
    to = text = egw_arena_alloc(d->arena, n);
    if (!text) {
        d->nomem = true;
        return EGW_STR_NONE;
    }
    for (size_t i = 0; i < count; i++) {
        if (i)
            *to++ = '/';
        if (parts[i].n)
            memcpy(to, parts[i].p, parts[i].n);
        to += parts[i].n;
    }
    return (struct egw_str){text, n};
}

/* The source of this key, where a question before this one read it; else source_count. */
static size_t source_of(const struct decide *d, struct egw_str key)
{
    size_t i = 0;

    while (i < d->source_count && !egw_str_eq(d->sources[i].key, key))
        i++;
    return i;
}

size_t decide_source(struct decide *d, struct egw_str key, const struct egw_fact_view *view,
                     uint64_t about)
{
    assert(d->source_count < SOURCES_MAX && "a channel reads two records at most, the rest ten");
    d->sources[d->source_count] =
        (struct egw_fact_source){.key = key,
                                 .offset = view->offset,
                                 .as_of = view->reference ? view->reference->as_of : 0,
                                 .value = EGW_STR("")};
    d->about[d->source_count] = about;
    return d->source_count++;
}

bool decide_too_old(const struct decide *d, enum egw_reference_kind kind,
                    const struct egw_reference *reference)
{
    int64_t max = d->policy->max_age_ms[kind], age;

    return max && !__builtin_sub_overflow(d->now_ms, reference->as_of, &age) && age > max;
}

struct lookup decide_read(struct decide *d, enum egw_reference_kind kind, struct egw_fact_view view,
                          struct egw_str key, uint64_t about)
{
    struct lookup found = {.view = view, .source = source_of(d, key)};
    bool first = found.source == d->source_count;

    if (first)
        (void)decide_source(d, key, &view, about);
    else
        d->about[found.source] |= about; /* two channels may rest on one membership */
    if (!view.reference)
        return found;
    found.stale = decide_too_old(d, kind, view.reference);
    if (found.stale && first && kind != EGW_REF_HEALTH_SNAPSHOT)
        decide_warn(d, egw_arena_printf(d->arena, "the fact %.*s is older than the policy allows",
                                        EGW_FMT(key)));
    if (!found.stale)
        found.body = view.reference->body.p;
    return found;
}

struct lookup decide_look_up(struct decide *d, enum egw_reference_kind kind, struct egw_str last,
                             uint64_t about)
{
    struct egw_str key;
    struct egw_fact_view view = egw_dossier_find(&d->dossier, kind, last, &key);

    if (!key.p)
        key = key_make(d, kind, last);
    if (!key.p)
        return nowhere;
    return decide_read(d, kind, view, key, about);
}

void decide_say(struct decide *d, const struct lookup *found, struct egw_str value)
{
    if (found->source != NO_SOURCE)
        d->sources[found->source].value = value;
}

void decide_say_date(struct decide *d, const struct lookup *found, int64_t ms)
{
    char text[EGW_TIME_TEXT];
    struct egw_str copy;

    egw_time_format(ms, text);
    if (!egw_arena_str(d->arena, (struct egw_str){text, strnlen(text, 10)}, &copy))
        d->nomem = true;
    else
        decide_say(d, found, copy);
}

const struct egw_partner *decide_partner(struct decide *d)
{
    if (!d->partner_asked) {
        struct lookup found =
            decide_look_up(d, EGW_REF_PARTNER, EGW_STR_NONE, SET(EGW_F_PARTNER) | SET(EGW_F_CSP));

        d->partner_asked = true;
        d->partner = found.view;
        if (!found.body)
            d->partner.reference = NULL;
        else
            decide_say(d, &found, ((const struct egw_partner *)found.body)->kind);
    }
    return d->partner.reference ? d->partner.reference->body.p : NULL;
}
