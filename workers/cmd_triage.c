/* egw triage: a worker. Boot order, the loop, the ways to stop. */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "commands.h"
#include "notes.h"
#include "schemas.h"
#include "watch.h"
#include "worker.h"

enum {
    TURN_MS = 500,   /* longest sleep of a turn */
    STOP_MS = 10000, /* promised, from the first signal to the end of the process */
    DRAIN_MS = 6000, /* of these; then what is open is left to be aborted */
    CLOSE_MS = 2500, /* for the handles; past it the process ends without them */
    CLOSE_S = 3,     /* for everything after the loop, a thread that asks the registry included */
    SPARE_MS = 1000, /* until a signal is heard, and for the kernel's part */
    LETTERS_EVERY_MS = 1000, /* at most one line about dead letters */
    SLOT_MAX = 999,
};

_Static_assert(DRAIN_MS + 1000 * CLOSE_S + SPARE_MS <= STOP_MS, "a stop may take longer than told");

static const struct egw_option options[] = {
    {0, "slot", "N", "this worker's number, 0 to 999; else $EGW_SLOT, else triage.slot", NULL,
     false, NULL},
    {0, NULL, NULL, NULL, NULL, false, NULL},
};

/* ---- signals: a handler only counts and ends the wait ---- */

static volatile sig_atomic_t stops, reloads;
static volatile sig_atomic_t ending = -1; /* the exit code, while a signal may end it at once */
static volatile sig_atomic_t patience;    /* so many signals before it does */
static struct egw_log *volatile wake_log;

static void on_signal(int number)
{
    int was = errno;

    if (number == SIGHUP)
        reloads = 1;
    else
        stops++;
    if (ending >= 0 && stops > patience)
        _exit(ending);
    if (wake_log)
        egw_kafka_log_wake(wake_log); /* writes to an eventfd, nothing else */
    errno = was;
}

static void on_late(int number)
{
    (void)number;
    _exit(ending);
}

/* The loop is stuck: the process ends within a second, whether its last line is read or not. */
static void on_stuck(void)
{
    ending = EGW_EXIT_BUG;
    (void)alarm(1);
}

static void take_signals(void)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};

    (void)sigemptyset(&action.sa_mask);
    (void)sigaction(SIGTERM, &action, NULL);
    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGHUP, &action, NULL);
    action.sa_handler = on_late;
    (void)sigaction(SIGALRM, &action, NULL);
    action.sa_handler = SIG_IGN;
    (void)sigaction(SIGPIPE, &action, NULL);
}

/* ---- boot ---- */

struct triage_worker {
    struct egw_args *args;
    const struct egw_settings *settings;
    struct egw_topics topics;
    struct egw_schemas schemas;
    struct egw_log log;
    bool log_open;
    struct egw_worker *worker;
    struct egw_watch *watch;
    uint64_t letters_told;
    int64_t letters_ms; /* mono, when they were told last */
    char instance[192];
};

static int find_slot(struct egw_args *args, int64_t *ret)
{
    const char *text = egw_arg(args, "slot"), *where = "--slot";

    if (!text) {
        text = getenv("EGW_SLOT");
        where = "EGW_SLOT";
    }
    *ret = args->settings.triage.slot;
    if (text && !egw_parse_i64(egw_str_of(text), 0, SLOT_MAX, ret))
        return egw_usage(args, "%s must be 0 to %d, not \"%.80s\"", where, SLOT_MAX, text);
    if (*ret < 0)
        return egw_usage(args, "a worker needs its slot: --slot N, 0 to %d, one process each",
                         SLOT_MAX);
    return EGW_EXIT_OK;
}

/* Which channels have a topic is what the broker says: a worker needs no policy folder. */
static enum egw_status find_topics(struct triage_worker *tw, struct egw_error *reterr)
{
    EGW_CLEANUP(egw_arena_free) struct egw_arena arena = {0};
    struct egw_kafka *kafka;
    struct egw_list found;
    struct egw_str *names;
    struct egw_str prefix = egw_arena_printf(&arena, "%s.", tw->settings->topics.escalations);
    enum egw_status st;

    if (!prefix.p)
        return egw_error_set(reterr, EGW_NOMEM, "no memory for topic names");
    st = egw_kafka_open(tw->settings, "egw-triage", &kafka, reterr);
    if (st)
        return st;
    st = egw_kafka_find(kafka, prefix.p, &arena, &found, reterr);
    egw_kafka_close(kafka);
    if (st)
        return st;
    names = found.p;
    for (size_t i = 0; i < found.n; i++)
        names[i] = (struct egw_str){names[i].p + prefix.n, names[i].n - prefix.n};
    return egw_topics_new(tw->settings, names, found.n, 0, &tw->topics, reterr);
}

static void wake(void *user)
{
    egw_kafka_log_wake(user);
}

