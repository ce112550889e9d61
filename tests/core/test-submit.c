/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Submission against a scripted kernel: each rule by a script of its own. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/harness/submit-rig.h"
#include "tests/harness/support.h"

#define MAX_TRACED 32u
#define LAST_ERRNO EHWPOISON

/* ---- One call ---- */

TEST(an_empty_batch_makes_no_call)
{
	struct rig rig;

	RIG_START_NO_CALLS(&rig, 0);
	ck_assert_int_eq(rig_submit(&rig), 0);
	rig_check_report(&rig, (struct iommunest_report){ 0 });
	rig_finish(&rig);
}

TEST(a_batch_whose_entries_are_done_makes_no_call)
{
	static const struct script_row rows[] = {
		{ SENDS(0, 2), ANSWERS(0, 2) },
	};
	struct rig rig;

	RIG_START(&rig, rows, 2);
	ck_assert_int_eq(rig_submit(&rig), 0);
	ck_assert_int_eq(rig_submit(&rig), 0);
	rig_check_report(&rig, (struct iommunest_report){ 0 });
	rig_finish(&rig);
}

TEST(one_call_carries_all_entries)
{
	static const struct script_row rows[] = {
		{ SENDS(0, 16), ANSWERS(0, 16) },
	};
	struct rig rig;

	RIG_START(&rig, rows, 16);
	ck_assert_int_eq(rig_submit(&rig), 0);
	rig_check_report(&rig, (struct iommunest_report){
				       .sent = 16, .handled = 16, .calls = 1 });
	rig_finish(&rig);
}

TEST(options_and_report_may_be_null)
{
	static const struct script_row rows[] = {
		{ SENDS(0, 3), ANSWERS(-EINVAL, 1) },
		{ SENDS(1, 2), ANSWERS(0, 2) },
	};
	struct rig rig;

	RIG_START(&rig, rows, 3);
	ck_assert_int_eq(iommunest_submit(rig.ctx, SCRIPT_HWPT, rig.batch, NULL,
					  NULL),
			 -EINVAL);
	ck_assert_uint_eq(iommunest_batch_cursor(rig.batch), 1);
	ck_assert_int_eq(iommunest_submit(rig.ctx, SCRIPT_HWPT, rig.batch, NULL,
					  NULL),
			 0);
	rig_finish(&rig);
}

TEST(the_command_has_the_types_number_and_length)
{
	static const struct script_row rows[] = {
		{ SENDS(0, 3), ANSWERS(-EIO, 0) },
		{ PROBES, ANSWERS(0, 0) },
		{ SENDS(1, 2), ANSWERS(0, 2) },
	};
	struct iommunest_inv_type type = rig_short_type();
	struct rig rig;

	rig_start(&rig, &type, rows, ARRAY_LEN(rows), 3);
	/* The batch has a copy of the type. */
	type.data_type = 1;
	type.entry_len = 1;
	ck_assert_int_eq(rig_submit_with(&rig, IOMMUNEST_POLICY_SKIP), 1);
	rig_finish(&rig);
}

/* ---- Resubmission ---- */

TEST(submit_resumes_at_the_reported_index)
{
	static const struct script_row rows[] = {
		{ SENDS(0, 5), ANSWERS(0, 2) },
		{ SENDS(2, 3), ANSWERS(0, 1) },
		{ SENDS(3, 2), ANSWERS(0, 2) },
	};
	struct rig rig;

	RIG_START(&rig, rows, 5);
	ck_assert_int_eq(rig_submit(&rig), 0);
	rig_check_report(&rig, (struct iommunest_report){ .sent = 10,
							  .handled = 5,
							  .calls = 3,
							  .resumes = 2 });
	rig_finish(&rig);
}

TEST(stop_is_the_default_and_leaves_the_tail)
{
	static const struct script_row rows[] = {
		{ SENDS(0, 5), ANSWERS(-EINVAL, 2) },
	};
	struct rig rig;

	RIG_START(&rig, rows, 5);
	ck_assert_int_eq(rig_submit(&rig), -EINVAL);
	rig_check_report(
		&rig, (struct iommunest_report){ .sent = 5,
						 .handled = 2,
						 .pending = 3,
						 .calls = 1,
						 .blame = IOMMUNEST_BLAME_ENTRY,
						 .error = -EINVAL,
						 .index = 2,
						 .cookie = rig_cookie(2),
						 .exact = true });
	rig_finish(&rig);
}

