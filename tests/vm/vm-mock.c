/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * iommufd's own mock, which is no VT-d, through the part of the library that
 * knows of no vendor: what came back, and what is cached afterwards.
 */
#include "mock-uapi.h"
#include "real.h"

#include "tests/harness/support.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define CACHED 0xbadbeefu

static void make_all(void *entry)
{
	const struct vm_mock_entry all = { .flags = VM_MOCK_ALL };

	memcpy(entry, &all, sizeof(all));
}

static const struct iommunest_inv_type mock_type = {
	.size = sizeof(mock_type),
	.name = "mock",
	.data_type = VM_MOCK_INVALIDATE_TYPE,
	.entry_len = sizeof(struct vm_mock_entry),
	.recovery = IOMMUNEST_RECOVERY_EXACT,
	.make_all = make_all,
};

/* Of one test. */
static int fd;
static struct iommunest_ctx *ctx;
static uint32_t ioas;
static uint32_t parent;
static uint32_t nested;

static int call(unsigned long request, void *arg)
{
	return ioctl(fd, request, arg) ? -errno : 0;
}

static uint32_t alloc_nested(uint32_t dev)
{
	struct vm_mock_hwpt data = { .value = CACHED };
	struct iommu_hwpt_alloc cmd = {
		.size = sizeof(cmd),
		.dev_id = dev,
		.pt_id = parent,
		.data_type = VM_MOCK_HWPT_TYPE,
		.data_len = sizeof(data),
		.data_uptr = (uintptr_t)&data,
	};

	/* 0 is no id. */
	return call(IOMMU_HWPT_ALLOC, &cmd) ? 0 : cmd.out_hwpt_id;
}

/* Also outside of tests. */
static bool make_objects(void)
{
	struct vm_mock_cmd cmd = { .size = sizeof(cmd), .op = VM_MOCK_DEVICE };

	fd = open("/dev/iommu", O_RDWR | O_CLOEXEC);
	if (fd < 0 || iommunest_open_fd(&ctx, fd, NULL) ||
	    iommunest_ioas_alloc(ctx, &ioas))
		return false;
	cmd.id = ioas;
	if (call(VM_MOCK_CMD, &cmd) ||
	    iommunest_hwpt_alloc_parent(ctx, cmd.device.out_dev_id, ioas,
					&parent))
		return false;
	nested = alloc_nested(cmd.device.out_dev_id);
	return nested;
}

static void set_up(void)
{
	ck_assert(make_objects());
}

static void tear_down(void)
{
	iommunest_close(ctx);
	close(fd);
}
FIXTURE(set_up, tear_down);

static bool holds(uint32_t id, uint32_t value)
{
	struct vm_mock_cmd cmd = {
		.size = sizeof(cmd),
		.op = VM_MOCK_CHECK_IOTLB,
		.id = nested,
		.check_iotlb = { .id = id, .value = value },
	};

	return call(VM_MOCK_CMD, &cmd) == 0;
}

/* Bit n: what was cached under n is gone. */
static unsigned int flushed(void)
{
	unsigned int bits = 0;
	uint32_t id;

	for (id = 0; id < VM_MOCK_IDS; id++) {
		ck_assert_int_ne(holds(id, 0), holds(id, CACHED));
		bits |= holds(id, 0) ? 1u << id : 0;
	}
	return bits;
}

static struct iommunest_batch *batch_of(const struct iommunest_inv_type *type,
					const struct vm_mock_entry *entries,
					uint32_t count)
{
	struct iommunest_batch *batch;
	uint32_t i;

	ck_assert_int_eq(iommunest_batch_new(&batch, type, count), 0);
	for (i = 0; i < count; i++)
		ck_assert_int_eq(
			iommunest_batch_add(batch, &entries[i], i + 10), 0);
	return batch;
}

/* ---- What the kernel says, through the library ---- */

struct row {
	const char *name;
	struct vm_mock_entry entries[4];
	uint32_t count;
	int error;
	/* Entries handled, and what they flushed. */
	uint32_t handled;
	unsigned int flushed;
	uint32_t blame;
};

