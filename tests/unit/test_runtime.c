/* The real runtime over a scripted log, with a processor that counts. */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>

#include "egw/hash.h"
#include "egw/records.h"
#include "egw/runtime.h"
#include "egw/schema.h"
#include "script_log.h"

enum { GENERATION = 7, TURNS = 16, NOTES = EGW_NOTE_TURN_SLOW + 1, FACTS = 8 };

static const char *const input_names[] = {"events", "inbox"};
static const int32_t both[] = {0, 1};

/* ---- the processor: words say what a record does to the entry it names ---- */

struct entry {
    int64_t count, due_ms, facts_offset;
    char fact[32];
};

struct counter {
    struct egw_processor processor;
    bool let_pass;   /* what "retry" waits for */
    int64_t learned; /* last reference offset */
    struct {
        char name[32];
        int64_t offset;
    } facts[FACTS];
    size_t fact_n;
    struct entry waits_entry;
    struct egw_str waits_fact;
};

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
    struct egw_log_out out = {.topic = SCRIPT_OUT, .partition = egw_turn_partition(turn)};
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
    st = say(turn, "%s=%d", name, (int)entry.count);
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
    if (input->kind == EGW_INPUT_TIMER) {
        entry.due_ms = 0;
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
                              .facts_offset = entry->facts_offset};
    return EGW_OK;
}

/* ---- the bench ---- */

struct bench {
    struct script_log *log;
    struct counter counter;
    struct egw_plans *plans;
    struct egw_framing framing;
    struct egw_runtime_conf conf;
    struct egw_runtime *runtime;
    enum egw_status ended; /* what the last turn said */
    struct egw_error error;
    size_t notes[NOTES];
    struct egw_note last[NOTES];
    char why[NOTES][EGW_ERROR_TEXT];
};

static void take_note(void *user, const struct egw_note *note)
{
    struct bench *b = user;

    b->notes[note->kind]++;
    b->last[note->kind] = *note;
    (void)snprintf(b->why[note->kind], EGW_ERROR_TEXT, "%s", note->error ? note->error->text : "");
}

/* The state topic says: partition p stands at next of both inputs. */
static void put_position(struct bench *b, int32_t p, const struct egw_position *position)
{
    struct egw_buf buf = {0};

    assert_int_equal(egw_encode_framed(&b->framing, &egw_type_position, position, &buf, NULL),
                     EGW_OK);
    (void)script_append(b->log, SCRIPT_STATE, p, EGW_STR(EGW_POSITION_KEY), egw_buf_str(&buf));
    egw_buf_free(&buf);
}

static void stand_at(struct bench *b, int32_t p, int64_t next, const char *last_value)
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

static void feed(struct bench *b, int topic, int32_t p, const char *words)
{
    (void)script_append(b->log, topic, p, EGW_STR("key"), egw_str_of(words));
}

static void fact(struct bench *b, const char *name)
{
    (void)script_append(b->log, SCRIPT_REFERENCE, 0, egw_str_of(name), EGW_STR("changed"));
}

/* Turns until everything is at rest; time stands. */
static void run(struct bench *b)
{
    b->ended = EGW_OK;
    for (int i = 0; i < TURNS && !b->ended; i++)
        b->ended = egw_runtime_turn(b->runtime, 500, &b->error);
}

static void pass(struct bench *b, int64_t ms)
{
    b->log->mono_ms += ms;
    b->log->wall_ms += ms;
    run(b);
}

/* Long enough for what is decided to be committed. */
static void settle(struct bench *b)
{
    pass(b, 100);
    pass(b, 100);
}

static void start(struct bench *b)
{
    assert_int_equal(egw_runtime_new(&b->conf, script_port(b->log), &b->counter.processor,
                                     &b->runtime, &b->error),
                     EGW_OK);
    script_assign(b->log, GENERATION, both, 2);
    run(b);
}

static void restart(struct bench *b)
{
    struct egw_processor processor = b->counter.processor;

    egw_runtime_free(b->runtime);
    script_crash(b->log);
    b->counter = (struct counter){.processor = processor, .learned = -1};
    start(b);
}

static struct egw_runtime_stats stats(const struct bench *b)
{
    struct egw_runtime_stats stats;

    egw_runtime_stats(b->runtime, &stats);
    return stats;
}

static void tell(struct bench *b, enum egw_log_event_kind kind)
{
    script_tell(b->log,
                &(struct egw_log_event){.kind = kind, .partitions = both, .partition_count = 2});
}

static void assert_outs(const struct bench *b, const char *expected)
{
    assert_string_equal(script_outs(b->log), expected);
}

static void assert_running(const struct bench *b, size_t n)
{
    assert_int_equal(stats(b).partitions_running, n);
}

static void assert_halted(const struct bench *b, const char *why)
{
    assert_int_equal(stats(b).partitions_halted, 1);
    assert_string_equal(b->why[EGW_NOTE_PARTITION_HALTED], why);
}

/* Not yet started, no position: for the tests of take-over. */
static int setup_bare(void **state)
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
static int setup(void **state)
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

static int teardown(void **state)
{
    struct bench *b = *state;

    egw_runtime_free(b->runtime);
    egw_plans_free(b->plans);
    script_free(b->log);
    free(b);
    return 0;
}

/* ---- take-over: the table of the rules page, section 5 ---- */

/* Five records were handled of partition 0; the group says committed. */
static struct bench *handled_five(void **state, int64_t committed)
{
    struct bench *b = *state;

    for (int i = 0; i < 5; i++)
        feed(b, SCRIPT_EVENTS_TOPIC, 0, "add old");
    feed(b, SCRIPT_EVENTS_TOPIC, 0, "add new");
    stand_at(b, 0, 5, "add old");
    stand_at(b, 1, 0, NULL);
    b->log->parts[SCRIPT_EVENTS_TOPIC][0].committed = committed;
    return b;
}

static void test_committed_equal_to_the_position_goes_on_there(void **state)
{
    struct bench *b = handled_five(state, 5);

    start(b);
    settle(b);
    assert_outs(b, "new=1");
    assert_int_equal(stats(b).skipped, 0);
}

static void test_committed_missing_resumes_at_the_position(void **state)
{
    struct bench *b = handled_five(state, -1);

    start(b);
    settle(b);
    assert_outs(b, "new=1");
    assert_int_equal(stats(b).skipped, 0);
}

static void test_committed_below_the_position_is_skipped_and_counted(void **state)
{
    struct bench *b = handled_five(state, 2);

    start(b);
    settle(b);
    assert_outs(b, "new=1");
    assert_int_equal(stats(b).skipped, 3);
    assert_int_equal(b->notes[EGW_NOTE_SKIPPED], 1);
    assert_int_equal(b->last[EGW_NOTE_SKIPPED].a, 2);
    assert_int_equal(b->last[EGW_NOTE_SKIPPED].b, 5);
}

static void test_committed_above_the_position_halts_after_a_second_look(void **state)
{
    struct bench *b = handled_five(state, 6);

    start(b);
    assert_running(b, 1);
    assert_int_equal(stats(b).partitions_halted, 0);
    pass(b, 4999);
    assert_int_equal(stats(b).partitions_halted, 0);
    pass(b, 1);
    assert_halted(b, "events/0: the group's committed offset is 6 but the position says 5: offsets "
                     "were moved forward by a tool, or state was lost");
    settle(b);
    assert_outs(b, "");
}

static void test_a_late_marker_lets_a_partition_go_on(void **state)
{
    struct bench *b = handled_five(state, 6);

    start(b);
    stand_at(b, 0, 6, "add new");
    pass(b, 5000);
    assert_running(b, 2);
    assert_outs(b, "");
}

static void test_the_second_look_is_had_again_by_the_next_assignment(void **state)
{
    struct bench *b = handled_five(state, 6);

    start(b);
    pass(b, 5000);
    assert_int_equal(stats(b).partitions_halted, 1);
    tell(b, EGW_LOG_REVOKE);
    run(b);
    script_assign(b->log, GENERATION + 1, both, 2);
    run(b);
    assert_int_equal(stats(b).partitions_halted, 0);
    pass(b, 5000);
    assert_int_equal(stats(b).partitions_halted, 1);
}

