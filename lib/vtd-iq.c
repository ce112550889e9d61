/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The engine of a guest's invalidation queue.
 * Registers and ring: VT-d specification, chapters 6 and 11.
 *
 * Guest memory is hostile: each descriptor is copied once, then checked, and
 * only the copy is used.
 */
#include <config.h>

#include <stdlib.h>

#include "abi.h"
#include "batch.h"
#include "vtd-desc.h"
#include "vtd-entry.h"
#include "vtd-iq.h"

/* IQA_REG */
#define IQA_QS UINT64_C(0x7)
#define IQA_DW (UINT64_C(1) << 11)
#define IQA_RESERVED UINT64_C(0x7f8)
#define IQA_BASE (~VTD_PAGE_MASK)

/* IQH_REG and IQT_REG hold the byte offset of a slot in bits 18:4. */
#define IQT_OFFSET UINT64_C(0x7fff0)
#define IQT_BIT4 UINT64_C(0x10)

#define SHIFT_128 4u
#define SHIFT_256 5u

#define PASID_MAX 0xfffffu

/* Descriptors are read in runs of so many bytes. */
#define CHUNK_BYTES 1024u

/* ---- Making one ---- */

static int copy_ops(struct iommunest_vtd_iq_ops *to,
		    const struct iommunest_vtd_iq_ops *from)
{
	int ret;

	ret = iommunest_copy_in(to, sizeof(*to), from,
				END_OF(struct iommunest_vtd_iq_ops, trace));
	if (ret)
		return ret;
	if (!to->read || !to->write_status || !to->interrupt || !to->descriptor)
		return -EINVAL;
	return 0;
}

static int copy_options(struct iommunest_vtd_iq_options *to,
			const struct iommunest_vtd_iq_options *from)
{
	int ret;

	memset(to, 0, sizeof(*to));
	if (from) {
		ret = iommunest_copy_in(to, sizeof(*to), from,
					END_OF(struct iommunest_vtd_iq_options,
					       limits));
		if (ret)
			return ret;
	}
	if (to->policy > IOMMUNEST_FLUSH_ALL || to->reserved)
		return -EINVAL;
	if (to->max_hwpts == 0)
		to->max_hwpts = IOMMUNEST_VTD_IQ_DEFAULT_HWPTS;
	return 0;
}

static int new_batch(struct iommunest_batch **batch,
		     const struct iommunest_vtd_limits *limits, uint32_t room)
{
	int ret;

	ret = iommunest_batch_new(batch, iommunest_vtd_s1_type(), room);
	if (ret)
		return ret;
	ret = iommunest_vtd_batch_set_limits(*batch, limits);
	if (ret) {
		iommunest_batch_free(*batch);
		*batch = NULL;
	}
	return ret;
}

/* The first batch is there to check the limits; a base brings a larger one. */
static int set_limits(struct iommunest_vtd_iq *iq,
		      const struct iommunest_vtd_limits *limits)
{
	int ret;

	iq->limits.size = sizeof(iq->limits);
	ret = new_batch(&iq->batch, limits ? limits : &iq->limits, 1);
	if (ret)
		return ret;
	if (limits)
		iommunest_copy_in(&iq->limits, sizeof(iq->limits), limits, 0);
	iq->limits.size = sizeof(iq->limits);
	return 0;
}

EXPORT int iommunest_vtd_iq_new(struct iommunest_vtd_iq **iq,
				struct iommunest_ctx *ctx,
				const struct iommunest_vtd_iq_ops *ops,
				void *vmm,
				const struct iommunest_vtd_iq_options *options)
{
	struct iommunest_vtd_iq_options opts;
	struct iommunest_vtd_iq *new;
	int ret;

	if (!iq)
		return -EINVAL;
	*iq = NULL;
	if (!ctx || !ops)
		return -EINVAL;
	ret = copy_options(&opts, options);
	if (ret)
		return ret;
	new = calloc(1, sizeof(*new));
	if (!new)
		return -ENOMEM;
	new->ctx = ctx;
	new->vmm = vmm;
	new->policy = opts.policy;
	new->budget = opts.budget;
	new->touched = VTD_NONE;
	ret = copy_ops(&new->ops, ops);
	if (!ret && opts.policy == IOMMUNEST_SKIP && !new->ops.skipped)
		ret = -EINVAL;
	if (!ret)
		ret = set_limits(new, opts.limits);
	if (!ret)
		ret = vtd_scopes_init(&new->scopes, opts.max_hwpts);
	if (ret) {
		iommunest_vtd_iq_free(new);
		return ret;
	}
	*iq = new;
	return 0;
}

