/* The order of two rules matters only where both fit: random policies, and the shipped one. */
#define _GNU_SOURCE
#include "support.h"

#include <stdio.h>
#include <stdlib.h>

#include "../../gateway/core/policy_search.h"
#include "catalogue_double.h"
#include "egw/policy_diff.h"
#include "policy_world.h"

enum { RULES_MAX = 128 };

/* ---- a file's rules as pieces of its text ---- */

struct pieces {
    size_t at[RULES_MAX + 1]; /* where each rule begins */
    size_t n;
};

static struct pieces cut(struct egw_str text)
{
    static const char begin[] = "{ id = \"", list[] = "rules = (";
    const char *at = memmem(text.p, text.n, list, strlen(list));
    struct pieces pieces = {.n = 0};

    while (at && (at = memmem(at, (size_t)(text.p + text.n - at), begin, strlen(begin)))) {
        assert_true(pieces.n < RULES_MAX);
        pieces.at[pieces.n++] = (size_t)(at - text.p);
        at += strlen(begin);
    }
    return pieces;
}

static struct egw_str id_at(struct egw_str text, size_t at)
{
    const char *p = text.p + at + strlen("{ id = \"");

    return (struct egw_str){p, (size_t)(strchr(p, '"') - p)};
}

/* Rule k and the one behind it change places; neither is the last, which has no comma. */
static char *swap(struct egw_str text, const struct pieces *pieces, size_t k)
{
    size_t first = pieces->at[k], second = pieces->at[k + 1], end = pieces->at[k + 2];
    char *to = must_alloc(text.n + 1);

    memcpy(to, text.p, text.n);
    memcpy(to + first, text.p + second, end - second);
    memcpy(to + first + (end - second), text.p + first, second - first);
    to[text.n] = '\0';
    return to;
}

/* ---- swapping ---- */

struct swapping {
    struct egw_policy_file *files;
    size_t n;
    struct egw_policy *policy;
    struct egw_space *space;
    struct egw_quest quest;
    size_t apart, moved; /* pairs that do not overlap; others of which some event moved */
};

static size_t rule_named(const struct egw_policy *policy, struct egw_str id)
{
    size_t r = 0;

    while (r < policy->staged_count && !egw_str_eq(policy->rules[r].view.id, id))
        r++;
    if (r == policy->staged_count)
        fail_msg("no rule %.*s", EGW_FMT(id));
    return r;
}

static bool overlap(struct swapping *s, size_t a, size_t b)
{
    egw_quest_begin(&s->quest, false);
    egw_quest_fits(&s->quest, 0, a, true);
    egw_quest_fits(&s->quest, 0, b, true);
    return egw_quest_find(&s->quest) != EGW_FOUND_NONE;
}

static void swap_one(struct swapping *s, size_t file, const struct pieces *pieces, size_t k)
{
    struct egw_str text = s->files[file].content;
    size_t a = rule_named(s->policy, id_at(text, pieces->at[k]));
    bool both = overlap(s, a, a + 1);
    struct egw_policy_diff diff;
    struct egw_policy *swapped;
    char *made = swap(text, pieces, k);

    s->files[file].content.p = made;
    swapped = world_policy(s->files, s->n);
    assert_int_equal(egw_policy_diff(s->policy, swapped, &diff), EGW_OK);
    if (!both && (diff.moves.n || diff.unsure || diff.definitions.n))
        fail_msg("%.*s and the rule behind it do not overlap, and their order matters",
                 EGW_FMT(s->policy->rules[a].view.id));
    s->apart += !both;
    s->moved += both && diff.moves.n;
    egw_policy_diff_free(&diff);
    egw_policy_free(swapped);
    s->files[file].content = text;
    free(made);
}

static void swap_all(struct swapping *s, struct egw_policy_file *files, size_t n)
{
    const struct egw_policy *policies[1];

    s->files = files;
    s->n = n;
    s->policy = world_policy(files, n);
    policies[0] = s->policy;
    assert_int_equal(egw_space_new(policies, 1, &s->space), EGW_OK);
    assert_int_equal(egw_quest_new(s->space, &s->quest), EGW_OK);
    for (size_t f = 0; f < n; f++) {
        struct pieces pieces = cut(files[f].content);

        for (size_t k = 0; k + 2 < pieces.n; k++)
            swap_one(s, f, &pieces, k);
    }
    egw_quest_free(&s->quest);
    egw_space_free(s->space);
    egw_policy_free(s->policy);
}

static void random_rules_that_do_not_overlap_may_change_places(void **state EGW_UNUSED)
{
    struct swapping s = {0};

    for (uint64_t seed = 1; seed <= 12; seed++) {
        struct egw_policy_file files[6];
        struct egw_buf texts[5] = {{0}};

        assert_int_equal(small_files(seed, 3 + (int)(seed % 3), true, texts, files), EGW_OK);
        swap_all(&s, files, 6);
        for (size_t i = 0; i < EGW_COUNT(texts); i++)
            egw_buf_free(&texts[i]);
    }
    assert_true(s.apart > 40);
    assert_true(s.moved > 20);
}

static void shipped_rules_that_do_not_overlap_may_change_places(void **state EGW_UNUSED)
{
    struct egw_policy_files files;
    struct swapping s = {0};
    struct egw_error err;

    assert_int_equal(egw_policy_read(EGW_SOURCE_DIR "/config/policy", NULL, &files, &err), EGW_OK);
    swap_all(&s, files.files, files.n);
    assert_true(s.apart > 20);
    assert_true(s.moved > 5);
    egw_policy_files_free(&files);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_rules_that_do_not_overlap_may_change_places),
        cmocka_unit_test(shipped_rules_that_do_not_overlap_may_change_places),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
