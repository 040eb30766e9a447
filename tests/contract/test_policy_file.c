#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "catalogue_double.h"
#include "egw/policy_file.h"

#define POLICY_DIR    EGW_SOURCE_DIR "/config/policy"
#define CATALOGUE_DIR EGW_SOURCE_DIR "/config/catalogue"

/* A policy of a few lines; what a test adds stands in extra.cfg. */
static const char base[] =
    "domains = [\"technical\"];\n"
    "topics = [\"quota\"];\n"
    "severities = [\"A\", \"C\"];\n"
    "default-severity = \"C\";\n"
    "plans = [\"csp\"];\n"
    "services = ( { id = \"azure\"; name = \"Azure\"; family = \"azure\"; cloud = true; } );\n"
    "channels = ( { id = \"commercial\"; name = \"C\"; entitlement = \"csp\"; source = \"S\"; } "
    ");\n";

static struct egw_policy_file file(const char *name, const char *content)
{
    return (struct egw_policy_file){egw_str_of(name), egw_str_of(content)};
}

#define LAST(stage, then)                                                                          \
    "stage = \"" stage "\"; rules = ( { id = \"z." stage "\"; " then                               \
    " because = \"b\"; source = \"S\"; } );"

static enum egw_status compile_with(const char *extra, struct egw_policy **ret,
                                    struct egw_faults *faults)
{
    struct egw_policy_file files[] = {
        file("base.cfg", base),
        file("z-validity.cfg", LAST("validity", "then = \"next\";")),
        file("z-access.cfg", LAST("access", "then = \"next\";")),
        file("z-health.cfg", LAST("health", "then = \"next\";")),
        file("z-baseline.cfg", LAST("baseline", "then = \"next\";")),
        file("z-channel.cfg", LAST("channel", "then = \"NOT_ENTITLED\"; code = \"NO_PLAN\";")),
        file("extra.cfg", extra),
        file("catalogue/x.tsv", "good"),
    };

    return egw_policy_compile(files, EGW_COUNT(files), ret, faults);
}

static void the_small_policy_compiles(void **state EGW_UNUSED)
{
    struct egw_policy *policy = NULL;
    struct egw_faults faults = {0};
    enum egw_status st = compile_with("", &policy, &faults);

    egw_faults_print(&faults, stderr);
    assert_int_equal(st, EGW_OK);
    assert_int_equal(egw_policy_rule_count(policy), 5);
    assert_string_equal(egw_policy_service(policy, EGW_STR("AZURE"))->name.p, "Azure");
    assert_null(egw_policy_service(policy, EGW_STR("contoso")));
    assert_null(egw_policy_service(policy, EGW_STR_NONE));
    egw_policy_free(policy);
    egw_faults_free(&faults);
}

#define RULE(fields)                                                                               \
    "stage = \"channel\";\nrules = (\n{ id = \"r1\"; because = \"b\"; source = \"S\"; " fields     \
    " } );"

#define DEMAND(fields) "demands = ( { id = \"d1\"; because = \"b\"; source = \"S\"; " fields " } );"