EXPORT void iommunest_vtd_iq_free(struct iommunest_vtd_iq *iq)
{
	if (!iq)
		return;
	vtd_scopes_free(&iq->scopes);
	iommunest_batch_free(iq->batch);
	free(iq->items);
	free(iq);
}

/* ---- Base and scopes ---- */

/* Room for @slots descriptors, one of which may go to every HWPT. */
static int make_room(struct iommunest_vtd_iq *iq, uint32_t slots)
{
	uint32_t max_items = slots + iq->scopes.max;
	struct iommunest_batch *batch;
	struct vtd_item *items;
	int ret;

	if (slots == iq->slots)
		return 0;
	ret = new_batch(&batch, &iq->limits, slots);
	if (ret)
		return ret;
	items = calloc(max_items, sizeof(*items));
	if (!items) {
		iommunest_batch_free(batch);
		return -ENOMEM;
	}
	iommunest_batch_free(iq->batch);
	free(iq->items);
	iq->batch = batch;
	iq->items = items;
	iq->max_items = max_items;
	return 0;
}

EXPORT int iommunest_vtd_iq_set_base(struct iommunest_vtd_iq *iq, uint64_t iqa,
				     bool scalable)
{
	bool wide = iqa & IQA_DW;
	uint32_t slots;
	int ret;

	if (!iq || iqa & IQA_RESERVED)
		return -EINVAL;
	slots = (wide ? 128u : 256u) << (iqa & IQA_QS);
	ret = make_room(iq, slots);
	if (ret)
		return ret;
	iq->base = iqa & IQA_BASE;
	iq->slots = slots;
	iq->desc_shift = wide ? SHIFT_256 : SHIFT_128;
	iq->scalable = scalable;
	iq->forwards = scalable && wide;
	iq->head = 0;
	iommunest_vtd_iq_clear_fault(iq);
	return 0;
}

EXPORT int iommunest_vtd_iq_add_hwpt(struct iommunest_vtd_iq *iq, uint16_t did,
				     uint32_t pasid, uint32_t hwpt_id)
{
	if (!iq || pasid > PASID_MAX)
		return -EINVAL;
	return vtd_scopes_add(&iq->scopes, did, pasid, hwpt_id);
}

EXPORT int iommunest_vtd_iq_remove_hwpt(struct iommunest_vtd_iq *iq,
					uint32_t hwpt_id)
{
	if (!iq)
		return -EINVAL;
	return vtd_scopes_remove(&iq->scopes, hwpt_id);
}

EXPORT void iommunest_vtd_iq_clear_fault(struct iommunest_vtd_iq *iq)
{
	if (iq)
		iq->fault = (struct vtd_fault){ 0 };
}

/* ---- Gathering ---- */

static void touch(struct iommunest_vtd_iq *iq, uint16_t slot)
{
	if (iq->touched == VTD_NONE)
		iq->touched = slot;
	else
		iq->scopes.hwpts[iq->last_touched].next_touched = slot;
	iq->last_touched = slot;
}

static inline void gather(struct iommunest_vtd_iq *iq, uint16_t slot,
			  uint32_t index, uint64_t addr, uint32_t flags)
{
	struct vtd_hwpt *hwpt = &iq->scopes.hwpts[slot];
	uint32_t at = iq->n_items++;
	struct vtd_item *item = &iq->items[at];

	item->addr = addr;
	item->value = VTD_NONE;
	item->index = (uint16_t)index;
	item->flags = (uint16_t)flags;
	if (hwpt->first_item == VTD_NONE) {
		hwpt->first_item = (uint16_t)at;
		touch(iq, slot);
	} else {
		iq->items[hwpt->last_item].value = at;
	}
	hwpt->last_item = (uint16_t)at;
}

