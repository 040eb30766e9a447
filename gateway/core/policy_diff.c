#include "egw/policy_diff.h"

#include <stdlib.h>

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

/* ---- definitions ---- */

static void define(struct diffing *d, struct egw_str text)
{
    struct egw_str *to = egw_list_push(&d->diff->arena, &d->diff->definitions, sizeof(*to));

    if (to && text.p)
        *to = text;
    else
        d->nomem = true;
}

static void define_word(struct diffing *d, const char *text)
{
    define(d, egw_arena_printf(&d->diff->arena, "%s", text));
}

static bool same_words(const struct egw_str *a, size_t n, const struct egw_str *b, size_t m)
{
    for (size_t i = 0; i < n && n == m; i++) {
        if (!egw_str_same(a[i], b[i]))
            return false;
    }
    return n == m;
}

static bool same_date(struct egw_opt_i64 a, struct egw_opt_i64 b)
{
    return a.has == b.has && (!a.has || a.v == b.v);
}

static bool has_family(const struct egw_policy *policy, const struct egw_channel *channel,
                       struct egw_str family)
{
    const struct egw_fact_def *def = &policy->facts[EGW_F_FAMILY];

    for (size_t v = 0; v < def->value_count; v++) {
        if (egw_str_same(def->values[v], family))
            return egw_bit(channel->families, v);
    }
    return false;
}

static bool same_families(const struct diffing *d, const struct egw_channel *a,
                          const struct egw_channel *b)
{
    if (!a->families || !b->families)
        return !a->families && !b->families;
    for (size_t side = 0; side < 2; side++) {
        const struct egw_fact_def *def = &d->policies[side]->facts[EGW_F_FAMILY];

        for (size_t v = EGW_V_WORDS; v < def->value_count; v++) {
            if (has_family(d->policies[OLD], a, def->values[v]) !=
                has_family(d->policies[NEW], b, def->values[v]))
                return false;
        }
    }
    return true;
}

static bool same_channel(const struct diffing *d, const struct egw_channel *a,
                         const struct egw_channel *b)
{
    return a->entitlement == b->entitlement && egw_str_eq(a->plan, b->plan) &&
           a->partners == b->partners && a->counted == b->counted &&
           a->cloud_only == b->cloud_only && same_date(a->since, b->since) &&
           same_date(a->until, b->until) && same_families(d, a, b) &&
           same_words(a->levels, a->level_count, b->levels, b->level_count);
}

static const struct egw_channel *channel_named(const struct egw_policy *policy, struct egw_str id)
{
    for (size_t i = 0; i < policy->channel_count; i++) {
        if (egw_str_eq(policy->channels[i].id, id))
            return &policy->channels[i];
    }
    return NULL;
}

static void define_channels(struct diffing *d)
{
    for (size_t side = 0; side < 2; side++) {
        for (size_t i = 0; i < d->policies[side]->channel_count; i++) {
            const struct egw_channel *own = &d->policies[side]->channels[i];
            const struct egw_channel *other = channel_named(d->policies[!side], own->id);

            if (!other || (side == OLD && !same_channel(d, own, other)))
                define(d, egw_arena_printf(&d->diff->arena, "channel %.*s is %s", EGW_FMT(own->id),
                                           other         ? "defined otherwise"
                                           : side == OLD ? "gone"
                                                         : "new"));
        }
    }
}

static bool same_needs(const struct egw_need *a, const struct egw_need *b)
{
    while (a && b && a->uses == b->uses && a->rbac == b->rbac &&
           same_words(a->roles, a->role_count, b->roles, b->role_count)) {
        a = a->next;
        b = b->next;
    }
    return !a && !b;
}

static void define_services(struct diffing *d)
{
    const struct egw_policy *a = d->policies[OLD], *b = d->policies[NEW];

    for (size_t i = 0; i < a->service_count; i++) {
        const struct egw_service_rules *own = &a->services[i];
        int value = egw_wordset_find(&b->facts[EGW_F_SERVICE].words, own->view.id);
        const struct egw_service_rules *other =
            value >= EGW_V_WORDS ? &b->services[value - EGW_V_WORDS] : NULL;

        if (!other)
            define(d, egw_arena_printf(&d->diff->arena, "service %.*s is gone",
                                       EGW_FMT(own->view.id)));
        else if (!same_needs(own->needs, other->needs) || own->view.cloud != other->view.cloud)
            define(d, egw_arena_printf(&d->diff->arena,
                                       "service %.*s wants other access or is "
                                       "hosted otherwise",
                                       EGW_FMT(own->view.id)));
    }
    for (size_t i = 0; i < b->service_count; i++) {
        if (egw_wordset_find(&a->facts[EGW_F_SERVICE].words, b->services[i].view.id) < 0)
            define(d, egw_arena_printf(&d->diff->arena, "service %.*s is new",
                                       EGW_FMT(b->services[i].view.id)));
    }
}

