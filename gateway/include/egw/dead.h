/*
 * dead - dead letters: what stands beside their bytes, and how one comes back
 *
 * A record that cannot be read is kept whole, under its own key, in the partition it came from;
 * headers say where it lay, when, its digest, and why it could not be read: a class from a closed
 * list and the reason in words. Who retries it puts the same bytes under the same key into the
 * inbox, with one header more that says which letter that is and whose doing. A letter whose retry
 * cannot be read either stays the only one.
 *
 * Pure; any thread.
 */
#ifndef EGW_DEAD_H
#define EGW_DEAD_H

#include "egw/buf.h"
#include "egw/records.h"

#define EGW_DEAD_TOPIC     "egw.topic" /* where the record lay */
#define EGW_DEAD_PARTITION "egw.partition"
#define EGW_DEAD_OFFSET    "egw.offset"
#define EGW_DEAD_TIMESTAMP "egw.timestamp" /* of the record, Unix ms */
#define EGW_DEAD_DIGEST    "egw.sha256"    /* of its value, hex */
#define EGW_DEAD_CLASS     "egw.class"
#define EGW_DEAD_REASON    "egw.reason"
#define EGW_RETRY_HEADER   "egw.retry" /* in the inbox only */

enum egw_dead_class {
    EGW_DEAD_NO_VALUE,       /* the record has none */
    EGW_DEAD_NO_FRAME,       /* nothing says which schema wrote it */
    EGW_DEAD_UNKNOWN_SCHEMA, /* a fingerprint or id that is not read here */
    EGW_DEAD_WRONG_RECORD,   /* a record of ours that has no place in that topic */
    EGW_DEAD_DECODE_FAULT,   /* the bytes do not fit their schema */
    EGW_DEAD_CLASSES
};
extern const char *const egw_dead_class_names[EGW_DEAD_CLASSES]; /* "no-value", ... */

/* EGW_DEAD_CLASSES: it is none of them. */
enum egw_dead_class egw_dead_class_of(struct egw_str name);

enum { EGW_RETRY_BY_MAX = 64 }; /* bytes of who retried */

/* A name that may stand in the header: printable ASCII, no space, not too long. */
bool egw_retry_by_valid(struct egw_str by);

/* The header's value: "support.events/3/4711 12 alice", the place of the original record, the
 * offset of the letter (its partition is the original's), and who. moved: " moved" behind it, for
 * the copy that was passed on to where its customer's cases are. EGW_OK, EGW_NOMEM. */
enum egw_status egw_retry_write(const struct egw_retry *retry, bool moved,
                                struct egw_buf *out) EGW_MUST_CHECK;
/* Texts are views of header. False: it is no such value, the answers are unspecified. */
bool egw_retry_read(struct egw_str header, struct egw_retry *ret, bool *ret_moved) EGW_MUST_CHECK;

#endif
