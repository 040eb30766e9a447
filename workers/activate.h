/*
 * activate - a policy from its folder to the log, where every worker takes it from
 *
 * The files go to the policy topic under their manifest's hash, and an activation with a rising
 * number into every partition of the inbox, all in one transaction: a worker never meets an
 * activation whose files are not there. Used by `egw init` and `egw policy activate`.
 */
#ifndef EGW_ACTIVATE_H
#define EGW_ACTIVATE_H

#include "egw/hash.h"
#include "egw/kafka.h"
#include "egw/policy_file.h"

/* A policy read from its folders and compiled. Ends with egw_policy_folder_free(). */
struct egw_policy_folder {
    struct egw_policy_files files;
    struct egw_policy *policy;
    struct egw_sha256 manifest;
};

/* EGW_OK; EGW_INVALID: faults has all that is wrong with the files; any other: reterr says why, and
 * faults holds the same sentence. */
enum egw_status egw_policy_folder_load(const char *policy_dir, const char *catalogue_dir,
                                       struct egw_policy_folder *ret, struct egw_faults *faults,
                                       struct egw_error *reterr) EGW_MUST_CHECK;
void egw_policy_folder_free(struct egw_policy_folder *folder);

/* The highest activation any partition has met or has before it; 0: none. ret_manifest (may be
 * NULL) is its policy. EGW_NOT_FOUND: egw init has not run. */
enum egw_status egw_activation_highest(struct egw_kafka *kafka, const struct egw_settings *settings,
                                       int64_t *ret_number, struct egw_sha256 *ret_manifest,
                                       struct egw_error *reterr) EGW_MUST_CHECK;

struct egw_activated {
    int64_t number;
    struct egw_sha256 manifest;
    size_t files, rules;
};

/* What is on record about an activation; NULL: nothing. */
struct egw_activation_words {
    const char *by, *note;
    const char *backtest, *accepted_by; /* see PolicyActivation */
};

/*
 * Check the policy as a whole, then store and activate it. by: who; note: why (may be empty).
 * Nothing is written unless EGW_OK. EGW_INVALID: faults has what is wrong with the policy.
 */
enum egw_status egw_activate_policy(const struct egw_settings *settings, const char *policy_dir,
                                    const char *catalogue_dir, const char *by, const char *note,
                                    struct egw_activated *ret, struct egw_faults *faults,
                                    struct egw_error *reterr) EGW_MUST_CHECK;

/* The same for a policy at hand; its catalogue and rules were checked when it was compiled. */
enum egw_status egw_activate_folder(const struct egw_settings *settings,
                                    const struct egw_policy_folder *folder,
                                    const struct egw_activation_words *words,
                                    struct egw_activated *ret,
                                    struct egw_error *reterr) EGW_MUST_CHECK;

/* The record key of an activation in the inbox. */
#define EGW_ACTIVATION_KEY "#activation"

#endif
