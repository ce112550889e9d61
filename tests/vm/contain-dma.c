/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * The device itself is the witness: what it can write to before it is cut off,
 * after that, and after its reset.  Nobody nests here, because no emulator
 * does; so it also runs in legacy mode, with
 * VM_IOMMU=x-scalable-mode=off.
 */
#include "contain.h"
#include "rng.h"

#include "inject.h"

#include "tests/harness/support.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

FIXTURE(contain_begin, contain_end);

/* Of the user's pages: the queue's, one to write to, and one to unmap. */
#define QUEUE 0u
#define TARGET 8u
#define UNMAPPED 9u
#define LEN 64u

/* Much longer than it takes; and long enough to be sure that nothing comes. */
#define ANSWER_MS 20000u
#define SILENCE_MS 500u

static struct user *const user = &user_a;
static struct rng rng;

static char *page(unsigned int nth)
{
	return user->memory + nth * CONTAIN_PAGE;
}

static uint64_t iova(unsigned int nth)
{
	return CONTAIN_IOVA + (uint64_t)nth * CONTAIN_PAGE;
}

static bool is_zero(const char *at)
{
	static const char zeros[LEN];

	return !memcmp(at, zeros, LEN);
}

static bool device_writes(unsigned int ms)
{
	bool answered;

	memset(page(TARGET), 0, CONTAIN_PAGE);
	rng_ask(&rng, iova(TARGET), LEN);
	answered = rng_has_answered(&rng, ms);
	ck_assert_int_eq(answered, !is_zero(page(TARGET)));
	return answered;
}

static void start(void)
{
	ck_assert(rng_start(&rng, user->fd, page(QUEUE), iova(QUEUE)));
	ck_assert(device_writes(ANSWER_MS));
}

static void begin_writing(void)
{
	user_begin_plain(user, contain_address(0));
	start();
}

TEST(a_device_writes_until_it_is_cut_off_and_after_its_reset)
{
	begin_writing();
	device_falls_silent(user);
	ck_assert_int_eq(user_unmap(user, UNMAPPED), 0);
	ck_assert(!device_writes(SILENCE_MS));
	/* What is mapped anew is none of it. */
	ck_assert_int_eq(user_map(user, UNMAPPED), 0);
	ck_assert(!device_writes(SILENCE_MS));
	device_answers(user);
	ck_assert(!device_writes(SILENCE_MS));
	ck_assert_int_eq(user_reset(user), 0);
	start();
	ck_assert(device_writes(ANSWER_MS));
	/* And all of it once more, with a close in place of the reset. */
	device_falls_silent(user);
	ck_assert_int_eq(user_unmap(user, UNMAPPED), 0);
	ck_assert(!device_writes(SILENCE_MS));
	device_answers(user);
	user_close_device(user);
	ck_assert_int_eq(user_open_device(user), 0);
	ck_assert_int_eq(user_attach(user, user->ioas), 0);
	start();
}

/* One that is not cut off goes on. */
TEST(a_device_that_answers_late_goes_on_writing)
{
	begin_writing();
	inject_set("timeout", 1);
	ck_assert_int_eq(user_unmap(user, UNMAPPED), 0);
	ck_assert(device_writes(ANSWER_MS));
}
