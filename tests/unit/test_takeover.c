/* Taking a partition over: the table of the rules page, section 5. */
#include "bench.h"

#include <stdlib.h>

/* Five records were handled of partition 0; the group says committed. */
static struct bench *handled_five(void **state, int64_t committed)
{
    struct bench *b = *state;

    for (int i = 0; i < 5; i++)
        feed(b, SCRIPT_EVENTS_TOPIC, 0, "add old");
    feed(b, SCRIPT_EVENTS_TOPIC, 0, "add new");
    stand_at(b, 0, 5, "add old");
    stand_at(b, 1, 0, NULL);
    b->log->parts[SCRIPT_EVENTS_TOPIC][0].committed = committed;
    return b;
}

static void test_committed_equal_to_the_position_goes_on_there(void **state)
{
    struct bench *b = handled_five(state, 5);

    start(b);
    settle(b);
    assert_outs(b, "new=1");
    assert_int_equal(stats(b).skipped, 0);
}

static void test_committed_missing_resumes_at_the_position(void **state)
{
    struct bench *b = handled_five(state, -1);

    start(b);
    settle(b);
    assert_outs(b, "new=1");
    assert_int_equal(stats(b).skipped, 0);
}

static void test_committed_below_the_position_is_skipped_and_counted(void **state)
{
    struct bench *b = handled_five(state, 2);

    start(b);
    settle(b);
    assert_outs(b, "new=1");
    assert_int_equal(stats(b).skipped, 3);
    assert_int_equal(b->notes[EGW_NOTE_SKIPPED], 1);
    assert_int_equal(b->last[EGW_NOTE_SKIPPED].a, 2);
    assert_int_equal(b->last[EGW_NOTE_SKIPPED].b, 5);
}

static void test_committed_above_the_position_halts_after_a_second_look(void **state)
{
    struct bench *b = handled_five(state, 6);

    start(b);
    assert_running(b, 1);
    assert_int_equal(stats(b).partitions_halted, 0);
    pass(b, 4999);
    assert_int_equal(stats(b).partitions_halted, 0);
    pass(b, 1);
    assert_halted(b, "events/0: the group's committed offset is 6 but the position says 5: offsets "
                     "were moved forward by a tool, or state was lost");
    settle(b);
    assert_outs(b, "");
}

static void test_a_late_marker_lets_a_partition_go_on(void **state)
{
    struct bench *b = handled_five(state, 6);

    start(b);
    stand_at(b, 0, 6, "add new");
    pass(b, 5000);
    assert_running(b, 2);
    assert_outs(b, "");
}

static void test_the_second_look_is_had_again_by_the_next_assignment(void **state)
{
    struct bench *b = handled_five(state, 6);

    start(b);
    pass(b, 5000);
    assert_int_equal(stats(b).partitions_halted, 1);
    tell(b, EGW_LOG_REVOKE);
    run(b);
    script_assign(b->log, GENERATION + 1, both, 2);
    run(b);
    assert_int_equal(stats(b).partitions_halted, 0);
    pass(b, 5000);
    assert_int_equal(stats(b).partitions_halted, 1);
}

static void test_the_second_look_is_had_again_after_a_fatal_commit(void **state)
{
    struct bench *b = handled_five(state, 6);

    start(b);
    stand_at(b, 0, 6, "add new");
    pass(b, 5000);
    feed(b, SCRIPT_EVENTS_TOPIC, 0, "add newer");
    run(b);
    b->log->result[EGW_LOG_COMMIT] = EGW_FATAL;
    b->log->parts[SCRIPT_EVENTS_TOPIC][0].committed = 7; /* of it the offsets are seen first */
    pass(b, 100);
    assert_int_equal(stats(b).partitions_halted, 0);
    stand_at(b, 0, 7, "add newer");
    pass(b, 5000);
    assert_running(b, 2);
    assert_outs(b, "");
}

static void test_no_position_with_offsets_halts(void **state)
{
    struct bench *b = *state;

    stand_at(b, 1, 0, NULL);
    b->log->parts[SCRIPT_INBOX][0].committed = 0;
    start(b);
    assert_halted(b, "partition 0: the group has committed offsets but the state topic has no "
                     "position: the state topic was lost or is another's");
}

static void test_no_position_and_no_offsets_halts(void **state)
{
    struct bench *b = *state;

    stand_at(b, 1, 0, NULL);
    start(b);
    assert_halted(b, "partition 0: there is no position: run egw init first");
}

static void test_a_position_below_the_log_start_halts(void **state)
{
    struct bench *b = handled_five(state, 5);

    b->log->parts[SCRIPT_EVENTS_TOPIC][0].low = 6;
    start(b);
    assert_halted(b, "events/0: the position says 5 but the log begins at 6: retention removed "
                     "records before they were handled");
}

