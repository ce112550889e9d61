/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* Which descriptors the queue engine forwards, and to which HWPTs. */
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

/* ---- Forwarding ---- */

TEST(a_piotlb_descriptor_becomes_its_entry)
{
	const uint64_t addr = 0xfedcba9876543000;

	rig_open(&rig, NULL);
	rig_put(&rig, guest_piotlb_all(1, 0));
	rig_put(&rig, guest_piotlb_pages(1, 0, addr, 0, false));
	rig_put(&rig, guest_piotlb_pages(1, 0, addr, 0, true));
	rig_put(&rig, guest_piotlb_pages(1, 0, addr, 9, true));
	rig_put(&rig, guest_piotlb_pages(1, 0, addr, 51, false));
	rig_put(&rig, guest_piotlb_pages(1, 0, addr, 52, true));
	rig_put(&rig, guest_piotlb_pages(1, 0, addr, 63, false));
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_tells(&rig, "call 10x7");
	rig_entry_all(&rig, 0, 0);
	rig_entry(&rig, 0, 1, addr, 1, 0);
	rig_entry(&rig, 0, 2, addr, 1, IOMMUNEST_VTD_LEAF);
	rig_entry(&rig, 0, 3, 0xfedcba9876400000, 512, IOMMUNEST_VTD_LEAF);
	rig_entry(&rig, 0, 4, 1ull << 63, 1ull << 51, 0);
	rig_entry_all(&rig, 0, 5);
	rig_entry_all(&rig, 0, 6);
}

TEST_LOOP(a_block_of_each_size_is_forwarded, 64)
{
	unsigned int am = (unsigned int)_i;
	uint64_t addr = ~0ull << 12;

	rig_open(&rig, NULL);
	rig_put(&rig, guest_piotlb_pages(1, 0, addr, am, false));
	ck_assert_int_eq(rig_kick(&rig), 0);
	if (am < 52)
		rig_entry(&rig, 0, 0, addr << am, 1ull << am, 0);
	else
		rig_entry_all(&rig, 0, 0);
}

TEST(did_and_pasid_choose_the_hwpt)
{
	rig_open(&rig, NULL);
	rig_add(&rig, 0xffff, 0xfffff, 13);
	rig_add(&rig, 0, 0, 14);
	rig_add(&rig, 0xffff, 0, 15);
	rig_add(&rig, 0, 0xfffff, 16);
	rig_put(&rig, guest_piotlb_all(0, 0xfffff));
	rig_put(&rig, guest_piotlb_all(2, 0));
	rig_put(&rig, guest_piotlb_all(0xffff, 0xfffff));
	rig_put(&rig, guest_piotlb_all(1, 5));
	rig_put(&rig, guest_piotlb_all(0xffff, 0));
	rig_put(&rig, guest_piotlb_all(1, 0));
	rig_put(&rig, guest_piotlb_all(0, 0));
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_tells(&rig, "call 16x1, call 12x1, call 13x1, call 11x1, "
			"call 15x1, call 10x1, call 14x1");
}

TEST(a_flush_goes_to_all_hwpts_of_its_scope)
{
	rig_open(&rig, NULL);
	rig_add(&rig, 1, 0, 13);
	rig_add(&rig, 1, 0, 12);
	rig_page(&rig, 0x1000);
	rig_page(&rig, 0x2000);
	rig_wait(&rig);
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_is_done(&rig);
	rig_tells(&rig, "call 10x2, call 13x2, call 12x2, status 2");
	rig_counts(&rig, (struct rig_counts){
				 .descriptors = 3,
				 .forwarded = 2,
				 .waits = 1,
				 .entries = 6,
				 .calls = 3,
			 });
	rig_entry(&rig, 2, 0, 0x1000, 1, 0);
	rig_entry(&rig, 2, 1, 0x2000, 1, 0);
}

TEST(one_hwpt_of_several_scopes_gets_one_call)
{
	rig_open(&rig, NULL);
	rig_add(&rig, 1, 7, 10);
	rig_add(&rig, 3, 0, 10);
	rig_put(&rig, guest_piotlb_pages(3, 0, 0x3000, 0, false));
	rig_put(&rig, guest_piotlb_pages(1, 0, 0x1000, 0, false));
	rig_put(&rig, guest_piotlb_pages(1, 7, 0x2000, 0, false));
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_tells(&rig, "call 10x3");
	rig_entry(&rig, 0, 0, 0x3000, 1, 0);
	rig_entry(&rig, 0, 1, 0x1000, 1, 0);
	rig_entry(&rig, 0, 2, 0x2000, 1, 0);
}

