/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * Everything at once, at random: users attach, detach, reset, unmap,
 * invalidate and close, while devices fall silent and answer again, or with
 * none that does.  Each call answers what it may, nothing hangs, the kernel has
 * nothing to complain of, and at the end each device works.
 *
 * IOMMUNEST_SECONDS: for how long.
 */
#include "contain.h"

#include "inject.h"

#include "tests/harness/support.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

FIXTURE(contain_begin, contain_end);

/* QEMU 7.2 and 10.0 crash once in some hundred resets beside other work. */
#define SECONDS 5u
/* Of each device. */
#define THREADS 2u

static struct user *const users[CONTAIN_DEVICES] = { &user_a, &user_b,
						     &user_c };

/* Who closes and opens the device keeps others from its descriptor. */
static pthread_rwlock_t is_open[CONTAIN_DEVICES] = {
	PTHREAD_RWLOCK_INITIALIZER,
	PTHREAD_RWLOCK_INITIALIZER,
	PTHREAD_RWLOCK_INITIALIZER,
};

static volatile bool stop;

/* A thread's; those of a name are added up at the end. */
struct racer {
	pthread_t thread;
	struct user *user;
	pthread_rwlock_t *lock;
	struct support_rng rng;
	uint64_t calls;
	uint64_t busy;
	/* The first answer that may not be. */
	const char *wrong;
	int answer;
};

static void is_one_of(struct racer *racer, const char *what, int ret, int also)
{
	racer->calls++;
	racer->busy += ret != 0;
	if (ret == 0 || ret == also || racer->wrong)
		return;
	racer->wrong = what;
	racer->answer = ret;
}

/* ---- What a user does ---- */

static void attach_to_any(struct racer *racer)
{
	const uint32_t ids[] = { racer->user->nested, racer->user->other,
				 racer->user->ioas };

	is_one_of(racer, "attach",
		  user_attach(racer->user,
			      ids[support_rng_below(&racer->rng, 3)]),
		  -EBUSY);
}

static void detach(struct racer *racer)
{
	is_one_of(racer, "detach", user_detach(racer->user), 0);
}

/* Another reset may be under way. */
static void reset(struct racer *racer)
{
	is_one_of(racer, "reset", user_reset(racer->user), -EAGAIN);
}

static void reset_by_sysfs(struct racer *racer)
{
	is_one_of(racer, "sysfs reset",
		  sysfs_device(racer->user->address, "reset", "1"), -EAGAIN);
}

/* Another thread may have done it before, or be about it. */
static void map_or_unmap(struct racer *racer)
{
	unsigned int page = support_rng_below(&racer->rng, CONTAIN_PAGES);
	int ret;

	if (support_rng_below(&racer->rng, 2)) {
		is_one_of(racer, "map", user_map(racer->user, page), -EEXIST);
		return;
	}
	ret = user_unmap(racer->user, page);
	is_one_of(racer, "unmap", ret == -EBUSY ? -ENOENT : ret, -ENOENT);
}

static void invalidate(struct racer *racer)
{
	uint32_t count = 1 + support_rng_below(&racer->rng, 40);
	struct answer answer = user_invalidate(racer->user, count);

	is_one_of(racer, "invalidate", answer.ret, 0);
	is_one_of(racer, "entries done", (int)(count - answer.done), 0);
}

/* 6.12 does neither block nor report. */
static void invalidate_reporting(struct racer *racer)
{
	uint32_t count = 1 + support_rng_below(&racer->rng, 40);

	if (!contain_blocks()) {
		invalidate(racer);
		return;
	}
	is_one_of(racer, "invalidate with reports",
		  user_invalidate_reporting(racer->user, count).ret,
		  -ETIMEDOUT);
}

static void close_and_open(struct racer *racer)
{
	pthread_rwlock_unlock(racer->lock);
	pthread_rwlock_wrlock(racer->lock);
	user_close_device(racer->user);
	is_one_of(racer, "open", user_open_device(racer->user), 0);
}

static const struct {
	void (*run)(struct racer *racer);
	unsigned int weight;
} actions[] = {
	{ invalidate, 40 },    { invalidate_reporting, 8 },
	{ map_or_unmap, 24 },  { attach_to_any, 12 },
	{ detach, 6 },	       { reset, 3 },
	{ reset_by_sysfs, 1 }, { close_and_open, 1 },
};

static void act(struct racer *racer)
{
	unsigned int total = 0, at, i;

	for (i = 0; i < ARRAY_LEN(actions); i++)
		total += actions[i].weight;
	at = support_rng_below(&racer->rng, total);
	for (i = 0; at >= actions[i].weight; i++)
		at -= actions[i].weight;
	actions[i].run(racer);
}

