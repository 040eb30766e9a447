/* The in-memory log tells the truth: what Kafka keeps where exactly-once depends on it. */
#include "support.h"

#include "memlog.h"

enum { IN, OUT, STATE };

static const struct memtopic_conf TOPICS[] = {{"in", 4}, {"out", 4}, {"state", 4}};
static const struct memcluster_conf CONF = {
    .topics = TOPICS,
    .topic_count = 3,
    .input_count = 1,
    .state_topic = STATE,
    .session_ms = 1000,
    .rebalance_ms = 2000,
    .txn_timeout_ms = 800,
    .sweep_ms = 100,
    .wall_ms = 1000000,
};
static struct memfaults faults;
static struct sched sched;
static struct memcluster cluster;

static int open_cluster(void **state)
{
    (void)state;
    faults = (struct memfaults){0};
    sched_init(&sched, 42);
    memcluster_init(&cluster, &sched, &CONF);
    return 0;
}

static int close_cluster(void **state)
{
    (void)state;
    memcluster_free(&cluster);
    sched_free(&sched);
    return 0;
}

static void pass(int64_t ms)
{
    sched_run_until(&sched, sched.now + ms);
}

static void producer(const char *id, int *ret_producer, int *ret_epoch)
{
    enum memreply reply;

    while ((reply = memcluster_producer(&cluster, id, ret_producer, ret_epoch)) == MEM_AGAIN)
        pass(5);
    assert_int_equal(reply, MEM_OK);
}

static enum memreply put(int number, int epoch, int topic, const char *value)
{
    return memcluster_write(&cluster, number, epoch, topic, 0, EGW_STR("k"), egw_str_of(value));
}

static void append(int topic, const char *value)
{
    memcluster_append(&cluster, topic, 0, EGW_STR("k"), egw_str_of(value));
}

/* What a reader of topic/0 sees from the start, as "a@0 b@2". */
static const char *seen(int topic)
{
    static char text[200];
    const struct memrecord *r;
    size_t n = 0;

    text[0] = '\0';
    for (int64_t at = 0; (r = memcluster_read(&cluster, topic, 0, &at)); at++)
        n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%.*s@%d", n ? " " : "",
                              EGW_FMT(r->value), (int)at);
    return text;
}

/* ---- transactions ---- */

static void committed_records_are_read_and_the_marker_takes_an_offset(void **state)
{
    int p, e;

    (void)state;
    producer("a", &p, &e);
    assert_int_equal(put(p, e, OUT, "x"), MEM_OK);
    assert_int_equal(memcluster_end(&cluster, p, e, true), MEM_OK);
    pass(100);
    append(OUT, "y");
    assert_string_equal(seen(OUT), "x@0 y@2");
}

static void aborted_records_are_never_read(void **state)
{
    int p, e;

    (void)state;
    producer("a", &p, &e);
    assert_int_equal(put(p, e, OUT, "x"), MEM_OK);
    assert_int_equal(memcluster_end(&cluster, p, e, false), MEM_OK);
    pass(100);
    append(OUT, "y");
    assert_string_equal(seen(OUT), "y@2");
}

static void an_open_transaction_holds_readers_at_its_first_record(void **state)
{
    int p, e;

    (void)state;
    append(OUT, "before");
    producer("a", &p, &e);
    assert_int_equal(put(p, e, OUT, "x"), MEM_OK);
    append(OUT, "after");
    assert_string_equal(seen(OUT), "before@0");
    assert_int_equal(memcluster_partition(&cluster, OUT, 0)->stable, 1);
    assert_int_equal(memcluster_end(&cluster, p, e, false), MEM_OK);
    pass(100);
    assert_string_equal(seen(OUT), "before@0 after@2");
}

