/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * The queue engine's inside.  A descriptor's way, each step one file:
 *
 *   registers.c   what the guest does to its registers
 *   ring.c        fetches descriptors from the head on, and dispatches them
 *   gather.[ch]   what is forwardable becomes items, with waits in between
 *   settle.c      an ordering point: items become entries, and are submitted
 *   recover.[ch]  what one call did not do, and what heals a failure
 *   complete.[ch] outcomes are told, waits completed, and the head moved
 *
 * targets.[ch] says where descriptors go, fault.[ch] what a guest sees of a
 * failure; neither knows of the others.  engine.c makes an engine, and
 * migrate.c saves and restores one.
 */
#ifndef IOMMUNEST_VTD_QUEUE_QUEUE_H
#define IOMMUNEST_VTD_QUEUE_QUEUE_H

#include <libiommunest.h>

#include "lib/ring.h"
#include "lib/vtd/queue/fault.h"
#include "lib/vtd/queue/targets.h"

/*
 * vtd_item::flags.  AM and IH are where the second word of a descriptor has
 * them, and are taken over as they are.
 */
#define ITEM_AM 0x3fu
#define ITEM_LEAF (1u << 6)
#define ITEM_ALL (1u << 7)
/* Becomes no entry: the item before it, of the same HWPT, has its range. */
#define ITEM_PIGGYBACKED (1u << 8)
/* Its outcome, once it was submitted; without either, it was handled. */
#define ITEM_COVERED (1u << 9)
#define ITEM_SKIPPED (1u << 10)
/* Of a wait, which has no others, where its first word has them. */
#define ITEM_INTERRUPT (1u << 4)
#define ITEM_STATUS (1u << 5)

/*
 * What a descriptor asks of one HWPT, or a wait.  16 bytes; there is room for
 * as many as a full ring can ask for, so that gathering allocates nothing.
 */
struct vtd_item {
	union {
		/* In the block. */
		uint64_t addr;
		/* Of a wait. */
		uint64_t status_addr;
		/* With ITEM_SKIPPED. */
		int64_t error;
	};
	union {
		/* The next item of the same HWPT, or VTD_NO_ITEM. */
		uint32_t next;
		/* Of a wait. */
		uint32_t status_data;
		/* Once it has an outcome: the slot of its target. */
		uint32_t target;
	};
	/* Slot of the ring. */
	uint16_t index;
	uint16_t flags;
};

_Static_assert(sizeof(struct vtd_item) == 16, "a ring has many");

struct iommunest_vtd_iq {
	void *vmm;
	struct iommunest_vtd_iq_ops ops;
	/* ops.trace, or NULL while it is not to be called. */
	void (*trace)(void *vmm, uint64_t cookie,
		      const struct iommunest_call *call);
	/* enum iommunest_vtd_iq_policy and _unhealed, and flags. */
	uint32_t policy;
	uint32_t unhealed;
	uint32_t flags;
	uint32_t budget;
	struct iommunest_vtd_limits limits;
	struct vtd_scopes scopes;

	/* The ring; slots is 0 before the first base. */
	uint64_t iqa;
	uint32_t slots;
	uint32_t desc_shift;
	enum iommunest_vtd_ttm ttm;
	/* PASID-based descriptors are there to be forwarded. */
	bool forwards;

	bool enabled;
	/* As the guest wrote it last. */
	uint64_t iqt;
	/* All before it is done. */
	uint32_t head;
	struct vtd_fault fault;
	/*
	 * With UNHEALED_ITE, a failure that the guest has not seen yet, or
	 * cause NONE: the next wait with SW or IF is not completed.
	 */
	struct vtd_fault abort;
	/*
	 * While something is settled: the failure at the earliest slot so far,
	 * or cause NONE.
	 */
	struct vtd_fault failure;
	/* Within a run: what would pull the ring from under it is -EBUSY. */
	bool running;

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
	/* Items of descriptors that may go to any number of HWPTs. */
	uint32_t n_wide;
	/* With ops.forwarded, copies of what was fetched into each slot. */
	uint64_t *copies;
	/* The first and the last HWPT that have any. */
	uint16_t touched;
	uint16_t last_touched;
	/* For one HWPT at a time; and for one "all". */
	struct iommunest_batch *batch;
	struct iommunest_batch *all;
};

