/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * What submission does with an entry that failed: skip, flush all, ask; and
 * with a type that only knows an upper bound of what was done.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/harness/submit-rig.h"
#include "tests/harness/support.h"

#define MAX IOMMUNEST_CALL_MAX

/* ---- Policy: skip ---- */

TEST(skip_records_the_entry_and_continues_after_it)
{
	static const struct script_row rows[] = {
		{ SENDS(0, 6), ANSWERS(-EINVAL, 1) },
		{ SENDS(2, 4), ANSWERS(-EOPNOTSUPP, 2) },
		{ SENDS(5, 1), ANSWERS(0, 1) },
	};
	struct rig rig;

	RIG_START(&rig, rows, 6);
	ck_assert_int_eq(rig_submit_with(&rig, IOMMUNEST_POLICY_SKIP), 2);
	rig_check_report(&rig, (struct iommunest_report){ .skipped_count = 2,
							  .sent = 11,
							  .handled = 4,
							  .calls = 3,
							  .resumes = 2 });
	rig_check_skipped(&rig, 0, 1, -EINVAL, 0);
	rig_check_skipped(&rig, 1, 4, -EOPNOTSUPP, 0);
	rig_finish(&rig);
}

TEST(skip_of_the_last_entry_ends_it)
{
	static const struct script_row rows[] = {
		{ SENDS(0, 2), ANSWERS(-EINVAL, 1) },
	};
	struct rig rig;

	RIG_START(&rig, rows, 2);
	ck_assert_int_eq(rig_submit_with(&rig, IOMMUNEST_POLICY_SKIP), 1);
	rig_check_report(&rig, (struct iommunest_report){ .skipped_count = 1,
							  .sent = 2,
							  .handled = 1,
							  .calls = 1 });
	rig_check_skipped(&rig, 0, 1, -EINVAL, 0);
	rig_finish(&rig);
}

TEST(every_entry_may_be_skipped)
{
	static const struct script_row rows[] = {
		{ SENDS(0, 2), ANSWERS(-EINVAL, 0) },
		{ PROBES, ANSWERS(0, 0) },
		{ SENDS(1, 1), ANSWERS(-EFAULT, 0) },
		{ PROBES, ANSWERS(0, 0) },
	};
	struct rig rig;

	RIG_START(&rig, rows, 2);
	ck_assert_int_eq(rig_submit_with(&rig, IOMMUNEST_POLICY_SKIP), 2);
	ck_assert_uint_eq(rig.report.handled, 0);
	rig_check_skipped(&rig, 0, 0, -EINVAL, 0);
	rig_check_skipped(&rig, 1, 1, -EFAULT, 0);
	rig_finish(&rig);
}

TEST(skip_without_room_stops)
{
	static const struct script_row rows[] = {
		{ SENDS(0, 5), ANSWERS(-EINVAL, 1) },
		{ SENDS(2, 3), ANSWERS(-EFAULT, 1) },
	};
	struct rig rig;

	RIG_START(&rig, rows, 5);
	rig.report.skipped_max = 1;
	rig.skipped[1].index = 0x5a5a;
	ck_assert_int_eq(rig_submit_with(&rig, IOMMUNEST_POLICY_SKIP), -EFAULT);
	rig_check_report(&rig,
			 (struct iommunest_report){ .skipped_count = 1,
						    .sent = 8,
						    .handled = 2,
						    .pending = 2,
						    .calls = 2,
						    .resumes = 1,
						    RIG_BLAMES(3, -EFAULT) });
	rig_check_skipped(&rig, 0, 1, -EINVAL, 0);
	ck_assert_uint_eq(rig.skipped[1].index, 0x5a5a);
	rig_finish(&rig);
}

/* No array, an array of no length, no report. */
TEST_LOOP(skip_with_no_room_at_all_stops, 3)
{
	static const struct script_row rows[] = {
		{ SENDS(0, 5), ANSWERS(-EINVAL, 1) },
	};
	struct rig rig;
	int ret;

	RIG_START(&rig, rows, 5);
	rig.options.policy = IOMMUNEST_POLICY_SKIP;
	if (_i == 0)
		rig.report.skipped = NULL;
	if (_i == 1)
		rig.report.skipped_max = 0;
	ret = iommunest_submit(rig.ctx, SCRIPT_HWPT, rig.batch, &rig.options,
			       _i == 2 ? NULL : &rig.report);
	ck_assert_int_eq(ret, -EINVAL);
	ck_assert_uint_eq(iommunest_batch_cursor(rig.batch), 1);
	rig_finish(&rig);
}

