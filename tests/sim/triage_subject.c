/* Triage in the simulation: the shipped policy, customers with cases, facts that change. */
#define _GNU_SOURCE /* memmem */
#include "subject.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "egw/facts.h"
#include "egw/json.h"
#include "egw/policy_file.h"
#include "egw/triage.h"
#include "triage_again.h"

enum {
    PARTITIONS = 6,
    CUSTOMERS = 24,
    POLICY_FILES_MAX = 24
}; /* enough for a key in every partition */

enum topic {
    EVENTS,
    INBOX,
    CASES,
    OUTCOMES,
    DEAD_LETTERS,
    ESCALATIONS, /* one for all channels */
    REFERENCE,
    POLICY,
    TOPICS,
};

static const struct memtopic_conf TOPIC_CONF[TOPICS] = {
    {"events", PARTITIONS},
    {"inbox", PARTITIONS},
    {"cases", PARTITIONS},
    {"outcomes", PARTITIONS},
    {"dead-letters", PARTITIONS},
    {"escalations", PARTITIONS},
    {"reference", 1},
    {"policy", 1},
};
static const char *const INPUT_NAMES[] = {"events", "inbox"};
static const int COMMANDS[] = {ESCALATIONS};

/* ---- one process ---- */

enum { WANTED_MAX = 4 };

/* A policy that was asked for and is not compiled yet. */
struct wanted {
    struct egw_sha256 manifest;
    const struct egw_policy_file *files;
    size_t n;
};

struct desk {
    struct egw_triage *triage;
    struct wanted wanted[WANTED_MAX];
    size_t wanted_n;
};

static void want_policy(void *user, const struct egw_sha256 *manifest,
                        const struct egw_policy_file *files, size_t n)
{
    struct desk *desk = user;

    if (desk->wanted_n == WANTED_MAX)
        abort();
    desk->wanted[desk->wanted_n++] = (struct wanted){*manifest, files, n};
}

static enum egw_status refuse_schema(void *user, struct egw_str json, struct egw_error *reterr)
{
    (void)user;
    (void)json;
    return egw_error_set(reterr, EGW_INVALID, "no schema is accepted here");
}

static int escalations(void *user, struct egw_str channel)
{
    (void)user;
    (void)channel;
    return ESCALATIONS;
}

static void must(enum egw_status st, const struct egw_error *error)
{
    if (st) {
        fprintf(stderr, "sim: %s\n", error->text);
        abort();
    }
}

static void *open_desk(struct egw_plans *plans, const struct egw_framing *framing)
{
    struct desk *desk = sim_zalloc(sizeof(*desk));
    struct egw_triage_topics topics = {
        .outcomes = OUTCOMES,
        .inbox = INBOX,
        .dead_letters = DEAD_LETTERS,
        .reference = REFERENCE,
        .policy = POLICY,
        .escalations = escalations,
        .input_names = {"events", "inbox"},
        .reference_name = "reference",
    };
    struct egw_triage_ports ports = {.compile = want_policy, .schema = refuse_schema, .user = desk};
    struct egw_error error;

    must(egw_triage_new(&topics, &ports, framing, plans, &desk->triage, &error), &error);
    return desk;
}

static void close_desk(void *self)
{
    struct desk *desk = self;

    egw_triage_free(desk->triage);
    free(desk);
}

static const struct egw_processor *processor_of(void *self)
{
    return egw_triage_processor(((struct desk *)self)->triage);
}

/* The workshop of a real process: the policy is there a turn later. */
static bool between(void *self)
{
    struct desk *desk = self;
    struct egw_policy *policy = NULL;
    struct egw_faults faults = {0};
    struct egw_error error;
    struct wanted wanted;

    if (desk->wanted_n == 0)
        return false;
    wanted = desk->wanted[--desk->wanted_n];
    if (egw_policy_compile(wanted.files, wanted.n, &policy, &faults))
        egw_error_set(&error, EGW_INVALID, "%s", faults.n ? faults.texts[0] : "no memory");
    egw_triage_policy(desk->triage, &wanted.manifest, policy, policy ? NULL : &error);
    egw_faults_free(&faults);
    return true;
}

/* ---- inputs ---- */

