/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * What the tests use of VFIO's device nodes, which came with Linux 6.6: newer
 * than the <linux/vfio.h> of many a system.  As in the kernel's
 * include/uapi/linux/vfio.h, except for the names.
 */
#ifndef VM_VFIO_UAPI_H
#define VM_VFIO_UAPI_H

#include <linux/ioctl.h>
#include <linux/types.h>

struct vm_vfio_bind {
	__u32 argsz;
	__u32 flags;
	__s32 iommufd;
	__u32 out_devid;
};
#define VM_VFIO_BIND _IO(';', 118)

struct vm_vfio_attach {
	__u32 argsz;
	__u32 flags;
	__u32 pt_id;
};
#define VM_VFIO_ATTACH _IO(';', 119)

struct vm_vfio_detach {
	__u32 argsz;
	__u32 flags;
};
#define VM_VFIO_DETACH _IO(';', 120)

#define VM_VFIO_RESET _IO(';', 111)

#endif /* VM_VFIO_UAPI_H */
