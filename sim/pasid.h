/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* PASIDs of a device: attached and detached. */
#ifndef IOMMUNEST_SIM_PASID_H
#define IOMMUNEST_SIM_PASID_H

#include "internal.h"

/*
 * As iommunest__sim_attach(), for @pasid, which is not 0.  Returns that
 * function's errors, or -ENOMEM.
 */
int iommunest__sim_pasid_attach(const struct iommunest_sim *sim,
				struct sim_file *iommufd,
				struct sim_device *dev, uint32_t pasid,
				uint32_t pt_id);
/* Does nothing for one that is not attached. */
void iommunest__sim_pasid_detach(struct sim_file *iommufd,
				 struct sim_device *dev, uint32_t pasid);
void iommunest__sim_pasid_detach_all(struct sim_file *iommufd,
				     struct sim_device *dev);

#endif /* IOMMUNEST_SIM_PASID_H */
