/*
 * policy_compile - a policy's source, checked as a whole and turned into tables of bits
 *
 * Every fault is reported, with its place; only what cannot be judged because of an earlier fault
 * is passed over. Memory comes from the policy's arena: where it ends, `nomem` is set and the
 * checks run on, so that the one question is asked at the end.
 */
#include <stdlib.h>

#include "egw/lifecycle.h"
#include "egw/wants.h"
#include "policy_gap.h"
#include "policy_model.h"

enum { RULES_MAX = 2048, VALUES_MAX = 60000, NAME_MAX_BYTES = 64 };

struct compile {
    struct egw_policy_source *source;
    struct egw_policy *policy;
    struct egw_faults *faults;
    bool nomem;
};

#define FAULT(c, at, ...) egw_faults_add((c)->faults, (at).file, (at).line, __VA_ARGS__)

static void *get(struct compile *c, size_t n)
{
    void *p = egw_arena_alloc(&c->policy->arena, n ? n : 1);

    if (!p)
        c->nomem = true;
    return p;
}

static void *get_many(struct compile *c, size_t n, size_t size)
{
    size_t bytes;

    if (__builtin_mul_overflow(n, size, &bytes)) {
        c->nomem = true;
        return NULL;
    }
    return get(c, bytes);
}

/* ---- the vocabulary ---- */

struct closed_fact {
    enum egw_fact_id id;
    const char *name;
    const char *values[9];
    bool worded; /* the event names the value itself */
};

static const char *const right_words[] = {"in-force", "ended", "none",
                                          "unknown",  "empty", "not-covered"};

static const struct closed_fact closed_facts[] = {
    {EGW_F_ASK, "ask", {"question", "issue", "invalid"}, true},
    {EGW_F_SCOPE, "scope", {"", "invalid", "user", "tenant", "several"}, true},
    {EGW_F_USE, "use", {"", "invalid", "support", "configure", "manage-subscriptions"}, true},
    {EGW_F_HOSTING, "hosting", {"", "invalid", "cloud", "on-premises"}, true},
    {EGW_F_ENVIRONMENT, "environment", {"", "invalid", "production", "sandbox", "preview"}, true},
    {EGW_F_OWN_TENANT, "own-tenant", {"no", "yes"}, false},
    {EGW_F_PUBLISHER, "publisher", {"", "third-party", "microsoft"}, false},
    {EGW_F_CUSTOMER, "customer", {"known", "unknown", "elsewhere"}, false},
    {EGW_F_CSP, "csp", {"yes", "no", "unknown"}, false},
    {EGW_F_PARTNER,
     "partner",
     {"direct-bill", "indirect-provider", "indirect-reseller", "unknown"},
     true},
    {EGW_F_RELATION, "relation", {"active", "ended", "none", "unknown"}, false},
    {EGW_F_ACCESS,
     "access",
     {"active", "expired", "ended", "none", "role", "assignment", "rbac", "unknown"},
     false},
    {EGW_F_HEALTH, "health", {"ok", "incident", "advisory", "unknown", "stale"}, false},
    {EGW_F_KNOWN_ISSUE, "known-issue", {"remedy", "hint", "escalate", "ambiguous", "none"}, false},
    {EGW_F_ATTEMPT, "attempt", {"none", "failed", "resolved"}, false},
    {EGW_F_DIAGNOSIS, "diagnosis", {"none", "done"}, false},
    {EGW_F_APPROVAL, "approval", {"none", "approved", "declined"}, false},
    {EGW_F_RELEASED, "released", {"no", "yes"}, false},
    {EGW_F_SELLER, "seller", {"partner", "microsoft", "unknown", "none"}, false},
    {EGW_F_CLOUD, "cloud", {"global", "usgov", "unknown"}, true},
};

static void make_words(struct compile *c, struct egw_fact_def *fact)
{
    uint16_t *numbers = get_many(c, fact->value_count, sizeof(*numbers));

    if (!numbers)
        return;
    for (size_t i = 0; i < fact->value_count; i++)
        numbers[i] = (uint16_t)i;
    if (!egw_wordset_make(&fact->words, &c->policy->arena, fact->values, numbers,
                          fact->value_count))
        c->nomem = true;
}

static void define_closed(struct compile *c, enum egw_fact_id id, struct egw_str name,
                          const char *const *values, size_t n, bool worded)
{
    struct egw_fact_def *fact = &c->policy->facts[id];

    fact->name = name;
    fact->values = get_many(c, n, sizeof(*fact->values));
    if (!fact->values)
        return;
    for (size_t i = 0; i < n; i++)
        fact->values[i] = egw_str_of(values[i]);
    fact->value_count = n;
    if (worded)
        make_words(c, fact);
}

static void check_id(struct compile *c, struct egw_place at, const char *what, struct egw_str id)
{
    bool good = id.n > 0 && id.n <= NAME_MAX_BYTES;

    for (size_t i = 0; good && i < id.n; i++)
        good = memchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.", id.p[i],
                      65) != NULL;
    if (!good && id.p)
        FAULT(c, at, "%s \"%.*s\" is not a name: 1 to %d letters, digits, dots, dashes", what,
              EGW_FMT(id), NAME_MAX_BYTES);
}

/* The two words every such fact begins with, then the policy's own. */
static void define_worded(struct compile *c, enum egw_fact_id id, const char *name,
                          const char *const reserved[2], const struct egw_word *words, size_t n)
{
    struct egw_fact_def *fact = &c->policy->facts[id];

    fact->name = egw_str_of(name);
    if (n > VALUES_MAX) {
        egw_faults_add(c->faults, NULL, 0, "%s has %zu words, more than %d", name, n, VALUES_MAX);
        return;
    }
    fact->values = get_many(c, n + EGW_V_WORDS, sizeof(*fact->values));
    if (!fact->values)
        return;
    fact->values[0] = egw_str_of(reserved[0]);
    fact->values[1] = egw_str_of(reserved[1]);
    fact->value_count = EGW_V_WORDS;
    for (size_t i = 0; i < n; i++) {
        check_id(c, words[i].at, name, words[i].text);
        for (size_t k = 0; k < fact->value_count; k++) {
            if (egw_str_same(fact->values[k], words[i].text)) {
                FAULT(c, words[i].at, "%s \"%.*s\" is there already", name, EGW_FMT(words[i].text));
                break;
            }
        }
        fact->values[fact->value_count++] = words[i].text;
    }
    make_words(c, fact);
}

static const char *const absent_invalid[2] = {"", "invalid"};
static const char *const absent_unknown[2] = {"", "unknown"};
static const char *const none_unknown[2] = {"none", "unknown"};

/* ids of a list of sources whose first members are `at` and `id`. */
static struct egw_word *words_of(struct compile *c, const struct egw_list *list, size_t size)
{
    struct egw_word *words = get_many(c, list->n, sizeof(*words));