static const struct bad {
    const char *input, *fault;
} bads[] = {
    {"domains = [\"x\"", "extra.cfg:1: syntax error"},
    {"a = 1;", "extra.cfg:1: a policy has no key \"a\""},
    {"\n\ntopics = 5;", "extra.cfg:3: topics is not a text"},
    {"topics = [1, 2];", "extra.cfg:1: topics holds something that is not a text"},
    {"topics = \"Quota\";", "extra.cfg:1: topic \"Quota\" is there already"},
    {"topics = \"so so\";",
     "extra.cfg:1: topic \"so so\" is not a name: 1 to 64 letters, digits, dots, dashes"},
    {"topics = \"invalid\";", "extra.cfg:1: topic \"invalid\" is there already"},
    {"horizon = \"3 weeks\";", "extra.cfg:1: horizon is not a time like \"30m\", \"8h\" or \"7d\""},
    {"horizon = 5000000000;", "extra.cfg:1: horizon is not a time like \"30m\", \"8h\" or \"7d\""},
    {"horizon = \"0d\";", "extra.cfg:1: horizon is not a time like \"30m\", \"8h\" or \"7d\""},
    {"max-age = { helth = \"5m\"; };", "extra.cfg:1: there is no kind of fact \"helth\""},
    {"max-age = 5;", "extra.cfg:1: max-age is not written as { ... }"},
    {"services = ( 5 );", "extra.cfg:1: services holds an entry that is not written as { ... }"},
    {"services = { id = \"x\"; };", "extra.cfg:1: services is not written as ( { ... }, ... )"},
    {"services = ( { id = \"t\"; name = \"T\"; family = \"f\"; } );",
     "extra.cfg:1: a service lacks \"cloud\""},
    {"services = ( { id = \"t\"; name = \"T\"; family = \"f\"; cloud = 1; } );",
     "extra.cfg:1: cloud is neither true nor false"},
    {"services = ( { id = \"t\"; name = \"azure\"; family = \"f\"; cloud = true; } );",
     "extra.cfg:1: service \"t\" is named \"azure\", and so is \"azure\""},
    {"sources = ( { id = \"S\"; where = \"w\"; date = \"2026\"; } ); services = ( { id = \"t\"; "
     "name = \"T\"; family = \"f\"; cloud = true;\n"
     "portal = \"https://t\"; source = \"S\"; source-usgov = \"U\"; } );",
     "extra.cfg:1: service \"t\": there is no source \"U\""},
    {"sources = ( { id = \"S\"; where = \"w\"; date = \"2026\"; } ); limits = ( { action = "
     "\"HANDOFF\"; within = \"4h\"; source = \"T\"; } );",
     "extra.cfg:1: limit of \"HANDOFF\": there is no source \"T\""},
    {"sources = ( { id = \"S\"; where = \"w\"; date = \"2026\"; } ); calendars = ( { id = \"x\"; "
     "zone = \"UTC\"; hours = \"24x7\"; source = \"T\"; } );",
     "extra.cfg:1: calendar \"x\": there is no source \"T\""},
    {"sources = ( { id = \"S\"; where = \"w\"; date = \"2026\"; } ); access-needs = ( { rbac = "
     "true; source = \"T\"; } );",
     "extra.cfg:1: access need: there is no source \"T\""},
    {"sources = ( { id = \"S\"; where = \"w\"; date = \"2026-99-01\"; } );",
     "extra.cfg:1: source \"S\": \"2026-99-01\" is no date such as 2026-01-05, 2026-01 or 2026"},
    {"sources = ( { id = \"S\"; where = \"w\"; date = \"soon\"; } );",
     "extra.cfg:1: source \"S\": \"soon\" is no date such as 2026-01-05, 2026-01 or 2026"},
    {"channels = ( { id = \"plan\"; name = \"P\"; entitlement = \"csp\"; source = \"S\"; } );",
     "extra.cfg:1: channel \"plan\" has the name of another channel or fact"},
    {"channels = ( { id = \"p\"; name = \"P\"; entitlement = \"paid\"; source = \"S\"; } );",
     "extra.cfg:1: entitlement is none of csp, program, contract, membership"},
    {"channels = ( { id = \"p\"; name = \"P\"; entitlement = \"contract\"; source = \"S\"; } );",
     "extra.cfg:1: channel \"p\" does not name its plan"},
    {"channels = ( { id = \"p\"; name = \"P\"; entitlement = \"csp\"; source = \"S\";\n"
     "since = \"soon\"; } );",
     "extra.cfg:2: since is not a date like \"2026-01-05\""},
    {"limits = ( { action = \"HANDOF\"; within = \"4h\"; source = \"S\"; } );",
     "extra.cfg:1: there is no action \"HANDOF\""},
    {"limits = ( { action = \"HANDOFF\"; severities = \"D\"; within = \"4h\"; source = \"S\"; } );",
     "extra.cfg:1: severity has no value \"D\""},
    {"limits = ( { action = \"HANDOFF\"; within = \"4h\"; } );",
     "extra.cfg:1: a limit lacks \"source\""},
    {"limits = ( { action = \"CLOSED\"; within = \"4h\"; source = \"S\"; } );",
     "extra.cfg:1: CLOSED leaves nothing to wait for"},
    {"limits = ( { action = \"NOTED\"; within = \"4h\"; source = \"S\"; } );",
     "extra.cfg:1: NOTED leaves nothing to wait for"},
    {"limits = ( { action = \"HELD\"; within = \"4h\"; source = \"S\";\notherwise = \"opened\"; } "
     ");",
     "extra.cfg:2: \"opened\" is no answer to HELD"},
    {"limits = ( { action = \"HANDOFF\"; within = \"4h\"; source = \"S\";\n"
     "otherwise = \"approved\"; } );",
     "extra.cfg:2: \"approved\" is no answer to HANDOFF"},
    {"limits = ( { action = \"FILED\"; within = \"4h\"; source = \"S\";\nchannels = \"family\"; } "
     ");",
     "extra.cfg:2: there is no channel \"family\""},
    {"limits = ( { action = \"FILED\"; within = \"4h\"; source = \"S\"; warn = \"4h\"; } );",
     "extra.cfg:1: the warning would come before the time begins"},
    {"limits = ( { action = \"FILED\"; within = \"4h\"; source = \"S\";\ncalendar = \"dusk\"; } );",
     "extra.cfg:2: there is no calendar \"dusk\""},
    {"calendars = ( { id = \"c\"; zone = \"Asia/Tokyo\"; hours = \"24x7\"; source = \"S\"; } );",
     "extra.cfg:1: calendar \"c\": zone 'Asia/Tokyo' needs its rules, as "
     "CET-1CEST,M3.5.0,M10.5.0/3"},
    {"calendars = ( { id = \"statement\"; zone = \"UTC\"; hours = \"24x7\"; source = \"S\"; } );",
     "extra.cfg:1: calendar \"statement\" is there already"},
    {"calendars = ( { id = \"c\"; zone = \"UTC\"; hours = \"24x7\"; source = \"S\"; },\n"
     "{ id = \"c\"; zone = \"UTC\"; hours = \"24x7\"; source = \"S\"; } );",
     "extra.cfg:2: calendar \"c\" is there already"},
    {"access-needs = ( { services = \"azur\"; } );", "extra.cfg:1: service has no value \"azur\""},
    {"priorities = ( { system = \"s\"; severity = \"X\"; priorities = [\"1\"]; } );",
     "extra.cfg:1: severity has no value \"X\""},
    {"rules = ( );", "extra.cfg:1: the file has rules and does not say of which stage"},
    {"stage = \"chanel\";",
     "extra.cfg:1: stage is none of validity, access, health, baseline, channel"},
    {"  @include \"/etc/passwd\"", "extra.cfg:1: @include is not allowed in a policy"},
    {"\n\r\n @include \"x\"", "extra.cfg:3: @include is not allowed in a policy"},
    {"topics = \"\xff\";", "extra.cfg: the file is not UTF-8"},
    {RULE("then = \"HANDOFF\"; channel = \"commercial\"; chanel = \"commercial\";"
          "when = { plan = \"csp\"; };"),
     "extra.cfg:3: a rule has no key \"chanel\""},
    {RULE("then = \"HANDOFF\";"), "extra.cfg:3: rule \"r1\": HANDOFF needs a channel"},
    {RULE("then = \"HANDOFF\"; channel = \"gold\";"),
     "extra.cfg:3: rule \"r1\": there is no channel \"gold\""},
    {RULE("then = \"HANDOFF\"; channel = \"commercial\"; mode = \"api\";"),
     "extra.cfg:3: rule \"r1\": the mode of HANDOFF is \"hand-off\""},
    {RULE("then = \"TO_PROVIDER\"; channel = \"commercial\";"),
     "extra.cfg:3: rule \"r1\": only ESCALATED and HANDOFF have a channel and a mode"},
    {RULE("then = \"TO_PROVIDER\"; code = \"X\";"),
     "extra.cfg:3: rule \"r1\": TO_PROVIDER has no code"},
    {RULE("then = \"HELD\";"), "extra.cfg:3: rule \"r1\": HELD needs a code"},
    {RULE("then = \"HELD\"; code = \"POL\";"),
     "extra.cfg:3: rule \"r1\": HELD has no code \"POL\" in this stage"},
    {RULE("then = \"REJECTED\"; code = \"BAD_FIELD\";"),
     "extra.cfg:3: rule \"r1\": REJECTED is no action of stage CHANNEL"},
    {RULE("then = \"NOTED\";"), "extra.cfg:3: rule \"r1\": rules cannot do \"NOTED\""},
    {RULE("then = \"next\";"), "extra.cfg:3: rule \"r1\": there is no stage after channel"},
    {RULE("then = \"HELD\"; code = \"POLICY\"; owner = \"boss\";"),
     "extra.cfg:3: rule \"r1\": there is no owner \"boss\""},
    {RULE("then = \"TO_PROVIDER\"; when = { weather = \"fine\"; };"),
     "extra.cfg:3: there is no fact \"weather\""},
    {RULE("then = \"TO_PROVIDER\"; when = { plan = \"gold\"; };"),
     "extra.cfg:3: plan has no value \"gold\""},
    {RULE("then = \"TO_PROVIDER\"; when = { plan = [\"csp\", \"!none\"]; };"),
     "extra.cfg:3: plan mixes values with and without \"!\""},
    {RULE("then = \"TO_PROVIDER\"; when = { plan = [ ]; };"),
     "extra.cfg:3: plan has an empty list of values"},
    {RULE("then = \"TO_PROVIDER\"; when = 5;"), "extra.cfg:3: when is not written as { ... }"},
    {RULE("then = \"TO_PROVIDER\"; since = \"2026-02-01\"; until = \"2026-01-01\";"),
     "extra.cfg:3: since is not before until"},
    {RULE("then = \"TO_PROVIDER\";"),
     "extra.cfg:3: rule \"r1\" takes every event: no rule after it can decide"},
    {RULE("then = \"TO_PROVIDER\"; when = { package = \"complete\"; };"),
     "extra.cfg:3: package is known once a channel is chosen: no rule can test it"},
    {DEMAND("wants = \"shoe size\"; code = \"CLASSIFY\";"),
     "extra.cfg:1: no form wants \"shoe size\""},
    {DEMAND("wants = [ ]; code = \"CLASSIFY\";"), "extra.cfg:1: demand \"d1\" wants nothing"},
    {DEMAND("wants = \"title\"; channels = \"gold\";"),
     "extra.cfg:1: there is no channel \"gold\""},
    {DEMAND("wants = \"title\"; code = \"POLICY\";"),
     "extra.cfg:1: rule \"d1\": BASELINE has no code \"POLICY\" in this stage"},
    {DEMAND("wants = \"title\"; when = { weather = \"fine\"; };"),
     "extra.cfg:1: there is no fact \"weather\""},
    {"sources = ( { id = \"S\"; where = \"w\"; date = \"2026\"; },\n"
     "{ id = \"S\"; where = \"w\"; date = \"2026\"; } );",
     "extra.cfg:2: source \"S\" is there already"},
    {"sources = ( { id = \"S\"; where = \"w\"; date = \"\"; } );",
     "extra.cfg:1: source \"S\" has no date"},
    {"stage = \"channel\"; rules = ( { id = \"r1\"; then = \"TO_PROVIDER\"; because = \"b\"; } );",
     "extra.cfg:1: a rule lacks \"source\""},
    {"stage = \"channel\"; rules = ( { id = \"z.health\"; when = { ask = \"issue\"; };\n"
     "then = \"TO_PROVIDER\"; because = \"b\"; source = \"S\"; } );",
     "z-health.cfg:1: rule \"z.health\" is there already, at extra.cfg:1"},
};

