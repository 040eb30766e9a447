/*
 * policy_space - all that can come to one policy, or to two at once, as a space of classes
 *
 * Each fact is an axis. Values that no rule and no law of the facts tells apart are one class, so
 * the space is finite and small in each direction; a rule is a box in it. The family of a service
 * is no axis: a condition on it is one on the service. With two policies an axis holds the words of
 * both, and a word only one of them knows is what the other calls invalid or unknown. A fact that
 * they may read differently off the same event and records has an axis for each of them.
 *
 * What cannot be (a relation with a customer nobody knows, a right that the channel never gives) is
 * a set of boxes too (policy_laws.c, policy_readings.c).
 *
 * Private to the modules that analyse policies.
 */
#ifndef EGW_POLICY_SPACE_H
#define EGW_POLICY_SPACE_H

#include "policy_model.h"

enum { EGW_SIDES_MAX = 2, EGW_AXES_MAX = 2 * EGW_FACTS_MAX };

struct egw_part {
    unsigned axis;
    const uint64_t *in; /* set of classes */
};

/* All points whose class is in each part. */
struct egw_box {
    const struct egw_part *parts;
    size_t n;
    uint64_t axes; /* of its parts, by EGW_AXIS_BIT */
};
/* Axes share bits where there are more than 64: a set of them is never too small. */
#define EGW_AXIS_BIT(axis) (UINT64_C(1) << ((axis) % 64))

struct egw_axis {
    struct egw_str name;
    /* One policy's alone: the other has an axis of its own for the fact, the twin. */
    bool apart;
    size_t twin;
    const struct egw_str *values;
    size_t value_count;
    const uint16_t *map[EGW_SIDES_MAX]; /* value to the policy's own; NULL: it has no such fact */
    const uint16_t *class_of;           /* by value */
    const uint16_t *shown;              /* by class: the value that stands for it */
    size_t class_count;
    size_t at, words; /* where the axis lies in a region */
};

struct egw_side {
    const struct egw_policy *policy;
    struct egw_box *rules;   /* by place in the policy */
    struct egw_box *demands; /* likewise: where they are made, of a channel they are made of */
};

struct egw_space {
    struct egw_arena arena;
    struct egw_side sides[EGW_SIDES_MAX];
    size_t side_count;
    struct egw_axis axes[EGW_AXES_MAX];
    size_t axis_count; /* the first is the time of the record: which rules were in force */
    int axis_of[EGW_SIDES_MAX][EGW_FACTS_MAX]; /* by fact; not of the time nor the family */
    struct egw_box *impossible;
    size_t impossible_count;
    size_t words;      /* of a region: for each axis a set of classes */
    uint64_t *whole;   /* the region of everything */
    uint64_t *scratch; /* one more region, for whoever analyses */
};

/* EGW_OK; EGW_NOMEM. The policies stay the caller's and must outlive the space. */
enum egw_status egw_space_new(const struct egw_policy *const *policies, size_t n,
                              struct egw_space **ret) EGW_MUST_CHECK;
void egw_space_free(struct egw_space *space); /* NULL is allowed */

/* The axis of the name, or -1. */
int egw_space_axis(const struct egw_space *space, struct egw_str name);
/* The value's place on the axis, without case, or -1. */
int egw_space_value(const struct egw_axis *axis, struct egw_str text);

static inline bool egw_bit(const uint64_t *bits, size_t i)
{
    return bits[i / 64] >> (i % 64) & 1;
}

/* How a region lies to one part of a box. */
enum egw_fit { EGW_FIT_NONE, EGW_FIT_SOME, EGW_FIT_ALL };
static inline enum egw_fit egw_part_fit(const struct egw_space *space, const uint64_t *region,
                                        const struct egw_part *part)
{
    const struct egw_axis *axis = &space->axes[part->axis];
    uint64_t inside = 0, outside = 0;

    for (size_t w = 0; w < axis->words; w++) {
        inside |= region[axis->at + w] & part->in[w];
        outside |= region[axis->at + w] & ~part->in[w];
    }
    return !inside ? EGW_FIT_NONE : outside ? EGW_FIT_SOME : EGW_FIT_ALL;
}

#endif
