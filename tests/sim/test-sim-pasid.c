/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * PASIDs of simulated devices, and sysfs as raw system calls.  What the kernel
 * refuses is in tests/conformance/cases-vfio.c.
 */
#include "tests/harness/sim-rig.h"
#include "tests/harness/support.h"

#include <fcntl.h>
#include <string.h>

#define FOR_PASIDS (1u << 3)
#define ECAP_PASID (1ull << 40)

static struct rig rig;

static void set_up(void)
{
	rig_open(&rig, IOMMUNEST_SIM_NEWEST, 0, IOMMUNEST_SIM_ATS);
}

static void tear_down(void)
{
	rig_close(&rig);
}

FIXTURE(set_up, tear_down);

static uint32_t new_nested(uint32_t addr_width)
{
	struct iommu_hwpt_vtd_s1 s1 = { .addr_width = addr_width };
	struct iommu_hwpt_alloc cmd = {
		.size = sizeof(cmd),
		.flags = FOR_PASIDS,
		.dev_id = rig.dev,
		.pt_id = rig.parent,
		.data_type = IOMMU_HWPT_DATA_VTD_S1,
		.data_len = sizeof(s1),
		.data_uptr = (uintptr_t)&s1,
	};

	ck_assert_int_eq(rig_ioctl(&rig, IOMMU_HWPT_ALLOC, &cmd), 0);
	return cmd.out_hwpt_id;
}

static int attach(uint32_t dev, uint32_t pasid, uint32_t pt_id)
{
	return iommunest_sim_attach_pasid(rig.sim, rig.fd, dev, pasid, pt_id);
}

/* The device is on a stage 1 for PASIDs, and that is the rig's. */
static uint32_t ready(void)
{
	rig.nested = new_nested(48);
	rig_attach(&rig, rig.dev, rig.nested);
	return new_nested(48);
}

static unsigned int cached(uint32_t hwpt, uint64_t addr)
{
	return iommunest_sim_cached(rig.sim, rig.fd, hwpt, addr);
}

static void flush(uint32_t hwpt)
{
	const struct iommu_hwpt_vtd_s1_invalidate all = { .npages = ALL };
	uint32_t num = 1;

	ck_assert_int_eq(rig_submit(&rig, hwpt, &all, &num), 0);
}

/* ---- Attached ---- */

TEST(a_flush_reaches_each_pasid_and_its_device_tlb)
{
	uint32_t hwpt = ready(), dev = rig_bind(&rig, IOMMUNEST_SIM_ATS);

	ck_assert_int_eq(attach(rig.dev, 5, hwpt), 0);
	ck_assert_int_eq(attach(rig.dev, 9, hwpt), 0);
	ck_assert_int_eq(attach(dev, 9, hwpt), 0);
	rig_translate(&rig, hwpt, PAGE, 0);
	ck_assert_uint_eq(cached(hwpt, PAGE),
			  IN_IOTLB | IOMMUNEST_SIM_CACHED_DEV_TLB);
	flush(hwpt);
	ck_assert_uint_eq(cached(hwpt, PAGE), 0);
	/* Of two devices with the same PASID, the IOTLB has one tag. */
	ck_assert_uint_eq(rig.desc_count, 5);
	ck_assert_uint_eq(rig.descs[0].kind, IOMMUNEST_SIM_PIOTLB_ALL);
	ck_assert_uint_eq(rig.descs[0].pasid, 5);
	ck_assert_uint_eq(rig.descs[1].kind, IOMMUNEST_SIM_DEV_TLB);
	ck_assert_uint_eq(rig.descs[1].pasid, 5);
	ck_assert_uint_eq(rig.descs[1].dev_id, rig.dev);
	ck_assert_uint_eq(rig.descs[2].kind, IOMMUNEST_SIM_PIOTLB_ALL);
	ck_assert_uint_eq(rig.descs[2].pasid, 9);
	ck_assert_uint_eq(rig.descs[4].kind, IOMMUNEST_SIM_DEV_TLB);
	ck_assert_uint_eq(rig.descs[4].pasid, 9);
	ck_assert_uint_eq(rig.descs[4].dev_id, dev);
}

TEST(the_device_itself_is_pasid_0)
{
	uint32_t hwpt = ready();

	ck_assert_int_eq(attach(rig.dev, 5, hwpt), 0);
	flush(rig.nested);
	ck_assert_uint_eq(rig.desc_count, 2);
	ck_assert_uint_eq(rig.descs[0].pasid, 0);
	ck_assert_uint_eq(rig.descs[1].pasid, 0);
}

