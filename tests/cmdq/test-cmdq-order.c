/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* What is gathered, what must not get into one array, and who completes when.
 */
#include <stdio.h>

#include "tests/cmdq/cmdq-rig.h"
#include "tests/harness/support.h"

TEST(a_command_and_its_sync)
{
	struct cmdq_rig rig;

	cmdq_open(&rig, NULL);
	cmdq_put(&rig, cmd_va(0x4000));
	cmdq_put_sync(&rig);
	ck_assert_int_eq(cmdq_kick(&rig), 0);
	cmdq_tells(&rig, "70[va], msi 1, at 2");
	cmdq_is_done(&rig);
	ck_assert_uint_eq(rig.result.commands, 2);
	ck_assert_uint_eq(rig.result.forwarded, 1);
	ck_assert_uint_eq(rig.result.syncs, 1);
	ck_assert_uint_eq(rig.result.entries, 1);
	ck_assert_uint_eq(rig.result.calls, 1);
	ck_assert_uint_eq(rig.issued[0].words[0], cmd_va(0x4000).words[0]);
	ck_assert_uint_eq(rig.issued[0].words[1], 0x4000);
	cmdq_close(&rig);
}

TEST(syncs_of_one_class_share_an_array)
{
	struct cmdq_rig rig;

	cmdq_open(&rig, NULL);
	cmdq_put(&rig, cmd_va(0));
	cmdq_put_sync(&rig);
	cmdq_put(&rig, cmd_asid(1));
	cmdq_put_sync(&rig);
	cmdq_put(&rig, cmd_nsnh());
	cmdq_put_sync(&rig);
	ck_assert_int_eq(cmdq_kick(&rig), 0);
	cmdq_tells(&rig, "70[va asid nsnh], msi 1, msi 3, msi 5, at 6");
	cmdq_close(&rig);
}

static struct cmd of_class(unsigned int class)
{
	switch (class) {
	case 0:
		return cmd_va(0);
	case 1:
		return cmd_cd(0x10);
	default:
		return cmd_atc(0x10, 0);
	}
}

static const char *const class_names[] = { "va", "cd", "atc" };

/* Two classes, with a CMD_SYNC between and without. */
TEST_LOOP(a_sync_stands_between_classes, 9)
{
	const unsigned int one = (unsigned int)_i / 3;
	const unsigned int two = (unsigned int)_i % 3;
	struct cmdq_rig rig;
	char story[64];

	cmdq_open(&rig, NULL);
	cmdq_put(&rig, of_class(one));
	cmdq_put_sync(&rig);
	cmdq_put(&rig, of_class(two));
	ck_assert_int_eq(cmdq_kick(&rig), 0);
	snprintf(story, sizeof(story),
		 one == two ? "70[%s*2], msi 1, at 3"
			    : "70[%s], msi 1, at 2, 70[%s], at 3",
		 class_names[one], class_names[two]);
	cmdq_tells(&rig, story);
	cmdq_close(&rig);
}

TEST(classes_share_an_array_without_a_sync)
{
	struct cmdq_rig rig;

	cmdq_open(&rig, NULL);
	cmdq_put(&rig, cmd_cd(0x10));
	cmdq_put(&rig, cmd_va(0));
	cmdq_put(&rig, cmd_atc(0x10, 0));
	cmdq_put_sync(&rig);
	ck_assert_int_eq(cmdq_kick(&rig), 0);
	cmdq_tells(&rig, "70[cd va atc], msi 3, at 4");
	cmdq_close(&rig);
}

/* What is before the last CMD_SYNC is of two classes: of neither alone. */
TEST(a_sync_after_two_classes_takes_none)
{
	struct cmdq_rig rig;

	cmdq_open(&rig, NULL);
	cmdq_put(&rig, cmd_cd(0x10));
	cmdq_put(&rig, cmd_va(0));
	cmdq_put_sync(&rig);
	cmdq_put(&rig, cmd_va(0));
	cmdq_put(&rig, cmd_cd(0x10));
	cmdq_put_sync(&rig);
	ck_assert_int_eq(cmdq_kick(&rig), 0);
	cmdq_tells(&rig, "70[cd va], msi 2, at 3, 70[va cd], msi 5, at 6");
	cmdq_close(&rig);
}

