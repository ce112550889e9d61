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

/* Linux 6.14. */
#ifndef IOMMU_IOAS_CHANGE_PROCESS
#define IOMMU_IOAS_CHANGE_PROCESS _IO(IOMMUFD_TYPE, 0x92)

struct iommu_ioas_change_process {
	__u32 size;
	__u32 __reserved;
};
#endif

#endif /* IOMMUNEST_UAPI_IOMMUFD_NEWER_H */
