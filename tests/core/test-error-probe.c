/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * How the library finds out whether an object's driver reports what hardware
 * finds, and what a report of a kernel may hold.
 */
#include <errno.h>
#include <string.h>

#include "tests/core/error-rig.h"
#include "tests/harness/script.h"

#define UNTOUCHED UINT32_MAX

static struct {
	/* With the flag; what is answered, and without it. */
	unsigned int questions;
	int answer;
	int plain;
	/* What happens while it is asked. */
	void (*meanwhile)(void);
	/* An id that has another answer. */
	uint32_t other;
	int others_answer;
	/* What calls with entries answer, and write back. */
	int ret;
	uint32_t count;
	uint32_t code;
	uint32_t last;
	/* These, and how many of them had the flag. */
	unsigned int calls;
	unsigned int flagged;
} kernel;

/* Words of the command. */
enum { SIZE = 0, ID = 1, ENTRY_NUM = 6, FLAGS = 7, CODE = 8, LAST = 9 };

static int answer_question(const uint32_t *words)
{
	const bool is_other = kernel.other && words[ID] == kernel.other;

	if (!words[FLAGS])
		return kernel.plain;
	kernel.questions++;
	if (kernel.meanwhile)
		kernel.meanwhile();
	return is_other ? kernel.others_answer : kernel.answer;
}

static int answer_call(uint32_t *words)
{
	const int answer = kernel.other && words[ID] == kernel.other
				   ? kernel.others_answer
				   : kernel.answer;

	kernel.calls++;
	kernel.flagged += words[FLAGS];
	if (words[FLAGS] && answer == -EOPNOTSUPP) {
		words[ENTRY_NUM] = 0;
		return answer;
	}
	if (words[SIZE] == SCRIPT_LONG_INVALIDATE) {
		words[CODE] = kernel.code;
		words[LAST] = kernel.last;
	}
	if (kernel.count != UNTOUCHED)
		words[ENTRY_NUM] = kernel.count;
	return kernel.ret;
}

static int counting_ioctl(void *data, int fd, unsigned long request, void *arg)
{
	uint32_t *words = arg;

	(void)data;
	(void)fd;
	if (request != SCRIPT_HWPT_INVALIDATE)
		return 0;
	if (words[SIZE] == SCRIPT_LONG_INVALIDATE && words[ENTRY_NUM] == 0)
		return answer_question(words);
	return answer_call(words);
}

static void open_on_answer(int answer)
{
	struct iommunest_sys sys = script_sys;
	struct iommunest_open_options options = {
		.size = sizeof(options),
		.sys = &sys,
	};

	sys.ioctl = counting_ioctl;
	memset(&kernel, 0, sizeof(kernel));
	kernel.answer = answer;
	kernel.count = UNTOUCHED;
	nested = 7;
	ck_assert_int_eq(iommunest_open_fd(&ctx, 3, &options), 0);
	report = (struct iommunest_report){ .size = sizeof(report) };
}

static void submit_one(void)
{
	iommunest_batch_reset(batch);
	iommunest_vtd_batch_add_all(batch, 1);
	ck_assert_int_eq(submit(IOMMUNEST_POLICY_STOP), 0);
	/* It is no call of the submission's. */
	ck_assert_uint_eq(report.calls, 1);
}

TEST_LOOP(the_kernel_is_asked_once, 2)
{
	static const int answers[] = { 0, -EOPNOTSUPP };
	unsigned int i;

	open_on_answer(answers[_i]);
	add_entries();
	for (i = 0; i < 20; i++)
		submit_one();
	ck_assert_uint_eq(kernel.questions, 1);
	ck_assert_int_eq(knows(), answers[_i] == 0);
	ck_assert_uint_eq(kernel.questions, 1);
	iommunest_batch_free(batch);
	iommunest_close(ctx);
}

/* Neither with the flag nor without it; only what succeeds is an answer. */
static const struct {
	int answer;
	int plain;
	int error;
} unanswered[] = {
	{ -ENOENT, 0, -ENOENT },
	{ -EINVAL, 0, -EINVAL },
	{ -E2BIG, 0, -E2BIG },
	{ -ENOTTY, 0, -ENOTTY },
	{ -EPERM, 0, -EPERM },
	{ -EOPNOTSUPP, -ENOENT, -ENOENT },
	{ -EOPNOTSUPP, -EINVAL, -EINVAL },
	{ -EOPNOTSUPP, -EOPNOTSUPP, -EOPNOTSUPP },
	{ -EOPNOTSUPP, -EINTR, -EINTR },
};

TEST_LOOP(a_call_that_fails_is_no_answer, ARRAY_LEN(unanswered))
{
	open_on_answer(unanswered[_i].answer);
	kernel.plain = unanswered[_i].plain;
	ck_assert_int_eq(knows(), unanswered[_i].error);
	ck_assert_int_eq(knows(), unanswered[_i].error);
	ck_assert_uint_eq(kernel.questions, 2);
	kernel.answer = 0;
	ck_assert_int_eq(knows(), 1);
	ck_assert_uint_eq(kernel.questions, 3);
	iommunest_close(ctx);
}

