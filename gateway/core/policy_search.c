#include "policy_search.h"

#include <stdlib.h>

enum { TRY_STEPS = 50000, LOOKED_AT = 256 };

/* ---- regions and boxes ---- */

enum egw_fit egw_box_fit(const struct egw_space *space, const uint64_t *region,
                         const struct egw_box *box)
{
    enum egw_fit fit = EGW_FIT_ALL;

    for (size_t i = 0; i < box->n; i++) {
        enum egw_fit part = egw_part_fit(space, region, &box->parts[i]);

        if (part == EGW_FIT_NONE)
            return EGW_FIT_NONE;
        fit = part < fit ? part : fit;
    }
    return fit;
}

bool egw_box_holds(const struct egw_space *space, const struct egw_box *outer,
                   const struct egw_box *inner)
{
    for (size_t i = 0; i < outer->n; i++) {
        const struct egw_part *part = &outer->parts[i];
        const struct egw_axis *axis = &space->axes[part->axis];
        const uint64_t *in = space->whole + axis->at;

        for (size_t k = 0; k < inner->n; k++)
            in = inner->parts[k].axis == part->axis ? inner->parts[k].in : in;
        for (size_t w = 0; w < axis->words; w++) {
            if (in[w] & ~part->in[w])
                return false;
        }
    }
    return true;
}

static void keep_part(const struct egw_space *space, uint64_t *region, const struct egw_part *part,
                      bool inside)
{
    const struct egw_axis *axis = &space->axes[part->axis];

    for (size_t w = 0; w < axis->words; w++)
        region[axis->at + w] &= inside ? part->in[w] : ~part->in[w];
}

/* ---- frames ---- */

static struct egw_branch *frame_at(struct egw_quest *quest, size_t depth)
{
    struct egw_branch *frame;

    if (depth == quest->frame_count) {
        size_t count = quest->frame_count ? quest->frame_count * 2 : 16;
        struct egw_branch *grown = realloc(quest->frames, count * sizeof(*grown));

        if (!grown)
            return NULL;
        memset(grown + quest->frame_count, 0, (count - quest->frame_count) * sizeof(*grown));
        quest->frames = grown;
        quest->frame_count = count;
    }
    frame = &quest->frames[depth];
    if (!frame->region)
        frame->region = calloc(quest->space->words, sizeof(*frame->region));
    return frame->region ? frame : NULL;
}

static bool frame_avoid(struct egw_branch *frame, const struct egw_box *box)
{
    if (frame->n == frame->room) {
        size_t room = frame->room ? frame->room * 2 : 64;
        const struct egw_box **grown = realloc(frame->avoid, room * sizeof(*grown));

        if (!grown)
            return false;
        frame->avoid = grown;
        frame->room = room;
    }
    frame->avoid[frame->n++] = box;
    frame->narrowed |= box->axes; /* it is yet to be looked at */
    return true;
}

/* A branch begins as a copy of where it leaves. NULL: no memory. */
static struct egw_branch *frame_branch(struct egw_quest *quest, size_t depth)
{
    struct egw_branch *to = frame_at(quest, depth + 1), *from = &quest->frames[depth];

    if (!to) {
        quest->nomem = true;
        return NULL;
    }
    if (to->room < from->n) {
        const struct egw_box **grown = realloc(to->avoid, from->room * sizeof(*grown));

        if (!grown) {
            quest->nomem = true;
            return NULL;
        }
        to->avoid = grown;
        to->room = from->room;
    }
    memcpy(to->region, from->region, quest->space->words * sizeof(*to->region));
    if (from->n)
        memcpy(to->avoid, from->avoid, from->n * sizeof(*to->avoid));
    to->n = from->n;
    to->narrowed = from->narrowed;
    return to;
}

enum egw_status egw_quest_new(const struct egw_space *space, struct egw_quest *ret)
{
    *ret = (struct egw_quest){.space = space, .steps = EGW_SEARCH_STEPS};
    ret->point = calloc(space->words, sizeof(*ret->point));
    if (ret->point && frame_at(ret, 0))
        return EGW_OK;
    egw_quest_free(ret);
    return EGW_NOMEM;
}

void egw_quest_free(struct egw_quest *quest)
{
    for (size_t i = 0; i < quest->frame_count; i++) {
        free(quest->frames[i].region);
        free(quest->frames[i].avoid);
    }
    free(quest->frames);
    free(quest->point);
    *quest = (struct egw_quest){0};
}

/* ---- the question ---- */

