/*
 * dead - records that could not be read: which, why, and once more
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "dead_verbs.h"
#include "egw/kafka.h"
#include "letter_json.h"

/* One transaction's worth. */
enum { WRITES_MAX = 1000, WRITES_BYTES = 16 << 20, TRANSACTIONAL_ID = 96 };

/* ---- which letters ---- */

static bool parse_id(struct egw_str text, struct egw_letter_id *ret)
{
    const char *slash = memchr(text.p, '/', text.n);
    size_t n = slash ? (size_t)(slash - text.p) : 0;
    int64_t partition;

    if (!slash || !egw_parse_i64((struct egw_str){text.p, n}, 0, INT32_MAX, &partition) ||
        !egw_parse_i64((struct egw_str){slash + 1, text.n - n - 1}, 0, INT64_MAX, &ret->offset))
        return false;
    ret->partition = (int32_t)partition;
    ret->found = false;
    return true;
}

static int parse_ids(struct egw_args *args, struct egw_letter_filter *filter)
{
    size_t n = args->operand_count - 1;

    filter->ids = calloc(n + 1, sizeof(*filter->ids));
    if (!filter->ids)
        return egw_fail(&(struct egw_error){EGW_NOMEM, "no memory for the letters named"});
    for (; filter->id_count < n; filter->id_count++) {
        const char *text = args->operands[1 + filter->id_count];

        if (!parse_id(egw_str_of(text), &filter->ids[filter->id_count]))
            return egw_usage(args, "a letter is PARTITION/OFFSET, as list shows it, not \"%.80s\"",
                             text);
    }
    return EGW_EXIT_OK;
}

static int parse_filter(struct egw_args *args, struct egw_letter_filter *ret)
{
    const char *class = egw_arg(args, "class");
    int code;

    *ret = (struct egw_letter_filter){
        .has_class = class != NULL,
        .class = egw_dead_class_of(egw_str_of(class)), /* unclassified: none of them */
        .topic = egw_str_of(egw_arg(args, "topic")),
        .key = egw_str_of(egw_arg(args, "key")),
        .since_ms = INT64_MIN,
        .until_ms = INT64_MAX,
    };
    if (class && ret->class == EGW_DEAD_CLASSES && strcmp(class, "unclassified") != 0)
        return egw_usage(args, "--class takes no-value, no-frame, unknown-schema, wrong-record, "
                               "decode-fault or unclassified");
    code = egw_arg_time(args, "since", &ret->since_ms);
    if (!code)
        code = egw_arg_time(args, "until", &ret->until_ms);
    return code ? code : parse_ids(args, ret);
}

/* A letter that was named must be there. */
static enum egw_status check_ids(const struct egw_letter_filter *filter, struct egw_error *reterr)
{
    for (size_t i = 0; i < filter->id_count; i++) {
        if (!filter->ids[i].found)
            return egw_error_set(reterr, EGW_NOT_FOUND,
                                 "there is no dead letter %" PRId32 "/%" PRId64,
                                 filter->ids[i].partition, filter->ids[i].offset);
    }
    return EGW_OK;
}

/* ---- list ---- */

static void put_line(const struct egw_letter *letter)
{
    char at[EGW_TIME_TEXT], id[40];

    egw_time_format(letter->dead_ms, at);
    (void)snprintf(id, sizeof(id), "%" PRId32 "/%" PRId64, letter->partition, letter->offset);
    (void)printf("%-10s  %s  %-14s  ", id, at, egw_letter_class(letter));
    egw_put_safe(stdout, letter->topic);
    (void)printf("/%" PRId32 "/%" PRId64 "  ", letter->partition, letter->from);
    egw_put_safe(stdout, letter->key.p ? letter->key : EGW_STR("-"));
    (void)fputs("  ", stdout);
    egw_put_safe(stdout, letter->reason);
    if (letter->fault)
        (void)printf("  (%s)", letter->fault);
    (void)putchar('\n');
}

static enum egw_status put_letter(const struct egw_letter *letter, bool json)
{
    struct egw_buf line = {0};
    enum egw_status st = EGW_OK;

    if (json) {
        st = egw_letter_head(&line, letter);
        if (!st)
            st = egw_buf_printf(&line, "}\n");
        if (!st)
            (void)fwrite(line.p, 1, line.n, stdout);
    } else {
        put_line(letter);
    }
    egw_buf_free(&line);
    return st;
}

/* "5 dead letters: 3 no-frame, 2 unknown-schema" */
static void put_counts(const struct egw_letters *letters, bool json)
{
    const char *between = json ? "" : ": ";

    (void)printf(json ? "{\"letters\":%zu,\"class\":{" : "%zu dead letters", letters->n);
    for (int class = 0; class <= EGW_DEAD_CLASSES; class ++) {
        const struct egw_letter one = {.class = (enum egw_dead_class) class};
        size_t n = 0;

        for (size_t i = 0; i < letters->n; i++)
            n += (int)letters->p[i].class == class;
        if (!n)
            continue;
        if (json)
            (void)printf("%s\"%s\":%zu", between, egw_letter_class(&one), n);
        else
            (void)printf("%s%zu %s", between, n, egw_letter_class(&one));
        between = json ? "," : ", ";
    }
    (void)puts(json ? "}}" : "");
}

