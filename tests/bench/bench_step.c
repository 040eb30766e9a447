/*
 * What an event costs in our own code: runtime and triage over a log that costs nothing. No Kafka,
 * so that a profile of this program shows only what we can change.
 *
 * usage: bench_step [EVENTS [OPEN-CASES]]
 */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "egw/json.h"
#include "egw/policy_file.h"
#include "egw/runtime.h"
#include "egw/schema.h"
#include "egw/triage.h"
#include "events.h"

enum { PARTITIONS = 6, CUSTOMERS = 2000, TOPICS = 8, ROUNDS = 5 };
enum { EVENTS, INBOX, CASES, OUTCOMES, DEAD, REFERENCE, POLICY, ESCALATIONS };

struct kept {
    struct egw_str key, value;
};

struct shelf {
    struct kept *records;
    size_t n, cap, at;
    bool on, told;
};

struct bench {
    struct shelf shelves[TOPICS][PARTITIONS];
    bool started[PARTITIONS], assigned;
    struct egw_log_job *job;
    size_t written, bytes;
    struct egw_plans *plans;
    struct egw_framing framing;
    struct egw_triage *triage;
    struct egw_arena arena;
    struct egw_policy_files policy;
    int64_t mono_ms;
    size_t heap_at_start, entries_at_start; /* of the last run, when its first event came */
    bool keep; /* state that is written, and the offsets: the next run goes on from there */
    int64_t committed[2][PARTITIONS];
};

static void die(const char *what)
{
    (void)fprintf(stderr, "bench_step: %s\n", what);
    exit(1);
}

static void put(struct bench *b, int topic, int32_t p, struct egw_str key, struct egw_str value)
{
    struct shelf *shelf = &b->shelves[topic][p];
    struct kept kept;

    if (shelf->n == shelf->cap) {
        shelf->cap = shelf->cap ? shelf->cap * 2 : 64;
        shelf->records = realloc(shelf->records, shelf->cap * sizeof(*shelf->records));
        if (!shelf->records)
            die("no memory");
    }
    if (!egw_arena_str(&b->arena, key, &kept.key) || !egw_arena_str(&b->arena, value, &kept.value))
        die("no memory");
    shelf->records[shelf->n++] = kept;
}

/* ---- the port ---- */

static bool next_of(struct bench *b, int topic, int32_t p, enum egw_log_event_kind kind,
                    struct egw_log_event *ret)
{
    struct shelf *shelf = &b->shelves[topic][p];

    if (shelf->at == shelf->n)
        return false;
    ret->kind = kind;
    ret->record = (struct egw_log_record){.topic = topic,
                                          .partition = p,
                                          .offset = (int64_t)shelf->at,
                                          .timestamp_ms = 1767601800000,
                                          .key = shelf->records[shelf->at].key,
                                          .value = shelf->records[shelf->at].value};
    shelf->at++;
    return true;
}

static bool tail(struct bench *b, int topic, int32_t p, struct egw_log_event *ret)
{
    struct shelf *shelf = &b->shelves[topic][p];

    if (!shelf->on)
        return false;
    if (next_of(b, topic, p, EGW_LOG_TAIL, ret))
        return true;
    if (shelf->told)
        return false;
    shelf->told = true;
    ret->kind = EGW_LOG_TAIL_END;
    ret->topic = topic;
    ret->partition = p;
    ret->offset = (int64_t)shelf->at;
    return true;
}

/* No input before: what is measured are events, not the restore of the other partitions. */
static bool all_started(const struct bench *b)
{
    for (int32_t p = 0; p < PARTITIONS; p++) {
        if (!b->started[p])
            return false;
    }
    return true;
}

static void port_poll(void *self, struct egw_log_event *ret)
{
    static const int32_t all[PARTITIONS] = {0, 1, 2, 3, 4, 5};
    struct bench *b = self;

    ret->kind = EGW_LOG_IDLE;
    if (!b->assigned) {
        b->assigned = true;
        ret->kind = EGW_LOG_ASSIGN;
        ret->partitions = all;
        ret->partition_count = PARTITIONS;
        return;
    }
    if (b->job) {
        b->job = NULL;
        ret->kind = EGW_LOG_DONE;
        return;
    }
    for (int32_t p = 0; p < PARTITIONS; p++) {
        if (all_started(b) &&
            (next_of(b, EVENTS, p, EGW_LOG_INPUT, ret) || next_of(b, INBOX, p, EGW_LOG_INPUT, ret)))
            return;
    }
    if (tail(b, REFERENCE, 0, ret) || tail(b, POLICY, 0, ret))
        return;
    for (int32_t p = 0; p < PARTITIONS; p++) {
        if (tail(b, CASES, p, ret))
            return;
    }
}

