/*
 * policies - every policy the log holds, compiled when it is asked for
 *
 * The policy topic keeps each file under its manifest's hash, so that an outcome's policy can be
 * had again whatever the folders hold today.
 */
#ifndef EGW_POLICIES_H
#define EGW_POLICIES_H

#include "egw/kafka.h"
#include "egw/policy_file.h"

struct egw_policies;

/* Reads the policy topic. EGW_OK, EGW_RETRY (no broker answered), EGW_NOMEM, or what reading says.
 */
enum egw_status egw_policies_read(const struct egw_settings *settings, struct egw_policies **ret,
                                  struct egw_error *reterr) EGW_MUST_CHECK;
void egw_policies_free(struct egw_policies *policies); /* NULL is allowed */

/* The topic's records in order, for a processor to learn. */
const struct egw_log_record *egw_policies_records(const struct egw_policies *policies,
                                                  size_t *ret_n);

/* A policy compiled for the caller, who frees it. EGW_OK; EGW_NOT_FOUND: the topic does not hold it
 * whole; EGW_INVALID: its files do not compile, or do not have its hash; EGW_NOMEM. */
enum egw_status egw_policies_compile(struct egw_policies *policies, const unsigned char *manifest,
                                     struct egw_policy **ret,
                                     struct egw_error *reterr) EGW_MUST_CHECK;
/* The same, compiled once and kept. */
enum egw_status egw_policies_find(struct egw_policies *policies, const unsigned char *manifest,
                                  const struct egw_policy **ret,
                                  struct egw_error *reterr) EGW_MUST_CHECK;
/* Its files, sorted by name; NULL: as EGW_NOT_FOUND above. */
const struct egw_policy_file *egw_policies_files(struct egw_policies *policies,
                                                 const unsigned char *manifest, size_t *ret_n);

#endif