/* ---- Policy: flush all ---- */

TEST(flush_all_replaces_the_entry_and_all_after_it)
{
	static const struct script_row rows[] = {
		{ SENDS(0, 5), ANSWERS(-EINVAL, 2) },
		{ SENDS_INSTEAD(&rig_all), ANSWERS(0, 1) },
	};
	struct rig rig;

	RIG_START(&rig, rows, 5);
	ck_assert_int_eq(rig_submit_with(&rig, IOMMUNEST_POLICY_FLUSH_ALL), 0);
	rig_check_report(&rig,
			 (struct iommunest_report){ .sent = 6,
						    .handled = 2,
						    .flushed = 3,
						    .calls = 2,
						    .resumes = 1,
						    RIG_BLAMES(2, -EINVAL) });
	rig_finish(&rig);
}

static const struct {
	int ret;
	int handled;
} no_flushes[] = {
	{ -EIO, 0 },
	{ -EIO, SCRIPT_UNTOUCHED },
	{ -EIO, 2 },
	/* Success that is none. */
	{ 0, 0 },
	{ 0, 2 },
};

TEST_LOOP(a_flush_all_that_fails_leaves_the_tail_pending, ARRAY_LEN(no_flushes))
{
	struct script_row rows[] = {
		{ SENDS(0, 5), ANSWERS(-EINVAL, 2) },
		{ SENDS_INSTEAD(&rig_all),
		  ANSWERS(no_flushes[_i].ret, no_flushes[_i].handled) },
	};
	static const struct script_row again[] = {
		{ SENDS(2, 3), ANSWERS(0, 3) },
	};
	struct rig rig;

	RIG_START(&rig, rows, 5);
	ck_assert_int_eq(rig_submit_with(&rig, IOMMUNEST_POLICY_FLUSH_ALL),
			 -EINVAL);
	rig_check_report(&rig,
			 (struct iommunest_report){ .sent = 6,
						    .handled = 2,
						    .pending = 3,
						    .calls = 2,
						    RIG_BLAMES(2, -EINVAL) });
	rig_next_script(&rig, again, ARRAY_LEN(again));
	ck_assert_int_eq(rig_submit(&rig), 0);
	rig_finish(&rig);
}

TEST(a_flush_all_that_is_interrupted_is_made_again)
{
	static const struct script_row rows[] = {
		{ SENDS(0, 5), ANSWERS(-EINVAL, 2) },
		{ SENDS_INSTEAD(&rig_all), ANSWERS(-EINTR, 0) },
		{ SENDS_INSTEAD(&rig_all), ANSWERS(-EAGAIN, 0) },
		{ SENDS_INSTEAD(&rig_all), ANSWERS(0, 1) },
	};
	struct rig rig;

	RIG_START(&rig, rows, 5);
	ck_assert_int_eq(rig_submit_with(&rig, IOMMUNEST_POLICY_FLUSH_ALL), 0);
	ck_assert_uint_eq(rig.report.flushed, 3);
	ck_assert_uint_eq(rig.report.calls, 4);
	rig_finish(&rig);
}

TEST(a_flush_all_is_not_interrupted_for_ever)
{
	static const struct script_row rows[] = {
		{ SENDS(0, 5), ANSWERS(-EINVAL, 2) },
		{ SENDS_INSTEAD(&rig_all), ANSWERS(-EINTR, 0) },
		{ SENDS_INSTEAD(&rig_all), ANSWERS(-EINTR, 0) },
	};
	struct rig rig;

	RIG_START(&rig, rows, 5);
	rig.options.max_stalls = 1;
	ck_assert_int_eq(rig_submit_with(&rig, IOMMUNEST_POLICY_FLUSH_ALL),
			 -EINVAL);
	ck_assert_uint_eq(rig.report.pending, 3);
	ck_assert_uint_eq(rig.report.flushed, 0);
	rig_finish(&rig);
}

