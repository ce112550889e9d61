/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* Whose a command is, and which are illegal. */
#include <string.h>

#include "tests/cmdq/cmdq-rig.h"
#include "tests/harness/support.h"
#include "tests/smmuv3/cmd-rows.h"

/* Opcodes that the VMM gets, or that need the host's for nothing. */
static bool is_the_vmms(unsigned int opcode)
{
	switch (opcode) {
	case 0x01:
	case 0x02:
	case 0x03:
	case 0x04:
	case 0x41:
	case 0x44:
	case 0x45:
		return true;
	default:
		return false;
	}
}

static void is_illegal(struct cmdq_rig *rig, uint32_t reason)
{
	cmdq_halts(rig, IOMMUNEST_CAUSE_GUEST, 2, -EBADMSG,
		   IOMMUNEST_SMMUV3_CERROR_ILL);
	ck_assert_uint_eq(rig->result.reason, reason);
	ck_assert_uint_eq(rig->result.cookie, 0);
	/* All before it is done, and complete. */
	cmdq_tells(rig, "70[va], msi 1, at 2!1");
}

/* Each opcode, with no bit but its own and those that it needs. */
TEST_LOOP(each_opcode, 256)
{
	const struct cmd_row *row = cmd_row((unsigned int)_i);
	struct cmdq_rig rig;
	int ret;

	cmdq_open(&rig, NULL);
	cmdq_put(&rig, cmd_va(0));
	cmdq_put_sync(&rig);
	cmdq_put(&rig,
		 (struct cmd){ { (uint64_t)_i | UINT64_C(0x10) << 32, 0 } });
	/* VMID or stream; TLBI_NSNH_ALL has neither. */
	if (_i == 0x30)
		rig.ring[2][0] = 0x30;
	ret = cmdq_kick(&rig);
	if (row &&
	    (row->is_entry || is_the_vmms((unsigned int)_i) || _i == 0x46)) {
		ck_assert_int_eq(ret, 0);
		cmdq_is_done(&rig);
		ck_assert_uint_eq(rig.result.forwarded, 1 + row->is_entry);
		/* PREFETCH of a target's stream is nothing. */
		ck_assert_uint_eq(rig.result.vmm,
				  is_the_vmms((unsigned int)_i) && _i > 2);
	} else {
		ck_assert_int_eq(ret, -EBADMSG);
		is_illegal(&rig, row ? IOMMUNEST_SMMUV3_CMD_REASON_OPCODE
				     : IOMMUNEST_SMMUV3_CMD_REASON_UNKNOWN);
	}
	cmdq_close(&rig);
}

static struct iommunest_smmuv3_caps caps_number(unsigned int i)
{
	struct iommunest_smmuv3_caps caps = cmd_full_caps();

	caps.ril = i & 1;
	caps.ats = i & 2;
	caps.ssid_bits = i & 4 ? 20 : 0;
	caps.asid_bits = i & 8 ? 16 : 8;
	caps.ds = i & 16;
	return caps;
}

static void open_with_caps(struct cmdq_rig *rig,
			   struct iommunest_smmuv3_caps caps)
{
	static const struct rig_setup setup = { .log2 = 4 };
	struct iommunest_smmuv3_cmdq_options options;
	struct iommunest_smmuv3_cmdq_ops ops;

	cmdq_open_bare(rig, &setup);
	iommunest_smmuv3_cmdq_free(rig->q);
	ops = cmdq_ops(&setup);
	options = cmdq_options(rig, &setup);
	options.caps = &caps;
	ck_assert_int_eq(
		iommunest_smmuv3_cmdq_new(&rig->q, &ops, rig, &options), 0);
	ck_assert_int_eq(iommunest_smmuv3_cmdq_write_base(rig->q, RIG_BASE | 4),
			 0);
	cmdq_add_target(rig, 70);
	ck_assert_int_eq(
		iommunest_smmuv3_cmdq_write_cr0(rig->q, 8, &rig->result), 0);
}

