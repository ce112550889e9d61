/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* Simulated devices: bound and attached. */
#include "device.h"

#include <errno.h>

#include "cache.h"
#include "fault-queue.h"
#include "files.h"
#include "hwpt.h"
#include "iopt.h"
#include "lock.h"
#include "objects.h"
#include "ranges.h"
#include "registers.h"
#include "smmu.h"
#include "smmu-cache.h"
#include "smmu-context.h"
#include "walk.h"

/* Where the IOMMU takes a write for an interrupt. */
#define MSI_FIRST 0xfee00000u
#define MSI_LAST 0xfeefffffu
/* Where Linux maps the doorbells that an SMMUv3 translates. */
#define SMMU_MSI_FIRST 0x8000000u
#define SMMU_MSI_LAST 0x80fffffu

bool iommunest__sim_is_broken(const struct sim_device *dev)
{
	return dev->owner ? dev->owner->broken : dev->broken;
}

bool iommunest__sim_has_dev_tlb(const struct iommunest_sim *sim,
				const struct sim_device *dev)
{
	const bool nested = dev->hwpt && dev->hwpt->obj.type == SIM_HWPT_NESTED;

	if (sim->profile->smmu && dev->hwpt &&
	    (!iommunest__sim_smmu_has_ats(&sim->smmu_info) ||
	     !iommunest__sim_smmu_allows_ats(dev->hwpt)))
		return false;
	return dev->ats && !iommunest__sim_is_broken(dev) &&
	       (!nested || sim->profile->nested_ats);
}

struct sim_device *iommunest__sim_device_pasid(struct sim_device *dev,
					       uint32_t pasid)
{
	if (pasid == 0)
		return dev;
	for (dev = dev->pasids; dev; dev = dev->pasids) {
		if (dev->pasid == pasid)
			return dev;
	}
	return NULL;
}

struct sim_attachment iommunest__sim_attachment(const struct iommunest_sim *sim,
						struct sim_device *dev,
						uint32_t pasid)
{
	struct sim_attachment attachment = { 0 };

	dev = iommunest__sim_device_pasid(dev, pasid);
	if (!dev || dev->blocked || dev->silent ||
	    iommunest__sim_is_broken(dev))
		return attachment;
	if (sim->profile->smmu && dev->hwpt &&
	    iommunest__sim_smmu_aborts(dev->hwpt))
		return attachment;
	attachment.hwpt = dev->hwpt;
	if (iommunest__sim_has_dev_tlb(sim, dev))
		attachment.tlb = &dev->tlb;
	return attachment;
}

bool iommunest__sim_is_bindable(uint32_t flags)
{
	const uint32_t known =
		IOMMUNEST_SIM_ATS | IOMMUNEST_SIM_PRI | IOMMUNEST_SIM_NO_PASID;

	if (flags & IOMMUNEST_SIM_PRI && !(flags & IOMMUNEST_SIM_ATS))
		return false;
	return !(flags & ~known);
}

int iommunest__sim_bind(const struct iommunest_sim *sim,
			struct sim_file *iommufd, uint32_t flags,
			uint32_t *dev_id)
{
	struct sim_device *dev;

	dev = iommunest__sim_object_new(iommufd, sizeof(*dev), SIM_DEVICE);
	if (!dev)
		return -ENOMEM;
	/* VFIO holds it. */
	dev->obj.users = 1;
	dev->ats = flags & IOMMUNEST_SIM_ATS;
	dev->pri = flags & IOMMUNEST_SIM_PRI;
	if (!(flags & IOMMUNEST_SIM_NO_PASID))
		dev->pasid_width = iommunest__sim_pasid_width(sim);
	*dev_id = dev->obj.id;
	return 0;
}

EXPORT int iommunest_sim_bind(struct iommunest_sim *sim, int fd, uint32_t flags,
			      uint32_t *dev_id)
{
	SIM_LOCKED(sim);
	struct sim_file *file = iommunest__sim_iommufd_get(sim, fd);

	if (!dev_id || !iommunest__sim_is_bindable(flags))
		return -EINVAL;
	if (!file)
		return -EBADF;
	return iommunest__sim_bind(sim, file, flags, dev_id);
}

/*
 * All devices of an HWPT share its tag in the IOTLB.  So when one of them
 * leaves, everything that is cached of the HWPT is dropped.
 */
void iommunest__sim_device_drop(struct sim_device *dev)
{
	const struct sim_block all = { .all = true };

	iommunest__sim_iotlb_drop(&dev->hwpt->iotlb, &all, false);
	iommunest__sim_tlb_drop(&dev->tlb, &all);
	/* A new STE is followed by CFGI_STE. */
	iommunest__sim_smmu_forget(dev);
}

static void empty_tlbs(struct sim_device *dev)
{
	const struct sim_block all = { .all = true };

	for (; dev; dev = dev->pasids)
		iommunest__sim_tlb_drop(&dev->tlb, &all);
}

