/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* Which commands are said to be refused, against what Linux 7.3 refuses. */
#include <errno.h>

#include "tests/harness/script.h"
#include "tests/harness/support.h"
#include "tests/smmuv3/cmd-rows.h"
#include "tests/smmuv3/viommu-rig.h"

/* On each kind of hardware. */
#define ROUNDS 10000u
#define SID 0x10u

static const uint8_t opcodes[] = { 0x05, 0x06, 0x10, 0x11, 0x12,
				   0x13, 0x30, 0x40, 0x03, 0x46 };

/* What hardware may lack, in any combination. */
#define NO_ATS (1u << 0)
#define ASID_8 (1u << 1)
#define NO_SSID (1u << 2)
#define NO_RIL (1u << 3)
#define NO_DS (1u << 4)
#define KINDS (1u << 5)

static void open_without(struct viommu_rig *rig, unsigned int lacks)
{
	struct iommunest_sim_options options =
		rig_full_smmu(IOMMUNEST_SIM_SMMUV3_7_3);

	if (lacks & NO_ATS)
		options.idr[0] &= ~(1u << 10);
	if (lacks & ASID_8)
		options.idr[0] &= ~(1u << 12);
	if (lacks & NO_SSID)
		options.idr[1] &= ~(0x1fu << 6);
	if (lacks & NO_RIL)
		options.idr[3] &= ~(1u << 10);
	if (lacks & NO_DS)
		options.idr[5] &= ~(1u << 7);
	rig_open(rig, &options);
	rig_add_stream(rig, SID);
}

static uint64_t bits(unsigned int high, unsigned int low)
{
	return (UINT64_MAX >> (63 - high)) & (UINT64_MAX << low);
}

/* A bit here and there, in the places where it matters. */
static uint64_t sparse(struct support_rng *rng, uint64_t where)
{
	uint64_t word = support_rng_next(rng);

	if (support_rng_below(rng, 2))
		word &= support_rng_next(rng) & support_rng_next(rng);
	if (support_rng_below(rng, 4))
		word &= where;
	return support_rng_below(rng, 3) ? word : 0;
}

static uint64_t random_word0(struct support_rng *rng)
{
	uint64_t word = opcodes[support_rng_below(rng, ARRAY_LEN(opcodes))];
	const unsigned int opcode = word & 0xff;

	word |= sparse(rng, bits(63, 32));
	word |= sparse(rng, bits(16, 12)) & ~UINT64_C(0xff);
	word |= sparse(rng, bits(25, 20)) & ~UINT64_C(0xff);
	/* Its stream is there. */
	if (opcode == 0x05 || opcode == 0x06 || opcode == 0x40)
		word = (word & bits(31, 0)) | (uint64_t)SID << 32;
	return word;
}

static bool kernel_takes(struct viommu_rig *rig, const uint64_t word[2])
{
	const struct iommunest_smmuv3_entry entry = cmd_entry(word[0], word[1]);
	struct script_invalidate cmd = {
		.size = sizeof(cmd),
		.hwpt_id = rig->viommu_id,
		.data_uptr = (uintptr_t)&entry,
		.data_type = 1,
		.entry_len = sizeof(entry),
		.entry_num = 1,
	};
	const int ret = iommunest_sim_sys()->ioctl(
		rig->sim, iommunest_fd(rig->ctx), SCRIPT_HWPT_INVALIDATE, &cmd);

	ck_assert(ret == 0 || ret == -EIO);
	rig->issued = 0;
	return ret == 0;
}

static bool library_takes(const struct viommu_rig *rig, const uint64_t word[2])
{
	const struct iommunest_smmuv3_cmd cmd = cmd_decoded(word[0], word[1]);
	uint32_t reason = 77;
	const int ret = iommunest_smmuv3_cmd_check(&cmd, &rig->caps, &reason);

	ck_assert((ret == 0) == (reason == 0));
	return ret == 0;
}

static unsigned int hold_on(struct support_rng *rng, unsigned int lacks)
{
	unsigned int taken = 0, round;
	struct viommu_rig rig;
	uint64_t word[2];
	bool takes;

	open_without(&rig, lacks);
	for (round = 0; round < ROUNDS; round++) {
		word[0] = random_word0(rng);
		word[1] = sparse(rng, bits(63, 12)) | sparse(rng, bits(11, 8)) |
			  sparse(rng, 1);
		takes = kernel_takes(&rig, word);
		support_assert(rng, library_takes(&rig, word) == takes);
		taken += takes;
	}
	rig_close(&rig);
	return taken;
}

/* Each side is met thousands of times, or the test says nothing. */
TEST(the_same_commands_are_refused_as_by_the_kernel)
{
	unsigned int taken = 0, lacks;
	struct support_rng rng;

	support_rng_start(&rng, "check");
	for (lacks = 0; lacks < KINDS; lacks++)
		taken += hold_on(&rng, lacks);
	ck_assert_uint_gt(taken, KINDS * ROUNDS / 50);
	ck_assert_uint_lt(taken, KINDS * ROUNDS * 9 / 10);
}
