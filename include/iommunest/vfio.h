/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * VFIO devices (linux/vfio.h, Linux 6.6 and later).  A device has a file
 * descriptor, which the VMM uses for everything else that VFIO offers, and an
 * id in the context.  Programs include <libiommunest.h>.
 */
#ifndef IOMMUNEST_VFIO_H
#define IOMMUNEST_VFIO_H

#include <iommunest/core.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ------------------------------------------------------------------------
 * Finding a device
 */

/*
 * What stands in the way of using a device: bits of
 * iommunest_vfio_device::reasons.  Of several, the lowest is to be dealt with
 * first.
 */
enum iommunest_vfio_reason {
	/* There is no sysfs at /sys. */
	IOMMUNEST_VFIO_REASON_NO_SYSFS = 1 << 0,
	/* No PCI device has this address. */
	IOMMUNEST_VFIO_REASON_NO_DEVICE = 1 << 1,
	/* The device has no IOMMU: there is none, or it is off. */
	IOMMUNEST_VFIO_REASON_NO_IOMMU = 1 << 2,
	/* No driver has the device. */
	IOMMUNEST_VFIO_REASON_NO_DRIVER = 1 << 3,
	/* A driver of the host has it: `driver`. */
	IOMMUNEST_VFIO_REASON_HOST_DRIVER = 1 << 4,
	/* The kernel has no VFIO device nodes (CONFIG_VFIO_DEVICE_CDEV). */
	IOMMUNEST_VFIO_REASON_NO_CDEV = 1 << 5,
	/* The kernel has the node, and /dev has not. */
	IOMMUNEST_VFIO_REASON_NO_NODE = 1 << 6,
	/* The process may not open the node. */
	IOMMUNEST_VFIO_REASON_PERMISSION = 1 << 7,
	/* A driver of the host has `other`, which is in the same group. */
	IOMMUNEST_VFIO_REASON_GROUP_HOST_DRIVER = 1 << 8,
	/* Its group is open, as /dev/vfio/GROUP. */
	IOMMUNEST_VFIO_REASON_GROUP_OPEN = 1 << 9,
	/* Another context may have bound a device of the same group. */
	IOMMUNEST_VFIO_REASON_GROUP_CONTEXT = 1 << 10,
	/* It is bound, in this process or another, through another file. */
	IOMMUNEST_VFIO_REASON_BOUND = 1 << 11,
	/* The platform may not isolate interrupts of devices. */
	IOMMUNEST_VFIO_REASON_INTERRUPTS = 1 << 12,
	/* A physical or virtual function that asks for a token (SR-IOV). */
	IOMMUNEST_VFIO_REASON_TOKEN = 1 << 13,
	/* There is no /dev/iommu (CONFIG_IOMMUFD). */
	IOMMUNEST_VFIO_REASON_NO_IOMMUFD = 1 << 14,
	/* The process may not open /dev/iommu. */
	IOMMUNEST_VFIO_REASON_IOMMUFD_PERMISSION = 1 << 15,
	/* The context's file descriptor is not an iommufd's. */
	IOMMUNEST_VFIO_REASON_NOT_IOMMUFD = 1 << 16,

	/* Of attaching. */
	/* The device is not bound. */
	IOMMUNEST_VFIO_REASON_NOT_BOUND = 1 << 17,
	/* The id is not that of a device of the context. */
	IOMMUNEST_VFIO_REASON_OTHER_CONTEXT = 1 << 18,
	/* The context has no object with the id to attach to. */
	IOMMUNEST_VFIO_REASON_NO_OBJECT = 1 << 19,
	/* The kernel cannot attach PASIDs: Linux before 6.15. */
	IOMMUNEST_VFIO_REASON_KERNEL_PASID = 1 << 20,
	/* The device's VFIO driver, or the IOMMU's, cannot. */
	IOMMUNEST_VFIO_REASON_DRIVER_PASID = 1 << 21,
	/* The device has no PASIDs. */
	IOMMUNEST_VFIO_REASON_DEVICE_PASID = 1 << 22,
	/* The PASID is 0, or above those of the device. */
	IOMMUNEST_VFIO_REASON_PASID_RANGE = 1 << 23,
	/*
	 * The page table does not fit the device: it is none, or a stage 1 that
	 * the hardware does not support.  Or one is without
	 * IOMMU_HWPT_ALLOC_PASID, and the device has PASIDs attached.
	 */
	IOMMUNEST_VFIO_REASON_PAGE_TABLE = 1 << 24,
	/*
	 * The page table has a fault queue, and the device makes no page
	 * requests: it has no PRI or no ATS, or the kernel has them off.
	 */
	IOMMUNEST_VFIO_REASON_PAGE_REQUESTS = 1 << 25,
	/*
	 * What is mapped or allowed in the IOAS is in the way of addresses that
	 * the device needs, as 0xfee00000 for its interrupts; or what is mapped
	 * is not aligned to its pages.
	 */
	IOMMUNEST_VFIO_REASON_ADDRESSES = 1 << 26,
};

