/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* From descriptors to items: what is rarer than pages of one HWPT. */
#include <config.h>

#include <errno.h>

#include "lib/vtd/queue/gather.h"

/* All of an HWPT; of several in a row, the first is an entry. */
static void gather_all(struct iommunest_vtd_iq *iq, uint16_t slot,
		       uint32_t index)
{
	uint32_t last = vtd_iq_gathered(iq, slot)->last_entry;
	bool again = last != VTD_NO_ITEM && iq->items[last].flags & ITEM_ALL;

	vtd_gather(iq, slot, index, 0, again ? ITEM_PIGGYBACKED : ITEM_ALL);
}

void iommunest__vtd_gather_piotlb(struct iommunest_vtd_iq *iq, uint32_t index,
				  const uint64_t *words, uint16_t scope)
{
	const struct vtd_scopes *table = &iq->scopes;

	do {
		uint16_t slot = table->scopes[scope].hwpt;

		if (vtd_piotlb_is_all(words))
			gather_all(iq, slot, index);
		else
			vtd_gather_pages(iq, slot, index, words);
		scope = vtd_scopes_find_next(table, scope);
	} while (scope != VTD_NONE);
}

static bool has_gathered(const struct iommunest_vtd_iq *iq, uint16_t slot,
			 uint32_t index)
{
	uint32_t last = vtd_iq_gathered(iq, slot)->last_item;

	return last != VTD_NO_ITEM && iq->items[last].index == index;
}

/*
 * An IOTLB descriptor names second-stage addresses, and drops first-stage and
 * nested entries of its domain as well (VT-d specification, chapter 6): those
 * cannot be told from its address, so that every granularity means all of
 * each nested HWPT in the domain.
 */
int iommunest__vtd_gather_iotlb(struct iommunest_vtd_iq *iq, uint32_t index,
				const struct iommunest_vtd_desc *desc)
{
	const struct vtd_scopes *table = &iq->scopes;
	int found = 0;
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
		gather_all(iq, scope->hwpt, index);
		found++;
	}
	iq->n_wide += (uint32_t)found;
	iq->n_forwarded += found > 0;
	return found;
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
	uint32_t last = vtd_iq_gathered(iq, slot)->last_entry;
	uint32_t flags = desc->am | ITEM_LEAF;

	if (last != VTD_NO_ITEM && is_within(&iq->items[last], desc))
		flags = ITEM_PIGGYBACKED;
	else if (desc->am >= VTD_ALL_ORDER)
		flags = ITEM_ALL;
	vtd_gather(iq, slot, index, desc->addr, flags);
}

/* Of one device with one PASID, or none: an HWPT is there but once. */
static int gather_dev_tlb_by_key(struct iommunest_vtd_iq *iq, uint32_t index,
				 uint64_t key,
				 const struct iommunest_vtd_desc *desc)
{
	const struct vtd_scopes *table = &iq->scopes;
	uint16_t i = vtd_scopes_find(table, key);
	int found = 0;

	for (; i != VTD_NONE; i = vtd_scopes_find_next(table, i)) {
		gather_dev_tlb_of(iq, table->scopes[i].hwpt, index, desc);
		found++;
	}
	return found;
}

/* Of one device with all its PASIDs, which may share an HWPT. */
static int gather_dev_tlb_of_all(struct iommunest_vtd_iq *iq, uint32_t index,
				 const struct iommunest_vtd_desc *desc)
{
	const struct vtd_scopes *table = &iq->scopes;
	int found = 0;
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

/* The PASID that ops.device is asked for. */
static uint32_t pasid_of(const struct iommunest_vtd_desc *desc)
{
	if (desc->type == IOMMUNEST_VTD_DESC_DEV_TLB)
		return IOMMUNEST_VTD_NO_PASID;
	if (desc->granularity == IOMMUNEST_VTD_DEV_TLB_GLOBAL)
		return IOMMUNEST_VTD_ALL_PASIDS;
	return desc->pasid;
}

/* The VMM names target after target; only those of scopes are known. */
static int gather_dev_tlb_as_told(struct iommunest_vtd_iq *iq, uint32_t index,
				  const struct iommunest_vtd_desc *desc)
{
	uint32_t nth = 0;
	int found = 0;

	for (;;) {
		struct iommunest_vtd_target target =
			IOMMUNEST_INIT(struct iommunest_vtd_target);
		int ret = iq->ops.device(iq->vmm, desc->sid, pasid_of(desc),
					 nth++, &target);
		uint16_t slot;

		if (ret <= 0)
			return ret < 0 ? ret : found;
		slot = iommunest__vtd_scopes_slot_of(&iq->scopes, &target);
		if (slot == VTD_NONE)
			return -ENOENT;
		/* There cannot be so many: the list has no end. */
		if (nth == VTD_NONE)
			return -E2BIG;
		if (has_gathered(iq, slot, index))
			continue;
		gather_dev_tlb_of(iq, slot, index, desc);
		iq->n_wide++;
		found++;
	}
}

static int gather_dev_tlb(struct iommunest_vtd_iq *iq, uint32_t index,
			  const struct iommunest_vtd_desc *desc)
{
	uint32_t pasid = pasid_of(desc);

	if (!iq->forwards)
		return 0;
	if (iq->ops.device)
		return gather_dev_tlb_as_told(iq, index, desc);
	if (pasid == IOMMUNEST_VTD_ALL_PASIDS)
		return gather_dev_tlb_of_all(iq, index, desc);
	return gather_dev_tlb_by_key(iq, index,
				     vtd_device_key(desc->sid, pasid), desc);
}

int iommunest__vtd_gather_dev_tlb(struct iommunest_vtd_iq *iq, uint32_t index,
				  const struct iommunest_vtd_desc *desc)
{
	int found = gather_dev_tlb(iq, index, desc);

	iq->n_forwarded += found > 0;
	return found;
}
