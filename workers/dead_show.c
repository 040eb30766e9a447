/*
 * dead show - one letter: what stands beside it, its bytes, how far they can be read, and what came
 * of its retries
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "dead_verbs.h"
#include "egw/json.h"
#include "egw/registry.h"
#include "egw/schema_view.h"
#include "letter_json.h"
#include "reading.h"
#include "schemas.h"
#include "show.h"

enum { DUMP_BYTES = 256, DUMP_ROW = 16, SHOWN_MAX = 200 };

struct showing {
    const struct egw_settings *settings;
    const struct egw_letter *letter;
    bool json;
    struct egw_frame frame;
    struct egw_arena arena;
    struct egw_str schema;   /* of the writer; p == NULL: nobody knows it */
    struct egw_error unread; /* why the schema is not known, or cannot be compared */
    const struct egw_type *reader;
    struct egw_list differences, seen;
    struct egw_error end; /* where the bytes could not be read any further; EGW_OK: at their end */
    bool no_memory;
    struct egw_buf out;
    size_t retries;
};

/* ---- who wrote it ---- */

static struct egw_str own_schema(uint64_t fingerprint)
{
    for (size_t i = 0; i < EGW_RECORD_COUNT; i++)
        if (egw_record_types[i]->fingerprint == fingerprint)
            return egw_str_of(egw_record_types[i]->json);
    for (const struct egw_old_schema *old = egw_old_schemas; old->json; old++)
        if (old->fingerprint == fingerprint)
            return egw_str_of(old->json);
    return EGW_STR_NONE;
}

/* A schema that an operator has put into the policy topic. */
static bool take_accepted(void *user, const struct egw_item *item)
{
    struct showing *s = user;
    const struct egw_policy_content *content = item->value;
    uint64_t fingerprint;

    if (item->type != &egw_type_policy_content || content->manifest.n ||
        egw_schema_fingerprint(content->content, &fingerprint, NULL) ||
        fingerprint != s->frame.fingerprint)
        return true;
    s->no_memory = !egw_arena_str(&s->arena, content->content, &s->schema);
    return false;
}

static enum egw_status ask_registry(struct showing *s)
{
    struct egw_registry *registry = NULL;
    struct egw_str schema;
    enum egw_status st;

    if (!*s->settings->registry.url)
        return egw_error_set(&s->unread, EGW_NOT_FOUND, "no registry is set");
    st = egw_schemas_registry(s->settings, &registry, &s->unread);
    if (!st)
        st = egw_registry_fetch(registry, s->frame.id, 0, &schema, &s->unread);
    if (!st)
        s->no_memory = !egw_arena_str(&s->arena, schema, &s->schema);
    egw_registry_free(registry);
    return st;
}

/* What the registry or the log cannot say leaves the schema unknown; a broker that does not answer
 * is a fault. */
static enum egw_status find_schema(struct showing *s, struct egw_error *reterr)
{
    enum egw_status st = EGW_OK;

    if (s->frame.kind == EGW_FRAME_CONFLUENT) {
        (void)ask_registry(s);
    } else if (s->frame.kind == EGW_FRAME_SINGLE) {
        s->schema = own_schema(s->frame.fingerprint);
        if (!s->schema.p)
            st =
                egw_read_all(s->settings, s->settings->topics.policy, -1, take_accepted, s, reterr);
        if (!st && !s->schema.p)
            (void)egw_error_set(&s->unread, EGW_NOT_FOUND, "nobody has accepted it");
    }
    return st;
}

/* The record of ours that the writer means; an event where it is none. */
static const struct egw_type *reader_of(struct egw_str schema)
{
    char name[256];

    if (!egw_schema_name(schema, name, sizeof(name), NULL))
        for (size_t i = 0; i < EGW_RECORD_COUNT; i++)
            if (strcmp(egw_record_types[i]->name, name) == 0)
                return egw_record_types[i];
    return &egw_type_support_event;
}

static enum egw_status look(struct showing *s, struct egw_error *reterr)
{
    enum egw_status st = find_schema(s, reterr);

    if (s->no_memory)
        return egw_error_set(reterr, EGW_NOMEM, "no memory for a schema");
    if (st || !s->schema.p)
        return st;
    s->reader = reader_of(s->schema);
    st = egw_schema_differences(s->schema, s->reader, &s->arena, &s->differences, &s->unread);
    if (!st)
        s->end.status = egw_schema_walk(s->schema, s->frame.body, &s->arena, &s->seen, &s->end);
    if (st == EGW_NOMEM || s->end.status == EGW_NOMEM)
        return egw_error_set(reterr, EGW_NOMEM, "no memory to look at the letter");
    return EGW_OK;
}

/* ---- for a person ---- */