static void test_the_second_look_is_had_again_after_a_fatal_commit(void **state)
{
    struct bench *b = handled_five(state, 6);

    start(b);
    stand_at(b, 0, 6, "add new");
    pass(b, 5000);
    feed(b, SCRIPT_EVENTS_TOPIC, 0, "add newer");
    run(b);
    b->log->result[EGW_LOG_COMMIT] = EGW_FATAL;
    b->log->parts[SCRIPT_EVENTS_TOPIC][0].committed = 7; /* of it the offsets are seen first */
    pass(b, 100);
    assert_int_equal(stats(b).partitions_halted, 0);
    stand_at(b, 0, 7, "add newer");
    pass(b, 5000);
    assert_running(b, 2);
    assert_outs(b, "");
}

static void test_no_position_with_offsets_halts(void **state)
{
    struct bench *b = *state;

    stand_at(b, 1, 0, NULL);
    b->log->parts[SCRIPT_INBOX][0].committed = 0;
    start(b);
    assert_halted(b, "partition 0: the group has committed offsets but the state topic has no "
                     "position: the state topic was lost or is another's");
}

static void test_no_position_and_no_offsets_halts(void **state)
{
    struct bench *b = *state;

    stand_at(b, 1, 0, NULL);
    start(b);
    assert_halted(b, "partition 0: there is no position: run egw init first");
}

static void test_a_position_below_the_log_start_halts(void **state)
{
    struct bench *b = handled_five(state, 5);

    b->log->parts[SCRIPT_EVENTS_TOPIC][0].low = 6;
    start(b);
    assert_halted(b, "events/0: the position says 5 but the log begins at 6: retention removed "
                     "records before they were handled");
}

static void test_a_position_above_the_log_end_halts_after_a_second_look(void **state)
{
    struct bench *b = handled_five(state, -1);

    stand_at(b, 0, 9, NULL);
    start(b);
    assert_int_equal(stats(b).partitions_halted, 0);
    pass(b, 5000);
    assert_halted(b, "events/0: the position says 9 but the log ends at 6: the topic was truncated "
                     "or made anew");
}

static void test_another_digest_of_the_last_input_halts(void **state)
{
    struct bench *b = handled_five(state, 5);

    stand_at(b, 0, 5, "add other");
    start(b);
    settle(b);
    assert_halted(b, "events/0/4: the record is not the one that was handled: the topic was made "
                     "anew");
    assert_outs(b, "");
}

static void test_a_last_input_that_is_gone_halts(void **state)
{
    struct bench *b = handled_five(state, 5);

    stand_at(b, 0, 5, "add old");
    free((char *)b->log->parts[SCRIPT_EVENTS_TOPIC][0].records[4].key.p);
    b->log->parts[SCRIPT_EVENTS_TOPIC][0].records[4] =
        b->log->parts[SCRIPT_EVENTS_TOPIC][0].records[5];
    b->log->parts[SCRIPT_EVENTS_TOPIC][0].n--;
    start(b);
    settle(b);
    assert_halted(b, "events/0/4: the record that was handled is not there, the next is 5: the "
                     "topic was made anew");
    assert_outs(b, "");
}

static void test_a_last_input_below_the_log_start_is_not_asked_for(void **state)
{
    struct bench *b = handled_five(state, 5);

    stand_at(b, 0, 5, "add other");
    b->log->parts[SCRIPT_EVENTS_TOPIC][0].low = 5;
    start(b);
    settle(b);
    assert_outs(b, "new=1");
}

static void test_an_unreadable_entry_halts_and_names_its_offset(void **state)
{
    struct bench *b = handled_five(state, 5);

    (void)script_append(b->log, SCRIPT_STATE, 0, EGW_STR("k"), EGW_STR("junk"));
    start(b);
    assert_halted(b, "cannot read the state entry at offset 1 of partition 0: entry k has 4 bytes");
}

static void test_an_unreadable_position_halts(void **state)
{
    struct bench *b = handled_five(state, 5);

    (void)script_append(b->log, SCRIPT_STATE, 0, EGW_STR(EGW_POSITION_KEY), EGW_STR("junk"));
    start(b);
    assert_int_equal(stats(b).partitions_halted, 1);
    assert_non_null(
        strstr(b->why[EGW_NOTE_PARTITION_HALTED], "cannot use the position of partition 0: "));
}

static void test_a_position_for_another_partition_count_halts(void **state)
{
    struct bench *b = *state;
    struct egw_input_position inputs[2] = {{.topic = EGW_STR("events"), .last = -1},
                                           {.topic = EGW_STR("inbox"), .last = -1}};
    struct egw_position position = {.version = 1, .partition_count = 3, .inputs = {inputs, 2}};

    put_position(b, 0, &position);
    stand_at(b, 1, 0, NULL);
    start(b);
    assert_halted(b, "cannot use the position of partition 0: it was written for 3 partitions, "
                     "there are 2");
}

static void test_a_position_of_other_inputs_halts(void **state)
{
    struct bench *b = *state;
    struct egw_input_position inputs[2] = {{.topic = EGW_STR("events"), .last = -1},
                                           {.topic = EGW_STR("letters"), .last = -1}};
    struct egw_position position = {.version = 1, .partition_count = 2, .inputs = {inputs, 2}};

    put_position(b, 0, &position);
    stand_at(b, 1, 0, NULL);
    start(b);
    assert_halted(b, "cannot use the position of partition 0: its input 1 is letters, the settings "
                     "say inbox");
}

static void test_a_halted_partition_does_not_stop_the_other(void **state)
{
    struct bench *b = *state;

    stand_at(b, 1, 0, NULL);
    feed(b, SCRIPT_EVENTS_TOPIC, 0, "add a");
    feed(b, SCRIPT_EVENTS_TOPIC, 1, "add b");
    start(b);
    settle(b);
    assert_outs(b, "b=1");
}

static void test_nothing_starts_before_reference_is_read_as_far_as_the_predecessor_had(void **state)
{
    struct bench *b = *state;
    struct egw_input_position inputs[2] = {{.topic = EGW_STR("events"), .last = -1},
                                           {.topic = EGW_STR("inbox"), .last = -1}};
    struct egw_position position = {.version = 1,
                                    .partition_count = SCRIPT_PARTITIONS,
                                    .inputs = {inputs, 2},
                                    .reference_offset = 3};

    put_position(b, 0, &position);
    stand_at(b, 1, 0, NULL);
    fact(b, "one");
    fact(b, "two");
    feed(b, SCRIPT_EVENTS_TOPIC, 0, "add a");
    start(b);
    settle(b);
    assert_running(b, 1);
    assert_outs(b, "");
    assert_int_equal(b->notes[EGW_NOTE_WAITING], 1);
    assert_string_equal(b->why[EGW_NOTE_WAITING],
                        "partition 0 was decided on reference up to 3, which ends at 2");
    fact(b, "three");
    run(b);
    settle(b);
    assert_running(b, 2);
    assert_outs(b, "a=1");
}

static void test_nothing_starts_before_policy_was_read_to_its_end(void **state)
{
    struct bench *b = *state;

    stand_at(b, 0, 0, NULL);
    stand_at(b, 1, 0, NULL);
    b->log->parts[SCRIPT_POLICY][0].tail_told = 0; /* its end is not told */
    assert_int_equal(
        egw_runtime_new(&b->conf, script_port(b->log), &b->counter.processor, &b->runtime, NULL),
        EGW_OK);
    b->log->parts[SCRIPT_POLICY][0].tail_told = 0;
    script_assign(b->log, GENERATION, both, 2);
    run(b);
    assert_running(b, 0);
    b->log->parts[SCRIPT_POLICY][0].tail_told = -1;
    run(b);
    assert_running(b, 2);
}

static void test_state_behind_an_open_transaction_is_waited_for(void **state)
{
    struct bench *b = handled_five(state, 6);

    stand_at(b, 0, 6, "add new");
    b->log->parts[SCRIPT_STATE][0].hold_at = 1;
    start(b);
    assert_running(b, 1);
    b->log->parts[SCRIPT_STATE][0].hold_at = -1;
    run(b);
    assert_running(b, 2);
    assert_int_equal(stats(b).partitions_halted, 0);
}

static void test_a_lookup_that_says_retry_is_asked_again(void **state)
{
    struct bench *b = handled_five(state, 5);

    b->log->result[EGW_LOG_LOOKUP] = EGW_RETRY;
    start(b);
    assert_running(b, 2);
}

static void test_a_lookup_that_is_denied_ends_the_process(void **state)
{
    struct bench *b = handled_five(state, 5);

    b->log->result[EGW_LOG_LOOKUP] = EGW_DENIED;
    start(b);
    assert_int_equal(b->ended, EGW_DENIED);
    assert_string_equal(b->error.text, "job 1 was told to fail");
}

