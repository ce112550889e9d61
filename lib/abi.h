/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* What crosses the library's border: exported symbols, structs that grow. */
#ifndef IOMMUNEST_ABI_H
#define IOMMUNEST_ABI_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#define EXPORT __attribute__((visibility("default")))

/* Rarely called: out of line, and no burden to the code that does call it. */
#define COLD __attribute__((noinline, cold))

/* The end of a member: the size of a struct that ended there. */
#define END_OF(type, member) \
	(offsetof(type, member) + sizeof(((type *)NULL)->member))

#define ARRAY_LEN(array) (sizeof(array) / sizeof((array)[0]))

static inline bool iommunest_all_zero(const void *from, size_t len)
{
	const unsigned char *byte = from;

	while (len > 0 && byte[len - 1] == 0)
		len--;
	return len == 0;
}

/* No struct grows to more than that: such a size was never set. */
#define IOMMUNEST_SIZE_MAX 4096u

/*
 * Checks the size that a struct of the caller begins with.  @min is the size
 * that its first release had.
 */
static inline int iommunest_check_size(const void *from, size_t min)
{
	size_t size;

	memcpy(&size, from, sizeof(size));
	if (size < min)
		return -EINVAL;
	return size > IOMMUNEST_SIZE_MAX ? -E2BIG : 0;
}

/*
 * Copies a struct of the caller whose first member is its size into one of
 * ours, which is zeroed first.  @min is the size that its first release had.
 */
static inline int iommunest_copy_in(void *to, size_t to_size, const void *from,
				    size_t min)
{
	size_t size;
	int ret;

	memcpy(&size, from, sizeof(size));
	/* A caller of the same release: one copy of a length that is known. */
	if (size == to_size) {
		memcpy(to, from, to_size);
		return 0;
	}
	ret = iommunest_check_size(from, min);
	if (ret)
		return ret;
	if (size > to_size &&
	    !iommunest_all_zero((const char *)from + to_size, size - to_size))
		return -E2BIG;
	memset(to, 0, to_size);
	memcpy(to, from, size < to_size ? size : to_size);
	return 0;
}

/*
 * Copies one of our structs to a caller's, as much as the size in it allows.
 * What a newer caller has and we do not know becomes zero.
 */
static inline void iommunest_copy_out(void *to, void *from, size_t from_size)
{
	size_t size;

	memcpy(&size, to, sizeof(size));
	memcpy(from, &size, sizeof(size));
	/* As above. */
	if (size == from_size) {
		memcpy(to, from, from_size);
		return;
	}
	memset(to, 0, size);
	memcpy(to, from, size < from_size ? size : from_size);
}

#endif /* IOMMUNEST_ABI_H */
