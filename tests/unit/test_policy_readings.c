/* Two policies and the same event: what the analysis says they may read off it, and which of their
 * decisions differ, against the facts and decisions that deciding really comes to. */
#define _GNU_SOURCE
#include "support.h"

#include <stdio.h>
#include <stdlib.h>

#include "../../gateway/core/policy_search.h"
#include "../../gateway/core/walk.h"
#include "catalogue_double.h"
#include "egw/policy_diff.h"
#include "egw/policy_file.h"
#include "policy_trial.h"
#include "policy_world.h"

enum { OLD, NEW };

static const char words[] =
    "domains = [\"billing\", \"technical\"]; severities = [\"A\", \"B\", \"C\"];\n"
    "default-severity = \"C\"; plans = [\"csp\", \"enterprise\"]; topics = [\"how-to\"];\n"
    "priorities = ( { system = \"psa\"; severity = \"A\"; priorities = [\"high\"]; },\n"
    " { system = \"crm\"; severity = \"B\"; priorities = [\"2\"]; } );\n"
    "symptoms = ( { id = \"slow\"; features = [\"mail\", \"disk\"]; }, { id = \"odd\"; },\n"
    " { id = \"mine\"; features = [ ]; } );\n"
    "services = ( { id = \"s0\"; name = \"S 0\"; family = \"f0\"; cloud = true; },\n"
    " { id = \"s1\"; name = \"S 1\"; aliases = [\"one\", \"uno\"]; family = \"f1\"; cloud = true; "
    "},\n"
    " { id = \"s2\"; name = \"S 2\"; family = \"f1\"; cloud = false; } );\n"
    "access-needs = ( { services = [\"s0\"]; uses = [\"configure\"]; roles = [\"Admin\"]; },\n"
    " { services = [\"s1\"]; rbac = true; } );\n"
    "health = { active = [\"bad\", \"poor\"]; operational = [\"fine\"]; slack = \"30m\"; };\n"
    "max-age = { health = \"30m\"; issue = \"9d\"; pack = \"7d\"; partner = \"30d\"; };\n"
    "channels = ( { id = \"open\"; name = \"O\"; entitlement = \"csp\"; source = \"S\"; },\n"
    " { id = \"paid\"; name = \"P\"; entitlement = \"contract\"; plan = \"paid\"; source = \"S\";\n"
    " until = \"2025-01-01\"; families = [\"f1\"]; },\n"
    " { id = \"levels\"; name = \"L\"; entitlement = \"membership\"; levels = [\"gold\"];\n"
    " source = \"S\"; },\n"
    " { id = \"packs\"; name = \"K\"; entitlement = \"membership\"; levels = [\"gold\", \"tin\"];\n"
    " counted = true; cloud-only = true; source = \"S\"; },\n"
    " { id = \"few\"; name = \"F\"; entitlement = \"program\"; partners = [\"direct-bill\"];\n"
    " since = \"2022-01-01\"; cloud-only = true; source = \"S\"; } );\n";

static const struct egw_policy_file stages[] = {
    {EGW_STR("b.cfg"), EGW_STR("stage = \"validity\"; rules = ( { id = \"v\"; then = \"next\"; "
                               "because = \"b\"; source = \"S\"; } );")},
    {EGW_STR("c.cfg"), EGW_STR("stage = \"access\"; rules = ( { id = \"a\"; then = \"next\"; "
                               "because = \"b\"; source = \"S\"; } );")},
    {EGW_STR("d.cfg"), EGW_STR("stage = \"health\"; rules = ( { id = \"h\"; then = \"next\"; "
                               "because = \"b\"; source = \"S\"; } );")},
    {EGW_STR("e.cfg"), EGW_STR("stage = \"baseline\"; rules = ( { id = \"l\"; then = \"next\"; "
                               "because = \"b\"; source = \"S\"; } );")},
    {EGW_STR("f.cfg"), EGW_STR("stage = \"channel\"; rules = ( { id = \"c\"; then = "
                               "\"TO_PROVIDER\"; because = \"b\"; source = \"S\"; } );")},
};

/* ---- what is read ---- */

enum { VALUES_MAX = 16 };

struct seen {
    const struct egw_space *space;
    size_t at[EGW_AXES_MAX]; /* class of the event; SIZE_MAX: not told */
    size_t value[2][EGW_FACTS_MAX];
    bool can[EGW_FACTS_MAX][VALUES_MAX][VALUES_MAX]; /* pairs, by the old policy's fact */
    bool came[EGW_FACTS_MAX][VALUES_MAX][VALUES_MAX];
};

