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

/* Never NULL, and not by malloc: a test that fails allocations means those of the code under test.
 */
void *must_alloc(size_t n);
/* The text with one piece put in place of another, which must be there; the caller frees it. */
char *replaced(const char *text, const char *from, const char *to);

/* A whole file, NUL-terminated, malloc'd; NULL when it cannot be read. */
char *read_file(const char *path, size_t *ret_n);

#endif
