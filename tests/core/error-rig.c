/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
#include "tests/core/error-rig.h"

struct iommunest_ctx *ctx;
uint32_t nested;
struct iommunest_batch *batch;
struct iommunest_report report;

void add_entries_of(const struct iommunest_inv_type *type)
{
	uint32_t i;

	ck_assert_int_eq(iommunest_batch_new(&batch, type, COUNT), 0);
	for (i = 0; i < COUNT; i++)
		iommunest_vtd_batch_add_range(batch, (uint64_t)(i + 1) << 13, 1,
					      0, i + 100);
	ck_assert_int_eq(iommunest_batch_error(batch, NULL), 0);
}

void add_entries(void)
{
	add_entries_of(iommunest_vtd_s1_type());
}

int submit(uint32_t policy)
{
	const struct iommunest_submit_options options = {
		.size = sizeof(options),
		.policy = policy,
	};

	return iommunest_submit(ctx, nested, batch, &options, &report);
}

int knows(void)
{
	return iommunest_reports_errors(ctx, nested, iommunest_vtd_s1_type());
}