static bool same_limit(const struct egw_limit *a, const struct egw_limit *b)
{
    return egw_str_eq(a->code, b->code) && a->within_ms == b->within_ms &&
           a->warn_ms == b->warn_ms && egw_str_eq(a->calendar, b->calendar) &&
           egw_str_eq(a->otherwise, b->otherwise) &&
           same_words(a->severities, a->severity_count, b->severities, b->severity_count) &&
           same_words(a->channels, a->channel_count, b->channels, b->channel_count) &&
           same_words(a->languages, a->language_count, b->languages, b->language_count);
}

/* In their order, as it decides which one counts. */
static bool same_limits(const struct egw_policy *a, const struct egw_policy *b)
{
    for (int action = 0; action < EGW_ACTION_COUNT; action++) {
        const struct egw_limit *own = a->limits[action], *other = b->limits[action];

        while (own && other && same_limit(own, other)) {
            own = own->next;
            other = other->next;
        }
        if (own || other)
            return false;
    }
    return true;
}

static bool same_calendars(const struct egw_policy *a, const struct egw_policy *b)
{
    bool same = a->calendar_count == b->calendar_count;

    for (size_t i = 0; same && i < a->calendar_count; i++)
        same =
            egw_str_eq(a->calendars[i].id, b->calendars[i].id) &&
            memcmp(&a->calendars[i].calendar, &b->calendars[i].calendar,
                   sizeof(struct egw_open_hours)) == 0; /* both were zero before they were made */
    return same;
}

static bool same_priorities(const struct egw_policy *a, const struct egw_policy *b)
{
    for (size_t i = 0; i < a->priority_count; i++) {
        const struct egw_wordset *own = &a->priorities[i].priorities, *other = NULL;

        for (size_t k = 0; k < b->priority_count; k++) {
            if (egw_str_same(a->priorities[i].system, b->priorities[k].system))
                other = &b->priorities[k].priorities;
        }
        for (size_t w = 0; w < own->n; w++) {
            int value = other ? egw_wordset_find(other, own->words[w]) : -1;

            if (value < 0 || !egw_str_same(a->facts[EGW_F_SEVERITY].values[own->numbers[w]],
                                           b->facts[EGW_F_SEVERITY].values[value]))
                return false;
        }
    }
    return true;
}

static void define_rest(struct diffing *d)
{
    const struct egw_policy *a = d->policies[OLD], *b = d->policies[NEW];

    for (int kind = 0; kind < EGW_REF_COUNT; kind++) {
        if (a->max_age_ms[kind] != b->max_age_ms[kind])
            define(d, egw_arena_printf(&d->diff->arena,
                                       "facts of kind %s are believed for another "
                                       "time",
                                       egw_reference_kinds[kind]));
    }
    if (!same_words(a->active, a->active_count, b->active, b->active_count) ||
        !same_words(a->operational, a->operational_count, b->operational, b->operational_count) ||
        a->slack_ms != b->slack_ms)
        define_word(d, "service health is read otherwise");
    if (!same_priorities(a, b) || !same_priorities(b, a) ||
        !egw_str_same(a->facts[EGW_F_SEVERITY].values[a->default_severity],
                      b->facts[EGW_F_SEVERITY].values[b->default_severity]))
        define_word(d, "priorities map to other severities");
    if (!same_limits(a, b))
        define_word(d, "times by which the next step is due are others");
    if (!same_calendars(a, b))
        define_word(d, "hours that limits count in are others");
    if (!same_words(a->unanswered, a->unanswered_count, b->unanswered, b->unanswered_count))
        define_word(d, "Microsoft's states count as an answer otherwise");
    if (a->horizon_ms != b->horizon_ms)
        define_word(d, "events of ended cases are known for another time");
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
    define_channels(d);
    define_services(d);
    define_rest(d);
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
