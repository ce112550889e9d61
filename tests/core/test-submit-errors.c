/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* What a submission makes of the kernel's errors and counts. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/harness/submit-rig.h"
#include "tests/harness/support.h"

#define LAST_ERRNO EHWPOISON

/* ---- The kernel's errno ---- */

/* EINTR and EAGAIN are tried again. */
static bool is_plain_errno(int error)
{
	return error != EINTR && error != EAGAIN;
}

static void fail_an_entry(int error)
{
	struct script_row row = { SENDS(0, 3), ANSWERS(error, 1) };
	struct rig rig;

	rig_start(&rig, iommunest_vtd_s1_type(), &row, 1, 3);
	ck_assert_int_eq(rig_submit(&rig), error);
	ck_assert_uint_eq(rig.report.blame, IOMMUNEST_BLAME_ENTRY);
	ck_assert_int_eq(rig.report.error, error);
	ck_assert_uint_eq(rig.report.index, 1);
	rig_finish(&rig);
}

static void fail_a_call(int error)
{
	struct script_row rows[] = {
		{ SENDS(0, 3), ANSWERS(error, SCRIPT_UNTOUCHED) },
		{ PROBES, ANSWERS(error, SCRIPT_UNTOUCHED) },
	};
	struct rig rig;

	RIG_START(&rig, rows, 3);
	ck_assert_int_eq(rig_submit(&rig), error);
	rig_check_report(
		&rig, (struct iommunest_report){ .sent = 3,
						 .pending = 3,
						 .calls = 2,
						 .blame = IOMMUNEST_BLAME_CALL,
						 .error = error });
	rig_finish(&rig);
}

TEST(every_errno_passes_unchanged)
{
	int error;

	for (error = 1; error <= LAST_ERRNO; error++) {
		if (!is_plain_errno(error))
			continue;
		fail_an_entry(-error);
		/* With the count left alone, it is sent in smaller calls. */
		if (error != ENOMEM)
			fail_a_call(-error);
	}
}

/* An ioctl may return more than 0; that is no error. */
TEST(a_positive_answer_is_a_success)
{
	static const struct script_row rows[] = {
		{ SENDS(0, 3), ANSWERS(7, 3) },
	};
	struct rig rig;

	RIG_START(&rig, rows, 3);
	ck_assert_int_eq(rig_submit(&rig), 0);
	rig_check_report(&rig, (struct iommunest_report){
				       .sent = 3, .handled = 3, .calls = 1 });
	rig_finish(&rig);
}

/* ---- Whose error it is ---- */

TEST(an_empty_call_that_succeeds_blames_the_entry)
{
	static const struct script_row rows[] = {
		{ SENDS(0, 3), ANSWERS(-EINVAL, 0) },
		{ PROBES, ANSWERS(0, 0) },
	};
	struct rig rig;

	RIG_START(&rig, rows, 3);
	ck_assert_int_eq(rig_submit(&rig), -EINVAL);
	rig_check_report(
		&rig, (struct iommunest_report){ .sent = 3,
						 .pending = 3,
						 .calls = 2,
						 .blame = IOMMUNEST_BLAME_ENTRY,
						 .error = -EINVAL,
						 .cookie = rig_cookie(0),
						 .exact = true });
	rig_finish(&rig);
}

/* With each policy: no entry is at fault, so none is given up or asked for. */
TEST_LOOP(an_empty_call_that_fails_blames_the_call, 4)
{
	static const struct script_row rows[] = {
		{ SENDS(0, 3), ANSWERS(-EINVAL, 0) },
		{ PROBES, ANSWERS(-ENOENT, 0) },
	};
	struct rig rig;

	RIG_START(&rig, rows, 3);
	rig.options.ask = rig_must_not_ask;
	ck_assert_int_eq(rig_submit_with(&rig, (enum iommunest_policy)_i),
			 -EINVAL);
	rig_check_report(
		&rig, (struct iommunest_report){ .sent = 3,
						 .pending = 3,
						 .calls = 2,
						 .blame = IOMMUNEST_BLAME_CALL,
						 .error = -EINVAL });
	rig_finish(&rig);
}

