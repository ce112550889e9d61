/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * Each struct that a caller allocates begins with its size.  One that was
 * never set is refused before anything else of the struct is looked at: the
 * struct ends at the end of its memory here, so that a sanitizer sees more.
 */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <libiommunest.h>

#include "tests/harness/support.h"

static struct iommunest_ctx *ctx;

/* A kernel without devices. */
static int no_open(void *data, const char *path, int flags)
{
	(void)data, (void)path, (void)flags;
	return -ENODEV;
}

static int no_close(void *data, int fd)
{
	(void)data, (void)fd;
	return 0;
}

static int no_ioctl(void *data, int fd, unsigned long request, void *arg)
{
	(void)data, (void)fd, (void)request, (void)arg;
	return -ENODEV;
}

static ssize_t no_read(void *data, int fd, void *buf, size_t len)
{
	(void)data, (void)fd, (void)buf, (void)len;
	return -ENODEV;
}

static ssize_t no_write(void *data, int fd, const void *buf, size_t len)
{
	(void)data, (void)fd, (void)buf, (void)len;
	return -ENODEV;
}

static const struct iommunest_sys no_devices = {
	.size = sizeof(no_devices),
	.open = no_open,
	.close = no_close,
	.ioctl = no_ioctl,
	.read = no_read,
	.write = no_write,
};

static int open_options(void *sized)
{
	struct iommunest_ctx *new = NULL;
	int ret = iommunest_open_fd(&new, 3, sized);

	iommunest_close(new);
	return ret;
}

static int open_table(void *sized)
{
	struct iommunest_open_options options =
		IOMMUNEST_INIT(struct iommunest_open_options);
	struct iommunest_ctx *new;

	options.sys = sized;
	return iommunest_open(&new, &options);
}

static int vfio_find(void *sized)
{
	const struct iommunest_open_options options = {
		.size = sizeof(options),
		.sys = &no_devices,
	};

	return iommunest_vfio_find(&options, "00:02.0", sized);
}

static int vfio_open_pci(void *sized)
{
	uint32_t id;
	int fd;

	return iommunest_vfio_open_pci(ctx, "00:02.0", &fd, &id, sized);
}

static int hw_info(void *sized)
{
	return iommunest_hw_info(ctx, 1, sized);
}

static int batch_type(void *sized)
{
	struct iommunest_batch *batch;

	return iommunest_batch_new(&batch, sized, 1);
}

static int submit_with(const struct iommunest_submit_options *options,
		       struct iommunest_report *report)
{
	struct iommunest_batch *batch;
	int ret;

	ck_assert_int_eq(
		iommunest_batch_new(&batch, iommunest_vtd_s1_type(), 1), 0);
	ret = iommunest_submit(ctx, 1, batch, options, report);
	iommunest_batch_free(batch);
	return ret;
}

static int submit_options(void *sized)
{
	return submit_with(sized, NULL);
}

static int submit_report(void *sized)
{
	return submit_with(NULL, sized);
}

static int submit_skipped(void *sized)
{
	struct iommunest_report report =
		IOMMUNEST_INIT(struct iommunest_report);

	report.skipped = sized;
	report.skipped_max = 1;
	return submit_with(NULL, &report);
}

static int s1(void *sized)
{
	uint32_t id;

	return iommunest_vtd_hwpt_alloc(ctx, 1, 2, sized, &id);
}

static int paging_hwpt(void *sized)
{
	uint32_t id;

	return iommunest_hwpt_alloc_paging(ctx, 1, 2, sized, &id);
}

static int iova_ranges(void *sized)
{
	return iommunest_ioas_iova_ranges(ctx, 1, sized);
}

static int dirty(void *sized)
{
	return iommunest_dirty_get(ctx, 1, sized);
}

static int nested_hwpt(void *sized)
{
	uint32_t id;

	return iommunest_hwpt_alloc_nested(ctx, 1, 2, sized, &id);
}

static struct iommunest_hw_info info_of_vtd(void)
{
	return (struct iommunest_hw_info){
		.size = sizeof(struct iommunest_hw_info),
		.type = IOMMUNEST_HW_INTEL_VTD,
	};
}

static int caps(void *sized)
{
	const struct iommunest_hw_info info = info_of_vtd();

	return iommunest_vtd_caps_decode(sized, &info);
}

