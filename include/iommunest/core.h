/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * The core of libiommunest: system calls, contexts, batches and their
 * submission.  It knows no vendor.  Programs include <libiommunest.h>, which
 * says what holds for all of it.
 */
#ifndef IOMMUNEST_CORE_H
#define IOMMUNEST_CORE_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define IOMMUNEST_VERSION_MAJOR 0
#define IOMMUNEST_VERSION_MINOR 1
#define IOMMUNEST_VERSION_PATCH 0

/*
 * The initialiser of a struct that begins with its size: all else is zero.
 *
 *	struct iommunest_report r = IOMMUNEST_INIT(struct iommunest_report);
 */
#define IOMMUNEST_INIT(type)         \
	{                            \
		.size = sizeof(type) \
	}

/*
 * The version of the library in use, as "MAJOR.MINOR.PATCH".  The string is
 * static.  Any thread.
 */
const char *iommunest_version(void);

/* ------------------------------------------------------------------------
 * The system call table
 *
 * All system calls of the library go through it.  Each function does what the
 * system call of the same name does, but returns a negated errno value instead
 * of -1.  A VMM that sandboxes its own system calls, a simulator or a fault
 * injector passes its own table.
 */
struct iommunest_sys {
	size_t size;
	/* open(path, flags); returns a file descriptor. */
	int (*open)(void *data, const char *path, int flags);
	int (*close)(void *data, int fd);
	int (*ioctl)(void *data, int fd, unsigned long request, void *arg);
	/* Optional; what needs one that is NULL or missing says -ENOSYS. */
	ssize_t (*read)(void *data, int fd, void *buf, size_t len);
	ssize_t (*write)(void *data, int fd, const void *buf, size_t len);
	int (*poll)(void *data, struct pollfd *fds, nfds_t count,
		    int timeout);
	/* Does not end what it writes with a 0. */
	ssize_t (*readlink)(void *data, const char *path, char *buf,
			    size_t len);
	/* Fills @buf with struct linux_dirent64; 0: there is no more. */
	ssize_t (*getdents64)(void *data, int fd, void *buf, size_t len);
};

/* ------------------------------------------------------------------------
 * Context: one open /dev/iommu
 */
struct iommunest_ctx;

struct iommunest_open_options {
	size_t size;
	/* Device node for iommunest_open(); NULL is "/dev/iommu". */
	const char *path;
	/* NULL is the kernel.  Borrowed: must outlive the context. */
	const struct iommunest_sys *sys;
	/* Passed to each function of the table. */
	void *sys_data;
};

/*
 * Opens /dev/iommu, or options->path, close-on-exec.  @options may be NULL.
 * The caller owns *@ctx and ends it with iommunest_close(); on failure *@ctx
 * is NULL.  Returns 0, -EINVAL (bad options, or a table without a required
 * function), -E2BIG (options from a newer header), -ENOMEM, or open(2)'s
 * error, often -ENOENT (the kernel has no iommufd) or -EACCES.
 */
int iommunest_open(struct iommunest_ctx **ctx,
		   const struct iommunest_open_options *options);

/*
 * The same on a file descriptor that the VMM already has.  It stays the
 * VMM's: iommunest_close() leaves it open.  options->path must be NULL.
 * Returns 0, -EBADF (@fd is negative), -EINVAL, -E2BIG or -ENOMEM.
 */
int iommunest_open_fd(struct iommunest_ctx **ctx, int fd,
		      const struct iommunest_open_options *options);

/*
 * Ends a context; NULL is allowed.  No submission or queue engine may be using
 * it.  Kernel objects live as long as the open file.  If iommunest_open()
 * opened it, they are destroyed now, except where something else keeps the file
 * open: a bound device, a fault queue, a child process.
 */
void iommunest_close(struct iommunest_ctx *ctx);

/*
 * Returns the context's file descriptor, to hand it to another process, for
 * example.  It is a number of the context's system call table: with a table
 * that is not the kernel's, ioctl(2) may not know it.  Any thread.  -EINVAL:
 * @ctx is NULL.
 */
