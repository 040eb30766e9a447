#include "egw/policy_lint.h"

#include <stdlib.h>

#include "clock.h"
#include "policy_assumed.h"
#include "policy_overlap.h"
#include "policy_shown.h"

const char *const egw_lint_names[EGW_LINT_KINDS] = {
    "impossible", "shadowed", "unreachable", "unused", "dates", "unsure", "field", "overlap",
};

/* What all pairs of rules may take together: some seconds. */
enum { OVERLAP_STEPS = 200000000, DATES_STEPS = 50000000 };
enum { NAMED_MAX = 3, CORE_MAX = 64, LISTED_MAX = 1000 };

struct linting {
    struct egw_lint *lint;
    const struct egw_policy *policy;
    struct egw_space *space;
    const struct egw_box *rules;
    struct egw_quest quest;
    bool nomem;
};

static struct egw_rule_view view_of(const struct linting *l, size_t rule)
{
    return l->policy->rules[rule].view;
}

static const struct egw_stage_table *stage_of(const struct linting *l, size_t rule)
{
    return &l->policy->stages[view_of(l, rule).stage - EGW_STAGE_VALIDITY];
}

static struct egw_lint_finding *add_about(struct linting *l, enum egw_lint_kind kind,
                                          const char *what, struct egw_str id, struct egw_str file,
                                          int line, struct egw_str text)
{
    struct egw_lint_finding *to =
        text.p ? egw_list_push(&l->lint->arena, &l->lint->findings, sizeof(*to)) : NULL;

    if (!to) {
        l->nomem = true;
        return NULL;
    }
    *to = (struct egw_lint_finding){.kind = kind,
                                    .what = what,
                                    .id = id,
                                    .file = file,
                                    .line = line,
                                    .text = text,
                                    .example = {.decided_by = EGW_NO_RULE}};
    l->lint->counts[kind]++;
    return to;
}

/* other: a rule the finding is also about, or SIZE_MAX. region NULL: there is no event to show. */
static void add(struct linting *l, enum egw_lint_kind kind, size_t rule, size_t other,
                struct egw_str text, const uint64_t *region)
{
    struct egw_rule_view view = view_of(l, rule);
    struct egw_told about[] = {{0, rule}, {0, other}, {0, SIZE_MAX}};
    struct egw_lint_finding *to = add_about(l, kind, "rule", view.id, view.file, view.line, text);

    if (!to)
        return;
    if (region)
        about[2].rule = egw_region_decider(l->space, 0, region);
    if (region && !egw_region_example(l->space, region, about, EGW_COUNT(about), &l->lint->arena,
                                      &to->example))
        l->nomem = true;
}

static struct egw_str say(struct linting *l, const char *text)
{
    return egw_arena_printf(&l->lint->arena, "%s", text);
}

static bool unsure(struct linting *l, enum egw_found found, size_t rule)
{
    if (l->quest.nomem)
        l->nomem = true;
    else if (found == EGW_FOUND_UNSURE)
        add(l, EGW_LINT_UNSURE, rule, SIZE_MAX,
            say(l, "whether it ever decides could not be settled: the rules before it are too "
                   "entangled"),
            NULL);
    return found == EGW_FOUND_UNSURE;
}

/* An event that fits the rule, and the other one (SIZE_MAX: none): one that gets to their stage if
 * there is such, else any; that there is one was found before. */
static void show_fits(struct linting *l, size_t rule, size_t other)
{
    for (int gets_there = 1; gets_there >= 0; gets_there--) {
        egw_quest_begin(&l->quest, false);
        egw_quest_fits(&l->quest, 0, rule, true);
        if (other != SIZE_MAX)
            egw_quest_fits(&l->quest, 0, other, true);
        if (gets_there)
            egw_quest_passes(&l->quest, 0, (size_t)(stage_of(l, rule) - l->policy->stages));
        if (egw_quest_find(&l->quest) == EGW_FOUND_SOME) {
            egw_quest_widen(&l->quest, NULL);
            return;
        }
    }
}

/* ---- rules that never decide ---- */

/* With only those of the earlier rules that are listed. */
static enum egw_found without_these(struct linting *l, size_t rule, const size_t *earlier, size_t n,
                                    size_t skip)
{
    egw_quest_begin(&l->quest, false);
    egw_quest_fits(&l->quest, 0, rule, true);
    for (size_t i = 0; i < n; i++) {
        if (i != skip)
            egw_quest_fits(&l->quest, 0, earlier[i], false);
    }
    return egw_quest_find(&l->quest);
}

