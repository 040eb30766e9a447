#include "policy_define.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "egw/policy_diff.h"
#include "egw/wants.h"
#include "policy_kinds.h"
#include "policy_pairs.h"
#include "policy_readings.h"
#include "policy_shown.h"

enum { OLD, NEW };

struct defining {
    struct egw_quest *quest;
    const struct egw_policy *policies[2];
    struct egw_arena *arena;
    struct egw_list *list;
    struct egw_buf text; /* the sentence being made */
    bool nomem;
};

/* ---- sentences ---- */

static void put(struct defining *d, const char *fmt, ...) EGW_PRINTF(2, 3);
static void put(struct defining *d, const char *fmt, ...)
{
    char text[1024];
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    if (n < 0)
        n = 0;
    if ((size_t)n >= sizeof(text))
        n = (int)sizeof(text) - 1; /* a word of the policy has no such length */
    d->nomem = d->nomem || egw_buf_put(&d->text, text, (size_t)n);
}

/* What was put is a sentence about that part of the policy, and touches these cases. */
static void tell_of(struct defining *d, const char *part, const struct egw_touched *touched)
{
    struct egw_policy_definition *to = egw_list_push(d->arena, d->list, sizeof(*to));

    if (!to || !egw_arena_str(d->arena, egw_buf_str(&d->text), &to->text)) {
        d->nomem = true;
    } else {
        to->part = part;
        (void)egw_show_touched(d->quest, touched, d->arena, &to->example);
        d->nomem = d->nomem || d->quest->nomem;
    }
    egw_buf_clear(&d->text);
}

/* Whom it touches the moves of events show. */
static void tell(struct defining *d, const char *part)
{
    tell_of(d, part, &(const struct egw_touched){.what = EGW_TOUCHES_NOTHING});
}

static void put_words(struct defining *d, const struct egw_str *words, size_t n)
{
    for (size_t i = 0; i < n; i++)
        put(d, "%s%.*s", i ? ", " : "", EGW_FMT(words[i]));
    if (!n)
        put(d, "none");
}

static void put_date(struct defining *d, struct egw_opt_i64 at)
{
    char text[EGW_TIME_TEXT];

    if (at.has)
        egw_time_format(at.v, text);
    put(d, "%.10s", at.has ? text : "no date");
}

/* "2h", "30m", "5d": the largest unit that leaves no rest. */
static void put_span(struct defining *d, int64_t ms)
{
    static const struct {
        int64_t ms;
        const char *unit;
    } units[] = {{86400000, "d"}, {3600000, "h"}, {60000, "m"}, {1000, "s"}, {1, "ms"}};
    size_t i = 0;

    while (i + 1 < EGW_COUNT(units) && ms % units[i].ms)
        i++;
    put(d, "%" PRId64 "%s", ms / units[i].ms, units[i].unit);
}

static const char *change_of(bool there_before, bool there_after)
{
    return !there_before ? "new" : !there_after ? "gone" : "otherwise";
}

static bool same_words(const struct egw_str *a, size_t n, const struct egw_str *b, size_t m)
{
    for (size_t i = 0; i < n && n == m; i++) {
        if (!egw_str_same(a[i], b[i]))
            return false;
    }
    return n == m;
}

/* ---- channels ---- */

/* Names of the families it covers; all: none is named. */
static void put_families(struct defining *d, size_t side, const struct egw_channel *channel)
{
    const struct egw_fact_def *def = &d->policies[side]->facts[EGW_F_FAMILY];
    const char *between = "";

    if (!channel->families)
        put(d, "all");
    for (size_t v = EGW_V_WORDS; channel->families && v < def->value_count; v++) {
        if (!(channel->families[v / 64] >> (v % 64) & 1))
            continue;
        put(d, "%s%.*s", between, EGW_FMT(def->values[v]));
        between = ", ";
    }
}

static void put_partners(struct defining *d, const struct egw_channel *channel)
{
    const struct egw_fact_def *def = &d->policies[OLD]->facts[EGW_F_PARTNER];
    const char *between = "";

    for (size_t v = 0; v < def->value_count; v++) {
        if (!(channel->partners >> v & 1))
            continue;
        put(d, "%s%.*s", between, EGW_FMT(def->values[v]));
        between = ", ";
    }
}

static const char *const entitlements[] = {"csp", "program", "contract", "membership"};

enum { LEVELS = 3, READ_PROPERTIES = 9, PROPERTIES = 11 }; /* the first ones make rights */

