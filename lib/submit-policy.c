/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* Submission: what becomes of an entry that failed. */
#include <config.h>

#include "lib/abi.h"
#include "lib/submission.h"

/* "All" entries, which are not in the batch: so many in one call at most. */
#define ALL_MAX 64u

union all_entries {
	uint64_t align;
	unsigned char bytes[4096];
};

/* An entry that is known to be the one at fault. */
static bool is_exact(const struct submission *sub)
{
	return sub->batch->type.recovery != IOMMUNEST_RECOVERY_REPLAY &&
	       !sub->suspects;
}

int iommunest__submit_stop(struct submission *sub, enum iommunest_blame blame,
			   int error)
{
	struct iommunest_batch *batch = sub->batch;
	struct iommunest_report *report = sub->report;

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
	const struct iommunest_report *report = sub->report;
	size_t size = report->skipped->size;
	char *to = (char *)report->skipped + report->skipped_count * size;
	struct iommunest_failure failure = failure_of(sub, error);

	memcpy(to, &size, sizeof(size));
	iommunest_copy_out(to, &failure, sizeof(failure));
}

/* `ask` has seen the entry; otherwise only the report can tell of it. */
static int skip(struct submission *sub, int error)
{
	struct iommunest_report *report = sub->report;
	bool room =
		report->skipped && report->skipped_count < report->skipped_max;

	/* Only an entry that is known to be at fault may be given up. */
	if (!is_exact(sub) ||
	    (!room && sub->opts->policy != IOMMUNEST_POLICY_ASK))
		return iommunest__submit_stop(sub, IOMMUNEST_BLAME_ENTRY,
					      error);
	if (room)
		record_skip(sub, error);
	report->skipped_count++;
	sub->batch->cursor++;
	sub->attempt = 0;
	if (iommunest_batch_pending(sub->batch))
		report->resumes++;
	return 0;
}

/* Sends @count "all" entries, named after the entry that failed. */
static int send_all(struct submission *sub, const unsigned char *entries,
		    uint32_t count)
{
	const uint32_t len = sub->batch->type.entry_len;
	uint64_t cookies[ALL_MAX];
	struct submission_call call = {
		.cookies = cookies,
		.count = count,
		.flush_all = true,
	};
	uint32_t sent = 0;
	uint32_t i, done;
	int ret;

	for (i = 0; i < count; i++)
		cookies[i] = sub->batch->cookies[sub->at];
	while (sent < count) {
		if (call.count > count - sent)
			call.count = count - sent;
		call.entries = entries + (size_t)sent * len;
		ret = iommunest__submit_call(sub, call, &done);
		sent += done;
		if (!ret || submission_may_retry(sub, ret))
			continue;
		if (!submission_has_no_memory(sub, ret) || call.count == 1)
			return ret;
		call.count /= 2;
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
		.count = iommunest_batch_pending(batch),
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
	iommunest__submit_stop(sub, IOMMUNEST_BLAME_ENTRY, error);

	if (batch->type.make_all_list)
		ret = send_all_list(sub);
	else if (batch->type.make_all)
		ret = send_one_all(sub);
	else
		ret = -EOPNOTSUPP;
	/* Either way the report says which entry it was, and its error. */
	if (ret)
		return error;
	sub->report->resumes++;
	sub->report->flushed += iommunest_batch_pending(batch);
	batch->cursor = batch->count;
	return 0;
}

/* Without `ask`, the policy is the answer: the numbers are the same. */
static enum iommunest_answer ask(struct submission *sub, int error)
{
	struct iommunest_batch *batch = sub->batch;
	struct iommunest_failure failure;

	if (sub->opts->policy != IOMMUNEST_POLICY_ASK)
		return (enum iommunest_answer)sub->opts->policy;
	sub->attempt++;
	failure = failure_of(sub, error);
	return sub->opts->ask(sub->opts->user, &failure,
			      iommunest_batch_at(batch, sub->at));
}

/*
 * Hardware refused entries, and which are not all known.  What it refuses, it
 * refuses again.
 */
static bool is_one_of_several(const struct submission *sub, int error)
{
	return error == -EIO && sub->suspects &&
	       sub->batch->type.recovery == IOMMUNEST_RECOVERY_EXACT;
}

/*
 * Only the entry at the cursor can be given up, and only if it is known to be
 * at fault.  All before one that failed are sent first; then it goes alone, and
 * it is asked for.
 */
static bool has_to_wait(struct submission *sub, int error)
{
	if ((sub->at == sub->batch->cursor && !is_one_of_several(sub, error)) ||
	    (sub->opts->policy != IOMMUNEST_POLICY_SKIP &&
	     sub->opts->policy != IOMMUNEST_POLICY_ASK))
		return false;
	sub->narrow = true;
	sub->lone = sub->at;
	sub->report->resumes++;
	return true;
}

int iommunest__submit_act(struct submission *sub, int error)
{
	if (has_to_wait(sub, error))
		return 0;
	switch (ask(sub, error)) {
	case IOMMUNEST_ANSWER_STOP:
		return iommunest__submit_stop(sub, IOMMUNEST_BLAME_ENTRY,
					      error);
	case IOMMUNEST_ANSWER_SKIP:
		return skip(sub, error);
	case IOMMUNEST_ANSWER_FLUSH_ALL:
		return flush_all(sub, error);
	case IOMMUNEST_ANSWER_RETRY:
		sub->report->resumes++;
		return 0;
	}
	return iommunest__submit_stop(sub, IOMMUNEST_BLAME_ENTRY, -EINVAL);
}