int iommunest_fd(const struct iommunest_ctx *ctx);

/*
 * An ioctl of the VMM's own on the context's file descriptor, by the context's
 * system call table: what the library has no function for.  Ids are the
 * kernel's, and the library's functions take those that it returns.  Any
 * thread.  Returns what the ioctl returns, 0 or more, or its negated errno;
 * -EINVAL: @ctx is NULL.
 */
int iommunest_ioctl(struct iommunest_ctx *ctx, unsigned long request,
		    void *arg);

/* ------------------------------------------------------------------------
 * Invalidation data types
 *
 * The core handles entries and cookies, and recovers from failures, but knows
 * no vendor.  A type describes the rest.
 */

/* The most entries that any kernel takes in one call. */
#define IOMMUNEST_CALL_MAX (1u << 19)

/* What is known after a call that failed. */
enum iommunest_recovery {
	/* Its count is the index of the entry at fault; all before are done. */
	IOMMUNEST_RECOVERY_EXACT = 0,
	/*
	 * Nothing of the call is done, whatever the count.  With the error
	 * `refused`, the count may name the entry at fault: that one is sent
	 * alone.  If it is refused again, it is at fault; otherwise the rest
	 * of the call goes one by one until one is refused.  After -ETIMEDOUT
	 * all of the call is in doubt.
	 */
	IOMMUNEST_RECOVERY_GROUP = 1,
	/* Nothing: all of the call is in doubt, and sent again. */
	IOMMUNEST_RECOVERY_REPLAY = 2,
};

/* iommunest_inv_type::flags. */
/*
 * A call without entries does not tell whether id and type are right, as it
 * does for other types.  Then an error with nothing handled is an entry's if it
 * is `refused` or -ETIMEDOUT, and else the call's.
 */
#define IOMMUNEST_INV_NO_PROBE (1u << 0)
/*
 * Each call is made twice, the second time after the first returned (a hardware
 * erratum).  If either fails, nothing of the call is done.
 */
#define IOMMUNEST_INV_REPEAT (1u << 1)

/* What make_all_list() is asked for. */
struct iommunest_all {
	size_t size;
	/* The type's. */
	void *user;
	/* The nested HWPT or vIOMMU that it goes to. */
	uint32_t id;
	/* Which class, from 0. */
	uint32_t all_class;
	/* Entries of that class that it has written before. */
	uint32_t first;
	/* How many there is room for now. */
	uint32_t max;
	/* The pending entries that the list has to cover. */
	const void *entries;
	uint32_t count;
	uint32_t reserved;
};

struct iommunest_inv_type {
	size_t size;
	/* For messages. */
	const char *name;
	/* enum iommu_hwpt_invalidate_data_type, or that of vIOMMUs. */
	uint32_t data_type;
	/* Bytes of an entry: 1 to 4096. */
	uint32_t entry_len;
	/* enum iommunest_recovery. */
	uint32_t recovery;
	/* Entries of a call at most; 0: IOMMUNEST_CALL_MAX. */
	uint32_t call_max;
	/*
	 * The negated errno with which the kernel refuses an entry, and nothing
	 * else.  GROUP has to have one; 0: none.
	 */
	int32_t refused;
	/* IOMMUNEST_INV_*. */
	uint32_t flags;
	/* Classes of make_all_list(); 0 without it. */
	uint32_t all_classes;
	uint32_t reserved;
	/*
	 * Writes the one entry that drops all of what an HWPT has cached.  NULL
	 * where there is none, or make_all_list().
	 */
	void (*make_all)(void *entry);
	/*
	 * Where it takes several: writes up to all->max entries of the class
	 * all->all_class, from number all->first on, into @entries, which is
	 * zeroed.  It returns how many, and is called again for the same class
	 * if those were all->max; or a negated errno where the list cannot be
	 * made (nothing is flushed then).  All entries of a class are done
	 * before the next class is asked for.
	 */
	int (*make_all_list)(const struct iommunest_all *all, void *entries);
	/* For make_all_list(): the streams behind a vIOMMU, for example. */
	void *user;
};

