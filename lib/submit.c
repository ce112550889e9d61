/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * Submission: an array of entries goes in, the number of handled entries
 * comes out, and work goes on at the index where it failed.
 *
 * The one promise: whatever the kernel answers, each entry is afterwards in
 * exactly one of handled, flushed, skipped and recorded, or pending.
 */
#include "lib/uapi/invalidate.h"

#include "lib/abi.h"
#include "lib/error-report.h"
#include "lib/submission.h"

/* ---- One call ---- */

/* After the failing entry, within a call of @count. */
static uint32_t suspects_of(const struct iommunest_uapi_invalidate *cmd,
			    uint32_t count)
{
	uint32_t last = cmd->out_last_index;

	if (cmd->entry_num >= count || last <= cmd->entry_num)
		return 0;
	/* The call's last entry is the furthest that it can be. */
	if (last >= count)
		last = count - 1;
	return last - cmd->entry_num;
}

/* What the extension says of a call of @count entries. */
static void note_error(struct submission *sub,
		       const struct iommunest_uapi_invalidate *cmd,
		       uint32_t count, int error)
{
	sub->driver_error = 0;
	sub->suspects = 0;
	if (sub->extension != IOMMUNEST_EXTENSION_YES || !error)
		return;
	sub->driver_error = cmd->out_driver_error_code;
	sub->suspects = suspects_of(cmd, count);
}

static __attribute__((noinline)) void show_call(const struct submission *sub,
						const void *entries,
						const uint64_t *cookies,
						bool flush_all, int error)
{
	const struct iommunest_call call = {
		.id = sub->id,
		.count = sub->called,
		.handled = sub->reported,
		.error = error,
		.entries = entries,
		.cookies = cookies,
		.flush_all = flush_all,
		.driver_error = sub->driver_error,
	};

	sub->opts.trace(sub->opts.user, &call);
}

/* Makes it, counts it, shows it. */
static inline __attribute__((always_inline)) int
call_kernel(struct submission *sub, const void *entries,
	    const uint64_t *cookies, uint32_t count, bool flush_all)
{
	const struct iommunest_inv_type *type = &sub->batch->type;
	struct iommunest_uapi_invalidate cmd = {
		.size = IOMMUNEST_UAPI_INVALIDATE_SIZE,
		.hwpt_id = sub->id,
		.data_uptr = (uintptr_t)entries,
		.data_type = type->data_type,
		.entry_len = type->entry_len,
		.entry_num = count,
	};
	int error;

	if (sub->extension == IOMMUNEST_EXTENSION_YES) {
		cmd.size = sizeof(cmd);
		cmd.flags = IOMMUNEST_INVALIDATE_REPORT_ERROR;
	}
	error = iommunest_ioctl(sub->ctx, IOMMU_HWPT_INVALIDATE, &cmd);
	if (error > 0)
		error = 0;
	note_error(sub, &cmd, count, error);
	sub->called = count;
	sub->reported = cmd.entry_num;
	sub->report.calls++;
	sub->report.sent += count;
	if (sub->opts.trace)
		show_call(sub, entries, cookies, flush_all, error);
	return error;
}

static bool is_repeated(const struct iommunest_inv_type *type)
{
	return type->flags & IOMMUNEST_INV_REPEAT;
}

/*
 * How many of @count entries are done by what the kernel reported.  A failed
 * call that reports all of them is one that the kernel rejected before it
 * wrote the count back: the count is still ours, and nothing is done.
 */
static inline int entries_done(const struct iommunest_inv_type *type,
			       uint32_t count, uint32_t reported, int error,
			       uint32_t *done)
{
	bool exact = type->recovery == IOMMUNEST_RECOVERY_EXACT;

	*done = 0;
	if (reported > count)
		return -EPROTO;
	if (!error) {
		if (reported < count && (reported == 0 || !exact))
			return -EPROTO;
		*done = reported;
		return 0;
	}
	/* What went only once is not done if it has to go twice. */
	if (reported < count && exact && !is_repeated(type))
		*done = reported;
	return error;
}

static inline __attribute__((always_inline)) int
send_once(struct submission *sub, const void *entries, const uint64_t *cookies,
	  uint32_t count, bool flush_all, uint32_t *done)
{
	int error = call_kernel(sub, entries, cookies, count, flush_all);
	int ret = entries_done(&sub->batch->type, count, sub->reported, error,
			       done);

	sub->lied = sub->reported > count || (ret && !error);
	return ret;
}

static __attribute__((noinline)) int send_again(struct submission *sub,
						const void *entries,
						const uint64_t *cookies,
						bool flush_all, uint32_t *done)
{
	return send_once(sub, entries, cookies, *done, flush_all, done);
}