static bool is_apart(const struct seen *seen, size_t fact)
{
    return fact != EGW_F_FAMILY &&
           seen->space->axis_of[OLD][fact] != seen->space->axis_of[NEW][fact];
}

static void place(struct seen *seen, size_t side, const struct egw_list *facts)
{
    const struct egw_policy *policy = seen->space->sides[side].policy;
    const struct egw_fact *list = facts->p;

    for (size_t i = 0; i < facts->n; i++) {
        size_t fact = EGW_F_ERA + 1;
        const struct egw_axis *axis;
        int value;

        while (!egw_str_eq(policy->facts[fact].name, list[i].name))
            fact++;
        if (fact == EGW_F_FAMILY)
            continue;
        axis = &seen->space->axes[seen->space->axis_of[side][fact]];
        value = egw_space_value(axis, list[i].value);
        assert_true(value >= 0);
        seen->value[side][fact] = (size_t)value;
        /* A word that only one of them knows is no word to the other. */
        if (seen->at[axis - seen->space->axes] == SIZE_MAX || value >= EGW_V_WORDS)
            seen->at[axis - seen->space->axes] = axis->class_of[value];
    }
}

/* Of its names only the event says which one it is. */
static void place_service(struct seen *seen, const struct world *w)
{
    int at = seen->space->axis_of[OLD][EGW_F_SERVICE];
    const struct egw_axis *axis = &seen->space->axes[at];
    int value = egw_space_value(axis, w->event.service);

    seen->at[at] = axis->class_of[value < 0 ? EGW_V_INVALID : value];
}

static const char *text_of(const struct seen *seen, const struct egw_box *box)
{
    static char text[4096];
    size_t n = 0;

    for (size_t p = 0; p < box->n && n < sizeof(text) - 100; p++) {
        const struct egw_axis *axis = &seen->space->axes[box->parts[p].axis];

        n += (size_t)snprintf(text + n, 100, "%.*s=%.*s ", EGW_FMT(axis->name),
                              EGW_FMT(axis->values[axis->shown[seen->at[box->parts[p].axis]]]));
    }
    return text;
}

static void hold_to_boxes(const struct seen *seen)
{
    for (size_t i = 0; i < seen->space->impossible_count; i++) {
        const struct egw_box *box = &seen->space->impossible[i];
        size_t held = 0;

        for (size_t p = 0; p < box->n; p++) {
            assert_true(seen->at[box->parts[p].axis] != SIZE_MAX);
            held += egw_bit(box->parts[p].in, seen->at[box->parts[p].axis]);
        }
        if (held == box->n)
            fail_msg("what cannot be (law %zu) came: %s", i, text_of(seen, box));
    }
}

/* What the catalogues find in the title: what their pairs say, or the same. */
static void any_match(struct world *w, size_t side, int which)
{
    double_match =
        which < 0 ? (struct egw_match){&w->issue, w->ambiguous} : double_pairs[which][side];
}

static void read_one(struct world *w, struct seen *seen, const struct egw_policy *const p[2])
{
    struct egw_arena arena = {0};
    int which;

    world_begin(w);
    which = double_pair_count ? (int)random_below(&w->r, (uint32_t)double_pair_count + 1) - 1 : -1;
    for (size_t a = 0; a < seen->space->axis_count; a++)
        seen->at[a] = SIZE_MAX;
    for (size_t side = 0; side < 2; side++) {
        struct egw_decision decision;

        any_match(w, side, which);
        assert_int_equal(egw_decide(p[side], w->facts, &w->subject, w->now, &arena, &decision),
                         EGW_OK);
        place(seen, side, &decision.facts);
    }
    place_service(seen, w);
    for (size_t e = 0; e < seen->space->axes[0].value_count; e++) {
        if (seen->space->axes[0].map[OLD][e] == egw_walk_era(p[OLD], w->recorded) &&
            seen->space->axes[0].map[NEW][e] == egw_walk_era(p[NEW], w->recorded))
            seen->at[0] = seen->space->axes[0].class_of[e];
    }
    hold_to_boxes(seen);
    for (size_t f = EGW_F_ERA + 1; f < p[OLD]->fact_count; f++) {
        if (is_apart(seen, f))
            seen->came[f][seen->value[OLD][f]][seen->value[NEW][f]] = true;
    }
    world_end(w);
    egw_arena_free(&arena);
}

static void within(struct egw_quest *quest, int axis, size_t value)
{
    egw_quest_at(quest, (size_t)axis, quest->space->axes[axis].class_of[value]);
}