/* ------------------------------------------------------------------------
 * Batch: an array of entries, each with a cookie
 *
 * A batch holds up to its capacity of entries.  Those before its cursor are
 * done (handled, or skipped by the caller); those from it on are pending.
 */
struct iommunest_batch;

/*
 * Allocates a batch for 1 to 2^27 entries of @type, which is borrowed and
 * must outlive it.  The caller owns *@batch; on failure it is NULL.  Returns
 * 0, -EINVAL (NULL, a bad type or capacity), -E2BIG (a type from a newer
 * header), -ENOMEM.
 */
int iommunest_batch_new(struct iommunest_batch **batch,
			const struct iommunest_inv_type *type,
			uint32_t capacity);

/* NULL is allowed. */
void iommunest_batch_free(struct iommunest_batch *batch);

/* Empties it: no entries, cursor 0, no error.  Limits stay. */
void iommunest_batch_reset(struct iommunest_batch *batch);

uint32_t iommunest_batch_capacity(const struct iommunest_batch *batch);
/* Entries added, done or not. */
uint32_t iommunest_batch_count(const struct iommunest_batch *batch);
/* Index of the first entry that is not known to be done. */
uint32_t iommunest_batch_cursor(const struct iommunest_batch *batch);

/*
 * The entry at @index, 0 to count - 1, in the type's layout; NULL beyond.
 * It may be changed while it is pending: this is how a caller fixes an entry
 * that failed.  Valid until the batch is reset or freed.
 */
void *iommunest_batch_entry(struct iommunest_batch *batch, uint32_t index);
/* Its cookie; 0 beyond the end. */
uint64_t iommunest_batch_cookie(const struct iommunest_batch *batch,
				uint32_t index);

/*
 * Appends a copy of a raw entry of the type's length.  @cookie is the caller's
 * own name for it, which reports use.
 *
 * The error of any add is sticky: the batch keeps it, with the cookie, all
 * later adds return it and add nothing, and iommunest_submit() sends nothing,
 * so that a series of adds needs only one check and none is lost silently.  An
 * add that fails leaves the entries as they were.
 *
 * Returns 0, -ENOSPC (full), -EINVAL (NULL), or the error that sticks.
 */
int iommunest_batch_add(struct iommunest_batch *batch, const void *entry,
			uint64_t cookie);

/*
 * The error that sticks, or 0; the cookie of the add that failed goes to
 * *@cookie unless that is NULL.  -EINVAL: @batch is NULL.
 */
int iommunest_batch_error(const struct iommunest_batch *batch,
			  uint64_t *cookie);

/* Clears it, after the caller has handled the add that failed. */
void iommunest_batch_clear_error(struct iommunest_batch *batch);

/*
 * Gives up an entry, or says that it was handled in another way: the one that
 * the last submission blamed, or else the one at the cursor.  The cursor moves
 * past it.  If it is after the cursor (GROUP or repeating types), it is moved
 * there first; the entries between stay pending, and their indices are one
 * more.  Returns 0, -EINVAL (NULL), -ENOENT (nothing is pending).
 */
int iommunest_batch_skip(struct iommunest_batch *batch);

/* ------------------------------------------------------------------------
 * Submission, and resubmission from the reported failing index
 */

/* What to do with an entry that fails. */
enum iommunest_policy {
	/* Stop: it and all entries from the cursor on stay pending. */
	IOMMUNEST_POLICY_STOP = 0,
	/* Record it in the report, and go on with the next. */
	IOMMUNEST_POLICY_SKIP = 1,
	/*
	 * Send the type's "all" in place of it and all entries from the cursor
	 * on.
	 */
	IOMMUNEST_POLICY_FLUSH_ALL = 2,
	/* Call `ask`. */
	IOMMUNEST_POLICY_ASK = 3,
};

/* What `ask` answers; the first three mean the policies of those names. */
enum iommunest_answer {
	IOMMUNEST_ANSWER_STOP = 0,
	IOMMUNEST_ANSWER_SKIP = 1,
	IOMMUNEST_ANSWER_FLUSH_ALL = 2,
	/* Send the entry again, as it is now. */
	IOMMUNEST_ANSWER_RETRY = 3,
};