static void port_wait(void *self, int64_t ms)
{
    ((struct bench *)self)->mono_ms += ms;
}

static enum egw_status port_start(void *self, int32_t p, const int64_t *next, struct egw_error *e)
{
    struct bench *b = self;

    (void)e;
    b->started[p] = true;
    for (int i = 0; i < 2; i++)
        b->shelves[i][p].at = next[i] < 0 ? b->shelves[i][p].n : (size_t)next[i];
    return EGW_OK;
}

static void port_stop(void *self, int32_t p)
{
    ((struct bench *)self)->started[p] = false;
}

static void port_release(void *self)
{
    (void)self;
}

static enum egw_status port_follow(void *self, int topic, int32_t p, int64_t at,
                                   struct egw_error *e)
{
    struct shelf *shelf = &((struct bench *)self)->shelves[topic][p];

    (void)e;
    shelf->on = true;
    shelf->told = false;
    shelf->at = at < 0 ? 0 : (size_t)at;
    return EGW_OK;
}

static void port_unfollow(void *self, int topic, int32_t p)
{
    ((struct bench *)self)->shelves[topic][p].on = false;
}

static enum egw_status port_begin(void *self, struct egw_error *e)
{
    (void)self;
    (void)e;
    return EGW_OK;
}

static enum egw_status port_produce(void *self, const struct egw_log_out *outs, size_t n,
                                    size_t *ret_done, struct egw_error *e)
{
    struct bench *b = self;

    (void)e;
    for (size_t i = 0; i < n; i++) {
        b->bytes += outs[i].key.n + outs[i].value.n;
        if (b->keep && outs[i].topic == CASES)
            put(b, CASES, outs[i].partition, outs[i].key, outs[i].value);
    }
    b->written += n;
    *ret_done = n;
    return EGW_OK;
}

static void port_job(void *self, struct egw_log_job *job)
{
    struct bench *b = self;

    for (size_t i = 0; job->kind == EGW_LOG_LOOKUP && i < job->place_count; i++) {
        struct egw_log_place *place = &job->places[i];

        for (int input = 0; input < 2; input++) {
            place->committed[input] = b->committed[input][place->partition];
            place->high[input] = (int64_t)b->shelves[input][place->partition].n;
        }
        place->state_end = (int64_t)b->shelves[CASES][place->partition].n;
    }
    for (size_t i = 0; b->keep && job->kind == EGW_LOG_COMMIT && i < job->offset_count; i++) {
        for (int input = 0; input < 2; input++)
            b->committed[input][job->offsets[i].partition] = job->offsets[i].next[input];
    }
    job->result = EGW_OK;
    b->job = job;
}

static int64_t port_wall(void *self)
{
    (void)self;
    return 1767601800000;
}