static void each_bad_input_is_one_fault_that_names_its_place(void **state EGW_UNUSED)
{
    for (size_t i = 0; i < EGW_COUNT(bads); i++) {
        struct egw_policy *policy = NULL;
        struct egw_faults faults = {0};
        enum egw_status st = compile_with(bads[i].input, &policy, &faults);

        if (faults.total != 1 || strcmp(faults.texts[0], bads[i].fault) != 0)
            print_error("for: %s\n", bads[i].input);
        assert_int_equal(st, EGW_INVALID);
        assert_true(faults.n >= 1);
        assert_string_equal(faults.texts[0], bads[i].fault);
        assert_int_equal(faults.total, 1);
        egw_faults_free(&faults);
    }
}

static void everything_with_a_source_may_be_an_assumption_and_is_counted(void **state)
{
    static const struct {
        const char *text;
        size_t assumptions;
    } cases[] = {
        {"", 0},
        {"limits = ( { action = \"HANDOFF\"; within = \"4h\"; source = \"assumption\"; },"
         " { action = \"HEALTH_MATCH\"; within = \"4h\"; source = \"S\"; } );",
         1},
        {"calendars = ( { id = \"x\"; zone = \"UTC\"; hours = \"24x7\"; source = \"assumption\"; } "
         ");"
         "access-needs = ( { rbac = true; source = \"assumption\"; } );"
         "services = ( { id = \"t\"; name = \"T\"; family = \"f\"; cloud = true;"
         " portal = \"https://t\"; source = \"S\"; source-usgov = \"assumption\"; } );",
         3},
    };

    (void)state;
    for (size_t i = 0; i < EGW_COUNT(cases); i++) {
        struct egw_policy *policy;
        struct egw_faults faults = {0};

        if (compile_with(cases[i].text, &policy, &faults))
            fail_msg("%s", faults.texts[0]);
        assert_int_equal(egw_policy_assumptions(policy), cases[i].assumptions);
        for (size_t a = 0; a < cases[i].assumptions; a++) { /* each has its place */
            assert_true(egw_policy_assumption(policy, a).file.n > 0);
            assert_true(egw_policy_assumption(policy, a).line > 0);
        }
        egw_policy_free(policy);
    }
}

