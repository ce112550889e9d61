/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/* The queue engine's ring: its size, its tail, results, budgets. */
#include <stdlib.h>
#include <string.h>

#include "tests/harness/iq-rig.h"
#include "tests/harness/support.h"

#define IF IOMMUNEST_VTD_DESC_IF

static struct rig rig;

static void teardown(void)
{
	rig_end(&rig);
}
FIXTURE(NULL, teardown);

/* ---- The ring ---- */

static void open_ring(int loop)
{
	rig_open(&rig, &(struct rig_setup){
			       .qs = (unsigned int)loop % 8,
			       .narrow = loop >= 8,
		       });
}

/* All slots but one: more would look like none. */
static void fill_ring(void)
{
	uint32_t i;

	for (i = 0; i < rig.guest.slots - 2; i++) {
		if (rig.guest.wide)
			rig_page(&rig, (uint64_t)i << 12);
		else
			rig_put(&rig, guest_wait(0, 0, 0));
	}
	rig_wait(&rig);
}

static void check_full_run(void)
{
	uint32_t count = rig.guest.slots - 1;
	uint32_t pages = rig.guest.wide ? count - 1 : 0;
	uint32_t i, unread = 0, right = 0;

	fill_ring();
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_is_done(&rig);
	rig_counts(&rig, (struct rig_counts){
				 .descriptors = count,
				 .forwarded = pages,
				 .waits = count - pages,
				 .entries = pages,
				 .calls = pages ? 1 : 0,
			 });
	ck_assert_uint_eq(guest_count(&rig.guest, GUEST_STATUS), 1);
	for (i = 0; i < rig.guest.slots; i++)
		unread += rig.guest.reads[i] == 0;
	ck_assert_uint_eq(unread, 1);
	for (i = 0; i < pages; i++)
		right += rig.host.entries[i].addr == (uint64_t)i << 12 &&
			 rig.host.entries[i].npages == 1;
	ck_assert_uint_eq(right, pages);
}

TEST_LOOP(a_ring_has_the_size_that_its_register_says, 16)
{
	open_ring(_i);
	check_full_run();
	ck_assert_uint_eq(rig.result.iqh, (rig.guest.slots - 1)
						  << rig.guest.shift);
	/* And once around. */
	check_full_run();
	check_full_run();
	ck_assert_uint_eq(rig.result.iqh, (rig.guest.slots - 3)
						  << rig.guest.shift);
}

TEST_LOOP(a_tail_beyond_the_ring_is_refused, 16)
{
	open_ring(_i);
	if (rig.guest.slots << rig.guest.shift > 0x7ffff)
		return;
	rig_advance(&rig, 3);
	rig.guest.tail = rig.guest.slots;
	ck_assert_int_eq(rig_kick(&rig), -EBADMSG);
	rig_stands(&rig, IOMMUNEST_CAUSE_GUEST, 3, -EBADMSG);
	ck_assert_uint_eq(rig.result.iqercd, IOMMUNEST_VTD_IQEI_TAIL);
	rig_tells(&rig, "");
	iommunest_vtd_iq_clear_fault(rig.iq);
	rig.guest.tail = 3;
	rig_wait(&rig);
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_tells(&rig, "status 3");
}

TEST(a_tail_within_a_256_bit_slot_is_refused)
{
	struct iommunest_vtd_iq_result *result = &rig.result;

	rig_open(&rig, NULL);
	rig_advance(&rig, 3);
	result->size = sizeof(*result);
	ck_assert_int_eq(iommunest_vtd_iq_run(rig.iq, 5 << 5 | 16, result),
			 -EBADMSG);
	rig_stands(&rig, IOMMUNEST_CAUSE_GUEST, 3, -EBADMSG);
	ck_assert_uint_eq(result->iqercd, IOMMUNEST_VTD_IQEI_TAIL_ALIGN);
	ck_assert_uint_eq(result->descriptors, 0);
}

TEST(a_128_bit_slot_starts_at_each_16_bytes)
{
	rig_open(&rig, &(struct rig_setup){ .narrow = true });
	rig_wait(&rig);
	ck_assert_uint_eq(guest_iqt(&rig.guest), 16);
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_is_done(&rig);
	rig_tells(&rig, "status 0");
}

TEST(tail_bits_outside_its_field_do_not_count)
{
	struct iommunest_vtd_iq_result *result = &rig.result;

	rig_open(&rig, NULL);
	rig_wait(&rig);
	result->size = sizeof(*result);
	ck_assert_int_eq(iommunest_vtd_iq_run(rig.iq, ~0x7ffffull | 0x20 | 0xf,
					      result),
			 0);
	rig_is_done(&rig);
	rig_tells(&rig, "status 0");
}

