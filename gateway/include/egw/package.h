/*
 * package - the case package as a person files it
 *
 * Where Microsoft has no API for a product a person copies the case into a form. The package is the
 * Escalation record, here laid out in the order the forms ask. Title and description are given byte
 * for byte (S66); everything else is kept to one line each, so that no value can pass for another
 * section. The customer's person is no part of the record and so never of the text (S25).
 *
 * Pure; any thread.
 */
#ifndef EGW_PACKAGE_H
#define EGW_PACKAGE_H

#include "egw/buf.h"
#include "egw/records.h"

/* What a link to a portal may name. */
struct egw_package_place {
    struct egw_str tenant, customer, subscription; /* p == NULL or empty: unknown */
};

/*
 * Fill {tenant}, {customer} and {subscription} of a policy's link. Values are percent-encoded: what
 * a source sends cannot lead elsewhere. EGW_OK; EGW_NOT_FOUND: a value the link needs is unknown
 * (a link into the wrong context is worse than none); EGW_INVALID: the template names something
 * else or a brace stays open; EGW_NOMEM.
 */
enum egw_status egw_package_portal(struct egw_str link, const struct egw_package_place *place,
                                   struct egw_arena *arena, struct egw_str *ret,
                                   struct egw_error *reterr) EGW_MUST_CHECK;

/* Append the package as text. EGW_OK; EGW_NOMEM: out is as it was. */
enum egw_status egw_package_text(const struct egw_escalation *escalation,
                                 struct egw_buf *out) EGW_MUST_CHECK;

#endif
