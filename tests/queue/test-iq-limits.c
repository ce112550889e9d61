/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* Limits of the hardware, and merging. */
#include <stdlib.h>
#include <string.h>

#include "tests/harness/iq-rig.h"
#include "tests/harness/support.h"

static struct rig rig;

static void teardown(void)
{
	rig_end(&rig);
}
FIXTURE(NULL, teardown);

/* ---- Blocks and limits ---- */

static const struct iommunest_vtd_limits mamv_3 = {
	.size = sizeof(mamv_3),
	.flags = IOMMUNEST_VTD_LIMIT_MAMV,
	.mamv = 3,
};

TEST(a_block_beyond_mamv_goes_in_pieces)
{
	uint32_t i;

	rig_open(&rig, &(struct rig_setup){ .limits = mamv_3 });
	rig_put(&rig, guest_piotlb_pages(1, 0, 0x123456000, 3, true));
	rig_put(&rig, guest_piotlb_pages(1, 0, 0x123456000, 5, true));
	rig_put(&rig, guest_piotlb_pages(1, 0, 0x123456000, 8, true));
	rig_put(&rig, guest_piotlb_pages(1, 0, 0x123456000, 9, true));
	rig_wait(&rig);
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_is_done(&rig);
	rig_tells(&rig, "call 10x38, status 4");
	rig_entry(&rig, 0, 0, 0x123450000, 8, IOMMUNEST_VTD_LEAF);
	for (i = 0; i < 4; i++)
		rig_entry(&rig, 0, 1 + i, 0x123440000 + i * 0x8000, 8,
			  IOMMUNEST_VTD_LEAF);
	for (i = 0; i < 32; i++)
		rig_entry(&rig, 0, 5 + i, 0x123400000 + i * 0x8000, 8,
			  IOMMUNEST_VTD_LEAF);
	/* 64 pieces would be too many. */
	rig_entry_all(&rig, 0, 37);
	rig_counts(&rig, (struct rig_counts){
				 .descriptors = 5,
				 .forwarded = 4,
				 .waits = 1,
				 .entries = 38,
				 .calls = 1,
			 });
}

TEST(the_number_of_pieces_can_be_chosen)
{
	struct iommunest_vtd_limits limits = mamv_3;

	limits.max_blocks = 2;
	rig_open(&rig, &(struct rig_setup){ .limits = limits });
	rig_put(&rig, guest_piotlb_pages(1, 0, 0, 4, false));
	rig_put(&rig, guest_piotlb_pages(1, 0, 0, 5, false));
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_tells(&rig, "call 10x3");
	rig_entry(&rig, 0, 1, 0x8000, 8, 0);
	rig_entry_all(&rig, 0, 2);
}

TEST(more_pieces_than_the_ring_has_slots_become_all)
{
	uint32_t i;

	rig_open(&rig, &(struct rig_setup){ .limits = mamv_3 });
	for (i = 0; i < 65; i++)
		rig_put(&rig, guest_piotlb_pages(1, 0, i << 20, 4, false));
	rig_page_of(&rig, 11, 0x1000);
	rig_wait(&rig);
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_is_done(&rig);
	rig_counts(&rig, (struct rig_counts){
				 .descriptors = 67,
				 .forwarded = 66,
				 .waits = 1,
				 .entries = 2,
				 .calls = 2,
			 });
	rig_entry_all(&rig, 0, 0);
	/* The first one gives its name to it. */
	ck_assert_uint_eq(guest_count(&rig.guest, GUEST_COVERED), 64);
	for (i = 0; i < 64; i++)
		ck_assert_uint_eq(
			guest_nth(&rig.guest, GUEST_COVERED, i)->index, i + 1);
}

TEST(as_many_pieces_as_the_ring_has_slots_go)
{
	uint32_t i;

	rig_open(&rig, &(struct rig_setup){ .limits = mamv_3 });
	for (i = 0; i < 64; i++)
		rig_put(&rig, guest_piotlb_pages(1, 0, i << 20, 4, false));
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_tells(&rig, "call 10x128");
}

/* ---- Merging ---- */

static const struct iommunest_vtd_limits coalesce = {
	.size = sizeof(coalesce),
	.flags = IOMMUNEST_VTD_COALESCE,
};

static void open_coalescing(void)
{
	rig_open(&rig, &(struct rig_setup){ .limits = coalesce });
}