TEST(a_run_goes_on_where_the_ring_begins_again)
{
	rig_open(&rig, NULL);
	rig_advance(&rig, 125);
	rig_page(&rig, 0x1000);
	rig_wait(&rig);
	rig_page(&rig, 0x2000);
	rig_page(&rig, 0x3000);
	rig_wait(&rig);
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_is_done(&rig);
	ck_assert_uint_eq(rig.result.iqh, 2 << 5);
	rig_tells(&rig, "call 10x3, status 126, status 1");
	rig_entry(&rig, 0, 0, 0x1000, 1, 0);
	rig_entry(&rig, 0, 1, 0x2000, 1, 0);
	rig_entry(&rig, 0, 2, 0x3000, 1, 0);
}

TEST(nothing_to_do_is_done_at_once)
{
	rig_open(&rig, NULL);
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_is_done(&rig);
	rig_counts(&rig, (struct rig_counts){ 0 });
	rig_tells(&rig, "");
	rig_advance(&rig, 5);
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_is_done(&rig);
	rig_counts(&rig, (struct rig_counts){ 0 });
}

/* Bits 10:3. */
TEST_RANGE(a_base_with_a_reserved_bit_changes_nothing, 3, 11)
{
	rig_open(&rig, NULL);
	rig_advance(&rig, 2);
	ck_assert_int_eq(iommunest_vtd_iq_set_base(rig.iq, 1ull << _i,
						   IOMMUNEST_VTD_TTM_SCALABLE),
			 -EINVAL);
	rig_page(&rig, 0x1000);
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_is_done(&rig);
	rig_tells(&rig, "call 10x1");
}

TEST_LOOP(a_new_base_starts_at_slot_0_without_a_fault, 8)
{
	rig_open(&rig, NULL);
	rig_advance(&rig, 2);
	rig_put(&rig, guest_typed(0));
	ck_assert_int_eq(rig_kick(&rig), -EBADMSG);
	guest_free(&rig.guest);
	guest_init(&rig.guest, guest_iqa(RIG_BASE, (unsigned int)_i, true));
	ck_assert_int_eq(iommunest_vtd_iq_set_base(
				 rig.iq,
				 guest_iqa(RIG_BASE, (unsigned int)_i, true),
				 true),
			 0);
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_is_done(&rig);
	check_full_run();
	ck_assert_uint_eq(rig.result.iqh, (rig.guest.slots - 1) << 5);
}

/* The guest's memory asserts that all reads are within it. */
TEST_LOOP(the_ring_may_be_anywhere, 4)
{
	static const uint64_t bases[] = { 0, 0x1000, 0x7ffffffffffff000,
					  0xffffffffffff0000 };
	uint64_t iqa = guest_iqa(bases[_i], 0, true);

	rig_open(&rig, NULL);
	guest_free(&rig.guest);
	guest_init(&rig.guest, iqa);
	ck_assert_int_eq(iommunest_vtd_iq_set_base(rig.iq, iqa,
						   IOMMUNEST_VTD_TTM_SCALABLE),
			 0);
	check_full_run();
}

TEST(without_a_base_nothing_is_enabled_and_nothing_runs)
{
	struct iommunest_vtd_iq_options options = {
		.size = sizeof(options),
		.policy = IOMMUNEST_VTD_IQ_STOP,
	};
	struct iommunest_vtd_iq *iq;

	rig_open(&rig, NULL);
	ck_assert_int_eq(
		iommunest_vtd_iq_new(&iq, &guest_ops, &rig.guest, &options), 0);
	memset(&rig.result, 0xa5, sizeof(rig.result));
	rig.result.size = sizeof(rig.result);
	ck_assert_int_eq(iommunest_vtd_iq_enable(iq, &rig.result), -EINVAL);
	rig_counts(&rig, (struct rig_counts){ 0 });
	ck_assert_int_eq(iommunest_vtd_iq_run(iq, 0, &rig.result), 0);
	iommunest_vtd_iq_free(iq);
	/* But the result is written. */
	ck_assert_uint_eq(rig.result.iqh, 0);
	rig_counts(&rig, (struct rig_counts){ 0 });
}

/* ---- The result ---- */

TEST(a_result_of_a_wrong_size_is_not_touched)
{
	struct iommunest_vtd_iq_result result, before;

	rig_open(&rig, NULL);
	rig_wait(&rig);
	memset(&result, 0xa5, sizeof(result));
	result.size = offsetof(struct iommunest_vtd_iq_result, calls);
	before = result;
	ck_assert_int_eq(iommunest_vtd_iq_run(rig.iq, 0x20, &result), -EINVAL);
	ck_assert_mem_eq(&result, &before, sizeof(result));
	ck_assert_int_eq(iommunest_vtd_iq_run(rig.iq, 0x20, NULL), -EINVAL);
	rig_tells(&rig, "");
}

