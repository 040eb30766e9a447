/*
 * bench_decide - what a decision costs, and what more rules add to it
 *
 * The shipped policy decides the story's case CW-1004, the longest walk of them; then policies of
 * 10 and of 1,000 random rules decide the same events. Best of several rounds: the machine is
 * shared.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "../support/catalogue_double.h"
#include "../support/policy_random.h"

enum { ROUNDS = 15, DECISIONS = 20000, EVENTS = 64 };

static double seconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void must(bool ok, const char *what)
{
    if (!ok) {
        (void)fprintf(stderr, "cannot bench: %s\n", what);
        exit(1);
    }
}

static struct egw_facts *world(void)
{
    static struct egw_str roles[] = {EGW_STR("Directory Readers")}, rbac[] = {EGW_STR("sub-1")};
    static struct egw_partner partner = {.partner = EGW_STR("litware"),
                                         .kind = EGW_STR("indirect-provider"),
                                         .csp = true,
                                         .contact_name = EGW_STR("Service desk"),
                                         .contact_email = EGW_STR("desk@litware.example")};
    static struct egw_contract contract = {.partner = EGW_STR("litware"),
                                           .plan = EGW_STR("advanced")};
    static struct egw_relation relation = {.partner = EGW_STR("litware"),
                                           .customer = EGW_STR("northwind"),
                                           .tenant = EGW_STR("t-1"),
                                           .active = true};
    static struct egw_access access = {.partner = EGW_STR("litware"),
                                       .customer = EGW_STR("northwind"),
                                       .status = EGW_STR("active"),
                                       .assigned = true,
                                       .roles = {roles, 1},
                                       .rbac = {rbac, 1}};
    static struct egw_subscription subscription = {.customer = EGW_STR("northwind"),
                                                   .subscription = EGW_STR("sub-1"),
                                                   .plan = EGW_STR("csp"),
                                                   .seller = EGW_STR("litware")};
    static struct egw_health_snapshot health = {.customer = EGW_STR("northwind"),
                                                .service = EGW_STR("azure"),
                                                .status = EGW_STR("serviceOperational")};
    static struct egw_statement statement = {.partner = EGW_STR("litware"),
                                             .customer = EGW_STR("northwind"),
                                             .version = EGW_STR("v1"),
                                             .support = EGW_STR("all services"),
                                             .hours = EGW_STR("8x5"),
                                             .contact = EGW_STR("portal")};
    const struct egw_choice bodies[] = {
        {EGW_REF_PARTNER, &partner},           {EGW_REF_CONTRACT, &contract},
        {EGW_REF_RELATION, &relation},         {EGW_REF_ACCESS, &access},
        {EGW_REF_SUBSCRIPTION, &subscription}, {EGW_REF_HEALTH_SNAPSHOT, &health},
        {EGW_REF_STATEMENT, &statement},
    };
    struct egw_facts *facts = egw_facts_new();
    struct egw_buf key = {0};

    must(facts != NULL, "no memory");
    for (size_t i = 0; i < EGW_COUNT(bodies); i++) {
        struct egw_reference reference = {.source = EGW_STR("b"), .body = bodies[i]};

        must(!egw_reference_key(&reference, &key, NULL) &&
                 !egw_facts_take(facts, egw_buf_str(&key), &reference, (int64_t)i, NULL),
             "a fact was refused");
    }
    egw_buf_free(&key);
    return facts;
}

static struct egw_diagnosis failed = {
    .kind = EGW_STR("attempt"), .step = EGW_STR("redeployed"), .result = EGW_STR("no change")};

static struct egw_support_event story(void)
{
    return (struct egw_support_event){
        .partner = EGW_STR("litware"),
        .customer = EGW_STR("northwind"),
        .service = EGW_STR("Azure"),
        .domain = EGW_STR("technical"),
        .symptom = EGW_STR("vm-unreachable"),
        .severity = EGW_STR("B"),
        .subscription = EGW_STR("sub-1"),
        .title = EGW_STR("VM unreachable"),
        .text = EGW_STR("VM web-01 is unreachable."),
        .started_at = {true, 0},
        .diagnosis = {&failed, 1},
    };
}

static struct egw_str word(struct random_source *r, const char *const *row)
{
    uint32_t n = 0;

    while (row[n + 1])
        n++;
    return egw_str_of(row[1 + random_below(r, n)]);
}

static void random_events(struct egw_support_event *events)
{
    struct random_source r = {42};

    for (size_t i = 0; i < EVENTS; i++) {
        events[i] = story();
        events[i].domain = word(&r, random_facts[0]);
        events[i].service = word(&r, random_facts[1]);
        events[i].severity = word(&r, random_facts[3]);
        events[i].scope = word(&r, random_facts[4]);
        events[i].environment = word(&r, random_facts[5]);
        events[i].symptom = EGW_STR_NONE;
    }
}

static double nanoseconds(const struct egw_policy *policy, const struct egw_facts *facts,
                          const struct egw_support_event *events, size_t n)
{
    struct egw_arena arena = {0};
    double best = 1e9;

    for (int round = 0; round < ROUNDS; round++) {
        double start = seconds(), took;

        for (size_t i = 0; i < DECISIONS; i++) {
            struct egw_subject subject = {.event = &events[i % n],
                                          .customer = EGW_STR("northwind")};
            struct egw_decision decision;

            egw_arena_reset(&arena);
            must(!egw_decide(policy, facts, &subject, 0, &arena, &decision), "no memory");
        }
        took = (seconds() - start) / DECISIONS * 1e9;
        best = took < best ? took : best;
    }
    egw_arena_free(&arena);
    return best;
}

static struct egw_policy *shipped(void)
{
    struct egw_policy_files files;
    struct egw_policy *policy = NULL;
    struct egw_faults faults = {0};

    must(!egw_policy_read(EGW_SOURCE_DIR "/config/policy", NULL, &files, NULL), "no policy");
    must(!egw_policy_compile(files.files, files.n, &policy, &faults), "the policy is at fault");
    egw_policy_files_free(&files);
    return policy;
}

static double of_random(int rules, const struct egw_facts *facts,
                        const struct egw_support_event *events)
{
    struct egw_policy *policy = NULL;
    struct egw_faults faults = {0};
    double took;

    must(!random_policy(7, rules, &policy, &faults), "the random policy is at fault");
    took = nanoseconds(policy, facts, events, EVENTS);
    egw_policy_free(policy);
    return took;
}

int main(void)
{
    struct egw_facts *facts = world();
    struct egw_policy *policy = shipped();
    struct egw_support_event one = story(), many[EVENTS];
    double few, thousand;

    random_events(many);
    printf("bench decide_ns %.0f goal <= 400\n", nanoseconds(policy, facts, &one, 1));
    few = of_random(10, facts, many);
    thousand = of_random(1000, facts, many);
    printf("bench rules_10_ns %.0f\n", few);
    printf("bench rules_1000_ns %.0f\n", thousand);
    printf("bench rules_1000_vs_10 %.2f goal <= 1.2\n", thousand / few);
    egw_policy_free(policy);
    egw_facts_free(facts);
    return 0;
}
