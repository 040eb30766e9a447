/*
 * reference - facts of the reference topic, by hand
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "cli.h"
#include "decoder.h"
#include "egw/facts.h"
#include "egw/json.h"
#include "egw/table.h"
#include "fact_writes.h"
#include "reading.h"
#include "reference_verbs.h"
#include "standing.h"

static enum egw_status write_all(const struct egw_args *args, const struct egw_kafka_write *writes,
                                 size_t n, struct egw_error *reterr)
{
    char operator_id[EGW_OPERATOR_ID];

    egw_operator_id(&args->settings, operator_id);
    return egw_topic_fault(egw_kafka_transaction(&args->settings, operator_id, writes, n, reterr),
                           reterr);
}

static void summarise(const struct egw_args *args, const char *what, size_t n)
{
    (void)printf(egw_wants_json(args) ? "{\"%s\":%zu}\n" : "%s %zu\n", what, n);
}

/* ---- put ---- */

enum { AHEAD_MS = 86400000 }; /* clocks and time zones may be off by as much */

struct put {
    struct egw_fact_writes writes;
    uint64_t refused;
    struct egw_arena lines; /* emptied line by line */
};

/* It is taken as it is: Microsoft may have a new word before we do. */
static void warn_of_odd_word(const struct egw_reference *reference, const struct egw_lines *lines)
{
    const char *field;
    struct egw_str word;

    if (!egw_reference_odd(reference, &field, &word))
        return;
    (void)fprintf(stderr, "%s:%d: note: %s.%s \"", lines->name, lines->line,
                  egw_reference_kinds[reference->body.branch], field);
    egw_put_safe(stderr, word);
    (void)fputs("\" is no word that decisions know: it counts as unknown\n", stderr);
}

static enum egw_status put_line(struct put *put, const struct egw_lines *lines, struct egw_str line,
                                struct egw_error *reterr)
{
    struct egw_reference reference = {0};
    enum egw_status st;

    egw_arena_reset(&put->lines);
    st = egw_json_read(line, &egw_type_reference, &put->lines, &reference, reterr);
    if (!st && reference.as_of > (int64_t)time(NULL) * 1000 + AHEAD_MS) /* it would never age */
        st = egw_error_set(reterr, EGW_INVALID, "as_of: lies more than a day ahead");
    if (!st)
        warn_of_odd_word(&reference, lines);
    return st ? st : egw_fact_writes_add(&put->writes, &reference, reterr);
}

static enum egw_status put_file(struct put *put, const char *path, struct egw_error *reterr)
{
    struct egw_lines lines;
    struct egw_str line;
    enum egw_status st = egw_lines_open(&lines, path, reterr);

    if (st)
        return st;
    while ((st = egw_lines_next(&lines, &line, reterr)) != EGW_NOT_FOUND) {
        if (!st)
            st = put_line(put, &lines, line, reterr);
        if (st && st != EGW_INVALID)
            break;
        if (st) {
            put->refused++;
            (void)fprintf(stderr, "%s:%d: ", lines.name, lines.line);
            egw_put_safe(stderr, egw_str_of(reterr->text));
            (void)fputc('\n', stderr);
        }
    }
    egw_lines_close(&lines);
    return st == EGW_NOT_FOUND ? EGW_OK : st;
}

static int put_all(struct egw_args *args)
{
    bool dry = egw_arg(args, "dry-run") != NULL;
    struct put put = {0};
    struct egw_error err = {0};
    enum egw_status st = egw_fact_writes_open(&args->settings, dry, &put.writes, &err);
    int code = EGW_EXIT_OK;

    for (size_t i = 1; i < args->operand_count && !st; i++)
        st = put_file(&put, args->operands[i], &err);
    if (!st && put.refused) {
        (void)fprintf(stderr, "egw: nothing was written: %" PRIu64 " of the lines %s no fact%s\n",
                      put.refused, put.refused == 1 ? "is" : "are", put.refused == 1 ? "" : "s");
        code = EGW_EXIT_DATA;
    } else if (!st) {
        st = egw_fact_writes_commit(&put.writes, &err);
    }
    if (st)
        code = egw_fail(&err);
    else if (!code)
        summarise(args, dry ? "valid" : "written", put.writes.n);
    egw_fact_writes_close(&put.writes);
    egw_arena_free(&put.lines);
    return code;
}

/* ---- delete ---- */

static int delete_keys(struct egw_args *args)
{
    struct egw_kafka_write writes[EGW_REPEATS_MAX];
    size_t n = args->operand_count - 1;
    struct egw_error err = {0};

    if (n > EGW_COUNT(writes))
        return egw_usage(args, "delete takes at most %d keys at once", EGW_REPEATS_MAX);
    for (size_t i = 0; i < n; i++) {
        if (!strchr(args->operands[i + 1], '/'))
            return egw_usage(args, "%s is no key: keys look like access/litware/adatum",
                             args->operands[i + 1]);
        writes[i] = (struct egw_kafka_write){.topic = args->settings.topics.reference,
                                             .key = egw_str_of(args->operands[i + 1]),
                                             .value = EGW_STR_NONE};
    }
    if (write_all(args, writes, n, &err))
        return egw_fail(&err);
    summarise(args, "deleted", n);
    return EGW_EXIT_OK;
}

