/* egw init: topics, first positions, schemas, the shipped policy; what is there is left alone. */
#include <stdio.h>
#include <stdlib.h>

#include "activate.h"
#include "commands.h"
#include "egw/json.h"
#include "schemas.h"
#include "standing.h"
#include "topics.h"

static const struct egw_option options[] = {
    {0, "no-policy", NULL, "activate no policy; workers wait until one is", NULL, false, NULL},
    {0, "by", "NAME", "operator to record in the activation (default: egw-init)", NULL, false,
     NULL},
    {'o', "output", "FORM", "form of the output", "text|json", false, NULL},
    {0, NULL, NULL, NULL, NULL, false, NULL},
};

struct init {
    const struct egw_args *args;
    const struct egw_settings *settings;
    struct egw_policy_folder folder;
    struct egw_topics topics;
    struct egw_kafka *kafka;
    struct egw_schemas schemas;
    bool changed, json;
    struct egw_buf created; /* names, for JSON */
    size_t positions, registered;
    struct egw_activated activated; /* number 0: nothing was */
};

static enum egw_status create_topics(struct init *init, struct egw_error *reterr)
{
    size_t n = init->topics.count;
    struct egw_kafka_topic *wanted = calloc(n, sizeof(*wanted));
    bool *created = calloc(n, sizeof(*created));
    enum egw_status st = EGW_OK;

    if (!wanted || !created)
        st = egw_error_set(reterr, EGW_NOMEM, "no memory for the topics");
    for (size_t i = 0; st == EGW_OK && i < n; i++)
        wanted[i] = egw_topics_row(&init->topics, i);
    if (st == EGW_OK)
        st = egw_kafka_create(init->kafka, wanted, n, created, reterr);
    for (size_t i = 0; st == EGW_OK && i < n; i++) {
        if (!created[i])
            continue;
        init->changed = true;
        if (!init->json)
            (void)printf("created topic %s (partitions: %d, copies: %d)\n", wanted[i].name,
                         (int)wanted[i].partitions, (int)wanted[i].replication);
        else if (egw_buf_put(&init->created, ",", init->created.n > 0) ||
                 egw_json_string(egw_str_of(wanted[i].name), &init->created))
            st = egw_error_set(reterr, EGW_NOMEM, "no memory for the topics");
    }
    free(wanted);
    free(created);
    return st;
}

/* A topic that was there may be one that loses what is written to it. Who may not look is not held
 * up by it. */
static enum egw_status check_topics(struct init *init, struct egw_faults *faults,
                                    struct egw_error *reterr)
{
    struct egw_error unseen = {0};

    if (egw_topics_check(&init->topics, init->kafka, faults, &unseen) && !init->json)
        (void)printf("the settings of topics were not looked at: %s\n", unseen.text);
    return faults->total ? egw_error_set(reterr, EGW_INVALID, "topics are held to other settings")
                         : EGW_OK;
}

static enum egw_status open_schemas(struct init *init, struct egw_error *reterr)
{
    enum egw_status st = egw_schemas_open(init->settings, &init->schemas, reterr);

    init->registered = init->schemas.registered;
    if (st == EGW_OK && init->registered > 0 && !init->json)
        (void)printf("registered schemas at %s (%zu)\n", init->settings->registry.url,
                     init->schemas.registered);
    return st;
}

static enum egw_status write_positions(struct init *init, struct egw_error *reterr)
{
    enum egw_status st = egw_standing_begin(init->kafka, init->settings, &init->schemas.framing,
                                            &init->positions, reterr);

    if (st == EGW_OK && init->positions > 0) {
        init->changed = true;
        if (!init->json)
            (void)printf("wrote first positions to %s (%zu)\n", init->settings->topics.cases,
                         init->positions);
    }
    return st;
}

static const char *operator_name(const struct init *init)
{
    const char *by = egw_arg(init->args, "by");

    return by ? by : "egw-init";
}

