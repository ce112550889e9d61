/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* The example's register file, written to as guests do. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/harness/support.h"
#include "tests/replay/viommu-rig.h"

FIXTURE(set_up, tear_down);

/* ---- The file ---- */

TEST(what_is_read_only_stays)
{
	static const uint32_t offsets[] = {
		REG_VER,      REG_VER + 4,  REG_CAP,	  REG_CAP + 4,
		REG_ECAP,     REG_ECAP + 4, REG_GSTS,	  REG_IQH,
		REG_IQH + 4,  REG_IQT + 4,  REG_IQERCD,	  REG_IQERCD + 4,
		0x28,	      0x30,	    0x98,	  REG_FRCD,
		REG_FRCD + 4, REG_FRCD + 8, REG_END - 20,
	};
	size_t i;

	for (i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++) {
		uint32_t before = read4(offsets[i]);

		write4(offsets[i], ~before);
		ck_assert_uint_eq(read4(offsets[i]), before);
		write4(offsets[i], 0);
		ck_assert_uint_eq(read4(offsets[i]), before);
	}
	write8(REG_CAP, 0);
	write8(REG_IQH, UINT64_MAX);
	ck_assert_uint_ne(read8(REG_CAP), 0);
	ck_assert_uint_eq(read8(REG_IQH), 0);
}

TEST(the_host_can_serve_what_is_shown)
{
	const struct iommunest_vtd_guest guest = {
		.size = sizeof(guest),
		.cap = read8(REG_CAP),
		.ecap = read8(REG_ECAP),
	};
	uint64_t reasons;

	ck_assert_int_eq(iommunest_vtd_guest_check(&viommu.config.info, &guest,
						   &reasons),
			 0);
	ck_assert(guest.ecap & 1 << 1);
	ck_assert_uint_eq(guest.ecap >> 35 & 0x3f, 0);
	ck_assert_uint_eq(guest.cap & 7, 6);
	ck_assert(guest.cap & 1 << 7);
	ck_assert_uint_eq((guest.cap >> 24 & 0x3ff) * 16, REG_FRCD);
	ck_assert_uint_eq(guest.cap >> 40 & 0xff, 0);
}

static const struct mask {
	uint32_t offset;
	uint32_t bits;
} masks[] = {
	{ REG_GCMD, 0 },
	{ REG_RTADDR, 0xfffffc00 },
	{ REG_RTADDR + 4, 0xffffffff },
	{ REG_FSTS, 0 },
	{ REG_FECTL, 0x80000000 },
	{ REG_FEDATA, 0xffffffff },
	{ REG_FEADDR, 0xfffffffc },
	{ REG_FEUADDR, 0xffffffff },
	{ REG_IQT, 0x0007fff0 },
	{ REG_IQA, 0xfffff807 },
	{ REG_IQA + 4, 0xffffffff },
	{ REG_ICS, 0 },
	{ REG_IECTL, 0x80000000 },
	{ REG_IEDATA, 0xffffffff },
	{ REG_IEADDR, 0xfffffffc },
	{ REG_IEUADDR, 0xffffffff },
	{ REG_FRCD + 12, 0 },
};

TEST_LOOP(each_register_takes_its_own_bits, sizeof(masks) / sizeof(masks[0]))
{
	const struct mask *mask = &masks[_i];
	uint32_t neighbour = mask->offset ^ 4;
	uint32_t before = read4(neighbour);

	if (mask->offset != REG_GCMD)
		write4(mask->offset, UINT32_MAX);
	ck_assert_uint_eq(read4(mask->offset), mask->bits);
	ck_assert_uint_eq(read4(neighbour), before);
	if (mask->offset != REG_GCMD)
		write4(mask->offset, 0);
	ck_assert_uint_eq(read4(mask->offset), 0);
}

