#define _GNU_SOURCE
#include "support.h"

#include <stdio.h>

#include "../../gateway/core/policy_model.h"
#include "catalogue_double.h"
#include "policy_random.h"

/* ---- bitmaps against the plain reading of the rules ---- */

static bool rule_fits(const struct egw_rule *rule, const uint16_t *values, bool events_only)
{
    for (size_t i = 0; i < rule->when_count; i++) {
        const struct egw_rule_condition *when = &rule->when[i];
        unsigned value = values[when->fact];

        if (events_only && when->fact >= EGW_F_CUSTOMER)
            continue;
        if (!(when->accepts[value / 64] >> (value % 64) & 1))
            return false;
    }
    return true;
}

/* The rule's since, read off the tables: whether era is among those its row accepts. */
static bool in_era(const struct egw_stage_table *stage, size_t rule, unsigned era)
{
    for (size_t t = 0; t < stage->tested_count; t++) {
        if (stage->tested[t].fact == EGW_F_ERA)
            return stage->tested[t].row[era][rule / 64] >> (rule % 64) & 1;
    }
    return true;
}

static void random_values(struct random_source *r, const struct egw_policy *policy,
                          uint16_t *values)
{
    for (size_t f = 0; f < policy->fact_count; f++)
        values[f] = (uint16_t)random_below(r, (uint32_t)policy->facts[f].value_count);
}

static void check_match(const struct egw_policy *policy, const uint16_t *values)
{
    const struct egw_stage_table *stage = &policy->stages[EGW_STAGES - 1];
    const struct egw_rule *rules = policy->rules + stage->first;
    uint64_t near[64];
    size_t place = egw_stage_match(stage, values, near), expected = 0;

    while (!rule_fits(&rules[expected], values, false) ||
           !in_era(stage, expected, values[EGW_F_ERA]))
        expected++;
    assert_int_equal(place, expected);
    for (size_t i = 0; i < place; i++) {
        bool is_near = rule_fits(&rules[i], values, true) && in_era(stage, i, values[EGW_F_ERA]);

        assert_int_equal(near[i / 64] >> (i % 64) & 1, is_near);
    }
    for (size_t i = place; i < (place / 64 + 1) * 64; i++)
        assert_false(near[i / 64] >> (i % 64) & 1);
}

static void bitmaps_choose_what_reading_the_rules_in_order_chooses(void **state EGW_UNUSED)
{
    static const int sizes[] = {1, 5, 63, 64, 65, 255, 256, 257, 900};

    for (size_t i = 0; i < EGW_COUNT(sizes); i++) {
        struct random_source r = {i + 1};
        struct egw_policy *policy = NULL;
        struct egw_faults faults = {0};
        uint16_t values[EGW_FACTS_MAX];

        if (random_policy(i + 100, sizes[i], &policy, &faults)) {
            egw_faults_print(&faults, stderr);
            fail();
        }
        for (int k = 0; k < 500; k++) {
            random_values(&r, policy, values);
            check_match(policy, values);
        }
        egw_policy_free(policy);
    }
}

