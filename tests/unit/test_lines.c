/* The file is part of the program, not of a library, so it is compiled in here. */
#include "../../workers/lines.c"

#include <stdlib.h>
#include <unistd.h>

#include "support.h"

static char path[64];

static int setup(void **state)
{
    (void)state;
    (void)snprintf(path, sizeof(path), "/tmp/egw-lines-%ld", (long)getpid());
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    (void)unlink(path);
    return 0;
}

static void put_file(const void *bytes, size_t n)
{
    FILE *f = fopen(path, "wb");

    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
}

static void test_lines_are_counted_blanks_included(void **state)
{
    static const char text[] = "one\n\n  \t\r\nfour\r\n five \nsix";
    static const struct {
        const char *line;
        int number;
    } expected[] = {{"one", 1}, {"four", 4}, {" five", 5}, {"six", 6}};
    struct egw_lines lines;
    struct egw_str line;

    (void)state;
    put_file(text, sizeof(text) - 1);
    assert_int_equal(egw_lines_open(&lines, path, NULL), EGW_OK);
    for (size_t i = 0; i < EGW_COUNT(expected); i++) {
        assert_int_equal(egw_lines_next(&lines, &line, NULL), EGW_OK);
        assert_true(egw_str_is(line, expected[i].line));
        assert_int_equal(lines.line, expected[i].number);
    }
    assert_int_equal(egw_lines_next(&lines, &line, NULL), EGW_NOT_FOUND);
    assert_int_equal(egw_lines_next(&lines, &line, NULL), EGW_NOT_FOUND);
    egw_lines_close(&lines);
}

static void test_an_empty_file_has_no_lines(void **state)
{
    struct egw_lines lines;
    struct egw_str line;

    (void)state;
    put_file("", 0);
    assert_int_equal(egw_lines_open(&lines, path, NULL), EGW_OK);
    assert_int_equal(egw_lines_next(&lines, &line, NULL), EGW_NOT_FOUND);
    egw_lines_close(&lines);
}

static void test_a_missing_file_is_named(void **state)
{
    struct egw_lines lines;
    struct egw_error err;

    (void)state;
    assert_int_equal(egw_lines_open(&lines, "/nonexistent/x.jsonl", &err), EGW_IO);
    assert_string_equal(err.text, "cannot open /nonexistent/x.jsonl: No such file or directory");
}

static void test_a_folder_is_no_file(void **state)
{
    struct egw_lines lines;
    struct egw_str line;
    struct egw_error err;

    (void)state;
    assert_int_equal(egw_lines_open(&lines, "/tmp", &err), EGW_OK);
    assert_int_equal(egw_lines_next(&lines, &line, &err), EGW_IO);
    assert_string_equal(err.text, "cannot read /tmp: Is a directory");
    egw_lines_close(&lines);
}

/* Lines of every length around the chunk's end, and NUL bytes in them, come out whole. */
static void test_lines_across_chunks_come_whole(void **state)
{
    enum { LINES = 5 };
    static const size_t sizes[LINES] = {CHUNK - 1, 1, CHUNK, 3 * CHUNK + 7, 2};
    char *text = malloc(6 * (size_t)CHUNK);
    struct egw_lines lines;
    struct egw_str line;
    size_t n = 0;

    (void)state;
    assert_non_null(text);
    for (size_t i = 0; i < LINES; i++) {
        memset(text + n, (int)('a' + i), sizes[i]);
        text[n] = (char)(sizes[i] > 1 ? '\0' : 'b');
        n += sizes[i];
        text[n++] = '\n';
    }
    put_file(text, n);
    assert_int_equal(egw_lines_open(&lines, path, NULL), EGW_OK);
    for (size_t i = 0; i < LINES; i++) {
        assert_int_equal(egw_lines_next(&lines, &line, NULL), EGW_OK);
        assert_int_equal(line.n, sizes[i]);
        assert_int_equal(line.p[line.n - 1], 'a' + (int)i);
    }
    assert_int_equal(egw_lines_next(&lines, &line, NULL), EGW_NOT_FOUND);
    egw_lines_close(&lines);
    free(text);
}

static void assert_limit(size_t length, bool ends, enum egw_status expected)
{
    char *text = malloc(length + 7);
    struct egw_lines lines;
    struct egw_str line;
    struct egw_error err;
    enum egw_status st;

    assert_non_null(text);
    memset(text, 'x', length);
    memcpy(text + length, "\nafter\n", 7);
    put_file(text, ends ? length + 7 : length);
    assert_int_equal(egw_lines_open(&lines, path, NULL), EGW_OK);
    st = egw_lines_next(&lines, &line, &err);
    assert_int_equal(st, expected);
    if (st)
        assert_string_equal(err.text, "the line is longer than 8388608 bytes");
    else
        assert_int_equal(line.n, length);
    assert_int_equal(lines.line, 1);
    if (ends) {
        assert_int_equal(egw_lines_next(&lines, &line, &err), EGW_OK);
        assert_true(egw_str_is(line, "after"));
        assert_int_equal(lines.line, 2);
    }
    assert_int_equal(egw_lines_next(&lines, &line, &err), EGW_NOT_FOUND);
    egw_lines_close(&lines);
    free(text);
}

static void test_a_line_past_the_limit_costs_only_itself(void **state)
{
    (void)state;
    for (int ends = 0; ends < 2; ends++) {
        assert_limit(EGW_LINE_MAX, ends, EGW_OK);
        assert_limit((size_t)EGW_LINE_MAX + 1, ends, EGW_INVALID);
        assert_limit((size_t)EGW_LINE_MAX + CHUNK + 3, ends, EGW_INVALID);
        assert_limit(2 * (size_t)EGW_LINE_MAX + 5, ends, EGW_INVALID);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        CASE(test_lines_are_counted_blanks_included),
        CASE(test_an_empty_file_has_no_lines),
        CASE(test_a_missing_file_is_named),
        CASE(test_a_folder_is_no_file),
        CASE(test_lines_across_chunks_come_whole),
        CASE(test_a_line_past_the_limit_costs_only_itself),
#undef CASE
    };

    return cmocka_run_group_tests_name("lines", tests, NULL, NULL);
}