TEST(a_type_that_has_no_all_stops_instead)
{
	static const struct script_row rows[] = {
		{ SENDS(0, 3), ANSWERS(-EIO, 1) },
	};
	struct iommunest_inv_type type = rig_short_type();
	struct rig rig;

	rig_start(&rig, &type, rows, ARRAY_LEN(rows), 3);
	ck_assert_int_eq(rig_submit_with(&rig, IOMMUNEST_POLICY_FLUSH_ALL),
			 -EIO);
	ck_assert_uint_eq(rig.report.blame, IOMMUNEST_BLAME_ENTRY);
	ck_assert_uint_eq(rig.report.index, 1);
	ck_assert_uint_eq(rig.report.pending, 2);
	ck_assert_uint_eq(rig.report.flushed, 0);
	rig_finish(&rig);
}

static void make_short_all(void *entry)
{
	memcpy(entry, "ALL\0\1", 5);
}

TEST(flush_all_sends_what_the_type_makes)
{
	static const struct script_row rows[] = {
		{ SENDS(0, 3), ANSWERS(-EIO, 1) },
		{ SENDS_INSTEAD("ALL\0\1"), ANSWERS(0, 1) },
	};
	struct iommunest_inv_type type = rig_short_type();
	struct rig rig;

	type.make_all = make_short_all;
	rig_start(&rig, &type, rows, ARRAY_LEN(rows), 3);
	ck_assert_int_eq(rig_submit_with(&rig, IOMMUNEST_POLICY_FLUSH_ALL), 0);
	ck_assert_uint_eq(rig.report.flushed, 2);
	rig_finish(&rig);
}

/* ---- Policy: ask ---- */

#define MAX_ASKED 8u

struct asking {
	struct rig rig;
	/* What to answer, one after the other. */
	int answers[MAX_ASKED];
	/* What was asked. */
	struct iommunest_failure asked[MAX_ASKED];
	uint32_t count;
	/* Change the entry first. */
	bool fixes;
};

static enum iommunest_answer
answer(void *user, const struct iommunest_failure *failure, void *entry)
{
	struct asking *asking = user;

	ck_assert_uint_lt(asking->count, MAX_ASKED);
	ck_assert_uint_eq(failure->size, sizeof(*failure));
	ck_assert_ptr_eq(entry, iommunest_batch_entry(asking->rig.batch,
						      failure->index));
	ck_assert_uint_eq(failure->cookie, rig_cookie(failure->index));
	ck_assert_uint_eq(failure->driver_error, 0);
	if (asking->fixes)
		rig_fix(&asking->rig, failure->index);
	asking->asked[asking->count] = *failure;
	return (enum iommunest_answer)asking->answers[asking->count++];
}

static int submit_asking(struct asking *asking)
{
	asking->rig.options.ask = answer;
	asking->rig.options.user = asking;
	return rig_submit_with(&asking->rig, IOMMUNEST_POLICY_ASK);
}

static void check_asked(const struct asking *asking, uint32_t at,
			uint32_t index, int error, uint32_t attempt)
{
	ck_assert_uint_lt(at, asking->count);
	ck_assert_uint_eq(asking->asked[at].index, index);
	ck_assert_int_eq(asking->asked[at].error, error);
	ck_assert_uint_eq(asking->asked[at].attempt, attempt);
}

TEST(ask_may_stop)
{
	static const struct script_row rows[] = {
		{ SENDS(0, 5), ANSWERS(-EINVAL, 2) },
	};
	struct asking a = { .answers = { IOMMUNEST_ANSWER_STOP } };

	RIG_START(&a.rig, rows, 5);
	ck_assert_int_eq(submit_asking(&a), -EINVAL);
	ck_assert_uint_eq(a.count, 1);
	check_asked(&a, 0, 2, -EINVAL, 1);
	rig_check_report(&a.rig,
			 (struct iommunest_report){ .sent = 5,
						    .handled = 2,
						    .pending = 3,
						    .calls = 1,
						    RIG_BLAMES(2, -EINVAL) });
	rig_finish(&a.rig);
}

TEST(ask_may_fix_and_stop)
{
	static const struct script_row rows[] = {
		{ SENDS(0, 5), ANSWERS(-EINVAL, 2) },
		{ SENDS(2, 3), ANSWERS(0, 3) },
	};
	struct asking a = { .answers = { IOMMUNEST_ANSWER_STOP },
			    .fixes = true };

	RIG_START(&a.rig, rows, 5);
	ck_assert_int_eq(submit_asking(&a), -EINVAL);
	ck_assert_int_eq(submit_asking(&a), 0);
	rig_finish(&a.rig);
}

