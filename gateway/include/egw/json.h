/*
 * json - records as JSON and back, by the records' own tables (edge: jansson)
 *
 * Field names are the schema's. Absent fields take their default; timestamps are ISO 8601 text (a
 * number of ms is read too); bytes and fixed are lower-case hex (bytes that are a framed record of
 * ours are shown as that record); a union of records is {"<kind>": {...}} with the record's name in
 * snake_case. Reading is strict (promises D14): duplicate keys, unknown fields, wrong types, depth
 * over 32, trailing bytes are faults that name the field.
 */
#ifndef EGW_JSON_H
#define EGW_JSON_H

#include "egw/codec.h"

/* Read one JSON text into *ret; strings are copied into the arena. EGW_OK; EGW_INVALID: reterr
 * names the field ("diagnosis[1].kind: ...") or the column; EGW_NOMEM. */
enum egw_status egw_json_read(struct egw_str json, const struct egw_type *type,
                              struct egw_arena *arena, void *ret,
                              struct egw_error *reterr) EGW_MUST_CHECK;

enum egw_json_style {
    EGW_JSON_LINE,   /* one line, fields at their default left out */
    EGW_JSON_FULL,   /* one line, every field */
    EGW_JSON_PRETTY, /* indented, fields at their default left out */
};

/* Append the record's JSON, without a newline. plans (may be NULL) reads framed bytes fields. */
enum egw_status egw_json_write(const struct egw_type *type, const void *record,
                               enum egw_json_style style, const struct egw_plans *plans,
                               struct egw_buf *out, struct egw_error *reterr) EGW_MUST_CHECK;

/* Append s as a JSON string with quotes; broken UTF-8 becomes U+FFFD. */
enum egw_status egw_json_string(struct egw_str s, struct egw_buf *out) EGW_MUST_CHECK;
/* Append a member of an object that is open: ,"name":"text", without the comma where out ends with
 * the brace. */
enum egw_status egw_json_text(struct egw_buf *out, const char *name,
                              struct egw_str text) EGW_MUST_CHECK;

#endif
