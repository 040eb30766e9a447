#include "policy_search.h"

#include <stdlib.h>

/* ---- boxes ---- */

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

/* The box's classes on the axis. */
static const uint64_t *classes_of(const struct egw_space *space, const struct egw_box *box,
                                  unsigned axis)
{
    for (size_t p = 0; p < box->n; p++) {
        if (box->parts[p].axis == axis)
            return box->parts[p].in;
    }
    return space->whole + space->axes[axis].at;
}

static bool touches(const uint64_t *a, const uint64_t *b, size_t n)
{
    for (size_t w = 0; w < n; w++) {
        if (a[w] & b[w])
            return true;
    }
    return false;
}

bool egw_box_holds(const struct egw_space *space, const struct egw_box *outer,
                   const struct egw_box *inner)
{
    for (size_t i = 0; i < outer->n; i++) {
        const struct egw_part *part = &outer->parts[i];
        const uint64_t *in = classes_of(space, inner, part->axis);

        for (size_t w = 0; w < space->axes[part->axis].words; w++) {
            if (in[w] & ~part->in[w])
                return false;
        }
    }
    return true;
}

bool egw_boxes_meet(const struct egw_space *space, const struct egw_box *a, const struct egw_box *b)
{
    for (size_t i = 0; i < a->n; i++) {
        const struct egw_part *part = &a->parts[i];

        if (!touches(part->in, classes_of(space, b, part->axis), space->axes[part->axis].words))
            return false;
    }
    return true;
}

/* ---- clauses ---- */

static void *get(struct egw_quest *quest, size_t n, size_t size)
{
    size_t bytes;
    void *p = NULL;

    if (!__builtin_mul_overflow(n ? n : 1, size, &bytes))
        p = egw_arena_alloc(&quest->arena, bytes);
    quest->nomem = quest->nomem || !p;
    return p ? memset(p, 0, bytes) : NULL;
}

static void say(struct egw_quest *quest, const egw_lit *lits, size_t n)
{
    egw_sat_clause(quest->sat, lits, n);
}
#define SAY(quest, ...)                                                                            \
    say((quest), (const egw_lit[]){__VA_ARGS__}, EGW_COUNT(((const egw_lit[]){__VA_ARGS__})))

static size_t slot_of(const struct egw_quest *quest, const egw_lit *lits, size_t n)
{
    uint64_t hash = n;
    size_t slot;

    for (size_t i = 0; i < n; i++)
        hash = (hash ^ (uint32_t)lits[i]) * UINT64_C(0x9e3779b97f4a7c15);
    slot = (size_t)(hash >> 20) & (quest->gate_room - 1);
    while (quest->gates[slot].lits &&
           (quest->gates[slot].n != n ||
            memcmp(quest->gates[slot].lits, lits, n * sizeof(*lits)) != 0))
        slot = (slot + 1) & (quest->gate_room - 1);
    return slot;
}

/* Room for one gate more, with half of the slots free. */
static bool room_for_gate(struct egw_quest *quest)
{
    struct egw_gate *old = quest->gates;
    size_t old_room = quest->gate_room;

    if (2 * quest->gate_n < quest->gate_room)
        return true;
    quest->gate_room = old_room ? 4 * old_room : 4096;
    quest->gates = get(quest, quest->gate_room, sizeof(*quest->gates));
    for (size_t i = 0; quest->gates && i < old_room; i++) {
        if (old[i].lits)
            quest->gates[slot_of(quest, old[i].lits, old[i].n)] = old[i];
    }
    return quest->gates != NULL;
}

static egw_lit new_gate(struct egw_quest *quest, const egw_lit *lits, size_t n)
{
    struct egw_gate *gate = room_for_gate(quest) ? &quest->gates[slot_of(quest, lits, n)] : NULL;
    egw_lit *opposite;

    if (!gate || gate->lits)
        return gate ? gate->all : EGW_LIT_FALSE;
    opposite = get(quest, n + 1, sizeof(*opposite));
    gate->lits = get(quest, n, sizeof(*gate->lits));
    if (!opposite || !gate->lits)
        return EGW_LIT_FALSE;
    memcpy((egw_lit *)(uintptr_t)gate->lits, lits, n * sizeof(*lits));
    gate->n = n;
    gate->all = egw_sat_settled(quest->sat);
    quest->gate_n++;
    for (size_t i = 0; i < n; i++) {
        SAY(quest, egw_lit_not(gate->all), lits[i]);
        opposite[i] = egw_lit_not(lits[i]);
    }
    opposite[n] = gate->all;
    say(quest, opposite, n + 1);
    return gate->all;
}

