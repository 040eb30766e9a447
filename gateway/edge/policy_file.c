#include "egw/policy_file.h"

#include <libconfig.h>
#include <stdio.h>
#include <stdlib.h>

#include "../core/policy_model.h"

/*
 * libconfig 1.5 wraps long integers silently, converts nothing and reports no unknown key: so this
 * grammar has texts, lists of texts and booleans only, and every key is looked up in a table here.
 * Its @include would let a record of the policy topic read files of this machine: refused.
 */

enum { CFG_MAX = 1 << 20 };

/* ---- settings by table ---- */

struct reader {
    struct egw_policy_source *source;
    struct egw_faults *faults;
    const char *file;
    int32_t stage; /* of this file's rules; -1: none named */
    bool nomem;
    bool unreadable; /* a file could not be parsed: what names it would name cannot be checked */
};

enum kind {
    TEXT,    /* struct egw_str */
    WORD,    /* struct egw_word */
    WORDS,   /* struct egw_list of egw_word: a text or a list of texts */
    FLAG,    /* bool */
    INSTANT, /* struct egw_opt_i64: a date */
    SPAN,    /* int64_t: ms */
    GROUP,   /* read by whoever reads the rest */
};

struct field {
    const char *name;
    enum kind kind;
    size_t offset;
    bool required;
};

static struct egw_place place_of(const struct reader *r, const config_setting_t *setting)
{
    return (struct egw_place){r->file, (int)config_setting_source_line(setting)};
}

#define FAULT(r, setting, ...)                                                                     \
    egw_faults_add((r)->faults, (r)->file, (int)config_setting_source_line(setting), __VA_ARGS__)

static const char *name_of(const config_setting_t *setting)
{
    const char *name = config_setting_name(setting);

    return name ? name : "an entry";
}

static bool read_text(struct reader *r, const config_setting_t *setting, struct egw_str *ret)
{
    const char *text = config_setting_get_string(setting);

    if (!text) {
        FAULT(r, setting, "%s is not a text", name_of(setting));
        return false;
    }
    if (!egw_arena_str(&r->source->arena, egw_str_of(text), ret)) {
        r->nomem = true;
        return false;
    }
    return true;
}

static void read_word(struct reader *r, const config_setting_t *setting, struct egw_list *list)
{
    struct egw_word word = {place_of(r, setting), EGW_STR_NONE}, *to;

    if (!read_text(r, setting, &word.text))
        return;
    to = egw_list_push(&r->source->arena, list, sizeof(*to));
    if (to)
        *to = word;
    else
        r->nomem = true;
}

static void read_words(struct reader *r, const config_setting_t *setting, struct egw_list *list)
{
    if (!config_setting_is_array(setting) && !config_setting_is_list(setting)) {
        read_word(r, setting, list);
        return;
    }
    for (unsigned i = 0; i < (unsigned)config_setting_length(setting); i++) {
        const config_setting_t *item = config_setting_get_elem(setting, i);

        if (config_setting_type(item) != CONFIG_TYPE_STRING) {
            FAULT(r, setting, "%s holds something that is not a text", name_of(setting));
            return;
        }
        read_word(r, item, list);
    }
}

static void read_instant(struct reader *r, const config_setting_t *setting, struct egw_opt_i64 *ret)
{
    const char *text = config_setting_get_string(setting);

    ret->has = text && egw_time_parse(egw_str_of(text), &ret->v);
    if (!ret->has)
        FAULT(r, setting, "%s is not a date like \"2026-01-05\"", name_of(setting));
}

static bool parse_span(const char *text, int64_t *ret)
{
    static const struct {
        char unit;
        int64_t ms;
    } units[] = {{'s', 1000}, {'m', 60000}, {'h', 3600000}, {'d', 86400000}};
    size_t n = text ? strlen(text) : 0;
    int64_t count;

    if (n < 2 || !egw_parse_i64((struct egw_str){text, n - 1}, 1, 100000, &count))
        return false;
    for (size_t i = 0; i < EGW_COUNT(units); i++) {
        if (units[i].unit == text[n - 1]) {
            *ret = count * units[i].ms;
            return true;
        }
    }
    return false;
}

