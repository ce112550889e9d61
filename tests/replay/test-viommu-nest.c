/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * What the example's device is attached to, whatever the guest does to its
 * registers and tables, and whatever the host fails on.
 */
#include <errno.h>
#include <string.h>

#include "tests/harness/support.h"
#include "tests/harness/vtd-info.h"
#include "tests/replay/viommu-rig.h"

FIXTURE(set_up, tear_down);

#define CONTEXT_ENTRY (CONTEXT_TABLE + VIOMMU_SID * 32)
#define ENTRY(pgtt) ((uint64_t)(pgtt) << 6 | 1)
#define FIRST_STAGE ENTRY(IOMMUNEST_VTD_PGTT_FIRST_STAGE)
#define PASS_THROUGH ENTRY(IOMMUNEST_VTD_PGTT_PASS_THROUGH)
#define FPD 2u

static void expect_dma(enum viommu_dma dma)
{
	ck_assert_int_eq(viommu.nest.dma, dma);
	switch (dma) {
	case VIOMMU_NESTED:
		ck_assert_uint_ne(viommu.nest.hwpt_id, 0);
		ck_assert_uint_eq(attached_to, viommu.nest.hwpt_id);
		break;
	case VIOMMU_PARENT:
		ck_assert_uint_eq(viommu.nest.hwpt_id, 0);
		ck_assert_uint_eq(attached_to, device.parent_id);
		break;
	default:
		ck_assert_uint_eq(viommu.nest.hwpt_id, 0);
		ck_assert_uint_eq(attached_to, 0);
	}
}

/* 0: none is recorded. */
static void expect_fault(uint32_t reason)
{
	ck_assert_uint_eq(read4(REG_FSTS), reason ? FSTS_PPF : 0);
	ck_assert_uint_eq(read4(REG_FRCD + 12), reason ? FRCD_F | reason : 0);
}

static void expect_gone(uint32_t hwpt_id)
{
	ck_assert_int_eq(iommunest_object_destroy(ctx, hwpt_id), -ENOENT);
}

/* A wait in the next slot is done. */
static void expect_guest_goes_on(uint32_t slot)
{
	put_wait(slot, IOMMUNEST_VTD_DESC_SW);
	kick(slot + 1);
	ck_assert_uint_eq(status(slot), 1);
}

/* ---- Flushes ---- */

static void touch_page(uint64_t addr)
{
	ck_assert_int_eq(iommunest_sim_translate(sim, iommunest_fd(ctx),
						 viommu.nest.hwpt_id, addr, 0),
			 0);
}

static unsigned int cached(uint64_t addr)
{
	return iommunest_sim_cached(sim, iommunest_fd(ctx), viommu.nest.hwpt_id,
				    addr);
}

TEST(what_the_guest_invalidates_is_not_cached)
{
	struct iommunest_vtd_desc desc =
		IOMMUNEST_INIT(struct iommunest_vtd_desc);

	start_guest();
	ck_assert_uint_eq(viommu.nest.did, DID);
	touch_page(0x1000);
	touch_page(0x2000);
	put_piotlb(0, 0x1000);
	iommunest_vtd_desc_dev_tlb(&desc, VIOMMU_SID, 0, 0, 0x1000, 0);
	put(1, &desc);
	put_wait(2, IOMMUNEST_VTD_DESC_SW);
	kick(3);
	ck_assert_uint_eq(status(2), 1);
	ck_assert_uint_eq(cached(0x1000), 0);
	ck_assert_uint_ne(cached(0x2000), 0);
	/* The device TLB went with it. */
	ck_assert_uint_eq(calls(), 1);
	put(3, &desc);
	kick(4);
	ck_assert_uint_eq(calls(), 2);
}

/* ---- What the entry says ---- */

/* What makes the VMM look: descriptors, and registers. */
enum look {
	PASID_CACHE_PASID,
	PASID_CACHE_DOMAIN,
	PASID_CACHE_GLOBAL,
	CONTEXT_DEVICE,
	CONTEXT_GLOBAL,
	SET_ROOT_TABLE,
	OFF_AND_ON,
	LOOKS
};

