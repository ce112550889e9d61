/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * Descriptors of the host's own that hardware refuses, by refuse_any: of what
 * is unmapped or detached, and of the DMA API.  Nobody asks what became of
 * them, so they are nobody's error; the log has them.
 */
#include <config.h>

#include "dma-api.h"
#include "errors.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define FOUND "VT-d detected Invalidation Queue Error"

static uint64_t refused_before, users_before;

static unsigned int refused(void)
{
	return (unsigned int)(inject_get("refused") - refused_before);
}

static unsigned int users_refused(void)
{
	return (unsigned int)(inject_get("user_refused") - users_before);
}

static void begin(void)
{
	errors_begin();
	if (!errors_injects())
		return;
	refused_before = inject_get("refused");
	users_before = inject_get("user_refused");
}

static void end(void)
{
	if (!errors_injects())
		return;
	inject_clear();
	ck_assert_int_eq(real_attach(&errors_ats, ERRORS_FIRST,
				     errors_ats.env.nested),
			 0);
	errors_put_pages(100);
	errors_is_done(errors_call(&errors_ats, 100), 100);
}

FIXTURE(begin, end);

/* ---- What the host does, and how to be where it was before ---- */

static int detach(void)
{
	return real_attach(&errors_ats, ERRORS_FIRST, 0);
}

static int attach(void)
{
	return real_attach(&errors_ats, ERRORS_FIRST, errors_ats.env.nested);
}

static int replace(void)
{
	return real_attach(&errors_ats, ERRORS_FIRST,
			   errors_ats.env.unattached);
}

static const struct {
	void (*prepare)(void);
	int (*act)(void);
} ways[] = {
	{ errors_map, errors_unmap },
	{ NULL, detach },
	{ NULL, replace },
};
#define WAYS (int)ARRAY_LEN(ways)

static void prepare(int way)
{
	ck_assert_int_eq(attach(), 0);
	if (ways[way].prepare)
		ways[way].prepare();
}

/* ---- Alone ---- */

static void all_is_well(void)
{
	errors_put_pages(33);
	if (errors_tells())
		errors_is_done(errors_report(&errors_plain, 33), 33);
	else
		errors_is_done(errors_call(&errors_plain, 33), 33);
	ck_assert_int_eq(attach(), 0);
	errors_is_done(errors_call(&errors_ats, 33), 33);
}

/* The @nth of what it submits.  False: there are not so many. */
static bool act_with(int way, const char *knob, unsigned int nth)
{
	unsigned int before = refused();

	prepare(way);
	inject_log_lines("");
	inject_set("refuse_any", 1);
	inject_set(knob, nth);
	ck_assert_int_eq(ways[way].act(), 0);
	inject_set("refuse_any", 0);
	if (inject_get(knob)) {
		inject_set(knob, 0);
		ck_assert_uint_eq(inject_log_lines(FOUND), 0);
		return false;
	}
	ck_assert_uint_eq(refused() - before, 1);
	ck_assert_uint_eq(users_refused(), 0);
	ck_assert_uint_eq(inject_log_lines(FOUND), 1);
	all_is_well();
	return true;
}

/* Each in turn.  Whatever the host does has one at least. */
TEST_LOOP(a_refusal_of_the_hosts_own_is_nobodys_error, errors_if_injects(WAYS))
{
	unsigned int nth = 1;

	while (act_with(_i, "refuse", nth))
		nth++;
	ck_assert_uint_gt(nth, 1);
}

TEST_LOOP(a_refused_wait_of_the_hosts_own_is_nobodys_error,
	  errors_if_injects(WAYS))
{
	unsigned int nth = 1;

	while (act_with(_i, "refuse_wait", nth))
		nth++;
	ck_assert_uint_gt(nth, 1);
}

/* ---- Beside an invalidation that has not ended ---- */

/* Not on the CPU that the caller is tied to. */
static void leave_its_cpu(void)
{
	cpu_set_t mine, others;
	int i;

	sched_getaffinity(0, sizeof(mine), &mine);
	CPU_ZERO(&others);
	for (i = 0; i < 8; i++)
		if (!CPU_ISSET((size_t)i, &mine))
			CPU_SET((size_t)i, &others);
	sched_setaffinity(0, sizeof(others), &others);
}

static void *invalidate(void *answer)
{
	leave_its_cpu();
	*(struct errors_answer *)answer = errors_report(&errors_ats, 8);
	return NULL;
}

/*
 * A device answers late, and the CPU that waits for it is the one that finds
 * the error of what the host submits meanwhile.
 */
#define LATE_MS 3000u

