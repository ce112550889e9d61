/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* What the host fails on: healed, cut off, halted at, shown, skipped. */
#include <string.h>

#include "tests/cmdq/cmdq-rig.h"
#include "tests/harness/support.h"

#define ABT IOMMUNEST_SMMUV3_UNHEALED_ABT
#define HALT IOMMUNEST_SMMUV3_UNHEALED_HALT

static void open_as(struct cmdq_rig *rig, uint32_t unhealed)
{
	const struct rig_setup setup = { .unhealed = unhealed };

	cmdq_open(rig, &setup);
}

/* So that healing fails as well: nothing is answered. */
static void kill_host(struct cmdq_rig *rig, int error)
{
	cmdq_fail(rig, (struct cmdq_rule){ .error = error });
}

/* ---- Healing ---- */

/* One command is refused, and alone as well; by what each kernel counts. */
TEST_LOOP(a_refused_command_is_healed, HOST_MEANINGS)
{
	static const char *const stories[] = {
		"70[va cd]!5, 70[cd]!5, 70[cd-all], 70[nsnh], heal 1@70=5, "
		"msi 2, at 3",
		"70[va cd]!5, 70[va], 70[cd]!5, 70[cd-all], 70[nsnh], "
		"heal 1@70=5, msi 2, at 3",
		"70[va cd]!5, 70[cd]!5, 70[cd-all], 70[nsnh], heal 1@70=5, "
		"msi 2, at 3",
	};
	struct cmdq_rig rig;

	cmdq_open(&rig, NULL);
	rig.meaning = (enum host_meaning)_i;
	cmdq_fail(&rig, (struct cmdq_rule){ .opcode = 0x05, .error = -EIO });
	cmdq_put(&rig, cmd_va(0));
	cmdq_put(&rig, cmd_cd(0x10));
	cmdq_put_sync(&rig);
	ck_assert_int_eq(cmdq_kick(&rig), 0);
	cmdq_tells(&rig, stories[_i]);
	cmdq_is_done(&rig);
	ck_assert_uint_eq(rig.result.forwarded, 2);
	ck_assert_uint_eq(rig.result.skipped, 0);
	cmdq_close(&rig);
}

/*
 * All that the array can have meant, in the order in which hardware fills what
 * is below: each stream once, and device TLBs of those that are named.
 */
TEST(a_time_out_is_healed)
{
	struct cmdq_rig rig;

	cmdq_open(&rig, NULL);
	cmdq_add_stream(&rig, 0x12, 70);
	cmdq_fail(&rig, (struct cmdq_rule){ .error = -ETIMEDOUT, .times = 1 });
	cmdq_put(&rig, cmd_cd(0x10));
	cmdq_put(&rig, cmd_cd(0x11));
	cmdq_put(&rig, cmd_cd_all(0x10));
	cmdq_put(&rig, cmd_va(0));
	cmdq_put(&rig, cmd_atc(0x11, 0));
	cmdq_put(&rig, cmd_atc(0x11, 0x1000));
	cmdq_put(&rig, cmd_atc(0x12, 0x1000));
	cmdq_put_sync(&rig);
	ck_assert_int_eq(cmdq_kick(&rig), 0);
	cmdq_tells(&rig, "70[cd*2 cd-all va atc*3]!110, 70[cd-all*3], "
			 "70[nsnh], 70[atc*2], heal 0@70=110, msi 7, at 8");
	ck_assert_uint_eq(rig.n_issued, 6);
	ck_assert_uint_eq(rig.issued[0].words[0], 0x06 | UINT64_C(0x10) << 32);
	ck_assert_uint_eq(rig.issued[1].words[0], 0x06 | UINT64_C(0x11) << 32);
	ck_assert_uint_eq(rig.issued[2].words[0], 0x06 | UINT64_C(0x12) << 32);
	/* All of the address space. */
	ck_assert_uint_eq(rig.issued[4].words[0], 0x40 | UINT64_C(0x11) << 32);
	ck_assert_uint_eq(rig.issued[4].words[1], 52);
	ck_assert_uint_eq(rig.issued[5].words[0], 0x40 | UINT64_C(0x12) << 32);
	ck_assert_uint_eq(rig.result.calls, 4);
	ck_assert_uint_eq(rig.result.entries, 6);
	cmdq_is_done(&rig);
	cmdq_close(&rig);
}

/* It is not the entries' fault, but the call's. */
TEST(a_call_that_fails_is_healed)
{
	struct cmdq_rig rig;

	cmdq_open(&rig, NULL);
	cmdq_fail(&rig, (struct cmdq_rule){ .error = -ENODEV, .times = 1 });
	cmdq_put(&rig, cmd_va(0));
	cmdq_put_sync(&rig);
	ck_assert_int_eq(cmdq_kick(&rig), 0);
	cmdq_tells(&rig, "70[va]!19, 70[nsnh], heal 0@70=19, msi 1, at 2");
	cmdq_close(&rig);
}

/* What is done of a run stays so: the second array fails. */
TEST(only_what_failed_is_healed)
{
	struct cmdq_rig rig;

	cmdq_open(&rig, NULL);
	cmdq_fail(&rig, (struct cmdq_rule){ .opcode = 0x11,
					    .error = -ETIMEDOUT,
					    .times = 1 });
	cmdq_put_many(&rig, cmd_va(0), 63);
	cmdq_put(&rig, cmd_asid(1));
	ck_assert_int_eq(cmdq_kick(&rig), 0);
	cmdq_tells(&rig, "70[va*63], at 63, 70[asid]!110, 70[nsnh], "
			 "heal 63@70=110, at 64");
	cmdq_close(&rig);
}

