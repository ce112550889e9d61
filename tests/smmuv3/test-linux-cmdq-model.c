/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * Linux's driver of a command queue on a queue that is written from the
 * specification (3.5.1 and 7.1) and not ours: what it makes of each error.
 */
#include <string.h>

#include "tests/harness/linux-cmdq.h"
#include "tests/harness/smmu-caches.h"
#include "tests/harness/support.h"

#define LOG2SIZE 5u
#define SLOTS (1u << LOG2SIZE)
#define RING 0x1000u
#define JOBS 60u
#define PATIENCE 200u

/* What the queue does at the first PAGE or ATC command that it meets. */
static struct {
	enum iommunest_smmuv3_cerror error;
	/* So often; 0: always. */
	unsigned int times;
	/* It stops there, and shows nothing. */
	bool silent;
} fault;

static _Alignas(4096) unsigned char memory[0x2000];
static struct cmdq_guest guest;
static struct caches caches;
static uint32_t prod, cons, gerror, gerrorn;
static unsigned int faults, left[CMDQ_CPUS];
static struct support_rng rng;

/* ---- The queue ---- */

static bool is_faulty(void)
{
	return (fault.error || fault.silent) &&
	       (!fault.times || faults < fault.times);
}

static bool is_target(const struct iommunest_smmuv3_cmd *cmd)
{
	return cmd->opcode == IOMMUNEST_SMMUV3_TLBI_NH_VA &&
	       cmd->addr == 0x3000;
}

static void show(enum iommunest_smmuv3_cerror error)
{
	cons |= (uint32_t)error << IOMMUNEST_SMMUV3_CMDQ_CONS_ERR_SHIFT;
	gerror ^= IOMMUNEST_SMMUV3_GERROR_CMDQ;
}

static bool execute(const struct iommunest_smmuv3_entry *entry)
{
	struct iommunest_smmuv3_cmd cmd =
		IOMMUNEST_INIT(struct iommunest_smmuv3_cmd);
	unsigned int i;

	/* A guest that gave up writes over what is not consumed. */
	if (iommunest_smmuv3_cmd_decode(&cmd, entry)) {
		show(IOMMUNEST_SMMUV3_CERROR_ILL);
		return false;
	}
	if (is_target(&cmd) && is_faulty()) {
		faults++;
		if (!fault.silent)
			show(fault.error);
		return false;
	}
	if (cmd.opcode == IOMMUNEST_SMMUV3_SYNC) {
		if (cmd.signal == IOMMUNEST_SMMUV3_SIGNAL_IRQ)
			memset(memory + cmd.addr, 0, 4);
		return true;
	}
	for (i = 0; i < CACHES_TARGETS; i++)
		caches_execute(&caches, i, entry, 1);
	return true;
}

static void run(void)
{
	struct iommunest_smmuv3_entry entry;

	while (cons != prod &&
	       !((gerror ^ gerrorn) & IOMMUNEST_SMMUV3_GERROR_CMDQ)) {
		memcpy(&entry, memory + RING + (cons & (SLOTS - 1)) * 16, 16);
		if (!execute(&entry))
			return;
		cons = (cons + 1) & (2 * SLOTS - 1);
	}
}

static uint32_t read_reg(void *data, enum cmdq_reg reg)
{
	(void)data;
	switch (reg) {
	case CMDQ_REG_PROD:
		return prod;
	case CMDQ_REG_CONS:
		return cons;
	case CMDQ_REG_GERROR:
		return gerror;
	default:
		return gerrorn;
	}
}

static void write_reg(void *data, enum cmdq_reg reg, uint32_t value)
{
	(void)data;
	if (reg == CMDQ_REG_PROD)
		prod = value;
	if (reg == CMDQ_REG_GERRORN) {
		gerrorn = value;
		cons &= ~IOMMUNEST_SMMUV3_CMDQ_CONS_ERR;
	}
	run();
}

static void work(void *data)
{
	(void)data;
	run();
}

/* ---- The guest ---- */

static void issued(void *data, struct cmdq_command *command)
{
	(void)data;
	command->need = caches_issue(&caches, command->kind, command->addr,
				     &command->entry);
}

static bool is_done(void *data, const struct cmdq_command *command)
{
	(void)data;
	return caches_are_done(&caches, command->kind, command->addr,
			       command->need);
}

/* Each CPU has pages of its own, and the first one the descriptors. */
static bool next_job(void *data, unsigned int cpu, struct cmdq_job *job)
{
	const uint64_t addr = (uint64_t)(cpu * 4) << 12;
	struct cmdq_list *list = cmdq_add_list(job);
	unsigned int i;

	(void)data;
	if (!left[cpu])
		return false;
	left[cpu]--;
	switch (support_rng_below(&rng, cpu == 0 ? 4 : 3)) {
	case 0:
		list->no_sync = true;
		cmdq_add(list, CACHES_PAGE, addr + 0x1000);
		list = cmdq_add_list(job);
		cmdq_add(list, CACHES_PAGE, addr + 0x3000);
		break;
	case 1:
		for (i = 0; i < 4; i++)
			cmdq_add(list, CACHES_PAGE, addr + (i << 12));
		break;
	case 2:
		cmdq_add(list, CACHES_PAGE, addr + 0x2000);
		cmdq_add(cmdq_add_list(job), CACHES_ATC, addr + 0x2000);
		break;
	default:
		cmdq_add(list, CACHES_CD, 0);
		cmdq_add(list, CACHES_CD, 1);
		cmdq_add(cmdq_add_list(job), CACHES_ASID_ALL, 0);
	}
	return true;
}