/* One property after the other, as the file names them. */
static void put_property(struct defining *d, size_t side, const struct egw_channel *c, int property)
{
    switch (property) {
    case 0:
        put(d, "entitlement %s", entitlements[c->entitlement]);
        break;
    case 1:
        put(d, "plan %.*s", EGW_FMT(c->plan.n ? c->plan : EGW_STR("none")));
        break;
    case 2:
        put(d, "partners ");
        put_partners(d, c);
        break;
    case LEVELS:
        put(d, "levels ");
        put_words(d, c->levels, c->level_count);
        break;
    case 4:
        put(d, "families ");
        put_families(d, side, c);
        break;
    case 5:
        put(d, "since ");
        put_date(d, c->since);
        break;
    case 6:
        put(d, "until ");
        put_date(d, c->until);
        break;
    case 7:
        put(d, "cloud only %s", c->cloud_only ? "yes" : "no");
        break;
    case 8:
        put(d, "counted %s", c->counted ? "yes" : "no");
        break;
    case 9:
        put(d, "name \"%.*s\"", EGW_FMT(c->name));
        break;
    default:
        put(d, "cases filed at %.*s", EGW_FMT(c->portal.n ? c->portal : EGW_STR("each service's")));
        if (!egw_str_eq(c->portal, c->portal_usgov))
            put(d, " (US government: %.*s)",
                EGW_FMT(c->portal_usgov.n ? c->portal_usgov : EGW_STR("each service's")));
        break;
    }
}

/* The property in words, of each policy; they differ where the words do. */
static void define_property(struct defining *d, const struct egw_channel *const channels[2],
                            int property)
{
    size_t begin, middle;
    bool same;

    if (property == LEVELS && egw_same_words(channels[OLD]->levels, channels[OLD]->level_count,
                                             channels[NEW]->levels, channels[NEW]->level_count))
        return; /* in any order */
    put(d, "channel %.*s: ", EGW_FMT(channels[NEW]->id));
    begin = d->text.n;
    put_property(d, NEW, channels[NEW], property);
    put(d, ", was ");
    middle = d->text.n;
    put_property(d, OLD, channels[OLD], property);
    same = !d->nomem && middle - begin - 6 == d->text.n - middle &&
           memcmp(d->text.p + begin, d->text.p + middle, d->text.n - middle) == 0;
    if (same)
        egw_buf_clear(&d->text);
    else
        tell_of(d, "channels",
                &(const struct egw_touched){
                    .what = property < READ_PROPERTIES ? EGW_TOUCHES_NOTHING : EGW_TOUCHES_CHANNEL,
                    .side = NEW,
                    .name = channels[NEW]->id});
}

static void define_channels(struct defining *d)
{
    for (size_t side = 0; side < 2; side++) {
        for (size_t i = 0; i < d->policies[side]->channel_count; i++) {
            const struct egw_channel *own = &d->policies[side]->channels[i];
            const struct egw_channel *other = egw_policy_channel_of(d->policies[!side], own->id);

            if (!other) {
                put(d, "channel %.*s is %s", EGW_FMT(own->id), change_of(side == OLD, side == NEW));
                tell(d, "channels");
            }
            for (int p = 0; other && side == OLD && p < PROPERTIES; p++)
                define_property(d, (const struct egw_channel *const[]){own, other}, p);
        }
    }
}

/* ---- services ---- */

static const struct egw_service_rules *service_named(const struct egw_policy *policy,
                                                     struct egw_str name)
{
    int value = egw_wordset_find(&policy->facts[EGW_F_SERVICE].words, name);

    return value >= EGW_V_WORDS ? &policy->services[value - EGW_V_WORDS] : NULL;
}

static bool same_needs(const struct egw_need *a, const struct egw_need *b)
{
    while (a && b && a->uses == b->uses && egw_same_need(a, b)) {
        a = a->next;
        b = b->next;
    }
    return !a && !b;
}

/* Each name of a service that means another one, or nothing, in the other policy. */
static void define_names(struct defining *d, size_t side, const struct egw_service_rules *own)
{
    for (size_t i = 0; i < own->name_count; i++) {
        const struct egw_service_rules *other = service_named(d->policies[!side], own->names[i]);

        if (side == OLD && other && !egw_str_same(other->view.id, own->view.id))
            put(d, "the name \"%.*s\" means service %.*s, it meant %.*s", EGW_FMT(own->names[i]),
                EGW_FMT(other->view.id), EGW_FMT(own->view.id));
        else if (side == OLD && !other)
            put(d, "the name \"%.*s\" is of no service, it meant %.*s", EGW_FMT(own->names[i]),
                EGW_FMT(own->view.id));
        else if (side == NEW && !other)
            put(d, "the name \"%.*s\" means service %.*s, it was of none", EGW_FMT(own->names[i]),
                EGW_FMT(own->view.id));
        if (d->text.n)
            tell(d, "services");
    }
}

