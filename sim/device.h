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

/* The device itself for 0.  NULL: the PASID is not attached. */
struct sim_device *iommunest__sim_device_pasid(struct sim_device *dev,
					       uint32_t pasid);
/* With PASID 0, of requests without a PASID. */
struct sim_attachment iommunest__sim_attachment(const struct iommunest_sim *sim,
						struct sim_device *dev,
						uint32_t pasid);
/* Whether an attached device uses its device TLB, and has commands sent. */
bool iommunest__sim_has_dev_tlb(const struct iommunest_sim *sim,
				const struct sim_device *dev);
/* Whether iommunest_sim_bind() takes these. */
bool iommunest__sim_is_bindable(uint32_t flags);
int iommunest__sim_bind(const struct iommunest_sim *sim,
			struct sim_file *iommufd, uint32_t flags,
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

/* ---- The driver's part, for a device or a PASID ---- */

/* Returns 0, or what the driver refuses the HWPT with. */
int iommunest__sim_driver_check(const struct iommunest_sim *sim,
				const struct sim_device *dev,
				const struct sim_hwpt *hwpt);
/* Takes it off the HWPT's list: nothing is cached or flushed for it. */
void iommunest__sim_device_block(struct sim_device *dev);
/* What is cached for it is dropped. */
void iommunest__sim_device_drop(struct sim_device *dev);
/* A device, or a PASID of it, did not answer: the device is cut off. */
void iommunest__sim_device_break(struct sim_device *dev);
/* The device, not a PASID, is being kept from new attachments. */
bool iommunest__sim_is_broken(const struct sim_device *dev);
/* It forgets what it had, and goes on with what it is attached to. */
void iommunest__sim_device_reset(struct sim_device *dev);
/* It is blocked, or has no HWPT.  An automatic HWPT goes with its last user. */
void iommunest__sim_device_leave(struct sim_file *iommufd,
				 struct sim_device *dev);
/* It has left.  With @on_list, the driver has it on the HWPT's list. */
void iommunest__sim_device_join(struct sim_device *dev, struct sim_hwpt *hwpt,
				bool on_list);

#endif /* IOMMUNEST_SIM_DEVICE_H */
