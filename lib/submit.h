/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * Submission within the library.  Nearly every one is one call that handles
 * all, which is inline here and keeps no state.  Whatever else the kernel
 * answers is the first reply to a submission in full.
 */
#ifndef IOMMUNEST_SUBMIT_H
#define IOMMUNEST_SUBMIT_H

#include "lib/uapi/invalidate.h"

#include "lib/batch.h"
#include "lib/context.h"
#include "lib/error-report.h"

/* A call that was made, or not, and did not handle all. */
struct iommunest_reply {
	/* As the kernel left it: entry_num is the count that came back. */
	struct iommunest_uapi_invalidate cmd;
	/* 0 or a negated errno. */
	int error;
	bool made;
};

/* 0 or a negated errno; *@cmd is as the kernel left it. */
static inline int iommunest_call_kernel(struct iommunest_ctx *ctx, uint32_t id,
					const struct iommunest_inv_type *type,
					const void *entries, uint32_t count,
					enum iommunest_extension extension,
					struct iommunest_uapi_invalidate *cmd)
{
	int ret;

	*cmd = (struct iommunest_uapi_invalidate){
		.size = IOMMUNEST_UAPI_INVALIDATE_SIZE,
		.hwpt_id = id,
		.data_uptr = (uintptr_t)entries,
		.data_type = type->data_type,
		.entry_len = type->entry_len,
		.entry_num = count,
	};
	if (extension == IOMMUNEST_EXTENSION_YES) {
		cmd->size = sizeof(*cmd);
		cmd->flags = IOMMUNEST_INVALIDATE_REPORT_ERROR;
	}
	ret = iommunest__ioctl(ctx, IOMMU_HWPT_INVALIDATE, cmd);
	return ret > 0 ? 0 : ret;
}

/* Whatever the type, there is nothing to find out about such a call. */
static inline bool iommunest_is_all_done(uint32_t count, uint32_t reported,
					 int error)
{
	return !error && reported == count;
}

/*
 * Sends all that is pending, if one call may do it.  True: all is handled.
 * Otherwise iommunest__submit() goes on with *@reply, which it shows a trace.
 */
static inline bool iommunest_submit_at_once(struct iommunest_ctx *ctx,
					    uint32_t id,
					    struct iommunest_batch *batch,
					    struct iommunest_reply *reply)
{
	const enum iommunest_extension extension =
		iommunest_extension_known(ctx, id);
	const uint32_t count = iommunest_batch_pending(batch);
	int error;

	reply->made = false;
	if (batch->error || !count || count > batch->at_once_max ||
	    extension == IOMMUNEST_EXTENSION_UNKNOWN)
		return false;
	error = iommunest_call_kernel(ctx, id, &batch->type,
				      iommunest_batch_at(batch, batch->cursor),
				      count, extension, &reply->cmd);
	if (!iommunest_is_all_done(count, reply->cmd.entry_num, error)) {
		reply->error = error;
		reply->made = true;
		return false;
	}
	batch->cursor = batch->count;
	return true;
}

/* What a trace shows of such a call, which began with entry @first. */
static inline struct iommunest_call
iommunest_call_at_once(uint32_t id, const struct iommunest_batch *batch,
		       uint32_t first)
{
	return (struct iommunest_call){
		.id = id,
		.count = batch->count - first,
		.handled = batch->count - first,
		.entries = iommunest_batch_at(batch, first),
		.cookies = batch->cookies + first,
	};
}

/*
 * iommunest_submit() with options that are known to be good, max_stalls set.
 * *@report is zero, apart from the room for skipped entries.  @first->made: a
 * call of all that is pending was made already.
 */
int iommunest__submit(struct iommunest_ctx *ctx, uint32_t id,
		      struct iommunest_batch *batch,
		      const struct iommunest_submit_options *opts,
		      struct iommunest_report *report,
		      const struct iommunest_reply *first);

#endif /* IOMMUNEST_SUBMIT_H */
