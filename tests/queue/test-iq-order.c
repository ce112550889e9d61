/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* The order of waits, submissions and the VMM's part. */
#include <stdlib.h>
#include <string.h>

#include "tests/harness/iq-rig.h"
#include "tests/harness/support.h"

#define SW IOMMUNEST_VTD_DESC_SW
#define IF IOMMUNEST_VTD_DESC_IF
#define FN IOMMUNEST_VTD_DESC_FN
#define PD IOMMUNEST_VTD_DESC_PD

static struct rig rig;

static void teardown(void)
{
	rig_end(&rig);
}
FIXTURE(NULL, teardown);

/* ---- Waits ---- */

TEST_LOOP(a_wait_does_what_its_flags_say, 6)
{
	static const struct {
		uint32_t flags;
		const char *story;
	} rows[] = {
		{ 0, "" },
		{ SW, "status 0" },
		{ IF, "interrupt 0" },
		{ SW | IF, "status 0, interrupt 0" },
		{ FN, "" },
		{ SW | FN, "status 0" },
	};

	rig_open(&rig, NULL);
	rig_put(&rig, guest_wait(rows[_i].flags, RIG_STATUS, 7));
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_is_done(&rig);
	rig_tells(&rig, rows[_i].story);
	rig_counts(&rig, (struct rig_counts){ .descriptors = 1, .waits = 1 });
}

/* The VMM drains its page requests first. */
TEST(a_wait_that_drains_goes_to_the_vmm_before_it_completes)
{
	rig_open(&rig, NULL);
	rig_page(&rig, 0x1000);
	rig_put(&rig, guest_wait(SW | IF | PD, RIG_STATUS, 7));
	rig_page(&rig, 0x2000);
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_is_done(&rig);
	rig_tells(&rig, "call 10x1, vmm 1, status 1, interrupt 1, call 10x1");
	rig_counts(&rig, (struct rig_counts){ .descriptors = 3,
					      .forwarded = 2,
					      .waits = 1,
					      .vmm = 1,
					      .entries = 2,
					      .calls = 2 });
}

static int refuse_to_drain(struct guest *guest, const struct guest_event *event)
{
	(void)guest;
	return event->kind == GUEST_DESCRIPTOR ? -EIO : 0;
}

TEST(a_wait_that_is_not_drained_does_not_complete)
{
	rig_open(&rig, NULL);
	rig_page(&rig, 0x1000);
	rig_put(&rig, guest_wait(SW | PD, RIG_STATUS, 7));
	rig.guest.hook = refuse_to_drain;
	ck_assert_int_eq(rig_kick(&rig), -EIO);
	rig_stands(&rig, IOMMUNEST_CAUSE_HOST, 1, -EIO);
	rig_tells(&rig, "call 10x1, vmm 1");
	rig_counts(&rig, (struct rig_counts){ .descriptors = 1,
					      .forwarded = 1,
					      .entries = 1,
					      .calls = 1 });
	rig.guest.hook = NULL;
	iommunest_vtd_iq_clear_fault(rig.iq);
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_tells(&rig, "vmm 1, status 1");
}

TEST(a_drained_wait_whose_status_cannot_be_written_is_not_counted)
{
	rig_open(&rig, NULL);
	rig_put(&rig, guest_wait(SW | PD, RIG_STATUS, 7));
	rig.guest.bad_status = RIG_STATUS;
	rig.guest.write_error = -EFAULT;
	ck_assert_int_eq(rig_kick(&rig), -EFAULT);
	rig_stands(&rig, IOMMUNEST_CAUSE_FETCH, 0, -EFAULT);
	rig_counts(&rig, (struct rig_counts){ 0 });
}

TEST_LOOP(a_status_write_has_the_waits_address_and_data, 2)
{
	const struct guest_event *event;

	rig_open(&rig, &(struct rig_setup){ .narrow = _i });
	rig_put(&rig, guest_wait(SW, 0xfffffffffffffffc, 0xffffffff));
	rig_put(&rig, guest_wait(SW, 0x123456789abcdef4, 0x89abcdef));
	ck_assert_int_eq(rig_kick(&rig), 0);
	event = guest_nth(&rig.guest, GUEST_STATUS, 0);
	ck_assert_uint_eq(event->addr, 0xfffffffffffffffc);
	ck_assert_uint_eq(event->data, 0xffffffff);
	event = guest_nth(&rig.guest, GUEST_STATUS, 1);
	ck_assert_uint_eq(event->addr, 0x123456789abcdef4);
	ck_assert_uint_eq(event->data, 0x89abcdef);
}

