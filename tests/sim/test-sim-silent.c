/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * What the hardware fails on, as a caller without the flag for reports sees it;
 * and a device that does not answer, which is blocked until it is reset.  With
 * the flag: tests/core/test-error-report.c.
 */
#include "lib/uapi/invalidate.h"
#include "lib/uapi/vfio.h"

#include "tests/harness/sim-rig.h"
#include "tests/harness/support.h"

#include <fcntl.h>

#define TELLS IOMMUNEST_SIM_LINUX_7_3_PATCHED
#define CODE_IQE (IOMMUNEST_VTD_FSTS_IQE | 2u << 8)
#define CODE_ITE IOMMUNEST_VTD_FSTS_ITE
#define FOR_PASIDS (1u << 3)

static struct rig rig;
static int node = -1;

static int inject(int error, uint32_t code, uint64_t nth, uint32_t count)
{
	const struct iommunest_sim_fault fault = {
		.size = sizeof(fault),
		.kind = IOMMUNEST_SIM_HARDWARE_ERROR,
		.error = error,
		.code = code,
		.nth = nth,
		.count = count,
	};

	return iommunest_sim_inject(rig.sim, &fault);
}

static void refuse(uint64_t nth, uint32_t count)
{
	ck_assert_int_eq(inject(-EIO, CODE_IQE, nth, count), 0);
}

static void silence(uint64_t nth)
{
	ck_assert_int_eq(inject(-ETIMEDOUT, CODE_ITE, nth, 0), 0);
}

static void submit_is(uint32_t count, int want, uint32_t handled)
{
	uint32_t num;

	ck_assert_int_eq(rig_submit_pages(&rig, count, &num), want);
	ck_assert_uint_eq(num, handled);
}

/* Of these pages, those of a mask are cached. */
static void cached_is(unsigned int count, unsigned int mask)
{
	unsigned int i;

	for (i = 0; i < count; i++)
		ck_assert_msg(!rig_cached(&rig, i * PAGE) == !(mask >> i & 1),
			      "page %u", i);
}

static void cache_pages(unsigned int count)
{
	unsigned int i;

	for (i = 0; i < count; i++)
		rig_translate(&rig, rig.nested, i * PAGE, 0);
	cached_is(count, (1u << count) - 1);
}

TEST(only_what_the_kernel_reports_can_be_injected)
{
	static const struct {
		int error;
		uint32_t code;
		int want;
	} rows[] = {
		{ -EIO, IOMMUNEST_VTD_FSTS_IQE, 0 },
		{ -EIO, IOMMUNEST_VTD_FSTS_IQE | 0xf00, 0 },
		{ -ETIMEDOUT, CODE_ITE, 0 },
		{ -EIO, 0, -EINVAL },
		{ -EIO, CODE_ITE, -EINVAL },
		{ -EIO, IOMMUNEST_VTD_FSTS_ICE, -EINVAL },
		{ -EIO, CODE_IQE | 0x10000, -EINVAL },
		{ -ETIMEDOUT, CODE_IQE, -EINVAL },
		{ -ETIMEDOUT, CODE_ITE | 0x100, -EINVAL },
		{ -ETIMEDOUT, CODE_ITE | 1u << 16, -EINVAL },
		{ -EINVAL, IOMMUNEST_VTD_FSTS_IQE, -EINVAL },
		{ EIO, IOMMUNEST_VTD_FSTS_IQE, -EINVAL },
	};
	size_t i;

	rig_open(&rig, TELLS, 0, 0);
	for (i = 0; i < ARRAY_LEN(rows); i++)
		ck_assert_int_eq(inject(rows[i].error, rows[i].code, 100, 0),
				 rows[i].want);
	rig_close(&rig);
}

/* ---- Refused ---- */

/* What was not executed stays; what the others did with it is the same. */
TEST_RANGE(an_entry_that_hardware_refuses_fails_only_where_kernels_tell, 1, 5)
{
	const bool tells = _i == TELLS;

	rig_open(&rig, (uint32_t)_i, 0, 0);
	cache_pages(6);
	refuse(3, 1);
	submit_is(6, tells ? -EIO : 0, tells ? 2 : 6);
	cached_is(6, 3u << 2);
	ck_assert_uint_eq(rig_stats(&rig).refused, 2);
	submit_is(6, 0, 6);
	cached_is(6, 0);
	rig_close(&rig);
}

