/*
 * explain - which rule decides an event, and why
 */
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "cli.h"
#include "egw/json.h"
#include "egw/lifecycle.h"
#include "egw/recall.h"
#include "policies.h"
#include "reading.h"
#include "show.h"
#include "telling.h"
#include "trial.h"

struct explain {
    const struct egw_args *args;
    const char *expected; /* rule; NULL: any */
    bool json;
    size_t shown, unexpected;
    struct egw_str id; /* looked for in the outcomes */
    struct egw_policies *policies;
    bool case_found; /* id is a case: this is its last decision */
    bool several;    /* customers have a case of that id */
    int32_t partition;
    int64_t offset;
    struct egw_arena arena; /* owns the names below */
    struct egw_str partner, customer;
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

/* By which policy, and all facts that are known of it; policy NULL: nothing more can be said. */
struct reasons {
    const struct egw_policy *policy;
    const struct egw_list *facts;
};

static void show_text(const struct egw_outcome *outcome, const struct reasons *why,
                      const struct egw_explanation *explanation)
{
    egw_show_outcome(outcome, EGW_DETAIL_PATH, stdout);
    if (why->policy)
        egw_tell(why->policy, explanation, stdout);
}

/* The outcome's own object, with more members. */
static enum egw_status show_json(struct explain *e, const struct egw_outcome *outcome,
                                 const struct reasons *why,
                                 const struct egw_explanation *explanation)
{
    enum egw_status st;

    egw_buf_clear(&e->line);
    st = egw_json_write(&egw_type_outcome, outcome, EGW_JSON_LINE, NULL, &e->line, &e->err);
    if (st)
        return st;
    if (why->policy) {
        e->line.p[e->line.n - 1] = ',';
        if (egw_tell_json(why->policy, explanation, &e->line) || egw_buf_put(&e->line, "}", 1))
            return egw_error_set(&e->err, EGW_NOMEM, "no memory for the explanation");
    }
    (void)fwrite(e->line.p, 1, e->line.n, stdout);
    (void)putchar('\n');
    return EGW_OK;
}

static void show(struct explain *e, const struct egw_outcome *outcome, struct reasons why)
{
    struct egw_explanation explanation = {0};
    struct egw_error cannot;

    e->shown++;
    if (why.policy) {
        e->st = egw_explain(why.policy, why.facts, outcome->recorded_at, &explanation, &cannot);
        if (e->st == EGW_INVALID) { /* an outcome that its policy does not bear out: egw verify */
            (void)fflush(stdout);
            (void)fprintf(stderr, "egw: the path cannot be walked again: %s\n", cannot.text);
            why.policy = NULL;
            e->st = EGW_OK;
        } else if (e->st) {
            e->err = cannot;
            return;
        }
    }
    if (e->json)
        e->st = show_json(e, outcome, &why, &explanation);
    else
        show_text(outcome, &why, &explanation);
    egw_explanation_free(&explanation);
    if (e->expected && !egw_str_is(outcome->rule, e->expected)) {
        e->unexpected++;
        (void)fflush(stdout);
        (void)fprintf(stderr, "egw: expected rule %s, decided by ", e->expected);
        egw_put_safe(stderr, outcome->rule.n ? outcome->rule : EGW_STR("none"));
        (void)fputc('\n', stderr);
    }
}

/* ---- an event decided now ---- */

/* The rules are asked all the same: what they say holds for an event that opens the case. */
static void note_idle(const struct egw_lines *lines, const struct egw_support_event *event)
{
    int type = egw_event_type_of(event->event_type);
    enum egw_lifecycle what =
        type < 0 ? EGW_DO_LATE : egw_lifecycle_of((enum egw_event_type)type, EGW_PHASE_NEW);

    if (what == EGW_DO_DECIDE)
        return;
    (void)fflush(stdout);
    (void)fprintf(stderr, "egw: %s:%d: note: ", lines->name, lines->line);
    if (type < 0)
        (void)fputs("the event type is unknown, the event would be REJECTED; ", stderr);
    else if (what == EGW_DO_NUMBER)
        (void)fprintf(stderr, "%s asks no rules, the number is kept; ", egw_event_types[type]);
    else if (what == EGW_DO_END)
        (void)fprintf(stderr, "%s asks no rules, it ends the case; ", egw_event_types[type]);
    else
        (void)fprintf(stderr, "%s asks no rules of a case never opened, it would be NOTED/LATE; ",
                      egw_event_types[type]);
    (void)fputs("shown is what its fields would come to if it opened one\n", stderr);
}

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
        struct egw_list facts;

