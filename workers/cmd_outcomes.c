/*
 * outcomes - what was decided, for a person or for a program
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli.h"
#include "decoder.h"
#include "egw/json.h"
#include "egw/lifecycle.h"
#include "egw/table.h"
#include "reading.h"
#include "show.h"

/* Outcomes held for sorting; past this they are sorted block by block. */
enum { HELD_BYTES = 256 << 20 };

struct filter {
    struct egw_str kase, customer, partner, channel, code;
    int32_t action; /* -1: any */
    int64_t since, until;
};

struct held {
    int64_t decided_at, offset;
    int32_t partition;
    struct egw_str value;
};

struct listing {
    const struct egw_settings *settings;
    struct filter filter;
    bool json, verbose, summary, themes;
    struct held *held;
    size_t held_count, held_cap, held_bytes;
    struct egw_decoder *decoder;
    struct egw_arena arena;
    struct egw_buf line;
    struct egw_table counts;
    uint64_t shown, unreadable;
    enum egw_status st;
    struct egw_error err;
};

/* ---- which outcomes ---- */

static bool wanted(struct egw_str asked, struct egw_str is)
{
    return !asked.p || egw_str_eq(asked, is);
}

static bool passes(const struct filter *filter, const struct egw_outcome *outcome)
{
    return (!filter->kase.p || egw_names_case(filter->kase, outcome)) &&
           wanted(filter->customer, outcome->customer) &&
           wanted(filter->partner, outcome->partner) && wanted(filter->channel, outcome->channel) &&
           wanted(filter->code, outcome->code) &&
           (filter->action < 0 || filter->action == outcome->action) &&
           outcome->decided_at >= filter->since && outcome->decided_at < filter->until;
}

/* "HANDOFF" or "NOT_ENTITLED/NOT_CSP" */
static int parse_action(const struct egw_args *args, const char *text, struct filter *filter)
{
    const char *slash = strchr(text, '/');
    struct egw_str name = {text, slash ? (size_t)(slash - text) : strlen(text)};

    filter->action = egw_action_of(name);
    if (filter->action < 0)
        return egw_usage(args, "there is no action %.*s", EGW_FMT(name));
    filter->code = slash ? egw_str_of(slash + 1) : EGW_STR_NONE;
    return EGW_EXIT_OK;
}

static int parse_filter(const struct egw_args *args, struct filter *filter)
{
    const char *action = egw_arg(args, "action");
    int code = EGW_EXIT_OK;

    *filter = (struct filter){
        .kase = egw_str_of(egw_arg(args, "case")),
        .customer = egw_str_of(egw_arg(args, "customer")),
        .partner = egw_str_of(egw_arg(args, "partner")),
        .channel = egw_str_of(egw_arg(args, "channel")),
        .action = -1,
        .since = INT64_MIN,
        .until = INT64_MAX,
    };
    if (action)
        code = parse_action(args, action, filter);
    if (!code)
        code = egw_arg_time(args, "since", &filter->since);
    if (!code)
        code = egw_arg_time(args, "until", &filter->until);
    return code;
}

/* ---- showing ---- */

static void show(struct listing *l, const struct egw_outcome *outcome)
{
    l->shown++;
    if (!l->json) {
        egw_show_outcome(outcome, l->verbose ? EGW_DETAIL_WHOLE : EGW_DETAIL_DESK, stdout);
        return;
    }
    egw_buf_clear(&l->line);
    l->st = egw_json_write(&egw_type_outcome, outcome, l->verbose ? EGW_JSON_FULL : EGW_JSON_LINE,
                           NULL, &l->line, &l->err);
    if (l->st)
        return;
    (void)fwrite(l->line.p, 1, l->line.n, stdout);
    (void)putchar('\n');
}

/* ---- counting ---- */