static void read_span(struct reader *r, const config_setting_t *setting, int64_t *ret)
{
    if (!parse_span(config_setting_get_string(setting), ret))
        FAULT(r, setting, "%s is not a time like \"30m\", \"8h\" or \"7d\"", name_of(setting));
}

static void read_flag(struct reader *r, const config_setting_t *setting, bool *ret)
{
    if (config_setting_type(setting) != CONFIG_TYPE_BOOL)
        FAULT(r, setting, "%s is neither true nor false", name_of(setting));
    else
        *ret = config_setting_get_bool(setting);
}

static void read_field(struct reader *r, const config_setting_t *setting, const struct field *field,
                       void *to)
{
    void *at = (unsigned char *)to + field->offset;

    switch (field->kind) {
    case TEXT:
        (void)read_text(r, setting, at);
        break;
    case WORD: {
        struct egw_word *word = at;

        word->at = place_of(r, setting);
        (void)read_text(r, setting, &word->text);
        break;
    }
    case WORDS:
        read_words(r, setting, at);
        break;
    case FLAG:
        read_flag(r, setting, at);
        break;
    case INSTANT:
        read_instant(r, setting, at);
        break;
    case SPAN:
        read_span(r, setting, at);
        break;
    case GROUP:
        break;
    }
}

/* Fill *to from a group by the table; what the table lacks is a fault, and what it requires. */
static void read_group(struct reader *r, const config_setting_t *group, const char *what,
                       const struct field *fields, size_t n, void *to)
{
    if (!config_setting_is_group(group)) {
        FAULT(r, group, "%s is not written as { ... }", what);
        return;
    }
    for (unsigned i = 0; i < (unsigned)config_setting_length(group); i++) {
        const config_setting_t *member = config_setting_get_elem(group, i);
        size_t k = 0;

        while (k < n && strcmp(fields[k].name, name_of(member)) != 0)
            k++;
        if (k == n)
            FAULT(r, member, "%s has no key \"%s\"", what, name_of(member));
        else
            read_field(r, member, &fields[k], to);
    }
    for (size_t k = 0; k < n; k++) {
        if (fields[k].required && !config_setting_get_member(group, fields[k].name))
            FAULT(r, group, "%s lacks \"%s\"", what, fields[k].name);
    }
}

/* ---- the lists ---- */

#define AT(record, field) offsetof(struct record, field)

static const struct field service_fields[] = {
    {"id", TEXT, AT(egw_source_service, id), true},
    {"name", TEXT, AT(egw_source_service, name), true},
    {"family", TEXT, AT(egw_source_service, family), true},
    {"aliases", WORDS, AT(egw_source_service, aliases), false},
    {"portal", TEXT, AT(egw_source_service, portal), false},
    {"portal-usgov", TEXT, AT(egw_source_service, portal_usgov), false},
    {"source", TEXT, AT(egw_source_service, source), false},
    {"source-usgov", TEXT, AT(egw_source_service, source_usgov), false},
    {"cloud", FLAG, AT(egw_source_service, cloud), true},
};

static const struct field symptom_fields[] = {
    {"id", TEXT, AT(egw_source_symptom, id), true},
    {"features", WORDS, AT(egw_source_symptom, features), false},
};

static const struct field channel_fields[] = {
    {"id", TEXT, AT(egw_source_channel, id), true},
    {"name", TEXT, AT(egw_source_channel, name), true},
    {"entitlement", GROUP, 0, true},
    {"plan", TEXT, AT(egw_source_channel, plan), false},
    {"levels", WORDS, AT(egw_source_channel, levels), false},
    {"partners", WORDS, AT(egw_source_channel, partners), false},
    {"families", WORDS, AT(egw_source_channel, families), false},
    {"counted", FLAG, AT(egw_source_channel, counted), false},
    {"cloud-only", FLAG, AT(egw_source_channel, cloud_only), false},
    {"since", INSTANT, AT(egw_source_channel, since), false},
    {"until", INSTANT, AT(egw_source_channel, until), false},
    {"source", TEXT, AT(egw_source_channel, source), true},
    {"portal", TEXT, AT(egw_source_channel, portal), false},
    {"portal-usgov", TEXT, AT(egw_source_channel, portal_usgov), false},
    {"portal-source", TEXT, AT(egw_source_channel, portal_source), false},
};

