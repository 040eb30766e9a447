/* The real runtime over a scripted log: deciding, closing, aborting, healing. */
#include "bench.h"

#include <stdlib.h>

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

static int setup_limits(void **state, size_t records, size_t bytes, int64_t rest_ms)
{
    struct bench *b;

    setup_bare(state);
    b = *state;
    b->conf.batch_records = records;
    b->conf.batch_bytes = bytes;
    b->conf.rest_ms = rest_ms;
    stand_at(b, 0, 0, NULL);
    stand_at(b, 1, 0, NULL);
    start(b);
    script_clear_trace(b->log);
    return 0;
}

static int setup_two_records(void **state)
{
    return setup_limits(state, 2, 0, 0);
}

static int setup_few_bytes(void **state)
{
    return setup_limits(state, 0, 100, 0);
}

static int setup_resting(void **state)
{
    return setup_limits(state, 0, 0, 5);
}

/* A commit hangs, and so many events are decided on top of it. */
static void decide_beside_a_commit(struct bench *b, int events)
{
    b->log->hang[EGW_LOG_COMMIT] = true;
    feed(b, SCRIPT_EVENTS_TOPIC, 0, "add a");
    run(b);
    pass(b, 100);
    for (int i = 0; i < events; i++)
        feed(b, SCRIPT_EVENTS_TOPIC, 0, "add a");
    run(b);
}

static void let_commit(struct bench *b)
{
    b->log->hang[EGW_LOG_COMMIT] = false;
    script_let_go(b->log);
}

/* A batch that came due while the one before it committed begins after a rest, and on time. */
static void test_a_commit_is_followed_by_a_rest_for_the_markers(void **state)
{
    struct bench *b = *state;

    decide_beside_a_commit(b, 1);
    pass(b, 100);
    script_clear_trace(b->log);
    let_commit(b);
    run(b);
    pass(b, 4);
    assert_string_equal(b->log->trace, "");
    b->log->waited_ms = 0;
    assert_int_equal(egw_runtime_turn(b->runtime, 500, NULL), EGW_OK);
    assert_int_equal(b->log->waited_ms, 1);
    pass(b, 1);
    assert_string_equal(b->log->trace, " begin COMMIT");
    settle(b);
    assert_outs(b, "a=1 a=2");
}

static int setup_resting_full(void **state)
{
    return setup_limits(state, 2, 0, 5);
}

/* A batch that is full, or must end, waits for the rest only, not for its age. */
static void rests_only(struct bench *b)
{
    b->log->waited_ms = 0;
    assert_int_equal(egw_runtime_turn(b->runtime, 500, NULL), EGW_OK);
    assert_true(b->log->waited_ms > 0 && b->log->waited_ms <= 5);
}

static void test_a_full_batch_waits_for_the_rest_only(void **state)
{
    struct bench *b = *state;

    decide_beside_a_commit(b, 2);
    let_commit(b);
    assert_int_equal(egw_runtime_turn(b->runtime, 0, NULL), EGW_OK);
    rests_only(b);
}

static void test_a_drain_waits_for_the_rest_only(void **state)
{
    struct bench *b = *state;

    decide_beside_a_commit(b, 1);
    let_commit(b);
    egw_runtime_stop(b->runtime, EGW_STOP_DRAIN);
    assert_int_equal(egw_runtime_turn(b->runtime, 0, NULL), EGW_OK);
    rests_only(b);
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

/* Put twice, it has two timers; both are past when the loop comes to them. */
static void test_a_timer_tells_the_time_that_the_entry_waits_for(void **state)
{
    struct bench *b = *state;

    feed(b, SCRIPT_EVENTS_TOPIC, 0, "due a 1700000003000");
    feed(b, SCRIPT_EVENTS_TOPIC, 0, "due a 1700000005000");
    run(b);
    settle(b);
    pass(b, 6000);
    settle(b);
    assert_outs(b, "a=1 a=2 timer-a");
    assert_int_equal(b->counter.struck_ms, 1700000005000);
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

    decide_beside_a_commit(b, 1);
    b->log->result[EGW_LOG_COMMIT] = EGW_FATAL;
    let_commit(b);
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

#define T(test)     cmocka_unit_test_setup_teardown(test, setup, teardown)
#define SMALL(test) cmocka_unit_test_setup_teardown(test, setup_two_records, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
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
        cmocka_unit_test_setup_teardown(test_a_commit_is_followed_by_a_rest_for_the_markers,
                                        setup_resting, teardown),
        cmocka_unit_test_setup_teardown(test_a_full_batch_waits_for_the_rest_only,
                                        setup_resting_full, teardown),
        cmocka_unit_test_setup_teardown(test_a_drain_waits_for_the_rest_only, setup_resting,
                                        teardown),
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
        T(test_a_timer_tells_the_time_that_the_entry_waits_for),
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
    };

    return cmocka_run_group_tests_name("runtime", tests, NULL, NULL);
}
