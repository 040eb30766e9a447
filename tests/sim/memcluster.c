#include "memcluster.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

#include "egw/table.h"

enum { ID_MAX = 48, OFFSETS_TOPIC = -1, MARKER_LATE_MS = 100 };

enum txn_state {
    TXN_NONE,
    TXN_ONGOING,
    TXN_COMMITTING, /* the end is decided; markers are on their way */
    TXN_ABORTING,
};

/* A partition a transaction has written to, or the offsets of the group. */
struct touched {
    int topic;
    int32_t partition;
    int64_t first;
    bool marked;
};

struct memproducer {
    struct memcluster *cluster;
    int number;
    char id[ID_MAX];
    int epoch;
    enum txn_state state;
    bool ended_once, ended_by_commit;
    int64_t began;
    struct touched *touched;
    size_t touched_n, touched_cap, unmarked;
    struct egw_log_offset *offsets;
    size_t offset_n, offset_cap;
};

struct memmember {
    char instance[ID_MAX];
    int64_t id;
    int64_t seen; /* last heartbeat */
    int64_t generation;
    int32_t first, count;
    bool joined; /* waits for the rebalance to end */
    memcluster_assign_fn assign;
    void *client;
};

static void sweep_transactions(void *arg, int64_t n);
static void sweep_sessions(void *arg, int64_t n);

void memcluster_init(struct memcluster *cluster, struct sched *sched,
                     const struct memcluster_conf *conf)
{
    size_t places;

    *cluster = (struct memcluster){.sched = sched, .conf = *conf, .marker_slow_ms = 20};
    cluster->partition_count = conf->topics[0].partitions;
    cluster->topics = sim_zalloc(conf->topic_count * sizeof(*cluster->topics));
    for (size_t i = 0; i < conf->topic_count; i++)
        cluster->topics[i] =
            sim_zalloc((size_t)conf->topics[i].partitions * sizeof(struct mempartition));
    places = conf->input_count * (size_t)cluster->partition_count;
    cluster->committed = sim_zalloc(places * sizeof(*cluster->committed));
    for (size_t i = 0; i < places; i++)
        cluster->committed[i] = -1;
    cluster->moved = sim_zalloc(places * sizeof(*cluster->moved));
    sched_after(sched, conf->sweep_ms, sweep_transactions, cluster, 0);
    sched_after(sched, conf->session_ms / 10, sweep_sessions, cluster, 0);
}

void memcluster_free(struct memcluster *cluster)
{
    for (size_t t = 0; t < cluster->conf.topic_count; t++) {
        for (int32_t p = 0; p < cluster->conf.topics[t].partitions; p++) {
            struct mempartition *part = &cluster->topics[t][p];

            for (size_t i = 0; i < part->n; i++)
                free(part->records[i].bytes);
            free(part->records);
        }
        free(cluster->topics[t]);
    }
    free(cluster->topics);
    for (size_t i = 0; i < cluster->producer_n; i++) {
        free(cluster->producers[i]->touched);
        free(cluster->producers[i]->offsets);
        free(cluster->producers[i]);
    }
    free(cluster->producers);
    free(cluster->members);
    free(cluster->committed);
    free(cluster->moved);
}

bool memcluster_quiet(const struct memcluster *cluster)
{
    for (size_t i = 0; i < cluster->producer_n; i++)
        if (cluster->producers[i]->state != TXN_NONE)
            return false;
    return true;
}

int64_t memcluster_wall(const struct memcluster *cluster, int64_t ago)
{
    int64_t speed = cluster->conf.wall_speed ? cluster->conf.wall_speed : 1;

    return cluster->conf.wall_ms + (cluster->sched->now - ago) * speed;
}

/* ---- brokers ---- */

/* Whether sessions ran on during the outage is chance: a coordinator that moved starts them anew.
 */
static void outage_over(void *arg, int64_t renew)
{
    struct memcluster *cluster = arg;

    if (memcluster_paused(cluster) || !renew)
        return;
    for (size_t i = 0; i < cluster->member_n; i++)
        cluster->members[i].seen = cluster->sched->now;
}

void memcluster_pause(struct memcluster *cluster, int64_t ms)
{
    if (cluster->sched->now + ms <= cluster->paused_until)
        return;
    cluster->paused_until = cluster->sched->now + ms;
    cluster->sched->hits[HIT_OUTAGE]++;
    sched_say(cluster->sched, "brokers silent for %" PRId64 " ms", ms);
    sched_after(cluster->sched, ms, outage_over, cluster, sched_chance(cluster->sched, 7500));
}

