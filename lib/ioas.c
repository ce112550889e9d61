/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* I/O address spaces, and the destruction of any object. */
#include "lib/uapi/uapi.h"

#include "lib/abi.h"
#include "lib/context.h"
#include "lib/error-report.h"

EXPORT int iommunest_ioas_alloc(struct iommunest_ctx *ctx, uint32_t *ioas_id)
{
	struct iommu_ioas_alloc cmd = { .size = sizeof(cmd) };
	int ret;

	if (!ctx || !ioas_id)
		return -EINVAL;
	ret = iommunest__ioctl(ctx, IOMMU_IOAS_ALLOC, &cmd);
	if (ret < 0)
		return ret;
	*ioas_id = cmd.out_ioas_id;
	return 0;
}

EXPORT int iommunest_object_destroy(struct iommunest_ctx *ctx, uint32_t id)
{
	struct iommu_destroy cmd = { .size = sizeof(cmd), .id = id };
	int ret;

	if (!ctx)
		return -EINVAL;
	ret = iommunest__ioctl(ctx, IOMMU_DESTROY, &cmd);
	if (ret < 0)
		return ret;
	iommunest__extension_forget(ctx, id);
	return 0;
}
