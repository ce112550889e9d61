/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * The queue engine's inside.  A command's way, each step one file:
 *
 *   registers.c    what the guest does to its registers
 *   ring.c         fetches commands from CONS on, and dispatches them
 *   gather.[ch]    each gets a kind, and an owner where it is to be forwarded
 *   settle.c       an ordering point: arrays are made, and submitted
 *   recover.[ch]   what one call did not do, and what heals a failure
 *   complete.[ch]  in the order of the ring, each command is told of or
 *                  completed, and CONS moved
 *
 * rules.[ch] says which command is whose, targets.[ch] where it goes,
 * fault.[ch] what a guest sees of a failure; none of them knows of the others.
 * engine.c makes an engine, and migrate.c saves and restores one.
 */
#ifndef IOMMUNEST_SMMUV3_QUEUE_QUEUE_H
#define IOMMUNEST_SMMUV3_QUEUE_QUEUE_H

#include <libiommunest.h>

#include "lib/ring.h"
#include "lib/smmuv3/queue/fault.h"
#include "lib/smmuv3/queue/rules.h"
#include "lib/smmuv3/queue/targets.h"

/* log2 of a command's bytes. */
#define CMD_SHIFT 4u

/* Commands that are fetched, and not settled, at most. */
#define SMMU_WINDOW 256u
/* They are read in chunks of so many. */
#define SMMU_CHUNK (RING_CHUNK >> CMD_SHIFT)
/* Of those in the window, forwarded: one array of the kernel's, all or nothing.
 */
#define SMMU_GROUP 63u

/* SMMU_CMDQ_BASE: RA is a hint, and kept for the guest. */
#define BASE_BITS                                              \
	(UINT64_C(1) << 62 | IOMMUNEST_SMMUV3_CMDQ_BASE_ADDR | \
	 IOMMUNEST_SMMUV3_CMDQ_BASE_LOG2SIZE)

#define GERROR_BITS \
	(IOMMUNEST_SMMUV3_GERROR_CMDQ | IOMMUNEST_SMMUV3_GERROR_MSI_CMDQ_ABT)

enum smmu_kind {
	/* Nothing is left to do. */
	KIND_NONE,
	KIND_FORWARDED,
	/* The same; a target refused it, and smmu_skip says so. */
	KIND_SKIPPED,
	KIND_SYNC,
	KIND_VMM,
	/* Of a stream that nobody has. */
	KIND_DROPPED,
	/* The queue stops there, and `stop` says why. */
	KIND_STOP,
};

/* With the policy SKIP: a target refused the command in a slot. */
struct smmu_skip {
	uint64_t cookie;
	uint32_t index;
	int error;
};

/*
 * Commands from CONS on that are fetched.  Those before @end are gathered; what
 * is before @first was settled.
 */
struct smmu_window {
	uint32_t first;
	uint32_t end;
	/* Of the gathered ones, how many are forwarded. */
	uint32_t n_forwarded;
	/*
	 * There is one target, and they are in its array already.  Not so any
	 * more where a callback adds or removes one meanwhile.
	 */
	bool sole;
	/* Classes gathered, and those before the last CMD_SYNC among it. */
	uint8_t classes;
	uint8_t classes_before_sync;
	/* CMD_SYNCs among them, by their places; and what is neither. */
	uint32_t n_syncs;
	uint32_t n_others;
	uint8_t syncs[SMMU_WINDOW];
	uint8_t kind[SMMU_WINDOW];
	uint8_t owner[SMMU_WINDOW];
	/* In the CPU's byte order. */
	uint64_t words[SMMU_WINDOW][2];
};

struct iommunest_smmuv3_cmdq {
	void *vmm;
	struct iommunest_smmuv3_cmdq_ops ops;
	/* ops.trace, or NULL while it is not to be called. */
	void (*trace)(void *vmm, uint64_t cookie,
		      const struct iommunest_call *call);
	/* The options, with defaults filled in. */
	uint32_t policy;
	uint32_t unhealed;
	uint32_t budget;
	uint32_t flags;
	uint32_t cmdqs;
	struct iommunest_smmuv3_caps caps;
	struct smmu_rule rules[SMMU_RULES];
	struct smmu_targets targets;

	/* Registers; PROD and CONS have bits of the queue only, if enabled. */
	uint64_t base;
	uint32_t prod;
	/* All before it is done.  Its error is the fault's. */
	uint32_t cons;
	bool enabled;
	uint32_t gerror;
	uint32_t gerrorn;
	/* By LOG2SIZE; and where they are. */
	uint32_t slots;
	uint64_t ring;

	/* What the queue halts at. */
	struct smmu_fault fault;
	/*
	 * While something is settled: the failure at the earliest slot so far,
	 * or cause NONE.
	 */
	struct smmu_fault failure;
	/* Of the command of KIND_STOP. */
	struct smmu_fault stop;
	/* Within a run: what would pull the ring from under it is -EBUSY. */
	bool running;
	/* GERROR when the run began. */
	uint32_t gerror_before;