TEST(a_detached_pasid_has_nothing_cached)
{
	uint32_t hwpt = ready();

	ck_assert_int_eq(attach(rig.dev, 5, hwpt), 0);
	rig_translate(&rig, hwpt, PAGE, 0);
	ck_assert_int_eq(attach(rig.dev, 5, 0), 0);
	ck_assert_uint_eq(cached(hwpt, PAGE), 0);
	flush(hwpt);
	ck_assert_uint_eq(rig.desc_count, 0);
	ck_assert_int_eq(attach(rig.dev, 5, 0), 0);
}

/* Its entry is gone, and the driver does not know. */
TEST(a_pasid_whose_new_stage_1_is_refused_translates_nothing)
{
	uint32_t hwpt = ready(), bad = new_nested(39);

	ck_assert_int_eq(attach(rig.dev, 5, hwpt), 0);
	rig_translate(&rig, hwpt, PAGE, 0);
	ck_assert_int_eq(attach(rig.dev, 5, bad), -EINVAL);
	ck_assert_uint_eq(cached(hwpt, PAGE), 0);
	ck_assert_int_eq(iommunest_sim_translate(rig.sim, rig.fd, hwpt, PAGE,
						 0),
			 -EINVAL);
	flush(hwpt);
	ck_assert_uint_eq(rig.desc_count, 2);
	/* Until another one is taken; the same one again changes nothing. */
	ck_assert_int_eq(attach(rig.dev, 5, hwpt), 0);
	ck_assert_int_eq(iommunest_sim_translate(rig.sim, rig.fd, hwpt, PAGE,
						 0),
			 -EINVAL);
	ck_assert_int_eq(attach(rig.dev, 5, rig.nested), 0);
	ck_assert_int_eq(attach(rig.dev, 5, hwpt), 0);
	rig_translate(&rig, hwpt, PAGE, 0);
}

TEST(a_device_without_pasids_caches_and_flushes_nothing_for_them)
{
	uint32_t hwpt = ready(), dev = rig_bind(&rig, IOMMUNEST_SIM_NO_PASID);

	ck_assert_int_eq(attach(dev, 5, hwpt), 0);
	ck_assert_int_eq(iommunest_sim_translate(rig.sim, rig.fd, hwpt, PAGE,
						 0),
			 -EINVAL);
	flush(hwpt);
	ck_assert_uint_eq(rig.desc_count, 0);
	ck_assert_int_eq(attach(dev, 5, rig.nested), 0);
	ck_assert_int_eq(attach(dev, 5, 0), 0);
}

/* ---- Widths ---- */

static uint32_t width_of(uint32_t dev)
{
	struct iommu_hw_info_vtd vtd = { 0 };
	struct iommu_hw_info cmd = {
		.size = sizeof(cmd),
		.dev_id = dev,
		.data_len = sizeof(vtd),
		.data_uptr = (uintptr_t)&vtd,
	};

	ck_assert_int_eq(rig_ioctl(&rig, IOMMU_GET_HW_INFO, &cmd), 0);
	return ((const unsigned char *)&cmd)[28];
}

TEST(hw_info_has_the_width_of_the_device)
{
	ck_assert_uint_eq(width_of(rig.dev), 20);
	ck_assert_uint_eq(width_of(rig_bind(&rig, IOMMUNEST_SIM_NO_PASID)), 0);
	rig_close(&rig);
	/* Its struct has no room for it. */
	rig_open(&rig, IOMMUNEST_SIM_LINUX_6_12, 0, 0);
	ck_assert_uint_eq(width_of(rig.dev), 0);
}

TEST(arguments_are_checked)
{
	uint32_t hwpt = ready();

	ck_assert_int_eq(iommunest_sim_attach_pasid(rig.sim, 1, rig.dev, 1,
						    hwpt),
			 -EBADF);
	ck_assert_int_eq(attach(hwpt, 1, hwpt), -ENOENT);
	ck_assert_int_eq(attach(rig.dev, 1, 0x1000), -ENOENT);
	ck_assert_int_eq(attach(rig.dev, 0, hwpt), -EINVAL);
	ck_assert_int_eq(attach(rig.dev, 0x100000, hwpt), -EINVAL);
	ck_assert_int_eq(attach(rig.dev, 1, rig.parent), -EINVAL);
	ck_assert_int_eq(iommunest_sim_set_vfio_flags(rig.sim, 0, 1u << 31),
			 -EINVAL);
	ck_assert_int_eq(iommunest_sim_set_vfio_flags(rig.sim, 8, 0), -EINVAL);
	ck_assert_int_eq(iommunest_sim_set_vfio_flags(NULL, 0, 0), -EINVAL);
	rig_close(&rig);
	rig_open(&rig, IOMMUNEST_SIM_LINUX_6_12, 0, 0);
	ck_assert_int_eq(attach(rig.dev, 1, rig.nested), -EOPNOTSUPP);
}

