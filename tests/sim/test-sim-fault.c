/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* Failures on demand. */
#include "tests/harness/sim-rig.h"
#include "tests/harness/support.h"

#include <stdlib.h>

#define UNTOUCHED 0x5a5a

static struct rig rig;

static struct iommunest_sim_fault fault_of(uint32_t kind, uint64_t nth,
					   int error)
{
	const struct iommunest_sim_fault fault = {
		.size = sizeof(fault),
		.kind = kind,
		.error = error,
		.nth = nth,
	};

	return fault;
}

static void inject(const struct iommunest_sim_fault *fault)
{
	ck_assert_int_eq(iommunest_sim_inject(rig.sim, fault), 0);
}

static void inject_kind(uint32_t kind, uint64_t nth, int error)
{
	const struct iommunest_sim_fault fault = fault_of(kind, nth, error);

	inject(&fault);
}

static void inject_count(uint32_t kind, uint64_t nth, int error, uint32_t count)
{
	struct iommunest_sim_fault fault = fault_of(kind, nth, error);

	fault.count = count;
	inject(&fault);
}

static void inject_repeat(uint32_t kind, uint64_t nth, int error,
			  uint64_t repeat)
{
	struct iommunest_sim_fault fault = fault_of(kind, nth, error);

	fault.repeat = repeat;
	inject(&fault);
}

/* Submits @count entries; checks the result, and how many were flushed. */
static void submit_is(uint32_t count, int want, uint32_t handled,
		      size_t flushed)
{
	uint32_t num;

	ck_assert_int_eq(rig_submit_pages(&rig, count, &num), want);
	ck_assert_uint_eq(num, handled);
	ck_assert_uint_eq(rig.desc_count, flushed);
}

static void setup(void)
{
	rig_open(&rig, 0, 0, 0);
}

static void teardown(void)
{
	rig_close(&rig);
}
FIXTURE(setup, teardown);

/* ---- Injecting ---- */

static int inject_ret(const struct iommunest_sim_fault *fault)
{
	return iommunest_sim_inject(rig.sim, fault);
}

TEST(bad_faults_are_einval)
{
	const uint32_t call = IOMMUNEST_SIM_FAIL_CALL;
	struct iommunest_sim_fault fault = fault_of(call, 1, -EIO);
	uint32_t kind;

	ck_assert_int_eq(inject_ret(NULL), -EINVAL);
	ck_assert_int_eq(iommunest_sim_inject(NULL, &fault), -EINVAL);
	fault.size--;
	ck_assert_int_eq(inject_ret(&fault), -EINVAL);
	fault = fault_of(0, 1, -EIO);
	ck_assert_int_eq(inject_ret(&fault), -EINVAL);
	fault = fault_of(7, 1, -EIO);
	ck_assert_int_eq(inject_ret(&fault), -EINVAL);
	fault = fault_of(call, 0, -EIO);
	ck_assert_int_eq(inject_ret(&fault), -EINVAL);
	fault = fault_of(call, 1, -EIO);
	fault.code = 1;
	ck_assert_int_eq(inject_ret(&fault), -EINVAL);
	for (kind = IOMMUNEST_SIM_FAIL_CALL; kind <= IOMMUNEST_SIM_INTERRUPT;
	     kind++) {
		fault = fault_of(kind, 1, EIO);
		ck_assert_int_eq(inject_ret(&fault), -EINVAL);
		fault = fault_of(kind, 1, -4096);
		ck_assert_int_eq(inject_ret(&fault), -EINVAL);
		fault = fault_of(kind, 1, 0);
		if (kind != IOMMUNEST_SIM_WRONG_COUNT)
			ck_assert_int_eq(inject_ret(&fault), -EINVAL);
	}
	submit_is(3, 0, 3, 3);
}

TEST(newer_faults_are_accepted_if_the_unknown_part_is_zero)
{
	struct {
		struct iommunest_sim_fault fault;
		uint64_t tail;
	} newer = { .fault = fault_of(IOMMUNEST_SIM_FAIL_CALL, 1, -EIO) };

	newer.fault.size = sizeof(newer);
	newer.tail = 1;
	ck_assert_int_eq(inject_ret(&newer.fault), -E2BIG);
	submit_is(1, 0, 1, 1);
	newer.tail = 0;
	ck_assert_int_eq(inject_ret(&newer.fault), 0);
	submit_is(1, -EIO, 0, 0);
}

TEST(a_fault_larger_than_a_page_is_e2big)
{
	union {
		struct iommunest_sim_fault fault;
		char page[8192];
	} large = { .fault = fault_of(IOMMUNEST_SIM_FAIL_CALL, 1, -EIO) };

	large.fault.size = 4096;
	ck_assert_int_eq(inject_ret(&large.fault), 0);
	large.fault.size = 4097;
	ck_assert_int_eq(inject_ret(&large.fault), -E2BIG);
}

