/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Simulated devices: bound, asked about, attached. */
#include "device.h"

#include <errno.h>

#include "cache.h"
#include "dispatch.h"
#include "files.h"
#include "objects.h"
#include "registers.h"
#include "user-memory.h"

/* Newer than the headers that this may be built with. */
#define INPUT_TYPE (1u << 0)
#define CAP_DIRTY_TRACKING (1u << 0)
#define CAP_PCI_ATS_NOT_SUPPORTED (1u << 3)

int iommunest__sim_bind(struct sim_file *iommufd, uint32_t flags,
			uint32_t *dev_id)
{
	struct sim_device *dev;

	dev = iommunest__sim_object_new(iommufd, sizeof(*dev), SIM_DEVICE);
	if (!dev)
		return -ENOMEM;
	/* The driver that bound it. */
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
 * The IOTLB's tag is the HWPT's, whoever filled it: all of it goes with any
 * of its devices.
 */
static void drop_cached(struct sim_device *dev)
{
	const struct sim_block all = { .all = true };

	iommunest__sim_iotlb_drop(&dev->hwpt->iotlb, &all, false);
	iommunest__sim_tlb_drop(&dev->tlb, &all);
}

/* Off the driver's list: nothing is translated or flushed for it. */
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

/* Blocked, or nowhere. */
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
	/* The driver blocks the device before it looks at the new one. */
	block(dev);
	if (obj && !can_do(sim, (struct sim_hwpt *)obj)) {
		/* 7.3 leaves it so, until it is attached to something else. */
		if (sim_is_6_12(sim))
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

static int check_hw_info(const struct iommunest_sim *sim,
			 const struct iommu_hw_info *cmd)
{
	const uint32_t flags = sim_is_6_12(sim) ? 0 : INPUT_TYPE;

	if (cmd->flags & ~flags)
		return -EOPNOTSUPP;
	if (cmd->__reserved[0] || cmd->__reserved[1] || cmd->__reserved[2])
		return -EOPNOTSUPP;
	return 0;
}

static int write_data(const struct iommunest_sim *sim,
		      const struct iommu_hw_info *cmd)
{
	const struct iommu_hw_info_vtd vtd = {
		.flags = IOMMU_HW_INFO_VTD_ERRATA_772415_SPR17,
		.cap_reg = sim->cap,
		.ecap_reg = sim->ecap,
	};
	uint32_t len =
		cmd->data_len < sizeof(vtd) ? cmd->data_len : sizeof(vtd);
	int ret = iommunest__sim_user_write(sim, cmd->data_uptr, &vtd, len);

	if (ret || len == cmd->data_len)
		return ret;
	return iommunest__sim_user_clear(sim, cmd->data_uptr + len,
					 cmd->data_len - len);
}

int iommunest__sim_hw_info(struct sim_call *call)
{
	const struct iommunest_sim *sim = call->sim;
	struct iommu_hw_info *cmd = &call->cmd.hw_info;
	const struct sim_device *dev;
	int ret = check_hw_info(sim, cmd);

	if (ret)
		return ret;
	dev = iommunest__sim_device_get(call->file, cmd->dev_id);
	if (!dev)
		return -ENOENT;
	if (cmd->flags & INPUT_TYPE &&
	    cmd->out_data_type != IOMMU_HW_INFO_TYPE_NONE &&
	    cmd->out_data_type != IOMMU_HW_INFO_TYPE_INTEL_VTD)
		return -EOPNOTSUPP;
	ret = write_data(sim, cmd);
	if (ret)
		return ret;
	cmd->out_data_type = IOMMU_HW_INFO_TYPE_INTEL_VTD;
	cmd->data_len = sizeof(struct iommu_hw_info_vtd);
	cmd->out_max_pasid_log2 = (uint8_t)iommunest__sim_pasid_width(sim);
	cmd->out_capabilities = 0;
	if (iommunest__sim_can_track_dirty(sim))
		cmd->out_capabilities |= CAP_DIRTY_TRACKING;
	if (!sim_is_6_12(sim) && !dev->ats)
		cmd->out_capabilities |= CAP_PCI_ATS_NOT_SUPPORTED;
	return iommunest__sim_respond(call, sizeof(*cmd));
}
