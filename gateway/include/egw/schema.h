/*
 * schema - Avro schema texts into plans (edge: jansson)
 *
 * Schemas come from strangers: size <= 64 KiB, depth <= 64, checked before anything else.
 */
#ifndef EGW_SCHEMA_H
#define EGW_SCHEMA_H

#include "egw/codec.h"

/*
 * Compile what a writer wrote (writer_json) and what we read into a plan, by Avro's resolution
 * rules: fields by name and alias, defaults, dropped and reordered fields, enums by name with
 * default, promotions, unions. EGW_INVALID says why the two do not fit, with the field.
 */
enum egw_status egw_plan_new(struct egw_str writer_json, const struct egw_type *reader,
                             struct egw_plan **ret_plan, struct egw_error *reterr) EGW_MUST_CHECK;

/* CRC-64-AVRO of the parsing canonical form. EGW_OK, EGW_INVALID or EGW_NOMEM. */
enum egw_status egw_schema_fingerprint(struct egw_str json, uint64_t *ret,
                                       struct egw_error *reterr) EGW_MUST_CHECK;

/* The full name of the record a schema describes, copied into name (n bytes, NUL-terminated). */
enum egw_status egw_schema_name(struct egw_str json, char *name, size_t n,
                                struct egw_error *reterr) EGW_MUST_CHECK;

/* Whether the record a schema describes has the field, by its name or an alias. */
enum egw_status egw_schema_has(struct egw_str json, const struct egw_field *field, bool *ret,
                               struct egw_error *reterr) EGW_MUST_CHECK;

/* A set that reads every record type of ours in its present form and its older versions. */
enum egw_status egw_plans_builtin(struct egw_plans **ret, struct egw_error *reterr) EGW_MUST_CHECK;

#endif
