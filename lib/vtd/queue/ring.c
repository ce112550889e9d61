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

#include <endian.h>

#include "lib/abi.h"
#include "lib/vtd/desc.h"
#include "lib/vtd/entry.h"
#include "lib/vtd/queue/queue-regs.h"
#include "lib/vtd/queue/queue.h"

/* Descriptors are read in runs of so many bytes. */
#define CHUNK_BYTES 1024u

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
	item->value = VTD_NO_ITEM;
	item->index = (uint16_t)index;
	item->flags = (uint16_t)flags;
	if (hwpt->first_item == VTD_NO_ITEM) {
		hwpt->first_item = at;
		touch(iq, slot);
	} else {
		iq->items[hwpt->last_item].value = at;
	}
	hwpt->last_item = at;
	if (!(flags & ITEM_RIDES))
		hwpt->last_entry = at;
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

/* One descriptor more, if it has found any HWPT. */
static bool gathered(struct iommunest_vtd_iq *iq, uint32_t found)
{
	if (!found)
		return false;
	iq->n_forwarded++;
	return true;
}

static bool has_gathered(const struct iommunest_vtd_iq *iq, uint16_t slot,
			 uint32_t index)
{
	uint32_t last = iq->scopes.hwpts[slot].last_item;

	return last != VTD_NO_ITEM && iq->items[last].index == index;
}

_Static_assert(ITEM_AM == FIELD1_AM && ITEM_LEAF == FIELD1_IH,
	       "both are taken over from a descriptor's second word");

/* For each HWPT in the scope of a valid descriptor; false: there is none. */
static bool gather_piotlb(struct iommunest_vtd_iq *iq, uint32_t index,
			  const uint64_t *words)
{
	const struct vtd_scopes *table = &iq->scopes;
	uint64_t addr = words[1] & ~VTD_PAGE_MASK;
	uint32_t flags = words[1] & (ITEM_AM | ITEM_LEAF);
	uint32_t found = 0;
	uint16_t i;

	if ((words[0] & FIELD_G) == VTD_PIOTLB_G_ALL)
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

		if (vtd_scope_is_device(scope))
			continue;
		if (desc->granularity != IOMMUNEST_VTD_IOTLB_GLOBAL &&
		    vtd_scope_id(scope) != desc->did)
			continue;
		/* One HWPT may have several scopes in the domain. */
		if (has_gathered(iq, scope->hwpt, index))
			continue;
		gather(iq, scope->hwpt, index, 0, ITEM_ALL);
		found++;
	}
	return gathered(iq, found);
}

/* Whether the block that a device-TLB descriptor names lies in an item's. */
static bool is_within(const struct vtd_item *item,
		      const struct iommunest_vtd_desc *desc)
{
	unsigned int am = item->flags & ITEM_AM;

	if (item->flags & ITEM_ALL || am >= VTD_ALL_ORDER)
		return true;
	return desc->am <= am &&
	       (item->addr ^ desc->addr) >> am >> VTD_PAGE_SHIFT == 0;
}

/*
 * The kernel flushes the device TLBs of a nested HWPT with every entry.  Where
 * the entry before has the range already, as with nearly all guests, nothing
 * is added; else a leaf entry of that range asks for least beside it.
 */
static void gather_dev_tlb_of(struct iommunest_vtd_iq *iq, uint16_t slot,
			      uint32_t index,
			      const struct iommunest_vtd_desc *desc)
{
	uint32_t last = iq->scopes.hwpts[slot].last_entry;
	uint32_t flags = desc->am | ITEM_LEAF;

	if (last != VTD_NO_ITEM && is_within(&iq->items[last], desc))
		flags = ITEM_RIDES;
	else if (desc->am >= VTD_ALL_ORDER)
		flags = ITEM_ALL;
	gather(iq, slot, index, desc->addr, flags);
}

/* Of one device with one PASID, or none: an HWPT is there but once. */
static uint32_t gather_dev_tlb_by_key(struct iommunest_vtd_iq *iq,
				      uint32_t index, uint64_t key,
				      const struct iommunest_vtd_desc *desc)
{
	const struct vtd_scopes *table = &iq->scopes;
	uint16_t i = vtd_scopes_find(table, key);
	uint32_t found = 0;

	for (; i != VTD_NONE; i = vtd_scopes_find_next(table, i)) {
		gather_dev_tlb_of(iq, table->scopes[i].hwpt, index, desc);
		found++;
	}
	return found;
}

