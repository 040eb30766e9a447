/*
 * The rows of docs/errors.md as the runtime meets them: what the log port says, in turn, and what
 * comes of it. A test's name begins with its row; one without is about them all.
 */
#include "bench.h"

#include <stdlib.h>

static void add_a(struct bench *b)
{
    feed(b, SCRIPT_EVENTS_TOPIC, 0, "add a");
    run(b);
}

/* A decided record, and the answer its commit gets. */
static void commit_says(struct bench *b, enum egw_status st)
{
    add_a(b);
    b->log->result[EGW_LOG_COMMIT] = st;
    pass(b, 100);
}

/* ---- A: transactions and the producer ---- */

static void a01_a_kill_before_the_offsets_are_sent_decides_the_same_again(void **state)
{
    struct bench *b = *state;

    add_a(b);
    b->log->room = 1; /* part of it is produced */
    pass(b, 100);
    assert_string_equal(b->log->trace, " begin");
    b->log->room = 0;
    restart(b);
    settle(b);
    assert_outs(b, "a=1");
}

static void a02_a_kill_after_the_commit_was_applied_repeats_nothing(void **state)
{
    struct bench *b = *state;

    b->log->hang[EGW_LOG_COMMIT] = true;
    add_a(b);
    pass(b, 100);
    script_let_go(b->log); /* applied, and the answer is never read */
    restart(b);
    settle(b);
    assert_outs(b, "a=1");
    assert_int_equal(stats(b).steps, 0);
}

static void a03_a_commit_that_took_two_tries_gets_a_new_producer(void **state)
{
    struct bench *b = *state;

    b->log->doubtful[EGW_LOG_COMMIT] = true;
    commit_says(b, EGW_OK);
    assert_string_equal(b->log->trace, " begin COMMIT INIT");
    assert_outs(b, "a=1");
    assert_int_equal(stats(b).recreated, 1);
    assert_int_equal(stats(b).committed, 1);
}

static void a04_a_commit_that_was_given_up_and_not_applied_is_decided_again(void **state)
{
    struct bench *b = *state;

    commit_says(b, EGW_FATAL);
    settle(b);
    assert_outs(b, "a=1");
    assert_int_equal(stats(b).recreated, 1);
}

static void a05_nothing_begins_beside_a_request_that_may_still_be_on_its_way(void **state)
{
    struct bench *b = *state;

    b->log->doubtful[EGW_LOG_COMMIT] = true;
    b->log->hang[EGW_LOG_INIT] = true;
    commit_says(b, EGW_OK);
    add_a(b);
    pass(b, 20000);
    assert_string_equal(b->log->trace, " begin COMMIT INIT");
    b->log->hang[EGW_LOG_INIT] = false;
    script_let_go(b->log);
    settle(b);
    assert_outs(b, "a=1 a=2");
}

static void a06_a_transaction_timed_out_by_the_broker_is_decided_again_at_once(void **state)
{
    struct bench *b = *state;

    commit_says(b, EGW_FATAL);
    assert_non_null(strstr(b->log->trace, " INIT LOOKUP"));
    assert_int_equal(b->notes[EGW_NOTE_RECREATED], 1);
    assert_string_equal(b->why[EGW_NOTE_RECREATED], "job 2 was told to fail");
    settle(b);
    assert_outs(b, "a=1");
}

static void a08_a_fenced_producer_is_made_anew_and_counted(void **state)
{
    struct bench *b = *state;

    for (int i = 1; i <= 3; i++) {
        commit_says(b, EGW_FATAL);
        settle(b);
        assert_int_equal(stats(b).recreated, i);
        assert_int_equal(stats(b).committed, i);
    }
    assert_outs(b, "a=1 a=2 a=3");
}

static void a09_an_abort_is_enough_where_the_library_asks_for_no_more(void **state)
{
    struct bench *b = *state;

    commit_says(b, EGW_ABORT);
    settle(b);
    assert_outs(b, "a=1");
    assert_int_equal(stats(b).aborted, 1);
    assert_int_equal(stats(b).recreated, 0);
}

