/* Rights: of whom, since when, and where the channel covers the service. */
#include "decide.h"
#include "policy_pairs.h"

/* Rights as the partner's records give them, before it is asked what the channel covers. */
enum { RIGHTS = EGW_V_RIGHT_EMPTY + 1 };

/* Read so off a record that both believe, and off one too old for the stricter policy (-1: none).
 */
static void right(bool ret[RIGHTS][RIGHTS], int stale, unsigned old, unsigned new)
{
    ret[old][new] = true;
    ret[stale == EGW_OLD ? EGW_V_RIGHT_UNKNOWN : old]
       [stale == EGW_NEW ? EGW_V_RIGHT_UNKNOWN : new] = true;
}

/* No record says none; where there is none of the partner either, nothing. */
static void pair_no_record(bool ret[RIGHTS][RIGHTS])
{
    ret[EGW_V_RIGHT_NONE][EGW_V_RIGHT_NONE] = true;
    ret[EGW_V_RIGHT_UNKNOWN][EGW_V_RIGHT_UNKNOWN] = true;
}

static const unsigned terms[] = {EGW_V_RIGHT_NONE, EGW_V_RIGHT_ENDED, EGW_V_RIGHT_IN_FORCE};

static void pair_contracts(const struct egw_policy *const p[2], bool ret[RIGHTS][RIGHTS])
{
    pair_no_record(ret);
    for (size_t t = 0; t < EGW_COUNT(terms); t++) {
        right(ret, egw_stricter(p, EGW_REF_CONTRACT), terms[t], terms[t]);
    }
}

/* A pack on record, for a channel that counts. */
static void pair_packs(const struct egw_policy *const p[2],
                       const struct egw_channel *const channels[2], const bool level[2],
                       bool ret[RIGHTS][RIGHTS])
{
    static const unsigned packs[] = {EGW_V_RIGHT_IN_FORCE, EGW_V_RIGHT_NONE, EGW_V_RIGHT_ENDED,
                                     EGW_V_RIGHT_EMPTY, EGW_V_RIGHT_UNKNOWN};
    int stale = egw_stricter(p, EGW_REF_PACK);

    for (size_t k = 0; k < EGW_COUNT(packs); k++) {
        for (int aged = 0; aged < 2; aged++) { /* too old for the stricter policy */
            unsigned rights[2];

            for (int s = 0; s < 2; s++) {
                unsigned pack = aged && stale == s ? EGW_V_RIGHT_UNKNOWN : packs[k];

                rights[s] = !level[s]              ? EGW_V_RIGHT_NONE
                            : channels[s]->counted ? pack
                                                   : EGW_V_RIGHT_IN_FORCE;
            }
            right(ret, egw_stricter(p, EGW_REF_MEMBERSHIP), rights[EGW_OLD], rights[EGW_NEW]);
        }
    }
}

static bool has_level(const struct egw_channel *channel, struct egw_str level)
{
    return decide_among(level, channel->levels, channel->level_count);
}

/* A membership of a level that these policies take. */
static void pair_level(const struct egw_policy *const p[2],
                       const struct egw_channel *const channels[2], const bool level[2],
                       bool ret[RIGHTS][RIGHTS])
{
    int stale = egw_stricter(p, EGW_REF_MEMBERSHIP);

    for (size_t t = 0; t < EGW_COUNT(terms); t++) {
        if (terms[t] != EGW_V_RIGHT_IN_FORCE) /* of which the pack says more */
            right(ret, stale, level[EGW_OLD] ? terms[t] : EGW_V_RIGHT_NONE,
                  level[EGW_NEW] ? terms[t] : EGW_V_RIGHT_NONE);
    }
    pair_packs(p, channels, level, ret);
}

static void pair_memberships(const struct egw_policy *const p[2],
                             const struct egw_channel *const channels[2], bool ret[RIGHTS][RIGHTS])
{
    static const bool neither[2] = {false, false};

    pair_no_record(ret);
    pair_level(p, channels, neither, ret);
    for (size_t s = 0; s < 2; s++) {
        for (size_t i = 0; i < channels[s]->level_count; i++) {
            struct egw_str word = channels[s]->levels[i];
            const bool level[] = {has_level(channels[EGW_OLD], word),
                                  has_level(channels[EGW_NEW], word)};

            pair_level(p, channels, level, ret);
        }
    }
}

static void pair_rights(const struct egw_policy *const p[2],
                        const struct egw_channel *const channels[2], bool ret[RIGHTS][RIGHTS])
{
    const struct egw_channel *old = channels[EGW_OLD], *new = channels[EGW_NEW];
    bool same_kind = old->entitlement == new->entitlement;

    if (same_kind && old->entitlement == EGW_ENTITLED_CONTRACT && egw_str_eq(old->plan, new->plan))
        pair_contracts(p, ret);
    else if (same_kind && old->entitlement == EGW_ENTITLED_MEMBERSHIP)
        pair_memberships(p, channels, ret);
    else /* by what the partner is, as the laws say, or by another record */
        memset(ret, true, RIGHTS * sizeof(*ret));
}

/* Where each of the policies covers the service there, or not. */
struct covering {
    const struct egw_policy *policies[2];
    const struct egw_channel *channels[2];
    const uint16_t *maps[2];
    bool on_premises, covered[2];
};

static bool is_covered_so(const void *about, size_t value)
{
    const struct covering *q = about;

    for (size_t s = 0; s < 2; s++) {
        if (egw_channel_covers(q->policies[s], q->channels[s], q->maps[s][value], q->on_premises) !=
            q->covered[s])
            return false;
    }
    return true;
}

struct offering {
    const struct egw_policy *policies[2];
    const struct egw_channel *channels[2];
    const uint16_t *maps[2]; /* of eras */
};