static enum egw_status activate_first(struct init *init, struct egw_faults *faults,
                                      struct egw_error *reterr)
{
    const struct egw_settings *s = init->settings;
    struct egw_activated *done = &init->activated;
    char hex[2 * EGW_SHA256 + 1];
    int64_t number = 0;
    enum egw_status st;

    if (egw_arg(init->args, "no-policy"))
        return EGW_OK;
    st = egw_activation_highest(init->kafka, s, &number, NULL, reterr);
    if (st || number > 0)
        return st;
    st = egw_activate_policy(s, s->policy.dir, s->policy.catalogue, operator_name(init),
                             "first policy", done, faults, reterr);
    if (st)
        return st;
    init->changed = true;
    egw_hex(done->manifest.b, sizeof(done->manifest.b), hex);
    if (!init->json)
        (void)printf("activated policy %.12s (activation %lld, rules: %zu, files: %zu)\n", hex,
                     (long long)done->number, done->rules, done->files);
    return EGW_OK;
}

static enum egw_status set_up(struct init *init, struct egw_faults *faults,
                              struct egw_error *reterr)
{
    enum egw_status st = egw_kafka_open(init->settings, "egw-init", &init->kafka, reterr);

    if (st == EGW_OK)
        st = create_topics(init, reterr);
    if (st == EGW_OK)
        st = check_topics(init, faults, reterr);
    if (st == EGW_OK)
        st = open_schemas(init, reterr);
    if (st == EGW_OK)
        st = write_positions(init, reterr);
    if (st == EGW_OK)
        st = activate_first(init, faults, reterr);
    egw_schemas_close(&init->schemas);
    if (init->kafka)
        egw_kafka_close(init->kafka);
    return st;
}

static void summarise(const struct init *init)
{
    char hex[2 * EGW_SHA256 + 1];

    if (!init->json) {
        if (!init->changed)
            (void)puts("nothing to do: topics, positions and policy are in place");
        return;
    }
    (void)fputs("{\"created\":[", stdout);
    (void)fwrite(init->created.p, 1, init->created.n, stdout);
    (void)printf("],\"registered\":%zu,\"positions\":%zu", init->registered, init->positions);
    if (init->activated.number) {
        egw_hex(init->activated.manifest.b, sizeof(init->activated.manifest.b), hex);
        (void)printf(",\"activation\":%lld,\"policy\":\"%s\"", (long long)init->activated.number,
                     hex);
    }
    (void)puts("}");
}

static int run(struct egw_args *args)
{
    struct init init = {.args = args, .settings = &args->settings, .json = egw_wants_json(args)};
    struct egw_faults faults = {0};
    struct egw_error error = {0};
    enum egw_status st;
    int code = EGW_EXIT_OK;

    st = egw_policy_folder_load(init.settings->policy.dir, init.settings->policy.catalogue,
                                &init.folder, &faults, &error);
    if (st == EGW_OK && !faults.total)
        st = egw_topics_of_policy(init.settings, init.folder.policy, &init.topics, &error);
    if (st == EGW_OK && !faults.total)
        st = set_up(&init, &faults, &error);
    if (faults.total)
        code = egw_fail_faults(args, &faults);
    else if (st == EGW_INVALID)
        code = (egw_fail(&error), EGW_EXIT_CONFIG); /* what is there does not fit the settings */
    else if (st)
        code = egw_fail(&error);
    else
        summarise(&init);
    egw_buf_free(&init.created);
    egw_topics_free(&init.topics);
    egw_policy_folder_free(&init.folder);
    egw_faults_free(&faults);
    return code;
}

const struct egw_command egw_cmd_init = {
    .name = "init",
    .summary = "create topics and first positions, activate the first policy",
    .about =
        "Creates the topics that are missing, writes the first position of each partition, "
        "registers the schemas where registry.url is set, and activates the policy in "
        "policy.dir where none is active. Running it again changes nothing and says so. A "
        "topic with another number of partitions, or one that may lose records by its settings, "
        "or a partition whose state was lost, is refused with both figures.",
    .exits = "0 all is in place, 69 no broker answered, 78 settings or policy "
             "are wrong, or what is there does not fit them",
    .options = options,
    .run = run,
};