/* The earlier rules that take all of it: one that does by itself, else as few as dropping one after
 * the other leaves. */
static size_t takers(struct linting *l, size_t rule, size_t core[CORE_MAX])
{
    size_t first = stage_of(l, rule)->first, n = 0;

    for (size_t r = first; r < rule; r++) {
        if (egw_box_holds(l->space, &l->rules[r], &l->rules[rule])) {
            core[0] = r;
            return 1;
        }
    }
    egw_quest_begin(&l->quest, false);
    egw_quest_fits(&l->quest, 0, rule, true);
    for (size_t r = first; r < rule; r++)
        egw_quest_fits(&l->quest, 0, r, false);
    (void)egw_quest_find(&l->quest);
    for (size_t r = first; r < rule && n < CORE_MAX; r++) {
        if (egw_quest_blames(&l->quest, 0, r))
            core[n++] = r;
    }
    for (size_t i = n < CORE_MAX ? n : 0; i-- > 0;) {
        if (without_these(l, rule, core, n, i) != EGW_FOUND_NONE)
            continue;
        n--;
        for (size_t k = i; k < n; k++)
            core[k] = core[k + 1];
    }
    return n;
}

static struct egw_str takers_text(struct linting *l, const size_t *core, size_t n)
{
    EGW_CLEANUP(egw_buf_free) struct egw_buf text = {.max = 65536};
    struct egw_str copy = EGW_STR_NONE;
    bool ok = !egw_buf_printf(&text, "never decides: ");

    for (size_t i = 0; i < n && i < NAMED_MAX && ok; i++) {
        struct egw_rule_view view = view_of(l, core[i]);

        ok = !egw_buf_printf(&text, "%s\"%.*s\" (%.*s:%d)", i ? ", " : "", EGW_FMT(view.id),
                             EGW_FMT(view.file), view.line);
    }
    if (ok && n > NAMED_MAX)
        ok = !egw_buf_printf(&text, " and %zu more", n - NAMED_MAX);
    if (ok)
        ok = !egw_buf_printf(&text,
                             n == 1 ? " takes all of it first" : " together take all of it first");
    return ok && egw_arena_str(&l->lint->arena, egw_buf_str(&text), &copy) ? copy : EGW_STR_NONE;
}

/* The stage that ends all that the rule would take. */
static int32_t ending_stage(struct linting *l, size_t rule)
{
    size_t stages = (size_t)(stage_of(l, rule) - l->policy->stages);

    for (size_t t = 1; t < stages; t++) {
        egw_quest_begin(&l->quest, false);
        egw_quest_first(&l->quest, 0, rule);
        egw_quest_passes(&l->quest, 0, t);
        if (egw_quest_find(&l->quest) == EGW_FOUND_NONE)
            return l->policy->stages[t - 1].count ? EGW_STAGE_VALIDITY + (int32_t)t - 1 : 0;
    }
    return EGW_STAGE_VALIDITY + (int32_t)stages - 1;
}

static void lint_unreachable(struct linting *l, size_t rule)
{
    int32_t stage = ending_stage(l, rule);

    egw_quest_begin(&l->quest, false);
    egw_quest_first(&l->quest, 0, rule);
    if (egw_quest_find(&l->quest) != EGW_FOUND_SOME)
        return;
    egw_quest_widen(&l->quest, NULL);
    add(l, EGW_LINT_UNREACHABLE, rule, SIZE_MAX,
        egw_arena_printf(&l->lint->arena,
                         "never decides: what it would take ends before, at the latest in stage %s",
                         egw_stage_names[stage]),
        l->quest.point);
}

