#include "egw/findings.h"

#include <stdlib.h>

enum { DAY_MS = 86400000 };

struct search {
    const struct egw_findings_ask *ask;
    struct egw_arena *arena;
    struct egw_list found; /* of egw_finding */
    bool nomem;
};

static void add(struct search *s, const char *kind, struct egw_str key, struct egw_str text)
{
    struct egw_finding *list = s->found.p;

    if ((s->found.n & (s->found.n - 1)) == 0) { /* full: the capacity is the next power of two */
        list = egw_arena_alloc(s->arena, (s->found.n ? s->found.n * 2 : 1) * sizeof(*list));
        if (list && s->found.n)
            memcpy(list, s->found.p, s->found.n * sizeof(*list));
        s->found.p = list ? list : s->found.p;
    }
    if (list && text.p)
        list[s->found.n++] = (struct egw_finding){kind, key, text};
    else
        s->nomem = true;
}

static struct egw_str date(struct search *s, int64_t ms)
{
    char text[EGW_TIME_TEXT];

    egw_time_format(ms, text);
    return egw_arena_printf(s->arena, "%.10s", text);
}

static const void *fact(struct search *s, struct egw_str key)
{
    if (!key.p) {
        s->nomem = true;
        return NULL;
    }
    return egw_facts_get(s->ask->facts, key).reference;
}

static void look_at_age(struct search *s, struct egw_str key, const struct egw_reference *reference)
{
    int64_t max = s->ask->max_age_ms[reference->body.branch], age;

    if (!max || __builtin_sub_overflow(s->ask->now_ms, reference->as_of, &age) || age <= max)
        return;
    add(s, "too-old", key,
        egw_arena_printf(s->arena,
                         "read on %.*s: past the age the policy allows, it counts as unknown",
                         EGW_FMT(date(s, reference->as_of))));
}

/* Each customer has a statement of support in force (S38 to S41). */
static void look_at_relation(struct search *s, struct egw_str key,
                             const struct egw_relation *relation)
{
    struct egw_str wanted;
    const struct egw_reference *statement;

    if (!relation->active)
        return;
    wanted = egw_arena_printf(s->arena, "statement/%.*s/%.*s", EGW_FMT(relation->partner),
                              EGW_FMT(relation->customer));
    statement = fact(s, wanted);
    if (s->nomem)
        return;
    if (!statement)
        add(s, "no-statement", key,
            EGW_STR("no statement of support tells this customer what "
                    "support it has, when, how and at what price"));
    else if (((const struct egw_statement *)statement->body.p)->since > s->ask->now_ms)
        add(s, "no-statement", key,
            egw_arena_printf(
                s->arena, "the statement of support is in force from %.*s only",
                EGW_FMT(date(s, ((const struct egw_statement *)statement->body.p)->since))));
}

/* Hours name a calendar on record, or one of the policy's own (S39). */
static void look_at_hours(struct search *s, struct egw_str key, const char *whose,
                          struct egw_str hours)
{
    struct egw_str wanted = egw_arena_printf(s->arena, "calendar/%.*s", EGW_FMT(hours));

    if (egw_str_is(hours, "24x7") || s->ask->has_calendar(s->ask->policy, hours))
        return;
    if (!fact(s, wanted) && !s->nomem)
        add(s, "no-calendar", key,
            egw_arena_printf(s->arena,
                             "the hours of %s name the calendar %.*s, which nobody supplied", whose,
                             EGW_FMT(hours)));
}

/* Lost, and by a customer who is still the partner's: found before the next case finds it. */
static void look_at_lost_access(struct search *s, struct egw_str key,
                                const struct egw_access *access)
{
    static const char *const lost[] = {"expired", "expiring", "terminated", "terminating",
                                       "terminationRequested"};
    const struct egw_reference *relation =
        fact(s, egw_arena_printf(s->arena, "relation/%.*s/%.*s", EGW_FMT(access->partner),
                                 EGW_FMT(access->customer)));

    if (!relation || !((const struct egw_relation *)relation->body.p)->active)
        return;
    for (size_t i = 0; i < EGW_COUNT(lost); i++) {
        if (!egw_str_same(access->status, egw_str_of(lost[i])))
            continue;
        add(s, "access-ended", key,
            access->ends_at.has && access->ends_at.v <= s->ask->now_ms
                ? egw_arena_printf(s->arena,
                                   "delegated access to this customer is %.*s, since %.*s",
                                   EGW_FMT(access->status), EGW_FMT(date(s, access->ends_at.v)))
                : egw_arena_printf(s->arena, "delegated access to this customer is %.*s",
                                   EGW_FMT(access->status)));
    }
}

static void look_at_access(struct search *s, struct egw_str key, const struct egw_access *access)
{
    int64_t left;

    if (!egw_str_same(access->status, EGW_STR("active"))) {
        look_at_lost_access(s, key, access);
        return;
    }
    if (!access->ends_at.has || access->auto_extend ||
        __builtin_sub_overflow(access->ends_at.v, s->ask->now_ms, &left) ||
        left > (int64_t)EGW_FINDINGS_WARN_DAYS * DAY_MS)
        return;
    if (left <= 0)
        add(s, "access-ended", key,
            egw_arena_printf(s->arena, "delegated access ended on %.*s",
                             EGW_FMT(date(s, access->ends_at.v))));
    else
        add(s, "access-ends", key,
            egw_arena_printf(s->arena, "delegated access ends on %.*s and does not extend itself",
                             EGW_FMT(date(s, access->ends_at.v))));
}

static int in_order(const void *a, const void *b)
{
    const struct egw_finding *x = a, *y = b;
    int order = strcmp(x->kind, y->kind);

    return order ? order : egw_str_cmp(x->key, y->key);
}

enum egw_status egw_findings(const struct egw_findings_ask *ask, struct egw_arena *arena,
                             struct egw_list *ret)
{
    struct search s = {.ask = ask, .arena = arena};
    struct egw_fact_view view;
    struct egw_str key;
    size_t at = 0;

    while (!s.nomem && egw_facts_next(ask->facts, &at, &key, &view)) {
        const struct egw_reference *reference = view.reference;

        look_at_age(&s, key, reference);
        if (reference->body.branch == EGW_REF_RELATION)
            look_at_relation(&s, key, reference->body.p);
        else if (reference->body.branch == EGW_REF_STATEMENT)
            look_at_hours(&s, key, "service",
                          ((const struct egw_statement *)reference->body.p)->hours);
        else if (reference->body.branch == EGW_REF_DELIVERY &&
                 ((const struct egw_delivery *)reference->body.p)->hours.n)
            look_at_hours(&s, key, "delivery",
                          ((const struct egw_delivery *)reference->body.p)->hours);
        else if (reference->body.branch == EGW_REF_ACCESS)
            look_at_access(&s, key, reference->body.p);
    }
    if (s.nomem)
        return EGW_NOMEM;
    if (s.found.n)
        qsort(s.found.p, s.found.n, sizeof(struct egw_finding), in_order);
    *ret = s.found;
    return EGW_OK;
}