TEST(too_little_memory_is_no_failure)
{
	struct cmdq_rig rig;

	cmdq_open(&rig, NULL);
	cmdq_fail(&rig, (struct cmdq_rule){ .error = -ENOMEM, .times = 1 });
	cmdq_put_many(&rig, cmd_va(0), 4);
	ck_assert_int_eq(cmdq_kick(&rig), 0);
	cmdq_tells(&rig, "70[va*4]!12, 70[va*2], 70[va*2], at 4");
	cmdq_close(&rig);
}

TEST(each_target_is_healed_for_itself)
{
	struct cmdq_rig rig;

	cmdq_open(&rig, NULL);
	cmdq_add_target(&rig, 71);
	cmdq_add_target(&rig, 72);
	cmdq_fail(&rig, (struct cmdq_rule){ .viommu = 70,
					    .error = -ETIMEDOUT,
					    .times = 1 });
	cmdq_fail(&rig, (struct cmdq_rule){
				.viommu = 72, .error = -EPERM, .times = 1 });
	cmdq_put(&rig, cmd_va(0));
	cmdq_put_sync(&rig);
	ck_assert_int_eq(cmdq_kick(&rig), 0);
	cmdq_tells(&rig, "70[va]!110, 70[nsnh], heal 0@70=110, 71[va], "
			 "72[va]!1, 72[nsnh], heal 0@72=1, msi 1, at 2");
	cmdq_close(&rig);
}

/* ---- Cutting off ---- */

TEST(what_is_not_healed_is_cut_off)
{
	struct cmdq_rig rig;

	cmdq_open(&rig, NULL);
	cmdq_add_target(&rig, 71);
	cmdq_fail(&rig,
		  (struct cmdq_rule){ .viommu = 70, .error = -ETIMEDOUT });
	cmdq_put(&rig, cmd_va(0));
	cmdq_put_sync(&rig);
	ck_assert_int_eq(cmdq_kick(&rig), 0);
	cmdq_tells(&rig, "70[va]!110, 70[nsnh]!110, isolate 0@70=110, 71[va], "
			 "msi 1, at 2");
	cmdq_is_done(&rig);

	/* Nothing is sent to it, and all counts as done. */
	cmdq_put(&rig, cmd_va(0));
	cmdq_put(&rig, cmd_cd(0x10));
	cmdq_put_sync(&rig);
	ck_assert_int_eq(cmdq_kick(&rig), 0);
	cmdq_tells(&rig, "71[va], msi 4, at 5");
	ck_assert_uint_eq(rig.result.forwarded, 2);

	cmdq_heal_host(&rig);
	cmdq_add_target(&rig, 70);
	cmdq_put(&rig, cmd_cd(0x10));
	ck_assert_int_eq(cmdq_kick(&rig), 0);
	cmdq_tells(&rig, "70[cd], at 6");
	cmdq_close(&rig);
}

/* A class fails: the later ones are not sent. */
TEST(healing_stops_where_it_fails)
{
	struct cmdq_rig rig;

	cmdq_open(&rig, NULL);
	cmdq_fail(&rig, (struct cmdq_rule){ .opcode = 0x05, .error = -EIO });
	cmdq_fail(&rig, (struct cmdq_rule){ .opcode = 0x06, .error = -EIO });
	cmdq_put(&rig, cmd_cd(0x10));
	cmdq_put_sync(&rig);
	ck_assert_int_eq(cmdq_kick(&rig), 0);
	cmdq_tells(&rig, "70[cd]!5, 70[cd-all]!5, isolate 0@70=5, msi 1, at 2");
	cmdq_close(&rig);
}

static int add_again(struct cmdq_rig *rig, enum rig_event event, uint32_t index)
{
	(void)index;
	if (event != RIG_ISOLATE)
		return 0;
	cmdq_heal_host(rig);
	cmdq_add_target(rig, 70);
	return 0;
}

TEST(isolate_may_take_it_back_at_once)
{
	struct cmdq_rig rig;

	cmdq_open(&rig, NULL);
	kill_host(&rig, -ETIMEDOUT);
	rig.hook = add_again;
	cmdq_put(&rig, cmd_va(0));
	ck_assert_int_eq(cmdq_kick(&rig), 0);
	cmdq_tells(&rig, "70[va]!110, 70[nsnh]!110, isolate 0@70=110, at 1");
	cmdq_put(&rig, cmd_cd(0x10));
	ck_assert_int_eq(cmdq_kick(&rig), 0);
	cmdq_tells(&rig, "70[cd], at 2");
	cmdq_close(&rig);
}

static int remove_it(struct cmdq_rig *rig, enum rig_event event, uint32_t index)
{
	(void)index;
	if (event == RIG_ISOLATE)
		ck_assert_int_eq(iommunest_smmuv3_cmdq_remove_target(
					 rig->q, RIG_TARGET(rig, 70)),
				 0);
	return 0;
}

TEST(isolate_may_remove_it)
{
	struct cmdq_rig rig;

	cmdq_open(&rig, NULL);
	kill_host(&rig, -ETIMEDOUT);
	rig.hook = remove_it;
	cmdq_put(&rig, cmd_va(0));
	ck_assert_int_eq(cmdq_kick(&rig), 0);
	cmdq_put(&rig, cmd_cd(0x10));
	ck_assert_int_eq(cmdq_kick(&rig), 0);
	cmdq_tells(&rig, "drop 1, at 2");
	cmdq_close(&rig);
}

