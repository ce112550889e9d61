/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* Whether the kernel has the extension of uapi/invalidate.h. */
#ifndef IOMMUNEST_ERROR_REPORT_H
#define IOMMUNEST_ERROR_REPORT_H

#include <libiommunest.h>

/*
 * Asks the kernel, unless it has answered before: once for each context.  An
 * HWPT that does not exist, or is not nested, is no answer.  Any thread.
 */
bool iommunest__has_extension(struct iommunest_ctx *ctx, uint32_t id,
			      const struct iommunest_inv_type *type);

#endif /* IOMMUNEST_ERROR_REPORT_H */
