/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * Every allocation of the library fails once: its 1st, its 2nd ..., until one
 * run needs no more.  Linked with the library's objects and
 * -Wl,--wrap=malloc -Wl,--wrap=calloc -Wl,--wrap=free.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/harness/heap.h"
#include "tests/harness/script.h"
#include "tests/harness/support.h"

/* ---- What allocates ---- */

#define GARBAGE ((void *)(uintptr_t)0x5a5a5a5a)

/* A call that allocates, into an object; and the object's end. */
struct maker {
	int (*make)(void **object);
	void (*end)(void *object);
	/* So many allocations, at least, or the test tests nothing. */
	unsigned int least;
};

/* libcheck allocates too: nothing is asserted while allocations fail. */
static struct {
	unsigned int opened;
	unsigned int closed;
	unsigned int calls;
} kernel;

static int fake_open(void *data, const char *path, int flags)
{
	(void)data;
	(void)path;
	(void)flags;
	kernel.opened++;
	return SCRIPT_FD;
}

static int fake_close(void *data, int fd)
{
	(void)data;
	(void)fd;
	kernel.closed++;
	return 0;
}

#define RANGES 9u

/* More than the library has room for at first. */
static int fake_ranges(uint32_t *cmd)
{
	const bool fit = cmd[2] >= RANGES;

	cmd[2] = RANGES;
	return fit ? 0 : -EMSGSIZE;
}

/* Fails on the 2nd entry of the first call. */
static int fake_ioctl(void *data, int fd, unsigned long request, void *arg)
{
	struct script_invalidate *cmd = arg;

	(void)data;
	(void)fd;
	if (script_is_question(request, arg))
		return script_no_extension(arg);
	if (request == SCRIPT_IOAS_IOVA_RANGES)
		return fake_ranges(arg);
	if (kernel.calls++)
		return 0;
	cmd->entry_num = 1;
	return -EINVAL;
}

/* One request for each group, with a new cookie. */
static ssize_t fake_fault_read(void *data, int fd, void *buf, size_t len)
{
	const struct iommunest_page_request request = {
		.flags = IOMMUNEST_PAGE_REQUEST_LAST,
		.dev_id = 1,
		.cookie = ++kernel.calls,
	};

	(void)data, (void)fd, (void)len;
	memcpy(buf, &request, sizeof(request));
	return sizeof(request);
}

static ssize_t fake_fault_write(void *data, int fd, const void *buf, size_t len)
{
	(void)data, (void)fd, (void)buf;
	return (ssize_t)len;
}

static struct iommunest_sys fake_sys;
static struct iommunest_open_options options;
static struct iommunest_ctx *context;

static void start(void)
{
	fake_sys = script_sys;
	fake_sys.open = fake_open;
	fake_sys.close = fake_close;
	fake_sys.ioctl = fake_ioctl;
	fake_sys.read = fake_fault_read;
	fake_sys.write = fake_fault_write;
	options.size = sizeof(options);
	options.sys = &fake_sys;
	memset(&kernel, 0, sizeof(kernel));
	ck_assert_int_eq(iommunest_open_fd(&context, SCRIPT_FD, &options), 0);
}

static void finish(void)
{
	heap_check_no_leak();
	iommunest_close(context);
	/* What could not be remembered was not opened. */
	ck_assert_uint_eq(kernel.opened, kernel.closed);
}

static int make_context(void **object)
{
	struct iommunest_ctx *ctx = GARBAGE;
	int ret;

	ret = iommunest_open(&ctx, &options);
	*object = ctx;
	return ret;
}

static int make_context_of_fd(void **object)
{
	struct iommunest_ctx *ctx = GARBAGE;
	int ret;

	ret = iommunest_open_fd(&ctx, SCRIPT_FD, &options);
	*object = ctx;
	return ret;
}

static void end_context(void *object)
{
	iommunest_close(object);
}

static int make_batch(void **object)
{
	struct iommunest_batch *batch = GARBAGE;
	int ret;

	ret = iommunest_batch_new(&batch, iommunest_vtd_s1_type(), 100);
	*object = batch;
	return ret;
}