static void a_new_producer_of_the_same_id_fences_the_older_and_aborts_what_it_left(void **state)
{
    int p, e, p2, e2;

    (void)state;
    producer("a", &p, &e);
    assert_int_equal(put(p, e, OUT, "x"), MEM_OK);
    producer("a", &p2, &e2);
    assert_int_equal(p2, p);
    assert_true(e2 > e);
    assert_int_equal(put(p, e, OUT, "y"), MEM_FENCED);
    assert_int_equal(memcluster_end(&cluster, p, e, true), MEM_FENCED);
    assert_string_equal(seen(OUT), "");
    assert_int_equal(memcluster_partition(&cluster, OUT, 0)->stable, 2);
}

static void a_transaction_past_its_time_is_aborted_and_its_producer_fenced(void **state)
{
    int p, e;

    (void)state;
    producer("a", &p, &e);
    assert_int_equal(put(p, e, OUT, "x"), MEM_OK);
    pass(700);
    assert_int_equal(memcluster_partition(&cluster, OUT, 0)->stable, 0);
    pass(400);
    assert_int_equal(memcluster_partition(&cluster, OUT, 0)->stable, 2);
    assert_int_equal(memcluster_end(&cluster, p, e, true), MEM_FENCED);
}

static void the_same_end_may_be_asked_for_again_another_may_not(void **state)
{
    int p, e;

    (void)state;
    producer("a", &p, &e);
    assert_int_equal(put(p, e, OUT, "x"), MEM_OK);
    assert_int_equal(memcluster_end(&cluster, p, e, true), MEM_OK);
    assert_int_equal(memcluster_end(&cluster, p, e, true), MEM_AGAIN);
    pass(100);
    assert_int_equal(memcluster_end(&cluster, p, e, true), MEM_OK);
    assert_int_equal(memcluster_end(&cluster, p, e, false), MEM_STATE);
}

static void a_late_end_hits_the_next_transaction_unless_the_producer_is_new(void **state)
{
    int p, e, late;

    (void)state;
    producer("a", &p, &e);
    assert_int_equal(put(p, e, OUT, "x"), MEM_OK);
    assert_int_equal(memcluster_end(&cluster, p, e, true), MEM_OK);
    pass(100);
    assert_int_equal(put(p, e, OUT, "torn"), MEM_OK);
    assert_int_equal(memcluster_end(&cluster, p, e, true), MEM_OK);
    pass(100);
    assert_string_equal(seen(OUT), "x@0 torn@2");
    late = e;
    producer("a", &p, &e);
    assert_int_equal(put(p, e, OUT, "safe"), MEM_OK);
    assert_int_equal(memcluster_end(&cluster, p, late, true), MEM_FENCED);
}

static void compaction_keeps_the_last_record_of_each_key(void **state)
{
    (void)state;
    append(STATE, "old");
    memcluster_append(&cluster, STATE, 0, EGW_STR("other"), EGW_STR("kept"));
    append(STATE, "new");
    append(STATE, "newest");
    memcluster_compact(&cluster, STATE, 0, 3);
    assert_string_equal(seen(STATE), "kept@1 newest@3");
}

/* ---- group ---- */

struct member {
    int64_t id, generation;
    int32_t first, count;
    int told;
};

static void on_assign(void *client, int64_t generation, int32_t first, int32_t count)
{
    struct member *m = client;

    m->generation = generation;
    m->first = first;
    m->count = count;
    m->told++;
}

static void join(struct member *m, const char *instance)
{
    assert_int_equal(memcluster_join(&cluster, instance, &m->id, on_assign, m), MEM_OK);
}

static enum memreply offsets(int p, int e, const char *instance, const struct member *m,
                             int64_t next)
{
    struct egw_log_offset offset = {.partition = 0, .next = {next}};

    return memcluster_offsets(&cluster, p, e, instance, m->id, m->generation, &offset, 1);
}

static void two_members_share_the_partitions_by_range(void **state)
{
    struct member a = {0}, b = {0};

    (void)state;
    join(&a, "a");
    assert_int_equal(a.count, 4);
    join(&b, "b");
    assert_int_equal(memcluster_heartbeat(&cluster, "a", a.id, a.generation), MEM_BEAT_REBALANCE);
    join(&a, "a");
    assert_int_equal(a.first, 0);
    assert_int_equal(a.count, 2);
    assert_int_equal(b.first, 2);
    assert_int_equal(b.count, 2);
    assert_int_equal(a.generation, b.generation);
}