TEST(eight_bytes_are_two_times_four)
{
	uint32_t offset;

	write8(REG_RTADDR, UINT64_C(0x123456789abcdeff));
	write8(REG_IEADDR, UINT64_C(0xfedcba9876543210));
	write8(REG_IECTL, UINT64_C(0x1122334480000000));
	ck_assert_uint_eq(read4(REG_IEDATA), 0x11223344);
	ck_assert_uint_eq(read4(REG_RTADDR + 4), 0x12345678);
	for (offset = 0; offset < REG_END; offset += 8)
		ck_assert_uint_eq(read8(offset),
				  read4(offset) | (uint64_t)read4(offset + 4)
							  << 32);
}

TEST(other_accesses_do_nothing)
{
	static const struct {
		uint64_t offset;
		unsigned int size;
	} accesses[] = {
		{ REG_RTADDR, 0 },
		{ REG_RTADDR, 1 },
		{ REG_RTADDR, 2 },
		{ REG_RTADDR, 16 },
		{ REG_RTADDR + 2, 4 },
		{ REG_RTADDR + 4, 8 },
		{ REG_END, 4 },
		{ REG_END, 8 },
		{ UINT64_MAX - 3, 4 },
		{ UINT64_MAX - 7, 8 },
		{ UINT64_C(0x100000020), 8 },
	};
	uint32_t before[REG_END / 4];
	size_t i;

	memcpy(before, viommu.regs, sizeof(before));
	for (i = 0; i < sizeof(accesses) / sizeof(accesses[0]); i++) {
		ck_assert_int_eq(viommu_write(&viommu, accesses[i].offset,
					      UINT64_MAX, accesses[i].size),
				 0);
		ck_assert_uint_eq(viommu_read(&viommu, accesses[i].offset,
					      accesses[i].size),
				  0);
	}
	ck_assert_mem_eq(before, viommu.regs, sizeof(before));
}

TEST(a_command_shows_in_the_status)
{
	write4(REG_GCMD, GCMD_SRTP);
	ck_assert_uint_eq(read4(REG_GSTS), GCMD_SRTP);
	/* Of one shot: it stays. */
	write4(REG_GCMD, 0);
	ck_assert_uint_eq(read4(REG_GSTS), GCMD_SRTP);
	write4(REG_GCMD, GCMD_TE);
	ck_assert_uint_eq(read4(REG_GSTS), GCMD_SRTP | GCMD_TE);
	write4(REG_GCMD, GCMD_TE | GCMD_QIE);
	ck_assert_uint_eq(read4(REG_GSTS), GCMD_SRTP | GCMD_TE | GCMD_QIE);
	write8(REG_GCMD, GCMD_QIE);
	ck_assert_uint_eq(read4(REG_GSTS), GCMD_SRTP | GCMD_QIE);
	/* What is not there does not become set. */
	write4(REG_GCMD, 0x0b800000 | GCMD_QIE);
	ck_assert_uint_eq(read4(REG_GSTS), GCMD_SRTP | GCMD_QIE);
}

/* ---- The queue ---- */

TEST(the_queue_runs_when_the_tail_is_written)
{
	enable_queue();
	put_wait(0, IOMMUNEST_VTD_DESC_SW);
	put_wait(1, IOMMUNEST_VTD_DESC_SW);
	kick(1);
	ck_assert_uint_eq(status(0), 1);
	ck_assert_uint_eq(status(1), 0);
	ck_assert_uint_eq(read8(REG_IQH), 32);
	kick(2);
	ck_assert_uint_eq(status(1), 1);
	ck_assert_uint_eq(read8(REG_IQH), 64);
	ck_assert_uint_eq(read4(REG_IQT), 64);
}

TEST(a_disabled_queue_does_nothing)
{
	write8(REG_IQA, RING | IOMMUNEST_VTD_IQA_DW);
	put_wait(0, IOMMUNEST_VTD_DESC_SW);
	kick(1);
	ck_assert_uint_eq(status(0), 0);
	ck_assert_uint_eq(read4(REG_IQT), 32);
	ck_assert_uint_eq(read8(REG_IQH), 0);
	ck_assert_uint_eq(read4(REG_FSTS), 0);
}

