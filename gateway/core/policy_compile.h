/*
 * policy_compile - what the parts of the policy's compiler share; private to them
 *
 * Every fault is reported, with its place; only what cannot be judged because of an earlier fault
 * is passed over. Memory comes from the policy's arena: where it ends, `nomem` is set and the
 * checks run on, so that the one question is asked at the end.
 */
#ifndef EGW_POLICY_COMPILE_H
#define EGW_POLICY_COMPILE_H

#include "policy_model.h"

enum { EGW_VALUES_MAX = 60000 };

struct egw_compile {
    struct egw_policy_source *source;
    struct egw_policy *policy;
    struct egw_faults *faults;
    bool nomem;
};

#define FAULT(c, at, ...) egw_faults_add((c)->faults, (at).file, (at).line, __VA_ARGS__)

/* Zeroed, from the policy's arena. NULL: no memory, and it is noted. */
void *egw_compile_alloc(struct egw_compile *c, size_t n);
void *egw_compile_array(struct egw_compile *c, size_t n, size_t size);
uint64_t *egw_compile_bits(struct egw_compile *c, size_t n);
const struct egw_str *egw_compile_texts(struct egw_compile *c, const struct egw_list *words);

void egw_compile_id(struct egw_compile *c, struct egw_place at, const char *what,
                    struct egw_str id);
void egw_compile_dates(struct egw_compile *c, struct egw_place at, struct egw_opt_i64 since,
                       struct egw_opt_i64 until);

/* NULL: the policy does not list it. */
const struct egw_source_origin *egw_compile_origin(const struct egw_compile *c, struct egw_str id);
/* Whoever names a source names one of the policy's, where it lists any, or EGW_ASSUMPTION, which is
 * counted. */
void egw_compile_source(struct egw_compile *c, struct egw_place at, const char *what,
                        struct egw_str id, struct egw_str source);

/* The fact of that name, or -1. */
int egw_compile_fact(const struct egw_policy *policy, struct egw_str name);
/* The value's number, or -1. Values are matched without case, as in events. */
int egw_compile_value(const struct egw_fact_def *fact, struct egw_str word);
/* The same, and it is at fault where there is none. */
int egw_compile_value_of(struct egw_compile *c, unsigned fact, const struct egw_word *word);

static inline void bit_set(uint64_t *bits, size_t i)
{
    bits[i / 64] |= UINT64_C(1) << (i % 64);
}

static inline bool bit_is(const uint64_t *bits, size_t i)
{
    return bits[i / 64] >> (i % 64) & 1;
}

/* The parts, in the order in which they run. */
void egw_compile_facts(struct egw_compile *c);
void egw_compile_lists(struct egw_compile *c);
void egw_compile_times(struct egw_compile *c);
void egw_compile_rules(struct egw_compile *c);

/* Of the rules: when which are in force, and a stage's table; written[i] is the stage's rule i. */
void egw_compile_eras(struct egw_compile *c);
void egw_compile_stage(struct egw_compile *c, struct egw_stage_table *stage, int32_t number,
                       const struct egw_source_rule *const *written);
void egw_compile_cover(struct egw_compile *c, const struct egw_stage_table *stage, int32_t number,
                       const struct egw_source_rule *const *written);

#endif
