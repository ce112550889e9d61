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
#include "lib/submit.h"

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

static void show_call(const struct submission *sub,
		      const struct submission_call *call, int error)
{
	const struct iommunest_call shown = {
		.id = sub->id,
		.count = sub->called,
		.handled = sub->reported,
		.error = error,
		.entries = call->entries,
		.cookies = call->cookies,
		.flush_all = call->flush_all,
		.driver_error = sub->driver_error,
	};

	sub->opts->trace(sub->opts->user, &shown);
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
static int entries_done(const struct iommunest_inv_type *type, uint32_t count,
			uint32_t reported, int error, uint32_t *done)
{
	bool exact = type->recovery == IOMMUNEST_RECOVERY_EXACT;

	*done = 0;
	if (reported > count)
		return -EPROTO;
	if (!error) {
		if (!iommunest_is_all_done(count, reported, error) &&
		    (reported == 0 || !exact))
			return -EPROTO;
		*done = reported;
		return 0;
	}
	/* What went only once is not done if it has to go twice. */
	if (reported < count && exact && !is_repeated(type))
		*done = reported;
	return error;
}

/* Counts a call, shows it, and says how many entries are done by its reply. */
static int take_reply(struct submission *sub,
		      const struct submission_call *call,
		      const struct iommunest_reply *reply, uint32_t *done)
{
	const struct iommunest_uapi_invalidate *cmd = &reply->cmd;
	const int error = reply->error;
	int ret;

	note_error(sub, cmd, call->count, error);
	sub->called = call->count;
	sub->reported = cmd->entry_num;
	sub->report->calls++;
	sub->report->sent += call->count;
	if (sub->opts->trace)
		show_call(sub, call, error);
	ret = entries_done(&sub->batch->type, call->count, cmd->entry_num,
			   error, done);
	sub->lied = cmd->entry_num > call->count || (ret && !error);
	return ret;
}

static int send_once(struct submission *sub, const struct submission_call *call,
		     uint32_t *done)
{
	struct iommunest_reply reply;

	reply.error =
		iommunest_call_kernel(sub->ctx, sub->id, &sub->batch->type,
				      call->entries, call->count,
				      sub->extension, &reply.cmd);
	return take_reply(sub, call, &reply, done);
}

int iommunest__submit_call(struct submission *sub, struct submission_call call,
			   uint32_t *done)
{
	int ret = send_once(sub, &call, done);

	if (!ret && is_repeated(&sub->batch->type) && call.count) {
		call.count = *done;
		ret = send_once(sub, &call, done);
	}
	/* Only those in a row are counted. */
	if (!iommunest_is_stall(ret))
		sub->stalls = 0;
	return ret;
}

/* ---- The loop ---- */

static uint32_t narrow_size(const struct submission *sub, uint32_t count)
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

/* What goes in the next call. */
static struct submission_call next_call(const struct submission *sub)
{
	const struct iommunest_batch *batch = sub->batch;
	uint32_t count = iommunest_batch_pending(batch);

	if (count > batch->type.call_max)
		count = batch->type.call_max;
	if (sub->narrow)
		count = narrow_size(sub, count);
	return submission_call_of(batch, batch->cursor, count);
}

/* What follows from a call of @count entries at the cursor. */
static int go_on(struct submission *sub, uint32_t count, uint32_t done,
		 int error)
{
	const uint32_t first = sub->batch->cursor;

	submission_advance(sub, done);
	if (error)
		return iommunest__submit_recover(sub, first, error);
	sub->report->resumes += done < count;
	return 0;
}

static int step(struct submission *sub)
{
	const struct submission_call call = next_call(sub);
	uint32_t done;
	int error = iommunest__submit_call(sub, call, &done);

	return go_on(sub, call.count, done, error);
}

/* The call was of all that is pending. */
static int begin_with(struct submission *sub,
		      const struct iommunest_reply *reply)
{
	const struct submission_call call = next_call(sub);
	uint32_t done;
	int error = take_reply(sub, &call, reply, &done);

	return go_on(sub, call.count, done, error);
}

static int run(struct submission *sub, const struct iommunest_reply *first)
{
	struct iommunest_report *report = sub->report;
	struct iommunest_batch *batch = sub->batch;
	int ret = first->made ? begin_with(sub, first) : 0;

	while (!ret && iommunest_batch_pending(batch))
		ret = step(sub);
	report->pending = iommunest_batch_pending(batch);
	/* A call that succeeded: the question was about the right object. */
	if (sub->extension == IOMMUNEST_EXTENSION_UNKNOWN &&
	    (report->handled || report->flushed))
		iommunest__extension_unanswered(sub->ctx, sub->id);
	return ret ? ret : (int)report->skipped_count;
}

static int refuse(const struct iommunest_batch *batch,
		  struct iommunest_report *report)
{
	report->blame = IOMMUNEST_BLAME_BATCH;
	report->error = batch->error;
	report->cookie = batch->error_cookie;
	report->pending = iommunest_batch_pending(batch);
	return batch->error;
}

int iommunest__submit(struct iommunest_ctx *ctx, uint32_t id,
		      struct iommunest_batch *batch,
		      const struct iommunest_submit_options *opts,
		      struct iommunest_report *report,
		      const struct iommunest_reply *first)
{
	struct submission sub = {
		.ctx = ctx,
		.batch = batch,
		.opts = opts,
		.report = report,
		.id = id,
		.lone = NO_ENTRY,
	};

	if (batch->error)
		return refuse(batch, report);
	batch->failed = 0;
	if (!iommunest_batch_pending(batch))
		return 0;
	sub.extension = iommunest__extension(ctx, id, &batch->type);
	return run(&sub, first);
}

/* ---- What the caller hands in ---- */

static int copy_options(struct iommunest_submit_options *to,
			const struct iommunest_submit_options *from)
{
	int ret;

	*to = (struct iommunest_submit_options){ 0 };
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

/* Takes the caller's room for skipped entries. */
static int copy_report(struct iommunest_report *to,
		       const struct iommunest_report *from)
{
	struct iommunest_report in;
	int ret;

	*to = (struct iommunest_report){ 0 };
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

static int submit(struct iommunest_ctx *ctx, uint32_t id,
		  struct iommunest_batch *batch,
		  const struct iommunest_submit_options *opts,
		  struct iommunest_report *report)
{
	const uint32_t count = iommunest_batch_pending(batch);
	struct iommunest_reply reply;

	reply.made = false;
	if (opts->trace || !iommunest_submit_at_once(ctx, id, batch, &reply))
		return iommunest__submit(ctx, id, batch, opts, report, &reply);
	report->calls = 1;
	report->sent = count;
	report->handled = count;
	return 0;
}

EXPORT int iommunest_submit(struct iommunest_ctx *ctx, uint32_t id,
			    struct iommunest_batch *batch,
			    const struct iommunest_submit_options *options,
			    struct iommunest_report *report)
{
	struct iommunest_submit_options opts;
	struct iommunest_report out;
	int ret;

	ret = copy_report(&out, report);
	if (ret)
		return ret;
	ret = copy_options(&opts, options);
	if (!ctx || !batch)
		ret = -EINVAL;
	if (!ret)
		ret = check_skipped(&out);
	if (ret) {
		out.error = ret;
		out.pending = batch ? iommunest_batch_pending(batch) : 0;
	} else {
		ret = submit(ctx, id, batch, &opts, &out);
	}
	if (report)
		iommunest_copy_out(report, &out, sizeof(out));
	return ret;
}
