/* What was decided, decided once more: the same where nothing was touched, found where it was. */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>

#include "desk.h"
#include "egw/policy_file.h"
#include "egw/recall.h"
#include "egw/replay.h"
#include "egw/schema.h"

enum { OUTCOMES_MAX = 64 };

/* ---- a short story: two customers, a held case, a changed fact, a shared problem ---- */

#define AS_OF "{\"as_of\": \"2026-01-05T07:59:00.000Z\", \"source\": \"test\", \"body\": "
#define EXPIRED                                                                                    \
    AS_OF "{\"access\": {\"partner\": \"litware\", \"customer\": \"contoso\", \"status\": "        \
          "\"expired\", \"assigned\": true, \"roles\": [\"Service Support Administrator\"], "      \
          "\"ends_at\": \"2026-01-01T00:00:00.000Z\"}}}"
#define RENEWED                                                                                    \
    AS_OF "{\"access\": {\"partner\": \"litware\", \"customer\": \"contoso\", \"status\": "        \
          "\"active\", \"assigned\": true, \"roles\": [\"Service Support Administrator\"], "       \
          "\"ends_at\": \"2027-01-01T00:00:00.000Z\"}}}"

static const char *const facts_first[] = {
    AS_OF "{\"partner\": {\"partner\": \"litware\", \"kind\": \"indirect-provider\", \"csp\": "
          "true}}}",
    AS_OF "{\"contract\": {\"partner\": \"litware\", \"plan\": \"advanced\", \"starts_at\": "
          "\"2025-07-01T00:00:00.000Z\", \"ends_at\": \"2026-06-30T00:00:00.000Z\"}}}",
    AS_OF "{\"relation\": {\"partner\": \"litware\", \"customer\": \"contoso\", \"tenant\": "
          "\"3f1c0b5e-2c1d-4f6a-9a57-0d6d1a9c0001\", \"domains\": [\"contoso.example\"]}}}",
    EXPIRED,
};

static void event(struct desk *desk, const char *id, const char *type, const char *case_id,
                  const char *more)
{
    char line[1200];

    (void)snprintf(
        line, sizeof(line),
        "{\"event_id\": \"%s\", \"event_type\": \"%s\", \"partner\": \"litware\", \"customer\": "
        "\"contoso\", \"case_id\": \"%s\", \"occurred_at\": \"2026-01-05T07:58:00.000Z\", "
        "\"ask\": \"issue\", \"domain\": \"technical\", \"service\": \"Exchange Online\", "
        "\"symptom\": \"error\", \"severity\": \"B\", \"scope\": \"tenant\", \"title\": \"mail\", "
        "\"text\": \"no mail comes in\", \"started_at\": \"2026-01-05T07:55:00.000Z\", "
        "\"diagnosis\": [{\"kind\": \"attempt\", \"step\": \"tried again\", \"result\": \"the "
        "same\", \"resolved\": false, \"at\": \"2026-01-05T07:58:00.000Z\"}], \"contact\": "
        "{\"name\": \"Desk\", \"email\": \"desk@litware.example\", \"phone\": \"+1\"}%s}",
        id, type, case_id, more);
    desk_event(desk, line);
}

static struct desk *story(void)
{
    struct desk *desk = desk_new(1767600000000);

    for (size_t i = 0; i < EGW_COUNT(facts_first); i++)
        desk_fact(desk, facts_first[i]);
    desk_run(desk);
    event(desk, "E-1", "opened", "C-1", "");
    event(desk, "E-2", "opened", "C-2", ", \"problem\": \"P-1\"");
    event(desk, "E-1", "opened", "C-1", "");
    desk_run(desk);
    desk->now_ms += 60000;
    desk_fact(desk, RENEWED); /* both waited for it */
    desk_run(desk);
    event(desk, "E-3", "opened", "C-3", ", \"problem\": \"P-1\"");
    event(desk, "E-4", "case-number", "C-2", ", \"number\": \"2601050000001\"");
    desk_run(desk);
    desk->now_ms += INT64_C(400) * 86400000; /* every due time passes */
    desk_run(desk);
    event(desk, "E-5", "closed", "C-1", ", \"state\": \"customer\"");
    desk_run(desk);
    return desk;
}

/* ---- replaying it ---- */

