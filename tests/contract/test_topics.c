/* The table of topics. It is part of the program, not of a library, so it is compiled in here. */
#include "../../workers/topics.c"

#include "support.h"

static struct egw_settings settings;

static int load_settings(void **state)
{
    static const char *const sets[] = {"topics.partitions=6", "topics.events=my.events"};
    struct egw_faults faults = {0};

    (void)state;
    return egw_settings_load(NULL, sets, 2, &settings, &faults) == EGW_OK ? 0 : -1;
}

static int free_settings(void **state)
{
    (void)state;
    egw_settings_free(&settings);
    return 0;
}

static const struct egw_str channels[] = {EGW_STR("premier"), EGW_STR("csp-program")};

static struct egw_topics table_of(int64_t horizon_ms)
{
    struct egw_topics topics;
    struct egw_error error;

    assert_int_equal(egw_topics_new(&settings, channels, 2, horizon_ms, &topics, &error), EGW_OK);
    return topics;
}

static const char *setting(const struct egw_topics *topics, size_t index, const char *name)
{
    struct egw_kafka_topic topic = egw_topics_row(topics, index);

    for (size_t i = 0; i < topic.setting_count; i++)
        if (strcmp(topic.settings[i].name, name) == 0)
            return topic.settings[i].value;
    return "";
}

static void names_come_from_settings_and_channels(void **state)
{
    struct egw_topics topics = table_of(1);

    (void)state;
    assert_int_equal(topics.count, EGW_TOPIC_ESCALATIONS + 2);
    assert_string_equal(topics.names[EGW_TOPIC_EVENTS], "my.events");
    assert_string_equal(topics.names[EGW_TOPIC_INBOX], "support.inbox");
    assert_string_equal(topics.names[EGW_TOPIC_ESCALATIONS], "support.escalations.premier");
    assert_string_equal(topics.names[EGW_TOPIC_ESCALATIONS + 1], "support.escalations.csp-program");
    egw_topics_free(&topics);
}

static void only_reference_and_policy_have_one_partition(void **state)
{
    struct egw_topics topics = table_of(1);

    (void)state;
    for (size_t i = 0; i < topics.count; i++) {
        bool single = i == EGW_TOPIC_REFERENCE || i == EGW_TOPIC_POLICY;

        assert_int_equal(egw_topics_row(&topics, i).partitions, single ? 1 : 6);
        assert_int_equal(egw_topics_row(&topics, i).replication, 3);
    }
    egw_topics_free(&topics);
}

static void state_is_compacted_and_the_rest_kept_by_time(void **state)
{
    struct egw_topics topics = table_of(1);

    (void)state;
    for (size_t i = 0; i < topics.count; i++) {
        bool kept = i == EGW_TOPIC_CASES || i == EGW_TOPIC_REFERENCE || i == EGW_TOPIC_POLICY;

        assert_string_equal(setting(&topics, i, "cleanup.policy"), kept ? "compact" : "delete");
        assert_int_equal(*setting(&topics, i, "retention.ms") != '\0', !kept);
        assert_int_equal(*setting(&topics, i, "segment.bytes") != '\0', kept);
    }
    egw_topics_free(&topics);
}

static void inputs_are_kept_as_long_as_cases_remember_them(void **state)
{
    struct egw_topics topics = table_of(1234567);

    (void)state;
    assert_string_equal(setting(&topics, EGW_TOPIC_EVENTS, "retention.ms"), "1234567");
    assert_string_equal(setting(&topics, EGW_TOPIC_INBOX, "retention.ms"), "1234567");
    assert_string_equal(setting(&topics, EGW_TOPIC_OUTCOMES, "retention.ms"), "94608000000");
    egw_topics_free(&topics);
}

static void every_topic_takes_records_of_two_mib(void **state)
{
    struct egw_topics topics = table_of(1);

    (void)state;
    for (size_t i = 0; i < topics.count; i++)
        assert_string_equal(setting(&topics, i, "max.message.bytes"), "2097152");
    egw_topics_free(&topics);
}

static void a_channel_finds_its_topic_and_another_none(void **state)
{
    struct egw_topics topics = table_of(1);

    (void)state;
    assert_int_equal(egw_topics_escalation(&topics, EGW_STR("premier")), EGW_TOPIC_ESCALATIONS);
    assert_int_equal(egw_topics_escalation(&topics, EGW_STR("csp-program")),
                     EGW_TOPIC_ESCALATIONS + 1);
    assert_int_equal(egw_topics_escalation(&topics, EGW_STR("csp")), -1);
    egw_topics_free(&topics);
}

static void a_channel_that_makes_no_topic_name_is_refused(void **state)
{
    struct egw_str bad = EGW_STR("a/b");
    struct egw_topics topics;
    struct egw_error error;

    (void)state;
    assert_int_equal(egw_topics_new(&settings, &bad, 1, 1, &topics, &error), EGW_INVALID);
    assert_string_equal(error.text, "channel \"a/b\" makes no topic name");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_come_from_settings_and_channels),
        cmocka_unit_test(only_reference_and_policy_have_one_partition),
        cmocka_unit_test(state_is_compacted_and_the_rest_kept_by_time),
        cmocka_unit_test(inputs_are_kept_as_long_as_cases_remember_them),
        cmocka_unit_test(every_topic_takes_records_of_two_mib),
        cmocka_unit_test(a_channel_finds_its_topic_and_another_none),
        cmocka_unit_test(a_channel_that_makes_no_topic_name_is_refused),
    };

    return cmocka_run_group_tests(tests, load_settings, free_settings);
}