static void end_batch(void *object)
{
	iommunest_batch_free(object);
}

static int make_ranges(void **object)
{
	struct iommunest_iova_ranges ranges =
		IOMMUNEST_INIT(struct iommunest_iova_ranges);
	int ret;

	ret = iommunest_ioas_iova_ranges(context, 1, &ranges);
	*object = ranges.ranges;
	return ret;
}

static void end_ranges(void *object)
{
	struct iommunest_iova_ranges ranges =
		IOMMUNEST_INIT(struct iommunest_iova_ranges);

	ranges.ranges = object;
	iommunest_iova_ranges_free(&ranges);
}

/* ---- The queue engine ---- */

/* Where the engine last read. */
static uint64_t last_read;

static int no_read(void *vmm, uint64_t gpa, void *buf, size_t len)
{
	(void)vmm;
	(void)buf;
	(void)len;
	last_read = gpa;
	return -EFAULT;
}

static int no_write(void *vmm, uint32_t index, uint64_t gpa, uint32_t data)
{
	(void)vmm;
	(void)index;
	(void)gpa;
	(void)data;
	return -EFAULT;
}

static void no_interrupt(void *vmm, uint32_t index)
{
	(void)vmm;
	(void)index;
}

static int no_descriptor(void *vmm, uint32_t index,
			 const struct iommunest_vtd_desc *desc)
{
	(void)vmm;
	(void)index;
	(void)desc;
	return -EIO;
}

static int new_iq(struct iommunest_vtd_iq **iq, uint32_t flags)
{
	static const struct iommunest_vtd_iq_ops ops = {
		.size = sizeof(ops),
		.read = no_read,
		.write_status = no_write,
		.interrupt = no_interrupt,
		.descriptor = no_descriptor,
	};
	const struct iommunest_vtd_limits limits = {
		.size = sizeof(limits),
		.flags = flags,
	};
	const struct iommunest_vtd_iq_options iq_options = {
		.size = sizeof(iq_options),
		.unhealed = IOMMUNEST_VTD_UNHEALED_HALT,
		.limits = &limits,
	};

	return iommunest_vtd_iq_new(iq, &ops, NULL, &iq_options);
}

static int make_iq(void **object)
{
	struct iommunest_vtd_iq *iq = GARBAGE;
	int ret;

	ret = new_iq(&iq, 0);
	*object = iq;
	return ret;
}

static void end_iq(void *object)
{
	iommunest_vtd_iq_free(object);
}

/* ---- The tests ---- */

static int make_reader(void **object)
{
	struct iommunest_fault_reader *reader = GARBAGE;
	int ret;

	ret = iommunest_fault_reader_new(&reader, context, SCRIPT_FD, NULL);
	*object = reader;
	return ret;
}

static void end_reader(void *object)
{
	iommunest_fault_reader_free(object);
}

static const struct maker makers[] = {
	{ make_context, end_context, 1 },
	{ make_context_of_fd, end_context, 1 },
	{ make_batch, end_batch, 1 },
	{ make_iq, end_iq, 2 },
	{ make_reader, end_reader, 3 },
	{ make_ranges, end_ranges, 2 },
};

TEST_LOOP(each_allocation_that_fails_is_enomem_and_leaks_nothing,
	  ARRAY_LEN(makers))
{
	const struct maker *maker = &makers[_i];
	unsigned int n = 0;
	void *object;
	bool failed;
	int ret;

	start();
	do {
		heap_watch(++n);
		ret = maker->make(&object);
		failed = heap_unwatch();
		ck_assert_int_eq(ret, failed ? -ENOMEM : 0);
		ck_assert(failed == !object);
		if (object)
			maker->end(object);
		heap_check_no_leak();
	} while (failed);
	ck_assert_uint_gt(n, maker->least);
	finish();
}

