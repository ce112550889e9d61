/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* What hardware finds, from a kernel that reports it, and from others. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include <libiommunest-sim.h>

#include "tests/core/error-rig.h"
#include "tests/harness/target.h"

#define CODE_ITE IOMMUNEST_VTD_FSTS_ITE

static struct iommunest_sim *sim;

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

/* Only this one has all of the patches. */
#define REPORTING IOMMUNEST_SIM_LINUX_7_3_PATCHED
static const uint32_t others[] = {
	IOMMUNEST_SIM_LINUX_6_12,
	IOMMUNEST_SIM_LINUX_7_3,
	IOMMUNEST_SIM_LINUX_6_12_PATCHED,
};

TEST(a_kernel_that_reports_is_found)
{
	open_on(REPORTING);
	ck_assert_int_eq(knows(), 1);
	tear_down();
}

TEST_LOOP(a_kernel_that_does_not_is_found, ARRAY_LEN(others))
{
	open_on(others[_i]);
	ck_assert_int_eq(knows(), 0);
	tear_down();
}

TEST(it_names_the_entry_and_the_reason)
{
	open_on(REPORTING);
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

TEST_LOOP(the_others_give_no_reason_and_no_error, ARRAY_LEN(others))
{
	open_on(others[_i]);
	break_hardware(8, 0, -EIO, CODE_IQE);
	ck_assert_int_eq(submit(IOMMUNEST_POLICY_STOP), 0);
	ck_assert_uint_eq(report.handled, COUNT);
	tear_down();
}

TEST(the_first_entry_at_fault_needs_no_empty_call)
{
	open_on(REPORTING);
	break_hardware(1, 0, -EIO, CODE_IQE);
	ck_assert_int_eq(submit(IOMMUNEST_POLICY_STOP), -EIO);
	ck_assert_uint_eq(report.blame, IOMMUNEST_BLAME_ENTRY);
	ck_assert_uint_eq(report.index, 0);
	ck_assert_uint_eq(report.calls, 1);
	tear_down();
}

/* Without the flag it is the same entry; the type says that nobody asks. */
TEST(without_the_flag_an_entry_that_hardware_refuses_fails)
{
	struct iommunest_inv_type type = *iommunest_vtd_s1_type();
	struct iommunest_open_options options = {
		.size = sizeof(options),
		.sys = iommunest_sim_sys(),
	};
	struct iommunest_ctx *fresh;

	type.flags |= IOMMUNEST_INV_NO_PROBE;
	open_on(REPORTING);
	options.sys_data = sim;
	iommunest_batch_free(batch);
	add_entries_of(&type);
	ck_assert_int_eq(iommunest_open_fd(&fresh, iommunest_fd(ctx), &options),
			 0);
	break_hardware(8, 4, -EIO, CODE_IQE);
	ck_assert_int_eq(iommunest_submit(fresh, nested, batch, NULL, &report),
			 -EIO);
	iommunest_close(fresh);
	ck_assert_uint_eq(report.blame, IOMMUNEST_BLAME_ENTRY);
	ck_assert_uint_eq(report.index, 7);
	ck_assert_uint_eq(report.last_index, 7);
	ck_assert_uint_eq(report.driver_error, 0);
	ck_assert(report.exact);
	ck_assert_uint_eq(report.pending, COUNT - 7);
	tear_down();
}

/* The kernel waits for its hardware after so many. */
#define TOGETHER 16u

/*
 * @nth and so many more are refused; the last index is that of the last one
 * that hardware had, and is within the call.
 */
static const struct {
	uint32_t nth;
	uint32_t more;
	uint32_t last_index;
} refused[] = {
	{ 5, 1, 5 },
	{ 5, 7, 11 },
	{ 5, 11, TOGETHER - 1 },
	{ 5, 12, TOGETHER - 1 },
	{ 5, 30, TOGETHER - 1 },
	{ TOGETHER + 1, 2, TOGETHER + 2 },
	{ COUNT - 1, 15, COUNT - 1 },
};

TEST_LOOP(several_refused_entries_are_reported_and_sent_again,
	  ARRAY_LEN(refused))
{
	const uint32_t at = refused[_i].nth - 1;

	open_on(REPORTING);
	break_hardware(refused[_i].nth, refused[_i].more, -EIO, CODE_IQE);
	ck_assert_int_eq(submit(IOMMUNEST_POLICY_STOP), -EIO);
	ck_assert_uint_eq(report.index, at);
	ck_assert_uint_eq(report.last_index, refused[_i].last_index);
	ck_assert(!report.exact);
	ck_assert_uint_eq(report.pending, COUNT - at);
	ck_assert_int_eq(submit(IOMMUNEST_POLICY_STOP), 0);
	ck_assert_uint_eq(report.handled, COUNT - at);
	tear_down();
}

/* With a command for the device's TLB, so many of them share a submission. */
#define SHARED (TOGETHER / 2)

/* It is of a submission as a whole; the device is blocked by then. */
static const struct {
	uint32_t nth;
	uint32_t index;
	uint32_t last_index;
} silent[] = {
	{ 1, 0, SHARED - 1 },
	{ SHARED, 0, SHARED - 1 },
	{ SHARED + 1, SHARED, TOGETHER - 1 },
	{ TOGETHER + 5, TOGETHER, TOGETHER + SHARED - 1 },
	{ COUNT, 2 * TOGETHER, COUNT - 1 },
};

TEST_LOOP(a_time_out_is_reported_and_the_entries_sent_again, ARRAY_LEN(silent))
{
	open_on(REPORTING);
	break_hardware(silent[_i].nth, 0, -ETIMEDOUT, CODE_ITE);
	ck_assert_int_eq(submit(IOMMUNEST_POLICY_STOP), -ETIMEDOUT);
	ck_assert_uint_eq(report.blame, IOMMUNEST_BLAME_ENTRY);
	ck_assert_uint_eq(report.index, silent[_i].index);
	ck_assert_uint_eq(report.last_index, silent[_i].last_index);
	ck_assert(!report.exact);
	ck_assert_uint_eq(report.driver_error, CODE_ITE);
	ck_assert_uint_eq(report.pending, COUNT - silent[_i].index);
	ck_assert_int_eq(submit(IOMMUNEST_POLICY_STOP), 0);
	ck_assert_uint_eq(report.handled, COUNT - silent[_i].index);
	tear_down();
}

TEST_LOOP(the_others_wait_for_a_device, ARRAY_LEN(others))
{
	open_on(others[_i]);
	break_hardware(5, 0, -ETIMEDOUT, CODE_ITE);
	ck_assert_int_eq(submit(IOMMUNEST_POLICY_STOP), 0);
	ck_assert_uint_eq(report.handled, COUNT);
	tear_down();
}

/* What was not answered is done: the device is blocked. */
TEST(of_both_at_once_what_was_refused_is_named)
{
	open_on(REPORTING);
	break_hardware(5, 0, -ETIMEDOUT, CODE_ITE);
	break_hardware(7, 0, -EIO, CODE_IQE);
	ck_assert_int_eq(submit(IOMMUNEST_POLICY_STOP), -EIO);
	ck_assert_uint_eq(report.driver_error, CODE_IQE | CODE_ITE);
	ck_assert_uint_eq(report.index, 6);
	ck_assert_uint_eq(report.last_index, 6);
	ck_assert(report.exact);
	ck_assert_uint_eq(report.pending, COUNT - 6);
	tear_down();
}

static struct iommunest_failure skipped[4];

static void make_room(void)
{
	skipped[0] = (struct iommunest_failure)IOMMUNEST_INIT(
		struct iommunest_failure);
	report.skipped = skipped;
	report.skipped_max = ARRAY_LEN(skipped);
}

/* Which entries it was of is not known: none may be given up. */
TEST(a_time_out_is_not_skipped)
{
	open_on(REPORTING);
	make_room();
	break_hardware(5, 0, -ETIMEDOUT, CODE_ITE);
	ck_assert_int_eq(submit(IOMMUNEST_POLICY_SKIP), -ETIMEDOUT);
	ck_assert_uint_eq(report.skipped_count, 0);
	ck_assert_uint_eq(report.pending, COUNT);
	tear_down();
}

TEST(one_refused_entry_is_skipped)
{
	open_on(REPORTING);
	make_room();
	break_hardware(5, 0, -EIO, CODE_IQE);
	ck_assert_int_eq(submit(IOMMUNEST_POLICY_SKIP), 1);
	ck_assert_uint_eq(skipped[0].index, 4);
	ck_assert_uint_eq(skipped[0].last_index, 4);
	ck_assert_uint_eq(skipped[0].driver_error, CODE_IQE);
	ck_assert_uint_eq(report.handled, COUNT - 1);
	ck_assert_uint_eq(report.calls, 2);
	tear_down();
}

/* The first of several goes alone, and is skipped if it is refused again. */
TEST_LOOP(of_several_refused_ones_each_is_tried_alone, 2)
{
	open_on(REPORTING);
	make_room();
	break_hardware(5, 3, -EIO, CODE_IQE);
	if (_i)
		break_hardware(TOGETHER + 1, 0, -EIO, CODE_IQE);
	ck_assert_int_eq(submit(IOMMUNEST_POLICY_SKIP), _i);
	ck_assert_uint_eq(report.skipped_count, (uint32_t)_i);
	ck_assert_uint_eq(report.handled, COUNT - (uint32_t)_i);
	ck_assert_uint_eq(report.calls, 3);
	if (_i) {
		ck_assert_uint_eq(skipped[0].index, 4);
		ck_assert_uint_eq(skipped[0].last_index, 4);
		ck_assert_uint_eq(skipped[0].cookie, 104);
		ck_assert_uint_eq(skipped[0].driver_error, CODE_IQE);
	}
	tear_down();
}

TEST_LOOP(flush_all_says_why, 2)
{
	const int error = _i ? -ETIMEDOUT : -EIO;
	const uint32_t code = _i ? CODE_ITE : CODE_IQE;
	const uint32_t at = _i ? 0 : 4;

	open_on(REPORTING);
	break_hardware(5, 3, error, code);
	ck_assert_int_eq(submit(IOMMUNEST_POLICY_FLUSH_ALL), 0);
	ck_assert_uint_eq(report.flushed, COUNT - at);
	ck_assert_int_eq(report.error, error);
	ck_assert_uint_eq(report.driver_error, code);
	ck_assert_uint_eq(report.index, at);
	ck_assert_uint_eq(report.last_index, _i ? SHARED - 1 : 7);
	tear_down();
}

static enum iommunest_answer
stop_at_a_range(void *user, const struct iommunest_failure *failure,
		void *entry)
{
	unsigned int *asked = user;

	(void)entry;
	++*asked;
	ck_assert_uint_eq(failure->index, 0);
	ck_assert_uint_eq(failure->last_index, SHARED - 1);
	ck_assert_uint_eq(failure->driver_error, CODE_ITE);
	return IOMMUNEST_ANSWER_STOP;
}

TEST(ask_is_told_the_range)
{
	unsigned int asked = 0;
	const struct iommunest_submit_options options = {
		.size = sizeof(options),
		.policy = IOMMUNEST_POLICY_ASK,
		.ask = stop_at_a_range,
		.user = &asked,
	};

	open_on(REPORTING);
	break_hardware(5, 0, -ETIMEDOUT, CODE_ITE);
	ck_assert_int_eq(iommunest_submit(ctx, nested, batch, &options,
					  &report),
			 -ETIMEDOUT);
	ck_assert_uint_eq(asked, 1);
	tear_down();
}

TEST(an_entry_that_software_refuses_has_no_code)
{
	open_on(REPORTING);
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
TEST(a_call_is_shown_with_its_own_code)
{
	struct codes codes = { 0 };
	const struct iommunest_submit_options options = {
		.size = sizeof(options),
		.policy = IOMMUNEST_POLICY_SKIP,
		.trace = note_code,
		.user = &codes,
	};

	open_on(REPORTING);
	make_room();
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

/* What the VMM was told. */
static struct {
	unsigned int calls;
	uint32_t index;
	int error;
	uint32_t code;
} healing;

static void note_healing(void *vmm, uint64_t cookie, uint32_t index, int error,
			 uint32_t code)
{
	(void)vmm;
	(void)cookie;
	healing.calls++;
	healing.index = index;
	healing.error = error;
	healing.code = code;
}

static int isolate_nobody(void *vmm, uint64_t cookie, uint32_t index, int error,
			  uint32_t code)
{
	(void)vmm;
	(void)cookie;
	(void)index;
	(void)error;
	(void)code;
	ck_abort_msg("the flush of all succeeds");
	return -EIO;
}

static const struct iommunest_vtd_iq_ops ops = {
	.size = sizeof(ops),
	.read = read_ring,
	.write_status = write_nothing,
	.interrupt = interrupt_nobody,
	.descriptor = take_nothing,
	.healed = note_healing,
	.isolate = isolate_nobody,
};

#define SLOT 32u

/* Three pages, of which the second fails in the host's hardware. */
static struct iommunest_vtd_iq_result run_queue(uint32_t policy, int error,
						uint32_t code)
{
	struct iommunest_vtd_iq_result result = { .size = sizeof(result) };
	struct iommunest_vtd_desc desc =
		IOMMUNEST_INIT(struct iommunest_vtd_desc);
	const struct iommunest_vtd_iq_options iq_options = {
		.size = sizeof(iq_options),
		.policy = policy,
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
	ck_assert_int_eq(iommunest_vtd_iq_new(&iq, &ops, NULL, &iq_options), 0);
	ck_assert_int_eq(iommunest_vtd_iq_set_base(iq, IOMMUNEST_VTD_IQA_DW,
						   IOMMUNEST_VTD_TTM_SCALABLE),
			 0);
	ck_assert_int_eq(iommunest_vtd_iq_enable(iq, &result), 0);
	ck_assert_int_eq(
		iommunest_vtd_iq_add_scope(iq, 1, 0, TARGET(ctx, nested)), 0);
	break_hardware(2, 0, error, code);
	ck_assert_int_eq(iommunest_vtd_iq_run(iq, 3 * SLOT, &result),
			 policy == IOMMUNEST_VTD_IQ_HEAL ? 0 : error);
	iommunest_vtd_iq_free(iq);
	return result;
}

/* A time-out is of all that the kernel sent together. */
static const struct {
	int error;
	uint32_t code;
	uint32_t index;
} failures[] = {
	{ -EIO, CODE_IQE, 1 },
	{ -ETIMEDOUT, CODE_ITE, 0 },
};

/* The VMM sees the code of the host's hardware, and the guest nothing. */
TEST_LOOP(a_guest_sees_nothing_of_the_hosts_error, 2)
{
	struct iommunest_vtd_iq_result result;

	open_on(REPORTING);
	result = run_queue(IOMMUNEST_VTD_IQ_STOP, failures[_i].error,
			   failures[_i].code);
	ck_assert_uint_eq(result.cause, IOMMUNEST_CAUSE_HOST);
	ck_assert_uint_eq(result.index, failures[_i].index);
	ck_assert_uint_eq(result.iqh, failures[_i].index * SLOT);
	ck_assert_uint_eq(result.fsts, 0);
	ck_assert_uint_eq(result.iqercd, 0);
	ck_assert_uint_eq(result.driver_error, failures[_i].code);
	tear_down();
}

/* A device that did not answer is blocked: a flush of all succeeds, too. */
TEST_LOOP(a_guest_goes_on_and_its_vmm_is_told, 2)
{
	struct iommunest_vtd_iq_result result;

	open_on(REPORTING);
	memset(&healing, 0, sizeof(healing));
	result = run_queue(IOMMUNEST_VTD_IQ_HEAL, failures[_i].error,
			   failures[_i].code);
	ck_assert_uint_eq(result.cause, IOMMUNEST_CAUSE_NONE);
	ck_assert_uint_eq(result.iqh, 3 * SLOT);
	ck_assert_uint_eq(result.fsts, 0);
	ck_assert_uint_eq(healing.calls, 1);
	ck_assert_uint_eq(healing.index, failures[_i].index);
	ck_assert_int_eq(healing.error, failures[_i].error);
	ck_assert_uint_eq(healing.code, failures[_i].code);
	tear_down();
}
