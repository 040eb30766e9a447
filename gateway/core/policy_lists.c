/* What a policy lists beside its rules: services, channels, access needs, severities, ages. */
#include "policy_compile.h"

/* Names in alphabetical order would hide which line repeats another, so this is the plain square.
 */
static void make_service_names(struct egw_compile *c)
{
    struct egw_policy *p = c->policy;
    size_t total = 0, n = 0;
    struct egw_str *words;
    uint16_t *numbers;

    for (size_t i = 0; i < p->service_count; i++)
        total += p->services[i].name_count;
    if (total > EGW_VALUES_MAX) {
        egw_faults_add(c->faults, NULL, 0, "services have %zu names, more than %d", total,
                       EGW_VALUES_MAX);
        return;
    }
    words = egw_compile_array(c, total, sizeof(*words));
    numbers = egw_compile_array(c, total, sizeof(*numbers));
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

static void make_services(struct egw_compile *c)
{
    const struct egw_source_service *from = c->source->services.p;
    struct egw_policy *p = c->policy;
    size_t n = c->source->services.n;

    p->services = egw_compile_array(c, n, sizeof(*p->services));
    if (!p->services)
        return;
    for (size_t i = 0; i < n; i++) {
        const struct egw_word *aliases = from[i].aliases.p;
        struct egw_str *names = egw_compile_array(c, from[i].aliases.n + 2, sizeof(*names));

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
            .family = (uint16_t)egw_compile_value(&p->facts[EGW_F_FAMILY], from[i].family),
        };
        egw_compile_source(c, from[i].at, "service", from[i].id, from[i].source);
        egw_compile_source(c, from[i].at, "service", from[i].id, from[i].source_usgov);
    }
    p->service_count = n;
    make_service_names(c);
}

static void make_symptoms(struct egw_compile *c)
{
    const struct egw_source_symptom *from = c->source->symptoms.p;

    c->policy->symptoms = egw_compile_array(c, c->source->symptoms.n, sizeof(*c->policy->symptoms));
    for (size_t i = 0; c->policy->symptoms && i < c->source->symptoms.n; i++)
        c->policy->symptoms[i] = (struct egw_symptom){
            from[i].has_features, egw_compile_texts(c, &from[i].features), from[i].features.n};
}

static void make_channel(struct egw_compile *c, const struct egw_source_channel *from,
                         struct egw_channel *to)
{
    const struct egw_word *partners = from->partners.p, *families = from->families.p;

