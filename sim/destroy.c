/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* IOMMU_DESTROY. */
#include "destroy.h"

#include <errno.h>

#include "objects.h"

int iommunest__sim_destroy(struct sim_call *call)
{
	struct sim_object *obj =
		iommunest__sim_object_get(call->file, call->cmd.destroy.id);

	if (!obj)
		return -ENOENT;
	if (obj->users > 0)
		return -EBUSY;
	iommunest__sim_object_destroy(call->file, obj);
	return 0;
}
