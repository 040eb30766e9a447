#include "sat.h"

#include <stdlib.h>

enum { NO_CLAUSE = 0, HEADER = 2, RESTART = 128, LEARNED_MIN = 4000 };
static const double FORGET = 1 / 0.95, TOO_MUCH = 1e100;

struct watch {
    uint32_t clause;
    egw_lit other; /* of the clause: where it holds, the clause need not be looked at */
};

struct watches {
    struct watch *p;
    uint32_t n, room;
};

struct var {
    uint32_t reason; /* the clause that forced it; NO_CLAUSE: nothing did */
    int32_t level;
    int32_t place; /* in the heap of choices; -1: not there */
    double weight;
    bool choice, likely, seen;
};

struct egw_sat {
    struct var *vars;
    size_t var_n, var_room;
    int8_t *value;           /* by literal: 1 holds, -1 does not, 0 is open */
    bool *blamed;            /* by literal */
    struct watches *watches; /* by literal: the clauses to look at when it no longer holds */
    egw_lit *trail;          /* what holds, in the order in which it came to */
    size_t trail_n, head;
    size_t *levels; /* where on the trail each level begins */
    size_t level_n, level_room;
    uint64_t *stamps, stamp; /* by level: when it was counted last */
    int32_t *heap;           /* of choices, the heaviest first */
    size_t heap_n;
    double bump;
    uint32_t *clauses; /* number of literals, how many levels (0: not learned), the literals */
    size_t clause_n, clause_room, learned, learned_max;
    egw_lit *made; /* the clause being learned */
    bool never;    /* no assignment at all */
    bool nomem;
};

static size_t var_of(egw_lit lit)
{
    return (size_t)lit >> 1;
}

/* ---- memory ---- */

/* Without memory the old block stays. */
static void *resized(struct egw_sat *sat, void *block, size_t n, size_t size)
{
    void *grown = realloc(block, n * size);

    sat->nomem = sat->nomem || !grown;
    return grown ? grown : block;
}

static void room_for_var(struct egw_sat *sat)
{
    size_t n = sat->var_room ? 2 * sat->var_room : 256;

    if (sat->var_n < sat->var_room)
        return;
    sat->vars = resized(sat, sat->vars, n, sizeof(*sat->vars));
    sat->value = resized(sat, sat->value, 2 * n, sizeof(*sat->value));
    sat->blamed = resized(sat, sat->blamed, 2 * n, sizeof(*sat->blamed));
    sat->watches = resized(sat, sat->watches, 2 * n, sizeof(*sat->watches));
    sat->trail = resized(sat, sat->trail, n, sizeof(*sat->trail));
    sat->heap = resized(sat, sat->heap, n, sizeof(*sat->heap));
    sat->made = resized(sat, sat->made, n, sizeof(*sat->made));
    sat->var_room = sat->nomem ? sat->var_room : n;
}

static void watch(struct egw_sat *sat, egw_lit lit, struct watch watch)
{
    struct watches *list = &sat->watches[lit];

    if (list->n == list->room) {
        uint32_t room = list->room ? 2 * list->room : 4;

        list->p = resized(sat, list->p, room, sizeof(*list->p));
        list->room = sat->nomem ? list->room : room;
    }
    if (!sat->nomem)
        list->p[list->n++] = watch;
}

static egw_lit *lits_of(const struct egw_sat *sat, uint32_t clause)
{
    return (egw_lit *)(sat->clauses + clause + HEADER);
}

static void attach(struct egw_sat *sat, uint32_t clause)
{
    const egw_lit *lits = lits_of(sat, clause);

    watch(sat, lits[0], (struct watch){clause, lits[1]});
    watch(sat, lits[1], (struct watch){clause, lits[0]});
}

/* Of two literals or more. NO_CLAUSE: no memory. */
static uint32_t store(struct egw_sat *sat, const egw_lit *lits, size_t n, uint32_t levels)
{
    uint32_t clause = (uint32_t)sat->clause_n;
    size_t need = sat->clause_n + HEADER + n;

    if (need > sat->clause_room) {
        size_t room = need < 2048 ? 4096 : 2 * need;

        if (room > UINT32_MAX)
            sat->nomem = true;
        else
            sat->clauses = resized(sat, sat->clauses, room, sizeof(*sat->clauses));
        if (sat->nomem)
            return NO_CLAUSE;
        sat->clause_room = room;
    }
    sat->clauses[clause] = (uint32_t)n;
    sat->clauses[clause + 1] = levels;
    memcpy(lits_of(sat, clause), lits, n * sizeof(*lits));
    sat->clause_n = need;
    sat->learned += levels > 0;
    attach(sat, clause);
    return clause;
}

