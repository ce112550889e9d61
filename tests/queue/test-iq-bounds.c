/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* What a run costs at most, whatever the guest has put into its ring. */
#include <errno.h>
#include <string.h>

#include "tests/harness/iq-rig.h"
#include "tests/harness/support.h"
#include "tests/harness/target.h"

#define HWPTS 32u
/* The largest ring. */
#define SLOTS 16384u

static struct rig rig;

static void teardown(void)
{
	rig_end(&rig);
}
FIXTURE(NULL, teardown);

static const struct iommunest_vtd_iq_options halting = {
	.size = sizeof(halting),
	.unhealed = IOMMUNEST_VTD_UNHEALED_HALT,
};

static const struct iommunest_vtd_iq_options unlimited = {
	.size = sizeof(unlimited),
	.unhealed = IOMMUNEST_VTD_UNHEALED_HALT,
	.budget = IOMMUNEST_VTD_IQ_NO_BUDGET,
};

/* HWPT 10 + i is the only one of domain i. */
static void open_large(const struct iommunest_vtd_iq_options *options)
{
	uint32_t i;

	rig_open(&rig, NULL);
	iommunest_vtd_iq_free(rig.iq);
	ck_assert_int_eq(iommunest_vtd_iq_new(&rig.iq, &caching_guest_ops,
					      &rig.guest, options),
			 0);
	rig_set_base(&rig, RIG_BASE, 7);
	ck_assert_uint_eq(rig.guest.slots, SLOTS);
	for (i = 0; i < HWPTS; i++)
		rig_add(&rig, (uint16_t)i, 0, 10 + i);
}

/* Runs until the queue is empty; returns how many runs it took. */
static uint32_t drain(uint32_t most_calls)
{
	uint32_t runs = 0;
	int ret;

	do {
		ret = rig_kick(&rig);
		ck_assert_int_ge(ret, 0);
		ck_assert_uint_le(rig.result.calls, most_calls);
		runs++;
	} while (ret);
	rig_is_done(&rig);
	return runs;
}

enum { GLOBAL, ONE_DOMAIN, TWO_DOMAINS, WITH_PAGES, WITH_WAITS, KINDS };

static struct guest_desc nth_desc(int kind, uint32_t nth)
{
	if (kind == WITH_PAGES && nth % 2)
		return guest_piotlb_pages((uint16_t)(nth % HWPTS), 0,
					  (uint64_t)nth << 12, 0, false);
	if (kind == WITH_WAITS && nth % 2)
		return guest_wait(IOMMUNEST_VTD_DESC_SW, RIG_STATUS, nth);
	if (kind == ONE_DOMAIN || kind == TWO_DOMAINS)
		return guest_iotlb(IOMMUNEST_VTD_IOTLB_DOMAIN,
				   kind == TWO_DOMAINS ? nth % 2 : 0, 0, 0);
	return guest_iotlb(IOMMUNEST_VTD_IOTLB_GLOBAL, 0, 0, 0);
}

/*
 * A global IOTLB descriptor goes to every HWPT; it was an ioctl for each of
 * them and each descriptor, half a million.  Each slot has its own outcome.
 */
TEST_LOOP(a_ring_of_iotlb_descriptors_takes_few_ioctls, KINDS * 2)
{
	const int kind = _i / 2;
	uint32_t slot, runs;
	uint64_t forwarded = 0;
	uint32_t i;

	open_large(_i % 2 ? &unlimited : &halting);
	/* One domain has all the HWPTs, and so has each of two. */
	for (i = 1; i < HWPTS; i++)
		rig_add(&rig, 0, 0, 10 + i);
	for (i = 0; kind == TWO_DOMAINS && i < HWPTS; i++)
		if (i != 1)
			rig_add(&rig, 1, 0, 10 + i);
	for (slot = 0; slot < SLOTS - 1; slot++)
		rig_put(&rig, nth_desc(kind, slot));
	if (_i % 2) {
		/* Some room's worth of them goes at once. */
		ck_assert_int_eq(rig_kick(&rig), 0);
		rig_is_done(&rig);
		ck_assert_uint_le(rig.result.calls, 70 * HWPTS);
		ck_assert_uint_eq(guest_count(&rig.guest, GUEST_FORWARDED),
				  rig.result.forwarded);
		return;
	}
	runs = 0;
	for (;;) {
		int ret = rig_kick(&rig);

		runs++;
		forwarded += rig.result.forwarded;
		ck_assert_int_ge(ret, 0);
		ck_assert_uint_le(rig.result.calls, 5 * HWPTS);
		/* Each forwarded slot is told, and each of its HWPTs. */
		ck_assert_uint_eq(guest_count(&rig.guest, GUEST_FORWARDED),
				  rig.result.forwarded);
		if (!ret)
			break;
	}
	ck_assert_uint_eq(runs, SLOTS / IOMMUNEST_VTD_IQ_DEFAULT_BUDGET);
	ck_assert_uint_eq(forwarded,
			  kind == WITH_WAITS ? SLOTS / 2 : SLOTS - 1);
}

