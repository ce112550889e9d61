/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* From descriptors to items: IOTLB and device-TLB descriptors. */
#include <config.h>

#include "lib/vtd/queue/gather.h"

/* Counts it as forwarded, if it found any HWPT. */
static bool count_forwarded(struct iommunest_vtd_iq *iq, uint32_t found)
{
	if (!found)
		return false;
	iq->n_forwarded++;
	return true;
}

static bool has_gathered(const struct iommunest_vtd_iq *iq, uint16_t slot,
			 uint32_t index)
{
	uint32_t last = iq->gathered[slot].last_item;

	return last != VTD_NO_ITEM && iq->items[last].index == index;
}

/*
 * An IOTLB descriptor names second-stage addresses, and drops first-stage and
 * nested entries of its domain as well (VT-d specification, chapter 6): those
 * cannot be told from its address, so that every granularity means all of
 * each nested HWPT in the domain.
 */
bool iommunest__vtd_gather_iotlb(struct iommunest_vtd_iq *iq, uint32_t index,
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
		vtd_gather(iq, scope->hwpt, index, 0, ITEM_ALL);
		found++;
	}
	return count_forwarded(iq, found);
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
	uint32_t last = iq->gathered[slot].last_entry;
	uint32_t flags = desc->am | ITEM_LEAF;

	if (last != VTD_NO_ITEM && is_within(&iq->items[last], desc))
		flags = ITEM_PIGGYBACKED;
	else if (desc->am >= VTD_ALL_ORDER)
		flags = ITEM_ALL;
	vtd_gather(iq, slot, index, desc->addr, flags);
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

bool iommunest__vtd_gather_dev_tlb(struct iommunest_vtd_iq *iq, uint32_t index,
				   const struct iommunest_vtd_desc *desc)
{
	uint32_t pasid = desc->type == IOMMUNEST_VTD_DESC_DEV_TLB
				 ? IOMMUNEST_VTD_NO_PASID
				 : desc->pasid;
	uint64_t key = vtd_device_key(desc->sid, pasid);

	if (!iq->forwards)
		return false;
	if (desc->granularity == IOMMUNEST_VTD_DEV_TLB_GLOBAL)
		return count_forwarded(iq,
				       gather_dev_tlb_of_all(iq, index, desc));
	return count_forwarded(iq, gather_dev_tlb_by_key(iq, index, key, desc));
}
