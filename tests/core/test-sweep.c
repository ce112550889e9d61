/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * Whole scenarios, run again and again: with the 1st, 2nd ... system call
 * failing, then with the 1st, 2nd ... allocation failing, until a run gets by
 * without the fault.  Nothing may leak, crash or be claimed falsely: whatever
 * the library says is done, the simulated hardware no longer has cached.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <libiommunest-sim.h>

#include "tests/harness/guest.h"
#include "tests/harness/heap.h"
#include "tests/harness/support.h"
#include "tests/harness/target.h"
#include "tests/harness/policy.h"

/* More than any scenario has calls or allocations. */
#define ENDLESS 1000u

/* ---- Allocations that fail, and those that are never freed ---- */

static int heap_unwatch_after(int ret)
{
	heap.watched = false;
	return ret;
}

/* A call of the library, which may allocate. */
#define library(call) (heap.watched = true, heap_unwatch_after(call))

/* ---- System calls that fail ---- */

enum when {
	/* Nothing was done. */
	BEFORE,
	/* All was done, and the answer was lost: its fields are as sent. */
	AFTER,
};

struct fault {
	enum when when;
	int error;
};

static const struct fault faults[] = {
	{ BEFORE, -EIO },    { BEFORE, -ENOMEM }, { BEFORE, -EINTR },
	{ BEFORE, -EAGAIN }, { BEFORE, -ENOTTY }, { BEFORE, -ETIMEDOUT },
	{ AFTER, -EFAULT },  { AFTER, -EINTR },
};

static struct {
	struct iommunest_sim *sim;
	struct fault fault;
	unsigned int count;
	/* 0: none. */
	unsigned int fail_at;
	bool fired;
} host;

static bool call_fails(void)
{
	if (++host.count != host.fail_at)
		return false;
	host.fired = true;
	return true;
}

static int sweep_open(void *data, const char *path, int flags)
{
	const struct iommunest_sys *sys = iommunest_sim_sys();

	(void)data;
	return call_fails() ? host.fault.error
			    : sys->open(host.sim, path, flags);
}

/* Linux closes a file descriptor, whatever close() says. */
static int sweep_close(void *data, int fd)
{
	bool fails = call_fails();
	int ret = iommunest_sim_sys()->close(host.sim, fd);

	(void)data;
	return fails ? host.fault.error : ret;
}

static int sweep_ioctl(void *data, int fd, unsigned long request, void *arg)
{
	const struct iommunest_sys *sys = iommunest_sim_sys();
	bool fails = call_fails();
	unsigned char copy[128];
	uint32_t size;

	(void)data;
	if (!fails)
		return sys->ioctl(host.sim, fd, request, arg);
	if (host.fault.when == AFTER) {
		memcpy(&size, arg, sizeof(size));
		if (size > sizeof(copy))
			abort();
		memcpy(copy, arg, size);
		sys->ioctl(host.sim, fd, request, copy);
	}
	return host.fault.error;
}

static ssize_t sweep_read(void *data, int fd, void *buf, size_t len)
{
	return iommunest_sim_sys()->read(data, fd, buf, len);
}

static ssize_t sweep_write(void *data, int fd, const void *buf, size_t len)
{
	return iommunest_sim_sys()->write(data, fd, buf, len);
}

static const struct iommunest_sys sweep_sys = {
	.size = sizeof(sweep_sys),
	.open = sweep_open,
	.close = sweep_close,
	.ioctl = sweep_ioctl,
	.read = sweep_read,
	.write = sweep_write,
};

/* ---- Two nested HWPTs, a device on each ---- */

#define HWPTS 2u
#define PAGES 16u

static struct rig {
	struct iommunest_ctx *ctx;
	uint32_t dev[HWPTS];
	uint32_t ioas;
	uint32_t parent;
	uint32_t hwpt[HWPTS];
} rig;

static uint64_t page_addr(unsigned int page)
{
	return 0x40000000 + ((uint64_t)page << 21);
}

static bool is_cached(unsigned int hwpt, unsigned int page)
{
	return iommunest_sim_cached(host.sim, iommunest_fd(rig.ctx),
				    rig.hwpt[hwpt], page_addr(page)) != 0;
}

static void make_device(unsigned int i)
{
	ck_assert_int_eq(iommunest_sim_bind(host.sim, iommunest_fd(rig.ctx),
					    IOMMUNEST_SIM_ATS, &rig.dev[i]),
			 0);
}

