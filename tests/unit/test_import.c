/* Exports as Microsoft's APIs answer them, and everything that is not one. */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>

#include "egw/import.h"
#include "egw/json.h"

#define TENANT "52ea0000-0000-0000-0000-000000000001"
#define ROLE   "f023fd81-a637-4b56-95fd-791ac0226033"

static struct egw_facts *known;
static struct egw_arena arena;
static struct egw_faults faults;
static struct egw_imported imported;

static int setup(void **state EGW_UNUSED)
{
    known = egw_facts_new();
    return known ? 0 : -1;
}

static int teardown(void **state EGW_UNUSED)
{
    egw_facts_free(known);
    egw_faults_free(&faults);
    egw_arena_free(&arena);
    return 0;
}

static void on_record(const char *body)
{
    struct egw_str line =
        egw_arena_printf(&arena, "{\"as_of\":5,\"source\":\"t\",\"body\":%s}", body);
    struct egw_buf key = {0};
    struct egw_reference reference;
    struct egw_error err;

    if (egw_json_read(line, &egw_type_reference, &arena, &reference, &err) ||
        egw_reference_key(&reference, &key, &err) ||
        egw_facts_take(known, egw_buf_str(&key), &reference, 1, &err))
        fail_msg("%s", err.text);
    egw_buf_free(&key);
}

static void fabrikam_is_on_record(void)
{
    on_record(
        "{\"relation\":{\"partner\":\"litware\",\"customer\":\"fabrikam\",\"tenant\":\"" TENANT
        "\",\"aliases\":[\"Fab\"],\"reseller\":\"tailspin\"}}");
}

static enum egw_status import_texts(const char *const *texts, size_t n, bool assigned)
{
    static const char *const names[] = {"a.json", "b.json", "c.json"};
    struct egw_import how = {.partner = EGW_STR("litware"),
                             .customer = EGW_STR("fabrikam"),
                             .assigned = assigned,
                             .known = known};
    struct egw_import_file files[3];

    for (size_t i = 0; i < n; i++)
        files[i] = (struct egw_import_file){names[i], egw_str_of(texts[i]), 77};
    return egw_import(files, n, &how, &arena, &imported, &faults);
}

#define IMPORT(...)                                                                                \
    import_texts((const char *const[]){__VA_ARGS__},                                               \
                 sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *), false)

/* The facts as lines of `list`, each ended by a newline. */
static const char *lines(void)
{
    const struct egw_reference *facts = imported.facts.p;
    struct egw_buf text = {0};
    struct egw_str kept;

    for (size_t i = 0; i < imported.facts.n; i++) {
        struct egw_error err;

        if (egw_json_write(&egw_type_reference, &facts[i], EGW_JSON_LINE, NULL, &text, &err) ||
            egw_buf_put(&text, "\n", 1))
            fail_msg("%s", err.text);
    }
    assert_false(egw_buf_put(&text, "", 1));
    assert_true(egw_arena_str(&arena, egw_buf_str(&text), &kept));
    egw_buf_free(&text);
    return kept.p;
}

static void must(enum egw_status st)
{
    if (st)
        fail_msg("%s: %s", egw_status_name(st), faults.n ? faults.texts[0] : "");
}

#define CUSTOMERS(more)                                                                            \
    "{\"totalCount\":1,\"items\":[{\"id\":\"" TENANT                                               \
    "\",\"companyProfile\":{\"tenantId\":\"" TENANT                                                \
    "\",\"domain\":\"Fabrikam.example\",\"companyName\":\"Fabrikam\"},"                            \
    "\"relationshipToPartner\":\"reseller\"}]" more "}"
#define RELATIONSHIP(id, status, ends, extends, more)                                              \
    "{\"id\":\"" id "\",\"status\":\"" status "\",\"endDateTime\":\"" ends                         \
    "\",\"autoExtendDuration\":\"" extends "\",\"customer\":{\"tenantId\":\"" TENANT               \
    "\",\"displayName\":\"Fabrikam\"},\"accessDetails\":{\"unifiedRoles\":"                        \
    "[{\"roleDefinitionId\":\"" ROLE "\"}]}" more "}"
#define ASSIGNMENT(status, role, more)                                                             \
    "{\"id\":\"a\",\"status\":\"" status "\",\"accessContainer\":{\"accessContainerId\":\"g\"},"   \
    "\"accessDetails\":{\"unifiedRoles\":[{\"roleDefinitionId\":\"" role "\"}]}" more "}"
