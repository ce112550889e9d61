/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* Fault queues: the object and its file descriptor. */
#include "lib/uapi/uapi.h"

#include "lib/abi.h"
#include "lib/context.h"

EXPORT int iommunest_fault_queue_alloc(struct iommunest_ctx *ctx,
				       uint32_t *fault_id, int *fd)
{
	struct iommu_fault_alloc cmd = { .size = sizeof(cmd) };
	int ret;

	if (!ctx || !fault_id || !fd)
		return -EINVAL;
	ret = iommunest_ioctl(ctx, IOMMU_FAULT_QUEUE_ALLOC, &cmd);
	if (ret < 0)
		return ret;
	*fault_id = cmd.out_fault_id;
	*fd = (int)cmd.out_fault_fd;
	return 0;
}

EXPORT void iommunest_fault_queue_close(struct iommunest_ctx *ctx, int fd)
{
	/* Linux has closed it whatever close() says; there is no retry. */
	if (ctx)
		ctx->sys.close(ctx->sys_data, fd);
}

/* A fault queue has no other events; a closed descriptor is an event. */
static int from_events(short events)
{
	if (events & POLLNVAL)
		return -EBADF;
	return events & POLLIN ? 1 : -EIO;
}

EXPORT int iommunest_fault_queue_wait(struct iommunest_ctx *ctx, int fd,
				      int timeout)
{
	struct pollfd one = { .fd = fd, .events = POLLIN };
	int ret;

	if (!ctx)
		return -EINVAL;
	if (!ctx->sys.poll)
		return -ENOSYS;
	/* poll() would pass over it, and wait. */
	if (fd < 0)
		return -EBADF;
	ret = ctx->sys.poll(ctx->sys_data, &one, 1, timeout);
	return ret > 0 ? from_events(one.revents) : ret;
}