static void test_a_position_above_the_log_end_halts_after_a_second_look(void **state)
{
    struct bench *b = handled_five(state, -1);

    stand_at(b, 0, 9, NULL);
    start(b);
    assert_int_equal(stats(b).partitions_halted, 0);
    pass(b, 5000);
    assert_halted(b, "events/0: the position says 9 but the log ends at 6: the topic was truncated "
                     "or made anew");
}

static void test_another_digest_of_the_last_input_halts(void **state)
{
    struct bench *b = handled_five(state, 5);

    stand_at(b, 0, 5, "add other");
    start(b);
    settle(b);
    assert_halted(b, "events/0/4: the record is not the one that was handled: the topic was made "
                     "anew");
    assert_outs(b, "");
}

static void test_a_last_input_that_is_gone_halts(void **state)
{
    struct bench *b = handled_five(state, 5);

    stand_at(b, 0, 5, "add old");
    free((char *)b->log->parts[SCRIPT_EVENTS_TOPIC][0].records[4].key.p);
    b->log->parts[SCRIPT_EVENTS_TOPIC][0].records[4] =
        b->log->parts[SCRIPT_EVENTS_TOPIC][0].records[5];
    b->log->parts[SCRIPT_EVENTS_TOPIC][0].n--;
    start(b);
    settle(b);
    assert_halted(b, "events/0/4: the record that was handled is not there, the next is 5: the "
                     "topic was made anew");
    assert_outs(b, "");
}

static void test_a_last_input_below_the_log_start_is_not_asked_for(void **state)
{
    struct bench *b = handled_five(state, 5);

    stand_at(b, 0, 5, "add other");
    b->log->parts[SCRIPT_EVENTS_TOPIC][0].low = 5;
    start(b);
    settle(b);
    assert_outs(b, "new=1");
}

static void test_an_unreadable_entry_halts_and_names_its_offset(void **state)
{
    struct bench *b = handled_five(state, 5);

    (void)script_append(b->log, SCRIPT_STATE, 0, EGW_STR("k"), EGW_STR("junk"));
    start(b);
    assert_halted(b, "cannot read the state entry at offset 1 of partition 0: entry k has 4 bytes");
}

static void test_an_unreadable_position_halts(void **state)
{
    struct bench *b = handled_five(state, 5);

    (void)script_append(b->log, SCRIPT_STATE, 0, EGW_STR(EGW_POSITION_KEY), EGW_STR("junk"));
    start(b);
    assert_int_equal(stats(b).partitions_halted, 1);
    assert_non_null(
        strstr(b->why[EGW_NOTE_PARTITION_HALTED], "cannot use the position of partition 0: "));
}

static void test_a_position_for_another_partition_count_halts(void **state)
{
    struct bench *b = *state;
    struct egw_input_position inputs[2] = {{.topic = EGW_STR("events"), .last = -1},
                                           {.topic = EGW_STR("inbox"), .last = -1}};
    struct egw_position position = {.version = 1, .partition_count = 3, .inputs = {inputs, 2}};

    put_position(b, 0, &position);
    stand_at(b, 1, 0, NULL);
    start(b);
    assert_halted(b, "cannot use the position of partition 0: it was written for 3 partitions, "
                     "there are 2");
}

static void test_a_position_of_other_inputs_halts(void **state)
{
    struct bench *b = *state;
    struct egw_input_position inputs[2] = {{.topic = EGW_STR("events"), .last = -1},
                                           {.topic = EGW_STR("letters"), .last = -1}};
    struct egw_position position = {.version = 1, .partition_count = 2, .inputs = {inputs, 2}};

    put_position(b, 0, &position);
    stand_at(b, 1, 0, NULL);
    start(b);
    assert_halted(b, "cannot use the position of partition 0: its input 1 is letters, the settings "
                     "say inbox");
}

static void test_a_halted_partition_does_not_stop_the_other(void **state)
{
    struct bench *b = *state;

    stand_at(b, 1, 0, NULL);
    feed(b, SCRIPT_EVENTS_TOPIC, 0, "add a");
    feed(b, SCRIPT_EVENTS_TOPIC, 1, "add b");
    start(b);
    settle(b);
    assert_outs(b, "b=1");
}

static void test_nothing_starts_before_reference_is_read_as_far_as_the_predecessor_had(void **state)
{
    struct bench *b = *state;
    struct egw_input_position inputs[2] = {{.topic = EGW_STR("events"), .last = -1},
                                           {.topic = EGW_STR("inbox"), .last = -1}};
    struct egw_position position = {.version = 1,
                                    .partition_count = SCRIPT_PARTITIONS,
                                    .inputs = {inputs, 2},
                                    .reference_offset = 3};

    put_position(b, 0, &position);
    stand_at(b, 1, 0, NULL);
    fact(b, "one");
    fact(b, "two");
    feed(b, SCRIPT_EVENTS_TOPIC, 0, "add a");
    start(b);
    settle(b);
    assert_running(b, 1);
    assert_outs(b, "");
    assert_int_equal(b->notes[EGW_NOTE_WAITING], 1);
    assert_string_equal(b->why[EGW_NOTE_WAITING],
                        "partition 0 was decided on reference up to 3, which ends at 2");
    fact(b, "three");
    run(b);
    settle(b);
    assert_running(b, 2);
    assert_outs(b, "a=1");
}

