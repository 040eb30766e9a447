/*
 * support - what several test programs share. Includes cmocka with what it needs before it.
 */
#ifndef EGW_TEST_SUPPORT_H
#define EGW_TEST_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "egw/base.h"
#include "egw/buf.h"

/* A whole file, NUL-terminated, malloc'd; NULL when it cannot be read. */
char *read_file(const char *path, size_t *ret_n);

#endif
