/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* Whether the kernel has the extension of uapi/invalidate.h. */
#ifndef IOMMUNEST_ERROR_REPORT_H
#define IOMMUNEST_ERROR_REPORT_H

#include "lib/context.h"

/* Its answer, as far as it is known.  Any thread. */
static inline enum iommunest_extension
iommunest_extension_known(const struct iommunest_ctx *ctx)
{
	return (enum iommunest_extension)atomic_load_explicit(
		&ctx->extension, memory_order_relaxed);
}

/*
 * Asks the kernel, unless its answer is known: one for each context.  An error
 * other than those of a kernel without the extension may be that of a wrong id
 * or type, and is no answer; it is asked again the next time.  Any thread.
 */
enum iommunest_extension
iommunest__extension(struct iommunest_ctx *ctx, uint32_t id,
		     const struct iommunest_inv_type *type);

/*
 * There was no answer, although a call with entries to the same object then
 * succeeded.  After a few of these it is a no: each question costs a call.
 */
void iommunest__extension_unanswered(struct iommunest_ctx *ctx);

#endif /* IOMMUNEST_ERROR_REPORT_H */
