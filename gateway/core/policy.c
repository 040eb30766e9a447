#include "egw/policy.h"

#include <stdlib.h>

#include "policy_model.h"

const struct egw_sha256 *egw_policy_hash(const struct egw_policy *policy)
{
    return &policy->hash;
}

size_t egw_policy_rule_count(const struct egw_policy *policy)
{
    return policy->rule_count;
}

struct egw_rule_view egw_policy_rule(const struct egw_policy *policy, size_t index)
{
    return policy->rules[index].view;
}

size_t egw_policy_assumptions(const struct egw_policy *policy)
{
    return policy->assumption_count;
}

struct egw_assumption egw_policy_assumption(const struct egw_policy *policy, size_t index)
{
    return policy->assumptions[index];
}

size_t egw_policy_channel_count(const struct egw_policy *policy)
{
    return policy->channel_count;
}

struct egw_str egw_policy_channel(const struct egw_policy *policy, size_t index)
{
    return policy->channels[index].id;
}

const struct egw_channel *egw_policy_channel_of(const struct egw_policy *policy, struct egw_str id)
{
    for (size_t i = 0; i < policy->channel_count; i++) {
        if (egw_str_eq(policy->channels[i].id, id))
            return &policy->channels[i];
    }
    return NULL;
}

struct egw_str egw_policy_channel_name(const struct egw_policy *policy, struct egw_str id)
{
    const struct egw_channel *channel = egw_policy_channel_of(policy, id);

    return channel ? channel->name : EGW_STR("");
}

bool egw_policy_channel_counted(const struct egw_policy *policy, struct egw_str id)
{
    const struct egw_channel *channel = egw_policy_channel_of(policy, id);

    return channel && channel->counted;
}

const struct egw_service *egw_policy_service(const struct egw_policy *policy, struct egw_str name)
{
    int value = name.p ? egw_wordset_find(&policy->facts[EGW_F_SERVICE].words, name) : -1;

    return value < 0 ? NULL : &policy->services[value - EGW_V_WORDS].view;
}

const struct egw_catalogue *egw_policy_catalogue(const struct egw_policy *policy)
{
    return policy->catalogue;
}

int64_t egw_policy_horizon_ms(const struct egw_policy *policy)
{
    return policy->horizon_ms;
}

bool egw_policy_state_unanswered(const struct egw_policy *policy, struct egw_str state)
{
    for (size_t i = 0; i < policy->unanswered_count; i++) {
        if (egw_str_same(policy->unanswered[i], state))
            return true;
    }
    return false;
}

const struct egw_named_calendar *egw_policy_calendar(const struct egw_policy *policy,
                                                     struct egw_str id)
{
    for (size_t i = 0; i < policy->calendar_count; i++) {
        if (egw_str_eq(policy->calendars[i].id, id))
            return &policy->calendars[i];
    }
    return NULL;
}

bool egw_policy_has_calendar(const struct egw_policy *policy, struct egw_str id)
{
    return egw_policy_calendar(policy, id) != NULL;
}

int64_t egw_policy_max_age_ms(const struct egw_policy *policy, enum egw_reference_kind kind)
{
    return policy->max_age_ms[kind];
}

void egw_policy_free(struct egw_policy *policy)
{
    if (!policy)
        return;
    if (policy->catalogue)
        policy->catalogue_free(policy->catalogue);
    free(policy->assumptions);
    egw_arena_free(&policy->arena);
    free(policy);
}

/* ---- matching: an AND over words, the first bit left ---- */

/* Half a block is a register: an array would go through memory, and what is written word by word
 * but read as a whole has to wait there. */
typedef uint64_t half __attribute__((vector_size(EGW_ROW_BLOCK / 2 * sizeof(uint64_t))));

static inline void narrow(half left[2], const struct egw_tested *tested, size_t n,
                          const uint16_t *values, size_t word)
{
    half first = left[0], second = left[1];

    for (size_t t = 0; t < n; t++) {
        const uint64_t *row = tested[t].row[values[tested[t].fact]] + word;
        half a, b;

        memcpy(&a, row, sizeof(a));
        memcpy(&b, row + EGW_ROW_BLOCK / 2, sizeof(b));
        first &= a;
        second &= b;
    }
    left[0] = first;
    left[1] = second;
}

size_t egw_stage_match(const struct egw_stage_table *stage, const uint16_t *values,
                       uint64_t *ret_near)
{
    for (size_t word = 0; word < stage->words; word += EGW_ROW_BLOCK) {
        half all = {~UINT64_C(0), ~UINT64_C(0)}, narrowed[2] = {all, all};
        uint64_t left[EGW_ROW_BLOCK];

        narrow(narrowed, stage->tested, stage->event_count, values, word);
        memcpy(ret_near + word, narrowed, sizeof(narrowed));
        narrow(narrowed, stage->tested + stage->event_count,
               stage->tested_count - stage->event_count, values, word);
        memcpy(left, narrowed, sizeof(left));
        for (size_t i = 0; i < EGW_ROW_BLOCK; i++) {
            if (left[i]) {
                size_t bit = (size_t)__builtin_ctzll(left[i]);

                ret_near[word + i] &= (UINT64_C(1) << bit) - 1;
                for (size_t k = i + 1; k < EGW_ROW_BLOCK; k++)
                    ret_near[word + k] = 0;
                return (word + i) * 64 + bit;
            }
        }
    }
    return stage->count; /* cannot be: the last rule takes all */
}

bool egw_rules_agree(const struct egw_rule_view *a, const struct egw_rule_view *b)
{
    return a->action == b->action && egw_str_eq(a->code, b->code) &&
           egw_str_eq(a->channel, b->channel) && egw_str_eq(a->mode, b->mode);
}
