/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What IOMMU a device stands behind. */
#include "lib/uapi/uapi.h"

#include "lib/abi.h"
#include "lib/context.h"
#include "lib/vtd/cap-regs.h"

_Static_assert(IOMMUNEST_HW_INTEL_VTD == IOMMU_HW_INFO_TYPE_INTEL_VTD,
	       "uAPI type");

EXPORT int iommunest_hw_info(struct iommunest_ctx *ctx, uint32_t dev_id,
			     struct iommunest_hw_info *info)
{
	struct iommunest_hw_info out = { 0 };
	struct iommu_hw_info_vtd vtd = { 0 };
	struct iommu_hw_info cmd = {
		.size = sizeof(cmd),
		.dev_id = dev_id,
		.data_len = sizeof(vtd),
		.data_uptr = (uintptr_t)&vtd,
	};
	int ret;

	if (!ctx || !info)
		return -EINVAL;
	ret = iommunest_check_size(info,
				   END_OF(struct iommunest_hw_info, reserved));
	if (ret)
		return ret;
	ret = iommunest_ioctl(ctx, IOMMU_GET_HW_INFO, &cmd);
	if (ret < 0)
		return ret;

	out.type = cmd.out_data_type;
	out.capabilities = cmd.out_capabilities;
	out.max_pasid_log2 = cmd.out_max_pasid_log2;
	if (out.type == IOMMUNEST_HW_INTEL_VTD) {
		out.vtd_flags = vtd.flags;
		out.vtd_cap = vtd.cap_reg;
		out.vtd_ecap = vtd.ecap_reg;
	}
	iommunest_copy_out(info, &out, sizeof(out));
	return 0;
}

EXPORT int iommunest_vtd_mamv(const struct iommunest_hw_info *info)
{
	if (!info || !vtd_info_is_vtd(info))
		return -EOPNOTSUPP;
	return (int)vtd_field(info->vtd_cap, CAP_MAMV);
}