TEST(sixty_four_faults_can_be_pending)
{
	const struct iommunest_sim_fault fault =
		fault_of(IOMMUNEST_SIM_FAIL_CALL, 2, -EIO);
	unsigned int i;

	for (i = 0; i < 64; i++)
		ck_assert_int_eq(inject_ret(&fault), 0);
	ck_assert_int_eq(inject_ret(&fault), -ENOSPC);
	submit_is(1, 0, 1, 1);
	ck_assert_int_eq(inject_ret(&fault), -ENOSPC);
	/* All of them are due now. */
	submit_is(1, -EIO, 0, 0);
	ck_assert_int_eq(inject_ret(&fault), 0);
}

TEST(cleared_faults_do_not_happen)
{
	inject_kind(IOMMUNEST_SIM_FAIL_CALL, 1, -EIO);
	inject_kind(IOMMUNEST_SIM_FAIL_ENTRY, 1, -EIO);
	iommunest_sim_clear_faults(rig.sim);
	submit_is(3, 0, 3, 3);
}

/* ---- What the faults do ---- */

TEST(the_nth_call_fails_before_it_does_anything)
{
	submit_is(1, 0, 1, 1);
	inject_kind(IOMMUNEST_SIM_FAIL_CALL, 2, -ENOMEM);
	submit_is(2, 0, 2, 2);
	submit_is(2, -ENOMEM, 0, 0);
	submit_is(2, 0, 2, 2);
}

TEST(a_call_can_fail_without_writing_its_count)
{
	inject_kind(IOMMUNEST_SIM_FAIL_CALL_UNTOUCHED, 2, -ENOTTY);
	submit_is(2, 0, 2, 2);
	submit_is(7, -ENOTTY, 7, 0);
	submit_is(2, 0, 2, 2);
}

TEST(empty_and_failing_calls_are_counted)
{
	inject_kind(IOMMUNEST_SIM_FAIL_CALL, 4, -EIO);
	submit_is(0, 0, 0, 0);
	ck_assert_int_eq(rig_ioctl(&rig, IOMMU_HWPT_INVALIDATE, NULL), -EFAULT);
	submit_is(1, 0, 1, 1);
	submit_is(1, -EIO, 0, 0);
	ck_assert_uint_eq(rig_stats(&rig).calls, 4);
}

TEST(other_ioctls_are_not_counted)
{
	struct iommu_ioas_alloc cmd = { .size = sizeof(cmd) };

	inject_kind(IOMMUNEST_SIM_FAIL_CALL, 1, -EIO);
	ck_assert_int_eq(rig_ioctl(&rig, IOMMU_IOAS_ALLOC, &cmd), 0);
	ck_assert_uint_eq(rig_stats(&rig).calls, 0);
	submit_is(1, -EIO, 0, 0);
}

TEST(the_nth_entry_fails_after_those_before_it_are_flushed)
{
	uint32_t at;

	for (at = 1; at <= 5; at++) {
		inject_kind(IOMMUNEST_SIM_FAIL_ENTRY, at, -EIO);
		submit_is(5, -EIO, at - 1, at - 1);
		submit_is(5, 0, 5, 5);
	}
}

TEST(entries_are_counted_across_calls)
{
	inject_kind(IOMMUNEST_SIM_FAIL_ENTRY, 8, -EIO);
	submit_is(5, 0, 5, 5);
	submit_is(5, -EIO, 2, 2);
	submit_is(3, 0, 3, 3);
	ck_assert_uint_eq(rig_stats(&rig).entries, 11);
}

TEST(entries_after_a_failing_one_are_not_counted)
{
	inject_kind(IOMMUNEST_SIM_FAIL_ENTRY, 2, -EIO);
	inject_kind(IOMMUNEST_SIM_FAIL_ENTRY, 3, -ENXIO);
	submit_is(5, -EIO, 1, 1);
	submit_is(4, -ENXIO, 0, 0);
	submit_is(4, 0, 4, 4);
}

TEST(a_fault_can_repeat)
{
	inject_repeat(IOMMUNEST_SIM_FAIL_CALL, 2, -EAGAIN, 3);
	submit_is(1, 0, 1, 1);
	submit_is(1, -EAGAIN, 0, 0);
	submit_is(1, -EAGAIN, 0, 0);
	submit_is(1, -EAGAIN, 0, 0);
	submit_is(1, 0, 1, 1);
	inject_repeat(IOMMUNEST_SIM_FAIL_ENTRY, 2, -EIO, 2);
	submit_is(4, -EIO, 1, 1);
	submit_is(3, -EIO, 0, 0);
	submit_is(3, 0, 3, 3);
}

TEST(a_fault_can_repeat_for_ever)
{
	unsigned int i;

	inject_repeat(IOMMUNEST_SIM_FAIL_ENTRY, 2, -EIO, UINT64_MAX);
	submit_is(4, -EIO, 1, 1);
	for (i = 0; i < 100; i++)
		submit_is(3, -EIO, 0, 0);
	iommunest_sim_clear_faults(rig.sim);
	submit_is(3, 0, 3, 3);
	inject_repeat(IOMMUNEST_SIM_FAIL_CALL, UINT64_MAX, -EIO, UINT64_MAX);
	submit_is(3, 0, 3, 3);
}

