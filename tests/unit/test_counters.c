/* What the runtime counts is what happened: each fault moves its own counter, and no other. */
#include "bench.h"

#include <stdio.h>

static int setup_counting(void **state)
{
    struct bench *b;

    if (setup_bare(state))
        return -1;
    b = *state;
    b->conf.tallies = 2;
    stand_at(b, 0, 0, NULL);
    stand_at(b, 1, 0, NULL);
    start(b);
    return 0;
}

static void decide_one(struct bench *b)
{
    feed(b, SCRIPT_EVENTS_TOPIC, 0, "add a");
    run(b);
    settle(b);
}

/* ---- transactions and producers ---- */

static void assert_transactions(const struct bench *b, uint64_t committed, uint64_t aborted,
                                uint64_t unknown, uint64_t abandoned)
{
    struct egw_runtime_stats s = stats(b);

    assert_int_equal(s.committed, committed);
    assert_int_equal(s.aborted, aborted);
    assert_int_equal(s.unknown, unknown);
    assert_int_equal(s.abandoned, abandoned);
    assert_int_equal(s.commits.n, committed);
    assert_int_equal(s.open_since_ms, 0);
}

static void assert_recreated(const struct bench *b, enum egw_recreation cause)
{
    struct egw_runtime_stats s = stats(b);

    for (int i = 0; i < EGW_RECREATIONS; i++)
        assert_int_equal(s.recreated_by[i], i == (int)cause);
    assert_int_equal(s.recreated, cause < EGW_RECREATIONS);
}

static void test_a_commit_counts_as_committed(void **state)
{
    struct bench *b = *state;

    decide_one(b);
    assert_transactions(b, 1, 0, 0, 0);
    assert_recreated(b, EGW_RECREATIONS);
}

static void test_an_abort_counts_and_its_repetition_commits(void **state)
{
    struct bench *b = *state;

    b->log->result[EGW_LOG_COMMIT] = EGW_ABORT;
    decide_one(b);
    settle(b);
    assert_transactions(b, 1, 1, 0, 0);
    assert_recreated(b, EGW_RECREATIONS);
    assert_int_equal(stats(b).steps, 2);
    assert_int_equal(stats(b).steps_committed, 1);
}

static void test_a_commit_without_an_answer_counts_as_unknown(void **state)
{
    struct bench *b = *state;

    b->log->result[EGW_LOG_COMMIT] = EGW_FATAL;
    decide_one(b);
    settle(b);
    assert_transactions(b, 1, 0, 1, 0);
    assert_recreated(b, EGW_RECREATED_COMMIT_UNKNOWN);
}

static void test_a_doubtful_commit_counts_as_committed_and_names_its_cause(void **state)
{
    struct bench *b = *state;

    b->log->doubtful[EGW_LOG_COMMIT] = true;
    decide_one(b);
    assert_transactions(b, 1, 0, 0, 0);
    assert_recreated(b, EGW_RECREATED_COMMIT_DOUBTFUL);
}

static void test_a_doubtful_abort_names_its_cause(void **state)
{
    struct bench *b = *state;

    b->log->result[EGW_LOG_COMMIT] = EGW_ABORT;
    b->log->doubtful[EGW_LOG_ABORT] = true;
    decide_one(b);
    settle(b);
    assert_transactions(b, 1, 1, 0, 0);
    assert_recreated(b, EGW_RECREATED_ABORT_DOUBTFUL);
}

static void test_an_abort_that_fails_names_its_cause(void **state)
{
    struct bench *b = *state;

    b->log->result[EGW_LOG_COMMIT] = EGW_ABORT;
    b->log->result[EGW_LOG_ABORT] = EGW_FATAL;
    decide_one(b);
    settle(b);
    assert_transactions(b, 1, 1, 0, 0);
    assert_recreated(b, EGW_RECREATED_ABORT_FAILED);
}

static void test_a_begin_that_fails_opens_nothing_and_names_its_cause(void **state)
{
    struct bench *b = *state;

    b->log->begin_result = EGW_FATAL;
    decide_one(b);
    settle(b);
    assert_transactions(b, 1, 0, 0, 0);
    assert_recreated(b, EGW_RECREATED_BEGIN_FAILED);
}