static void queue_look(enum look look)
{
	struct iommunest_vtd_desc desc =
		IOMMUNEST_INIT(struct iommunest_vtd_desc);

	if (look == CONTEXT_DEVICE)
		iommunest_vtd_desc_context_cache(&desc,
						 IOMMUNEST_VTD_CONTEXT_DEVICE,
						 DID, VIOMMU_SID, 0);
	else if (look == CONTEXT_GLOBAL)
		iommunest_vtd_desc_context_cache(
			&desc, IOMMUNEST_VTD_CONTEXT_GLOBAL, 0, 0, 0);
	else if (look == PASID_CACHE_GLOBAL)
		iommunest_vtd_desc_pasid_cache(
			&desc, IOMMUNEST_VTD_PASID_CACHE_GLOBAL, 0, 0);
	else
		iommunest_vtd_desc_pasid_cache(
			&desc,
			look == PASID_CACHE_DOMAIN
				? IOMMUNEST_VTD_PASID_CACHE_DOMAIN
				: IOMMUNEST_VTD_PASID_CACHE_PASID,
			DID, 0);
	put(0, &desc);
	kick(1);
}

/* It is in slot 0, if it is a descriptor. */
static void make_it_look(enum look look)
{
	const uint32_t on = GCMD_QIE | GCMD_TE;

	put_wait(0, IOMMUNEST_VTD_DESC_FN);
	if (look == SET_ROOT_TABLE) {
		write4(REG_GCMD, on | GCMD_SRTP);
	} else if (look == OFF_AND_ON) {
		write4(REG_GCMD, GCMD_QIE);
		expect_dma(VIOMMU_PARENT);
		write4(REG_GCMD, on);
	} else {
		queue_look(look);
		return;
	}
	kick(1);
}

struct word {
	uint64_t gpa;
	uint64_t word;
};

static const struct {
	struct word words[2];
	enum viommu_dma dma;
	uint32_t fault;
} entries[] = {
	{ { { PASID_TABLE, FIRST_STAGE } }, VIOMMU_NESTED, 0 },
	{ { { PASID_TABLE, FIRST_STAGE | FPD } }, VIOMMU_NESTED, 0 },
	/* Pass-through: the guest's first and second stage are not looked at,
	 * but what is reserved is. */
	{ { { PASID_TABLE, PASS_THROUGH } }, VIOMMU_PARENT, 0 },
	{ { { PASID_TABLE, PASS_THROUGH },
	    { PASID_TABLE + 16, UINT64_C(1) << 39 } },
	  VIOMMU_PARENT,
	  0 },
	{ { { PASID_TABLE, PASS_THROUGH }, { PASID_TABLE + 24, 1 } },
	  VIOMMU_BLOCKED,
	  FAULT_ENTRY_RESERVED },
	/* Not present, here or on the way to it. */
	{ { { PASID_TABLE, FIRST_STAGE & ~UINT64_C(1) } }, VIOMMU_BLOCKED, 0 },
	{ { { PASID_TABLE, PASS_THROUGH & ~UINT64_C(1) } }, VIOMMU_BLOCKED, 0 },
	{ { { PASID_DIRECTORY, PASID_TABLE } }, VIOMMU_BLOCKED, 0 },
	{ { { CONTEXT_ENTRY, 0 } }, VIOMMU_BLOCKED, 0 },
	{ { { ROOT_TABLE, 0 } }, VIOMMU_BLOCKED, 0 },
	/* Outside of memory. */
	{ { { PASID_DIRECTORY, MEMORY | 1 } }, VIOMMU_BLOCKED, 0 },
	{ { { PASID_DIRECTORY, UINT64_C(0xfffffffffffff001) } },
	  VIOMMU_BLOCKED,
	  0 },
	/* What cannot be carried. */
	{ { { PASID_TABLE, ENTRY(IOMMUNEST_VTD_PGTT_SECOND_STAGE) } },
	  VIOMMU_BLOCKED,
	  FAULT_ENTRY_INVALID },
	{ { { PASID_TABLE, ENTRY(IOMMUNEST_VTD_PGTT_NESTED) } },
	  VIOMMU_BLOCKED,
	  FAULT_ENTRY_INVALID },
	{ { { PASID_TABLE, ENTRY(0) } }, VIOMMU_BLOCKED, FAULT_ENTRY_RESERVED },
	{ { { PASID_TABLE, ENTRY(5) } }, VIOMMU_BLOCKED, FAULT_ENTRY_RESERVED },
	{ { { PASID_TABLE + 24, 1 } }, VIOMMU_BLOCKED, FAULT_ENTRY_RESERVED },
	{ { { PASID_TABLE + 16, UINT64_C(1) << 39 } },
	  VIOMMU_BLOCKED,
	  FAULT_ENTRY_INVALID },
	/* ... and the guest does not want to know. */
	{ { { PASID_TABLE, ENTRY(IOMMUNEST_VTD_PGTT_NESTED) | FPD } },
	  VIOMMU_BLOCKED,
	  0 },
};

