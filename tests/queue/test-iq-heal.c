/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * A host that fails: "all" takes the entry's place, then the VMM cuts the
 * target off, then the queue halts or shows ITE.  Scope (1, 0) is HWPT 10,
 * (1, 5) 11 and (2, 0) 12.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "tests/harness/iq-rig.h"
#include "tests/harness/support.h"
#include "tests/harness/target.h"

#define SW IOMMUNEST_VTD_DESC_SW
#define IF IOMMUNEST_VTD_DESC_IF
#define FN IOMMUNEST_VTD_DESC_FN
#define PD IOMMUNEST_VTD_DESC_PD
#define ITE IOMMUNEST_VTD_FSTS_ITE
#define IQE IOMMUNEST_VTD_FSTS_IQE

static struct rig rig;
/* What `healed` and `isolate` were told, and what the latter does. */
static char told[512];
static int isolate_answer;
static void (*isolate_hook)(void);
static int descriptor_answer;

static __attribute__((format(printf, 1, 2))) void tell(const char *format, ...)
{
	size_t used = strlen(told);
	va_list args;

	va_start(args, format);
	vsnprintf(told + used, sizeof(told) - used, format, args);
	va_end(args);
}

static void healed(void *vmm, uint64_t cookie, uint32_t index, int error,
		   uint32_t code)
{
	(void)vmm;
	tell("healed %u at %u: %d %u; ", (unsigned int)cookie, index, error,
	     code);
}

static int isolate(void *vmm, uint64_t cookie, uint32_t index, int error,
		   uint32_t code)
{
	(void)vmm;
	tell("isolate %u at %u: %d %u; ", (unsigned int)cookie, index, error,
	     code);
	if (isolate_hook)
		isolate_hook();
	return isolate_answer;
}

static int fail_descriptor(struct guest *guest, const struct guest_event *event)
{
	(void)guest;
	return event->kind == GUEST_DESCRIPTOR ? descriptor_answer : 0;
}

/* The rig's engine again, with these options. */
static void open_with(uint32_t unhealed, uint32_t flags, uint32_t budget)
{
	const struct iommunest_vtd_iq_options options = {
		.size = sizeof(options),
		.unhealed = unhealed,
		.flags = flags,
		.budget = budget,
	};
	struct iommunest_vtd_iq_ops ops = guest_ops;

	ops.healed = healed;
	ops.isolate = isolate;
	rig_open_with(&rig, &ops, &options);
}

static void open_healing(void)
{
	open_with(IOMMUNEST_VTD_UNHEALED_DEFAULT, 0, 0);
}

static void open_ite(void)
{
	open_with(IOMMUNEST_VTD_UNHEALED_ITE, 0, 0);
}

static void set_up(void)
{
	memset(told, 0, sizeof(told));
	isolate_answer = -EPERM;
	isolate_hook = NULL;
	descriptor_answer = -EIO;
}

static void tear_down(void)
{
	rig_end(&rig);
}
FIXTURE(set_up, tear_down);

/* Entries of an HWPT fail, "all" too, @times each time they come (0: ever). */
static void fail_entries(uint32_t hwpt_id, int error, unsigned int times)
{
	host_fail(&rig.host, (struct host_rule){
				     .fault = HOST_FAIL_ENTRY,
				     .error = error,
				     .hwpt_id = hwpt_id,
				     .addr = HOST_ANY_ADDR,
				     .times = times,
			     });
}

static void was_told(const char *want)
{
	ck_assert_str_eq(told, want);
	told[0] = 0;
}

/* The queue halts, and the guest sees nothing of it. */
static void halted_at(uint32_t slot, int error)
{
	rig_stands(&rig, IOMMUNEST_CAUSE_HOST, slot, error);
	ck_assert_uint_eq(rig.result.fsts, 0);
	ck_assert_uint_eq(rig.result.iqercd, 0);
}

