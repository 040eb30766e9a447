/* policy diff - which events another policy decides otherwise: of a folder, or out of the log */
#include <inttypes.h>
#include <unistd.h>

#include "activate.h"
#include "activations.h"
#include "egw/json.h"
#include "egw/policy_diff.h"
#include "policies.h"
#include "policy_verbs.h"

static const char *const sides[] = {"old", "new"};

struct pair {
    struct egw_policy_folder folders[2];
    const char *dirs[2];
    char names[2][40]; /* of activations */
};

static struct egw_rule_view rule_of(const struct pair *pair, const struct egw_policy_move *move,
                                    size_t side)
{
    return egw_policy_rule(pair->folders[side].policy, side ? move->new_rule : move->old_rule);
}

/* "HANDOFF to advanced" */
static void put_answer(const struct egw_rule_view *rule)
{
    (void)fputs(egw_action_names[rule->action], stdout);
    if (rule->code.n) {
        (void)putchar('/');
        egw_put_safe(stdout, rule->code);
    }
    if (rule->channel.n) {
        (void)printf("%s to ", egw_str_is(rule->mode, "api") ? " by API" : "");
        egw_put_safe(stdout, rule->channel);
    }
}

static void put_rule(const struct pair *pair, const struct egw_policy_move *move, size_t side)
{
    struct egw_rule_view rule = rule_of(pair, move, side);

    put_answer(&rule);
    (void)fputs(" by ", stdout);
    egw_put_safe(stdout, rule.id);
    (void)printf(" (%s/", pair->dirs[side]);
    egw_put_safe(stdout, rule.file);
    (void)printf(":%d)", rule.line);
}

static void show_move(const struct pair *pair, const struct egw_policy_move *move)
{
    put_rule(pair, move, 0);
    (void)fputs(move->same_answer ? "\n  stays so by another rule or in other words: "
                                  : "\n  becomes ",
                stdout);
    put_rule(pair, move, 1);
    (void)fputs("\n  for example: ", stdout);
    egw_put_example(&move->example, stdout);
    (void)putchar('\n');
}

/* ---- known errors, of which the rules see the effect only ---- */

static bool same_issue(const struct egw_known_issue *a, const struct egw_known_issue *b)
{
    return egw_str_eq(a->code, b->code) && egw_str_eq(a->aliases, b->aliases) &&
           egw_str_eq(a->match, b->match) && egw_str_eq(a->service, b->service) &&
           egw_str_eq(a->remedy, b->remedy) && egw_str_eq(a->basis, b->basis) &&
           a->baseline == b->baseline;
}

static bool add_issue(struct egw_policy_diff *diff, const struct egw_known_issue *issue,
                      const char *how)
{
    struct egw_policy_definition *to = egw_list_push(&diff->arena, &diff->definitions, sizeof(*to));

    if (!to)
        return false;
    to->part = "catalogue";
    to->text = egw_arena_printf(&diff->arena, "known error %.*s (%.*s%s%.*s) is %s",
                                EGW_FMT(issue->id), EGW_FMT(issue->code),
                                issue->service.n ? ", " : "", EGW_FMT(issue->service), how);
    return to->text.p != NULL;
}

/* False: no memory. */
static bool compare_catalogues(const struct pair *pair, struct egw_policy_diff *diff)
{
    bool ok = true;

    for (size_t side = 0; side < 2; side++) {
        const struct egw_catalogue *own = egw_policy_catalogue(pair->folders[side].policy);
        const struct egw_catalogue *other = egw_policy_catalogue(pair->folders[!side].policy);

        for (size_t i = 0; ok && own && i < egw_catalogue_count(own); i++) {
            const struct egw_known_issue *issue = egw_catalogue_issue(own, i);
            const struct egw_known_issue *there =
                other ? egw_catalogue_find(other, issue->id) : NULL;

            if (!there)
                ok = add_issue(diff, issue, side ? "new" : "gone");
            else if (side && !same_issue(issue, there))
                ok = add_issue(diff, issue, "told otherwise");
        }
    }
    return ok;
}

static void show_diff(const struct pair *pair, const struct egw_policy_diff *diff)
{
    const struct egw_policy_move *moves = diff->moves.p;
    const struct egw_policy_definition *definitions = diff->definitions.p;
    size_t others = 0;

    for (size_t i = 0; i < diff->moves.n; i++) {
        show_move(pair, &moves[i]);
        others += !moves[i].same_answer;
    }
    for (size_t i = 0; i < diff->definitions.n; i++) {
        egw_put_safe(stdout, definitions[i].text);
        if (definitions[i].example.facts.n) {
            (void)fputs("\n  for example: ", stdout);
            egw_put_example(&definitions[i].example, stdout);
        }
        (void)putchar('\n');
    }
    (void)printf(
        "%zu kind%s of events get another answer, %zu the same by another rule or in other "
        "words; %zu definition%s differ%s\n",
        others, others == 1 ? "" : "s", diff->moves.n - others, diff->definitions.n,
        diff->definitions.n == 1 ? "" : "s", diff->definitions.n == 1 ? "s" : "");
    if (diff->unsure)
        (void)printf("%zu pairs of rules could not be compared: there may be more\n", diff->unsure);
}

/* ---- json ---- */

static enum egw_status json_side(const struct pair *pair, const struct egw_policy_move *move,
                                 size_t side, struct egw_buf *out)
{
    struct egw_rule_view rule = rule_of(pair, move, side);
    enum egw_status st = egw_buf_printf(out, ",\"%s\":{\"action\":\"%s\"", sides[side],
                                        egw_action_names[rule.action]);
    const struct {
        const char *name;
        struct egw_str text;
    } parts[] = {{"code", rule.code}, {"channel", rule.channel}, {"mode", rule.mode}};

    for (size_t i = 0; i < EGW_COUNT(parts) && !st; i++)
        st = egw_json_text(out, parts[i].name, parts[i].text);
    if (!st)
        st = egw_json_rule(&rule, out);
    return st ? st : egw_buf_put(out, "}", 1);
}