static void gather_wait(struct iommunest_vtd_iq *iq, uint32_t index,
			const struct iommunest_vtd_desc *desc)
{
	uint32_t flags = 0;

	if (desc->flags & IOMMUNEST_VTD_DESC_SW)
		flags |= ITEM_STATUS;
	if (desc->flags & IOMMUNEST_VTD_DESC_IF)
		flags |= ITEM_INTERRUPT;
	*vtd_iq_wait(iq, iq->n_waits++) = (struct vtd_item){
		.addr = desc->addr,
		.value = desc->status_data,
		.index = (uint16_t)index,
		.flags = (uint16_t)flags,
	};
}

/*
 * There is an item for each slot of the ring: only descriptors with more than
 * one can use them up.  The next one might be for every HWPT.
 */
static bool is_crowded(const struct iommunest_vtd_iq *iq)
{
	return iq->fans_out &&
	       iq->n_items + iq->n_waits + iq->scopes.max > iq->max_items;
}

/* One descriptor more, if it has found any HWPT. */
static bool gathered(struct iommunest_vtd_iq *iq, uint32_t found)
{
	if (!found)
		return false;
	iq->n_forwarded++;
	if (found > 1)
		iq->fans_out = true;
	return true;
}

/* For each HWPT in the scope of a valid descriptor; false: there is none. */
static bool gather_piotlb(struct iommunest_vtd_iq *iq, uint32_t index,
			  const uint64_t *words)
{
	const struct vtd_scopes *table = &iq->scopes;
	uint64_t addr = words[1] & ~VTD_PAGE_MASK;
	uint32_t flags = words[1] & (ITEM_AM | ITEM_LEAF);
	uint32_t found = 0;
	uint16_t i;

	if ((words[0] & VTD_PIOTLB_G) == VTD_PIOTLB_G_ALL)
		flags = ITEM_ALL;
	i = vtd_scopes_find(table, vtd_piotlb_scope(words));
	for (; i != VTD_NONE; i = vtd_scopes_find_next(table, i)) {
		gather(iq, table->scopes[i].hwpt, index, addr, flags);
		found++;
	}
	return gathered(iq, found);
}

/*
 * An IOTLB descriptor names second-stage addresses, and drops first-stage and
 * nested entries of its domain as well (VT-d specification, chapter 6): those
 * cannot be told from its address, so that every granularity means all of
 * each nested HWPT in the domain.
 */
static bool gather_iotlb(struct iommunest_vtd_iq *iq, uint32_t index,
			 const struct iommunest_vtd_desc *desc)
{
	const struct vtd_scopes *table = &iq->scopes;
	uint32_t found = 0;
	uint16_t i;

	for (i = 0; i < table->count; i++) {
		const struct vtd_scope *scope = &table->scopes[i];
		const struct vtd_hwpt *hwpt = &table->hwpts[scope->hwpt];

		if (desc->granularity != IOMMUNEST_VTD_IOTLB_GLOBAL &&
		    vtd_scope_did(scope) != desc->did)
			continue;
		/* One HWPT may have several scopes in the domain. */
		if (hwpt->last_item != VTD_NONE &&
		    iq->items[hwpt->last_item].index == index)
			continue;
		gather(iq, scope->hwpt, index, 0, ITEM_ALL);
		found++;
	}
	return gathered(iq, found);
}

/* ---- One descriptor ---- */

static int set_fault(struct iommunest_vtd_iq *iq, uint32_t cause,
		     uint32_t index, int error, uint32_t iqei)
{
	iq->fault = (struct vtd_fault){
		.cause = cause,
		.index = index,
		.error = error,
		.iqei = iqei,
	};
	return error;
}

/* Settles what is before a slot; if that is well, the slot is at fault. */
static int fail_slot(struct iommunest_vtd_iq *iq, uint32_t index,
		     uint32_t cause, int error, uint32_t iqei,
		     struct iommunest_vtd_iq_result *result)
{
	int ret;

	ret = vtd_iq_settle(iq, index, result);
	if (ret)
		return ret;
	return set_fault(iq, cause, index, error, iqei);
}

static int give_to_vmm(struct iommunest_vtd_iq *iq, uint32_t index,
		       const struct iommunest_vtd_desc *desc,
		       struct iommunest_vtd_iq_result *result)
{
	int ret;