TEST(waits_complete_in_order_after_one_submission)
{
	rig_open(&rig, NULL);
	rig_wait(&rig);
	rig_page(&rig, 0x1000);
	rig_wait(&rig);
	rig_page_of(&rig, 11, 0x2000);
	rig_put(&rig, guest_wait(SW | IF, 0x4000, 1));
	rig_put(&rig, guest_wait(IF, 0, 0));
	rig_page(&rig, 0x3000);
	rig_wait(&rig);
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_is_done(&rig);
	rig_tells(&rig, "call 10x2, call 11x1, status 0, status 2, status 4, "
			"interrupt 4, interrupt 5, status 7");
}

/* ---- Order ---- */

TEST_LOOP(what_is_gathered_goes_before_a_descriptor_for_the_vmm, GUEST_VMMS + 2)
{
	struct guest_desc other = guest_vmms((unsigned int)_i % GUEST_VMMS);
	struct iommunest_vtd_desc want =
		IOMMUNEST_INIT(struct iommunest_vtd_desc);

	if (_i == GUEST_VMMS)
		other = guest_dev_tlb(0x1234, 0x1122334455667000, 3);
	if (_i == GUEST_VMMS + 1)
		other = guest_pasid_dev_tlb(0x1234, 5, 0x1122334455667000, 3);
	rig_open(&rig, NULL);
	rig_page_of(&rig, 10, 0x1000);
	rig_wait(&rig);
	rig_page_of(&rig, 11, 0x1000);
	rig_put(&rig, other);
	rig_page_of(&rig, 10, 0x2000);
	rig_wait(&rig);
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_is_done(&rig);
	rig_tells(&rig, "call 10x1, call 11x1, status 1, vmm 3, call 10x1, "
			"status 5");
	ck_assert_int_eq(iommunest_vtd_desc_decode(&want, other.words, 256,
						   IOMMUNEST_VTD_TTM_SCALABLE),
			 0);
	ck_assert_mem_eq(&guest_nth(&rig.guest, GUEST_DESCRIPTOR, 0)->desc,
			 &want, sizeof(want));
}

TEST(what_is_gathered_goes_at_the_end_of_the_run)
{
	rig_open(&rig, NULL);
	rig_page_of(&rig, 12, 0x1000);
	rig_page_of(&rig, 10, 0x1000);
	rig_page_of(&rig, 12, 0x2000);
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_is_done(&rig);
	rig_tells(&rig, "call 12x2, call 10x1");
}

TEST(what_is_gathered_goes_before_a_bad_descriptor)
{
	rig_open(&rig, NULL);
	rig_page_of(&rig, 10, 0x1000);
	rig_wait(&rig);
	rig_page_of(&rig, 11, 0x1000);
	rig_put(&rig, guest_typed(0));
	rig_page_of(&rig, 12, 0x1000);
	rig_wait(&rig);
	ck_assert_int_eq(rig_kick(&rig), -EBADMSG);
	rig_stands(&rig, IOMMUNEST_CAUSE_GUEST, 3, -EBADMSG);
	rig_tells(&rig, "call 10x1, call 11x1, status 1");
}

/*
 * Scope (1, 0) gets four HWPTs, so that 127 descriptors ask for more than a
 * ring of 128 slots has descriptors; (2, 0) has one.
 */
static void open_crowded(void)
{
	rig_open(&rig, NULL);
	rig_add(&rig, 1, 0, 13);
	rig_add(&rig, 1, 0, 14);
	rig_add(&rig, 1, 0, 15);
}

enum what { MANY_HWPTS, ONE_HWPT, A_WAIT };