static void count(struct listing *l, const char *kind, struct egw_str name, struct egw_str code)
{
    struct egw_str key, was;
    uint64_t n = 0;

    egw_arena_reset(&l->arena);
    key = egw_arena_printf(&l->arena, "%s\n%.*s%s%.*s", kind, EGW_FMT(name), code.n ? "/" : "",
                           EGW_FMT(code));
    if (key.p && egw_table_get(&l->counts, key, &was))
        memcpy(&n, was.p, sizeof(n));
    n++;
    if (!key.p || egw_table_put(&l->counts, key, (struct egw_str){(const char *)&n, sizeof(n)}))
        l->st = egw_error_set(&l->err, EGW_NOMEM, "no memory for a summary");
}

static void count_outcome(struct listing *l, const struct egw_outcome *outcome)
{
    l->shown++;
    count(l, "action", egw_str_of(egw_action_name(outcome->action)), outcome->code);
    if (outcome->channel.n)
        count(l, "channel", outcome->channel, EGW_STR_NONE);
    if (outcome->customer.n)
        count(l, "customer", outcome->customer, EGW_STR_NONE);
}

/* A touch point is a contact about a case, however often its event came (S30). */
static bool is_touch_point(const struct egw_outcome *outcome)
{
    return outcome->trigger.kind == EGW_TRIGGER_KIND_EVENT && outcome->theme.n &&
           outcome->action != EGW_ACTION_DUPLICATE && outcome->action != EGW_ACTION_PASSED_ON;
}

/* What customers come with, and which of them: where a new service may be wanted (S31). */
static void count_theme(struct listing *l, const struct egw_outcome *outcome)
{
    struct egw_str at;

    if (!is_touch_point(outcome))
        return;
    l->shown++;
    count(l, "theme", outcome->theme, EGW_STR_NONE);
    count(l, "theme and customer", outcome->theme, outcome->customer);
    at = outcome->service.n ? outcome->service : EGW_STR("(no service)");
    count(l, "theme and service", outcome->theme, at);
}

struct total {
    struct egw_str kind, name;
    uint64_t n;
};

/* By kind, then the most frequent first. */
static int by_count(const void *a, const void *b)
{
    const struct total *x = a, *y = b;
    int c = egw_str_cmp(x->kind, y->kind);

    if (!c)
        c = (x->n < y->n) - (x->n > y->n);
    return c ? c : egw_str_cmp(x->name, y->name);
}

static struct total *totals_of(const struct egw_table *counts, size_t *ret_n)
{
    struct total *totals = calloc(counts->used + 1, sizeof(*totals));
    struct egw_table_item item;
    size_t at = 0, n = 0;

    while (totals && n < counts->used && egw_table_next(counts, &at, &item)) {
        const char *end = memchr(item.key.p, '\n', item.key.n);
        size_t kind = (size_t)(end - item.key.p);

        totals[n].kind = (struct egw_str){item.key.p, kind};
        totals[n].name = (struct egw_str){end + 1, item.key.n - kind - 1};
        memcpy(&totals[n++].n, item.value.p, sizeof(totals->n));
    }
    if (totals)
        qsort(totals, n, sizeof(*totals), by_count);
    *ret_n = n;
    return totals;
}

static void summary_text(const struct listing *l, const struct total *totals, size_t n)
{
    (void)printf("%" PRIu64 " %s\n", l->shown, l->themes ? "contacts" : "outcomes");
    for (size_t i = 0; i < n; i++) {
        if (i == 0 || !egw_str_eq(totals[i].kind, totals[i - 1].kind))
            (void)printf("\nby %.*s\n", EGW_FMT(totals[i].kind));
        (void)printf("  %8" PRIu64 "  ", totals[i].n);
        egw_put_safe(stdout, totals[i].name);
        (void)putchar('\n');
    }
}

/* {"outcomes":5,"action":{"HANDOFF":2,...},"channel":{...},"customer":{...}} */
static enum egw_status summary_json(const struct listing *l, const struct total *totals, size_t n,
                                    struct egw_buf *out)
{
    enum egw_status st =
        egw_buf_printf(out, "{\"%s\":%" PRIu64, l->themes ? "contacts" : "outcomes", l->shown);

