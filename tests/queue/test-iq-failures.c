/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * The queue engine where something fails: the guest, its memory, the host,
 * the VMM.  The head tells the truth, and nothing is lost.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/harness/iq-rig.h"
#include "tests/harness/support.h"

#define SW IOMMUNEST_VTD_DESC_SW
#define IF IOMMUNEST_VTD_DESC_IF

static struct rig rig;

static void teardown(void)
{
	rig_end(&rig);
}
FIXTURE(NULL, teardown);

static void open_with(enum iommunest_policy policy)
{
	rig_open(&rig, &(struct rig_setup){ .policy = policy });
}

static void open_merging(enum iommunest_policy policy)
{
	rig_open(&rig, &(struct rig_setup){
			       .policy = policy,
			       .limits = {
				       .size = sizeof(struct
						      iommunest_vtd_limits),
				       .flags = IOMMUNEST_VTD_COALESCE,
			       },
		       });
}

/* An entry at an address fails for good. */
static void fail_entry(uint32_t hwpt_id, uint64_t addr, int error)
{
	host_fail(&rig.host, (struct host_rule){
				     .fault = HOST_FAIL_ENTRY,
				     .error = error,
				     .hwpt_id = hwpt_id,
				     .addr = addr,
			     });
}

static void fail_call(uint32_t hwpt_id, enum host_fault fault, int error)
{
	host_fail(&rig.host, (struct host_rule){
				     .fault = fault,
				     .error = error,
				     .hwpt_id = hwpt_id,
				     .addr = HOST_ANY_ADDR,
			     });
}

/* All is well again, and the guest has seen what was wrong. */
static void repair(void)
{
	host_heal(&rig.host);
	rig.guest.bad_count = 0;
	rig.guest.write_error = 0;
	rig.guest.hook = NULL;
	iommunest_vtd_iq_clear_fault(rig.iq);
}

/* Repaired, the next run does the rest, and tells this. */
static void goes_on(const char *story)
{
	repair();
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_is_done(&rig);
	rig_tells(&rig, story);
}

/* ---- The host ---- */

TEST(the_head_is_at_the_slot_that_the_host_failed_on)
{
	rig_open(&rig, NULL);
	rig_page(&rig, 0x1000);
	rig_wait(&rig);
	rig_page(&rig, 0x2000);
	rig_wait(&rig);
	rig_page(&rig, 0x3000);
	rig_wait(&rig);
	fail_entry(10, 0x2000, -EIO);
	ck_assert_int_eq(rig_kick(&rig), -EIO);
	rig_stands(&rig, IOMMUNEST_CAUSE_HOST, 2, -EIO);
	ck_assert_uint_eq(rig.result.cookie, 10);
	ck_assert_uint_eq(rig.result.iqercd, 0);
	rig_counts(&rig, (struct rig_counts){
				 .descriptors = 2,
				 .forwarded = 1,
				 .waits = 1,
				 .entries = 1,
				 .calls = 1,
			 });
	rig_tells(&rig, "call 10x3, status 1");
	goes_on("call 10x2, status 3, status 5");
	rig_entry(&rig, 0, 0, 0x2000, 1, 0);
	rig_entry(&rig, 0, 1, 0x3000, 1, 0);
	rig_counts(&rig, (struct rig_counts){
				 .descriptors = 4,
				 .forwarded = 2,
				 .waits = 2,
				 .entries = 2,
				 .calls = 1,
			 });
}

TEST(a_fault_stays_until_it_is_cleared)
{
	struct iommunest_vtd_iq_result first;
	int i;

	rig_open(&rig, NULL);
	rig_advance(&rig, 2);
	rig_page(&rig, 0x1000);
	fail_entry(10, 0x1000, -EIO);
	ck_assert_int_eq(rig_kick(&rig), -EIO);
	first = rig.result;
	host_heal(&rig.host);
	for (i = 0; i < 3; i++) {
		rig_wait(&rig);
		ck_assert_int_eq(rig_kick(&rig), -EIO);
		rig_tells(&rig, "");
		rig_stands(&rig, IOMMUNEST_CAUSE_HOST, 2, -EIO);
		ck_assert_uint_eq(rig.result.cookie, first.cookie);
		rig_counts(&rig, (struct rig_counts){ 0 });
	}
	goes_on("call 10x1, status 3, status 4, status 5");
}

TEST(a_fault_that_is_not_mended_comes_again)
{
	rig_open(&rig, NULL);
	rig_page(&rig, 0x1000);
	rig_wait(&rig);
	fail_entry(10, 0x1000, -EIO);
	ck_assert_int_eq(rig_kick(&rig), -EIO);
	iommunest_vtd_iq_clear_fault(rig.iq);
	ck_assert_int_eq(rig_kick(&rig), -EIO);
	rig_stands(&rig, IOMMUNEST_CAUSE_HOST, 0, -EIO);
	rig_tells(&rig, "call 10x1, empty 10");
	ck_assert_uint_eq(rig.result.calls, 2);
}