/* What is put into slots 0 to 30, 31 to 83, and 84 to 126. */
static const enum what crowds[][3] = {
	{ MANY_HWPTS, MANY_HWPTS, MANY_HWPTS },
	{ MANY_HWPTS, ONE_HWPT, ONE_HWPT },
	{ MANY_HWPTS, A_WAIT, A_WAIT },
	{ MANY_HWPTS, ONE_HWPT, A_WAIT },
	{ MANY_HWPTS, A_WAIT, ONE_HWPT },
	{ ONE_HWPT, MANY_HWPTS, A_WAIT },
	{ A_WAIT, MANY_HWPTS, ONE_HWPT },
	{ A_WAIT, ONE_HWPT, MANY_HWPTS },
	{ ONE_HWPT, A_WAIT, MANY_HWPTS },
};

static enum what crowd_of(int row, uint32_t slot)
{
	if (slot < 31)
		return crowds[row][0];
	return crowds[row][slot < 84 ? 1 : 2];
}

static void put_crowd(int row)
{
	uint32_t slot;

	for (slot = 0; slot < 127; slot++) {
		if (crowd_of(row, slot) == A_WAIT)
			rig_wait(&rig);
		else
			rig_page_of(&rig,
				    crowd_of(row, slot) == ONE_HWPT ? 12 : 10,
				    (uint64_t)slot << 12);
	}
}

static bool has_crowd(int row, enum what what)
{
	return crowds[row][0] == what || crowds[row][1] == what ||
	       crowds[row][2] == what;
}

/* Each of its pages in order, and nothing else, in one call. */
static void check_crowd_of(int row, uint32_t hwpt_id)
{
	enum what what = hwpt_id == 12 ? ONE_HWPT : MANY_HWPTS;
	uint32_t slot = 0;
	uint32_t call, i;

	ck_assert_uint_eq(host_calls_to(&rig.host, hwpt_id),
			  has_crowd(row, what));

	for (call = 0; call < rig.host.n_calls; call++) {
		if (rig.host.calls[call].hwpt_id != hwpt_id)
			continue;
		for (i = 0; i < rig.host.calls[call].count; i++, slot++) {
			while (crowd_of(row, slot) != what)
				slot++;
			rig_entry(&rig, call, i, (uint64_t)slot << 12, 1, 0);
		}
	}
	for (; slot < 127; slot++)
		ck_assert_int_ne(crowd_of(row, slot), what);
}

TEST_LOOP(a_scope_of_many_hwpts_crowds_nothing_out, ARRAY_LEN(crowds))
{
	uint32_t slot, waits = 0;

	open_crowded();
	put_crowd(_i);
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_is_done(&rig);
	check_crowd_of(_i, 10);
	check_crowd_of(_i, 12);
	check_crowd_of(_i, 13);
	check_crowd_of(_i, 14);
	check_crowd_of(_i, 15);
	for (slot = 0; slot < 127; slot++) {
		if (crowd_of(_i, slot) != A_WAIT)
			continue;
		ck_assert_uint_eq(
			guest_nth(&rig.guest, GUEST_STATUS, waits)->index,
			slot);
		waits++;
	}
	ck_assert_uint_eq(rig.result.waits, waits);
	ck_assert_uint_eq(rig.result.forwarded, 127 - waits);
}

/* The ring is full, and the last descriptor goes to everyone once more. */
TEST(a_global_flush_at_the_end_of_a_full_ring_fits_too)
{
	uint32_t slot;

	open_crowded();
	for (slot = 0; slot < 126; slot++)
		rig_page(&rig, (uint64_t)slot << 12);
	rig_put(&rig, guest_iotlb(IOMMUNEST_VTD_IOTLB_GLOBAL, 0, 0, 0));
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_is_done(&rig);
	rig_tells(&rig, "call 10x127, call 13x127, call 14x127, call 15x127, "
			"call 11x1, call 12x1");
	ck_assert_uint_eq(rig.result.forwarded, 127);
}

/* HWPTs that share a scope only since there was a ring. */
TEST(room_grows_with_each_hwpt_that_shares_a_scope)
{
	uint32_t hwpts, slot;

	rig_open(&rig, NULL);
	for (hwpts = 1; hwpts < 60; hwpts++) {
		for (slot = 0; slot < 127; slot++)
			rig_page(&rig, (uint64_t)slot << 12);
		ck_assert_int_eq(rig_kick(&rig), 0);
		rig_is_done(&rig);
		ck_assert_uint_eq(rig.result.calls, hwpts);
		ck_assert_uint_eq(rig.result.entries, 127 * hwpts);
		rig_add(&rig, 1, 0, 100 + hwpts);
	}
}
