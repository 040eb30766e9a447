/*
 * json_shape - what reading and writing JSON by the tables share: where we are in a record, what a
 * kind of record is called, and what stands for a field that is not written
 *
 * Private to edge/json_read.c and edge/json_write.c. Pure; any thread.
 */
#ifndef EGW_EDGE_JSON_SHAPE_H
#define EGW_EDGE_JSON_SHAPE_H

#include "egw/codec.h"

enum { JSON_NAME_MAX = 64, JSON_PATH_TEXT = 192 };

/* Where we are: "diagnosis[1].kind". A path too long for its text is cut. */
struct json_path {
    char text[JSON_PATH_TEXT];
    size_t n;
};

/* Each returns the length before, for json_path_back(). */
size_t json_path_field(struct json_path *path, const char *name);
size_t json_path_item(struct json_path *path, size_t i);
void json_path_back(struct json_path *path, size_t before);
/* EGW_INVALID, "PATH: text". */
enum egw_status json_path_fail(const struct json_path *path, struct egw_error *reterr,
                               const char *fmt, ...) EGW_PRINTF(3, 4);

/* "egw.HealthIssue" as "health_issue"; the rule of schemas/generate.py. */
void json_kind_name(const struct egw_type *type, char ret_name[JSON_NAME_MAX]);

/* The field's default, which its table has as Avro bytes. ret is zeroed: absent options and empty
 * lists are already there. */
void json_default_set(const struct egw_field *field, void *ret);
bool json_default_is(const struct egw_field *field, const void *value);

#endif
