/*
 * policy_laws - what cannot come together, as boxes of a space while it is built
 *
 * Laws follow decide*.c: each is one policy's, on the axes of that policy. Where two policies make
 * the same of all that can come, a fact has one axis for both. Where they may not (a channel's
 * dates, a need of another role, a priority that means another severity), the fact has an axis for
 * each, and policy_readings.c says which pairs of values one event can have.
 *
 * Private to the modules that build the space.
 */
#ifndef EGW_POLICY_LAWS_H
#define EGW_POLICY_LAWS_H

#include "policy_space.h"

struct egw_build {
    struct egw_space *space;
    struct egw_list impossible; /* of struct egw_box, over values: classes come last */
    bool nomem;
};

/* Zeroed, in the space's arena; NULL: no memory, which the build notes. */
void *egw_build_get(struct egw_build *b, size_t n, size_t size);

static inline size_t egw_bit_words(size_t bits)
{
    return (bits + 63) / 64;
}

static inline void egw_bit_set(uint64_t *bits, size_t i)
{
    bits[i / 64] |= UINT64_C(1) << (i % 64);
}

uint64_t egw_axes_of(const struct egw_part *parts, size_t n);
uint16_t egw_family_of(const struct egw_policy *policy, uint16_t service);

/* A part with no set is none at all: forbidding passes over it. */
static const struct egw_part egw_no_part = {0, NULL};

/* The values of the axis for which it is answered so. */
typedef bool egw_part_fn(const void *about, size_t value);
struct egw_part egw_part_where(struct egw_build *b, unsigned axis, egw_part_fn *ask,
                               const void *about);
/* Those of the mask: the axis is of a fact with fixed words, or of so few. */
struct egw_part egw_part_of(struct egw_build *b, unsigned axis, uint64_t mask);
/* These never come together; a part of nothing forbids nothing. */
void egw_forbid(struct egw_build *b, const struct egw_part *parts, size_t n);
#define EGW_FORBID(b, ...)                                                                         \
    egw_forbid((b), (const struct egw_part[]){__VA_ARGS__},                                        \
               EGW_COUNT(((const struct egw_part[]){__VA_ARGS__})))

/* Of one policy, on its own axes. */
void egw_build_laws(struct egw_build *b, size_t side);

/* Whether the channel is offered in the era, and whether it covers the service there. */
enum egw_offer { EGW_OFFER_EARLY, EGW_OFFER_NOW, EGW_OFFER_PAST };
enum egw_offer egw_offer_in(const struct egw_policy *policy, const struct egw_channel *channel,
                            size_t era);
bool egw_channel_covers(const struct egw_policy *policy, const struct egw_channel *channel,
                        uint16_t service, bool on_premises);
/* What the service wants of the delegation for this use; NULL: nothing. */
const struct egw_need *egw_need_of(const struct egw_policy *policy, uint16_t service, unsigned use);

#endif