/* The class that comes after the array's second CMD_SYNC counts as well. */
TEST(a_sync_far_back_still_stands_between)
{
	struct cmdq_rig rig;

	cmdq_open(&rig, NULL);
	cmdq_put(&rig, cmd_va(0));
	cmdq_put_sync(&rig);
	cmdq_put(&rig, cmd_va(0));
	cmdq_put(&rig, cmd_cd(0x10));
	ck_assert_int_eq(cmdq_kick(&rig), 0);
	cmdq_tells(&rig, "70[va*2], msi 1, at 3, 70[cd], at 4");
	cmdq_close(&rig);
}

/* Arrays of 63, whatever the run. */
TEST_RANGE(an_array_is_a_group, 1, 200)
{
	const uint32_t count = (uint32_t)_i;
	const struct rig_setup setup = { .log2 = 9 };
	struct cmdq_rig rig;

	cmdq_open(&rig, &setup);
	cmdq_put_many(&rig, cmd_va(0), count);
	cmdq_put_sync(&rig);
	ck_assert_int_eq(cmdq_kick(&rig), 0);
	cmdq_is_done(&rig);
	ck_assert_uint_eq(rig.n_issued, count);
	ck_assert_uint_eq(rig.result.calls, (count + 62) / 63);
	ck_assert_uint_eq(rig.result.commands, count + 1);
	ck_assert_uint_eq(rig.result.forwarded, count);
	cmdq_close(&rig);
}

/* ... and however many are looked at together; CMD_SYNCs take part in that. */
TEST_LOOP(arrays_of_63_in_a_long_run, 2)
{
	const struct rig_setup setup = { .log2 = 12, .budget = 4096 };
	const unsigned int pairs = _i ? 1500 : 0;
	const unsigned int count = _i ? 1500 : 3000;
	struct cmdq_rig rig;
	unsigned int i;

	cmdq_open(&rig, &setup);
	for (i = 0; i < count; i++) {
		cmdq_put(&rig, cmd_va((uint64_t)i << 12));
		if (pairs)
			cmdq_put_sync(&rig);
	}
	ck_assert_int_eq(cmdq_kick(&rig), 0);
	ck_assert_uint_eq(rig.result.calls, (count + 62) / 63);
	ck_assert_uint_eq(rig.result.syncs, pairs);
	ck_assert_uint_eq(rig.n_issued, count);
	for (i = 0; i < count; i++)
		ck_assert_uint_eq(rig.issued[i].words[1], (uint64_t)i << 12);
	cmdq_is_done(&rig);
	cmdq_close(&rig);
}

TEST(a_sync_with_nothing_before_it)
{
	struct cmdq_rig rig;

	cmdq_open(&rig, NULL);
	cmdq_put_sync(&rig);
	cmdq_put_sync(&rig);
	ck_assert_int_eq(cmdq_kick(&rig), 0);
	cmdq_tells(&rig, "msi 0, at 1, msi 1, at 2");
	cmdq_close(&rig);
}

/* CS, address, whether the guest has MSIs: what it becomes. */
static const struct {
	unsigned int signal;
	uint64_t addr;
	bool no_msi;
	const char *story;
} syncs[] = {
	{ 0, 0, false, "at 1" },
	{ 0, 0x1000, false, "at 1" },
	{ 1, 0x1000, false, "msi 0, at 1" },
	{ 1, 0x1002, false, "msi 0, at 1" },
	{ 1, 0, false, "irq 0, at 1" },
	{ 1, 0x1000, true, "irq 0, at 1" },
	{ 2, 0x1000, false, "at 1" },
};