/* Which pairs the laws allow. Returns how many facts are read apart. */
static size_t ask_what_can_come(struct seen *seen)
{
    const struct egw_space *space = seen->space;
    struct egw_quest quest;
    size_t apart = 0;

    assert_int_equal(egw_quest_new(space, &quest), EGW_OK);
    for (size_t f = EGW_F_ERA + 1; f < space->sides[OLD].policy->fact_count; f++) {
        size_t n = is_apart(seen, f) ? space->axes[space->axis_of[OLD][f]].value_count : 0;

        apart += n > 0;
        for (size_t i = 0; i < n * n; i++) {
            egw_quest_begin(&quest, false);
            within(&quest, space->axis_of[OLD][f], i / n);
            within(&quest, space->axis_of[NEW][f], i % n);
            seen->can[f][i / n][i % n] = egw_quest_find(&quest) == EGW_FOUND_SOME;
        }
    }
    egw_quest_free(&quest);
    return apart;
}

/* The fact of which another pair came than can; 0: none. */
static size_t other_pair(const struct seen *seen)
{
    for (size_t f = EGW_F_ERA + 1; f < EGW_FACTS_MAX; f++) {
        if (memcmp(seen->can[f], seen->came[f], sizeof(seen->can[f])) != 0)
            return f;
    }
    return 0;
}

static void tell_pairs(const struct seen *seen, size_t fact)
{
    const struct egw_axis *axis = &seen->space->axes[seen->space->axis_of[OLD][fact]];

    for (size_t a = 0; a < axis->value_count; a++) {
        for (size_t z = 0; z < axis->value_count; z++) {
            if (seen->can[fact][a][z] != seen->came[fact][a][z])
                print_error("%.*s %.*s and then %.*s: %s\n", EGW_FMT(axis->name),
                            EGW_FMT(axis->values[a]), EGW_FMT(axis->values[z]),
                            seen->can[fact][a][z] ? "never came" : "came");
        }
    }
}

enum { WORLDS_MAX = 3000000, WORLDS_LEAST = 4000 };

/* Just those pairs come that can. Returns how many facts are read apart. */
static size_t hold_to_worlds(const struct egw_policy *const p[2], const char *change)
{
    struct world w = {.r = {11}, .policies = {p[OLD], p[NEW]}};
    static struct seen seen;
    struct egw_space *space = NULL;
    size_t apart;

    memset(&seen, 0, sizeof(seen));
    assert_int_equal(egw_space_new(p, 2, &space), EGW_OK);
    seen.space = space;
    apart = ask_what_can_come(&seen);
    for (int i = 0; i < WORLDS_LEAST || (i < WORLDS_MAX && other_pair(&seen)); i++)
        read_one(&w, &seen, p);
    if (other_pair(&seen)) {
        tell_pairs(&seen, other_pair(&seen));
        fail_msg("%s: what two policies read is not what they may", change);
    }
    egw_space_free(space);
    return apart;
}