static int guest(void *sized)
{
	const struct iommunest_hw_info info = info_of_vtd();
	uint64_t reasons;

	return iommunest_vtd_guest_check(&info, sized, &reasons);
}

static int pasid_entry(void *sized)
{
	static const uint64_t words[8];

	return iommunest_vtd_pasid_decode(sized, words);
}

static int pasid_entry_in(void *sized)
{
	const struct iommunest_hw_info info = info_of_vtd();
	struct iommunest_vtd_s1 out = IOMMUNEST_INIT(struct iommunest_vtd_s1);

	return iommunest_vtd_pasid_to_s1(sized, &info, 48, &out, NULL);
}

static int pasid_s1(void *sized)
{
	const struct iommunest_hw_info info = info_of_vtd();
	struct iommunest_vtd_pasid_entry entry =
		IOMMUNEST_INIT(struct iommunest_vtd_pasid_entry);

	return iommunest_vtd_pasid_to_s1(&entry, &info, 48, sized, NULL);
}

static int limits(void *sized)
{
	struct iommunest_batch *batch;
	int ret;

	ck_assert_int_eq(
		iommunest_batch_new(&batch, iommunest_vtd_s1_type(), 1), 0);
	ret = iommunest_vtd_batch_set_limits(batch, sized);
	iommunest_batch_free(batch);
	return ret;
}

static int desc_decode(void *sized)
{
	static const uint64_t words[4];

	return iommunest_vtd_desc_decode(sized, words, 256,
					 IOMMUNEST_VTD_TTM_SCALABLE);
}

static int desc_encode(void *sized)
{
	return iommunest_vtd_desc_encode(sized);
}

static int desc_build(void *sized)
{
	return iommunest_vtd_desc_wait(sized, 0, 0, 0);
}

static int desc_print(void *sized)
{
	return iommunest_vtd_desc_print(sized, NULL, 0);
}

static int read_guest(void *vmm, uint64_t gpa, void *buf, size_t len)
{
	(void)vmm, (void)gpa, (void)buf, (void)len;
	return -EIO;
}

static int write_status(void *vmm, uint32_t index, uint64_t gpa, uint32_t data)
{
	(void)vmm, (void)index, (void)gpa, (void)data;
	return -EIO;
}

static void interrupt(void *vmm, uint32_t index)
{
	(void)vmm, (void)index;
}

static int descriptor(void *vmm, uint32_t index,
		      const struct iommunest_vtd_desc *desc)
{
	(void)vmm, (void)index, (void)desc;
	return 0;
}

static const struct iommunest_vtd_iq_ops engine_ops = {
	.size = sizeof(engine_ops),
	.read = read_guest,
	.write_status = write_status,
	.interrupt = interrupt,
	.descriptor = descriptor,
};

static const struct iommunest_vtd_iq_options halting = {
	.size = sizeof(halting),
	.unhealed = IOMMUNEST_VTD_UNHEALED_HALT,
};

static int engine_with(const struct iommunest_vtd_iq_ops *ops,
		       const struct iommunest_vtd_iq_options *options)
{
	struct iommunest_vtd_iq *iq;
	int ret = iommunest_vtd_iq_new(&iq, ops, NULL, options);

	iommunest_vtd_iq_free(iq);
	return ret;
}

static int iq_ops(void *sized)
{
	return engine_with(sized, &halting);
}

static int iq_options(void *sized)
{
	return engine_with(&engine_ops, sized);
}

static struct iommunest_vtd_iq *engine(void)
{
	struct iommunest_vtd_iq *iq;

	ck_assert_int_eq(iommunest_vtd_iq_new(&iq, &engine_ops, NULL, &halting),
			 0);
	ck_assert_int_eq(iommunest_vtd_iq_set_base(iq, 0x1000,
						   IOMMUNEST_VTD_TTM_LEGACY),
			 0);
	return iq;
}

static int iq_run(void *sized)
{
	struct iommunest_vtd_iq *iq = engine();
	int ret = iommunest_vtd_iq_run(iq, 0, sized);

	iommunest_vtd_iq_free(iq);
	return ret;
}

