/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * A kernel that knows none of the library's ioctls, or none of their flags:
 * each function that asks it returns its errno unchanged, and writes nothing.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <libiommunest.h>

#include "tests/harness/support.h"

#define FD 42
#define UNTOUCHED 0xabcdu

/* ---- The kernel ---- */

struct kernel {
	int error;
	unsigned int calls;
	bool listed;
};

static int kernel_open(void *data, const char *path, int flags)
{
	((struct kernel *)data)->listed = false;
	(void)path;
	(void)flags;
	return FD;
}

static int kernel_close(void *data, int fd)
{
	(void)data;
	ck_assert_int_eq(fd, FD);
	return 0;
}

static int kernel_ioctl(void *data, int fd, unsigned long request, void *arg)
{
	struct kernel *kernel = data;

	(void)fd;
	(void)request;
	ck_assert_ptr_nonnull(arg);
	kernel->calls++;
	return kernel->error;
}

/* Sysfs: a device of vfio-pci, with a node and a group. */
static ssize_t kernel_readlink(void *data, const char *path, char *buf,
			       size_t len)
{
	const char *to = strstr(path, "/iommu_group") ? "groups/3" : "vfio-pci";

	(void)data;
	strncpy(buf, to, len);
	return (ssize_t)strlen(to);
}

static ssize_t kernel_read(void *data, int fd, void *buf, size_t len)
{
	(void)data;
	ck_assert_int_eq(fd, FD);
	ck_assert_uint_ge(len, 6);
	memcpy(buf, "511:0\n", 6);
	return 6;
}

/* A folder has this in it, and once. */
static ssize_t kernel_getdents64(void *data, int fd, void *buf, size_t len)
{
	static const struct {
		uint64_t ino;
		int64_t off;
		uint16_t reclen;
		uint8_t type;
		char name[13];
	} node = { .reclen = sizeof(node), .name = "vfio0" };
	struct kernel *kernel = data;

	ck_assert_int_eq(fd, FD);
	ck_assert_uint_ge(len, sizeof(node));
	if (kernel->listed)
		return 0;
	kernel->listed = true;
	memcpy(buf, &node, sizeof(node));
	return sizeof(node);
}

static const struct iommunest_sys sys = {
	.size = sizeof(sys),
	.open = kernel_open,
	.close = kernel_close,
	.ioctl = kernel_ioctl,
	.read = kernel_read,
	.readlink = kernel_readlink,
	.getdents64 = kernel_getdents64,
};

static struct iommunest_ctx *open_on(struct kernel *kernel, int error)
{
	const struct iommunest_open_options options = {
		.size = sizeof(options),
		.sys = &sys,
		.sys_data = kernel,
	};
	struct iommunest_ctx *ctx;

	*kernel = (struct kernel){ .error = error };
	ck_assert_int_eq(iommunest_open(&ctx, &options), 0);
	return ctx;
}

/* ---- Each function that makes an ioctl ---- */

static int untouched(uint32_t id, int ret)
{
	ck_assert_uint_eq(id, UNTOUCHED);
	return ret;
}

static int ioas_alloc(struct iommunest_ctx *ctx)
{
	uint32_t id = UNTOUCHED;
	int ret = iommunest_ioas_alloc(ctx, &id);

	return untouched(id, ret);
}

static int object_destroy(struct iommunest_ctx *ctx)
{
	return iommunest_object_destroy(ctx, 1);
}

static int raw_ioctl(struct iommunest_ctx *ctx)
{
	uint32_t cmd = sizeof(cmd);

	return iommunest_ioctl(ctx, 0x3bff, &cmd);
}

static char memory[64];

static int ioas_iova_ranges(struct iommunest_ctx *ctx)
{
	struct iommunest_iova_ranges ranges = { .size = sizeof(ranges) };

	return iommunest_ioas_iova_ranges(ctx, 1, &ranges);
}

static int ioas_allow_iovas(struct iommunest_ctx *ctx)
{
	const struct iommunest_iova_range range = { 0, 0xfff };

	return iommunest_ioas_allow_iovas(ctx, 1, &range, 1);
}

static int untouched_iova(uint64_t iova, int ret)
{
	ck_assert_uint_eq(iova, UNTOUCHED);
	return ret;
}

#define ANYWHERE (IOMMUNEST_MAP_READ | IOMMUNEST_MAP_WRITE)

static int ioas_map(struct iommunest_ctx *ctx)
{
	uint64_t iova = UNTOUCHED;
	int ret = iommunest_ioas_map(ctx, 1, memory, sizeof(memory), ANYWHERE,
				     &iova);

	return untouched_iova(iova, ret);
}