/* ---- Nothing helps: HALT ---- */

TEST(a_halt_is_silent)
{
	struct cmdq_rig rig;

	open_as(&rig, 0);
	kill_host(&rig, -ETIMEDOUT);
	rig.isolate_error = -EBUSY;
	cmdq_put_sync(&rig);
	cmdq_put(&rig, cmd_va(0));
	cmdq_put_sync(&rig);
	ck_assert_int_eq(cmdq_kick(&rig), -ETIMEDOUT);
	cmdq_tells(&rig, "msi 0, at 1, 70[va]!110, 70[nsnh]!110, "
			 "isolate 1@70=110, at 1");
	cmdq_halts(&rig, IOMMUNEST_CAUSE_HOST, 1, -ETIMEDOUT, 0);
	ck_assert_uint_eq(rig.result.gerror, 0);
	ck_assert_uint_eq(rig.result.cookie, 70);

	/* The guest can do nothing about it; nor does it come by itself. */
	cmdq_heal_host(&rig);
	cmdq_put_sync(&rig);
	ck_assert_int_eq(cmdq_kick(&rig), -ETIMEDOUT);
	cmdq_tells(&rig, "");
	ck_assert_int_eq(cmdq_acknowledge(&rig), -ETIMEDOUT);
	cmdq_tells(&rig, "");
	iommunest_smmuv3_cmdq_clear_fault(rig.q);
	ck_assert_int_eq(cmdq_go_on(&rig), 0);
	cmdq_tells(&rig, "70[va], msi 2, msi 3, at 4");
	cmdq_is_done(&rig);
	cmdq_close(&rig);
}

/* A guest that makes its queue anew starts without the failure. */
TEST(a_new_queue_forgets_a_halt)
{
	struct cmdq_rig rig;

	open_as(&rig, HALT);
	kill_host(&rig, -ETIMEDOUT);
	rig.isolate_error = -EBUSY;
	cmdq_put(&rig, cmd_va(0));
	ck_assert_int_eq(cmdq_kick(&rig), -ETIMEDOUT);
	cmdq_heal_host(&rig);
	ck_assert_int_eq(iommunest_smmuv3_cmdq_write_cr0(rig.q, 0, &rig.result),
			 0);
	ck_assert_int_eq(iommunest_smmuv3_cmdq_write_cons(rig.q, 1), 0);
	ck_assert_int_eq(iommunest_smmuv3_cmdq_write_cr0(rig.q, 8, &rig.result),
			 0);
	cmdq_put(&rig, cmd_va(0));
	ck_assert_int_eq(cmdq_kick(&rig), 0);
	cmdq_tells(&rig, "70[va], at 2");
	cmdq_close(&rig);
}

/* The earliest slot wins, whichever target it is of. */
TEST_LOOP(the_earliest_slot_wins, 2)
{
	struct cmdq_rig rig;

	open_as(&rig, HALT);
	rig.isolate_error = -EBUSY;
	cmdq_add_target(&rig, 71);
	cmdq_add_stream(&rig, 0x30, 71);
	kill_host(&rig, -ETIMEDOUT);
	cmdq_put(&rig, cmd_cd(_i ? 0x30 : 0x10));
	cmdq_put(&rig, cmd_cd(_i ? 0x10 : 0x30));
	ck_assert_int_eq(cmdq_kick(&rig), -ETIMEDOUT);
	cmdq_halts(&rig, IOMMUNEST_CAUSE_HOST, 0, -ETIMEDOUT, 0);
	ck_assert_uint_eq(rig.result.cookie, _i ? 71 : 70);
	ck_assert_uint_eq(rig.result.commands, 0);
	cmdq_close(&rig);
}

/* What the other target did is done, and so is the CMD_SYNC after it. */
TEST(syncs_before_the_failure_complete)
{
	struct cmdq_rig rig;

	open_as(&rig, HALT);
	rig.isolate_error = -EBUSY;
	cmdq_add_target(&rig, 71);
	cmdq_add_stream(&rig, 0x30, 71);
	cmdq_fail(&rig, (struct cmdq_rule){ .viommu = 71, .error = -ENODEV });
	cmdq_put(&rig, cmd_cd(0x10));
	cmdq_put_sync(&rig);
	cmdq_put(&rig, cmd_cd(0x30));
	cmdq_put_sync(&rig);
	ck_assert_int_eq(cmdq_kick(&rig), -ENODEV);
	cmdq_tells(&rig, "70[cd], 71[cd]!19, 71[cd-all]!19, isolate 2@71=19, "
			 "msi 1, at 2");
	cmdq_halts(&rig, IOMMUNEST_CAUSE_HOST, 2, -ENODEV, 0);
	ck_assert_uint_eq(rig.result.commands, 2);
	ck_assert_uint_eq(rig.result.forwarded, 1);
	ck_assert_uint_eq(rig.result.syncs, 1);
	cmdq_close(&rig);
}

/* Nothing of a group is done: the head is at its first command. */
TEST(a_group_is_done_or_not)
{
	struct cmdq_rig rig;

	open_as(&rig, HALT);
	rig.isolate_error = -EBUSY;
	cmdq_fail(&rig, (struct cmdq_rule){ .opcode = 0x05, .error = -EIO });
	cmdq_fail(&rig, (struct cmdq_rule){ .opcode = 0x06, .error = -EIO });
	cmdq_put(&rig, cmd_va(0));
	cmdq_put(&rig, cmd_va(0));
	cmdq_put(&rig, cmd_cd(0x10));
	cmdq_put_sync(&rig);
	ck_assert_int_eq(cmdq_kick(&rig), -EIO);
	cmdq_tells(&rig, "70[va*2 cd]!5, 70[cd]!5, 70[cd-all]!5, "
			 "isolate 2@70=5, at 0");
	cmdq_halts(&rig, IOMMUNEST_CAUSE_HOST, 0, -EIO, 0);
	cmdq_close(&rig);
}

