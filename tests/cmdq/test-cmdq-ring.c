/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* The ring: sizes, the wrap bit, registers, memory that is not there. */
#include <stdio.h>
#include <string.h>

#include "tests/cmdq/cmdq-rig.h"
#include "tests/harness/support.h"

static struct iommunest_smmuv3_cmdq_registers read_all(struct cmdq_rig *rig)
{
	struct iommunest_smmuv3_cmdq_registers regs = { .size = sizeof(regs) };

	ck_assert_int_eq(iommunest_smmuv3_cmdq_read(rig->q, &regs), 0);
	return regs;
}

/* Rings of 2^0 to 2^19 slots: full ones, again and again, and CONS wraps. */
TEST_LOOP(rings_of_all_sizes_wrap, 20)
{
	const struct rig_setup setup = { .log2 = (unsigned int)_i,
					 .one_slot = !_i };
	const uint32_t slots = 1u << _i;
	const uint32_t step = slots > 1 ? slots - slots / 2 : 1;
	struct cmdq_rig rig;
	uint32_t put = 0;
	uint32_t commands;
	unsigned int i;
	int ret;

	cmdq_open(&rig, &setup);
	for (i = 0; i < 5; i++) {
		/* Full, and then about a half. */
		const uint32_t count = i % 2 ? step : slots;

		cmdq_put_many(&rig, cmd_va((uint64_t)i << 12), count - 1);
		cmdq_put(&rig, cmd_sync(0, 0, 0));
		put += count;
		ret = cmdq_kick(&rig);
		commands = rig.result.commands;
		/* The largest take more ioctls than a run has. */
		for (; ret == 1; commands += rig.result.commands)
			ret = iommunest_smmuv3_cmdq_run(rig.q, &rig.result);
		ck_assert_int_eq(ret, 0);
		cmdq_is_done(&rig);
		ck_assert_uint_eq(rig.result.cons, put & (2 * slots - 1));
		ck_assert_uint_eq(commands, count);
		ck_assert_uint_eq(rig.n_issued, count - 1);
		if (count > 1)
			ck_assert_uint_eq(rig.issued[count - 2].words[1],
					  (uint64_t)i << 12);
	}
	cmdq_close(&rig);
}

/* Equal with the same wrap bit is empty, with the other one it is full. */
TEST(the_wrap_bit_tells_full_from_empty)
{
	const struct rig_setup setup = { .log2 = 2 };
	struct cmdq_rig rig;

	cmdq_open(&rig, &setup);
	ck_assert_int_eq(cmdq_kick(&rig), 0);
	cmdq_tells(&rig, "");
	ck_assert_uint_eq(rig.result.commands, 0);
	cmdq_put_many(&rig, cmd_va(0), 4);
	ck_assert_uint_eq(rig.prod, 4);
	ck_assert_int_eq(cmdq_kick(&rig), 0);
	cmdq_tells(&rig, "70[va*4], at 4");
	ck_assert_uint_eq(rig.result.cons, 4);
	cmdq_put_many(&rig, cmd_va(0), 4);
	ck_assert_uint_eq(rig.prod, 0);
	ck_assert_int_eq(cmdq_kick(&rig), 0);
	cmdq_tells(&rig, "70[va*4], at 0");
	cmdq_close(&rig);
}

/* Of a PROD, only the bits of the queue count. */
TEST(prod_has_the_bits_of_the_queue)
{
	const struct rig_setup setup = { .log2 = 2 };
	struct cmdq_rig rig;

	cmdq_open(&rig, &setup);
	cmdq_put(&rig, cmd_va(0));
	ck_assert_int_eq(iommunest_smmuv3_cmdq_write_prod(rig.q, 0xfffffff8 | 1,
							  &rig.result),
			 0);
	cmdq_tells(&rig, "70[va], at 1");
	ck_assert_uint_eq(rig.result.cons, 1);
	ck_assert_uint_eq(read_all(&rig).prod, 1);
	cmdq_close(&rig);
}

