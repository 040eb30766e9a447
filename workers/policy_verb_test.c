/* policy test - the rules against cases in files */
#include <inttypes.h>
#include <stdlib.h>

#include "egw/cases.h"
#include "policy_verbs.h"
#include "show.h"
#include "trial.h"

enum { CASES_FILE_MAX = 16 << 20 };

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

int egw_policy_verb_test(struct egw_args *args)
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
