/*
 * policy backtest, policy activate: a policy over what was recorded, and put in force within a
 * limit of what it may move
 */
#include "backtest.h"
#include "policy_verbs.h"

static enum egw_status load(const struct egw_args *args, const char *dir,
                            struct egw_policy_folder *ret, int *ret_code)
{
    struct egw_faults faults = {0};
    struct egw_error err = {0};
    enum egw_status st =
        egw_policy_folder_load(dir, args->settings.policy.catalogue, ret, &faults, &err);

    if (st)
        *ret_code = egw_fail_policy(args, &faults, &err);
    egw_faults_free(&faults);
    return st;
}

/* Runs and shows it. */
static enum egw_status backtest(const struct egw_args *args, const struct egw_policy_folder *folder,
                                int64_t since, struct egw_backtest_sums *ret,
                                struct egw_error *reterr)
{
    struct egw_backtest *made = NULL;
    enum egw_status st = egw_backtest_run(&args->settings, folder, since, &made, reterr);

    if (!st) {
        *ret = egw_backtest_sums(made);
        st = egw_backtest_put(made, egw_wants_json(args), reterr);
        egw_backtest_free(made);
    }
    return st;
}

static void put_verdict(const struct egw_args *args, const char *verdict)
{
    if (!egw_wants_json(args))
        (void)puts(verdict);
}

int egw_policy_verb_backtest(struct egw_args *args)
{
    struct egw_policy_folder folder = {0};
    struct egw_backtest_sums sums;
    char verdict[EGW_BACKTEST_VERDICT];
    struct egw_error err = {0};
    int64_t since, limit;
    int code;

    if (!egw_backtest_since(args, "since", &since) || !egw_backtest_limit(args, &limit))
        return EGW_EXIT_USAGE;
    if (load(args, args->operands[1], &folder, &code))
        return code;
    if (backtest(args, &folder, since, &sums, &err)) {
        code = egw_fail(&err);
    } else {
        egw_backtest_verdict(&sums, limit, verdict);
        put_verdict(args, verdict);
        code = egw_backtest_code(&sums, limit);
    }
    egw_policy_folder_free(&folder);
    return code;
}

/* ---- activate ---- */

/* What the activation may do, and what is on record of it. */
struct permit {
    bool asked; /* for a backtest */
    int64_t since, limit;
    char verdict[EGW_BACKTEST_VERDICT];
    struct egw_activation_words words;
};

static bool read_permit(const struct egw_args *args, struct permit *ret)
{
    *ret = (struct permit){.words = {.by = egw_arg_who(args), .note = egw_arg(args, "note")}};
    if (!egw_backtest_since(args, "backtest", &ret->since) ||
        !egw_backtest_limit(args, &ret->limit))
        return false;
    ret->asked = egw_arg(args, "backtest") || egw_arg(args, "limit") || ret->limit < 100;
    if (!egw_arg(args, "accept") || ret->asked)
        return true;
    (void)egw_usage(args, "--accept goes with --backtest, --limit or policy.backtest_limit");
    return false;
}

/* Over the limit, or not to be known, it takes a name. Returns the exit code. */
static int judge(const struct egw_args *args, const struct egw_backtest_sums *sums,
                 struct permit *permit)
{
    const char *accept = egw_arg(args, "accept");
    int code = egw_backtest_code(sums, permit->limit);

    egw_backtest_verdict(sums, permit->limit, permit->verdict);
    permit->words.backtest = permit->verdict;
    if (!code) {
        put_verdict(args, permit->verdict);
        return code;
    }
    if (accept && *accept) {
        permit->words.accepted_by = accept;
        put_verdict(args, permit->verdict);
        return EGW_EXIT_OK;
    }
    (void)fprintf(stderr, "egw: %s: not activated; --accept NAME does so all the same\n",
                  permit->verdict);
    return code;
}

static int examine(const struct egw_args *args, const struct egw_policy_folder *folder,
                   struct permit *permit)
{
    struct egw_backtest_sums sums;
    struct egw_error err = {0};

    if (!permit->asked)
        return EGW_EXIT_OK;
    if (backtest(args, folder, permit->since, &sums, &err))
        return egw_fail(&err);
    return judge(args, &sums, permit);
}

int egw_policy_verb_activate(struct egw_args *args)
{
    struct egw_policy_folder folder = {0};
    struct egw_activated done = {0};
    struct permit permit;
    struct egw_error err = {0};
    int code;

    if (!read_permit(args, &permit))
        return EGW_EXIT_USAGE;
    if (load(args, args->settings.policy.dir, &folder, &code))
        return code;
    code = examine(args, &folder, &permit);
    if (!code && egw_activate_folder(&args->settings, &folder, &permit.words, &done, &err))
        code = egw_fail(&err);
    else if (!code)
        egw_put_activated(&done, egw_wants_json(args));
    egw_policy_folder_free(&folder);
    return code;
}
