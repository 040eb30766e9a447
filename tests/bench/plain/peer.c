/*
 * peer - what one would write instead of triage: plain C, avro-c's generic values, exactly once
 *
 * Reads support events, decides by a handful of rules (billing goes to Commercial, a known error
 * text stays at the desk, the rest by three entitlements), writes a small Avro outcome for each and
 * an escalation for what goes up. With state it also keeps, per case, the last event, the status
 * and the escalation made: a duplicate is dropped, a case escalates once a channel, and the entry
 * goes to a changelog in the same transaction. No chain, no signatures, no reasons.
 *
 * usage: peer BROKERS GROUP INPUT EVENTS OUTCOMES ESCALATIONS [STATE]
 */
#define _GNU_SOURCE /* memmem */
#include "plain.h"

#include <avro.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OUTCOMES, ESCALATIONS, STATE };
enum { FRAME = 10, RECORD_MAX = 4096, SLOTS = 1 << 22 };

static const char outcome_json[] =
    "{\"type\":\"record\",\"name\":\"Outcome\",\"fields\":["
    "{\"name\":\"event\",\"type\":\"string\"},{\"name\":\"case\",\"type\":\"string\"},"
    "{\"name\":\"customer\",\"type\":\"string\"},{\"name\":\"action\",\"type\":\"string\"},"
    "{\"name\":\"channel\",\"type\":\"string\"},{\"name\":\"rule\",\"type\":\"string\"},"
    "{\"name\":\"partition\",\"type\":\"int\"},{\"name\":\"offset\",\"type\":\"long\"},"
    "{\"name\":\"decided_at\",\"type\":\"long\"}]}";
static const char escalation_json[] =
    "{\"type\":\"record\",\"name\":\"Escalation\",\"fields\":["
    "{\"name\":\"id\",\"type\":\"string\"},{\"name\":\"case\",\"type\":\"string\"},"
    "{\"name\":\"customer\",\"type\":\"string\"},{\"name\":\"channel\",\"type\":\"string\"},"
    "{\"name\":\"title\",\"type\":\"string\"},{\"name\":\"at\",\"type\":\"long\"}]}";
static const char entry_json[] =
    "{\"type\":\"record\",\"name\":\"Entry\",\"fields\":["
    "{\"name\":\"event\",\"type\":\"string\"},{\"name\":\"status\",\"type\":\"string\"},"
    "{\"name\":\"channel\",\"type\":\"string\"},{\"name\":\"at\",\"type\":\"long\"}]}";

struct shape {
    avro_value_iface_t *class;
    avro_value_t value;
};

struct known {
    char *case_key;
    char last_event[48];
    bool escalated;
};

struct peer {
    struct shape event, outcome, escalation, entry;
    struct known *cases; /* open addressing, SLOTS of them; NULL: stateless */
    char written[RECORD_MAX];
};

static struct shape shape_of(const char *json, size_t n)
{
    struct shape shape;
    avro_schema_t schema;

    if (avro_schema_from_json_length(json, n, &schema))
        plain_die("schema", avro_strerror());
    shape.class = avro_generic_class_from_schema(schema);
    if (!shape.class || avro_generic_value_new(shape.class, &shape.value))
        plain_die("value", avro_strerror());
    avro_schema_decref(schema);
    return shape;
}

static struct shape shape_of_file(const char *path)
{
    static char text[1 << 16];
    FILE *f = fopen(path, "r");
    size_t n = f ? fread(text, 1, sizeof(text), f) : 0;

    if (!f || n == 0 || n == sizeof(text))
        plain_die(path, "cannot be read");
    fclose(f);
    return shape_of(text, n);
}

/* The text of a field, in the branch that is set where it is a union; "" where it is null. */
static const char *text_of(avro_value_t *record, const char *name)
{
    avro_value_t field, branch;
    const char *text = "";
    size_t n;

    if (avro_value_get_by_name(record, name, &field, NULL))
        plain_die(name, "no such field");
    if (avro_value_get_type(&field) == AVRO_UNION) {
        if (avro_value_get_current_branch(&field, &branch))
            plain_die(name, avro_strerror());
        field = branch;
    }
    if (avro_value_get_type(&field) == AVRO_STRING)
        avro_value_get_string(&field, &text, &n);
    return text;
}

static void put_text(avro_value_t *record, const char *name, const char *text)
{
    avro_value_t field;

    if (avro_value_get_by_name(record, name, &field, NULL) || avro_value_set_string(&field, text))
        plain_die(name, avro_strerror());
}

static void put_long(avro_value_t *record, const char *name, int64_t v)
{
    avro_value_t field;

    if (avro_value_get_by_name(record, name, &field, NULL) || avro_value_set_long(&field, v))
        plain_die(name, avro_strerror());
}

static void put_int(avro_value_t *record, const char *name, int32_t v)
{
    avro_value_t field;

    if (avro_value_get_by_name(record, name, &field, NULL) || avro_value_set_int(&field, v))
        plain_die(name, avro_strerror());
}

static void emit(struct plain *plain, struct peer *peer, size_t target, int32_t partition,
                 const void *key, size_t key_n, avro_value_t *record)
{
    avro_writer_t writer = avro_writer_memory(peer->written, sizeof(peer->written));
    size_t n;
    void *room;

    if (avro_value_write(writer, record))
        plain_die("encode", avro_strerror());
    n = (size_t)avro_writer_tell(writer);
    avro_writer_free(writer);
    room = plain_room(plain, n);
    memcpy(room, peer->written, n);
    plain_write(plain, target, partition, key, key_n, room, n);
}

/* ---- state ---- */