	ret = vtd_iq_settle(iq, index, result);
	if (ret)
		return ret;
	ret = iq->ops.descriptor(iq->vmm, index, desc);
	if (ret < 0)
		return set_fault(iq, IOMMUNEST_CAUSE_HOST, index, ret, 0);
	result->vmm++;
	vtd_iq_advance(iq, result, vtd_iq_next(iq, index));
	return 0;
}

/*
 * Takes the descriptor just settled, whose items end at @end, out of the
 * counts again: the VMM has not done its part.
 */
static void uncount(struct iommunest_vtd_iq *iq, uint32_t index, uint32_t end,
		    struct iommunest_vtd_iq_result *result)
{
	bool skipped = false;

	for (; end && iq->items[end - 1].index == index; end--)
		skipped |= iq->items[end - 1].flags & ITEM_SKIPPED;
	if (skipped)
		result->skipped--;
	else
		result->forwarded--;
	result->descriptors--;
	iq->head = index;
}

/* Forwards what nested HWPTs have of it; the VMM has the second stage. */
static int handle_iotlb(struct iommunest_vtd_iq *iq, uint32_t index,
			const struct iommunest_vtd_desc *desc,
			struct iommunest_vtd_iq_result *result)
{
	uint32_t end;
	int ret;

	if (!iq->scalable || !gather_iotlb(iq, index, desc))
		return give_to_vmm(iq, index, desc, result);
	end = iq->n_items;
	ret = vtd_iq_settle(iq, vtd_iq_next(iq, index), result);
	if (ret)
		return ret;
	ret = iq->ops.descriptor(iq->vmm, index, desc);
	if (ret >= 0) {
		result->vmm++;
		return 0;
	}
	uncount(iq, index, end, result);
	return set_fault(iq, IOMMUNEST_CAUSE_HOST, index, ret, 0);
}

/* What needs no decoding in full: a PASID-based IOTLB descriptor at work. */
static bool forward(struct iommunest_vtd_iq *iq, uint32_t index,
		    const uint64_t *words)
{
	if ((words[0] & VTD_DESC_TYPE_BITS) != IOMMUNEST_VTD_DESC_PIOTLB)
		return false;
	return iq->forwards && vtd_piotlb_is_valid(words) &&
	       gather_piotlb(iq, index, words);
}

/* Not inline: the loop over what is forwarded stays small. */
static __attribute__((noinline)) int
handle_other(struct iommunest_vtd_iq *iq, uint32_t index, const uint64_t *words,
	     struct iommunest_vtd_iq_result *result)
{
	struct iommunest_vtd_desc desc;
	int ret;

	ret = iommunest_vtd_decode(&desc, words, 8u << iq->desc_shift);
	if (ret)
		return fail_slot(iq, index, IOMMUNEST_CAUSE_GUEST, ret,
				 desc.iqei, result);
	switch (desc.type) {
	case IOMMUNEST_VTD_DESC_WAIT:
		gather_wait(iq, index, &desc);
		return 0;
	case IOMMUNEST_VTD_DESC_IOTLB:
		return handle_iotlb(iq, index, &desc, result);
	default:
		return give_to_vmm(iq, index, &desc, result);
	}
}

static int handle(struct iommunest_vtd_iq *iq, uint32_t index,
		  const uint64_t *words, struct iommunest_vtd_iq_result *result)
{
	int ret;

	if (is_crowded(iq)) {
		ret = vtd_iq_settle(iq, index, result);
		if (ret)
			return ret;
	}
	if (forward(iq, index, words))
		return 0;
	return handle_other(iq, index, words, result);
}

/* ---- The ring ---- */

/* How many of @count descriptors can be read in one piece at @index. */
static uint32_t chunk(const struct iommunest_vtd_iq *iq, uint32_t index,
		      uint32_t count)
{
	uint64_t offset = (uint64_t)index << iq->desc_shift;
	uint32_t page =
		(uint32_t)((VTD_PAGE_MASK + 1 - (offset & VTD_PAGE_MASK)) >>
			   iq->desc_shift);
	uint32_t most = CHUNK_BYTES >> iq->desc_shift;

	if (count > iq->slots - index)
		count = iq->slots - index;
	if (count > page)
		count = page;
	return count < most ? count : most;
}

