/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * Allocations are counted, made to fail, and missed where they are not freed.
 * For programs that are linked with --wrap for malloc, calloc and free.
 */
#ifndef TESTS_HARNESS_HEAP_H
#define TESTS_HARNESS_HEAP_H

#include <stdbool.h>

struct heap {
	/*
	 * Only what is allocated while it is set counts.  libcheck allocates
	 * too: nothing is asserted then.
	 */
	bool watched;
	/* Which one fails, from 1; 0: none. */
	unsigned int fail;
	unsigned int count;
	/* Blocks more than there were, freed ones of before included. */
	int grown;
	/* Allocated while it was watched, and not yet freed. */
	void *live[64];
};

extern struct heap heap;

/* From here on, the @fail-th allocation fails; 0: none. */
void heap_watch(unsigned int fail);
/* True where one failed. */
bool heap_unwatch(void);
bool heap_failed(void);
/* All that was allocated while it was watched is freed. */
void heap_check_no_leak(void);

#endif /* TESTS_HARNESS_HEAP_H */
