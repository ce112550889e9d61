/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * IOMMU_HWPT_ALLOC.  The checks are in the kernel's order, because a caller
 * with two mistakes sees which comes first.
 */
#include "hwpt.h"

#include <errno.h>

#include "call.h"
#include "iopt.h"
#include "objects.h"
#include "registers.h"
#include "smmu.h"
#include "uapi-newer.h"
#include "user-memory.h"

#define NEST_PARENT ((uint32_t)IOMMU_HWPT_ALLOC_NEST_PARENT)
#define DIRTY ((uint32_t)IOMMU_HWPT_ALLOC_DIRTY_TRACKING)
#define FAULT_ID ((uint32_t)IOMMU_HWPT_FAULT_ID_VALID)

static struct sim_hwpt *new_hwpt(struct sim_file *file, enum sim_type type,
				 struct sim_object *base)
{
	struct sim_hwpt *hwpt =
		iommunest__sim_object_new(file, sizeof(*hwpt), type);

	if (!hwpt)
		return NULL;
	hwpt->base = base;
	base->users++;
	return hwpt;
}

/* Only plain HWPTs, and not in all kernels. */
static bool is_first_stage(const struct iommunest_sim *sim, uint32_t flags)
{
	return sim->profile->prefers_first_stage &&
	       !(flags & (NEST_PARENT | DIRTY)) &&
	       iommunest__sim_can_first_stage(sim);
}

static bool can_page(const struct iommunest_sim *sim, uint32_t flags)
{
	return !sim->profile->checks_stage || is_first_stage(sim, flags) ||
	       iommunest__sim_can_second_stage(sim);
}

/* Any mistake here is the same errno. */
static int check_paging(const struct iommunest_sim *sim,
			const struct iommu_hwpt_alloc *cmd)
{
	if (cmd->flags & ~sim->profile->paging_flags || cmd->data_len)
		return -EOPNOTSUPP;
	if (cmd->flags & NEST_PARENT && sim->profile->smmu &&
	    cmd->flags != NEST_PARENT)
		return -EOPNOTSUPP;
	if (cmd->flags & FAULT_ID && cmd->flags & NEST_PARENT)
		return -EOPNOTSUPP;
	if (cmd->flags & DIRTY && !iommunest__sim_can_track_dirty(sim))
		return -EOPNOTSUPP;
	if (cmd->flags & NEST_PARENT && !iommunest__sim_can_nest(sim))
		return -EOPNOTSUPP;
	return 0;
}

int iommunest__sim_hwpt_new_paging(const struct iommunest_sim *sim,
				   struct sim_file *file, struct sim_ioas *ioas,
				   uint32_t flags, struct sim_hwpt **hwpt)
{
	if (!can_page(sim, flags))
		return -EOPNOTSUPP;
	*hwpt = new_hwpt(file, SIM_HWPT_PAGING, &ioas->obj);
	if (!*hwpt)
		return -ENOMEM;
	(*hwpt)->nest_parent = flags & NEST_PARENT;
	(*hwpt)->for_pasids = flags & HWPT_ALLOC_PASID;
	(*hwpt)->can_track_dirty = flags & DIRTY;
	(*hwpt)->first_stage = is_first_stage(sim, flags);
	return 0;
}

static int alloc_paging(struct sim_call *call, struct sim_ioas *ioas,
			struct sim_hwpt **hwpt)
{
	const struct iommu_hwpt_alloc *cmd = &call->cmd.hwpt_alloc;
	int ret = check_paging(call->sim, cmd);

	if (!ret)
		ret = iommunest__sim_hwpt_new_paging(call->sim, call->file,
						     ioas, cmd->flags, hwpt);
	if (ret)
		return ret;
	ret = iommunest__sim_iopt_add_hwpt(call->sim, ioas, *hwpt);
	if (ret)
		iommunest__sim_object_destroy(call->file, &(*hwpt)->obj);
	return ret;
}

/* The contents of the stage 1 are checked when a device is attached. */
static int check_nested(struct sim_call *call, const struct sim_hwpt *parent,
			struct iommu_hwpt_vtd_s1 *s1)
{
	const struct iommu_hwpt_alloc *cmd = &call->cmd.hwpt_alloc;