static void change(const struct word words[2])
{
	unsigned int i;

	for (i = 0; i < 2 && words[i].gpa; i++)
		poke(words[i].gpa, words[i].word);
}

TEST_LOOP(each_entry_has_its_dma, LOOKS *ARRAY_LEN(entries))
{
	const enum look look = (enum look)(_i % LOOKS);
	const size_t i = (size_t)_i / LOOKS;
	uint32_t hwpt;

	start_guest();
	hwpt = viommu.nest.hwpt_id;
	change(entries[i].words);
	/* Not before the guest says so. */
	expect_dma(VIOMMU_NESTED);
	make_it_look(look);
	expect_dma(entries[i].dma);
	expect_fault(entries[i].fault);
	/* Nothing is cached of it, and nothing is left to be flushed. */
	put_piotlb(1, 0x1000);
	expect_guest_goes_on(2);
	if (entries[i].dma == VIOMMU_NESTED) {
		ck_assert_uint_eq(calls(), 1);
		return;
	}
	expect_gone(hwpt);
	ck_assert_uint_eq(calls(), 0);
	/* ... and back. */
	set_pasid_entry(0x5000);
	poke(PASID_TABLE + 24, 0);
	poke(PASID_DIRECTORY, PASID_TABLE | 1);
	poke(CONTEXT_ENTRY, PASID_DIRECTORY | 1);
	poke(ROOT_TABLE, CONTEXT_TABLE | 1);
	put_pasid_cache(3);
	put_piotlb(4, 0x1000);
	expect_guest_goes_on(5);
	expect_dma(VIOMMU_NESTED);
	ck_assert_uint_eq(calls(), 1);
}

/* The guest's first entry, in tables that were empty when it set TE. */
TEST_LOOP(translation_without_an_entry_blocks, 3)
{
	static const enum viommu_dma dma[] = { VIOMMU_BLOCKED, VIOMMU_NESTED,
					       VIOMMU_PARENT };
	static const uint64_t words[] = { 0, FIRST_STAGE, PASS_THROUGH };

	expect_dma(VIOMMU_PARENT);
	enable_queue();
	poke(ROOT_TABLE, CONTEXT_TABLE | 1);
	poke(CONTEXT_ENTRY, PASID_DIRECTORY | 1);
	write8(REG_RTADDR, ROOT_TABLE | RTADDR_TTM_SCALABLE);
	write4(REG_GCMD, GCMD_QIE | GCMD_SRTP);
	expect_dma(VIOMMU_PARENT);
	write4(REG_GCMD, GCMD_QIE | GCMD_TE);
	expect_dma(VIOMMU_BLOCKED);
	poke(PASID_DIRECTORY, PASID_TABLE | 1);
	poke(PASID_TABLE + 16, 0x5000);
	poke(PASID_TABLE + 8, DID);
	poke(PASID_TABLE, words[_i]);
	put_pasid_cache(0);
	kick(1);
	expect_dma(dma[_i]);
	expect_fault(0);
	/* Off: from wherever it is. */
	write4(REG_GCMD, GCMD_QIE);
	expect_dma(VIOMMU_PARENT);
	write4(REG_GCMD, GCMD_QIE | GCMD_TE);
	expect_dma(dma[_i]);
}

