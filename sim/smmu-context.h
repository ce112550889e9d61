/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* Context descriptors: what a stream's stage 1 is. */
#ifndef IOMMUNEST_SIM_SMMU_CONTEXT_H
#define IOMMUNEST_SIM_SMMU_CONTEXT_H

#include "walk.h"

/*
 * Returns that of the device, from its cache or from memory; NULL: there is
 * none, for the access's reason.
 */
const struct sim_context *iommunest__sim_smmu_context(struct sim_access *access,
						      struct sim_device *dev);

/* S1DSS: requests without a substream do without stage 1. */
bool iommunest__sim_smmu_bypasses(const struct sim_hwpt *hwpt);
/* What CFGI_CD names, and CFGI_CD_ALL, or CFGI_STE. */
void iommunest__sim_smmu_forget_context(struct sim_device *dev, uint32_t ssid,
					bool leaf);
void iommunest__sim_smmu_forget(struct sim_device *dev);

#endif /* IOMMUNEST_SIM_SMMU_CONTEXT_H */
