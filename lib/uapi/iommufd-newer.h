/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * What is newer than the oldest <linux/iommufd.h> that is taken (Linux 6.12).
 * Each part is keyed by its ioctl, which the kernel's header has as a macro.
 */
#ifndef IOMMUNEST_UAPI_IOMMUFD_NEWER_H
#define IOMMUNEST_UAPI_IOMMUFD_NEWER_H

#include <linux/ioctl.h>
#include <linux/types.h>

/* Linux 6.13. */
#ifndef IOMMU_IOAS_MAP_FILE
#define IOMMU_IOAS_MAP_FILE _IO(IOMMUFD_TYPE, 0x8f)

struct iommu_ioas_map_file {
	__u32 size;
	__u32 flags;
	__u32 ioas_id;
	__s32 fd;
	__aligned_u64 start;
	__aligned_u64 length;
	__aligned_u64 iova;
};
#endif

/* Linux 6.13.  The kernel's struct has grown since. */
#ifndef IOMMU_VIOMMU_ALLOC
#define IOMMU_VIOMMU_ALLOC _IO(IOMMUFD_TYPE, 0x90)

struct iommu_viommu_alloc {
	__u32 size;
	__u32 flags;
	__u32 type;
	__u32 dev_id;
	__u32 hwpt_id;
	__u32 out_viommu_id;
};

/* Of enums that older headers have without them. */
#define IOMMU_VIOMMU_TYPE_ARM_SMMUV3 1
#define IOMMU_HWPT_DATA_ARM_SMMUV3 2
#define IOMMU_HW_INFO_TYPE_ARM_SMMUV3 2
#define IOMMU_VIOMMU_INVALIDATE_DATA_ARM_SMMUV3 1

struct iommu_hwpt_arm_smmuv3 {
	__aligned_le64 ste[2];
};

struct iommu_hw_info_arm_smmuv3 {
	__u32 flags;
	__u32 __reserved;
	__u32 idr[6];
	__u32 iidr;
	__u32 aidr;
};

struct iommu_viommu_arm_smmuv3_invalidate {
	__aligned_le64 cmd[2];
};
#endif

/* Linux 6.13. */
#ifndef IOMMU_VDEVICE_ALLOC
#define IOMMU_VDEVICE_ALLOC _IO(IOMMUFD_TYPE, 0x91)

struct iommu_vdevice_alloc {
	__u32 size;
	__u32 viommu_id;
	__u32 dev_id;
	__u32 out_vdevice_id;
	__aligned_u64 virt_id;
};
#endif

/* Linux 6.14. */
#ifndef IOMMU_IOAS_CHANGE_PROCESS
#define IOMMU_IOAS_CHANGE_PROCESS _IO(IOMMUFD_TYPE, 0x92)

struct iommu_ioas_change_process {
	__u32 size;
	__u32 __reserved;
};
#endif

/* Linux 6.15. */
#ifndef IOMMU_VEVENTQ_ALLOC
#define IOMMU_VEVENTQ_ALLOC _IO(IOMMUFD_TYPE, 0x93)

#define IOMMU_VEVENTQ_FLAG_LOST_EVENTS (1u << 0)
#define IOMMU_VEVENTQ_TYPE_ARM_SMMUV3 1

struct iommu_veventq_alloc {
	__u32 size;
	__u32 flags;
	__u32 viommu_id;
	__u32 type;
	__u32 veventq_depth;
	__u32 out_veventq_id;
	__u32 out_veventq_fd;
	__u32 __reserved;
};

struct iommufd_vevent_header {
	__u32 flags;
	__u32 sequence;
};

struct iommu_vevent_arm_smmuv3 {
	__aligned_le64 evt[4];
};
#endif

#endif /* IOMMUNEST_UAPI_IOMMUFD_NEWER_H */