struct told { /* what was said of each outcome of the customer's partition, in order */
    struct egw_outcome outcomes[OUTCOMES_MAX];
    enum egw_replay_verdict verdicts[OUTCOMES_MAX];
    char why[OUTCOMES_MAX][sizeof(((struct egw_error *)NULL)->text)];
    char fields[OUTCOMES_MAX][128];
    size_t n;
    struct egw_arena arena;
};

struct tampering {
    int64_t lost_input;     /* offset in events that is no longer there; -1: none */
    int64_t lost_reference; /* likewise */
    int64_t from;           /* chain number from which outcomes are kept */
    void (*edit)(struct egw_outcome *outcome);
    size_t edited; /* place of the outcome edited */
};
static const struct tampering untouched = {-1, -1, 0, NULL, 0};

static struct egw_triage *triage;
static struct egw_policy *policy; /* a second copy, for recalls */

static void compile(void *user, const struct egw_sha256 *manifest,
                    const struct egw_policy_file *files, size_t n)
{
    struct egw_policy *mine = NULL;
    struct egw_faults faults = {0};

    (void)user;
    assert_int_equal(egw_policy_compile(files, n, &mine, &faults), EGW_OK);
    if (!policy)
        assert_int_equal(egw_policy_compile(files, n, &policy, &faults), EGW_OK);
    egw_triage_policy(triage, manifest, mine, NULL);
}

static void open_triage(const struct desk *desk, const struct egw_framing *framing,
                        struct egw_plans *plans)
{
    struct egw_triage_topics topics = desk_triage_topics();
    struct egw_triage_ports ports = {.compile = compile, .schema = desk_no_schema};
    const struct desk_topic_log *log = &desk->topics[DESK_POLICY];

    assert_int_equal(egw_triage_new(&topics, &ports, framing, plans, &triage, NULL), EGW_OK);
    for (size_t i = 0; i < log->n; i++) {
        const struct egw_processor *processor = egw_triage_processor(triage);
        struct egw_log_record record = desk_log_record(DESK_POLICY, &log->records[i]);
        struct egw_str fact;

        assert_int_equal(processor->learn(processor->self, &record, &fact, NULL), EGW_OK);
    }
}

static void name_fields(egw_outcome_fields fields, char *text, size_t n)
{
    text[0] = '\0';
    for (size_t i = 0; i < egw_type_outcome.field_count; i++) {
        if (fields >> i & 1)
            (void)snprintf(text + strlen(text), n - strlen(text), "%s%s", text[0] ? " " : "",
                           egw_type_outcome.fields[i].name);
    }
}

static void tell(struct told *told, const struct desk *desk, struct egw_replay *replay,
                 const struct desk_record *from, const struct egw_plans *plans,
                 const struct tampering *how)
{
    static const struct egw_framing framing = {.confluent = false};
    struct egw_log_record record = desk_log_record(DESK_OUTCOMES, from), input;
    struct egw_outcome *outcome = &told->outcomes[told->n];
    struct egw_frame frame = egw_frame_read(from->value);
    const struct desk_record *found = NULL;
    const struct egw_plan *plan;
    struct egw_replay_answer answer;
    struct egw_buf buf = {0};

    assert_int_equal(egw_plans_find(plans, &frame, &plan, NULL), EGW_OK);
    assert_int_equal(egw_decode(plan, frame.body.p, frame.body.n, &told->arena, outcome, NULL),
                     EGW_OK);
    if (outcome->seq < how->from)
        return;
    if (how->edit && told->n == how->edited) {
        how->edit(outcome);
        assert_int_equal(egw_encode_framed(&framing, &egw_type_outcome, outcome, &buf, NULL),
                         EGW_OK);
        record.value = egw_buf_str(&buf);
    }
    if (outcome->trigger.kind == EGW_TRIGGER_KIND_EVENT) {
        bool events = egw_str_is(outcome->trigger.topic, "events");

        if (!events || outcome->trigger.offset != how->lost_input)
            found = desk_record_at(desk, events ? DESK_EVENTS : DESK_INBOX, from->partition,
                                   outcome->trigger.offset);
        if (found)
            input = desk_log_record(events ? 0 : 1, found);
    }
    assert_int_equal(
        egw_replay_outcome(replay, &record, outcome, found ? &input : NULL, true, &answer, NULL),
        EGW_OK);
    told->verdicts[told->n] = answer.verdict;
    (void)snprintf(told->why[told->n], sizeof(told->why[0]), "%s",
                   answer.verdict ? answer.why.text : "");
    name_fields(answer.fields, told->fields[told->n], sizeof(told->fields[0]));
    assert_true(++told->n < OUTCOMES_MAX);
    egw_buf_free(&buf);
}

