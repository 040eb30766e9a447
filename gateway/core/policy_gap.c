#include "policy_gap.h"

static struct egw_str facts_text(const struct egw_example *example, struct egw_arena *arena)
{
    EGW_CLEANUP(egw_buf_free) struct egw_buf text = {.max = 65536};
    const struct egw_fact *fact = example->facts.p;
    struct egw_str copy = EGW_STR_NONE;

    for (size_t i = 0; i < example->telling; i++) {
        if (egw_buf_printf(&text, "%s%.*s = %.*s", i ? ", " : "", EGW_FMT(fact[i].name),
                           EGW_FMT(fact[i].value.n ? fact[i].value : EGW_STR("\"\""))))
            return EGW_STR_NONE;
    }
    return egw_arena_str(arena, egw_buf_str(&text), &copy) ? copy : EGW_STR_NONE;
}

/* In the facts that the stage's rules test. */
static struct egw_str point_text(const struct egw_quest *quest, size_t stage,
                                 struct egw_arena *arena)
{
    const struct egw_stage_table *table = &quest->space->sides[0].policy->stages[stage];
    struct egw_told *rules = egw_arena_alloc(arena, table->count * sizeof(*rules));
    struct egw_example example;

    for (size_t i = 0; rules && i < table->count; i++)
        rules[i] = (struct egw_told){0, table->first + i};
    if (!rules ||
        !egw_region_example(quest->space, quest->point, rules, table->count, arena, &example))
        return EGW_STR_NONE;
    return facts_text(&example, arena);
}

static enum egw_found look(struct egw_quest *quest, size_t stage, bool bare)
{
    const struct egw_stage_table *table = &quest->space->sides[0].policy->stages[stage];
    enum egw_found found;

    egw_quest_begin(quest, bare);
    for (size_t r = table->first; r < table->first + table->count; r++)
        egw_quest_fits(quest, 0, r, false);
    found = egw_quest_find(quest);
    if (found == EGW_FOUND_SOME)
        egw_quest_widen(quest, NULL);
    return found;
}

enum egw_found egw_stage_gap(const struct egw_policy *policy, size_t stage, struct egw_arena *arena,
                             struct egw_str *ret_text)
{
    struct egw_space *space = NULL;
    struct egw_quest quest = {0};
    enum egw_found found = EGW_FOUND_UNSURE;

    *ret_text = EGW_STR_NONE;
    if (!egw_space_new(&policy, 1, &space) && !egw_quest_new(space, &quest)) {
        found = look(&quest, stage, false);
        if (found == EGW_FOUND_NONE)
            found = look(&quest, stage, true);
        if (found == EGW_FOUND_SOME) {
            *ret_text = point_text(&quest, stage, arena);
            found = ret_text->p ? found : EGW_FOUND_UNSURE;
        }
    }
    egw_quest_free(&quest);
    egw_space_free(space);
    return found;
}