void iommunest__sim_device_break(struct sim_device *dev)
{
	if (dev->owner)
		dev = dev->owner;
	/* It can use nothing of them before it is reset. */
	empty_tlbs(dev);
	dev->broken = true;
}

void iommunest__sim_device_reset(struct sim_device *dev)
{
	empty_tlbs(dev);
	dev->broken = false;
}

void iommunest__sim_device_block(struct sim_device *dev)
{
	struct sim_device **at;

	if (!dev->hwpt || dev->blocked)
		return;
	iommunest__sim_device_drop(dev);
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

static struct sim_ioas *ioas_of(const struct sim_hwpt *hwpt)
{
	if (hwpt->obj.type == SIM_HWPT_NESTED)
		hwpt = iommunest__sim_parent(hwpt);
	return (struct sim_ioas *)hwpt->base;
}

/* An SMMUv3's driver clears a VMID that nobody uses. */
static void untag(struct sim_hwpt *paging)
{
	if (--paging->tagged == 0)
		iommunest__sim_asids_free(&paging->asids);
}

void iommunest__sim_device_leave(struct sim_file *iommufd,
				 struct sim_device *dev)
{
	struct sim_hwpt *hwpt = dev->hwpt;

	dev->hwpt = NULL;
	dev->told = NULL;
	if (!hwpt)
		return;
	untag(iommunest__sim_stage2_of(hwpt));
	if (hwpt->fault_queue)
		iommunest__sim_fault_queue_leave(hwpt->fault_queue, dev);
	hwpt->obj.users--;
	if (hwpt->automatic && hwpt->obj.users == 0)
		iommunest__sim_object_destroy(iommufd, &hwpt->obj);
}

/* It stays the same when the vDEVICE is destroyed. */
static void set_told(struct sim_device *dev)
{
	const struct sim_vdevice *vdevice = dev->vdevice;

	if (!vdevice || &vdevice->viommu->obj != dev->hwpt->base)
		return;
	dev->told = vdevice->viommu;
	dev->told_stream = (uint32_t)vdevice->virt_id;
}

void iommunest__sim_device_join(struct sim_device *dev, struct sim_hwpt *hwpt,
				bool on_list)
{
	hwpt->obj.users++;
	iommunest__sim_stage2_of(hwpt)->tagged++;
	dev->hwpt = hwpt;
	set_told(dev);
	dev->blocked = true;
	dev->silent = false;
	if (on_list)
		unblock(dev);
}

static bool lacks_requests(const struct sim_device *dev,
			   const struct sim_hwpt *hwpt)
{
	return hwpt->fault_queue && !dev->pri;
}

int iommunest__sim_driver_check(const struct iommunest_sim *sim,
				const struct sim_device *dev,
				const struct sim_hwpt *hwpt)
{
	if (lacks_requests(dev, hwpt))
		return -ENODEV;
	if (sim->profile->smmu)
		return iommunest__sim_smmu_check_attach(dev, hwpt);
	if (hwpt->obj.type == SIM_HWPT_NESTED &&
	    !iommunest__sim_can_stage1(sim, &hwpt->s1))
		return -EINVAL;
	return 0;
}

/* Nothing is mapped where the device's interrupts go. */
static int reserve_msi(const struct iommunest_sim *sim, struct sim_ioas *ioas,
		       const struct sim_device *dev)
{
	if (dev->hwpt && ioas_of(dev->hwpt) == ioas)
		return 0;
	if (sim->profile->smmu)
		return iommunest__sim_iopt_reserve(ioas, SMMU_MSI_FIRST,
						   SMMU_MSI_LAST, dev);
	return iommunest__sim_iopt_reserve(ioas, MSI_FIRST, MSI_LAST, dev);
}

/*
 * The kernel gives up the addresses in the IOAS of the new HWPT, also where
 * that is the one of the old HWPT.
 */
static int give_up(struct sim_device *dev, struct sim_ioas *ioas, int error)
{
	iommunest__sim_ranges_remove(&ioas->reserved, dev);
	return error;
}

/* Refused by the driver. */
static int refuse(const struct iommunest_sim *sim, struct sim_device *dev,
		  struct sim_ioas *ioas, int error)
{
	/* Otherwise it stays blocked until another attach succeeds. */
	if (sim->profile->attach_rolls_back)
		unblock(dev);
	return give_up(dev, ioas, error);
}

/* While PASIDs are attached, all that the device has is for them. */
static bool fits_pasids(const struct sim_device *dev,
			const struct sim_hwpt *hwpt)
{
	return !dev->pasids || hwpt->for_pasids;
}

static int attach_hwpt(const struct iommunest_sim *sim,
		       struct sim_file *iommufd, struct sim_device *dev,
		       struct sim_hwpt *hwpt)
{
	struct sim_ioas *ioas = ioas_of(hwpt);
	int ret;

	if (hwpt == dev->hwpt)
		return 0;
	ret = reserve_msi(sim, ioas, dev);
	if (ret)
		return ret;
	if (!fits_pasids(dev, hwpt))
		return give_up(dev, ioas, -EINVAL);
	if (sim->profile->requests_first && lacks_requests(dev, hwpt))
		return give_up(dev, ioas, -ENODEV);
	if (dev->broken)
		return give_up(dev, ioas, -EBUSY);
	/* The driver blocks the device before it checks the new HWPT. */
	iommunest__sim_device_block(dev);
	ret = iommunest__sim_driver_check(sim, dev, hwpt);
	if (ret)
		return refuse(sim, dev, ioas, ret);
	if (dev->hwpt && ioas_of(dev->hwpt) != ioas)
		iommunest__sim_ranges_remove(&ioas_of(dev->hwpt)->reserved,
					     dev);
	/* What both have in common stays in use, and cached. */
	iommunest__sim_stage2_of(hwpt)->tagged++;
	iommunest__sim_device_leave(iommufd, dev);
	if (!hwpt->fault_queue)
		iommunest__sim_requests_free(dev);
	iommunest__sim_device_join(dev, hwpt, true);
	iommunest__sim_stage2_of(hwpt)->tagged--;
	return 0;
}

/*
 * A device without an HWPT is attached before the new HWPT is filled; one that
 * has an HWPT keeps it until the new one is complete.
 */
static int attach_new(const struct iommunest_sim *sim, struct sim_file *iommufd,
		      struct sim_device *dev, struct sim_ioas *ioas,
		      struct sim_hwpt *hwpt)
{
	const bool replaces = dev->hwpt;
	int ret;

	if (replaces) {
		ret = iommunest__sim_iopt_add_hwpt(sim, ioas, hwpt);
		return ret ? ret : attach_hwpt(sim, iommufd, dev, hwpt);
	}
	ret = attach_hwpt(sim, iommufd, dev, hwpt);
	if (ret)
		return ret;
	ret = iommunest__sim_iopt_add_hwpt(sim, ioas, hwpt);
	if (ret)
		iommunest__sim_detach(iommufd, dev);
	return ret;
}

/* Only HWPTs that were made here are picked. */
static int attach_ioas(const struct iommunest_sim *sim,
		       struct sim_file *iommufd, struct sim_device *dev,
		       struct sim_ioas *ioas, uint32_t *hwpt_id)
{
	struct sim_hwpt *hwpt;
	int ret;

	for (hwpt = ioas->hwpts; hwpt; hwpt = hwpt->next) {
		if (!hwpt->automatic)
			continue;
		*hwpt_id = hwpt->obj.id;
		ret = attach_hwpt(sim, iommufd, dev, hwpt);
		if (ret != -EINVAL)
			return ret;
	}
	ret = iommunest__sim_hwpt_new_paging(sim, iommufd, ioas, 0, &hwpt);
	if (ret)
		return ret;
	*hwpt_id = hwpt->obj.id;
	ret = attach_new(sim, iommufd, dev, ioas, hwpt);
	if (ret)
		iommunest__sim_object_destroy(iommufd, &hwpt->obj);
	else
		hwpt->automatic = true;
	return ret;
}

int iommunest__sim_attach(const struct iommunest_sim *sim,
			  struct sim_file *iommufd, struct sim_device *dev,
			  uint32_t *pt_id)
{
	struct sim_object *obj = iommunest__sim_object_get(iommufd, *pt_id);

	if (!obj)
		return -ENOENT;
	switch (obj->type) {
	case SIM_HWPT_PAGING:
	case SIM_HWPT_NESTED:
		return attach_hwpt(sim, iommufd, dev, (struct sim_hwpt *)obj);
	case SIM_IOAS:
		return attach_ioas(sim, iommufd, dev, (struct sim_ioas *)obj,
				   pt_id);
	case SIM_DEVICE:
	case SIM_FAULT_QUEUE:
	case SIM_VIOMMU:
	case SIM_VDEVICE:
	case SIM_VEVENTQ:
		break;
	}
	return -EINVAL;
}

void iommunest__sim_detach(struct sim_file *iommufd, struct sim_device *dev)
{
	if (!dev->hwpt)
		return;
	iommunest__sim_device_block(dev);
	iommunest__sim_ranges_remove(&ioas_of(dev->hwpt)->reserved, dev);
	iommunest__sim_device_leave(iommufd, dev);
	iommunest__sim_requests_free(dev);
}

EXPORT int iommunest_sim_attach(struct iommunest_sim *sim, int fd,
				uint32_t dev_id, uint32_t pt_id)
{
	SIM_LOCKED(sim);
	struct sim_file *file = iommunest__sim_iommufd_get(sim, fd);
	struct sim_device *dev;

	if (!file)
		return -EBADF;
	dev = iommunest__sim_device_get(file, dev_id);
	if (!dev)
		return -ENOENT;
	if (pt_id)
		return iommunest__sim_attach(sim, file, dev, &pt_id);
	iommunest__sim_detach(file, dev);
	return 0;
}
