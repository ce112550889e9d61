/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* What CAP_REG and ECAP_REG say. */
#ifndef IOMMUNEST_SIM_REGISTERS_H
#define IOMMUNEST_SIM_REGISTERS_H

#include "internal.h"

uint64_t iommunest__sim_default_cap(void);
uint64_t iommunest__sim_default_ecap(void);

/* The largest address mask of IOTLB descriptors that are not PASID-based. */
unsigned int iommunest__sim_mamv(const struct iommunest_sim *sim);

bool iommunest__sim_can_nest(const struct iommunest_sim *sim);
bool iommunest__sim_can_first_stage(const struct iommunest_sim *sim);
/* Pages of 1 GiB in the first stage. */
bool iommunest__sim_can_first_stage_1g(const struct iommunest_sim *sim);
bool iommunest__sim_can_second_stage(const struct iommunest_sim *sim);
bool iommunest__sim_can_track_dirty(const struct iommunest_sim *sim);
/* The last I/O virtual address that a paging HWPT can map. */
uint64_t iommunest__sim_last_iova(const struct iommunest_sim *sim,
				  bool first_stage);
/* 0: no PASIDs. */
unsigned int iommunest__sim_pasid_width(const struct iommunest_sim *sim);
bool iommunest__sim_can_stage1(const struct iommunest_sim *sim,
			       const struct iommu_hwpt_vtd_s1 *s1);

#endif /* IOMMUNEST_SIM_REGISTERS_H */
