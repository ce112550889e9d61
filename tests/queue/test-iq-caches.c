/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * A VMM with caches of its own, of emulated devices behind the same vIOMMU:
 * what it is told by `forwarded`, and when.
 */
#include <errno.h>
#include <string.h>

#include "tests/harness/iq-rig.h"
#include "tests/harness/support.h"
#include "tests/harness/target.h"

static struct rig rig;

static void teardown(void)
{
	rig_end(&rig);
}
FIXTURE(NULL, teardown);

static void open_caching(void)
{
	rig_open(&rig, &(struct rig_setup){ .caches = true });
}

static void fail_entry(uint32_t hwpt_id, unsigned int times)
{
	host_fail(&rig.host, (struct host_rule){ .fault = HOST_FAIL_ENTRY,
						 .error = -EIO,
						 .hwpt_id = hwpt_id,
						 .addr = HOST_ANY_ADDR,
						 .times = times });
}

static void put_iotlb(unsigned int granularity, uint16_t did)
{
	rig_put(&rig, guest_iotlb(granularity, did, 0, 0));
}

/* ---- When ---- */

TEST(it_is_told_in_order_after_the_arrays_and_before_the_next_wait)
{
	open_caching();
	rig_page_of(&rig, 12, 0x1000);
	rig_page(&rig, 0x1000);
	rig_wait(&rig);
	rig_page_of(&rig, 12, 0x2000);
	rig_vmm(&rig);
	rig_page(&rig, 0x2000);
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_tells(&rig, "call 12x2, call 10x1, forwarded 0, forwarded 1, "
			"status 2, forwarded 3, vmm 4, call 10x1, forwarded 5");
	rig_counts(&rig, (struct rig_counts){ .descriptors = 6,
					      .forwarded = 4,
					      .waits = 1,
					      .vmm = 1,
					      .entries = 4,
					      .calls = 3 });
}

/* With `descriptor`, each TLB descriptor reaches it once. */
TEST(what_has_no_target_is_given_to_it_instead)
{
	open_caching();
	rig_add_device(&rig, 7, IOMMUNEST_VTD_NO_PASID, 10);
	put_iotlb(IOMMUNEST_VTD_IOTLB_DOMAIN, 1);
	put_iotlb(IOMMUNEST_VTD_IOTLB_DOMAIN, 9);
	put_iotlb(IOMMUNEST_VTD_IOTLB_GLOBAL, 0);
	rig_put(&rig, guest_dev_tlb(7, 0x1000, 0));
	rig_put(&rig, guest_dev_tlb(8, 0x1000, 0));
	rig_put(&rig, guest_piotlb_all(9, 0));
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_tells(&rig, "call 10x1, call 11x1, forwarded 0, vmm 1, call 10x1, "
			"call 11x1, call 12x1, forwarded 2, covered 3@10, "
			"forwarded 3, vmm 4, vmm 5");
}

TEST(it_is_told_what_the_guest_wrote)
{
	const struct guest_desc descs[] = {
		guest_piotlb_pages(1, 5, 0xfedcba9876543000, 3, true),
		guest_iotlb(IOMMUNEST_VTD_IOTLB_PAGES, 1, 0x7000, 2),
		guest_piotlb_all(2, 0),
	};
	uint32_t i;

	open_caching();
	rig_advance(&rig, 126);
	for (i = 0; i < ARRAY_LEN(descs); i++)
		rig_put(&rig, descs[i]);
	ck_assert_int_eq(rig_kick(&rig), 0);
	for (i = 0; i < ARRAY_LEN(descs); i++) {
		struct iommunest_vtd_desc want =
			IOMMUNEST_INIT(struct iommunest_vtd_desc);
		const struct guest_event *event =
			guest_nth(&rig.guest, GUEST_FORWARDED, i);

		iommunest_vtd_desc_decode(&want, descs[i].words, 256,
					  IOMMUNEST_VTD_TTM_SCALABLE);
		ck_assert_mem_eq(&event->desc, &want, sizeof(want));
		ck_assert_uint_eq(event->index, (126 + i) % 128);
	}
}

/* ---- Whatever the host answers ---- */

TEST(a_healed_flush_is_told_and_so_are_those_that_it_stood_for)
{
	rig_open(&rig,
		 &(struct rig_setup){ .policy = IOMMUNEST_POLICY_FLUSH_ALL,
				      .caches = true });
	fail_entry(10, 1);
	rig_page(&rig, 0x1000);
	rig_page(&rig, 0x2000);
	rig_wait(&rig);
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_tells(&rig, "call 10x2, empty 10, all 10, forwarded 0, "
			"covered 1@10, forwarded 1, status 2");
}