static void tear_down_answers(void)
{
	iommunest_batch_free(batch);
	iommunest_close(ctx);
}

/* With calls that succeed, so that the question was about the right HWPT. */
TEST(asking_has_an_end)
{
	unsigned int i;

	open_on_answer(-EPERM);
	add_entries();
	for (i = 1; i <= 40; i++) {
		submit_one();
		ck_assert_uint_eq(kernel.questions, i < 8 ? i : 8);
	}
	ck_assert_int_eq(knows(), 0);
	ck_assert_uint_eq(kernel.questions, 8);
	tear_down_answers();
}

/* What fails as the question does says nothing of the kernel. */
TEST(asking_has_no_end_before_a_call_has_succeeded)
{
	unsigned int i;

	open_on_answer(-ENOENT);
	add_entries();
	kernel.ret = -ENOENT;
	for (i = 0; i < 40; i++) {
		ck_assert_int_eq(submit(IOMMUNEST_POLICY_STOP), -ENOENT);
		ck_assert_int_eq(knows(), -ENOENT);
	}
	ck_assert_uint_eq(kernel.questions, 80);
	kernel.answer = 0;
	kernel.ret = 0;
	submit_one();
	ck_assert_int_eq(knows(), 1);
	ck_assert_uint_eq(kernel.questions, 81);
	tear_down_answers();
}

/* ---- Objects of one context differ ---- */

#define OTHER 8u

static void submit_to(uint32_t id, bool flagged)
{
	const unsigned int before = kernel.flagged;

	nested = id;
	submit_one();
	ck_assert_uint_eq(kernel.flagged - before, flagged);
}

/* Whichever is asked first: another driver's HWPT, or a vIOMMU. */
TEST_LOOP(each_object_is_asked_for_and_once, 4)
{
	static const uint32_t ids[] = { OTHER, OTHER, 7 + 2048, 7 + 4096 };
	const bool first = _i % 2;
	unsigned int i;

	open_on_answer(first ? -EOPNOTSUPP : 0);
	kernel.other = ids[_i];
	kernel.others_answer = first ? 0 : -EOPNOTSUPP;
	add_entries();
	for (i = 0; i < 3; i++) {
		submit_to(7, !first);
		submit_to(kernel.other, first);
	}
	/* Those that share a slot are asked for in turn. */
	ck_assert_uint_eq(kernel.questions, _i < 2 ? 2 : 6);
	ck_assert_uint_eq(kernel.calls, 6);
	tear_down_answers();
}

/* Ids that no object has are not taken for what is not known yet. */
TEST_LOOP(an_id_that_nobody_has_is_asked_for, 3)
{
	static const uint32_t ids[] = { 0, INT32_MAX, UINT32_MAX };

	open_on_answer(-ENOENT);
	nested = ids[_i];
	ck_assert_int_eq(knows(), -ENOENT);
	/* Nor after the last one of its slot. */
	nested = kernel.other = ids[_i] % 2048 + 2048;
	ck_assert_int_eq(knows(), 1);
	ck_assert_int_eq(iommunest_object_destroy(ctx, nested), 0);
	nested = ids[_i];
	ck_assert_int_eq(knows(), -ENOENT);
	ck_assert_uint_eq(kernel.questions, 3);
	iommunest_close(ctx);
}

/* By somebody who did not destroy the one before through this library. */
TEST(an_id_that_is_another_objects_now_loses_the_flag)
{
	open_on_answer(0);
	add_entries();
	submit_to(7, true);
	kernel.answer = -EOPNOTSUPP;
	iommunest_batch_reset(batch);
	iommunest_vtd_batch_add_all(batch, 1);
	ck_assert_int_eq(submit(IOMMUNEST_POLICY_STOP), 0);
	ck_assert_uint_eq(report.handled, 1);
	ck_assert_uint_eq(report.calls, 2);
	ck_assert_uint_eq(report.resumes, 1);
	ck_assert_uint_eq(kernel.flagged, 2);
	ck_assert_int_eq(knows(), 0);
	submit_to(7, false);
	tear_down_answers();
}

/* Which has the same errno where its flags are wrong. */
TEST(an_entry_that_is_refused_keeps_the_flag)
{
	open_on_answer(0);
	add_entries();
	kernel.ret = -EOPNOTSUPP;
	kernel.count = 0;
	ck_assert_int_eq(submit(IOMMUNEST_POLICY_STOP), -EOPNOTSUPP);
	ck_assert_uint_eq(report.blame, IOMMUNEST_BLAME_ENTRY);
	ck_assert_uint_eq(report.index, 0);
	kernel.ret = 0;
	kernel.count = UNTOUCHED;
	submit_to(7, true);
	tear_down_answers();
}

TEST(an_id_is_forgotten_with_its_object)
{
	open_on_answer(0);
	add_entries();
	submit_to(7, true);
	submit_to(OTHER, true);
	ck_assert_int_eq(iommunest_object_destroy(ctx, 7), 0);
	kernel.answer = -EOPNOTSUPP;
	kernel.other = OTHER;
	submit_to(7, false);
	submit_to(OTHER, true);
	ck_assert_uint_eq(kernel.questions, 3);
	tear_down_answers();
}

