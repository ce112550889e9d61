/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * vIOMMUs of any vendor (linux/iommufd.h, Linux 6.13 and later): a guest's
 * IOMMU on a nest parent, its devices by the guest's ids, and the events that
 * hardware has for the guest.  Programs include <libiommunest.h>.
 */
#ifndef IOMMUNEST_VIOMMU_H
#define IOMMUNEST_VIOMMU_H

#include <iommunest/core.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ------------------------------------------------------------------------
 * Objects
 */

/*
 * Allocates a vIOMMU of @type (enum iommu_viommu_type) for the IOMMU that
 * @dev_id is behind, on the nest parent @parent_id (IOMMU_VIOMMU_ALLOC).
 * Nested HWPTs stand on it, and invalidations go to it.  Several may stand on
 * one parent.  A vendor's own function, such as
 * iommunest_smmuv3_viommu_alloc(), knows the type.  Any thread.  Returns 0,
 * -EINVAL (NULL, @parent_id is not a nest parent or is of another IOMMU),
 * -ENOENT (no such device, or @parent_id is no paging HWPT), -EOPNOTSUPP (a
 * type that driver or hardware does not have), -ENOTTY (Linux before 6.13),
 * -ENOMEM.
 */
int iommunest_viommu_alloc(struct iommunest_ctx *ctx, uint32_t dev_id,
			   uint32_t parent_id, uint32_t type,
			   uint32_t *viommu_id);

/*
 * Tells a vIOMMU by which id its guest knows the device @dev_id, its stream id
 * for example (IOMMU_VDEVICE_ALLOC).  The kernel takes any @virt_id; the
 * vendor's function refuses those that no command can name.  Any thread.
 * Returns 0, -EINVAL (NULL, a device behind another IOMMU), -ENOENT (no such
 * vIOMMU or device), -EEXIST (the device has a vDEVICE, or the id is taken),
 * -EOPNOTSUPP (the driver cannot), -ENOTTY (Linux before 6.13), -ENOMEM.
 */
int iommunest_vdevice_alloc(struct iommunest_ctx *ctx, uint32_t viommu_id,
			    uint32_t dev_id, uint64_t virt_id,
			    uint32_t *vdevice_id);

/*
 * Allocates a queue of a vIOMMU's events of @type (enum iommu_veventq_type,
 * IOMMU_VEVENTQ_ALLOC): its id, and its file descriptor, close-on-exec, from
 * which an iommunest_event_reader reads.  It holds up to @depth events, 1 to
 * 2^19; more are counted and lost.  The caller owns both; the queue is in use
 * while the file descriptor is open.  Any thread.  Returns 0, -EINVAL (NULL, a
 * bad @depth), -ENOENT (no such vIOMMU), -EEXIST (it has one of that type),
 * -EOPNOTSUPP (@type is 0), -ENOTTY (Linux before 6.15), -EMFILE or -ENFILE (no
 * file descriptor is left), -ENOMEM.
 */
int iommunest_event_queue_alloc(struct iommunest_ctx *ctx, uint32_t viommu_id,
				uint32_t type, uint32_t depth,
				uint32_t *queue_id, int *fd);

/* Closes its file descriptor.  Any thread. */
void iommunest_event_queue_close(struct iommunest_ctx *ctx, int fd);

/*
 * Waits until there is something to read, for @timeout ms, or for ever if it is
 * negative.  A VMM with an event loop waits for POLLIN there.  Any thread.
 * Returns 1, 0 (nothing came), -EINVAL (@ctx is NULL), -EBADF, -ENOSYS (the
 * system call table has no poll), -EIO (the file descriptor is in error),
 * -EINTR (a signal came), -ENOMEM.
 */
int iommunest_event_queue_wait(struct iommunest_ctx *ctx, int fd, int timeout);

/* ------------------------------------------------------------------------
 * Reading events
 */

/* One event, or the news that some were lost. */
struct iommunest_event {
	size_t size;
	/*
	 * The event, of the length that the reader was made with, in its
	 * memory until the next call.  NULL: nothing but a loss is reported.
	 */
	const void *data;
	/* The kernel's count, 0 to 2^31 - 1; of a loss, that of the last. */
	uint32_t sequence;
	/* How many were lost between the one read before and this one. */
	uint32_t lost;
};

/*
 * Reads an event queue, record by record.  It allocates when it is made.  One
 * thread at a time.
 */
struct iommunest_event_reader;

/*
 * Makes a reader of the event queue @fd, which stays the caller's, for events
 * of @event_len bytes, 1 to 4096.  Nobody else may read it, before or after.
 * The caller owns *@reader; on failure it is NULL.  Returns 0, -EINVAL (NULL,
 * a bad length), -EBADF (@fd is negative), -ENOSYS (the system call table has
 * no read), -ENOMEM.
 */
int iommunest_event_reader_new(struct iommunest_event_reader **reader,
			       struct iommunest_ctx *ctx, int fd,
			       uint32_t event_len);

/* NULL is allowed. */
void iommunest_event_reader_free(struct iommunest_event_reader *reader);

/*
 * The next event.  Never blocks.  event->size must be set.  Returns 1, 0 (there
 * is none; *@event is as it was), -EINVAL (NULL, a size too small; the events
 * of @fd are longer), -E2BIG (a size above 4096), -EIO (a read that cannot be:
 * @fd is no event queue, or its events have another length), or the error of
 * read(2).
 */
int iommunest_event_reader_next(struct iommunest_event_reader *reader,
				struct iommunest_event *event);

#ifdef __cplusplus
}
#endif

#endif /* IOMMUNEST_VIOMMU_H */