TEST(a_new_base_forgets_a_fault_of_the_host)
{
	rig_open(&rig, NULL);
	rig_advance(&rig, 1);
	rig_page(&rig, 0x1000);
	fail_entry(10, 0x1000, -EIO);
	ck_assert_int_eq(rig_kick(&rig), -EIO);
	host_heal(&rig.host);
	ck_assert_int_eq(iommunest_vtd_iq_set_base(rig.iq,
						   guest_iqa(RIG_BASE, 0, true),
						   IOMMUNEST_VTD_TTM_SCALABLE),
			 0);
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_is_done(&rig);
	ck_assert_uint_eq(rig.result.descriptors, 2);
	rig_tells(&rig, "call 10x1");
}

TEST(the_other_hwpts_are_submitted_all_the_same)
{
	rig_open(&rig, NULL);
	rig_page_of(&rig, 10, 0x1000);
	rig_page_of(&rig, 11, 0x2000);
	rig_page_of(&rig, 12, 0x3000);
	rig_wait(&rig);
	fail_entry(10, 0x1000, -EIO);
	ck_assert_int_eq(rig_kick(&rig), -EIO);
	rig_stands(&rig, IOMMUNEST_CAUSE_HOST, 0, -EIO);
	rig_tells(&rig, "call 10x1, empty 10, call 11x1, call 12x1");
	rig_counts(&rig, (struct rig_counts){ .entries = 2, .calls = 4 });
	/* Slots behind the head are not done, whatever was sent. */
	goes_on("call 10x1, call 11x1, call 12x1, status 3");
}

/* The slots fail in the order in which their HWPTs are submitted, or not. */
TEST_LOOP(the_earliest_slot_wins_across_hwpts, 5)
{
	static const struct {
		uint64_t fail_10;
		uint64_t fail_11;
		uint32_t slot;
		uint32_t hwpt_id;
	} rows[] = {
		{ 0x4000, 0x3000, 3, 11 }, { 0x2000, 0x3000, 2, 10 },
		{ 0x4000, 0x5000, 4, 10 }, { 0x0000, 0x1000, 0, 10 },
		{ 0x2000, 0x1000, 1, 11 },
	};
	uint32_t i;

	rig_open(&rig, NULL);
	rig_advance(&rig, 126);
	for (i = 0; i < 6; i++)
		rig_page_of(&rig, 10 + i % 2, i << 12);
	fail_entry(10, rows[_i].fail_10, -EIO);
	fail_entry(11, rows[_i].fail_11, -EPERM);
	ck_assert_int_eq(rig_kick(&rig),
			 rows[_i].hwpt_id == 10 ? -EIO : -EPERM);
	rig_stands(&rig, IOMMUNEST_CAUSE_HOST, (126 + rows[_i].slot) % 128,
		   rows[_i].hwpt_id == 10 ? -EIO : -EPERM);
	ck_assert_uint_eq(rig.result.cookie, rows[_i].hwpt_id);
	ck_assert_uint_eq(rig.result.descriptors, rows[_i].slot);
	ck_assert_uint_eq(rig.result.forwarded, rows[_i].slot);
}

TEST(a_slot_that_failed_on_one_of_its_hwpts_is_not_done)
{
	rig_open(&rig, NULL);
	rig_add(&rig, 1, 0, 13);
	rig_page(&rig, 0x1000);
	rig_page(&rig, 0x2000);
	rig_wait(&rig);
	fail_entry(13, 0x2000, -EIO);
	ck_assert_int_eq(rig_kick(&rig), -EIO);
	rig_stands(&rig, IOMMUNEST_CAUSE_HOST, 1, -EIO);
	ck_assert_uint_eq(rig.result.cookie, 13);
	rig_tells(&rig, "call 10x2, call 13x2");
	goes_on("call 10x1, call 13x1, status 2");
}

TEST_LOOP(a_call_that_fails_stands_at_its_first_slot, 4)
{
	static const struct {
		enum host_fault fault;
		int error;
		int want;
		const char *story;
	} rows[] = {
		{ HOST_FAIL_CALL, -ENOENT, -ENOENT,
		  "call 10x1, call 11x2, empty 11, status 1" },
		{ HOST_FAIL_UNTOUCHED, -ENOTTY, -ENOTTY,
		  "call 10x1, call 11x2, empty 11, status 1" },
		{ HOST_OVERSTATE, 0, -EPROTO,
		  "call 10x1, call 11x2, status 1" },
		{ HOST_FAIL_CALL, -ETIMEDOUT, -ETIMEDOUT,
		  "call 10x1, call 11x2, empty 11, status 1" },
	};

	rig_open(&rig, NULL);
	rig_page_of(&rig, 10, 0x1000);
	rig_wait(&rig);
	rig_page_of(&rig, 11, 0x2000);
	rig_page_of(&rig, 11, 0x3000);
	rig_wait(&rig);
	fail_call(11, rows[_i].fault, rows[_i].error);
	ck_assert_int_eq(rig_kick(&rig), rows[_i].want);
	rig_stands(&rig, IOMMUNEST_CAUSE_HOST, 2, rows[_i].want);
	ck_assert_uint_eq(rig.result.cookie, 11);
	rig_tells(&rig, rows[_i].story);
	goes_on("call 11x2, status 4");
}

