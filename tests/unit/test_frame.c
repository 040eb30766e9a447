#include "support.h"

#include "egw/records.h"
#include "egw/schema.h"

static struct egw_policy_activation some = {
    .number = 7, .manifest = EGW_STR("m"), .by = EGW_STR("b"), .note = EGW_STR(""), .at = 1};

static void test_reads_a_confluent_frame(void **state)
{
    struct egw_frame frame = egw_frame_read((struct egw_str){"\x00\x01\x02\x03\x04xy", 7});

    (void)state;
    assert_int_equal(frame.kind, EGW_FRAME_CONFLUENT);
    assert_int_equal(frame.id, 0x01020304);
    assert_true(egw_str_is(frame.body, "xy"));
}

static void test_reads_a_single_object_frame(void **state)
{
    struct egw_frame frame =
        egw_frame_read((struct egw_str){"\xc3\x01\x01\x02\x03\x04\x05\x06\x07\xf8xy", 12});

    (void)state;
    assert_int_equal(frame.kind, EGW_FRAME_SINGLE);
    assert_true(frame.fingerprint == UINT64_C(0xf807060504030201));
    assert_true(egw_str_is(frame.body, "xy"));
}

static void test_a_body_may_be_empty(void **state)
{
    struct egw_frame frame = egw_frame_read((struct egw_str){"\x00\x00\x00\x00\x01", 5});

    (void)state;
    assert_int_equal(frame.kind, EGW_FRAME_CONFLUENT);
    assert_non_null(frame.body.p);
    assert_int_equal(frame.body.n, 0);
}

static void test_d01_d02_anything_else_is_no_frame(void **state)
{
    static const struct egw_str cases[] = {
        {NULL, 0},
        {"", 0},
        {"\x00", 1},
        {"\x00\x00\x00\x01", 4},
        {"\xc3\x01\x01\x02\x03\x04\x05\x06\x07", 9},
        {"\xc3\x02\x01\x02\x03\x04\x05\x06\x07\x08", 10},
        {"\x01\x00\x00\x00\x01", 5},
        {"\x00\x80\x00\x00\x00", 5}, /* a negative id */
        {"{\"event\":1}", 11},
    };

    (void)state;
    for (size_t i = 0; i < EGW_COUNT(cases); i++)
        assert_int_equal(egw_frame_read(cases[i]).kind, EGW_FRAME_NONE);
}

static void test_writes_what_it_reads(void **state)
{
    struct egw_framing single = {.confluent = false};
    struct egw_buf out = {0}, plain = {0};
    struct egw_frame frame;

    (void)state;
    assert_int_equal(egw_encode(&egw_type_policy_activation, &some, &plain, NULL), EGW_OK);
    assert_int_equal(egw_encode_framed(&single, &egw_type_policy_activation, &some, &out, NULL),
                     EGW_OK);
    frame = egw_frame_read(egw_buf_str(&out));
    assert_int_equal(frame.kind, EGW_FRAME_SINGLE);
    assert_true(frame.fingerprint == egw_type_policy_activation.fingerprint);
    assert_true(egw_str_eq(frame.body, egw_buf_str(&plain)));
    egw_buf_free(&out);
    egw_buf_free(&plain);
}

static void test_the_id_is_that_of_the_types_place(void **state)
{
    int32_t ids[EGW_RECORD_COUNT];
    struct egw_framing confluent = {.confluent = true, .ids = ids};
    struct egw_buf out = {0};
    struct egw_frame frame;

    (void)state;
    for (int i = 0; i < EGW_RECORD_COUNT; i++)
        ids[i] = 0x7a000000 + i;
    assert_int_equal(egw_encode_framed(&confluent, &egw_type_policy_activation, &some, &out, NULL),
                     EGW_OK);
    frame = egw_frame_read(egw_buf_str(&out));
    assert_int_equal(frame.kind, EGW_FRAME_CONFLUENT);
    assert_int_equal(frame.id, 0x7a000000 + EGW_RECORD_POLICY_ACTIVATION);
    egw_buf_free(&out);
}

static void test_a_part_of_a_record_is_not_framed(void **state)
{
    struct egw_framing single = {.confluent = false};
    struct egw_trigger trigger = {.topic = EGW_STR("t")};
    struct egw_buf out = {0};
    struct egw_error err;

    (void)state;
    assert_int_equal(egw_encode_framed(&single, &egw_type_trigger, &trigger, &out, &err),
                     EGW_INVALID);
    assert_string_equal(err.text, "egw.Trigger is no record that stands on a topic");
    assert_int_equal(out.n, 0);
}

static void test_a_failure_leaves_the_buffer_as_it_was(void **state)
{
    struct egw_framing single = {.confluent = false};
    struct egw_outcome outcome = {.action = 1000};
    struct egw_buf out = {0};
    struct egw_error err;

    (void)state;
    assert_int_equal(egw_buf_put(&out, "kept", 4), EGW_OK);
    assert_int_equal(egw_encode_framed(&single, &egw_type_outcome, &outcome, &out, &err),
                     EGW_INVALID);
    assert_non_null(strstr(err.text, "egw.Outcome: action: enum symbol 1000 is outside 0.."));
    assert_int_equal(out.n, 4);
    out.max = 12;
    assert_int_equal(egw_encode_framed(&single, &egw_type_policy_activation, &some, &out, &err),
                     EGW_NOMEM);
    assert_int_equal(out.n, 4);
    egw_buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reads_a_confluent_frame),
        cmocka_unit_test(test_reads_a_single_object_frame),
        cmocka_unit_test(test_a_body_may_be_empty),
        cmocka_unit_test(test_d01_d02_anything_else_is_no_frame),
        cmocka_unit_test(test_writes_what_it_reads),
        cmocka_unit_test(test_the_id_is_that_of_the_types_place),
        cmocka_unit_test(test_a_part_of_a_record_is_not_framed),
        cmocka_unit_test(test_a_failure_leaves_the_buffer_as_it_was),
    };
    return cmocka_run_group_tests_name("frame", tests, NULL, NULL);
}
