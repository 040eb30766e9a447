#include "show.h"

#include <inttypes.h>

#include "cli.h"
#include "egw/hash.h"

const char *egw_action_name(int32_t action)
{
    return action >= 0 && action < EGW_ACTION_COUNT ? egw_action_names[action] : "?";
}

void egw_show_action(const struct egw_outcome *outcome, FILE *to)
{
    (void)fputs(egw_action_name(outcome->action), to);
    if (outcome->code.n) {
        (void)fputc('/', to);
        egw_put_safe(to, outcome->code);
    }
}

bool egw_names_case(struct egw_str asked, const struct egw_outcome *outcome)
{
    const struct egw_str parts[] = {outcome->partner, outcome->customer, outcome->case_id};
    size_t at = 0;

    if (egw_str_eq(asked, outcome->case_id))
        return true; /* which may hold slashes, too */
    for (size_t i = 0; i < EGW_COUNT(parts); i++) {
        if (i > 0 && (at >= asked.n || asked.p[at++] != '/'))
            return false;
        if (asked.n - at < parts[i].n || memcmp(asked.p + at, parts[i].p, parts[i].n) != 0)
            return false;
        at += parts[i].n;
    }
    return at == asked.n;
}

void egw_show_case(const struct egw_outcome *outcome, FILE *to)
{
    const struct egw_str parts[] = {outcome->partner, outcome->customer, outcome->case_id};
    bool first = true;

    for (size_t i = 0; i < EGW_COUNT(parts); i++) {
        if (!parts[i].n)
            continue;
        if (!first)
            (void)fputc('/', to);
        egw_put_safe(to, parts[i]);
        first = false;
    }
    if (first)
        (void)fputc('-', to);
}

static void label(const char *name, FILE *to)
{
    (void)fprintf(to, "    %-12s", name);
}

static void field(const char *name, struct egw_str value, FILE *to)
{
    if (!value.n)
        return;
    label(name, to);
    egw_put_safe(to, value);
    (void)fputc('\n', to);
}

static void put_time(int64_t ms, FILE *to)
{
    char text[EGW_TIME_TEXT];

    egw_time_format(ms, text);
    (void)fputs(text, to);
}

static void time_field(const char *name, struct egw_opt_i64 time, FILE *to)
{
    if (!time.has)
        return;
    label(name, to);
    put_time(time.v, to);
    (void)fputc('\n', to);
}

/* Two values in one line: "advanced (hand-off)". */
static void pair(const char *name, struct egw_str value, const char *open, struct egw_str more,
                 const char *close, FILE *to)
{
    if (!value.n)
        return;
    label(name, to);
    egw_put_safe(to, value);
    if (more.n) {
        (void)fputs(open, to);
        egw_put_safe(to, more);
        (void)fputs(close, to);
    }
    (void)fputc('\n', to);
}

static void list(const char *name, const struct egw_list *list, FILE *to)
{
    const struct egw_str *texts = list->p;

    if (!list->n)
        return;
    label(name, to);
    for (size_t i = 0; i < list->n; i++) {
        if (i)
            (void)fputs(", ", to);
        egw_put_safe(to, texts[i]);
    }
    (void)fputc('\n', to);
}

static void warnings(const struct egw_list *list, FILE *to)
{
    const struct egw_str *texts = list->p;

    for (size_t i = 0; i < list->n; i++)
        field("warning", texts[i], to);
}

static void subject(const struct egw_outcome *outcome, FILE *to)
{
    const struct egw_str parts[] = {outcome->service, outcome->domain};

    if (!outcome->service.n && !outcome->domain.n && !outcome->severity.n)
        return;
    label("about", to);
    for (size_t i = 0; i < EGW_COUNT(parts); i++) {
        if (!parts[i].n)
            continue;
        egw_put_safe(to, parts[i]);
        (void)fputc(' ', to);
    }
    if (outcome->severity.n) {
        (void)fputs("severity ", to);
        egw_put_safe(to, outcome->severity);
    }
    (void)fputc('\n', to);
}

static void health(const struct egw_outcome *outcome, FILE *to)
{
    if (!outcome->health.n)
        return;
    label("health", to);
    egw_put_safe(to, outcome->health);
    if (outcome->health_as_of.has) {
        (void)fputs(" as of ", to);
        put_time(outcome->health_as_of.v, to);
    }
    (void)fputc('\n', to);
}

static void charge(const struct egw_outcome *outcome, FILE *to)
{
    if (outcome->chargeable.has)
        field("chargeable",
              outcome->chargeable.v ? (outcome->price.n ? outcome->price : EGW_STR("yes"))
                                    : EGW_STR("no"),
              to);
}

/* When, by whose hours, and what it stands for when nobody answers. */
static void due(const struct egw_outcome *outcome, FILE *to)
{
    if (!outcome->due_at.has)
        return;
    label("due", to);
    put_time(outcome->due_at.v, to);
    if (outcome->calendar.n) {
        (void)fputs(" by calendar ", to);
        egw_put_safe(to, outcome->calendar);
    }
    if (outcome->otherwise.n) {
        (void)fputs(", otherwise ", to);
        egw_put_safe(to, outcome->otherwise);
    }
    (void)fputc('\n', to);
}

