/*
 * docs/errors.md: what is done about each fault of transactions and of the group. The same rows
 * stand here; both are compared line by line, and each row is looked up in the tests it names.
 */
#include "support.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

enum { ID = 4, LINE = 1024, NAMES = 256 };

static const struct row {
    const char *id, *fault, *outcome, *action, *seen;
    const char *tests; /* files with a space between, each with a test named after the row */
} rows[] = {
    {"A01", "killed between produce and offsets", "restart",
     "the coordinator aborts at the next INIT; the same events are decided again, with the same "
     "ids",
     "`start`", "test_runtime_faults.c test_p1_small.py"},
    {"A02", "killed after the commit was applied", "restart",
     "offsets and position stand; nothing is decided again", "`start`", "test_runtime_faults.c"},
    {"A03", "the reply to a commit is lost", "OK, doubtful",
     "the library repeats the request; a new producer before the next begin",
     "`committed`, `recreated`", "test_kafka_errors.c test_runtime_faults.c"},
    {"A04", "the request to commit is lost", "OK, doubtful; then FATAL",
     "repeated for twice the transaction's time; given up: new producer, state read again, what "
     "did not stand is decided again",
     "`recreated`", "test_kafka_errors.c test_runtime_faults.c"},
    {"A05", "a request to commit arrives late", "OK, doubtful",
     "nothing begins before a new producer has moved the epoch; a torn transaction shows as a "
     "committed offset above the position",
     "`recreated`, `partitions_halted`", "test_runtime_faults.c"},
    {"A06", "the coordinator timed the transaction out", "FATAL",
     "new producer, state read again, decided again", "`recreated`",
     "test_kafka_errors.c test_runtime_faults.c"},
    {"A07", "abort while the first records are under way", "OK, doubtful",
     "their delivery is awaited for 2 s before the abort; what is late then is doubtful",
     "`aborted`", "test_kafka_errors.c"},
    {"A08", "producer fenced, or its epoch is old", "FATAL",
     "new producer; each counts against the limit of A22", "`recreated`",
     "test_kafka_errors.c test_runtime_faults.c"},
    {"A09", "the producer id has expired", "ABORT",
     "abort; the library takes a new id; decided again", "`aborted`",
     "test_kafka_errors.c test_runtime_faults.c"},
    {"A10", "the generation or the member is not known to the group", "ABORT",
     "abort, rewind; the next assignment brings its own metadata", "`aborted`",
     "test_kafka_errors.c test_runtime_faults.c"},
    {"A11", "another process has our instance id", "FENCED",
     "no further begin; the process ends, to be started again, and says that another worker has "
     "its slot if it comes again within a minute; the unit stops it after three starts in a minute",
     "exit 75", "test_kafka_errors.c test_runtime_faults.c"},
    {"A12", "group metadata of no generation", "ABORT", "refused here, before the broker sees it",
     "`aborted`", "test_kafka_errors.c"},
    {"A13", "the coordinator loads or has moved", "OK",
     "the library asks again; nothing is aborted", "`txn.commit` in ms", "test_kafka_errors.c"},
    {"A14", "the transaction before still ends", "OK", "the library asks again",
     "`txn.commit` in ms", "test_kafka_errors.c"},
    {"A15", "a record or a batch is too large for its topic", "ABORT, cause INVALID",
     "outcomes, entries and dead letters are cut to 2 MiB before, requests end at 2,000,000 bytes, "
     "and `check` wants 2 MiB of each topic; a topic that takes less all the same is tried "
     "for a minute, then the process ends, to be started again until it is mended",
     "`aborted`; exit 69", "test_kafka_errors.c test_runtime_faults.c"},
    {"A16", "a topic is gone", "ABORT, cause NOT_FOUND",
     "retried for a minute, then the process ends; no topic is ever created", "`aborted`; exit 69",
     "test_kafka_errors.c test_runtime_faults.c"},
    {"A17", "a right on topic, group or cluster is missing", "ABORT, cause DENIED",
     "asked again after 10, 20, 40, 80 and 150 s, then the process ends", "`aborted`; exit 77",
     "test_kafka_errors.c test_runtime_faults.c"},
    {"A18", "the transactional id, or the cluster at INIT, is not allowed", "DENIED",
     "the process ends at once", "exit 77", "test_kafka_errors.c test_runtime_faults.c"},
    {"A19", "too few replicas, a failing disk, a leader that moved", "OK; then ABORT",
     "the library repeats until records time out; then abort and decide again", "`aborted`",
     "test_kafka_errors.c test_runtime_faults.c"},
    {"A20", "the producer's queue is full", "RETRY",
     "reports are served, the rest is handed over in the next turn; meanwhile inputs stop at twice "
     "a batch",
     "`txn.open`", "test_kafka_errors.c test_runtime_faults.c"},
    {"A21", "two producers on one transactional id", "FENCED",
     "the older ends, the newer goes on; nothing is mixed", "exit 75", "test_bad_input.py"},
    {"A22", "fatal every time", "FATAL", "ten new producers in ten minutes, then the process ends",
     "`recreated`; exit 75", "test_runtime_faults.c"},
    {"A23", "begin after a fatal error", "FATAL", "refused here: in the library it may hang",
     "`recreated`", "test_kafka_errors.c"},
    {"A24", "inputs that lead to no record", "OK",
     "position and offsets commit in a transaction all the same", "`committed`",
     "test_runtime_faults.c"},
    {"A25", "a stranger's open transaction holds readers back", "waits",
     "nothing is read past it and nothing is lost; EgwPartitionStandsStill tells after 5 minutes: "
     "`kafka-transactions.sh find-hanging` names it",
     "lag of the group", "test_runtime_faults.c"},
    {"B01", "a worker joins under load", "REVOKE",
     "what is decided commits, then the partitions are given up; at most 5 s", "`rebalances`",
     "test_runtime_faults.c"},
    {"B02", "a worker is stopped cleanly", "none",
     "a static member does not leave: its partitions wait until it is back or the session ends",
     "`rebalances`", "test_stop.py"},
    {"B03", "the assignment is lost", "LOST",
     "both batches are dropped, the open transaction is aborted, no commit is tried", "`lost`",
     "test_runtime_faults.c"},
    {"B04", "frozen for longer than the session", "LOST",
     "it looks before it writes; a commit on old rights is refused by the broker and decided again "
     "by the owner",
     "`lost`, `aborted`", "test_runtime_faults.c"},
    {"B05", "the loop is stuck for longer than max.poll.interval.ms", "LOST",
     "the client leaves the group for it; abort, join again", "`turn.slow`, `lost`",
     "test_runtime_faults.c"},
    {"B06", "one rebalance after the other", "REVOKE, LOST",
     "each batch closes with its generation, and is as small as that; progress after each; "
     "EgwRebalancesOften tells",
     "`rebalances`", "test_runtime_faults.c"},
    {"B07", "a rebalance while a commit runs", "REVOKE, LOST",
     "REVOKE waits 5 s for it, LOST does not; what it did is read from the state topic",
     "`rebalances`, `lost`", "test_runtime_faults.c"},
    {"B08", "revoked with HTTP calls in flight", "with dispatch", "dispatch is not built yet",
     "none", "none"},
    {"B09", "one instance id started twice", "FENCED", "the newer wins, the older ends", "exit 75",
     "test_bad_input.py"},
    {"B10", "the group's offsets are missing", "none; halt",
     "resumed at the position; without a position the partition halts until `egw init`",
     "`partitions_halted`", "test_runtime_faults.c test_bad_input.py"},
    {"B11", "retention overtook the position", "halt", "the partition halts and names both numbers",
     "`partitions_halted`", "test_runtime_faults.c"},
    {"B12", "the topic was truncated or made anew", "halt",
     "the partition halts: by its end after a second look, or by the digest of its last record",
     "`partitions_halted`", "test_runtime_faults.c"},
    {"B13", "a topic gains partitions", "INVALID", "the process ends and names both counts",
     "exit 78", "test_runtime_faults.c test_bad_input.py"},
    {"B14", "the wall clock steps", "none",
     "batches and waits run on the boot clock; a timer fires once", "`timers`",
     "test_runtime_faults.c"},
    {"B15", "the machine was suspended", "ABORT",
     "what was decided needs the broker's leave; else it is decided again", "`aborted`",
     "test_runtime_faults.c"},
    {"B16", "no broker is there, or none has a name", "RETRY",
     "asked again for as long as it takes", "`partition.waiting`",
     "test_kafka_errors.c test_runtime_faults.c"},
    {"B17", "a broker takes requests and never answers", "OK, doubtful",
     "given up after socket.timeout.ms and asked again; a new producer", "`recreated`",
     "test_kafka_errors.c"},
    {"B18", "the coordinator is away while a handle closes", "none",
     "a deadline for each handle, then the process ends without it", "`stop.late`",
     "test_kafka_close.c test_stop.py"},
};