/* ---- Shown to the guest ---- */

TEST(abt_is_fetched_again)
{
	struct cmdq_rig rig;

	open_as(&rig, ABT);
	kill_host(&rig, -ENODEV);
	rig.isolate_error = -EBUSY;
	cmdq_put_sync(&rig);
	cmdq_put(&rig, cmd_va(0));
	cmdq_put_sync(&rig);
	ck_assert_int_eq(cmdq_kick(&rig), -ENODEV);
	cmdq_tells(&rig, "msi 0, at 1, 70[va]!19, 70[nsnh]!19, "
			 "isolate 1@70=19, at 1!2");
	cmdq_halts(&rig, IOMMUNEST_CAUSE_HOST, 1, -ENODEV,
		   IOMMUNEST_SMMUV3_CERROR_ABT);
	ck_assert_uint_eq(rig.result.gerror_changed, 1);
	ck_assert_uint_eq(rig.gerror, 1);

	/* PROD is remembered. */
	cmdq_put(&rig, cmd_asid(1));
	ck_assert_int_eq(cmdq_kick(&rig), -ENODEV);
	cmdq_tells(&rig, "");
	ck_assert_int_eq(cmdq_acknowledge(&rig), -ENODEV);
	cmdq_tells(&rig, "70[va asid]!19, 70[nsnh]!19, isolate 1@70=19, "
			 "at 1!2");
	ck_assert_uint_eq(rig.result.gerror, 0);
	ck_assert_uint_eq(rig.result.gerror_changed, 1);
	cmdq_heal_host(&rig);
	ck_assert_int_eq(cmdq_acknowledge(&rig), 0);
	cmdq_tells(&rig, "70[va asid], msi 2, at 4");
	cmdq_is_done(&rig);
	ck_assert_uint_eq(rig.result.cons >> 24, 0);
	cmdq_close(&rig);
}

/* With ABT, nobody has to be able to isolate. */
TEST(abt_without_isolate)
{
	const struct rig_setup setup = { .unhealed = ABT,
					 .has = RIG_HAS_NO_ISOLATE };
	struct cmdq_rig rig;

	cmdq_open(&rig, &setup);
	kill_host(&rig, -ETIMEDOUT);
	cmdq_put(&rig, cmd_va(0));
	cmdq_put_sync(&rig);
	ck_assert_int_eq(cmdq_kick(&rig), -ETIMEDOUT);
	cmdq_tells(&rig, "70[va]!110, 70[nsnh]!110, at 0!2");
	cmdq_close(&rig);
}

/* ---- Device TLBs that do not answer ---- */

static void open_silent(struct cmdq_rig *rig, uint32_t has)
{
	const struct rig_setup setup = { .unhealed = ABT,
					 .has = has | RIG_HAS_NO_ISOLATE };

	cmdq_open(rig, &setup);
	cmdq_fail(rig,
		  (struct cmdq_rule){ .opcode = 0x40, .error = -ETIMEDOUT });
}

#define FAILED_ATC "!110, 70[cd-all], 70[nsnh], 70[atc]!110"

TEST(a_silent_device_is_shown_at_the_sync)
{
	struct cmdq_rig rig;

	open_silent(&rig, 0);
	cmdq_put(&rig, cmd_va(0));
	cmdq_put_sync(&rig);
	cmdq_put(&rig, cmd_atc(0x10, 0x1000));
	cmdq_put(&rig, cmd_atc(0x10, 0x2000));
	cmdq_put_sync(&rig);
	cmdq_put(&rig, cmd_va(0));
	cmdq_put_sync(&rig);
	ck_assert_int_eq(cmdq_kick(&rig), -ETIMEDOUT);
	cmdq_tells(&rig,
		   "70[va], msi 1, at 2, 70[atc*2]" FAILED_ATC ", at 4!3");
	cmdq_halts(&rig, IOMMUNEST_CAUSE_HOST, 4, -ETIMEDOUT,
		   IOMMUNEST_SMMUV3_CERROR_ATC_INV_SYNC);
	ck_assert_uint_eq(rig.result.commands, 4);
	ck_assert_uint_eq(rig.result.forwarded, 3);

	/* It does not answer yet: the CMD_SYNC is not done. */
	ck_assert_int_eq(cmdq_acknowledge(&rig), -ETIMEDOUT);
	cmdq_tells(&rig, "70[atc*2]" FAILED_ATC ", at 4!3");
	cmdq_halts(&rig, IOMMUNEST_CAUSE_HOST, 4, -ETIMEDOUT,
		   IOMMUNEST_SMMUV3_CERROR_ATC_INV_SYNC);
	ck_assert_uint_eq(rig.result.commands, 0);

	/* What is sent again is what the guest asked for. */
	cmdq_heal_host(&rig);
	ck_assert_int_eq(cmdq_acknowledge(&rig), 0);
	cmdq_tells(&rig, "70[atc*2], msi 4, at 5, 70[va], msi 6, at 7");
	ck_assert_uint_eq(rig.issued[0].words[1], 0x1000);
	ck_assert_uint_eq(rig.issued[1].words[1], 0x2000);
	cmdq_is_done(&rig);

	/* And only once. */
	cmdq_put_sync(&rig);
	ck_assert_int_eq(cmdq_kick(&rig), 0);
	cmdq_tells(&rig, "msi 7, at 8");
	cmdq_close(&rig);
}

