/* One call is one line, whatever the values hold. The file is part of the program, not of a
 * library, so it is compiled in here. */
#include "../../workers/logline.c"

#include "support.h"

static char seen[64 * 1024]; /* what went to standard error */

struct caught {
    int saved;
    FILE *file;
};

static struct caught catch_begin(void)
{
    struct caught c = {dup(STDERR_FILENO), tmpfile()};

    assert_true(c.saved >= 0 && c.file);
    assert_true(dup2(fileno(c.file), STDERR_FILENO) >= 0);
    return c;
}

static void catch_end(struct caught c)
{
    ssize_t n = pread(fileno(c.file), seen, sizeof(seen) - 1, 0);

    assert_true(dup2(c.saved, STDERR_FILENO) >= 0);
    assert_true(n >= 0);
    seen[n] = '\0';
    (void)close(c.saved);
    (void)fclose(c.file);
}

/* What stands behind the time of one line with one pair. */
static const char *line_of(const char *value)
{
    struct caught c = catch_begin();

    egw_log_line(EGW_LEVEL_INFO, "test", "key", value, NULL);
    catch_end(c);
    assert_int_equal(strncmp(seen, "time=2", 6), 0);
    assert_non_null(strchr(seen, ' '));
    return strchr(seen, ' ') + 1;
}

static void a_line_has_time_level_what_and_pairs(void **state)
{
    int64_t ms;

    (void)state;
    assert_string_equal(line_of("plain-value/3"), "level=info what=test key=plain-value/3\n");
    assert_true(egw_time_parse((struct egw_str){seen + 5, strcspn(seen + 5, " ")}, &ms));
}

struct escape {
    const char *value, *shown;
};

static const struct escape escapes[] = {
    {"", "\"\""},
    {"a b", "\"a b\""},
    {"a=b", "\"a=b\""},
    {"say \"no\"", "\"say \\\"no\\\"\""},
    {"a\\b", "\"a\\\\b\""},
    {"a\nlevel=error", "\"a\\nlevel=error\""},
    {"a\r\tb", "\"a\\r\\tb\""},
    {"\x1b[31m", "\"\\u001b[31m\""},
    {"\x7f", "\"\\u007f\""},
    {"\xc2\x85", "\"\\u0085\""},
    {"\xe2\x80\xae"
     "evil",
     "\"\\u202eevil\""},
    {"\xe2\x81\xa6", "\"\\u2066\""},
    {"\xe2\x80\xa8", "\"\\u2028\""},
    {"\xef\xbb\xbf", "\"\\ufeff\""},
    {"\xff\xc3", "\"\\xff\\xc3\""},
    {"M\xc3\xbcller", "\"M\xc3\xbcller\""},
    {"\xf0\x9f\x94\xa5", "\"\xf0\x9f\x94\xa5\""},
};

static void values_cannot_leave_their_place(void **state)
{
    char wanted[256];

    (void)state;
    for (size_t i = 0; i < EGW_COUNT(escapes); i++) {
        (void)snprintf(wanted, sizeof(wanted), "level=info what=test key=%s\n", escapes[i].shown);
        assert_string_equal(line_of(escapes[i].value), wanted);
    }
}

static void a_value_over_256_bytes_is_cut_between_characters(void **state)
{
    char value[300], wanted[400];

    (void)state;
    memset(value, 'a', sizeof(value));
    value[256] = '\0';
    (void)snprintf(wanted, sizeof(wanted), "level=info what=test key=%s\n", value);
    assert_string_equal(line_of(value), wanted);
    memcpy(value + 255,
           "\xc3\xbc"
           "b",
           4);
    (void)snprintf(wanted, sizeof(wanted), "level=info what=test key=\"%.255s...\"\n", value);
    assert_string_equal(line_of(value), wanted);
}

static void a_missing_value_is_an_empty_one(void **state)
{
    (void)state;
    assert_string_equal(line_of(NULL), "level=info what=test key=\"\"\n");
}

static void lines_below_the_level_are_not_written(void **state)
{
    struct caught c = catch_begin();

    (void)state;
    egw_log_set_level("warn");
    egw_log_line(EGW_LEVEL_INFO, "quiet", NULL);
    egw_log_line(EGW_LEVEL_WARN, "loud", NULL);
    egw_log_set_level("no-such-level");
    egw_log_line(EGW_LEVEL_INFO, "quiet", NULL);
    egw_log_set_level("info");
    catch_end(c);
    assert_null(strstr(seen, "quiet"));
    assert_non_null(strstr(seen, "level=warn what=loud\n"));
}

/* 10,000 hostile values: each call leaves exactly one newline, at the end, and no control byte. */
static void ten_thousand_hostile_values_are_one_line_each(void **state)
{
    uint64_t seed = 1;

    (void)state;
    for (int i = 0; i < 10000; i++) {
        char value[400];
        size_t n = (size_t)i % sizeof(value);
        const char *line;

        for (size_t j = 0; j < n; j++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            value[j] = (char)(seed >> 56);
        }
        value[n] = '\0';
        line = line_of(value);
        assert_int_equal(strcspn(line, "\n") + 1, strlen(line));
        for (const char *c = line; *c != '\n'; c++)
            assert_true((unsigned char)*c >= ' ' && *c != 0x7F);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_has_time_level_what_and_pairs),
        cmocka_unit_test(values_cannot_leave_their_place),
        cmocka_unit_test(a_value_over_256_bytes_is_cut_between_characters),
        cmocka_unit_test(a_missing_value_is_an_empty_one),
        cmocka_unit_test(lines_below_the_level_are_not_written),
        cmocka_unit_test(ten_thousand_hostile_values_are_one_line_each),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