static const struct row rows[] = {
	{ "one", { { 0, 1 } }, 1, 0, 1, 1 << 1, IOMMUNEST_BLAME_NONE },
	{ "two",
	  { { 0, 2 }, { 0, 3 } },
	  2,
	  0,
	  2,
	  3 << 2,
	  IOMMUNEST_BLAME_NONE },
	{ "the same twice",
	  { { 0, 0 }, { 0, 0 } },
	  2,
	  0,
	  2,
	  1 << 0,
	  IOMMUNEST_BLAME_NONE },
	{ "all", { { VM_MOCK_ALL, 0 } }, 1, 0, 1, 0xf, IOMMUNEST_BLAME_NONE },
	{ "unknown flags",
	  { { ~0u, 0 } },
	  1,
	  -EOPNOTSUPP,
	  0,
	  0,
	  IOMMUNEST_BLAME_ENTRY },
	{ "unknown id", { { 0, 4 } }, 1, -EINVAL, 0, 0, IOMMUNEST_BLAME_ENTRY },
	{ "all of an unknown id",
	  { { VM_MOCK_ALL, 4 } },
	  1,
	  -EINVAL,
	  0,
	  0,
	  IOMMUNEST_BLAME_ENTRY },
	{ "right, then unknown flags",
	  { { 0, 0 }, { VM_MOCK_UNKNOWN, 0 }, { 0, 1 } },
	  3,
	  -EOPNOTSUPP,
	  1,
	  1 << 0,
	  IOMMUNEST_BLAME_ENTRY },
	{ "right, then unknown id",
	  { { 0, 3 }, { 0, 4 }, { 0, 1 } },
	  3,
	  -EINVAL,
	  1,
	  1 << 3,
	  IOMMUNEST_BLAME_ENTRY },
};

TEST_LOOP(each_call_of_the_table_has_its_result, ARRAY_LEN(rows))
{
	const struct row *row = &rows[_i];
	struct iommunest_batch *batch =
		batch_of(&mock_type, row->entries, row->count);
	struct iommunest_report report = { .size = sizeof(report) };
	int ret = iommunest_submit(ctx, nested, batch, NULL, &report);

	ck_assert_msg(ret == row->error && report.handled == row->handled &&
			      report.blame == row->blame,
		      "%s: %d, %u handled, blame %u", row->name, ret,
		      report.handled, report.blame);
	if (row->error) {
		ck_assert_uint_eq(report.index, row->handled);
		ck_assert_uint_eq(report.cookie, row->handled + 10);
	}
	ck_assert_msg(flushed() == row->flushed, "%s: flushed %#x", row->name,
		      flushed());
	iommunest_batch_free(batch);
}

/* Nothing is flushed, and the call is to blame. */
static void call_fails(const struct iommunest_inv_type *type, uint32_t hwpt_id,
		       int error)
{
	const struct vm_mock_entry entries[2] = { { 0, 0 }, { 0, 1 } };
	struct iommunest_batch *batch = batch_of(type, entries, 2);
	struct iommunest_report report = { .size = sizeof(report) };

	ck_assert_int_eq(iommunest_submit(ctx, hwpt_id, batch, NULL, &report),
			 error);
	ck_assert_uint_eq(report.handled, 0);
	ck_assert_uint_eq(report.pending, 2);
	ck_assert_uint_eq(report.blame, IOMMUNEST_BLAME_CALL);
	ck_assert_uint_eq(flushed(), 0);
	iommunest_batch_free(batch);
}

TEST(another_type_is_einval_of_the_call)
{
	struct iommunest_inv_type type = mock_type;

	type.data_type = 0xdadbeef;
	call_fails(&type, nested, -EINVAL);
	type.data_type = IOMMU_HWPT_INVALIDATE_DATA_VTD_S1;
	call_fails(&type, nested, -EINVAL);
}

TEST(what_is_no_nested_hwpt_is_an_error_of_the_call)
{
	const int other = real_kernel() == CONF_LINUX_6_12 ? -ENOENT : -EINVAL;

	call_fails(&mock_type, parent, other);
	call_fails(&mock_type, ioas, other);
	call_fails(&mock_type, 0x7ffffff0, -ENOENT);
}

/* ---- What the library never sends ---- */

static void raw_is(uint32_t len, uint32_t num, const void *array, int error)
{
	struct iommu_hwpt_invalidate cmd = {
		.size = sizeof(cmd),
		.hwpt_id = nested,
		.data_uptr = (uintptr_t)array,
		.data_type = VM_MOCK_INVALIDATE_TYPE,
		.entry_len = len,
		.entry_num = num,
	};
	int ret = call(IOMMU_HWPT_INVALIDATE, &cmd);

	ck_assert_msg(ret == error && cmd.entry_num == 0,
		      "entry_len %u entry_num %u: %d, %u", len, num, ret,
		      cmd.entry_num);
	ck_assert_uint_eq(flushed(), 0);
}

