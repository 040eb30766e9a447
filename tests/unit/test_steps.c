/* What a step says back, what wakes one, and what stopping does to both. */
#include "bench.h"

#include <stdlib.h>

/* ---- steps that fail ---- */

static void test_retry_holds_that_input_only_and_drops_its_effects(void **state)
{
    struct bench *b = *state;

    feed(b, SCRIPT_EVENTS_TOPIC, 0, "retry a");
    feed(b, SCRIPT_EVENTS_TOPIC, 0, "add b");
    feed(b, SCRIPT_EVENTS_TOPIC, 1, "add c");
    run(b);
    assert_non_null(strstr(b->log->trace, " start0:-3,0"));
    assert_string_equal(b->why[EGW_NOTE_WAITING], "a is not known yet");
    feed(b, SCRIPT_INBOX, 0, "add d");
    run(b);
    settle(b);
    assert_outs(b, "d=1 c=1");
    assert_int_equal(b->log->parts[SCRIPT_EVENTS_TOPIC][0].committed, 0);
}

static void test_retry_comes_again_after_a_nudge(void **state)
{
    struct bench *b = *state;

    feed(b, SCRIPT_EVENTS_TOPIC, 0, "retry a");
    run(b);
    assert_int_equal(b->notes[EGW_NOTE_WAITING], 1);
    b->counter.let_pass = true;
    run(b);
    settle(b);
    assert_outs(b, "");
    assert_int_equal(b->notes[EGW_NOTE_GOES_ON], 0);
    b->counter.let_pass = false;
    egw_runtime_nudge(b->runtime);
    run(b);
    assert_int_equal(b->notes[EGW_NOTE_WAITING], 1); /* for the same */
    b->counter.let_pass = true;
    egw_runtime_nudge(b->runtime);
    run(b);
    settle(b);
    assert_outs(b, "a=1");
    assert_int_equal(b->notes[EGW_NOTE_GOES_ON], 1);
}

static void test_retry_comes_again_after_something_was_learned(void **state)
{
    struct bench *b = *state;

    feed(b, SCRIPT_EVENTS_TOPIC, 0, "retry a");
    run(b);
    b->counter.let_pass = true;
    fact(b, "anything");
    run(b);
    settle(b);
    assert_outs(b, "a=1");
}

static void test_retry_comes_again_when_the_other_input_moved(void **state)
{
    struct bench *b = *state;

    feed(b, SCRIPT_EVENTS_TOPIC, 0, "retry a");
    run(b);
    feed(b, SCRIPT_INBOX, 0, "pass b");
    run(b);
    settle(b);
    assert_outs(b, "b=1 a=1");
    assert_int_equal(b->notes[EGW_NOTE_GOES_ON], 1); /* of a: b did not wait */
}

static void test_invalid_halts_the_partition_and_what_was_decided_before_commits(void **state)
{
    struct bench *b = *state;

    feed(b, SCRIPT_EVENTS_TOPIC, 0, "add a");
    feed(b, SCRIPT_EVENTS_TOPIC, 0, "bad b");
    feed(b, SCRIPT_EVENTS_TOPIC, 0, "add c");
    feed(b, SCRIPT_EVENTS_TOPIC, 1, "add d");
    run(b);
    settle(b);
    assert_halted(b, "cannot use b");
    assert_outs(b, "a=1 d=1");
    assert_int_equal(b->log->parts[SCRIPT_EVENTS_TOPIC][0].committed, 1);
}

static void test_no_memory_for_a_step_ends_the_process(void **state)
{
    struct bench *b = *state;

    feed(b, SCRIPT_EVENTS_TOPIC, 0, "nomem a");
    run(b);
    assert_int_equal(b->ended, EGW_NOMEM);
    assert_string_equal(b->error.text, "partition 0: no memory for a step");
}

static void test_an_unusable_reference_record_is_skipped_and_noted(void **state)
{
    struct bench *b = *state;

    (void)script_append(b->log, SCRIPT_REFERENCE, 0, EGW_STR("k"), EGW_STR("unusable"));
    fact(b, "next");
    run(b);
    assert_int_equal(b->notes[EGW_NOTE_UNUSABLE], 1);
    assert_string_equal(b->why[EGW_NOTE_UNUSABLE], "the fact is unusable");
    assert_int_equal(b->counter.learned, 1);
}

/* ---- timers and facts ---- */

static void test_a_timer_fires_once_and_not_before_its_time(void **state)
{
    struct bench *b = *state;

    feed(b, SCRIPT_EVENTS_TOPIC, 0, "due a 1700000005000");
    run(b);
    settle(b);
    pass(b, 4799);
    assert_int_equal(stats(b).timers, 0);
    pass(b, 1);
    assert_int_equal(stats(b).timers, 1);
    settle(b);
    pass(b, 100000);
    assert_outs(b, "a=1 timer-a");
}

