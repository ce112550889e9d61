/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * The engine at work: descriptors from the ring.
 * Registers and ring: VT-d specification, chapters 6 and 11.
 *
 * Guest memory is hostile: each descriptor is copied once, then checked, and
 * only the copy is used.
 */
#include <config.h>

#include "lib/abi.h"
#include "lib/ring.h"
#include "lib/vtd/desc.h"
#include "lib/vtd/queue/gather.h"
#include "lib/vtd/queue/queue-regs.h"
#include "lib/vtd/queue/result.h"

/* ---- One descriptor ---- */

static COLD int set_queue_error(struct iommunest_vtd_iq *iq, uint32_t cause,
				uint32_t index, int error, uint32_t iqei)
{
	iq->fault = iommunest__vtd_queue_error(cause, index, error, iqei);
	return iq->fault.error;
}

/* 0: the slot is done, because the guest sees the failure at a later wait. */
static int halt_or_abort(struct iommunest_vtd_iq *iq,
			 const struct vtd_fault *fault)
{
	if (!vtd_iq_shows_ite(iq)) {
		iq->fault = *fault;
		return fault->error;
	}
	if (!iq->abort.cause)
		iq->abort = *fault;
	return 0;
}

/* What `descriptor` returned.  0: the slot is done. */
static int take_answer(struct iommunest_vtd_iq *iq, uint32_t index, int answer,
		       struct iommunest_vtd_iq_result *result)
{
	struct vtd_fault fault;

	if (iommunest__vtd_take_answer(index, answer, result, &fault))
		return 0;
	return halt_or_abort(iq, &fault);
}

/*
 * What `device` failed with.  EREMOTEIO is an error like any other here: nobody
 * has flushed anything.
 */
static int take_device_error(struct iommunest_vtd_iq *iq, uint32_t index,
			     int error)
{
	struct vtd_fault fault =
		iommunest__vtd_fault_of_host(index, error, 0, 0);

	return halt_or_abort(iq, &fault);
}

/* Settles what is before a slot; on success, blames the slot. */
static COLD int fail_slot(struct iommunest_vtd_iq *iq, uint32_t index,
			  uint32_t cause, int error, uint32_t iqei,
			  struct iommunest_vtd_iq_result *result)
{
	int ret;

	ret = iommunest__vtd_settle(iq, index, result);
	if (ret)
		return ret;
	return set_queue_error(iq, cause, index, error, iqei);
}

/* All before the slot is settled, and @ret says what became of it. */
static int take_slot(struct iommunest_vtd_iq *iq, uint32_t index, int ret,
		     struct iommunest_vtd_iq_result *result)
{
	if (!ret)
		vtd_iq_advance(iq, result, vtd_iq_next(iq, index));
	return ret;
}

static int give_to_vmm(struct iommunest_vtd_iq *iq, uint32_t index,
		       const struct iommunest_vtd_desc *desc,
		       struct iommunest_vtd_iq_result *result)
{
	int ret;

	ret = iommunest__vtd_settle(iq, index, result);
	if (ret)
		return ret;
	ret = take_answer(iq, index, iq->ops.descriptor(iq->vmm, index, desc),
			  result);
	result->vmm += !ret;
	return take_slot(iq, index, ret, result);
}

/* Settles early, where the descriptor might find no room for its items. */
static int make_wide_room(struct iommunest_vtd_iq *iq, uint32_t index,
			  struct iommunest_vtd_iq_result *result)
{
	if (iq->n_wide <= vtd_wide_room(iq->scopes.room))
		return 0;
	return iommunest__vtd_settle(iq, index, result);
}

/* Forwards what nested HWPTs have of it; the VMM has the second stage. */
static int handle_iotlb(struct iommunest_vtd_iq *iq, uint32_t index,
			const struct iommunest_vtd_desc *desc,
			struct iommunest_vtd_iq_result *result)
{
	int ret;

	if (!iq->forwards)
		return give_to_vmm(iq, index, desc, result);
	ret = make_wide_room(iq, index, result);
	if (ret)
		return ret;
	if (iommunest__vtd_gather_iotlb(iq, index, desc))
		return 0;
	return give_to_vmm(iq, index, desc, result);
}

