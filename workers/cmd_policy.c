/*
 * policy - check rules, try them, put them in force, see which are in force
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "activate.h"
#include "cli.h"
#include "egw/cases.h"
#include "egw/json.h"
#include "reading.h"
#include "show.h"
#include "standing.h"
#include "trial.h"

enum { CASES_FILE_MAX = 16 << 20 };

static void put_policy_hash(const unsigned char *bytes, FILE *to)
{
    char hex[2 * EGW_SHA256 + 1];

    egw_hex(bytes, EGW_SHA256, hex);
    (void)fputs(hex, to);
}

static bool wants_json(const struct egw_args *args)
{
    const char *output = egw_arg(args, "output");

    return output && strcmp(output, "json") == 0;
}

/* ---- lint ---- */

struct census {
    size_t rules, assumptions, channels;
    size_t by_stage[EGW_STAGE_COUNT];
};

static struct census count_rules(const struct egw_policy *policy)
{
    struct census census = {.rules = egw_policy_rule_count(policy),
                            .channels = egw_policy_channel_count(policy)};

    for (size_t i = 0; i < census.rules; i++) {
        struct egw_rule_view rule = egw_policy_rule(policy, i);

        census.assumptions += egw_str_is(rule.source, "assumption");
        if (rule.stage >= 0 && rule.stage < EGW_STAGE_COUNT)
            census.by_stage[rule.stage]++;
    }
    return census;
}

static void show_census(const struct egw_policy_folder *folder, bool json)
{
    struct census census = count_rules(folder->policy);
    bool first = true;

    (void)fputs(json ? "{\"policy\":\"" : "policy ", stdout);
    put_policy_hash(folder->manifest.b, stdout);
    (void)printf(json ? "\",\"files\":%zu,\"channels\":%zu,\"rules\":%zu,\"assumptions\":%zu,"
                        "\"stages\":{"
                      : "\n%zu files, %zu channels, %zu rules, %zu of them assumptions\n",
                 folder->files.n, census.channels, census.rules, census.assumptions);
    for (size_t i = 0; i < EGW_STAGE_COUNT; i++) {
        if (census.by_stage[i] == 0)
            continue;
        if (json)
            (void)printf("%s\"%s\":%zu", first ? "" : ",", egw_stage_names[i], census.by_stage[i]);
        else
            (void)printf("  %-10s %zu\n", egw_stage_names[i], census.by_stage[i]);
        first = false;
    }
    if (json)
        (void)puts("}}");
}

static int lint(struct egw_args *args)
{
    struct egw_policy_folder folder = {0};
    struct egw_faults faults = {0};
    struct egw_error err = {0};
    enum egw_status st = egw_policy_folder_load(
        args->settings.policy.dir, args->settings.policy.catalogue, &folder, &faults, &err);
    int code = EGW_EXIT_OK;

    if (st) {
        code = faults.total ? egw_fail_faults(&faults) : egw_fail(&err);
    } else {
        show_census(&folder, wants_json(args));
        egw_policy_folder_free(&folder);
    }
    egw_faults_free(&faults);
    return code;
}

/* ---- test ---- */

struct tally {
    size_t passed, failed;
    bool verbose;
};

static enum egw_status read_whole(const char *path, struct egw_buf *ret, struct egw_error *reterr)
{
    FILE *f = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
    enum egw_status st = EGW_OK;
    size_t n = 1;

    ret->max = CASES_FILE_MAX;
    if (!f)
        return egw_error_set(reterr, EGW_IO, "cannot open %s", path);
    while (!st && n > 0) {
        st = egw_buf_reserve(ret, 65536);
        if (st)
            break;
        n = fread(ret->p + ret->n, 1, 65536, f);
        ret->n += n;
    }
    if (!st && ferror(f))
        st = egw_error_set(reterr, EGW_IO, "cannot read %s", path);
    else if (st)
        (void)egw_error_set(reterr, st, "%s is larger than %d bytes", path, CASES_FILE_MAX);
    if (f != stdin)
        (void)fclose(f);
    return st;
}

