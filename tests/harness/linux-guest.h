/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * Linux's driver of an invalidation queue, as a guest.
 *
 * Several CPUs submit flushes and a wait each, and poll the wait's status.
 * While it polls, a CPU acts on FSTS_REG as Linux does, and on nothing else:
 * what an emulated queue shows has to make this algorithm do the right thing.
 * There are no threads.  A step of a CPU is what it does while it holds the
 * queue's lock, and whoever runs the guest says which CPU polls first.
 *
 * The judge compares what the CPUs take for done with what was executed.
 * Linux's callers ignore errors: a flush whose submission has returned, with
 * whatever error, counts as done for the guest.  An execution counts only if it
 * came after the flush was submitted the last time.
 */
#ifndef TEST_LINUX_GUEST_H
#define TEST_LINUX_GUEST_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/harness/guest.h"

/* ---- The hardware side ---- */

enum linux_reg { LINUX_IQH, LINUX_IQT, LINUX_FSTS, LINUX_IQERCD, LINUX_REGS };

/* What the guest's CPUs have before them; memory is in struct linux_setup. */
struct linux_hw {
	uint64_t (*read_reg)(void *data, enum linux_reg reg);
	void (*write_reg)(void *data, enum linux_reg reg, uint64_t value);
	/* What it does while no CPU does anything; may be NULL. */
	void (*work)(void *data);
	/* The VMM gave up and was told so: the guest is stopped.  Or NULL. */
	bool (*is_halted)(void *data);
	void *data;
};

/* ---- What CPUs submit ---- */

/* Submissions of any length up to this (qi_batch, Linux 6.12 and later). */
#define LINUX_FLUSHES 16u

struct linux_flush {
	struct guest_desc desc;
	/* Who has to execute it, as a mask; 0: it need not be executed. */
	uint32_t targets;
	/* Pages that an execution has to cover. */
	uint64_t addr;
	uint64_t npages;
	/* Targets that have executed it since it was submitted. */
	uint32_t done;
};

struct linux_job {
	struct linux_flush flushes[LINUX_FLUSHES];
	unsigned int count;
	/* The wait at its end drains page requests. */
	bool drain;
};

/* One page of PASID 0. */
struct linux_flush linux_page(uint16_t did, uint64_t addr, uint32_t targets);
/* Adds one at the end. */
void linux_add(struct linux_job *job, struct linux_flush flush);
/*
 * Makes it a drain of page requests: a wait with FN and nothing else first,
 * then the two flushes, then a wait with PD.
 */
void linux_drain(struct linux_job *job, struct linux_flush iotlb,
		 struct linux_flush dev_tlb);

/* ---- The guest ---- */

/* What happens to slots on ITE, before and after a fix of March 2026. */
enum linux_form {
	/* From an odd slot down, by two: as if submissions had one flush. */
	LINUX_BY_TWO,
	/* Exactly those that hardware has fetched. */
	LINUX_EXACT,
};

#define LINUX_CPUS 8u
#define LINUX_SLOTS 256u
#define LINUX_GONE 4u

/* The values in memory, which the waits write. */
enum linux_status {
	LINUX_FREE,
	LINUX_IN_USE,
	LINUX_DONE,
	LINUX_ABORT,
};

struct linux_setup {
	enum linux_form form;
	struct linux_hw hw;
	/* Guest physical memory from address 0 on. */
	unsigned char *memory;
	/* Of the ring, and of a word per slot. */
	uint64_t ring;
	uint64_t status;
	uint32_t slots;
	unsigned int cpus;
	/* The CPU's next job; false: it has none any more. */
	bool (*next_job)(void *data, unsigned int cpu, struct linux_job *job);
	void *data;
	/*
	 * It writes IQT_REG after each descriptor, which Linux does not do: the
	 * tail can be anywhere in a submission.
	 */
	bool kicks_each;
	/*
	 * How often every CPU polls and nothing returns before that is called
	 * forever; 0: a number that fits the ring.
	 */
	unsigned int patience;
	/* Judges, in place of the ledger of targets; both or neither. */
	void (*submitted)(void *data, struct linux_flush *flush);
	bool (*is_done)(void *data, const struct linux_flush *flush);
};

enum linux_cpu_state {
	LINUX_IDLE,
	/* Has a job, and waits for room in the ring. */
	LINUX_SUBMITS,
	LINUX_POLLS,
};

struct linux_cpu {
	enum linux_cpu_state state;
	struct linux_job job;
	/* Its first slot, and its wait's. */
	uint32_t index;
	uint32_t wait_index;
};

/* A mask, so that several can be collected. */
enum linux_outcome {
	/* All flushes are done, and all submissions have returned. */
	LINUX_ALL_DONE = 1u << 0,
	/* A CPU takes a flush for done that is not. */
	LINUX_LOST = 1u << 1,
	/* CPUs poll, and nothing returns. */
	LINUX_FOREVER = 1u << 2,
	/* A CPU walks through the ring without end, and holds the lock. */
	LINUX_LOCKUP = 1u << 3,
	/* The hardware side says that it has halted, and why it is known. */
	LINUX_HALTED = 1u << 4,
};

struct linux_counts {
	unsigned int submissions;
	unsigned int returned;
	/* Of these, with an error. */
	unsigned int gave_up;
	unsigned int restarts;
	unsigned int lost;
	unsigned int writes[LINUX_REGS];
};

struct linux_guest {
	struct linux_setup setup;
	struct linux_cpu cpu[LINUX_CPUS];
	uint32_t free_head;
	uint32_t free_tail;
	uint32_t free_cnt;
	bool locked_up;
	/* Source ids of devices that it does not know, or that are gone. */
	uint16_t gone[LINUX_GONE];
	unsigned int n_gone;
	/* Targets that have nothing cached, whatever is executed. */
	uint32_t cut;
	struct linux_counts counts;
	/* The first flush that was lost. */
	struct linux_flush lost;
};

void linux_init(struct linux_guest *guest, const struct linux_setup *setup);

/* One step of a CPU; false where it has nothing to do any more. */
bool linux_step(struct linux_guest *guest, unsigned int cpu);

/*
 * Moves on by so many slots: a submission of waits without effect.  Before any
 * job; a failure ends the test.
 */
void linux_advance(struct linux_guest *guest, uint32_t slots);

/*
 * Steps each CPU in turn, beginning with @first, and then the hardware, until
 * the outcome is clear.  Returns enum linux_outcome; LOST comes together with
 * what ended the run, but not with ALL_DONE.
 */
unsigned int linux_run(struct linux_guest *guest, unsigned int first);

/* As text.  Static. */
const char *linux_outcome_text(unsigned int outcomes);

/* ---- What the hardware side tells the judge ---- */

/* @npages UINT64_MAX is all. */
void linux_executed(struct linux_guest *guest, uint32_t targets, uint64_t addr,
		    uint64_t npages);
/* The descriptor in that slot, whatever it is about. */
void linux_executed_slot(struct linux_guest *guest, uint32_t slot,
			 uint32_t targets);
/* From now on, and until it is healed, nothing of these is cached. */
void linux_cut(struct linux_guest *guest, uint32_t targets);
void linux_heal(struct linux_guest *guest, uint32_t targets);

#endif /* TEST_LINUX_GUEST_H */