static int handle_dev_tlb(struct iommunest_vtd_iq *iq, uint32_t index,
			  const struct iommunest_vtd_desc *desc,
			  struct iommunest_vtd_iq_result *result)
{
	int found, ret;

	ret = make_wide_room(iq, index, result);
	if (ret)
		return ret;
	found = iommunest__vtd_gather_dev_tlb(iq, index, desc);
	if (found > 0)
		return 0;
	if (!found)
		return give_to_vmm(iq, index, desc, result);
	ret = iommunest__vtd_settle(iq, index, result);
	if (ret)
		return ret;
	ret = take_device_error(iq, index, found);
	return take_slot(iq, index, ret, result);
}

/* As vtd_wait_is_seen(). */
static bool is_seen(const struct iommunest_vtd_desc *desc)
{
	return desc->flags & (IOMMUNEST_VTD_DESC_SW | IOMMUNEST_VTD_DESC_IF);
}

/*
 * Page requests are the VMM's: where the guest wants them drained, it does that
 * before the wait completes.
 */
static int handle_wait(struct iommunest_vtd_iq *iq, uint32_t index,
		       const struct iommunest_vtd_desc *desc,
		       struct iommunest_vtd_iq_result *result)
{
	bool drains;
	int ret;

	if (!(desc->flags & IOMMUNEST_VTD_DESC_PD)) {
		vtd_gather_wait(iq, index, desc->raw);
		return 0;
	}
	ret = iommunest__vtd_settle(iq, index, result);
	if (ret)
		return ret;
	/* One that is aborted drains nothing. */
	drains = !iq->abort.cause || !is_seen(desc);
	if (drains)
		ret = take_answer(iq, index,
				  iq->ops.descriptor(iq->vmm, index, desc),
				  result);
	if (ret)
		return ret;
	vtd_gather_wait(iq, index, desc->raw);
	ret = iommunest__vtd_settle(iq, vtd_iq_next(iq, index), result);
	/* It may be done though it did not complete. */
	result->vmm += drains && iq->head != index;
	return ret;
}

/*
 * What needs no decoding in full, while nested translation is at work:
 * PASID-based IOTLB descriptors, and waits that the VMM has no part in.
 */
static bool gather(struct iommunest_vtd_iq *iq, uint32_t index,
		   const uint64_t *words)
{
	if (vtd_is_piotlb(words))
		return vtd_gather_piotlb(iq, index, words);
	if (!vtd_is_plain_wait(words))
		return false;
	vtd_gather_wait(iq, index, words);
	return true;
}

static int handle_type(struct iommunest_vtd_iq *iq, uint32_t index,
		       const uint64_t *words,
		       struct iommunest_vtd_iq_result *result)
{
	struct iommunest_vtd_desc desc;
	int ret;

	ret = iommunest__vtd_desc_decode(&desc, words, 8u << iq->desc_shift,
					 iq->ttm);
	if (ret)
		return fail_slot(iq, index, IOMMUNEST_CAUSE_GUEST, ret,
				 desc.iqei, result);
	switch (desc.type) {
	case IOMMUNEST_VTD_DESC_WAIT:
		return handle_wait(iq, index, &desc, result);
	case IOMMUNEST_VTD_DESC_IOTLB:
		return handle_iotlb(iq, index, &desc, result);
	case IOMMUNEST_VTD_DESC_DEV_TLB:
	case IOMMUNEST_VTD_DESC_PASID_DEV_TLB:
		return handle_dev_tlb(iq, index, &desc, result);
	default:
		return give_to_vmm(iq, index, &desc, result);
	}
}

/*
 * So many ioctls end a run at the next slot: each descriptor of the VMM's is an
 * ordering point, and may take one of every HWPT.
 */
#define MOST_CALLS 4096u

/* Not inline: the loop over what is gathered stays small.  1: as below. */
static __attribute__((noinline)) int
handle_other(struct iommunest_vtd_iq *iq, uint32_t index, const uint64_t *words,
	     struct iommunest_vtd_iq_result *result)
{
	int ret = handle_type(iq, index, words, result);

	if (ret || result->calls < MOST_CALLS)
		return ret;
	ret = iommunest__vtd_settle(iq, vtd_iq_next(iq, index), result);
	return ret ? ret : 1;
}

