/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* Ordering points: from gathered items to entries, to the host, and on. */
#include <config.h>

#include "lib/abi.h"
#include "lib/submit.h"
#include "lib/vtd/batch.h"
#include "lib/vtd/queue/complete.h"
#include "lib/vtd/queue/recover.h"

/* ---- Gathered items of one HWPT into the batch ---- */

static uint32_t leaf_flag(const struct vtd_item *item)
{
	return item->flags & ITEM_LEAF ? IOMMUNEST_VTD_LEAF : 0;
}

/*
 * Adds items from @i on as long as they are plain blocks, and returns the
 * first that is not.  Nearly all of them are, and go in one tight loop.
 */
static inline __attribute__((always_inline)) uint32_t
add_plain_items(const struct iommunest_vtd_iq *iq, uint32_t i)
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

/* False: it becomes no entry. */
static bool add_item(struct iommunest_batch *batch, const struct vtd_item *item)
{
	if (item->flags & ITEM_PIGGYBACKED)
		return false;
	if (item->flags & ITEM_ALL)
		iommunest_vtd_batch_add_all(batch, item->index);
	else
		iommunest_vtd_batch_add_block(batch, item->addr,
					      item->flags & ITEM_AM,
					      leaf_flag(item), item->index);
	return true;
}

/* From @i on, which is no plain block. */
static __attribute__((noinline)) bool
add_mixed_items(const struct iommunest_vtd_iq *iq, uint32_t i)
{
	bool all = true;

	while (i != VTD_NO_ITEM) {
		const struct vtd_item *item = &iq->items[i];

		all &= add_item(iq->batch, item);
		i = add_plain_items(iq, item->next);
	}
	return all;
}

/*
 * No add fails: an item is one entry, and there is room for every slot.  False:
 * some items became no entries.
 */
static bool build_batch(const struct iommunest_vtd_iq *iq, uint32_t first_item)
{
	uint32_t i;

	iommunest_batch_empty(iq->batch);
	i = add_plain_items(iq, first_item);
	return i == VTD_NO_ITEM || add_mixed_items(iq, i);
}

/* ---- To the host ---- */

/* False: there is nothing to tell of its items, but that they are done. */
static bool submit_target(struct iommunest_vtd_iq *iq, uint16_t slot,
			  struct iommunest_vtd_iq_result *result)
{
	uint16_t now = vtd_scopes_slot_now(&iq->scopes, slot);
	const struct vtd_hwpt *hwpt;
	struct iommunest_reply reply;
	bool outcomes;

	if (now == VTD_NONE || iq->scopes.hwpts[now].isolated)
		return iommunest__vtd_pass_over(iq, slot);
	hwpt = &iq->scopes.hwpts[now];
	outcomes = !build_batch(iq, vtd_iq_gathered(iq, slot)->first_item) ||
		   iq->limits.flags & IOMMUNEST_VTD_COALESCE;
	if (!iommunest_submit_at_once(hwpt->ctx, hwpt->id, iq->batch, &reply))
		return iommunest__vtd_submit_in_full(iq, slot, outcomes, &reply,
						     result);
	if (iq->trace)
		iommunest__vtd_show_call(iq, slot);
	result->calls++;
	result->entries += iq->batch->count;
	return outcomes && iommunest__vtd_mark_all(iq, slot);
}

static bool submit_all(struct iommunest_vtd_iq *iq,
		       struct iommunest_vtd_iq_result *result)
{
	uint16_t slot = iq->touched;
	bool more = false;

	/* All, whatever fails: a later one may fail at an earlier slot. */
	while (slot != VTD_NONE) {
		uint16_t next = vtd_iq_gathered(iq, slot)->next_touched;

		more |= submit_target(iq, slot, result);
		vtd_gathered_clear(vtd_iq_gathered(iq, slot));
		slot = next;
	}
	iq->touched = VTD_NONE;
	return more;
}

/* ---- What the guest and the VMM see of it ---- */

/* All before the new head is done, or told of. */
static void move_head(struct iommunest_vtd_iq *iq, uint32_t head,
		      struct iommunest_vtd_iq_result *result)
{
	iq->n_items = 0;
	iq->n_waits = 0;
	iq->n_forwarded = 0;
	iq->n_wide = 0;
	vtd_scopes_unpin(&iq->scopes);
	vtd_iq_advance(iq, result, head);
}

/* Where something failed, that is the queue's fault now. */
static int take_failure(struct iommunest_vtd_iq *iq)
{
	if (!iq->failure.cause)
		return 0;
	iq->fault = iq->failure;
	iq->failure = (struct vtd_fault){ 0 };
	return iq->fault.error;
}

/* The guest is to see it at a wait: the slot is done, and the queue goes on. */
static void put_off(struct iommunest_vtd_iq *iq)
{
	/* Of several failures, the guest sees the first. */
	if (!iq->abort.cause)
		iq->abort = iq->failure;
	iq->failure = (struct vtd_fault){ 0 };
}

static uint32_t complete_each(struct iommunest_vtd_iq *iq, uint32_t end,
			      struct iommunest_vtd_iq_result *result)
{
	uint32_t abort_from = iq->head;
	bool is_new = false;
	uint32_t head;

	if (iq->failure.cause && vtd_iq_shows_ite(iq)) {
		is_new = !iq->abort.cause;
		if (is_new)
			abort_from = iq->failure.index;
		put_off(iq);
	}
	head = iommunest__vtd_complete_each(iq, end, &abort_from, result);
	/* A wait before it could not be written: the slot comes again. */
	if (is_new &&
	    vtd_iq_distance(iq, head) <= vtd_iq_distance(iq, abort_from))
		iq->abort = (struct vtd_fault){ 0 };
	return head;
}

/* There is more to tell than waits. */
static __attribute__((noinline)) int
tell_each(struct iommunest_vtd_iq *iq, uint32_t end,
	  struct iommunest_vtd_iq_result *result)
{
	move_head(iq, complete_each(iq, end, result), result);
	return take_failure(iq);
}

static uint32_t forwarded_before(const struct iommunest_vtd_iq *iq,
				 uint32_t slot)
{
	uint32_t end = vtd_iq_distance(iq, slot);
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

/* A wait did not complete, and the head stays there. */
static COLD int stop_at_wait(struct iommunest_vtd_iq *iq,
			     struct iommunest_vtd_iq_result *result)
{
	uint32_t head = iq->failure.index;

	result->forwarded += forwarded_before(iq, head);
	move_head(iq, head, result);
	return take_failure(iq);
}

int iommunest__vtd_settle(struct iommunest_vtd_iq *iq, uint32_t end,
			  struct iommunest_vtd_iq_result *result)
{
	const bool more = submit_all(iq, result);

	if (more || iq->abort.cause || iq->ops.forwarded)
		return tell_each(iq, end, result);
	if (!vtd_complete_waits(iq, result))
		return stop_at_wait(iq, result);
	move_head(iq, end, result);
	return 0;
}
