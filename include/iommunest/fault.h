/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * Page requests (linux/iommufd.h, Linux 6.11 and later): what devices ask for
 * that is not mapped in a guest's stage 1, in groups, and the answer to each
 * group.  Programs include <libiommunest.h>.
 */
#ifndef IOMMUNEST_FAULT_H
#define IOMMUNEST_FAULT_H

#include <iommunest/core.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ------------------------------------------------------------------------
 * The kernel's queue
 */

/*
 * Allocates a fault queue (IOMMU_FAULT_QUEUE_ALLOC): its id, for
 * IOMMUNEST_HWPT_FAULT_ID, and its file descriptor, close-on-exec, from which
 * page requests are read and to which responses are written.  The caller owns
 * both; the queue is in use while an HWPT has it or the file descriptor is
 * open. On failure neither output is written.  Any thread.  Returns 0, -EINVAL
 * (NULL), -ENOTTY (Linux before 6.11), -EMFILE or -ENFILE (no file descriptor
 * is left), -ENOMEM.
 */
int iommunest_fault_queue_alloc(struct iommunest_ctx *ctx, uint32_t *fault_id,
				int *fd);

/*
 * Closes its file descriptor.  Groups without an answer stay so until their
 * device is detached, or the queue is destroyed: the kernel then answers them
 * with IOMMUNEST_FAULT_INVALID.
 */
void iommunest_fault_queue_close(struct iommunest_ctx *ctx, int fd);

/*
 * Waits until there is a group to read, for @timeout ms, or for ever if it is
 * negative.  Reading never blocks.  A VMM with an event loop waits for POLLIN
 * there.  Any thread.  Returns 1, 0 (none came), -EINVAL (@ctx is NULL),
 * -EBADF, -ENOSYS (the system call table has no poll), -EIO (the file
 * descriptor is in error), -EINTR (a signal came), -ENOMEM.
 */
int iommunest_fault_queue_wait(struct iommunest_ctx *ctx, int fd, int timeout);

/* ------------------------------------------------------------------------
 * Groups
 */

/* iommunest_page_request::flags (enum iommu_hwpt_pgfault_flags). */
#define IOMMUNEST_PAGE_REQUEST_PASID (1u << 0)
#define IOMMUNEST_PAGE_REQUEST_LAST (1u << 1)

/* iommunest_page_request::perm (enum iommu_hwpt_pgfault_perm). */
#define IOMMUNEST_PAGE_REQUEST_READ (1u << 0)
#define IOMMUNEST_PAGE_REQUEST_WRITE (1u << 1)
#define IOMMUNEST_PAGE_REQUEST_EXEC (1u << 2)
#define IOMMUNEST_PAGE_REQUEST_PRIV (1u << 3)

/* One page request, as the kernel writes it.  It does not grow. */
struct iommunest_page_request {
	/* IOMMUNEST_PAGE_REQUEST_PASID and _LAST: the group's last one. */
	uint32_t flags;
	/* The device's id in the context. */
	uint32_t dev_id;
	/* With IOMMUNEST_PAGE_REQUEST_PASID. */
	uint32_t pasid;
	/* The device's own name for the group: page request group index. */
	uint32_t prgi;
	/* IOMMUNEST_PAGE_REQUEST_READ, ... */
	uint32_t perm;
	uint32_t reserved;
	uint64_t addr;
	/* How many bytes it is about to access, if it says so; else 0. */
	uint32_t length;
	/* The kernel's name for the group, which it uses again. */
	uint32_t cookie;
};

/* A group: its requests are answered together. */
struct iommunest_fault_group {
	size_t size;
	/* The reader's name for it, never used again. */
	uint64_t id;
	/*
	 * The reader's memory, until the next call of
	 * iommunest_fault_reader_next(), _grow() or _free().
	 */
	const struct iommunest_page_request *requests;
	uint32_t count;
	/* The device that asked. */
	uint32_t dev_id;
};

struct iommunest_fault_reader_options {
	size_t size;
	/* The requests of the largest group, 1 to 2^20; 0: 512. */
	uint32_t requests;
	/* How many groups may wait for an answer, 1 to 2^20; 0: 1024. */
	uint32_t groups;
};

/*
 * Hands out what is read from a fault queue, group by group, and knows which
 * groups have no answer yet.  It allocates when it is made or grows, and at no
 * other time.  One thread at a time.
 */
