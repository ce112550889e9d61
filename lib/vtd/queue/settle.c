/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* Points of order: from gathered items to submissions and completed waits. */
#include <config.h>

#include "lib/abi.h"
#include "lib/vtd/batch.h"
#include "lib/vtd/queue/queue.h"

/* One submission, and what its callbacks need. */
struct settling {
	struct iommunest_vtd_iq *iq;
	struct vtd_hwpt *hwpt;
	/* Some items did not go as entries of their own. */
	bool fates;
};

/* ---- Gathered items of one HWPT into the batch ---- */

static uint32_t leaf_flag(const struct vtd_item *item)
{
	return item->flags & ITEM_LEAF ? IOMMUNEST_VTD_LEAF : 0;
}

static int add_item(struct iommunest_batch *batch, const struct vtd_item *item)
{
	if (item->flags & ITEM_ALL)
		return iommunest_vtd_batch_add_all(batch, item->index);
	return iommunest_vtd_batch_add_block(batch, item->addr,
					     item->flags & ITEM_AM,
					     leaf_flag(item), item->index);
}

/*
 * Adds items from @i on as long as they are plain blocks, and returns the
 * first that is not.  Nearly all of them are, and go in one tight loop.
 */
static uint32_t add_plain_items(const struct iommunest_vtd_iq *iq, uint32_t i)
{
	struct iommunest_batch *batch = iq->batch;
	struct iommunest_vtd_entry *entries = (void *)batch->entries;
	uint32_t orders = iommunest__vtd_plain_orders(batch);
	uint64_t *cookies = batch->cookies;
	uint32_t capacity = batch->capacity;
	uint32_t count = batch->count;

	while (i != VTD_NO_ITEM && count < capacity) {
		const struct vtd_item *item = &iq->items[i];

		if (item->flags & (ITEM_ALL | ITEM_RIDES) ||
		    (item->flags & ITEM_AM) >= orders)
			break;
		entries[count] = vtd_plain_block(
			item->addr, item->flags & ITEM_AM, leaf_flag(item));
		cookies[count++] = item->index;
		i = item->value;
	}
	batch->count = count;
	return i;
}

/*
 * The batch has room for every slot of the ring.  Where splitting by MAMV
 * asks for more than that, one "all" stands for everything, by the same rule
 * that makes "all" of a range with too many blocks.
 */
