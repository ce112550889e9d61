/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * Types whose failed calls do nothing that is known, against a kernel that
 * takes groups, in each meaning that kernels give their count.
 */
#include <errno.h>
#include <string.h>

#include "tests/harness/groups.h"
#include "tests/harness/submit-rig.h"

#define COUNT 100u

static struct groups groups;
static struct iommunest_batch *batch;
static struct iommunest_report report;
static struct iommunest_failure skipped[8];

static void start_as(enum groups_meaning meaning, uint32_t commands,
		     const struct iommunest_inv_type *type)
{
	groups_start(&groups, meaning, commands);
	batch = groups_batch(&groups, type);
	skipped[0].size = sizeof(skipped[0]);
}

static void start(enum groups_meaning meaning, uint32_t commands)
{
	const struct iommunest_inv_type type = groups_type();

	start_as(meaning, commands, &type);
}

static void finish(void)
{
	iommunest_batch_free(batch);
	groups_finish(&groups);
}

static void make_illegal(uint32_t index)
{
	groups_command(batch, index)->illegal = 1;
}

static int submit_with(const struct iommunest_submit_options *options)
{
	report = (struct iommunest_report){
		.size = sizeof(report),
		.skipped = skipped,
		.skipped_max = ARRAY_LEN(skipped),
	};
	return iommunest_submit(groups.ctx, SCRIPT_HWPT, batch, options,
				&report);
}

static int submit(uint32_t policy)
{
	const struct iommunest_submit_options options = {
		.size = sizeof(options),
		.policy = policy,
	};

	return submit_with(&options);
}

static void is_done(uint32_t first, uint32_t end)
{
	uint32_t i;

	for (i = first; i < end; i++)
		ck_assert_msg(groups.done[i], "%u was lost", i);
}

static void blames(uint32_t index, int error)
{
	ck_assert_uint_eq(report.blame, IOMMUNEST_BLAME_ENTRY);
	ck_assert_int_eq(report.error, error);
	ck_assert_uint_eq(report.index, index);
	ck_assert_uint_eq(report.cookie, rig_cookie(index));
	ck_assert_uint_eq(report.last_index, index);
	ck_assert(report.exact);
}

static void blames_the_call(int error, uint32_t pending)
{
	ck_assert_uint_eq(report.blame, IOMMUNEST_BLAME_CALL);
	ck_assert_int_eq(report.error, error);
	ck_assert_uint_eq(report.pending, pending);
	ck_assert_uint_eq(groups.empty_calls, 0);
}

/* ---- One command is illegal ---- */

/* The count of a group's start names nobody, so these go one by one. */
static uint32_t done_before(int meaning, uint32_t bad)
{
	return meaning == GROUPS_COUNTS_GROUPS ? bad : bad - bad % GROUPS_SIZE;
}

TEST_LOOP(an_illegal_command_is_named_and_none_is_lost, GROUPS_MEANINGS)
{
	const uint32_t done = done_before(_i, 70);

	start((enum groups_meaning)_i, COUNT);
	make_illegal(70);
	ck_assert_int_eq(submit(IOMMUNEST_POLICY_STOP), -EIO);
	blames(70, -EIO);
	ck_assert_uint_eq(report.handled, done);
	ck_assert_uint_eq(report.pending, COUNT - done);
	ck_assert_uint_eq(iommunest_batch_cursor(batch), done);
	is_done(0, done);
	ck_assert_uint_eq(groups.done[70], 0);

	/* It is changed where the report says that it is. */
	groups_command(batch, 70)->illegal = 0;
	ck_assert_int_eq(submit(IOMMUNEST_POLICY_STOP), 0);
	ck_assert_uint_eq(report.handled, COUNT - done);
	is_done(0, COUNT);
	finish();
}

TEST_LOOP(the_entry_that_was_named_is_the_one_given_up, GROUPS_MEANINGS)
{
	start((enum groups_meaning)_i, COUNT);
	make_illegal(70);
	make_illegal(75);
	ck_assert_int_eq(submit(IOMMUNEST_POLICY_STOP), -EIO);
	ck_assert_int_eq(iommunest_batch_skip(batch), 0);
	ck_assert_int_eq(submit(IOMMUNEST_POLICY_STOP), -EIO);
	ck_assert_uint_eq(report.cookie, rig_cookie(75));
	ck_assert_uint_eq(groups_command(batch, report.index)->number, 75);
	ck_assert_int_eq(iommunest_batch_skip(batch), 0);
	ck_assert_int_eq(submit(IOMMUNEST_POLICY_STOP), 0);
	is_done(0, 70);
	is_done(71, 75);
	is_done(76, COUNT);
	finish();
}

/* Given up a second time, it is the one at the cursor. */
TEST(after_it_the_next_one_is_given_up)
{
	start(GROUPS_COUNTS_CHECKED, 10);
	make_illegal(4);
	ck_assert_int_eq(submit(IOMMUNEST_POLICY_STOP), -EIO);
	blames(4, -EIO);
	ck_assert_int_eq(iommunest_batch_skip(batch), 0);
	ck_assert_uint_eq(iommunest_batch_cookie(batch, 0), rig_cookie(4));
	ck_assert_uint_eq(iommunest_batch_cookie(batch, 4), rig_cookie(3));
	ck_assert_uint_eq(iommunest_batch_cookie(batch, 5), rig_cookie(5));
	ck_assert_int_eq(iommunest_batch_skip(batch), 0);
	ck_assert_int_eq(submit(IOMMUNEST_POLICY_STOP), 0);
	ck_assert_uint_eq(groups.done[0], 0);
	is_done(1, 4);
	is_done(5, 10);
	finish();
}

