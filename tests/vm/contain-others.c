/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * Several devices, of one user and of several: only who does not answer is cut
 * off, whatever hardware tells, and nobody else loses an invalidation.
 */
#include "contain.h"

#include "inject.h"

#include "tests/harness/support.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>

FIXTURE(contain_begin, contain_end);

#define STATUS_ITE (1u << 6)

static uint64_t blocked_before, timed_out_before;

static void note(void)
{
	blocked_before = inject_get("blocked");
	timed_out_before = inject_get("timed_out");
}

static unsigned int blocked(void)
{
	return (unsigned int)(inject_get("blocked") - blocked_before);
}

static unsigned int timed_out(void)
{
	return (unsigned int)(inject_get("timed_out") - timed_out_before);
}

/* Three devices of one HWPT. */
static void begin_together(void)
{
	user_begin(&user_a, contain_address(0));
	user_join(&user_b, &user_a, contain_address(1));
	user_join(&user_c, &user_a, contain_address(2));
	note();
}

/* ---- Another tenant ---- */

static struct {
	volatile bool stop;
	unsigned int calls;
	unsigned int failed;
	unsigned int resent;
} tenant;

#define TENANT_ENTRIES 5u

/*
 * Each page of an invalidation reached the device's TLB; and where one was sent
 * again, all were, because hardware had aborted them together.
 */
static bool all_were_sent(const struct event *events, unsigned int count,
			  uint16_t sid, bool *again)
{
	unsigned int found[TENANT_ENTRIES] = { 0 };
	unsigned int i, page;

	for (i = 0; i < count; i++) {
		page = (unsigned int)(events[i].qw1 >> 13) - 1;
		if (event_devtlb_sid(&events[i]) == sid &&
		    page < TENANT_ENTRIES)
			found[page]++;
	}
	for (page = 0; page < TENANT_ENTRIES; page++) {
		if (!found[page] || found[page] != found[0])
			return false;
	}
	*again = found[0] > 1;
	return true;
}

static void *make_time_outs(void *unused)
{
	(void)unused;
	while (!tenant.stop) {
		device_falls_silent(&user_a);
		user_invalidate(&user_a, 8);
		device_answers(&user_a);
		user_reset(&user_a);
	}
	return NULL;
}

/*
 * One's device does not answer, again and again.  The other, who asked for no
 * reports, gets 0 each time, and each time all that it asked for was sent,
 * again where it had been aborted with the first one's.
 */
TEST(another_tenant_loses_nothing_and_hears_nothing)
{
	const uint64_t end = now_ms() + 4000;
	const struct event *events;
	struct answer answer;
	unsigned int count;
	pthread_t thread;
	bool again;

	user_begin(&user_a, contain_address(0));
	user_begin(&user_b, contain_address(1));
	note();
	inject_set("timeout_behind", 1);
	inject_set("delay", 2);
	tenant.stop = false;
	tenant.resent = 0;
	ck_assert_int_eq(pthread_create(&thread, NULL, make_time_outs, NULL),
			 0);
	while (now_ms() < end || tenant.resent < 3) {
		history_begin();
		answer = user_invalidate(&user_b, TENANT_ENTRIES);
		count = history_end(&events);
		ck_assert_int_eq(answer.ret, 0);
		ck_assert_uint_eq(answer.done, TENANT_ENTRIES);
		ck_assert(all_were_sent(events, count, user_b.sid, &again));
		tenant.resent += again;
		ck_assert_uint_lt(now_ms(), end + 60000);
	}
	tenant.stop = true;
	pthread_join(thread, NULL);
	printf("%u time-outs, %u blocks; %u invalidations sent again\n",
	       timed_out(), blocked(), tenant.resent);
	ck_assert_uint_gt(blocked(), 0);
	ck_assert(device_works(&user_b));
}

/* ---- Several of one HWPT ---- */

/* With source ids and without: two of three do not answer. */
TEST_LOOP(of_three_devices_the_two_that_are_silent_are_cut_off, 2)
{
	begin_together();
	inject_set("reports_sid", _i == 0);
	device_falls_silent(&user_a);
	device_falls_silent(&user_c);
	ck_assert(user_can_invalidate(&user_a, 4));
	printf("%u time-outs for two devices, %s source ids\n", timed_out(),
	       _i ? "without" : "with");
	ck_assert_uint_eq(blocked(), 2);
	/* The first one of all may be nobody's, if nobody is named. */
	ck_assert_uint_le(timed_out(), _i ? 6 : 4);
	ck_assert(!device_is_let_in(&user_a));
	ck_assert(!device_is_let_in(&user_c));
	ck_assert(device_is_let_in(&user_b));
	all_devices_answer();
	ck_assert(device_works(&user_b));
	ck_assert_int_eq(user_reset(&user_c), 0);
	ck_assert(device_works(&user_c));
	ck_assert(!device_is_let_in(&user_a));
	ck_assert_int_eq(user_reset(&user_a), 0);
	ck_assert(device_works(&user_a));
}