/*
 * Puts a command; it is forwarded just where iommunest_smmuv3_cmd_check() says
 * that the host takes it, and elsewhere the reason is the same.
 */
static void judge(struct cmdq_rig *rig,
		  const struct iommunest_smmuv3_caps *caps, struct cmd cmd)
{
	const struct iommunest_smmuv3_cmd decoded =
		cmd_decoded(cmd.words[0], cmd.words[1]);
	const uint32_t sid = (uint32_t)(cmd.words[0] >> 32);
	const bool of_stream =
		(cmd.words[0] & 0xff) == 0x40 || (cmd.words[0] & 0xff) < 0x10;
	uint32_t reason;
	int ret;

	if (of_stream)
		cmdq_add_stream(rig, sid, 70);
	cmdq_put(rig, cmd);
	ret = cmdq_kick(rig);
	ck_assert_int_eq(ret == 0, iommunest_smmuv3_cmd_check(&decoded, caps,
							      &reason) == 0);
	ck_assert_uint_eq(rig->result.reason, reason);
	if (ret) {
		ck_assert_int_eq(ret, -EBADMSG);
		ck_assert_uint_eq(rig->n_issued, 0);
		/* As Linux does. */
		rig->ring[rig->result.index][0] = 0x46;
		rig->ring[rig->result.index][1] = 0;
		ck_assert_int_eq(cmdq_acknowledge(rig), 0);
	} else {
		ck_assert_uint_eq(rig->n_issued, 1);
		ck_assert(!memcmp(rig->issued[0].words, cmd.words,
				  sizeof(cmd.words)));
	}
	if (of_stream)
		ck_assert_int_eq(
			iommunest_smmuv3_cmdq_remove_stream(rig->q, sid), 0);
}

static const uint8_t entries[] = { 0x05, 0x06, 0x10, 0x11,
				   0x12, 0x13, 0x30, 0x40 };

/* Each bit of each command that may be forwarded, alone, on all hardware. */
TEST_LOOP(each_bit, 32)
{
	const struct iommunest_smmuv3_caps caps = caps_number((unsigned int)_i);
	struct cmdq_rig rig;
	unsigned int k, bit;

	open_with_caps(&rig, caps);
	for (k = 0; k < ARRAY_LEN(entries); k++) {
		for (bit = 8; bit < 128; bit++) {
			struct cmd cmd = { { entries[k], 0 } };

			cmd.words[bit / 64] |= UINT64_C(1) << bit % 64;
			judge(&rig, &caps, cmd);
		}
	}
	cmdq_close(&rig);
}

/* The fields of a range, in all combinations that matter, and all sizes. */
TEST_LOOP(each_range_and_size, 32)
{
	static const uint64_t nums[] = { 0, 1, 31 };
	static const uint64_t scales[] = { 0, 1, 31, 32, 39 };
	const struct iommunest_smmuv3_caps caps = caps_number((unsigned int)_i);
	struct cmdq_rig rig;
	uint64_t n, s, k;

	open_with_caps(&rig, caps);
	for (n = 0; n < ARRAY_LEN(nums); n++) {
		for (s = 0; s < ARRAY_LEN(scales); s++) {
			for (k = 0; k < 32; k++) {
				struct cmd cmd = { {
					(k & 16 ? 0x12 : 0x13) | nums[n] << 12 |
						scales[s] << 20,
					0x4000 | (k & 15) << 8,
				} };

				judge(&rig, &caps, cmd);
			}
		}
	}
	for (k = 0; k < 64; k++)
		judge(&rig, &caps, (struct cmd){ { 0x40, k } });
	cmdq_close(&rig);
}

