#include "support.h"

#include <errno.h>

static void test_every_status_has_a_name(void **state)
{
    (void)state;
    for (int st = EGW_OK; st <= EGW_IO; st++)
        assert_string_not_equal(egw_status_name((enum egw_status)st), "unknown");
    assert_string_equal(egw_status_name((enum egw_status)99), "unknown");
    assert_string_equal(egw_status_name((enum egw_status) - 1), "unknown");
}

static void test_an_error_holds_status_and_sentence(void **state)
{
    struct egw_error err;

    (void)state;
    assert_int_equal(egw_error_set(&err, EGW_INVALID, "rate is %d", 0), EGW_INVALID);
    assert_int_equal(err.status, EGW_INVALID);
    assert_string_equal(err.text, "rate is 0");
    assert_int_equal(egw_error_set(NULL, EGW_IO, "nobody listens"), EGW_IO);
}

static void test_a_prefix_stands_before_the_sentence(void **state)
{
    struct egw_error err;

    (void)state;
    egw_error_set(&err, EGW_INVALID, "100%% wrong");
    assert_int_equal(egw_error_prefix(&err, EGW_ABORT, "%s:%d", "a.cfg", 3), EGW_ABORT);
    assert_string_equal(err.text, "a.cfg:3: 100% wrong");
    assert_int_equal(err.status, EGW_ABORT);
    assert_int_equal(egw_error_prefix(NULL, EGW_ABORT, "x"), EGW_ABORT);
}

static void test_long_sentences_are_cut_not_overrun(void **state)
{
    struct egw_error err;
    char text[2 * EGW_ERROR_TEXT];

    (void)state;
    memset(text, 'x', sizeof(text));
    text[sizeof(text) - 1] = '\0';
    egw_error_set(&err, EGW_INVALID, "%s", text);
    assert_int_equal(strlen(err.text), EGW_ERROR_TEXT - 1);
    egw_error_prefix(&err, EGW_INVALID, "where");
    assert_int_equal(strlen(err.text), EGW_ERROR_TEXT - 1);
    assert_memory_equal(err.text, "where: xxx", 10);
    egw_error_prefix(&err, EGW_INVALID, "%s", text);
    assert_int_equal(strlen(err.text), EGW_ERROR_TEXT - 1);
}

static void test_an_error_never_set_can_be_prefixed(void **state)
{
    struct egw_error err;

    (void)state;
    memset(&err, 'z', sizeof(err)); /* no end anywhere */
    egw_error_prefix(&err, EGW_IO, "p");
    assert_int_equal(strlen(err.text), EGW_ERROR_TEXT - 1);
}

static void test_strings_order_by_bytes_and_a_prefix_comes_first(void **state)
{
    (void)state;
    assert_true(egw_str_cmp(EGW_STR("a"), EGW_STR("b")) < 0);
    assert_true(egw_str_cmp(EGW_STR("a"), EGW_STR("ab")) < 0);
    assert_true(egw_str_cmp(EGW_STR("\xff"), EGW_STR("a")) > 0);
    assert_int_equal(egw_str_cmp(EGW_STR_NONE, EGW_STR("")), 0);
    assert_true(egw_str_eq(EGW_STR_NONE, EGW_STR("")));
    assert_false(egw_str_is(EGW_STR_NONE, ""));
    assert_null(egw_str_of(NULL).p);
}

