/* The built program as a person meets it: usage, help, completion, manual, exit codes. */
#include "support.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { TEXT_MAX = 1 << 20, WORDS_MAX = 16 };

struct ran {
    int code;
    char *out, *err;
};

static char program[4096]; /* beside the tests, in the same build */

static int find_program(void **state)
{
    ssize_t n = readlink("/proc/self/exe", program, sizeof(program) - 64);
    char *slash;

    (void)state;
    if (n < 0)
        return -1;
    program[n] = '\0';
    for (int i = 0; i < 2; i++) {
        slash = strrchr(program, '/');
        if (!slash)
            return -1;
        *slash = '\0';
    }
    memcpy(program + strlen(program), "/workers/egw", sizeof("/workers/egw"));
    if (access(program, X_OK) != 0) {
        print_error("%s is not built\n", program);
        return -1;
    }
    return unsetenv("EGW_CONFIG");
}

/* Reads both ends until both are closed. */
static void read_both(int fds[2], char *texts[2])
{
    struct pollfd polls[2] = {{fds[0], POLLIN, 0}, {fds[1], POLLIN, 0}};
    size_t n[2] = {0, 0};
    int open_ends = 2;

    while (open_ends > 0) {
        assert_true(poll(polls, 2, -1) > 0);
        for (int i = 0; i < 2; i++) {
            ssize_t got;

            if (polls[i].fd < 0 || !polls[i].revents)
                continue;
            got = read(polls[i].fd, texts[i] + n[i], TEXT_MAX - 1 - n[i]);
            if (got <= 0) {
                (void)close(polls[i].fd);
                polls[i].fd = -1;
                open_ends--;
            } else {
                n[i] += (size_t)got;
            }
        }
    }
    texts[0][n[0]] = texts[1][n[1]] = '\0';
}

static struct ran run_program(const char *const argv[])
{
    struct ran r = {0};
    int out[2], err[2], status;
    pid_t child;

    r.out = malloc(TEXT_MAX);
    r.err = malloc(TEXT_MAX);
    assert_true(r.out && r.err);
    assert_int_equal(pipe(out), 0);
    assert_int_equal(pipe(err), 0);
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)dup2(out[1], STDOUT_FILENO);
        (void)dup2(err[1], STDERR_FILENO);
        (void)close(out[0]);
        (void)close(err[0]);
        (void)close(out[1]);
        (void)close(err[1]);
        execvp(argv[0], (char *const *)argv); /* it changes none of them */
        _exit(127);
    }
    (void)close(out[1]);
    (void)close(err[1]);
    read_both((int[]){out[0], err[0]}, (char *[]){r.out, r.err});
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    r.code = WEXITSTATUS(status);
    return r;
}

/* Runs egw with these words, blanks between them; "" is an empty line. */
static struct ran egw(const char *line)
{
    char words[1024], *at = words, *word;
    const char *argv[WORDS_MAX + 1] = {program};
    size_t n = 1;

    assert_true(strlen(line) < sizeof(words));
    memcpy(words, line, strlen(line) + 1);
    while (n < WORDS_MAX && (word = strsep(&at, " ")) != NULL)
        if (*word)
            argv[n++] = word;
    return run_program(argv);
}

static void end(struct ran *r)
{
    free(r->out);
    free(r->err);
}

/* ---- usage ---- */

struct usage {
    const char *line, *message;
};

static const struct usage wrong[] = {
    {"", "egw: a command is needed: egw --help lists them\n"},
    {"chek", "egw: unknown command chek: did you mean check?\n"},
    {"weather", "egw: unknown command weather: egw --help lists them\n"},
    {"-c x check", "egw: unknown option -c: options follow the command\n"},
    {"check --ofline", "egw check: unknown option --ofline: did you mean --offline?\n"},
    {"check --xyz", "egw check: unknown option --xyz\n"},
    {"check -x", "egw check: unknown option -x\n"},
    {"check --offline=yes", "egw check: --offline takes no value\n"},
    {"check something", "egw check: takes no operands, but \"something\" is given\n"},
    {"check -c", "egw check: --config needs a value: FILE\n"},
    {"check --set", "egw check: --set needs a value: KEY=VALUE\n"},
    {"topics -o", "egw topics: --output needs a value: text or json\n"},
    {"topics -o xml", "egw topics: --output must be text or json, not \"xml\"\n"},
    {"topics --output=tex", "egw topics: --output must be text or json, not \"tex\"\n"},
    {"topics -oxml", "egw topics: --output must be text or json, not \"xml\"\n"},
    {"topics --output=", "egw topics: --output must be text or json, not \"\"\n"},
    {"manual -c x", "egw manual: no settings are read: --config has no use here\n"},
    {"completion", "egw completion: one shell is needed: bash\n"},
    {"completion zsh", "egw completion: the shell must be bash, not \"zsh\"\n"},
    {"check -- --offline", "egw check: takes no operands, but \"--offline\" is given\n"},
    {"check \x1b[31m", "egw check: takes no operands, but \"\\u001b[31m\" is given\n"},
};