static void a10_a_generation_that_moved_on_is_aborted_and_the_next_one_used(void **state)
{
    struct bench *b = *state;

    commit_says(b, EGW_ABORT);
    tell(b, EGW_LOG_LOST);
    run(b);
    script_assign(b->log, GENERATION + 1, both, 2);
    run(b);
    settle(b);
    assert_outs(b, "a=1");
    assert_int_equal(b->log->generation, GENERATION + 1);
}

static void a11_a_fenced_member_ends_the_process_to_be_started_again(void **state)
{
    struct bench *b = *state;
    struct egw_log_event event = {.kind = EGW_LOG_FAILED};

    add_a(b);
    egw_error_set(&event.error, EGW_FENCED, "another process has our name");
    script_tell(b->log, &event);
    pass(b, 100);
    assert_int_equal(b->ended, EGW_FENCED);
    assert_outs(b, "");
}

static void a_batch_that_is_always_aborted_is_tried_ever_less_often(void **state)
{
    struct bench *b = *state;
    int begins = 0;

    add_a(b);
    for (int ms = 0; ms < 60000; ms += 100) {
        b->log->result[EGW_LOG_COMMIT] = EGW_ABORT;
        script_clear_trace(b->log);
        pass(b, 100);
        begins += strstr(b->log->trace, "begin") != NULL;
    }
    assert_int_equal(b->ended, EGW_OK);
    assert_in_range(begins, 14, 20);
}

static void refuse_for(struct bench *b, enum egw_status cause, int64_t ms)
{
    b->log->cause = cause;
    for (int64_t at = 0; at < ms && !b->ended; at += 100) {
        b->log->result[EGW_LOG_COMMIT] = EGW_ABORT;
        pass(b, 100);
    }
    b->log->result[EGW_LOG_COMMIT] = EGW_OK;
}

static void a15_a_topic_that_takes_nothing_as_large_for_a_minute_ends_the_process(void **state)
{
    struct bench *b = *state;

    add_a(b);
    refuse_for(b, EGW_INVALID, 60000);
    assert_int_equal(b->ended, EGW_OK);
    refuse_for(b, EGW_INVALID, 6000);
    assert_int_equal(b->ended, EGW_RETRY);
    assert_outs(b, "");
}

static void a16_a_refusal_long_ago_does_not_shorten_the_patience_of_now(void **state)
{
    struct bench *b = *state;

    add_a(b);
    refuse_for(b, EGW_NOT_FOUND, 10000);
    refuse_for(b, EGW_ABORT, 90000); /* an outage */
    assert_int_equal(b->ended, EGW_OK);
    refuse_for(b, EGW_NOT_FOUND, 55000);
    assert_int_equal(b->ended, EGW_OK);
    refuse_for(b, EGW_NOT_FOUND, 10000);
    assert_int_equal(b->ended, EGW_RETRY);
}

/* The library aborts once more for the numbers of what was refused. */
static void a16_an_abort_between_refusals_is_no_sign_that_it_was_mended(void **state)
{
    struct bench *b = *state;

    add_a(b);
    for (int i = 0; i < 8; i++) {
        refuse_for(b, EGW_NOT_FOUND, 5000);
        refuse_for(b, EGW_ABORT, 5000);
    }
    assert_int_equal(b->ended, EGW_RETRY);
}

static void a16_a_topic_gone_for_a_minute_ends_the_process(void **state)
{
    struct bench *b = *state;

    add_a(b);
    refuse_for(b, EGW_NOT_FOUND, 60000);
    assert_int_equal(b->ended, EGW_OK);
    refuse_for(b, EGW_NOT_FOUND, 6000);
    assert_int_equal(b->ended, EGW_RETRY);
    assert_string_equal(b->error.text, "job 2 was told to fail");
}

