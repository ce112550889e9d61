/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* Live migration: from one engine into another. */
#include <stdlib.h>
#include <string.h>

#include "tests/harness/support.h"
#include "tests/queue/state-rig.h"

static void teardown(void)
{
	rig_end(&rig);
}
FIXTURE(NULL, teardown);

/* ---- Saved and restored ---- */

TEST(save_says_what_the_guest_sees)
{
	const uint64_t base = guest_iqa(RIG_BASE, 1, true);
	state_t state;

	be_idle();
	state = saved();
	ck_assert_uint_eq(state.iqa, base);
	ck_assert_uint_eq(state.iqh, 200 * SLOT);
	ck_assert_uint_eq(state.iqt, 200 * SLOT);
	ck_assert_uint_eq(state.flags, HAS_BASE | ENABLED);
	ck_assert_uint_eq(state.cause, 0);
	ck_assert_uint_eq(state.index, 0);
	ck_assert_int_eq(state.error, 0);
	ck_assert_uint_eq(state.fsts, 0);
	ck_assert_uint_eq(state.ttm, IOMMUNEST_VTD_TTM_SCALABLE);
	ck_assert_uint_eq(state.iqercd, 0);
}

TEST_RANGE(save_includes_the_fault, 3, WAYS)
{
	const struct iommunest_vtd_iq_result *result = &rig.result;
	state_t state;

	ways[_i]();
	state = saved();
	ck_assert_uint_eq(state.cause, result->cause);
	ck_assert_uint_eq(state.index, result->index);
	ck_assert_int_eq(state.error, result->error);
	ck_assert_uint_eq(state.fsts, result->fsts);
	ck_assert_uint_eq(state.iqercd, result->iqercd);
	ck_assert_uint_eq(state.iqh, state.flags & ENABLED ? result->iqh : 0);
}

/* By each of the ways, as new() leaves an engine and as a ring does. */
TEST_LOOP(what_is_restored_is_what_was_saved, WAYS)
{
	state_t before, after;

	ways[_i]();
	before = saved();
	take(another(0));
	ck_assert_int_eq(iommunest_vtd_iq_restore(rig.iq, &before), 0);
	after = saved();
	ck_assert_mem_eq(&after, &before, sizeof(after));
	/* Again, over itself. */
	ck_assert_int_eq(iommunest_vtd_iq_restore(rig.iq, &before), 0);
	after = saved();
	ck_assert_mem_eq(&after, &before, sizeof(after));
}

/* Any of them into any other. */
TEST_LOOP(what_was_there_before_a_restore_is_gone, WAYS)
{
	state_t before, after;
	size_t i;

	ways[_i]();
	before = saved();
	for (i = 0; i < WAYS; i++) {
		teardown();
		ways[i]();
		ck_assert_int_eq(iommunest_vtd_iq_restore(rig.iq, &before), 0);
		after = saved();
		ck_assert_mem_eq(&after, &before, sizeof(after));
	}
}

/* With HWPTs of its own, for the same scopes. */
static void migrate(uint32_t budget)
{
	state_t state = saved();

	take(another(budget));
	rig_add(&rig, 1, 0, 20);
	rig_add(&rig, 1, 5, 21);
	rig_add(&rig, 2, 0, 22);
	ck_assert_int_eq(iommunest_vtd_iq_restore(rig.iq, &state), 0);
}

/* The fault and its slot, but not the HWPT, which is another one. */
TEST_LOOP(a_restored_engine_reports_the_same, WAYS)
{
	struct iommunest_vtd_iq_result first;
	int ret, again;

	ways[_i]();
	ret = rig_kick(&rig);
	first = rig.result;
	if (ret == 1 || _i == 7)
		return;
	migrate(0);
	again = rig_kick(&rig);
	ck_assert_int_eq(again, ret);
	first.cookie = 0;
	if (ret == 0) {
		first.descriptors = 0;
		first.waits = 0;
	}
	ck_assert_mem_eq(&rig.result, &first, sizeof(first));
}

TEST(a_restored_engine_continues_after_its_fault)
{
	rig_open(&rig, NULL);
	rig_advance(&rig, 126);
	rig_page(&rig, 0x1000);
	rig_wait(&rig);
	rig_page_of(&rig, 11, 0x2000);
	rig_page(&rig, 0x3000);
	rig_wait(&rig);
	host_fail(&rig.host, (struct host_rule){
				     .fault = HOST_FAIL_ENTRY,
				     .error = -EIO,
				     .hwpt_id = 11,
				     .addr = HOST_ANY_ADDR,
			     });
	ck_assert_int_eq(rig_kick(&rig), -EIO);
	rig_stands(&rig, IOMMUNEST_CAUSE_HOST, 0, -EIO);
	rig_tells(&rig, "call 10x2, call 11x1, empty 11, status 127");
	host_heal(&rig.host);
	migrate(0);
	ck_assert_int_eq(rig_kick(&rig), -EIO);
	rig_stands(&rig, IOMMUNEST_CAUSE_HOST, 0, -EIO);
	iommunest_vtd_iq_clear_fault(rig.iq);
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_is_done(&rig);
	rig_tells(&rig, "call 21x1, call 20x1, status 2");
}

static void put_much(void)
{
	uint32_t i;

	for (i = 0; i < 100; i++) {
		rig_page_of(&rig, 10 + i % 3, (uint64_t)i << 12);
		if (i % 10 == 9)
			rig_wait(&rig);
		if (i % 33 == 32)
			rig_vmm(&rig);
	}
}

