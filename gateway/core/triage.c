#include "work.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- records that are not decided here ---- */

static enum egw_status emit_letter(struct work *work, enum egw_dead_class class, const char *reason)
{
    const struct egw_log_record *record = &work->input->record;
    char where[3][24], digest[2 * EGW_SHA256 + 1];
    const char *topic = work->triage->topics.input_names[work->input->input];
    struct egw_log_header headers[] = {
        {EGW_DEAD_TOPIC, egw_str_of(topic)},
        {EGW_DEAD_PARTITION, {where[0], 0}},
        {EGW_DEAD_OFFSET, {where[1], 0}},
        {EGW_DEAD_TIMESTAMP, {where[2], 0}},
        {EGW_DEAD_CLASS, egw_str_of(egw_dead_class_names[class])},
        {EGW_DEAD_REASON, egw_str_of(reason)},
        {EGW_DEAD_DIGEST, {digest, 2 * EGW_SHA256}},
    };
    struct egw_log_out out = {.topic = work->triage->topics.dead_letters,
                              .partition = record->partition,
                              .key = record->key,
                              .value = record->value,
                              .headers = headers,
                              .header_count = EGW_COUNT(headers)};

    (void)snprintf(where[0], sizeof(where[0]), "%d", (int)record->partition);
    (void)snprintf(where[1], sizeof(where[1]), "%" PRId64, record->offset);
    (void)snprintf(where[2], sizeof(where[2]), "%" PRId64, record->timestamp_ms);
    for (int i = 0; i < 3; i++)
        headers[i + 1].value.n = strlen(where[i]);
    egw_hex(egw_turn_digest(work->turn)->b, EGW_SHA256, digest);
    return egw_turn_emit(work->turn, &out) ? no_memory(work) : EGW_OK;
}

/* The letter that a retry comes from is still there: another one would multiply with each retry. */
static enum egw_status dead_letter(struct work *work, enum egw_dead_class class, const char *reason)
{
    const struct egw_log_record *record = &work->input->record;

    if (!work->outcome.retry_of && emit_letter(work, class, reason))
        return EGW_NOMEM;
    work->outcome.because = work_printf(work, "%s", reason);
    /* The key goes on as it came where it can be one: readers still find the customer's record. */
    if (record->key.n && record->key.n <= IDENTIFIER_MAX * 2 && egw_utf8_valid(record->key))
        work->key = record->key;
    return finish(work, EGW_ACTION_DEAD_LETTERED, EGW_STR(""), EGW_STAGE_INTAKE);
}

static enum egw_status reject(struct work *work, const char *code, struct egw_str because)
{
    work->outcome.because = because; /* no case is touched, so none ends */
    return finish(work, EGW_ACTION_REJECTED, egw_str_of(code), EGW_STAGE_VALIDITY);
}

static enum egw_status activate(struct work *work, const struct egw_policy_activation *activation)
{
    struct egw_position *position = egw_turn_position(work->turn);
    struct egw_sha256 manifest;
    struct egw_policy *policy;
    enum egw_status st;

    if (activation->number <= position->activation)
        return reject(
            work, "BAD_FIELD",
            work_printf(work, "activation %" PRId64 " is not above %" PRId64 ", which is in force",
                        activation->number, position->activation));
    if (!egw_sha256_of_hex(activation->manifest, &manifest))
        return reject(work, "BAD_FIELD", work_printf(work, "manifest is not the hex of a SHA-256"));
    st = egw_rulebook_find(work->triage->book, manifest.b, &policy, work->err);
    if (st)
        return egw_error_prefix(work->err, st, "activation %" PRId64, activation->number);
    memcpy(position->policy, manifest.b, EGW_SHA256);
    position->activation = activation->number;
    work->outcome.because = activation->note;
    return finish(work, EGW_ACTION_POLICY_ACTIVATED, EGW_STR(""), EGW_STAGE_INTAKE);
}

/* ---- a support event ---- */

/* What an outcome repeats must be short text, whoever wrote it. */
static const char *bad_word(const struct egw_support_event *event)
{
    const struct {
        const char *name;
        struct egw_str value;
        size_t max;
    } fields[] = {
        {"problem", event->problem, IDENTIFIER_MAX},
        {"event_type", event->event_type, IDENTIFIER_MAX},
        {"state", event->state, IDENTIFIER_MAX},
        {"number", event->number, SIZE_MAX}, /* how long these may be is said where they are used */
        {"link", event->link, SIZE_MAX},
    };

    for (size_t i = 0; i < EGW_COUNT(fields); i++) {
        if (fields[i].value.n > fields[i].max || !egw_utf8_valid(fields[i].value))
            return fields[i].name;
    }
    return NULL;
}