#define VALUE(items) "{\"value\":[" items "]}"
#define ACCESS(body)                                                                               \
    "{\"as_of\":\"1970-01-01T00:00:00.077Z\",\"source\":\"microsoft-graph\","                      \
    "\"body\":{\"access\":{\"partner\":\"litware\",\"customer\":\"fabrikam\"," body "}}}\n"

static void test_a_new_customer_is_named_by_its_domain(void **state EGW_UNUSED)
{
    must(IMPORT("\xef\xbb\xbf" CUSTOMERS(",\"links\":{\"next\":{\"uri\":\"x\"}}")));
    assert_string_equal(
        lines(), "{\"as_of\":\"1970-01-01T00:00:00.077Z\",\"source\":\"partner-center\",\"body\":"
                 "{\"relation\":{\"partner\":\"litware\",\"customer\":\"fabrikam.example\","
                 "\"tenant\":\"" TENANT "\",\"domains\":[\"fabrikam.example\"],"
                 "\"aliases\":[\"Fabrikam\"]}}}\n");
    assert_int_equal(imported.pages.n, 1); /* the list goes on, and somebody should know */
}

static void test_a_known_customer_keeps_its_name_aliases_and_reseller(void **state EGW_UNUSED)
{
    fabrikam_is_on_record();
    must(IMPORT(CUSTOMERS("")));
    assert_string_equal(
        lines(),
        "{\"as_of\":\"1970-01-01T00:00:00.077Z\",\"source\":\"partner-center\",\"body\":"
        "{\"relation\":{\"partner\":\"litware\",\"customer\":\"fabrikam\",\"tenant\":\"" TENANT
        "\",\"domains\":[\"fabrikam.example\"],\"aliases\":[\"Fab\",\"Fabrikam\"],"
        "\"reseller\":\"tailspin\"}}}\n");
    assert_int_equal(imported.pages.n, 0);
}

static void test_a_customer_who_left_is_no_longer_active(void **state EGW_UNUSED)
{
    must(IMPORT("[{\"id\":\"" TENANT
                "\",\"companyProfile\":{},\"relationshipToPartner\":\"none\"}]"));
    assert_non_null(strstr(lines(), "\"active\":false"));
}

/* S07: a relationship gives access only through a group's active assignment. */
static void test_S07_an_active_assignment_gives_access(void **state EGW_UNUSED)
{
    on_record(
        "{\"access\":{\"partner\":\"litware\",\"customer\":\"fabrikam\",\"status\":\"active\","
        "\"assigned\":true,\"rbac\":[\"sub-1\"]}}");
    fabrikam_is_on_record();
    must(IMPORT(VALUE(RELATIONSHIP("r1", "active", "2027-02-10T11:24:42Z", "P180D", "")),
                "{\"@odata.context\":\"https://x/$metadata#tenantRelationships/"
                "delegatedAdminRelationships('r1')/accessAssignments\",\"value\":[" ASSIGNMENT(
                    "active", ROLE, "") "]}"));
    assert_string_equal(lines(), ACCESS("\"status\":\"active\",\"assigned\":true,\"roles\":[\"" ROLE
                                        "\"],\"ends_at\":\"2027-02-10T11:24:42.000Z\","
                                        "\"auto_extend\":true,\"rbac\":[\"sub-1\"]"));
}

static void test_S07_an_assignment_that_is_pending_gives_none(void **state EGW_UNUSED)
{
    fabrikam_is_on_record();
    must(IMPORT(RELATIONSHIP("r1", "active", "2027-02-10T11:24:42Z", "PT0S",
                             ",\"accessAssignments\":[" ASSIGNMENT("pending", ROLE, "") "]")));
    assert_string_equal(lines(), ACCESS("\"status\":\"active\",\"assigned\":false,"
                                        "\"ends_at\":\"2027-02-10T11:24:42.000Z\""));
}

/* S09: what ended is on record as ended, with its date. */
static void test_S09_an_ended_relationship_says_when(void **state EGW_UNUSED)
{
    fabrikam_is_on_record();
    must(IMPORT(RELATIONSHIP("r1", "expired", "2026-01-03T00:00:00Z", "PT0S", "")));
    assert_string_equal(lines(),
                        ACCESS("\"status\":\"expired\",\"assigned\":false,\"roles\":[\"" ROLE
                               "\"],\"ends_at\":\"2026-01-03T00:00:00.000Z\""));
}

