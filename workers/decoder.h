/*
 * decoder - any framed record of ours into its struct, for commands
 *
 * Reads every framing; an id it has not met is asked for at the registry, once, when one is set.
 * Blocks up to the registry's time-out; one thread.
 */
#ifndef EGW_DECODER_H
#define EGW_DECODER_H

#include "egw/codec.h"
#include "egw/settings.h"

struct egw_registry;

struct egw_decoder {
    struct egw_plans *plans;
    struct egw_registry *registry; /* NULL: none is set */
};

/* Nothing is contacted yet. EGW_OK, EGW_INVALID (registry.url), EGW_NOMEM. On failure there is
 * nothing to close. */
enum egw_status egw_decoder_open(const struct egw_settings *settings, struct egw_decoder *ret,
                                 struct egw_error *reterr) EGW_MUST_CHECK;
void egw_decoder_close(struct egw_decoder *decoder);

/* Afterwards decoder->plans knows what the value is framed with, or that nobody does. EGW_OK;
 * EGW_RETRY: the registry did not answer; EGW_DENIED; EGW_INVALID: its answer is of no use. */
enum egw_status egw_decoder_meet(struct egw_decoder *decoder, struct egw_str value,
                                 struct egw_error *reterr) EGW_MUST_CHECK;

/* The record lives as long as value and arena. EGW_OK; EGW_INVALID: unreadable; as
 * egw_decoder_meet(); EGW_NOMEM. */
enum egw_status egw_decode_any(struct egw_decoder *decoder, struct egw_str value,
                               struct egw_arena *arena, const struct egw_type **ret_type,
                               void **ret, struct egw_error *reterr) EGW_MUST_CHECK;

#endif