static int by_number(const void *a, const void *b)
{
    egw_lit x = *(const egw_lit *)a, y = *(const egw_lit *)b;

    return (x > y) - (x < y);
}

/* The literal that holds where all of these do: the same one for the same ones, which end up
 * sorted. */
static egw_lit all_of(struct egw_quest *quest, egw_lit *lits, size_t n)
{
    size_t kept = 0;

    qsort(lits, n, sizeof(*lits), by_number);
    for (size_t i = 0; i < n; i++) {
        if (lits[i] == EGW_LIT_FALSE || (kept && lits[kept - 1] == egw_lit_not(lits[i])))
            return EGW_LIT_FALSE;
        if (lits[i] != EGW_LIT_TRUE && !(kept && lits[kept - 1] == lits[i]))
            lits[kept++] = lits[i];
    }
    if (kept < 2)
        return kept ? lits[0] : EGW_LIT_TRUE;
    return new_gate(quest, lits, kept);
}

static egw_lit both(struct egw_quest *quest, egw_lit a, egw_lit b)
{
    egw_lit lits[] = {a, b};

    return all_of(quest, lits, EGW_COUNT(lits));
}

/* ---- facts ---- */

static egw_lit *lits_of(const struct egw_quest *quest, size_t axis)
{
    return quest->classes + quest->space->axes[axis].at * 64;
}

/* The class that the fewest rules ask for: most events are of it. */
static size_t likely_class(const struct egw_space *space, unsigned axis)
{
    size_t best = 0, fewest = SIZE_MAX;

    for (size_t c = 0; c < space->axes[axis].class_count; c++) {
        size_t n = 0;

        for (size_t s = 0; s < space->side_count; s++) {
            for (size_t r = 0; r < space->sides[s].policy->staged_count; r++)
                n += egw_bit(classes_of(space, &space->sides[s].rules[r], axis), c);
        }
        if (n < fewest) {
            fewest = n;
            best = c;
        }
    }
    return best;
}

/* A fact is of exactly one class: `up_to` holds from that one on. */
static void say_axis(struct egw_quest *quest, unsigned axis)
{
    size_t n = quest->space->axes[axis].class_count, likely = likely_class(quest->space, axis);
    egw_lit *lits = lits_of(quest, axis), up_to = EGW_LIT_FALSE;

    for (size_t c = 0; c < n; c++)
        lits[c] = n == 1 ? EGW_LIT_TRUE : egw_sat_choice(quest->sat, c == likely);
    say(quest, lits, n);
    for (size_t c = 0; c < n; c++) {
        egw_lit here = egw_sat_settled(quest->sat);

        SAY(quest, egw_lit_not(up_to), here);
        SAY(quest, egw_lit_not(up_to), egw_lit_not(lits[c]));
        SAY(quest, egw_lit_not(lits[c]), here);
        up_to = here;
    }
}

struct set {
    const uint64_t *in;
    egw_lit lit;
};

static egw_lit say_set(struct egw_quest *quest, unsigned axis, const uint64_t *in)
{
    const egw_lit *lits = lits_of(quest, axis);
    size_t classes = quest->space->axes[axis].class_count, n = 0;
    egw_lit set = egw_sat_settled(quest->sat), *clause = get(quest, classes + 1, sizeof(*clause));

    for (size_t c = 0; clause && c < classes; c++) {
        SAY(quest, egw_lit_not(lits[c]), egw_bit(in, c) ? set : egw_lit_not(set));
        if (egw_bit(in, c))
            clause[n++] = lits[c];
    }
    if (clause) {
        clause[n++] = egw_lit_not(set);
        say(quest, clause, n);
    }
    return set;
}