static void put_difference(const char *name, struct egw_str expected, struct egw_str is)
{
    if (!expected.p || egw_str_eq(expected, is))
        return;
    (void)printf("    %s is ", name);
    egw_put_safe(stdout, is.n ? is : EGW_STR("(none)"));
    (void)fputs(", expected ", stdout);
    egw_put_safe(stdout, expected.n ? expected : EGW_STR("(none)"));
    (void)putchar('\n');
}

static bool differs(struct egw_str expected, struct egw_str is)
{
    return expected.p && !egw_str_eq(expected, is);
}

static void judge(struct tally *tally, const struct egw_policy_case *test,
                  const struct egw_outcome *outcome)
{
    const struct egw_expectation *expect = &test->expect;
    struct egw_str action = egw_str_of(egw_action_name(outcome->action));
    const struct {
        const char *name;
        struct egw_str expected, is;
    } parts[] = {
        {"action", expect->action, action},
        {"code", expect->code, outcome->code},
        {"channel", expect->channel, outcome->channel},
        {"mode", expect->mode, outcome->mode},
        {"rule", expect->rule, outcome->rule},
    };
    bool failed = false;

    for (size_t i = 0; i < EGW_COUNT(parts); i++)
        failed = failed || differs(parts[i].expected, parts[i].is);
    tally->passed += !failed;
    tally->failed += failed;
    (void)fputs(failed ? "FAIL  " : "ok    ", stdout);
    egw_put_safe(stdout, test->name);
    (void)fputs("  ", stdout);
    egw_show_action(outcome, stdout);
    (void)fputs("  by ", stdout);
    egw_put_safe(stdout, outcome->rule.n ? outcome->rule : EGW_STR("no rule"));
    (void)putchar('\n');
    for (size_t i = 0; i < EGW_COUNT(parts); i++)
        put_difference(parts[i].name, parts[i].expected, parts[i].is);
    if (failed || tally->verbose)
        egw_show_path(outcome, stdout);
}

static enum egw_status test_one(struct egw_trial *trial, const struct egw_policy_case *test,
                                struct tally *tally, struct egw_arena *arena,
                                struct egw_error *reterr)
{
    struct egw_outcome outcome;
    enum egw_status st = egw_trial_forget(trial, reterr);

    for (size_t i = 0; i < test->fact_count && !st; i++) {
        st = egw_trial_learn(trial, &test->facts[i], reterr);
        if (st)
            return egw_error_prefix(reterr, st, "%.*s: facts[%zu]", EGW_FMT(test->name), i);
    }
    if (st)
        return st;
    if (egw_trial_decide(trial, &test->event, test->now_ms, arena, &outcome))
        return egw_error_set(reterr, EGW_NOMEM, "no memory to decide");
    judge(tally, test, &outcome);
    return EGW_OK;
}

static enum egw_status test_file(struct egw_trial *trial, const char *path, struct tally *tally,
                                 struct egw_error *reterr)
{
    struct egw_buf text = {0};
    struct egw_arena arena = {0}, deciding = {0};
    struct egw_policy_case *cases = NULL;
    size_t n = 0;
    enum egw_status st = read_whole(path, &text, reterr);

    if (!st)
        st = egw_cases_read(egw_buf_str(&text), &arena, &cases, &n, reterr);
    for (size_t i = 0; i < n && !st; i++) {
        egw_arena_reset(&deciding);
        st = test_one(trial, &cases[i], tally, &deciding, reterr);
    }
    if (st == EGW_INVALID)
        (void)egw_error_prefix(reterr, st, "%s", path);
    egw_buf_free(&text);
    egw_arena_free(&arena);
    egw_arena_free(&deciding);
    return st;
}