/* ---- the heap of choices ---- */

static bool goes_before(const struct egw_sat *sat, int32_t a, int32_t b)
{
    const struct var *x = &sat->vars[a], *y = &sat->vars[b];

    return x->weight > y->weight || (x->weight == y->weight && a < b);
}

static void put_at(struct egw_sat *sat, size_t place, int32_t var)
{
    sat->heap[place] = var;
    sat->vars[var].place = (int32_t)place;
}

static void sift_up(struct egw_sat *sat, size_t place)
{
    int32_t var = sat->heap[place];

    while (place > 0 && goes_before(sat, var, sat->heap[(place - 1) / 2])) {
        put_at(sat, place, sat->heap[(place - 1) / 2]);
        place = (place - 1) / 2;
    }
    put_at(sat, place, var);
}

static void sift_down(struct egw_sat *sat, size_t place)
{
    int32_t var = sat->heap[place];

    for (;;) {
        size_t child = 2 * place + 1;

        if (child + 1 < sat->heap_n && goes_before(sat, sat->heap[child + 1], sat->heap[child]))
            child++;
        if (child >= sat->heap_n || !goes_before(sat, sat->heap[child], var))
            break;
        put_at(sat, place, sat->heap[child]);
        place = child;
    }
    put_at(sat, place, var);
}

static void heap_put(struct egw_sat *sat, int32_t var)
{
    if (!sat->vars[var].choice || sat->vars[var].place >= 0)
        return;
    put_at(sat, sat->heap_n++, var);
    sift_up(sat, sat->heap_n - 1);
}

static int32_t heap_take(struct egw_sat *sat)
{
    int32_t top = sat->heap[0], last = sat->heap[--sat->heap_n];

    sat->vars[top].place = -1;
    if (sat->heap_n > 0 && top != last) {
        put_at(sat, 0, last);
        sift_down(sat, 0);
    }
    return top;
}

static void bump(struct egw_sat *sat, size_t var)
{
    sat->vars[var].weight += sat->bump;
    for (size_t v = 0; sat->vars[var].weight > TOO_MUCH && v < sat->var_n; v++) {
        if (v != var)
            sat->vars[v].weight /= TOO_MUCH;
    }
    if (sat->vars[var].weight > TOO_MUCH) {
        sat->vars[var].weight /= TOO_MUCH;
        sat->bump /= TOO_MUCH;
    }
    if (sat->vars[var].place >= 0)
        sift_up(sat, (size_t)sat->vars[var].place);
}

/* ---- variables and clauses ---- */

static egw_lit new_var(struct egw_sat *sat, bool choice, bool likely)
{
    size_t var = sat->var_n;

    if (!sat->nomem)
        room_for_var(sat);
    if (sat->nomem)
        return EGW_LIT_TRUE;
    sat->vars[var] = (struct var){.place = -1, .choice = choice, .likely = likely};
    for (size_t lit = 2 * var; lit < 2 * var + 2; lit++) {
        sat->value[lit] = 0;
        sat->blamed[lit] = false;
        sat->watches[lit] = (struct watches){NULL, 0, 0};
    }
    sat->var_n++;
    sat->vars[var].weight = likely ? 1e-6 : 0; /* what is likely is tried first */
    heap_put(sat, (int32_t)var);
    return (egw_lit)(2 * var);
}

egw_lit egw_sat_settled(struct egw_sat *sat)
{
    return new_var(sat, false, false);
}

egw_lit egw_sat_choice(struct egw_sat *sat, bool likely)
{
    return new_var(sat, true, likely);
}

static void hold(struct egw_sat *sat, egw_lit lit, uint32_t reason)
{
    struct var *var = &sat->vars[var_of(lit)];

    sat->value[lit] = 1;
    sat->value[lit ^ 1] = -1;
    var->reason = reason;
    var->level = (int32_t)sat->level_n;
    sat->trail[sat->trail_n++] = lit;
}

static void back_to(struct egw_sat *sat, size_t level)
{
    size_t from = sat->level_n > level ? sat->levels[level] : sat->trail_n;

    while (sat->trail_n > from) {
        egw_lit lit = sat->trail[--sat->trail_n];
        struct var *var = &sat->vars[var_of(lit)];

        sat->value[lit] = sat->value[lit ^ 1] = 0;
        var->likely = !(lit & 1); /* as it was is as it will be */
        heap_put(sat, (int32_t)var_of(lit));
    }
    if (sat->level_n > level) {
        sat->head = sat->trail_n;
        sat->level_n = level;
    }
}

