/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * Submission, once a call has failed: whether that is an entry's fault or the
 * call's, and which entry's.
 */
#include <config.h>

#include "lib/abi.h"
#include "lib/error-report.h"
#include "lib/submission.h"

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
		error = iommunest__submit_call(
			sub, (struct submission_call){ 0 }, &done);
	} while (submission_may_retry(sub, error));
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

/*
 * The flag was refused, and not an entry: the object is not the one that was
 * asked, or nobody asked it.  Its calls go without.
 */
static bool is_of_the_flag(struct submission *sub, int error)
{
	if (error != -EOPNOTSUPP || sub->extension != IOMMUNEST_EXTENSION_YES ||
	    (sub->reported && sub->reported != sub->called) ||
	    !iommunest__extension_is_gone(sub->ctx, sub->id, &sub->batch->type))
		return false;
	sub->extension = IOMMUNEST_EXTENSION_NO;
	return true;
}

/* Calls of @limit entries, until all of one of @count at @first are done. */
static void send_fewer(struct submission *sub, uint32_t first, uint32_t count,
		       uint32_t limit)
{
	sub->narrow = true;
	sub->limit = limit;
	if (sub->limit_end < first + count)
		sub->limit_end = first + count;
	sub->report->resumes++;
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
		ret = iommunest__submit_call(
			sub, submission_call_of(batch, index, 1), &done);
	} while (submission_may_retry(sub, ret));
	if (ret) {
		*first = index;
		return ret;
	}
	/* Elsewhere it is sent again, in its turn. */
	if (index == batch->cursor)
		submission_advance(sub, 1);
	send_fewer(sub, *first, count, 1);
	return 0;
}

/* The last call, of entries from @first on, failed for good. */
static int judge(struct submission *sub, uint32_t first, int error)
{
	const bool exact =
		sub->batch->type.recovery == IOMMUNEST_RECOVERY_EXACT;
	const uint32_t count = sub->called;

	if (sub->lied || iommunest_is_stall(error) ||
	    submission_has_no_memory(sub, error))
		return iommunest__submit_stop(sub, IOMMUNEST_BLAME_CALL, error);
	sub->at = first;
	if (exact && sub->reported && sub->reported < count)
		sub->at += sub->reported;
	else if (!is_of_an_entry(sub, error))
		return iommunest__submit_stop(sub, IOMMUNEST_BLAME_CALL, error);
	if (!exact)
		sub->suspects = count - 1;
	return iommunest__submit_act(sub, error);
}

int iommunest__submit_recover(struct submission *sub, uint32_t first, int error)
{
	const uint32_t count = sub->called;

	if (sub->lied)
		return judge(sub, first, error);
	if (submission_may_retry(sub, error) || is_of_the_flag(sub, error)) {
		sub->report->resumes++;
		return 0;
	}
	if (submission_has_no_memory(sub, error) && count > 1) {
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
