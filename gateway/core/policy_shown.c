#include "policy_shown.h"

#include "clock.h"

struct showing {
    struct egw_quest *quest;
    const struct egw_touched *touched;
    struct egw_arena *arena;
    struct egw_example *ret;
};

static const struct egw_policy *policy_of(const struct showing *s, size_t side)
{
    return s->quest->space->sides[side].policy;
}

/* ---- which rules send cases there ---- */

/* The state of the limits may be one that cases come to later: those handed off are filed or linked
 * to, an incident that was waited for ends. */
static bool comes_to(const struct egw_rule_view *rule, int action)
{
    if (action == EGW_ACTION_FILED || action == EGW_ACTION_LINKED)
        return rule->action == EGW_ACTION_HANDOFF;
    return rule->action == (action == EGW_ACTION_INCIDENT_ENDED ? EGW_ACTION_HEALTH_MATCH : action);
}

static struct egw_str code_in(const struct egw_rule_view *rule, int action)
{
    return action == rule->action ? rule->code : EGW_STR("");
}

static const struct egw_limit *limit_in(const struct showing *s, size_t side, int action,
                                        const struct egw_rule_view *rule, struct egw_str severity)
{
    const struct egw_clock_ask ask = {.policy = policy_of(s, side),
                                      .action = action,
                                      .code = code_in(rule, action),
                                      .severity = severity,
                                      .channel = rule->channel,
                                      .language = s->touched->language};

    return egw_clock_limit(&ask);
}

static bool is_counted_in(const struct showing *s, const struct egw_rule_view *rule,
                          struct egw_str severity)
{
    const struct egw_touched *t = s->touched;

    for (int action = 0; action < EGW_ACTION_COUNT; action++) {
        const struct egw_limit *limit =
            comes_to(rule, action) ? limit_in(s, t->side, action, rule, severity) : NULL;

        if (limit && egw_str_eq(limit->calendar, t->name))
            return true;
    }
    return false;
}

static bool is_due_by(const struct showing *s, const struct egw_rule_view *rule,
                      struct egw_str severity)
{
    const struct egw_touched *t = s->touched;

    if (t->about)
        return egw_limit_fits(t->about, code_in(rule, t->action), severity, rule->channel,
                              t->language);
    if (s->quest->space->side_count == 1)
        return limit_in(s, 0, t->action, rule, severity) == t->limits[0];
    return egw_same_limit(limit_in(s, 0, t->action, rule, severity), t->limits[0]) &&
           egw_same_limit(limit_in(s, 1, t->action, rule, severity), t->limits[1]);
}

/* Whether cases of the rule and the severity are touched. */
static bool is_touched(const struct showing *s, const struct egw_rule_view *rule,
                       struct egw_str severity)
{
    const struct egw_policy *policy = policy_of(s, s->touched->side);
    const struct egw_channel *channel = egw_policy_channel_of(policy, rule->channel);
    const struct egw_touched *t = s->touched;

    switch (t->what) {
    case EGW_TOUCHES_DEMAND:
        return channel && t->demand->channels >> (channel - policy->channels) & 1;
    case EGW_TOUCHES_LIMIT:
        return comes_to(rule, t->action) && is_due_by(s, rule, severity);
    case EGW_TOUCHES_HOURS:
        return is_counted_in(s, rule, severity);
    case EGW_TOUCHES_SERVICE:
        return channel && !channel->portal.n && !channel->portal_usgov.n;
    case EGW_TOUCHES_CHANNEL:
        return egw_str_eq(rule->channel, t->name);
    case EGW_TOUCHES_ACCESS:
        return rule->action == EGW_ACTION_ACCESS_REQUIRED;
    case EGW_TOUCHES_RULE:
        return egw_str_eq(rule->id, t->name);
    case EGW_TOUCHES_NOTHING:
        break;
    }
    return false;
}

/* ---- asking for an event ---- */

static void within_value(struct showing *s, unsigned fact, size_t value)
{
    size_t a = (size_t)s->quest->space->axis_of[s->touched->side][fact];

    egw_quest_at(s->quest, a, s->quest->space->axes[a].class_of[value]);
}

static void within_box(struct showing *s, const struct egw_box *box)
{
    for (size_t p = 0; p < box->n; p++)
        egw_quest_within(s->quest, box->parts[p].axis, box->parts[p].in);
}

/* The fact is one that tells; value: of its class just this one, or SIZE_MAX. */
static void tell_fact(struct showing *s, size_t a, size_t value)
{
    const struct egw_axis *axis = &s->quest->space->axes[a];
    struct egw_fact *facts = (struct egw_fact *)(uintptr_t)s->ret->facts.p, fact;
    size_t i = 0;

    while (i < s->ret->facts.n && !egw_str_eq(facts[i].name, axis->name))
        i++;
    if (i == s->ret->facts.n) {
        if (value == SIZE_MAX)
            return; /* any value will do */
        facts[i] = (struct egw_fact){axis->name, axis->values[value]};
        if (!egw_fact_keep(s->quest->space, &facts[i], s->arena)) {
            s->quest->nomem = true;
            return;
        }
        s->ret->facts.n++;
    }
    fact = facts[i];
    if (value != SIZE_MAX)
        fact.value = axis->values[value];
    if (i >= s->ret->telling) {
        memmove(facts + s->ret->telling + 1, facts + s->ret->telling,
                (i - s->ret->telling) * sizeof(*facts));
        i = s->ret->telling++;
    }
    facts[i] = fact;
}