static int ioas_map_file(struct iommunest_ctx *ctx)
{
	uint64_t iova = UNTOUCHED;
	int ret =
		iommunest_ioas_map_file(ctx, 1, FD, 0, 0x1000, ANYWHERE, &iova);

	return untouched_iova(iova, ret);
}

static int ioas_copy(struct iommunest_ctx *ctx)
{
	uint64_t iova = UNTOUCHED;
	int ret = iommunest_ioas_copy(ctx, 1, 2, 0, 0x1000, ANYWHERE, &iova);

	return untouched_iova(iova, ret);
}

static int ioas_unmap(struct iommunest_ctx *ctx)
{
	uint64_t bytes = UNTOUCHED;
	int ret = iommunest_ioas_unmap(ctx, 1, 0, 0x1000, &bytes);

	return untouched_iova(bytes, ret);
}

static int ioas_unmap_all(struct iommunest_ctx *ctx)
{
	uint64_t bytes = UNTOUCHED;
	int ret = iommunest_ioas_unmap_all(ctx, 1, &bytes);

	return untouched_iova(bytes, ret);
}

static int change_process(struct iommunest_ctx *ctx)
{
	return iommunest_change_process(ctx);
}

static int option_get(struct iommunest_ctx *ctx)
{
	uint64_t value = UNTOUCHED;
	int ret = iommunest_option_get(ctx, IOMMUNEST_OPTION_HUGE_PAGES, 1,
				       &value);

	return untouched_iova(value, ret);
}

static int option_set(struct iommunest_ctx *ctx)
{
	return iommunest_option_set(ctx, IOMMUNEST_OPTION_HUGE_PAGES, 1, 0);
}

static int dirty_set(struct iommunest_ctx *ctx)
{
	return iommunest_dirty_set(ctx, 1, true);
}

static int dirty_get(struct iommunest_ctx *ctx)
{
	const struct iommunest_dirty dirty = {
		.size = sizeof(dirty),
		.length = 0x8000,
		.page_size = 0x1000,
		.bitmap = memory,
		.bitmap_len = 8,
	};
	int ret = iommunest_dirty_get(ctx, 1, &dirty);

	ck_assert_int_eq(memory[0], 0);
	return ret;
}

static int hwpt_alloc_parent(struct iommunest_ctx *ctx)
{
	uint32_t id = UNTOUCHED;
	int ret = iommunest_hwpt_alloc_parent(ctx, 1, 2, &id);

	return untouched(id, ret);
}

static int hwpt_alloc_paging(struct iommunest_ctx *ctx)
{
	const struct iommunest_paging_hwpt paging = {
		.size = sizeof(paging),
		.flags = IOMMUNEST_HWPT_NEST_PARENT | IOMMUNEST_HWPT_PASID,
	};
	uint32_t id = UNTOUCHED;
	int ret = iommunest_hwpt_alloc_paging(ctx, 1, 2, &paging, &id);

	return untouched(id, ret);
}

static int hwpt_alloc_nested(struct iommunest_ctx *ctx)
{
	const uint64_t data = 0;
	const struct iommunest_nested_hwpt nested = {
		.size = sizeof(nested),
		.data_type = 1,
		.data = &data,
		.data_len = sizeof(data),
		.flags = IOMMUNEST_HWPT_PASID,
	};
	uint32_t id = UNTOUCHED;
	int ret = iommunest_hwpt_alloc_nested(ctx, 1, 2, &nested, &id);

	return untouched(id, ret);
}

static int vtd_hwpt_alloc(struct iommunest_ctx *ctx)
{
	const struct iommunest_vtd_s1 s1 = {
		.size = sizeof(s1),
		.addr_width = 48,
	};
	uint32_t id = UNTOUCHED;
	int ret = iommunest_vtd_hwpt_alloc(ctx, 1, 2, &s1, &id);

	return untouched(id, ret);
}

static int fault_queue_alloc(struct iommunest_ctx *ctx)
{
	uint32_t id = UNTOUCHED;
	int fd = -1, ret;

	ret = iommunest_fault_queue_alloc(ctx, &id, &fd);
	ck_assert_int_eq(fd, -1);
	return untouched(id, ret);
}

static int viommu_alloc(struct iommunest_ctx *ctx)
{
	uint32_t id = UNTOUCHED;
	int ret = iommunest_viommu_alloc(ctx, 1, 2, 1, &id);

	return untouched(id, ret);
}

static int vdevice_alloc(struct iommunest_ctx *ctx)
{
	uint32_t id = UNTOUCHED;
	int ret = iommunest_vdevice_alloc(ctx, 1, 2, 3, &id);

	return untouched(id, ret);
}

