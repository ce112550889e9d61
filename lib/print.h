/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* Formats a text piece by piece, as snprintf(3) does the whole. */
#ifndef IOMMUNEST_PRINT_H
#define IOMMUNEST_PRINT_H

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

struct out {
	char *buf;
	size_t len;
	/* How long all of it is so far. */
	size_t used;
};

static inline __attribute__((format(printf, 2, 3))) void
put(struct out *out, const char *format, ...)
{
	size_t left = out->used < out->len ? out->len - out->used : 0;
	va_list args;
	int ret;

	va_start(args, format);
	ret = vsnprintf(left ? out->buf + out->used : NULL, left, format, args);
	va_end(args);
	if (ret > 0)
		out->used += (size_t)ret;
}

#endif /* IOMMUNEST_PRINT_H */
