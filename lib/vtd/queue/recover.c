/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * What a target's submission comes to where it is not one call that handles
 * all: outcomes, failures, and what heals them.
 */
#include <config.h>

#include "lib/abi.h"
#include "lib/vtd/queue/recover.h"

/* One submission, and what its callbacks need. */
struct settling {
	struct iommunest_vtd_iq *iq;
	/* The slot of the target; the table may move during a callback. */
	uint16_t slot;
	uint32_t first_item;
	/* Some items did not go as entries of their own. */
	bool outcomes;
	/* The call to come flushes all of the target in place of the rest. */
	bool flushes_all;
};

/* ---- What became of an item ---- */

/* The slot of the ring that an entry is named after. */
static uint32_t slot_of(const struct iommunest_batch *batch, uint32_t entry)
{
	return (uint32_t)batch->cookies[entry];
}

static void mark_skipped(struct vtd_item *item, int error)
{
	item->flags |= ITEM_SKIPPED;
	item->error = error;
}

/*
 * An entry stands for the item that it is named after and, where entries were
 * merged, for all items up to the next entry's.  Items of slots 3, 4, 5 and 7,
 * of which 4 and 5 were merged into 3's entry, are entries named 3 and 7: the
 * first stands for 3, 4 and 5.
 */
static void mark_entry_skipped(const struct settling *settling, uint32_t entry,
			       int error)
{
	struct iommunest_vtd_iq *iq = settling->iq;
	const struct iommunest_batch *batch = iq->batch;
	uint32_t first = slot_of(batch, entry);
	uint32_t next = entry + 1;
	uint32_t i;

	for (i = settling->first_item; i != VTD_NO_ITEM;
	     i = iq->items[i].next) {
		uint32_t at = vtd_iq_distance(iq, iq->items[i].index);

		if (at < vtd_iq_distance(iq, first))
			continue;
		if (next < batch->count &&
		    at >= vtd_iq_distance(iq, slot_of(batch, next)))
			break;
		mark_skipped(&iq->items[i], error);
	}
}

static enum iommunest_answer
skip_entry(void *user, const struct iommunest_failure *failure, void *entry)
{
	struct settling *settling = user;

	(void)entry;
	mark_entry_skipped(settling, failure->index, failure->error);
	settling->outcomes = true;
	return IOMMUNEST_ANSWER_SKIP;
}

/*
 * Gives each item of an HWPT its outcome, as far as entries before @end stand
 * for it: what is after that is not done.  @flushed is the first entry that a
 * flush of the whole HWPT stood for; the flush is named after that entry.
 */
static void mark_outcomes(const struct settling *settling, uint32_t flushed,
			  uint32_t end)
{
	struct iommunest_vtd_iq *iq = settling->iq;
	const struct iommunest_batch *batch = iq->batch;
	uint32_t entry = 0;
	uint32_t i, next;

	for (i = settling->first_item; i != VTD_NO_ITEM; i = next) {
		struct vtd_item *item = &iq->items[i];
		uint32_t at = vtd_iq_distance(iq, item->index);
		bool own;

		/* The last entry that is not named after a later slot. */
		while (entry + 1 < batch->count &&
		       vtd_iq_distance(iq, slot_of(batch, entry + 1)) <= at)
			entry++;
		if (entry >= end)
			break;
		own = slot_of(batch, entry) == item->index;
		if (entry > flushed && slot_of(batch, flushed) != item->index)
			own = false;
		next = item->next;
		item->target = settling->slot;
		if (!own && !(item->flags & ITEM_SKIPPED))
			item->flags |= ITEM_COVERED;
	}
}

/* ---- To the host ---- */

static void trace_call(void *user, const struct iommunest_call *call)
{
	const struct settling *settling = user;

	const struct iommunest_vtd_iq *iq = settling->iq;
	struct iommunest_call copy = *call;

	copy.flush_all |= settling->flushes_all && call->count;
	iq->trace(iq->vmm, iq->scopes.hwpts[settling->slot].cookie, &copy);
}