    for (size_t i = 0; words && i < list->n; i++)
        memcpy(&words[i], (const unsigned char *)list->p + i * size, sizeof(*words));
    return words;
}
_Static_assert(offsetof(struct egw_source_service, id) == offsetof(struct egw_word, text), "");
_Static_assert(offsetof(struct egw_source_symptom, id) == offsetof(struct egw_word, text), "");
_Static_assert(offsetof(struct egw_source_channel, id) == offsetof(struct egw_word, text), "");

static void define_families(struct compile *c)
{
    const struct egw_source_service *services = c->source->services.p;
    struct egw_word *words = get_many(c, c->source->services.n, sizeof(*words));
    size_t n = 0;

    for (size_t i = 0; words && i < c->source->services.n; i++) {
        bool seen = false;

        for (size_t k = 0; k < n; k++)
            seen = seen || egw_str_same(words[k].text, services[i].family);
        if (!seen)
            words[n++] = (struct egw_word){services[i].at, services[i].family};
    }
    if (words)
        define_worded(c, EGW_F_FAMILY, "family", absent_unknown, words, n);
}

static int fact_find(const struct egw_policy *policy, struct egw_str name)
{
    for (size_t i = EGW_F_ERA + 1; i < policy->fact_count; i++) {
        if (egw_str_eq(policy->facts[i].name, name))
            return (int)i;
    }
    return -1;
}

static void define_channels(struct compile *c)
{
    const struct egw_source_channel *channels = c->source->channels.p;
    size_t n = c->source->channels.n;

    c->policy->fact_count = EGW_F_CHANNEL;
    for (size_t i = 0; i < n && !c->nomem; i++) {
        check_id(c, channels[i].at, "channel", channels[i].id);
        if (fact_find(c->policy, channels[i].id) >= 0)
            FAULT(c, channels[i].at, "channel \"%.*s\" has the name of another channel or fact",
                  EGW_FMT(channels[i].id));
        if (c->policy->fact_count == EGW_FACTS_MAX) {
            FAULT(c, channels[i].at, "there are more than %d channels", EGW_CHANNELS_MAX);
            break;
        }
        define_closed(c, (enum egw_fact_id)c->policy->fact_count++, channels[i].id, right_words,
                      EGW_COUNT(right_words), false);
    }
}

/* "complete", then what is demanded, by id. */
static void define_package(struct compile *c)
{
    const struct egw_source_demand *demands = c->source->demands.p;
    struct egw_fact_def *fact = &c->policy->facts[EGW_F_PACKAGE];

    fact->name = EGW_STR("package");
    fact->values = get_many(c, c->source->demands.n + 1, sizeof(*fact->values));
    if (!fact->values)
        return;
    fact->values[fact->value_count++] = EGW_STR("complete");
    for (size_t i = 0; i < c->source->demands.n; i++) {
        if (demands[i].rule.code.n)
            fact->values[fact->value_count++] = demands[i].rule.id;
    }
}

static void define_facts(struct compile *c)
{
    const struct egw_policy_source *s = c->source;
    const struct egw_word *services = words_of(c, &s->services, sizeof(struct egw_source_service));
    const struct egw_word *symptoms = words_of(c, &s->symptoms, sizeof(struct egw_source_symptom));

    for (size_t i = 0; i < EGW_COUNT(closed_facts); i++) {
        const struct closed_fact *f = &closed_facts[i];
        size_t n = 0;

        while (n < EGW_COUNT(f->values) && f->values[n])
            n++;
        define_closed(c, f->id, egw_str_of(f->name), f->values, n, f->worded);
    }
    if (!services || !symptoms)
        return;
    define_worded(c, EGW_F_DOMAIN, "domain", absent_invalid, s->domains.p, s->domains.n);
    define_worded(c, EGW_F_TOPIC, "topic", absent_invalid, s->topics.p, s->topics.n);
    define_worded(c, EGW_F_SEVERITY, "severity", absent_invalid, s->severities.p, s->severities.n);
    define_worded(c, EGW_F_PLAN, "plan", none_unknown, s->plans.p, s->plans.n);
    define_worded(c, EGW_F_SERVICE, "service", absent_unknown, services, s->services.n);
    define_worded(c, EGW_F_SYMPTOM, "symptom", absent_invalid, symptoms, s->symptoms.n);
    define_families(c);
    define_package(c);
    define_channels(c);
}

/* The value's number, or -1. Values are matched without case, as in events. */
static int value_find(const struct egw_fact_def *fact, struct egw_str word)
{
    for (size_t i = 0; i < fact->value_count; i++) {
        if (egw_str_same(fact->values[i], word))
            return (int)i;
    }
    return -1;
}

static int value_of(struct compile *c, unsigned fact, const struct egw_word *word)
{
    const struct egw_fact_def *def = &c->policy->facts[fact];
    int value = value_find(def, word->text);

    if (value < 0)
        FAULT(c, word->at, "%.*s has no value \"%.*s\"", EGW_FMT(def->name), EGW_FMT(word->text));
    return value;
}

static uint64_t *bits_make(struct compile *c, size_t n)
{
    return get_many(c, (n + 63) / 64, sizeof(uint64_t));
}

static void bit_set(uint64_t *bits, size_t i)
{
    bits[i / 64] |= UINT64_C(1) << (i % 64);
}

static bool bit_is(const uint64_t *bits, size_t i)
{
    return bits[i / 64] >> (i % 64) & 1;
}

static const struct egw_str *texts_of(struct compile *c, const struct egw_list *list)
{
    const struct egw_word *words = list->p;
    struct egw_str *texts = get_many(c, list->n, sizeof(*texts));

    for (size_t i = 0; texts && i < list->n; i++)
        texts[i] = words[i].text;
    return texts;
}

/* ---- services, symptoms, channels, needs ---- */

/* Names in alphabetical order would hide which line repeats another, so this is the plain square.
 */
static void make_service_names(struct compile *c)
{
    struct egw_policy *p = c->policy;
    size_t total = 0, n = 0;
    struct egw_str *words;
    uint16_t *numbers;

    for (size_t i = 0; i < p->service_count; i++)
        total += p->services[i].name_count;
    if (total > VALUES_MAX) {
        egw_faults_add(c->faults, NULL, 0, "services have %zu names, more than %d", total,
                       VALUES_MAX);
        return;
    }
    words = get_many(c, total, sizeof(*words));
    numbers = get_many(c, total, sizeof(*numbers));
    if (!words || !numbers)
        return;
    for (size_t i = 0; i < p->service_count; i++) {
        const struct egw_source_service *from = c->source->services.p;

        for (size_t k = 0; k < p->services[i].name_count; k++) {
            struct egw_str name = p->services[i].names[k];

            for (size_t o = 0; o < n; o++) {
                if (numbers[o] == i + EGW_V_WORDS || !egw_str_same(words[o], name))
                    continue;
                FAULT(c, from[i].at, "service \"%.*s\" is named \"%.*s\", and so is \"%.*s\"",
                      EGW_FMT(from[i].id), EGW_FMT(name),
                      EGW_FMT(from[numbers[o] - EGW_V_WORDS].id));
                break;
            }
            words[n] = name;
            numbers[n++] = (uint16_t)(i + EGW_V_WORDS);
        }
    }
    if (!egw_wordset_make(&p->facts[EGW_F_SERVICE].words, &p->arena, words, numbers, n))
        c->nomem = true;
}