    for (size_t i = 0; i < n && !st; i++) {
        bool first = i == 0 || !egw_str_eq(totals[i].kind, totals[i - 1].kind);

        if (first)
            st = egw_buf_printf(out, "%s,\"%.*s\":{", i ? "}" : "", EGW_FMT(totals[i].kind));
        if (!st && !first)
            st = egw_buf_put(out, ",", 1);
        if (!st)
            st = egw_json_string(totals[i].name, out);
        if (!st)
            st = egw_buf_printf(out, ":%" PRIu64, totals[i].n);
    }
    return st ? st : egw_buf_printf(out, "%s}\n", n ? "}" : "");
}

static void summarise(struct listing *l)
{
    size_t n = 0;
    struct total *totals = totals_of(&l->counts, &n);

    if (!totals) {
        l->st = egw_error_set(&l->err, EGW_NOMEM, "no memory for a summary");
        return;
    }
    egw_buf_clear(&l->line);
    if (!l->json)
        summary_text(l, totals, n);
    else if (summary_json(l, totals, n, &l->line))
        l->st = egw_error_set(&l->err, EGW_NOMEM, "no memory for a summary");
    else
        (void)fwrite(l->line.p, 1, l->line.n, stdout);
    free(totals);
}

/* ---- order across partitions ---- */

static int by_time(const void *a, const void *b)
{
    const struct held *x = a, *y = b;

    if (x->decided_at != y->decided_at)
        return x->decided_at < y->decided_at ? -1 : 1;
    if (x->partition != y->partition)
        return x->partition < y->partition ? -1 : 1;
    return (x->offset > y->offset) - (x->offset < y->offset);
}

static void show_held(struct listing *l)
{
    if (l->held_count)
        qsort(l->held, l->held_count, sizeof(*l->held), by_time);
    for (size_t i = 0; i < l->held_count; i++) {
        const struct egw_type *type = NULL;
        void *value = NULL;

        egw_arena_reset(&l->arena);
        if (!l->st)
            l->st =
                egw_decoder_read(l->decoder, l->held[i].value, &l->arena, &type, &value, &l->err);
        if (!l->st)
            show(l, value);
        free((void *)(uintptr_t)l->held[i].value.p);
    }
    l->held_count = 0;
    l->held_bytes = 0;
}

static enum egw_status hold(struct listing *l, const struct egw_item *item)
{
    const struct egw_outcome *outcome = item->value;
    char *copy;

    if (l->held_bytes + item->record.value.n > HELD_BYTES) {
        if (!l->json)
            (void)fputs("egw: more outcomes than can be sorted at once: sorted in blocks\n",
                        stderr);
        show_held(l);
    }
    if (!egw_grow(&l->held, sizeof(*l->held), l->held_count, &l->held_cap))
        return EGW_NOMEM;
    copy = malloc(item->record.value.n + 1);
    if (!copy)
        return EGW_NOMEM;
    memcpy(copy, item->record.value.p, item->record.value.n);
    l->held_bytes += item->record.value.n + sizeof(struct held);
    l->held[l->held_count++] = (struct held){.decided_at = outcome->decided_at,
                                             .offset = item->record.offset,
                                             .partition = item->record.partition,
                                             .value = {copy, item->record.value.n}};
    return EGW_OK;
}

/* ---- reading ---- */

static bool is_outcome(struct listing *l, const struct egw_item *item)
{
    struct egw_item fault;

    if (item->type == &egw_type_outcome)
        return true;
    fault = *item;
    if (item->type)
        (void)egw_error_set(&fault.why, EGW_INVALID, "the record is a %s", item->type->name);
    l->unreadable++;
    egw_item_complain(l->settings->topics.outcomes, &fault, stderr);
    return false;
}

static bool take(void *user, const struct egw_item *item)
{
    struct listing *l = user;

    if (!is_outcome(l, item) || !passes(&l->filter, item->value))
        return true;
    if (l->themes)
        count_theme(l, item->value);
    else if (l->summary)
        count_outcome(l, item->value);
    else if (hold(l, item))
        l->st = egw_error_set(&l->err, EGW_NOMEM, "no memory to sort the outcomes");
    return !l->st;
}

static enum egw_status list_all(struct listing *l)
{
    struct egw_error err;
    enum egw_status st;

