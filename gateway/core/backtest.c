#include "egw/backtest.h"

#include <assert.h>
#include <stdlib.h>

#include "egw/buf.h"
#include "egw/recall.h"
#include "egw/table.h"

struct lines {
    struct egw_backtest_line *items;
    size_t n, cap;
    struct egw_table places; /* name -> size_t */
};

struct egw_backtest {
    struct egw_backtest_sums sums;
    struct egw_backtest_move *moves;
    size_t n, cap;
    struct lines by[EGW_BACKTEST_BYS];
    struct egw_table cases;  /* partner/customer/case -> one byte: whether it moved */
    struct egw_arena arena;  /* texts of moves and lines */
    struct egw_buf key;      /* being looked up */
    bool counted;            /* all of it: lines were sorted, places are no longer so */
    egw_outcome_fields told; /* the fields that tell of a decision, not of who decided */
};

/* ---- life ---- */

static egw_outcome_fields field_named(const char *name)
{
    for (size_t i = 0; i < egw_type_outcome.field_count; i++) {
        if (strcmp(egw_type_outcome.fields[i].name, name) == 0)
            return (egw_outcome_fields)1 << i;
    }
    assert(false);
    return 0;
}

enum egw_status egw_backtest_new(struct egw_backtest **ret, struct egw_error *reterr)
{
    struct egw_backtest *backtest = calloc(1, sizeof(*backtest));

    if (!backtest)
        return egw_error_set(reterr, EGW_NOMEM, "no memory for a backtest");
    backtest->arena.max = (size_t)1 << 30;
    backtest->told = ~field_named("policy");
    *ret = backtest;
    return EGW_OK;
}

void egw_backtest_free(struct egw_backtest *backtest)
{
    if (!backtest)
        return;
    for (size_t by = 0; by < EGW_BACKTEST_BYS; by++) {
        free(backtest->by[by].items);
        egw_table_free(&backtest->by[by].places);
    }
    free(backtest->moves);
    egw_table_free(&backtest->cases);
    egw_arena_free(&backtest->arena);
    egw_buf_free(&backtest->key);
    free(backtest);
}

static enum egw_status no_memory(struct egw_error *reterr)
{
    return egw_error_set(reterr, EGW_NOMEM, "no memory to count a backtest");
}

/* ---- counting ---- */

bool egw_backtest_concerns(const struct egw_outcome *outcome)
{
    return outcome->case_id.n && outcome->action != EGW_ACTION_DUPLICATE &&
           outcome->action != EGW_ACTION_PASSED_ON;
}

static bool contact(const struct egw_outcome *outcome)
{
    return outcome->action == EGW_ACTION_ESCALATED || outcome->action == EGW_ACTION_HANDOFF;
}

static bool priced(const struct egw_outcome *outcome)
{
    return contact(outcome) && outcome->chargeable.has && outcome->chargeable.v;
}

/* The line of this name, made where there is none; NULL: no memory. */
static struct egw_backtest_line *line_of(struct egw_backtest *backtest, enum egw_backtest_by by,
                                         struct egw_str name)
{
    struct lines *lines = &backtest->by[by];
    struct egw_backtest_line *line;
    struct egw_str found;
    size_t at;

    if (egw_table_get(&lines->places, name, &found)) {
        memcpy(&at, found.p, sizeof(at));
        return &lines->items[at];
    }
    if (!egw_grow(&lines->items, sizeof(*lines->items), lines->n, &lines->cap))
        return NULL;
    line = &lines->items[lines->n];
    *line = (struct egw_backtest_line){0};
    if (!egw_arena_str(&backtest->arena, name, &line->name) ||
        egw_table_put(&lines->places, name,
                      (struct egw_str){(const char *)&lines->n, sizeof(lines->n)}))
        return NULL;
    lines->n++;
    return line;
}

static enum egw_status count_step(struct egw_backtest *backtest, enum egw_backtest_by by,
                                  struct egw_str name, bool moved)
{
    struct egw_backtest_line *line = line_of(backtest, by, name);

    if (!line)
        return EGW_NOMEM;
    line->steps++;
    line->moved += moved;
    return EGW_OK;
}

static enum egw_status count_contact(struct egw_backtest *backtest, enum egw_backtest_by by,
                                     struct egw_str name, size_t side)
{
    struct egw_backtest_line *line = line_of(backtest, by, name);

    if (!line)
        return EGW_NOMEM;
    line->contacts[side]++;
    return EGW_OK;
}

/* partner/customer and, where wanted, /case; lives until the next. */
static enum egw_status owner_of(struct egw_backtest *backtest, const struct egw_outcome *outcome,
                                bool with_case, struct egw_str *ret)
{
    enum egw_status st;

    egw_buf_clear(&backtest->key);
    st = egw_buf_printf(&backtest->key, "%.*s/%.*s", EGW_FMT(outcome->partner),
                        EGW_FMT(outcome->customer));
    if (!st && with_case)
        st = egw_buf_printf(&backtest->key, "/%.*s", EGW_FMT(outcome->case_id));
    *ret = egw_buf_str(&backtest->key);
    return st;
}

