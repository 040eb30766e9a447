/*
 * schema_node - a writer schema as a tree; private to edge/schema.c (which reads it from JSON),
 * edge/resolve.c (which compiles it against a reader's table) and edge/schema_view.c (which shows
 * it)
 *
 * A named type is one node however often it is used, so the tree of a recursive schema has cycles.
 * All memory is the arena's.
 */
#ifndef EGW_EDGE_SCHEMA_NODE_H
#define EGW_EDGE_SCHEMA_NODE_H

#include "egw/schema.h"

struct egw_node_field {
    const char *name;
    struct egw_node *type;
};

struct egw_node {
    enum egw_kind kind; /* never OPTION or CHOICE: a union of any sort has is_union set */
    bool is_union;
    const char *name;              /* full name of record, enum, fixed */
    const char *logical;           /* logicalType, NULL without one */
    size_t n;                      /* fields, symbols, branches; bytes of a fixed */
    struct egw_node_field *fields; /* record */
    const char *const *symbols;    /* enum */
    struct egw_node **branches;    /* union */
    struct egw_node *item;         /* array, map */
    bool printed;                  /* canonical form: defined once, then named */
    bool dropped;                  /* compiler: this record has a block ... */
    uint32_t block, start;         /* ... of this number, at this op */
};

/* The tree of a schema's text. EGW_OK, EGW_INVALID, EGW_NOMEM. */
enum egw_status egw_node_read(struct egw_str json, struct egw_arena *arena, struct egw_node **ret,
                              struct egw_error *reterr) EGW_MUST_CHECK;

/* The plan for reading what `writer` describes into `reader`'s C struct. */
enum egw_status egw_resolve(struct egw_node *writer, const struct egw_type *reader,
                            struct egw_plan **ret, struct egw_error *reterr) EGW_MUST_CHECK;

#endif