/* The literal that holds where the fact is one of the classes. */
static egw_lit one_of(struct egw_quest *quest, unsigned axis, const uint64_t *in)
{
    size_t words = quest->space->axes[axis].words;
    struct set *sets = quest->sets[axis].p;

    for (size_t i = 0; i < quest->sets[axis].n; i++) {
        if (memcmp(sets[i].in, in, words * sizeof(*in)) == 0)
            return sets[i].lit;
    }
    sets = egw_list_push(&quest->arena, &quest->sets[axis], sizeof(*sets));
    if (!sets) {
        quest->nomem = true;
        return EGW_LIT_FALSE;
    }
    *sets = (struct set){in, say_set(quest, axis, in)};
    return sets->lit;
}

/* ---- rules ---- */

static void say_rule(struct egw_quest *quest, const struct egw_box *box, struct egw_rule_lits *ret)
{
    egw_lit lits[EGW_AXES_MAX], in_force = EGW_LIT_TRUE;
    size_t n = 0;

    for (size_t p = 0; p < box->n; p++) {
        egw_lit part = one_of(quest, box->parts[p].axis, box->parts[p].in);

        if (box->parts[p].axis == 0)
            in_force = part;
        else
            lits[n++] = part;
    }
    ret->ever = all_of(quest, lits, n);
    ret->fits = both(quest, ret->ever, in_force);
}

/* Whether the walk goes on after the stage, if it gets there: as no stage has a gap, it does unless
 * the first rule that fits ends it. */
static egw_lit say_stage(struct egw_quest *quest, size_t side, size_t stage)
{
    const struct egw_side *of = &quest->space->sides[side];
    const struct egw_stage_table *table = &of->policy->stages[stage];
    struct egw_rule_lits *rules = quest->rules[side] + table->first;
    egw_lit none = EGW_LIT_TRUE, *lits = get(quest, table->count, sizeof(*lits));
    size_t n = 0;

    for (size_t r = 0; lits && r < table->count; r++) {
        say_rule(quest, &of->rules[table->first + r], &rules[r]);
        rules[r].none = none;
        if (of->policy->rules[table->first + r].view.action >= 0 && stage + 1 < EGW_STAGES)
            lits[n++] = egw_lit_not(both(quest, none, rules[r].fits));
        none = both(quest, none, egw_lit_not(rules[r].fits));
    }
    return lits ? all_of(quest, lits, n) : EGW_LIT_FALSE;
}

static void say_side(struct egw_quest *quest, size_t side)
{
    size_t n = quest->space->sides[side].policy->staged_count;

    quest->rules[side] = get(quest, n, sizeof(*quest->rules[side]));
    quest->gets_to[side][0] = EGW_LIT_TRUE;
    for (size_t s = 0; quest->rules[side] && s < EGW_STAGES; s++) {
        egw_lit goes_on = say_stage(quest, side, s);

        if (s + 1 < EGW_STAGES)
            quest->gets_to[side][s + 1] = both(quest, quest->gets_to[side][s], goes_on);
    }
}

static void say_impossible(struct egw_quest *quest)
{
    const struct egw_space *space = quest->space;

    quest->possible = egw_sat_settled(quest->sat);
    for (size_t i = 0; i < space->impossible_count; i++) {
        const struct egw_box *box = &space->impossible[i];
        egw_lit lits[EGW_AXES_MAX + 1];

        for (size_t p = 0; p < box->n; p++)
            lits[p] = egw_lit_not(one_of(quest, box->parts[p].axis, box->parts[p].in));
        lits[box->n] = egw_lit_not(quest->possible);
        say(quest, lits, box->n + 1);
    }
}