TEST(bounds_of_a_call_are_einval)
{
	const struct vm_mock_entry entries[2] = { { 0, 0 }, { 0, 1 } };
	const uint32_t len = sizeof(*entries);

	raw_is(1, 1, entries, -EINVAL);
	raw_is(0, 1, entries, -EINVAL);
	raw_is(CONF_PAGE + 1, 1, entries, -EINVAL);
	raw_is(len, (1u << 19) + 1, entries, -EINVAL);
	raw_is(len, 1, NULL, -EINVAL);
	raw_is(len, 0, NULL, 0);
}

TEST(an_unreadable_array_is_efault)
{
	struct conf_pages pages = conf_pages_new(1);

	raw_is(sizeof(struct vm_mock_entry), 1, pages.end, -EFAULT);
	conf_pages_free(&pages);
}

/* The empty call that tells whose an EINVAL is does not look at this. */
TEST(another_length_is_einval)
{
	static const uint32_t lens[] = { 1, 7, 9, 16, CONF_PAGE };
	struct iommunest_report report = { .size = sizeof(report) };
	struct iommunest_inv_type type = mock_type;
	const char room[CONF_PAGE] = { 0 };
	struct iommunest_batch *batch;
	size_t i;

	for (i = 0; i < sizeof(lens) / sizeof(*lens); i++) {
		type.entry_len = lens[i];
		ck_assert_int_eq(iommunest_batch_new(&batch, &type, 1), 0);
		ck_assert_int_eq(iommunest_batch_add(batch, room, 0), 0);
		ck_assert_int_eq(iommunest_submit(ctx, nested, batch, NULL,
						  &report),
				 -EINVAL);
		ck_assert_uint_eq(report.handled, 0);
		ck_assert_uint_eq(flushed(), 0);
		iommunest_batch_free(batch);
	}
}

TEST(more_than_a_call_takes_goes_in_several)
{
	const uint32_t count = IOMMUNEST_CALL_MAX + 1;
	const struct vm_mock_entry first = { 0, 1 }, last = { 0, 2 };
	struct iommunest_report report = { .size = sizeof(report) };
	struct iommunest_batch *batch;
	uint32_t i;

	ck_assert_int_eq(iommunest_batch_new(&batch, &mock_type, count), 0);
	for (i = 0; i < count; i++)
		iommunest_batch_add(batch, i < count - 1 ? &first : &last, i);
	ck_assert_uint_eq(iommunest_batch_count(batch), count);
	ck_assert_int_eq(iommunest_submit(ctx, nested, batch, NULL, &report),
			 0);
	ck_assert_uint_eq(report.calls, 2);
	ck_assert_uint_eq(report.handled, count);
	ck_assert_uint_eq(flushed(), 1 << 1 | 1 << 2);
	iommunest_batch_free(batch);
}

/* ---- Recovery ---- */

static const struct vm_mock_entry broken[4] = {
	{ 0, 0 }, { VM_MOCK_UNKNOWN, 1 }, { 0, 2 }, { 0, 3 }
};

TEST(skip_flushes_the_others)
{
	struct iommunest_failure skipped =
		IOMMUNEST_INIT(struct iommunest_failure);
	const struct iommunest_submit_options options = {
		.size = sizeof(options),
		.policy = IOMMUNEST_POLICY_SKIP,
	};
	struct iommunest_report report = {
		.size = sizeof(report),
		.skipped = &skipped,
		.skipped_max = 1,
	};
	struct iommunest_batch *batch = batch_of(&mock_type, broken, 4);

	ck_assert_int_eq(
		iommunest_submit(ctx, nested, batch, &options, &report), 1);
	ck_assert_uint_eq(skipped.index, 1);
	ck_assert_int_eq(skipped.error, -EOPNOTSUPP);
	ck_assert_uint_eq(flushed(), 0xd);
	iommunest_batch_free(batch);
}

TEST(flush_all_uses_the_types_own_entry)
{
	const struct iommunest_submit_options options = {
		.size = sizeof(options),
		.policy = IOMMUNEST_POLICY_FLUSH_ALL,
	};
	struct iommunest_report report = { .size = sizeof(report) };
	struct iommunest_batch *batch = batch_of(&mock_type, broken, 4);

	ck_assert_int_eq(
		iommunest_submit(ctx, nested, batch, &options, &report), 0);
	ck_assert_uint_eq(report.handled, 1);
	ck_assert_uint_eq(report.flushed, 3);
	ck_assert_uint_eq(flushed(), 0xf);
	iommunest_batch_free(batch);
}