/* The first CMD_SYNC after it, where the array has several. */
TEST(the_first_sync_is_meant)
{
	struct cmdq_rig rig;

	open_silent(&rig, 0);
	cmdq_put(&rig, cmd_atc(0x10, 0x1000));
	cmdq_put_sync(&rig);
	cmdq_put(&rig, cmd_atc(0x10, 0x2000));
	cmdq_put_sync(&rig);
	ck_assert_int_eq(cmdq_kick(&rig), -ETIMEDOUT);
	cmdq_tells(&rig, "70[atc*2]" FAILED_ATC ", at 1!3");
	cmdq_heal_host(&rig);
	/* The second one has not been consumed. */
	ck_assert_int_eq(cmdq_acknowledge(&rig), 0);
	cmdq_tells(&rig, "70[atc], msi 1, at 2, 70[atc], msi 3, at 4");
	cmdq_close(&rig);
}

/* Anything else that is not done before the CMD_SYNC is fetched again. */
static const struct {
	struct cmd first, second, third;
	uint32_t slot;
	uint32_t cerror;
} doubts[] = {
	/* Another class. */
	{ { { 0x40 | UINT64_C(0x10) << 32, 0 } },
	  { { 0x30, 0 } },
	  { { 0x46, 0 } },
	  0,
	  2 },
	{ { { 0x30, 0 } },
	  { { 0x40 | UINT64_C(0x10) << 32, 0 } },
	  { { 0x46, 0 } },
	  0,
	  2 },
	/* No CMD_SYNC yet. */
	{ { { 0x40 | UINT64_C(0x10) << 32, 0 } },
	  { { 0x40 | UINT64_C(0x10) << 32, 0 } },
	  { { 0x40 | UINT64_C(0x11) << 32, 0 } },
	  0,
	  2 },
	/* An ordering point of the VMM's, or what is illegal. */
	{ { { 0x40 | UINT64_C(0x10) << 32, 0 } },
	  { { 0x03, 0 } },
	  { { 0x46, 0 } },
	  0,
	  2 },
	{ { { 0x40 | UINT64_C(0x10) << 32, 0 } },
	  { { 0x20, 0 } },
	  { { 0x46, 0 } },
	  0,
	  2 },
	/* Of nobody: nothing is to be done. */
	{ { { 0x40 | UINT64_C(0x10) << 32, 0 } },
	  { { 0x05 | UINT64_C(0x99) << 32, 0 } },
	  { { 0x46, 0 } },
	  2,
	  3 },
	{ { { 0x40 | UINT64_C(0x10) << 32, 0 } },
	  { { 0x01 | UINT64_C(0x10) << 32, 0 } },
	  { { 0x46, 0 } },
	  2,
	  3 },
};

TEST_LOOP(what_is_in_doubt, ARRAY_LEN(doubts))
{
	struct cmdq_rig rig;

	open_silent(&rig, 0);
	cmdq_put(&rig, doubts[_i].first);
	cmdq_put(&rig, doubts[_i].second);
	cmdq_put(&rig, doubts[_i].third);
	ck_assert_int_eq(cmdq_kick(&rig), -ETIMEDOUT);
	cmdq_halts(&rig, IOMMUNEST_CAUSE_HOST, doubts[_i].slot, -ETIMEDOUT,
		   doubts[_i].cerror);
	cmdq_heal_host(&rig);
	cmdq_acknowledge(&rig);
	ck_assert_uint_ge(rig.n_issued, 1);
	ck_assert_uint_eq(rig.issued[0].words[0], doubts[_i].first.words[0]);
	cmdq_close(&rig);
}

/* Not where the guest is shown nothing, and not for another error. */
TEST_LOOP(no_doubt_otherwise, 2)
{
	const struct rig_setup setup = { .unhealed = _i ? ABT : HALT,
					 .has = RIG_HAS_NO_ISOLATE };
	const int error = _i ? -ENODEV : -ETIMEDOUT;
	struct cmdq_rig rig;

	cmdq_open(&rig, &setup);
	kill_host(&rig, error);
	cmdq_put(&rig, cmd_atc(0x10, 0));
	cmdq_put_sync(&rig);
	ck_assert_int_eq(cmdq_kick(&rig), error);
	cmdq_halts(&rig, IOMMUNEST_CAUSE_HOST, 0, error, _i ? 2 : 0);
	cmdq_close(&rig);
}

/* 63 of them, of two targets; one of which is removed. */
TEST(as_many_as_an_array)
{
	struct cmdq_rig rig;
	unsigned int i;

	open_silent(&rig, 0);
	cmdq_add_target(&rig, 71);
	cmdq_add_stream(&rig, 0x30, 71);
	for (i = 0; i < 63; i++)
		cmdq_put(&rig, cmd_atc(i % 2 ? 0x30 : 0x10, (uint64_t)i << 12));
	cmdq_put_sync(&rig);
	ck_assert_int_eq(cmdq_kick(&rig), -ETIMEDOUT);
	cmdq_halts(&rig, IOMMUNEST_CAUSE_HOST, 63, -ETIMEDOUT,
		   IOMMUNEST_SMMUV3_CERROR_ATC_INV_SYNC);
	cmdq_heal_host(&rig);
	/* Looked up anew: 0x30 is nobody's now, 0x10 is another target's. */
	ck_assert_int_eq(iommunest_smmuv3_cmdq_remove_target(
				 rig.q, RIG_TARGET(&rig, 70)),
			 0);
	ck_assert_int_eq(iommunest_smmuv3_cmdq_remove_stream(rig.q, 0x30), 0);
	cmdq_add_stream(&rig, 0x10, 71);
	ck_assert_int_eq(cmdq_acknowledge(&rig), 0);
	cmdq_tells(&rig, "71[atc*32], msi 63, at 64");
	cmdq_close(&rig);
}