static void a16_a_topic_that_comes_back_within_a_minute_is_written_to(void **state)
{
    struct bench *b = *state;

    add_a(b);
    for (int i = 0; i < 2; i++) { /* and the minute begins anew */
        refuse_for(b, EGW_NOT_FOUND, 50000);
        assert_int_equal(b->ended, EGW_OK);
        pass(b, 5000);
        settle(b);
        add_a(b);
    }
    settle(b);
    assert_outs(b, "a=1 a=2 a=3");
}

static void a17_a_right_that_is_missing_is_asked_for_five_times_in_five_minutes(void **state)
{
    struct bench *b = *state;

    add_a(b);
    refuse_for(b, EGW_DENIED, 300000);
    assert_int_equal(b->ended, EGW_OK);
    assert_int_equal(b->notes[EGW_NOTE_BEGUN], 5);
    refuse_for(b, EGW_DENIED, 10000);
    assert_int_equal(b->ended, EGW_DENIED);
    assert_int_equal(b->notes[EGW_NOTE_BEGUN], 6);
    assert_int_equal(b->notes[EGW_NOTE_ABORTED], 6);
    assert_string_equal(b->error.text, "job 2 was told to fail");
    assert_outs(b, "");
}

static void a17_a_topic_that_goes_after_a_right_has_a_minute_of_its_own(void **state)
{
    struct bench *b = *state;

    add_a(b);
    refuse_for(b, EGW_DENIED, 200000);
    refuse_for(b, EGW_NOT_FOUND, 140000); /* the first of it comes when the pause is over */
    assert_int_equal(b->ended, EGW_OK);
    refuse_for(b, EGW_NOT_FOUND, 80000);
    assert_int_equal(b->ended, EGW_RETRY);
}

static void a17_a_right_given_back_in_time_loses_nothing_and_is_forgotten(void **state)
{
    struct bench *b = *state;

    add_a(b);
    refuse_for(b, EGW_DENIED, 200000);
    pass(b, 150000);
    settle(b);
    assert_outs(b, "a=1");
    add_a(b);
    refuse_for(b, EGW_DENIED, 200000); /* a new five minutes */
    assert_int_equal(b->ended, EGW_OK);
    pass(b, 150000);
    settle(b);
    assert_outs(b, "a=1 a=2");
}

static void a17_a_produce_that_is_denied_counts_like_a_commit(void **state)
{
    struct bench *b = *state;

    add_a(b);
    b->log->cause = EGW_DENIED;
    b->log->produce_result = EGW_ABORT;
    pass(b, 100);
    assert_int_equal(stats(b).aborted, 1);
    script_clear_trace(b->log);
    pass(b, 9900);
    assert_string_equal(b->log->trace, "");
    pass(b, 100);
    assert_outs(b, "a=1");
}

static void a18_an_identity_that_is_refused_ends_the_process_at_once(void **state)
{
    static const enum egw_log_job_kind kinds[] = {EGW_LOG_COMMIT, EGW_LOG_INIT};
    struct bench *b = *state;

    b->log->result[kinds[1]] = EGW_DENIED; /* after the commit: the first INIT has been */
    b->log->doubtful[EGW_LOG_COMMIT] = true;
    commit_says(b, EGW_OK);
    assert_int_equal(b->ended, EGW_DENIED);
    assert_outs(b, "a=1");
    b->log->result[kinds[1]] = EGW_OK;
    restart(b);
    commit_says(b, EGW_DENIED);
    assert_int_equal(b->ended, EGW_DENIED);
    assert_outs(b, "a=1");
}

static void a19_a_batch_the_replicas_did_not_take_is_decided_again(void **state)
{
    struct bench *b = *state;

    add_a(b);
    b->log->produce_result = EGW_ABORT;
    pass(b, 100);
    settle(b);
    assert_outs(b, "a=1");
    assert_int_equal(stats(b).aborted, 1);
}

