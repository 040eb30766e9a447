/*
 * publish - JSON lines to the events topic, as a PSA or CRM would write them
 *
 * The customer is written as the source names it: making it canonical is triage's work, which
 * passes an event on when that changes its partition.
 */
#include <inttypes.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "cli.h"
#include "egw/hash.h"
#include "egw/json.h"
#include "egw/kafka.h"
#include "reading.h"
#include "schemas.h"

enum { EVENT_MAX = 1 << 20, FLUSH_MS = 60000, PROGRESS_EVERY = 512, PROGRESS_MS = 200 };

struct publish {
    const struct egw_settings *settings;
    struct egw_kafka *kafka; /* NULL: a dry run */
    int32_t partitions;
    struct egw_schemas schemas; /* a dry run writes fingerprints: it asks nobody */
    struct egw_arena arena;
    struct egw_buf key, value;
    uint64_t taken, refused;
    int64_t started_ms, shown_ms;
    bool shows_progress;
    int unopened; /* exit code for a file that could not be opened; 0: all could */
};

static int64_t now_ms(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void show_progress(struct publish *p)
{
    int64_t now;

    if (!p->shows_progress || (p->taken + p->refused) % PROGRESS_EVERY != 0)
        return;
    now = now_ms();
    if (now - p->shown_ms < PROGRESS_MS)
        return;
    p->shown_ms = now;
    (void)fprintf(stderr, "\r%" PRIu64 " events, %" PRIu64 " refused", p->taken, p->refused);
}

static void end_progress(struct publish *p)
{
    if (p->shows_progress && p->shown_ms)
        (void)fputs("\r\033[K", stderr);
}

static void refuse(struct publish *p, const struct egw_lines *lines, const struct egw_error *err)
{
    end_progress(p);
    p->refused++;
    (void)fprintf(stderr, "%s:%d: ", lines->name, lines->line);
    egw_put_safe(stderr, egw_str_of(err->text));
    (void)fputc('\n', stderr);
}

/* What makes the key and the case's order must be there; a slash would make two keys one. */
static enum egw_status check_event(const struct egw_support_event *event, struct egw_error *reterr)
{
    const struct {
        const char *name;
        struct egw_str value;
        bool in_key;
    } fields[] = {
        {"event_id", event->event_id, false}, {"event_type", event->event_type, false},
        {"partner", event->partner, true},    {"customer", event->customer, true},
        {"case_id", event->case_id, true},
    };

    for (size_t i = 0; i < EGW_COUNT(fields); i++) {
        if (fields[i].value.n == 0)
            return egw_error_set(reterr, EGW_INVALID, "%s: must not be empty", fields[i].name);
        if (fields[i].in_key && memchr(fields[i].value.p, '/', fields[i].value.n))
            return egw_error_set(reterr, EGW_INVALID, "%s: must not hold a slash", fields[i].name);
    }
    return EGW_OK;
}

static enum egw_status encode_event(struct publish *p, struct egw_str line,
                                    struct egw_error *reterr)
{
    struct egw_support_event event = {0};
    enum egw_status st;

    egw_arena_reset(&p->arena);
    egw_buf_clear(&p->key);
    egw_buf_clear(&p->value);
    st = egw_json_read(line, &egw_type_support_event, &p->arena, &event, reterr);
    if (!st)
        st = check_event(&event, reterr);
    if (!st)
        st = egw_encode_framed(&p->schemas.framing, &egw_type_support_event, &event, &p->value,
                               reterr);
    if (st)
        return st;
    if (egw_buf_put(&p->key, event.partner.p, event.partner.n) || egw_buf_put(&p->key, "/", 1) ||
        egw_buf_put(&p->key, event.customer.p, event.customer.n))
        return egw_error_set(reterr, EGW_NOMEM, "no memory for a key");
    if (p->value.n > EVENT_MAX)
        return egw_error_set(reterr, EGW_INVALID, "the event has %zu bytes, allowed are %d",
                             p->value.n, EVENT_MAX);
    return EGW_OK;
}

static enum egw_status send_event(struct publish *p, struct egw_error *reterr)
{
    struct egw_str key = egw_buf_str(&p->key);

    if (!p->kafka)
        return EGW_OK;
    return egw_kafka_send(p->kafka, p->settings->topics.events,
                          egw_partition_of(key, p->partitions), key, egw_buf_str(&p->value),
                          reterr);
}

/* EGW_OK: the file was read to its end, whatever was refused in it, or could not be opened, which
 * holds up no other. */
static enum egw_status publish_file(struct publish *p, const char *path, struct egw_error *reterr)
{
    struct egw_lines lines;
    struct egw_str line;
    enum egw_status st = egw_lines_open(&lines, path, reterr);

    if (st) {
        end_progress(p);
        p->unopened = egw_fail(reterr);
        return EGW_OK;
    }
    while ((st = egw_lines_next(&lines, &line, reterr)) != EGW_NOT_FOUND) {
        if (!st)
            st = encode_event(p, line, reterr);
        if (st == EGW_INVALID) {
            refuse(p, &lines, reterr);
            continue;
        }
        if (!st)
            st = send_event(p, reterr);
        if (st)
            break;
        p->taken++;
        show_progress(p);
    }
    egw_lines_close(&lines);
    return st == EGW_NOT_FOUND ? EGW_OK : st;
}

static enum egw_status connect_to_topic(struct publish *p, struct egw_error *reterr)
{
    enum egw_status st = egw_schemas_open(p->settings, &p->schemas, reterr);

    if (!st)
        st = egw_kafka_open(p->settings, "egw-publish", &p->kafka, reterr);
    if (st)
        return st;
    return egw_topic_fault(
        egw_kafka_partitions(p->kafka, p->settings->topics.events, &p->partitions, reterr), reterr);
}

static enum egw_status publish_all(struct publish *p, char **paths, size_t n, size_t *ret_failed,
                                   struct egw_error *reterr)
{
    static char standard_input[] = "-";
    char *only[] = {standard_input};
    enum egw_status st = EGW_OK, flushed = EGW_OK;
    struct egw_error flush_error;

    if (n == 0) {
        paths = only;
        n = 1;
    }
    for (size_t i = 0; i < n && !st; i++)
        st = publish_file(p, paths[i], reterr);
    if (p->kafka)
        flushed = egw_kafka_flush(p->kafka, FLUSH_MS, ret_failed, &flush_error);
    if (!st && flushed) {
        *reterr = flush_error;
        st = flushed;
    }
    return st;
}

static void summarise(const struct publish *p, size_t failed, bool dry, bool json)
{
    int64_t ms = now_ms() - p->started_ms;

    if (json) {
        (void)printf("{\"%s\":%" PRIu64 ",\"refused\":%" PRIu64 ",\"not_acknowledged\":%zu,"
                     "\"ms\":%" PRId64 "}\n",
                     dry ? "valid" : "published", p->taken - failed, p->refused, failed, ms);
        return;
    }

    (void)printf("%s %" PRIu64 ", refused %" PRIu64, dry ? "valid" : "published", p->taken - failed,
                 p->refused);
    if (failed)
        (void)printf(", not acknowledged %zu", failed);
    if (!dry)
        (void)printf(", in %" PRId64 ".%03d s", ms / 1000, (int)(ms % 1000));
    (void)putchar('\n');
}

static int run(struct egw_args *args)
{
    bool dry = egw_arg(args, "dry-run") != NULL;
    struct publish p = {.settings = &args->settings,
                        .started_ms = now_ms(),
                        .shows_progress = isatty(STDERR_FILENO) == 1};
    struct egw_error err = {0};
    enum egw_status st = dry ? EGW_OK : connect_to_topic(&p, &err);
    bool connected = !st;
    size_t failed = 0;
    int code = EGW_EXIT_OK;

    if (!st)
        st = publish_all(&p, args->operands, args->operand_count, &failed, &err);
    end_progress(&p);
    if (connected)
        summarise(&p, failed, dry, egw_wants_json(args));
    if (st)
        code = egw_fail(&err);
    if (failed && st != EGW_DENIED)
        code = EGW_EXIT_UNAVAILABLE;
    else if (!st && p.refused)
        code = EGW_EXIT_DATA;
    else if (!st && p.unopened)
        code = p.unopened;
    if (p.kafka)
        egw_kafka_close(p.kafka);
    egw_schemas_close(&p.schemas);
    egw_buf_free(&p.key);
    egw_buf_free(&p.value);
    egw_arena_free(&p.arena);
    return code;
}

static const struct egw_option options[] = {
    {'n', "dry-run", NULL, "check the lines, publish nothing", NULL, false, NULL},
    {'o', "output", "FORM", "form of the summary", "text|json", false, NULL},
    {0, NULL, NULL, NULL, NULL, false, NULL},
};

const struct egw_command egw_cmd_publish = {
    .name = "publish",
    .operands = "[FILE...]",
    .summary = "write support events, one JSON object a line, to the events topic",
    .about =
        "Reads JSON lines with the fields of schemas/SupportEvent.avsc from the files, or from "
        "standard input, and writes them to the events topic under the key partner/customer. "
        "A line that is no event is named with its place and reason, the others go.",
    .exits = "0 all went, 65 a line was refused, 69 a broker did not acknowledge, 78 settings",
    .options = options,
    .run = run,
};