TEST(nothing_is_nested_in_legacy_mode)
{
	start_guest();
	/* RTADDR_REG counts when the root table is set, and not before. */
	write8(REG_RTADDR, ROOT_TABLE);
	expect_dma(VIOMMU_NESTED);
	write4(REG_GCMD, GCMD_QIE | GCMD_TE | GCMD_SRTP);
	expect_dma(VIOMMU_BLOCKED);
	/* There are no such descriptors. */
	put_piotlb(0, 0x1000);
	kick(1);
	ck_assert_uint_eq(read4(REG_FSTS), IQE);
	ck_assert_uint_eq(read8(REG_IQERCD), IOMMUNEST_VTD_IQEI_TYPE);
	write4(REG_GCMD, GCMD_QIE);
	expect_dma(VIOMMU_PARENT);
}

/* ---- Changed in place ---- */

#define OTHER_DID 9u
#define OTHER_TABLE 0x7000u

static const struct {
	struct word words[2];
	uint16_t did;
} changes[] = {
	{ { { PASID_TABLE + 16, 0x6000 } }, DID },
	{ { { PASID_TABLE + 8, OTHER_DID } }, OTHER_DID },
	{ { { PASID_TABLE + 8, OTHER_DID }, { PASID_TABLE + 16, 0x6000 } },
	  OTHER_DID },
	/* WPE, 5 levels, SRE, EAFE. */
	{ { { PASID_TABLE + 16, 0x5000 | 1 << 4 } }, DID },
	{ { { PASID_TABLE + 16, 0x5000 | 1 << 2 } }, DID },
	{ { { PASID_TABLE + 16, 0x5000 | 1 } }, DID },
	{ { { PASID_TABLE + 16, 0x5000 | 1 << 7 } }, DID },
	/* A table in another place. */
	{ { { PASID_DIRECTORY, OTHER_TABLE | 1 } }, OTHER_DID },
};

static void flush_domain(uint32_t slot, uint16_t did)
{
	struct iommunest_vtd_desc desc =
		IOMMUNEST_INIT(struct iommunest_vtd_desc);

	iommunest_vtd_desc_piotlb(&desc, IOMMUNEST_VTD_PIOTLB_ALL, did, 0, 0, 0,
				  0);
	put(slot, &desc);
	kick(slot + 1);
}

/*
 * The device goes from one to the other without being detached in between, as
 * its DMA goes on.
 */
TEST_LOOP(what_is_changed_in_place_is_a_new_hwpt, ARRAY_LEN(changes))
{
	uint64_t before;
	uint32_t first;

	start_guest();
	first = viommu.nest.hwpt_id;
	poke(OTHER_TABLE + 16, 0x5000);
	poke(OTHER_TABLE + 8, OTHER_DID);
	poke(OTHER_TABLE, FIRST_STAGE);
	change(changes[_i].words);
	detaches = 0;
	put_pasid_cache(0);
	expect_guest_goes_on(1);
	expect_dma(VIOMMU_NESTED);
	ck_assert_uint_ne(viommu.nest.hwpt_id, first);
	ck_assert_uint_eq(viommu.nest.did, changes[_i].did);
	ck_assert_uint_eq(detaches, 0);
	expect_fault(0);
	expect_gone(first);
	/* Flushes go to the new one, by its domain id, and nowhere else. */
	before = calls();
	touch_page(0x1000);
	flush_domain(2, DID == changes[_i].did ? OTHER_DID : DID);
	ck_assert_uint_eq(calls(), before);
	ck_assert_uint_ne(cached(0x1000), 0);
	flush_domain(3, changes[_i].did);
	ck_assert_uint_eq(calls(), before + 1);
	ck_assert_uint_eq(cached(0x1000), 0);
}

