#include "support.h"

#include <stdio.h>

#include "egw/facts.h"

static struct egw_facts *facts;

static int setup(void **state EGW_UNUSED)
{
    facts = egw_facts_new();
    return facts ? 0 : -1;
}

static int teardown(void **state EGW_UNUSED)
{
    egw_facts_free(facts);
    return 0;
}

static enum egw_status take(const char *key, enum egw_reference_kind kind, void *body,
                            int64_t offset, struct egw_error *reterr)
{
    struct egw_reference reference = {
        .as_of = 5, .source = EGW_STR("test"), .body = {(int32_t)kind, body}};

    return egw_facts_take(facts, egw_str_of(key), body ? &reference : NULL, offset, reterr);
}

static void must_take(const char *key, enum egw_reference_kind kind, void *body, int64_t offset)
{
    struct egw_error err;

    assert_int_equal(take(key, kind, body, offset, &err), EGW_OK);
}

static struct egw_relation relation_of(const char *partner, const char *customer)
{
    return (struct egw_relation){
        .partner = egw_str_of(partner), .customer = egw_str_of(customer), .active = true};
}

static void a_record_is_copied_whole(void **state EGW_UNUSED)
{
    char domain[] = "fabrikam.com", tenant[] = "t-1";
    struct egw_str domains[] = {{domain, sizeof(domain) - 1}};
    struct egw_relation r = relation_of("litware", "fabrikam");
    const struct egw_relation *kept;
    struct egw_fact_view view;

    r.domains = (struct egw_list){domains, 1};
    r.tenant = (struct egw_str){tenant, 3};
    must_take("relation/litware/fabrikam", EGW_REF_RELATION, &r, 7);
    memset(domain, 'x', sizeof(domain) - 1);
    memset(tenant, 'x', 3);
    domains[0] = EGW_STR_NONE;
    view = egw_facts_get(facts, EGW_STR("relation/litware/fabrikam"));
    assert_non_null(view.reference);
    assert_int_equal(view.offset, 7);
    assert_int_equal(view.reference->as_of, 5);
    kept = view.reference->body.p;
    assert_true(egw_str_is(((const struct egw_str *)kept->domains.p)[0], "fabrikam.com"));
    assert_true(egw_str_is(kept->tenant, "t-1"));
    assert_null(kept->reseller.p);
}

static void a_tombstone_removes_the_record_and_keeps_its_offset(void **state EGW_UNUSED)
{
    struct egw_relation r = relation_of("litware", "fabrikam");
    struct egw_fact_view view = egw_facts_get(facts, EGW_STR("relation/litware/fabrikam"));
    struct egw_str key, customer;
    size_t at = 0;

    assert_null(view.reference);
    assert_int_equal(view.offset, -1);
    must_take("relation/litware/fabrikam", EGW_REF_RELATION, &r, 7);
    must_take("relation/litware/fabrikam", EGW_REF_RELATION, NULL, 9);
    view = egw_facts_get(facts, EGW_STR("relation/litware/fabrikam"));
    assert_null(view.reference);
    assert_int_equal(view.offset, 9);
    assert_false(egw_facts_customer(facts, EGW_STR("litware"), EGW_STR("fabrikam"), &customer));
    assert_false(egw_facts_next(facts, &at, &key, &view));
}

