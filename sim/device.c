/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* Simulated devices: bound and attached. */
#include "device.h"

#include <errno.h>

#include "cache.h"
#include "files.h"
#include "objects.h"
#include "registers.h"

bool iommunest__sim_has_dev_tlb(const struct iommunest_sim *sim,
				const struct sim_device *dev)
{
	return dev->ats && sim->profile->nested_ats;
}

int iommunest__sim_bind(struct sim_file *iommufd, uint32_t flags,
			uint32_t *dev_id)
{
	struct sim_device *dev;

	dev = iommunest__sim_object_new(iommufd, sizeof(*dev), SIM_DEVICE);
	if (!dev)
		return -ENOMEM;
	/* VFIO holds it. */
	dev->obj.users = 1;
	dev->ats = flags & IOMMUNEST_SIM_ATS;
	*dev_id = dev->obj.id;
	return 0;
}

EXPORT int iommunest_sim_bind(struct iommunest_sim *sim, int fd, uint32_t flags,
			      uint32_t *dev_id)
{
	struct sim_file *file = iommunest__sim_iommufd_get(sim, fd);

	if (!dev_id || flags & ~IOMMUNEST_SIM_ATS)
		return -EINVAL;
	if (!file)
		return -EBADF;
	return iommunest__sim_bind(file, flags, dev_id);
}

/*
 * All devices of an HWPT share its tag in the IOTLB.  So when one of them
 * leaves, everything that is cached of the HWPT is dropped.
 */
static void drop_cached(struct sim_device *dev)
{
	const struct sim_block all = { .all = true };

	iommunest__sim_iotlb_drop(&dev->hwpt->iotlb, &all, false);
	iommunest__sim_tlb_drop(&dev->tlb, &all);
}

/* Takes it off the driver's list: nothing is cached or flushed for it. */
static void block(struct sim_device *dev)
{
	struct sim_device **at;

	if (!dev->hwpt || dev->blocked)
		return;
	drop_cached(dev);
	for (at = &dev->hwpt->devices; *at != dev; at = &(*at)->next)
		;
	*at = dev->next;
	dev->next = NULL;
	dev->blocked = true;
}

static void unblock(struct sim_device *dev)
{
	struct sim_device **at;

	if (!dev->hwpt)
		return;
	for (at = &dev->hwpt->devices; *at; at = &(*at)->next)
		;
	*at = dev;
	dev->blocked = false;
}

/* The device is blocked, or was attached to nothing. */
static void leave(struct sim_device *dev)
{
	if (dev->hwpt)
		dev->hwpt->obj.users--;
	dev->hwpt = NULL;
}

static void join(struct sim_device *dev, struct sim_hwpt *hwpt)
{
	hwpt->obj.users++;
	dev->hwpt = hwpt;
	unblock(dev);
}

static bool is_hwpt(const struct sim_object *obj)
{
	return obj->type == SIM_HWPT_NESTED || obj->type == SIM_HWPT_PAGING;
}

static bool can_do(const struct iommunest_sim *sim, const struct sim_hwpt *hwpt)
{
	return hwpt->obj.type == SIM_HWPT_PAGING ||
	       iommunest__sim_can_stage1(sim, &hwpt->s1);
}

int iommunest__sim_attach(struct iommunest_sim *sim, struct sim_file *iommufd,
			  uint32_t dev_id, uint32_t hwpt_id)
{
	struct sim_device *dev = iommunest__sim_device_get(iommufd, dev_id);
	struct sim_object *obj = iommunest__sim_object_get(iommufd, hwpt_id);

	if (!dev || (!obj && hwpt_id))
		return -ENOENT;
	if (obj && !is_hwpt(obj))
		return -EINVAL;
	if (obj && (struct sim_hwpt *)obj == dev->hwpt)
		return 0;
	/* The driver blocks the device before it checks the new HWPT. */
	block(dev);
	if (obj && !can_do(sim, (struct sim_hwpt *)obj)) {
		/* Otherwise it stays blocked until another attach succeeds. */
		if (sim->profile->attach_rolls_back)
			unblock(dev);
		return -EINVAL;
	}
	leave(dev);
	if (obj)
		join(dev, (struct sim_hwpt *)obj);
	return 0;
}

EXPORT int iommunest_sim_attach(struct iommunest_sim *sim, int fd,
				uint32_t dev_id, uint32_t hwpt_id)
{
	struct sim_file *file = iommunest__sim_iommufd_get(sim, fd);

	if (!file)
		return -EBADF;
	return iommunest__sim_attach(sim, file, dev_id, hwpt_id);
}
