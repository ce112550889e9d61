/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * Whether the kernel has the extension of uapi/invalidate.h for an object: an
 * HWPT's driver opts in, and a vIOMMU's has none, so that objects of one
 * context differ.
 */
#ifndef IOMMUNEST_ERROR_REPORT_H
#define IOMMUNEST_ERROR_REPORT_H

#include "lib/context.h"

/* The answer for @id, as far as it is known.  Any thread. */
static inline enum iommunest_extension
iommunest_extension_known(const struct iommunest_ctx *ctx, uint32_t id)
{
	const unsigned int slot = atomic_load_explicit(
		&ctx->reports[id % IOMMUNEST_ANSWERS], memory_order_relaxed);
	/* One bit, if it is of this id. */
	const unsigned int answer = ~slot ^ id << 1;

	if (answer > 1)
		return IOMMUNEST_EXTENSION_UNKNOWN;
	return (enum iommunest_extension)answer;
}

/*
 * Asks the kernel, unless its answer is known.  An answer comes from a call
 * that succeeded.  An error may be that of a wrong id or type; the kernel is
 * asked again the next time.  Any thread.
 */
enum iommunest_extension
iommunest__extension(struct iommunest_ctx *ctx, uint32_t id,
		     const struct iommunest_inv_type *type);

/*
 * A call with the flag failed with -EOPNOTSUPP.  True: because of the flag.  It
 * may be another object that has the id now, which the answer is kept for.
 */
bool iommunest__extension_is_gone(struct iommunest_ctx *ctx, uint32_t id,
				  const struct iommunest_inv_type *type);

/* The object is gone, or is a new one. */
void iommunest__extension_forget(struct iommunest_ctx *ctx, uint32_t id);

/*
 * There was no answer, although a call with entries to @id then succeeded.
 * After a few of these it is a no: each question costs a call.
 */
void iommunest__extension_unanswered(struct iommunest_ctx *ctx, uint32_t id);

#endif /* IOMMUNEST_ERROR_REPORT_H */