/* It looked at 16, and hardware had all that were right. */
TEST(an_entry_that_hardware_refuses_wins_over_one_that_software_does)
{
	struct iommu_hwpt_vtd_s1_invalidate entries[] = {
		{ .npages = 1 },
		{ .addr = PAGE, .npages = 1 },
		{ .addr = 2 * PAGE, .npages = 1 },
		{ .addr = 1 },
		{ .addr = 4 * PAGE, .npages = 1 },
	};
	uint32_t num = ARRAY_LEN(entries);

	rig_open(&rig, TELLS, 0, 0);
	cache_pages(5);
	refuse(2, 0);
	ck_assert_int_eq(rig_submit(&rig, rig.nested, entries, &num), -EIO);
	ck_assert_uint_eq(num, 1);
	cached_is(5, 1u << 1 | 1u << 3 | 1u << 4);
	num = ARRAY_LEN(entries);
	ck_assert_int_eq(rig_submit(&rig, rig.nested, entries, &num), -EINVAL);
	ck_assert_uint_eq(num, 3);
	rig_close(&rig);
}

TEST(without_a_device_there_is_nothing_to_refuse)
{
	struct iommu_hwpt_vtd_s1_invalidate one = { .npages = 1 };
	uint32_t num = 1;

	rig_open(&rig, TELLS, 0, IOMMUNEST_SIM_ATS);
	refuse(1, 0);
	silence(2);
	ck_assert_int_eq(
		rig_submit(&rig, rig_alloc_nested(&rig, 48), &one, &num), 0);
	ck_assert_int_eq(
		rig_submit(&rig, rig_alloc_nested(&rig, 48), &one, &num), 0);
	rig_close(&rig);
}

/* ---- Silent ---- */

static int sys_ioctl(int fd, unsigned long request, void *arg)
{
	return iommunest_sim_sys()->ioctl(rig.sim, fd, request, arg);
}

/* A device of VFIO's, which can be reset, in place of the rig's. */
static void open_vfio(uint32_t profile)
{
	struct vfio_device_bind_iommufd bind = { .argsz = sizeof(bind) };

	rig_open(&rig, profile, 0, IOMMUNEST_SIM_ATS);
	rig_attach(&rig, rig.dev, 0);
	iommunest_sim_set_vfio_flags(rig.sim, 0, IOMMUNEST_SIM_ATS);
	node = iommunest_sim_sys()->open(rig.sim, "/dev/vfio/devices/vfio0",
					 O_RDWR);
	bind.iommufd = rig.fd;
	ck_assert_int_eq(sys_ioctl(node, VFIO_DEVICE_BIND_IOMMUFD, &bind), 0);
	rig.dev = bind.out_devid;
	rig_attach(&rig, rig.dev, rig.nested);
}

static void close_vfio(void)
{
	iommunest_sim_sys()->close(rig.sim, node);
	rig_close(&rig);
}

static bool is_blocked(uint32_t dev, uint32_t pasid)
{
	struct iommunest_sim_dma dma = {
		.size = sizeof(dma),
		.dev_id = dev,
		.pasid = pasid,
	};
	char byte;

	ck_assert_int_ne(
		iommunest_sim_dma_read(rig.sim, rig.fd, &dma, &byte, 1), 0);
	return dma.reason == IOMMUNEST_SIM_DMA_BLOCKED;
}

static int attach(uint32_t dev, uint32_t pt_id)
{
	return iommunest_sim_attach(rig.sim, rig.fd, dev, pt_id);
}

static unsigned int dev_tlb_commands(void)
{
	unsigned int count = 0;
	size_t i;

	for (i = 0; i < rig.desc_count; i++)
		count += rig.descs[i].kind == IOMMUNEST_SIM_DEV_TLB;
	return count;
}

/* Nobody is told: there is nothing left to be done. */
TEST(a_device_that_does_not_answer_is_blocked_and_the_call_succeeds)
{
	uint32_t other;

	open_vfio(TELLS);
	other = rig_bind(&rig, IOMMUNEST_SIM_ATS);
	rig_attach(&rig, other, rig.nested);
	cache_pages(4);
	ck_assert(!is_blocked(rig.dev, 0));
	silence(2);
	submit_is(4, 0, 4);
	cached_is(4, 0);
	ck_assert(is_blocked(rig.dev, 0));
	ck_assert(!is_blocked(other, 0));
	/* From now on only the other one has commands. */
	submit_is(4, 0, 4);
	ck_assert_uint_eq(dev_tlb_commands(), 4);
	ck_assert_uint_eq(rig.descs[1].dev_id, other);
	close_vfio();
}

