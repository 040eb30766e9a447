/* One event of a region: which rule decides it, and what tells of it. */
#include "policy_search.h"

static size_t shown_class(const struct egw_axis *axis, const uint64_t *region)
{
    size_t first = SIZE_MAX;

    for (size_t c = 0; c < axis->class_count; c++) {
        struct egw_str text = axis->values[axis->shown[c]];

        if (!egw_bit(region, c))
            continue;
        if (text.n && !egw_str_is(text, "invalid") && !egw_str_is(text, "unknown"))
            return c;
        first = first == SIZE_MAX ? c : first;
    }
    return first;
}

size_t egw_region_decider(const struct egw_space *space, size_t side, const uint64_t *region)
{
    const struct egw_side *of = &space->sides[side];
    size_t point[EGW_AXES_MAX];

    for (size_t a = 0; a < space->axis_count; a++) {
        const struct egw_axis *axis = &space->axes[a];

        point[a] = shown_class(axis, region + axis->at);
    }
    for (size_t r = 0; r < of->policy->staged_count; r++) {
        const struct egw_rule_view *view = &of->policy->rules[r].view;
        bool fits = true;

        for (size_t p = 0; p < of->rules[r].n && fits; p++)
            fits = egw_bit(of->rules[r].parts[p].in, point[of->rules[r].parts[p].axis]);
        if (fits && view->action >= 0)
            return r;
        while (fits && r + 1 < of->policy->staged_count &&
               of->policy->rules[r + 1].view.stage == view->stage)
            r++; /* the stage is passed */
    }
    return SIZE_MAX;
}

/* All of it goes on after the stage: no rule before one that takes all of it and lets it go on ends
 * any of it. */
static bool all_goes_on(const struct egw_space *space, size_t side, const uint64_t *region,
                        const struct egw_stage_table *stage)
{
    const struct egw_side *of = &space->sides[side];

    for (size_t r = stage->first; r < stage->first + stage->count; r++) {
        enum egw_fit fit = egw_box_fit(space, region, &of->rules[r]);
        bool goes_on = of->policy->rules[r].view.action < 0;

        if (fit == EGW_FIT_ALL || (fit == EGW_FIT_SOME && !goes_on))
            return goes_on;
    }
    return false;
}

bool egw_region_decided_by(const struct egw_space *space, size_t side, const uint64_t *region,
                           size_t rule)
{
    const struct egw_side *of = &space->sides[side];
    const struct egw_stage_table *at =
        &of->policy->stages[of->policy->rules[rule].view.stage - EGW_STAGE_VALIDITY];
    size_t r = at->first;

    for (const struct egw_stage_table *stage = of->policy->stages; stage < at; stage++) {
        if (!all_goes_on(space, side, region, stage))
            return false;
    }
    while (r < rule && egw_box_fit(space, region, &of->rules[r]) == EGW_FIT_NONE)
        r++;
    return r == rule && egw_box_fit(space, region, &of->rules[rule]) == EGW_FIT_ALL;
}

static bool is_tested(const struct egw_space *space, const struct egw_told *by, size_t axis)
{
    const struct egw_box *box =
        by->rule == SIZE_MAX ? NULL : &space->sides[by->side].rules[by->rule];

    for (size_t p = 0; box && p < box->n; p++) {
        if (box->parts[p].axis == axis)
            return true;
    }
    return false;
}

bool egw_fact_keep(const struct egw_space *space, struct egw_fact *fact, struct egw_arena *arena)
{
    const struct egw_axis *axis = &space->axes[egw_space_axis(space, fact->name)];

    if (axis == &space->axes[0] && !egw_arena_str(arena, fact->value, &fact->value))
        return false;
    return !axis->apart || egw_arena_str(arena, fact->name, &fact->name);
}

static bool is_whole(const struct egw_space *space, const uint64_t *region, size_t axis)
{
    size_t at = space->axes[axis].at;

    return memcmp(region + at, space->whole + at, space->axes[axis].words * sizeof(*region)) == 0;
}

