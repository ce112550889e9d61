/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * VT-d has no vIOMMU, so none of these succeeds: what is left are the checks
 * before the kernel asks the driver, or looks for the object.
 */
#include "viommu.h"

#include <errno.h>

#include "objects.h"

#define MAX_EVENTS (1u << 19)

int iommunest__sim_viommu_alloc(struct sim_call *call)
{
	const struct sim_viommu_alloc *cmd = &call->cmd.viommu;

	if (cmd->flags || !cmd->type)
		return -EOPNOTSUPP;
	if (!iommunest__sim_device_get(call->file, cmd->dev_id))
		return -ENOENT;
	return -EOPNOTSUPP;
}

int iommunest__sim_vdevice_alloc(struct sim_call *call)
{
	(void)call;
	return -ENOENT;
}

int iommunest__sim_veventq_alloc(struct sim_call *call)
{
	const struct sim_veventq_alloc *cmd = &call->cmd.veventq;

	if (cmd->flags || cmd->reserved || !cmd->type)
		return -EOPNOTSUPP;
	if (cmd->depth == 0 || cmd->depth > MAX_EVENTS)
		return -EINVAL;
	return -ENOENT;
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
	return -ENOENT;
}