TEST(with_progress_there_is_no_empty_call)
{
	static const struct script_row rows[] = {
		{ SENDS(0, 3), ANSWERS(-EINVAL, 1) },
		{ SENDS(2, 1), ANSWERS(-EINVAL, 0) },
		{ PROBES, ANSWERS(0, 0) },
	};
	struct rig rig;

	RIG_START(&rig, rows, 3);
	ck_assert_int_eq(rig_submit_with(&rig, IOMMUNEST_POLICY_SKIP), 2);
	rig_check_skipped(&rig, 0, 1, -EINVAL, 0);
	rig_check_skipped(&rig, 1, 2, -EINVAL, 0);
	rig_finish(&rig);
}

/* Linux before 6.8, or an unreadable command: nothing is written back. */
TEST(a_count_that_a_failed_call_left_alone_means_nothing_handled)
{
	static const struct script_row rows[] = {
		{ SENDS(0, 3), ANSWERS(-ENOTTY, SCRIPT_UNTOUCHED) },
		{ PROBES, ANSWERS(-ENOTTY, SCRIPT_UNTOUCHED) },
	};
	struct rig rig;

	RIG_START(&rig, rows, 3);
	ck_assert_int_eq(rig_submit_with(&rig, IOMMUNEST_POLICY_SKIP), -ENOTTY);
	rig_check_report(
		&rig, (struct iommunest_report){ .sent = 3,
						 .pending = 3,
						 .calls = 2,
						 .blame = IOMMUNEST_BLAME_CALL,
						 .error = -ENOTTY });
	rig_finish(&rig);
}

TEST(an_untouched_count_of_an_entrys_error_means_nothing_handled)
{
	static const struct script_row rows[] = {
		{ SENDS(0, 3), ANSWERS(-EFAULT, SCRIPT_UNTOUCHED) },
		{ PROBES, ANSWERS(0, 0) },
	};
	struct rig rig;

	RIG_START(&rig, rows, 3);
	ck_assert_int_eq(rig_submit(&rig), -EFAULT);
	ck_assert_uint_eq(rig.report.blame, IOMMUNEST_BLAME_ENTRY);
	ck_assert_uint_eq(rig.report.index, 0);
	ck_assert_uint_eq(rig.report.handled, 0);
	ck_assert_uint_eq(rig.report.pending, 3);
	rig_finish(&rig);
}

TEST(an_empty_call_that_is_interrupted_is_made_again)
{
	static const struct script_row rows[] = {
		{ SENDS(0, 3), ANSWERS(-EINVAL, 0) },
		{ PROBES, ANSWERS(-EINTR, 0) },
		{ PROBES, ANSWERS(-EAGAIN, 0) },
		{ PROBES, ANSWERS(0, 0) },
	};
	struct rig rig;

	RIG_START(&rig, rows, 3);
	ck_assert_int_eq(rig_submit(&rig), -EINVAL);
	ck_assert_uint_eq(rig.report.blame, IOMMUNEST_BLAME_ENTRY);
	ck_assert_uint_eq(rig.report.calls, 4);
	rig_finish(&rig);
}

TEST(an_empty_call_without_end_blames_no_entry)
{
	static const struct script_row rows[] = {
		{ SENDS(0, 3), ANSWERS(-EINVAL, 0) },
		{ PROBES, ANSWERS(-EINTR, 0) },
		{ PROBES, ANSWERS(-EINTR, 0) },
		{ PROBES, ANSWERS(-EINTR, 0) },
	};
	struct rig rig;

	RIG_START(&rig, rows, 3);
	rig.options.max_stalls = 2;
	ck_assert_int_eq(rig_submit_with(&rig, IOMMUNEST_POLICY_SKIP), -EINVAL);
	ck_assert_uint_eq(rig.report.blame, IOMMUNEST_BLAME_CALL);
	ck_assert_uint_eq(rig.report.pending, 3);
	rig_finish(&rig);
}

/* ---- EINTR and EAGAIN ---- */

#define STALLED(first, count)                           \
	{                                               \
		SENDS(first, count), ANSWERS(-EINTR, 0) \
	}
#define BUSY(first, count)                                              \
	{                                                               \
		SENDS(first, count), ANSWERS(-EAGAIN, SCRIPT_UNTOUCHED) \
	}