TEST(a_short_success_is_gone_on_from)
{
	rig_open(&rig, NULL);
	rig_page(&rig, 0x1000);
	rig_page(&rig, 0x2000);
	rig_page(&rig, 0x3000);
	rig_wait(&rig);
	host_fail(&rig.host, (struct host_rule){
				     .fault = HOST_SHORT,
				     .hwpt_id = 10,
				     .addr = 0x2000,
				     .times = 1,
			     });
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_is_done(&rig);
	rig_tells(&rig, "call 10x3, call 10x2, status 3");
	rig_entry(&rig, 1, 0, 0x2000, 1, 0);
	rig_counts(&rig, (struct rig_counts){
				 .descriptors = 4,
				 .forwarded = 3,
				 .waits = 1,
				 .entries = 3,
				 .calls = 2,
			 });
}

TEST(success_with_nothing_done_is_none)
{
	rig_open(&rig, NULL);
	rig_page(&rig, 0x1000);
	rig_wait(&rig);
	host_fail(&rig.host, (struct host_rule){
				     .fault = HOST_SHORT,
				     .hwpt_id = 10,
				     .addr = 0x1000,
			     });
	ck_assert_int_eq(rig_kick(&rig), -EPROTO);
	rig_stands(&rig, IOMMUNEST_CAUSE_HOST, 0, -EPROTO);
	goes_on("call 10x1, status 1");
}

TEST_LOOP(an_interrupted_call_is_made_again, 2)
{
	rig_open(&rig, NULL);
	rig_page(&rig, 0x1000);
	rig_page(&rig, 0x2000);
	rig_wait(&rig);
	host_fail(&rig.host, (struct host_rule){
				     .fault = HOST_FAIL_ENTRY,
				     .error = _i ? -EAGAIN : -EINTR,
				     .hwpt_id = 10,
				     .addr = 0x2000,
				     .times = 3,
			     });
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_is_done(&rig);
	rig_tells(&rig, "call 10x2, call 10x1, call 10x1, call 10x1, status 2");
	ck_assert_uint_eq(rig.result.calls, 4);
	ck_assert_uint_eq(rig.result.entries, 2);
}

TEST(an_iotlb_flush_that_the_host_fails_on_is_made_again)
{
	rig_open(&rig, NULL);
	rig_page_of(&rig, 12, 0x1000);
	rig_put(&rig, guest_iotlb(IOMMUNEST_VTD_IOTLB_GLOBAL, 0, 0, 0));
	rig_wait(&rig);
	host_fail(&rig.host, (struct host_rule){
				     .fault = HOST_FAIL_ENTRY,
				     .error = -EIO,
				     .hwpt_id = 11,
				     .addr = HOST_ANY_ADDR,
			     });
	ck_assert_int_eq(rig_kick(&rig), -EIO);
	rig_stands(&rig, IOMMUNEST_CAUSE_HOST, 1, -EIO);
	rig_tells(&rig, "call 12x2, call 10x1, call 11x1, empty 11");
	rig_counts(&rig, (struct rig_counts){
				 .descriptors = 1,
				 .forwarded = 1,
				 .entries = 3,
				 .calls = 4,
			 });
	goes_on("call 10x1, call 11x1, call 12x1, status 2");
}

TEST(a_failure_in_a_budgeted_run_stands_too)
{
	rig_open(&rig, &(struct rig_setup){ .budget = 2 });
	rig_page(&rig, 0x1000);
	rig_page(&rig, 0x2000);
	rig_page(&rig, 0x3000);
	fail_entry(10, 0x2000, -EIO);
	fail_entry(10, 0x3000, -EPERM);
	ck_assert_int_eq(rig_kick(&rig), -EIO);
	rig_stands(&rig, IOMMUNEST_CAUSE_HOST, 1, -EIO);
	rig_tells(&rig, "call 10x2");
	iommunest_vtd_iq_clear_fault(rig.iq);
	host_heal(&rig.host);
	fail_entry(10, 0x3000, -EPERM);
	ck_assert_int_eq(rig_kick(&rig), -EPERM);
	rig_stands(&rig, IOMMUNEST_CAUSE_HOST, 2, -EPERM);
}

/* ---- The guest ---- */