/* A target that is cut off has no device TLB that matters. */
TEST(doubt_of_a_target_that_was_cut_off)
{
	const struct rig_setup setup = { .unhealed = ABT };
	struct cmdq_rig rig;

	cmdq_open(&rig, &setup);
	rig.isolate_error = -EBUSY;
	cmdq_fail(&rig,
		  (struct cmdq_rule){ .opcode = 0x40, .error = -ETIMEDOUT });
	cmdq_put(&rig, cmd_atc(0x10, 0));
	cmdq_put_sync(&rig);
	cmdq_put(&rig, cmd_va(0));
	ck_assert_int_eq(cmdq_kick(&rig), -ETIMEDOUT);
	rig.isolate_error = 0;
	ck_assert_int_eq(cmdq_acknowledge(&rig), 0);
	cmdq_tells(&rig, "70[atc]" FAILED_ATC
			 ", isolate 1@70=110, msi 1, at 2, at 3");
	cmdq_close(&rig);
}

/* What a cut-off of one target does to the others. */
static int replace_another(struct cmdq_rig *rig, enum rig_event event,
			   uint32_t index)
{
	(void)index;
	if (event != RIG_ISOLATE || rig->isolate_error)
		return 0;
	ck_assert_int_eq(iommunest_smmuv3_cmdq_remove_target(
				 rig->q, RIG_TARGET(rig, 71)),
			 0);
	cmdq_add_target(rig, 72);
	return 0;
}

/* The one in its place has no such streams. */
TEST(doubt_of_a_target_that_is_gone)
{
	const struct rig_setup setup = { .unhealed = ABT };
	struct cmdq_rig rig;

	cmdq_open(&rig, &setup);
	cmdq_add_target(&rig, 71);
	cmdq_add_stream(&rig, 0x30, 71);
	rig.hook = replace_another;
	rig.isolate_error = -EBUSY;
	cmdq_fail(&rig,
		  (struct cmdq_rule){ .opcode = 0x40, .error = -ETIMEDOUT });
	cmdq_put(&rig, cmd_atc(0x10, 0));
	cmdq_put(&rig, cmd_atc(0x30, 0));
	cmdq_put_sync(&rig);
	ck_assert_int_eq(cmdq_kick(&rig), -ETIMEDOUT);
	rig.isolate_error = 0;
	ck_assert_int_eq(cmdq_acknowledge(&rig), 0);
	cmdq_tells(&rig,
		   "70[atc]" FAILED_ATC ", isolate 2@70=110, msi 2, at 3");
	cmdq_close(&rig);
}

/* The guest makes its queue anew. */
TEST_LOOP(a_new_queue_forgets_doubt, 3)
{
	struct cmdq_rig rig;

	open_silent(&rig, 0);
	cmdq_put(&rig, cmd_atc(0x10, 0));
	cmdq_put_sync(&rig);
	ck_assert_int_eq(cmdq_kick(&rig), -ETIMEDOUT);
	ck_assert_int_eq(iommunest_smmuv3_cmdq_write_cr0(rig.q, 0, &rig.result),
			 0);
	if (_i == 0)
		iommunest_smmuv3_cmdq_write_cons(rig.q, 1);
	if (_i == 1)
		iommunest_smmuv3_cmdq_write_base(rig.q, RIG_BASE | 7);
	/* Acknowledged while it is disabled: it is sent once that is on. */
	cmdq_heal_host(&rig);
	ck_assert_int_eq(cmdq_acknowledge(&rig), 0);
	cmdq_tells(&rig, "");
	ck_assert_int_eq(iommunest_smmuv3_cmdq_write_cr0(rig.q, 8, &rig.result),
			 0);
	cmdq_tells(&rig, _i == 2 ? "70[atc], msi 1, at 2" : "msi 1, at 2");
	cmdq_close(&rig);
}

/* Who fails in between is told of again, and nothing is lost. */
static uint32_t fails_at;

static int fail_forwarded(struct cmdq_rig *rig, enum rig_event event,
			  uint32_t index)
{
	(void)rig;
	return event == RIG_FORWARDED && index == fails_at ? -EPERM : 0;
}

TEST_LOOP(a_callback_fails_before_the_sync, 3)
{
	static const char *const stories[] = {
		"70[atc*3], fwd 0, fwd 1, fwd 2, msi 3, at 4",
		"70[atc], 70[atc*2], fwd 1, fwd 2, msi 3, at 4",
		"70[atc*2], 70[atc], fwd 2, msi 3, at 4",
	};
	struct cmdq_rig rig;

	open_silent(&rig, RIG_HAS_FORWARDED);
	fails_at = (uint32_t)_i;
	rig.hook = fail_forwarded;
	cmdq_put(&rig, cmd_atc(0x10, 0));
	cmdq_put(&rig, cmd_atc(0x10, 0x1000));
	cmdq_put(&rig, cmd_atc(0x10, 0x2000));
	cmdq_put_sync(&rig);
	ck_assert_int_eq(cmdq_kick(&rig), -EPERM);
	cmdq_halts(&rig, IOMMUNEST_CAUSE_HOST, fails_at, -EPERM,
		   IOMMUNEST_SMMUV3_CERROR_ABT);
	cmdq_heal_host(&rig);
	rig.hook = NULL;
	ck_assert_int_eq(cmdq_acknowledge(&rig), 0);
	cmdq_tells(&rig, stories[_i]);
	cmdq_close(&rig);
}