/* The earliest slot wins. */
static void note_failure(struct iommunest_vtd_iq *iq,
			 const struct vtd_fault *failure)
{
	const struct vtd_fault *first = &iq->failure;

	if (!first->cause || vtd_iq_distance(iq, failure->index) <
				     vtd_iq_distance(iq, first->index))
		iq->failure = *failure;
}

/* A callback may have removed it, and added it again: that is in a new slot. */
static struct vtd_hwpt *target_of(const struct settling *settling)
{
	const struct vtd_scopes *table = &settling->iq->scopes;
	uint16_t now = vtd_scopes_slot_now(table, settling->slot);

	return &table->hwpts[now == VTD_NONE ? settling->slot : now];
}

/* From @first on, which is what became of a call of all, if it was made. */
static int submit_batch(const struct settling *settling,
			struct iommunest_batch *batch, uint32_t policy,
			const struct iommunest_reply *first,
			struct iommunest_vtd_iq_result *result,
			struct iommunest_report *report)
{
	const struct vtd_hwpt *hwpt = target_of(settling);
	struct iommunest_vtd_iq *iq = settling->iq;
	const struct iommunest_submit_options options = {
		.policy = policy,
		.max_stalls = IOMMUNEST_DEFAULT_STALLS,
		.ask = skip_entry,
		.trace = iq->trace ? trace_call : NULL,
		.user = (void *)settling,
	};
	int ret;

	*report = (struct iommunest_report){ 0 };
	ret = iommunest__submit(hwpt->ctx, hwpt->id, batch, &options, report,
				first);
	result->calls += report->calls;
	result->entries += report->handled + (report->flushed ? 1 : 0);
	return ret;
}

/* ---- What heals a failure ---- */

/*
 * The call as a whole failed, so that the submission did not flush all by
 * itself.
 */
static int flush_all(const struct settling *settling, uint32_t index,
		     struct iommunest_vtd_iq_result *result)
{
	struct iommunest_vtd_iq *iq = settling->iq;
	const struct iommunest_reply none = { .made = false };
	struct settling flushing = *settling;
	struct iommunest_report report;

	flushing.flushes_all = true;
	iommunest_batch_empty(iq->all);
	iommunest_vtd_batch_add_all(iq->all, index);
	return submit_batch(&flushing, iq->all, IOMMUNEST_POLICY_STOP, &none,
			    result, &report);
}

static void tell_healed(const struct settling *settling,
			const struct vtd_fault *fault)
{
	const struct iommunest_vtd_iq *iq = settling->iq;

	if (iq->ops.healed)
		iq->ops.healed(iq->vmm, fault->cookie, fault->index,
			       fault->error, fault->driver_error);
}

/* What is detached has nothing cached. */
static bool isolate(const struct settling *settling,
		    const struct vtd_fault *fault)
{
	struct iommunest_vtd_iq *iq = settling->iq;

	if (!iq->ops.isolate)
		return false;
	/* Before, because the VMM may add the target again at once. */
	target_of(settling)->isolated = true;
	if (iq->ops.isolate(iq->vmm, fault->cookie, fault->index, fault->error,
			    fault->driver_error) >= 0)
		return true;
	target_of(settling)->isolated = false;
	return false;
}

/*
 * The submission stopped at an entry, or at the call.  Returns whether all
 * that it did not do is done all the same.
 */
static bool heal(const struct settling *settling,
		 const struct iommunest_report *report,
		 const struct vtd_fault *fault,
		 struct iommunest_vtd_iq_result *result)
{
	struct iommunest_vtd_iq *iq = settling->iq;

	if (iq->policy != IOMMUNEST_VTD_IQ_HEAL)
		return false;
	/* With an entry to blame, the submission has tried that already. */
	if (report->blame == IOMMUNEST_BLAME_CALL &&
	    !(iq->flags & IOMMUNEST_VTD_IQ_NO_ALL) &&
	    !flush_all(settling, fault->index, result)) {
		tell_healed(settling, fault);
		return true;
	}
	return isolate(settling, fault);
}

