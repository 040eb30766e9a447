/* policy test - the rules against cases in files */
#include <stdlib.h>

#include "egw/cases.h"
#include "egw/json.h"
#include "policy_verbs.h"
#include "show.h"
#include "trial.h"

enum { CASES_FILE_MAX = 16 << 20 };

struct tally {
    const struct egw_policy *policy;
    size_t passed, failed;
    size_t *decided; /* cases, by place of the rule in the policy */
    bool verbose, json;
    struct egw_buf cases; /* as JSON, a comma before each but the first */
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

/* ---- one case ---- */

enum { PARTS = 5 };
struct part {
    const char *name;
    struct egw_str expected, is;
};

static bool differs(const struct part *part)
{
    return part->expected.p && !egw_str_eq(part->expected, part->is);
}

static void put_difference(const struct part *part)
{
    const struct egw_str sides[] = {part->is, part->expected};

    (void)printf("    %s is ", part->name);
    for (size_t i = 0; i < EGW_COUNT(sides); i++) {
        (void)fputs(i ? ", expected " : "", stdout);
        egw_put_safe(stdout, sides[i].n ? sides[i] : EGW_STR("(none)"));
    }
    (void)putchar('\n');
}

static void put_case(const struct tally *tally, const struct egw_policy_case *test,
                     const struct egw_outcome *outcome, const struct part *parts, bool failed)
{
    (void)fputs(failed ? "FAIL  " : "ok    ", stdout);
    egw_put_safe(stdout, test->name);
    (void)fputs("  ", stdout);
    egw_show_action(outcome, stdout);
    (void)fputs("  by ", stdout);
    egw_put_safe(stdout, outcome->rule.n ? outcome->rule : EGW_STR("no rule"));
    (void)putchar('\n');
    for (size_t i = 0; i < PARTS; i++) {
        if (differs(&parts[i]))
            put_difference(&parts[i]);
    }
    if (failed || tally->verbose)
        egw_show_path(outcome, stdout);
}

static enum egw_status json_case(const char *path, const struct egw_policy_case *test,
                                 const struct part *parts, bool failed, struct egw_buf *out)
{
    const char *comma = "";
    enum egw_status st =
        egw_buf_printf(out, "%s{\"passed\":%s", out->n ? "," : "", failed ? "false" : "true");

    if (!st)
        st = egw_json_text(out, "file", egw_str_of(path));
    if (!st)
        st = egw_json_text(out, "name", test->name);
    for (size_t i = 0; i < PARTS && !st; i++)
        st = egw_json_text(out, parts[i].name, parts[i].is);
    if (!st)
        st = egw_buf_printf(out, ",\"differences\":{");
    for (size_t i = 0; i < PARTS && !st; i++) {
        if (!differs(&parts[i]))
            continue;
        st = egw_buf_printf(out, "%s\"%s\":", comma, parts[i].name);
        if (!st)
            st = egw_json_string(parts[i].expected, out);
        comma = ",";
    }
    return st ? st : egw_buf_printf(out, "}}");
}

/* Only the rule that ended the walk is tried by a case: those it went past showed nothing. */
static void count_rule(struct tally *tally, struct egw_str id)
{
    for (size_t r = 0; r < egw_policy_rule_count(tally->policy); r++) {
        if (egw_str_eq(egw_policy_rule(tally->policy, r).id, id))
            tally->decided[r]++;
    }
}

static enum egw_status judge(struct tally *tally, const char *path,
                             const struct egw_policy_case *test, const struct egw_outcome *outcome)
{
    const struct egw_expectation *expect = &test->expect;
    const struct part parts[PARTS] = {
        {"action", expect->action, egw_str_of(egw_action_name(outcome->action))},
        {"code", expect->code, outcome->code},
        {"channel", expect->channel, outcome->channel},
        {"mode", expect->mode, outcome->mode},
        {"rule", expect->rule, outcome->rule},
    };
    bool failed = false;

    for (size_t i = 0; i < PARTS; i++)
        failed = failed || differs(&parts[i]);
    tally->passed += !failed;
    tally->failed += failed;
    count_rule(tally, outcome->rule);
    if (tally->json)
        return json_case(path, test, parts, failed, &tally->cases);
    put_case(tally, test, outcome, parts, failed);
    return EGW_OK;
}

static enum egw_status test_one(struct egw_trial *trial, const char *path,
                                const struct egw_policy_case *test, struct tally *tally,
                                struct egw_arena *arena, struct egw_error *reterr)
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
    if (egw_trial_decide(trial, &test->event, &test->so_far, test->now_ms, arena, &outcome) ||
        judge(tally, path, test, &outcome))
        return egw_error_set(reterr, EGW_NOMEM, "no memory to decide");
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
        st = test_one(trial, path, &cases[i], tally, &deciding, reterr);
    }
    if (st == EGW_INVALID)
        (void)egw_error_prefix(reterr, st, "%s", path);
    egw_buf_free(&text);
    egw_arena_free(&arena);
    egw_arena_free(&deciding);
    return st;
}

/* ---- coverage ---- */

struct coverage {
    size_t rules, decided; /* of those that end a walk */
    size_t passing;        /* rules that only let an event go on */
};

static bool can_decide(const struct tally *tally, size_t rule)
{
    return egw_policy_rule(tally->policy, rule).action >= 0;
}

