/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* IOMMU_IOAS_ALLOC. */
#include "ioas.h"

#include <errno.h>

#include "call.h"
#include "objects.h"

int iommunest__sim_ioas_alloc(struct sim_call *call)
{
	struct sim_object *ioas;
	int ret;

	if (call->cmd.ioas_alloc.flags)
		return -EOPNOTSUPP;
	ioas = iommunest__sim_object_new(call->file, sizeof(*ioas), SIM_IOAS);
	if (!ioas)
		return -ENOMEM;
	call->cmd.ioas_alloc.out_ioas_id = ioas->id;
	ret = iommunest__sim_call_respond(call, sizeof(call->cmd.ioas_alloc));
	if (ret)
		iommunest__sim_object_destroy(call->file, ioas);
	return ret;
}