/*
 * A guest may say that there is more than the ring has: each slot is handled as
 * often as that says, and no more.
 */
TEST(more_than_full)
{
	const struct rig_setup setup = { .log2 = 2 };
	struct cmdq_rig rig;

	cmdq_open(&rig, &setup);
	cmdq_put_many(&rig, cmd_va(0), 4);
	ck_assert_int_eq(
		iommunest_smmuv3_cmdq_write_prod(rig.q, 7, &rig.result), 0);
	ck_assert_uint_eq(rig.result.cons, 7);
	ck_assert_uint_eq(rig.result.commands, 7);
	ck_assert_uint_eq(rig.n_issued, 7);
	/* No slot is in an array twice. */
	cmdq_tells(&rig, "70[va*4], at 4, 70[va*3], at 7");
	cmdq_close(&rig);
}

/* IDR1.CMDQS, LOG2SIZE, and how many slots there are. */
static const struct {
	uint32_t cmdqs;
	uint32_t log2;
	unsigned int slots;
} sizes[] = {
	{ 3, 3, 8 },	    { 3, 4, 8 },	 { 3, 31, 8 },
	{ 3, 2, 4 },	    { 0, 19, 1 << 19 },	 { 0, 20, 1 << 19 },
	{ 0, 31, 1 << 19 }, { 19, 18, 1 << 18 }, { 1, 0, 1 },
	{ 1, 31, 2 },
};

TEST_LOOP(log2size_is_clamped, ARRAY_LEN(sizes))
{
	static const struct rig_setup setup;
	struct iommunest_smmuv3_cmdq_options options;
	struct iommunest_smmuv3_cmdq_ops ops;
	struct cmdq_rig rig;
	uint64_t base = RIG_BASE | sizes[_i].log2;

	cmdq_open_bare(&rig, &setup);
	iommunest_smmuv3_cmdq_free(rig.q);
	ops = cmdq_ops(&setup);
	options = cmdq_options(&rig, &setup);
	options.cmdqs = sizes[_i].cmdqs;
	ck_assert_int_eq(
		iommunest_smmuv3_cmdq_new(&rig.q, &ops, &rig, &options), 0);
	ck_assert_int_eq(iommunest_smmuv3_cmdq_write_base(rig.q, base), 0);
	ck_assert_int_eq(iommunest_smmuv3_cmdq_write_prod(rig.q, UINT32_MAX,
							  &rig.result),
			 0);
	ck_assert_uint_eq(read_all(&rig).prod, 0xfffff);
	ck_assert_uint_eq(read_all(&rig).base, base);
	/* What is in it is not there, but the mask is. */
	rig.bad_count = UINT32_MAX;
	ck_assert_int_eq(iommunest_smmuv3_cmdq_write_cr0(rig.q, 8, &rig.result),
			 -EFAULT);
	ck_assert_uint_eq(read_all(&rig).prod, 2 * sizes[_i].slots - 1);
	cmdq_close(&rig);
}

/* The ring is aligned to its size, and to 32 bytes. */
TEST_LOOP(the_base_is_aligned_down, 20)
{
	const struct rig_setup setup = { .log2 = (unsigned int)_i,
					 .one_slot = !_i };
	const uint64_t size = _i < 1 ? 32 : UINT64_C(16) << _i;
	struct cmdq_rig rig;
	uint64_t odd;

	cmdq_open_bare(&rig, &setup);
	odd = RIG_BASE | ((size - 1) & ~UINT64_C(0x1f)) |
	      UINT64_C(0xbff0000000000000) | (uint64_t)_i;
	ck_assert_int_eq(iommunest_smmuv3_cmdq_write_base(rig.q, odd), 0);
	/* The reserved bits read as 0; RA would be kept. */
	ck_assert_uint_eq(read_all(&rig).base,
			  odd & UINT64_C(0x400fffffffffffff));
	cmdq_add_target(&rig, 70);
	cmdq_put(&rig, cmd_va(0x7000));
	ck_assert_int_eq(cmdq_kick(&rig), 0);
	cmdq_tells(&rig, "");
	ck_assert_int_eq(iommunest_smmuv3_cmdq_write_cr0(rig.q, 8, &rig.result),
			 0);
	cmdq_is_done(&rig);
	ck_assert_uint_eq(rig.issued[0].words[1], 0x7000);
	cmdq_close(&rig);
}