static void append_record(struct sim_feed *feed, int topic, int32_t p, struct egw_str key,
                          const struct egw_type *type, const void *record)
{
    struct egw_buf buf = {0};
    struct egw_error error;

    must(egw_encode_framed(feed->framing, type, record, &buf, &error), &error);
    memcluster_append(feed->cluster, topic, p, key, egw_buf_str(&buf));
    egw_buf_free(&buf);
}

static void append_fact(struct sim_feed *feed, const char *line)
{
    struct egw_arena arena = {0};
    struct egw_reference reference;
    struct egw_buf key = {0};
    struct egw_error error;

    must(egw_json_read(egw_str_of(line), &egw_type_reference, &arena, &reference, &error), &error);
    must(egw_reference_key(&reference, &key, &error), &error);
    append_record(feed, REFERENCE, 0, egw_buf_str(&key), &egw_type_reference, &reference);
    egw_buf_free(&key);
    egw_arena_free(&arena);
}

/* %02d: the minute its source vouches for. */
#define AS_OF "{\"as_of\": \"2026-01-05T07:%02d:00.000Z\", \"source\": \"sim\", \"body\": "

/* Not always later than the one before: the log's order counts, whatever the source says. */
static int as_of(struct sim_feed *feed)
{
    int minute = (int)sched_between(feed->sched, 40, 59);

    feed->sched->hits[HIT_REFERENCE_OLDER] += minute < feed->as_of;
    feed->as_of = minute;
    return minute;
}

static void relate(struct sim_feed *feed, int customer)
{
    char line[600];

    snprintf(line, sizeof(line),
             AS_OF "{\"relation\": {\"partner\": \"litware\", \"customer\": \"customer-%02d\", "
                   "\"tenant\": \"3f1c0b5e-2c1d-4f6a-9a57-0d6d1a9c%04d\", \"domains\": "
                   "[\"customer-%02d.example\"]}}}",
             as_of(feed), customer, customer, customer);
    append_fact(feed, line);
}

static void grant(struct sim_feed *feed, int customer, bool active)
{
    char line[600];

    snprintf(line, sizeof(line),
             AS_OF "{\"access\": {\"partner\": \"litware\", \"customer\": \"customer-%02d\", "
                   "\"status\": \"%s\", \"assigned\": true, \"roles\": [\"Service Support "
                   "Administrator\"], \"ends_at\": \"2027-01-05T00:00:00.000Z\"}}}",
             as_of(feed), customer, active ? "active" : "expired");
    append_fact(feed, line);
}

static void report_health(struct sim_feed *feed, int customer, bool well)
{
    char line[900];

    snprintf(line, sizeof(line),
             AS_OF "{\"health_issue\": {\"customer\": \"customer-%02d\", \"id\": \"EX7%02d\", "
                   "\"service\": \"exchange-online\", \"feature\": \"mail flow\", "
                   "\"classification\": \"incident\", \"status\": \"%s\", \"resolved\": %s, "
                   "\"starts_at\": \"2026-01-05T07:50:00.000Z\", \"title\": \"Delays\"}}}",
             as_of(feed), customer, customer, well ? "serviceRestored" : "serviceDegradation",
             well ? "true" : "false");
    append_fact(feed, line);
    snprintf(line, sizeof(line),
             AS_OF "{\"health_snapshot\": {\"customer\": \"customer-%02d\", \"service\": "
                   "\"exchange-online\", \"status\": \"%s\", \"issues\": [\"EX7%02d\"]}}}",
             as_of(feed), customer, well ? "serviceOperational" : "serviceDegradation", customer);
    append_fact(feed, line);
}

static struct egw_str append_text(struct egw_arena *arena, struct egw_str a, struct egw_str b)
{
    return egw_arena_printf(arena, "%.*s%.*s", (int)a.n, a.p, (int)b.n, b.p);
}

/* Of the catalogue only these lines: compiling all of it takes a second for each process. */
static struct egw_str few_lines(struct egw_str table, struct egw_arena *arena)
{
    struct egw_str kept = EGW_STR("");
    const char *end = table.p + table.n, *line = table.p;

    for (int n = 0; line < end; n++) {
        const char *stop = memchr(line, '\n', (size_t)(end - line));
        size_t len = (size_t)((stop ? stop + 1 : end) - line);

        if (n < 6 || memmem(line, len, "AADSTS50057\t", 12))
            kept = append_text(arena, kept, (struct egw_str){line, len});
        line += len;
    }
    return kept;
}

