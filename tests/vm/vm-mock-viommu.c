/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * Entries for the vIOMMU of iommufd's mock.  Like other vIOMMUs, it copies the
 * whole array first.  Arrays that it has no memory for (above 4 MiB) are not
 * sent here: Linux warns of each, and a warning fails the run.
 */
#include "mock-uapi.h"
#include "real.h"

#include "lib/uapi/invalidate.h"

#include "tests/harness/support.h"

#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define VIRT_ID 0x77u

static const struct iommunest_inv_type viommu_type = {
	.size = sizeof(viommu_type),
	.name = "mock vIOMMU",
	.data_type = VM_MOCK_INVALIDATE_TYPE,
	.entry_len = sizeof(struct vm_mock_viommu_entry),
	.recovery = IOMMUNEST_RECOVERY_EXACT,
};

/* Of one test. */
static int fd;
static struct iommunest_ctx *ctx;
static uint32_t dev;
static uint32_t parent;
static uint32_t viommu;

/* Linux 6.12 has none. */
static int viommus(void)
{
	return real_kernel() == CONF_LINUX_6_12 ? 0 : 1;
}

static int call(unsigned long request, void *arg)
{
	return ioctl(fd, request, arg) ? -errno : 0;
}

static void make_viommu(void)
{
	struct vm_viommu_alloc alloc = {
		.size = sizeof(alloc),
		.type = VM_MOCK_VIOMMU_TYPE,
		.dev_id = dev,
		.hwpt_id = parent,
	};
	struct vm_vdevice_alloc vdevice = {
		.size = sizeof(vdevice),
		.dev_id = dev,
		.virt_id = VIRT_ID,
	};

	ck_assert_int_eq(call(VM_VIOMMU_ALLOC, &alloc), 0);
	viommu = vdevice.viommu_id = alloc.out_viommu_id;
	ck_assert_int_eq(call(VM_VDEVICE_ALLOC, &vdevice), 0);
}

static void set_up(void)
{
	struct vm_mock_cmd cmd = { .size = sizeof(cmd), .op = VM_MOCK_DEVICE };

	fd = open("/dev/iommu", O_RDWR | O_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(iommunest_open_fd(&ctx, fd, NULL), 0);
	ck_assert_int_eq(iommunest_ioas_alloc(ctx, &cmd.id), 0);
	ck_assert_int_eq(call(VM_MOCK_CMD, &cmd), 0);
	dev = cmd.device.out_dev_id;
	ck_assert_int_eq(iommunest_hwpt_alloc_parent(ctx, dev, cmd.id, &parent),
			 0);
	make_viommu();
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
		.op = VM_MOCK_CHECK_CACHE,
		.id = dev,
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
		ck_assert_int_ne(holds(id, 0),
				 holds(id, VM_MOCK_CACHE_DEFAULT));
		bits |= holds(id, 0) ? 1u << id : 0;
	}
	return bits;
}

static struct iommunest_batch *
batch_of(const struct iommunest_inv_type *type,
	 const struct vm_mock_viommu_entry *entries, uint32_t count)
{
	struct iommunest_batch *batch;
	uint32_t i;

	ck_assert_int_eq(iommunest_batch_new(&batch, type, count), 0);
	for (i = 0; i < count; i++)
		ck_assert_int_eq(
			iommunest_batch_add(batch, &entries[i], i + 10), 0);
	return batch;
}

static const struct vm_mock_viommu_entry broken[4] = {
	{ 0, VIRT_ID, 0 },
	{ 0, VIRT_ID, 1 },
	{ 0, VIRT_ID + 1, 2 },
	{ 0, VIRT_ID, 3 },
};

TEST_LOOP(entries_before_the_failing_one_are_done, viommus())
{
	struct iommunest_batch *batch = batch_of(&viommu_type, broken, 4);
	struct iommunest_report report = { .size = sizeof(report) };
	struct vm_mock_viommu_entry *entry;

	ck_assert_int_eq(iommunest_submit(ctx, viommu, batch, NULL, &report),
			 -EINVAL);
	ck_assert_uint_eq(report.blame, IOMMUNEST_BLAME_ENTRY);
	ck_assert_uint_eq(report.index, 2);
	ck_assert(report.exact);
	ck_assert_uint_eq(flushed(), 0x3);
	entry = iommunest_batch_entry(batch, report.index);
	entry->vdev_id = VIRT_ID;
	ck_assert_int_eq(iommunest_submit(ctx, viommu, batch, NULL, &report),
			 0);
	ck_assert_uint_eq(flushed(), 0xf);
	iommunest_batch_free(batch);
}