/* First of all: a port that is taken must be said before the group counts us in. */
static enum egw_status boot_watch(struct triage_worker *tw, int64_t slot, struct egw_error *reterr)
{
    struct egw_watch_conf conf = {
        .settings = tw->settings, .slot = slot, .worker = tw->instance, .dying = on_stuck};

    return egw_watch_open(&conf, &tw->watch, reterr);
}

static enum egw_status boot(struct triage_worker *tw, struct egw_error *reterr)
{
    struct egw_kafka_log_conf log = {
        .settings = tw->settings,
        .input_count = EGW_TOPIC_INPUTS,
        .state_topic = EGW_TOPIC_CASES,
        .group = tw->settings->triage.group,
        .instance = tw->instance,
        .partition_count = (int32_t)tw->settings->topics.partitions,
    };
    struct egw_worker_conf worker = {
        .settings = tw->settings,
        .topics = &tw->topics,
        .schemas = &tw->schemas,
        .wake = wake,
        .wake_user = &tw->log,
        .note = egw_note_line,
    };
    enum egw_status st = find_topics(tw, reterr);

    if (!st)
        st = egw_schemas_open(tw->settings, &tw->schemas, reterr);
    if (st)
        return st;
    log.topics = tw->topics.names;
    log.topic_count = tw->topics.count;
    log.counts = tw->topics.counts;
    st = egw_kafka_log_new(&log, &tw->log, reterr);
    if (st)
        return st;
    tw->log_open = true;
    wake_log = &tw->log;
    worker.log = tw->log;
    return egw_worker_new(&worker, &tw->worker, reterr);
}

/* ---- the loop ---- */

static void reload(struct triage_worker *tw)
{
    struct egw_settings fresh = {0};
    struct egw_faults faults = {0};
    struct egw_error error;

    reloads = 0;
    if (egw_kafka_log_login(&tw->log, &error)) {
        egw_log_line(EGW_LEVEL_ERROR, "reload.failed", "why", error.text, NULL);
    } else if (egw_settings_load(tw->args->config, tw->args->sets, tw->args->set_count, &fresh,
                                 &faults)) {
        egw_log_line(EGW_LEVEL_ERROR, "reload.failed", "why",
                     faults.n ? faults.texts[0] : "no memory", NULL);
    } else {
        egw_log_set_level(fresh.log.level);
        egw_log_line(EGW_LEVEL_INFO, "reload.done", "level", fresh.log.level, NULL);
    }
    egw_settings_free(&fresh);
    egw_faults_free(&faults);
}

static void tell_silence(struct triage_worker *tw)
{
    struct egw_error error;

    if (egw_kafka_log_silence(&tw->log, &error))
        egw_log_line(EGW_LEVEL_WARN, "brokers.away", "why", error.text, NULL);
}

/* Their number: each has its place and reason in its outcome, and a flood must not become two. */
static void tell_letters(struct triage_worker *tw, int64_t now, int64_t every_ms)
{
    uint64_t all = egw_worker_dead_letters(tw->worker);
    char fresh[24], total[24];

    if (all == tw->letters_told || (tw->letters_ms && now - tw->letters_ms < every_ms))
        return;
    (void)snprintf(fresh, sizeof(fresh), "%" PRIu64, all - tw->letters_told);
    (void)snprintf(total, sizeof(total), "%" PRIu64, all);
    egw_log_line(EGW_LEVEL_WARN, "dead_lettered", "n", fresh, "since_start", total, "see",
                 "egw dead list", NULL);
    tw->letters_told = all;
    tw->letters_ms = now;
}

static enum egw_status loop(struct triage_worker *tw, struct egw_error *reterr)
{
    int64_t drain_by = 0;
    enum egw_status st = EGW_OK;

    while (st == EGW_OK) {
        int64_t now = tw->log.ops->mono_ms(tw->log.self);

        egw_watch_turn(tw->watch);
        if (reloads)
            reload(tw);
        tell_silence(tw);
        if (stops && !drain_by) {
            drain_by = now + DRAIN_MS;
            egw_worker_stop(tw->worker, EGW_STOP_DRAIN);
            egw_log_line(EGW_LEVEL_INFO, "stop.drain", NULL);
        }
        if (stops > 1 || (drain_by && now >= drain_by))
            egw_worker_stop(tw->worker, EGW_STOP_NOW);
        st = egw_worker_turn(tw->worker, drain_by ? 50 : egw_watch_sleep_ms(tw->watch, TURN_MS),
                             reterr);
        now = tw->log.ops->mono_ms(tw->log.self);
        tell_letters(tw, now, LETTERS_EVERY_MS);
        if (!st)
            st = egw_watch_look(tw->watch, tw->worker, now, reterr);
    }
    return st;
}

