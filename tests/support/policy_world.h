/*
 * policy_world - anything that may come to a policy: an event at some time, and records about it
 *
 * Words are those of the policies and some that none of them knows. A seed gives the same worlds
 * everywhere.
 */
#ifndef EGW_TEST_POLICY_WORLD_H
#define EGW_TEST_POLICY_WORLD_H

#include "../../gateway/core/policy_model.h"
#include "egw/facts.h"
#include "policy_random.h"

enum { WORLD_ROLES = 4 };

struct world {
    struct random_source r;
    const struct egw_policy *policies[2]; /* the second may be NULL */
    uint32_t odd; /* one word in so many is one that no policy knows, or none; 0: one in six */
    struct egw_facts *facts;
    int64_t recorded, now, offset;
    struct egw_str roles[WORLD_ROLES];
    struct egw_diagnosis step;
    struct egw_support_event event;
    struct egw_subject subject;
    struct egw_known_issue issue; /* one that the catalogue may find in the event's title */
    bool ambiguous;
};

/* A new event with its records; world_end() before the next one. */
void world_begin(struct world *w);
void world_end(struct world *w);

/* The policy of the files; and with a rule for each fact in front of its others, so that every
 * fact is worked out and told, and so many catalogues of catalogue_double.h. */
struct egw_policy *world_policy(const struct egw_policy_file *files, size_t n);
struct egw_policy *world_asking(const struct egw_policy_file *files, size_t n, size_t catalogues);

#endif
