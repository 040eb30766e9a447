#include "support.h"

#include "egw/hash.h"

/* A count that large leaves the hash itself, its sign bit cleared. */
static void test_partitions_are_those_of_kafkas_java_client(void **state)
{
    /* vectors of Kafka's UtilsTest, before the sign bit is cleared */
    static const struct {
        const char *key;
        int32_t hash;
    } cases[] = {
        {"21", -973932308},
        {"foobar", -790332482},
        {"a-little-bit-long-string", -985981536},
        {"a-little-bit-longer-string", -1486304829},
        {"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971},
        {"abc", 479470107},
    };

    (void)state;
    for (size_t i = 0; i < EGW_COUNT(cases); i++) {
        struct egw_str key = egw_str_of(cases[i].key);
        int32_t positive = cases[i].hash & 0x7fffffff;

        assert_int_equal(egw_partition_of(key, INT32_MAX), positive % INT32_MAX);
        assert_int_equal(egw_partition_of(key, 6), positive % 6);
        assert_int_equal(egw_partition_of(key, 1), 0);
    }
    assert_in_range(egw_partition_of(EGW_STR_NONE, 6), 0, 5);
}

static void test_sha256_is_that_of_the_standard(void **state)
{
    struct egw_str pieces[] = {EGW_STR("a"), EGW_STR_NONE, EGW_STR("bc")};
    struct egw_sha256 sum;
    char hex[65];

    (void)state;
    egw_sha256("abc", 3, &sum);
    egw_hex(sum.b, sizeof(sum.b), hex);
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    egw_sha256v(pieces, 3, &sum);
    egw_hex(sum.b, sizeof(sum.b), hex);
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    egw_sha256(NULL, 0, &sum);
    egw_hex(sum.b, sizeof(sum.b), hex);
    assert_string_equal(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

static void test_hex_is_lower_case_and_ended(void **state)
{
    char out[5] = "zzzz";

    (void)state;
    egw_hex("\x0f\xa0", 2, out);
    assert_string_equal(out, "0fa0");
    egw_hex(NULL, 0, out);
    assert_string_equal(out, "");
}

static void test_the_table_hash_depends_on_every_byte_the_length_and_the_seed(void **state)
{
    char key[32] = {0};
    uint64_t whole, seeded;

    (void)state;
    egw_table_seed(1);
    for (size_t n = 0; n <= sizeof(key); n++) {
        whole = egw_table_hash((struct egw_str){key, n});
        for (size_t i = 0; i < n; i++) {
            key[i] ^= 1;
            assert_true(egw_table_hash((struct egw_str){key, n}) != whole);
            key[i] ^= 1;
        }
        if (n)
            assert_true(egw_table_hash((struct egw_str){key, n - 1}) != whole);
    }
    whole = egw_table_hash(EGW_STR("key"));
    egw_table_seed(2);
    seeded = egw_table_hash(EGW_STR("key"));
    assert_true(whole != seeded);
    egw_table_seed(1);
    assert_true(egw_table_hash(EGW_STR("key")) == whole);
}

static void test_only_lower_case_hex_of_the_right_length_names_a_digest(void **state)
{
    static const char good[] = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    struct egw_sha256 sum, read;
    char bad[sizeof(good)];

    (void)state;
    egw_sha256("abc", 3, &sum);
    assert_true(egw_sha256_of_hex(egw_str_of(good), &read));
    assert_memory_equal(sum.b, read.b, EGW_SHA256);
    assert_false(egw_sha256_of_hex((struct egw_str){good, 63}, &read));
    for (const char *c = "B!/:`g"; *c; c++) {
        memcpy(bad, good, sizeof(bad));
        bad[63] = *c;
        assert_false(egw_sha256_of_hex(egw_str_of(bad), &read));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_partitions_are_those_of_kafkas_java_client),
        cmocka_unit_test(test_sha256_is_that_of_the_standard),
        cmocka_unit_test(test_hex_is_lower_case_and_ended),
        cmocka_unit_test(test_only_lower_case_hex_of_the_right_length_names_a_digest),
        cmocka_unit_test(test_the_table_hash_depends_on_every_byte_the_length_and_the_seed),
    };
    return cmocka_run_group_tests_name("hash", tests, NULL, NULL);
}