/* further[n]: of the axes so far, more than n leave what is known. */
static void say_further(struct egw_quest *quest, const uint64_t *keep)
{
    const struct egw_space *space = quest->space;
    uint64_t *others = get(quest, space->words, sizeof(*others));

    quest->keep = keep;
    quest->further = get(quest, EGW_NEAR_MAX + 1, sizeof(*quest->further));
    for (size_t n = 0; quest->further && n <= EGW_NEAR_MAX; n++)
        quest->further[n] = EGW_LIT_FALSE;
    for (unsigned a = 0; others && quest->further && a < space->axis_count; a++) {
        size_t at = space->axes[a].at, words = space->axes[a].words;
        egw_lit leaves;

        for (size_t w = at; w < at + words; w++)
            others[w] = space->whole[w] & ~keep[w];
        leaves = one_of(quest, a, others + at);
        for (size_t n = EGW_NEAR_MAX + 1; n-- > 0;) {
            egw_lit one_more = n ? both(quest, quest->further[n - 1], leaves) : leaves;

            quest->further[n] =
                egw_lit_not(both(quest, egw_lit_not(quest->further[n]), egw_lit_not(one_more)));
        }
    }
}

/* ---- the quest ---- */

enum egw_status egw_quest_new(const struct egw_space *space, struct egw_quest *ret)
{
    *ret = (struct egw_quest){.space = space,
                              .steps = EGW_SEARCH_STEPS,
                              .arena = {.max = (size_t)512 << 20},
                              .sat = egw_sat_new()};
    ret->point = get(ret, space->words, sizeof(*ret->point));
    ret->within = get(ret, space->words, sizeof(*ret->within));
    ret->classes = get(ret, space->words * 64, sizeof(*ret->classes));
    if (ret->sat && !ret->nomem) {
        for (unsigned a = 0; a < space->axis_count; a++)
            say_axis(ret, a);
        for (size_t s = 0; s < space->side_count; s++)
            say_side(ret, s);
        say_impossible(ret);
        ret->nomem = ret->nomem || egw_sat_nomem(ret->sat);
    }
    if (ret->sat && !ret->nomem)
        return EGW_OK;
    egw_quest_free(ret);
    return EGW_NOMEM;
}

void egw_quest_free(struct egw_quest *quest)
{
    egw_sat_free(quest->sat);
    egw_arena_free(&quest->arena);
    free(quest->held);
    free(quest->asked);
    *quest = (struct egw_quest){0};
}

static void hold(struct egw_quest *quest, egw_lit lit)
{
    if (!egw_grow(&quest->held, sizeof(*quest->held), quest->held_n, &quest->held_room)) {
        quest->nomem = true;
        return;
    }
    quest->held[quest->held_n++] = lit;
}

static void ask(struct egw_quest *quest, struct egw_asked asked)
{
    if (!egw_grow(&quest->asked, sizeof(*quest->asked), quest->asked_n, &quest->asked_room)) {
        quest->nomem = true;
        return;
    }
    quest->asked[quest->asked_n++] = asked;
}

void egw_quest_begin(struct egw_quest *quest, bool bare)
{
    const struct egw_space *space = quest->space;

    memcpy(quest->within, space->whole, space->words * sizeof(*quest->within));
    quest->held_n = quest->asked_n = 0;
    quest->bare = bare;
    if (!bare)
        hold(quest, quest->possible);
}

void egw_quest_within(struct egw_quest *quest, size_t axis, const uint64_t *classes)
{
    const struct egw_axis *of = &quest->space->axes[axis];

    for (size_t w = 0; w < of->words; w++)
        quest->within[of->at + w] &= classes[w];
    for (size_t c = 0; c < of->class_count; c++) {
        if (!egw_bit(classes, c))
            hold(quest, egw_lit_not(lits_of(quest, axis)[c]));
    }
}

void egw_quest_at(struct egw_quest *quest, size_t axis, size_t class)
{
    const struct egw_axis *of = &quest->space->axes[axis];

    for (size_t w = 0; w < of->words; w++)
        quest->within[of->at + w] &= w == class / 64 ? UINT64_C(1) << (class % 64) : 0;
    for (size_t c = 0; c < of->class_count; c++) {
        if (c != class)
            hold(quest, egw_lit_not(lits_of(quest, axis)[c]));
    }
}

void egw_quest_fits(struct egw_quest *quest, size_t side, size_t rule, bool yes)
{
    hold(quest, quest->rules[side][rule].fits ^ !yes);
    ask(quest, (struct egw_asked){EGW_ASKED_FITS, side, rule});
}

