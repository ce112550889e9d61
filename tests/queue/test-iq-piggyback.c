/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * A device-TLB descriptor whose range the entry before it has is piggybacked on
 * that host entry: it needs none of its own.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/harness/support.h"
#include "tests/queue/device-rig.h"

static void teardown(void)
{
	rig_end(&rig);
}
FIXTURE(NULL, teardown);

/* ---- Piggybacked ---- */

TEST(a_flush_that_the_entry_before_covers_is_piggybacked)
{
	open_usual();
	rig_page(&rig, 0x1000);
	put_dev(0x1000, 0);
	rig_wait(&rig);
	kick("call 10x1, covered 1@10, status 2");
	rig_entry(&rig, 0, 0, 0x1000, 1, 0);
	rig_counts(&rig, (struct rig_counts){
				 .descriptors = 3,
				 .forwarded = 2,
				 .waits = 1,
				 .entries = 1,
				 .calls = 1,
			 });
}

TEST(a_flush_of_a_devices_pasid_is_piggybacked_too)
{
	open_usual();
	rig_page_of(&rig, 11, 0x1000);
	rig_put(&rig, guest_pasid_dev_tlb(MANY, 5, 0x1000, 0));
	rig_put(&rig, guest_pasid_dev_tlb(MANY, 0xfffff, 0x1000, 0));
	kick("call 11x1, call 12x1, covered 1@11");
	rig_entry(&rig, 1, 0, 0x1000, 1, LEAF);
}

/* A leaf-only entry flushes the device's TLB like any other. */
TEST(a_leaf_only_entry_covers_a_device_flush)
{
	open_usual();
	rig_put(&rig, guest_piotlb_pages(1, 0, 0x1000, 0, true));
	put_dev(0x1000, 0);
	kick("call 10x1, covered 1@10");
}

/* Blocks of 1, 2, 4 and 8 pages at each of 16 pages: within, or not. */
TEST_LOOP(only_a_range_within_the_entry_is_piggybacked, 16)
{
	const unsigned int am = (unsigned int)_i % 4;
	const unsigned int host_am = (unsigned int)_i / 4;
	const uint64_t host_addr = UINT64_C(0x7fffffff9000);
	uint64_t first = host_addr >> 12 >> host_am << host_am;
	uint64_t page;

	open_usual();
	for (page = 0x7fffffff0; page <= 0x7ffffffff; page++) {
		uint64_t block = page >> am << am;
		bool within = block >= first &&
			      block + (1u << am) <= first + (1u << host_am);

		rig_set_base(&rig, RIG_BASE, 0);
		put_block(host_addr, host_am);
		put_dev(page << 12, am);
		kick(within ? "call 10x1, covered 1@10" : "call 10x2");
		if (!within)
			rig_entry(&rig, 0, 1, block << 12, 1u << am, LEAF);
	}
}

TEST_LOOP(large_blocks_cover_what_lies_within, 13)
{
	static const struct {
		unsigned int host_am;
		unsigned int am;
		uint64_t addr;
		bool piggybacked;
	} rows[] = {
		{ 51, 51, 1ull << 63, true },
		{ 51, 51, 0, false },
		{ 51, 0, ~0xfffull, true },
		{ 51, 0, 0x7ffffffffffff000, false },
		{ 51, 52, 1ull << 63, false },
		{ 52, 52, 0, true },
		{ 52, 51, 0, true },
		{ 63, 52, 0, true },
		{ 63, 0, 0x1000, true },
		{ 53, 51, 1ull << 63, true },
		{ 50, 50, 3ull << 62, true },
		{ 50, 51, 3ull << 62, false },
		{ 50, 50, 1ull << 63, false },
	};

	open_usual();
	put_block(~0xfffull, rows[_i].host_am);
	put_dev(rows[_i].addr, rows[_i].am);
	kick(rows[_i].piggybacked ? "call 10x1, covered 1@10" : "call 10x2");
}

TEST(all_covers_any_device_flush)
{
	open_usual();
	rig_put(&rig, guest_piotlb_all(1, 0));
	put_dev(0x123456000, 0);
	put_dev(0, 52);
	put_dev(1ull << 63, 51);
	kick("call 10x1, covered 1@10, covered 2@10, covered 3@10");
}

/* It is the entry before, and none before that. */
TEST(an_entry_between_ends_piggybacking)
{
	open_usual();
	rig_page(&rig, 0x1000);
	rig_page(&rig, 0x2000);
	put_dev(0x1000, 0);
	kick("call 10x3");
	rig_entry(&rig, 0, 2, 0x1000, 1, LEAF);
}

TEST(a_piggybacked_flush_does_not_end_piggybacking)
{
	open_usual();
	put_block(0x4000, 2);
	put_dev(0x5000, 0);
	put_dev(0x6000, 1);
	put_dev(0x4000, 2);
	put_dev(0x4000, 3);
	put_dev(0x5000, 0);
	kick("call 10x2, covered 1@10, covered 2@10, covered 3@10, "
	     "covered 5@10");
	rig_entry(&rig, 0, 1, 0, 8, LEAF);
}