/* One entry that failed. */
struct iommunest_failure {
	size_t size;
	/* In the batch. */
	uint32_t index;
	/* Negated errno. */
	int32_t error;
	uint64_t cookie;
	/* The driver's own code, where the kernel reports one; else 0. */
	uint32_t driver_error;
	/* How many times in a row `ask` has been called for it, from 1. */
	uint32_t attempt;
	/*
	 * The failing entry is among those from `index` up to this one.  If it
	 * is not `index`, it is not known which, and none can be skipped.
	 * Entries after it are not done.
	 */
	uint32_t last_index;
	uint32_t reserved;
};

/* One ioctl(IOMMU_HWPT_INVALIDATE), just returned. */
struct iommunest_call {
	/* The nested HWPT or vIOMMU that it was sent to. */
	uint32_t id;
	/* Entries sent; 0: a call that tells its own errors from an entry's. */
	uint32_t count;
	/* The count that the kernel returned. */
	uint32_t handled;
	/* 0 or negated errno. */
	int32_t error;
	/* The entries, in the type's layout, and their cookies. */
	const void *entries;
	const uint64_t *cookies;
	/* These are "all" entries of IOMMUNEST_POLICY_FLUSH_ALL. */
	bool flush_all;
	/* The driver's own code, where the kernel reports one; else 0. */
	uint32_t driver_error;
};

struct iommunest_submit_options {
	size_t size;
	/* enum iommunest_policy. */
	uint32_t policy;
	/*
	 * How often in a row to try again after -EINTR or -EAGAIN without
	 * progress; 0 is IOMMUNEST_DEFAULT_STALLS.
	 */
	uint32_t max_stalls;
	/*
	 * For the policy ASK: may change *entry, and answers what to do.
	 * Only this function limits retries: failure->attempt counts them.
	 */
	enum iommunest_answer (*ask)(void *user,
				     const struct iommunest_failure *failure,
				     void *entry);
	/* Called after each ioctl; may be NULL. */
	void (*trace)(void *user, const struct iommunest_call *call);
	void *user;
};

#define IOMMUNEST_DEFAULT_STALLS 16u

/* What the error in a report applies to. */
enum iommunest_blame {
	IOMMUNEST_BLAME_NONE = 0,
	/* An add failed earlier; nothing was sent. */
	IOMMUNEST_BLAME_BATCH = 1,
	/* The call as a whole: a wrong id or type, an old kernel. */
	IOMMUNEST_BLAME_CALL = 2,
	/* The entry at `index`. */
	IOMMUNEST_BLAME_ENTRY = 3,
};

struct iommunest_report {
	size_t size;
	/*
	 * In: room for entries that were skipped, the caller's; may be NULL.
	 * The size in the first one is that of each, and the others' need not
	 * be set.
	 * With no room left, the policy SKIP stops: nothing is given up
	 * without a record.  (What `ask` answered SKIP for, it has seen;
	 * skipped_count may then be more than skipped_max.)
	 */
	struct iommunest_failure *skipped;
	uint32_t skipped_max;
	/* Out, from here on. */
	uint32_t skipped_count;
	/* Entries sent to the kernel; one that is sent twice counts twice. */
	uint32_t sent;
	/* Entries that the kernel says it handled. */
	uint32_t handled;
	/* Entries that "all" was sent in place of. */
	uint32_t flushed;
	/* Entries still pending in the batch. */
	uint32_t pending;
	/* ioctls, including empty ones. */
	uint32_t calls;
	/* How often it went on after a call that did not handle all. */
	uint32_t resumes;
	/* enum iommunest_blame: what `error` applies to. */
	uint32_t blame;
	/*
	 * Why it stopped or, if `flushed` is not 0, flushed all: a negated
	 * errno, or 0.
	 */
	int32_t error;
	/* The failing entry, with IOMMUNEST_BLAME_ENTRY. */
	uint32_t index;
	/* The driver's own code, where the kernel reports one; else 0. */
	uint32_t driver_error;
	/* Cookie of the failing entry, or of the add that failed. */
	uint64_t cookie;
	/* `index` is known to be at fault. */
	bool exact;
	/*
	 * The failing entry is among those from `index` up to this one.  It is
	 * more than `index` where the kernel reports that hardware failed on
	 * several entries that it had at once, after a time-out of a GROUP
	 * type, and with REPLAY types.
	 */
	uint32_t last_index;
};