static void make_services(struct compile *c)
{
    const struct egw_source_service *from = c->source->services.p;
    struct egw_policy *p = c->policy;
    size_t n = c->source->services.n;

    p->services = get_many(c, n, sizeof(*p->services));
    if (!p->services)
        return;
    for (size_t i = 0; i < n; i++) {
        const struct egw_word *aliases = from[i].aliases.p;
        struct egw_str *names = get_many(c, from[i].aliases.n + 2, sizeof(*names));

        if (!names)
            return;
        names[0] = from[i].id;
        names[1] = from[i].name;
        for (size_t k = 0; k < from[i].aliases.n; k++)
            names[2 + k] = aliases[k].text;
        p->services[i] = (struct egw_service_rules){
            .view = {from[i].id, from[i].name, from[i].family, from[i].cloud},
            .portal = from[i].portal,
            .portal_usgov = from[i].portal_usgov,
            .names = names,
            .name_count = from[i].aliases.n + 2,
            .family = (uint16_t)value_find(&p->facts[EGW_F_FAMILY], from[i].family),
        };
    }
    p->service_count = n;
    make_service_names(c);
}

static void make_symptoms(struct compile *c)
{
    const struct egw_source_symptom *from = c->source->symptoms.p;

    c->policy->symptoms = get_many(c, c->source->symptoms.n, sizeof(*c->policy->symptoms));
    for (size_t i = 0; c->policy->symptoms && i < c->source->symptoms.n; i++)
        c->policy->symptoms[i] = (struct egw_symptom){
            from[i].has_features, texts_of(c, &from[i].features), from[i].features.n};
}

static void check_dates(struct compile *c, struct egw_place at, struct egw_opt_i64 since,
                        struct egw_opt_i64 until)
{
    if (since.has && until.has && since.v >= until.v)
        FAULT(c, at, "since is not before until");
}

static void make_channel(struct compile *c, const struct egw_source_channel *from,
                         struct egw_channel *to)
{
    const struct egw_word *partners = from->partners.p, *families = from->families.p;

    *to = (struct egw_channel){.id = from->id,
                               .plan = from->plan,
                               .entitlement = from->entitlement,
                               .levels = texts_of(c, &from->levels),
                               .level_count = from->levels.n,
                               .counted = from->counted,
                               .cloud_only = from->cloud_only,
                               .since = from->since,
                               .until = from->until};
    check_dates(c, from->at, from->since, from->until);
    for (size_t i = 0; i < from->partners.n; i++) {
        int value = value_of(c, EGW_F_PARTNER, &partners[i]);

        if (value >= 0)
            to->partners |= 1u << value;
    }
    to->families =
        from->families.n ? bits_make(c, c->policy->facts[EGW_F_FAMILY].value_count) : NULL;
    for (size_t i = 0; to->families && i < from->families.n; i++) {
        int value = value_of(c, EGW_F_FAMILY, &families[i]);

        if (value >= 0)
            bit_set(to->families, (size_t)value);
    }
    if (from->entitlement == EGW_ENTITLED_PROGRAM && !from->partners.n)
        FAULT(c, from->at, "channel \"%.*s\" does not say which partners have it",
              EGW_FMT(from->id));
    if (from->entitlement == EGW_ENTITLED_CONTRACT && !from->plan.n)
        FAULT(c, from->at, "channel \"%.*s\" does not name its plan", EGW_FMT(from->id));
    if (from->entitlement == EGW_ENTITLED_MEMBERSHIP && !from->levels.n)
        FAULT(c, from->at, "channel \"%.*s\" does not name the levels that carry it",
              EGW_FMT(from->id));
}

static void make_channels(struct compile *c)
{
    const struct egw_source_channel *from = c->source->channels.p;

    c->policy->channel_count = c->policy->fact_count - EGW_F_CHANNEL;
    c->policy->channels = get_many(c, c->policy->channel_count, sizeof(struct egw_channel));
    for (size_t i = 0; c->policy->channels && i < c->policy->channel_count; i++)
        make_channel(c, &from[i], &c->policy->channels[i]);
}

static bool need_is_for(const struct egw_source_need *need, const struct egw_service *service)
{
    const struct egw_word *services = need->services.p, *families = need->families.p;
    bool fits = !need->services.n && !need->families.n;

    for (size_t i = 0; service && i < need->services.n; i++)
        fits = fits || egw_str_same(services[i].text, service->id);
    for (size_t i = 0; service && i < need->families.n; i++)
        fits = fits || egw_str_same(families[i].text, service->family);
    return fits;
}

static const struct egw_need *needs_for(struct compile *c, const struct egw_service *service)
{
    const struct egw_source_need *from = c->source->needs.p;
    const struct egw_need *first = NULL;

    for (size_t i = c->source->needs.n; i-- > 0;) { /* from the end: each goes before the rest */
        const struct egw_word *uses = from[i].uses.p;
        struct egw_need *need;

        if (!need_is_for(&from[i], service))
            continue;
        need = get(c, sizeof(*need));
        if (!need)
            return NULL;
        need->uses = from[i].uses.n ? 0 : ~UINT64_C(0);
        for (size_t k = 0; k < from[i].uses.n; k++) {
            int value = value_find(&c->policy->facts[EGW_F_USE], uses[k].text);

            if (value >= 0)
                need->uses |= UINT64_C(1) << value;
        }
        need->roles = texts_of(c, &from[i].roles);
        need->role_count = from[i].roles.n;
        need->rbac = from[i].rbac;
        need->next = first;
        first = need;
    }
    return first;
}

static void make_needs(struct compile *c)
{
    const struct egw_source_need *from = c->source->needs.p;
    struct egw_policy *p = c->policy;

    for (size_t i = 0; i < c->source->needs.n; i++) {
        const struct egw_word *services = from[i].services.p, *families = from[i].families.p,
                              *uses = from[i].uses.p;

        for (size_t k = 0; k < from[i].services.n; k++)
            (void)value_of(c, EGW_F_SERVICE, &services[k]);
        for (size_t k = 0; k < from[i].families.n; k++)
            (void)value_of(c, EGW_F_FAMILY, &families[k]);
        for (size_t k = 0; k < from[i].uses.n; k++)
            (void)value_of(c, EGW_F_USE, &uses[k]);
    }
    for (size_t i = 0; p->services && i < p->service_count; i++)
        p->services[i].needs = needs_for(c, &p->services[i].view);
    p->any_needs = (struct egw_need *)(uintptr_t)needs_for(c, NULL);
}