/* Not by chance: the VMM sees ring indices, also after a wrap. */
static int check_cookies(struct guest *guest, const struct guest_event *event)
{
	(void)guest;
	if (event->kind == GUEST_CALL)
		ck_assert_uint_eq(event->cookie,
				  event->hwpt_id == 10 ? 127 : 0);
	return 0;
}

TEST(cookies_are_ring_indices)
{
	rig_open(&rig, NULL);
	rig_advance(&rig, 127);
	rig.guest.hook = check_cookies;
	rig_page_of(&rig, 10, 0x1000);
	rig_page_of(&rig, 11, 0x1000);
	rig_page_of(&rig, 10, 0x1000);
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_tells(&rig, "call 10x2, call 11x1");
}

TEST(a_flush_of_an_unknown_scope_goes_to_the_vmm)
{
	const struct guest_desc descs[] = {
		guest_piotlb_all(2, 5),
		guest_piotlb_pages(9, 0, 0x1000, 3, true),
		guest_iotlb(IOMMUNEST_VTD_IOTLB_DOMAIN, 9, 0, 0),
	};
	struct iommunest_vtd_desc want =
		IOMMUNEST_INIT(struct iommunest_vtd_desc);
	const struct guest_event *event;
	size_t i;

	rig_open(&rig, NULL);
	for (i = 0; i < ARRAY_LEN(descs); i++)
		rig_put(&rig, descs[i]);
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_is_done(&rig);
	rig_tells(&rig, "vmm 0, vmm 1, vmm 2");
	rig_counts(&rig, (struct rig_counts){ .descriptors = 3, .vmm = 3 });
	for (i = 0; i < ARRAY_LEN(descs); i++) {
		iommunest_vtd_desc_decode(&want, descs[i].words, 256,
					  IOMMUNEST_VTD_TTM_SCALABLE);
		event = guest_nth(&rig.guest, GUEST_DESCRIPTOR, (uint32_t)i);
		ck_assert_mem_eq(&event->desc, &want, sizeof(want));
	}
}

/* ---- IOTLB descriptors ---- */

TEST(a_global_iotlb_flush_goes_to_every_hwpt)
{
	rig_open(&rig, NULL);
	rig_put(&rig, guest_iotlb(IOMMUNEST_VTD_IOTLB_GLOBAL, 0, 0, 0));
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_is_done(&rig);
	rig_tells(&rig, "call 10x1, call 11x1, call 12x1");
	rig_entry_all(&rig, 0, 0);
	rig_entry_all(&rig, 1, 0);
	rig_entry_all(&rig, 2, 0);
	rig_counts(&rig, (struct rig_counts){
				 .descriptors = 1,
				 .forwarded = 1,
				 .entries = 3,
				 .calls = 3,
			 });
}

/* Its address is of the second stage: nothing in the first can be told. */
TEST_LOOP(an_iotlb_flush_of_a_domain_or_pages_goes_to_its_hwpts, 2)
{
	unsigned int granularity =
		_i ? IOMMUNEST_VTD_IOTLB_PAGES : IOMMUNEST_VTD_IOTLB_DOMAIN;

	rig_open(&rig, NULL);
	rig_put(&rig, guest_iotlb(granularity, 1, 0x7000, 2));
	rig_put(&rig, guest_iotlb(granularity, 2, 0x7000, 2));
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_is_done(&rig);
	rig_tells(&rig, "call 10x1, call 11x1, call 12x1");
	rig_entry_all(&rig, 0, 0);
	rig_entry_all(&rig, 1, 0);
	rig_entry_all(&rig, 2, 0);
}

TEST(an_iotlb_flush_reaches_an_hwpt_once)
{
	rig_open(&rig, NULL);
	rig_add(&rig, 1, 7, 10);
	rig_add(&rig, 2, 7, 10);
	rig_page(&rig, 0x1000);
	rig_put(&rig, guest_iotlb(IOMMUNEST_VTD_IOTLB_GLOBAL, 0, 0, 0));
	rig_put(&rig, guest_iotlb(IOMMUNEST_VTD_IOTLB_DOMAIN, 1, 0, 0));
	ck_assert_int_eq(rig_kick(&rig), 0);
	/* And of two in a row, the first stands for both. */
	rig_tells(&rig, "call 10x2, call 11x1, call 12x1, "
			"covered 2@10, covered 2@11");
}

/* ---- Legacy mode ---- */

