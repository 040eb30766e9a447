#include "policy_overlap.h"

/* So often an event steps aside before the search is asked. */
enum { TURNS = 32 };
static const size_t NOTHING = SIZE_MAX;

static const struct egw_side *side_of(const struct egw_overlap *o)
{
    return &o->quest->space->sides[0];
}

static const struct egw_stage_table *stage_of(const struct egw_overlap *o, size_t rule)
{
    const struct egw_policy *policy = side_of(o)->policy;

    return &policy->stages[policy->rules[rule].view.stage - EGW_STAGE_VALIDITY];
}

static void *get(struct egw_overlap *o, size_t n, size_t size)
{
    size_t bytes;

    return __builtin_mul_overflow(n ? n : 1, size, &bytes) ? NULL
                                                           : egw_arena_alloc(&o->arena, bytes);
}

static const uint64_t *row_of(const struct egw_overlap *o, size_t axis, size_t class)
{
    return o->rows + (o->quest->space->axes[axis].at * 64 + class) * o->words;
}

/* What asks for other classes does not fit an event of this one. */
static void take_box(struct egw_overlap *o, const struct egw_box *box, size_t bit)
{
    for (size_t p = 0; p < box->n; p++) {
        size_t axis = box->parts[p].axis;

        for (size_t c = 0; c < o->quest->space->axes[axis].class_count; c++) {
            uint64_t *row = (uint64_t *)(uintptr_t)row_of(o, axis, c);

            if (!egw_bit(box->parts[p].in, c))
                row[bit / 64] &= ~(UINT64_C(1) << (bit % 64));
        }
    }
}

enum egw_status egw_overlap_new(struct egw_quest *quest, struct egw_overlap *ret)
{
    const struct egw_space *space = quest->space;
    size_t rules = space->sides[0].policy->staged_count;
    size_t bits = rules + space->impossible_count, rows = space->words * 64;

    *ret = (struct egw_overlap){.quest = quest,
                                .words = bits / 64 + 1,
                                .base_of = SIZE_MAX,
                                .arena = {.max = (size_t)512 << 20}};
    ret->rows = get(ret, rows * ret->words, sizeof(*ret->rows));
    ret->fits = get(ret, ret->words, sizeof(*ret->fits));
    ret->base = get(ret, space->axis_count, sizeof(*ret->base));
    ret->classes = get(ret, space->axis_count, sizeof(*ret->classes));
    if (!ret->rows || !ret->fits || !ret->base || !ret->classes) {
        egw_overlap_free(ret);
        return EGW_NOMEM;
    }
    memset(ret->rows, 0xff, rows * ret->words * sizeof(*ret->rows));
    for (size_t r = 0; r < rules; r++)
        take_box(ret, &space->sides[0].rules[r], r);
    for (size_t i = 0; i < space->impossible_count; i++)
        take_box(ret, &space->impossible[i], rules + i);
    return EGW_OK;
}

void egw_overlap_free(struct egw_overlap *overlap)
{
    egw_arena_free(&overlap->arena);
    *overlap = (struct egw_overlap){0};
}

/* ---- an event made for a pair ---- */

static void look(struct egw_overlap *o)
{
    memset(o->fits, 0xff, o->words * sizeof(*o->fits));
    for (size_t a = 0; a < o->quest->space->axis_count; a++) {
        const uint64_t *row = row_of(o, a, o->classes[a]);

        for (size_t w = 0; w < o->words; w++)
            o->fits[w] &= row[w];
    }
}

/* The first of the bits from..to-1 that fits, or to. */
static size_t first_fit(const struct egw_overlap *o, size_t from, size_t to)
{
    while (from < to) {
        uint64_t left = o->fits[from / 64] >> (from % 64);

        if (left) {
            from += (size_t)__builtin_ctzll(left);
            return from < to ? from : to;
        }
        from += 64 - from % 64;
    }
    return to;
}

/* What stands in the way of an event that can be, whose walk gets to the first rule, and which the
 * second is the next to fit: a bit that should not be there. NOTHING: it is such an event. */
static size_t in_the_way(struct egw_overlap *o, size_t first, size_t second)
{
    const struct egw_policy *policy = side_of(o)->policy;
    const struct egw_stage_table *stage = policy->stages;
    size_t rules = policy->staged_count, end = rules + o->quest->space->impossible_count;
    size_t bit;

    look(o);
    bit = first_fit(o, rules, end);
    if (bit < end)
        return bit;
    for (; first >= stage->first + stage->count; stage++) {
        bit = first_fit(o, stage->first, stage->first + stage->count);
        if (policy->rules[bit].view.action >= 0)
            return bit;
    }
    bit = first_fit(o, stage->first, first);
    if (bit < first)
        return bit;
    bit = first_fit(o, first + 1, second);
    return bit < second ? bit : NOTHING;
}

static const struct egw_part *part_on(const struct egw_box *box, size_t axis)
{
    for (size_t p = 0; p < box->n; p++) {
        if (box->parts[p].axis == axis)
            return &box->parts[p];
    }
    return NULL;
}