TEST(a_skipped_flush_is_told)
{
	rig_open(&rig, &(struct rig_setup){ .policy = IOMMUNEST_POLICY_SKIP,
					    .caches = true });
	fail_entry(11, 0);
	put_iotlb(IOMMUNEST_VTD_IOTLB_DOMAIN, 1);
	rig_wait(&rig);
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_tells(&rig, "call 10x1, call 11x1, empty 11, skipped 0@11, "
			"forwarded 0, status 1");
	rig_counts(&rig, (struct rig_counts){ .descriptors = 2,
					      .waits = 1,
					      .skipped = 1,
					      .entries = 1,
					      .calls = 3 });
}

/* Slots that come again are told when they are consumed. */
TEST(where_the_queue_halts_only_what_it_consumed_is_told)
{
	open_caching();
	fail_entry(10, 1);
	rig_page_of(&rig, 12, 0x1000);
	rig_page(&rig, 0x1000);
	rig_page_of(&rig, 12, 0x2000);
	rig_wait(&rig);
	ck_assert_int_eq(rig_kick(&rig), -EIO);
	rig_stands(&rig, IOMMUNEST_CAUSE_HOST, 1, -EIO);
	rig_tells(&rig, "call 12x2, call 10x1, empty 10, forwarded 0");
	iommunest_vtd_iq_clear_fault(rig.iq);
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_tells(&rig, "call 10x1, call 12x1, forwarded 1, forwarded 2, "
			"status 3");
}

static int cut_off(void *vmm, uint64_t cookie, uint32_t index, int error,
		   uint32_t code)
{
	(void)vmm, (void)index, (void)error, (void)code;
	ck_assert_int_eq(iommunest_vtd_iq_forget(
				 rig.iq, TARGET(rig.ctx, (uint32_t)cookie)),
			 0);
	return 0;
}

/* The emulated device of that domain is there all the same. */
TEST(what_is_isolated_is_told)
{
	struct iommunest_vtd_iq_ops ops = caching_guest_ops;

	ops.isolate = cut_off;
	rig_open_with(&rig, &ops, NULL);
	fail_entry(10, 0);
	rig_page(&rig, 0x1000);
	rig_wait(&rig);
	rig_page(&rig, 0x2000);
	rig_wait(&rig);
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_tells(&rig, "call 10x2, empty 10, all 10, forwarded 0, status 1, "
			"covered 2@10, forwarded 2, status 3");
	rig_page(&rig, 0x3000);
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_tells(&rig, "vmm 4");
}

/* ---- What it answers ---- */

static uint32_t refused_slot;
static int refusal;

static int refuse(struct guest *guest, const struct guest_event *event)
{
	(void)guest;
	return event->kind == GUEST_FORWARDED && event->index == refused_slot
		       ? refusal
		       : 0;
}

static void refuse_slot(uint32_t slot, int error)
{
	refused_slot = slot;
	refusal = error;
	rig.guest.hook = refuse;
}

TEST(what_it_fails_on_halts_the_queue_and_comes_again)
{
	open_caching();
	refuse_slot(1, -ENODEV);
	rig_page(&rig, 0x1000);
	rig_page(&rig, 0x2000);
	rig_page(&rig, 0x3000);
	rig_wait(&rig);
	ck_assert_int_eq(rig_kick(&rig), -ENODEV);
	rig_stands(&rig, IOMMUNEST_CAUSE_HOST, 1, -ENODEV);
	ck_assert_uint_eq(rig.result.cookie, 0);
	rig_tells(&rig, "call 10x3, forwarded 0, forwarded 1");
	rig_counts(&rig, (struct rig_counts){ .descriptors = 1,
					      .forwarded = 1,
					      .entries = 3,
					      .calls = 1 });
	rig.guest.hook = NULL;
	iommunest_vtd_iq_clear_fault(rig.iq);
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_tells(&rig, "call 10x2, forwarded 1, forwarded 2, status 3");
}

