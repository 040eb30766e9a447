/*
 * rulebook - the policies a worker has seen in the policy topic, by manifest hash
 *
 * Gathers the files, asks for their compilation when a manifest is whole, keeps what came of it.
 * Owner thread only.
 */
#ifndef EGW_RULEBOOK_H
#define EGW_RULEBOOK_H

#include "egw/triage.h"

struct egw_rulebook;

struct egw_rulebook *egw_rulebook_new(const struct egw_triage_ports *ports);
void egw_rulebook_free(struct egw_rulebook *book);

/* Take one PolicyContent record. EGW_OK, EGW_INVALID (reterr), EGW_NOMEM. */
enum egw_status egw_rulebook_learn(struct egw_rulebook *book,
                                   const struct egw_policy_content *content,
                                   struct egw_error *reterr) EGW_MUST_CHECK;
void egw_rulebook_compiled(struct egw_rulebook *book, const struct egw_sha256 *manifest,
                           struct egw_policy *policy, const struct egw_error *why_not);

/* EGW_OK and the policy; EGW_RETRY: not all seen or still compiling; EGW_INVALID: it cannot be
 * used. */
enum egw_status egw_rulebook_find(const struct egw_rulebook *book, const unsigned char *manifest,
                                  struct egw_policy **ret, struct egw_error *reterr) EGW_MUST_CHECK;

#endif
