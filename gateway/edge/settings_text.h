/*
 * settings_text - what libconfig would swallow without a word, found before it reads the text
 *
 * libconfig 1.5 wraps an integer past 32 bits that has no L, stops at a NUL byte, ends a string at
 * \x00, and opens any file an @include names. Each is a fault here, with its line. So is a string
 * or comment that never ends: libconfig names the last line for it, this names the first.
 */
#ifndef EGW_SETTINGS_TEXT_H
#define EGW_SETTINGS_TEXT_H

#include "egw/base.h"
#include "egw/faults.h"

/* True: nothing found, the text may be handed on. */
bool egw_settings_text_check(const char *file, struct egw_str text, struct egw_faults *faults);

#endif
