#include "egw/times.h"

#include "support.h"

static size_t bucket_of(int64_t ms)
{
    struct egw_times times = {0};

    egw_times_add(&times, ms);
    assert_int_equal(times.n, 1);
    for (size_t i = 0; i <= EGW_TIMES_BOUNDS; i++) {
        if (times.counts[i])
            return i;
    }
    return SIZE_MAX;
}

static void a_bound_belongs_to_its_own_bucket(void **state)
{
    (void)state;
    for (size_t i = 0; i < EGW_TIMES_BOUNDS; i++) {
        assert_int_equal(bucket_of(egw_times_bounds[i]), i);
        assert_int_equal(bucket_of(egw_times_bounds[i] + 1), i + 1);
    }
    assert_int_equal(bucket_of(INT64_MAX), EGW_TIMES_BOUNDS);
}

static void a_negative_time_counts_as_none(void **state)
{
    struct egw_times times = {0};

    (void)state;
    egw_times_add(&times, -5);
    egw_times_add(&times, 7);
    assert_int_equal(times.n, 2);
    assert_int_equal(times.counts[0], 1);
    assert_int_equal(times.sum_ms, 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_bound_belongs_to_its_own_bucket),
        cmocka_unit_test(a_negative_time_counts_as_none),
    };

    return cmocka_run_group_tests_name("times", tests, NULL, NULL);
}
