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
#include "lib/batch.h"
#include "lib/context.h"
#include "lib/error-report.h"

/* The type's longest entry, for the one "all" that is not in the batch. */
union any_entry {
	uint64_t align;
	unsigned char bytes[4096];
};

struct submission {
	struct iommunest_ctx *ctx;
	struct iommunest_batch *batch;
	struct iommunest_submit_options opts;
	struct iommunest_report report;
	uint32_t id;
	/* EINTR or EAGAIN without progress, in a row. */
	uint32_t stalls;
	/* The last call's count cannot be. */
	bool lied;
	/* How often `ask` was called for the entry at the cursor. */
	uint32_t attempt;
	/* Whether the kernel reports the hardware's errors. */
	enum iommunest_extension extension;
	/* What the last call that failed said of it, where it does. */
	uint32_t driver_error;
	/* Entries behind the cursor that may not be done, either. */
	uint32_t suspects;
};

static uint32_t pending(const struct iommunest_batch *batch)
{
	return batch->count - batch->cursor;
}

static bool is_stall(int error)
{
	return error == -EINTR || error == -EAGAIN;
}

/* ---- One call ---- */

/* Behind the failing entry, within a call of @count. */
static uint32_t suspects_of(const struct iommunest_uapi_invalidate *cmd,
			    uint32_t count)
{
	uint32_t last = cmd->out_last_index;

	if (cmd->entry_num >= count || last <= cmd->entry_num)
		return 0;
	/* It cannot be known better than "all of them". */
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

/* Makes it, counts it, shows it.  *@reported is the count as it came back. */
static int call_kernel(struct submission *sub, const void *entries,
		       const uint64_t *cookies, uint32_t count, bool flush_all,
		       uint32_t *reported)
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
	struct iommunest_call call = {
		.id = sub->id,
		.count = count,
		.entries = entries,
		.cookies = cookies,
		.flush_all = flush_all,
	};
	int ret;

	if (sub->extension == IOMMUNEST_EXTENSION_YES) {
		cmd.size = sizeof(cmd);
		cmd.flags = IOMMUNEST_INVALIDATE_REPORT_ERROR;
	}
	ret = iommunest_ioctl(sub->ctx, IOMMU_HWPT_INVALIDATE, &cmd);
	call.error = ret < 0 ? ret : 0;
	call.handled = cmd.entry_num;
	note_error(sub, &cmd, count, call.error);
	call.driver_error = sub->driver_error;
	sub->report.calls++;
	sub->report.sent += count;
	if (sub->opts.trace)
		sub->opts.trace(sub->opts.user, &call);
	*reported = cmd.entry_num;
	return call.error;
}

/*
 * How many of @count entries are done by what the kernel reported.  A failed
 * call that reports all of them is one that the kernel rejected before it
 * wrote the count back: the count is still ours, and nothing is done.
 */
static int entries_done(const struct iommunest_inv_type *type, uint32_t count,
			uint32_t reported, int error, uint32_t *done)
{
	*done = 0;
	if (reported > count)
		return -EPROTO;
	if (!error) {
		bool bound = type->recovery == IOMMUNEST_RECOVERY_REPLAY;

		if (count && (reported == 0 || (bound && reported < count)))
			return -EPROTO;
		*done = reported;
		return 0;
	}
	if (reported < count && type->recovery == IOMMUNEST_RECOVERY_EXACT)
		*done = reported;
	return error;
}

/* Sends a few entries and says how many are done. */
static int send_entries(struct submission *sub, const void *entries,
			const uint64_t *cookies, uint32_t count, bool flush_all,
			uint32_t *done)
{
	uint32_t reported;
	int error, ret;

	error = call_kernel(sub, entries, cookies, count, flush_all, &reported);
	ret = entries_done(&sub->batch->type, count, reported, error, done);
	sub->lied = reported > count || (ret && !error);
	/* Only those in a row are counted. */
	if (!is_stall(ret))
		sub->stalls = 0;
	return ret;
}