static void a20_a_full_queue_is_waited_for_and_the_rest_goes_after(void **state)
{
    struct bench *b = *state;

    add_a(b);
    b->log->room = 1;
    pass(b, 100);
    assert_string_equal(b->log->trace, " begin");
    b->log->room = 0;
    run(b);
    assert_string_equal(b->log->trace, " begin COMMIT");
    assert_outs(b, "a=1");
}

static void a22_ten_recreations_in_a_row_and_no_more(void **state)
{
    struct bench *b = *state;

    for (size_t i = 0; i < b->conf.recreations; i++) {
        commit_says(b, EGW_FATAL);
        assert_int_equal(b->ended, EGW_OK);
        settle(b);
    }
    commit_says(b, EGW_FATAL);
    assert_int_equal(b->ended, EGW_FATAL);
    assert_int_equal(stats(b).recreated, b->conf.recreations);
    restart(b);
    settle(b);
    assert_outs(b, "a=1 a=2 a=3 a=4");
}

static void a24_inputs_that_say_nothing_still_commit_their_offsets(void **state)
{
    struct bench *b = *state;

    feed(b, SCRIPT_EVENTS_TOPIC, 0, "mute a");
    feed(b, SCRIPT_INBOX, 0, "mute a");
    run(b);
    settle(b);
    assert_string_equal(b->log->trace, " begin COMMIT");
    assert_outs(b, "");
    assert_int_equal(b->log->parts[SCRIPT_EVENTS_TOPIC][0].committed, 1);
    assert_int_equal(b->log->parts[SCRIPT_INBOX][0].committed, 1);
    restart(b);
    settle(b);
    assert_int_equal(stats(b).steps, 0);
}

static void a25_a_transaction_of_a_stranger_holds_the_inputs_back_and_loses_none(void **state)
{
    struct bench *b = *state;

    b->log->parts[SCRIPT_EVENTS_TOPIC][0].hold_at = 0;
    add_a(b);
    feed(b, SCRIPT_EVENTS_TOPIC, 1, "add b");
    run(b);
    settle(b);
    pass(b, 600000);
    assert_outs(b, "b=1");
    b->log->parts[SCRIPT_EVENTS_TOPIC][0].hold_at = -1;
    run(b);
    settle(b);
    assert_outs(b, "a=1 b=1");
}

/* ---- B: group, rebalance, time ---- */

static void b01_what_is_decided_commits_before_the_partitions_go(void **state)
{
    struct bench *b = *state;

    add_a(b);
    tell(b, EGW_LOG_REVOKE);
    run(b);
    assert_string_equal(b->log->trace, " begin COMMIT stop0 stop1 release");
    assert_outs(b, "a=1");
}

static void b03_a_lost_assignment_aborts_and_commits_nothing(void **state)
{
    struct bench *b = *state;

    add_a(b);
    b->log->room = 1;
    pass(b, 100);
    tell(b, EGW_LOG_LOST);
    run(b);
    assert_string_equal(b->log->trace, " begin stop0 stop1 ABORT");
    assert_int_equal(stats(b).lost, 1);
    b->log->room = 0;
    script_assign(b->log, GENERATION + 1, both, 2);
    run(b);
    settle(b);
    assert_outs(b, "a=1");
}

/* The answer that comes after the loss is of who owned the partitions then: another has gone on. */
static void b03_an_answer_from_before_the_loss_is_not_taken(void **state)
{
    struct bench *b = *state;

    stand_at(b, 0, 0, NULL);
    stand_at(b, 1, 0, NULL);
    b->log->hang[EGW_LOG_LOOKUP] = true;
    start(b);
    tell(b, EGW_LOG_LOST);
    script_assign(b->log, GENERATION + 1, both, 2);
    run(b);
    script_clear_trace(b->log);
    b->log->hang[EGW_LOG_LOOKUP] = false;
    script_let_go(b->log);
    run(b);
    assert_string_equal(b->log->trace, " LOOKUP follow0:-2 follow1:-2 start0:0,0 start1:0,0");
}

