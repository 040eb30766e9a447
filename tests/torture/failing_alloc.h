/*
 * failing_alloc - the n-th allocation of our code fails, as the test says
 *
 * Linked with --wrap: it stands between our objects and the C library, while libraries of others
 * keep theirs. Counts only between start and stop; what was allocated then and not given back yet
 * is known, so that a leak is seen at the allocation whose failure left it.
 */
#ifndef EGW_TEST_FAILING_ALLOC_H
#define EGW_TEST_FAILING_ALLOC_H

#include <stdbool.h>
#include <stddef.h>

/* From now on the n-th allocation fails, and when `lasting` every one after it. 0: none fails. */
void alloc_start(size_t n, bool lasting);
/* How many allocations were asked for since. */
size_t alloc_stop(void);
/* Of those, the ones not given back. */
size_t alloc_left(void);

#endif