static struct told *replay_story(const struct desk *desk, const struct tampering *how)
{
    static const struct egw_framing framing = {.confluent = false};
    static const char *const names[] = {"events", "inbox"};
    const struct desk_topic_log *references = &desk->topics[DESK_REFERENCE];
    struct told *told = calloc(1, sizeof(*told));
    struct egw_log_record *reference = calloc(references->n, sizeof(*reference));
    struct egw_replay_conf conf = {
        .outcomes_topic = DESK_OUTCOMES,
        .input_names = names,
        .input_count = 2,
        .partition = egw_partition_of(EGW_STR("litware/contoso"), DESK_PARTITIONS),
        .partition_count = DESK_PARTITIONS,
        .reference = reference,
    };
    struct egw_plans *plans = NULL;
    struct egw_replay *replay;

    assert_non_null(told);
    assert_non_null(reference);
    assert_int_equal(egw_plans_builtin(&plans, NULL), EGW_OK);
    open_triage(desk, &framing, plans);
    conf.triage = triage;
    conf.plans = plans;
    for (size_t i = 0; i < references->n; i++) {
        if (references->records[i].offset != how->lost_reference)
            reference[conf.reference_n++] =
                desk_log_record(DESK_REFERENCE, &references->records[i]);
    }
    assert_int_equal(egw_replay_new(&conf, &replay, NULL), EGW_OK);
    for (size_t i = 0; i < desk->topics[DESK_OUTCOMES].n; i++) {
        if (desk->topics[DESK_OUTCOMES].records[i].partition == conf.partition)
            tell(told, desk, replay, &desk->topics[DESK_OUTCOMES].records[i], plans, how);
    }
    egw_replay_free(replay);
    egw_triage_free(triage);
    egw_plans_free(plans);
    free(reference);
    return told;
}

static void forget(struct told *told)
{
    egw_arena_free(&told->arena);
    free(told);
}

static size_t place_of(const struct told *told, const char *case_id, const char *action)
{
    for (size_t i = 0; i < told->n; i++) {
        if (egw_str_is(told->outcomes[i].case_id, case_id) &&
            strcmp(egw_action_names[told->outcomes[i].action], action) == 0)
            return i;
    }
    fail_msg("no outcome %s of case %s", action, case_id);
    return 0;
}

/* ---- claims ---- */

static void what_was_decided_comes_out_byte_for_byte(void **state)
{
    struct desk *desk = story();
    struct told *told = replay_story(desk, &untouched);
    bool kinds[3] = {false};

    (void)state;
    for (size_t i = 0; i < told->n; i++) {
        kinds[told->outcomes[i].trigger.kind] = true;
        if (told->verdicts[i] != EGW_REPLAY_SAME)
            fail_msg("outcome %zu: %s (%s)", i, told->why[i], told->fields[i]);
    }
    assert_true(kinds[EGW_TRIGGER_KIND_EVENT]);
    assert_true(kinds[EGW_TRIGGER_KIND_TIMER]);
    assert_true(kinds[EGW_TRIGGER_KIND_FACT]);
    (void)place_of(told, "C-1", "DUPLICATE");
    (void)place_of(told, "C-1", "ACCESS_REQUIRED");
    (void)place_of(told, "C-3", "LINKED");
    forget(told);
    desk_free(desk);
}

static void edit_rule(struct egw_outcome *o)
{
    o->rule = EGW_STR("R-00");
}
static void edit_because(struct egw_outcome *o)
{
    o->because = EGW_STR("because");
}
static void edit_code(struct egw_outcome *o)
{
    o->code = EGW_STR("NO_ROLE");
}
static void edit_severity(struct egw_outcome *o)
{
    o->severity = EGW_STR("A");
}
static void edit_stage(struct egw_outcome *o)
{
    o->stage = EGW_STAGE_HEALTH;
}
static void edit_owner(struct egw_outcome *o)
{
    o->owner = EGW_STR("microsoft");
}
static void edit_final(struct egw_outcome *o)
{
    o->final = true;
}
static void edit_number(struct egw_outcome *o)
{
    o->number = EGW_STR("1");
}
static void edit_waits(struct egw_outcome *o)
{
    o->waits_for.n--;
}
static void edit_as_of(struct egw_outcome *o)
{
    ((struct egw_fact_source *)o->sources.p)[0].as_of++;
}
static void edit_fact(struct egw_outcome *o)
{
    ((struct egw_fact *)o->facts.p)[0].value = EGW_STR("question");
}

