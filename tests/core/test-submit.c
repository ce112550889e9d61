/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* Submission against a scripted kernel: each rule by a script of its own. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/harness/submit-rig.h"
#include "tests/harness/support.h"

#define MAX_TRACED 32u

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
	rig_check_report(&rig,
			 (struct iommunest_report){ .sent = 5,
						    .handled = 2,
						    .pending = 3,
						    .calls = 1,
						    RIG_BLAMES(2, -EINVAL) });
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

TEST(a_fixed_entry_is_sent_as_it_is_now)
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
	rig_fix(&rig, 2);
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
	rig_check_report(&rig,
			 (struct iommunest_report){ .sent = 2,
						    .pending = 2,
						    .calls = 2,
						    RIG_BLAMES(3, -EINVAL) });
	rig_finish(&rig);
}

TEST(entries_added_after_a_submission_are_sent_alone)
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

TEST(a_failed_call_that_is_not_the_last_flushes_all_after_it)
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
	/* The first cookie of the last "all": no longer there afterwards. */
	uint64_t blamed;
};

static void trace(void *user, const struct iommunest_call *call)
{
	struct tracing *tracing = user;

	ck_assert_uint_lt(tracing->count, MAX_TRACED);
	/* It comes after the ioctl, and each time. */
	ck_assert_uint_eq(tracing->rig.script.next, tracing->count + 1);
	if (call->flush_all) {
		ck_assert_mem_eq(call->entries, &rig_all, sizeof(rig_all));
		tracing->blamed = call->cookies[0];
	}
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
	ck_assert_uint_eq(t.blamed, rig_cookie(1));
	rig_finish(&t.rig);
}

TEST(the_trace_shows_an_impossible_count_as_the_kernel_wrote_it)
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