static void define_service(struct defining *d, const struct egw_service_rules *before,
                           const struct egw_service_rules *after)
{
    enum { SHOWN = 3 }; /* from here on: what the rules do not see */
    const struct {
        bool same;
        const char *text;
    } parts[] = {
        {same_needs(before->needs, after->needs),
         "access is needed of other roles or for other uses"},
        {before->view.cloud == after->view.cloud,
         after->view.cloud ? "is a cloud service" : "is no cloud service"},
        {egw_str_same(before->view.family, after->view.family), "is of another family"},
        {egw_str_eq(before->view.name, after->view.name), "is shown by another name"},
        {egw_str_eq(before->portal, after->portal) &&
             egw_str_eq(before->portal_usgov, after->portal_usgov),
         "its cases are filed by another link"},
    };

    for (size_t i = 0; i < EGW_COUNT(parts); i++) {
        if (parts[i].same)
            continue;
        put(d, "service %.*s: %s", EGW_FMT(after->view.id), parts[i].text);
        tell_of(d, "services",
                &(const struct egw_touched){.what = i < SHOWN ? EGW_TOUCHES_NOTHING
                                                              : EGW_TOUCHES_SERVICE,
                                            .side = NEW,
                                            .name = after->view.id});
    }
}

static void define_services(struct defining *d)
{
    for (size_t side = 0; side < 2; side++) {
        for (size_t i = 0; i < d->policies[side]->service_count; i++) {
            const struct egw_service_rules *own = &d->policies[side]->services[i];
            const struct egw_service_rules *other = service_named(d->policies[!side], own->view.id);

            define_names(d, side, own);
            if (side == OLD && other)
                define_service(d, own, other);
        }
    }
    if (!same_needs(d->policies[OLD]->any_needs, d->policies[NEW]->any_needs)) {
        put(d, "events without a known service need access of other roles or for other uses");
        tell(d, "services");
    }
}

/* ---- symptoms, health ---- */

/* A word that only one of them knows is of the rules' own concern. */
static void define_symptoms(struct defining *d)
{
    const struct egw_fact_def *old = &d->policies[OLD]->facts[EGW_F_SYMPTOM];
    const struct egw_fact_def *new = &d->policies[NEW]->facts[EGW_F_SYMPTOM];

    for (size_t v = EGW_V_WORDS; v < old->value_count; v++) {
        for (size_t w = EGW_V_WORDS; w < new->value_count; w++) {
            if (!egw_str_same(old->values[v], new->values[w]) ||
                egw_same_symptom(&d->policies[OLD]->symptoms[v - EGW_V_WORDS],
                                 &d->policies[NEW]->symptoms[w - EGW_V_WORDS]))
                continue;
            put(d, "symptom %.*s: incidents of other features explain it", EGW_FMT(new->values[w]));
            tell(d, "words");
        }
    }
}

static void put_age(struct defining *d, int64_t ms)
{
    put(d, ms ? "for " : "for good");
    if (ms)
        put_span(d, ms);
}

static void define_health(struct defining *d)
{
    const struct egw_policy *a = d->policies[OLD], *b = d->policies[NEW];

    if (!egw_same_words(a->active, a->active_count, b->active, b->active_count)) {
        put(d, "service health is read otherwise: other states count as an incident going on");
        tell(d, "health");
    }
    if (!egw_same_words(a->operational, a->operational_count, b->operational,
                        b->operational_count)) {
        put(d, "service health is read otherwise: other states count as all well");
        tell(d, "health");
    }
    if (a->slack_ms != b->slack_ms) {
        put(d, "an incident explains a fault noticed up to ");
        put_span(d, b->slack_ms);
        put(d, " before it began, was ");
        put_span(d, a->slack_ms);
        tell(d, "health");
    }
    for (int kind = 0; kind < EGW_REF_COUNT; kind++) {
        if (a->max_age_ms[kind] == b->max_age_ms[kind])
            continue;
        put(d, "facts of kind %s are believed ", egw_reference_kinds[kind]);
        put_age(d, b->max_age_ms[kind]);
        put(d, ", was ");
        put_age(d, a->max_age_ms[kind]);
        tell(d, "ages");
    }
}