static void a_planted_difference_is_found_and_its_field_named(void **state)
{
    static const struct {
        void (*edit)(struct egw_outcome *o);
        const char *field;
    } plants[] = {
        {edit_rule, "rule"},         {edit_because, "because"}, {edit_code, "code"},
        {edit_severity, "severity"}, {edit_stage, "stage"},     {edit_owner, "owner"},
        {edit_final, "final"},       {edit_number, "number"},   {edit_waits, "waits_for"},
        {edit_as_of, "sources"},     {edit_fact, "facts"},
    };
    struct desk *desk = story();
    struct told *clean = replay_story(desk, &untouched);

    (void)state;
    for (size_t i = 0; i < EGW_COUNT(plants); i++) {
        struct tampering how = untouched;
        struct told *told;

        how.edit = plants[i].edit;
        how.edited = place_of(clean, "C-1", "ACCESS_REQUIRED");
        told = replay_story(desk, &how);
        for (size_t k = 0; k < told->n; k++) /* and nothing but it */
            assert_int_equal(told->verdicts[k],
                             k == how.edited ? EGW_REPLAY_DIFFERS : EGW_REPLAY_SAME);
        assert_string_equal(told->fields[how.edited], plants[i].field);
        forget(told);
    }
    forget(clean);
    desk_free(desk);
}

static void a_case_whose_input_is_gone_is_not_checked_from_there_on(void **state)
{
    struct desk *desk = story();
    struct tampering how = untouched;
    struct told *told;

    (void)state;
    how.lost_input = 0; /* E-1 of C-1 */
    told = replay_story(desk, &how);
    for (size_t i = 0; i < told->n; i++) {
        bool c1 = egw_str_is(told->outcomes[i].case_id, "C-1");

        assert_int_equal(told->verdicts[i], c1 ? EGW_REPLAY_UNCHECKED : EGW_REPLAY_SAME);
    }
    assert_string_equal(told->why[place_of(told, "C-1", "ACCESS_REQUIRED")],
                        "its input is no longer kept");
    assert_string_equal(told->why[place_of(told, "C-1", "DUPLICATE")],
                        "what went before in its case could not be checked");
    forget(told);
    desk_free(desk);
}

static void a_decision_on_a_record_compacted_away_is_not_checked(void **state)
{
    struct desk *desk = story();
    struct tampering how = untouched;
    struct told *told;
    size_t at;

    (void)state;
    how.lost_reference = 3; /* the access that had expired: a later record has its key */
    told = replay_story(desk, &how);
    at = place_of(told, "C-1", "ACCESS_REQUIRED");
    assert_int_equal(told->verdicts[at], EGW_REPLAY_UNCHECKED);
    assert_string_equal(told->why[at], "a reference record it names is no longer kept");
    at = place_of(told, "C-3", "LINKED");
    assert_int_equal(told->verdicts[at], EGW_REPLAY_UNCHECKED);
    assert_string_equal(told->why[at], "the case whose command it shares could not be checked");
    for (size_t i = 0; i < told->n; i++)
        assert_int_not_equal(told->verdicts[i], EGW_REPLAY_DIFFERS);
    forget(told);
    desk_free(desk);
}

static void a_case_that_began_before_what_is_kept_is_not_checked(void **state)
{
    struct desk *desk = story();
    struct tampering how = untouched;
    struct told *told;
    size_t at;

    (void)state;
    how.from = 2; /* the activation and the first outcome of C-1 are gone */
    told = replay_story(desk, &how);
    at = place_of(told, "C-1", "DUPLICATE");
    assert_int_equal(told->verdicts[at], EGW_REPLAY_UNCHECKED);
    assert_string_equal(told->why[at], "its case began before what is kept");
    at = place_of(told, "C-2", "ACCESS_REQUIRED");
    assert_int_equal(told->verdicts[at], EGW_REPLAY_SAME);
    forget(told);
    desk_free(desk);
}