/* What holds for good is left out; the rest is kept at level 0. */
void egw_sat_clause(struct egw_sat *sat, const egw_lit *lits, size_t n)
{
    egw_lit *kept = sat->nomem || !n ? NULL : malloc(n * sizeof(*kept));
    size_t kept_n = 0;
    bool holds = false;

    back_to(sat, 0);
    for (size_t i = 0; kept && i < n && !holds; i++) {
        holds = sat->value[lits[i]] > 0;
        if (sat->value[lits[i]] == 0)
            kept[kept_n++] = lits[i];
    }
    if (!kept)
        sat->nomem = sat->nomem || n;
    else if (!holds && kept_n == 0)
        sat->never = true;
    else if (!holds && kept_n == 1)
        hold(sat, kept[0], NO_CLAUSE);
    else if (!holds)
        (void)store(sat, kept, kept_n, 0);
    free(kept);
}

struct egw_sat *egw_sat_new(void)
{
    struct egw_sat *sat = calloc(1, sizeof(*sat));
    uint32_t none[HEADER] = {0};

    if (!sat)
        return NULL;
    sat->bump = 1;
    sat->learned_max = LEARNED_MIN;
    sat->clauses = malloc(sizeof(none));
    sat->nomem = !sat->clauses;
    if (sat->clauses) {
        memcpy(sat->clauses, none, sizeof(none)); /* NO_CLAUSE is none */
        sat->clause_n = sat->clause_room = HEADER;
        egw_sat_clause(sat, &(egw_lit){egw_sat_settled(sat)}, 1); /* EGW_LIT_TRUE */
    }
    if (!sat->nomem)
        return sat;
    egw_sat_free(sat);
    return NULL;
}

void egw_sat_free(struct egw_sat *sat)
{
    if (!sat)
        return;
    for (size_t lit = 0; lit < 2 * sat->var_n; lit++)
        free(sat->watches[lit].p);
    free(sat->vars);
    free(sat->value);
    free(sat->blamed);
    free(sat->watches);
    free(sat->trail);
    free(sat->levels);
    free(sat->stamps);
    free(sat->heap);
    free(sat->clauses);
    free(sat->made);
    free(sat);
}

bool egw_sat_nomem(const struct egw_sat *sat)
{
    return sat->nomem;
}

/* ---- what follows ---- */

static void spend(uint64_t *steps, uint64_t n)
{
    *steps = *steps > n ? *steps - n : 0;
}

/* A literal that may still hold takes the place of the second. False: there is none. */
static bool watch_another(struct egw_sat *sat, uint32_t clause)
{
    egw_lit *lits = lits_of(sat, clause);

    for (uint32_t k = 2; k < sat->clauses[clause]; k++) {
        egw_lit lit = lits[k];

        if (sat->value[lit] < 0)
            continue;
        lits[k] = lits[1];
        lits[1] = lit;
        watch(sat, lit, (struct watch){clause, lits[0]});
        return true;
    }
    return false;
}

/* Look at the clauses of a literal that no longer holds. The one that cannot hold, or NO_CLAUSE. */
static uint32_t look_at(struct egw_sat *sat, egw_lit lost)
{
    struct watches *list = &sat->watches[lost];
    uint32_t kept = 0, conflict = NO_CLAUSE;

    for (uint32_t i = 0; i < list->n; i++) {
        struct watch at = list->p[i];
        egw_lit *lits;

        if (conflict || sat->value[at.other] > 0) {
            list->p[kept++] = at;
            continue;
        }
        lits = lits_of(sat, at.clause);
        if (lits[0] == lost) {
            lits[0] = lits[1];
            lits[1] = lost;
        }
        at.other = lits[0];
        if (sat->value[lits[0]] <= 0 && watch_another(sat, at.clause))
            continue;
        list->p[kept++] = at;
        if (sat->value[lits[0]] < 0)
            conflict = at.clause;
        else if (sat->value[lits[0]] == 0)
            hold(sat, lits[0], at.clause);
    }
    list->n = kept;
    return conflict;
}

static uint32_t follow(struct egw_sat *sat, uint64_t *steps)
{
    uint32_t conflict = NO_CLAUSE;

    while (!conflict && sat->head < sat->trail_n) {
        egw_lit lost = egw_lit_not(sat->trail[sat->head++]);

        spend(steps, 1 + sat->watches[lost].n / 4);
        conflict = look_at(sat, lost);
    }
    return conflict;
}

