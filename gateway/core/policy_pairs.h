/*
 * policy_pairs - which values of a fact two policies may read off the same thing
 *
 * What policy_readings.c and its parts for health and channels share. Private to them.
 */
#ifndef EGW_POLICY_PAIRS_H
#define EGW_POLICY_PAIRS_H

#include "policy_readings.h"

enum { EGW_OLD, EGW_NEW };

/* Bit sets over the values of the new policy's axis, by value of the old one's. */
struct egw_pairs {
    size_t values, words;
    uint64_t *rows;
};

/* None yet. False: no memory. */
bool egw_pairs_new(struct egw_build *b, unsigned old_fact, struct egw_pairs *ret);
void egw_pair(struct egw_pairs *pairs, size_t old, size_t new);
void egw_pair_equals(struct egw_pairs *pairs);
/* One policy reads `value` where the other reads any of the set, whose last bit speaks for all
 * values from there on. */
void egw_pair_with(struct egw_pairs *pairs, size_t side, size_t value, uint64_t set);
#define EGW_ALL    (~UINT64_C(0))
#define EGW_BIT(v) (UINT64_C(1) << (v))
#define EGW_BUT(v) (~EGW_BIT(v))

/* Within the parts the fact is read as one of the pairs. */
enum { EGW_WITHIN_MAX = 4 };
void egw_say_pairs(struct egw_build *b, unsigned old_fact, unsigned new_fact,
                   const struct egw_pairs *pairs, const struct egw_part *within, size_t n);

/* Pairs by the service a name means, of which each policy has its own number. */
typedef void egw_pairs_fn(struct egw_build *b, const uint16_t services[2], const void *about,
                          struct egw_pairs *ret);
/* By value of the service's axis; NULL: no memory. */
struct egw_pairs *egw_pairs_by_service(struct egw_build *b, unsigned fact, egw_pairs_fn *fill,
                                       const void *about);
/* within: one more part, or NULL. */
void egw_say_by_service(struct egw_build *b, unsigned fact, const struct egw_pairs *all,
                        const struct egw_part *within);
/* Whether it is so of every service that either policy knows by any name, of an unknown one, and of
 * none. */
typedef bool egw_alike_fn(const struct egw_policy *const p[2], const uint16_t services[2],
                          const void *about);
bool egw_alike_by_service(const struct egw_policy *const p[2], egw_alike_fn *ask,
                          const void *about);
/* NULL: the policy does not know it. */
const struct egw_service_rules *egw_service_of(const struct egw_policy *policy, uint16_t service);

const struct egw_policy *egw_side_policy(const struct egw_build *b, size_t side);
const struct egw_axis *egw_side_axis(const struct egw_build *b, size_t side, unsigned fact);
/* The fact has an axis for each policy. */
bool egw_read_apart(const struct egw_build *b, unsigned fact);

/* The policy that calls a record too old which the other still believes; -1: neither does. */
int egw_stricter(const struct egw_policy *const p[2], enum egw_reference_kind kind);
int egw_stricter_in(const struct egw_build *b, enum egw_reference_kind kind);
/* The stricter policy reads the fact as one of the mask. */
struct egw_part egw_strictly(struct egw_build *b, int side, unsigned fact, uint64_t mask);

bool egw_all_among(const struct egw_str *words, size_t n, const struct egw_str *others, size_t m);
/* In any order. */
bool egw_same_words(const struct egw_str *a, size_t n, const struct egw_str *b, size_t m);

/* Whether the same roles will do, whatever they are for. */
bool egw_same_need(const struct egw_need *a, const struct egw_need *b);
/* Whether incidents of the same features explain both. */
bool egw_same_symptom(const struct egw_symptom *a, const struct egw_symptom *b);

/* The parts: whether the fact is read alike, and which pairs come where it is not. */
bool egw_health_alike(const struct egw_policy *const p[2]);
void egw_say_health(struct egw_build *b);
bool egw_channel_alike(const struct egw_policy *const p[2], const struct egw_channel *a,
                       const struct egw_channel *b);
void egw_say_channel(struct egw_build *b, unsigned old_fact, unsigned new_fact);

#endif
