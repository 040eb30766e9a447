/*
 * policy - check rules, try them, put them in force, see which are in force
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "activate.h"
#include "cli.h"
#include "egw/json.h"
#include "policies.h"
#include "policy_verbs.h"
#include "reading.h"
#include "show.h"
#include "standing.h"

/* ---- what verbs share ---- */

void egw_put_activated(const struct egw_activated *done, bool json)
{
    (void)printf(json ? "{\"activation\":%" PRId64 ",\"files\":%zu,\"rules\":%zu,\"policy\":\""
                      : "activation %" PRId64 ": %zu files, %zu rules, policy ",
                 done->number, done->files, done->rules);
    egw_put_policy_hash(done->manifest.b, stdout);
    (void)puts(json ? "\"}" : "");
}

/* ---- show ---- */

static void show_rule(const struct egw_rule_view *rule)
{
    (void)printf("  %-10s", rule->stage >= 0 && rule->stage < EGW_STAGE_COUNT
                                ? egw_stage_names[rule->stage]
                                : "?");
    egw_put_safe(stdout, rule->id);
    (void)printf(": %s", rule->action < 0 ? "next stage" : egw_action_name(rule->action));
    if (rule->code.n) {
        (void)putchar('/');
        egw_put_safe(stdout, rule->code);
    }
    if (rule->channel.n) {
        (void)fputs(" to ", stdout);
        egw_put_safe(stdout, rule->channel);
    }
    if (rule->when.n) {
        (void)fputs(" when ", stdout);
        egw_put_safe(stdout, rule->when);
    }
    (void)fputs(" (", stdout);
    egw_put_safe(stdout, rule->source);
    if (rule->dated.n) {
        (void)fputs(" of ", stdout);
        egw_put_safe(stdout, rule->dated);
    }
    (void)fputs(")\n", stdout);
}

/* One object a line, after those of the partitions. */
static enum egw_status json_rule(const struct egw_rule_view *rule)
{
    const struct {
        const char *name;
        struct egw_str text;
    } parts[] = {
        {"code", rule->code},     {"channel", rule->channel}, {"mode", rule->mode},
        {"when", rule->when},     {"because", rule->because}, {"advice", rule->advice},
        {"source", rule->source}, {"dated", rule->dated},     {"owner", rule->owner},
    };
    struct egw_buf line = {0};
    enum egw_status st = egw_buf_printf(
        &line, "{\"stage\":\"%s\"",
        rule->stage >= 0 && rule->stage < EGW_STAGE_COUNT ? egw_stage_names[rule->stage] : "?");

    if (!st)
        st = egw_json_rule(rule, &line);
    if (!st)
        st = egw_json_text(&line, "action",
                           rule->action < 0 ? EGW_STR("next")
                                            : egw_str_of(egw_action_name(rule->action)));
    for (size_t i = 0; i < EGW_COUNT(parts) && !st; i++)
        st = egw_json_text(&line, parts[i].name, parts[i].text);
    if (!st)
        st = egw_buf_put(&line, "}\n", 2);
    if (!st)
        (void)fwrite(line.p, 1, line.n, stdout);
    egw_buf_free(&line);
    return st;
}

/* The rules as the log has them, which need not be those of the folder. */
static enum egw_status show_rules(const struct egw_args *args, const unsigned char *manifest,
                                  struct egw_error *reterr)
{
    struct egw_policies *policies = NULL;
    const struct egw_policy *policy = NULL;
    enum egw_status st = egw_policies_read(&args->settings, &policies, reterr);

    if (!st)
        st = egw_policies_find(policies, manifest, &policy, reterr);
    for (size_t i = 0; !st && i < egw_policy_rule_count(policy); i++) {
        struct egw_rule_view rule = egw_policy_rule(policy, i);

        if (!egw_wants_json(args))
            show_rule(&rule);
        else if (json_rule(&rule))
            st = egw_error_set(reterr, EGW_NOMEM, "no memory for a rule");
    }
    egw_policies_free(policies);
    return st;
}

