/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* Which IOMMU a device is behind, and what its driver says of it. */
#include "lib/uapi/uapi.h"

#include "lib/abi.h"
#include "lib/context.h"

EXPORT int iommunest_hw_info(struct iommunest_ctx *ctx, uint32_t dev_id,
			     struct iommunest_hw_info *info)
{
	struct iommunest_hw_info out = { 0 };
	struct iommu_hw_info cmd = {
		.size = sizeof(cmd),
		.dev_id = dev_id,
		.data_len = sizeof(out.data),
		.data_uptr = (uintptr_t)out.data,
	};
	int ret;

	if (!ctx || !info)
		return -EINVAL;
	ret = iommunest_check_size(info,
				   END_OF(struct iommunest_hw_info, data));
	if (ret)
		return ret;
	ret = iommunest__ioctl(ctx, IOMMU_GET_HW_INFO, &cmd);
	if (ret < 0)
		return ret;

	out.type = cmd.out_data_type;
	out.data_len = cmd.data_len;
	out.capabilities = cmd.out_capabilities;
	out.max_pasid_log2 = cmd.out_max_pasid_log2;
	iommunest_copy_out(info, &out, sizeof(out));
	return 0;
}