/* ---- severities, ages ---- */

static struct egw_priority_map *priority_map_of(struct compile *c, struct egw_str system)
{
    struct egw_policy *p = c->policy;

    for (size_t i = 0; i < p->priority_count; i++) {
        if (egw_str_same(p->priorities[i].system, system))
            return &p->priorities[i];
    }
    p->priorities[p->priority_count].system = system;
    return &p->priorities[p->priority_count++];
}

static void make_priority_map(struct compile *c, struct egw_priority_map *map)
{
    const struct egw_source_priority *from = c->source->priorities.p;
    size_t all = c->source->priorities.n, n = 0;
    struct egw_str *words = get_many(c, all, sizeof(*words));
    uint16_t *numbers = get_many(c, all, sizeof(*numbers));

    for (size_t i = 0; words && numbers && i < all; i++) {
        int value;

        if (!egw_str_same(from[i].system.text, map->system))
            continue;
        for (size_t k = 0; k < n; k++) {
            if (egw_str_same(words[k], from[i].priority.text))
                FAULT(c, from[i].priority.at, "priority \"%.*s\" of \"%.*s\" is there already",
                      EGW_FMT(from[i].priority.text), EGW_FMT(map->system));
        }
        value = value_of(c, EGW_F_SEVERITY, &from[i].severity);
        words[n] = from[i].priority.text;
        numbers[n++] = (uint16_t)(value < 0 ? 0 : value);
    }
    if (words && numbers && n <= VALUES_MAX &&
        !egw_wordset_make(&map->priorities, &c->policy->arena, words, numbers, n))
        c->nomem = true;
}

static void make_priorities(struct compile *c)
{
    const struct egw_source_priority *from = c->source->priorities.p;
    struct egw_policy *p = c->policy;

    p->priorities = get_many(c, c->source->priorities.n, sizeof(*p->priorities));
    if (!p->priorities)
        return;
    for (size_t i = 0; i < c->source->priorities.n; i++)
        (void)priority_map_of(c, from[i].system.text);
    for (size_t i = 0; i < p->priority_count; i++)
        make_priority_map(c, &p->priorities[i]);
}

static void make_default_severity(struct compile *c)
{
    int value;

    if (!c->source->default_severity.text.n) {
        egw_faults_add(c->faults, NULL, 0,
                       "no default-severity: events without severity could not be judged");
        return;
    }
    value = value_of(c, EGW_F_SEVERITY, &c->source->default_severity);
    c->policy->default_severity = (uint16_t)(value < 0 ? 0 : value);
}

static void make_ages(struct compile *c)
{
    const struct egw_source_age *ages = c->source->ages.p;

    for (size_t i = 0; i < c->source->ages.n; i++) {
        size_t kind = 0;

        while (kind < EGW_REF_COUNT && !egw_str_is(ages[i].kind.text, egw_reference_kinds[kind]))
            kind++;
        if (kind == EGW_REF_COUNT)
            FAULT(c, ages[i].kind.at, "there is no kind of fact \"%.*s\"",
                  EGW_FMT(ages[i].kind.text));
        else
            c->policy->max_age_ms[kind] = ages[i].ms;
    }
}

static int action_find(struct egw_str name)
{
    for (int i = 0; i < EGW_ACTION_COUNT; i++) {
        if (egw_str_is(name, egw_action_names[i]))
            return i;
    }
    return -1;
}

/* ---- calendars and limits ---- */

static const struct egw_named_calendar *calendar_find(const struct egw_policy *p, struct egw_str id)
{
    for (size_t i = 0; i < p->calendar_count; i++) {
        if (egw_str_eq(p->calendars[i].id, id))
            return &p->calendars[i];
    }
    return NULL;
}

static bool calendar_is_special(struct egw_str id)
{
    return egw_str_is(id, "24x7") || egw_str_is(id, "statement") || egw_str_is(id, "delivery");
}

static void make_calendar(struct compile *c, const struct egw_source_calendar *from)
{
    struct egw_named_calendar *to = &c->policy->calendars[c->policy->calendar_count];
    struct egw_list hours = {(void *)(uintptr_t)texts_of(c, &from->hours), from->hours.n};
    struct egw_list holidays = {(void *)(uintptr_t)texts_of(c, &from->holidays), from->holidays.n};
    struct egw_error why;

    check_id(c, from->at, "calendar", from->id);
    if (calendar_is_special(from->id) || calendar_find(c->policy, from->id))
        FAULT(c, from->at, "calendar \"%.*s\" is there already", EGW_FMT(from->id));
    if (c->nomem)
        return;
    to->id = from->id;
    if (egw_calendar_make(from->zone, from->rules, &hours, &holidays, &to->calendar, &why))
        FAULT(c, from->at, "calendar \"%.*s\": %s", EGW_FMT(from->id), why.text);
    c->policy->calendar_count++;
}

static void make_calendars(struct compile *c)
{
    const struct egw_source_calendar *from = c->source->calendars.p;
    size_t n = c->source->calendars.n;

    c->policy->calendars = get_many(c, n, sizeof(*c->policy->calendars));
    for (size_t i = 0; c->policy->calendars && i < n; i++)
        make_calendar(c, &from[i]);
}

/* What stands for an answer that never came is an event type that would be one in that phase. */
static void check_otherwise(struct compile *c, const struct egw_source_limit *limit,
                            enum egw_phase phase)
{
    static const char *const answers[] = {"approved", "declined", "released", "closed"};
    enum egw_lifecycle what = EGW_DO_LATE;

    for (size_t i = 0; i < EGW_COUNT(answers); i++) {
        if (egw_str_is(limit->otherwise.text, answers[i]))
            what = egw_lifecycle_of((enum egw_event_type)egw_event_type_of(limit->otherwise.text),
                                    phase);
    }
    if (what != EGW_DO_DECIDE && what != EGW_DO_OUTLIVED && what != EGW_DO_END)
        FAULT(c, limit->otherwise.at, "\"%.*s\" is no answer to %.*s",
              EGW_FMT(limit->otherwise.text), EGW_FMT(limit->action.text));
}

static void check_limit(struct compile *c, const struct egw_source_limit *limit, int action)
{
    const struct egw_word *severities = limit->severities.p, *channels = limit->channels.p;
    enum egw_phase phase = egw_phase_after((enum egw_action)action);

    if (phase == EGW_PHASE_ENDED || (int)phase == EGW_PHASE_COUNT)
        FAULT(c, limit->action.at, "%.*s leaves nothing to wait for", EGW_FMT(limit->action.text));
    else if (limit->otherwise.text.n)
        check_otherwise(c, limit, phase);
    for (size_t i = 0; i < limit->severities.n; i++)
        (void)value_of(c, EGW_F_SEVERITY, &severities[i]);
    for (size_t i = 0; i < limit->channels.n; i++) {
        if (fact_find(c->policy, channels[i].text) < (int)EGW_F_CHANNEL)
            FAULT(c, channels[i].at, "there is no channel \"%.*s\"", EGW_FMT(channels[i].text));
    }
    if (limit->warn_ms >= limit->within_ms && limit->warn_ms)
        FAULT(c, limit->at, "the warning would come before the time begins");
    if (limit->calendar.text.n && !calendar_is_special(limit->calendar.text) &&
        !calendar_find(c->policy, limit->calendar.text))
        FAULT(c, limit->calendar.at, "there is no calendar \"%.*s\"",
              EGW_FMT(limit->calendar.text));
}