static void put_dump(struct egw_str value)
{
    size_t shown = value.n < DUMP_BYTES ? value.n : DUMP_BYTES;

    for (size_t at = 0; at < shown; at += DUMP_ROW) {
        (void)printf("    %06zx ", at);
        for (size_t i = at; i < at + DUMP_ROW; i++) {
            if (i < shown)
                (void)printf(" %02x", (unsigned char)value.p[i]);
            else
                (void)fputs("   ", stdout);
        }
        (void)fputs("  ", stdout);
        for (size_t i = at; i < at + DUMP_ROW && i < shown; i++)
            (void)putchar(value.p[i] >= ' ' && value.p[i] <= '~' ? value.p[i] : '.');
        (void)putchar('\n');
    }
    if (shown < value.n)
        (void)printf("    ... %zu bytes more\n", value.n - shown);
}

static void put_origin(const struct egw_letter *letter)
{
    char at[EGW_TIME_TEXT], digest[2 * EGW_SHA256 + 1];

    egw_hex(letter->digest.b, EGW_SHA256, digest);
    egw_time_format(letter->dead_ms, at);
    (void)printf("%" PRId32 "/%" PRId64 "  %s  set aside %s\n  from    ", letter->partition,
                 letter->offset, egw_letter_class(letter), at);
    egw_put_safe(stdout, letter->topic);
    (void)printf("/%" PRId32 "/%" PRId64, letter->partition, letter->from);
    if (letter->recorded_ms >= 0) {
        egw_time_format(letter->recorded_ms, at);
        (void)printf(" of %s", at);
    }
    (void)fputs("\n  key     ", stdout);
    egw_put_safe(stdout, letter->key.p ? letter->key : EGW_STR("(none)"));
    (void)printf("\n  sha256  %s\n  reason  ", digest);
    egw_put_safe(stdout, letter->reason);
    (void)putchar('\n');
    if (letter->fault)
        (void)printf("  fault   %s\n", letter->fault);
}

static void frame_text(const struct egw_frame *frame, char *out, size_t n)
{
    if (frame->kind == EGW_FRAME_CONFLUENT)
        (void)snprintf(out, n, "id %" PRId32, frame->id);
    else if (frame->kind == EGW_FRAME_SINGLE)
        (void)snprintf(out, n, "fingerprint %016" PRIx64, frame->fingerprint);
    else
        (void)snprintf(out, n, "none named");
}

static void put_differences(const struct showing *s)
{
    static const char *const words[EGW_FIELD_KINDS] = {
        [EGW_FIELD_MISSING] = "the writer has none, and we need it",
        [EGW_FIELD_UNFIT] = "",
        [EGW_FIELD_DEFAULT] = "the writer has none: it gets its default",
        [EGW_FIELD_DROPPED] = "only the writer has it",
    };
    const struct egw_difference *p = s->differences.p;

    for (size_t i = 0; i < s->differences.n; i++) {
        (void)printf("    %-8s ", egw_difference_names[p[i].kind]);
        egw_put_safe(stdout, p[i].field);
        (void)fputs(": ", stdout);
        egw_put_safe(stdout, p[i].why.p ? p[i].why : egw_str_of(words[p[i].kind]));
        (void)putchar('\n');
    }
}

static void put_seen(const struct showing *s)
{
    const struct egw_seen *p = s->seen.p;

    for (size_t i = 0; i < s->seen.n; i++) {
        struct egw_str value = p[i].value;

        if (value.n > SHOWN_MAX)
            value.n = SHOWN_MAX;
        (void)printf("    %6zu  ", p[i].at);
        egw_put_safe(stdout, p[i].path);
        (void)fputs(" = ", stdout);
        egw_put_safe(stdout, value);
        (void)puts(value.n < p[i].value.n ? " ..." : "");
    }
    (void)fputs("    ", stdout);
    egw_put_safe(stdout, s->end.status ? egw_str_of(s->end.text) : EGW_STR("read to its end"));
    (void)putchar('\n');
}

static void put_text(const struct showing *s)
{
    char frame[48];

    put_origin(s->letter);
    frame_text(&s->frame, frame, sizeof(frame));
    (void)printf("  schema  %s%s%s\n", frame, s->unread.status ? ": " : "", s->unread.text);
    (void)printf("  bytes   %zu\n", s->letter->value.n);
    put_dump(s->letter->value);
    if (!s->schema.p)
        return;
    (void)printf("  against %s\n", s->reader->name);
    put_differences(s);
    (void)puts("  values, by the writer's schema, from the byte behind the frame");
    put_seen(s);
}

/* ---- for a program ---- */

static enum egw_status put_json_dump(struct showing *s)
{
    size_t n = s->letter->value.n < DUMP_BYTES ? s->letter->value.n : DUMP_BYTES;
    char hex[2 * DUMP_BYTES + 1];

    egw_hex(n ? s->letter->value.p : "", n, hex);
    return egw_letter_text(&s->out, "first_bytes", (struct egw_str){hex, 2 * n});
}

