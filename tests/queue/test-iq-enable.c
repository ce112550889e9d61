/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* What a guest does to its queue's registers: enabled, disabled, reset. */
#include <stdlib.h>
#include <string.h>

#include "tests/harness/support.h"
#include "tests/queue/state-rig.h"
#include "tests/harness/target.h"

#define IF IOMMUNEST_VTD_DESC_IF

static void teardown(void)
{
	rig_end(&rig);
}
FIXTURE(NULL, teardown);

/* Where the guest's ring is; the queue stays enabled, or disabled. */
static void set_base(void)
{
	ck_assert_int_eq(iommunest_vtd_iq_set_base(rig.iq,
						   guest_iqa(RIG_BASE, 0, true),
						   IOMMUNEST_VTD_TTM_SCALABLE),
			 0);
}

/* ---- Enabled and disabled ---- */

TEST(a_disabled_queue_does_nothing)
{
	rig_open(&rig, NULL);
	rig_advance(&rig, 3);
	disable();
	rig_page(&rig, 0x1000);
	rig_wait(&rig);
	ck_assert_int_eq(rig_kick(&rig), 0);
	nothing_happened();
	/* The head of a disabled queue is 0. */
	ck_assert_uint_eq(rig.result.iqh, 0);
	ck_assert_uint_eq(rig.result.fsts, 0);
	ck_assert_uint_eq(rig.result.cause, IOMMUNEST_CAUSE_NONE);
}

enum { TAIL_THEN_BASE, BASE_THEN_TAIL };

TEST_LOOP(what_was_written_before_it_was_enabled_is_handled, 2)
{
	open_new();
	rig_page(&rig, 0x1000);
	rig_wait(&rig);
	if (_i == TAIL_THEN_BASE)
		ck_assert_int_eq(rig_kick(&rig), 0);
	set_base();
	if (_i == BASE_THEN_TAIL)
		ck_assert_int_eq(rig_kick(&rig), 0);
	nothing_happened();
	ck_assert_int_eq(rig_enable(&rig), 0);
	rig_is_done(&rig);
	rig_tells(&rig, "call 10x1, status 1");
	rig_counts(&rig, (struct rig_counts){
				 .descriptors = 2,
				 .forwarded = 1,
				 .waits = 1,
				 .entries = 1,
				 .calls = 1,
			 });
	rig_page(&rig, 0x2000);
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_tells(&rig, "call 10x1");
}

TEST(the_last_of_several_tails_counts)
{
	rig_open(&rig, NULL);
	disable();
	rig_wait(&rig);
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_wait(&rig);
	rig_wait(&rig);
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig.guest.tail = 2;
	ck_assert_int_eq(rig_kick(&rig), 0);
	ck_assert_int_eq(rig_enable(&rig), 0);
	rig_is_done(&rig);
	rig_tells(&rig, "status 0, status 1");
}

TEST(the_tail_stays_when_the_queue_is_disabled)
{
	rig_open(&rig, NULL);
	rig_wait(&rig);
	rig_wait(&rig);
	ck_assert_int_eq(rig_kick(&rig), 0);
	disable();
	ck_assert_uint_eq(saved().iqt, 2 * SLOT);
	ck_assert_uint_eq(saved().iqh, 0);
	/* From the head, which is 0. */
	ck_assert_int_eq(rig_enable(&rig), 0);
	rig_is_done(&rig);
	rig_tells(&rig, "status 0, status 1");
}

TEST(a_base_resets_the_tail_of_an_enabled_queue)
{
	rig_open(&rig, NULL);
	rig_wait(&rig);
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_set_base(&rig, RIG_BASE, 0);
	ck_assert_uint_eq(saved().iqt, 0);
	disable();
	ck_assert_int_eq(rig_enable(&rig), 0);
	rig_is_done(&rig);
	nothing_happened();
}

