#include "terms.h"

#define ANY EGW_STR("*")

/* ---- notes ---- */

void egw_notes_warn(struct egw_notes *notes, struct egw_str text)
{
    if (!text.p)
        notes->nomem = true;
    else if (notes->warning_count < EGW_NOTES_WARNINGS)
        notes->warnings[notes->warning_count++] = text;
}

static void note_source(struct egw_notes *notes, struct egw_str key,
                        const struct egw_fact_view *view, struct egw_str value)
{
    if (!key.p)
        notes->nomem = true;
    else if (notes->source_count < EGW_NOTES_SOURCES)
        notes->sources[notes->source_count++] =
            (struct egw_fact_source){.key = key,
                                     .offset = view->offset,
                                     .as_of = view->reference ? view->reference->as_of : 0,
                                     .value = value};
}

/* The record's body; NULL: none, or too old to be believed. */
static const void *believed(const struct egw_terms_ask *ask, enum egw_reference_kind kind,
                            struct egw_str key, const struct egw_fact_view *view,
                            struct egw_notes *notes)
{
    int64_t max = ask->policy->max_age_ms[kind], age;

    if (!view->reference)
        return NULL;
    if (!max || __builtin_sub_overflow(ask->now_ms, view->reference->as_of, &age) || age <= max)
        return view->reference->body.p;
    egw_notes_warn(notes,
                   egw_arena_printf(ask->arena, "the fact %.*s is older than the policy allows",
                                    EGW_FMT(key)));
    return NULL;
}

/* ---- calendars ---- */

/* Who is there at all hours need not put a calendar on record that says so. */
static bool round_the_clock(struct egw_str id, struct egw_open_hours *ret)
{
    static struct egw_str always = {"24x7", 4};
    static const struct egw_list hours = {&always, 1}, none;

    return egw_str_eq(id, always) &&
           egw_calendar_make(EGW_STR("UTC"), EGW_STR(""), &hours, &none, ret, NULL) == EGW_OK;
}

bool egw_hours_of(const struct egw_policy *policy, struct egw_str id,
                  const struct egw_calendar *record, struct egw_open_hours *ret, bool *ret_recorded)
{
    const struct egw_named_calendar *named;

    *ret_recorded = false;
    if (round_the_clock(id, ret))
        return true;
    *ret_recorded = record && egw_calendar_make(record->zone, record->rules, &record->hours,
                                                &record->holidays, ret, NULL) == EGW_OK;
    named = *ret_recorded ? NULL : egw_policy_calendar(policy, id);
    if (named)
        *ret = named->calendar;
    return *ret_recorded || named;
}

bool egw_terms_calendar(const struct egw_policy *policy, const struct egw_facts *facts,
                        struct egw_str id, struct egw_arena *arena, struct egw_open_hours *ret,
                        struct egw_notes *notes)
{
    struct egw_str key = egw_arena_printf(arena, "calendar/%.*s", EGW_FMT(id));
    struct egw_fact_view view = {NULL, -1};
    bool recorded, found;

    if (key.p)
        view = egw_facts_get(facts, key);
    else
        notes->nomem = true;
    found =
        egw_hours_of(policy, id, view.reference ? view.reference->body.p : NULL, ret, &recorded);
    if (recorded)
        note_source(notes, key, &view, EGW_STR(""));
    if (!found)
        egw_notes_warn(notes,
                       egw_arena_printf(arena, "calendar %.*s is not on record", EGW_FMT(id)));
    return found;
}

/* ---- the statement of support ---- */

bool egw_promise_at(const struct egw_statement *record, size_t i, struct egw_promise *ret)
{
    const struct egw_earlier_statement *earlier = record->earlier.p;

    if (i > record->earlier.n)
        return false;
    *ret = i == 0 ? (struct egw_promise){record->version, record->hours,  record->price,
                                         record->since,   record->charge, &record->charge_for}
                  : (struct egw_promise){earlier[i - 1].version, earlier[i - 1].hours,
                                         earlier[i - 1].price,   earlier[i - 1].since,
                                         earlier[i - 1].charge,  &earlier[i - 1].charge_for};
    return true;
}

bool egw_promise_charges(const struct egw_promise *promise, struct egw_str severity)
{
    const struct egw_str *words = promise->charge_for->p;
    bool named = !promise->charge_for->n;

    for (size_t i = 0; i < promise->charge_for->n; i++)
        named = named || egw_str_same(words[i], severity);
    return promise->charge && named;
}

/* The newest that was in force when the event occurred. */
static bool in_force(const struct egw_statement *record, int64_t at_ms, struct egw_promise *ret)
{
    for (size_t i = 0; egw_promise_at(record, i, ret); i++) {
        if (ret->since <= at_ms)
            return true;
    }
    return false;
}

static char *append(char *to, struct egw_str s)
{
    if (s.n)
        memcpy(to, s.p, s.n);
    return to + s.n;
}

/* The key nobody has filed yet: that there is none is a source too. */
static struct egw_str statement_key(const struct egw_terms_ask *ask)
{
    const struct egw_str kind = EGW_STR("statement/");
    struct egw_str partner = ask->event->partner, customer = ask->event->customer;
    size_t n = kind.n + partner.n + 1 + customer.n;
    char *text = egw_arena_alloc(ask->arena, n), *to = text;