static const char *bad_identifier(const struct egw_support_event *event)
{
    const struct {
        const char *name;
        struct egw_str value;
        bool in_key; /* stands in a key before another part: no slash, no hash sign */
    } fields[] = {
        {"event_id", event->event_id, false},
        {"partner", event->partner, true},
        {"customer", event->customer, true},
        {"case_id", event->case_id, false},
    };

    for (size_t i = 0; i < EGW_COUNT(fields); i++) {
        struct egw_str v = fields[i].value;

        if (!v.n || v.n > IDENTIFIER_MAX || !egw_utf8_valid(v) || memchr(v.p, '\0', v.n))
            return fields[i].name;
        if (fields[i].in_key && (memchr(v.p, '/', v.n) || memchr(v.p, '#', v.n)))
            return fields[i].name;
    }
    return bad_word(event);
}

/* W3C trace context. Anything else in that header or field is not for an outcome. */
static bool is_traceparent(struct egw_str s)
{
    static const char shape[] = "hh-hhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhh-hhhhhhhhhhhhhhhh-hh";

    if (s.n != sizeof(shape) - 1)
        return false;
    for (size_t i = 0; i < s.n; i++) {
        bool hex = (s.p[i] >= '0' && s.p[i] <= '9') || (s.p[i] >= 'a' && s.p[i] <= 'f');

        if (shape[i] == 'h' ? !hex : s.p[i] != shape[i])
            return false;
    }
    return true;
}

/* A record that lies where another owner decides: the bytes go there once, by the inbox. */
static enum egw_status pass_on(struct work *work, int32_t partition)
{
    struct egw_log_out out = {.topic = work->triage->topics.inbox,
                              .partition = partition,
                              .key = work->key,
                              .value = work->input->record.value};
    EGW_CLEANUP(egw_buf_free) struct egw_buf text = {0};
    struct egw_log_header retry = {EGW_RETRY_HEADER, EGW_STR_NONE};

    if (work->outcome.retry_of) { /* what comes of the copy is still that letter's doing */
        if (egw_retry_write(&work->retry, true, &text))
            return no_memory(work);
        retry.value = egw_buf_str(&text);
        out.headers = &retry;
        out.header_count = 1;
    }
    if (egw_turn_emit(work->turn, &out))
        return no_memory(work);
    work->outcome.passed_to =
        work_printf(work, "%s/%d", work->triage->topics.input_names[1], (int)partition);
    work->outcome.because =
        work_printf(work, "the record's key or partition was not its customer's");
    return finish(work, EGW_ACTION_PASSED_ON, EGW_STR(""), EGW_STAGE_INTAKE);
}

static enum egw_status find_policy(struct work *work)
{
    const struct egw_position *position = egw_turn_position(work->turn);

    if (!position->activation)
        return egw_error_set(work->err, EGW_RETRY, "no policy is active yet");
    return egw_rulebook_find(work->triage->book, position->policy, &work->policy, work->err);
}

static enum egw_status duplicate(struct work *work, const struct egw_seen_event *seen)
{
    bool same = memcmp(seen->digest, egw_turn_digest(work->turn)->b, EGW_SHA256) == 0;

    work->outcome.first_seq.has = true;
    work->outcome.first_seq.v = seen->seq;
    if (!same)
        work->outcome.because = work_printf(work, "an event of this id but other content was "
                                                  "decided before");
    return finish(work, EGW_ACTION_DUPLICATE, same ? EGW_STR("") : EGW_STR("ID_CONFLICT"),
                  EGW_STAGE_INTAKE);
}

/* Times far off the record's own are kept but pointed out (faults D09). */
static enum egw_status check_times(struct work *work, const struct egw_support_event *event)
{
    const int64_t hour = 3600000, year = 366 * 24 * hour;

    if (event->occurred_at > work->recorded_ms + hour)
        return warn(work, "occurred_at lies in the future");
    if (event->occurred_at < work->recorded_ms - year)
        return warn(work, "occurred_at lies more than a year back");
    return EGW_OK;
}

