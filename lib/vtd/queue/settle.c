/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* Ordering points: from gathered items to entries, and to the host. */
#include <config.h>

#include "lib/abi.h"
#include "lib/vtd/batch.h"
#include "lib/vtd/queue/queue.h"

/* One submission, and what its callbacks need. */
struct settling {
	struct iommunest_vtd_iq *iq;
	/* The slot of the target. */
	uint16_t slot;
	uint32_t first_item;
	/* Some items did not go as entries of their own. */
	bool outcomes;
};

/* ---- Gathered items of one HWPT into the batch ---- */

static uint32_t leaf_flag(const struct vtd_item *item)
{
	return item->flags & ITEM_LEAF ? IOMMUNEST_VTD_LEAF : 0;
}

static void add_item(struct iommunest_batch *batch, const struct vtd_item *item)
{
	if (item->flags & ITEM_ALL)
		iommunest_vtd_batch_add_all(batch, item->index);
	else
		iommunest_vtd_batch_add_block(batch, item->addr,
					      item->flags & ITEM_AM,
					      leaf_flag(item), item->index);
}

/*
 * Adds items from @i on as long as they are plain blocks, and returns the
 * first that is not.  Nearly all of them are, and go in one tight loop.
 */
static uint32_t add_plain_items(const struct iommunest_vtd_iq *iq, uint32_t i)
{
	struct vtd_block_run run = vtd_block_run_begin(iq->batch);

	while (i != VTD_NO_ITEM && vtd_block_run_has_room(&run)) {
		const struct vtd_item *item = &iq->items[i];
		unsigned int am = item->flags & ITEM_AM;

		if (item->flags & (ITEM_ALL | ITEM_PIGGYBACKED) ||
		    !vtd_block_run_takes(&run, am))
			break;
		vtd_block_run_add(&run, item->addr, am, leaf_flag(item),
				  item->index);
		i = item->next;
	}
	vtd_block_run_end(&run, iq->batch);
	return i;
}

/* No add fails: an item is one entry, and there is room for every slot. */
static void build_batch(struct settling *settling)
{
	struct iommunest_vtd_iq *iq = settling->iq;
	uint32_t i;

	iommunest_batch_reset(iq->batch);
	i = add_plain_items(iq, settling->first_item);
	while (i != VTD_NO_ITEM) {
		const struct vtd_item *item = &iq->items[i];

		if (item->flags & ITEM_PIGGYBACKED)
			settling->outcomes = true;
		else
			add_item(iq->batch, item);
		i = add_plain_items(iq, item->next);
	}
}

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
 * Gives each item of an HWPT its outcome.  @flushed is the first entry that a
 * flush of the whole HWPT stood for; the flush is named after that entry.
 */
static void mark_outcomes(const struct settling *settling, uint32_t flushed)
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
		own = slot_of(batch, entry) == item->index;
		if (entry > flushed && slot_of(batch, flushed) != item->index)
			own = false;
		next = item->next;
		item->target = settling->slot;
		if (!own && !(item->flags & ITEM_SKIPPED))
			item->flags |= ITEM_COVERED;
	}
}

/* ---- Submission ---- */

static void trace_call(void *user, const struct iommunest_call *call)
{
	const struct settling *settling = user;

	const struct iommunest_vtd_iq *iq = settling->iq;

	iq->ops.trace(iq->vmm, iq->scopes.hwpts[settling->slot].cookie, call);
}

/* The earliest slot wins. */
static void note_fault(const struct iommunest_vtd_iq *iq,
		       struct vtd_fault *first, const struct vtd_fault *fault)
{
	if (vtd_iq_distance(iq, fault->index) <
	    vtd_iq_distance(iq, first->index))
		*first = *fault;
}

/* Returns whether its items have outcomes to be told. */
static bool submit_hwpt(struct iommunest_vtd_iq *iq, uint16_t slot,
			struct iommunest_vtd_iq_result *result,
			struct vtd_fault *first)
{
	const struct vtd_hwpt *hwpt = &iq->scopes.hwpts[slot];
	struct settling settling = {
		.iq = iq,
		.slot = slot,
		.first_item = iq->gathered[slot].first_item,
		.outcomes = iq->limits.flags & IOMMUNEST_VTD_COALESCE,
	};
	struct iommunest_submit_options options = {
		.size = sizeof(options),
		.policy = iq->policy,
		.trace = iq->ops.trace ? trace_call : NULL,
		.user = &settling,
	};
	struct iommunest_report report =
		IOMMUNEST_INIT(struct iommunest_report);
	int ret;

	if (iq->policy == IOMMUNEST_POLICY_SKIP) {
		options.policy = IOMMUNEST_POLICY_ASK;
		options.ask = skip_entry;
	}
	build_batch(&settling);
	ret = iommunest_submit(hwpt->ctx, hwpt->id, iq->batch, &options,
			       &report);
	result->calls += report.calls;
	result->entries += report.handled + (report.flushed ? 1 : 0);
	if (ret < 0) {
		struct vtd_fault fault = iommunest__vtd_fault_of_host(
			slot_of(iq->batch, iq->batch->cursor), ret,
			hwpt->cookie, report.driver_error);

		note_fault(iq, first, &fault);
	}
	if (!settling.outcomes && !report.flushed)
		return false;
	mark_outcomes(&settling, iq->batch->count - report.flushed);
	return true;
}

static bool submit_all(struct iommunest_vtd_iq *iq,
		       struct iommunest_vtd_iq_result *result,
		       struct vtd_fault *first)
{
	uint16_t slot = iq->touched;
	bool outcomes = false;

	/* All of them, whatever fails: a later one may fail at an earlier slot.
	 */
	while (slot != VTD_NONE) {
		uint16_t next = iq->gathered[slot].next_touched;

		outcomes |= submit_hwpt(iq, slot, result, first);
		iq->gathered[slot] = VTD_NOTHING_GATHERED;
		slot = next;
	}
	iq->touched = VTD_NONE;
	return outcomes;
}

int iommunest__vtd_settle(struct iommunest_vtd_iq *iq, uint32_t end,
			  struct iommunest_vtd_iq_result *result)
{
	struct vtd_fault first = { .index = end };
	bool outcomes = submit_all(iq, result, &first);

	iommunest__vtd_complete(iq, outcomes, result, &first);
	iq->n_items = 0;
	iq->n_waits = 0;
	iq->n_forwarded = 0;
	vtd_iq_advance(iq, result, first.index);
	if (first.cause)
		iq->fault = first;
	return first.error;
}