TEST(an_interrupted_call_goes_on_at_the_cursor)
{
	static const struct script_row rows[] = {
		{ SENDS(0, 5), ANSWERS(-EINTR, 2) },
		{ SENDS(2, 3), ANSWERS(-EAGAIN, 1) },
		{ SENDS(3, 2), ANSWERS(0, 2) },
	};
	struct rig rig;

	RIG_START(&rig, rows, 5);
	rig.options.ask = rig_must_not_ask;
	ck_assert_int_eq(rig_submit_with(&rig, IOMMUNEST_POLICY_ASK), 0);
	rig_check_report(&rig, (struct iommunest_report){ .sent = 10,
							  .handled = 5,
							  .calls = 3,
							  .resumes = 2 });
	rig_finish(&rig);
}

TEST_LOOP(without_progress_it_is_tried_16_times_again_by_default, 2)
{
	struct script_row rows[IOMMUNEST_DEFAULT_STALLS + 1];
	int error = _i ? -EAGAIN : -EINTR;
	struct rig rig;
	size_t i;

	ck_assert_uint_eq(IOMMUNEST_DEFAULT_STALLS, 16);
	for (i = 0; i < ARRAY_LEN(rows); i++)
		rows[i] = (struct script_row){ SENDS(0, 3), ANSWERS(error, 0) };
	RIG_START(&rig, rows, 3);
	ck_assert_int_eq(rig_submit_with(&rig, IOMMUNEST_POLICY_SKIP), error);
	rig_check_report(
		&rig, (struct iommunest_report){ .sent = 17 * 3,
						 .pending = 3,
						 .calls = 17,
						 .resumes = 16,
						 .blame = IOMMUNEST_BLAME_CALL,
						 .error = error });
	rig_finish(&rig);
}

TEST(max_stalls_bounds_both_errors_together)
{
	static const struct script_row rows[] = {
		STALLED(0, 3),
		BUSY(0, 3),
		STALLED(0, 3),
		BUSY(0, 3),
	};
	struct rig rig;

	RIG_START(&rig, rows, 3);
	rig.options.max_stalls = 3;
	ck_assert_int_eq(rig_submit(&rig), -EAGAIN);
	ck_assert_uint_eq(rig.report.pending, 3);
	rig_finish(&rig);
}

TEST(progress_starts_the_count_anew)
{
	static const struct script_row rows[] = {
		STALLED(0, 4),
		STALLED(0, 4),
		{ SENDS(0, 4), ANSWERS(-EINTR, 1) },
		STALLED(1, 3),
		{ SENDS(1, 3), ANSWERS(0, 1) },
		STALLED(2, 2),
		STALLED(2, 2),
		{ SENDS(2, 2), ANSWERS(0, 2) },
	};
	struct rig rig;

	RIG_START(&rig, rows, 4);
	rig.options.max_stalls = 2;
	ck_assert_int_eq(rig_submit(&rig), 0);
	ck_assert_uint_eq(rig.report.resumes, 7);
	rig_finish(&rig);
}

/* Another answer in between, and they are not in a row any more. */
TEST(a_skipped_entry_starts_the_count_anew)
{
	static const struct script_row rows[] = {
		STALLED(0, 3),
		{ SENDS(0, 3), ANSWERS(-EINVAL, 0) },
		{ PROBES, ANSWERS(0, 0) },
		STALLED(1, 2),
		{ SENDS(1, 2), ANSWERS(0, 2) },
	};
	struct rig rig;

	RIG_START(&rig, rows, 3);
	rig.options.max_stalls = 1;
	ck_assert_int_eq(rig_submit_with(&rig, IOMMUNEST_POLICY_SKIP), 1);
	rig_finish(&rig);
}

TEST(an_empty_call_has_a_count_of_its_own)
{
	static const struct script_row rows[] = {
		STALLED(0, 3),
		{ SENDS(0, 3), ANSWERS(-EINVAL, 0) },
		{ PROBES, ANSWERS(-EINTR, 0) },
		{ PROBES, ANSWERS(0, 0) },
	};
	struct rig rig;

	RIG_START(&rig, rows, 3);
	rig.options.max_stalls = 1;
	ck_assert_int_eq(rig_submit(&rig), -EINVAL);
	ck_assert_uint_eq(rig.report.blame, IOMMUNEST_BLAME_ENTRY);
	rig_finish(&rig);
}