/* What is changed, and of how many facts that makes two. */
static const struct {
    const char *from, *to;
    size_t apart;
} changes[] = {
    {"\"high\"", "\"high\", \"urgent\"", 1},
    {"default-severity = \"C\"", "default-severity = \"B\"", 1},
    {"severity = \"B\"; priorities", "severity = \"A\"; priorities", 1},
    {"features = [\"mail\", \"disk\"]", "features = [\"mail\"]", 1},
    {"{ id = \"odd\"; }", "{ id = \"odd\"; features = [\"mail\"]; }", 1},
    {"features = [ ]", "features = [\"disk\"]", 1},
    {"{ id = \"odd\"; }", "{ id = \"odd\"; features = [\"s2\"]; }", 1},
    {"aliases = [\"one\", \"uno\"]", "aliases = [\"two\", \"uno\"]", 4},
    {"aliases = [\"one\", \"uno\"]", "aliases = [\"uno\", \"one\"]", 1},
    {"families = [\"f1\"]", "families = [\"f1\", \"\"]", 1},
    {"roles = [\"Admin\"]", "roles = [\"Admin\", \"Helper\"]", 1},
    {"roles = [\"Admin\"]", "roles = [\"Helper\"]; rbac = true", 1},
    {"services = [\"s1\"]; rbac = true;", "services = [\"s1\"]; rbac = false;", 1},
    {"uses = [\"configure\"]; ", "", 1},
    {"active = [\"bad\", \"poor\"]", "active = [\"bad\"]", 1},
    {"operational = [\"fine\"]", "operational = [\"fine\", \"poor\"]", 1},
    {"slack = \"30m\"", "slack = \"2h\"", 1},
    {"health = \"30m\"", "health = \"5d\"", 1},
    {"issue = \"9d\"; ", "", 1},
    {"partner = \"30d\"; ", "", 8},
    {"pack = \"7d\"; ", "pack = \"20d\"; ", 1},
    {"pack = \"7d\"; ", "pack = \"7d\"; contract = \"10d\"; ", 1},
    {"pack = \"7d\"; ", "pack = \"7d\"; membership = \"10d\"; ", 2},
    {"pack = \"7d\"; ", "pack = \"7d\"; relation = \"10d\"; ", 2},
    {"pack = \"7d\"; ", "pack = \"7d\"; access = \"10d\"; ", 1},
    {"pack = \"7d\"; ", "pack = \"7d\"; subscription = \"10d\"; ", 2},
    {"until = \"2025-01-01\"", "until = \"2024-01-01\"", 1},
    {"since = \"2022-01-01\"", "since = \"2023-01-01\"", 1},
    {"families = [\"f1\"]", "families = [\"f0\", \"f1\"]", 1},
    {"plan = \"paid\"", "plan = \"other\"", 1},
    {"levels = [\"gold\"]", "levels = [\"tin\"]", 1},
    {"levels = [\"gold\", \"tin\"]", "levels = [\"gold\"]", 1},
    {"counted = true; ", "", 1},
    {"levels = [\"gold\"];\n", "levels = [\"gold\"]; counted = true;\n", 1},
    {"counted = true; cloud-only = true", "counted = true", 1},
    {"partners = [\"direct-bill\"]", "partners = [\"direct-bill\", \"indirect-provider\"]", 1},
    {"entitlement = \"csp\"", "entitlement = \"program\"; partners = [\"direct-bill\"]", 1},
    {"entitlement = \"membership\"; levels = [\"gold\"]", "entitlement = \"csp\"", 1},
    {"family = \"f1\"; cloud = false", "family = \"f0\"; cloud = false", 2},
    {"cloud = false", "cloud = true", 2},
};

static void free_policies(const struct egw_policy *const p[2])
{
    for (size_t side = 0; side < 2; side++)
        egw_policy_free((struct egw_policy *)(uintptr_t)p[side]);
}

/* The checkers look for faults of memory, which every fourth change shows as well as all of them.
 */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { STEP = 4 };
#else
enum { STEP = 1 };
#endif

static void what_two_policies_read_is_what_they_may(void **state EGW_UNUSED)
{
    struct egw_policy_file files[1 + EGW_COUNT(stages)] = {{EGW_STR("a.cfg"), EGW_STR_NONE}};

    memcpy(files + 1, stages, sizeof(stages));
    for (size_t i = 0; i < EGW_COUNT(changes); i += STEP) {
        char *text = replaced(words, changes[i].from, changes[i].to);
        const struct egw_policy *p[2];
        size_t apart;

        files[0].content = egw_str_of(words);
        p[OLD] = world_asking(files, EGW_COUNT(files), 1);
        files[0].content = egw_str_of(text);
        p[NEW] = world_asking(files, EGW_COUNT(files), 1);
        apart = hold_to_worlds(p, changes[i].to);
        if (apart != changes[i].apart)
            fail_msg("%s: %zu facts are read apart", changes[i].to, apart);
        free_policies(p);
        free(text);
    }
}

/* ---- known errors ---- */

static struct egw_known_issue known(const char *basis, int baseline)
{
    return (struct egw_known_issue){.id = EGW_STR("KI-1"),
                                    .code = EGW_STR("E42"),
                                    .basis = egw_str_of(basis),
                                    .baseline = baseline};
}

static void known_errors_are_read_as_the_catalogues_say(void **state EGW_UNUSED)
{
    struct egw_policy_file files[1 + EGW_COUNT(stages)] = {
        {EGW_STR("a.cfg"), {words, sizeof(words) - 1}}};
    struct egw_known_issue issues[] = {known("doc", 1), known("doc", 0), known("rule", 1)};
    const struct egw_policy *p[2];

    memcpy(files + 1, stages, sizeof(stages));
    p[OLD] = world_asking(files, EGW_COUNT(files), 1);
    p[NEW] = world_asking(files, EGW_COUNT(files), 2);
    double_pairs[0][NEW].issue = &issues[0]; /* new */
    double_pairs[1][OLD].issue = &issues[1]; /* gone */
    double_pairs[2][OLD].issue = &issues[2]; /* told otherwise */
    double_pairs[2][NEW] = (struct egw_match){&issues[2], true};
    double_pair_count = 3;
    assert_int_equal(hold_to_worlds(p, "another catalogue"), 1);
    double_pair_count = 0;
    free_policies(p);
}

