/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * The same in legacy mode, where there is no nesting and no PASID table: a
 * device that does not answer meets an unmap, or a detach.  Hardware tags what
 * it has cached of a context entry with the entry's domain ID, so that whoever
 * changes one has to name it.
 */
#include "contain.h"

#include "inject.h"

#include "tests/harness/support.h"

#include <errno.h>
#include <stdlib.h>

#define CONTEXT_CACHE 1u
/* Of a descriptor for the context cache: one entry of it. */
#define BY_DEVICE 3u

FIXTURE(contain_begin, contain_end);

static struct user *const user = &user_a;

static unsigned int domain_of(const struct event *event)
{
	return event->qw0 >> 16 & 0xffff;
}

static bool is_for_context_entry(const struct event *event)
{
	return event_type(event) == CONTEXT_CACHE &&
	       (event->qw0 >> 4 & 3) == BY_DEVICE &&
	       (event->qw0 >> 32 & 0xffff) == user->sid;
}

/* The domain ID by which the device's context entry was invalidated, once. */
static unsigned int domain_invalidated(void)
{
	const struct event *all;
	unsigned int count = history_end(&all), found = 0, domain = 0, i;

	for (i = 0; i < count; i++) {
		if (!is_for_context_entry(&all[i]))
			continue;
		domain = domain_of(&all[i]);
		found++;
	}
	ck_assert_uint_eq(found, 1);
	return domain;
}

static unsigned int devtlb_of_unmap(unsigned int page)
{
	history_begin();
	ck_assert_int_eq(user_unmap(user, page), 0);
	return history_devtlb(user->sid);
}

static void block_by(int (*act)(void))
{
	const uint64_t blocked = inject_get("blocked");

	device_falls_silent(user);
	history_begin();
	ck_assert_int_eq(act(), 0);
	ck_assert_uint_eq(inject_get("blocked"), blocked + 1);
	ck_assert(!device_is_let_in(user));
	device_answers(user);
}

static int unmap_first(void)
{
	return user_unmap(user, 0);
}

TEST_LOOP(a_block_invalidates_the_entry_of_the_devices_domain, CONTAIN_DEVICES)
{
	unsigned int of_block;

	user_begin_plain(user, contain_address((unsigned int)_i));
	ck_assert(device_is_let_in(user));
	block_by(unmap_first);
	of_block = domain_invalidated();
	ck_assert_int_eq(user_reset(user), 0);
	ck_assert(device_is_let_in(user));
	history_begin();
	ck_assert_int_eq(user_detach(user), 0);
	ck_assert_uint_eq(of_block, domain_invalidated());
}

/* Nothing is sent to it, and nothing attached, until it has been reset. */
TEST(a_reset_brings_a_blocked_device_back)
{
	user_begin_plain(user, contain_address(0));
	ck_assert_uint_ge(devtlb_of_unmap(1), 1);
	block_by(unmap_first);
	ck_assert_uint_eq(devtlb_of_unmap(2), 0);
	ck_assert_int_eq(user_detach(user), 0);
	ck_assert_int_eq(user_attach(user, user->ioas), -EBUSY);
	ck_assert(!device_is_let_in(user));
	ck_assert_int_eq(user_reset(user), 0);
	ck_assert_int_eq(user_attach(user, user->ioas), 0);
	ck_assert(device_is_let_in(user));
	ck_assert_uint_ge(devtlb_of_unmap(3), 1);
}

static int detach(void)
{
	return user_detach(user);
}

TEST(a_silent_device_is_detached)
{
	user_begin_plain(user, contain_address(0));
	block_by(detach);
	ck_assert_int_eq(user_attach(user, user->ioas), -EBUSY);
	ck_assert_int_eq(user_reset(user), 0);
	ck_assert_int_eq(user_attach(user, user->ioas), 0);
	ck_assert_uint_ge(devtlb_of_unmap(1), 1);
}

int main(int argc, char **argv)
{
	if (!contain_can_be_tested())
		return 77;
	/* What one leaves behind, the next one finds. */
	setenv("CK_FORK", "no", 1);
	return support_run(argc, argv);
}
