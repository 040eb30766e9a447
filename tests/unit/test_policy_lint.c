/* What lint says of a policy against trying everything that can come to it. */
#define _GNU_SOURCE
#include "support.h"

#include <stdio.h>
#include <stdlib.h>

#include "catalogue_double.h"
#include "egw/policy_lint.h"
#include "policy_trial.h"
#include "policy_world.h"

/* ---- everything that can come to a small policy ---- */

static const enum egw_fact_id tested[] = {EGW_F_ERA,      EGW_F_OWN_TENANT, EGW_F_ATTEMPT,
                                          EGW_F_SCOPE,    EGW_F_CUSTOMER,   EGW_F_RELATION,
                                          EGW_F_DIAGNOSIS};

/* Without a customer there is no relation, and only then. */
static bool can_be(const uint16_t *values)
{
    return (values[EGW_F_CUSTOMER] == EGW_V_CUSTOMER_KNOWN) !=
           (values[EGW_F_RELATION] == EGW_V_RELATION_NONE);
}

/* The next combination; false: that was the last. Start with zeros. */
static bool next_values(const struct egw_policy *policy, uint16_t *values)
{
    for (size_t i = 0; i < EGW_COUNT(tested); i++) {
        if (++values[tested[i]] < policy->facts[tested[i]].value_count)
            return true;
        values[tested[i]] = 0;
    }
    return false;
}

static bool fits(const struct egw_policy *policy, size_t rule, const uint16_t *values)
{
    const struct egw_rule *of = &policy->rules[rule];
    const struct egw_stage_table *stage = &policy->stages[of->view.stage - EGW_STAGE_VALIDITY];
    size_t place = rule - stage->first;

    for (size_t i = 0; i < of->when_count; i++) {
        uint16_t value = values[of->when[i].fact];

        if (!(of->when[i].accepts[value / 64] >> (value % 64) & 1))
            return false;
    }
    return stage->tested[0].row[values[EGW_F_ERA]][place / 64] >> (place % 64) & 1;
}

static size_t first_of(const struct egw_policy *policy, const struct egw_stage_table *stage,
                       const uint16_t *values, size_t from)
{
    for (size_t r = from; r < stage->first + stage->count; r++) {
        if (fits(policy, r, values))
            return r;
    }
    return SIZE_MAX;
}

enum { FITS = 1, FIRST = 2, REACHED = 4 };

struct tried {
    unsigned of_rule[256];
    bool clash[256][256];  /* the first decides, and the second would without it */
    bool inside[256][256]; /* wherever the first fits, whatever can be, the second does */
};

static void try_one(const struct egw_policy *policy, const uint16_t *values, struct tried *tried)
{
    bool reached = true;

    for (size_t r = 0; r < policy->rule_count; r++)
        tried->of_rule[r] |= fits(policy, r, values) ? FITS : 0;
    for (size_t s = 0; s < EGW_STAGES; s++) {
        const struct egw_stage_table *stage = &policy->stages[s];
        size_t rule = first_of(policy, stage, values, stage->first);
        size_t second = first_of(policy, stage, values, rule + 1);

        tried->of_rule[rule] |= FIRST | (reached ? REACHED : 0);
        if (reached && second != SIZE_MAX)
            tried->clash[rule][second] = true;
        reached = reached && policy->rules[rule].view.action < 0;
    }
}

static void try_all(const struct egw_policy *policy, struct tried *tried)
{
    uint16_t values[EGW_FACTS_MAX] = {0};

    assert_true(policy->rule_count <= 256);
    memset(tried, 0, sizeof(*tried));
    memset(tried->inside, 1, sizeof(tried->inside));
    do {
        if (can_be(values))
            try_one(policy, values, tried);
        for (size_t a = 0; a < policy->rule_count; a++) {
            for (size_t b = 0; b < policy->rule_count && fits(policy, a, values); b++)
                tried->inside[a][b] = tried->inside[a][b] && fits(policy, b, values);
        }
    } while (next_values(policy, values));
}

/* ---- against lint ---- */

static int said_of(const struct egw_lint *lint, const struct egw_policy *policy, size_t rule)
{
    const struct egw_lint_finding *findings = lint->findings.p;

    for (size_t i = 0; i < lint->findings.n; i++) {
        if (egw_str_eq(findings[i].id, policy->rules[rule].view.id) &&
            findings[i].kind <= EGW_LINT_UNREACHABLE)
            return (int)findings[i].kind;
    }
    return -1;
}

