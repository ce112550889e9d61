/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * An engine's state: saved, moved, refused; and what allocates.  Linked with
 * the library's objects.
 */
#include <endian.h>
#include <string.h>

#include "tests/cmdq/cmdq-rig.h"
#include "tests/harness/heap.h"
#include "tests/harness/support.h"

typedef struct iommunest_smmuv3_cmdq_state state_t;

static struct cmdq_rig rig;

static const struct rig_setup setup = {
	.unhealed = IOMMUNEST_SMMUV3_UNHEALED_ABT,
	.has = RIG_HAS_NO_ISOLATE,
	.budget = 40,
};

static state_t saved(void)
{
	state_t state = { .size = sizeof(state) };

	ck_assert_int_eq(iommunest_smmuv3_cmdq_save(rig.q, &state), 0);
	return state;
}

static struct iommunest_smmuv3_cmdq_registers registers(void)
{
	struct iommunest_smmuv3_cmdq_registers regs = { .size = sizeof(regs) };

	ck_assert_int_eq(iommunest_smmuv3_cmdq_read(rig.q, &regs), 0);
	return regs;
}

/* Into another engine, which the rig goes on with. */
static void move(state_t state)
{
	struct iommunest_smmuv3_cmdq_options options;
	struct iommunest_smmuv3_cmdq_ops ops;
	state_t again;

	iommunest_smmuv3_cmdq_free(rig.q);
	ops = cmdq_ops(&setup);
	options = cmdq_options(&rig, &setup);
	ck_assert_int_eq(
		iommunest_smmuv3_cmdq_new(&rig.q, &ops, &rig, &options), 0);
	cmdq_add_target(&rig, 70);
	cmdq_add_stream(&rig, 0x10, 70);
	cmdq_add_stream(&rig, 0x20, 0);
	ck_assert_int_eq(iommunest_smmuv3_cmdq_restore(rig.q, &state), 0);
	again = saved();
	ck_assert_mem_eq(&again, &state, sizeof(state));
}

/* ---- Moved ---- */

/* What the guest had done until then. */
static void come_to(int where)
{
	cmdq_open(&rig, &setup);
	cmdq_put_many(&rig, cmd_va(0), 50);
	ck_assert_int_eq(cmdq_kick(&rig), 1);
	/* 0: a run that the budget ended. */
	if (!where)
		return;
	ck_assert_int_eq(cmdq_go_on(&rig), 0);
	switch (where) {
	case 1: /* what is illegal */
		cmdq_put(&rig, (struct cmd){ { 0x20, 0 } });
		break;
	case 2: /* what cannot be read */
		rig.bad_first = 50;
		rig.bad_count = 1;
		cmdq_put(&rig, cmd_va(0));
		break;
	case 3: /* what the host fails on */
		cmdq_fail(&rig, (struct cmdq_rule){ .error = -ENODEV });
		cmdq_put(&rig, cmd_cd(0x10));
		break;
	case 4: /* device TLBs in doubt */
		cmdq_fail(&rig, (struct cmdq_rule){ .opcode = 0x40,
						    .error = -ETIMEDOUT });
		cmdq_put(&rig, cmd_atc(0x10, 0x5000));
		cmdq_put(&rig, cmd_atc(0x10, 0x6000));
		cmdq_put_sync(&rig);
		break;
	default: /* an MSI that went nowhere */
		rig.msi_error = -EFAULT;
		cmdq_put_sync(&rig);
		ck_assert_int_eq(cmdq_kick(&rig), 0);
		return;
	}
	ck_assert_int_lt(cmdq_kick(&rig), 0);
}

static const char *const after_move[] = {
	"70[va*10], at 50",
	"70[va], at 51",
	"70[va], at 51",
	"70[cd], at 51",
	"70[atc*2], msi 52, at 53",
	"",
};