TEST_LOOP(a_refusal_of_the_hosts_own_is_not_the_waiting_users,
	  errors_if_tells(2))
{
	const char *knob = _i ? "refuse_wait" : "refuse";
	const uint64_t before = inject_get("user_submissions");
	const uint64_t late_before = inject_get("timed_out");
	struct errors_answer answer = { 0 };
	pthread_t thread;

	errors_map();
	errors_put_pages(8);
	inject_set("delay", LATE_MS);
	inject_set("timeout", 1);
	ck_assert_int_eq(pthread_create(&thread, NULL, invalidate, &answer), 0);
	while (inject_get("user_submissions") == before)
		usleep(1000);
	inject_set("refuse_any", 1);
	inject_set(knob, 1);
	ck_assert_int_eq(errors_unmap(), 0);
	inject_set("refuse_any", 0);
	pthread_join(thread, NULL);
	errors_is_done(answer, 8);
	/* It was as it should be, and not one after the other. */
	ck_assert_uint_eq(inject_get("timed_out") - late_before, 1);
	ck_assert_uint_eq(refused(), 1);
	ck_assert_uint_eq(users_refused(), 0);
	ck_assert_uint_eq(inject_log_lines(FOUND), 1);
}

/* ---- Many, of both ---- */

static struct {
	atomic_bool stop;
	unsigned int done;
	unsigned int refused;
	unsigned int failed;
} user;

/* Of one descriptor each, on both CPUs. */
static void *work(void *unused)
{
	struct iommu_hwpt_vtd_s1_invalidate one = { .addr = 0x123000,
						    .npages = 1 };
	struct iommu_hwpt_invalidate cmd;
	int ret;

	leave_its_cpu();
	while (!atomic_load(&user.stop)) {
		cmd = conf_call(&errors_plain.env, &one, 1);
		ret = conf_ioctl(&errors_plain.env, IOMMU_HWPT_INVALIDATE,
				 &cmd);
		if (!ret && cmd.entry_num == 1)
			user.done++;
		else if (ret == -EIO && cmd.entry_num == 0)
			user.refused++;
		else
			user.failed++;
		usleep(100);
	}
	return unused;
}

static pthread_t start_user(void)
{
	pthread_t thread;

	memset(&user, 0, sizeof(user));
	ck_assert_int_eq(pthread_create(&thread, NULL, work, NULL), 0);
	return thread;
}

/* Each refusal of a user's is an error of the user's, and no other is. */
static void end_user(pthread_t thread)
{
	atomic_store(&user.stop, true);
	pthread_join(thread, NULL);
	trace_discard(errors_trace);
	printf("%u of %u refusals were a user's, of %u calls\n",
	       users_refused(), refused(), user.done + user.refused);
	ck_assert_uint_eq(user.failed, 0);
	ck_assert_uint_gt(user.done, 0);
	ck_assert_uint_eq(user.refused, errors_tells() ? users_refused() : 0);
	ck_assert_uint_gt(refused(), users_refused());
}

TEST_LOOP(refusals_of_the_hosts_own_cost_users_no_error,
	  errors_if_injects(WAYS))
{
	pthread_t thread = start_user();
	unsigned int i;

	for (i = 0; i < 100; i++) {
		prepare(_i);
		inject_set("refuse_any", 1);
		inject_set(i % 3 ? "refuse" : "refuse_wait", 1 + i % 4);
		ck_assert_int_eq(ways[_i].act(), 0);
		inject_clear();
		trace_discard(errors_trace);
	}
	end_user(thread);
	all_is_well();
}

/* ---- The DMA API ---- */

static void open_dma_api(void)
{
	ck_assert_int_eq(dma_api_make_strict(), 0);
	ck_assert_int_eq(dma_api_bind(), 0);
}

static void close_dma_api(void)
{
	ck_assert_int_eq(dma_api_unbind(), 0);
	/* More than there is room for. */
	trace_discard(errors_trace);
}

static void map_and_unmap_for_a_second(void)
{
	struct map_benchmark ignored;

	ck_assert_int_eq(dma_api_run(1, &ignored), 0);
}

#define MANY 200u

TEST_LOOP(the_dma_api_goes_on_after_refusals, errors_if_injects(1))
{
	unsigned int before;

	open_dma_api();
	before = refused();
	inject_set("refuse_any", 1);
	inject_set("refuse_more", MANY - 1);
	inject_set("refuse", 1);
	map_and_unmap_for_a_second();
	ck_assert_uint_eq(refused() - before, MANY);
	ck_assert_uint_eq(users_refused(), 0);
	ck_assert_uint_eq(inject_log_lines(FOUND), MANY);
	inject_clear();
	map_and_unmap_for_a_second();
	ck_assert_uint_eq(inject_log_lines(FOUND), 0);
	close_dma_api();
	all_is_well();
}

TEST_LOOP(the_dma_api_costs_users_no_error, errors_if_injects(1))
{
	pthread_t thread;

	open_dma_api();
	thread = start_user();
	inject_set("refuse_any", 1);
	inject_set("refuse_more", MANY - 1);
	inject_set("refuse", 1);
	map_and_unmap_for_a_second();
	inject_clear();
	end_user(thread);
	close_dma_api();
	all_is_well();
}