/* ---- Sysfs ---- */

#define DEVICE "/sys/bus/pci/devices/0000:00:02.0"

static const struct iommunest_sys *sys(void)
{
	return iommunest_sim_sys();
}

static int open_sysfs(const char *path, int flags)
{
	return sys()->open(rig.sim, path, flags);
}

TEST(links_files_and_folders_are_not_the_same)
{
	char buf[64];
	int fd;

	ck_assert_int_eq((int)sys()->readlink(rig.sim, DEVICE "/driver", buf,
					      64),
			 (int)strlen("../../../bus/pci/drivers/vfio-pci"));
	ck_assert_int_eq(
		(int)sys()->readlink(rig.sim, DEVICE "/driver", buf, 5), 5);
	ck_assert_int_eq((int)sys()->readlink(rig.sim, DEVICE "/driver", buf,
					      0),
			 -EINVAL);
	ck_assert_int_eq((int)sys()->readlink(rig.sim, DEVICE "/vfio-dev", buf,
					      64),
			 -EINVAL);
	ck_assert_int_eq((int)sys()->readlink(rig.sim, DEVICE "/none", buf, 64),
			 -ENOENT);
	ck_assert_int_eq((int)sys()->readlink(rig.sim, "/dev/iommu", buf, 64),
			 -ENOENT);
	ck_assert_int_eq((int)sys()->readlink(rig.sim, NULL, buf, 64), -EFAULT);
	ck_assert_int_eq((int)sys()->readlink(rig.sim, DEVICE, (char *)16, 64),
			 -EFAULT);
	ck_assert_int_eq(open_sysfs(DEVICE "/vfio-dev", O_RDWR), -EISDIR);
	ck_assert_int_eq(open_sysfs(DEVICE "/vfio-dev/vfio0/dev", O_RDWR),
			 -EACCES);
	ck_assert_int_eq(open_sysfs(DEVICE "/vfio-dev/vfio0/dev",
				    O_RDONLY | O_DIRECTORY),
			 -ENOTDIR);
	fd = open_sysfs(DEVICE "/vfio-dev", O_RDONLY);
	ck_assert_int_eq((int)sys()->read(rig.sim, fd, buf, 64), -EISDIR);
	ck_assert_int_eq((int)sys()->getdents64(rig.sim, fd, buf, 8), -EINVAL);
	ck_assert_int_eq(sys()->ioctl(rig.sim, fd, 0, NULL), -ENOTTY);
	ck_assert_int_eq(sys()->close(rig.sim, fd), 0);
	ck_assert_int_eq((int)sys()->getdents64(rig.sim, fd, buf, 64), -EBADF);
	ck_assert_int_eq((int)sys()->getdents64(rig.sim, rig.fd, buf, 64),
			 -ENOTDIR);
}

TEST(a_file_is_read_to_its_end)
{
	int fd = open_sysfs(DEVICE "/vfio-dev/vfio0/dev", O_RDONLY);
	char buf[8] = { 0 };

	ck_assert_int_eq((int)sys()->read(rig.sim, fd, buf, 3), 3);
	ck_assert_str_eq(buf, "511");
	ck_assert_int_eq((int)sys()->read(rig.sim, fd, buf, 8), 3);
	ck_assert_mem_eq(buf, ":0\n", 3);
	ck_assert_int_eq((int)sys()->read(rig.sim, fd, buf, 8), 0);
	ck_assert_int_eq(sys()->close(rig.sim, fd), 0);
}

/* However small the buffer, each name comes once. */
TEST_RANGE(a_folder_is_read_in_pieces, 40, 100)
{
	int fd = open_sysfs("/sys/bus/pci/devices", O_RDONLY | O_DIRECTORY);
	unsigned int names = 0;
	char buf[100] = { 0 };
	ssize_t len, at;
	uint16_t reclen;

	while ((len = sys()->getdents64(rig.sim, fd, buf, (size_t)_i)) > 0) {
		for (at = 0; at < len; at += reclen, names++)
			memcpy(&reclen, buf + at + 16, sizeof(reclen));
		ck_assert_int_eq((int)at, (int)len);
	}
	ck_assert_int_eq((int)len, 0);
	ck_assert_uint_eq(names, 2 + 8);
	ck_assert_int_eq(sys()->close(rig.sim, fd), 0);
}