TEST_LOOP(an_empty_call_tells_the_first_entry_from_the_call, viommus())
{
	struct iommunest_batch *batch = batch_of(&viommu_type, broken + 2, 1);
	struct iommunest_report report = { .size = sizeof(report) };
	struct iommunest_inv_type other = viommu_type;

	ck_assert_int_eq(iommunest_submit(ctx, viommu, batch, NULL, &report),
			 -EINVAL);
	ck_assert_uint_eq(report.blame, IOMMUNEST_BLAME_ENTRY);
	iommunest_batch_free(batch);

	other.data_type--;
	batch = batch_of(&other, broken, 1);
	ck_assert_int_eq(iommunest_submit(ctx, viommu, batch, NULL, &report),
			 -EINVAL);
	ck_assert_uint_eq(report.blame, IOMMUNEST_BLAME_CALL);
	ck_assert_uint_eq(flushed(), 0);
	iommunest_batch_free(batch);
}

/* The same kernel, as one whose counts only name an entry. */
TEST_LOOP(a_group_type_names_the_same_entry, viommus())
{
	struct iommunest_inv_type type = viommu_type;
	struct iommunest_report report = { .size = sizeof(report) };
	struct iommunest_batch *batch;

	type.recovery = IOMMUNEST_RECOVERY_GROUP;
	type.refused = -EINVAL;
	batch = batch_of(&type, broken, 4);
	ck_assert_int_eq(iommunest_submit(ctx, viommu, batch, NULL, &report),
			 -EINVAL);
	ck_assert_uint_eq(report.blame, IOMMUNEST_BLAME_ENTRY);
	ck_assert_uint_eq(report.index, 2);
	ck_assert_uint_eq(report.cookie, 12);
	ck_assert(report.exact);
	ck_assert_uint_eq(report.pending, 4);
	ck_assert_int_eq(iommunest_batch_skip(batch), 0);
	ck_assert_int_eq(iommunest_submit(ctx, viommu, batch, NULL, &report),
			 0);
	ck_assert_uint_eq(report.handled, 3);
	ck_assert_uint_eq(flushed(), 0xb);
	iommunest_batch_free(batch);
}

/* ---- Reports of what hardware finds ---- */

/* @under is the parent, or a vIOMMU on it. */
static uint32_t alloc_nested(uint32_t under)
{
	struct vm_mock_hwpt data = { .value = 1 };
	struct iommu_hwpt_alloc cmd = {
		.size = sizeof(cmd),
		.dev_id = dev,
		.pt_id = under,
		.data_type = VM_MOCK_HWPT_TYPE,
		.data_len = sizeof(data),
		.data_uptr = (uintptr_t)&data,
	};

	ck_assert_int_eq(call(IOMMU_HWPT_ALLOC, &cmd), 0);
	return cmd.out_hwpt_id;
}

static bool takes_the_flag(uint32_t id)
{
	struct iommunest_uapi_invalidate cmd = {
		.size = sizeof(cmd),
		.hwpt_id = id,
		.data_type = VM_MOCK_INVALIDATE_TYPE,
		.flags = IOMMUNEST_INVALIDATE_REPORT_ERROR,
	};

	return call(IOMMU_HWPT_INVALIDATE, &cmd) == 0;
}

/*
 * The same data type, and yet: where the mock reports, the nested HWPTs of its
 * vIOMMU do not, nor does the vIOMMU.  Whichever is asked for first.
 */
TEST_LOOP(each_object_is_asked_whether_it_reports, 2 * viommus())
{
	const uint32_t plain = alloc_nested(parent);
	const uint32_t ids[] = { plain, alloc_nested(viommu), viommu };
	struct iommunest_batch *batch = batch_of(&viommu_type, broken, 2);
	unsigned int i, at;

	for (i = 0; i < ARRAY_LEN(ids); i++) {
		at = _i ? ARRAY_LEN(ids) - 1 - i : i;
		ck_assert_int_eq(iommunest_reports_errors(ctx, ids[at],
							  &viommu_type),
				 ids[at] == plain && takes_the_flag(plain));
	}
	ck_assert(!takes_the_flag(viommu));
	ck_assert_int_eq(iommunest_submit(ctx, viommu, batch, NULL, NULL), 0);
	ck_assert_uint_eq(flushed(), 0x3);
	iommunest_batch_free(batch);
}