static void use_device(unsigned int i)
{
	int fd = iommunest_fd(rig.ctx);
	unsigned int page;

	ck_assert_int_eq(
		iommunest_sim_attach(host.sim, fd, rig.dev[i], rig.hwpt[i]), 0);
	for (page = 0; page < PAGES; page++)
		ck_assert_int_eq(iommunest_sim_translate(host.sim, fd,
							 rig.hwpt[i],
							 page_addr(page), 0),
				 0);
}

static void unuse_device(unsigned int i)
{
	ck_assert_int_eq(iommunest_sim_attach(host.sim, iommunest_fd(rig.ctx),
					      rig.dev[i], 0),
			 0);
}

static int make_hwpts(void)
{
	const struct iommunest_vtd_s1 s1 = {
		.size = sizeof(s1),
		.pgtbl_addr = 0x1000,
		.addr_width = 48,
	};
	struct iommunest_hw_info info = { .size = sizeof(info) };
	unsigned int i;
	int ret;

	ret = library(iommunest_ioas_alloc(rig.ctx, &rig.ioas));
	for (i = 0; !ret && i < HWPTS; i++) {
		make_device(i);
		ret = library(iommunest_hw_info(rig.ctx, rig.dev[i], &info));
		if (!ret && i == 0)
			ret = library(iommunest_hwpt_alloc_parent(
				rig.ctx, rig.dev[i], rig.ioas, &rig.parent));
		if (!ret)
			ret = library(iommunest_vtd_hwpt_alloc(
				rig.ctx, rig.dev[i], rig.parent, &s1,
				&rig.hwpt[i]));
		if (!ret)
			use_device(i);
	}
	return ret;
}

static int destroy_hwpts(void)
{
	unsigned int i;
	int ret = 0;

	for (i = 0; !ret && i < HWPTS; i++) {
		unuse_device(i);
		ret = library(iommunest_object_destroy(rig.ctx, rig.hwpt[i]));
	}
	if (!ret)
		ret = library(iommunest_object_destroy(rig.ctx, rig.parent));
	return ret ? ret : library(iommunest_object_destroy(rig.ctx, rig.ioas));
}

/* From open to close, with something in between. */
static int within_rig(int (*work)(void))
{
	const struct iommunest_open_options options = {
		.size = sizeof(options),
		.sys = &sweep_sys,
	};
	int ret;

	memset(&rig, 0, sizeof(rig));
	ret = library(iommunest_open(&rig.ctx, &options));
	if (ret) {
		ck_assert_ptr_null(rig.ctx);
		return ret;
	}
	ret = make_hwpts();
	if (!ret)
		ret = work();
	if (!ret)
		ret = destroy_hwpts();
	iommunest_close(rig.ctx);
	return ret;
}

/* ---- Scenario: a batch, with entries that have to be fixed ---- */

/* Unaligned ones fail; 0 is the first, so that the empty call is made. */
static bool is_wrong(unsigned int page)
{
	return page == 0 || page == 7 || page == 8;
}

static int fill(struct iommunest_batch *batch)
{
	unsigned int page;
	int ret = 0;

	for (page = 0; !ret && page < PAGES; page++) {
		struct iommunest_vtd_entry entry = {
			.addr = page_addr(page) | (is_wrong(page) ? 1 : 0),
			.npages = 1,
		};

		if (is_wrong(page))
			ret = library(iommunest_batch_add(batch, &entry, page));
		else
			ret = library(iommunest_vtd_batch_add_range(
				batch, page_addr(page), 1, 0, page));
	}
	return ret;
}

/* What is before the cursor is done, at every return. */
static void check_cursor(const struct iommunest_batch *batch)
{
	uint32_t page;

	for (page = 0; page < iommunest_batch_cursor(batch); page++)
		ck_assert(!is_cached(0, page));
}

static bool fix(struct iommunest_batch *batch,
		const struct iommunest_report *report)
{
	struct iommunest_vtd_entry *entry =
		iommunest_batch_entry(batch, report->index);

	if (report->blame != IOMMUNEST_BLAME_ENTRY || !is_wrong(report->index))
		return false;
	ck_assert_uint_eq(report->cookie, report->index);
	if (!(entry->addr & 1))
		return false;
	entry->addr &= ~UINT64_C(1);
	return true;
}

