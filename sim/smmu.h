/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* An Arm SMMUv3 that can nest, as its driver sees it. */
#ifndef IOMMUNEST_SIM_SMMU_H
#define IOMMUNEST_SIM_SMMU_H

#include "internal.h"

/*
 * Of a nested HWPT: its STE has a stage 1 for requests without a substream; or
 * it lets nothing through.
 */
bool iommunest__sim_smmu_has_stage1(const struct sim_hwpt *hwpt);
bool iommunest__sim_smmu_aborts(const struct sim_hwpt *hwpt);
/* Whether the guest allows a device of the HWPT, of any kind, to use ATS. */
bool iommunest__sim_smmu_allows_ats(const struct sim_hwpt *hwpt);

/* For IOMMU_HWPT_ALLOC on a vIOMMU.  Returns 0 or what that fails with. */
int iommunest__sim_smmu_read_ste(const struct sim_call *call, uint64_t ste[2]);
/* A stage 1 has events, so that the device needs a name in the guest. */
int iommunest__sim_smmu_check_attach(const struct sim_device *dev,
				     const struct sim_hwpt *hwpt);

/* IOMMU_HWPT_INVALIDATE of what is no HWPT.  *@done: what is counted. */
int iommunest__sim_smmu_invalidate(struct sim_call *call, uint32_t *done);

#endif /* IOMMUNEST_SIM_SMMU_H */
