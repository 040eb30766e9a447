/*
 * egw demo: the story of the README, told by the commands themselves
 *
 * Everything runs in this process: librdkafka's mock cluster, one worker, and the operator's
 * commands as a person would type them. The runtime is the one `egw triage` runs; only its clock is
 * set to the day of the story. The mock cluster does not implement transactions, so this shows what
 * is decided and how it is read, and proves nothing about exactly-once: `./run test` does, on a
 * real broker.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "commands.h"
#include "egw/policy_file.h"
#include "notes.h"
#include "worker.h"

enum { SCENE_MS = 60000, TURN_MS = 50, PARTITIONS = 3 };

static const struct egw_option options[] = {
    {0, "story", "DIR", "folder of the story's files (default: config/story)", NULL, false, NULL},
    {0, NULL, NULL, NULL, NULL, false, NULL},
};

/* ---- the log with the clock of the story ---- */

struct story_log {
    struct egw_log_ops ops;
    struct egw_log inner;
    int64_t shift_ms; /* story minus real */
};

static void story_poll(void *self, struct egw_log_event *ret)
{
    struct story_log *log = self;

    log->inner.ops->poll(log->inner.self, ret);
    if (ret->kind == EGW_LOG_INPUT || ret->kind == EGW_LOG_TAIL)
        ret->record.timestamp_ms += log->shift_ms;
}

static int64_t story_wall(void *self)
{
    struct story_log *log = self;

    return log->inner.ops->wall_ms(log->inner.self) + log->shift_ms;
}

