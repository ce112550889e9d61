/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * What a target's submission comes to where it is not one call that handles
 * all: failures, and what heals them.
 */
#include <config.h>

#include "lib/abi.h"
#include "lib/smmuv3/queue/gather.h"
#include "lib/smmuv3/queue/recover.h"

/* One submission, and what its callbacks need. */
struct submitting {
	struct iommunest_smmuv3_cmdq *q;
	const struct smmu_target *target;
	/* The calls to come flush all of the target. */
	bool flushes_all;
	struct iommunest_smmuv3_cmdq_result *result;
};

/* What failed: which slot, and why. */
struct smmu_failure {
	uint32_t index;
	int error;
	uint32_t driver_error;
};

/* The slot of the ring that an entry is named after. */
static uint32_t slot_of(const struct iommunest_batch *batch, uint32_t entry)
{
	return (uint32_t)batch->cookies[entry];
}

/* ---- To the host ---- */

static void trace_call(void *user, const struct iommunest_call *call)
{
	const struct submitting *submitting = user;
	const struct iommunest_smmuv3_cmdq *q = submitting->q;
	struct iommunest_call copy = *call;

	copy.flush_all |= submitting->flushes_all;
	q->trace(q->vmm, submitting->target->cookie, &copy);
}

/* A call of which it is not known what failed is no entry's fault. */
static enum iommunest_answer
skip_entry(void *user, const struct iommunest_failure *failure, void *entry)
{
	const struct submitting *submitting = user;
	struct iommunest_smmuv3_cmdq *q = submitting->q;
	struct smmu_window *window = &q->window;
	const uint32_t index = slot_of(q->batch, failure->index);

	(void)entry;
	if (failure->last_index != failure->index)
		return IOMMUNEST_ANSWER_STOP;
	q->skips[q->n_skips++] = (struct smmu_skip){
		.cookie = submitting->target->cookie,
		.index = index,
		.error = failure->error,
	};
	window->kind[window->first + smmu_distance(q, index)] = KIND_SKIPPED;
	return IOMMUNEST_ANSWER_SKIP;
}

/* From @first on, which is what became of a call of all, if it was made. */
static int submit_batch(struct submitting *submitting,
			struct iommunest_batch *batch, uint32_t policy,
			const struct iommunest_reply *first,
			struct iommunest_report *report)
{
	const struct smmu_target *target = submitting->target;
	const struct iommunest_submit_options options = {
		.policy = policy,
		.max_stalls = IOMMUNEST_DEFAULT_STALLS,
		.ask = skip_entry,
		.trace = submitting->q->trace ? trace_call : NULL,
		.user = submitting,
	};
	int ret;

	*report = (struct iommunest_report){ 0 };
	ret = iommunest__submit(target->ctx, target->viommu_id, batch, &options,
				report, first);
	submitting->result->calls += report->calls;
	submitting->result->entries += report->handled;
	return ret;
}

/* ---- What heals a failure ---- */

/* A stream of pending commands, and whether its device TLB is meant. */
struct stream {
	uint32_t sid;
	bool ats;
};

/* Each stream once; returns how many. */
static uint32_t find_streams(const struct iommunest_smmuv3_cmdq *q,
			     struct stream streams[SMMU_GROUP])
{
	const struct iommunest_batch *batch = q->batch;
	uint32_t count = 0;
	uint32_t i, k;

	for (i = batch->cursor; i < batch->count; i++) {
		const struct iommunest_smmuv3_entry *entry =
			iommunest_batch_at(batch, i);
		const uint64_t words[2] = { smmu_le64(entry->cmd[0]) };
		const uint32_t action =
			iommunest__smmuv3_actions[(uint8_t)words[0]];
		const uint8_t class = q->rules[action].class;

		if (class == CLASS_TLBI)
			continue;
		for (k = 0; k < count; k++) {
			if (streams[k].sid == smmu_sid(words))
				break;
		}
		if (k == count)
			streams[count++] =
				(struct stream){ smmu_sid(words), false };
		streams[k].ats |= class == CLASS_ATC;
	}
	return count;
}

static int send_all(struct submitting *flushing, uint32_t index)
{
	const struct iommunest_reply none = { .made = false };
	struct iommunest_batch *all = flushing->q->all;
	struct iommunest_report report;
	uint32_t i;

	for (i = 0; i < all->count; i++)
		all->cookies[i] = index;
	return submit_batch(flushing, all, IOMMUNEST_POLICY_STOP, &none,
			    &report);
}

static int flush_config(struct submitting *flushing,
			const struct stream *streams, uint32_t count,
			uint32_t index)
{
	struct iommunest_batch *all = flushing->q->all;
	struct iommunest_smmuv3_entry entry;
	uint32_t i;

	iommunest_batch_empty(all);
	for (i = 0; i < count; i++) {
		iommunest_smmuv3_cfgi_cd_all(&entry, streams[i].sid);
		iommunest_batch_push(all, &entry, 0);
	}
	return send_all(flushing, index);
}

static int flush_tlb(struct submitting *flushing, uint32_t index)
{
	struct iommunest_batch *all = flushing->q->all;
	struct iommunest_smmuv3_entry entry;

	iommunest_batch_empty(all);
	iommunest_smmuv3_tlbi_nsnh_all(&entry);
	iommunest_batch_push(all, &entry, 0);
	return send_all(flushing, index);
}