    *to = (struct egw_channel){.id = from->id,
                               .name = from->name,
                               .portal = from->portal,
                               .portal_usgov = from->portal_usgov,
                               .plan = from->plan,
                               .entitlement = from->entitlement,
                               .levels = egw_compile_texts(c, &from->levels),
                               .level_count = from->levels.n,
                               .counted = from->counted,
                               .cloud_only = from->cloud_only,
                               .since = from->since,
                               .until = from->until};
    egw_compile_dates(c, from->at, from->since, from->until);
    egw_compile_source(c, from->at, "channel", from->id, from->source);
    egw_compile_source(c, from->at, "channel", from->id, from->portal_source);
    for (size_t i = 0; i < from->partners.n; i++) {
        int value = egw_compile_value_of(c, EGW_F_PARTNER, &partners[i]);

        if (value >= 0)
            to->partners |= 1u << value;
    }
    to->families =
        from->families.n ? egw_compile_bits(c, c->policy->facts[EGW_F_FAMILY].value_count) : NULL;
    for (size_t i = 0; to->families && i < from->families.n; i++) {
        int value = egw_compile_value_of(c, EGW_F_FAMILY, &families[i]);

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

static void make_channels(struct egw_compile *c)
{
    const struct egw_source_channel *from = c->source->channels.p;

    c->policy->channel_count = c->policy->fact_count - EGW_F_CHANNEL;
    c->policy->channels =
        egw_compile_array(c, c->policy->channel_count, sizeof(struct egw_channel));
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

static const struct egw_need *needs_for(struct egw_compile *c, const struct egw_service *service)
{
    const struct egw_source_need *from = c->source->needs.p;
    const struct egw_need *first = NULL;

    for (size_t i = c->source->needs.n; i-- > 0;) { /* from the end: each goes before the rest */
        const struct egw_word *uses = from[i].uses.p;
        struct egw_need *need;

        if (!need_is_for(&from[i], service))
            continue;
        need = egw_compile_alloc(c, sizeof(*need));
        if (!need)
            return NULL;
        need->at = from[i].at;
        need->uses = from[i].uses.n ? 0 : ~UINT64_C(0);
        for (size_t k = 0; k < from[i].uses.n; k++) {
            int value = egw_compile_value(&c->policy->facts[EGW_F_USE], uses[k].text);

            if (value >= 0)
                need->uses |= UINT64_C(1) << value;
        }
        need->roles = egw_compile_texts(c, &from[i].roles);
        need->role_count = from[i].roles.n;
        need->rbac = from[i].rbac;
        need->next = first;
        first = need;
    }
    return first;
}

static void make_needs(struct egw_compile *c)
{
    const struct egw_source_need *from = c->source->needs.p;
    struct egw_policy *p = c->policy;

    for (size_t i = 0; i < c->source->needs.n; i++) {
        const struct egw_word *services = from[i].services.p, *families = from[i].families.p,
                              *uses = from[i].uses.p;

        for (size_t k = 0; k < from[i].services.n; k++)
            (void)egw_compile_value_of(c, EGW_F_SERVICE, &services[k]);
        for (size_t k = 0; k < from[i].families.n; k++)
            (void)egw_compile_value_of(c, EGW_F_FAMILY, &families[k]);
        for (size_t k = 0; k < from[i].uses.n; k++)
            (void)egw_compile_value_of(c, EGW_F_USE, &uses[k]);
        egw_compile_source(c, from[i].at, "access need", EGW_STR(""), from[i].source);
    }
    for (size_t i = 0; p->services && i < p->service_count; i++)
        p->services[i].needs = needs_for(c, &p->services[i].view);
    p->any_needs = (struct egw_need *)(uintptr_t)needs_for(c, NULL);
}

/* ---- severities, ages ---- */

static struct egw_priority_map *priority_map_of(struct egw_compile *c, struct egw_str system)
{
    struct egw_policy *p = c->policy;

    for (size_t i = 0; i < p->priority_count; i++) {
        if (egw_str_same(p->priorities[i].system, system))
            return &p->priorities[i];
    }
    p->priorities[p->priority_count].system = system;
    return &p->priorities[p->priority_count++];
}

static void make_priority_map(struct egw_compile *c, struct egw_priority_map *map)
{
    const struct egw_source_priority *from = c->source->priorities.p;
    size_t all = c->source->priorities.n, n = 0;
    struct egw_str *words = egw_compile_array(c, all, sizeof(*words));
    uint16_t *numbers = egw_compile_array(c, all, sizeof(*numbers));

    for (size_t i = 0; words && numbers && i < all; i++) {
        int value;

        if (!egw_str_same(from[i].system.text, map->system))
            continue;
        for (size_t k = 0; k < n; k++) {
            if (egw_str_same(words[k], from[i].priority.text))
                FAULT(c, from[i].priority.at, "priority \"%.*s\" of \"%.*s\" is there already",
                      EGW_FMT(from[i].priority.text), EGW_FMT(map->system));
        }
        value = egw_compile_value_of(c, EGW_F_SEVERITY, &from[i].severity);
        words[n] = from[i].priority.text;
        numbers[n++] = (uint16_t)(value < 0 ? 0 : value);
    }
    if (words && numbers && n <= EGW_VALUES_MAX &&
        !egw_wordset_make(&map->priorities, &c->policy->arena, words, numbers, n))
        c->nomem = true;
}

static void make_priorities(struct egw_compile *c)
{
    const struct egw_source_priority *from = c->source->priorities.p;
    struct egw_policy *p = c->policy;

    p->priorities = egw_compile_array(c, c->source->priorities.n, sizeof(*p->priorities));
    if (!p->priorities)
        return;
    for (size_t i = 0; i < c->source->priorities.n; i++)
        (void)priority_map_of(c, from[i].system.text);
    for (size_t i = 0; i < p->priority_count; i++)
        make_priority_map(c, &p->priorities[i]);
}

static void make_default_severity(struct egw_compile *c)
{
    int value;

    if (!c->source->default_severity.text.n) {
        egw_faults_add(c->faults, NULL, 0,
                       "no default-severity: events without severity could not be judged");
        return;
    }
    value = egw_compile_value_of(c, EGW_F_SEVERITY, &c->source->default_severity);
    c->policy->default_severity = (uint16_t)(value < 0 ? 0 : value);
}

static void make_ages(struct egw_compile *c)
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

void egw_compile_lists(struct egw_compile *c)
{
    make_services(c);
    make_symptoms(c);
    make_channels(c);
    make_needs(c);
    make_priorities(c);
    make_default_severity(c);
    make_ages(c);
}