/* Of two in a row, the first is the entry; the second is told as covered. */
TEST(each_slot_and_hwpt_has_its_own_outcome)
{
	uint32_t i, slot;

	open_large(&halting);
	for (slot = 0; slot < 300; slot++)
		rig_put(&rig, nth_desc(GLOBAL, slot));
	ck_assert_int_eq(rig_kick(&rig), 0);
	ck_assert_uint_eq(rig.result.calls, 2 * HWPTS);
	ck_assert_uint_eq(rig.result.entries, 2 * HWPTS);
	ck_assert_uint_eq(guest_count(&rig.guest, GUEST_COVERED),
			  (300 - 2) * HWPTS);
	for (i = 0; i < HWPTS; i++)
		ck_assert_uint_eq(
			guest_nth(&rig.guest, GUEST_COVERED, i)->index, 1);
}

/* Each descriptor of the VMM's is an ordering point. */
TEST(ioctls_end_a_run_too)
{
	uint32_t slot;

	open_large(&unlimited);
	for (slot = 0; slot < SLOTS - 2; slot += 2) {
		rig_put(&rig, nth_desc(GLOBAL, slot));
		rig_vmm(&rig);
	}
	rig_put(&rig, nth_desc(GLOBAL, slot));
	ck_assert_uint_gt(drain(4096 + HWPTS), 50);
}

TEST(zero_is_the_default_budget)
{
	uint32_t i;

	open_large(&halting);
	for (i = 0; i < IOMMUNEST_VTD_IQ_DEFAULT_BUDGET + 1; i++)
		rig_wait(&rig);
	ck_assert_int_eq(rig_kick(&rig), 1);
	ck_assert_uint_eq(rig.result.descriptors,
			  IOMMUNEST_VTD_IQ_DEFAULT_BUDGET);
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_is_done(&rig);
	/* A ring has no more slots than a run without one handles. */
	iommunest_vtd_iq_free(rig.iq);
	rig.iq = NULL;
	guest_free(&rig.guest);
	iommunest_close(rig.ctx);
	host_free(&rig.host);
	open_large(&unlimited);
	for (i = 0; i < SLOTS - 1; i++)
		rig_wait(&rig);
	ck_assert_int_eq(rig_kick(&rig), 0);
	ck_assert_uint_eq(rig.result.waits, SLOTS - 1);
}

/* The same ring, as full of other things as can be: the room suffices. */
TEST(pages_after_iotlb_descriptors_find_their_room)
{
	uint32_t slot, i;

	open_large(&unlimited);
	for (i = 0; i < 4; i++)
		rig_add(&rig, 40, 0, 10 + i);
	for (slot = 0; slot < 255; slot++)
		rig_put(&rig, nth_desc(GLOBAL, slot));
	for (; slot < SLOTS - 2; slot++)
		rig_put(&rig, guest_piotlb_pages(40, 0, (uint64_t)slot << 12, 0,
						 false));
	rig_put(&rig, nth_desc(GLOBAL, slot));
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_is_done(&rig);
	ck_assert_uint_eq(rig.result.calls, HWPTS);
}

/*
 * As many wide descriptors as go at once, and one: their items and the waits
 * after them share one array, from both its ends.
 */
TEST(the_last_wide_descriptor_finds_its_room)
{
	const uint32_t hwpts = 1000;
	const uint32_t wide = 66;
	uint32_t i;

	open_large(&unlimited);
	for (i = HWPTS; i < hwpts; i++)
		rig_add(&rig, (uint16_t)i, 0, 10 + i);
	for (i = 0; i < wide; i++)
		rig_put(&rig, nth_desc(GLOBAL, i));
	for (; i < SLOTS - 1; i++)
		rig_wait(&rig);
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_is_done(&rig);
	ck_assert_uint_eq(rig.result.calls, hwpts);
	ck_assert_uint_eq(guest_count(&rig.guest, GUEST_COVERED),
			  (wide - 1) * hwpts);
	ck_assert_uint_eq(guest_count(&rig.guest, GUEST_STATUS),
			  SLOTS - 1 - wide);
	for (i = 0; i < 100; i++)
		ck_assert_uint_eq(guest_nth(&rig.guest, GUEST_STATUS, i)->data,
				  wide + i);
}