/* Linux writes PROD before it enables its queue. */
TEST(prod_written_while_disabled_is_remembered)
{
	struct cmdq_rig rig;

	cmdq_open_bare(&rig, NULL);
	cmdq_add_target(&rig, 70);
	cmdq_put(&rig, cmd_va(0));
	cmdq_put_sync(&rig);
	ck_assert_int_eq(cmdq_kick(&rig), 0);
	ck_assert_int_eq(cmdq_go_on(&rig), 0);
	cmdq_tells(&rig, "");
	ck_assert_uint_eq(rig.result.cons, 0);
	ck_assert_uint_eq(rig.result.commands, 0);
	ck_assert_int_eq(iommunest_smmuv3_cmdq_write_cr0(rig.q, ~UINT32_C(8),
							 &rig.result),
			 0);
	cmdq_tells(&rig, "");
	ck_assert_uint_eq(read_all(&rig).cr0, 0);
	ck_assert_int_eq(iommunest_smmuv3_cmdq_write_cr0(rig.q, 8, &rig.result),
			 0);
	cmdq_tells(&rig, "70[va], msi 1, at 2");
	cmdq_is_done(&rig);
	ck_assert_uint_eq(read_all(&rig).cr0, 8);

	ck_assert_int_eq(iommunest_smmuv3_cmdq_write_cr0(rig.q, 0, &rig.result),
			 0);
	cmdq_put(&rig, cmd_va(0));
	ck_assert_int_eq(cmdq_kick(&rig), 0);
	cmdq_tells(&rig, "");
	ck_assert_uint_eq(rig.result.cons, 2);
	cmdq_close(&rig);
}

TEST(cons_is_written_while_disabled)
{
	const struct rig_setup setup = { .log2 = 3 };
	struct cmdq_rig rig;

	cmdq_open_bare(&rig, &setup);
	cmdq_add_target(&rig, 70);
	/* Slots 5 to 7, and 0, with the wrap bit. */
	rig.prod = 13;
	cmdq_put_many(&rig, cmd_va(0), 3);
	cmdq_put(&rig, cmd_asid(1));
	ck_assert_uint_eq(rig.prod, 1);
	ck_assert_int_eq(iommunest_smmuv3_cmdq_write_cons(rig.q, 0x7ff00ffd),
			 0);
	ck_assert_uint_eq(read_all(&rig).cons, 0x00ffd);
	ck_assert_int_eq(iommunest_smmuv3_cmdq_write_cons(rig.q, 13), 0);
	ck_assert_int_eq(cmdq_kick(&rig), 0);
	ck_assert_int_eq(iommunest_smmuv3_cmdq_write_cr0(rig.q, 8, &rig.result),
			 0);
	/* One that is smaller than a chunk is settled at its end. */
	cmdq_tells(&rig, "70[va*3], at 0, 70[asid], at 1");
	cmdq_is_done(&rig);
	cmdq_close(&rig);
}

