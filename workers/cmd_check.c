/* egw check: every fault of settings, policy, topics and registry in one run. */
#include <stdio.h>

#include "activate.h"
#include "commands.h"
#include "egw/json.h"
#include "egw/registry.h"
#include "schemas.h"
#include "standing.h"
#include "topics.h"

static const struct egw_option options[] = {
    {0, "offline", NULL, "ask no broker: settings and policy only", NULL, false, NULL},
    {0, "sample", NULL, "print a settings file with every key at its default, and stop", NULL,
     false, NULL},
    {'o', "output", "FORM", "form of the output", "text|json", false, NULL},
    {0, NULL, NULL, NULL, NULL, false, NULL},
};

struct check {
    const struct egw_settings *settings;
    struct egw_faults faults; /* of all parts, in the order found */
    struct egw_error broker;  /* status EGW_OK: it answered */
    struct egw_error unread;  /* status EGW_OK: the policy's files were read */
    struct egw_policy_folder folder;
    struct egw_registry *registry; /* NULL: none is set, or what is set for it has faults */
    bool json;
    struct egw_buf parts; /* of the JSON */
    bool nomem;
};

static void json_member(struct check *check, const char *name, const char *text)
{
    check->nomem = check->nomem || egw_json_text(&check->parts, name, egw_str_of(text));
}

static void json_part(struct check *check, const char *what, size_t faults, const char *verdict,
                      const char *detail)
{
    check->nomem = check->nomem || egw_buf_printf(&check->parts, "%s{\"faults\":%zu",
                                                  check->parts.n ? "," : "", faults);
    json_member(check, "part", what);
    json_member(check, "verdict", verdict);
    json_member(check, "detail", detail);
    check->nomem = check->nomem || egw_buf_put(&check->parts, "}", 1);
}

static void report(struct check *check, const char *what, size_t faults, const char *detail)
{
    if (check->json)
        json_part(check, what, faults, faults ? "faults" : "ok", faults ? "" : detail);
    else if (faults)
        (void)printf("%-9s %zu %s\n", what, faults, faults == 1 ? "fault" : "faults");
    else
        (void)printf("%-9s ok%s%s\n", what, *detail ? ": " : "", detail);
}

static void report_as(struct check *check, const char *what, const char *verdict,
                      const char *detail)
{
    if (check->json)
        json_part(check, what, 0, verdict, detail);
    else
        (void)printf("%-9s %s%s%s\n", what, verdict, *detail ? ": " : "", detail);
}

static bool refused(const struct check *check, const char *key)
{
    return egw_settings_place(check->settings, key).refused;
}

static bool registry_stands(const struct check *check)
{
    for (size_t i = 0; i < egw_settings_count(); i++) {
        const char *key = egw_settings_view(i).key;

        if (egw_str_begins(egw_str_of(key), EGW_STR("registry.")) && refused(check, key))
            return false;
    }
    return *check->settings->registry.url != '\0';
}

static void check_settings(struct check *check)
{
    struct egw_error error;
    char detail[64];

    egw_kafka_check(check->settings, &check->faults);
    if (registry_stands(check) && egw_schemas_registry(check->settings, &check->registry, &error))
        egw_faults_add(&check->faults, NULL, 0, "%s", error.text);
    (void)snprintf(detail, sizeof(detail), "properties given: %zu",
                   check->settings->kafka.property_count);
    report(check, "settings", check->faults.total, detail);
}