TEST(enabling_an_enabled_queue_does_nothing)
{
	rig_open(&rig, NULL);
	disable();
	rig_wait(&rig);
	rig_wait(&rig);
	ck_assert_int_eq(rig_kick(&rig), 0);
	ck_assert_int_eq(rig_enable(&rig), 0);
	rig_tells(&rig, "status 0, status 1");
	/* Not to a tail that nobody wrote, nor from a head of 0. */
	rig_wait(&rig);
	ck_assert_int_eq(rig_enable(&rig), 0);
	nothing_happened();
	ck_assert_uint_eq(rig.result.iqh, 2 * SLOT);
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_tells(&rig, "status 2");
}

/* A budget ended the run: what is left waits for a run, and not for this. */
TEST(enabling_an_enabled_queue_does_not_run_it)
{
	rig_open(&rig, &(struct rig_setup){ .budget = 2 });
	rig_wait(&rig);
	rig_wait(&rig);
	rig_wait(&rig);
	ck_assert_int_eq(rig_kick(&rig), 1);
	ck_assert_int_eq(rig_enable(&rig), 0);
	nothing_happened();
	ck_assert_uint_eq(rig.result.iqh, 2 * SLOT);
}

TEST(disabling_twice_does_no_harm)
{
	rig_open(&rig, NULL);
	disable();
	rig_wait(&rig);
	ck_assert_int_eq(rig_kick(&rig), 0);
	disable();
	ck_assert_int_eq(rig_enable(&rig), 0);
	rig_tells(&rig, "status 0");
}

TEST(without_a_base_nothing_is_enabled)
{
	open_new();
	rig_wait(&rig);
	ck_assert_int_eq(rig_kick(&rig), 0);
	ck_assert_int_eq(rig_enable(&rig), -EINVAL);
	nothing_happened();
	ck_assert_uint_eq(saved().flags, 0);
	set_base();
	ck_assert_int_eq(rig_kick(&rig), 0);
	nothing_happened();
	ck_assert_int_eq(rig_enable(&rig), 0);
	rig_tells(&rig, "status 0");
}

TEST(a_refused_run_leaves_the_tail)
{
	struct iommunest_vtd_iq_result result = { .size = sizeof(result) };

	open_new();
	/* Less than its first release had. */
	result.size = offsetof(struct iommunest_vtd_iq_result, calls);
	ck_assert_int_eq(iommunest_vtd_iq_run(rig.iq, SLOT, &result), -EINVAL);
	ck_assert_int_eq(iommunest_vtd_iq_run(rig.iq, SLOT, NULL), -EINVAL);
	ck_assert_uint_eq(saved().iqt, 0);
}

TEST(a_budget_ends_enabling_too)
{
	rig_open(&rig, &(struct rig_setup){ .budget = 2 });
	disable();
	rig_page(&rig, 0x1000);
	rig_wait(&rig);
	rig_wait(&rig);
	ck_assert_int_eq(rig_kick(&rig), 0);
	ck_assert_int_eq(rig_enable(&rig), 1);
	ck_assert_uint_eq(rig.result.iqh, 2 * SLOT);
	rig_tells(&rig, "call 10x1, status 1");
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_is_done(&rig);
	rig_tells(&rig, "status 2");
}

TEST(a_fault_while_enabling_halts_the_queue)
{
	rig_open(&rig, NULL);
	disable();
	rig_wait(&rig);
	rig_put(&rig, guest_typed(0));
	ck_assert_int_eq(rig_kick(&rig), 0);
	ck_assert_int_eq(rig_enable(&rig), -EBADMSG);
	rig_stands(&rig, IOMMUNEST_CAUSE_GUEST, 1, -EBADMSG);
	rig_tells(&rig, "status 0");
	guest_set(&rig.guest, 1, guest_wait(IF, 0, 0));
	iommunest_vtd_iq_clear_fault(rig.iq);
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_tells(&rig, "interrupt 1");
}