TEST(progress_by_one_entry_a_call_is_never_too_often)
{
	struct script_row rows[100];
	struct rig rig;
	uint32_t i;

	for (i = 0; i < 100; i++)
		rows[i] = (struct script_row){ SENDS(i, 100 - i),
					       ANSWERS(-EINTR, 1) };
	rows[99].ret = 0;
	RIG_START(&rig, rows, 100);
	rig.options.max_stalls = 1;
	ck_assert_int_eq(rig_submit(&rig), 0);
	ck_assert_uint_eq(rig.report.handled, 100);
	rig_finish(&rig);
}

TEST(after_too_many_stalls_the_tail_can_be_submitted_again)
{
	static const struct script_row rows[] = {
		{ SENDS(0, 4), ANSWERS(-EINTR, 2) },
		STALLED(2, 2),
		STALLED(2, 2),
		{ SENDS(2, 2), ANSWERS(0, 2) },
	};
	struct rig rig;

	RIG_START(&rig, rows, 4);
	rig.options.max_stalls = 1;
	ck_assert_int_eq(rig_submit(&rig), -EINTR);
	ck_assert_uint_eq(rig.report.handled, 2);
	ck_assert_uint_eq(rig.report.pending, 2);
	ck_assert_int_eq(rig_submit(&rig), 0);
	rig_finish(&rig);
}

/* ---- A kernel that cannot be right ---- */

/* Of 3 entries: the answer, and whether the type is a replaying one. */
static const struct {
	int ret;
	uint32_t handled;
	bool replay;
} impossible[] = {
	{ 0, 4, false },      { 0, UINT32_MAX, false },
	{ 0, 0, false },      { -EINVAL, 4, false },
	{ -EINTR, 4, false }, { -ENOTTY, UINT32_MAX, false },
	{ 0, 4, true },	      { 0, 0, true },
	{ 0, 2, true },	      { -EIO, 4, true },
};

TEST_LOOP(an_impossible_count_is_eproto_and_moves_nothing,
	  ARRAY_LEN(impossible))
{
	struct script_row row = {
		SENDS(0, 3), ANSWERS(impossible[_i].ret, impossible[_i].handled)
	};
	struct iommunest_inv_type type = *iommunest_vtd_s1_type();
	struct rig rig;
	uint32_t policy;

	if (impossible[_i].replay)
		type.recovery = IOMMUNEST_RECOVERY_REPLAY;
	for (policy = IOMMUNEST_POLICY_STOP; policy <= IOMMUNEST_POLICY_ASK;
	     policy++) {
		rig_start(&rig, &type, &row, 1, 3);
		rig.options.ask = rig_must_not_ask;
		ck_assert_int_eq(rig_submit_with(&rig, policy), -EPROTO);
		rig_check_report(&rig, (struct iommunest_report){
					       .sent = 3,
					       .pending = 3,
					       .calls = 1,
					       .blame = IOMMUNEST_BLAME_CALL,
					       .error = -EPROTO });
		rig_finish(&rig);
	}
}

TEST(a_wrong_count_after_progress_moves_nothing_more)
{
	static const struct script_row rows[] = {
		{ SENDS(0, 3), ANSWERS(0, 1) },
		{ SENDS(1, 2), ANSWERS(0, 3) },
	};
	struct rig rig;

	RIG_START(&rig, rows, 3);
	ck_assert_int_eq(rig_submit(&rig), -EPROTO);
	ck_assert_uint_eq(rig.report.handled, 1);
	ck_assert_uint_eq(rig.report.pending, 2);
	rig_finish(&rig);
}

TEST(an_empty_call_that_handled_something_blames_no_entry)
{
	static const struct script_row rows[] = {
		{ SENDS(0, 3), ANSWERS(-EINVAL, 0) },
		{ PROBES, ANSWERS(0, 1) },
	};
	struct rig rig;

	RIG_START(&rig, rows, 3);
	ck_assert_int_lt(rig_submit_with(&rig, IOMMUNEST_POLICY_SKIP), 0);
	ck_assert_uint_eq(rig.report.blame, IOMMUNEST_BLAME_CALL);
	ck_assert_uint_eq(rig.report.pending, 3);
	rig_finish(&rig);
}