static void desk(const struct egw_outcome *outcome, FILE *to)
{
    field("because", outcome->because, to);
    subject(outcome, to);
    pair("channel", outcome->channel, " (", outcome->mode, ")", to);
    field("advice", outcome->advice, to);
    list("missing", &outcome->missing, to);
    field("known issue", outcome->signature, to);
    field("incident", outcome->incident, to);
    time_field("it ended", outcome->incident_ended_at, to);
    time_field("confirmed", outcome->confirmed_at, to);
    health(outcome, to);
    field("number", outcome->number, to);
    list("waits for", &outcome->waits_for, to);
    due(outcome, to);
    field("next is", outcome->owner, to);
    pair("handled by", outcome->handled_by, " (", outcome->delivery, ")", to);
    charge(outcome, to);
    list("linked", &outcome->links, to);
    field("passed to", outcome->passed_to, to);
    if (outcome->first_seq.has) {
        label("first", to);
        (void)fprintf(to, "outcome %" PRId64 " of this chain\n", outcome->first_seq.v);
    }
    warnings(&outcome->warnings, to);
}

static void digest(const char *name, const unsigned char *bytes, FILE *to)
{
    char hex[2 * EGW_SHA256 + 1];

    if (!bytes)
        return;
    egw_hex(bytes, EGW_SHA256, hex);
    field(name, egw_str_of(hex), to);
}

static void trigger(const struct egw_outcome *outcome, FILE *to)
{
    const struct egw_trigger *t = &outcome->trigger;
    bool timer = t->kind == EGW_TRIGGER_KIND_TIMER;

    label("trigger", to);
    if (timer) {
        (void)fputs("due time ", to);
        put_time(t->offset, to);
    } else {
        (void)fputs(t->kind == EGW_TRIGGER_KIND_FACT ? "changed fact " : "record ", to);
        egw_put_safe(to, t->topic);
        (void)fprintf(to, "/%" PRId32 "/%" PRId64, t->partition, t->offset);
    }
    (void)fputc('\n', to);
}

static void facts(const struct egw_list *list, FILE *to)
{
    const struct egw_fact *fact = list->p;

    for (size_t i = 0; i < list->n; i++) {
        label(i ? "" : "facts", to);
        egw_put_safe(to, fact[i].name);
        (void)fputs(" = ", to);
        egw_put_safe(to, fact[i].value.n ? fact[i].value : EGW_STR("(none named)"));
        (void)fputc('\n', to);
    }
}

static void near_misses(const struct egw_list *list, FILE *to)
{
    const struct egw_near_miss *near = list->p;

    for (size_t i = 0; i < list->n; i++) {
        label(i ? "" : "near miss", to);
        egw_put_safe(to, near[i].rule);
        if (near[i].channel.n) {
            (void)fputs(" (", to);
            egw_put_safe(to, near[i].channel);
            if (near[i].mode.n) {
                (void)fputs(", ", to);
                egw_put_safe(to, near[i].mode);
            }
            (void)fputc(')', to);
        }
        (void)fputs(" lacked ", to);
        egw_put_safe(to, near[i].lacked);
        (void)fputc('\n', to);
    }
}

static void sources(const struct egw_list *list, FILE *to)
{
    const struct egw_fact_source *source = list->p;

    for (size_t i = 0; i < list->n; i++) {
        label(i ? "" : "sources", to);
        egw_put_safe(to, source[i].key);
        if (source[i].offset < 0) {
            (void)fputs(" (nobody supplied it)\n", to);
            continue;
        }
        (void)fprintf(to, " @%" PRId64 " as of ", source[i].offset);
        put_time(source[i].as_of, to);
        if (source[i].value.n) {
            (void)fputs(": ", to);
            egw_put_safe(to, source[i].value);
        }
        (void)fputc('\n', to);
    }
}

void egw_show_path(const struct egw_outcome *outcome, FILE *to)
{
    if (outcome->stage >= 0 && outcome->stage < EGW_STAGE_COUNT)
        field("stage", egw_str_of(egw_stage_names[outcome->stage]), to);
    field("rule", outcome->rule, to);
    if (!egw_str_eq(outcome->boundary, outcome->rule))
        field("boundary", outcome->boundary, to);
    facts(&outcome->facts, to);
    near_misses(&outcome->near, to);
    sources(&outcome->sources, to);
}

static void provenance(const struct egw_outcome *outcome, FILE *to)
{
    pair("event", outcome->event_id, " (", outcome->event_type, ")", to);
    field("caused by", outcome->actor_role, to);
    field("problem", outcome->problem, to);
    trigger(outcome, to);
    label("chain", to);
    egw_put_safe(to, outcome->chain);
    (void)fprintf(to, " number %" PRId64 "\n", outcome->seq);
    digest("policy", outcome->policy, to);
    digest("command", outcome->command_id, to);
    digest("text", outcome->text_digest, to);
    field("statement", outcome->statement, to);
    field("theme", outcome->theme, to);
}

void egw_show_outcome(const struct egw_outcome *outcome, enum egw_detail detail, FILE *to)
{
    put_time(outcome->decided_at, to);
    (void)fputs("  ", to);
    egw_show_action(outcome, to);
    (void)fputs("  ", to);
    egw_show_case(outcome, to);
    (void)fputs(outcome->final ? "  (ends the case)\n" : "\n", to);
    desk(outcome, to);
    if (detail == EGW_DETAIL_DESK) {
        field("rule", outcome->rule, to);
        return;
    }
    egw_show_path(outcome, to);
    if (detail == EGW_DETAIL_WHOLE)
        provenance(outcome, to);
}