/* Nothing, or what does not reach the host: FPD, PWSNP, PGSNP. */
TEST_LOOP(what_the_host_does_not_get_changes_nothing, 4)
{
	static const struct word words[] = {
		{ PASID_TABLE, FIRST_STAGE },
		{ PASID_TABLE, FIRST_STAGE | FPD },
		{ PASID_TABLE + 8, DID | 1 << 23 },
		{ PASID_TABLE + 8, DID | 1 << 24 },
	};
	uint32_t first;

	start_guest();
	first = viommu.nest.hwpt_id;
	poke(words[_i].gpa, words[_i].word);
	fail_ioctl(ANY_BUT_INVALIDATE, 1, 0, -EIO);
	put_pasid_cache(0);
	expect_guest_goes_on(1);
	expect_dma(VIOMMU_NESTED);
	ck_assert_uint_eq(viommu.nest.hwpt_id, first);
	ck_assert_uint_eq(ioctl_failure.count, 0);
}

/* ---- The host fails on a change ---- */

/* What the guest does, from a device that is nested. */
static const struct {
	struct word change;
	/* What is written to GCMD_REG; 0: a PASID-cache descriptor. */
	uint32_t gcmd;
	enum viommu_dma dma;
} moves[] = {
	{ { PASID_TABLE + 16, 0x6000 }, 0, VIOMMU_NESTED },
	{ { PASID_TABLE, PASS_THROUGH }, 0, VIOMMU_PARENT },
	{ { PASID_TABLE, 0 }, 0, VIOMMU_BLOCKED },
	{ { 0, 0 }, GCMD_QIE, VIOMMU_PARENT },
	{ { PASID_TABLE + 16, 0x6000 },
	  GCMD_QIE | GCMD_TE | GCMD_SRTP,
	  VIOMMU_NESTED },
};

static void make_move(size_t i)
{
	poke(moves[i].change.gpa, moves[i].change.word);
	put_wait(0, IOMMUNEST_VTD_DESC_FN);
	if (moves[i].gcmd)
		write4(REG_GCMD, moves[i].gcmd);
	else
		put_pasid_cache(0);
	put_piotlb(1, 0x1000);
	expect_guest_goes_on(2);
}

static const int passing[] = { -ENOMEM, -EBUSY, -EINTR };

/* Each ioctl of it fails once; nothing is left behind. */
TEST_LOOP(a_change_is_tried_again, ARRAY_LEN(moves) * ARRAY_LEN(passing))
{
	const size_t i = (size_t)_i / ARRAY_LEN(passing);
	unsigned int nth, ioctls;
	uint32_t first;

	for (nth = 1, ioctls = nth; ioctls >= nth; nth++) {
		start_guest();
		first = viommu.nest.hwpt_id;
		fail_ioctl(ANY_BUT_INVALIDATE, nth, 1,
			   passing[_i % (int)ARRAY_LEN(passing)]);
		make_move(i);
		ioctls = ioctl_failure.count;
		repair();
		expect_dma(moves[i].dma);
		expect_fault(0);
		expect_gone(first);
		/* One HWPT has that scope, and not also the old one. */
		ck_assert_uint_eq(calls(), moves[i].dma == VIOMMU_NESTED);
		tear_down();
		set_up();
	}
	ck_assert_uint_gt(nth, 3);
}

/* Whatever the error: the guest goes on without its device. */
TEST_LOOP(what_the_host_cannot_do_blocks_the_device, 5 * 4)
{
	static const int errors[] = { -ENOMEM, -EBUSY, -EINVAL, -EIO };
	const size_t i = (size_t)_i / 4;
	uint32_t first;

	start_guest();
	first = viommu.nest.hwpt_id;
	fail_ioctl(DEVICE_ATTACH, 1, 0, errors[_i % 4]);
	make_move(i);
	expect_dma(VIOMMU_BLOCKED);
	/* None where it is what the guest wanted, or without translation. */
	expect_fault(read4(REG_GSTS) & GCMD_TE && moves[i].dma != VIOMMU_BLOCKED
			     ? FAULT_ENTRY_ACCESS
			     : 0);
	expect_gone(first);
	ck_assert_uint_eq(calls(), 0);
	/* The host can do it again, and the guest says it again. */
	repair();
	if (read4(REG_GSTS) & GCMD_TE) {
		put_pasid_cache(3);
		kick(4);
	} else {
		write4(REG_GCMD, GCMD_QIE | GCMD_TE);
		write4(REG_GCMD, GCMD_QIE);
	}
	expect_dma(moves[i].dma);
}

