#include "telling.h"

#include <string.h>

#include "cli.h"
#include "egw/json.h"
#include "policy_verbs.h"
#include "show.h"

enum { MISSES_SHOWN = 4 };

/* What a fact is to the desk, and (of) where it can be changed; NULL: in the event itself. */
static const struct {
    const char *name, *words, *of;
} subjects[] = {
    {"recorded", "the time it was recorded", NULL},
    {"ask", "what is asked for", NULL},
    {"domain", "the domain", NULL},
    {"service", "the service", NULL},
    {"symptom", "the symptom", NULL},
    {"topic", "the topic", NULL},
    {"severity", "the severity", NULL},
    {"scope", "who is affected", NULL},
    {"use", "the work that access is for", NULL},
    {"hosting", "where it is hosted", NULL},
    {"environment", "the environment", NULL},
    {"own-tenant", "the partner's own tenant", NULL},
    {"publisher", "the publisher", NULL},
    {"attempt", "the last attempt to mend it", NULL},
    {"diagnosis", "the diagnosis on record", NULL},
    {"approval", "the approval", "an answer of the owner"},
    {"released", "the release from the hold", "an answer of the owner"},
    {"customer", "the customer", "relation record"},
    {"relation", "the relation to the customer", "relation record"},
    {"csp", "the partner's place in the CSP program", "partner record"},
    {"partner", "the partner's type", "partner record"},
    {"access", "the delegated access", "access record"},
    {"health", "the service's health", "health records"},
    {"known-issue", "the known error in the text", "catalogue"},
    {"plan", "the subscription's plan", "subscription record"},
    {"seller", "the subscription's seller", "subscription record"},
    {"cloud", "the customer's cloud", "relation or partner record"},
    {"package", "what the channel's form wants", "the demand that is named"},
};

/* Any other fact is the right to the channel of its name. */
static void put_subject(struct egw_str fact, bool where, FILE *to)
{
    for (size_t i = 0; i < EGW_COUNT(subjects); i++) {
        if (!egw_str_is(fact, subjects[i].name))
            continue;
        (void)fputs(subjects[i].words, to);
        if (where && subjects[i].of)
            (void)fprintf(to, " (%s)", subjects[i].of);
        return;
    }
    (void)fputs("the right to channel ", to);
    egw_put_safe(to, fact);
    if (where)
        (void)fputs(" (contract, membership or program)", to);
}

static void put_value(struct egw_str value, FILE *to)
{
    egw_put_safe(to, value.n ? value : EGW_STR("(none)"));
}

/* "HANDOFF to advanced", "BASELINE/REMEDY" */
static void put_answer(const struct egw_rule_view *rule, FILE *to)
{
    if (rule->action < 0) {
        (void)fputs("goes on", to);
        return;
    }
    (void)fputs(egw_action_name(rule->action), to);
    if (rule->code.n) {
        (void)fputc('/', to);
        egw_put_safe(to, rule->code);
    }
    if (rule->channel.n) {
        (void)fputs(" to ", to);
        egw_put_safe(to, rule->channel);
    }
}

static void put_rule(const struct egw_rule_view *rule, FILE *to)
{
    egw_put_safe(to, rule->id);
    (void)fputs(" (", to);
    egw_put_safe(to, rule->file);
    (void)fprintf(to, ":%d)", rule->line);
}

static const char *stage_name(const struct egw_rule_view *rule)
{
    return rule->stage >= 0 && rule->stage < EGW_STAGE_COUNT ? egw_stage_names[rule->stage] : "?";
}

/* ---- text ---- */

static bool is_all_but(struct egw_str wanted)
{
    static const char words[] = "anything but ";

    return wanted.n > sizeof(words) - 1 && memcmp(wanted.p, words, sizeof(words) - 1) == 0;
}

static void put_misses(const struct egw_policy *policy, const struct egw_list *missed, FILE *to)
{
    const struct egw_explain_miss *misses = missed->p;

    for (size_t i = 0; i < missed->n && i < MISSES_SHOWN; i++) {
        struct egw_rule_view rule = egw_policy_rule(policy, misses[i].rule);

        (void)fputs("      not ", to);
        put_rule(&rule, to);
        (void)fputs(": ", to);
        put_subject(misses[i].fact, false, to);
        (void)fputs(" is ", to);
        put_value(misses[i].value, to);
        (void)fputs(is_all_but(misses[i].wanted) ? ", it takes " : ", not ", to);
        put_value(misses[i].wanted, to);
        if (misses[i].failed > 1)
            (void)fprintf(to, "; and %zu more of its conditions", misses[i].failed - 1);
        (void)fputc('\n', to);
    }
    if (missed->n > MISSES_SHOWN)
        (void)fprintf(to, "      and not %zu more\n", missed->n - MISSES_SHOWN);
}

static void put_step(const struct egw_policy *policy, size_t index, FILE *to)
{
    struct egw_rule_view rule = egw_policy_rule(policy, index);

    (void)fprintf(to, "      %-10s", stage_name(&rule));
    put_rule(&rule, to);
    (void)fputs(": ", to);
    put_answer(&rule, to);
    (void)fputc('\n', to);
}

