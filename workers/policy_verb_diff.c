/* policy diff - which events another folder of rules decides otherwise */
#include <inttypes.h>

#include "activate.h"
#include "egw/json.h"
#include "egw/policy_diff.h"
#include "policy_verbs.h"

static const char *const sides[] = {"old", "new"};

struct pair {
    struct egw_policy_folder folders[2];
    const char *dirs[2];
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

static void show_diff(const struct pair *pair, const struct egw_policy_diff *diff)
{
    const struct egw_policy_move *moves = diff->moves.p;
    const struct egw_str *definitions = diff->definitions.p;
    size_t others = 0;

    for (size_t i = 0; i < diff->moves.n; i++) {
        show_move(pair, &moves[i]);
        others += !moves[i].same_answer;
    }
    for (size_t i = 0; i < diff->definitions.n; i++) {
        egw_put_safe(stdout, definitions[i]);
        (void)fputs(": events may come to other facts\n", stdout);
    }
    (void)printf("%zu kinds of events get another answer, %zu the same by another rule or in other "
                 "words; %zu definitions differ\n",
                 others, diff->moves.n - others, diff->definitions.n);
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
    const struct egw_str *definitions = diff->definitions.p;
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
            st = egw_json_string(definitions[i], out);
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
        (json && json_diff(pair, &diff, &out))) {
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

int egw_policy_verb_diff(struct egw_args *args)
{
    struct pair pair = {.dirs = {args->operands[1], args->operands[2]}};
    struct egw_faults faults = {0};
    struct egw_error err = {0};
    enum egw_status st = EGW_OK;
    int code;

    for (size_t side = 0; side < 2 && !st; side++)
        st = egw_policy_folder_load(pair.dirs[side], args->settings.policy.catalogue,
                                    &pair.folders[side], &faults, &err);
    if (st)
        code = faults.total ? egw_fail_faults(&faults) : egw_fail(&err);
    else
        code = compare(args, &pair);
    for (size_t side = 0; side < 2; side++)
        egw_policy_folder_free(&pair.folders[side]);
    egw_faults_free(&faults);
    return code;
}
