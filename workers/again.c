#define _GNU_SOURCE /* memmem */
#include "again.h"

#include <inttypes.h>
#include <stdio.h>

#include "egw/json.h"
#include "show.h"

void egw_again_open(struct egw_again *again, const struct egw_args *args)
{
    *again = (struct egw_again){.topic = args->settings.topics.outcomes,
                                .json = egw_wants_json(args),
                                .verbose = egw_arg(args, "verbose") != NULL};
}

/* ---- for a person ---- */

static void put_head(const struct egw_again *again, const char *verdict,
                     const struct egw_item *item)
{
    const struct egw_outcome *outcome = item->value;

    (void)printf("%-11s  %s/%" PRId32 "/%" PRId64 "  ", verdict, again->topic,
                 item->record.partition, item->record.offset);
    egw_show_case(outcome, stdout);
    (void)fputs("  ", stdout);
    egw_show_action(outcome, stdout);
    if (outcome->event_id.n) {
        (void)fputs("  ", stdout);
        egw_put_safe(stdout, outcome->event_id);
    }
    (void)putchar('\n');
}

/* The value of a member of a JSON object: up to the comma or brace that ends it. */
static struct egw_str member_of(struct egw_str json, const char *name)
{
    char quoted[64];
    const char *at, *end = json.p + json.n, *p;
    int depth = 0;
    bool text = false;

    (void)snprintf(quoted, sizeof(quoted), "\"%s\":", name);
    at = memmem(json.p, json.n, quoted, strlen(quoted));
    if (!at)
        return EGW_STR("(none)");
    at += strlen(quoted);
    for (p = at; p < end; p++) {
        if (*p == '\\' && text)
            p++;
        else if (*p == '"')
            text = !text;
        else if (!text && (*p == '{' || *p == '['))
            depth++;
        else if (!text && (*p == '}' || *p == ']' || *p == ',') && depth == 0)
            break;
        else if (!text && (*p == '}' || *p == ']'))
            depth--;
    }
    return (struct egw_str){at, (size_t)(p - at)};
}

/* Only the one field of the outcome, so that its name is found nowhere else. */
static void put_field(struct egw_again *again, const struct egw_outcome *outcome,
                      const struct egw_field *field)
{
    struct egw_outcome alone = {0};

    memcpy((char *)&alone + field->offset, (const char *)outcome + field->offset,
           field->type->size);
    egw_buf_clear(&again->line);
    if (egw_json_write(&egw_type_outcome, &alone, EGW_JSON_LINE, NULL, &again->line, NULL))
        again->failed = true;
    else
        egw_put_safe(stdout, member_of(egw_buf_str(&again->line), field->name));
}

static void put_fields(struct egw_again *again, const struct egw_outcome *was,
                       const struct egw_outcome *made, egw_outcome_fields fields)
{
    for (size_t i = 0; i < egw_type_outcome.field_count; i++) {
        const struct egw_field *field = &egw_type_outcome.fields[i];

        if (!(fields >> i & 1))
            continue;
        (void)printf("    %s\n        recorded  ", field->name);
        put_field(again, was, field);
        (void)fputs("\n        again     ", stdout);
        put_field(again, made, field);
        (void)putchar('\n');
    }
}

/* ---- for a program ---- */

static enum egw_status json_head(struct egw_again *again, const char *verdict,
                                 const struct egw_item *item, const char *why)
{
    const struct egw_outcome *outcome = item->value;
    enum egw_status st;

    egw_buf_clear(&again->line);
    st = egw_buf_printf(&again->line, "{\"verdict\":\"%s\",\"chain\":", verdict);
    if (!st)
        st = egw_json_string(outcome->chain, &again->line);
    if (!st)
        st = egw_buf_printf(&again->line,
                            ",\"seq\":%" PRId64 ",\"partition\":%" PRId32
                            ",\"outcome_offset\":%" PRId64,
                            outcome->seq, item->record.partition, item->record.offset);
    if (!st && why) {
        st = egw_buf_printf(&again->line, ",\"why\":");
        if (!st)
            st = egw_json_string(egw_str_of(why), &again->line);
    }
    return st;
}

static enum egw_status json_fields(struct egw_again *again, egw_outcome_fields fields)
{
    enum egw_status st = egw_buf_printf(&again->line, ",\"fields\":[");
    const char *comma = "";

