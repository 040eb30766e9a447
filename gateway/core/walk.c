#include "walk.h"

#include <assert.h>

uint16_t egw_walk_era(const struct egw_policy *policy, int64_t at_ms)
{
    size_t low = 0, high = policy->era_count;

    while (low < high) {
        size_t mid = low + (high - low) / 2;

        if (policy->eras[mid] <= at_ms)
            low = mid + 1;
        else
            high = mid;
    }
    return (uint16_t)low;
}

bool egw_walk_stage(struct egw_walk *walk, int stage)
{
    const struct egw_stage_table *table = &walk->policy->stages[stage];

    walk->walked |= table->facts;
    walk->place = egw_stage_match(table, walk->values, walk->near);
    assert(walk->place < table->count && "a stage covers every event: checked when compiled");
    walk->rule = &walk->policy->rules[table->first + walk->place];
    if (stage == EGW_STAGE_BASELINE - EGW_STAGE_VALIDITY)
        walk->boundary = walk->rule;
    if (walk->rule->view.channel.n) {
        walk->walked |= UINT64_C(1) << EGW_F_PACKAGE;
        if (walk->values[EGW_F_PACKAGE] != EGW_V_PACKAGE_COMPLETE)
            walk->rule = walk->policy->demands[walk->values[EGW_F_PACKAGE] - 1].rule;
    }
    return walk->rule->view.action >= 0;
}

struct egw_str egw_walk_text(const struct egw_walk *walk, unsigned fact)
{
    return walk->policy->facts[fact].values[walk->values[fact]];
}

/* ---- facts by value ---- */

static enum egw_status take_fact(const struct egw_policy *policy, const struct egw_fact *recorded,
                                 uint16_t *ret_values, uint64_t *ret_known,
                                 struct egw_error *reterr)
{
    for (unsigned fact = EGW_F_ERA + 1; fact < policy->fact_count; fact++) {
        const struct egw_fact_def *def = &policy->facts[fact];

        if (!egw_str_eq(def->name, recorded->name))
            continue;
        for (size_t v = 0; v < def->value_count; v++) {
            if (!egw_str_eq(def->values[v], recorded->value))
                continue;
            ret_values[fact] = (uint16_t)v;
            *ret_known |= UINT64_C(1) << fact;
            return EGW_OK;
        }
        return egw_error_set(reterr, EGW_INVALID, "its policy knows no %.*s of %.*s",
                             EGW_FMT(recorded->name), EGW_FMT(recorded->value));
    }
    return egw_error_set(reterr, EGW_INVALID, "its policy knows no fact %.*s",
                         EGW_FMT(recorded->name));
}

enum egw_status egw_walk_take(const struct egw_policy *policy, const struct egw_list *facts,
                              int64_t recorded_ms, uint16_t *ret_values, uint64_t *ret_known,
                              struct egw_error *reterr)
{
    const struct egw_fact *list = facts->p;
    enum egw_status st = EGW_OK;

    *ret_known = 0;
    for (size_t i = 0; i < facts->n && !st; i++)
        st = take_fact(policy, &list[i], ret_values, ret_known, reterr);
    ret_values[EGW_F_ERA] = egw_walk_era(policy, recorded_ms);
    return st;
}

enum egw_status egw_walk_ready(const struct egw_policy *policy, int stage, uint64_t known,
                               struct egw_error *reterr)
{
    uint64_t lacking = policy->stages[stage].facts & ~known;

    return lacking ? egw_error_set(reterr, EGW_INVALID,
                                   "the rules of stage %s test %.*s, which the outcome lacks",
                                   egw_stage_names[EGW_STAGE_VALIDITY + stage],
                                   EGW_FMT(policy->facts[(unsigned)__builtin_ctzll(lacking)].name))
                   : EGW_OK;
}

/* ---- what is told of it ---- */

static bool accepts(const struct egw_walk *walk, const struct egw_rule_condition *when)
{
    unsigned value = walk->values[when->fact];

    return when->accepts[value / 64] >> (value % 64) & 1;
}

bool egw_walk_fits(const struct egw_walk *walk, const struct egw_rule *rule)
{
    for (size_t i = 0; i < rule->when_count; i++) {
        if (!accepts(walk, &rule->when[i]))
            return false;
    }
    return true;
}

static bool lacked_text(const struct egw_walk *walk, const struct egw_rule *rule,
                        struct egw_arena *arena, struct egw_str *ret)
{
    size_t n = 0;
    char *text, *to;