static const struct field need_fields[] = {
    {"services", WORDS, AT(egw_source_need, services), false},
    {"families", WORDS, AT(egw_source_need, families), false},
    {"uses", WORDS, AT(egw_source_need, uses), false},
    {"roles", WORDS, AT(egw_source_need, roles), false},
    {"rbac", FLAG, AT(egw_source_need, rbac), false},
    {"source", TEXT, AT(egw_source_need, source), false},
};

static const struct field limit_fields[] = {
    {"action", WORD, AT(egw_source_limit, action), true},
    {"code", WORD, AT(egw_source_limit, code), false},
    {"severities", WORDS, AT(egw_source_limit, severities), false},
    {"channels", WORDS, AT(egw_source_limit, channels), false},
    {"languages", WORDS, AT(egw_source_limit, languages), false},
    {"within", SPAN, AT(egw_source_limit, within_ms), true},
    {"warn", SPAN, AT(egw_source_limit, warn_ms), false},
    {"calendar", WORD, AT(egw_source_limit, calendar), false},
    {"otherwise", WORD, AT(egw_source_limit, otherwise), false},
    {"source", TEXT, AT(egw_source_limit, source), true},
};

static const struct field calendar_fields[] = {
    {"id", TEXT, AT(egw_source_calendar, id), true},
    {"zone", TEXT, AT(egw_source_calendar, zone), true},
    {"rules", TEXT, AT(egw_source_calendar, rules), false},
    {"hours", WORDS, AT(egw_source_calendar, hours), true},
    {"holidays", WORDS, AT(egw_source_calendar, holidays), false},
    {"source", TEXT, AT(egw_source_calendar, source), true},
};

static const struct field rule_fields[] = {
    {"id", TEXT, AT(egw_source_rule, id), true},
    {"since", INSTANT, AT(egw_source_rule, since), false},
    {"until", INSTANT, AT(egw_source_rule, until), false},
    {"when", GROUP, 0, false},
    {"then", TEXT, AT(egw_source_rule, then), true},
    {"code", TEXT, AT(egw_source_rule, code), false},
    {"channel", TEXT, AT(egw_source_rule, channel), false},
    {"mode", TEXT, AT(egw_source_rule, mode), false},
    {"because", TEXT, AT(egw_source_rule, because), true},
    {"advice", TEXT, AT(egw_source_rule, advice), false},
    {"source", TEXT, AT(egw_source_rule, source), true},
    {"owner", TEXT, AT(egw_source_rule, owner), false},
};

static const struct field demand_fields[] = {
    {"id", TEXT, AT(egw_source_demand, rule.id), true},
    {"channels", WORDS, AT(egw_source_demand, channels), false},
    {"when", GROUP, 0, false},
    {"wants", WORDS, AT(egw_source_demand, wants), true},
    {"code", TEXT, AT(egw_source_demand, rule.code), false},
    {"because", TEXT, AT(egw_source_demand, rule.because), true},
    {"advice", TEXT, AT(egw_source_demand, rule.advice), false},
    {"source", TEXT, AT(egw_source_demand, rule.source), true},
};

static const struct field origin_fields[] = {
    {"id", TEXT, AT(egw_source_origin, id), true},
    {"where", TEXT, AT(egw_source_origin, where), true},
    {"date", TEXT, AT(egw_source_origin, date), true},
};

/* Texts that were not given are empty, not absent: they end up in outcomes. */
static void no_text(struct egw_str *s)
{
    if (!s->p)
        *s = EGW_STR("");
}