TEST(neighbours_are_sent_as_one_entry_and_reported_covered)
{
	uint32_t i;

	open_coalescing();
	for (i = 0; i < 4; i++)
		rig_page(&rig, 0x4000 + i * 0x1000);
	rig_wait(&rig);
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_is_done(&rig);
	rig_tells(&rig, "call 10x1, covered 1@10, covered 2@10, "
			"covered 3@10, status 4");
	rig_entry(&rig, 0, 0, 0x4000, 4, 0);
	rig_counts(&rig, (struct rig_counts){
				 .descriptors = 5,
				 .forwarded = 4,
				 .waits = 1,
				 .entries = 1,
				 .calls = 1,
			 });
}

TEST(what_is_no_single_entry_stays_apart)
{
	open_coalescing();
	/* Neighbours, but no aligned block. */
	rig_page(&rig, 0x1000);
	rig_page(&rig, 0x2000);
	/* The same pages, but not the same caches. */
	rig_put(&rig, guest_piotlb_pages(1, 0, 0x3000, 0, true));
	rig_page_of(&rig, 11, 0x1000);
	rig_page(&rig, 0x9000);
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_tells(&rig, "call 10x4, call 11x1");
}

TEST(all_covers_what_is_around_it)
{
	open_coalescing();
	rig_page(&rig, 0x1000);
	rig_put(&rig, guest_piotlb_pages(1, 0, 0x9000, 1, true));
	rig_put(&rig, guest_piotlb_all(1, 0));
	rig_page(&rig, 0x2000);
	rig_put(&rig, guest_piotlb_all(1, 0));
	rig_wait(&rig);
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_is_done(&rig);
	rig_tells(&rig, "call 10x1, covered 1@10, covered 2@10, "
			"covered 3@10, covered 4@10, status 5");
	rig_entry_all(&rig, 0, 0);
}

TEST(merging_goes_across_waits_and_not_across_the_vmm)
{
	open_coalescing();
	rig_page(&rig, 0x2000);
	rig_wait(&rig);
	rig_page(&rig, 0x3000);
	rig_vmm(&rig);
	rig_page(&rig, 0x2000);
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_tells(&rig, "call 10x1, status 1, covered 2@10, vmm 3, call 10x1");
	rig_entry(&rig, 0, 0, 0x2000, 2, 0);
	rig_entry(&rig, 1, 0, 0x2000, 1, 0);
}

TEST(covered_is_called_for_each_hwpt)
{
	open_coalescing();
	rig_add(&rig, 1, 0, 13);
	rig_page(&rig, 0x2000);
	rig_page(&rig, 0x2000);
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_tells(&rig, "call 10x1, call 13x1, covered 1@10, covered 1@13");
	rig_counts(&rig, (struct rig_counts){
				 .descriptors = 2,
				 .forwarded = 2,
				 .entries = 2,
				 .calls = 2,
			 });
}

TEST(covered_and_trace_may_be_missing)
{
	struct iommunest_vtd_iq_options options = {
		.size = sizeof(options),
		.limits = &coalesce,
	};
	struct iommunest_vtd_iq_ops ops = guest_ops;

	ops.covered = NULL;
	ops.trace = NULL;
	rig_open(&rig, NULL);
	iommunest_vtd_iq_free(rig.iq);
	ck_assert_int_eq(
		iommunest_vtd_iq_new(&rig.iq, &ops, &rig.guest, &options), 0);
	ck_assert_int_eq(iommunest_vtd_iq_set_base(
				 rig.iq, guest_iqa(RIG_BASE, 0, true), true),
			 0);
	rig_add(&rig, 1, 0, 10);
	rig_page(&rig, 0x2000);
	rig_page(&rig, 0x2000);
	rig_wait(&rig);
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_is_done(&rig);
	rig_tells(&rig, "status 2");
	ck_assert_uint_eq(rig.host.n_calls, 1);
}

TEST(merging_stays_within_mamv)
{
	struct iommunest_vtd_limits limits = mamv_3;
	uint32_t i;

	limits.flags |= IOMMUNEST_VTD_COALESCE;
	rig_open(&rig, &(struct rig_setup){ .limits = limits });
	for (i = 0; i < 32; i++)
		rig_page(&rig, i << 12);
	ck_assert_int_eq(rig_kick(&rig), 0);
	ck_assert_uint_eq(rig.host.n_calls, 1);
	ck_assert_uint_eq(rig.host.calls[0].count, 4);
	for (i = 0; i < 4; i++)
		rig_entry(&rig, 0, i, i << 15, 8, 0);
}