static void test_a_fatal_produce_abandons_its_transaction(void **state)
{
    struct bench *b = *state;

    b->log->produce_result = EGW_FATAL;
    feed(b, SCRIPT_EVENTS_TOPIC, 0, "add a");
    run(b);
    b->log->in_transaction = false; /* what a new producer's init does at the broker */
    settle(b);
    settle(b);
    assert_int_equal(stats(b).abandoned, 1);
    assert_recreated(b, EGW_RECREATED_PRODUCE_FAILED);
}

static void test_an_init_that_fails_names_its_cause(void **state)
{
    struct bench *b = *state;

    b->log->doubtful[EGW_LOG_COMMIT] = true;
    b->log->result[EGW_LOG_INIT] = EGW_RETRY;
    decide_one(b);
    settle(b);
    assert_int_equal(stats(b).recreated_by[EGW_RECREATED_COMMIT_DOUBTFUL], 1);
    assert_int_equal(stats(b).recreated_by[EGW_RECREATED_INIT_FAILED], 1);
    assert_int_equal(stats(b).recreated, 2);
}

static void test_the_open_transaction_has_an_age_until_it_ends(void **state)
{
    struct bench *b = *state;
    int64_t began;

    b->log->hang[EGW_LOG_COMMIT] = true;
    feed(b, SCRIPT_EVENTS_TOPIC, 0, "add a");
    run(b);
    pass(b, 100);
    began = b->log->mono_ms;
    pass(b, 7000);
    assert_int_equal(stats(b).open_since_ms, began);
    b->log->hang[EGW_LOG_COMMIT] = false;
    script_let_go(b->log);
    run(b);
    assert_int_equal(stats(b).open_since_ms, 0);
    assert_int_equal(stats(b).commits.n, 1);
    assert_int_equal(stats(b).commits.sum_ms, 7000);
}

/* ---- tallies ---- */

static void test_a_tally_counts_what_was_committed_and_nothing_that_was_dropped(void **state)
{
    struct bench *b = *state;

    b->log->result[EGW_LOG_COMMIT] = EGW_ABORT;
    feed(b, SCRIPT_EVENTS_TOPIC, 0, "add a");
    feed(b, SCRIPT_EVENTS_TOPIC, 1, "add b");
    run(b);
    pass(b, 100);
    assert_int_equal(egw_runtime_tallies(b->runtime)[1], 0);
    settle(b);
    assert_outs(b, "a=1 b=1");
    assert_int_equal(egw_runtime_tallies(b->runtime)[1], 2);
}

static void test_a_tally_out_of_range_is_not_counted(void **state)
{
    struct bench *b = *state;

    egw_runtime_free(b->runtime);
    script_crash(b->log);
    b->conf.tallies = 1;
    start(b);
    decide_one(b);
    assert_outs(b, "a=1");
    assert_int_equal(egw_runtime_tallies(b->runtime)[0], 0);
}

/* ---- lag ---- */

static int64_t lag_of(const struct bench *b, size_t input, int32_t p)
{
    struct egw_runtime_lag lags[SCRIPT_PARTITIONS * SCRIPT_INPUTS];
    size_t n = egw_runtime_lags(b->runtime, lags, EGW_COUNT(lags));

    for (size_t i = 0; i < n; i++) {
        if (lags[i].input == input && lags[i].partition == p)
            return lags[i].records;
    }
    return -1;
}

static void test_lag_counts_to_the_committed_position_not_to_the_decided_one(void **state)
{
    struct bench *b = *state;

    b->log->hang[EGW_LOG_COMMIT] = true;
    for (int i = 0; i < 3; i++)
        feed(b, SCRIPT_EVENTS_TOPIC, 0, "add a");
    feed(b, SCRIPT_INBOX, 1, "add b");
    run(b);
    pass(b, 100);
    assert_int_equal(lag_of(b, 0, 0), 3);
    assert_int_equal(lag_of(b, 1, 0), 0);
    assert_int_equal(lag_of(b, 0, 1), 0);
    assert_int_equal(lag_of(b, 1, 1), 1);
    b->log->hang[EGW_LOG_COMMIT] = false;
    script_let_go(b->log);
    run(b);
    assert_int_equal(lag_of(b, 0, 0), 0);
    assert_int_equal(lag_of(b, 1, 1), 0);
}

