/* The commands that need no broker, as a person calls them: exact words and exit codes. */
#include "support.h"

#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../gateway/edge/kafka_internal.h"

enum { WORDS_MAX = 16 };

extern char **environ;

static char program[4096]; /* beside the tests, in the same build */
static char place[64];     /* what the program reads and writes */

struct ran {
    int code;
    char *out, *err;
};

static int begin(void **state)
{
    ssize_t n = readlink("/proc/self/exe", program, sizeof(program) - 64);

    (void)state;
    if (n < 0)
        return -1;
    program[n] = '\0';
    for (int i = 0; i < 2; i++) {
        char *slash = strrchr(program, '/');

        if (!slash)
            return -1;
        *slash = '\0';
    }
    memcpy(program + strlen(program), "/workers/egw", sizeof("/workers/egw"));
    (void)snprintf(place, sizeof(place), "/tmp/egw-commands-XXXXXX");
    return unsetenv("EGW_CONFIG") || !mkdtemp(place) || chdir(EGW_SOURCE_DIR);
}

static int end(void **state)
{
    static const char *const names[] = {"in", "out", "err"};
    char path[128];

    (void)state;
    for (size_t i = 0; i < EGW_COUNT(names); i++) {
        (void)snprintf(path, sizeof(path), "%s/%s", place, names[i]);
        (void)unlink(path);
    }
    return rmdir(place);
}

static void put_input(const char *path, const char *text)
{
    FILE *f = fopen(path, "wb");

    assert_non_null(f);
    assert_int_equal(fwrite(text, 1, strlen(text), f), strlen(text));
    assert_int_equal(fclose(f), 0);
}

static struct ran run_with(const char *input, const char *const words[])
{
    char in[128], out[128], err[128];
    const char *argv[WORDS_MAX + 2] = {program};
    posix_spawn_file_actions_t actions;
    struct ran ran = {0};
    int status;
    pid_t pid;