static void a_signature_of_a_service_the_policy_lacks_is_a_fault(void **state)
{
    struct egw_policy *policy = NULL;
    struct egw_faults faults = {0};

    (void)state;
    double_issue.service = EGW_STR("azur");
    assert_int_equal(EGW_INVALID, compile_with("", &policy, &faults));
    double_issue.service = EGW_STR("azure");
    assert_int_equal(1, faults.total);
    assert_string_equal("catalogue: KI-1: there is no service \"azur\"", faults.texts[0]);
    egw_faults_free(&faults);
    assert_int_equal(EGW_OK, compile_with("", &policy, &faults));
    double_issue.service = EGW_STR("");
    egw_policy_free(policy);
}

/* Once a policy lists its sources, each rule names one of them, or says that it assumes. */
static void a_listed_source_dates_the_rules_that_name_it(void **state EGW_UNUSED)
{
    struct egw_policy *policy = NULL;
    struct egw_faults faults = {0};

    assert_int_equal(
        compile_with("sources = ( { id = \"S\"; where = \"w\"; date = \"2026-08\"; } );", &policy,
                     &faults),
        EGW_OK);
    assert_string_equal(egw_policy_rule(policy, 0).dated.p, "2026-08");
    egw_policy_free(policy);
    assert_int_equal(compile_with("sources = ( { id = \"T\"; where = \"w\"; date = \"2026\"; } );",
                                  &policy, &faults),
                     EGW_INVALID);
    assert_int_equal(faults.total, 6); /* the channel's, and one for each stage's rule */
    assert_string_equal(faults.texts[0],
                        "base.cfg:7: channel \"commercial\": there is no source \"S\"");
    assert_string_equal(faults.texts[1],
                        "z-validity.cfg:1: rule \"z.validity\": there is no source \"S\"");
    egw_faults_free(&faults);
}