/* The secure bit of those that have one; CMD_SYNC's reserved CS. */
TEST(secure_and_reserved)
{
	static const struct cmd cmds[] = {
		{ { 0x01 | 1 << 10, 0 } },	{ { 0x02 | 1 << 10, 0 } },
		{ { 0x03 | 1 << 10, 0 } },	{ { 0x04 | 1 << 10, 0 } },
		{ { 0x05 | 1 << 10, 0 } },	{ { 0x06 | 1 << 10, 0 } },
		{ { 0x40 | 1 << 10, 0 } },	{ { 0x41 | 1 << 10, 0 } },
		{ { 0x44 | 1 << 10, 0 } },	{ { 0x45 | 1 << 10, 0 } },
		{ { 0x46 | 3 << 12, 0x1000 } },
	};
	struct cmdq_rig rig;
	unsigned int i;

	for (i = 0; i < ARRAY_LEN(cmds); i++) {
		cmdq_open(&rig, NULL);
		cmdq_put(&rig, cmd_va(0));
		cmdq_put_sync(&rig);
		cmdq_put(&rig, cmds[i]);
		ck_assert_int_eq(cmdq_kick(&rig), -EBADMSG);
		is_illegal(&rig, IOMMUNEST_SMMUV3_CMD_REASON_RESERVED);
		cmdq_close(&rig);
	}
}

/* Linux puts a CMD_SYNC over the command, and goes on. */
TEST(linux_drops_what_is_illegal)
{
	struct cmdq_rig rig;

	cmdq_open(&rig, NULL);
	cmdq_put(&rig, cmd_va(0));
	cmdq_put(&rig, (struct cmd){ { 0x20, 0 } });
	cmdq_put_sync(&rig);
	ck_assert_int_eq(cmdq_kick(&rig), -EBADMSG);
	cmdq_tells(&rig, "70[va], at 1!1");
	ck_assert_uint_eq(rig.gerror, 1);
	memcpy(rig.ring[1], cmd_sync(0, 0, 0).words, 16);
	ck_assert_int_eq(cmdq_acknowledge(&rig), 0);
	cmdq_tells(&rig, "at 2, msi 2, at 3");
	cmdq_is_done(&rig);
	ck_assert_uint_eq(rig.result.syncs, 2);
	cmdq_close(&rig);
}

static int refuse(struct cmdq_rig *rig, enum rig_event event, uint32_t index)
{
	(void)rig, (void)index;
	return event == RIG_COMMAND ? -EBADMSG : 0;
}

/* The VMM says that it is illegal: a PREFETCH, too, in its place. */
TEST_LOOP(the_vmm_refuses, 2)
{
	struct cmdq_rig rig;

	cmdq_open(&rig, NULL);
	rig.hook = refuse;
	cmdq_put(&rig, cmd_va(0));
	cmdq_put_sync(&rig);
	cmdq_put(&rig, _i ? cmd_prefetch(0x20) : cmd_ste(0x20));
	cmdq_put(&rig, cmd_va(0));
	ck_assert_int_eq(cmdq_kick(&rig), -EBADMSG);
	cmdq_tells(&rig, _i ? "70[va*2], msi 1, vmm 2, at 2!1"
			    : "70[va], msi 1, vmm 2, at 2!1");
	cmdq_halts(&rig, IOMMUNEST_CAUSE_GUEST, 2, -EBADMSG,
		   IOMMUNEST_SMMUV3_CERROR_ILL);
	ck_assert_uint_eq(rig.result.reason, 0);
	ck_assert_uint_eq(rig.result.vmm, 0);
	rig.hook = NULL;
	ck_assert_int_eq(cmdq_acknowledge(&rig), 0);
	cmdq_tells(&rig,
		   _i ? "70[va], vmm 2, at 4" : "vmm 2, at 3, 70[va], at 4");
	cmdq_close(&rig);
}

/* ---- Streams ---- */

static const struct cmd by_stream[] = {
	{ { 0x05, 1 } }, { { 0x06, 0 } }, { { 0x40, 0 } },
	{ { 0x01, 0 } }, { { 0x02, 0 } },
};