static void a_static_member_comes_back_to_its_partitions_without_a_rebalance(void **state)
{
    struct member a = {0}, again = {0};

    (void)state;
    join(&a, "a");
    join(&again, "a");
    assert_int_equal(again.generation, a.generation);
    assert_int_equal(again.count, 4);
    assert_int_not_equal(again.id, a.id);
    assert_int_equal(memcluster_heartbeat(&cluster, "a", a.id, a.generation), MEM_BEAT_FENCED);
}

static void the_partitions_of_a_silent_member_go_to_the_others(void **state)
{
    struct member a = {0}, b = {0};

    (void)state;
    join(&a, "a");
    join(&b, "b");
    join(&a, "a");
    for (int i = 0; i < 12; i++) {
        pass(100);
        if (memcluster_heartbeat(&cluster, "a", a.id, a.generation) == MEM_BEAT_REBALANCE)
            join(&a, "a");
    }
    assert_int_equal(a.count, 4);
    assert_int_equal(memcluster_heartbeat(&cluster, "b", b.id, b.generation), MEM_BEAT_UNKNOWN);
}

static void offsets_are_pending_until_the_marker_and_gone_after_an_abort(void **state)
{
    struct member a = {0};
    bool pending;
    int p, e;

    (void)state;
    memcluster_move_offset(&cluster, 0, 0, 5);
    join(&a, "a");
    producer("a", &p, &e);
    assert_int_equal(offsets(p, e, "a", &a, 9), MEM_OK);
    assert_int_equal(memcluster_committed(&cluster, 0, 0, &pending), 5);
    assert_true(pending);
    assert_int_equal(memcluster_end(&cluster, p, e, true), MEM_OK);
    pass(100);
    assert_int_equal(memcluster_committed(&cluster, 0, 0, &pending), 9);
    assert_false(pending);
    assert_int_equal(offsets(p, e, "a", &a, 12), MEM_OK);
    assert_int_equal(memcluster_end(&cluster, p, e, false), MEM_OK);
    pass(100);
    assert_int_equal(memcluster_committed(&cluster, 0, 0, &pending), 9);
    assert_false(pending);
}

static void offsets_of_an_older_generation_are_refused(void **state)
{
    struct member a = {0}, b = {0}, before;
    int p, e;

    (void)state;
    join(&a, "a");
    before = a;
    join(&b, "b");
    join(&a, "a");
    producer("a", &p, &e);
    assert_int_equal(offsets(p, e, "a", &before, 9), MEM_REFUSED);
    assert_int_equal(offsets(p, e, "a", &a, 9), MEM_OK);
}

static void offsets_of_a_member_that_was_replaced_or_is_unknown_are_refused(void **state)
{
    struct member a = {0}, again = {0}, nobody = {0};
    int p, e;

    (void)state;
    join(&a, "a");
    join(&again, "a");
    nobody.generation = a.generation;
    producer("a", &p, &e);
    assert_int_equal(offsets(p, e, "a", &a, 9), MEM_REFUSED);
    assert_int_equal(offsets(p, e, "z", &nobody, 9), MEM_REFUSED);
    assert_int_equal(offsets(p, e, "a", &again, 9), MEM_OK);
}

/* ---- the port ---- */

static struct memlog *open_log(const char *identity)
{
    struct memlog_conf conf = {.cluster = &cluster,
                               .name = identity,
                               .identity = identity,
                               .faults = &faults,
                               .heartbeat_ms = 100,
                               .max_poll_ms = 5000,
                               .socket_ms = 1000};

    return memlog_new(&conf);
}

/* Polls until an event of this kind comes, for up to ms. */
static bool await(struct memlog *log, enum egw_log_event_kind kind, int64_t ms,
                  struct egw_log_event *ret)
{
    struct egw_log port = memlog_port(log);

