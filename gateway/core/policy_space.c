#include <stdlib.h>

#include "policy_laws.h"
#include "policy_readings.h"
#include "walk.h"

void *egw_build_get(struct egw_build *b, size_t n, size_t size)
{
    size_t bytes;
    void *p = NULL;

    if (!__builtin_mul_overflow(n ? n : 1, size, &bytes))
        p = egw_arena_alloc(&b->space->arena, bytes);
    if (!p)
        b->nomem = true;
    return p;
}

int egw_space_axis(const struct egw_space *space, struct egw_str name)
{
    for (size_t a = 0; a < space->axis_count; a++) {
        if (egw_str_eq(space->axes[a].name, name))
            return (int)a;
    }
    return -1;
}

int egw_space_value(const struct egw_axis *axis, struct egw_str text)
{
    for (size_t v = 0; v < axis->value_count; v++) {
        if (egw_str_same(axis->values[v], text))
            return (int)v;
    }
    return -1;
}

/* ---- axes ---- */

static int fact_named(const struct egw_policy *policy, struct egw_str name)
{
    for (size_t f = EGW_F_ERA + 1; f < policy->fact_count; f++) {
        if (egw_str_eq(policy->facts[f].name, name))
            return (int)f;
    }
    return -1;
}

/* What the policy makes of an event's word: what it does not know is EGW_V_INVALID, which facts
 * with words of their own begin with. */
static uint16_t value_of(const struct egw_fact_def *fact, struct egw_str text)
{
    size_t last = fact->words.n ? EGW_V_WORDS : fact->value_count;
    int value = egw_wordset_find(&fact->words, text);

    for (size_t v = 0; value < 0 && v < last && v < fact->value_count; v++)
        value = egw_str_same(fact->values[v], text) ? (int)v : -1;
    return (uint16_t)(value < 0 ? EGW_V_INVALID : value);
}

static bool knows(const struct egw_fact_def *fact, struct egw_str text)
{
    return value_of(fact, text) != EGW_V_INVALID || egw_str_same(fact->values[1], text);
}

/* A service goes by every name the policy gives it. */
static size_t texts_of(const struct egw_fact_def *fact, bool service, struct egw_str *ret)
{
    size_t n = service ? EGW_V_WORDS : fact->value_count;

    for (size_t v = 0; ret && v < n; v++)
        ret[v] = fact->values[v];
    for (size_t v = 0; service && v < fact->words.n; v++) {
        if (ret)
            ret[n] = fact->words.words[v];
        n++;
    }
    return n;
}

static void map_values(struct egw_build *b, struct egw_axis *axis, size_t side, int fact)
{
    const struct egw_fact_def *def = &b->space->sides[side].policy->facts[fact];
    uint16_t *map = egw_build_get(b, axis->value_count, sizeof(*map));

    for (size_t v = 0; map && v < axis->value_count; v++)
        map[v] = value_of(def, axis->values[v]);
    axis->map[side] = map;
}

static struct egw_axis *add_axis(struct egw_build *b, struct egw_str name)
{
    struct egw_axis *axis = &b->space->axes[b->space->axis_count++];

    axis->name = name;
    return axis;
}

/* Words that either policy knows, once each. */
static void gather_values(struct egw_build *b, struct egw_axis *axis,
                          const int facts[EGW_SIDES_MAX])
{
    const struct egw_fact_def *defs[EGW_SIDES_MAX] = {NULL};
    bool service = egw_str_is(axis->name, "service");
    struct egw_str *values;
    size_t room = 0, n = 0;

    for (size_t s = 0; s < b->space->side_count; s++) {
        if (facts[s] >= 0) {
            defs[s] = &b->space->sides[s].policy->facts[facts[s]];
            room += texts_of(defs[s], service, NULL);
        }
    }
    values = egw_build_get(b, room, sizeof(*values));
    for (size_t s = 0; values && s < b->space->side_count; s++) {
        size_t fresh = defs[s] ? texts_of(defs[s], service, values + n) : 0, first = n;

        for (size_t v = 0; v < fresh; v++) {
            if (!s || !defs[0] || !knows(defs[0], values[first + v]))
                values[n++] = values[first + v];
        }
    }
    axis->values = values;
    axis->value_count = n;
}

