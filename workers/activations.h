/*
 * activations - which policies were put in force, by whom, and where they were reached
 *
 * What was asked for is in the inbox, as long as that is kept; what became of it is in the chain of
 * each partition, as outcome POLICY_ACTIVATED.
 */
#ifndef EGW_ACTIVATIONS_H
#define EGW_ACTIVATIONS_H

#include "egw/buf.h"
#include "egw/hash.h"
#include "egw/settings.h"

struct egw_activation_past {
    int64_t number;
    struct egw_sha256 manifest;
    struct egw_str by, note; /* by.p NULL: the record is no longer kept */
    struct egw_str backtest, accepted_by;
    int64_t asked_ms;
    int64_t first_ms, last_ms; /* reached, over partitions */
    int32_t reached;           /* partitions */
};

struct egw_activations {
    struct egw_activation_past *items; /* by number, rising */
    size_t n, cap;
    struct egw_arena arena;
    enum egw_status status; /* of reading */
};

/* EGW_OK, EGW_RETRY (no broker answered), EGW_NOMEM. End with egw_activations_free(). */
enum egw_status egw_activations_read(const struct egw_settings *settings,
                                     struct egw_activations *ret,
                                     struct egw_error *reterr) EGW_MUST_CHECK;
void egw_activations_free(struct egw_activations *activations);
/* The policy of the activation. The same, and EGW_NOT_FOUND: none has that number. */
enum egw_status egw_activation_policy(const struct egw_settings *settings, int64_t number,
                                      struct egw_sha256 *ret,
                                      struct egw_error *reterr) EGW_MUST_CHECK;

#endif
