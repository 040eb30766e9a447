/* policy lint - what is wrong with the rules, found in their tables */
#include <inttypes.h>
#include <stdlib.h>

#include "activate.h"
#include "egw/json.h"
#include "egw/schema.h"
#include "lines.h"
#include "policy_verbs.h"

/* ---- what the verbs share ---- */

void egw_put_policy_hash(const unsigned char *bytes, FILE *to)
{
    char hex[2 * EGW_SHA256 + 1];

    egw_hex(bytes, EGW_SHA256, hex);
    (void)fputs(hex, to);
}

void egw_put_example(const struct egw_example *example, FILE *to)
{
    const struct egw_fact *fact = example->facts.p;

    for (size_t i = 0; i < example->telling; i++) {
        (void)fputs(i ? ", " : "", to);
        egw_put_safe(to, fact[i].name);
        (void)fputs(egw_str_is(fact[i].name, "recorded") ? " " : " = ", to);
        egw_put_safe(to, fact[i].value.n ? fact[i].value : EGW_STR("(none named)"));
    }
    if (!example->telling)
        (void)fputs("any event", to);
}

enum egw_status egw_json_example(const struct egw_example *example, struct egw_buf *out)
{
    const struct egw_fact *fact = example->facts.p;
    enum egw_status st = egw_buf_put(out, "{", 1);

    for (size_t i = 0; i < example->facts.n && !st; i++) {
        st = egw_buf_put(out, ",", i > 0);
        if (!st)
            st = egw_json_string(fact[i].name, out);
        if (!st)
            st = egw_buf_put(out, ":", 1);
        if (!st)
            st = egw_json_string(fact[i].value, out);
    }
    return st ? st : egw_buf_put(out, "}", 1);
}

static enum egw_status json_place(struct egw_str file, int line, struct egw_buf *out)
{
    enum egw_status st = egw_buf_printf(out, "\"file\":");

    if (!st)
        st = egw_json_string(file, out);
    return st ? st : egw_buf_printf(out, ",\"line\":%d", line);
}

enum egw_status egw_json_rule(const struct egw_rule_view *rule, struct egw_buf *out)
{
    enum egw_status st = egw_buf_put(out, ",", 1);

    if (!st)
        st = json_place(rule->file, rule->line, out);
    return st ? st : egw_json_text(out, "rule", rule->id);
}

/* ---- what is counted ---- */

struct census {
    size_t rules, channels;
    size_t assumptions, assumed_rules; /* of all that has a source; of these, rules */
    size_t by_stage[EGW_STAGE_COUNT];
};

static struct census count_rules(const struct egw_policy *policy)
{
    struct census census = {.rules = egw_policy_rule_count(policy),
                            .channels = egw_policy_channel_count(policy),
                            .assumptions = egw_policy_assumptions(policy)};

    for (size_t i = 0; i < census.rules; i++) {
        struct egw_rule_view rule = egw_policy_rule(policy, i);

        census.assumed_rules += egw_str_is(rule.source, EGW_ASSUMPTION);
        if (rule.stage >= 0 && rule.stage < EGW_STAGE_COUNT)
            census.by_stage[rule.stage]++;
    }
    return census;
}

/* ---- forms of the event that writers may still use ---- */

enum { FORMS_MAX = 16, FORM_NAME = 64, FIELDS_MAX = 256 };

struct forms {
    struct egw_lint_form list[FORMS_MAX];
    char names[FORMS_MAX][FORM_NAME];
    const char *lacks[FORMS_MAX][FIELDS_MAX + 1];
    size_t n;
};

static enum egw_status read_form(struct forms *forms, const char *json, struct egw_error *reterr)
{
    const struct egw_type *type = &egw_type_support_event;
    size_t at = forms->n, n = 0;

