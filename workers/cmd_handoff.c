/*
 * handoff - cases a person files at Microsoft: which are open, what to file, which number came back
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "cli.h"
#include "decoder.h"
#include "egw/json.h"
#include "egw/package.h"
#include "egw/table.h"
#include "reading.h"
#include "schemas.h"
#include "show.h"
#include "standing.h"

enum { NUMBER_MAX = 64 };

/* ---- list ---- */

struct open_cases {
    struct egw_table table; /* partner/customer/case to the framed outcome */
    struct egw_arena arena;
    const char *topic;
    bool no_memory, unreadable;
};

static bool gives_number(const struct egw_outcome *outcome)
{
    return outcome->action == EGW_ACTION_FILED ||
           (outcome->action == EGW_ACTION_NOTED && egw_str_is(outcome->code, "CASE_NUMBER"));
}

static bool take_open(void *user, const struct egw_item *item)
{
    struct open_cases *open = user;
    const struct egw_outcome *outcome = item->value;
    struct egw_str key;

    if (item->type != &egw_type_outcome) {
        if (!item->type) {
            open->unreadable = true;
            egw_item_complain(open->topic, item, stderr);
        }
        return true;
    }
    egw_arena_reset(&open->arena);
    key = egw_arena_printf(&open->arena, "%.*s/%.*s/%.*s", EGW_FMT(outcome->partner),
                           EGW_FMT(outcome->customer), EGW_FMT(outcome->case_id));
    if (!key.p)
        open->no_memory = true;
    else if (outcome->action == EGW_ACTION_HANDOFF && outcome->number.n == 0)
        open->no_memory = egw_table_put(&open->table, key, item->record.value) != EGW_OK;
    else if (outcome->final || gives_number(outcome))
        (void)egw_table_remove(&open->table, key);
    return !open->no_memory;
}

struct open_case {
    int64_t decided_at;
    struct egw_str key, value;
};

static int oldest_first(const void *a, const void *b)
{
    const struct open_case *x = a, *y = b;

    if (x->decided_at != y->decided_at)
        return x->decided_at < y->decided_at ? -1 : 1;
    return egw_str_cmp(x->key, y->key);
}

static void show_line(const struct egw_outcome *outcome)
{
    char at[EGW_TIME_TEXT];

    egw_time_format(outcome->decided_at, at);
    (void)printf("%s  ", at);
    egw_show_case(outcome, stdout);
    (void)fputs("  ", stdout);
    egw_put_safe(stdout, outcome->channel);
    (void)fputs("  ", stdout);
    egw_put_safe(stdout, outcome->service.n ? outcome->service : EGW_STR("-"));
    if (outcome->severity.n) {
        (void)fputs("  severity ", stdout);
        egw_put_safe(stdout, outcome->severity);
    }
    if (outcome->due_at.has) {
        egw_time_format(outcome->due_at.v, at);
        (void)printf("  due %s", at);
    }
    (void)putchar('\n');
}

static enum egw_status show_case_line(const struct egw_outcome *outcome, bool json,
                                      struct egw_error *reterr)
{
    struct egw_buf line = {0};
    enum egw_status st = EGW_OK;

    if (!json) {
        show_line(outcome);
        return EGW_OK;
    }
    st = egw_json_write(&egw_type_outcome, outcome, EGW_JSON_LINE, NULL, &line, reterr);
    if (!st) {
        (void)fwrite(line.p, 1, line.n, stdout);
        (void)putchar('\n');
    }
    egw_buf_free(&line);
    return st;
}

