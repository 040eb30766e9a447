/* A candidate over a story: it moves exactly what its changed rule decides, and nothing else. */
#define _GNU_SOURCE /* memmem */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>

#include "desk.h"
#include "egw/backtest.h"
#include "egw/policy_file.h"
#include "egw/replay.h"
#include "egw/schema.h"

enum { BILLING = 5, TECHNICAL = 3 };

#define AS_OF "{\"as_of\": \"2026-01-05T07:59:00.000Z\", \"source\": \"test\", \"body\": "

static const char *const facts[] = {
    AS_OF "{\"partner\": {\"partner\": \"litware\", \"kind\": \"indirect-provider\", \"csp\": "
          "true}}}",
    AS_OF "{\"membership\": {\"partner\": \"litware\", \"level\": \"gold\"}}}",
    AS_OF "{\"pack\": {\"partner\": \"litware\", \"activated\": true, \"left\": 9}}}",
    AS_OF "{\"relation\": {\"partner\": \"litware\", \"customer\": \"contoso\", \"tenant\": "
          "\"3f1c0b5e-2c1d-4f6a-9a57-0d6d1a9c0001\", \"domains\": [\"contoso.example\"]}}}",
    AS_OF "{\"access\": {\"partner\": \"litware\", \"customer\": \"contoso\", \"status\": "
          "\"active\", \"assigned\": true, \"rbac\": [\"sub-1\"], \"roles\": [\"Service Support "
          "Administrator\"], "
          "\"ends_at\": \"2027-01-01T00:00:00.000Z\"}}}",
};

static void event(struct desk *desk, const char *id, const char *type, const char *domain,
                  const char *service, const char *more)
{
    char line[1400];

    (void)snprintf(
        line, sizeof(line),
        "{\"event_id\": \"%s-%s\", \"event_type\": \"%s\", \"partner\": \"litware\", \"customer\": "
        "\"contoso\", \"case_id\": \"%s\", \"occurred_at\": \"2026-01-05T07:58:00.000Z\", "
        "\"ask\": \"issue\", \"domain\": \"%s\", \"service\": \"%s\", \"symptom\": \"error\", "
        "\"severity\": \"%s\", \"scope\": \"tenant\", \"title\": \"help\", \"text\": \"it is "
        "wrong\", \"started_at\": \"2026-01-05T07:55:00.000Z\", \"diagnosis\": [{\"kind\": "
        "\"attempt\", \"step\": \"tried again\", \"result\": \"the same\", \"resolved\": false, "
        "\"at\": \"2026-01-05T07:58:00.000Z\"}], \"contact\": {\"name\": \"Desk\", \"email\": "
        "\"desk@litware.example\", \"phone\": \"+1\"}%s}",
        id, type, type, id, domain, service, id[0] == 'B' ? "C" : "B", more);
    desk_event(desk, line);
}

static struct desk *story(void)
{
    struct desk *desk = desk_new(1767600000000);
    char id[16];

    for (size_t i = 0; i < EGW_COUNT(facts); i++)
        desk_fact(desk, facts[i]);
    desk_run(desk);
    for (int i = 0; i < BILLING; i++) {
        (void)snprintf(id, sizeof(id), "B-%d", i);
        event(desk, id, "opened", "billing", "Office 365", "");
    }
    for (int i = 0; i < TECHNICAL; i++) {
        (void)snprintf(id, sizeof(id), "T-%d", i);
        event(desk, id, "opened", "technical", "Azure", ", \"subscription\": \"sub-1\"");
    }
    event(desk, "B-0", "opened", "billing", "Office 365", ""); /* a repeat */
    event(desk, "B-1", "case-number", "billing", "Office 365", ", \"number\": \"2601050000001\"");
    desk_run(desk);
    desk->now_ms += 60000;
    event(desk, "B-9", "opened", "billing", "Office 365", "");
    desk_run(desk);
    return desk;
}

/* ---- a candidate ---- */

struct candidate {
    struct egw_policy_files files;
    struct egw_sha256 manifest;
    struct egw_policy *policy; /* of the caller's own */
    char *edited;
};

