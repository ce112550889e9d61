/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * Linux's driver of an SMMUv3's command queue, as a guest.
 *
 * Several CPUs issue lists of commands, most of them with a CMD_SYNC at the
 * end, and poll for it with interrupts off.  A CPU reserves slots without a
 * lock, and the first of those that do so at a time, the owner, writes
 * CMDQ_PROD for all of them.  CMDQ_CONS is read by whoever finds the ring full,
 * and by those that wait for a CMD_SYNC that has no MSI.  What GERROR says is
 * handled by a CPU that is not within a list.
 *
 * There are no threads.  A step of a CPU is what nobody can get between, and
 * whoever runs the guest says in which order they step.  Linux polls for one
 * second: here it is a number of polls.
 *
 * Linux's callers ignore errors: a list that has returned is done for the
 * guest, also where its CPU gave up.
 */
#ifndef TESTS_HARNESS_LINUX_CMDQ_H
#define TESTS_HARNESS_LINUX_CMDQ_H

#include <stdbool.h>
#include <stdint.h>

#include <libiommunest.h>

enum cmdq_reg {
	CMDQ_REG_PROD,
	CMDQ_REG_CONS,
	CMDQ_REG_GERROR,
	CMDQ_REG_GERRORN,
	CMDQ_REGS
};

/* ---- What CPUs issue ---- */

#define CMDQ_COMMANDS 8u
#define CMDQ_LISTS 3u
#define CMDQ_CPUS 4u

struct cmdq_command {
	struct iommunest_smmuv3_entry entry;
	/* For the judge; a `kind` of 0 is never judged. */
	unsigned int kind;
	uint64_t addr;
	uint32_t need;
};

/* As many as fit, and a CMD_SYNC. */
struct cmdq_list {
	struct cmdq_command commands[CMDQ_COMMANDS];
	unsigned int count;
	/* Without it the list is waited for by the next one. */
	bool no_sync;
};

/* One list after the other: the next is issued once this has returned. */
struct cmdq_job {
	struct cmdq_list lists[CMDQ_LISTS];
	unsigned int count;
};

/* ---- The guest ---- */

#define CMDQ_SLOTS_MAX 256u

/* No CPU that issues lists takes the interrupt. */
#define CMDQ_OTHER_CPU CMDQ_CPUS

struct cmdq_setup {
	uint32_t (*read_reg)(void *data, enum cmdq_reg reg);
	void (*write_reg)(void *data, enum cmdq_reg reg, uint32_t value);
	/* What the VMM does while no CPU does anything. */
	void (*work)(void *data);
	/* The VMM gave up and was told so: the guest is stopped. */
	bool (*is_halted)(void *data);
	/* The CPU's next job; false: it has none any more. */
	bool (*next_job)(void *data, unsigned int cpu, struct cmdq_job *job);
	/* A command is about to be issued, and is to be judged from now on. */
	void (*issued)(void *data, struct cmdq_command *command);
	bool (*is_done)(void *data, const struct cmdq_command *command);
	void *data;
	/* Guest physical memory from address 0 on, and the ring in it. */
	unsigned char *memory;
	uint64_t ring;
	unsigned int log2size;
	unsigned int cpus;
	/* A CMD_SYNC's MSI overwrites it; else CMDQ_CONS is polled. */
	bool msipoll;
	/* The CPU that the interrupt of GERROR goes to. */
	unsigned int irq_cpu;
	/* Polls of a CMD_SYNC before its CPU gives up. */
	unsigned int patience;
};

enum cmdq_state {
	CMDQ_IDLE,
	/* Reserves slots. */
	CMDQ_RESERVES,
	/* Writes its commands. */
	CMDQ_WRITES,
	/* The owner: waits for the one before, ends the gathering, ... */
	CMDQ_OWNS,
	/* ... waits until all that it gathered is written, kicks. */
	CMDQ_KICKS,
	CMDQ_POLLS,
};

struct cmdq_cpu {
	enum cmdq_state state;
	struct cmdq_job job;
	unsigned int list;
	/* Where its list begins, and its CMD_SYNC is. */
	uint32_t prod;
	uint32_t end;
	/* The owner's: up to where it has gathered. */
	uint32_t gathered;
	bool owner;
	unsigned int polls;
};

/* A mask, so that several can be collected. */
enum cmdq_outcome {
	/* All that was issued is done, and all lists have returned. */
	CMDQ_ALL_DONE = 1u << 0,
	/* A CPU takes a command for done that is not. */
	CMDQ_LOST = 1u << 1,
	/* A CPU polled for a second. */
	CMDQ_GAVE_UP = 1u << 2,
	/* Nothing gets on any more. */
	CMDQ_FOREVER = 1u << 3,
	/* The VMM says that it has halted, and why it is known. */
	CMDQ_HALTED = 1u << 4,
};

struct cmdq_counts {
	unsigned int lists;
	unsigned int kicks;
	/* Lists of other CPUs that were in those of an owner. */
	unsigned int gathered;
	unsigned int gave_up;
	unsigned int lost;
	/* By CONS.ERR. */
	unsigned int errors[4];
};

struct cmdq_guest {
	struct cmdq_setup setup;
	struct cmdq_cpu cpu[CMDQ_CPUS];
	/* What all CPUs share: PROD as it was reserved, CONS as it was seen. */
	uint32_t prod;
	uint32_t cons;
	bool owned;
	/* Up to where owners have written CMDQ_PROD. */
	uint32_t owner_prod;
	/* The lap in which each slot was written last. */
	bool written[CMDQ_SLOTS_MAX];
	/* CPUs that wait for a CMD_SYNC. */
	unsigned int sharers;
	struct cmdq_counts counts;
	/* The first that was lost. */
	struct cmdq_command lost;
};

void cmdq_init(struct cmdq_guest *guest, const struct cmdq_setup *setup);

/* One step of a CPU; false where it has nothing to do any more. */
bool cmdq_step(struct cmdq_guest *guest, unsigned int cpu);

/* The handler of GERROR's interrupt, where its CPU takes it; false: nothing. */
bool cmdq_interrupt(struct cmdq_guest *guest);

/*
 * Moves on by so many slots: CMD_SYNCs of nothing.  Before any job; a failure
 * ends the test.
 */
void cmdq_advance(struct cmdq_guest *guest, uint32_t slots);

/*
 * Steps each CPU in turn, @steps[cpu] steps at a time, then the handler and the
 * VMM, until the outcome is clear.
 */
unsigned int cmdq_run(struct cmdq_guest *guest, const unsigned int *steps);

/* As text.  Static. */
const char *cmdq_outcome_text(unsigned int outcomes);

/* ---- Jobs ---- */

/* A list more in the job. */
struct cmdq_list *cmdq_add_list(struct cmdq_job *job);
/* A command more in it, which is returned. */
struct cmdq_command *cmdq_add(struct cmdq_list *list, unsigned int kind,
			      uint64_t addr);

#endif /* TESTS_HARNESS_LINUX_CMDQ_H */