static void read_service(struct reader *r, const config_setting_t *setting)
{
    struct egw_source_service *to =
        egw_list_push(&r->source->arena, &r->source->services, sizeof(*to));

    if (!to) {
        r->nomem = true;
        return;
    }
    to->at = place_of(r, setting);
    read_group(r, setting, "a service", service_fields, EGW_COUNT(service_fields), to);
    no_text(&to->portal);
    no_text(&to->portal_usgov);
}

static void read_symptom(struct reader *r, const config_setting_t *setting)
{
    struct egw_source_symptom *to =
        egw_list_push(&r->source->arena, &r->source->symptoms, sizeof(*to));

    if (!to) {
        r->nomem = true;
        return;
    }
    to->at = place_of(r, setting);
    read_group(r, setting, "a symptom", symptom_fields, EGW_COUNT(symptom_fields), to);
    to->has_features =
        config_setting_is_group(setting) && config_setting_get_member(setting, "features") != NULL;
}

static void read_entitlement(struct reader *r, const config_setting_t *setting,
                             enum egw_entitlement *ret)
{
    static const char *const words[] = {"csp", "program", "contract", "membership"};
    const char *text = setting ? config_setting_get_string(setting) : NULL;

    if (!setting)
        return; /* reported as lacking */
    for (size_t i = 0; text && i < EGW_COUNT(words); i++) {
        if (strcmp(text, words[i]) == 0) {
            *ret = (enum egw_entitlement)i;
            return;
        }
    }
    FAULT(r, setting, "entitlement is none of csp, program, contract, membership");
}

static void read_channel(struct reader *r, const config_setting_t *setting)
{
    struct egw_source_channel *to =
        egw_list_push(&r->source->arena, &r->source->channels, sizeof(*to));

    if (!to) {
        r->nomem = true;
        return;
    }
    to->at = place_of(r, setting);
    read_group(r, setting, "a channel", channel_fields, EGW_COUNT(channel_fields), to);
    no_text(&to->portal);
    no_text(&to->portal_usgov);
    read_entitlement(r, config_setting_get_member(setting, "entitlement"), &to->entitlement);
}

static void read_need(struct reader *r, const config_setting_t *setting)
{
    struct egw_source_need *to = egw_list_push(&r->source->arena, &r->source->needs, sizeof(*to));

    if (!to) {
        r->nomem = true;
        return;
    }
    to->at = place_of(r, setting);
    read_group(r, setting, "an access need", need_fields, EGW_COUNT(need_fields), to);
}

static void read_limit(struct reader *r, const config_setting_t *setting)
{
    struct egw_source_limit *to = egw_list_push(&r->source->arena, &r->source->limits, sizeof(*to));

    if (!to) {
        r->nomem = true;
        return;
    }
    to->at = place_of(r, setting);
    read_group(r, setting, "a limit", limit_fields, EGW_COUNT(limit_fields), to);
}

static void read_calendar(struct reader *r, const config_setting_t *setting)
{
    struct egw_source_calendar *to =
        egw_list_push(&r->source->arena, &r->source->calendars, sizeof(*to));

    if (!to) {
        r->nomem = true;
        return;
    }
    to->at = place_of(r, setting);
    read_group(r, setting, "a calendar", calendar_fields, EGW_COUNT(calendar_fields), to);
}

struct priority_group {
    struct egw_word system, severity;
    struct egw_list priorities;
};

static const struct field priority_fields[] = {
    {"system", WORD, AT(priority_group, system), true},
    {"severity", WORD, AT(priority_group, severity), true},
    {"priorities", WORDS, AT(priority_group, priorities), true},
};

static void read_priority(struct reader *r, const config_setting_t *setting)
{
    struct priority_group group = {0};
    const struct egw_word *words;

    read_group(r, setting, "a priority", priority_fields, EGW_COUNT(priority_fields), &group);
    words = group.priorities.p;
    for (size_t i = 0; i < group.priorities.n; i++) {
        struct egw_source_priority *to =
            egw_list_push(&r->source->arena, &r->source->priorities, sizeof(*to));

        if (to)
            *to = (struct egw_source_priority){group.system, words[i], group.severity};
        else
            r->nomem = true;
    }
}