static enum egw_status show_open(struct open_cases *open, const struct egw_settings *settings,
                                 bool json, struct egw_error *reterr)
{
    struct open_case *cases = calloc(open->table.used + 1, sizeof(*cases));
    const struct egw_type *type = NULL;
    struct egw_decoder *decoder = NULL;
    struct egw_table_item item;
    size_t at = 0, n = 0;
    void *outcome = NULL;
    enum egw_status st = egw_decoder_new(settings, &decoder, reterr);

    if (!st && !cases)
        st = egw_error_set(reterr, EGW_NOMEM, "no memory to sort the hand-offs");
    while (!st && n < open->table.used && egw_table_next(&open->table, &at, &item)) {
        egw_arena_reset(&open->arena);
        st = egw_decoder_read(decoder, item.value, &open->arena, &type, &outcome, reterr);
        if (!st)
            cases[n++] = (struct open_case){((struct egw_outcome *)outcome)->decided_at, item.key,
                                            item.value};
    }
    if (!st)
        qsort(cases, n, sizeof(*cases), oldest_first);
    for (size_t i = 0; i < n && !st; i++) {
        egw_arena_reset(&open->arena);
        st = egw_decoder_read(decoder, cases[i].value, &open->arena, &type, &outcome, reterr);
        if (!st)
            st = show_case_line(outcome, json, reterr);
    }
    free(cases);
    egw_decoder_free(decoder);
    return st;
}

static int list(struct egw_args *args)
{
    struct open_cases open = {.topic = args->settings.topics.outcomes};
    struct egw_error err = {0};
    enum egw_status st = egw_read_all(&args->settings, open.topic, -1, take_open, &open, &err);
    int code;

    if (!st && open.no_memory)
        st = egw_error_set(&err, EGW_NOMEM, "no memory for the open hand-offs");
    if (!st)
        st = show_open(&open, &args->settings, egw_wants_json(args), &err);
    code = st ? egw_fail(&err) : open.unreadable ? EGW_EXIT_DATA : EGW_EXIT_OK;
    egw_table_free(&open.table);
    egw_arena_free(&open.arena);
    return code;
}

/* ---- one case ---- */

struct found_case {
    struct egw_str asked;
    struct egw_arena arena; /* owns the texts below */
    struct egw_str partner, customer, case_id, channel;
    struct egw_str number;            /* known already; empty: none */
    struct egw_str conflict;          /* what was said of another number; empty: there is none */
    struct egw_str written, severity; /* severity in the package, and the one of now */
    unsigned char command_id[EGW_SHA256];
    int32_t partition;
    bool seen, commanded, several, no_memory;
};

static bool keep_names(struct found_case *found, const struct egw_outcome *outcome)
{
    return egw_arena_str(&found->arena, outcome->partner, &found->partner) &&
           egw_arena_str(&found->arena, outcome->customer, &found->customer) &&
           egw_arena_str(&found->arena, outcome->case_id, &found->case_id);
}

static bool take_case(void *user, const struct egw_item *item)
{
    struct found_case *found = user;
    const struct egw_outcome *outcome = item->value;

    if (item->type != &egw_type_outcome || !egw_names_case(found->asked, outcome) ||
        outcome->action == EGW_ACTION_PASSED_ON)
        return true;
    if (found->seen && (!egw_str_eq(outcome->customer, found->customer) ||
                        !egw_str_eq(outcome->partner, found->partner))) {
        found->several = true;
        return false;
    }
    if (!found->seen)
        found->no_memory = !keep_names(found, outcome);
    found->seen = true;
    if (gives_number(outcome))
        found->no_memory |= !egw_arena_str(&found->arena, outcome->number, &found->number);
    if (outcome->action == EGW_ACTION_NOTED && egw_str_is(outcome->code, "NUMBER_CONFLICT"))
        found->no_memory |= !egw_arena_str(&found->arena, outcome->because, &found->conflict);
    if (outcome->action == EGW_ACTION_HANDOFF) { /* another generation begins anew */
        found->no_memory |= !egw_arena_str(&found->arena, outcome->severity, &found->written);
        found->number = outcome->number.n ? found->number : EGW_STR("");
        found->conflict = EGW_STR("");
    }
    if (outcome->severity.n)
        found->no_memory |= !egw_arena_str(&found->arena, outcome->severity, &found->severity);
    if (outcome->command_id && outcome->channel.n) {
        found->no_memory |= !egw_arena_str(&found->arena, outcome->channel, &found->channel);
        memcpy(found->command_id, outcome->command_id, EGW_SHA256);
        found->partition = item->record.partition;
        found->commanded = true;
    }
    return !found->no_memory;
}