/* One axis for both policies, or one for each where they may read it differently. */
static void add_fact(struct egw_build *b, struct egw_str name)
{
    struct egw_space *space = b->space;
    struct egw_axis *axis = add_axis(b, name);
    int facts[EGW_SIDES_MAX];
    bool apart;

    for (size_t s = 0; s < space->side_count; s++)
        facts[s] = fact_named(space->sides[s].policy, name);
    apart = space->side_count == 2 && facts[0] >= 0 && facts[1] >= 0 &&
            !egw_read_alike(b, (unsigned)facts[0], (unsigned)facts[1]);
    gather_values(b, axis, facts);
    for (size_t s = 0; s < space->side_count && !b->nomem; s++) {
        if (s && apart) {
            struct egw_axis *own = add_axis(b, EGW_STR_NONE);

            axis->apart = own->apart = true;
            axis->twin = (size_t)(own - space->axes);
            own->twin = (size_t)(axis - space->axes);
            own->values = axis->values;
            own->value_count = axis->value_count;
            axis->name = egw_arena_printf(&space->arena, "%.*s (old)", EGW_FMT(name));
            own->name = egw_arena_printf(&space->arena, "%.*s (new)", EGW_FMT(name));
            b->nomem = b->nomem || !axis->name.p || !own->name.p;
            axis = own;
        }
        if (facts[s] >= 0) {
            map_values(b, axis, s, facts[s]);
            space->axis_of[s][facts[s]] = (int)(axis - space->axes);
        }
    }
}

