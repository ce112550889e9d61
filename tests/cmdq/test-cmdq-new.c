/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* Arguments, and what callbacks may and may not do. */
#include <stdlib.h>
#include <string.h>

#include "tests/cmdq/cmdq-rig.h"
#include "tests/harness/support.h"

static struct cmdq_rig bare;

static int make(const struct iommunest_smmuv3_cmdq_ops *ops,
		const struct iommunest_smmuv3_cmdq_options *options)
{
	struct iommunest_smmuv3_cmdq *q = (void *)&bare;
	int ret = iommunest_smmuv3_cmdq_new(&q, ops, NULL, options);

	ck_assert_int_eq(!q, ret != 0);
	iommunest_smmuv3_cmdq_free(q);
	return ret;
}

static const struct rig_setup usual;

TEST(what_an_engine_needs)
{
	struct iommunest_smmuv3_cmdq_options options;
	struct iommunest_smmuv3_cmdq_options o;
	struct iommunest_smmuv3_cmdq_ops ops, p;
	struct iommunest_smmuv3_caps odd;

	cmdq_open_bare(&bare, NULL);
	ops = cmdq_ops(&usual);
	options = cmdq_options(&bare, &usual);
	ck_assert_int_eq(make(&ops, &options), 0);
	ck_assert_int_eq(iommunest_smmuv3_cmdq_new(NULL, &ops, NULL, &options),
			 -EINVAL);
	ck_assert_int_eq(make(NULL, &options), -EINVAL);
	ck_assert_int_eq(make(&ops, NULL), -EINVAL);

	p = ops, p.read = NULL;
	ck_assert_int_eq(make(&p, &options), -EINVAL);
	p = ops, p.interrupt = NULL;
	ck_assert_int_eq(make(&p, &options), -EINVAL);
	p = ops, p.command = NULL;
	ck_assert_int_eq(make(&p, &options), -EINVAL);
	p = ops, p.size--;
	ck_assert_int_eq(make(&p, &options), -EINVAL);
	p = ops, p.size = 5000;
	ck_assert_int_eq(make(&p, &options), -E2BIG);
	p = ops, p.write_msi = NULL;
	ck_assert_int_eq(make(&p, &options), -EINVAL);
	o = options, o.flags = 0;
	ck_assert_int_eq(make(&p, &o), 0);

	o = options, o.size--;
	ck_assert_int_eq(make(&ops, &o), -EINVAL);
	o = options, o.size = 5000;
	ck_assert_int_eq(make(&ops, &o), -E2BIG);
	o = options, o.caps = NULL;
	ck_assert_int_eq(make(&ops, &o), -EINVAL);
	odd = bare.caps, odd.size = 5000, o.caps = &odd;
	ck_assert_int_eq(make(&ops, &o), -E2BIG);
	odd.size = 8;
	ck_assert_int_eq(make(&ops, &o), -EINVAL);
	o = options, o.policy = 3;
	ck_assert_int_eq(make(&ops, &o), -EINVAL);
	o = options, o.unhealed = 3;
	ck_assert_int_eq(make(&ops, &o), -EINVAL);
	o = options, o.cmdqs = 20;
	ck_assert_int_eq(make(&ops, &o), -EINVAL);
	o = options, o.reserved = 1;
	ck_assert_int_eq(make(&ops, &o), -EINVAL);
	o = options, o.flags = 2;
	ck_assert_int_eq(make(&ops, &o), -EOPNOTSUPP);
	cmdq_close(&bare);
}

/* Policy, unhealed, without `isolate` or `skipped`: 0 or -EINVAL. */
static const struct {
	uint32_t policy;
	uint32_t unhealed;
	bool no_isolate;
	bool no_skipped;
	int ret;
} fates[] = {
	{ IOMMUNEST_SMMUV3_CMDQ_HEAL, 0, true, false, -EINVAL },
	{ IOMMUNEST_SMMUV3_CMDQ_HEAL, 1, true, true, 0 },
	{ IOMMUNEST_SMMUV3_CMDQ_HEAL, 2, true, true, 0 },
	{ IOMMUNEST_SMMUV3_CMDQ_HEAL, 0, false, true, 0 },
	{ IOMMUNEST_SMMUV3_CMDQ_STOP, 0, true, true, 0 },
	{ IOMMUNEST_SMMUV3_CMDQ_STOP, 1, true, true, 0 },
	{ IOMMUNEST_SMMUV3_CMDQ_STOP, 2, false, false, -EINVAL },
	{ IOMMUNEST_SMMUV3_CMDQ_SKIP, 0, true, false, 0 },
	{ IOMMUNEST_SMMUV3_CMDQ_SKIP, 0, false, true, -EINVAL },
	{ IOMMUNEST_SMMUV3_CMDQ_SKIP, 2, false, false, -EINVAL },
};