static void all_faults_of_all_files_come_in_one_run(void **state EGW_UNUSED)
{
    struct egw_policy_file files[] = {
        file("a.cfg", "a = 1;\ndomains = 5;"),
        file("b.cfg", "b = 1;"),
        file("catalogue/x.tsv", "bad"),
        file("notes.txt", ""),
    };
    struct egw_policy *policy = NULL;
    struct egw_faults faults = {0};

    assert_int_equal(egw_policy_compile(files, EGW_COUNT(files), &policy, &faults), EGW_INVALID);
    assert_true(faults.total >= 5);
    assert_string_equal(faults.texts[0], "a.cfg:1: a policy has no key \"a\"");
    assert_string_equal(faults.texts[1], "a.cfg:2: domains is not a text");
    assert_string_equal(faults.texts[2], "b.cfg:1: a policy has no key \"b\"");
    assert_string_equal(faults.texts[3],
                        "the policy holds notes.txt, which is neither x.cfg nor catalogue/x.tsv");
    assert_string_equal(faults.texts[4], "catalogue/x.tsv:1: the catalogue is bad");
    egw_faults_free(&faults);
}

static void a_stage_without_a_last_rule_for_all_is_named(void **state EGW_UNUSED)
{
    static const char last[] = "stage = \"channel\"; rules = ( { id = \"zz\"; when = { plan = "
                               "\"csp\"; }; then = \"TO_PROVIDER\"; because = \"b\"; source = "
                               "\"S\"; } );";
    struct egw_policy_file files[] = {
        file("base.cfg", base),
        file("z-validity.cfg", LAST("validity", "then = \"next\";")),
        file("z-access.cfg", LAST("access", "then = \"next\";")),
        file("z-health.cfg", LAST("health", "then = \"next\";")),
        file("z-channel.cfg", last),
    };
    struct egw_policy *policy = NULL;
    struct egw_faults faults = {0};

    assert_int_equal(egw_policy_compile(files, EGW_COUNT(files), &policy, &faults), EGW_INVALID);
    assert_int_equal(faults.total, 2);
    assert_string_equal(faults.texts[0], "stage BASELINE has no rules");
    assert_string_equal(faults.texts[1], "z-channel.cfg:1: stage CHANNEL does not cover every "
                                         "event: no rule takes one with plan = none");
    egw_faults_free(&faults);
}

