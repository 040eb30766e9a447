/* The facts that rules test, and the words of each. */
#include "policy_compile.h"

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

static void make_words(struct egw_compile *c, struct egw_fact_def *fact)
{
    uint16_t *numbers = egw_compile_array(c, fact->value_count, sizeof(*numbers));

    if (!numbers)
        return;
    for (size_t i = 0; i < fact->value_count; i++)
        numbers[i] = (uint16_t)i;
    if (!egw_wordset_make(&fact->words, &c->policy->arena, fact->values, numbers,
                          fact->value_count))
        c->nomem = true;
}

static void define_closed(struct egw_compile *c, enum egw_fact_id id, struct egw_str name,
                          const char *const *values, size_t n, bool worded)
{
    struct egw_fact_def *fact = &c->policy->facts[id];

    fact->name = name;
    fact->values = egw_compile_array(c, n, sizeof(*fact->values));
    if (!fact->values)
        return;
    for (size_t i = 0; i < n; i++)
        fact->values[i] = egw_str_of(values[i]);
    fact->value_count = n;
    if (worded)
        make_words(c, fact);
}

/* The two words every such fact begins with, then the policy's own. */
static void define_worded(struct egw_compile *c, enum egw_fact_id id, const char *name,
                          const char *const reserved[2], const struct egw_word *words, size_t n)
{
    struct egw_fact_def *fact = &c->policy->facts[id];

    fact->name = egw_str_of(name);
    if (n > EGW_VALUES_MAX) {
        egw_faults_add(c->faults, NULL, 0, "%s has %zu words, more than %d", name, n,
                       EGW_VALUES_MAX);
        return;
    }
    fact->values = egw_compile_array(c, n + EGW_V_WORDS, sizeof(*fact->values));
    if (!fact->values)
        return;
    fact->values[0] = egw_str_of(reserved[0]);
    fact->values[1] = egw_str_of(reserved[1]);
    fact->value_count = EGW_V_WORDS;
    for (size_t i = 0; i < n; i++) {
        egw_compile_id(c, words[i].at, name, words[i].text);
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
static struct egw_word *words_of(struct egw_compile *c, const struct egw_list *list, size_t size)
{
    struct egw_word *words = egw_compile_array(c, list->n, sizeof(*words));

    for (size_t i = 0; words && i < list->n; i++)
        memcpy(&words[i], (const unsigned char *)list->p + i * size, sizeof(*words));
    return words;
}
_Static_assert(offsetof(struct egw_source_service, id) == offsetof(struct egw_word, text), "");
_Static_assert(offsetof(struct egw_source_symptom, id) == offsetof(struct egw_word, text), "");
_Static_assert(offsetof(struct egw_source_channel, id) == offsetof(struct egw_word, text), "");

static void define_families(struct egw_compile *c)
{
    const struct egw_source_service *services = c->source->services.p;
    struct egw_word *words = egw_compile_array(c, c->source->services.n, sizeof(*words));
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

static void define_channels(struct egw_compile *c)
{
    const struct egw_source_channel *channels = c->source->channels.p;
    size_t n = c->source->channels.n;

    c->policy->fact_count = EGW_F_CHANNEL;
    for (size_t i = 0; i < n && !c->nomem; i++) {
        egw_compile_id(c, channels[i].at, "channel", channels[i].id);
        if (egw_compile_fact(c->policy, channels[i].id) >= 0)
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
static void define_package(struct egw_compile *c)
{
    const struct egw_source_demand *demands = c->source->demands.p;
    struct egw_fact_def *fact = &c->policy->facts[EGW_F_PACKAGE];

    fact->name = EGW_STR("package");
    fact->values = egw_compile_array(c, c->source->demands.n + 1, sizeof(*fact->values));
    if (!fact->values)
        return;
    fact->values[fact->value_count++] = EGW_STR("complete");
    for (size_t i = 0; i < c->source->demands.n; i++) {
        if (demands[i].rule.code.n)
            fact->values[fact->value_count++] = demands[i].rule.id;
    }
}

void egw_compile_facts(struct egw_compile *c)
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