/* It goes on in the other engine as it would have in the first. */
TEST_LOOP(a_queue_is_moved, 12)
{
	const int where = _i / 2;
	int ret;

	come_to(where);
	if (_i % 2)
		move(saved());
	rig.n_rules = 0;
	rig.bad_count = 0;
	rig.msi_error = 0;
	if (where == 1)
		memcpy(rig.ring[50], cmd_va(0).words, 16);
	ret = where ? cmdq_acknowledge(&rig) : cmdq_go_on(&rig);
	ck_assert_int_eq(ret, 0);
	cmdq_tells(&rig, after_move[where]);
	cmdq_is_done(&rig);
	if (where == 4) {
		ck_assert_uint_eq(rig.issued[0].words[1], 0x5000);
		ck_assert_uint_eq(rig.issued[1].words[1], 0x6000);
	}
	cmdq_close(&rig);
}

/* It reports what it halts at as the first did, until it is acknowledged. */
TEST_RANGE(a_halt_is_moved, 1, 5)
{
	struct iommunest_smmuv3_cmdq_result before;
	int ret, again;

	come_to(_i);
	ret = cmdq_go_on(&rig);
	before = rig.result;
	move(saved());
	again = cmdq_go_on(&rig);
	ck_assert_int_eq(again, ret);
	/* Names of targets are the VMM's, and are not in the state. */
	rig.result.cookie = before.cookie;
	ck_assert_mem_eq(&rig.result, &before, sizeof(before));
	cmdq_close(&rig);
}

static int refuse_prefetch(struct cmdq_rig *of, enum rig_event event,
			   uint32_t index)
{
	(void)of;
	(void)index;
	return event == RIG_COMMAND ? -EBADMSG : 0;
}

/* Device TLBs in doubt, and the VMM refuses what is before the CMD_SYNC. */
TEST(doubt_before_what_is_illegal_is_moved)
{
	struct iommunest_smmuv3_cmdq_registers regs;
	state_t state;

	cmdq_open(&rig, &setup);
	cmdq_fail(&rig,
		  (struct cmdq_rule){ .opcode = 0x40, .error = -ETIMEDOUT });
	cmdq_put(&rig, cmd_atc(0x10, 0x5000));
	cmdq_put(&rig, cmd_prefetch(0x20));
	cmdq_put_sync(&rig);
	rig.hook = refuse_prefetch;
	ck_assert_int_eq(cmdq_kick(&rig), -EBADMSG);
	cmdq_halts(&rig, IOMMUNEST_CAUSE_GUEST, 1, -EBADMSG,
		   IOMMUNEST_SMMUV3_CERROR_ILL);
	state = saved();
	ck_assert_uint_eq(state.doubt_count, 1);
	/* Registers do not say what it is; but that there may be some. */
	regs = registers();
	ck_assert_int_eq(iommunest_smmuv3_cmdq_restore_registers(rig.q, &regs),
			 1);
	move(state);
	rig.hook = NULL;
	cmdq_heal_host(&rig);
	/* What Linux puts in its place. */
	memcpy(rig.ring[1], cmd_sync(0, 0, 0).words, 16);
	ck_assert_int_eq(cmdq_acknowledge(&rig), 0);
	ck_assert_uint_eq(rig.issued[0].words[1], 0x5000);
	cmdq_is_done(&rig);
	cmdq_close(&rig);
}

/* A silent halt; in doubt of a queue that is disabled, and acknowledged. */
TEST(what_else_is_moved)
{
	state_t state;

	come_to(4);
	ck_assert_int_eq(iommunest_smmuv3_cmdq_write_cr0(rig.q, 0, &rig.result),
			 0);
	ck_assert_int_eq(cmdq_acknowledge(&rig), 0);
	state = saved();
	ck_assert_uint_eq(state.cause, 0);
	ck_assert_uint_eq(state.doubt_count, 2);
	ck_assert_uint_eq(le64toh(state.doubt[1].cmd[1]), 0x6000);
	move(state);
	rig.n_rules = 0;
	ck_assert_int_eq(iommunest_smmuv3_cmdq_write_cr0(rig.q, 8, &rig.result),
			 0);
	cmdq_tells(&rig, "70[atc*2], msi 52, at 53");
	cmdq_close(&rig);
}

