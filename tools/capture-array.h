/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* Arrays of captures, which grow. */
#ifndef CAPTURE_ARRAY_H
#define CAPTURE_ARRAY_H

#include <stddef.h>

/* The array with room for one more, or NULL: no memory. */
void *capture_grow(void *array, size_t count, size_t *room, size_t size);

#endif /* CAPTURE_ARRAY_H */
