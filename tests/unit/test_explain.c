/* What explain says of a decision against trying everything that could have come instead. */
#define _GNU_SOURCE
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "catalogue_double.h"
#include "egw/explain.h"
#include "policy_trial.h"

static const enum egw_fact_id tested[] = {EGW_F_ERA,      EGW_F_OWN_TENANT, EGW_F_ATTEMPT,
                                          EGW_F_SCOPE,    EGW_F_CUSTOMER,   EGW_F_RELATION,
                                          EGW_F_DIAGNOSIS};
enum { TESTED = sizeof(tested) / sizeof(tested[0]), ANSWERS_MAX = 32 };

/* Without a customer there is no relation, and only then. */
static bool can_be(const uint16_t *values)
{
    return (values[EGW_F_CUSTOMER] == EGW_V_CUSTOMER_KNOWN) !=
           (values[EGW_F_RELATION] == EGW_V_RELATION_NONE);
}

static bool next_values(const struct egw_policy *policy, uint16_t *values)
{
    for (size_t i = 0; i < TESTED; i++) {
        if (++values[tested[i]] < policy->facts[tested[i]].value_count)
            return true;
        values[tested[i]] = 0;
    }
    return false;
}

static bool same_answer(const struct egw_policy *policy, size_t a, size_t b)
{
    const struct egw_rule_view *x = &policy->rules[a].view, *y = &policy->rules[b].view;

    return x->action == y->action && egw_str_eq(x->code, y->code);
}

/* ---- the nearest of each answer, by trying ---- */

struct nearest {
    size_t rule[ANSWERS_MAX]; /* one that gives the answer */
    unsigned changes[ANSWERS_MAX];
    size_t n;
};

static void try_one(const struct egw_policy *policy, const uint16_t *from, const uint16_t *values,
                    struct nearest *nearest)
{
    size_t rule = trial_decider(policy, values), i = 0;
    unsigned changes = 0;

    for (size_t t = 0; t < TESTED; t++)
        changes += from[tested[t]] != values[tested[t]];
    while (i < nearest->n && !same_answer(policy, nearest->rule[i], rule))
        i++;
    assert_true(i < ANSWERS_MAX);
    if (i == nearest->n) {
        nearest->rule[i] = rule;
        nearest->changes[i] = changes;
        nearest->n++;
    } else if (changes < nearest->changes[i]) {
        nearest->changes[i] = changes;
    }
}

/* A word nobody knows is not proposed to an event that uses none. */
static bool is_nonsense(const uint16_t *from, const uint16_t *values)
{
    return values[EGW_F_SCOPE] == EGW_V_INVALID && from[EGW_F_SCOPE] != EGW_V_INVALID;
}

static void try_all(const struct egw_policy *policy, const uint16_t *from, struct nearest *ret)
{
    uint16_t values[EGW_FACTS_MAX] = {0};

    ret->n = 0;
    do {
        if (can_be(values) && !is_nonsense(from, values))
            try_one(policy, from, values, ret);
    } while (next_values(policy, values));
}

/* ---- against explain ---- */

static int64_t instant_of(const struct egw_policy *policy, uint16_t era)
{
    return era ? policy->eras[era - 1] : INT64_MIN / 2;
}

static void explain(const struct egw_policy *policy, const uint16_t *values,
                    struct egw_explanation *ret)
{
    struct egw_fact facts[TESTED];
    struct egw_list list = {facts, 0};
    struct egw_error err;

    for (size_t t = 1; t < TESTED; t++) {
        const struct egw_fact_def *def = &policy->facts[tested[t]];

        facts[list.n++] = (struct egw_fact){def->name, def->values[values[tested[t]]]};
    }
    if (egw_explain(policy, &list, instant_of(policy, values[EGW_F_ERA]), ret, &err))
        fail_msg("%s", err.text);
}

static bool has_word(struct egw_str text, struct egw_str word)
{
    size_t at = 0;

    while (at < text.n) {
        const char *end = memmem(text.p + at, text.n - at, " or ", 4);
        size_t n = (end ? (size_t)(end - text.p) : text.n) - at;
        const char *comma = memmem(text.p + at, n, ", ", 2);

        n = comma ? (size_t)(comma - text.p) - at : n;
        if (egw_str_eq((struct egw_str){text.p + at, n}, word))
            return true;
        at += n + (comma ? 2 : 4);
    }
    return false;
}

