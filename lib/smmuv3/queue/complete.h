/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * After a submission, command by command in the order of the ring; then CONS
 * moves.  What nearly every one ends with is inline: only CMD_SYNCs are left.
 */
#ifndef IOMMUNEST_SMMUV3_QUEUE_COMPLETE_H
#define IOMMUNEST_SMMUV3_QUEUE_COMPLETE_H

#include "lib/abi.h"
#include "lib/smmuv3/queue/gather.h"

/* The MSI of a CMD_SYNC could not be written. */
COLD void iommunest__smmuv3_show_msi_failure(struct iommunest_smmuv3_cmdq *q);

/* Before CONS passes it: Linux polls its slot, and uses it again after that. */
static inline void smmu_complete_sync(struct iommunest_smmuv3_cmdq *q,
				      uint32_t at)
{
	const uint64_t *words = q->window.words[at];
	const uint64_t addr = words[1] & CMD1_MSIADDR;
	const uint32_t index = smmu_index(q, at);

	if (smmu_get(words[0], CMD0_CS) != IOMMUNEST_SMMUV3_SIGNAL_IRQ)
		return;
	if (!addr || !(q->flags & IOMMUNEST_SMMUV3_CMDQ_MSI))
		q->ops.interrupt(q->vmm, index);
	else if (q->ops.write_msi(q->vmm, index, addr,
				  (uint32_t)smmu_get(words[0], CMD0_MSIDATA)) <
		 0)
		iommunest__smmuv3_show_msi_failure(q);
}

static inline void smmu_publish(const struct iommunest_smmuv3_cmdq *q)
{
	if (q->ops.publish)
		q->ops.publish(q->vmm, smmu_cons_register(q), q->gerror);
}

/* All before @at is done. */
static inline void smmu_move_cons(struct iommunest_smmuv3_cmdq *q, uint32_t at,
				  struct iommunest_smmuv3_cmdq_result *result)
{
	const uint32_t done = at - q->window.first;

	q->cons = (q->cons + done) & smmu_position_mask(q);
	result->commands += done;
	smmu_window_start(q);
	q->n_skips = 0;
}

/*
 * What is gathered is done, up to the slot in q->failure if there is one: tells
 * of it, completes each CMD_SYNC, and moves CONS.  What a callback returns may
 * become the failure.  Returns as iommunest__smmuv3_settle() does.
 */
int iommunest__smmuv3_complete_each(
	struct iommunest_smmuv3_cmdq *q,
	struct iommunest_smmuv3_cmdq_result *result);

/* The same, where nearly always there is nobody to tell of anything. */
static inline int smmu_complete(struct iommunest_smmuv3_cmdq *q,
				struct iommunest_smmuv3_cmdq_result *result)
{
	const struct smmu_window *window = &q->window;
	const uint32_t syncs = window->n_syncs;
	uint32_t i;

	if (q->failure.cause || window->n_others || q->ops.forwarded ||
	    q->n_skips)
		return iommunest__smmuv3_complete_each(q, result);
	for (i = 0; i < syncs; i++)
		smmu_complete_sync(q, window->syncs[i]);
	result->syncs += syncs;
	result->forwarded += window->n_forwarded;
	smmu_move_cons(q, window->end, result);
	smmu_publish(q);
	return 0;
}

/* The queue halts at q->failure, and the guest sees that, if it is to. */
COLD int iommunest__smmuv3_halt(struct iommunest_smmuv3_cmdq *q);

#endif /* IOMMUNEST_SMMUV3_QUEUE_COMPLETE_H */
