/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * After a submission, in the order of the ring: outcomes are told, waits
 * completed.
 */
#include <config.h>

#include <errno.h>

#include "lib/abi.h"
#include "lib/vtd/desc.h"
#include "lib/vtd/queue/complete.h"

bool iommunest__vtd_take_answer(uint32_t index, int answer,
				struct iommunest_vtd_iq_result *result,
				struct vtd_fault *fault)
{
	if (answer >= 0)
		return true;
	if (answer == -EREMOTEIO) {
		result->fsts |= IOMMUNEST_VTD_FSTS_ICE;
		return true;
	}
	*fault = iommunest__vtd_fault_of_host(index, answer, 0, 0);
	return false;
}

COLD bool iommunest__vtd_fail_wait(struct iommunest_vtd_iq *iq, uint32_t index,
				   int error)
{
	iq->failure = iommunest__vtd_fault_of_memory(index, error);
	return false;
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

static int call_forwarded(struct iommunest_vtd_iq *iq, uint32_t index)
{
	struct iommunest_vtd_desc desc;

	iommunest__vtd_desc_decode(&desc, vtd_iq_copy(iq, index),
				   8u << iq->desc_shift, iq->ttm);
	return iq->ops.forwarded(iq->vmm, index, &desc);
}

/*
 * The VMM has caches of its own.  False: that failed, and iq->failure says
 * how.  Of what the guest is to see at a wait, the first slot counts.
 */
static bool tell_forwarded(struct iommunest_vtd_iq *iq, uint32_t index,
			   uint32_t *abort_from,
			   struct iommunest_vtd_iq_result *result)
{
	struct vtd_fault fault;

	if (!iq->ops.forwarded)
		return true;
	if (iommunest__vtd_take_answer(index, call_forwarded(iq, index), result,
				       &fault))
		return true;
	if (!vtd_iq_shows_ite(iq)) {
		iq->failure = fault;
		return false;
	}
	if (!iq->abort.cause ||
	    vtd_iq_distance(iq, index) < vtd_iq_distance(iq, *abort_from)) {
		iq->abort = fault;
		*abort_from = index;
	}
	return true;
}

/*
 * Tells the outcomes of the forwarded descriptor whose items begin at @from,
 * and returns where they end.  @outcomes: all of them.
 */
static uint32_t tell_outcomes(struct iommunest_vtd_iq *iq, uint32_t from,
			      uint32_t *outcomes)
{
	uint32_t index = iq->items[from].index;

	do {
		uint32_t outcome =
			iq->items[from].flags & (ITEM_SKIPPED | ITEM_COVERED);

		if (outcome)
			tell_outcome(iq, &iq->items[from]);
		*outcomes |= outcome;
		from++;
	} while (from < iq->n_items && iq->items[from].index == index);
	return from;
}

/* The same for all that it is told to; false as tell_forwarded(). */
static bool complete_forwarded(struct iommunest_vtd_iq *iq, uint32_t *from,
			       uint32_t *abort_from,
			       struct iommunest_vtd_iq_result *result)
{
	uint32_t index = iq->items[*from].index;
	uint32_t outcomes = 0;

	*from = tell_outcomes(iq, *from, &outcomes);
	if (!tell_forwarded(iq, index, abort_from, result))
		return false;
	if (outcomes & ITEM_SKIPPED)
		result->skipped++;
	else
		result->forwarded++;
	return true;
}

/* The slot of an item or wait as a distance; past all where there is none. */
static uint32_t distance_of(const struct iommunest_vtd_iq *iq,
			    const struct vtd_item *item, bool exists)
{
	return exists ? vtd_iq_distance(iq, item->index) : UINT32_MAX;
}

/* The wait shows the guest the failure that was put off until now. */
static uint32_t show_abort(struct iommunest_vtd_iq *iq,
			   const struct vtd_item *wait)
{
	iq->failure = iommunest__vtd_fault_as_ite(&iq->abort);
	iq->abort = (struct vtd_fault){ 0 };
	return vtd_iq_next(iq, wait->index);
}

uint32_t iommunest__vtd_complete_each(struct iommunest_vtd_iq *iq, uint32_t end,
				      uint32_t *abort_from,
				      struct iommunest_vtd_iq_result *result)
{
	uint32_t stop = iq->failure.cause ? iq->failure.index : end;
	uint32_t stop_at = vtd_iq_distance(iq, stop);
	uint32_t i = 0;
	uint32_t w = 0;

	for (;;) {
		const struct vtd_item *wait = vtd_iq_wait(iq, w);
		uint32_t item_at =
			distance_of(iq, &iq->items[i], i < iq->n_items);
		uint32_t wait_at = distance_of(iq, wait, w < iq->n_waits);

		if (item_at >= stop_at && wait_at >= stop_at)
			return stop;
		if (item_at < wait_at) {
			if (!complete_forwarded(iq, &i, abort_from, result))
				return iq->failure.index;
			continue;
		}
		if (iq->abort.cause && vtd_wait_is_seen(wait->flags) &&
		    wait_at >= vtd_iq_distance(iq, *abort_from))
			return show_abort(iq, wait);
		if (!vtd_complete_wait(iq, wait, result))
			return iq->failure.index;
		w++;
	}
}