TEST_LOOP(a_sync_completes_as_it_says, ARRAY_LEN(syncs))
{
	const struct rig_setup setup = { .no_msi = syncs[_i].no_msi };
	struct cmdq_rig rig;

	cmdq_open(&rig, &setup);
	cmdq_put(&rig, cmd_sync(syncs[_i].signal, syncs[_i].addr, 7));
	ck_assert_int_eq(cmdq_kick(&rig), 0);
	cmdq_tells(&rig, syncs[_i].story);
	ck_assert_uint_eq(rig.result.syncs, 1);
	cmdq_is_done(&rig);
	cmdq_close(&rig);
}

static int see_own_slot(struct cmdq_rig *rig, enum rig_event event,
			uint32_t index)
{
	struct iommunest_smmuv3_cmdq_registers regs = { .size = sizeof(regs) };

	if (event != RIG_MSI)
		return 0;
	ck_assert_int_eq(iommunest_smmuv3_cmdq_read(rig->q, &regs), 0);
	/* The slot is the engine's still. */
	ck_assert_uint_le(regs.cons, index);
	return 0;
}

/* Linux's msipoll: the MSI overwrites the CMD_SYNC's first word. */
TEST(an_msi_may_be_written_to_its_own_slot)
{
	struct cmdq_rig rig;

	cmdq_open(&rig, NULL);
	rig.hook = see_own_slot;
	cmdq_put(&rig, cmd_va(0));
	cmdq_put(&rig, cmd_sync(1, RIG_BASE + 16, 0));
	cmdq_put(&rig, cmd_va(0));
	cmdq_put(&rig, cmd_sync(1, RIG_BASE + 48, 0));
	ck_assert_int_eq(cmdq_kick(&rig), 0);
	cmdq_tells(&rig, "70[va*2], msi 1, msi 3, at 4");
	ck_assert_uint_eq((uint32_t)rig.ring[1][0], 0);
	ck_assert_uint_eq((uint32_t)rig.ring[3][0], 0);
	cmdq_close(&rig);
}

TEST(an_msi_that_cannot_be_written_is_shown_once)
{
	struct cmdq_rig rig;

	cmdq_open(&rig, NULL);
	rig.msi_error = -EFAULT;
	cmdq_put_sync(&rig);
	cmdq_put_sync(&rig);
	ck_assert_int_eq(cmdq_kick(&rig), 0);
	cmdq_tells(&rig, "msi 0, at 1, msi 1, at 2");
	cmdq_is_done(&rig);
	ck_assert_uint_eq(rig.result.gerror, 1 << 4);
	ck_assert_uint_eq(rig.result.gerror_changed, 1 << 4);
	ck_assert_uint_eq(rig.gerror, 1 << 4);
	ck_assert_uint_eq(rig.result.syncs, 2);

	/* It is active still. */
	cmdq_put_sync(&rig);
	ck_assert_int_eq(cmdq_kick(&rig), 0);
	ck_assert_uint_eq(rig.result.gerror, 1 << 4);
	ck_assert_uint_eq(rig.result.gerror_changed, 0);

	ck_assert_int_eq(cmdq_acknowledge(&rig), 0);
	cmdq_put_sync(&rig);
	ck_assert_int_eq(cmdq_kick(&rig), 0);
	ck_assert_uint_eq(rig.result.gerror, 0);
	ck_assert_uint_eq(rig.result.gerror_changed, 1 << 4);
	cmdq_close(&rig);
}

