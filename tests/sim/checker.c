#include "checker.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "egw/chain.h"
#include "egw/runtime.h"
#include "egw/table.h"

enum { WHY_TEXT = 400 };

struct chain {
    int64_t read;                      /* outcomes partition, read up to here */
    int64_t next;                      /* number the next outcome must have */
    int64_t looked;                    /* next, when state and position were last compared */
    int64_t now_ms, knew;              /* of the last outcome */
    int64_t activation;                /* in force after it */
    int64_t state_read;                /* state partition, read up to here */
    struct egw_table expected, actual; /* entries: as the outcomes add up, and as they were read */
    struct egw_table touched;          /* keys to compare when nothing is under way */
    struct egw_sha256 head;
    int64_t *last;  /* by input: offset of the last record answered, -1: none */
    int64_t *count; /* by input: how many were answered */
};

struct checker {
    const struct sim_subject *subject;
    const struct memcluster *cluster;
    struct egw_plans *plans;
    struct chain *chains;      /* by partition */
    struct egw_table again;    /* timers and facts answered */
    struct egw_table commands; /* id -> which of NAMED, ISSUED */
    int64_t unmatched;         /* ids that are one of the two */
    struct egw_table sources;  /* partition and reference key -> latest offset decided on */
    int64_t *command_read;     /* by command topic and partition */
    struct checker_counts counts;
    struct egw_arena arena;
    char why[WHY_TEXT];
};

struct checker *checker_new(const struct sim_subject *subject, const struct memcluster *cluster,
                            struct egw_plans *plans)
{
    struct checker *c = sim_zalloc(sizeof(*c));
    size_t partitions = (size_t)cluster->partition_count;

    c->subject = subject;
    c->cluster = cluster;
    c->plans = plans;
    c->chains = sim_zalloc(partitions * sizeof(*c->chains));
    for (size_t p = 0; p < partitions; p++) {
        c->chains[p].knew = -1;
        c->chains[p].last = sim_zalloc(subject->input_count * sizeof(int64_t));
        c->chains[p].count = sim_zalloc(subject->input_count * sizeof(int64_t));
        for (size_t i = 0; i < subject->input_count; i++)
            c->chains[p].last[i] = -1;
    }
    c->command_read = sim_zalloc(subject->command_count * partitions * sizeof(int64_t));
    return c;
}

void checker_free(struct checker *c)
{
    if (!c)
        return;
    for (int32_t p = 0; p < c->cluster->partition_count; p++) {
        egw_table_free(&c->chains[p].expected);
        egw_table_free(&c->chains[p].actual);
        egw_table_free(&c->chains[p].touched);
        free(c->chains[p].last);
        free(c->chains[p].count);
    }
    free(c->chains);
    free(c->command_read);
    egw_table_free(&c->again);
    egw_table_free(&c->commands);
    egw_table_free(&c->sources);
    egw_arena_free(&c->arena);
    free(c);
}

EGW_PRINTF(2, 3)
static bool broken(struct checker *c, const char *fmt, ...)
{
    va_list ap;

    if (!c->why[0]) {
        va_start(ap, fmt);
        vsnprintf(c->why, sizeof(c->why), fmt, ap);
        va_end(ap);
    }
    return false;
}

/* ---- one outcome ---- */

static bool check_link(struct checker *c, struct chain *chain, int32_t p,
                       const struct sim_outcome *o)
{
    char name[64];

    snprintf(name, sizeof(name), "%s/%d", c->subject->name, (int)p);
    if (!egw_str_is(o->chain, name))
        return broken(c, "chain %s holds an outcome of chain %.*s", name, EGW_FMT(o->chain));
    if (o->seq != chain->next)
        return broken(c, "chain %s: number %" PRId64 " where %" PRId64 " was due", name, o->seq,
                      chain->next);
    if (memcmp(o->prev, chain->head.b, EGW_SHA256) != 0)
        return broken(c, "chain %s: number %" PRId64 " does not link to its predecessor", name,
                      o->seq);
    return true;
}

static void put(struct egw_table *table, struct egw_str key, struct egw_str value)
{
    if (egw_table_put(table, key, value))
        abort();
}

