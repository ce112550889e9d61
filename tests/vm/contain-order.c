/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * What comes first: nobody gives away what a device may still reach before it
 * is cut off, and a device is cut off at any time of its life.
 */
#include "contain.h"

#include "inject.h"

#include "tests/harness/support.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>

FIXTURE(contain_begin, contain_end);

/* Types of descriptors. */
#define CONTEXT_CACHE 1u
#define IOTLB 2u
#define PASID_CACHE 7u

static struct user *const user = &user_a;

/* ---- Unmapping while it is being cut off ---- */

#define UNMAP_BEGINS 100
#define UNMAP_ENDS 200

static int unmapped;

static void *unmap_some(void *unused)
{
	int page;

	(void)unused;
	for (page = 0; page < 8; page++) {
		history_mark(UNMAP_BEGINS + page);
		if (user_unmap(user, (unsigned int)page))
			break;
		history_mark(UNMAP_ENDS + page);
		unmapped++;
	}
	return NULL;
}

static void map_again(void)
{
	unsigned int page;

	for (page = 0; page < 8; page++)
		ck_assert_int_eq(user_map(user, page), 0);
}

/*
 * The three invalidations that end the device's access, in their order; the
 * index of the last, or `count`.
 */
static unsigned int find_block(const struct event *events, unsigned int count,
			       uint16_t sid)
{
	static const unsigned int types[] = { CONTEXT_CACHE, PASID_CACHE,
					      IOTLB };
	unsigned int i, next = 0;

	for (i = 0; i < count; i++) {
		if (event_type(&events[i]) == CONTEXT_CACHE &&
		    (events[i].qw0 >> 32 & 0xffff) == sid)
			next = 0;
		else if (next == 0)
			continue;
		if (event_type(&events[i]) == types[next] &&
		    ++next == ARRAY_LEN(types))
			return i;
	}
	return count;
}

/*
 * The device is silent from the beginning, so that an unmapping cannot end but
 * by the block.  All that the unmapper waits for is the device's TLB.
 */
TEST_LOOP(no_page_is_given_away_before_the_device_is_cut_off, 12)
{
	const struct event *events;
	unsigned int count, block, i;
	pthread_t thread;

	user_begin(user, contain_address(0));
	unmapped = 0;
	inject_set("block_delay", _i % 2 ? 50 : 0);
	inject_set("delay", _i % 3 ? 5 : 0);
	device_falls_silent(user);
	history_begin();
	ck_assert_int_eq(pthread_create(&thread, NULL, unmap_some, NULL), 0);
	ck_assert(user_can_invalidate(user, 16));
	pthread_join(thread, NULL);
	ck_assert_int_eq(unmapped, 8);
	count = history_end(&events);
	block = find_block(events, count, user->sid);
	ck_assert_msg(block < count, "no block among %u events", count);
	for (i = 0; i < block; i++) {
		if (events[i].is_mark && events[i].mark >= UNMAP_ENDS)
			ck_abort_msg("page %d was given away before",
				     events[i].mark - UNMAP_ENDS);
	}
	ck_assert(!device_is_let_in(user));
	device_answers(user);
	map_again();
}

/* ---- While it is being attached and detached ---- */

static struct {
	volatile bool stop;
	unsigned int calls;
	unsigned int failed;
} other;

static void *invalidate_until_stopped(void *unused)
{
	(void)unused;
	while (!other.stop) {
		other.calls++;
		other.failed += !user_can_invalidate(user, 4);
	}
	return NULL;
}

/*
 * A second device of the HWPT comes and goes, and never answers: whoever meets
 * it, at any time between, cuts it off, and the first one's invalidations all
 * succeed.
 */
TEST(a_device_is_cut_off_while_it_is_being_attached)
{
	struct user *late = &user_b;
	uint64_t blocked = inject_get("blocked");
	unsigned int refused = 0, i;
	pthread_t thread;

	user_begin(user, contain_address(0));
	user_join(late, user, contain_address(1));
	other.stop = false;
	other.calls = 0;
	other.failed = 0;
	ck_assert_int_eq(pthread_create(&thread, NULL, invalidate_until_stopped,
					NULL),
			 0);
	for (i = 0; i < 8; i++) {
		int ret;

		ck_assert_int_eq(user_detach(late), 0);
		ck_assert_int_eq(user_reset(late), 0);
		device_falls_silent(late);
		ret = user_attach(late, user->nested);
		ck_assert(ret == 0 || ret == -EBUSY);
		refused += ret != 0;
		while (inject_get("blocked") == blocked)
			sleep_ms(1);
		ck_assert(!device_is_let_in(late));
		device_answers(late);
		ck_assert_int_eq(user_reset(late), 0);
		blocked = inject_get("blocked");
	}
	other.stop = true;
	pthread_join(thread, NULL);
	printf("%u attachments refused; %u invalidations beside them\n",
	       refused, other.calls);
	ck_assert_uint_eq(other.failed, 0);
	ck_assert_uint_gt(other.calls, 8);
	ck_assert_int_eq(user_attach(late, user->nested), 0);
	ck_assert(device_works(late));
	ck_assert(device_works(user));
}

#define WINDOW_MS 2000

struct attaching {
	struct user *user;
	uint32_t id;
	int ret;
	volatile bool has_ended;
};

static void *attach_it(void *data)
{
	struct attaching *attaching = data;

	attaching->ret = user_attach(attaching->user, attaching->id);
	attaching->has_ended = true;
	return NULL;
}

/*
 * A device that is being attached is sent invalidations as soon as it has its
 * tags, and only later is in a list of the domain.  Whoever finds it silent
 * between the two cuts it off.
 */
TEST(a_device_is_cut_off_before_its_domain_lists_it)
{
	struct user *late = &user_b;
	struct attaching attaching = { .user = late };
	uint64_t blocked = inject_get("blocked");
	bool done, had_ended;
	pthread_t thread;

	user_begin(user, contain_address(0));
	user_join(late, user, contain_address(1));
	ck_assert_int_eq(user_detach(late), 0);
	attaching.id = user->nested;
	inject_set("attach_delay", WINDOW_MS);
	ck_assert_int_eq(pthread_create(&thread, NULL, attach_it, &attaching),
			 0);
	while (!inject_get("attaching") && !attaching.has_ended)
		sleep_ms(1);
	device_falls_silent(late);
	history_begin();
	done = user_can_invalidate(user, 4);
	had_ended = attaching.has_ended;
	blocked = inject_get("blocked") - blocked;
	device_answers(late);
	pthread_join(thread, NULL);
	/* Else nothing is shown. */
	ck_assert(!had_ended);
	ck_assert_uint_gt(history_devtlb(late->sid), 0);
	ck_assert(done);
	ck_assert_uint_eq(blocked, 1);
	ck_assert(attaching.ret == 0 || attaching.ret == -EBUSY);
	ck_assert(!device_is_let_in(late));
	inject_set("attach_delay", 0);
	ck_assert_int_eq(user_reset(late), 0);
	ck_assert_int_eq(user_attach(late, user->nested), 0);
	ck_assert(device_works(late));
	ck_assert(device_works(user));
}