static void make_event(struct egw_overlap *o, size_t first, size_t second)
{
    const struct egw_box *x = &side_of(o)->rules[first], *y = &side_of(o)->rules[second];

    memcpy(o->classes, o->base, o->quest->space->axis_count * sizeof(*o->classes));
    for (size_t p = 0; p < y->n; p++) {
        size_t axis = y->parts[p].axis, n = o->quest->space->axes[axis].class_count, c = 0;
        const struct egw_part *other = part_on(x, axis);

        if (egw_bit(y->parts[p].in, o->classes[axis]))
            continue;
        while (c + 1 < n && !(egw_bit(y->parts[p].in, c) && (!other || egw_bit(other->in, c))))
            c++;
        o->classes[axis] = (uint16_t)c; /* they meet, so there is one */
    }
}

static const struct egw_box *box_of(const struct egw_overlap *o, size_t bit)
{
    size_t rules = side_of(o)->policy->staged_count;

    return bit < rules ? &side_of(o)->rules[bit] : &o->quest->space->impossible[bit - rules];
}

/* Changes one fact so that what the bit stands for no longer fits; both rules still do. False: it
 * hangs on what they ask for. */
static bool step_aside(struct egw_overlap *o, const struct egw_box *x, const struct egw_box *y,
                       const struct egw_box *box, size_t turn)
{
    for (size_t i = 0; i < box->n; i++) {
        const struct egw_part *part = &box->parts[(i + turn) % box->n];
        const struct egw_part *mine = part_on(x, part->axis), *yours = part_on(y, part->axis);

        size_t n = o->quest->space->axes[part->axis].class_count;

        for (size_t k = 0; k < n; k++) {
            size_t c = (k + turn) % n;

            if (egw_bit(part->in, c) || (mine && !egw_bit(mine->in, c)) ||
                (yours && !egw_bit(yours->in, c)))
                continue;
            o->classes[part->axis] = (uint16_t)c;
            return true;
        }
    }
    return false;
}

/* An event of the first rule's, changed to what the second asks for, then out of the way of all
 * that would keep it from them. NONE: what is in the way fits wherever both do. UNSURE: so it did
 * not go. */
static enum egw_found try_event(struct egw_overlap *o, size_t first, size_t second)
{
    const struct egw_box *x = &side_of(o)->rules[first], *y = &side_of(o)->rules[second];
    size_t stage = stage_of(o, first)->first, rules = side_of(o)->policy->staged_count;

    make_event(o, first, second);
    for (size_t turn = 0; turn < TURNS; turn++) {
        size_t bit = in_the_way(o, first, second);

        if (bit == NOTHING)
            return EGW_FOUND_SOME;
        if (!step_aside(o, x, y, box_of(o, bit),
                        turn)) /* of an earlier stage another may go first */
            return bit >= rules || bit >= stage ? EGW_FOUND_NONE : EGW_FOUND_UNSURE;
    }
    return EGW_FOUND_UNSURE;
}

static void keep_base(struct egw_overlap *o)
{
    const struct egw_space *space = o->quest->space;

    for (size_t a = 0; a < space->axis_count; a++) {
        const uint64_t *region = o->quest->point + space->axes[a].at;

        o->base[a] = 0;
        while (!egw_bit(region, o->base[a]))
            o->base[a]++;
    }
}

static void show(struct egw_overlap *o)
{
    const struct egw_space *space = o->quest->space;

    memset(o->quest->point, 0, space->words * sizeof(*o->quest->point));
    for (size_t a = 0; a < space->axis_count; a++)
        o->quest->point[space->axes[a].at + o->classes[a] / 64] |= UINT64_C(1)
                                                                   << (o->classes[a] % 64);
}

/* ---- a pair ---- */

static void find_base(struct egw_overlap *o, size_t rule)
{
    egw_quest_begin(o->quest, false);
    egw_quest_decides(o->quest, 0, rule);
    o->base_of = rule;
    o->base_found = egw_quest_find(o->quest);
    if (o->base_found == EGW_FOUND_SOME)
        keep_base(o);
}

static void ask(struct egw_overlap *o, size_t first, size_t second)
{
    egw_quest_begin(o->quest, false);
    egw_quest_decides(o->quest, 0, first);
    egw_quest_fits(o->quest, 0, second, true);
    for (size_t r = first + 1; r < second; r++)
        egw_quest_fits(o->quest, 0, r, false);
}

enum egw_found egw_overlap_find(struct egw_overlap *o, size_t first, size_t second)
{
    const struct egw_space *space = o->quest->space;
    const struct egw_box *x = &side_of(o)->rules[first], *y = &side_of(o)->rules[second];
    enum egw_found found = EGW_FOUND_UNSURE;

    o->quest->left = o->quest->steps;
    if (!egw_boxes_meet(space, x, y) || egw_box_holds(space, x, y) || egw_box_holds(space, y, x))
        return EGW_FOUND_NONE;
    if (o->base_of != first)
        find_base(o, first);
    if (o->base_found == EGW_FOUND_SOME)
        found = try_event(o, first, second);
    if (o->base_found == EGW_FOUND_NONE || found == EGW_FOUND_NONE)
        return EGW_FOUND_NONE;
    ask(o, first, second);
    if (found == EGW_FOUND_SOME)
        show(o);
    return found == EGW_FOUND_SOME ? found : egw_quest_find(o->quest);
}