static int iq_enable(void *sized)
{
	struct iommunest_vtd_iq *iq = engine();
	int ret = iommunest_vtd_iq_enable(iq, sized);

	iommunest_vtd_iq_free(iq);
	return ret;
}

static int iq_save(void *sized)
{
	struct iommunest_vtd_iq *iq = engine();
	int ret = iommunest_vtd_iq_save(iq, sized);

	iommunest_vtd_iq_free(iq);
	return ret;
}

static int iq_restore(void *sized)
{
	struct iommunest_vtd_iq *iq = engine();
	int ret = iommunest_vtd_iq_restore(iq, sized);

	iommunest_vtd_iq_free(iq);
	return ret;
}

static int iq_restore_registers(void *sized)
{
	struct iommunest_vtd_iq *iq = engine();
	int ret = iommunest_vtd_iq_restore_registers(iq, sized);

	iommunest_vtd_iq_free(iq);
	return ret;
}

static int fault_reader(void *sized)
{
	struct iommunest_fault_reader *reader;
	int ret = iommunest_fault_reader_new(&reader, ctx, 3, sized);

	iommunest_fault_reader_free(reader);
	return ret;
}

static int fault_group(void *sized)
{
	struct iommunest_fault_reader *reader;
	int ret;

	ck_assert_int_eq(iommunest_fault_reader_new(&reader, ctx, 3, NULL), 0);
	ret = iommunest_fault_reader_next(reader, sized);
	iommunest_fault_reader_free(reader);
	return ret;
}

static int event(void *sized)
{
	struct iommunest_event_reader *reader;
	int ret;

	ck_assert_int_eq(iommunest_event_reader_new(&reader, ctx, 3, 32), 0);
	ret = iommunest_event_reader_next(reader, sized);
	iommunest_event_reader_free(reader);
	return ret;
}

static int smmuv3_caps(void *sized)
{
	const struct iommunest_hw_info info = {
		.size = sizeof(info),
		.type = IOMMUNEST_HW_ARM_SMMUV3,
		.data_len = 40,
	};

	return iommunest_smmuv3_caps_decode(sized, &info);
}

static int smmuv3_caps_in(void *sized)
{
	struct iommunest_inv_type type =
		IOMMUNEST_INIT(struct iommunest_inv_type);

	return iommunest_smmuv3_type(&type, sized, NULL);
}

static const struct iommunest_smmuv3_caps no_caps = {
	.size = sizeof(no_caps),
};

static int smmuv3_type(void *sized)
{
	return iommunest_smmuv3_type(sized, &no_caps, NULL);
}

static int smmuv3_ste(void *sized)
{
	static const uint64_t words[2];

	return iommunest_smmuv3_ste_decode(sized, words);
}

static int smmuv3_ste_in(void *sized)
{
	struct iommunest_smmuv3_s1 out;

	return iommunest_smmuv3_ste_to_s1(sized, &no_caps, 48, &out, NULL);
}

static int smmuv3_cmd(void *sized)
{
	static const struct iommunest_smmuv3_entry entry;

	return iommunest_smmuv3_cmd_decode(sized, &entry);
}

static int smmuv3_cmd_in(void *sized)
{
	struct iommunest_smmuv3_entry entry;

	return iommunest_smmuv3_cmd_encode(sized, &entry);
}

static int smmuv3_event(void *sized)
{
	static const uint64_t words[4];

	return iommunest_smmuv3_event_decode(sized, words);
}

static int smmuv3_range(void *sized)
{
	struct iommunest_inv_type type =
		IOMMUNEST_INIT(struct iommunest_inv_type);
	struct iommunest_batch *batch;
	int ret;

	ck_assert_int_eq(iommunest_smmuv3_type(&type, &no_caps, NULL), 0);
	ck_assert_int_eq(iommunest_batch_new(&batch, &type, 1), 0);
	ret = iommunest_smmuv3_batch_add_range(batch, &no_caps, sized, 0);
	iommunest_batch_free(batch);
	return ret;
}

#define ROW(function, type)                              \
	{                                                \
#function, function, sizeof(struct type) \
	}

