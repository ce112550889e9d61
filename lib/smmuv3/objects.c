/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* The vIOMMU of an SMMU, its devices, its events, and nested HWPTs. */
#include "lib/uapi/uapi.h"

#include "lib/abi.h"
#include "lib/smmuv3/ste.h"

_Static_assert(sizeof(struct iommunest_smmuv3_s1) ==
		       sizeof(struct iommu_hwpt_arm_smmuv3),
	       "the data are sent as they are");

#define SID_BITS_MAX 32u

EXPORT int iommunest_smmuv3_viommu_alloc(struct iommunest_ctx *ctx,
					 uint32_t dev_id, uint32_t parent_id,
					 uint32_t *viommu_id)
{
	return iommunest_viommu_alloc(ctx, dev_id, parent_id,
				      IOMMU_VIOMMU_TYPE_ARM_SMMUV3, viommu_id);
}

EXPORT int iommunest_smmuv3_vdevice_alloc(struct iommunest_ctx *ctx,
					  uint32_t viommu_id, uint32_t dev_id,
					  uint32_t sid, unsigned int sid_bits,
					  uint32_t *vdevice_id)
{
	if (sid_bits > SID_BITS_MAX || (uint64_t)sid >> sid_bits)
		return -EINVAL;
	return iommunest_vdevice_alloc(ctx, viommu_id, dev_id, sid, vdevice_id);
}

EXPORT int iommunest_smmuv3_event_queue_alloc(struct iommunest_ctx *ctx,
					      uint32_t viommu_id,
					      uint32_t depth,
					      uint32_t *queue_id, int *fd)
{
	return iommunest_event_queue_alloc(ctx, viommu_id,
					   IOMMU_VEVENTQ_TYPE_ARM_SMMUV3, depth,
					   queue_id, fd);
}

/* The kernel says EIO of all of these, and does not look at one not valid. */
static int check_s1(const struct iommunest_smmuv3_s1 *s1)
{
	const uint64_t word0 = smmu_le64(s1->ste[0]);
	const uint64_t word1 = smmu_le64(s1->ste[1]);

	if (!(word0 & STE0_V))
		return 0;
	if (word0 & ~STE0_NESTING || word1 & ~STE1_NESTING)
		return -EINVAL;
	if (!smmu_is_config((uint8_t)bits_get(word0, STE0_CONFIG)))
		return -EINVAL;
	return bits_get(word1, STE1_EATS) > STE_EATS_FULL ? -EINVAL : 0;
}

EXPORT int iommunest_smmuv3_hwpt_alloc(struct iommunest_ctx *ctx,
				       uint32_t dev_id, uint32_t viommu_id,
				       const struct iommunest_smmuv3_s1 *s1,
				       uint32_t *hwpt_id)
{
	const struct iommunest_nested_hwpt nested = {
		.size = sizeof(nested),
		.data_type = IOMMU_HWPT_DATA_ARM_SMMUV3,
		.data_len = sizeof(*s1),
		.data = s1,
	};
	int ret;

	if (!ctx || !s1 || !hwpt_id)
		return -EINVAL;
	ret = check_s1(s1);
	if (ret)
		return ret;
	return iommunest_hwpt_alloc_nested(ctx, dev_id, viommu_id, &nested,
					   hwpt_id);
}
