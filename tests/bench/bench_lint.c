/*
 * bench_lint - what it takes to go through all that can come to a policy of 1,000 rules and 40
 * facts, and to compare it with one of which every hundredth rule says something else
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "../support/catalogue_double.h"
#include "../support/policy_random.h"
#include "egw/policy_diff.h"

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

int main(void)
{
    struct egw_policy *before = NULL, *after = NULL;
    struct egw_faults faults = {0};
    struct egw_lint_options options = {.overlaps = false};
    struct egw_policy_diff diff;
    struct egw_lint lint;
    double start;

    must(!large_policy(1, 1000, 0, &before, &faults) &&
             !large_policy(1, 1000, 100, &after, &faults),
         "the large policy is at fault");
    start = seconds();
    must(!egw_policy_lint(before, &options, &lint), "no memory");
    printf("bench lint_1000_s %.2f goal <= 2\n", seconds() - start);
    start = seconds();
    must(!egw_policy_diff(before, after, &diff), "no memory");
    printf("bench diff_1000_s %.2f goal <= 2\n", seconds() - start);
    egw_lint_free(&lint);
    egw_policy_diff_free(&diff);
    egw_policy_free(before);
    egw_policy_free(after);
    return 0;
}