/*
 * Sends the batch's pending entries to @id, a nested HWPT, or a vIOMMU where
 * the type's entries go to one.  It begins at the cursor, makes as many calls
 * as the type's limit requires, and moves the cursor past what was handled.
 * What was handled is never sent again.  At every return each entry is in
 * exactly one of these states: handled, flushed, skipped (and recorded, or
 * passed to `ask`), pending.  @options and @report may be NULL (policy STOP; no
 * report).  The report is written at every return, unless its own size is
 * invalid.
 *
 * After a stop the batch still holds the entries from the cursor on: fix the
 * one at report->index (iommunest_batch_entry()) or give it up
 * (iommunest_batch_skip()), and call again.  With GROUP and repeating types it
 * may be after the cursor: the entries between are pending too.
 *
 * If the kernel has no memory for a call (-ENOMEM, with a count of all, or with
 * any count of a GROUP type), it is made again with half the entries, down to
 * one.
 *
 * Returns 0 if nothing is pending and nothing was skipped, the number of
 * skipped entries if the policy skipped some and nothing is pending, or
 *   the kernel's error for an entry or for the call: -EOPNOTSUPP, -EINVAL,
 *              -EFAULT, -EIO, -ETIMEDOUT, -ENOENT, -ENOMEM, -ENOTTY (Linux
 *              before 6.8) ...; report->blame tells which
 *   -EINTR, -EAGAIN       too often in a row without progress
 *   -EPROTO    the kernel reports more entries as handled than were sent, or
 *              success with none handled (of a GROUP or REPLAY type: with
 *              fewer than all); the cursor did not move
 *   the sticky error of an add (blame BATCH)
 *   -EINVAL    NULL @ctx or @batch, invalid options or report size, ASK without
 *              `ask`, or `ask` returned something that is not an answer
 *   -E2BIG     options or report from a newer header with unknown content
 */
int iommunest_submit(struct iommunest_ctx *ctx, uint32_t id,
		     struct iommunest_batch *batch,
		     const struct iommunest_submit_options *options,
		     struct iommunest_report *report);

/*
 * Whether the kernel reports what hardware finds in entries for @id, with a
 * code and the last entry that may be at fault: Linux with the patches that
 * come with this library, if the driver of the nested HWPT @id does; for a
 * vIOMMU none does.  @type is its data type; those with IOMMUNEST_INV_NO_PROBE
 * are not asked for, and are a no.
 *
 * iommunest_vtd_hwpt_alloc() and iommunest_submit() find out by themselves, and
 * remember it for each id until it is allocated or destroyed by this library.
 * Only a call that succeeds is an answer: an error that may be that of a wrong
 * @id or @type is none, and it is asked again.  Any thread.  Returns 1 or 0,
 * -EINVAL (NULL), or the kernel's error.
 */
int iommunest_reports_errors(struct iommunest_ctx *ctx, uint32_t id,
			     const struct iommunest_inv_type *type);

/* ------------------------------------------------------------------------
 * Engines of guests' queues
 */

/* What stopped the queue. */
enum iommunest_cause {
	IOMMUNEST_CAUSE_NONE = 0,
	/* What the guest wrote: hardware would refuse it. */
	IOMMUNEST_CAUSE_GUEST = 1,
	/* Guest memory could not be read or written. */
	IOMMUNEST_CAUSE_FETCH = 2,
	/* The host kernel, or a function of the VMM's. */
	IOMMUNEST_CAUSE_HOST = 3,
};

#ifdef __cplusplus
}
#endif

#endif /* IOMMUNEST_CORE_H */