    for (size_t f = 0; f < type->field_count && n < FIELDS_MAX; f++) {
        bool has = false;
        enum egw_status st = egw_schema_has(egw_str_of(json), &type->fields[f], &has, reterr);

        if (st)
            return st;
        if (!has)
            forms->lacks[at][n++] = type->fields[f].name;
    }
    forms->lacks[at][n] = NULL;
    (void)snprintf(forms->names[at], FORM_NAME, "SupportEvent.%zu", at);
    forms->list[at] = (struct egw_lint_form){forms->names[at], forms->lacks[at]};
    forms->n++;
    return EGW_OK;
}

static enum egw_status read_forms(struct forms *forms, struct egw_error *reterr)
{
    enum egw_status st = EGW_OK;

    for (const struct egw_old_schema *old = egw_old_schemas; old->json && !st; old++) {
        if (old->type == &egw_type_support_event && forms->n < FORMS_MAX)
            st = read_form(forms, old->json, reterr);
    }
    return st;
}

/* ---- what is promised to customers ---- */

/* Statements that charge and name no price. They are facts, so only --facts shows them. */
static enum egw_status check_prices(const char *path, struct egw_faults *faults,
                                    struct egw_error *reterr)
{
    struct egw_arena arena = {0};
    struct egw_lines lines;
    struct egw_str line;
    enum egw_status st = egw_lines_open(&lines, path, reterr);

    if (st)
        return st;
    while (!(st = egw_lines_next(&lines, &line, reterr))) {
        struct egw_reference reference = {0};
        const struct egw_statement *statement;

        egw_arena_reset(&arena);
        st = egw_json_read(line, &egw_type_reference, &arena, &reference, reterr);
        if (st)
            break;
        statement = reference.body.p;
        if (reference.body.branch == EGW_REF_STATEMENT && statement->charge && !statement->price.n)
            egw_faults_add(faults, lines.name, lines.line,
                           "support for %.*s is charged and no price is named",
                           EGW_FMT(statement->customer));
    }
    if (st != EGW_NOT_FOUND)
        (void)egw_error_prefix(reterr, st, "%s:%d", lines.name, lines.line);
    egw_lines_close(&lines);
    egw_arena_free(&arena);
    return st == EGW_NOT_FOUND ? EGW_OK : st;
}

/* ---- the report ---- */

struct report {
    const struct egw_policy_folder *folder;
    struct census census;
    const struct egw_lint *lint;
    const struct egw_faults *prices;
    bool notes; /* to be shown, too */
};

static void show_example(const struct egw_policy *policy, const struct egw_example *example)
{
    if (!example->facts.n)
        return;
    (void)fputs("    for example: ", stdout);
    egw_put_example(example, stdout);
    if (example->decided_by != EGW_NO_RULE) {
        (void)fputs(" (decided by ", stdout);
        egw_put_safe(stdout, egw_policy_rule(policy, (size_t)example->decided_by).id);
        (void)putchar(')');
    }
    (void)putchar('\n');
}

static void show_finding(const struct egw_policy *policy, const struct egw_lint_finding *finding)
{
    egw_put_safe(stdout, finding->file);
    (void)printf(":%d: %s%s: %s \"", finding->line,
                 egw_lint_is_fault(finding->kind) ? "" : "note: ", egw_lint_names[finding->kind],
                 finding->what);
    egw_put_safe(stdout, finding->id);
    (void)fputs("\" ", stdout);
    egw_put_safe(stdout, finding->text);
    (void)putchar('\n');
    show_example(policy, &finding->example);
}

static void show_assumption(const struct report *r, size_t i)
{
    struct egw_assumption assumption = egw_policy_assumption(r->folder->policy, i);

    egw_put_safe(stdout, assumption.file);
    (void)printf(":%d: assumption: %s", assumption.line, assumption.what);
    if (assumption.id.n) {
        (void)putchar(' ');
        egw_put_safe(stdout, assumption.id);
    }
    (void)puts(" has no source but us");
    show_example(r->folder->policy, &r->lint->assumed[i]);
}