    if (!text)
        return EGW_STR_NONE;
    to = append(append(to, kind), partner);
    *to++ = '/';
    (void)append(to, customer);
    return (struct egw_str){text, n};
}

static void find_statement(const struct egw_terms_ask *ask, const struct egw_dossier *dossier,
                           struct egw_terms *ret, struct egw_notes *notes)
{
    struct egw_str key;
    struct egw_fact_view view = egw_dossier_find(dossier, EGW_REF_STATEMENT, EGW_STR_NONE, &key);
    const struct egw_statement *record;
    struct egw_promise found;

    if (!key.p)
        key = statement_key(ask);
    record = believed(ask, EGW_REF_STATEMENT, key, &view, notes);
    if (!record || !in_force(record, ask->event->occurred_at, &found)) {
        note_source(notes, key, &view, EGW_STR(""));
        egw_notes_warn(notes, EGW_STR("no statement of support was in force for this customer"));
        return;
    }
    note_source(notes, key, &view, found.version);
    ret->statement = found.version;
    ret->hours = found.hours;
    ret->chargeable = (struct egw_opt_bool){true, egw_promise_charges(&found, ask->severity)};
    if (ret->chargeable.v && found.price.p)
        ret->price = found.price;
}

/* ---- who delivers ---- */

/* Whether this delivery holds now. Hours that nobody knows are neither open nor closed. */
static bool on_duty(const struct egw_terms_ask *ask, const struct egw_delivery *delivery,
                    struct egw_notes *notes)
{
    struct egw_open_hours calendar;

    return !delivery->hours.n || (egw_terms_calendar(ask->policy, ask->facts, delivery->hours,
                                                     ask->arena, &calendar, notes) &&
                                  egw_calendar_open(&calendar, ask->recorded_ms));
}

static bool take_delivery(const struct egw_terms_ask *ask, const struct egw_dossier *dossier,
                          struct egw_str service, struct egw_terms *ret, struct egw_notes *notes)
{
    struct egw_str key;
    struct egw_fact_view view = egw_dossier_find(dossier, EGW_REF_DELIVERY, service, &key);
    const struct egw_delivery *delivery = believed(ask, EGW_REF_DELIVERY, key, &view, notes);
    bool holds = delivery && on_duty(ask, delivery, notes);

    if (!view.reference)
        return false; /* as mostly: no source */
    note_source(notes, key, &view, holds ? delivery->model : EGW_STR(""));
    if (!holds)
        return false;
    ret->model = delivery->model;
    ret->shift = delivery->hours.p ? delivery->hours : EGW_STR("");
    ret->handled_by = egw_arena_printf(ask->arena, "%.*s/%.*s", EGW_FMT(delivery->entity),
                                       EGW_FMT(delivery->queue));
    if (!ret->handled_by.p)
        notes->nomem = true;
    return true;
}

/* The narrowest that is on duty: this customer before every customer, this service before all. */
static void find_delivery(const struct egw_terms_ask *ask, const struct egw_dossier *dossier,
                          struct egw_terms *ret, struct egw_notes *notes)
{
    const struct egw_dossier everyone = egw_facts_dossier(ask->facts, ask->event->partner, ANY);
    const struct egw_dossier *dossiers[] = {dossier, &everyone};

    for (size_t i = 0; i < EGW_COUNT(dossiers); i++) {
        if (ret->service.n && take_delivery(ask, dossiers[i], ret->service, ret, notes))
            return;
        if (take_delivery(ask, dossiers[i], ANY, ret, notes))
            return;
    }
}

/* ---- what it is about ---- */

static struct egw_str word_of(const struct egw_policy *policy, unsigned fact, struct egw_str word)
{
    const struct egw_fact_def *def = &policy->facts[fact];
    int value = word.n ? egw_wordset_find(&def->words, word) : -1;

    return value >= EGW_V_WORDS ? def->values[value] : EGW_STR("");
}

/* Words of the policy only: what a source wrote may name a person. */
static void find_theme(const struct egw_terms_ask *ask, struct egw_terms *ret)
{
    ret->service = word_of(ask->policy, EGW_F_SERVICE, ask->event->service);
    ret->theme = word_of(ask->policy, EGW_F_TOPIC, ask->event->topic);
    if (!ret->theme.n)
        ret->theme = word_of(ask->policy, EGW_F_SYMPTOM, ask->event->symptom);
    if (!ret->theme.n)
        ret->theme = word_of(ask->policy, EGW_F_DOMAIN, ask->event->domain);
    if (!ret->theme.n)
        ret->theme = EGW_STR("unclassified");
}

static const struct egw_terms nothing = {
    .service = {"", 0},
    .theme = {"", 0},
    .statement = {"", 0},
    .hours = {"", 0},
    .price = {"", 0},
    .model = {"", 0},
    .handled_by = {"", 0},
    .shift = {"", 0},
};

void egw_terms_find(const struct egw_terms_ask *ask, struct egw_terms *ret, struct egw_notes *notes)
{
    const struct egw_dossier dossier =
        egw_facts_dossier(ask->facts, ask->event->partner, ask->event->customer);

    *ret = nothing;
    find_theme(ask, ret);
    if (!ask->customer_known)
        return;
    find_statement(ask, &dossier, ret, notes);
    find_delivery(ask, &dossier, ret, notes);
}
