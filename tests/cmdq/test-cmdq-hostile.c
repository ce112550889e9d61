/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * Guests that mean harm: what they can make the library do is bounded by their
 * ring and the budget, and only a copy is looked at.
 */
#include <string.h>

#include "tests/cmdq/cmdq-rig.h"
#include "tests/harness/support.h"

static uint32_t reads;

static int count_reads(struct cmdq_rig *rig, enum rig_event event,
		       uint32_t index)
{
	(void)rig;
	(void)index;
	reads += event == RIG_READ;
	return 0;
}

/* ---- Memory that changes ---- */

/* Another vCPU fills the ring with something else at each read. */
static int overwrite_all(struct cmdq_rig *rig, enum rig_event event,
			 uint32_t index)
{
	uint32_t i;

	(void)index;
	if (event != RIG_READ)
		return 0;
	reads++;
	for (i = 0; i < rig->slots; i++)
		rig->ring[i][0] = ~UINT64_C(0);
	return 0;
}

TEST(only_the_copy_is_looked_at)
{
	const struct rig_setup setup = { .log2 = 6, .has = RIG_HAS_FORWARDED };
	struct cmdq_rig rig;
	uint32_t i;

	reads = 0;
	cmdq_open(&rig, &setup);
	rig.hook = overwrite_all;
	for (i = 0; i < 30; i++)
		cmdq_put(&rig, cmd_va((uint64_t)i << 12));
	cmdq_put_sync(&rig);
	for (i = 0; i < 30; i++)
		cmdq_put(&rig, cmd_va((uint64_t)i << 12));
	cmdq_put_sync(&rig);
	ck_assert_int_eq(cmdq_kick(&rig), 0);
	cmdq_is_done(&rig);
	ck_assert_uint_eq(reads, 1);
	ck_assert_uint_eq(rig.n_issued, 60);
	for (i = 0; i < 60; i++)
		ck_assert_uint_eq(rig.issued[i].words[1], (uint64_t)(i % 30)
								  << 12);
	cmdq_close(&rig);
}

/* What it was when it was checked does not count, either. */
TEST(what_becomes_legal_is_fetched_again)
{
	struct cmdq_rig rig;

	cmdq_open(&rig, NULL);
	cmdq_put(&rig, (struct cmd){ { 0xff, 0 } });
	ck_assert_int_eq(cmdq_kick(&rig), -EBADMSG);
	rig.ring[0][0] = cmd_nsnh().words[0];
	ck_assert_int_eq(cmdq_go_on(&rig), -EBADMSG);
	cmdq_tells(&rig, "");
	ck_assert_int_eq(cmdq_acknowledge(&rig), 0);
	cmdq_tells(&rig, "70[nsnh], at 1");
	cmdq_close(&rig);
}

/* ---- Too much ---- */

/* A kick, and each acknowledgement, costs a read or two. */
TEST(a_ring_full_of_illegal_commands)
{
	const struct rig_setup setup = { .log2 = 19 };
	struct cmdq_rig rig;
	uint32_t i;

	reads = 0;
	cmdq_open(&rig, &setup);
	rig.hook = count_reads;
	cmdq_put_many(&rig, (struct cmd){ { 0xff, 0 } }, 1u << 19);
	ck_assert_int_eq(cmdq_kick(&rig), -EBADMSG);
	for (i = 0; i < 1000; i++) {
		cmdq_halts(&rig, IOMMUNEST_CAUSE_GUEST, i, -EBADMSG, 1);
		ck_assert_uint_le(reads, 2 * (i + 1));
		/* As Linux does. */
		memcpy(rig.ring[i], cmd_sync(0, 0, 0).words, 16);
		ck_assert_int_eq(cmdq_acknowledge(&rig), -EBADMSG);
		ck_assert_uint_eq(rig.result.commands, 1);
	}
	/* Nor does writing PROD again make it run. */
	ck_assert_int_eq(cmdq_kick(&rig), -EBADMSG);
	ck_assert_uint_le(reads, 2002);
	ck_assert_uint_eq(rig.result.commands, 0);
	cmdq_close(&rig);
}

