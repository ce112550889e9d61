/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * Linux as the guest, and Linux's SMMUv3 driver as the host, which is the
 * simulator with each of three kernels: what a guest's CMD_SYNC stands for has
 * reached the hardware, or its device is cut off.
 *
 * The guest is drivers/iommu/arm/arm-smmu-v3: arm_smmu_cmdq_issue_cmdlist()
 * with MSIs to the CMD_SYNC's own slot, and __arm_smmu_cmdq_skip_err().
 */
#include <string.h>

#include "tests/cmdq/cmdq-rig.h"
#include "tests/harness/support.h"
#include "tests/smmuv3/viommu-rig.h"

#define ABT IOMMUNEST_SMMUV3_UNHEALED_ABT
/* How often the guest's interrupt handler runs, at most. */
#define PATIENCE 10

static struct cmdq_rig guest;
static struct viommu_rig host;
static unsigned int errors[4];

/* A vIOMMU of the simulator's, with streams 0x40 and 0x41, in place of 70. */
static void start(int kernel, uint32_t unhealed, uint32_t has)
{
	const struct iommunest_sim_options options =
		rig_full_smmu(rig_kernels[kernel]);
	const struct rig_setup setup = { .log2 = 8,
					 .unhealed = unhealed,
					 .has = has };
	struct iommunest_smmuv3_target target = { .size = sizeof(target) };
	uint32_t sid;

	memset(errors, 0, sizeof(errors));
	rig_open(&host, &options);
	rig_add_stream(&host, 0x40);
	rig_add_stream(&host, 0x41);
	cmdq_open(&guest, &setup);
	ck_assert_int_eq(iommunest_smmuv3_cmdq_remove_target(
				 guest.q, RIG_TARGET(&guest, 70)),
			 0);
	target.ctx = host.ctx;
	target.viommu_id = host.viommu_id;
	target.cookie = 7;
	ck_assert_int_eq(iommunest_smmuv3_cmdq_add_target(guest.q, &target), 0);
	/* 0x42 has no vDEVICE: the kernel refuses its commands. */
	for (sid = 0x40; sid < 0x43; sid++)
		ck_assert_int_eq(iommunest_smmuv3_cmdq_add_stream(guest.q, sid,
								  &target),
				 0);
}

static void finish(void)
{
	cmdq_close(&guest);
	rig_close(&host);
}

/* __arm_smmu_cmdq_skip_err(), in the guest's interrupt handler. */
static void handle_error(void)
{
	struct iommunest_smmuv3_cmdq_registers regs = { .size = sizeof(regs) };
	uint32_t code, slot;

	ck_assert_int_eq(iommunest_smmuv3_cmdq_read(guest.q, &regs), 0);
	code = regs.cons >> 24;
	slot = regs.cons & (guest.slots - 1);
	ck_assert_uint_lt(code, ARRAY_LEN(errors));
	errors[code]++;
	if (code == IOMMUNEST_SMMUV3_CERROR_ILL)
		memcpy(guest.ring[slot], cmd_sync(0, 0, 0).words, 16);
	iommunest_smmuv3_cmdq_write_gerrorn(guest.q, regs.gerror,
					    &guest.result);
}

static bool has_error(void)
{
	return guest.result.gerror_changed & IOMMUNEST_SMMUV3_GERROR_CMDQ;
}

static uint32_t put_poll(void)
{
	const uint32_t slot = guest.prod & (guest.slots - 1);

	return cmdq_put(&guest, cmd_sync(1, RIG_BASE + (uint64_t)slot * 16, 0));
}

/*
 * arm_smmu_cmdq_issue_cmdlist(): true once the CMD_SYNC in @slot was answered;
 * false: the guest gave up, and believes that it was.  @calls of the handler
 * are made.
 */
static bool issue(uint32_t slot, unsigned int calls)
{
	iommunest_smmuv3_cmdq_write_prod(guest.q, guest.prod, &guest.result);
	while (has_error() && calls--)
		handle_error();
	return !(uint32_t)guest.ring[slot][0];
}

static unsigned int times(struct cmd cmd)
{
	return rig_times(&host, cmd.words[0], cmd.words[1]);
}

/* ---- All is well ---- */

TEST_LOOP(commands_reach_the_hardware, RIG_KERNELS)
{
	uint32_t i, slot;

	start(_i, 0, 0);
	for (i = 0; i < 100; i++)
		cmdq_put(&guest, cmd_va((uint64_t)i << 12));
	slot = put_poll();
	ck_assert(issue(slot, 0));
	for (i = 0; i < 100; i++)
		ck_assert_uint_eq(times(cmd_va((uint64_t)i << 12)), 1);
	/* One of the host's for each array. */
	ck_assert_uint_eq(host.syncs, 2);
	cmdq_put(&guest, cmd_cd(0x40));
	cmdq_put(&guest, cmd_cd_all(0x41));
	cmdq_put(&guest, cmd_atc(0x41, 0x7000));
	ck_assert(issue(put_poll(), 0));
	ck_assert_uint_eq(times(cmd_cd(0x40)), 1);
	ck_assert_uint_eq(times(cmd_cd_all(0x41)), 1);
	ck_assert_uint_eq(times(cmd_atc(0x41, 0x7000)), 1);
	finish();
}

/* ---- The host's hardware does not answer ---- */