static void test_what_is_not_ours_has_no_lag(void **state)
{
    struct bench *b = *state;

    feed(b, SCRIPT_EVENTS_TOPIC, 0, "add a");
    run(b);
    tell(b, EGW_LOG_REVOKE);
    run(b);
    settle(b);
    assert_int_equal(lag_of(b, 0, 0), -1);
}

static void test_a_halted_partition_keeps_its_lag(void **state)
{
    struct bench *b = *state;

    feed(b, SCRIPT_EVENTS_TOPIC, 0, "bad a");
    feed(b, SCRIPT_EVENTS_TOPIC, 0, "add a");
    run(b);
    assert_halted(b, "cannot use a");
    assert_int_equal(lag_of(b, 0, 0), 2);
}

static void test_lags_stop_at_the_room_there_is(void **state)
{
    struct bench *b = *state;
    struct egw_runtime_lag lags[3];

    assert_int_equal(egw_runtime_lags(b->runtime, lags, 3), 3);
}

/* ---- the oldest undecided event ---- */

static void test_the_oldest_event_that_is_not_committed_is_known(void **state)
{
    struct bench *b = *state;
    int64_t first = b->log->wall_ms;

    assert_int_equal(stats(b).oldest_undecided_ms, 0);
    b->log->hang[EGW_LOG_COMMIT] = true;
    feed(b, SCRIPT_EVENTS_TOPIC, 0, "add a");
    run(b);
    pass(b, 100);
    feed(b, SCRIPT_EVENTS_TOPIC, 1, "add b"); /* into the next batch */
    pass(b, 50);
    assert_int_equal(stats(b).oldest_undecided_ms, first);
    b->log->hang[EGW_LOG_COMMIT] = false;
    script_let_go(b->log);
    run(b);
    assert_int_equal(stats(b).oldest_undecided_ms, first + 100);
    settle(b);
    assert_int_equal(stats(b).oldest_undecided_ms, 0);
}

static void test_an_event_that_waits_stays_the_oldest_until_it_is_decided(void **state)
{
    struct bench *b = *state;
    int64_t first = b->log->wall_ms;

    feed(b, SCRIPT_EVENTS_TOPIC, 0, "retry a");
    run(b);
    pass(b, 5000);
    assert_int_equal(stats(b).oldest_undecided_ms, first);
    assert_int_equal(stats(b).partitions_waiting, 1);
    b->counter.let_pass = true;
    egw_runtime_nudge(b->runtime);
    run(b);
    settle(b);
    assert_int_equal(stats(b).oldest_undecided_ms, 0);
    assert_int_equal(stats(b).partitions_waiting, 0);
}

static void test_an_event_that_halted_its_partition_stays_the_oldest(void **state)
{
    struct bench *b = *state;
    int64_t first = b->log->wall_ms;

    feed(b, SCRIPT_EVENTS_TOPIC, 0, "bad a");
    run(b);
    pass(b, 60000);
    assert_int_equal(stats(b).oldest_undecided_ms, first);
}

/* ---- restore, turns, the rest ---- */

static void test_each_restored_partition_counts_once(void **state)
{
    struct bench *b = *state;

    assert_int_equal(stats(b).restores.n, 2);
    assert_int_equal(stats(b).rebalances, 1);
    assert_true(stats(b).assigned);
    assert_false(stats(b).stopping);
    assert_true(stats(b).turns.n > 0);
}

static void test_a_drain_shows(void **state)
{
    struct bench *b = *state;

    egw_runtime_stop(b->runtime, EGW_STOP_DRAIN);
    assert_true(stats(b).stopping);
}

static void test_an_unusable_reference_record_counts(void **state)
{
    struct bench *b = *state;

    (void)script_append(b->log, SCRIPT_REFERENCE, 0, EGW_STR("f"), EGW_STR("unusable"));
    run(b);
    assert_int_equal(stats(b).unusable, 1);
}

/* ---- the survey ---- */

