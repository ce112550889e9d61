/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* Hardware page tables: the host's, and nested ones of any vendor. */
#include "lib/uapi/uapi.h"

#include "lib/abi.h"
#include "lib/context.h"
#include "lib/error-report.h"

_Static_assert(IOMMUNEST_HWPT_NEST_PARENT == IOMMU_HWPT_ALLOC_NEST_PARENT,
	       "uAPI flag");
_Static_assert(IOMMUNEST_HWPT_DIRTY_TRACKING == IOMMU_HWPT_ALLOC_DIRTY_TRACKING,
	       "uAPI flag");
_Static_assert(IOMMUNEST_HWPT_FAULT_ID == IOMMU_HWPT_FAULT_ID_VALID,
	       "uAPI flag");

static int hwpt_alloc(struct iommunest_ctx *ctx, struct iommu_hwpt_alloc *cmd,
		      uint32_t *hwpt_id)
{
	int ret = iommunest__ioctl(ctx, IOMMU_HWPT_ALLOC, cmd);

	if (ret < 0)
		return ret;
	*hwpt_id = cmd->out_hwpt_id;
	/* The object that had the id may have been destroyed by hand. */
	iommunest__extension_forget(ctx, *hwpt_id);
	return 0;
}

EXPORT int iommunest_hwpt_alloc_parent(struct iommunest_ctx *ctx,
				       uint32_t dev_id, uint32_t ioas_id,
				       uint32_t *hwpt_id)
{
	struct iommu_hwpt_alloc cmd = {
		.size = sizeof(cmd),
		.flags = IOMMU_HWPT_ALLOC_NEST_PARENT,
		.dev_id = dev_id,
		.pt_id = ioas_id,
	};

	if (!ctx || !hwpt_id)
		return -EINVAL;
	return hwpt_alloc(ctx, &cmd, hwpt_id);
}

/* A fault queue without its flag: the kernel would not look at it. */
static bool has_lost_fault_id(uint32_t flags, uint32_t fault_id)
{
	return fault_id && !(flags & IOMMUNEST_HWPT_FAULT_ID);
}

EXPORT int iommunest_hwpt_alloc_paging(
	struct iommunest_ctx *ctx, uint32_t dev_id, uint32_t ioas_id,
	const struct iommunest_paging_hwpt *paging, uint32_t *hwpt_id)
{
	struct iommunest_paging_hwpt in;
	struct iommu_hwpt_alloc cmd = {
		.size = sizeof(cmd),
		.dev_id = dev_id,
		.pt_id = ioas_id,
	};
	int ret;

	if (!ctx || !paging || !hwpt_id)
		return -EINVAL;
	ret = iommunest_copy_in(&in, sizeof(in), paging,
				END_OF(struct iommunest_paging_hwpt, fault_id));
	if (ret)
		return ret;
	if (has_lost_fault_id(in.flags, in.fault_id))
		return -EINVAL;
	cmd.flags = in.flags;
	cmd.fault_id = in.fault_id;
	return hwpt_alloc(ctx, &cmd, hwpt_id);
}

static int check_nested(const struct iommunest_nested_hwpt *nested)
{
	if (!nested->data || !nested->data_len ||
	    has_lost_fault_id(nested->flags, nested->fault_id))
		return -EINVAL;
	return 0;
}

EXPORT int iommunest_hwpt_alloc_nested(
	struct iommunest_ctx *ctx, uint32_t dev_id, uint32_t parent_id,
	const struct iommunest_nested_hwpt *nested, uint32_t *hwpt_id)
{
	struct iommunest_nested_hwpt in;
	struct iommu_hwpt_alloc cmd = {
		.size = sizeof(cmd),
		.dev_id = dev_id,
		.pt_id = parent_id,
	};
	int ret;

	if (!ctx || !nested || !hwpt_id)
		return -EINVAL;
	ret = iommunest_copy_in(&in, sizeof(in), nested,
				END_OF(struct iommunest_nested_hwpt, fault_id));
	if (!ret)
		ret = check_nested(&in);
	if (ret)
		return ret;
	cmd.flags = in.flags;
	cmd.data_type = in.data_type;
	cmd.data_len = in.data_len;
	cmd.data_uptr = (uintptr_t)in.data;
	cmd.fault_id = in.fault_id;
	return hwpt_alloc(ctx, &cmd, hwpt_id);
}
