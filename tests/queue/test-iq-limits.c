/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* Blocks of any size, and merging. */
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

/* ---- Blocks ---- */

/* No limit of the hardware's, and no max_blocks, concerns a block. */
TEST_LOOP(a_block_of_any_size_is_one_entry, 2)
{
	const struct iommunest_vtd_limits one = {
		.size = sizeof(one),
		.max_blocks = 1,
	};
	unsigned int am;

	rig_open(&rig, _i ? &(struct rig_setup){ .limits = one } : NULL);
	for (am = 0; am < 64; am++)
		rig_put(&rig, guest_piotlb_pages(1, 0, UINT64_MAX, am, true));
	rig_wait(&rig);
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_is_done(&rig);
	rig_tells(&rig, "call 10x64, status 64");
	for (am = 0; am < 52; am++)
		rig_entry(&rig, 0, am, -(UINT64_C(0x1000) << am),
			  UINT64_C(1) << am, IOMMUNEST_VTD_LEAF);
	for (; am < 64; am++)
		rig_entry_all(&rig, 0, am);
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
		.policy = IOMMUNEST_VTD_IQ_STOP,
		.limits = &coalesce,
	};
	struct iommunest_vtd_iq_ops ops = guest_ops;

	ops.covered = NULL;
	ops.trace = NULL;
	rig_open(&rig, NULL);
	iommunest_vtd_iq_free(rig.iq);
	ck_assert_int_eq(
		iommunest_vtd_iq_new(&rig.iq, &ops, &rig.guest, &options), 0);
	ck_assert_int_eq(iommunest_vtd_iq_set_base(rig.iq,
						   guest_iqa(RIG_BASE, 0, true),
						   IOMMUNEST_VTD_TTM_SCALABLE),
			 0);
	enable_engine(rig.iq);
	rig_add(&rig, 1, 0, 10);
	rig_page(&rig, 0x2000);
	rig_page(&rig, 0x2000);
	rig_wait(&rig);
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_is_done(&rig);
	rig_tells(&rig, "status 2");
	ck_assert_uint_eq(rig.host.n_calls, 1);
}
