/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* A guest's command for an SMMUv3, and the host's. */
#ifndef IOMMUNEST_SIM_SMMU_COMMAND_H
#define IOMMUNEST_SIM_SMMU_COMMAND_H

#include "internal.h"

enum {
	SIM_SMMU_CFGI_CD = 0x05,
	SIM_SMMU_CFGI_CD_ALL = 0x06,
	SIM_SMMU_NH_ALL = 0x10,
	SIM_SMMU_NH_ASID = 0x11,
	SIM_SMMU_NH_VA = 0x12,
	SIM_SMMU_NH_VAA = 0x13,
	SIM_SMMU_NSNH_ALL = 0x30,
	SIM_SMMU_ATC_INV = 0x40,
	/* With which the driver waits. */
	SIM_SMMU_SYNC = 0x46,
};

/*
 * Makes the command the host's: its VMID, its stream.  Returns 0, or -EIO as
 * the driver does where it takes no such command.
 */
int iommunest__sim_smmu_convert(const struct sim_call *call,
				const struct sim_viommu *viommu,
				uint64_t word[2]);
/* The id of the device that has a stream of the host's. */
uint32_t iommunest__sim_smmu_device(uint64_t stream);

#endif /* IOMMUNEST_SIM_SMMU_COMMAND_H */