static void keep_small(struct egw_policy_files *files)
{
    size_t kept = 0;

    for (size_t i = 0; i < files->n; i++) {
        struct egw_policy_file file = files->files[i];

        if (memmem(file.name.p, file.name.n, "catalogue/entra", 15))
            file.content = few_lines(file.content, &files->arena);
        else if (memchr(file.name.p, '/', file.name.n))
            continue;
        files->files[kept++] = file;
    }
    files->n = kept;
}

/* What is published of one policy, made once for all worlds. */
struct published {
    struct egw_buf keys[POLICY_FILES_MAX], values[POLICY_FILES_MAX];
    size_t n;
    char manifest[2 * EGW_SHA256 + 1];
};

static void publish(struct sim_feed *feed, const struct egw_policy_files *files,
                    struct published *ret)
{
    struct egw_sha256 digest;
    struct egw_error error;

    must(egw_policy_manifest(files->files, files->n, &digest), &error);
    egw_hex(digest.b, EGW_SHA256, ret->manifest);
    for (size_t i = 0; i < files->n && i < POLICY_FILES_MAX; i++) {
        struct egw_policy_content content = {.manifest = egw_str_of(ret->manifest),
                                             .name = files->files[i].name,
                                             .files = (int32_t)files->n,
                                             .content = files->files[i].content};

        egw_sha256(content.content.p, content.content.n, &digest);
        memcpy(content.digest, digest.b, EGW_SHA256);
        must(egw_buf_printf(&ret->keys[i], "policy/%s/%.*s", ret->manifest, EGW_FMT(content.name)),
             &error);
        must(egw_encode_framed(feed->framing, &egw_type_policy_content, &content, &ret->values[i],
                               &error),
             &error);
        ret->n = i + 1;
    }
}

/* Two that decide otherwise, so that it matters which is in force: the second knows no errors. */
static void read_policy(int variant, struct egw_policy_files *ret)
{
    struct egw_error error;
    size_t kept = 0;

    must(egw_policy_read(EGW_SOURCE_DIR "/config/policy", EGW_SOURCE_DIR "/config/catalogue", ret,
                         &error),
         &error);
    keep_small(ret);
    for (size_t i = 0; i < ret->n; i++) {
        if (!variant || !memchr(ret->files[i].name.p, '/', ret->files[i].name.n))
            ret->files[kept++] = ret->files[i];
    }
    ret->n = kept;
}

static const struct published *policies(struct sim_feed *feed)
{
    static struct published both[2];

    for (int i = 0; i < 2 && !both[i].n; i++) {
        struct egw_policy_files files;

        read_policy(i, &files);
        publish(feed, &files, &both[i]);
        egw_policy_files_free(&files);
    }
    return both;
}

/* As egw activate does: one record for each partition; in each its place among events counts. */
static void activate(struct sim_feed *feed, int64_t number)
{
    struct egw_policy_activation activation = {.manifest =
                                                   egw_str_of(policies(feed)[number % 2].manifest),
                                               .number = number,
                                               .by = EGW_STR("sim")};

    for (int32_t p = 0; p < PARTITIONS; p++)
        append_record(feed, INBOX, p, EGW_STR("#activation"), &egw_type_policy_activation,
                      &activation);
}

static void append_policies(struct sim_feed *feed)
{
    const struct published *both = policies(feed);

    for (size_t k = 0; k < 2; k++)
        for (size_t i = 0; i < both[k].n; i++)
            memcluster_append(feed->cluster, POLICY, 0, egw_buf_str(&both[k].keys[i]),
                              egw_buf_str(&both[k].values[i]));
    activate(feed, feed->activation = 1);
}

/* Another policy comes into force; or its activation is sent again, as who got no answer does. */
static void feed_activation(struct sim_feed *feed)
{
    if (sched_chance(feed->sched, 5000)) {
        feed->activation++;
    } else {
        feed->sched->hits[HIT_ACTIVATION_TWICE]++;
    }
    activate(feed, feed->activation);
}

static void feed_fact(struct sim_feed *feed)
{
    if (sched_chance(feed->sched, 2000))
        feed_activation(feed);
    for (int n = 0; n < 4; n++) {
        int customer = (int)sched_pick(feed->sched, CUSTOMERS);
        bool good = sched_chance(feed->sched, 5000);

        if (sched_chance(feed->sched, 5000))
            grant(feed, customer, good);
        else
            report_health(feed, customer, good);
    }
}

