/*
 * wants - what a form of Microsoft's may ask of a case, by name
 *
 * A policy names these in its demands; a decision says which of them a case lacks; the package and
 * the desk read them in words. Pure; constant.
 */
#ifndef EGW_WANTS_H
#define EGW_WANTS_H

#include "egw/base.h"

enum egw_want {
    EGW_WANT_PORTAL,
    EGW_WANT_TENANT,
    EGW_WANT_SERVICE,
    EGW_WANT_SUBSCRIPTION,
    EGW_WANT_RESOURCE,
    EGW_WANT_REGION,
    EGW_WANT_IMPACT,
    EGW_WANT_AVAILABLE_24X7,
    EGW_WANT_STARTED_AT,
    EGW_WANT_TITLE,
    EGW_WANT_TEXT,
    EGW_WANT_DIAGNOSIS,
    EGW_WANT_CORRELATION_IDS,
    EGW_WANT_CONTACT_NAME,
    EGW_WANT_CONTACT_EMAIL,
    EGW_WANT_CONTACT_PHONE,
    EGW_WANTS
};

struct egw_want_words {
    struct egw_str name; /* as the event or the record names it: "started_at" */
    struct egw_str text; /* "time the fault began" */
};
extern const struct egw_want_words egw_wants[EGW_WANTS];

/* Where the names are to be had: on record rather than in the case. A set of bits by want. */
enum {
    EGW_WANTS_ON_RECORD = 1 << EGW_WANT_TENANT | 1 << EGW_WANT_CONTACT_NAME |
                          1 << EGW_WANT_CONTACT_EMAIL | 1 << EGW_WANT_CONTACT_PHONE
};

/* -1: there is no such name. */
int egw_want_find(struct egw_str name);

#endif
