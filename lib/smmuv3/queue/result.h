/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* What a run tells the VMM at its end. */
#ifndef IOMMUNEST_SMMUV3_QUEUE_RESULT_H
#define IOMMUNEST_SMMUV3_QUEUE_RESULT_H

#include "lib/abi.h"
#include "lib/smmuv3/queue/queue.h"

static inline void smmu_show_fault(const struct smmu_fault *fault,
				   struct iommunest_smmuv3_cmdq_result *result)
{
	result->cause = fault->cause;
	result->index = fault->index;
	result->error = fault->error;
	result->reason = fault->reason;
	result->cookie = fault->cookie;
	result->driver_error = fault->driver_error;
}

/* *@out has the counts, and is zero otherwise; *@result is the VMM's. */
static inline void smmu_give_result(const struct iommunest_smmuv3_cmdq *q,
				    struct iommunest_smmuv3_cmdq_result *out,
				    struct iommunest_smmuv3_cmdq_result *result)
{
	out->cons = smmu_cons_register(q);
	out->gerror = q->gerror;
	out->gerror_changed = q->gerror ^ q->gerror_before;
	if (q->fault.cause)
		smmu_show_fault(&q->fault, out);
	iommunest_copy_out(result, out, sizeof(*out));
}

#endif /* IOMMUNEST_SMMUV3_QUEUE_RESULT_H */