TEST(another_hwpts_entry_does_not_end_piggybacking)
{
	open_usual();
	rig_page_of(&rig, 10, 0x1000);
	rig_page_of(&rig, 11, 0x2000);
	rig_wait(&rig);
	put_dev(0x1000, 0);
	rig_put(&rig, guest_pasid_dev_tlb(MANY, 0, 0x2000, 0));
	kick("call 10x1, call 11x1, status 2, covered 3@10, covered 4@11");
}

/* Another HWPT's entry does nothing for this one. */
TEST(only_an_entry_of_the_same_hwpt_covers_a_device_flush)
{
	open_usual();
	rig_page_of(&rig, 11, 0x1000);
	put_dev(0x1000, 0);
	kick("call 11x1, call 10x1");
	rig_entry(&rig, 1, 0, 0x1000, 1, LEAF);
}

TEST(nothing_is_piggybacked_across_an_ordering_point)
{
	open_usual();
	rig_page(&rig, 0x1000);
	rig_vmm(&rig);
	put_dev(0x1000, 0);
	rig_vmm(&rig);
	put_dev(0x1000, 0);
	kick("call 10x1, vmm 1, call 10x1, vmm 3, call 10x1");
	/* Nor does the end of a run. */
	put_dev(0x1000, 0);
	kick("call 10x1");
}

TEST(nothing_is_piggybacked_across_the_end_of_a_budget)
{
	open_setup(&(struct rig_setup){ .budget = 1 });
	rig_page(&rig, 0x1000);
	put_dev(0x1000, 0);
	ck_assert_int_eq(rig_kick(&rig), 1);
	rig_tells(&rig, "call 10x1");
	kick("call 10x1");
}

TEST(flushes_are_piggybacked_across_the_end_of_the_ring)
{
	open_usual();
	rig_advance(&rig, 126);
	rig_page(&rig, 0x1000);
	rig_page(&rig, 0x2000);
	put_dev(0x2000, 0);
	rig_wait(&rig);
	kick("call 10x2, covered 0@10, status 1");
}

TEST(piggybacking_does_not_need_the_covered_function)
{
	struct iommunest_vtd_iq_ops ops = guest_ops;

	rig_open(&rig, NULL);
	iommunest_vtd_iq_free(rig.iq);
	ops.covered = NULL;
	ck_assert_int_eq(iommunest_vtd_iq_new(&rig.iq, &ops, &rig.guest, NULL),
			 0);
	rig_set_base(&rig, RIG_BASE, 0);
	rig_add(&rig, 1, 0, 10);
	rig_add_device(&rig, PLAIN, NO_PASID, 10);
	rig_page(&rig, 0x1000);
	put_dev(0x1000, 0);
	rig_wait(&rig);
	kick("call 10x1, status 2");
	ck_assert_uint_eq(rig.result.forwarded, 2);
}

/* ---- Merged and split host entries ---- */

static void put_merged(void)
{
	rig_page(&rig, 0x9000);
	rig_page(&rig, 0x2000);
	put_dev(0x2000, 0);
	rig_page(&rig, 0x3000);
	put_dev(0x3000, 0);
	/* More than the item before has, though not more than its entry. */
	put_dev(0x2000, 1);
	rig_wait(&rig);
}

TEST(a_merged_entry_covers_a_device_flush)
{
	open_with(IOMMUNEST_POLICY_STOP, MERGE);
	put_merged();
	kick("call 10x2, covered 2@10, covered 3@10, covered 4@10, "
	     "covered 5@10, status 6");
	rig_entry(&rig, 0, 1, 0x2000, 2, 0);
}

TEST_LOOP(a_merged_entry_that_fails_fails_the_device_flush_too, 3)
{
	static const enum iommunest_policy policies[] = {
		IOMMUNEST_POLICY_STOP, IOMMUNEST_POLICY_SKIP,
		IOMMUNEST_POLICY_FLUSH_ALL
	};

	open_with(policies[_i], MERGE);
	put_merged();
	fail_entry(10, 0x2000, -EIO);
	if (_i == 1)
		kick("call 10x2, skipped 1@10, skipped 2@10, skipped 3@10, "
		     "skipped 4@10, skipped 5@10, status 6");
	if (_i == 2)
		kick("call 10x2, all 10, covered 2@10, covered 3@10, "
		     "covered 4@10, covered 5@10, status 6");
	if (_i)
		return;
	ck_assert_int_eq(rig_kick(&rig), -EIO);
	rig_stands(&rig, IOMMUNEST_CAUSE_HOST, 1, -EIO);
	rig_tells(&rig, "call 10x2");
	goes_on("call 10x1, covered 2@10, covered 3@10, covered 4@10, "
		"covered 5@10, status 6");
}

TEST(a_devices_block_is_one_entry_whatever_its_size)
{
	open_with(IOMMUNEST_POLICY_STOP, 0);
	put_dev(0, 30);
	put_dev(0x8000000000000000, 51);
	put_dev(0, 52);
	kick("call 10x3");
	rig_entry(&rig, 0, 0, 0, UINT64_C(1) << 30, LEAF);
	rig_entry(&rig, 0, 1, 0x8000000000000000, UINT64_C(1) << 51, LEAF);
	rig_entry_all(&rig, 0, 2);
}