static const struct bad_desc {
	struct guest_desc desc;
	bool narrow;
	enum iommunest_vtd_iqei iqei;
} bad_descs[] = {
	{ { { 0 } }, false, IOMMUNEST_VTD_IQEI_TYPE },
	{ { { 10 } }, false, IOMMUNEST_VTD_IQEI_TYPE },
	{ { { 0x0600 | 6 } }, false, IOMMUNEST_VTD_IQEI_TYPE },
	/* Granularities. */
	{ { { 0x06 } }, false, IOMMUNEST_VTD_IQEI_RESERVED },
	{ { { 0x16 } }, false, IOMMUNEST_VTD_IQEI_RESERVED },
	{ { { 0x02 } }, false, IOMMUNEST_VTD_IQEI_RESERVED },
	/* PASID-based IOTLB for DID 1, PASID 0, and a bit too many. */
	{ { { 0x10166 } }, false, IOMMUNEST_VTD_IQEI_RESERVED },
	{ { { 1ull << 52 | 0x10026 } }, false, IOMMUNEST_VTD_IQEI_RESERVED },
	{ { { 0x10036, 0x80 } }, false, IOMMUNEST_VTD_IQEI_RESERVED },
	{ { { 0x10036, 0, 1 } }, false, IOMMUNEST_VTD_IQEI_RESERVED },
	{ { { 0x10036, 0, 0, 1 } }, false, IOMMUNEST_VTD_IQEI_RESERVED },
	/* A wait: its address, and a wide ring's words. */
	{ { { 0x25, 1 } }, true, IOMMUNEST_VTD_IQEI_RESERVED },
	{ { { 0x25, 0, 1 } }, false, IOMMUNEST_VTD_IQEI_RESERVED },
	/* Not in legacy mode. */
	{ { { 0x10026 } }, true, IOMMUNEST_VTD_IQEI_TYPE },
	{ { { 0x37 } }, true, IOMMUNEST_VTD_IQEI_TYPE },
	{ { { 8 } }, true, IOMMUNEST_VTD_IQEI_TYPE },
	{ { { 9 } }, true, IOMMUNEST_VTD_IQEI_TYPE },
};

TEST_LOOP(a_descriptor_that_hardware_refuses_stops_the_queue,
	  ARRAY_LEN(bad_descs))
{
	const struct bad_desc *row = &bad_descs[_i];

	rig_open(&rig, &(struct rig_setup){ .narrow = row->narrow });
	rig_put(&rig, guest_iotlb(IOMMUNEST_VTD_IOTLB_DOMAIN, 2, 0, 0));
	rig_wait(&rig);
	rig_put(&rig, row->desc);
	rig_wait(&rig);
	ck_assert_int_eq(rig_kick(&rig), -EBADMSG);
	rig_stands(&rig, IOMMUNEST_CAUSE_GUEST, 2, -EBADMSG);
	ck_assert_uint_eq(rig.result.iqercd, row->iqei);
	ck_assert_uint_eq(rig.result.cookie, 0);
	rig_tells(&rig,
		  row->narrow ? "vmm 0, status 1" : "call 12x1, status 1");
	rig_counts(&rig, (struct rig_counts){
				 .descriptors = 2,
				 .forwarded = !row->narrow,
				 .waits = 1,
				 .vmm = row->narrow,
				 .entries = !row->narrow,
				 .calls = !row->narrow,
			 });
	/* The guest writes another one into its slot. */
	guest_set(&rig.guest, 2, guest_wait(IF, 0, 0));
	goes_on("interrupt 2, status 3");
}

/* Also where it is forwarded, or not, without being looked at in full. */
TEST_LOOP(a_bad_piotlb_descriptor_is_refused_in_any_mode, 4)
{
	struct guest_desc bad = guest_piotlb_all(_i % 2 ? 1 : 99, 0);

	rig_open(&rig, &(struct rig_setup){ .legacy = _i / 2 });
	bad.words[2] = 1;
	rig_put(&rig, bad);
	ck_assert_int_eq(rig_kick(&rig), -EBADMSG);
	rig_stands(&rig, IOMMUNEST_CAUSE_GUEST, 0, -EBADMSG);
	ck_assert_uint_eq(rig.result.iqercd,
			  _i / 2 ? IOMMUNEST_VTD_IQEI_TYPE
				 : IOMMUNEST_VTD_IQEI_RESERVED);
	rig_tells(&rig, "");
}

/* Whatever it is: type 0 to 10, good in a ring of 256 bits or not. */
TEST_LOOP(a_128_bit_ring_in_scalable_mode_is_refused, 11)
{
	struct guest_desc desc = guest_typed((unsigned int)_i);

	if (_i == IOMMUNEST_VTD_DESC_PIOTLB)
		desc = guest_piotlb_all(1, 0);
	if (_i == IOMMUNEST_VTD_DESC_IOTLB)
		desc = guest_iotlb(IOMMUNEST_VTD_IOTLB_GLOBAL, 0, 0, 0);
	rig_open(&rig, &(struct rig_setup){ .narrow = true });
	rig_add_device(&rig, 0, IOMMUNEST_VTD_NO_PASID, 10);
	rig_wait(&rig);
	ck_assert_int_eq(rig_kick(&rig), 0);
	ck_assert_int_eq(iommunest_vtd_iq_set_mode(rig.iq,
						   IOMMUNEST_VTD_TTM_SCALABLE),
			 0);
	rig_put(&rig, desc);
	ck_assert_int_eq(rig_kick(&rig), -EBADMSG);
	rig_stands(&rig, IOMMUNEST_CAUSE_GUEST, 1, -EBADMSG);
	ck_assert_uint_eq(rig.result.iqercd, IOMMUNEST_VTD_IQEI_WIDTH);
	rig_tells(&rig, "");
}

