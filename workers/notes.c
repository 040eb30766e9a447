#include "notes.h"

#include <inttypes.h>
#include <stdio.h>

#include "cli.h"

/* How each kind is said: its level, its name, and what a and b are (NULL: nothing). */
static const struct {
    enum egw_log_level level;
    const char *what, *a, *b;
} kinds[] = {
    [EGW_NOTE_ASSIGNED] = {EGW_LEVEL_DEBUG, "partition.assigned", NULL, NULL},
    [EGW_NOTE_REVOKED] = {EGW_LEVEL_INFO, "assignment.revoked", NULL, NULL},
    [EGW_NOTE_LOST] = {EGW_LEVEL_WARN, "assignment.lost", NULL, NULL},
    [EGW_NOTE_RESTORED] = {EGW_LEVEL_INFO, "partition.restored", "entries", "ms"},
    [EGW_NOTE_BEGUN] = {EGW_LEVEL_DEBUG, "txn.open", "records", NULL},
    [EGW_NOTE_COMMITTED] = {EGW_LEVEL_DEBUG, "txn.commit", "records", "ms"},
    [EGW_NOTE_ABORTED] = {EGW_LEVEL_WARN, "txn.abort", NULL, NULL},
    [EGW_NOTE_RECREATED] = {EGW_LEVEL_WARN, "producer.recreate", NULL, NULL},
    [EGW_NOTE_SKIPPED] = {EGW_LEVEL_WARN, "offsets.behind_position", "committed", "position"},
    [EGW_NOTE_PARTITION_HALTED] = {EGW_LEVEL_ERROR, "partition.halted", NULL, NULL},
    [EGW_NOTE_WAITING] = {EGW_LEVEL_INFO, "partition.waiting", NULL, NULL},
    [EGW_NOTE_GOES_ON] = {EGW_LEVEL_INFO, "partition.goes_on", NULL, NULL},
    [EGW_NOTE_UNUSABLE] = {EGW_LEVEL_ERROR, "record.unusable", "topic", "offset"},
    [EGW_NOTE_READY] = {EGW_LEVEL_INFO, "ready", "running", "halted"},
    [EGW_NOTE_TURN_SLOW] = {EGW_LEVEL_WARN, "turn.slow", "ms", NULL},
};

void egw_note_line(void *user, const struct egw_note *note)
{
    char numbers[3][24];
    const char *pairs[8] = {NULL};
    size_t n = 0;

    (void)user;
    (void)snprintf(numbers[0], sizeof(numbers[0]), "%d", (int)note->partition);
    (void)snprintf(numbers[1], sizeof(numbers[1]), "%" PRId64, note->a);
    (void)snprintf(numbers[2], sizeof(numbers[2]), "%" PRId64, note->b);
    if (note->partition >= 0)
        pairs[n++] = "part", pairs[n++] = numbers[0];
    if (kinds[note->kind].a)
        pairs[n++] = kinds[note->kind].a, pairs[n++] = numbers[1];
    if (kinds[note->kind].b)
        pairs[n++] = kinds[note->kind].b, pairs[n++] = numbers[2];
    if (note->error)
        pairs[n++] = "why", pairs[n++] = note->error->text;
    egw_log_line(kinds[note->kind].level, kinds[note->kind].what, pairs[0], pairs[1], pairs[2],
                 pairs[3], pairs[4], pairs[5], pairs[6], pairs[7], NULL);
}