/* The guest sees ITE of the failure at @slot, the head after @wait. */
static void shows_ite(uint32_t slot, int error, uint32_t wait)
{
	ck_assert_uint_eq(rig.result.fsts, ITE);
	ck_assert_uint_eq(rig.result.iqercd, 0);
	ck_assert_uint_eq(rig.result.cause, IOMMUNEST_CAUSE_HOST);
	ck_assert_uint_eq(rig.result.index, slot);
	ck_assert_int_eq(rig.result.error, error);
	ck_assert_uint_eq(rig.result.iqh, (wait + 1) << rig.guest.shift);
}

/* ---- "All" in its place ---- */

TEST(an_entry_that_fails_once_is_healed_by_a_flush_of_all)
{
	open_healing();
	rig_page(&rig, 0x1000);
	rig_page(&rig, 0x2000);
	rig_wait(&rig);
	fail_entries(10, -EIO, 1);
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_is_done(&rig);
	was_told("healed 10 at 0: -5 0; ");
	ck_assert_uint_eq(rig.result.waits, 1);
}

TEST(the_second_of_three_is_named)
{
	open_healing();
	rig_page(&rig, 0x1000);
	rig_page(&rig, 0x2000);
	rig_page(&rig, 0x3000);
	rig_wait(&rig);
	host_fail(&rig.host, (struct host_rule){ .fault = HOST_FAIL_ENTRY,
						 .error = -EIO,
						 .hwpt_id = 10,
						 .addr = 0x2000 });
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_is_done(&rig);
	was_told("healed 10 at 1: -5 0; ");
}

TEST(a_call_that_fails_once_is_healed_too)
{
	open_healing();
	rig_page(&rig, 0x1000);
	rig_wait(&rig);
	host_fail(&rig.host, (struct host_rule){ .fault = HOST_FAIL_CALL,
						 .error = -ENOENT,
						 .hwpt_id = 10,
						 .addr = HOST_ANY_ADDR,
						 .times = 2 });
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_is_done(&rig);
	was_told("healed 10 at 0: -2 0; ");
}

/* Each time anew, as often as it happens. */
TEST(calls_that_fail_are_healed_time_and_again)
{
	unsigned int i;

	open_healing();
	for (i = 0; i < 5; i++) {
		rig_page(&rig, 0x1000);
		rig_wait(&rig);
		host_heal(&rig.host);
		host_fail(&rig.host,
			  (struct host_rule){ .fault = HOST_FAIL_CALL,
					      .error = -ENOENT,
					      .hwpt_id = 10,
					      .addr = HOST_ANY_ADDR,
					      .times = 2 });
		ck_assert_int_eq(rig_kick(&rig), 0);
		rig_is_done(&rig);
		ck_assert_ptr_nonnull(strstr(told, "healed 10"));
		ck_assert_ptr_null(strstr(told, "isolate"));
		told[0] = 0;
	}
}

/* Two targets of one descriptor: only the one that failed is flushed. */
TEST(each_target_that_failed_is_told_once)
{
	open_healing();
	rig_add(&rig, 1, 0, 13);
	rig_add(&rig, 1, 0, 14);
	rig_page(&rig, 0x1000);
	rig_page(&rig, 0x2000);
	rig_wait(&rig);
	fail_entries(13, -ETIMEDOUT, 1);
	fail_entries(14, -EIO, 1);
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_is_done(&rig);
	was_told("healed 13 at 0: -110 0; healed 14 at 0: -5 0; ");
	ck_assert_uint_eq(host_calls_to(&rig.host, 10), 1);
}

TEST(without_a_flush_of_all_that_works_the_target_is_cut_off)
{
	open_with(IOMMUNEST_VTD_UNHEALED_DEFAULT, IOMMUNEST_VTD_IQ_NO_ALL, 0);
	isolate_answer = 0;
	rig_page(&rig, 0x1000);
	rig_wait(&rig);
	fail_entries(10, -EIO, 1);
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_is_done(&rig);
	was_told("isolate 10 at 0: -5 0; ");
	ck_assert_uint_eq(host_calls_to(&rig.host, 10), 1);
}