static void show_report(const struct report *r)
{
    const struct egw_lint_finding *findings = r->lint->findings.p;

    (void)fputs("policy ", stdout);
    egw_put_policy_hash(r->folder->manifest.b, stdout);
    (void)printf("\n%zu files, %zu channels, %zu rules; %zu assumption%s, %zu of them rules\n",
                 r->folder->files.n, r->census.channels, r->census.rules, r->census.assumptions,
                 r->census.assumptions == 1 ? "" : "s", r->census.assumed_rules);
    for (size_t i = 0; i < EGW_STAGE_COUNT; i++) {
        if (r->census.by_stage[i])
            (void)printf("  %-10s %zu\n", egw_stage_names[i], r->census.by_stage[i]);
    }
    for (size_t i = 0; r->notes && i < r->census.assumptions; i++)
        show_assumption(r, i);
    for (size_t i = 0; i < r->lint->findings.n; i++) {
        if (r->notes || egw_lint_is_fault(findings[i].kind))
            show_finding(r->folder->policy, &findings[i]);
    }
    egw_faults_print(r->prices, stdout);
    (void)printf("every stage covers every event; %zu notes on overlaps of rules",
                 r->lint->counts[EGW_LINT_OVERLAP]);
    if (r->notes && r->lint->listed < r->lint->counts[EGW_LINT_OVERLAP])
        (void)printf(" (the first %zu are listed)", r->lint->listed);
    (void)printf(", %zu on older forms of the event", r->lint->counts[EGW_LINT_FIELD]);
    if (r->lint->pairs_left)
        (void)printf(", and %zu pairs of rules were not looked at", r->lint->pairs_left);
    (void)putchar('\n');
}

/* The example and the rule that decides it; nothing where there is none. */
static enum egw_status json_shown(const struct egw_policy *policy,
                                  const struct egw_example *example, struct egw_buf *out)
{
    enum egw_status st = EGW_OK;

    if (example->facts.n)
        st = egw_buf_printf(out, ",\"example\":");
    if (!st && example->facts.n)
        st = egw_json_example(example, out);
    return !st && example->decided_by != EGW_NO_RULE
               ? egw_json_text(out, "decided_by",
                               egw_policy_rule(policy, (size_t)example->decided_by).id)
               : st;
}

static enum egw_status json_finding(const struct egw_policy *policy,
                                    const struct egw_lint_finding *finding, struct egw_buf *out)
{
    enum egw_status st =
        egw_buf_printf(out, "{\"kind\":\"%s\",\"fault\":%s,", egw_lint_names[finding->kind],
                       egw_lint_is_fault(finding->kind) ? "true" : "false");

    if (!st)
        st = json_place(finding->file, finding->line, out);
    if (!st)
        st = egw_json_text(out, finding->what, finding->id);
    if (!st)
        st = egw_buf_printf(out, ",\"text\":");
    if (!st)
        st = egw_json_string(finding->text, out);
    if (!st)
        st = json_shown(policy, &finding->example, out);
    return st ? st : egw_buf_put(out, "}", 1);
}

static enum egw_status json_assumption(const struct report *r, size_t i, struct egw_buf *out)
{
    struct egw_assumption assumption = egw_policy_assumption(r->folder->policy, i);
    enum egw_status st = egw_buf_printf(out, "%s{", i ? "," : "");

    if (!st)
        st = json_place(assumption.file, assumption.line, out);
    if (!st)
        st = egw_json_text(out, "what", egw_str_of(assumption.what));
    if (!st)
        st = egw_json_text(out, "id", assumption.id);
    if (!st)
        st = json_shown(r->folder->policy, &r->lint->assumed[i], out);
    return st ? st : egw_buf_put(out, "}", 1);
}

static enum egw_status json_report(const struct report *r, struct egw_buf *out)
{
    const struct egw_lint_finding *findings = r->lint->findings.p;
    char hex[2 * EGW_SHA256 + 1];
    const char *comma = "";
    enum egw_status st;

