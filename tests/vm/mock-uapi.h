/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * The part of iommufd's mock (CONFIG_IOMMUFD_TEST) that the tests use: the
 * same in Linux 6.12 and 7.3, except for vIOMMUs, which 6.12 has not. Described
 * by the kernel's drivers/iommu/iommufd/iommufd_test.h, which is not installed.
 */
#ifndef VM_MOCK_UAPI_H
#define VM_MOCK_UAPI_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define VM_MOCK_CMD _IO(';', 0xa0)

enum vm_mock_op {
	/* A device on the HWPT of an IOAS, by its id. */
	VM_MOCK_DEVICE = 2,
	/* A device is attached to another HWPT or IOAS. */
	VM_MOCK_REPLACE = 10,
	/* Pages of a paging HWPT become dirty, those of a bitmap. */
	VM_MOCK_DIRTY = 13,
	/* Success if a nested HWPT's cache holds this value under an id. */
	VM_MOCK_CHECK_IOTLB = 14,
	/* A device makes a page request, the last of its group. */
	VM_MOCK_REQUEST = 15,
	/* Success if a device's cache holds this value under an id. */
	VM_MOCK_CHECK_CACHE = 16,
};

struct vm_mock_cmd {
	__u32 size;
	__u32 op;
	__u32 id;
	__u32 __reserved;
	union {
		struct {
			__u32 out_device;
			__u32 out_hwpt_id;
			__u32 out_dev_id;
		} device;
		struct {
			__u32 id;
			__u32 value;
		} check_iotlb;
		struct {
			__u32 pt_id;
		} replace;
		/* A pasid of 0 is none. */
		struct {
			__u32 dev_id;
			__u32 pasid;
			__u32 grpid;
			__u32 perm;
			__u64 addr;
		} request;
		struct {
			__u32 flags;
			__aligned_u64 iova;
			__aligned_u64 length;
			__aligned_u64 page_size;
			__aligned_u64 bitmap;
			__aligned_u64 out_count;
		} dirty;
		/* What the largest operation has. */
		__aligned_u64 words[6];
	};
	__u32 last;
};

/* IOMMU_HWPT_ALLOC: what the cache holds of the start, for each of its ids. */
#define VM_MOCK_HWPT_TYPE 0xdeadu

struct vm_mock_hwpt {
	__u32 value;
};

/* IOMMU_HWPT_INVALIDATE. */
#define VM_MOCK_INVALIDATE_TYPE 0xdeadbeefu
#define VM_MOCK_IDS 4u
#define VM_MOCK_ALL (1u << 0)
/* With the patches of kernel/. */
#define VM_MOCK_FAULT (1u << 8)
#define VM_MOCK_ERROR_CODE 0xfa017u
/* In no kernel. */
#define VM_MOCK_UNKNOWN (1u << 30)

struct vm_mock_entry {
	__u32 flags;
	__u32 id;
};

/* ---- The mock's vIOMMU ---- */

#define VM_VIOMMU_ALLOC _IO(';', 0x90)
#define VM_VDEVICE_ALLOC _IO(';', 0x91)
#define VM_MOCK_VIOMMU_TYPE 0xdeadbeefu

struct vm_viommu_alloc {
	__u32 size;
	__u32 flags;
	__u32 type;
	__u32 dev_id;
	__u32 hwpt_id;
	__u32 out_viommu_id;
	__u32 data_len;
	__u32 __reserved;
	__aligned_u64 data_uptr;
};

struct vm_vdevice_alloc {
	__u32 size;
	__u32 viommu_id;
	__u32 dev_id;
	__u32 out_vdevice_id;
	__aligned_u64 virt_id;
};

/* A device's cache holds this of the start, for each of its ids. */
#define VM_MOCK_CACHE_DEFAULT 0xbaddadu

struct vm_mock_viommu_entry {
	__u32 flags;
	__u32 vdev_id;
	__u32 cache_id;
};

#endif /* VM_MOCK_UAPI_H */
