/*
 * import - exports of Microsoft's APIs, as facts (edge: jansson)
 *
 * What people have is JSON that an API answered: the partner's customers (Partner Center),
 * delegated access with its assignments (Graph tenantRelationships), service health and its issues
 * (Graph serviceAnnouncement). Each item is known by its shape, whatever file it stands in; one
 * that is known to be something else is refused by its name, a stranger by its members. Facts that
 * are on record already are kept where an export says nothing about them: aliases, the reseller,
 * RBAC.
 */
#ifndef EGW_IMPORT_H
#define EGW_IMPORT_H

#include "egw/buf.h"
#include "egw/facts.h"
#include "egw/faults.h"

struct egw_import_file {
    const char *name; /* for faults: "export.json:value[3].endDateTime: ..." */
    struct egw_str content;
    int64_t as_of; /* when the API answered */
};

struct egw_import {
    struct egw_str partner;  /* whose export it is */
    struct egw_str customer; /* whose health it is: the payload names no tenant; empty: none */
    bool assigned;           /* a relationship without assignments counts as assigned */
    const struct egw_facts *known; /* what is on record already */
};

struct egw_imported {
    struct egw_list
        facts; /* of struct egw_reference, one for each key; live as long as the arena */
    struct egw_list pages; /* of const char *: files that say that more pages follow */
};

/* Read all files as one export: a relationship may find its customer or its assignments in another
 * file. EGW_OK; EGW_INVALID: faults has every fault, and nothing should be used; EGW_NOMEM. */
enum egw_status egw_import(const struct egw_import_file *files, size_t n,
                           const struct egw_import *how, struct egw_arena *arena,
                           struct egw_imported *ret, struct egw_faults *faults) EGW_MUST_CHECK;

#endif