TEST(a_silent_halt_is_moved)
{
	static const struct rig_setup halting = {
		.unhealed = IOMMUNEST_SMMUV3_UNHEALED_HALT,
		.has = RIG_HAS_NO_ISOLATE,
	};
	state_t state;

	cmdq_open(&rig, &halting);
	cmdq_fail(&rig, (struct cmdq_rule){ .error = -ENODEV });
	cmdq_put(&rig, cmd_va(0));
	ck_assert_int_eq(cmdq_kick(&rig), -ENODEV);
	state = saved();
	ck_assert_uint_eq(state.cause, IOMMUNEST_CAUSE_HOST);
	ck_assert_uint_eq(state.cons, 0);
	move(state);
	rig.n_rules = 0;
	ck_assert_int_eq(cmdq_go_on(&rig), -ENODEV);
	cmdq_tells(&rig, "");
	iommunest_smmuv3_cmdq_clear_fault(rig.q);
	ck_assert_int_eq(cmdq_go_on(&rig), 0);
	cmdq_close(&rig);
}

/* ---- Refused ---- */

struct change {
	/* Which state it is made to: see come_to(). */
	int where;
	size_t offset;
	size_t width;
	uint64_t value;
};

#define SET(where_, member_, value_)                               \
	{                                                          \
		where_, offsetof(state_t, member_),                \
			sizeof(((state_t *)NULL)->member_), value_ \
	}

static const struct change bad_states[] = {
	SET(0, base, UINT64_C(1) << 63),
	SET(0, base, UINT64_C(1) << 52),
	/* Of a ring of 128 slots. */
	SET(0, prod, 256),
	SET(0, prod, 1u << 20),
	SET(0, cons, 256),
	SET(0, cons, 1u << 23),
	SET(0, cons, 1u << 31),
	/* Errors that are not active, or that nothing explains. */
	SET(0, cons, 40 | 1u << 24),
	SET(1, cons, 50 | 2u << 24),
	SET(1, cons, 50 | 3u << 24),
	SET(1, cons, 50 | 4u << 24),
	SET(1, cons, 50),
	SET(1, gerror, 0),
	SET(1, gerrorn, 1),
	SET(1, cons, 51 | 1u << 24),
	SET(1, index, 51),
	SET(1, error, (uint32_t)-EIO),
	SET(1, error, 0),
	SET(1, cause, 0),
	SET(1, cause, 2),
	SET(1, cause, 3),
	SET(1, cause, 4),
	SET(1, reason, 3),
	SET(1, reason, 1u << 9),
	SET(1, reason, 1u << 31),
	SET(2, reason, 1),
	SET(2, error, 1),
	SET(2, error, (uint32_t)-4096),
	SET(2, cons, 50),
	SET(2, cause, 1),
	SET(3, reason, 2),
	SET(3, cons, 50 | 1u << 24),
	SET(0, index, 1),
	SET(0, error, (uint32_t)-1),
	SET(0, reason, 1),
	SET(0, cr0, 1),
	SET(0, cr0, 8 | 4),
	SET(0, gerror, 2),
	SET(0, gerrorn, 1u << 31),
	/* Doubt. */
	SET(4, doubt_count, 1),
	SET(4, doubt_count, 3),
	SET(4, doubt_count, 64),
	SET(4, doubt_count, UINT32_MAX),
	SET(4, doubt[0].cmd[0], 0x30),
	SET(4, doubt[0].cmd[0], 0x40 | 1 << 10),
	SET(4, doubt[1].cmd[1], 53),
	SET(4, doubt[62].cmd[1], 1),
	SET(1, doubt_count, 0x1000),
};

static state_t changed(const struct change *change)
{
	state_t state = saved();
	uint64_t value = change->value;
	uint32_t value32 = (uint32_t)value;

	if (change->offset >= offsetof(state_t, doubt))
		value = htole64(value);
	if (change->width == 8)
		memcpy((char *)&state + change->offset, &value, 8);
	else
		memcpy((char *)&state + change->offset, &value32, 4);
	return state;
}

TEST_LOOP(what_no_engine_saves_is_refused, ARRAY_LEN(bad_states))
{
	state_t before, state, after;

	come_to(bad_states[_i].where);
	before = saved();
	state = changed(&bad_states[_i]);
	ck_assert_int_eq(iommunest_smmuv3_cmdq_restore(rig.q, &state), -EINVAL);
	after = saved();
	ck_assert_mem_eq(&before, &after, sizeof(before));
	cmdq_close(&rig);
}