static char *must_read(const char *path)
{
    char *text = read_file(path, NULL);

    if (!text)
        fail_msg("cannot read %s", path);
    return text;
}

/* The files of a row as the document lists them. */
static void list(const char *tests, char ret[NAMES])
{
    size_t n = 0;

    for (; *tests && n < NAMES - 3; tests++) {
        if (*tests == ' ')
            ret[n++] = ',';
        ret[n++] = *tests;
    }
    ret[n] = '\0';
}

static bool is_row(const char *line)
{
    return (strncmp(line, "| A", 3) == 0 || strncmp(line, "| B", 3) == 0) && isdigit(line[3]);
}

static void the_document_says_the_same_line_by_line(void **state)
{
    char *text = must_read(EGW_SOURCE_DIR "/docs/errors.md"), *rest = text, *line;
    char expected[LINE], names[NAMES];
    size_t i = 0;

    (void)state;
    while ((line = strsep(&rest, "\n"))) {
        if (!is_row(line))
            continue;
        assert_true(i < EGW_COUNT(rows));
        list(rows[i].tests, names);
        (void)snprintf(expected, sizeof(expected), "| %s | %s | %s | %s | %s | %s |", rows[i].id,
                       rows[i].fault, rows[i].outcome, rows[i].action, rows[i].seen, names);
        assert_string_equal(line, expected);
        i++;
    }
    assert_int_equal(i, EGW_COUNT(rows));
    free(text);
}

