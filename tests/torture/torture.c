/*
 * Every allocation failed in turn, once and for good: a failed one is EGW_NOMEM and nothing else.
 * Parts must give all memory back; a worker must end cleanly, and the one after it finish as if
 * nothing had been, each event answered once.
 *
 * The first 100 of each, or with EGW_TORTURE=all every one.
 */
#include "bench.h"

#include <stdio.h>
#include <stdlib.h>

#include "desk.h"
#include "egw/facts.h"
#include "egw/json.h"
#include "egw/policy_file.h"
#include "egw/schema.h"
#include "egw/table.h"
#include "failing_alloc.h"

enum { FIRST = 100 };

static size_t how_many(void)
{
    const char *all = getenv("EGW_TORTURE");

    return all && strcmp(all, "all") == 0 ? SIZE_MAX : FIRST;
}

/* ---- parts: each makes, uses and frees what it is about ---- */

static const char event_json[] =
    "{\"event_id\":\"e1\",\"event_type\":\"opened\",\"partner\":\"p\",\"customer\":\"c\","
    "\"case_id\":\"k\",\"occurred_at\":\"2026-01-05T08:10:00Z\",\"title\":\"t\",\"diagnosis\":"
    "[{\"kind\":\"check\",\"step\":\"s\",\"at\":1},{\"kind\":\"check\",\"step\":\"r\",\"at\":2}],"
    "\"contact\":{\"name\":\"x\"},\"extensions\":{\"a\":\"b\",\"c\":\"d\"}}";

static enum egw_status part_plans(struct egw_error *reterr)
{
    struct egw_plans *plans = NULL;
    enum egw_status st = egw_plans_builtin(&plans, reterr);

    egw_plans_free(plans);
    return st;
}

static enum egw_status part_schema(struct egw_error *reterr)
{
    struct egw_plan *plan = NULL;
    uint64_t fingerprint;
    struct egw_str json = egw_str_of(egw_type_support_event.json);
    enum egw_status st = egw_schema_fingerprint(json, &fingerprint, reterr);

    if (!st)
        st = egw_plan_new(json, &egw_type_support_event, &plan, reterr);
    egw_plan_free(plan);
    return st;
}

static enum egw_status part_records(struct egw_error *reterr)
{
    const struct egw_framing framing = {0};
    struct egw_arena arena = {0};
    struct egw_buf avro = {0}, text = {0};
    struct egw_support_event event, again;
    struct egw_plan *plan = NULL;
    enum egw_status st =
        egw_json_read(EGW_STR(event_json), &egw_type_support_event, &arena, &event, reterr);

    if (!st)
        st = egw_encode_framed(&framing, &egw_type_support_event, &event, &avro, reterr);
    if (!st)
        st = egw_plan_new(egw_str_of(egw_type_support_event.json), &egw_type_support_event, &plan,
                          reterr);
    if (!st) {
        struct egw_str body = egw_frame_read(egw_buf_str(&avro)).body;

        st = egw_decode(plan, body.p, body.n, &arena, &again, reterr);
    }
    if (!st)
        st = egw_json_write(&egw_type_support_event, &again, EGW_JSON_PRETTY, NULL, &text, reterr);
    if (!st)
        assert_int_equal(text.n, 459);
    egw_plan_free(plan);
    egw_buf_free(&avro);
    egw_buf_free(&text);
    egw_arena_free(&arena);
    return st;
}

/* A failed put or absorb leaves what was there. */
static enum egw_status part_table(struct egw_error *reterr)
{
    struct egw_table base = {0}, overlay = {0};
    struct egw_str value;
    char key[8];
    size_t put = 0;
    enum egw_status st = EGW_OK;

    (void)reterr;
    for (; !st && put < 60; put++) {
        int n = snprintf(key, sizeof(key), "k%zu", put);

        st = egw_table_put(put % 2 ? &base : &overlay, (struct egw_str){key, (size_t)n},
                           EGW_STR("value"));
    }
    if (!st)
        st = egw_table_put(&overlay, EGW_STR("k1"), EGW_STR("a longer value than before"));
    if (!st)
        st = egw_table_absorb(&base, &overlay);
    assert_true(egw_table_get(&base, EGW_STR("k1"), &value) || put < 3);
    egw_table_free(&base);
    egw_table_free(&overlay);
    return st;
}