    for (size_t i = 0; words[i]; i++)
        argv[i + 1] = words[i];
    (void)snprintf(in, sizeof(in), "%s/in", place);
    (void)snprintf(out, sizeof(out), "%s/out", place);
    (void)snprintf(err, sizeof(err), "%s/err", place);
    put_input(in, input);
    assert_int_equal(posix_spawn_file_actions_init(&actions), 0);
    (void)posix_spawn_file_actions_addopen(&actions, 0, in, O_RDONLY, 0);
    (void)posix_spawn_file_actions_addopen(&actions, 1, out, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    (void)posix_spawn_file_actions_addopen(&actions, 2, err, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_int_equal(
        posix_spawn(&pid, program, &actions, NULL, (char *const *)(uintptr_t)argv, environ), 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    (void)posix_spawn_file_actions_destroy(&actions);
    assert_true(WIFEXITED(status));
    ran.code = WEXITSTATUS(status);
    ran.out = read_file(out, NULL);
    ran.err = read_file(err, NULL);
    assert_true(ran.out && ran.err);
    return ran;
}

#define RUN(input, ...) run_with(input, (const char *const[]){__VA_ARGS__, NULL})

static void done(struct ran *ran)
{
    free(ran->out);
    free(ran->err);
}

static void assert_ran(struct ran ran, int code, const char *out, const char *err)
{
    if (err)
        assert_string_equal(ran.err, err);
    if (out)
        assert_string_equal(ran.out, out);
    assert_int_equal(ran.code, code);
    done(&ran);
}

static void assert_holds(const char *text, const char *piece)
{
    if (!strstr(text, piece))
        fail_msg("'%s' is not in:\n%s", piece, text);
}

#define EVENT(fields)                                                                              \
    "{\"event_id\":\"e\",\"event_type\":\"opened\",\"case_id\":\"c\","                             \
    "\"occurred_at\":\"2026-01-05T08:00:00Z\"," fields "}\n"

static void test_publish_refuses_bad_lines_one_by_one(void **state)
{
    (void)state;
    assert_ran(RUN(EVENT("\"partner\":\"litware\",\"customer\":\"fabrikam\"") "\n" EVENT(
                       "\"partner\":\"litware\",\"customer\":\"\"")
                       EVENT("\"partner\":\"lit/ware\",\"customer\":\"x\"")
                           EVENT("\"partner\":\"litware\",\"customer\":\"x\",\"sevrity\":\"A\"")
                               EVENT("\"partner\":\"litware\",\"customer\":\"adatum\""),
                   "publish", "-n"),
               65, "valid 2, refused 3\n",
               "<stdin>:3: customer: must not be empty\n"
               "<stdin>:4: partner: must not hold a slash\n"
               "<stdin>:5: unknown field 'sevrity' (did you mean 'severity'?)\n");
}

static void test_publish_refuses_an_event_past_one_mebibyte(void **state)
{
    enum { MIB = 1 << 20 };
    const char *before = "{\"event_id\":\"e\",\"event_type\":\"opened\",\"partner\":\"p\","
                         "\"customer\":\"c\",\"case_id\":\"c\",\"occurred_at\":1,\"text\":\"";
    char *line = malloc(MIB + 512);
    size_t n = strlen(before);
    struct ran ran;

    (void)state;
    assert_non_null(line);
    memcpy(line, before, n);
    memset(line + n, 'x', MIB);
    memcpy(line + n + MIB, "\"}\n", 4);
    ran = RUN(line, "publish", "-n");
    assert_holds(ran.err, "<stdin>:1: the event has 1048");
    assert_holds(ran.err, " bytes, allowed are 1048576\n");
    assert_ran(ran, 65, "valid 0, refused 1\n", NULL);
    memset(line + n + MIB - 4096, 'x', 1);
    memcpy(line + n + MIB - 4096, "\"}\n", 4);
    assert_ran(RUN(line, "publish", "-n"), 0, "valid 1, refused 0\n", "");
    free(line);
}

static void test_publish_names_a_missing_file(void **state)
{
    (void)state;
    assert_ran(RUN("", "publish", "-n", "/nonexistent.jsonl"), 69, NULL,
               "egw: cannot open /nonexistent.jsonl: No such file or directory\n");
}

static void test_the_story_can_be_published_and_known(void **state)
{
    (void)state;
    assert_ran(
        RUN("", "publish", "-n", "config/story/events.jsonl", "config/story/later-events.jsonl"), 0,
        "valid 6, refused 0\n", "");
    assert_ran(RUN("", "reference", "put", "-n", "config/story/reference.jsonl",
                   "config/story/later-reference.jsonl"),
               0, NULL, "");
}

static void test_reference_put_is_all_or_nothing(void **state)
{
    (void)state;
    assert_ran(RUN("{\"as_of\":\"2026-01-05\",\"source\":\"x\",\"body\":{\"membership\":"
                   "{\"partner\":\"p\",\"level\":\"gold\"}}}\n{\"as_of\":1}\n",
                   "reference", "put", "-n", "-"),
               65, "",
               "<stdin>:2: source: missing\n"
               "egw: nothing was written: 1 of the lines is no fact\n");
    assert_ran(RUN("{\"as_of\":\"2136-01-05\",\"source\":\"x\",\"body\":{\"membership\":"
                   "{\"partner\":\"p\",\"level\":\"gold\"}}}\n",
                   "reference", "put", "-n", "-"),
               65, "",
               "<stdin>:1: as_of: lies more than a day ahead\n"
               "egw: nothing was written: 1 of the lines is no fact\n");
}

static void test_an_import_is_counted_or_refused_whole(void **state)
{
    (void)state;
    assert_ran(RUN("{\"items\":[{\"id\":\"t-1\",\"companyProfile\":{\"domain\":\"a.example\"}}]}",
                   "reference", "import", "-n", "--facts", "/dev/null", "-p", "litware", "-"),
               0, "relation 1\nvalid 1\n", "");
    assert_ran(RUN("{\"value\":[{\"subject\":\"x\"}]}", "reference", "import", "-n", "--facts",
                   "/dev/null", "-p", "litware", "-"),
               65, "",
               "<stdin>:value[0]: is no shape that can be imported: it has subject\n"
               "egw: nothing was written\n");
    assert_ran(RUN("", "reference", "import", "-"), 2, "",
               "egw reference: say whose export it is: --partner NAME\n");
}

static void test_S38_the_report_exits_with_1_when_there_are_findings(void **state)
{
    (void)state;
    assert_ran(RUN("{\"as_of\":\"2026-01-05\",\"source\":\"x\",\"body\":{\"relation\":{\"partner\":"
                   "\"p\",\"customer\":\"c\"}}}\n",
                   "reference", "report", "--facts", "-", "--now", "2026-01-05", "-o", "json"),
               1,
               "{\"finding\":\"no-statement\",\"key\":\"relation/p/c\",\"says\":\"no statement of "
               "support tells this customer what support it has, when, how and at what price\"}\n",
               "");
    assert_ran(RUN("", "reference", "report", "--facts", "-"), 0, "0 findings\n", "");
}

static void test_the_shipped_policy_decides_the_story_as_told(void **state)
{
    struct ran ran = RUN("", "policy", "test", "config/policy/tests/story.json");

    (void)state;
    assert_holds(ran.out, "\n6 passed, 0 failed\n");
    assert_ran(ran, 0, NULL, "");
}

static void test_lint_finds_no_fault_in_the_shipped_policy(void **state)
{
    struct ran ran = RUN("", "policy", "lint", "config/policy", "--strict", "-o", "json");

    (void)state;
    assert_int_equal(ran.code, 1); /* it has assumptions */
    assert_null(strstr(ran.out, "\"fault\":true"));
    assert_non_null(
        strstr(ran.out, "{\"kind\":\"overlap\",\"fault\":false,\"file\":\"access.cfg\""));
    assert_non_null(
        strstr(ran.out, "\"what\":\"rule\",\"id\":\"approval.premier-for-c\",\"example\":"));
    assert_non_null(strstr(ran.out, "\"decided_by\":\"approval.premier-for-c\"}"));
    done(&ran);
    ran = RUN("", "policy", "lint", "config/policy", "-v");
    assert_holds(ran.out, ": assumption: rule approval.premier-for-c has no source but us\n"
                          "    for example: ");
    assert_ran(ran, 0, NULL, "");
}

static void test_diff_shows_what_a_changed_folder_decides_otherwise(void **state)
{
    struct ran ran = RUN("", "policy", "diff", "config/policy", "config/policy");

    (void)state;
    assert_ran(ran, 0,
               "0 kinds of events get another answer, 0 the same by another rule or in other "
               "words; 0 definitions differ\n",
               "");
}

static void test_lint_names_what_is_charged_without_a_price(void **state)
{
    struct ran ran =
        RUN("\n{\"as_of\": 0, \"source\": \"o\", \"body\": {\"statement\": {\"partner\": \"p\", "
            "\"customer\": \"fabrikam\", \"version\": \"1\", \"support\": \"s\", \"hours\": \"h\", "
            "\"contact\": \"c\", \"charge\": true, \"since\": 0}}}\n",
            "policy", "lint", "--facts", "-");

    (void)state;
    assert_int_equal(ran.code, 1);
    assert_non_null(
        strstr(ran.out, "<stdin>:2: support for fabrikam is charged and no price is named\n"));
    done(&ran);
}

static void test_a_file_that_is_not_there_holds_up_no_other(void **state)
{
    struct ran ran = RUN("{\"event_id\": 7}\n", "publish", "-n", "/nonexistent/a.jsonl", "-");

    (void)state;
    assert_non_null(strstr(ran.err, "egw: cannot open /nonexistent/a.jsonl: "));
    assert_non_null(strstr(ran.err, "<stdin>:1: event_id"));
    assert_string_equal(ran.out, "valid 0, refused 1\n");
    assert_int_equal(ran.code, 65);
    done(&ran);
    ran = RUN("", "publish", "-n", "/nonexistent/a.jsonl", "-");
    assert_int_equal(ran.code, 69);
    done(&ran);
}

static void test_a_fact_with_a_word_nobody_knows_is_pointed_out(void **state)
{
    static const char facts[] =
        "{\"as_of\": 0, \"source\": \"o\", \"body\": {\"partner\": {\"partner\": \"p\", \"kind\": "
        "\"direct-bil\", \"csp\": true}}}\n"
        "{\"as_of\": 0, \"source\": \"o\", \"body\": {\"partner\": {\"partner\": \"p\", \"kind\": "
        "\"direct-bill\", \"csp\": true, \"cloud\": \"moon\"}}}\n"
        "{\"as_of\": 0, \"source\": \"o\", \"body\": {\"access\": {\"partner\": \"p\", "
        "\"customer\": "
        "\"c\", \"status\": \"expiring\", \"assigned\": true, \"roles\": [], \"rbac\": []}}}\n";

    (void)state;
    assert_ran(RUN(facts, "reference", "put", "--dry-run", "-"), 0, "valid 3\n",
               "<stdin>:1: note: partner.kind \"direct-bil\" is no word that decisions know: it "
               "counts as unknown\n"
               "<stdin>:2: note: partner.cloud \"moon\" is no word that decisions know: it counts "
               "as unknown\n");
}

static void test_each_case_of_the_shipped_policy_is_decided_as_told(void **state)
{
#define CASES(name) "config/policy/tests/" name ".json"
    struct ran ran =
        RUN("", "policy", "test", CASES("validity"), CASES("access"), CASES("health"),
            CASES("baseline"), CASES("channel"), CASES("forms"), "--min-coverage", "100");

    (void)state;
    assert_holds(ran.out, ", 0 failed");
    assert_holds(ran.out, "rules that can decide did (100%)");
    assert_ran(ran, 0, NULL, "");
}

/* The other cases went through dozens of rules on their way: that is no cover. */
static void test_coverage_counts_only_rules_that_decided(void **state)
{
    struct ran ran = RUN("", "policy", "test", CASES("story"), "--min-coverage", "50");

    (void)state;
    assert_holds(ran.out, "\n6 passed, 0 failed\n6 of ");
    assert_holds(ran.out, "access.cfg:25: rule access.use-beyond-role decided no case\n");
    assert_null(strstr(ran.out, "rule baseline.remedy decided no case"));
    assert_null(strstr(ran.out, "access.not-for-questions"));
    assert_ran(ran, 1, NULL, "egw: the cases cover 5% of the rules, less than 50%\n");
    ran = RUN("", "policy", "test", CASES("story"), "-o", "json");
    assert_holds(ran.out, "{\"passed\":6,\"failed\":0,\"cases\":[{\"passed\":true,\"file\":");
    assert_holds(ran.out, "\"coverage\":{\"percent\":5,\"rules\":");
    assert_holds(ran.out, "{\"decided\":1,\"file\":\"baseline.cfg\",\"line\":");
    assert_ran(ran, 0, NULL, "");
    assert_ran(RUN("", "policy", "test", CASES("story"), "--min-coverage", "101"), 2, "",
               "egw policy: --min-coverage needs a percentage from 0 to 100, not 101\n");
}

static void test_a_policy_test_says_what_differs(void **state)
{
    char *text = read_file("config/policy/tests/story.json", NULL);
    char *action;
    struct ran ran;

    (void)state;
    assert_non_null(text);
    action = strstr(text, "\"action\": \"BASELINE\"");
    assert_non_null(action);
    memcpy(action, "\"action\": \"HANDOFF\" ", strlen("\"action\": \"BASELINE\""));
    ran = RUN(text, "policy", "test", "-");
    assert_holds(ran.out, "FAIL  CW-1002  BASELINE/REMEDY  by baseline.remedy\n"
                          "    action is BASELINE, expected HANDOFF\n");
    assert_holds(ran.out, "\n5 passed, 1 failed\n");
    assert_ran(ran, 1, NULL, "");
    free(text);
}

static void test_what_asks_no_rules_is_no_case_of_a_policy_test(void **state)
{
    static const struct {
        const char *type, *err;
    } cases[] = {
        {"closed", "egw: -: cases[0].event.event_type: closed asks no rules, so there is nothing "
                   "to test\n"},
        {"bogus", "egw: -: cases[0].event.event_type: 'bogus' is no event type\n"},
    };

    (void)state;
    for (size_t i = 0; i < EGW_COUNT(cases); i++) {
        char text[512];

        (void)snprintf(text, sizeof(text),
                       "{\"cases\":[{\"now\":\"2026-01-05T08:30:00Z\",\"event\":{\"event_id\":"
                       "\"e\",\"event_type\":\"%s\",\"partner\":\"p\",\"customer\":\"c\","
                       "\"case_id\":\"k\",\"occurred_at\":\"2026-01-05T08:00:00Z\"},"
                       "\"expect\":{}}]}",
                       cases[i].type);
        assert_ran(RUN(text, "policy", "test", "-"), 65, "", cases[i].err);
    }
}

static void test_faults_of_a_policy_are_json_where_asked_for(void **state)
{
    (void)state;
    assert_ran(
        RUN("", "policy", "lint", "/nonexistent", "-o", "json"), 78,
        "{\"faults\":[\"cannot read /nonexistent: No such file or directory\"],\"more\":0}\n",
        "cannot read /nonexistent: No such file or directory\n");
}

static void test_explain_shows_the_path_and_the_near_misses(void **state)
{
    char *events = read_file("config/story/events.jsonl", NULL);
    struct ran ran;
    char *line;

    (void)state;
    assert_non_null(events);
    line = strstr(events, "{\"event_id\": \"CW-1004-opened\"");
    assert_non_null(line);
    *strchr(line, '\n') = '\0';
    ran = RUN(line, "explain", "-", "--facts", "config/story/reference.jsonl", "--now",
              "2026-01-05T08:40:00Z", "--expect", "azure.advanced");
    assert_holds(ran.out, "2026-01-05T08:40:00.000Z  HANDOFF  litware/northwind/CW-1004\n");
    assert_holds(ran.out, "    rule        azure.advanced\n");
    assert_holds(ran.out, "azure.premier (premier, hand-off) lacked premier=none\n");
    assert_holds(ran.out, "    path\n      not validity.not-your-customer (validity.cfg:42): the "
                          "customer is known, not elsewhere\n");
    assert_holds(ran.out, "      CHANNEL   azure.advanced (channel.cfg:");
    assert_holds(ran.out, "      if the right to channel premier (contract, membership or program) "
                          "were in-force instead of none:\n        HANDOFF to premier by "
                          "azure.premier (channel.cfg:");
    assert_ran(ran, 0, NULL, "");
    ran = RUN(line, "explain", "-", "--facts", "config/story/reference.jsonl", "--now",
              "2026-01-05T08:40:00Z", "--expect", "azure.premier");
    assert_ran(ran, 1, NULL, "egw: expected rule azure.premier, decided by azure.advanced\n");
    ran = RUN(line, "explain", "-", "--facts", "config/story/reference.jsonl", "--now",
              "2026-01-05T08:40:00Z", "-o", "json");
    assert_holds(ran.out, ",\"path\":[{\"stage\":\"VALIDITY\",\"file\":\"validity.cfg\",");
    assert_holds(ran.out, "\"channel\":\"premier\",\"changes\":[{\"read\":true,\"fact\":"
                          "\"premier\",\"is\":\"none\",\"would\":\"in-force\"}]}");
    assert_holds(ran.out, "],\"cut_short\":false}\n");
    assert_ran(ran, 0, NULL, "");
    free(events);
}

static void
test_explain_says_what_of_the_unread_matters_and_of_events_that_ask_nothing(void **state)
{
    static const char event[] =
        "{\"event_id\": \"1\", \"event_type\": \"cleared\", \"partner\": \"litware\", "
        "\"customer\": "
        "\"fabrikam\", \"case_id\": \"C\", \"occurred_at\": 0, \"ask\": \"issue\", \"domain\": "
        "\"technical\", \"service\": \"Teams\"}\n";
    struct ran ran = RUN(event, "explain", "-", "--facts", "config/story/reference.jsonl", "--now",
                         "2026-01-05T08:40:00Z");

    (void)state;
    assert_null(strstr(ran.out, "were invalid")); /* nonsense is never proposed */
    assert_null(strstr(ran.out, "given that"));   /* of a file's event all is known */
    assert_holds(ran.out, "    instead\n");
    assert_ran(
        ran, 0, NULL,
        "egw: <stdin>:1: note: cleared asks no rules, it ends the case; shown is what its fields "
        "would come to if it opened one\n");
}

static void test_what_commands_sum_up_is_json_where_asked_for(void **state)
{
    static const char event[] =
        "{\"event_id\": \"1\", \"event_type\": \"opened\", \"partner\": "
        "\"p\", \"customer\": \"c\", \"case_id\": \"C\", \"occurred_at\": 0}\n";
    struct ran ran = RUN(event, "publish", "-n", "-o", "json", "-");

    (void)state;
    assert_holds(ran.out, "{\"valid\":1,\"refused\":0,\"not_acknowledged\":0,\"ms\":");
    assert_ran(ran, 0, NULL, "");
    assert_ran(RUN("", "reference", "put", "-n", "-o", "json", "config/story/reference.jsonl"), 0,
               "{\"valid\":15}\n", "");
    ran = RUN("", "check", "--offline", "-o", "json");
    assert_holds(ran.out, "{\"parts\":[{\"faults\":0,\"part\":\"settings\",\"verdict\":\"ok\",");
    assert_holds(ran.out, "{\"faults\":0,\"part\":\"broker\",\"verdict\":\"not asked\",\"detail\":"
                          "\"\"}],\"faults\":[],\"more\":0}\n");
    assert_ran(ran, 0, NULL, "");
    ran = RUN("", "check", "--offline", "-o", "json", "-s", "policy.dir=nowhere");
    assert_holds(ran.out, "\"part\":\"policy\",\"verdict\":\"faults\",\"detail\":\"\"}");
    assert_holds(ran.out, "],\"faults\":[\"");
    assert_int_equal(ran.code, 78);
    free(ran.out);
    free(ran.err);
}

/* A wrong value must not hide what is wrong with the brokers' properties or with the policy. */
static void test_check_lists_every_fault_in_one_run_with_its_line(void **state)
{
    static const char settings[] = "kafka = {\n"
                                   "    brokers = \"broker.example:9092\";\n"
                                   "    session_timeout_ms = 5;\n"
                                   "    properties = {\n"
                                   "        security_protocol = \"plaintext\";\n"
                                   "        enable_idempotence = false;\n"
                                   "        linger_ms = \"soon\";\n"
                                   "    };\n"
                                   "};\n"
                                   "policy = { dir = \"nowhere\"; };\n"
                                   "triage = { comit_ms = 10; };\n";
#define OF_KAFKA                                                                                   \
    "/dev/stdin:3: kafka.session_timeout_ms must be a whole number from 6000 to 1800000, not 5\n"  \
    "/dev/stdin:11: unknown setting triage.comit_ms: did you mean triage.commit_ms?\n"             \
    "/dev/stdin:5: kafka.properties.security.protocol: plaintext to broker.example, which is not " \
    "loopback, needs kafka.allow_plaintext = true\n"                                               \
    "/dev/stdin:6: kafka.properties.enable.idempotence: refused, egw sets it for exactly-once\n"   \
    "/dev/stdin:7: kafka.properties.linger.ms: soon is not a number from 0 to 1000\n"
    (void)state;
    assert_ran(RUN(settings, "check", "-c", "/dev/stdin"), 78,
               "settings  5 faults\n"
               "policy    1 fault\n"
               "broker    not asked: the settings have faults\n",
               OF_KAFKA "cannot read nowhere: No such file or directory\n");
    /* So does a command that needs the brokers, but for what it would not look at. */
    assert_ran(RUN(settings, "topics", "-c", "/dev/stdin"), 78, "", OF_KAFKA);
    assert_ran(RUN("", "check", "--offline", "-s", "kafka.properties.linger_ms=soon"), 78, NULL,
               "-s: kafka.properties.linger.ms: soon is not a number from 0 to 1000\n");
    assert_ran(RUN("triage = {\n", "check", "-c", "/dev/stdin"), 78, "settings  1 fault\n",
               "/dev/stdin:3: syntax error\n");
    assert_ran(
        RUN("triage = {\n", "check", "-c", "/dev/stdin", "-o", "json"), 78,
        "{\"parts\":[{\"faults\":1,\"part\":\"settings\",\"verdict\":\"faults\",\"detail\":\"\"}],"
        "\"faults\":[\"/dev/stdin:3: syntax error\"],\"more\":0}\n",
        NULL);
#undef OF_KAFKA
}

/* What would follow from a value that was refused is not known, and so not a fault. */
static void test_check_judges_nothing_by_a_value_that_was_refused(void **state)
{
    static const char settings[] = "kafka = {\n"
                                   "    brokers = \"broker.example:9092\";\n"
                                   "    user = 5;\n"
                                   "    allow_plaintext = \"yes\";\n"
                                   "    properties = {\n"
                                   "        security_protocol = \"plaintext\";\n"
                                   "        sasl_mechanism = \"PLAIN\";\n"
                                   "    };\n"
                                   "};\n"
                                   "policy = { dir = 7; };\n"
                                   "registry = {\n"
                                   "    url = \"http://registry.example\";\n"
                                   "    user = \"egw\";\n"
                                   "    password_file = \"nowhere\";\n"
                                   "};\n";

    (void)state;
    assert_ran(RUN(settings, "check", "-c", "/dev/stdin"), 78,
               "settings  4 faults\n"
               "policy    not read: the settings have faults\n"
               "broker    not asked: the settings have faults\n",
               "/dev/stdin:3: kafka.user must be a user name, or empty, not 5\n"
               "/dev/stdin:4: kafka.allow_plaintext must be true or false, not \"yes\"\n"
               "/dev/stdin:10: policy.dir must be a path, not 7\n"
               "/dev/stdin:12: registry.url must be https: the password of registry.user would "
               "travel in clear\n");
}

static void test_explain_names_the_line_of_a_bad_fact(void **state)
{
    (void)state;
    assert_ran(RUN("", "explain", "-", "--facts", "config/story/events.jsonl"), 65, "",
               "egw: config/story/events.jsonl:1: unknown field 'event_id'\n");
}

/* ---- catalogue ---- */

#define SMALL "policy.catalogue=tests/data/catalogue"

static void test_a_text_names_its_known_errors_with_place_basis_and_effect(void **state)
{
    struct ran ran =
        RUN("", "catalogue", "match", "-s", SMALL, "Sign-in fails: AADSTS50057 since Monday");

    (void)state;
    assert_int_equal(ran.code, 0);
    assert_string_equal(ran.err, "");
    assert_non_null(strstr(ran.out, "   15-26    AADSTS50057  KI-"));
    assert_non_null(strstr(ran.out, "entra-id, basis doc: stops an escalation\n"));
    assert_non_null(strstr(ran.out, "settled: KI-"));
    free(ran.out);
    free(ran.err);
    assert_ran(RUN("", "catalogue", "match", "-s", SMALL, "the printer is on fire"), 1,
               "nothing known\n", "");
}

static void test_a_spelling_that_ordinary_texts_are_full_of_is_found(void **state)
{
    static const char lines[] = "AADSTS50057\nhello\nAADSTS50057\nhello again\n";
    struct ran ran = RUN(lines, "catalogue", "lint", "-s", SMALL, "--against", "-");

    (void)state;
    assert_int_equal(ran.code, 1);
    assert_non_null(
        strstr(ran.out, " AADSTS50057: it is named in 2 of 4 lines: it tells nothing\n"));
    free(ran.out);
    free(ran.err);
}

static void test_the_shipped_tables_have_no_findings(void **state)
{
    struct ran ran = RUN("", "catalogue", "lint", "-s", "policy.catalogue=config/catalogue");

    (void)state;
    assert_string_equal(ran.err, "");
    assert_non_null(strstr(ran.out, " entries, 0 findings, "));
    assert_int_equal(ran.code, 0);
    free(ran.out);
    free(ran.err);
}

static void test_an_entry_said_twice_is_a_finding_and_another_meaning_a_note(void **state)
{
    struct ran ran = RUN("", "catalogue", "lint", "-s", "policy.catalogue=tests/data/doubles");

    (void)state;
    assert_int_equal(ran.code, 1);
    assert_string_equal(ran.err, "");
    assert_string_equal(ran.out,
                        "double     K-2 5.7.1: K-1 has the same code and service, and the same "
                        "remedy\n"
                        "meanings   K-3 5.7.1: K-1 has the same code and service, and another "
                        "remedy\n"
                        "meanings   K-3 5.7.1: K-2 has the same code and service, and another "
                        "remedy\n"
                        "4 entries, 1 findings, 2 notes\n");
    free(ran.out);
    free(ran.err);
}

static void test_the_catalogue_is_counted_by_service_and_basis(void **state)
{
    struct ran ran = RUN("", "catalogue", "stats", "-s", SMALL);

    (void)state;
    assert_int_equal(ran.code, 0);
    assert_non_null(strstr(ran.out, "entra-id "));
    assert_non_null(strstr(ran.out, " spellings, compiled in "));
    free(ran.out);
    free(ran.err);
}

static void test_wrong_words_have_their_own_sentence(void **state)
{
    static const struct {
        const char *words[5];
        const char *err;
    } cases[] = {
        {{"reference"}, "egw reference: say put, import, get, list, delete or report\n"},
        {{"reference", "drop"},
         "egw reference: cannot drop: say put, import, get, list, delete or report\n"},
        {{"reference", "get"}, "egw reference: get takes a key\n"},
        {{"reference", "list", "cat"}, "egw reference: there is no kind of fact named cat\n"},
        {{"reference", "delete", "x"},
         "egw reference: x is no key: keys look like access/litware/adatum\n"},
        {{"handoff"}, "egw handoff: say list, show or number\n"},
        {{"handoff", "number", "CW-1"},
         "egw handoff: number takes a case and Microsoft's number\n"},
        {{"handoff", "number", "CW-1", "a b"},
         "egw handoff: a number has 1 to 64 characters, no spaces and no slash\n"},
        {{"dead"}, "egw dead: say list, show or retry\n"},
        {{"dead", "list", "0/1"}, "egw dead: list takes options only\n"},
        {{"dead", "list", "--class=noframe"},
         "egw dead: --class takes no-value, no-frame, unknown-schema, wrong-record, decode-fault "
         "or unclassified\n"},
        {{"dead", "show"}, "egw dead: show takes one letter\n"},
        {{"dead", "show", "0/-1"},
         "egw dead: a letter is PARTITION/OFFSET, as list shows it, not \"0/-1\"\n"},
        {{"dead", "retry", "-n"},
         "egw dead: say which: letters as list shows them, --class or --all\n"},
        {{"dead", "retry", "0/1", "--all"}, "egw dead: name letters or say --all, not both\n"},
        {{"dead", "retry", "--all", "--by=a b"},
         "egw dead: --by takes up to 64 letters and signs without a space\n"},
        {{"catalogue"}, "egw catalogue: say match, lint or stats\n"},
        {{"catalogue", "match"}, "egw catalogue: match takes one text, a file or -\n"},
        {{"verify"}, "egw verify: takes outcomes, by event id or place, or --all\n"},
        {{"verify", "--all", "E-1"},
         "egw verify: takes outcomes, by event id or place, or --all\n"},
        {{"replay", "--all", "E-1"}, "egw replay: takes options only: a case is named by --case\n"},
        {{"triage", "extra"}, "egw triage: takes no operands, but \"extra\" is given\n"},
        {{"replay"}, "egw replay: say which: --case, --customer or --all\n"},
        {{"policy"},
         "egw policy: say lint, test, diff, backtest, activate, show, history, export or "
         "rollback\n"},
        {{"policy", "test"}, "egw policy: test takes files of cases\n"},
        {{"policy", "lint", "x", "y"},
         "egw policy: lint takes one folder of rules, or none for policy.dir\n"},
        {{"policy", "activate", "--at=2030-01-01"},
         "egw policy: --at goes with show, not with activate\n"},
        {{"policy", "rollback", "9", "--limit=0"},
         "egw policy: --limit goes with backtest and activate, not with rollback\n"},
        {{"policy", "show", "--partition=3"}, "egw policy: --partition goes with --at\n"},
        {{"policy", "activate", "--by="}, "egw policy: say with --by who does it\n"},
        {{"dead", "list", "--all"}, "egw dead: --all goes with retry, not with list\n"},
        {{"outcomes", "--action", "HANDED"}, "egw outcomes: there is no action HANDED\n"},
        {{"outcomes", "--since", "noon"},
         "egw outcomes: --since needs a date or time such as 2026-01-05T08:00:00Z, not noon\n"},
        {{"outcomes", "-f", "--summary"},
         "egw outcomes: --follow has no end to sum up at: leave out --summary\n"},
        {{"explain"},
         "egw explain: takes one event: a file, -, an event id, a case as partner/customer/case, "
         "or the place of an outcome\n"},
        {{"explain", "E-1", "--facts", "x"},
         "egw explain: --facts and --now go with a file: what is on record was decided by the "
         "facts and at the time it names\n"},
        {{"explain", "-", "--now", "soon"},
         "egw explain: --now needs a date or time such as 2026-01-05T08:00:00Z, not soon\n"},
    };

    (void)state;
    for (size_t i = 0; i < EGW_COUNT(cases); i++)
        assert_ran(run_with("", cases[i].words), 2, "", cases[i].err);
}

/* ---- a cluster without egw's topics ---- */

static void test_a_missing_topic_is_named_and_never_passes_for_an_empty_one(void **state)
{
    static const struct {
        const char *words[4];
        const char *said;
    } rows[] = {
        {{"outcomes"}, "egw: topic support.outcomes is not there; run egw init\n"},
        {{"outcomes", "--follow"}, "egw: topic support.outcomes is not there; run egw init\n"},
        {{"handoff", "list"}, "egw: topic support.outcomes is not there; run egw init\n"},
        {{"reference", "list"}, "egw: topic support.reference is not there; run egw init\n"},
        {{"policy", "show"}, "egw: topic support.cases is not there; run egw init\n"},
        {{"policy", "history"}, "egw: topic support.inbox is not there; run egw init\n"},
        {{"publish", "-"}, "egw: topic support.events is not there; run egw init\n"},
        {{"audit"}, "egw: could not check: topic support.events is not there; run egw init\n"},
        {{"replay", "--all"}, "egw: topic support.outcomes is not there; run egw init\n"},
    };
    static const char *const topics[] = {"support.events",   "support.inbox",     "support.cases",
                                         "support.outcomes", "support.reference", "support.policy"};
    struct egw_kafka_mock *mock = NULL;
    struct egw_error error;
    char brokers[128];

    (void)state;
    assert_int_equal(egw_kafka_mock_new(&mock, &error), EGW_OK);
    (void)snprintf(brokers, sizeof(brokers), "kafka.brokers=%s", egw_kafka_mock_brokers(mock));
    for (size_t i = 0; i < EGW_COUNT(topics); i++) /* the mock makes what is asked for */
        rd_kafka_mock_topic_set_error(mock->cluster, topics[i],
                                      RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
    for (size_t i = 0; i < EGW_COUNT(rows); i++) {
        const char *const *w = rows[i].words;

        /* words that are not there end the list early: the settings go first */
        assert_ran(RUN("", w[0], "-s", brokers, w[1], w[2]), 69, "", rows[i].said);
    }
    egw_kafka_mock_free(mock);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_publish_refuses_bad_lines_one_by_one),
        cmocka_unit_test(test_publish_refuses_an_event_past_one_mebibyte),
        cmocka_unit_test(test_publish_names_a_missing_file),
        cmocka_unit_test(test_the_story_can_be_published_and_known),
        cmocka_unit_test(test_reference_put_is_all_or_nothing),
        cmocka_unit_test(test_an_import_is_counted_or_refused_whole),
        cmocka_unit_test(test_S38_the_report_exits_with_1_when_there_are_findings),
        cmocka_unit_test(test_the_shipped_policy_decides_the_story_as_told),
        cmocka_unit_test(test_lint_finds_no_fault_in_the_shipped_policy),
        cmocka_unit_test(test_diff_shows_what_a_changed_folder_decides_otherwise),
        cmocka_unit_test(test_lint_names_what_is_charged_without_a_price),
        cmocka_unit_test(test_a_file_that_is_not_there_holds_up_no_other),
        cmocka_unit_test(test_a_fact_with_a_word_nobody_knows_is_pointed_out),
        cmocka_unit_test(test_each_case_of_the_shipped_policy_is_decided_as_told),
        cmocka_unit_test(test_coverage_counts_only_rules_that_decided),
        cmocka_unit_test(test_a_policy_test_says_what_differs),
        cmocka_unit_test(test_what_asks_no_rules_is_no_case_of_a_policy_test),
        cmocka_unit_test(test_faults_of_a_policy_are_json_where_asked_for),
        cmocka_unit_test(test_explain_shows_the_path_and_the_near_misses),
        cmocka_unit_test(
            test_explain_says_what_of_the_unread_matters_and_of_events_that_ask_nothing),
        cmocka_unit_test(test_what_commands_sum_up_is_json_where_asked_for),
        cmocka_unit_test(test_check_lists_every_fault_in_one_run_with_its_line),
        cmocka_unit_test(test_check_judges_nothing_by_a_value_that_was_refused),
        cmocka_unit_test(test_explain_names_the_line_of_a_bad_fact),
        cmocka_unit_test(test_a_text_names_its_known_errors_with_place_basis_and_effect),
        cmocka_unit_test(test_a_spelling_that_ordinary_texts_are_full_of_is_found),
        cmocka_unit_test(test_the_shipped_tables_have_no_findings),
        cmocka_unit_test(test_an_entry_said_twice_is_a_finding_and_another_meaning_a_note),
        cmocka_unit_test(test_the_catalogue_is_counted_by_service_and_basis),
        cmocka_unit_test(test_wrong_words_have_their_own_sentence),
        cmocka_unit_test(test_a_missing_topic_is_named_and_never_passes_for_an_empty_one),
    };

    return cmocka_run_group_tests_name("commands", tests, begin, end);
}