    l->st = egw_decoder_new(l->settings, &l->decoder, &l->err);
    if (l->st)
        return l->st;
    st = egw_read_all(l->settings, l->settings->topics.outcomes, -1, take, l, &err);
    if (st && !l->st) {
        l->st = st;
        l->err = err;
    }
    if (!l->st && (l->summary || l->themes))
        summarise(l);
    else
        show_held(l); /* after a fault, too: it frees what is held */
    return l->st;
}

static enum egw_status follow(struct listing *l)
{
    struct egw_reading *reading = NULL;
    struct egw_item item;

    l->st = egw_reading_new(l->settings, l->settings->topics.outcomes, -1, EGW_LOG_BEGINNING,
                            &reading, &l->err);
    while (!l->st) {
        enum egw_status st = egw_reading_next(reading, &item, &l->err);

        if (st == EGW_NOT_FOUND || st == EGW_RETRY) {
            if (fflush(stdout))
                break; /* nobody reads any more */
            continue;
        }
        l->st = st;
        if (!st && is_outcome(l, &item) && passes(&l->filter, item.value))
            show(l, item.value);
    }
    egw_reading_free(reading);
    return l->st;
}

static int run(struct egw_args *args)
{
    struct listing l = {
        .settings = &args->settings,
        .json = egw_wants_json(args),
        .verbose = egw_arg(args, "verbose") != NULL,
        .summary = egw_arg(args, "summary") != NULL,
        .themes = egw_arg(args, "themes") != NULL,
    };
    bool follows = egw_arg(args, "follow") != NULL;
    int code = parse_filter(args, &l.filter);

    if (code)
        return code;
    if (follows && (l.summary || l.themes))
        return egw_usage(args, "--follow has no end to sum up at: leave out --%s",
                         l.summary ? "summary" : "themes");
    if (l.summary && l.themes)
        return egw_usage(args, "--summary and --themes are two questions: ask one");
    if (follows ? follow(&l) : list_all(&l))
        code = egw_fail(&l.err);
    else if (l.unreadable)
        code = EGW_EXIT_DATA;
    free(l.held);
    egw_table_free(&l.counts);
    egw_decoder_free(l.decoder);
    egw_arena_free(&l.arena);
    egw_buf_free(&l.line);
    return code;
}

static const struct egw_option options[] = {
    {'f', "follow", NULL, "go on: show outcomes as they come, in the order of arrival", NULL, false,
     NULL},
    {'o', "output", "FORM", "form of the output", "text|json", false, NULL},
    {'v', "verbose", NULL, "show facts, near misses, sources and where it came from", NULL, false,
     NULL},
    {0, "summary", NULL, "counts by action, channel and customer instead of outcomes", NULL, false,
     NULL},
    {0, "themes", NULL, "counts of contacts by theme, with customer and with service", NULL, false,
     NULL},
    {0, "case", "CASE", "only this case: partner/customer/case, or the case alone", NULL, false,
     NULL},
    {0, "customer", "NAME", "only this customer, by its canonical name", NULL, false, NULL},
    {0, "partner", "NAME", "only this partner", NULL, false, NULL},
    {0, "action", "ACTION[/CODE]", "only this action, as HANDOFF or BASELINE/REMEDY", NULL, false,
     NULL},
    {0, "channel", "NAME", "only what went to this channel", NULL, false, NULL},
    {0, "since", "TIME", "only what was decided at this time or later", NULL, false, NULL},
    {0, "until", "TIME", "only what was decided before this time", NULL, false, NULL},
    {0, NULL, NULL, NULL, NULL, false, NULL},
};

const struct egw_command egw_cmd_outcomes = {
    .name = "outcomes",
    .summary = "show what was decided and why",
    .about = "Reads the committed outcomes and shows them by the time they were decided, or with "
             "--follow as they come. Text is meant for a desk, JSON lines (-o json) for programs; "
             "JSON leaves out fields at their default unless -v is given.",
    .exits = "0 shown, 65 a record could not be read, 69 no broker or no topic, 78 settings",
    .options = options,
    .run = run,
};
