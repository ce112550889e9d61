/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * Whether an object's driver tells what hardware finds.  A call with the flag
 * and without entries does nothing, and tells.
 */
#include "lib/uapi/invalidate.h"

#include "lib/abi.h"
#include "lib/context.h"
#include "lib/error-report.h"

static int ask(struct iommunest_ctx *ctx, uint32_t id,
	       const struct iommunest_inv_type *type, uint32_t flags)
{
	struct iommunest_uapi_invalidate cmd = {
		.size = sizeof(cmd),
		.hwpt_id = id,
		.data_type = type->data_type,
		.entry_len = type->entry_len,
		.flags = flags,
	};

	return iommunest__ioctl(ctx, IOMMU_HWPT_INVALIDATE, &cmd);
}

static enum iommunest_extension keep(struct iommunest_ctx *ctx, uint32_t id,
				     enum iommunest_extension answer)
{
	/* Ids of the kernel have 31 bits, and the lowest are taken. */
	if (id < INT32_MAX)
		atomic_store_explicit(&ctx->reports[id % IOMMUNEST_ANSWERS],
				      ~(id << 1 | answer),
				      memory_order_relaxed);
	return answer;
}

/*
 * What follows from a call that succeeded.  EOPNOTSUPP is that of a kernel or a
 * driver without the flag if the same call without it succeeds; otherwise id or
 * type may be wrong, and nothing is known.  *@ret is the error then.
 */
static enum iommunest_extension find_out(struct iommunest_ctx *ctx, uint32_t id,
					 const struct iommunest_inv_type *type,
					 int *ret)
{
	/*
	 * For these a kernel may have no call that succeeds and does nothing.
	 * Those that go to a vIOMMU need none: iommufd refuses the flag for
	 * each, and does not ask its driver.
	 */
	if (type->flags & IOMMUNEST_INV_NO_PROBE)
		return keep(ctx, id, IOMMUNEST_EXTENSION_NO);
	*ret = ask(ctx, id, type, IOMMUNEST_INVALIDATE_REPORT_ERROR);
	if (*ret >= 0)
		return keep(ctx, id, IOMMUNEST_EXTENSION_YES);
	if (*ret == -EOPNOTSUPP) {
		*ret = ask(ctx, id, type, 0);
		if (*ret >= 0)
			return keep(ctx, id, IOMMUNEST_EXTENSION_NO);
	}
	/* Another thread may have had an answer meanwhile. */
	return iommunest_extension_known(ctx, id);
}

/* *@ret is what the kernel said, if it was asked. */
static enum iommunest_extension get(struct iommunest_ctx *ctx, uint32_t id,
				    const struct iommunest_inv_type *type,
				    int *ret)
{
	enum iommunest_extension known = iommunest_extension_known(ctx, id);

	if (known != IOMMUNEST_EXTENSION_UNKNOWN)
		return known;
	return find_out(ctx, id, type, ret);
}

enum iommunest_extension
iommunest__extension(struct iommunest_ctx *ctx, uint32_t id,
		     const struct iommunest_inv_type *type)
{
	int ret;

	return get(ctx, id, type, &ret);
}

bool iommunest__extension_is_gone(struct iommunest_ctx *ctx, uint32_t id,
				  const struct iommunest_inv_type *type)
{
	int ret;

	return find_out(ctx, id, type, &ret) == IOMMUNEST_EXTENSION_NO;
}

void iommunest__extension_forget(struct iommunest_ctx *ctx, uint32_t id)
{
	atomic_uint *slot = &ctx->reports[id % IOMMUNEST_ANSWERS];
	unsigned int known = atomic_load_explicit(slot, memory_order_relaxed);
	/* An id of another slot. */
	const unsigned int nobody = id % IOMMUNEST_ANSWERS ? UINT32_MAX : 0;

	/* Its slot may be another object's. */
	if (~known >> 1 == id)
		atomic_compare_exchange_strong(slot, &known, nobody);
}

void iommunest__extension_unanswered(struct iommunest_ctx *ctx, uint32_t id)
{
	if (atomic_fetch_add(&ctx->unanswered, 1) + 1 >=
	    IOMMUNEST_EXTENSION_TRIES)
		keep(ctx, id, IOMMUNEST_EXTENSION_NO);
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