static int test(struct egw_args *args)
{
    struct tally tally = {.verbose = egw_arg(args, "verbose") != NULL};
    struct egw_faults faults = {0};
    struct egw_trial trial = {0};
    struct egw_error err = {0};
    enum egw_status st = egw_trial_new(&args->settings, &trial, &faults, &err);
    int code;

    if (st) {
        code = faults.total ? egw_fail_faults(&faults) : egw_fail(&err);
        egw_faults_free(&faults);
        return code;
    }
    for (size_t i = 1; i < args->operand_count && !st; i++)
        st = test_file(&trial, args->operands[i], &tally, &err);
    if (st) {
        code = egw_fail(&err);
    } else {
        (void)printf("%zu passed, %zu failed\n", tally.passed, tally.failed);
        code = tally.failed ? EGW_EXIT_NO : EGW_EXIT_OK;
    }
    egw_trial_free(&trial);
    egw_faults_free(&faults);
    return code;
}

/* ---- activate ---- */

static const char *who(const struct egw_args *args)
{
    const char *by = egw_arg(args, "by");

    if (!by)
        by = getenv("USER");
    return by && *by ? by : "unknown";
}

static int activate(struct egw_args *args)
{
    const char *note = egw_arg(args, "note");
    struct egw_activated done = {0};
    struct egw_faults faults = {0};
    struct egw_error err = {0};
    enum egw_status st = egw_activate_policy(&args->settings, args->settings.policy.dir,
                                             args->settings.policy.catalogue, who(args),
                                             note ? note : "", &done, &faults, &err);
    int code = EGW_EXIT_OK;

    if (st) {
        code = faults.total ? egw_fail_faults(&faults) : egw_fail(&err);
    } else {
        (void)printf("activation %" PRId64 ": %zu files, %zu rules, policy ", done.number,
                     done.files, done.rules);
        put_policy_hash(done.manifest.b, stdout);
        (void)putchar('\n');
    }
    egw_faults_free(&faults);
    return code;
}

/* ---- show ---- */

struct stored {
    char manifest[2 * EGW_SHA256 + 1];
    struct egw_policy_file *files;
    size_t n, cap;
    struct egw_arena arena;
    bool no_memory;
};

static struct egw_policy_file *file_named(struct stored *stored, struct egw_str name)
{
    for (size_t i = 0; i < stored->n; i++)
        if (egw_str_eq(stored->files[i].name, name))
            return &stored->files[i];
    if (stored->n == stored->cap) {
        size_t cap = stored->cap ? stored->cap * 2 : 32;
        struct egw_policy_file *grown = realloc(stored->files, cap * sizeof(*grown));

        if (!grown)
            return NULL;
        stored->files = grown;
        stored->cap = cap;
    }
    stored->files[stored->n] = (struct egw_policy_file){EGW_STR_NONE, EGW_STR_NONE};
    return &stored->files[stored->n++];
}

static bool take_content(void *user, const struct egw_item *item)
{
    struct stored *stored = user;
    const struct egw_policy_content *content = item->value;
    struct egw_policy_file *file;

    if (item->type != &egw_type_policy_content || !egw_str_is(content->manifest, stored->manifest))
        return true;
    file = file_named(stored, content->name);
    stored->no_memory = !file || !egw_arena_str(&stored->arena, content->name, &file->name) ||
                        !egw_arena_str(&stored->arena, content->content, &file->content);
    return !stored->no_memory;
}

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
    (void)fputs(")\n", stdout);
}

/* The rules as the log has them, which need not be those of the folder. */
static int show_rules(const struct egw_args *args, const unsigned char *manifest)
{
    struct stored stored = {.arena = {.max = (size_t)256 << 20}};
    struct egw_policy *policy = NULL;
    struct egw_faults faults = {0};
    struct egw_error err = {0};
    int code = EGW_EXIT_OK;
    enum egw_status st;

    egw_hex(manifest, EGW_SHA256, stored.manifest);
    st =
        egw_read_all(&args->settings, args->settings.topics.policy, 0, take_content, &stored, &err);
    if (!st && stored.no_memory)
        st = egw_error_set(&err, EGW_NOMEM, "no memory for the policy's files");
    if (!st)
        st = egw_policy_compile(stored.files, stored.n, &policy, &faults);
    if (st)
        code = faults.total ? egw_fail_faults(&faults) : egw_fail(&err);
    for (size_t i = 0; policy && i < egw_policy_rule_count(policy); i++) {
        struct egw_rule_view rule = egw_policy_rule(policy, i);

        show_rule(&rule);
    }
    egw_policy_free(policy);
    egw_faults_free(&faults);
    egw_arena_free(&stored.arena);
    free(stored.files);
    return code;
}