/* Two targets fail at one slot: the first that was added is named. */
TEST(of_two_that_fail_at_one_slot_the_first_is_named)
{
	open_healing();
	rig_add(&rig, 1, 0, 13);
	rig_page(&rig, 0x1000);
	fail_entries(13, -EIO, 0);
	fail_entries(10, -EPERM, 0);
	ck_assert_int_eq(rig_kick(&rig), -EPERM);
	ck_assert_uint_eq(rig.result.cookie, 10);
}

/* ---- Isolation ---- */

TEST(a_lasting_failure_cuts_the_target_off_and_the_guest_goes_on)
{
	open_healing();
	isolate_answer = 0;
	rig_page(&rig, 0x1000);
	rig_page_of(&rig, 12, 0x1000);
	rig_wait(&rig);
	fail_entries(10, -EIO, 0);
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_is_done(&rig);
	was_told("isolate 10 at 0: -5 0; ");
	ck_assert_uint_eq(rig.result.waits, 1);
	ck_assert_uint_eq(rig.result.forwarded, 2);
}

TEST(nothing_is_sent_to_an_isolated_target_until_it_is_added_again)
{
	open_healing();
	isolate_answer = 0;
	rig_page(&rig, 0x1000);
	fail_entries(10, -EIO, 0);
	ck_assert_int_eq(rig_kick(&rig), 0);
	host_heal(&rig.host);
	rig_page(&rig, 0x1000);
	rig_wait(&rig);
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_is_done(&rig);
	ck_assert_uint_eq(host_calls_to(&rig.host, 10), 0);
	rig_tells(&rig, "covered 1@10, status 2");
	rig_add(&rig, 9, 9, 10);
	rig_page(&rig, 0x1000);
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_is_done(&rig);
	ck_assert_uint_eq(host_calls_to(&rig.host, 10), 1);
}

/* Its scopes go, and so many others come that the tables move. */
static void forget_and_grow(void)
{
	uint32_t i;

	ck_assert_int_eq(iommunest_vtd_iq_forget(rig.iq, TARGET(rig.ctx, 10)),
			 0);
	for (i = 0; i < 200; i++)
		rig_add(&rig, 30, i, 1000 + i);
	/* The same scope again, by another HWPT of another context's id. */
	rig_add(&rig, 1, 0, 2000);
}

TEST(isolate_may_forget_the_target_and_change_all_tables)
{
	open_healing();
	rig_add(&rig, 7, 7, 10);
	isolate_answer = 0;
	isolate_hook = forget_and_grow;
	rig_page(&rig, 0x1000);
	rig_page(&rig, 0x2000);
	rig_wait(&rig);
	rig_page_of(&rig, 12, 0x3000);
	rig_page_of(&rig, 11, 0x4000);
	rig_wait(&rig);
	fail_entries(10, -EIO, 0);
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_is_done(&rig);
	was_told("isolate 10 at 0: -5 0; ");
	ck_assert_uint_eq(rig.result.forwarded, 4);
	/* What was gathered for the others was sent, and the waits are whole.
	 */
	/* 10 by its name of then, though other targets have come since. */
	rig_tells(&rig, "call 10x2, empty 10, all 10, call 12x1, call 11x1, "
			"covered 1@10, status 2, status 5");
	rig_entry(&rig, 3, 0, 0x3000, 1, 0);
	rig_entry(&rig, 4, 0, 0x4000, 1, 0);
	isolate_hook = NULL;
	rig_page(&rig, 0x1000);
	ck_assert_int_eq(rig_kick(&rig), 0);
	ck_assert_uint_eq(host_calls_to(&rig.host, 2000), 1);
}

/* ---- Halting ---- */

TEST(a_target_that_cannot_be_cut_off_halts_the_queue)
{
	open_healing();
	rig_wait(&rig);
	rig_page(&rig, 0x1000);
	rig_wait(&rig);
	fail_entries(10, -EIO, 0);
	ck_assert_int_eq(rig_kick(&rig), -EIO);
	halted_at(1, -EIO);
	was_told("isolate 10 at 1: -5 0; ");
	ck_assert_uint_eq(rig.result.cookie, 10);
	ck_assert_uint_eq(rig.result.waits, 1);
	/* The VMM heals it by itself, and runs again. */
	host_heal(&rig.host);
	ck_assert_int_eq(rig_kick(&rig), -EIO);
	iommunest_vtd_iq_clear_fault(rig.iq);
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_is_done(&rig);
	ck_assert_uint_eq(rig.result.waits, 1);
}