void egw_quest_fits_ever(struct egw_quest *quest, size_t side, size_t rule, bool yes)
{
    hold(quest, quest->rules[side][rule].ever ^ !yes);
    ask(quest, (struct egw_asked){EGW_ASKED_EVER, side, rule});
}

void egw_quest_first(struct egw_quest *quest, size_t side, size_t rule)
{
    hold(quest, quest->rules[side][rule].fits);
    hold(quest, quest->rules[side][rule].none);
    ask(quest, (struct egw_asked){EGW_ASKED_FIRST, side, rule});
}

void egw_quest_passes(struct egw_quest *quest, size_t side, size_t stages)
{
    hold(quest, quest->gets_to[side][stages]);
    ask(quest, (struct egw_asked){EGW_ASKED_PASSES, side, stages});
}

static const struct egw_stage_table *stage_of(const struct egw_side *side, size_t rule)
{
    return &side->policy->stages[side->policy->rules[rule].view.stage - EGW_STAGE_VALIDITY];
}

void egw_quest_decides(struct egw_quest *quest, size_t side, size_t rule)
{
    const struct egw_side *of = &quest->space->sides[side];

    egw_quest_first(quest, side, rule);
    egw_quest_passes(quest, side, (size_t)(stage_of(of, rule) - of->policy->stages));
}

void egw_quest_spares(struct egw_quest *quest, size_t side, size_t rule)
{
    const struct egw_side *of = &quest->space->sides[side];
    size_t stage = (size_t)(stage_of(of, rule) - of->policy->stages);
    egw_lit lits[] = {quest->rules[side][rule].fits, quest->rules[side][rule].none,
                      quest->gets_to[side][stage]};

    hold(quest, egw_lit_not(all_of(quest, lits, EGW_COUNT(lits))));
}

void egw_quest_near(struct egw_quest *quest, const uint64_t *keep, unsigned changes)
{
    if (!quest->keep)
        say_further(quest, keep);
    if (quest->further && changes <= EGW_NEAR_MAX)
        hold(quest, egw_lit_not(quest->further[changes]));
}

static void take_point(struct egw_quest *quest)
{
    const struct egw_space *space = quest->space;

    memset(quest->point, 0, space->words * sizeof(*quest->point));
    for (size_t a = 0; a < space->axis_count; a++) {
        for (size_t c = 0; c < space->axes[a].class_count; c++) {
            if (egw_sat_holds(quest->sat, lits_of(quest, a)[c]))
                quest->point[space->axes[a].at + c / 64] |= UINT64_C(1) << (c % 64);
        }
    }
}

enum egw_found egw_quest_find(struct egw_quest *quest)
{
    enum egw_found found = EGW_FOUND_UNSURE;

    quest->left = quest->steps;
    if (!quest->nomem)
        found = egw_sat_ask(quest->sat, quest->held, quest->held_n, &quest->left);
    if (found == EGW_FOUND_SOME)
        take_point(quest);
    quest->nomem = quest->nomem || egw_sat_nomem(quest->sat);
    return found;
}

bool egw_quest_blames(const struct egw_quest *quest, size_t side, size_t rule)
{
    return egw_sat_blamed(quest->sat, egw_lit_not(quest->rules[side][rule].fits));
}

/* ---- widening ---- */

struct widening {
    const struct egw_space *space;
    const uint64_t *point;
    uint64_t *region;
    bool apart; /* second pass: boxes that the point is not in */
};

static bool is_in(const struct widening *w, const struct egw_box *box, bool ever)
{
    for (size_t p = 0; p < box->n; p++) {
        if (!(ever && box->parts[p].axis == 0) &&
            egw_part_fit(w->space, w->point, &box->parts[p]) != EGW_FIT_ALL)
            return false;
    }
    return true;
}

static bool is_narrowed(const struct widening *w, const struct egw_axis *axis)
{
    return memcmp(w->region + axis->at, w->space->whole + axis->at,
                  axis->words * sizeof(*w->region)) != 0;
}

/* The part by which the box is kept out: of those the point is not in, one on a fact that is
 * narrowed already. */