    for (int64_t until = sched.now + ms; sched.now <= until; pass(1)) {
        do {
            port.ops->poll(port.self, ret);
            if (ret->kind == kind)
                return true;
        } while (ret->kind != EGW_LOG_IDLE);
    }
    return false;
}

static enum egw_status run_job(struct memlog *log, struct egw_log_job *job)
{
    struct egw_log port = memlog_port(log);
    struct egw_log_event event;

    port.ops->job(port.self, job);
    assert_true(await(log, EGW_LOG_DONE, 5000, &event));
    return job->result;
}

static void init_producer(struct memlog *log)
{
    struct egw_log_job job = {.kind = EGW_LOG_INIT};

    assert_int_equal(run_job(log, &job), EGW_OK);
}

static void begin_and_produce(struct memlog *log, int topic, const char *value)
{
    struct egw_log port = memlog_port(log);
    struct egw_log_out out = {.topic = topic, .key = EGW_STR("k"), .value = egw_str_of(value)};
    struct egw_error error;
    size_t done;

    assert_int_equal(port.ops->begin(port.self, &error), EGW_OK);
    assert_int_equal(port.ops->produce(port.self, &out, 1, &done, &error), EGW_OK);
}

static enum egw_status commit(struct memlog *log, int64_t generation, bool *ret_doubtful)
{
    struct egw_log_offset offset = {.partition = 0, .next = {7}};
    struct egw_log_job job = {
        .kind = EGW_LOG_COMMIT, .generation = generation, .offsets = &offset, .offset_count = 1};
    enum egw_status st = run_job(log, &job);

    if (ret_doubtful)
        *ret_doubtful = job.doubtful;
    return st;
}

static void a_commit_under_its_assignment_stands(void **state)
{
    struct memlog *log = open_log("a");
    struct egw_log_event event;
    bool pending, doubtful;

    (void)state;
    assert_true(await(log, EGW_LOG_ASSIGN, 1000, &event));
    assert_int_equal(event.partition_count, 4);
    init_producer(log);
    begin_and_produce(log, OUT, "x");
    assert_int_equal(commit(log, event.generation, &doubtful), EGW_OK);
    assert_false(doubtful);
    pass(100);
    assert_string_equal(seen(OUT), "x@0");
    assert_int_equal(memcluster_committed(&cluster, 0, 0, &pending), 7);
    assert_null(memlog_violation(log));
    memlog_kill(log);
    pass(100);
    memlog_free(log);
}

static void a_commit_under_an_assignment_of_before_must_be_aborted(void **state)
{
    struct memlog *log = open_log("a");
    struct egw_log port = memlog_port(log);
    struct egw_log_event first, event;

    (void)state;
    assert_true(await(log, EGW_LOG_ASSIGN, 1000, &first));
    init_producer(log);
    memcluster_rebalance(&cluster);
    assert_true(await(log, EGW_LOG_REVOKE, 1000, &event));
    port.ops->release(port.self);
    assert_true(await(log, EGW_LOG_ASSIGN, 1000, &event));
    begin_and_produce(log, OUT, "x");
    assert_int_equal(commit(log, first.generation, NULL), EGW_ABORT);
    memlog_kill(log);
    pass(1500);
    assert_string_equal(seen(OUT), "");
    memlog_free(log);
}

static void a_member_frozen_past_its_session_commits_nothing_more(void **state)
{
    struct memlog *log = open_log("a");
    struct egw_log_event mine;

    (void)state;
    assert_true(await(log, EGW_LOG_ASSIGN, 1000, &mine));
    init_producer(log);
    memlog_freeze(log, true);
    pass(1500);
    memlog_freeze(log, false);
    begin_and_produce(log, OUT, "x");
    assert_int_equal(commit(log, mine.generation, NULL), EGW_ABORT);
    memlog_kill(log);
    pass(1500);
    assert_string_equal(seen(OUT), "");
    memlog_free(log);
}