/* ---- get, list ---- */

struct table {
    struct egw_table latest; /* key to framed value */
    struct egw_table wrong;  /* keys whose last record is no fact */
    struct egw_str prefix;   /* p == NULL: all */
    struct egw_str key;      /* p == NULL: all */
    const char *topic;
    bool no_memory;
};

static bool take_fact(void *user, const struct egw_item *item)
{
    struct table *table = user;
    struct egw_str key = item->record.key;

    if (table->key.p && !egw_str_eq(table->key, key))
        return true;
    if (table->prefix.p &&
        (key.n < table->prefix.n || memcmp(key.p, table->prefix.p, table->prefix.n) != 0))
        return true;
    (void)egw_table_remove(&table->wrong, key);
    if (!item->record.value.p) {
        (void)egw_table_remove(&table->latest, key);
    } else if (item->type != &egw_type_reference) {
        struct egw_item wrong = *item;

        if (item->type)
            (void)egw_error_set(&wrong.why, EGW_INVALID, "a %s has no place in this topic",
                                item->type->name);
        egw_item_complain(table->topic, &wrong, stderr);
        table->no_memory = egw_table_put(&table->wrong, key, EGW_STR("")) != EGW_OK;
    } else {
        table->no_memory = egw_table_put(&table->latest, key, item->record.value) != EGW_OK;
    }
    return !table->no_memory;
}

static int by_key(const void *a, const void *b)
{
    const struct egw_table_item *x = a, *y = b;

    return egw_str_cmp(x->key, y->key);
}

static struct egw_table_item *sorted(const struct egw_table *table, size_t *ret_n)
{
    struct egw_table_item *items = calloc(table->used + 1, sizeof(*items));
    size_t at = 0, n = 0;

    while (items && n < table->used && egw_table_next(table, &at, &items[n]))
        n++;
    if (items)
        qsort(items, n, sizeof(*items), by_key);
    *ret_n = n;
    return items;
}

static void show_fact(struct egw_str key, const struct egw_reference *reference,
                      struct egw_str json, bool text)
{
    char as_of[EGW_TIME_TEXT];

    if (text) {
        egw_time_format(reference->as_of, as_of);
        (void)printf("%s  ", as_of);
        egw_put_safe(stdout, key);
        (void)fputs("  from ", stdout);
        egw_put_safe(stdout, reference->source);
    } else {
        (void)fwrite(json.p, 1, json.n, stdout);
    }
    (void)putchar('\n');
}

static enum egw_status show_facts(const struct table *table, const struct egw_args *args,
                                  enum egw_json_style style, struct egw_error *reterr)
{
    const char *output = egw_arg(args, "output");
    bool text = output && strcmp(output, "text") == 0;
    struct egw_decoder *decoder = NULL;
    struct egw_arena arena = {0};
    struct egw_buf line = {0};
    size_t n = 0;
    struct egw_table_item *items = sorted(&table->latest, &n);
    enum egw_status st = egw_decoder_new(&args->settings, &decoder, reterr);

    if (!st && !items)
        st = egw_error_set(reterr, EGW_NOMEM, "no memory to sort the facts");
    for (size_t i = 0; i < n && !st; i++) {
        const struct egw_type *type = NULL;
        void *value = NULL;

        egw_arena_reset(&arena);
        egw_buf_clear(&line);
        st = egw_decoder_read(decoder, items[i].value, &arena, &type, &value, reterr);
        if (!st && !text)
            st = egw_json_write(type, value, style, NULL, &line, reterr);
        if (!st)
            show_fact(items[i].key, value, egw_buf_str(&line), text);
    }
    free(items);
    egw_decoder_free(decoder);
    egw_arena_free(&arena);
    egw_buf_free(&line);
    return st;
}

static enum egw_status read_facts(const struct egw_args *args, struct table *table,
                                  struct egw_error *reterr)
{
    enum egw_status st;

    table->topic = args->settings.topics.reference;
    st = egw_read_all(&args->settings, table->topic, 0, take_fact, table, reterr);
    if (!st && table->no_memory)
        st = egw_error_set(reterr, EGW_NOMEM, "no memory for the facts of %s", table->topic);
    return st;
}

/* The code, once all was shown that could be (st). */
static int end_table(struct table *table, enum egw_status st, const struct egw_error *err)
{
    int code = st ? egw_fail(err) : table->wrong.used ? EGW_EXIT_DATA : EGW_EXIT_OK;

    egw_table_free(&table->latest);
    egw_table_free(&table->wrong);
    return code;
}

