/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* Ordering points: from gathered commands to arrays, to the host, and on. */
#include <config.h>

#include "lib/abi.h"
#include "lib/smmuv3/queue/complete.h"
#include "lib/smmuv3/queue/gather.h"
#include "lib/smmuv3/queue/recover.h"

/* ---- To the host ---- */

/* What is gathered for a target: the guest's own commands, in their order. */
static void build_batch(const struct iommunest_smmuv3_cmdq *q, uint8_t slot)
{
	const struct smmu_window *window = &q->window;
	uint32_t count = 0;
	uint32_t at;

	for (at = window->first; at < window->end; at++) {
		const uint8_t owner = window->owner[at];

		if (owner == slot || owner == OWNER_ALL)
			smmu_put_entry(q->batch, count++, window->words[at],
				       smmu_index(q, at));
	}
	iommunest_batch_empty(q->batch);
	q->batch->count = count;
}

/* Sends the batch that was built for a target. */
static inline __attribute__((always_inline)) void
submit_batch(struct iommunest_smmuv3_cmdq *q, uint8_t slot,
	     struct iommunest_smmuv3_cmdq_result *result)
{
	const struct smmu_target target = q->targets.slots[slot];
	struct iommunest_reply reply;

	if (!q->batch->count)
		return;
	if (!iommunest_submit_at_once(target.ctx, target.viommu_id, q->batch,
				      &reply)) {
		iommunest__smmuv3_submit_in_full(q, &target, &reply, result);
		return;
	}
	if (q->trace)
		iommunest__smmuv3_show_call(q, &target);
	result->calls++;
	result->entries += q->batch->count;
}

/* All, whatever fails: a later one may fail at an earlier slot. */
static __attribute__((noinline)) void
submit_each(struct iommunest_smmuv3_cmdq *q,
	    struct iommunest_smmuv3_cmdq_result *result)
{
	uint8_t slot;

	for (slot = 0; slot < q->targets.end; slot++) {
		if (!smmu_is_sent_to(&q->targets.slots[slot]))
			continue;
		build_batch(q, slot);
		submit_batch(q, slot, result);
	}
}

static inline void submit_all(struct iommunest_smmuv3_cmdq *q,
			      struct iommunest_smmuv3_cmdq_result *result)
{
	if (!q->window.sole) {
		submit_each(q, result);
		return;
	}
	iommunest_batch_empty(q->batch);
	q->batch->count = q->window.n_forwarded;
	submit_batch(q, 0, result);
}

int iommunest__smmuv3_settle(struct iommunest_smmuv3_cmdq *q,
			     struct iommunest_smmuv3_cmdq_result *result)
{
	if (!smmu_gathered(q))
		return 0;
	if (q->window.n_forwarded)
		submit_all(q, result);
	return smmu_complete(q, result);
}

/* ---- In doubt ---- */

/* Whose they are now; a stream that is no target's has no device TLB. */
static int find_owners(struct iommunest_smmuv3_cmdq *q)
{
	uint32_t i, owner;
	int ret;

	for (i = 0; i < q->n_doubt; i++) {
		const uint64_t words[2] = { smmu_le64(q->doubt[i].cmd[0]) };

		ret = iommunest__smmuv3_find_owner(q, smmu_sid(words), &owner);
		if (ret)
			return ret;
		q->doubt_owner[i] = (uint8_t)owner;
	}
	return 0;
}

static __attribute__((noinline)) void
submit_doubt(struct iommunest_smmuv3_cmdq *q, uint8_t slot,
	     struct iommunest_smmuv3_cmdq_result *result)
{
	uint32_t i;

	iommunest_batch_empty(q->batch);
	for (i = 0; i < q->n_doubt; i++) {
		if (q->doubt_owner[i] == slot)
			iommunest_batch_push(q->batch, &q->doubt[i],
					     smmu_cons_index(q));
	}
	submit_batch(q, slot, result);
}

int iommunest__smmuv3_settle_doubt(struct iommunest_smmuv3_cmdq *q,
				   struct iommunest_smmuv3_cmdq_result *result)
{
	int ret = find_owners(q);
	uint8_t slot;

	smmu_window_rewind(&q->window);
	if (ret)
		q->failure = iommunest__smmuv3_fault_of_host(smmu_cons_index(q),
							     ret, 0);
	for (slot = 0; !ret && slot < q->targets.end; slot++) {
		if (smmu_is_sent_to(&q->targets.slots[slot]))
			submit_doubt(q, slot, result);
	}
	/* One may be cut off now. */
	smmu_window_start(q);
	if (!q->failure.cause) {
		q->n_doubt = 0;
		return 0;
	}
	/* CONS is at the same CMD_SYNC still. */
	if (smmu_cerror(q))
		q->failure.cerror = IOMMUNEST_SMMUV3_CERROR_ATC_INV_SYNC;
	return iommunest__smmuv3_halt(q);
}
