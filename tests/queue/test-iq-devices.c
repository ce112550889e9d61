/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Device-TLB descriptors: of devices that the engine knows, and of others.
 * One whose range the entry before it has rides on that entry; else it becomes
 * an entry of its own.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/harness/iq-rig.h"
#include "tests/harness/support.h"

#define NO_PASID IOMMUNEST_VTD_NO_PASID
#define LEAF IOMMUNEST_VTD_LEAF

/* A device without PASIDs, of HWPT 10; one with three, and none without. */
#define PLAIN 0x0100
#define MANY 0x0208
#define FOREIGN 0xabcd

static struct rig rig;

static void teardown(void)
{
	rig_end(&rig);
}
FIXTURE(NULL, teardown);

static void open_setup(const struct rig_setup *setup)
{
	rig_open(&rig, setup);
	rig_add_device(&rig, PLAIN, NO_PASID, 10);
	rig_add_device(&rig, MANY, 0, 11);
	rig_add_device(&rig, MANY, 5, 11);
	rig_add_device(&rig, MANY, 0xfffff, 12);
}

static void open_usual(void)
{
	open_setup(NULL);
}

static void open_with(enum iommunest_policy policy, uint32_t limits)
{
	open_setup(&(struct rig_setup){
		.policy = policy,
		.limits = {
			.size = sizeof(struct iommunest_vtd_limits),
			.flags = limits,
			.mamv = 2,
		},
	});
}

#define SPLIT IOMMUNEST_VTD_LIMIT_MAMV
#define MERGE IOMMUNEST_VTD_COALESCE

/* Of the plain device, and so of HWPT 10. */
static uint32_t put_dev(uint64_t addr, unsigned int am)
{
	return rig_put(&rig, guest_dev_tlb(PLAIN, addr, am));
}

static uint32_t put_block(uint64_t addr, unsigned int am)
{
	return rig_put(&rig, guest_piotlb_pages(1, 0, addr, am, false));
}

static void kick(const char *story)
{
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_is_done(&rig);
	rig_tells(&rig, story);
}

static void fail_entry(uint32_t hwpt_id, uint64_t addr, int error)
{
	host_fail(&rig.host, (struct host_rule){
				     .fault = HOST_FAIL_ENTRY,
				     .error = error,
				     .hwpt_id = hwpt_id,
				     .addr = addr,
			     });
}

static void goes_on(const char *story)
{
	host_heal(&rig.host);
	iommunest_vtd_iq_clear_fault(rig.iq);
	kick(story);
}

/* ---- Riding ---- */

TEST(what_the_entry_before_has_rides_on_it)
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

TEST(of_a_pasid_too)
{
	open_usual();
	rig_page_of(&rig, 11, 0x1000);
	rig_put(&rig, guest_pasid_dev_tlb(MANY, 5, 0x1000, 0));
	rig_put(&rig, guest_pasid_dev_tlb(MANY, 0xfffff, 0x1000, 0));
	kick("call 11x1, call 12x1, covered 1@11");
	rig_entry(&rig, 1, 0, 0x1000, 1, LEAF);
}

/* A leaf-only entry flushes the device's TLB like any other. */
TEST(a_leaf_only_entry_carries)
{
	open_usual();
	rig_put(&rig, guest_piotlb_pages(1, 0, 0x1000, 0, true));
	put_dev(0x1000, 0);
	kick("call 10x1, covered 1@10");
}

/* Blocks of 1, 2, 4 and 8 pages at each of 16 pages: within, or not. */
TEST_LOOP(only_what_lies_within_rides, 16)
{
	const unsigned int am = (unsigned int)_i % 4;
	const unsigned int carrier_am = (unsigned int)_i / 4;
	const uint64_t carrier = UINT64_C(0x7fffffff9000);
	uint64_t first = carrier >> 12 >> carrier_am << carrier_am;
	uint64_t page;

	open_usual();
	for (page = 0x7fffffff0; page <= 0x7ffffffff; page++) {
		uint64_t block = page >> am << am;
		bool within = block >= first &&
			      block + (1u << am) <= first + (1u << carrier_am);

		rig_set_base(&rig, RIG_BASE, 0);
		put_block(carrier, carrier_am);
		put_dev(page << 12, am);
		kick(within ? "call 10x1, covered 1@10" : "call 10x2");
		if (!within)
			rig_entry(&rig, 0, 1, block << 12, 1u << am, LEAF);
	}
}