/* Asked in this order, each answer says more than the next. */
static void lint_rule(struct linting *l, size_t rule)
{
    enum egw_found found;
    size_t core[CORE_MAX], n;

    egw_quest_begin(&l->quest, false);
    egw_quest_decides(&l->quest, 0, rule);
    found = egw_quest_find(&l->quest);
    if (found == EGW_FOUND_SOME || unsure(l, found, rule))
        return;
    egw_quest_begin(&l->quest, false);
    egw_quest_fits(&l->quest, 0, rule, true);
    found = egw_quest_find(&l->quest);
    if (found == EGW_FOUND_NONE) {
        add(l, EGW_LINT_IMPOSSIBLE, rule, SIZE_MAX,
            say(l, "never decides: it asks for facts that never come together"), NULL);
        return;
    }
    show_fits(l, rule, SIZE_MAX);
    memcpy(l->space->scratch, l->quest.point, l->space->words * sizeof(uint64_t));
    egw_quest_begin(&l->quest, false);
    egw_quest_first(&l->quest, 0, rule);
    if (egw_quest_find(&l->quest) != EGW_FOUND_NONE) {
        lint_unreachable(l, rule);
        return;
    }
    n = takers(l, rule, core);
    add(l, EGW_LINT_SHADOWED, rule, SIZE_MAX, takers_text(l, core, n), l->space->scratch);
}

/* ---- dates ---- */

static bool in_force(const struct linting *l, size_t rule, size_t era)
{
    for (size_t p = 0; p < l->rules[rule].n; p++) {
        if (l->rules[rule].parts[p].axis == 0)
            return egw_bit(l->rules[rule].parts[p].in, l->space->axes[0].class_of[era]);
    }
    return true;
}

struct dates {
    size_t first, last;         /* rules of the stage */
    size_t before, hole, after; /* eras */
    size_t ended, begun;        /* rules: in force before, and again after */
};

/* there: an event of that time, which gets to the stage. */
static enum egw_found hole_between(struct linting *l, const struct dates *d, bool there)
{
    egw_quest_begin(&l->quest, false);
    if (there) {
        egw_quest_at(&l->quest, 0, l->space->axes[0].class_of[d->hole]);
        egw_quest_passes(&l->quest, 0, (size_t)(stage_of(l, d->ended) - l->policy->stages));
    }
    egw_quest_fits_ever(&l->quest, 0, d->ended, true);
    egw_quest_fits_ever(&l->quest, 0, d->begun, true);
    for (size_t r = d->first; r < d->last; r++) {
        if ((r < d->ended && in_force(l, r, d->before)) ||
            (r < d->begun && in_force(l, r, d->after)) || in_force(l, r, d->hole))
            egw_quest_fits_ever(&l->quest, 0, r, false);
    }
    return egw_quest_find(&l->quest);
}

/* The eras in which the rule stops (the first without it) and starts; 0: it does not. */
static size_t stops(const struct linting *l, size_t rule, size_t eras)
{
    for (size_t e = 1; e < eras; e++) {
        if (in_force(l, rule, e - 1) && !in_force(l, rule, e))
            return e;
    }
    return 0;
}

static size_t starts(const struct linting *l, size_t rule, size_t eras)
{
    for (size_t e = 1; e < eras; e++) {
        if (!in_force(l, rule, e - 1) && in_force(l, rule, e))
            return e;
    }
    return 0;
}

static void add_hole(struct linting *l, const struct dates *d)
{
    struct egw_rule_view after = view_of(l, d->begun), last = view_of(l, d->last);
    struct egw_str text = egw_arena_printf(
        &l->lint->arena,
        "leaves a hole in time: what it took until then is taken again by \"%.*s\" (%.*s:%d), and "
        "%.*s only \"%.*s\" decides it",
        EGW_FMT(after.id), EGW_FMT(after.file), after.line,
        EGW_FMT(l->space->axes[0].values[d->hole]), EGW_FMT(last.id));

    if (hole_between(l, d, true) != EGW_FOUND_SOME)
        (void)hole_between(l, d, false);
    egw_quest_widen(&l->quest, NULL);
    add(l, EGW_LINT_DATES, d->ended, d->begun, text, l->quest.point);
}

static void lint_dates_of(struct linting *l, const struct egw_stage_table *stage, uint64_t *steps)
{
    size_t eras = l->space->axes[0].value_count;
    struct dates d = {.first = stage->first, .last = stage->first + stage->count - 1};

    for (d.ended = d.first; d.ended < d.last; d.ended++) {
        size_t stop = stops(l, d.ended, eras);

        for (d.begun = d.first; stop && d.begun < d.last; d.begun++) {
            size_t start = starts(l, d.begun, eras);

            if (start <= stop || *steps == 0)
                continue;
            d.before = stop - 1;
            d.hole = stop;
            d.after = start;
            l->quest.steps = *steps < EGW_SEARCH_STEPS ? *steps : EGW_SEARCH_STEPS;
            if (hole_between(l, &d, false) == EGW_FOUND_SOME)
                add_hole(l, &d);
            *steps -= l->quest.steps - l->quest.left;
        }
    }
    l->quest.steps = EGW_SEARCH_STEPS;
}