/* Nor is one of a batch that was emptied since. */
TEST(after_a_reset_nobody_is_blamed)
{
	struct groups_command command;

	start(GROUPS_COUNTS_CHECKED, 10);
	make_illegal(4);
	ck_assert_int_eq(submit(IOMMUNEST_POLICY_STOP), -EIO);
	command = *groups_command(batch, 7);
	iommunest_batch_reset(batch);
	ck_assert_int_eq(iommunest_batch_add(batch, &command, 1), 0);
	ck_assert_int_eq(iommunest_batch_skip(batch), 0);
	ck_assert_uint_eq(iommunest_batch_cookie(batch, 0), 1);
	ck_assert_uint_eq(groups_command(batch, 0)->number, 7);
	finish();
}

/* An entry, and not the call; of one and of many. */
TEST_LOOP(the_first_command_may_be_illegal, 2 * GROUPS_MEANINGS)
{
	const uint32_t count = _i % 2 ? 1 : COUNT;

	start((enum groups_meaning)(_i / 2), count);
	make_illegal(0);
	ck_assert_int_eq(submit(IOMMUNEST_POLICY_STOP), -EIO);
	blames(0, -EIO);
	ck_assert_uint_eq(report.pending, count);
	ck_assert_uint_eq(groups.empty_calls, 0);
	finish();
}

static const uint32_t several[] = { 0, 5, 62, 63, 70, 99 };

TEST_LOOP(skip_gives_up_just_the_illegal_ones, GROUPS_MEANINGS)
{
	uint32_t i;

	start((enum groups_meaning)_i, COUNT);
	for (i = 0; i < ARRAY_LEN(several); i++)
		make_illegal(several[i]);
	ck_assert_int_eq(submit(IOMMUNEST_POLICY_SKIP), ARRAY_LEN(several));
	for (i = 0; i < ARRAY_LEN(several); i++) {
		ck_assert_uint_eq(skipped[i].index, several[i]);
		ck_assert_uint_eq(skipped[i].last_index, several[i]);
		ck_assert_uint_eq(skipped[i].cookie, rig_cookie(several[i]));
		ck_assert_int_eq(skipped[i].error, -EIO);
		/* So that it is not missed below. */
		groups.done[several[i]]++;
	}
	ck_assert_uint_eq(report.handled, COUNT - ARRAY_LEN(several));
	is_done(0, COUNT);
	finish();
}

static enum iommunest_answer
fix_it(void *user, const struct iommunest_failure *failure, void *entry)
{
	struct groups_command *command = entry;
	uint32_t *asked = user;

	++*asked;
	ck_assert_uint_eq(failure->index, 70);
	ck_assert_uint_eq(failure->attempt, *asked);
	ck_assert_uint_eq(command->number, 70);
	/* All before it are done by now. */
	ck_assert_uint_eq(iommunest_batch_cursor(batch), 70);
	command->illegal = *asked < 3;
	return IOMMUNEST_ANSWER_RETRY;
}

TEST_LOOP(ask_may_fix_the_command, GROUPS_MEANINGS)
{
	uint32_t asked = 0;
	const struct iommunest_submit_options options = {
		.size = sizeof(options),
		.policy = IOMMUNEST_POLICY_ASK,
		.ask = fix_it,
		.user = &asked,
	};

	start((enum groups_meaning)_i, COUNT);
	make_illegal(70);
	ck_assert_int_eq(submit_with(&options), 0);
	ck_assert_uint_eq(asked, 3);
	ck_assert_uint_eq(report.handled, COUNT);
	is_done(0, COUNT);
	finish();
}

/* ---- Scripts of single calls ---- */

static void start_script(struct rig *rig, const struct script_row *rows,
			 size_t n_rows, uint32_t entries)
{
	const struct iommunest_inv_type type = groups_type();

	rig_start(rig, &type, rows, n_rows, entries);
}
#define START_SCRIPT(rig, rows, entries) \
	start_script(rig, rows, ARRAY_LEN(rows), entries)

TEST(the_named_entry_is_sent_alone)
{
	static const struct script_row rows[] = {
		{ SENDS(0, 63), ANSWERS(0, 63) },
		{ SENDS(63, 37), ANSWERS(-EIO, 7) },
		{ SENDS(70, 1), ANSWERS(-EIO, 0) },
	};
	struct rig rig;

	START_SCRIPT(&rig, rows, COUNT);
	ck_assert_int_eq(rig_submit(&rig), -EIO);
	rig_check_report(&rig,
			 (struct iommunest_report){ .sent = 101,
						    .handled = 63,
						    .pending = 37,
						    .calls = 3,
						    RIG_BLAMES(70, -EIO) });
	ck_assert_uint_eq(rig.report.last_index, 70);
	rig_finish(&rig);
}

/* All before it go first, and then it goes alone once more. */
TEST(the_named_entry_is_skipped_in_its_turn)
{
	static const struct script_row rows[] = {
		{ SENDS(0, 3), ANSWERS(-EIO, 1) },
		{ SENDS(1, 1), ANSWERS(-EIO, 0) },
		{ SENDS(0, 1), ANSWERS(0, 1) },
		{ SENDS(1, 1), ANSWERS(-EIO, 0) },
		{ SENDS(2, 1), ANSWERS(0, 1) },
	};
	struct rig rig;

	START_SCRIPT(&rig, rows, 3);
	ck_assert_int_eq(rig_submit_with(&rig, IOMMUNEST_POLICY_SKIP), 1);
	rig_check_report(&rig, (struct iommunest_report){ .skipped_count = 1,
							  .sent = 7,
							  .handled = 2,
							  .calls = 5,
							  .resumes = 2 });
	rig_check_skipped(&rig, 0, 1, -EIO, 0);
	rig_finish(&rig);
}

