/*
 * settings_words - what the text of a setting must look like
 */
#ifndef EGW_SETTINGS_WORDS_H
#define EGW_SETTINGS_WORDS_H

#include "egw/base.h"

bool settings_is_brokers(struct egw_str v); /* host:port, comma separated */
bool settings_is_topic(struct egw_str v);
bool settings_is_stem(struct egw_str v); /* what names of topics or ids begin with */
bool settings_is_url_or_empty(struct egw_str v);
bool settings_is_user_or_empty(struct egw_str v);
bool settings_is_path(struct egw_str v);
bool settings_is_level(struct egw_str v);
bool settings_is_listen_or_empty(struct egw_str v); /* host:port, host:port+slot, unix:/path */

/* Letters, digits and what is in `also`, at least one, at most `most`. */
bool settings_is_word(struct egw_str v, size_t most, const char *also);

/* Of an http or https URL: what stands before the path. */
struct egw_str settings_url_authority(struct egw_str url);
bool settings_is_loopback(struct egw_str authority);
bool settings_holds_control(struct egw_str v);

#endif