static void the_manifest_depends_on_names_and_contents_and_not_on_order(void **state EGW_UNUSED)
{
    struct egw_policy_file one[] = {file("a.cfg", "x"), file("b.cfg", "y")};
    struct egw_policy_file two[] = {file("b.cfg", "y"), file("a.cfg", "x")};
    struct egw_policy_file other[] = {file("a.cfg", "y"), file("b.cfg", "x")};
    static const char lines[] = /* as sha256sum prints them */
        "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881  a.cfg\n"
        "a1fce4363854ff888cff4b8e7875d600c2682390412a8cf79b37d0b11148b0fa  b.cfg\n";
    struct egw_sha256 a, b, c, expected;

    assert_int_equal(egw_policy_manifest(one, 2, &a), EGW_OK);
    assert_int_equal(egw_policy_manifest(two, 2, &b), EGW_OK);
    assert_int_equal(egw_policy_manifest(other, 2, &c), EGW_OK);
    egw_sha256(lines, sizeof(lines) - 1, &expected);
    assert_memory_equal(a.b, expected.b, EGW_SHA256);
    assert_memory_equal(a.b, b.b, EGW_SHA256);
    assert_memory_not_equal(a.b, c.b, EGW_SHA256);
}

static void a_missing_folder_is_named(void **state EGW_UNUSED)
{
    struct egw_policy_files files;
    struct egw_error err;

    assert_int_equal(egw_policy_read("/nonexistent/policy", NULL, &files, &err), EGW_IO);
    assert_string_equal(err.text, "cannot read /nonexistent/policy: No such file or directory");
}

static void a_folder_without_policy_is_named(void **state EGW_UNUSED)
{
    struct egw_policy_files files;
    struct egw_error err;

    assert_int_equal(egw_policy_read(EGW_SOURCE_DIR "/tests", NULL, &files, &err), EGW_INVALID);
    assert_string_equal(err.text, "cannot read " EGW_SOURCE_DIR "/tests: there is no .cfg in it");
}

