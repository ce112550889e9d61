/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* Page requests of simulated devices. */
#ifndef IOMMUNEST_SIM_PAGE_REQUEST_H
#define IOMMUNEST_SIM_PAGE_REQUEST_H

#include "internal.h"

/*
 * A group of one request, of a device whose requests are on.  @perm is as in
 * struct iommu_hwpt_pgfault.  Returns 0, -EINVAL (nobody handles it), -ENOMEM.
 */
int iommunest__sim_ask_for_page(struct iommunest_sim *sim,
				struct sim_device *dev, uint32_t pasid,
				uint64_t addr, uint32_t perm);

#endif /* IOMMUNEST_SIM_PAGE_REQUEST_H */
