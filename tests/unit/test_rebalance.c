/* Partitions come and go while something is decided, committing or half read. */
#include "bench.h"

#include <stdlib.h>

static void test_a_revoke_commits_what_is_decided_then_releases(void **state)
{
    struct bench *b = *state;

    feed(b, SCRIPT_EVENTS_TOPIC, 0, "add a");
    run(b);
    tell(b, EGW_LOG_REVOKE);
    run(b);
    assert_string_equal(b->log->trace, " begin COMMIT stop0 stop1 release");
    assert_outs(b, "a=1");
    assert_int_equal(stats(b).partitions_assigned, 0);
}

static void test_a_revoke_takes_no_more_inputs(void **state)
{
    struct bench *b = *state;

    b->log->hang[EGW_LOG_COMMIT] = true;
    feed(b, SCRIPT_EVENTS_TOPIC, 0, "add a");
    run(b);
    tell(b, EGW_LOG_REVOKE);
    run(b);
    feed(b, SCRIPT_EVENTS_TOPIC, 0, "add a");
    run(b);
    assert_int_equal(stats(b).steps, 1);
    b->log->hang[EGW_LOG_COMMIT] = false;
    script_let_go(b->log);
    run(b);
    assert_outs(b, "a=1");
    script_assign(b->log, GENERATION + 1, both, 2);
    run(b);
    settle(b);
    assert_outs(b, "a=1 a=2");
}

static void test_a_revoke_is_bounded_when_the_commit_hangs(void **state)
{
    struct bench *b = *state;

    b->log->hang[EGW_LOG_COMMIT] = true;
    feed(b, SCRIPT_EVENTS_TOPIC, 0, "add a");
    run(b);
    tell(b, EGW_LOG_REVOKE);
    run(b);
    pass(b, 4999);
    assert_null(strstr(b->log->trace, "release"));
    pass(b, 1);
    assert_non_null(strstr(b->log->trace, "release"));
    assert_int_equal(stats(b).partitions_assigned, 0);
}

static void test_the_loop_does_not_oversleep_the_bound_of_a_revoke(void **state)
{
    struct bench *b = *state;

    b->log->hang[EGW_LOG_COMMIT] = true;
    feed(b, SCRIPT_EVENTS_TOPIC, 0, "add a");
    run(b);
    tell(b, EGW_LOG_REVOKE);
    run(b);
    pass(b, 4900);
    assert_int_equal(b->log->waited_ms, 100);
}

static void test_a_timer_due_while_revoking_lets_the_loop_sleep(void **state)
{
    struct bench *b = *state;

    feed(b, SCRIPT_EVENTS_TOPIC, 0, "due a 1700000001000");
    run(b);
    settle(b);
    b->log->hang[EGW_LOG_COMMIT] = true;
    feed(b, SCRIPT_EVENTS_TOPIC, 0, "add b");
    run(b);
    tell(b, EGW_LOG_REVOKE);
    run(b);
    b->log->waited_ms = -1;
    pass(b, 1000);
    assert_int_equal(b->log->waited_ms, 500);
}

static void test_a_commit_that_ends_after_its_revoke_is_not_decided_twice(void **state)
{
    struct bench *b = *state;

    b->log->hang[EGW_LOG_COMMIT] = true;
    feed(b, SCRIPT_EVENTS_TOPIC, 0, "add a");
    run(b);
    tell(b, EGW_LOG_REVOKE);
    run(b);
    pass(b, 5000);
    script_assign(b->log, GENERATION + 1, both, 2);
    run(b);
    assert_running(b, 0); /* its look-up waits for the helper, which still commits */
    b->log->hang[EGW_LOG_COMMIT] = false;
    script_let_go(b->log);
    run(b);
    settle(b);
    assert_running(b, 2);
    assert_outs(b, "a=1");
    feed(b, SCRIPT_EVENTS_TOPIC, 0, "add a");
    run(b);
    settle(b);
    assert_outs(b, "a=1 a=2");
}

static void test_what_is_lost_is_dropped_and_not_committed(void **state)
{
    struct bench *b = *state;

    feed(b, SCRIPT_EVENTS_TOPIC, 0, "add a");
    run(b);
    tell(b, EGW_LOG_LOST);
    run(b);
    settle(b);
    assert_string_equal(b->log->trace, " stop0 stop1");
    assert_outs(b, "");
    script_assign(b->log, GENERATION + 1, both, 2);
    run(b);
    settle(b);
    assert_outs(b, "a=1");
    assert_int_equal(b->log->generation, GENERATION + 1);
}