/* ---- priorities ---- */

static void define_priorities(struct defining *d)
{
    for (size_t side = 0; side < 2; side++) {
        const struct egw_policy *own = d->policies[side];

        for (size_t i = 0; i < own->priority_count; i++) {
            const struct egw_wordset *set = &own->priorities[i].priorities;
            struct egw_str system = own->priorities[i].system;

            for (size_t w = 0; w < set->n; w++) {
                const struct egw_wordset *old = egw_priorities_of(d->policies[OLD], system);
                struct egw_str was = egw_severity_of(d->policies[OLD], system, set->words[w]);
                struct egw_str is = egw_severity_of(d->policies[NEW], system, set->words[w]);

                if (egw_str_same(was, is) ||
                    (side == NEW && old && egw_wordset_find(old, set->words[w]) >= 0))
                    continue;
                put(d, "priority \"%.*s\" of %.*s is severity %.*s, was %.*s",
                    EGW_FMT(set->words[w]), EGW_FMT(system), EGW_FMT(is), EGW_FMT(was));
                tell(d, "words");
            }
        }
    }
    if (!egw_str_same(egw_severity_of(d->policies[OLD], EGW_STR(""), EGW_STR("")),
                      egw_severity_of(d->policies[NEW], EGW_STR(""), EGW_STR("")))) {
        put(d, "events without a severity or a known priority are of severity %.*s, was %.*s",
            EGW_FMT(egw_severity_of(d->policies[NEW], EGW_STR(""), EGW_STR(""))),
            EGW_FMT(egw_severity_of(d->policies[OLD], EGW_STR(""), EGW_STR(""))));
        tell(d, "words");
    }
}

/* ---- demands ---- */

static void put_wants(struct defining *d, uint32_t wants)
{
    const char *between = "";

    for (int w = 0; w < EGW_WANTS; w++) {
        if (!(wants >> w & 1))
            continue;
        put(d, "%s%.*s", between, EGW_FMT(egw_wants[w].name));
        between = ", ";
    }
}

static void put_channels(struct defining *d, size_t side, uint64_t channels)
{
    const struct egw_policy *policy = d->policies[side];
    const char *between = "";
    uint64_t all = policy->channel_count ? ~UINT64_C(0) >> (64 - policy->channel_count) : 0;

    if ((channels & all) == all) {
        put(d, "any channel");
        return;
    }
    for (size_t i = 0; i < policy->channel_count; i++) {
        if (!(channels >> i & 1))
            continue;
        put(d, "%s%.*s", between, EGW_FMT(policy->channels[i].id));
        between = ", ";
    }
}

/* "demands title, text (BASELINE/CLASSIFY) of cases to any channel when domain = technical" */
static void put_demand(struct defining *d, size_t side, const struct egw_demand *demand)
{
    const struct egw_rule_view *view = &demand->rule->view;

    put(d, view->code.n ? "demands " : "wants ");
    put_wants(d, demand->wants);
    if (view->code.n)
        put(d, " (BASELINE/%.*s)", EGW_FMT(view->code));
    put(d, " of cases to ");
    put_channels(d, side, demand->channels);
    if (view->when.n)
        put(d, " when %.*s", EGW_FMT(view->when));
}

static const struct egw_demand *demand_named(const struct egw_policy *policy, struct egw_str id)
{
    for (size_t i = 0; i < policy->demand_count; i++) {
        if (egw_str_eq(policy->demands[i].rule->view.id, id))
            return &policy->demands[i];
    }
    return NULL;
}

static void define_demand(struct defining *d, const struct egw_demand *before,
                          const struct egw_demand *after)
{
    const struct egw_rule_view *was = &before->rule->view, *is = &after->rule->view;
    const struct egw_touched touched = {.what = EGW_TOUCHES_DEMAND, .side = NEW, .demand = after};
    size_t begin, middle;
    bool same;

    put(d, "form: %.*s ", EGW_FMT(is->id));
    begin = d->text.n;
    put_demand(d, NEW, after);
    put(d, "; it ");
    middle = d->text.n;
    put_demand(d, OLD, before);
    same = !d->nomem && middle - begin - 5 == d->text.n - middle &&
           memcmp(d->text.p + begin, d->text.p + middle, d->text.n - middle) == 0;
    put(d, " before");
    if (same)
        egw_buf_clear(&d->text);
    else
        tell_of(d, "demands", &touched);
    if (same && (!egw_str_eq(was->because, is->because) || !egw_str_eq(was->advice, is->advice) ||
                 !egw_str_eq(was->owner, is->owner))) {
        put(d, "form: %.*s says so in other words", EGW_FMT(is->id));
        tell_of(d, "demands", &touched);
    }
}