int iommunest__submit_entries(struct submission *sub, const void *entries,
			      const uint64_t *cookies, uint32_t count,
			      bool flush_all, uint32_t *done)
{
	int ret = send_once(sub, entries, cookies, count, flush_all, done);

	if (!ret && is_repeated(&sub->batch->type) && count)
		ret = send_again(sub, entries, cookies, flush_all, done);
	/* Only those in a row are counted. */
	if (!iommunest_is_stall(ret))
		sub->stalls = 0;
	return ret;
}

/* ---- The loop ---- */

static __attribute__((noinline)) uint32_t
narrow_size(const struct submission *sub, uint32_t count)
{
	const uint32_t cursor = sub->batch->cursor;

	if (cursor < sub->limit_end && count > sub->limit)
		count = sub->limit;
	if (cursor == sub->lone)
		return 1;
	if (cursor < sub->lone && count > sub->lone - cursor)
		count = sub->lone - cursor;
	return count;
}

/* How many go in the next call. */
static uint32_t call_size(const struct submission *sub)
{
	uint32_t count = iommunest_batch_pending(sub->batch);

	if (count > sub->batch->type.call_max)
		count = sub->batch->type.call_max;
	return sub->narrow ? narrow_size(sub, count) : count;
}

/* One call from the cursor on, and what follows from its answer. */
static int step(struct submission *sub)
{
	struct iommunest_batch *batch = sub->batch;
	const uint32_t first = batch->cursor;
	const uint32_t count = call_size(sub);
	uint32_t done;
	int error;

	error = iommunest__submit_entries(sub, iommunest_batch_at(batch, first),
					  batch->cookies + first, count, false,
					  &done);
	submission_advance(sub, done);
	if (error)
		return iommunest__submit_recover(sub, first, error);
	sub->report.resumes += done < count;
	return 0;
}

static int run(struct submission *sub)
{
	struct iommunest_report *report = &sub->report;
	struct iommunest_batch *batch = sub->batch;
	int ret = 0;

	if (batch->error) {
		report->blame = IOMMUNEST_BLAME_BATCH;
		report->error = batch->error;
		report->cookie = batch->error_cookie;
		report->pending = iommunest_batch_pending(batch);
		return batch->error;
	}
	batch->failed = 0;
	if (iommunest_batch_pending(batch))
		sub->extension =
			iommunest__extension(sub->ctx, sub->id, &batch->type);
	while (!ret && iommunest_batch_pending(batch))
		ret = step(sub);
	report->pending = iommunest_batch_pending(batch);
	/* A call that succeeded: the question was about the right object. */
	if (sub->extension == IOMMUNEST_EXTENSION_UNKNOWN &&
	    (report->handled || report->flushed))
		iommunest__extension_unanswered(sub->ctx);
	return ret ? ret : (int)report->skipped_count;
}

/* ---- What the caller hands in ---- */

/* @to is zeroed. */
static int copy_options(struct iommunest_submit_options *to,
			const struct iommunest_submit_options *from)
{
	int ret;

	if (from) {
		ret = iommunest_copy_in(to, sizeof(*to), from,
					END_OF(struct iommunest_submit_options,
					       user));
		if (ret)
			return ret;
	}
	if (to->policy > IOMMUNEST_POLICY_ASK)
		return -EINVAL;
	if (to->policy == IOMMUNEST_POLICY_ASK && !to->ask)
		return -EINVAL;
	if (to->max_stalls == 0)
		to->max_stalls = IOMMUNEST_DEFAULT_STALLS;
	return 0;
}

/* Takes the caller's room for skipped entries; @to is zeroed. */
static int copy_report(struct iommunest_report *to,
		       const struct iommunest_report *from)
{
	struct iommunest_report in;
	int ret;

	if (!from)
		return 0;
	ret = iommunest_copy_in(&in, sizeof(in), from,
				END_OF(struct iommunest_report, exact));
	if (ret)
		return ret;
	to->skipped = in.skipped;
	to->skipped_max = in.skipped_max;
	return 0;
}

static int check_skipped(const struct iommunest_report *report)
{
	if (!report->skipped || !report->skipped_max)
		return 0;
	return iommunest_check_size(report->skipped,
				    END_OF(struct iommunest_failure, reserved));
}

EXPORT int iommunest_submit(struct iommunest_ctx *ctx, uint32_t id,
			    struct iommunest_batch *batch,
			    const struct iommunest_submit_options *options,
			    struct iommunest_report *report)
{
	struct submission sub = {
		.ctx = ctx,
		.batch = batch,
		.id = id,
		.lone = NO_ENTRY,
	};
	int ret;

	ret = copy_report(&sub.report, report);
	if (ret)
		return ret;
	ret = copy_options(&sub.opts, options);
	if (!ctx || !batch)
		ret = -EINVAL;
	if (!ret)
		ret = check_skipped(&sub.report);
	if (ret) {
		sub.report.error = ret;
		sub.report.pending = batch ? iommunest_batch_pending(batch) : 0;
	} else {
		ret = run(&sub);
	}
	if (report)
		iommunest_copy_out(report, &sub.report, sizeof(sub.report));
	return ret;
}
