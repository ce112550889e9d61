/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * Why a device or a PASID could not be attached.  The kernel has one errno for
 * most of it, so it is asked in other ways.
 */
#include <config.h>

#include "lib/abi.h"
#include "lib/context.h"
#include "lib/uapi/vfio.h"

/*
 * Nothing is attached to it: the library does not take it, and no PASID has so
 * many bits.
 */
#define PASID_OF_NOBODY 0x7fffffffu

struct attempt {
	struct iommunest_ctx *ctx;
	int fd;
	uint32_t dev_id;
	uint32_t pasid;
	int error;
};

/* Each function of a device that is not bound is EINVAL. */
static bool is_bound(const struct attempt *try)
{
	struct vfio_device_info cmd = { .argsz = sizeof(cmd) };

	return try->ctx->sys.ioctl(try->ctx->sys_data, try->fd,
				   VFIO_DEVICE_GET_INFO, &cmd) != -EINVAL;
}

/* A kernel that knows PASIDs detaches what is not attached. */
static int try_pasids(const struct attempt *try)
{
	struct vfio_device_detach_iommufd_pt cmd = {
		.argsz = sizeof(cmd),
		.flags = VFIO_DEVICE_DETACH_PASID,
		.pasid = PASID_OF_NOBODY,
	};

	return try->ctx->sys.ioctl(try->ctx->sys_data, try->fd,
				   VFIO_DEVICE_DETACH_IOMMUFD_PT, &cmd);
}

static uint32_t reasons_of_pasid(const struct attempt *try,
				 const struct iommunest_hw_info *info)
{
	int ret;

	if (try->pasid == 0 || try->pasid > IOMMUNEST_PASID_MAX)
		return IOMMUNEST_VFIO_REASON_PASID_RANGE;
	ret = try_pasids(try);
	/* It knows no PASIDs, or nothing of this kind. */
	if (ret == -EINVAL || ret == -ENOTTY)
		return IOMMUNEST_VFIO_REASON_KERNEL_PASID;
	if (ret == -EOPNOTSUPP || try->error == -EOPNOTSUPP)
		return IOMMUNEST_VFIO_REASON_DRIVER_PASID;
	if (info->max_pasid_log2 == 0)
		return IOMMUNEST_VFIO_REASON_DEVICE_PASID;
	if (try->pasid >> info->max_pasid_log2)
		return IOMMUNEST_VFIO_REASON_PASID_RANGE;
	return 0;
}

/* These have one meaning each, whatever else is found. */
static uint32_t reason_of_error(int error)
{
	switch (error) {
	case -ENOENT:
		return IOMMUNEST_VFIO_REASON_NO_OBJECT;
	case -ENODEV:
		return IOMMUNEST_VFIO_REASON_PAGE_REQUESTS;
	case -EADDRINUSE:
		return IOMMUNEST_VFIO_REASON_ADDRESSES;
	default:
		return 0;
	}
}

static uint32_t find_reasons(const struct attempt *try)
{
	struct iommunest_hw_info info = { .size = sizeof(info) };
	uint32_t reasons = 0;

	if (!is_bound(try))
		return IOMMUNEST_VFIO_REASON_NOT_BOUND;
	if (iommunest_hw_info(try->ctx, try->dev_id, &info) == -ENOENT)
		return IOMMUNEST_VFIO_REASON_OTHER_CONTEXT;
	if (try->pasid != IOMMUNEST_VFIO_NO_PASID)
		reasons = reasons_of_pasid(try, &info);
	reasons |= reason_of_error(try->error);
	if (!reasons && try->error == -EINVAL)
		return IOMMUNEST_VFIO_REASON_PAGE_TABLE;
	return reasons;
}

EXPORT int iommunest_vfio_attach_reasons(struct iommunest_ctx *ctx, int fd,
					 uint32_t dev_id, uint32_t pasid,
					 int error, uint32_t *reasons)
{
	const struct attempt try = { ctx, fd, dev_id, pasid, error };

	if (!ctx || error >= 0 || !reasons)
		return -EINVAL;
	*reasons = find_reasons(&try);
	return 0;
}
