/* Rules and demands: what each may do, when it holds, where it comes from. */
#include <stdlib.h>

#include "egw/wants.h"
#include "policy_compile.h"

/* The part of the closed list of actions that rules may choose, with where and how. */
static const struct permitted {
    int32_t action, stage;
    const char *codes; /* "|A|B|"; NULL: the action has no code */
    const char *owner; /* unless the rule names another */
} permitted[] = {
    {EGW_ACTION_REJECTED, EGW_STAGE_VALIDITY,
     "|UNKNOWN_EVENT_TYPE|BAD_FIELD|UNKNOWN_CUSTOMER|NOT_YOUR_CUSTOMER|", "desk"},
    {EGW_ACTION_NO_POLICY, EGW_STAGE_VALIDITY, NULL, "desk"},
    {EGW_ACTION_REFERRED, EGW_STAGE_VALIDITY, "|PUBLISHER|MSRC|DIRECT_AGREEMENT|", "desk"},
    {EGW_ACTION_NOT_ENTITLED, EGW_STAGE_VALIDITY, "|NOT_CSP|", "desk"},
    {EGW_ACTION_ACCESS_REQUIRED, EGW_STAGE_ACCESS,
     "|NO_RELATION|NO_GDAP|EXPIRED|ROLE|ASSIGNMENT|RBAC|UNKNOWN|", "customer"},
    {EGW_ACTION_HEALTH_MATCH, EGW_STAGE_HEALTH, NULL, "microsoft"},
    {EGW_ACTION_BASELINE, EGW_STAGE_BASELINE, "|REMEDY|ANSWER|DIAGNOSE|CLASSIFY|", "desk"},
    {EGW_ACTION_RESOLVED_BASELINE, EGW_STAGE_BASELINE, NULL, "desk"},
    {EGW_ACTION_HELD, EGW_STAGE_CHANNEL, "|POLICY|APPROVAL|", "desk"},
    {EGW_ACTION_TO_PROVIDER, EGW_STAGE_CHANNEL, NULL, "provider"},
    {EGW_ACTION_NOT_ENTITLED, EGW_STAGE_CHANNEL,
     "|NOT_CSP|NO_PLAN|PLAN_ENDED|PACK_EMPTY|NOT_COVERED|UNKNOWN|", "desk"},
    {EGW_ACTION_ESCALATED, EGW_STAGE_CHANNEL, NULL, "microsoft"},
    {EGW_ACTION_HANDOFF, EGW_STAGE_CHANNEL, NULL, "desk"},
};

static bool code_is_of(const char *codes, struct egw_str code)
{
    const char *at = codes + 1;

    while (*at) {
        const char *end = strchr(at, '|');

        if (egw_str_eq((struct egw_str){at, (size_t)(end - at)}, code))
            return true;
        at = end + 1;
    }
    return false;
}

static void check_code(struct egw_compile *c, const struct egw_source_rule *from,
                       const struct permitted *p)
{
    if (!p->codes && from->code.n)
        FAULT(c, from->at, "rule \"%.*s\": %s has no code", EGW_FMT(from->id),
              egw_action_names[p->action]);
    else if (p->codes && !from->code.n)
        FAULT(c, from->at, "rule \"%.*s\": %s needs a code", EGW_FMT(from->id),
              egw_action_names[p->action]);
    else if (p->codes && !code_is_of(p->codes, from->code))
        FAULT(c, from->at, "rule \"%.*s\": %s has no code \"%.*s\" in this stage",
              EGW_FMT(from->id), egw_action_names[p->action], EGW_FMT(from->code));
}

static void check_channel(struct egw_compile *c, const struct egw_source_rule *from, int32_t action)
{
    bool wants = action == EGW_ACTION_ESCALATED || action == EGW_ACTION_HANDOFF;
    const char *mode = action == EGW_ACTION_ESCALATED ? "api" : "hand-off";
    bool known = false;

    for (size_t i = EGW_F_CHANNEL; i < c->policy->fact_count; i++)
        known = known || egw_str_eq(c->policy->facts[i].name, from->channel);
    if (wants && !from->channel.n)
        FAULT(c, from->at, "rule \"%.*s\": %s needs a channel", EGW_FMT(from->id),
              egw_action_names[action]);
    else if (!wants && (from->channel.n || from->mode.n))
        FAULT(c, from->at, "rule \"%.*s\": only ESCALATED and HANDOFF have a channel and a mode",
              EGW_FMT(from->id));
    else if (wants && !known)
        FAULT(c, from->at, "rule \"%.*s\": there is no channel \"%.*s\"", EGW_FMT(from->id),
              EGW_FMT(from->channel));
    if (wants && from->mode.n && !egw_str_is(from->mode, mode))
        FAULT(c, from->at, "rule \"%.*s\": the mode of %s is \"%s\"", EGW_FMT(from->id),
              egw_action_names[action], mode);
}