/* One of the words there are for it: any other may name a person. */
static struct egw_str role_of(struct egw_str role)
{
    static const char *const roles[] = {"desk", "operator", "system", "customer"};

    for (size_t i = 0; i < EGW_COUNT(roles); i++) {
        if (egw_str_is(role, roles[i]))
            return egw_str_of(roles[i]);
    }
    return EGW_STR("");
}

static void describe(struct work *work, const struct egw_support_event *event,
                     struct egw_str customer)
{
    struct egw_outcome *outcome = &work->outcome;

    outcome->partner = event->partner;
    outcome->customer = customer;
    outcome->case_id = event->case_id;
    outcome->event_id = event->event_id;
    outcome->event_type = event->event_type;
    outcome->actor_role = role_of(event->actor_role);
    if (event->problem.p)
        outcome->problem = event->problem;
    outcome->traceparent = event->traceparent;
    if (!event->traceparent.p && is_traceparent(work->input->record.traceparent))
        outcome->traceparent = work->input->record.traceparent;
}

static enum egw_status take_event(struct work *work, struct egw_support_event *event)
{
    const struct egw_log_record *record = &work->input->record;
    const char *bad = bad_identifier(event);
    struct egw_str customer;
    const struct egw_seen_event *seen;
    struct kase kase;
    int32_t partition;
    int type;
    enum egw_status st;

    if (bad)
        return reject(
            work, "BAD_FIELD",
            work_printf(work, "%s is empty, too long, or holds a character it may not", bad));
    if (!is_traceparent(event->traceparent))
        event->traceparent = EGW_STR_NONE;
    customer = event->customer;
    (void)egw_facts_customer(work->triage->facts, event->partner, event->customer, &customer);
    describe(work, event, customer);
    work->key = work_join(work, event->partner, '/', customer);
    if (!work->key.p)
        return no_memory(work);
    partition = egw_partition_of(work->key, egw_turn_partition_count(work->turn));
    if (!egw_str_eq(work->key, record->key) || partition != record->partition) {
        if (work->input->input == 0 ||
            (work->outcome.retry_of && !work->moved && partition != record->partition))
            return pass_on(work, partition);
        if (partition != record->partition)
            return reject(work, "BAD_FIELD",
                          work_printf(work,
                                      "partition %d of the inbox is not this customer's, "
                                      "which is %d",
                                      (int)record->partition, (int)partition));
    }
    st = find_policy(work);
    if (!st)
        st = check_times(work, event);
    if (!st)
        st = case_load(work, event->partner, customer, event->case_id, &kase);
    if (st)
        return st;
    seen = case_seen(&kase, event->event_id);
    if (seen)
        return duplicate(work, seen);
    type = egw_event_type_of(event->event_type);
    if (type >= 0)
        return course_event(work, &kase, event, (enum egw_event_type)type);
    if (!kase.known)
        case_heard_of(work, &kase);
    st = case_remember(work, &kase, event);
    if (!st)
        st = case_store(work, &kase);
    if (st)
        return st;
    return reject(
        work, "UNKNOWN_EVENT_TYPE",
        work_printf(work, "event_type '%.*s' is not one we know", EGW_FMT(event->event_type)));
}

/* Only who may write to the inbox can say that a record is a letter's. */
static enum egw_status take_retry(struct work *work)
{
    struct egw_str header = work->input->record.retry;

    if (!header.p || work->input->input == 0)
        return EGW_OK;
    if (!egw_retry_read(header, &work->retry, &work->moved))
        return warn(work, "its header " EGW_RETRY_HEADER " names no dead letter");
    work->outcome.retry_of = &work->retry;
    return EGW_OK;
}

/* Nor by way of a dead letter can who writes events put a policy in force. */
static bool may_activate(const struct work *work)
{
    return work->input->input != 0 && !work->outcome.retry_of;
}

static enum egw_dead_class class_of_frame(const struct egw_frame *frame)
{
    return frame->kind == EGW_FRAME_NONE ? EGW_DEAD_NO_FRAME : EGW_DEAD_UNKNOWN_SCHEMA;
}

static enum egw_status take_record(struct work *work)
{
    struct egw_triage *triage = work->triage;
    const struct egw_log_record *record = &work->input->record;
    struct egw_frame frame = egw_frame_read(record->value);
    const struct egw_plan *plan;
    union {
        struct egw_support_event event;
        struct egw_policy_activation activation;
    } * read;
    struct egw_error why = {.text = ""};
    enum egw_status st;

