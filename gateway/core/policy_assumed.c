#include "policy_assumed.h"

#include "policy_shown.h"

static bool is_at(const struct egw_assumption *assumption, struct egw_place at)
{
    return assumption->line == at.line && egw_str_is(assumption->file, at.file);
}

/* Of a language the first: the facts know of none. */
static struct egw_touched of_limit(const struct egw_policy *policy,
                                   const struct egw_assumption *assumption)
{
    for (int action = 0; action < EGW_ACTION_COUNT; action++) {
        for (const struct egw_limit *l = policy->limits[action]; l; l = l->next) {
            if (is_at(assumption, l->at))
                return (struct egw_touched){.what = EGW_TOUCHES_LIMIT,
                                            .action = action,
                                            .limits = {l},
                                            .language = egw_limit_language(l)};
        }
    }
    return (struct egw_touched){.what = EGW_TOUCHES_NOTHING};
}

/* A service whose cases need it. */
static struct egw_touched of_need(const struct egw_policy *policy,
                                  const struct egw_assumption *assumption)
{
    for (size_t i = 0; i < policy->service_count; i++) {
        for (const struct egw_need *n = policy->services[i].needs; n; n = n->next) {
            if (is_at(assumption, n->at))
                return (struct egw_touched){.what = EGW_TOUCHES_ACCESS,
                                            .name = policy->services[i].view.id};
        }
    }
    return (struct egw_touched){.what = EGW_TOUCHES_NOTHING};
}

static struct egw_touched touched_by(const struct egw_policy *policy,
                                     const struct egw_assumption *assumption)
{
    static const struct {
        const char *what;
        enum egw_touch touches;
    } named[] = {{"rule", EGW_TOUCHES_RULE},
                 {"calendar", EGW_TOUCHES_HOURS},
                 {"service", EGW_TOUCHES_SERVICE},
                 {"channel", EGW_TOUCHES_CHANNEL}};
    struct egw_touched touched = {.what = EGW_TOUCHES_NOTHING, .name = assumption->id};

    for (size_t i = 0; i < policy->demand_count; i++) { /* which is told of as a rule */
        if (egw_str_eq(policy->demands[i].rule->view.id, assumption->id))
            return (struct egw_touched){.what = EGW_TOUCHES_DEMAND, .demand = &policy->demands[i]};
    }
    if (strcmp(assumption->what, "limit of") == 0)
        return of_limit(policy, assumption);
    if (strcmp(assumption->what, "access need") == 0)
        return of_need(policy, assumption);
    for (size_t i = 0; i < EGW_COUNT(named); i++) {
        if (strcmp(assumption->what, named[i].what) == 0)
            touched.what = named[i].touches;
    }
    return touched;
}

bool egw_show_assumed(struct egw_quest *quest, struct egw_arena *arena,
                      const struct egw_example **ret)
{
    const struct egw_policy *policy = quest->space->sides[0].policy;
    size_t n = policy->assumption_count;
    struct egw_example *list = egw_arena_alloc(arena, (n ? n : 1) * sizeof(*list));

    for (size_t i = 0; list && i < n && !quest->nomem; i++) {
        const struct egw_touched touched = touched_by(policy, &policy->assumptions[i]);

        (void)egw_show_touched(quest, &touched, arena, &list[i]);
    }
    *ret = list;
    return list && !quest->nomem;
}