void egw_quest_begin(struct egw_quest *quest, bool bare)
{
    const struct egw_space *space = quest->space;

    memcpy(quest->frames[0].region, space->whole, space->words * sizeof(uint64_t));
    quest->frames[0].n = 0;
    quest->frames[0].narrowed = ~UINT64_C(0);
    memset(quest->passes, 0, sizeof(quest->passes));
    quest->keep = NULL;
    for (size_t i = 0; !bare && i < space->impossible_count; i++)
        egw_quest_avoid(quest, &space->impossible[i]);
}

void egw_quest_within(struct egw_quest *quest, const struct egw_box *box)
{
    for (size_t i = 0; i < box->n; i++)
        keep_part(quest->space, quest->frames[0].region, &box->parts[i], true);
    quest->frames[0].narrowed = ~UINT64_C(0);
}

void egw_quest_avoid(struct egw_quest *quest, const struct egw_box *box)
{
    if (egw_box_fit(quest->space, quest->frames[0].region, box) != EGW_FIT_NONE &&
        !frame_avoid(&quest->frames[0], box))
        quest->nomem = true;
}

static const struct egw_stage_table *stage_of(const struct egw_side *side, size_t rule)
{
    return &side->policy->stages[side->policy->rules[rule].view.stage - EGW_STAGE_VALIDITY];
}

void egw_quest_first(struct egw_quest *quest, size_t side, size_t rule)
{
    const struct egw_side *of = &quest->space->sides[side];

    egw_quest_within(quest, &of->rules[rule]);
    for (size_t r = stage_of(of, rule)->first; r < rule; r++)
        egw_quest_avoid(quest, &of->rules[r]);
}

void egw_quest_decides(struct egw_quest *quest, size_t side, size_t rule)
{
    const struct egw_side *of = &quest->space->sides[side];

    egw_quest_first(quest, side, rule);
    quest->passes[side] = (size_t)(stage_of(of, rule) - of->policy->stages);
}

/* ---- drawing what follows ---- */

static bool is_empty(const uint64_t *words, size_t n)
{
    for (size_t w = 0; w < n; w++) {
        if (words[w])
            return false;
    }
    return true;
}

static bool touches(const uint64_t *a, const uint64_t *b, size_t n)
{
    for (size_t w = 0; w < n; w++) {
        if (a[w] & b[w])
            return true;
    }
    return false;
}

static bool spend(struct egw_quest *quest, uint64_t steps)
{
    quest->left = quest->left > steps ? quest->left - steps : 0;
    return quest->left > 0;
}

static void run_aground(struct egw_quest *quest, const struct egw_box *on)
{
    for (size_t p = 0; p < on->n; p++)
        quest->blame[on->parts[p].axis]++;
}

enum drawn { DRAWN_NOTHING, DRAWN_SOME, DRAWN_CONFLICT };

/* One pass over the boxes still to avoid. A box that the region misses is done; where only one part
 * leaves a choice, the region leaves it there. */
static enum drawn draw_avoided(struct egw_quest *quest, struct egw_branch *frame)
{
    uint64_t narrowed = frame->narrowed;
    enum drawn drawn = DRAWN_NOTHING;

    frame->narrowed = 0;
    (void)spend(quest, frame->n / 4); /* most are passed over */

    for (size_t i = 0; i < frame->n;) {
        const struct egw_box *box = frame->avoid[i];
        const struct egw_part *open = NULL;
        size_t choices = 0;
        bool missed = false;

        if (!(box->axes & (narrowed | frame->narrowed))) {
            i++;
            continue;
        }
        for (size_t p = 0; p < box->n && !missed; p++) {
            enum egw_fit fit = egw_part_fit(quest->space, frame->region, &box->parts[p]);

            missed = fit == EGW_FIT_NONE;
            if (fit == EGW_FIT_SOME) {
                open = &box->parts[p];
                choices++;
            }
        }
        (void)spend(quest, box->n + 1);
        if (choices > 1 && !missed) {
            i++;
            continue;
        }
        if (!missed && !open) {
            run_aground(quest, box);
            return DRAWN_CONFLICT;
        }
        if (!missed) {
            keep_part(quest->space, frame->region, open, false);
            frame->narrowed |= EGW_AXIS_BIT(open->axis);
            drawn = DRAWN_SOME;
        }
        frame->avoid[i] = frame->avoid[--frame->n];
    }
    return drawn;
}

/* Once as much has changed as may, the rest stays as it is known. */
static enum drawn draw_kept(struct egw_quest *quest, struct egw_branch *frame)
{
    const struct egw_space *space = quest->space;
    enum drawn drawn = DRAWN_NOTHING;
    unsigned changed = 0;

