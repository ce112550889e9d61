/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * An array with bad entries in it, given to the real VT-d driver: whatever the
 * policy, the descriptors that reach the hardware are exactly the right ones,
 * each once and in order.
 */
#include "real.h"

#include "tests/harness/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT 4096u
#define BAD_FLAG (1u << 7)

static const uint32_t bad[] = { 0, 1, 7, 255, 4095 };
#define BADS ((uint32_t)(sizeof(bad) / sizeof(*bad)))

static struct real real[REAL_DEVICES];
static struct trace *trace;

/* Of one test. */
static struct real *on;
static struct iommunest_ctx *ctx;
static struct iommunest_batch *batch;
/* What reached the hardware: for the IOTLB, and for the device TLB. */
static struct list {
	struct conf_desc descs[2 * COUNT];
	/* Which it was, of both. */
	uint32_t place[2 * COUNT];
	uint32_t count;
} iotlb, dev_tlb;

static struct iommunest_vtd_entry *entry_at(uint32_t index)
{
	return iommunest_batch_entry(batch, index);
}

/* Each is one page, and no two are the same. */
static uint64_t addr_of(uint32_t index)
{
	return (uint64_t)(index + 1) << 13;
}

static void set_up(struct real *with)
{
	uint32_t i;

	on = with;
	ck_assert_int_eq(iommunest_open_fd(&ctx, on->env.fd, NULL), 0);
	ck_assert_int_eq(
		iommunest_batch_new(&batch, iommunest_vtd_s1_type(), COUNT), 0);
	for (i = 0; i < COUNT; i++)
		iommunest_vtd_batch_add_range(batch, addr_of(i), 1, 0,
					      i + 1000);
	ck_assert_int_eq(iommunest_batch_error(batch, NULL), 0);
	ck_assert_uint_eq(iommunest_batch_count(batch), COUNT);
	trace_discard(trace);
}

static void set_up_bad(struct real *with)
{
	uint32_t i;

	set_up(with);
	for (i = 0; i < BADS; i++)
		entry_at(bad[i])->flags = BAD_FLAG;
}

static void tear_down(void)
{
	iommunest_batch_free(batch);
	iommunest_close(ctx);
}

static int submit(enum iommunest_policy policy, struct iommunest_report *report)
{
	const struct iommunest_submit_options options = {
		.size = sizeof(options),
		.policy = policy,
	};

	report->size = sizeof(*report);
	return iommunest_submit(ctx, on->env.nested, batch, &options, report);
}

static bool is_bad(uint32_t index)
{
	uint32_t i;

	for (i = 0; i < BADS; i++) {
		if (bad[i] == index)
			return true;
	}
	return false;
}

/* ---- What reached the hardware ---- */

static void take(const struct conf_desc *desc, uint32_t place)
{
	struct list *list = desc->kind == CONF_DEV_TLB ? &dev_tlb : &iotlb;

	if (list->count == 2 * COUNT)
		ck_abort_msg("more than %u descriptors", list->count);
	list->descs[list->count] = *desc;
	list->place[list->count++] = place;
}

static void read_descs(void)
{
	struct trace_event event;
	struct conf_desc desc;
	uint32_t place = 0;

	iotlb.count = 0;
	dev_tlb.count = 0;
	while (trace_next(trace, &event)) {
		if (real_decode(&event, &desc))
			take(&desc, place++);
	}
}

/* A device with ATS has its own TLB flushed for each, in 7.3. */
static bool has_dev_tlb(void)
{
	return on->env.ats && on->env.kernel == CONF_LINUX_7_3;
}

/* libcheck's assertions are slow: not one for each of many. */
static void check_page(uint32_t at, uint64_t addr)
{
	const struct conf_desc *desc = &iotlb.descs[at];

	if (at >= iotlb.count)
		ck_abort_msg("only %u descriptors", iotlb.count);
	if (desc->kind != CONF_PIOTLB_PAGES || desc->am || desc->addr != addr)
		ck_abort_msg("descriptor %u: kind %d am %u addr %#llx, "
			     "and not %#llx",
			     at, desc->kind, desc->am,
			     (unsigned long long)desc->addr,
			     (unsigned long long)addr);
	if (!has_dev_tlb())
		return;
	if (at >= dev_tlb.count || dev_tlb.descs[at].addr != addr ||
	    dev_tlb.descs[at].am)
		ck_abort_msg("entry %u is not flushed from the device TLB", at);
	if (dev_tlb.place[at] < iotlb.place[at])
		ck_abort_msg("entry %u: the device TLB comes first", at);
}