static enum egw_status json_move(const struct pair *pair, const struct egw_policy_move *move,
                                 struct egw_buf *out)
{
    enum egw_status st =
        egw_buf_printf(out, "{\"same_answer\":%s", move->same_answer ? "true" : "false");

    for (size_t side = 0; side < 2 && !st; side++)
        st = json_side(pair, move, side, out);
    if (!st)
        st = egw_buf_printf(out, ",\"example\":");
    if (!st)
        st = egw_json_example(&move->example, out);
    return st ? st : egw_buf_put(out, "}", 1);
}

static enum egw_status json_diff(const struct pair *pair, const struct egw_policy_diff *diff,
                                 struct egw_buf *out)
{
    const struct egw_policy_move *moves = diff->moves.p;
    const struct egw_policy_definition *definitions = diff->definitions.p;
    enum egw_status st = egw_buf_printf(out, "{");

    for (size_t side = 0; side < 2 && !st; side++) {
        char hex[2 * EGW_SHA256 + 1];

        egw_hex(pair->folders[side].manifest.b, EGW_SHA256, hex);
        st = egw_buf_printf(out, "\"%s\":\"%s\",", sides[side], hex);
    }
    if (!st)
        st = egw_buf_printf(out, "\"moves\":[");
    for (size_t i = 0; i < diff->moves.n && !st; i++) {
        st = egw_buf_put(out, ",", i > 0);
        if (!st)
            st = json_move(pair, &moves[i], out);
    }
    if (!st)
        st = egw_buf_printf(out, "],\"definitions\":[");
    for (size_t i = 0; i < diff->definitions.n && !st; i++) {
        st = egw_buf_put(out, ",", i > 0);
        if (!st)
            st = egw_buf_printf(out, "{\"part\":\"%s\"", definitions[i].part);
        if (!st)
            st = egw_json_text(out, "text", definitions[i].text);
        if (!st && definitions[i].example.facts.n) {
            st = egw_buf_printf(out, ",\"example\":");
            if (!st)
                st = egw_json_example(&definitions[i].example, out);
        }
        if (!st)
            st = egw_buf_put(out, "}", 1);
    }
    return st ? st : egw_buf_printf(out, "],\"unsure\":%zu}\n", diff->unsure);
}

/* ---- the verb ---- */

static int compare(const struct egw_args *args, const struct pair *pair)
{
    struct egw_policy_diff diff = {0};
    struct egw_buf out = {0};
    struct egw_error err = {0};
    bool json = egw_wants_json(args);
    int code;

    if (egw_policy_diff(pair->folders[0].policy, pair->folders[1].policy, &diff) ||
        !compare_catalogues(pair, &diff) || (json && json_diff(pair, &diff, &out))) {
        (void)egw_error_set(&err, EGW_NOMEM, "no memory to compare the rules");
        code = egw_fail(&err);
    } else {
        if (json)
            (void)fwrite(out.p, 1, out.n, stdout);
        else
            show_diff(pair, &diff);
        code = diff.moves.n || diff.definitions.n || diff.unsure ? EGW_EXIT_NO : EGW_EXIT_OK;
    }
    egw_policy_diff_free(&diff);
    egw_buf_free(&out);
    return code;
}

/* ---- one side ---- */

/* A number that names no folder is an activation's: its policy is in the log. */
static bool is_activation(const char *word, int64_t *ret)
{
    return access(word, F_OK) != 0 && egw_parse_i64(egw_str_of(word), 1, INT64_MAX, ret);
}

static enum egw_status load_activation(const struct egw_settings *settings, int64_t number,
                                       struct egw_policy_folder *ret, struct egw_error *reterr)
{
    struct egw_policies *policies = NULL;
    enum egw_status st = egw_activation_policy(settings, number, &ret->manifest, reterr);

    if (!st)
        st = egw_policies_read(settings, &policies, reterr);
    if (!st)
        st = egw_policies_compile(policies, ret->manifest.b, &ret->policy, reterr);
    egw_policies_free(policies);
    return st;
}

static enum egw_status load(const struct egw_args *args, struct pair *pair, size_t side,
                            struct egw_faults *faults, struct egw_error *reterr)
{
    const char *word = args->operands[1 + side];
    int64_t number;

    pair->dirs[side] = word;
    if (!is_activation(word, &number))
        return egw_policy_folder_load(word, args->settings.policy.catalogue, &pair->folders[side],
                                      faults, reterr);
    (void)snprintf(pair->names[side], sizeof(pair->names[side]), "activation %" PRId64, number);
    pair->dirs[side] = pair->names[side];
    return load_activation(&args->settings, number, &pair->folders[side], reterr);
}

int egw_policy_verb_diff(struct egw_args *args)
{
    struct pair pair = {.dirs = {NULL, NULL}};
    struct egw_faults faults = {0};
    struct egw_error err = {0};
    enum egw_status st = EGW_OK;
    int code;

    for (size_t side = 0; side < 2 && !st; side++)
        st = load(args, &pair, side, &faults, &err);
    if (st)
        code = egw_fail_policy(args, &faults, &err);
    else
        code = compare(args, &pair);
    for (size_t side = 0; side < 2; side++)
        egw_policy_folder_free(&pair.folders[side]);
    egw_faults_free(&faults);
    return code;
}
