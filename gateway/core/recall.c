#include "egw/recall.h"

#include "egw/lifecycle.h"
#include "walk.h"

bool egw_recall_decided(const struct egw_outcome *outcome)
{
    return outcome->rule.n || outcome->facts.n;
}

struct egw_outcome egw_recall_part(const struct egw_outcome *outcome)
{
    return (struct egw_outcome){
        .action = outcome->action,
        .code = outcome->code,
        .stage = outcome->stage,
        .final = outcome->final,
        .rule = outcome->rule,
        .because = outcome->because,
        .boundary = outcome->boundary,
        .facts = outcome->facts,
        .near = outcome->near,
        .channel = outcome->channel,
        .mode = outcome->mode,
        .service = outcome->service,
        .domain = outcome->domain,
        .severity = outcome->severity,
        .health = outcome->health,
        .advice = outcome->advice,
        .owner = outcome->owner,
    };
}

/* ---- facts by value ---- */

struct recall {
    const struct egw_policy *policy;
    const struct egw_outcome *outcome;
    uint16_t values[EGW_FACTS_MAX];
    uint64_t known; /* set of facts the outcome holds */
    struct egw_walk walk;
};

static bool holds(const struct recall *r, unsigned fact)
{
    return r->known >> fact & 1;
}

static enum egw_status walk(struct recall *r, struct egw_error *reterr)
{
    r->walk.policy = r->policy;
    r->walk.values = r->values;
    for (int stage = 0; stage < EGW_STAGES; stage++) {
        enum egw_status st = egw_walk_ready(r->policy, stage, r->known, reterr);

        if (st)
            return st;
        if (egw_walk_stage(&r->walk, stage))
            return EGW_OK;
    }
    return egw_error_set(reterr, EGW_INVALID, "the rules come to no end");
}

/* ---- the decision part ---- */

static struct egw_str word_of(const struct recall *r, unsigned fact, struct egw_str recorded)
{
    if (!holds(r, fact))
        return recorded; /* no rule tested it: the outcome has nothing to check it by */
    return r->values[fact] >= EGW_V_WORDS ? egw_walk_text(&r->walk, fact) : EGW_STR("");
}

/* The case shares another one's command: the rule had chosen a channel, and the words about it come
 * from that command. */
static void link_to(const struct egw_outcome *outcome, struct egw_outcome *ret)
{
    if (outcome->action != EGW_ACTION_LINKED ||
        (ret->action != EGW_ACTION_ESCALATED && ret->action != EGW_ACTION_HANDOFF))
        return;
    ret->action = EGW_ACTION_LINKED;
    ret->code = EGW_STR("");
    ret->because = outcome->because;
    ret->channel = outcome->channel;
    ret->mode = outcome->mode;
    ret->advice = outcome->advice;
}

static void fill(const struct recall *r, const struct egw_decision *decision,
                 struct egw_outcome *ret)
{
    const struct egw_outcome *outcome = r->outcome;

    *ret = (struct egw_outcome){
        .action = decision->action,
        .code = decision->code,
        .stage = decision->stage,
        .rule = r->walk.rule->view.id,
        .because = decision->because,
        /* outcomes of before do not say */
        .boundary = outcome->boundary.n ? decision->boundary : EGW_STR(""),
        .facts = decision->facts,
        .near = decision->near,
        .channel = decision->channel,
        .mode = decision->mode,
        .service = word_of(r, EGW_F_SERVICE, outcome->service),
        .domain = word_of(r, EGW_F_DOMAIN, outcome->domain),
        .severity = word_of(r, EGW_F_SEVERITY, outcome->severity),
        .health = decision->health,
        .advice = decision->advice,
        .owner = decision->owner,
    };
    link_to(outcome, ret);
    ret->final = egw_phase_after((enum egw_action)ret->action) == EGW_PHASE_ENDED;
}

enum egw_status egw_recall(const struct egw_policy *policy, const struct egw_outcome *outcome,
                           const struct egw_known_issue *issue, struct egw_arena *arena,
                           struct egw_outcome *ret, struct egw_error *reterr)
{
    struct recall recall = {.policy = policy, .outcome = outcome};
    struct egw_decision decision = {.action = -1};
    enum egw_status st = egw_walk_take(policy, &outcome->facts, outcome->recorded_at, recall.values,
                                       &recall.known, reterr);

    if (!st)
        st = walk(&recall, reterr);
    if (st)
        return st;
    if (egw_walk_tell(&recall.walk, issue, arena, &decision))
        return egw_error_set(reterr, EGW_NOMEM, "no memory to recall a decision");
    fill(&recall, &decision, ret);
    return EGW_OK;
}

/* ---- comparing ---- */

enum egw_status egw_outcome_differ(const struct egw_outcome *a, const struct egw_outcome *b,
                                   egw_outcome_fields *ret, struct egw_error *reterr)
{
    const struct egw_type *type = &egw_type_outcome;
    struct egw_buf first = {0}, second = {0};
    enum egw_status st = EGW_OK;

    _Static_assert(sizeof(*ret) * 8 >= 64, "a bit for each field");
    *ret = 0;
    for (size_t i = 0; i < type->field_count && !st; i++) {
        const struct egw_field *field = &type->fields[i];

        egw_buf_clear(&first);
        egw_buf_clear(&second);
        st = egw_encode(field->type, (const char *)a + field->offset, &first, reterr);
        if (!st)
            st = egw_encode(field->type, (const char *)b + field->offset, &second, reterr);
        if (!st && !egw_str_eq(egw_buf_str(&first), egw_buf_str(&second)))
            *ret |= UINT64_C(1) << i;
    }
    egw_buf_free(&first);
    egw_buf_free(&second);
    return st;
}
