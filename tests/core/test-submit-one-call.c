/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * Most submissions are one call that handles all, and the library does no more
 * for them than it must.  Whatever the kernel answers, the outcome has to be
 * that of a submission which is looked at: one with a trace.
 */
#include <errno.h>
#include <string.h>

#include "tests/harness/script.h"
#include "tests/harness/submit-rig.h"

#define ENTRIES 4u
#define CODE 0x1234u
/* The kernel leaves the count that was sent. */
#define AS_SENT UINT32_MAX
#define CALLS_MAX 64u

/* The command with the extension. */
struct command {
	struct script_invalidate sent;
	uint32_t driver_error;
	uint32_t last_index;
};

/* A kernel that answers the first call like this, and handles all others. */
struct kernel {
	int ret;
	uint32_t handled;
	/* It has no extension.  What follows the question is a call. */
	bool stock;
	bool asked;
	uint32_t calls;
	struct command seen[CALLS_MAX];
};

/* What can be seen of a submission. */
struct outcome {
	int ret;
	struct iommunest_report report;
	uint32_t cursor;
	uint32_t calls;
	struct command seen[CALLS_MAX];
};

static int kernel_ioctl(void *data, int fd, unsigned long request, void *arg)
{
	struct script_invalidate *cmd = arg;
	struct kernel *kernel = data;
	struct command seen = { .sent = { 0 } };

	ck_assert_int_eq(fd, SCRIPT_FD);
	ck_assert_uint_eq(request, SCRIPT_HWPT_INVALIDATE);
	if (script_is_question(request, arg) && !kernel->asked) {
		if (kernel->stock && cmd->flags)
			return -EOPNOTSUPP;
		kernel->asked = true;
		return 0;
	}
	ck_assert_uint_lt(kernel->calls, CALLS_MAX);
	memcpy(&seen, cmd, cmd->size);
	/* Each batch is at a place of its own. */
	seen.sent.data_uptr = 0;
	kernel->seen[kernel->calls] = seen;
	if (kernel->calls++)
		return 0;
	if (kernel->handled != AS_SENT)
		cmd->entry_num = kernel->handled;
	if (cmd->size == sizeof(struct command)) {
		seen.driver_error = CODE;
		seen.last_index = 2;
		memcpy(cmd + 1, &seen.driver_error,
		       sizeof(seen) - sizeof(*cmd));
	}
	return kernel->ret;
}

static struct iommunest_ctx *open_on(struct kernel *kernel)
{
	static struct iommunest_sys sys;
	struct iommunest_open_options options = { .size = sizeof(options),
						  .sys = &sys,
						  .sys_data = kernel };
	struct iommunest_ctx *ctx;

	sys = script_sys;
	sys.ioctl = kernel_ioctl;
	ck_assert_int_eq(iommunest_open_fd(&ctx, SCRIPT_FD, &options), 0);
	return ctx;
}

static void count_call(void *user, const struct iommunest_call *call)
{
	uint32_t *traced = user;

	ck_assert_uint_eq(call->id, SCRIPT_HWPT);
	++*traced;
}

/* On a context that has the kernel's answer about the extension already. */
static struct outcome submit(struct kernel kernel,
			     const struct iommunest_inv_type *type,
			     uint32_t policy, bool traced)
{
	uint32_t traces = 0;
	const struct iommunest_submit_options options = {
		.size = sizeof(options),
		.policy = policy,
		.max_stalls = 2,
		.trace = traced ? count_call : NULL,
		.user = &traces,
	};
	struct outcome out = { .report = IOMMUNEST_INIT(
				       struct iommunest_report) };
	struct iommunest_ctx *ctx = open_on(&kernel);
	struct iommunest_batch *batch;

	ck_assert_int_eq(iommunest_reports_errors(ctx, SCRIPT_HWPT, type),
			 !kernel.stock);
	ck_assert_int_eq(iommunest_batch_new(&batch, type, ENTRIES), 0);
	rig_add_entries(batch, type->entry_len, ENTRIES);
	out.ret = iommunest_submit(ctx, SCRIPT_HWPT, batch, &options,
				   &out.report);
	out.cursor = iommunest_batch_cursor(batch);
	out.calls = kernel.calls;
	memcpy(out.seen, kernel.seen, sizeof(out.seen));
	ck_assert_uint_eq(out.report.calls, kernel.calls);
	ck_assert_uint_eq(traces, traced ? kernel.calls : 0);
	iommunest_batch_free(batch);
	iommunest_close(ctx);
	return out;
}

