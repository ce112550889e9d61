/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Points of order: from gathered items to submissions and completed waits. */
#include <config.h>

#include "abi.h"
#include "batch.h"
#include "vtd-iq.h"

/* What the callbacks of one submission need. */
struct settling {
	struct iommunest_vtd_iq *iq;
	struct vtd_hwpt *hwpt;
};

/* ---- Gathered items of one HWPT into the batch ---- */

static int add_item(struct iommunest_batch *batch, const struct vtd_item *item)
{
	if (item->flags & ITEM_ALL)
		return iommunest_vtd_add_all(batch, item->index);
	return iommunest_vtd_add_block(batch, item->addr,
				       item->flags & ITEM_AM,
				       item->flags & ITEM_LEAF ?
					       IOMMUNEST_VTD_LEAF :
					       0,
				       item->index);
}

/*
 * The batch has room for every slot of the ring.  Where splitting by MAMV
 * asks for more than that, one "all" stands for everything, by the same rule
 * that makes "all" of a range with too many blocks.
 */
static void build_batch(struct iommunest_vtd_iq *iq,
			const struct vtd_hwpt *hwpt)
{
	const struct vtd_item *items = iq->items;
	uint32_t i;

	iommunest_batch_reset(iq->batch);
	for (i = hwpt->first_item; i != VTD_NONE; i = items[i].value) {
		if (add_item(iq->batch, &items[i]) != -ENOSPC)
			continue;
		iommunest_batch_reset(iq->batch);
		iommunest_vtd_add_all(iq->batch, items[hwpt->first_item].index);
		break;
	}
}

/* ---- What became of an item ---- */

static void mark_skipped(struct vtd_item *item, int error)
{
	item->flags |= ITEM_SKIPPED;
	item->addr = (uint64_t)(int64_t)error;
}

/*
 * An entry stands for the item that it is named after and, where entries were
 * merged, for all items up to the next entry's.
 */
static void mark_entry_skipped(const struct settling *settling, uint32_t entry,
			       int error)
{
	struct iommunest_vtd_iq *iq = settling->iq;
	const struct iommunest_batch *batch = iq->batch;
	uint32_t first = (uint32_t)batch->cookies[entry];
	uint32_t next = entry + 1;
	uint32_t i;

	while (next < batch->count && batch->cookies[next] == first)
		next++;
	for (i = settling->hwpt->first_item; i != VTD_NONE;
	     i = iq->items[i].value) {
		uint32_t at = vtd_iq_distance(iq, iq->items[i].index);

		if (at < vtd_iq_distance(iq, first))
			continue;
		if (next < batch->count &&
		    at >= vtd_iq_distance(iq, (uint32_t)batch->cookies[next]))
			break;
		mark_skipped(&iq->items[i], error);
	}
}

static enum iommunest_action skip_entry(void *user,
					const struct iommunest_failure *failure,
					void *entry)
{
	(void)entry;
	mark_entry_skipped(user, failure->index, failure->error);
	return IOMMUNEST_SKIP;
}

/*
 * Gives each item of an HWPT its fate.  @flushed is the first entry that a
 * flush of the whole HWPT stood for; that entry gave the flush its name.
 */
static void mark_fates(struct iommunest_vtd_iq *iq, struct vtd_hwpt *hwpt,
		       uint32_t flushed)
{
	const struct iommunest_batch *batch = iq->batch;
	uint32_t entry = 0;
	uint32_t i, next;

	for (i = hwpt->first_item; i != VTD_NONE; i = next) {
		struct vtd_item *item = &iq->items[i];
		uint32_t at = vtd_iq_distance(iq, item->index);
		bool own;

		while (entry + 1 < batch->count &&
		       vtd_iq_distance(iq, (uint32_t)
				       batch->cookies[entry + 1]) <= at)
			entry++;
		own = batch->cookies[entry] == item->index;
		if (entry > flushed && batch->cookies[flushed] != item->index)
			own = false;
		next = item->value;
		item->value = hwpt->id;
		if (!own && !(item->flags & ITEM_SKIPPED))
			item->flags |= ITEM_COVERED;
	}
}

/* ---- Submission ---- */

static void trace_call(void *user, const struct iommunest_call *call)
{
	const struct settling *settling = user;

	settling->iq->ops.trace(settling->iq->vmm, call);
}

/* The earliest slot wins. */
static void note_fault(const struct iommunest_vtd_iq *iq,
		       struct vtd_fault *first, const struct vtd_fault *fault)
{
	if (vtd_iq_distance(iq, fault->index) <
	    vtd_iq_distance(iq, first->index))
		*first = *fault;
}