TEST(a_blocked_device_is_attached_to_nothing_new_until_it_is_reset)
{
	uint32_t hwpt;

	open_vfio(TELLS);
	hwpt = rig_alloc_nested(&rig, 48);
	silence(1);
	submit_is(1, 0, 1);
	ck_assert_int_eq(attach(rig.dev, hwpt), -EBUSY);
	ck_assert_int_eq(attach(rig.dev, rig.ioas), -EBUSY);
	/* It has what it had. */
	ck_assert_int_eq(attach(rig.dev, rig.nested), 0);
	ck_assert_int_eq(sys_ioctl(node, VFIO_DEVICE_RESET, NULL), 0);
	ck_assert(!is_blocked(rig.dev, 0));
	submit_is(2, 0, 2);
	ck_assert_uint_eq(dev_tlb_commands(), 2);
	ck_assert_int_eq(attach(rig.dev, hwpt), 0);
	close_vfio();
}

TEST(a_blocked_device_can_be_detached_and_closed)
{
	uint32_t dev = 0;

	open_vfio(TELLS);
	silence(1);
	submit_is(1, 0, 1);
	ck_assert_int_eq(attach(rig.dev, 0), 0);
	ck_assert_int_eq(attach(rig.dev, rig.nested), -EBUSY);
	ck_assert_int_eq(sys_ioctl(node, VFIO_DEVICE_RESET, NULL), 0);
	ck_assert_int_eq(attach(rig.dev, rig.nested), 0);
	silence(1);
	submit_is(1, 0, 1);
	/* A device that is closed is reset. */
	iommunest_sim_sys()->close(rig.sim, node);
	dev = rig_bind(&rig, IOMMUNEST_SIM_ATS);
	ck_assert_int_eq(attach(dev, rig.nested), 0);
	ck_assert(!is_blocked(dev, 0));
	rig_close(&rig);
}

/* A PASID that does not answer is the device's affair, and the other way. */
TEST_LOOP(pasids_are_blocked_with_their_device, 2)
{
	struct iommu_hwpt_vtd_s1 s1 = { .addr_width = 48 };
	struct iommu_hwpt_alloc cmd = {
		.size = sizeof(cmd),
		.flags = FOR_PASIDS,
		.data_type = IOMMU_HWPT_DATA_VTD_S1,
		.data_len = sizeof(s1),
		.data_uptr = (uintptr_t)&s1,
	};
	uint32_t hwpts[2], i;

	open_vfio(TELLS);
	cmd.dev_id = rig.dev;
	cmd.pt_id = rig.parent;
	for (i = 0; i < 2; i++) {
		ck_assert_int_eq(rig_ioctl(&rig, IOMMU_HWPT_ALLOC, &cmd), 0);
		hwpts[i] = cmd.out_hwpt_id;
	}
	rig_attach(&rig, rig.dev, hwpts[0]);
	ck_assert_int_eq(iommunest_sim_attach_pasid(rig.sim, rig.fd, rig.dev, 5,
						    hwpts[1]),
			 0);
	silence(1);
	rig.nested = hwpts[_i];
	submit_is(1, 0, 1);
	ck_assert(is_blocked(rig.dev, 0));
	ck_assert(is_blocked(rig.dev, 5));
	for (i = 0; i < 2; i++) {
		rig.nested = hwpts[i];
		submit_is(1, 0, 1);
		ck_assert_uint_eq(dev_tlb_commands(), 0);
		ck_assert_int_eq(iommunest_sim_attach_pasid(rig.sim, rig.fd,
							    rig.dev, 5 + i,
							    hwpts[0]),
				 -EBUSY);
	}
	ck_assert_int_eq(sys_ioctl(node, VFIO_DEVICE_RESET, NULL), 0);
	ck_assert(!is_blocked(rig.dev, 0));
	ck_assert(!is_blocked(rig.dev, 5));
	ck_assert_int_eq(iommunest_sim_attach_pasid(rig.sim, rig.fd, rig.dev, 6,
						    hwpts[0]),
			 0);
	close_vfio();
}

/* Which its own kernel does not use, or waits for until it answers. */
TEST_RANGE(other_kernels_know_no_blocked_device, 1, 4)
{
	open_vfio((uint32_t)_i);
	cache_pages(4);
	silence(2);
	submit_is(4, 0, 4);
	cached_is(4, 0);
	ck_assert(!is_blocked(rig.dev, 0));
	ck_assert_uint_eq(rig_stats(&rig).refused, 0);
	ck_assert_int_eq(attach(rig.dev, rig_alloc_nested(&rig, 48)), 0);
	close_vfio();
}

TEST(a_device_without_a_tlb_has_nothing_to_answer)
{
	rig_open(&rig, TELLS, 0, 0);
	silence(1);
	submit_is(4, 0, 4);
	ck_assert(!is_blocked(rig.dev, 0));
	rig_close(&rig);
}