/* Each value that the words name, in turn, so that all of them are held to lead there. */
static void assert_leads(const struct egw_policy *policy, const uint16_t *from,
                         const struct egw_explain_other *other, size_t at, uint16_t *values)
{
    const struct egw_explain_change *change =
        (const struct egw_explain_change *)other->changes.p + at;
    unsigned fact = EGW_F_ERA + 1;
    struct egw_str words;
    size_t led = 0;
    bool others;

    if (at == other->count) {
        assert_true(can_be(values));
        assert_int_equal(trial_decider(policy, values), other->rule);
        return;
    }
    if (egw_str_is(change->fact, "recorded")) {
        int64_t ms = INT64_MIN / 2;

        if (change->would.p[0] == 'f')
            assert_true(egw_time_parse((struct egw_str){change->would.p + 5, 10}, &ms));
        values[EGW_F_ERA] = 0;
        while (values[EGW_F_ERA] < policy->era_count && policy->eras[values[EGW_F_ERA]] <= ms)
            values[EGW_F_ERA]++;
        assert_leads(policy, from, other, at + 1, values);
        return;
    }
    while (!egw_str_eq(policy->facts[fact].name, change->fact))
        fact++;
    others = change->would.n > 13 && memcmp(change->would.p, "anything but ", 13) == 0;
    words = others ? (struct egw_str){change->would.p + 13, change->would.n - 13} : change->would;
    for (size_t v = 0; v < policy->facts[fact].value_count; v++) {
        struct egw_str word = policy->facts[fact].values[v];

        if (has_word(words, word.n ? word : EGW_STR("(none)")) == others ||
            (others && egw_str_is(word, "invalid")))
            continue;
        assert_false(egw_str_is(word, "invalid"));
        assert_int_not_equal(v, from[fact]);
        values[fact] = (uint16_t)v;
        assert_leads(policy, from, other, at + 1, values);
        led++;
    }
    assert_true(led > 0);
}

static void hold_to_nearest(const struct egw_policy *policy, const uint16_t *values,
                            const struct egw_explanation *told, const struct nearest *nearest)
{
    const struct egw_explain_other *others = told->others.p;
    size_t last = told->others.n == EGW_EXPLAIN_OTHERS ? others[told->others.n - 1].count
                                                       : EGW_EXPLAIN_CHANGES + 1;

    assert_false(told->cut_short);
    assert_int_equal(told->decided_by, trial_decider(policy, values));
    for (size_t i = 0; i < nearest->n; i++) {
        bool found = same_answer(policy, nearest->rule[i], told->decided_by);

        for (size_t k = 0; k < told->others.n; k++) {
            if (!same_answer(policy, nearest->rule[i], others[k].rule))
                continue;
            assert_false(found);
            assert_int_equal(others[k].count, nearest->changes[i]);
            found = true;
        }
        assert_true(found || nearest->changes[i] >= last);
    }
    for (size_t k = 0; k < told->others.n; k++) {
        uint16_t changed[EGW_FACTS_MAX];

        memcpy(changed, values, sizeof(changed));
        assert_leads(policy, values, &others[k], 0, changed);
    }
}

static void the_smallest_change_is_the_one_that_trying_finds(void **state EGW_UNUSED)
{
    size_t points = 0, others = 0, of_two = 0;

    for (uint64_t seed = 1; seed <= 24; seed++) {
        struct egw_policy *policy = trial_policy(seed, 1 + (int)(seed % 7));
        struct random_source r = {seed * 77};
        uint16_t values[EGW_FACTS_MAX] = {0};

        do {
            struct egw_explanation told;
            struct nearest nearest;

            if (random_below(&r, 40) || !can_be(values))
                continue;
            try_all(policy, values, &nearest);
            explain(policy, values, &told);
            hold_to_nearest(policy, values, &told, &nearest);
            points++;
            others += told.others.n;
            for (size_t k = 0; k < told.others.n; k++)
                of_two += ((const struct egw_explain_other *)told.others.p)[k].count > 1;
            egw_explanation_free(&told);
        } while (next_values(policy, values));
        egw_policy_free(policy);
    }
    assert_true(points > 100);
    assert_true(others > 200);
    assert_true(of_two > 50);
}

/* ---- the path ---- */

static bool accepts(const struct egw_rule_condition *when, const uint16_t *values)
{
    return when->accepts[values[when->fact] / 64] >> (values[when->fact] % 64) & 1;
}