bool memcluster_paused(const struct memcluster *cluster)
{
    return cluster->sched->now < cluster->paused_until;
}

static void stir(struct memcluster *cluster)
{
    if (cluster->stir)
        cluster->stir(cluster->user);
}

/* ---- partitions ---- */

struct mempartition *memcluster_partition(const struct memcluster *cluster, int topic, int32_t p)
{
    assert(topic >= 0 && (size_t)topic < cluster->conf.topic_count);
    assert(p >= 0 && p < cluster->conf.topics[topic].partitions);
    return &cluster->topics[topic][p];
}

static void move_stable(struct memcluster *cluster, struct mempartition *part)
{
    int64_t was = part->stable;

    while (part->stable < (int64_t)part->n && part->records[part->stable].mark != MEM_OPEN)
        part->stable++;
    if (part->stable != was)
        stir(cluster);
}

static int64_t append(struct memcluster *cluster, struct mempartition *part, enum memmark mark,
                      int producer, struct egw_str key, struct egw_str value)
{
    struct memrecord *r = sim_push(&part->records, &part->n, &part->cap, sizeof(*part->records));

    r->mark = mark;
    r->producer = producer;
    r->timestamp_ms = memcluster_wall(cluster, 0);
    r->bytes = sim_realloc(NULL, key.n + value.n);
    if (key.p) {
        r->key = (struct egw_str){r->bytes, key.n};
        memcpy(r->bytes, key.p, key.n);
    }
    if (value.p) {
        r->value = (struct egw_str){r->bytes + key.n, value.n};
        memcpy(r->bytes + key.n, value.p, value.n);
    }
    move_stable(cluster, part);
    return (int64_t)part->n - 1;
}

int64_t memcluster_append(struct memcluster *cluster, int topic, int32_t p, struct egw_str key,
                          struct egw_str value)
{
    struct mempartition *part = memcluster_partition(cluster, topic, p);

    return append(cluster, part, MEM_PLAIN, -1, key, value);
}

static bool visible(const struct memrecord *r)
{
    return r->mark == MEM_PLAIN || r->mark == MEM_COMMITTED;
}

const struct memrecord *memcluster_read(const struct memcluster *cluster, int topic, int32_t p,
                                        int64_t *cursor)
{
    const struct mempartition *part = memcluster_partition(cluster, topic, p);

    if (*cursor < part->low)
        *cursor = part->low;
    for (; *cursor < part->stable; ++*cursor)
        if (visible(&part->records[*cursor]))
            return &part->records[*cursor];
    return NULL;
}

void memcluster_compact(struct memcluster *cluster, int topic, int32_t p, int64_t before)
{
    struct mempartition *part = memcluster_partition(cluster, topic, p);
    struct egw_table later = {0};
    int64_t gone = 0;

    for (int64_t at = part->stable - 1; at >= 0; at--) {
        struct memrecord *r = &part->records[at];
        struct egw_str held;

        if (at < before && r->mark != MEM_MARKER &&
            (!visible(r) || egw_table_get(&later, r->key, &held))) {
            gone += r->mark != MEM_COMPACTED;
            r->mark = MEM_COMPACTED;
        } else if (visible(r) && egw_table_put(&later, r->key, EGW_STR("")) != EGW_OK)
            abort();
    }
    egw_table_free(&later);
    cluster->sched->hits[HIT_COMPACTED] += gone > 0;
}

/* ---- transactions ---- */

static void say_producer(const struct memproducer *producer, const char *what)
{
    sched_say(producer->cluster->sched, "%s/%d %s", producer->id, producer->epoch, what);
}

static void resolve(struct memproducer *producer, struct touched *touched, bool commit)
{
    struct memcluster *cluster = producer->cluster;
    struct mempartition *part = memcluster_partition(cluster, touched->topic, touched->partition);

    for (size_t at = (size_t)touched->first; at < part->n; at++)
        if (part->records[at].mark == MEM_OPEN && part->records[at].producer == producer->number)
            part->records[at].mark = commit ? MEM_COMMITTED : MEM_ABORTED;
    append(cluster, part, MEM_MARKER, producer->number, EGW_STR_NONE, EGW_STR_NONE);
}

static void commit_offset(struct memcluster *cluster, size_t input,
                          const struct egw_log_offset *offset)
{
    size_t i = input * (size_t)cluster->partition_count + (size_t)offset->partition;

    cluster->committed[i] = offset->next[input];
    cluster->moved[i] = false;
}

static void resolve_offsets(struct memproducer *producer, bool commit)
{
    struct memcluster *cluster = producer->cluster;

    for (size_t i = 0; commit && i < producer->offset_n; i++)
        for (size_t input = 0; input < cluster->conf.input_count; input++)
            commit_offset(cluster, input, &producer->offsets[i]);
    producer->offset_n = 0;
}