/* The VMM has said what it wants instead. */
TEST_LOOP(without_an_isolate_nothing_is_cut_off, 2)
{
	const struct iommunest_vtd_iq_options options = {
		.size = sizeof(options),
		.unhealed = _i ? IOMMUNEST_VTD_UNHEALED_ITE
			       : IOMMUNEST_VTD_UNHEALED_HALT,
	};
	struct iommunest_vtd_iq_ops ops = guest_ops;

	ops.isolate = NULL;
	rig_open(&rig, NULL);
	iommunest_vtd_iq_free(rig.iq);
	ck_assert_int_eq(
		iommunest_vtd_iq_new(&rig.iq, &ops, &rig.guest, &options), 0);
	rig_set_base(&rig, RIG_BASE, 0);
	rig_add(&rig, 1, 0, 10);
	rig_page(&rig, 0x1000);
	rig_wait(&rig);
	fail_entries(10, -EIO, 0);
	ck_assert_int_eq(rig_kick(&rig), -EIO);
	ck_assert_uint_eq(rig.result.waits, 0);
	if (_i)
		shows_ite(0, -EIO, 1);
	else
		halted_at(0, -EIO);
}

/* ---- Rule ITE ---- */

TEST_LOOP(the_first_wait_that_is_seen_is_aborted, 2)
{
	open_ite();
	rig_wait(&rig);
	rig_page(&rig, 0x1000);
	rig_put(&rig, guest_wait(FN, 0, 0));
	rig_put(&rig, guest_wait(_i ? IF : SW, 0x7000, 1));
	rig_wait(&rig);
	fail_entries(10, -EIO, 0);
	ck_assert_int_eq(rig_kick(&rig), -EIO);
	shows_ite(1, -EIO, 3);
	/* The one before the failure, and the one that only orders. */
	ck_assert_uint_eq(rig.result.waits, 2);
	host_heal(&rig.host);
	iommunest_vtd_iq_clear_fault(rig.iq);
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_is_done(&rig);
	/* The aborted one is not completed, now or later. */
	ck_assert_uint_eq(rig.result.waits, 1);
}

TEST(without_a_wait_the_failure_is_kept_for_the_next_run)
{
	open_ite();
	rig_page(&rig, 0x1000);
	fail_entries(10, -EIO, 0);
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_is_done(&rig);
	host_heal(&rig.host);
	rig_page_of(&rig, 12, 0x2000);
	rig_put(&rig, guest_wait(FN, 0, 0));
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_is_done(&rig);
	rig_wait(&rig);
	rig_wait(&rig);
	ck_assert_int_eq(rig_kick(&rig), -EIO);
	shows_ite(0, -EIO, 3);
	ck_assert_uint_eq(rig.result.waits, 0);
	iommunest_vtd_iq_clear_fault(rig.iq);
	ck_assert_int_eq(rig_kick(&rig), 0);
	ck_assert_uint_eq(rig.result.waits, 1);
}

TEST(a_second_failure_changes_nothing_for_the_guest)
{
	open_ite();
	rig_page(&rig, 0x1000);
	rig_vmm(&rig);
	rig_page_of(&rig, 12, 0x2000);
	rig_wait(&rig);
	fail_entries(10, -EIO, 0);
	fail_entries(12, -EPERM, 0);
	ck_assert_int_eq(rig_kick(&rig), -EIO);
	shows_ite(0, -EIO, 3);
	was_told("isolate 10 at 0: -5 0; isolate 12 at 2: -1 0; ");
	iommunest_vtd_iq_clear_fault(rig.iq);
	rig_wait(&rig);
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_is_done(&rig);
}

/*
 * The queue goes on past a failure, and tells nobody that what the entry stood
 * for is done: a second "all", a device TLB.  What came before it is done.
 */
