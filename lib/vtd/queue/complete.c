/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * After a submission, in the order of the ring: outcomes are told, waits
 * completed.
 */
#include <config.h>

#include "lib/vtd/queue/queue.h"

/* False: its status could not be written, and @first says so. */
static bool complete_wait(struct iommunest_vtd_iq *iq,
			  const struct vtd_item *wait,
			  struct iommunest_vtd_iq_result *result,
			  struct vtd_fault *first)
{
	/* Adding an HWPT, as the VMM may do, moves the items. */
	const struct vtd_item item = *wait;
	int ret = 0;

	if (item.flags & ITEM_STATUS)
		ret = iq->ops.write_status(iq->vmm, item.index,
					   item.status_addr, item.status_data);
	if (ret < 0) {
		*first = iommunest__vtd_fault_of_memory(item.index, ret);
		return false;
	}
	if (item.flags & ITEM_INTERRUPT)
		iq->ops.interrupt(iq->vmm, item.index);
	result->waits++;
	return true;
}

static void tell_outcome(const struct iommunest_vtd_iq *iq,
			 const struct vtd_item *item)
{
	uint64_t cookie = iq->scopes.hwpts[item->target].cookie;

	if (item->flags & ITEM_SKIPPED)
		iq->ops.skipped(iq->vmm, item->index, cookie, (int)item->error);
	else if (iq->ops.covered)
		iq->ops.covered(iq->vmm, item->index, cookie);
}

/*
 * Completes the forwarded descriptor whose items begin at @from, and returns
 * where they end.
 */
static uint32_t complete_forwarded(struct iommunest_vtd_iq *iq, uint32_t from,
				   struct iommunest_vtd_iq_result *result)
{
	uint32_t index = iq->items[from].index;
	uint32_t outcomes = 0;

	do {
		uint32_t outcome =
			iq->items[from].flags & (ITEM_SKIPPED | ITEM_COVERED);

		if (outcome)
			tell_outcome(iq, &iq->items[from]);
		outcomes |= outcome;
		from++;
	} while (from < iq->n_items && iq->items[from].index == index);
	if (outcomes & ITEM_SKIPPED)
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

/* The wait shows the guest the failure that was put off until now. */
static uint32_t show_abort(struct iommunest_vtd_iq *iq,
			   const struct vtd_item *wait, struct vtd_fault *first)
{
	*first = iommunest__vtd_fault_as_ite(&iq->abort);
	iq->abort = (struct vtd_fault){ 0 };
	return vtd_iq_next(iq, wait->index);
}

/* Descriptor by descriptor, up to the first fault. */
static uint32_t complete_each(struct iommunest_vtd_iq *iq, uint32_t abort_from,
			      struct iommunest_vtd_iq_result *result,
			      struct vtd_fault *first)
{
	uint32_t end = vtd_iq_distance(iq, first->index);
	uint32_t abort_at = vtd_iq_distance(iq, abort_from);
	uint32_t i = 0;
	uint32_t w = 0;

	for (;;) {
		const struct vtd_item *wait = vtd_iq_wait(iq, w);
		uint32_t item_at =
			distance_of(iq, &iq->items[i], i < iq->n_items);
		uint32_t wait_at = distance_of(iq, wait, w < iq->n_waits);

		if (item_at >= end && wait_at >= end)
			return first->index;
		if (item_at < wait_at) {
			i = complete_forwarded(iq, i, result);
			continue;
		}
		if (iq->abort.cause && wait_at >= abort_at &&
		    vtd_wait_is_seen(wait->flags))
			return show_abort(iq, wait, first);
		if (!complete_wait(iq, wait, result, first))
			return first->index;
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
static uint32_t complete_waits(struct iommunest_vtd_iq *iq,
			       struct iommunest_vtd_iq_result *result,
			       struct vtd_fault *first)
{
	uint32_t i;

	for (i = 0; i < iq->n_waits; i++) {
		if (complete_wait(iq, vtd_iq_wait(iq, i), result, first))
			continue;
		result->forwarded +=
			forwarded_before(iq, vtd_iq_distance(iq, first->index));
		return first->index;
	}
	result->forwarded += iq->n_forwarded;
	return first->index;
}

uint32_t iommunest__vtd_complete(struct iommunest_vtd_iq *iq, bool outcomes,
				 uint32_t abort_from,
				 struct iommunest_vtd_iq_result *result,
				 struct vtd_fault *first)
{
	if (outcomes || first->cause || iq->abort.cause)
		return complete_each(iq, abort_from, result, first);
	return complete_waits(iq, result, first);
}