/* So many descriptors in a row, the ring's end not among them.  1: not all. */
static int handle(struct iommunest_vtd_iq *iq, uint32_t index, uint32_t count,
		  const uint64_t *words, struct iommunest_vtd_iq_result *result)
{
	const uint32_t words_per_desc = 1u << (iq->desc_shift - 3);
	const uint32_t end = index + count;
	/* The mode does not change within a run. */
	const bool gathers = iq->forwards;
	int ret;

	for (; index < end; index++, words += words_per_desc) {
		if (gathers && gather(iq, index, words))
			continue;
		ret = handle_other(iq, index, words, result);
		if (ret)
			return ret;
	}
	return 0;
}

/* ---- The ring ---- */

/* Reads up to *@count descriptors; one alone, where a run fails. */
static int fetch(const struct iommunest_vtd_iq *iq, uint32_t index,
		 uint32_t *count, uint64_t *words)
{
	const struct ring ring = {
		.read = iq->ops.read,
		.vmm = iq->vmm,
		.base = iq->iqa & ~VTD_PAGE_MASK,
		.slots = iq->slots,
		.shift = iq->desc_shift,
	};

	return ring_fetch(&ring, index, count, words);
}

/* For `forwarded`, which is told of a slot after it was submitted. */
static void keep_copies(const struct iommunest_vtd_iq *iq, uint32_t index,
			uint32_t count, const uint64_t *words)
{
	if (iq->copies)
		memcpy(vtd_iq_copy(iq, index), words,
		       (size_t)count << iq->desc_shift);
}

/* Handles @left slots from the head on, up to @end.  1: not all. */
static __attribute__((always_inline)) inline int
run_to(struct iommunest_vtd_iq *iq, uint32_t end, uint32_t left,
       struct iommunest_vtd_iq_result *result)
{
	uint64_t words[RING_CHUNK / sizeof(uint64_t)];
	uint32_t index = iq->head;
	uint32_t count;
	int ret;

	for (; left; left -= count) {
		count = left;
		ret = fetch(iq, index, &count, words);
		if (ret < 0)
			return fail_slot(iq, index, IOMMUNEST_CAUSE_FETCH, ret,
					 IOMMUNEST_VTD_IQEI_FETCH, result);
		keep_copies(iq, index, count, words);
		ret = handle(iq, index, count, words, result);
		if (ret)
			return ret;
		index = ring_after(iq->slots, index, count);
	}
	return iommunest__vtd_settle(iq, end, result);
}

/* A tail that hardware would refuse is a fault. */
static int check_tail(struct iommunest_vtd_iq *iq, uint32_t tail)
{
	if (iq->iqt & IQT_BIT4 && iq->desc_shift == SHIFT_256)
		return set_queue_error(iq, IOMMUNEST_CAUSE_GUEST, iq->head,
				       -EBADMSG, IOMMUNEST_VTD_IQEI_TAIL_ALIGN);
	if (tail >= iq->slots)
		return set_queue_error(iq, IOMMUNEST_CAUSE_GUEST, iq->head,
				       -EBADMSG, IOMMUNEST_VTD_IQEI_TAIL);
	return 0;
}

/* What a run does, up to its result. */
static inline __attribute__((always_inline)) int
run(struct iommunest_vtd_iq *iq, struct iommunest_vtd_iq_result *result)
{
	const uint32_t tail = (uint32_t)(iq->iqt >> iq->desc_shift);
	uint32_t end = tail;
	uint32_t left;
	int ret;

	if (iq->fault.cause)
		return iq->fault.error;
	ret = check_tail(iq, tail);
	if (ret)
		return ret;
	left = vtd_iq_distance(iq, tail);
	if (left > iq->budget) {
		left = iq->budget;
		end = ring_after(iq->slots, iq->head, left);
	}
	ret = run_to(iq, end, left, result);
	return ret < 0 ? ret : iq->head != tail;
}

int iommunest__vtd_ring_run(struct iommunest_vtd_iq *iq,
			    struct iommunest_vtd_iq_result *result)
{
	struct iommunest_vtd_iq_result out = { 0 };
	int ret;

	iq->running = true;
	ret = run(iq, &out);
	iq->running = false;
	vtd_give_result(iq, &out, result);
	return ret;
}
