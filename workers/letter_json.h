/*
 * letter_json - a dead letter as JSON, for the verbs of `egw dead`
 */
#ifndef EGW_LETTER_JSON_H
#define EGW_LETTER_JSON_H

#include "egw/buf.h"
#include "letters.h"

/* As egw_json_text(); a text that is not there is null, and not the first member. */
enum egw_status egw_letter_text(struct egw_buf *out, const char *name, struct egw_str text);
/* {"id":"3/12","class":...: what list tells of a letter, the object left open. */
enum egw_status egw_letter_head(struct egw_buf *out, const struct egw_letter *letter);

#endif