static void test_a_partition_out_of_range_ends_the_process(void **state)
{
    static const int32_t third[] = {2};
    struct bench *b = *state;

    stand_at(b, 0, 0, NULL);
    assert_int_equal(
        egw_runtime_new(&b->conf, script_port(b->log), &b->counter.processor, &b->runtime, NULL),
        EGW_OK);
    script_assign(b->log, GENERATION, third, 1);
    run(b);
    assert_int_equal(b->ended, EGW_INVALID);
    assert_string_equal(b->error.text, "partition 2 was assigned, the settings say 2");
}

/* ---- decide and commit ---- */

static void test_each_input_is_handled_once(void **state)
{
    struct bench *b = *state;

    feed(b, SCRIPT_EVENTS_TOPIC, 0, "add a");
    feed(b, SCRIPT_INBOX, 0, "add a");
    feed(b, SCRIPT_EVENTS_TOPIC, 1, "add b");
    run(b);
    assert_outs(b, "");
    settle(b);
    assert_outs(b, "a=1 a=2 b=1");
    assert_int_equal(b->log->parts[SCRIPT_EVENTS_TOPIC][0].committed, 1);
    assert_int_equal(b->log->parts[SCRIPT_INBOX][0].committed, 1);
    assert_int_equal(stats(b).steps_committed, 3);
}

static void test_a_record_below_the_position_is_dropped(void **state)
{
    struct bench *b = *state;

    feed(b, SCRIPT_EVENTS_TOPIC, 0, "add a");
    settle(b);
    b->log->parts[SCRIPT_EVENTS_TOPIC][0].reading = 0; /* the log hands it out again */
    run(b);
    settle(b);
    assert_outs(b, "a=1");
}

static void test_a_transaction_carries_the_offsets_of_every_touched_partition(void **state)
{
    struct bench *b = *state;

    feed(b, SCRIPT_EVENTS_TOPIC, 0, "add a");
    feed(b, SCRIPT_INBOX, 1, "add b");
    run(b);
    settle(b);
    assert_int_equal(b->log->offset_count, 2);
    assert_int_equal(b->log->offsets[0].partition, 0);
    assert_int_equal(b->log->offsets[0].next[0], 1);
    assert_int_equal(b->log->offsets[0].next[1], 0);
    assert_int_equal(b->log->offsets[1].partition, 1);
    assert_int_equal(b->log->offsets[1].next[0], 0);
    assert_int_equal(b->log->offsets[1].next[1], 1);
}

static void test_a_transaction_of_a_timer_alone_carries_offsets(void **state)
{
    struct bench *b = *state;

    feed(b, SCRIPT_EVENTS_TOPIC, 1, "due a 1700000005000");
    run(b);
    settle(b);
    b->log->offset_count = 0;
    pass(b, 5000);
    settle(b);
    assert_outs(b, "a=1 timer-a");
    assert_int_equal(b->log->offset_count, 1);
    assert_int_equal(b->log->offsets[0].partition, 1);
    assert_int_equal(b->log->offsets[0].next[0], 1);
}

static void test_nothing_decided_opens_no_transaction(void **state)
{
    struct bench *b = *state;

    settle(b);
    settle(b);
    assert_string_equal(b->log->trace, "");
    assert_int_equal(stats(b).open_since_ms, 0);
}

static void test_a_batch_carries_the_generation_it_was_decided_under(void **state)
{
    struct bench *b = *state;

    feed(b, SCRIPT_EVENTS_TOPIC, 0, "add a");
    run(b);
    settle(b);
    assert_int_equal(b->log->generation, GENERATION);
    tell(b, EGW_LOG_REVOKE);
    run(b);
    script_assign(b->log, GENERATION + 1, both, 2);
    run(b);
    feed(b, SCRIPT_EVENTS_TOPIC, 0, "add a");
    run(b);
    settle(b);
    assert_int_equal(b->log->generation, GENERATION + 1);
    assert_outs(b, "a=1 a=2");
}

static void test_the_next_batch_is_decided_on_top_of_the_committing_one(void **state)
{
    struct bench *b = *state;

    b->log->hang[EGW_LOG_COMMIT] = true;
    feed(b, SCRIPT_EVENTS_TOPIC, 0, "add a");
    run(b);
    pass(b, 100);
    assert_int_not_equal(stats(b).open_since_ms, 0);
    feed(b, SCRIPT_EVENTS_TOPIC, 0, "add a");
    run(b);
    assert_int_equal(stats(b).steps, 2);
    assert_int_equal(stats(b).steps_committed, 0);
    b->log->hang[EGW_LOG_COMMIT] = false;
    script_let_go(b->log);
    run(b);
    assert_outs(b, "a=1");
    settle(b);
    assert_outs(b, "a=1 a=2");
}

static void test_a_removed_entry_is_gone_for_the_next_batch_and_after_a_restart(void **state)
{
    struct bench *b = *state;

    feed(b, SCRIPT_EVENTS_TOPIC, 0, "add a");
    run(b);
    settle(b);
    feed(b, SCRIPT_EVENTS_TOPIC, 0, "drop a");
    run(b);
    feed(b, SCRIPT_EVENTS_TOPIC, 0, "add a");
    run(b);
    settle(b);
    feed(b, SCRIPT_EVENTS_TOPIC, 0, "drop a");
    run(b);
    settle(b);
    restart(b);
    feed(b, SCRIPT_EVENTS_TOPIC, 0, "add a");
    run(b);
    settle(b);
    assert_outs(b, "a=1 a=2 a=1 a=2 a=1");
}

/* ---- limits of a batch ---- */

static void test_a_batch_closes_by_time(void **state)
{
    struct bench *b = *state;

    feed(b, SCRIPT_EVENTS_TOPIC, 0, "add a");
    run(b);
    pass(b, 99);
    assert_string_equal(b->log->trace, "");
    pass(b, 1);
    assert_string_equal(b->log->trace, " begin COMMIT");
}

static void test_the_loop_sleeps_until_the_batch_is_due(void **state)
{
    struct bench *b = *state;

    feed(b, SCRIPT_EVENTS_TOPIC, 0, "add a");
    run(b);
    b->log->mono_ms += 30;
    assert_int_equal(egw_runtime_turn(b->runtime, 500, NULL), EGW_OK);
    assert_int_equal(b->log->waited_ms, 70);
}

static int setup_small(void **state, size_t records, size_t bytes)
{
    struct bench *b;

    setup_bare(state);
    b = *state;
    b->conf.batch_records = records;
    b->conf.batch_bytes = bytes;
    stand_at(b, 0, 0, NULL);
    stand_at(b, 1, 0, NULL);
    start(b);
    script_clear_trace(b->log);
    return 0;
}

static int setup_two_records(void **state)
{
    return setup_small(state, 2, 0);
}

static int setup_few_bytes(void **state)
{
    return setup_small(state, 0, 100);
}

static void test_a_batch_closes_by_count(void **state)
{
    struct bench *b = *state;

    feed(b, SCRIPT_EVENTS_TOPIC, 0, "add a");
    run(b);
    assert_string_equal(b->log->trace, "");
    feed(b, SCRIPT_EVENTS_TOPIC, 0, "add a");
    run(b);
    assert_string_equal(b->log->trace, " begin COMMIT");
}

static void test_a_batch_closes_by_bytes(void **state)
{
    struct bench *b = *state;

    feed(b, SCRIPT_EVENTS_TOPIC, 0, "add a"); /* an entry has 56 bytes, its output 3 */
    run(b);
    assert_string_equal(b->log->trace, "");
    feed(b, SCRIPT_EVENTS_TOPIC, 0, "add a");
    run(b);
    assert_string_equal(b->log->trace, " begin COMMIT");
}

static void test_a_full_batch_stops_the_inputs_and_goes_on_after(void **state)
{
    struct bench *b = *state;

    b->log->hang[EGW_LOG_COMMIT] = true;
    for (int i = 0; i < 12; i++)
        feed(b, SCRIPT_EVENTS_TOPIC, i % 2, "add a");
    run(b);
    assert_int_equal(stats(b).steps,
                     8); /* four in the committing batch, four wait for their turn */
    assert_non_null(strstr(b->log->trace, " stop0 stop1"));
    b->log->hang[EGW_LOG_COMMIT] = false;
    script_let_go(b->log);
    run(b);
    settle(b);
    assert_int_equal(stats(b).steps_committed, 12);
    assert_outs(b, "a=1 a=2 a=3 a=4 a=5 a=6 a=1 a=2 a=3 a=4 a=5 a=6");
}