    for (size_t a = 0; a < space->axis_count; a++) {
        const struct egw_axis *axis = &space->axes[a];

        changed += !touches(frame->region + axis->at, quest->keep + axis->at, axis->words);
    }
    if (changed != quest->changes)
        return changed > quest->changes ? DRAWN_CONFLICT : DRAWN_NOTHING;
    for (size_t a = 0; a < space->axis_count; a++) {
        const struct egw_axis *axis = &space->axes[a];
        uint64_t *region = frame->region + axis->at;
        const uint64_t *keep = quest->keep + axis->at;

        if (!touches(region, keep, axis->words))
            continue;
        for (size_t w = 0; w < axis->words; w++) {
            if (region[w] & ~keep[w]) {
                drawn = DRAWN_SOME;
                frame->narrowed |= EGW_AXIS_BIT(a);
            }
            region[w] &= keep[w];
        }
    }
    return drawn;
}

/* False: nothing is left. */
static bool draw(struct egw_quest *quest, struct egw_branch *frame)
{
    enum drawn drawn = DRAWN_SOME;

    while (drawn == DRAWN_SOME) {
        drawn = draw_avoided(quest, frame);
        if (drawn != DRAWN_CONFLICT && quest->keep) {
            enum drawn kept = draw_kept(quest, frame);

            drawn = kept > drawn ? kept : drawn;
        }
    }
    return drawn != DRAWN_CONFLICT;
}

/* ---- stages to pass ---- */

struct choice {
    const struct egw_box *box;
    const struct egw_part *part; /* NULL: the whole box */
    bool inside_first;
};

enum passing { PASSING, PASSING_NOT, PASSING_PARTLY, PASSING_DRAW };

/*
 * Whether all of the region goes on after the stage. PARTLY: ret says where to part it. DRAW: what
 * must be avoided was added to what is to be avoided, as no rule before it that goes on may fit.
 */
static enum passing passes_stage(struct egw_quest *quest, const struct egw_side *side,
                                 const struct egw_stage_table *stage, struct egw_branch *frame,
                                 struct choice *ret)
{
    const struct egw_box *perhaps = NULL;

    for (size_t r = stage->first; r < stage->first + stage->count; r++) {
        const struct egw_box *box = &side->rules[r];
        enum egw_fit fit = egw_box_fit(quest->space, frame->region, box);
        bool goes_on = side->policy->rules[r].view.action < 0;

        (void)spend(quest, box->n + 1);
        if (fit == EGW_FIT_NONE)
            continue;
        if (goes_on && fit == EGW_FIT_ALL)
            break;
        if (goes_on) {
            perhaps = perhaps ? perhaps : box;
            continue;
        }
        if (fit == EGW_FIT_ALL && !perhaps) {
            run_aground(quest, box);
            return PASSING_NOT;
        }
        if (!perhaps && frame_avoid(frame, box))
            continue;
        quest->nomem = quest->nomem || !perhaps;
        if (frame->n)
            break;
        *ret = fit == EGW_FIT_ALL ? (struct choice){perhaps, NULL, true}
                                  : (struct choice){box, NULL, false};
        return PASSING_PARTLY;
    }
    return frame->n ? PASSING_DRAW : PASSING;
}

static enum passing passes_all(struct egw_quest *quest, struct egw_branch *frame,
                               struct choice *ret)
{
    for (size_t s = 0; s < quest->space->side_count; s++) {
        const struct egw_side *side = &quest->space->sides[s];

        for (size_t t = 0; t < quest->passes[s]; t++) {
            enum passing passing = passes_stage(quest, side, &side->policy->stages[t], frame, ret);

            if (passing != PASSING)
                return passing;
        }
    }
    return PASSING;
}

/* ---- branching ---- */

/* Leaving the part keeps something that is known. */
static bool keeps(const struct egw_quest *quest, const uint64_t *region,
                  const struct egw_part *part)
{
    const struct egw_axis *axis = &quest->space->axes[part->axis];

    for (size_t w = 0; quest->keep && w < axis->words; w++) {
        if (region[axis->at + w] & quest->keep[axis->at + w] & ~part->in[w])
            return true;
    }
    return !quest->keep;
}

/* The part to branch on: one that leaving costs no change, of a box with few open parts, on the
 * axis that most such boxes hang on - and above all that the search has run aground on so far. */
