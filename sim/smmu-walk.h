/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* How an SMMUv3 translates an address of a device that has a stage 1. */
#ifndef IOMMUNEST_SIM_SMMU_WALK_H
#define IOMMUNEST_SIM_SMMU_WALK_H

#include "walk.h"

/*
 * Finds the page of the access, which is within one, in the caches or by a
 * walk, which fills them.  Returns 0, -EFAULT (see the reason), -ENOMEM.
 */
int iommunest__sim_smmu_translate(struct sim_access *access,
				  struct sim_device *dev,
				  struct sim_entry *page);

#endif /* IOMMUNEST_SIM_SMMU_WALK_H */