/* Bits above the wrap bit go when the queue is enabled. */
TEST(positions_of_a_larger_queue)
{
	const struct rig_setup setup = { .log2 = 3 };
	struct cmdq_rig rig;

	cmdq_open_bare(&rig, &setup);
	cmdq_add_target(&rig, 70);
	rig.prod = 13;
	cmdq_put(&rig, cmd_va(0));
	ck_assert_int_eq(iommunest_smmuv3_cmdq_write_cons(rig.q, 0xabc0d), 0);
	ck_assert_int_eq(iommunest_smmuv3_cmdq_write_prod(rig.q, 0xabc0e,
							  &rig.result),
			 0);
	ck_assert_int_eq(iommunest_smmuv3_cmdq_write_cr0(rig.q, 8, &rig.result),
			 0);
	ck_assert_uint_eq(rig.result.commands, 1);
	ck_assert_uint_eq(rig.result.cons, 14);
	ck_assert_uint_eq(read_all(&rig).prod, 14);
	/* Where there is nothing to do, too. */
	ck_assert_int_eq(iommunest_smmuv3_cmdq_write_cr0(rig.q, 0, &rig.result),
			 0);
	ck_assert_int_eq(iommunest_smmuv3_cmdq_write_cons(rig.q, 0x7000e), 0);
	ck_assert_int_eq(iommunest_smmuv3_cmdq_write_cr0(rig.q, 8, &rig.result),
			 0);
	ck_assert_uint_eq(rig.result.cons, 14);
	cmdq_close(&rig);
}

TEST(base_and_cons_are_fixed_while_enabled)
{
	struct iommunest_smmuv3_cmdq_registers before, after;
	struct cmdq_rig rig;

	cmdq_open(&rig, NULL);
	before = read_all(&rig);
	ck_assert_int_eq(iommunest_smmuv3_cmdq_write_base(rig.q, 0x1000),
			 -EBUSY);
	ck_assert_int_eq(iommunest_smmuv3_cmdq_write_cons(rig.q, 1), -EBUSY);
	after = read_all(&rig);
	ck_assert(!memcmp(&before, &after, sizeof(before)));
	cmdq_close(&rig);
}

/* A piece that cannot be read is read slot by slot. */
TEST_LOOP(a_slot_that_cannot_be_read, 2)
{
	const struct rig_setup setup = {
		.unhealed = _i ? IOMMUNEST_SMMUV3_UNHEALED_ABT : 0,
	};
	struct cmdq_rig rig;

	cmdq_open(&rig, &setup);
	rig.bad_first = 5;
	rig.bad_count = 2;
	cmdq_put_many(&rig, cmd_va(0), 3);
	cmdq_put_sync(&rig);
	cmdq_put_many(&rig, cmd_va(0), 4);
	ck_assert_int_eq(cmdq_kick(&rig), -EFAULT);
	/* Nothing of the host's, so that it is shown with any options. */
	cmdq_tells(&rig, "70[va*4], msi 3, at 5!2");
	cmdq_halts(&rig, IOMMUNEST_CAUSE_FETCH, 5, -EFAULT,
		   IOMMUNEST_SMMUV3_CERROR_ABT);
	ck_assert_uint_eq(rig.result.gerror_changed, 1);
	ck_assert_uint_eq(rig.result.commands, 5);

	/* It says so again, and does nothing, and changes nothing. */
	ck_assert_int_eq(cmdq_kick(&rig), -EFAULT);
	cmdq_tells(&rig, "");
	cmdq_halts(&rig, IOMMUNEST_CAUSE_FETCH, 5, -EFAULT,
		   IOMMUNEST_SMMUV3_CERROR_ABT);
	ck_assert_uint_eq(rig.result.gerror_changed, 0);
	iommunest_smmuv3_cmdq_clear_fault(rig.q);
	ck_assert_int_eq(cmdq_go_on(&rig), -EFAULT);
	cmdq_tells(&rig, "");

	ck_assert_int_eq(cmdq_acknowledge(&rig), -EFAULT);
	cmdq_tells(&rig, "at 5!2");
	ck_assert_uint_eq(rig.result.gerror, 0);
	ck_assert_uint_eq(rig.result.gerror_changed, 1);
	rig.bad_count = 0;
	ck_assert_int_eq(cmdq_acknowledge(&rig), 0);
	cmdq_tells(&rig, "70[va*3], at 8");
	cmdq_is_done(&rig);
	ck_assert_uint_eq(rig.result.gerror_changed, 0);
	cmdq_close(&rig);
}