static void read_when(struct reader *r, const config_setting_t *when, struct egw_list *list)
{
    if (!config_setting_is_group(when)) {
        FAULT(r, when, "when is not written as { ... }");
        return;
    }
    for (unsigned i = 0; i < (unsigned)config_setting_length(when); i++) {
        const config_setting_t *member = config_setting_get_elem(when, i);
        struct egw_source_condition *to = egw_list_push(&r->source->arena, list, sizeof(*to));

        if (!to) {
            r->nomem = true;
            return;
        }
        to->fact.at = place_of(r, member);
        if (!egw_arena_str(&r->source->arena, egw_str_of(name_of(member)), &to->fact.text))
            r->nomem = true;
        read_words(r, member, &to->values);
    }
}

/* What every rule has after its own table was read. */
static void finish_rule(struct reader *r, const config_setting_t *setting,
                        struct egw_source_rule *rule)
{
    const config_setting_t *when =
        config_setting_is_group(setting) ? config_setting_get_member(setting, "when") : NULL;

    if (when)
        read_when(r, when, &rule->when);
    no_text(&rule->code);
    no_text(&rule->channel);
    no_text(&rule->mode);
    no_text(&rule->advice);
    no_text(&rule->owner);
}

static void read_demand(struct reader *r, const config_setting_t *setting)
{
    struct egw_source_demand *to =
        egw_list_push(&r->source->arena, &r->source->demands, sizeof(*to));

    if (!to) {
        r->nomem = true;
        return;
    }
    to->rule.at = place_of(r, setting);
    to->rule.stage = EGW_STAGE_BASELINE;
    read_group(r, setting, "a demand", demand_fields, EGW_COUNT(demand_fields), to);
    finish_rule(r, setting, &to->rule);
    to->rule.then = to->rule.code.n ? EGW_STR("BASELINE") : EGW_STR("next");
}

static void read_origin(struct reader *r, const config_setting_t *setting)
{
    struct egw_source_origin *to =
        egw_list_push(&r->source->arena, &r->source->origins, sizeof(*to));

    if (!to) {
        r->nomem = true;
        return;
    }
    to->at = place_of(r, setting);
    read_group(r, setting, "a source", origin_fields, EGW_COUNT(origin_fields), to);
}

static void read_rule(struct reader *r, const config_setting_t *setting)
{
    struct egw_source_rule *to = egw_list_push(&r->source->arena, &r->source->rules, sizeof(*to));

    if (!to) {
        r->nomem = true;
        return;
    }
    to->at = place_of(r, setting);
    to->stage = r->stage;
    read_group(r, setting, "a rule", rule_fields, EGW_COUNT(rule_fields), to);
    finish_rule(r, setting, to);
}

static void read_list(struct reader *r, const config_setting_t *list,
                      void (*read)(struct reader *r, const config_setting_t *setting))
{
    if (!config_setting_is_list(list)) {
        FAULT(r, list, "%s is not written as ( { ... }, ... )", name_of(list));
        return;
    }
    for (unsigned i = 0; i < (unsigned)config_setting_length(list); i++) {
        const config_setting_t *item = config_setting_get_elem(list, i);

        if (config_setting_is_group(item))
            read(r, item);
        else
            FAULT(r, item, "%s holds an entry that is not written as { ... }", name_of(list));
    }
}

/* ---- what stands alone ---- */

static const struct field health_fields[] = {
    {"active", WORDS, AT(egw_policy_source, active), true},
    {"operational", WORDS, AT(egw_policy_source, operational), true},
    {"slack", SPAN, AT(egw_policy_source, slack_ms), true},
};