static int submit_and_fix(struct iommunest_batch *batch)
{
	struct iommunest_report report = { .size = sizeof(report) };
	int ret;

	do {
		ret = library(iommunest_submit(rig.ctx, rig.hwpt[0], batch,
					       NULL, &report));
		check_cursor(batch);
		ck_assert_int_eq(report.error, ret);
		ck_assert_uint_eq(report.pending,
				  iommunest_batch_count(batch) -
					  iommunest_batch_cursor(batch));
	} while (ret == -EINVAL && fix(batch, &report));
	if (!ret)
		ck_assert_uint_eq(iommunest_batch_cursor(batch), PAGES);
	return ret;
}

static int work_batch(void)
{
	struct iommunest_batch *batch;
	int ret;

	ret = library(
		iommunest_batch_new(&batch, iommunest_vtd_s1_type(), PAGES));
	if (ret) {
		ck_assert_ptr_null(batch);
		return ret;
	}
	ret = fill(batch);
	if (!ret)
		ret = submit_and_fix(batch);
	iommunest_batch_free(batch);
	return ret;
}

static int scenario_batch(void)
{
	return within_rig(work_batch);
}

/* ---- Scenario: memory of a guest, and what was written to ---- */

#define RAM_SIZE 0x10000u
#define RAM_AT UINT64_C(0x100000000)

/* What can be mapped, and the memory in it and once more in a second IOAS. */
static int map_ram(void *ram, uint32_t other)
{
	struct iommunest_iova_ranges ranges =
		IOMMUNEST_INIT(struct iommunest_iova_ranges);
	const uint32_t flags =
		IOMMUNEST_MAP_FIXED | IOMMUNEST_MAP_READ | IOMMUNEST_MAP_WRITE;
	uint64_t at = RAM_AT;
	int ret;

	ret = library(iommunest_ioas_iova_ranges(rig.ctx, rig.ioas, &ranges));
	if (ret)
		return ret;
	ret = library(iommunest_ioas_allow_iovas(rig.ctx, rig.ioas,
						 ranges.ranges, ranges.count));
	iommunest_iova_ranges_free(&ranges);
	if (!ret)
		ret = library(iommunest_ioas_map(rig.ctx, rig.ioas, ram,
						 RAM_SIZE, flags, &at));
	if (!ret)
		ret = library(iommunest_ioas_copy(rig.ctx, other, rig.ioas, at,
						  RAM_SIZE, flags, &at));
	return ret;
}

static int track(uint32_t hwpt)
{
	unsigned char bitmap[RAM_SIZE / 0x1000 / 8] = { 0 };
	const struct iommunest_dirty dirty = {
		.size = sizeof(dirty),
		.iova = RAM_AT,
		.length = RAM_SIZE,
		.page_size = 0x1000,
		.bitmap = bitmap,
		.bitmap_len = sizeof(bitmap),
	};
	int ret = library(iommunest_dirty_set(rig.ctx, hwpt, true));

	if (!ret)
		ret = library(iommunest_dirty_get(rig.ctx, hwpt, &dirty));
	return ret ? ret : library(iommunest_dirty_set(rig.ctx, hwpt, false));
}

static int use_second(void *ram, uint32_t other)
{
	const struct iommunest_paging_hwpt paging = {
		.size = sizeof(paging),
		.flags = IOMMUNEST_HWPT_NEST_PARENT |
			 IOMMUNEST_HWPT_DIRTY_TRACKING,
	};
	uint32_t hwpt;
	uint64_t unmapped;
	int ret;

	ret = library(iommunest_option_set(rig.ctx, IOMMUNEST_OPTION_HUGE_PAGES,
					   other, 0));
	if (!ret)
		ret = map_ram(ram, other);
	if (!ret)
		ret = library(iommunest_hwpt_alloc_paging(
			rig.ctx, rig.dev[0], other, &paging, &hwpt));
	if (!ret)
		ret = track(hwpt);
	if (!ret)
		ret = library(iommunest_ioas_unmap(rig.ctx, rig.ioas, RAM_AT,
						   RAM_SIZE, &unmapped));
	if (ret)
		return ret;
	ck_assert_uint_eq(unmapped, RAM_SIZE);
	ret = library(iommunest_object_destroy(rig.ctx, hwpt));
	return ret ? ret : library(iommunest_object_destroy(rig.ctx, other));
}