/* What the policy reads; where both read alike, the word that either knows. */
static struct egw_str shown_text(const struct egw_space *space, const uint64_t *region, size_t a)
{
    const struct egw_axis *axis = &space->axes[a];
    size_t value = axis->shown[shown_class(axis, region + axis->at)], side = axis->map[0] ? 0 : 1;
    const struct egw_policy *policy = space->sides[side].policy;

    for (size_t f = EGW_F_ERA + 1; axis->apart && f < policy->fact_count; f++) {
        if (f != EGW_F_FAMILY && space->axis_of[side][f] == (int)a)
            return policy->facts[f].values[axis->map[side][value]];
    }
    return axis->values[value];
}

/* The policies read the fact otherwise, and that tells. */
static bool is_read_otherwise(const struct egw_space *space, const uint64_t *region, size_t a)
{
    size_t twin = space->axes[a].twin;

    return space->axes[a].apart && !(is_whole(space, region, a) && is_whole(space, region, twin)) &&
           !egw_str_same(shown_text(space, region, a), shown_text(space, region, twin));
}

/* What of an event goes with the reading of a fact. */
static bool is_ground_of(const struct egw_space *space, size_t a, size_t read)
{
    const int *of = space->axis_of[space->axes[read].map[0] ? 0 : 1];

    if (of[EGW_F_SERVICE] == (int)a)
        return true;
    if (of[EGW_F_HEALTH] == (int)read)
        return of[EGW_F_SYMPTOM] == (int)a;
    return of[EGW_F_ACCESS] == (int)read && of[EGW_F_USE] == (int)a;
}

struct telling {
    const struct egw_space *space;
    const uint64_t *region;
    const struct egw_told *about;
    size_t n;
    bool reason[EGW_AXES_MAX]; /* by axis: why the policies differ */
};

static bool is_asked(const struct telling *t, size_t a)
{
    for (size_t i = 0; i < t->n; i++) {
        if (is_tested(t->space, &t->about[i], a))
            return true;
    }
    return false;
}

/* All that is read otherwise; where the rules test some of it, that will do. */
static void find_reasons(struct telling *t)
{
    bool asked[EGW_AXES_MAX], of_rules = false;

    for (size_t a = 0; a < t->space->axis_count; a++) {
        t->reason[a] = is_read_otherwise(t->space, t->region, a);
        asked[a] = t->reason[a] && (is_asked(t, a) || is_asked(t, t->space->axes[a].twin));
        of_rules = of_rules || asked[a];
    }
    for (size_t a = 0; a < t->space->axis_count && of_rules; a++)
        t->reason[a] = asked[a];
}

static bool tells(const struct telling *t, size_t a)
{
    if (is_asked(t, a) || t->reason[a])
        return true;
    for (size_t r = 0; r < t->space->axis_count && !is_whole(t->space, t->region, a); r++) {
        if (t->reason[r] && is_ground_of(t->space, a, r))
            return true;
    }
    return false;
}

bool egw_region_example(const struct egw_space *space, const uint64_t *region,
                        const struct egw_told *about, size_t n, struct egw_arena *arena,
                        struct egw_example *ret)
{
    struct egw_fact *facts = egw_arena_alloc(arena, space->axis_count * sizeof(*facts));
    size_t decider = egw_region_decider(space, 0, region), count = 0;
    struct telling t = {space, region, about, n, {false}};

    *ret = (struct egw_example){.decided_by = decider == SIZE_MAX ? EGW_NO_RULE : (int64_t)decider};
    find_reasons(&t);
    for (int telling = 1; facts && telling >= 0; telling--) {
        for (size_t a = 0; a < space->axis_count; a++) {
            bool told = tells(&t, a);

            if (told == telling && (told || !is_whole(space, region, a)))
                facts[count++] =
                    (struct egw_fact){space->axes[a].name, shown_text(space, region, a)};
        }
        ret->telling = telling ? count : ret->telling;
    }
    for (size_t i = 0; i < count; i++) {
        if (!egw_fact_keep(space, &facts[i], arena))
            return false;
    }
    ret->facts = (struct egw_list){facts, count};
    return facts != NULL;
}