TEST_LOOP(legacy_mode_forwards_nothing, 2)
{
	rig_open(&rig, &(struct rig_setup){ .legacy = true, .narrow = _i });
	rig_put(&rig, guest_iotlb(IOMMUNEST_VTD_IOTLB_GLOBAL, 0, 0, 0));
	rig_put(&rig, guest_iotlb(IOMMUNEST_VTD_IOTLB_DOMAIN, 1, 0, 0));
	rig_add_device(&rig, 0x5555, IOMMUNEST_VTD_NO_PASID, 10);
	rig_vmm(&rig);
	rig_wait(&rig);
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_is_done(&rig);
	rig_tells(&rig, "vmm 0, vmm 1, vmm 2, status 3");
	rig_counts(&rig, (struct rig_counts){
				 .descriptors = 4, .waits = 1, .vmm = 3 });
}

TEST(a_new_base_may_change_the_mode)
{
	rig_open(&rig, &(struct rig_setup){ .legacy = true });
	rig_page(&rig, 0x1000);
	ck_assert_int_eq(rig_kick(&rig), -EBADMSG);
	rig_tells(&rig, "");
	ck_assert_int_eq(iommunest_vtd_iq_set_base(rig.iq,
						   guest_iqa(RIG_BASE, 0, true),
						   IOMMUNEST_VTD_TTM_SCALABLE),
			 0);
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_tells(&rig, "call 10x1");
}

TEST(the_mode_may_come_after_the_base)
{
	rig_open(&rig, &(struct rig_setup){ .legacy = true });
	rig_put(&rig, guest_iotlb(IOMMUNEST_VTD_IOTLB_DOMAIN, 1, 0, 0));
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_tells(&rig, "vmm 0");
	ck_assert_int_eq(iommunest_vtd_iq_set_mode(rig.iq,
						   IOMMUNEST_VTD_TTM_SCALABLE),
			 0);
	rig_put(&rig, guest_iotlb(IOMMUNEST_VTD_IOTLB_DOMAIN, 1, 0, 0));
	rig_page(&rig, 0x1000);
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_is_done(&rig);
	rig_tells(&rig, "call 10x2, call 11x1");
	ck_assert_int_eq(
		iommunest_vtd_iq_set_mode(rig.iq, IOMMUNEST_VTD_TTM_LEGACY), 0);
	rig_put(&rig, guest_iotlb(IOMMUNEST_VTD_IOTLB_DOMAIN, 1, 0, 0));
	rig_page(&rig, 0x1000);
	ck_assert_int_eq(rig_kick(&rig), -EBADMSG);
	rig_stands(&rig, IOMMUNEST_CAUSE_GUEST, 4, -EBADMSG);
	ck_assert_uint_eq(rig.result.iqercd, IOMMUNEST_VTD_IQEI_TYPE);
	rig_tells(&rig, "vmm 3");
	/* Head, tail and fault stay, whatever the mode. */
	ck_assert_int_eq(iommunest_vtd_iq_set_mode(rig.iq,
						   IOMMUNEST_VTD_TTM_SCALABLE),
			 0);
	ck_assert_int_eq(rig_kick(&rig), -EBADMSG);
	rig_stands(&rig, IOMMUNEST_CAUSE_GUEST, 4, -EBADMSG);
	iommunest_vtd_iq_clear_fault(rig.iq);
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_is_done(&rig);
	rig_tells(&rig, "call 10x1");
}

TEST(abort_mode_takes_what_scalable_mode_takes)
{
	rig_open(&rig, NULL);
	ck_assert_int_eq(
		iommunest_vtd_iq_set_mode(rig.iq, IOMMUNEST_VTD_TTM_ABORT), 0);
	rig_page(&rig, 0x1000);
	rig_wait(&rig);
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_is_done(&rig);
	rig_tells(&rig, "call 10x1, status 1");
}

/* Even the descriptor that is forwarded without being decoded in full. */
TEST(the_reserved_mode_takes_nothing)
{
	rig_open(&rig, NULL);
	ck_assert_int_eq(iommunest_vtd_iq_set_mode(rig.iq,
						   IOMMUNEST_VTD_TTM_RESERVED),
			 0);
	rig_page(&rig, 0x1000);
	ck_assert_int_eq(rig_kick(&rig), -EBADMSG);
	rig_stands(&rig, IOMMUNEST_CAUSE_GUEST, 0, -EBADMSG);
	ck_assert_uint_eq(rig.result.iqercd, IOMMUNEST_VTD_IQEI_TTM);
	rig_tells(&rig, "");
}

TEST(another_mode_is_refused)
{
	const enum iommunest_vtd_ttm other = (enum iommunest_vtd_ttm)4;

	rig_open(&rig, NULL);
	ck_assert_int_eq(iommunest_vtd_iq_set_mode(rig.iq, other), -EINVAL);
	ck_assert_int_eq(iommunest_vtd_iq_set_base(
				 rig.iq, guest_iqa(RIG_BASE, 0, true), other),
			 -EINVAL);
	rig_page(&rig, 0x1000);
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_tells(&rig, "call 10x1");
}