TEST_LOOP(a_failures_fate_is_never_left_to_chance, ARRAY_LEN(fates))
{
	struct iommunest_smmuv3_cmdq_options options;
	struct iommunest_smmuv3_cmdq_ops ops;

	cmdq_open_bare(&bare, NULL);
	ops = cmdq_ops(&usual);
	options = cmdq_options(&bare, &usual);
	options.policy = fates[_i].policy;
	options.unhealed = fates[_i].unhealed;
	if (fates[_i].no_isolate)
		ops.isolate = NULL;
	if (fates[_i].no_skipped)
		ops.skipped = NULL;
	ck_assert_int_eq(make(&ops, &options), fates[_i].ret);
	cmdq_close(&bare);
}

TEST(no_engine)
{
	struct iommunest_smmuv3_cmdq_registers regs = { .size = sizeof(regs) };
	struct iommunest_smmuv3_cmdq_result result = { .size = sizeof(result) };

	ck_assert_int_eq(iommunest_smmuv3_cmdq_write_base(NULL, 0), -EINVAL);
	ck_assert_int_eq(iommunest_smmuv3_cmdq_write_cons(NULL, 0), -EINVAL);
	result.error = 1;
	ck_assert_int_eq(iommunest_smmuv3_cmdq_write_prod(NULL, 0, &result),
			 -EINVAL);
	ck_assert_int_eq(result.error, 0);
	ck_assert_int_eq(iommunest_smmuv3_cmdq_write_cr0(NULL, 0, &result),
			 -EINVAL);
	ck_assert_int_eq(iommunest_smmuv3_cmdq_write_gerrorn(NULL, 0, &result),
			 -EINVAL);
	ck_assert_int_eq(iommunest_smmuv3_cmdq_run(NULL, &result), -EINVAL);
	ck_assert_int_eq(iommunest_smmuv3_cmdq_read(NULL, &regs), -EINVAL);
	ck_assert_int_eq(iommunest_smmuv3_cmdq_set_trace(NULL, false), -EINVAL);
	iommunest_smmuv3_cmdq_clear_fault(NULL);
	iommunest_smmuv3_cmdq_free(NULL);
}

TEST(no_room_for_a_result)
{
	struct iommunest_smmuv3_cmdq_registers regs = { .size = 1 };
	struct iommunest_smmuv3_cmdq_result result;
	struct cmdq_rig rig;

	cmdq_open(&rig, NULL);
	ck_assert_int_eq(iommunest_smmuv3_cmdq_run(rig.q, NULL), -EINVAL);
	memset(&result, 0x5a, sizeof(result));
	result.size = sizeof(result) - 1;
	ck_assert_int_eq(iommunest_smmuv3_cmdq_run(rig.q, &result), -EINVAL);
	ck_assert_uint_eq(result.cons, 0x5a5a5a5a);
	result.size = 5000;
	ck_assert_int_eq(iommunest_smmuv3_cmdq_run(rig.q, &result), -E2BIG);
	ck_assert_int_eq(iommunest_smmuv3_cmdq_read(rig.q, NULL), -EINVAL);
	ck_assert_int_eq(iommunest_smmuv3_cmdq_read(rig.q, &regs), -EINVAL);
	regs.size = 5000;
	ck_assert_int_eq(iommunest_smmuv3_cmdq_read(rig.q, &regs), -E2BIG);
	/* There is no ops->trace. */
	ck_assert_int_eq(iommunest_smmuv3_cmdq_set_trace(rig.q, true), -EINVAL);
	ck_assert_int_eq(iommunest_smmuv3_cmdq_set_trace(rig.q, false), 0);
	cmdq_close(&rig);
}

/* A caller of a later release. */
TEST(a_larger_result)
{
	struct iommunest_smmuv3_cmdq_result *larger;
	struct iommunest_smmuv3_cmdq_result zero = { 0 };
	const size_t size = sizeof(*larger) + 40;
	struct cmdq_rig rig;

	cmdq_open(&rig, NULL);
	larger = support_sized(&zero, sizeof(zero), size);
	memset((char *)larger + sizeof(zero), 0x5a, 40);
	cmdq_put(&rig, cmd_va(0));
	ck_assert_int_eq(iommunest_smmuv3_cmdq_write_prod(rig.q, 1, larger), 0);
	ck_assert_uint_eq(larger->size, size);
	ck_assert_uint_eq(larger->cons, 1);
	ck_assert_int_eq(((char *)larger)[sizeof(zero)], 0);
	ck_assert_int_eq(((char *)larger)[size - 1], 0);
	free(larger);
	cmdq_close(&rig);
}

