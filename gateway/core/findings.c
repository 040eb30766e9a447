#include "egw/findings.h"

#include <stdlib.h>

enum { DAY_MS = 86400000 };

struct search {
    const struct egw_facts *facts;
    const int64_t *max_age_ms;
    int64_t now_ms;
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
    return egw_facts_get(s->facts, key).reference;
}

static void look_at_age(struct search *s, struct egw_str key, const struct egw_reference *reference)
{
    int64_t max = s->max_age_ms[reference->body.branch], age;

    if (!max || __builtin_sub_overflow(s->now_ms, reference->as_of, &age) || age <= max)
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
    else if (((const struct egw_statement *)statement->body.p)->since > s->now_ms)
        add(s, "no-statement", key,
            egw_arena_printf(
                s->arena, "the statement of support is in force from %.*s only",
                EGW_FMT(date(s, ((const struct egw_statement *)statement->body.p)->since))));
}

static void look_at_hours(struct search *s, struct egw_str key,
                          const struct egw_statement *statement)
{
    struct egw_str wanted = egw_arena_printf(s->arena, "calendar/%.*s", EGW_FMT(statement->hours));

    if (!fact(s, wanted) && !s->nomem)
        add(s, "no-calendar", key,
            egw_arena_printf(s->arena,
                             "the hours of service name the calendar %.*s, which nobody "
                             "supplied",
                             EGW_FMT(statement->hours)));
}

static void look_at_access(struct search *s, struct egw_str key, const struct egw_access *access)
{
    int64_t left;

    if (!egw_str_is(access->status, "active") || !access->ends_at.has || access->auto_extend ||
        __builtin_sub_overflow(access->ends_at.v, s->now_ms, &left) ||
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

enum egw_status egw_findings(const struct egw_facts *facts, const int64_t *max_age_ms,
                             int64_t now_ms, struct egw_arena *arena, struct egw_list *ret)
{
    struct search s = {.facts = facts, .max_age_ms = max_age_ms, .now_ms = now_ms, .arena = arena};
    struct egw_fact_view view;
    struct egw_str key;
    size_t at = 0;

    while (!s.nomem && egw_facts_next(facts, &at, &key, &view)) {
        const struct egw_reference *reference = view.reference;

        look_at_age(&s, key, reference);
        if (reference->body.branch == EGW_REF_RELATION)
            look_at_relation(&s, key, reference->body.p);
        else if (reference->body.branch == EGW_REF_STATEMENT)
            look_at_hours(&s, key, reference->body.p);
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
