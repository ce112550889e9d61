/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * Looks into sysfs through the context's system calls, and changes nothing.
 * Where the table lacks a function that it takes: -ENOSYS.
 */
#ifndef IOMMUNEST_SYSFS_H
#define IOMMUNEST_SYSFS_H

#include "lib/context.h"

/* Longer than any path that the library makes there. */
#define SYSFS_PATH 128

/* The last part of what a link points at, cut to @room - 1 bytes. */
int iommunest__sysfs_link(struct iommunest_ctx *ctx, const char *path,
			  char *name, size_t room);

/* The first bytes of a file, up to @room - 1 and without the line's end. */
int iommunest__sysfs_read(struct iommunest_ctx *ctx, const char *path,
			  char *text, size_t room);

/*
 * Calls @each for what a folder has, "." and ".." excepted, until that returns
 * something else than 0.  Returns that, 0, or a negated errno.
 */
int iommunest__sysfs_list(struct iommunest_ctx *ctx, const char *path,
			  int (*each)(void *user, const char *name),
			  void *user);

#endif /* IOMMUNEST_SYSFS_H */