static int list(struct egw_args *args, struct egw_letter_filter *filter)
{
    bool json = egw_wants_json(args), summary = egw_arg(args, "summary") != NULL;
    struct egw_letters letters;
    struct egw_error err = {0};
    enum egw_status st = egw_letters_read(&args->settings, filter, &letters, &err);

    for (size_t i = 0; !st && !summary && i < letters.n; i++) {
        st = put_letter(&letters.p[i], json);
        if (st)
            (void)egw_error_set(&err, st, "no memory for a line");
    }
    if (!st && (summary || !json))
        put_counts(&letters, json);
    egw_letters_free(&letters);
    return st ? egw_fail(&err) : EGW_EXIT_OK;
}

/* ---- show ---- */

static int show(struct egw_args *args, struct egw_letter_filter *filter)
{
    struct egw_letters letters;
    struct egw_error err = {0};
    enum egw_status st = egw_letters_read(&args->settings, filter, &letters, &err);
    int code;

    if (!st)
        st = check_ids(filter, &err);
    if (!st && !letters.n)
        st = egw_error_set(&err, EGW_NOT_FOUND, "the letter is not among those asked for");
    code = st ? egw_fail(&err) : egw_dead_show(args, &letters.p[0]);
    egw_letters_free(&letters);
    return code;
}

/* ---- retry ---- */

struct retry {
    struct egw_args *args;
    struct egw_str by;
    bool json, dry;
    struct egw_kafka_write *writes;
    struct egw_arena arena; /* headers */
    size_t first, n, bytes; /* of the transaction being filled */
    size_t sent, unfit;
};

static enum egw_status make_header(struct retry *r, const struct egw_letter *letter,
                                   struct egw_str *ret)
{
    const struct egw_retry retry = {.topic = letter->topic,
                                    .partition = letter->partition,
                                    .offset = letter->from,
                                    .letter = letter->offset,
                                    .by = r->by};
    struct egw_buf text = {0};
    enum egw_status st = egw_retry_write(&retry, false, &text);

    if (!st && !egw_arena_str(&r->arena, egw_buf_str(&text), ret))
        st = EGW_NOMEM;
    egw_buf_free(&text);
    return st;
}

static enum egw_status add_write(struct retry *r, const struct egw_letter *letter,
                                 struct egw_error *reterr)
{
    struct egw_kafka_write *write = &r->writes[r->n];

    *write = (struct egw_kafka_write){.topic = r->args->settings.topics.inbox,
                                      .partition = letter->partition,
                                      .key = letter->key,
                                      .value = letter->value};
    if (make_header(r, letter, &write->retry))
        return egw_error_set(reterr, EGW_NOMEM, "no memory for a header");
    r->n++;
    r->bytes += letter->value.n;
    return EGW_OK;
}

static enum egw_status commit(struct retry *r, struct egw_error *reterr)
{
    char id[TRANSACTIONAL_ID];
    enum egw_status st = EGW_OK;

    (void)snprintf(id, sizeof(id), "egw-replay-%.*s", EGW_FMT(r->by));
    if (r->n && !r->dry)
        st = egw_kafka_transaction(&r->args->settings, id, r->writes, r->n, reterr);
    if (!st)
        r->sent += r->n;
    r->n = 0;
    r->bytes = 0;
    egw_arena_reset(&r->arena);
    return st;
}

static void refuse(struct retry *r, const struct egw_letter *letter)
{
    r->unfit++;
    (void)fprintf(stderr, "egw: %s/%" PRId32 "/%" PRId64 ": %s\n",
                  r->args->settings.topics.dead_letters, letter->partition, letter->offset,
                  letter->fault);
}

/* What is told went: a transaction's letters are shown once it has committed. */
static enum egw_status send_and_tell(struct retry *r, const struct egw_letters *letters, size_t end,
                                     struct egw_error *reterr)
{
    enum egw_status st = commit(r, reterr);

    for (; !st && r->first < end; r->first++) {
        if (!letters->p[r->first].fault && put_letter(&letters->p[r->first], r->json))
            st = egw_error_set(reterr, EGW_NOMEM, "no memory for a line");
    }
    return st;
}

static enum egw_status send_all(struct retry *r, const struct egw_letters *letters,
                                struct egw_error *reterr)
{
    enum egw_status st = EGW_OK;

    r->writes = calloc(WRITES_MAX, sizeof(*r->writes));
    if (!r->writes)
        return egw_error_set(reterr, EGW_NOMEM, "no memory to retry");
    for (size_t i = 0; !st && i < letters->n; i++) {
        if (letters->p[i].fault) {
            refuse(r, &letters->p[i]);
            continue;
        }
        if (r->n == WRITES_MAX || r->bytes > WRITES_BYTES)
            st = send_and_tell(r, letters, i, reterr);
        if (!st)
            st = add_write(r, &letters->p[i], reterr);
    }
    return st ? st : send_and_tell(r, letters, letters->n, reterr);
}