static void test_nothing_starts_before_policy_was_read_to_its_end(void **state)
{
    struct bench *b = *state;

    stand_at(b, 0, 0, NULL);
    stand_at(b, 1, 0, NULL);
    b->log->parts[SCRIPT_POLICY][0].tail_told = 0; /* its end is not told */
    assert_int_equal(
        egw_runtime_new(&b->conf, script_port(b->log), &b->counter.processor, &b->runtime, NULL),
        EGW_OK);
    b->log->parts[SCRIPT_POLICY][0].tail_told = 0;
    script_assign(b->log, GENERATION, both, 2);
    run(b);
    assert_running(b, 0);
    b->log->parts[SCRIPT_POLICY][0].tail_told = -1;
    run(b);
    assert_running(b, 2);
}

static void test_state_behind_an_open_transaction_is_waited_for(void **state)
{
    struct bench *b = handled_five(state, 6);

    stand_at(b, 0, 6, "add new");
    b->log->parts[SCRIPT_STATE][0].hold_at = 1;
    start(b);
    assert_running(b, 1);
    b->log->parts[SCRIPT_STATE][0].hold_at = -1;
    run(b);
    assert_running(b, 2);
    assert_int_equal(stats(b).partitions_halted, 0);
}

static void test_a_lookup_that_says_retry_is_asked_again(void **state)
{
    struct bench *b = handled_five(state, 5);

    b->log->result[EGW_LOG_LOOKUP] = EGW_RETRY;
    start(b);
    assert_running(b, 2);
}

static void test_a_lookup_that_is_denied_ends_the_process(void **state)
{
    struct bench *b = handled_five(state, 5);

    b->log->result[EGW_LOG_LOOKUP] = EGW_DENIED;
    start(b);
    assert_int_equal(b->ended, EGW_DENIED);
    assert_string_equal(b->error.text, "job 1 was told to fail");
}

static void test_a_partition_out_of_range_ends_the_process(void **state)
{
    static const int32_t third[] = {2};
    struct bench *b = *state;

    stand_at(b, 0, 0, NULL);
    assert_int_equal(
        egw_runtime_new(&b->conf, script_port(b->log), &b->counter.processor, &b->runtime, NULL),
        EGW_OK);
    script_assign(b->log, GENERATION, third, 1);
    run(b);
    assert_int_equal(b->ended, EGW_INVALID);
    assert_string_equal(b->error.text, "partition 2 was assigned, the settings say 2");
}

#define BARE(test) cmocka_unit_test_setup_teardown(test, setup_bare, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        BARE(test_committed_equal_to_the_position_goes_on_there),
        BARE(test_committed_missing_resumes_at_the_position),
        BARE(test_committed_below_the_position_is_skipped_and_counted),
        BARE(test_committed_above_the_position_halts_after_a_second_look),
        BARE(test_a_late_marker_lets_a_partition_go_on),
        BARE(test_the_second_look_is_had_again_by_the_next_assignment),
        BARE(test_the_second_look_is_had_again_after_a_fatal_commit),
        BARE(test_no_position_with_offsets_halts),
        BARE(test_no_position_and_no_offsets_halts),
        BARE(test_a_position_below_the_log_start_halts),
        BARE(test_a_position_above_the_log_end_halts_after_a_second_look),
        BARE(test_another_digest_of_the_last_input_halts),
        BARE(test_a_last_input_that_is_gone_halts),
        BARE(test_a_last_input_below_the_log_start_is_not_asked_for),
        BARE(test_an_unreadable_entry_halts_and_names_its_offset),
        BARE(test_an_unreadable_position_halts),
        BARE(test_a_position_for_another_partition_count_halts),
        BARE(test_a_position_of_other_inputs_halts),
        BARE(test_a_halted_partition_does_not_stop_the_other),
        BARE(test_nothing_starts_before_reference_is_read_as_far_as_the_predecessor_had),
        BARE(test_nothing_starts_before_policy_was_read_to_its_end),
        BARE(test_state_behind_an_open_transaction_is_waited_for),
        BARE(test_a_lookup_that_says_retry_is_asked_again),
        BARE(test_a_lookup_that_is_denied_ends_the_process),
        BARE(test_a_partition_out_of_range_ends_the_process),
    };

    return cmocka_run_group_tests_name("takeover", tests, NULL, NULL);
}