static void show_standing(const struct egw_standing *standing, int32_t from, int32_t to, bool json)
{
    if (json) {
        (void)printf("{\"partitions\":[%" PRId32 ",%" PRId32 "],\"activation\":%" PRId64
                     ",\"policy\":\"",
                     from, to, standing->activation);
        put_policy_hash(standing->policy, stdout);
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
    put_policy_hash(standing->policy, stdout);
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
    enum egw_status st = egw_kafka_partitions(kafka, settings->topics.cases, &count, reterr);

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
    bool json = wants_json(args);
    int64_t number = 0;
    int code = EGW_EXIT_OK;
    enum egw_status st = egw_kafka_open(&args->settings, "egw-policy", &kafka, &err);

    if (!st)
        st = show_standings(kafka, &args->settings, json, &standing, &err);
    if (!st)
        st = egw_activation_highest(kafka, &args->settings, &number, &newest, &err);
    if (!st && number > standing.activation && !json) {
        (void)printf("activation %" PRId64 " is on its way, policy ", number);
        put_policy_hash(newest.b, stdout);
        (void)putchar('\n');
    }
    if (st)
        code = egw_fail(&err);
    else if (egw_arg(args, "verbose") && standing.activation > 0 && !json)
        code = show_rules(args, standing.policy);
    if (kafka)
        egw_kafka_close(kafka);
    return code;
}

/* ---- which ---- */

static int run(struct egw_args *args)
{
    static const struct {
        const char *verb;
        bool takes_files;
        int (*run)(struct egw_args *args);
    } verbs[] = {
        {"lint", false, lint},
        {"test", true, test},
        {"activate", false, activate},
        {"show", false, show},
    };

    if (args->operand_count == 0)
        return egw_usage(args, "say lint, test, activate or show");
    for (size_t i = 0; i < EGW_COUNT(verbs); i++) {
        if (strcmp(args->operands[0], verbs[i].verb) != 0)
            continue;
        if (verbs[i].takes_files && args->operand_count == 1)
            return egw_usage(args, "%s takes files of cases", verbs[i].verb);
        if (!verbs[i].takes_files && args->operand_count > 1)
            return egw_usage(args, "%s takes nothing more: the folder is policy.dir",
                             verbs[i].verb);
        return verbs[i].run(args);
    }
    return egw_usage(args, "cannot %s: say lint, test, activate or show", args->operands[0]);
}

static const struct egw_option options[] = {
    {0, "by", "NAME", "activate: who does it; default: $USER", NULL, false},
    {0, "note", "TEXT", "activate: why", NULL, false},
    {'v', "verbose", NULL, "test: show each path; show: list the rules in force", NULL, false},
    {'o', "output", "FORM", "lint, show: form of the output", "text|json", false},
    {0, NULL, NULL, NULL, NULL, false},
};

const struct egw_command egw_cmd_policy = {
    .name = "policy",
    .operands = "lint | test FILE... | activate | show",
    .summary = "check rules, try them on cases, put them in force",
    .about =
        "The rules are the files of policy.dir and policy.catalogue. lint names every fault in "
        "them and counts rules and assumptions. test decides cases of JSON files and compares "
        "(exit 1 on a difference). activate stores the files in the log and puts them in force "
        "in every partition; an older policy comes back by another activation. show tells "
        "which activation each partition has reached.",
    .options = options,
    .run = run,
};