/* No decision on an older state of a fact than one before it in the chain. */
static bool check_sources(struct checker *c, int32_t p, const struct sim_outcome *o)
{
    for (size_t i = 0; i < o->source_count; i++) {
        const struct egw_fact_source *source = &o->sources[i];
        struct egw_str key = egw_arena_printf(&c->arena, "%d/%.*s", (int)p, EGW_FMT(source->key));
        struct egw_str held;
        int64_t latest = -1;

        if (egw_table_get(&c->sources, key, &held))
            memcpy(&latest, held.p, sizeof(latest));
        if (source->offset < latest)
            return broken(c,
                          "chain %d: number %" PRId64 " knew %.*s as of %" PRId64
                          ", one before it as of %" PRId64,
                          (int)p, o->seq, EGW_FMT(source->key), source->offset, latest);
        put(&c->sources, key,
            (struct egw_str){(const char *)&source->offset, sizeof(source->offset)});
    }
    return true;
}

/* The policy in force is the one last activated, and each activation counts once. */
static bool check_activation(struct checker *c, struct chain *chain, int32_t p,
                             const struct sim_outcome *o)
{
    if (o->activated ? o->activation <= chain->activation : o->activation != chain->activation)
        return broken(
            c,
            "chain %d: number %" PRId64 " %s activation %" PRId64 " where %" PRId64 " is in force",
            (int)p, o->seq, o->activated ? "makes" : "is under", o->activation, chain->activation);
    chain->activation = o->activation;
    return true;
}

static bool check_progress(struct checker *c, struct chain *chain, int32_t p,
                           const struct sim_outcome *o)
{
    if (o->now_ms < chain->now_ms)
        return broken(
            c, "chain %d: number %" PRId64 " was decided %" PRId64 " ms before its predecessor",
            (int)p, o->seq, chain->now_ms - o->now_ms);
    if (o->knew < chain->knew)
        return broken(c,
                      "chain %d: number %" PRId64 " knew reference up to %" PRId64
                      ", its predecessor up to %" PRId64,
                      (int)p, o->seq, o->knew, chain->knew);
    chain->now_ms = o->now_ms;
    chain->knew = o->knew;
    return check_sources(c, p, o) && check_activation(c, chain, p, o);
}

static bool check_record_trigger(struct checker *c, struct chain *chain, int32_t p,
                                 const struct sim_outcome *o, const struct memrecord **ret_input)
{
    const struct memrecord *r;
    struct egw_sha256 digest;
    const char *input;
    int64_t at;

    if (o->topic < 0 || (size_t)o->topic >= c->subject->input_count || o->partition != p)
        return broken(c, "chain %d: an outcome names no input of its partition", (int)p);
    input = c->subject->input_names[o->topic];
    if (o->offset <= chain->last[o->topic])
        return broken(c, "%s/%d/%" PRId64 " is answered after %" PRId64 ": twice or out of order",
                      input, (int)p, o->offset, chain->last[o->topic]);
    if (o->prev_offset != chain->last[o->topic])
        return broken(c,
                      "%s/%d/%" PRId64 " says it follows %" PRId64 ", the one before was %" PRId64,
                      input, (int)p, o->offset, o->prev_offset, chain->last[o->topic]);
    at = chain->last[o->topic] + 1;
    r = memcluster_read(c->cluster, o->topic, p, &at);
    if (r && at < o->offset)
        return broken(c, "%s/%d/%" PRId64 " is answered before %" PRId64 ", which was there first",
                      input, (int)p, o->offset, at);
    if (!r || at != o->offset)
        return broken(c, "%s/%d/%" PRId64 " is answered but there is no such record", input, (int)p,
                      o->offset);
    *ret_input = r;
    egw_sha256(r->value.p, r->value.n, &digest);
    if (!o->digested || memcmp(digest.b, o->digest, EGW_SHA256) != 0)
        return broken(c, "%s/%d/%" PRId64 ": the outcome has the digest of something else", input,
                      (int)p, o->offset);
    chain->last[o->topic] = o->offset;
    chain->count[o->topic]++;
    return true;
}

static bool check_other_trigger(struct checker *c, int32_t p, const struct sim_outcome *o)
{
    struct egw_str trigger = egw_arena_printf(&c->arena, "%d/%d/%" PRId64 "/%.*s", (int)p,
                                              (int)o->kind, o->offset, EGW_FMT(o->about));
    struct egw_str held;

    if (egw_table_get(&c->again, trigger, &held))
        return broken(c, "chain %d: %s at %" PRId64 " of %.*s is answered twice", (int)p,
                      o->kind == EGW_INPUT_TIMER ? "timer" : "fact", o->offset, EGW_FMT(o->about));
    if (egw_table_put(&c->again, trigger, EGW_STR("")))
        return broken(c, "no memory");
    return true;
}