/* The first that is not met gives the reason, so their order tells. */
static bool same_order(const struct egw_policy *a, const struct egw_policy *b)
{
    size_t at = 0;

    for (size_t i = 0; i < a->demanded_count; i++) {
        struct egw_str id = a->demands[i].rule->view.id;
        const struct egw_demand *there = demand_named(b, id);
        size_t place = there ? (size_t)(there - b->demands) : at;

        if (place < at)
            return false;
        at = place;
    }
    return true;
}

static void define_demands(struct defining *d)
{
    for (size_t side = 0; side < 2; side++) {
        for (size_t i = 0; i < d->policies[side]->demand_count; i++) {
            const struct egw_demand *own = &d->policies[side]->demands[i];
            const struct egw_demand *other = demand_named(d->policies[!side], own->rule->view.id);

            if (other && side == OLD) {
                define_demand(d, own, other);
            } else if (!other) {
                put(d, "form: %.*s is %s: it ", EGW_FMT(own->rule->view.id),
                    change_of(side == OLD, side == NEW));
                put_demand(d, side, own);
                tell_of(d, "demands",
                        &(const struct egw_touched){
                            .what = EGW_TOUCHES_DEMAND, .side = side, .demand = own});
            }
        }
    }
    if (!same_order(d->policies[OLD], d->policies[NEW])) {
        put(d, "form: of several demands not met another one gives the reason");
        tell(d, "demands");
    }
}

/* ---- limits ---- */

static void put_limit(struct defining *d, const struct egw_limit *limit)
{
    if (!limit) {
        put(d, "at no time");
        return;
    }
    put(d, "within ");
    put_span(d, limit->within_ms);
    if (limit->warn_ms) {
        put(d, " (warning ");
        put_span(d, limit->warn_ms);
        put(d, " before)");
    }
    if (limit->calendar.n && !egw_str_is(limit->calendar, "24x7"))
        put(d, " in calendar %.*s", EGW_FMT(limit->calendar));
    if (limit->otherwise.n)
        put(d, ", which then stands for %.*s", EGW_FMT(limit->otherwise));
}

static void put_kind(struct defining *d, const struct egw_kinds *kinds,
                     const size_t at[EGW_KIND_WORDS])
{
    static const char *const words[] = {"", " severity ", " to ", " in language "};

    for (size_t i = 0; i < EGW_KIND_WORDS; i++) {
        struct egw_str word = egw_kinds_word(kinds, at, i);

        if (kinds->words[i].n < 2)
            continue; /* no limit asks */
        if (i != EGW_KIND_CODE)
            put(d, "%s%.*s", words[i], EGW_FMT(word.n ? word : EGW_STR("(none)")));
        else if (at[i] + 1 < kinds->words[i].n)
            put(d, "/%.*s", EGW_FMT(word));
    }
}

/* A limit and the one that takes its place, with the first kind of case it is so for. */
struct pair {
    const struct egw_limit *was, *is;
    size_t first[EGW_KIND_WORDS], kinds;
};

static void count_pair(struct defining *d, struct egw_list *list, const struct pair *pair)
{
    struct pair *pairs = list->p, *to;

    for (size_t i = 0; i < list->n; i++) {
        if (egw_same_limit(pairs[i].was, pair->was) && egw_same_limit(pairs[i].is, pair->is)) {
            pairs[i].kinds++;
            return;
        }
    }
    to = egw_list_push(d->arena, list, sizeof(*to));
    if (to)
        *to = *pair;
    else
        d->nomem = true;
}

static void put_pair(struct defining *d, int action, const struct egw_kinds *kinds,
                     const struct pair *pair)
{
    struct egw_str language = egw_kinds_word(kinds, pair->first, EGW_KIND_LANGUAGE);

    put(d, "%s", egw_action_names[action]);
    put_kind(d, kinds, pair->first);
    put(d, " is due ");
    put_limit(d, pair->is);
    put(d, ", was ");
    put_limit(d, pair->was);
    if (pair->kinds > 1)
        put(d, "; so %s %zu more kind%s of it", pair->kinds > 2 ? "are" : "is", pair->kinds - 1,
            pair->kinds > 2 ? "s" : "");
    tell_of(d, "limits",
            &(const struct egw_touched){.what = EGW_TOUCHES_LIMIT,
                                        .side = NEW,
                                        .action = action,
                                        .limits = {pair->was, pair->is},
                                        .language = language});
}

