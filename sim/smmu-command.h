/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* A guest's command for an SMMUv3, and the host's. */
#ifndef IOMMUNEST_SIM_SMMU_COMMAND_H
#define IOMMUNEST_SIM_SMMU_COMMAND_H

#include "internal.h"

/* CMD_SYNC, with which the driver waits. */
#define SIM_SMMU_SYNC 0x46u

/*
 * Makes the command the host's: its VMID, its stream.  Returns 0, or -EIO as
 * the driver does where it takes no such command.
 */
int iommunest__sim_smmu_convert(const struct sim_call *call,
				const struct sim_viommu *viommu,
				uint64_t word[2]);

#endif /* IOMMUNEST_SIM_SMMU_COMMAND_H */