/* Each slot's page is in a call of this kick, or not. */
static void note_pages(bool seen[100])
{
	uint32_t i;

	for (i = 0; i < rig.host.n_entries; i++) {
		uint64_t nth = rig.host.entries[i].addr >> 12;

		ck_assert_uint_lt(nth, 100);
		ck_assert(!seen[nth]);
		seen[nth] = true;
	}
}

/*
 * Moved from engine to engine, after each run or after one of them: each page
 * is flushed once, each wait completed once, and in order.
 */
TEST_LOOP(a_run_may_be_moved_in_the_middle, 80)
{
	const uint32_t budget = 1 + (uint32_t)_i % 40;
	bool seen[100] = { false };
	uint32_t waits = 0, vmm = 0, runs = 0, last = 0;
	int ret;

	rig_open(&rig, &(struct rig_setup){ .budget = budget });
	rig_advance(&rig, 1);
	while (rig.guest.tail != 60) {
		rig_put(&rig, guest_wait(0, 0, 0));
		while (rig_kick(&rig) == 1)
			;
	}
	put_much();
	do {
		ret = rig_kick(&rig);
		ck_assert_int_ge(ret, 0);
		note_pages(seen);
		waits += rig.result.waits;
		vmm += rig.result.vmm;
		runs += rig.result.descriptors;
		ck_assert_uint_gt(rig.result.descriptors, 0);
		if (rig.result.waits)
			last = guest_nth(&rig.guest, GUEST_STATUS,
					 rig.result.waits - 1)
				       ->index;
		if (ret == 1 && (_i < 40 || vmm == 1))
			migrate(budget);
	} while (ret == 1);
	rig_is_done(&rig);
	ck_assert_uint_eq(waits, 10);
	ck_assert_uint_eq(vmm, 3);
	ck_assert_uint_eq(runs, 113);
	ck_assert_uint_eq(last, (60 + 112) % 128);
	for (runs = 0; runs < 100; runs++)
		ck_assert(seen[runs]);
}

TEST(a_disabled_queue_may_be_moved)
{
	be_new_and_kicked();
	migrate(0);
	ck_assert_int_eq(rig_enable(&rig), -EINVAL);
	/* The tail was written first; and so it stays. */
	ck_assert_int_eq(iommunest_vtd_iq_set_base(rig.iq,
						   guest_iqa(RIG_BASE, 0, true),
						   IOMMUNEST_VTD_TTM_SCALABLE),
			 0);
	ck_assert_int_eq(rig_enable(&rig), 0);
	rig_is_done(&rig);
	rig_tells(&rig, "status 0, status 1");
}

TEST(scopes_stay_when_a_state_is_restored)
{
	state_t state;
	uint32_t i;

	rig_open(&rig, NULL);
	rig_add(&rig, 1, 0, 13);
	rig_add_device(&rig, 7, 3, 11);
	state = saved();
	state.iqa |= 3;
	ck_assert_int_eq(iommunest_vtd_iq_restore(rig.iq, &state), 0);
	guest_set_base(&rig.guest, state.iqa);
	for (i = 0; i < 1022; i++)
		rig_page(&rig, (uint64_t)i << 12);
	rig_put(&rig, guest_pasid_dev_tlb(7, 3, 0x1000, 0));
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_is_done(&rig);
	rig_tells(&rig, "call 10x1022, call 13x1022, call 11x1");
}

TEST(save_refuses_what_it_cannot_fill)
{
	struct {
		state_t state;
		uint64_t more;
		uint64_t not_ours;
	} longer;
	state_t state, before;

	rig_open(&rig, NULL);
	memset(&state, 0xa5, sizeof(state));
	state.size = sizeof(state);
	ck_assert_int_eq(iommunest_vtd_iq_save(NULL, &state), -EINVAL);
	ck_assert_int_eq(iommunest_vtd_iq_save(rig.iq, NULL), -EINVAL);
	state.size = sizeof(state) - 1;
	before = state;
	ck_assert_int_eq(iommunest_vtd_iq_save(rig.iq, &state), -EINVAL);
	ck_assert_mem_eq(&state, &before, sizeof(state));
	memset(&longer, 0xa5, sizeof(longer));
	longer.state.size = offsetof(__typeof__(longer), not_ours);
	ck_assert_int_eq(iommunest_vtd_iq_save(rig.iq, &longer.state), 0);
	ck_assert_uint_eq(longer.state.size,
			  offsetof(__typeof__(longer), not_ours));
	ck_assert_uint_eq(longer.more, 0);
	ck_assert_uint_eq(longer.not_ours, UINT64_C(0xa5a5a5a5a5a5a5a5));
	/* And back, until there is something that we do not know. */
	ck_assert_int_eq(iommunest_vtd_iq_restore(rig.iq, &longer.state), 0);
	longer.more = 1;
	ck_assert_int_eq(iommunest_vtd_iq_restore(rig.iq, &longer.state),
			 -E2BIG);
}

TEST(restore_refuses_null_and_a_wrong_size)
{
	state_t state;

	rig_open(&rig, NULL);
	state = saved();
	ck_assert_int_eq(iommunest_vtd_iq_restore(NULL, &state), -EINVAL);
	ck_assert_int_eq(iommunest_vtd_iq_restore(rig.iq, NULL), -EINVAL);
	state.size--;
	ck_assert_int_eq(iommunest_vtd_iq_restore(rig.iq, &state), -EINVAL);
	state.size = 0;
	ck_assert_int_eq(iommunest_vtd_iq_restore(rig.iq, &state), -EINVAL);
}
