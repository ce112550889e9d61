/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * A submission's inside:
 *
 *   submit.c          calls from the cursor on, as long as they succeed
 *   submit-blame.c    one failed: which entry it was, or the call
 *   submit-policy.c   what becomes of that entry
 */
#ifndef IOMMUNEST_SUBMISSION_H
#define IOMMUNEST_SUBMISSION_H

#include "lib/batch.h"
#include "lib/context.h"

/* No entry goes alone. */
#define NO_ENTRY UINT32_MAX

struct submission {
	struct iommunest_ctx *ctx;
	struct iommunest_batch *batch;
	const struct iommunest_submit_options *opts;
	struct iommunest_report *report;
	uint32_t id;
	/* EINTR or EAGAIN without progress, in a row. */
	uint32_t stalls;
	/* The last call's count cannot be. */
	bool lied;
	/* How often `ask` was called for the entry at the cursor. */
	uint32_t attempt;
	/* Whether the kernel reports what hardware finds. */
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

static inline bool iommunest_is_stall(int error)
{
	return error == -EINTR || error == -EAGAIN;
}

/* True where EINTR or EAGAIN may be tried again. */
static inline bool submission_may_retry(struct submission *sub, int error)
{
	if (!iommunest_is_stall(error) || sub->stalls >= sub->opts->max_stalls)
		return false;
	sub->stalls++;
	return true;
}

/*
 * Nothing can be said of any entry: there was no memory for the array.  The
 * count is all, or, of kernels that take groups, 0; there an error says of none
 * that it is done in any case.
 */
static inline bool submission_has_no_memory(const struct submission *sub,
					    int error)
{
	if (error != -ENOMEM)
		return false;
	return sub->reported == sub->called ||
	       sub->batch->type.recovery == IOMMUNEST_RECOVERY_GROUP;
}

/* The kernel handled entries at the cursor. */
static inline void submission_advance(struct submission *sub, uint32_t done)
{
	sub->batch->cursor += done;
	sub->report->handled += done;
	if (done) {
		sub->stalls = 0;
		sub->attempt = 0;
	}
}

/* What one call sends; without entries, it only asks. */
struct submission_call {
	const void *entries;
	const uint64_t *cookies;
	uint32_t count;
	/* These are "all" entries, in place of those that are pending. */
	bool flush_all;
};

static inline struct submission_call
submission_call_of(const struct iommunest_batch *batch, uint32_t first,
		   uint32_t count)
{
	return (struct submission_call){
		.entries = iommunest_batch_at(batch, first),
		.cookies = batch->cookies + first,
		.count = count,
	};
}

/*
 * submit.c: makes a call, and says how many of its entries are done.  Where the
 * type repeats calls, the second one is part of it.
 */
int iommunest__submit_call(struct submission *sub, struct submission_call call,
			   uint32_t *done);

/*
 * submit-blame.c: the last call, of entries from @first on, did not handle all
 * of them.  0: the submission goes on at the cursor.
 */
int iommunest__submit_recover(struct submission *sub, uint32_t first,
			      int error);

/* submit-policy.c: the same of sub->at, the entry that failed. */
int iommunest__submit_act(struct submission *sub, int error);

/* submit-policy.c: the report says what @error applies to; returns it. */
int iommunest__submit_stop(struct submission *sub, enum iommunest_blame blame,
			   int error);

#endif /* IOMMUNEST_SUBMISSION_H */