static struct choice choose(struct egw_quest *quest, const struct egw_branch *frame)
{
    double weight[EGW_AXES_MAX] = {0}, best_weight = 0;
    struct choice best = {0};
    size_t n = frame->n < LOOKED_AT ? frame->n : LOOKED_AT;

    for (size_t i = 0; i < n; i++) {
        const struct egw_box *box = frame->avoid[i];
        unsigned open = 0;

        for (size_t p = 0; p < box->n; p++)
            open += egw_part_fit(quest->space, frame->region, &box->parts[p]) == EGW_FIT_SOME;
        for (size_t p = 0; p < box->n; p++)
            weight[box->parts[p].axis] += 1.0 / (1u << (open < 16 ? 2 * open : 30));
        (void)spend(quest, box->n);
    }
    for (size_t i = 0; i < n; i++) {
        const struct egw_box *box = frame->avoid[i];

        for (size_t p = 0; p < box->n; p++) {
            const struct egw_part *part = &box->parts[p];
            double this_weight = weight[part->axis] * (1 + quest->blame[part->axis]) *
                                 (keeps(quest, frame->region, part) ? 2 : 1);

            if (this_weight > best_weight &&
                egw_part_fit(quest->space, frame->region, part) == EGW_FIT_SOME) {
                best_weight = this_weight;
                best = (struct choice){box, part, false};
            }
        }
    }
    return best;
}

static bool branch_into(struct egw_quest *quest, struct egw_branch *frame,
                        const struct choice *choice, bool inside)
{
    if (choice->part) {
        keep_part(quest->space, frame->region, choice->part, inside);
        frame->narrowed |= EGW_AXIS_BIT(choice->part->axis);
    } else if (inside) {
        for (size_t i = 0; i < choice->box->n; i++)
            keep_part(quest->space, frame->region, &choice->box->parts[i], true);
        frame->narrowed |= choice->box->axes;
    } else if (!frame_avoid(frame, choice->box)) {
        quest->nomem = true;
        return false;
    }
    return true;
}

static double size_of(const struct egw_space *space, const uint64_t *region)
{
    double size = 1;

    for (size_t a = 0; a < space->axis_count; a++) {
        const struct egw_axis *axis = &space->axes[a];
        unsigned classes = 0;

        for (size_t w = 0; w < axis->words; w++)
            classes += (unsigned)__builtin_popcountll(region[axis->at + w]);
        size *= classes;
    }
    return size;
}

static enum egw_found take(struct egw_quest *quest, const uint64_t *region)
{
    memcpy(quest->point, region, quest->space->words * sizeof(*region));
    quest->count += size_of(quest->space, region);
    return EGW_FOUND_SOME;
}

/* all: every branch is walked, to count; else the first that holds something ends it. */
static enum egw_found solve(struct egw_quest *quest, size_t depth, bool all)
{
    struct egw_branch *frame = &quest->frames[depth];
    enum egw_found found = EGW_FOUND_NONE;
    struct choice choice = {0};

    while (!choice.box) {
        enum passing passing;

        if (quest->left == 0 || quest->nomem)
            return EGW_FOUND_UNSURE;
        if (!draw(quest, frame))
            return EGW_FOUND_NONE;
        if (frame->n) {
            choice = choose(quest, frame);
            break;
        }
        passing = passes_all(quest, frame, &choice);
        if (passing == PASSING)
            return take(quest, frame->region);
        if (passing == PASSING_NOT)
            return EGW_FOUND_NONE;
    }
    for (int i = 0; i < 2; i++) {
        struct egw_branch *branch = frame_branch(quest, depth);
        enum egw_found below;

        if (!branch || !branch_into(quest, branch, &choice, (i == 0) == choice.inside_first))
            return EGW_FOUND_UNSURE;
        below = solve(quest, depth + 1, all);
        if (below == EGW_FOUND_SOME && !all)
            return below;
        found = below > found ? below : found;
    }
    return found;
}

/* What is empty from the start has no point; drawing would not see it. */
static bool may_hold(const struct egw_quest *quest)
{
    for (size_t a = 0; a < quest->space->axis_count; a++) {
        const struct egw_axis *axis = &quest->space->axes[a];

        if (is_empty(quest->frames[0].region + axis->at, axis->words))
            return false;
    }
    return true;
}