/* Entries up to @end, except the bad ones where @skipped; returns how many. */
static uint32_t check_pages(uint32_t end, bool skipped)
{
	uint32_t i, at = 0;

	read_descs();
	for (i = 0; i < end; i++) {
		if (skipped && is_bad(i))
			continue;
		check_page(at, addr_of(i));
		at++;
	}
	return at;
}

/* There are so many, and no more. */
static void check_count(uint32_t count)
{
	ck_assert_uint_eq(iotlb.count, count);
	ck_assert_uint_eq(dev_tlb.count, has_dev_tlb() ? count : 0);
}

static void check_all_at(uint32_t at)
{
	const struct conf_desc *desc = &iotlb.descs[at];

	check_count(at + 1);
	/* 6.12 sends something else for "all", see "KERNELS" in the manual. */
	if (on->env.kernel == CONF_LINUX_6_12 && !on->env.fixed)
		ck_assert(desc->kind == CONF_PIOTLB_PAGES && desc->am == 52);
	else
		ck_assert(desc->kind == CONF_PIOTLB_ALL);
}

/* ---- Tests, each with and without ATS ---- */

TEST_LOOP(a_good_array_is_one_call_and_each_entry_once, REAL_DEVICES)
{
	struct iommunest_report report = { 0 };

	set_up(&real[_i]);
	ck_assert_int_eq(submit(IOMMUNEST_POLICY_STOP, &report), 0);
	ck_assert_uint_eq(report.calls, 1);
	ck_assert_uint_eq(report.handled, COUNT);
	check_count(check_pages(COUNT, false));
	tear_down();
}

TEST_LOOP(stop_fix_and_resume_flushes_each_entry_once, REAL_DEVICES)
{
	struct iommunest_report report = { 0 };
	uint32_t i;

	set_up_bad(&real[_i]);
	for (i = 0; i < BADS; i++) {
		ck_assert_int_eq(submit(IOMMUNEST_POLICY_STOP, &report),
				 -EOPNOTSUPP);
		ck_assert_uint_eq(report.blame, IOMMUNEST_BLAME_ENTRY);
		ck_assert_uint_eq(report.index, bad[i]);
		ck_assert_uint_eq(report.cookie, bad[i] + 1000);
		ck_assert(report.exact);
		ck_assert_uint_eq(iommunest_batch_cursor(batch), bad[i]);
		entry_at(bad[i])->flags = 0;
	}
	ck_assert_int_eq(submit(IOMMUNEST_POLICY_STOP, &report), 0);
	check_count(check_pages(COUNT, false));
	tear_down();
}

TEST_LOOP(stop_and_give_up_flushes_each_other_entry_once, REAL_DEVICES)
{
	struct iommunest_report report = { 0 };
	uint32_t i;

	set_up_bad(&real[_i]);
	for (i = 0; i < BADS; i++) {
		ck_assert_int_eq(submit(IOMMUNEST_POLICY_STOP, &report),
				 -EOPNOTSUPP);
		ck_assert_uint_eq(report.index, bad[i]);
		ck_assert_int_eq(iommunest_batch_skip(batch), 0);
	}
	ck_assert_int_eq(submit(IOMMUNEST_POLICY_STOP, &report), 0);
	check_count(check_pages(COUNT, true));
	tear_down();
}

