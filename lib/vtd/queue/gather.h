/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * From descriptors to items.  What nearly every descriptor of a busy guest
 * goes through is inline: the loop of ring.c has no call in it for them.
 */
#ifndef IOMMUNEST_VTD_QUEUE_GATHER_H
#define IOMMUNEST_VTD_QUEUE_GATHER_H

#include "lib/vtd/desc.h"
#include "lib/vtd/entry.h"
#include "lib/vtd/queue/queue.h"

_Static_assert(ITEM_AM == FIELD1_AM && ITEM_LEAF == FIELD1_IH,
	       "both are taken over from a descriptor's second word");
_Static_assert(ITEM_INTERRUPT == FIELD_WAIT_IF && ITEM_STATUS == FIELD_WAIT_SW,
	       "both are taken over from a wait's first word");

/* A valid wait; it completes when what is gathered is settled. */
static inline void vtd_gather_wait(struct iommunest_vtd_iq *iq, uint32_t index,
				   const uint64_t *words)
{
	const uint64_t word = words[0];

	*vtd_iq_wait(iq, iq->n_waits++) = (struct vtd_item){
		.status_addr = words[1] & WAIT_ADDR,
		.status_data = (uint32_t)bits_get(word, FIELD_WAIT_DATA),
		.index = (uint16_t)index,
		.flags = word & (ITEM_INTERRUPT | ITEM_STATUS),
	};
}

static inline void vtd_touch(struct iommunest_vtd_iq *iq, uint16_t slot)
{
	if (iq->touched == VTD_NONE)
		iq->touched = slot;
	else
		vtd_iq_gathered(iq, iq->last_touched)->next_touched = slot;
	iq->last_touched = slot;
}

static inline void vtd_gather(struct iommunest_vtd_iq *iq, uint16_t slot,
			      uint32_t index, uint64_t addr, uint32_t flags)
{
	struct vtd_gathered *gathered = vtd_iq_gathered(iq, slot);
	uint32_t at = iq->n_items++;
	struct vtd_item *item = &iq->items[at];

	item->addr = addr;
	item->next = VTD_NO_ITEM;
	item->index = (uint16_t)index;
	item->flags = (uint16_t)flags;
	if (gathered->first_item == VTD_NO_ITEM) {
		gathered->first_item = at;
		vtd_touch(iq, slot);
	} else {
		iq->items[gathered->last_item].next = at;
	}
	gathered->last_item = at;
	if (!(flags & ITEM_PIGGYBACKED))
		gathered->last_entry = at;
}

/* The pages of a PASID-based IOTLB descriptor. */
static inline void vtd_gather_pages(struct iommunest_vtd_iq *iq, uint16_t slot,
				    uint32_t index, const uint64_t *words)
{
	vtd_gather(iq, slot, index, words[1] & ~VTD_PAGE_MASK,
		   words[1] & (ITEM_AM | ITEM_LEAF));
}

/*
 * For each HWPT in the scope of a valid descriptor, which are those of @scope
 * and of the scopes after it that have its key.
 */
void iommunest__vtd_gather_piotlb(struct iommunest_vtd_iq *iq, uint32_t index,
				  const uint64_t *words, uint16_t scope);

/* The same; false: there is none.  Nearly always it is pages of one HWPT. */
static inline bool vtd_gather_piotlb(struct iommunest_vtd_iq *iq,
				     uint32_t index, const uint64_t *words)
{
	const struct vtd_scopes *table = &iq->scopes;
	uint16_t i = vtd_scopes_find(table, vtd_piotlb_scope(words));

	if (i == VTD_NONE)
		return false;
	iq->n_forwarded++;
	if (vtd_piotlb_is_all(words) ||
	    vtd_scopes_find_next(table, i) != VTD_NONE)
		iommunest__vtd_gather_piotlb(iq, index, words, i);
	else
		vtd_gather_pages(iq, table->scopes[i].hwpt, index, words);
	return true;
}

/*
 * Both: for each HWPT that the descriptor concerns.  Returns how many there
 * are, or what ops.device failed with; where it is asked, and for an IOTLB
 * descriptor, items may be wide.
 */
int iommunest__vtd_gather_iotlb(struct iommunest_vtd_iq *iq, uint32_t index,
				const struct iommunest_vtd_desc *desc);
int iommunest__vtd_gather_dev_tlb(struct iommunest_vtd_iq *iq, uint32_t index,
				  const struct iommunest_vtd_desc *desc);

#endif /* IOMMUNEST_VTD_QUEUE_GATHER_H */
