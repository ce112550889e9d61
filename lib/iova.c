/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* Which IOVAs an IOAS can map, and which it has to be able to. */
#include "lib/uapi/uapi.h"

#include <stdlib.h>

#include "lib/abi.h"
#include "lib/context.h"

_Static_assert(sizeof(struct iommunest_iova_range) ==
		       sizeof(struct iommu_iova_range),
	       "uAPI size");
_Static_assert(offsetof(struct iommunest_iova_range, last) ==
		       offsetof(struct iommu_iova_range, last),
	       "uAPI layout");

/* More than most IOASs have: VT-d's leave two or three. */
#define FIRST_COUNT 8u

/* Ranges that are more each time: give up after so many questions. */
#define TRIES 8u

/* Of the struct without what the first release did not have. */
#define RANGES_MIN END_OF(struct iommunest_iova_ranges, reserved)

static int query(struct iommunest_ctx *ctx, uint32_t ioas_id,
		 struct iommunest_iova_ranges *out)
{
	struct iommu_ioas_iova_ranges cmd = {
		.size = sizeof(cmd),
		.ioas_id = ioas_id,
		.num_iovas = out->count,
		.allowed_iovas = (uintptr_t)out->ranges,
	};
	int ret = iommunest__ioctl(ctx, IOMMU_IOAS_IOVA_RANGES, &cmd);

	/* More than there was room for: how many, then. */
	if (ret < 0 && ret != -EMSGSIZE)
		return ret;
	out->count = cmd.num_iovas;
	out->alignment = cmd.out_iova_alignment;
	return ret < 0 ? ret : 0;
}

static int query_with_room(struct iommunest_ctx *ctx, uint32_t ioas_id,
			   struct iommunest_iova_ranges *out)
{
	const uint32_t room = out->count;
	int ret;

	out->ranges = calloc(room, sizeof(*out->ranges));
	if (!out->ranges)
		return -ENOMEM;
	ret = query(ctx, ioas_id, out);
	/* An answer that makes no sense is no reason to read beyond the end. */
	if (!ret && out->count > room)
		ret = -EMSGSIZE;
	if (ret)
		free(out->ranges);
	return ret;
}

EXPORT int iommunest_ioas_iova_ranges(struct iommunest_ctx *ctx,
				      uint32_t ioas_id,
				      struct iommunest_iova_ranges *ranges)
{
	struct iommunest_iova_ranges out = { .count = FIRST_COUNT };
	unsigned int tries = TRIES;
	int ret;

	if (!ctx || !ranges)
		return -EINVAL;
	ret = iommunest_check_size(ranges, RANGES_MIN);
	if (ret)
		return ret;
	do {
		ret = query_with_room(ctx, ioas_id, &out);
	} while (ret == -EMSGSIZE && out.count && --tries);
	if (ret)
		return ret;
	if (!out.count) {
		free(out.ranges);
		out.ranges = NULL;
	}
	iommunest_copy_out(ranges, &out, sizeof(out));
	return 0;
}

EXPORT void iommunest_iova_ranges_free(struct iommunest_iova_ranges *ranges)
{
	if (!ranges || iommunest_check_size(ranges, RANGES_MIN))
		return;
	free(ranges->ranges);
	ranges->ranges = NULL;
	ranges->count = 0;
}

EXPORT int iommunest_ioas_allow_iovas(struct iommunest_ctx *ctx,
				      uint32_t ioas_id,
				      const struct iommunest_iova_range *ranges,
				      uint32_t count)
{
	struct iommu_ioas_allow_iovas cmd = {
		.size = sizeof(cmd),
		.ioas_id = ioas_id,
		.num_iovas = count,
		.allowed_iovas = (uintptr_t)ranges,
	};
	int ret;

	if (!ctx || (count && !ranges))
		return -EINVAL;
	ret = iommunest__ioctl(ctx, IOMMU_IOAS_ALLOW_IOVAS, &cmd);
	return ret < 0 ? ret : 0;
}