TEST(a_ring_full_of_syncs)
{
	const struct rig_setup setup = { .log2 = 19, .budget = 1000 };
	struct cmdq_rig rig;
	uint32_t done = 0;
	int ret;

	cmdq_open(&rig, &setup);
	cmdq_put_many(&rig, cmd_sync(2, 0, 0), 1u << 19);
	for (ret = cmdq_kick(&rig); ret == 1; ret = cmdq_go_on(&rig)) {
		ck_assert_uint_eq(rig.result.commands, 1000);
		ck_assert_uint_eq(rig.result.syncs, 1000);
		ck_assert_uint_eq(rig.result.calls, 0);
		done += 1000;
	}
	ck_assert_int_eq(ret, 0);
	cmdq_is_done(&rig);
	ck_assert_uint_eq(done + rig.result.commands, 1u << 19);
	cmdq_close(&rig);
}

/* Each costs a call where classes alternate: no more than commands. */
TEST(classes_that_alternate)
{
	const struct rig_setup setup = { .log2 = 12, .budget = 200 };
	struct cmdq_rig rig;
	uint32_t i;

	cmdq_open(&rig, &setup);
	for (i = 0; i < 1000; i++) {
		cmdq_put(&rig, cmd_va(0));
		cmdq_put(&rig, cmd_sync(0, 0, 0));
		cmdq_put(&rig, cmd_cd(0x10));
		cmdq_put(&rig, cmd_sync(0, 0, 0));
	}
	ck_assert_int_eq(cmdq_kick(&rig), 1);
	ck_assert_uint_eq(rig.result.commands, 200);
	ck_assert_uint_eq(rig.result.calls, 100);
	cmdq_close(&rig);
}

/* As many streams as there can be cost no memory. */
TEST(streams_that_nobody_has)
{
	const struct rig_setup setup = { .log2 = 12 };
	struct cmdq_rig rig;
	uint32_t i;

	cmdq_open(&rig, &setup);
	for (i = 0; i < 4000; i++)
		cmdq_put(&rig, cmd_cd(0x1000 + i * 0x9e3779));
	ck_assert_int_eq(cmdq_kick(&rig), 0);
	cmdq_is_done(&rig);
	ck_assert_uint_eq(rig.result.dropped, 4000);
	ck_assert_uint_eq(rig.result.calls, 0);
	cmdq_close(&rig);
}

/* ---- Positions and places ---- */

/* PROD says more than there are slots, from any CONS. */
TEST_LOOP(prod_far_beyond, 4)
{
	const struct rig_setup setup = { .log2 = 4 };
	static const uint32_t beyond[] = { 17, 24, 31, 0xfffff };
	struct cmdq_rig rig;

	cmdq_open(&rig, &setup);
	cmdq_put_many(&rig, cmd_va(0), 16);
	cmdq_forget(&rig);
	ck_assert_int_eq(iommunest_smmuv3_cmdq_write_prod(rig.q, beyond[_i],
							  &rig.result),
			 0);
	ck_assert_uint_eq(rig.result.cons, beyond[_i] & 31);
	ck_assert_uint_eq(rig.result.commands, beyond[_i] & 31);
	/* No array has a slot twice, as slots are what cookies name. */
	ck_assert_uint_eq(rig.result.calls, 2);
	cmdq_close(&rig);
}

TEST(a_ring_of_one_slot)
{
	const struct rig_setup setup = { .one_slot = true };
	struct cmdq_rig rig;
	uint32_t i;

	cmdq_open(&rig, &setup);
	for (i = 0; i < 5; i++) {
		cmdq_put(&rig, i % 2 ? cmd_sync(1, RIG_BASE, 0) : cmd_va(0));
		ck_assert_int_eq(cmdq_kick(&rig), 0);
		cmdq_is_done(&rig);
		ck_assert_uint_eq(rig.result.commands, 1);
	}
	cmdq_put(&rig, (struct cmd){ { 0xff, 0 } });
	ck_assert_int_eq(cmdq_kick(&rig), -EBADMSG);
	cmdq_halts(&rig, IOMMUNEST_CAUSE_GUEST, 0, -EBADMSG, 1);
	cmdq_close(&rig);
}

