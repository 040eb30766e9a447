/* What the analysis of policies holds impossible, against the facts that deciding really gathers.
 */
#define _GNU_SOURCE
#include "support.h"

#include <stdio.h>

#include "../../gateway/core/policy_search.h"
#include "../../gateway/core/walk.h"
#include "catalogue_double.h"
#include "egw/policy_file.h"
#include "policy_world.h"

enum { SUBJECTS = 6000 };

/* Every kind of channel, need and service there is, besides what is shipped. */
static const char odd_words[] =
    "domains = [\"billing\", \"technical\"]; severities = [\"A\", \"C\"]; default-severity = "
    "\"C\"; plans = [\"csp\", \"enterprise\"]; topics = [\"how-to\"];"
    "services = ( { id = \"s0\"; name = \"S 0\"; family = \"f0\"; cloud = true; },"
    "{ id = \"s1\"; name = \"S 1\"; aliases = [\"one\"]; family = \"f1\"; cloud = true; },"
    "{ id = \"s2\"; name = \"S 2\"; family = \"f1\"; cloud = false; } );"
    "access-needs = ( { services = [\"s0\"]; uses = [\"configure\"]; roles = [\"Admin\"]; },"
    "{ services = [\"s1\"]; rbac = true; } );"
    "health = { active = [\"degraded\"]; operational = [\"fine\"]; slack = \"2h\"; };"
    "max-age = { health = \"30m\"; pack = \"7d\"; };"
    "channels = ( { id = \"open\"; name = \"O\"; entitlement = \"csp\"; source = \"S\"; },"
    "{ id = \"paid\"; name = \"P\"; entitlement = \"contract\"; plan = \"paid\"; source = \"S\"; "
    "until = \"2023-01-01\"; families = [\"f1\"]; },"
    "{ id = \"levels\"; name = \"L\"; entitlement = \"membership\"; levels = [\"gold\"]; source = "
    "\"S\"; },"
    "{ id = \"packs\"; name = \"K\"; entitlement = \"membership\"; levels = [\"gold\"]; counted = "
    "true; cloud-only = true; source = \"S\"; },"
    "{ id = \"few\"; name = \"F\"; entitlement = \"program\"; partners = [\"direct-bill\"]; "
    "since = \"2022-01-01\"; cloud-only = true; source = \"S\"; } );";

static const struct egw_policy_file odd_files[] = {
    {{"a.cfg", 5}, {odd_words, sizeof(odd_words) - 1}},
    {{"b.cfg", 5},
     EGW_STR("stage = \"validity\"; rules = ( { id = \"v\"; then = \"next\"; because "
             "= \"b\"; source = \"S\"; } );")},
    {{"c.cfg", 5},
     EGW_STR("stage = \"access\"; rules = ( { id = \"a\"; then = \"next\"; because = "
             "\"b\"; source = \"S\"; } );")},
    {{"d.cfg", 5},
     EGW_STR("stage = \"health\"; rules = ( { id = \"h\"; then = \"next\"; because = "
             "\"b\"; source = \"S\"; } );")},
    {{"e.cfg", 5},
     EGW_STR("stage = \"baseline\"; rules = ( { id = \"l\"; then = \"next\"; because "
             "= \"b\"; source = \"S\"; } );")},
    {{"f.cfg", 5},
     EGW_STR("stage = \"channel\"; rules = ( { id = \"c\"; then = \"TO_PROVIDER\"; "
             "because = \"b\"; source = \"S\"; } );")},
};

/* ---- against the boxes ---- */

struct seen {
    const struct egw_space *space;
    size_t at[EGW_AXES_MAX];         /* class of the subject; SIZE_MAX: not told */
    uint64_t came[EGW_AXES_MAX][16]; /* classes by axis */
};

static void place(struct seen *seen, const struct egw_list *facts)
{
    const struct egw_fact *list = facts->p;

    for (size_t a = 0; a < seen->space->axis_count; a++)
        seen->at[a] = SIZE_MAX;
    for (size_t i = 0; i < facts->n; i++) {
        int axis = egw_space_axis(seen->space, list[i].name), value;

        if (axis < 0) {
            assert_string_equal(list[i].name.p, "family"); /* told by the service */
            continue;
        }
        value = egw_space_value(&seen->space->axes[axis], list[i].value);
        assert_true(value >= 0);
        seen->at[axis] = seen->space->axes[axis].class_of[value];
        seen->came[axis][seen->at[axis] / 64] |= UINT64_C(1) << (seen->at[axis] % 64);
    }
}

static const char *text_of(const struct egw_list *facts)
{
    static char text[4096];
    const struct egw_fact *list = facts->p;
    size_t n = 0;

    for (size_t i = 0; i < facts->n && n < sizeof(text) - 100; i++)
        n += (size_t)snprintf(text + n, 100, "%.*s=%.*s ", EGW_FMT(list[i].name),
                              EGW_FMT(list[i].value));
    return text;
}

/* recorded_ms: the first axis is the time. */
static void hold_to_boxes(struct seen *seen, const struct egw_list *facts,
                          const struct egw_policy *policy, int64_t recorded_ms)
{
    place(seen, facts);
    seen->at[0] = seen->space->axes[0].class_of[egw_walk_era(policy, recorded_ms)];
    for (size_t i = 0; i < seen->space->impossible_count; i++) {
        const struct egw_box *box = &seen->space->impossible[i];
        size_t held = 0;

        for (size_t p = 0; p < box->n; p++) {
            size_t at = seen->at[box->parts[p].axis];

            assert_true(at != SIZE_MAX);
            held += egw_bit(box->parts[p].in, at);
        }
        if (held == box->n)
            fail_msg("what cannot be (law %zu, of %zu facts) came: %s", i, box->n, text_of(facts));
    }
}