struct iommunest_fault_reader;

/*
 * Makes a reader of the fault queue @fd, which stays the caller's.  Nobody else
 * may read it.  @options may be NULL.  The caller owns *@reader; on failure it
 * is NULL.  Returns 0, -EINVAL (NULL, an option out of range), -E2BIG (options
 * from a newer header), -EBADF (@fd is negative), -ENOSYS (the system call
 * table has no read or write), -ENOMEM.
 */
int iommunest_fault_reader_new(
	struct iommunest_fault_reader **reader, struct iommunest_ctx *ctx,
	int fd, const struct iommunest_fault_reader_options *options);

/*
 * NULL is allowed.  It answers nothing: iommunest_fault_respond_all() does.
 */
void iommunest_fault_reader_free(struct iommunest_fault_reader *reader);

/*
 * Makes room for groups of @requests, up to 2^20, where it has less.  Returns
 * 0, -EINVAL (NULL, too many), -ENOMEM (it is as it was).
 */
int iommunest_fault_reader_grow(struct iommunest_fault_reader *reader,
				uint32_t requests);

/*
 * The next group: it waits for an answer from now on.  Never blocks.
 * group->size must be set.  Returns 1, 0 (there is none; *@group is as it was),
 * -EINVAL (NULL, a size too small), -E2BIG (a size above 4096), -EMSGSIZE (the
 * next group is larger than there is room for: grow, or detach its device, as
 * groups after it wait too; also where @fd is no fault queue), -ENOBUFS (as
 * many groups wait for an answer as may; the next one stays in the queue), -EIO
 * (a read that cannot be), or the error of read(2).
 */
int iommunest_fault_reader_next(struct iommunest_fault_reader *reader,
				struct iommunest_fault_group *group);

/* Groups that were handed out and wait for an answer; 0 for NULL. */
uint32_t iommunest_fault_waiting(const struct iommunest_fault_reader *reader);

/* In place of a PASID: requests without one. */
#define IOMMUNEST_FAULT_NO_PASID UINT32_MAX

/*
 * Finds the group that waits for an answer by what the device calls it: the
 * PASID and group index of its last request.  If there are several, it is the
 * oldest.  Returns 0, -EINVAL (NULL), -ENOENT.
 */
int iommunest_fault_reader_find(const struct iommunest_fault_reader *reader,
				uint32_t dev_id, uint32_t pasid, uint32_t prgi,
				uint64_t *id);

/* ------------------------------------------------------------------------
 * Answers
 */

/* enum iommufd_page_response_code. */
#define IOMMUNEST_FAULT_SUCCESS 0u /* mapped now: try again */
#define IOMMUNEST_FAULT_INVALID 1u /* not to be had */

/* The answer to a group.  It does not grow. */
struct iommunest_fault_response {
	/* Of the group. */
	uint64_t id;
	/* IOMMUNEST_FAULT_SUCCESS or _INVALID. */
	uint32_t code;
	/*
	 * Out: 0, sent; -ENOENT, nothing waits by that id: it was answered, or
	 * its device was detached and the kernel has answered it; also where an
	 * element before this one has the id; or what stopped the call, and the
	 * group waits as before.
	 */
	int32_t error;
};

/*
 * Sends answers, in this order and each only once.  Returns 0 (each was sent,
 * or is -ENOENT), -EINVAL (NULL, an unknown code; nothing was sent), -EIO (a
 * write that cannot be), or the error of write(2).
 */
int iommunest_fault_respond(struct iommunest_fault_reader *reader,
			    struct iommunest_fault_response *responses,
			    uint32_t count);

/*
 * Answers with @code all that was read of a device, or of all devices if
 * @dev_id is 0: the groups that wait, and those that were read and are not yet
 * handed out.  For the end, and after a device was detached: groups that the
 * kernel has answered leave the reader, too.  What was not read is not touched.
 * Returns how many were sent, -EINVAL (NULL, an unknown code), or as
 * iommunest_fault_respond(): what is left then waits as before.
 */
int iommunest_fault_respond_all(struct iommunest_fault_reader *reader,
				uint32_t dev_id, uint32_t code);

#ifdef __cplusplus
}
#endif

#endif /* IOMMUNEST_FAULT_H */