/* What the rule does: an action of its stage, or "next". NULL: next, or a fault. */
static const struct permitted *check_then(struct egw_compile *c, const struct egw_source_rule *from)
{
    bool elsewhere = false;

    if (egw_str_is(from->then, "next")) {
        if (from->code.n || from->channel.n || from->mode.n || from->advice.n || from->owner.n)
            FAULT(c, from->at,
                  "rule \"%.*s\": what goes on to the next stage has no code, "
                  "channel, mode, advice or owner",
                  EGW_FMT(from->id));
        if (from->stage == EGW_STAGE_CHANNEL)
            FAULT(c, from->at, "rule \"%.*s\": there is no stage after channel", EGW_FMT(from->id));
        return NULL;
    }
    for (size_t i = 0; i < EGW_COUNT(permitted); i++) {
        if (!egw_str_is(from->then, egw_action_names[permitted[i].action]))
            continue;
        if (permitted[i].stage == from->stage) {
            check_code(c, from, &permitted[i]);
            check_channel(c, from, permitted[i].action);
            return &permitted[i];
        }
        elsewhere = true;
    }
    if (elsewhere)
        FAULT(c, from->at, "rule \"%.*s\": %.*s is no action of stage %s", EGW_FMT(from->id),
              EGW_FMT(from->then), egw_stage_names[from->stage]);
    else
        FAULT(c, from->at, "rule \"%.*s\": rules cannot do \"%.*s\"", EGW_FMT(from->id),
              EGW_FMT(from->then));
    return NULL;
}

static void accept_values(struct egw_compile *c, const struct egw_source_condition *from,
                          unsigned fact, uint64_t *accepts)
{
    const struct egw_word *values = from->values.p;
    size_t count = c->policy->facts[fact].value_count, negated = 0;

    for (size_t i = 0; i < from->values.n; i++) {
        struct egw_word word = values[i];
        bool is_not = word.text.n && word.text.p[0] == '!';
        int value;

        if (is_not)
            word.text = (struct egw_str){word.text.p + 1, word.text.n - 1};
        negated += is_not;
        value = egw_compile_value_of(c, fact, &word);
        if (value >= 0)
            bit_set(accepts, (size_t)value);
    }
    if (!from->values.n)
        FAULT(c, from->fact.at, "%.*s has an empty list of values", EGW_FMT(from->fact.text));
    if (negated && negated != from->values.n)
        FAULT(c, from->fact.at, "%.*s mixes values with and without \"!\"",
              EGW_FMT(from->fact.text));
    for (size_t i = 0; negated && i < count; i++)
        accepts[i / 64] ^= UINT64_C(1) << (i % 64);
}

static void make_conditions(struct egw_compile *c, const struct egw_source_rule *from,
                            struct egw_rule *to)
{
    const struct egw_source_condition *conditions = from->when.p;

    to->when = egw_compile_array(c, from->when.n, sizeof(*to->when));
    for (size_t i = 0; to->when && i < from->when.n; i++) {
        int fact = egw_compile_fact(c->policy, conditions[i].fact.text);
        struct egw_rule_condition *when = &to->when[to->when_count];

        if (fact < 0) {
            FAULT(c, conditions[i].fact.at, "there is no fact \"%.*s\"",
                  EGW_FMT(conditions[i].fact.text));
            continue;
        }
        if (fact == EGW_F_PACKAGE) {
            FAULT(c, conditions[i].fact.at,
                  "package is known once a channel is chosen: no rule can test it");
            continue;
        }
        when->fact = (unsigned)fact;
        when->accepts = egw_compile_bits(c, c->policy->facts[fact].value_count);
        if (!when->accepts)
            return;
        accept_values(c, &conditions[i], when->fact, when->accepts);
        to->when_count++;
    }
}

static void make_when_text(struct egw_compile *c, const struct egw_source_rule *from,
                           struct egw_rule *to)
{
    EGW_CLEANUP(egw_buf_free) struct egw_buf text = {0};
    const struct egw_source_condition *conditions = from->when.p;
    bool ok = true;

    for (size_t i = 0; ok && i < from->when.n; i++) {
        const struct egw_word *values = conditions[i].values.p;

        ok = !egw_buf_printf(&text, "%s%.*s = ", i ? ", " : "", EGW_FMT(conditions[i].fact.text));
        for (size_t k = 0; ok && k < conditions[i].values.n; k++)
            ok = !egw_buf_printf(&text, "%s%.*s", k ? " | " : "", EGW_FMT(values[k].text));
    }
    if (!ok || !egw_arena_str(&c->policy->arena, egw_buf_str(&text), &to->view.when))
        c->nomem = true;
}

