#include "tally.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "egw/chain.h"
#include "egw/table.h"

struct entry {
    int64_t count;
    int64_t due_ms;       /* 0: none */
    int64_t facts_offset; /* waits for a change after this one; see waiting */
    int64_t waiting;      /* 0 or 1 */
    int64_t ids[TALLY_IDS];
};

struct outcome {
    char chain[24];
    int64_t seq;
    unsigned char prev[EGW_SHA256];
    int64_t kind, topic, partition, offset, prev_offset, digested, now_ms, knew;
    unsigned char digest[EGW_SHA256];
    char about[40];
};

struct command {
    unsigned char id[EGW_SHA256];
};

struct tally {
    struct egw_processor processor;
    int64_t facts[TALLY_FACTS]; /* offset of the last change */
    char wanted[16];            /* the fact waits() last spoke of */
    struct egw_str wanted_str;
};

struct event {
    int64_t id;
    bool timed, factual, reluctant;
};

/* ---- bytes ---- */

static struct egw_str bytes_of(const void *p, size_t n)
{
    return (struct egw_str){p, n};
}

static bool read_event(struct egw_str value, struct event *ret)
{
    const char *space = memchr(value.p, ' ', value.n);
    struct egw_str id, flags;

    if (!space)
        return false;
    id = bytes_of(value.p, (size_t)(space - value.p));
    flags = bytes_of(space + 1, value.n - id.n - 1);
    *ret = (struct event){.timed = memchr(flags.p, 't', flags.n),
                          .factual = memchr(flags.p, 'f', flags.n),
                          .reluctant = memchr(flags.p, 'r', flags.n)};
    return egw_parse_i64(id, 0, INT64_MAX, &ret->id);
}

static bool read_entry(struct egw_str value, struct entry *ret)
{
    if (value.n != sizeof(*ret))
        return false;
    memcpy(ret, value.p, sizeof(*ret));
    return true;
}

static bool is_mark(struct egw_str key)
{
    return key.n > 5 && memcmp(key.p, "mark/", 5) == 0;
}

/* A key's fact is chosen by its last digit. */
static int fact_of(struct egw_str key)
{
    return key.p[key.n - 1] % TALLY_FACTS;
}

static int fact_number(struct egw_str fact)
{
    return fact.n == 6 && memcmp(fact.p, "fact-", 5) == 0 ? fact.p[5] - '0' : -1;
}

static bool seen(const struct entry *entry, int64_t id)
{
    for (int64_t i = 0; i < entry->count; i++)
        if (entry->ids[i] == id)
            return true;
    return false;
}

/* ---- the step ---- */

static enum egw_status conclude(struct egw_turn *turn, struct egw_str key, struct outcome *outcome)
{
    struct egw_position *position = egw_turn_position(turn);
    struct egw_log_out out = {.topic = TALLY_OUTCOMES,
                              .partition = egw_turn_partition(turn),
                              .key = key,
                              .value = bytes_of(outcome, sizeof(*outcome))};
    struct egw_sha256 leaf, head;

    snprintf(outcome->chain, sizeof(outcome->chain), "tally/%d", (int)egw_turn_partition(turn));
    snprintf(outcome->about, sizeof(outcome->about), "%.*s", EGW_FMT(key));
    outcome->seq = position->chain_seq;
    memcpy(outcome->prev, position->chain_head, EGW_SHA256);
    egw_chain_leaf(out.key, out.value, &leaf);
    egw_chain_head(position->chain_head, &leaf, &head);
    position->chain_seq++;
    memcpy(position->chain_head, head.b, EGW_SHA256);
    return egw_turn_emit(turn, &out);
}

/* Beside the entry stands a mark as long as a time is awaited, so that entries are removed too. A
 * mark that is there without reason, or missing, shows that state came back wrong. */
