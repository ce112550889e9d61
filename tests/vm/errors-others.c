/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * Errors of the hardware that one tenant meets while others work, on both CPUs,
 * and all of them at random.
 */
#include <config.h>

#include "errors.h"

#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define MAX_ENTRIES 512u
#define SOAK_ENTRIES 300000u

static uint64_t blocked_before;

static unsigned int blocked(void)
{
	return (unsigned int)(inject_get("blocked") - blocked_before);
}

static void begin(void)
{
	errors_begin();
	if (errors_tells())
		blocked_before = inject_get("blocked");
}

static void heal(void)
{
	inject_clear();
	ck_assert_int_eq(real_reset(&errors_ats, ERRORS_FIRST), 0);
	ck_assert_int_eq(real_reset(&errors_ats, ERRORS_SECOND), 0);
	ck_assert_int_eq(real_attach(&errors_ats, ERRORS_SECOND, 0), 0);
	ck_assert_int_eq(real_attach(&errors_ats, ERRORS_FIRST,
				     errors_ats.env.nested),
			 0);
}

static void end(void)
{
	if (!errors_tells())
		return;
	heal();
	errors_put_pages(100);
	errors_is_done(errors_report(&errors_ats, 100), 100);
}

FIXTURE(begin, end);

/* On all CPUs, not only on the one whose trace is read. */
static void *roam(void *argument)
{
	cpu_set_t cpus;
	int i;

	CPU_ZERO(&cpus);
	for (i = 0; i < 8; i++)
		CPU_SET((size_t)i, &cpus);
	sched_setaffinity(0, sizeof(cpus), &cpus);
	return argument;
}

/* ---- Another tenant ---- */

static struct {
	atomic_bool stop;
	uint64_t done;
	uint64_t refused;
	uint64_t failed;
} other;

static void count_other(int ret, const struct iommunest_uapi_invalidate *cmd)
{
	if (!ret && cmd->entry_num == 1 && !cmd->out_driver_error_code)
		other.done++;
	else if (ret == -EIO && cmd->entry_num == 0)
		other.refused++;
	else if (other.failed++ == 0)
		printf("failed: %d, %u done, code %#x\n", ret, cmd->entry_num,
		       cmd->out_driver_error_code);
}

/* Calls of its own, because those of errors.h share their entries. */
static void call_once(bool report)
{
	struct iommu_hwpt_vtd_s1_invalidate one = { .addr = 0x123000,
						    .npages = 1 };
	struct iommunest_uapi_invalidate cmd = {
		.size = sizeof(cmd),
		.hwpt_id = errors_plain.env.nested,
		.data_uptr = (uintptr_t)&one,
		.data_type = IOMMU_HWPT_INVALIDATE_DATA_VTD_S1,
		.entry_len = sizeof(one),
		.entry_num = 1,
		.flags = report ? IOMMUNEST_INVALIDATE_REPORT_ERROR : 0,
	};
	int ret = conf_ioctl(&errors_plain.env, IOMMU_HWPT_INVALIDATE, &cmd);

	count_other(ret, &cmd);
}

static void *work(void *unused)
{
	bool report = false;

	roam(NULL);
	while (!atomic_load(&other.stop)) {
		call_once(report);
		report = !report;
		usleep(200);
	}
	return unused;
}

static pthread_t start_other(void)
{
	pthread_t thread;

	atomic_store(&other.stop, false);
	other.done = 0;
	other.refused = 0;
	other.failed = 0;
	ck_assert_int_eq(pthread_create(&thread, NULL, work, NULL), 0);
	return thread;
}

static void end_other(pthread_t thread, const char *what)
{
	atomic_store(&other.stop, true);
	pthread_join(thread, NULL);
	printf("%s: others had %" PRIu64 " done\n", what, other.done);
	ck_assert_uint_eq(other.failed, 0);
	ck_assert_uint_gt(other.done, 0);
}

/*
 * Finding 2: their submissions are aborted with ours, and repeated; what does
 * not answer is no error of theirs, and neither is it unknown what is done.
 */
TEST_LOOP(a_silent_device_costs_others_no_error, errors_if_tells(8))
{
	pthread_t thread = start_other();
	unsigned int i;

	errors_put_pages(64);
	for (i = 0; i < 5; i++) {
		inject_set("head", (uint64_t)(_i % 4));
		inject_set("reports_sid", _i < 4);
		inject_set("timeout_behind", 1);
		inject_set("delay", 5);
		inject_sid("silent_sid", ERRORS_SID);
		ck_assert_int_eq(errors_report(&errors_ats, 64).ret,
				 -ETIMEDOUT);
		heal();
		trace_discard(errors_trace);
	}
	end_other(thread, "silence");
	ck_assert_uint_eq(other.refused, 0);
	ck_assert_uint_eq(blocked(), 5);
}

/* Whoever's entry it is that hardware refuses: theirs fails, and nobody else's.
 */