#define FIRST "{\"as_of\": \"2026-01-05T07:59:00.000Z\", \"source\": \"sim\", \"body\": "

static void prepare(struct sim_feed *feed)
{
    append_policies(feed);
    append_fact(feed, FIRST "{\"partner\": {\"partner\": \"litware\", \"kind\": "
                            "\"indirect-provider\", \"csp\": true}}}");
    append_fact(feed, FIRST "{\"contract\": {\"partner\": \"litware\", \"plan\": \"advanced\", "
                            "\"starts_at\": \"2025-07-01T00:00:00.000Z\", \"ends_at\": "
                            "\"2026-06-30T00:00:00.000Z\"}}}");
    for (int c = 0; c < CUSTOMERS; c++) {
        relate(feed, c);
        grant(feed, c, c % 3 != 0);
        report_health(feed, c, c % 4 != 0);
    }
}

/* Four events a case, other cases between them: opened, two of its life, and half are closed. All
 * of an event hangs on its number. */
static int64_t case_of(int64_t id)
{
    return id / 256 * 64 + id % 64;
}

static const char *type_of(int64_t id)
{
    static const char *const middle[] = {"updated", "diagnosed", "attempt", "confirmed", "cleared"};
    int64_t step = id / 64 % 4;

    if (step == 0)
        return "opened";
    return step == 3 && id % 2 ? "closed" : middle[(id + step) % (int64_t)EGW_COUNT(middle)];
}

static void append_event(struct sim_feed *feed, int64_t id)
{
    struct egw_support_event event = {.event_id = EGW_STR("")};
    struct egw_arena arena = {0};
    struct egw_error error;
    struct egw_str key;
    char line[1600];
    int64_t number = case_of(id);
    int32_t p;

    snprintf(line, sizeof(line),
             "{\"event_id\": \"E-%" PRId64 "\", \"event_type\": \"%s\", \"partner\": \"litware\", "
             "\"customer\": \"customer-%02d\", \"case_id\": \"C-%" PRId64 "\", \"occurred_at\": "
             "\"2026-01-05T07:58:00.000Z\", \"ask\": \"issue\", \"domain\": \"technical\", "
             "\"service\": \"%s\", \"feature\": \"mail flow\", \"symptom\": \"%s\", \"severity\": "
             "\"%c\", \"impact\": \"nobody works\", \"available_24x7\": true, \"started_at\": "
             "\"2026-01-05T07:55:00.000Z\", \"title\": \"Something is wrong\", \"text\": \"%s\", "
             "\"language\": \"en\", "
             "\"scope\": \"tenant\", \"problem\": \"%s\", \"diagnosis\": [{\"kind\": \"attempt\", "
             "\"step\": \"tried again\", \"result\": \"the same\", \"resolved\": false, \"at\": "
             "\"2026-01-05T07:58:00.000Z\"}], \"actor_role\": \"desk\", \"contact\": {\"name\": "
             "\"Desk\", \"email\": \"desk@litware.example\", \"phone\": \"+1\"}, "
             "\"source_system\": \"psa\", \"source_record\": \"C-%" PRId64 "\"}",
             id, type_of(id), (int)(number % CUSTOMERS), number,
             number % 2 ? "Exchange Online" : "Dynamics 365", number % 2 ? "degraded" : "error",
             "ABC"[number % 3], number % 5 ? "it does not work" : "AADSTS50057 at sign-in",
             number % 7 == 3 ? "P-shared" : "", number);
    must(egw_json_read(egw_str_of(line), &egw_type_support_event, &arena, &event, &error), &error);
    key = egw_arena_printf(&arena, "litware/customer-%02d", (int)(number % CUSTOMERS));
    p = egw_partition_of(key, PARTITIONS);
    if (sched_chance(feed->sched, 300)) {
        feed->sched->hits[HIT_WRONG_PARTITION]++;
        p = (p + 1) % PARTITIONS;
    }
    append_record(feed, EVENTS, p, key, &egw_type_support_event, &event);
    egw_arena_free(&arena);
}

