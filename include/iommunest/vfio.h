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
 * that the hardware does not support is refused here.  Returns 0, -EINVAL
 * (NULL; not bound; not attachable), -EBADF, -ENOENT (no such id), -EBUSY,
 * -ENODEV, -ENOMEM.
 */
int iommunest_vfio_attach(struct iommunest_ctx *ctx, int fd, uint32_t *pt_id);

/*
 * Detaches a bound device: its DMA is blocked (VFIO_DEVICE_DETACH_IOMMUFD_PT).
 * Returns 0, -EINVAL (NULL, not bound), -EBADF.
 */
int iommunest_vfio_detach(struct iommunest_ctx *ctx, int fd);

#ifdef __cplusplus
}
#endif

#endif /* IOMMUNEST_VFIO_H */