static void lint_dates(struct linting *l)
{
    uint64_t steps = DATES_STEPS;

    for (size_t s = 0; l->policy->era_count && s < EGW_STAGES; s++)
        lint_dates_of(l, &l->policy->stages[s], &steps);
}

/* ---- overlaps ---- */

static void add_overlap(struct linting *l, size_t first, size_t second)
{
    struct egw_rule_view other = view_of(l, second);

    l->lint->listed++;
    show_fits(l, first, second);
    add(l, EGW_LINT_OVERLAP, first, second,
        egw_arena_printf(&l->lint->arena,
                         "goes before \"%.*s\" (%.*s:%d), which also fits and says otherwise",
                         EGW_FMT(other.id), EGW_FMT(other.file), other.line),
        l->quest.point);
}

/* Pairs that agree are none: whichever comes first says the same. By the first of each pair, as an
 * event that it decides serves for all of them. */
static void look_for_overlaps(struct linting *l, struct egw_overlap *overlap, bool listed)
{
    uint64_t steps = OVERLAP_STEPS;

    for (size_t first = 0; first < l->policy->staged_count && !l->nomem; first++) {
        const struct egw_stage_table *stage = stage_of(l, first);
        struct egw_rule_view view = view_of(l, first);

        for (size_t second = first + 1; second < stage->first + stage->count; second++) {
            struct egw_rule_view other = view_of(l, second);

            if (egw_rules_agree(&view, &other))
                continue;
            if (steps == 0) {
                l->lint->pairs_left++;
                continue;
            }
            if (egw_overlap_find(overlap, first, second) != EGW_FOUND_SOME)
                ;
            else if (listed && l->lint->listed < LISTED_MAX)
                add_overlap(l, first, second);
            else
                l->lint->counts[EGW_LINT_OVERLAP]++;
            steps -=
                l->quest.steps - l->quest.left < steps ? l->quest.steps - l->quest.left : steps;
        }
    }
}

static void lint_overlaps(struct linting *l, bool listed)
{
    struct egw_overlap overlap;

    if (egw_overlap_new(&l->quest, &overlap)) {
        l->nomem = true;
        return;
    }
    look_for_overlaps(l, &overlap, listed);
    egw_overlap_free(&overlap);
}

/* ---- what comes after the rules ---- */

static void lint_demand(struct linting *l, const struct egw_demand *demand)
{
    const struct egw_touched touched = {.what = EGW_TOUCHES_DEMAND, .demand = demand};
    const struct egw_rule_view *view = &demand->rule->view;
    struct egw_example example;

    if (egw_show_touched(&l->quest, &touched, &l->lint->arena, &example) == EGW_FOUND_NONE)
        (void)add_about(l, EGW_LINT_UNUSED, "demand", view->id, view->file, view->line,
                        say(l, "is never made: no case that it is about gets to these channels"));
}

/* The first kind of cases it is meant for, and the limit before it that they are due by. */
static const struct egw_limit *taker_of(const struct egw_kinds *kinds,
                                        const struct egw_policy *policy,
                                        const struct egw_limit *limit)
{
    size_t at[EGW_KIND_WORDS] = {0};

    do {
        if (egw_limit_fits(limit, egw_kinds_word(kinds, at, EGW_KIND_CODE),
                           egw_kinds_word(kinds, at, EGW_KIND_SEVERITY),
                           egw_kinds_word(kinds, at, EGW_KIND_CHANNEL),
                           egw_kinds_word(kinds, at, EGW_KIND_LANGUAGE)))
            return egw_kinds_limit(kinds, policy, at);
    } while (egw_kinds_next(kinds, at));
    return limit;
}

static bool counts(const struct egw_kinds *kinds, const struct egw_policy *policy,
                   const struct egw_limit *limit)
{
    size_t at[EGW_KIND_WORDS] = {0};

    do {
        if (egw_kinds_limit(kinds, policy, at) == limit)
            return true;
    } while (egw_kinds_next(kinds, at));
    return false;
}

/* Else cases come to it by what happens to them later, which no rule tells. */
static bool rules_end_in(const struct egw_policy *policy, int action)
{
    for (size_t r = 0; r < policy->staged_count; r++) {
        if (policy->rules[r].view.action == action)
            return true;
    }
    return false;
}