static enum egw_status find_case(const struct egw_args *args, struct found_case *found,
                                 struct egw_error *reterr)
{
    enum egw_status st =
        egw_read_all(&args->settings, args->settings.topics.outcomes, -1, take_case, found, reterr);

    if (st)
        return st;
    if (found->no_memory)
        return egw_error_set(reterr, EGW_NOMEM, "no memory for a case");
    if (found->several)
        return egw_error_set(reterr, EGW_NOT_FOUND,
                             "several customers have a case %.*s: say partner/customer/case",
                             EGW_FMT(found->asked));
    if (!found->seen)
        return egw_error_set(reterr, EGW_NOT_FOUND, "no outcome names the case %.*s",
                             EGW_FMT(found->asked));
    if (!found->commanded)
        return egw_error_set(reterr, EGW_NOT_FOUND, "the case %.*s was not handed off",
                             EGW_FMT(found->asked));
    return EGW_OK;
}

/* ---- show ---- */

struct package {
    const struct found_case *found;
    bool json, seen;
    struct egw_buf out;
    enum egw_status st;
    struct egw_error err;
};

static bool take_package(void *user, const struct egw_item *item)
{
    struct package *package = user;
    const struct egw_escalation *escalation = item->value;

    if (item->type != &egw_type_escalation ||
        memcmp(escalation->command_id, package->found->command_id, EGW_SHA256) != 0)
        return true;
    package->seen = true;
    if (package->json)
        package->st = egw_json_write(&egw_type_escalation, escalation, EGW_JSON_PRETTY, NULL,
                                     &package->out, &package->err);
    else if (egw_package_text(escalation, &package->out))
        package->st = egw_error_set(&package->err, EGW_NOMEM, "no memory for the package");
    return false;
}

/* Byte for byte into a pipe or file; on a terminal the customer's text must not steer it. */
static void print_package(const struct egw_buf *out)
{
    struct egw_str text = egw_buf_str(out);

    if (!isatty(STDOUT_FILENO)) {
        (void)fwrite(text.p, 1, text.n, stdout);
        return;
    }
    while (text.n > 0) {
        const char *end = memchr(text.p, '\n', text.n);
        size_t n = end ? (size_t)(end - text.p) : text.n;

        egw_put_safe(stdout, (struct egw_str){text.p, n});
        (void)putchar('\n');
        n += end ? 1 : 0;
        text.p += n;
        text.n -= n;
    }
}

static enum egw_status read_package(const struct egw_args *args, struct package *package,
                                    struct egw_error *reterr)
{
    struct egw_arena arena = {0};
    struct egw_str topic = egw_arena_printf(&arena, "%s.%.*s", args->settings.topics.escalations,
                                            EGW_FMT(package->found->channel));
    enum egw_status st = EGW_OK;

    if (!topic.p)
        st = egw_error_set(reterr, EGW_NOMEM, "no memory for a topic's name");
    if (!st)
        st = egw_read_all(&args->settings, topic.p, package->found->partition, take_package,
                          package, reterr);
    if (!st && package->st) {
        st = package->st;
        *reterr = package->err;
    }
    if (!st && !package->seen)
        st = egw_error_set(reterr, EGW_NOT_FOUND, "the package of %.*s is no longer in %s",
                           EGW_FMT(package->found->asked), topic.p);
    egw_arena_free(&arena);
    return st;
}

static void put_note(const char *before, struct egw_str text, const char *then, struct egw_str more)
{
    (void)fprintf(stderr, "egw handoff: %s", before);
    egw_put_safe(stderr, text);
    (void)fputs(then, stderr);
    egw_put_safe(stderr, more);
    (void)fputc('\n', stderr);
}

/* What the package cannot say, since it was written before. On stderr: who pipes the package into a
 * form gets the package. */
