/*
 * trial - what a policy would decide, outside the log
 *
 * The same policy code and the same facts as triage, but the event stands alone: no duplicates, no
 * lifecycle, and of the case so far only what it is told. Changes nothing.
 */
#ifndef EGW_TRIAL_H
#define EGW_TRIAL_H

#include "egw/cases.h"
#include "egw/policy_file.h"
#include "egw/settings.h"

struct egw_trial {
    struct egw_policy_files files;
    struct egw_policy *policy;
    struct egw_plans *plans;
    struct egw_facts *facts;
    int64_t next_offset; /* of a fact that comes from no topic */
};

/* The policy of settings policy.dir and policy.catalogue, no facts yet. EGW_OK; EGW_INVALID: faults
 * has every fault, or is empty and reterr says why; EGW_IO; EGW_NOMEM. On failure there is nothing
 * to free. */
enum egw_status egw_trial_new(const struct egw_settings *settings, struct egw_trial *ret,
                              struct egw_faults *faults, struct egw_error *reterr) EGW_MUST_CHECK;
/* The same without a policy: facts alone, which decide nothing. EGW_OK, EGW_INVALID (a bug of our
 * schemas), EGW_NOMEM. */
enum egw_status egw_trial_facts(struct egw_trial *ret, struct egw_error *reterr) EGW_MUST_CHECK;
void egw_trial_free(struct egw_trial *trial);

/* Forget every fact. EGW_OK, EGW_NOMEM. */
enum egw_status egw_trial_forget(struct egw_trial *trial, struct egw_error *reterr) EGW_MUST_CHECK;
enum egw_status egw_trial_learn(struct egw_trial *trial, const struct egw_reference *reference,
                                struct egw_error *reterr) EGW_MUST_CHECK;
/* JSON lines of references; a fault names file:line. */
enum egw_status egw_trial_learn_file(struct egw_trial *trial, const char *path,
                                     struct egw_error *reterr) EGW_MUST_CHECK;
/* The reference topic as it stands. */
enum egw_status egw_trial_learn_topic(struct egw_trial *trial, const struct egw_settings *settings,
                                      struct egw_error *reterr) EGW_MUST_CHECK;

/* Decide; the answer has the form of an outcome, without chain and trigger. It lives as long as the
 * arena, the event and the trial. now_ms is both the time of the decision and the record time.
 * so_far: NULL: the case begins with the event. */
enum egw_status egw_trial_decide(struct egw_trial *trial, const struct egw_support_event *event,
                                 const struct egw_case_so_far *so_far, int64_t now_ms,
                                 struct egw_arena *arena, struct egw_outcome *ret) EGW_MUST_CHECK;
/* All facts of such a decision (struct egw_fact), also those that it did not come to. EGW_OK,
 * EGW_NOMEM. */
enum egw_status egw_trial_gather(struct egw_trial *trial, const struct egw_support_event *event,
                                 const struct egw_case_so_far *so_far, int64_t now_ms,
                                 struct egw_arena *arena, struct egw_list *ret) EGW_MUST_CHECK;

#endif