        egw_arena_reset(&arena);
        st = egw_json_read(line, &egw_type_support_event, &arena, &event, &e->err);
        if (st)
            break;
        note_idle(&lines, &event);
        st = egw_trial_decide(trial, &event, NULL, now, &arena, &outcome);
        if (!st)
            st = egw_trial_gather(trial, &event, NULL, now, &arena, &facts);
        if (st) {
            (void)egw_error_set(&e->err, st, "no memory to decide");
            break;
        }
        show(e, &outcome, (struct reasons){trial->policy, &facts});
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
        code = egw_fail_policy(e->args, &faults, &e->err);
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

static void show_record(struct explain *e, const struct egw_outcome *outcome)
{
    struct reasons why = {NULL, &outcome->facts};
    struct egw_error cannot;
    enum egw_status st = EGW_NOT_FOUND;

    if (egw_recall_decided(outcome) && outcome->policy) {
        st = egw_policies_find(e->policies, outcome->policy, &why.policy, &cannot);
        if (st)
            (void)fprintf(stderr, "egw: the path cannot be walked again: %s\n", cannot.text);
    }
    if (st)
        why.policy = NULL;
    show(e, outcome, why);
}

static void note_case(struct explain *e, const struct egw_item *item,
                      const struct egw_outcome *outcome)
{
    if (!e->case_found && (!egw_arena_str(&e->arena, outcome->partner, &e->partner) ||
                           !egw_arena_str(&e->arena, outcome->customer, &e->customer)))
        e->st = egw_error_set(&e->err, EGW_NOMEM, "no memory for a case");
    else if (e->case_found && (!egw_str_eq(outcome->partner, e->partner) ||
                               !egw_str_eq(outcome->customer, e->customer)))
        e->several = true;
    e->case_found = true;
    e->partition = item->record.partition;
    e->offset = item->record.offset;
}

static bool take(void *user, const struct egw_item *item)
{
    struct explain *e = user;
    const struct egw_outcome *outcome = item->value;

    if (item->type != &egw_type_outcome)
        return true;
    if (egw_names_outcome(e->id.p, e->args->settings.topics.outcomes, item))
        show_record(e, outcome);
    else if (egw_names_case(e->id, outcome) && egw_recall_decided(outcome))
        note_case(e, item, outcome);
    return !e->st;
}

static bool take_last(void *user, const struct egw_item *item)
{
    struct explain *e = user;

    if (item->type != &egw_type_outcome || item->record.partition != e->partition ||
        item->record.offset != e->offset)
        return true;
    show_record(e, item->value);
    return false;
}

static enum egw_status find_record(struct explain *e)
{
    const struct egw_settings *settings = &e->args->settings;
    enum egw_status st = egw_policies_read(settings, &e->policies, &e->err);

    if (!st)
        st = egw_read_all(settings, settings->topics.outcomes, -1, take, e, &e->err);
    if (!st && !e->st && !e->shown && e->several)
        return egw_error_set(&e->err, EGW_NOT_FOUND,
                             "several customers have a case %.*s: say partner/customer/case",
                             EGW_FMT(e->id));
    if (!st && !e->st && !e->shown && e->case_found)
        st = egw_read_all(settings, settings->topics.outcomes, e->partition, take_last, e, &e->err);
    if (!st)
        st = e->st;
    if (!st && !e->shown)
        st = egw_error_set(&e->err, EGW_NOT_FOUND,
                           "no outcome decided by rules is of an event, case or place %.*s, and no "
                           "such file is there",
                           EGW_FMT(e->id));
    return st;
}

static int explain_record(struct explain *e)
{
    enum egw_status st = find_record(e);

    egw_policies_free(e->policies);
    egw_arena_free(&e->arena);
    return st ? egw_fail(&e->err) : EGW_EXIT_OK;
}

static int run(struct egw_args *args)
{
    struct explain e = {
        .args = args,
        .expected = egw_arg(args, "expect"),
        .json = egw_wants_json(args),
    };
    int64_t now = wall_ms();
    const char *what;
    int code;

    if (args->operand_count != 1)
        return egw_usage(
            args,
            "takes one event: a file, -, an event id, a case as partner/customer/case, or the "
            "place of an outcome");
    what = args->operands[0];
    code = egw_arg_time(args, "now", &now);
    if (code)
        return code;
    e.id = egw_str_of(what);
    if (strcmp(what, "-") == 0 || access(what, F_OK) == 0)
        code = explain_event(&e, what, now);
    else if (egw_arg(args, "facts") || egw_arg(args, "now"))
        code = egw_usage(args, "--facts and --now go with a file: what is on record was decided by "
                               "the facts and at the time it names");
    else
        code = explain_record(&e);
    if (!code && e.unexpected)
        code = EGW_EXIT_NO;
    egw_buf_free(&e.line);
    return code;
}

static const struct egw_option options[] = {
    {0, "facts", "FILE", "decide on these facts (JSON lines), not on the reference topic", NULL,
     false, NULL},
    {0, "now", "TIME", "decide as at this time", NULL, false, NULL},
    {0, "expect", "RULE", "exit 1 when another rule decides", NULL, false, NULL},
    {'o', "output", "FORM", "form of the output", "text|json", false, NULL},
    {0, NULL, NULL, NULL, NULL, false, NULL},
};

const struct egw_command egw_cmd_explain = {
    .name = "explain",
    .operands = "FILE | - | EVENT_ID | CASE | PLACE",
    .summary = "show which rule decides an event, and why",
    .about = "Decides the events of a file (JSON lines, as publish reads them) by the policy of "
             "policy.dir and shows rule, every fact by value, the path through the stages with the "
             "rules it narrowly missed and the first of their conditions that failed, and the "
             "fewest facts that would have to be otherwise for another result. Nothing is written. "
             "With an event id it shows the same of the outcome on record, with a case that of its "
             "last decision, by the policy in force then. CASE is partner/customer/case, or the "
             "case alone where only one customer has it; PLACE names an outcome as verify does: "
             "support.outcomes/3/17 or triage/3/17. The event of a file is taken alone: what "
             "a case so far would change is not seen here, and an event that asks no rules of a "
             "new case is said to be one.",
    .exits =
        "0 shown, 1 another rule than expected or no such event or case, 65 a line is wrong, 69 "
        "no broker or no topic, 78 settings or policy",
    .options = options,
    .run = run,
};