static struct egw_touched about_limit(int action, const struct egw_limit *limit)
{
    return (struct egw_touched){.what = EGW_TOUCHES_LIMIT,
                                .action = action,
                                .about = limit,
                                .language = egw_limit_language(limit)};
}

static struct egw_lint_finding *add_unused(struct linting *l, int action,
                                           const struct egw_limit *limit, struct egw_str text)
{
    return add_about(l, EGW_LINT_UNUSED, "limit", egw_str_of(egw_action_names[action]),
                     egw_str_of(limit->at.file), limit->at.line, text);
}

/* With a case that it is about. */
static void add_limit(struct linting *l, int action, const struct egw_limit *limit,
                      const struct egw_limit *taker)
{
    const struct egw_touched touched = about_limit(action, limit);
    struct egw_lint_finding *to =
        add_unused(l, action, limit,
                   egw_arena_printf(&l->lint->arena,
                                    "never counts: cases it is about are due by that of %s:%d, or "
                                    "others before it",
                                    taker->at.file, taker->at.line));

    if (to)
        (void)egw_show_touched(&l->quest, &touched, &l->lint->arena, &to->example);
}

/* Where demands have codes of their own, which are no rules', cases may come by them. */
static bool is_demanded(const struct egw_policy *policy, int action, const struct egw_limit *limit)
{
    for (size_t i = 0; i < policy->demanded_count && action == EGW_ACTION_BASELINE; i++) {
        if (!limit->code.n || egw_str_eq(limit->code, policy->demands[i].rule->view.code))
            return true;
    }
    return false;
}

static void lint_cases_of(struct linting *l, int action, const struct egw_limit *limit)
{
    const struct egw_touched touched = about_limit(action, limit);
    struct egw_example example;

    if (!is_demanded(l->policy, action, limit) &&
        egw_show_touched(&l->quest, &touched, &l->lint->arena, &example) == EGW_FOUND_NONE)
        (void)add_unused(l, action, limit,
                         say(l, "never counts: no rule ends a case that it is about in this"));
}

static void lint_limits(struct linting *l, int action)
{
    struct egw_kinds kinds;

    if (!egw_kinds_gather(&l->policy, 1, action, &l->lint->arena, &kinds)) {
        l->nomem = true;
        return;
    }
    for (const struct egw_limit *limit = l->policy->limits[action]; limit; limit = limit->next) {
        if (!counts(&kinds, l->policy, limit))
            add_limit(l, action, limit, taker_of(&kinds, l->policy, limit));
        else if (rules_end_in(l->policy, action))
            lint_cases_of(l, action, limit);
    }
}

static void lint_rest(struct linting *l)
{
    for (size_t i = 0; i < l->policy->demand_count && !l->nomem; i++)
        lint_demand(l, &l->policy->demands[i]);
    for (int action = 0; action < EGW_ACTION_COUNT && !l->nomem; action++)
        lint_limits(l, action);
}

/* ---- fields that an older form of the event lacks ---- */

/* Only facts that come from one field: the fact is then as if the event did not say. */
static const struct {
    enum egw_fact_id fact;
    const char *field;
    unsigned absent;
} fields[] = {
    {EGW_F_ASK, "ask", EGW_V_ASK_ISSUE},
    {EGW_F_DOMAIN, "domain", EGW_V_ABSENT},
    {EGW_F_SERVICE, "service", EGW_V_ABSENT},
    {EGW_F_FAMILY, "service", EGW_V_ABSENT},
    {EGW_F_SYMPTOM, "symptom", EGW_V_ABSENT},
    {EGW_F_TOPIC, "topic", EGW_V_ABSENT},
    {EGW_F_SCOPE, "scope", EGW_V_ABSENT},
    {EGW_F_USE, "use", EGW_V_ABSENT},
    {EGW_F_HOSTING, "hosting", EGW_V_ABSENT},
    {EGW_F_ENVIRONMENT, "environment", EGW_V_ABSENT},
    {EGW_F_OWN_TENANT, "own_tenant", EGW_V_NO},
    {EGW_F_PUBLISHER, "publisher", EGW_V_ABSENT},
    {EGW_F_ATTEMPT, "diagnosis", EGW_V_ATTEMPT_NONE},
    {EGW_F_DIAGNOSIS, "diagnosis", EGW_V_DIAGNOSIS_NONE},
    {EGW_F_PLAN, "subscription", EGW_V_PLAN_NONE},
    {EGW_F_SELLER, "subscription", EGW_V_SELLER_NONE},
};

