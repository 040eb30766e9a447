/*
 * commands - every command of egw, one file each: cmd_<name>.c
 */
#ifndef EGW_COMMANDS_H
#define EGW_COMMANDS_H

#include "cli.h"

extern const struct egw_command egw_cmd_audit;
extern const struct egw_command egw_cmd_catalogue;
extern const struct egw_command egw_cmd_check;
extern const struct egw_command egw_cmd_completion;
extern const struct egw_command egw_cmd_dead;
extern const struct egw_command egw_cmd_demo;
extern const struct egw_command egw_cmd_explain;
extern const struct egw_command egw_cmd_handoff;
extern const struct egw_command egw_cmd_init;
extern const struct egw_command egw_cmd_manual;
extern const struct egw_command egw_cmd_outcomes;
extern const struct egw_command egw_cmd_policy;
extern const struct egw_command egw_cmd_publish;
extern const struct egw_command egw_cmd_reference;
extern const struct egw_command egw_cmd_replay;
extern const struct egw_command egw_cmd_schema;
extern const struct egw_command egw_cmd_topics;
extern const struct egw_command egw_cmd_triage;
extern const struct egw_command egw_cmd_verify;

#endif