static const struct {
	const char *name;
	int (*call)(void *sized);
	size_t size;
} rows[] = {
	ROW(open_options, iommunest_open_options),
	ROW(open_table, iommunest_sys),
	ROW(vfio_find, iommunest_vfio_device),
	ROW(vfio_open_pci, iommunest_vfio_device),
	ROW(hw_info, iommunest_hw_info),
	ROW(batch_type, iommunest_inv_type),
	ROW(submit_options, iommunest_submit_options),
	ROW(submit_report, iommunest_report),
	ROW(submit_skipped, iommunest_failure),
	ROW(s1, iommunest_vtd_s1),
	ROW(iova_ranges, iommunest_iova_ranges),
	ROW(dirty, iommunest_dirty),
	ROW(paging_hwpt, iommunest_paging_hwpt),
	ROW(nested_hwpt, iommunest_nested_hwpt),
	ROW(fault_reader, iommunest_fault_reader_options),
	ROW(fault_group, iommunest_fault_group),
	ROW(event, iommunest_event),
	ROW(smmuv3_caps, iommunest_smmuv3_caps),
	ROW(smmuv3_caps_in, iommunest_smmuv3_caps),
	ROW(smmuv3_type, iommunest_inv_type),
	ROW(smmuv3_ste, iommunest_smmuv3_ste),
	ROW(smmuv3_ste_in, iommunest_smmuv3_ste),
	ROW(smmuv3_cmd, iommunest_smmuv3_cmd),
	ROW(smmuv3_cmd_in, iommunest_smmuv3_cmd),
	ROW(smmuv3_event, iommunest_smmuv3_event),
	ROW(smmuv3_range, iommunest_smmuv3_range),
	ROW(caps, iommunest_vtd_caps),
	ROW(guest, iommunest_vtd_guest),
	ROW(pasid_entry, iommunest_vtd_pasid_entry),
	ROW(pasid_entry_in, iommunest_vtd_pasid_entry),
	ROW(pasid_s1, iommunest_vtd_s1),
	ROW(limits, iommunest_vtd_limits),
	ROW(desc_decode, iommunest_vtd_desc),
	ROW(desc_encode, iommunest_vtd_desc),
	ROW(desc_build, iommunest_vtd_desc),
	ROW(desc_print, iommunest_vtd_desc),
	ROW(iq_ops, iommunest_vtd_iq_ops),
	ROW(iq_options, iommunest_vtd_iq_options),
	ROW(iq_run, iommunest_vtd_iq_result),
	ROW(iq_enable, iommunest_vtd_iq_result),
	ROW(iq_save, iommunest_vtd_iq_state),
	ROW(iq_restore, iommunest_vtd_iq_state),
	ROW(iq_restore_registers, iommunest_vtd_iq_registers),
};

static int call_with(int row, size_t memory, size_t size)
{
	void *sized = calloc(1, memory);
	int ret;

	ck_assert_ptr_nonnull(sized);
	memcpy(sized, &size, sizeof(size));
	ret = rows[row].call(sized);
	free(sized);
	return ret;
}

TEST_LOOP(a_size_above_a_page_is_e2big, ARRAY_LEN(rows))
{
	static const size_t sizes[] = { 4097, 0xa5a5a5a5, SIZE_MAX };
	size_t i;

	for (i = 0; i < ARRAY_LEN(sizes); i++) {
		int ret = call_with(_i, rows[_i].size, sizes[i]);

		ck_assert_msg(ret == -E2BIG, "%s: size %zu: %d", rows[_i].name,
			      sizes[i], ret);
	}
}

TEST_LOOP(a_size_of_a_page_is_one, ARRAY_LEN(rows))
{
	int ret = call_with(_i, 4096, 4096);

	ck_assert_msg(ret != -E2BIG, "%s: %d", rows[_i].name, ret);
}

TEST_LOOP(a_size_without_members_is_einval, ARRAY_LEN(rows))
{
	int ret = call_with(_i, rows[_i].size, sizeof(size_t));

	ck_assert_msg(ret == -EINVAL, "%s: %d", rows[_i].name, ret);
}

static void open_ctx(void)
{
	struct iommunest_open_options options =
		IOMMUNEST_INIT(struct iommunest_open_options);

	options.sys = &no_devices;
	ck_assert_int_eq(iommunest_open_fd(&ctx, 3, &options), 0);
}

static void close_ctx(void)
{
	iommunest_close(ctx);
}

FIXTURE(open_ctx, close_ctx);
