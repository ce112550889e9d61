/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * PASIDs of a device: attached and detached.  iommufd keeps account of them for
 * any device; the driver is told only of one that has PASIDs.
 */
#include "pasid.h"

#include <errno.h>
#include <stdlib.h>

#include "cache.h"
#include "device.h"
#include "files.h"
#include "hwpt.h"
#include "iopt.h"
#include "lock.h"
#include "objects.h"

/* Of all that the device has, each has to be made for PASIDs. */
static bool fits(const struct sim_device *dev, const struct sim_hwpt *hwpt)
{
	return hwpt->for_pasids && (!dev->hwpt || dev->hwpt->for_pasids);
}

static struct sim_device *new_entry(struct sim_device *dev, uint32_t pasid)
{
	struct sim_device *entry = calloc(1, sizeof(*entry));

	if (!entry)
		return NULL;
	entry->obj.id = dev->obj.id;
	entry->obj.type = SIM_DEVICE;
	entry->ats = dev->ats;
	entry->pri = dev->pri;
	entry->pasid_width = dev->pasid_width;
	entry->pasid = pasid;
	entry->owner = dev;
	return entry;
}

static void add(struct sim_device *dev, struct sim_device *entry)
{
	entry->pasids = dev->pasids;
	dev->pasids = entry;
}

static int attach_new(const struct iommunest_sim *sim, struct sim_device *dev,
		      uint32_t pasid, struct sim_hwpt *hwpt)
{
	struct sim_device *entry;
	int ret;

	if (dev->pasid_width && pasid >> dev->pasid_width)
		return -EINVAL;
	if (dev->broken)
		return -EBUSY;
	ret = dev->pasid_width ? iommunest__sim_driver_check(sim, dev, hwpt)
			       : 0;
	if (ret)
		return ret;
	entry = new_entry(dev, pasid);
	if (!entry)
		return -ENOMEM;
	iommunest__sim_device_join(entry, hwpt, dev->pasid_width > 0);
	add(dev, entry);
	return 0;
}

/*
 * The driver clears the PASID's entry before it looks at the new stage 1, but
 * after it saw whether there are page requests.  Where the stage 1 is refused,
 * the entry stays cleared, and the driver goes on flushing for the old HWPT.
 */
static int replace(const struct iommunest_sim *sim, struct sim_file *iommufd,
		   struct sim_device *entry, struct sim_hwpt *hwpt)
{
	const bool told = entry->pasid_width > 0;
	int ret;

	if (iommunest__sim_is_broken(entry))
		return -EBUSY;
	ret = told ? iommunest__sim_driver_check(sim, entry, hwpt) : 0;
	if (ret == -EINVAL) {
		iommunest__sim_device_drop(entry);
		entry->silent = true;
	}
	if (ret)
		return ret;
	iommunest__sim_device_block(entry);
	iommunest__sim_device_leave(iommufd, entry);
	iommunest__sim_device_join(entry, hwpt, told);
	return 0;
}

static int attach_hwpt(const struct iommunest_sim *sim,
		       struct sim_file *iommufd, struct sim_device *dev,
		       uint32_t pasid, struct sim_hwpt *hwpt)
{
	struct sim_device *entry = iommunest__sim_device_pasid(dev, pasid);

	if (entry && entry->hwpt == hwpt)
		return 0;
	if (!fits(dev, hwpt))
		return -EINVAL;
	return entry ? replace(sim, iommufd, entry, hwpt)
		     : attach_new(sim, dev, pasid, hwpt);
}

/* The HWPT that the kernel makes for it has no PASIDs. */
static int refuse_ioas(const struct iommunest_sim *sim,
		       struct sim_file *iommufd, struct sim_ioas *ioas,
		       bool replaces)
{
	struct sim_hwpt *hwpt;
	int ret = iommunest__sim_hwpt_new_paging(sim, iommufd, ioas, 0, &hwpt);

	if (ret)
		return ret;
	if (replaces)
		ret = iommunest__sim_iopt_add_hwpt(sim, ioas, hwpt);
	iommunest__sim_object_destroy(iommufd, &hwpt->obj);
	return ret ? ret : -EINVAL;
}

int iommunest__sim_pasid_attach(const struct iommunest_sim *sim,
				struct sim_file *iommufd,
				struct sim_device *dev, uint32_t pasid,
				uint32_t pt_id)
{
	struct sim_object *obj = iommunest__sim_object_get(iommufd, pt_id);

	if (!obj)
		return -ENOENT;
	if (obj->type == SIM_IOAS)
		return refuse_ioas(sim, iommufd, (struct sim_ioas *)obj,
				   iommunest__sim_device_pasid(dev, pasid));
	if (obj->type != SIM_HWPT_PAGING && obj->type != SIM_HWPT_NESTED)
		return -EINVAL;
	return attach_hwpt(sim, iommufd, dev, pasid, (struct sim_hwpt *)obj);
}

void iommunest__sim_pasid_detach(struct sim_file *iommufd,
				 struct sim_device *dev, uint32_t pasid)
{
	struct sim_device *entry;

	while (dev->pasids && dev->pasids->pasid != pasid)
		dev = dev->pasids;
	entry = dev->pasids;
	if (!entry)
		return;
	dev->pasids = entry->pasids;
	iommunest__sim_device_block(entry);
	iommunest__sim_device_leave(iommufd, entry);
	iommunest__sim_tlb_free(&entry->tlb);
	free(entry);
}

void iommunest__sim_pasid_detach_all(struct sim_file *iommufd,
				     struct sim_device *dev)
{
	while (dev->pasids)
		iommunest__sim_pasid_detach(iommufd, dev, dev->pasids->pasid);
}

EXPORT int iommunest_sim_attach_pasid(struct iommunest_sim *sim, int fd,
				      uint32_t dev_id, uint32_t pasid,
				      uint32_t pt_id)
{
	SIM_LOCKED(sim);
	struct sim_file *file = iommunest__sim_iommufd_get(sim, fd);
	struct sim_device *dev;

	if (!file)
		return -EBADF;
	dev = iommunest__sim_device_get(file, dev_id);
	if (!dev)
		return -ENOENT;
	if (pasid == 0 || pasid > IOMMUNEST_PASID_MAX)
		return -EINVAL;
	if (!sim->profile->has_pasids)
		return -EOPNOTSUPP;
	if (pt_id)
		return iommunest__sim_pasid_attach(sim, file, dev, pasid,
						   pt_id);
	iommunest__sim_pasid_detach(file, dev, pasid);
	return 0;
}
