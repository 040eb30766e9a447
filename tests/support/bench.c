#include "bench.h"

#include <stdio.h>
#include <stdlib.h>

#include "egw/hash.h"
#include "egw/schema.h"

enum { TURNS = 16 };

static const char *const input_names[] = {"events", "inbox"};
const int32_t both[SCRIPT_PARTITIONS] = {0, 1};

/* ---- the processor: words say what a record does to the entry it names ---- */

static struct entry load(struct egw_turn *turn, struct egw_str key)
{
    struct entry entry = {.facts_offset = -1};
    struct egw_str value;

    if (egw_turn_get(turn, key, &value))
        memcpy(&entry, value.p, sizeof(entry));
    return entry;
}

static enum egw_status store(struct egw_turn *turn, struct egw_str key, const struct entry *entry)
{
    return egw_turn_put(turn, key, (struct egw_str){(const char *)entry, sizeof(*entry)});
}

static enum egw_status say(struct egw_turn *turn, const char *fmt, ...) EGW_PRINTF(2, 3);

static enum egw_status say(struct egw_turn *turn, const char *fmt, ...)
{
    char text[128];
    struct egw_log_out out = {
        .topic = SCRIPT_OUT, .partition = egw_turn_partition(turn), .tally = 1};
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    out.key = EGW_STR("");
    out.value = egw_str_of(text);
    return egw_turn_emit(turn, &out);
}

static enum egw_status take(struct counter *counter, struct egw_turn *turn, const char *words,
                            struct egw_error *reterr)
{
    char verb[16] = "", name[32] = "", more[32] = "";
    struct egw_str key = egw_str_of(name);
    struct entry entry;
    enum egw_status st;

    (void)sscanf(words, "%15s %31s %31s", verb, name, more);
    key = egw_str_of(name);
    entry = load(turn, key);
    entry.count++;
    st = strcmp(verb, "mute") == 0 ? EGW_OK : say(turn, "%s=%d", name, (int)entry.count);
    if (st)
        return st;
    if (strcmp(verb, "retry") == 0 && !counter->let_pass)
        return egw_error_set(reterr, EGW_RETRY, "%s is not known yet", name);
    if (strcmp(verb, "bad") == 0)
        return egw_error_set(reterr, EGW_INVALID, "cannot use %s", name);
    if (strcmp(verb, "nomem") == 0)
        return EGW_NOMEM;
    if (strcmp(verb, "drop") == 0)
        return egw_turn_put(turn, key, EGW_STR_NONE);
    if (strcmp(verb, "pass") == 0) /* what a retry of the other input waits for */
        counter->let_pass = true;
    if (strcmp(verb, "due") == 0)
        entry.due_ms = strtoll(more, NULL, 10);
    if (strcmp(verb, "stuck") == 0)
        entry.since_ms = strtoll(more, NULL, 10);
    if (strcmp(verb, "undue") == 0)
        entry.due_ms = 0;
    if (strcmp(verb, "wait") == 0) {
        (void)snprintf(entry.fact, sizeof(entry.fact), "%s", more);
        entry.facts_offset = counter->learned;
    }
    return store(turn, key, &entry);
}

static enum egw_status step(void *self, struct egw_turn *turn, const struct egw_input *input,
                            struct egw_error *reterr)
{
    struct counter *counter = self;
    struct entry entry;
    char words[128];
    enum egw_status st;

    if (input->kind == EGW_INPUT_RECORD) {
        (void)snprintf(words, sizeof(words), "%.*s", EGW_FMT(input->record.value));
        return take(counter, turn, words, reterr);
    }
    entry = load(turn, input->key);
    if (input->kind == EGW_INPUT_TIMER && counter->hold_timers)
        return egw_error_set(reterr, EGW_RETRY, "not yet");
    if (input->kind == EGW_INPUT_TIMER) {
        entry.due_ms = 0;
        counter->struck_ms = input->due_ms;
        st = say(turn, "timer-%.*s", EGW_FMT(input->key));
    } else {
        entry.facts_offset = counter->learned;
        st = say(turn, "%.*s@%d-%.*s", EGW_FMT(input->fact), (int)input->offset,
                 EGW_FMT(input->key));
    }
    return st ? st : store(turn, input->key, &entry);
}