TEST(ask_may_skip)
{
	static const struct script_row rows[] = {
		{ SENDS(0, 5), ANSWERS(-EINVAL, 2) },
		{ SENDS(3, 2), ANSWERS(-EFAULT, 1) },
	};
	struct asking a = { .answers = { IOMMUNEST_ANSWER_SKIP,
					 IOMMUNEST_ANSWER_SKIP } };

	RIG_START(&a.rig, rows, 5);
	ck_assert_int_eq(submit_asking(&a), 2);
	rig_check_report(&a.rig, (struct iommunest_report){ .skipped_count = 2,
							    .sent = 7,
							    .handled = 3,
							    .calls = 2,
							    .resumes = 1 });
	rig_check_skipped(&a.rig, 0, 2, -EINVAL, 1);
	rig_check_skipped(&a.rig, 1, 4, -EFAULT, 1);
	rig_finish(&a.rig);
}

TEST(ask_may_skip_beyond_the_room_of_the_report)
{
	static const struct script_row rows[] = {
		{ SENDS(0, 5), ANSWERS(-EINVAL, 2) },
		{ SENDS(3, 2), ANSWERS(-EFAULT, 1) },
	};
	struct asking a = { .answers = { IOMMUNEST_ANSWER_SKIP,
					 IOMMUNEST_ANSWER_SKIP } };

	RIG_START(&a.rig, rows, 5);
	a.rig.report.skipped_max = 1;
	a.rig.skipped[1].index = 0x5a5a;
	ck_assert_int_eq(submit_asking(&a), 2);
	ck_assert_uint_eq(a.rig.report.skipped_count, 2);
	check_asked(&a, 1, 4, -EFAULT, 1);
	ck_assert_uint_eq(a.rig.skipped[1].index, 0x5a5a);
	rig_finish(&a.rig);
}

TEST(ask_may_flush_all)
{
	static const struct script_row rows[] = {
		{ SENDS(0, 5), ANSWERS(-EINVAL, 2) },
		{ SENDS(3, 2), ANSWERS(-EFAULT, 0) },
		{ PROBES, ANSWERS(0, 0) },
		{ SENDS_INSTEAD(&rig_all), ANSWERS(0, 1) },
	};
	struct asking a = { .answers = { IOMMUNEST_ANSWER_SKIP,
					 IOMMUNEST_ANSWER_FLUSH_ALL } };

	RIG_START(&a.rig, rows, 5);
	ck_assert_int_eq(submit_asking(&a), 1);
	rig_check_report(&a.rig,
			 (struct iommunest_report){ .skipped_count = 1,
						    .sent = 8,
						    .handled = 2,
						    .flushed = 2,
						    .calls = 4,
						    .resumes = 2,
						    RIG_BLAMES(3, -EFAULT) });
	rig_finish(&a.rig);
}

TEST(ask_may_fix_and_retry)
{
	static const struct script_row rows[] = {
		{ SENDS(0, 5), ANSWERS(-EINVAL, 2) },
		{ SENDS(2, 3), ANSWERS(0, 3) },
	};
	struct asking a = { .answers = { IOMMUNEST_ANSWER_RETRY },
			    .fixes = true };

	RIG_START(&a.rig, rows, 5);
	ck_assert_int_eq(submit_asking(&a), 0);
	rig_check_report(&a.rig, (struct iommunest_report){ .sent = 8,
							    .handled = 5,
							    .calls = 2,
							    .resumes = 1 });
	rig_finish(&a.rig);
}