static void test_what_waits_is_said_anew_after_a_loss(void **state)
{
    struct bench *b = *state;

    feed(b, SCRIPT_EVENTS_TOPIC, 0, "retry a");
    run(b);
    assert_int_equal(b->notes[EGW_NOTE_WAITING], 1);
    tell(b, EGW_LOG_LOST);
    run(b);
    script_assign(b->log, GENERATION + 1, both, 2);
    run(b);
    assert_int_equal(b->notes[EGW_NOTE_WAITING], 2);
    tell(b, EGW_LOG_LOST);
    run(b);
    b->counter.let_pass = true;
    script_assign(b->log, GENERATION + 2, both, 2);
    run(b);
    settle(b);
    assert_outs(b, "a=1");
    assert_int_equal(b->notes[EGW_NOTE_GOES_ON], 0); /* under this assignment nothing waited */
}

static void test_a_transaction_open_when_all_is_lost_is_aborted(void **state)
{
    struct bench *b = *state;

    feed(b, SCRIPT_EVENTS_TOPIC, 0, "add a");
    run(b);
    b->log->room = 1;
    pass(b, 100);
    tell(b, EGW_LOG_LOST);
    run(b);
    assert_string_equal(b->log->trace, " begin stop0 stop1 ABORT");
    b->log->room = 0;
    script_assign(b->log, GENERATION + 1, both, 2);
    run(b);
    settle(b);
    assert_outs(b, "a=1");
}

static void test_a_commit_under_way_when_all_is_lost_is_refused_and_aborted(void **state)
{
    struct bench *b = *state;

    b->log->hang[EGW_LOG_COMMIT] = true;
    feed(b, SCRIPT_EVENTS_TOPIC, 0, "add a");
    run(b);
    pass(b, 100);
    tell(b, EGW_LOG_LOST);
    run(b);
    b->log->hang[EGW_LOG_COMMIT] = false;
    b->log->result[EGW_LOG_COMMIT] = EGW_ABORT;
    script_let_go(b->log);
    run(b);
    assert_string_equal(b->log->trace, " begin COMMIT stop0 stop1 ABORT");
    assert_outs(b, "");
}

static void test_a_commit_that_stood_when_all_was_lost_is_seen_on_return(void **state)
{
    struct bench *b = *state;

    b->log->hang[EGW_LOG_COMMIT] = true;
    feed(b, SCRIPT_EVENTS_TOPIC, 0, "add a");
    run(b);
    pass(b, 100);
    tell(b, EGW_LOG_LOST);
    script_assign(b->log, GENERATION + 1, both, 2);
    run(b);
    b->log->hang[EGW_LOG_COMMIT] = false;
    script_let_go(b->log);
    run(b);
    feed(b, SCRIPT_EVENTS_TOPIC, 0, "add a");
    run(b);
    settle(b);
    assert_outs(b, "a=1 a=2");
}

static void test_lost_while_revoking_gives_no_answer(void **state)
{
    struct bench *b = *state;

    b->log->hang[EGW_LOG_COMMIT] = true;
    feed(b, SCRIPT_EVENTS_TOPIC, 0, "add a");
    run(b);
    tell(b, EGW_LOG_REVOKE);
    run(b);
    tell(b, EGW_LOG_LOST);
    run(b);
    pass(b, 5000);
    assert_null(strstr(b->log->trace, "release"));
    assert_int_equal(b->notes[EGW_NOTE_REVOKED], 0);
}

static void test_a_parked_partition_is_read_on_from_where_it_was(void **state)
{
    struct bench *b = *state;
    struct entry other = {.count = 41, .facts_offset = -1};

    feed(b, SCRIPT_EVENTS_TOPIC, 0, "add a");
    run(b);
    settle(b);
    tell(b, EGW_LOG_REVOKE);
    run(b);
    (void)script_append(b->log, SCRIPT_STATE, 0, EGW_STR("b"), /* the owner in between */
                        (struct egw_str){(const char *)&other, sizeof(other)});
    (void)script_append(b->log, SCRIPT_STATE, 0, EGW_STR("a"), EGW_STR_NONE);
    feed(b, SCRIPT_EVENTS_TOPIC, 0, "add a");
    feed(b, SCRIPT_EVENTS_TOPIC, 0, "add b");
    script_clear_trace(b->log);
    script_assign(b->log, GENERATION + 1, both, 2);
    run(b);
    assert_non_null(strstr(b->log->trace, " follow0:1 "));
    settle(b);
    assert_outs(b, "a=1 a=1 b=42");
}

static void test_a_partition_parked_for_too_long_is_read_from_the_beginning(void **state)
{
    struct bench *b = *state;

    tell(b, EGW_LOG_REVOKE);
    run(b);
    pass(b, 3600001);
    script_assign(b->log, GENERATION + 1, both, 2);
    run(b);
    assert_non_null(strstr(b->log->trace, " follow0:-2 "));
    assert_running(b, 2);
}