static unsigned int play(bool msipoll, unsigned int irq_cpu)
{
	const struct cmdq_setup setup = {
		.read_reg = read_reg,
		.write_reg = write_reg,
		.work = work,
		.next_job = next_job,
		.issued = issued,
		.is_done = is_done,
		.memory = memory,
		.ring = RING,
		.log2size = LOG2SIZE,
		.cpus = 4,
		.msipoll = msipoll,
		.irq_cpu = irq_cpu,
		.patience = PATIENCE,
	};
	unsigned int steps[CMDQ_CPUS], i;

	caches = (struct caches){ .ats = true };
	prod = cons = gerror = gerrorn = 0;
	faults = 0;
	for (i = 0; i < CMDQ_CPUS; i++) {
		left[i] = JOBS;
		steps[i] = 1 + support_rng_below(&rng, 4);
	}
	cmdq_init(&guest, &setup);
	cmdq_advance(&guest, support_rng_below(&rng, SLOTS));
	return cmdq_run(&guest, steps);
}

static void start(void)
{
	support_rng_start(&rng, "linux-cmdq-model");
	memset(&fault, 0, sizeof(fault));
}

FIXTURE(start, NULL);

static void expect(unsigned int outcome, unsigned int wanted)
{
	if (outcome != wanted)
		ck_abort_msg("%s; again: " SUPPORT_SEED "=%#llx",
			     cmdq_outcome_text(outcome),
			     (unsigned long long)rng.seed);
}

/* ---- Tests ---- */

TEST_LOOP(nothing_is_lost_where_nothing_fails, 2)
{
	unsigned int i;

	for (i = 0; i < 20; i++) {
		expect(play(_i, i % 5), CMDQ_ALL_DONE);
		ck_assert_uint_eq(guest.counts.gave_up, 0);
	}
	/* Lists of several CPUs went together, and around the ring. */
	ck_assert_uint_gt(guest.counts.gathered, 0);
	ck_assert_uint_gt(guest.counts.lists, SLOTS);
	ck_assert_uint_eq(guest.counts.kicks + guest.counts.gathered,
			  guest.counts.lists);
}

TEST_LOOP(an_aborted_fetch_is_repeated, 2)
{
	fault.error = IOMMUNEST_SMMUV3_CERROR_ABT;
	fault.times = 5;
	expect(play(_i, CMDQ_OTHER_CPU), CMDQ_ALL_DONE);
	ck_assert_uint_eq(guest.counts.errors[IOMMUNEST_SMMUV3_CERROR_ABT], 5);
}

TEST_LOOP(an_aborted_fetch_that_lasts_is_given_up, 2)
{
	unsigned int outcome;

	fault.error = IOMMUNEST_SMMUV3_CERROR_ABT;
	outcome = play(_i, CMDQ_OTHER_CPU);
	ck_assert_uint_eq(outcome & (CMDQ_GAVE_UP | CMDQ_LOST),
			  CMDQ_GAVE_UP | CMDQ_LOST);
}

/* The CPU that would take the interrupt polls, and does not take it. */
TEST_LOOP(who_polls_does_not_handle_an_error, 2)
{
	unsigned int i, gave_up = 0;

	fault.error = IOMMUNEST_SMMUV3_CERROR_ABT;
	fault.times = 1;
	for (i = 0; i < 20; i++) {
		play(_i, 0);
		gave_up += guest.counts.gave_up;
	}
	ck_assert_uint_gt(gave_up, 0);
}

TEST_LOOP(what_is_called_illegal_is_lost, 2)
{
	fault.error = IOMMUNEST_SMMUV3_CERROR_ILL;
	fault.times = 1;
	expect(play(_i, CMDQ_OTHER_CPU), CMDQ_LOST);
	ck_assert_uint_eq(guest.counts.errors[IOMMUNEST_SMMUV3_CERROR_ILL], 1);
}

TEST_LOOP(a_queue_that_stops_is_believed_after_a_second, 2)
{
	unsigned int outcome;

	fault.silent = true;
	outcome = play(_i, CMDQ_OTHER_CPU);
	ck_assert_uint_eq(outcome & (CMDQ_GAVE_UP | CMDQ_LOST),
			  CMDQ_GAVE_UP | CMDQ_LOST);
}

/* The order within a list is the guest's, if it is kept. */
TEST(the_judge_sees_a_wrong_order)
{
	struct iommunest_smmuv3_entry entries[2];
	uint32_t need;

	caches = (struct caches){ 0 };
	caches_issue(&caches, CACHES_CD, 0, &entries[0]);
	need = caches_issue(&caches, CACHES_ASID_ALL, 0, &entries[1]);
	caches_execute(&caches, 0, &entries[0], 1);
	caches_execute(&caches, 0, &entries[1], 1);
	caches.target[1].cut = true;
	ck_assert(caches_are_done(&caches, CACHES_ASID_ALL, 0, need));
	caches_issue(&caches, CACHES_CD, 0, &entries[0]);
	need = caches_issue(&caches, CACHES_ASID_ALL, 0, &entries[1]);
	caches_execute(&caches, 0, entries, 2);
	ck_assert(caches_are_done(&caches, CACHES_CD, 0, need));
	ck_assert(!caches_are_done(&caches, CACHES_ASID_ALL, 0, need));
}