TEST(attempts_count_retries_of_one_entry_without_a_break)
{
	static const struct script_row rows[] = {
		{ SENDS(0, 5), ANSWERS(-EINVAL, 2) },
		{ SENDS(2, 3), ANSWERS(-EIO, 0) },
		{ PROBES, ANSWERS(0, 0) },
		{ SENDS(2, 3), ANSWERS(-EFAULT, 0) },
		{ PROBES, ANSWERS(0, 0) },
		/* Another entry, by progress and then by a skip. */
		{ SENDS(2, 3), ANSWERS(-EINVAL, 1) },
		{ SENDS(4, 1), ANSWERS(-EINVAL, 0) },
		{ PROBES, ANSWERS(0, 0) },
	};
	struct asking a = {
		.answers = { IOMMUNEST_ANSWER_RETRY, IOMMUNEST_ANSWER_RETRY,
			     IOMMUNEST_ANSWER_RETRY, IOMMUNEST_ANSWER_SKIP,
			     IOMMUNEST_ANSWER_SKIP }
	};

	RIG_START(&a.rig, rows, 5);
	ck_assert_int_eq(submit_asking(&a), 2);
	ck_assert_uint_eq(a.count, 5);
	check_asked(&a, 0, 2, -EINVAL, 1);
	check_asked(&a, 1, 2, -EIO, 2);
	check_asked(&a, 2, 2, -EFAULT, 3);
	check_asked(&a, 3, 3, -EINVAL, 1);
	check_asked(&a, 4, 4, -EINVAL, 1);
	rig_check_skipped(&a.rig, 0, 3, -EINVAL, 1);
	rig_finish(&a.rig);
}

TEST(attempts_start_at_1_with_each_submission)
{
	static const struct script_row rows[] = {
		{ SENDS(0, 1), ANSWERS(-EINVAL, 0) },
		{ PROBES, ANSWERS(0, 0) },
		{ SENDS(0, 1), ANSWERS(-EINVAL, 0) },
		{ PROBES, ANSWERS(0, 0) },
	};
	struct asking a = { .answers = { IOMMUNEST_ANSWER_STOP,
					 IOMMUNEST_ANSWER_STOP } };

	RIG_START(&a.rig, rows, 1);
	ck_assert_int_eq(submit_asking(&a), -EINVAL);
	ck_assert_int_eq(submit_asking(&a), -EINVAL);
	check_asked(&a, 1, 0, -EINVAL, 1);
	rig_finish(&a.rig);
}

static const int no_answers[] = { IOMMUNEST_ANSWER_RETRY + 1, 1000, -1 };

TEST_LOOP(an_unknown_answer_is_einval_and_stops, ARRAY_LEN(no_answers))
{
	static const struct script_row rows[] = {
		{ SENDS(0, 5), ANSWERS(-EIO, 2) },
	};
	struct asking a = { .answers = { no_answers[_i] } };

	RIG_START(&a.rig, rows, 5);
	ck_assert_int_eq(submit_asking(&a), -EINVAL);
	rig_check_report(&a.rig,
			 (struct iommunest_report){ .sent = 5,
						    .handled = 2,
						    .pending = 3,
						    .calls = 1,
						    RIG_BLAMES(2, -EINVAL) });
	rig_finish(&a.rig);
}

/* ---- Types that replay ---- */

static void start_replay(struct rig *rig, const struct script_row *rows,
			 size_t n_rows, uint32_t entries)
{
	struct iommunest_inv_type type = *iommunest_vtd_s1_type();

	type.recovery = IOMMUNEST_RECOVERY_REPLAY;
	rig_start(rig, &type, rows, n_rows, entries);
}

TEST(replay_counts_success_of_all)
{
	static const struct script_row rows[] = {
		{ SENDS(0, 4), ANSWERS(0, 4) },
	};
	struct rig rig;

	start_replay(&rig, rows, ARRAY_LEN(rows), 4);
	ck_assert_int_eq(rig_submit(&rig), 0);
	rig_check_report(&rig, (struct iommunest_report){
				       .sent = 4, .handled = 4, .calls = 1 });
	rig_finish(&rig);
}

TEST(replay_counts_nothing_of_a_call_that_failed)
{
	static const struct script_row rows[] = {
		{ SENDS(0, 4), ANSWERS(-EIO, 3) },
		{ PROBES, ANSWERS(0, 0) },
		{ SENDS(0, 4), ANSWERS(0, 4) },
	};
	struct rig rig;

	start_replay(&rig, rows, ARRAY_LEN(rows), 4);
	ck_assert_int_eq(rig_submit(&rig), -EIO);
	rig_check_report(
		&rig, (struct iommunest_report){ .sent = 4,
						 .pending = 4,
						 .calls = 2,
						 .blame = IOMMUNEST_BLAME_ENTRY,
						 .error = -EIO,
						 .cookie = rig_cookie(0) });
	ck_assert_int_eq(rig_submit(&rig), 0);
	rig_finish(&rig);
}

