#define _GNU_SOURCE /* memmem */
/* P24: what a person wrote or is called stands in packages and waiting cases only. Each personal
 * field of the schemas carries a word found nowhere else; no outcome may hold it, whatever is
 * decided, noted, refused, due or made of a fact. */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>

#include "desk.h"

#define CANARY   "zq7canary"
#define WORD(of) "\"" CANARY "-" of "\""

/* Every field of class pii, and free ones where a source may write what it likes. */
static const char personal[] =
    ",\"impact\":" WORD("impact") ",\"title\":" WORD(
        "title") ",\"text\":\"AADSTS50057 " CANARY
                 "-text\",\"actor\":" WORD(
                     "actor") ",\"actor_"
                              "role\":" WORD(
                                  "role") ",\"feature\":" WORD("feature") ",\"reg"
                                                                          "ion\""
                                                                          ":" WORD("region") ",\""
                                                                                             "lan"
                                                                                             "gua"
                                                                                             "ge"
                                                                                             "\""
                                                                                             ":" WORD("language") ",\"support_language\":" WORD(
                                                                                                 "s"
                                                                                                 "u"
                                                                                                 "p"
                                                                                                 "p"
                                                                                                 "o"
                                                                                                 "r"
                                                                                                 "t") ",\"priority\":" WORD("priority") ",\"in_reply_to\":" WORD("reply") ",\"source_record\":" WORD("record") ",\"source_link\":" WORD("link") ",\"resource\":" WORD("resource") ",\"correlation_ids\":[" WORD("id") "],"
                                                                                                                                                                                                                                                                                                                      "\"requester\":{\"name\":" WORD("name") ",\"email\":" WORD(
                                                                                                                                                                                                                                                                                                                          "mail") ",\"phone\":" WORD("phone") "},\"contact\":{\"name\":" WORD("c-name") ",\"email\":" WORD("c-mail") ",\"phone\":" WORD("c-phone") "},\"extensions\":{" WORD("key") ":" WORD("value") "},\"diagnosis\":[{"
                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                      "\"kind\":\"check\",\"step\":" WORD("step") ",\"result\":" WORD("result") ",\"by\":" WORD("by") "},{\"kind\":\"attempt\",\"step\":" WORD(
                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                          "attempt") "}]";
static const char partner[] =
    DESK_FACT("{\"partner\":{\"partner\":\"litware\",\"kind\":\"indirect-provider\",\"csp\":true,"
              "\"contact_name\":" WORD("p-name") ",\"contact_email\":" WORD(
                  "p-mail") ",\"contact_phone\":" WORD("p-phone") "}}");

static int setup(void **state)
{
    struct desk *desk = desk_new(1767601800000); /* 2026-01-05, 08:30 */

    desk_fact(desk, partner);
    desk_fact(desk, DESK_FACT("{\"relation\":{\"partner\":\"litware\",\"customer\":\"adatum\","
                              "\"tenant\":\"t-adatum\"}}"));
    desk_fact(desk, DESK_FACT("{\"access\":{\"partner\":\"litware\",\"customer\":\"adatum\","
                              "\"status\":\"active\",\"assigned\":true,"
                              "\"roles\":[\"Service Support Administrator\"]}}"));
    desk_run(desk);
    *state = desk;
    return 0;
}

static int teardown(void **state)
{
    desk_free(*state);
    return 0;
}

static void event(struct desk *desk, const char *type, const char *case_id, const char *more)
{
    static int number;
    char line[8192];

    assert_true((size_t)snprintf(line, sizeof(line),
                                 "{\"event_id\":\"e%d\",\"event_type\":\"%s\",\"partner\":"
                                 "\"litware\",\"customer\":\"adatum\",\"case_id\":\"%s\","
                                 "\"occurred_at\":\"2026-01-05T08:30:00Z\"%s%s}",
                                 number++, type, case_id, personal, more) < sizeof(line));
    desk_event(desk, line);
    desk_run(desk);
}

static bool holds(struct egw_str bytes)
{
    return bytes.n && memmem(bytes.p, bytes.n, CANARY, strlen(CANARY));
}

static size_t found_in(const struct desk *desk, enum desk_topic topic)
{
    size_t found = 0;

    for (size_t i = 0; i < desk->topics[topic].n; i++)
        found +=
            holds(desk->topics[topic].records[i].key) + holds(desk->topics[topic].records[i].value);
    return found;
}

static void expect_clean_outcomes(struct desk *desk)
{
    const struct egw_outcome *outcome;

    while ((outcome = desk_outcome(desk, ""))) {
        if (holds(outcome->because) || holds(outcome->advice))
            fail_msg("%s/%.*s: %.*s", egw_action_names[outcome->action], EGW_FMT(outcome->code),
                     EGW_FMT(outcome->because));
    }
    assert_int_equal(found_in(desk, DESK_OUTCOMES), 0);
}

static void incident(struct desk *desk, const char *resolved)
{
    char line[512];

    (void)snprintf(line, sizeof(line),
                   "{\"as_of\":\"2026-01-05T08:30:00Z\",\"source\":\"t\",\"body\":{"
                   "\"health_issue\":{\"customer\":\"adatum\",\"id\":\"EX1\",\"service\":"
                   "\"Exchange Online\",\"classification\":\"incident\",\"status\":"
                   "\"serviceDegradation\",\"resolved\":%s}}}",
                   resolved);
    desk_fact(desk, line);
    desk_run(desk);
}

