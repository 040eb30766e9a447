/* sim - run the runtime through many small worlds, each decided by its seed. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "world.h"

struct options {
    int64_t from, seeds, events;
    bool trace, twice, find;
    enum plant plant;
    const struct sim_subject *subject;
};

static const char USAGE[] =
    "usage: sim [--seeds N] [--from S] [--events N] [--triage] [--plant NAME [--find]] [--twice]\n"
    "       sim --seed S [--trace] [--triage] [--plant NAME]\n"
    "The subject is the tally processor, or triage with the shipped policy.\n"
    "--find: the answer is yes as soon as one seed fails; --twice: run each seed again and "
    "compare\n"
    "the traces. Exit: 0 yes, 1 no, 2 usage.\n";

static bool number(const char *text, int64_t *ret)
{
    return text && egw_parse_i64(egw_str_of(text), 0, INT64_MAX, ret);
}

static bool parse(int argc, char **argv, struct options *ret)
{
    *ret = (struct options){.from = 1, .seeds = 50, .subject = &tally_subject};
    for (int i = 1; i < argc; i++) {
        const char *arg = argv[i], *next = i + 1 < argc ? argv[i + 1] : NULL;
        bool ok = true;

        if (strcmp(arg, "--trace") == 0) {
            ret->trace = true;
            continue;
        }
        if (strcmp(arg, "--twice") == 0) {
            ret->twice = true;
            continue;
        }
        if (strcmp(arg, "--triage") == 0) {
            ret->subject = &triage_subject;
            continue;
        }
        if (strcmp(arg, "--find") == 0) {
            ret->find = true;
            continue;
        }
        if (strcmp(arg, "--seeds") == 0)
            ok = number(next, &ret->seeds);
        else if (strcmp(arg, "--from") == 0)
            ok = number(next, &ret->from);
        else if (strcmp(arg, "--events") == 0)
            ok = number(next, &ret->events);
        else if (strcmp(arg, "--seed") == 0)
            ok = number(next, &ret->from) && (ret->seeds = 1);
        else if (strcmp(arg, "--plant") == 0)
            ok = next && plant_find(next, &ret->plant);
        else
            return false;
        if (!ok)
            return false;
        i++;
    }
    return true;
}

static void say_failure(const struct options *o, int64_t seed, const struct world_result *result)
{
    printf("sim --seed %" PRId64, seed);
    if (o->subject != &tally_subject)
        printf(" --%s", o->subject->name);
    if (o->plant != PLANT_NONE)
        printf(" --plant %s", plant_name(o->plant));
    if (o->events)
        printf(" --events %" PRId64, o->events);
    printf(": %s\n", result->why);
    fflush(stdout);
}

static void add(struct world_result *sum, const struct world_result *one)
{
    sum->counts.outcomes += one->counts.outcomes;
    sum->counts.timers += one->counts.timers;
    sum->counts.facts += one->counts.facts;
    sum->counts.commands += one->counts.commands;
    sum->committed += one->committed;
    sum->aborted += one->aborted;
    sum->recreated += one->recreated;
    sum->rebalances += one->rebalances;
    sum->crashes += one->crashes;
    sum->freezes += one->freezes;
    sum->skipped += one->skipped;
    sum->virtual_ms += one->virtual_ms;
    sum->again += one->again;
}

static void say_totals(int64_t run, int64_t failed, const struct world_result *sum)
{
    printf("%" PRId64 " seeds, %" PRId64 " failed\n", run, failed);
    printf("outcomes %" PRId64 " (timers %" PRId64 ", facts %" PRId64 "), commands %" PRId64
           ", transactions %" PRId64 ", aborted %" PRId64 ", producers made anew %" PRId64
           ", rebalances %" PRId64 ", crashes %" PRId64 ", freezes %" PRId64
           ", virtual seconds %" PRId64 ", decided again %" PRId64 "\n",
           sum->counts.outcomes, sum->counts.timers, sum->counts.facts, sum->counts.commands,
           sum->committed, sum->aborted, sum->recreated, sum->rebalances, sum->crashes,
           sum->freezes, sum->virtual_ms / 1000, sum->again);
}

static bool run_seed(const struct options *o, int64_t seed, struct world_result *ret)
{
    struct world_conf conf = {.subject = o->subject,
                              .seed = (uint64_t)seed,
                              .plant = o->plant,
                              .events = o->events,
                              .trace = o->trace ? stdout : NULL};
    uint64_t trace;

    world_run(&conf, ret);
    if (!o->twice)
        return ret->ok;
    trace = ret->trace;
    world_run(&conf, ret);
    if (ret->trace == trace)
        return ret->ok;
    snprintf(ret->why, sizeof(ret->why), "the same seed gave two traces");
    return false;
}

int main(int argc, char **argv)
{
    struct world_result sum = {0};
    int64_t failed = 0, run = 0;
    struct options o;

    if (!parse(argc, argv, &o)) {
        fputs(USAGE, stderr);
        return 2;
    }
    for (int64_t seed = o.from; run < o.seeds; seed++) {
        struct world_result result;

        run++;
        if (!run_seed(&o, seed, &result)) {
            failed++;
            say_failure(&o, seed, &result);
            if (o.find)
                break;
        }
        add(&sum, &result);
    }
    say_totals(run, failed, &sum);
    return (failed > 0) != o.find;
}