static void test_a_partition_that_starts_beside_a_full_batch_takes_nothing(void **state)
{
    struct bench *b = *state;

    b->log->hang[EGW_LOG_COMMIT] = true;
    for (int i = 0; i < 8; i++)
        feed(b, SCRIPT_EVENTS_TOPIC, 0, "add a");
    run(b);
    assert_int_equal(stats(b).steps, 8);
    b->log->parts[SCRIPT_EVENTS_TOPIC][1].reading = 0; /* started all the same */
    for (int i = 0; i < 4; i++)
        feed(b, SCRIPT_EVENTS_TOPIC, 1, "add b");
    run(b);
    assert_int_equal(stats(b).steps, 8);
    b->log->hang[EGW_LOG_COMMIT] = false;
    script_let_go(b->log);
    run(b);
    settle(b);
    assert_outs(b, "a=1 a=2 a=3 a=4 a=5 a=6 a=7 a=8 b=1 b=2 b=3 b=4");
}

/* ---- abort ---- */

static void test_an_abort_drops_both_batches_and_rewinds_all_partitions(void **state)
{
    struct bench *b = *state;

    b->log->hang[EGW_LOG_COMMIT] = true;
    feed(b, SCRIPT_EVENTS_TOPIC, 0, "add a");
    run(b);
    pass(b, 100);
    feed(b, SCRIPT_EVENTS_TOPIC, 0, "add a");
    feed(b, SCRIPT_INBOX, 1, "add b");
    run(b);
    script_clear_trace(b->log);
    b->log->hang[EGW_LOG_COMMIT] = false;
    b->log->result[EGW_LOG_COMMIT] = EGW_ABORT;
    script_let_go(b->log);
    run(b);
    assert_string_equal(b->log->trace, " ABORT start0:0,0 start1:0,0");
    assert_outs(b, "");
    settle(b);
    assert_outs(b, "a=1 a=2 b=1");
    assert_int_equal(stats(b).aborted, 1);
}

static void test_aborts_in_a_row_make_the_next_begin_wait_longer(void **state)
{
    struct bench *b = *state;
    const int64_t waits[] = {0, 0, 100, 200, 400}; /* before each begin */

    feed(b, SCRIPT_EVENTS_TOPIC, 0, "add a");
    run(b);
    for (size_t i = 0; i < EGW_COUNT(waits); i++) {
        b->log->result[EGW_LOG_COMMIT] = EGW_ABORT;
        script_clear_trace(b->log);
        pass(b,
             100); /* the batch is due, and the wait after the last abort is over but for a bit */
        if (waits[i] > 100) {
            assert_null(strstr(b->log->trace, "begin"));
            pass(b, waits[i] - 100);
        }
        assert_non_null(strstr(b->log->trace, "begin"));
    }
    settle(b);
    pass(b, 800);
    settle(b);
    assert_outs(b, "a=1");
    feed(b, SCRIPT_EVENTS_TOPIC, 0, "add a"); /* one that commits ends the row */
    run(b);
    b->log->result[EGW_LOG_COMMIT] = EGW_ABORT;
    pass(b, 100);
    settle(b);
    assert_outs(b, "a=1 a=2");
}

static void test_an_abort_rewinds_to_what_was_committed_last(void **state)
{
    struct bench *b = *state;

    feed(b, SCRIPT_EVENTS_TOPIC, 0, "add a");
    run(b);
    settle(b);
    feed(b, SCRIPT_EVENTS_TOPIC, 0, "add a");
    b->log->result[EGW_LOG_COMMIT] = EGW_ABORT;
    run(b);
    script_clear_trace(b->log);
    pass(b, 100);
    assert_string_equal(b->log->trace, " begin COMMIT ABORT start0:1,0 start1:0,0");
    settle(b);
    assert_outs(b, "a=1 a=2");
}

static void test_a_timer_used_up_in_an_aborted_batch_fires_again(void **state)
{
    struct bench *b = *state;

    feed(b, SCRIPT_EVENTS_TOPIC, 0, "due a 1700000005000");
    run(b);
    settle(b);
    b->log->result[EGW_LOG_COMMIT] = EGW_ABORT;
    pass(b, 5000);
    pass(b, 100);
    assert_int_equal(stats(b).aborted, 1);
    settle(b);
    assert_outs(b, "a=1 timer-a");
}

static void test_a_fact_used_up_in_an_aborted_batch_fires_again(void **state)
{
    struct bench *b = *state;

    feed(b, SCRIPT_EVENTS_TOPIC, 0, "wait a health");
    run(b);
    settle(b);
    b->log->result[EGW_LOG_COMMIT] = EGW_ABORT;
    fact(b, "health");
    run(b);
    pass(b, 100);
    assert_int_equal(stats(b).aborted, 1);
    settle(b);
    assert_outs(b, "a=1 health@0-a");
}

/* A record takes the due time back, the time comes, the record's batch aborts and the record has to
 * wait: the committed entry is still due. */
static void test_a_timer_made_moot_by_an_aborted_batch_fires_all_the_same(void **state)
{
    struct bench *b = *state;

    feed(b, SCRIPT_EVENTS_TOPIC, 0, "due a 1700000005000");
    run(b);
    settle(b);
    b->log->hang[EGW_LOG_COMMIT] = true;
    feed(b, SCRIPT_EVENTS_TOPIC, 0, "undue a");
    run(b);
    pass(b, 5000);
    b->log->parts[SCRIPT_EVENTS_TOPIC][0].hold_at = 1; /* not handed out again for now */
    b->log->hang[EGW_LOG_COMMIT] = false;
    b->log->result[EGW_LOG_COMMIT] = EGW_ABORT;
    script_let_go(b->log);
    run(b);
    settle(b);
    assert_outs(b, "a=1 timer-a");
}

static void test_a_doubtful_abort_makes_a_new_producer(void **state)
{
    struct bench *b = *state;

    feed(b, SCRIPT_EVENTS_TOPIC, 0, "add a");
    run(b);
    b->log->result[EGW_LOG_COMMIT] = EGW_ABORT;
    b->log->doubtful[EGW_LOG_ABORT] = true;
    pass(b, 100);
    assert_string_equal(b->log->trace, " begin COMMIT ABORT start0:0,0 start1:0,0 INIT");
    settle(b);
    assert_outs(b, "a=1");
}

static void test_an_abort_that_fails_reads_everything_again(void **state)
{
    struct bench *b = *state;

    feed(b, SCRIPT_EVENTS_TOPIC, 0, "add a");
    run(b);
    b->log->result[EGW_LOG_COMMIT] = EGW_ABORT;
    b->log->result[EGW_LOG_ABORT] = EGW_FATAL;
    pass(b, 100);
    assert_string_equal(b->log->trace, " begin COMMIT ABORT stop0 stop1 INIT LOOKUP follow0:1 "
                                       "follow1:1 start0:0,0 start1:0,0");
    settle(b);
    assert_outs(b, "a=1");
}

static void test_a_produce_that_says_abort_is_aborted_without_a_commit(void **state)
{
    struct bench *b = *state;

    feed(b, SCRIPT_EVENTS_TOPIC, 0, "add a");
    run(b);
    b->log->produce_result = EGW_ABORT;
    pass(b, 100);
    assert_string_equal(b->log->trace, " begin ABORT start0:0,0 start1:0,0");
    settle(b);
    assert_outs(b, "a=1");
}

static void test_a_full_queue_of_the_producer_is_waited_for(void **state)
{
    struct bench *b = *state;

    feed(b, SCRIPT_EVENTS_TOPIC, 0, "add a");
    run(b);
    b->log->room = 1;
    pass(b, 100);
    assert_string_equal(b->log->trace, " begin");
    b->log->room = 0;
    run(b);
    assert_string_equal(b->log->trace, " begin COMMIT");
    assert_outs(b, "a=1");
}

/* ---- fatal and doubtful ---- */

static void fatal_commit(struct bench *b, bool applied)
{
    feed(b, SCRIPT_EVENTS_TOPIC, 0, "add a");
    run(b);
    b->log->result[EGW_LOG_COMMIT] = EGW_FATAL;
    b->log->applied = applied;
    pass(b, 100);
}

static void test_a_fatal_commit_reads_every_partition_again_before_any_input(void **state)
{
    struct bench *b = *state;

    fatal_commit(b, false);
    assert_string_equal(b->log->trace, " begin COMMIT stop0 stop1 INIT LOOKUP follow0:1 follow1:1 "
                                       "start0:0,0 start1:0,0");
    assert_int_equal(stats(b).recreated, 1);
    assert_int_equal(stats(b).open_since_ms, 0);
}