static void decide_one(struct world *w, struct seen *seen)
{
    struct egw_arena arena = {0};
    struct egw_decision decision;

    world_begin(w);
    double_match = (struct egw_match){&w->issue, w->ambiguous};
    assert_int_equal(egw_decide(w->policies[0], w->facts, &w->subject, w->now, &arena, &decision),
                     EGW_OK);
    hold_to_boxes(seen, &decision.facts, w->policies[0], w->recorded);
    world_end(w);
    egw_arena_free(&arena);
}

/* And what can be has come, class by class: the subjects are as various as the laws allow. */
static void assert_all_came(const struct seen *seen)
{
    struct egw_quest quest;

    assert_int_equal(egw_quest_new(seen->space, &quest), EGW_OK);
    for (size_t a = 1; a < seen->space->axis_count; a++) { /* the first is the time */
        const struct egw_axis *axis = &seen->space->axes[a];

        for (size_t c = 0; c < axis->class_count && !egw_str_is(axis->name, "package"); c++) {
            uint64_t *only = must_alloc(axis->words * sizeof(*only));
            enum egw_found found;

            memset(only, 0, axis->words * sizeof(*only));
            only[c / 64] = UINT64_C(1) << (c % 64);
            egw_quest_begin(&quest, false);
            egw_quest_within(&quest, a, only);
            found = egw_quest_find(&quest);
            if (found != (egw_bit(seen->came[a], c) ? EGW_FOUND_SOME : EGW_FOUND_NONE))
                fail_msg("%.*s=%.*s %s", EGW_FMT(axis->name), EGW_FMT(axis->values[axis->shown[c]]),
                         found == EGW_FOUND_SOME ? "never came" : "came");
            free(only);
        }
    }
    egw_quest_free(&quest);
}

static void nothing_that_cannot_be_comes_to(struct egw_policy *policy)
{
    const struct egw_policy *const policies[] = {policy};
    struct world w = {.r = {7}, .policies = {policy, NULL}};
    struct egw_space *space = NULL;
    struct seen seen = {0};

    assert_int_equal(egw_space_new(policies, 1, &space), EGW_OK);
    assert_true(space->impossible_count > 10);
    seen.space = space;
    for (int i = 0; i < SUBJECTS; i++)
        decide_one(&w, &seen);
    assert_all_came(&seen);
    egw_space_free(space);
    egw_policy_free(policy);
}

/* The first date of a channel is a law: a rule for it before that never decides. */
static void a_channel_gives_no_right_outside_its_time(void **state EGW_UNUSED)
{
    struct egw_policy *policy = world_policy(odd_files, EGW_COUNT(odd_files));
    const struct egw_policy *const policies[] = {policy};
    struct egw_space *space = NULL;
    struct egw_quest quest;
    int axis = -1;

    assert_int_equal(egw_space_new(policies, 1, &space), EGW_OK);
    for (size_t a = 0; a < space->axis_count; a++) {
        if (egw_str_is(space->axes[a].name, "few")) /* since 2022-01-01 */
            axis = (int)a;
    }
    assert_true(axis > 0);
    assert_int_equal(egw_quest_new(space, &quest), EGW_OK);
    for (size_t era = 0; era < space->axes[0].value_count; era++) {
        const struct egw_axis *time = &space->axes[0], *of = &space->axes[axis];
        uint64_t in_force[EGW_FACTS_MAX] = {0}, then[EGW_FACTS_MAX] = {0};
        int value = egw_space_value(of, EGW_STR("in-force"));
        bool offered = era && policy->eras[era - 1] >= INT64_C(1640995200000);

        assert_true(value >= 0);
        in_force[of->class_of[value] / 64] = UINT64_C(1) << (of->class_of[value] % 64);
        then[time->class_of[era] / 64] = UINT64_C(1) << (time->class_of[era] % 64);
        egw_quest_begin(&quest, false);
        egw_quest_within(&quest, 0, then);
        egw_quest_within(&quest, (size_t)axis, in_force);
        assert_int_equal(egw_quest_find(&quest), offered ? EGW_FOUND_SOME : EGW_FOUND_NONE);
    }
    egw_quest_free(&quest);
    egw_space_free(space);
    egw_policy_free(policy);
}

static void nothing_that_cannot_be_comes_to_a_policy_of_every_kind(void **state EGW_UNUSED)
{
    nothing_that_cannot_be_comes_to(world_asking(odd_files, EGW_COUNT(odd_files), 0));
    nothing_that_cannot_be_comes_to(world_asking(odd_files, EGW_COUNT(odd_files), 1));
}

static void nothing_that_cannot_be_comes_to_the_shipped_policy(void **state EGW_UNUSED)
{
    struct egw_policy_files files;
    struct egw_error err;

    assert_int_equal(egw_policy_read(EGW_SOURCE_DIR "/config/policy", NULL, &files, &err), EGW_OK);
    nothing_that_cannot_be_comes_to(world_asking(files.files, files.n, 1));
    egw_policy_files_free(&files);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_channel_gives_no_right_outside_its_time),
        cmocka_unit_test(nothing_that_cannot_be_comes_to_a_policy_of_every_kind),
        cmocka_unit_test(nothing_that_cannot_be_comes_to_the_shipped_policy),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