/* It is done, and an unexpected completion came besides. */
TEST(eremoteio_is_ice)
{
	open_caching();
	refuse_slot(0, -EREMOTEIO);
	rig_page(&rig, 0x1000);
	rig_wait(&rig);
	ck_assert_int_eq(rig_kick(&rig), 0);
	ck_assert_uint_eq(rig.result.fsts, IOMMUNEST_VTD_FSTS_ICE);
	rig_tells(&rig, "call 10x1, forwarded 0, status 1");
}

static void open_ite(void)
{
	const struct iommunest_vtd_iq_options options = {
		.size = sizeof(options),
		.unhealed = IOMMUNEST_VTD_UNHEALED_ITE,
	};

	rig_open_with(&rig, &caching_guest_ops, &options);
}

static void shows_ite(uint32_t slot, int error, uint32_t head)
{
	ck_assert_uint_eq(rig.result.fsts, IOMMUNEST_VTD_FSTS_ITE);
	ck_assert_uint_eq(rig.result.iqercd, 0);
	ck_assert_uint_eq(rig.result.index, slot);
	ck_assert_int_eq(rig.result.error, error);
	ck_assert_uint_eq(rig.result.iqh, (uint64_t)head << 5);
}

/* The wait before the slot completes, and the first one after it does not. */
TEST(a_failure_can_be_shown_as_ite)
{
	open_ite();
	refuse_slot(2, -ENODEV);
	rig_page(&rig, 0x1000);
	rig_wait(&rig);
	rig_page(&rig, 0x2000);
	rig_page(&rig, 0x3000);
	rig_wait(&rig);
	rig_wait(&rig);
	ck_assert_int_eq(rig_kick(&rig), -ENODEV);
	shows_ite(2, -ENODEV, 5);
	rig_tells(&rig, "call 10x3, forwarded 0, status 1, forwarded 2, "
			"forwarded 3");
	iommunest_vtd_iq_clear_fault(rig.iq);
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_tells(&rig, "status 5");
}

/* Of the VMM's failure and the host's, the guest sees the first slot. */
TEST_LOOP(of_two_failures_the_first_slot_is_shown, 2)
{
	/* HWPT 12, which fails, is at slot _i. */
	open_ite();
	fail_entry(12, 0);
	refuse_slot(1 - (uint32_t)_i, -ENODEV);
	rig_page_of(&rig, _i ? 10 : 12, 0x1000);
	rig_page_of(&rig, _i ? 12 : 10, 0x1000);
	rig_wait(&rig);
	rig_wait(&rig);
	ck_assert_int_eq(rig_kick(&rig), _i ? -ENODEV : -EIO);
	shows_ite(0, _i ? -ENODEV : -EIO, 3);
	/* The other one was told while it was pending, and is not shown. */
	iommunest_vtd_iq_clear_fault(rig.iq);
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_tells(&rig, "status 3");
}

/* The host fails on a later slot of the same submission. */
TEST(the_wait_between_two_failures_is_the_one_that_is_aborted)
{
	open_ite();
	fail_entry(12, 0);
	refuse_slot(0, -ENODEV);
	rig_page(&rig, 0x1000);
	rig_wait(&rig);
	rig_page_of(&rig, 12, 0x1000);
	rig_wait(&rig);
	ck_assert_int_eq(rig_kick(&rig), -ENODEV);
	shows_ite(0, -ENODEV, 2);
	rig_tells(&rig, "call 10x1, call 12x1, empty 12, all 12, forwarded 0");
}

/* ---- Tables that change meanwhile ---- */

static uint32_t next_hwpt;

static int change_tables(struct guest *guest, const struct guest_event *event)
{
	uint32_t i;

	(void)guest;
	if (event->kind != GUEST_FORWARDED)
		return 0;
	iommunest_vtd_iq_forget(rig.iq, TARGET(rig.ctx, 10));
	for (i = 0; i < 100; i++, next_hwpt++)
		rig_add(&rig, 1, 0, next_hwpt);
	return 0;
}

TEST(it_may_change_the_tables)
{
	uint32_t i;

	open_caching();
	next_hwpt = 100;
	rig.guest.hook = change_tables;
	for (i = 0; i < 5; i++)
		rig_page(&rig, (uint64_t)i << 12);
	rig_page_of(&rig, 12, 0x1000);
	rig_wait(&rig);
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_tells(&rig, "call 10x5, call 12x1, forwarded 0, forwarded 1, "
			"forwarded 2, forwarded 3, forwarded 4, forwarded 5, "
			"status 6");
	rig.guest.hook = NULL;
	rig_page(&rig, 0x1000);
	ck_assert_int_eq(rig_kick(&rig), 0);
	ck_assert_uint_eq(guest_count(&rig.guest, GUEST_CALL), 600);
}