TEST(where_the_named_one_is_innocent_the_call_goes_one_by_one)
{
	static const struct script_row rows[] = {
		{ SENDS(0, 5), ANSWERS(-EIO, 2) },
		{ SENDS(2, 1), ANSWERS(0, 1) },
		{ SENDS(0, 1), ANSWERS(0, 1) },
		{ SENDS(1, 1), ANSWERS(-EIO, 0) },
	};
	struct rig rig;

	START_SCRIPT(&rig, rows, 5);
	ck_assert_int_eq(rig_submit(&rig), -EIO);
	ck_assert_uint_eq(rig.report.index, 1);
	ck_assert_uint_eq(rig.report.handled, 1);
	ck_assert_uint_eq(rig.report.pending, 4);
	rig_finish(&rig);
}

/* The first one counts as handled, and the next call is a full one again. */
TEST(after_the_call_calls_are_full_again)
{
	struct script_row rows[1 + 63 + 1] = {
		{ SENDS(0, 63), ANSWERS(-EIO, 0) },
	};
	struct rig rig;
	uint32_t i;

	for (i = 0; i < 63; i++)
		rows[1 + i] = (struct script_row){ SENDS(i, 1), ANSWERS(0, 1) };
	rows[64] = (struct script_row){ SENDS(63, 37), ANSWERS(0, 37) };
	START_SCRIPT(&rig, rows, COUNT);
	ck_assert_int_eq(rig_submit(&rig), 0);
	rig_check_report(&rig, (struct iommunest_report){ .sent = 163,
							  .handled = COUNT,
							  .calls = 65,
							  .resumes = 1 });
	rig_finish(&rig);
}

TEST(the_lone_call_may_be_interrupted)
{
	static const struct script_row rows[] = {
		{ SENDS(0, 3), ANSWERS(-EIO, 1) },
		{ SENDS(1, 1), ANSWERS(-EINTR, 0) },
		{ SENDS(1, 1), ANSWERS(-EIO, 0) },
	};
	struct rig rig;

	START_SCRIPT(&rig, rows, 3);
	ck_assert_int_eq(rig_submit(&rig), -EIO);
	ck_assert_uint_eq(rig.report.index, 1);
	ck_assert_uint_eq(rig.report.pending, 3);
	rig_finish(&rig);
}

/* What the lone call fails with; and whether that is the entry's. */
static const struct {
	int error;
	int64_t handled;
	bool of_entry;
	int ret;
} lone[] = {
	{ -EINTR, 0, false, -EINTR },
	{ -ENOMEM, SCRIPT_UNTOUCHED, false, -ENOMEM },
	{ -ENOENT, 0, false, -ENOENT },
	{ -EIO, SCRIPT_UNTOUCHED, false, -EIO },
	{ -ETIMEDOUT, 0, true, -ETIMEDOUT },
	{ 0, 2, false, -EPROTO },
	{ 0, 0, false, -EPROTO },
};

TEST_LOOP(the_lone_call_may_fail, ARRAY_LEN(lone))
{
	const struct script_row rows[] = {
		{ SENDS(0, 3), ANSWERS(-EIO, 1) },
		{ SENDS(1, 1), ANSWERS(lone[_i].error, lone[_i].handled) },
		{ SENDS(1, 1), ANSWERS(lone[_i].error, lone[_i].handled) },
	};
	const bool again = lone[_i].error == -EINTR;
	struct rig rig;

	start_script(&rig, rows, again ? 3 : 2, 3);
	rig.options.max_stalls = 1;
	ck_assert_int_eq(rig_submit(&rig), lone[_i].ret);
	ck_assert_uint_eq(rig.report.blame, lone[_i].of_entry
						    ? IOMMUNEST_BLAME_ENTRY
						    : IOMMUNEST_BLAME_CALL);
	ck_assert_uint_eq(rig.report.index, lone[_i].of_entry ? 1 : 0);
	ck_assert_uint_eq(rig.report.pending, 3);
	rig_finish(&rig);
}

TEST(a_success_of_some_is_impossible)
{
	static const struct script_row rows[] = {
		{ SENDS(0, 3), ANSWERS(0, 2) },
	};
	struct rig rig;

	START_SCRIPT(&rig, rows, 3);
	ck_assert_int_eq(rig_submit(&rig), -EPROTO);
	ck_assert_uint_eq(rig.report.blame, IOMMUNEST_BLAME_CALL);
	ck_assert_uint_eq(rig.report.pending, 3);
	rig_finish(&rig);
}

/* Not even where that is also what the kernel refuses entries with. */
TEST(nor_is_it_a_refusal)
{
	static const struct script_row rows[] = {
		{ SENDS(0, 3), ANSWERS(0, 2) },
	};
	struct iommunest_inv_type type = groups_type();
	struct rig rig;

	type.refused = -EPROTO;
	rig_start(&rig, &type, rows, ARRAY_LEN(rows), 3);
	ck_assert_int_eq(rig_submit(&rig), -EPROTO);
	rig_check_report(
		&rig, (struct iommunest_report){ .sent = 3,
						 .pending = 3,
						 .calls = 1,
						 .blame = IOMMUNEST_BLAME_CALL,
						 .error = -EPROTO });
	rig_finish(&rig);
}

/* ---- Errors that name no entry ---- */

/* Nothing is known to be done, and no empty call is made. */
static const struct {
	int error;
	int64_t handled;
} of_the_call[] = {
	{ -EIO, SCRIPT_UNTOUCHED },
	{ -EFAULT, 0 },
	{ -EINVAL, 0 },
	{ -ENOENT, 0 },
	{ -EOPNOTSUPP, 0 },
	{ -EINVAL, 2 },
	{ -ENOTTY, SCRIPT_UNTOUCHED },
};

