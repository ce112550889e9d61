/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* A context: an open /dev/iommu and the system calls to use on it. */
#include <config.h>

#include <fcntl.h>
#include <stdlib.h>

#include "lib/abi.h"
#include "lib/context.h"
#include "lib/sys.h"

#define DEFAULT_PATH "/dev/iommu"

static int copy_options(struct iommunest_open_options *to,
			const struct iommunest_open_options *from)
{
	if (!from) {
		memset(to, 0, sizeof(*to));
		return 0;
	}
	return iommunest_copy_in(to, sizeof(*to), from,
				 END_OF(struct iommunest_open_options,
					sys_data));
}

static int copy_sys(struct iommunest_sys *to, const struct iommunest_sys *from)
{
	int ret;

	ret = iommunest_copy_in(to, sizeof(*to), from,
				END_OF(struct iommunest_sys, getdents64));
	if (ret)
		return ret;
	if (!to->open || !to->close || !to->ioctl)
		return -EINVAL;
	return 0;
}

/* All but the file descriptor, from options that copy_options() has taken. */
static int init(struct iommunest_ctx *ctx,
		const struct iommunest_open_options *options)
{
	ctx->sys_data = options->sys_data;
	ctx->fd = -1;
	ctx->reports[IOMMUNEST_ANSWERS - 1] = UINT32_MAX;
	return copy_sys(&ctx->sys,
			options->sys ? options->sys : &iommunest__sys_kernel);
}

static const char *path_in(const struct iommunest_open_options *options)
{
	return options->path ? options->path : DEFAULT_PATH;
}

int iommunest__context_init(struct iommunest_ctx *ctx,
			    const struct iommunest_open_options *options,
			    const char **path)
{
	struct iommunest_open_options opts;
	int ret = copy_options(&opts, options);

	if (ret)
		return ret;
	*path = path_in(&opts);
	return init(ctx, &opts);
}

static int context_new(struct iommunest_ctx **ctx,
		       const struct iommunest_open_options *options)
{
	struct iommunest_ctx *new;
	int ret;

	new = calloc(1, sizeof(*new));
	if (!new)
		return -ENOMEM;
	ret = init(new, options);
	if (ret) {
		free(new);
		return ret;
	}
	*ctx = new;
	return 0;
}

EXPORT int iommunest_open(struct iommunest_ctx **ctx,
			  const struct iommunest_open_options *options)
{
	struct iommunest_open_options opts;
	struct iommunest_ctx *new = NULL;
	int ret;

	if (!ctx)
		return -EINVAL;
	*ctx = NULL;
	ret = copy_options(&opts, options);
	if (ret)
		return ret;
	ret = context_new(&new, &opts);
	if (ret)
		return ret;
	ret = new->sys.open(new->sys_data, path_in(&opts), O_RDWR | O_CLOEXEC);
	if (ret < 0) {
		free(new);
		return ret;
	}
	new->fd = ret;
	new->own_fd = true;
	*ctx = new;
	return 0;
}

EXPORT int iommunest_open_fd(struct iommunest_ctx **ctx, int fd,
			     const struct iommunest_open_options *options)
{
	struct iommunest_open_options opts;
	struct iommunest_ctx *new = NULL;
	int ret;

	if (!ctx)
		return -EINVAL;
	*ctx = NULL;
	if (fd < 0)
		return -EBADF;
	ret = copy_options(&opts, options);
	if (ret)
		return ret;
	if (opts.path)
		return -EINVAL;
	ret = context_new(&new, &opts);
	if (ret)
		return ret;
	new->fd = fd;
	*ctx = new;
	return 0;
}

EXPORT void iommunest_close(struct iommunest_ctx *ctx)
{
	if (!ctx)
		return;
	/* Linux has closed it whatever close() says; there is no retry. */
	if (ctx->own_fd)
		ctx->sys.close(ctx->sys_data, ctx->fd);
	free(ctx);
}

EXPORT int iommunest_fd(const struct iommunest_ctx *ctx)
{
	return ctx ? ctx->fd : -EINVAL;
}

EXPORT int iommunest_ioctl(struct iommunest_ctx *ctx, unsigned long request,
			   void *arg)
{
	return ctx ? iommunest__ioctl(ctx, request, arg) : -EINVAL;
}
