/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* A guest's stage 1 as a nested HWPT: VT-d's data, and what it may hold. */
#include "lib/uapi/uapi.h"

#include "lib/abi.h"
#include "lib/error-report.h"
#include "lib/vtd/entry.h"

#define S1_FLAGS \
	(IOMMUNEST_VTD_S1_SRE | IOMMUNEST_VTD_S1_EAFE | IOMMUNEST_VTD_S1_WPE)

_Static_assert(IOMMUNEST_VTD_S1_SRE == IOMMU_VTD_S1_SRE, "uAPI flag");
_Static_assert(IOMMUNEST_VTD_S1_EAFE == IOMMU_VTD_S1_EAFE, "uAPI flag");
_Static_assert(IOMMUNEST_VTD_S1_WPE == IOMMU_VTD_S1_WPE, "uAPI flag");

/*
 * The kernel looks at none of this before attach, and then answers EINVAL for
 * everything; what is wrong is known here already.
 */
static int check_s1(const struct iommunest_vtd_s1 *s1)
{
	if (s1->flags & ~S1_FLAGS)
		return -EOPNOTSUPP;
	if (s1->pgtbl_addr & VTD_PAGE_MASK)
		return -EINVAL;
	if (s1->addr_width != 48 && s1->addr_width != 57)
		return -EINVAL;
	return 0;
}

EXPORT int iommunest_vtd_hwpt_alloc(struct iommunest_ctx *ctx, uint32_t dev_id,
				    uint32_t parent_id,
				    const struct iommunest_vtd_s1 *s1,
				    uint32_t *hwpt_id)
{
	struct iommunest_vtd_s1 copy;
	struct iommu_hwpt_vtd_s1 data = { 0 };
	struct iommunest_nested_hwpt nested = {
		.size = sizeof(nested),
		.data_type = IOMMU_HWPT_DATA_VTD_S1,
		.data_len = sizeof(data),
		.data = &data,
	};
	int ret;

	if (!ctx || !s1 || !hwpt_id)
		return -EINVAL;
	ret = iommunest_copy_in(&copy, sizeof(copy), s1,
				END_OF(struct iommunest_vtd_s1, flags));
	if (ret)
		return ret;
	ret = check_s1(&copy);
	if (ret)
		return ret;
	nested.flags = copy.hwpt_flags;
	nested.fault_id = copy.fault_id;
	data.flags = copy.flags;
	data.pgtbl_addr = copy.pgtbl_addr;
	data.addr_width = copy.addr_width;
	ret = iommunest_hwpt_alloc_nested(ctx, dev_id, parent_id, &nested,
					  hwpt_id);
	/* Probe here, to keep the probe off the first flush. */
	if (!ret)
		iommunest__extension(ctx, *hwpt_id, iommunest_vtd_s1_type());
	return ret;
}