static void test_utf8_is_checked_to_the_letter(void **state)
{
    static const struct {
        struct egw_str s;
        bool valid;
    } cases[] = {
        {{NULL, 0}, true},
        {EGW_STR(""), true},
        {EGW_STR("plain"), true},
        {EGW_STR("\xc2\x80"), true},
        {EGW_STR("\xdf\xbf"), true},
        {EGW_STR("\xe0\xa0\x80"), true},
        {EGW_STR("\xed\x9f\xbf"), true},
        {EGW_STR("\xee\x80\x80"), true},
        {EGW_STR("\xf0\x90\x80\x80"), true},
        {EGW_STR("\xf4\x8f\xbf\xbf"), true},
        {EGW_STR("a\0b"), true},
        {EGW_STR("\x80"), false},
        {EGW_STR("\xc0\x80"), false},         /* over-long NUL */
        {EGW_STR("\xc1\xbf"), false},         /* over-long */
        {EGW_STR("\xe0\x9f\xbf"), false},     /* over-long */
        {EGW_STR("\xf0\x8f\xbf\xbf"), false}, /* over-long */
        {EGW_STR("\xed\xa0\x80"), false},     /* surrogate */
        {EGW_STR("\xed\xbf\xbf"), false},     /* surrogate */
        {EGW_STR("\xf4\x90\x80\x80"), false}, /* past the last code point */
        {EGW_STR("\xf5\x80\x80\x80"), false},
        {EGW_STR("\xff"), false},
        {EGW_STR("\xe2\x82"), false}, /* cut */
        {EGW_STR("\xe2\x82"
                 "a"),
         false},
    };

    (void)state;
    for (size_t i = 0; i < EGW_COUNT(cases); i++) {
        if (egw_utf8_valid(cases[i].s) != cases[i].valid)
            fail_msg("case %zu", i);
    }
}

static void test_numbers_are_parsed_whole_and_in_range(void **state)
{
    static const struct {
        const char *text;
        int64_t min, max;
        bool fine;
        int64_t v;
    } cases[] = {
        {"0", 0, 9, true, 0},
        {"9", 0, 9, true, 9},
        {"10", 0, 9, false, 0},
        {"-1", 0, 9, false, 0},
        {"9223372036854775807", INT64_MIN, INT64_MAX, true, INT64_MAX},
        {"-9223372036854775808", INT64_MIN, INT64_MAX, true, INT64_MIN},
        {"9223372036854775808", INT64_MIN, INT64_MAX, false, 0},
        {"-9223372036854775809", INT64_MIN, INT64_MAX, false, 0},
        {"", 0, 9, false, 0},
        {"-", 0, 9, false, 0},
        {"+1", 0, 9, false, 0},
        {" 1", 0, 9, false, 0},
        {"1 ", 0, 9, false, 0},
        {"0x1", 0, 9, false, 0},
        {"99999999999999999999", 0, INT64_MAX, false, 0},
    };

    (void)state;
    for (size_t i = 0; i < EGW_COUNT(cases); i++) {
        int64_t v = 77;

        assert_int_equal(egw_parse_i64(egw_str_of(cases[i].text), cases[i].min, cases[i].max, &v),
                         cases[i].fine);
        assert_true(v == (cases[i].fine ? cases[i].v : 77));
    }
    assert_false(egw_parse_i64(EGW_STR_NONE, 0, 9, &(int64_t){0}));
}

static void test_times_are_written_and_read_back(void **state)
{
    static const struct {
        int64_t ms;
        const char *text;
    } cases[] = {
        {0, "1970-01-01T00:00:00.000Z"},
        {-1, "1969-12-31T23:59:59.999Z"},
        {INT64_C(1767600600123), "2026-01-05T08:10:00.123Z"},
        {INT64_C(951782400000), "2000-02-29T00:00:00.000Z"},
        {INT64_C(253402300799999), "9999-12-31T23:59:59.999Z"},
        {INT64_C(-62135596800000), "0001-01-01T00:00:00.000Z"},
    };
    char text[EGW_TIME_TEXT];
    int64_t ms;

    (void)state;
    for (size_t i = 0; i < EGW_COUNT(cases); i++) {
        egw_time_format(cases[i].ms, text);
        assert_string_equal(text, cases[i].text);
        assert_true(egw_time_parse(egw_str_of(text), &ms));
        assert_true(ms == cases[i].ms);
    }
}