static const struct egw_part *part_to_leave(const struct widening *w, const struct egw_box *box,
                                            bool ever)
{
    const struct egw_part *best = NULL;

    for (size_t p = 0; p < box->n; p++) {
        const struct egw_part *part = &box->parts[p];

        if ((ever && part->axis == 0) || egw_part_fit(w->space, w->point, part) != EGW_FIT_NONE)
            continue;
        if (egw_part_fit(w->space, w->region, part) == EGW_FIT_NONE)
            return NULL; /* it is out */
        if (!best || is_narrowed(w, &w->space->axes[part->axis]))
            best = part;
    }
    return best;
}

/* The region keeps to the box if the point is in it, else out of it. */
static void keep_to(struct widening *w, const struct egw_box *box, bool ever)
{
    const struct egw_part *part;

    if (is_in(w, box, ever) == w->apart)
        return;
    for (size_t p = 0; p < box->n && !w->apart; p++) {
        const struct egw_axis *axis = &w->space->axes[box->parts[p].axis];

        for (size_t i = 0; i < axis->words && !(ever && box->parts[p].axis == 0); i++)
            w->region[axis->at + i] &= box->parts[p].in[i];
    }
    part = w->apart ? part_to_leave(w, box, ever) : NULL;
    for (size_t i = 0; part && i < w->space->axes[part->axis].words; i++)
        w->region[w->space->axes[part->axis].at + i] &= ~part->in[i];
}

/* The stage's rules up to the first that the point fits, or to the last of them. */
static void keep_to_stage(struct widening *w, size_t side, const struct egw_stage_table *stage)
{
    const struct egw_box *rules = w->space->sides[side].rules;
    bool fits = false;

    for (size_t r = stage->first; r < stage->first + stage->count && !fits; r++) {
        fits = is_in(w, &rules[r], false);
        keep_to(w, &rules[r], false);
    }
}

static void keep_to_asked(struct widening *w, const struct egw_asked *asked)
{
    const struct egw_side *side = &w->space->sides[asked->side];

    if (asked->kind == EGW_ASKED_EVER || asked->kind == EGW_ASKED_FITS)
        keep_to(w, &side->rules[asked->rule], asked->kind == EGW_ASKED_EVER);
    else if (asked->kind == EGW_ASKED_FIRST)
        keep_to_stage(w, asked->side, stage_of(side, asked->rule));
    for (size_t s = 0; asked->kind == EGW_ASKED_PASSES && s < asked->rule; s++)
        keep_to_stage(w, asked->side, &side->policy->stages[s]);
}

/* What is changed stays changed, and what is kept stays kept. */
static void begin_region(struct egw_quest *quest, uint64_t *region)
{
    const struct egw_space *space = quest->space;

    memcpy(region, quest->within, space->words * sizeof(*region));
    for (size_t a = 0; quest->keep && a < space->axis_count; a++) {
        size_t at = space->axes[a].at, words = space->axes[a].words;
        bool kept = touches(quest->point + at, quest->keep + at, words);

        for (size_t w = at; w < at + words; w++)
            region[w] &= kept ? quest->keep[w] : ~quest->keep[w];
    }
}

void egw_quest_widen(struct egw_quest *quest, const struct egw_told *decider)
{
    const struct egw_space *space = quest->space;
    size_t asked_n = quest->asked_n, held_n = quest->held_n;
    struct widening w = {space, quest->point, get(quest, space->words, sizeof(*w.region)), false};

    if (!w.region)
        return;
    if (decider)
        egw_quest_decides(quest, decider->side, decider->rule);
    begin_region(quest, w.region);
    for (int pass = 0; pass < 2; pass++) {
        w.apart = pass == 1;
        for (size_t i = 0; i < quest->asked_n; i++)
            keep_to_asked(&w, &quest->asked[i]);
        for (size_t i = 0; i < space->impossible_count && !quest->bare; i++)
            keep_to(&w, &space->impossible[i], false);
    }
    memcpy(quest->point, w.region, space->words * sizeof(*w.region));
    quest->asked_n = asked_n;
    quest->held_n = held_n;
}
