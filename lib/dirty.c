/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* What devices have written to, of a paging HWPT. */
#include "lib/uapi/uapi.h"

#include "lib/abi.h"
#include "lib/context.h"

_Static_assert(IOMMUNEST_DIRTY_NO_CLEAR == IOMMU_HWPT_GET_DIRTY_BITMAP_NO_CLEAR,
	       "uAPI flag");

EXPORT int iommunest_dirty_set(struct iommunest_ctx *ctx, uint32_t hwpt_id,
			       bool track)
{
	struct iommu_hwpt_set_dirty_tracking cmd = {
		.size = sizeof(cmd),
		.flags = track ? IOMMU_HWPT_DIRTY_TRACKING_ENABLE : 0,
		.hwpt_id = hwpt_id,
	};
	int ret;

	if (!ctx)
		return -EINVAL;
	ret = iommunest__ioctl(ctx, IOMMU_HWPT_SET_DIRTY_TRACKING, &cmd);
	return ret < 0 ? ret : 0;
}

static uint64_t bitmap_needs(uint64_t length, uint64_t page_size)
{
	const uint64_t pages = length / page_size;

	return pages / 8 + (pages % 8 != 0);
}

/*
 * The kernel makes pages clean first, and ignores that it could not say so: a
 * bitmap without room or memory is success, and what was dirty is forgotten.
 * Of a page size it takes the lowest bit, and of an address what is above it.
 */
static int check_dirty(const struct iommunest_dirty *dirty)
{
	const uint64_t below = dirty->page_size - 1;

	if (!dirty->bitmap || !dirty->length)
		return -EINVAL;
	if (!dirty->page_size || dirty->page_size & below)
		return -EINVAL;
	if (dirty->iova & below || dirty->length & below)
		return -EINVAL;
	/* The last byte of all can only be the last of the range. */
	if (dirty->iova + (dirty->length - 1) < dirty->iova)
		return -EOVERFLOW;
	if (dirty->bitmap_len < bitmap_needs(dirty->length, dirty->page_size))
		return -EMSGSIZE;
	return 0;
}

EXPORT int iommunest_dirty_get(struct iommunest_ctx *ctx, uint32_t hwpt_id,
			       const struct iommunest_dirty *dirty)
{
	struct iommunest_dirty in;
	struct iommu_hwpt_get_dirty_bitmap cmd = {
		.size = sizeof(cmd),
		.hwpt_id = hwpt_id,
	};
	int ret;

	if (!ctx || !dirty)
		return -EINVAL;
	ret = iommunest_copy_in(&in, sizeof(in), dirty,
				END_OF(struct iommunest_dirty, reserved));
	if (!ret)
		ret = check_dirty(&in);
	if (ret)
		return ret;
	cmd.flags = in.flags;
	cmd.iova = in.iova;
	cmd.length = in.length;
	cmd.page_size = in.page_size;
	cmd.data = (uintptr_t)in.bitmap;
	ret = iommunest__ioctl(ctx, IOMMU_HWPT_GET_DIRTY_BITMAP, &cmd);
	return ret < 0 ? ret : 0;
}