TEST(the_host_wins_over_a_bad_descriptor_behind_it)
{
	rig_open(&rig, NULL);
	rig_page(&rig, 0x1000);
	rig_wait(&rig);
	rig_page(&rig, 0x2000);
	rig_put(&rig, guest_typed(0));
	fail_entry(10, 0x2000, -EIO);
	ck_assert_int_eq(rig_kick(&rig), -EIO);
	rig_stands(&rig, IOMMUNEST_CAUSE_HOST, 2, -EIO);
	ck_assert_uint_eq(rig.result.iqercd, 0);
	rig_tells(&rig, "call 10x2, status 1");
	repair();
	ck_assert_int_eq(rig_kick(&rig), -EBADMSG);
	rig_stands(&rig, IOMMUNEST_CAUSE_GUEST, 3, -EBADMSG);
	ck_assert_uint_eq(rig.result.iqercd, IOMMUNEST_VTD_IQEI_TYPE);
	rig_tells(&rig, "call 10x1");
}

TEST(the_host_wins_over_the_vmms_descriptor_behind_it)
{
	rig_open(&rig, NULL);
	rig_page(&rig, 0x1000);
	rig_vmm(&rig);
	fail_entry(10, 0x1000, -EIO);
	ck_assert_int_eq(rig_kick(&rig), -EIO);
	rig_stands(&rig, IOMMUNEST_CAUSE_HOST, 0, -EIO);
	rig_tells(&rig, "call 10x1, empty 10");
	goes_on("call 10x1, vmm 1");
}

/* ---- Guest memory ---- */

TEST(memory_that_cannot_be_read_stops_at_its_slot)
{
	uint32_t i;

	rig_open(&rig, &(struct rig_setup){ .qs = 1 });
	rig_advance(&rig, 125);
	rig_page(&rig, 0x1000);
	rig_wait(&rig);
	for (i = 0; i < 4; i++)
		rig_page(&rig, 0x2000);
	/* The second page. */
	rig.guest.bad_first = 128;
	rig.guest.bad_count = 128;
	rig.guest.read_error = -EFAULT;
	ck_assert_int_eq(rig_kick(&rig), -EFAULT);
	rig_stands(&rig, IOMMUNEST_CAUSE_FETCH, 128, -EFAULT);
	ck_assert_uint_eq(rig.result.iqercd, IOMMUNEST_VTD_IQEI_FETCH);
	rig_tells(&rig, "call 10x2, status 126");
	ck_assert_uint_eq(rig.result.descriptors, 3);
	goes_on("call 10x3");
}

/* Where a piece fails, the slots before the bad one in it are still done. */
TEST_LOOP(the_exact_slot_is_found_that_cannot_be_read, 100)
{
	uint32_t i;

	rig_open(&rig, &(struct rig_setup){ .narrow = true });
	for (i = 0; i < 100; i++)
		rig_put(&rig, guest_wait(IF, 0, 0));
	rig.guest.bad_first = (uint32_t)_i;
	rig.guest.bad_count = 1;
	rig.guest.read_error = -EIO;
	ck_assert_int_eq(rig_kick(&rig), -EIO);
	rig_stands(&rig, IOMMUNEST_CAUSE_FETCH, (uint32_t)_i, -EIO);
	ck_assert_uint_eq(rig.result.iqercd, IOMMUNEST_VTD_IQEI_FETCH);
	ck_assert_uint_eq(rig.result.waits, (uint32_t)_i);
	ck_assert_uint_eq(guest_count(&rig.guest, GUEST_INTERRUPT),
			  (uint32_t)_i);
	repair();
	ck_assert_int_eq(rig_kick(&rig), 0);
	ck_assert_uint_eq(rig.result.waits, 100 - (uint32_t)_i);
}

TEST(the_host_wins_over_memory_behind_it)
{
	rig_open(&rig, NULL);
	rig_page(&rig, 0x1000);
	rig_wait(&rig);
	rig.guest.bad_first = 1;
	rig.guest.bad_count = 1;
	rig.guest.read_error = -EFAULT;
	fail_entry(10, 0x1000, -EIO);
	ck_assert_int_eq(rig_kick(&rig), -EIO);
	rig_stands(&rig, IOMMUNEST_CAUSE_HOST, 0, -EIO);
	ck_assert_uint_eq(rig.result.iqercd, 0);
}

TEST(a_status_that_cannot_be_written_stops_at_its_wait)
{
	rig_open(&rig, NULL);
	rig_page(&rig, 0x1000);
	rig_wait(&rig);
	rig_page(&rig, 0x2000);
	rig_put(&rig, guest_wait(SW | IF, 0x7000, 1));
	rig_page(&rig, 0x3000);
	rig_wait(&rig);
	rig.guest.bad_status = 0x7000;
	rig.guest.write_error = -EFAULT;
	ck_assert_int_eq(rig_kick(&rig), -EFAULT);
	rig_stands(&rig, IOMMUNEST_CAUSE_FETCH, 3, -EFAULT);
	ck_assert_uint_eq(rig.result.cookie, 0);
	/* No interrupt, and nothing behind it. */
	rig_tells(&rig, "call 10x3, status 1");
	rig_counts(&rig, (struct rig_counts){
				 .descriptors = 3,
				 .forwarded = 2,
				 .waits = 1,
				 .entries = 3,
				 .calls = 1,
			 });
	goes_on("call 10x1, status 3, interrupt 3, status 5");
	rig_entry(&rig, 0, 0, 0x3000, 1, 0);
}