static void append_garbage(struct sim_feed *feed)
{
    unsigned char bytes[40];

    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (unsigned char)sched_pick(feed->sched, 256);
    memcluster_append(feed->cluster, EVENTS, (int32_t)sched_pick(feed->sched, PARTITIONS),
                      EGW_STR("who/knows"), (struct egw_str){(const char *)bytes, sizeof(bytes)});
}

static void feed_event(struct sim_feed *feed)
{
    append_event(feed, feed->fed++);
    if (sched_chance(feed->sched, 100))
        append_garbage(feed);
    if (sched_chance(feed->sched, 400) && feed->fed > 30) {
        feed->sched->hits[HIT_DUPLICATE_EVENT]++;
        append_event(feed, feed->fed - 1 - (int64_t)sched_pick(feed->sched, 30));
    }
}

/* ---- what it left behind ---- */

static bool read_record(struct egw_plans *plans, struct egw_str value, const struct egw_type *type,
                        struct egw_arena *arena, void *ret)
{
    struct egw_frame frame = egw_frame_read(value);
    const struct egw_plan *plan;

    return egw_plans_find(plans, &frame, &plan, NULL) == EGW_OK && egw_plan_reader(plan) == type &&
           egw_decode(plan, frame.body.p, frame.body.n, arena, ret, NULL) == EGW_OK;
}

static bool decode(struct egw_plans *plans, struct egw_str value, struct egw_arena *arena,
                   struct sim_outcome *ret)
{
    struct egw_outcome o;

    if (!read_record(plans, value, &egw_type_outcome, arena, &o))
        return false;
    *ret = (struct sim_outcome){
        .chain = o.chain,
        .seq = o.seq,
        .kind = o.trigger.kind == EGW_TRIGGER_KIND_EVENT   ? EGW_INPUT_RECORD
                : o.trigger.kind == EGW_TRIGGER_KIND_TIMER ? EGW_INPUT_TIMER
                                                           : EGW_INPUT_FACT,
        .topic = egw_str_is(o.trigger.topic, "events")  ? EVENTS
                 : egw_str_is(o.trigger.topic, "inbox") ? INBOX
                                                        : -1,
        .partition = o.trigger.partition,
        .offset = o.trigger.offset,
        .prev_offset = o.trigger.prev_offset,
        .digested = o.trigger.digest != NULL,
        .now_ms = o.decided_at,
        .knew = o.facts_offset.v,
        .about = egw_arena_printf(arena, "%.*s/%.*s/%.*s", EGW_FMT(o.partner), EGW_FMT(o.customer),
                                  EGW_FMT(o.case_id)),
    };
    memcpy(ret->prev, o.prev, EGW_SHA256);
    ret->sources = o.sources.p;
    ret->source_count = o.sources.n;
    ret->activated = o.action == EGW_ACTION_POLICY_ACTIVATED;
    ret->activation = o.activation;
    ret->has_command = o.command_id != NULL;
    if (o.command_id)
        memcpy(ret->command, o.command_id, EGW_SHA256);
    if (o.action != EGW_ACTION_DUPLICATE && o.action != EGW_ACTION_PASSED_ON && o.event_id.n)
        ret->event_id = o.event_id;
    if (o.trigger.digest)
        memcpy(ret->digest, o.trigger.digest, EGW_SHA256);
    return true;
}

/* Of a case the outcomes tell which events it has to remember, under which number and digest. */
static void fold(const struct memcluster *cluster, struct sim_outcome *o,
                 const struct memrecord *input, struct egw_table *expected, struct egw_arena *arena,
                 struct egw_str *ret_key)
{
    struct egw_str held = EGW_STR(""), grown;
    char hex[2 * EGW_SHA256 + 1];

    (void)cluster;
    (void)input;
    *ret_key = EGW_STR_NONE;
    if (!o->event_id.p)
        return;
    (void)egw_table_get(expected, o->about, &held);
    egw_hex(o->digest, EGW_SHA256, hex);
    grown = egw_arena_printf(arena, "%.*s%.*s %" PRId64 " %s\n", (int)held.n, held.p,
                             EGW_FMT(o->event_id), o->seq, hex);
    if (egw_table_put(expected, o->about, grown))
        abort();
    *ret_key = o->about;
}