	if (cmd->flags & ~call->sim->profile->nested_flags || !cmd->data_len)
		return -EOPNOTSUPP;
	/* Below a vIOMMU only. */
	if (call->sim->profile->smmu)
		return -EOPNOTSUPP;
	if (parent->automatic || !parent->nest_parent)
		return -EINVAL;
	if (!iommunest__sim_can_nest(call->sim) ||
	    cmd->data_type != IOMMU_HWPT_DATA_VTD_S1)
		return -EOPNOTSUPP;
	if (cmd->data_len != sizeof(*s1))
		return -EINVAL;
	return iommunest__sim_user_read(call->sim, s1, cmd->data_uptr,
					sizeof(*s1));
}

static int alloc_nested(struct sim_call *call, struct sim_object *base,
			struct sim_hwpt **hwpt)
{
	struct iommu_hwpt_vtd_s1 s1;
	int ret = check_nested(call, (const struct sim_hwpt *)base, &s1);

	if (ret)
		return ret;
	*hwpt = new_hwpt(call->file, SIM_HWPT_NESTED, base);
	if (!*hwpt)
		return -ENOMEM;
	(*hwpt)->s1 = s1;
	(*hwpt)->for_pasids = call->cmd.hwpt_alloc.flags & HWPT_ALLOC_PASID;
	return 0;
}

/* On an SMMUv3. */
static int alloc_on_viommu(struct sim_call *call, struct sim_object *base,
			   struct sim_hwpt **hwpt)
{
	uint64_t ste[2];
	int ret = iommunest__sim_smmu_read_ste(call, ste);

	if (ret)
		return ret;
	*hwpt = new_hwpt(call->file, SIM_HWPT_NESTED, base);
	if (!*hwpt)
		return -ENOMEM;
	(*hwpt)->ste[0] = ste[0];
	(*hwpt)->ste[1] = ste[1];
	return 0;
}

static int check_alloc(const struct iommu_hwpt_alloc *cmd)
{
	if (cmd->__reserved)
		return -EOPNOTSUPP;
	if ((cmd->data_type == IOMMU_HWPT_DATA_NONE) != (cmd->data_len == 0))
		return -EINVAL;
	return 0;
}

static int alloc(struct sim_call *call, struct sim_hwpt **hwpt)
{
	const struct iommu_hwpt_alloc *cmd = &call->cmd.hwpt_alloc;
	struct sim_object *base;
	int ret = check_alloc(cmd);

	if (ret)
		return ret;
	if (!iommunest__sim_device_get(call->file, cmd->dev_id))
		return -ENOENT;
	base = iommunest__sim_object_get(call->file, cmd->pt_id);
	if (base && base->type == SIM_IOAS)
		return alloc_paging(call, (struct sim_ioas *)base, hwpt);
	if (base && base->type == SIM_HWPT_PAGING)
		return alloc_nested(call, base, hwpt);
	if (base && base->type == SIM_VIOMMU)
		return alloc_on_viommu(call, base, hwpt);
	return -EINVAL;
}

static int use_queue(const struct sim_call *call, struct sim_hwpt *hwpt)
{
	struct sim_fault_queue *queue = iommunest__sim_fault_queue_get(
		call->file, call->cmd.hwpt_alloc.fault_id);

	if (!queue)
		return -ENOENT;
	queue->obj.users++;
	hwpt->fault_queue = queue;
	return 0;
}

int iommunest__sim_hwpt_alloc(struct sim_call *call)
{
	struct iommu_hwpt_alloc *cmd = &call->cmd.hwpt_alloc;
	struct sim_hwpt *hwpt;
	int ret = alloc(call, &hwpt);

	if (ret)
		return ret;
	cmd->out_hwpt_id = hwpt->obj.id;
	if (cmd->flags & FAULT_ID)
		ret = use_queue(call, hwpt);
	if (!ret)
		ret = iommunest__sim_call_respond(call, sizeof(*cmd));
	if (ret)
		iommunest__sim_object_destroy(call->file, &hwpt->obj);
	return ret;
}