static enum egw_status put_entry(struct egw_turn *turn, struct egw_str key, bool was_marked,
                                 const struct entry *entry)
{
    struct egw_str mark = egw_arena_printf(egw_turn_arena(turn), "mark/%.*s", EGW_FMT(key)), held;
    enum egw_status st = EGW_OK;

    if (egw_turn_get(turn, mark, &held) != was_marked)
        return EGW_INVALID;
    if (was_marked != (entry->due_ms != 0))
        st = egw_turn_put(turn, mark, entry->due_ms ? EGW_STR("m") : EGW_STR_NONE);
    return st ? st : egw_turn_put(turn, key, bytes_of(entry, sizeof(*entry)));
}

static enum egw_status pass_on(struct egw_turn *turn, const struct egw_log_record *record,
                               int32_t right)
{
    struct egw_log_out out = {
        .topic = TALLY_INBOX, .partition = right, .key = record->key, .value = record->value};

    return egw_turn_emit(turn, &out);
}

static enum egw_status command(struct egw_turn *turn, struct egw_str key)
{
    struct egw_sha256 id;
    struct egw_log_out out = {.topic = TALLY_COMMANDS,
                              .partition = egw_turn_partition(turn),
                              .key = key,
                              .value = bytes_of(id.b, EGW_SHA256)};

    egw_sha256(key.p, key.n, &id);
    return egw_turn_emit(turn, &out);
}

static enum egw_status count_event(struct tally *tally, struct egw_turn *turn, struct egw_str key,
                                   const struct event *event)
{
    struct entry entry = {0};
    struct egw_str held;
    enum egw_status st = EGW_OK;
    bool marked;

    if (egw_turn_get(turn, key, &held) && !read_entry(held, &entry))
        return EGW_INVALID;
    if (seen(&entry, event->id))
        return EGW_OK;
    assert(entry.count < TALLY_IDS);
    marked = entry.due_ms != 0;
    entry.ids[entry.count++] = event->id;
    if (event->timed && !marked)
        entry.due_ms = egw_turn_now(turn) + 40 + event->id % 360;
    if (event->factual) {
        entry.waiting = 1;
        entry.facts_offset = tally->facts[fact_of(key)];
    }
    if (entry.count == 1)
        st = command(turn, key);
    return st ? st : put_entry(turn, key, marked, &entry);
}

static enum egw_status step_record(struct tally *tally, struct egw_turn *turn,
                                   const struct egw_input *input, struct outcome *outcome)
{
    const struct egw_log_record *record = &input->record;
    int32_t right = egw_partition_of(record->key, egw_turn_partition_count(turn));
    struct event event;
    enum egw_status st;

    if (!read_event(record->value, &event))
        return EGW_INVALID;
    if (event.reluctant && tally->facts[0] < 0)
        return EGW_RETRY;
    outcome->topic = input->input;
    outcome->partition = record->partition;
    outcome->offset = record->offset;
    outcome->prev_offset = egw_turn_input_position(turn)->last;
    outcome->digested = 1;
    memcpy(outcome->digest, egw_turn_digest(turn)->b, EGW_SHA256);
    if (right != egw_turn_partition(turn))
        st = pass_on(turn, record, right);
    else
        st = count_event(tally, turn, record->key, &event);
    return st ? st : conclude(turn, record->key, outcome);
}

static enum egw_status step_again(struct egw_turn *turn, const struct egw_input *input,
                                  struct outcome *outcome)
{
    struct entry entry;
    struct egw_str held;
    enum egw_status st;
    bool marked;

    if (!egw_turn_get(turn, input->key, &held) || !read_entry(held, &entry))
        return EGW_INVALID;
    marked = entry.due_ms != 0;
    outcome->partition = egw_turn_partition(turn);
    if (input->kind == EGW_INPUT_TIMER) {
        outcome->offset = entry.due_ms;
        entry.due_ms = 0;
    } else {
        outcome->offset = input->offset;
        entry.facts_offset = input->offset;
        entry.waiting = input->offset % 2; /* an even one is what it waited for */
    }
    st = put_entry(turn, input->key, marked, &entry);
    return st ? st : conclude(turn, input->key, outcome);
}