static void test_times_outside_the_calendar_are_clamped(void **state)
{
    char text[EGW_TIME_TEXT];

    (void)state;
    egw_time_format(INT64_MAX, text);
    assert_string_equal(text, "9999-12-31T23:59:59.999Z");
    egw_time_format(INT64_MIN, text);
    assert_string_equal(text, "0001-01-01T00:00:00.000Z");
}

static void test_times_of_other_zones_and_precision_are_read(void **state)
{
    static const char *const same[] = {
        "2026-01-05T08:10:00Z",         "2026-01-05T09:10:00+01:00", "2026-01-05T09:10+0100",
        "2026-01-05 08:10:00.0000000Z", "2026-01-05T02:40:00-05:30",
    };
    int64_t ms;

    (void)state;
    for (size_t i = 0; i < EGW_COUNT(same); i++) {
        assert_true(egw_time_parse(egw_str_of(same[i]), &ms));
        assert_true(ms == INT64_C(1767600600000));
    }
    assert_true(egw_time_parse(EGW_STR("2026-01-05"), &ms));
    assert_true(ms == INT64_C(1767571200000));
    assert_true(egw_time_parse(EGW_STR("1970-01-01T00:00:00.1234567Z"), &ms));
    assert_true(ms == 123);
}

static void test_what_is_no_time_is_refused(void **state)
{
    static const char *const texts[] = {
        "",
        "2026",
        "2026-13-01",
        "2026-00-01",
        "2026-02-29",
        "1900-02-29",
        "2026-04-31",
        "0000-01-01",
        "2026-01-05T24:00:00Z",
        "2026-01-05T08:60:00Z",
        "2026-01-05T08:10:60Z",
        "2026-01-05T08:10:00",
        "2026-01-05T08:10:00.Z",
        "2026-01-05T08:10:00Zx",
        "2026-01-05T08:10:00+1",
        "2026-01-05T08:10:00+15:00",
        "2026-01-05T-0:10:00Z",
        "2026-01-05T08:-0:00Z",
        "2026-1-5",
    };

    (void)state;
    for (size_t i = 0; i < EGW_COUNT(texts); i++) {
        int64_t ms = 5;

        if (egw_time_parse(egw_str_of(texts[i]), &ms))
            fail_msg("%s", texts[i]);
        assert_true(ms == 5);
    }
}

static void test_a_file_the_machine_could_not_read_may_be_read_later(void **state)
{
    static const int machine[] = {EIO, EINTR, ENOMEM, EMFILE, ENFILE, ENOBUFS};
    static const int name[] = {ENOENT, EACCES, EISDIR, ENOTDIR, ELOOP, ENAMETOOLONG};

    (void)state;
    for (size_t i = 0; i < EGW_COUNT(machine); i++)
        assert_int_equal(egw_file_status(machine[i]), EGW_RETRY);
    for (size_t i = 0; i < EGW_COUNT(name); i++)
        assert_int_equal(egw_file_status(name[i]), EGW_IO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_status_has_a_name),
        cmocka_unit_test(test_an_error_holds_status_and_sentence),
        cmocka_unit_test(test_a_prefix_stands_before_the_sentence),
        cmocka_unit_test(test_long_sentences_are_cut_not_overrun),
        cmocka_unit_test(test_an_error_never_set_can_be_prefixed),
        cmocka_unit_test(test_strings_order_by_bytes_and_a_prefix_comes_first),
        cmocka_unit_test(test_utf8_is_checked_to_the_letter),
        cmocka_unit_test(test_numbers_are_parsed_whole_and_in_range),
        cmocka_unit_test(test_times_are_written_and_read_back),
        cmocka_unit_test(test_times_outside_the_calendar_are_clamped),
        cmocka_unit_test(test_times_of_other_zones_and_precision_are_read),
        cmocka_unit_test(test_what_is_no_time_is_refused),
        cmocka_unit_test(test_a_file_the_machine_could_not_read_may_be_read_later),
    };
    return cmocka_run_group_tests_name("base", tests, NULL, NULL);
}
