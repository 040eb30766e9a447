#include "support.h"

#include "egw/chain.h"

/* The definition of chain.h, spelled out byte by byte. */
static void test_a_leaf_is_the_hash_of_key_length_key_and_value(void **state)
{
    struct egw_sha256 leaf, expected;

    (void)state;
    egw_sha256("\x00\x00\x00\x00\x02pk"
               "value",
               12, &expected);
    egw_chain_leaf(EGW_STR("pk"), EGW_STR("value"), &leaf);
    assert_memory_equal(leaf.b, expected.b, EGW_SHA256);
}

static void test_moving_a_byte_from_key_to_value_changes_the_leaf(void **state)
{
    struct egw_sha256 a, b;

    (void)state;
    egw_chain_leaf(EGW_STR("ab"), EGW_STR("c"), &a);
    egw_chain_leaf(EGW_STR("a"), EGW_STR("bc"), &b);
    assert_memory_not_equal(a.b, b.b, EGW_SHA256);
}

static void test_a_head_is_the_hash_of_the_one_before_and_the_leaf(void **state)
{
    unsigned char text[65], prev[EGW_SHA256] = {0};
    struct egw_sha256 leaf, head, expected;

    (void)state;
    egw_chain_leaf(EGW_STR_NONE, EGW_STR(""), &leaf);
    text[0] = 0x02;
    memcpy(text + 1, prev, 32);
    memcpy(text + 33, leaf.b, 32);
    egw_sha256(text, sizeof(text), &expected);
    egw_chain_head(prev, &leaf, &head);
    assert_memory_equal(head.b, expected.b, EGW_SHA256);
    prev[31] = 1;
    egw_chain_head(prev, &leaf, &head);
    assert_memory_not_equal(head.b, expected.b, EGW_SHA256);
}

/* Fixed for ever: an auditor of another make must come to the same. */
static void test_the_first_head_of_a_known_chain(void **state)
{
    const unsigned char zeros[EGW_SHA256] = {0};
    struct egw_sha256 leaf, head;
    char hex[65];

    (void)state;
    egw_chain_leaf(EGW_STR("p/c"), EGW_STR("outcome"), &leaf);
    egw_chain_head(zeros, &leaf, &head);
    egw_hex(head.b, sizeof(head.b), hex);
    assert_string_equal(hex, "2af7c2b2e07bc6d3ef2607977d246a3284fc0964335ef153508c5d6d2c9552e6");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_leaf_is_the_hash_of_key_length_key_and_value),
        cmocka_unit_test(test_moving_a_byte_from_key_to_value_changes_the_leaf),
        cmocka_unit_test(test_a_head_is_the_hash_of_the_one_before_and_the_leaf),
        cmocka_unit_test(test_the_first_head_of_a_known_chain),
    };
    return cmocka_run_group_tests_name("chain", tests, NULL, NULL);
}
