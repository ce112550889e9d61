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

/* What the kernel knew before there were PASIDs. */
#define ATTACH_SIZE END_OF(struct vfio_device_attach_iommufd_pt, pt_id)
#define DETACH_SIZE END_OF(struct vfio_device_detach_iommufd_pt, flags)

static int attach(struct iommunest_ctx *ctx, int fd,
		  struct vfio_device_attach_iommufd_pt *cmd, uint32_t *pt_id)
{
	int ret;

	cmd->pt_id = *pt_id;
	ret = vfio_ioctl(ctx, fd, VFIO_DEVICE_ATTACH_IOMMUFD_PT, cmd);
	if (ret)
		return ret;
	*pt_id = cmd->pt_id;
	return 0;
}

EXPORT int iommunest_vfio_attach(struct iommunest_ctx *ctx, int fd,
				 uint32_t *pt_id)
{
	struct vfio_device_attach_iommufd_pt cmd = { .argsz = ATTACH_SIZE };

	if (!ctx || !pt_id)
		return -EINVAL;
	return attach(ctx, fd, &cmd, pt_id);
}

EXPORT int iommunest_vfio_detach(struct iommunest_ctx *ctx, int fd)
{
	struct vfio_device_detach_iommufd_pt cmd = { .argsz = DETACH_SIZE };

	if (!ctx)
		return -EINVAL;
	return vfio_ioctl(ctx, fd, VFIO_DEVICE_DETACH_IOMMUFD_PT, &cmd);
}

/*
 * PASID 0 is how the kernel names the device itself.  With it, it attaches the
 * device, which VFIO's own detach then does not find.
 */
static bool is_pasid(uint32_t pasid)
{
	return pasid > 0 && pasid <= IOMMUNEST_PASID_MAX;
}

EXPORT int iommunest_vfio_attach_pasid(struct iommunest_ctx *ctx, int fd,
				       uint32_t pasid, uint32_t *pt_id)
{
	struct vfio_device_attach_iommufd_pt cmd = {
		.argsz = sizeof(cmd),
		.flags = VFIO_DEVICE_ATTACH_PASID,
		.pasid = pasid,
	};

	if (!ctx || !pt_id || !is_pasid(pasid))
		return -EINVAL;
	return attach(ctx, fd, &cmd, pt_id);
}

EXPORT int iommunest_vfio_detach_pasid(struct iommunest_ctx *ctx, int fd,
				       uint32_t pasid)
{
	struct vfio_device_detach_iommufd_pt cmd = {
		.argsz = sizeof(cmd),
		.flags = VFIO_DEVICE_DETACH_PASID,
		.pasid = pasid,
	};

	if (!ctx || !is_pasid(pasid))
		return -EINVAL;
	return vfio_ioctl(ctx, fd, VFIO_DEVICE_DETACH_IOMMUFD_PT, &cmd);
}
