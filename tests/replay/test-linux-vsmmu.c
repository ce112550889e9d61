/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * Linux's driver of the command queue in front of the example's registers, on
 * the simulator: a command is lost where what it names is still cached.
 */
#include <endian.h>
#include <errno.h>

#include "tests/harness/linux-cmdq.h"
#include "tests/harness/support.h"
#include "tests/replay/vsmmu-rig.h"

#define CPUS 3u
#define STE_KIND 100u

FIXTURE(set_up, tear_down);

static struct cmdq_guest guest;
static struct support_rng rng;
static unsigned int left[CMDQ_CPUS];
/* The VMM has been told that it has to stop the guest. */
static bool halted;

/* ---- The registers ---- */

static const uint32_t offsets[CMDQ_REGS] = {
	[CMDQ_REG_PROD] = REG_CMDQ_PROD,
	[CMDQ_REG_CONS] = REG_CMDQ_CONS,
	[CMDQ_REG_GERROR] = REG_GERROR,
	[CMDQ_REG_GERRORN] = REG_GERRORN,
};

static uint32_t read_reg(void *data, enum cmdq_reg reg)
{
	(void)data;
	return read4(offsets[reg]);
}

static void write_reg(void *data, enum cmdq_reg reg, uint32_t value)
{
	(void)data;
	halted |= vsmmu_write(&vsmmu, offsets[reg], value, 4) < 0;
}

static void work(void *data)
{
	(void)data;
	if (!scheduled)
		return;
	scheduled = 0;
	halted |= vsmmu_work(&vsmmu) < 0;
}

static bool is_halted(void *data)
{
	(void)data;
	return halted;
}

/* ---- The judge ---- */

/* The entry changes, from one descriptor to another. */
static void issued(void *data, struct cmdq_command *command)
{
	struct iommunest_smmuv3_cmd cmd =
		IOMMUNEST_INIT(struct iommunest_smmuv3_cmd);

	(void)data;
	if (command->kind != STE_KIND) {
		command->need = caches_issue(&caches, command->kind,
					     command->addr, &command->entry);
		if (command->kind == CACHES_CD || command->kind == CACHES_ATC)
			command->entry.cmd[0] = htole64(
				(uint32_t)le64toh(command->entry.cmd[0]) |
				(uint64_t)VSMMU_SID << 32);
		return;
	}
	set_ste(STE_S1(support_rng_below(&rng, 2) ? 0x3000 : 0x4000), 0);
	cmd.opcode = IOMMUNEST_SMMUV3_CFGI_STE;
	cmd.sid = VSMMU_SID;
	iommunest_smmuv3_cmd_encode(&cmd, &command->entry);
}

static bool is_done(void *data, const struct cmdq_command *command)
{
	(void)data;
	if (command->kind == STE_KIND)
		return true;
	return caches_are_done(&caches, command->kind, command->addr,
			       command->need);
}

/* ---- What its CPUs issue ---- */

static bool next_job(void *data, unsigned int cpu, struct cmdq_job *job)
{
	const uint64_t base = (uint64_t)cpu << 14;
	struct cmdq_list *list = cmdq_add_list(job);
	unsigned int i;

	(void)data;
	if (!left[cpu])
		return false;
	left[cpu]--;
	switch (support_rng_below(&rng, cpu ? 3 : 5)) {
	case 0:
		cmdq_add(list, CACHES_PAGE, base);
		cmdq_add(cmdq_add_list(job), CACHES_ATC, base);
		break;
	case 3:
		cmdq_add(list, CACHES_CD, 0);
		cmdq_add(cmdq_add_list(job), CACHES_ASID_ALL, 0);
		break;
	case 4:
		cmdq_add(list, STE_KIND, 0);
		break;
	default:
		for (i = 0; i <= support_rng_below(&rng, 3); i++)
			cmdq_add(list, CACHES_PAGE, base + (i << 12));
	}
	return true;
}

/* ---- The host ---- */

struct host_failure {
	const char *name;
	/* Calls, or entries from the one on; or which ioctl. */
	bool call;
	unsigned int entry;
	unsigned int ioctl;
	unsigned int times;
	int error;
};