/* All groups that may wait, and their answers. */
TEST(reading_and_answering_page_requests_allocates_nothing)
{
	struct iommunest_fault_response response = { .code = 0 };
	struct iommunest_fault_group group = { .size = sizeof(group) };
	struct iommunest_fault_reader *reader;
	unsigned int i, count;
	int ret = 1;

	start();
	ck_assert_int_eq(make_reader((void **)&reader), 0);
	heap_watch(1);
	for (i = 0; i < 1024 && ret == 1; i++)
		ret = iommunest_fault_reader_next(reader, &group);
	response.id = group.id;
	iommunest_fault_respond(reader, &response, 1);
	iommunest_fault_respond_all(reader, 0, 0);
	count = heap.count;
	heap_unwatch();
	ck_assert_int_eq(ret, 1);
	ck_assert_uint_eq(count, 0);
	ck_assert_uint_eq(iommunest_fault_waiting(reader), 0);
	end_reader(reader);
	finish();
}

TEST(a_reader_that_cannot_grow_is_as_it_was)
{
	struct iommunest_fault_group group = { .size = sizeof(group) };
	struct iommunest_fault_reader *reader;
	int ret;

	start();
	ck_assert_int_eq(make_reader((void **)&reader), 0);
	heap_watch(1);
	ret = iommunest_fault_reader_grow(reader, 1000);
	heap_unwatch();
	ck_assert_int_eq(ret, -ENOMEM);
	ck_assert_int_eq(iommunest_fault_reader_next(reader, &group), 1);
	ck_assert_int_eq(iommunest_fault_reader_grow(reader, 1000), 0);
	ck_assert_int_eq(iommunest_fault_reader_next(reader, &group), 1);
	end_reader(reader);
	finish();
}

#define OLD_BASE UINT64_C(0x10000)
/* 2^15 slots. */
#define NEW_BASE (UINT64_C(0x900000) | 7)

/* Where the engine fetches from, after which it halts. */
static uint64_t fetches_from(struct iommunest_vtd_iq *iq)
{
	struct iommunest_vtd_iq_result result = { .size = sizeof(result) };

	last_read = 0;
	iommunest_vtd_iq_clear_fault(iq);
	ck_assert_int_eq(iommunest_vtd_iq_run(iq, 0x10, &result), -EFAULT);
	ck_assert_uint_eq(result.cause, IOMMUNEST_CAUSE_FETCH);
	return last_read;
}

TEST(a_base_that_fails_leaves_the_engine_as_it_was)
{
	struct iommunest_vtd_iq_result result = { .size = sizeof(result) };
	struct iommunest_vtd_iq *iq;
	unsigned int n = 0;
	bool failed;
	int ret;

	start();
	heap_watch(0);
	ret = new_iq(&iq, 0);
	if (!ret)
		ret = iommunest_vtd_iq_set_base(iq, OLD_BASE,
						IOMMUNEST_VTD_TTM_SCALABLE);
	heap_unwatch();
	ck_assert_int_eq(ret, 0);
	ck_assert_int_eq(iommunest_vtd_iq_enable(iq, &result), 0);
	do {
		heap_watch(++n);
		ret = iommunest_vtd_iq_set_base(iq, NEW_BASE,
						IOMMUNEST_VTD_TTM_SCALABLE);
		failed = heap_unwatch();
		ck_assert_int_eq(ret, failed ? -ENOMEM : 0);
		ck_assert_uint_eq(fetches_from(iq),
				  failed ? OLD_BASE : NEW_BASE & ~7ull);
	} while (failed);
	ck_assert_uint_gt(n, 1);
	iommunest_vtd_iq_free(iq);
	finish();
}