/* An ATC_INV, but of a fault that is the guest's. */
TEST_LOOP(doubt_of_another_fault_is_refused, 2)
{
	state_t state;

	come_to(1 + _i);
	state = saved();
	state.doubt_count = 1;
	state.doubt[0].cmd[0] = htole64(0x40);
	ck_assert_int_eq(iommunest_smmuv3_cmdq_restore(rig.q, &state), -EINVAL);
	cmdq_close(&rig);
}

/* Doubt that this guest could not have: its SMMU has no ATS. */
TEST(doubt_without_ats_is_refused)
{
	struct iommunest_smmuv3_cmdq_options options;
	struct iommunest_smmuv3_cmdq_ops ops;
	state_t state;

	come_to(4);
	state = saved();
	iommunest_smmuv3_cmdq_free(rig.q);
	rig.caps.ats = false;
	ops = cmdq_ops(&setup);
	options = cmdq_options(&rig, &setup);
	ck_assert_int_eq(
		iommunest_smmuv3_cmdq_new(&rig.q, &ops, &rig, &options), 0);
	ck_assert_int_eq(iommunest_smmuv3_cmdq_restore(rig.q, &state), -EINVAL);
	cmdq_close(&rig);
}

/* A ring that is larger than the guest's SMMU has is clamped in the mask. */
TEST(a_position_of_a_larger_ring_is_refused)
{
	struct iommunest_smmuv3_cmdq_options options;
	struct iommunest_smmuv3_cmdq_ops ops;
	state_t state;

	come_to(0);
	state = saved();
	iommunest_smmuv3_cmdq_free(rig.q);
	ops = cmdq_ops(&setup);
	options = cmdq_options(&rig, &setup);
	options.cmdqs = 4;
	ck_assert_int_eq(
		iommunest_smmuv3_cmdq_new(&rig.q, &ops, &rig, &options), 0);
	ck_assert_int_eq(iommunest_smmuv3_cmdq_restore(rig.q, &state), -EINVAL);
	cmdq_close(&rig);
}

TEST(no_state)
{
	state_t state = { .size = sizeof(state) };
	struct iommunest_smmuv3_cmdq_registers regs = { .size = sizeof(regs) };

	cmdq_open(&rig, &setup);
	ck_assert_int_eq(iommunest_smmuv3_cmdq_save(NULL, &state), -EINVAL);
	ck_assert_int_eq(iommunest_smmuv3_cmdq_save(rig.q, NULL), -EINVAL);
	ck_assert_int_eq(iommunest_smmuv3_cmdq_restore(NULL, &state), -EINVAL);
	ck_assert_int_eq(iommunest_smmuv3_cmdq_restore(rig.q, NULL), -EINVAL);
	ck_assert_int_eq(iommunest_smmuv3_cmdq_restore_registers(NULL, &regs),
			 -EINVAL);
	ck_assert_int_eq(iommunest_smmuv3_cmdq_restore_registers(rig.q, NULL),
			 -EINVAL);
	regs.reserved = 1;
	ck_assert_int_eq(iommunest_smmuv3_cmdq_restore_registers(rig.q, &regs),
			 -EINVAL);
	state.size--, regs.size--;
	ck_assert_int_eq(iommunest_smmuv3_cmdq_save(rig.q, &state), -EINVAL);
	ck_assert_int_eq(iommunest_smmuv3_cmdq_restore(rig.q, &state), -EINVAL);
	ck_assert_int_eq(iommunest_smmuv3_cmdq_restore_registers(rig.q, &regs),
			 -EINVAL);
	state.size = regs.size = 5000;
	ck_assert_int_eq(iommunest_smmuv3_cmdq_save(rig.q, &state), -E2BIG);
	ck_assert_int_eq(iommunest_smmuv3_cmdq_restore(rig.q, &state), -E2BIG);
	ck_assert_int_eq(iommunest_smmuv3_cmdq_restore_registers(rig.q, &regs),
			 -E2BIG);
	cmdq_close(&rig);
}

