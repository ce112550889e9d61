/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* A kernel that brings the hardware's errors back, and one that does not. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include <libiommunest-sim.h>

#include "tests/harness/support.h"
#include "tests/harness/target.h"

#define COUNT 40u
#define CODE_IQE (IOMMUNEST_VTD_FSTS_IQE | 4u << 8)
#define CODE_ITE (IOMMUNEST_VTD_FSTS_ITE | 0x1234u << 16)

static struct iommunest_sim *sim;
static struct iommunest_ctx *ctx;
static struct iommunest_batch *batch;
static uint32_t nested;
static struct iommunest_report report;

static void add_entries(void)
{
	uint32_t i;

	ck_assert_int_eq(
		iommunest_batch_new(&batch, iommunest_vtd_s1_type(), COUNT), 0);
	for (i = 0; i < COUNT; i++)
		iommunest_vtd_batch_add_range(batch, (uint64_t)(i + 1) << 13, 1,
					      0, i + 100);
	ck_assert_int_eq(iommunest_batch_error(batch, NULL), 0);
}

static void make_hwpt(void)
{
	const struct iommunest_vtd_s1 s1 = {
		.size = sizeof(s1),
		.addr_width = 48,
	};
	uint32_t dev, ioas, parent;
	int fd = iommunest_fd(ctx);

	ck_assert_int_eq(iommunest_sim_bind(sim, fd, IOMMUNEST_SIM_ATS, &dev),
			 0);
	ck_assert_int_eq(iommunest_ioas_alloc(ctx, &ioas), 0);
	ck_assert_int_eq(iommunest_hwpt_alloc_parent(ctx, dev, ioas, &parent),
			 0);
	ck_assert_int_eq(
		iommunest_vtd_hwpt_alloc(ctx, dev, parent, &s1, &nested), 0);
	ck_assert_int_eq(iommunest_sim_attach(sim, fd, dev, nested), 0);
}

static void open_on(uint32_t profile)
{
	const struct iommunest_sim_options sim_options = {
		.size = sizeof(sim_options),
		.profile = profile,
	};
	struct iommunest_open_options options = {
		.size = sizeof(options),
		.sys = iommunest_sim_sys(),
	};

	ck_assert_int_eq(iommunest_sim_new(&sim, &sim_options), 0);
	options.sys_data = sim;
	ck_assert_int_eq(iommunest_open(&ctx, &options), 0);
	make_hwpt();
	add_entries();
	report = (struct iommunest_report){ .size = sizeof(report) };
}

static void tear_down(void)
{
	iommunest_batch_free(batch);
	iommunest_close(ctx);
	iommunest_sim_free(sim);
}

/* From now on: the @nth entry, and @more of those that follow. */
static void break_hardware(uint64_t nth, uint32_t more, int error,
			   uint32_t code)
{
	const struct iommunest_sim_fault fault = {
		.size = sizeof(fault),
		.kind = IOMMUNEST_SIM_HARDWARE_ERROR,
		.nth = nth,
		.count = more,
		.error = error,
		.code = code,
	};

	ck_assert_int_eq(iommunest_sim_inject(sim, &fault), 0);
}

static int submit(uint32_t policy)
{
	const struct iommunest_submit_options options = {
		.size = sizeof(options),
		.policy = policy,
	};

	return iommunest_submit(ctx, nested, batch, &options, &report);
}

static int knows(void)
{
	return iommunest_reports_errors(ctx, nested, iommunest_vtd_s1_type());
}

static const uint32_t patched[] = {
	IOMMUNEST_SIM_LINUX_6_12_PATCHED,
	IOMMUNEST_SIM_LINUX_7_3_PATCHED,
};
static const uint32_t stock[] = {
	IOMMUNEST_SIM_LINUX_6_12,
	IOMMUNEST_SIM_LINUX_7_3,
};

TEST_LOOP(a_patched_kernel_is_found, 2)
{
	open_on(patched[_i]);
	ck_assert_int_eq(knows(), 1);
	tear_down();
}

TEST_LOOP(a_stock_kernel_is_found, 2)
{
	open_on(stock[_i]);
	ck_assert_int_eq(knows(), 0);
	tear_down();
}