static bool agrees(struct egw_plans *plans, struct egw_str key, struct egw_str expected,
                   const struct egw_table *actual, struct egw_arena *arena)
{
    struct egw_str held, text = EGW_STR("");
    const struct egw_seen_event *seen;
    struct egw_case_entry entry;
    char hex[2 * EGW_SHA256 + 1];

    if (!egw_table_get(actual, key, &held) ||
        !read_record(plans, held, &egw_type_case_entry, arena, &entry))
        return false;
    seen = entry.recent.p;
    for (size_t i = 0; i < entry.recent.n; i++) {
        egw_hex(seen[i].digest, EGW_SHA256, hex);
        text = egw_arena_printf(arena, "%.*s%.*s %" PRId64 " %s\n", (int)text.n, text.p,
                                EGW_FMT(seen[i].event_id), seen[i].seq, hex);
    }
    return egw_str_eq(text, expected);
}

static bool command_id(struct egw_plans *plans, struct egw_str value, struct egw_arena *arena,
                       unsigned char ret[EGW_SHA256])
{
    struct egw_escalation escalation;

    if (!read_record(plans, value, &egw_type_escalation, arena, &escalation))
        return false;
    memcpy(ret, escalation.command_id, EGW_SHA256);
    return true;
}

/* ---- decided again ---- */

struct compiled {
    struct egw_policy *policy[2];
};

static const struct egw_policy *policy_of(void *user, const unsigned char *manifest)
{
    const struct compiled *compiled = user;

    for (int i = 0; manifest && i < 2; i++) {
        if (memcmp(egw_policy_hash(compiled->policy[i])->b, manifest, EGW_SHA256) == 0)
            return compiled->policy[i];
    }
    return NULL;
}

static void compile_both(struct compiled *ret)
{
    for (int i = 0; i < 2; i++) {
        struct egw_policy_files files;
        struct egw_faults faults = {0};

        read_policy(i, &files);
        if (egw_policy_compile(files.files, files.n, &ret->policy[i], &faults))
            abort();
        egw_policy_files_free(&files);
    }
}

static void learn_policies(struct desk *desk, const struct memcluster *cluster)
{
    const struct egw_processor *processor = processor_of(desk);
    const struct memrecord *found;
    struct egw_str fact;
    struct egw_error error;

    for (int64_t at = 0; (found = memcluster_read(cluster, POLICY, 0, &at)); at++) {
        struct egw_log_record record = {
            .topic = POLICY, .offset = at, .key = found->key, .value = found->value};

        must(processor->learn(processor->self, &record, &fact, &error), &error);
    }
    while (between(desk))
        ;
}

static bool again(const struct memcluster *cluster, struct egw_plans *plans,
                  const struct egw_framing *framing, int64_t *checked, char *why, size_t why_n)
{
    struct compiled compiled = {.policy = {NULL}};
    struct triage_again conf = {
        .cluster = cluster,
        .plans = plans,
        .input_names = INPUT_NAMES,
        .outcomes = OUTCOMES,
        .reference = REFERENCE,
        .policy_of = policy_of,
        .user = &compiled,
    };
    struct triage_again_counts counts = {0};
    bool fine = true;

    compile_both(&compiled);
    for (int32_t p = 0; p < PARTITIONS && fine; p++) {
        struct desk *desk = open_desk(plans, framing);

        learn_policies(desk, cluster);
        conf.triage = desk->triage;
        fine = triage_again(&conf, p, &counts, why, why_n);
        close_desk(desk);
    }
    for (int i = 0; i < 2; i++)
        egw_policy_free(compiled.policy[i]);
    *checked += counts.replayed;
    return fine;
}

const struct sim_subject triage_subject = {
    .name = "triage",
    .facts_have_age = true,
    .has_activations = true,
    .topics = TOPIC_CONF,
    .topic_count = TOPICS,
    .input_count = 2,
    .input_names = INPUT_NAMES,
    .wall_speed = 600, /* hours pass: cases become due */
    .state = CASES,
    .outcomes = OUTCOMES,
    .reference = REFERENCE,
    .policy = POLICY,
    .commands = COMMANDS,
    .command_count = 1,
    .open = open_desk,
    .close = close_desk,
    .processor = processor_of,
    .between = between,
    .prepare = prepare,
    .event = feed_event,
    .fact = feed_fact,
    .decode = decode,
    .command_id = command_id,
    .fold = fold,
    .agrees = agrees,
    .again = again,
};