static void a_lost_reply_is_told_as_doubt(void **state)
{
    struct memlog *log = open_log("a");
    struct egw_log_event event;
    bool doubtful;

    (void)state;
    faults.commit_reply_lost = 10000;
    assert_true(await(log, EGW_LOG_ASSIGN, 1000, &event));
    init_producer(log);
    begin_and_produce(log, OUT, "x");
    assert_int_equal(commit(log, event.generation, &doubtful), EGW_OK);
    assert_true(doubtful);
    pass(100);
    assert_string_equal(seen(OUT), "x@0");
    memlog_kill(log);
    pass(100);
    memlog_free(log);
}

static void a_commit_that_failed_here_may_stand_there(void **state)
{
    struct memlog *log = open_log("a");
    struct egw_log_event event;

    (void)state;
    faults.commit_applied = 10000;
    assert_true(await(log, EGW_LOG_ASSIGN, 1000, &event));
    init_producer(log);
    begin_and_produce(log, OUT, "x");
    assert_int_equal(commit(log, event.generation, NULL), EGW_FATAL);
    pass(100);
    assert_string_equal(seen(OUT), "x@0");
    memlog_kill(log);
    pass(100);
    memlog_free(log);
}

static void a_look_up_waits_for_pending_offsets_and_counts_open_records(void **state)
{
    struct memlog *log = open_log("b");
    struct egw_log_place place = {.partition = 0};
    struct egw_log_job job = {.kind = EGW_LOG_LOOKUP, .places = &place, .place_count = 1};
    struct egw_log port = memlog_port(log);
    struct egw_log_event event;
    struct member a = {0};
    int p, e;

    (void)state;
    join(&a, "a");
    producer("a", &p, &e);
    assert_int_equal(put(p, e, STATE, "s"), MEM_OK);
    assert_int_equal(offsets(p, e, "a", &a, 9), MEM_OK);
    port.ops->job(port.self, &job);
    assert_false(await(log, EGW_LOG_DONE, 200, &event));
    assert_int_equal(memcluster_end(&cluster, p, e, true), MEM_OK);
    assert_true(await(log, EGW_LOG_DONE, 200, &event));
    assert_int_equal(job.result, EGW_OK);
    assert_int_equal(place.committed[0], 9);
    assert_int_equal(put(p, e, STATE, "open"), MEM_OK);
    assert_int_equal(run_job(log, &job), EGW_OK);
    assert_int_equal(place.state_end, 3);
    assert_int_equal(memcluster_partition(&cluster, STATE, 0)->stable, 2);
    memlog_kill(log);
    pass(100);
    memlog_free(log);
}

static void a_tail_ends_at_the_stable_offset_and_goes_on_from_there(void **state)
{
    struct memlog *log = open_log("a");
    struct egw_log port = memlog_port(log);
    struct egw_log_event event;
    struct egw_error error;
    int p, e;

    (void)state;
    append(STATE, "x");
    producer("z", &p, &e);
    assert_int_equal(put(p, e, STATE, "y"), MEM_OK);
    assert_int_equal(port.ops->follow(port.self, STATE, 0, EGW_LOG_BEGINNING, &error), EGW_OK);
    assert_true(await(log, EGW_LOG_TAIL, 100, &event));
    assert_true(egw_str_is(event.record.value, "x"));
    assert_true(await(log, EGW_LOG_TAIL_END, 100, &event));
    assert_int_equal(event.offset, 1);
    assert_false(await(log, EGW_LOG_TAIL_END, 100, &event));
    assert_int_equal(memcluster_end(&cluster, p, e, false), MEM_OK);
    assert_true(await(log, EGW_LOG_TAIL_END, 200, &event));
    assert_int_equal(event.offset, 3);
    memlog_kill(log);
    pass(100);
    memlog_free(log);
}

