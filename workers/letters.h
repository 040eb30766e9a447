/*
 * letters - dead letters as commands read them: whole, with where each came from and why
 */
#ifndef EGW_LETTERS_H
#define EGW_LETTERS_H

#include "egw/dead.h"
#include "egw/hash.h"
#include "egw/settings.h"

struct egw_letter {
    int32_t partition; /* of the letter, and of the record it was */
    int64_t offset;
    int64_t dead_ms; /* when it was set aside */
    struct egw_str topic;
    int64_t from; /* offset of the record there */
    int64_t recorded_ms;
    enum egw_dead_class class; /* EGW_DEAD_CLASSES: it says none */
    struct egw_str reason, key, value;
    struct egw_sha256 digest; /* of value */
    const char *fault;        /* why it is no letter that can be retried; NULL: it is one */
};

struct egw_letter_id {
    int32_t partition;
    int64_t offset;
    bool found;
};

struct egw_letter_filter {
    struct egw_letter_id *ids; /* none: any */
    size_t id_count;
    bool has_class;
    enum egw_dead_class class;
    struct egw_str topic, key;  /* p == NULL: any; key: partner/customer, or the customer alone */
    int64_t since_ms, until_ms; /* by dead_ms */
};

struct egw_letters {
    struct egw_letter *p;
    size_t n, cap;
    struct egw_arena arena;
};

/* "no-frame", or "unclassified" */
const char *egw_letter_class(const struct egw_letter *letter);
/* Every letter that passes, in the order of partition, topic and original offset. found is set in
 * ids. EGW_OK; EGW_IO: there is no such topic; EGW_RETRY: no broker; EGW_NOMEM: more than can be
 * held. On any status the caller ends *ret with egw_letters_free(). */
enum egw_status egw_letters_read(const struct egw_settings *settings,
                                 struct egw_letter_filter *filter, struct egw_letters *ret,
                                 struct egw_error *reterr) EGW_MUST_CHECK;
void egw_letters_free(struct egw_letters *letters);

#endif
