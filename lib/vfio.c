/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* VFIO device cdevs: bound to the context's iommufd, attached to an HWPT. */
#include <config.h>

#include <fcntl.h>

#include "lib/abi.h"
#include "lib/context.h"
#include "lib/uapi/vfio.h"

static int vfio_ioctl(struct iommunest_ctx *ctx, int fd, unsigned long request,
		      void *arg)
{
	int ret = ctx->sys.ioctl(ctx->sys_data, fd, request, arg);

	return ret < 0 ? ret : 0;
}

EXPORT int iommunest_vfio_bind(struct iommunest_ctx *ctx, int fd,
			       uint32_t *dev_id)
{
	struct vfio_device_bind_iommufd cmd = { .argsz = sizeof(cmd) };
	int ret;

	if (!ctx || !dev_id)
		return -EINVAL;
	cmd.iommufd = ctx->fd;
	ret = vfio_ioctl(ctx, fd, VFIO_DEVICE_BIND_IOMMUFD, &cmd);
	if (ret)
		return ret;
	*dev_id = cmd.out_devid;
	return 0;
}

EXPORT int iommunest_vfio_open(struct iommunest_ctx *ctx, const char *path,
			       int *fd, uint32_t *dev_id)
{
	int new;
	int ret;

	if (!ctx || !path || !fd || !dev_id)
		return -EINVAL;
	new = ctx->sys.open(ctx->sys_data, path, O_RDWR | O_CLOEXEC);
	if (new < 0)
		return new;
	ret = iommunest_vfio_bind(ctx, new, dev_id);
	if (ret) {
		ctx->sys.close(ctx->sys_data, new);
		return ret;
	}
	*fd = new;
	return 0;
}

EXPORT void iommunest_vfio_close(struct iommunest_ctx *ctx, int fd)
{
	/* Linux has closed it whatever close() says; there is no retry. */
	if (ctx)
		ctx->sys.close(ctx->sys_data, fd);
}

EXPORT int iommunest_vfio_attach(struct iommunest_ctx *ctx, int fd,
				 uint32_t *pt_id)
{
	struct vfio_device_attach_iommufd_pt cmd = { .argsz = sizeof(cmd) };
	int ret;

	if (!ctx || !pt_id)
		return -EINVAL;
	cmd.pt_id = *pt_id;
	ret = vfio_ioctl(ctx, fd, VFIO_DEVICE_ATTACH_IOMMUFD_PT, &cmd);
	if (ret)
		return ret;
	*pt_id = cmd.pt_id;
	return 0;
}

EXPORT int iommunest_vfio_detach(struct iommunest_ctx *ctx, int fd)
{
	struct vfio_device_detach_iommufd_pt cmd = { .argsz = sizeof(cmd) };

	if (!ctx)
		return -EINVAL;
	return vfio_ioctl(ctx, fd, VFIO_DEVICE_DETACH_IOMMUFD_PT, &cmd);
}