static void read_ages(struct reader *r, const config_setting_t *group)
{
    if (!config_setting_is_group(group)) {
        FAULT(r, group, "max-age is not written as { ... }");
        return;
    }
    for (unsigned i = 0; i < (unsigned)config_setting_length(group); i++) {
        const config_setting_t *member = config_setting_get_elem(group, i);
        struct egw_source_age *to = egw_list_push(&r->source->arena, &r->source->ages, sizeof(*to));

        if (!to) {
            r->nomem = true;
            return;
        }
        to->kind.at = place_of(r, member);
        if (!egw_arena_str(&r->source->arena, egw_str_of(name_of(member)), &to->kind.text))
            r->nomem = true;
        read_span(r, member, &to->ms);
    }
}

static int32_t stage_named(const char *name)
{
    static const char *const names[EGW_STAGES] = {"validity", "access", "health", "baseline",
                                                  "channel"};

    for (int32_t i = 0; name && i < EGW_STAGES; i++) {
        if (strcmp(name, names[i]) == 0)
            return EGW_STAGE_VALIDITY + i;
    }
    return -1;
}

/* The stage is looked up first: it may stand after the rules in the file. */
static void read_stage(struct reader *r, const config_setting_t *root)
{
    const config_setting_t *stage = config_setting_get_member(root, "stage");
    const config_setting_t *rules = config_setting_get_member(root, "rules");

    r->stage = stage ? stage_named(config_setting_get_string(stage)) : -1;
    if (stage && r->stage < 0)
        FAULT(r, stage, "stage is none of validity, access, health, baseline, channel");
    else if (rules && !stage)
        FAULT(r, rules, "the file has rules and does not say of which stage");
}

/* False: no such key in a policy. */
static bool read_list_key(struct reader *r, const config_setting_t *setting, const char *name)
{
    static const struct {
        const char *name;
        void (*read)(struct reader *r, const config_setting_t *setting);
    } lists[] = {
        {"services", read_service},    {"symptoms", read_symptom}, {"channels", read_channel},
        {"priorities", read_priority}, {"limits", read_limit},     {"rules", read_rule},
        {"access-needs", read_need},   {"demands", read_demand},   {"sources", read_origin},
        {"calendars", read_calendar},
    };

    for (size_t i = 0; i < EGW_COUNT(lists); i++) {
        if (strcmp(lists[i].name, name) == 0) {
            if (strcmp(name, "rules") != 0 || r->stage >= 0)
                read_list(r, setting, lists[i].read);
            return true;
        }
    }
    return false;
}

static const struct field top_fields[] = {
    {"domains", WORDS, AT(egw_policy_source, domains), false},
    {"topics", WORDS, AT(egw_policy_source, topics), false},
    {"severities", WORDS, AT(egw_policy_source, severities), false},
    {"plans", WORDS, AT(egw_policy_source, plans), false},
    {"default-severity", WORD, AT(egw_policy_source, default_severity), false},
    {"unanswered", WORDS, AT(egw_policy_source, unanswered), false},
    {"horizon", SPAN, AT(egw_policy_source, horizon_ms), false},
    {"stage", GROUP, 0, false},
};

static void read_key(struct reader *r, const config_setting_t *setting)
{
    const char *name = name_of(setting);

    if (read_list_key(r, setting, name))
        return;
    if (strcmp(name, "health") == 0) {
        read_group(r, setting, "health", health_fields, EGW_COUNT(health_fields), r->source);
        return;
    }
    if (strcmp(name, "max-age") == 0) {
        read_ages(r, setting);
        return;
    }
    for (size_t i = 0; i < EGW_COUNT(top_fields); i++) {
        if (strcmp(top_fields[i].name, name) == 0) {
            read_field(r, setting, &top_fields[i], r->source);
            return;
        }
    }
    FAULT(r, setting, "a policy has no key \"%s\"", name);
}

/* ---- one file ---- */