static void test_the_survey_finds_what_is_stuck_and_since_when(void **state)
{
    struct bench *b = *state;

    feed(b, SCRIPT_EVENTS_TOPIC, 0, "stuck a 5000");
    feed(b, SCRIPT_EVENTS_TOPIC, 0, "add b");
    feed(b, SCRIPT_EVENTS_TOPIC, 1, "stuck c 3000");
    run(b);
    egw_runtime_survey(b->runtime, 100);
    assert_int_equal(stats(b).entries_stuck, 0); /* not committed yet */
    settle(b);
    egw_runtime_survey(b->runtime, 100);
    assert_int_equal(stats(b).entries_stuck, 2);
    assert_int_equal(stats(b).oldest_stuck_ms, 3000);
    feed(b, SCRIPT_EVENTS_TOPIC, 1, "stuck c 0");
    run(b);
    settle(b);
    egw_runtime_survey(b->runtime, 100);
    assert_int_equal(stats(b).entries_stuck, 1);
    assert_int_equal(stats(b).oldest_stuck_ms, 5000);
    assert_int_equal(stats(b).surveys, 3);
}

static void test_a_survey_of_few_at_a_time_sees_them_all_once(void **state)
{
    struct bench *b = *state;
    char words[32];

    for (int i = 0; i < 90; i++) { /* the table grows on the way */
        (void)snprintf(words, sizeof(words), "stuck k%d %d", i, 1000 + i);
        feed(b, SCRIPT_EVENTS_TOPIC, i % 2, words);
        if (i % 10 == 0) {
            run(b);
            settle(b);
            egw_runtime_survey(b->runtime, 7);
        }
    }
    run(b);
    settle(b);
    for (uint64_t rounds = stats(b).surveys + 2; stats(b).surveys < rounds;)
        egw_runtime_survey(b->runtime, 7);
    assert_int_equal(stats(b).entries_stuck, 90);
    assert_int_equal(stats(b).oldest_stuck_ms, 1000);
}

static void test_partitions_that_went_are_surveyed_no_more(void **state)
{
    struct bench *b = *state;

    feed(b, SCRIPT_EVENTS_TOPIC, 0, "stuck a 5000");
    run(b);
    tell(b, EGW_LOG_REVOKE);
    run(b);
    settle(b);
    egw_runtime_survey(b->runtime, 100);
    assert_int_equal(stats(b).surveys, 1);
    assert_int_equal(stats(b).entries_stuck, 0);
}

#define T(test) cmocka_unit_test_setup_teardown(test, setup_counting, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_a_commit_counts_as_committed),
        T(test_an_abort_counts_and_its_repetition_commits),
        T(test_a_commit_without_an_answer_counts_as_unknown),
        T(test_a_doubtful_commit_counts_as_committed_and_names_its_cause),
        T(test_a_doubtful_abort_names_its_cause),
        T(test_an_abort_that_fails_names_its_cause),
        T(test_a_begin_that_fails_opens_nothing_and_names_its_cause),
        T(test_a_fatal_produce_abandons_its_transaction),
        T(test_an_init_that_fails_names_its_cause),
        T(test_the_open_transaction_has_an_age_until_it_ends),
        T(test_a_tally_counts_what_was_committed_and_nothing_that_was_dropped),
        T(test_a_tally_out_of_range_is_not_counted),
        T(test_lag_counts_to_the_committed_position_not_to_the_decided_one),
        T(test_what_is_not_ours_has_no_lag),
        T(test_a_halted_partition_keeps_its_lag),
        T(test_lags_stop_at_the_room_there_is),
        T(test_the_oldest_event_that_is_not_committed_is_known),
        T(test_an_event_that_waits_stays_the_oldest_until_it_is_decided),
        T(test_an_event_that_halted_its_partition_stays_the_oldest),
        T(test_each_restored_partition_counts_once),
        T(test_a_drain_shows),
        T(test_an_unusable_reference_record_counts),
        T(test_the_survey_finds_what_is_stuck_and_since_when),
        T(test_a_survey_of_few_at_a_time_sees_them_all_once),
        T(test_partitions_that_went_are_surveyed_no_more),
    };

    return cmocka_run_group_tests_name("counters", tests, NULL, NULL);
}