static void an_input_flows_from_where_it_is_started_and_stops(void **state)
{
    struct memlog *log = open_log("a");
    struct egw_log port = memlog_port(log);
    struct egw_log_event event;
    struct egw_error error;
    int64_t next[EGW_LOG_INPUTS_MAX] = {1}, hold[EGW_LOG_INPUTS_MAX] = {EGW_LOG_HOLD};

    (void)state;
    append(IN, "a");
    append(IN, "b");
    assert_true(await(log, EGW_LOG_ASSIGN, 1000, &event));
    assert_false(await(log, EGW_LOG_INPUT, 100, &event));
    assert_int_equal(port.ops->start(port.self, 0, next, &error), EGW_OK);
    assert_true(await(log, EGW_LOG_INPUT, 100, &event));
    assert_int_equal(event.record.offset, 1);
    next[0] = 0;
    assert_int_equal(port.ops->start(port.self, 0, next, &error), EGW_OK);
    assert_true(await(log, EGW_LOG_INPUT, 100, &event));
    assert_int_equal(event.record.offset, 0);
    port.ops->stop(port.self, 0);
    assert_false(await(log, EGW_LOG_INPUT, 100, &event));
    assert_int_equal(port.ops->start(port.self, 0, hold, &error), EGW_OK);
    assert_false(await(log, EGW_LOG_INPUT, 100, &event));
    next[0] = 9;
    assert_int_equal(port.ops->start(port.self, 0, next, &error), EGW_OK);
    assert_true(await(log, EGW_LOG_BROKEN, 100, &event));
    assert_string_equal(event.error.text, "offset 9 is outside in/0");
    assert_null(memlog_violation(log));
    memlog_kill(log);
    pass(100);
    memlog_free(log);
}

static void misuse_of_the_port_is_a_violation(void **state)
{
    struct memlog *log = open_log("a");
    struct egw_log port = memlog_port(log);
    struct egw_error error;

    (void)state;
    init_producer(log);
    assert_int_equal(port.ops->begin(port.self, &error), EGW_OK);
    assert_int_equal(port.ops->begin(port.self, &error), EGW_OK);
    assert_string_equal(memlog_violation(log), "a: begin inside a transaction");
    memlog_kill(log);
    pass(100);
    memlog_free(log);
}

#define TRUTH(fn) cmocka_unit_test_setup_teardown(fn, open_cluster, close_cluster)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TRUTH(committed_records_are_read_and_the_marker_takes_an_offset),
        TRUTH(aborted_records_are_never_read),
        TRUTH(an_open_transaction_holds_readers_at_its_first_record),
        TRUTH(a_new_producer_of_the_same_id_fences_the_older_and_aborts_what_it_left),
        TRUTH(a_transaction_past_its_time_is_aborted_and_its_producer_fenced),
        TRUTH(the_same_end_may_be_asked_for_again_another_may_not),
        TRUTH(a_late_end_hits_the_next_transaction_unless_the_producer_is_new),
        TRUTH(compaction_keeps_the_last_record_of_each_key),
        TRUTH(two_members_share_the_partitions_by_range),
        TRUTH(a_static_member_comes_back_to_its_partitions_without_a_rebalance),
        TRUTH(the_partitions_of_a_silent_member_go_to_the_others),
        TRUTH(offsets_are_pending_until_the_marker_and_gone_after_an_abort),
        TRUTH(offsets_of_an_older_generation_are_refused),
        TRUTH(offsets_of_a_member_that_was_replaced_or_is_unknown_are_refused),
        TRUTH(a_commit_under_its_assignment_stands),
        TRUTH(a_commit_under_an_assignment_of_before_must_be_aborted),
        TRUTH(a_member_frozen_past_its_session_commits_nothing_more),
        TRUTH(a_lost_reply_is_told_as_doubt),
        TRUTH(a_commit_that_failed_here_may_stand_there),
        TRUTH(a_look_up_waits_for_pending_offsets_and_counts_open_records),
        TRUTH(a_tail_ends_at_the_stable_offset_and_goes_on_from_there),
        TRUTH(an_input_flows_from_where_it_is_started_and_stops),
        TRUTH(misuse_of_the_port_is_a_violation),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