static int exit_code(enum egw_status st, const struct egw_error *error)
{
    switch (st) {
    case EGW_OK:
    case EGW_NOT_FOUND: /* drained */
        return EGW_EXIT_OK;
    case EGW_DENIED:
        egw_log_line(EGW_LEVEL_ERROR, "stop.denied", "why", error->text, NULL);
        return EGW_EXIT_DENIED;
    case EGW_RETRY:
        egw_log_line(EGW_LEVEL_ERROR, "stop.unavailable", "why", error->text, NULL);
        return EGW_EXIT_UNAVAILABLE;
    case EGW_INVALID:
        egw_log_line(EGW_LEVEL_ERROR, "stop.settings", "why", error->text, NULL);
        return EGW_EXIT_CONFIG;
    case EGW_NOMEM:
        egw_log_line(EGW_LEVEL_ERROR, "stop.memory", "why", error->text, NULL);
        return EGW_EXIT_BUG;
    case EGW_FENCED: /* once is a broker that was away for long; again and again is a twin */
        egw_log_line(EGW_LEVEL_ERROR, "stop.fenced", "why", error->text, "again",
                     "if this comes again within a minute, another process has this slot", NULL);
        return EGW_EXIT_TRY_AGAIN;
    default: /* a producer past healing: a fresh process continues at the position */
        egw_log_line(EGW_LEVEL_ERROR, "stop.restart", "why", error->text, NULL);
        return EGW_EXIT_TRY_AGAIN;
    }
}

static void say_goodbye(struct triage_worker *tw)
{
    struct egw_runtime_stats stats;
    char inputs[24], outputs[24], committed[24];

    tell_letters(tw, tw->log.ops->mono_ms(tw->log.self), 0);
    egw_worker_stats(tw->worker, &stats);
    (void)snprintf(inputs, sizeof(inputs), "%" PRIu64, stats.inputs);
    (void)snprintf(outputs, sizeof(outputs), "%" PRIu64, stats.outputs);
    (void)snprintf(committed, sizeof(committed), "%" PRIu64, stats.committed);
    egw_log_line(EGW_LEVEL_INFO, "stop.done", "inputs", inputs, "outputs", outputs, "transactions",
                 committed, NULL);
}

static int run(struct egw_args *args)
{
    struct triage_worker tw = {.args = args, .settings = &args->settings};
    struct egw_error error = {.text = ""};
    int64_t slot;
    enum egw_status st;
    int code;

    code = find_slot(args, &slot);
    if (code)
        return code;
    (void)snprintf(tw.instance, sizeof(tw.instance), "%.150s-%03d", tw.settings->triage.group,
                   (int)slot);
    egw_log_set_level(tw.settings->log.level);
    (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); /* state holds personal text: no core files */
    ending = EGW_EXIT_OK; /* nothing is decided before the loop; a broker may be silent for long */
    take_signals();
    egw_log_line(EGW_LEVEL_INFO, "start", "instance", tw.instance, "version", EGW_VERSION,
                 "librdkafka", egw_kafka_version(), NULL);
    st = boot_watch(&tw, slot, &error);
    if (!st)
        st = boot(&tw, &error);
    ending = -1;
    patience = 1;
    if (!st)
        st = loop(&tw, &error);
    if (tw.worker)
        say_goodbye(&tw);
    code = st == EGW_NOT_FOUND && !tw.worker ? EGW_EXIT_CONFIG : exit_code(st, &error);
    if (st == EGW_NOT_FOUND && !tw.worker) /* topics missing */
        egw_log_line(EGW_LEVEL_ERROR, "stop.settings", "why", error.text, NULL);
    if (stops > 1) /* at once: what is open is aborted by the next worker of this slot */
        _exit(code);
    ending = code;
    (void)alarm(CLOSE_S);
    egw_watch_close(tw.watch);
    egw_worker_quiet(tw.worker);
    wake_log = NULL;
    if (tw.log_open && !egw_kafka_log_close(&tw.log, CLOSE_MS)) {
        egw_log_line(EGW_LEVEL_WARN, "stop.late", "why", "a handle could not be closed", NULL);
        _exit(code);
    }
    egw_worker_free(tw.worker);
    egw_schemas_close(&tw.schemas);
    egw_topics_free(&tw.topics);
    return code;
}

const struct egw_command egw_cmd_triage = {
    .name = "triage",
    .operands = "",
    .summary = "a worker: decide events until told to stop",
    .about = "Takes its share of the partitions, restores their state, and decides each event "
             "once. SIGTERM finishes what is decided and ends within ten seconds; a second one, "
             "or one while it starts, ends it at once; SIGHUP reads passwords and the log level "
             "anew. Started "
             "again with the same slot it continues where it stood.",
    .exits = "0 stopped as told, 69 no broker, or a topic is gone or refuses what is written, 70 "
             "stuck, 75 start it again at "
             "once, 78 settings or topics are wrong",
    .options = options,
    .run = run,
};
