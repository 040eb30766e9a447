/* The same inputs give the same outcomes on any worker and at any batching (S55). */
#include "support.h"

#include <stdio.h>

#include "desk.h"

#define START INT64_C(1767601800000) /* 2026-01-05T08:30:00Z */

enum { EVENTS = 300, CASES = 40, WAYS = 4 };

static uint32_t draw(uint32_t *seed, uint32_t n)
{
    *seed = *seed * 1664525u + 1013904223u;
    return (*seed >> 8) % n;
}

/* One event of a case that may stand anywhere; the same for the same number. All by the customer's
 * own name: what is passed on comes by another topic, and when is chance. */
static void publish(struct desk *desk, uint32_t i)
{
    static const char *const types[] = {"opened",   "opened",  "updated",     "diagnosed",
                                        "attempt",  "closed",  "confirmed",   "reopened",
                                        "approved", "release", "case-number", "case-state"};
    static const char *const services[] = {"Exchange Online", "Teams", "Dynamics 365", "SQL Server",
                                           "nonsense"};
    static const char *const domains[] = {"technical", "technical", "billing"};
    static const char *const topics[] = {"", "", ",\"topic\":\"root-cause\"",
                                         ",\"topic\":\"quota\""};
    static const char *const steps[] = {
        "", ",\"diagnosis\":[{\"kind\":\"attempt\",\"step\":\"restart\"}]",
        ",\"diagnosis\":[{\"kind\":\"attempt\",\"step\":\"mend\",\"resolved\":true}]"};
    static const char *const customers[] = {"adatum", "contoso", "fabrikam"};
    uint32_t seed = i + 1, by[6];
    char line[1024];

    for (size_t k = 0; k < EGW_COUNT(by); k++)
        by[k] = draw(&seed, 5040);
    (void)snprintf(
        line, sizeof(line),
        "{\"event_id\":\"e%u\",\"event_type\":\"%s\",\"partner\":\"litware\","
        "\"customer\":\"%s\",\"case_id\":\"c%u\",\"occurred_at\":1767601800000,"
        "\"ask\":\"issue\",\"service\":\"%s\",\"domain\":\"%s\",\"title\":\"t\","
        "\"text\":\"t\",\"started_at\":1767600000000,\"number\":\"%u\",\"state\":"
        "\"active\",\"problem\":\"P%u\"%s%s}",
        by[0] % 20 ? i : i / 2, /* some tell the same again, or something else by its id */
        types[by[1] % EGW_COUNT(types)], customers[by[0] % 3], by[0] % CASES,
        services[by[2] % EGW_COUNT(services)], domains[by[3] % EGW_COUNT(domains)], by[4] % 3,
        by[5] % 12, topics[by[3] / 7 % EGW_COUNT(topics)], steps[by[4] / 7 % EGW_COUNT(steps)]);
    desk_event(desk, line);
}

/* 0: all in one go; 1: one by one; 2: in groups; 3: in groups, each by another worker. */
static struct desk *work(int way)
{
    struct desk *desk = desk_new(START);
    uint32_t seed = 7;

    desk_everyday(desk);
    desk_fact(desk, DESK_FACT("{\"contract\":{\"partner\":\"litware\",\"plan\":\"advanced\"}}"));
    desk_fact(desk, DESK_FACT("{\"relation\":{\"partner\":\"litware\",\"customer\":\"contoso\","
                              "\"tenant\":\"t-contoso\"}}"));
    desk_fact(desk, DESK_FACT("{\"relation\":{\"partner\":\"litware\",\"customer\":\"fabrikam\","
                              "\"tenant\":\"t-fabrikam\"}}"));
    desk_fact(desk, DESK_FACT("{\"health_issue\":{\"customer\":\"adatum\",\"id\":\"EX1\","
                              "\"service\":\"Exchange Online\",\"classification\":\"incident\","
                              "\"status\":\"serviceDegradation\",\"resolved\":false}}"));
    desk_run(desk);
    for (uint32_t i = 0; i < EVENTS; i++) {
        publish(desk, i);
        if (way == 1 || (way >= 2 && draw(&seed, 9) == 0))
            desk_run(desk);
        if (way == 3 && draw(&seed, 25) == 0)
            desk_restart(desk);
    }
    desk_run(desk);
    return desk;
}

static void same_records(const struct desk *a, const struct desk *b, enum desk_topic topic, int way)
{
    assert_int_equal(desk_count(a, topic), desk_count(b, topic));
    for (int32_t p = 0; p < DESK_PARTITIONS; p++) {
        for (int64_t at = 0; at < a->topics[topic].next[p]; at++) {
            const struct desk_record *x = desk_record_at(a, (int)topic, p, at);
            const struct desk_record *y = desk_record_at(b, (int)topic, p, at);

            assert_non_null(x);
            if (!y || !egw_str_eq(x->key, y->key) || !egw_str_eq(x->value, y->value))
                fail_msg("way %d: topic %d, partition %d, record %d differs", way, (int)topic,
                         (int)p, (int)at);
        }
    }
}

static void test_S55_any_worker_and_any_batching_write_the_same_bytes(void **state EGW_UNUSED)
{
    struct desk *first = work(0);

    assert_true(desk_count(first, DESK_OUTCOMES) > EVENTS);
    assert_true(desk_count(first, DESK_ESCALATIONS) > 5);
    for (int way = 1; way < WAYS; way++) {
        struct desk *other = work(way);

        same_records(first, other, DESK_OUTCOMES, way);
        same_records(first, other, DESK_ESCALATIONS, way);
        desk_free(other);
    }
    desk_free(first);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_S55_any_worker_and_any_batching_write_the_same_bytes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
