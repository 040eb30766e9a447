/* sim - run the runtime through many small worlds, each decided by its seed. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "world.h"

struct options {
    int64_t from, seeds, events;
    bool trace, twice, find, all_hit;
    int64_t kills; /* points to die at after each first one; 0: no such run */
    enum kill_point kill[2];
    enum plant plant;
    const struct sim_subject *subject;
};

static const char USAGE[] =
    "usage: sim [--seeds N] [--from S] [--events N] [--triage] [--plant NAME [--find]] [--twice]\n"
    "       sim --seed S [--trace] [--triage] [--plant NAME] [--kill POINT,POINT]\n"
    "       sim --kills N [--triage]\n"
    "The subject is the tally processor, or triage with the shipped policy.\n"
    "--find: the answer is yes as soon as one seed fails. --twice: run each seed again and "
    "compare\n"
    "the traces. --all-hit: print how often each class of fault took effect; one that never did\n"
    "is a failure. --kills: kill a process at each point on the way to a commit, and then one at "
    "N\n"
    "points in turn (the same first; 36 are all). Exit: 0 yes, 1 no, 2 usage.\n";

static bool number(const char *text, int64_t *ret)
{
    return text && egw_parse_i64(egw_str_of(text), 0, INT64_MAX, ret);
}

static bool two_points(const char *text, enum kill_point ret[2])
{
    const char *comma = strchr(text, ',');
    char first[32];

    if (!comma || (size_t)(comma - text) >= sizeof(first))
        return false;
    memcpy(first, text, (size_t)(comma - text));
    first[comma - text] = '\0';
    return kill_find(first, &ret[0]) && kill_find(comma + 1, &ret[1]);
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
        if (strcmp(arg, "--all-hit") == 0) {
            ret->all_hit = true;
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
        else if (strcmp(arg, "--kills") == 0)
            ok = number(next, &ret->kills);
        else if (strcmp(arg, "--kill") == 0)
            ok = next && two_points(next, ret->kill);
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
    if (o->kill[0])
        printf(" --kill %s,%s", kill_name(o->kill[0]), kill_name(o->kill[1]));
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
    if (one->healed_ms > sum->healed_ms)
        sum->healed_ms = one->healed_ms;
    for (int i = 0; i < HIT_COUNT; i++)
        sum->hits[i] += one->hits[i];
    for (int i = 0; i < KILL_COUNT; i++)
        sum->passed[i] += one->passed[i];
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
    printf("longest from the end of the faults to all work done: %" PRId64 " virtual ms of %d\n",
           sum->healed_ms, WORLD_BOUND_MS);
}

static bool possible(const struct sim_subject *subject, enum hit hit)
{
    return (hit != HIT_REFERENCE_OLDER || subject->facts_have_age) &&
           (hit != HIT_ACTIVATION_TWICE || subject->has_activations);
}

/* False: a class of fault was never met, and so nothing was shown of it. */
static bool say_hits(const struct options *o, const struct world_result *sum)
{
    bool all = true;

    for (int i = 0; i < HIT_COUNT; i++) {
        if (!possible(o->subject, (enum hit)i))
            continue;
        printf("%10" PRId64 "  %s%s\n", sum->hits[i], hit_name((enum hit)i),
               sum->hits[i] ? "" : ": NEVER");
        all &= sum->hits[i] > 0;
    }
    return all;
}

static bool run_seed(const struct options *o, int64_t seed, struct world_result *ret)
{
    struct world_conf conf = {.subject = o->subject,
                              .seed = (uint64_t)seed,
                              .plant = o->plant,
                              .events = o->events,
                              .kill = {o->kill[0], o->kill[1]},
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

/* ---- dying at every point ---- */

enum { KILL_TRIES = 100, KILL_EVENTS = 250, KILL_STRIDE = 7 /* prime to the points */ };

/* One pair; the seeds go on until the world comes to both. */
static bool kill_at(struct options *o, int64_t *seed, int64_t killed[KILL_COUNT],
                    struct world_result *sum)
{
    struct world_result result;

    for (int i = 0; i < KILL_TRIES; i++) {
        bool ok = run_seed(o, ++*seed, &result);

        add(sum, &result);
        if (!ok) {
            say_failure(o, *seed, &result);
            return false;
        }
        if (result.kills == 2) {
            killed[o->kill[0]]++;
            killed[o->kill[1]]++;
            return true;
        }
    }
    printf("no seed of %d came to %s and then to %s\n", KILL_TRIES, kill_name(o->kill[0]),
           kill_name(o->kill[1]));
    return false;
}

static int kill_everywhere(struct options *o)
{
    struct world_result sum = {0};
    int64_t killed[KILL_COUNT] = {0}, seed = 0, failed = 0, pairs = 0;
    const int points = KILL_COUNT - 1;

    if (!o->events)
        o->events = KILL_EVENTS;
    for (int a = 0; a < points; a++)
        for (int b = 0; b < o->kills && b < points; b++) {
            o->kill[0] = (enum kill_point)(a + 1);
            o->kill[1] = (enum kill_point)((a + b * KILL_STRIDE) % points + 1);
            failed += !kill_at(o, &seed, killed, &sum);
            pairs++;
        }
    for (int i = KILL_NONE + 1; i < KILL_COUNT; i++)
        printf("%10" PRId64 " times passed, killed there %3" PRId64 " times: %s\n", sum.passed[i],
               killed[i], kill_name((enum kill_point)i));
    printf("%" PRId64 " pairs of %d points, %" PRId64 " failed, %" PRId64 " worlds\n", pairs,
           points, failed, seed);
    return failed > 0;
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
    if (o.kills)
        return kill_everywhere(&o);
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
    if (o.all_hit && !say_hits(&o, &sum))
        return 1;
    return (failed > 0) != o.find;
}