/* Describes one reason, a single bit; "unknown" for anything else.  Static. */
const char *iommunest_vfio_reason_text(uint32_t reason);

/* Text ends with a 0; what is not known is "". */
struct iommunest_vfio_device {
	size_t size;
	/* IOMMUNEST_VFIO_REASON_*; 0: none was seen. */
	uint32_t reasons;
	/* Number of its IOMMU group; -1: none. */
	int32_t group;
	/* In full, as "0000:00:02.0". */
	char address[24];
	/* The driver that has it. */
	char driver[64];
	/* Its node, as "/dev/vfio/devices/vfio0". */
	char node[64];
	/* Another device of its group that is in the way, and its driver. */
	char other[24];
	char other_driver[64];
};

/*
 * Looks up the PCI device @address, "0000:00:02.0" or short "00:02.0", in
 * sysfs, and what stands in the way of using it: as far as can be seen without
 * taking it, and with opening no more than its node and /dev/iommu for a
 * moment.  Whether it is bound elsewhere cannot be seen; only
 * iommunest_vfio_open_pci() finds out.  @options as for iommunest_open(): where
 * /dev/iommu is, and the system calls; may be NULL.
 *
 * *@device is filled in if the address is one and its size is set; if only the
 * size is, `reasons` becomes 0 and the rest is not touched.  Returns 0 if
 * nothing stands in the way, else the errno of the lowest reason:
 *
 *   -ENOENT	 NO_SYSFS, NO_DEVICE, NO_NODE, NO_IOMMUFD
 *   -ENODEV	 NO_IOMMU
 *   -ENXIO	 NO_DRIVER, HOST_DRIVER
 *   -EOPNOTSUPP NO_CDEV
 *   -EACCES, -EPERM	PERMISSION, IOMMUFD_PERMISSION: that of open(2)
 *   -EPERM	 GROUP_HOST_DRIVER
 *
 * Without a reason: -EINVAL (NULL, not an address, a bad size or option),
 * -E2BIG (a size above a page, or options from a newer header), -ENOSYS (the
 * table lacks readlink or getdents64), or another error of a system call.  Any
 * thread.
 */
int iommunest_vfio_find(const struct iommunest_open_options *options,
			const char *address,
			struct iommunest_vfio_device *device);

/*
 * iommunest_vfio_open() for a PCI address.  *@device, which may be NULL, gets
 * the reasons of a failure, which are found out after it; it is written as by
 * iommunest_vfio_find().  Returns as that, and what comes of binding:
 *
 *   -EINVAL	BOUND
 *   -EBUSY	GROUP_OPEN, GROUP_HOST_DRIVER
 *   -EPERM	GROUP_HOST_DRIVER, or INTERRUPTS and GROUP_CONTEXT: one of them
 *   -EACCES	TOKEN
 *   -EBADF, -EBADFD	NOT_IOMMUFD
 *
 * Without a reason: as iommunest_vfio_find() and iommunest_vfio_open().
 */
int iommunest_vfio_open_pci(struct iommunest_ctx *ctx, const char *address,
			    int *fd, uint32_t *dev_id,
			    struct iommunest_vfio_device *device);

/* ------------------------------------------------------------------------
 * A device
 */

/*
 * Opens a VFIO device node, such as "/dev/vfio/devices/vfio0", close-on-exec,
 * and binds it to the context.  The caller owns *@fd, and ends it and the
 * binding with iommunest_vfio_close(); on failure nothing is left open and
 * neither output is written.  Returns 0, -EINVAL (a NULL argument), or the
 * error of open(2) or of iommunest_vfio_bind().
 */
int iommunest_vfio_open(struct iommunest_ctx *ctx, const char *path, int *fd,
			uint32_t *dev_id);

/*
 * Detaches the device, ends its binding and closes it.  HWPTs that were
 * allocated for it are kept.
 */
void iommunest_vfio_close(struct iommunest_ctx *ctx, int fd);

