/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * Whether the kernel brings the hardware's errors back.  A call with the flag
 * and without entries does nothing, and tells.
 */
#include "lib/uapi/invalidate.h"

#include "lib/abi.h"
#include "lib/context.h"
#include "lib/error-report.h"

static int ask(struct iommunest_ctx *ctx, uint32_t id,
	       const struct iommunest_inv_type *type)
{
	struct iommunest_uapi_invalidate cmd = {
		.size = sizeof(cmd),
		.hwpt_id = id,
		.data_type = type->data_type,
		.entry_len = type->entry_len,
		.flags = IOMMUNEST_INVALIDATE_REPORT_ERROR,
	};

	return iommunest__ioctl(ctx, IOMMU_HWPT_INVALIDATE, &cmd);
}

static enum iommunest_extension answer_of(int ret)
{
	if (ret >= 0)
		return IOMMUNEST_EXTENSION_YES;
	if (ret == -E2BIG || ret == -ENOTTY)
		return IOMMUNEST_EXTENSION_NO;
	return IOMMUNEST_EXTENSION_UNKNOWN;
}

/* Keeps an answer that another thread got meanwhile. */
static enum iommunest_extension keep(struct iommunest_ctx *ctx,
				     enum iommunest_extension answer)
{
	unsigned int known = IOMMUNEST_EXTENSION_UNKNOWN;

	if (!atomic_compare_exchange_strong(&ctx->extension, &known, answer))
		return (enum iommunest_extension)known;
	return answer;
}

/* *@ret is what the kernel said, if it was asked. */
static enum iommunest_extension get(struct iommunest_ctx *ctx, uint32_t id,
				    const struct iommunest_inv_type *type,
				    int *ret)
{
	enum iommunest_extension known = iommunest_extension_known(ctx);

	if (known != IOMMUNEST_EXTENSION_UNKNOWN)
		return known;
	*ret = ask(ctx, id, type);
	return keep(ctx, answer_of(*ret));
}

enum iommunest_extension
iommunest__extension(struct iommunest_ctx *ctx, uint32_t id,
		     const struct iommunest_inv_type *type)
{
	int ret;

	return get(ctx, id, type, &ret);
}

void iommunest__extension_unanswered(struct iommunest_ctx *ctx)
{
	if (atomic_fetch_add(&ctx->unanswered, 1) + 1 >=
	    IOMMUNEST_EXTENSION_TRIES)
		keep(ctx, IOMMUNEST_EXTENSION_NO);
}

EXPORT int iommunest_reports_errors(struct iommunest_ctx *ctx, uint32_t id,
				    const struct iommunest_inv_type *type)
{
	enum iommunest_extension known;
	int ret = 0;

	if (!ctx || !type)
		return -EINVAL;
	known = get(ctx, id, type, &ret);
	if (known == IOMMUNEST_EXTENSION_UNKNOWN)
		return ret;
	return known == IOMMUNEST_EXTENSION_YES;
}