TEST_LOOP(skip_flushes_each_other_entry_once, REAL_DEVICES)
{
	struct iommunest_failure skipped[BADS] = { IOMMUNEST_INIT(
		struct iommunest_failure) };
	struct iommunest_report report = {
		.skipped = skipped,
		.skipped_max = BADS,
	};
	uint32_t i;

	set_up_bad(&real[_i]);
	ck_assert_int_eq(submit(IOMMUNEST_POLICY_SKIP, &report), BADS);
	ck_assert_uint_eq(report.handled, COUNT - BADS);
	for (i = 0; i < BADS; i++) {
		ck_assert_uint_eq(skipped[i].index, bad[i]);
		ck_assert_uint_eq(skipped[i].cookie, bad[i] + 1000);
		ck_assert_int_eq(skipped[i].error, -EOPNOTSUPP);
	}
	check_count(check_pages(COUNT, true));
	tear_down();
}

/* With each of the bad entries alone. */
TEST_LOOP(flush_all_replaces_the_bad_entry_and_all_after_it,
	  (REAL_DEVICES * BADS))
{
	struct iommunest_report report = { 0 };
	const uint32_t at = bad[(uint32_t)_i % BADS];

	set_up(&real[(uint32_t)_i / BADS]);
	entry_at(at)->flags = BAD_FLAG;
	ck_assert_int_eq(submit(IOMMUNEST_POLICY_FLUSH_ALL, &report), 0);
	ck_assert_uint_eq(report.handled, at);
	ck_assert_uint_eq(report.flushed, COUNT - at);
	ck_assert_uint_eq(report.index, at);
	ck_assert_int_eq(report.error, -EOPNOTSUPP);
	check_all_at(check_pages(at, false));
	tear_down();
}

static enum iommunest_answer
fix(void *user, const struct iommunest_failure *failure, void *entry)
{
	uint32_t *asked = user;

	ck_assert_uint_eq(failure->index, bad[*asked]);
	(*asked)++;
	((struct iommunest_vtd_entry *)entry)->flags = 0;
	return IOMMUNEST_ANSWER_RETRY;
}

TEST_LOOP(ask_fixes_and_each_entry_is_flushed_once, REAL_DEVICES)
{
	struct iommunest_report report = { .size = sizeof(report) };
	uint32_t asked = 0;
	const struct iommunest_submit_options options = {
		.size = sizeof(options),
		.policy = IOMMUNEST_POLICY_ASK,
		.ask = fix,
		.user = &asked,
	};

	set_up_bad(&real[_i]);
	ck_assert_int_eq(iommunest_submit(ctx, on->env.nested, batch, &options,
					  &report),
			 0);
	ck_assert_uint_eq(asked, BADS);
	ck_assert_uint_eq(report.handled, COUNT);
	check_count(check_pages(COUNT, false));
	tear_down();
}

/* EINVAL at entry 0 is the entry's or the call's: the library asks. */
TEST_LOOP(einval_is_told_apart_without_a_flush, REAL_DEVICES)
{
	struct iommunest_report report = { .size = sizeof(report) };

	set_up(&real[_i]);
	entry_at(0)->addr |= 1;
	ck_assert_int_eq(submit(IOMMUNEST_POLICY_STOP, &report), -EINVAL);
	ck_assert_uint_eq(report.blame, IOMMUNEST_BLAME_ENTRY);
	ck_assert_uint_eq(report.index, 0);
	ck_assert_int_eq(iommunest_submit(ctx, on->env.ioas, batch, NULL,
					  &report),
			 on->env.kernel == CONF_LINUX_6_12 ? -ENOENT : -EINVAL);
	ck_assert_uint_eq(report.blame, IOMMUNEST_BLAME_CALL);
	read_descs();
	check_count(0);
	tear_down();
}

int main(int argc, char **argv)
{
	unsigned int i;
	int ret;

	trace = trace_open(4096);
	if (!trace) {
		printf("no trace events of a VT-d: %s\n", strerror(errno));
		return 77;
	}
	for (i = 0; i < REAL_DEVICES; i++) {
		if (real_open(&real[i], i, trace) || real_populate(&real[i])) {
			printf("device %u: %s\n", i, real[i].env.why);
			return EXIT_FAILURE;
		}
	}
	ret = support_run(argc, argv);
	for (i = 0; i < REAL_DEVICES; i++)
		real_close(&real[i]);
	trace_close(trace);
	return ret;
}