    work->recorded_ms = record->timestamp_ms;
    st = take_retry(work);
    if (st)
        return st;
    if (!record->value.p)
        return dead_letter(work, EGW_DEAD_NO_VALUE, "the record has no value");
    st = egw_plans_find(triage->plans, &frame, &plan, &why);
    if (st == EGW_RETRY) {
        triage->wants_schema = frame.id;
        return egw_error_set(work->err, st, "%s", why.text);
    }
    if (st)
        return dead_letter(work, class_of_frame(&frame), why.text);
    if (egw_plan_reader(plan) != &egw_type_support_event &&
        (egw_plan_reader(plan) != &egw_type_policy_activation || !may_activate(work)))
        return dead_letter(
            work, EGW_DEAD_WRONG_RECORD,
            work_printf(work, "a %s has no place in this topic", egw_plan_reader(plan)->name).p);
    read = egw_arena_alloc(work->arena, sizeof(*read));
    if (!read)
        return no_memory(work);
    st = egw_decode(plan, frame.body.p, frame.body.n, work->arena, read, &why);
    if (st) /* no memory within the bounds that the record's size allows is the record's fault */
        return dead_letter(work, EGW_DEAD_DECODE_FAULT, why.text);
    if (egw_plan_reader(plan) == &egw_type_policy_activation)
        return activate(work, &read->activation);
    return take_event(work, &read->event);
}

/* ---- the processor ---- */

static enum egw_status step(void *self, struct egw_turn *turn, const struct egw_input *input,
                            struct egw_error *reterr)
{
    struct work work = {.triage = self,
                        .turn = turn,
                        .input = input,
                        .arena = egw_turn_arena(turn),
                        .recorded_ms = egw_turn_now(turn),
                        .err = reterr};
    enum egw_status st = EGW_OK;

    if (input->kind == EGW_INPUT_RECORD)
        return take_record(&work);
    st = find_policy(&work);
    if (st)
        return st;
    return input->kind == EGW_INPUT_TIMER ? course_timer(&work) : course_fact(&work);
}

static enum egw_status learn(void *self, const struct egw_log_record *record,
                             struct egw_str *ret_fact, struct egw_error *reterr)
{
    struct egw_triage *triage = self;
    struct egw_policy_content content;
    enum egw_status st;

    if (record->topic == triage->topics.reference) {
        triage->reference_last = record->offset;
        st = egw_facts_learn(triage->facts, triage->plans, record->key, record->value,
                             record->offset, reterr);
        if (!st)
            *ret_fact = record->key;
        return st;
    }
    if (!record->value.p)
        return EGW_OK; /* an old policy was removed from the topic: what was compiled stays */
    egw_arena_reset(&triage->waits_arena);
    st = read_entry(triage, record->value, &egw_type_policy_content, &triage->waits_arena, &content,
                    reterr);
    if (!st)
        st = egw_rulebook_learn(triage->book, &content, reterr);
    return st;
}

static int64_t fact_offset(void *self, struct egw_str fact)
{
    struct egw_triage *triage = self;

    return egw_facts_get(triage->facts, fact).offset;
}

/* What follows from an entry is stored under names made of its own: others than its key's would
 * lead to entries nobody can read again. */
static bool is_of_key(const struct egw_case_entry *entry, struct egw_str key)
{
    const struct egw_str names[] = {entry->partner, entry->customer, entry->case_id};
    size_t at = 0;

    for (size_t i = 0; i < EGW_COUNT(names); i++) {
        if (i && (at == key.n || key.p[at++] != '/'))
            return false;
        if (names[i].n > key.n - at ||
            !egw_str_same((struct egw_str){key.p + at, names[i].n}, names[i]))
            return false;
        if (i < 2 && names[i].n &&
            (memchr(names[i].p, '/', names[i].n) || memchr(names[i].p, '#', names[i].n)))
            return false;
        at += names[i].n;
    }
    return at == key.n;
}

static enum egw_status waits(void *self, struct egw_str key, struct egw_str value,
                             struct egw_waits *ret, struct egw_error *reterr)
{
    struct egw_triage *triage = self;
    struct egw_case_entry *entry = &triage->waits_entry;
    struct egw_problem_entry problem;
    enum egw_status st;
    int32_t version;