/* The batch became due in its sleep; the first that is heard after it is that all is lost. */
static void b04_a_worker_that_wakes_from_a_freeze_looks_before_it_writes(void **state)
{
    struct bench *b = *state;

    add_a(b);
    b->log->mono_ms += 90000;
    b->log->wall_ms += 90000;
    tell(b, EGW_LOG_LOST);
    run(b);
    assert_string_equal(b->log->trace, " stop0 stop1");
    script_assign(b->log, GENERATION + 1, both, 2);
    run(b);
    settle(b);
    assert_outs(b, "a=1");
}

static void b04_a_commit_on_old_rights_is_refused_and_decided_again(void **state)
{
    struct bench *b = *state;

    add_a(b);
    b->log->result[EGW_LOG_COMMIT] = EGW_ABORT; /* the broker knows the generation */
    pass(b, 90000);
    tell(b, EGW_LOG_LOST);
    run(b);
    script_assign(b->log, GENERATION + 1, both, 2);
    run(b);
    settle(b);
    assert_outs(b, "a=1");
}

static void b05_a_loop_that_was_stuck_is_told_of_and_joins_again(void **state)
{
    struct bench *b = *state;

    b->log->hang[EGW_LOG_COMMIT] = true;
    add_a(b);
    pass(b, 100);
    b->log->mono_ms += 120000; /* the client noticed: max.poll.interval.ms */
    tell(b, EGW_LOG_LOST);
    run(b);
    b->log->hang[EGW_LOG_COMMIT] = false;
    b->log->result[EGW_LOG_COMMIT] = EGW_ABORT;
    script_let_go(b->log);
    run(b);
    assert_non_null(strstr(b->log->trace, "ABORT"));
    script_assign(b->log, GENERATION + 1, both, 2);
    run(b);
    settle(b);
    assert_outs(b, "a=1");
}

static void b06_each_of_twenty_rebalances_lets_the_work_go_on(void **state)
{
    struct bench *b = *state;

    for (int i = 1; i <= 20; i++) {
        add_a(b);
        tell(b, i % 3 ? EGW_LOG_REVOKE : EGW_LOG_LOST);
        run(b);
        script_assign(b->log, GENERATION + i, both, 2);
        run(b);
        settle(b);
        assert_int_equal(b->log->parts[SCRIPT_EVENTS_TOPIC][0].committed, i);
        assert_running(b, 2);
    }
    assert_int_equal(stats(b).rebalances, 21);
    assert_int_equal(stats(b).aborted, 0);
}

static void b07_a_revoke_waits_for_the_commit_but_not_for_ever(void **state)
{
    struct bench *b = *state;

    b->log->hang[EGW_LOG_COMMIT] = true;
    add_a(b);
    pass(b, 100);
    tell(b, EGW_LOG_REVOKE);
    run(b);
    pass(b, 4999);
    assert_null(strstr(b->log->trace, "release"));
    pass(b, 1);
    assert_non_null(strstr(b->log->trace, "release"));
    b->log->hang[EGW_LOG_COMMIT] = false;
    script_let_go(b->log); /* it stood after all */
    script_assign(b->log, GENERATION + 1, both, 2);
    run(b);
    settle(b);
    assert_outs(b, "a=1");
}

static void b07_a_loss_does_not_wait_for_the_commit(void **state)
{
    struct bench *b = *state;

    b->log->hang[EGW_LOG_COMMIT] = true;
    add_a(b);
    pass(b, 100);
    tell(b, EGW_LOG_LOST);
    run(b);
    assert_int_equal(stats(b).partitions_assigned, 0);
    b->log->hang[EGW_LOG_COMMIT] = false;
    b->log->result[EGW_LOG_COMMIT] = EGW_ABORT;
    script_let_go(b->log);
    run(b);
    assert_non_null(strstr(b->log->trace, "ABORT"));
    assert_outs(b, "");
}