static int64_t latest_fact(const struct tally *tally)
{
    int64_t latest = -1;

    for (int i = 0; i < TALLY_FACTS; i++)
        latest = tally->facts[i] > latest ? tally->facts[i] : latest;
    return latest;
}

static enum egw_status step(void *self, struct egw_turn *turn, const struct egw_input *input,
                            struct egw_error *reterr)
{
    struct outcome outcome;
    enum egw_status st;

    memset(&outcome, 0, sizeof(outcome));
    outcome.kind = input->kind;
    outcome.prev_offset = -1;
    outcome.now_ms = egw_turn_now(turn);
    outcome.knew = latest_fact(self);
    if (input->kind == EGW_INPUT_RECORD)
        st = step_record(self, turn, input, &outcome);
    else
        st = step_again(turn, input, &outcome);
    return st ? egw_error_set(reterr, st, "tally: %s", egw_status_name(st)) : EGW_OK;
}

static enum egw_status learn(void *self, const struct egw_log_record *record,
                             struct egw_str *ret_fact, struct egw_error *reterr)
{
    struct tally *tally = self;
    int number = fact_number(record->key);

    *ret_fact = EGW_STR_NONE;
    if (number < 0 || number >= TALLY_FACTS)
        return egw_error_set(reterr, EGW_INVALID, "tally: not a fact");
    tally->facts[number] = record->offset;
    *ret_fact = record->key;
    return EGW_OK;
}

static int64_t fact_offset(void *self, struct egw_str fact)
{
    struct tally *tally = self;

    return tally->facts[fact_number(fact)];
}

static enum egw_status waits(void *self, struct egw_str key, struct egw_str value,
                             struct egw_waits *ret, struct egw_error *reterr)
{
    struct tally *tally = self;
    struct entry entry;

    *ret = (struct egw_waits){0};
    if (is_mark(key))
        return EGW_OK;
    if (!read_entry(value, &entry))
        return egw_error_set(reterr, EGW_INVALID, "tally: not an entry");
    ret->has_due = entry.due_ms != 0;
    ret->due_ms = entry.due_ms;
    if (entry.waiting) {
        snprintf(tally->wanted, sizeof(tally->wanted), "fact-%d", fact_of(key));
        tally->wanted_str = egw_str_of(tally->wanted);
        ret->facts = &tally->wanted_str;
        ret->fact_count = 1;
        ret->facts_offset = entry.facts_offset;
    }
    return EGW_OK;
}

/* ---- the process ---- */

static void *open_tally(struct egw_plans *plans, const struct egw_framing *framing)
{
    struct tally *tally = sim_zalloc(sizeof(*tally));

    (void)plans;
    (void)framing;
    tally->processor = (struct egw_processor){.name = "tally",
                                              .self = tally,
                                              .step = step,
                                              .learn = learn,
                                              .fact_offset = fact_offset,
                                              .waits = waits};
    for (int i = 0; i < TALLY_FACTS; i++)
        tally->facts[i] = -1;
    return tally;
}

static const struct egw_processor *processor_of(void *self)
{
    return &((struct tally *)self)->processor;
}

/* ---- inputs ---- */

static void append_event(struct sim_feed *feed, int64_t id)
{
    uint64_t mix = (uint64_t)id * 0x9e3779b97f4a7c15u >> 40;
    char key[32], value[48];
    struct egw_str k;
    int32_t p;

    /* All of an event hangs on its id, so that a duplicate is one to the last byte. Odd ones go to
     * keys that are used all the time, even ones to keys that soon fall silent: what is lost there
     * is not mended by the next event. */
    if (id % 2)
        snprintf(key, sizeof(key), "p/%d", (int)(id / 2 % TALLY_KEYS));
    else
        snprintf(key, sizeof(key), "p/%d", (int)(1000 + id / 16));
    snprintf(value, sizeof(value), "%" PRId64 " %s%s%s.", id, mix % 4 == 1 ? "t" : "",
             mix % 7 == 2 ? "f" : "", mix % 31 == 3 ? "r" : "");
    k = egw_str_of(key);
    p = egw_partition_of(k, TALLY_PARTITIONS);
    if (sched_chance(feed->sched, 300)) {
        feed->sched->hits[HIT_WRONG_PARTITION]++;
        p = (p + 1) % TALLY_PARTITIONS;
    }
    memcluster_append(feed->cluster, TALLY_EVENTS, p, k, egw_str_of(value));
}

