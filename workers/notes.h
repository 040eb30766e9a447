/*
 * notes - what the runtime says, as log lines
 */
#ifndef EGW_NOTES_H
#define EGW_NOTES_H

#include "egw/runtime.h"

/* user: not used. Fits struct egw_worker_conf. */
void egw_note_line(void *user, const struct egw_note *note);

#endif