static int read_slots(struct iommunest_vtd_iq *iq, uint32_t index,
		      uint32_t count, uint64_t *words)
{
	uint64_t gpa = iq->base + ((uint64_t)index << iq->desc_shift);

	return iq->ops.read(iq->vmm, gpa, words,
			    (size_t)count << iq->desc_shift);
}

/* Reads up to *@count descriptors; one alone, where a run fails. */
static int fetch(struct iommunest_vtd_iq *iq, uint32_t index, uint32_t *count,
		 uint64_t *words)
{
	*count = chunk(iq, index, *count);
	if (read_slots(iq, index, *count, words) >= 0)
		return 0;
	*count = 1;
	return read_slots(iq, index, 1, words);
}

/* Handles slots up to @end, which is at most a ring away. */
static int run_to(struct iommunest_vtd_iq *iq, uint32_t end,
		  struct iommunest_vtd_iq_result *result)
{
	uint64_t words[CHUNK_BYTES / sizeof(uint64_t)];
	uint32_t left = vtd_iq_distance(iq, end);
	uint32_t words_per_desc = 1u << (iq->desc_shift - 3);
	uint32_t index = iq->head;
	uint32_t count, i;
	int ret;

	for (; left; left -= count) {
		count = left;
		ret = fetch(iq, index, &count, words);
		if (ret < 0)
			return fail_slot(iq, index, IOMMUNEST_CAUSE_FETCH, ret,
					 IOMMUNEST_VTD_IQEI_FETCH, result);
		for (i = 0; i < count; i++) {
			ret = handle(iq, index, &words[i * words_per_desc],
				     result);
			if (ret)
				return ret;
			index = vtd_iq_next(iq, index);
		}
	}
	return vtd_iq_settle(iq, end, result);
}

/* The tail as a slot; a tail that hardware would refuse is a fault. */
static int check_tail(struct iommunest_vtd_iq *iq, uint64_t iqt, uint32_t *tail)
{
	*tail = (uint32_t)((iqt & IQT_OFFSET) >> iq->desc_shift);
	if (iq->desc_shift == SHIFT_256 && iqt & IQT_BIT4)
		return set_fault(iq, IOMMUNEST_CAUSE_GUEST, iq->head, -EBADMSG,
				 IOMMUNEST_VTD_IQEI_TAIL_ALIGN);
	if (*tail >= iq->slots)
		return set_fault(iq, IOMMUNEST_CAUSE_GUEST, iq->head, -EBADMSG,
				 IOMMUNEST_VTD_IQEI_TAIL);
	return 0;
}

static int run(struct iommunest_vtd_iq *iq, uint64_t iqt,
	       struct iommunest_vtd_iq_result *result)
{
	uint32_t tail, end;
	int ret;

	if (iq->fault.cause)
		return iq->fault.error;
	ret = check_tail(iq, iqt, &tail);
	if (ret)
		return ret;
	end = tail;
	if (iq->budget && vtd_iq_distance(iq, tail) > iq->budget)
		end = (iq->head + iq->budget) & (iq->slots - 1);
	ret = run_to(iq, end, result);
	if (ret)
		return ret;
	return end != tail;
}

static void fill_result(const struct iommunest_vtd_iq *iq,
			struct iommunest_vtd_iq_result *result)
{
	const struct vtd_fault *fault = &iq->fault;

	result->iqh = (uint64_t)iq->head << iq->desc_shift;
	if (!fault->cause)
		return;
	result->iqercd = fault->iqei;
	result->fsts = fault->error == -ETIMEDOUT ? IOMMUNEST_VTD_FSTS_ITE
						  : IOMMUNEST_VTD_FSTS_IQE;
	result->cause = fault->cause;
	result->index = fault->index;
	result->error = fault->error;
	result->hwpt_id = fault->hwpt_id;
}

EXPORT int iommunest_vtd_iq_run(struct iommunest_vtd_iq *iq, uint64_t iqt,
				struct iommunest_vtd_iq_result *result)
{
	struct iommunest_vtd_iq_result out = { 0 };
	int ret = -EINVAL;

	if (!result ||
	    result->size < END_OF(struct iommunest_vtd_iq_result, calls))
		return -EINVAL;
	if (iq && iq->slots) {
		ret = run(iq, iqt, &out);
		fill_result(iq, &out);
	}
	iommunest_copy_out(result, &out, sizeof(out));
	return ret;
}
