/* What diff says of two policies whose rules are the same, and whose words mean something else. */
#define _GNU_SOURCE
#include "support.h"

#include <stdio.h>
#include <stdlib.h>

#include "catalogue_double.h"
#include "egw/policy_diff.h"
#include "egw/policy_file.h"
#include "policy_world.h"

static const char base[] =
    "severities = [\"A\", \"B\"]; default-severity = \"B\"; plans = [\"p\"];\n"
    "priorities = ( { system = \"psa\"; severity = \"A\"; priorities = [\"high\"]; } );\n"
    "symptoms = ( { id = \"slow\"; features = [\"mail\"]; } );\n"
    "services = ( { id = \"mail\"; name = \"Mail\"; family = \"office\"; cloud = true;"
    " aliases = [\"post\", \"letters\"]; portal = \"https://one.example/\"; },\n"
    " { id = \"disk\"; name = \"Disk\"; family = \"store\"; cloud = true; } );\n"
    "channels = ( { id = \"paid\"; name = \"Paid\"; entitlement = \"contract\"; plan = \"gold\";"
    " families = [\"office\"]; since = \"2020-01-01\"; source = \"S\"; } );\n"
    "health = { active = [\"bad\"]; operational = [\"fine\"]; slack = \"1h\"; };\n"
    "max-age = { health = \"1d\"; };\n"
    "calendars = ( { id = \"desk\"; zone = \"UTC\"; hours = \"mon-fri 08:00-18:00\";"
    " source = \"S\"; } );\n"
    "limits = ( { action = \"HELD\"; severities = \"A\"; within = \"2h\"; warn = \"30m\";"
    " calendar = \"desk\"; source = \"S\"; },\n"
    " { action = \"HELD\"; within = \"1d\"; source = \"S\"; } );\n"
    "unanswered = [\"new\"];\n"
    "demands = ( { id = \"form.title\"; wants = \"title\"; code = \"CLASSIFY\"; source = \"S\";"
    " because = \"asked\"; },\n"
    " { id = \"form.tenant\"; wants = \"tenant\"; code = \"DIAGNOSE\"; source = \"S\";"
    " because = \"asked\"; } );\n";

static const char *const stages[][2] = {{"validity", "next"},
                                        {"access", "next"},
                                        {"health", "next"},
                                        {"baseline", "next"},
                                        {"channel", "HANDOFF\"; channel = \"paid"}};

static struct egw_policy *compile(const char *words)
{
    struct egw_policy_file files[1 + EGW_COUNT(stages)] = {{EGW_STR("a.cfg"), egw_str_of(words)}};
    char rules[EGW_COUNT(stages)][256], names[EGW_COUNT(stages)][16];

    for (size_t i = 0; i < EGW_COUNT(stages); i++) {
        (void)snprintf(rules[i], sizeof(rules[i]),
                       "stage = \"%s\"; rules = ( { id = \"%s\"; then = \"%s\"; because = \"b\"; "
                       "source = \"S\"; } );",
                       stages[i][0], stages[i][0], stages[i][1]);
        (void)snprintf(names[i], sizeof(names[i]), "b%zu.cfg", i);
        files[1 + i] = (struct egw_policy_file){egw_str_of(names[i]), egw_str_of(rules[i])};
    }
    return world_policy(files, EGW_COUNT(files));
}

/* Old and new text, the part of the policy, the sentence. */
static const char *const rows[][4] = {
    {"\"gold\"", "\"silver\"", "channels", "channel paid: plan silver, was plan gold"},
    {"families = [\"office\"]", "families = [\"office\", \"store\"]", "channels",
     "channel paid: families office, store, was families office"},
    {"since = \"2020-01-01\"", "since = \"2021-06-05\"", "channels",
     "channel paid: since 2021-06-05, was since 2020-01-01"},
    {"since = \"2020-01-01\"", "since = \"2020-01-01\"; until = \"2027-01-01\"", "channels",
     "channel paid: until 2027-01-01, was until no date"},
    {"\"letters\"", "\"chat\"", "services",
     "the name \"letters\" is of no service, it meant mail\n"
     "the name \"chat\" means service mail, it was of none"},
    {"https://one", "https://two", "services", "service mail: its cases are filed by another link"},
    {"[\"mail\"]", "[\"mail\", \"sync\"]", "words",
     "symptom slow: incidents of other features explain it"},
    {"slack = \"1h\"", "slack = \"90m\"", "health",
     "an incident explains a fault noticed up to 90m before it began, was 1h"},
    {"health = \"1d\"", "health = \"2d\"", "ages",
     "facts of kind health are believed for 2d, was for 1d"},
    {"\"high\"", "\"high\", \"urgent\"", "words",
     "priority \"urgent\" of psa is severity A, was B"},
    {"mon-fri", "mon-sat", "calendars",
     "calendar desk has other hours, holidays or another zone; limits counted in it: HELD"},
    {"within = \"2h\"", "within = \"3h\"", "limits",
     "HELD severity A is due within 3h (warning 30m before) in calendar desk, was within 2h "
     "(warning 30m before) in calendar desk"},
    {"within = \"1d\"", "within = \"2d\"; otherwise = \"released\"", "limits",
     "HELD severity (any other) is due within 2d, which then stands for released, was within 1d"},
    {"within = \"1d\"; source = \"S\"; }",
     "within = \"2d\"; source = \"S\"; }, { action = \"HELD\"; severities = \"B\"; within "
     "= "
     "\"5d\"; source = \"S\"; }",
     "limits", "HELD severity B is due within 2d, was within 1d; so is 1 more kind of it"},
    {"unanswered = [\"new\"]", "unanswered = [\"new\", \"open\"]", "limits",
     "Microsoft's states that are no answer yet: new, open; were new"},
    {"wants = \"title\"", "wants = [\"title\", \"text\"]; when = { severity = \"A\"; }", "demands",
     "form: form.title demands title, text (BASELINE/CLASSIFY) of cases to any channel when "
     "severity = A; it demands title (BASELINE/CLASSIFY) of cases to any channel before"},
    {"\"asked\"", "\"it is asked\"", "demands", "form: form.title says so in other words"},
};