/* Faults in a list that is not empty would be taken for the policy's. */
static void check_policy(struct check *check)
{
    const struct egw_settings *s = check->settings;
    struct egw_faults faults = {0};
    struct egw_error error = {0};
    char detail[160] = "", hex[2 * EGW_SHA256 + 1];

    if (refused(check, "policy.dir") || refused(check, "policy.catalogue")) {
        report_as(check, "policy", "not read", "the settings have faults");
        return;
    }
    if (egw_policy_folder_load(s->policy.dir, s->policy.catalogue, &check->folder, &faults,
                               &error) == EGW_OK) {
        egw_hex(check->folder.manifest.b, sizeof(check->folder.manifest.b), hex);
        (void)snprintf(detail, sizeof(detail), "%.12s, rules: %zu, channels: %zu", hex,
                       egw_policy_rule_count(check->folder.policy),
                       egw_policy_channel_count(check->folder.policy));
    } else if (error.status == EGW_RETRY) {
        check->unread = error;
        report_as(check, "policy", "not read", "");
        egw_faults_free(&faults);
        return;
    } else if (!faults.total) {
        egw_faults_add(&faults, NULL, 0, "%s", error.text);
    }
    report(check, "policy", faults.total, detail);
    for (size_t i = 0; i < faults.n; i++)
        egw_faults_add(&check->faults, NULL, 0, "%s", faults.texts[i]);
    egw_faults_free(&faults);
}

/* False: no broker answers, so the other topics need not be asked for. */
static bool check_topic(struct check *check, struct egw_kafka *kafka,
                        const struct egw_topic_row *row)
{
    int32_t partitions = 0;
    enum egw_status st = egw_kafka_partitions(kafka, row->name, &partitions, &check->broker);

    if (st == EGW_OK && partitions != row->partitions)
        egw_faults_add(&check->faults, NULL, 0, "topic %s has %d partitions, must have %d",
                       row->name, (int)partitions, (int)row->partitions);
    else if (st == EGW_NOT_FOUND)
        egw_faults_add(&check->faults, NULL, 0, "topic %s is missing: run egw init", row->name);
    if (st == EGW_OK || st == EGW_NOT_FOUND)
        check->broker = (struct egw_error){0};
    return check->broker.status == EGW_OK;
}

static void check_topics(struct check *check, struct egw_kafka *kafka,
                         const struct egw_topics *topics)
{
    size_t before = check->faults.total;
    struct egw_error unseen = {0};
    char detail[64 + EGW_ERROR_TEXT];
    bool answers = true;

    for (size_t i = 0; answers && i < topics->count; i++)
        answers = check_topic(check, kafka, &topics->rows[i]);
    if (!answers) {
        report_as(check, "broker", check->broker.status == EGW_DENIED ? "refused" : "no answer",
                  "");
        return;
    }
    if (check->faults.total == before && /* there are no settings of what is not there */
        egw_topics_check(topics, kafka, &check->faults, &unseen) == EGW_OK)
        unseen = (struct egw_error){0};
    (void)snprintf(detail, sizeof(detail), "%zu%s%s", topics->count,
                   unseen.status ? ", their settings not looked at: " : "", unseen.text);
    report(check, "broker", 0, check->settings->kafka.brokers);
    report(check, "topics", check->faults.total - before, detail);
}

/* What init writes first, and what nobody works without. */
static void check_positions(struct check *check, struct egw_kafka *kafka)
{
    size_t before = check->faults.total;
    struct egw_standing standing;
    char detail[32];
    int32_t p;

    for (p = 0; p < check->settings->topics.partitions; p++) {
        struct egw_error error;
        enum egw_status st = egw_standing_read(kafka, check->settings, p, &standing, &error);

        if (st == EGW_NOT_FOUND || st == EGW_INVALID) {
            egw_faults_add(&check->faults, NULL, 0, "%s/%d: %s", check->settings->topics.cases,
                           (int)p,
                           st == EGW_NOT_FOUND ? "there is no position: run egw init" : error.text);
        } else if (st) {
            check->broker = error;
            return;
        }
    }
    (void)snprintf(detail, sizeof(detail), "%d", (int)p);
    report(check, "positions", check->faults.total - before, detail);
}