TEST(what_a_failing_entry_covers_is_not_told_as_covered)
{
	open_ite();
	rig_add_device(&rig, 7, IOMMUNEST_VTD_NO_PASID, 10);
	rig_page(&rig, 0x1000);
	rig_put(&rig, guest_dev_tlb(7, 0x1000, 0));
	rig_put(&rig, guest_piotlb_all(1, 0));
	rig_put(&rig, guest_piotlb_all(1, 0));
	rig_put(&rig, guest_dev_tlb(7, 0x1000, 0));
	rig_wait(&rig);
	host_fail(&rig.host, (struct host_rule){
				     .fault = HOST_FAIL_ENTRY,
				     .error = -EIO,
				     .hwpt_id = 10,
				     .addr = 0,
			     });
	ck_assert_int_eq(rig_kick(&rig), -EIO);
	shows_ite(2, -EIO, 5);
	ck_assert_ptr_nonnull(strstr(guest_story(&rig.guest), "covered 1@10"));
	ck_assert_ptr_null(strstr(guest_story(&rig.guest), "covered 3"));
	ck_assert_ptr_null(strstr(guest_story(&rig.guest), "covered 4"));
}

static int fail_forwarded(struct guest *guest, const struct guest_event *event)
{
	(void)guest;
	return event->kind == GUEST_FORWARDED ? -EPERM : 0;
}

/* Both at one slot: the host's came first. */
TEST(the_vmms_failure_at_the_same_slot_changes_nothing_either)
{
	const struct iommunest_vtd_iq_options options = {
		.size = sizeof(options),
		.unhealed = IOMMUNEST_VTD_UNHEALED_ITE,
	};

	rig_open_with(&rig, &caching_guest_ops, &options);
	rig_page(&rig, 0x1000);
	rig_wait(&rig);
	fail_entries(10, -EIO, 0);
	rig.guest.hook = fail_forwarded;
	ck_assert_int_eq(rig_kick(&rig), -EIO);
	shows_ite(0, -EIO, 1);
	ck_assert_uint_eq(rig.result.cookie, 10);
}

/* IQE as ever, with the head at its slot; the wait after it is aborted. */
TEST(the_guests_own_fault_comes_first)
{
	open_ite();
	rig_page(&rig, 0x1000);
	rig_vmm(&rig);
	rig_put(&rig, guest_typed(15));
	rig_wait(&rig);
	fail_entries(10, -EIO, 0);
	ck_assert_int_eq(rig_kick(&rig), -EBADMSG);
	ck_assert_uint_eq(rig.result.fsts, IQE);
	ck_assert_uint_eq(rig.result.index, 2);
	ck_assert_uint_eq(rig.result.iqh, 2 << rig.guest.shift);
	guest_set(&rig.guest, 2, guest_wait(FN, 0, 0));
	iommunest_vtd_iq_clear_fault(rig.iq);
	ck_assert_int_eq(rig_kick(&rig), -EIO);
	shows_ite(0, -EIO, 3);
}

TEST(a_wait_that_is_aborted_drains_no_page_requests)
{
	open_ite();
	rig_page(&rig, 0x1000);
	rig_put(&rig, guest_wait(SW | PD, 0x7000, 1));
	fail_entries(10, -EIO, 0);
	ck_assert_int_eq(rig_kick(&rig), -EIO);
	shows_ite(0, -EIO, 1);
	ck_assert_ptr_null(strstr(guest_story(&rig.guest), "vmm"));
}

TEST(a_descriptor_that_fails_goes_the_same_way)
{
	open_ite();
	rig_vmm(&rig);
	rig_page(&rig, 0x1000);
	rig_wait(&rig);
	rig.guest.hook = fail_descriptor;
	ck_assert_int_eq(rig_kick(&rig), -EIO);
	shows_ite(0, -EIO, 2);
	ck_assert_uint_eq(host_calls_to(&rig.host, 10), 1);
	was_told("");
}