static void test_a_further_delegation_counts_where_it_adds_a_role(void **state EGW_UNUSED)
{
    fabrikam_is_on_record();
    must(import_texts(
        (const char *const[]){VALUE(
            RELATIONSHIP("old", "terminated", "2025-01-01T00:00:00Z", "PT0S", "") "," RELATIONSHIP(
                "again", "active", "2026-06-01T00:00:00Z", "PT0S",
                "") "," RELATIONSHIP("long", "active", "2027-01-01T00:00:00Z", "PT0S",
                                     "") ","
                                         "{\"id\":\"more\",\"status\":\"active\",\"endDateTime\":"
                                         "\"2026-09-01T00:00:00Z\","
                                         "\"customer\":{\"tenantId\":\"" TENANT
                                         "\"},\"accessDetails\":{\"unifiedRoles\":"
                                         "[{\"roleDefinitionId\":\"Reader\"}]}}")},
        1, true));
    assert_string_equal(lines(), ACCESS("\"status\":\"active\",\"assigned\":true,\"roles\":[\"" ROLE
                                        "\",\"reader\"],\"ends_at\":\"2026-09-01T00:00:00.000Z\""));
}

static void test_a_customer_may_come_with_the_same_import(void **state EGW_UNUSED)
{
    must(import_texts(
        (const char *const[]){RELATIONSHIP("r1", "active", "2027-01-01T00:00:00Z", "PT0S", ""),
                              CUSTOMERS("")},
        2, true));
    assert_int_equal(imported.facts.n, 2);
    assert_non_null(strstr(lines(), "\"access\":{\"partner\":\"litware\",\"customer\":"
                                    "\"fabrikam.example\""));
}

#define ISSUE(id, classification, more)                                                            \
    "{\"id\":\"" id "\",\"title\":\"Delays\",\"classification\":\"" classification                 \
    "\",\"status\":\"serviceDegradation\",\"service\":\"Exchange Online\",\"feature\":\"Mail\","   \
    "\"featureGroup\":\"E-mail\",\"isResolved\":false,\"startDateTime\":\"2026-01-05T07:50:00Z\"," \
    "\"endDateTime\":null" more "}"

static void test_health_with_its_issues(void **state EGW_UNUSED)
{
    fabrikam_is_on_record();
    must(IMPORT("{\"value\":[{\"id\":\"Exchange\",\"service\":\"Exchange Online\",\"status\":"
                "\"ServiceDegradation\",\"issues\":[" ISSUE("EX1", "Incident", "") "]}]}",
                VALUE(ISSUE("EX1", "incident", "") "," ISSUE("EX2", "advisory", ""))));
    assert_int_equal(imported.facts.n, 3); /* EX1 came twice and is one */
    assert_non_null(strstr(lines(), "{\"health_snapshot\":{\"customer\":\"fabrikam\",\"service\":"
                                    "\"Exchange Online\",\"status\":\"ServiceDegradation\","
                                    "\"issues\":[\"EX1\"]}}"));
    assert_non_null(
        strstr(lines(),
               "{\"health_issue\":{\"customer\":\"fabrikam\",\"id\":\"EX1\",\"service\":\"Exchange "
               "Online\",\"feature\":\"Mail\",\"feature_group\":\"E-mail\",\"classification\":"
               "\"incident\",\"status\":\"serviceDegradation\",\"resolved\":false,\"starts_at\":"
               "\"2026-01-05T07:50:00.000Z\",\"title\":\"Delays\"}}"));
}