static void feed_event(struct sim_feed *feed)
{
    append_event(feed, feed->fed++);
    if (sched_chance(feed->sched, 400)) {
        uint64_t back = (uint64_t)feed->fed > 30 ? 30 : (uint64_t)feed->fed;

        feed->sched->hits[HIT_DUPLICATE_EVENT]++;
        append_event(feed, feed->fed - 1 - (int64_t)sched_pick(feed->sched, back));
    }
}

static void feed_fact(struct sim_feed *feed)
{
    bool first = memcluster_partition(feed->cluster, TALLY_REFERENCE, 0)->n == 0;
    char key[16];

    /* fact-0 comes first: reluctant events wait for it. */
    snprintf(key, sizeof(key), "fact-%d", first ? 0 : (int)sched_pick(feed->sched, TALLY_FACTS));
    memcluster_append(feed->cluster, TALLY_REFERENCE, 0, egw_str_of(key), EGW_STR("x"));
}

/* ---- what it left behind ---- */

static bool decode(struct egw_plans *plans, struct egw_str value, struct egw_arena *arena,
                   struct sim_outcome *ret)
{
    struct outcome *o = egw_arena_alloc(arena, sizeof(*o));

    (void)plans;
    if (!o || value.n != sizeof(*o))
        return false;
    memcpy(o, value.p, sizeof(*o));
    *ret = (struct sim_outcome){.chain = egw_str_of(o->chain),
                                .seq = o->seq,
                                .kind = (enum egw_input_kind)o->kind,
                                .topic = (int)o->topic,
                                .partition = (int32_t)o->partition,
                                .offset = o->offset,
                                .prev_offset = o->prev_offset,
                                .digested = o->digested != 0,
                                .now_ms = o->now_ms,
                                .knew = o->knew,
                                .about = egw_str_of(o->about)};
    memcpy(ret->prev, o->prev, EGW_SHA256);
    memcpy(ret->digest, o->digest, EGW_SHA256);
    return true;
}

static bool command_id(struct egw_plans *plans, struct egw_str value, struct egw_arena *arena,
                       unsigned char ret[EGW_SHA256])
{
    (void)plans;
    (void)arena;
    if (value.n != EGW_SHA256)
        return false;
    memcpy(ret, value.p, EGW_SHA256);
    return true;
}

/* The fact of this key as known to who had read reference up to `knew`. */
static int64_t fact_known(const struct memcluster *cluster, struct egw_str key, int64_t knew)
{
    const struct memrecord *r;
    int64_t known = -1;

    for (int64_t at = 0; (r = memcluster_read(cluster, TALLY_REFERENCE, 0, &at)) && at <= knew;
         at++)
        if (fact_number(r->key) == fact_of(key))
            known = at;
    return known;
}

/* Written anew from what the header says, not shared with the step. */
static void fold(const struct memcluster *cluster, struct sim_outcome *o,
                 const struct memrecord *input, struct egw_table *expected, struct egw_arena *arena,
                 struct egw_str *ret_key)
{
    struct entry entry = {0};
    struct egw_str held;
    struct egw_sha256 id;
    struct event event;