static struct iommunest_inv_type type_of(uint32_t recovery, uint32_t flags,
					 uint32_t call_max)
{
	struct iommunest_inv_type type = *iommunest_vtd_s1_type();

	type.recovery = recovery;
	type.flags = flags;
	type.call_max = call_max;
	type.refused = -EIO;
	return type;
}

static const int answers[] = {
	0, 1, -EIO, -EINTR, -EAGAIN, -ENOMEM, -ETIMEDOUT, -EINVAL, -ENOENT,
};
static const uint32_t counts[] = {
	AS_SENT, 0, 1, ENTRIES - 1, ENTRIES, ENTRIES + 1, UINT32_MAX - 1,
};

/* Of a report, without what lies between its members. */
#define FACTS(r)                                                               \
	{                                                                      \
		(r)->sent, (r)->handled, (r)->flushed, (r)->pending,           \
			(r)->calls, (r)->resumes, (r)->skipped_count,          \
			(r)->blame, (r)->error, (r)->index, (r)->driver_error, \
			(int64_t)(r)->cookie, (r)->exact, (r)->last_index,     \
	}

static bool is_same(const struct outcome *a, const struct outcome *b)
{
	const int64_t facts_a[] = FACTS(&a->report);
	const int64_t facts_b[] = FACTS(&b->report);

	return a->ret == b->ret && a->cursor == b->cursor &&
	       a->calls == b->calls &&
	       !memcmp(facts_a, facts_b, sizeof(facts_a)) &&
	       !memcmp(a->seen, b->seen, sizeof(a->seen));
}

static void compare(const struct kernel *kernel,
		    const struct iommunest_inv_type *type, uint32_t policy)
{
	const struct outcome quick = submit(*kernel, type, policy, false);
	const struct outcome slow = submit(*kernel, type, policy, true);

	ck_assert_msg(is_same(&quick, &slow),
		      "answer %d, count %u, stock %d, recovery %u, "
		      "flags %u, policy %u: %d and %d",
		      kernel->ret, kernel->handled, kernel->stock,
		      type->recovery, type->flags, policy, quick.ret, slow.ret);
}

static void compare_types(const struct kernel *kernel, uint32_t policy)
{
	uint32_t recovery;

	for (recovery = 0; recovery <= IOMMUNEST_RECOVERY_REPLAY; recovery++) {
		struct iommunest_inv_type plain = type_of(recovery, 0, 0);
		struct iommunest_inv_type twice =
			type_of(recovery, IOMMUNEST_INV_REPEAT, 0);
		struct iommunest_inv_type small =
			type_of(recovery, 0, ENTRIES - 1);

		compare(kernel, &plain, policy);
		compare(kernel, &twice, policy);
		compare(kernel, &small, policy);
	}
}

/* Each answer, from a kernel with and without the extension. */
TEST_LOOP(an_answer_means_the_same_with_and_without_a_trace, ARRAY_LEN(answers))
{
	struct kernel kernel = { .ret = answers[_i] };
	uint32_t policy, i;

	for (i = 0; i < ARRAY_LEN(counts); i++) {
		kernel.handled = counts[i];
		for (policy = IOMMUNEST_POLICY_STOP;
		     policy <= IOMMUNEST_POLICY_FLUSH_ALL; policy++) {
			kernel.stock = false;
			compare_types(&kernel, policy);
			kernel.stock = true;
			compare_types(&kernel, policy);
		}
	}
}