#define BILLING ",\"domain\":\"billing\",\"service\":\"Office 365\""
#define TECHNICAL(service)                                                                         \
    ",\"domain\":\"technical\",\"service\":\"" service "\",\"started_at\":\"2026-01-05T08:00:"     \
    "00Z\""

static void P24_no_outcome_holds_what_a_person_wrote_or_is_called(void **state)
{
    static const char *const opened[] = {
        "",
        BILLING,
        BILLING ",\"problem\":\"P\"",
        BILLING ",\"problem\":\"P\"",
        BILLING ",\"topic\":\"root-cause\"",
        BILLING ",\"topic\":" WORD("topic"),
        BILLING ",\"ask\":" WORD("ask"),
        BILLING ",\"severity\":" WORD("severity"),
        BILLING ",\"scope\":" WORD("scope"),
        BILLING ",\"use\":" WORD("use"),
        BILLING ",\"hosting\":" WORD("hosting"),
        BILLING ",\"environment\":" WORD("environment"),
        BILLING ",\"publisher\":" WORD("publisher"),
        BILLING ",\"traceparent\":" WORD("trace"),
        ",\"domain\":" WORD("domain"),
        ",\"domain\":\"technical\",\"service\":" WORD("service"),
        TECHNICAL("Entra ID"),
        TECHNICAL("Dynamics 365"),
        TECHNICAL("Windows Server"),
        TECHNICAL("Teams") ",\"symptom\":" WORD("symptom"),
        TECHNICAL("Teams") ",\"severity\":\"A\",\"available_24x7\":true",
        TECHNICAL("Teams") ",\"ask\":\"question\"",
    };
    static const char *const types[] = {
        "updated",     "diagnosed",   "attempt",    "confirmed", "approved", "declined",
        "released",    "case-number", "case-state", "link",      "unlink",   "redecide",
        "case-number", "closed",      "cleared",    "reopened",  "exploded"};
    struct desk *desk = *state;
    char id[16];

    incident(desk, "false");
    event(desk, "opened", "held", TECHNICAL("Exchange Online"));
    incident(desk, "true");
    for (size_t i = 0; i < EGW_COUNT(opened); i++) {
        (void)snprintf(id, sizeof(id), "c%zu", i);
        event(desk, "opened", id, opened[i]);
        event(desk, "opened", id, opened[i]);
    }
    for (size_t t = 0; t < EGW_COUNT(types); t++) {
        for (size_t i = 0; i < 3; i++) {
            (void)snprintf(id, sizeof(id), "c%zu", i);
            event(desk, types[t], id, ",\"number\":\"7\",\"link\":\"litware/adatum/c9\"");
        }
    }
    desk->now_ms += INT64_C(20) * 86400000; /* warnings, breaches, answers nobody gave */
    desk_run(desk);
    assert_true(desk_count(desk, DESK_OUTCOMES) > 100);
    expect_clean_outcomes(desk);
    assert_true(found_in(desk, DESK_ESCALATIONS) > 0); /* where it belongs; the search finds it */
}

static void P24_a_dead_letters_outcome_holds_none_of_its_bytes(void **state)
{
    static const char *const bytes[] = {
        CANARY,
        "\xC3\x01 " CANARY CANARY,
        "{\"text\":" WORD("json") "}",
    };
    struct desk *desk = *state;

    for (size_t i = 0; i < EGW_COUNT(bytes); i++)
        desk_raw(desk, DESK_EVENTS, 0, EGW_STR("litware/adatum"), egw_str_of(bytes[i]));
    desk_run(desk);
    assert_int_equal(desk_count(desk, DESK_DEAD_LETTERS), EGW_COUNT(bytes));
    expect_clean_outcomes(desk);
}

/* A field that becomes personal, or a new one, must carry the word above. */
static void P24_every_personal_field_of_the_schemas_is_tried(void **state)
{
    static const struct {
        const char *schema, *tried;
    } files[] = {{"SupportEvent", personal}, {"Reference", partner}};
    size_t fields = 0;

    (void)state;
    for (size_t i = 0; i < EGW_COUNT(files); i++) {
        char path[512], name[64], quoted[80];
        size_t n = 0;
        char *text, *rest, *line;

        (void)snprintf(path, sizeof(path), EGW_SOURCE_DIR "/schemas/%s.avsc", files[i].schema);
        text = read_file(path, &n);
        assert_non_null(text);
        rest = text;
        while ((line = strsep(&rest, "\n"))) {
            if (!strstr(line, "\"class\": \"pii\"") ||
                sscanf(line, " {\"name\": \"%63[^\"]\"", name) != 1)
                continue;
            (void)snprintf(quoted, sizeof(quoted), "\"%s\":", name);
            if (!strstr(files[i].tried, quoted))
                fail_msg("%s.%s is personal and not tried", files[i].schema, name);
            fields++;
        }
        free(text);
    }
    assert_true(fields >= 15);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(P24_no_outcome_holds_what_a_person_wrote_or_is_called),
        TEST(P24_a_dead_letters_outcome_holds_none_of_its_bytes),
        cmocka_unit_test(P24_every_personal_field_of_the_schemas_is_tried),
    };

    return cmocka_run_group_tests_name("canary", tests, NULL, NULL);
}