/* ---- recalls ---- */

static egw_outcome_fields recalled(const struct egw_outcome *outcome)
{
    struct egw_outcome part = egw_recall_part(outcome), again;
    egw_outcome_fields fields = 0;
    struct egw_arena arena = {0};

    assert_int_equal(egw_recall(policy, outcome, NULL, &arena, &again, NULL), EGW_OK);
    assert_int_equal(egw_outcome_differ(&part, &again, &fields, NULL), EGW_OK);
    egw_arena_free(&arena);
    return fields;
}

static void a_decision_follows_from_its_facts_and_its_policy(void **state)
{
    struct desk *desk = story();
    struct told *told = replay_story(desk, &untouched);
    size_t decided = 0;

    (void)state;
    for (size_t i = 0; i < told->n; i++) {
        if (!egw_recall_decided(&told->outcomes[i]))
            continue;
        assert_int_equal(recalled(&told->outcomes[i]), 0);
        decided++;
    }
    assert_true(decided >= 5);
    forget(told);
    desk_free(desk);
}

static void a_recall_names_the_fields_that_do_not_follow(void **state)
{
    static const struct {
        void (*edit)(struct egw_outcome *o);
        const char *fields;
    } plants[] = {
        {edit_rule, "rule"},         {edit_because, "because"}, {edit_code, "code"},
        {edit_severity, "severity"}, {edit_stage, "stage"},     {edit_owner, "owner"},
        {edit_final, "final"},
    };
    struct desk *desk = story();
    struct told *told = replay_story(desk, &untouched);

    (void)state;
    for (size_t i = 0; i < EGW_COUNT(plants); i++) {
        struct egw_outcome outcome = told->outcomes[place_of(told, "C-1", "ACCESS_REQUIRED")];
        char names[128];

        plants[i].edit(&outcome);
        name_fields(recalled(&outcome), names, sizeof(names));
        if (plants[i].edit == edit_severity && !names[0])
            continue; /* no rule so far had tested it */
        assert_string_equal(names, plants[i].fields);
    }
    forget(told);
    desk_free(desk);
}

#define PROMISED                                                                                   \
    AS_OF "{\"statement\": {\"partner\": \"litware\", \"customer\": \"contoso\", \"version\": "    \
          "\"2026-1\", \"support\": \"all of it\", \"hours\": \"office\", \"contact\": \"+1\", "   \
          "\"charge\": true, \"price\": \"90 EUR\", \"charge_for\": [\"B\"], \"since\": 0}}}"
#define DELIVERED(hours)                                                                           \
    AS_OF "{\"delivery\": {\"partner\": \"litware\", \"customer\": \"contoso\", \"service\": "     \
          "\"*\", \"model\": \"direct\", \"entity\": \"desk\", \"queue\": \"q\", \"hours\": "      \
          "\"" hours "\"}}}"
#define OFFICE                                                                                     \
    AS_OF "{\"calendar\": {\"id\": \"office\", \"zone\": \"UTC\", \"hours\": [\"mon-fri "          \
          "09:00-17:00\"]}}}"

struct kept {
    const struct desk *desk;
    struct egw_plans *plans;
    struct egw_arena arena;
    bool lost;
};

static const struct egw_reference *find_kept(void *user, struct egw_str key, int64_t offset)
{
    struct kept *kept = user;
    const struct desk_record *record = desk_record_at(kept->desk, DESK_REFERENCE, 0, offset);
    struct egw_reference *reference = egw_arena_alloc(&kept->arena, sizeof(*reference));
    const struct egw_plan *plan;
    struct egw_frame frame;

    if (kept->lost)
        return NULL;
    assert_non_null(record);
    assert_true(egw_str_eq(record->key, key));
    frame = egw_frame_read(record->value);
    assert_int_equal(egw_plans_find(kept->plans, &frame, &plan, NULL), EGW_OK);
    assert_int_equal(egw_decode(plan, frame.body.p, frame.body.n, &kept->arena, reference, NULL),
                     EGW_OK);
    return reference;
}