/* In both orders, and with the base in halves. */
TEST_LOOP(what_was_queued_before_is_done_at_enabling, 2)
{
	put_wait(0, IOMMUNEST_VTD_DESC_SW);
	put_wait(1, IOMMUNEST_VTD_DESC_SW);
	if (_i == 0)
		kick(2);
	write4(REG_IQA, RING | IOMMUNEST_VTD_IQA_DW);
	write4(REG_IQA + 4, 0);
	if (_i == 1)
		kick(2);
	ck_assert_uint_eq(read4(REG_IQT), 64);
	ck_assert_uint_eq(status(0), 0);
	write4(REG_GCMD, GCMD_QIE);
	ck_assert_uint_eq(status(0), 1);
	ck_assert_uint_eq(status(1), 1);
	ck_assert_uint_eq(read8(REG_IQH), 64);
	/* Once only. */
	poke(STATUS, 0);
	write4(REG_GCMD, GCMD_QIE);
	ck_assert_uint_eq(status(0), 0);
}

TEST(a_base_has_64_bits)
{
	write8(REG_IQA, UINT64_C(1) << 32 | RING | IOMMUNEST_VTD_IQA_DW);
	write4(REG_GCMD, GCMD_QIE);
	put_wait(0, IOMMUNEST_VTD_DESC_SW);
	kick(1);
	/* Memory ends before. */
	ck_assert_uint_eq(read4(REG_FSTS), IQE);
	ck_assert_uint_eq(read8(REG_IQERCD), IOMMUNEST_VTD_IQEI_FETCH);
	ck_assert_uint_eq(status(0), 0);
}

TEST(disabling_restarts_the_ring)
{
	enable_queue();
	put_wait(0, IOMMUNEST_VTD_DESC_SW);
	kick(1);
	write4(REG_GCMD, 0);
	ck_assert_uint_eq(read8(REG_IQH), 0);
	ck_assert_uint_eq(read4(REG_GSTS), 0);
	poke(STATUS, 0);
	write4(REG_GCMD, GCMD_QIE);
	ck_assert_uint_eq(status(0), 1);
}

TEST(a_new_base_starts_at_its_first_slot)
{
	enable_queue();
	put_wait(0, IOMMUNEST_VTD_DESC_SW);
	kick(1);
	write8(REG_IQA, RING | IOMMUNEST_VTD_IQA_DW);
	ck_assert_uint_eq(read8(REG_IQH), 0);
	ck_assert_uint_eq(read4(REG_IQT), 0);
	poke(STATUS, 0);
	kick(1);
	ck_assert_uint_eq(status(0), 1);
}

/* ---- The budget ---- */

#define MANY 100u

static void put_waits(uint32_t from, uint32_t to)
{
	for (; from < to; from++)
		put_wait(from, IOMMUNEST_VTD_DESC_SW);
}

TEST_LOOP(the_main_loop_does_what_the_budget_leaves, 2)
{
	write8(REG_IQA, RING | IOMMUNEST_VTD_IQA_DW);
	put_waits(0, MANY);
	/* One write or the other has the engine begin. */
	if (_i == 0)
		write4(REG_GCMD, GCMD_QIE);
	kick(MANY);
	if (_i == 1)
		write4(REG_GCMD, GCMD_QIE);
	ck_assert_uint_eq(scheduled, 1);
	ck_assert_uint_eq(status(VIOMMU_BUDGET - 1), 1);
	ck_assert_uint_eq(status(VIOMMU_BUDGET), 0);
	ck_assert_uint_eq(read8(REG_IQH), VIOMMU_BUDGET * 32);
	ck_assert_int_eq(viommu_work(&viommu), 0);
	ck_assert_uint_eq(status(MANY - 1), 1);
	ck_assert_uint_eq(read8(REG_IQH), MANY * 32);
	ck_assert_uint_eq(scheduled, 1);
	/* Not asked for, and nothing happens. */
	poke(STATUS, 0);
	ck_assert_int_eq(viommu_work(&viommu), 0);
	ck_assert_uint_eq(status(0), 0);
}