/* Not what an earlier run had in the same slots. */
TEST(what_is_done_before_a_bad_status_is_counted)
{
	uint32_t i;

	rig_open(&rig, NULL);
	for (i = 0; i < 8; i++)
		rig_page(&rig, 0x1000);
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_set_base(&rig, RIG_BASE, 0);
	rig_page(&rig, 0x1000);
	rig_put(&rig, guest_wait(0, 0, 0));
	rig_put(&rig, guest_wait(0, 0, 0));
	rig_wait(&rig);
	rig.guest.bad_status = RIG_STATUS;
	rig.guest.write_error = -EFAULT;
	ck_assert_int_eq(rig_kick(&rig), -EFAULT);
	rig_stands(&rig, IOMMUNEST_CAUSE_FETCH, 3, -EFAULT);
	rig_counts(&rig, (struct rig_counts){
				 .descriptors = 3,
				 .forwarded = 1,
				 .waits = 2,
				 .entries = 1,
				 .calls = 1,
			 });
}

TEST(an_earlier_host_failure_wins_over_a_status)
{
	rig_open(&rig, NULL);
	rig_page(&rig, 0x1000);
	rig_put(&rig, guest_wait(SW, 0x7000, 1));
	rig.guest.bad_status = 0x7000;
	rig.guest.write_error = -EFAULT;
	fail_entry(10, 0x1000, -EIO);
	ck_assert_int_eq(rig_kick(&rig), -EIO);
	rig_stands(&rig, IOMMUNEST_CAUSE_HOST, 0, -EIO);
}

TEST(an_earlier_status_wins_over_a_host_failure)
{
	rig_open(&rig, NULL);
	rig_page(&rig, 0x1000);
	rig_put(&rig, guest_wait(SW, 0x7000, 1));
	rig_page(&rig, 0x2000);
	rig.guest.bad_status = 0x7000;
	rig.guest.write_error = -EFAULT;
	fail_entry(10, 0x2000, -EIO);
	ck_assert_int_eq(rig_kick(&rig), -EFAULT);
	rig_stands(&rig, IOMMUNEST_CAUSE_FETCH, 1, -EFAULT);
	ck_assert_uint_eq(rig.result.cookie, 0);
	goes_on("call 10x1, status 1");
}

/* ---- The VMM's `descriptor` ---- */

static int refuse(struct guest *guest, const struct guest_event *event)
{
	(void)guest;
	return event->kind == GUEST_DESCRIPTOR ? -ENODEV : 0;
}

TEST(a_descriptor_that_the_vmm_fails_on_stops_the_queue)
{
	rig_open(&rig, NULL);
	rig_page(&rig, 0x1000);
	rig_wait(&rig);
	rig_vmm(&rig);
	rig_wait(&rig);
	rig.guest.hook = refuse;
	ck_assert_int_eq(rig_kick(&rig), -ENODEV);
	rig_stands(&rig, IOMMUNEST_CAUSE_HOST, 2, -ENODEV);
	ck_assert_uint_eq(rig.result.cookie, 0);
	rig_tells(&rig, "call 10x1, status 1, vmm 2");
	rig_counts(&rig, (struct rig_counts){
				 .descriptors = 2,
				 .forwarded = 1,
				 .waits = 1,
				 .entries = 1,
				 .calls = 1,
			 });
	goes_on("vmm 2, status 3");
}

/* ---- ITE or IQE ---- */

static int time_out(struct guest *guest, const struct guest_event *event)
{
	(void)guest;
	return event->kind == GUEST_DESCRIPTOR ? -ETIMEDOUT : 0;
}

/* Of the host, the VMM, a status; only what cannot be read is an IQE. */
TEST_LOOP(only_a_failure_of_memory_is_shown, 4)
{
	static const struct {
		uint32_t cause;
		uint32_t fsts;
		uint64_t iqercd;
	} rows[] = {
		{ IOMMUNEST_CAUSE_HOST, 0, 0 },
		{ IOMMUNEST_CAUSE_HOST, 0, 0 },
		{ IOMMUNEST_CAUSE_FETCH, 1u << 4, 0 },
		{ IOMMUNEST_CAUSE_FETCH, 1u << 4, IOMMUNEST_VTD_IQEI_FETCH },
	};

	rig_open(&rig, NULL);
	rig_page(&rig, 0x1000);
	rig_vmm(&rig);
	rig_put(&rig, guest_wait(SW, 0x7000, 1));
	if (_i == 0)
		fail_entry(10, 0x1000, -ETIMEDOUT);
	if (_i == 1)
		rig.guest.hook = time_out;
	if (_i == 2) {
		rig.guest.bad_status = 0x7000;
		rig.guest.write_error = -ETIMEDOUT;
	}
	if (_i == 3) {
		rig.guest.bad_first = 3;
		rig.guest.bad_count = 1;
		rig.guest.read_error = -ETIMEDOUT;
		rig_page(&rig, 0x2000);
	}
	ck_assert_int_eq(rig_kick(&rig), -ETIMEDOUT);
	rig_stands(&rig, rows[_i].cause, (uint32_t)_i, -ETIMEDOUT);
	ck_assert_uint_eq(rig.result.fsts, rows[_i].fsts);
	ck_assert_uint_eq(rig.result.iqercd, rows[_i].iqercd);
}