static enum egw_status part_facts(struct egw_error *reterr)
{
    struct egw_facts *facts = egw_facts_new();
    struct egw_str domains[] = {EGW_STR("adatum.example"), EGW_STR("adatum.test")};
    struct egw_str name;
    enum egw_status st = facts ? EGW_OK : EGW_NOMEM;
    struct egw_relation relation = {.partner = EGW_STR("litware"),
                                    .customer = EGW_STR("adatum"),
                                    .tenant = EGW_STR("t-adatum"),
                                    .domains = {domains, EGW_COUNT(domains)},
                                    .active = true};
    struct egw_reference reference = {.source = EGW_STR("t"),
                                      .body = {.branch = EGW_REF_RELATION, .p = &relation}};
    struct egw_buf key = {0};

    if (!st)
        st = egw_reference_key(&reference, &key, reterr);
    for (int64_t offset = 0; !st && offset < 3; offset++)
        st = egw_facts_take(facts, egw_buf_str(&key), offset == 1 ? NULL : &reference, offset,
                            reterr);
    if (!st)
        assert_true(egw_facts_customer(facts, EGW_STR("litware"), EGW_STR("adatum.test"), &name));
    egw_buf_free(&key);
    egw_facts_free(facts);
    return st;
}

#define STAGE(name, then)                                                                          \
    "stage = \"" name "\"; rules = ( { id = \"z." name "\"; " then                                 \
    " because = \"b\"; source = \"S\"; } );"

static enum egw_status part_policy(struct egw_error *reterr)
{
    static const struct egw_policy_file files[] = {
        {EGW_STR("b.cfg"),
         EGW_STR("domains = [\"technical\"]; severities = [\"A\", \"C\"]; default-severity = \"C\";"
                 "plans = [\"csp\"]; services = ( { id = \"azure\"; name = \"Azure\"; "
                 "family = \"azure\"; cloud = true; } ); channels = ( { id = \"commercial\"; "
                 "name = \"C\"; entitlement = \"csp\"; source = \"S\"; } );")},
        {EGW_STR("v.cfg"), EGW_STR(STAGE("validity", "then = \"next\";"))},
        {EGW_STR("w.cfg"), EGW_STR(STAGE("access", "then = \"next\";"))},
        {EGW_STR("x.cfg"), EGW_STR(STAGE("health", "then = \"next\";"))},
        {EGW_STR("y.cfg"), EGW_STR(STAGE("baseline", "then = \"next\";"))},
        {EGW_STR("z.cfg"),
         EGW_STR(STAGE("channel", "then = \"NOT_ENTITLED\"; code = \"NO_PLAN\";"))},
    };
    struct egw_faults faults = {0};
    struct egw_policy *policy = NULL;
    enum egw_status st = egw_policy_compile(files, EGW_COUNT(files), &policy, &faults);

    if (st == EGW_INVALID)
        egw_error_set(reterr, st, "%s", faults.n ? faults.texts[0] : "no text");
    assert_int_equal(st == EGW_OK, policy != NULL);
    egw_policy_free(policy);
    egw_faults_free(&faults);
    return st;
}

static const struct part_row {
    const char *name;
    enum egw_status (*run)(struct egw_error *reterr);
    bool another_way; /* it may do without one that fails once */
} parts[] = {
    {"plans", part_plans, false},
    {"a schema", part_schema, false},
    {"records as JSON and Avro", part_records, true}, /* the encoder has a slow way */
    {"a table", part_table, false},
    {"facts", part_facts, false},
    {"a policy", part_policy, false},
};

static enum egw_status expected(bool failed)
{
    return failed ? EGW_NOMEM : EGW_OK;
}

/* Whether an n-th allocation was there to fail. */
static bool fail_part(const struct part_row *row, size_t n, bool lasting)
{
    struct egw_error error = {.text = ""};
    enum egw_status st;
    size_t asked;

    alloc_start(n, lasting);
    st = row->run(&error);
    asked = alloc_stop();
    if (alloc_left())
        fail_msg("%s: %zu blocks are left when allocation %zu fails", row->name, alloc_left(), n);
    if (st != expected(n && asked >= n) && !(st == EGW_OK && row->another_way && !lasting))
        fail_msg("%s: %s when allocation %zu of %zu fails: %s", row->name, egw_status_name(st), n,
                 asked, error.text);
    return asked >= n;
}