static int event_queue_alloc(struct iommunest_ctx *ctx)
{
	uint32_t id = UNTOUCHED;
	int fd = -1, ret;

	ret = iommunest_event_queue_alloc(ctx, 1, 1, 16, &id, &fd);
	ck_assert_int_eq(fd, -1);
	return untouched(id, ret);
}

static int smmuv3_viommu_alloc(struct iommunest_ctx *ctx)
{
	uint32_t id = UNTOUCHED;
	int ret = iommunest_smmuv3_viommu_alloc(ctx, 1, 2, &id);

	return untouched(id, ret);
}

static int smmuv3_vdevice_alloc(struct iommunest_ctx *ctx)
{
	uint32_t id = UNTOUCHED;
	int ret = iommunest_smmuv3_vdevice_alloc(ctx, 1, 2, 3, 16, &id);

	return untouched(id, ret);
}

static int smmuv3_event_queue_alloc(struct iommunest_ctx *ctx)
{
	uint32_t id = UNTOUCHED;
	int fd = -1, ret;

	ret = iommunest_smmuv3_event_queue_alloc(ctx, 1, 16, &id, &fd);
	ck_assert_int_eq(fd, -1);
	return untouched(id, ret);
}

/* A stream that is aborted, which each kernel with vIOMMUs takes. */
static int smmuv3_hwpt_alloc(struct iommunest_ctx *ctx)
{
	const struct iommunest_smmuv3_s1 s1 = { .ste = { 1 } };
	uint32_t id = UNTOUCHED;
	int ret = iommunest_smmuv3_hwpt_alloc(ctx, 1, 2, &s1, &id);

	return untouched(id, ret);
}

static int hw_info(struct iommunest_ctx *ctx)
{
	struct iommunest_hw_info info = { .size = sizeof(info), .type = 7 };
	int ret = iommunest_hw_info(ctx, 1, &info);

	ck_assert_uint_eq(info.type, 7);
	return ret;
}

static int reports_errors(struct iommunest_ctx *ctx)
{
	return iommunest_reports_errors(ctx, 1, iommunest_vtd_s1_type());
}

/* Everything is pending, and the call is to blame. */
static int submit(struct iommunest_ctx *ctx)
{
	struct iommunest_report report = { .size = sizeof(report) };
	struct iommunest_batch *batch;
	int ret;

	ck_assert_int_eq(
		iommunest_batch_new(&batch, iommunest_vtd_s1_type(), 2), 0);
	iommunest_vtd_batch_add_block(batch, 0x1000, 0, 0, 1);
	iommunest_vtd_batch_add_block(batch, 0x8000, 0, 0, 2);
	ret = iommunest_submit(ctx, 1, batch, NULL, &report);
	ck_assert_int_eq(report.error, ret);
	ck_assert_uint_eq(report.blame, IOMMUNEST_BLAME_CALL);
	ck_assert_uint_eq(report.pending, 2);
	ck_assert_uint_eq(report.handled, 0);
	iommunest_batch_free(batch);
	return ret;
}

static int vfio_bind(struct iommunest_ctx *ctx)
{
	uint32_t id = UNTOUCHED;
	int ret = iommunest_vfio_bind(ctx, FD, &id);

	return untouched(id, ret);
}

/* What was opened in vain is closed again. */
static int vfio_open(struct iommunest_ctx *ctx)
{
	uint32_t id = UNTOUCHED;
	int fd = -1, ret;

	ret = iommunest_vfio_open(ctx, "/dev/vfio/devices/vfio0", &fd, &id);
	ck_assert_int_eq(fd, -1);
	return untouched(id, ret);
}

/* The kernel's answer, and no reason for it but the kernel's. */
static int vfio_open_pci(struct iommunest_ctx *ctx)
{
	struct iommunest_vfio_device device = { .size = sizeof(device) };
	uint32_t id = UNTOUCHED;
	int fd = -1, ret;

	ret = iommunest_vfio_open_pci(ctx, "0000:00:02.0", &fd, &id, &device);
	ck_assert_int_eq(fd, -1);
	ck_assert_str_eq(device.node, "/dev/vfio/devices/vfio0");
	ck_assert_uint_eq(device.reasons, 0);
	return untouched(id, ret);
}

static int vfio_attach(struct iommunest_ctx *ctx)
{
	uint32_t id = UNTOUCHED;
	int ret = iommunest_vfio_attach(ctx, FD, &id);

	return untouched(id, ret);
}

static int vfio_detach(struct iommunest_ctx *ctx)
{
	return iommunest_vfio_detach(ctx, FD);
}

