/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* The rest of a target's submission, which the batch holds. */
#ifndef IOMMUNEST_SMMUV3_QUEUE_RECOVER_H
#define IOMMUNEST_SMMUV3_QUEUE_RECOVER_H

#include "lib/abi.h"
#include "lib/submit.h"
#include "lib/smmuv3/queue/queue.h"

/* The trace is shown the call that handled all. */
void iommunest__smmuv3_show_call(struct iommunest_smmuv3_cmdq *q,
				 const struct smmu_target *target);

/*
 * What one call did not do, from @first on.  *@target is the caller's own copy,
 * as a callback may remove the target.  What nothing heals becomes q->failure.
 */
COLD void
iommunest__smmuv3_submit_in_full(struct iommunest_smmuv3_cmdq *q,
				 const struct smmu_target *target,
				 const struct iommunest_reply *first,
				 struct iommunest_smmuv3_cmdq_result *result);

#endif /* IOMMUNEST_SMMUV3_QUEUE_RECOVER_H */