static enum egw_status count_case(struct egw_backtest *backtest, const struct egw_outcome *outcome,
                                  bool moved)
{
    struct egw_str key, found;
    bool known, before;
    enum egw_status st = owner_of(backtest, outcome, true, &key);

    if (st)
        return st;
    known = egw_table_get(&backtest->cases, key, &found);
    before = known && found.p[0];
    backtest->sums.cases += !known;
    backtest->sums.cases_moved += moved && !before;
    if (known && (before || !moved))
        return EGW_OK;
    return egw_table_put(&backtest->cases, key, moved ? EGW_STR("\1") : (struct egw_str){"", 1});
}

static enum egw_status count_steps(struct egw_backtest *backtest, const struct egw_outcome *outcome,
                                   bool moved)
{
    struct egw_str owner;
    enum egw_status st = owner_of(backtest, outcome, false, &owner);

    if (!st)
        st = count_step(backtest, EGW_BACKTEST_CUSTOMER, owner, moved);
    if (!st)
        st = count_step(backtest, EGW_BACKTEST_SEVERITY, outcome->severity, moved);
    if (!st)
        st = count_step(backtest, EGW_BACKTEST_CHANNEL, outcome->channel, moved);
    if (!st && priced(outcome))
        st = count_step(backtest, EGW_BACKTEST_PRICE, outcome->price, moved);
    return st ? st : count_case(backtest, outcome, moved);
}

static enum egw_status count_contacts(struct egw_backtest *backtest,
                                      const struct egw_backtest_side *side, size_t at)
{
    const struct egw_outcome *outcome = side->outcome;
    struct egw_str owner;
    enum egw_status st;

    if (!contact(outcome))
        return EGW_OK;
    backtest->sums.contacts[at]++;
    backtest->sums.incidents[at] += side->counted;
    backtest->sums.priced[at] += priced(outcome);
    st = owner_of(backtest, outcome, false, &owner);
    if (!st)
        st = count_contact(backtest, EGW_BACKTEST_CUSTOMER, owner, at);
    if (!st)
        st = count_contact(backtest, EGW_BACKTEST_SEVERITY, outcome->severity, at);
    if (!st)
        st = count_contact(backtest, EGW_BACKTEST_CHANNEL, outcome->channel, at);
    if (!st && priced(outcome))
        st = count_contact(backtest, EGW_BACKTEST_PRICE, outcome->price, at);
    return st;
}

/* ---- moves ---- */

static bool same_opt(struct egw_opt_bool a, struct egw_opt_bool b)
{
    return a.has == b.has && (!a.has || a.v == b.v);
}

static bool same_answer(const struct egw_backtest_answer *a, const struct egw_backtest_answer *b)
{
    return a->action == b->action && egw_str_eq(a->code, b->code) &&
           egw_str_eq(a->channel, b->channel) && egw_str_eq(a->mode, b->mode) &&
           egw_str_eq(a->severity, b->severity) && egw_str_eq(a->price, b->price) &&
           same_opt(a->chargeable, b->chargeable);
}

static struct egw_backtest_answer answer_of(const struct egw_outcome *outcome)
{
    return (struct egw_backtest_answer){
        .action = outcome->action,
        .code = outcome->code,
        .channel = outcome->channel,
        .mode = outcome->mode,
        .severity = outcome->severity,
        .price = outcome->price,
        .chargeable = outcome->chargeable,
    };
}

/* What both sides agree on beside the move would only split it into many. */
static void drop_agreed(struct egw_backtest_answer *a, struct egw_backtest_answer *b)
{
    if (egw_str_eq(a->severity, b->severity))
        a->severity = b->severity = EGW_STR("");
    if (egw_str_eq(a->price, b->price) && same_opt(a->chargeable, b->chargeable)) {
        a->price = b->price = EGW_STR("");
        a->chargeable = b->chargeable = (struct egw_opt_bool){0};
    }
}

static bool keep_answer(struct egw_backtest *backtest, struct egw_backtest_answer *answer)
{
    struct egw_arena *arena = &backtest->arena;

    return egw_arena_str(arena, answer->code, &answer->code) &&
           egw_arena_str(arena, answer->channel, &answer->channel) &&
           egw_arena_str(arena, answer->mode, &answer->mode) &&
           egw_arena_str(arena, answer->severity, &answer->severity) &&
           egw_arena_str(arena, answer->price, &answer->price);
}