/* Cut off for what was in doubt: it gets nothing of the run that follows. */
TEST(cut_off_before_the_run)
{
	const struct rig_setup setup = { .unhealed = ABT,
					 .has = RIG_HAS_FORWARDED };
	struct cmdq_rig rig;

	cmdq_open(&rig, &setup);
	rig.isolate_error = -EBUSY;
	cmdq_fail(&rig,
		  (struct cmdq_rule){ .opcode = 0x40, .error = -ETIMEDOUT });
	fails_at = 1;
	rig.hook = fail_forwarded;
	cmdq_put(&rig, cmd_atc(0x10, 0));
	cmdq_put(&rig, cmd_atc(0x10, 0x1000));
	cmdq_put_sync(&rig);
	ck_assert_int_eq(cmdq_kick(&rig), -EPERM);
	rig.hook = NULL;
	rig.isolate_error = 0;
	ck_assert_int_eq(cmdq_acknowledge(&rig), 0);
	cmdq_tells(&rig, "70[atc]" FAILED_ATC
			 ", isolate 1@70=110, fwd 1, msi 2, at 3");
	cmdq_close(&rig);
}

/* ---- The VMM's own functions ---- */

static enum rig_event which_fails;
static int how_it_fails;

static int fail_one(struct cmdq_rig *rig, enum rig_event event, uint32_t index)
{
	(void)rig;
	return event == which_fails && index == 1 ? how_it_fails : 0;
}

/* `command` and `forwarded`, where the guest is shown it and where not. */
TEST_LOOP(a_callback_that_fails, 8)
{
	const bool shows = _i & 1;
	const bool of_command = _i & 2;
	const struct rig_setup setup = { .unhealed = shows ? ABT : 0,
					 .has = RIG_HAS_FORWARDED };
	struct cmdq_rig rig;

	/* No errno at all becomes one. */
	how_it_fails = _i & 4 ? -5000 : -ENOSPC;
	which_fails = of_command ? RIG_COMMAND : RIG_FORWARDED;
	cmdq_open(&rig, &setup);
	rig.hook = fail_one;
	cmdq_put_sync(&rig);
	cmdq_put(&rig, of_command ? cmd_ste(1) : cmd_va(0));
	cmdq_put_sync(&rig);
	ck_assert_int_eq(cmdq_kick(&rig), _i & 4 ? -EIO : -ENOSPC);
	cmdq_halts(&rig, IOMMUNEST_CAUSE_HOST, 1, _i & 4 ? -EIO : -ENOSPC,
		   shows ? 2 : 0);
	ck_assert_uint_eq(rig.result.commands, 1);
	ck_assert_uint_eq(rig.result.cookie, 0);
	rig.hook = NULL;
	if (shows) {
		ck_assert_int_eq(cmdq_acknowledge(&rig), 0);
	} else {
		iommunest_smmuv3_cmdq_clear_fault(rig.q);
		ck_assert_int_eq(cmdq_go_on(&rig), 0);
	}
	cmdq_tells(&rig, of_command ? "vmm 1, at 2, msi 2, at 3"
				    : "70[va], fwd 1, msi 2, at 3");
	cmdq_close(&rig);
}

/* ---- STOP and SKIP ---- */

TEST(stop_halts)
{
	const struct rig_setup setup = { .policy = IOMMUNEST_SMMUV3_CMDQ_STOP };
	struct cmdq_rig rig;

	cmdq_open(&rig, &setup);
	cmdq_fail(&rig, (struct cmdq_rule){ .opcode = 0x05, .error = -EIO });
	cmdq_put_sync(&rig);
	cmdq_put(&rig, cmd_cd(0x10));
	cmdq_put_sync(&rig);
	ck_assert_int_eq(cmdq_kick(&rig), -EIO);
	cmdq_tells(&rig, "msi 0, at 1, 70[cd]!5, at 1");
	cmdq_halts(&rig, IOMMUNEST_CAUSE_HOST, 1, -EIO, 0);
	cmdq_close(&rig);
}

TEST_LOOP(skip_tells_and_goes_on, HOST_MEANINGS)
{
	const struct rig_setup setup = { .policy = IOMMUNEST_SMMUV3_CMDQ_SKIP,
					 .has = RIG_HAS_FORWARDED };
	struct cmdq_rig rig;
	char *from;

	cmdq_open(&rig, &setup);
	rig.meaning = (enum host_meaning)_i;
	cmdq_add_target(&rig, 71);
	cmdq_fail(&rig, (struct cmdq_rule){ .opcode = 0x11, .error = -EIO });
	cmdq_put(&rig, cmd_va(0));
	cmdq_put(&rig, cmd_asid(1));
	cmdq_put(&rig, cmd_asid(2));
	cmdq_put(&rig, cmd_va(0));
	cmdq_put_sync(&rig);
	ck_assert_int_eq(cmdq_kick(&rig), 0);
	from = strstr(rig.story, "fwd");
	ck_assert_ptr_nonnull(from);
	ck_assert_str_eq(from,
			 "fwd 0, skip 1@70=5, skip 1@71=5, fwd 1, "
			 "skip 2@70=5, skip 2@71=5, fwd 2, fwd 3, msi 4, at 5");
	cmdq_is_done(&rig);
	ck_assert_uint_eq(rig.result.skipped, 2);
	ck_assert_uint_eq(rig.result.forwarded, 2);
	ck_assert_uint_eq(rig.result.commands, 5);
	cmdq_close(&rig);
}