/* Nothing is drained, and no wait may say that it was. */
TEST_LOOP(a_drain_that_fails_aborts_its_own_wait, 2)
{
	open_ite();
	rig_put(&rig, guest_wait(PD | (_i ? FN : SW), _i ? 0 : RIG_STATUS, 0));
	rig_wait(&rig);
	rig.guest.hook = fail_descriptor;
	ck_assert_int_eq(rig_kick(&rig), -EIO);
	shows_ite(0, -EIO, _i ? 1 : 0);
	ck_assert_uint_eq(rig.result.waits, _i ? 1 : 0);
	/* The head is after it, and the VMM was asked. */
	ck_assert_uint_eq(rig.result.vmm, 1);
}

TEST(a_descriptor_that_fails_halts_by_default)
{
	open_healing();
	rig_vmm(&rig);
	rig_wait(&rig);
	rig.guest.hook = fail_descriptor;
	descriptor_answer = -ETIMEDOUT;
	ck_assert_int_eq(rig_kick(&rig), -ETIMEDOUT);
	halted_at(0, -ETIMEDOUT);
}

TEST_LOOP(what_is_pending_is_saved_and_restored, 2)
{
	struct iommunest_vtd_iq_state state =
		IOMMUNEST_INIT(struct iommunest_vtd_iq_state);

	open_ite();
	rig_vmm(&rig);
	rig_page(&rig, 0x1000);
	fail_entries(10, -EIO, 0);
	ck_assert_int_eq(rig_kick(&rig), 0);
	ck_assert_int_eq(iommunest_vtd_iq_save(rig.iq, &state), 0);
	ck_assert_uint_eq(state.flags & IOMMUNEST_VTD_IQ_ABORT,
			  IOMMUNEST_VTD_IQ_ABORT);
	ck_assert_uint_eq(state.abort_index, 1);
	ck_assert_int_eq(state.abort_error, -EIO);
	host_heal(&rig.host);
	/* A reset forgets it, and so it is the state that brings it. */
	ck_assert_int_eq(iommunest_vtd_iq_reset(rig.iq), 0);
	if (_i)
		state.flags &= ~IOMMUNEST_VTD_IQ_ABORT;
	if (_i)
		state.abort_index = 0, state.abort_error = 0;
	ck_assert_int_eq(iommunest_vtd_iq_restore(rig.iq, &state), 0);
	rig_wait(&rig);
	ck_assert_int_eq(rig_kick(&rig), _i ? 0 : -EIO);
	if (!_i)
		shows_ite(1, -EIO, 2);
	ck_assert_uint_eq(rig.result.waits, _i ? 1 : 0);
}

/* The same over the budget's end and the ring's. */
TEST(the_wait_may_be_in_a_later_run_and_after_the_wrap)
{
	uint32_t i;
	int ret;

	open_with(IOMMUNEST_VTD_UNHEALED_ITE, 0, 1);
	for (i = 0; i < rig.guest.slots - 1; i++) {
		rig_wait(&rig);
		ck_assert_int_eq(rig_kick(&rig), 0);
	}
	rig_page(&rig, 0x1000);
	rig_page_of(&rig, 12, 0x1000);
	rig_wait(&rig);
	fail_entries(10, -EIO, 0);
	do {
		ret = rig_kick(&rig);
	} while (ret == 1);
	ck_assert_int_eq(ret, -EIO);
	shows_ite(rig.guest.slots - 1, -EIO, 1);
}

/* Its slot comes again: waits before it complete as ever. */
TEST(a_failure_that_is_tried_again_aborts_nothing)
{
	open_ite();
	rig_wait(&rig);
	rig_page(&rig, 0x1000);
	rig_wait(&rig);
	rig.guest.bad_status = RIG_STATUS;
	rig.guest.write_error = -EFAULT;
	fail_entries(10, -EIO, 0);
	ck_assert_int_eq(rig_kick(&rig), -EFAULT);
	rig_stands(&rig, IOMMUNEST_CAUSE_FETCH, 0, -EFAULT);
	rig.guest.bad_status = 0;
	rig.guest.write_error = 0;
	host_heal(&rig.host);
	iommunest_vtd_iq_clear_fault(rig.iq);
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_is_done(&rig);
	ck_assert_uint_eq(rig.result.waits, 2);
}