static int64_t fact_offset(void *self, struct egw_str fact)
{
    const struct counter *counter = self;

    for (size_t i = 0; i < counter->fact_n; i++) {
        if (egw_str_is(fact, counter->facts[i].name))
            return counter->facts[i].offset;
    }
    return -1;
}

static enum egw_status learn(void *self, const struct egw_log_record *record,
                             struct egw_str *ret_fact, struct egw_error *reterr)
{
    struct counter *counter = self;
    size_t i;

    if (record->topic != SCRIPT_REFERENCE)
        return EGW_OK;
    counter->learned = record->offset;
    if (egw_str_is(record->value, "unusable"))
        return egw_error_set(reterr, EGW_INVALID, "the fact is unusable");
    for (i = 0; i < counter->fact_n && !egw_str_is(record->key, counter->facts[i].name); i++)
        ;
    assert_true(i < FACTS);
    if (i == counter->fact_n)
        counter->fact_n++;
    (void)snprintf(counter->facts[i].name, sizeof(counter->facts[i].name), "%.*s",
                   EGW_FMT(record->key));
    counter->facts[i].offset = record->offset;
    *ret_fact = record->key;
    return EGW_OK;
}

static enum egw_status waits(void *self, struct egw_str key, struct egw_str value,
                             struct egw_waits *ret, struct egw_error *reterr)
{
    struct counter *counter = self;
    struct entry *entry = &counter->waits_entry;

    if (value.n != sizeof(*entry))
        return egw_error_set(reterr, EGW_INVALID, "entry %.*s has %zu bytes", EGW_FMT(key),
                             value.n);
    memcpy(entry, value.p, sizeof(*entry));
    counter->waits_fact = egw_str_of(entry->fact);
    *ret = (struct egw_waits){.has_due = entry->due_ms != 0,
                              .due_ms = entry->due_ms,
                              .facts = &counter->waits_fact,
                              .fact_count = counter->waits_fact.n > 0,
                              .facts_offset = entry->facts_offset,
                              .has_since = entry->since_ms != 0,
                              .since_ms = entry->since_ms};
    return EGW_OK;
}

/* ---- the bench ---- */

static void take_note(void *user, const struct egw_note *note)
{
    struct bench *b = user;

    b->notes[note->kind]++;
    b->last[note->kind] = *note;
    (void)snprintf(b->why[note->kind], EGW_ERROR_TEXT, "%s", note->error ? note->error->text : "");
}

/* The state topic says: partition p stands at next of both inputs. */
void put_position(struct bench *b, int32_t p, const struct egw_position *position)
{
    struct egw_buf buf = {0};

    assert_int_equal(egw_encode_framed(&b->framing, &egw_type_position, position, &buf, NULL),
                     EGW_OK);
    (void)script_append(b->log, SCRIPT_STATE, p, EGW_STR(EGW_POSITION_KEY), egw_buf_str(&buf));
    egw_buf_free(&buf);
}

void stand_at(struct bench *b, int32_t p, int64_t next, const char *last_value)
{
    struct egw_input_position inputs[2] = {
        {.topic = EGW_STR("events"), .next = next, .last = next - 1},
        {.topic = EGW_STR("inbox"), .last = -1}};
    struct egw_position position = {
        .version = 1, .partition_count = SCRIPT_PARTITIONS, .inputs = {inputs, 2}};
    struct egw_sha256 digest;

    if (last_value) {
        egw_sha256(last_value, strlen(last_value), &digest);
        memcpy(inputs[0].digest, digest.b, EGW_SHA256);
    }
    put_position(b, p, &position);
}