static void marker_arrives(void *arg, int64_t which)
{
    struct memproducer *producer = arg;
    struct touched *touched = &producer->touched[which];
    bool commit = producer->state == TXN_COMMITTING;

    assert(producer->state != TXN_NONE && producer->state != TXN_ONGOING && !touched->marked);
    if (memcluster_paused(producer->cluster)) {
        sched_after(producer->cluster->sched,
                    producer->cluster->paused_until - producer->cluster->sched->now, marker_arrives,
                    producer, which);
        return;
    }
    touched->marked = true;
    if (touched->topic == OFFSETS_TOPIC)
        resolve_offsets(producer, commit);
    else
        resolve(producer, touched, commit);
    if (--producer->unmarked > 0)
        return;
    producer->ended_once = true;
    producer->ended_by_commit = commit;
    producer->state = TXN_NONE;
    producer->touched_n = 0;
    say_producer(producer, commit ? "committed" : "aborted");
}

static void decide_end(struct memproducer *producer, bool commit)
{
    struct memcluster *cluster = producer->cluster;

    producer->state = commit ? TXN_COMMITTING : TXN_ABORTING;
    producer->unmarked = producer->touched_n;
    assert(producer->touched_n > 0);
    for (size_t i = 0; i < producer->touched_n; i++) {
        int64_t ms = sched_between(cluster->sched, 0, cluster->marker_slow_ms);

        cluster->sched->hits[HIT_MARKER_LATE] += ms > MARKER_LATE_MS;
        sched_after(cluster->sched, ms, marker_arrives, producer, (int64_t)i);
    }
}

static void sweep_transactions(void *arg, int64_t n)
{
    struct memcluster *cluster = arg;
    int64_t now = cluster->sched->now;

    for (size_t i = 0; !memcluster_paused(cluster) && i < cluster->producer_n; i++) {
        struct memproducer *producer = cluster->producers[i];

        if (producer->state == TXN_ONGOING &&
            now - producer->began > cluster->conf.txn_timeout_ms) {
            cluster->sched->hits[HIT_TIMED_OUT]++;
            say_producer(producer, "timed out");
            producer->epoch++;
            decide_end(producer, false);
        }
    }
    sched_after(cluster->sched, cluster->conf.sweep_ms, sweep_transactions, cluster, n);
}

static struct memproducer *find_producer(struct memcluster *cluster, const char *id)
{
    struct memproducer **slot, *producer;

    for (size_t i = 0; i < cluster->producer_n; i++)
        if (strcmp(cluster->producers[i]->id, id) == 0)
            return cluster->producers[i];
    assert(strlen(id) < ID_MAX);
    slot = sim_push(&cluster->producers, &cluster->producer_n, &cluster->producer_cap,
                    sizeof(struct memproducer *));
    *slot = producer = sim_zalloc(sizeof(*producer));
    producer->cluster = cluster;
    producer->number = (int)cluster->producer_n - 1;
    producer->epoch = -1;
    memcpy(producer->id, id, strlen(id));
    return producer;
}

enum memreply memcluster_producer(struct memcluster *cluster, const char *transactional_id,
                                  int *ret_producer, int *ret_epoch)
{
    struct memproducer *producer = find_producer(cluster, transactional_id);

    if (producer->state == TXN_ONGOING) {
        producer->epoch++;
        decide_end(producer, false);
    }
    if (producer->state != TXN_NONE)
        return MEM_AGAIN;
    producer->epoch++;
    producer->ended_once = false;
    say_producer(producer, "initialised");
    *ret_producer = producer->number;
    *ret_epoch = producer->epoch;
    return MEM_OK;
}

/* May this request take part in a transaction? Opens one where none is. */
static enum memreply enter(struct memproducer *producer, int epoch)
{
    if (epoch != producer->epoch)
        return MEM_FENCED;
    if (producer->state == TXN_COMMITTING || producer->state == TXN_ABORTING)
        return MEM_AGAIN;
    if (producer->state == TXN_NONE) {
        producer->state = TXN_ONGOING;
        producer->began = producer->cluster->sched->now;
    }
    return MEM_OK;
}

static void touch(struct memproducer *producer, int topic, int32_t p, int64_t first)
{
    struct touched *touched;

    for (size_t i = 0; i < producer->touched_n; i++)
        if (producer->touched[i].topic == topic && producer->touched[i].partition == p)
            return;
    touched = sim_push(&producer->touched, &producer->touched_n, &producer->touched_cap,
                       sizeof(*producer->touched));
    *touched = (struct touched){topic, p, first, false};
}

