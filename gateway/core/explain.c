#include "egw/explain.h"

#include "policy_search.h"
#include "walk.h"

/* For one question and for all: a second or so in the worst case. */
enum { QUESTION_STEPS = 5000000, ALL_STEPS = 50000000, WORDS_SHOWN = 3 };

struct explaining {
    const struct egw_policy *policy;
    struct egw_explanation *ret;
    uint16_t values[EGW_FACTS_MAX];
    uint64_t known; /* set of facts that are */
    struct egw_walk walk;
    struct egw_space *space;
    struct egw_quest quest;
    uint64_t *keep; /* what is known, as a region */
    uint64_t *sane; /* the region without words that no policy knows, where none was used */
    uint64_t steps; /* left */
    bool nomem;
};

static void *get(struct explaining *e, size_t n)
{
    void *p = egw_arena_alloc(&e->ret->arena, n ? n : 1);

    e->nomem = e->nomem || !p;
    return p ? memset(p, 0, n) : NULL;
}

/* ---- sets of values in words ---- */

/* Facts of an event whose word the policy does not know; -1: such a word cannot be. */
static int nonsense_of(const struct egw_fact_def *def)
{
    if (egw_str_is(def->name, "service"))
        return EGW_V_INVALID; /* its word is "unknown" */
    for (size_t v = 0; v < def->value_count; v++) {
        if (egw_str_is(def->values[v], "invalid"))
            return (int)v;
    }
    return -1;
}

/* "a", "a or b", "a, b or 4 more": of those of the fact's values that are in. */
static struct egw_str words_of(struct explaining *e, const struct egw_fact_def *def,
                               const uint64_t *in, bool others)
{
    int never = others ? nonsense_of(def) : -1; /* goes without saying */
    size_t n = 0, said = 0;
    struct egw_buf text = {0};
    struct egw_str copy = EGW_STR_NONE;
    enum egw_status st = others ? egw_buf_printf(&text, "anything but ") : EGW_OK;

    for (size_t v = 0; v < def->value_count; v++)
        n += egw_bit(in, v) != others && (int)v != never;
    for (size_t v = 0; v < def->value_count && said < n && !st; v++) {
        const char *between = !said ? "" : said + 1 == n || said == WORDS_SHOWN ? " or " : ", ";

        if (egw_bit(in, v) == others || (int)v == never)
            continue;
        if (said == WORDS_SHOWN && n > WORDS_SHOWN + 1) {
            st = egw_buf_printf(&text, " or %zu more", n - said);
            break;
        }
        st = def->values[v].n ? egw_buf_printf(&text, "%s%.*s", between, EGW_FMT(def->values[v]))
                              : egw_buf_printf(&text, "%s(none)", between);
        said++;
    }
    if (st || !egw_arena_str(&e->ret->arena, egw_buf_str(&text), &copy))
        e->nomem = true;
    egw_buf_free(&text);
    return copy;
}

/* What is shorter: those that are in, or those that are not. */
static struct egw_str set_text(struct explaining *e, const struct egw_fact_def *def,
                               const uint64_t *in)
{
    int nonsense = nonsense_of(def);
    size_t n = 0, all = def->value_count - (nonsense >= 0);

    for (size_t v = 0; v < def->value_count; v++)
        n += egw_bit(in, v) && (int)v != nonsense;
    return words_of(e, def, in, n > WORDS_SHOWN && n < all && all - n <= WORDS_SHOWN);
}

/* ---- the path ---- */

static bool fails(const struct explaining *e, const struct egw_rule_condition *when)
{
    return !egw_bit(when->accepts, e->values[when->fact]);
}

static void add_miss(struct explaining *e, struct egw_list *list, size_t rule)
{
    const struct egw_rule *missed = &e->policy->rules[rule];
    const struct egw_rule_condition *first = NULL;
    struct egw_explain_miss *miss;
    size_t failed = 0;

    for (size_t i = missed->when_count; i-- > 0;) {
        if (fails(e, &missed->when[i])) {
            first = &missed->when[i];
            failed++;
        }
    }
    miss = first ? egw_list_push(&e->ret->arena, list, sizeof(*miss)) : NULL;
    if (!miss) {
        e->nomem = e->nomem || first;
        return;
    }
    *miss = (struct egw_explain_miss){
        .rule = rule,
        .fact = e->policy->facts[first->fact].name,
        .value = egw_walk_text(&e->walk, first->fact),
        .wanted = set_text(e, &e->policy->facts[first->fact], first->accepts),
        .failed = failed};
}

