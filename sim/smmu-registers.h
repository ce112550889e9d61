/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* The ID registers of an SMMUv3, and what follows from them. */
#ifndef IOMMUNEST_SIM_SMMU_REGISTERS_H
#define IOMMUNEST_SIM_SMMU_REGISTERS_H

#include <stdbool.h>
#include <stdint.h>

#define SMMU_INFO_TYPE 2u

/* struct iommu_hw_info_arm_smmuv3 */
struct sim_smmu_info {
	uint32_t flags;
	uint32_t reserved;
	uint32_t idr[6];
	uint32_t iidr;
	uint32_t aidr;
};

/* By what the options say; @idr may be all 0. */
struct sim_smmu_info iommunest__sim_smmu_info(const uint32_t idr[6],
					      uint32_t errata);
/* Its own, without which its devices have none. */
bool iommunest__sim_smmu_has_ats(const struct sim_smmu_info *info);
uint64_t iommunest__sim_smmu_last_iova(bool first_stage);

#endif /* IOMMUNEST_SIM_SMMU_REGISTERS_H */