TEST(the_last_entry_may_be_the_one_that_fails)
{
	static const struct script_row rows[] = {
		{ SENDS(0, 5), ANSWERS(-EOPNOTSUPP, 4) },
	};
	struct rig rig;

	RIG_START(&rig, rows, 5);
	ck_assert_int_eq(rig_submit(&rig), -EOPNOTSUPP);
	ck_assert_uint_eq(rig.report.index, 4);
	ck_assert_uint_eq(rig.report.pending, 1);
	rig_finish(&rig);
}

TEST(after_a_stop_the_tail_goes_again_byte_for_byte)
{
	static const struct script_row rows[] = {
		{ SENDS(0, 5), ANSWERS(-EIO, 2) },
	};
	static const struct script_row again[] = {
		{ SENDS(2, 3), ANSWERS(0, 3) },
	};
	struct rig rig;

	RIG_START(&rig, rows, 5);
	ck_assert_int_eq(rig_submit(&rig), -EIO);
	rig_next_script(&rig, again, ARRAY_LEN(again));
	ck_assert_int_eq(rig_submit(&rig), 0);
	rig_check_report(&rig, (struct iommunest_report){
				       .sent = 3, .handled = 3, .calls = 1 });
	rig_finish(&rig);
}

TEST(a_mended_entry_goes_as_it_is_now)
{
	static const struct script_row rows[] = {
		{ SENDS(0, 5), ANSWERS(-EINVAL, 2) },
	};
	static const struct script_row again[] = {
		{ SENDS(2, 3), ANSWERS(0, 3) },
	};
	struct rig rig;

	RIG_START(&rig, rows, 5);
	ck_assert_int_eq(rig_submit(&rig), -EINVAL);
	rig_next_script(&rig, again, ARRAY_LEN(again));
	rig_mend(&rig, 2);
	ck_assert_int_eq(rig_submit(&rig), 0);
	rig_finish(&rig);
}

TEST(an_entry_that_the_caller_skips_is_not_sent)
{
	static const struct script_row rows[] = {
		{ SENDS(0, 5), ANSWERS(-EINVAL, 2) },
	};
	static const struct script_row again[] = {
		{ SENDS(3, 2), ANSWERS(-EINVAL, 0) },
		{ PROBES, ANSWERS(0, 0) },
	};
	struct rig rig;

	RIG_START(&rig, rows, 5);
	ck_assert_int_eq(rig_submit(&rig), -EINVAL);
	ck_assert_int_eq(iommunest_batch_skip(rig.batch), 0);
	rig_next_script(&rig, again, ARRAY_LEN(again));
	ck_assert_int_eq(rig_submit(&rig), -EINVAL);
	rig_check_report(
		&rig, (struct iommunest_report){ .sent = 2,
						 .pending = 2,
						 .calls = 2,
						 .blame = IOMMUNEST_BLAME_ENTRY,
						 .error = -EINVAL,
						 .index = 3,
						 .cookie = rig_cookie(3),
						 .exact = true });
	rig_finish(&rig);
}

TEST(entries_added_behind_the_cursor_go_alone)
{
	static const struct script_row rows[] = {
		{ SENDS(0, 2), ANSWERS(0, 2) },
		{ SENDS_INSTEAD(&rig_all), ANSWERS(0, 1) },
	};
	struct iommunest_batch *batch;
	struct rig rig;

	RIG_START(&rig, rows, 2);
	ck_assert_int_eq(
		iommunest_batch_new(&batch, iommunest_vtd_s1_type(), 3), 0);
	rig_add_entries(batch, 24, 2);
	iommunest_batch_free(rig.batch);
	rig.batch = batch;
	ck_assert_int_eq(rig_submit(&rig), 0);
	ck_assert_int_eq(iommunest_vtd_batch_add_all(batch, 1), 0);
	ck_assert_int_eq(rig_submit(&rig), 0);
	rig_finish(&rig);
}

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
		fail_a_call(-error);
	}
}

/* ---- Whose error it is ---- */

TEST(an_empty_call_that_succeeds_puts_it_down_to_the_entry)
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
TEST_LOOP(an_empty_call_that_fails_puts_it_down_to_the_call, 4)
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
TEST(a_count_that_a_failed_call_left_alone_is_nothing_handled)
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

TEST(an_untouched_count_is_nothing_handled_of_an_entry_too)
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

TEST(an_empty_call_without_end_gives_no_entry_up)
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
} lies[] = {
	{ 0, 4, false },      { 0, UINT32_MAX, false },
	{ 0, 0, false },      { -EINVAL, 4, false },
	{ -EINTR, 4, false }, { -ENOTTY, UINT32_MAX, false },
	{ 0, 4, true },	      { 0, 0, true },
	{ 0, 2, true },	      { -EIO, 4, true },
};