TEST(names_of_errors)
{
	ck_assert_str_eq(iommunest_smmuv3_cerror_name(0), "CERROR_NONE");
	ck_assert_str_eq(iommunest_smmuv3_cerror_name(1), "CERROR_ILL");
	ck_assert_str_eq(iommunest_smmuv3_cerror_name(2), "CERROR_ABT");
	ck_assert_str_eq(iommunest_smmuv3_cerror_name(3),
			 "CERROR_ATC_INV_SYNC");
	ck_assert_str_eq(iommunest_smmuv3_cerror_name(4), "unknown");
}

/* ---- Within a callback ---- */

static unsigned int seen;

static int try_all(struct cmdq_rig *rig, enum rig_event event, uint32_t index)
{
	struct iommunest_smmuv3_cmdq_registers regs = { .size = sizeof(regs) };
	struct iommunest_smmuv3_cmdq_result result = { .size = sizeof(result) };
	struct iommunest_smmuv3_cmdq_state state = { .size = sizeof(state) };
	struct iommunest_smmuv3_cmdq *q = rig->q;

	(void)index;
	seen |= 1u << event;
	ck_assert_int_eq(iommunest_smmuv3_cmdq_write_base(q, 0), -EBUSY);
	ck_assert_int_eq(iommunest_smmuv3_cmdq_write_cons(q, 0), -EBUSY);
	ck_assert_int_eq(iommunest_smmuv3_cmdq_write_prod(q, 0, &result),
			 -EBUSY);
	ck_assert_int_eq(result.error, 0);
	ck_assert_int_eq(iommunest_smmuv3_cmdq_write_cr0(q, 0, &result),
			 -EBUSY);
	ck_assert_int_eq(iommunest_smmuv3_cmdq_write_gerrorn(q, 0, &result),
			 -EBUSY);
	ck_assert_int_eq(iommunest_smmuv3_cmdq_run(q, &result), -EBUSY);
	ck_assert_int_eq(iommunest_smmuv3_cmdq_save(q, &state), -EBUSY);
	ck_assert_int_eq(iommunest_smmuv3_cmdq_restore(q, &state), -EBUSY);
	ck_assert_int_eq(iommunest_smmuv3_cmdq_restore_registers(q, &regs),
			 -EBUSY);
	ck_assert_int_eq(iommunest_smmuv3_cmdq_set_trace(q, true), -EBUSY);
	ck_assert_int_eq(iommunest_smmuv3_cmdq_reset(q), -EBUSY);
	iommunest_smmuv3_cmdq_free(q);
	iommunest_smmuv3_cmdq_clear_fault(q);
	ck_assert_int_eq(iommunest_smmuv3_cmdq_read(q, &regs), 0);
	ck_assert_uint_eq(regs.cr0, 8);
	return 0;
}

static void see_all(const struct rig_setup *setup, uint8_t fails)
{
	struct cmdq_rig rig;

	cmdq_open(&rig, setup);
	if (fails)
		cmdq_fail(&rig,
			  (struct cmdq_rule){ .opcode = fails, .error = -EIO });
	rig.hook = try_all;
	cmdq_put(&rig, cmd_va(0));
	cmdq_put(&rig, cmd_cd(0x10));
	cmdq_put(&rig, cmd_cd(0x99));
	cmdq_put(&rig, cmd_ste(0x10));
	cmdq_put_sync(&rig);
	cmdq_put(&rig, cmd_sync(1, 0, 0));
	ck_assert_int_eq(cmdq_kick(&rig), 0);
	cmdq_is_done(&rig);
	cmdq_close(&rig);
}

TEST(what_would_pull_the_ring_away_is_busy)
{
	static const struct rig_setup heal = {
		.has = RIG_HAS_FORWARDED | RIG_HAS_STREAM | RIG_HAS_TRACE,
	};
	static const struct rig_setup skip = {
		.policy = IOMMUNEST_SMMUV3_CMDQ_SKIP,
		.has = RIG_HAS_TRACE,
	};

	seen = 0;
	see_all(&heal, 0x05);
	see_all(&heal, 0x06);
	cmdq_open(&bare, &heal);
	cmdq_fail(&bare, (struct cmdq_rule){ .error = -EIO });
	bare.hook = try_all;
	cmdq_put(&bare, cmd_va(0));
	ck_assert_int_eq(cmdq_kick(&bare), 0);
	cmdq_close(&bare);
	see_all(&skip, 0x05);
	ck_assert_uint_eq(seen, (1u << (RIG_STREAM + 1)) - 1);
}

/* ---- Tables that change meanwhile ---- */

static enum rig_event changes_in;