/* ---- Within a callback ---- */

static void try_all(void)
{
	struct iommunest_vtd_iq_result result =
		IOMMUNEST_INIT(struct iommunest_vtd_iq_result);
	struct iommunest_vtd_iq_state state =
		IOMMUNEST_INIT(struct iommunest_vtd_iq_state);

	ck_assert_int_eq(iommunest_vtd_iq_run(rig.iq, 0, &result), -EBUSY);
	ck_assert_int_eq(iommunest_vtd_iq_enable(rig.iq, &result), -EBUSY);
	ck_assert_int_eq(iommunest_vtd_iq_disable(rig.iq), -EBUSY);
	ck_assert_int_eq(iommunest_vtd_iq_set_base(rig.iq, RIG_BASE,
						   IOMMUNEST_VTD_TTM_SCALABLE),
			 -EBUSY);
	ck_assert_int_eq(iommunest_vtd_iq_set_mode(rig.iq,
						   IOMMUNEST_VTD_TTM_LEGACY),
			 -EBUSY);
	ck_assert_int_eq(iommunest_vtd_iq_set_trace(rig.iq, false), -EBUSY);
	ck_assert_int_eq(iommunest_vtd_iq_save(rig.iq, &state), -EBUSY);
	ck_assert_int_eq(iommunest_vtd_iq_restore(rig.iq, &state), -EBUSY);
	ck_assert_int_eq(iommunest_vtd_iq_reset(rig.iq), -EBUSY);
	/* These two cannot say it, and do nothing. */
	iommunest_vtd_iq_clear_fault(rig.iq);
	iommunest_vtd_iq_free(rig.iq);
	tell("busy; ");
}

static int try_in_event(struct guest *guest, const struct guest_event *event)
{
	(void)guest, (void)event;
	try_all();
	return 0;
}

TEST(what_would_pull_the_ring_away_is_busy)
{
	open_healing();
	isolate_answer = 0;
	isolate_hook = try_all;
	rig_page(&rig, 0x1000);
	rig_wait(&rig);
	rig_vmm(&rig);
	fail_entries(10, -EIO, 0);
	rig.guest.hook = try_in_event;
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_is_done(&rig);
	ck_assert_ptr_nonnull(strstr(told, "isolate 10 at 0: -5 0; busy; "));
	rig.guest.hook = NULL;
	ck_assert_int_eq(iommunest_vtd_iq_disable(rig.iq), 0);
}

/* ---- Callbacks that change the tables ---- */

static void add_many(void)
{
	static uint32_t next;
	uint32_t i;

	for (i = 0; i < 100; i++, next++)
		rig_add(&rig, 40, next, 3000 + next);
}

static int grow_in_event(struct guest *guest, const struct guest_event *event)
{
	(void)guest, (void)event;
	add_many();
	return 0;
}

/* Its interrupt comes after the tables have moved. */
TEST(write_status_may_make_the_tables_grow)
{
	open_healing();
	rig_page(&rig, 0x1000);
	rig_put(&rig, guest_wait(SW | IF, RIG_STATUS, 1));
	rig_put(&rig, guest_wait(SW | IF, RIG_STATUS, 1));
	rig.guest.hook = grow_in_event;
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_is_done(&rig);
	rig_tells(&rig, "call 10x1, status 1, interrupt 1, status 2, "
			"interrupt 2");
}

static struct iommunest_ctx *other;

static void forget_20_and_close(void)
{
	ck_assert_int_eq(iommunest_vtd_iq_forget(rig.iq, TARGET(other, 20)), 0);
	iommunest_close(other);
	other = NULL;
}