static void a_near_miss_names_its_first_failed_condition(void **state EGW_UNUSED)
{
    size_t misses = 0;

    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct egw_policy *policy = trial_policy(seed, 6);
        uint16_t values[EGW_FACTS_MAX] = {[EGW_F_SCOPE] = 2, [EGW_F_ATTEMPT] = 1};
        struct egw_explanation told;
        const struct egw_explain_step *path;

        explain(policy, values, &told);
        path = told.path.p;
        for (size_t s = 0; s < told.path.n; s++) {
            const struct egw_explain_miss *missed = path[s].missed.p;

            assert_int_equal(policy->rules[path[s].rule].view.stage, EGW_STAGE_VALIDITY + (int)s);
            for (size_t m = 0; m < path[s].missed.n; m++) {
                const struct egw_rule *rule = &policy->rules[missed[m].rule];
                size_t first = 0;

                assert_true(missed[m].rule < path[s].rule);
                while (accepts(&rule->when[first], values))
                    first++;
                assert_string_equal(missed[m].fact.p, policy->facts[rule->when[first].fact].name.p);
                assert_true(rule->when[first].fact >= EGW_F_CUSTOMER);
                misses++;
            }
        }
        egw_explanation_free(&told);
        egw_policy_free(policy);
    }
    assert_true(misses > 10);
}

static void facts_that_are_not_the_policys_are_refused(void **state EGW_UNUSED)
{
    struct egw_policy *policy = trial_policy(3, 4);
    struct egw_fact facts[] = {{EGW_STR("attempt"), EGW_STR("perhaps")}};
    struct egw_list list = {facts, 1};
    struct egw_explanation told;
    struct egw_error err;

    assert_int_equal(egw_explain(policy, &list, 0, &told, &err), EGW_INVALID);
    assert_string_equal(err.text, "its policy knows no attempt of perhaps");
    list.n = 0;
    assert_int_equal(egw_explain(policy, &list, 0, &told, &err), EGW_INVALID);
    assert_non_null(strstr(err.text, "the rules of stage VALIDITY test "));
    egw_policy_free(policy);
}

/* ---- a thousand rules, 40 facts ---- */

static double cpu_seconds(void)
{
    struct timespec t;

    assert_int_equal(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t), 0);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Everything known of an event with a customer, by chance. */
static size_t any_facts(const struct egw_policy *policy, struct random_source *r,
                        struct egw_fact *ret)
{
    size_t n = 0;

    for (unsigned f = EGW_F_ERA + 1; f < policy->fact_count; f++) {
        const struct egw_fact_def *def = &policy->facts[f];
        uint32_t values = (uint32_t)def->value_count, v;

        if (f == EGW_F_FAMILY)
            continue; /* no rule asks for it */
        v = f == EGW_F_CUSTOMER || f == EGW_F_CSP || f == EGW_F_RELATION || f == EGW_F_PARTNER ||
                    f == EGW_F_PACKAGE
                ? 0
            : f >= EGW_F_CHANNEL || f == EGW_F_ACCESS || f == EGW_F_SELLER
                ? random_below(r, values < 4          ? values
                                  : f == EGW_F_SELLER ? 2
                                                      : 4)
            : values > EGW_V_WORDS ? EGW_V_WORDS + random_below(r, values - EGW_V_WORDS)
                                   : random_below(r, values);
        if (f == EGW_F_KNOWN_ISSUE)
            v = EGW_V_ISSUE_NONE; /* there is no catalogue */
        ret[n++] = (struct egw_fact){def->name, def->values[v]};
    }
    return n;
}

static void a_thousand_rules_are_explained_within_two_seconds(void **state EGW_UNUSED)
{
#ifdef __SANITIZE_ADDRESS__
    static const double limit = 60; /* the checks cost, not the search */
#else
    static const double limit = 2;
#endif
    struct egw_policy *policy = NULL;
    struct egw_faults faults = {0};
    struct random_source r = {11};
    size_t others = 0;

    assert_int_equal(large_policy(1, 1000, 0, &policy, &faults), EGW_OK);
    assert_true(policy->rule_count >= 1000);
    assert_true(policy->fact_count >= 40);
    for (int i = 0; i < 5; i++) {
        struct egw_fact facts[EGW_FACTS_MAX];
        struct egw_list list = {facts, any_facts(policy, &r, facts)};
        struct egw_explanation told;
        struct egw_error err;
        double start = cpu_seconds();

        assert_int_equal(egw_explain(policy, &list, 0, &told, &err), EGW_OK);
        assert_true(cpu_seconds() - start < limit);
        others += told.others.n;
        egw_explanation_free(&told);
    }
    assert_true(others > 5);
    egw_policy_free(policy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_smallest_change_is_the_one_that_trying_finds),
        cmocka_unit_test(a_near_miss_names_its_first_failed_condition),
        cmocka_unit_test(facts_that_are_not_the_policys_are_refused),
        cmocka_unit_test(a_thousand_rules_are_explained_within_two_seconds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
