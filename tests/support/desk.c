#define _GNU_SOURCE /* memmem */
#include "support.h"

#include "desk.h"

#include <stdio.h>
#include <stdlib.h>

#include "egw/json.h"
#include "egw/policy_file.h"
#include "egw/schema.h"
#include "egw/triage.h"

struct tail {
    bool on;
    int64_t next;
    bool told;
};

struct desk_impl {
    struct egw_plans *plans;
    struct egw_framing framing;
    struct egw_triage *triage;
    struct egw_runtime *runtime;
    struct egw_policy_files policy;
    struct egw_sha256 manifest;
    /* the port */
    bool told_assignment;
    bool started[DESK_PARTITIONS];
    int64_t reading[2][DESK_PARTITIONS];
    struct tail tails[DESK_TOPICS][DESK_PARTITIONS];
    struct desk_record pending[65536];
    int pending_topic[65536];
    size_t pending_n;
    int64_t committed[2][DESK_PARTITIONS];
    struct egw_log_job *job;
    int64_t mono_ms;
    bool idle;
    bool without_policy;
};

static const char *const input_names[] = {"events", "inbox"};

/* ---- records ---- */

static struct desk_record copy_record(int32_t partition, int64_t timestamp_ms, struct egw_str key,
                                      struct egw_str value)
{
    struct desk_record record = {.partition = partition, .timestamp_ms = timestamp_ms};
    char *bytes = must_alloc(key.n + value.n + 1);

    memcpy(bytes, key.p ? key.p : "", key.n);
    memcpy(bytes + key.n, value.p ? value.p : "", value.n);
    record.key = (struct egw_str){bytes, key.n};
    record.value = value.p ? (struct egw_str){bytes + key.n, value.n} : EGW_STR_NONE;
    return record;
}

static void append(struct desk *desk, int topic, struct desk_record record)
{
    struct desk_topic_log *log = &desk->topics[topic];

    if (log->n == log->room) {
        struct desk_record *grown = must_alloc(2 * (log->room + 32) * sizeof(*grown));

        if (log->n)
            memcpy(grown, log->records, log->n * sizeof(*grown));
        free(log->records);
        log->records = grown;
        log->room = 2 * (log->room + 32);
    }
    record.offset = log->next[record.partition]++;
    log->records[log->n++] = record;
}

void desk_raw(struct desk *desk, enum desk_topic topic, int32_t partition, struct egw_str key,
              struct egw_str value)
{
    append(desk, (int)topic, copy_record(partition, desk->now_ms, key, value));
}

void desk_retry(struct desk *desk, int32_t partition, struct egw_str key, struct egw_str value,
                const char *retry)
{
    struct desk_record record = copy_record(partition, desk->now_ms, key, value);

    record.retry = retry;
    append(desk, DESK_INBOX, record);
}

const struct desk_record *desk_record_at(const struct desk *desk, int topic, int32_t partition,
                                         int64_t offset)
{
    const struct desk_topic_log *log = &desk->topics[topic];

    for (size_t i = 0; i < log->n; i++) {
        if (log->records[i].partition == partition && log->records[i].offset == offset)
            return &log->records[i];
    }
    return NULL;
}

/* ---- the port ---- */

struct egw_log_record desk_log_record(int topic, const struct desk_record *record)
{
    return (struct egw_log_record){.topic = topic,
                                   .partition = record->partition,
                                   .offset = record->offset,
                                   .timestamp_ms = record->timestamp_ms,
                                   .key = record->key,
                                   .value = record->value,
                                   .retry = egw_str_of(record->retry)};
}

static bool poll_tails(struct desk *desk, struct egw_log_event *ret)
{
    for (int topic = 0; topic < DESK_TOPICS; topic++) {
        for (int32_t p = 0; p < DESK_PARTITIONS; p++) {
            struct tail *tail = &desk->impl->tails[topic][p];
            const struct desk_record *record;

            if (!tail->on)
                continue;
            record = desk_record_at(desk, topic, p, tail->next);
            if (record) {
                ret->kind = EGW_LOG_TAIL;
                ret->record = desk_log_record(topic, record);
                tail->next++;
                tail->told = false;
                return true;
            }
            if (!tail->told) {
                ret->kind = EGW_LOG_TAIL_END;
                ret->topic = topic;
                ret->partition = p;
                ret->offset = tail->next;
                tail->told = true;
                return true;
            }
        }
    }
    return false;
}