enum memreply memcluster_write(struct memcluster *cluster, int number, int epoch, int topic,
                               int32_t p, struct egw_str key, struct egw_str value)
{
    struct memproducer *producer = cluster->producers[number];
    enum memreply reply = enter(producer, epoch);

    if (reply == MEM_OK)
        touch(
            producer, topic, p,
            append(cluster, memcluster_partition(cluster, topic, p), MEM_OPEN, number, key, value));
    return reply;
}

static struct memmember *find_member(const struct memcluster *cluster, const char *instance)
{
    for (size_t i = 0; i < cluster->member_n; i++)
        if (strcmp(cluster->members[i].instance, instance) == 0)
            return &cluster->members[i];
    return NULL;
}

bool memcluster_knows(const struct memcluster *cluster, const char *instance, int64_t member_id,
                      int64_t generation)
{
    const struct memmember *member = find_member(cluster, instance);

    return member && member->id == member_id && generation == cluster->generation;
}

enum memreply memcluster_offsets(struct memcluster *cluster, int number, int epoch,
                                 const char *instance, int64_t member_id, int64_t generation,
                                 const struct egw_log_offset *offsets, size_t n)
{
    struct memproducer *producer = cluster->producers[number];
    enum memreply reply = enter(producer, epoch);

    if (reply != MEM_OK)
        return reply;
    touch(producer, OFFSETS_TOPIC, 0, 0);
    if (generation >= 0 && !memcluster_knows(cluster, instance, member_id, generation)) {
        cluster->sched->hits[HIT_ZOMBIE_OFFSETS]++;
        sched_say(cluster->sched, "%s: offsets of generation %" PRId64 " refused", instance,
                  generation);
        return MEM_REFUSED;
    }
    for (size_t i = 0; i < n; i++) {
        struct egw_log_offset *slot = sim_push(&producer->offsets, &producer->offset_n,
                                               &producer->offset_cap, sizeof(*producer->offsets));
        *slot = offsets[i];
    }
    return MEM_OK;
}

enum memreply memcluster_end(struct memcluster *cluster, int number, int epoch, bool commit)
{
    struct memproducer *producer = cluster->producers[number];

    if (epoch != producer->epoch)
        return MEM_FENCED;
    switch (producer->state) {
    case TXN_ONGOING:
        decide_end(producer, commit);
        return MEM_OK;
    case TXN_COMMITTING:
    case TXN_ABORTING:
        return commit == (producer->state == TXN_COMMITTING) ? MEM_AGAIN : MEM_STATE;
    case TXN_NONE:
        break;
    }
    return producer->ended_once && producer->ended_by_commit == commit ? MEM_OK : MEM_STATE;
}

/* ---- group ---- */

/* Range assignment: members in order of their ids, the first ones get one more. */
static void assign_ranges(struct memcluster *cluster)
{
    int32_t members = (int32_t)cluster->member_n, next = 0;

    for (int32_t i = 0; i < members; i++) {
        struct memmember *member = &cluster->members[i];

        member->first = next;
        member->count =
            cluster->partition_count / members + (i < cluster->partition_count % members);
        next += member->count;
    }
}

static void tell_assignment(struct memcluster *cluster, struct memmember *member)
{
    member->joined = false;
    member->seen = cluster->sched->now;
    member->generation = cluster->generation;
    member->assign(member->client, cluster->generation, member->first, member->count);
}

/* A static member that did not come keeps its share until its session ends. */
static void finish_rebalance(struct memcluster *cluster)
{
    cluster->rebalancing = false;
    cluster->generation++;
    if (cluster->member_n == 0)
        return;
    assign_ranges(cluster);
    sched_say(cluster->sched, "generation %" PRId64 " of %zu members", cluster->generation,
              cluster->member_n);
    for (size_t i = 0; i < cluster->member_n; i++)
        if (cluster->members[i].joined)
            tell_assignment(cluster, &cluster->members[i]);
}

static void finish_when_all_joined(struct memcluster *cluster)
{
    for (size_t i = 0; i < cluster->member_n; i++)
        if (!cluster->members[i].joined)
            return;
    finish_rebalance(cluster);
}

static void rebalance_deadline(void *arg, int64_t round)
{
    struct memcluster *cluster = arg;

    if (cluster->rebalancing && cluster->round == round)
        finish_rebalance(cluster);
}

