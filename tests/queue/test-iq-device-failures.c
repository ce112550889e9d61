/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* Host failures of entries that device-TLB descriptors are piggybacked on. */
#include <stdlib.h>
#include <string.h>

#include "tests/harness/support.h"
#include "tests/queue/device-rig.h"

static void teardown(void)
{
	rig_end(&rig);
}
FIXTURE(NULL, teardown);

/* ---- Failures ---- */

/* Slot 1 and what is piggybacked on it; the rest succeeds. */
static void put_piggybacked(void)
{
	rig_page(&rig, 0x1000);
	rig_page(&rig, 0x2000);
	put_dev(0x2000, 0);
	rig_wait(&rig);
	rig_page(&rig, 0x3000);
	put_dev(0x3000, 0);
	fail_entry(10, 0x2000, -EIO);
}

TEST(a_stop_is_at_the_slot_of_the_host_entry)
{
	open_with(IOMMUNEST_POLICY_STOP, 0);
	put_piggybacked();
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

TEST(a_stop_after_a_piggybacked_flush_reports_it_covered)
{
	open_with(IOMMUNEST_POLICY_STOP, 0);
	put_piggybacked();
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

TEST(a_piggybacked_flush_is_skipped_with_its_host_entry)
{
	open_with(IOMMUNEST_POLICY_SKIP, 0);
	put_piggybacked();
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

TEST(a_flush_of_all_covers_what_its_first_entry_covered)
{
	open_with(IOMMUNEST_POLICY_FLUSH_ALL, 0);
	put_piggybacked();
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
	ck_assert_uint_eq(rig.result.cookie, 10);
	goes_on("call 10x1, covered 2@10, status 3");
}

TEST(a_piggybacked_flush_is_skipped_on_the_hwpt_that_failed)
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

TEST(a_status_that_fails_leaves_piggybacked_flushes_before_it_done)
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