TEST(a_wrong_count_can_be_reported)
{
	inject_count(IOMMUNEST_SIM_WRONG_COUNT, 1, 0, UNTOUCHED);
	submit_is(4, 0, UNTOUCHED, 4);
	submit_is(4, 0, 4, 4);
	inject_count(IOMMUNEST_SIM_WRONG_COUNT, 1, 0, 0);
	submit_is(4, 0, 0, 4);
	inject_count(IOMMUNEST_SIM_WRONG_COUNT, 1, -EIO, 2);
	submit_is(4, -EIO, 2, 4);
}

TEST(a_wrong_count_of_a_failing_call_keeps_its_errno)
{
	struct iommu_hwpt_vtd_s1_invalidate bad = { .flags = 2 };
	uint32_t num = 1;

	inject_count(IOMMUNEST_SIM_WRONG_COUNT, 1, 0, 9);
	ck_assert_int_eq(rig_submit(&rig, rig.nested, &bad, &num), -EOPNOTSUPP);
	ck_assert_uint_eq(num, 9);
}

TEST(an_interrupt_stops_before_an_entry)
{
	inject_count(IOMMUNEST_SIM_INTERRUPT, 2, -EINTR, 3);
	submit_is(5, 0, 5, 5);
	submit_is(5, -EINTR, 3, 3);
	submit_is(5, 0, 5, 5);
	inject_count(IOMMUNEST_SIM_INTERRUPT, 1, -EINTR, 0);
	submit_is(5, -EINTR, 0, 0);
	ck_assert_uint_eq(rig_stats(&rig).entries, 13);
}

TEST(an_interrupt_after_the_last_entry_does_nothing)
{
	inject_count(IOMMUNEST_SIM_INTERRUPT, 1, -EINTR, 5);
	submit_is(5, 0, 5, 5);
	submit_is(6, 0, 6, 6);
}

TEST(faults_of_two_kinds_can_hit_one_call)
{
	inject_kind(IOMMUNEST_SIM_FAIL_ENTRY, 4, -EIO);
	inject_count(IOMMUNEST_SIM_INTERRUPT, 1, -EINTR, 2);
	submit_is(5, -EINTR, 2, 2);
	submit_is(3, -EIO, 1, 1);
	submit_is(2, 0, 2, 2);
}

TEST(of_two_faults_of_a_kind_the_first_wins)
{
	inject_kind(IOMMUNEST_SIM_FAIL_CALL, 1, -EIO);
	inject_kind(IOMMUNEST_SIM_FAIL_CALL, 1, -ENXIO);
	submit_is(2, -EIO, 0, 0);
	submit_is(2, 0, 2, 2);
}

TEST(a_bad_size_is_reported_before_an_injected_failure)
{
	struct iommu_hwpt_invalidate cmd = { .size = 31 };

	inject_kind(IOMMUNEST_SIM_FAIL_CALL, 1, -EIO);
	ck_assert_int_eq(rig_ioctl(&rig, IOMMU_HWPT_INVALIDATE, &cmd), -EINVAL);
	submit_is(1, 0, 1, 1);
}

TEST(statistics_of_a_bad_size_are_refused)
{
	struct iommunest_sim_stats stats = { .size = sizeof(stats),
					     .calls = 7 };

	ck_assert_int_eq(iommunest_sim_stats(NULL, &stats), -EINVAL);
	ck_assert_int_eq(iommunest_sim_stats(rig.sim, NULL), -EINVAL);
	stats.size = sizeof(stats) - 1;
	ck_assert_int_eq(iommunest_sim_stats(rig.sim, &stats), -EINVAL);
	stats.size = 4097;
	ck_assert_int_eq(iommunest_sim_stats(rig.sim, &stats), -E2BIG);
	stats.size = SIZE_MAX;
	ck_assert_int_eq(iommunest_sim_stats(rig.sim, &stats), -E2BIG);
	ck_assert_uint_eq(stats.calls, 7);
}

TEST(newer_statistics_are_zero)
{
	struct {
		struct iommunest_sim_stats stats;
		uint64_t tail;
	} newer = { .stats = { .size = sizeof(newer) }, .tail = 1 };

	submit_is(1, 0, 1, 1);
	ck_assert_int_eq(iommunest_sim_stats(rig.sim, &newer.stats), 0);
	ck_assert_uint_eq(newer.stats.size, sizeof(newer));
	ck_assert_uint_eq(newer.stats.calls, 1);
	ck_assert_uint_eq(newer.tail, 0);
}

TEST(statistics_count_calls_entries_and_descriptors)
{
	struct iommu_hwpt_vtd_s1_invalidate entries[] = {
		{ .npages = 1 },
		{ .npages = 1 },
		{ .flags = 2 },
		{ .npages = 1 },
	};
	struct iommunest_sim_stats stats;
	uint32_t num = 4;

	ck_assert_int_eq(rig_submit(&rig, rig.nested, entries, &num),
			 -EOPNOTSUPP);
	submit_is(0, 0, 0, 0);
	stats = rig_stats(&rig);
	ck_assert_uint_eq(stats.calls, 2);
	ck_assert_uint_eq(stats.entries, 3);
	ck_assert_uint_eq(stats.descs, 2);
	ck_assert_uint_eq(stats.refused, 0);
}