/* Its last byte is the last that there is, and nothing wraps. */
TEST_LOOP(a_ring_at_the_end_of_memory, 20)
{
	const unsigned int log2 = (unsigned int)_i;
	struct cmdq_rig rig;
	uint64_t size;

	cmdq_open(&rig, NULL);
	ck_assert_int_eq(iommunest_smmuv3_cmdq_write_cr0(rig.q, 0, &rig.result),
			 0);
	size = UINT64_C(16) << log2;
	rig.base = UINT64_C(0x0010000000000000) - (size < 32 ? 32 : size);
	rig.slots = log2 < 7 ? 1u << log2 : 128;
	/* All that the register can say. */
	ck_assert_int_eq(iommunest_smmuv3_cmdq_write_base(
				 rig.q, IOMMUNEST_SMMUV3_CMDQ_BASE_ADDR | log2),
			 0);
	ck_assert_int_eq(iommunest_smmuv3_cmdq_write_cr0(
				 rig.q, IOMMUNEST_SMMUV3_CR0_CMDQEN,
				 &rig.result),
			 0);
	cmdq_put(&rig, cmd_va(0));
	ck_assert_int_eq(cmdq_kick(&rig), 0);
	cmdq_tells(&rig, "70[va], at 1");
	cmdq_close(&rig);
}

/* The VMM looks where it writes; the library knows no memory. */
static uint64_t written;

static int see_msi(void *vmm, uint32_t index, uint64_t gpa, uint32_t data)
{
	(void)vmm;
	(void)index;
	(void)data;
	written = gpa;
	return -EFAULT;
}

static const uint64_t places[] = {
	4,
	0xffc,
	RIG_BASE,
	UINT64_C(0x000ffffffffffffc),
	UINT64_C(0xfffffffffffffffc),
};

TEST_LOOP(an_msi_to_anywhere, ARRAY_LEN(places))
{
	const struct rig_setup setup = { .log2 = 0 };
	struct iommunest_smmuv3_cmdq_options options;
	struct iommunest_smmuv3_cmdq_ops ops = cmdq_ops(&setup);
	struct cmdq_rig rig;

	cmdq_open_bare(&rig, &setup);
	iommunest_smmuv3_cmdq_free(rig.q);
	options = cmdq_options(&rig, &setup);
	ops.write_msi = see_msi;
	ck_assert_int_eq(
		iommunest_smmuv3_cmdq_new(&rig.q, &ops, &rig, &options), 0);
	ck_assert_int_eq(iommunest_smmuv3_cmdq_write_base(rig.q, rig.base | 7),
			 0);
	ck_assert_int_eq(iommunest_smmuv3_cmdq_write_cr0(
				 rig.q, IOMMUNEST_SMMUV3_CR0_CMDQEN,
				 &rig.result),
			 0);
	written = 0;
	cmdq_put(&rig, cmd_sync(1, places[_i], 1));
	cmdq_put(&rig, cmd_sync(0, 0, 0));
	ck_assert_int_eq(cmdq_kick(&rig), 0);
	cmdq_is_done(&rig);
	/* Bits 51 to 2 of a word are an address. */
	ck_assert_uint_eq(written, places[_i] & UINT64_C(0x000ffffffffffffc));
	ck_assert_uint_eq(rig.result.gerror,
			  IOMMUNEST_SMMUV3_GERROR_MSI_CMDQ_ABT);
	cmdq_close(&rig);
}

/* Each command of a target is one entry, whatever its streams are. */
TEST(a_guest_pays_for_itself)
{
	const struct rig_setup setup = { .log2 = 10 };
	struct cmdq_rig rig;
	uint32_t i;

	cmdq_open(&rig, &setup);
	cmdq_add_target(&rig, 71);
	cmdq_add_target(&rig, 72);
	for (i = 0; i < 1000; i++)
		cmdq_put(&rig, i % 2 ? cmd_cd(0x11) : cmd_nsnh());
	ck_assert_int_eq(cmdq_kick(&rig), 0);
	cmdq_is_done(&rig);
	ck_assert_uint_eq(rig.result.entries, 3 * 500 + 500);
	ck_assert_uint_le(rig.result.calls, 3 * 20);
	cmdq_close(&rig);
}