TEST_LOOP(a_count_that_cannot_be_is_eproto_and_moves_nothing, ARRAY_LEN(lies))
{
	struct script_row row = { SENDS(0, 3),
				  ANSWERS(lies[_i].ret, lies[_i].handled) };
	struct iommunest_inv_type type = *iommunest_vtd_s1_type();
	struct rig rig;
	uint32_t policy;

	if (lies[_i].replay)
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

TEST(a_lie_after_progress_moves_nothing_more)
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

TEST(an_empty_call_that_handled_something_gives_no_entry_up)
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

/* ---- Many entries ---- */

#define MAX IOMMUNEST_CALL_MAX
#define MANY (2 * MAX + 5)

TEST(a_call_has_at_most_2_to_the_19_entries)
{
	static const struct script_row rows[] = {
		{ SENDS(0, MAX), ANSWERS(0, MAX) },
		{ SENDS(MAX, MAX), ANSWERS(0, MAX) },
		{ SENDS(2 * MAX, 5), ANSWERS(0, 5) },
	};
	struct rig rig;

	ck_assert_uint_eq(MAX, 524288);
	RIG_START(&rig, rows, MANY);
	ck_assert_int_eq(rig_submit(&rig), 0);
	rig_check_report(&rig, (struct iommunest_report){ .sent = MANY,
							  .handled = MANY,
							  .calls = 3 });
	rig_finish(&rig);
}

TEST(exactly_2_to_the_19_entries_are_one_call)
{
	static const struct script_row rows[] = {
		{ SENDS(0, MAX), ANSWERS(0, MAX) },
	};
	struct rig rig;

	RIG_START(&rig, rows, MAX);
	ck_assert_int_eq(rig_submit(&rig), 0);
	rig_finish(&rig);
}

TEST(one_entry_more_is_another_call)
{
	static const struct script_row rows[] = {
		{ SENDS(0, MAX), ANSWERS(0, MAX) },
		{ SENDS(MAX, 1), ANSWERS(0, 1) },
	};
	struct rig rig;

	RIG_START(&rig, rows, MAX + 1);
	ck_assert_int_eq(rig_submit(&rig), 0);
	rig_finish(&rig);
}

TEST(an_index_in_a_later_call_counts_from_the_batchs_start)
{
	static const struct script_row rows[] = {
		{ SENDS(0, MAX), ANSWERS(0, MAX) },
		{ SENDS(MAX, MAX), ANSWERS(-EINVAL, 7) },
		{ SENDS(MAX + 8, MAX - 3), ANSWERS(0, MAX - 3) },
	};
	struct rig rig;

	RIG_START(&rig, rows, MANY);
	ck_assert_int_eq(rig_submit_with(&rig, IOMMUNEST_POLICY_SKIP), 1);
	rig_check_skipped(&rig, 0, MAX + 7, -EINVAL, 0);
	ck_assert_uint_eq(rig.report.handled, MANY - 1);
	rig_finish(&rig);
}

TEST(a_failed_call_that_is_not_the_last_flushes_all_behind_it)
{
	static const struct script_row rows[] = {
		{ SENDS(0, MAX), ANSWERS(-EINVAL, 3) },
		{ SENDS_INSTEAD(&rig_all), ANSWERS(0, 1) },
	};
	struct rig rig;

	RIG_START(&rig, rows, MANY);
	ck_assert_int_eq(rig_submit_with(&rig, IOMMUNEST_POLICY_FLUSH_ALL), 0);
	ck_assert_uint_eq(rig.report.flushed, MANY - 3);
	rig_finish(&rig);
}

/* ---- The error of an add ---- */

TEST(an_error_that_sticks_is_returned_and_nothing_is_sent)
{
	static const struct script_row rows[] = {
		{ SENDS(0, 2), ANSWERS(0, 2) },
	};
	struct rig rig;

	RIG_START_NO_CALLS(&rig, 2);
	ck_assert_int_eq(iommunest_batch_add(rig.batch, NULL, 77), -EINVAL);
	ck_assert_int_eq(rig_submit_with(&rig, IOMMUNEST_POLICY_SKIP), -EINVAL);
	rig_check_report(
		&rig, (struct iommunest_report){ .pending = 2,
						 .blame = IOMMUNEST_BLAME_BATCH,
						 .error = -EINVAL,
						 .cookie = 77 });
	iommunest_batch_clear_error(rig.batch);
	rig_next_script(&rig, rows, ARRAY_LEN(rows));
	ck_assert_int_eq(rig_submit(&rig), 0);
	rig_finish(&rig);
}

TEST(a_batch_that_was_too_small_is_enospc)
{
	struct rig rig;

	RIG_START_NO_CALLS(&rig, 2);
	ck_assert_int_eq(iommunest_vtd_batch_add_all(rig.batch, 78), -ENOSPC);
	ck_assert_int_eq(iommunest_submit(rig.ctx, SCRIPT_HWPT, rig.batch, NULL,
					  NULL),
			 -ENOSPC);
	ck_assert_int_eq(rig_submit(&rig), -ENOSPC);
	ck_assert_uint_eq(rig.report.cookie, 78);
	ck_assert_uint_eq(rig.report.pending, 2);
	rig_finish(&rig);
}

/* ---- The trace ---- */

struct tracing {
	struct rig rig;
	struct iommunest_call calls[MAX_TRACED];
	uint32_t count;
};

static void trace(void *user, const struct iommunest_call *call)
{
	struct tracing *tracing = user;

	ck_assert_uint_lt(tracing->count, MAX_TRACED);
	/* It comes after the ioctl, and each time. */
	ck_assert_uint_eq(tracing->rig.script.next, tracing->count + 1);
	if (call->flush_all)
		ck_assert_mem_eq(call->entries, &rig_all, sizeof(rig_all));
	tracing->calls[tracing->count++] = *call;
}

/* A call of the batch's own entries from @first on. */
static void check_traced(const struct tracing *t, uint32_t at, uint32_t first,
			 uint32_t count, uint32_t handled, int error)
{
	const struct iommunest_call *call = &t->calls[at];
	uint32_t i;

	ck_assert_uint_lt(at, t->count);
	ck_assert_uint_eq(call->id, SCRIPT_HWPT);
	ck_assert_uint_eq(call->count, count);
	ck_assert_uint_eq(call->handled, handled);
	ck_assert_int_eq(call->error, error);
	if (call->flush_all) {
		ck_assert_uint_eq(count, 1);
		return;
	}
	for (i = 0; i < count; i++)
		ck_assert_uint_eq(call->cookies[i], rig_cookie(first + i));
	if (count)
		ck_assert_ptr_eq(call->entries,
				 iommunest_batch_entry(t->rig.batch, first));
}

TEST(each_ioctl_is_traced_as_it_returned)
{
	static const struct script_row rows[] = {
		{ SENDS(0, 6), ANSWERS(0, 1) },
		{ SENDS(1, 5), ANSWERS(-EINTR, 0) },
		{ SENDS(1, 5), ANSWERS(-EINVAL, SCRIPT_UNTOUCHED) },
		{ PROBES, ANSWERS(0, 0) },
		{ SENDS_INSTEAD(&rig_all), ANSWERS(-EAGAIN, 0) },
		{ SENDS_INSTEAD(&rig_all), ANSWERS(3, 1) },
	};
	struct tracing t = { 0 };
	uint32_t i;

	RIG_START(&t.rig, rows, 6);
	t.rig.options.trace = trace;
	t.rig.options.user = &t;
	ck_assert_int_eq(rig_submit_with(&t.rig, IOMMUNEST_POLICY_FLUSH_ALL),
			 0);
	ck_assert_uint_eq(t.count, ARRAY_LEN(rows));
	check_traced(&t, 0, 0, 6, 1, 0);
	check_traced(&t, 1, 1, 5, 0, -EINTR);
	check_traced(&t, 2, 1, 5, 5, -EINVAL);
	check_traced(&t, 3, 1, 0, 0, 0);
	check_traced(&t, 4, 1, 1, 0, -EAGAIN);
	check_traced(&t, 5, 1, 1, 1, 0);
	for (i = 0; i < t.count; i++)
		ck_assert(t.calls[i].flush_all == (i >= 4));
	ck_assert_uint_eq(t.calls[5].cookies[0], rig_cookie(1));
	rig_finish(&t.rig);
}

TEST(the_trace_shows_what_cannot_be_as_the_kernel_wrote_it)
{
	static const struct script_row rows[] = {
		{ SENDS(0, 6), ANSWERS(0, 0xffffff) },
	};
	struct tracing t = { 0 };

	RIG_START(&t.rig, rows, 6);
	t.rig.options.trace = trace;
	t.rig.options.user = &t;
	ck_assert_int_eq(rig_submit(&t.rig), -EPROTO);
	ck_assert_uint_eq(t.count, 1);
	check_traced(&t, 0, 0, 6, 0xffffff, 0);
	rig_finish(&t.rig);
}

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

TEST(a_policy_that_is_none_is_einval)
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
