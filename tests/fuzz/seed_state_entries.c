/*
 * seed_state_entries FOLDER - the seeds of fuzz_state_entry: every state entry the story leaves
 *
 * Written, not kept: an entry of an older schema would teach the fuzzer nothing about today's.
 */
#include <stdio.h>
#include <stdlib.h>

#include "desk.h"

#define STORY EGW_SOURCE_DIR "/config/story/"

static unsigned char kind_of(struct egw_str key)
{
    if (egw_str_is(key, EGW_POSITION_KEY))
        return 2;
    return memchr(key.p, '#', key.n) ? 1 : 0;
}

static bool write_seed(const char *folder, size_t number, const struct desk_record *record)
{
    const unsigned char kind = kind_of(record->key);
    char path[512];
    FILE *to;
    bool fine;

    (void)snprintf(path, sizeof(path), "%s/%zu", folder, number);
    to = fopen(path, "wb");
    if (!to)
        return false;
    fine = fwrite(&kind, 1, 1, to) == 1 &&
           fwrite(record->value.p, 1, record->value.n, to) == record->value.n;
    return fclose(to) == 0 && fine;
}

int main(int argc, char **argv)
{
    struct desk *desk = argc == 2 ? desk_new(INT64_C(1767601800000)) : NULL;
    bool fine = desk != NULL;

    if (!desk)
        return 2;
    desk_lines(desk, STORY "reference.jsonl", desk_fact);
    desk_lines(desk, STORY "events.jsonl", desk_event);
    desk_run(desk);
    for (size_t i = 0; fine && i < desk->topics[DESK_CASES].n; i++) {
        if (desk->topics[DESK_CASES].records[i].value.p)
            fine = write_seed(argv[1], i, &desk->topics[DESK_CASES].records[i]);
    }
    desk_free(desk);
    return fine ? 0 : 1;
}