TEST_RANGE(the_budget_ends_a_run, 1, 70)
{
	const struct rig_setup setup = { .budget = (uint32_t)_i };
	const uint32_t budget = (uint32_t)_i;
	struct cmdq_rig rig;
	uint32_t done = 0;
	int ret;

	cmdq_open(&rig, &setup);
	cmdq_put_many(&rig, cmd_va(0), 99);
	cmdq_put_sync(&rig);
	ret = cmdq_kick(&rig);
	for (;;) {
		done += budget;
		if (done >= 100)
			break;
		ck_assert_int_eq(ret, 1);
		ck_assert_uint_eq(rig.result.cons, done);
		ck_assert_uint_eq(rig.result.commands, budget);
		ck_assert_uint_eq(rig.cons, done);
		ret = cmdq_go_on(&rig);
	}
	ck_assert_int_eq(ret, 0);
	cmdq_is_done(&rig);
	cmdq_close(&rig);
}

TEST(a_default_budget)
{
	struct iommunest_smmuv3_cmdq_options options;
	const struct rig_setup setup = { .log2 = 12 };
	struct iommunest_smmuv3_cmdq_ops ops;
	struct cmdq_rig rig;

	cmdq_open_bare(&rig, &setup);
	iommunest_smmuv3_cmdq_free(rig.q);
	ops = cmdq_ops(&setup);
	options = cmdq_options(&rig, &setup);
	options.budget = 0;
	ck_assert_int_eq(
		iommunest_smmuv3_cmdq_new(&rig.q, &ops, &rig, &options), 0);
	ck_assert_int_eq(iommunest_smmuv3_cmdq_write_base(rig.q, RIG_BASE | 12),
			 0);
	cmdq_add_target(&rig, 70);
	cmdq_put_many(&rig, cmd_va(0), 1025);
	ck_assert_int_eq(cmdq_kick(&rig), 0);
	ck_assert_int_eq(iommunest_smmuv3_cmdq_write_cr0(rig.q, 8, &rig.result),
			 1);
	ck_assert_uint_eq(rig.result.commands, 1024);
	/* Whatever else the guest writes goes on as well. */
	ck_assert_int_eq(
		iommunest_smmuv3_cmdq_write_gerrorn(rig.q, 0, &rig.result), 0);
	ck_assert_uint_eq(rig.result.commands, 1);
	cmdq_close(&rig);
}

/* Each command of the VMM's is an ordering point, of as many ioctls as targets.
 */
TEST(a_run_has_so_many_ioctls)
{
	const struct rig_setup setup = { .log2 = 9 };
	struct cmdq_rig rig;
	uint32_t i;
	int ret;

	cmdq_open(&rig, &setup);
	for (i = 1; i < 64; i++)
		cmdq_add_target(&rig, 70 + i);
	for (i = 0; i < 200; i++) {
		cmdq_put(&rig, cmd_va(0));
		cmdq_put(&rig, cmd_ste(0x10));
	}
	ret = cmdq_kick(&rig);
	ck_assert_int_eq(ret, 1);
	ck_assert_uint_eq(rig.result.calls, 4096);
	ck_assert_uint_eq(rig.result.cons, 128);
	while (ret == 1)
		ret = cmdq_go_on(&rig);
	ck_assert_int_eq(ret, 0);
	cmdq_is_done(&rig);
	cmdq_close(&rig);
}