/* Any answer will do; the number need not be one. */
static void check_registry(struct check *check)
{
    struct egw_str schema;
    struct egw_error error = {0};
    enum egw_status st = egw_registry_fetch(check->registry, 1, 0, &schema, &error);

    if (st == EGW_RETRY || st == EGW_DENIED || st == EGW_IO) {
        report_as(check, "registry", st == EGW_DENIED ? "refused" : "no answer", "");
        check->unread = error;
    } else {
        report(check, "registry", 0, check->settings->registry.url);
    }
}

static void check_broker(struct check *check)
{
    struct egw_topics topics = {0};
    struct egw_kafka *kafka = NULL;
    enum egw_status st =
        egw_topics_of_policy(check->settings, check->folder.policy, &topics, &check->broker);

    if (st == EGW_OK)
        st = egw_kafka_open(check->settings, "egw-check", &kafka, &check->broker);
    if (st == EGW_OK) {
        size_t before = check->faults.total;

        check_topics(check, kafka, &topics);
        if (!check->broker.status && check->faults.total == before)
            check_positions(check, kafka);
        egw_kafka_close(kafka);
    }
    egw_topics_free(&topics);
}

/* The faults stand on stderr as well: who looks there finds them in either form. */
static void put_json(struct check *check)
{
    struct egw_buf out = {0};

    check->nomem = check->nomem || egw_buf_printf(&out, "{\"parts\":[") ||
                   egw_buf_put(&out, check->parts.p, check->parts.n) ||
                   egw_buf_printf(&out, "],") || egw_put_faults(&check->faults, &out) ||
                   egw_buf_printf(&out, "}\n");
    if (!check->nomem)
        (void)fwrite(out.p, 1, out.n, stdout);
    egw_buf_free(&out);
    egw_buf_free(&check->parts);
}

static int verdict(struct check *check)
{
    int code = EGW_EXIT_OK;

    if (check->unread.status != EGW_OK)
        code = egw_fail(&check->unread);
    if (check->broker.status != EGW_OK)
        code = egw_fail(&check->broker);
    if (check->faults.total)
        code =
            egw_fail_faults(NULL, &check->faults); /* sure to be wrong outranks could not check */
    return code;
}

/* Nothing is known of the rest where the settings could not be read at all. */
static void check_all(struct check *check, const struct egw_args *args)
{
    bool offline = egw_arg(args, "offline"), fit;

    if (!check->settings->kafka.brokers) {
        report(check, "settings", check->faults.total, "");
        return;
    }
    check_settings(check);
    fit = check->faults.total == 0;
    check_policy(check);
    if (fit && !offline)
        check_broker(check);
    else
        report_as(check, "broker", "not asked", offline ? "" : "the settings have faults");
    if (check->registry && fit && !offline)
        check_registry(check);
}

static int run(struct egw_args *args)
{
    struct check check = {.settings = &args->settings, .json = egw_wants_json(args)};
    int code;

    if (egw_arg(args, "sample")) {
        egw_settings_sample(stdout);
        return EGW_EXIT_OK;
    }
    check.faults = args->faults;
    args->faults = (struct egw_faults){0};
    check_all(&check, args);
    if (check.json)
        put_json(&check);
    code = check.nomem ? EGW_EXIT_BUG : verdict(&check);
    if (args->loaded == EGW_RETRY)
        code = EGW_EXIT_UNAVAILABLE;
    egw_registry_free(check.registry);
    egw_policy_folder_free(&check.folder);
    egw_faults_free(&check.faults);
    return code;
}

const struct egw_command egw_cmd_check = {
    .name = "check",
    .summary = "check settings, policy, brokers and topics; change nothing",
    .about =
        "Reads the settings and the policy as a whole, then asks the brokers whether every "
        "topic is there with the right number of partitions and is held to what egw needs, whether "
        "each has its first position, and the registry, where one is set, whether it answers. All "
        "that is wrong "
        "is listed in one run, each fault on a line of its own that begins with its place.",
    .exits =
        "0 all is well, 69 no broker or registry answered, 78 settings, policy or topics are wrong",
    .options = options,
    .judges_settings = true,
    .run = run,
};