static int get_fact(struct egw_args *args)
{
    struct table table = {.key = egw_str_of(args->operands[1])};
    struct egw_error err = {0};
    enum egw_status st = read_facts(args, &table, &err);

    if (!st && table.latest.used == 0 && table.wrong.used == 0)
        st = egw_error_set(&err, EGW_NOT_FOUND, "nobody supplied %s", args->operands[1]);
    if (!st)
        st = show_facts(&table, args, egw_arg(args, "output") ? EGW_JSON_LINE : EGW_JSON_PRETTY,
                        &err);
    return end_table(&table, st, &err);
}

static int check_kind(const struct egw_args *args, const char *kind, struct egw_arena *arena,
                      struct egw_str *ret_prefix)
{
    for (size_t i = 0; i < EGW_REF_COUNT; i++) {
        if (strcmp(kind, egw_reference_kinds[i]) != 0)
            continue;
        *ret_prefix = egw_arena_printf(arena, "%s/", kind);
        return EGW_EXIT_OK;
    }
    return egw_usage(args, "there is no kind of fact named %s", kind);
}

static int list_facts(struct egw_args *args)
{
    struct table table = {0};
    struct egw_arena arena = {0};
    struct egw_error err = {0};
    enum egw_status st;
    int code = EGW_EXIT_OK;

    if (args->operand_count > 1)
        code = check_kind(args, args->operands[1], &arena, &table.prefix);
    if (!code) {
        st = read_facts(args, &table, &err);
        if (!st)
            st = show_facts(&table, args, EGW_JSON_LINE, &err);
        code = end_table(&table, st, &err);
    }
    egw_arena_free(&arena);
    return code;
}

/* ---- which ---- */

static int run(struct egw_args *args)
{
    static const struct {
        const char *verb;
        size_t least, most; /* operands after it */
        int (*run)(struct egw_args *args);
        const char *wants;
    } verbs[] = {
        {"put", 1, SIZE_MAX, put_all, "a file of JSON lines, or -"},
        {"import", 1, SIZE_MAX, egw_reference_import, "files of exported JSON, or -"},
        {"get", 1, 1, get_fact, "a key"},
        {"list", 0, 1, list_facts, "at most one kind"},
        {"delete", 1, SIZE_MAX, delete_keys, "keys"},
        {"report", 0, 0, egw_reference_report, "nothing more"},
    };

    if (args->operand_count == 0)
        return egw_usage(args, "say put, import, get, list, delete or report");
    for (size_t i = 0; i < EGW_COUNT(verbs); i++) {
        if (strcmp(args->operands[0], verbs[i].verb) != 0)
            continue;
        if (args->operand_count - 1 < verbs[i].least || args->operand_count - 1 > verbs[i].most)
            return egw_usage(args, "%s takes %s", verbs[i].verb, verbs[i].wants);
        return verbs[i].run(args);
    }
    return egw_usage(args, "cannot %s: say put, import, get, list, delete or report",
                     args->operands[0]);
}

static const struct egw_option options[] = {
    {'o', "output", "FORM",
     "form of the output: JSON lines, which put reads (list's default), or one short line a fact; "
     "get without it: JSON over several lines",
     "text|json", false, NULL},
    {'n', "dry-run", NULL, "check all of it, write nothing", NULL, false, "put|import"},
    {'p', "partner", "NAME", "the partner whose customers and access these are", NULL, false,
     "import"},
    {0, "customer", "NAME", "the customer whose service health this is", NULL, false, "import"},
    {0, "as-of", "TIME", "when the API answered; else when the file was written", NULL, false,
     "import"},
    {0, "assigned", NULL, "believe in relationships whose assignments are not there", NULL, false,
     "import"},
    {0, "facts", "FILE", "what is on record, as list prints it; else the topic", NULL, false,
     "import|report"},
    {0, "now", "TIME", "judge as if it were this time", NULL, false, "report"},
    {0, NULL, NULL, NULL, NULL, false, NULL},
};

const struct egw_command egw_cmd_reference = {
    .name = "reference",
    .operands = "put FILE... | import FILE... | get KEY | list [KIND] | delete KEY... | report",
    .summary = "put, import, show and check facts: partners, access, plans, health",
    .about =
        "Facts are what decisions know of the world: each has a key, a source and the time the "
        "source vouched for. put reads JSON lines with the fields of schemas/Reference.avsc "
        "and writes all of them in one transaction, or none when a line is wrong. import does the "
        "same with JSON as Microsoft's APIs answer it: Partner Center's customers, Graph's "
        "delegatedAdminRelationships and accessAssignments, healthOverviews and issues, and the "
        "events of Azure Service Health; what is on "
        "record is kept where an export is silent. list prints lines that put reads. delete leaves "
        "\"nobody supplied it\", which is not \"no\". report names customers without a statement "
        "of support, access that ends within 30 days and facts too old to be believed.",
    .exits = "0 done, 1 nothing found or report found something, 65 a line is wrong, 69 no broker "
             "or no topic, 78 settings",
    .options = options,
    .run = run,
};
