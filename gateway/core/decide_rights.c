/* Entitlements: which channels the partner may use. */
#include "decide.h"

/* A term judged at the record time; ret_end: when it ended. */
static unsigned term_value(const struct decide *d, struct egw_opt_i64 starts,
                           struct egw_opt_i64 ends)
{
    if (starts.has && starts.v > d->subject->recorded_ms)
        return EGW_V_RIGHT_NONE;
    if (ends.has && ends.v <= d->subject->recorded_ms)
        return EGW_V_RIGHT_ENDED;
    return EGW_V_RIGHT_IN_FORCE;
}

/* No contract or membership on record means there is none, but only where the partner itself is on
 * record: else nobody has told us anything about it. */
static unsigned right_without_record(struct decide *d, const struct lookup *found)
{
    return found->stale || !decide_partner(d) ? EGW_V_RIGHT_UNKNOWN : EGW_V_RIGHT_NONE;
}

static unsigned contract_right(struct decide *d, const struct egw_channel *channel, uint64_t about)
{
    struct lookup found = decide_look_up(d, EGW_REF_CONTRACT, channel->plan, about);
    const struct egw_contract *contract = found.body;
    unsigned value;

    if (!contract)
        return right_without_record(d, &found);
    value = term_value(d, contract->starts_at, contract->ends_at);
    if (value == EGW_V_RIGHT_ENDED)
        decide_say_date(d, &found, contract->ends_at.v);
    else
        decide_say(d, &found, d->policy->facts[EGW_F_CHANNEL].values[value]);
    return value;
}

static unsigned pack_right(struct decide *d, uint64_t about)
{
    struct lookup found = decide_look_up(d, EGW_REF_PACK, EGW_STR_NONE, about);
    const struct egw_pack *pack = found.body;
    unsigned value = EGW_V_RIGHT_IN_FORCE; /* uncounted here: the channel's own ledger counts */

    if (!pack)
        return found.stale ? EGW_V_RIGHT_UNKNOWN : value;
    if (!pack->activated)
        value = EGW_V_RIGHT_NONE;
    else if (pack->ends_at.has && pack->ends_at.v <= d->subject->recorded_ms)
        value = EGW_V_RIGHT_ENDED;
    else if (!pack->unlimited && pack->left <= 0)
        value = EGW_V_RIGHT_EMPTY;
    decide_say(d, &found, d->policy->facts[EGW_F_CHANNEL].values[value]);
    return value;
}

static unsigned membership_right(struct decide *d, const struct egw_channel *channel,
                                 uint64_t about)
{
    struct lookup found = decide_look_up(d, EGW_REF_MEMBERSHIP, EGW_STR_NONE, about);
    const struct egw_membership *membership = found.body;
    unsigned value;

    if (!membership)
        return right_without_record(d, &found);
    decide_say(d, &found, membership->level);
    if (!decide_among(membership->level, channel->levels, channel->level_count))
        return EGW_V_RIGHT_NONE;
    value = term_value(d, membership->starts_at, membership->ends_at);
    return value == EGW_V_RIGHT_IN_FORCE && channel->counted ? pack_right(d, about) : value;
}

static unsigned program_right(struct decide *d, const struct egw_channel *channel)
{
    unsigned kind;

    decide_csp(d);
    if (d->values[EGW_F_CSP] != EGW_V_CSP_YES)
        return d->values[EGW_F_CSP] == EGW_V_CSP_NO ? EGW_V_RIGHT_NONE : EGW_V_RIGHT_UNKNOWN;
    if (channel->entitlement == EGW_ENTITLED_CSP)
        return EGW_V_RIGHT_IN_FORCE;
    kind = d->values[EGW_F_PARTNER];
    if (kind == EGW_V_PARTNER_UNKNOWN)
        return EGW_V_RIGHT_UNKNOWN;
    return channel->partners >> kind & 1 ? EGW_V_RIGHT_IN_FORCE : EGW_V_RIGHT_NONE;
}

static bool channel_covers(const struct decide *d, const struct egw_channel *channel)
{
    unsigned family = d->values[EGW_F_FAMILY];
    struct egw_str hosting = decide_value_text(d, EGW_F_HOSTING);

    if (channel->cloud_only &&
        ((d->service && !d->service->view.cloud) || egw_str_is(hosting, "on-premises")))
        return false;
    return !channel->families || (channel->families[family / 64] >> (family % 64) & 1);
}

void decide_fact_channel(struct decide *d, unsigned fact)
{
    const struct egw_channel *channel = &d->policy->channels[fact - EGW_F_CHANNEL];
    uint64_t about = SET(fact);
    unsigned value = term_value(d, channel->since, channel->until);

    if (value == EGW_V_RIGHT_IN_FORCE) {
        if (channel->entitlement == EGW_ENTITLED_CONTRACT)
            value = contract_right(d, channel, about);
        else if (channel->entitlement == EGW_ENTITLED_MEMBERSHIP)
            value = membership_right(d, channel, about);
        else
            value = program_right(d, channel);
    }
    if (value == EGW_V_RIGHT_IN_FORCE && !channel_covers(d, channel))
        value = EGW_V_RIGHT_NOT_COVERED;
    decide_put(d, fact, value);
    d->known |= SET(fact);
}
