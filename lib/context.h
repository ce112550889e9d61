/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef IOMMUNEST_CONTEXT_H
#define IOMMUNEST_CONTEXT_H

#include <libiommunest.h>

/* Not changed after it was opened, so that threads may share it. */
struct iommunest_ctx {
	struct iommunest_sys sys;
	void *sys_data;
	int fd;
	bool own_fd;
};

/* ioctl() on the context's file descriptor; 0 or more, or a negated errno. */
static inline int iommunest_ioctl(struct iommunest_ctx *ctx,
				  unsigned long request, void *arg)
{
	return ctx->sys.ioctl(ctx->sys_data, ctx->fd, request, arg);
}

#endif /* IOMMUNEST_CONTEXT_H */