static void a_customer_is_found_by_any_name_without_case(void **state EGW_UNUSED)
{
    static const char *const names[] = {"fabrikam", "FABRIKAM", "T-1", "Fabrikam.COM", "cw-17"};
    struct egw_str domains[] = {EGW_STR("fabrikam.com"), EGW_STR("fabrikam.example")};
    struct egw_str aliases[] = {EGW_STR("CW-17")};
    struct egw_relation r = relation_of("litware", "fabrikam");
    struct egw_str customer;

    r.tenant = EGW_STR("t-1");
    r.domains = (struct egw_list){domains, 2};
    r.aliases = (struct egw_list){aliases, 1};
    must_take("relation/litware/fabrikam", EGW_REF_RELATION, &r, 1);
    for (size_t i = 0; i < EGW_COUNT(names); i++) {
        assert_true(egw_facts_customer(facts, EGW_STR("litware"), egw_str_of(names[i]), &customer));
        assert_true(egw_str_is(customer, "fabrikam"));
    }
    assert_false(egw_facts_customer(facts, EGW_STR("proseware"), EGW_STR("cw-17"), &customer));
    assert_false(egw_facts_customer(facts, EGW_STR(""), EGW_STR("fabrikam"), &customer));
    aliases[0] = EGW_STR("CW-18");
    must_take("relation/litware/fabrikam", EGW_REF_RELATION, &r, 2);
    assert_false(egw_facts_customer(facts, EGW_STR("litware"), EGW_STR("cw-17"), &customer));
    assert_true(egw_facts_customer(facts, EGW_STR("litware"), EGW_STR("cw-18"), &customer));
}

static void a_name_two_customers_share_is_nobodys_unless_one_is_called_so(void **state EGW_UNUSED)
{
    struct egw_str alias[] = {EGW_STR("shared"), EGW_STR("b")};
    struct egw_relation b = relation_of("p", "b"), a = relation_of("p", "a");
    struct egw_str customer;

    a.aliases = b.aliases = (struct egw_list){alias, 2};
    for (int64_t round = 0; round < 2; round++) {
        must_take(round ? "relation/p/a" : "relation/p/b", EGW_REF_RELATION, round ? &a : &b,
                  round);
        must_take(round ? "relation/p/b" : "relation/p/a", EGW_REF_RELATION, round ? &b : &a,
                  round + 5);
        assert_true(egw_facts_customer(facts, EGW_STR("p"), EGW_STR("b"), &customer));
        assert_true(egw_str_is(customer, "b")); /* its own name goes before another's alias */
    }
    alias[1] = EGW_STR("other");
    must_take("relation/p/a", EGW_REF_RELATION, &a, 20);
    must_take("relation/p/b", EGW_REF_RELATION, &b, 21);
    assert_false(egw_facts_customer(facts, EGW_STR("p"), EGW_STR("shared"), &customer));
    a.active = false;
    must_take("relation/p/a", EGW_REF_RELATION, &a, 22);
    assert_true(egw_facts_customer(facts, EGW_STR("p"), EGW_STR("shared"), &customer));
    assert_true(egw_str_is(customer, "b")); /* a former customer's no longer counts */
    b.active = false;
    must_take("relation/p/b", EGW_REF_RELATION, &b, 23);
    assert_false(egw_facts_customer(facts, EGW_STR("p"), EGW_STR("shared"), &customer));
    a.active = true;
    must_take("relation/p/a", EGW_REF_RELATION, &a, 24);
    assert_true(egw_facts_customer(facts, EGW_STR("p"), EGW_STR("shared"), &customer));
    assert_true(egw_str_is(customer, "a"));
}

static void another_partners_customer_is_seen_while_the_relation_stands(void **state EGW_UNUSED)
{
    struct egw_relation r = relation_of("proseware", "tailwind");

    r.tenant = EGW_STR("t-9");
    must_take("relation/proseware/tailwind", EGW_REF_RELATION, &r, 1);
    assert_true(egw_facts_customer_elsewhere(facts, EGW_STR("litware"), EGW_STR("Tailwind")));
    assert_true(egw_facts_customer_elsewhere(facts, EGW_STR("litware"), EGW_STR("T-9")));
    assert_false(egw_facts_customer_elsewhere(facts, EGW_STR("proseware"), EGW_STR("tailwind")));
    r.active = false;
    must_take("relation/proseware/tailwind", EGW_REF_RELATION, &r, 2);
    assert_false(egw_facts_customer_elsewhere(facts, EGW_STR("litware"), EGW_STR("tailwind")));
}