static void test_a_timer_that_must_wait_says_so_once_and_that_it_goes_on(void **state)
{
    struct bench *b = *state;

    feed(b, SCRIPT_EVENTS_TOPIC, 0, "due a 1700000005000");
    run(b);
    settle(b);
    b->counter.hold_timers = true;
    pass(b, 5000);
    egw_runtime_nudge(b->runtime);
    run(b);
    assert_int_equal(b->notes[EGW_NOTE_WAITING], 1);
    assert_int_equal(b->notes[EGW_NOTE_GOES_ON], 0);
    b->counter.hold_timers = false;
    egw_runtime_nudge(b->runtime);
    run(b);
    settle(b);
    assert_int_equal(b->notes[EGW_NOTE_WAITING], 1);
    assert_int_equal(b->notes[EGW_NOTE_GOES_ON], 1);
    assert_outs(b, "a=1 timer-a");
}

static void test_a_timer_that_fired_does_not_fire_after_a_restart(void **state)
{
    struct bench *b = *state;

    feed(b, SCRIPT_EVENTS_TOPIC, 0, "due a 1700000005000");
    run(b);
    settle(b);
    pass(b, 5000);
    settle(b);
    restart(b);
    settle(b);
    assert_outs(b, "a=1 timer-a");
}

static void test_a_timer_fires_after_a_restart(void **state)
{
    struct bench *b = *state;

    feed(b, SCRIPT_EVENTS_TOPIC, 0, "due a 1700000005000");
    run(b);
    settle(b);
    restart(b);
    pass(b, 4000);
    assert_int_equal(stats(b).timers, 0);
    pass(b, 1000);
    settle(b);
    assert_outs(b, "a=1 timer-a");
}

static void test_a_timer_that_was_moved_fires_at_its_new_time_only(void **state)
{
    struct bench *b = *state;

    feed(b, SCRIPT_EVENTS_TOPIC, 0, "due a 1700000005000");
    run(b);
    settle(b);
    feed(b, SCRIPT_EVENTS_TOPIC, 0, "due a 1700000009000");
    run(b);
    settle(b);
    pass(b, 5000);
    settle(b);
    assert_outs(b, "a=1 a=2");
    pass(b, 5000);
    settle(b);
    assert_outs(b, "a=1 a=2 timer-a");
}

static void test_a_changed_fact_fires_a_waiting_entry_once(void **state)
{
    struct bench *b = *state;

    feed(b, SCRIPT_EVENTS_TOPIC, 0, "wait a health");
    feed(b, SCRIPT_EVENTS_TOPIC, 0, "wait b calendar");
    run(b);
    settle(b);
    fact(b, "health");
    run(b);
    settle(b);
    assert_outs(b, "a=1 b=1 health@0-a");
    settle(b);
    restart(b);
    settle(b);
    assert_outs(b, "a=1 b=1 health@0-a");
}

static void test_a_fact_that_changes_again_fires_again(void **state)
{
    struct bench *b = *state;

    feed(b, SCRIPT_EVENTS_TOPIC, 0, "wait a health");
    run(b);
    settle(b);
    fact(b, "health");
    run(b);
    fact(b, "health"); /* before the first is committed */
    run(b);
    settle(b);
    settle(b);
    assert_outs(b, "a=1 health@0-a health@1-a");
}

static void test_a_fact_that_changed_while_nobody_ran_fires_at_the_start(void **state)
{
    struct bench *b = *state;

    feed(b, SCRIPT_EVENTS_TOPIC, 0, "wait a health");
    run(b);
    settle(b);
    egw_runtime_free(b->runtime);
    script_crash(b->log);
    fact(b, "health");
    b->runtime = NULL;
    restart(b);
    settle(b);
    assert_outs(b, "a=1 health@0-a");
}

static void test_a_fact_that_changes_while_its_wait_commits_is_not_missed(void **state)
{
    struct bench *b = *state;

    b->log->hang[EGW_LOG_COMMIT] = true;
    feed(b, SCRIPT_EVENTS_TOPIC, 0, "wait a health");
    run(b);
    pass(b, 100);
    fact(b, "health");
    run(b);
    b->log->hang[EGW_LOG_COMMIT] = false;
    script_let_go(b->log);
    run(b);
    settle(b);
    assert_outs(b, "a=1 health@0-a");
}

/* ---- stopping ---- */