/* 70 is removed, and 72 added, which has its stream. */
static int change(struct cmdq_rig *rig, enum rig_event event, uint32_t index)
{
	(void)index;
	if (event != changes_in)
		return 0;
	rig->hook = NULL;
	ck_assert_int_eq(iommunest_smmuv3_cmdq_remove_target(
				 rig->q, RIG_TARGET(rig, 70)),
			 0);
	cmdq_add_target(rig, 72);
	cmdq_add_stream(rig, 0x10, 72);
	return 0;
}

/* What comes after the change goes to the new one; nothing to the old. */
static const struct {
	enum rig_event event;
	uint32_t has;
	const char *story;
} changes[] = {
	{ RIG_COMMAND, 0,
	  "70[va cd], 71[va], vmm 2, at 3, 72[cd va], 71[va], msi 5, at 6" },
	{ RIG_PUBLISH, 0,
	  "70[va cd], 71[va], vmm 2, at 3, 72[cd va], 71[va], msi 5, at 6" },
	{ RIG_FORWARDED, RIG_HAS_FORWARDED,
	  "70[va cd], 71[va], fwd 0, fwd 1, vmm 2, at 3, 72[cd va], 71[va], "
	  "fwd 3, fwd 4, msi 5, at 6" },
	{ RIG_TRACE, RIG_HAS_TRACE,
	  "70[va cd] <0@1>, 71[va] <0@0>, vmm 2, at 3, 72[cd va] <3@4>, "
	  "71[va] <4@4>, msi 5, at 6" },
};

TEST_LOOP(tables_change_within_a_run, ARRAY_LEN(changes))
{
	const struct rig_setup setup = { .has = changes[_i].has };
	struct cmdq_rig rig;

	cmdq_open(&rig, &setup);
	cmdq_add_target(&rig, 71);
	changes_in = changes[_i].event;
	rig.hook = change;
	cmdq_put(&rig, cmd_va(0));
	cmdq_put(&rig, cmd_cd(0x10));
	cmdq_put(&rig, cmd_ste(0x10));
	cmdq_put(&rig, cmd_cd(0x10));
	cmdq_put(&rig, cmd_va(0));
	cmdq_put_sync(&rig);
	ck_assert_int_eq(cmdq_kick(&rig), 0);
	cmdq_tells(&rig, changes[_i].story);
	ck_assert_uint_eq(rig.result.forwarded, 4);
	cmdq_close(&rig);
}

static int swap(struct cmdq_rig *rig, enum rig_event event, uint32_t index)
{
	if (event != RIG_STREAM)
		return 0;
	if (index == 0x11) {
		ck_assert_int_eq(iommunest_smmuv3_cmdq_remove_target(
					 rig->q, RIG_TARGET(rig, 70)),
				 0);
		cmdq_add_target(rig, 72);
	}
	rig->target->ctx = rig->ctx;
	rig->target->viommu_id = index == 0x11 ? 72 : 70;
	return IOMMUNEST_SMMUV3_STREAM_TARGET;
}

/*
 * Removed while something is gathered for it: that counts as done, and does not
 * go to who has its place now.
 */
TEST(what_is_gathered_for_a_target_that_goes)
{
	const struct rig_setup setup = { .has = RIG_HAS_STREAM };
	struct cmdq_rig rig;

	cmdq_open(&rig, &setup);
	rig.hook = swap;
	cmdq_put(&rig, cmd_cd(0x10));
	cmdq_put(&rig, cmd_cd(0x11));
	cmdq_put_sync(&rig);
	ck_assert_int_eq(cmdq_kick(&rig), 0);
	cmdq_tells(&rig, "72[cd], msi 2, at 3");
	ck_assert_uint_eq(rig.issued[0].words[0] >> 32, 0x11);
	ck_assert_uint_eq(rig.result.forwarded, 2);
	cmdq_close(&rig);
}

/* All targets go while an array is settled early: the rest is the VMM's. */
static int remove_all(struct cmdq_rig *rig, enum rig_event event,
		      uint32_t index)
{
	(void)index;
	if (event == RIG_PUBLISH) {
		rig->hook = NULL;
		ck_assert_int_eq(iommunest_smmuv3_cmdq_remove_target(
					 rig->q, RIG_TARGET(rig, 70)),
				 0);
	}
	return 0;
}

TEST_LOOP(who_has_it_is_asked_after_settling, 2)
{
	struct cmdq_rig rig;

	cmdq_open(&rig, NULL);
	rig.hook = remove_all;
	cmdq_put_many(&rig, cmd_va(0), 63);
	cmdq_put(&rig, _i ? cmd_cd(0x10) : cmd_va(0));
	ck_assert_int_eq(cmdq_kick(&rig), 0);
	cmdq_tells(&rig, _i ? "70[va*63], at 63, drop 63, at 64"
			    : "70[va*63], at 63, vmm 63, at 64");
	cmdq_close(&rig);
}