static enum egw_status put_json_differences(struct showing *s)
{
    const struct egw_difference *p = s->differences.p;
    enum egw_status st = egw_buf_printf(&s->out, ",\"differences\":[");

    for (size_t i = 0; !st && i < s->differences.n; i++) {
        st = egw_buf_printf(&s->out, "%s{", i ? "," : "");
        if (!st)
            st = egw_letter_text(&s->out, "kind", egw_str_of(egw_difference_names[p[i].kind]));
        if (!st)
            st = egw_letter_text(&s->out, "field", p[i].field);
        if (!st && p[i].why.p)
            st = egw_letter_text(&s->out, "why", p[i].why);
        if (!st)
            st = egw_buf_put(&s->out, "}", 1);
    }
    return st ? st : egw_buf_put(&s->out, "]", 1);
}

static enum egw_status put_json_seen(struct showing *s)
{
    const struct egw_seen *p = s->seen.p;
    enum egw_status st = egw_buf_printf(&s->out, ",\"values\":[");

    for (size_t i = 0; !st && i < s->seen.n; i++) {
        st = egw_buf_printf(&s->out, "%s{\"at\":%zu", i ? "," : "", p[i].at);
        if (!st)
            st = egw_letter_text(&s->out, "path", p[i].path);
        if (!st)
            st = egw_letter_text(&s->out, "value", p[i].value);
        if (!st)
            st = egw_buf_put(&s->out, "}", 1);
    }
    if (!st)
        st = egw_buf_put(&s->out, "]", 1);
    return st ? st
              : egw_letter_text(&s->out, "stopped",
                                s->end.status ? egw_str_of(s->end.text) : EGW_STR_NONE);
}

static enum egw_status put_json(struct showing *s)
{
    char frame[48];
    enum egw_status st = egw_letter_head(&s->out, s->letter);

    frame_text(&s->frame, frame, sizeof(frame));
    if (!st)
        st = egw_letter_text(&s->out, "schema", egw_str_of(frame));
    if (!st)
        st = egw_buf_printf(&s->out, ",\"schema_known\":%s", s->schema.p ? "true" : "false");
    if (!st && s->unread.status)
        st = egw_letter_text(&s->out, "schema_fault", egw_str_of(s->unread.text));
    if (!st)
        st = put_json_dump(s);
    if (!st && s->schema.p)
        st = put_json_differences(s);
    if (!st && s->schema.p)
        st = put_json_seen(s);
    return st ? st : egw_buf_printf(&s->out, ",\"retries\":[");
}

/* ---- what came of it ---- */

static bool take_outcome(void *user, const struct egw_item *item)
{
    struct showing *s = user;
    const struct egw_outcome *outcome = item->value;
    const struct egw_retry *retry;
    enum egw_status st = EGW_OK;

    if (item->type != &egw_type_outcome || !outcome->retry_of)
        return true;
    retry = outcome->retry_of;
    if (retry->letter != s->letter->offset || retry->partition != s->letter->partition)
        return true;
    if (s->json) {
        if (s->retries)
            st = egw_buf_put(&s->out, ",", 1);
        if (!st)
            st = egw_json_write(&egw_type_outcome, outcome, EGW_JSON_LINE, NULL, &s->out, NULL);
    } else {
        (void)fputs("  retried by ", stdout);
        egw_put_safe(stdout, retry->by);
        (void)fputs(": ", stdout);
        egw_show_outcome(outcome, EGW_DETAIL_DESK, stdout);
    }
    s->retries++;
    s->no_memory = st != EGW_OK;
    return !st;
}

static enum egw_status show(struct showing *s, struct egw_error *reterr)
{
    enum egw_status st = look(s, reterr);

    if (st)
        return st;
    if (!s->json)
        put_text(s);
    else if (put_json(s))
        return egw_error_set(reterr, EGW_NOMEM, "no memory to show the letter");
    st = egw_read_all(s->settings, s->settings->topics.outcomes, s->letter->partition, take_outcome,
                      s, reterr);
    if (st)
        return st;
    if (s->no_memory || (s->json && egw_buf_printf(&s->out, "]}\n")))
        return egw_error_set(reterr, EGW_NOMEM, "no memory to show the letter");
    if (s->json)
        (void)fwrite(s->out.p, 1, s->out.n, stdout);
    else if (!s->retries)
        (void)puts("  not retried yet");
    return EGW_OK;
}

int egw_dead_show(struct egw_args *args, const struct egw_letter *letter)
{
    struct showing s = {.settings = &args->settings,
                        .letter = letter,
                        .json = egw_wants_json(args),
                        .frame = egw_frame_read(letter->value)};
    struct egw_error err = {0};
    enum egw_status st = show(&s, &err);

    egw_arena_free(&s.arena);
    egw_buf_free(&s.out);
    return st ? egw_fail(&err) : EGW_EXIT_OK;
}
