/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * After a submission, command by command in the order of the ring; then CONS
 * moves.
 */
#ifndef IOMMUNEST_SMMUV3_QUEUE_COMPLETE_H
#define IOMMUNEST_SMMUV3_QUEUE_COMPLETE_H

#include "lib/abi.h"
#include "lib/smmuv3/queue/queue.h"

/*
 * What is gathered is done, up to the slot in q->failure if there is one: tells
 * of it, completes each CMD_SYNC, and moves CONS.  What a callback returns may
 * become the failure.  Returns as iommunest__smmuv3_settle() does.
 */
int iommunest__smmuv3_complete(struct iommunest_smmuv3_cmdq *q,
			       struct iommunest_smmuv3_cmdq_result *result);

/* The queue halts at q->failure, and the guest sees that, if it is to. */
COLD int iommunest__smmuv3_halt(struct iommunest_smmuv3_cmdq *q);

#endif /* IOMMUNEST_SMMUV3_QUEUE_COMPLETE_H */