static bool keep_example(struct egw_backtest *backtest, const struct egw_outcome *was,
                         const struct egw_outcome *becomes, struct egw_backtest_move *move)
{
    struct egw_arena *arena = &backtest->arena;

    move->seq = was->seq;
    return egw_arena_str(arena, was->rule, &move->was_rule) &&
           egw_arena_str(arena, becomes->rule, &move->becomes_rule) &&
           egw_arena_str(arena, was->partner, &move->partner) &&
           egw_arena_str(arena, was->customer, &move->customer) &&
           egw_arena_str(arena, was->case_id, &move->case_id) &&
           egw_arena_str(arena, was->chain, &move->chain);
}

static enum egw_status count_move(struct egw_backtest *backtest, const struct egw_outcome *was,
                                  const struct egw_outcome *becomes)
{
    struct egw_backtest_move move = {.was = answer_of(was), .becomes = answer_of(becomes), .n = 1};

    drop_agreed(&move.was, &move.becomes);
    for (size_t i = 0; i < backtest->n; i++) {
        if (same_answer(&backtest->moves[i].was, &move.was) &&
            same_answer(&backtest->moves[i].becomes, &move.becomes)) {
            backtest->moves[i].n++;
            return EGW_OK;
        }
    }
    if (!egw_grow(&backtest->moves, sizeof(*backtest->moves), backtest->n, &backtest->cap))
        return EGW_NOMEM;
    if (!keep_answer(backtest, &move.was) || !keep_answer(backtest, &move.becomes) ||
        !keep_example(backtest, was, becomes, &move))
        return EGW_NOMEM;
    backtest->moves[backtest->n++] = move;
    return EGW_OK;
}

enum egw_status egw_backtest_compare(struct egw_backtest *backtest,
                                     const struct egw_backtest_side *was,
                                     const struct egw_backtest_side *becomes,
                                     struct egw_error *reterr)
{
    struct egw_backtest_answer recorded = answer_of(was->outcome);
    struct egw_backtest_answer candidate = answer_of(becomes->outcome);
    bool moved = !same_answer(&recorded, &candidate);
    egw_outcome_fields fields = 0;
    enum egw_status st = EGW_OK;

    assert(!backtest->counted);
    if (!moved && !egw_recall_decided(was->outcome) && !egw_recall_decided(becomes->outcome)) {
        backtest->sums.undecided++;
        return EGW_OK;
    }
    if (!moved)
        st = egw_outcome_differ(was->outcome, becomes->outcome, &fields, reterr);
    if (st)
        return st;
    if (moved)
        backtest->sums.moved++;
    else if (fields & backtest->told)
        backtest->sums.retold++;
    else
        backtest->sums.same++;
    st = count_steps(backtest, was->outcome, moved);
    if (!st)
        st = count_contacts(backtest, was, 0);
    if (!st)
        st = count_contacts(backtest, becomes, 1);
    if (!st && moved)
        st = count_move(backtest, was->outcome, becomes->outcome);
    return st ? no_memory(reterr) : EGW_OK;
}

enum egw_status egw_backtest_unchecked(struct egw_backtest *backtest, const char *why,
                                       struct egw_error *reterr)
{
    assert(!backtest->counted);
    backtest->sums.unchecked++;
    return count_step(backtest, EGW_BACKTEST_WHY, egw_str_of(why), false) ? no_memory(reterr)
                                                                          : EGW_OK;
}

/* ---- what came of it ---- */

struct egw_backtest_sums egw_backtest_sums(const struct egw_backtest *backtest)
{
    return backtest->sums;
}

bool egw_backtest_over(const struct egw_backtest_sums *sums, int64_t percent)
{
    return sums->cases_moved * 100 > sums->cases * (uint64_t)percent;
}

static int more_moves_first(const void *a, const void *b)
{
    const struct egw_backtest_move *x = a, *y = b;
    int by_chain;

    if (x->n != y->n)
        return x->n > y->n ? -1 : 1;
    by_chain = egw_str_cmp(x->chain, y->chain);
    return by_chain ? by_chain : (x->seq > y->seq) - (x->seq < y->seq);
}

static int more_moved_first(const void *a, const void *b)
{
    const struct egw_backtest_line *x = a, *y = b;

    if (x->moved != y->moved)
        return x->moved > y->moved ? -1 : 1;
    if (x->steps != y->steps)
        return x->steps > y->steps ? -1 : 1;
    return egw_str_cmp(x->name, y->name);
}

const struct egw_backtest_move *egw_backtest_moves(struct egw_backtest *backtest, size_t *ret_n)
{
    backtest->counted = true;
    if (backtest->n)
        qsort(backtest->moves, backtest->n, sizeof(*backtest->moves), more_moves_first);
    *ret_n = backtest->n;
    return backtest->moves;
}

const struct egw_backtest_line *egw_backtest_lines(struct egw_backtest *backtest,
                                                   enum egw_backtest_by by, size_t *ret_n)
{
    struct lines *lines = &backtest->by[by];

    backtest->counted = true;
    if (lines->n)
        qsort(lines->items, lines->n, sizeof(*lines->items), more_moved_first);
    *ret_n = lines->n;
    return lines->items;
}