TEST_LOOP(a_patched_kernel_names_the_entry_and_the_reason, 2)
{
	open_on(patched[_i]);
	break_hardware(8, 0, -EIO, CODE_IQE);
	ck_assert_int_eq(submit(IOMMUNEST_POLICY_STOP), -EIO);
	ck_assert_uint_eq(report.blame, IOMMUNEST_BLAME_ENTRY);
	ck_assert_uint_eq(report.index, 7);
	ck_assert_uint_eq(report.last_index, 7);
	ck_assert_uint_eq(report.cookie, 107);
	ck_assert_uint_eq(report.driver_error, CODE_IQE);
	ck_assert_uint_eq(IOMMUNEST_VTD_ERROR_IQEI(report.driver_error), 4);
	ck_assert(report.exact);
	ck_assert_int_eq(submit(IOMMUNEST_POLICY_STOP), 0);
	ck_assert_uint_eq(report.handled, COUNT - 7);
	ck_assert_uint_eq(report.driver_error, 0);
	tear_down();
}

TEST_LOOP(a_stock_kernel_gives_no_reason, 2)
{
	open_on(stock[_i]);
	break_hardware(8, 0, -EIO, CODE_IQE);
	ck_assert_int_eq(submit(IOMMUNEST_POLICY_STOP), 0);
	ck_assert_uint_eq(report.handled, COUNT);
	tear_down();
}

TEST_LOOP(the_first_entry_at_fault_needs_no_empty_call, 2)
{
	open_on(patched[_i]);
	break_hardware(1, 0, -EIO, CODE_IQE);
	ck_assert_int_eq(submit(IOMMUNEST_POLICY_STOP), -EIO);
	ck_assert_uint_eq(report.blame, IOMMUNEST_BLAME_ENTRY);
	ck_assert_uint_eq(report.index, 0);
	ck_assert_uint_eq(report.calls, 1);
	tear_down();
}

TEST_LOOP(a_range_of_suspects_is_reported_and_sent_again, 2)
{
	open_on(patched[_i]);
	break_hardware(5, 15, -ETIMEDOUT, CODE_ITE);
	ck_assert_int_eq(submit(IOMMUNEST_POLICY_STOP), -ETIMEDOUT);
	ck_assert_uint_eq(report.index, 4);
	ck_assert_uint_eq(report.last_index, 19);
	ck_assert(!report.exact);
	ck_assert_uint_eq(report.pending, COUNT - 4);
	ck_assert_uint_eq(IOMMUNEST_VTD_ERROR_SID(report.driver_error), 0x1234);
	ck_assert_int_eq(submit(IOMMUNEST_POLICY_STOP), 0);
	ck_assert_uint_eq(report.handled, COUNT - 4);
	tear_down();
}

TEST_LOOP(a_range_ends_with_the_call, 2)
{
	open_on(patched[_i]);
	break_hardware(COUNT - 1, 15, -ETIMEDOUT, CODE_ITE);
	ck_assert_int_eq(submit(IOMMUNEST_POLICY_STOP), -ETIMEDOUT);
	ck_assert_uint_eq(report.index, COUNT - 2);
	ck_assert_uint_eq(report.last_index, COUNT - 1);
	tear_down();
}

/* Which of them failed is not known: none may be given up. */
TEST_LOOP(a_range_is_not_skipped, 2)
{
	struct iommunest_failure skipped[4] = { IOMMUNEST_INIT(
		struct iommunest_failure) };

	open_on(patched[_i]);
	report.skipped = skipped;
	report.skipped_max = 4;
	break_hardware(5, 3, -ETIMEDOUT, CODE_ITE);
	ck_assert_int_eq(submit(IOMMUNEST_POLICY_SKIP), -ETIMEDOUT);
	ck_assert_uint_eq(report.skipped_count, 0);
	ck_assert_uint_eq(report.pending, COUNT - 4);
	tear_down();
}

TEST_LOOP(one_entry_at_fault_is_skipped, 2)
{
	struct iommunest_failure skipped[4] = { IOMMUNEST_INIT(
		struct iommunest_failure) };

	open_on(patched[_i]);
	report.skipped = skipped;
	report.skipped_max = 4;
	break_hardware(5, 0, -EIO, CODE_IQE);
	ck_assert_int_eq(submit(IOMMUNEST_POLICY_SKIP), 1);
	ck_assert_uint_eq(skipped[0].index, 4);
	ck_assert_uint_eq(skipped[0].last_index, 4);
	ck_assert_uint_eq(skipped[0].driver_error, CODE_IQE);
	ck_assert_uint_eq(report.handled, COUNT - 1);
	tear_down();
}