static void put_changes(const struct egw_explain_other *other, FILE *to)
{
    const struct egw_explain_change *changes = other->changes.p;

    for (size_t i = 0; i < other->changes.n; i++) {
        bool read = changes[i].is.p != NULL;

        (void)fputs(i == 0 ? "      if " : i == other->count ? " (given that " : " and ", to);
        put_subject(changes[i].fact, true, to);
        (void)fputs(read ? " were " : " is ", to);
        put_value(changes[i].would, to);
        if (read && !is_all_but(changes[i].would)) {
            (void)fputs(" instead of ", to);
            put_value(changes[i].is, to);
        }
    }
    (void)fputs(other->changes.n > other->count ? "):\n" : ":\n", to);
}

static void put_other(const struct egw_policy *policy, const struct egw_explain_other *other,
                      FILE *to)
{
    struct egw_rule_view rule = egw_policy_rule(policy, other->rule);

    put_changes(other, to);
    (void)fputs("        ", to);
    put_answer(&rule, to);
    (void)fputs(" by ", to);
    put_rule(&rule, to);
    (void)fputs(rule.channel.n ? ", once its form has all it wants\n" : "\n", to);
}

void egw_tell(const struct egw_policy *policy, const struct egw_explanation *explanation, FILE *to)
{
    const struct egw_explain_step *path = explanation->path.p;
    const struct egw_explain_other *others = explanation->others.p;

    (void)fputs("    path\n", to);
    for (size_t i = 0; i < explanation->path.n; i++) {
        put_misses(policy, &path[i].missed, to);
        put_step(policy, path[i].rule, to);
    }
    if (path[explanation->path.n - 1].rule != explanation->decided_by)
        put_step(policy, explanation->decided_by, to);
    (void)fputs("    instead\n", to);
    for (size_t i = 0; i < explanation->others.n; i++)
        put_other(policy, &others[i], to);
    if (!explanation->others.n && !explanation->cut_short)
        (void)fprintf(to, "      no change of up to %d facts leads to another result\n",
                      EGW_EXPLAIN_CHANGES);
    if (explanation->cut_short)
        (void)fputs("      the search was cut short: there may be nearer ones\n", to);
}

/* ---- JSON ---- */

/* {"stage":...,"file":...,"line":...,"rule":...,"action":... - still open */
static enum egw_status json_open(const struct egw_policy *policy, size_t index, struct egw_buf *out)
{
    struct egw_rule_view rule = egw_policy_rule(policy, index);
    enum egw_status st = egw_buf_printf(out, "{\"stage\":\"%s\"", stage_name(&rule));

    if (!st)
        st = egw_json_rule(&rule, out);
    if (!st)
        st = egw_json_text(out, "action",
                           rule.action < 0 ? EGW_STR("next")
                                           : egw_str_of(egw_action_name(rule.action)));
    if (!st)
        st = egw_json_text(out, "code", rule.code);
    return st ? st : egw_json_text(out, "channel", rule.channel);
}

static enum egw_status json_misses(const struct egw_policy *policy, const struct egw_list *missed,
                                   struct egw_buf *out)
{
    const struct egw_explain_miss *misses = missed->p;
    enum egw_status st = egw_buf_printf(out, ",\"missed\":[");

    for (size_t i = 0; i < missed->n && !st; i++) {
        st = egw_buf_put(out, ",", i > 0);
        if (!st)
            st = json_open(policy, misses[i].rule, out);
        if (!st)
            st = egw_json_text(out, "fact", misses[i].fact);
        if (!st)
            st = egw_json_text(out, "is", misses[i].value);
        if (!st)
            st = egw_json_text(out, "wanted", misses[i].wanted);
        if (!st)
            st = egw_buf_printf(out, ",\"failed\":%zu}", misses[i].failed);
    }
    return st ? st : egw_buf_put(out, "]", 1);
}

static enum egw_status json_other(const struct egw_policy *policy,
                                  const struct egw_explain_other *other, struct egw_buf *out)
{
    const struct egw_explain_change *changes = other->changes.p;
    enum egw_status st = json_open(policy, other->rule, out);

    if (!st)
        st = egw_buf_printf(out, ",\"changes\":[");
    for (size_t i = 0; i < other->changes.n && !st; i++) {
        st =
            egw_buf_printf(out, "%s{\"read\":%s", i ? "," : "", changes[i].is.p ? "true" : "false");
        if (!st)
            st = egw_json_text(out, "fact", changes[i].fact);
        if (!st && changes[i].is.p)
            st = egw_json_text(out, "is", changes[i].is);
        if (!st)
            st = egw_json_text(out, "would", changes[i].would);
        if (!st)
            st = egw_buf_put(out, "}", 1);
    }
    return st ? st : egw_buf_put(out, "]}", 2);
}

enum egw_status egw_tell_json(const struct egw_policy *policy,
                              const struct egw_explanation *explanation, struct egw_buf *out)
{
    const struct egw_explain_step *path = explanation->path.p;
    const struct egw_explain_other *others = explanation->others.p;
    enum egw_status st = egw_buf_printf(out, "\"path\":[");

    for (size_t i = 0; i < explanation->path.n && !st; i++) {
        st = egw_buf_put(out, ",", i > 0);
        if (!st)
            st = json_open(policy, path[i].rule, out);
        if (!st)
            st = json_misses(policy, &path[i].missed, out);
        if (!st)
            st = egw_buf_put(out, "}", 1);
    }
    if (!st)
        st = egw_buf_printf(out, "],\"instead\":[");
    for (size_t i = 0; i < explanation->others.n && !st; i++) {
        st = egw_buf_put(out, ",", i > 0);
        if (!st)
            st = json_other(policy, &others[i], out);
    }
    return st ? st
              : egw_buf_printf(out, "],\"cut_short\":%s",
                               explanation->cut_short ? "true" : "false");
}