/* A target's, the VMM's, nobody's; by the table and by the callback. */
TEST_LOOP(a_streams_commands, 30)
{
	static const uint64_t sids[] = { 0x10, 0x20, 0x99 };
	const struct rig_setup setup = { .has = _i < 15 ? 0 : RIG_HAS_STREAM };
	const bool is_prefetch = _i % 5 > 2;
	struct cmd cmd = by_stream[_i % 5];
	const unsigned int whose = (unsigned int)_i / 5 % 3;
	struct cmdq_rig rig;

	cmdq_open(&rig, &setup);
	cmd.words[0] |= sids[whose] << 32;
	cmdq_put(&rig, cmd);
	ck_assert_int_eq(cmdq_kick(&rig), 0);
	cmdq_is_done(&rig);
	ck_assert_uint_eq(rig.result.commands, 1);
	ck_assert_uint_eq(rig.result.forwarded, whose == 0 && !is_prefetch);
	ck_assert_uint_eq(rig.n_issued, whose == 0 && !is_prefetch);
	ck_assert_uint_eq(rig.result.vmm, whose == 1);
	ck_assert_uint_eq(rig.result.dropped, whose == 2);
	if (whose)
		ck_assert_uint_eq(rig.cmd.sid, sids[whose]);
	cmdq_close(&rig);
}

/* CFGI_STE and the like are the VMM's, whose ever the stream is. */
TEST(configuration_is_the_vmms)
{
	struct cmdq_rig rig;

	cmdq_open(&rig, NULL);
	cmdq_put(&rig, cmd_ste(0x10));
	cmdq_put(&rig, cmd_ste(0x99));
	cmdq_put(&rig, (struct cmd){ { 0x04, 31 } });
	ck_assert_int_eq(cmdq_kick(&rig), 0);
	cmdq_tells(&rig, "vmm 0, at 1, vmm 1, at 2, vmm 2, at 3");
	ck_assert_uint_eq(rig.cmd.log2, 31);
	cmdq_close(&rig);
}

static int stream_answer;
static uint32_t stream_viommu;

static int answer_stream(struct cmdq_rig *rig, enum rig_event event,
			 uint32_t index)
{
	(void)index;
	if (event != RIG_STREAM)
		return 0;
	ck_assert_uint_eq(rig->target->size,
			  sizeof(struct iommunest_smmuv3_target));
	rig->target->ctx = stream_viommu ? rig->ctx : NULL;
	rig->target->viommu_id = stream_viommu;
	return stream_answer;
}

/* What `stream` answers; which vIOMMU; what comes of it. */
static const struct {
	int answer;
	uint32_t viommu;
	int error;
} stream_answers[] = {
	{ -EAGAIN, 70, -EAGAIN },
	{ IOMMUNEST_SMMUV3_STREAM_TARGET, 71, -ENOENT },
	{ IOMMUNEST_SMMUV3_STREAM_TARGET, 0, -ENOENT },
	{ 3, 70, -EINVAL },
};

TEST_LOOP(a_stream_callback_that_fails, 16)
{
	const unsigned int which = (unsigned int)_i % 4;
	const bool shows = _i & 4;
	const struct rig_setup setup = {
		.has = RIG_HAS_STREAM,
		.unhealed = shows ? IOMMUNEST_SMMUV3_UNHEALED_ABT : 0,
	};
	struct cmdq_rig rig;

	stream_answer = stream_answers[which].answer;
	stream_viommu = stream_answers[which].viommu;
	cmdq_open(&rig, &setup);
	rig.hook = answer_stream;
	cmdq_put(&rig, cmd_va(0));
	cmdq_put_sync(&rig);
	cmdq_put(&rig, _i & 8 ? cmd_prefetch(0x10) : cmd_va(0));
	cmdq_put(&rig, cmd_atc(0x10, 0));
	ck_assert_int_eq(cmdq_kick(&rig), stream_answers[which].error);
	if (_i & 8) {
		cmdq_halts(&rig, IOMMUNEST_CAUSE_HOST, 2,
			   stream_answers[which].error, shows ? 2 : 0);
		cmdq_tells(&rig, shows ? "70[va], msi 1, at 2!2"
				       : "70[va], msi 1, at 2");
	} else {
		cmdq_halts(&rig, IOMMUNEST_CAUSE_HOST, 3,
			   stream_answers[which].error, shows ? 2 : 0);
		ck_assert_uint_eq(rig.n_issued, 2);
	}
	rig.hook = NULL;
	if (!shows)
		iommunest_smmuv3_cmdq_clear_fault(rig.q);
	ck_assert_int_eq(shows ? cmdq_acknowledge(&rig) : cmdq_go_on(&rig), 0);
	cmdq_is_done(&rig);
	cmdq_close(&rig);
}