/* A device that is cut off may take its other HWPTs and its context along. */
TEST(what_is_forgotten_is_not_sent_any_more)
{
	open_healing();
	other = host_open(&rig.host);
	ck_assert_int_eq(
		iommunest_vtd_iq_add_scope(rig.iq, 1, 9, TARGET(other, 20)), 0);
	isolate_answer = 0;
	isolate_hook = forget_20_and_close;
	rig_page(&rig, 0x1000);
	rig_put(&rig, guest_piotlb_pages(1, 9, 0x2000, 0, false));
	rig_page_of(&rig, 12, 0x3000);
	rig_wait(&rig);
	fail_entries(10, -EIO, 0);
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_is_done(&rig);
	was_told("isolate 10 at 0: -5 0; ");
	ck_assert_uint_eq(rig.result.forwarded, 3);
	rig_tells(&rig, "call 10x1, empty 10, all 10, call 12x1, "
			"covered 1@20, status 3");
}

static void forget_12_and_add_it_again(void)
{
	ck_assert_int_eq(iommunest_vtd_iq_forget(rig.iq, TARGET(rig.ctx, 12)),
			 0);
	rig_add(&rig, 2, 0, 12);
}

static uint32_t comes;

static int replace_12(struct guest *guest, const struct guest_event *event)
{
	(void)guest;
	if (event->kind != GUEST_STATUS)
		return 0;
	ck_assert_int_eq(iommunest_vtd_iq_forget(rig.iq,
						 TARGET(rig.ctx, 12 + comes)),
			 0);
	comes++;
	rig_add(&rig, 2, 0, 12 + comes);
	return 0;
}

/* What had a slot of the table is not kept for ever: 65534 are there. */
TEST(targets_may_come_and_go_in_callbacks)
{
	uint32_t i;

	open_healing();
	comes = 0;
	rig.guest.hook = replace_12;
	while (comes < 70000) {
		rig_page(&rig, 0x1000);
		for (i = 0; i < rig.guest.slots - 2; i++)
			rig_wait(&rig);
		ck_assert_int_eq(rig_kick(&rig), 0);
	}
}

/* It is still there, and so is what the guest wants flushed. */
TEST(what_is_forgotten_and_added_again_is_sent)
{
	open_healing();
	isolate_answer = 0;
	isolate_hook = forget_12_and_add_it_again;
	rig_page(&rig, 0x1000);
	rig_page_of(&rig, 12, 0x3000);
	rig_wait(&rig);
	fail_entries(10, -EIO, 0);
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_is_done(&rig);
	ck_assert_uint_eq(host_calls_to(&rig.host, 12), 1);
	rig_entry(&rig, 3, 0, 0x3000, 1, 0);
}

static int readd_10_in_call(struct guest *guest,
			    const struct guest_event *event)
{
	if (event->kind != GUEST_CALL || event->flush_all || !event->error)
		return 0;
	guest->hook = NULL;
	ck_assert_int_eq(iommunest_vtd_iq_forget(rig.iq, TARGET(rig.ctx, 10)),
			 0);
	rig_add(&rig, 1, 0, 10);
	return 0;
}

/* Of a target that `trace` added again, what is cut off is that one. */
TEST(a_target_that_is_added_again_before_it_is_cut_off_stays_cut_off)
{
	open_healing();
	isolate_answer = 0;
	rig_page(&rig, 0x1000);
	fail_entries(10, -EIO, 0);
	rig.guest.hook = readd_10_in_call;
	ck_assert_int_eq(rig_kick(&rig), 0);
	was_told("isolate 10 at 0: -5 0; ");
	host_heal(&rig.host);
	rig_page(&rig, 0x1000);
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_is_done(&rig);
	ck_assert_uint_eq(host_calls_to(&rig.host, 10), 0);
}

/* To be there already is not to be added. */
TEST(a_scope_that_an_isolated_target_still_has_adds_nothing)
{
	open_healing();
	isolate_answer = 0;
	rig_page(&rig, 0x1000);
	fail_entries(10, -EIO, 0);
	ck_assert_int_eq(rig_kick(&rig), 0);
	host_heal(&rig.host);
	ck_assert_int_eq(iommunest_vtd_iq_add_scope(rig.iq, 1, 0,
						    TARGET(rig.ctx, 10)),
			 -EEXIST);
	rig_page(&rig, 0x1000);
	ck_assert_int_eq(rig_kick(&rig), 0);
	ck_assert_uint_eq(host_calls_to(&rig.host, 10), 0);
}
