#include "support.h"

#include "egw/records.h"
#include "egw/schema.h"

static struct egw_plan *plan_of(const struct egw_type *type)
{
    struct egw_plan *plan;

    assert_int_equal(egw_plan_new(egw_str_of(type->json), type, &plan, NULL), EGW_OK);
    return plan;
}

static int setup(void **state)
{
    *state = egw_plans_new();
    return *state ? 0 : -1;
}

static int teardown(void **state)
{
    egw_plans_free(*state);
    return 0;
}

static enum egw_status find_id(struct egw_plans *plans, int32_t id, const struct egw_plan **ret,
                               struct egw_error *err)
{
    struct egw_frame frame = {.kind = EGW_FRAME_CONFLUENT, .id = id};

    return egw_plans_find(plans, &frame, ret, err);
}

static enum egw_status find_fingerprint(struct egw_plans *plans, uint64_t fingerprint,
                                        const struct egw_plan **ret, struct egw_error *err)
{
    struct egw_frame frame = {.kind = EGW_FRAME_SINGLE, .fingerprint = fingerprint};

    return egw_plans_find(plans, &frame, ret, err);
}

static void test_finds_what_was_added_in_any_order(void **state)
{
    static const int32_t ids[] = {500, 3, 77, 1, 1000000, 0};
    const struct egw_plan *found;

    for (size_t i = 0; i < EGW_COUNT(ids); i++)
        assert_int_equal(
            egw_plans_add_id(*state, ids[i], plan_of(egw_record_types[i % EGW_RECORD_COUNT])),
            EGW_OK);
    for (size_t i = 0; i < EGW_COUNT(ids); i++) {
        assert_int_equal(find_id(*state, ids[i], &found, NULL), EGW_OK);
        assert_ptr_equal(egw_plan_reader(found), egw_record_types[i % EGW_RECORD_COUNT]);
    }
}

static void test_d02_no_frame_is_refused(void **state)
{
    struct egw_frame frame = {.kind = EGW_FRAME_NONE};
    const struct egw_plan *found = NULL;
    struct egw_error err;

    assert_int_equal(egw_plans_find(*state, &frame, &found, &err), EGW_INVALID);
    assert_string_equal(err.text, "the value has no frame: neither 00 and a schema id nor C3 01 "
                                  "and a fingerprint");
    assert_null(found);
}

static void test_d02_an_unknown_fingerprint_is_refused(void **state)
{
    const struct egw_plan *found;
    struct egw_error err;

    egw_plans_expect_registry(*state, true);
    assert_int_equal(find_fingerprint(*state, 0xab, &found, &err), EGW_INVALID);
    assert_string_equal(err.text, "schema fingerprint 00000000000000ab is not accepted");
}

static void test_d02_an_unknown_id_waits_only_where_a_registry_can_be_asked(void **state)
{
    const struct egw_plan *found;
    struct egw_error err;

    assert_int_equal(find_id(*state, 7, &found, &err), EGW_INVALID);
    assert_string_equal(err.text, "schema id 7, but no registry is set");
    egw_plans_expect_registry(*state, true);
    assert_int_equal(find_id(*state, 7, &found, &err), EGW_RETRY);
    assert_string_equal(err.text, "schema id 7 is not known yet");
    assert_int_equal(egw_plans_refuse_id(*state, 7), EGW_OK);
    assert_int_equal(find_id(*state, 7, &found, &err), EGW_INVALID);
    assert_string_equal(err.text, "schema id 7 is no schema that is read here");
    egw_plans_forget_refused(*state); /* somebody may have registered it since */
    assert_int_equal(find_id(*state, 7, &found, &err), EGW_RETRY);
}

static void test_many_refused_ids_never_fill_the_set(void **state)
{
    const struct egw_plan *found;

    egw_plans_expect_registry(*state, true);
    for (int32_t id = 1; id <= 1000; id++) {
        assert_int_equal(egw_plans_refuse_id(*state, id), EGW_OK);
        assert_int_equal(find_id(*state, id, &found, NULL), EGW_INVALID);
    }
    assert_int_equal(find_id(*state, 1, &found, NULL), EGW_RETRY); /* forgotten: asked anew */
    assert_int_equal(egw_plans_add_id(*state, 1000, plan_of(&egw_type_outcome)), EGW_OK);
    assert_int_equal(find_id(*state, 1000, &found, NULL), EGW_OK);
}

/* Rust's library leaves the object of a logical type in the canonical form, and so gives our
 * schemas with times another fingerprint. The operator accepts it; the bytes are the same. */
static void test_a_fingerprint_computed_otherwise_can_be_accepted(void **state)
{
    const uint64_t as_rust = egw_type_support_event.fingerprint ^ 0x5555;
    struct egw_plan *plan = plan_of(&egw_type_support_event);
    const struct egw_plan *found;

    assert_int_equal(egw_plans_add_fingerprint(*state, egw_type_support_event.fingerprint, plan),
                     EGW_OK);
    assert_int_equal(egw_plans_add_fingerprint(*state, as_rust, plan), EGW_OK);
    assert_int_equal(find_fingerprint(*state, as_rust, &found, NULL), EGW_OK);
    assert_ptr_equal(found, plan); /* and freed once */
}

static void test_the_first_plan_of_a_key_stays(void **state)
{
    struct egw_plan *first = plan_of(&egw_type_outcome);
    const struct egw_plan *found;

    assert_int_equal(egw_plans_add_id(*state, 5, first), EGW_OK);
    assert_int_equal(egw_plans_add_id(*state, 5, plan_of(&egw_type_outcome)), EGW_OK);
    assert_int_equal(find_id(*state, 5, &found, NULL), EGW_OK);
    assert_ptr_equal(found, first);
}

static void test_no_more_than_256_ids_are_kept(void **state)
{
    const struct egw_plan *found;
    struct egw_plan *plan = plan_of(&egw_type_position);

    for (int32_t id = 0; id < 256; id++)
        assert_int_equal(egw_plans_add_id(*state, id, plan), EGW_OK);
    assert_int_equal(egw_plans_add_id(*state, 256, plan), EGW_NOMEM);
    assert_int_equal(egw_plans_add_id(*state, 257, plan_of(&egw_type_position)), EGW_NOMEM);
    assert_int_equal(find_id(*state, 255, &found, NULL), EGW_OK);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_finds_what_was_added_in_any_order),
        T(test_d02_no_frame_is_refused),
        T(test_d02_an_unknown_fingerprint_is_refused),
        T(test_d02_an_unknown_id_waits_only_where_a_registry_can_be_asked),
        T(test_many_refused_ids_never_fill_the_set),
        T(test_a_fingerprint_computed_otherwise_can_be_accepted),
        T(test_the_first_plan_of_a_key_stays),
        T(test_no_more_than_256_ids_are_kept),
    };
    return cmocka_run_group_tests_name("plans", tests, NULL, NULL);
}
