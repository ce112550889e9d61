/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
#ifndef IOMMUNEST_CONTEXT_H
#define IOMMUNEST_CONTEXT_H

#include <stdatomic.h>

#include <libiommunest.h>

/* No and yes are the lowest bit of a slot of iommunest_ctx::reports. */
enum iommunest_extension {
	IOMMUNEST_EXTENSION_NO,
	IOMMUNEST_EXTENSION_YES,
	IOMMUNEST_EXTENSION_UNKNOWN,
};

/* Questions without an answer that count, until it is taken for a no. */
#define IOMMUNEST_EXTENSION_TRIES 8

/* Two objects whose ids differ by a multiple of it are asked for in turn. */
#define IOMMUNEST_ANSWERS 2048u

/*
 * Not changed after it was opened, except what is found out about the kernel,
 * so that threads may share it.
 */
struct iommunest_ctx {
	struct iommunest_sys sys;
	void *sys_data;
	int fd;
	bool own_fd;
	/*
	 * Whether an object has the extension, in the slot of its id: that id
	 * times 2, and 1 more for yes; all bits inverted, so that 0 is an id
	 * of the last slot, which begins with one of the first.
	 */
	atomic_uint reports[IOMMUNEST_ANSWERS];
	atomic_uint unanswered;
	/* Bits of the questions of features.c: answered, and with yes. */
	atomic_uint answered;
	atomic_uint yes;
};

/*
 * A context on the stack, without a file descriptor, for looking around with
 * the system calls of @options (NULL: the kernel's).  @path is what
 * iommunest_open() would open.  Returns what that says of @options.
 */
int iommunest__context_init(struct iommunest_ctx *ctx,
			    const struct iommunest_open_options *options,
			    const char **path);

/* ioctl() on the context's file descriptor; 0 or more, or a negated errno. */
static inline int iommunest__ioctl(struct iommunest_ctx *ctx,
				   unsigned long request, void *arg)
{
	return ctx->sys.ioctl(ctx->sys_data, ctx->fd, request, arg);
}

#endif /* IOMMUNEST_CONTEXT_H */
