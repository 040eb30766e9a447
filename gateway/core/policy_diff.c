#include "egw/policy_diff.h"

#include <stdlib.h>

#include "policy_define.h"
#include "policy_search.h"

enum { OLD, NEW };
static const uint64_t ALL_STEPS = 200000000;

struct diffing {
    struct egw_policy_diff *diff;
    const struct egw_policy *policies[2];
    struct egw_space *space;
    struct egw_quest quest;
    uint64_t steps; /* left for all questions */
    bool nomem;
};

static const struct egw_rule_view *view_of(const struct diffing *d, size_t side, size_t rule)
{
    return &d->policies[side]->rules[rule].view;
}

static bool ends(const struct diffing *d, size_t side, size_t rule)
{
    return view_of(d, side, rule)->action >= 0;
}

/* Nothing about the outcome tells them apart. */
static bool same_rule(const struct egw_rule_view *a, const struct egw_rule_view *b)
{
    return egw_rules_agree(a, b) && a->stage == b->stage && egw_str_eq(a->id, b->id) &&
           egw_str_eq(a->owner, b->owner) && egw_str_eq(a->because, b->because) &&
           egw_str_eq(a->advice, b->advice);
}

/* ---- asking ---- */

static enum egw_found find(struct diffing *d)
{
    enum egw_found found;

    if (d->steps == 0)
        return EGW_FOUND_UNSURE;
    d->quest.steps = d->steps < EGW_SEARCH_STEPS ? d->steps : EGW_SEARCH_STEPS;
    found = egw_quest_find(&d->quest);
    d->steps -= d->quest.steps - d->quest.left;
    d->nomem = d->nomem || d->quest.nomem;
    return found;
}

/* The other side's rule of that id, or SIZE_MAX. */
static size_t namesake(const struct diffing *d, size_t side, size_t rule)
{
    for (size_t r = 0; r < d->policies[!side]->staged_count; r++) {
        if (egw_str_eq(view_of(d, !side, r)->id, view_of(d, side, rule)->id))
            return r;
    }
    return SIZE_MAX;
}

static void tell(struct diffing *d, size_t before, size_t after)
{
    /* What became of each of them says why the event moves. */
    const struct egw_told about[] = {{OLD, before},
                                     {NEW, after},
                                     {OLD, namesake(d, NEW, after)},
                                     {NEW, namesake(d, OLD, before)}};
    struct egw_policy_move *move = egw_list_push(&d->diff->arena, &d->diff->moves, sizeof(*move));

    if (!move) {
        d->nomem = true;
        return;
    }
    *move = (struct egw_policy_move){
        .old_rule = before,
        .new_rule = after,
        .same_answer = egw_rules_agree(view_of(d, OLD, before), view_of(d, NEW, after)),
    };
    egw_quest_widen(&d->quest, &about[1]);
    if (!egw_region_example(d->space, d->quest.point, about, EGW_COUNT(about), &d->diff->arena,
                            &move->example))
        d->nomem = true;
}

/* The rules of the new policy that decide what an old one does: each tells of itself by an event
 * that none of those told before decides. */
static void compare(struct diffing *d, size_t before)
{
    const struct egw_policy *after = d->policies[NEW];
    enum egw_found found;

    egw_quest_begin(&d->quest, false);
    egw_quest_decides(&d->quest, OLD, before);
    for (size_t r = 0; r < after->staged_count; r++) {
        if (ends(d, NEW, r) && same_rule(view_of(d, OLD, before), view_of(d, NEW, r)))
            egw_quest_spares(&d->quest, NEW, r);
    }
    while (!d->nomem && (found = find(d)) != EGW_FOUND_NONE) {
        size_t decider;

        if (found == EGW_FOUND_UNSURE) {
            d->diff->unsure++;
            return;
        }
        decider = egw_region_decider(d->space, NEW, d->quest.point);
        tell(d, before, decider);
        egw_quest_spares(&d->quest, NEW, decider);
    }
}

/* ---- all of it ---- */

static int by_answer(const void *a, const void *b)
{
    const struct egw_policy_move *x = a, *y = b;

    if (x->same_answer != y->same_answer)
        return x->same_answer ? 1 : -1;
    if (x->old_rule != y->old_rule)
        return x->old_rule < y->old_rule ? -1 : 1;
    return (x->new_rule > y->new_rule) - (x->new_rule < y->new_rule);
}

static void compare_all(struct diffing *d)
{
    for (size_t r = 0; r < d->policies[OLD]->staged_count && !d->nomem; r++) {
        if (ends(d, OLD, r))
            compare(d, r);
    }
    if (d->diff->moves.n)
        qsort(d->diff->moves.p, d->diff->moves.n, sizeof(struct egw_policy_move), by_answer);
    if (!egw_policy_define(&d->quest, &d->diff->arena, &d->diff->definitions))
        d->nomem = true;
}

enum egw_status egw_policy_diff(const struct egw_policy *before, const struct egw_policy *after,
                                struct egw_policy_diff *ret)
{
    struct diffing d = {.diff = ret, .policies = {before, after}, .steps = ALL_STEPS};

    *ret = (struct egw_policy_diff){.arena = {.max = (size_t)512 << 20}};
    if (egw_space_new(d.policies, 2, &d.space) || egw_quest_new(d.space, &d.quest)) {
        egw_space_free(d.space);
        return EGW_NOMEM;
    }
    compare_all(&d);
    egw_quest_free(&d.quest);
    egw_space_free(d.space);
    if (d.nomem)
        egw_policy_diff_free(ret);
    return d.nomem ? EGW_NOMEM : EGW_OK;
}

void egw_policy_diff_free(struct egw_policy_diff *diff)
{
    egw_arena_free(&diff->arena);
    *diff = (struct egw_policy_diff){0};
}
