/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The queue engine's inside.
 *
 * vtd-iq.c fetches descriptors from the head on and gathers what is
 * forwardable as items, with waits in between.  vtd-iq-settle.c submits what
 * was gathered, one batch for each HWPT, completes the waits and moves the
 * head.  The head and the fault are all the state that lives between runs.
 */
#ifndef IOMMUNEST_VTD_IQ_H
#define IOMMUNEST_VTD_IQ_H

#include <libiommunest.h>

#include "vtd-scope.h"

/*
 * vtd_item::flags.  AM and IH are where the second word of a descriptor has
 * them, and are taken over as they are.
 */
#define ITEM_AM 0x3fu
#define ITEM_LEAF (1u << 6)
#define ITEM_ALL (1u << 7)
#define ITEM_STATUS (1u << 9)
#define ITEM_INTERRUPT (1u << 10)
/* Its fate, once it was submitted; without either, it was handled. */
#define ITEM_COVERED (1u << 11)
#define ITEM_SKIPPED (1u << 12)

/*
 * What a descriptor asks of one HWPT, or a wait.  16 bytes, and one for each
 * slot of the ring, so that gathering allocates nothing.
 */
struct vtd_item {
	/* In the block, or a wait's status address; after a skip, the error. */
	uint64_t addr;
	/*
	 * A wait's status data; else the next item of the same HWPT, and with
	 * a fate the HWPT's id.
	 */
	uint32_t value;
	/* Slot of the ring. */
	uint16_t index;
	uint16_t flags;
};

struct vtd_fault {
	/* enum iommunest_cause; NONE: there is no fault. */
	uint32_t cause;
	uint32_t index;
	uint32_t hwpt_id;
	/* enum iommunest_vtd_iqei. */
	uint32_t iqei;
	int error;
};

struct iommunest_vtd_iq {
	struct iommunest_ctx *ctx;
	void *vmm;
	struct iommunest_vtd_iq_ops ops;
	uint32_t policy;
	uint32_t budget;
	struct iommunest_vtd_limits limits;
	struct vtd_scopes scopes;

	/* The ring; slots is 0 before the first base. */
	uint64_t base;
	uint32_t slots;
	uint32_t desc_shift;
	bool scalable;
	/* PASID-based IOTLB descriptors are there to be forwarded. */
	bool forwards;

	/* All before it is done. */
	uint32_t head;
	struct vtd_fault fault;

	/*
	 * Gathered, and not settled: items of HWPTs from the beginning of the
	 * array on, waits from its end downwards, each in ring order.
	 */
	struct vtd_item *items;
	uint32_t max_items;
	uint32_t n_items;
	uint32_t n_waits;
	/* Descriptors that the items come from. */
	uint32_t n_forwarded;
	/* Some descriptor has more items than one. */
	bool fans_out;
	/* The first and the last HWPT that have any. */
	uint16_t touched;
	uint16_t last_touched;
	/* For one HWPT at a time. */
	struct iommunest_batch *batch;
};

/* How far a slot is behind the head. */
static inline uint32_t vtd_iq_distance(const struct iommunest_vtd_iq *iq,
				       uint32_t index)
{
	return (index - iq->head) & (iq->slots - 1);
}

static inline uint32_t vtd_iq_next(const struct iommunest_vtd_iq *iq,
				   uint32_t index)
{
	return (index + 1) & (iq->slots - 1);
}

/* All before @to is done. */
static inline void vtd_iq_advance(struct iommunest_vtd_iq *iq,
				  struct iommunest_vtd_iq_result *result,
				  uint32_t to)
{
	result->descriptors += vtd_iq_distance(iq, to);
	iq->head = to;
}

static inline struct vtd_item *vtd_iq_wait(const struct iommunest_vtd_iq *iq,
					   uint32_t i)
{
	return &iq->items[iq->max_items - 1 - i];
}

/*
 * A point of order: submits everything gathered, which lies before slot @end,
 * completes the waits among it, and moves the head to @end.  On failure the
 * head is at the first slot that failed, iq->fault says why, and its error is
 * returned.  Either way nothing is gathered any more.
 */
int vtd_iq_settle(struct iommunest_vtd_iq *iq, uint32_t end,
		  struct iommunest_vtd_iq_result *result);

#endif /* IOMMUNEST_VTD_IQ_H */