/* All that is known is that the call failed. */
TEST(skip_halts_at_a_call)
{
	const struct rig_setup setup = { .policy = IOMMUNEST_SMMUV3_CMDQ_SKIP };
	struct cmdq_rig rig;

	cmdq_open(&rig, &setup);
	cmdq_fail(&rig, (struct cmdq_rule){ .error = -ETIMEDOUT, .times = 2 });
	cmdq_put(&rig, cmd_va(0));
	cmdq_put(&rig, cmd_va(0));
	cmdq_put_sync(&rig);
	ck_assert_int_eq(cmdq_kick(&rig), -ETIMEDOUT);
	cmdq_tells(&rig, "70[va*2]!110, at 0");
	cmdq_halts(&rig, IOMMUNEST_CAUSE_HOST, 0, -ETIMEDOUT, 0);
	iommunest_smmuv3_cmdq_clear_fault(rig.q);
	ck_assert_int_eq(cmdq_go_on(&rig), -ETIMEDOUT);
	iommunest_smmuv3_cmdq_clear_fault(rig.q);
	ck_assert_int_eq(cmdq_go_on(&rig), 0);
	cmdq_close(&rig);
}

/* A run that halts after something was skipped skips it again. */
TEST(skipped_and_then_halted)
{
	const struct rig_setup setup = { .policy = IOMMUNEST_SMMUV3_CMDQ_SKIP };
	struct cmdq_rig rig;

	cmdq_open(&rig, &setup);
	cmdq_add_target(&rig, 71);
	cmdq_fail(&rig, (struct cmdq_rule){
				.viommu = 70, .opcode = 0x11, .error = -EIO });
	cmdq_fail(&rig, (struct cmdq_rule){
				.viommu = 71, .error = -ENODEV, .times = 1 });
	cmdq_put(&rig, cmd_va(0));
	cmdq_put(&rig, cmd_asid(1));
	ck_assert_int_eq(cmdq_kick(&rig), -ENODEV);
	cmdq_tells(&rig, "70[va asid]!5, 70[asid]!5, 70[va], 70[asid]!5, "
			 "71[va asid]!19, at 0");
	iommunest_smmuv3_cmdq_clear_fault(rig.q);
	ck_assert_int_eq(cmdq_go_on(&rig), 0);
	cmdq_tells(&rig, "70[va asid]!5, 70[asid]!5, 70[va], 70[asid]!5, "
			 "71[va asid], skip 1@70=5, at 2");
	cmdq_close(&rig);
}

/* ---- Told of each call ---- */

TEST(calls_are_traced)
{
	const struct rig_setup setup = { .has = RIG_HAS_TRACE };
	struct cmdq_rig rig;

	cmdq_open(&rig, &setup);
	cmdq_put(&rig, cmd_va(0));
	cmdq_put_sync(&rig);
	cmdq_put(&rig, cmd_va(0));
	ck_assert_int_eq(cmdq_kick(&rig), 0);
	cmdq_tells(&rig, "70[va*2] <0@2>, msi 1, at 3");
	cmdq_fail(&rig, (struct cmdq_rule){ .error = -ENODEV, .times = 1 });
	cmdq_put(&rig, cmd_asid(1));
	ck_assert_int_eq(cmdq_kick(&rig), 0);
	cmdq_tells(&rig, "70[asid]!19 <3@3>, 70[nsnh] <all 3@3>, "
			 "heal 3@70=19, at 4");

	ck_assert_int_eq(iommunest_smmuv3_cmdq_set_trace(rig.q, false), 0);
	cmdq_put(&rig, cmd_va(0));
	ck_assert_int_eq(cmdq_kick(&rig), 0);
	cmdq_tells(&rig, "70[va], at 5");
	ck_assert_int_eq(iommunest_smmuv3_cmdq_set_trace(rig.q, true), 0);
	cmdq_put(&rig, cmd_va(0));
	ck_assert_int_eq(cmdq_kick(&rig), 0);
	cmdq_tells(&rig, "70[va] <5@5>, at 6");
	cmdq_close(&rig);
}

/* Hardware that needs each command twice. */
TEST(an_erratum_sends_twice)
{
	static const struct rig_setup setup;
	struct iommunest_smmuv3_cmdq_options options;
	struct iommunest_smmuv3_cmdq_ops ops;
	struct cmdq_rig rig;

	cmdq_open_bare(&rig, &setup);
	iommunest_smmuv3_cmdq_free(rig.q);
	rig.caps.flags = IOMMUNEST_SMMUV3_ERRATA_REPEAT;
	ops = cmdq_ops(&setup);
	options = cmdq_options(&rig, &setup);
	ck_assert_int_eq(
		iommunest_smmuv3_cmdq_new(&rig.q, &ops, &rig, &options), 0);
	ck_assert_int_eq(iommunest_smmuv3_cmdq_write_base(rig.q, RIG_BASE | 7),
			 0);
	cmdq_add_target(&rig, 70);
	cmdq_put(&rig, cmd_va(0));
	cmdq_put_sync(&rig);
	cmdq_kick(&rig);
	ck_assert_int_eq(iommunest_smmuv3_cmdq_write_cr0(rig.q, 8, &rig.result),
			 0);
	cmdq_tells(&rig, "70[va], 70[va], msi 1, at 2");
	cmdq_close(&rig);
}