static void a_part_says_no_memory_and_gives_all_back(void **state)
{
    const struct part_row *row = *state;

    (void)fail_part(row, 0, false);
    for (int lasting = 0; lasting < 2; lasting++) {
        for (size_t n = 1; n <= how_many() && fail_part(row, n, lasting); n++)
            ;
    }
}

/* ---- a worker over the scripted log: records, a timer, a fact, aborts, a rebalance ---- */

static void act(struct bench *b, int at)
{
    switch (at) {
    case 0:
        feed(b, SCRIPT_EVENTS_TOPIC, 0, "add a");
        feed(b, SCRIPT_EVENTS_TOPIC, 0, "due t 1700000005000");
        feed(b, SCRIPT_EVENTS_TOPIC, 1, "wait w health");
        feed(b, SCRIPT_INBOX, 1, "add i");
        break;
    case 1:
        fact(b, "health");
        feed(b, SCRIPT_EVENTS_TOPIC, 0, "add a");
        b->log->result[EGW_LOG_COMMIT] = EGW_ABORT;
        break;
    case 2:
        feed(b, SCRIPT_EVENTS_TOPIC, 1, "drop i");
        tell(b, EGW_LOG_REVOKE);
        break;
    case 3:
        script_assign(b->log, GENERATION + 1, both, 2);
        feed(b, SCRIPT_EVENTS_TOPIC, 0, "add a");
        b->log->result[EGW_LOG_COMMIT] = EGW_FATAL;
        break;
    default:
        b->log->mono_ms += 5000;
        b->log->wall_ms += 5000;
        break;
    }
}

enum { ACTS = 5, TURNS_AN_ACT = 40 };

/* A process from its start to its end; *at says how far the world has come, whoever works. */
static enum egw_status work(struct bench *b, int *at, bool *acted)
{
    enum egw_status st = egw_runtime_new(&b->conf, script_port(b->log), &b->counter.processor,
                                         &b->runtime, &b->error);

