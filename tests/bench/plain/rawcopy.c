/*
 * rawcopy - the floor of what exactly-once costs: what triage is measured against
 *
 * Reads the input topic as a group of one and writes, for each record and under its key, as many
 * records of the given sizes as triage writes: an outcome, a state entry, now and then an
 * escalation. Nothing is decoded, nothing is decided, the bytes are the same ones every time; with
 * a codec they are the input's, over and over, for the same ones would compress to nothing.
 *
 * usage: rawcopy CODEC BROKERS GROUP INPUT EVENTS TOPIC:BYTES[:PER-MILLE] ...
 * CODEC: none, lz4 ... Ends when EVENTS records are committed; prints what it took.
 */
#include "plain.h"

#include <stdlib.h>
#include <string.h>

struct sizes {
    char *payload; /* NULL: the input's bytes */
    size_t bytes[PLAIN_TARGETS_MAX];
    unsigned per_mille[PLAIN_TARGETS_MAX]; /* of the inputs that write to it */
};

/* The text is cut up in place: what stays is the topic. */
static void read_target(char *text, struct sizes *sizes, size_t i)
{
    char *bytes = strchr(text, ':');
    char *share = bytes ? strchr(bytes + 1, ':') : NULL;

    if (!bytes)
        plain_die("wants TOPIC:BYTES[:PER-MILLE]", text);
    *bytes++ = '\0';
    if (share)
        *share++ = '\0';
    sizes->bytes[i] = plain_number(bytes);
    sizes->per_mille[i] = share ? (unsigned)plain_number(share) : 1000;
}

static const char *input_over_and_over(struct plain *plain, const rd_kafka_message_t *message,
                                       size_t n)
{
    char *room = plain_room(plain, n);

    if (!message->len)
        plain_die("input", "a record without a value");
    for (size_t at = 0; at < n; at += message->len)
        memcpy(room + at, message->payload, n - at < message->len ? n - at : message->len);
    return room;
}

static void copy(struct plain *plain, rd_kafka_message_t *message, void *user)
{
    const struct sizes *sizes = user;
    unsigned dice = (unsigned)(message->offset % 1000);

    for (size_t i = 0; i < plain->target_count; i++) {
        if (dice < sizes->per_mille[i])
            plain_write(plain, i, message->partition, message->key, message->key_len,
                        sizes->payload ? sizes->payload
                                       : input_over_and_over(plain, message, sizes->bytes[i]),
                        sizes->bytes[i]);
    }
}

int main(int argc, char **argv)
{
    struct sizes sizes = {0};
    size_t largest = 1, count = argc > 6 ? (size_t)argc - 6 : 0;

    if (count == 0 || count > PLAIN_TARGETS_MAX)
        plain_die("usage", "rawcopy CODEC BROKERS GROUP INPUT EVENTS TOPIC:BYTES[:PER-MILLE] ...");
    for (size_t i = 0; i < count; i++) {
        read_target(argv[6 + i], &sizes, i);
        if (sizes.bytes[i] > largest)
            largest = sizes.bytes[i];
    }
    if (strcmp(argv[1], "none") == 0) {
        sizes.payload = malloc(largest);
        if (!sizes.payload)
            plain_die("memory", "none");
        memset(sizes.payload, 'x', largest);
    }
    plain_run(plain_open(argv[1], argv[2], argv[3], argv[4], argv + 6, count),
              plain_number(argv[5]), copy, &sizes);
    free(sizes.payload);
    return 0;
}