/* What such a submission is, said once more without a comparison. */
TEST_LOOP(one_call_that_handles_all_is_counted_as_that, 2)
{
	const struct kernel kernel = {
		.handled = AS_SENT,
		.stock = !_i,
	};
	const struct outcome out = submit(kernel, iommunest_vtd_s1_type(),
					  IOMMUNEST_POLICY_STOP, false);

	ck_assert_int_eq(out.ret, 0);
	ck_assert_uint_eq(out.cursor, ENTRIES);
	ck_assert_uint_eq(out.report.sent, ENTRIES);
	ck_assert_uint_eq(out.report.handled, ENTRIES);
	ck_assert_uint_eq(out.report.pending, 0);
	ck_assert_uint_eq(out.report.resumes, 0);
	ck_assert_uint_eq(out.calls, 1);
	ck_assert_uint_eq(out.seen[0].sent.size, _i ? 40 : 32);
	ck_assert_uint_eq(out.seen[0].sent.hwpt_id, SCRIPT_HWPT);
	ck_assert_uint_eq(out.seen[0].sent.entry_num, ENTRIES);
	ck_assert_uint_eq(out.seen[0].sent.flags, _i ? 1 : 0);
}

TEST(what_the_first_call_said_of_an_entry_is_reported)
{
	const struct kernel kernel = { .ret = -EIO, .handled = 1 };
	const struct outcome out = submit(kernel, iommunest_vtd_s1_type(),
					  IOMMUNEST_POLICY_STOP, false);

	ck_assert_int_eq(out.ret, -EIO);
	ck_assert_uint_eq(out.cursor, 1);
	ck_assert_uint_eq(out.report.blame, IOMMUNEST_BLAME_ENTRY);
	ck_assert_uint_eq(out.report.index, 1);
	ck_assert_uint_eq(out.report.last_index, 2);
	ck_assert_uint_eq(out.report.driver_error, CODE);
	ck_assert_uint_eq(out.report.handled, 1);
	ck_assert_uint_eq(out.report.sent, ENTRIES);
}

/* A sticky error, and what a stop left behind, are not passed over. */
TEST(an_add_that_failed_and_an_entry_that_is_blamed_stay_in_the_way)
{
	struct kernel kernel = { .ret = -EIO, .handled = 1, .stock = true };
	struct iommunest_ctx *ctx = open_on(&kernel);
	struct iommunest_report report = { .size = sizeof(report) };
	struct iommunest_batch *batch;

	ck_assert_int_eq(iommunest_reports_errors(ctx, SCRIPT_HWPT,
						  iommunest_vtd_s1_type()),
			 0);
	ck_assert_int_eq(iommunest_batch_new(&batch, iommunest_vtd_s1_type(),
					     ENTRIES),
			 0);
	rig_add_entries(batch, sizeof(struct iommunest_vtd_entry), ENTRIES);
	ck_assert_int_eq(iommunest_vtd_batch_add_all(batch, 7), -ENOSPC);
	ck_assert_int_eq(iommunest_submit(ctx, SCRIPT_HWPT, batch, NULL,
					  &report),
			 -ENOSPC);
	ck_assert_uint_eq(report.blame, IOMMUNEST_BLAME_BATCH);
	ck_assert_uint_eq(report.cookie, 7);
	ck_assert_uint_eq(report.pending, ENTRIES);
	ck_assert_uint_eq(kernel.calls, 0);

	iommunest_batch_clear_error(batch);
	ck_assert_int_eq(
		iommunest_submit(ctx, SCRIPT_HWPT, batch, NULL, &report), -EIO);
	ck_assert_uint_eq(iommunest_batch_cursor(batch), 1);
	ck_assert_int_eq(
		iommunest_submit(ctx, SCRIPT_HWPT, batch, NULL, &report), 0);
	ck_assert_uint_eq(iommunest_batch_cursor(batch), ENTRIES);
	ck_assert_uint_eq(report.handled, ENTRIES - 1);
	/* Nothing is pending: nothing is sent. */
	ck_assert_int_eq(
		iommunest_submit(ctx, SCRIPT_HWPT, batch, NULL, &report), 0);
	ck_assert_uint_eq(report.calls, 0);
	ck_assert_uint_eq(kernel.calls, 2);
	iommunest_batch_free(batch);
	iommunest_close(ctx);
}