static void wrong_usage_is_one_precise_sentence_and_exit_2(void **state)
{
    (void)state;
    for (size_t i = 0; i < EGW_COUNT(wrong); i++) {
        struct ran r = egw(wrong[i].line);

        assert_string_equal(r.err, wrong[i].message);
        assert_string_equal(r.out, "");
        assert_int_equal(r.code, 2);
        end(&r);
    }
}

static void every_fault_of_the_settings_is_listed_and_exit_78(void **state)
{
    struct ran r = egw("topics -s log.level=loud -s triage.slt=1");

    (void)state;
    assert_string_equal(r.err, "-s: log.level must be error, warn, info or debug, not \"loud\"\n"
                               "-s: unknown setting triage.slt: did you mean triage.slot?\n");
    assert_int_equal(r.code, 78);
    end(&r);
}

static void the_environment_may_name_the_settings_file(void **state)
{
    struct ran r;

    (void)state;
    assert_int_equal(setenv("EGW_CONFIG", "/nonexistent/egw.cfg", 1), 0);
    r = egw("check --offline");
    assert_int_equal(unsetenv("EGW_CONFIG"), 0);
    assert_string_equal(
        r.err, "/nonexistent/egw.cfg: cannot open the settings: No such file or directory\n");
    assert_int_equal(r.code, 78);
    end(&r);
}

static void output_that_cannot_be_written_is_no_success(void **state)
{
    char script[8192];
    const char *argv[] = {"sh", "-c", script, NULL};
    struct ran r;

    (void)state;
    (void)snprintf(script, sizeof(script), "exec '%s' check --sample > /dev/full", program);
    r = run_program(argv);
    assert_string_equal(r.err, "egw: cannot write to standard output: No space left on device\n");
    assert_int_equal(r.code, 69);
    end(&r);
}

/* ---- help ---- */

static size_t widest_line(const char *text)
{
    size_t widest = 0;

    while (*text) {
        size_t n = strcspn(text, "\n");

        widest = n > widest ? n : widest;
        text += n + (text[n] == '\n');
    }
    return widest;
}

static size_t line_count(const char *text)
{
    size_t n = 0;

    for (; *text; text++)
        n += *text == '\n';
    return n;
}

static const char *const commands[] = {"demo",    "check",     "init",    "triage",    "publish",
                                       "explain", "outcomes",  "handoff", "dead",      "reference",
                                       "policy",  "catalogue", "schema",  "audit",     "verify",
                                       "replay",  "topics",    "manual",  "completion"};

static void help_fits_one_screen_and_names_every_command(void **state)
{
    struct ran r = egw("--help");
    char entry[64];

    (void)state;
    assert_int_equal(r.code, 0);
    assert_string_equal(r.err, "");
    assert_in_range(line_count(r.out), 20, 32);
    assert_in_range(widest_line(r.out), 40, 80);
    for (size_t i = 0; i < EGW_COUNT(commands); i++) {
        (void)snprintf(entry, sizeof(entry), "\n  %s ", commands[i]);
        assert_non_null(strstr(r.out, entry));
    }
    end(&r);
}

static void help_of_each_command_fits_a_screen_and_names_its_exit_codes(void **state)
{
    char line[64];

    (void)state;
    for (size_t i = 0; i < EGW_COUNT(commands); i++) {
        struct ran r;

        (void)snprintf(line, sizeof(line), "%s --help", commands[i]);
        r = egw(line);
        (void)snprintf(line, sizeof(line), "usage: egw %s", commands[i]);
        if (widest_line(r.out) > 80)
            print_error("help of %s is too wide\n", commands[i]);
        assert_in_range(widest_line(r.out), 20, 80);
        if (line_count(r.out) > 44 || !strstr(r.out, "\nexit: 0 "))
            print_error("help of %s is too long, or names no exit codes\n", commands[i]);
        assert_in_range(line_count(r.out), 5, 44);
        assert_non_null(strstr(r.out, "\nexit: 0 "));
        assert_int_equal(strncmp(r.out, line, strlen(line)), 0);
        assert_string_equal(r.err, "");
        assert_int_equal(r.code, 0);
        end(&r);
    }
}