/* Azure Service Health: a service issue region by region, with the end of each; the rest once. */
static void test_S13_events_of_azure_service_health_are_issues(void **state EGW_UNUSED)
{
    static const char event[] =
        "{\"value\":[{\"name\":\"1KFM-DQ0\",\"properties\":{\"eventType\":\"ServiceIssue\","
        "\"eventSource\":\"ServiceHealth\",\"status\":\"Active\",\"title\":\"Machines\","
        "\"impactStartTime\":\"2026-01-05T07:50:00Z\",\"impactMitigationTime\":"
        "\"2026-01-05T08:40:00Z\",\"impact\":[{\"impactedService\":\"Virtual Machines\","
        "\"impactedRegions\":[{\"impactedRegion\":\"West Europe\",\"status\":\"Active\"},"
        "{\"impactedRegion\":\"North Europe\",\"status\":\"Resolved\"}]},"
        "{\"impactedService\":\"Microsoft Azure portal\",\"impactedRegions\":["
        "{\"impactedRegion\":\"Global\"}]}]}}]}";
    static const char advisory[] =
        "{\"name\":\"CL84-JF0\",\"eventType\":\"HealthAdvisory\",\"eventSource\":"
        "\"ServiceHealth\",\"status\":\"Active\",\"impact\":[{\"impactedService\":\"Storage\","
        "\"impactedRegions\":[{\"impactedRegion\":\"West Europe\"},{\"impactedRegion\":"
        "\"North Europe\"}]}]}";

    fabrikam_is_on_record();
    must(IMPORT(event, event, advisory));
    assert_int_equal(imported.facts.n, 4); /* told twice, it is one */
#define FIRST                                                                                      \
    "\"source\":\"azure-service-health\",\"body\":{\"health_issue\":{\"customer\":\"fabrikam\","   \
    "\"id\":"
    assert_non_null(strstr(
        lines(), FIRST
        "\"1KFM-DQ0.virtual-machines.west-europe\",\"service\":\"Virtual Machines\",\"region\":"
        "\"West Europe\",\"classification\":\"incident\",\"status\":\"Active\",\"resolved\":false,"
        "\"starts_at\":\"2026-01-05T07:50:00.000Z\",\"title\":\"Machines\"}}"));
    assert_non_null(strstr(
        lines(), FIRST
        "\"1KFM-DQ0.virtual-machines.north-europe\",\"service\":\"Virtual Machines\",\"region\":"
        "\"North Europe\",\"classification\":\"incident\",\"status\":\"Resolved\",\"resolved\":"
        "true,\"starts_at\":\"2026-01-05T07:50:00.000Z\",\"ends_at\":"
        "\"2026-01-05T08:40:00.000Z\",\"title\":\"Machines\"}}"));
    assert_non_null(strstr(lines(), FIRST "\"1KFM-DQ0.microsoft-azure-portal.global\",\"service\":"
                                          "\"Microsoft Azure portal\",\"classification\":"));
    assert_non_null(strstr(lines(), FIRST "\"CL84-JF0.storage\",\"service\":\"Storage\","
                                          "\"classification\":\"advisory\""));
#undef FIRST
}

static void test_faults_name_file_and_member(void **state EGW_UNUSED)
{
    static const struct {
        const char *text, *expected;
    } cases[] = {
        {"{\"value\":[", "a.json:1: no JSON: ']' expected near end of file"},
        {"7", "a.json:1: no JSON: '[' or '{' expected near '7'"},
        {"{\"a\":1,\"a\":2}", "a.json:1: no JSON: duplicate object key near '\"a\"'"},
        {"[7]", "a.json:[0]: must be an object"},
        {"{\"value\":[{\"x\":1,\"y\":2}]}",
         "a.json:value[0]: is no shape that can be imported: it has x, y"},
        {"{}", "a.json: is no shape that can be imported: it has no members"},
        {"{\"items\":[{\"mpnId\":\"1\",\"relationshipType\":\"x\"}]}",
         "a.json:items[0]: is an indirect relationship of Partner Center, which has no import"},
        {"{\"value\":[{\"name\":\"1KFM-DQ0\",\"eventType\":\"ServiceIssue\",\"eventSource\":"
         "\"ServiceHealth\",\"status\":\"Active\"}]}",
         "a.json:value[0].impact: must be a list"},
        {"{\"name\":\"1KFM-DQ0\",\"properties\":{\"eventType\":\"ServiceIssue\",\"eventSource\":"
         "\"ServiceHealth\",\"status\":\"Active\",\"impact\":[{}]}}",
         "a.json:impact: names no impactedService"},
        {VALUE(ISSUE("EX1", "Outage", "")),
         "a.json:value[0].classification: Outage is neither incident nor advisory"},
        {VALUE("{\"service\":7,\"status\":\"x\"}"), "a.json:value[0].service: must be a text"},
        {VALUE("{\"service\":\"\",\"status\":\"x\"}"), "a.json:value[0].service: is empty"},
        {VALUE(RELATIONSHIP("r1", "active", "soon", "PT0S", ",\"accessAssignments\":[]")),
         "a.json:value[0].endDateTime: soon is no time"},
        {VALUE(RELATIONSHIP("r1", "active", "2027-01-01T00:00:00Z", "PT0S", "")),
         "a.json:value[0]: no access assignments of r1 are in this import: add them, or say "
         "--assigned"},
        {VALUE(ASSIGNMENT("active", ROLE, "")),
         "a.json:value[0]: does not say whose assignment it is: neither @odata.context nor "
         "delegatedAdminRelationshipId names a relationship"},
        {"{\"value\":[{\"id\":\"r\",\"status\":\"active\",\"customer\":{\"tenantId\":\"t-9\"},"
         "\"accessDetails\":{}}]}",
         "a.json:value[0].customer.tenantId: no customer of litware has the tenant t-9: import the "
         "list of customers too"},
        {"[{\"companyProfile\":{\"tenantId\":\"t\"},\"id\":\"t\"},"
         "{\"companyProfile\":{\"tenantId\":\"T\"},\"id\":\"t\"}]",
         "a.json:[1]: the customer T is there twice"},
    };

    fabrikam_is_on_record();
    for (size_t i = 0; i < EGW_COUNT(cases); i++) {
        assert_int_equal(IMPORT(cases[i].text), EGW_INVALID);
        assert_true(faults.n > 0);
        assert_string_equal(faults.texts[0], cases[i].expected);
        egw_faults_free(&faults);
    }
}