enum { NAMED = 1, ISSUED = 2 };

/* Returns what was known of it before. */
static char mark_command(struct checker *c, const unsigned char id[EGW_SHA256], char how)
{
    struct egw_str key = {(const char *)id, EGW_SHA256}, held;
    char was = egw_table_get(&c->commands, key, &held) ? held.p[0] : 0, now = (char)(was | how);

    put(&c->commands, key, (struct egw_str){&now, 1});
    c->unmatched += (now != (NAMED | ISSUED)) - (was != 0 && was != (NAMED | ISSUED));
    return was;
}

static bool check_outcome(struct checker *c, struct chain *chain, int32_t p,
                          const struct memrecord *r)
{
    const struct memrecord *input = NULL;
    struct sim_outcome o;
    struct egw_sha256 leaf;
    struct egw_str key;

    if (!c->subject->decode(c->plans, r->value, &c->arena, &o))
        return broken(c, "chain %d: an outcome cannot be read", (int)p);
    if (!check_link(c, chain, p, &o) || !check_progress(c, chain, p, &o))
        return false;
    egw_chain_leaf(r->key, r->value, &leaf);
    egw_chain_head(o.prev, &leaf, &chain->head);
    chain->next++;
    c->counts.outcomes++;
    c->counts.timers += o.kind == EGW_INPUT_TIMER;
    c->counts.facts += o.kind == EGW_INPUT_FACT;
    if (!(o.kind == EGW_INPUT_RECORD ? check_record_trigger(c, chain, p, &o, &input)
                                     : check_other_trigger(c, p, &o)))
        return false;
    c->subject->fold(c->cluster, &o, input, &chain->expected, &c->arena, &key);
    if (key.p)
        put(&chain->touched, key, EGW_STR(""));
    if (o.has_command)
        (void)mark_command(c, o.command, NAMED);
    return true;
}

static bool check_command(struct checker *c, const struct memrecord *r)
{
    unsigned char id[EGW_SHA256];
    char hex[2 * EGW_SHA256 + 1];

    if (!c->subject->command_id(c->plans, r->value, &c->arena, id))
        return broken(c, "a command cannot be read");
    egw_hex(id, sizeof(id), hex);
    if (mark_command(c, id, ISSUED) & ISSUED)
        return broken(c, "command %.16s is issued twice", hex);
    c->counts.commands++;
    return true;
}

/* ---- as it goes ---- */

static bool read_outcomes(struct checker *c, int32_t p)
{
    struct chain *chain = &c->chains[p];
    const struct memrecord *r;

    while ((r = memcluster_read(c->cluster, c->subject->outcomes, p, &chain->read))) {
        if (!check_outcome(c, chain, p, r))
            return false;
        chain->read++;
        egw_arena_reset(&c->arena);
    }
    return true;
}

static bool read_commands(struct checker *c, size_t topic, int32_t p)
{
    int64_t *read = &c->command_read[topic * (size_t)c->cluster->partition_count + (size_t)p];
    const struct memrecord *r;

    while ((r = memcluster_read(c->cluster, c->subject->commands[topic], p, read))) {
        if (!check_command(c, r))
            return false;
        ++*read;
        egw_arena_reset(&c->arena);
    }
    return true;
}

bool checker_advance(struct checker *c)
{
    if (c->why[0])
        return false;
    for (int32_t p = 0; p < c->cluster->partition_count; p++) {
        if (!read_outcomes(c, p))
            return false;
        for (size_t t = 0; t < c->subject->command_count; t++)
            if (!read_commands(c, t, p))
                return false;
    }
    return true;
}

/* ---- at the end ---- */

/* Answers come in order and link by prev_offset, so as many as there are records is all of them. */
static int64_t unanswered(const struct checker *c, size_t input, int32_t p)
{
    int64_t n = 0, at = 0;

    for (; memcluster_read(c->cluster, (int)input, p, &at); at++)
        n++;
    return n - c->chains[p].count[input];
}

bool checker_all_answered(const struct checker *c)
{
    for (int32_t p = 0; p < c->cluster->partition_count; p++)
        for (size_t i = 0; i < c->subject->input_count; i++)
            if (unanswered(c, i, p) != 0)
                return false;
    return true;
}