static void add_step(struct explaining *e, int stage)
{
    size_t first = e->policy->stages[stage].first;
    struct egw_explain_step *step = egw_list_push(&e->ret->arena, &e->ret->path, sizeof(*step));

    if (!step) {
        e->nomem = true;
        return;
    }
    step->rule = first + e->walk.place;
    for (size_t w = 0; w <= e->walk.place / 64; w++) {
        for (uint64_t left = e->walk.near[w]; left; left &= left - 1)
            add_miss(e, &step->missed, first + w * 64 + (size_t)__builtin_ctzll(left));
    }
}

static enum egw_status walk_path(struct explaining *e, struct egw_error *reterr)
{
    bool ends = false;

    for (int stage = 0; stage < EGW_STAGES && !ends; stage++) {
        enum egw_status st = egw_walk_ready(e->policy, stage, e->known, reterr);

        if (st)
            return st;
        ends = egw_walk_stage(&e->walk, stage);
        add_step(e, stage);
    }
    e->ret->decided_by = (size_t)(e->walk.rule - e->policy->rules);
    return EGW_OK;
}

/* ---- what is known, as a region ---- */

static unsigned fact_of(const struct explaining *e, size_t axis)
{
    unsigned fact = EGW_F_ERA; /* the first axis */

    while (axis && !egw_str_eq(e->policy->facts[fact].name, e->space->axes[axis].name))
        fact++;
    return fact;
}

static bool is_known(const struct explaining *e, unsigned fact)
{
    return fact == EGW_F_ERA || e->known >> fact & 1;
}

static void keep_known(struct explaining *e)
{
    e->keep = get(e, e->space->words * sizeof(*e->keep));
    if (!e->keep)
        return;
    memcpy(e->keep, e->space->whole, e->space->words * sizeof(*e->keep));
    for (size_t a = 0; a < e->space->axis_count; a++) {
        const struct egw_axis *axis = &e->space->axes[a];
        unsigned fact = fact_of(e, a);
        size_t v = 0;

        if (!is_known(e, fact))
            continue;
        while (axis->map[0][v] != e->values[fact])
            v++;
        memset(e->keep + axis->at, 0, axis->words * sizeof(*e->keep));
        e->keep[axis->at + axis->class_of[v] / 64] = UINT64_C(1) << (axis->class_of[v] % 64);
    }
}

/* No other value is of its class. */
static bool is_alone(const struct egw_axis *axis, size_t value)
{
    for (size_t v = 0; v < axis->value_count; v++) {
        if (v != value && axis->class_of[v] == axis->class_of[value])
            return false;
    }
    return true;
}

/* An event that says nonsense is refused; that is no answer to what would have led elsewhere. */
static void keep_sane(struct explaining *e)
{
    e->sane = get(e, e->space->words * sizeof(*e->sane));
    if (!e->sane)
        return;
    memcpy(e->sane, e->space->whole, e->space->words * sizeof(*e->sane));
    for (size_t a = 0; a < e->space->axis_count; a++) {
        const struct egw_axis *axis = &e->space->axes[a];
        unsigned fact = fact_of(e, a);
        int nonsense = fact == EGW_F_ERA ? -1 : nonsense_of(&e->policy->facts[fact]);

        if (nonsense < 0 || (is_known(e, fact) && e->values[fact] == nonsense) ||
            !is_alone(axis, (size_t)nonsense))
            continue;
        e->sane[axis->at + axis->class_of[nonsense] / 64] &=
            ~(UINT64_C(1) << (axis->class_of[nonsense] % 64));
    }
}

static bool keeps(const struct explaining *e, const struct egw_axis *axis, const uint64_t *in)
{
    for (size_t w = 0; w < axis->words; w++) {
        if (in[w] & e->keep[axis->at + w])
            return true;
    }
    return false;
}

/* ---- other results ---- */

static bool same_answer(const struct explaining *e, size_t a, size_t b)
{
    return egw_rules_agree(&e->policy->rules[a].view, &e->policy->rules[b].view);
}

static bool is_told(const struct explaining *e, size_t rule)
{
    const struct egw_explain_other *others = e->ret->others.p;

    for (size_t i = 0; i < e->ret->others.n; i++) {
        if (same_answer(e, others[i].rule, rule))
            return true;
    }
    return same_answer(e, e->ret->decided_by, rule);
}

/* What the axis would be: the values of the region's classes. */
static struct egw_str would_be(struct explaining *e, const struct egw_axis *axis, unsigned fact)
{
    const struct egw_fact_def *def = &e->policy->facts[fact];
    const uint64_t *region = e->quest.point + axis->at;
    uint64_t *in = fact == EGW_F_ERA ? NULL : get(e, (def->value_count / 64 + 1) * sizeof(*in));