static void every_fault_has_its_row(void **state)
{
    static const struct {
        char letter;
        int count;
    } groups[] = {{'A', 25}, {'B', 18}};
    size_t at = 0;
    char id[ID];

    (void)state;
    for (size_t g = 0; g < EGW_COUNT(groups); g++) {
        for (int i = 1; i <= groups[g].count; i++) {
            (void)snprintf(id, sizeof(id), "%c%02d", groups[g].letter, i % 100);
            assert_string_equal(rows[at++].id, id);
        }
    }
    assert_int_equal(at, EGW_COUNT(rows));
}

/* A test's name starts with the id, or has it as a word: "a03_the", "test_a21_b09_of". */
static bool has_test(const char *text, const char *id)
{
    char word[ID + 1];
    size_t n = 0;

    for (; id[n]; n++)
        word[n] = (char)tolower(id[n]);
    word[n++] = '_';
    word[n] = '\0';
    for (const char *at = text; (at = strstr(at, word)); at++) {
        if (at > text && strchr("( _\"", at[-1]))
            return true;
    }
    return false;
}

static char *read_test(const char *name)
{
    static const char *const folders[] = {"unit", "contract", "system"};
    char path[LINE];
    char *text = NULL;

    for (size_t i = 0; !text && i < EGW_COUNT(folders); i++) {
        (void)snprintf(path, sizeof(path), EGW_SOURCE_DIR "/tests/%s/%s", folders[i], name);
        text = read_file(path, NULL);
    }
    if (!text)
        fail_msg("there is no test file %s", name);
    return text;
}

static void every_row_is_reached_by_a_test_of_its_name(void **state)
{
    (void)state;
    for (size_t i = 0; i < EGW_COUNT(rows); i++) {
        char names[NAMES], *rest = names, *name;

        if (strcmp(rows[i].tests, "none") == 0) {
            assert_string_equal(rows[i].outcome, "with dispatch");
            continue;
        }
        (void)snprintf(names, sizeof(names), "%s", rows[i].tests);
        while ((name = strsep(&rest, " "))) {
            char *text = read_test(name);

            if (!has_test(text, rows[i].id))
                fail_msg("%s has no test of %s", name, rows[i].id);
            free(text);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_fault_has_its_row),
        cmocka_unit_test(the_document_says_the_same_line_by_line),
        cmocka_unit_test(every_row_is_reached_by_a_test_of_its_name),
    };

    return cmocka_run_group_tests_name("errors table", tests, NULL, NULL);
}