TEST_LOOP(large_blocks_carry_what_lies_within, 13)
{
	static const struct {
		unsigned int carrier_am;
		unsigned int am;
		uint64_t addr;
		bool rides;
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
	put_block(~0xfffull, rows[_i].carrier_am);
	put_dev(rows[_i].addr, rows[_i].am);
	kick(rows[_i].rides ? "call 10x1, covered 1@10" : "call 10x2");
}

TEST(all_carries_anything)
{
	open_usual();
	rig_put(&rig, guest_piotlb_all(1, 0));
	put_dev(0x123456000, 0);
	put_dev(0, 52);
	put_dev(1ull << 63, 51);
	kick("call 10x1, covered 1@10, covered 2@10, covered 3@10");
}

/* It is the entry before, and none before that. */
TEST(an_entry_between_ends_the_ride)
{
	open_usual();
	rig_page(&rig, 0x1000);
	rig_page(&rig, 0x2000);
	put_dev(0x1000, 0);
	kick("call 10x3");
	rig_entry(&rig, 0, 2, 0x1000, 1, LEAF);
}

TEST(what_rides_is_no_entry_between)
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

TEST(another_hwpts_entry_is_not_between)
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
TEST(only_an_entry_of_the_same_hwpt_carries)
{
	open_usual();
	rig_page_of(&rig, 11, 0x1000);
	put_dev(0x1000, 0);
	kick("call 11x1, call 10x1");
	rig_entry(&rig, 1, 0, 0x1000, 1, LEAF);
}

TEST(nothing_rides_across_a_point_of_order)
{
	open_usual();
	rig_page(&rig, 0x1000);
	rig_vmm(&rig);
	put_dev(0x1000, 0);
	rig_put(&rig, guest_iotlb(IOMMUNEST_VTD_IOTLB_DOMAIN, 1, 0, 0));
	put_dev(0x1000, 0);
	kick("call 10x1, vmm 1, call 10x2, call 11x1, vmm 3, call 10x1");
	/* Nor does the end of a run. */
	put_dev(0x1000, 0);
	kick("call 10x1");
}

TEST(nothing_rides_across_the_end_of_a_budget)
{
	open_setup(&(struct rig_setup){ .budget = 1 });
	rig_page(&rig, 0x1000);
	put_dev(0x1000, 0);
	ck_assert_int_eq(rig_kick(&rig), 1);
	rig_tells(&rig, "call 10x1");
	kick("call 10x1");
}

TEST(a_ride_goes_around_the_ring)
{
	open_usual();
	rig_advance(&rig, 126);
	rig_page(&rig, 0x1000);
	rig_page(&rig, 0x2000);
	put_dev(0x2000, 0);
	rig_wait(&rig);
	kick("call 10x2, covered 0@10, status 1");
}

TEST(nobody_needs_to_be_told_of_a_ride)
{
	struct iommunest_vtd_iq_ops ops = guest_ops;

	rig_open(&rig, NULL);
	iommunest_vtd_iq_free(rig.iq);
	ops.covered = NULL;
	ck_assert_int_eq(iommunest_vtd_iq_new(&rig.iq, rig.ctx, &ops,
					      &rig.guest, NULL),
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

/* ---- An entry of its own ---- */

TEST_LOOP(a_device_tlb_descriptor_becomes_a_leaf_entry, 2 * 53)
{
	const unsigned int am = (unsigned int)_i % 53;
	const uint64_t addr = 0xfedcba9876543000;

	open_usual();
	if (_i < 53)
		put_dev(addr, am);
	else
		rig_put(&rig, guest_pasid_dev_tlb(MANY, 0xfffff, addr, am));
	rig_wait(&rig);
	kick(_i < 53 ? "call 10x1, status 1" : "call 12x1, status 1");
	if (am == 52)
		rig_entry_all(&rig, 0, 0);
	else
		rig_entry(&rig, 0, 0, addr >> 12 >> am << am << 12, 1ull << am,
			  LEAF);
	rig_counts(&rig, (struct rig_counts){
				 .descriptors = 2,
				 .forwarded = 1,
				 .waits = 1,
				 .entries = 1,
				 .calls = 1,
			 });
}

TEST(several_devices_may_share_an_hwpt)
{
	open_usual();
	rig_add_device(&rig, PLAIN + 1, NO_PASID, 10);
	rig_add_device(&rig, PLAIN + 2, 3, 10);
	rig_page(&rig, 0x1000);
	put_dev(0x1000, 0);
	rig_put(&rig, guest_dev_tlb(PLAIN + 1, 0x1000, 0));
	rig_put(&rig, guest_pasid_dev_tlb(PLAIN + 2, 3, 0x1000, 0));
	rig_put(&rig, guest_dev_tlb(PLAIN + 1, 0x2000, 0));
	put_dev(0x2000, 0);
	kick("call 10x2, covered 1@10, covered 2@10, covered 3@10, "
	     "covered 5@10");
}

TEST(a_device_may_have_several_hwpts)
{
	open_usual();
	rig_add_device(&rig, PLAIN, NO_PASID, 13);
	rig_add(&rig, 1, 0, 14);
	rig_page(&rig, 0x1000);
	put_dev(0x1000, 0);
	rig_wait(&rig);
	/* On 10 it rides, on 13 it does not, and 14 is not the device's. */
	kick("call 10x1, call 14x1, call 13x1, covered 1@10, status 2");
	rig_entry(&rig, 2, 0, 0x1000, 1, LEAF);
	ck_assert_uint_eq(rig.result.forwarded, 2);
}

TEST(all_pasids_are_all_hwpts_of_the_device)
{
	open_usual();
	rig_put(&rig, guest_pasids_dev_tlb(MANY, 0x1000, 0));
	rig_put(&rig, guest_pasids_dev_tlb(MANY, 0x1000, 0));
	rig_wait(&rig);
	kick("call 11x1, call 12x1, covered 1@11, covered 1@12, status 2");
	rig_entry(&rig, 0, 0, 0x1000, 1, LEAF);
	rig_entry(&rig, 1, 0, 0x1000, 1, LEAF);
	rig_counts(&rig, (struct rig_counts){
				 .descriptors = 3,
				 .forwarded = 2,
				 .waits = 1,
				 .entries = 2,
				 .calls = 2,
			 });
	rig_page_of(&rig, 12, 0x1000);
	rig_put(&rig, guest_pasids_dev_tlb(MANY, 0x1000, 0));
	kick("call 12x1, call 11x1, covered 4@12");
}

/* PASIDs that share HWPTs, one after the other and in turns. */
TEST_LOOP(all_pasids_reach_an_hwpt_once, 2)
{
	uint32_t pasid;

	rig_open(&rig, NULL);
	for (pasid = 0; pasid < 12; pasid++)
		rig_add_device(&rig, MANY, pasid,
			       _i ? 20 + pasid % 3 : 20 + pasid / 4);
	rig_put(&rig, guest_pasids_dev_tlb(MANY, 0, 52));
	kick("call 20x1, call 21x1, call 22x1");
	rig_entry_all(&rig, 0, 0);
	ck_assert_uint_eq(rig.result.forwarded, 1);
}

/* PASID in 51:32 of the descriptor means nothing then. */
TEST(all_pasids_are_so_whatever_the_pasid)
{
	struct guest_desc desc = guest_pasids_dev_tlb(MANY, 0x1000, 0);

	open_usual();
	desc.words[0] |= 0xbeefull << 32;
	rig_put(&rig, desc);
	kick("call 11x1, call 12x1");
}

TEST(there_is_room_for_every_pasid_of_a_full_ring)
{
	uint32_t i;

	rig_open(&rig, &(struct rig_setup){ .max_targets = 64 });
	for (i = 0; i < 50; i++)
		rig_add_device(&rig, MANY, i, 100 + i);
	for (i = 0; i < 126; i++)
		rig_put(&rig, guest_pasids_dev_tlb(MANY, (uint64_t)i << 12, 0));
	rig_wait(&rig);
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_is_done(&rig);
	rig_counts(&rig, (struct rig_counts){
				 .descriptors = 127,
				 .forwarded = 126,
				 .waits = 1,
				 .entries = 50 * 126,
				 .calls = 50,
			 });
	for (i = 0; i < 126; i++)
		rig_entry(&rig, 49, i, (uint64_t)i << 12, 1, LEAF);
}

/* ---- Whose they are ---- */

TEST(what_no_device_was_added_for_is_the_vmms)
{
	const struct guest_desc descs[] = {
		guest_dev_tlb(FOREIGN, 0x1000, 0),
		guest_dev_tlb(MANY, 0x1000, 0),
		guest_pasid_dev_tlb(FOREIGN, 5, 0x1000, 0),
		guest_pasid_dev_tlb(MANY, 6, 0x1000, 0),
		guest_pasid_dev_tlb(PLAIN, 0, 0x1000, 0),
		guest_pasid_dev_tlb(PLAIN, 0xfffff, 0x1000, 0),
		guest_pasids_dev_tlb(FOREIGN, 0x1000, 0),
	};
	struct iommunest_vtd_desc want;
	size_t i;

	open_usual();
	for (i = 0; i < ARRAY_LEN(descs); i++)
		rig_put(&rig, descs[i]);
	kick("vmm 0, vmm 1, vmm 2, vmm 3, vmm 4, vmm 5, vmm 6");
	for (i = 0; i < ARRAY_LEN(descs); i++) {
		iommunest_vtd_desc_decode(&want, descs[i].words, 256, true);
		ck_assert_mem_eq(&guest_nth(&rig.guest, GUEST_DESCRIPTOR,
					    (uint32_t)i)
					  ->desc,
				 &want, sizeof(want));
	}
}

TEST(devices_and_domains_are_not_mixed_up)
{
	rig_open(&rig, NULL);
	/* The same numbers. */
	rig_add_device(&rig, 1, 5, 13);
	rig_add_device(&rig, 1, 0, 14);
	rig_add_device(&rig, 1, NO_PASID, 15);
	rig_put(&rig, guest_pasid_dev_tlb(1, 5, 0x1000, 0));
	rig_put(&rig, guest_pasid_dev_tlb(1, 0, 0x1000, 0));
	rig_put(&rig, guest_dev_tlb(1, 0x1000, 0));
	rig_put(&rig, guest_piotlb_all(1, 5));
	rig_put(&rig, guest_piotlb_all(1, 0));
	/* Neither a domain's HWPTs nor all of them are a device's. */
	rig_put(&rig, guest_iotlb(IOMMUNEST_VTD_IOTLB_DOMAIN, 1, 0, 0));
	rig_put(&rig, guest_iotlb(IOMMUNEST_VTD_IOTLB_GLOBAL, 0, 0, 0));
	kick("call 13x1, call 14x1, call 15x1, call 11x2, call 10x2, vmm 5, "
	     "call 10x1, call 11x1, call 12x1, vmm 6");
}

TEST(devices_are_added_and_removed_like_scopes)
{
	open_setup(&(struct rig_setup){ .max_targets = 8 });
	ck_assert_int_eq(iommunest_vtd_iq_add_device(NULL, 1, 0, 1), -EINVAL);
	ck_assert_int_eq(iommunest_vtd_iq_remove_device(NULL, 1, 0, 1),
			 -EINVAL);
	ck_assert_int_eq(iommunest_vtd_iq_add_device(rig.iq, 1, 1u << 20, 1),
			 -EINVAL);
	ck_assert_int_eq(iommunest_vtd_iq_add_device(rig.iq, 1, NO_PASID - 1,
						     1),
			 -EINVAL);
	ck_assert_int_eq(iommunest_vtd_iq_remove_device(rig.iq, 1, 1u << 20, 1),
			 -EINVAL);
	ck_assert_int_eq(iommunest_vtd_iq_add_device(rig.iq, PLAIN, NO_PASID,
						     10),
			 -EEXIST);
	ck_assert_int_eq(iommunest_vtd_iq_add_device(rig.iq, MANY, 0xfffff, 12),
			 -EEXIST);
	rig_add_device(&rig, 9, 9, 13);
	ck_assert_int_eq(iommunest_vtd_iq_add_device(rig.iq, 9, 9, 14),
			 -ENOSPC);
	ck_assert_int_eq(iommunest_vtd_iq_add_scope(rig.iq, 9, 9, 14), -ENOSPC);
	ck_assert_int_eq(iommunest_vtd_iq_remove_device(rig.iq, 9, 8, 13),
			 -ENOENT);
	ck_assert_int_eq(iommunest_vtd_iq_remove_device(rig.iq, 9, 9, 12),
			 -ENOENT);
	ck_assert_int_eq(iommunest_vtd_iq_remove_device(rig.iq, 9, NO_PASID,
							13),
			 -ENOENT);
	ck_assert_int_eq(iommunest_vtd_iq_remove_scope(rig.iq, 9, 9, 13),
			 -ENOENT);
	ck_assert_int_eq(iommunest_vtd_iq_remove_device(rig.iq, 9, 9, 13), 0);
	ck_assert_int_eq(iommunest_vtd_iq_remove_device(rig.iq, 9, 9, 13),
			 -ENOENT);
	rig_add_device(&rig, 9, 9, 14);
}

TEST(a_removed_device_is_the_vmms_again)
{
	open_usual();
	rig_add_device(&rig, PLAIN, NO_PASID, 13);
	ck_assert_int_eq(
		iommunest_vtd_iq_remove_device(rig.iq, PLAIN, NO_PASID, 10), 0);
	put_dev(0x1000, 0);
	rig_page(&rig, 0x1000);
	kick("call 13x1, call 10x1");
	ck_assert_int_eq(iommunest_vtd_iq_forget(rig.iq, 13), 0);
	ck_assert_int_eq(iommunest_vtd_iq_forget(rig.iq, 11), 0);
	put_dev(0x1000, 0);
	rig_put(&rig, guest_pasid_dev_tlb(MANY, 5, 0x1000, 0));
	rig_put(&rig, guest_pasids_dev_tlb(MANY, 0x1000, 0));
	rig_page_of(&rig, 11, 0x1000);
	kick("vmm 2, vmm 3, call 12x1, vmm 5");
}

static int add_foreign(struct guest *guest, const struct guest_event *event)
{
	(void)guest;
	if (event->kind == GUEST_DESCRIPTOR)
		rig_add_device(&rig, FOREIGN, NO_PASID, 30);
	return 0;
}

TEST(the_vmm_may_add_a_device_within_a_run)
{
	open_usual();
	rig.guest.hook = add_foreign;
	rig_put(&rig, guest_dev_tlb(FOREIGN, 0x1000, 0));
	rig_put(&rig, guest_dev_tlb(FOREIGN, 0x1000, 0));
	rig_put(&rig, guest_dev_tlb(FOREIGN, 0x1000, 0));
	kick("vmm 0, call 30x1, covered 2@30");
}

/* ---- Failures ---- */

/* Slot 1 and its rider; the rest is well. */
static void put_rider(void)
{
	rig_page(&rig, 0x1000);
	rig_page(&rig, 0x2000);
	put_dev(0x2000, 0);
	rig_wait(&rig);
	rig_page(&rig, 0x3000);
	put_dev(0x3000, 0);
	fail_entry(10, 0x2000, -EIO);
}

TEST(a_stop_is_at_the_carrier)
{
	open_with(IOMMUNEST_POLICY_STOP, 0);
	put_rider();
	ck_assert_int_eq(rig_kick(&rig), -EIO);
	rig_stands(&rig, IOMMUNEST_CAUSE_HOST, 1, -EIO);
	rig_tells(&rig, "call 10x3");
	rig_counts(&rig, (struct rig_counts){
				 .descriptors = 1,
				 .forwarded = 1,
				 .entries = 1,
				 .calls = 1,
			 });
	goes_on("call 10x2, covered 2@10, status 3, covered 5@10");
}

TEST(a_stop_behind_a_ride_tells_of_the_ride)
{
	open_with(IOMMUNEST_POLICY_STOP, 0);
	put_rider();
	host_heal(&rig.host);
	fail_entry(10, 0x3000, -EIO);
	ck_assert_int_eq(rig_kick(&rig), -EIO);
	rig_stands(&rig, IOMMUNEST_CAUSE_HOST, 4, -EIO);
	rig_tells(&rig, "call 10x3, covered 2@10, status 3");
	rig_counts(&rig, (struct rig_counts){
				 .descriptors = 4,
				 .forwarded = 3,
				 .waits = 1,
				 .entries = 2,
				 .calls = 1,
			 });
	goes_on("call 10x1, covered 5@10");
}

TEST(a_ride_is_skipped_with_its_carrier)
{
	open_with(IOMMUNEST_POLICY_SKIP, 0);
	put_rider();
	kick("call 10x3, call 10x1, skipped 1@10, skipped 2@10, status 3, "
	     "covered 5@10");
	ck_assert_int_eq(guest_nth(&rig.guest, GUEST_SKIPPED, 1)->error, -EIO);
	rig_counts(&rig, (struct rig_counts){
				 .descriptors = 6,
				 .forwarded = 3,
				 .waits = 1,
				 .skipped = 2,
				 .entries = 2,
				 .calls = 2,
			 });
}

TEST(a_flush_of_all_covers_the_ride_of_its_first)
{
	open_with(IOMMUNEST_POLICY_FLUSH_ALL, 0);
	put_rider();
	kick("call 10x3, all 10, covered 2@10, status 3, covered 4@10, "
	     "covered 5@10");
	rig_counts(&rig, (struct rig_counts){
				 .descriptors = 6,
				 .forwarded = 5,
				 .waits = 1,
				 .entries = 2,
				 .calls = 2,
			 });
}

/* The device's own entry: on its HWPT, and with its own error. */
TEST_LOOP(an_entry_of_its_own_fails_like_any_other, 3)
{
	static const enum iommunest_policy policies[] = {
		IOMMUNEST_POLICY_STOP, IOMMUNEST_POLICY_SKIP,
		IOMMUNEST_POLICY_FLUSH_ALL
	};

	open_with(policies[_i], 0);
	rig_page(&rig, 0x1000);
	put_dev(0x2000, 0);
	put_dev(0x2000, 0);
	rig_wait(&rig);
	fail_entry(10, 0x2000, -EIO);
	if (_i == 1)
		kick("call 10x2, skipped 1@10, skipped 2@10, status 3");
	if (_i == 2)
		kick("call 10x2, all 10, covered 2@10, status 3");
	if (_i)
		return;
	ck_assert_int_eq(rig_kick(&rig), -EIO);
	rig_stands(&rig, IOMMUNEST_CAUSE_HOST, 1, -EIO);
	ck_assert_uint_eq(rig.result.hwpt_id, 10);
	goes_on("call 10x1, covered 2@10, status 3");
}

TEST(a_ride_is_skipped_on_the_hwpt_that_failed)
{
	open_with(IOMMUNEST_POLICY_SKIP, 0);
	rig_add(&rig, 1, 0, 13);
	rig_add_device(&rig, PLAIN, NO_PASID, 13);
	rig_page(&rig, 0x1000);
	put_dev(0x1000, 0);
	rig_wait(&rig);
	fail_entry(13, HOST_ANY_ADDR, -EIO);
	kick("call 10x1, call 13x1, empty 13, skipped 0@13, covered 1@10, "
	     "skipped 1@13, status 2");
	ck_assert_uint_eq(rig.result.skipped, 2);
	ck_assert_uint_eq(rig.result.forwarded, 0);
}

TEST(a_status_that_fails_leaves_the_rides_before_it_done)
{
	open_with(IOMMUNEST_POLICY_STOP, 0);
	rig_page(&rig, 0x1000);
	put_dev(0x1000, 0);
	rig_wait(&rig);
	put_dev(0x1000, 0);
	rig.guest.bad_status = RIG_STATUS;
	rig.guest.write_error = -EFAULT;
	ck_assert_int_eq(rig_kick(&rig), -EFAULT);
	rig_stands(&rig, IOMMUNEST_CAUSE_FETCH, 2, -EFAULT);
	rig_tells(&rig, "call 10x1, covered 1@10");
	ck_assert_uint_eq(rig.result.forwarded, 2);
	rig.guest.write_error = 0;
	goes_on("call 10x1, status 2");
}

/* ---- Merged and split carriers ---- */

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

TEST(a_ride_on_a_merged_entry)
{
	open_with(IOMMUNEST_POLICY_STOP, MERGE);
	put_merged();
	kick("call 10x2, covered 2@10, covered 3@10, covered 4@10, "
	     "covered 5@10, status 6");
	rig_entry(&rig, 0, 1, 0x2000, 2, 0);
}

TEST_LOOP(a_ride_on_a_merged_entry_that_fails, 3)
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

/* A block of 16 pages in pieces of 4; and a device's of 8. */
static void put_split(void)
{
	rig_page(&rig, 0x100000);
	put_block(0x20000, 4);
	put_dev(0x2f000, 0);
	put_dev(0x40000, 3);
	put_dev(0x44000, 2);
	rig_wait(&rig);
}

TEST_LOOP(a_ride_on_pieces, 2)
{
	open_with(IOMMUNEST_POLICY_STOP, SPLIT | (_i ? MERGE : 0));
	put_split();
	kick("call 10x7, covered 2@10, covered 4@10, status 5");
	rig_entry(&rig, 0, 5, 0x40000, 4, LEAF);
	rig_entry(&rig, 0, 6, 0x44000, 4, LEAF);
}

TEST_LOOP(a_ride_on_pieces_that_fail, 6)
{
	static const enum iommunest_policy policies[] = {
		IOMMUNEST_POLICY_STOP, IOMMUNEST_POLICY_SKIP,
		IOMMUNEST_POLICY_FLUSH_ALL
	};

	open_with(policies[_i % 3], SPLIT | (_i / 3 ? MERGE : 0));
	put_split();
	fail_entry(10, 0x28000, -EIO);
	if (_i % 3 == 1)
		kick("call 10x7, call 10x3, skipped 1@10, skipped 2@10, "
		     "covered 4@10, status 5");
	if (_i % 3 == 2)
		kick("call 10x7, all 10, covered 2@10, covered 3@10, "
		     "covered 4@10, status 5");
	if (_i % 3)
		return;
	ck_assert_int_eq(rig_kick(&rig), -EIO);
	rig_stands(&rig, IOMMUNEST_CAUSE_HOST, 1, -EIO);
	goes_on("call 10x6, covered 2@10, covered 4@10, status 5");
}

TEST(a_devices_block_of_too_many_pieces_is_all)
{
	open_with(IOMMUNEST_POLICY_STOP, SPLIT);
	put_dev(0, 30);
	put_dev(0x123456789000, 51);
	put_dev(0, 52);
	kick("call 10x3");
	rig_entry_all(&rig, 0, 0);
	rig_entry_all(&rig, 0, 1);
	rig_entry_all(&rig, 0, 2);
}

/* More pieces than there is room for: "all", and every ride is covered. */
TEST_LOOP(all_in_place_of_too_many_pieces_covers_the_rides, 2)
{
	uint32_t i;

	open_with(_i ? IOMMUNEST_POLICY_SKIP : IOMMUNEST_POLICY_STOP, SPLIT);
	for (i = 0; i < 40; i++) {
		put_block(i << 20, 4);
		put_dev(i << 20, 0);
	}
	rig_wait(&rig);
	if (_i)
		fail_entry(10, 0, -EIO);
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_is_done(&rig);
	ck_assert_uint_eq(guest_count(&rig.guest, GUEST_COVERED), _i ? 0 : 79);
	ck_assert_uint_eq(guest_count(&rig.guest, GUEST_SKIPPED), _i ? 80 : 0);
	ck_assert_uint_eq(rig.result.forwarded, _i ? 0 : 80);
	ck_assert_uint_eq(rig.result.skipped, _i ? 80 : 0);
}

/* ---- What the guest sees of a device ---- */

static int answer;

static int fail_foreign(struct guest *guest, const struct guest_event *event)
{
	(void)guest;
	return event->kind == GUEST_DESCRIPTOR ? answer : 0;
}

TEST_LOOP(a_foreign_device_that_fails_is_named, 15)
{
	static const struct {
		int error;
		uint32_t fsts;
		uint64_t iqercd;
	} rows[] = {
		{ -ETIMEDOUT, 1u << 6, 0x0000abcd00000000 },
		{ -EREMOTEIO, 1u << 5, 0xabcd000000000000 },
		{ -EIO, 1u << 4, 0 },
		{ -EBADMSG, 1u << 4, 0 },
		{ -ENODEV, 1u << 4, 0 },
	};
	const struct guest_desc descs[] = {
		guest_dev_tlb(FOREIGN, 0x1000, 0),
		guest_pasid_dev_tlb(FOREIGN, 5, 0x1000, 0),
		guest_pasids_dev_tlb(FOREIGN, 0x1000, 0),
	};
	const size_t row = (size_t)_i % ARRAY_LEN(rows);

	open_usual();
	rig_page(&rig, 0x1000);
	rig_wait(&rig);
	rig_put(&rig, descs[(size_t)_i / ARRAY_LEN(rows)]);
	rig_wait(&rig);
	answer = rows[row].error;
	rig.guest.hook = fail_foreign;
	ck_assert_int_eq(rig_kick(&rig), answer);
	rig_stands(&rig, IOMMUNEST_CAUSE_HOST, 2, answer);
	ck_assert_uint_eq(rig.result.fsts, rows[row].fsts);
	ck_assert_uint_eq(rig.result.iqercd, rows[row].iqercd);
	ck_assert_uint_eq(rig.result.hwpt_id, 0);
	rig_tells(&rig, "call 10x1, status 1, vmm 2");
	rig.guest.hook = NULL;
	goes_on("vmm 2, status 3");
}

/* A device that nobody names: the host does not say which one it was. */
TEST_LOOP(a_host_error_is_shown_as_what_it_is, 3)
{
	static const struct {
		int error;
		uint32_t fsts;
	} rows[] = {
		{ -ETIMEDOUT, 1u << 6 },
		{ -EREMOTEIO, 1u << 5 },
		{ -EIO, 1u << 4 },
	};

	open_usual();
	rig_page(&rig, 0x1000);
	fail_entry(10, 0x1000, rows[_i].error);
	ck_assert_int_eq(rig_kick(&rig), rows[_i].error);
	rig_stands(&rig, IOMMUNEST_CAUSE_HOST, 0, rows[_i].error);
	ck_assert_uint_eq(rig.result.fsts, rows[_i].fsts);
	ck_assert_uint_eq(rig.result.iqercd, 0);
}