TEST(several_targets)
{
	struct cmdq_rig rig;

	cmdq_open(&rig, NULL);
	cmdq_add_target(&rig, 71);
	cmdq_add_stream(&rig, 0x30, 71);
	cmdq_put(&rig, cmd_va(0));
	cmdq_put(&rig, cmd_cd(0x30));
	cmdq_put(&rig, cmd_atc(0x10, 0));
	cmdq_put_sync(&rig);
	ck_assert_int_eq(cmdq_kick(&rig), 0);
	cmdq_tells(&rig, "70[va atc], 71[va cd], msi 3, at 4");
	ck_assert_uint_eq(rig.result.forwarded, 3);
	ck_assert_uint_eq(rig.result.entries, 4);
	ck_assert_uint_eq(rig.result.calls, 2);

	ck_assert_int_eq(iommunest_smmuv3_cmdq_remove_target(
				 rig.q, RIG_TARGET(&rig, 70)),
			 0);
	cmdq_put(&rig, cmd_va(0));
	cmdq_put(&rig, cmd_cd(0x30));
	cmdq_put(&rig, cmd_atc(0x10, 0));
	ck_assert_int_eq(cmdq_kick(&rig), 0);
	cmdq_tells(&rig, "71[va cd], drop 6, at 7");
	cmdq_close(&rig);
}

TEST(the_vmms_commands_are_ordering_points)
{
	struct cmdq_rig rig;

	cmdq_open(&rig, NULL);
	cmdq_put(&rig, cmd_va(0));
	cmdq_put_sync(&rig);
	cmdq_put(&rig, cmd_ste(0x10));
	cmdq_put(&rig, cmd_va(0));
	cmdq_put(&rig, cmd_cd(0x20));
	ck_assert_int_eq(cmdq_kick(&rig), 0);
	cmdq_tells(&rig, "70[va], msi 1, vmm 2, at 3, 70[va], vmm 4, at 5");
	ck_assert_uint_eq(rig.result.vmm, 2);
	ck_assert_uint_eq(rig.cmd.opcode, 0x05);
	ck_assert_uint_eq(rig.cmd.sid, 0x20);
	cmdq_close(&rig);
}

TEST(a_prefetch_is_none)
{
	struct cmdq_rig rig;

	cmdq_open(&rig, NULL);
	cmdq_put(&rig, cmd_va(0));
	cmdq_put(&rig, cmd_prefetch(0x10));
	cmdq_put(&rig, cmd_prefetch(0x20));
	cmdq_put(&rig, cmd_prefetch(0x99));
	cmdq_put(&rig, cmd_va(0));
	ck_assert_int_eq(cmdq_kick(&rig), 0);
	cmdq_tells(&rig, "70[va*2], vmm 2, drop 3, at 5");
	ck_assert_uint_eq(rig.result.commands, 5);
	ck_assert_uint_eq(rig.result.forwarded, 2);
	ck_assert_uint_eq(rig.result.vmm, 1);
	ck_assert_uint_eq(rig.result.dropped, 1);
	cmdq_close(&rig);
}

TEST(without_a_target_all_is_the_vmms)
{
	struct cmdq_rig rig;

	cmdq_open(&rig, NULL);
	ck_assert_int_eq(iommunest_smmuv3_cmdq_remove_target(
				 rig.q, RIG_TARGET(&rig, 70)),
			 0);
	cmdq_put(&rig, cmd_va(0));
	cmdq_put(&rig, cmd_nsnh());
	cmdq_put_sync(&rig);
	ck_assert_int_eq(cmdq_kick(&rig), 0);
	cmdq_tells(&rig, "vmm 0, at 1, vmm 1, at 2, msi 2, at 3");
	cmdq_close(&rig);
}

TEST(the_vmm_is_told_of_what_was_forwarded)
{
	const struct rig_setup setup = { .has = RIG_HAS_FORWARDED };
	struct cmdq_rig rig;

	cmdq_open(&rig, &setup);
	cmdq_put(&rig, cmd_va(0));
	cmdq_put(&rig, cmd_cd(0x99));
	cmdq_put_sync(&rig);
	cmdq_put(&rig, cmd_asid(3));
	cmdq_put(&rig, cmd_ste(0x10));
	ck_assert_int_eq(cmdq_kick(&rig), 0);
	cmdq_tells(&rig, "70[va asid], fwd 0, drop 1, msi 2, fwd 3, vmm 4, "
			 "at 5");
	cmdq_close(&rig);
}