static bool is_offered_by_both(const void *about, size_t era)
{
    const struct offering *q = about;

    for (size_t s = 0; s < 2; s++) {
        if (egw_offer_in(q->policies[s], q->channels[s], q->maps[s][era]) != EGW_OFFER_NOW)
            return false;
    }
    return true;
}

static unsigned covered_right(unsigned right, bool covered)
{
    return right == EGW_V_RIGHT_IN_FORCE && !covered ? EGW_V_RIGHT_NOT_COVERED : right;
}

void egw_say_channel(struct egw_build *b, unsigned old_fact, unsigned new_fact)
{
    const struct egw_space *space = b->space;
    const struct egw_policy *const p[] = {egw_side_policy(b, EGW_OLD), egw_side_policy(b, EGW_NEW)};
    const struct egw_channel *const channels[] = {&p[EGW_OLD]->channels[old_fact - EGW_F_CHANNEL],
                                                  &p[EGW_NEW]->channels[new_fact - EGW_F_CHANNEL]};
    const struct egw_axis *eras = &space->axes[0],
                          *services = egw_side_axis(b, EGW_OLD, EGW_F_SERVICE);
    const struct offering offering = {{p[EGW_OLD], p[EGW_NEW]},
                                      {channels[EGW_OLD], channels[EGW_NEW]},
                                      {eras->map[EGW_OLD], eras->map[EGW_NEW]}};
    struct covering covering = {.policies = {p[EGW_OLD], p[EGW_NEW]},
                                .channels = {channels[EGW_OLD], channels[EGW_NEW]},
                                .maps = {services->map[EGW_OLD], services->map[EGW_NEW]}};
    const struct egw_part offered = egw_part_where(b, 0, is_offered_by_both, &offering);
    int side = egw_stricter(p, EGW_REF_PARTNER);
    bool rights[RIGHTS][RIGHTS] = {{false}};

    pair_rights(p, channels, rights);
    for (int kind = 0; kind < 8 && !b->nomem; kind++) {
        struct egw_pairs pairs;
        struct egw_part within[EGW_WITHIN_MAX] = {offered};

        covering.on_premises = kind & 1;
        covering.covered[EGW_OLD] = kind & 2;
        covering.covered[EGW_NEW] = kind & 4;
        within[1] = egw_part_where(b, (unsigned)space->axis_of[EGW_OLD][EGW_F_SERVICE],
                                   is_covered_so, &covering);
        within[2] = egw_part_of(b, (unsigned)space->axis_of[EGW_OLD][EGW_F_HOSTING],
                                kind & 1 ? EGW_BIT(EGW_V_HOSTING_ON_PREMISES)
                                         : EGW_BUT(EGW_V_HOSTING_ON_PREMISES));
        if (!egw_pairs_new(b, old_fact, &pairs))
            return;
        for (unsigned a = 0; a < RIGHTS; a++) {
            for (unsigned z = 0; z < RIGHTS; z++) {
                if (rights[a][z])
                    egw_pair(&pairs, covered_right(a, covering.covered[EGW_OLD]),
                             covered_right(z, covering.covered[EGW_NEW]));
            }
        }
        within[3] = egw_no_part;
        if (side >= 0) /* while it believes what it knows of the partner */
            within[3] = egw_strictly(b, side, EGW_F_CSP, EGW_BUT(EGW_V_CSP_UNKNOWN));
        egw_say_pairs(b, old_fact, new_fact, &pairs, within, EGW_WITHIN_MAX);
        if (side >= 0) { /* else it does not know that there is no right */
            egw_pair_with(&pairs, (size_t)side, EGW_V_RIGHT_UNKNOWN, EGW_BIT(EGW_V_RIGHT_NONE));
            within[3] = egw_no_part;
            egw_say_pairs(b, old_fact, new_fact, &pairs, within, EGW_WITHIN_MAX);
        }
    }
}

static bool covered_alike(const struct egw_policy *const p[2], const uint16_t services[2],
                          const void *about)
{
    const struct egw_channel *const *channels = about;

    for (int on_premises = 0; on_premises < 2; on_premises++) {
        if (egw_channel_covers(p[EGW_OLD], channels[EGW_OLD], services[EGW_OLD], on_premises) !=
            egw_channel_covers(p[EGW_NEW], channels[EGW_NEW], services[EGW_NEW], on_premises))
            return false;
    }
    return true;
}

bool egw_channel_alike(const struct egw_policy *const p[2], const struct egw_channel *a,
                       const struct egw_channel *b)
{
    const struct egw_channel *const channels[] = {a, b};

    if (a->entitlement != b->entitlement || a->counted != b->counted ||
        a->since.has != b->since.has || (a->since.has && a->since.v != b->since.v) ||
        a->until.has != b->until.has || (a->until.has && a->until.v != b->until.v) ||
        egw_stricter(p, EGW_REF_PARTNER) >= 0 || !egw_alike_by_service(p, covered_alike, channels))
        return false;
    switch (a->entitlement) {
    case EGW_ENTITLED_CSP:
        return true;
    case EGW_ENTITLED_PROGRAM:
        return a->partners == b->partners;
    case EGW_ENTITLED_CONTRACT:
        return egw_str_eq(a->plan, b->plan) && egw_stricter(p, EGW_REF_CONTRACT) < 0;
    case EGW_ENTITLED_MEMBERSHIP:
        break;
    }
    return egw_same_words(a->levels, a->level_count, b->levels, b->level_count) &&
           egw_stricter(p, EGW_REF_MEMBERSHIP) < 0 &&
           (!a->counted || egw_stricter(p, EGW_REF_PACK) < 0);
}