/* Pages often say the month or the year only. */
static bool is_day(struct egw_str date)
{
    static const char first[] = "0000-01-01";
    char whole[sizeof(first)];
    int64_t ms;

    if (date.n != 4 && date.n != 7 && date.n != sizeof(first) - 1)
        return false;
    memcpy(whole, first, sizeof(first));
    memcpy(whole, date.p, date.n);
    return egw_time_parse((struct egw_str){whole, sizeof(first) - 1}, &ms);
}

static void check_origins(struct egw_compile *c)
{
    const struct egw_source_origin *origins = c->source->origins.p;

    for (size_t i = 0; i < c->source->origins.n; i++) {
        const struct egw_source_origin *first = egw_compile_origin(c, origins[i].id);

        egw_compile_id(c, origins[i].at, "source", origins[i].id);
        if (first != &origins[i])
            FAULT(c, origins[i].at, "source \"%.*s\" is there already", EGW_FMT(origins[i].id));
        if (origins[i].date.p && !origins[i].date.n)
            FAULT(c, origins[i].at, "source \"%.*s\" has no date", EGW_FMT(origins[i].id));
        else if (origins[i].date.p && !is_day(origins[i].date))
            FAULT(c, origins[i].at,
                  "source \"%.*s\": \"%.*s\" is no date such as 2026-01-05, 2026-01 or 2026",
                  EGW_FMT(origins[i].id), EGW_FMT(origins[i].date));
    }
}

static void check_rule_texts(struct egw_compile *c, const struct egw_source_rule *from)
{
    static const char *const owners[] = {"",         "desk",      "customer",
                                         "provider", "microsoft", "publisher"};
    bool known = false;

    egw_compile_id(c, from->at, "rule", from->id);
    if (from->source.p && !from->source.n) /* where it is missing, the parser said so */
        FAULT(c, from->at, "rule \"%.*s\" has no source", EGW_FMT(from->id));
    if (from->because.p && !from->because.n)
        FAULT(c, from->at, "rule \"%.*s\" does not say because", EGW_FMT(from->id));
    for (size_t i = 0; i < EGW_COUNT(owners); i++)
        known = known || egw_str_eq(egw_str_of(owners[i]), from->owner);
    if (!known)
        FAULT(c, from->at, "rule \"%.*s\": there is no owner \"%.*s\"", EGW_FMT(from->id),
              EGW_FMT(from->owner));
    egw_compile_source(c, from->at, "rule", from->id, from->source);
    egw_compile_dates(c, from->at, from->since, from->until);
}

static void make_rule(struct egw_compile *c, const struct egw_source_rule *from,
                      struct egw_rule *to)
{
    const struct permitted *p = check_then(c, from);
    const struct egw_source_origin *origin = egw_compile_origin(c, from->source);
    struct egw_str mode = from->mode;

    if (p && p->action == EGW_ACTION_ESCALATED)
        mode = EGW_STR("api");
    if (p && p->action == EGW_ACTION_HANDOFF)
        mode = EGW_STR("hand-off");
    check_rule_texts(c, from);
    to->view = (struct egw_rule_view){
        .id = from->id,
        .because = from->because,
        .source = from->source,
        .dated = origin ? origin->date : EGW_STR(""),
        .file = egw_str_of(from->at.file),
        .line = from->at.line,
        .stage = from->stage,
        .action = p ? p->action : -1,
        .code = from->code,
        .channel = from->channel,
        .mode = mode,
        .advice = from->advice,
        .owner = from->owner.n || !p ? from->owner : egw_str_of(p->owner),
    };
    make_conditions(c, from, to);
    make_when_text(c, from, to);
}

static int by_id(const void *a, const void *b)
{
    const struct egw_source_rule *x = *(const struct egw_source_rule *const *)a;
    const struct egw_source_rule *y = *(const struct egw_source_rule *const *)b;
    int order = egw_str_cmp(x->id, y->id);

    return order ? order : (x > y) - (x < y); /* as written, so that the later one is at fault */
}

static void check_rule_ids(struct egw_compile *c)
{
    const struct egw_source_rule *rules = c->source->rules.p;
    const struct egw_source_demand *demands = c->source->demands.p;
    size_t n = c->source->rules.n + c->source->demands.n;
    const struct egw_source_rule **sorted = egw_compile_array(c, n, sizeof(*sorted));

    if (!sorted || !n)
        return;
    for (size_t i = 0; i < c->source->rules.n; i++)
        sorted[i] = &rules[i];
    for (size_t i = 0; i < c->source->demands.n; i++)
        sorted[c->source->rules.n + i] = &demands[i].rule;
    qsort(sorted, n, sizeof(*sorted), by_id);
    for (size_t i = 1; i < n; i++) {
        if (egw_str_eq(sorted[i]->id, sorted[i - 1]->id))
            FAULT(c, sorted[i]->at, "rule \"%.*s\" is there already, at %s:%d",
                  EGW_FMT(sorted[i]->id), sorted[i - 1]->at.file ? sorted[i - 1]->at.file : "",
                  sorted[i - 1]->at.line);
    }
}