static void test_health_without_a_customer_is_refused(void **state EGW_UNUSED)
{
    struct egw_import how = {
        .partner = EGW_STR("litware"), .customer = EGW_STR(""), .known = known};
    struct egw_import_file file = {"h.json", EGW_STR(VALUE(ISSUE("EX1", "incident", ""))), 1};

    assert_int_equal(egw_import(&file, 1, &how, &arena, &imported, &faults), EGW_INVALID);
    assert_string_equal(faults.texts[0], "h.json:value[0]: service health does not say whose it "
                                         "is: name the customer");
}

/* Answers of the real API, and the examples of its reference. */
static void test_published_payloads_are_read_or_refused_by_name(void **state EGW_UNUSED)
{
    static const struct {
        const char *file;
        size_t facts; /* 0: refused */
    } cases[] = {
        {"graph-healthoverviews-expand-issues.json", 2},
        {"graph-healthoverviews-list.json", 3},
        {"graph-healthoverviews-recorded.json", 4},
        {"graph-issue-get.json", 1},
        {"graph-issues-list.json", 1},
        {"graph-issues-recorded.json", 3},
        {"graph-messages-recorded.json", 0},
        {"azure-service-health-events.json", 10 + 11}, /* incidents, and services advised of */
    };

    fabrikam_is_on_record();
    for (size_t i = 0; i < EGW_COUNT(cases); i++) {
        char path[512];
        char *text;

        (void)snprintf(path, sizeof(path), "%s/service-health/%s", EGW_SHARED_DATA, cases[i].file);
        text = read_file(path, NULL);
        if (!text)
            skip();
        assert_int_equal(IMPORT(text), cases[i].facts ? EGW_OK : EGW_INVALID);
        if (cases[i].facts)
            assert_int_equal(imported.facts.n, cases[i].facts);
        else
            assert_non_null(strstr(faults.texts[0], "which has no import"));
        egw_faults_free(&faults);
        free(text);
    }
}

/* Whatever is cut off or turned around is refused in words or read; never more than that. */
static void test_no_cut_of_an_export_does_harm(void **state EGW_UNUSED)
{
    static const char whole[] =
        "{\"value\":[{\"id\":\"Exchange\",\"service\":\"E\",\"status\":\"x\","
        "\"issues\":[" ISSUE("EX1", "incident", "") ",7]}," RELATIONSHIP(
            "r1", "active", "2027-01-01T00:00:00Z", "P180D",
            ",\"accessAssignments\":[7,{\"status\":1}]") "]}";
    char text[sizeof(whole)];

    fabrikam_is_on_record();
    for (size_t n = 0; n < sizeof(whole); n++) {
        memcpy(text, whole, n);
        text[n] = '\0';
        assert_int_equal(IMPORT(text), EGW_INVALID);
        egw_faults_free(&faults);
    }
    for (size_t i = 0; i + 1 < sizeof(whole); i++) {
        memcpy(text, whole, sizeof(whole));
        text[i] = text[i] == '"' ? '7' : '"';
        (void)IMPORT(text);
        egw_faults_free(&faults);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_a_new_customer_is_named_by_its_domain),
        TEST(test_a_known_customer_keeps_its_name_aliases_and_reseller),
        TEST(test_a_customer_who_left_is_no_longer_active),
        TEST(test_S07_an_active_assignment_gives_access),
        TEST(test_S07_an_assignment_that_is_pending_gives_none),
        TEST(test_S09_an_ended_relationship_says_when),
        TEST(test_a_further_delegation_counts_where_it_adds_a_role),
        TEST(test_a_customer_may_come_with_the_same_import),
        TEST(test_health_with_its_issues),
        TEST(test_S13_events_of_azure_service_health_are_issues),
        TEST(test_faults_name_file_and_member),
        TEST(test_health_without_a_customer_is_refused),
        TEST(test_published_payloads_are_read_or_refused_by_name),
        TEST(test_no_cut_of_an_export_does_harm),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