/* The shipped policy with the first `from` after `after` in a file made `to`; NULL: as it is. */
static struct candidate candidate_of(const char *file, const char *after, const char *from,
                                     const char *to)
{
    struct candidate c = {.edited = NULL};
    struct egw_faults faults = {0};

    assert_int_equal(egw_policy_read(EGW_SOURCE_DIR "/config/policy",
                                     EGW_SOURCE_DIR "/config/catalogue", &c.files, NULL),
                     EGW_OK);
    for (size_t i = 0; file && i < c.files.n; i++) {
        struct egw_policy_file *f = &c.files.files[i];
        const char *at;
        size_t room = f->content.n + strlen(to) + 1;
        int n;

        if (!egw_str_is(f->name, file))
            continue;
        at = memmem(f->content.p, f->content.n, after, strlen(after));
        assert_non_null(at);
        at = memmem(at, (size_t)(f->content.p + f->content.n - at), from, strlen(from));
        assert_non_null(at);
        c.edited = must_alloc(room);
        n = snprintf(c.edited, room, "%.*s%s%.*s", (int)(at - f->content.p), f->content.p, to,
                     (int)(f->content.p + f->content.n - at) - (int)strlen(from),
                     at + strlen(from));
        f->content = (struct egw_str){c.edited, (size_t)n};
    }
    assert_int_equal(egw_policy_manifest(c.files.files, c.files.n, &c.manifest), EGW_OK);
    assert_int_equal(egw_policy_compile(c.files.files, c.files.n, &c.policy, &faults), EGW_OK);
    return c;
}

static void candidate_free(struct candidate *c)
{
    egw_policy_free(c->policy);
    egw_policy_files_free(&c->files);
    free(c->edited);
}

/* ---- the chain gone through ---- */

struct told {
    const struct desk *desk;
    struct egw_triage *triage;
    struct egw_plans *plans;
    struct egw_backtest *backtest;
    struct candidate *candidate;
    int64_t since, lost_input;
    struct egw_arena arena;
};

static const struct egw_framing framing = {.confluent = false};

static void compile(void *user, const struct egw_sha256 *manifest,
                    const struct egw_policy_file *files, size_t n)
{
    struct told *told = user;
    struct egw_policy *policy = NULL;
    struct egw_faults faults = {0};

    assert_int_equal(egw_policy_compile(files, n, &policy, &faults), EGW_OK);
    egw_triage_policy(told->triage, manifest, policy, NULL);
}

static void learn(struct told *told, const struct egw_log_record *record)
{
    const struct egw_processor *processor = egw_triage_processor(told->triage);
    struct egw_str fact;

    assert_int_equal(processor->learn(processor->self, record, &fact, NULL), EGW_OK);
}

static void learn_candidate(struct told *told)
{
    const struct candidate *c = told->candidate;
    char hex[2 * EGW_SHA256 + 1];

    egw_hex(c->manifest.b, EGW_SHA256, hex);
    for (size_t i = 0; i < c->files.n; i++) {
        struct egw_policy_content content = {.manifest = egw_str_of(hex),
                                             .name = c->files.files[i].name,
                                             .files = (int32_t)c->files.n,
                                             .content = c->files.files[i].content};
        struct egw_log_record record = {.topic = DESK_POLICY};
        struct egw_sha256 digest;
        struct egw_buf bytes = {0};

        egw_sha256(content.content.p, content.content.n, &digest);
        memcpy(content.digest, digest.b, EGW_SHA256);
        assert_int_equal(
            egw_encode_framed(&framing, &egw_type_policy_content, &content, &bytes, NULL), EGW_OK);
        record.value = egw_buf_str(&bytes);
        learn(told, &record);
        egw_buf_free(&bytes);
    }
}

static void open_triage(struct told *told)
{
    const struct egw_triage_topics topics = desk_triage_topics();
    const struct egw_triage_ports ports = {
        .compile = compile, .schema = desk_no_schema, .user = told};
    const struct desk_topic_log *log = &told->desk->topics[DESK_POLICY];

    assert_int_equal(egw_triage_new(&topics, &ports, &framing, told->plans, &told->triage, NULL),
                     EGW_OK);
    for (size_t i = 0; i < log->n; i++) {
        struct egw_log_record record = desk_log_record(DESK_POLICY, &log->records[i]);

        learn(told, &record);
    }
    learn_candidate(told);
}

static const struct egw_log_record *input_of(const struct told *told,
                                             const struct egw_outcome *outcome, int32_t partition,
                                             struct egw_log_record *room)
{
    bool events = egw_str_is(outcome->trigger.topic, "events");
    const struct desk_topic_log *log = &told->desk->topics[events ? DESK_EVENTS : DESK_INBOX];