static void next_level(struct egw_sat *sat)
{
    sat->levels[sat->level_n++] = sat->trail_n;
}

/* ---- learning ---- */

/* All that forced it is in the clause already. */
static bool is_implied(const struct egw_sat *sat, egw_lit lit)
{
    uint32_t reason = sat->vars[var_of(lit)].reason;
    const egw_lit *lits = lits_of(sat, reason);

    if (!reason)
        return false;
    for (uint32_t k = 1; k < sat->clauses[reason]; k++) {
        const struct var *var = &sat->vars[var_of(lits[k])];

        if (!var->seen && var->level > 0)
            return false;
    }
    return true;
}

/* The literals of the clause from its k-th on come into the clause being made, or stay on the
 * trail's last level; those are counted. */
static size_t take_in(struct egw_sat *sat, uint32_t clause, uint32_t k, size_t *made_n)
{
    const egw_lit *lits = lits_of(sat, clause);
    size_t open = 0;

    for (; k < sat->clauses[clause]; k++) {
        struct var *var = &sat->vars[var_of(lits[k])];

        if (var->seen || var->level == 0)
            continue;
        var->seen = true;
        bump(sat, var_of(lits[k]));
        if (var->level == (int32_t)sat->level_n)
            open++;
        else
            sat->made[(*made_n)++] = lits[k];
    }
    return open;
}

/* The literals of earlier levels without those the others imply; the latest goes second. Returns
 * how many there are. */
static size_t make_short(struct egw_sat *sat, size_t n)
{
    size_t kept = 1;

    for (size_t i = 1; i < n; i++) {
        egw_lit lit = sat->made[i];

        /* Those left out stand behind those kept, until their marks are gone. */
        if (!is_implied(sat, lit)) {
            sat->made[i] = sat->made[kept];
            sat->made[kept++] = lit;
        }
    }
    for (size_t i = 1; i < n; i++)
        sat->vars[var_of(sat->made[i])].seen = false;
    for (size_t i = 2; i < kept; i++) {
        if (sat->vars[var_of(sat->made[i])].level > sat->vars[var_of(sat->made[1])].level) {
            egw_lit lit = sat->made[1];

            sat->made[1] = sat->made[i];
            sat->made[i] = lit;
        }
    }
    return kept;
}

static uint32_t levels_in(struct egw_sat *sat, size_t n)
{
    uint32_t levels = 0;

    sat->stamp++;
    for (size_t i = 0; i < n; i++) {
        uint64_t *stamp = &sat->stamps[sat->vars[var_of(sat->made[i])].level];

        levels += *stamp != sat->stamp;
        *stamp = sat->stamp;
    }
    return levels;
}

/* What the conflict teaches; goes back to where that is news, and holds it there. */
static void learn(struct egw_sat *sat, uint32_t conflict)
{
    size_t n = 1, at = sat->trail_n, open = take_in(sat, conflict, 0, &n);
    uint32_t clause = NO_CLAUSE, levels;
    egw_lit lit;

    for (;;) {
        do
            lit = sat->trail[--at];
        while (!sat->vars[var_of(lit)].seen);
        sat->vars[var_of(lit)].seen = false;
        if (--open == 0)
            break;
        open += take_in(sat, sat->vars[var_of(lit)].reason, 1, &n);
    }
    sat->made[0] = egw_lit_not(lit);
    n = make_short(sat, n);
    levels = levels_in(sat, n);
    back_to(sat, n > 1 ? (size_t)sat->vars[var_of(sat->made[1])].level : 0);
    if (n > 1)
        clause = store(sat, sat->made, n, levels);
    if (n == 1 || clause)
        hold(sat, sat->made[0], clause);
    sat->bump *= FORGET;
}

/* Half of what was learned is forgotten: the clauses that speak of many levels. At level 0, where
 * nothing asks for reasons. */
static void forget(struct egw_sat *sat)
{
    size_t counts[64] = {0}, kept = 0, to = HEADER, left = sat->learned / 2;
    uint32_t most = 0;

    for (size_t at = HEADER; at < sat->clause_n; at += HEADER + sat->clauses[at])
        counts[sat->clauses[at + 1] < 63 ? sat->clauses[at + 1] : 63]++;
    while (most < 63 && kept + counts[most + 1] <= left)
        kept += counts[++most];
    most = most < 2 ? 2 : most;
    for (size_t lit = 0; lit < 2 * sat->var_n; lit++)
        sat->watches[lit].n = 0;
    sat->learned = 0;
    for (size_t at = HEADER; at < sat->clause_n;) {
        size_t size = HEADER + sat->clauses[at];

        if (sat->clauses[at + 1] <= most) {
            memmove(sat->clauses + to, sat->clauses + at, size * sizeof(*sat->clauses));
            sat->learned += sat->clauses[to + 1] > 0;
            attach(sat, (uint32_t)to);
            to += size;
        }
        at += size;
    }
    sat->clause_n = to;
    sat->learned_max += sat->learned_max / 8;
}