static void test_a_fatal_commit_that_did_not_stand_is_decided_again(void **state)
{
    struct bench *b = *state;

    fatal_commit(b, false);
    settle(b);
    assert_outs(b, "a=1");
}

static void test_a_fatal_commit_that_stood_is_not_decided_again(void **state)
{
    struct bench *b = *state;

    fatal_commit(b, true);
    settle(b);
    assert_outs(b, "a=1");
    feed(b, SCRIPT_EVENTS_TOPIC, 0, "add a");
    run(b);
    settle(b);
    assert_outs(b, "a=1 a=2");
}

static void test_a_fatal_commit_drops_what_was_decided_on_top(void **state)
{
    struct bench *b = *state;

    b->log->hang[EGW_LOG_COMMIT] = true;
    feed(b, SCRIPT_EVENTS_TOPIC, 0, "add a");
    run(b);
    pass(b, 100);
    feed(b, SCRIPT_EVENTS_TOPIC, 0, "add a");
    run(b);
    b->log->hang[EGW_LOG_COMMIT] = false;
    b->log->result[EGW_LOG_COMMIT] = EGW_FATAL;
    script_let_go(b->log);
    run(b);
    settle(b);
    assert_outs(b, "a=1 a=2");
}

static void test_timers_and_facts_outlive_a_fatal_commit(void **state)
{
    struct bench *b = *state;

    feed(b, SCRIPT_EVENTS_TOPIC, 0, "due a 1700000005000");
    feed(b, SCRIPT_EVENTS_TOPIC, 1, "wait b health");
    run(b);
    settle(b);
    fact(b, "health");
    b->log->result[EGW_LOG_COMMIT] = EGW_FATAL;
    pass(b, 5000);
    pass(b, 100);
    assert_int_equal(stats(b).recreated, 1);
    settle(b);
    assert_outs(b, "a=1 timer-a b=1 health@0-b");
}

static void test_a_begin_that_fails_makes_a_new_producer(void **state)
{
    struct bench *b = *state;

    feed(b, SCRIPT_EVENTS_TOPIC, 0, "add a");
    run(b);
    b->log->begin_result = EGW_FATAL;
    pass(b, 100);
    assert_string_equal(b->log->trace, " begin stop0 stop1 INIT LOOKUP follow0:1 follow1:1 "
                                       "start0:0,0 start1:0,0");
    assert_int_equal(stats(b).open_since_ms, 0);
    settle(b);
    assert_outs(b, "a=1");
}

static void test_a_produce_that_is_fatal_makes_a_new_producer(void **state)
{
    struct bench *b = *state;

    feed(b, SCRIPT_EVENTS_TOPIC, 0, "add a");
    run(b);
    b->log->produce_result = EGW_FATAL;
    pass(b, 100);
    assert_int_equal(stats(b).recreated, 1);
    assert_int_equal(stats(b).open_since_ms, 0);
    settle(b);
    assert_outs(b, "a=1");
}

static void test_a_doubtful_commit_makes_a_new_producer_before_the_next_begin(void **state)
{
    struct bench *b = *state;

    feed(b, SCRIPT_EVENTS_TOPIC, 0, "add a");
    run(b);
    b->log->doubtful[EGW_LOG_COMMIT] = true;
    b->log->hang[EGW_LOG_INIT] = true;
    pass(b, 100);
    feed(b, SCRIPT_EVENTS_TOPIC, 0, "add a");
    run(b);
    pass(b, 200);
    assert_string_equal(b->log->trace, " begin COMMIT INIT");
    b->log->hang[EGW_LOG_INIT] = false;
    script_let_go(b->log);
    run(b);
    assert_string_equal(b->log->trace, " begin COMMIT INIT begin COMMIT");
    assert_outs(b, "a=1 a=2");
}

static void test_more_recreations_than_allowed_end_the_process(void **state)
{
    struct bench *b = *state;

    for (int i = 0; i < 3; i++) {
        fatal_commit(b, true);
        assert_int_equal(b->ended, EGW_OK);
    }
    fatal_commit(b, true);
    assert_int_equal(b->ended, EGW_FATAL);
    assert_string_equal(b->error.text, "job 2 was told to fail");
}

static void test_recreations_that_lie_far_apart_do_not_count_together(void **state)
{
    struct bench *b = *state;

    for (int i = 0; i < 6; i++) {
        fatal_commit(b, true);
        pass(b, 20000);
        assert_int_equal(b->ended, EGW_OK);
    }
}

static void test_a_fenced_commit_ends_the_process(void **state)
{
    struct bench *b = *state;

    feed(b, SCRIPT_EVENTS_TOPIC, 0, "add a");
    run(b);
    b->log->result[EGW_LOG_COMMIT] = EGW_FENCED;
    pass(b, 100);
    assert_int_equal(b->ended, EGW_FENCED);
}

static void test_a_failed_handle_ends_the_process(void **state)
{
    struct bench *b = *state;
    struct egw_log_event event = {.kind = EGW_LOG_FAILED};

    egw_error_set(&event.error, EGW_FENCED, "another process has our name");
    script_tell(b->log, &event);
    run(b);
    assert_int_equal(b->ended, EGW_FENCED);
    assert_string_equal(b->error.text, "another process has our name");
}

/* ---- rebalance ---- */

static void test_a_revoke_commits_what_is_decided_then_releases(void **state)
{
    struct bench *b = *state;

    feed(b, SCRIPT_EVENTS_TOPIC, 0, "add a");
    run(b);
    tell(b, EGW_LOG_REVOKE);
    run(b);
    assert_string_equal(b->log->trace, " begin COMMIT stop0 stop1 release");
    assert_outs(b, "a=1");
    assert_int_equal(stats(b).partitions_assigned, 0);
}

static void test_a_revoke_takes_no_more_inputs(void **state)
{
    struct bench *b = *state;

    b->log->hang[EGW_LOG_COMMIT] = true;
    feed(b, SCRIPT_EVENTS_TOPIC, 0, "add a");
    run(b);
    tell(b, EGW_LOG_REVOKE);
    run(b);
    feed(b, SCRIPT_EVENTS_TOPIC, 0, "add a");
    run(b);
    assert_int_equal(stats(b).steps, 1);
    b->log->hang[EGW_LOG_COMMIT] = false;
    script_let_go(b->log);
    run(b);
    assert_outs(b, "a=1");
    script_assign(b->log, GENERATION + 1, both, 2);
    run(b);
    settle(b);
    assert_outs(b, "a=1 a=2");
}

static void test_a_revoke_is_bounded_when_the_commit_hangs(void **state)
{
    struct bench *b = *state;

    b->log->hang[EGW_LOG_COMMIT] = true;
    feed(b, SCRIPT_EVENTS_TOPIC, 0, "add a");
    run(b);
    tell(b, EGW_LOG_REVOKE);
    run(b);
    pass(b, 4999);
    assert_null(strstr(b->log->trace, "release"));
    pass(b, 1);
    assert_non_null(strstr(b->log->trace, "release"));
    assert_int_equal(stats(b).partitions_assigned, 0);
}

static void test_the_loop_does_not_oversleep_the_bound_of_a_revoke(void **state)
{
    struct bench *b = *state;

    b->log->hang[EGW_LOG_COMMIT] = true;
    feed(b, SCRIPT_EVENTS_TOPIC, 0, "add a");
    run(b);
    tell(b, EGW_LOG_REVOKE);
    run(b);
    pass(b, 4900);
    assert_int_equal(b->log->waited_ms, 100);
}

static void test_a_timer_due_while_revoking_lets_the_loop_sleep(void **state)
{
    struct bench *b = *state;

    feed(b, SCRIPT_EVENTS_TOPIC, 0, "due a 1700000001000");
    run(b);
    settle(b);
    b->log->hang[EGW_LOG_COMMIT] = true;
    feed(b, SCRIPT_EVENTS_TOPIC, 0, "add b");
    run(b);
    tell(b, EGW_LOG_REVOKE);
    run(b);
    b->log->waited_ms = -1;
    pass(b, 1000);
    assert_int_equal(b->log->waited_ms, 500);
}