static int vfio_attach_pasid(struct iommunest_ctx *ctx)
{
	uint32_t id = UNTOUCHED;
	int ret = iommunest_vfio_attach_pasid(ctx, FD, 1, &id);

	return untouched(id, ret);
}

static int vfio_detach_pasid(struct iommunest_ctx *ctx)
{
	return iommunest_vfio_detach_pasid(ctx, FD, 1);
}

#define ROW(fn)         \
	{               \
#fn, fn \
	}

static const struct function {
	const char *name;
	int (*call)(struct iommunest_ctx *ctx);
} functions[] = {
	ROW(ioas_alloc),
	ROW(object_destroy),
	ROW(raw_ioctl),
	ROW(ioas_iova_ranges),
	ROW(ioas_allow_iovas),
	ROW(ioas_map),
	ROW(ioas_map_file),
	ROW(ioas_copy),
	ROW(ioas_unmap),
	ROW(ioas_unmap_all),
	ROW(change_process),
	ROW(option_get),
	ROW(option_set),
	ROW(dirty_set),
	ROW(dirty_get),
	ROW(hwpt_alloc_parent),
	ROW(hwpt_alloc_paging),
	ROW(hwpt_alloc_nested),
	ROW(vtd_hwpt_alloc),
	ROW(fault_queue_alloc),
	ROW(viommu_alloc),
	ROW(vdevice_alloc),
	ROW(event_queue_alloc),
	ROW(smmuv3_viommu_alloc),
	ROW(smmuv3_vdevice_alloc),
	ROW(smmuv3_event_queue_alloc),
	ROW(smmuv3_hwpt_alloc),
	ROW(hw_info),
	ROW(reports_errors),
	ROW(submit),
	ROW(vfio_bind),
	ROW(vfio_open),
	ROW(vfio_open_pci),
	ROW(vfio_attach),
	ROW(vfio_detach),
	ROW(vfio_attach_pasid),
	ROW(vfio_detach_pasid),
};

TEST_LOOP(without_an_ioctl_a_function_returns_enotty, ARRAY_LEN(functions))
{
	const struct function *function = &functions[_i];
	struct kernel kernel;
	struct iommunest_ctx *ctx = open_on(&kernel, -ENOTTY);
	int ret = function->call(ctx);

	ck_assert_msg(ret == -ENOTTY, "%s: %d", function->name, ret);
	ck_assert_uint_ge(kernel.calls, 1);
	/* Asked again, it says the same. */
	ck_assert_int_eq(function->call(ctx), -ENOTTY);
	iommunest_close(ctx);
}

TEST_LOOP(without_a_flag_a_function_returns_eopnotsupp, ARRAY_LEN(functions))
{
	const struct function *function = &functions[_i];
	struct kernel kernel;
	struct iommunest_ctx *ctx = open_on(&kernel, -EOPNOTSUPP);
	int ret = function->call(ctx);

	ck_assert_msg(ret == -EOPNOTSUPP, "%s: %d", function->name, ret);
	iommunest_close(ctx);
}

/* What cannot be asked is no reason; that PASIDs are not known is one. */
TEST_LOOP(a_kernel_that_says_nothing_gives_no_reasons, 2)
{
	static const int errors[] = { -ENOTTY, -EOPNOTSUPP };
	static const uint32_t of_pasid[] = {
		IOMMUNEST_VFIO_REASON_KERNEL_PASID,
		IOMMUNEST_VFIO_REASON_DRIVER_PASID,
	};
	struct kernel kernel;
	struct iommunest_ctx *ctx = open_on(&kernel, errors[_i]);
	uint32_t reasons = UNTOUCHED;

	ck_assert_int_eq(iommunest_vfio_attach_reasons(ctx, FD, 1,
						       IOMMUNEST_VFIO_NO_PASID,
						       errors[_i], &reasons),
			 0);
	ck_assert_uint_eq(reasons, 0);
	ck_assert_int_eq(iommunest_vfio_attach_reasons(ctx, FD, 1, 5,
						       errors[_i], &reasons),
			 0);
	ck_assert_uint_eq(reasons, of_pasid[_i]);
	ck_assert_uint_ge(kernel.calls, 2);
	iommunest_close(ctx);
}

TEST(a_kernel_without_any_ioctl_has_no_feature)
{
	struct kernel kernel;
	struct iommunest_ctx *ctx = open_on(&kernel, -ENOTTY);
	uint64_t features = UINT64_MAX;

	ck_assert_int_eq(iommunest_features(ctx, &features), 0);
	ck_assert_uint_eq(features, 0);
	iommunest_close(ctx);
}