    for (size_t v = 0; v < axis->value_count; v++) {
        if (!egw_bit(region, axis->class_of[v]))
            continue;
        if (fact != EGW_F_ERA && (int)axis->map[0][v] == nonsense_of(def) &&
            e->values[fact] != axis->map[0][v])
            continue;
        if (fact == EGW_F_ERA) { /* a time; the space's words, which the answer outlives */
            struct egw_str copy = EGW_STR_NONE;

            e->nomem = !egw_arena_str(&e->ret->arena, axis->values[v], &copy) || e->nomem;
            return copy;
        }
        if (in)
            in[axis->map[0][v] / 64] |= UINT64_C(1) << (axis->map[0][v] % 64);
    }
    return in ? set_text(e, def, in) : EGW_STR_NONE;
}

static void add_change(struct explaining *e, struct egw_explain_other *other, size_t a)
{
    const struct egw_axis *axis = &e->space->axes[a];
    unsigned fact = fact_of(e, a);
    struct egw_explain_change *change =
        egw_list_push(&e->ret->arena, &other->changes, sizeof(*change));

    if (!change || !egw_arena_str(&e->ret->arena, axis->name, &change->fact)) {
        e->nomem = true;
        return;
    }
    change->would = would_be(e, axis, fact);
    if (fact == EGW_F_ERA)
        change->is = EGW_STR("as it was");
    else if (is_known(e, fact))
        change->is = egw_walk_text(&e->walk, fact);
    else
        change->is = EGW_STR_NONE;
}

/* What nobody looked at is told only where it matters: the rest may be whatever it is. */
static void forget_idle(struct explaining *e, size_t rule)
{
    uint64_t *region = e->quest.point;

    for (size_t a = 0; a < e->space->axis_count; a++) {
        const struct egw_axis *axis = &e->space->axes[a];
        size_t bytes = axis->words * sizeof(*region);

        if (is_known(e, fact_of(e, a)))
            continue;
        memcpy(e->space->scratch, region, e->space->words * sizeof(*region));
        memcpy(region + axis->at, e->space->whole + axis->at, bytes);
        if (!egw_region_decided_by(e->space, 0, region, rule))
            memcpy(region + axis->at, e->space->scratch + axis->at, bytes);
    }
}

/* What must change, then what must be so of all that nobody looked at. */
static void add_other(struct explaining *e, size_t rule)
{
    struct egw_explain_other *other =
        egw_list_push(&e->ret->arena, &e->ret->others, sizeof(*other));

    if (!other) {
        e->nomem = true;
        return;
    }
    other->rule = rule;
    egw_quest_widen(&e->quest, NULL);
    forget_idle(e, rule);
    for (int known = 1; known >= 0; known--) {
        for (size_t a = 0; a < e->space->axis_count; a++) {
            const struct egw_axis *axis = &e->space->axes[a];
            const uint64_t *in = e->quest.point + axis->at;

            if (is_known(e, fact_of(e, a)) != known)
                continue;
            if (known ? !keeps(e, axis, in)
                      : memcmp(in, e->keep + axis->at, axis->words * sizeof(*in)) != 0)
                add_change(e, other, a);
        }
        other->count = known ? other->changes.n : other->count;
    }
}

/* The form of the channel has all it wants. */
static void add_complete(struct explaining *e, size_t rule)
{
    struct egw_explain_other *other =
        egw_list_push(&e->ret->arena, &e->ret->others, sizeof(*other));
    struct egw_explain_change *change =
        other ? egw_list_push(&e->ret->arena, &other->changes, sizeof(*change)) : NULL;

    if (!change) {
        e->nomem = true;
        return;
    }
    other->rule = rule;
    other->count = 1;
    change->fact = e->policy->facts[EGW_F_PACKAGE].name;
    change->is = egw_walk_text(&e->walk, EGW_F_PACKAGE);
    change->would = e->policy->facts[EGW_F_PACKAGE].values[EGW_V_PACKAGE_COMPLETE];
}

/* What the rule itself asks for takes more changes than that. */
static bool too_far(const struct explaining *e, size_t rule, unsigned changes)
{
    const struct egw_box *box = &e->space->sides[0].rules[rule];
    unsigned n = 0;

    for (size_t p = 0; p < box->n; p++)
        n += egw_part_fit(e->space, e->keep, &box->parts[p]) == EGW_FIT_NONE;
    return n > changes;
}