static void show_standing(const struct egw_standing *standing, int32_t from, int32_t to, bool json)
{
    if (json) {
        (void)printf("{\"partitions\":[%" PRId32 ",%" PRId32 "],\"activation\":%" PRId64
                     ",\"policy\":\"",
                     from, to, standing->activation);
        egw_put_policy_hash(standing->policy, stdout);
        (void)puts("\"}");
        return;
    }
    (void)printf(from == to ? "partition %" PRId32 ": " : "partitions %" PRId32 " to %" PRId32 ": ",
                 from, to);
    if (standing->activation == 0) {
        (void)puts("no policy in force");
        return;
    }
    (void)printf("activation %" PRId64 ", policy ", standing->activation);
    egw_put_policy_hash(standing->policy, stdout);
    (void)putchar('\n');
}

static bool same_policy(const struct egw_standing *a, const struct egw_standing *b)
{
    return a->activation == b->activation && memcmp(a->policy, b->policy, sizeof(a->policy)) == 0;
}

/* Runs of partitions that stand alike. */
static enum egw_status show_standings(struct egw_kafka *kafka, const struct egw_settings *settings,
                                      bool json, struct egw_standing *ret_last,
                                      struct egw_error *reterr)
{
    int32_t count = 0, from = 0;
    struct egw_standing standing;
    enum egw_status st = egw_topic_fault(
        egw_kafka_partitions(kafka, settings->topics.cases, &count, reterr), reterr);

    for (int32_t p = 0; p < count && !st; p++) {
        st = egw_standing_read(kafka, settings, p, &standing, reterr);
        if (st)
            return egw_error_prefix(reterr, st, "partition %" PRId32, p);
        if (p > from && !same_policy(&standing, ret_last)) {
            show_standing(ret_last, from, p - 1, json);
            from = p;
        }
        *ret_last = standing;
    }
    if (!st && count > 0)
        show_standing(ret_last, from, count - 1, json);
    return st;
}

static int show(struct egw_args *args)
{
    struct egw_kafka *kafka = NULL;
    struct egw_standing standing = {0};
    struct egw_sha256 newest;
    struct egw_error err = {0};
    bool json = egw_wants_json(args);
    int64_t number = 0;
    const char *at = egw_arg(args, "at");
    enum egw_status st;

    if (at)
        return egw_policy_show_at(args, at);
    if (egw_arg(args, "partition"))
        return egw_usage(args, "--partition goes with --at");
    st = egw_kafka_open(&args->settings, "egw-policy", &kafka, &err);

    if (!st)
        st = show_standings(kafka, &args->settings, json, &standing, &err);
    if (!st)
        st = egw_activation_highest(kafka, &args->settings, &number, &newest, &err);
    if (!st && number > standing.activation) {
        (void)printf(json ? "{\"on_its_way\":%" PRId64 ",\"policy\":\""
                          : "activation %" PRId64 " is on its way, policy ",
                     number);
        egw_put_policy_hash(newest.b, stdout);
        (void)puts(json ? "\"}" : "");
    }
    if (!st && egw_arg(args, "verbose") && standing.activation > 0)
        st = show_rules(args, standing.policy, &err);
    if (kafka)
        egw_kafka_close(kafka);
    return st ? egw_fail(&err) : EGW_EXIT_OK;
}

/* ---- which ---- */