static void *race(void *data)
{
	struct racer *racer = data;

	while (!stop && !racer->wrong) {
		pthread_rwlock_rdlock(racer->lock);
		act(racer);
		pthread_rwlock_unlock(racer->lock);
	}
	return NULL;
}

/* ---- What the hardware does ---- */

static void make_trouble(struct support_rng *rng)
{
	const struct user *user =
		users[support_rng_below(rng, CONTAIN_DEVICES)];

	switch (support_rng_below(rng, 8)) {
	case 0:
	case 1:
	case 2:
		device_falls_silent(user);
		break;
	case 3:
		all_devices_answer();
		break;
	case 4:
		inject_set("reports_sid", support_rng_below(rng, 2));
		break;
	case 5:
		inject_set("timeout", 1);
		break;
	case 6:
		inject_set("delay", support_rng_below(rng, 4));
		inject_set("block_delay", support_rng_below(rng, 4));
		break;
	default:
		inject_set("timeout_behind", support_rng_below(rng, 3));
		inject_set("completion", support_rng_below(rng, 3));
		break;
	}
}

/* ---- The race ---- */

static struct racer racers[CONTAIN_DEVICES * THREADS];

static void start_racers(const struct support_rng *rng)
{
	unsigned int i;

	stop = false;
	for (i = 0; i < ARRAY_LEN(racers); i++) {
		racers[i] = (struct racer){
			.user = users[i % CONTAIN_DEVICES],
			.lock = &is_open[i % CONTAIN_DEVICES],
			.rng = *rng,
		};
		racers[i].rng.state += i + 1;
		ck_assert_int_eq(pthread_create(&racers[i].thread, NULL, race,
						&racers[i]),
				 0);
	}
}

static void stop_racers(struct racer *sum)
{
	unsigned int i;

	stop = true;
	for (i = 0; i < ARRAY_LEN(racers); i++) {
		pthread_join(racers[i].thread, NULL);
		sum->calls += racers[i].calls;
		sum->busy += racers[i].busy;
		if (!racers[i].wrong)
			continue;
		sum->wrong = racers[i].wrong;
		sum->answer = racers[i].answer;
	}
}

static void begin_users(void)
{
	user_begin(&user_a, contain_address(0));
	user_begin(&user_b, contain_address(1));
	user_join(&user_c, &user_a, contain_address(2));
}

static void race_for_a_while(struct support_rng *rng, bool with_trouble)
{
	const uint64_t end =
		now_ms() + 1000 * support_number("IOMMUNEST_SECONDS", SECONDS);
	struct racer sum = { .wrong = NULL };

	start_racers(rng);
	while (now_ms() < end) {
		if (with_trouble)
			make_trouble(rng);
		sleep_ms(1 + support_rng_below(rng, 30));
	}
	contain_clear();
	stop_racers(&sum);
	printf("%" PRIu64 " calls, %" PRIu64 " refused\n", sum.calls, sum.busy);
	if (sum.wrong)
		ck_abort_msg("%s: %s; again: " SUPPORT_SEED "=%#" PRIx64,
			     sum.wrong, strerror(-sum.answer), rng->seed);
}

static void reset_and_attach(void)
{
	unsigned int i;

	for (i = 0; i < CONTAIN_DEVICES; i++) {
		ck_assert_int_eq(user_reset(users[i]), 0);
		ck_assert_int_eq(user_attach(users[i], users[i]->nested), 0);
	}
}

TEST_LOOP(everything_at_once_ends_well, contain_blocks() ? 1 : 0)
{
	const uint64_t timed_out = inject_get("timed_out");
	const uint64_t blocked = inject_get("blocked");
	struct support_rng rng;
	unsigned int i;

	support_rng_start(&rng, "contain-races");
	begin_users();
	race_for_a_while(&rng, true);
	printf("%" PRIu64 " time-outs, %" PRIu64 " blocks\n",
	       inject_get("timed_out") - timed_out,
	       inject_get("blocked") - blocked);
	ck_assert_uint_gt(inject_get("blocked"), blocked);
	reset_and_attach();
	for (i = 0; i < CONTAIN_DEVICES; i++)
		ck_assert(device_works(users[i]));
}

/* The one test here that Linux 6.12 can have. */
TEST(everything_at_once_without_trouble_ends_well)
{
	struct support_rng rng;
	unsigned int i;

	support_rng_start(&rng, "contain-races without trouble");
	begin_users();
	race_for_a_while(&rng, false);
	reset_and_attach();
	for (i = 0; i < CONTAIN_DEVICES; i++)
		ck_assert(user_can_invalidate(users[i], 4));
}
