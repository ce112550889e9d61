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

/* What goes beside the counts. */
static inline void smmu_fill_result(const struct iommunest_smmuv3_cmdq *q,
				    struct iommunest_smmuv3_cmdq_result *out)
{
	out->cons = smmu_cons_register(q);
	out->gerror = q->gerror;
	out->gerror_changed = q->gerror ^ q->gerror_before;
	if (q->fault.cause)
		smmu_show_fault(&q->fault, out);
}

#endif /* IOMMUNEST_SMMUV3_QUEUE_RESULT_H */
