/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * Errors of the hardware: a queue that has halted, and a command that is
 * refused when it is executed.
 */
#include "smmu-machine.h"

#include "tests/harness/support.h"

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ASID 5u
#define MOST 200u
#define NEW 200u

static struct guest_stage1 stage1;

static void set_up(void)
{
	unsigned int page;

	stage1 = guest_new_stage1(&guest, ASID);
	for (page = 0; page < GUEST_PAGES; page++)
		guest_map(&guest, &stage1, page, page);
	guest_set_stage1(&guest, 0, &stage1);
	ck_assert_int_eq(
		guest_invalidate(&guest,
				 SMMU_CFGI_CD_ALL | SMMU_SID(guest_vsid(0)), 0),
		0);
	ck_assert_int_eq(guest_invalidate(&guest, SMMU_NSNH_ALL, 0), 0);
}

/* A test that fails leaves the queue to the next one. */
static void tear_down(void)
{
	smmu_hw_enable_queue(machine.smmu.hw, true);
}

FIXTURE(set_up, tear_down);

static void reads(unsigned int page, uint32_t frame)
{
	ck_assert_uint_eq(guest_read(&guest, 0, page), frame);
}

static void remap(unsigned int page, unsigned int frame)
{
	reads(page, page);
	guest_map(&guest, &stage1, page, frame);
	reads(page, page);
}

static void resume(void)
{
	smmu_hw_enable_queue(machine.smmu.hw, true);
	while (!smmu_hw_is_idle(machine.smmu.hw))
		sched_yield();
}

struct silent {
	uint32_t count;
	/* What stock 7.3 counts: one less than the first group. */
	uint32_t counted;
	/* Of them, and without the CMD_SYNC. */
	uint32_t sent;
};

static const struct silent silences[] = {
	{ 1, 0, 1 },
	{ 3, 2, 3 },
	{ 63, 62, 63 },
	{ 200, 62, 63 },
};

/* What is in the ring is done when it moves again. */
TEST_LOOP(a_queue_that_stands_still_is_etimedout, ARRAY_LEN(silences))
{
	const struct silent *silent = &silences[_i];
	const bool exact = guest_env(&guest)->smmu_count == CONF_SMMU_EXACT;
	struct conf_command commands[MOST], sent[4];
	uint32_t i, prod, count = silent->count;

	for (i = 0; i < MOST; i++)
		commands[i] = guest_nh_va(ASID, 1);
	remap(1, NEW);
	prod = smmu_hw_prod(machine.smmu.hw);
	smmu_hw_enable_queue(machine.smmu.hw, false);
	ck_assert_int_eq(guest_invalidate_all(&guest, commands, &count),
			 -ETIMEDOUT);
	ck_assert_uint_eq(count, exact ? 0 : silent->counted);
	ck_assert_uint_eq(smmu_hw_since(machine.smmu.hw, prod, sent, 4),
			  silent->sent + 1);
	reads(1, 1);
	resume();
	reads(1, NEW);
}

/* ---- A command that hardware refuses ---- */

struct caller {
	struct conf_command commands[3];
	uint32_t count;
	int ret;
};

/*
 * Interrupts are off where the kernel waits, and the one that reports the error
 * goes to the first CPU.
 */
static void run_on(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET((size_t)cpu, &set);
	ck_assert_int_eq(sched_setaffinity(0, sizeof(set), &set), 0);
}

static void *call(void *data)
{
	struct caller *caller = data;

	run_on(1);
	caller->count = 3;
	caller->ret =
		guest_invalidate_all(&guest, caller->commands, &caller->count);
	return NULL;
}

/* The second of three becomes another one before hardware sees it. */
static void call_with_an_illegal_one(struct caller *caller)
{
	struct smmu_hw *hw = machine.smmu.hw;
	const uint32_t prod = smmu_hw_prod(hw);
	struct conf_command none;
	pthread_t thread;

	run_on(0);
	smmu_hw_enable_queue(hw, false);
	ck_assert_int_eq(pthread_create(&thread, NULL, call, caller), 0);
	while (smmu_hw_since(hw, prod, &none, 0) < 4)
		sched_yield();
	smmu_hw_overwrite(hw, prod + 1, smmu_command(0xff, 0));
	smmu_hw_enable_queue(hw, true);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	resume();
}

/*
 * The kernel overwrites the command and goes on, and nobody is told: it is
 * lost. A host that is busy makes a time-out of it, and it is tried again.
 */
TEST(a_command_that_hardware_refuses_counts_as_done)
{
	struct caller caller;
	unsigned int i;

	for (i = 0; i < 3; i++)
		caller.commands[i] = guest_nh_va(ASID, i);
	do {
		for (i = 0; i < 3; i++)
			guest_map(&guest, &stage1, i, i);
		ck_assert_int_eq(guest_invalidate(&guest, SMMU_NSNH_ALL, 0), 0);
		for (i = 0; i < 3; i++)
			remap(i, NEW + i);
		call_with_an_illegal_one(&caller);
	} while (caller.ret == -ETIMEDOUT);
	ck_assert_int_eq(caller.ret, 0);
	ck_assert_uint_eq(caller.count, 3);
	reads(0, NEW);
	reads(1, 1);
	reads(2, NEW + 2);
}

int main(int argc, char **argv)
{
	int ret = machine_open();

	if (ret) {
		printf("no environment: %s: %s\n", strerror(-ret),
		       machine.smmu.real.env.why);
		return EXIT_FAILURE;
	}
	return support_run(argc, argv);
}