static void test_a_drain_commits_what_is_decided_and_takes_nothing_more(void **state)
{
    struct bench *b = *state;

    feed(b, SCRIPT_EVENTS_TOPIC, 0, "add a");
    run(b);
    egw_runtime_stop(b->runtime, EGW_STOP_DRAIN);
    feed(b, SCRIPT_EVENTS_TOPIC, 0, "add a");
    run(b);
    assert_int_equal(b->ended, EGW_NOT_FOUND);
    assert_outs(b, "a=1");
}

static void test_a_drain_waits_for_the_commit_under_way(void **state)
{
    struct bench *b = *state;

    b->log->hang[EGW_LOG_COMMIT] = true;
    feed(b, SCRIPT_EVENTS_TOPIC, 0, "add a");
    run(b);
    egw_runtime_stop(b->runtime, EGW_STOP_DRAIN);
    run(b);
    assert_int_equal(b->ended, EGW_OK);
    script_let_go(b->log);
    run(b);
    assert_int_equal(b->ended, EGW_NOT_FOUND);
    assert_outs(b, "a=1");
}

static void test_a_drain_with_nothing_decided_ends_at_once(void **state)
{
    struct bench *b = *state;

    egw_runtime_stop(b->runtime, EGW_STOP_DRAIN);
    assert_int_equal(egw_runtime_turn(b->runtime, 500, NULL), EGW_NOT_FOUND);
}

static void test_stop_now_does_not_wait_for_a_commit(void **state)
{
    struct bench *b = *state;

    b->log->hang[EGW_LOG_COMMIT] = true;
    feed(b, SCRIPT_EVENTS_TOPIC, 0, "add a");
    run(b);
    pass(b, 100);
    egw_runtime_stop(b->runtime, EGW_STOP_NOW);
    assert_int_equal(egw_runtime_turn(b->runtime, 500, NULL), EGW_NOT_FOUND);
    restart(b);
    settle(b);
    assert_outs(b, "a=1");
}

static void test_stop_now_opens_no_transaction(void **state)
{
    struct bench *b = *state;

    feed(b, SCRIPT_EVENTS_TOPIC, 0, "add a");
    run(b);
    egw_runtime_stop(b->runtime, EGW_STOP_NOW);
    b->log->mono_ms += 1000;
    assert_int_equal(egw_runtime_turn(b->runtime, 500, NULL), EGW_NOT_FOUND);
    assert_string_equal(b->log->trace, "");
}

static void test_a_crash_at_any_moment_of_a_commit_decides_each_input_once(void **state)
{
    static const bool applied[] = {false, true};
    struct bench *b = *state;

    for (size_t i = 0; i < EGW_COUNT(applied); i++) {
        feed(b, SCRIPT_EVENTS_TOPIC, 0, "add a");
        b->log->hang[EGW_LOG_COMMIT] = true;
        run(b);
        pass(b, 100);
        if (applied[i])
            script_let_go(b->log); /* and the answer is never read */
        restart(b);
        settle(b);
    }
    assert_outs(b, "a=1 a=2");
}

#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_retry_holds_that_input_only_and_drops_its_effects),
        T(test_retry_comes_again_after_a_nudge),
        T(test_retry_comes_again_after_something_was_learned),
        T(test_retry_comes_again_when_the_other_input_moved),
        T(test_invalid_halts_the_partition_and_what_was_decided_before_commits),
        T(test_no_memory_for_a_step_ends_the_process),
        T(test_an_unusable_reference_record_is_skipped_and_noted),
        T(test_a_timer_fires_once_and_not_before_its_time),
        T(test_a_timer_that_must_wait_says_so_once_and_that_it_goes_on),
        T(test_a_timer_that_fired_does_not_fire_after_a_restart),
        T(test_a_timer_fires_after_a_restart),
        T(test_a_timer_that_was_moved_fires_at_its_new_time_only),
        T(test_a_changed_fact_fires_a_waiting_entry_once),
        T(test_a_fact_that_changes_again_fires_again),
        T(test_a_fact_that_changed_while_nobody_ran_fires_at_the_start),
        T(test_a_fact_that_changes_while_its_wait_commits_is_not_missed),
        T(test_a_drain_commits_what_is_decided_and_takes_nothing_more),
        T(test_a_drain_waits_for_the_commit_under_way),
        T(test_a_drain_with_nothing_decided_ends_at_once),
        T(test_stop_now_does_not_wait_for_a_commit),
        T(test_stop_now_opens_no_transaction),
        T(test_a_crash_at_any_moment_of_a_commit_decides_each_input_once),
    };

    return cmocka_run_group_tests_name("steps", tests, NULL, NULL);
}