    (void)arena;
    *ret_key = o->about;
    if (egw_table_get(expected, o->about, &held))
        memcpy(&entry, held.p, sizeof(entry));
    if (o->kind == EGW_INPUT_TIMER) {
        entry.due_ms = 0;
    } else if (o->kind == EGW_INPUT_FACT) {
        entry.facts_offset = o->offset;
        entry.waiting = o->offset % 2;
    } else if (!read_event(input->value, &event) || seen(&entry, event.id) ||
               egw_partition_of(o->about, TALLY_PARTITIONS) != o->partition) {
        *ret_key = EGW_STR_NONE;
        return;
    } else {
        entry.ids[entry.count++] = event.id;
        if (event.timed && !entry.due_ms)
            entry.due_ms = o->now_ms + 40 + event.id % 360;
        if (event.factual) {
            entry.waiting = 1;
            entry.facts_offset = fact_known(cluster, o->about, o->knew);
        }
        o->has_command = entry.count == 1;
        egw_sha256(o->about.p, o->about.n, &id);
        memcpy(o->command, id.b, EGW_SHA256);
    }
    if (egw_table_put(expected, o->about, bytes_of(&entry, sizeof(entry))))
        abort();
}

static bool agrees(struct egw_plans *plans, struct egw_str key, struct egw_str expected,
                   const struct egw_table *actual, struct egw_arena *arena)
{
    struct egw_str mark = egw_arena_printf(arena, "mark/%.*s", EGW_FMT(key)), held;
    bool marked = egw_table_get(actual, mark, &held);
    struct entry entry;

    (void)plans;
    memcpy(&entry, expected.p, sizeof(entry));
    return marked == (entry.due_ms != 0) && egw_table_get(actual, key, &held) &&
           egw_str_eq(held, expected);
}

static void add_count(void *user, struct egw_str key, struct egw_str value)
{
    int64_t *counted = user;
    struct entry entry;

    if (read_entry(value, &entry) && !is_mark(key))
        *counted += entry.count;
}

/* Ids are numbered from 0 without a gap, so as many have to be counted as the greatest says. */
static int64_t distinct_events(const struct memcluster *cluster)
{
    const struct memrecord *r;
    int64_t greatest = -1;
    struct event event;

    for (int32_t p = 0; p < TALLY_PARTITIONS; p++)
        for (int64_t at = 0; (r = memcluster_read(cluster, TALLY_EVENTS, p, &at)); at++)
            if (read_event(r->value, &event) && event.id > greatest)
                greatest = event.id;
    return greatest + 1;
}

static bool right(const struct memcluster *cluster, char *why, size_t why_n)
{
    int64_t counted = 0, distinct = distinct_events(cluster);

    for (int32_t p = 0; p < TALLY_PARTITIONS; p++)
        sim_each_entry(cluster, TALLY_STATE, p, add_count, &counted);
    if (counted == distinct)
        return true;
    snprintf(why, why_n, "%" PRId64 " events were counted, %" PRId64 " came", counted, distinct);
    return false;
}

static const struct memtopic_conf TOPICS[TALLY_TOPICS] = {
    {"events", TALLY_PARTITIONS},
    {"inbox", TALLY_PARTITIONS},
    {"outcomes", TALLY_PARTITIONS},
    {"state", TALLY_PARTITIONS},
    {"commands", TALLY_PARTITIONS},
    {"reference", 1},
    {"policy", 1},
};
static const char *const INPUT_NAMES[] = {"events", "inbox"};
static const int COMMANDS[] = {TALLY_COMMANDS};

const struct sim_subject tally_subject = {
    .name = "tally",
    .topics = TOPICS,
    .topic_count = TALLY_TOPICS,
    .input_count = 2,
    .input_names = INPUT_NAMES,
    .state = TALLY_STATE,
    .outcomes = TALLY_OUTCOMES,
    .reference = TALLY_REFERENCE,
    .policy = TALLY_POLICY,
    .commands = COMMANDS,
    .command_count = 1,
    .open = open_tally,
    .close = free,
    .processor = processor_of,
    .event = feed_event,
    .fact = feed_fact,
    .decode = decode,
    .command_id = command_id,
    .fold = fold,
    .agrees = agrees,
    .right = right,
};