TEST_LOOP(other_errors_are_the_calls, 4 * ARRAY_LEN(of_the_call))
{
	const struct script_row rows[] = {
		{ SENDS(0, 3), ANSWERS(of_the_call[_i / 4].error,
				       of_the_call[_i / 4].handled) },
	};
	const int error = of_the_call[_i / 4].error;
	struct rig rig;

	START_SCRIPT(&rig, rows, 3);
	rig.options.ask = rig_must_not_ask;
	ck_assert_int_eq(rig_submit_with(&rig, (enum iommunest_policy)(_i % 4)),
			 error);
	rig_check_report(
		&rig, (struct iommunest_report){ .sent = 3,
						 .pending = 3,
						 .calls = 1,
						 .blame = IOMMUNEST_BLAME_CALL,
						 .error = error });
	rig_finish(&rig);
}

/* The same kernel, where an empty call tells. */
TEST_LOOP(where_it_may_be_asked_an_empty_call_tells, 2)
{
	const struct script_row rows[] = {
		{ SENDS(0, 3), ANSWERS(-EFAULT, 1) },
		{ PROBES, ANSWERS(_i ? -EFAULT : 0, 0) },
	};
	struct iommunest_inv_type type = groups_type();
	struct rig rig;

	type.flags = 0;
	rig_start(&rig, &type, rows, ARRAY_LEN(rows), 3);
	ck_assert_int_eq(rig_submit(&rig), -EFAULT);
	ck_assert_uint_eq(rig.report.blame,
			  _i ? IOMMUNEST_BLAME_CALL : IOMMUNEST_BLAME_ENTRY);
	ck_assert_uint_eq(rig.report.last_index, _i ? 0 : 2);
	ck_assert(!rig.report.exact);
	ck_assert_uint_eq(rig.report.pending, 3);
	rig_finish(&rig);
}

TEST_LOOP(what_is_an_entrys_in_any_case_needs_no_empty_call, 2)
{
	const int error = _i ? -EIO : -ETIMEDOUT;
	const struct script_row rows[] = {
		{ SENDS(0, 1), ANSWERS(error, 0) },
	};
	struct iommunest_inv_type type = groups_type();
	struct rig rig;

	type.flags = 0;
	rig_start(&rig, &type, rows, ARRAY_LEN(rows), 1);
	ck_assert_int_eq(rig_submit(&rig), error);
	ck_assert_uint_eq(rig.report.blame, IOMMUNEST_BLAME_ENTRY);
	ck_assert(rig.report.exact);
	rig_finish(&rig);
}

/* A kernel whose counts are exact, and whose empty call says nothing. */
TEST_LOOP(an_exact_type_that_nobody_can_ask_goes_by_the_errno, 3)
{
	static const int errors[] = { -EIO, -ETIMEDOUT, -EINVAL };
	const struct script_row rows[] = {
		{ SENDS(0, 3), ANSWERS(errors[_i], 0) },
	};
	struct iommunest_inv_type type = groups_type();
	struct rig rig;

	type.recovery = IOMMUNEST_RECOVERY_EXACT;
	rig_start(&rig, &type, rows, ARRAY_LEN(rows), 3);
	ck_assert_int_eq(rig_submit(&rig), errors[_i]);
	ck_assert_uint_eq(rig.report.blame, _i < 2 ? IOMMUNEST_BLAME_ENTRY
						   : IOMMUNEST_BLAME_CALL);
	ck_assert_uint_eq(rig.report.pending, 3);
	rig_finish(&rig);
}

/* Whatever the count says: 2 of 3, or all. */
TEST_LOOP(after_a_timeout_all_of_the_call_is_in_doubt, 2 * 3)
{
	const struct script_row rows[] = {
		{ SENDS(0, 63), ANSWERS(0, 63) },
		{ SENDS(63, 37),
		  ANSWERS(-ETIMEDOUT, _i % 2 ? 36 : SCRIPT_UNTOUCHED) },
	};
	struct rig rig;

	START_SCRIPT(&rig, rows, COUNT);
	ck_assert_int_eq(rig_submit_with(&rig, (enum iommunest_policy)(_i / 2)),
			 -ETIMEDOUT);
	ck_assert_uint_eq(rig.report.blame, IOMMUNEST_BLAME_ENTRY);
	ck_assert_uint_eq(rig.report.index, 63);
	ck_assert_uint_eq(rig.report.last_index, 99);
	ck_assert(!rig.report.exact);
	ck_assert_uint_eq(rig.report.pending, 37);
	ck_assert_uint_eq(rig.report.skipped_count, 0);
	rig_finish(&rig);
}

static enum iommunest_answer
stop_in_doubt(void *user, const struct iommunest_failure *failure, void *entry)
{
	(void)user;
	(void)entry;
	ck_assert_uint_eq(failure->index, 0);
	ck_assert_uint_eq(failure->last_index, 2);
	return IOMMUNEST_ANSWER_STOP;
}

/* Also where nothing is promised, and the call is asked about. */
TEST_LOOP(ask_is_told_what_is_in_doubt, 2)
{
	static const struct script_row rows[] = {
		{ SENDS(0, 3), ANSWERS(-ETIMEDOUT, 1) },
		{ PROBES, ANSWERS(0, 0) },
	};
	struct iommunest_inv_type type = groups_type();
	struct rig rig;

	if (_i) {
		type.recovery = IOMMUNEST_RECOVERY_REPLAY;
		type.flags = 0;
	}
	rig_start(&rig, &type, rows, _i ? 2 : 1, 3);
	rig.options.ask = stop_in_doubt;
	ck_assert_int_eq(rig_submit_with(&rig, IOMMUNEST_POLICY_ASK),
			 -ETIMEDOUT);
	ck_assert_uint_eq(rig.report.index, 0);
	ck_assert_uint_eq(rig.report.last_index, 2);
	ck_assert(!rig.report.exact);
	rig_finish(&rig);
}

/* ---- Memory ---- */

#define HALVED(count)                                               \
	{                                                           \
		SENDS(0, count), ANSWERS(-ENOMEM, SCRIPT_UNTOUCHED) \
	}