static int run(struct egw_args *args)
{
    static const struct {
        const char *verb;
        size_t least, most; /* operands after it */
        const char *takes;
        int (*run)(struct egw_args *args);
        bool changes; /* what is in force: on record with a name */
    } verbs[] = {
        {"lint", 0, 1, "one folder of rules, or none for policy.dir", egw_policy_verb_lint, false},
        {"test", 1, SIZE_MAX, "files of cases", egw_policy_verb_test, false},
        {"diff", 2, 2, "two folders of rules, the old and the new", egw_policy_verb_diff, false},
        {"backtest", 1, 1, "one folder of rules", egw_policy_verb_backtest, false},
        {"activate", 0, 0, "nothing more: the folder is policy.dir", egw_policy_verb_activate,
         true},
        {"show", 0, 0, "nothing more", show, false},
        {"history", 0, 0, "nothing more", egw_policy_verb_history, false},
        {"export", 2, 2, "the number of one activation, and a folder that is not there yet",
         egw_policy_verb_export, false},
        {"rollback", 0, 1, "the number of one activation, or nothing", egw_policy_verb_rollback,
         true},
    };

    if (args->operand_count == 0)
        return egw_usage(
            args, "say lint, test, diff, backtest, activate, show, history, export or rollback");
    for (size_t i = 0; i < EGW_COUNT(verbs); i++) {
        size_t more = args->operand_count - 1;

        if (strcmp(args->operands[0], verbs[i].verb) != 0)
            continue;
        if (more < verbs[i].least || more > verbs[i].most)
            return egw_usage(args, "%s takes %s", verbs[i].verb, verbs[i].takes);
        if (verbs[i].changes && !egw_arg_who(args))
            return egw_usage(args, "say with --by who does it");
        return verbs[i].run(args);
    }
    return egw_usage(
        args,
        "cannot %s: say lint, test, diff, backtest, activate, show, history, export or rollback",
        args->operands[0]);
}

static const struct egw_option options[] = {
    {0, "by", "NAME", "who does it; default: $USER, or who runs this", NULL, false,
     "activate|rollback"},
    {0, "note", "TEXT", "why", NULL, false, "activate|rollback"},
    {0, "since", "TIME", "what was decided at this time or later; default: all", NULL, false,
     "backtest"},
    {0, "backtest", "TIME", "backtest first, since this time", NULL, false, "activate"},
    {0, "limit", "PERCENT", "of cases that may move; default: policy.backtest_limit", NULL, false,
     "backtest|activate"},
    {0, "accept", "NAME", "all the same, this person answers for it", NULL, false, "activate"},
    {'v', "verbose", NULL,
     "show notes and assumptions, the path of each case, or the rules in force", NULL, false,
     "lint|test|show"},
    {0, "min-coverage", "PERCENT", "exit 1 when fewer of the rules decided a case", NULL, false,
     "test"},
    {0, "strict", NULL, "exit 1 for notes and assumptions, too", NULL, false, "lint"},
    {0, "facts", "FILE", "look through these facts (JSON lines) for missing prices", NULL, false,
     "lint"},
    {0, "at", "TIME", "as at this time", NULL, false, "show"},
    {0, "partition", "N", "with --at: this partition only", NULL, false, "show"},
    {'o', "output", "FORM", "form of the output", "text|json", false, NULL},
    {0, NULL, NULL, NULL, NULL, false, NULL},
};

const struct egw_command egw_cmd_policy = {
    .name = "policy",
    .operands = "lint [DIR] | test FILE... | diff OLD NEW | backtest NEW | activate | show | "
                "history | export NUMBER DIR | rollback [NUMBER]",
    .summary = "check rules, try them on cases, put them in force",
    .about = "The rules are the files of policy.dir and policy.catalogue. lint names faults, "
             "rules that never decide and dates that leave holes, each with an example. test "
             "decides cases of JSON files, compares, and says how many rules decided one. diff "
             "tells which events two policies decide otherwise and what they define otherwise; "
             "each is a folder, or the number of an activation, whose policy is in the log. "
             "backtest gives recorded inputs to the rules of NEW and counts which answers move; "
             "one step at a time: what a moved case would have met later is not counted. activate "
             "stores the files in the log and puts them in force in every partition; with a limit "
             "it backtests them first, and refuses unless --accept names who answers for it. "
             "rollback does so at once with the policy before, or that of an activation, out of "
             "the log: no limit holds it back. "
             "show tells which activation each partition has reached; history lists all that "
             "outcomes and inbox still tell of; export writes the files of an activation into a "
             "new folder, catalogue and all, where lint, diff, backtest and eyes can read them.",
    .exits =
        "0 done or nothing found, 1 findings, a difference, past the limit or no such "
        "activation, 65 a case file is wrong, 69 nothing could be checked, 78 a policy has faults",
    .options = options,
    .run = run,
};