#define FORWARD(type, name, parameters, ...)                                                       \
    static type story_##name parameters                                                            \
    {                                                                                              \
        struct story_log *log = self;                                                              \
        return log->inner.ops->name(log->inner.self, ##__VA_ARGS__);                               \
    }

FORWARD(void, wait, (void *self, int64_t ms), ms)
FORWARD(enum egw_status, start, (void *self, int32_t p, const int64_t *next, struct egw_error *e),
        p, next, e)
FORWARD(void, stop, (void *self, int32_t p), p)
FORWARD(void, release, (void *self))
FORWARD(enum egw_status, follow, (void *self, int t, int32_t p, int64_t at, struct egw_error *e), t,
        p, at, e)
FORWARD(void, unfollow, (void *self, int t, int32_t p), t, p)
FORWARD(enum egw_status, begin, (void *self, struct egw_error *e), e)
FORWARD(enum egw_status, produce,
        (void *self, const struct egw_log_out *outs, size_t n, size_t *done, struct egw_error *e),
        outs, n, done, e)
FORWARD(void, job, (void *self, struct egw_log_job *job), job)
FORWARD(int64_t, mono_ms, (void *self))

static struct egw_log story_clock(struct story_log *log, struct egw_log inner)
{
    log->inner = inner;
    log->ops = (struct egw_log_ops){story_poll,    story_wait,   story_start,    story_stop,
                                    story_release, story_follow, story_unfollow, story_begin,
                                    story_produce, story_job,    NULL,           story_wall,
                                    story_mono_ms};
    return (struct egw_log){&log->ops, log};
}

static bool set_clock(struct story_log *log, const char *time)
{
    int64_t then;

    if (!egw_time_parse(egw_str_of(time), &then))
        return false;
    log->shift_ms = then - log->inner.ops->wall_ms(log->inner.self);
    return true;
}

/* ---- the commands, as typed ---- */

struct demo {
    const char *story;
    char brokers[256];
    char path[512];
    struct egw_kafka_mock *mock;
    struct egw_settings settings;
    struct egw_policy_files policy;
    struct egw_topics topics;
    struct egw_schemas schemas;
    struct egw_log log;
    bool log_open;
    struct story_log clock;
    struct egw_worker *worker;
    size_t outcomes; /* that the story has so far */
    int code;        /* of what ended it: a command's own; 0: the error's */
};

enum { WORDS = 10, WORD = 512 };

/* Runs a command and shows it as typed; second and third may be NULL. */
static int command(struct demo *demo, const char *first, const char *second, const char *third)
{
    const char *given[] = {first, second, third};
    const char *hidden[] = {"-s", demo->brokers,         "-s", "topics.partitions=3",
                            "-s", "topics.replication=1"};
    char words[WORDS][WORD] = {"egw"};
    char *argv[WORDS + 1] = {words[0]};
    int argc = 1, code;

    (void)fputs("\n$ egw", stdout);
    for (size_t i = 0; i < EGW_COUNT(given) && given[i]; i++) {
        (void)printf(" %s", given[i]);
        (void)snprintf(words[argc], WORD, "%s", given[i]);
        argc++;
    }
    (void)fputc('\n', stdout);
    (void)fflush(stdout);
    for (size_t i = 0; i < EGW_COUNT(hidden); i++)
        (void)snprintf(words[argc++], WORD, "%s", hidden[i]);
    for (int i = 1; i < argc; i++)
        argv[i] = words[i];
    code = egw_main(argc, argv);
    (void)fflush(stdout);
    if (code)
        demo->code = code;
    return code;
}

static const char *story_file(struct demo *demo, const char *name)
{
    (void)snprintf(demo->path, sizeof(demo->path), "%s/%s", demo->story, name);
    return demo->path;
}

/* The worker works until it has written as many outcomes as the story has by now. */
static enum egw_status work(struct demo *demo, size_t outcomes, struct egw_error *reterr)
{
    int64_t by = demo->log.ops->mono_ms(demo->log.self) + SCENE_MS;
    enum egw_status st = EGW_OK;

    demo->outcomes += outcomes;
    while (!st) {
        struct egw_runtime_stats stats;

        egw_worker_stats(demo->worker, &stats);
        if (stats.inputs + stats.facts >= demo->outcomes && stats.committed &&
            !stats.open_since_ms && stats.steps == stats.steps_committed)
            return EGW_OK;
        if (demo->log.ops->mono_ms(demo->log.self) > by)
            return egw_error_set(reterr, EGW_RETRY, "the embedded cluster did not answer in %d s",
                                 SCENE_MS / 1000);
        st = egw_worker_turn(demo->worker, TURN_MS, reterr);
    }
    return st;
}

/* ---- setting the stage ---- */

static void wake(void *user)
{
    egw_kafka_log_wake(user);
}

static void only_trouble(void *user, const struct egw_note *note)
{
    if (note->kind == EGW_NOTE_PARTITION_HALTED || note->kind == EGW_NOTE_UNUSABLE)
        egw_note_line(user, note);
}

static enum egw_status load_settings(struct demo *demo, const struct egw_args *args)
{
    const char *overrides[] = {demo->brokers, "topics.partitions=3", "topics.replication=1",
                               "kafka.session_timeout_ms=6000",
                               "kafka.transaction_timeout_ms=6000"};
    struct egw_faults faults = {0};
    enum egw_status st =
        egw_settings_load(args->config, overrides, EGW_COUNT(overrides), &demo->settings, &faults);

    if (st)
        demo->code = egw_fail_settings(NULL, st, &faults);
    egw_faults_free(&faults);
    return st;
}

static enum egw_status make_topics(struct demo *demo, struct egw_error *reterr)
{
    struct egw_faults faults = {0};
    struct egw_policy *policy = NULL;
    enum egw_status st = egw_policy_read(demo->settings.policy.dir, demo->settings.policy.catalogue,
                                         &demo->policy, reterr);

    if (!st) {
        st = egw_policy_compile(demo->policy.files, demo->policy.n, &policy, &faults);
        if (st)
            egw_error_set(reterr, st, "%s",
                          faults.n ? faults.texts[0] : "no memory for the policy");
        egw_faults_free(&faults);
    }
    if (!st)
        st = egw_topics_of_policy(&demo->settings, policy, &demo->topics, reterr);
    for (size_t i = 0; !st && i < demo->topics.count; i++)
        st = egw_kafka_mock_topic(demo->mock, demo->topics.names[i],
                                  demo->topics.rows[i].partitions, reterr);
    egw_policy_free(policy);
    return st;
}

static enum egw_status start_worker(struct demo *demo, struct egw_error *reterr)
{
    struct egw_kafka_log_conf log = {
        .settings = &demo->settings,
        .topics = demo->topics.names,
        .topic_count = demo->topics.count,
        .input_count = EGW_TOPIC_INPUTS,
        .state_topic = EGW_TOPIC_CASES,
        .group = demo->settings.triage.group,
        .instance = "egw-triage-000",
        .partition_count = PARTITIONS,
    };
    struct egw_worker_conf worker = {
        .settings = &demo->settings,
        .topics = &demo->topics,
        .schemas = &demo->schemas,
        .wake = wake,
        .wake_user = &demo->log,
        .note = only_trouble,
    };
    enum egw_status st = egw_kafka_log_new(&log, &demo->log, reterr);

    if (st)
        return st;
    demo->log_open = true;
    worker.log = story_clock(&demo->clock, demo->log);
    return egw_worker_new(&worker, &demo->worker, reterr);
}

/* ---- the story ---- */

static void say(const char *text)
{
    (void)printf("\n-- %s\n", text);
    (void)fflush(stdout);
}

static enum egw_status failed(struct egw_error *reterr, const char *what)
{
    return egw_error_set(reterr, EGW_INVALID, "the demo stops here: egw %s failed", what);
}

static enum egw_status first_scene(struct demo *demo, struct egw_error *reterr)
{
    enum egw_status st;

    say("Monday, 5 January 2026. Litware, an indirect provider, sets egw up and tells it what it "
        "knows.");
    if (command(demo, "init", NULL, NULL))
        return failed(reterr, "init");
    if (command(demo, "reference", "put", story_file(demo, "reference.jsonl")))
        return failed(reterr, "reference");
    st = start_worker(demo, reterr);
    if (st)
        return st;
    if (!set_clock(&demo->clock, "2026-01-05T08:40:00Z"))
        return failed(reterr, "demo");
    say("08:40. Five cases come in from the service desk. A worker decides them.");
    if (command(demo, "publish", story_file(demo, "events.jsonl"), NULL))
        return failed(reterr, "publish");
    st = work(demo, PARTITIONS + 5, reterr); /* an activation for each partition, five events */
    if (st)
        return st;
    if (command(demo, "outcomes", "--summary", NULL) ||
        command(demo, "outcomes", "--partner", "litware"))
        return failed(reterr, "outcomes");
    say("Why Advanced, and by hand, for CW-1004? Its outcome kept every fact and what nearly won.");
    if (command(demo, "explain", "CW-1004-opened", NULL))
        return failed(reterr, "explain");
    return EGW_OK;
}

static enum egw_status second_scene(struct demo *demo, struct egw_error *reterr)
{
    enum egw_status st;

    say("A person files CW-1004: this is the package, and where it goes.");
    if (command(demo, "handoff", "show", "CW-1004"))
        return failed(reterr, "handoff");
    if (!set_clock(&demo->clock, "2026-01-05T10:12:00Z"))
        return failed(reterr, "demo");
    say("10:12. The incident ends, adatum renews the access, and Microsoft's number comes back.");
    if (command(demo, "reference", "put", story_file(demo, "later-reference.jsonl")) ||
        command(demo, "publish", story_file(demo, "later-events.jsonl"), NULL))
        return failed(reterr, "publish");
    st = work(demo, 3, reterr); /* INCIDENT_ENDED, HANDOFF, CASE_NUMBER */
    if (st)
        return st;
    if (command(demo, "outcomes", "--since", "2026-01-05T10:00:00Z"))
        return failed(reterr, "outcomes");
    return EGW_OK;
}

static enum egw_status tell(struct demo *demo, const struct egw_args *args,
                            struct egw_error *reterr)
{
    enum egw_status st;

    (void)puts(
        "This demo runs on librdkafka's embedded mock cluster, all in one process.\n"
        "It shows what egw decides. It proves nothing about exactly-once: ./run test does that,\n"
        "on a real Apache Kafka. Nothing is sent to Microsoft.");
    st = egw_kafka_mock_new(&demo->mock, reterr);
    if (st)
        return st;
    (void)snprintf(demo->brokers, sizeof(demo->brokers), "kafka.brokers=%s",
                   egw_kafka_mock_brokers(demo->mock));
    st = load_settings(demo, args);
    if (st)
        return egw_error_set(reterr, EGW_INVALID, "the settings cannot be used");
    st = make_topics(demo, reterr);
    if (!st)
        st = first_scene(demo, reterr);
    if (!st)
        st = second_scene(demo, reterr);
    if (!st)
        say("That was the story. README.md goes on from here.");
    return st;
}

static int run(struct egw_args *args)
{
    struct demo demo = {.story = egw_arg(args, "story")};
    struct egw_error error = {.text = ""};
    enum egw_status st;
    int code = EGW_EXIT_OK;

    if (!demo.story)
        demo.story = "config/story";
    egw_log_set_level("error");
    st = tell(&demo, args, &error);
    if (st) {
        code = egw_fail(&error);
        if (demo.code)
            code = demo.code;
    }
    egw_worker_quiet(demo.worker);
    (void)fflush(stdout);
    if (demo.log_open && !egw_kafka_log_close(&demo.log, 3000))
        _exit(code);
    egw_worker_free(demo.worker);
    egw_topics_free(&demo.topics);
    egw_policy_files_free(&demo.policy);
    egw_settings_free(&demo.settings);
    egw_kafka_mock_free(demo.mock);
    return code;
}

const struct egw_command egw_cmd_demo = {
    .name = "demo",
    .operands = "",
    .summary = "the story of the README, on an embedded cluster",
    .about =
        "Tells a short story with the real commands and a real worker, all in one process on "
        "librdkafka's mock cluster: what five support cases become, and what follows. It needs no "
        "broker and sends nothing anywhere. It proves nothing about exactly-once: the mock cluster "
        "does not implement transactions.",
    .exits =
        "0 told to its end; else as the command that failed: 65 a story file is wrong, 69 a file "
        "could not be read, 78 settings",
    .options = options,
    .no_settings = true,
    .run = run,
};