/* Nothing says so before: the ring may come after the tail. */
TEST_LOOP(a_bad_tail_is_found_when_the_queue_is_enabled, 2)
{
	static const struct {
		uint64_t iqt;
		uint64_t iqei;
	} rows[] = {
		{ 128 * SLOT, IOMMUNEST_VTD_IQEI_TAIL },
		{ 3 * SLOT | 16, IOMMUNEST_VTD_IQEI_TAIL_ALIGN },
	};

	rig_open(&rig, NULL);
	disable();
	rig.result.size = sizeof(rig.result);
	ck_assert_int_eq(
		iommunest_vtd_iq_run(rig.iq, rows[_i].iqt, &rig.result), 0);
	ck_assert_int_eq(rig_enable(&rig), -EBADMSG);
	rig_stands(&rig, IOMMUNEST_CAUSE_GUEST, 0, -EBADMSG);
	ck_assert_uint_eq(rig.result.iqercd, rows[_i].iqei);
	nothing_happened();
}

TEST(a_fault_stays_when_the_queue_is_disabled)
{
	rig_open(&rig, NULL);
	stand_at_slot_2();
	disable();
	ck_assert_int_eq(rig_kick(&rig), 0);
	nothing_happened();
	ck_assert_uint_eq(rig.result.iqh, 0);
	ck_assert_uint_eq(rig.result.cause, IOMMUNEST_CAUSE_GUEST);
	ck_assert_uint_eq(rig.result.index, 2);
	ck_assert_uint_eq(rig.result.fsts, IOMMUNEST_VTD_FSTS_IQE);
	ck_assert_uint_eq(rig.result.iqercd, IOMMUNEST_VTD_IQEI_TYPE);
	ck_assert_int_eq(rig_enable(&rig), -EBADMSG);
	nothing_happened();
	ck_assert_uint_eq(rig.result.iqh, 0);
	ck_assert_uint_eq(rig.result.index, 2);
	/* It is enabled all the same, and starts from the head. */
	guest_set(&rig.guest, 2, guest_wait(IF, 0, 0));
	iommunest_vtd_iq_clear_fault(rig.iq);
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_is_done(&rig);
	rig_tells(&rig, "status 0, status 1, interrupt 2");
}

TEST(a_base_forgets_the_fault_of_a_disabled_queue)
{
	rig_open(&rig, NULL);
	stand_at_slot_2();
	disable();
	set_base();
	rig.guest.tail = 0;
	rig_wait(&rig);
	ck_assert_int_eq(rig_kick(&rig), 0);
	ck_assert_int_eq(rig_enable(&rig), 0);
	rig_is_done(&rig);
	rig_tells(&rig, "status 0");
}

TEST(each_reason_not_to_enable_has_its_errno)
{
	struct {
		struct iommunest_vtd_iq_result result;
		uint64_t more;
	} longer;
	struct iommunest_vtd_iq_result result, before;

	rig_open(&rig, NULL);
	ck_assert_int_eq(iommunest_vtd_iq_disable(NULL), -EINVAL);
	disable();
	memset(&result, 0xa5, sizeof(result));
	result.size = sizeof(result);
	ck_assert_int_eq(iommunest_vtd_iq_enable(NULL, &result), -EINVAL);
	ck_assert_uint_eq(result.iqh, 0);
	memset(&result, 0xa5, sizeof(result));
	result.size = offsetof(struct iommunest_vtd_iq_result, calls);
	before = result;
	ck_assert_int_eq(iommunest_vtd_iq_enable(rig.iq, &result), -EINVAL);
	ck_assert_mem_eq(&result, &before, sizeof(result));
	ck_assert_int_eq(iommunest_vtd_iq_enable(rig.iq, NULL), -EINVAL);
	ck_assert(!(saved().flags & ENABLED));
	memset(&longer, 0xa5, sizeof(longer));
	longer.result.size = sizeof(longer);
	ck_assert_int_eq(iommunest_vtd_iq_enable(rig.iq, &longer.result), 0);
	ck_assert_uint_eq(longer.result.size, sizeof(longer));
	ck_assert_uint_eq(longer.more, 0);
}