TEST(without_room_for_an_hwpt_the_device_is_blocked)
{
	uint32_t first;

	start_guest();
	first = viommu.nest.hwpt_id;
	fail_ioctl(HWPT_ALLOC, 1, 0, -ENOMEM);
	make_move(0);
	expect_dma(VIOMMU_BLOCKED);
	expect_fault(FAULT_ENTRY_ACCESS);
	expect_gone(first);
	/* A few times, and not for ever. */
	ck_assert_uint_gt(ioctl_failure.count, 1);
	ck_assert_uint_lt(ioctl_failure.count, 10);
}

/* It is in nobody's way, and nothing goes there. */
TEST(an_hwpt_that_cannot_be_destroyed_stops_nothing)
{
	uint32_t first;

	start_guest();
	first = viommu.nest.hwpt_id;
	fail_ioctl(HWPT_DESTROY, 1, 0, -EBUSY);
	make_move(0);
	expect_dma(VIOMMU_NESTED);
	expect_fault(0);
	ck_assert_uint_eq(calls(), 1);
	repair();
	ck_assert_int_eq(iommunest_object_destroy(ctx, first), 0);
}

/*
 * Nothing works: that is the one error that the VMM sees.  The device may be
 * where it was, or blocked, and so its flushes still go there, and it is moved
 * again even to where it was.
 */
TEST(a_device_that_cannot_be_detached_is_an_error)
{
	const uint32_t gcmd = GCMD_QIE | GCMD_TE | GCMD_SRTP;
	uint32_t first;

	start_guest();
	first = viommu.nest.hwpt_id;
	set_pasid_entry(0x6000);
	fail_ioctl(ANY_BUT_INVALIDATE, 1, 0, -EIO);
	ck_assert_int_eq(viommu_write(&viommu, REG_GCMD, gcmd, 4), -EIO);
	expect_fault(0);
	put_piotlb(0, 0x1000);
	expect_guest_goes_on(1);
	ck_assert_uint_eq(calls(), 1);
	repair();
	set_pasid_entry(0x5000);
	ck_assert_int_eq(viommu_write(&viommu, REG_GCMD, gcmd, 4), 0);
	expect_dma(VIOMMU_NESTED);
	ck_assert_uint_ne(attached_to, first);
	expect_gone(first);
}

/* At a descriptor the queue halts, and nothing is shown: the guest waits. */
TEST(a_queue_that_halts_for_the_host_is_an_error)
{
	start_guest();
	set_pasid_entry(0x6000);
	fail_ioctl(ANY_BUT_INVALIDATE, 1, 0, -EIO);
	put_pasid_cache(0);
	put_wait(1, IOMMUNEST_VTD_DESC_SW);
	ck_assert_int_eq(viommu_write(&viommu, REG_IQT, 2 * 32, 4), -EIO);
	ck_assert_uint_eq(status(1), 0);
	ck_assert_uint_eq(read8(REG_IQH), 0);
	expect_fault(0);
	/* Whatever the guest writes. */
	repair();
	ck_assert_int_eq(viommu_write(&viommu, REG_FSTS, IQE | ITE | ICE, 4),
			 0);
	ck_assert_int_eq(viommu_write(&viommu, REG_IQT, 2 * 32, 4), -EIO);
	ck_assert_uint_eq(status(1), 0);
}

/* ---- The host fails on a flush ---- */