/* True where EINTR or EAGAIN may be tried again. */
static bool may_retry(struct submission *sub, int error)
{
	if (!is_stall(error) || sub->stalls >= sub->opts.max_stalls)
		return false;
	sub->stalls++;
	return true;
}

/*
 * An error with nothing handled belongs to the call or to its first entry.  A
 * call without entries does nothing, and fails just where the call is wrong.
 */
static enum iommunest_blame find_blame(struct submission *sub)
{
	const uint32_t driver_error = sub->driver_error;
	const uint32_t suspects = sub->suspects;
	uint32_t done;
	int error;

	/* Hardware had something to do. */
	if (driver_error)
		return IOMMUNEST_BLAME_ENTRY;
	do {
		error = send_entries(sub, NULL, NULL, 0, false, &done);
	} while (may_retry(sub, error));
	sub->suspects = suspects;
	return error ? IOMMUNEST_BLAME_CALL : IOMMUNEST_BLAME_ENTRY;
}

/* ---- What to do with an entry that failed ---- */

/* An entry that is known to be the one at fault. */
static bool is_exact(const struct submission *sub)
{
	return sub->batch->type.recovery == IOMMUNEST_RECOVERY_EXACT &&
	       !sub->suspects;
}

static int stop(struct submission *sub, enum iommunest_blame blame, int error)
{
	const struct iommunest_batch *batch = sub->batch;
	struct iommunest_report *report = &sub->report;

	report->blame = blame;
	report->error = error;
	if (blame != IOMMUNEST_BLAME_ENTRY)
		return error;
	report->index = batch->cursor;
	report->cookie = batch->cookies[batch->cursor];
	report->driver_error = sub->driver_error;
	report->last_index = batch->cursor + sub->suspects;
	report->exact = is_exact(sub);
	return error;
}

static struct iommunest_failure failure_at_cursor(const struct submission *sub,
						  int error)
{
	return (struct iommunest_failure){
		.size = sizeof(struct iommunest_failure),
		.index = sub->batch->cursor,
		.error = error,
		.cookie = sub->batch->cookies[sub->batch->cursor],
		.driver_error = sub->driver_error,
		.attempt = sub->attempt,
		.last_index = sub->batch->cursor + sub->suspects,
	};
}

/* In the caller's array, whose elements may be of another size than ours. */
static void record_skip(const struct submission *sub, int error)
{
	const struct iommunest_report *report = &sub->report;
	size_t size = report->skipped->size;
	char *to = (char *)report->skipped + report->skipped_count * size;
	struct iommunest_failure failure = failure_at_cursor(sub, error);

	memcpy(to, &size, sizeof(size));
	iommunest_copy_out(to, &failure, sizeof(failure));
}

/* `ask` has seen the entry; otherwise only the report can tell of it. */
static int skip(struct submission *sub, int error)
{
	struct iommunest_report *report = &sub->report;
	bool room =
		report->skipped && report->skipped_count < report->skipped_max;

	/* Only an entry that is known to be at fault may be given up. */
	if (!is_exact(sub) ||
	    (!room && sub->opts.policy != IOMMUNEST_POLICY_ASK))
		return stop(sub, IOMMUNEST_BLAME_ENTRY, error);
	if (room)
		record_skip(sub, error);
	report->skipped_count++;
	sub->batch->cursor++;
	sub->attempt = 0;
	if (pending(sub->batch))
		report->resumes++;
	return 0;
}

static int flush_all(struct submission *sub, int error)
{
	struct iommunest_batch *batch = sub->batch;
	const uint64_t *cookie = &batch->cookies[batch->cursor];
	union any_entry all;
	uint32_t done;
	int ret;

	/* Before the call that flushes says something else. */
	stop(sub, IOMMUNEST_BLAME_ENTRY, error);

	if (!batch->type.make_all)
		return error;
	memset(&all, 0, sizeof(all));
	batch->type.make_all(&all);
	do {
		ret = send_entries(sub, &all, cookie, 1, true, &done);
	} while (may_retry(sub, ret));
	/* Either way the report says which entry it was, and its error. */
	if (ret)
		return error;
	sub->report.resumes++;
	sub->report.flushed += pending(batch);
	batch->cursor = batch->count;
	return 0;
}

