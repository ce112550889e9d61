/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* vIOMMUs, their devices, and the queues of their events. */
#include "lib/uapi/uapi.h"

#include "lib/abi.h"
#include "lib/context.h"
#include "lib/error-report.h"

EXPORT int iommunest_viommu_alloc(struct iommunest_ctx *ctx, uint32_t dev_id,
				  uint32_t parent_id, uint32_t type,
				  uint32_t *viommu_id)
{
	struct iommu_viommu_alloc cmd = {
		.size = sizeof(cmd),
		.type = type,
		.dev_id = dev_id,
		.hwpt_id = parent_id,
	};
	int ret;

	if (!ctx || !viommu_id)
		return -EINVAL;
	ret = iommunest__ioctl(ctx, IOMMU_VIOMMU_ALLOC, &cmd);
	if (ret < 0)
		return ret;
	*viommu_id = cmd.out_viommu_id;
	/* The object that had the id may have been destroyed by hand. */
	iommunest__extension_forget(ctx, *viommu_id);
	return 0;
}

EXPORT int iommunest_vdevice_alloc(struct iommunest_ctx *ctx,
				   uint32_t viommu_id, uint32_t dev_id,
				   uint64_t virt_id, uint32_t *vdevice_id)
{
	struct iommu_vdevice_alloc cmd = {
		.size = sizeof(cmd),
		.viommu_id = viommu_id,
		.dev_id = dev_id,
		.virt_id = virt_id,
	};
	int ret;

	if (!ctx || !vdevice_id)
		return -EINVAL;
	ret = iommunest__ioctl(ctx, IOMMU_VDEVICE_ALLOC, &cmd);
	if (ret < 0)
		return ret;
	*vdevice_id = cmd.out_vdevice_id;
	return 0;
}

EXPORT int iommunest_event_queue_alloc(struct iommunest_ctx *ctx,
				       uint32_t viommu_id, uint32_t type,
				       uint32_t depth, uint32_t *queue_id,
				       int *fd)
{
	struct iommu_veventq_alloc cmd = {
		.size = sizeof(cmd),
		.viommu_id = viommu_id,
		.type = type,
		.veventq_depth = depth,
	};
	int ret;

	if (!ctx || !queue_id || !fd)
		return -EINVAL;
	ret = iommunest__ioctl(ctx, IOMMU_VEVENTQ_ALLOC, &cmd);
	if (ret < 0)
		return ret;
	*queue_id = cmd.out_veventq_id;
	*fd = (int)cmd.out_veventq_fd;
	return 0;
}

/* Both kinds of queue are files of the same kind. */

EXPORT void iommunest_event_queue_close(struct iommunest_ctx *ctx, int fd)
{
	iommunest_fault_queue_close(ctx, fd);
}

EXPORT int iommunest_event_queue_wait(struct iommunest_ctx *ctx, int fd,
				      int timeout)
{
	return iommunest_fault_queue_wait(ctx, fd, timeout);
}