/* Of each recovery, and no empty call is made at the end. */
TEST_LOOP(without_memory_calls_are_halved_down_to_one, 3)
{
	static const struct script_row rows[] = {
		HALVED(63), HALVED(31), HALVED(15),
		HALVED(7),  HALVED(3),	HALVED(1),
	};
	struct iommunest_inv_type type = groups_type();
	struct rig rig;

	type.recovery = (uint32_t)_i;
	type.flags = 0;
	rig_start(&rig, &type, rows, ARRAY_LEN(rows), COUNT);
	ck_assert_int_eq(rig_submit_with(&rig, IOMMUNEST_POLICY_SKIP), -ENOMEM);
	rig_check_report(
		&rig, (struct iommunest_report){ .sent = 120,
						 .pending = COUNT,
						 .calls = 6,
						 .resumes = 5,
						 .blame = IOMMUNEST_BLAME_CALL,
						 .error = -ENOMEM });
	rig_finish(&rig);
}

/* A kernel may say 0 instead of all; a group is then not done, either. */
TEST(a_group_without_memory_is_halved_whatever_the_count)
{
	static const struct script_row rows[] = {
		{ SENDS(0, 3), ANSWERS(-ENOMEM, 0) },
		{ SENDS(0, 1), ANSWERS(0, 1) },
		{ SENDS(1, 1), ANSWERS(0, 1) },
		{ SENDS(2, 1), ANSWERS(-ENOMEM, 0) },
	};
	struct rig rig;

	START_SCRIPT(&rig, rows, 3);
	ck_assert_int_eq(rig_submit_with(&rig, IOMMUNEST_POLICY_SKIP), -ENOMEM);
	rig_check_report(
		&rig, (struct iommunest_report){ .sent = 6,
						 .handled = 2,
						 .pending = 1,
						 .calls = 4,
						 .resumes = 1,
						 .blame = IOMMUNEST_BLAME_CALL,
						 .error = -ENOMEM });
	rig_finish(&rig);
}

/* What was one call goes in halves; what follows is a full call again. */
TEST(with_memory_for_less_it_goes_in_smaller_calls)
{
	static const struct script_row rows[] = {
		HALVED(63),
		HALVED(31),
		{ SENDS(0, 15), ANSWERS(0, 15) },
		{ SENDS(15, 15), ANSWERS(0, 15) },
		{ SENDS(30, 15), ANSWERS(0, 15) },
		{ SENDS(45, 15), ANSWERS(0, 15) },
		{ SENDS(60, 15), ANSWERS(0, 15) },
		{ SENDS(75, 25), ANSWERS(0, 25) },
	};
	struct rig rig;

	START_SCRIPT(&rig, rows, COUNT);
	ck_assert_int_eq(rig_submit(&rig), 0);
	ck_assert_uint_eq(rig.report.handled, COUNT);
	rig_finish(&rig);
}

TEST_LOOP(with_little_memory_an_illegal_command_is_still_found,
	  GROUPS_MEANINGS * 4)
{
	static const uint32_t memory[] = { 1, 2, 10, 40 };

	start((enum groups_meaning)(_i / 4), COUNT);
	groups.memory = memory[_i % 4];
	make_illegal(70);
	ck_assert_int_eq(submit(IOMMUNEST_POLICY_SKIP), 1);
	ck_assert_uint_eq(skipped[0].index, 70);
	is_done(0, 70);
	is_done(71, COUNT);
	finish();
}

#define MANY ((1u << 18) + 1)

TEST(more_than_there_is_memory_for_goes_in_calls_of_63)
{
	start(GROUPS_COUNTS_CHECKED, MANY);
	ck_assert_int_eq(submit(IOMMUNEST_POLICY_STOP), 0);
	ck_assert_uint_eq(report.handled, MANY);
	ck_assert_uint_eq(groups.longest, GROUPS_SIZE);
	ck_assert_uint_eq(groups.calls, (MANY + 62) / GROUPS_SIZE);
	is_done(0, MANY);
	finish();
}

/* Of a type that did not say how many a call may have. */
TEST(or_in_halves)
{
	struct iommunest_inv_type type = groups_type();

	type.call_max = 0;
	start_as(GROUPS_COUNTS_CHECKED, MANY, &type);
	ck_assert_int_eq(submit(IOMMUNEST_POLICY_STOP), 0);
	ck_assert_uint_eq(report.handled, MANY);
	ck_assert_uint_eq(groups.longest, MANY);
	ck_assert_uint_eq(groups.calls, 4);
	is_done(0, MANY);
	finish();
}

TEST(a_call_has_the_types_number_of_entries)
{
	struct iommunest_inv_type type = groups_type();

	type.call_max = 7;
	start_as(GROUPS_COUNTS_CHECKED, 50, &type);
	ck_assert_int_eq(submit(IOMMUNEST_POLICY_STOP), 0);
	ck_assert_uint_eq(groups.calls, 8);
	ck_assert_uint_eq(groups.longest, 7);
	finish();
}

/* ---- Each call twice ---- */

static void start_twice(struct rig *rig, uint32_t recovery,
			const struct script_row *rows, size_t n_rows)
{
	struct iommunest_inv_type type = groups_type();

	type.call_max = 2;
	type.recovery = recovery;
	type.flags |= IOMMUNEST_INV_REPEAT;
	rig_start(rig, &type, rows, n_rows, 3);
}
#define START_TWICE(rig, recovery, rows) \
	start_twice(rig, recovery, rows, ARRAY_LEN(rows))