/* Nothing answers, and the device cannot be cut off: Linux tries again. */
TEST_LOOP(linux_tries_again_until_it_is_done, RIG_KERNELS * 2)
{
	const bool atc = _i % 2;
	const struct cmd cmd = atc ? cmd_atc(0x40, 0x1000) : cmd_va(0x1000);
	uint32_t slot;

	start(_i / 2, ABT, RIG_HAS_NO_ISOLATE);
	rig_die(&host, 1);
	cmdq_put(&guest, cmd);
	slot = put_poll();
	ck_assert(!issue(slot, PATIENCE));
	ck_assert(has_error());
	ck_assert_uint_eq(times(cmd), 0);
	/* At the command, or at the CMD_SYNC. */
	ck_assert_uint_eq(errors[atc ? 3 : 2], PATIENCE);
	ck_assert_uint_eq(guest.result.index, atc);

	/* What another CPU adds meanwhile has to wait. */
	cmdq_put(&guest, cmd_cd(0x41));
	ck_assert(!issue(slot, PATIENCE));
	rig_revive(&host);
	handle_error();
	ck_assert_uint_eq((uint32_t)guest.ring[slot][0], 0);
	ck_assert_uint_eq(times(cmd), 1);
	ck_assert_uint_eq(times(cmd_cd(0x41)), 1);
	ck_assert(!has_error());
	finish();
}

/* With `isolate`, the guest goes on at once; it is asked for nothing more. */
TEST_LOOP(a_dead_host_is_cut_off, RIG_KERNELS)
{
	start(_i, 0, 0);
	rig_die(&host, 1);
	cmdq_put(&guest, cmd_va(0x1000));
	ck_assert(issue(put_poll(), 0));
	ck_assert_ptr_nonnull(strstr(guest.story, "isolate 0@7=110"));
	ck_assert_uint_eq(host.issued, 0);
	rig_revive(&host);
	cmdq_put(&guest, cmd_va(0x2000));
	ck_assert(issue(put_poll(), 0));
	ck_assert_uint_eq(host.issued, 0);
	finish();
}

/* ---- The kernel refuses one of many ---- */

/*
 * Whatever its count means: a stream whose vDEVICE is gone is refused, and what
 * is in the same array is not lost.
 */
TEST_LOOP(none_is_lost_for_another, RIG_KERNELS * 7)
{
	static const uint32_t places[] = { 0, 1, 10, 31, 61, 62, 63 };
	const uint32_t place = places[_i / RIG_KERNELS];
	uint32_t i;

	start(_i % RIG_KERNELS, 0, 0);
	for (i = 0; i < 100; i++)
		cmdq_put(&guest,
			 i == place ? cmd_cd(0x42) : cmd_va((uint64_t)i << 12));
	ck_assert(issue(put_poll(), 0));
	/* Not even "all" is taken: the VMM cuts the device off. */
	ck_assert_ptr_nonnull(strstr(guest.story, "isolate"));
	/* All before its array, and none after it: they count as done. */
	for (i = 0; i < place / 63 * 63; i++)
		ck_assert_uint_ge(times(cmd_va((uint64_t)i << 12)), 1);
	finish();
}

/* The same with ABT: the guest waits until the VMM has put it right. */
TEST_LOOP(all_are_done_once_it_is_right, RIG_KERNELS * 7)
{
	static const uint32_t places[] = { 0, 1, 10, 31, 61, 62, 63 };
	const uint32_t place = places[_i / RIG_KERNELS];
	uint32_t i, slot;

	start(_i % RIG_KERNELS, ABT, RIG_HAS_NO_ISOLATE);
	for (i = 0; i < 100; i++)
		cmdq_put(&guest,
			 i == place ? cmd_cd(0x42) : cmd_va((uint64_t)i << 12));
	slot = put_poll();
	ck_assert(!issue(slot, PATIENCE));
	ck_assert_uint_eq(errors[IOMMUNEST_SMMUV3_CERROR_ABT], PATIENCE);
	/* The stream is nobody's. */
	ck_assert_int_eq(iommunest_smmuv3_cmdq_remove_stream(guest.q, 0x42), 0);
	handle_error();
	ck_assert_uint_eq((uint32_t)guest.ring[slot][0], 0);
	for (i = 0; i < 100; i++) {
		if (i != place)
			ck_assert_uint_ge(times(cmd_va((uint64_t)i << 12)), 1);
	}
	ck_assert_uint_eq(times(cmd_cd(0x42)), 0);
	ck_assert_uint_eq(errors[IOMMUNEST_SMMUV3_CERROR_ILL], 0);
	finish();
}

/* ---- The guest itself is wrong ---- */

TEST_LOOP(linux_drops_its_own_mistakes, RIG_KERNELS)
{
	uint32_t slot;

	start(_i, ABT, RIG_HAS_NO_ISOLATE);
	cmdq_put(&guest, cmd_va(0x1000));
	cmdq_put(&guest, (struct cmd){ { 0x20, 0 } });
	cmdq_put(&guest, cmd_va(0x2000));
	slot = put_poll();
	ck_assert(issue(slot, PATIENCE));
	ck_assert_uint_eq(errors[IOMMUNEST_SMMUV3_CERROR_ILL], 1);
	ck_assert_uint_eq(times(cmd_va(0x1000)), 1);
	ck_assert_uint_eq(times(cmd_va(0x2000)), 1);
	finish();
}