    for (size_t i = 0; !st && i < egw_type_outcome.field_count; i++) {
        if (!(fields >> i & 1))
            continue;
        st = egw_buf_printf(&again->line, "%s\"%s\"", comma, egw_type_outcome.fields[i].name);
        comma = ",";
    }
    return st ? st : egw_buf_put(&again->line, "]", 1);
}

static enum egw_status json_outcome(struct egw_again *again, const char *name,
                                    const struct egw_outcome *outcome)
{
    enum egw_status st = egw_buf_printf(&again->line, ",\"%s\":", name);

    return st ? st
              : egw_json_write(&egw_type_outcome, outcome, EGW_JSON_LINE, NULL, &again->line, NULL);
}

static void end_line(struct egw_again *again, enum egw_status st)
{
    if (!st)
        st = egw_buf_put(&again->line, "}\n", 2);
    if (st)
        again->failed = true;
    else
        (void)fwrite(again->line.p, 1, again->line.n, stdout);
}

/* ---- verdicts ---- */

void egw_again_differs(struct egw_again *again, const struct egw_item *item,
                       const struct egw_outcome *made, egw_outcome_fields fields, const char *why)
{
    enum egw_status st;

    again->differ++;
    if (!again->json) {
        put_head(again, "differs", item);
        (void)fputs("    ", stdout);
        egw_put_safe(stdout, egw_str_of(why));
        (void)putchar('\n');
        if (made)
            put_fields(again, item->value, made, fields);
        return;
    }
    st = json_head(again, "differs", item, why);
    if (!st && made)
        st = json_fields(again, fields);
    if (!st)
        st = json_outcome(again, "recorded", item->value);
    if (!st && made)
        st = json_outcome(again, "again", made);
    end_line(again, st);
}

void egw_again_unchecked(struct egw_again *again, const struct egw_item *item, const char *why)
{
    again->unchecked++;
    if (!again->verbose)
        return;
    if (again->json) {
        end_line(again, json_head(again, "unchecked", item, why));
        return;
    }
    put_head(again, "not checked", item);
    (void)fputs("    ", stdout);
    egw_put_safe(stdout, egw_str_of(why));
    (void)putchar('\n');
}

void egw_again_same(struct egw_again *again, const struct egw_item *item)
{
    again->same++;
    if (!again->verbose)
        return;
    if (again->json)
        end_line(again, json_head(again, "same", item, NULL));
    else
        put_head(again, "same", item);
}

void egw_again_unreadable(struct egw_again *again, const struct egw_item *item)
{
    again->unreadable++;
    (void)fflush(stdout);
    egw_item_complain(again->topic, item, stderr);
}

static void put_count(uint64_t n, const char *what)
{
    if (n)
        (void)printf("  %" PRIu64 " %s\n", n, what);
}

int egw_again_close(struct egw_again *again)
{
    uint64_t all = again->same + again->differ + again->unchecked + again->undecided;
    bool checked = again->same || again->differ || !again->unchecked;

    if (again->json) {
        (void)printf("{\"checked\":%s,\"same\":%" PRIu64 ",\"differ\":%" PRIu64
                     ",\"unchecked\":%" PRIu64 ",\"undecided\":%" PRIu64 ",\"unreadable\":%" PRIu64
                     "}\n",
                     checked ? "true" : "false", again->same, again->differ, again->unchecked,
                     again->undecided, again->unreadable);
    } else {
        (void)printf("%" PRIu64 " outcome%s\n", all, all == 1 ? "" : "s");
        put_count(again->same, "came out the same");
        put_count(again->undecided, "tell of no decision by rules");
        put_count(again->unchecked, "could not be checked: -v tells why of each");
        put_count(again->unreadable, "more records are no outcomes");
        if (again->differ)
            (void)printf("%" PRIu64 " differ\n", again->differ);
        else
            (void)puts("no differences");
    }
    egw_buf_free(&again->line);
    if (again->failed) {
        (void)egw_fail(&(struct egw_error){EGW_NOMEM, "no memory to print a difference"});
        return EGW_EXIT_UNAVAILABLE;
    }
    if (again->differ || again->unreadable)
        return EGW_EXIT_NO;
    return checked ? EGW_EXIT_OK : EGW_EXIT_UNAVAILABLE;
}