static enum egw_status terms_recalled(struct kept *kept, const struct egw_outcome *outcome,
                                      const struct egw_outcome *before, char fields[128])
{
    const struct egw_recall_ask ask = {policy, outcome, before, find_kept, kept};
    struct egw_outcome was = egw_recall_terms_part(outcome), made = {0};
    egw_outcome_fields differ = 0;
    struct egw_error why;
    enum egw_status st = egw_recall_terms(&ask, &kept->arena, &made, &why);

    made = egw_recall_terms_part(&made);
    assert_int_equal(egw_outcome_differ(&was, &made, &differ, NULL), EGW_OK);
    name_fields(differ, fields, 128);
    return st;
}

static void edit_due(struct egw_outcome *o)
{
    o->due_at.v += 60000;
}
static void edit_earlier_due(struct egw_outcome *o)
{
    o->due_at.v -= 60000;
}
static void edit_no_due(struct egw_outcome *o)
{
    o->due_at.has = false;
}
static void edit_price(struct egw_outcome *o)
{
    o->price = EGW_STR("9 EUR");
}
static void edit_charge(struct egw_outcome *o)
{
    o->chargeable.v = false;
}
static void edit_version(struct egw_outcome *o)
{
    o->statement = EGW_STR("2025-7");
}

static void times_and_prices_follow_from_the_records_an_outcome_names(void **state)
{
    static const struct {
        void (*edit)(struct egw_outcome *o);
        const char *fields;
    } plants[] = {
        {edit_due, "due_at"},        {edit_earlier_due, "due_at"},
        {edit_no_due, "due_at"},     {edit_price, "price"},
        {edit_charge, "chargeable"}, {edit_version, "statement chargeable price"},
    };
    struct desk *desk = desk_new(1767600000000);
    struct kept kept = {.desk = desk};
    struct told *told;
    size_t timed = 0, charged = 0, at;
    char fields[128];

    (void)state;
    for (size_t i = 0; i < EGW_COUNT(facts_first); i++)
        desk_fact(desk, facts_first[i]);
    desk_fact(desk, PROMISED);
    desk_fact(desk, OFFICE);
    event(desk, "1", "opened", "C-1", "");
    desk_run(desk);
    desk->now_ms += 3600000;
    event(desk, "2", "updated", "C-1",
          ", \"impact\": \"all wait\""); /* the same again: the time stays */
    desk_run(desk);
    desk_fact(desk, RENEWED);
    desk_run(desk);
    told = replay_story(desk, &untouched);
    assert_int_equal(egw_plans_builtin(&kept.plans, NULL), EGW_OK);
    for (size_t i = 0; i < told->n; i++) {
        const struct egw_outcome *before = i ? &told->outcomes[i - 1] : NULL;

        if (!egw_recall_decided(&told->outcomes[i]))
            continue;
        assert_int_equal(terms_recalled(&kept, &told->outcomes[i], before, fields), EGW_OK);
        assert_string_equal(fields, "");
        timed += told->outcomes[i].due_at.has;
        charged += told->outcomes[i].chargeable.has && told->outcomes[i].chargeable.v;
    }
    assert_true(timed >= 2 && charged >= 2);
    at = place_of(told, "C-1", "ACCESS_REQUIRED");
    for (size_t i = 0; i < EGW_COUNT(plants); i++) {
        struct egw_outcome outcome = told->outcomes[at];

        plants[i].edit(&outcome);
        assert_int_equal(terms_recalled(&kept, &outcome, NULL, fields), EGW_OK);
        assert_string_equal(fields, plants[i].fields);
    }
    kept.lost = true;
    assert_int_equal(terms_recalled(&kept, &told->outcomes[at], NULL, fields), EGW_NOT_FOUND);
    egw_arena_free(&kept.arena);
    egw_plans_free(kept.plans);
    forget(told);
    desk_free(desk);
}

/* The first source is a calendar whose name begins as that of the outcome's own, and nobody has it.
 */
static void with_namesake(struct kept *kept, struct egw_outcome *o)
{
    size_t n = o->sources.n + 1;
    struct egw_fact_source *sources = egw_arena_alloc(&kept->arena, n * sizeof(*sources));

    assert_true(sources && o->calendar.n);
    memcpy(sources + 1, o->sources.p, (n - 1) * sizeof(*sources));
    sources[0] = (struct egw_fact_source){
        .key = egw_arena_printf(&kept->arena, "calendar/%.*s-nord", EGW_FMT(o->calendar)),
        .offset = 1000000};
    o->sources = (struct egw_list){sources, n};
}