static struct egw_limit *make_limit(struct compile *c, const struct egw_source_limit *from)
{
    struct egw_limit *to = get(c, sizeof(*to));

    if (to)
        *to = (struct egw_limit){
            .code = from->code.text.n ? from->code.text : EGW_STR(""),
            .severities = texts_of(c, &from->severities),
            .severity_count = from->severities.n,
            .channels = texts_of(c, &from->channels),
            .channel_count = from->channels.n,
            .languages = texts_of(c, &from->languages),
            .language_count = from->languages.n,
            .within_ms = from->within_ms,
            .warn_ms = from->warn_ms,
            .calendar = from->calendar.text.n ? from->calendar.text : EGW_STR("24x7"),
            .otherwise = from->otherwise.text.n ? from->otherwise.text : EGW_STR(""),
        };
    return to;
}

static void make_limits(struct compile *c)
{
    const struct egw_source_limit *from = c->source->limits.p;

    for (size_t i = c->source->limits.n; i-- > 0;) { /* from the end: each goes before the rest */
        int action = action_find(from[i].action.text);
        struct egw_limit *limit;

        if (action < 0) {
            FAULT(c, from[i].action.at, "there is no action \"%.*s\"",
                  EGW_FMT(from[i].action.text));
            continue;
        }
        check_limit(c, &from[i], action);
        limit = make_limit(c, &from[i]);
        if (!limit)
            return;
        limit->next = c->policy->limits[action];
        c->policy->limits[action] = limit;
    }
}

/* ---- rules ---- */

/* The part of the closed list of actions that rules may choose, with where and how. */
static const struct permitted {
    int32_t action, stage;
    const char *codes; /* "|A|B|"; NULL: the action has no code */
    const char *owner; /* unless the rule names another */
} permitted[] = {
    {EGW_ACTION_REJECTED, EGW_STAGE_VALIDITY,
     "|UNKNOWN_EVENT_TYPE|BAD_FIELD|UNKNOWN_CUSTOMER|NOT_YOUR_CUSTOMER|", "desk"},
    {EGW_ACTION_NO_POLICY, EGW_STAGE_VALIDITY, NULL, "desk"},
    {EGW_ACTION_REFERRED, EGW_STAGE_VALIDITY, "|PUBLISHER|MSRC|DIRECT_AGREEMENT|", "desk"},
    {EGW_ACTION_NOT_ENTITLED, EGW_STAGE_VALIDITY, "|NOT_CSP|", "desk"},
    {EGW_ACTION_ACCESS_REQUIRED, EGW_STAGE_ACCESS,
     "|NO_RELATION|NO_GDAP|EXPIRED|ROLE|ASSIGNMENT|RBAC|UNKNOWN|", "customer"},
    {EGW_ACTION_HEALTH_MATCH, EGW_STAGE_HEALTH, NULL, "microsoft"},
    {EGW_ACTION_BASELINE, EGW_STAGE_BASELINE, "|REMEDY|ANSWER|DIAGNOSE|CLASSIFY|", "desk"},
    {EGW_ACTION_RESOLVED_BASELINE, EGW_STAGE_BASELINE, NULL, "desk"},
    {EGW_ACTION_HELD, EGW_STAGE_CHANNEL, "|POLICY|APPROVAL|", "desk"},
    {EGW_ACTION_TO_PROVIDER, EGW_STAGE_CHANNEL, NULL, "provider"},
    {EGW_ACTION_NOT_ENTITLED, EGW_STAGE_CHANNEL,
     "|NOT_CSP|NO_PLAN|PLAN_ENDED|PACK_EMPTY|NOT_COVERED|UNKNOWN|", "desk"},
    {EGW_ACTION_ESCALATED, EGW_STAGE_CHANNEL, NULL, "microsoft"},
    {EGW_ACTION_HANDOFF, EGW_STAGE_CHANNEL, NULL, "desk"},
};

static bool code_is_of(const char *codes, struct egw_str code)
{
    const char *at = codes + 1;

    while (*at) {
        const char *end = strchr(at, '|');

        if (egw_str_eq((struct egw_str){at, (size_t)(end - at)}, code))
            return true;
        at = end + 1;
    }
    return false;
}

static void check_code(struct compile *c, const struct egw_source_rule *from,
                       const struct permitted *p)
{
    if (!p->codes && from->code.n)
        FAULT(c, from->at, "rule \"%.*s\": %s has no code", EGW_FMT(from->id),
              egw_action_names[p->action]);
    else if (p->codes && !from->code.n)
        FAULT(c, from->at, "rule \"%.*s\": %s needs a code", EGW_FMT(from->id),
              egw_action_names[p->action]);
    else if (p->codes && !code_is_of(p->codes, from->code))
        FAULT(c, from->at, "rule \"%.*s\": %s has no code \"%.*s\" in this stage",
              EGW_FMT(from->id), egw_action_names[p->action], EGW_FMT(from->code));
}

static void check_channel(struct compile *c, const struct egw_source_rule *from, int32_t action)
{
    bool wants = action == EGW_ACTION_ESCALATED || action == EGW_ACTION_HANDOFF;
    const char *mode = action == EGW_ACTION_ESCALATED ? "api" : "hand-off";
    bool known = false;

    for (size_t i = EGW_F_CHANNEL; i < c->policy->fact_count; i++)
        known = known || egw_str_eq(c->policy->facts[i].name, from->channel);
    if (wants && !from->channel.n)
        FAULT(c, from->at, "rule \"%.*s\": %s needs a channel", EGW_FMT(from->id),
              egw_action_names[action]);
    else if (!wants && (from->channel.n || from->mode.n))
        FAULT(c, from->at, "rule \"%.*s\": only ESCALATED and HANDOFF have a channel and a mode",
              EGW_FMT(from->id));
    else if (wants && !known)
        FAULT(c, from->at, "rule \"%.*s\": there is no channel \"%.*s\"", EGW_FMT(from->id),
              EGW_FMT(from->channel));
    if (wants && from->mode.n && !egw_str_is(from->mode, mode))
        FAULT(c, from->at, "rule \"%.*s\": the mode of %s is \"%s\"", EGW_FMT(from->id),
              egw_action_names[action], mode);
}