static void b10_missing_offsets_resume_at_the_position(void **state)
{
    struct bench *b = *state;

    feed(b, SCRIPT_EVENTS_TOPIC, 0, "add old");
    feed(b, SCRIPT_EVENTS_TOPIC, 0, "add new");
    stand_at(b, 0, 1, "add old");
    start(b); /* and partition 1 has neither */
    settle(b);
    assert_outs(b, "new=1");
    assert_halted(b, "partition 1: there is no position: run egw init first");
}

static void b11_a_position_that_retention_overtook_halts_with_the_numbers(void **state)
{
    struct bench *b = *state;

    feed(b, SCRIPT_EVENTS_TOPIC, 0, "add old");
    feed(b, SCRIPT_EVENTS_TOPIC, 0, "add new");
    stand_at(b, 0, 1, "add old");
    stand_at(b, 1, 0, NULL);
    b->log->parts[SCRIPT_EVENTS_TOPIC][0].low = 2;
    start(b);
    settle(b);
    assert_halted(b, "events/0: the position says 1 but the log begins at 2: retention removed "
                     "records before they were handled");
    assert_outs(b, "");
}

static void b12_a_topic_made_anew_halts_by_its_end_or_by_its_last_record(void **state)
{
    struct bench *b = *state;

    feed(b, SCRIPT_EVENTS_TOPIC, 0, "add other");
    stand_at(b, 0, 1, "add old");
    stand_at(b, 1, 9, NULL);
    start(b);
    settle(b);
    assert_halted(b, "events/0/0: the record is not the one that was handled: the topic was made "
                     "anew");
    pass(b, 5000);
    assert_int_equal(stats(b).partitions_halted, 2);
    assert_string_equal(b->why[EGW_NOTE_PARTITION_HALTED],
                        "events/1: the position says 9 but the log ends at 0: the topic was "
                        "truncated or made anew");
    assert_outs(b, "");
}

static void b13_a_partition_more_than_the_settings_say_ends_the_process(void **state)
{
    static const int32_t third[] = {2};
    struct bench *b = *state;

    tell(b, EGW_LOG_REVOKE);
    run(b);
    script_assign(b->log, GENERATION + 1, third, 1);
    run(b);
    assert_int_equal(b->ended, EGW_INVALID);
    assert_string_equal(b->error.text, "partition 2 was assigned, the settings say 2");
}

static void b14_a_step_of_the_wall_clock_moves_no_commit_and_fires_no_timer_twice(void **state)
{
    struct bench *b = *state;

    feed(b, SCRIPT_EVENTS_TOPIC, 0, "due a 1700000005000");
    run(b);
    b->log->wall_ms += 3600000; /* the timer is due by it */
    run(b);
    settle(b);
    settle(b);
    b->log->wall_ms -= 7200000;
    run(b);
    settle(b);
    b->log->wall_ms += 7200000;
    run(b);
    settle(b);
    assert_outs(b, "a=1 timer-a");
    add_a(b);
    b->log->wall_ms -= 3600000;
    script_clear_trace(b->log);
    b->log->mono_ms += 99;
    run(b);
    assert_string_equal(b->log->trace, "");
    b->log->mono_ms += 1;
    run(b);
    assert_string_equal(b->log->trace, " begin COMMIT");
}

static void b15_a_suspended_machine_takes_up_what_it_decided_with_the_brokers_leave(void **state)
{
    struct bench *b = *state;

    add_a(b);
    b->log->result[EGW_LOG_COMMIT] = EGW_ABORT;
    pass(b, 600000);
    assert_outs(b, "");
    settle(b);
    assert_outs(b, "a=1");
    assert_int_equal(stats(b).aborted, 1);
}

static void b16_a_look_up_without_an_answer_is_asked_again_for_as_long_as_it_takes(void **state)
{
    struct bench *b = *state;

    stand_at(b, 0, 0, NULL);
    stand_at(b, 1, 0, NULL);
    b->log->hang[EGW_LOG_LOOKUP] = true;
    start(b);
    for (int i = 0; i < 30; i++) {
        b->log->result[EGW_LOG_LOOKUP] = EGW_RETRY;
        script_let_go(b->log);
        pass(b, 2000);
        assert_int_equal(b->ended, EGW_OK);
        assert_running(b, 0);
    }
    b->log->hang[EGW_LOG_LOOKUP] = false;
    script_let_go(b->log);
    run(b);
    assert_running(b, 2);
}