/* It comes from another thread, and so may come late. */
TEST_LOOP(work_that_comes_late_does_nothing, 4)
{
	enable_queue();
	put_waits(0, MANY);
	kick(MANY);
	if (_i == 0)
		write4(REG_GCMD, 0);
	else if (_i == 1)
		ck_assert_int_eq(viommu_reset(&viommu), 0);
	else if (_i == 2)
		write8(REG_IQA, RING | IOMMUNEST_VTD_IQA_DW);
	else
		kick(MANY);
	ck_assert_int_eq(viommu_work(&viommu), 0);
	ck_assert_uint_eq(status(VIOMMU_BUDGET), _i == 3);
	ck_assert_uint_eq(scheduled, 1);
}

TEST(the_main_loop_is_asked_again_while_there_is_work)
{
	enable_queue();
	put_waits(0, MANY);
	kick(MANY);
	/* The guest goes on queueing before the main loop comes. */
	put_waits(MANY, 127);
	write4(REG_IQT, 127 * 32);
	ck_assert_uint_eq(read8(REG_IQH), 127 * 32);
	ck_assert_uint_eq(scheduled, 1);
	write4(REG_GCMD, 0);
	put_waits(0, 127);
	write4(REG_GCMD, GCMD_QIE);
	ck_assert_uint_eq(scheduled, 2);
	ck_assert_int_eq(viommu_work(&viommu), 0);
	ck_assert_uint_eq(read8(REG_IQH), 127 * 32);
	ck_assert_uint_eq(scheduled, 2);
}

/* ---- Errors ---- */

TEST(an_error_stops_the_queue_until_it_is_cleared)
{
	enable_queue();
	put_wait(0, IOMMUNEST_VTD_DESC_SW);
	put_bad(1);
	put_wait(2, IOMMUNEST_VTD_DESC_SW);
	put_wait(3, IOMMUNEST_VTD_DESC_SW);
	kick(3);
	ck_assert_uint_eq(read4(REG_FSTS), IQE);
	ck_assert_uint_eq(read8(REG_IQERCD), IOMMUNEST_VTD_IQEI_TYPE);
	ck_assert_uint_eq(read8(REG_IQH), 32);
	ck_assert_uint_eq(status(0), 1);
	put_wait(1, IOMMUNEST_VTD_DESC_SW);
	/* Nothing but a 1 in the bit itself goes on. */
	kick(4);
	write4(REG_FSTS, 0);
	write4(REG_FSTS, ~IQE);
	ck_assert_uint_eq(read4(REG_FSTS), IQE);
	ck_assert_uint_eq(status(1), 0);
	write4(REG_FSTS, IQE);
	ck_assert_uint_eq(read4(REG_FSTS), 0);
	ck_assert_uint_eq(read8(REG_IQERCD), 0);
	ck_assert_uint_eq(status(1), 1);
	ck_assert_uint_eq(status(3), 1);
	ck_assert_uint_eq(read8(REG_IQH), 128);
}

/* The guest uses its slots again right after the write. */
TEST_LOOP(clearing_an_error_runs_all_of_the_queue, 2)
{
	enable_queue();
	put_bad(0);
	put_waits(1, MANY);
	kick(MANY);
	ck_assert_uint_eq(read4(REG_FSTS), IQE);
	put_wait(0, IOMMUNEST_VTD_DESC_SW);
	/* Another error far down the ring is for the guest to see, again. */
	if (_i)
		put_bad(MANY - 1);
	write4(REG_FSTS, IQE);
	ck_assert_uint_eq(status(0), 1);
	ck_assert_uint_eq(status(MANY - 2), 1);
	ck_assert_uint_eq(status(MANY - 1), _i == 0);
	ck_assert_uint_eq(read4(REG_FSTS), _i ? IQE : 0);
	ck_assert_uint_eq(scheduled, 0);
	ck_assert_int_eq(viommu_work(&viommu), 0);
}

