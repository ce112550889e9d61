/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * Device-TLB descriptors that become entries of their own: of devices that the
 * engine knows, and of others.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/harness/support.h"
#include "tests/queue/device-rig.h"
#include "tests/harness/target.h"

static void teardown(void)
{
	rig_end(&rig);
}
FIXTURE(NULL, teardown);

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
	/* Piggybacked on 10, not on 13, and 14 is not the device's. */
	kick("call 10x1, call 14x1, call 13x1, covered 1@10, status 2");
	rig_entry(&rig, 2, 0, 0x1000, 1, LEAF);
	ck_assert_uint_eq(rig.result.forwarded, 2);
}

TEST(a_flush_of_all_pasids_goes_to_all_hwpts_of_the_device)
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
TEST_LOOP(a_flush_of_all_pasids_reaches_an_hwpt_once, 2)
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
TEST(a_flush_of_all_pasids_ignores_its_pasid)
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

	rig_open(&rig, NULL);
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

TEST(a_flush_of_an_unknown_device_goes_to_the_vmm)
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
	struct iommunest_vtd_desc want =
		IOMMUNEST_INIT(struct iommunest_vtd_desc);
	size_t i;

	open_usual();
	for (i = 0; i < ARRAY_LEN(descs); i++)
		rig_put(&rig, descs[i]);
	kick("vmm 0, vmm 1, vmm 2, vmm 3, vmm 4, vmm 5, vmm 6");
	for (i = 0; i < ARRAY_LEN(descs); i++) {
		iommunest_vtd_desc_decode(&want, descs[i].words, 256,
					  IOMMUNEST_VTD_TTM_SCALABLE);
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
	kick("call 13x1, call 14x1, call 15x1, call 11x1, call 10x1, "
	     "call 12x1, covered 5@10, covered 5@11, covered 6@10, "
	     "covered 6@11");
}

TEST(devices_are_added_and_removed_like_scopes)
{
	open_setup(&(struct rig_setup){ .qs = 0 });
	ck_assert_int_eq(iommunest_vtd_iq_add_device(NULL, 1, 0,
						     TARGET(NULL, 1)),
			 -EINVAL);
	ck_assert_int_eq(iommunest_vtd_iq_remove_device(NULL, 1, 0,
							TARGET(NULL, 1)),
			 -EINVAL);
	ck_assert_int_eq(iommunest_vtd_iq_add_device(rig.iq, 1, 1u << 20,
						     TARGET(rig.ctx, 1)),
			 -EINVAL);
	ck_assert_int_eq(iommunest_vtd_iq_add_device(rig.iq, 1, NO_PASID - 1,
						     TARGET(rig.ctx, 1)),
			 -EINVAL);
	ck_assert_int_eq(iommunest_vtd_iq_remove_device(rig.iq, 1, 1u << 20,
							TARGET(rig.ctx, 1)),
			 -EINVAL);
	ck_assert_int_eq(iommunest_vtd_iq_add_device(rig.iq, PLAIN, NO_PASID,
						     TARGET(rig.ctx, 10)),
			 -EEXIST);
	ck_assert_int_eq(iommunest_vtd_iq_add_device(rig.iq, MANY, 0xfffff,
						     TARGET(rig.ctx, 12)),
			 -EEXIST);
	rig_add_device(&rig, 9, 9, 13);
	ck_assert_int_eq(iommunest_vtd_iq_remove_device(rig.iq, 9, 8,
							TARGET(rig.ctx, 13)),
			 -ENOENT);
	ck_assert_int_eq(iommunest_vtd_iq_remove_device(rig.iq, 9, 9,
							TARGET(rig.ctx, 12)),
			 -ENOENT);
	ck_assert_int_eq(iommunest_vtd_iq_remove_device(rig.iq, 9, NO_PASID,
							TARGET(rig.ctx, 13)),
			 -ENOENT);
	ck_assert_int_eq(iommunest_vtd_iq_remove_scope(rig.iq, 9, 9,
						       TARGET(rig.ctx, 13)),
			 -ENOENT);
	ck_assert_int_eq(iommunest_vtd_iq_remove_device(rig.iq, 9, 9,
							TARGET(rig.ctx, 13)),
			 0);
	ck_assert_int_eq(iommunest_vtd_iq_remove_device(rig.iq, 9, 9,
							TARGET(rig.ctx, 13)),
			 -ENOENT);
	rig_add_device(&rig, 9, 9, 14);
}