/* Of one device with all its PASIDs, which may share an HWPT. */
static uint32_t gather_dev_tlb_of_all(struct iommunest_vtd_iq *iq,
				      uint32_t index,
				      const struct iommunest_vtd_desc *desc)
{
	const struct vtd_scopes *table = &iq->scopes;
	uint32_t found = 0;
	uint16_t i;

	for (i = 0; i < table->count; i++) {
		const struct vtd_scope *scope = &table->scopes[i];

		if (!vtd_scope_is_device(scope) ||
		    vtd_scope_id(scope) != desc->sid ||
		    has_gathered(iq, scope->hwpt, index))
			continue;
		gather_dev_tlb_of(iq, scope->hwpt, index, desc);
		found++;
	}
	return found;
}

static bool gather_dev_tlb(struct iommunest_vtd_iq *iq, uint32_t index,
			   const struct iommunest_vtd_desc *desc)
{
	uint32_t pasid = desc->type == IOMMUNEST_VTD_DESC_DEV_TLB
				 ? IOMMUNEST_VTD_NO_PASID
				 : desc->pasid;
	uint64_t key = vtd_device_key(desc->sid, pasid);

	if (!iq->forwards)
		return false;
	if (desc->granularity == IOMMUNEST_VTD_DEV_TLB_GLOBAL)
		return gathered(iq, gather_dev_tlb_of_all(iq, index, desc));
	return gathered(iq, gather_dev_tlb_by_key(iq, index, key, desc));
}

/* ---- One descriptor ---- */

/* What the guest sees of an error: FSTS_REG and IQERCD_REG. */
struct vtd_fault vtd_iq_fault(uint32_t cause, uint32_t index, int error,
			      uint16_t sid)
{
	struct vtd_fault fault = {
		.cause = cause,
		.index = index,
		.error = error,
		.fsts = IOMMUNEST_VTD_FSTS_IQE,
	};

	if (error == -ETIMEDOUT) {
		fault.fsts = IOMMUNEST_VTD_FSTS_ITE;
		fault.iqercd = (uint64_t)sid << 32;
	} else if (error == -EREMOTEIO) {
		fault.fsts = IOMMUNEST_VTD_FSTS_ICE;
		fault.iqercd = (uint64_t)sid << 48;
	}
	return fault;
}

/*
 * The guest has a queue of its own, and did nothing that the host's reason
 * would explain to it: it sees the kind of error, and no more.
 */
struct vtd_fault vtd_iq_host_fault(uint32_t index, int error, uint32_t hwpt_id,
				   uint32_t driver_error)
{
	struct vtd_fault fault =
		vtd_iq_fault(IOMMUNEST_CAUSE_HOST, index, error, 0);

	fault.hwpt_id = hwpt_id;
	fault.driver_error = driver_error;
	if (driver_error & IOMMUNEST_VTD_ERROR_ITE)
		fault.fsts = IOMMUNEST_VTD_FSTS_ITE;
	else if (driver_error & IOMMUNEST_VTD_ERROR_ICE)
		fault.fsts = IOMMUNEST_VTD_FSTS_ICE;
	return fault;
}

/* What hardware would find by itself. */
static int set_queue_error(struct iommunest_vtd_iq *iq, uint32_t cause,
			   uint32_t index, int error, uint32_t iqei)
{
	iq->fault = (struct vtd_fault){
		.cause = cause,
		.index = index,
		.error = error,
		.fsts = IOMMUNEST_VTD_FSTS_IQE,
		.iqercd = iqei,
	};
	return error;
}

static bool is_dev_tlb(const struct iommunest_vtd_desc *desc)
{
	return desc->type == IOMMUNEST_VTD_DESC_DEV_TLB ||
	       desc->type == IOMMUNEST_VTD_DESC_PASID_DEV_TLB;
}

/* The VMM failed on a descriptor; others have a source id, too. */
static int set_vmm_error(struct iommunest_vtd_iq *iq, uint32_t index, int error,
			 const struct iommunest_vtd_desc *desc)
{
	uint16_t sid = is_dev_tlb(desc) ? desc->sid : 0;

	iq->fault = vtd_iq_fault(IOMMUNEST_CAUSE_HOST, index, error, sid);
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
	return set_queue_error(iq, cause, index, error, iqei);
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
		return set_vmm_error(iq, index, ret, desc);
	result->vmm++;
	vtd_iq_advance(iq, result, vtd_iq_next(iq, index));
	return 0;
}

