/*
 * policy_verbs - the verbs of `egw policy` that fill a file of their own, and what they share
 *
 * Each reads its operands after the first and returns the exit code.
 */
#ifndef EGW_POLICY_VERBS_H
#define EGW_POLICY_VERBS_H

#include <stdio.h>

#include "cli.h"
#include "egw/policy_lint.h"

int egw_policy_verb_lint(struct egw_args *args);     /* [DIR] */
int egw_policy_verb_test(struct egw_args *args);     /* FILE... */
int egw_policy_verb_diff(struct egw_args *args);     /* OLD NEW: folders */
int egw_policy_verb_backtest(struct egw_args *args); /* NEW: a folder */
int egw_policy_verb_activate(struct egw_args *args);
int egw_policy_verb_history(struct egw_args *args);
int egw_policy_verb_export(struct egw_args *args);   /* NUMBER DIR */
int egw_policy_verb_rollback(struct egw_args *args); /* [NUMBER] */

/* show --at */
int egw_policy_show_at(struct egw_args *args, const char *at);
struct egw_activated;
void egw_put_activated(const struct egw_activated *done, bool json);

/* 64 hex digits */
void egw_put_policy_hash(const unsigned char *bytes, FILE *to);

/* "domain = billing, csp = no": what tells the event apart. */
void egw_put_example(const struct egw_example *example, FILE *to);
/* {"domain":"billing", ...}: all of it. EGW_OK, EGW_NOMEM. */
enum egw_status egw_json_example(const struct egw_example *example,
                                 struct egw_buf *out) EGW_MUST_CHECK;
/* ,"file":"channel.cfg","line":12,"rule":"x" */
enum egw_status egw_json_rule(const struct egw_rule_view *rule, struct egw_buf *out) EGW_MUST_CHECK;

#endif
