/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* Which arguments a submission refuses, and what it leaves alone. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/harness/submit-rig.h"
#include "tests/harness/support.h"

/* ---- Arguments ---- */

/* Nothing is sent, and the report says so. */
static void expect_refused(struct rig *rig,
			   const struct iommunest_submit_options *options,
			   int error)
{
	memset(&rig->report, 0xee, sizeof(rig->report));
	rig->report.size = sizeof(rig->report);
	rig->report.skipped = rig->skipped;
	rig->report.skipped_max = RIG_SKIPPED_MAX;
	ck_assert_int_eq(iommunest_submit(rig->ctx, SCRIPT_HWPT, rig->batch,
					  options, &rig->report),
			 error);
	rig_check_report(rig, (struct iommunest_report){ .pending = 3,
							 .error = error });
	ck_assert_ptr_eq(rig->report.skipped, rig->skipped);
	ck_assert_uint_eq(rig->report.skipped_max, RIG_SKIPPED_MAX);
}

TEST(an_unknown_policy_is_einval)
{
	static const uint32_t policies[] = { 4, 5, UINT32_MAX };
	struct rig rig;
	size_t i;

	RIG_START_NO_CALLS(&rig, 3);
	for (i = 0; i < ARRAY_LEN(policies); i++) {
		rig.options.policy = policies[i];
		expect_refused(&rig, &rig.options, -EINVAL);
	}
	rig_finish(&rig);
}

TEST(ask_without_a_function_is_einval)
{
	struct rig rig;

	RIG_START_NO_CALLS(&rig, 3);
	rig.options.policy = IOMMUNEST_POLICY_ASK;
	expect_refused(&rig, &rig.options, -EINVAL);
	rig_finish(&rig);
}

TEST(submit_options_too_short_are_einval)
{
	struct iommunest_submit_options *copy;
	struct rig rig;
	size_t size;

	RIG_START_NO_CALLS(&rig, 3);
	for (size = sizeof(size); size < sizeof(*copy); size++) {
		copy = support_sized(&rig.options, sizeof(*copy), size);
		expect_refused(&rig, copy, -EINVAL);
		free(copy);
	}
	rig_finish(&rig);
}

TEST(longer_submit_options_need_a_zero_tail)
{
	static const struct script_row rows[] = {
		{ SENDS(0, 3), ANSWERS(0, 3) },
	};
	struct iommunest_submit_options *copy;
	struct rig rig;

	RIG_START(&rig, rows, 3);
	copy = support_sized(&rig.options, sizeof(*copy), sizeof(*copy) + 4);
	((unsigned char *)copy)[sizeof(*copy) + 3] = 1;
	expect_refused(&rig, copy, -E2BIG);
	((unsigned char *)copy)[sizeof(*copy) + 3] = 0;
	ck_assert_int_eq(iommunest_submit(rig.ctx, SCRIPT_HWPT, rig.batch, copy,
					  &rig.report),
			 0);
	free(copy);
	rig_finish(&rig);
}

TEST(no_context_or_no_batch_is_einval_with_a_report)
{
	struct rig rig;

	RIG_START_NO_CALLS(&rig, 3);
	memset(&rig.report, 0xee, sizeof(rig.report));
	rig.report.size = sizeof(rig.report);
	ck_assert_int_eq(iommunest_submit(NULL, SCRIPT_HWPT, rig.batch,
					  &rig.options, &rig.report),
			 -EINVAL);
	rig_check_report(&rig, (struct iommunest_report){ .pending = 3,
							  .error = -EINVAL });
	rig.report.pending = 9;
	ck_assert_int_eq(iommunest_submit(rig.ctx, SCRIPT_HWPT, NULL,
					  &rig.options, &rig.report),
			 -EINVAL);
	ck_assert_uint_eq(rig.report.pending, 0);
	ck_assert_int_eq(rig.report.error, -EINVAL);
	rig_finish(&rig);
}

TEST(a_report_too_short_is_einval_and_not_written)
{
	size_t least = SIZE_TO(struct iommunest_report, exact);
	unsigned char *copy, *before;
	struct rig rig;
	size_t size;

	RIG_START_NO_CALLS(&rig, 3);
	for (size = sizeof(size); size < least; size++) {
		copy = support_sized(&rig.report, sizeof(rig.report), size);
		before = support_sized(&rig.report, sizeof(rig.report), size);
		ck_assert_int_eq(iommunest_submit(rig.ctx, SCRIPT_HWPT,
						  rig.batch, &rig.options,
						  (void *)copy),
				 -EINVAL);
		ck_assert_mem_eq(copy, before, size);
		free(copy);
		free(before);
	}
	rig_finish(&rig);
}

TEST(a_report_that_ends_with_its_last_member_will_do)
{
	static const struct script_row rows[] = {
		{ SENDS(0, 3), ANSWERS(-EINVAL, 1) },
	};
	struct iommunest_report *copy;
	struct rig rig;

	RIG_START(&rig, rows, 3);
	copy = support_sized(&rig.report, sizeof(rig.report),
			     SIZE_TO(struct iommunest_report, exact));
	ck_assert_int_eq(iommunest_submit(rig.ctx, SCRIPT_HWPT, rig.batch,
					  &rig.options, copy),
			 -EINVAL);
	ck_assert_uint_eq(copy->size, SIZE_TO(struct iommunest_report, exact));
	ck_assert_uint_eq(copy->index, 1);
	ck_assert(copy->exact);
	free(copy);
	rig_finish(&rig);
}

TEST(a_longer_report_needs_a_zero_tail)
{
	static const struct script_row rows[] = {
		{ SENDS(0, 3), ANSWERS(0, 3) },
	};
	struct iommunest_report *copy;
	unsigned char *tail;
	struct rig rig;

	RIG_START(&rig, rows, 3);
	copy = support_sized(&rig.report, sizeof(*copy), sizeof(*copy) + 8);
	tail = (unsigned char *)(copy + 1);
	copy->sent = 99;
	tail[7] = 1;
	ck_assert_int_eq(iommunest_submit(rig.ctx, SCRIPT_HWPT, rig.batch,
					  &rig.options, copy),
			 -E2BIG);
	ck_assert_uint_eq(copy->sent, 99);
	tail[7] = 0;
	ck_assert_int_eq(iommunest_submit(rig.ctx, SCRIPT_HWPT, rig.batch,
					  &rig.options, copy),
			 0);
	ck_assert_uint_eq(copy->sent, 3);
	ck_assert_uint_eq(copy->size, sizeof(*copy) + 8);
	free(copy);
	rig_finish(&rig);
}