/* ---- The tables ---- */

TEST(the_table_of_targets)
{
	struct iommunest_smmuv3_target odd;
	struct cmdq_rig rig;
	uint32_t i;

	cmdq_open_bare(&rig, NULL);
	ck_assert_int_eq(iommunest_smmuv3_cmdq_add_target(NULL, NULL), -EINVAL);
	ck_assert_int_eq(iommunest_smmuv3_cmdq_add_target(NULL,
							  RIG_TARGET(&rig, 70)),
			 -EINVAL);
	ck_assert_int_eq(iommunest_smmuv3_cmdq_add_target(rig.q, NULL),
			 -EINVAL);
	odd = *RIG_TARGET(&rig, 70);
	odd.reserved = 1;
	ck_assert_int_eq(iommunest_smmuv3_cmdq_add_target(rig.q, &odd),
			 -EINVAL);
	odd = *RIG_TARGET(&rig, 70);
	odd.ctx = NULL;
	ck_assert_int_eq(iommunest_smmuv3_cmdq_add_target(rig.q, &odd),
			 -EINVAL);
	odd = *RIG_TARGET(&rig, 70);
	odd.size--;
	ck_assert_int_eq(iommunest_smmuv3_cmdq_add_target(rig.q, &odd),
			 -EINVAL);
	odd.size = 5000;
	ck_assert_int_eq(iommunest_smmuv3_cmdq_add_target(rig.q, &odd), -E2BIG);
	for (i = 0; i < 64; i++)
		cmdq_add_target(&rig, 70 + i);
	ck_assert_int_eq(iommunest_smmuv3_cmdq_add_target(rig.q,
							  RIG_TARGET(&rig, 70)),
			 -EEXIST);
	ck_assert_int_eq(iommunest_smmuv3_cmdq_add_target(rig.q,
							  RIG_TARGET(&rig, 1)),
			 -ENOSPC);
	ck_assert_int_eq(
		iommunest_smmuv3_cmdq_remove_target(rig.q, RIG_TARGET(&rig, 1)),
		-ENOENT);
	ck_assert_int_eq(iommunest_smmuv3_cmdq_remove_target(rig.q, NULL),
			 -EINVAL);
	ck_assert_int_eq(
		iommunest_smmuv3_cmdq_remove_target(NULL, RIG_TARGET(&rig, 70)),
		-EINVAL);
	for (i = 0; i < 64; i++)
		ck_assert_int_eq(iommunest_smmuv3_cmdq_remove_target(
					 rig.q, RIG_TARGET(&rig, 133 - i)),
				 0);
	cmdq_add_target(&rig, 1);
	cmdq_close(&rig);
}