static void take_issue(const char *key, const char *customer, const char *id, int64_t offset)
{
    struct egw_health_issue issue = {.customer = egw_str_of(customer),
                                     .id = egw_str_of(id),
                                     .service = EGW_STR("s"),
                                     .classification = EGW_STR("incident"),
                                     .status = EGW_STR("investigating")};

    must_take(key, EGW_REF_HEALTH_ISSUE, &issue, offset);
}

static void issues_of_a_customer_come_newest_key_first(void **state EGW_UNUSED)
{
    static const char *const expected[] = {"issue/c/EX9", "issue/c/EX2", "issue/c/EX1"};
    struct egw_dossier dossier;
    struct egw_fact_view view;
    struct egw_str key;
    size_t at = 0, n = 0;

    take_issue("issue/c/EX2", "c", "EX2", 1);
    take_issue("issue/c/EX9", "c", "EX9", 2);
    take_issue("issue/C/EX5", "C", "EX5", 3);
    take_issue("issue/c/EX1", "c", "EX1", 4);
    dossier = egw_facts_dossier(facts, EGW_STR_NONE, EGW_STR("c"));
    while (egw_dossier_next_issue(&dossier, &at, &view, &key)) {
        assert_true(n < EGW_COUNT(expected));
        assert_true(egw_str_is(key, expected[n++]));
    }
    assert_int_equal(n, 3);
    must_take("issue/c/EX9", EGW_REF_HEALTH_ISSUE, NULL, 9);
    at = 0;
    assert_true(egw_dossier_next_issue(&dossier, &at, &view, &key));
    assert_true(egw_str_is(key, "issue/c/EX2"));
}

static void a_key_that_its_body_denies_changes_nothing(void **state EGW_UNUSED)
{
    struct egw_relation r = relation_of("litware", "fabrikam");
    struct egw_error err;

    assert_int_equal(take("relation/litware/adatum", EGW_REF_RELATION, &r, 1, &err), EGW_INVALID);
    assert_string_equal(err.text, "cannot take fact relation/litware/adatum: its body says "
                                  "relation/litware/fabrikam");
    assert_int_equal(egw_facts_get(facts, EGW_STR("relation/litware/adatum")).offset, -1);
    r.customer = EGW_STR("a/b");
    assert_int_equal(take("relation/litware/a/b", EGW_REF_RELATION, &r, 1, &err), EGW_INVALID);
    assert_string_equal(err.text, "cannot name the relation: part 2 of its key is empty or holds "
                                  "a slash");
    assert_int_equal(take("", EGW_REF_RELATION, &r, 1, &err), EGW_INVALID);
    assert_string_equal(err.text, "cannot take the fact: its key of 0 bytes is not in 1 to 512");
}

static void many_records_are_all_found_again(void **state EGW_UNUSED)
{
    enum { MANY = 3000 };
    char key[64], name[32];
    struct egw_str customer;
    size_t at = 0, n = 0;
    struct egw_fact_view view;
    struct egw_str found;

    for (int i = 0; i < MANY; i++) {
        struct egw_relation r;

        (void)snprintf(name, sizeof(name), "customer-%d", i);
        (void)snprintf(key, sizeof(key), "relation/p/%s", name);
        r = relation_of("p", name);
        must_take(key, EGW_REF_RELATION, &r, i);
    }
    for (int i = 0; i < MANY; i++) {
        (void)snprintf(name, sizeof(name), "CUSTOMER-%d", i);
        assert_true(egw_facts_customer(facts, EGW_STR("p"), egw_str_of(name), &customer));
        assert_int_equal(customer.n, strlen(name));
    }
    while (egw_facts_next(facts, &at, &found, &view))
        n++;
    assert_int_equal(n, MANY);
}

