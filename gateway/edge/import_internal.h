/*
 * Private to the readers of exports: one import on its way, its items, and what all shapes ask of
 * them.
 */
#ifndef EGW_IMPORT_INTERNAL_H
#define EGW_IMPORT_INTERNAL_H

#include "egw/import.h"

#include <jansson.h>

/* In the order they are read: each may name what the one before brought. */
enum import_shape {
    IMPORT_A_CUSTOMER,
    IMPORT_AN_ASSIGNMENT,
    IMPORT_A_RELATIONSHIP,
    IMPORT_AN_OVERVIEW,
    IMPORT_AN_ISSUE,
    IMPORT_AN_AZURE_EVENT,
    IMPORT_SHAPES,
};

struct import_item {
    const json_t *json;
    enum import_shape shape;
    const struct egw_import_file *file;
    const char *where;           /* "value[3]", empty for a file that is one item */
    struct egw_str relationship; /* of an assignment */
};

struct import {
    const struct egw_import *how;
    struct egw_arena *arena;
    struct egw_faults *faults;
    struct egw_list items;       /* of import_item */
    struct egw_list assignments; /* import_partner.c's, as is the next */
    struct egw_list access;
    struct egw_imported *ret;
    bool nomem;
};

/* ---- import_item.c ---- */

void *import_push(struct import *in, struct egw_list *list, size_t size); /* NULL: noted */
struct egw_str import_keep(struct import *in, const char *text);
/* Names in keys: lower case, because tenants and domains are the same in any case. */
struct egw_str import_lower(struct import *in, const char *text);
/* The list with one word more, in fresh memory: the one on record is not ours to grow. */
struct egw_list import_with(struct import *in, const struct egw_list *list, struct egw_str word);
bool import_same(const char *a, const char *b); /* in any case */

/* Names file, item and member. */
void import_fault(struct import *in, const struct import_item *item, const char *member,
                  const char *fmt, ...) EGW_PRINTF(4, 5);
/* The value at "customer.tenantId"; NULL: not there, or null. */
const json_t *import_at(const json_t *json, const char *path);
/* NULL: not there; a value that is no text is a fault. */
const char *import_text(struct import *in, const struct import_item *item, const char *path);
const char *import_need(struct import *in, const struct import_item *item, const char *path);
struct egw_opt_i64 import_time(struct import *in, const struct import_item *item, const char *path);

struct egw_reference *import_add(struct import *in, const struct import_item *item,
                                 enum egw_reference_kind kind, void *body);
const struct egw_relation *import_relation_of(const struct import *in, struct egw_str tenant);
/* The body of kind/partner/customer as it was before the import; NULL: none. */
const void *import_on_record(struct import *in, const char *kind, struct egw_str customer);
/* The name keys use for the tenant: the one on record, or of this import. */
bool import_customer_named(struct import *in, struct egw_str tenant, struct egw_str *ret);

/* ---- import_partner.c ---- */

void import_customer(struct import *in, const struct import_item *item);
void import_nested_assignments(struct import *in, const struct import_item *item);
void import_assignment(struct import *in, const struct import_item *item);
void import_relationship(struct import *in, const struct import_item *item);
/* What all of a customer's delegations add up to. */
void import_all_access(struct import *in);

/* ---- import_health.c ---- */

void import_overview(struct import *in, const struct import_item *item);
void import_issue(struct import *in, const struct import_item *item);
void import_azure_event(struct import *in, const struct import_item *item);

#endif