/* ---- From registers alone ---- */

/* What the guest is shown stays; it is known what is in doubt, or said so. */
TEST_LOOP(registers_are_enough, 6)
{
	static const struct {
		uint32_t cause;
		int error;
	} faults[] = {
		{ 0, 0 },
		{ IOMMUNEST_CAUSE_GUEST, -EBADMSG },
		/* CERROR_ABT does not say whose it was. */
		{ IOMMUNEST_CAUSE_FETCH, -EFAULT },
		{ IOMMUNEST_CAUSE_FETCH, -EFAULT },
		{ IOMMUNEST_CAUSE_HOST, -ETIMEDOUT },
		{ 0, 0 },
	};
	struct iommunest_smmuv3_cmdq_registers before, after;
	state_t state;

	come_to(_i);
	before = registers();
	/* Others' bits are of no interest. */
	before.cr0 |= ~8u;
	before.gerror |= ~0x11u;
	before.gerrorn |= ~0x11u;
	ck_assert_int_eq(iommunest_smmuv3_cmdq_restore_registers(rig.q,
								 &before),
			 faults[_i].cause != 0);
	after = registers();
	before.cr0 = 8;
	before.gerror &= 0x11;
	before.gerrorn &= 0x11;
	ck_assert_mem_eq(&before, &after, sizeof(before));
	state = saved();
	ck_assert_uint_eq(state.cause, faults[_i].cause);
	ck_assert_int_eq(state.error, faults[_i].error);
	ck_assert_uint_eq(state.doubt_count, 0);
	/* And is a state. */
	ck_assert_int_eq(iommunest_smmuv3_cmdq_restore(rig.q, &state), 0);
	cmdq_close(&rig);
}

TEST(a_silent_halt_is_not_in_the_registers)
{
	static const struct rig_setup halting = {
		.unhealed = IOMMUNEST_SMMUV3_UNHEALED_HALT,
		.has = RIG_HAS_NO_ISOLATE,
	};
	struct iommunest_smmuv3_cmdq_registers regs;

	cmdq_open(&rig, &halting);
	cmdq_fail(&rig, (struct cmdq_rule){ .error = -ENODEV });
	cmdq_put(&rig, cmd_va(0));
	ck_assert_int_eq(cmdq_kick(&rig), -ENODEV);
	regs = registers();
	ck_assert_int_eq(iommunest_smmuv3_cmdq_restore_registers(rig.q, &regs),
			 0);
	rig.n_rules = 0;
	ck_assert_int_eq(cmdq_go_on(&rig), 0);
	cmdq_tells(&rig, "70[va], at 1");
	cmdq_close(&rig);
}

/* Where the host's failures are not shown, an error says that there is none. */
TEST(no_doubt_without_its_error)
{
	static const struct rig_setup halting = {
		.unhealed = IOMMUNEST_SMMUV3_UNHEALED_HALT,
		.has = RIG_HAS_NO_ISOLATE,
	};
	struct iommunest_smmuv3_cmdq_registers regs;

	cmdq_open(&rig, &halting);
	cmdq_put(&rig, (struct cmd){ { 0x20, 0 } });
	ck_assert_int_eq(cmdq_kick(&rig), -EBADMSG);
	regs = registers();
	ck_assert_int_eq(iommunest_smmuv3_cmdq_restore_registers(rig.q, &regs),
			 0);
	/* Another engine's has it. */
	regs.cons = 3u << 24;
	ck_assert_int_eq(iommunest_smmuv3_cmdq_restore_registers(rig.q, &regs),
			 1);
	cmdq_close(&rig);
}

/* A code of an error that is not active is what hardware may leave there. */
TEST(a_stale_code)
{
	struct iommunest_smmuv3_cmdq_registers regs;

	cmdq_open(&rig, &setup);
	regs = registers();
	regs.cons |= 1u << 24;
	ck_assert_int_eq(iommunest_smmuv3_cmdq_restore_registers(rig.q, &regs),
			 0);
	ck_assert_uint_eq(registers().cons, 0);
	/* One that is active has to be one. */
	regs.cons = 5u << 24;
	regs.gerror = 1;
	ck_assert_int_eq(iommunest_smmuv3_cmdq_restore_registers(rig.q, &regs),
			 -EINVAL);
	cmdq_close(&rig);
}

