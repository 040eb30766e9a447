/* reference import: exports of Microsoft's APIs become facts. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

#include "egw/import.h"
#include "egw/json.h"
#include "fact_writes.h"
#include "reference_verbs.h"

enum { EXPORT_MAX = 64 << 20 };

/* When the API answered: as told, else when the file was last written. */
static enum egw_status read_export(const char *path, struct egw_arena *arena,
                                   struct egw_import_file *ret, struct egw_error *reterr)
{
    struct egw_buf text = {.max = EXPORT_MAX};
    bool piped = strcmp(path, "-") == 0;
    FILE *f = piped ? stdin : fopen(path, "rbe");
    enum egw_status st = EGW_OK;
    struct timespec now;
    struct stat about;
    size_t n = 1;

    ret->name = piped ? "<stdin>" : path;
    if (!f)
        return egw_error_set(reterr, EGW_IO, "cannot open %s", path);
    (void)clock_gettime(CLOCK_REALTIME, &now);
    if (fstat(fileno(f), &about) == 0 && S_ISREG(about.st_mode))
        now = about.st_mtim;
    ret->as_of = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
    while (!st && n > 0) {
        st = egw_buf_reserve(&text, 65536);
        if (st)
            break;
        n = fread(text.p + text.n, 1, 65536, f);
        text.n += n;
    }
    if (st)
        (void)egw_error_set(reterr, st, "%s is larger than %d bytes", ret->name, EXPORT_MAX);
    else if (ferror(f))
        st = egw_error_set(reterr, EGW_IO, "cannot read %s", ret->name);
    else if (!egw_arena_str(arena, egw_buf_str(&text), &ret->content))
        st = egw_error_set(reterr, EGW_NOMEM, "no memory for %s", ret->name);
    if (!piped)
        (void)fclose(f);
    egw_buf_free(&text);
    return st;
}

static enum egw_status read_exports(const struct egw_args *args, struct egw_arena *arena,
                                    struct egw_import_file **ret, struct egw_error *reterr)
{
    size_t n = args->operand_count - 1;
    const char *as_of = egw_arg(args, "as-of");
    struct egw_import_file *files = egw_arena_alloc(arena, n * sizeof(*files));
    enum egw_status st = EGW_OK;

    if (!files)
        return egw_error_set(reterr, EGW_NOMEM, "no memory for %zu files", n);
    for (size_t i = 0; i < n && !st; i++) {
        st = read_export(args->operands[i + 1], arena, &files[i], reterr);
        if (!st && as_of && !egw_time_parse(egw_str_of(as_of), &files[i].as_of))
            st = egw_error_set(reterr, EGW_INVALID, "--as-of: %s is no time", as_of);
    }
    *ret = files;
    return st;
}

static enum egw_status add_all(struct egw_fact_writes *writes, const struct egw_imported *imported,
                               struct egw_error *reterr)
{
    const struct egw_reference *facts = imported->facts.p;
    enum egw_status st = EGW_OK;

    for (size_t i = 0; i < imported->facts.n && !st; i++)
        st = egw_fact_writes_add(writes, &facts[i], reterr);
    return st;
}

/* The lines `put` would read. */
static enum egw_status show_lines(const struct egw_imported *imported, struct egw_error *reterr)
{
    const struct egw_reference *facts = imported->facts.p;
    struct egw_buf line = {0};
    enum egw_status st = EGW_OK;

    for (size_t i = 0; i < imported->facts.n && !st; i++) {
        egw_buf_clear(&line);
        st = egw_json_write(&egw_type_reference, &facts[i], EGW_JSON_LINE, NULL, &line, reterr);
        if (!st) {
            (void)fwrite(line.p, 1, line.n, stdout);
            (void)putchar('\n');
        }
    }
    egw_buf_free(&line);
    return st;
}

static void show_counts(const struct egw_imported *imported, bool dry)
{
    const struct egw_reference *facts = imported->facts.p;
    size_t counts[EGW_REF_COUNT] = {0};

    for (size_t i = 0; i < imported->facts.n; i++)
        counts[facts[i].body.branch]++;
    for (size_t kind = 0; kind < EGW_REF_COUNT; kind++) {
        if (counts[kind])
            (void)printf("%s %zu\n", egw_reference_kinds[kind], counts[kind]);
    }
    (void)printf("%s %zu\n", dry ? "valid" : "written", imported->facts.n);
}

static int finish(const struct egw_args *args, const struct egw_imported *imported,
                  struct egw_error *err)
{
    const char *output = egw_arg(args, "output");
    const char *const *pages = imported->pages.p;
    bool dry = egw_arg(args, "dry-run") != NULL;
    struct egw_fact_writes writes = {0};
    enum egw_status st = egw_fact_writes_open(&args->settings, dry, &writes, err);

    for (size_t i = 0; i < imported->pages.n; i++)
        (void)fprintf(stderr, "%s: this is one page, and says that more follow\n", pages[i]);
    if (!st)
        st = add_all(&writes, imported, err);
    if (!st)
        st = egw_fact_writes_commit(&writes, err);
    if (!st && output && strcmp(output, "json") == 0)
        st = show_lines(imported, err);
    else if (!st)
        show_counts(imported, dry);
    egw_fact_writes_close(&writes);
    return st ? egw_fail(err) : EGW_EXIT_OK;
}

int egw_reference_import(struct egw_args *args)
{
    const char *partner = egw_arg(args, "partner"), *customer = egw_arg(args, "customer");
    struct egw_arena arena = {.max = (size_t)512 << 20};
    struct egw_imported imported = {0};
    struct egw_import_file *files = NULL;
    struct egw_faults faults = {0};
    struct egw_trial known = {0};
    struct egw_error err = {0};
    struct egw_import how;
    enum egw_status st;
    int code;

    if (!partner || !*partner)
        return egw_usage(args, "say whose export it is: --partner NAME");
    st = egw_trial_facts(&known, &err);
    if (!st)
        st = egw_reference_known(args, &known, &err);
    if (!st)
        st = read_exports(args, &arena, &files, &err);
    if (!st) {
        how = (struct egw_import){.partner = egw_str_of(partner),
                                  .customer = egw_str_of(customer ? customer : ""),
                                  .assigned = egw_arg(args, "assigned") != NULL,
                                  .known = known.facts};
        st = egw_import(files, args->operand_count - 1, &how, &arena, &imported, &faults);
        if (st == EGW_NOMEM)
            (void)egw_error_set(&err, st, "no memory for so many facts at once");
    }
    if (st == EGW_INVALID && faults.total) {
        egw_faults_print(&faults, stderr);
        (void)fprintf(stderr, "egw: nothing was written\n");
        code = EGW_EXIT_DATA;
    } else {
        code = st ? egw_fail(&err) : finish(args, &imported, &err);
    }
    egw_faults_free(&faults);
    egw_trial_free(&known);
    egw_arena_free(&arena);
    return code;
}