static void write_text(const char *folder, const char *name, const char *text)
{
    char path[300];
    FILE *f;

    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    f = fopen(path, "w");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

static void a_catalogue_of_its_own_takes_the_place_of_the_other(void **state EGW_UNUSED)
{
    char folder[] = "/tmp/egw-policy-XXXXXX", own[64], expected[128], name[96];
    struct egw_policy_files files;
    struct egw_error err;

    assert_non_null(mkdtemp(folder));
    (void)snprintf(own, sizeof(own), "%s/catalogue", folder);
    write_text(folder, "x.cfg", "");
    assert_int_equal(egw_policy_read(folder, CATALOGUE_DIR, &files, &err), EGW_OK);
    assert_true(files.n > 5);
    egw_policy_files_free(&files);
    write_text(folder, "catalogue", "no folder");
    assert_int_equal(egw_policy_read(folder, CATALOGUE_DIR, &files, &err), EGW_INVALID);
    (void)snprintf(expected, sizeof(expected), "cannot read %s: it is no folder", own);
    assert_string_equal(err.text, expected);
    assert_int_equal(unlink(own), 0);
    assert_int_equal(mkdir(own, 0700), 0);
    assert_int_equal(egw_policy_read(folder, CATALOGUE_DIR, &files, &err), EGW_OK);
    assert_int_equal(files.n, 1); /* an empty one is a catalogue of nothing */
    egw_policy_files_free(&files);
    write_text(own, "y.tsv", "");
    assert_int_equal(egw_policy_read(folder, CATALOGUE_DIR, &files, &err), EGW_OK);
    assert_int_equal(files.n, 2);
    assert_true(egw_str_is(files.files[0].name, "catalogue/y.tsv"));
    egw_policy_files_free(&files);
    (void)snprintf(name, sizeof(name), "%s/y.tsv", own);
    assert_int_equal(unlink(name), 0);
    assert_int_equal(rmdir(own), 0);
    (void)snprintf(name, sizeof(name), "%s/x.cfg", folder);
    assert_int_equal(unlink(name), 0);
    assert_int_equal(rmdir(folder), 0);
}

static void the_shipped_policy_compiles_without_a_fault(void **state EGW_UNUSED)
{
    struct egw_policy_files files;
    struct egw_policy *policy = NULL;
    struct egw_faults faults = {0};
    struct egw_error err;
    struct egw_sha256 hash;
    enum egw_status st;

    assert_int_equal(egw_policy_read(POLICY_DIR, NULL, &files, &err), EGW_OK);
    st = egw_policy_compile(files.files, files.n, &policy, &faults);
    egw_faults_print(&faults, stderr);
    assert_int_equal(st, EGW_OK);
    assert_int_equal(faults.total, 0);
    assert_non_null(policy);
    assert_int_equal(egw_policy_manifest(files.files, files.n, &hash), EGW_OK);
    assert_memory_equal(egw_policy_hash(policy)->b, hash.b, EGW_SHA256);
    assert_int_equal(egw_policy_horizon_ms(policy), INT64_C(30) * 86400000);
    assert_int_equal(egw_policy_channel_count(policy), 7);
    assert_string_equal(egw_policy_channel(policy, 0).p, "commercial");
    egw_policy_free(policy);
    egw_policy_files_free(&files);
    egw_faults_free(&faults);
}

static void every_rule_of_the_shipped_policy_can_be_shown(void **state EGW_UNUSED)
{
    struct egw_policy_files files;
    struct egw_policy *policy = NULL;
    struct egw_faults faults = {0};
    struct egw_error err;
    bool seen = false;

    assert_int_equal(egw_policy_read(POLICY_DIR, NULL, &files, &err), EGW_OK);
    assert_int_equal(egw_policy_compile(files.files, files.n, &policy, &faults), EGW_OK);
    egw_policy_files_free(&files); /* the policy keeps what it needs */
    for (size_t i = 0; i < egw_policy_rule_count(policy); i++) {
        struct egw_rule_view rule = egw_policy_rule(policy, i);

        assert_true(rule.id.n && rule.because.n && rule.source.n && rule.line > 0);
        assert_true(rule.because.p[rule.because.n - 1] != '.');
        if (egw_str_is(rule.id, "access.relation-ended")) {
            seen = true;
            assert_string_equal(rule.file.p, "access.cfg");
            assert_string_equal(rule.when.p, "relation = ended | none");
            assert_int_equal(rule.action, EGW_ACTION_ACCESS_REQUIRED);
            assert_string_equal(rule.owner.p, "customer");
        }
    }
    assert_true(seen);
    egw_policy_free(policy);
    egw_faults_free(&faults);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_small_policy_compiles),
        cmocka_unit_test(each_bad_input_is_one_fault_that_names_its_place),
        cmocka_unit_test(a_signature_of_a_service_the_policy_lacks_is_a_fault),
        cmocka_unit_test(a_listed_source_dates_the_rules_that_name_it),
        cmocka_unit_test(all_faults_of_all_files_come_in_one_run),
        cmocka_unit_test(a_stage_without_a_last_rule_for_all_is_named),
        cmocka_unit_test(the_manifest_depends_on_names_and_contents_and_not_on_order),
        cmocka_unit_test(a_missing_folder_is_named),
        cmocka_unit_test(a_folder_without_policy_is_named),
        cmocka_unit_test(a_catalogue_of_its_own_takes_the_place_of_the_other),
        cmocka_unit_test(the_shipped_policy_compiles_without_a_fault),
        cmocka_unit_test(every_rule_of_the_shipped_policy_can_be_shown),
        cmocka_unit_test(everything_with_a_source_may_be_an_assumption_and_is_counted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
