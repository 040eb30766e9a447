/*
 * explain - which rule decides an event, and why
 */
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "cli.h"
#include "egw/json.h"
#include "reading.h"
#include "show.h"
#include "trial.h"

struct explain {
    const struct egw_args *args;
    const char *expected; /* rule; NULL: any */
    bool json;
    size_t shown, unexpected;
    struct egw_str id; /* looked for in the outcomes */
    struct egw_buf line;
    struct egw_error err;
    enum egw_status st;
};

static int64_t wall_ms(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void show(struct explain *e, const struct egw_outcome *outcome)
{
    e->shown++;
    if (e->json) {
        egw_buf_clear(&e->line);
        e->st = egw_json_write(&egw_type_outcome, outcome, EGW_JSON_LINE, NULL, &e->line, &e->err);
        if (!e->st) {
            (void)fwrite(e->line.p, 1, e->line.n, stdout);
            (void)putchar('\n');
        }
    } else {
        egw_show_outcome(outcome, EGW_DETAIL_PATH, stdout);
    }
    if (e->expected && !egw_str_is(outcome->rule, e->expected)) {
        e->unexpected++;
        (void)fflush(stdout);
        (void)fprintf(stderr, "egw: expected rule %s, decided by ", e->expected);
        egw_put_safe(stderr, outcome->rule.n ? outcome->rule : EGW_STR("none"));
        (void)fputc('\n', stderr);
    }
}

/* ---- an event decided now ---- */

static enum egw_status decide_lines(struct explain *e, struct egw_trial *trial, const char *path,
                                    int64_t now)
{
    struct egw_arena arena = {0};
    struct egw_lines lines;
    struct egw_str line;
    enum egw_status st = egw_lines_open(&lines, path, &e->err);

    if (st)
        return st;
    while (!(st = egw_lines_next(&lines, &line, &e->err))) {
        struct egw_support_event event = {0};
        struct egw_outcome outcome;

        egw_arena_reset(&arena);
        st = egw_json_read(line, &egw_type_support_event, &arena, &event, &e->err);
        if (st)
            break;
        st = egw_trial_decide(trial, &event, NULL, now, &arena, &outcome);
        if (st) {
            (void)egw_error_set(&e->err, st, "no memory to decide");
            break;
        }
        show(e, &outcome);
        st = e->st;
        if (st)
            break;
    }
    if (st != EGW_NOT_FOUND)
        (void)egw_error_prefix(&e->err, st, "%s:%d", lines.name, lines.line);
    egw_lines_close(&lines);
    egw_arena_free(&arena);
    return st == EGW_NOT_FOUND ? EGW_OK : st;
}

static int explain_event(struct explain *e, const char *path, int64_t now)
{
    const char *facts = egw_arg(e->args, "facts");
    struct egw_faults faults = {0};
    struct egw_trial trial = {0};
    enum egw_status st = egw_trial_new(&e->args->settings, &trial, &faults, &e->err);
    int code = EGW_EXIT_OK;

    if (st) {
        code = faults.total ? egw_fail_faults(&faults) : egw_fail(&e->err);
        egw_faults_free(&faults);
        return code;
    }
    st = facts ? egw_trial_learn_file(&trial, facts, &e->err)
               : egw_trial_learn_topic(&trial, &e->args->settings, &e->err);
    if (!st)
        st = decide_lines(e, &trial, path, now);
    if (st)
        code = egw_fail(&e->err);
    else if (e->shown == 0)
        code = egw_usage(e->args, "%s holds no event", path);
    egw_trial_free(&trial);
    egw_faults_free(&faults);
    return code;
}

/* ---- an event decided before ---- */

static bool take(void *user, const struct egw_item *item)
{
    struct explain *e = user;
    const struct egw_outcome *outcome = item->value;

    if (item->type == &egw_type_outcome && egw_str_eq(outcome->event_id, e->id))
        show(e, outcome);
    return !e->st;
}

static int explain_record(struct explain *e)
{
    const struct egw_settings *settings = &e->args->settings;
    struct egw_error err = {0};

    if (egw_read_all(settings, settings->topics.outcomes, -1, take, e, &err))
        return egw_fail(&err);
    if (e->st)
        return egw_fail(&e->err);
    if (e->shown)
        return EGW_EXIT_OK;
    (void)egw_error_set(&err, EGW_NOT_FOUND,
                        "no outcome names the event %.*s, and no such file is there",
                        EGW_FMT(e->id));
    return egw_fail(&err);
}

static int run(struct egw_args *args)
{
    const char *output = egw_arg(args, "output"), *now_text = egw_arg(args, "now");
    struct explain e = {
        .args = args,
        .expected = egw_arg(args, "expect"),
        .json = output && strcmp(output, "json") == 0,
    };
    int64_t now = wall_ms();
    const char *what;
    int code;

    if (args->operand_count != 1)
        return egw_usage(args, "takes one event: a file, - or an event id");
    what = args->operands[0];
    if (now_text && !egw_time_parse(egw_str_of(now_text), &now))
        return egw_usage(args, "--now needs a date or time such as 2026-01-05T08:00:00Z, not %s",
                         now_text);
    e.id = egw_str_of(what);
    if (strcmp(what, "-") == 0 || access(what, F_OK) == 0)
        code = explain_event(&e, what, now);
    else
        code = explain_record(&e);
    if (!code && e.unexpected)
        code = EGW_EXIT_NO;
    egw_buf_free(&e.line);
    return code;
}

static const struct egw_option options[] = {
    {0, "facts", "FILE", "decide on these facts (JSON lines), not on the reference topic", NULL,
     false},
    {0, "now", "TIME", "decide as at this time", NULL, false},
    {0, "expect", "RULE", "exit 1 when another rule decides", NULL, false},
    {'o', "output", "FORM", "form of the output", "text|json", false},
    {0, NULL, NULL, NULL, NULL, false},
};

const struct egw_command egw_cmd_explain = {
    .name = "explain",
    .operands = "FILE | - | EVENT_ID",
    .summary = "show which rule decides an event, and why",
    .about = "Decides the events of a file (JSON lines, as publish reads them) by the policy of "
             "policy.dir and shows stage, rule, every fact by value, the rules that nearly decided "
             "and what they lacked. Nothing is written. With an event id it shows the same of the "
             "outcome on record. The event is taken alone: what a case so far would change is not "
             "seen here.",
    .exits = "0 shown, 1 another rule than expected or no such event, 65 a line is wrong, 69 no "
             "broker or no topic, 78 settings or policy",
    .options = options,
    .run = run,
};