static int truth_of(unsigned tried)
{
    return tried & REACHED ? -1
           : tried & FIRST ? EGW_LINT_UNREACHABLE
           : tried & FITS  ? EGW_LINT_SHADOWED
                           : EGW_LINT_IMPOSSIBLE;
}

static void lint_names_exactly_the_rules_that_never_decide(void **state EGW_UNUSED)
{
    static struct tried tried;
    size_t seen[4] = {0};

    for (uint64_t seed = 1; seed <= 60; seed++) {
        struct egw_policy *policy = trial_policy(seed, (int)(seed % 9));
        struct egw_lint_options options = {.overlaps = false};
        struct egw_lint lint;

        try_all(policy, &tried);
        assert_int_equal(egw_policy_lint(policy, &options, &lint), EGW_OK);
        assert_int_equal(lint.counts[EGW_LINT_UNSURE], 0);
        for (size_t r = 0; r < policy->rule_count; r++) {
            int truth = truth_of(tried.of_rule[r]);

            if (said_of(&lint, policy, r) != truth)
                fail_msg("seed %d, rule %.*s: lint says %d, trying says %d", (int)seed,
                         EGW_FMT(policy->rules[r].view.id), said_of(&lint, policy, r), truth);
            seen[truth + 1]++;
        }
        egw_lint_free(&lint);
        egw_policy_free(policy);
    }
    for (size_t i = 0; i < EGW_COUNT(seen); i++)
        assert_true(seen[i] > 0); /* or the seeds would show nothing */
}

static bool same_answer(const struct egw_rule_view *a, const struct egw_rule_view *b)
{
    return a->action == b->action && egw_str_eq(a->code, b->code);
}

static void lint_finds_exactly_the_overlaps_that_trying_finds(void **state EGW_UNUSED)
{
    static struct tried tried;
    size_t total = 0;

    for (uint64_t seed = 1; seed <= 40; seed++) {
        struct egw_policy *policy = trial_policy(seed, (int)(seed % 7));
        struct egw_lint_options options = {.overlaps = false};
        struct egw_lint lint;
        size_t expected = 0;

        try_all(policy, &tried);
        for (size_t a = 0; a < policy->rule_count; a++) {
            for (size_t b = a + 1; b < policy->rule_count; b++)
                expected += tried.clash[a][b] && !tried.inside[a][b] && !tried.inside[b][a] &&
                            !same_answer(&policy->rules[a].view, &policy->rules[b].view);
        }
        assert_int_equal(egw_policy_lint(policy, &options, &lint), EGW_OK);
        assert_int_equal(lint.counts[EGW_LINT_OVERLAP], expected);
        total += expected;
        egw_lint_free(&lint);
        egw_policy_free(policy);
    }
    assert_true(total > 40);
}

/* ---- gaps ---- */

/* The catch-all is turned into a rule that takes nothing new, which leaves the tables as they would
 * be without it. */
static bool has_gap(const struct egw_policy *policy)
{
    const struct egw_stage_table *stage = &policy->stages[EGW_STAGES - 1];
    uint16_t values[EGW_FACTS_MAX] = {0};

    do {
        if (first_of(policy, stage, values, stage->first) == stage->first + stage->count - 1)
            return true;
    } while (next_values(policy, values));
    return false;
}

static void a_policy_is_refused_exactly_when_something_has_no_rule(void **state EGW_UNUSED)
{
    size_t gaps = 0, whole = 0;

    for (uint64_t seed = 1; seed <= 200; seed++) {
        int rules = 4 + (int)(seed % 10);
        struct egw_policy *closed = trial_policy(seed, rules), *open = NULL;
        struct egw_faults faults = {0};
        bool gap = has_gap(closed);
        enum egw_status st = small_policy(seed, rules, false, &open, &faults);

        assert_int_equal(st, gap ? EGW_INVALID : EGW_OK);
        if (gap)
            assert_non_null(strstr(faults.texts[0], "stage CHANNEL does not cover every event: no "
                                                    "rule takes one with "));
        gaps += gap;
        whole += !gap;
        egw_policy_free(closed);
        if (!st)
            egw_policy_free(open);
        egw_faults_free(&faults);
    }
    assert_true(gaps > 0);
    assert_true(whole > 0);
}