static void test_a_commit_that_ends_after_its_revoke_is_not_decided_twice(void **state)
{
    struct bench *b = *state;

    b->log->hang[EGW_LOG_COMMIT] = true;
    feed(b, SCRIPT_EVENTS_TOPIC, 0, "add a");
    run(b);
    tell(b, EGW_LOG_REVOKE);
    run(b);
    pass(b, 5000);
    script_assign(b->log, GENERATION + 1, both, 2);
    run(b);
    assert_running(b, 0); /* its look-up waits for the helper, which still commits */
    b->log->hang[EGW_LOG_COMMIT] = false;
    script_let_go(b->log);
    run(b);
    settle(b);
    assert_running(b, 2);
    assert_outs(b, "a=1");
    feed(b, SCRIPT_EVENTS_TOPIC, 0, "add a");
    run(b);
    settle(b);
    assert_outs(b, "a=1 a=2");
}

static void test_what_is_lost_is_dropped_and_not_committed(void **state)
{
    struct bench *b = *state;

    feed(b, SCRIPT_EVENTS_TOPIC, 0, "add a");
    run(b);
    tell(b, EGW_LOG_LOST);
    run(b);
    settle(b);
    assert_string_equal(b->log->trace, " stop0 stop1");
    assert_outs(b, "");
    script_assign(b->log, GENERATION + 1, both, 2);
    run(b);
    settle(b);
    assert_outs(b, "a=1");
    assert_int_equal(b->log->generation, GENERATION + 1);
}

static void test_a_transaction_open_when_all_is_lost_is_aborted(void **state)
{
    struct bench *b = *state;

    feed(b, SCRIPT_EVENTS_TOPIC, 0, "add a");
    run(b);
    b->log->room = 1;
    pass(b, 100);
    tell(b, EGW_LOG_LOST);
    run(b);
    assert_string_equal(b->log->trace, " begin stop0 stop1 ABORT");
    b->log->room = 0;
    script_assign(b->log, GENERATION + 1, both, 2);
    run(b);
    settle(b);
    assert_outs(b, "a=1");
}

static void test_a_commit_under_way_when_all_is_lost_is_refused_and_aborted(void **state)
{
    struct bench *b = *state;

    b->log->hang[EGW_LOG_COMMIT] = true;
    feed(b, SCRIPT_EVENTS_TOPIC, 0, "add a");
    run(b);
    pass(b, 100);
    tell(b, EGW_LOG_LOST);
    run(b);
    b->log->hang[EGW_LOG_COMMIT] = false;
    b->log->result[EGW_LOG_COMMIT] = EGW_ABORT;
    script_let_go(b->log);
    run(b);
    assert_string_equal(b->log->trace, " begin COMMIT stop0 stop1 ABORT");
    assert_outs(b, "");
}

static void test_a_commit_that_stood_when_all_was_lost_is_seen_on_return(void **state)
{
    struct bench *b = *state;

    b->log->hang[EGW_LOG_COMMIT] = true;
    feed(b, SCRIPT_EVENTS_TOPIC, 0, "add a");
    run(b);
    pass(b, 100);
    tell(b, EGW_LOG_LOST);
    script_assign(b->log, GENERATION + 1, both, 2);
    run(b);
    b->log->hang[EGW_LOG_COMMIT] = false;
    script_let_go(b->log);
    run(b);
    feed(b, SCRIPT_EVENTS_TOPIC, 0, "add a");
    run(b);
    settle(b);
    assert_outs(b, "a=1 a=2");
}

static void test_lost_while_revoking_gives_no_answer(void **state)
{
    struct bench *b = *state;

    b->log->hang[EGW_LOG_COMMIT] = true;
    feed(b, SCRIPT_EVENTS_TOPIC, 0, "add a");
    run(b);
    tell(b, EGW_LOG_REVOKE);
    run(b);
    tell(b, EGW_LOG_LOST);
    run(b);
    pass(b, 5000);
    assert_null(strstr(b->log->trace, "release"));
    assert_int_equal(b->notes[EGW_NOTE_REVOKED], 0);
}

static void test_a_parked_partition_is_read_on_from_where_it_was(void **state)
{
    struct bench *b = *state;
    struct entry other = {.count = 41, .facts_offset = -1};

    feed(b, SCRIPT_EVENTS_TOPIC, 0, "add a");
    run(b);
    settle(b);
    tell(b, EGW_LOG_REVOKE);
    run(b);
    (void)script_append(b->log, SCRIPT_STATE, 0, EGW_STR("b"), /* the owner in between */
                        (struct egw_str){(const char *)&other, sizeof(other)});
    (void)script_append(b->log, SCRIPT_STATE, 0, EGW_STR("a"), EGW_STR_NONE);
    feed(b, SCRIPT_EVENTS_TOPIC, 0, "add a");
    feed(b, SCRIPT_EVENTS_TOPIC, 0, "add b");
    script_clear_trace(b->log);
    script_assign(b->log, GENERATION + 1, both, 2);
    run(b);
    assert_non_null(strstr(b->log->trace, " follow0:1 "));
    settle(b);
    assert_outs(b, "a=1 a=1 b=42");
}

static void test_a_partition_parked_for_too_long_is_read_from_the_beginning(void **state)
{
    struct bench *b = *state;

    tell(b, EGW_LOG_REVOKE);
    run(b);
    pass(b, 3600001);
    script_assign(b->log, GENERATION + 1, both, 2);
    run(b);
    assert_non_null(strstr(b->log->trace, " follow0:-2 "));
    assert_running(b, 2);
}

static void test_a_revoke_of_partitions_being_restored_forgets_them(void **state)
{
    struct bench *b = *state;

    stand_at(b, 0, 0, NULL);
    stand_at(b, 1, 0, NULL);
    b->log->parts[SCRIPT_STATE][0].hold_at = 0;
    b->log->parts[SCRIPT_STATE][1].hold_at = 0;
    start(b);
    assert_running(b, 0);
    tell(b, EGW_LOG_REVOKE);
    run(b);
    b->log->parts[SCRIPT_STATE][0].hold_at = -1;
    b->log->parts[SCRIPT_STATE][1].hold_at = -1;
    script_clear_trace(b->log);
    script_assign(b->log, GENERATION + 1, both, 2);
    run(b);
    assert_non_null(strstr(b->log->trace, " follow0:-2 follow1:-2"));
    assert_running(b, 2);
}

static void test_a_start_that_says_retry_is_asked_again(void **state)
{
    struct bench *b = *state;

    stand_at(b, 0, 0, NULL);
    stand_at(b, 1, 0, NULL);
    feed(b, SCRIPT_EVENTS_TOPIC, 0, "add a");
    b->log->start_result = EGW_RETRY;
    start(b);
    settle(b);
    assert_outs(b, "a=1");
}

static void test_a_broken_input_halts_its_partition_only(void **state)
{
    struct bench *b = *state;
    struct egw_log_event event = {.kind = EGW_LOG_BROKEN, .topic = SCRIPT_INBOX, .partition = 1};

    egw_error_set(&event.error, EGW_INVALID, "inbox/1: offset out of range");
    script_tell(b->log, &event);
    run(b);
    assert_halted(b, "inbox/1: offset out of range");
    assert_running(b, 1);
}

static void test_a_broken_reference_topic_ends_the_process(void **state)
{
    struct bench *b = *state;
    struct egw_log_event event = {.kind = EGW_LOG_BROKEN, .topic = SCRIPT_REFERENCE};

    egw_error_set(&event.error, EGW_INVALID, "reference/0: offset out of range");
    script_tell(b->log, &event);
    run(b);
    assert_int_equal(b->ended, EGW_FATAL);
    assert_string_equal(b->error.text, "reference/0: offset out of range");
}

static void test_a_partition_given_up_cannot_break(void **state)
{
    struct bench *b = *state;
    struct egw_log_event event = {.kind = EGW_LOG_BROKEN, .topic = SCRIPT_INBOX, .partition = 1};

    tell(b, EGW_LOG_REVOKE);
    run(b);
    egw_error_set(&event.error, EGW_INVALID, "inbox/1: offset out of range");
    script_tell(b->log, &event);
    run(b);
    assert_int_equal(b->notes[EGW_NOTE_PARTITION_HALTED], 0);
    assert_int_equal(stats(b).partitions_assigned, 0);
}

/* ---- steps that fail ---- */

static void test_retry_holds_that_input_only_and_drops_its_effects(void **state)
{
    struct bench *b = *state;

    feed(b, SCRIPT_EVENTS_TOPIC, 0, "retry a");
    feed(b, SCRIPT_EVENTS_TOPIC, 0, "add b");
    feed(b, SCRIPT_EVENTS_TOPIC, 1, "add c");
    run(b);
    assert_non_null(strstr(b->log->trace, " start0:-3,0"));
    assert_string_equal(b->why[EGW_NOTE_WAITING], "a is not known yet");
    feed(b, SCRIPT_INBOX, 0, "add d");
    run(b);
    settle(b);
    assert_outs(b, "d=1 c=1");
    assert_int_equal(b->log->parts[SCRIPT_EVENTS_TOPIC][0].committed, 0);
}

