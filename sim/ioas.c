/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* The ioctls of an I/O address space, except those that map. */
#include "ioas.h"

#include <errno.h>

#include "call.h"
#include "iopt.h"
#include "iova.h"
#include "objects.h"
#include "ranges.h"
#include "user-memory.h"

int iommunest__sim_ioas_alloc(struct sim_call *call)
{
	struct sim_ioas *ioas;
	int ret;

	if (call->cmd.ioas_alloc.flags)
		return -EOPNOTSUPP;
	ioas = iommunest__sim_object_new(call->file, sizeof(*ioas), SIM_IOAS);
	if (!ioas)
		return -ENOMEM;
	ioas->alignment = 1;
	call->cmd.ioas_alloc.out_ioas_id = ioas->obj.id;
	ret = iommunest__sim_call_respond(call, sizeof(call->cmd.ioas_alloc));
	if (ret)
		iommunest__sim_object_destroy(call->file, &ioas->obj);
	return ret;
}

/* ---- Ranges ---- */

static int write_range(const struct iommunest_sim *sim, uint64_t array,
		       uint32_t index, const struct sim_range *range)
{
	const struct iommu_iova_range out = {
		.start = range->first,
		.last = range->last,
	};

	return iommunest__sim_user_write(sim, array + index * sizeof(out), &out,
					 sizeof(out));
}

/* Counts all ranges, and writes those that there is room for. */
static int write_ranges(struct sim_call *call, const struct sim_ioas *ioas)
{
	struct iommu_ioas_iova_ranges *cmd = &call->cmd.iova_ranges;
	const uint32_t room = cmd->num_iovas;
	struct sim_range part = { .last = UINT64_MAX };
	uint64_t from = 0;

	cmd->num_iovas = 0;
	while (iommunest__sim_iova_usable(ioas, from, &part)) {
		if (cmd->num_iovas < room &&
		    write_range(call->sim, cmd->allowed_iovas, cmd->num_iovas,
				&part))
			return -EFAULT;
		cmd->num_iovas++;
		if (part.last == UINT64_MAX)
			break;
		from = part.last + 1;
	}
	return cmd->num_iovas > room ? -EMSGSIZE : 0;
}

/* The count is returned even where there is no room. */
int iommunest__sim_ioas_iova_ranges(struct sim_call *call)
{
	struct iommu_ioas_iova_ranges *cmd = &call->cmd.iova_ranges;
	const struct sim_ioas *ioas;
	int ret;

	if (cmd->__reserved)
		return -EOPNOTSUPP;
	ioas = iommunest__sim_ioas_get(call->file, cmd->ioas_id);
	if (!ioas)
		return -ENOENT;
	cmd->out_iova_alignment = ioas->alignment;
	ret = write_ranges(call, ioas);
	if (ret == -EFAULT)
		return ret;
	if (iommunest__sim_call_respond(call, sizeof(*cmd)))
		return -EFAULT;
	return ret;
}

/* A range of one address is refused, too. */
static int load_range(const struct iommunest_sim *sim, uint64_t from,
		      struct sim_ranges *ranges)
{
	struct iommu_iova_range range;

	if (iommunest__sim_user_read(sim, &range, from, sizeof(range)))
		return -EFAULT;
	if (range.start >= range.last ||
	    iommunest__sim_ranges_find(ranges, range.start, range.last))
		return -EINVAL;
	return iommunest__sim_ranges_add(ranges, range.start, range.last, NULL);
}

static int check_reserved(const struct sim_ioas *ioas,
			  const struct sim_ranges *allowed)
{
	size_t i;

	for (i = 0; i < allowed->count; i++) {
		if (iommunest__sim_ranges_find(&ioas->reserved,
					       allowed->all[i].first,
					       allowed->all[i].last))
			return -EADDRINUSE;
	}
	return 0;
}