/* ---- Memory ---- */

static int make_engine(void)
{
	struct iommunest_smmuv3_cmdq_options options;
	struct iommunest_smmuv3_cmdq_ops ops;
	static const struct rig_setup skipping = {
		.policy = IOMMUNEST_SMMUV3_CMDQ_SKIP,
	};

	ops = cmdq_ops(&skipping);
	options = cmdq_options(&rig, &skipping);
	return iommunest_smmuv3_cmdq_new(&rig.q, &ops, &rig, &options);
}

TEST(an_engine_for_which_there_is_no_memory)
{
	unsigned int n = 1;
	int ret;

	cmdq_open_bare(&rig, NULL);
	iommunest_smmuv3_cmdq_free(rig.q);
	for (;; n++) {
		heap_watch(n);
		ret = make_engine();
		heap_unwatch();
		if (heap.count < n)
			break;
		ck_assert_int_eq(ret, -ENOMEM);
		ck_assert_ptr_null(rig.q);
		ck_assert_int_eq(heap.grown, 0);
	}
	ck_assert_int_eq(ret, 0);
	ck_assert_uint_ge(n, 5);
	cmdq_close(&rig);
}

/* The table of streams grows; where it cannot, it stays as it was. */
TEST(a_stream_for_which_there_is_no_memory)
{
	unsigned int failed = 0;
	uint32_t sid;
	int ret;

	cmdq_open(&rig, &setup);
	for (sid = 0x100; sid < 0x200; sid++) {
		heap_watch(1);
		ret = iommunest_smmuv3_cmdq_add_stream(rig.q, sid, NULL);
		if (heap_unwatch()) {
			ck_assert_int_eq(ret, -ENOMEM);
			failed++;
			ck_assert_int_eq(
				iommunest_smmuv3_cmdq_remove_stream(rig.q, sid),
				-ENOENT);
			cmdq_add_stream(&rig, sid, 0);
		} else {
			ck_assert_int_eq(ret, 0);
		}
	}
	ck_assert_uint_ge(failed, 4);
	for (sid = 0x100; sid < 0x200; sid++)
		ck_assert_int_eq(
			iommunest_smmuv3_cmdq_remove_stream(rig.q, sid), 0);
	cmdq_close(&rig);
}

/* All else: registers, targets, runs that fail and are healed. */
TEST(nothing_else_allocates)
{
	state_t state = { .size = sizeof(state) };
	unsigned int i;

	cmdq_open(&rig, &setup);
	cmdq_fail(&rig, (struct cmdq_rule){ .error = -EIO, .times = 3 });
	cmdq_fail(&rig, (struct cmdq_rule){ .opcode = 0x40,
					    .error = -ETIMEDOUT,
					    .times = 2 });
	heap_watch(0);
	for (i = 71; i < 80; i++)
		iommunest_smmuv3_cmdq_add_target(rig.q, RIG_TARGET(&rig, i));
	for (i = 0; i < 20; i++) {
		cmdq_put(&rig, cmd_va(0));
		cmdq_put(&rig, cmd_cd(0x10));
		cmdq_put_sync(&rig);
		cmdq_put(&rig, cmd_atc(0x10, 0));
		cmdq_put(&rig, cmd_ste(0x10));
	}
	iommunest_smmuv3_cmdq_write_prod(rig.q, rig.prod, &rig.result);
	for (i = 0; i < 20; i++)
		iommunest_smmuv3_cmdq_write_gerrorn(rig.q, rig.result.gerror,
						    &rig.result);
	iommunest_smmuv3_cmdq_save(rig.q, &state);
	iommunest_smmuv3_cmdq_restore(rig.q, &state);
	iommunest_smmuv3_cmdq_reset(rig.q);
	heap_unwatch();
	ck_assert_uint_eq(heap.count, 0);
	ck_assert_int_eq(heap.grown, 0);
	cmdq_close(&rig);
}
