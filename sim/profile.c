/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* How the simulated kernels differ: one row for each. */
#include "profile.h"

#include <errno.h>

#include "uapi-newer.h"
#include "widen.h"

#define NEST_PARENT ((uint32_t)IOMMU_HWPT_ALLOC_NEST_PARENT)
#define DIRTY ((uint32_t)IOMMU_HWPT_ALLOC_DIRTY_TRACKING)
#define FAULT_ID ((uint32_t)IOMMU_HWPT_FAULT_ID_VALID)

/* What is the same in 6.18 and in all forms of 7.3. */
#define AS_7_3                                                             \
	.checks_overflow_first = true, .prefers_first_stage = true,        \
	.paging_flags = NEST_PARENT | DIRTY | FAULT_ID | HWPT_ALLOC_PASID, \
	.hw_info_flags = HW_INFO_INPUT_TYPE, .not_nested_errno = -EINVAL,  \
	.checks_stage = true, .reports_no_ats = true, .has_pasids = true,  \
	.nested_ats = true

/* On a VT-d. */
#define AS_VTD_7_3 AS_7_3, .nested_flags = FAULT_ID | HWPT_ALLOC_PASID

#define AS_SMMUV3_7_3                                                          \
	AS_7_3, .last_cmd = CMD_IOAS_NOIOMMU_GET_PA, .nested_flags = FAULT_ID, \
		.attach_rolls_back = true, .widen = iommunest__sim_widen_7_3,  \
		.shared = 1

/* Row 0 stays empty: IOMMUNEST_SIM_NEWEST is an alias. */
static const struct sim_profile profiles[] = {
	[IOMMUNEST_SIM_LINUX_6_12] = {
		.reads_only_tracked = true,
		.last_cmd = CMD_FAULT_QUEUE_ALLOC,
		.invalidate_size = IOMMUNEST_UAPI_INVALIDATE_SIZE,
		.paging_flags = NEST_PARENT | DIRTY,
		.nested_flags = FAULT_ID,
		.not_nested_errno = -ENOENT,
		.requests_first = true,
		.attach_rolls_back = true,
		.widen = iommunest__sim_widen_6_12,
		.shared = 1,
	},
	/* Without those that need a device TLB, or tell of the hardware. */
	[IOMMUNEST_SIM_LINUX_6_12_PATCHED] = {
		.reads_only_tracked = true,
		.last_cmd = CMD_FAULT_QUEUE_ALLOC,
		.invalidate_size = IOMMUNEST_UAPI_INVALIDATE_SIZE,
		.paging_flags = NEST_PARENT | DIRTY,
		.nested_flags = FAULT_ID,
		.not_nested_errno = -ENOENT,
		.requests_first = true,
		.attach_rolls_back = true,
		.widen = iommunest__sim_widen_7_3,
		.checks_range = true,
		.shared = SIM_SHARED_MAX,
	},
	[IOMMUNEST_SIM_LINUX_7_3] = {
		AS_VTD_7_3,
		.last_cmd = CMD_IOAS_NOIOMMU_GET_PA,
		.invalidate_size = IOMMUNEST_UAPI_INVALIDATE_SIZE,
		.widen = iommunest__sim_widen_7_3,
		.shared = 1,
	},
	/*
	 * This one was not examined.  Known are the fault, the ioctls, and that
	 * blocks were still computed as in 6.12; the rest is as in 7.3.
	 */
	[IOMMUNEST_SIM_LINUX_6_18] = {
		AS_VTD_7_3,
		.last_cmd = CMD_HW_QUEUE_ALLOC,
		.invalidate_size = IOMMUNEST_UAPI_INVALIDATE_SIZE,
		.plain_iotlb = true,
		.widen = iommunest__sim_widen_6_12,
		.shared = 1,
	},
	[IOMMUNEST_SIM_LINUX_7_3_PATCHED] = {
		AS_VTD_7_3,
		.last_cmd = CMD_IOAS_NOIOMMU_GET_PA,
		.invalidate_size = sizeof(struct iommunest_uapi_invalidate),
		.widen = iommunest__sim_widen_7_3,
		.checks_range = true,
		.shared = SIM_SHARED_MAX,
		.blocks_broken = true,
		.reports = true,
	},
	[IOMMUNEST_SIM_SMMUV3_7_3] = {
		AS_SMMUV3_7_3,
		.invalidate_size = IOMMUNEST_UAPI_INVALIDATE_SIZE,
		.smmu = SIM_SMMU_OVERCOUNTS,
	},
	/* It was read, and not run. */
	[IOMMUNEST_SIM_SMMUV3_REWORKED] = {
		AS_SMMUV3_7_3,
		.invalidate_size = IOMMUNEST_UAPI_INVALIDATE_SIZE,
		.smmu = SIM_SMMU_GROUP_START,
	},
	[IOMMUNEST_SIM_SMMUV3_7_3_PATCHED] = {
		AS_SMMUV3_7_3,
		/* With the flag, which the driver refuses. */
		.invalidate_size = sizeof(struct iommunest_uapi_invalidate),
		.smmu = SIM_SMMU_EXACT,
	},
};

#define COUNT (sizeof(profiles) / sizeof(*profiles))

const struct sim_profile *iommunest__sim_profile(uint32_t id)
{
	if (id == IOMMUNEST_SIM_NEWEST)
		return &profiles[IOMMUNEST_SIM_LINUX_7_3];
	return id < COUNT ? &profiles[id] : NULL;
}
