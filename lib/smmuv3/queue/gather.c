/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* Whose a stream is. */
#include <config.h>

#include "lib/abi.h"
#include "lib/smmuv3/queue/gather.h"

/* The VMM names it; only targets that were added are known. */
static int ask_for_owner(const struct iommunest_smmuv3_cmdq *q, uint32_t sid,
			 uint32_t *owner)
{
	struct iommunest_smmuv3_target target =
		IOMMUNEST_INIT(struct iommunest_smmuv3_target);
	int ret = q->ops.stream(q->vmm, sid, &target);

	if (ret < 0)
		return ret;
	switch (ret) {
	case IOMMUNEST_SMMUV3_STREAM_NOBODY:
		*owner = OWNER_NOBODY;
		return 0;
	case IOMMUNEST_SMMUV3_STREAM_VMM:
		*owner = OWNER_VMM;
		return 0;
	case IOMMUNEST_SMMUV3_STREAM_TARGET:
		*owner = iommunest__smmuv3_targets_find(&q->targets, target.ctx,
							target.viommu_id);
		return target.ctx && *owner != OWNER_NOBODY ? 0 : -ENOENT;
	default:
		return -EINVAL;
	}
}

int iommunest__smmuv3_find_owner(const struct iommunest_smmuv3_cmdq *q,
				 uint32_t sid, uint32_t *owner)
{
	if (q->ops.stream)
		return ask_for_owner(q, sid, owner);
	*owner = smmu_streams_owner(&q->targets, sid);
	return 0;
}