/* What the rule does: an action of its stage, or "next". NULL: next, or a fault. */
static const struct permitted *check_then(struct compile *c, const struct egw_source_rule *from)
{
    bool elsewhere = false;

    if (egw_str_is(from->then, "next")) {
        if (from->code.n || from->channel.n || from->mode.n || from->advice.n || from->owner.n)
            FAULT(c, from->at,
                  "rule \"%.*s\": what goes on to the next stage has no code, "
                  "channel, mode, advice or owner",
                  EGW_FMT(from->id));
        if (from->stage == EGW_STAGE_CHANNEL)
            FAULT(c, from->at, "rule \"%.*s\": there is no stage after channel", EGW_FMT(from->id));
        return NULL;
    }
    for (size_t i = 0; i < EGW_COUNT(permitted); i++) {
        if (!egw_str_is(from->then, egw_action_names[permitted[i].action]))
            continue;
        if (permitted[i].stage == from->stage) {
            check_code(c, from, &permitted[i]);
            check_channel(c, from, permitted[i].action);
            return &permitted[i];
        }
        elsewhere = true;
    }
    if (elsewhere)
        FAULT(c, from->at, "rule \"%.*s\": %.*s is no action of stage %s", EGW_FMT(from->id),
              EGW_FMT(from->then), egw_stage_names[from->stage]);
    else
        FAULT(c, from->at, "rule \"%.*s\": rules cannot do \"%.*s\"", EGW_FMT(from->id),
              EGW_FMT(from->then));
    return NULL;
}

static void accept_values(struct compile *c, const struct egw_source_condition *from, unsigned fact,
                          uint64_t *accepts)
{
    const struct egw_word *values = from->values.p;
    size_t count = c->policy->facts[fact].value_count, negated = 0;

    for (size_t i = 0; i < from->values.n; i++) {
        struct egw_word word = values[i];
        bool is_not = word.text.n && word.text.p[0] == '!';
        int value;

        if (is_not)
            word.text = (struct egw_str){word.text.p + 1, word.text.n - 1};
        negated += is_not;
        value = value_of(c, fact, &word);
        if (value >= 0)
            bit_set(accepts, (size_t)value);
    }
    if (!from->values.n)
        FAULT(c, from->fact.at, "%.*s has an empty list of values", EGW_FMT(from->fact.text));
    if (negated && negated != from->values.n)
        FAULT(c, from->fact.at, "%.*s mixes values with and without \"!\"",
              EGW_FMT(from->fact.text));
    for (size_t i = 0; negated && i < count; i++)
        accepts[i / 64] ^= UINT64_C(1) << (i % 64);
}

static void make_conditions(struct compile *c, const struct egw_source_rule *from,
                            struct egw_rule *to)
{
    const struct egw_source_condition *conditions = from->when.p;

    to->when = get_many(c, from->when.n, sizeof(*to->when));
    for (size_t i = 0; to->when && i < from->when.n; i++) {
        int fact = fact_find(c->policy, conditions[i].fact.text);
        struct egw_rule_condition *when = &to->when[to->when_count];

        if (fact < 0) {
            FAULT(c, conditions[i].fact.at, "there is no fact \"%.*s\"",
                  EGW_FMT(conditions[i].fact.text));
            continue;
        }
        if (fact == EGW_F_PACKAGE) {
            FAULT(c, conditions[i].fact.at,
                  "package is known once a channel is chosen: no rule can test it");
            continue;
        }
        when->fact = (unsigned)fact;
        when->accepts = bits_make(c, c->policy->facts[fact].value_count);
        if (!when->accepts)
            return;
        accept_values(c, &conditions[i], when->fact, when->accepts);
        to->when_count++;
    }
}

static void make_when_text(struct compile *c, const struct egw_source_rule *from,
                           struct egw_rule *to)
{
    EGW_CLEANUP(egw_buf_free) struct egw_buf text = {0};
    const struct egw_source_condition *conditions = from->when.p;
    bool ok = true;

    for (size_t i = 0; ok && i < from->when.n; i++) {
        const struct egw_word *values = conditions[i].values.p;

        ok = !egw_buf_printf(&text, "%s%.*s = ", i ? ", " : "", EGW_FMT(conditions[i].fact.text));
        for (size_t k = 0; ok && k < conditions[i].values.n; k++)
            ok = !egw_buf_printf(&text, "%s%.*s", k ? " | " : "", EGW_FMT(values[k].text));
    }
    if (!ok || !egw_arena_str(&c->policy->arena, egw_buf_str(&text), &to->view.when))
        c->nomem = true;
}

/* NULL: the policy does not list it. */
static const struct egw_source_origin *origin_of(const struct compile *c, struct egw_str id)
{
    const struct egw_source_origin *origins = c->source->origins.p;

    for (size_t i = 0; i < c->source->origins.n; i++) {
        if (egw_str_eq(origins[i].id, id))
            return &origins[i];
    }
    return NULL;
}

static void check_origins(struct compile *c)
{
    const struct egw_source_origin *origins = c->source->origins.p;

    for (size_t i = 0; i < c->source->origins.n; i++) {
        const struct egw_source_origin *first = origin_of(c, origins[i].id);

        check_id(c, origins[i].at, "source", origins[i].id);
        if (first != &origins[i])
            FAULT(c, origins[i].at, "source \"%.*s\" is there already", EGW_FMT(origins[i].id));
        if (origins[i].date.p && !origins[i].date.n)
            FAULT(c, origins[i].at, "source \"%.*s\" has no date", EGW_FMT(origins[i].id));
    }
}

static void check_rule_texts(struct compile *c, const struct egw_source_rule *from)
{
    static const char *const owners[] = {"",         "desk",      "customer",
                                         "provider", "microsoft", "publisher"};
    bool known = false;

    check_id(c, from->at, "rule", from->id);
    if (from->source.p && !from->source.n) /* where it is missing, the parser said so */
        FAULT(c, from->at, "rule \"%.*s\" has no source", EGW_FMT(from->id));
    if (from->because.p && !from->because.n)
        FAULT(c, from->at, "rule \"%.*s\" does not say because", EGW_FMT(from->id));
    for (size_t i = 0; i < EGW_COUNT(owners); i++)
        known = known || egw_str_eq(egw_str_of(owners[i]), from->owner);
    if (!known)
        FAULT(c, from->at, "rule \"%.*s\": there is no owner \"%.*s\"", EGW_FMT(from->id),
              EGW_FMT(from->owner));
    if (c->source->origins.n && from->source.n && !egw_str_is(from->source, "assumption") &&
        !origin_of(c, from->source))
        FAULT(c, from->at, "rule \"%.*s\": there is no source \"%.*s\"", EGW_FMT(from->id),
              EGW_FMT(from->source));
    check_dates(c, from->at, from->since, from->until);
}