bool checker_position(const struct memcluster *cluster, int state_topic, int32_t p,
                      struct egw_plans *plans, struct egw_arena *arena, struct egw_position *ret)
{
    const struct memrecord *r, *last = NULL;
    const struct egw_plan *plan;
    struct egw_frame frame;
    int64_t at = 0;

    for (; (r = memcluster_read(cluster, state_topic, p, &at)); at++)
        if (egw_str_is(r->key, EGW_POSITION_KEY))
            last = r;
    if (!last || !last->value.p)
        return false;
    frame = egw_frame_read(last->value);
    return egw_plans_find(plans, &frame, &plan, NULL) == EGW_OK &&
           egw_decode(plan, frame.body.p, frame.body.n, arena, ret, NULL) == EGW_OK;
}

static bool check_place(struct checker *c, int32_t p, size_t i,
                        const struct egw_input_position *place)
{
    const char *input = c->subject->input_names[i];
    int64_t last = c->chains[p].last[i], committed;
    bool pending;

    if (place->last != last || place->next != last + 1)
        return broken(c,
                      "%s/%d: the position says %" PRId64 " (last %" PRId64
                      "), the outcomes end at %" PRId64,
                      input, (int)p, place->next, place->last, last);
    if (memcluster_was_moved(c->cluster, i, p))
        return true;
    committed = memcluster_committed(c->cluster, i, p, &pending);
    if (pending)
        return broken(c, "%s/%d: offsets are pending", input, (int)p);
    if (last >= 0 && committed != place->next)
        return broken(c, "%s/%d: the group's offset is %" PRId64 ", the position says %" PRId64,
                      input, (int)p, committed, place->next);
    return true;
}

static bool check_position(struct checker *c, int32_t p)
{
    struct egw_position position;
    const struct egw_input_position *places;

    if (!checker_position(c->cluster, c->subject->state, p, c->plans, &c->arena, &position))
        return broken(c, "partition %d: there is no position that can be read", (int)p);
    if (position.chain_seq != c->chains[p].next ||
        memcmp(position.chain_head, c->chains[p].head.b, EGW_SHA256) != 0)
        return broken(c,
                      "partition %d: the position continues the chain at %" PRId64
                      ", its outcomes end before %" PRId64,
                      (int)p, position.chain_seq, c->chains[p].next);
    if (position.inputs.n != c->subject->input_count)
        return broken(c, "partition %d: the position has %zu inputs", (int)p, position.inputs.n);
    places = position.inputs.p;
    for (size_t i = 0; i < c->subject->input_count; i++)
        if (!check_place(c, p, i, &places[i]))
            return false;
    egw_arena_reset(&c->arena);
    return true;
}

/* ---- when nothing is under way ---- */

static void read_state(struct checker *c, struct chain *chain, int32_t p)
{
    const struct memrecord *r;

    for (; (r = memcluster_read(c->cluster, c->subject->state, p, &chain->state_read));
         chain->state_read++)
        if (!r->value.p)
            (void)egw_table_remove(&chain->actual, r->key);
        else
            put(&chain->actual, r->key, r->value);
}

static bool check_state(struct checker *c, int32_t p)
{
    struct chain *chain = &c->chains[p];
    struct egw_table_item item;
    struct egw_str expected;
    size_t walk = 0;

    read_state(c, chain, p);
    while (egw_table_next(&chain->touched, &walk, &item)) {
        if (!egw_table_get(&chain->expected, item.key, &expected) ||
            !c->subject->agrees(c->plans, item.key, expected, &chain->actual, &c->arena))
            return broken(c, "partition %d: the entry of %.*s is not what its outcomes add up to",
                          (int)p, EGW_FMT(item.key));
        egw_arena_reset(&c->arena);
    }
    egw_table_clear(&chain->touched);
    return true;
}

bool checker_look(struct checker *c)
{
    if (!checker_advance(c))
        return false;
    if (c->unmatched != 0)
        return broken(c, "%" PRId64 " commands are without an outcome, or outcomes without theirs",
                      c->unmatched);
    for (int32_t p = 0; p < c->cluster->partition_count; p++) {
        if (c->chains[p].looked == c->chains[p].next)
            continue;
        if (!check_state(c, p) || !check_position(c, p))
            return false;
        c->chains[p].looked = c->chains[p].next;
    }
    return true;
}