/* ---- Submission ---- */

static uint32_t submit_policy(const struct iommunest_vtd_iq *iq)
{
	if (iq->policy == IOMMUNEST_VTD_IQ_SKIP)
		return IOMMUNEST_POLICY_ASK;
	if (iq->policy == IOMMUNEST_VTD_IQ_HEAL &&
	    !(iq->flags & IOMMUNEST_VTD_IQ_NO_ALL))
		return IOMMUNEST_POLICY_FLUSH_ALL;
	return IOMMUNEST_POLICY_STOP;
}

/* What failed: the entry that was flushed away, or the one at the cursor. */
static struct vtd_fault failure_in(const struct settling *settling,
				   const struct iommunest_report *report)
{
	const struct iommunest_batch *batch = settling->iq->batch;
	uint32_t index = report->flushed ? (uint32_t)report->cookie
					 : slot_of(batch, batch->cursor);

	return iommunest__vtd_fault_of_host(index, report->error,
					    target_of(settling)->cookie,
					    report->driver_error);
}

/*
 * How many entries at the batch's end were not handled, and are done all the
 * same; where that is none, the failure is noted.
 */
static uint32_t deal_with_failure(const struct settling *settling,
				  const struct iommunest_report *report,
				  struct iommunest_vtd_iq_result *result)
{
	struct vtd_fault fault = failure_in(settling, report);

	if (report->flushed) {
		tell_healed(settling, &fault);
		return report->flushed;
	}
	if (heal(settling, report, &fault, result))
		return report->pending;
	note_failure(settling->iq, &fault);
	return 0;
}

static struct settling settling_of(struct iommunest_vtd_iq *iq, uint16_t slot)
{
	uint16_t now = vtd_scopes_slot_now(&iq->scopes, slot);

	return (struct settling){
		.iq = iq,
		.slot = now == VTD_NONE ? slot : now,
		.first_item = vtd_iq_gathered(iq, slot)->first_item,
	};
}

COLD bool iommunest__vtd_pass_over(struct iommunest_vtd_iq *iq, uint16_t slot)
{
	const struct settling settling = settling_of(iq, slot);
	uint32_t i, next;

	for (i = settling.first_item; i != VTD_NO_ITEM; i = next) {
		struct vtd_item *item = &iq->items[i];

		next = item->next;
		item->target = settling.slot;
		item->flags |= ITEM_COVERED;
	}
	return true;
}

void iommunest__vtd_show_call(struct iommunest_vtd_iq *iq, uint16_t slot)
{
	struct settling settling = settling_of(iq, slot);
	const struct iommunest_call call =
		iommunest_call_at_once(target_of(&settling)->id, iq->batch, 0);

	trace_call(&settling, &call);
}

bool iommunest__vtd_mark_all(struct iommunest_vtd_iq *iq, uint16_t slot)
{
	struct settling settling = settling_of(iq, slot);

	mark_outcomes(&settling, iq->batch->count, iq->batch->count);
	return true;
}

COLD bool iommunest__vtd_submit_in_full(struct iommunest_vtd_iq *iq,
					uint16_t slot, bool outcomes,
					const struct iommunest_reply *first,
					struct iommunest_vtd_iq_result *result)
{
	struct settling settling = settling_of(iq, slot);
	struct iommunest_report report;
	uint32_t undone = 0;
	uint32_t end = iq->batch->count;
	int ret;

	settling.outcomes = outcomes;
	ret = submit_batch(&settling, iq->batch, submit_policy(iq), first,
			   result, &report);
	if (ret < 0 || report.flushed)
		undone = deal_with_failure(&settling, &report, result);
	if (ret < 0 && !undone)
		end = iq->batch->cursor;
	if (!settling.outcomes && !undone)
		return iq->failure.cause;
	mark_outcomes(&settling, iq->batch->count - undone, end);
	return true;
}