static void test_retry_comes_again_after_a_nudge(void **state)
{
    struct bench *b = *state;

    feed(b, SCRIPT_EVENTS_TOPIC, 0, "retry a");
    run(b);
    b->counter.let_pass = true;
    run(b);
    settle(b);
    assert_outs(b, "");
    egw_runtime_nudge(b->runtime);
    run(b);
    settle(b);
    assert_outs(b, "a=1");
}

static void test_retry_comes_again_after_something_was_learned(void **state)
{
    struct bench *b = *state;

    feed(b, SCRIPT_EVENTS_TOPIC, 0, "retry a");
    run(b);
    b->counter.let_pass = true;
    fact(b, "anything");
    run(b);
    settle(b);
    assert_outs(b, "a=1");
}

static void test_retry_comes_again_when_the_other_input_moved(void **state)
{
    struct bench *b = *state;

    feed(b, SCRIPT_EVENTS_TOPIC, 0, "retry a");
    run(b);
    feed(b, SCRIPT_INBOX, 0, "pass b");
    run(b);
    settle(b);
    assert_outs(b, "b=1 a=1");
}

static void test_invalid_halts_the_partition_and_what_was_decided_before_commits(void **state)
{
    struct bench *b = *state;

    feed(b, SCRIPT_EVENTS_TOPIC, 0, "add a");
    feed(b, SCRIPT_EVENTS_TOPIC, 0, "bad b");
    feed(b, SCRIPT_EVENTS_TOPIC, 0, "add c");
    feed(b, SCRIPT_EVENTS_TOPIC, 1, "add d");
    run(b);
    settle(b);
    assert_halted(b, "cannot use b");
    assert_outs(b, "a=1 d=1");
    assert_int_equal(b->log->parts[SCRIPT_EVENTS_TOPIC][0].committed, 1);
}

static void test_no_memory_for_a_step_ends_the_process(void **state)
{
    struct bench *b = *state;

    feed(b, SCRIPT_EVENTS_TOPIC, 0, "nomem a");
    run(b);
    assert_int_equal(b->ended, EGW_NOMEM);
    assert_string_equal(b->error.text, "partition 0: no memory for a step");
}

static void test_an_unusable_reference_record_is_skipped_and_noted(void **state)
{
    struct bench *b = *state;

    (void)script_append(b->log, SCRIPT_REFERENCE, 0, EGW_STR("k"), EGW_STR("unusable"));
    fact(b, "next");
    run(b);
    assert_int_equal(b->notes[EGW_NOTE_UNUSABLE], 1);
    assert_string_equal(b->why[EGW_NOTE_UNUSABLE], "the fact is unusable");
    assert_int_equal(b->counter.learned, 1);
}

/* ---- timers and facts ---- */

static void test_a_timer_fires_once_and_not_before_its_time(void **state)
{
    struct bench *b = *state;

    feed(b, SCRIPT_EVENTS_TOPIC, 0, "due a 1700000005000");
    run(b);
    settle(b);
    pass(b, 4799);
    assert_int_equal(stats(b).timers, 0);
    pass(b, 1);
    assert_int_equal(stats(b).timers, 1);
    settle(b);
    pass(b, 100000);
    assert_outs(b, "a=1 timer-a");
}

static void test_a_timer_that_fired_does_not_fire_after_a_restart(void **state)
{
    struct bench *b = *state;

    feed(b, SCRIPT_EVENTS_TOPIC, 0, "due a 1700000005000");
    run(b);
    settle(b);
    pass(b, 5000);
    settle(b);
    restart(b);
    settle(b);
    assert_outs(b, "a=1 timer-a");
}

static void test_a_timer_fires_after_a_restart(void **state)
{
    struct bench *b = *state;

    feed(b, SCRIPT_EVENTS_TOPIC, 0, "due a 1700000005000");
    run(b);
    settle(b);
    restart(b);
    pass(b, 4000);
    assert_int_equal(stats(b).timers, 0);
    pass(b, 1000);
    settle(b);
    assert_outs(b, "a=1 timer-a");
}

static void test_a_timer_that_was_moved_fires_at_its_new_time_only(void **state)
{
    struct bench *b = *state;

    feed(b, SCRIPT_EVENTS_TOPIC, 0, "due a 1700000005000");
    run(b);
    settle(b);
    feed(b, SCRIPT_EVENTS_TOPIC, 0, "due a 1700000009000");
    run(b);
    settle(b);
    pass(b, 5000);
    settle(b);
    assert_outs(b, "a=1 a=2");
    pass(b, 5000);
    settle(b);
    assert_outs(b, "a=1 a=2 timer-a");
}

static void test_a_changed_fact_fires_a_waiting_entry_once(void **state)
{
    struct bench *b = *state;

    feed(b, SCRIPT_EVENTS_TOPIC, 0, "wait a health");
    feed(b, SCRIPT_EVENTS_TOPIC, 0, "wait b calendar");
    run(b);
    settle(b);
    fact(b, "health");
    run(b);
    settle(b);
    assert_outs(b, "a=1 b=1 health@0-a");
    settle(b);
    restart(b);
    settle(b);
    assert_outs(b, "a=1 b=1 health@0-a");
}

static void test_a_fact_that_changes_again_fires_again(void **state)
{
    struct bench *b = *state;

    feed(b, SCRIPT_EVENTS_TOPIC, 0, "wait a health");
    run(b);
    settle(b);
    fact(b, "health");
    run(b);
    fact(b, "health"); /* before the first is committed */
    run(b);
    settle(b);
    settle(b);
    assert_outs(b, "a=1 health@0-a health@1-a");
}

static void test_a_fact_that_changed_while_nobody_ran_fires_at_the_start(void **state)
{
    struct bench *b = *state;

    feed(b, SCRIPT_EVENTS_TOPIC, 0, "wait a health");
    run(b);
    settle(b);
    egw_runtime_free(b->runtime);
    script_crash(b->log);
    fact(b, "health");
    b->runtime = NULL;
    restart(b);
    settle(b);
    assert_outs(b, "a=1 health@0-a");
}

static void test_a_fact_that_changes_while_its_wait_commits_is_not_missed(void **state)
{
    struct bench *b = *state;

    b->log->hang[EGW_LOG_COMMIT] = true;
    feed(b, SCRIPT_EVENTS_TOPIC, 0, "wait a health");
    run(b);
    pass(b, 100);
    fact(b, "health");
    run(b);
    b->log->hang[EGW_LOG_COMMIT] = false;
    script_let_go(b->log);
    run(b);
    settle(b);
    assert_outs(b, "a=1 health@0-a");
}

/* ---- stopping ---- */

static void test_a_drain_commits_what_is_decided_and_takes_nothing_more(void **state)
{
    struct bench *b = *state;

    feed(b, SCRIPT_EVENTS_TOPIC, 0, "add a");
    run(b);
    egw_runtime_stop(b->runtime, EGW_STOP_DRAIN);
    feed(b, SCRIPT_EVENTS_TOPIC, 0, "add a");
    run(b);
    assert_int_equal(b->ended, EGW_NOT_FOUND);
    assert_outs(b, "a=1");
}

static void test_a_drain_waits_for_the_commit_under_way(void **state)
{
    struct bench *b = *state;

    b->log->hang[EGW_LOG_COMMIT] = true;
    feed(b, SCRIPT_EVENTS_TOPIC, 0, "add a");
    run(b);
    egw_runtime_stop(b->runtime, EGW_STOP_DRAIN);
    run(b);
    assert_int_equal(b->ended, EGW_OK);
    script_let_go(b->log);
    run(b);
    assert_int_equal(b->ended, EGW_NOT_FOUND);
    assert_outs(b, "a=1");
}

static void test_a_drain_with_nothing_decided_ends_at_once(void **state)
{
    struct bench *b = *state;

    egw_runtime_stop(b->runtime, EGW_STOP_DRAIN);
    assert_int_equal(egw_runtime_turn(b->runtime, 500, NULL), EGW_NOT_FOUND);
}

static void test_stop_now_does_not_wait_for_a_commit(void **state)
{
    struct bench *b = *state;

    b->log->hang[EGW_LOG_COMMIT] = true;
    feed(b, SCRIPT_EVENTS_TOPIC, 0, "add a");
    run(b);
    pass(b, 100);
    egw_runtime_stop(b->runtime, EGW_STOP_NOW);
    assert_int_equal(egw_runtime_turn(b->runtime, 500, NULL), EGW_NOT_FOUND);
    restart(b);
    settle(b);
    assert_outs(b, "a=1");
}

