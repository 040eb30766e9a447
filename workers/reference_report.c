/* reference report: what is wrong with the facts on record. */
#include <stdio.h>
#include <time.h>

#include "egw/findings.h"
#include "egw/json.h"
#include "reference_verbs.h"

enum egw_status egw_reference_known(const struct egw_args *args, struct egw_trial *trial,
                                    struct egw_error *reterr)
{
    const char *file = egw_arg(args, "facts");

    return file ? egw_trial_learn_file(trial, file, reterr)
                : egw_trial_learn_topic(trial, &args->settings, reterr);
}

static void show_json(const struct egw_finding *finding)
{
    struct egw_buf line = {0};

    if (!egw_buf_printf(&line, "{\"finding\":\"%s\",\"key\":", finding->kind) &&
        !egw_json_string(finding->key, &line) && !egw_buf_printf(&line, ",\"says\":") &&
        !egw_json_string(finding->text, &line))
        (void)printf("%.*s}\n", (int)line.n, (const char *)line.p);
    egw_buf_free(&line);
}

static void show_text(const struct egw_finding *finding)
{
    (void)printf("%-13s ", finding->kind);
    egw_put_safe(stdout, finding->key);
    (void)fputs(": ", stdout);
    egw_put_safe(stdout, finding->text);
    (void)putchar('\n');
}

static void show(const struct egw_list *found, bool json)
{
    const struct egw_finding *findings = found->p;

    for (size_t i = 0; i < found->n; i++) {
        if (json)
            show_json(&findings[i]);
        else
            show_text(&findings[i]);
    }
    if (!json)
        (void)printf("%zu finding%s\n", found->n, found->n == 1 ? "" : "s");
}

static bool has_calendar(const void *policy, struct egw_str id)
{
    return egw_policy_has_calendar(policy, id);
}

static enum egw_status look(const struct egw_trial *trial, int64_t now_ms, struct egw_arena *arena,
                            struct egw_list *ret, struct egw_error *reterr)
{
    int64_t max_age_ms[EGW_REF_COUNT];
    const struct egw_findings_ask ask = {.facts = trial->facts,
                                         .max_age_ms = max_age_ms,
                                         .now_ms = now_ms,
                                         .has_calendar = has_calendar,
                                         .policy = trial->policy};

    for (int kind = 0; kind < EGW_REF_COUNT; kind++)
        max_age_ms[kind] = egw_policy_max_age_ms(trial->policy, (enum egw_reference_kind)kind);
    if (egw_findings(&ask, arena, ret))
        return egw_error_set(reterr, EGW_NOMEM, "no memory for so many findings");
    return EGW_OK;
}

int egw_reference_report(struct egw_args *args)
{
    const char *output = egw_arg(args, "output"), *at = egw_arg(args, "now");
    struct egw_arena arena = {.max = (size_t)512 << 20};
    struct egw_list found = {0};
    struct egw_faults faults = {0};
    struct egw_trial trial = {0};
    struct egw_error err = {0};
    struct timespec now;
    int64_t now_ms;
    enum egw_status st;
    int code;

    (void)clock_gettime(CLOCK_REALTIME, &now);
    now_ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
    if (at && !egw_time_parse(egw_str_of(at), &now_ms))
        return egw_usage(args, "--now: %s is no time", at);
    st = egw_trial_new(&args->settings, &trial, &faults, &err);
    if (!st)
        st = egw_reference_known(args, &trial, &err);
    if (!st)
        st = look(&trial, now_ms, &arena, &found, &err);
    if (st) {
        code = egw_fail_policy(args, &faults, &err);
    } else {
        show(&found, output && strcmp(output, "json") == 0);
        code = found.n ? EGW_EXIT_NO : EGW_EXIT_OK;
    }
    egw_trial_free(&trial);
    egw_faults_free(&faults);
    egw_arena_free(&arena);
    return code;
}
