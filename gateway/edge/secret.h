/*
 * secret - a password out of a file of its own
 *
 * The file must be a regular one of ours or root's that nobody else may read. It is read each time
 * a secret is needed and wiped afterwards, so a changed one needs no restart.
 */
#ifndef EGW_SECRET_H
#define EGW_SECRET_H

#include "egw/base.h"

enum { EGW_SECRET_MAX = 1024 };

struct egw_secret {
    char text[EGW_SECRET_MAX + 1]; /* without the newline at its end */
};

/* EGW_OK, or EGW_DENIED: the error names the file and never what is in it. */
enum egw_status egw_secret_read(const char *path, struct egw_secret *ret,
                                struct egw_error *reterr) EGW_MUST_CHECK;
void egw_secret_wipe(struct egw_secret *secret);

#endif