/* Without `ask`, the policy is the answer: the numbers are the same. */
static enum iommunest_answer ask(struct submission *sub, int error)
{
	struct iommunest_batch *batch = sub->batch;
	struct iommunest_failure failure;

	if (sub->opts.policy != IOMMUNEST_POLICY_ASK)
		return (enum iommunest_answer)sub->opts.policy;
	sub->attempt++;
	failure = failure_at_cursor(sub, error);
	return sub->opts.ask(sub->opts.user, &failure,
			     iommunest_batch_at(batch, batch->cursor));
}

static int act(struct submission *sub, int error)
{
	switch (ask(sub, error)) {
	case IOMMUNEST_ANSWER_STOP:
		return stop(sub, IOMMUNEST_BLAME_ENTRY, error);
	case IOMMUNEST_ANSWER_SKIP:
		return skip(sub, error);
	case IOMMUNEST_ANSWER_FLUSH_ALL:
		return flush_all(sub, error);
	case IOMMUNEST_ANSWER_RETRY:
		sub->report.resumes++;
		return 0;
	}
	return stop(sub, IOMMUNEST_BLAME_ENTRY, -EINVAL);
}

/* ---- The loop ---- */

/* One call from the cursor on, and what follows from its answer. */
static int step(struct submission *sub)
{
	struct iommunest_batch *batch = sub->batch;
	uint32_t count = pending(batch);
	uint32_t done;
	int error;

	if (count > IOMMUNEST_CALL_MAX)
		count = IOMMUNEST_CALL_MAX;
	error = send_entries(sub, iommunest_batch_at(batch, batch->cursor),
			     batch->cookies + batch->cursor, count, false,
			     &done);
	batch->cursor += done;
	sub->report.handled += done;
	if (done) {
		sub->stalls = 0;
		sub->attempt = 0;
	}
	if (sub->lied)
		return stop(sub, IOMMUNEST_BLAME_CALL, error);
	if (!error) {
		sub->report.resumes += done < count;
		return 0;
	}
	if (may_retry(sub, error)) {
		sub->report.resumes++;
		return 0;
	}
	if (is_stall(error))
		return stop(sub, IOMMUNEST_BLAME_CALL, error);
	if (!done && find_blame(sub) == IOMMUNEST_BLAME_CALL)
		return stop(sub, IOMMUNEST_BLAME_CALL, error);
	return act(sub, error);
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
		report->pending = pending(batch);
		return batch->error;
	}
	if (pending(batch))
		sub->extension =
			iommunest__extension(sub->ctx, sub->id, &batch->type);
	while (!ret && pending(batch))
		ret = step(sub);
	report->pending = pending(batch);
	/* A call that succeeded: the question was about the right object. */
	if (sub->extension == IOMMUNEST_EXTENSION_UNKNOWN &&
	    (report->handled || report->flushed))
		iommunest__extension_unanswered(sub->ctx);
	return ret ? ret : (int)report->skipped_count;
}

/* ---- What the caller hands in ---- */

static int copy_options(struct iommunest_submit_options *to,
			const struct iommunest_submit_options *from)
{
	int ret;

	memset(to, 0, sizeof(*to));
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

/* Takes the caller's room for skipped entries; all else starts at zero. */
static int copy_report(struct iommunest_report *to,
		       const struct iommunest_report *from)
{
	struct iommunest_report in;
	int ret;

	memset(to, 0, sizeof(*to));
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
		sub.report.pending = batch ? pending(batch) : 0;
	} else {
		ret = run(&sub);
	}
	if (report)
		iommunest_copy_out(report, &sub.report, sizeof(sub.report));
	return ret;
}
