/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* iommunest_submit() for the rest of the library. */
#ifndef IOMMUNEST_SUBMIT_H
#define IOMMUNEST_SUBMIT_H

#include <libiommunest.h>

/*
 * With options that are known to be good, max_stalls set.  *@report is zero,
 * apart from the room for skipped entries.
 */
int iommunest__submit(struct iommunest_ctx *ctx, uint32_t id,
		      struct iommunest_batch *batch,
		      const struct iommunest_submit_options *opts,
		      struct iommunest_report *report);

#endif /* IOMMUNEST_SUBMIT_H */