	/*
	 * ATC_INVs before CONS that may not be done: the guest has not been
	 * told that they are, and they are sent before the queue goes on.
	 */
	uint32_t n_doubt;
	struct iommunest_smmuv3_entry doubt[IOMMUNEST_SMMUV3_CMDQ_DOUBT_MAX];
	/* While they are sent: whose they are. */
	uint8_t doubt_owner[IOMMUNEST_SMMUV3_CMDQ_DOUBT_MAX];

	struct smmu_window window;
	/* For one target at a time; and for what flushes all of one. */
	struct iommunest_batch *batch;
	struct iommunest_batch *all;
	/* With the policy SKIP, room for all that a window can have. */
	struct smmu_skip *skips;
	uint32_t n_skips;
};

static inline uint32_t smmu_position_mask(const struct iommunest_smmuv3_cmdq *q)
{
	return q->slots * 2 - 1;
}

/* The slot that CONS is at. */
static inline uint32_t smmu_cons_index(const struct iommunest_smmuv3_cmdq *q)
{
	return q->cons & (q->slots - 1);
}

/* How many slots there are from CONS to this one. */
static inline uint32_t smmu_distance(const struct iommunest_smmuv3_cmdq *q,
				     uint32_t index)
{
	return ring_distance(q->slots, q->cons, index);
}

static inline uint32_t smmu_gathered(const struct iommunest_smmuv3_cmdq *q)
{
	return q->window.end - q->window.first;
}

/* The slot of the command at a place of the window. */
static inline uint32_t smmu_index(const struct iommunest_smmuv3_cmdq *q,
				  uint32_t at)
{
	return ring_after(q->slots, q->cons, at - q->window.first);
}

/* The guest has not acknowledged an error. */
static inline bool smmu_is_erroneous(const struct iommunest_smmuv3_cmdq *q)
{
	return (q->gerror ^ q->gerrorn) & IOMMUNEST_SMMUV3_GERROR_CMDQ;
}

/* SMMU_CMDQ_CONS. */
static inline uint32_t smmu_cons_register(const struct iommunest_smmuv3_cmdq *q)
{
	return q->cons | q->fault.cerror
				 << IOMMUNEST_SMMUV3_CMDQ_CONS_ERR_SHIFT;
}

/* What a guest sees of a failure that is not its own. */
static inline uint32_t smmu_cerror(const struct iommunest_smmuv3_cmdq *q)
{
	return q->unhealed == IOMMUNEST_SMMUV3_UNHEALED_ABT
		       ? IOMMUNEST_SMMUV3_CERROR_ABT
		       : IOMMUNEST_SMMUV3_CERROR_NONE;
}

/* What is gathered is settled. */
static inline void smmu_window_settle(struct smmu_window *window)
{
	window->first = window->end;
	window->n_forwarded = 0;
	window->n_syncs = 0;
	window->n_others = 0;
	window->classes = 0;
	window->classes_before_sync = 0;
}

static inline bool smmu_is_sent_to(const struct smmu_target *target)
{
	return target->ctx && !target->isolated;
}

/* Nothing is gathered, as between two runs. */
static inline void smmu_window_start(struct iommunest_smmuv3_cmdq *q)
{
	smmu_window_settle(&q->window);
	q->window.sole =
		q->targets.end == 1 && smmu_is_sent_to(&q->targets.slots[0]);
}

/* The same, and its room is all there again: what was fetched is gathered. */
static inline void smmu_window_rewind(struct smmu_window *window)
{
	window->first = 0;
	window->end = 0;
}

/* registers.c: a base is taken over. */
void iommunest__smmuv3_set_base(struct iommunest_smmuv3_cmdq *q, uint64_t base);

/* registers.c: LOG2SIZE of a base, as far as the guest was shown. */
uint32_t iommunest__smmuv3_slots(const struct iommunest_smmuv3_cmdq *q,
				 uint64_t base);

/*
 * ring.c: handles commands up to PROD, as far as the budget goes, of an engine
 * that is enabled.  *@result is the VMM's.
 */
int iommunest__smmuv3_ring_run(struct iommunest_smmuv3_cmdq *q,
			       struct iommunest_smmuv3_cmdq_result *result);

/*
 * settle.c: an ordering point.  Submits what is gathered, tells and completes
 * it, and moves CONS to its end.  On failure CONS is at the first slot that
 * failed, q->fault says why, and its error is returned.  Either way nothing is
 * gathered any more.
 */
int iommunest__smmuv3_settle(struct iommunest_smmuv3_cmdq *q,
			     struct iommunest_smmuv3_cmdq_result *result);

/* settle.c: sends what is in doubt.  On failure it stays so. */
int iommunest__smmuv3_settle_doubt(struct iommunest_smmuv3_cmdq *q,
				   struct iommunest_smmuv3_cmdq_result *result);

#endif /* IOMMUNEST_SMMUV3_QUEUE_QUEUE_H */