/* How many outcomes of a case at those hours have that calendar, and all follow, also when
 * another's record stands before it. Who is there at all hours has none on record. */
static size_t follow_at(const char *delivery, const char *calendar)
{
    struct desk *desk = desk_new(1767607200000); /* a Monday, 10:00 */
    struct kept kept = {.desk = desk};
    struct told *told;
    size_t counted = 0;
    char fields[128];

    for (size_t i = 0; i < EGW_COUNT(facts_first); i++)
        desk_fact(desk, facts_first[i]);
    desk_fact(desk, RENEWED);
    desk_fact(desk, OFFICE);
    desk_fact(desk, delivery);
    desk_run(desk);
    event(desk, "1", "opened", "C-1", "");
    desk_run(desk);
    told = replay_story(desk, &untouched);
    assert_int_equal(egw_plans_builtin(&kept.plans, NULL), EGW_OK);
    for (size_t i = 0; i < told->n; i++) {
        struct egw_outcome *outcome = &told->outcomes[i];

        if (!egw_recall_decided(outcome))
            continue;
        assert_int_equal(terms_recalled(&kept, outcome, NULL, fields), EGW_OK);
        assert_string_equal(fields, "");
        if (!egw_str_is(outcome->calendar, calendar))
            continue;
        counted++;
        with_namesake(&kept, outcome);
        assert_int_equal(terms_recalled(&kept, outcome, NULL, fields), EGW_OK);
        assert_string_equal(fields, "");
    }
    egw_arena_free(&kept.arena);
    egw_plans_free(kept.plans);
    forget(told);
    desk_free(desk);
    return counted;
}

static void times_follow_at_the_hours_of_the_desk_on_duty(void **state)
{
    (void)state;
    assert_int_equal(follow_at(DELIVERED("24x7"), "24x7"), 1);
    assert_int_equal(follow_at(DELIVERED("office"), "office"), 1);
}

static void facts_that_are_not_the_policys_are_no_ground_to_recall_on(void **state)
{
    struct egw_fact odd[] = {{EGW_STR("weather"), EGW_STR("fine")}};
    struct egw_fact bad[] = {{EGW_STR("ask"), EGW_STR("maybe")}};
    const struct {
        struct egw_list facts;
        const char *why;
    } cases[] = {
        {{odd, 1}, "its policy knows no fact weather"},
        {{bad, 1}, "its policy knows no ask of maybe"},
        {{NULL, 0}, "the rules of stage VALIDITY test ask, which the outcome lacks"},
    };
    struct desk *desk = story();
    struct told *told = replay_story(desk, &untouched);

    (void)state;
    for (size_t i = 0; i < EGW_COUNT(cases); i++) {
        struct egw_outcome outcome = told->outcomes[place_of(told, "C-1", "ACCESS_REQUIRED")];
        struct egw_outcome again;
        struct egw_arena arena = {0};
        struct egw_error error;

        outcome.facts = cases[i].facts;
        assert_int_equal(egw_recall(policy, &outcome, NULL, &arena, &again, &error), EGW_INVALID);
        assert_string_equal(error.text, cases[i].why);
        egw_arena_free(&arena);
    }
    forget(told);
    desk_free(desk);
}

static int end(void **state)
{
    (void)state;
    egw_policy_free(policy);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_decided_comes_out_byte_for_byte),
        cmocka_unit_test(a_planted_difference_is_found_and_its_field_named),
        cmocka_unit_test(a_case_whose_input_is_gone_is_not_checked_from_there_on),
        cmocka_unit_test(a_decision_on_a_record_compacted_away_is_not_checked),
        cmocka_unit_test(a_case_that_began_before_what_is_kept_is_not_checked),
        cmocka_unit_test(a_decision_follows_from_its_facts_and_its_policy),
        cmocka_unit_test(a_recall_names_the_fields_that_do_not_follow),
        cmocka_unit_test(times_and_prices_follow_from_the_records_an_outcome_names),
        cmocka_unit_test(times_follow_at_the_hours_of_the_desk_on_duty),
        cmocka_unit_test(facts_that_are_not_the_policys_are_no_ground_to_recall_on),
    };

    return cmocka_run_group_tests(tests, NULL, end);
}