    egw_hex(r->folder->manifest.b, EGW_SHA256, hex);
    st = egw_buf_printf(out,
                        "{\"policy\":\"%s\",\"files\":%zu,\"channels\":%zu,\"rules\":%zu,"
                        "\"assumptions\":%zu,\"assumed_rules\":%zu,\"stages\":{",
                        hex, r->folder->files.n, r->census.channels, r->census.rules,
                        r->census.assumptions, r->census.assumed_rules);
    for (size_t i = 0; i < EGW_STAGE_COUNT && !st; i++) {
        if (!r->census.by_stage[i])
            continue;
        st = egw_buf_printf(out, "%s\"%s\":%zu", comma, egw_stage_names[i], r->census.by_stage[i]);
        comma = ",";
    }
    if (!st)
        st = egw_buf_printf(out, "},\"findings\":[");
    for (size_t i = 0; i < r->lint->findings.n && !st; i++) {
        st = egw_buf_put(out, ",", i > 0);
        if (!st)
            st = json_finding(r->folder->policy, &findings[i], out);
    }
    if (!st)
        st = egw_buf_printf(out, "],\"assumed\":[");
    for (size_t i = 0; i < r->census.assumptions && !st; i++)
        st = json_assumption(r, i, out);
    if (!st)
        st = egw_buf_printf(out, "],\"prices\":");
    if (!st)
        st = egw_put_fault_list(r->prices, out);
    return st ? st
              : egw_buf_printf(out, ",\"overlaps\":%zu,\"pairs_left\":%zu}\n",
                               r->lint->counts[EGW_LINT_OVERLAP], r->lint->pairs_left);
}

/* ---- the verb ---- */

static int verdict(const struct egw_args *args, const struct report *r)
{
    size_t faults = r->prices->total, notes = r->census.assumptions + r->lint->pairs_left;

    for (int kind = 0; kind < EGW_LINT_KINDS; kind++) {
        bool fault = egw_lint_is_fault((enum egw_lint_kind)kind);

        faults += fault ? r->lint->counts[kind] : 0;
        notes += fault ? 0 : r->lint->counts[kind];
    }
    return faults || (notes && egw_arg(args, "strict")) ? EGW_EXIT_NO : EGW_EXIT_OK;
}

static int lint_folder(const struct egw_args *args, const struct egw_policy_folder *folder)
{
    bool notes = egw_arg(args, "strict") || egw_arg(args, "verbose"), json = egw_wants_json(args);
    struct forms forms = {.n = 0};
    struct egw_faults prices = {0};
    struct egw_lint lint = {0};
    struct egw_buf out = {0};
    struct egw_error err = {0};
    struct report report = {folder, count_rules(folder->policy), &lint, &prices, notes};
    struct egw_lint_options options = {
        .overlaps = notes, .assumed = notes || json, .forms = forms.list};
    const char *facts = egw_arg(args, "facts");
    enum egw_status st = read_forms(&forms, &err);
    int code;

    options.form_count = forms.n;
    if (!st && facts)
        st = check_prices(facts, &prices, &err);
    if (!st && egw_policy_lint(folder->policy, &options, &lint))
        st = egw_error_set(&err, EGW_NOMEM, "no memory to look through the rules");
    if (!st && json && json_report(&report, &out))
        st = egw_error_set(&err, EGW_NOMEM, "no memory for the report");
    if (st) {
        code = egw_fail(&err);
    } else {
        if (json)
            (void)fwrite(out.p, 1, out.n, stdout);
        else
            show_report(&report);
        code = verdict(args, &report);
    }
    egw_lint_free(&lint);
    egw_faults_free(&prices);
    egw_buf_free(&out);
    return code;
}

int egw_policy_verb_lint(struct egw_args *args)
{
    const char *dir = args->operand_count > 1 ? args->operands[1] : args->settings.policy.dir;
    struct egw_policy_folder folder = {0};
    struct egw_faults faults = {0};
    struct egw_error err = {0};
    enum egw_status st;
    int code;

    st = egw_policy_folder_load(dir, args->settings.policy.catalogue, &folder, &faults, &err);
    if (st) {
        code = egw_fail_policy(args, &faults, &err);
    } else {
        code = lint_folder(args, &folder);
        egw_policy_folder_free(&folder);
    }
    egw_faults_free(&faults);
    return code;
}