/* ---- dates and forms ---- */

/* Two rules for the same events: the first until 2023, the second since then. */
static struct egw_policy *dated(const char *since)
{
    struct egw_policy_file files[6];
    struct egw_buf texts[5] = {{0}}, dated = {0};
    struct egw_faults faults = {0};
    struct egw_policy *policy = NULL;

    assert_int_equal(small_files(1, 0, true, texts, files), EGW_OK);
    assert_int_equal(
        egw_buf_printf(&dated,
                       "stage = \"channel\"; rules = (\n"
                       "{ id = \"old\"; until = \"2023-01-01\"; when = { scope = \"user\"; }; then "
                       "= \"TO_PROVIDER\"; because = \"b\"; source = \"S\"; },\n"
                       "{ id = \"new\"; since = \"%s\"; when = { scope = \"user\"; }; then = "
                       "\"TO_PROVIDER\"; because = \"b\"; source = \"S\"; },\n"
                       "{ id = \"last\"; then = \"NOT_ENTITLED\"; code = \"NO_PLAN\"; because = "
                       "\"b\"; source = \"S\"; } );",
                       since),
        EGW_OK);
    files[5].content = egw_buf_str(&dated);
    if (egw_policy_compile(files, 6, &policy, &faults)) {
        egw_faults_print(&faults, stderr);
        fail();
    }
    for (size_t i = 0; i < EGW_COUNT(texts); i++)
        egw_buf_free(&texts[i]);
    egw_buf_free(&dated);
    return policy;
}

static bool is_told(const struct egw_example *example, const char *name, const char *value)
{
    const struct egw_fact *facts = example->facts.p;

    for (size_t i = 0; i < example->telling; i++) {
        if (egw_str_is(facts[i].name, name))
            return egw_str_is(facts[i].value, value);
    }
    return false;
}

static void a_hole_between_two_dates_is_told_with_both_rules(void **state EGW_UNUSED)
{
    static const struct {
        const char *since;
        size_t holes;
    } cases[] = {{"2022-12-01", 0}, {"2023-01-01", 0}, {"2023-01-02", 1}, {"2023-03-01", 1}};

    for (size_t i = 0; i < EGW_COUNT(cases); i++) {
        struct egw_policy *policy = dated(cases[i].since);
        struct egw_lint_options options = {.overlaps = false};
        const struct egw_lint_finding *finding;
        char expected[256];
        struct egw_lint lint;

        assert_int_equal(egw_policy_lint(policy, &options, &lint), EGW_OK);
        assert_int_equal(lint.counts[EGW_LINT_DATES], cases[i].holes);
        assert_int_equal(lint.findings.n, cases[i].holes);
        finding = lint.findings.p;
        (void)snprintf(expected, sizeof(expected),
                       "leaves a hole in time: what it took until then is taken again by \"new\" "
                       "(z.cfg:3), and from 2023-01-01 to before %s only \"last\" decides it",
                       cases[i].since);
        if (cases[i].holes) {
            assert_string_equal(finding->text.p, expected);
            assert_string_equal(finding->id.p, "old");
            (void)snprintf(expected, sizeof(expected), "from 2023-01-01 to before %s",
                           cases[i].since);
            assert_true(is_told(&finding->example, "recorded", expected));
        }
        egw_lint_free(&lint);
        egw_policy_free(policy);
    }
}

static void what_an_older_form_cannot_say_is_told_at_the_first_rule(void **state EGW_UNUSED)
{
    static const char *const scope[] = {"scope", "region", NULL}, *const topic[] = {"topic", NULL};
    static const struct egw_lint_form forms[] = {{"1.0", scope}, {"1.1", topic}};
    struct egw_policy *policy = dated("2023-01-01");
    struct egw_lint_options options = {.forms = forms, .form_count = EGW_COUNT(forms)};
    const struct egw_lint_finding *finding;
    struct egw_lint lint;

    assert_int_equal(egw_policy_lint(policy, &options, &lint), EGW_OK);
    assert_int_equal(lint.findings.n, 1);
    finding = lint.findings.p;
    assert_int_equal(finding->kind, EGW_LINT_FIELD);
    assert_false(egw_lint_is_fault(finding->kind));
    assert_string_equal(finding->id.p, "old");
    assert_string_equal(((const struct egw_fact *)finding->example.facts.p)[0].name.p, "recorded");
    assert_string_equal(((const struct egw_fact *)finding->example.facts.p)[1].name.p, "scope");
    assert_string_equal(policy->rules[finding->example.decided_by].view.id.p, "old");
    assert_string_equal(finding->text.p, "and 1 more ask for scope, which an event in the form 1.0 "
                                         "cannot say");
    egw_lint_free(&lint);
    egw_policy_free(policy);
}