void feed(struct bench *b, int topic, int32_t p, const char *words)
{
    (void)script_append(b->log, topic, p, EGW_STR("key"), egw_str_of(words));
}

void fact(struct bench *b, const char *name)
{
    (void)script_append(b->log, SCRIPT_REFERENCE, 0, egw_str_of(name), EGW_STR("changed"));
}

/* Turns until everything is at rest; time stands. */
void run(struct bench *b)
{
    b->ended = EGW_OK;
    for (int i = 0; i < TURNS && !b->ended; i++)
        b->ended = egw_runtime_turn(b->runtime, 500, &b->error);
}

void pass(struct bench *b, int64_t ms)
{
    b->log->mono_ms += ms;
    b->log->wall_ms += ms;
    run(b);
}

/* Long enough for what is decided to be committed. */
void settle(struct bench *b)
{
    pass(b, 100);
    pass(b, 100);
}

void start(struct bench *b)
{
    assert_int_equal(egw_runtime_new(&b->conf, script_port(b->log), &b->counter.processor,
                                     &b->runtime, &b->error),
                     EGW_OK);
    script_assign(b->log, GENERATION, both, 2);
    run(b);
}

void restart(struct bench *b)
{
    struct egw_processor processor = b->counter.processor;

    egw_runtime_free(b->runtime);
    script_crash(b->log);
    b->counter = (struct counter){.processor = processor, .learned = -1};
    start(b);
}

struct egw_runtime_stats stats(const struct bench *b)
{
    struct egw_runtime_stats stats;

    egw_runtime_stats(b->runtime, &stats);
    return stats;
}

void tell(struct bench *b, enum egw_log_event_kind kind)
{
    script_tell(b->log,
                &(struct egw_log_event){.kind = kind, .partitions = both, .partition_count = 2});
}

void assert_outs(const struct bench *b, const char *expected)
{
    assert_string_equal(script_outs(b->log), expected);
}

void assert_running(const struct bench *b, size_t n)
{
    assert_int_equal(stats(b).partitions_running, n);
}

void assert_halted(const struct bench *b, const char *why)
{
    assert_int_equal(stats(b).partitions_halted, 1);
    assert_string_equal(b->why[EGW_NOTE_PARTITION_HALTED], why);
}

/* Not yet started, no position: for the tests of take-over. */
int setup_bare(void **state)
{
    struct bench *b = calloc(1, sizeof(*b));

    assert_non_null(b);
    b->log = script_new();
    assert_int_equal(egw_plans_builtin(&b->plans, NULL), EGW_OK);
    b->counter = (struct counter){.learned = -1};
    b->counter.processor = (struct egw_processor){.name = "count",
                                                  .self = &b->counter,
                                                  .step = step,
                                                  .learn = learn,
                                                  .fact_offset = fact_offset,
                                                  .waits = waits};
    b->conf = (struct egw_runtime_conf){.input_names = input_names,
                                        .input_count = SCRIPT_INPUTS,
                                        .state_topic = SCRIPT_STATE,
                                        .reference_topic = SCRIPT_REFERENCE,
                                        .policy_topic = SCRIPT_POLICY,
                                        .partition_count = SCRIPT_PARTITIONS,
                                        .plans = b->plans,
                                        .framing = &b->framing,
                                        .batch_ms = 100,
                                        .settle_ms = 5000,
                                        .recreations = 3,
                                        .recreations_ms = 60000,
                                        .note = take_note,
                                        .user = b};
    *state = b;
    return 0;
}

/* Both partitions run, from the start of everything. */
int setup(void **state)
{
    struct bench *b;

    setup_bare(state);
    b = *state;
    stand_at(b, 0, 0, NULL);
    stand_at(b, 1, 0, NULL);
    start(b);
    assert_running(b, 2);
    script_clear_trace(b->log);
    return 0;
}

int teardown(void **state)
{
    struct bench *b = *state;

    egw_runtime_free(b->runtime);
    egw_plans_free(b->plans);
    script_free(b->log);
    free(b);
    return 0;
}