/* ---- An emulated and a passed-through device in one domain ---- */

#define PAGES 32u
#define DOMAINS 4u

/* Translations that the emulated device has cached, of each domain. */
static uint32_t emulated[DOMAINS];
/* What each slot is about. */
static struct {
	uint16_t did;
	uint32_t pages;
} asked[128];
static uint32_t verified, put;

static void drop(const struct iommunest_vtd_desc *desc)
{
	uint32_t did;

	for (did = 0; did < DOMAINS; did++) {
		bool global = desc->type == IOMMUNEST_VTD_DESC_IOTLB &&
			      desc->granularity == IOMMUNEST_VTD_IOTLB_GLOBAL;
		bool all = desc->type == IOMMUNEST_VTD_DESC_IOTLB ||
			   desc->granularity == IOMMUNEST_VTD_PIOTLB_ALL;

		if (!global && desc->did != did)
			continue;
		emulated[did] &= all ? 0 : ~(1u << (desc->addr >> 12));
	}
}

/* The host got an entry for the page in this run. */
static bool host_dropped(uint32_t hwpt_id, uint32_t page)
{
	uint32_t call, i;

	for (call = 0; call < rig.host.n_calls; call++) {
		const struct iommunest_vtd_entry *entries =
			host_entries(&rig.host, call);

		if (rig.host.calls[call].hwpt_id != hwpt_id)
			continue;
		for (i = 0; i < rig.host.calls[call].count; i++) {
			if (entries[i].npages == UINT64_MAX ||
			    entries[i].addr >> 12 == page)
				return true;
		}
	}
	return false;
}

static void check_slot(uint32_t slot)
{
	uint16_t did = asked[slot].did;
	uint32_t page;

	ck_assert_uint_eq(emulated[did] & asked[slot].pages, 0);
	/* Domain 1 is HWPT 10, domain 2 is HWPT 12, 3 is emulated only. */
	if (did != 1 && did != 2)
		return;
	for (page = 0; page < PAGES; page++) {
		if (asked[slot].pages >> page & 1)
			ck_assert(host_dropped(did == 1 ? 10 : 12, page));
	}
}

static int use_caches(struct guest *guest, const struct guest_event *event)
{
	(void)guest;
	if (event->kind == GUEST_FORWARDED || event->kind == GUEST_DESCRIPTOR)
		drop(&event->desc);
	if (event->kind != GUEST_STATUS)
		return 0;
	for (; verified != event->index; verified = (verified + 1) % 128)
		check_slot(verified);
	return 0;
}

static void put_random(struct support_rng *rng)
{
	uint16_t did = (uint16_t)(1 + support_rng_below(rng, 3));
	uint32_t page = support_rng_below(rng, PAGES);
	uint32_t kind = support_rng_below(rng, 8);
	uint32_t slot = rig.guest.tail;

	asked[slot].did = did;
	asked[slot].pages = UINT32_MAX;
	if (kind == 0) {
		put_iotlb(IOMMUNEST_VTD_IOTLB_DOMAIN, did);
	} else if (kind == 1) {
		put_iotlb(IOMMUNEST_VTD_IOTLB_GLOBAL, 0);
	} else if (kind == 2) {
		rig_put(&rig, guest_piotlb_all(did, 0));
	} else if (kind == 3) {
		asked[slot].pages = 0;
		rig_wait(&rig);
	} else {
		asked[slot].pages = 1u << page;
		rig_put(&rig, guest_piotlb_pages(did, 0, (uint64_t)page << 12,
						 0, false));
	}
	put++;
}

TEST(after_each_wait_neither_kind_of_device_has_anything_stale)
{
	struct support_rng rng;
	uint32_t round, i;

	support_rng_start(&rng, "emulated and passed-through");
	open_caching();
	verified = put = 0;
	rig.guest.hook = use_caches;
	for (round = 0; round < 500; round++) {
		memset(emulated, 0xff, sizeof(emulated));
		for (i = 1 + support_rng_below(&rng, 40); i > 0; i--)
			put_random(&rng);
		asked[rig.guest.tail].pages = 0;
		rig_wait(&rig);
		ck_assert_int_eq(rig_kick(&rig), 0);
		rig_is_done(&rig);
	}
	ck_assert_uint_gt(put, 5000);
}