TEST(stop_fix_and_resume_flushes_the_rest)
{
	struct iommunest_batch *batch = batch_of(&mock_type, broken, 4);
	struct iommunest_report report = { .size = sizeof(report) };
	struct vm_mock_entry *entry;

	ck_assert_int_eq(iommunest_submit(ctx, nested, batch, NULL, &report),
			 -EOPNOTSUPP);
	ck_assert_uint_eq(flushed(), 0x1);
	entry = iommunest_batch_entry(batch, report.index);
	entry->flags = 0;
	ck_assert_int_eq(iommunest_submit(ctx, nested, batch, NULL, &report),
			 0);
	ck_assert_uint_eq(report.handled, 3);
	ck_assert_uint_eq(flushed(), 0xf);
	iommunest_batch_free(batch);
}

/* Its hardware takes entries in pairs, and tells of the pair. */
static const struct vm_mock_entry faulty[4] = {
	{ 0, 0 }, { 0, 1 }, { VM_MOCK_FAULT, 2 }, { 0, 3 }
};

/* Whether it can be made to fail: a kernel may report without that. */
static bool has_faults(void)
{
	const struct vm_mock_entry entry = { VM_MOCK_FAULT, 0 };
	struct iommu_hwpt_invalidate cmd = {
		.size = sizeof(cmd),
		.data_uptr = (uintptr_t)&entry,
		.data_type = VM_MOCK_INVALIDATE_TYPE,
		.entry_len = sizeof(entry),
		.entry_num = 1,
	};
	int ret = -ENOENT;

	if (!real_reports())
		return false;
	if (make_objects()) {
		cmd.hwpt_id = nested;
		ret = call(IOMMU_HWPT_INVALIDATE, &cmd);
	}
	tear_down();
	if (ret == -EOPNOTSUPP)
		printf("skipped: this mock raises no errors of hardware\n");
	return ret != -EOPNOTSUPP;
}

TEST_LOOP(an_error_of_its_hardware_is_reported, has_faults())
{
	struct iommunest_batch *batch = batch_of(&mock_type, faulty, 4);
	struct iommunest_report report = { .size = sizeof(report) };
	struct vm_mock_entry *entry;

	ck_assert_int_eq(iommunest_submit(ctx, nested, batch, NULL, &report),
			 -EIO);
	ck_assert_uint_eq(report.blame, IOMMUNEST_BLAME_ENTRY);
	ck_assert_uint_eq(report.index, 2);
	ck_assert_uint_eq(report.last_index, 3);
	ck_assert(!report.exact);
	ck_assert_uint_eq(report.driver_error, VM_MOCK_ERROR_CODE);
	ck_assert_uint_eq(report.pending, 2);
	ck_assert_uint_eq(flushed(), 0x3);
	entry = iommunest_batch_entry(batch, report.index);
	entry->flags = 0;
	ck_assert_int_eq(iommunest_submit(ctx, nested, batch, NULL, &report),
			 0);
	ck_assert_uint_eq(flushed(), 0xf);
	iommunest_batch_free(batch);
}

/* Which of the pair it was is found out by sending it alone. */
TEST_LOOP(an_entry_that_its_hardware_refuses_is_skipped, has_faults())
{
	struct iommunest_batch *batch = batch_of(&mock_type, faulty, 4);
	struct iommunest_failure skipped = { .size = sizeof(skipped) };
	struct iommunest_report report = {
		.size = sizeof(report),
		.skipped = &skipped,
		.skipped_max = 1,
	};
	const struct iommunest_submit_options options = {
		.size = sizeof(options),
		.policy = IOMMUNEST_POLICY_SKIP,
	};

	ck_assert_int_eq(
		iommunest_submit(ctx, nested, batch, &options, &report), 1);
	ck_assert_uint_eq(skipped.index, 2);
	ck_assert_uint_eq(skipped.last_index, 2);
	ck_assert_int_eq(skipped.error, -EIO);
	ck_assert_uint_eq(skipped.driver_error, VM_MOCK_ERROR_CODE);
	ck_assert_uint_eq(flushed(), 0xf & ~(1u << 2));
	iommunest_batch_free(batch);
}

/* Is there a mock in this kernel? */
static bool has_mock(void)
{
	struct vm_mock_cmd cmd = { .size = sizeof(cmd) };
	int dev = open("/dev/iommu", O_RDWR | O_CLOEXEC);
	bool has = dev >= 0 && ioctl(dev, VM_MOCK_CMD, &cmd) && errno != ENOTTY;

	if (dev >= 0)
		close(dev);
	return has;
}

int main(int argc, char **argv)
{
	if (!has_mock()) {
		printf("no /dev/iommu with CONFIG_IOMMUFD_TEST\n");
		return 77;
	}
	return support_run(argc, argv);
}