/* ---- asking ---- */

/* Which of those held lead to the literal's opposite. */
static void blame(struct egw_sat *sat, egw_lit lit)
{
    sat->blamed[lit] = true;
    sat->vars[var_of(lit)].seen = true;
    for (size_t at = sat->trail_n; at-- > (sat->level_n ? sat->levels[0] : sat->trail_n);) {
        struct var *var = &sat->vars[var_of(sat->trail[at])];

        if (!var->seen)
            continue;
        var->seen = false;
        if (!var->reason) {
            sat->blamed[sat->trail[at]] = true;
            continue;
        }
        for (uint32_t k = 1; k < sat->clauses[var->reason]; k++) {
            struct var *cause = &sat->vars[var_of(lits_of(sat, var->reason)[k])];

            cause->seen = cause->level > 0;
        }
    }
    sat->vars[var_of(lit)].seen = false;
}

enum move { MOVED, DONE, REFUSED };

/* The next of those held, then the next choice. */
static enum move move_on(struct egw_sat *sat, const egw_lit *held, size_t n)
{
    while (sat->level_n < n) {
        egw_lit lit = held[sat->level_n];

        if (sat->value[lit] < 0) {
            blame(sat, lit);
            return REFUSED;
        }
        next_level(sat);
        if (sat->value[lit] == 0) {
            hold(sat, lit, NO_CLAUSE);
            return MOVED;
        }
    }
    while (sat->heap_n > 0) {
        int32_t var = heap_take(sat);

        if (sat->value[2 * var])
            continue;
        next_level(sat);
        hold(sat, 2 * var + !sat->vars[var].likely, NO_CLAUSE);
        return MOVED;
    }
    return DONE;
}

/* How many conflicts until the i-th restart: 1 1 2 1 1 2 4 ... of RESTART. */
static uint64_t luby(uint64_t i)
{
    uint64_t size = 1;

    while (size < i + 1)
        size = 2 * size + 1;
    while (size - 1 != i) {
        size /= 2;
        i %= size;
    }
    return (size + 1) / 2;
}

static enum egw_found search(struct egw_sat *sat, const egw_lit *held, size_t n, uint64_t *steps)
{
    uint64_t restarts = 0, conflicts = 0;

    while (*steps && !sat->nomem) {
        uint32_t conflict = follow(sat, steps);

        if (conflict && sat->level_n == 0) {
            sat->never = true;
            return EGW_FOUND_NONE;
        }
        if (conflict) {
            learn(sat, conflict);
            conflicts++;
            continue;
        }
        if (conflicts >= RESTART * luby(restarts)) {
            conflicts = 0;
            restarts++;
            back_to(sat, 0);
            if (sat->learned > sat->learned_max)
                forget(sat);
        }
        switch (move_on(sat, held, n)) {
        case MOVED:
            break;
        case DONE:
            return EGW_FOUND_SOME;
        case REFUSED:
            return EGW_FOUND_NONE;
        }
    }
    return EGW_FOUND_UNSURE;
}

static void room_for_levels(struct egw_sat *sat, size_t n)
{
    if (n <= sat->level_room)
        return;
    sat->levels = resized(sat, sat->levels, n, sizeof(*sat->levels));
    sat->stamps = resized(sat, sat->stamps, n, sizeof(*sat->stamps));
    if (!sat->nomem) {
        memset(sat->stamps, 0, n * sizeof(*sat->stamps));
        sat->level_room = n;
    }
}

enum egw_found egw_sat_ask(struct egw_sat *sat, const egw_lit *held, size_t n, uint64_t *steps)
{
    back_to(sat, 0);
    room_for_levels(sat, n + sat->var_n + 1);
    memset(sat->blamed, 0, 2 * sat->var_n * sizeof(*sat->blamed));
    if (sat->nomem)
        return EGW_FOUND_UNSURE;
    return sat->never ? EGW_FOUND_NONE : search(sat, held, n, steps);
}

bool egw_sat_holds(const struct egw_sat *sat, egw_lit lit)
{
    return sat->value[lit] > 0;
}

bool egw_sat_blamed(const struct egw_sat *sat, egw_lit lit)
{
    return sat->blamed[lit];
}