TEST(a_longer_result_ends_in_zeros)
{
	struct {
		struct iommunest_vtd_iq_result result;
		uint64_t more[2];
		uint64_t not_ours;
	} longer_result;

	rig_open(&rig, NULL);
	rig_wait(&rig);
	memset(&longer_result, 0xa5, sizeof(longer_result));
	longer_result.result.size =
		offsetof(__typeof__(longer_result), not_ours);
	ck_assert_int_eq(
		iommunest_vtd_iq_run(rig.iq, 0x20, &longer_result.result), 0);
	ck_assert_uint_eq(longer_result.result.size,
			  offsetof(__typeof__(longer_result), not_ours));
	ck_assert_uint_eq(longer_result.result.descriptors, 1);
	ck_assert_uint_eq(longer_result.more[0], 0);
	ck_assert_uint_eq(longer_result.more[1], 0);
	ck_assert_uint_eq(longer_result.not_ours, 0xa5a5a5a5a5a5a5a5);
}

TEST(a_result_tells_what_became_of_each_descriptor)
{
	rig_open(&rig, NULL);
	rig_page_of(&rig, 10, 0x1000);
	rig_page_of(&rig, 12, 0x1000);
	rig_page_of(&rig, 10, 0x2000);
	rig_wait(&rig);
	rig_put(&rig, guest_wait(IF, 0, 0));
	rig_vmm(&rig);
	rig_put(&rig, guest_iotlb(IOMMUNEST_VTD_IOTLB_DOMAIN, 1, 0, 0));
	rig_put(&rig, guest_piotlb_all(9, 9));
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_is_done(&rig);
	rig_counts(&rig, (struct rig_counts){
				 .descriptors = 8,
				 .forwarded = 4,
				 .waits = 2,
				 .vmm = 2,
				 .entries = 5,
				 .calls = 4,
			 });
	rig_tells(&rig, "call 10x2, call 12x1, status 3, interrupt 4, vmm 5, "
			"call 10x1, call 11x1, vmm 7");
}

/* ---- Budget ---- */

TEST(a_budget_ends_the_run_and_the_next_goes_on)
{
	rig_open(&rig, &(struct rig_setup){ .budget = 3 });
	rig_advance(&rig, 3);
	rig_page(&rig, 0x1000);
	rig_wait(&rig);
	rig_page(&rig, 0x2000);
	rig_page(&rig, 0x3000);
	rig_page_of(&rig, 11, 0x1000);
	rig_vmm(&rig);
	rig_wait(&rig);
	ck_assert_int_eq(rig_kick(&rig), 1);
	ck_assert_uint_eq(rig.result.iqh, 6 << 5);
	ck_assert_uint_eq(rig.result.descriptors, 3);
	ck_assert_uint_eq(rig.result.cause, IOMMUNEST_CAUSE_NONE);
	rig_tells(&rig, "call 10x2, status 4");
	ck_assert_int_eq(rig_kick(&rig), 1);
	ck_assert_uint_eq(rig.result.iqh, 9 << 5);
	ck_assert_uint_eq(rig.result.descriptors, 3);
	rig_tells(&rig, "call 10x1, call 11x1, vmm 8");
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_is_done(&rig);
	ck_assert_uint_eq(rig.result.descriptors, 1);
	rig_tells(&rig, "status 9");
}

TEST_RANGE(a_budget_that_suffices_changes_nothing, 4, 6)
{
	uint32_t i;

	rig_open(&rig, &(struct rig_setup){ .budget = (uint32_t)_i });
	for (i = 0; i < 4; i++)
		rig_page(&rig, (uint64_t)i << 12);
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_is_done(&rig);
	rig_tells(&rig, "call 10x4");
}

TEST(a_budget_goes_around_the_ring)
{
	int ret = 1;
	int runs = 0;

	rig_open(&rig, NULL);
	rig_close(&rig);
	rig_open(&rig, &(struct rig_setup){ .budget = 50 });
	rig_advance(&rig, 50);
	rig_advance(&rig, 50);
	fill_ring();
	for (; ret == 1; runs++)
		ret = rig_kick(&rig);
	ck_assert_int_eq(ret, 0);
	ck_assert_int_eq(runs, 3);
	rig_is_done(&rig);
	ck_assert_uint_eq(rig.result.descriptors, 27);
}