static void submit_hwpt(struct iommunest_vtd_iq *iq, struct vtd_hwpt *hwpt,
			struct iommunest_vtd_iq_result *result,
			struct vtd_fault *first)
{
	struct settling settling = { .iq = iq, .hwpt = hwpt };
	struct iommunest_submit_options options = {
		.size = sizeof(options),
		.policy = iq->policy,
		.trace = iq->ops.trace ? trace_call : NULL,
		.user = &settling,
	};
	struct iommunest_report report = { .size = sizeof(report) };
	int ret;

	if (iq->policy == IOMMUNEST_SKIP) {
		options.policy = IOMMUNEST_ASK;
		options.ask = skip_entry;
	}
	build_batch(iq, hwpt);
	ret = iommunest_submit(iq->ctx, hwpt->id, iq->batch, &options, &report);
	result->calls += report.calls;
	result->entries += report.handled + (report.flushed ? 1 : 0);
	if (ret < 0) {
		struct vtd_fault fault = {
			.cause = IOMMUNEST_CAUSE_HOST,
			.index = (uint32_t)iommunest_batch_cookie(
				iq->batch, iq->batch->cursor),
			.hwpt_id = hwpt->id,
			.error = ret,
		};

		note_fault(iq, first, &fault);
	}
	mark_fates(iq, hwpt, iq->batch->count - report.flushed);
}

static void submit_all(struct iommunest_vtd_iq *iq,
		       struct iommunest_vtd_iq_result *result,
		       struct vtd_fault *first)
{
	uint16_t touched = iq->touched;

	/* All of them, whatever fails: an earlier slot may fail behind. */
	while (touched != VTD_NONE) {
		struct vtd_hwpt *hwpt = &iq->scopes.hwpts[touched];

		touched = hwpt->next_touched;
		submit_hwpt(iq, hwpt, result, first);
		hwpt->first_item = VTD_NONE;
		hwpt->last_item = VTD_NONE;
		hwpt->next_touched = VTD_NONE;
	}
	iq->touched = VTD_NONE;
}

/* ---- Completion, in the order of the ring ---- */

static int complete_wait(struct iommunest_vtd_iq *iq,
			 const struct vtd_item *item)
{
	int ret;

	if (item->flags & ITEM_STATUS) {
		ret = iq->ops.write_status(iq->vmm, item->index, item->addr,
					   item->value);
		if (ret < 0)
			return ret;
	}
	if (item->flags & ITEM_INTERRUPT)
		iq->ops.interrupt(iq->vmm, item->index);
	return 0;
}

/* The @n items are those of one forwarded descriptor. */
static void complete_forwarded(struct iommunest_vtd_iq *iq,
			       const struct vtd_item *items, uint32_t n,
			       struct iommunest_vtd_iq_result *result)
{
	bool skipped = false;
	uint32_t i;

	for (i = 0; i < n; i++) {
		const struct vtd_item *item = &items[i];

		if (item->flags & ITEM_SKIPPED)
			iq->ops.skipped(iq->vmm, item->index, item->value,
					(int)(int64_t)item->addr);
		else if (item->flags & ITEM_COVERED && iq->ops.covered)
			iq->ops.covered(iq->vmm, item->index, item->value);
		skipped |= item->flags & ITEM_SKIPPED;
	}
	if (skipped)
		result->skipped++;
	else
		result->forwarded++;
}

static uint32_t items_of_slot(const struct iommunest_vtd_iq *iq, uint32_t from)
{
	uint32_t end = from + 1;

	while (end < iq->n_items &&
	       iq->items[end].index == iq->items[from].index)
		end++;
	return end - from;
}

static void complete_all(struct iommunest_vtd_iq *iq,
			 struct iommunest_vtd_iq_result *result,
			 struct vtd_fault *first)
{
	uint32_t end = vtd_iq_distance(iq, first->index);
	uint32_t i, n;
	int ret;

	for (i = 0; i < iq->n_items; i += n) {
		const struct vtd_item *item = &iq->items[i];

		if (vtd_iq_distance(iq, item->index) >= end)
			return;
		n = items_of_slot(iq, i);
		if (!(item->flags & ITEM_WAIT)) {
			complete_forwarded(iq, item, n, result);
			continue;
		}
		ret = complete_wait(iq, item);
		if (ret) {
			*first = (struct vtd_fault){
				.cause = IOMMUNEST_CAUSE_FETCH,
				.index = item->index,
				.error = ret,
			};
			return;
		}
		result->waits++;
	}
}

int vtd_iq_settle(struct iommunest_vtd_iq *iq, uint32_t end,
		  struct iommunest_vtd_iq_result *result)
{
	struct vtd_fault first = { .index = end };

	submit_all(iq, result, &first);
	complete_all(iq, result, &first);
	iq->n_items = 0;
	vtd_iq_advance(iq, result, first.index);
	if (first.cause)
		iq->fault = first;
	return first.error;
}