static const struct {
    const char *key, *last;
    enum egw_reference_kind kind;
} filed[] = {
    {"partner/p", NULL, EGW_REF_PARTNER},
    {"membership/p", NULL, EGW_REF_MEMBERSHIP},
    {"pack/p", NULL, EGW_REF_PACK},
    {"contract/p/advanced", "advanced", EGW_REF_CONTRACT},
    {"contract/p/premier", "premier", EGW_REF_CONTRACT},
    {"relation/p/c", NULL, EGW_REF_RELATION},
    {"access/p/c", NULL, EGW_REF_ACCESS},
    {"statement/p/c", NULL, EGW_REF_STATEMENT},
    {"delivery/p/c/*", "*", EGW_REF_DELIVERY},
    {"delivery/p/c/exchange-online", "exchange-online", EGW_REF_DELIVERY},
    {"delivery/p/c/exchange-onsite", "exchange-onsite", EGW_REF_DELIVERY},
    {"subscription/c/s-1", "s-1", EGW_REF_SUBSCRIPTION},
    {"health/c/azure", "azure", EGW_REF_HEALTH_SNAPSHOT},
};

static void a_dossier_finds_what_the_key_finds(void **state EGW_UNUSED)
{
    /* Of others, and of keys that only tombstones may have: none may be taken for another. */
    static const char *const strange[] = {
        "partner",        "partner/",     "partner/p/c", "relation/p",      "relation/p/c/d",
        "contract/p",     "delivery/p/c", "access/q/c",  "access/p/d",      "contract/q/advanced",
        "health/d/azure", "nothing/p",    "calendar/p",  "managed/c/azure", "/"};
    int64_t offset = 0;

    for (size_t i = 0; i < EGW_COUNT(strange); i++)
        must_take(strange[i], EGW_REF_PARTNER, NULL, offset++);
    for (size_t i = EGW_COUNT(filed); i-- > 0;) {
        for (int round = 0; round < 2; round++) {
            struct egw_dossier dossier = egw_facts_dossier(facts, EGW_STR("p"), EGW_STR("c"));
            struct egw_str key;
            struct egw_fact_view view =
                egw_dossier_find(&dossier, filed[i].kind, egw_str_of(filed[i].last), &key);

            assert_int_equal(view.offset, round ? offset - 1 : -1);
            assert_true(round ? egw_str_is(key, filed[i].key) : !key.p);
            must_take(filed[i].key, filed[i].kind, NULL, offset++);
        }
    }
}

static void one_owner_alone_has_a_dossier_too(void **state EGW_UNUSED)
{
    struct egw_dossier dossier;
    struct egw_str key;

    must_take("pack/p", EGW_REF_PACK, NULL, 3);
    must_take("health/c/azure", EGW_REF_HEALTH_SNAPSHOT, NULL, 4);
    dossier = egw_facts_dossier(facts, EGW_STR("p"), EGW_STR_NONE);
    assert_int_equal(egw_dossier_find(&dossier, EGW_REF_PACK, EGW_STR_NONE, &key).offset, 3);
    dossier = egw_facts_dossier(facts, EGW_STR("p"), EGW_STR("c")); /* never named together */
    assert_int_equal(egw_dossier_find(&dossier, EGW_REF_PACK, EGW_STR_NONE, &key).offset, 3);
    assert_int_equal(
        egw_dossier_find(&dossier, EGW_REF_HEALTH_SNAPSHOT, EGW_STR("azure"), &key).offset, 4);
    assert_int_equal(egw_dossier_find(&dossier, EGW_REF_ACCESS, EGW_STR_NONE, &key).offset, -1);
    assert_null(key.p);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_record_is_copied_whole),
        TEST(a_tombstone_removes_the_record_and_keeps_its_offset),
        TEST(a_customer_is_found_by_any_name_without_case),
        TEST(a_name_two_customers_share_is_nobodys_unless_one_is_called_so),
        TEST(another_partners_customer_is_seen_while_the_relation_stands),
        TEST(issues_of_a_customer_come_newest_key_first),
        TEST(a_key_that_its_body_denies_changes_nothing),
        TEST(many_records_are_all_found_again),
        TEST(a_dossier_finds_what_the_key_finds),
        TEST(one_owner_alone_has_a_dossier_too),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
