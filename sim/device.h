/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* Simulated devices: bound and attached. */
#ifndef IOMMUNEST_SIM_DEVICE_H
#define IOMMUNEST_SIM_DEVICE_H

#include "internal.h"

/* Whether a device on a nested HWPT uses its device TLB. */
bool iommunest__sim_has_dev_tlb(const struct iommunest_sim *sim,
				const struct sim_device *dev);
int iommunest__sim_bind(struct sim_file *iommufd, uint32_t flags,
			uint32_t *dev_id);
/* @hwpt_id 0: detaches. */
int iommunest__sim_attach(struct iommunest_sim *sim, struct sim_file *iommufd,
			  uint32_t dev_id, uint32_t hwpt_id);

#endif /* IOMMUNEST_SIM_DEVICE_H */
