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

/* "All" entries, which are not in the batch: so many in one call at most. */
#define ALL_MAX 64u

union all_entries {
	uint64_t align;
	unsigned char bytes[4096];
};

/* No entry goes alone. */
#define NO_ENTRY UINT32_MAX

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
	/* The last call: entries sent, and the count that came back. */
	uint32_t called;
	uint32_t reported;
	/* What the last call that failed said of it, where it does. */
	uint32_t driver_error;
	/* The entry that failed; so many after it may not be done, either. */
	uint32_t at;
	uint32_t suspects;
	/* One of the following holds. */
	bool narrow;
	/* Entries of one call at most, until the cursor is at `limit_end`. */
	uint32_t limit;
	uint32_t limit_end;
	/* An entry that goes alone, after all before it; or NO_ENTRY. */
	uint32_t lone;
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

/*
 * Sends a few entries and says how many are done.  Where the type repeats
 * calls, the second sending is part of the call.
 */
static int send_entries(struct submission *sub, const void *entries,
			const uint64_t *cookies, uint32_t count, bool flush_all,
			uint32_t *done)
{
	int ret = send_once(sub, entries, cookies, count, flush_all, done);

	if (!ret && is_repeated(&sub->batch->type) && count)
		ret = send_again(sub, entries, cookies, flush_all, done);
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

/* Nothing can be said of any entry: there was no memory for the array. */
static bool is_out_of_memory(const struct submission *sub, int error)
{
	return error == -ENOMEM && sub->reported == sub->called;
}

/* The kernel refused an entry, which its count may name. */
static bool is_refusal(const struct submission *sub, int error)
{
	return error == sub->batch->type.refused && sub->reported < sub->called;
}

/*
 * An error with nothing handled belongs to the call or to its first entry.  A
 * call without entries does nothing, and fails just where the call is wrong.
 */
static bool probe_succeeds(struct submission *sub)
{
	const uint32_t suspects = sub->suspects;
	uint32_t done;
	int error;

	do {
		error = send_entries(sub, NULL, NULL, 0, false, &done);
	} while (may_retry(sub, error));
	sub->suspects = suspects;
	return !error;
}

/* Whether an error with nothing handled is an entry's, or the call's. */
static bool is_of_an_entry(struct submission *sub, int error)
{
	const struct iommunest_inv_type *type = &sub->batch->type;
	const bool probes = !(type->flags & IOMMUNEST_INV_NO_PROBE);

	/* Hardware had something to do. */
	if (sub->driver_error)
		return true;
	if (probes && type->recovery != IOMMUNEST_RECOVERY_GROUP)
		return probe_succeeds(sub);
	if (error == -ETIMEDOUT || is_refusal(sub, error))
		return true;
	return probes && probe_succeeds(sub);
}

/* ---- What to do with an entry that failed ---- */

/* An entry that is known to be the one at fault. */
static bool is_exact(const struct submission *sub)
{
	return sub->batch->type.recovery != IOMMUNEST_RECOVERY_REPLAY &&
	       !sub->suspects;
}

static int stop(struct submission *sub, enum iommunest_blame blame, int error)
{
	struct iommunest_batch *batch = sub->batch;
	struct iommunest_report *report = &sub->report;

	report->blame = blame;
	report->error = error;
	if (blame != IOMMUNEST_BLAME_ENTRY)
		return error;
	report->index = sub->at;
	report->cookie = batch->cookies[sub->at];
	report->driver_error = sub->driver_error;
	report->last_index = sub->at + sub->suspects;
	report->exact = is_exact(sub);
	batch->failed = sub->at;
	return error;
}

static struct iommunest_failure failure_of(const struct submission *sub,
					   int error)
{
	return (struct iommunest_failure){
		.size = sizeof(struct iommunest_failure),
		.index = sub->at,
		.error = error,
		.cookie = sub->batch->cookies[sub->at],
		.driver_error = sub->driver_error,
		.attempt = sub->attempt,
		.last_index = sub->at + sub->suspects,
	};
}

/* In the caller's array, whose elements may be of another size than ours. */
static void record_skip(const struct submission *sub, int error)
{
	const struct iommunest_report *report = &sub->report;
	size_t size = report->skipped->size;
	char *to = (char *)report->skipped + report->skipped_count * size;
	struct iommunest_failure failure = failure_of(sub, error);

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

/* Sends @count "all" entries, named after the entry that failed. */
static int send_all(struct submission *sub, const unsigned char *entries,
		    uint32_t count)
{
	const uint32_t len = sub->batch->type.entry_len;
	uint64_t cookies[ALL_MAX];
	uint32_t limit = count;
	uint32_t sent = 0;
	uint32_t i, done;
	int ret;

	for (i = 0; i < count; i++)
		cookies[i] = sub->batch->cookies[sub->at];
	while (sent < count) {
		if (limit > count - sent)
			limit = count - sent;
		ret = send_entries(sub, entries + (size_t)sent * len, cookies,
				   limit, true, &done);
		sent += done;
		if (!ret || may_retry(sub, ret))
			continue;
		if (!is_out_of_memory(sub, ret) || limit == 1)
			return ret;
		limit /= 2;
	}
	return 0;
}

static uint32_t all_room(const struct iommunest_inv_type *type)
{
	uint32_t max = sizeof(union all_entries) / type->entry_len;

	if (max > ALL_MAX)
		max = ALL_MAX;
	return max < type->call_max ? max : type->call_max;
}

/* One class, in as many calls as its entries need. */
static int send_class(struct submission *sub, struct iommunest_all *all)
{
	const struct iommunest_inv_type *type = &sub->batch->type;
	union all_entries entries;
	int count, ret;

	all->first = 0;
	do {
		memset(&entries, 0, sizeof(entries));
		count = type->make_all_list(all, &entries);
		if (count < 0)
			return count;
		/* More than there is room for, or a list without an end. */
		if ((uint32_t)count > all->max ||
		    all->first > IOMMUNEST_CALL_MAX)
			return -EINVAL;
		ret = send_all(sub, entries.bytes, (uint32_t)count);
		if (ret)
			return ret;
		all->first += (uint32_t)count;
	} while ((uint32_t)count == all->max);
	return 0;
}

/* The classes one after the other: each is done before the next is sent. */
static int send_all_list(struct submission *sub)
{
	const struct iommunest_batch *batch = sub->batch;
	struct iommunest_all all = {
		.size = sizeof(all),
		.user = batch->type.user,
		.id = sub->id,
		.max = all_room(&batch->type),
		.entries = iommunest_batch_at(batch, batch->cursor),
		.count = pending(batch),
	};
	bool any = false;
	int ret;

	for (; all.all_class < batch->type.all_classes; all.all_class++) {
		ret = send_class(sub, &all);
		if (ret)
			return ret;
		any |= all.first > 0;
	}
	/* A list of nothing flushes nothing. */
	return any ? 0 : -EOPNOTSUPP;
}

static int send_one_all(struct submission *sub)
{
	union all_entries all;

	memset(&all, 0, sizeof(all));
	sub->batch->type.make_all(&all);
	return send_all(sub, all.bytes, 1);
}

static int flush_all(struct submission *sub, int error)
{
	struct iommunest_batch *batch = sub->batch;
	int ret;

	/* Before the calls that flush say something else. */
	stop(sub, IOMMUNEST_BLAME_ENTRY, error);

	if (batch->type.make_all_list)
		ret = send_all_list(sub);
	else if (batch->type.make_all)
		ret = send_one_all(sub);
	else
		ret = -EOPNOTSUPP;
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
	failure = failure_of(sub, error);
	return sub->opts.ask(sub->opts.user, &failure,
			     iommunest_batch_at(batch, sub->at));
}

/*
 * Only the entry at the cursor can be given up.  All before one that failed
 * are sent first; then it goes alone, and it is asked for.
 */
static bool has_to_wait(struct submission *sub)
{
	if (sub->at == sub->batch->cursor ||
	    (sub->opts.policy != IOMMUNEST_POLICY_SKIP &&
	     sub->opts.policy != IOMMUNEST_POLICY_ASK))
		return false;
	sub->narrow = true;
	sub->lone = sub->at;
	sub->report.resumes++;
	return true;
}

static int act(struct submission *sub, int error)
{
	if (has_to_wait(sub))
		return 0;
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

/* ---- Which entry failed ---- */

/* The kernel handled entries at the cursor. */
static void advance(struct submission *sub, uint32_t done)
{
	sub->batch->cursor += done;
	sub->report.handled += done;
	if (done) {
		sub->stalls = 0;
		sub->attempt = 0;
	}
}

/* Calls of @limit entries, until all of one of @count at @first are done. */
static void send_fewer(struct submission *sub, uint32_t first, uint32_t count,
		       uint32_t limit)
{
	sub->narrow = true;
	sub->limit = limit;
	if (sub->limit_end < first + count)
		sub->limit_end = first + count;
	sub->report.resumes++;
}

/*
 * A call at *@first was refused.  Kernels differ in which entry their count
 * names, so that one is sent alone.  Returns 0 where it is innocent, and the
 * rest of the call goes one by one; or the error of that entry, which *@first
 * is then.
 */
static int send_named(struct submission *sub, uint32_t *first)
{
	const struct iommunest_batch *batch = sub->batch;
	const uint32_t count = sub->called;
	const uint32_t index = *first + sub->reported;
	uint32_t done;
	int ret;

	do {
		ret = send_entries(sub, iommunest_batch_at(batch, index),
				   batch->cookies + index, 1, false, &done);
	} while (may_retry(sub, ret));
	if (ret) {
		*first = index;
		return ret;
	}
	/* Elsewhere it is sent again, in its turn. */
	if (index == batch->cursor)
		advance(sub, 1);
	send_fewer(sub, *first, count, 1);
	return 0;
}

/* The last call, of entries from @first on, failed for good. */
static int judge(struct submission *sub, uint32_t first, int error)
{
	const bool exact =
		sub->batch->type.recovery == IOMMUNEST_RECOVERY_EXACT;
	const uint32_t count = sub->called;

	if (sub->lied || is_stall(error) || is_out_of_memory(sub, error))
		return stop(sub, IOMMUNEST_BLAME_CALL, error);
	sub->at = first;
	if (exact && sub->reported && sub->reported < count)
		sub->at += sub->reported;
	else if (!is_of_an_entry(sub, error))
		return stop(sub, IOMMUNEST_BLAME_CALL, error);
	if (!exact)
		sub->suspects = count - 1;
	return act(sub, error);
}

/* ---- The loop ---- */

static __attribute__((noinline)) int recover(struct submission *sub,
					     uint32_t first, int error)
{
	const uint32_t count = sub->called;

	if (sub->lied)
		return judge(sub, first, error);
	if (may_retry(sub, error)) {
		sub->report.resumes++;
		return 0;
	}
	if (is_out_of_memory(sub, error) && count > 1) {
		send_fewer(sub, first, count, count / 2);
		return 0;
	}
	if (sub->batch->type.recovery == IOMMUNEST_RECOVERY_GROUP &&
	    is_refusal(sub, error) && count > 1) {
		error = send_named(sub, &first);
		if (!error)
			return 0;
	}
	return judge(sub, first, error);
}

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
	uint32_t count = pending(sub->batch);

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

	error = send_entries(sub, iommunest_batch_at(batch, first),
			     batch->cookies + first, count, false, &done);
	advance(sub, done);
	if (error)
		return recover(sub, first, error);
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
		report->pending = pending(batch);
		return batch->error;
	}
	batch->failed = 0;
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
		sub.report.pending = batch ? pending(batch) : 0;
	} else {
		ret = run(&sub);
	}
	if (report)
		iommunest_copy_out(report, &sub.report, sizeof(sub.report));
	return ret;
}