TEST_LOOP(flush_all_says_why, 2)
{
	open_on(patched[_i]);
	break_hardware(5, 3, -ETIMEDOUT, CODE_ITE);
	ck_assert_int_eq(submit(IOMMUNEST_POLICY_FLUSH_ALL), 0);
	ck_assert_uint_eq(report.flushed, COUNT - 4);
	ck_assert_int_eq(report.error, -ETIMEDOUT);
	ck_assert_uint_eq(report.driver_error, CODE_ITE);
	ck_assert_uint_eq(report.last_index, 7);
	tear_down();
}

static enum iommunest_answer
stop_at_a_range(void *user, const struct iommunest_failure *failure,
		void *entry)
{
	unsigned int *asked = user;

	(void)entry;
	++*asked;
	ck_assert_uint_eq(failure->index, 4);
	ck_assert_uint_eq(failure->last_index, 7);
	ck_assert_uint_eq(failure->driver_error, CODE_ITE);
	return IOMMUNEST_ANSWER_STOP;
}

TEST_LOOP(ask_is_told_the_range, 2)
{
	unsigned int asked = 0;
	const struct iommunest_submit_options options = {
		.size = sizeof(options),
		.policy = IOMMUNEST_POLICY_ASK,
		.ask = stop_at_a_range,
		.user = &asked,
	};

	open_on(patched[_i]);
	break_hardware(5, 3, -ETIMEDOUT, CODE_ITE);
	ck_assert_int_eq(iommunest_submit(ctx, nested, batch, &options,
					  &report),
			 -ETIMEDOUT);
	ck_assert_uint_eq(asked, 1);
	tear_down();
}

TEST_LOOP(an_entry_that_software_refuses_has_no_code, 2)
{
	open_on(patched[_i]);
	((struct iommunest_vtd_entry *)iommunest_batch_entry(batch, 3))->flags =
		1u << 7;
	ck_assert_int_eq(submit(IOMMUNEST_POLICY_STOP), -EOPNOTSUPP);
	ck_assert_uint_eq(report.index, 3);
	ck_assert_uint_eq(report.last_index, 3);
	ck_assert_uint_eq(report.driver_error, 0);
	ck_assert(report.exact);
	tear_down();
}

/* ---- Each call, as it is shown ---- */

struct codes {
	unsigned int calls;
	uint32_t code[4];
};

static void note_code(void *user, const struct iommunest_call *call)
{
	struct codes *codes = user;

	ck_assert_uint_lt(codes->calls, ARRAY_LEN(codes->code));
	codes->code[codes->calls++] = call->driver_error;
}

/* That of the one that failed, and no longer. */
TEST_LOOP(a_call_is_shown_with_its_own_code, 2)
{
	struct iommunest_failure skipped[1] = { IOMMUNEST_INIT(
		struct iommunest_failure) };
	struct codes codes = { 0 };
	const struct iommunest_submit_options options = {
		.size = sizeof(options),
		.policy = IOMMUNEST_POLICY_SKIP,
		.trace = note_code,
		.user = &codes,
	};

	open_on(patched[_i]);
	report.skipped = skipped;
	report.skipped_max = 1;
	break_hardware(5, 0, -EIO, CODE_IQE);
	ck_assert_int_eq(
		iommunest_submit(ctx, nested, batch, &options, &report), 1);
	ck_assert_uint_eq(codes.calls, 2);
	ck_assert_uint_eq(codes.code[0], CODE_IQE);
	ck_assert_uint_eq(codes.code[1], 0);
	tear_down();
}

/* ---- The guest's queue ---- */

static unsigned char ring[4096];

static int read_ring(void *vmm, uint64_t gpa, void *buf, size_t len)
{
	(void)vmm;
	memcpy(buf, ring + gpa, len);
	return 0;
}

static int write_nothing(void *vmm, uint32_t index, uint64_t gpa, uint32_t data)
{
	(void)vmm;
	(void)index;
	(void)gpa;
	(void)data;
	return 0;
}

static void interrupt_nobody(void *vmm, uint32_t index)
{
	(void)vmm;
	(void)index;
}

static int take_nothing(void *vmm, uint32_t index,
			const struct iommunest_vtd_desc *desc)
{
	(void)vmm;
	(void)index;
	(void)desc;
	return -EIO;
}