static void a_rule_is_in_force_from_since_to_before_until(void **state EGW_UNUSED)
{
    static const struct {
        const char *recorded, *rule;
    } cases[] = {
        {"2019-12-31T23:59:59.999Z", "last"},
        {"2020-01-01", "r"},
        {"2020-12-31T23:59:59.999Z", "r"},
        {"2021-01-01", "last"},
    };
    static const char text[] =
        "severities = \"C\"; default-severity = \"C\";"
        "channels = ( { id = \"c\"; name = \"C\"; entitlement = \"csp\"; source = \"S\"; } );"
        "stage = \"channel\"; rules = ("
        "{ id = \"r\"; since = \"2020-01-01\"; until = \"2021-01-01\"; then = \"TO_PROVIDER\";"
        " because = \"b\"; source = \"S\"; },"
        "{ id = \"last\"; then = \"NOT_ENTITLED\"; code = \"NO_PLAN\"; because = \"b\";"
        " source = \"S\"; } );";
#define PASS(name)                                                                                 \
    {                                                                                              \
        EGW_STR(name ".cfg"),                                                                      \
            EGW_STR("stage = \"" name "\"; rules = ( { id = \"" name                               \
                    "\"; then = \"next\"; because = \"b\"; source = \"S\"; } );")                  \
    }
    struct egw_policy_file files[] = {
        {EGW_STR("a.cfg"), {text, sizeof(text) - 1}},
        PASS("validity"),
        PASS("access"),
        PASS("health"),
        PASS("baseline"),
    };
    struct egw_policy *policy = NULL;
    struct egw_faults faults = {0};
    struct egw_facts *facts = egw_facts_new();
    struct egw_support_event event = {.partner = EGW_STR("p")};
    struct egw_subject subject = {.event = &event, .customer = EGW_STR("c")};
    struct egw_arena arena = {0};

    assert_non_null(facts);
    if (egw_policy_compile(files, EGW_COUNT(files), &policy, &faults)) {
        egw_faults_print(&faults, stderr);
        fail();
    }
    for (size_t i = 0; i < EGW_COUNT(cases); i++) {
        struct egw_decision d;

        assert_true(egw_time_parse(egw_str_of(cases[i].recorded), &subject.recorded_ms));
        assert_int_equal(egw_decide(policy, facts, &subject, 0, &arena, &d), EGW_OK);
        assert_string_equal(egw_policy_rule(policy, d.rule).id.p, cases[i].rule);
    }
    egw_arena_free(&arena);
    egw_facts_free(facts);
    egw_policy_free(policy);
}

static void a_full_arena_is_reported_and_not_survived_by_luck(void **state EGW_UNUSED)
{
    struct egw_policy *policy = NULL;
    struct egw_faults faults = {0};
    struct egw_facts *facts = egw_facts_new();
    struct egw_support_event event = {.partner = EGW_STR("p")};
    struct egw_subject subject = {.event = &event, .customer = EGW_STR("c")};
    size_t ok = 0, nomem = 0;

    assert_non_null(facts);
    assert_int_equal(random_policy(1, 20, &policy, &faults), EGW_OK);
    for (size_t max = 16; max < 8192; max += 16) {
        struct egw_arena arena = {.max = max};
        struct egw_decision d;
        enum egw_status st = egw_decide(policy, facts, &subject, 0, &arena, &d);

        assert_true(st == EGW_OK || st == EGW_NOMEM);
        ok += st == EGW_OK;
        nomem += st == EGW_NOMEM;
        assert_true(st == EGW_OK || ok == 0); /* once there is room there is room */
        egw_arena_free(&arena);
    }
    assert_true(ok > 0 && nomem > 0);
    egw_facts_free(facts);
    egw_policy_free(policy);
}

static void words_are_found_without_case_and_nothing_else_is(void **state EGW_UNUSED)
{
    struct egw_str words[] = {EGW_STR("a"), EGW_STR("exchange-online"), EGW_STR("Exchange Online"),
                              EGW_STR("12345678"), EGW_STR("")};
    uint16_t numbers[] = {4, 5, 5, 6, 7};
    struct egw_arena arena = {0};
    struct egw_wordset set;

    assert_true(egw_wordset_make(&set, &arena, words, numbers, EGW_COUNT(words)));
    assert_int_equal(egw_wordset_find(&set, EGW_STR("A")), 4);
    assert_int_equal(egw_wordset_find(&set, EGW_STR("EXCHANGE online")), 5);
    assert_int_equal(egw_wordset_find(&set, EGW_STR("exchange_online")), -1);
    assert_int_equal(egw_wordset_find(&set, EGW_STR("12345678")), 6);
    assert_int_equal(egw_wordset_find(&set, EGW_STR("123456789")), -1);
    assert_int_equal(egw_wordset_find(&set, EGW_STR("")), 7);
    egw_arena_free(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bitmaps_choose_what_reading_the_rules_in_order_chooses),
        cmocka_unit_test(a_rule_is_in_force_from_since_to_before_until),
        cmocka_unit_test(a_full_arena_is_reported_and_not_survived_by_luck),
        cmocka_unit_test(words_are_found_without_case_and_nothing_else_is),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