static int64_t port_mono(void *self)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_BOOTTIME, &now);
    return ((struct bench *)self)->mono_ms + (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static const struct egw_log_ops ops = {
    .poll = port_poll,
    .wait = port_wait,
    .start = port_start,
    .stop = port_stop,
    .release = port_release,
    .follow = port_follow,
    .unfollow = port_unfollow,
    .begin = port_begin,
    .produce = port_produce,
    .job = port_job,
    .wall_ms = port_wall,
    .mono_ms = port_mono,
};

/* ---- what is read ---- */

static struct egw_str framed(struct bench *b, const struct egw_type *type, const void *record)
{
    static struct egw_buf buf;

    (void)b;
    egw_buf_clear(&buf);
    if (egw_encode_framed(&b->framing, type, record, &buf, NULL))
        die("cannot encode");
    return egw_buf_str(&buf);
}

static void put_json(struct bench *b, const char *json)
{
    struct egw_reference reference;
    struct egw_error error;
    struct egw_buf key = {0};

    if (egw_json_read(egw_str_of(json), &egw_type_reference, &b->arena, &reference, &error) ||
        egw_reference_key(&reference, &key, &error))
        die(error.text);
    put(b, REFERENCE, 0, egw_buf_str(&key), framed(b, &egw_type_reference, &reference));
    egw_buf_free(&key);
}

static void put_facts(struct bench *b)
{
    char line[512];

    put_json(b, "{\"as_of\":\"2026-01-05T08:00:00Z\",\"source\":\"b\",\"body\":{\"partner\":{"
                "\"partner\":\"litware\",\"kind\":\"direct-bill\",\"csp\":true,"
                "\"contact_name\":\"Ops\",\"contact_email\":\"ops@litware.example\"}}}");
    for (int i = 0; i < CUSTOMERS; i++) {
        (void)snprintf(
            line, sizeof(line),
            "{\"as_of\":\"2026-01-05T08:00:00Z\",\"source\":\"b\",\"body\":{\"relation\":{"
            "\"partner\":\"litware\",\"customer\":\"c%04d\",\"tenant\":\"t%04d\"}}}",
            i, i);
        put_json(b, line);
        (void)snprintf(line, sizeof(line),
                       "{\"as_of\":\"2026-01-05T08:00:00Z\",\"source\":\"b\",\"body\":{\"access\":{"
                       "\"partner\":\"litware\",\"customer\":\"c%04d\",\"status\":\"active\","
                       "\"assigned\":true,\"roles\":[\"Service Support Administrator\"]}}}",
                       i);
        put_json(b, line);
    }
}

static void put_policy(struct bench *b)
{
    struct egw_sha256 manifest, digest;
    char hex[2 * EGW_SHA256 + 1];
    struct egw_error error;
    struct egw_policy_activation activation = {.number = 1, .by = EGW_STR("bench")};

    if (egw_policy_read(EGW_SOURCE_DIR "/config/policy", EGW_SOURCE_DIR "/config/catalogue",
                        &b->policy, &error) ||
        egw_policy_manifest(b->policy.files, b->policy.n, &manifest))
        die("cannot read the policy");
    egw_hex(manifest.b, EGW_SHA256, hex);
    for (size_t i = 0; i < b->policy.n; i++) {
        struct egw_policy_content content = {.manifest = {hex, 2 * EGW_SHA256},
                                             .name = b->policy.files[i].name,
                                             .files = (int32_t)b->policy.n,
                                             .content = b->policy.files[i].content};

        egw_sha256(content.content.p, content.content.n, &digest);
        memcpy(content.digest, digest.b, EGW_SHA256);
        put(b, POLICY, 0, content.name, framed(b, &egw_type_policy_content, &content));
    }
    activation.manifest = (struct egw_str){hex, 2 * EGW_SHA256};
    for (int32_t p = 0; p < PARTITIONS; p++)
        put(b, INBOX, p, EGW_STR("#activation"),
            framed(b, &egw_type_policy_activation, &activation));
}

static void put_positions(struct bench *b)
{
    struct egw_input_position inputs[2] = {{.topic = EGW_STR("events"), .last = -1},
                                           {.topic = EGW_STR("inbox"), .last = -1}};
    struct egw_position position = {
        .version = 1, .partition_count = PARTITIONS, .inputs = {inputs, 2}};

    for (int32_t p = 0; p < PARTITIONS; p++)
        put(b, CASES, p, EGW_STR(EGW_POSITION_KEY), framed(b, &egw_type_position, &position));
}

/* cases: to draw from. */
static void put_events(struct bench *b, size_t count, size_t cases, const char *salt)
{
    struct bench_events events = {
        .cases = cases, .customers = CUSTOMERS, .salt = salt, .case_salt = salt, .random = 1};

    for (size_t i = 0; i < count; i++) {
        struct egw_support_event event;
        struct egw_str key;

        bench_event(&events, &key, &event);
        put(b, EVENTS, egw_partition_of(key, PARTITIONS), key,
            framed(b, &egw_type_support_event, &event));
    }
}

/* ---- one round ---- */

static void compile(void *user, const struct egw_sha256 *manifest,
                    const struct egw_policy_file *files, size_t n)
{
    struct bench *b = user;
    struct egw_faults faults = {0};
    struct egw_policy *policy = NULL;

    if (egw_policy_compile(files, n, &policy, &faults))
        egw_faults_print(&faults, stderr);
    egw_triage_policy(b->triage, manifest, policy, NULL);
}

static enum egw_status no_schema(void *user, struct egw_str json, struct egw_error *e)
{
    (void)user;
    (void)json;
    return egw_error_set(e, EGW_INVALID, "none here");
}

static int escalations(void *user, struct egw_str channel)
{
    (void)user;
    (void)channel;
    return ESCALATIONS;
}

static double cpu_s(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* CPU microseconds a step, from the first to the last. */
static double run(struct bench *b, size_t steps)
{
    static const char *const names[] = {"events", "inbox"};
    struct egw_triage_topics topics = {OUTCOMES,   INBOX,       DEAD, REFERENCE,
                                       POLICY,     escalations, NULL, {"events", "inbox"},
                                       "reference"};
    struct egw_triage_ports ports = {compile, no_schema, b};
    struct egw_runtime_conf conf = {.input_names = names,
                                    .input_count = 2,
                                    .state_topic = CASES,
                                    .reference_topic = REFERENCE,
                                    .policy_topic = POLICY,
                                    .partition_count = PARTITIONS,
                                    .plans = b->plans,
                                    .framing = &b->framing};
    struct egw_log log = {&ops, b};
    struct egw_runtime *runtime;
    struct egw_runtime_stats stats = {0};
    double began = 0, took;

    for (int t = 0; t < TOPICS; t++) {
        for (int p = 0; p < PARTITIONS; p++)
            b->shelves[t][p].at = 0, b->shelves[t][p].on = b->shelves[t][p].told = false;
    }
    memset(b->started, 0, sizeof(b->started));
    b->assigned = false;
    b->job = NULL;
    b->bytes = b->written = 0;
    if (egw_triage_new(&topics, &ports, &b->framing, b->plans, &b->triage, NULL) ||
        egw_runtime_new(&conf, log, egw_triage_processor(b->triage), &runtime, NULL))
        die("cannot start");
    while (stats.steps_committed < steps) {
        struct egw_error error;

        if (egw_runtime_turn(runtime, 100, &error))
            die(error.text);
        egw_runtime_stats(runtime, &stats);
        if (!(began > 0) && stats.inputs) {
            began = cpu_s();
            b->heap_at_start = mallinfo2().uordblks + mallinfo2().hblkhd;
            b->entries_at_start = stats.state_entries;
        }
    }
    took = cpu_s() - began;
    egw_runtime_free(runtime);
    egw_triage_free(b->triage);
    return took * 1e6 / (double)steps;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static double median_run(struct bench *b, size_t steps)
{
    double took[ROUNDS];

    for (int i = 0; i < ROUNDS; i++)
        took[i] = run(b, steps);
    qsort(took, ROUNDS, sizeof(took[0]), by_value);
    return took[ROUNDS / 2];
}

static void tell_events(struct bench *b, size_t count)
{
    put_events(b, count, count, "");
    (void)printf("bench step_cpu_us_per_event %.2f\n", median_run(b, count + PARTITIONS));
    (void)printf("bench step_records_per_event %.2f\n", (double)b->written / (double)count);
    (void)printf("bench step_bytes_per_event %.0f\n", (double)b->bytes / (double)count);
}

/* The same events with so many cases open that they have nothing to do with, against none. */
static void tell_open_cases(struct bench *b, size_t count, size_t cases)
{
    double none, many;
    size_t heap, entries;

    put_events(b, 1, 1, "first"); /* so that both runs begin behind the activation */
    b->keep = true;
    (void)run(b, 1 + PARTITIONS);
    b->keep = false;
    put_events(b, count, count, "");
    none = median_run(b, count);
    heap = b->heap_at_start;
    entries = b->entries_at_start;
    for (int32_t p = 0; p < PARTITIONS; p++)
        b->shelves[EVENTS][p].n = (size_t)(b->committed[0][p] < 0 ? 0 : b->committed[0][p]);
    put_events(b, cases, (size_t)1 << 31, "open");
    b->keep = true;
    (void)run(b, cases);
    b->keep = false;
    put_events(b, count, count, "");
    many = median_run(b, count);
    (void)printf("bench step_cpu_with_%zu_open_cases_vs_none %.2f goal <= 1.3%s\n",
                 b->entries_at_start, many / none, many <= 1.3 * none ? "" : "   <-- missed");
    (void)printf("bench step_bytes_per_open_case %.0f\n",
                 (double)(b->heap_at_start - heap) / (double)(b->entries_at_start - entries));
}

static void start(struct bench *b)
{
    b->arena.max = (size_t)8 << 30;
    memset(b->committed, 0xff, sizeof(b->committed));
    if (egw_plans_builtin(&b->plans, NULL))
        die("no plans");
    put_facts(b);
    put_policy(b);
    put_positions(b);
}

int main(int argc, char **argv)
{
    static struct bench alone, beside;
    size_t count = argc > 1 ? strtoul(argv[1], NULL, 10) : 200000;
    size_t cases = argc > 2 ? strtoul(argv[2], NULL, 10) : 1000000;

    start(&alone);
    tell_events(&alone, count);
    egw_arena_free(&alone.arena);
    start(&beside);
    tell_open_cases(&beside, count / 2, cases);
    return 0;
}