TEST(replay_sends_all_again_after_an_interruption)
{
	static const struct script_row rows[] = {
		{ SENDS(0, 4), ANSWERS(-EINTR, 2) },
		{ SENDS(0, 4), ANSWERS(0, 4) },
	};
	struct rig rig;

	start_replay(&rig, rows, ARRAY_LEN(rows), 4);
	ck_assert_int_eq(rig_submit(&rig), 0);
	ck_assert_uint_eq(rig.report.handled, 4);
	ck_assert_uint_eq(rig.report.resumes, 1);
	rig_finish(&rig);
}

TEST(replay_interrupted_with_a_count_each_time_is_bounded)
{
	static const struct script_row rows[] = {
		{ SENDS(0, 4), ANSWERS(-EINTR, 2) },
		{ SENDS(0, 4), ANSWERS(-EINTR, 2) },
		{ SENDS(0, 4), ANSWERS(-EINTR, 2) },
	};
	struct rig rig;

	start_replay(&rig, rows, ARRAY_LEN(rows), 4);
	rig.options.max_stalls = 2;
	ck_assert_int_eq(rig_submit(&rig), -EINTR);
	ck_assert_uint_eq(rig.report.pending, 4);
	rig_finish(&rig);
}

/* Which entry failed is not known, so none may be given up. */
TEST_LOOP(replay_skips_nothing, 2)
{
	static const struct script_row rows[] = {
		{ SENDS(0, 4), ANSWERS(-EIO, 2) },
		{ PROBES, ANSWERS(0, 0) },
	};
	struct asking a = { .answers = { IOMMUNEST_ANSWER_SKIP } };
	int ret;

	start_replay(&a.rig, rows, ARRAY_LEN(rows), 4);
	ret = _i ? submit_asking(&a)
		 : rig_submit_with(&a.rig, IOMMUNEST_POLICY_SKIP);
	ck_assert_int_eq(ret, -EIO);
	rig_check_report(&a.rig, (struct iommunest_report){
					 .sent = 4,
					 .pending = 4,
					 .calls = 2,
					 .blame = IOMMUNEST_BLAME_ENTRY,
					 .error = -EIO,
					 .cookie = rig_cookie(0) });
	rig_finish(&a.rig);
}

TEST(replay_may_be_retried_and_flushed)
{
	static const struct script_row rows[] = {
		{ SENDS(0, 4), ANSWERS(-EIO, 2) },
		{ PROBES, ANSWERS(0, 0) },
		{ SENDS(0, 4), ANSWERS(-EIO, 3) },
		{ PROBES, ANSWERS(0, 0) },
		{ SENDS_INSTEAD(&rig_all), ANSWERS(0, 1) },
	};
	struct asking a = { .answers = { IOMMUNEST_ANSWER_RETRY,
					 IOMMUNEST_ANSWER_FLUSH_ALL } };

	start_replay(&a.rig, rows, ARRAY_LEN(rows), 4);
	ck_assert_int_eq(submit_asking(&a), 0);
	check_asked(&a, 0, 0, -EIO, 1);
	check_asked(&a, 1, 0, -EIO, 2);
	rig_check_report(&a.rig, (struct iommunest_report){
					 .sent = 9,
					 .flushed = 4,
					 .calls = 5,
					 .resumes = 2,
					 .blame = IOMMUNEST_BLAME_ENTRY,
					 .error = -EIO,
					 .cookie = rig_cookie(0) });
	rig_finish(&a.rig);
}

TEST(replay_keeps_the_calls_that_succeeded)
{
	static const struct script_row rows[] = {
		{ SENDS(0, MAX), ANSWERS(0, MAX) },
		{ SENDS(MAX, 5), ANSWERS(-EIO, 3) },
		{ PROBES, ANSWERS(0, 0) },
		{ SENDS(MAX, 5), ANSWERS(0, 5) },
	};
	struct rig rig;

	start_replay(&rig, rows, ARRAY_LEN(rows), MAX + 5);
	ck_assert_int_eq(rig_submit(&rig), -EIO);
	ck_assert_uint_eq(rig.report.handled, MAX);
	ck_assert_uint_eq(rig.report.index, MAX);
	ck_assert(!rig.report.exact);
	ck_assert_int_eq(rig_submit(&rig), 0);
	rig_finish(&rig);
}
