/* What diff says of two policies against trying everything that can come to them. */
#define _GNU_SOURCE
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "../../gateway/core/policy_search.h"
#include "catalogue_double.h"
#include "egw/policy_diff.h"
#include "policy_trial.h"

static const char *const tested[] = {"own-tenant", "attempt",  "scope",
                                     "customer",   "relation", "diagnosis"};
enum { RULES_MAX = 128 };

static unsigned fact_named(const struct egw_policy *policy, const char *name)
{
    for (unsigned f = 0; f < policy->fact_count; f++) {
        if (egw_str_is(policy->facts[f].name, name))
            return f;
    }
    fail_msg("there is no fact %s", name);
    return 0;
}

/* Some instant of each era of either policy. */
static size_t instants(const struct egw_policy *const policies[2], int64_t ret[64])
{
    size_t n = 0;

    ret[n++] = 0;
    for (size_t p = 0; p < 2; p++) {
        for (size_t e = 0; e < policies[p]->era_count; e++)
            ret[n++] = policies[p]->eras[e];
    }
    return n;
}

static uint16_t era_at(const struct egw_policy *policy, int64_t ms)
{
    size_t era = 0;

    while (era < policy->era_count && policy->eras[era] <= ms)
        era++;
    return (uint16_t)era;
}

struct tried {
    bool pair[RULES_MAX][RULES_MAX];
};

static void try_all(const struct egw_policy *const policies[2], struct tried *tried)
{
    uint16_t values[EGW_FACTS_MAX] = {0};
    int64_t times[64];
    size_t n = instants(policies, times), at;

    memset(tried, 0, sizeof(*tried));
    do {
        bool known = values[EGW_F_CUSTOMER] == EGW_V_CUSTOMER_KNOWN;

        for (size_t t = 0; t < n && known != (values[EGW_F_RELATION] == EGW_V_RELATION_NONE); t++) {
            size_t rules[2];

            for (size_t p = 0; p < 2; p++) {
                values[EGW_F_ERA] = era_at(policies[p], times[t]);
                rules[p] = trial_decider(policies[p], values);
            }
            tried->pair[rules[0]][rules[1]] = true;
        }
        for (at = 0; at < EGW_COUNT(tested); at++) {
            unsigned fact = fact_named(policies[0], tested[at]);

            if (++values[fact] < policies[0]->facts[fact].value_count)
                break;
            values[fact] = 0;
        }
    } while (at < EGW_COUNT(tested));
}

static bool same_rule(const struct egw_rule_view *a, const struct egw_rule_view *b)
{
    return egw_str_eq(a->id, b->id) && a->action == b->action && egw_str_eq(a->code, b->code) &&
           egw_str_eq(a->owner, b->owner);
}

/* The example's facts as values; its time is that of the text's first date. */
static void read_example(const struct egw_policy *policy, const struct egw_example *example,
                         uint16_t *values)
{
    const struct egw_fact *facts = example->facts.p;

    memset(values, 0, EGW_FACTS_MAX * sizeof(*values));
    for (size_t i = 0; i < example->facts.n; i++) {
        unsigned fact;
        int64_t from;

        if (egw_str_is(facts[i].name, "recorded")) {
            if (facts[i].value.p[0] == 'f' &&
                egw_time_parse((struct egw_str){facts[i].value.p + 5, 10}, &from))
                values[EGW_F_ERA] = era_at(policy, from);
            continue;
        }
        fact = fact_named(policy, facts[i].name.p);
        while (!egw_str_eq(policy->facts[fact].values[values[fact]], facts[i].value))
            values[fact]++;
    }
}

static void diff_tells_exactly_the_pairs_that_trying_finds(void **state EGW_UNUSED)
{
    static struct tried tried;
    size_t moves = 0;

    for (uint64_t seed = 1; seed <= 60; seed++) {
        const struct egw_policy *policies[2] = {
            trial_policy(seed, (int)(seed % 8)),
            trial_policy(seed + seed % 3 * 1000, (int)(seed % 5))};
        struct egw_policy_diff diff;
        const struct egw_policy_move *told;
        size_t expected = 0;

        try_all(policies, &tried);
        assert_int_equal(egw_policy_diff(policies[0], policies[1], &diff), EGW_OK);
        assert_int_equal(diff.unsure, 0);
        told = diff.moves.p;
        for (size_t i = 0; i < policies[0]->rule_count; i++) {
            for (size_t j = 0; j < policies[1]->rule_count; j++)
                expected += tried.pair[i][j] &&
                            !same_rule(&policies[0]->rules[i].view, &policies[1]->rules[j].view);
        }
        assert_int_equal(diff.moves.n, expected);
        for (size_t m = 0; m < diff.moves.n; m++) {
            uint16_t values[EGW_FACTS_MAX];

            assert_true(tried.pair[told[m].old_rule][told[m].new_rule]);
            read_example(policies[0], &told[m].example, values);
            assert_int_equal(trial_decider(policies[0], values), told[m].old_rule);
            read_example(policies[1], &told[m].example, values);
            assert_int_equal(trial_decider(policies[1], values), told[m].new_rule);
        }
        moves += expected;
        egw_policy_diff_free(&diff);
        egw_policy_free((struct egw_policy *)(uintptr_t)policies[0]);
        egw_policy_free((struct egw_policy *)(uintptr_t)policies[1]);
    }
    assert_true(moves > 300);
}

