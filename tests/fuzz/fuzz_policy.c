/*
 * fuzz_policy - any bytes as a policy file: refused with a reason, or compiled and usable
 *
 * The first byte chooses whether the input stands alone or beside a small policy that is complete,
 * so that the checks behind the parser are reached too.
 */
#include <stdio.h>
#include <stdlib.h>

#include "../support/catalogue_double.h"
#include "egw/policy_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* libconfig 1.5 loses its token (a text, a list) where it refuses a file: a few bytes each time. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libconfig.so\n";
}

#define STAGE(name, then)                                                                          \
    "stage = \"" name "\"; rules = ( { id = \"z." name "\"; " then                                 \
    " because = \"b\"; source = \"S\"; } );"

static const char base[] =
    "domains = [\"technical\"]; severities = [\"A\", \"C\"]; default-severity = \"C\";"
    "plans = [\"csp\"];"
    "services = ( { id = \"azure\"; name = \"Azure\"; family = \"azure\"; cloud = true; } );"
    "channels = ( { id = \"commercial\"; name = \"C\"; entitlement = \"csp\"; source = \"S\"; } );";

static void use(const struct egw_policy *policy)
{
    struct egw_facts *facts = egw_facts_new();
    struct egw_arena arena = {0};
    struct egw_support_event event = {.partner = EGW_STR("p"), .service = EGW_STR("azure")};
    struct egw_subject subject = {.event = &event, .customer = EGW_STR("c")};
    struct egw_decision decision;

    if (!facts)
        abort();
    for (size_t i = 0; i < egw_policy_rule_count(policy); i++)
        (void)egw_policy_rule(policy, i);
    if (egw_decide(policy, facts, &subject, 0, &arena, &decision))
        abort();
    egw_arena_free(&arena);
    egw_facts_free(facts);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct egw_policy_file files[] = {
        {EGW_STR("a.cfg"), {n ? (const char *)data + 1 : "", n ? n - 1 : 0}},
        {EGW_STR("b.cfg"), {base, sizeof(base) - 1}},
        {EGW_STR("v.cfg"), EGW_STR(STAGE("validity", "then = \"next\";"))},
        {EGW_STR("w.cfg"), EGW_STR(STAGE("access", "then = \"next\";"))},
        {EGW_STR("x.cfg"), EGW_STR(STAGE("health", "then = \"next\";"))},
        {EGW_STR("y.cfg"), EGW_STR(STAGE("baseline", "then = \"next\";"))},
        {EGW_STR("z.cfg"),
         EGW_STR(STAGE("channel", "then = \"NOT_ENTITLED\"; code = \"NO_PLAN\";"))},
    };
    struct egw_faults faults = {0};
    struct egw_policy *policy = NULL;
    bool alone = n && data[0] & 1;
    enum egw_status st = egw_policy_compile(files, alone ? 1 : EGW_COUNT(files), &policy, &faults);

    if ((st == EGW_OK) != (faults.total == 0) || (st == EGW_OK) != (policy != NULL))
        abort();
    if (policy)
        use(policy);
    egw_policy_free(policy);
    egw_faults_free(&faults);
    return 0;
}