/* All of the HWPT is flushed in its place. */
TEST(a_host_that_fails_once_is_healed_and_not_shown)
{
	start_guest();
	put_piotlb(0, 0x1000);
	put_wait(1, IOMMUNEST_VTD_DESC_SW);
	put_piotlb(2, 0x2000);
	put_wait(3, IOMMUNEST_VTD_DESC_SW);
	fail_entry(2, -ETIMEDOUT);
	kick(4);
	ck_assert_uint_eq(read4(REG_FSTS), 0);
	ck_assert_uint_eq(read8(REG_IQERCD), 0);
	ck_assert_uint_eq(read8(REG_IQH), 128);
	ck_assert_uint_eq(status(1), 1);
	ck_assert_uint_eq(status(3), 1);
	expect_dma(VIOMMU_NESTED);
}

/* The device is detached, and the guest's flushes are done without a call. */
TEST(a_host_that_keeps_failing_costs_the_device)
{
	uint64_t before;
	uint32_t first;

	start_guest();
	first = viommu.nest.hwpt_id;
	put_piotlb(0, 0x1000);
	put_wait(1, IOMMUNEST_VTD_DESC_SW);
	fail_entry(1, -EIO);
	fail_entry(2, -EIO);
	kick(2);
	ck_assert_uint_eq(status(1), 1);
	expect_dma(VIOMMU_BLOCKED);
	expect_fault(FAULT_ENTRY_ACCESS);
	expect_gone(first);
	before = calls();
	put_piotlb(2, 0x1000);
	expect_guest_goes_on(3);
	ck_assert_uint_eq(calls(), before);
	/* The guest's next PASID-cache descriptor brings it back. */
	put_pasid_cache(4);
	put_piotlb(5, 0x1000);
	expect_guest_goes_on(6);
	expect_dma(VIOMMU_NESTED);
	ck_assert_uint_eq(calls(), before + 1);
}

/* ---- Reset ---- */

TEST_LOOP(a_reset_brings_the_device_back_to_all_of_memory, 3)
{
	static const uint64_t words[] = { FIRST_STAGE, PASS_THROUGH, 0 };
	uint32_t first;

	start_guest();
	first = viommu.nest.hwpt_id;
	poke(PASID_TABLE, words[_i]);
	put_pasid_cache(0);
	kick(1);
	ck_assert_int_eq(viommu_reset(&viommu), 0);
	expect_dma(VIOMMU_PARENT);
	expect_fault(0);
	expect_gone(first);
}

TEST(a_reset_that_the_host_cannot_follow_blocks_the_device)
{
	uint32_t first;

	start_guest();
	first = viommu.nest.hwpt_id;
	fail_ioctl(DEVICE_ATTACH, 1, 0, -EBUSY);
	ck_assert_int_eq(viommu_reset(&viommu), 0);
	expect_dma(VIOMMU_BLOCKED);
	expect_gone(first);
	/* All the same it is reset. */
	ck_assert_uint_eq(read4(REG_GSTS), 0);
	repair();
	ck_assert_int_eq(viommu_reset(&viommu), 0);
	expect_dma(VIOMMU_PARENT);
}

/* ---- Plugging ---- */

TEST(what_is_unplugged_has_nothing_in_use)
{
	uint32_t first;

	start_guest();
	first = viommu.nest.hwpt_id;
	ck_assert_int_eq(viommu_unplug(&viommu), 0);
	ck_assert_uint_eq(attached_to, 0);
	expect_gone(first);
	/* The parent goes, and the IOAS. */
	close_device();
	open_device();
	ck_assert_int_eq(viommu_plug(&viommu, &device), 0);
}