static int by_time(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

static struct egw_str era_text(struct egw_build *b, const int64_t *bounds, size_t n, size_t era)
{
    char from[EGW_TIME_TEXT], to[EGW_TIME_TEXT];
    struct egw_str text;

    if (era)
        egw_time_format(bounds[era - 1], from);
    if (era < n)
        egw_time_format(bounds[era], to);
    if (!n)
        return EGW_STR("at any time");
    if (!era)
        text = egw_arena_printf(&b->space->arena, "before %.10s", to);
    else if (era == n)
        text = egw_arena_printf(&b->space->arena, "from %.10s on", from);
    else
        text = egw_arena_printf(&b->space->arena, "from %.10s to before %.10s", from, to);
    b->nomem = b->nomem || !text.p;
    return text;
}

/* The times at which either policy's set of rules or of channels changes. */
static void add_eras(struct egw_build *b)
{
    struct egw_axis *axis = add_axis(b, EGW_STR("recorded"));
    struct egw_str *values;
    size_t room = 0, n = 0;
    int64_t *bounds;

    for (size_t s = 0; s < b->space->side_count; s++)
        room += b->space->sides[s].policy->era_count;
    bounds = egw_build_get(b, room, sizeof(*bounds));
    values = egw_build_get(b, room + 1, sizeof(*values));
    if (!bounds || !values)
        return;
    for (size_t s = 0, at = 0; s < b->space->side_count; s++) {
        for (size_t e = 0; e < b->space->sides[s].policy->era_count; e++)
            bounds[at++] = b->space->sides[s].policy->eras[e];
    }
    if (room)
        qsort(bounds, room, sizeof(*bounds), by_time);
    for (size_t i = 0; i < room; i++) {
        if (!n || bounds[n - 1] != bounds[i])
            bounds[n++] = bounds[i];
    }
    for (size_t e = 0; e <= n; e++)
        values[e] = era_text(b, bounds, n, e);
    axis->values = values;
    axis->value_count = n + 1;
    for (size_t s = 0; s < b->space->side_count; s++) {
        uint16_t *map = egw_build_get(b, n + 1, sizeof(*map));

        for (size_t e = 0; map && e <= n; e++)
            map[e] = e ? egw_walk_era(b->space->sides[s].policy, bounds[e - 1]) : 0;
        axis->map[s] = map;
    }
}

static void add_axes(struct egw_build *b)
{
    add_eras(b);
    for (size_t s = 0; s < b->space->side_count; s++) {
        const struct egw_policy *policy = b->space->sides[s].policy;

        for (size_t f = EGW_F_ERA + 1; f < policy->fact_count; f++) {
            if (f != EGW_F_FAMILY &&
                (!s || fact_named(b->space->sides[0].policy, policy->facts[f].name) < 0))
                add_fact(b, policy->facts[f].name);
        }
    }
}

/* ---- boxes, first over values ---- */

uint16_t egw_family_of(const struct egw_policy *policy, uint16_t service)
{
    return service < EGW_V_WORDS ? service : policy->services[service - EGW_V_WORDS].family;
}

/* The part of the box on that axis, made if it is not there: all values. */
static uint64_t *part_on(struct egw_build *b, struct egw_part *parts, size_t *n, int axis)
{
    const struct egw_axis *of = &b->space->axes[axis];
    uint64_t *bits;

    for (size_t i = 0; i < *n; i++) {
        if (parts[i].axis == (unsigned)axis)
            return (uint64_t *)(uintptr_t)parts[i].in;
    }
    bits = egw_build_get(b, egw_bit_words(of->value_count), sizeof(*bits));
    for (size_t v = 0; bits && v < of->value_count; v++)
        egw_bit_set(bits, v);
    parts[(*n)++] = (struct egw_part){(unsigned)axis, bits};
    return bits;
}

static void narrow_to(uint64_t *bits, const struct egw_axis *axis, const uint16_t *map,
                      const uint64_t *accepts, const struct egw_policy *family_in)
{
    for (size_t v = 0; bits && map && v < axis->value_count; v++) {
        uint16_t own = family_in ? egw_family_of(family_in, map[v]) : map[v];

        if (!egw_bit(accepts, own))
            bits[v / 64] &= ~(UINT64_C(1) << (v % 64));
    }
}

/* The times the rule is in force, off the stage's table. */
static void narrow_to_eras(struct egw_build *b, size_t side, size_t rule, struct egw_part *parts,
                           size_t *n)
{
    const struct egw_policy *policy = b->space->sides[side].policy;
    const struct egw_stage_table *stage =
        &policy->stages[policy->rules[rule].view.stage - EGW_STAGE_VALIDITY];
    const struct egw_axis *axis = &b->space->axes[0];
    size_t place = rule - stage->first;
    uint64_t *bits;

    if (!policy->era_count || !stage->tested_count)
        return;
    bits = part_on(b, parts, n, 0);
    for (size_t e = 0; bits && axis->map[side] && e < axis->value_count; e++) {
        if (!egw_bit(stage->tested[0].row[axis->map[side][e]], place))
            bits[e / 64] &= ~(UINT64_C(1) << (e % 64));
    }
}

static bool takes_all(const struct egw_part *part, size_t values)
{
    for (size_t v = 0; v < values; v++) {
        if (!egw_bit(part->in, v))
            return false;
    }
    return true;
}

/* Where its conditions hold; in force: and while it is. */
static struct egw_box rule_box(struct egw_build *b, size_t side, const struct egw_rule *from,
                               bool in_force)
{
    const struct egw_policy *policy = b->space->sides[side].policy;
    struct egw_part *parts = egw_build_get(b, from->when_count + 1, sizeof(*parts));
    size_t n = 0, kept = 0;

    if (!parts)
        return (struct egw_box){0};
    for (size_t i = 0; i < from->when_count; i++) {
        bool family = from->when[i].fact == EGW_F_FAMILY;
        int axis = b->space->axis_of[side][family ? EGW_F_SERVICE : from->when[i].fact];
        uint64_t *bits = part_on(b, parts, &n, axis);

        narrow_to(bits, &b->space->axes[axis], b->space->axes[axis].map[side],
                  from->when[i].accepts, family ? policy : NULL);
    }
    if (in_force)
        narrow_to_eras(b, side, (size_t)(from - policy->rules), parts, &n);
    for (size_t i = 0; i < n && !b->nomem; i++) {
        if (!takes_all(&parts[i], b->space->axes[parts[i].axis].value_count))
            parts[kept++] = parts[i];
    }
    return (struct egw_box){parts, kept, egw_axes_of(parts, kept)};
}

/* ---- classes ---- */

/* Split each class by one set of values. */
static size_t split(uint16_t *class_of, size_t values, size_t classes, const uint64_t *set,
                    uint16_t (*renamed)[2])
{
    size_t n = 0;

    memset(renamed, 0xff, classes * sizeof(*renamed));
    for (size_t v = 0; v < values; v++) {
        uint16_t *to = &renamed[class_of[v]][egw_bit(set, v)];

        if (*to == UINT16_MAX)
            *to = (uint16_t)n++;
        class_of[v] = *to;
    }
    return n;
}

static bool is_proper(struct egw_str text)
{
    static const char *const others[] = {"", "invalid", "unknown", "none"};

    for (size_t i = 0; i < EGW_COUNT(others); i++) {
        if (egw_str_is(text, others[i]))
            return false;
    }
    return true;
}

struct boxes {
    const struct egw_box *list;
    size_t n;
};

enum { BOXES_MAX = 1 + 2 * EGW_SIDES_MAX };

static size_t all_boxes(const struct egw_build *b, struct boxes ret[BOXES_MAX])
{
    size_t n = 0;

    ret[n++] = (struct boxes){b->impossible.p, b->impossible.n};
    for (size_t s = 0; s < b->space->side_count; s++) {
        const struct egw_side *side = &b->space->sides[s];

        ret[n++] = (struct boxes){side->rules, side->policy->staged_count};
        ret[n++] = (struct boxes){side->demands, side->policy->demand_count};
    }
    return n;
}

/* The sets to classes, in place of those of values. */
static void translate(struct egw_build *b, unsigned a, const struct egw_box *box)
{
    const struct egw_axis *axis = &b->space->axes[a];

    for (size_t i = 0; i < box->n; i++) {
        struct egw_part *part = (struct egw_part *)(uintptr_t)&box->parts[i];
        uint64_t *classes;

        if (part->axis != a)
            continue;
        classes = egw_build_get(b, axis->words, sizeof(*classes));
        for (size_t v = 0; classes && v < axis->value_count; v++) {
            if (egw_bit(part->in, v))
                egw_bit_set(classes, axis->class_of[v]);
        }
        part->in = classes;
    }
}

static void make_classes(struct egw_build *b, unsigned a)
{
    struct egw_axis *axis = &b->space->axes[a];
    struct boxes boxes[BOXES_MAX];
    size_t kinds = all_boxes(b, boxes), values = axis->value_count, classes = 1;
    uint16_t *class_of = egw_build_get(b, values, sizeof(*class_of)), *shown;
    uint16_t(*renamed)[2] = egw_build_get(b, values, sizeof(*renamed));

    if (!class_of || !renamed)
        return;
    for (size_t k = 0; k < kinds; k++) {
        for (size_t i = 0; i < boxes[k].n; i++) {
            for (size_t p = 0; p < boxes[k].list[i].n; p++) {
                const struct egw_part *part = &boxes[k].list[i].parts[p];

                if (part->axis == a)
                    classes = split(class_of, values, classes, part->in, renamed);
            }
        }
    }
    shown = egw_build_get(b, classes, sizeof(*shown));
    if (!shown)
        return;
    for (size_t v = values; v-- > 0;) /* from the end: the first proper word is left */
        shown[class_of[v]] = (uint16_t)v;
    for (size_t v = values; v-- > 0;) {
        if (is_proper(axis->values[v]))
            shown[class_of[v]] = (uint16_t)v;
    }
    axis->class_of = class_of;
    axis->shown = shown;
    axis->class_count = classes;
    axis->words = egw_bit_words(classes);
    axis->at = b->space->words;
    b->space->words += axis->words;
    for (size_t k = 0; k < kinds; k++) {
        for (size_t i = 0; i < boxes[k].n && !b->nomem; i++)
            translate(b, a, &boxes[k].list[i]);
    }
}

/* ---- the space ---- */

static void make_boxes(struct egw_build *b)
{
    for (size_t s = 0; s < b->space->side_count && !b->nomem; s++) {
        struct egw_side *side = &b->space->sides[s];

        side->rules = egw_build_get(b, side->policy->staged_count, sizeof(*side->rules));
        for (size_t r = 0; side->rules && r < side->policy->staged_count && !b->nomem; r++)
            side->rules[r] = rule_box(b, s, &side->policy->rules[r], true);
        side->demands = egw_build_get(b, side->policy->demand_count, sizeof(*side->demands));
        for (size_t i = 0; side->demands && i < side->policy->demand_count && !b->nomem; i++)
            side->demands[i] = rule_box(b, s, side->policy->demands[i].rule, false);
    }
    if (b->nomem)
        return;
    for (size_t s = 0; s < b->space->side_count && !b->nomem; s++)
        egw_build_laws(b, s);
    if (b->space->side_count == 2 && !b->nomem)
        egw_build_readings(b);
    b->space->impossible = b->impossible.p;
    b->space->impossible_count = b->impossible.n;
}

static void make_whole(struct egw_build *b)
{
    b->space->whole = egw_build_get(b, b->space->words, sizeof(uint64_t));
    b->space->scratch = egw_build_get(b, b->space->words, sizeof(uint64_t));
    for (size_t a = 0; b->space->whole && a < b->space->axis_count; a++) {
        for (size_t c = 0; c < b->space->axes[a].class_count; c++)
            egw_bit_set(b->space->whole + b->space->axes[a].at, c);
    }
}

enum egw_status egw_space_new(const struct egw_policy *const *policies, size_t n,
                              struct egw_space **ret)
{
    struct egw_space *space = calloc(1, sizeof(*space));
    struct egw_build b = {.space = space};

    if (!space)
        return EGW_NOMEM;
    space->arena.max = (size_t)512 << 20;
    space->side_count = n;
    for (size_t s = 0; s < n; s++)
        space->sides[s].policy = policies[s];
    add_axes(&b);
    if (!b.nomem)
        make_boxes(&b);
    for (unsigned a = 0; a < space->axis_count && !b.nomem; a++)
        make_classes(&b, a);
    if (!b.nomem)
        make_whole(&b);
    if (b.nomem) {
        egw_space_free(space);
        return EGW_NOMEM;
    }
    *ret = space;
    return EGW_OK;
}

void egw_space_free(struct egw_space *space)
{
    if (!space)
        return;
    egw_arena_free(&space->arena);
    free(space);
}
