#include "support.h"

#include <stdio.h>

#include "egw/lifecycle.h"

/* The table as docs/lifecycle.md prints it: one line an event type, one word a phase. Written here a
 * second time on purpose: a cell changed by accident differs from it. */
static const char *const expected[EGW_EVENT_COUNT] = {
    [EGW_EVENT_OPENED] = "decide decide decide decide decide update update update late",
    [EGW_EVENT_UPDATED] = "decide decide decide decide decide update update update late",
    [EGW_EVENT_DIAGNOSED] = "decide decide decide decide decide update update update late",
    [EGW_EVENT_ATTEMPT] = "decide decide decide decide decide attempt attempt attempt late",
    [EGW_EVENT_CONFIRMED] = "late update update outlived update update update update late",
    [EGW_EVENT_CLEARED] = "end end end end end end end end late",
    [EGW_EVENT_CLOSED] = "end end end end end end end end late",
    [EGW_EVENT_REOPENED] = "decide decide decide decide decide update update update reopen",
    [EGW_EVENT_APPROVED] = "late update update update decide update update update late",
    [EGW_EVENT_DECLINED] = "late update update update decide update update update late",
    [EGW_EVENT_RELEASED] = "late update update outlived decide update update update late",
    [EGW_EVENT_CASE_NUMBER] = "late number number number number number number number number",
    [EGW_EVENT_CASE_STATE] = "late update update update update state state state late",
    [EGW_EVENT_LINK] = "late link link link link link link link link",
    [EGW_EVENT_UNLINK] = "late unlink unlink unlink unlink unlink unlink unlink unlink",
    [EGW_EVENT_REDECIDE] = "late decide decide decide decide decide reopen reopen reopen",
};

static void test_every_cell_is_as_written_down(void **state)
{
    (void)state;
    for (int event = 0; event < EGW_EVENT_COUNT; event++) {
        char line[256] = "";
        size_t n = 0;

        for (int phase = 0; phase < EGW_PHASE_COUNT; phase++) {
            enum egw_lifecycle what =
                egw_lifecycle_of((enum egw_event_type)event, (enum egw_phase)phase);

            n += (size_t)snprintf(line + n, sizeof(line) - n, "%s%s", phase ? " " : "",
                                  egw_lifecycle_names[what]);
        }
        if (strcmp(line, expected[event]) != 0)
            fail_msg("%s: %s", egw_event_types[event], line);
    }
}

static void test_names_are_found_and_others_are_not(void **state)
{
    (void)state;
    for (int event = 0; event < EGW_EVENT_COUNT; event++)
        assert_int_equal(egw_event_type_of(egw_str_of(egw_event_types[event])), event);
    assert_int_equal(egw_event_type_of(EGW_STR("Opened")), -1);
    assert_int_equal(egw_event_type_of(EGW_STR("")), -1);
    assert_int_equal(egw_event_type_of(EGW_STR_NONE), -1);
}

/* What domain.md marks T ends a case; what it marks W leads to an open phase; R leaves it. */
static void test_every_action_leads_where_its_kind_says(void **state)
{
    static const char kinds[EGW_ACTION_COUNT + 1] = "RRRRRWTTTWTWWWWTWWWWWRWRR";

    (void)state;
    for (int action = 0; action < EGW_ACTION_COUNT; action++) {
        enum egw_phase phase = egw_phase_after((enum egw_action)action);
        char kind = phase == (enum egw_phase)EGW_PHASE_COUNT ? 'R'
                    : phase == EGW_PHASE_ENDED               ? 'T'
                                                             : 'W';

        if (kind != kinds[action])
            fail_msg("%s: %c", egw_action_names[action], kind);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_cell_is_as_written_down),
        cmocka_unit_test(test_names_are_found_and_others_are_not),
        cmocka_unit_test(test_every_action_leads_where_its_kind_says),
    };

    return cmocka_run_group_tests_name("lifecycle", tests, NULL, NULL);
}