static void each_definition_that_differs_is_told_in_a_sentence(void **state EGW_UNUSED)
{
    struct egw_policy *before = compile(base);

    for (size_t i = 0; i < EGW_COUNT(rows); i++) {
        char *words = replaced(base, rows[i][0], rows[i][1]);
        struct egw_policy *after = compile(words);
        const struct egw_policy_definition *told;
        struct egw_policy_diff diff;
        struct egw_buf said = {0};

        assert_int_equal(egw_policy_diff(before, after, &diff), EGW_OK);
        told = diff.definitions.p;
        for (size_t k = 0; k < diff.definitions.n; k++) {
            assert_string_equal(told[k].part, rows[i][2]);
            assert_int_equal(egw_buf_printf(&said, "%s%.*s", k ? "\n" : "", EGW_FMT(told[k].text)),
                             EGW_OK);
        }
        if (!egw_str_is(egw_buf_str(&said), rows[i][3]))
            fail_msg("%s for %s: said\n%.*s\nnot\n%s", rows[i][1], rows[i][0],
                     EGW_FMT(egw_buf_str(&said)), rows[i][3]);
        egw_buf_free(&said);
        egw_policy_diff_free(&diff);
        egw_policy_free(after);
        free(words);
    }
    egw_policy_free(before);
}

/* ---- whom it touches ---- */

static const struct {
    const char *file, *from, *to;
    const char *example; /* the facts that tell of one case it touches */
} touching[] = {
    {"forms.cfg", "wants = [\"title\", \"text\"]", "wants = \"title\"",
     "domain=billing commercial=in-force"},
    {"forms.cfg", "wants = [\"subscription\", \"region\"]", "wants = \"region\"",
     "domain=billing commercial=in-force service=azure topic=quota"},
    {"clocks.cfg",
     "{ action = \"FILED\"; channels = \"commercial\"; languages = \"ja\"; within = \"8h\"",
     "{ action = \"FILED\"; channels = \"commercial\"; languages = \"ja\"; within = \"9h\"",
     "domain=billing commercial=in-force severity=emergency"},
    {"clocks.cfg", "hours = \"mon-fri 09:00-17:00\"", "hours = \"mon-fri 09:00-16:00\"",
     "domain=billing commercial=in-force severity=emergency"},
    {"channels.cfg", "portal = \"https://partner", "portal = \"https://x.partner",
     "domain=billing commercial=in-force"},
    {"services.cfg", "portal = \"https://admin.microsoft.com", "portal = \"https://x.example",
     "severity=C own-tenant=yes premier=in-force advanced=in-force service=microsoft-365"},
};

static void assert_touches(const struct egw_policy_diff *diff, const char *change,
                           const char *example)
{
    const struct egw_policy_definition *told = diff->definitions.p;
    const struct egw_fact *facts = told[0].example.facts.p;
    struct egw_buf text = {0};

    assert_int_equal(diff->moves.n, 0);
    assert_int_equal(diff->definitions.n, 1);
    for (size_t i = 0; i < told[0].example.telling; i++)
        assert_int_equal(egw_buf_printf(&text, "%s%.*s=%.*s", i ? " " : "", EGW_FMT(facts[i].name),
                                        EGW_FMT(facts[i].value)),
                         EGW_OK);
    if (!egw_str_is(egw_buf_str(&text), example))
        fail_msg("%s touches %.*s", change, EGW_FMT(egw_buf_str(&text)));
    egw_buf_free(&text);
}

static void what_comes_after_the_rules_is_told_with_a_case(void **state EGW_UNUSED)
{
    struct egw_policy_files files;
    struct egw_error err;

    assert_int_equal(egw_policy_read(EGW_SOURCE_DIR "/config/policy", NULL, &files, &err), EGW_OK);
    for (size_t i = 0; i < EGW_COUNT(touching); i++) {
        struct egw_policy *before = world_policy(files.files, files.n), *after;
        struct egw_policy_diff diff;
        struct egw_policy_file *file = files.files;
        struct egw_str kept;
        char *text;

        while (!egw_str_is(file->name, touching[i].file))
            file++;
        kept = file->content;
        text = replaced(kept.p, touching[i].from, touching[i].to);
        file->content = egw_str_of(text);
        after = world_policy(files.files, files.n);
        assert_int_equal(egw_policy_diff(before, after, &diff), EGW_OK);
        assert_touches(&diff, touching[i].to, touching[i].example);
        egw_policy_diff_free(&diff);
        file->content = kept;
        free(text);
        egw_policy_free(before);
        egw_policy_free(after);
    }
    egw_policy_files_free(&files);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_definition_that_differs_is_told_in_a_sentence),
        cmocka_unit_test(what_comes_after_the_rules_is_told_with_a_case),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