/* What is left mapped goes with its IOAS. */
static int work_memory(void)
{
	uint32_t other;
	void *ram;
	int ret;

	ret = library(iommunest_ioas_alloc(rig.ctx, &other));
	if (ret)
		return ret;
	ram = mmap(NULL, RAM_SIZE, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ck_assert(ram != MAP_FAILED);
	ret = use_second(ram, other);
	munmap(ram, RAM_SIZE);
	return ret;
}

static int scenario_memory(void)
{
	return within_rig(work_memory);
}

/* ---- Scenario: a guest's queue ---- */

static struct {
	struct guest guest;
	uint32_t policy;
	uint32_t limit_flags;
	/* Which page each slot asks to drop of which HWPTs; 0 bits: none. */
	unsigned int page[128];
	uint32_t hwpts[128];
	uint32_t skipped[128];
} ring;

static void put_page(unsigned int hwpt, unsigned int page)
{
	uint32_t slot = guest_put(&ring.guest,
				  guest_piotlb_pages(1, hwpt, page_addr(page),
						     page % 2 ? 0 : 3, false));

	ring.page[slot] = page;
	ring.hwpts[slot] = 1u << hwpt;
}

static void put_wait(void)
{
	guest_put(&ring.guest,
		  guest_wait(IOMMUNEST_VTD_DESC_SW, 0x5000, ring.guest.tail));
}

static void put_all(void)
{
	unsigned int page;
	uint32_t slot;

	for (page = 0; page < 4; page++)
		put_page(page % 2, page);
	put_wait();
	put_page(0, 4);
	put_page(0, 4);
	put_wait();
	guest_put(&ring.guest, guest_typed(IOMMUNEST_VTD_DESC_DEV_TLB));
	put_page(1, 5);
	put_wait();
	slot = guest_put(&ring.guest,
			 guest_iotlb(IOMMUNEST_VTD_IOTLB_DOMAIN, 1, 0, 0));
	ring.page[slot] = 6;
	ring.hwpts[slot] = 3;
	put_wait();
}

static void check_done(uint32_t upto)
{
	uint32_t slot;
	unsigned int hwpt;

	for (slot = 0; slot < upto; slot++) {
		for (hwpt = 0; hwpt < HWPTS; hwpt++) {
			if ((ring.hwpts[slot] & ~ring.skipped[slot]) >> hwpt &
			    1)
				ck_assert(!is_cached(hwpt, ring.page[slot]));
		}
	}
}

static int see(struct guest *guest, const struct guest_event *event)
{
	(void)guest;
	if (event->kind == GUEST_SKIPPED)
		ring.skipped[event->index] |=
			1u << (event->hwpt_id == rig.hwpt[1]);
	if (event->kind == GUEST_STATUS || event->kind == GUEST_DESCRIPTOR)
		check_done(event->index);
	return 0;
}

/* The fault comes once: what it stopped goes on when it is cleared. */
static int run_queue(struct iommunest_vtd_iq *iq)
{
	struct iommunest_vtd_iq_result result = { .size = sizeof(result) };
	struct guest *guest = &ring.guest;
	int ret, again;

	ret = guest_kick(guest, iq, &result);
	check_done((uint32_t)(result.iqh >> guest->shift));
	if (ret >= 0)
		return ret;
	ck_assert_uint_eq(result.cause, IOMMUNEST_CAUSE_HOST);
	ck_assert_int_eq(result.error, ret);
	ck_assert_uint_eq(result.iqh, (uint64_t)result.index << guest->shift);
	iommunest_vtd_iq_clear_fault(iq);
	again = guest_kick(guest, iq, &result);
	ck_assert_int_eq(again, 0);
	ck_assert_uint_eq(result.iqh, guest_iqt(guest));
	check_done(guest->tail);
	ck_assert_uint_ge(guest_count(guest, GUEST_STATUS), 4);
	return ret;
}

static int make_engine(struct iommunest_vtd_iq **iq)
{
	const struct iommunest_vtd_limits limits = {
		.size = sizeof(limits),
		.flags = ring.limit_flags,
	};
	const struct iommunest_vtd_iq_options options = {
		.size = sizeof(options),
		.policy = engine_policy(ring.policy),
		.limits = &limits,
	};
	int ret;

	ret = library(
		iommunest_vtd_iq_new(iq, &guest_ops, &ring.guest, &options));
	if (ret)
		ck_assert_ptr_null(*iq);
	return ret;
}

static int set_base(struct iommunest_vtd_iq *iq, unsigned int qs)
{
	return library(iommunest_vtd_iq_set_base(
		iq, guest_iqa(0x1000, qs, true), IOMMUNEST_VTD_TTM_SCALABLE));
}

/* A base that could not be set leaves the one before as it was. */
static int set_bases(struct iommunest_vtd_iq *iq)
{
	struct iommunest_vtd_iq_result result = { .size = sizeof(result) };
	unsigned int qs;
	int ret;

	for (qs = 0; qs < 3; qs++) {
		ret = set_base(iq, qs);
		if (ret && qs)
			ck_assert_int_eq(iommunest_vtd_iq_run(iq, 0, &result),
					 0);
		if (ret)
			return ret;
	}
	return set_base(iq, 0);
}

static int work_queue(void)
{
	struct iommunest_vtd_iq *iq;
	unsigned int i;
	int ret;

	ret = make_engine(&iq);
	if (ret)
		return ret;
	ret = set_bases(iq);
	for (i = 0; !ret && i < HWPTS; i++)
		ret = library(iommunest_vtd_iq_add_scope(
			iq, 1, i, TARGET(rig.ctx, rig.hwpt[i])));
	if (!ret)
		ret = run_queue(iq);
	iommunest_vtd_iq_free(iq);
	return ret;
}

static int run_scenario_queue(void)
{
	int ret;

	memset(ring.skipped, 0, sizeof(ring.skipped));
	guest_init(&ring.guest, guest_iqa(0x1000, 0, true));
	ring.guest.hook = see;
	put_all();
	ret = within_rig(work_queue);
	guest_free(&ring.guest);
	return ret;
}

static int scenario_queue(void)
{
	ring.policy = IOMMUNEST_POLICY_STOP;
	ring.limit_flags = 0;
	return run_scenario_queue();
}

static int scenario_queue_skip(void)
{
	ring.policy = IOMMUNEST_POLICY_SKIP;
	ring.limit_flags = 0;
	return run_scenario_queue();
}

static int scenario_queue_flush_all(void)
{
	ring.policy = IOMMUNEST_POLICY_FLUSH_ALL;
	ring.limit_flags = IOMMUNEST_VTD_COALESCE;
	return run_scenario_queue();
}

static int (*const scenarios[])(void) = {
	scenario_batch,	     scenario_memory,	       scenario_queue,
	scenario_queue_skip, scenario_queue_flush_all,
};

/* ---- The sweep ---- */

static int run(int (*scenario)(void))
{
	int ret;

	host.count = 0;
	host.fired = false;
	heap.count = 0;
	ck_assert_int_eq(iommunest_sim_new(&host.sim, NULL), 0);
	ret = scenario();
	ck_assert_uint_eq(iommunest_sim_open_fds(host.sim), 0);
	iommunest_sim_free(host.sim);
	heap_check_no_leak();
	return ret;
}

TEST_LOOP(a_scenario_passes_where_nothing_fails, ARRAY_LEN(scenarios))
{
	host.fail_at = 0;
	heap.fail = 0;
	ck_assert_int_eq(run(scenarios[_i]), 0);
	ck_assert_uint_gt(host.count, 8);
	ck_assert_uint_gt(heap.count, 1);
}

/*
 * The scenarios themselves say what must hold.  A failure comes up as it was
 * injected, or was overcome; or, where it hit the question whose an error is,
 * as the error that was asked about.
 */
TEST_LOOP(a_system_call_that_fails_breaks_nothing,
	  ARRAY_LEN(scenarios) * ARRAY_LEN(faults))
{
	int (*scenario)(void) = scenarios[(size_t)_i / ARRAY_LEN(faults)];
	unsigned int nth;
	int ret;

	heap.fail = 0;
	host.fault = faults[(size_t)_i % ARRAY_LEN(faults)];
	for (nth = 1; nth < ENDLESS; nth++) {
		host.fail_at = nth;
		ret = run(scenario);
		if (!host.fired)
			break;
		ck_assert_msg(ret == 0 || ret == host.fault.error ||
				      (scenario == scenario_batch &&
				       ret == -EINVAL),
			      "call %u: %d", nth, ret);
	}
	ck_assert_int_eq(ret, 0);
	ck_assert_uint_gt(nth, 8);
	ck_assert_uint_lt(nth, ENDLESS);
}

TEST_LOOP(an_allocation_that_fails_breaks_nothing, ARRAY_LEN(scenarios))
{
	unsigned int nth;
	int ret;

	host.fail_at = 0;
	for (nth = 1; nth < ENDLESS; nth++) {
		heap.fail = nth;
		ret = run(scenarios[_i]);
		if (!heap_failed())
			break;
		ck_assert_msg(ret == -ENOMEM, "allocation %u: %d", nth, ret);
	}
	ck_assert_int_eq(ret, 0);
	ck_assert_uint_gt(nth, 2);
	ck_assert_uint_lt(nth, ENDLESS);
}