/* ---- demands ---- */

static uint32_t wants_of(struct egw_compile *c, const struct egw_source_demand *from)
{
    const struct egw_word *words = from->wants.p;
    uint32_t wants = 0;

    for (size_t i = 0; i < from->wants.n; i++) {
        int want = egw_want_find(words[i].text);

        if (want < 0)
            FAULT(c, words[i].at, "no form wants \"%.*s\"", EGW_FMT(words[i].text));
        else
            wants |= UINT32_C(1) << want;
    }
    if (!from->wants.n)
        FAULT(c, from->rule.at, "demand \"%.*s\" wants nothing", EGW_FMT(from->rule.id));
    return wants;
}

static uint64_t channels_of(struct egw_compile *c, const struct egw_source_demand *from)
{
    const struct egw_word *words = from->channels.p;
    uint64_t channels = from->channels.n ? 0 : ~UINT64_C(0);

    for (size_t i = 0; i < from->channels.n; i++) {
        size_t k = 0;

        while (k < c->policy->channel_count &&
               !egw_str_eq(c->policy->channels[k].id, words[i].text))
            k++;
        if (k == c->policy->channel_count)
            FAULT(c, words[i].at, "there is no channel \"%.*s\"", EGW_FMT(words[i].text));
        else
            channels |= UINT64_C(1) << k;
    }
    return channels;
}

static void make_demand(struct egw_compile *c, const struct egw_source_demand *from,
                        struct egw_rule *rule, struct egw_demand *to)
{
    make_rule(c, &from->rule, rule);
    *to = (struct egw_demand){rule, channels_of(c, from), wants_of(c, from)};
    for (size_t i = 0; i < rule->when_count; i++)
        c->policy->demand_facts |= UINT64_C(1) << rule->when[i].fact;
}

/* Those demanded go first: they are rules of the policy, with an index after the stages' own. */
static void make_demands(struct egw_compile *c)
{
    const struct egw_source_demand *from = c->source->demands.p;
    struct egw_policy *p = c->policy;
    size_t n = c->source->demands.n, at = p->rule_count;

    p->demands = egw_compile_array(c, n, sizeof(*p->demands));
    for (int wanted = 0; wanted < 2 && p->demands; wanted++) {
        for (size_t i = 0; i < n && !c->nomem; i++) {
            if ((from[i].rule.code.n == 0) == (wanted == 1))
                make_demand(c, &from[i], &p->rules[at++], &p->demands[p->demand_count++]);
        }
        if (!wanted)
            p->demanded_count = p->demand_count;
    }
    p->rule_count += p->demanded_count;
}

void egw_compile_rules(struct egw_compile *c)
{
    const struct egw_source_rule *from = c->source->rules.p;
    struct egw_policy *p = c->policy;
    size_t n = c->source->rules.n;
    const struct egw_source_rule **written = egw_compile_array(c, n, sizeof(*written));

    p->rules = egw_compile_array(c, n + c->source->demands.n, sizeof(*p->rules));
    if (!written || !p->rules)
        return;
    check_origins(c);
    check_rule_ids(c);
    egw_compile_eras(c);
    for (int32_t s = 0; s < EGW_STAGES; s++) {
        p->stages[s].first = p->rule_count;
        for (size_t i = 0; i < n && !c->nomem; i++) {
            if (from[i].stage != EGW_STAGE_VALIDITY + s)
                continue;
            written[p->rule_count] = &from[i];
            make_rule(c, &from[i], &p->rules[p->rule_count++]);
        }
        p->stages[s].count = p->rule_count - p->stages[s].first;
    }
    p->staged_count = p->rule_count;
    make_demands(c);
    if (c->faults->total)
        return; /* rows of rules at fault would mean nothing */
    for (int32_t s = 0; s < EGW_STAGES && !c->nomem; s++)
        egw_compile_stage(c, &p->stages[s], EGW_STAGE_VALIDITY + s, written + p->stages[s].first);
    for (int32_t s = 0; s < EGW_STAGES && !c->nomem; s++)
        egw_compile_cover(c, &p->stages[s], EGW_STAGE_VALIDITY + s, written + p->stages[s].first);
}