TEST_LOOP(a_repeating_type_makes_each_call_twice, 3)
{
	static const struct script_row rows[] = {
		{ SENDS(0, 2), ANSWERS(0, 2) },
		{ SENDS(0, 2), ANSWERS(0, 2) },
		{ SENDS(2, 1), ANSWERS(0, 1) },
		{ SENDS(2, 1), ANSWERS(0, 1) },
	};
	struct rig rig;

	START_TWICE(&rig, (uint32_t)_i, rows);
	ck_assert_int_eq(rig_submit(&rig), 0);
	rig_check_report(&rig, (struct iommunest_report){
				       .sent = 6, .handled = 3, .calls = 4 });
	rig_finish(&rig);
}

TEST_LOOP(if_the_second_fails_nothing_of_the_call_is_done, 3)
{
	static const struct script_row rows[] = {
		{ SENDS(0, 2), ANSWERS(0, 2) },
		{ SENDS(0, 2), ANSWERS(-ETIMEDOUT, 0) },
	};
	struct rig rig;

	START_TWICE(&rig, (uint32_t)_i, rows);
	ck_assert_int_eq(rig_submit(&rig), -ETIMEDOUT);
	ck_assert_uint_eq(rig.report.handled, 0);
	ck_assert_uint_eq(rig.report.pending, 3);
	ck_assert_uint_eq(rig.report.index, 0);
	ck_assert_uint_eq(rig.report.last_index,
			  _i == IOMMUNEST_RECOVERY_EXACT ? 0 : 1);
	rig_finish(&rig);
}

/* What went once only is not done; it goes twice before the entry is skipped.
 */
TEST(an_exact_count_of_a_repeated_call_only_names)
{
	static const struct script_row rows[] = {
		{ SENDS(0, 2), ANSWERS(-EIO, 1) },
	};
	static const struct script_row more[] = {
		{ SENDS(0, 2), ANSWERS(-EIO, 1) },
		{ SENDS(0, 1), ANSWERS(0, 1) },
		{ SENDS(0, 1), ANSWERS(0, 1) },
		{ SENDS(1, 1), ANSWERS(-EIO, 0) },
		{ SENDS(2, 1), ANSWERS(0, 1) },
		{ SENDS(2, 1), ANSWERS(0, 1) },
	};
	struct rig rig;

	START_TWICE(&rig, IOMMUNEST_RECOVERY_EXACT, rows);
	ck_assert_int_eq(rig_submit(&rig), -EIO);
	ck_assert_uint_eq(rig.report.index, 1);
	ck_assert(rig.report.exact);
	ck_assert_uint_eq(rig.report.pending, 3);
	rig_next_script(&rig, more, ARRAY_LEN(more));
	ck_assert_int_eq(rig_submit_with(&rig, IOMMUNEST_POLICY_SKIP), 1);
	rig_check_skipped(&rig, 0, 1, -EIO, 0);
	rig_finish(&rig);
}

/* A part that was done is sent a second time, and no more than that. */
TEST(a_part_is_repeated_as_a_part)
{
	static const struct script_row rows[] = {
		{ SENDS(0, 2), ANSWERS(0, 1) },
		{ SENDS(0, 1), ANSWERS(-EIO, 0) },
	};
	struct rig rig;

	START_TWICE(&rig, IOMMUNEST_RECOVERY_EXACT, rows);
	ck_assert_int_eq(rig_submit(&rig), -EIO);
	ck_assert_uint_eq(rig.report.index, 0);
	ck_assert_uint_eq(rig.report.pending, 3);
	rig_finish(&rig);
}

/* The first that succeeds each time is no progress. */
TEST(an_interrupted_second_call_is_not_made_for_ever)
{
	static const struct script_row rows[] = {
		{ SENDS(0, 2), ANSWERS(0, 2) },
		{ SENDS(0, 2), ANSWERS(-EINTR, 0) },
		{ SENDS(0, 2), ANSWERS(0, 2) },
		{ SENDS(0, 2), ANSWERS(-EINTR, 0) },
		{ SENDS(0, 2), ANSWERS(0, 2) },
		{ SENDS(0, 2), ANSWERS(-EINTR, 0) },
	};
	struct rig rig;

	START_TWICE(&rig, IOMMUNEST_RECOVERY_GROUP, rows);
	rig.options.max_stalls = 2;
	ck_assert_int_eq(rig_submit(&rig), -EINTR);
	ck_assert_uint_eq(rig.report.pending, 3);
	rig_finish(&rig);
}

TEST(a_lone_entry_is_repeated_too)
{
	static const struct script_row rows[] = {
		{ SENDS(0, 2), ANSWERS(-EIO, 0) },
		{ SENDS(0, 1), ANSWERS(0, 1) },
		{ SENDS(0, 1), ANSWERS(0, 1) },
		{ SENDS(1, 1), ANSWERS(-EIO, 0) },
	};
	struct rig rig;

	START_TWICE(&rig, IOMMUNEST_RECOVERY_GROUP, rows);
	ck_assert_int_eq(rig_submit(&rig), -EIO);
	ck_assert_uint_eq(rig.report.index, 1);
	ck_assert_uint_eq(rig.report.handled, 1);
	rig_finish(&rig);
}

/* ---- All, as a list ---- */

/* What a list is made for, and of. */
static struct list {
	/* Entries of each class. */
	uint32_t count[GROUPS_CLASSES];
	/* What is said instead of a class; 0: nothing. */
	int error[GROUPS_CLASSES];
	/* More than there is room for. */
	bool too_many;
	uint32_t made;
	/* The most that there was room for. */
	uint32_t room;
} list;