/* An empty call says nothing there, so nobody asks. */
TEST(a_type_without_empty_calls_has_no_flag)
{
	struct iommunest_inv_type type = *iommunest_vtd_s1_type();

	type.flags |= IOMMUNEST_INV_NO_PROBE;
	open_on_answer(0);
	add_entries_of(&type);
	ck_assert_int_eq(submit(IOMMUNEST_POLICY_STOP), 0);
	ck_assert_int_eq(iommunest_reports_errors(ctx, nested, &type), 0);
	ck_assert_uint_eq(kernel.questions, 0);
	ck_assert_uint_eq(kernel.flagged, 0);
	tear_down_answers();
}

TEST(an_empty_batch_asks_nothing)
{
	open_on_answer(0);
	add_entries();
	iommunest_batch_reset(batch);
	ck_assert_int_eq(submit(IOMMUNEST_POLICY_STOP), 0);
	submit_one();
	ck_assert_uint_eq(kernel.questions, 1);
	/* Nor does one whose entries are done. */
	ck_assert_int_eq(submit(IOMMUNEST_POLICY_STOP), 0);
	ck_assert_uint_eq(report.calls, 0);
	tear_down_answers();
	open_on_answer(0);
	add_entries();
	iommunest_batch_reset(batch);
	ck_assert_int_eq(submit(IOMMUNEST_POLICY_STOP), 0);
	ck_assert_uint_eq(kernel.questions, 0);
	tear_down_answers();
}

/* As another thread would, with a better HWPT. */
static void get_an_answer(void)
{
	kernel.meanwhile = NULL;
	kernel.answer = 0;
	ck_assert_int_eq(knows(), 1);
	kernel.answer = -ENOENT;
}

TEST(no_answer_does_not_undo_an_answer)
{
	open_on_answer(-ENOENT);
	kernel.meanwhile = get_an_answer;
	ck_assert_int_eq(knows(), 1);
	ck_assert_uint_eq(kernel.questions, 2);
	ck_assert_int_eq(knows(), 1);
	ck_assert_uint_eq(kernel.questions, 2);
	iommunest_close(ctx);
}

TEST(null_is_einval_without_a_call)
{
	open_on_answer(0);
	ck_assert_int_eq(iommunest_reports_errors(NULL, 1,
						  iommunest_vtd_s1_type()),
			 -EINVAL);
	ck_assert_int_eq(iommunest_reports_errors(ctx, 1, NULL), -EINVAL);
	ck_assert_uint_eq(kernel.questions, 0);
	iommunest_close(ctx);
}

/* ---- What a kernel writes beside its count ---- */

/*
 * Of 40 entries: the count, the last index, and which of them a report names.
 * Where nothing is handled, an empty call is made; its answer names nothing.
 */
static const struct {
	uint32_t count;
	uint32_t last;
	uint32_t index;
	uint32_t last_index;
} named[] = {
	{ 0, 3, 0, 3 },
	{ 0, 39, 0, 39 },
	{ 0, 40, 0, 39 },
	{ 2, 9, 2, 9 },
	{ 2, 2, 2, 2 },
	{ 2, 100, 2, 39 },
	{ 39, UINT32_MAX, 39, 39 },
	/* Before the entry that failed, and with a count that is the call's. */
	{ 2, 0, 2, 2 },
	{ 2, 1, 2, 2 },
	{ UNTOUCHED, 0, 0, 0 },
	{ UNTOUCHED, 3, 0, 0 },
	{ UNTOUCHED, 45, 0, 0 },
};

TEST_LOOP(the_last_index_is_within_the_call, ARRAY_LEN(named))
{
	open_on_answer(0);
	add_entries();
	kernel.ret = -EIO;
	kernel.count = named[_i].count;
	kernel.last = named[_i].last;
	ck_assert_int_eq(submit(IOMMUNEST_POLICY_STOP), -EIO);
	ck_assert_uint_eq(report.blame, IOMMUNEST_BLAME_ENTRY);
	ck_assert_uint_eq(report.index, named[_i].index);
	ck_assert_uint_eq(report.last_index, named[_i].last_index);
	ck_assert(report.exact == (report.index == report.last_index));
	tear_down_answers();
}

static void expect_no_code(void *user, const struct iommunest_call *call)
{
	unsigned int *calls = user;

	++*calls;
	ck_assert_int_eq(call->error, 0);
	ck_assert_uint_eq(call->driver_error, 0);
}

/* Whatever it leaves there. */
TEST(a_call_that_succeeds_has_no_code)
{
	unsigned int calls = 0;
	const struct iommunest_submit_options options = {
		.size = sizeof(options),
		.trace = expect_no_code,
		.user = &calls,
	};

	open_on_answer(0);
	add_entries();
	kernel.code = CODE_IQE;
	kernel.last = 3;
	ck_assert_int_eq(
		iommunest_submit(ctx, nested, batch, &options, &report), 0);
	ck_assert_uint_eq(calls, 1);
	ck_assert_uint_eq(report.driver_error, 0);
	tear_down_answers();
}