    if (!st)
        script_assign(b->log, GENERATION, both, 2);
    while (!st && *at < ACTS) {
        if (!*acted)
            act(b, *at);
        *acted = true;
        for (int i = 0; !st && i < TURNS_AN_ACT; i++) {
            script_clear_trace(b->log);
            b->log->mono_ms += 20;
            b->log->wall_ms += 20;
            st = egw_runtime_turn(b->runtime, 500, &b->error);
        }
        if (!st)
            ++*at, *acted = false;
    }
    egw_runtime_free(b->runtime);
    b->runtime = NULL;
    return st;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The words of a line in order: what two processes say, they may say in another one. */
static void sort_words(const char *line, char *ret, size_t cap)
{
    char copy[4096], *words[256], *rest = copy, *word;
    size_t n = 0, used = 0;

    (void)snprintf(copy, sizeof(copy), "%s", line);
    while ((word = strsep(&rest, " ")) && n < EGW_COUNT(words))
        words[n++] = word;
    qsort(words, n, sizeof(*words), by_text);
    ret[0] = '\0';
    for (size_t i = 0; i < n && used < cap; i++)
        used += (size_t)snprintf(ret + used, cap - used, "%s ", words[i]);
}

/* Ends with the outcomes of a world in which the n-th allocation of the first process fails. */
static bool work_twice(size_t n, bool lasting, char *ret_outs, size_t cap)
{
    void *state;
    struct bench *b;
    bool acted = false, failed;
    int at = 0;
    size_t asked;
    enum egw_status st;

    assert_int_equal(setup_bare(&state), 0);
    b = state;
    stand_at(b, 0, 0, NULL);
    stand_at(b, 1, 0, NULL);
    alloc_start(n, lasting);
    st = work(b, &at, &acted);
    asked = alloc_stop();
    failed = n && asked >= n;
    if (alloc_left())
        fail_msg("%zu blocks are left when allocation %zu fails", alloc_left(), n);
    if (st && st != expected(failed)) /* OK: the encoder went its slow way */
        fail_msg("the worker ended with %s when allocation %zu of %zu fails: %s",
                 egw_status_name(st), n, asked, b->error.text);
    script_crash(b->log);
    if (st) {
        b->counter = (struct counter){.processor = b->counter.processor, .learned = -1};
        assert_int_equal(work(b, &at, &acted), EGW_OK);
    }
    sort_words(script_outs(b->log), ret_outs, cap);
    assert_int_equal(teardown(&state), 0);
    return failed;
}

static void a_worker_that_runs_out_of_memory_is_followed_by_one_that_finishes(void **state)
{
    char right[4096], outs[4096];

    (void)state;
    (void)work_twice(0, false, right, sizeof(right));
    assert_string_equal(right, "a=1 a=2 a=3 health@0-w i=1 i=2 t=1 timer-t w=1 ");
    for (int lasting = 0; lasting < 2; lasting++) {
        for (size_t n = 1; n <= how_many() && work_twice(n, lasting, outs, sizeof(outs)); n++) {
            if (strcmp(outs, right) != 0)
                fail_msg("allocation %zu: %s, not %s", n, outs, right);
        }
    }
}

/* ---- triage over the desk: the story ---- */

#define NOW   INT64_C(1767601800000) /* 2026-01-05T08:30:00Z, the clock of the story */
#define STORY EGW_SOURCE_DIR "/config/story/"

/* One line of what was decided, whatever the order. */
static void said(struct desk *desk, char *ret, size_t cap)
{
    static char line[32768];
    const struct egw_outcome *outcome;
    size_t n = 0;

    line[0] = '\0';
    while ((outcome = desk_outcome(desk, "")) && n < sizeof(line))
        n += (size_t)snprintf(line + n, sizeof(line) - n, "%s%.*s/%.*s=%d:%.*s", n ? " " : "",
                              EGW_FMT(outcome->case_id), EGW_FMT(outcome->event_id),
                              (int)outcome->action, EGW_FMT(outcome->code));
    assert_true(n < sizeof(line));
    sort_words(line, ret, cap);
}

static bool triage_twice(struct desk *desk, const struct desk_mark *mark, size_t n, bool lasting,
                         char *ret, size_t cap)
{
    struct egw_error error = {.text = ""};
    enum egw_status st;
    size_t asked;
    bool failed;

    desk_rewind(desk, mark);
    alloc_start(n, lasting);
    st = desk_try(desk, &error);
    desk_stop(desk);
    asked = alloc_stop();
    failed = n && asked >= n;
    if (alloc_left())
        fail_msg("%zu blocks are left when allocation %zu fails", alloc_left(), n);
    if (st && st != expected(failed)) /* OK: the encoder went its slow way */
        fail_msg("triage ended with %s when allocation %zu of %zu fails: %s", egw_status_name(st),
                 n, asked, error.text);
    desk_restart(desk);
    said(desk, ret, cap);
    return failed;
}

static void triage_that_runs_out_of_memory_decides_the_story_all_the_same(void **state)
{
    static char right[32768], outs[32768];
    struct desk *desk = desk_new(NOW);
    struct desk_mark mark;

    (void)state;
    desk_lines(desk, STORY "reference.jsonl", desk_fact);
    desk_lines(desk, STORY "events.jsonl", desk_event);
    desk_stop(desk);
    desk_mark(desk, &mark);
    (void)triage_twice(desk, &mark, 0, false, right, sizeof(right));
    assert_true(strlen(right) > 100);
    for (int lasting = 0; lasting < 2; lasting++) {
        for (size_t n = 1;
             n <= how_many() && triage_twice(desk, &mark, n, lasting, outs, sizeof(outs)); n++) {
            if (strcmp(outs, right) != 0)
                fail_msg("allocation %zu: %s, not %s", n, outs, right);
        }
    }
    desk_free(desk);
}

int main(void)
{
    struct CMUnitTest tests[EGW_COUNT(parts) + 2];
    size_t n = 0;

    for (; n < EGW_COUNT(parts); n++)
        tests[n] = (struct CMUnitTest){.name = parts[n].name,
                                       .test_func = a_part_says_no_memory_and_gives_all_back,
                                       .initial_state = (void *)&parts[n]};
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(
        a_worker_that_runs_out_of_memory_is_followed_by_one_that_finishes);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(
        triage_that_runs_out_of_memory_decides_the_story_all_the_same);
    return cmocka_run_group_tests_name("torture", tests, NULL, NULL);
}