static int flush_devices(struct submitting *flushing,
			 const struct stream *streams, uint32_t count,
			 uint32_t index)
{
	struct iommunest_batch *all = flushing->q->all;
	struct iommunest_smmuv3_entry entry;
	uint32_t i;

	iommunest_batch_empty(all);
	for (i = 0; i < count; i++) {
		if (!streams[i].ats)
			continue;
		iommunest_smmuv3_atc_inv(&entry, streams[i].sid,
					 IOMMUNEST_SMMUV3_NO_SSID, 0,
					 IOMMUNEST_SMMUV3_ATC_ALL);
		iommunest_batch_push(all, &entry, 0);
	}
	return send_all(flushing, index);
}

/*
 * All that the pending commands can mean, each done before the next, as a
 * device fills its TLB from what is above.
 */
static int flush_all(const struct submitting *submitting, uint32_t index)
{
	struct submitting flushing = *submitting;
	struct stream streams[SMMU_GROUP];
	uint32_t count;
	int ret;

	flushing.flushes_all = true;
	count = find_streams(flushing.q, streams);
	ret = flush_config(&flushing, streams, count, index);
	if (!ret)
		ret = flush_tlb(&flushing, index);
	if (!ret)
		ret = flush_devices(&flushing, streams, count, index);
	return ret;
}

/* The target, where it was not removed since; else NULL. */
static struct smmu_target *find_target(struct iommunest_smmuv3_cmdq *q,
				       const struct smmu_target *target)
{
	const uint8_t slot = iommunest__smmuv3_targets_find(
		&q->targets, target->ctx, target->viommu_id);

	return slot == OWNER_NOBODY ? NULL : &q->targets.slots[slot];
}

static void mark_isolated(struct iommunest_smmuv3_cmdq *q,
			  const struct smmu_target *target, bool isolated)
{
	struct smmu_target *now = find_target(q, target);

	if (now)
		now->isolated = isolated;
}

/* What is detached has nothing cached. */
static bool isolate(const struct submitting *submitting,
		    const struct smmu_failure *failure)
{
	struct iommunest_smmuv3_cmdq *q = submitting->q;
	const struct smmu_target *target = submitting->target;

	if (!q->ops.isolate)
		return false;
	/* Before, because the VMM may add the target again at once. */
	mark_isolated(q, target, true);
	if (q->ops.isolate(q->vmm, target->cookie, failure->index,
			   failure->error, failure->driver_error) >= 0)
		return true;
	mark_isolated(q, target, false);
	return false;
}

static bool heal(const struct submitting *submitting,
		 const struct smmu_failure *failure)
{
	const struct iommunest_smmuv3_cmdq *q = submitting->q;

	if (q->policy != IOMMUNEST_SMMUV3_CMDQ_HEAL)
		return false;
	if (flush_all(submitting, failure->index))
		return isolate(submitting, failure);
	if (q->ops.healed)
		q->ops.healed(q->vmm, submitting->target->cookie,
			      failure->index, failure->error,
			      failure->driver_error);
	return true;
}

/* ---- Submission ---- */

/* The earliest slot wins. */
static void note_failure(const struct submitting *submitting, uint32_t index,
			 const struct smmu_failure *failure)
{
	struct iommunest_smmuv3_cmdq *q = submitting->q;
	struct smmu_fault fault = iommunest__smmuv3_fault_of_host(
		index, failure->error, smmu_cerror(q));

	fault.cookie = submitting->target->cookie;
	fault.driver_error = failure->driver_error;
	if (!q->failure.cause ||
	    smmu_distance(q, index) < smmu_distance(q, q->failure.index))
		q->failure = fault;
}

void iommunest__smmuv3_show_call(struct iommunest_smmuv3_cmdq *q,
				 const struct smmu_target *target)
{
	struct submitting submitting = { .q = q, .target = target };
	const struct iommunest_call call =
		iommunest_call_at_once(target->viommu_id, q->batch, 0);

	trace_call(&submitting, &call);
}

COLD void
iommunest__smmuv3_submit_in_full(struct iommunest_smmuv3_cmdq *q,
				 const struct smmu_target *target,
				 const struct iommunest_reply *first,
				 struct iommunest_smmuv3_cmdq_result *result)
{
	const bool skips =
		q->policy == IOMMUNEST_SMMUV3_CMDQ_SKIP && smmu_gathered(q);
	struct submitting submitting = {
		.q = q,
		.target = target,
		.result = result,
	};
	struct iommunest_report report;
	struct smmu_failure failure;
	int ret;

	ret = submit_batch(&submitting, q->batch,
			   skips ? IOMMUNEST_POLICY_ASK : IOMMUNEST_POLICY_STOP,
			   first, &report);
	if (ret >= 0)
		return;
	failure = (struct smmu_failure){
		.index = report.blame == IOMMUNEST_BLAME_ENTRY
				 ? (uint32_t)report.cookie
				 : slot_of(q->batch, q->batch->cursor),
		.error = ret,
		.driver_error = report.driver_error,
	};
	/* Where nothing heals it, nothing from the cursor on is done. */
	if (!heal(&submitting, &failure))
		note_failure(&submitting, slot_of(q->batch, q->batch->cursor),
			     &failure);
}