static void make_rule(struct compile *c, const struct egw_source_rule *from, struct egw_rule *to)
{
    const struct permitted *p = check_then(c, from);
    const struct egw_source_origin *origin = origin_of(c, from->source);
    struct egw_str mode = from->mode;

    if (p && p->action == EGW_ACTION_ESCALATED)
        mode = EGW_STR("api");
    if (p && p->action == EGW_ACTION_HANDOFF)
        mode = EGW_STR("hand-off");
    check_rule_texts(c, from);
    to->view = (struct egw_rule_view){
        .id = from->id,
        .because = from->because,
        .source = from->source,
        .dated = origin ? origin->date : EGW_STR(""),
        .file = egw_str_of(from->at.file),
        .line = from->at.line,
        .stage = from->stage,
        .action = p ? p->action : -1,
        .code = from->code,
        .channel = from->channel,
        .mode = mode,
        .advice = from->advice,
        .owner = from->owner.n || !p ? from->owner : egw_str_of(p->owner),
    };
    make_conditions(c, from, to);
    make_when_text(c, from, to);
}

/* ---- eras ---- */

static int by_time(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

static void make_eras(struct compile *c)
{
    const struct egw_source_rule *rules = c->source->rules.p;
    struct egw_policy *p = c->policy;
    size_t n = 0;

    p->eras = get_many(c, 2 * c->source->rules.n, sizeof(*p->eras));
    for (size_t i = 0; p->eras && i < c->source->rules.n; i++) {
        if (rules[i].since.has)
            p->eras[n++] = rules[i].since.v;
        if (rules[i].until.has)
            p->eras[n++] = rules[i].until.v;
    }
    if (n)
        qsort(p->eras, n, sizeof(*p->eras), by_time);
    for (size_t i = 0; i < n; i++) {
        if (!p->era_count || p->eras[p->era_count - 1] != p->eras[i])
            p->eras[p->era_count++] = p->eras[i];
    }
    p->facts[EGW_F_ERA].value_count = p->era_count + 1;
}

/* Era i lies before boundary i; the last one has no end. */
static bool in_force(const struct egw_policy *p, const struct egw_source_rule *rule, size_t era)
{
    int64_t begins = era ? p->eras[era - 1] : INT64_MIN;

    return (!rule->since.has || begins >= rule->since.v) &&
           (!rule->until.has || begins < rule->until.v);
}

/* ---- stages ---- */

static bool rule_accepts(const struct egw_rule *rule, unsigned fact, size_t value)
{
    for (size_t i = 0; i < rule->when_count; i++) {
        if (rule->when[i].fact == fact && !bit_is(rule->when[i].accepts, value))
            return false;
    }
    return true;
}

/* Rows of the values of one fact; values that no rule tells apart share theirs. */
static void make_rows(struct compile *c, struct egw_stage_table *stage, unsigned fact,
                      const struct egw_source_rule *const *written)
{
    const struct egw_policy *p = c->policy;
    size_t values = p->facts[fact].value_count;
    const uint64_t **row = get_many(c, values, sizeof(*row));

    for (size_t v = 0; row && v < values; v++) {
        uint64_t *fresh = get_many(c, stage->words, sizeof(*fresh));

        if (!fresh)
            return;
        for (size_t r = 0; r < stage->count; r++) {
            bool accepts = fact == EGW_F_ERA ? in_force(p, written[r], v)
                                             : rule_accepts(&p->rules[stage->first + r], fact, v);

            if (accepts)
                bit_set(fresh, r);
        }
        row[v] = fresh;
        for (size_t k = 0; k < v; k++) {
            if (memcmp(row[k], fresh, stage->words * sizeof(*fresh)) == 0) {
                row[v] = row[k];
                break;
            }
        }
    }
    stage->tested[stage->tested_count++] = (struct egw_tested){fact, row};
    if (fact < EGW_F_CUSTOMER)
        stage->event_count++;
    if (fact != EGW_F_ERA)
        stage->facts |= UINT64_C(1) << fact;
}

static bool stage_tests(const struct compile *c, const struct egw_stage_table *stage, unsigned fact)
{
    if (fact == EGW_F_ERA) /* also where nothing else is tested: the unused bits must be masked */
        return true;
    for (size_t r = 0; r < stage->count; r++) {
        const struct egw_rule *rule = &c->policy->rules[stage->first + r];

        for (size_t i = 0; i < rule->when_count; i++) {
            if (rule->when[i].fact == fact)
                return true;
        }
    }
    return false;
}

static void make_stage(struct compile *c, struct egw_stage_table *stage, int32_t number,
                       const struct egw_source_rule *const *written)
{
    size_t words = (stage->count + 63) / 64;

    if (!stage->count) {
        egw_faults_add(c->faults, NULL, 0, "stage %s has no rules", egw_stage_names[number]);
        return;
    }
    if (stage->count > RULES_MAX) {
        egw_faults_add(c->faults, NULL, 0, "stage %s has %zu rules, more than %d",
                       egw_stage_names[number], stage->count, RULES_MAX);
        return;
    }
    for (size_t r = 0; r + 1 < stage->count; r++) {
        if (!written[r]->when.n && !written[r]->since.has && !written[r]->until.has)
            FAULT(c, written[r]->at, "rule \"%.*s\" takes every event: no rule after it can decide",
                  EGW_FMT(written[r]->id));
    }
    stage->words = (words + EGW_ROW_BLOCK - 1) / EGW_ROW_BLOCK * EGW_ROW_BLOCK;
    for (unsigned fact = 0; fact < c->policy->fact_count && !c->nomem; fact++) {
        if (stage_tests(c, stage, fact))
            make_rows(c, stage, fact, written);
    }
}

/* No event may meet a stage that has no rule for it. A last rule without conditions shows it; where
 * there is none, all that can come is searched. */
static void check_cover(struct compile *c, const struct egw_stage_table *stage, int32_t number,
                        const struct egw_source_rule *const *written)
{
    const struct egw_source_rule *last;
    struct egw_str gap;

    if (!stage->tested_count) /* at fault already */
        return;
    last = written[stage->count - 1];
    if (!last->when.n && !last->since.has && !last->until.has)
        return;
    switch (
        egw_stage_gap(c->policy, (size_t)(number - EGW_STAGE_VALIDITY), &c->policy->arena, &gap)) {
    case EGW_FOUND_NONE:
        break;
    case EGW_FOUND_SOME:
        FAULT(c, last->at, "stage %s does not cover every event: no rule takes one with %.*s",
              egw_stage_names[number], EGW_FMT(gap));
        break;
    case EGW_FOUND_UNSURE:
        FAULT(
            c, last->at,
            "stage %s cannot be shown to cover every event: end it with a rule without conditions",
            egw_stage_names[number]);
        break;
    }
}

static int by_id(const void *a, const void *b)
{
    const struct egw_source_rule *x = *(const struct egw_source_rule *const *)a;
    const struct egw_source_rule *y = *(const struct egw_source_rule *const *)b;
    int order = egw_str_cmp(x->id, y->id);

    return order ? order : (x > y) - (x < y); /* as written, so that the later one is at fault */
}

static void check_rule_ids(struct compile *c)
{
    const struct egw_source_rule *rules = c->source->rules.p;
    const struct egw_source_demand *demands = c->source->demands.p;
    size_t n = c->source->rules.n + c->source->demands.n;
    const struct egw_source_rule **sorted = get_many(c, n, sizeof(*sorted));

    if (!sorted || !n)
        return;
    for (size_t i = 0; i < c->source->rules.n; i++)
        sorted[i] = &rules[i];
    for (size_t i = 0; i < c->source->demands.n; i++)
        sorted[c->source->rules.n + i] = &demands[i].rule;
    qsort(sorted, n, sizeof(*sorted), by_id);
    for (size_t i = 1; i < n; i++) {
        if (egw_str_eq(sorted[i]->id, sorted[i - 1]->id))
            FAULT(c, sorted[i]->at, "rule \"%.*s\" is there already, at %s:%d",
                  EGW_FMT(sorted[i]->id), sorted[i - 1]->at.file ? sorted[i - 1]->at.file : "",
                  sorted[i - 1]->at.line);
    }
}

/* ---- demands ---- */

static uint32_t wants_of(struct compile *c, const struct egw_source_demand *from)
{
    const struct egw_word *words = from->wants.p;
    uint32_t wants = 0;

    for (size_t i = 0; i < from->wants.n; i++) {
        int want = egw_want_find(words[i].text);

        if (want < 0)
            FAULT(c, words[i].at, "no form wants \"%.*s\"", EGW_FMT(words[i].text));
        else
            wants |= UINT32_C(1) << want;
    }
    if (!from->wants.n)
        FAULT(c, from->rule.at, "demand \"%.*s\" wants nothing", EGW_FMT(from->rule.id));
    return wants;
}

static uint64_t channels_of(struct compile *c, const struct egw_source_demand *from)
{
    const struct egw_word *words = from->channels.p;
    uint64_t channels = from->channels.n ? 0 : ~UINT64_C(0);

    for (size_t i = 0; i < from->channels.n; i++) {
        size_t k = 0;

        while (k < c->policy->channel_count &&
               !egw_str_eq(c->policy->channels[k].id, words[i].text))
            k++;
        if (k == c->policy->channel_count)
            FAULT(c, words[i].at, "there is no channel \"%.*s\"", EGW_FMT(words[i].text));
        else
            channels |= UINT64_C(1) << k;
    }
    return channels;
}

static void make_demand(struct compile *c, const struct egw_source_demand *from,
                        struct egw_rule *rule, struct egw_demand *to)
{
    make_rule(c, &from->rule, rule);
    *to = (struct egw_demand){rule, channels_of(c, from), wants_of(c, from)};
    for (size_t i = 0; i < rule->when_count; i++)
        c->policy->demand_facts |= UINT64_C(1) << rule->when[i].fact;
}

/* Those demanded go first: they are rules of the policy, with an index after the stages' own. */
static void make_demands(struct compile *c)
{
    const struct egw_source_demand *from = c->source->demands.p;
    struct egw_policy *p = c->policy;
    size_t n = c->source->demands.n, at = p->rule_count;

    p->demands = get_many(c, n, sizeof(*p->demands));
    for (int wanted = 0; wanted < 2 && p->demands; wanted++) {
        for (size_t i = 0; i < n && !c->nomem; i++) {
            if ((from[i].rule.code.n == 0) == (wanted == 1))
                make_demand(c, &from[i], &p->rules[at++], &p->demands[p->demand_count++]);
        }
        if (!wanted)
            p->demanded_count = p->demand_count;
    }
    p->rule_count += p->demanded_count;
}

static void make_rules(struct compile *c)
{
    const struct egw_source_rule *from = c->source->rules.p;
    struct egw_policy *p = c->policy;
    size_t n = c->source->rules.n;
    const struct egw_source_rule **written = get_many(c, n, sizeof(*written));

    p->rules = get_many(c, n + c->source->demands.n, sizeof(*p->rules));
    if (!written || !p->rules)
        return;
    check_origins(c);
    check_rule_ids(c);
    make_eras(c);
    for (int32_t s = 0; s < EGW_STAGES; s++) {
        p->stages[s].first = p->rule_count;
        for (size_t i = 0; i < n && !c->nomem; i++) {
            if (from[i].stage != EGW_STAGE_VALIDITY + s)
                continue;
            written[p->rule_count] = &from[i];
            make_rule(c, &from[i], &p->rules[p->rule_count++]);
        }
        p->stages[s].count = p->rule_count - p->stages[s].first;
    }
    p->staged_count = p->rule_count;
    make_demands(c);
    if (c->faults->total)
        return; /* rows of rules at fault would mean nothing */
    for (int32_t s = 0; s < EGW_STAGES && !c->nomem; s++)
        make_stage(c, &p->stages[s], EGW_STAGE_VALIDITY + s, written + p->stages[s].first);
    for (int32_t s = 0; s < EGW_STAGES && !c->nomem; s++)
        check_cover(c, &p->stages[s], EGW_STAGE_VALIDITY + s, written + p->stages[s].first);
}

enum egw_status egw_policy_build(struct egw_policy_source *source, const struct egw_sha256 *hash,
                                 struct egw_catalogue *catalogue,
                                 void (*catalogue_free)(struct egw_catalogue *catalogue),
                                 struct egw_policy **ret, struct egw_faults *faults)
{
    struct egw_policy *policy = calloc(1, sizeof(*policy));
    struct compile c = {source, policy, faults, false};

    if (!policy) {
        egw_arena_free(&source->arena);
        if (catalogue)
            catalogue_free(catalogue);
        return EGW_NOMEM;
    }
    policy->arena = source->arena;
    source->arena = (struct egw_arena){0};
    policy->hash = *hash;
    policy->catalogue = catalogue;
    policy->catalogue_free = catalogue_free;
    policy->slack_ms = source->slack_ms;
    policy->horizon_ms = source->horizon_ms;
    policy->active = texts_of(&c, &source->active);
    policy->active_count = source->active.n;
    policy->operational = texts_of(&c, &source->operational);
    policy->operational_count = source->operational.n;
    policy->unanswered = texts_of(&c, &source->unanswered);
    policy->unanswered_count = source->unanswered.n;
    define_facts(&c);
    if (!c.nomem) {
        make_services(&c);
        make_symptoms(&c);
        make_channels(&c);
        make_needs(&c);
        make_priorities(&c);
        make_default_severity(&c);
        make_ages(&c);
        make_calendars(&c);
        make_limits(&c);
        make_rules(&c);
    }
    if (c.nomem || faults->total) {
        egw_policy_free(policy);
        return c.nomem ? EGW_NOMEM : EGW_INVALID;
    }
    *ret = policy;
    return EGW_OK;
}
