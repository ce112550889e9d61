/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* Options of iommufd and of its objects. */
#include "lib/uapi/uapi.h"

#include "lib/abi.h"
#include "lib/context.h"

_Static_assert(IOMMUNEST_OPTION_RLIMIT_MODE == IOMMU_OPTION_RLIMIT_MODE,
	       "uAPI number");
_Static_assert(IOMMUNEST_OPTION_HUGE_PAGES == IOMMU_OPTION_HUGE_PAGES,
	       "uAPI number");

EXPORT int iommunest_option_get(struct iommunest_ctx *ctx, uint32_t option,
				uint32_t object_id, uint64_t *value)
{
	struct iommu_option cmd = {
		.size = sizeof(cmd),
		.option_id = option,
		.op = IOMMU_OPTION_OP_GET,
		.object_id = object_id,
	};
	int ret;

	if (!ctx || !value)
		return -EINVAL;
	ret = iommunest__ioctl(ctx, IOMMU_OPTION, &cmd);
	if (ret < 0)
		return ret;
	*value = cmd.val64;
	return 0;
}

EXPORT int iommunest_option_set(struct iommunest_ctx *ctx, uint32_t option,
				uint32_t object_id, uint64_t value)
{
	struct iommu_option cmd = {
		.size = sizeof(cmd),
		.option_id = option,
		.op = IOMMU_OPTION_OP_SET,
		.object_id = object_id,
		.val64 = value,
	};
	int ret;

	if (!ctx)
		return -EINVAL;
	ret = iommunest__ioctl(ctx, IOMMU_OPTION, &cmd);
	return ret < 0 ? ret : 0;
}