    egw_arena_reset(&triage->waits_arena);
    *ret = (struct egw_waits){0};
    if (command_key(key)) {
        st = read_entry(triage, value, &egw_type_problem_entry, &triage->waits_arena, &problem,
                        reterr);
        if (st)
            return egw_error_prefix(reterr, EGW_INVALID, "entry %.*s", EGW_FMT(key));
        version = problem.version;
        ret->has_due = problem.until.has;
        ret->due_ms = problem.until.v;
    } else {
        st = read_entry(triage, value, &egw_type_case_entry, &triage->waits_arena, entry, reterr);
        if (st)
            return egw_error_prefix(reterr, EGW_INVALID, "entry %.*s", EGW_FMT(key));
        version = entry->version;
        if (version == ENTRY_VERSION && !is_of_key(entry, key))
            return egw_error_set(reterr, EGW_INVALID,
                                 "entry %.*s: it holds the case %.*s of %.*s/%.*s", EGW_FMT(key),
                                 EGW_FMT(entry->case_id), EGW_FMT(entry->partner),
                                 EGW_FMT(entry->customer));
        ret->has_due = entry->due_at.has || entry->warn_at.has;
        ret->due_ms = entry->warn_at.has ? entry->warn_at.v : entry->due_at.v;
        ret->facts = entry->waits_for.p;
        ret->fact_count = entry->waits_for.n;
        ret->facts_offset = entry->facts_offset;
        ret->has_since = entry->phase == EGW_PHASE_BLOCKED || entry->phase == EGW_PHASE_INCIDENT ||
                         entry->phase == EGW_PHASE_HELD;
        ret->since_ms = entry->opened_at;
    }
    if (version != ENTRY_VERSION)
        return egw_error_set(reterr, EGW_INVALID,
                             "entry %.*s: its version is %d, this program reads %d", EGW_FMT(key),
                             (int)version, ENTRY_VERSION);
    return EGW_OK;
}

/* ---- life ---- */

enum egw_status egw_triage_new(const struct egw_triage_topics *topics,
                               const struct egw_triage_ports *ports,
                               const struct egw_framing *framing, struct egw_plans *plans,
                               struct egw_triage **ret, struct egw_error *reterr)
{
    struct egw_triage *triage = calloc(1, sizeof(*triage));

    if (!triage)
        return egw_error_set(reterr, EGW_NOMEM, "no memory for triage");
    triage->topics = *topics;
    triage->framing = framing;
    triage->plans = plans;
    triage->facts = egw_facts_new();
    triage->book = egw_rulebook_new(ports);
    triage->reference_last = -1;
    triage->wants_schema = -1;
    triage->chain_partition = -1;
    triage->processor = (struct egw_processor){.name = "triage",
                                               .self = triage,
                                               .step = step,
                                               .learn = learn,
                                               .fact_offset = fact_offset,
                                               .waits = waits};
    if (!triage->facts || !triage->book) {
        egw_triage_free(triage);
        return egw_error_set(reterr, EGW_NOMEM, "no memory for triage");
    }
    *ret = triage;
    return EGW_OK;
}

void egw_triage_free(struct egw_triage *triage)
{
    if (!triage)
        return;
    egw_facts_free(triage->facts);
    egw_rulebook_free(triage->book);
    egw_buf_free(&triage->out);
    egw_buf_free(&triage->inner);
    egw_arena_free(&triage->waits_arena);
    free(triage);
}

const struct egw_processor *egw_triage_processor(struct egw_triage *triage)
{
    return &triage->processor;
}

void egw_triage_policy(struct egw_triage *triage, const struct egw_sha256 *manifest,
                       struct egw_policy *policy, const struct egw_error *why_not)
{
    egw_rulebook_compiled(triage->book, manifest, policy, why_not);
}

enum egw_status egw_triage_forget_facts(struct egw_triage *triage)
{
    struct egw_facts *fresh = egw_facts_new();

    if (!fresh)
        return EGW_NOMEM;
    egw_facts_free(triage->facts);
    triage->facts = fresh;
    triage->reference_last = -1;
    return EGW_OK;
}

int32_t egw_triage_wants_schema(const struct egw_triage *triage)
{
    struct egw_frame frame = {.kind = EGW_FRAME_CONFLUENT, .id = triage->wants_schema};
    const struct egw_plan *plan;

    if (frame.id < 0 || egw_plans_find(triage->plans, &frame, &plan, NULL) != EGW_RETRY)
        return -1;
    return frame.id;
}
