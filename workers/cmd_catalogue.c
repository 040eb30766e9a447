/*
 * catalogue - what is known of errors: try it on a text, check it, count it
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "cli.h"
#include "egw/json.h"
#include "egw/policy_file.h"
#include "lines.h"

enum { EVERYTHING = 50 }; /* one line in so many: a spelling that says nothing */

static const char *const bases[] = {"doc", "selfhelp", "rule", "none"};

struct desk_catalogue {
    struct egw_policy_files files;
    struct egw_catalogue *catalogue;
    int64_t took_us; /* to compile */
};

/* ---- loading ---- */

static int64_t now_us(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static enum egw_status compile(struct desk_catalogue *d, struct egw_faults *faults)
{
    struct egw_catalogue_file *tables = calloc(d->files.n + 1, sizeof(*tables));
    int64_t began = now_us();
    size_t n = 0;
    enum egw_status st;

    if (!tables)
        return EGW_NOMEM;
    for (size_t i = 0; i < d->files.n; i++) {
        if (memchr(d->files.files[i].name.p, '/', d->files.files[i].name.n))
            tables[n++] =
                (struct egw_catalogue_file){d->files.files[i].name, d->files.files[i].content};
    }
    st = egw_catalogue_new(tables, n, &d->catalogue, faults);
    d->took_us = now_us() - began;
    free(tables);
    return st;
}

/* The exit code; 0: it is there. */
static int load(const struct egw_args *args, struct desk_catalogue *ret)
{
    const struct egw_settings *settings = &args->settings;
    struct egw_faults faults = {0};
    struct egw_error err = {0};
    int code = EGW_EXIT_OK;
    enum egw_status st =
        egw_policy_read(settings->policy.dir, settings->policy.catalogue, &ret->files, &err);

    if (st)
        return egw_fail(&err);
    st = compile(ret, &faults);
    if (st)
        code =
            egw_fail_policy(args, &faults, &(struct egw_error){st, "no memory for the catalogue"});
    egw_faults_free(&faults);
    return code;
}

static void unload(struct desk_catalogue *d)
{
    if (d->catalogue)
        egw_catalogue_free(d->catalogue);
    egw_policy_files_free(&d->files);
}

static void put_json(const char *name, struct egw_str text)
{
    struct egw_buf buf = {0};

    (void)printf("\"%s\":", name);
    if (egw_json_string(text, &buf) == EGW_OK)
        (void)fwrite(buf.p, 1, buf.n, stdout);
    else
        (void)fputs("null", stdout);
    egw_buf_free(&buf);
}

/* ---- match ---- */

struct matching {
    struct egw_str text;
    bool json, any;
    size_t hits; /* of this text */
};

/* Only these two bases, and only with a clear word on who resolves it, stop an escalation. */
static const char *effect_of(const struct egw_known_issue *issue)
{
    bool vouched = egw_str_is(issue->basis, "doc");

    if (issue->baseline == 1 && (vouched || egw_str_is(issue->basis, "selfhelp")))
        return "stops an escalation";
    return issue->baseline == 0 && vouched ? "escalates" : "is a hint";
}

static void put_hit(void *user, const struct egw_catalogue_hit *hit)
{
    struct matching *m = user;
    const struct egw_known_issue *issue = hit->issue;
    struct egw_str found = {m->text.p + hit->from, hit->to - hit->from};

    m->hits++;
    if (m->json) {
        (void)printf("{\"from\":%zu,\"to\":%zu,", hit->from, hit->to);
        put_json("found", found);
        (void)putchar(',');
        put_json("issue", issue->id);
        (void)putchar(',');
        put_json("service", issue->service);
        (void)putchar(',');
        put_json("basis", issue->basis);
        (void)printf(",\"effect\":\"%s\"}\n", effect_of(issue));
        return;
    }
    (void)printf("%5zu-%-5zu ", hit->from, hit->to);
    egw_put_safe(stdout, found);
    (void)fputs("  ", stdout);
    egw_put_safe(stdout, issue->id);
    (void)printf("  %.*s, basis %.*s: %s\n",
                 EGW_FMT(issue->service.n ? issue->service : EGW_STR("any service")),
                 EGW_FMT(issue->basis), effect_of(issue));
}

static void put_verdict(const struct egw_match *match, const struct matching *m)
{
    if (m->json) {
        (void)printf("{\"hits\":%zu,\"ambiguous\":%s,", m->hits,
                     match->ambiguous ? "true" : "false");
        put_json("issue", match->issue && !match->ambiguous ? match->issue->id : EGW_STR(""));
        (void)puts("}");
        return;
    }
    if (!match->issue) {
        (void)puts("nothing known");
    } else if (match->ambiguous) {
        (void)puts("ambiguous: several meanings, and the service does not settle it (--service)");
    } else {
        (void)fputs("settled: ", stdout);
        egw_put_safe(stdout, match->issue->id);
        if (match->issue->remedy.n) {
            (void)fputs(": ", stdout);
            egw_put_safe(stdout, match->issue->remedy);
        }
        (void)putchar('\n');
    }
}

static void match_text(const struct desk_catalogue *d, struct egw_str text, const char *service,
                       struct matching *m)
{
    struct egw_match match = egw_catalogue_match(d->catalogue, EGW_STR_NONE, text,
                                                 service ? egw_str_of(service) : EGW_STR(""));

    m->text = text;
    m->hits = 0;
    egw_catalogue_hits(d->catalogue, text, put_hit, m);
    put_verdict(&match, m);
    m->any = m->any || m->hits;
}

static enum egw_status each_line(const char *path, void (*take)(void *user, struct egw_str line),
                                 void *user, struct egw_error *reterr)
{
    struct egw_lines lines;
    struct egw_str line;
    enum egw_status st = egw_lines_open(&lines, path, reterr);

    if (st)
        return st;
    while (!(st = egw_lines_next(&lines, &line, reterr)))
        take(user, line);
    if (st != EGW_NOT_FOUND)
        (void)egw_error_prefix(reterr, st, "%s:%d", lines.name, lines.line);
    egw_lines_close(&lines);
    return st == EGW_NOT_FOUND ? EGW_OK : st;
}

struct match_lines {
    const struct desk_catalogue *d;
    const char *service;
    struct matching m;
};

static void match_line(void *user, struct egw_str line)
{
    struct match_lines *l = user;

    match_text(l->d, line, l->service, &l->m);
}

static int match(struct egw_args *args, const struct desk_catalogue *d)
{
    const char *what = args->operands[1];
    struct match_lines l = {
        .d = d, .service = egw_arg(args, "service"), .m = {.json = egw_wants_json(args)}};
    struct egw_error err = {0};

    if (strcmp(what, "-") != 0 && access(what, R_OK) != 0)
        match_text(d, egw_str_of(what), l.service, &l.m);
    else if (each_line(what, match_line, &l, &err))
        return egw_fail(&err);
    return l.m.any ? EGW_EXIT_OK : EGW_EXIT_NO;
}

/* ---- lint ---- */

struct linting {
    const struct desk_catalogue *d;
    bool json;
    size_t found, notes;
    size_t lines, *hits; /* by issue: lines it is named in */
    size_t *last;        /* by issue: the line it was last named in */
};

static void say(const struct linting *l, const struct egw_known_issue *issue, const char *sort,
                const char *kind, const char *text)
{
    if (l->json) {
        (void)printf("{\"%s\":\"%s\",", sort, kind);
        put_json("issue", issue->id);
        (void)putchar(',');
        put_json("code", issue->code);
        (void)putchar(',');
        put_json("text", egw_str_of(text));
        (void)puts("}");
        return;
    }
    (void)printf("%-10s ", kind);
    egw_put_safe(stdout, issue->id);
    (void)putchar(' ');
    egw_put_safe(stdout, issue->code);
    (void)printf(": %s\n", text);
}

static void finding(struct linting *l, const struct egw_known_issue *issue, const char *kind,
                    const char *text)
{
    l->found++;
    say(l, issue, "finding", kind, text);
}

/* As it should be, but the desk may want to know. */
static void remark(struct linting *l, const struct egw_known_issue *issue, const char *kind,
                   const char *text)
{
    l->notes++;
    say(l, issue, "note", kind, text);
}

/* Two entries that no service tells apart: one too many where they say the same. A code that has
 * several meanings is no fault of the tables: a match says that it is ambiguous. */
static void lint_pair(struct linting *l, const struct egw_known_issue *issue,
                      const struct egw_known_issue *other)
{
    char text[160];
    bool same = egw_str_eq(issue->remedy, other->remedy);

    if (!egw_str_eq(issue->code, other->code) || !egw_str_eq(issue->service, other->service) ||
        !issue->remedy.n || !other->remedy.n)
        return;
    (void)snprintf(text, sizeof(text), "%.*s has the same code and service, and %s remedy",
                   (int)(other->id.n > 64 ? 64 : other->id.n), other->id.p,
                   same ? "the same" : "another");
    if (same)
        finding(l, issue, "double", text);
    else
        remark(l, issue, "meanings", text);
}

static void lint_issue(struct linting *l, size_t at)
{
    const struct egw_catalogue *catalogue = l->d->catalogue;
    const struct egw_known_issue *issue = egw_catalogue_issue(catalogue, at);
    bool vouched = egw_str_is(issue->basis, "doc") || egw_str_is(issue->basis, "selfhelp");
    char text[160];

    if (vouched && !issue->url.n)
        finding(l, issue, "source", "its basis is a source, and it names none");
    if (vouched && issue->baseline == 1 && !issue->remedy.n)
        finding(l, issue, "remedy", "it stops an escalation and tells the desk nothing");
    for (size_t i = 0; i < at; i++)
        lint_pair(l, issue, egw_catalogue_issue(catalogue, i));
    if (l->hits && l->hits[at] * EVERYTHING > l->lines && l->hits[at] > 1) {
        (void)snprintf(text, sizeof(text), "it is named in %zu of %zu lines: it tells nothing",
                       l->hits[at], l->lines);
        finding(l, issue, "everything", text);
    }
}

static void count_hit(void *user, const struct egw_catalogue_hit *hit)
{
    struct linting *l = user;
    size_t at = (size_t)(hit->issue - egw_catalogue_issue(l->d->catalogue, 0));

    l->hits[at] += l->last[at] != l->lines;
    l->last[at] = l->lines;
}

static void count_line(void *user, struct egw_str line)
{
    struct linting *l = user;

    l->lines++;
    egw_catalogue_hits(l->d->catalogue, line, count_hit, l);
}

static int lint(struct egw_args *args, const struct desk_catalogue *d)
{
    const char *against = egw_arg(args, "against");
    struct linting l = {.d = d, .json = egw_wants_json(args)};
    size_t n = egw_catalogue_count(d->catalogue);
    struct egw_error err = {0};
    enum egw_status st = EGW_OK;

    if (against) {
        l.hits = calloc(n + 1, sizeof(*l.hits));
        l.last = calloc(n + 1, sizeof(*l.last));
        st = l.hits && l.last ? each_line(against, count_line, &l, &err)
                              : egw_error_set(&err, EGW_NOMEM, "no memory to count");
    }
    for (size_t i = 0; i < n && !st; i++)
        lint_issue(&l, i);
    free(l.hits);
    free(l.last);
    if (st)
        return egw_fail(&err);
    (void)printf(l.json ? "{\"entries\":%zu,\"findings\":%zu,\"notes\":%zu}\n"
                        : "%zu entries, %zu findings, %zu notes\n",
                 n, l.found, l.notes);
    return l.found ? EGW_EXIT_NO : EGW_EXIT_OK;
}

/* ---- stats ---- */

struct service_count {
    struct egw_str service;
    size_t n[EGW_COUNT(bases)];
};

static size_t basis_of(const struct egw_known_issue *issue)
{
    size_t b = 0;

    while (b + 1 < EGW_COUNT(bases) && !egw_str_is(issue->basis, bases[b]))
        b++;
    return b;
}

static int by_service(const void *a, const void *b)
{
    return egw_str_cmp(((const struct service_count *)a)->service,
                       ((const struct service_count *)b)->service);
}

static size_t count_services(const struct egw_catalogue *catalogue, struct service_count *counts)
{
    size_t n = 0;

    for (size_t i = 0; i < egw_catalogue_count(catalogue); i++) {
        const struct egw_known_issue *issue = egw_catalogue_issue(catalogue, i);
        size_t s = 0;

        while (s < n && !egw_str_eq(counts[s].service, issue->service))
            s++;
        if (s == n)
            counts[n++] = (struct service_count){.service = issue->service};
        counts[s].n[basis_of(issue)]++;
    }
    qsort(counts, n, sizeof(*counts), by_service);
    return n;
}

static void put_counts(const struct service_count *count, bool json)
{
    struct egw_str name = count->service.n ? count->service : EGW_STR("any");

    if (json) {
        (void)putchar('{');
        put_json("service", name);
    } else {
        (void)printf("%-24.*s", EGW_FMT(name));
    }
    for (size_t b = 0; b < EGW_COUNT(bases); b++)
        (void)printf(json ? ",\"%s\":%zu" : " %8s %5zu", bases[b], count->n[b]);
    (void)puts(json ? "}" : "");
}

static int stats(struct egw_args *args, const struct desk_catalogue *d)
{
    bool json = egw_wants_json(args);
    size_t entries = egw_catalogue_count(d->catalogue), n;
    struct service_count *counts = calloc(entries + 1, sizeof(*counts));

    if (!counts)
        return egw_fail(&(struct egw_error){EGW_NOMEM, "no memory to count"});
    n = count_services(d->catalogue, counts);
    for (size_t i = 0; i < n; i++)
        put_counts(&counts[i], json);
    (void)printf(json ? "{\"entries\":%zu,\"spellings\":%zu,\"compile_us\":%" PRId64 "}\n"
                      : "%zu entries, %zu spellings, compiled in %" PRId64 " us\n",
                 entries, egw_catalogue_spellings(d->catalogue), d->took_us);
    free(counts);
    return EGW_EXIT_OK;
}

/* ---- which ---- */

static int run(struct egw_args *args)
{
    static const struct {
        const char *verb;
        size_t operands; /* after it */
        const char *takes;
        int (*run)(struct egw_args *args, const struct desk_catalogue *d);
    } verbs[] = {
        {"match", 1, "one text, a file or -", match},
        {"lint", 0, "nothing more", lint},
        {"stats", 0, "nothing more", stats},
    };
    struct desk_catalogue d = {.catalogue = NULL};
    int code;

    for (size_t i = 0; args->operand_count && i < EGW_COUNT(verbs); i++) {
        if (strcmp(args->operands[0], verbs[i].verb) != 0)
            continue;
        if (args->operand_count - 1 != verbs[i].operands)
            return egw_usage(args, "%s takes %s", verbs[i].verb, verbs[i].takes);
        code = load(args, &d);
        if (!code)
            code = verbs[i].run(args, &d);
        unload(&d);
        return code;
    }
    return egw_usage(args, "say match, lint or stats");
}

static const struct egw_option options[] = {
    {0, "service", "SERVICE", "the product concerned, by the policy's id", NULL, false, "match"},
    {0, "against", "FILE", "ordinary texts, one a line, that should name little", NULL, false,
     "lint"},
    {'o', "output", "FORM", "form of the output", "text|json", false, NULL},
    {0, NULL, NULL, NULL, NULL, false, NULL},
};

const struct egw_command egw_cmd_catalogue = {
    .name = "catalogue",
    .operands = "match TEXT | match FILE | lint | stats",
    .summary = "try the known errors on a text, check them, count them",
    .about = "The tables are those of policy.catalogue, compiled as a worker does. match shows "
             "every entry a text names, where, on what basis and to what effect, and which one "
             "counts; a file is taken line by line. A code with several meanings is ambiguous "
             "until --service says the product. lint finds entries without a source or a remedy "
             "where they claim one, entries that say what another says, and with --against "
             "spellings that ordinary texts are full of; codes with several meanings that no "
             "service tells apart are noted. stats counts by service and basis.",
    .exits = "0 known or clean, 1 nothing known or findings, 78 a table is wrong",
    .options = options,
    .run = run,
};
