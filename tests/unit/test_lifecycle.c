#include "support.h"

#include <stdio.h>
#include <stdlib.h>

#include "egw/lifecycle.h"

/* docs/lifecycle.md has the table a second time, for readers: a cell changed by accident, there or
 * here, differs. */
static void test_every_cell_is_as_written_down(void **state)
{
    char *text = read_file(EGW_SOURCE_DIR "/docs/lifecycle.md", NULL);

    (void)state;
    assert_non_null(text);
    for (int event = 0; event < EGW_EVENT_COUNT; event++) {
        char row[256];
        size_t n = (size_t)snprintf(row, sizeof(row), "\n| %s |", egw_event_types[event]);

        for (int phase = 0; phase < EGW_PHASE_COUNT; phase++) {
            enum egw_lifecycle what =
                egw_lifecycle_of((enum egw_event_type)event, (enum egw_phase)phase);

            n += (size_t)snprintf(row + n, sizeof(row) - n, " %s |", egw_lifecycle_names[what]);
        }
        (void)snprintf(row + n, sizeof(row) - n, "\n");
        if (!strstr(text, row))
            fail_msg("docs/lifecycle.md does not say:%s", row);
    }
    free(text);
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