static int make_list(const struct iommunest_all *all, void *entries)
{
	struct groups_command *command = entries;
	const struct groups_command *pending = all->entries;
	struct list *from = all->user;
	uint32_t left, i;

	from->made++;
	if (from->room < all->max)
		from->room = all->max;
	ck_assert_uint_eq(all->size, sizeof(*all));
	ck_assert_uint_eq(all->id, SCRIPT_HWPT);
	ck_assert_uint_lt(all->all_class, GROUPS_CLASSES);
	ck_assert_uint_ge(all->max, 1);
	ck_assert_ptr_eq(pending,
			 iommunest_batch_entry(batch,
					       iommunest_batch_cursor(batch)));
	ck_assert_uint_eq(all->count, iommunest_batch_count(batch) -
					      iommunest_batch_cursor(batch));
	if (from->error[all->all_class])
		return from->error[all->all_class];
	left = from->count[all->all_class] - all->first;
	if (left > all->max)
		left = all->max;
	for (i = 0; i < left; i++)
		command[i].number = GROUPS_ALL | all->all_class;
	return (int)(from->too_many ? all->max + 1 : left);
}

static struct iommunest_inv_type list_type(void)
{
	struct iommunest_inv_type type = groups_type();

	type.make_all_list = make_list;
	type.all_classes = GROUPS_CLASSES;
	type.user = &list;
	return type;
}

static void start_list(struct list of)
{
	const struct iommunest_inv_type type = list_type();

	list = of;
	start_as(GROUPS_COUNTS_CHECKED, COUNT, &type);
	make_illegal(70);
}

TEST(a_list_of_all_goes_class_by_class)
{
	start_list((struct list){ .count = { 3, 1, 200 } });
	ck_assert_int_eq(submit(IOMMUNEST_POLICY_FLUSH_ALL), 0);
	blames(70, -EIO);
	ck_assert_uint_eq(report.handled, 63);
	ck_assert_uint_eq(report.flushed, 37);
	ck_assert_uint_eq(report.pending, 0);
	ck_assert_uint_eq(groups.all[0], 3);
	ck_assert_uint_eq(groups.all[1], 1);
	ck_assert_uint_eq(groups.all[2], 200);
	ck_assert(!groups.all_out_of_order);
	ck_assert_uint_eq(groups.longest, GROUPS_SIZE);
	/* Three that fail or are full, one a class, and 200 in four. */
	ck_assert_uint_eq(report.calls, 3 + 1 + 1 + 4);
	finish();
}

/* Not more than 64, whatever a call of the type may have. */
TEST(a_list_is_asked_for_in_parts)
{
	struct iommunest_inv_type type = list_type();

	type.call_max = 0;
	list = (struct list){ .count = { 200, 64, 1 } };
	start_as(GROUPS_COUNTS_CHECKED, 3, &type);
	make_illegal(1);
	ck_assert_int_eq(submit(IOMMUNEST_POLICY_FLUSH_ALL), 0);
	ck_assert_uint_eq(list.room, 64);
	ck_assert_uint_eq(groups.longest, 64);
	ck_assert_uint_eq(groups.all[0], 200);
	ck_assert_uint_eq(groups.all[1], 64);
	ck_assert_uint_eq(groups.all[2], 1);
	finish();
}

/* As many as there is room for is no end; nor is a class without entries. */
TEST(a_class_may_be_empty_or_just_full)
{
	start_list((struct list){ .count = { 0, GROUPS_SIZE, 0 } });
	ck_assert_int_eq(submit(IOMMUNEST_POLICY_FLUSH_ALL), 0);
	ck_assert_uint_eq(report.flushed, 37);
	ck_assert_uint_eq(groups.all[1], GROUPS_SIZE);
	ck_assert_uint_eq(list.made, 4);
	finish();
}

/* In one class or the other, and of a list of nothing. */
static const struct list no_lists[] = {
	{ .count = { 1, 1, 1 }, .error = { -EOPNOTSUPP } },
	{ .count = { 1, 1, 1 }, .error = { 0, 0, -ENOENT } },
	{ .count = { 0, 0, 0 } },
	{ .count = { 1, 1, 1 }, .too_many = true },
	{ .count = { 1, UINT32_MAX, 1 } },
};

TEST_LOOP(a_list_that_cannot_be_made_flushes_nothing, ARRAY_LEN(no_lists))
{
	start_list(no_lists[_i]);
	ck_assert_int_eq(submit(IOMMUNEST_POLICY_FLUSH_ALL), -EIO);
	blames(70, -EIO);
	ck_assert_uint_eq(report.flushed, 0);
	ck_assert_uint_eq(report.pending, 37);
	finish();
}

TEST(a_list_that_fails_leaves_all_pending)
{
	static const struct groups_command all[] = { { GROUPS_ALL, 0, 0 } };
	static const struct groups_command next[] = { { GROUPS_ALL | 1, 0,
							0 } };
	static const struct script_row rows[] = {
		{ SENDS(0, 3), ANSWERS(-ETIMEDOUT, 2) },
		{ SENDS_INSTEAD(all), ANSWERS(-EINTR, 0) },
		{ SENDS_INSTEAD(all), ANSWERS(0, 1) },
		{ SENDS_INSTEAD(next), ANSWERS(-ETIMEDOUT, 0) },
	};
	struct iommunest_inv_type type = list_type();
	struct rig rig;

	list = (struct list){ .count = { 1, 1, 1 } };
	rig_start(&rig, &type, rows, ARRAY_LEN(rows), 3);
	batch = rig.batch;
	ck_assert_int_eq(rig_submit_with(&rig, IOMMUNEST_POLICY_FLUSH_ALL),
			 -ETIMEDOUT);
	ck_assert_uint_eq(rig.report.last_index, 2);
	ck_assert_uint_eq(rig.report.flushed, 0);
	ck_assert_uint_eq(rig.report.pending, 3);
	rig_finish(&rig);
}

TEST(a_list_is_halved_where_there_is_no_memory)
{
	start_list((struct list){ .count = { 9, 1, 64 } });
	groups.memory = 2;
	ck_assert_int_eq(submit(IOMMUNEST_POLICY_FLUSH_ALL), 0);
	ck_assert_uint_eq(groups.all[0], 9);
	ck_assert_uint_eq(groups.all[1], 1);
	ck_assert_uint_eq(groups.all[2], 64);
	ck_assert(!groups.all_out_of_order);
	finish();
}

