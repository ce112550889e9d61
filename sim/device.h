/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* Simulated devices: bound and attached. */
#ifndef IOMMUNEST_SIM_DEVICE_H
#define IOMMUNEST_SIM_DEVICE_H

#include "internal.h"

/* What the requests of a device are translated with. */
struct sim_attachment {
	/* NULL: they are blocked. */
	struct sim_hwpt *hwpt;
	/* The device's own TLB; NULL: it has none. */
	struct sim_tlb *tlb;
};

/* With PASID 0, of requests without a PASID.  Only those can be attached. */
struct sim_attachment iommunest__sim_attachment(const struct iommunest_sim *sim,
						struct sim_device *dev,
						uint32_t pasid);
/* Whether an attached device uses its device TLB. */
bool iommunest__sim_has_dev_tlb(const struct iommunest_sim *sim,
				const struct sim_device *dev);
int iommunest__sim_bind(struct sim_file *iommufd, uint32_t flags,
			uint32_t *dev_id);
/*
 * *@pt_id is an HWPT, or an IOAS whose HWPT is chosen or made; then that one is
 * stored.  Returns 0, -ENOENT (no such id), -EINVAL, or what adding an HWPT to
 * an IOAS fails with.
 */
int iommunest__sim_attach(const struct iommunest_sim *sim,
			  struct sim_file *iommufd, struct sim_device *dev,
			  uint32_t *pt_id);
/* Does nothing for a device that is not attached. */
void iommunest__sim_detach(struct sim_file *iommufd, struct sim_device *dev);

#endif /* IOMMUNEST_SIM_DEVICE_H */
