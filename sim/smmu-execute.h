/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* What the hardware does with a vIOMMU's commands. */
#ifndef IOMMUNEST_SIM_SMMU_EXECUTE_H
#define IOMMUNEST_SIM_SMMU_EXECUTE_H

#include "internal.h"

/* A command after iommunest__sim_smmu_convert(). */
void iommunest__sim_smmu_execute(const struct sim_file *file,
				 const struct sim_viommu *viommu,
				 const uint64_t word[2]);

#endif /* IOMMUNEST_SIM_SMMU_EXECUTE_H */