/*
 * How many items of wide descriptors there may be before what is gathered is
 * settled, with that many HWPTs; those of one more descriptor still fit.
 */
static inline uint32_t vtd_wide_room(uint32_t hwpts)
{
	return hwpts < 256 ? hwpts * 256 : 65536;
}

/* How many slots there are from the head to this one. */
static inline uint32_t vtd_iq_distance(const struct iommunest_vtd_iq *iq,
				       uint32_t index)
{
	return ring_distance(iq->slots, iq->head, index);
}

static inline uint32_t vtd_iq_next(const struct iommunest_vtd_iq *iq,
				   uint32_t index)
{
	return ring_after(iq->slots, index, 1);
}

/* All before @to is done. */
static inline void vtd_iq_advance(struct iommunest_vtd_iq *iq,
				  struct iommunest_vtd_iq_result *result,
				  uint32_t to)
{
	result->descriptors += vtd_iq_distance(iq, to);
	iq->head = to;
}

/* What is gathered for the HWPT in a slot of the table of targets. */
static inline struct vtd_gathered *
vtd_iq_gathered(const struct iommunest_vtd_iq *iq, uint16_t slot)
{
	return &iq->scopes.hwpts[slot].gathered;
}

/* Where the descriptor in a slot is copied to. */
static inline uint64_t *vtd_iq_copy(const struct iommunest_vtd_iq *iq,
				    uint32_t index)
{
	return iq->copies + ((size_t)index << (iq->desc_shift - 3));
}

static inline struct vtd_item *vtd_iq_wait(const struct iommunest_vtd_iq *iq,
					   uint32_t i)
{
	return &iq->items[iq->max_items - 1 - i];
}

/*
 * engine.c: room for a ring of @slots, whatever it asks of the HWPTs that there
 * are. Nothing may be gathered.  0, or -ENOMEM and all is as it was.
 */
int iommunest__vtd_make_room(struct iommunest_vtd_iq *iq, uint32_t slots);

/*
 * ring.c: iommunest_vtd_iq_run() to the tail that is in iq->iqt, of an engine
 * that is enabled and has a base.  *@result is the VMM's.
 */
int iommunest__vtd_ring_run(struct iommunest_vtd_iq *iq,
			    struct iommunest_vtd_iq_result *result);

/*
 * settle.c: an ordering point.  Submits everything gathered, which lies before
 * slot @end, completes the waits among it, and moves the head to @end.  On
 * failure the head is at the first slot that failed, iq->fault says why, and
 * its error is returned.  Either way nothing is gathered any more.
 */
int iommunest__vtd_settle(struct iommunest_vtd_iq *iq, uint32_t end,
			  struct iommunest_vtd_iq_result *result);

/*
 * complete.c: what a callback answered for a slot.  False: it failed, and
 * @fault says how.
 */
bool iommunest__vtd_take_answer(uint32_t index, int answer,
				struct iommunest_vtd_iq_result *result,
				struct vtd_fault *fault);

/* The guest's driver looks at this wait; one with FN alone only orders. */
static inline bool vtd_wait_is_seen(uint32_t item_flags)
{
	return item_flags & (ITEM_STATUS | ITEM_INTERRUPT);
}

/* Failures that nothing heals are shown as ITE, by design of the VMM. */
static inline bool vtd_iq_shows_ite(const struct iommunest_vtd_iq *iq)
{
	return iq->policy == IOMMUNEST_VTD_IQ_HEAL &&
	       iq->unhealed == IOMMUNEST_VTD_UNHEALED_ITE;
}

#endif /* IOMMUNEST_VTD_QUEUE_QUEUE_H */
