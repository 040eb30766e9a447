#include "support.h"

#include <stdlib.h>

#include "egw/faults.h"

static int setup(void **state)
{
    *state = calloc(1, sizeof(struct egw_faults));
    return *state ? 0 : -1;
}

static int teardown(void **state)
{
    egw_faults_free(*state);
    free(*state);
    return 0;
}

static void test_a_fault_begins_with_its_place(void **state)
{
    struct egw_faults *faults = *state;

    egw_faults_add(faults, "a.cfg", 14, "rate is %d", 0);
    egw_faults_add(faults, "a.cfg", 0, "is not there");
    egw_faults_add(faults, NULL, 3, "no policy");
    assert_int_equal(faults->n, 3);
    assert_string_equal(faults->texts[0], "a.cfg:14: rate is 0");
    assert_string_equal(faults->texts[1], "a.cfg: is not there");
    assert_string_equal(faults->texts[2], "no policy");
}

static void test_past_200_only_the_count_grows(void **state)
{
    struct egw_faults *faults = *state;

    for (int i = 0; i < 250; i++)
        egw_faults_add(faults, "f", i + 1, "wrong");
    assert_int_equal(faults->n, 200);
    assert_int_equal(faults->total, 250);
}

static void test_print_gives_one_a_line_and_says_what_was_cut(void **state)
{
    struct egw_faults *faults = *state;
    char *text = NULL;
    size_t n;
    FILE *to = open_memstream(&text, &n);

    assert_non_null(to);
    egw_faults_add(faults, "f", 1, "wrong");
    egw_faults_print(faults, to);
    faults->total = 3;
    egw_faults_print(faults, to);
    fclose(to);
    assert_string_equal(text, "f:1: wrong\nf:1: wrong\n... and 2 more\n");
    free(text);
}

static void test_long_texts_are_cut(void **state)
{
    struct egw_faults *faults = *state;

    egw_faults_add(faults, "f", 1, "%5000d", 1);
    assert_int_equal(strlen(faults->texts[0]), 1023);
}

static void test_a_long_file_name_does_not_push_out_the_fault(void **state)
{
    struct egw_faults *faults = *state;
    char name[3000];

    memset(name, 'n', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    egw_faults_add(faults, name, 1, "wrong");
    assert_string_equal(faults->texts[0], "wrong");
}

static void test_free_leaves_an_empty_collection(void **state)
{
    struct egw_faults *faults = *state;

    egw_faults_add(faults, NULL, 0, "x");
    egw_faults_free(faults);
    assert_int_equal(faults->n + faults->total, 0);
    assert_null(faults->texts);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_a_fault_begins_with_its_place),
        T(test_past_200_only_the_count_grows),
        T(test_print_gives_one_a_line_and_says_what_was_cut),
        T(test_long_texts_are_cut),
        T(test_a_long_file_name_does_not_push_out_the_fault),
        T(test_free_leaves_an_empty_collection),
    };
    return cmocka_run_group_tests_name("faults", tests, NULL, NULL);
}
