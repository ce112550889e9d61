/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * An engine does not decode what guests write most.  What it does with each
 * descriptor is what decoding says all the same.
 */
#include "tests/harness/iq-rig.h"
#include "tests/harness/support.h"

#define BITS 256

static struct rig rig;

static void set_up(void)
{
	rig_open(&rig, NULL);
}

static void tear_down(void)
{
	rig_end(&rig);
}

FIXTURE(set_up, tear_down);

static struct guest_desc flipped(struct guest_desc desc, int bit)
{
	desc.words[bit / 64] ^= UINT64_C(1) << bit % 64;
	return desc;
}

static struct iommunest_vtd_desc decoded(const struct guest_desc *desc)
{
	struct iommunest_vtd_desc is =
		IOMMUNEST_INIT(struct iommunest_vtd_desc);

	iommunest_vtd_desc_decode(&is, desc->words, 256,
				  IOMMUNEST_VTD_TTM_SCALABLE);
	return is;
}

/* Kicks with this one alone, and holds the verdict against decoding. */
static bool is_taken(struct guest_desc desc)
{
	const struct iommunest_vtd_desc is = decoded(&desc);
	int ret;

	rig_set_base(&rig, RIG_BASE, 0);
	rig_put(&rig, desc);
	ret = rig_kick(&rig);
	if (!is.iqei) {
		ck_assert_int_eq(ret, 0);
		rig_is_done(&rig);
		return true;
	}
	ck_assert_int_eq(ret, -EBADMSG);
	rig_stands(&rig, IOMMUNEST_CAUSE_GUEST, 0, -EBADMSG);
	ck_assert_uint_eq(rig.result.iqercd, is.iqei);
	ck_assert_uint_eq(rig.guest.n_events, 0);
	return false;
}

static uint32_t events(enum guest_event_kind kind)
{
	uint32_t n = 0;
	uint32_t i;

	for (i = 0; i < rig.guest.n_events; i++)
		n += rig.guest.events[i].kind == kind;
	return n;
}

static void check_wait(const struct iommunest_vtd_desc *is)
{
	const struct guest_event *event = rig.guest.events;

	ck_assert_uint_eq(events(GUEST_DESCRIPTOR),
			  !!(is->flags & IOMMUNEST_VTD_DESC_PD));
	ck_assert_uint_eq(events(GUEST_INTERRUPT),
			  !!(is->flags & IOMMUNEST_VTD_DESC_IF));
	ck_assert_uint_eq(events(GUEST_STATUS),
			  !!(is->flags & IOMMUNEST_VTD_DESC_SW));
	if (!events(GUEST_STATUS))
		return;
	event = guest_nth(&rig.guest, GUEST_STATUS, 0);
	ck_assert_uint_eq(event->addr, is->addr);
	ck_assert_uint_eq(event->data, is->status_data);
}

static void compare_wait(struct guest_desc desc)
{
	const struct iommunest_vtd_desc is = decoded(&desc);

	if (is_taken(desc) && is.type == IOMMUNEST_VTD_DESC_WAIT)
		check_wait(&is);
}

/* With each bit changed, from one with no flag and from one with them. */
TEST_LOOP(a_wait_is_what_it_decodes_to, 2)
{
	const uint32_t flags = IOMMUNEST_VTD_DESC_SW | IOMMUNEST_VTD_DESC_IF |
			       IOMMUNEST_VTD_DESC_FN;
	const struct guest_desc desc = guest_wait(
		_i ? flags : 0, UINT64_C(0x123456789abcdef8), 0x13579bdf);
	int bit;

	compare_wait(desc);
	for (bit = 0; bit < BITS; bit++)
		compare_wait(flipped(desc, bit));
}

static void check_piotlb(const struct iommunest_vtd_desc *is)
{
	const bool known = is->did == 1 && is->pasid == 5;

	ck_assert_uint_eq(rig.result.forwarded, known);
	ck_assert_uint_eq(rig.result.vmm, !known);
	if (!known)
		return;
	if (is->granularity == IOMMUNEST_VTD_PIOTLB_ALL || is->am >= 52)
		rig_entry_all(&rig, 0, 0);
	else
		rig_entry(&rig, 0, 0, is->addr, UINT64_C(1) << is->am,
			  is->flags & IOMMUNEST_VTD_DESC_IH ? IOMMUNEST_VTD_LEAF
							    : 0);
}

static void compare_piotlb(struct guest_desc desc)
{
	const struct iommunest_vtd_desc is = decoded(&desc);

	if (is_taken(desc) && is.type == IOMMUNEST_VTD_DESC_PIOTLB)
		check_piotlb(&is);
}

TEST_LOOP(a_piotlb_is_what_it_decodes_to, 2)
{
	const struct guest_desc desc =
		_i ? guest_piotlb_all(1, 5)
		   : guest_piotlb_pages(1, 5, UINT64_C(0xfedcba9876543000), 9,
					true);
	int bit;

	compare_piotlb(desc);
	for (bit = 0; bit < BITS; bit++)
		compare_piotlb(flipped(desc, bit));
}