static int retry_letters(struct retry *r, struct egw_letter_filter *filter)
{
    struct egw_letters letters;
    struct egw_error err = {0};
    enum egw_status st = egw_letters_read(&r->args->settings, filter, &letters, &err);
    int code = EGW_EXIT_OK;

    if (!st)
        st = check_ids(filter, &err);
    if (!st && !letters.n)
        st = egw_error_set(&err, EGW_NOT_FOUND, "no dead letter is asked for");
    if (!st)
        st = send_all(r, &letters, &err);
    if (!r->json && r->sent)
        (void)printf(r->dry ? "%zu would be retried by %.*s\n"
                            : "%zu retried by %.*s: egw dead show tells what came of each\n",
                     r->sent, EGW_FMT(r->by));
    if (st)
        code = egw_fail(&err);
    else if (r->unfit)
        code = EGW_EXIT_DATA;
    egw_letters_free(&letters);
    free(r->writes);
    egw_arena_free(&r->arena);
    return code;
}

static int retry(struct egw_args *args, struct egw_letter_filter *filter)
{
    bool all = egw_arg(args, "all") != NULL;
    struct retry r = {.args = args,
                      .by = egw_str_of(egw_arg_who(args)),
                      .json = egw_wants_json(args),
                      .dry = egw_arg(args, "dry-run") != NULL};

    if (!all && !filter->has_class && !filter->id_count)
        return egw_usage(args, "say which: letters as list shows them, --class or --all");
    if (filter->id_count && all)
        return egw_usage(args, "name letters or say --all, not both");
    if (!r.by.n)
        return egw_usage(args, "say with --by who retries");
    if (!egw_retry_by_valid(r.by))
        return egw_usage(args, "--by takes up to %d letters and signs without a space",
                         EGW_RETRY_BY_MAX);
    return retry_letters(&r, filter);
}

/* ---- which verb ---- */

static int run(struct egw_args *args)
{
    static const struct {
        const char *verb;
        size_t least, most; /* operands after it */
        int (*run)(struct egw_args *args, struct egw_letter_filter *filter);
        const char *takes;
    } verbs[] = {
        {"list", 0, 0, list, "options only"},
        {"show", 1, 1, show, "one letter"},
        {"retry", 0, SIZE_MAX, retry, ""},
    };

    for (size_t i = 0; args->operand_count && i < EGW_COUNT(verbs); i++) {
        size_t n = args->operand_count - 1;
        struct egw_letter_filter filter;
        int code;

        if (strcmp(args->operands[0], verbs[i].verb) != 0)
            continue;
        if (n < verbs[i].least || n > verbs[i].most)
            return egw_usage(args, "%s takes %s", verbs[i].verb, verbs[i].takes);
        code = parse_filter(args, &filter);
        if (!code)
            code = verbs[i].run(args, &filter);
        free(filter.ids);
        return code;
    }
    return egw_usage(args, "say list, show or retry");
}

static const struct egw_option options[] = {
    {0, "all", NULL, "every letter that the other options leave", NULL, false, "retry"},
    {0, "by", "NAME", "who does it, kept in the outcome; default: $USER, or who runs this", NULL,
     false, "retry"},
    {0, "class", "CLASS", "only letters of this class, as list shows it", NULL, false,
     "list|retry"},
    {'n', "dry-run", NULL, "show what would be retried, write nothing", NULL, false, "retry"},
    {0, "key", "KEY", "only this record key: partner/customer, or the customer alone", NULL, false,
     "list|retry"},
    {'o', "output", "FORM", "form of the output", "text|json", false, NULL},
    {0, "since", "TIME", "only letters set aside at this time or later", NULL, false, "list|retry"},
    {0, "summary", NULL, "counts by class only", NULL, false, "list"},
    {0, "topic", "NAME", "only records that lay in this topic", NULL, false, "list|retry"},
    {0, "until", "TIME", "only letters set aside before this time", NULL, false, "list|retry"},
    {0, NULL, NULL, NULL, NULL, false, NULL},
};

const struct egw_command egw_cmd_dead = {
    .name = "dead",
    .operands = "list | show LETTER | retry [LETTER...]",
    .summary = "records that could not be read: which, why, and once more",
    .about = "A record that cannot be read is set aside whole as a dead letter. list names each by "
             "PARTITION/OFFSET of its topic, with its class (no-value, no-frame, unknown-schema, "
             "wrong-record, decode-fault), where it lay and why. show prints its "
             "bytes, how far they can be read, how its writer's schema differs from ours, and what "
             "came of its retries. retry puts the same bytes under the same key into the inbox, in "
             "the order in which they came, and the outcome names the letter and who did it; an "
             "event that was decided before ends as DUPLICATE, one that still cannot be read stays "
             "the one letter it was.",
    .exits = "0 done, 1 no such letter, 65 a letter does not fit its own headers and was not "
             "retried, 69 no broker answered, 78 settings",
    .options = options,
    .run = run,
};