#define T(test)    cmocka_unit_test_setup_teardown(test, setup, teardown)
#define BARE(test) cmocka_unit_test_setup_teardown(test, setup_bare, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a01_a_kill_before_the_offsets_are_sent_decides_the_same_again),
        T(a02_a_kill_after_the_commit_was_applied_repeats_nothing),
        T(a03_a_commit_that_took_two_tries_gets_a_new_producer),
        T(a04_a_commit_that_was_given_up_and_not_applied_is_decided_again),
        T(a05_nothing_begins_beside_a_request_that_may_still_be_on_its_way),
        T(a06_a_transaction_timed_out_by_the_broker_is_decided_again_at_once),
        T(a08_a_fenced_producer_is_made_anew_and_counted),
        T(a09_an_abort_is_enough_where_the_library_asks_for_no_more),
        T(a10_a_generation_that_moved_on_is_aborted_and_the_next_one_used),
        T(a11_a_fenced_member_ends_the_process_to_be_started_again),
        T(a_batch_that_is_always_aborted_is_tried_ever_less_often),
        T(a15_a_topic_that_takes_nothing_as_large_for_a_minute_ends_the_process),
        T(a16_a_refusal_long_ago_does_not_shorten_the_patience_of_now),
        T(a16_an_abort_between_refusals_is_no_sign_that_it_was_mended),
        T(a16_a_topic_gone_for_a_minute_ends_the_process),
        T(a16_a_topic_that_comes_back_within_a_minute_is_written_to),
        T(a17_a_right_that_is_missing_is_asked_for_five_times_in_five_minutes),
        T(a17_a_topic_that_goes_after_a_right_has_a_minute_of_its_own),
        T(a17_a_right_given_back_in_time_loses_nothing_and_is_forgotten),
        T(a17_a_produce_that_is_denied_counts_like_a_commit),
        T(a18_an_identity_that_is_refused_ends_the_process_at_once),
        T(a19_a_batch_the_replicas_did_not_take_is_decided_again),
        T(a20_a_full_queue_is_waited_for_and_the_rest_goes_after),
        T(a22_ten_recreations_in_a_row_and_no_more),
        T(a24_inputs_that_say_nothing_still_commit_their_offsets),
        T(a25_a_transaction_of_a_stranger_holds_the_inputs_back_and_loses_none),
        T(b01_what_is_decided_commits_before_the_partitions_go),
        T(b03_a_lost_assignment_aborts_and_commits_nothing),
        BARE(b03_an_answer_from_before_the_loss_is_not_taken),
        T(b04_a_worker_that_wakes_from_a_freeze_looks_before_it_writes),
        T(b04_a_commit_on_old_rights_is_refused_and_decided_again),
        T(b05_a_loop_that_was_stuck_is_told_of_and_joins_again),
        T(b06_each_of_twenty_rebalances_lets_the_work_go_on),
        T(b07_a_revoke_waits_for_the_commit_but_not_for_ever),
        T(b07_a_loss_does_not_wait_for_the_commit),
        BARE(b10_missing_offsets_resume_at_the_position),
        BARE(b11_a_position_that_retention_overtook_halts_with_the_numbers),
        BARE(b12_a_topic_made_anew_halts_by_its_end_or_by_its_last_record),
        T(b13_a_partition_more_than_the_settings_say_ends_the_process),
        T(b14_a_step_of_the_wall_clock_moves_no_commit_and_fires_no_timer_twice),
        T(b15_a_suspended_machine_takes_up_what_it_decided_with_the_brokers_leave),
        BARE(b16_a_look_up_without_an_answer_is_asked_again_for_as_long_as_it_takes),
    };

    return cmocka_run_group_tests_name("runtime faults", tests, NULL, NULL);
}