/* The line of an @include, which libconfig would follow; 0: none. */
static int include_line(struct egw_str content)
{
    const char *at = content.p, *end = content.p + content.n;

    for (int line = 1; at < end; line++) {
        const char *next = memchr(at, '\n', (size_t)(end - at));

        while (at < end && (*at == ' ' || *at == '\t' || *at == '\r'))
            at++;
        if (end - at >= 8 && memcmp(at, "@include", 8) == 0)
            return line;
        at = next ? next + 1 : end;
    }
    return 0;
}

static bool content_is_fit(struct reader *r, struct egw_str content)
{
    int line;

    if (content.n > CFG_MAX) {
        egw_faults_add(r->faults, r->file, 0, "the file has %zu bytes, more than %d", content.n,
                       CFG_MAX);
        return false;
    }
    if (content.n && memchr(content.p, '\0', content.n)) {
        egw_faults_add(r->faults, r->file, 0, "the file holds a zero byte");
        return false;
    }
    if (!egw_utf8_valid(content)) {
        egw_faults_add(r->faults, r->file, 0, "the file is not UTF-8");
        return false;
    }
    line = content.n ? include_line(content) : 0;
    if (line)
        egw_faults_add(r->faults, r->file, line, "@include is not allowed in a policy");
    return line == 0;
}

static void read_config(struct reader *r, const char *text)
{
    const config_setting_t *root;
    config_t config;

    config_init(&config);
    if (!config_read_string(&config, text)) {
        egw_faults_add(r->faults, r->file, config_error_line(&config), "%s",
                       config_error_text(&config) ? config_error_text(&config) : "unreadable");
        r->unreadable = true;
    } else {
        root = config_root_setting(&config);
        read_stage(r, root);
        for (unsigned i = 0; i < (unsigned)config_setting_length(root); i++)
            read_key(r, config_setting_get_elem(root, i));
    }
    config_destroy(&config);
}

static void read_file(struct reader *r, const struct egw_policy_file *file)
{
    struct egw_str name;
    char *text;

    if (!egw_arena_str(&r->source->arena, file->name, &name)) {
        r->nomem = true;
        return;
    }
    r->file = name.p;
    r->stage = -1;
    if (!content_is_fit(r, file->content)) {
        r->unreadable = true;
        return;
    }
    text = malloc(file->content.n + 1);
    if (!text) {
        r->nomem = true;
        return;
    }
    if (file->content.n)
        memcpy(text, file->content.p, file->content.n);
    text[file->content.n] = '\0';
    read_config(r, text);
    free(text);
}

/* ---- the set of files ---- */

static bool ends_with(struct egw_str s, const char *end)
{
    size_t n = strlen(end);

    return s.n >= n && memcmp(s.p + s.n - n, end, n) == 0;
}

static bool is_catalogue(struct egw_str name)
{
    static const char folder[] = "catalogue/";

    return name.n > sizeof(folder) - 1 && memcmp(name.p, folder, sizeof(folder) - 1) == 0 &&
           ends_with(name, ".tsv");
}

int egw_policy_file_order(const void *a, const void *b)
{
    const struct egw_policy_file *x = a, *y = b;

    return egw_str_cmp(x->name, y->name);
}

static struct egw_policy_file *sorted(const struct egw_policy_file *files, size_t n)
{
    struct egw_policy_file *copy = calloc(n ? n : 1, sizeof(*copy));

    if (copy && n) {
        memcpy(copy, files, n * sizeof(*copy));
        qsort(copy, n, sizeof(*copy), egw_policy_file_order);
    }
    return copy;
}

enum egw_status egw_policy_manifest(const struct egw_policy_file *files, size_t n,
                                    struct egw_sha256 *ret)
{
    EGW_CLEANUP(egw_buf_free) struct egw_buf lines = {0};
    struct egw_policy_file *list = sorted(files, n);
    enum egw_status st = list ? EGW_OK : EGW_NOMEM;