/* ---- Reset ---- */

static void is_new(void)
{
	struct iommunest_vtd_iq *fresh = another(0);
	state_t want = saved_of(fresh);
	state_t got = saved();

	iommunest_vtd_iq_free(fresh);
	ck_assert_mem_eq(&got, &want, sizeof(want));
}

TEST_LOOP(a_reset_engine_is_as_new, 3)
{
	rig_open(&rig, &(struct rig_setup){ .qs = 2 });
	rig_add_device(&rig, 7, 0, 10);
	rig_add(&rig, 1, 0, 11);
	stand_at_slot_2();
	if (_i == 1)
		disable();
	if (_i == 2)
		iommunest_vtd_iq_clear_fault(rig.iq);
	iommunest_vtd_iq_reset(rig.iq);
	is_new();
	guest_forget(&rig.guest);
	ck_assert_int_eq(guest_kick_at(&rig.guest, rig.iq, 0, &rig.result), 0);
	nothing_happened();
	ck_assert_uint_eq(rig.result.cause, IOMMUNEST_CAUSE_NONE);
	ck_assert_uint_eq(rig.result.fsts, 0);
	ck_assert_uint_eq(rig.result.iqh, 0);
	/* No HWPT is known, in no way. */
	ck_assert_int_eq(iommunest_vtd_iq_forget(rig.iq, TARGET(rig.ctx, 10)),
			 -ENOENT);
	rig_set_base(&rig, RIG_BASE, 0);
	rig_page(&rig, 0x1000);
	rig_put(&rig, guest_iotlb(IOMMUNEST_VTD_IOTLB_GLOBAL, 0, 0, 0));
	rig_put(&rig, guest_pasid_dev_tlb(7, 0, 0x1000, 0));
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_is_done(&rig);
	rig_tells(&rig, "vmm 0, vmm 1, vmm 2");
	/* And there is room for as many others. */
	rig_add_device(&rig, 7, 0, 20);
	rig_add(&rig, 1, 0, 21);
	rig_add(&rig, 1, 0, 22);
	rig_add(&rig, 1, 0, 23);
	rig_add(&rig, 1, 0, 24);
	rig_add(&rig, 1, 0, 25);
	rig_page(&rig, 0x1000);
	rig_put(&rig, guest_pasid_dev_tlb(7, 0, 0x1000, 0));
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_tells(&rig, "call 21x1, call 22x1, call 23x1, call 24x1, "
			"call 25x1, call 20x1");
}

TEST_LOOP(waits_need_no_hwpt, 2)
{
	struct iommunest_vtd_iq *iq;
	uint32_t i;

	rig_open(&rig, NULL);
	ck_assert_int_eq(
		iommunest_vtd_iq_new(&iq, &guest_ops, &rig.guest, NULL), 0);
	take(iq);
	if (_i)
		iommunest_vtd_iq_reset(rig.iq);
	rig_set_base(&rig, RIG_BASE, 3);
	for (i = 0; i < rig.guest.slots - 1; i++)
		rig_wait(&rig);
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_is_done(&rig);
	ck_assert_uint_eq(rig.result.waits, rig.guest.slots - 1);
	for (i = 0; i < rig.guest.slots - 1; i++)
		ck_assert_uint_eq(guest_nth(&rig.guest, GUEST_STATUS, i)->data,
				  i);
}

TEST(scopes_added_before_the_base_count)
{
	uint32_t i;

	open_new();
	iommunest_vtd_iq_reset(rig.iq);
	iommunest_vtd_iq_reset(NULL);
	for (i = 0; i < 20; i++)
		rig_add(&rig, 1, 0, 10 + i);
	rig_set_base(&rig, RIG_BASE, 1);
	for (i = 0; i < 255; i++)
		rig_page(&rig, (uint64_t)i << 12);
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_is_done(&rig);
	ck_assert_uint_eq(rig.result.calls, 20);
	ck_assert_uint_eq(rig.result.entries, 20 * 255);
}