/* What neither the rule that decided nor a near miss of its stage asks for stays as it is known. */
static void keep_unasked(struct explaining *e)
{
    const struct egw_explain_step *step =
        (const struct egw_explain_step *)e->ret->path.p + e->ret->path.n - 1;
    const struct egw_explain_miss *missed = step->missed.p;
    const struct egw_box *rules = e->space->sides[0].rules;
    uint64_t asked = rules[step->rule].axes;

    for (size_t i = 0; i < step->missed.n; i++)
        asked |= rules[missed[i].rule].axes;
    for (size_t a = 0; a < e->space->axis_count; a++) {
        if (!(asked & EGW_AXIS_BIT(a)))
            egw_quest_within(&e->quest, a, e->keep + e->space->axes[a].at);
    }
}

static void try_rule(struct explaining *e, size_t rule, unsigned changes, bool asked)
{
    enum egw_found found;

    if (e->policy->rules[rule].view.action < 0 || is_told(e, rule) || too_far(e, rule, changes))
        return;
    egw_quest_begin(&e->quest, false);
    egw_quest_decides(&e->quest, 0, rule);
    for (size_t a = 0; a < e->space->axis_count; a++)
        egw_quest_within(&e->quest, a, e->sane + e->space->axes[a].at);
    if (asked)
        keep_unasked(e);
    egw_quest_near(&e->quest, e->keep, changes);
    e->quest.steps = e->steps < QUESTION_STEPS ? e->steps : QUESTION_STEPS;
    found = e->steps ? egw_quest_find(&e->quest) : EGW_FOUND_UNSURE;
    if (e->steps)
        e->steps -= e->quest.steps - e->quest.left;
    e->nomem = e->nomem || e->quest.nomem;
    e->ret->cut_short = e->ret->cut_short || found == EGW_FOUND_UNSURE;
    if (found == EGW_FOUND_SOME)
        add_other(e, rule);
}

static void try_rules(struct explaining *e, size_t from, size_t to, unsigned changes, bool asked)
{
    for (size_t r = from; r < to && !e->nomem && e->ret->others.n < EGW_EXPLAIN_OTHERS; r++)
        try_rule(e, r, changes, asked);
}

/* Of changes equally small, those of what that rule and its near misses asked for come first. Of
 * results equally near, those of later stages, then those of the stage that decided: how an event
 * is refused at the door is rarely what is asked. */
static void find_others(struct explaining *e)
{
    const struct egw_explain_step *path = e->ret->path.p;
    const struct egw_stage_table *stage = &e->policy->stages[e->ret->path.n - 1];
    size_t last = path[e->ret->path.n - 1].rule, end = stage->first + stage->count;

    if (last != e->ret->decided_by)
        add_complete(e, last);
    e->steps = ALL_STEPS;
    for (unsigned pass = 2; pass < 2 * (EGW_EXPLAIN_CHANGES + 1); pass++) {
        unsigned changes = pass / 2;
        bool asked = pass % 2 == 0;

        try_rules(e, end, e->policy->staged_count, changes, asked);
        try_rules(e, stage->first, end, changes, asked);
        try_rules(e, 0, stage->first, changes, asked);
    }
}

static enum egw_status look_elsewhere(struct explaining *e)
{
    enum egw_status st = egw_space_new(&e->policy, 1, &e->space);

    if (!st)
        st = egw_quest_new(e->space, &e->quest);
    if (st) {
        egw_space_free(e->space);
        return st;
    }
    keep_known(e);
    keep_sane(e);
    if (!e->nomem)
        find_others(e);
    egw_quest_free(&e->quest);
    egw_space_free(e->space);
    return e->nomem ? EGW_NOMEM : EGW_OK;
}

enum egw_status egw_explain(const struct egw_policy *policy, const struct egw_list *facts,
                            int64_t recorded_ms, struct egw_explanation *ret,
                            struct egw_error *reterr)
{
    struct explaining e = {.policy = policy, .ret = ret};
    enum egw_status st = egw_walk_take(policy, facts, recorded_ms, e.values, &e.known, reterr);

    *ret = (struct egw_explanation){.arena = {.max = (size_t)64 << 20}};
    e.walk = (struct egw_walk){.policy = policy, .values = e.values};
    if (!st)
        st = walk_path(&e, reterr);
    if (!st && (e.nomem || look_elsewhere(&e)))
        st = egw_error_set(reterr, EGW_NOMEM, "no memory to explain a decision");
    if (st)
        egw_explanation_free(ret);
    return st;
}

void egw_explanation_free(struct egw_explanation *explanation)
{
    egw_arena_free(&explanation->arena);
    *explanation = (struct egw_explanation){0};
}