static void a_policy_does_not_differ_from_itself(void **state EGW_UNUSED)
{
    struct egw_policy *policy = trial_policy(5, 7);
    struct egw_policy_diff diff;

    assert_int_equal(egw_policy_diff(policy, policy, &diff), EGW_OK);
    assert_int_equal(diff.moves.n, 0);
    assert_int_equal(diff.definitions.n, 0);
    egw_policy_diff_free(&diff);
    egw_policy_free(policy);
}

/* ---- a thousand rules, 40 facts ---- */

static double cpu_seconds(void)
{
    struct timespec t;

    assert_int_equal(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t), 0);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static struct egw_policy *large(int changed)
{
    struct egw_policy *policy = NULL;
    struct egw_faults faults = {0};

    if (large_policy(1, 1000, changed, &policy, &faults)) {
        egw_faults_print(&faults, stderr);
        fail();
    }
    assert_true(policy->rule_count >= 1000);
    assert_true(policy->fact_count >= 40);
    return policy;
}

/* An event that two rules fit, of either policy, by chance. False: there is none. */
static bool chance_event(struct egw_quest *quest, struct random_source *r)
{
    egw_quest_begin(quest, false);
    for (int i = 0; i < 2; i++) {
        size_t side = random_below(r, 2);

        egw_quest_fits(quest, side,
                       random_below(r, (uint32_t)quest->space->sides[side].policy->staged_count),
                       true);
    }
    return egw_quest_find(quest) == EGW_FOUND_SOME;
}

/* Too many can come to try them all: of those that chance finds, none moves untold. */
static void hold_to_chance(const struct egw_policy *before, const struct egw_policy *after,
                           const struct egw_policy_diff *diff)
{
    const struct egw_policy *policies[2] = {before, after};
    struct random_source r = {7};
    struct egw_space *space;
    struct egw_quest quest;
    size_t moved = 0;

    assert_int_equal(egw_space_new(policies, 2, &space), EGW_OK);
    assert_int_equal(egw_quest_new(space, &quest), EGW_OK);
    for (int i = 0; i < 8000; i++) {
        size_t rules[2];

        if (!chance_event(&quest, &r))
            continue;
        for (size_t s = 0; s < 2; s++)
            rules[s] = egw_region_decider(space, s, quest.point);
        if (same_rule(&before->rules[rules[0]].view, &after->rules[rules[1]].view))
            continue;
        assert_true(trial_tells(diff, rules[0], rules[1]));
        moved++;
    }
    assert_true(moved > 20);
    egw_quest_free(&quest);
    egw_space_free(space);
}

static void a_thousand_rules_are_answered_within_two_seconds(void **state EGW_UNUSED)
{
#if defined(__SANITIZE_ADDRESS__) || !defined(__OPTIMIZE__)
    static const double limit = 60; /* the checks cost, not the search; bench_lint shows it bare */
#else
    static const double limit = 2;
#endif
    struct egw_policy *before = large(0), *after = large(100);
    struct egw_lint_options options = {.overlaps = false};
    struct egw_policy_diff diff;
    struct egw_lint lint;
    double start = cpu_seconds(), linted;

    assert_int_equal(egw_policy_lint(before, &options, &lint), EGW_OK);
    linted = cpu_seconds();
    assert_int_equal(egw_policy_diff(before, after, &diff), EGW_OK);
    assert_true(linted - start < limit);
    assert_true(cpu_seconds() - linted < limit);
    assert_int_equal(lint.counts[EGW_LINT_UNSURE], 0);
    assert_int_equal(lint.pairs_left, 0);
    assert_true(lint.counts[EGW_LINT_OVERLAP] > 40000);
    assert_int_equal(diff.unsure, 0);
    assert_true(diff.moves.n > 500);
    hold_to_chance(before, after, &diff);
    egw_lint_free(&lint);
    egw_policy_diff_free(&diff);
    egw_policy_free(before);
    egw_policy_free(after);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(diff_tells_exactly_the_pairs_that_trying_finds),
        cmocka_unit_test(a_policy_does_not_differ_from_itself),
        cmocka_unit_test(a_thousand_rules_are_answered_within_two_seconds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
