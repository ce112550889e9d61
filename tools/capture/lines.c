/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* QEMU's trace: lines. */
#ifndef _DEFAULT_SOURCE
#define _DEFAULT_SOURCE /* getline */
#endif

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "tools/capture/make.h"

int trace_fail(const struct make *make, unsigned long line, const char *format,
	       ...)
{
	va_list args;

	fprintf(stderr, "%s:%lu: ", make->name, line);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	putc('\n', stderr);
	return EXIT_USAGE;
}

/* -1, or there is more to be read and it cannot be. */
static int check_end(const struct make *make, FILE *in, unsigned long number,
		     int error)
{
	if (ferror(in))
		return trace_fail(make, number, "cannot read: %s",
				  strerror(error ? error : EIO));
	return feof(in) ? -1 : tool_fail("keep the capture", -ENOMEM);
}

int trace_lines(const struct make *make, FILE *in,
		int (*fn)(void *user, const char *line, unsigned long number),
		void *user)
{
	char *line = NULL;
	size_t room = 0;
	ssize_t length;
	unsigned long number = 0;
	int status = -1;

	while (status < 0) {
		number++;
		errno = 0;
		length = getline(&line, &room, in);
		if (length < 0) {
			status = check_end(make, in, number, errno);
			if (status < 0)
				status = fn(user, NULL, number);
			break;
		}
		/* Cut off, maybe in a number. */
		if (line[length - 1] != '\n')
			continue;
		line[length - 1] = '\0';
		status = fn(user, line, number);
	}
	free(line);
	return status;
}
