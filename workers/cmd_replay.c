/*
 * replay - whole cases once more, from their inputs, through the step that decided them
 */
#include "again.h"
#include "recorded.h"

struct replaying {
    const struct egw_settings *settings;
    struct egw_recorded *recorded;
    struct egw_again again;
    struct egw_str case_id, customer; /* p NULL: any */
    struct egw_str owner;             /* of the case: partner/customer */
    struct egw_arena kept;            /* it */
    int64_t since;
    bool seen; /* an outcome of whom was asked for */
    struct egw_error err;
};

/* ---- one outcome ---- */

static bool owned(const struct replaying *r, const struct egw_outcome *outcome)
{
    if (r->owner.p)
        return outcome->partner.n + 1 + outcome->customer.n == r->owner.n &&
               memcmp(r->owner.p, outcome->partner.p, outcome->partner.n) == 0 &&
               egw_str_eq(outcome->customer, (struct egw_str){r->owner.p + outcome->partner.n + 1,
                                                              outcome->customer.n});
    return !r->customer.p || egw_str_eq(outcome->customer, r->customer);
}

static bool told(const struct replaying *r, const struct egw_outcome *outcome)
{
    return owned(r, outcome) && outcome->decided_at >= r->since &&
           (!r->case_id.p || egw_str_eq(outcome->case_id, r->case_id));
}

static bool wanted(void *user, const struct egw_outcome *outcome)
{
    struct replaying *r = user;

    if (!owned(r, outcome))
        return false;
    r->seen = true;
    return true;
}

static enum egw_status tell(void *user, const struct egw_item *item,
                            const struct egw_replay_answer *answer, const struct egw_policy *policy,
                            struct egw_error *reterr)
{
    struct replaying *r = user;

    (void)policy;
    (void)reterr;
    if (!told(r, item->value))
        return EGW_OK;
    if (answer->verdict == EGW_REPLAY_SAME)
        egw_again_same(&r->again, item);
    else if (answer->verdict == EGW_REPLAY_DIFFERS)
        egw_again_differs(&r->again, item, answer->made, answer->fields, answer->why.text);
    else
        egw_again_unchecked(&r->again, item, answer->why.text);
    return EGW_OK;
}

static void unreadable(void *user, const struct egw_item *item)
{
    struct replaying *r = user;

    egw_again_unreadable(&r->again, item);
}

/* ---- which partitions ---- */

struct search {
    struct replaying *r;
    int32_t partition; /* -1: not found */
    bool no_memory;
};

static bool take_case(void *user, const struct egw_item *item)
{
    struct search *search = user;
    struct replaying *r = search->r;
    const struct egw_outcome *outcome = item->value;

    if (item->type != &egw_type_outcome || !told(r, outcome) ||
        outcome->action == EGW_ACTION_PASSED_ON)
        return true;
    r->owner = egw_arena_printf(&r->kept, "%.*s/%.*s", EGW_FMT(outcome->partner),
                                EGW_FMT(outcome->customer));
    search->partition = item->record.partition;
    search->no_memory = !r->owner.p;
    return false;
}

/* A case lies in one partition, with all of its customer's: they may share a command. */
static enum egw_status find_case(struct replaying *r, int32_t *ret)
{
    struct search search = {.r = r, .partition = -1};
    int64_t since = r->since;
    enum egw_status st;

    r->since = INT64_MIN;
    st = egw_read_all(r->settings, r->again.topic, -1, take_case, &search, &r->err);
    r->since = since;
    if (!st && search.no_memory)
        st = egw_error_set(&r->err, EGW_NOMEM, "no memory for a key");
    if (!st && search.partition < 0)
        st = egw_error_set(&r->err, EGW_NOT_FOUND, "no outcome is about case %.*s",
                           EGW_FMT(r->case_id));
    *ret = search.partition;
    return st;
}

static enum egw_status replay_all(struct replaying *r)
{
    const struct egw_recorded_ports ports = {
        .wanted = wanted, .tell = tell, .unreadable = unreadable, .user = r};
    int32_t from = 0, to = 0;
    enum egw_status st =
        egw_recorded_open(r->settings, "egw-replay", &ports, &r->recorded, &r->err);

    if (st)
        return st;
    to = egw_recorded_partitions(r->recorded);
    if (r->case_id.p) {
        st = find_case(r, &from);
        to = from + 1;
    }
    if (!st)
        st = egw_recorded_read(r->recorded, from, to, &r->err);
    if (!st && r->customer.p && !r->seen)
        st = egw_error_set(&r->err, EGW_NOT_FOUND, "no outcome is about customer %.*s",
                           EGW_FMT(r->customer));
    return st;
}

static int run(struct egw_args *args)
{
    struct replaying r = {
        .settings = &args->settings,
        .case_id = egw_str_of(egw_arg(args, "case")),
        .customer = egw_str_of(egw_arg(args, "customer")),
        .since = INT64_MIN,
    };
    int code;

    if (args->operand_count)
        return egw_usage(args, "takes options only: a case is named by --case");
    if (!egw_arg(args, "all") && !r.case_id.p && !r.customer.p)
        return egw_usage(args, "say which: --case, --customer or --all");
    code = egw_arg_time(args, "since", &r.since);
    if (code)
        return code;
    egw_again_open(&r.again, args);
    if (replay_all(&r)) {
        code = egw_fail(&r.err);
        egw_buf_free(&r.again.line);
    } else {
        code = egw_again_close(&r.again);
    }
    egw_recorded_free(r.recorded);
    egw_arena_free(&r.kept);
    return code;
}

static const struct egw_option options[] = {
    {0, "case", "CASE", "this case", NULL, false, NULL},
    {0, "customer", "CUSTOMER", "the cases of this customer, by its canonical name", NULL, false,
     NULL},
    {0, "all", NULL, "every case", NULL, false, NULL},
    {0, "since", "TIME", "tell only of what was decided at this time or later", NULL, false, NULL},
    {'v', "verbose", NULL, "show also outcomes that are the same or not checked", NULL, false,
     NULL},
    {'o', "output", "FORM", "form of the output", "text|json", false, NULL},
    {0, NULL, NULL, NULL, NULL, false, NULL},
};

const struct egw_command egw_cmd_replay = {
    .name = "replay",
    .operands = "--case CASE | --customer CUSTOMER | --all",
    .summary = "decide whole cases again from their inputs, and compare",
    .about = "Goes through the chains in order and gives each recorded input, due time and changed "
             "fact to the production step, with the facts known, the policy in force and the time "
             "as the outcome names them; the outcome that comes out is compared byte for byte. "
             "What can no longer be known (an input past retention, a reference record compacted "
             "away, a case that began before what is kept) is not checked and counted as such, "
             "with -v shown with the reason. Nothing is written.",
    .exits = "0 no difference, 1 a difference, or no such case or customer, 69 it could not be "
             "checked, 78 settings",
    .options = options,
    .run = run,
};