    if (outcome->trigger.kind != EGW_TRIGGER_KIND_EVENT ||
        (events && outcome->trigger.offset == told->lost_input))
        return NULL;
    for (size_t i = 0; i < log->n; i++) {
        if (log->records[i].partition == partition &&
            log->records[i].offset == outcome->trigger.offset) {
            *room = desk_log_record(events ? 0 : 1, &log->records[i]);
            return room;
        }
    }
    return NULL;
}

static bool counted(const struct told *told, const struct egw_outcome *outcome)
{
    return egw_policy_channel_counted(told->candidate->policy, outcome->channel);
}

static void tell(struct told *told, struct egw_replay *replay, const struct desk_record *from)
{
    struct egw_log_record record = desk_log_record(DESK_OUTCOMES, from), room;
    struct egw_frame frame = egw_frame_read(from->value);
    const struct egw_plan *plan;
    struct egw_replay_answer answer;
    struct egw_outcome outcome;

    assert_int_equal(egw_plans_find(told->plans, &frame, &plan, NULL), EGW_OK);
    assert_int_equal(egw_decode(plan, frame.body.p, frame.body.n, &told->arena, &outcome, NULL),
                     EGW_OK);
    assert_int_equal(egw_replay_outcome(replay, &record, &outcome,
                                        input_of(told, &outcome, from->partition, &room), true,
                                        &answer, NULL),
                     EGW_OK);
    if (!egw_backtest_concerns(&outcome) || outcome.decided_at < told->since) {
        assert_true(outcome.decided_at >= told->since || !answer.tried);
        return;
    }
    if (answer.verdict == EGW_REPLAY_UNCHECKED) {
        assert_int_equal(egw_backtest_unchecked(told->backtest, answer.why.text, NULL), EGW_OK);
        return;
    }
    assert_int_equal(answer.verdict, EGW_REPLAY_SAME); /* the trial left nothing behind */
    assert_non_null(answer.tried);
    assert_int_equal(
        egw_backtest_compare(
            told->backtest, &(struct egw_backtest_side){&outcome, counted(told, &outcome)},
            &(struct egw_backtest_side){answer.tried, counted(told, answer.tried)}, NULL),
        EGW_OK);
}

static struct egw_backtest *backtest(const struct desk *desk, struct candidate *candidate,
                                     int64_t since, int64_t lost_input)
{
    static const char *const names[] = {"events", "inbox"};
    const struct desk_topic_log *references = &desk->topics[DESK_REFERENCE];
    struct told told = {
        .desk = desk, .candidate = candidate, .since = since, .lost_input = lost_input};
    struct egw_log_record *reference = must_alloc(references->n * sizeof(*reference));
    struct egw_replay_conf conf = {
        .outcomes_topic = DESK_OUTCOMES,
        .input_names = names,
        .input_count = 2,
        .partition = egw_partition_of(EGW_STR("litware/contoso"), DESK_PARTITIONS),
        .partition_count = DESK_PARTITIONS,
        .reference = reference,
        .reference_n = references->n,
        .candidate = &candidate->manifest,
        .since = since,
    };
    struct egw_replay *replay;

    assert_int_equal(egw_plans_builtin(&told.plans, NULL), EGW_OK);
    assert_int_equal(egw_backtest_new(&told.backtest, NULL), EGW_OK);
    open_triage(&told);
    conf.triage = told.triage;
    conf.plans = told.plans;
    for (size_t i = 0; i < references->n; i++)
        reference[i] = desk_log_record(DESK_REFERENCE, &references->records[i]);
    assert_int_equal(egw_replay_new(&conf, &replay, NULL), EGW_OK);
    for (size_t i = 0; i < desk->topics[DESK_OUTCOMES].n; i++) {
        if (desk->topics[DESK_OUTCOMES].records[i].partition == conf.partition)
            tell(&told, replay, &desk->topics[DESK_OUTCOMES].records[i]);
    }
    egw_replay_free(replay);
    egw_triage_free(told.triage);
    egw_plans_free(told.plans);
    egw_arena_free(&told.arena);
    free(reference);
    return told.backtest;
}

#define BILLING_RULE "id = \"commercial.billing\""
#define HOLD         "then = \"HELD\"; code = \"POLICY\""
#define HAND         "then = \"HANDOFF\"; channel = \"commercial\""

/* ---- claims ---- */