static void test_a_revoke_of_partitions_being_restored_forgets_them(void **state)
{
    struct bench *b = *state;

    stand_at(b, 0, 0, NULL);
    stand_at(b, 1, 0, NULL);
    b->log->parts[SCRIPT_STATE][0].hold_at = 0;
    b->log->parts[SCRIPT_STATE][1].hold_at = 0;
    start(b);
    assert_running(b, 0);
    tell(b, EGW_LOG_REVOKE);
    run(b);
    b->log->parts[SCRIPT_STATE][0].hold_at = -1;
    b->log->parts[SCRIPT_STATE][1].hold_at = -1;
    script_clear_trace(b->log);
    script_assign(b->log, GENERATION + 1, both, 2);
    run(b);
    assert_non_null(strstr(b->log->trace, " follow0:-2 follow1:-2"));
    assert_running(b, 2);
}

static void test_a_start_that_says_retry_is_asked_again(void **state)
{
    struct bench *b = *state;

    stand_at(b, 0, 0, NULL);
    stand_at(b, 1, 0, NULL);
    feed(b, SCRIPT_EVENTS_TOPIC, 0, "add a");
    b->log->start_result = EGW_RETRY;
    start(b);
    settle(b);
    assert_outs(b, "a=1");
}

static void test_a_broken_input_halts_its_partition_only(void **state)
{
    struct bench *b = *state;
    struct egw_log_event event = {.kind = EGW_LOG_BROKEN, .topic = SCRIPT_INBOX, .partition = 1};

    egw_error_set(&event.error, EGW_INVALID, "inbox/1: offset out of range");
    script_tell(b->log, &event);
    run(b);
    assert_halted(b, "inbox/1: offset out of range");
    assert_running(b, 1);
}

static void test_a_broken_reference_topic_ends_the_process(void **state)
{
    struct bench *b = *state;
    struct egw_log_event event = {.kind = EGW_LOG_BROKEN, .topic = SCRIPT_REFERENCE};

    egw_error_set(&event.error, EGW_INVALID, "reference/0: offset out of range");
    script_tell(b->log, &event);
    run(b);
    assert_int_equal(b->ended, EGW_FATAL);
    assert_string_equal(b->error.text, "reference/0: offset out of range");
}

static void test_a_partition_given_up_cannot_break(void **state)
{
    struct bench *b = *state;
    struct egw_log_event event = {.kind = EGW_LOG_BROKEN, .topic = SCRIPT_INBOX, .partition = 1};

    tell(b, EGW_LOG_REVOKE);
    run(b);
    egw_error_set(&event.error, EGW_INVALID, "inbox/1: offset out of range");
    script_tell(b->log, &event);
    run(b);
    assert_int_equal(b->notes[EGW_NOTE_PARTITION_HALTED], 0);
    assert_int_equal(stats(b).partitions_assigned, 0);
}

#define T(test)    cmocka_unit_test_setup_teardown(test, setup, teardown)
#define BARE(test) cmocka_unit_test_setup_teardown(test, setup_bare, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_a_revoke_commits_what_is_decided_then_releases),
        T(test_a_revoke_takes_no_more_inputs),
        T(test_a_revoke_is_bounded_when_the_commit_hangs),
        T(test_the_loop_does_not_oversleep_the_bound_of_a_revoke),
        T(test_a_timer_due_while_revoking_lets_the_loop_sleep),
        T(test_a_commit_that_ends_after_its_revoke_is_not_decided_twice),
        T(test_what_is_lost_is_dropped_and_not_committed),
        T(test_what_waits_is_said_anew_after_a_loss),
        T(test_a_transaction_open_when_all_is_lost_is_aborted),
        T(test_a_commit_under_way_when_all_is_lost_is_refused_and_aborted),
        T(test_a_commit_that_stood_when_all_was_lost_is_seen_on_return),
        T(test_lost_while_revoking_gives_no_answer),
        T(test_a_parked_partition_is_read_on_from_where_it_was),
        T(test_a_partition_parked_for_too_long_is_read_from_the_beginning),
        BARE(test_a_revoke_of_partitions_being_restored_forgets_them),
        BARE(test_a_start_that_says_retry_is_asked_again),
        T(test_a_broken_input_halts_its_partition_only),
        T(test_a_broken_reference_topic_ends_the_process),
        T(test_a_partition_given_up_cannot_break),
    };

    return cmocka_run_group_tests_name("rebalance", tests, NULL, NULL);
}