/* Each pair is told once. */
static void define_limits_of(struct defining *d, int action)
{
    struct egw_kinds kinds;
    struct egw_list list = {0};
    size_t at[EGW_KIND_WORDS] = {0};
    const struct pair *pairs;

    if (!egw_kinds_gather(d->policies, 2, action, d->arena, &kinds)) {
        d->nomem = true;
        return;
    }
    do {
        struct pair pair = {.kinds = 1};

        if (d->nomem)
            return;
        pair.was = egw_kinds_limit(&kinds, d->policies[OLD], at);
        pair.is = egw_kinds_limit(&kinds, d->policies[NEW], at);
        memcpy(pair.first, at, sizeof(at));
        if (!egw_same_limit(pair.was, pair.is))
            count_pair(d, &list, &pair);
    } while (egw_kinds_next(&kinds, at));
    pairs = list.p;
    for (size_t i = 0; i < list.n; i++)
        put_pair(d, action, &kinds, &pairs[i]);
}

/* ---- calendars ---- */

/* Both were zero before they were made. */
static bool same_hours(const struct egw_open_hours *a, const struct egw_open_hours *b)
{
    return memcmp(a, b, sizeof(*a)) == 0;
}

/* Returns a language of those who are promised it; empty: of any. */
static struct egw_str put_users(struct defining *d, size_t side, struct egw_str calendar)
{
    const char *between = "; limits counted in it: ";
    struct egw_str language = EGW_STR("");

    for (int action = 0; action < EGW_ACTION_COUNT; action++) {
        const struct egw_limit *l = d->policies[side]->limits[action];

        while (l && !egw_str_eq(l->calendar, calendar))
            l = l->next;
        if (!l)
            continue;
        put(d, "%s%s", between, egw_action_names[action]);
        between = ", ";
        language = egw_limit_language(l);
    }
    return language;
}

static void define_calendars(struct defining *d)
{
    for (size_t side = 0; side < 2; side++) {
        for (size_t i = 0; i < d->policies[side]->calendar_count; i++) {
            const struct egw_named_calendar *own = &d->policies[side]->calendars[i];
            const struct egw_named_calendar *other =
                egw_policy_calendar(d->policies[!side], own->id);
            struct egw_str language;

            if (other && (side == NEW || same_hours(&own->calendar, &other->calendar)))
                continue;
            if (other)
                put(d, "calendar %.*s has other hours, holidays or another zone", EGW_FMT(own->id));
            else
                put(d, "calendar %.*s is %s", EGW_FMT(own->id),
                    change_of(side == OLD, side == NEW));
            language = put_users(d, other ? NEW : side, own->id);
            tell_of(d, "calendars",
                    &(const struct egw_touched){.what = EGW_TOUCHES_HOURS,
                                                .side = other ? NEW : side,
                                                .language = language,
                                                .name = own->id});
        }
    }
}

/* ---- all of it ---- */

static void define_rest(struct defining *d)
{
    const struct egw_policy *a = d->policies[OLD], *b = d->policies[NEW];

    if (!same_words(a->unanswered, a->unanswered_count, b->unanswered, b->unanswered_count)) {
        put(d, "Microsoft's states that are no answer yet: ");
        put_words(d, b->unanswered, b->unanswered_count);
        put(d, "; were ");
        put_words(d, a->unanswered, a->unanswered_count);
        tell(d, "limits");
    }
    if (a->horizon_ms != b->horizon_ms) {
        put(d, "events of ended cases are known for ");
        put_span(d, b->horizon_ms);
        put(d, ", was ");
        put_span(d, a->horizon_ms);
        tell(d, "horizon");
    }
}

bool egw_policy_define(struct egw_quest *quest, struct egw_arena *arena, struct egw_list *ret)
{
    struct defining d = {
        .quest = quest,
        .policies = {quest->space->sides[OLD].policy, quest->space->sides[NEW].policy},
        .arena = arena,
        .list = ret};

    define_channels(&d);
    define_services(&d);
    define_symptoms(&d);
    define_health(&d);
    define_priorities(&d);
    define_demands(&d);
    for (int action = 0; action < EGW_ACTION_COUNT && !d.nomem; action++)
        define_limits_of(&d, action);
    define_calendars(&d);
    define_rest(&d);
    egw_buf_free(&d.text);
    return !d.nomem;
}