static struct coverage cover(const struct tally *tally)
{
    struct coverage coverage = {0};

    for (size_t r = 0; r < egw_policy_rule_count(tally->policy); r++) {
        bool decides = can_decide(tally, r);

        coverage.rules += decides;
        coverage.passing += !decides;
        coverage.decided += decides && tally->decided[r];
    }
    return coverage;
}

/* Rounded down: 100 is all of them. */
static size_t percent_of(const struct coverage *coverage)
{
    return coverage->rules ? coverage->decided * 100 / coverage->rules : 100;
}

static void put_coverage(const struct tally *tally, const struct coverage *coverage, bool list)
{
    (void)printf("%zu passed, %zu failed\n", tally->passed, tally->failed);
    (void)printf("%zu of %zu rules that can decide did (%zu%%); %zu only let events go on\n",
                 coverage->decided, coverage->rules, percent_of(coverage), coverage->passing);
    for (size_t r = 0; list && r < egw_policy_rule_count(tally->policy); r++) {
        struct egw_rule_view rule = egw_policy_rule(tally->policy, r);

        if (tally->decided[r] || rule.action < 0)
            continue;
        egw_put_safe(stdout, rule.file);
        (void)printf(":%d: rule ", rule.line);
        egw_put_safe(stdout, rule.id);
        (void)puts(" decided no case");
    }
}

static enum egw_status json_coverage(struct tally *tally, const struct coverage *coverage,
                                     struct egw_buf *out)
{
    const char *comma = "";
    enum egw_status st = egw_buf_printf(out, "{\"passed\":%zu,\"failed\":%zu,\"cases\":[",
                                        tally->passed, tally->failed);

    if (!st)
        st = egw_buf_put(out, tally->cases.p, tally->cases.n);
    if (!st)
        st = egw_buf_printf(out,
                            "],\"coverage\":{\"percent\":%zu,\"rules\":%zu,\"decided\":%zu,"
                            "\"passing\":%zu},\"rules\":[",
                            percent_of(coverage), coverage->rules, coverage->decided,
                            coverage->passing);
    for (size_t r = 0; r < egw_policy_rule_count(tally->policy) && !st; r++) {
        struct egw_rule_view rule = egw_policy_rule(tally->policy, r);

        if (rule.action < 0)
            continue;
        st = egw_buf_printf(out, "%s{\"decided\":%zu", comma, tally->decided[r]);
        if (!st)
            st = egw_json_rule(&rule, out);
        if (!st)
            st = egw_buf_put(out, "}", 1);
        comma = ",";
    }
    return st ? st : egw_buf_printf(out, "]}\n");
}

/* ---- the verb ---- */

static int report(struct tally *tally, size_t least)
{
    struct coverage coverage = cover(tally);
    bool enough = percent_of(&coverage) >= least;
    struct egw_buf out = {0};

    if (!tally->json) {
        put_coverage(tally, &coverage, tally->verbose || !enough);
    } else if (json_coverage(tally, &coverage, &out)) {
        egw_buf_free(&out);
        return egw_fail(&(struct egw_error){EGW_NOMEM, "no memory for the report"});
    } else {
        (void)fwrite(out.p, 1, out.n, stdout);
        egw_buf_free(&out);
    }
    if (!enough)
        (void)fprintf(stderr, "egw: the cases cover %zu%% of the rules, less than %zu%%\n",
                      percent_of(&coverage), least);
    return tally->failed || !enough ? EGW_EXIT_NO : EGW_EXIT_OK;
}

static int test_files(struct egw_args *args, struct egw_trial *trial, size_t least)
{
    struct tally tally = {.policy = trial->policy,
                          .verbose = egw_arg(args, "verbose") != NULL,
                          .json = egw_wants_json(args)};
    struct egw_error err = {0};
    enum egw_status st = EGW_OK;
    int code;

    tally.decided = calloc(egw_policy_rule_count(trial->policy) + 1, sizeof(*tally.decided));
    if (!tally.decided)
        st = egw_error_set(&err, EGW_NOMEM, "no memory to count the rules");
    for (size_t i = 1; i < args->operand_count && !st; i++)
        st = test_file(trial, args->operands[i], &tally, &err);
    code = st ? egw_fail(&err) : report(&tally, least);
    egw_buf_free(&tally.cases);
    free(tally.decided);
    return code;
}

static bool read_percent(const char *text, size_t *ret)
{
    char *end = NULL;
    long percent = text ? strtol(text, &end, 10) : 0;

    *ret = percent < 0 ? 0 : (size_t)percent;
    return !text || (end != text && !*end && percent >= 0 && percent <= 100);
}

int egw_policy_verb_test(struct egw_args *args)
{
    const char *least_text = egw_arg(args, "min-coverage");
    struct egw_faults faults = {0};
    struct egw_trial trial = {0};
    struct egw_error err = {0};
    size_t least;
    int code;

    if (!read_percent(least_text, &least))
        return egw_usage(args, "--min-coverage needs a percentage from 0 to 100, not %s",
                         least_text);
    if (egw_trial_new(&args->settings, &trial, &faults, &err))
        code = egw_fail_policy(args, &faults, &err);
    else
        code = test_files(args, &trial, least);
    egw_trial_free(&trial);
    egw_faults_free(&faults);
    return code;
}
