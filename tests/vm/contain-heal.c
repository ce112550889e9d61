/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * One device and its user: what the user can still do when the device does not
 * answer, and how the device comes back.
 */
#include "contain.h"

#include "inject.h"

#include "tests/harness/support.h"

#include <errno.h>
#include <stdio.h>

static struct user *const user = &user_a;

/* Of user's device; NULL: the kernel's own. */
static const char *reset_method;

static void set_reset_method(const char *method)
{
	ck_assert_int_eq(sysfs_device(user->address, "reset_method",
				      method ? method : "default"),
			 0);
	reset_method = method;
}

static void end(void)
{
	if (reset_method)
		set_reset_method(NULL);
	contain_end();
}

FIXTURE(contain_begin, end);

/* The hardware's time-outs that a submitter waits for at most: see part C. */
#define MOST_TIMEOUTS 2u

static void begin_contained(void)
{
	user_begin(user, contain_address(0));
	contain(user);
}

/* ---- What a user does with a device that has fallen silent ---- */

static int do_invalidate(void)
{
	return user_can_invalidate(user, 8) ? 0 : -EIO;
}

/* The parent's pages: what the device has in its TLB is given away. */
static int do_unmap(void)
{
	return user_unmap(user, 3);
}

static int do_detach(void)
{
	return user_detach(user);
}

static int do_replace(void)
{
	return user_attach(user, user->other);
}

static int do_attach_ioas(void)
{
	return user_attach(user, user->ioas);
}

static int do_reset(void)
{
	return user_reset(user);
}

static int do_close(void)
{
	user_close_device(user);
	return 0;
}

static int do_sysfs_reset(void)
{
	return sysfs_device(user->address, "reset", "1");
}

static const struct {
	const char *name;
	int (*run)(void);
	/* A reset is part of it, after which all is well. */
	bool heals;
} operations[] = {
	{ "invalidate", do_invalidate, false },
	{ "unmap", do_unmap, false },
	{ "detach", do_detach, false },
	{ "replace", do_replace, false },
	{ "replace by an IOAS", do_attach_ioas, false },
	{ "reset", do_reset, true },
	{ "sysfs reset", do_sysfs_reset, true },
	{ "close", do_close, true },
};

/* By a reset, what is attached comes back; what is not can be attached. */
static void comes_back(void)
{
	if (user->fd < 0)
		ck_assert_int_eq(user_open_device(user), 0);
	else
		ck_assert_int_eq(user_reset(user), 0);
	ck_assert_int_eq(user_attach(user, user->nested), 0);
	ck_assert(device_works(user));
}

/*
 * Each ends, after as many time-outs as it takes to be sure, and the device is
 * cut off.  Close includes two things to wait for: a reset, which heals, and a
 * detachment.
 */
TEST_LOOP(whatever_meets_a_silent_device_ends, ARRAY_LEN(operations))
{
	uint64_t timed_out, blocked;

	user_begin(user, contain_address(0));
	ck_assert(device_works(user));
	timed_out = inject_get("timed_out");
	blocked = inject_get("blocked");
	inject_set("delay", 20);
	device_falls_silent(user);
	ck_assert_msg(operations[_i].run() == 0, "%s", operations[_i].name);
	timed_out = inject_get("timed_out") - timed_out;
	blocked = inject_get("blocked") - blocked;
	inject_set("delay", 0);
	printf("%s: %u time-outs, blocked %u times\n", operations[_i].name,
	       (unsigned int)timed_out, (unsigned int)blocked);
	ck_assert_uint_ge(blocked, 1);
	ck_assert_uint_eq(timed_out, MOST_TIMEOUTS * blocked);
	ck_assert_uint_le(blocked, operations[_i].heals ? 2 : 1);
	if (!operations[_i].heals)
		ck_assert(!device_is_let_in(user));
	device_answers(user);
	comes_back();
}

/* ---- What a user does with a device that is cut off ---- */

/* Nothing waits for it, and nothing is sent to it before the reset. */
TEST_LOOP(whatever_meets_a_contained_device_ends, ARRAY_LEN(operations))
{
	const bool attaches = operations[_i].run == do_replace ||
			      operations[_i].run == do_attach_ioas;
	uint64_t timed_out;
	unsigned int sent;

	begin_contained();
	timed_out = inject_get("timed_out");
	device_falls_silent(user);
	history_begin();
	ck_assert_int_eq(operations[_i].run(), attaches ? -EBUSY : 0);
	sent = history_devtlb(user->sid);
	device_answers(user);
	if (!operations[_i].heals) {
		ck_assert_uint_eq(sent, 0);
		ck_assert_uint_eq(inject_get("timed_out"), timed_out);
		ck_assert(!device_is_let_in(user));
	}
	comes_back();
}