static void tell_since(const struct found_case *found)
{
    (void)fflush(stdout);
    if (found->number.n)
        put_note("the case is filed, Microsoft's number is ", found->number, "", EGW_STR(""));
    if (found->conflict.n)
        put_note("conflict: ", found->conflict, "", EGW_STR(""));
    if (found->written.n && found->severity.n && !egw_str_eq(found->written, found->severity))
        put_note("severity is ", found->severity, " now; the package says ", found->written);
}

static int show(struct egw_args *args)
{
    struct found_case found = {.asked = egw_str_of(args->operands[1])};
    struct package package = {.found = &found, .json = egw_wants_json(args)};
    struct egw_error err = {0};
    enum egw_status st = find_case(args, &found, &err);
    int code = EGW_EXIT_OK;

    if (!st)
        st = read_package(args, &package, &err);
    if (st) {
        code = egw_fail(&err);
    } else {
        print_package(&package.out);
        if (package.json)
            (void)putchar('\n');
        tell_since(&found);
    }
    egw_buf_free(&package.out);
    egw_arena_free(&found.arena);
    return code;
}

/* ---- number ---- */

struct pending {
    struct egw_str event_id;
    bool seen;
};

static bool take_pending(void *user, const struct egw_item *item)
{
    struct pending *pending = user;
    const struct egw_support_event *event = item->value;

    if (item->type == &egw_type_support_event && egw_str_eq(event->event_id, pending->event_id))
        pending->seen = true;
    return !pending->seen;
}

static enum egw_status write_number(const struct egw_args *args, const struct found_case *found,
                                    struct egw_str event_id, struct egw_str number,
                                    struct egw_error *reterr)
{
    struct egw_arena arena = {0};
    struct egw_schemas schemas;
    struct egw_buf value = {0};
    struct timespec now;
    char operator_id[EGW_OPERATOR_ID];
    struct egw_str key =
        egw_arena_printf(&arena, "%.*s/%.*s", EGW_FMT(found->partner), EGW_FMT(found->customer));
    struct egw_support_event event = {
        .event_id = event_id,
        .event_type = EGW_STR("case-number"),
        .partner = found->partner,
        .customer = found->customer,
        .case_id = found->case_id,
        .number = number,
        .actor_role = EGW_STR("operator"),
        .source_system = EGW_STR("egw"),
    };
    enum egw_status st = egw_schemas_open(&args->settings, &schemas, reterr);

    if (st) {
        egw_arena_free(&arena);
        return st;
    }
    (void)clock_gettime(CLOCK_REALTIME, &now);
    event.occurred_at = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
    egw_operator_id(&args->settings, operator_id);
    if (!key.p)
        st = egw_error_set(reterr, EGW_NOMEM, "no memory for a key");
    if (!st)
        st = egw_encode_framed(&schemas.framing, &egw_type_support_event, &event, &value, reterr);
    if (!st)
        st = egw_kafka_transaction(&args->settings, operator_id,
                                   &(struct egw_kafka_write){.topic = args->settings.topics.inbox,
                                                             .partition = found->partition,
                                                             .key = key,
                                                             .value = egw_buf_str(&value)},
                                   1, reterr);
    egw_schemas_close(&schemas);
    egw_buf_free(&value);
    egw_arena_free(&arena);
    return st;
}

static enum egw_status enter_number(const struct egw_args *args, struct found_case *found,
                                    struct egw_str number, bool *ret_known,
                                    struct egw_error *reterr)
{
    struct pending pending = {
        .event_id = egw_arena_printf(&found->arena, "case-number/%.*s/%.*s/%.*s/%.*s",
                                     EGW_FMT(found->partner), EGW_FMT(found->customer),
                                     EGW_FMT(found->case_id), EGW_FMT(number))};
    enum egw_status st;

    *ret_known = egw_str_eq(found->number, number);
    if (*ret_known)
        return EGW_OK;
    if (!pending.event_id.p)
        return egw_error_set(reterr, EGW_NOMEM, "no memory for an event id");
    st = egw_read_all(&args->settings, args->settings.topics.inbox, found->partition, take_pending,
                      &pending, reterr);
    *ret_known = pending.seen;
    if (st || pending.seen)
        return st;
    return write_number(args, found, pending.event_id, number, reterr);
}