/* ---- what becomes of it ---- */

static const struct {
    const char *file, *from, *to;
} shipped_changes[] = {
    {"channels.cfg", "entitlement = \"csp\"",
     "entitlement = \"program\"; partners = [\"direct-bill\"]"},
    {"health.cfg", "relation = \"90d\"", "relation = \"40d\""},
    {"words.cfg", "default-severity = \"C\"", "default-severity = \"B\""},
    {"health.cfg", "access = \"7d\"", "access = \"60d\""},
    {"health.cfg", "partner = \"366d\"", "partner = \"20d\""},
    {"access.cfg", "rbac = true", "rbac = false"},
};

/* Returns how many of the worlds are decided by another rule. */
static size_t hold_to_moves(const struct egw_policy *const p[2], const struct egw_policy_diff *diff)
{
    struct world w = {.r = {5}, .policies = {p[OLD], p[NEW]}, .odd = 100};
    size_t moved = 0;

    for (int i = 0; i < 40000; i++) {
        struct egw_arena arena = {0};
        struct egw_decision decisions[2];
        const struct egw_rule_view *rules[2];

        world_begin(&w);
        any_match(&w, OLD, -1);
        for (size_t side = 0; side < 2; side++) {
            assert_int_equal(
                egw_decide(p[side], w.facts, &w.subject, w.now, &arena, &decisions[side]), EGW_OK);
            rules[side] = &p[side]->rules[decisions[side].rule].view;
        }
        /* What a form demands is no rule of a stage: which case lacks it is not the rules' matter.
         */
        if (decisions[OLD].rule < p[OLD]->staged_count &&
            decisions[NEW].rule < p[NEW]->staged_count &&
            !egw_str_eq(rules[OLD]->id, rules[NEW]->id)) {
            if (!trial_tells(diff, decisions[OLD].rule, decisions[NEW].rule))
                fail_msg("%.*s became %.*s, untold", EGW_FMT(rules[OLD]->id),
                         EGW_FMT(rules[NEW]->id));
            moved++;
        }
        world_end(&w);
        egw_arena_free(&arena);
    }
    return moved;
}

/* Every move says what either policy reads. */
static void assert_read_apart(const struct egw_policy_diff *diff)
{
    const struct egw_policy_move *moves = diff->moves.p;

    for (size_t i = 0; i < diff->moves.n; i++) {
        const struct egw_fact *facts = moves[i].example.facts.p;
        size_t apart = 0;

        for (size_t f = 0; f < moves[i].example.telling; f++)
            apart += facts[f].name.n > 6 &&
                     (memcmp(facts[f].name.p + facts[f].name.n - 6, " (old)", 6) == 0 ||
                      memcmp(facts[f].name.p + facts[f].name.n - 6, " (new)", 6) == 0);
        assert_true(apart > 0);
    }
}

static void what_a_changed_definition_moves_is_told(void **state EGW_UNUSED)
{
    struct egw_policy_files files;
    struct egw_error err;

    assert_int_equal(egw_policy_read(EGW_SOURCE_DIR "/config/policy", NULL, &files, &err), EGW_OK);
    for (size_t i = 0; i < EGW_COUNT(shipped_changes); i++) {
        const struct egw_policy *p[2];
        struct egw_policy_diff diff;
        size_t f = 0;
        struct egw_str kept;
        char *text;

        while (!egw_str_is(files.files[f].name, shipped_changes[i].file))
            f++;
        p[OLD] = world_policy(files.files, files.n);
        kept = files.files[f].content;
        text = replaced(kept.p, shipped_changes[i].from, shipped_changes[i].to);
        files.files[f].content = egw_str_of(text);
        p[NEW] = world_policy(files.files, files.n);
        assert_int_equal(egw_policy_diff(p[OLD], p[NEW], &diff), EGW_OK);
        assert_int_equal(diff.unsure, 0);
        assert_read_apart(&diff);
        if (hold_to_moves(p, &diff) == 0)
            fail_msg("%s moved nothing", shipped_changes[i].to);
        egw_policy_diff_free(&diff);
        files.files[f].content = kept;
        free(text);
        free_policies(p);
    }
    egw_policy_files_free(&files);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_two_policies_read_is_what_they_may),
        cmocka_unit_test(known_errors_are_read_as_the_catalogues_say),
        cmocka_unit_test(what_a_changed_definition_moves_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