/* ---- How it comes back ---- */

TEST(a_reset_by_the_user_heals)
{
	begin_contained();
	ck_assert_int_eq(user_reset(user), 0);
	ck_assert(device_works(user));
	/* And once more. */
	contain(user);
	ck_assert_int_eq(user_reset(user), 0);
	ck_assert(device_works(user));
	ck_assert_int_eq(user_attach(user, user->other), 0);
	ck_assert_int_eq(user_attach(user, user->nested), 0);
	ck_assert(device_works(user));
}

TEST(a_reset_by_sysfs_heals)
{
	begin_contained();
	ck_assert_int_eq(sysfs_device(user->address, "reset", "1"), 0);
	ck_assert(device_works(user));
}

TEST(a_close_heals_and_nothing_warns)
{
	begin_contained();
	user_close_device(user);
	ck_assert_int_eq(user_open_device(user), 0);
	ck_assert_int_eq(user_attach(user, user->nested), 0);
	ck_assert(device_works(user));
}

/* The reset of the close heals, but the detachment after it is not answered. */
TEST(a_device_that_is_silent_beyond_its_close_can_be_opened)
{
	begin_contained();
	device_falls_silent(user);
	user_close_device(user);
	device_answers(user);
	ck_assert_int_eq(user_open_device(user), 0);
	ck_assert_int_eq(user_attach(user, user->nested), 0);
	ck_assert(device_works(user));
}

TEST(a_detached_one_heals_too)
{
	begin_contained();
	ck_assert_int_eq(user_detach(user), 0);
	ck_assert_int_eq(user_reset(user), 0);
	ck_assert_int_eq(user_attach(user, user->other), 0);
	ck_assert(device_is_let_in(user));
	ck_assert_int_eq(user_attach(user, user->nested), 0);
	ck_assert(device_works(user));
}

/* It was attached to nothing in between, or to something else. */
TEST(attaching_before_the_reset_is_refused_each_time)
{
	unsigned int i;

	begin_contained();
	ck_assert_int_eq(user_attach(user, user->other), -EBUSY);
	ck_assert_int_eq(user_attach(user, user->ioas), -EBUSY);
	/* What it is attached to already is not new. */
	ck_assert_int_eq(user_attach(user, user->nested), 0);
	ck_assert_int_eq(user_detach(user), 0);
	for (i = 0; i < 3; i++) {
		ck_assert_int_eq(user_attach(user, user->nested), -EBUSY);
		ck_assert_int_eq(user_attach(user, user->ioas), -EBUSY);
	}
	ck_assert(!device_is_let_in(user));
	comes_back();
}

static void stays_contained(void)
{
	ck_assert(!device_is_let_in(user));
	ck_assert_int_eq(user_attach(user, user->other), -EBUSY);
	ck_assert(device_is_cut_off(user));
}

/*
 * Whoever chooses a method makes the kernel ask each whether it would do, which
 * is the reset's own function up to where the device is reset.
 */
TEST(to_choose_how_to_reset_heals_nothing)
{
	begin_contained();
	set_reset_method("bus");
	stays_contained();
	set_reset_method(NULL);
	stays_contained();
	comes_back();
}

/* This port's link does not come up again in time, after a reset of its bus. */
TEST(a_reset_that_fails_heals_nothing)
{
	user_begin(user, contain_address(1));
	contain(user);
	set_reset_method("bus");
	ck_assert_int_eq(user_reset(user), -ENOTTY);
	stays_contained();
	set_reset_method(NULL);
	comes_back();
}

/* A device that falls silent again after each reset is cut off again. */
TEST(a_device_that_never_answers_again_is_cut_off_again)
{
	const uint64_t blocked = inject_get("blocked");
	unsigned int i;

	user_begin(user, contain_address(0));
	device_falls_silent(user);
	for (i = 0; i < 4; i++) {
		ck_assert(user_can_invalidate(user, 4));
		ck_assert(!device_is_let_in(user));
		ck_assert_int_eq(user_reset(user), 0);
	}
	ck_assert_uint_ge(inject_get("blocked") - blocked, 4);
	device_answers(user);
	ck_assert(device_works(user));
}

/* ---- What does not cut it off ---- */

TEST(one_time_out_is_not_enough)
{
	const uint64_t blocked = inject_get("blocked");

	user_begin(user, contain_address(0));
	inject_set("timeout", 1);
	history_begin();
	ck_assert(user_can_invalidate(user, 4));
	ck_assert_uint_eq(history_devtlb(user->sid), 8);
	ck_assert_uint_eq(inject_get("blocked"), blocked);
	ck_assert(device_works(user));
}
