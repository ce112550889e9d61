/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * The queue engine's inside.
 *
 * engine.c makes an engine and gives it room; registers.c has what the guest
 * does to its registers, and live migration.  ring.c fetches descriptors from
 * the head on and gathers what is forwardable as items, with waits in between.
 * settle.c submits what was gathered, one batch for each HWPT, completes the
 * waits and moves the head.
 */
#ifndef IOMMUNEST_VTD_QUEUE_QUEUE_H
#define IOMMUNEST_VTD_QUEUE_QUEUE_H

#include <libiommunest.h>

#include "lib/vtd/queue/targets.h"

/*
 * vtd_item::flags.  AM and IH are where the second word of a descriptor has
 * them, and are taken over as they are.
 */
#define ITEM_AM 0x3fu
#define ITEM_LEAF (1u << 6)
#define ITEM_ALL (1u << 7)
/* Becomes no entry: the item that did before it, of its HWPT, covers it. */
#define ITEM_RIDES (1u << 8)
#define ITEM_STATUS (1u << 9)
#define ITEM_INTERRUPT (1u << 10)
/* Its fate, once it was submitted; without either, it was handled. */
#define ITEM_COVERED (1u << 11)
#define ITEM_SKIPPED (1u << 12)

/*
 * What a descriptor asks of one HWPT, or a wait.  16 bytes; there is room for
 * as many as a full ring can ask for, so that gathering allocates nothing.
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
	int error;
	/* The host driver's own code, or 0. */
	uint32_t driver_error;
	/* What the guest sees of it. */
	uint32_t fsts;
	uint64_t iqercd;
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
	uint64_t iqa;
	uint32_t slots;
	uint32_t desc_shift;
	bool scalable;
	/* PASID-based descriptors are there to be forwarded. */
	bool forwards;

	bool enabled;
	/* As the guest wrote it last. */
	uint64_t iqt;
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
 * Room for a ring of @slots, whatever it asks of the HWPTs that there are.
 * Nothing may be gathered.  0, or -ENOMEM and all is as it was.
 */
int vtd_iq_make_room(struct iommunest_vtd_iq *iq, uint32_t slots);

/*
 * A failure of the host, the VMM or guest memory, and what the guest sees of
 * it; @sid is the device whose device TLB it was, or 0.
 */
struct vtd_fault vtd_iq_fault(uint32_t cause, uint32_t index, int error,
			      uint16_t sid);

/* The same of a submission that failed. */
struct vtd_fault vtd_iq_host_fault(uint32_t index, int error, uint32_t hwpt_id,
				   uint32_t driver_error);

/* iommunest_vtd_iq_run() to the tail that is in iq->iqt. */
int vtd_iq_run(struct iommunest_vtd_iq *iq,
	       struct iommunest_vtd_iq_result *result);

/*
 * A point of order: submits everything gathered, which lies before slot @end,
 * completes the waits among it, and moves the head to @end.  On failure the
 * head is at the first slot that failed, iq->fault says why, and its error is
 * returned.  Either way nothing is gathered any more.
 */
int vtd_iq_settle(struct iommunest_vtd_iq *iq, uint32_t end,
		  struct iommunest_vtd_iq_result *result);

#endif /* IOMMUNEST_VTD_QUEUE_QUEUE_H */
