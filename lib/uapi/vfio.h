/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * The part of VFIO's ABI that binds a device to an iommufd, for systems whose
 * <linux/vfio.h> is older than Linux 6.6, or without PASIDs; the names are the
 * kernel's.  As in VFIO throughout, `argsz` leads a struct and may be less than
 * the kernel's own size as long as it holds what the kernel first had.
 */
#ifndef IOMMUNEST_UAPI_VFIO_H
#define IOMMUNEST_UAPI_VFIO_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define VFIO_TYPE (';')
#define VFIO_BASE 100

#define VFIO_DEVICE_GET_INFO _IO(VFIO_TYPE, VFIO_BASE + 7)
#define VFIO_DEVICE_RESET _IO(VFIO_TYPE, VFIO_BASE + 11)
#define VFIO_DEVICE_BIND_IOMMUFD _IO(VFIO_TYPE, VFIO_BASE + 18)
#define VFIO_DEVICE_ATTACH_IOMMUFD_PT _IO(VFIO_TYPE, VFIO_BASE + 19)
#define VFIO_DEVICE_DETACH_IOMMUFD_PT _IO(VFIO_TYPE, VFIO_BASE + 20)

struct vfio_device_bind_iommufd {
	__u32 argsz;
	__u32 flags;
	__s32 iommufd;
	__u32 out_devid;
};

/* Flags: the struct has a PASID, which Linux 6.12 does not know. */
#define VFIO_DEVICE_ATTACH_PASID (1 << 0)
#define VFIO_DEVICE_DETACH_PASID (1 << 0)

struct vfio_device_attach_iommufd_pt {
	__u32 argsz;
	__u32 flags;
	__u32 pt_id;
	__u32 pasid;
};

struct vfio_device_detach_iommufd_pt {
	__u32 argsz;
	__u32 flags;
	__u32 pasid;
};

struct vfio_device_info {
	__u32 argsz;
	__u32 flags;
	__u32 num_regions;
	__u32 num_irqs;
};

#endif /* IOMMUNEST_UAPI_VFIO_H */