/* Avoiding every rule that ends a stage to be passed is more than is asked, and soon settled. */
static void avoid_all_ends(struct egw_quest *quest, struct egw_branch *branch)
{
    for (size_t s = 0; s < quest->space->side_count; s++) {
        const struct egw_side *side = &quest->space->sides[s];
        size_t last = quest->passes[s] ? side->policy->stages[quest->passes[s] - 1].first +
                                             side->policy->stages[quest->passes[s] - 1].count
                                       : 0;

        for (size_t r = 0; r < last; r++) {
            if (side->policy->rules[r].view.action >= 0 &&
                egw_box_fit(quest->space, branch->region, &side->rules[r]) != EGW_FIT_NONE &&
                !frame_avoid(branch, &side->rules[r]))
                quest->nomem = true;
        }
    }
}

static enum egw_found try_for(struct egw_quest *quest, uint64_t steps, bool simply)
{
    struct egw_branch *branch = frame_branch(quest, 0);
    uint64_t rest;
    enum egw_found found;

    if (!branch)
        return EGW_FOUND_UNSURE;
    if (simply)
        avoid_all_ends(quest, branch);
    steps = steps < quest->left ? steps : quest->left;
    rest = quest->left - steps;
    quest->left = steps;
    found = solve(quest, 1, false);
    quest->left += rest;
    return found;
}

/* A search that began badly is begun anew, with what it ran aground on first. */
enum egw_found egw_quest_find(struct egw_quest *quest)
{
    enum egw_found found = EGW_FOUND_UNSURE;

    quest->left = quest->steps;
    memset(quest->blame, 0, sizeof(quest->blame));
    if (quest->nomem)
        return EGW_FOUND_UNSURE;
    if (!may_hold(quest))
        return EGW_FOUND_NONE;
    for (uint64_t steps = TRY_STEPS; found == EGW_FOUND_UNSURE && quest->left; steps *= 2) {
        if ((quest->passes[0] || quest->passes[1]) && try_for(quest, steps, true) == EGW_FOUND_SOME)
            return EGW_FOUND_SOME;
        found = try_for(quest, steps, false);
    }
    return found;
}

enum egw_found egw_quest_count(struct egw_quest *quest)
{
    quest->left = quest->steps;
    quest->count = 0;
    if (quest->nomem)
        return EGW_FOUND_UNSURE;
    return may_hold(quest) ? solve(quest, 0, true) : EGW_FOUND_NONE;
}

/* ---- one event of a region ---- */

static size_t shown_class(const struct egw_axis *axis, const uint64_t *region, const uint64_t *keep)
{
    size_t first = SIZE_MAX;

    for (size_t c = 0; keep && c < axis->class_count; c++) {
        if (egw_bit(region, c) && egw_bit(keep, c))
            return c;
    }
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

size_t egw_region_decider(const struct egw_space *space, size_t side, const uint64_t *region,
                          const uint64_t *keep)
{
    const struct egw_side *of = &space->sides[side];
    size_t point[EGW_AXES_MAX];

    for (size_t a = 0; a < space->axis_count; a++) {
        const struct egw_axis *axis = &space->axes[a];

        point[a] = shown_class(axis, region + axis->at, keep ? keep + axis->at : NULL);
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
    const struct egw_stage_table *at = stage_of(of, rule);
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

bool egw_region_example(const struct egw_space *space, const uint64_t *region,
                        const struct egw_told *about, size_t n, struct egw_arena *arena,
                        struct egw_example *ret)
{
    struct egw_fact *facts = egw_arena_alloc(arena, space->axis_count * sizeof(*facts));
    size_t decider = egw_region_decider(space, 0, region, NULL), count = 0;

    *ret = (struct egw_example){.decided_by = decider == SIZE_MAX ? EGW_NO_RULE : (int64_t)decider};
    for (int telling = 1; facts && telling >= 0; telling--) {
        for (size_t a = 0; a < space->axis_count; a++) {
            const struct egw_axis *axis = &space->axes[a];
            const uint64_t *here = region + axis->at, *all = space->whole + axis->at;
            bool tested = false;

            for (size_t i = 0; i < n; i++)
                tested = tested || is_tested(space, &about[i], a);
            if (tested == telling &&
                (tested || memcmp(here, all, axis->words * sizeof(*here)) != 0))
                facts[count++] = (struct egw_fact){
                    axis->name, axis->values[axis->shown[shown_class(axis, here, NULL)]]};
        }
        ret->telling = telling ? count : ret->telling;
    }
    /* Times are told in the space's own words, which the example outlives. */
    for (size_t i = 0; i < count; i++) {
        if (egw_str_eq(facts[i].name, space->axes[0].name) &&
            !egw_arena_str(arena, facts[i].value, &facts[i].value))
            return false;
    }
    ret->facts = (struct egw_list){facts, count};
    return facts != NULL;
}