/* The queue does not halt for ICE, and so does not wait for it either. */
TEST(only_what_the_queue_halts_at_makes_it_go_on)
{
	enable_queue();
	put_bad(0);
	put_wait(1, IOMMUNEST_VTD_DESC_SW);
	kick(2);
	viommu_set(&viommu, REG_FSTS, ICE);
	put_wait(0, IOMMUNEST_VTD_DESC_SW);
	write4(REG_FSTS, IQE);
	ck_assert_uint_eq(read4(REG_FSTS), ICE);
	ck_assert_uint_eq(status(1), 1);
	/* Clearing what is not set is no kick, either. */
	put_waits(2, MANY);
	kick(MANY);
	write4(REG_FSTS, IQE | ICE | ITE);
	ck_assert_uint_eq(read4(REG_FSTS), 0);
	ck_assert_uint_eq(read8(REG_IQH), (2 + VIOMMU_BUDGET) * 32);
	put_bad(2 + VIOMMU_BUDGET);
	ck_assert_int_eq(viommu_work(&viommu), 0);
	viommu_set(&viommu, REG_FSTS, ICE);
	write4(REG_FSTS, ICE);
	ck_assert_uint_eq(read4(REG_FSTS), IQE);
}

TEST(an_error_that_was_not_fixed_comes_again)
{
	enable_queue();
	put_bad(0);
	kick(1);
	/* The upper half of 8 bytes. */
	write8(REG_FSTS - 4, (uint64_t)IQE << 32);
	ck_assert_uint_eq(read4(REG_FSTS), IQE);
	ck_assert_uint_eq(read8(REG_IQH), 0);
}

TEST(a_tail_beyond_the_ring_is_an_error)
{
	enable_queue();
	kick(128);
	ck_assert_uint_eq(read4(REG_FSTS), IQE);
	ck_assert_uint_eq(read8(REG_IQERCD), IOMMUNEST_VTD_IQEI_TAIL);
	write4(REG_GCMD, 0);
	write4(REG_IQT, 0);
	write8(REG_IQA, RING | IOMMUNEST_VTD_IQA_DW);
	write4(REG_GCMD, GCMD_QIE);
	/* The engine has a new ring; the bit is the guest's to clear. */
	ck_assert_uint_eq(read4(REG_FSTS), IQE);
	write4(REG_FSTS, IQE);
	ck_assert_uint_eq(read4(REG_FSTS), 0);
}

/* Its end is beyond 2^64, and its beginning far beyond memory. */
TEST_LOOP(a_status_outside_of_memory_is_an_error, 2)
{
	struct iommunest_vtd_desc desc =
		IOMMUNEST_INIT(struct iommunest_vtd_desc);

	enable_queue();
	iommunest_vtd_desc_wait(&desc, IOMMUNEST_VTD_DESC_SW,
				_i ? UINT64_MAX - 3 : MEMORY, 1);
	put(0, &desc);
	kick(1);
	ck_assert_uint_eq(read4(REG_FSTS), IQE);
	ck_assert_uint_eq(read8(REG_IQH), 0);
}

/* ---- The machine ---- */

TEST(a_reset_forgets_the_guest)
{
	uint32_t fresh[REG_END / 4];
	uint32_t hwpt;

	memcpy(fresh, viommu.regs, sizeof(fresh));
	start_guest();
	write4(REG_IECTL, 0);
	put_bad(0);
	kick(1);
	hwpt = viommu.nest.hwpt_id;
	ck_assert_int_eq(viommu_reset(&viommu), 0);
	ck_assert_mem_eq(fresh, viommu.regs, sizeof(fresh));
	ck_assert(!viommu.halted);
	ck_assert_int_eq(iommunest_object_destroy(ctx, hwpt), -ENOENT);
	put_wait(0, IOMMUNEST_VTD_DESC_SW);
	kick(1);
	ck_assert_uint_eq(status(0), 0);
	start_guest();
	kick(1);
	ck_assert_uint_eq(status(0), 1);
}