static bool poll_inputs(struct desk *desk, struct egw_log_event *ret)
{
    for (int input = 0; input < 2; input++) {
        for (int32_t p = 0; p < DESK_PARTITIONS; p++) {
            int64_t *at = &desk->impl->reading[input][p];
            const struct desk_record *record;

            if (!desk->impl->started[p] || *at < 0)
                continue;
            record = desk_record_at(desk, input, p, *at);
            if (!record)
                continue;
            ret->kind = EGW_LOG_INPUT;
            ret->record = desk_log_record(input, record);
            (*at)++;
            return true;
        }
    }
    return false;
}

static void port_poll(void *self, struct egw_log_event *ret)
{
    static const int32_t all[DESK_PARTITIONS] = {0, 1, 2};
    struct desk *desk = self;

    memset(ret, 0, sizeof(*ret));
    desk->impl->idle = false;
    if (!desk->impl->told_assignment) {
        desk->impl->told_assignment = true;
        ret->kind = EGW_LOG_ASSIGN;
        ret->partitions = all;
        ret->partition_count = DESK_PARTITIONS;
        ret->generation = 1;
    } else if (desk->impl->job) {
        desk->impl->job = NULL;
        ret->kind = EGW_LOG_DONE;
    } else if (!poll_tails(desk, ret) && !poll_inputs(desk, ret)) {
        ret->kind = EGW_LOG_IDLE;
        desk->impl->idle = true;
    }
}

static void port_wait(void *self, int64_t ms)
{
    struct desk *desk = self;

    desk->impl->mono_ms += ms;
}

static enum egw_status port_start(void *self, int32_t p, const int64_t *next,
                                  struct egw_error *reterr)
{
    struct desk *desk = self;

    (void)reterr;
    desk->impl->started[p] = true;
    desk->impl->reading[0][p] = next[0];
    desk->impl->reading[1][p] = next[1];
    return EGW_OK;
}

static void port_stop(void *self, int32_t p)
{
    ((struct desk *)self)->impl->started[p] = false;
}

static void port_release(void *self)
{
    (void)self;
}

static enum egw_status port_follow(void *self, int topic, int32_t p, int64_t offset,
                                   struct egw_error *reterr)
{
    (void)reterr;
    ((struct desk *)self)->impl->tails[topic][p] =
        (struct tail){true, offset == EGW_LOG_BEGINNING ? 0 : offset, false};
    return EGW_OK;
}

static void port_unfollow(void *self, int topic, int32_t p)
{
    ((struct desk *)self)->impl->tails[topic][p].on = false;
}

static enum egw_status port_begin(void *self, struct egw_error *reterr)
{
    (void)reterr;
    ((struct desk *)self)->impl->pending_n = 0;
    return EGW_OK;
}

/* p == NULL: it has none. */
static struct egw_str header_of(const struct egw_log_out *out, const char *name)
{
    for (size_t i = 0; i < out->header_count; i++) {
        if (strcmp(out->headers[i].name, name) == 0)
            return out->headers[i].value;
    }
    return EGW_STR_NONE;
}

static enum egw_status port_produce(void *self, const struct egw_log_out *outs, size_t n,
                                    size_t *ret_done, struct egw_error *reterr)
{
    struct desk *desk = self;

    (void)reterr;
    for (size_t i = 0; i < n; i++) {
        struct desk_impl *impl = desk->impl;

        assert_true(impl->pending_n < EGW_COUNT(impl->pending));
        impl->pending[impl->pending_n] =
            copy_record(outs[i].partition, desk->now_ms, outs[i].key, outs[i].value);
        impl->pending[impl->pending_n].dead =
            egw_dead_class_of(header_of(&outs[i], EGW_DEAD_CLASS));
        if (header_of(&outs[i], EGW_RETRY_HEADER).p)
            impl->pending[impl->pending_n].retry =
                egw_arena_printf(&desk->arena, "%.*s",
                                 EGW_FMT(header_of(&outs[i], EGW_RETRY_HEADER)))
                    .p;
        impl->pending_topic[impl->pending_n++] = outs[i].topic;
    }
    *ret_done = n;
    return EGW_OK;
}

