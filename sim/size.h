/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The size that a struct of a caller begins with. */
#ifndef IOMMUNEST_SIM_SIZE_H
#define IOMMUNEST_SIM_SIZE_H

#include <errno.h>
#include <string.h>

#include "internal.h"

/* @min is the size that the struct's first release had. */
static inline int check_size(const void *from, size_t min)
{
	size_t size;

	memcpy(&size, from, sizeof(size));
	if (size < min)
		return -EINVAL;
	/* No struct grows to that: the size was never set. */
	return size > SIM_PAGE_SIZE ? -E2BIG : 0;
}

#endif /* IOMMUNEST_SIM_SIZE_H */