static void have_it_fail(const struct host_failure *how)
{
	if (how->ioctl)
		fail_ioctl(how->ioctl, 1, how->times, how->error);
	else if (how->call)
		fail_calls(how->error, how->times);
	else
		fail_entries(how->entry, how->error, how->times);
}

/*
 * @fails, if not NULL, from when the device is nested on: the guest's first
 * steps are not what this is about.
 */
static unsigned int play(unsigned int jobs, bool msipoll,
			 const struct host_failure *fails)
{
	const struct cmdq_setup setup = {
		.read_reg = read_reg,
		.write_reg = write_reg,
		.work = work,
		.is_halted = is_halted,
		.next_job = next_job,
		.issued = issued,
		.is_done = is_done,
		.memory = memory,
		.ring = RING,
		.log2size = RING_BITS,
		.cpus = CPUS,
		.msipoll = msipoll,
		.irq_cpu = support_rng_below(&rng, CPUS),
		.patience = 100,
	};
	unsigned int steps[CMDQ_CPUS], i;

	halted = false;
	for (i = 0; i < CMDQ_CPUS; i++) {
		left[i] = jobs;
		steps[i] = 1 + support_rng_below(&rng, 5);
	}
	start_guest();
	cmdq_init(&guest, &setup);
	cmdq_advance(&guest, support_rng_below(&rng, 1u << RING_BITS));
	if (fails)
		have_it_fail(fails);
	return cmdq_run(&guest, steps);
}

static void expect(const char *what, unsigned int outcome, unsigned int wanted)
{
	if (outcome != wanted)
		ck_abort_msg("%s: %s; again: " SUPPORT_SEED "=%#llx", what,
			     cmdq_outcome_text(outcome),
			     (unsigned long long)rng.seed);
}

/* ---- Tests ---- */

TEST_LOOP(a_random_guest_loses_nothing, 2)
{
	support_rng_start(&rng, "linux-vsmmu");
	expect("nothing fails", play(300, _i, NULL), CMDQ_ALL_DONE);
	expect_dma(VSMMU_NESTED);
	ck_assert_uint_eq(read4(REG_GERROR), 0);
	ck_assert_uint_eq(read4(REG_PAGE1 + REG_EVENTQ_PROD), 0);
}

static const struct host_failure failures[] = {
	{ "EIO once", false, 3, 0, 1, -EIO },
	{ "EIO alone, too", false, 3, 0, 2, -EIO },
	{ "EIO, and of all", false, 3, 0, 9, -EIO },
	{ "EIO always", false, 1, 0, 100000, -EIO },
	{ "ETIMEDOUT once", true, 0, 0, 1, -ETIMEDOUT },
	{ "ETIMEDOUT for a while", true, 0, 0, 7, -ETIMEDOUT },
	{ "ETIMEDOUT always", true, 0, 0, 100000, -ETIMEDOUT },
	{ "ENOMEM for a while", true, 0, 0, 20, -ENOMEM },
	{ "ENOMEM always", true, 0, 0, 100000, -ENOMEM },
	{ "an attach", false, 0, DEVICE_ATTACH, 1, -EBUSY },
	{ "attaches", false, 0, DEVICE_ATTACH, 0, -EBUSY },
	{ "no HWPT", false, 0, HWPT_ALLOC, 0, -ENOMEM },
};

TEST_LOOP(a_failure_is_survived, 2 * ARRAY_LEN(failures))
{
	const struct host_failure *how = &failures[_i / 2];
	unsigned int round;

	support_rng_start(&rng, "linux-vsmmu-failures");
	for (round = 0; round < 20; round++) {
		expect(how->name, play(20, _i & 1, how), CMDQ_ALL_DONE);
		ck_assert_uint_eq(guest.counts.gave_up, 0);
		ck_assert_uint_eq(read4(REG_GERROR), 0);
		/* The guest gets its device back. */
		repair();
		tear_down();
		set_up();
	}
}

/* Nothing is believed: the VMM stops the guest first. */
TEST_LOOP(what_cannot_be_detached_halts_the_guest, 2)
{
	const struct host_failure calls = {
		.call = true,
		.times = 100000,
		.error = -ETIMEDOUT,
	};

	support_rng_start(&rng, "linux-vsmmu-halt");
	fail_ioctl(DEVICE_DETACH, 1, 0, -EIO);
	expect("nothing can", play(20, _i, &calls), CMDQ_HALTED);
}