#define SENDS_ALL(count_) \
	.function = SCRIPT_INVALIDATE, .count = (count_), .entries = five

/* No more of it than there is. */
TEST(the_last_part_of_a_halved_list_may_be_shorter)
{
	static const struct groups_command five[5] = {
		{ GROUPS_ALL, 0, 0 }, { GROUPS_ALL, 0, 0 },
		{ GROUPS_ALL, 0, 0 }, { GROUPS_ALL, 0, 0 },
		{ GROUPS_ALL, 0, 0 },
	};
	static const struct script_row rows[] = {
		{ SENDS(0, 3), ANSWERS(-ETIMEDOUT, 2) },
		{ SENDS_ALL(5), ANSWERS(-ENOMEM, SCRIPT_UNTOUCHED) },
		{ SENDS_ALL(2), ANSWERS(0, 2) },
		{ SENDS_ALL(2), ANSWERS(0, 2) },
		{ SENDS_ALL(1), ANSWERS(0, 1) },
	};
	struct iommunest_inv_type type = list_type();
	struct rig rig;

	list = (struct list){ .count = { 5, 0, 0 } };
	rig_start(&rig, &type, rows, ARRAY_LEN(rows), 3);
	batch = rig.batch;
	ck_assert_int_eq(rig_submit_with(&rig, IOMMUNEST_POLICY_FLUSH_ALL), 0);
	ck_assert_uint_eq(rig.report.flushed, 3);
	rig_finish(&rig);
}

/* Bytes of an entry, and how many of the list there is room for. */
static const struct {
	uint32_t entry_len;
	uint32_t room;
} rooms[] = {
	{ 1, 64 },   { 63, 64 },  { 64, 64 },  { 65, 63 },
	{ 100, 40 }, { 2048, 2 }, { 2049, 1 }, { 4096, 1 },
};

static int fill_room(const struct iommunest_all *all, void *entries)
{
	const uint32_t *row = all->user;

	ck_assert_uint_eq(all->max, rooms[*row].room);
	memset(entries, 0xa5, (size_t)all->max * rooms[*row].entry_len);
	return all->first ? 0 : (int)all->max;
}

/* Of long entries there are fewer. */
TEST_LOOP(a_list_has_room_for_what_is_said, ARRAY_LEN(rooms))
{
	static unsigned char all[64 * 65];
	const uint32_t row = (uint32_t)_i;
	const struct script_row rows[] = {
		{ SENDS(0, 1), ANSWERS(-ETIMEDOUT, 0) },
		{ .function = SCRIPT_INVALIDATE,
		  .count = rooms[_i].room,
		  .entries = all,
		  ANSWERS(0, rooms[_i].room) },
	};
	struct iommunest_inv_type type = groups_type();
	struct rig rig;

	memset(all, 0xa5, sizeof(all));
	type.entry_len = rooms[_i].entry_len;
	type.call_max = 0;
	type.make_all_list = fill_room;
	type.all_classes = 1;
	type.user = (void *)&row;
	rig_start(&rig, &type, rows, ARRAY_LEN(rows), 1);
	ck_assert_int_eq(rig_submit_with(&rig, IOMMUNEST_POLICY_FLUSH_ALL), 0);
	rig_finish(&rig);
}

TEST(without_any_memory_a_list_fails)
{
	static const struct groups_command all[2] = { { GROUPS_ALL, 0, 0 },
						      { GROUPS_ALL, 0, 0 } };
	static const struct script_row rows[] = {
		{ SENDS(0, 3), ANSWERS(-ETIMEDOUT, 2) },
		{ .function = SCRIPT_INVALIDATE,
		  .count = 2,
		  .entries = all,
		  ANSWERS(-ENOMEM, SCRIPT_UNTOUCHED) },
		{ SENDS_INSTEAD(all), ANSWERS(-ENOMEM, SCRIPT_UNTOUCHED) },
	};
	struct iommunest_inv_type type = list_type();
	struct rig rig;

	list = (struct list){ .count = { 2, 1, 1 } };
	rig_start(&rig, &type, rows, ARRAY_LEN(rows), 3);
	batch = rig.batch;
	ck_assert_int_eq(rig_submit_with(&rig, IOMMUNEST_POLICY_FLUSH_ALL),
			 -ETIMEDOUT);
	ck_assert_uint_eq(rig.report.pending, 3);
	rig_finish(&rig);
}

/* ---- Its calls, as they are shown ---- */

static void check_call(void *user, const struct iommunest_call *call)
{
	uint32_t *flushes = user;
	uint32_t i;

	if (!call->flush_all)
		return;
	++*flushes;
	for (i = 0; i < call->count; i++)
		ck_assert_uint_eq(call->cookies[i], rig_cookie(70));
}

TEST(each_all_is_named_after_the_entry_that_failed)
{
	uint32_t flushes = 0;
	const struct iommunest_submit_options options = {
		.size = sizeof(options),
		.policy = IOMMUNEST_POLICY_FLUSH_ALL,
		.trace = check_call,
		.user = &flushes,
	};

	start_list((struct list){ .count = { 3, 1, 2 } });
	ck_assert_int_eq(submit_with(&options), 0);
	ck_assert_uint_eq(flushes, 3);
	finish();
}

/* The call's errors leave all in place, here with a kernel that has none. */
TEST(nothing_is_lost_without_memory)
{
	start(GROUPS_COUNTS_CHECKED, COUNT);
	groups.memory = 0;
	ck_assert_int_eq(submit(IOMMUNEST_POLICY_STOP), -ENOMEM);
	blames_the_call(-ENOMEM, COUNT);
	finish();
}