/* A guest that toggles GERRORN where there was no error holds its queue. */
TEST(an_error_that_never_was)
{
	struct cmdq_rig rig;

	cmdq_open(&rig, NULL);
	ck_assert_int_eq(iommunest_smmuv3_cmdq_write_gerrorn(rig.q, UINT32_MAX,
							     &rig.result),
			 0);
	ck_assert_uint_eq(read_all(&rig).gerrorn, 0x11);
	cmdq_put(&rig, cmd_va(0));
	ck_assert_int_eq(cmdq_kick(&rig), 0);
	cmdq_tells(&rig, "");
	ck_assert_uint_eq(rig.result.cons, 0);
	ck_assert_int_eq(cmdq_acknowledge(&rig), 0);
	cmdq_tells(&rig, "70[va], at 1");
	cmdq_close(&rig);
}

/* A shown error survives that the queue is disabled, and a new base. */
TEST(only_gerrorn_acknowledges)
{
	struct cmdq_rig rig;

	cmdq_open(&rig, NULL);
	cmdq_put(&rig, cmd_sync(3, 0, 0));
	ck_assert_int_eq(cmdq_kick(&rig), -EBADMSG);
	ck_assert_int_eq(iommunest_smmuv3_cmdq_write_cr0(rig.q, 0, &rig.result),
			 0);
	ck_assert_uint_eq(rig.result.cons, 1 << 24);
	ck_assert_int_eq(iommunest_smmuv3_cmdq_write_cr0(rig.q, 8, &rig.result),
			 -EBADMSG);
	ck_assert_int_eq(iommunest_smmuv3_cmdq_write_cr0(rig.q, 0, &rig.result),
			 0);
	ck_assert_int_eq(iommunest_smmuv3_cmdq_write_base(rig.q, RIG_BASE | 7),
			 0);
	/* The code is gone, but not the error. */
	ck_assert_uint_eq(read_all(&rig).cons, 0);
	rig.prod = 0;
	cmdq_put(&rig, cmd_va(0));
	ck_assert_int_eq(iommunest_smmuv3_cmdq_write_cr0(rig.q, 8, &rig.result),
			 0);
	cmdq_kick(&rig);
	cmdq_tells(&rig, "");
	ck_assert_int_eq(cmdq_acknowledge(&rig), 0);
	cmdq_tells(&rig, "70[va], at 1");
	cmdq_close(&rig);
}

TEST(a_reset_forgets_all)
{
	static const struct iommunest_smmuv3_cmdq_registers none;
	struct iommunest_smmuv3_cmdq_registers regs;
	struct cmdq_rig rig;

	cmdq_open(&rig, NULL);
	rig.msi_error = -EFAULT;
	cmdq_put_sync(&rig);
	cmdq_put(&rig, cmd_sync(3, 0, 0));
	ck_assert_int_eq(cmdq_kick(&rig), -EBADMSG);
	ck_assert_int_eq(iommunest_smmuv3_cmdq_reset(rig.q), 0);
	regs = read_all(&rig);
	ck_assert(!memcmp(
		&regs.base, &none.base,
		sizeof(regs) - offsetof(struct iommunest_smmuv3_cmdq_registers,
					base)));
	ck_assert_int_eq(iommunest_smmuv3_cmdq_remove_stream(rig.q, 0x10),
			 -ENOENT);
	ck_assert_int_eq(iommunest_smmuv3_cmdq_remove_target(
				 rig.q, RIG_TARGET(&rig, 70)),
			 -ENOENT);
	ck_assert_int_eq(iommunest_smmuv3_cmdq_write_base(rig.q, RIG_BASE | 7),
			 0);
	rig.prod = 0;
	cmdq_add_target(&rig, 70);
	cmdq_put(&rig, cmd_va(0));
	cmdq_kick(&rig);
	ck_assert_int_eq(iommunest_smmuv3_cmdq_write_cr0(rig.q, 8, &rig.result),
			 0);
	cmdq_tells(&rig, "70[va], at 1");
	ck_assert_int_eq(iommunest_smmuv3_cmdq_reset(NULL), 0);
	cmdq_close(&rig);
}