/* ---- Policy SKIP ---- */

TEST(skip_tells_and_goes_on)
{
	open_with(IOMMUNEST_POLICY_SKIP);
	rig_page(&rig, 0x1000);
	rig_page(&rig, 0x2000);
	rig_wait(&rig);
	rig_page(&rig, 0x3000);
	rig_page(&rig, 0x2000);
	rig_wait(&rig);
	fail_entry(10, 0x2000, -EIO);
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_is_done(&rig);
	rig_tells(&rig, "call 10x4, call 10x2, "
			"skipped 1@10, status 2, skipped 4@10, status 5");
	ck_assert_int_eq(guest_nth(&rig.guest, GUEST_SKIPPED, 0)->error, -EIO);
	ck_assert_int_eq(guest_nth(&rig.guest, GUEST_SKIPPED, 1)->error, -EIO);
	rig_counts(&rig, (struct rig_counts){
				 .descriptors = 6,
				 .forwarded = 2,
				 .waits = 2,
				 .skipped = 2,
				 .entries = 2,
				 .calls = 2,
			 });
}

TEST(skip_may_skip_all_there_is)
{
	open_with(IOMMUNEST_POLICY_SKIP);
	rig_page(&rig, 0x1000);
	rig_page(&rig, 0x2000);
	rig_wait(&rig);
	fail_entry(10, HOST_ANY_ADDR, -EIO);
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_is_done(&rig);
	rig_tells(&rig, "call 10x2, empty 10, call 10x1, empty 10, "
			"skipped 0@10, skipped 1@10, status 2");
	rig_counts(&rig, (struct rig_counts){
				 .descriptors = 3,
				 .waits = 1,
				 .skipped = 2,
				 .calls = 4,
			 });
}

TEST(a_slot_is_skipped_once_on_each_hwpt_that_failed)
{
	open_with(IOMMUNEST_POLICY_SKIP);
	rig_add(&rig, 1, 0, 13);
	rig_add(&rig, 1, 0, 14);
	rig_page(&rig, 0x1000);
	rig_page(&rig, 0x2000);
	fail_entry(10, 0x1000, -EIO);
	fail_entry(14, 0x1000, -EPERM);
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_is_done(&rig);
	ck_assert_uint_eq(rig.result.skipped, 1);
	ck_assert_uint_eq(rig.result.forwarded, 1);
	ck_assert_uint_eq(guest_count(&rig.guest, GUEST_SKIPPED), 2);
	ck_assert_uint_eq(guest_nth(&rig.guest, GUEST_SKIPPED, 0)->hwpt_id, 10);
	ck_assert_int_eq(guest_nth(&rig.guest, GUEST_SKIPPED, 0)->error, -EIO);
	ck_assert_uint_eq(guest_nth(&rig.guest, GUEST_SKIPPED, 1)->hwpt_id, 14);
	ck_assert_int_eq(guest_nth(&rig.guest, GUEST_SKIPPED, 1)->error,
			 -EPERM);
}

TEST(skip_skips_no_call)
{
	open_with(IOMMUNEST_POLICY_SKIP);
	rig_page(&rig, 0x1000);
	rig_page_of(&rig, 11, 0x1000);
	rig_wait(&rig);
	fail_call(11, HOST_FAIL_CALL, -ENOENT);
	ck_assert_int_eq(rig_kick(&rig), -ENOENT);
	rig_stands(&rig, IOMMUNEST_CAUSE_HOST, 1, -ENOENT);
	rig_tells(&rig, "call 10x1, call 11x1, empty 11");
}

/* It was not reached: it will be tried, and told, again. */
TEST(what_is_skipped_behind_a_stop_is_not_told)
{
	open_with(IOMMUNEST_POLICY_SKIP);
	rig_page(&rig, 0x1000);
	rig_page_of(&rig, 11, 0x1000);
	rig_page(&rig, 0x2000);
	fail_call(11, HOST_FAIL_CALL, -ENOENT);
	fail_entry(10, 0x2000, -EIO);
	ck_assert_int_eq(rig_kick(&rig), -ENOENT);
	rig_stands(&rig, IOMMUNEST_CAUSE_HOST, 1, -ENOENT);
	rig_tells(&rig, "call 10x2, call 11x1, empty 11");
	ck_assert_uint_eq(rig.result.skipped, 0);
}

/* ---- Policy FLUSH_ALL ---- */