static bool is_number(struct egw_str number)
{
    for (size_t i = 0; i < number.n; i++)
        if (number.p[i] <= ' ' || number.p[i] > '~' || number.p[i] == '/')
            return false;
    return number.n > 0 && number.n <= NUMBER_MAX;
}

/* Of printable characters only. other: the number the case has had so far; empty: none. */
static void show_number(struct egw_str number, struct egw_str other, bool known, bool json)
{
    struct egw_buf line = {0};

    if (!json && known)
        (void)printf("number %.*s was entered before\n", EGW_FMT(number));
    else if (!json && other.n)
        (void)printf("number %.*s entered; the case has %.*s and keeps it: see the conflict among "
                     "its outcomes\n",
                     EGW_FMT(number), EGW_FMT(other));
    else if (!json)
        (void)printf("number %.*s entered\n", EGW_FMT(number));
    else if (!egw_buf_printf(&line, "{\"number\":") && !egw_json_string(number, &line) &&
             !egw_buf_printf(&line, ",\"known\":%s", known ? "true" : "false") &&
             (known || !other.n ||
              (!egw_buf_printf(&line, ",\"conflicts_with\":") && !egw_json_string(other, &line))))
        (void)printf("%.*s}\n", (int)line.n, (const char *)line.p);
    egw_buf_free(&line);
}

static int number(struct egw_args *args)
{
    struct found_case found = {.asked = egw_str_of(args->operands[1])};
    struct egw_str given = egw_str_of(args->operands[2]);
    struct egw_error err = {0};
    bool known = false;
    int code = EGW_EXIT_OK;
    enum egw_status st;

    if (!is_number(given))
        return egw_usage(args, "a number has 1 to %d characters, no spaces and no slash",
                         NUMBER_MAX);
    st = find_case(args, &found, &err);
    if (!st)
        st = enter_number(args, &found, given, &known, &err);
    if (st)
        code = egw_fail(&err);
    else
        show_number(given, found.number, known, egw_wants_json(args));
    egw_arena_free(&found.arena);
    return code;
}

/* ---- which ---- */

static int run(struct egw_args *args)
{
    static const struct {
        const char *verb;
        size_t operands;
        int (*run)(struct egw_args *args);
        const char *wants;
    } verbs[] = {
        {"list", 0, list, "nothing more"},
        {"show", 1, show, "a case"},
        {"number", 2, number, "a case and Microsoft's number"},
    };

    if (args->operand_count == 0)
        return egw_usage(args, "say list, show or number");
    for (size_t i = 0; i < EGW_COUNT(verbs); i++) {
        if (strcmp(args->operands[0], verbs[i].verb) != 0)
            continue;
        if (args->operand_count - 1 != verbs[i].operands)
            return egw_usage(args, "%s takes %s", verbs[i].verb, verbs[i].wants);
        return verbs[i].run(args);
    }
    return egw_usage(args, "cannot %s: say list, show or number", args->operands[0]);
}

static const struct egw_option options[] = {
    {'o', "output", "FORM", "form of the output", "text|json", false, NULL},
    {0, NULL, NULL, NULL, NULL, false, NULL},
};

const struct egw_command egw_cmd_handoff = {
    .name = "handoff",
    .operands = "list | show CASE | number CASE NUMBER",
    .summary = "cases a person files: what is open, what to file, numbers",
    .about = "A hand-off is a case Microsoft takes by a form only. list shows those without a "
             "number, the oldest first; show prints the package with the link to the form, title "
             "and description byte for byte; number enters the number Microsoft gave, which "
             "completes the hand-off. CASE is partner/customer/case, or the case alone where only "
             "one customer has it.",
    .exits = "0 done, 1 no such case or not handed off, 65 a record could not be read, 69 no "
             "broker or no topic, 78 settings",
    .options = options,
    .run = run,
};