static void the_policy_in_force_against_itself_moves_nothing(void **state)
{
    struct desk *desk = story();
    struct candidate same = candidate_of(NULL, NULL, NULL, NULL);
    struct egw_backtest *made = backtest(desk, &same, 0, -1);
    struct egw_backtest_sums sums = egw_backtest_sums(made);
    size_t n;

    (void)state;
    assert_int_equal(sums.moved, 0);
    assert_int_equal(sums.retold, 0);
    assert_int_equal(sums.unchecked, 0);
    assert_int_equal(sums.same, BILLING + TECHNICAL + 1);
    assert_int_equal(sums.undecided, 1); /* the case number */
    assert_int_equal(sums.cases, BILLING + TECHNICAL + 1);
    assert_int_equal(sums.cases_moved, 0);
    for (size_t side = 0; side < 2; side++) {
        assert_int_equal(sums.contacts[side], BILLING + TECHNICAL + 1);
        assert_int_equal(sums.incidents[side], TECHNICAL);
    }
    (void)egw_backtest_moves(made, &n);
    assert_int_equal(n, 0);
    assert_false(egw_backtest_over(&sums, 0));
    egw_backtest_free(made);
    candidate_free(&same);
    desk_free(desk);
}

static void a_changed_rule_moves_what_it_decides_and_nothing_else(void **state)
{
    struct desk *desk = story();
    struct candidate held = candidate_of("channel.cfg", BILLING_RULE, HAND, HOLD);
    struct egw_backtest *made = backtest(desk, &held, 0, -1);
    struct egw_backtest_sums sums = egw_backtest_sums(made);
    const struct egw_backtest_move *moves;
    const struct egw_backtest_line *lines;
    size_t n;

    (void)state;
    assert_int_equal(sums.moved, BILLING + 1);
    assert_int_equal(sums.cases_moved, BILLING + 1);
    assert_int_equal(sums.cases, BILLING + TECHNICAL + 1);
    assert_int_equal(sums.contacts[0], BILLING + TECHNICAL + 1);
    assert_int_equal(sums.contacts[1], TECHNICAL);
    moves = egw_backtest_moves(made, &n);
    assert_int_equal(n, 1);
    assert_int_equal(moves[0].n, BILLING + 1);
    assert_int_equal(moves[0].was.action, EGW_ACTION_HANDOFF);
    assert_true(egw_str_is(moves[0].was.channel, "commercial"));
    assert_int_equal(moves[0].becomes.action, EGW_ACTION_HELD);
    assert_true(egw_str_is(moves[0].becomes.code, "POLICY"));
    assert_true(egw_str_is(moves[0].case_id, "B-0"));
    assert_true(egw_str_is(moves[0].was_rule, "commercial.billing"));
    lines = egw_backtest_lines(made, EGW_BACKTEST_SEVERITY, &n);
    assert_int_equal(n, 2);
    assert_true(egw_str_is(lines[0].name, "C"));
    assert_int_equal(lines[0].moved, BILLING + 1);
    assert_int_equal(lines[1].moved, 0);
    assert_int_equal(lines[1].contacts[1], TECHNICAL);
    lines = egw_backtest_lines(made, EGW_BACKTEST_CUSTOMER, &n);
    assert_int_equal(n, 1);
    assert_true(egw_str_is(lines[0].name, "litware/contoso"));
    assert_int_equal(lines[0].contacts[0], BILLING + TECHNICAL + 1);
    assert_int_equal(lines[0].contacts[1], TECHNICAL);
    egw_backtest_free(made);
    candidate_free(&held);
    desk_free(desk);
}

static void another_reason_for_the_same_answer_is_no_move(void **state)
{
    struct desk *desk = story();
    struct candidate said =
        candidate_of("channel.cfg", BILLING_RULE, "billing goes to", "bills go to");
    struct egw_backtest *made = backtest(desk, &said, 0, -1);
    struct egw_backtest_sums sums = egw_backtest_sums(made);

    (void)state;
    assert_int_equal(sums.moved, 0);
    assert_int_equal(sums.retold, BILLING + 1);
    assert_int_equal(sums.same, TECHNICAL);
    egw_backtest_free(made);
    candidate_free(&said);
    desk_free(desk);
}

static void only_what_was_decided_since_then_is_tried(void **state)
{
    struct desk *desk = story();
    struct candidate held = candidate_of("channel.cfg", BILLING_RULE, HAND, HOLD);
    struct egw_backtest *made = backtest(desk, &held, desk->now_ms, -1);
    struct egw_backtest_sums sums = egw_backtest_sums(made);

    (void)state;
    assert_int_equal(sums.cases, 1); /* B-9 */
    assert_int_equal(sums.moved, 1);
    assert_true(egw_backtest_over(&sums, 99));
    assert_false(egw_backtest_over(&sums, 100));
    egw_backtest_free(made);
    candidate_free(&held);
    desk_free(desk);
}

