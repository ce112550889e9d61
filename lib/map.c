/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* What is mapped in an IOAS. */
#include "lib/uapi/uapi.h"

#include "lib/abi.h"
#include "lib/context.h"

_Static_assert(IOMMUNEST_MAP_FIXED == IOMMU_IOAS_MAP_FIXED_IOVA, "uAPI flag");
_Static_assert(IOMMUNEST_MAP_WRITE == IOMMU_IOAS_MAP_WRITEABLE, "uAPI flag");
_Static_assert(IOMMUNEST_MAP_READ == IOMMU_IOAS_MAP_READABLE, "uAPI flag");

/*
 * The IOVA to send.  Where the kernel chooses it does not mean anything, and
 * is checked all the same.
 */
static uint64_t iova_in(uint32_t flags, const uint64_t *iova)
{
	return flags & IOMMUNEST_MAP_FIXED ? *iova : 0;
}

EXPORT int iommunest_ioas_map(struct iommunest_ctx *ctx, uint32_t ioas_id,
			      void *addr, uint64_t length, uint32_t flags,
			      uint64_t *iova)
{
	struct iommu_ioas_map cmd = {
		.size = sizeof(cmd),
		.flags = flags,
		.ioas_id = ioas_id,
		.user_va = (uintptr_t)addr,
		.length = length,
	};
	int ret;

	if (!ctx || !iova)
		return -EINVAL;
	cmd.iova = iova_in(flags, iova);
	ret = iommunest__ioctl(ctx, IOMMU_IOAS_MAP, &cmd);
	if (ret < 0)
		return ret;
	*iova = cmd.iova;
	return 0;
}

EXPORT int iommunest_ioas_map_file(struct iommunest_ctx *ctx, uint32_t ioas_id,
				   int fd, uint64_t start, uint64_t length,
				   uint32_t flags, uint64_t *iova)
{
	struct iommu_ioas_map_file cmd = {
		.size = sizeof(cmd),
		.flags = flags,
		.ioas_id = ioas_id,
		.fd = fd,
		.start = start,
		.length = length,
	};
	int ret;

	if (!ctx || !iova)
		return -EINVAL;
	cmd.iova = iova_in(flags, iova);
	ret = iommunest__ioctl(ctx, IOMMU_IOAS_MAP_FILE, &cmd);
	if (ret < 0)
		return ret;
	*iova = cmd.iova;
	return 0;
}

EXPORT int iommunest_ioas_copy(struct iommunest_ctx *ctx, uint32_t dst_ioas_id,
			       uint32_t src_ioas_id, uint64_t src_iova,
			       uint64_t length, uint32_t flags,
			       uint64_t *dst_iova)
{
	struct iommu_ioas_copy cmd = {
		.size = sizeof(cmd),
		.flags = flags,
		.dst_ioas_id = dst_ioas_id,
		.src_ioas_id = src_ioas_id,
		.length = length,
		.src_iova = src_iova,
	};
	int ret;

	if (!ctx || !dst_iova)
		return -EINVAL;
	cmd.dst_iova = iova_in(flags, dst_iova);
	ret = iommunest__ioctl(ctx, IOMMU_IOAS_COPY, &cmd);
	if (ret < 0)
		return ret;
	*dst_iova = cmd.dst_iova;
	return 0;
}

static int unmap(struct iommunest_ctx *ctx, uint32_t ioas_id, uint64_t iova,
		 uint64_t length, uint64_t *unmapped)
{
	struct iommu_ioas_unmap cmd = {
		.size = sizeof(cmd),
		.ioas_id = ioas_id,
		.iova = iova,
		.length = length,
	};
	int ret;

	if (!ctx)
		return -EINVAL;
	ret = iommunest__ioctl(ctx, IOMMU_IOAS_UNMAP, &cmd);
	if (ret < 0)
		return ret;
	if (unmapped)
		*unmapped = cmd.length;
	return 0;
}

EXPORT int iommunest_ioas_unmap(struct iommunest_ctx *ctx, uint32_t ioas_id,
				uint64_t iova, uint64_t length,
				uint64_t *unmapped)
{
	/* From 0 on it is no range but all; from elsewhere, an overflow. */
	if (ctx && length == UINT64_MAX)
		return -EOVERFLOW;
	return unmap(ctx, ioas_id, iova, length, unmapped);
}

EXPORT int iommunest_ioas_unmap_all(struct iommunest_ctx *ctx, uint32_t ioas_id,
				    uint64_t *unmapped)
{
	return unmap(ctx, ioas_id, 0, UINT64_MAX, unmapped);
}

EXPORT int iommunest_change_process(struct iommunest_ctx *ctx)
{
	struct iommu_ioas_change_process cmd = { .size = sizeof(cmd) };
	int ret;

	if (!ctx)
		return -EINVAL;
	ret = iommunest__ioctl(ctx, IOMMU_IOAS_CHANGE_PROCESS, &cmd);
	return ret < 0 ? ret : 0;
}