/*
 * Binds a VFIO device that the VMM opened itself
 * (VFIO_DEVICE_BIND_IOMMUFD); *@dev_id is its id in the context.  Only once
 * for each file descriptor.  Returns 0, -EINVAL (NULL; bound already; the
 * VFIO group is in use), -EBADF, -EBADFD (the context is not an iommufd),
 * -ENOTTY (not a VFIO device, or Linux before 6.6), -EBUSY, -EPERM (interrupts
 * are not isolated), -ENODEV, -ENOMEM.
 */
int iommunest_vfio_bind(struct iommunest_ctx *ctx, int fd, uint32_t *dev_id);

/*
 * Attaches a bound device to the IOAS or HWPT *@pt_id, in place of what it
 * was attached to (VFIO_DEVICE_ATTACH_IOMMUFD_PT).  *@pt_id becomes the HWPT
 * that it is attached to: with an IOAS, one that the kernel chose.  A stage 1
 * that the hardware does not support is refused here.
 *
 * After a failure the device may be blocked.  Attaching it to the HWPT that it
 * had then does nothing and returns 0 (Linux 7.3), so detach it first.
 *
 * Returns 0, -EINVAL (NULL; not bound; not attachable), -EBADF, -ENOENT (no such
 * id), -EBUSY, -ENODEV (a fault queue, and the device makes no page requests),
 * -EADDRINUSE (what is mapped or allowed in the IOAS is in the way), -EFAULT
 * (what is mapped there is no longer memory of the process), -ENOMEM.
 */
int iommunest_vfio_attach(struct iommunest_ctx *ctx, int fd, uint32_t *pt_id);

/*
 * Detaches a bound device: its DMA without a PASID is blocked
 * (VFIO_DEVICE_DETACH_IOMMUFD_PT).  Does nothing if it is not attached.
 * Returns 0, -EINVAL (NULL, not bound), -EBADF.
 */
int iommunest_vfio_detach(struct iommunest_ctx *ctx, int fd);

/* A PASID has 20 bits. */
#define IOMMUNEST_PASID_MAX 0xfffffu

/*
 * Attaches a PASID of a bound device to the HWPT *@pt_id, in place of what it
 * was attached to.  The HWPT has to be allocated with IOMMU_HWPT_ALLOC_PASID,
 * and so has the one that the device itself is attached to, if it is; an IOAS
 * is refused, as the kernel would choose one without.  *@pt_id stays what it
 * is.  @pasid is 1 to IOMMUNEST_PASID_MAX.
 *
 * A device without PASIDs (iommunest_hw_info::max_pasid_log2 is 0) makes no DMA
 * with any, and Linux 7.3 accepts and remembers all that is asked here.
 *
 * Returns 0, -EINVAL (NULL, not such a PASID, above those of the device, not
 * bound, not attachable; Linux before 6.15), -EOPNOTSUPP (the VFIO or the IOMMU
 * driver cannot), -EBADF, -ENOENT (no such id), -EBUSY, -ENODEV, -ENOMEM.
 */
int iommunest_vfio_attach_pasid(struct iommunest_ctx *ctx, int fd,
				uint32_t pasid, uint32_t *pt_id);

/*
 * Detaches a PASID of a bound device: its DMA with it is blocked.  Does nothing
 * if it is not attached.  Returns 0, -EINVAL (NULL, not such a PASID, not
 * bound, a kernel without it), -EOPNOTSUPP, -EBADF.
 */
int iommunest_vfio_detach_pasid(struct iommunest_ctx *ctx, int fd,
				uint32_t pasid);

/* Of iommunest_vfio_attach_reasons(): the device itself. */
#define IOMMUNEST_VFIO_NO_PASID UINT32_MAX

/*
 * Finds out why iommunest_vfio_attach() or iommunest_vfio_attach_pasid() failed
 * with @error: asks about the device @fd and @dev_id, and changes nothing.
 * *@reasons gets bits of enum iommunest_vfio_reason; 0 if none was found.
 * @pasid is that of the call, or IOMMUNEST_VFIO_NO_PASID.  Any thread.  Returns
 * 0, or -EINVAL (NULL, or @error is not negative).
 */
int iommunest_vfio_attach_reasons(struct iommunest_ctx *ctx, int fd,
				  uint32_t dev_id, uint32_t pasid, int error,
				  uint32_t *reasons);

#ifdef __cplusplus
}
#endif

#endif /* IOMMUNEST_VFIO_H */