    for (size_t i = 0; i < rule->when_count; i++) {
        if (!accepts(walk, &rule->when[i]))
            n += walk->policy->facts[rule->when[i].fact].name.n +
                 egw_walk_text(walk, rule->when[i].fact).n + 2;
    }
    to = text = egw_arena_alloc(arena, n + 1);
    if (!text)
        return false;
    for (size_t i = 0; i < rule->when_count; i++) {
        struct egw_str name = walk->policy->facts[rule->when[i].fact].name, value;

        if (accepts(walk, &rule->when[i]))
            continue;
        value = egw_walk_text(walk, rule->when[i].fact);
        if (to != text)
            *to++ = ',';
        memcpy(to, name.p, name.n);
        to += name.n;
        *to++ = '=';
        memcpy(to, value.p, value.n);
        to += value.n;
    }
    *ret = (struct egw_str){text, (size_t)(to - text)};
    return true;
}

/* Only rules that lead to a channel: what would have happened otherwise is no near miss. */
static bool tell_near(const struct egw_walk *walk, struct egw_arena *arena, struct egw_list *ret)
{
    const struct egw_rule *first = walk->rule - walk->place;
    struct egw_near_miss *list;
    size_t n = 0;

    for (size_t w = 0; w <= walk->place / 64; w++)
        n += (size_t)__builtin_popcountll(walk->near[w]);
    if (!n || walk->rule->view.stage != EGW_STAGE_CHANNEL)
        return true;
    list = egw_arena_alloc(arena, n * sizeof(*list));
    if (!list)
        return false;
    n = 0;
    for (size_t w = 0; w <= walk->place / 64; w++) {
        for (uint64_t left = walk->near[w]; left; left &= left - 1) {
            const struct egw_rule *missed = &first[w * 64 + (size_t)__builtin_ctzll(left)];
            struct egw_str lacked;

            if (!missed->view.channel.n)
                continue;
            if (!lacked_text(walk, missed, arena, &lacked))
                return false;
            list[n++] = (struct egw_near_miss){missed->view.id, missed->view.channel,
                                               missed->view.mode, lacked};
        }
    }
    *ret = (struct egw_list){list, n};
    return true;
}

static bool tell_facts(const struct egw_walk *walk, struct egw_arena *arena, struct egw_list *ret)
{
    size_t n = (size_t)__builtin_popcountll(walk->walked);
    struct egw_fact *list = egw_arena_alloc(arena, n * sizeof(*list));

    if (!list)
        return false;
    n = 0;
    for (uint64_t left = walk->walked; left; left &= left - 1) {
        unsigned fact = (unsigned)__builtin_ctzll(left);

        list[n++] = (struct egw_fact){walk->policy->facts[fact].name, egw_walk_text(walk, fact)};
    }
    *ret = (struct egw_list){list, n};
    return true;
}

static bool walked(const struct egw_walk *walk, unsigned fact)
{
    return walk->walked >> fact & 1;
}

static struct egw_str tell_health(const struct egw_walk *walk)
{
    if (!walked(walk, EGW_F_HEALTH))
        return EGW_STR("");
    switch (walk->values[EGW_F_HEALTH]) {
    case EGW_V_HEALTH_UNKNOWN:
        return EGW_STR("unknown");
    case EGW_V_HEALTH_STALE:
        return EGW_STR("stale");
    default:
        return EGW_STR("known");
    }
}

/* Where the rule answers with the remedy, the catalogue's own words are the better advice. */
static struct egw_str tell_advice(const struct egw_walk *walk, const struct egw_known_issue *issue)
{
    const struct egw_rule_view *view = &walk->rule->view;

    if (issue && issue->remedy.n && egw_str_is(view->code, "REMEDY") &&
        walked(walk, EGW_F_KNOWN_ISSUE) && walk->values[EGW_F_KNOWN_ISSUE] == EGW_V_ISSUE_REMEDY)
        return issue->remedy;
    return view->advice;
}

enum egw_status egw_walk_tell(const struct egw_walk *walk, const struct egw_known_issue *issue,
                              struct egw_arena *arena, struct egw_decision *ret)
{
    const struct egw_rule_view *view = &walk->rule->view;

    ret->action = view->action;
    ret->stage = view->stage;
    ret->rule = (size_t)(walk->rule - walk->policy->rules);
    ret->code = view->code;
    ret->channel = view->channel;
    ret->mode = view->mode;
    ret->owner = view->owner;
    ret->because = view->because;
    ret->boundary = walk->boundary ? walk->boundary->view.id : EGW_STR("");
    ret->advice = tell_advice(walk, issue);
    ret->health = tell_health(walk);
    return tell_near(walk, arena, &ret->near) && tell_facts(walk, arena, &ret->facts) ? EGW_OK
                                                                                      : EGW_NOMEM;
}