TEST(without_source_ids_only_the_silent_one_is_cut_off)
{
	begin_together();
	inject_set("reports_sid", 0);
	device_falls_silent(&user_b);
	ck_assert(user_can_invalidate(&user_a, 4));
	ck_assert_uint_eq(blocked(), 1);
	ck_assert_uint_le(timed_out(), 3);
	ck_assert(!device_is_let_in(&user_b));
	all_devices_answer();
	ck_assert(device_works(&user_a));
	ck_assert(device_works(&user_c));
}

/* Without source ids everybody is alone with its device, and none is mixed. */
TEST_LOOP(a_parents_pages_are_unmapped_without_source_ids, 2)
{
	begin_together();
	inject_set("reports_sid", 0);
	device_falls_silent(&user_b);
	if (_i)
		device_falls_silent(&user_c);
	ck_assert_int_eq(user_unmap(&user_a, 5), 0);
	ck_assert_uint_eq(blocked(), _i ? 2 : 1);
	all_devices_answer();
	ck_assert(device_works(&user_a));
}

/*
 * Hardware names first another device, then this one: each has timed out once,
 * as far as anybody knows.
 */
TEST(time_outs_of_different_devices_are_not_counted_together)
{
	uint16_t named[2];

	user_begin(&user_a, contain_address(0));
	user_begin(&user_b, contain_address(1));
	note();
	/* In turn, from the count of all on. */
	named[timed_out_before % 2] = user_b.sid;
	named[1 - timed_out_before % 2] = user_a.sid;
	inject_list("reported_sid", named, 2);
	inject_set("timeout_more", 1);
	inject_set("timeout", 1);
	ck_assert(user_can_invalidate(&user_a, 4));
	ck_assert_uint_eq(timed_out(), 2);
	ck_assert_uint_eq(blocked(), 0);
	ck_assert(device_works(&user_a));
	ck_assert(device_works(&user_b));
}

/*
 * Named again and again, but not by a submission that it is in.  Whoever
 * submits does so alone after three of these, and is not cut off for one more.
 */
TEST(a_device_is_not_cut_off_for_what_others_submit)
{
	user_begin(&user_a, contain_address(0));
	user_begin(&user_b, contain_address(1));
	note();
	inject_list("reported_sid", &user_b.sid, 1);
	inject_set("timeout_more", 3);
	inject_set("timeout", 1);
	ck_assert(user_can_invalidate(&user_a, 4));
	ck_assert_uint_eq(timed_out(), 4);
	ck_assert_uint_eq(blocked(), 0);
	ck_assert(device_works(&user_a));
	ck_assert(device_works(&user_b));
}

/* ---- What is reported ---- */

TEST(no_source_id_of_the_host_is_reported)
{
	struct answer answer;

	user_begin(&user_a, contain_address(0));
	device_falls_silent(&user_a);
	answer = user_invalidate_reporting(&user_a, 4);
	ck_assert_int_eq(answer.ret, -ETIMEDOUT);
	ck_assert_uint_eq(answer.code & STATUS_ITE, STATUS_ITE);
	ck_assert_uint_eq(answer.code >> 16, 0);
	device_answers(&user_a);
	answer = user_invalidate_reporting(&user_a, 4);
	ck_assert_int_eq(answer.ret, 0);
	ck_assert_uint_eq(answer.code, 0);
}

/* ---- An unexpected completion ---- */

/* From whom ever: it says nothing about who is silent, or cut off. */
TEST_LOOP(an_unexpected_completion_changes_nothing, 3)
{
	struct user *const from[] = { &user_a, &user_b, &user_c };
	uint64_t completed;

	begin_together();
	contain(&user_a);
	note();
	completed = inject_get("completed");
	inject_set("completion_sid", from[_i]->sid);
	inject_set("completion", 1);
	ck_assert(user_can_invalidate(&user_a, 4));
	ck_assert_uint_eq(inject_get("completed"), completed + 1);
	ck_assert_uint_eq(blocked(), 0);
	ck_assert(!device_is_let_in(&user_a));
	ck_assert(device_works(&user_b));
	/* Beside one that is silent. */
	device_falls_silent(&user_c);
	inject_set("completion", 1);
	ck_assert(user_can_invalidate(&user_a, 4));
	ck_assert_uint_eq(blocked(), 1);
	all_devices_answer();
	ck_assert(!device_is_let_in(&user_c));
	ck_assert(device_works(&user_b));
	ck_assert_int_eq(user_reset(&user_a), 0);
	ck_assert(device_works(&user_a));
}
