/*
 * triage_again - what triage decided in the simulation, decided once more
 *
 * Every outcome is recalled from what it holds and replayed from its inputs. Nothing was removed
 * from these topics, so that all of it can be checked.
 */
#ifndef EGW_SIM_TRIAGE_AGAIN_H
#define EGW_SIM_TRIAGE_AGAIN_H

#include "egw/triage.h"
#include "memcluster.h"

struct triage_again {
    const struct memcluster *cluster;
    const struct egw_plans *plans;
    const char *const *input_names;
    int outcomes, reference;
    /* A fresh triage that has learned the cluster's policies. */
    struct egw_triage *triage;
    /* A compiled policy by its manifest; NULL: none such. */
    const struct egw_policy *(*policy_of)(void *user, const unsigned char *manifest);
    void *user;
};

struct triage_again_counts {
    int64_t replayed, recalled;
};

/* False: one came out otherwise, or could not be checked; why says which. */
bool triage_again(const struct triage_again *again, int32_t partition,
                  struct triage_again_counts *counts, char *why, size_t why_n);

#endif