void memcluster_rebalance(struct memcluster *cluster)
{
    if (cluster->rebalancing || cluster->member_n == 0)
        return;
    cluster->rebalancing = true;
    cluster->round++;
    cluster->sched->hits[HIT_REBALANCE]++;
    sched_say(cluster->sched, "rebalance begins");
    sched_after(cluster->sched, cluster->conf.rebalance_ms, rebalance_deadline, cluster,
                cluster->round);
}

static void remove_member(struct memcluster *cluster, size_t i)
{
    memmove(&cluster->members[i], &cluster->members[i + 1],
            (cluster->member_n - i - 1) * sizeof(*cluster->members));
    cluster->member_n--;
    memcluster_rebalance(cluster);
    if (cluster->rebalancing)
        finish_when_all_joined(cluster);
}

static void sweep_sessions(void *arg, int64_t n)
{
    struct memcluster *cluster = arg;
    int64_t now = cluster->sched->now;

    for (size_t i = cluster->member_n; !memcluster_paused(cluster) && i-- > 0;) {
        struct memmember *member = &cluster->members[i];

        if (member->joined && cluster->rebalancing)
            continue;
        if (now - member->seen > cluster->conf.session_ms) {
            sched_say(cluster->sched, "%s: session expired", member->instance);
            remove_member(cluster, i);
        }
    }
    sched_after(cluster->sched, cluster->conf.session_ms / 10, sweep_sessions, cluster, n);
}

static struct memmember *add_member(struct memcluster *cluster, const char *instance)
{
    struct memmember *member, added = {0};
    size_t i;

    assert(strlen(instance) < ID_MAX);
    memcpy(added.instance, instance, strlen(instance));
    added.id = ++cluster->last_member_id;
    (void)sim_push(&cluster->members, &cluster->member_n, &cluster->member_cap,
                   sizeof(*cluster->members));
    for (i = cluster->member_n - 1; i > 0; i--) {
        if (strcmp(cluster->members[i - 1].instance, instance) < 0)
            break;
        cluster->members[i] = cluster->members[i - 1];
    }
    member = &cluster->members[i];
    *member = added;
    memcluster_rebalance(cluster);
    return member;
}

enum memreply memcluster_join(struct memcluster *cluster, const char *instance, int64_t *member_id,
                              memcluster_assign_fn assign, void *client)
{
    struct memmember *member = find_member(cluster, instance);

    if (member && *member_id != 0 && *member_id != member->id)
        return MEM_FENCED;
    if (!member)
        member = add_member(cluster, instance);
    else if (*member_id == 0)
        member->id = ++cluster->last_member_id;
    *member_id = member->id;
    member->assign = assign;
    member->client = client;
    member->seen = cluster->sched->now;
    if (!cluster->rebalancing) {
        tell_assignment(cluster, member);
        return MEM_OK;
    }
    member->joined = true;
    finish_when_all_joined(cluster);
    return MEM_OK;
}

void memcluster_leave(struct memcluster *cluster, const char *instance, int64_t member_id)
{
    struct memmember *member = find_member(cluster, instance);

    if (!member || member->id != member_id)
        return;
    sched_say(cluster->sched, "%s: leaves", instance);
    remove_member(cluster, (size_t)(member - cluster->members));
}

enum memheartbeat memcluster_heartbeat(struct memcluster *cluster, const char *instance,
                                       int64_t member_id, int64_t generation)
{
    struct memmember *member = find_member(cluster, instance);

    if (!member)
        return MEM_BEAT_UNKNOWN;
    if (member->id != member_id)
        return MEM_BEAT_FENCED;
    member->seen = cluster->sched->now;
    if (cluster->rebalancing)
        return member->joined ? MEM_BEAT_OK : MEM_BEAT_REBALANCE;
    return generation == cluster->generation ? MEM_BEAT_OK : MEM_BEAT_STALE;
}

int64_t memcluster_committed(const struct memcluster *cluster, size_t input, int32_t p,
                             bool *ret_pending)
{
    *ret_pending = false;
    for (size_t i = 0; i < cluster->producer_n; i++)
        for (size_t k = 0; k < cluster->producers[i]->offset_n; k++)
            if (cluster->producers[i]->offsets[k].partition == p)
                *ret_pending = true;
    return cluster->committed[input * (size_t)cluster->partition_count + (size_t)p];
}

void memcluster_move_offset(struct memcluster *cluster, size_t input, int32_t p, int64_t offset)
{
    size_t i = input * (size_t)cluster->partition_count + (size_t)p;

    cluster->committed[i] = offset;
    cluster->moved[i] = true;
}

bool memcluster_was_moved(const struct memcluster *cluster, size_t input, int32_t p)
{
    return cluster->moved[input * (size_t)cluster->partition_count + (size_t)p];
}