    for (size_t i = 0; !st && i < n; i++) {
        struct egw_sha256 digest;
        char hex[2 * EGW_SHA256 + 1];

        egw_sha256(list[i].content.p, list[i].content.n, &digest);
        egw_hex(digest.b, sizeof(digest.b), hex);
        st = egw_buf_put(&lines, hex, 2 * EGW_SHA256);
        if (!st)
            st = egw_buf_put(&lines, "  ", 2);
        if (!st)
            st = egw_buf_put(&lines, list[i].name.p, list[i].name.n);
        if (!st)
            st = egw_buf_put(&lines, "\n", 1);
    }
    if (!st)
        egw_sha256(egw_buf_str(&lines).p, lines.n, ret);
    free(list);
    return st;
}

static enum egw_status read_catalogue(const struct egw_policy_file *list, size_t n,
                                      struct egw_catalogue **ret, struct egw_faults *faults)
{
    struct egw_catalogue_file *files = calloc(n ? n : 1, sizeof(*files));
    enum egw_status st = EGW_OK;
    size_t count = 0;

    *ret = NULL;
    if (!files)
        return EGW_NOMEM;
    for (size_t i = 0; i < n; i++) {
        if (is_catalogue(list[i].name))
            files[count++] = (struct egw_catalogue_file){list[i].name, list[i].content};
    }
    if (count)
        st = egw_catalogue_new(files, count, ret, faults);
    free(files);
    return st;
}

/* A signature of a product that the policy does not know is never taken for one. */
static void check_catalogue(const struct egw_policy_source *source,
                            const struct egw_catalogue *catalogue, struct egw_faults *faults)
{
    const struct egw_source_service *services = source->services.p;

    for (size_t i = 0; i < egw_catalogue_count(catalogue); i++) {
        const struct egw_known_issue *issue = egw_catalogue_issue(catalogue, i);
        bool known = issue->service.n == 0;

        for (size_t s = 0; s < source->services.n && !known; s++)
            known = egw_str_eq(services[s].id, issue->service);
        if (!known)
            egw_faults_add(faults, NULL, 0, "catalogue: %.*s: there is no service \"%.*s\"",
                           EGW_FMT(issue->id), EGW_FMT(issue->service));
    }
}

static void read_all(struct reader *r, const struct egw_policy_file *list, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (i && egw_str_eq(list[i].name, list[i - 1].name))
            egw_faults_add(r->faults, NULL, 0, "the policy holds two files named %.*s",
                           EGW_FMT(list[i].name));
        else if (ends_with(list[i].name, ".cfg"))
            read_file(r, &list[i]);
        else if (!is_catalogue(list[i].name))
            egw_faults_add(r->faults, NULL, 0,
                           "the policy holds %.*s, which is neither x.cfg nor catalogue/x.tsv",
                           EGW_FMT(list[i].name));
    }
}

static enum egw_status compile_sorted(const struct egw_policy_file *list, size_t n,
                                      struct egw_policy **ret, struct egw_faults *faults)
{
    struct egw_policy_source source = {0};
    struct reader r = {.source = &source, .faults = faults, .stage = -1};
    struct egw_catalogue *catalogue;
    struct egw_sha256 hash;
    enum egw_status st = egw_policy_manifest(list, n, &hash);

    if (st)
        return st;
    read_all(&r, list, n);
    st = read_catalogue(list, n, &catalogue, faults);
    if (r.nomem || r.unreadable || st == EGW_NOMEM) {
        egw_arena_free(&source.arena);
        egw_catalogue_free(catalogue);
        return r.nomem || st == EGW_NOMEM ? EGW_NOMEM : EGW_INVALID;
    }
    if (catalogue)
        check_catalogue(&source, catalogue, faults);
    return egw_policy_build(&source, &hash, catalogue, egw_catalogue_free, ret, faults);
}

enum egw_status egw_policy_compile(const struct egw_policy_file *files, size_t n,
                                   struct egw_policy **ret, struct egw_faults *faults)
{
    struct egw_policy_file *list = sorted(files, n);
    enum egw_status st;

    if (!list)
        return EGW_NOMEM;
    st = compile_sorted(list, n, ret, faults);
    free(list);
    return st;
}
