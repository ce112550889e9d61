/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
#ifndef _DEFAULT_SOURCE
#define _DEFAULT_SOURCE /* reallocarray */
#endif

#include <stdlib.h>

#include "tools/capture-array.h"

void *capture_grow(void *array, size_t count, size_t *room, size_t size)
{
	size_t more = *room ? *room * 2 : 64;
	void *bigger;

	if (count < *room)
		return array;
	if (more <= *room)
		return NULL;
	bigger = reallocarray(array, more, size);
	if (bigger)
		*room = more;
	return bigger;
}
