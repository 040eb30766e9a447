/*
 * What an event costs in our own code: runtime and triage over a log that costs nothing. No Kafka,
 * so that a profile of this program shows only what we can change.
 *
 * usage: bench_step [EVENTS]
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "egw/json.h"
#include "egw/policy_file.h"
#include "egw/runtime.h"
#include "egw/schema.h"
#include "egw/triage.h"

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
        if (b->started[p] &&
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
    for (size_t i = 0; i < n; i++)
        b->bytes += outs[i].key.n + outs[i].value.n;
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
            place->committed[input] = -1;
            place->high[input] = (int64_t)b->shelves[input][place->partition].n;
        }
        place->state_end = (int64_t)b->shelves[CASES][place->partition].n;
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

/* The work of peers: 632 distinct cases in 1,000 events, five in eight go up, 428 bytes. */
static void put_events(struct bench *b, size_t count)
{
    char customer[16], case_id[24], event_id[24], key[32];
    static const char filler[] =
        "The desk wrote this much more. The desk wrote this much more. The desk wrote this much "
        "more. "
        "The desk wrote this much more. The desk wrote this much more. The desk wrote this";
    uint64_t random = 1;

    for (size_t i = 0; i < count; i++) {
        size_t number;
        bool up;
        struct egw_diagnosis step = {.kind = EGW_STR("check"),
                                     .step = EGW_STR("compared with the order"),
                                     .result = EGW_STR("one order")};
        struct egw_support_event event = {.event_type = EGW_STR("opened"),
                                          .partner = EGW_STR("litware"),
                                          .occurred_at = 1767601000000,
                                          .ask = EGW_STR("issue"),
                                          .severity = EGW_STR("C"),
                                          .title = EGW_STR("A case of the bench"),
                                          .source_system = EGW_STR("psa")};

        random = random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        number = (size_t)(random >> 33) % count;
        up = number * 2654435761u % 8 < 5;
        (void)snprintf(customer, sizeof(customer), "c%04zu", number % CUSTOMERS);
        (void)snprintf(case_id, sizeof(case_id), "K-%zu", number);
        (void)snprintf(event_id, sizeof(event_id), "e-%zu", i);
        (void)snprintf(key, sizeof(key), "litware/%s", customer);
        event.event_id = egw_str_of(event_id);
        event.customer = egw_str_of(customer);
        event.case_id = egw_str_of(case_id);
        event.domain = up ? EGW_STR("billing") : EGW_STR("technical");
        event.service = up ? EGW_STR("Office 365") : EGW_STR("Entra ID");
        event.text = up ? egw_str_of(filler)
                        : EGW_STR("User sees AADSTS50057 at sign-in. The desk wrote "
                                  "this much more. The desk wrote this much more.");
        if (up)
            event.diagnosis = (struct egw_list){&step, 1};
        put(b, EVENTS, egw_partition_of(egw_str_of(key), PARTITIONS), egw_str_of(key),
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

/* CPU microseconds an event, from the first to the last. */
static double run(struct bench *b, size_t count)
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
    while (stats.steps_committed < count + PARTITIONS) {
        struct egw_error error;

        if (egw_runtime_turn(runtime, 100, &error))
            die(error.text);
        egw_runtime_stats(runtime, &stats);
        if (!(began > 0) && stats.inputs)
            began = cpu_s();
    }
    took = cpu_s() - began;
    egw_runtime_free(runtime);
    egw_triage_free(b->triage);
    return took * 1e6 / (double)count;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
    static struct bench b;
    size_t count = argc > 1 ? strtoul(argv[1], NULL, 10) : 200000;
    double took[ROUNDS];

    b.arena.max = (size_t)4 << 30;
    if (egw_plans_builtin(&b.plans, NULL))
        die("no plans");
    put_facts(&b);
    put_policy(&b);
    put_positions(&b);
    put_events(&b, count);
    for (int i = 0; i < ROUNDS; i++)
        took[i] = run(&b, count);
    qsort(took, ROUNDS, sizeof(took[0]), by_value);
    (void)printf("bench step_cpu_us_per_event %.2f\n", took[ROUNDS / 2]);
    (void)printf("bench step_records_per_event %.2f\n", (double)b.written / (double)count);
    (void)printf("bench step_bytes_per_event %.0f\n", (double)b.bytes / (double)count);
    return 0;
}