static void an_input_that_is_gone_is_counted_as_unchecked_with_its_reason(void **state)
{
    struct desk *desk = story();
    struct candidate held = candidate_of("channel.cfg", BILLING_RULE, HAND, HOLD);
    struct egw_backtest *made = backtest(desk, &held, 0, 1); /* B-1, and what follows in its case */
    struct egw_backtest_sums sums = egw_backtest_sums(made);
    const struct egw_backtest_line *whys;
    size_t n;

    (void)state;
    assert_int_equal(sums.unchecked, 2);
    assert_int_equal(sums.moved, BILLING);
    assert_int_equal(sums.cases, BILLING + TECHNICAL);
    whys = egw_backtest_lines(made, EGW_BACKTEST_WHY, &n);
    assert_int_equal(n, 2);
    assert_true(egw_str_is(whys[0].name, "its input is no longer kept"));
    assert_true(egw_str_is(whys[1].name, "what went before in its case could not be checked"));
    egw_backtest_free(made);
    candidate_free(&held);
    desk_free(desk);
}

/* ---- sums alone ---- */

static struct egw_outcome handoff(const char *case_id, bool charged, const char *price)
{
    return (struct egw_outcome){.action = EGW_ACTION_HANDOFF,
                                .partner = EGW_STR("p"),
                                .customer = EGW_STR("c"),
                                .case_id = egw_str_of(case_id),
                                .rule = EGW_STR("r"),
                                .channel = EGW_STR("advanced"),
                                .severity = EGW_STR("B"),
                                .chain = EGW_STR("triage/0"),
                                .price = egw_str_of(price),
                                .chargeable = {true, charged}};
}

static void a_price_that_falls_away_is_a_move_and_shows_in_the_sums(void **state)
{
    struct egw_outcome was = handoff("1", true, "EUR 90"), becomes = handoff("1", false, "");
    struct egw_outcome other = handoff("2", true, "EUR 90");
    struct egw_backtest *made;
    const struct egw_backtest_move *moves;
    const struct egw_backtest_line *lines;
    struct egw_backtest_sums sums;
    size_t n;

    (void)state;
    assert_int_equal(egw_backtest_new(&made, NULL), EGW_OK);
    for (int again = 0; again < 2; again++) /* twice in one case: one case */
        assert_int_equal(egw_backtest_compare(made, &(struct egw_backtest_side){&was, true},
                                              &(struct egw_backtest_side){&becomes, false}, NULL),
                         EGW_OK);
    assert_int_equal(egw_backtest_compare(made, &(struct egw_backtest_side){&other, true},
                                          &(struct egw_backtest_side){&other, true}, NULL),
                     EGW_OK);
    sums = egw_backtest_sums(made);
    assert_int_equal(sums.priced[0], 3);
    assert_int_equal(sums.priced[1], 1);
    assert_int_equal(sums.incidents[0], 3);
    assert_int_equal(sums.incidents[1], 1);
    assert_int_equal(sums.cases, 2);
    assert_int_equal(sums.cases_moved, 1);
    assert_true(egw_backtest_over(&sums, 49));
    assert_false(egw_backtest_over(&sums, 50));
    moves = egw_backtest_moves(made, &n);
    assert_int_equal(n, 1);
    assert_int_equal(moves[0].n, 2);
    assert_true(egw_str_is(moves[0].was.price, "EUR 90"));
    assert_int_equal(moves[0].was.severity.n, 0); /* both agree on it */
    lines = egw_backtest_lines(made, EGW_BACKTEST_PRICE, &n);
    assert_int_equal(n, 1);
    assert_int_equal(lines[0].steps, 3);
    assert_int_equal(lines[0].moved, 2);
    assert_int_equal(lines[0].contacts[1], 1);
    egw_backtest_free(made);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_policy_in_force_against_itself_moves_nothing),
        cmocka_unit_test(a_changed_rule_moves_what_it_decides_and_nothing_else),
        cmocka_unit_test(another_reason_for_the_same_answer_is_no_move),
        cmocka_unit_test(only_what_was_decided_since_then_is_tried),
        cmocka_unit_test(an_input_that_is_gone_is_counted_as_unchecked_with_its_reason),
        cmocka_unit_test(a_price_that_falls_away_is_a_move_and_shows_in_the_sums),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