static bool lacks(const struct egw_lint_form *form, const char *field)
{
    for (const char *const *at = form->lacks; *at; at++) {
        if (strcmp(*at, field) == 0)
            return true;
    }
    return false;
}

static bool wants(const struct egw_rule *rule, unsigned fact, unsigned absent)
{
    for (size_t i = 0; i < rule->when_count; i++) {
        if (rule->when[i].fact == fact && !egw_bit(rule->when[i].accepts, absent))
            return true;
    }
    return false;
}

/* One finding for a form and a fact, at the first rule that wants it. */
static void lint_form(struct linting *l, const struct egw_lint_form *form, size_t f)
{
    size_t first = SIZE_MAX, n = 0;
    struct egw_str more = EGW_STR("asks");
    const uint64_t *event = NULL;

    for (size_t r = 0; r < l->policy->staged_count; r++) {
        if (!wants(&l->policy->rules[r], fields[f].fact, fields[f].absent))
            continue;
        first = n++ ? first : r;
    }
    if (!n || !lacks(form, fields[f].field))
        return;
    if (n > 1)
        more = egw_arena_printf(&l->lint->arena, "and %zu more ask", n - 1);
    egw_quest_begin(&l->quest, false);
    egw_quest_decides(&l->quest, 0, first);
    if (egw_quest_find(&l->quest) == EGW_FOUND_SOME) {
        egw_quest_widen(&l->quest, NULL);
        event = l->quest.point;
    }
    add(l, EGW_LINT_FIELD, first, SIZE_MAX,
        egw_arena_printf(&l->lint->arena, "%.*s for %.*s, which an event in the form %s cannot say",
                         EGW_FMT(more), EGW_FMT(l->policy->facts[fields[f].fact].name), form->name),
        event);
}

static void lint_forms(struct linting *l, const struct egw_lint_options *options)
{
    for (size_t i = 0; i < options->form_count; i++) {
        for (size_t f = 0; f < EGW_COUNT(fields); f++)
            lint_form(l, &options->forms[i], f);
    }
}

/* ---- all of it ---- */

bool egw_lint_is_fault(enum egw_lint_kind kind)
{
    return kind < EGW_LINT_FIELD;
}

static int by_place(const void *a, const void *b)
{
    const struct egw_lint_finding *x = a, *y = b;
    int c = egw_str_cmp(x->file, y->file);

    if (x->kind != y->kind)
        return x->kind < y->kind ? -1 : 1;
    if (!c)
        c = (x->line > y->line) - (x->line < y->line);
    return c ? c : egw_str_cmp(x->text, y->text);
}

enum egw_status egw_policy_lint(const struct egw_policy *policy,
                                const struct egw_lint_options *options, struct egw_lint *ret)
{
    struct linting l = {.lint = ret, .policy = policy};

    *ret = (struct egw_lint){.arena = {.max = (size_t)512 << 20}};
    if (egw_space_new(&policy, 1, &l.space) || egw_quest_new(l.space, &l.quest)) {
        egw_space_free(l.space);
        return EGW_NOMEM;
    }
    l.rules = l.space->sides[0].rules;
    for (size_t r = 0; r < policy->staged_count && !l.nomem; r++)
        lint_rule(&l, r);
    if (!l.nomem)
        lint_rest(&l);
    if (!l.nomem)
        lint_dates(&l);
    if (!l.nomem)
        lint_overlaps(&l, options->overlaps);
    if (!l.nomem)
        lint_forms(&l, options);
    if (!l.nomem && options->assumed)
        l.nomem = !egw_show_assumed(&l.quest, &ret->arena, &ret->assumed);
    if (ret->findings.n)
        qsort(ret->findings.p, ret->findings.n, sizeof(struct egw_lint_finding), by_place);
    l.nomem = l.nomem || l.quest.nomem;
    egw_quest_free(&l.quest);
    egw_space_free(l.space);
    if (l.nomem)
        egw_lint_free(ret);
    return l.nomem ? EGW_NOMEM : EGW_OK;
}

void egw_lint_free(struct egw_lint *lint)
{
    egw_arena_free(&lint->arena);
    *lint = (struct egw_lint){0};
}