/* Against a plain array: whose each stream is, through all that happens. */
TEST(the_table_of_streams)
{
	enum { SIDS = 300, TARGETS = 5 };
	static const struct rig_setup setup = { .log2 = 10 };
	struct support_rng rng;
	struct cmdq_rig rig;
	/* 0: nobody's, 1: the VMM's, else a target's. */
	uint32_t owners[SIDS] = { 0 };
	uint32_t i, sid, round;

	support_rng_start(&rng, "streams");
	cmdq_open_bare(&rig, &setup);
	ck_assert_int_eq(iommunest_smmuv3_cmdq_write_cr0(rig.q, 8, &rig.result),
			 0);
	for (i = 0; i < TARGETS; i++)
		cmdq_add_target(&rig, 70 + i);
	for (round = 0; round < 3000; round++) {
		const uint32_t choice = support_rng_below(&rng, 100);
		const uint32_t target = 70 + support_rng_below(&rng, TARGETS);

		i = support_rng_below(&rng, SIDS);
		/* Sparse ones, and many that hash alike. */
		sid = i * 0x10001u;
		if (choice < 50) {
			const bool vmm = choice < 10;

			support_assert(
				&rng, iommunest_smmuv3_cmdq_add_stream(
					      rig.q, sid,
					      vmm ? NULL
						  : RIG_TARGET(&rig, target)) ==
					      (owners[i] ? -EEXIST : 0));
			if (!owners[i])
				owners[i] = vmm ? 1 : target;
		} else if (choice < 98) {
			support_assert(&rng,
				       iommunest_smmuv3_cmdq_remove_stream(
					       rig.q, sid) ==
					       (owners[i] ? 0 : -ENOENT));
			owners[i] = 0;
		} else {
			support_assert(
				&rng, !iommunest_smmuv3_cmdq_remove_target(
					      rig.q, RIG_TARGET(&rig, target)));
			cmdq_add_target(&rig, target);
			for (i = 0; i < SIDS; i++)
				owners[i] = owners[i] == target ? 0 : owners[i];
		}
		if (round % 50)
			continue;
		for (i = 0; i < SIDS; i++)
			cmdq_put(&rig, cmd_cd_all(i * 0x10001u));
		support_assert(&rng, !cmdq_kick(&rig));
		for (i = 0; i < SIDS; i++) {
			uint32_t k, found = 0;

			for (k = 0; k < rig.n_issued; k++) {
				if (rig.issued[k].words[0] >> 32 ==
				    i * 0x10001u)
					found = rig.issued[k].viommu;
			}
			support_assert(&rng, found == (owners[i] > 1 ? owners[i]
								     : 0));
		}
		for (i = 0, sid = 0; i < SIDS; i++)
			sid += owners[i] == 1;
		support_assert(&rng, rig.result.vmm == sid);
	}
	cmdq_close(&rig);
}

TEST(streams_are_refused)
{
	const struct rig_setup setup = { .has = RIG_HAS_STREAM };
	struct iommunest_smmuv3_target odd;
	struct cmdq_rig rig;

	cmdq_open(&rig, NULL);
	ck_assert_int_eq(iommunest_smmuv3_cmdq_add_stream(NULL, 1, NULL),
			 -EINVAL);
	ck_assert_int_eq(iommunest_smmuv3_cmdq_add_stream(rig.q, 0x20, NULL),
			 -EEXIST);
	ck_assert_int_eq(iommunest_smmuv3_cmdq_add_stream(rig.q, 1,
							  RIG_TARGET(&rig, 71)),
			 -ENOENT);
	odd = *RIG_TARGET(&rig, 70);
	odd.size = 1;
	ck_assert_int_eq(iommunest_smmuv3_cmdq_add_stream(rig.q, 1, &odd),
			 -EINVAL);
	odd.size = 5000;
	ck_assert_int_eq(iommunest_smmuv3_cmdq_add_stream(rig.q, 1, &odd),
			 -E2BIG);
	ck_assert_int_eq(iommunest_smmuv3_cmdq_remove_stream(rig.q, 1),
			 -ENOENT);
	ck_assert_int_eq(iommunest_smmuv3_cmdq_remove_stream(NULL, 1), -EINVAL);
	cmdq_close(&rig);

	cmdq_open(&rig, &setup);
	ck_assert_int_eq(iommunest_smmuv3_cmdq_add_stream(rig.q, 1, NULL),
			 -EINVAL);
	ck_assert_int_eq(iommunest_smmuv3_cmdq_remove_stream(rig.q, 1),
			 -ENOENT);
	cmdq_close(&rig);
}