static void build_batch(struct settling *settling)
{
	const struct vtd_hwpt *hwpt = settling->hwpt;
	struct iommunest_vtd_iq *iq = settling->iq;
	uint32_t i;

	iommunest_batch_reset(iq->batch);
	i = add_plain_items(iq, hwpt->first_item);
	while (i != VTD_NO_ITEM) {
		const struct vtd_item *item = &iq->items[i];

		if (item->flags & ITEM_RIDES) {
			settling->fates = true;
		} else if (add_item(iq->batch, item) == -ENOSPC) {
			iommunest_batch_reset(iq->batch);
			iommunest_vtd_batch_add_all(
				iq->batch, iq->items[hwpt->first_item].index);
			settling->fates = true;
			return;
		}
		i = add_plain_items(iq, item->value);
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
	for (i = settling->hwpt->first_item; i != VTD_NO_ITEM;
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

static enum iommunest_answer
skip_entry(void *user, const struct iommunest_failure *failure, void *entry)
{
	struct settling *settling = user;

	(void)entry;
	mark_entry_skipped(settling, failure->index, failure->error);
	settling->fates = true;
	return IOMMUNEST_ANSWER_SKIP;
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

	for (i = hwpt->first_item; i != VTD_NO_ITEM; i = next) {
		struct vtd_item *item = &iq->items[i];
		uint32_t at = vtd_iq_distance(iq, item->index);
		bool own;

		while (entry + 1 < batch->count &&
		       vtd_iq_distance(
			       iq, (uint32_t)batch->cookies[entry + 1]) <= at)
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

/* Returns whether its items have fates of their own. */
static bool submit_hwpt(struct iommunest_vtd_iq *iq, struct vtd_hwpt *hwpt,
			struct iommunest_vtd_iq_result *result,
			struct vtd_fault *first)
{
	struct settling settling = {
		.iq = iq,
		.hwpt = hwpt,
		.fates = iq->limits.flags & IOMMUNEST_VTD_COALESCE,
	};
	struct iommunest_submit_options options = {
		.size = sizeof(options),
		.policy = iq->policy,
		.trace = iq->ops.trace ? trace_call : NULL,
		.user = &settling,
	};
	struct iommunest_report report = { .size = sizeof(report) };
	int ret;

	if (iq->policy == IOMMUNEST_POLICY_SKIP) {
		options.policy = IOMMUNEST_POLICY_ASK;
		options.ask = skip_entry;
	}
	build_batch(&settling);
	ret = iommunest_submit(iq->ctx, hwpt->id, iq->batch, &options, &report);
	result->calls += report.calls;
	result->entries += report.handled + (report.flushed ? 1 : 0);
	if (ret < 0) {
		struct vtd_fault fault =
			vtd_iq_host_fault((uint32_t)iommunest_batch_cookie(
						  iq->batch, iq->batch->cursor),
					  ret, hwpt->id, report.driver_error);

		note_fault(iq, first, &fault);
	}
	if (!settling.fates && !report.flushed)
		return false;
	mark_fates(iq, hwpt, iq->batch->count - report.flushed);
	return true;
}

static bool submit_all(struct iommunest_vtd_iq *iq,
		       struct iommunest_vtd_iq_result *result,
		       struct vtd_fault *first)
{
	uint16_t touched = iq->touched;
	bool fates = false;

	/* All of them, whatever fails: an earlier slot may fail behind. */
	while (touched != VTD_NONE) {
		struct vtd_hwpt *hwpt = &iq->scopes.hwpts[touched];

		touched = hwpt->next_touched;
		fates |= submit_hwpt(iq, hwpt, result, first);
		hwpt->first_item = VTD_NO_ITEM;
		hwpt->last_item = VTD_NO_ITEM;
		hwpt->last_entry = VTD_NO_ITEM;
		hwpt->next_touched = VTD_NONE;
	}
	iq->touched = VTD_NONE;
	return fates;
}

/* ---- Completion, in the order of the ring ---- */

/* False: its status could not be written, and @first says so. */
static bool complete_wait(struct iommunest_vtd_iq *iq,
			  const struct vtd_item *item,
			  struct iommunest_vtd_iq_result *result,
			  struct vtd_fault *first)
{
	int ret = 0;

	if (item->flags & ITEM_STATUS)
		ret = iq->ops.write_status(iq->vmm, item->index, item->addr,
					   item->value);
	if (ret < 0) {
		*first = vtd_iq_fault(IOMMUNEST_CAUSE_FETCH, item->index, ret,
				      0);
		return false;
	}
	if (item->flags & ITEM_INTERRUPT)
		iq->ops.interrupt(iq->vmm, item->index);
	result->waits++;
	return true;
}

static void tell_fate(const struct iommunest_vtd_iq *iq,
		      const struct vtd_item *item)
{
	if (item->flags & ITEM_SKIPPED)
		iq->ops.skipped(iq->vmm, item->index, item->value,
				(int)(int64_t)item->addr);
	else if (iq->ops.covered)
		iq->ops.covered(iq->vmm, item->index, item->value);
}

/*
 * Completes the forwarded descriptor whose items begin at @from, and returns
 * where they end.
 */
static uint32_t complete_forwarded(struct iommunest_vtd_iq *iq, uint32_t from,
				   struct iommunest_vtd_iq_result *result)
{
	const struct vtd_item *items = iq->items;
	uint32_t index = items[from].index;
	uint32_t fates = 0;

	do {
		uint32_t fate =
			items[from].flags & (ITEM_SKIPPED | ITEM_COVERED);

		if (fate)
			tell_fate(iq, &items[from]);
		fates |= fate;
		from++;
	} while (from < iq->n_items && items[from].index == index);
	if (fates & ITEM_SKIPPED)
		result->skipped++;
	else
		result->forwarded++;
	return from;
}

/* The slot of an item or wait as a distance; past all where there is none. */
static uint32_t distance_of(const struct iommunest_vtd_iq *iq,
			    const struct vtd_item *item, bool exists)
{
	return exists ? vtd_iq_distance(iq, item->index) : UINT32_MAX;
}

/* Descriptor by descriptor, up to the first fault. */
static void complete_each(struct iommunest_vtd_iq *iq,
			  struct iommunest_vtd_iq_result *result,
			  struct vtd_fault *first)
{
	uint32_t end = vtd_iq_distance(iq, first->index);
	uint32_t i = 0;
	uint32_t w = 0;

	for (;;) {
		const struct vtd_item *wait = vtd_iq_wait(iq, w);
		uint32_t item_at =
			distance_of(iq, &iq->items[i], i < iq->n_items);
		uint32_t wait_at = distance_of(iq, wait, w < iq->n_waits);

		if (item_at >= end && wait_at >= end)
			return;
		if (item_at < wait_at) {
			i = complete_forwarded(iq, i, result);
			continue;
		}
		if (!complete_wait(iq, wait, result, first))
			return;
		w++;
	}
}

static uint32_t forwarded_before(const struct iommunest_vtd_iq *iq,
				 uint32_t end)
{
	uint32_t last = UINT32_MAX;
	uint32_t count = 0;
	uint32_t i;

	for (i = 0; i < iq->n_items; i++) {
		uint32_t at = vtd_iq_distance(iq, iq->items[i].index);

		if (at >= end)
			break;
		count += at != last;
		last = at;
	}
	return count;
}

/* All was submitted: only the waits have anything to be told. */
static void complete_waits(struct iommunest_vtd_iq *iq,
			   struct iommunest_vtd_iq_result *result,
			   struct vtd_fault *first)
{
	uint32_t i;

	for (i = 0; i < iq->n_waits; i++) {
		if (complete_wait(iq, vtd_iq_wait(iq, i), result, first))
			continue;
		result->forwarded +=
			forwarded_before(iq, vtd_iq_distance(iq, first->index));
		return;
	}
	result->forwarded += iq->n_forwarded;
}

int vtd_iq_settle(struct iommunest_vtd_iq *iq, uint32_t end,
		  struct iommunest_vtd_iq_result *result)
{
	struct vtd_fault first = { .index = end };

	if (submit_all(iq, result, &first) || first.cause)
		complete_each(iq, result, &first);
	else
		complete_waits(iq, result, &first);
	iq->n_items = 0;
	iq->n_waits = 0;
	iq->n_forwarded = 0;
	vtd_iq_advance(iq, result, first.index);
	if (first.cause)
		iq->fault = first;
	return first.error;
}