TEST(a_first_base_that_fails_leaves_none)
{
	struct iommunest_vtd_iq_result result = { .size = sizeof(result) };
	struct iommunest_vtd_iq *iq;
	unsigned int n = 0;
	bool failed;
	int ret;

	start();
	heap_watch(0);
	ret = new_iq(&iq, 0);
	heap_unwatch();
	ck_assert_int_eq(ret, 0);
	for (;;) {
		heap_watch(++n);
		ret = iommunest_vtd_iq_set_base(iq, OLD_BASE,
						IOMMUNEST_VTD_TTM_SCALABLE);
		failed = heap_unwatch();
		ck_assert_int_eq(ret, failed ? -ENOMEM : 0);
		if (!failed)
			break;
		ck_assert_int_eq(iommunest_vtd_iq_enable(iq, &result), -EINVAL);
	}
	ck_assert_uint_gt(n, 1);
	iommunest_vtd_iq_free(iq);
	finish();
}

/* Half made, and then refused. */
static int refused_context(void **object)
{
	struct iommunest_sys half = fake_sys;
	struct iommunest_open_options opts = options;
	struct iommunest_ctx *ctx = GARBAGE;
	int ret;

	half.ioctl = NULL;
	opts.sys = &half;
	ret = iommunest_open(&ctx, &opts);
	*object = ctx;
	return ret;
}

static int refuse_open(void *data, const char *path, int flags)
{
	(void)data;
	(void)path;
	(void)flags;
	return -EACCES;
}

static int refused_path(void **object)
{
	struct iommunest_sys refusing = fake_sys;
	struct iommunest_open_options opts = options;
	struct iommunest_ctx *ctx = GARBAGE;
	int ret;

	refusing.open = refuse_open;
	opts.sys = &refusing;
	ret = iommunest_open(&ctx, &opts);
	*object = ctx;
	return ret;
}

static int refused_iq(void **object)
{
	struct iommunest_vtd_iq *iq = GARBAGE;
	int ret;

	ret = new_iq(&iq, ~0u);
	*object = iq;
	return ret;
}

static const struct {
	int (*make)(void **object);
	int error;
} refusals[] = {
	{ refused_context, -EINVAL },
	{ refused_path, -EACCES },
	{ refused_iq, -EOPNOTSUPP },
};

TEST_LOOP(what_is_refused_leaks_nothing, ARRAY_LEN(refusals))
{
	void *object;
	int ret;

	start();
	heap_watch(0);
	ret = refusals[_i].make(&object);
	heap_unwatch();
	ck_assert_int_eq(ret, refusals[_i].error);
	ck_assert_ptr_null(object);
	finish();
}

/* The most that the header allows is more than an address space may have. */
TEST(a_batch_too_large_for_memory_is_enomem)
{
	struct iommunest_inv_type type = *iommunest_vtd_s1_type();
	struct iommunest_batch *batch = GARBAGE;
	int ret;

	type.entry_len = 4096;
	heap_watch(1);
	ret = iommunest_batch_new(&batch, &type, 1u << 27);
	heap_unwatch();
	ck_assert_int_eq(ret, -ENOMEM);
	ck_assert_ptr_null(batch);
}

TEST(adding_and_submitting_allocates_nothing)
{
	struct iommunest_submit_options opts = {
		.size = sizeof(opts), .policy = IOMMUNEST_POLICY_SKIP
	};
	struct iommunest_failure skipped =
		IOMMUNEST_INIT(struct iommunest_failure);
	struct iommunest_report report = { .size = sizeof(report),
					   .skipped = &skipped,
					   .skipped_max = 1 };
	struct iommunest_batch *batch;
	int ret;

	start();
	ck_assert_int_eq(
		iommunest_batch_new(&batch, iommunest_vtd_s1_type(), 4), 0);
	heap_watch(0);
	iommunest_vtd_batch_add_all(batch, 1);
	iommunest_vtd_batch_add_range(batch, 0x1000, 3, 0, 2);
	iommunest_vtd_batch_add_block(batch, 0x1000, 3, 0, 3);
	ret = iommunest_submit(context, SCRIPT_HWPT, batch, &opts, &report);
	heap_unwatch();
	ck_assert_int_eq(ret, 1);
	ck_assert_uint_eq(report.handled, 3);
	ck_assert_uint_eq(heap.count, 0);
	iommunest_batch_free(batch);
	finish();
}