static void version_names_every_linked_library(void **state)
{
    static const char *const names[] = {
        "egw ",       "\nlibrdkafka ", "\nlibcurl ",       "\nlibconfig ",
        "\njansson ", "\nlibcrypto ",  "\nlibmicrohttpd ", "\nlibhs "};
    struct ran r = egw("--version");

    (void)state;
    for (size_t i = 0; i < EGW_COUNT(names); i++)
        assert_non_null(strstr(r.out, names[i]));
    /* and tcmalloc, but with a sanitizer */
    assert_int_equal(line_count(r.out), EGW_COUNT(names) + (strstr(r.out, "\ntcmalloc ") != NULL));
    assert_int_equal(r.code, 0);
    end(&r);
}

/* ---- what is written from the tables ---- */

static void the_sample_settings_are_full_cfg(void **state)
{
    char *kept = read_file(EGW_SOURCE_DIR "/config/full.cfg", NULL);
    struct ran r = egw("check --sample");

    (void)state;
    assert_non_null(kept);
    assert_string_equal(r.out, kept);
    assert_int_equal(r.code, 0);
    end(&r);
    free(kept);
}

static void the_manual_is_docs_egw_1(void **state)
{
    char *kept = read_file(EGW_SOURCE_DIR "/docs/egw.1", NULL);
    struct ran r = egw("manual");

    (void)state;
    assert_non_null(kept);
    assert_string_equal(r.out, kept);
    assert_int_equal(r.code, 0);
    end(&r);
    free(kept);
}

/* Runs script in bash with $1 being the file of egw's completion. */
static struct ran bash(const char *option, const char *script)
{
    char path[] = "/tmp/egw-completion-XXXXXX";
    const char *argv[] = {"bash", option, script, "bash", path, NULL};
    const char *parse[] = {"bash", "-n", path, NULL};
    struct ran made = egw("completion bash"), r;
    int fd = mkstemp(path);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, made.out, strlen(made.out)), strlen(made.out));
    assert_int_equal(close(fd), 0);
    r = run_program(script ? argv : parse);
    assert_int_equal(unlink(path), 0);
    end(&made);
    return r;
}

static void completion_parses_in_bash(void **state)
{
    struct ran r = bash("-n", NULL);

    (void)state;
    if (r.code == 127) {
        print_message("skipped: no bash here\n");
        end(&r);
        skip();
    }
    assert_string_equal(r.err, "");
    assert_int_equal(r.code, 0);
    end(&r);
}

static void completion_knows_commands_choices_and_settings(void **state)
{
    struct ran r = bash("-c", "source $1; compopt() { :; }\n"
                              "try() { COMP_WORDS=(\"$@\"); COMP_CWORD=$(($# - 1)); _egw; "
                              "echo \"${COMPREPLY[*]}\"; }\n"
                              "try egw che; try egw topics -o ''; try egw check -s log.; "
                              "try egw check --of; try egw completion ba");

    (void)state;
    if (r.code == 127) {
        print_message("skipped: no bash here\n");
        end(&r);
        skip();
    }
    assert_string_equal(r.err, "");
    assert_string_equal(r.out, "check\ntext json\nlog.level=\n--offline\nbash\n");
    end(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wrong_usage_is_one_precise_sentence_and_exit_2),
        cmocka_unit_test(every_fault_of_the_settings_is_listed_and_exit_78),
        cmocka_unit_test(the_environment_may_name_the_settings_file),
        cmocka_unit_test(output_that_cannot_be_written_is_no_success),
        cmocka_unit_test(help_fits_one_screen_and_names_every_command),
        cmocka_unit_test(help_of_each_command_fits_a_screen_and_names_its_exit_codes),
        cmocka_unit_test(version_names_every_linked_library),
        cmocka_unit_test(the_sample_settings_are_full_cfg),
        cmocka_unit_test(the_manual_is_docs_egw_1),
        cmocka_unit_test(completion_parses_in_bash),
        cmocka_unit_test(completion_knows_commands_choices_and_settings),
    };

    return cmocka_run_group_tests(tests, find_program, NULL);
}