/* What the event must be of, beside what its rule asks. */
struct pins {
    struct {
        unsigned fact;
        size_t value;
    } list[2];
    size_t n;
};

static void pin(struct pins *pins, unsigned fact, size_t value)
{
    pins->list[pins->n].fact = fact;
    pins->list[pins->n++].value = value;
}

/* False: nobody knows the service. */
static bool pin_all(const struct showing *s, const size_t *severity, struct pins *ret)
{
    const struct egw_space *space = s->quest->space;
    const struct egw_touched *t = s->touched;
    const struct egw_axis *services = &space->axes[space->axis_of[t->side][EGW_F_SERVICE]];
    bool by_service = t->what == EGW_TOUCHES_SERVICE || t->what == EGW_TOUCHES_ACCESS;
    int service = by_service ? egw_space_value(services, t->name) : -1;

    ret->n = 0;
    if (severity)
        pin(ret, EGW_F_SEVERITY, *severity);
    if (service >= 0)
        pin(ret, EGW_F_SERVICE, (size_t)service);
    if (t->what == EGW_TOUCHES_ACCESS)
        pin(ret, EGW_F_ACCESS, EGW_V_ACCESS_ROLE);
    return service >= 0 || !by_service;
}

/* An event of that severity which the rule decides. */
static enum egw_found look_for(struct showing *s, size_t rule, const size_t *severity)
{
    const struct egw_touched *t = s->touched;
    const struct egw_space *space = s->quest->space;
    const struct egw_told about = {t->side, rule};
    const struct egw_box *demand =
        t->what == EGW_TOUCHES_DEMAND
            ? &space->sides[t->side].demands[t->demand - policy_of(s, t->side)->demands]
            : NULL;
    enum egw_found found;
    struct pins pins;

    if (!pin_all(s, severity, &pins))
        return EGW_FOUND_NONE;
    egw_quest_begin(s->quest, false);
    egw_quest_decides(s->quest, t->side, rule);
    for (size_t i = 0; i < pins.n; i++)
        within_value(s, pins.list[i].fact, pins.list[i].value);
    if (demand)
        within_box(s, demand);
    found = egw_quest_find(s->quest);
    if (found != EGW_FOUND_SOME)
        return found;
    egw_quest_widen(s->quest, NULL);
    if (!egw_region_example(space, s->quest->point, &about, 1, s->arena, s->ret)) {
        s->quest->nomem = true;
        return EGW_FOUND_UNSURE;
    }
    for (size_t i = 0; i < pins.n; i++)
        tell_fact(s, (size_t)space->axis_of[t->side][pins.list[i].fact], pins.list[i].value);
    for (size_t p = 0; demand && p < demand->n; p++)
        tell_fact(s, demand->parts[p].axis, SIZE_MAX);
    return EGW_FOUND_SOME;
}

static enum egw_found look_by_severity(struct showing *s, size_t rule)
{
    const struct egw_space *space = s->quest->space;
    const struct egw_axis *axis = &space->axes[space->axis_of[s->touched->side][EGW_F_SEVERITY]];
    const struct egw_rule_view *view = &policy_of(s, s->touched->side)->rules[rule].view;
    enum egw_found found = EGW_FOUND_NONE;

    for (size_t v = EGW_V_WORDS; v < axis->value_count && found == EGW_FOUND_NONE; v++) {
        if (is_touched(s, view, axis->values[v]))
            found = look_for(s, rule, &v);
    }
    return found;
}

enum egw_found egw_show_touched(struct egw_quest *quest, const struct egw_touched *touched,
                                struct egw_arena *arena, struct egw_example *ret)
{
    struct showing s = {quest, touched, arena, ret};
    const struct egw_policy *policy = policy_of(&s, touched->side);
    bool by_severity = touched->what == EGW_TOUCHES_LIMIT || touched->what == EGW_TOUCHES_HOURS;
    enum egw_found found = EGW_FOUND_NONE;

    *ret = (struct egw_example){.decided_by = EGW_NO_RULE};
    for (size_t r = 0; r < policy->staged_count && found == EGW_FOUND_NONE; r++) {
        const struct egw_rule_view *view = &policy->rules[r].view;

        if (view->action < 0 || touched->what == EGW_TOUCHES_NOTHING)
            continue;
        if (by_severity)
            found = look_by_severity(&s, r);
        else if (is_touched(&s, view, EGW_STR("")))
            found = look_for(&s, r, NULL);
    }
    return found;
}