TEST(flushes_of_a_removed_device_go_to_the_vmm)
{
	open_usual();
	rig_add_device(&rig, PLAIN, NO_PASID, 13);
	ck_assert_int_eq(iommunest_vtd_iq_remove_device(rig.iq, PLAIN, NO_PASID,
							TARGET(rig.ctx, 10)),
			 0);
	put_dev(0x1000, 0);
	rig_page(&rig, 0x1000);
	kick("call 13x1, call 10x1");
	ck_assert_int_eq(iommunest_vtd_iq_forget(rig.iq, TARGET(rig.ctx, 13)),
			 0);
	ck_assert_int_eq(iommunest_vtd_iq_forget(rig.iq, TARGET(rig.ctx, 11)),
			 0);
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

/* ---- What the guest sees of a device ---- */

static int answer;

static int fail_foreign(struct guest *guest, const struct guest_event *event)
{
	(void)guest;
	return event->kind == GUEST_DESCRIPTOR ? answer : 0;
}

TEST_LOOP(a_foreign_device_that_fails_is_not_shown, 12)
{
	static const int errors[] = { -ETIMEDOUT, -EIO, -EBADMSG, -ENODEV };
	const struct guest_desc descs[] = {
		guest_dev_tlb(FOREIGN, 0x1000, 0),
		guest_pasid_dev_tlb(FOREIGN, 5, 0x1000, 0),
		guest_pasids_dev_tlb(FOREIGN, 0x1000, 0),
	};

	open_usual();
	rig_page(&rig, 0x1000);
	rig_wait(&rig);
	rig_put(&rig, descs[(size_t)_i / ARRAY_LEN(errors)]);
	rig_wait(&rig);
	answer = errors[(size_t)_i % ARRAY_LEN(errors)];
	rig.guest.hook = fail_foreign;
	ck_assert_int_eq(rig_kick(&rig), answer);
	rig_stands(&rig, IOMMUNEST_CAUSE_HOST, 2, answer);
	ck_assert_uint_eq(rig.result.iqercd, 0);
	ck_assert_uint_eq(rig.result.cookie, 0);
	rig_tells(&rig, "call 10x1, status 1, vmm 2");
	rig.guest.hook = NULL;
	goes_on("vmm 2, status 3");
}

/* The flush is done: the bit is all that the guest sees of it. */
TEST(an_unexpected_completion_sets_ice_and_the_queue_goes_on)
{
	open_usual();
	rig_page(&rig, 0x1000);
	rig_put(&rig, guest_dev_tlb(FOREIGN, 0x1000, 0));
	rig_wait(&rig);
	answer = -EREMOTEIO;
	rig.guest.hook = fail_foreign;
	ck_assert_int_eq(rig_kick(&rig), 0);
	ck_assert_uint_eq(rig.result.fsts, IOMMUNEST_VTD_FSTS_ICE);
	ck_assert_uint_eq(rig.result.iqercd, 0);
	ck_assert_uint_eq(rig.result.cause, IOMMUNEST_CAUSE_NONE);
	ck_assert_uint_eq(rig.result.iqh, guest_iqt(&rig.guest));
	rig_tells(&rig, "call 10x1, vmm 1, status 2");
	/* Told once. */
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_is_done(&rig);
}

TEST_LOOP(a_host_error_sets_no_fault_bit, 3)
{
	static const int errors[] = { -ETIMEDOUT, -EREMOTEIO, -EIO };

	open_usual();
	rig_page(&rig, 0x1000);
	fail_entry(10, 0x1000, errors[_i]);
	ck_assert_int_eq(rig_kick(&rig), errors[_i]);
	rig_stands(&rig, IOMMUNEST_CAUSE_HOST, 0, errors[_i]);
	ck_assert_uint_eq(rig.result.iqercd, 0);
}