static bool was_skipped(const struct iommunest_vtd_iq *iq, uint32_t index,
			uint32_t end)
{
	for (; end && iq->items[end - 1].index == index; end--) {
		if (iq->items[end - 1].flags & ITEM_SKIPPED)
			return true;
	}
	return false;
}

/*
 * Takes the descriptor just settled out of the counts again: the VMM has not
 * done its part.
 */
static void uncount(struct iommunest_vtd_iq *iq, uint32_t index, bool skipped,
		    struct iommunest_vtd_iq_result *result)
{
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
	bool skipped;
	int ret;

	if (!iq->scalable || !gather_iotlb(iq, index, desc))
		return give_to_vmm(iq, index, desc, result);
	end = iq->n_items;
	ret = vtd_iq_settle(iq, vtd_iq_next(iq, index), result);
	if (ret)
		return ret;
	/* Adding an HWPT, as the VMM may do, moves the items. */
	skipped = was_skipped(iq, index, end);
	ret = iq->ops.descriptor(iq->vmm, index, desc);
	if (ret >= 0) {
		result->vmm++;
		return 0;
	}
	uncount(iq, index, skipped, result);
	return set_vmm_error(iq, index, ret, desc);
}

/*
 * Page requests are the VMM's: where the guest wants them drained, it does that
 * before the wait completes.
 */
static int handle_wait(struct iommunest_vtd_iq *iq, uint32_t index,
		       const struct iommunest_vtd_desc *desc,
		       struct iommunest_vtd_iq_result *result)
{
	int ret;

	if (!(desc->flags & IOMMUNEST_VTD_DESC_PD)) {
		gather_wait(iq, index, desc);
		return 0;
	}
	ret = vtd_iq_settle(iq, index, result);
	if (ret)
		return ret;
	ret = iq->ops.descriptor(iq->vmm, index, desc);
	if (ret < 0)
		return set_vmm_error(iq, index, ret, desc);
	gather_wait(iq, index, desc);
	ret = vtd_iq_settle(iq, vtd_iq_next(iq, index), result);
	if (!ret)
		result->vmm++;
	return ret;
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

	ret = iommunest__vtd_desc_decode(&desc, words, 8u << iq->desc_shift,
					 iq->scalable);
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
		if (gather_dev_tlb(iq, index, &desc))
			return 0;
		break;
	default:
		break;
	}
	return give_to_vmm(iq, index, &desc, result);
}

static int handle(struct iommunest_vtd_iq *iq, uint32_t index,
		  const uint64_t *words, struct iommunest_vtd_iq_result *result)
{
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
	uint64_t gpa = (iq->iqa & ~VTD_PAGE_MASK) +
		       ((uint64_t)index << iq->desc_shift);

	size_t len = (size_t)count << iq->desc_shift;
	size_t i;
	int ret;

	ret = iq->ops.read(iq->vmm, gpa, words, len);
	if (ret < 0)
		return ret;
	/* Guest memory is little-endian. */
	for (i = 0; i < len / sizeof(*words); i++)
		words[i] = le64toh(words[i]);
	return 0;
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
static int check_tail(struct iommunest_vtd_iq *iq, uint32_t *tail)
{
	*tail = (uint32_t)(iq->iqt >> iq->desc_shift);
	if (iq->desc_shift == SHIFT_256 && iq->iqt & IQT_BIT4)
		return set_queue_error(iq, IOMMUNEST_CAUSE_GUEST, iq->head,
				       -EBADMSG, IOMMUNEST_VTD_IQEI_TAIL_ALIGN);
	if (*tail >= iq->slots)
		return set_queue_error(iq, IOMMUNEST_CAUSE_GUEST, iq->head,
				       -EBADMSG, IOMMUNEST_VTD_IQEI_TAIL);
	return 0;
}

int vtd_iq_run(struct iommunest_vtd_iq *iq,
	       struct iommunest_vtd_iq_result *result)
{
	uint32_t tail, end;
	int ret;

	if (iq->fault.cause)
		return iq->fault.error;
	ret = check_tail(iq, &tail);
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
