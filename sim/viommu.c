/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * vIOMMUs and their virtual devices.  Only an SMMUv3 has them; for
 * a VT-d what is left are the checks before the kernel asks the driver, or
 * looks for the object.
 */
#include "viommu.h"

#include <errno.h>

#include "call.h"
#include "objects.h"

#define TYPE_SMMUV3 1u

/* Its answer could not be written. */
static int respond(struct sim_call *call, struct sim_object *obj, size_t len)
{
	int ret = iommunest__sim_call_respond(call, len);

	if (ret)
		iommunest__sim_object_destroy(call->file, obj);
	return ret;
}

static int check_viommu(const struct sim_call *call)
{
	const struct sim_viommu_alloc *cmd = &call->cmd.viommu;

	if (cmd->flags || !cmd->type)
		return -EOPNOTSUPP;
	if (!iommunest__sim_device_get(call->file, cmd->dev_id))
		return -ENOENT;
	if (!call->sim->profile->smmu || cmd->type != TYPE_SMMUV3)
		return -EOPNOTSUPP;
	return 0;
}

int iommunest__sim_viommu_alloc(struct sim_call *call)
{
	struct sim_viommu_alloc *cmd = &call->cmd.viommu;
	struct sim_viommu *viommu;
	struct sim_hwpt *parent;
	int ret = check_viommu(call);

	if (ret)
		return ret;
	parent = iommunest__sim_paging_get(call->file, cmd->hwpt_id);
	if (!parent)
		return -ENOENT;
	if (!parent->nest_parent)
		return -EINVAL;
	viommu = iommunest__sim_object_new(call->file, sizeof(*viommu),
					   SIM_VIOMMU);
	if (!viommu)
		return -ENOMEM;
	viommu->parent = parent;
	parent->obj.users++;
	/* 0 is the host's own.  They come round, and may be another's then. */
	while (!parent->vmid)
		parent->vmid = ++call->sim->vmid;
	cmd->out_id = viommu->obj.id;
	return respond(call, &viommu->obj, sizeof(*cmd));
}

static bool is_taken(const struct sim_file *file,
		     const struct sim_viommu *viommu, uint64_t virt_id)
{
	uint32_t id;

	for (id = 0; id < file->object_room; id++) {
		const struct sim_object *obj = file->objects[id];
		const struct sim_vdevice *vdevice = (const void *)obj;

		if (obj && obj->type == SIM_VDEVICE &&
		    vdevice->viommu == viommu && vdevice->virt_id == virt_id)
			return true;
	}
	return false;
}

int iommunest__sim_vdevice_alloc(struct sim_call *call)
{
	struct sim_vdevice_alloc *cmd = &call->cmd.vdevice;
	struct sim_viommu *viommu =
		iommunest__sim_viommu_get(call->file, cmd->viommu_id);
	struct sim_device *dev =
		iommunest__sim_device_get(call->file, cmd->dev_id);
	struct sim_vdevice *vdevice;

	if (!viommu || !dev)
		return -ENOENT;
	if (dev->vdevice || is_taken(call->file, viommu, cmd->virt_id))
		return -EEXIST;
	vdevice = iommunest__sim_object_new(call->file, sizeof(*vdevice),
					    SIM_VDEVICE);
	if (!vdevice)
		return -ENOMEM;
	vdevice->viommu = viommu;
	vdevice->dev = dev;
	vdevice->virt_id = cmd->virt_id;
	viommu->obj.users++;
	dev->vdevice = vdevice;
	cmd->out_id = vdevice->obj.id;
	return respond(call, &vdevice->obj, sizeof(*cmd));
}

int iommunest__sim_hw_queue_alloc(struct sim_call *call)
{
	const struct sim_hw_queue_alloc *cmd = &call->cmd.hw_queue;

	if (cmd->flags || !cmd->type)
		return -EOPNOTSUPP;
	if (cmd->length == 0)
		return -EINVAL;
	if (cmd->iova + cmd->length - 1 < cmd->iova)
		return -EOVERFLOW;
	/* No hardware here has any. */
	return iommunest__sim_viommu_get(call->file, cmd->viommu_id)
		       ? -EOPNOTSUPP
		       : -ENOENT;
}