static void test_stop_now_opens_no_transaction(void **state)
{
    struct bench *b = *state;

    feed(b, SCRIPT_EVENTS_TOPIC, 0, "add a");
    run(b);
    egw_runtime_stop(b->runtime, EGW_STOP_NOW);
    b->log->mono_ms += 1000;
    assert_int_equal(egw_runtime_turn(b->runtime, 500, NULL), EGW_NOT_FOUND);
    assert_string_equal(b->log->trace, "");
}

static void test_a_crash_at_any_moment_of_a_commit_decides_each_input_once(void **state)
{
    static const bool applied[] = {false, true};
    struct bench *b = *state;

    for (size_t i = 0; i < EGW_COUNT(applied); i++) {
        feed(b, SCRIPT_EVENTS_TOPIC, 0, "add a");
        b->log->hang[EGW_LOG_COMMIT] = true;
        run(b);
        pass(b, 100);
        if (applied[i])
            script_let_go(b->log); /* and the answer is never read */
        restart(b);
        settle(b);
    }
    assert_outs(b, "a=1 a=2");
}

#define T(test)     cmocka_unit_test_setup_teardown(test, setup, teardown)
#define BARE(test)  cmocka_unit_test_setup_teardown(test, setup_bare, teardown)
#define SMALL(test) cmocka_unit_test_setup_teardown(test, setup_two_records, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        BARE(test_committed_equal_to_the_position_goes_on_there),
        BARE(test_committed_missing_resumes_at_the_position),
        BARE(test_committed_below_the_position_is_skipped_and_counted),
        BARE(test_committed_above_the_position_halts_after_a_second_look),
        BARE(test_a_late_marker_lets_a_partition_go_on),
        BARE(test_the_second_look_is_had_again_by_the_next_assignment),
        BARE(test_the_second_look_is_had_again_after_a_fatal_commit),
        BARE(test_no_position_with_offsets_halts),
        BARE(test_no_position_and_no_offsets_halts),
        BARE(test_a_position_below_the_log_start_halts),
        BARE(test_a_position_above_the_log_end_halts_after_a_second_look),
        BARE(test_another_digest_of_the_last_input_halts),
        BARE(test_a_last_input_that_is_gone_halts),
        BARE(test_a_last_input_below_the_log_start_is_not_asked_for),
        BARE(test_an_unreadable_entry_halts_and_names_its_offset),
        BARE(test_an_unreadable_position_halts),
        BARE(test_a_position_for_another_partition_count_halts),
        BARE(test_a_position_of_other_inputs_halts),
        BARE(test_a_halted_partition_does_not_stop_the_other),
        BARE(test_nothing_starts_before_reference_is_read_as_far_as_the_predecessor_had),
        BARE(test_nothing_starts_before_policy_was_read_to_its_end),
        BARE(test_state_behind_an_open_transaction_is_waited_for),
        BARE(test_a_lookup_that_says_retry_is_asked_again),
        BARE(test_a_lookup_that_is_denied_ends_the_process),
        BARE(test_a_partition_out_of_range_ends_the_process),
        T(test_each_input_is_handled_once),
        T(test_a_record_below_the_position_is_dropped),
        T(test_a_transaction_carries_the_offsets_of_every_touched_partition),
        T(test_a_transaction_of_a_timer_alone_carries_offsets),
        T(test_nothing_decided_opens_no_transaction),
        T(test_a_batch_carries_the_generation_it_was_decided_under),
        T(test_the_next_batch_is_decided_on_top_of_the_committing_one),
        T(test_a_removed_entry_is_gone_for_the_next_batch_and_after_a_restart),
        T(test_a_batch_closes_by_time),
        T(test_the_loop_sleeps_until_the_batch_is_due),
        SMALL(test_a_batch_closes_by_count),
        cmocka_unit_test_setup_teardown(test_a_batch_closes_by_bytes, setup_few_bytes, teardown),
        SMALL(test_a_full_batch_stops_the_inputs_and_goes_on_after),
        SMALL(test_a_partition_that_starts_beside_a_full_batch_takes_nothing),
        T(test_an_abort_drops_both_batches_and_rewinds_all_partitions),
        T(test_aborts_in_a_row_make_the_next_begin_wait_longer),
        T(test_an_abort_rewinds_to_what_was_committed_last),
        T(test_a_timer_used_up_in_an_aborted_batch_fires_again),
        T(test_a_fact_used_up_in_an_aborted_batch_fires_again),
        T(test_a_timer_made_moot_by_an_aborted_batch_fires_all_the_same),
        T(test_a_doubtful_abort_makes_a_new_producer),
        T(test_an_abort_that_fails_reads_everything_again),
        T(test_a_produce_that_says_abort_is_aborted_without_a_commit),
        T(test_a_full_queue_of_the_producer_is_waited_for),
        T(test_a_fatal_commit_reads_every_partition_again_before_any_input),
        T(test_a_fatal_commit_that_did_not_stand_is_decided_again),
        T(test_a_fatal_commit_that_stood_is_not_decided_again),
        T(test_a_fatal_commit_drops_what_was_decided_on_top),
        T(test_timers_and_facts_outlive_a_fatal_commit),
        T(test_a_begin_that_fails_makes_a_new_producer),
        T(test_a_produce_that_is_fatal_makes_a_new_producer),
        T(test_a_doubtful_commit_makes_a_new_producer_before_the_next_begin),
        T(test_more_recreations_than_allowed_end_the_process),
        T(test_recreations_that_lie_far_apart_do_not_count_together),
        T(test_a_fenced_commit_ends_the_process),
        T(test_a_failed_handle_ends_the_process),
        T(test_a_revoke_commits_what_is_decided_then_releases),
        T(test_a_revoke_takes_no_more_inputs),
        T(test_a_revoke_is_bounded_when_the_commit_hangs),
        T(test_the_loop_does_not_oversleep_the_bound_of_a_revoke),
        T(test_a_timer_due_while_revoking_lets_the_loop_sleep),
        T(test_a_commit_that_ends_after_its_revoke_is_not_decided_twice),
        T(test_what_is_lost_is_dropped_and_not_committed),
        T(test_a_transaction_open_when_all_is_lost_is_aborted),
        T(test_a_commit_under_way_when_all_is_lost_is_refused_and_aborted),
        T(test_a_commit_that_stood_when_all_was_lost_is_seen_on_return),
        T(test_lost_while_revoking_gives_no_answer),
        T(test_a_parked_partition_is_read_on_from_where_it_was),
        T(test_a_partition_parked_for_too_long_is_read_from_the_beginning),
        BARE(test_a_revoke_of_partitions_being_restored_forgets_them),
        BARE(test_a_start_that_says_retry_is_asked_again),
        T(test_a_broken_input_halts_its_partition_only),
        T(test_a_broken_reference_topic_ends_the_process),
        T(test_a_partition_given_up_cannot_break),
        T(test_retry_holds_that_input_only_and_drops_its_effects),
        T(test_retry_comes_again_after_a_nudge),
        T(test_retry_comes_again_after_something_was_learned),
        T(test_retry_comes_again_when_the_other_input_moved),
        T(test_invalid_halts_the_partition_and_what_was_decided_before_commits),
        T(test_no_memory_for_a_step_ends_the_process),
        T(test_an_unusable_reference_record_is_skipped_and_noted),
        T(test_a_timer_fires_once_and_not_before_its_time),
        T(test_a_timer_that_fired_does_not_fire_after_a_restart),
        T(test_a_timer_fires_after_a_restart),
        T(test_a_timer_that_was_moved_fires_at_its_new_time_only),
        T(test_a_changed_fact_fires_a_waiting_entry_once),
        T(test_a_fact_that_changes_again_fires_again),
        T(test_a_fact_that_changed_while_nobody_ran_fires_at_the_start),
        T(test_a_fact_that_changes_while_its_wait_commits_is_not_missed),
        T(test_a_drain_commits_what_is_decided_and_takes_nothing_more),
        T(test_a_drain_waits_for_the_commit_under_way),
        T(test_a_drain_with_nothing_decided_ends_at_once),
        T(test_stop_now_does_not_wait_for_a_commit),
        T(test_stop_now_opens_no_transaction),
        T(test_a_crash_at_any_moment_of_a_commit_decides_each_input_once),
    };

    return cmocka_run_group_tests_name("runtime", tests, NULL, NULL);
}