/* ---- demands and limits, on the shipped policy with a file more ---- */

static const struct {
    const char *file, *content;   /* limits of an earlier file go first */
    const char *what, *id, *text; /* NULL: nothing is found */
    const char *name, *value;     /* a fact of the example */
} added[] = {
    {"zz.cfg",
     "demands = ( { id = \"d\"; wants = \"title\"; when = { domain = \"billing\"; "
     "customer = \"elsewhere\"; }; source = \"assumption\"; because = \"b\"; } );",
     "demand", "d", "is never made: no case that it is about gets to these channels", NULL, NULL},
    {"zz.cfg",
     "demands = ( { id = \"d\"; wants = \"title\"; channels = \"commercial\"; when = { domain = "
     "\"billing\"; }; source = \"assumption\"; because = \"b\"; } );",
     NULL, NULL, NULL, NULL, NULL},
    {"zz.cfg",
     "limits = ( { action = \"HELD\"; severities = \"A\"; within = \"1d\"; "
     "source = \"assumption\"; } );",
     "limit", "HELD",
     "never counts: cases it is about are due by that of clocks.cfg:100, or others before it",
     "severity", "A"},
    {"a.cfg",
     "limits = ( { action = \"NOT_ENTITLED\"; channels = \"signature\"; within = \"1d\"; "
     "source = \"assumption\"; } );",
     "limit", "NOT_ENTITLED", "never counts: no rule ends a case that it is about in this", NULL,
     NULL},
};

static const struct egw_lint_finding *unused_of(const struct egw_lint *lint)
{
    const struct egw_lint_finding *findings = lint->findings.p;

    for (size_t i = 0; i < lint->findings.n; i++) {
        if (findings[i].kind == EGW_LINT_UNUSED)
            return &findings[i];
    }
    return NULL;
}

static void demands_and_limits_that_never_count_are_told(void **state EGW_UNUSED)
{
    struct egw_policy_files files;
    struct egw_policy_file *list;
    struct egw_error err;

    assert_int_equal(egw_policy_read(EGW_SOURCE_DIR "/config/policy", NULL, &files, &err), EGW_OK);
    list = must_alloc((files.n + 1) * sizeof(*list));
    memcpy(list, files.files, files.n * sizeof(*list));
    for (size_t i = 0; i < EGW_COUNT(added); i++) {
        struct egw_lint_options options = {.overlaps = false};
        const struct egw_lint_finding *found;
        struct egw_policy *policy;
        struct egw_lint lint;

        list[files.n] =
            (struct egw_policy_file){egw_str_of(added[i].file), egw_str_of(added[i].content)};
        policy = world_policy(list, files.n + 1);
        assert_int_equal(egw_policy_lint(policy, &options, &lint), EGW_OK);
        assert_int_equal(lint.counts[EGW_LINT_UNUSED], added[i].what != NULL);
        found = unused_of(&lint);
        if (found) {
            assert_true(egw_lint_is_fault(found->kind));
            assert_string_equal(found->what, added[i].what);
            assert_true(egw_str_is(found->id, added[i].id));
            assert_true(egw_str_is(found->file, added[i].file));
            assert_true(egw_str_is(found->text, added[i].text));
            assert_int_equal(found->example.facts.n > 0, added[i].name != NULL);
        }
        if (found && added[i].name)
            assert_true(is_told(&found->example, added[i].name, added[i].value));
        egw_lint_free(&lint);
        egw_policy_free(policy);
    }
    free(list);
    egw_policy_files_free(&files);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lint_names_exactly_the_rules_that_never_decide),
        cmocka_unit_test(lint_finds_exactly_the_overlaps_that_trying_finds),
        cmocka_unit_test(a_policy_is_refused_exactly_when_something_has_no_rule),
        cmocka_unit_test(a_hole_between_two_dates_is_told_with_both_rules),
        cmocka_unit_test(what_an_older_form_cannot_say_is_told_at_the_first_rule),
        cmocka_unit_test(demands_and_limits_that_never_count_are_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
