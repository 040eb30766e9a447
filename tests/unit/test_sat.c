/* What the solver says of random clauses against trying every assignment. */
#include "support.h"

#include "../../gateway/core/sat.h"

enum { VARS = 10, CLAUSES_MAX = 80 };

struct puzzle {
    egw_lit lits[VARS];
    egw_lit clauses[CLAUSES_MAX][3];
    size_t n;
};

static uint32_t below(uint64_t *seed, uint32_t n)
{
    *seed = *seed * UINT64_C(6364136223846793005) + 1442695040888963407;
    return (uint32_t)(*seed >> 33) % n;
}

static egw_lit any_lit(const struct puzzle *p, uint64_t *seed)
{
    return p->lits[below(seed, VARS)] ^ (egw_lit)below(seed, 2);
}

static bool holds(const struct puzzle *p, unsigned assignment, egw_lit lit)
{
    for (size_t v = 0; v < VARS; v++) {
        if (p->lits[v] == (lit & ~1))
            return (assignment >> v & 1) != (unsigned)(lit & 1);
    }
    fail();
    return false;
}

/* Whether some assignment satisfies all of it and what is held. */
static bool can_be(const struct puzzle *p, const egw_lit *held, size_t n)
{
    for (unsigned a = 0; a < 1u << VARS; a++) {
        bool good = true;

        for (size_t c = 0; c < p->n && good; c++)
            good = holds(p, a, p->clauses[c][0]) || holds(p, a, p->clauses[c][1]) ||
                   holds(p, a, p->clauses[c][2]);
        for (size_t i = 0; i < n && good; i++)
            good = holds(p, a, held[i]);
        if (good)
            return true;
    }
    return false;
}

static void say(struct egw_sat *sat, struct puzzle *p, uint64_t *seed)
{
    for (int i = 0; i < 3; i++)
        p->clauses[p->n][i] = any_lit(p, seed);
    egw_sat_clause(sat, p->clauses[p->n++], 3);
}

static void assert_satisfies(const struct egw_sat *sat, const struct puzzle *p, const egw_lit *held,
                             size_t n)
{
    for (size_t i = 0; i < n; i++)
        assert_true(egw_sat_holds(sat, held[i]));
    for (size_t c = 0; c < p->n; c++)
        assert_true(egw_sat_holds(sat, p->clauses[c][0]) || egw_sat_holds(sat, p->clauses[c][1]) ||
                    egw_sat_holds(sat, p->clauses[c][2]));
}

/* What is blamed is of what was held, and is enough by itself. */
static void assert_blames_enough(const struct egw_sat *sat, const struct puzzle *p,
                                 const egw_lit *held, size_t n)
{
    egw_lit blamed[VARS];
    size_t blamed_n = 0;

    for (size_t i = 0; i < n; i++) {
        if (egw_sat_blamed(sat, held[i]))
            blamed[blamed_n++] = held[i];
    }
    assert_false(can_be(p, blamed, blamed_n));
}

static void the_answers_are_those_of_trying_everything(void **state EGW_UNUSED)
{
    size_t some = 0, none = 0;

    for (uint64_t seed = 1; seed <= 40; seed++) {
        struct egw_sat *sat = egw_sat_new();
        struct puzzle p = {.n = 0};
        uint64_t random = seed;

        assert_non_null(sat);
        for (size_t v = 0; v < VARS; v++)
            p.lits[v] = egw_sat_choice(sat, v % 3 == 0);
        for (int i = 0; i < 20; i++)
            say(sat, &p, &random);
        /* Clauses and questions in turn: what was learned must not outlive its truth. */
        while (p.n + 3 < CLAUSES_MAX) {
            egw_lit held[VARS];
            size_t n = below(&random, 5);
            uint64_t steps = 1000000;
            enum egw_found found;

            for (size_t i = 0; i < n; i++)
                held[i] = any_lit(&p, &random);
            found = egw_sat_ask(sat, held, n, &steps);
            assert_int_equal(found, can_be(&p, held, n) ? EGW_FOUND_SOME : EGW_FOUND_NONE);
            if (found == EGW_FOUND_SOME)
                assert_satisfies(sat, &p, held, n);
            else
                assert_blames_enough(sat, &p, held, n);
            some += found == EGW_FOUND_SOME;
            none += found == EGW_FOUND_NONE;
            say(sat, &p, &random);
        }
        egw_sat_free(sat);
    }
    assert_true(some > 300 && none > 300);
}

/* Pigeons, each in one of the holes, no two in the same: hard for whoever cannot count. */
static void say_pigeons(struct egw_sat *sat, int pigeons, int holes)
{
    egw_lit in[16][16];

    for (int p = 0; p < pigeons; p++) {
        for (int h = 0; h < holes; h++)
            in[p][h] = egw_sat_choice(sat, false);
        egw_sat_clause(sat, in[p], (size_t)holes);
    }
    for (int h = 0; h < holes; h++) {
        for (int p = 0; p < pigeons; p++) {
            for (int q = 0; q < p; q++)
                egw_sat_clause(sat, (egw_lit[]){egw_lit_not(in[p][h]), egw_lit_not(in[q][h])}, 2);
        }
    }
}

static void what_takes_long_is_learned_forgotten_and_settled(void **state EGW_UNUSED)
{
    struct egw_sat *sat = egw_sat_new();
    uint64_t steps = 100000000;

    say_pigeons(sat, 8, 7); /* more clauses are learned than are kept */
    assert_int_equal(egw_sat_ask(sat, NULL, 0, &steps), EGW_FOUND_NONE);
    egw_sat_free(sat);
}

static void what_takes_longer_than_allowed_is_unsure(void **state EGW_UNUSED)
{
    struct egw_sat *sat = egw_sat_new();
    uint64_t steps = 20000;

    say_pigeons(sat, 12, 11);
    assert_int_equal(egw_sat_ask(sat, NULL, 0, &steps), EGW_FOUND_UNSURE);
    assert_int_equal(steps, 0);
    steps = 20000; /* and it can be asked on */
    assert_int_equal(egw_sat_ask(sat, NULL, 0, &steps), EGW_FOUND_UNSURE);
    egw_sat_free(sat);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_answers_are_those_of_trying_everything),
        cmocka_unit_test(what_takes_long_is_learned_forgotten_and_settled),
        cmocka_unit_test(what_takes_longer_than_allowed_is_unsure),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