static uint64_t hash_of(const char *s)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);

    for (; *s; s++)
        h = (h ^ (unsigned char)*s) * UINT64_C(0x100000001b3);
    return h;
}

static struct known *find(struct peer *peer, const char *case_key)
{
    for (uint64_t at = hash_of(case_key);; at++) {
        struct known *known = &peer->cases[at % SLOTS];

        if (!known->case_key) {
            known->case_key = strdup(case_key);
            if (!known->case_key)
                plain_die("memory", "none");
            return known;
        }
        if (strcmp(known->case_key, case_key) == 0)
            return known;
    }
}

static void remember(struct plain *plain, struct peer *peer, rd_kafka_message_t *message,
                     struct known *known, const char *event_id, const char *channel)
{
    size_t n = strlen(known->case_key);
    void *key = plain_room(plain, n);

    (void)snprintf(known->last_event, sizeof(known->last_event), "%s", event_id);
    memcpy(key, known->case_key, n);
    put_text(&peer->entry.value, "event", event_id);
    put_text(&peer->entry.value, "status", *channel ? "waiting for Microsoft's number" : "at desk");
    put_text(&peer->entry.value, "channel", channel);
    put_long(&peer->entry.value, "at", message->offset);
    emit(plain, peer, STATE, message->partition, key, n, &peer->entry.value);
}

/* ---- one event ---- */

static const char *channel_for(avro_value_t *event, const char *customer)
{
    static const char *const entitlements[] = {"premier", "advanced", "signature"};
    const char *text;

    if (strcmp(text_of(event, "domain"), "billing") == 0)
        return "commercial";
    text = text_of(event, "text");
    if (memmem(text, strlen(text), "AADSTS50057", 11))
        return "";
    return entitlements[hash_of(customer) % 3];
}

static void escalate(struct plain *plain, struct peer *peer, rd_kafka_message_t *message,
                     const char *case_id, const char *customer, const char *channel)
{
    avro_value_t *to = &peer->escalation.value;
    char id[96];

    (void)snprintf(id, sizeof(id), "%s/%s/%016llx", customer, channel,
                   (unsigned long long)hash_of(case_id));
    put_text(to, "id", id);
    put_text(to, "case", case_id);
    put_text(to, "customer", customer);
    put_text(to, "channel", channel);
    put_text(to, "title", text_of(&peer->event.value, "title"));
    put_long(to, "at", message->offset);
    emit(plain, peer, ESCALATIONS, message->partition, message->key, message->key_len, to);
}

static void answer(struct plain *plain, struct peer *peer, rd_kafka_message_t *message,
                   const char *case_id, const char *customer, const char *channel,
                   const char *action)
{
    avro_value_t *to = &peer->outcome.value;

    put_text(to, "event", text_of(&peer->event.value, "event_id"));
    put_text(to, "case", case_id);
    put_text(to, "customer", customer);
    put_text(to, "action", action);
    put_text(to, "channel", channel);
    put_text(to, "rule",
             *channel ? "channel.first-entitled-for-this-domain-and-severity"
                      : "baseline.known-error-text");
    put_int(to, "partition", message->partition);
    put_long(to, "offset", message->offset);
    put_long(to, "decided_at", message->offset);
    emit(plain, peer, OUTCOMES, message->partition, message->key, message->key_len, to);
}

static void decide(struct plain *plain, rd_kafka_message_t *message, void *user)
{
    struct peer *peer = user;
    avro_reader_t reader =
        avro_reader_memory((const char *)message->payload + FRAME, (int64_t)message->len - FRAME);
    avro_value_t *event = &peer->event.value;
    const char *event_id, *case_id, *customer, *channel;
    struct known *known = NULL;

    avro_value_reset(event);
    if (message->len < FRAME || avro_value_read(reader, event))
        plain_die("decode", avro_strerror());
    avro_reader_free(reader);
    event_id = text_of(event, "event_id");
    case_id = text_of(event, "case_id");
    customer = text_of(event, "customer");
    if (peer->cases) {
        known = find(peer, case_id);
        if (strcmp(known->last_event, event_id) == 0) {
            answer(plain, peer, message, case_id, customer, "", "DUPLICATE");
            return;
        }
    }
    channel = channel_for(event, customer);
    if (*channel && !(known && known->escalated))
        escalate(plain, peer, message, case_id, customer, channel);
    if (known) {
        known->escalated |= *channel != '\0';
        remember(plain, peer, message, known, event_id, channel);
    }
    answer(plain, peer, message, case_id, customer, channel, *channel ? "ESCALATED" : "BASELINE");
}

int main(int argc, char **argv)
{
    struct peer *peer = calloc(1, sizeof(*peer));

    if (argc < 7 || argc > 8)
        plain_die("usage", "peer BROKERS GROUP INPUT EVENTS OUTCOMES ESCALATIONS [STATE]");
    if (!peer)
        plain_die("memory", "none");
    peer->event = shape_of_file(EGW_SOURCE_DIR "/schemas/SupportEvent.avsc");
    peer->outcome = shape_of(outcome_json, sizeof(outcome_json) - 1);
    peer->escalation = shape_of(escalation_json, sizeof(escalation_json) - 1);
    peer->entry = shape_of(entry_json, sizeof(entry_json) - 1);
    if (argc == 8) {
        peer->cases = calloc(SLOTS, sizeof(*peer->cases));
        if (!peer->cases)
            plain_die("memory", "none");
    }
    plain_run(plain_open("none", argv[1], argv[2], argv[3], argv + 5, (size_t)argc - 5),
              plain_number(argv[4]), decide, peer);
    return 0;
}