static const struct iommunest_vtd_iq_ops ops = {
	.size = sizeof(ops),
	.read = read_ring,
	.write_status = write_nothing,
	.interrupt = interrupt_nobody,
	.descriptor = take_nothing,
};

#define SLOT 32u

/* Three pages, of which the second fails in the host's hardware. */
static struct iommunest_vtd_iq_result run_queue(int error, uint32_t code)
{
	struct iommunest_vtd_iq_result result = { .size = sizeof(result) };
	struct iommunest_vtd_desc desc =
		IOMMUNEST_INIT(struct iommunest_vtd_desc);
	static const struct iommunest_vtd_iq_options stopping = {
		.size = sizeof(stopping),
		.policy = IOMMUNEST_VTD_IQ_STOP,
	};
	struct iommunest_vtd_iq *iq;
	uint32_t i;

	for (i = 0; i < 3; i++) {
		ck_assert_int_eq(iommunest_vtd_desc_piotlb(
					 &desc, IOMMUNEST_VTD_PIOTLB_PAGES, 1,
					 0, (uint64_t)i << 13, 0, 0),
				 0);
		memcpy(ring + i * SLOT, desc.raw, SLOT);
	}
	ck_assert_int_eq(iommunest_vtd_iq_new(&iq, &ops, NULL, &stopping), 0);
	ck_assert_int_eq(iommunest_vtd_iq_set_base(iq, IOMMUNEST_VTD_IQA_DW,
						   IOMMUNEST_VTD_TTM_SCALABLE),
			 0);
	ck_assert_int_eq(iommunest_vtd_iq_enable(iq, &result), 0);
	ck_assert_int_eq(
		iommunest_vtd_iq_add_scope(iq, 1, 0, TARGET(ctx, nested)), 0);
	break_hardware(2, 0, error, code);
	ck_assert_int_eq(iommunest_vtd_iq_run(iq, 3 * SLOT, &result), error);
	iommunest_vtd_iq_free(iq);
	return result;
}

/* The VMM sees the code of the host's hardware, and the guest nothing. */
TEST_LOOP(a_guest_sees_nothing_of_the_hosts_error, 3)
{
	static const struct {
		int error;
		uint32_t code;
		uint32_t fsts;
	} rows[] = {
		{ -EIO, CODE_IQE, 0 },
		{ -EIO, IOMMUNEST_VTD_FSTS_ICE, 0 },
		{ -ETIMEDOUT, CODE_ITE, 0 },
	};
	struct iommunest_vtd_iq_result result;

	open_on(IOMMUNEST_SIM_LINUX_6_12_PATCHED);
	result = run_queue(rows[_i].error, rows[_i].code);
	ck_assert_uint_eq(result.cause, IOMMUNEST_CAUSE_HOST);
	ck_assert_uint_eq(result.index, 1);
	ck_assert_uint_eq(result.iqh, SLOT);
	ck_assert_uint_eq(result.fsts, rows[_i].fsts);
	ck_assert_uint_eq(result.iqercd, 0);
	ck_assert_uint_eq(result.driver_error, rows[_i].code);
	tear_down();
}

/* ---- What the question costs, and what is no answer ---- */

#define UNTOUCHED UINT32_MAX

static struct {
	unsigned int questions;
	int answer;
	/* What happens while it is asked. */
	void (*meanwhile)(void);
	/* What calls with entries answer, and write back. */
	int ret;
	uint32_t count;
	uint32_t code;
	uint32_t last;
} kernel;

/* Words of the command. */
enum { SIZE = 0, ENTRY_NUM = 6, CODE = 9, LAST = 10 };

static int answer_call(uint32_t *words)
{
	if (words[SIZE] == 48) {
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
	(void)request;
	if (words[SIZE] == 48 && words[ENTRY_NUM] == 0) {
		kernel.questions++;
		if (kernel.meanwhile)
			kernel.meanwhile();
		return kernel.answer;
	}
	return answer_call(words);
}

static void open_on_answer(int answer)
{
	struct iommunest_sys sys = *iommunest_sim_sys();
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

TEST_LOOP(the_kernel_is_asked_once, 3)
{
	static const int answers[] = { 0, -E2BIG, -ENOTTY };
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

TEST(a_wrong_hwpt_is_no_answer)
{
	open_on_answer(-ENOENT);
	ck_assert_int_eq(knows(), -ENOENT);
	kernel.answer = 0;
	ck_assert_int_eq(knows(), 1);
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
