/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* IOMMU_HWPT_ALLOC. */
#ifndef IOMMUNEST_SIM_HWPT_H
#define IOMMUNEST_SIM_HWPT_H

#include "internal.h"

int iommunest__sim_hwpt_alloc(struct sim_call *call);

/*
 * Makes a paging HWPT that is not added to its IOAS yet.  Returns 0,
 * -EOPNOTSUPP (the hardware has no stage for it), -ENOMEM.
 */
int iommunest__sim_hwpt_new_paging(const struct iommunest_sim *sim,
				   struct sim_file *file, struct sim_ioas *ioas,
				   uint32_t flags, struct sim_hwpt **hwpt);

#endif /* IOMMUNEST_SIM_HWPT_H */