static bool check_nothing_open(struct checker *c)
{
    for (size_t t = 0; t < c->subject->topic_count; t++)
        for (int32_t p = 0; p < c->subject->topics[t].partitions; p++) {
            const struct mempartition *part = memcluster_partition(c->cluster, (int)t, p);

            if (part->stable != (int64_t)part->n)
                return broken(c, "%s/%d: a transaction is open at %" PRId64,
                              c->subject->topics[t].name, (int)p, part->stable);
        }
    return true;
}

/* ---- what still waits ---- */

struct settling {
    const struct egw_processor *processor;
    int64_t by_ms;
    char *why;
    size_t why_n;
    bool fine;
};

static void settle_entry(void *user, struct egw_str key, struct egw_str value)
{
    struct settling *s = user;
    struct egw_waits waits = {0};

    if (egw_str_is(key, EGW_POSITION_KEY) || !s->fine)
        return;
    if (s->processor->waits(s->processor->self, key, value, &waits, NULL)) {
        s->fine = false;
        snprintf(s->why, s->why_n, "the entry of %.*s cannot be read", EGW_FMT(key));
    } else if (waits.has_due && waits.due_ms < s->by_ms) {
        s->fine = false;
        snprintf(s->why, s->why_n, "%.*s waits for a time that has come", EGW_FMT(key));
    }
    for (size_t i = 0; s->fine && i < waits.fact_count; i++) {
        if (s->processor->fact_offset(s->processor->self, waits.facts[i]) <= waits.facts_offset)
            continue;
        s->fine = false;
        snprintf(s->why, s->why_n, "%.*s waits for %.*s, which has changed", EGW_FMT(key),
                 EGW_FMT(waits.facts[i]));
    }
}

/* A process of its own that has read all there is to know. */
static void teach(const struct checker *c, const struct egw_processor *processor)
{
    const int topics[] = {c->subject->reference, c->subject->policy};
    const struct memrecord *r;

    for (size_t t = 0; t < EGW_COUNT(topics); t++)
        for (int64_t at = 0; (r = memcluster_read(c->cluster, topics[t], 0, &at)); at++) {
            struct egw_log_record record = {.topic = topics[t],
                                            .offset = at,
                                            .timestamp_ms = r->timestamp_ms,
                                            .key = r->key,
                                            .value = r->value};
            struct egw_str fact;

            (void)processor->learn(processor->self, &record, &fact, NULL);
        }
}

bool checker_settled(const struct checker *c, int64_t by_ms, char *why, size_t why_n)
{
    struct settling s = {.by_ms = by_ms, .why = why, .why_n = why_n, .fine = true};
    static const struct egw_framing framing = {.confluent = false};
    void *process = c->subject->open(c->plans, &framing);

    s.processor = c->subject->processor(process);
    teach(c, s.processor);
    for (int32_t p = 0; p < c->cluster->partition_count; p++)
        sim_each_entry(c->cluster, c->subject->state, p, settle_entry, &s);
    c->subject->close(process);
    return s.fine && (!c->subject->right || c->subject->right(c->cluster, why, why_n));
}

/* ---- at the end ---- */

bool checker_finish(struct checker *c, int64_t settled_by_ms)
{
    if (!check_nothing_open(c) || !checker_look(c))
        return false;
    for (int32_t p = 0; p < c->cluster->partition_count; p++) {
        for (size_t i = 0; i < c->subject->input_count; i++)
            if (unanswered(c, i, p) != 0)
                return broken(c, "%s/%d: %" PRId64 " records have no outcome",
                              c->subject->input_names[i], (int)p, unanswered(c, i, p));
        if (!check_position(c, p))
            return false;
    }
    return checker_settled(c, settled_by_ms, c->why, sizeof(c->why));
}

const char *checker_why(const struct checker *c)
{
    return c->why;
}

struct checker_counts checker_counts(const struct checker *c)
{
    return c->counts;
}

/* ---- state ---- */

void sim_each_entry(const struct memcluster *cluster, int topic, int32_t p,
                    void (*visit)(void *user, struct egw_str key, struct egw_str value), void *user)
{
    struct egw_table entries = {0};
    struct egw_table_item item;
    const struct memrecord *r;
    size_t walk = 0;

    for (int64_t at = 0; (r = memcluster_read(cluster, topic, p, &at)); at++)
        if (!r->value.p)
            (void)egw_table_remove(&entries, r->key);
        else if (egw_table_put(&entries, r->key, r->value))
            abort();
    while (egw_table_next(&entries, &walk, &item))
        visit(user, item.key, item.value);
    egw_table_free(&entries);
}