static void port_job(void *self, struct egw_log_job *job)
{
    struct desk *desk = self;

    for (size_t i = 0; job->kind == EGW_LOG_LOOKUP && i < job->place_count; i++) {
        struct egw_log_place *place = &job->places[i];

        for (int input = 0; input < 2; input++) {
            place->committed[input] = desk->impl->committed[input][place->partition];
            place->high[input] = desk->topics[input].next[place->partition];
        }
        place->state_end = desk->topics[DESK_CASES].next[place->partition];
    }
    if (job->kind == EGW_LOG_COMMIT) {
        for (size_t i = 0; i < desk->impl->pending_n; i++)
            append(desk, desk->impl->pending_topic[i], desk->impl->pending[i]);
        desk->impl->pending_n = 0;
        for (size_t i = 0; i < job->offset_count; i++) {
            for (int input = 0; input < 2; input++)
                desk->impl->committed[input][job->offsets[i].partition] =
                    job->offsets[i].next[input];
        }
    }
    job->result = EGW_OK;
    desk->impl->job = job;
}

static int64_t port_wall(void *self)
{
    return ((struct desk *)self)->now_ms;
}

static int64_t port_mono(void *self)
{
    return ++((struct desk *)self)->impl->mono_ms;
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

/* ---- the processor's wiring ---- */

static void compile(void *user, const struct egw_sha256 *manifest,
                    const struct egw_policy_file *files, size_t n)
{
    struct desk *desk = user;
    struct egw_policy *policy = NULL;
    struct egw_faults faults = {0};

    if (egw_policy_compile(files, n, &policy, &faults) == EGW_INVALID)
        egw_faults_print(&faults, stderr);
    egw_faults_free(&faults);
    if (policy)
        egw_triage_policy(desk->impl->triage, manifest, policy, NULL);
    desk->impl->without_policy = !policy; /* and the process ends, as a worker's does */
}

static enum egw_status accept_schema(void *user, struct egw_str json, struct egw_error *reterr)
{
    struct desk *desk = user;
    struct egw_plan *plan;
    uint64_t fingerprint;
    enum egw_status st = egw_schema_fingerprint(json, &fingerprint, reterr);

    if (!st)
        st = egw_plan_new(json, &egw_type_support_event, &plan, reterr);
    return st ? st : egw_plans_add_fingerprint(desk->impl->plans, fingerprint, plan);
}

static int escalations(void *user, struct egw_str channel)
{
    (void)user;
    (void)channel;
    return DESK_ESCALATIONS;
}

struct egw_triage_topics desk_triage_topics(void)
{
    return (struct egw_triage_topics){
        .outcomes = DESK_OUTCOMES,
        .inbox = DESK_INBOX,
        .dead_letters = DESK_DEAD_LETTERS,
        .reference = DESK_REFERENCE,
        .policy = DESK_POLICY,
        .escalations = escalations,
        .input_names = {"events", "inbox"},
        .reference_name = "reference",
    };
}

enum egw_status desk_no_schema(void *user, struct egw_str json, struct egw_error *reterr)
{
    (void)user;
    (void)json;
    return egw_error_set(reterr, EGW_INVALID, "none");
}

static enum egw_status open_worker(struct desk *desk, struct egw_error *reterr)
{
    struct egw_triage_topics topics = desk_triage_topics();
    struct egw_triage_ports ports = {.compile = compile, .schema = accept_schema, .user = desk};
    struct egw_runtime_conf conf = {
        .input_names = input_names,
        .input_count = 2,
        .state_topic = DESK_CASES,
        .reference_topic = DESK_REFERENCE,
        .policy_topic = DESK_POLICY,
        .partition_count = DESK_PARTITIONS,
        .plans = desk->impl->plans,
        .framing = &desk->impl->framing,
    };
    struct egw_log log = {&ops, desk};
    enum egw_status st = egw_triage_new(&topics, &ports, &desk->impl->framing, desk->impl->plans,
                                        &desk->impl->triage, reterr);

    return st ? st
              : egw_runtime_new(&conf, log, egw_triage_processor(desk->impl->triage),
                                &desk->impl->runtime, reterr);
}

void desk_stop(struct desk *desk)
{
    egw_runtime_free(desk->impl->runtime);
    egw_triage_free(desk->impl->triage);
    desk->impl->runtime = NULL;
    desk->impl->triage = NULL;
    desk->impl->without_policy = false;
    for (size_t i = 0; i < desk->impl->pending_n; i++)
        free((char *)desk->impl->pending[i].key.p);
    desk->impl->pending_n = 0;
    desk->impl->told_assignment = false;
    desk->impl->job = NULL;
    memset(desk->impl->started, 0, sizeof(desk->impl->started));
    memset(desk->impl->tails, 0, sizeof(desk->impl->tails));
}

void desk_restart(struct desk *desk)
{
    desk_stop(desk);
    desk_run(desk);
}

void desk_run(struct desk *desk)
{
    struct egw_error error = {.text = ""};

    if (desk_try(desk, &error))
        fail_msg("the runtime ended: %s", error.text);
}

struct egw_runtime *desk_runtime(struct desk *desk)
{
    return desk->impl->runtime;
}

enum egw_status desk_try(struct desk *desk, struct egw_error *reterr)
{
    enum egw_status st = desk->impl->runtime ? EGW_OK : open_worker(desk, reterr);
    int quiet = 0;

    for (int turns = 0; !st && quiet < 8; turns++) {
        struct egw_runtime_stats before, after;

        egw_runtime_stats(desk->impl->runtime, &before);
        st = egw_runtime_turn(desk->impl->runtime, 500, reterr);
        if (!st && desk->impl->without_policy)
            st = egw_error_set(reterr, EGW_NOMEM, "no memory for a policy");
        egw_runtime_stats(desk->impl->runtime, &after);
        quiet =
            desk->impl->idle && before.steps == after.steps && before.committed == after.committed
                ? quiet + 1
                : 0;
        if (turns > 100000)
            fail_msg("the desk does not come to rest");
    }
    return st;
}

/* ---- the same again ---- */

void desk_mark(const struct desk *desk, struct desk_mark *ret)
{
    for (int t = 0; t < DESK_TOPICS; t++) {
        ret->n[t] = desk->topics[t].n;
        memcpy(ret->next[t], desk->topics[t].next, sizeof(ret->next[t]));
    }
    memcpy(ret->committed, desk->impl->committed, sizeof(ret->committed));
    ret->outcomes_taken = desk->outcomes_taken;
}

void desk_rewind(struct desk *desk, const struct desk_mark *mark)
{
    desk_stop(desk);
    for (int t = 0; t < DESK_TOPICS; t++) {
        struct desk_topic_log *log = &desk->topics[t];

        while (log->n > mark->n[t])
            free((char *)log->records[--log->n].key.p);
        memcpy(log->next, mark->next[t], sizeof(log->next));
    }
    memcpy(desk->impl->committed, mark->committed, sizeof(mark->committed));
    desk->outcomes_taken = mark->outcomes_taken;
}

/* ---- putting records in ---- */

static struct egw_str write_framed(struct desk *desk, const struct egw_type *type,
                                   const void *record)
{
    struct egw_buf buf = {0};
    struct egw_str made;

    assert_int_equal(egw_encode_framed(&desk->impl->framing, type, record, &buf, NULL), EGW_OK);
    assert_true(egw_arena_str(&desk->arena, egw_buf_str(&buf), &made));
    egw_buf_free(&buf);
    return made;
}

static void *read_line(struct desk *desk, const struct egw_type *type, const char *line)
{
    void *record = egw_arena_alloc(&desk->arena, type->size);
    struct egw_error error;

    assert_non_null(record);
    if (egw_json_read(egw_str_of(line), type, &desk->arena, record, &error))
        fail_msg("%s: %s", line, error.text);
    return record;
}

void desk_fact(struct desk *desk, const char *json_line)
{
    const struct egw_reference *reference = read_line(desk, &egw_type_reference, json_line);
    struct egw_buf key = {0};
    struct egw_error error;

    if (egw_reference_key(reference, &key, &error))
        fail_msg("%s: %s", json_line, error.text);
    desk_raw(desk, DESK_REFERENCE, 0, egw_buf_str(&key),
             write_framed(desk, &egw_type_reference, reference));
    egw_buf_free(&key);
}

void desk_everyday(struct desk *desk)
{
    desk_fact(
        desk,
        DESK_FACT("{\"partner\":{\"partner\":\"litware\",\"kind\":\"indirect-provider\","
                  "\"csp\":true,\"contact_name\":\"Ops\",\"contact_phone\":\"+1 206 555 0100\","
                  "\"contact_email\":\"ops@litware.example\"}}"));
    desk_fact(desk, DESK_FACT("{\"relation\":{\"partner\":\"litware\",\"customer\":\"adatum\","
                              "\"tenant\":\"t-adatum\"}}"));
    desk_fact(desk, DESK_FACT("{\"access\":{\"partner\":\"litware\",\"customer\":\"adatum\","
                              "\"status\":\"active\",\"assigned\":true,"
                              "\"roles\":[\"Service Support Administrator\"]}}"));
    desk_run(desk);
}

void desk_event(struct desk *desk, const char *json_line)
{
    const struct egw_support_event *event = read_line(desk, &egw_type_support_event, json_line);
    struct egw_str key = egw_arena_printf(&desk->arena, "%.*s/%.*s", EGW_FMT(event->partner),
                                          EGW_FMT(event->customer));

    desk_raw(desk, DESK_EVENTS, egw_partition_of(key, DESK_PARTITIONS), key,
             write_framed(desk, &egw_type_support_event, event));
}

void desk_lines(struct desk *desk, const char *path, void (*one)(struct desk *, const char *))
{
    char *text = read_file(path, NULL), *line, *rest = NULL;

    if (!text)
        fail_msg("cannot read %s", path);
    for (line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
        one(desk, line);
    free(text);
}

void desk_schema(struct desk *desk, const char *json)
{
    struct egw_policy_content content = {
        .manifest = EGW_STR(""), .name = EGW_STR("egw.SupportEvent"), .content = egw_str_of(json)};

    desk_raw(desk, DESK_POLICY, 0, EGW_STR("schema"),
             write_framed(desk, &egw_type_policy_content, &content));
}

/* Of the catalogue only the sign-in errors: compiling all of it takes a second for each test. */
static void keep_small(struct egw_policy_files *files)
{
    size_t kept = 0;

    for (size_t i = 0; i < files->n; i++) {
        if (memchr(files->files[i].name.p, '/', files->files[i].name.n) &&
            !memmem(files->files[i].name.p, files->files[i].name.n, "catalogue/entra", 15))
            continue;
        files->files[kept++] = files->files[i];
    }
    files->n = kept;
}

/* The files become the policy in force: their contents first, then an activation everywhere. */
static void activate(struct desk *desk, int64_t number)
{
    struct desk_impl *impl = desk->impl;
    char hex[2 * EGW_SHA256 + 1];
    struct egw_policy_activation activation = {.number = number, .by = EGW_STR("test")};

    assert_int_equal(egw_policy_manifest(impl->policy.files, impl->policy.n, &impl->manifest),
                     EGW_OK);
    egw_hex(impl->manifest.b, EGW_SHA256, hex);
    for (size_t i = 0; i < impl->policy.n; i++) {
        struct egw_policy_content content = {.manifest = {hex, 2 * EGW_SHA256},
                                             .name = impl->policy.files[i].name,
                                             .files = (int32_t)impl->policy.n,
                                             .content = impl->policy.files[i].content};
        struct egw_sha256 digest;

        egw_sha256(content.content.p, content.content.n, &digest);
        memcpy(content.digest, digest.b, EGW_SHA256);
        desk_raw(desk, DESK_POLICY, 0, content.name,
                 write_framed(desk, &egw_type_policy_content, &content));
    }
    activation.manifest = (struct egw_str){hex, 2 * EGW_SHA256};
    for (int32_t p = 0; p < DESK_PARTITIONS; p++)
        desk_raw(desk, DESK_INBOX, p, EGW_STR("#activation"),
                 write_framed(desk, &egw_type_policy_activation, &activation));
}

static void put_policy(struct desk *desk)
{
    struct egw_error error;

    if (egw_policy_read(EGW_SOURCE_DIR "/config/policy", EGW_SOURCE_DIR "/config/catalogue",
                        &desk->impl->policy, &error))
        fail_msg("%s", error.text);
    keep_small(&desk->impl->policy);
    activate(desk, 1);
}

void desk_amend(struct desk *desk, const char *name, const char *content)
{
    struct egw_policy_files *policy = &desk->impl->policy;
    size_t n = policy->n;
    struct egw_policy_file *files =
        egw_arena_alloc(&policy->arena, (n + 1) * sizeof(*files)); /* freed with the rest */

    assert_non_null(files);
    memcpy(files, policy->files, n * sizeof(*files));
    files[n] = (struct egw_policy_file){egw_str_of(name), egw_str_of(content)};
    policy->files = files;
    policy->n = n + 1;
    activate(desk, 2);
    desk_run(desk);
}

static void put_positions(struct desk *desk)
{
    struct egw_input_position inputs[2] = {{.topic = EGW_STR("events"), .last = -1},
                                           {.topic = EGW_STR("inbox"), .last = -1}};
    struct egw_position position = {
        .version = 1, .partition_count = DESK_PARTITIONS, .inputs = {inputs, 2}};

    for (int32_t p = 0; p < DESK_PARTITIONS; p++)
        desk_raw(desk, DESK_CASES, p, EGW_STR(EGW_POSITION_KEY),
                 write_framed(desk, &egw_type_position, &position));
}

struct desk *desk_new(int64_t now_ms)
{
    struct desk *desk = calloc(1, sizeof(*desk));

    assert_non_null(desk);
    desk->impl = calloc(1, sizeof(*desk->impl));
    assert_non_null(desk->impl);
    desk->now_ms = now_ms;
    memset(desk->impl->committed, -1, sizeof(desk->impl->committed));
    assert_int_equal(egw_plans_builtin(&desk->impl->plans, NULL), EGW_OK);
    put_positions(desk);
    put_policy(desk);
    desk_run(desk);
    desk->outcomes_taken = desk->topics[DESK_OUTCOMES].n; /* the activations */
    return desk;
}

void desk_free(struct desk *desk)
{
    desk_stop(desk);
    egw_plans_free(desk->impl->plans);
    egw_policy_files_free(&desk->impl->policy);
    for (int t = 0; t < DESK_TOPICS; t++) {
        for (size_t i = 0; i < desk->topics[t].n; i++)
            free((char *)desk->topics[t].records[i].key.p);
        free(desk->topics[t].records);
    }
    egw_arena_free(&desk->arena);
    free(desk->impl);
    free(desk);
}

/* ---- looking at what came out ---- */

static const void *read_record(struct desk *desk, const struct egw_type *type,
                               const struct desk_record *from)
{
    struct egw_frame frame = egw_frame_read(from->value);
    const struct egw_plan *plan;
    void *record = egw_arena_alloc(&desk->arena, type->size);
    struct egw_error error = {.text = ""};

    assert_non_null(record);
    assert_int_equal(egw_plans_find(desk->impl->plans, &frame, &plan, &error), EGW_OK);
    assert_ptr_equal(egw_plan_reader(plan), type);
    if (egw_decode(plan, frame.body.p, frame.body.n, &desk->arena, record, &error))
        fail_msg("%s", error.text);
    return record;
}

const struct egw_outcome *desk_outcome(struct desk *desk, const char *case_id)
{
    struct desk_topic_log *log = &desk->topics[DESK_OUTCOMES];

    while (desk->outcomes_taken < log->n) {
        const struct egw_outcome *outcome =
            read_record(desk, &egw_type_outcome, &log->records[desk->outcomes_taken++]);

        if (!*case_id || egw_str_is(outcome->case_id, case_id))
            return outcome;
    }
    return NULL;
}

const struct egw_outcome *desk_expect(struct desk *desk, const char *case_id, const char *want)
{
    const struct egw_outcome *outcome = desk_outcome(desk, case_id);
    char got[128];

    if (!outcome) {
        fail_msg("%s: no outcome, wanted %s", case_id, want);
        return NULL;
    }
    (void)snprintf(got, sizeof(got), "%s%s%.*s", egw_action_names[outcome->action],
                   outcome->code.n ? "/" : "", EGW_FMT(outcome->code));
    if (strcmp(got, want) != 0)
        fail_msg("%s: %s, wanted %s (%.*s: %.*s)", case_id, got, want, EGW_FMT(outcome->rule),
                 EGW_FMT(outcome->because));
    return outcome;
}

void desk_expect_nothing(struct desk *desk)
{
    const struct egw_outcome *outcome = desk_outcome(desk, "");

    if (outcome)
        fail_msg("%s/%.*s", egw_action_names[outcome->action], EGW_FMT(outcome->code));
}

const struct egw_escalation *desk_command(struct desk *desk, const char *case_id)
{
    struct desk_topic_log *log = &desk->topics[DESK_ESCALATIONS];
    const struct egw_escalation *last = NULL;

    for (size_t i = 0; i < log->n; i++) {
        const struct egw_escalation *command =
            read_record(desk, &egw_type_escalation, &log->records[i]);

        if (egw_str_is(command->case_id, case_id))
            last = command;
    }
    return last;
}

size_t desk_count(const struct desk *desk, enum desk_topic topic)
{
    return desk->topics[topic].n;
}

const char *desk_fact_value(const struct egw_outcome *outcome, const char *name)
{
    const struct egw_fact *facts = outcome->facts.p;
    static char value[128];

    for (size_t i = 0; i < outcome->facts.n; i++) {
        if (egw_str_is(facts[i].name, name)) {
            (void)snprintf(value, sizeof(value), "%.*s", EGW_FMT(facts[i].value));
            return value;
        }
    }
    return NULL;
}