int iommunest__sim_ioas_allow_iovas(struct sim_call *call)
{
	const struct iommu_ioas_allow_iovas *cmd = &call->cmd.allow_iovas;
	struct sim_ranges allowed = { 0 };
	struct sim_ioas *ioas;
	uint32_t i;
	int ret = 0;

	if (cmd->__reserved)
		return -EOPNOTSUPP;
	ioas = iommunest__sim_ioas_get(call->file, cmd->ioas_id);
	if (!ioas)
		return -ENOENT;
	for (i = 0; i < cmd->num_iovas && !ret; i++)
		ret = load_range(call->sim,
				 cmd->allowed_iovas +
					 i * sizeof(struct iommu_iova_range),
				 &allowed);
	if (!ret)
		ret = check_reserved(ioas, &allowed);
	if (ret) {
		iommunest__sim_ranges_free(&allowed);
		return ret;
	}
	iommunest__sim_ranges_free(&ioas->allowed);
	ioas->allowed = allowed;
	return 0;
}

/* ---- Options ---- */

/* Setting it takes CAP_SYS_RESOURCE, which everybody here has. */
static int rlimit_mode(struct sim_call *call)
{
	struct iommu_option *cmd = &call->cmd.option;
	struct sim_file *file = call->file;

	if (cmd->object_id)
		return -EOPNOTSUPP;
	if (cmd->op == IOMMU_OPTION_OP_GET) {
		cmd->val64 = file->counts_by_process;
		return 0;
	}
	if (cmd->op != IOMMU_OPTION_OP_SET)
		return -EOPNOTSUPP;
	if (file->object_count > 0)
		return -EBUSY;
	if (cmd->val64 > 1)
		return -EINVAL;
	file->counts_by_process = cmd->val64;
	return 0;
}

static int huge_pages(struct sim_call *call)
{
	struct iommu_option *cmd = &call->cmd.option;
	struct sim_ioas *ioas =
		iommunest__sim_ioas_get(call->file, cmd->object_id);

	if (!ioas)
		return -ENOENT;
	if (cmd->op == IOMMU_OPTION_OP_GET) {
		cmd->val64 = !ioas->small_pages;
		return 0;
	}
	if (cmd->op != IOMMU_OPTION_OP_SET)
		return -EOPNOTSUPP;
	if (cmd->val64 > 1)
		return -EINVAL;
	return iommunest__sim_iopt_use_small_pages(ioas, cmd->val64 == 0);
}

int iommunest__sim_option(struct sim_call *call)
{
	const size_t at = offsetof(struct iommu_option, val64);
	struct iommu_option *cmd = &call->cmd.option;
	int ret;

	if (cmd->__reserved)
		return -EOPNOTSUPP;
	if (cmd->option_id == IOMMU_OPTION_RLIMIT_MODE)
		ret = rlimit_mode(call);
	else if (cmd->option_id == IOMMU_OPTION_HUGE_PAGES)
		ret = huge_pages(call);
	else
		ret = -EOPNOTSUPP;
	if (ret)
		return ret;
	return iommunest__sim_user_write(call->sim, call->arg + at, &cmd->val64,
					 sizeof(cmd->val64));
}

/* ---- The IOAS that VFIO's containers use ---- */

int iommunest__sim_vfio_ioas(struct sim_call *call)
{
	struct sim_vfio_ioas *cmd = &call->cmd.vfio_ioas;
	struct sim_ioas *ioas;

	if (cmd->reserved)
		return -EOPNOTSUPP;
	switch (cmd->op) {
	case VFIO_IOAS_GET:
		if (!call->file->vfio_ioas)
			return -ENODEV;
		cmd->ioas_id = call->file->vfio_ioas->obj.id;
		return iommunest__sim_call_respond(call, sizeof(*cmd));
	case VFIO_IOAS_SET:
		ioas = iommunest__sim_ioas_get(call->file, cmd->ioas_id);
		if (!ioas)
			return -ENOENT;
		call->file->vfio_ioas = ioas;
		return 0;
	case VFIO_IOAS_CLEAR:
		call->file->vfio_ioas = NULL;
		return 0;
	default:
		return -EOPNOTSUPP;
	}
}