TEST_LOOP(a_refused_entry_costs_others_no_error, errors_if_tells(1))
{
	const uint64_t before = inject_get("refused");
	pthread_t thread = start_other();
	uint64_t refused = 0;
	unsigned int i;

	errors_put_pages(64);
	for (i = 0; i < 300; i++) {
		struct errors_answer answer;

		inject_set("refuse", 1 + i % 129);
		answer = errors_call(&errors_ats, 64);
		if (answer.ret == -EIO)
			refused++;
		else
			errors_is_done(answer, 64);
		trace_discard(errors_trace);
	}
	inject_clear();
	end_other(thread, "refusals");
	ck_assert_uint_gt(refused, 0);
	ck_assert_uint_eq(refused + other.refused,
			  inject_get("refused") - before);
}

/* ---- The window before a device is blocked ---- */

static void *silence(void *unused)
{
	roam(NULL);
	errors_put_pages(8);
	errors_call(&errors_ats, 8);
	return unused;
}

/*
 * Finding 1: between the decision to block a device and the end of that, its
 * TLB can still be used.  No page is given away in that time.
 */
TEST_LOOP(no_page_is_given_away_before_a_device_is_blocked, errors_if_tells(3))
{
	const uint64_t before = inject_get("timed_out");
	pthread_t thread;

	errors_map();
	inject_set("block_delay", 300);
	inject_sid("silent_sid", ERRORS_SID);
	ck_assert_int_eq(pthread_create(&thread, NULL, silence, NULL), 0);
	while (inject_get("timed_out") - before < 2)
		usleep(1000);
	/* A while into the window, before its end, and before it begins. */
	usleep((useconds_t)_i * 20000);
	ck_assert_int_eq(errors_unmap(), 0);
	ck_assert_uint_eq(blocked(), 1);
	pthread_join(thread, NULL);
	ck_assert_uint_eq(blocked(), 1);
}

/* ---- Everything at once ---- */

static struct support_rng rng;

static uint32_t below(uint32_t end)
{
	return support_rng_below(&rng, end);
}

static void put_mixed(uint32_t count)
{
	uint32_t i;

	for (i = 0; i < count; i++)
		errors_entries()[i] = (struct iommu_hwpt_vtd_s1_invalidate){
			.addr = (uint64_t)below(1u << 20) << 12,
			.npages = below(8) ? 1u << below(8) : 1u << 19,
			.flags = below(2),
		};
	if (below(4) == 0)
		errors_entries()[below(count)] =
			(struct iommu_hwpt_vtd_s1_invalidate){
				.npages = UINT64_MAX
			};
}

static void add_fault(uint32_t count)
{
	inject_set("head", below(5));
	inject_set("reports_sid", below(2));
	switch (below(16)) {
	case 0:
		inject_set("refuse_more", below(3));
		inject_set("refuse", 1 + below(count));
		break;
	case 1:
		inject_set("timeout_more", below(2));
		inject_set("timeout", 1 + below(count / 8 + 1));
		break;
	case 2:
		inject_sid("silent_sid", ERRORS_SID);
		break;
	case 3:
		inject_set("refuse_wait", 1 + below(count / 8 + 1));
		break;
	case 4:
		inject_set("completion", 1 + below(4));
		break;
	default:
		break;
	}
}

/* What it may be, and nothing else. */
static void check_answer(struct errors_answer answer, uint32_t count)
{
	if (!answer.ret) {
		errors_is_done(answer, count);
		return;
	}
	support_assert(&rng, answer.ret == -EIO || answer.ret == -ETIMEDOUT);
	support_assert(&rng, answer.num < count);
	support_assert(&rng, answer.num <= answer.last);
	support_assert(&rng, answer.last < count);
	support_assert(&rng, answer.last - answer.num < ERRORS_SHARED);
	support_assert(&rng, answer.code & (answer.ret == -EIO
						    ? IOMMUNEST_VTD_FSTS_IQE
						    : IOMMUNEST_VTD_FSTS_ITE));
}

TEST_LOOP(a_soak_leaves_the_queue_healthy, errors_if_tells(1))
{
	uint64_t left = support_number("IOMMUNEST_COUNT", SOAK_ENTRIES);
	uint64_t failed = 0, calls = 0;
	struct errors_answer answer;
	uint32_t count;

	support_rng_start(&rng, "soak");
	while (left) {
		count = 1 + below(MAX_ENTRIES - 1);
		if (count > left)
			count = (uint32_t)left;
		put_mixed(count);
		add_fault(count);
		answer = errors_report(&errors_ats, count);
		check_answer(answer, count);
		calls++;
		failed += answer.ret != 0;
		if (answer.ret == -ETIMEDOUT)
			heal();
		inject_clear();
		left -= count;
		trace_discard(errors_trace);
	}
	printf("soak: %" PRIu64 " calls, %" PRIu64 " failed\n", calls, failed);
	ck_assert_uint_gt(failed, calls / 50);
}