/* Its descriptors are nobody's, and the guest goes on. */
TEST(without_a_device_the_guest_goes_on)
{
	start_guest();
	ck_assert_int_eq(viommu_unplug(&viommu), 0);
	fail_ioctl(ANY_BUT_INVALIDATE, 1, 0, -EIO);
	put_piotlb(0, 0x1000);
	put_pasid_cache(1);
	expect_guest_goes_on(2);
	write4(REG_GCMD, GCMD_QIE);
	write4(REG_GCMD, GCMD_QIE | GCMD_TE | GCMD_SRTP);
	ck_assert_int_eq(viommu_unplug(&viommu), 0);
	ck_assert_uint_eq(ioctl_failure.count, 0);
	ck_assert_uint_eq(calls(), 0);
	expect_fault(0);
	ck_assert_int_eq(viommu_reset(&viommu), 0);
	ck_assert_uint_eq(ioctl_failure.count, 0);
	repair();
	ck_assert_int_eq(viommu_plug(&viommu, &device), 0);
}

/* At once, wherever it was: VFIO code may attach it to the parent itself. */
TEST_LOOP(what_is_plugged_is_what_its_entry_says, 4)
{
	static const uint64_t words[] = { FIRST_STAGE, PASS_THROUGH, 0, 0 };
	static const enum viommu_dma dma[] = { VIOMMU_NESTED, VIOMMU_PARENT,
					       VIOMMU_BLOCKED, VIOMMU_PARENT };
	uint32_t pt_id;

	start_guest();
	ck_assert_int_eq(viommu_unplug(&viommu), 0);
	close_device();
	poke(PASID_TABLE, words[_i]);
	if (_i == 3)
		write4(REG_GCMD, GCMD_QIE);
	open_device();
	pt_id = device.parent_id;
	ck_assert_int_eq(iommunest_vfio_attach(ctx, device.fd, &pt_id), 0);
	fail_ioctl(DEVICE_ATTACH, 2, 0, -EIO);
	ck_assert_int_eq(viommu_plug(&viommu, &device), 0);
	expect_dma(dma[_i]);
	ck_assert_uint_eq(ioctl_failure.count, dma[_i] != VIOMMU_BLOCKED);
	put_piotlb(0, 0x1000);
	expect_guest_goes_on(1);
	ck_assert_uint_eq(calls(), dma[_i] == VIOMMU_NESTED);
	repair();
}

TEST(there_is_one_device)
{
	ck_assert_int_eq(viommu_plug(&viommu, &device), -EBUSY);
	expect_dma(VIOMMU_PARENT);
}

/* It is behind an IOMMU with less than the guest was shown: 4 levels. */
TEST(a_device_that_cannot_serve_the_guest_is_refused)
{
	struct viommu_device other = device;

	ck_assert_int_eq(viommu_unplug(&viommu), 0);
	other.info.data[VTD_CAP] &= ~(UINT64_C(1) << 60);
	ck_assert_int_eq(viommu_plug(&viommu, &other), -EOPNOTSUPP);
	ck_assert_uint_eq(attached_to, 0);
	ck_assert_int_eq(viommu_plug(&viommu, &device), 0);
	expect_dma(VIOMMU_PARENT);
}

/* Each ioctl of it fails once. */
TEST_LOOP(unplugging_is_tried_again, ARRAY_LEN(passing))
{
	unsigned int nth, ioctls;

	for (nth = 1, ioctls = nth; ioctls >= nth; nth++) {
		start_guest();
		fail_ioctl(ANY_BUT_INVALIDATE, nth, 1, passing[_i]);
		ck_assert_int_eq(viommu_unplug(&viommu), 0);
		ioctls = ioctl_failure.count;
		repair();
		close_device();
		open_device();
		ck_assert_int_eq(viommu_plug(&viommu, &device), 0);
		tear_down();
		set_up();
	}
	ck_assert_uint_ge(nth, 3);
}

/* It is still there, and can be unplugged later. */
TEST(what_cannot_be_detached_is_not_unplugged)
{
	start_guest();
	fail_ioctl(DEVICE_DETACH, 1, 0, -EIO);
	ck_assert_int_eq(viommu_unplug(&viommu), -EIO);
	ck_assert_int_eq(viommu_plug(&viommu, &device), -EBUSY);
	repair();
	put_piotlb(0, 0x1000);
	expect_guest_goes_on(1);
	ck_assert_uint_eq(calls(), 1);
	ck_assert_int_eq(viommu_unplug(&viommu), 0);
}