TEST(flush_all_stands_for_the_rest_of_its_hwpt)
{
	open_with(IOMMUNEST_POLICY_FLUSH_ALL);
	rig_page(&rig, 0x1000);
	rig_page(&rig, 0x2000);
	rig_wait(&rig);
	rig_page(&rig, 0x3000);
	rig_page_of(&rig, 11, 0x2000);
	rig_page(&rig, 0x4000);
	rig_wait(&rig);
	fail_entry(10, 0x2000, -EIO);
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_is_done(&rig);
	rig_tells(&rig, "call 10x4, all 10, call 11x1, status 2, "
			"covered 3@10, covered 5@10, status 6");
	rig_entry_all(&rig, 1, 0);
	rig_counts(&rig, (struct rig_counts){
				 .descriptors = 7,
				 .forwarded = 5,
				 .waits = 2,
				 .entries = 3,
				 .calls = 3,
			 });
}

TEST(flush_all_of_the_first_one_covers_the_rest)
{
	open_with(IOMMUNEST_POLICY_FLUSH_ALL);
	rig_page(&rig, 0x1000);
	rig_page(&rig, 0x2000);
	fail_entry(10, 0x1000, -EIO);
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_is_done(&rig);
	rig_tells(&rig, "call 10x2, empty 10, all 10, covered 1@10");
	rig_counts(&rig, (struct rig_counts){
				 .descriptors = 2,
				 .forwarded = 2,
				 .entries = 1,
				 .calls = 3,
			 });
}

TEST(flush_all_that_fails_too_stops)
{
	open_with(IOMMUNEST_POLICY_FLUSH_ALL);
	rig_page(&rig, 0x1000);
	rig_page(&rig, 0x2000);
	rig_wait(&rig);
	rig_page(&rig, 0x3000);
	fail_entry(10, 0x2000, -EIO);
	host_fail(&rig.host, (struct host_rule){
				     .fault = HOST_FAIL_ENTRY,
				     .error = -EPERM,
				     .hwpt_id = 10,
				     .addr = HOST_ANY_ADDR,
				     .npages = UINT64_MAX,
			     });
	ck_assert_int_eq(rig_kick(&rig), -EIO);
	rig_stands(&rig, IOMMUNEST_CAUSE_HOST, 1, -EIO);
	rig_tells(&rig, "call 10x3, all 10");
	rig_counts(&rig, (struct rig_counts){
				 .descriptors = 1,
				 .forwarded = 1,
				 .entries = 1,
				 .calls = 2,
			 });
	goes_on("call 10x2, status 2");
}

/* The call fails, and then the one that flushes all. */
TEST(a_flush_of_all_is_tried_for_a_call_too)
{
	open_with(IOMMUNEST_POLICY_FLUSH_ALL);
	rig_page(&rig, 0x1000);
	fail_call(10, HOST_FAIL_CALL, -ENOENT);
	ck_assert_int_eq(rig_kick(&rig), -ENOENT);
	rig_stands(&rig, IOMMUNEST_CAUSE_HOST, 0, -ENOENT);
	rig_tells(&rig, "call 10x1, empty 10, all 10, empty 10");
}

/* ---- Merged entries that fail ---- */

/* The second page, alone; the middle two in one entry; and one more. */
static void put_merged(void)
{
	rig_page(&rig, 0x9000);
	rig_page(&rig, 0x2000);
	rig_wait(&rig);
	rig_page(&rig, 0x3000);
	rig_wait(&rig);
	rig_page(&rig, 0xb000);
	rig_page(&rig, 0xa000);
	rig_wait(&rig);
	fail_entry(10, 0x2000, -EIO);
}

TEST(a_merged_entry_that_fails_stops_at_its_first_slot)
{
	open_merging(IOMMUNEST_POLICY_STOP);
	put_merged();
	ck_assert_int_eq(rig_kick(&rig), -EIO);
	rig_stands(&rig, IOMMUNEST_CAUSE_HOST, 1, -EIO);
	rig_tells(&rig, "call 10x3");
	goes_on("call 10x2, status 2, covered 3@10, status 4, "
		"covered 6@10, status 7");
}

TEST(a_merged_entry_that_fails_skips_all_its_slots)
{
	open_merging(IOMMUNEST_POLICY_SKIP);
	put_merged();
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_is_done(&rig);
	rig_tells(&rig, "call 10x3, call 10x1, skipped 1@10, status 2, "
			"skipped 3@10, status 4, covered 6@10, status 7");
	rig_counts(&rig, (struct rig_counts){
				 .descriptors = 8,
				 .forwarded = 3,
				 .waits = 3,
				 .skipped = 2,
				 .entries = 2,
				 .calls = 2,
			 });
}

TEST(a_merged_entry_that_fails_is_flushed_with_the_rest)
{
	open_merging(IOMMUNEST_POLICY_FLUSH_ALL);
	put_merged();
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_is_done(&rig);
	rig_tells(&rig, "call 10x3, all 10, status 2, covered 3@10, "
			"status 4, covered 5@10, covered 6@10, status 7");
	rig_counts(&rig, (struct rig_counts){
				 .descriptors = 8,
				 .forwarded = 5,
				 .waits = 3,
				 .entries = 2,
				 .calls = 2,
			 });
}
