/*
 * decoder - any framed value to its record, for commands
 *
 * Knows our schemas and their older versions; where a registry is set, an id it has not met is
 * asked there, once. Blocks for that; workers have the workshop instead.
 */
#ifndef EGW_DECODER_H
#define EGW_DECODER_H

#include "egw/codec.h"
#include "egw/settings.h"

struct egw_decoder;

/* Nothing is contacted yet. EGW_OK, EGW_INVALID (registry.url), EGW_NOMEM. */
enum egw_status egw_decoder_new(const struct egw_settings *settings, struct egw_decoder **ret,
                                struct egw_error *reterr) EGW_MUST_CHECK;
void egw_decoder_free(struct egw_decoder *decoder); /* NULL is allowed */

/* The record lives as long as value and the arena. EGW_OK; EGW_INVALID: it is no record we read;
 * EGW_RETRY: the registry did not answer; EGW_NOMEM. */
enum egw_status egw_decoder_read(struct egw_decoder *decoder, struct egw_str value,
                                 struct egw_arena *arena, const struct egw_type **ret_type,
                                 void **ret, struct egw_error *reterr) EGW_MUST_CHECK;

/* What it knows, for a processor that reads by plans alone. */
struct egw_plans *egw_decoder_plans(struct egw_decoder *decoder);
/* See to it that the plans know what value is framed with, as far as anybody can tell: a registry's
 * id is asked for. EGW_OK also where it will stay unknown; EGW_RETRY: the registry did not answer;
 * EGW_NOMEM. */
enum egw_status egw_decoder_prepare(struct egw_decoder *decoder, struct egw_str value,
                                    struct egw_error *reterr) EGW_MUST_CHECK;
/* A writer schema accepted from now on, by its fingerprint. EGW_OK, EGW_INVALID, EGW_NOMEM. */
enum egw_status egw_decoder_accept(struct egw_decoder *decoder, struct egw_str json,
                                   struct egw_error *reterr) EGW_MUST_CHECK;

#endif
