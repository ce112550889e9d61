/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a guest does to the registers of its queue: enabled, disabled, reset;
 * and live migration, from one engine into another.  Linked with the library's
 * objects, so that their allocations can be made to fail.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/harness/iq-rig.h"
#include "tests/harness/support.h"

#define IF IOMMUNEST_VTD_DESC_IF

#define HAS_BASE IOMMUNEST_VTD_IQ_HAS_BASE
#define SCALABLE IOMMUNEST_VTD_IQ_SCALABLE
#define ENABLED IOMMUNEST_VTD_IQ_ENABLED

#define NO_PASID IOMMUNEST_VTD_NO_PASID

/* Bytes of a slot. */
#define SLOT UINT64_C(32)

typedef struct iommunest_vtd_iq_state state_t;

/* ---- Allocations that fail ---- */

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void __real_free(void *pointer);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void __wrap_free(void *pointer);

/* libcheck allocates too: nothing is asserted while @watched is set. */
static struct {
	bool watched;
	/* Which one fails, from 1; 0: none. */
	unsigned int fail;
	unsigned int count;
	/* More than there were before. */
	int live;
} heap;

static bool fails(void)
{
	return heap.watched && ++heap.count == heap.fail;
}

static void *note(void *pointer)
{
	heap.live += heap.watched && pointer;
	return pointer;
}

void *__wrap_malloc(size_t size)
{
	return fails() ? NULL : note(__real_malloc(size));
}

void *__wrap_calloc(size_t count, size_t size)
{
	return fails() ? NULL : note(__real_calloc(count, size));
}

void __wrap_free(void *pointer)
{
	heap.live -= heap.watched && pointer;
	__real_free(pointer);
}

static int watch(int (*call)(void), unsigned int fail)
{
	int ret;

	memset(&heap, 0, sizeof(heap));
	heap.fail = fail;
	heap.watched = true;
	ret = call();
	heap.watched = false;
	return ret;
}

/* ---- Rigs ---- */

static struct rig rig;

static void teardown(void)
{
	rig_end(&rig);
}
FIXTURE(NULL, teardown);

/* Another engine for the rig's guest, that knows none of its HWPTs. */
static struct iommunest_vtd_iq *another(uint32_t budget)
{
	const struct iommunest_vtd_iq_options options = {
		.size = sizeof(options),
		.budget = budget,
	};
	struct iommunest_vtd_iq *iq;

	ck_assert_int_eq(iommunest_vtd_iq_new(&iq, rig.ctx, &guest_ops,
					      &rig.guest, &options),
			 0);
	return iq;
}

/* In place of the rig's, which ends. */
static void take(struct iommunest_vtd_iq *iq)
{
	iommunest_vtd_iq_free(rig.iq);
	rig.iq = iq;
}

/* A rig whose engine has seen nothing yet. */
static void open_new(void)
{
	rig_open(&rig, NULL);
	take(another(0));
	rig_add(&rig, 1, 0, 10);
	rig_add(&rig, 1, 5, 11);
	rig_add(&rig, 2, 0, 12);
}

static void disable(void)
{
	ck_assert_int_eq(iommunest_vtd_iq_disable(rig.iq), 0);
}

static state_t saved_of(const struct iommunest_vtd_iq *iq)
{
	state_t state;

	memset(&state, 0xa5, sizeof(state));
	state.size = sizeof(state);
	ck_assert_int_eq(iommunest_vtd_iq_save(iq, &state), 0);
	ck_assert_uint_eq(state.size, sizeof(state));
	return state;
}

static state_t saved(void)
{
	return saved_of(rig.iq);
}

static void nothing_happened(void)
{
	rig_tells(&rig, "");
	rig_counts(&rig, (struct rig_counts){ 0 });
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
	disable();
	rig_page(&rig, 0x1000);
	rig_wait(&rig);
	if (_i == TAIL_THEN_BASE)
		ck_assert_int_eq(rig_kick(&rig), 0);
	ck_assert_int_eq(iommunest_vtd_iq_set_base(
				 rig.iq, guest_iqa(RIG_BASE, 0, true), true),
			 0);
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

TEST(enabling_what_is_enabled_does_nothing)
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
TEST(enabling_what_is_enabled_does_not_go_on)
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

TEST(disabling_twice_is_disabling)
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
	disable();
	rig_wait(&rig);
	ck_assert_int_eq(rig_kick(&rig), 0);
	ck_assert_int_eq(rig_enable(&rig), -EINVAL);
	nothing_happened();
	ck_assert_uint_eq(saved().flags, 0);
	rig_set_base(&rig, RIG_BASE, 0);
	rig_wait(&rig);
	ck_assert_int_eq(rig_kick(&rig), 0);
	nothing_happened();
	ck_assert_int_eq(rig_enable(&rig), 0);
	rig_tells(&rig, "status 0");
}

TEST(a_refused_run_is_no_tail)
{
	struct iommunest_vtd_iq_result result = { .size = sizeof(result) };

	open_new();
	ck_assert_int_eq(iommunest_vtd_iq_run(rig.iq, SLOT, &result), -EINVAL);
	ck_assert_uint_eq(saved().iqt, 0);
	disable();
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

TEST(what_fails_while_enabling_stands)
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

static void stand_at_slot_2(void)
{
	rig_wait(&rig);
	rig_wait(&rig);
	rig_put(&rig, guest_typed(0));
	ck_assert_int_eq(rig_kick(&rig), -EBADMSG);
	rig_stands(&rig, IOMMUNEST_CAUSE_GUEST, 2, -EBADMSG);
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
	rig_set_base(&rig, RIG_BASE, 0);
	rig_wait(&rig);
	ck_assert_int_eq(rig_kick(&rig), 0);
	ck_assert_int_eq(rig_enable(&rig), 0);
	rig_is_done(&rig);
	rig_tells(&rig, "status 0");
}

TEST(what_cannot_be_enabled_says_so)
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
	rig_open(&rig, &(struct rig_setup){ .max_targets = 6, .qs = 2 });
	rig_add_device(&rig, 7, 0, 10);
	rig_add(&rig, 1, 0, 11);
	stand_at_slot_2();
	if (_i == 1)
		disable();
	if (_i == 2)
		iommunest_vtd_iq_clear_fault(rig.iq);
	iommunest_vtd_iq_reset(rig.iq);
	is_new();
	ck_assert_int_eq(rig_kick(&rig), -EINVAL);
	nothing_happened();
	ck_assert_uint_eq(rig.result.cause, IOMMUNEST_CAUSE_NONE);
	ck_assert_uint_eq(rig.result.fsts, 0);
	ck_assert_uint_eq(rig.result.iqh, 0);
	/* No HWPT is known, in no way. */
	ck_assert_int_eq(iommunest_vtd_iq_forget(rig.iq, 10), -ENOENT);
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
	const struct iommunest_vtd_iq_options options = {
		.size = sizeof(options),
		.max_targets = 1,
	};
	struct iommunest_vtd_iq *iq;
	uint32_t i;

	rig_open(&rig, NULL);
	ck_assert_int_eq(iommunest_vtd_iq_new(&iq, rig.ctx, &guest_ops,
					      &rig.guest, &options),
			 0);
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

/* ---- Saved and restored ---- */

/* Ways that an engine can be, of which none is like another. */
static void be_new(void)
{
	open_new();
}

static void be_new_and_disabled(void)
{
	open_new();
	disable();
	rig_wait(&rig);
	rig_wait(&rig);
	ck_assert_int_eq(rig_kick(&rig), 0);
}

static void be_new_and_scalable(void)
{
	open_new();
	ck_assert_int_eq(iommunest_vtd_iq_set_mode(rig.iq, true), 0);
}

static void be_idle(void)
{
	rig_open(&rig, &(struct rig_setup){ .qs = 1 });
	rig_advance(&rig, 200);
}

static void be_narrow(void)
{
	rig_open(&rig, &(struct rig_setup){ .narrow = true });
	rig_advance(&rig, 201);
}

static void be_legacy(void)
{
	rig_open(&rig, &(struct rig_setup){ .legacy = true, .qs = 7 });
	rig_advance(&rig, 5);
}

static void be_disabled(void)
{
	rig_open(&rig, NULL);
	rig_advance(&rig, 100);
	disable();
}

static void be_in_the_middle(void)
{
	rig_open(&rig, &(struct rig_setup){ .budget = 2 });
	rig_wait(&rig);
	rig_wait(&rig);
	rig_wait(&rig);
	ck_assert_int_eq(rig_kick(&rig), 1);
}

static void be_at_a_bad_descriptor(void)
{
	rig_open(&rig, NULL);
	stand_at_slot_2();
}

static void be_disabled_with_a_fault(void)
{
	be_at_a_bad_descriptor();
	disable();
}

static void be_enabled_with_an_old_fault(void)
{
	be_disabled_with_a_fault();
	ck_assert_int_eq(rig_enable(&rig), -EBADMSG);
}

static void be_at_a_bad_tail(void)
{
	rig_open(&rig, NULL);
	rig_advance(&rig, 3);
	rig.guest.tail = rig.guest.slots + 1;
	ck_assert_int_eq(rig_kick(&rig), -EBADMSG);
}

static void be_at_bad_memory(void)
{
	rig_open(&rig, NULL);
	rig_advance(&rig, 3);
	rig_wait(&rig);
	rig.guest.bad_first = 3;
	rig.guest.bad_count = 1;
	rig.guest.read_error = -ETIMEDOUT;
	ck_assert_int_eq(rig_kick(&rig), -ETIMEDOUT);
	rig.guest.bad_count = 0;
}

static void be_at_a_bad_status(void)
{
	rig_open(&rig, NULL);
	rig_wait(&rig);
	rig.guest.bad_status = RIG_STATUS;
	rig.guest.write_error = -EFAULT;
	ck_assert_int_eq(rig_kick(&rig), -EFAULT);
	rig.guest.write_error = 0;
}

static void be_at_a_bad_host(void)
{
	rig_open(&rig, NULL);
	rig_advance(&rig, 127);
	rig_page(&rig, 0x1000);
	rig_wait(&rig);
	host_fail(&rig.host, (struct host_rule){
				     .fault = HOST_FAIL_ENTRY,
				     .error = -EIO,
				     .hwpt_id = 10,
				     .addr = HOST_ANY_ADDR,
			     });
	ck_assert_int_eq(rig_kick(&rig), -EIO);
	host_heal(&rig.host);
}

static int device_error;

static int fail_device(struct guest *guest, const struct guest_event *event)
{
	(void)guest;
	return event->kind == GUEST_DESCRIPTOR ? device_error : 0;
}

static void be_at_a_device(int error)
{
	rig_open(&rig, NULL);
	rig_wait(&rig);
	rig_vmm(&rig);
	device_error = error;
	rig.guest.hook = fail_device;
	ck_assert_int_eq(rig_kick(&rig), error);
	rig.guest.hook = NULL;
}

static void be_at_a_silent_device(void)
{
	be_at_a_device(-ETIMEDOUT);
}

static void be_at_a_wrong_device(void)
{
	be_at_a_device(-EREMOTEIO);
}

static void (*const ways[])(void) = {
	be_new,
	be_new_and_disabled,
	be_new_and_scalable,
	be_idle,
	be_narrow,
	be_legacy,
	be_disabled,
	be_in_the_middle,
	be_at_a_bad_descriptor,
	be_disabled_with_a_fault,
	be_enabled_with_an_old_fault,
	be_at_a_bad_tail,
	be_at_bad_memory,
	be_at_a_bad_status,
	be_at_a_bad_host,
	be_at_a_silent_device,
	be_at_a_wrong_device,
};

TEST(save_says_what_the_guest_sees)
{
	const uint64_t base = guest_iqa(RIG_BASE, 1, true);
	state_t state;

	be_idle();
	state = saved();
	ck_assert_uint_eq(state.iqa, base);
	ck_assert_uint_eq(state.iqh, 200 * SLOT);
	ck_assert_uint_eq(state.iqt, 200 * SLOT);
	ck_assert_uint_eq(state.flags, HAS_BASE | SCALABLE | ENABLED);
	ck_assert_uint_eq(state.cause, 0);
	ck_assert_uint_eq(state.index, 0);
	ck_assert_int_eq(state.error, 0);
	ck_assert_uint_eq(state.fsts, 0);
	ck_assert_uint_eq(state.reserved, 0);
	ck_assert_uint_eq(state.iqercd, 0);
}

TEST_RANGE(save_has_the_fault, 3, ARRAY_LEN(ways))
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
TEST_LOOP(what_is_restored_is_what_was_saved, ARRAY_LEN(ways))
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
TEST_LOOP(what_was_there_before_a_restore_is_gone, ARRAY_LEN(ways))
{
	state_t before, after;
	size_t i;

	ways[_i]();
	before = saved();
	for (i = 0; i < ARRAY_LEN(ways); i++) {
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

/* The fault and where it stands, but not the HWPT, which is another one. */
TEST_LOOP(a_restored_engine_tells_the_same, ARRAY_LEN(ways))
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
	first.hwpt_id = 0;
	if (ret == 0) {
		first.descriptors = 0;
		first.waits = 0;
	}
	ck_assert_mem_eq(&rig.result, &first, sizeof(first));
}

TEST(a_restored_engine_goes_on_behind_its_fault)
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
	be_new_and_disabled();
	migrate(0);
	ck_assert_int_eq(rig_enable(&rig), -EINVAL);
	/* The tail was written first; and so it stays. */
	ck_assert_int_eq(iommunest_vtd_iq_set_base(
				 rig.iq, guest_iqa(RIG_BASE, 0, true), true),
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

/* ---- What may come from anywhere ---- */

static bool may_have_fault(const state_t *state)
{
	uint64_t iqercd = state->iqercd;
	uint64_t sid = 0;

	if (state->error > -1 || state->error < -4095)
		return false;
	if (state->cause == IOMMUNEST_CAUSE_GUEST)
		return state->error == -EBADMSG && state->fsts == 1u << 4 &&
		       iqercd >= 1 && iqercd <= 7 && iqercd != 2;
	if (state->cause == IOMMUNEST_CAUSE_FETCH && iqercd == 2)
		return state->fsts == 1u << 4;
	/* Whatever the errno, if the host's kernel reported it. */
	if (state->cause == IOMMUNEST_CAUSE_HOST && !iqercd &&
	    (state->fsts == 1u << 5 || state->fsts == 1u << 6))
		return true;
	if (state->cause == IOMMUNEST_CAUSE_HOST)
		sid = 0xffff;
	else if (state->cause != IOMMUNEST_CAUSE_FETCH)
		return false;
	if (state->error == -ETIMEDOUT)
		return state->fsts == 1u << 6 && !(iqercd & ~(sid << 32));
	if (state->error == -EREMOTEIO)
		return state->fsts == 1u << 5 && !(iqercd & ~(sid << 48));
	return state->fsts == 1u << 4 && !iqercd;
}

/* An engine might have saved it; as the header has it, in other words. */
static bool is_possible(const state_t *state)
{
	unsigned int shift = state->iqa & 0x800 ? 5 : 4;
	uint64_t slots = (UINT64_C(4096) << (state->iqa & 7)) >> shift;
	uint64_t head = state->iqh >> shift;

	if (state->flags > 7 || state->reserved || state->iqt & ~0x7fff0ull)
		return false;
	if (!(state->flags & HAS_BASE) &&
	    (state->iqa || state->iqh || state->cause))
		return false;
	if (!(state->flags & ENABLED) && state->iqh)
		return false;
	if (state->iqa & 0x7f8 || head >= slots || head << shift != state->iqh)
		return false;
	if (state->cause)
		return state->index < slots &&
		       (head == 0 || head == state->index) &&
		       may_have_fault(state);
	return !state->index && !state->error && !state->fsts && !state->iqercd;
}

/* Returns whether it was taken. */
static bool try_state(const state_t *state)
{
	state_t before = saved();
	state_t after;
	int ret;

	ret = iommunest_vtd_iq_restore(rig.iq, state);
	after = saved();
	ck_assert_int_eq(ret, is_possible(state) ? 0 : -EINVAL);
	ck_assert_mem_eq(&after, ret ? &before : state, sizeof(after));
	return !ret;
}

TEST_LOOP(one_wrong_bit_is_refused_or_is_what_it_says, ARRAY_LEN(ways))
{
	state_t state, changed;
	unsigned int bit, taken = 0, refused = 0;

	ways[_i]();
	state = saved();
	ck_assert(is_possible(&state));
	for (bit = 8 * sizeof(state.size); bit < 8 * sizeof(state); bit++) {
		unsigned char *bytes = (unsigned char *)&changed;

		changed = state;
		bytes[bit / 8] ^= (unsigned char)(1u << bit % 8);
		if (try_state(&changed))
			taken++;
		else
			refused++;
		ck_assert_int_eq(iommunest_vtd_iq_restore(rig.iq, &state), 0);
	}
	/* IQT_REG has 15 bits; some other field is anything's. */
	ck_assert_uint_ge(taken, 15);
	ck_assert_uint_ge(refused, 100);
}

/* Each field by itself, to what is at the border of something. */
static const uint64_t borders[] = {
	0,
	1,
	2,
	3,
	4,
	5,
	7,
	8,
	15,
	16,
	31,
	32,
	0x40,
	0x50,
	0x60,
	127,
	128,
	0x7f8,
	0x800,
	0xfe0,
	0xff0,
	0x1000,
	0x7ffe0,
	0x7fff0,
	0x7ffff,
	0x80000,
	0x7fffffff,
	0x80000000,
	0xfffff000,
	0xfffff001,
	0xffffff4b,
	0xffffff87,
	0xffffff92,
	0xffffffb6,
	0xfffffffb,
	0xffffffff,
	1ull << 32,
	1ull << 47,
	1ull << 48,
	1ull << 63,
	0xfffull << 52,
	UINT64_MAX,
};

static const struct {
	size_t offset;
	size_t size;
} fields[] = {
#define FIELD(name)                                                   \
	{                                                             \
		offsetof(state_t, name), sizeof(((state_t *)0)->name) \
	}
	FIELD(iqa),   FIELD(iqh),   FIELD(iqt),	 FIELD(flags),	  FIELD(cause),
	FIELD(index), FIELD(error), FIELD(fsts), FIELD(reserved), FIELD(iqercd),
#undef FIELD
};

static void set_field(state_t *state, size_t nth, uint64_t value)
{
	memcpy((char *)state + fields[nth].offset, &value, fields[nth].size);
}

/* Two fields at a time, from each way that an engine can be. */
TEST_LOOP(two_wrong_fields_are_refused_or_are_what_they_say, ARRAY_LEN(ways))
{
	state_t state, changed;
	size_t a, b, i, j;

	ways[_i]();
	state = saved();
	for (a = 0; a < ARRAY_LEN(fields); a++) {
		for (b = 0; b < a; b++) {
			for (i = 0; i < ARRAY_LEN(borders) * ARRAY_LEN(borders);
			     i++) {
				j = i / ARRAY_LEN(borders);
				changed = state;
				set_field(&changed, a,
					  borders[i % ARRAY_LEN(borders)]);
				set_field(&changed, b, borders[j]);
				if (is_possible(&changed) ==
				    !iommunest_vtd_iq_restore(rig.iq, &changed))
					continue;
				ck_abort_msg(
					"fields %zu %zu values %#jx %#jx", a, b,
					(uintmax_t)
						borders[i % ARRAY_LEN(borders)],
					(uintmax_t)borders[j]);
			}
		}
	}
}

/* What is taken does no harm: the engine stays in the ring that it was told. */
TEST(a_state_that_is_taken_can_be_run)
{
	state_t state;
	uint32_t i;

	be_idle();
	for (i = 0; i < rig.guest.slots; i++)
		guest_set(&rig.guest, i, guest_wait(0, 0, 0));
	state = saved();
	state.iqh = 40 * SLOT;
	state.iqt = 90 * SLOT;
	ck_assert_int_eq(iommunest_vtd_iq_restore(rig.iq, &state), 0);
	rig.guest.tail = 39;
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_is_done(&rig);
	ck_assert_uint_eq(rig.result.descriptors, 255);
	/* A tail beyond the ring is the guest's fault, as ever. */
	state.iqt = 0x7fff0;
	ck_assert_int_eq(iommunest_vtd_iq_restore(rig.iq, &state), 0);
	disable();
	ck_assert_int_eq(rig_enable(&rig), -EBADMSG);
}

/* ---- No memory ---- */

/*
 * The 1st allocation of a call fails, then the 2nd ..., until it needs no
 * more; returns how many there were.
 */
static unsigned int starve(int (*call)(void), void (*check)(void))
{
	unsigned int n = 1;
	int ret;

	for (;; n++) {
		ret = watch(call, n);
		if (heap.count < n)
			break;
		ck_assert_int_eq(ret, -ENOMEM);
		ck_assert_int_eq(heap.live, 0);
		check();
	}
	ck_assert_int_eq(ret, 0);
	return n - 1;
}

static state_t state_before;

static void state_is_as_before(void)
{
	state_t after = saved();

	ck_assert_mem_eq(&after, &state_before, sizeof(after));
}

static int add_shared(void)
{
	return iommunest_vtd_iq_add_scope(rig.iq, 1, 0, 13);
}

static int add_shared_device(void)
{
	return iommunest_vtd_iq_add_device(rig.iq, 7, 4, 12);
}

static int add_unshared(void)
{
	return iommunest_vtd_iq_add_scope(rig.iq, 9, 9, 12);
}

/* HWPT 13 is not there; the ring works; what needs no room can be added. */
static void added_nothing(void)
{
	state_is_as_before();
	ck_assert_int_eq(iommunest_vtd_iq_forget(rig.iq, 13), -ENOENT);
	ck_assert_int_eq(iommunest_vtd_iq_remove_scope(rig.iq, 1, 0, 13),
			 -ENOENT);
	ck_assert_int_eq(iommunest_vtd_iq_remove_device(rig.iq, 7, 4, 12),
			 -ENOENT);
	ck_assert_int_eq(watch(add_unshared, 0), 0);
	ck_assert_uint_eq(heap.count, 0);
	ck_assert_int_eq(iommunest_vtd_iq_remove_scope(rig.iq, 9, 9, 12), 0);
	rig_page(&rig, 0x1000);
	rig_put(&rig, guest_iotlb(IOMMUNEST_VTD_IOTLB_GLOBAL, 0, 0, 0));
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_is_done(&rig);
	rig_tells(&rig, "call 10x2, call 11x1, call 12x1, vmm 1");
	rig_set_base(&rig, RIG_BASE, 0);
	state_is_as_before();
}

TEST_LOOP(without_memory_nothing_is_added, 2)
{
	unsigned int needed;

	rig_open(&rig, NULL);
	rig_add_device(&rig, 7, 3, 11);
	state_before = saved();
	needed = starve(_i ? add_shared_device : add_shared, added_nothing);
	ck_assert_uint_eq(needed, 1);
	/* Now it has been added. */
	ck_assert_int_eq(_i ? add_shared_device() : add_shared(), -EEXIST);
}

static int set_larger_base(void)
{
	return iommunest_vtd_iq_set_base(
		rig.iq, guest_iqa(RIG_BASE + 0x1000000, 5, true), false);
}

static void ring_is_as_before(void)
{
	state_is_as_before();
	rig_page(&rig, 0x1000);
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_is_done(&rig);
	rig_tells(&rig, "call 10x1");
	state_before = saved();
}

TEST(without_memory_the_base_stays)
{
	rig_open(&rig, NULL);
	rig_advance(&rig, 3);
	state_before = saved();
	ck_assert_uint_ge(starve(set_larger_base, ring_is_as_before), 2);
	ck_assert_uint_eq(saved().iqh, 0);
}

static state_t larger_state;

static int restore_larger(void)
{
	return iommunest_vtd_iq_restore(rig.iq, &larger_state);
}

TEST(without_memory_nothing_is_restored)
{
	state_t after;

	be_at_a_bad_descriptor();
	larger_state = saved();
	larger_state.iqa += 0x1000000 | 5;
	teardown();
	rig_open(&rig, NULL);
	rig_advance(&rig, 3);
	state_before = saved();
	ck_assert_uint_ge(starve(restore_larger, ring_is_as_before), 2);
	after = saved();
	ck_assert_mem_eq(&after, &larger_state, sizeof(after));
}

/* Callbacks and a kernel that do nothing, and so allocate nothing either. */
static int quiet_read(void *vmm, uint64_t gpa, void *buf, size_t len)
{
	const struct guest *guest = vmm;

	memcpy(buf, guest->ring + (gpa - guest->base), len);
	return 0;
}

static int quiet_write(void *vmm, uint32_t index, uint64_t gpa, uint32_t data)
{
	(void)vmm;
	(void)index;
	(void)gpa;
	(void)data;
	return 0;
}

static void quiet_interrupt(void *vmm, uint32_t index)
{
	(void)vmm;
	(void)index;
}

static int quiet_descriptor(void *vmm, uint32_t index,
			    const struct iommunest_vtd_desc *desc)
{
	(void)vmm;
	(void)index;
	(void)desc;
	return 0;
}

static int quiet_ioctl(void *data, int fd, unsigned long request, void *arg)
{
	(void)data;
	(void)fd;
	(void)request;
	(void)arg;
	return 0;
}

static int run_quietly(void)
{
	rig.result.size = sizeof(rig.result);
	return iommunest_vtd_iq_run(rig.iq, guest_iqt(&rig.guest), &rig.result);
}

TEST(running_allocates_nothing)
{
	static const struct iommunest_vtd_iq_ops ops = {
		.size = sizeof(ops),
		.read = quiet_read,
		.write_status = quiet_write,
		.interrupt = quiet_interrupt,
		.descriptor = quiet_descriptor,
	};
	struct iommunest_sys sys = host_sys;
	const struct iommunest_open_options options = {
		.size = sizeof(options),
		.sys = &sys,
		.sys_data = &rig.host,
	};
	struct iommunest_ctx *ctx;
	uint32_t i;

	rig_open(&rig, NULL);
	sys.ioctl = quiet_ioctl;
	ck_assert_int_eq(iommunest_open_fd(&ctx, 5, &options), 0);
	iommunest_vtd_iq_free(rig.iq);
	ck_assert_int_eq(
		iommunest_vtd_iq_new(&rig.iq, ctx, &ops, &rig.guest, NULL), 0);
	rig_set_base(&rig, RIG_BASE, 0);
	for (i = 10; i < 20; i++)
		rig_add(&rig, 1, 0, i);
	rig_add_device(&rig, 7, NO_PASID, 10);
	for (i = 0; i < 120; i++)
		rig_page(&rig, (uint64_t)i << 12);
	rig_put(&rig, guest_dev_tlb(7, 0x1000, 0));
	rig_wait(&rig);
	rig_vmm(&rig);
	rig_put(&rig, guest_iotlb(IOMMUNEST_VTD_IOTLB_GLOBAL, 0, 0, 0));
	ck_assert_int_eq(watch(run_quietly, 0), 0);
	ck_assert_uint_eq(heap.count, 0);
	ck_assert_int_eq(heap.live, 0);
	rig_is_done(&rig);
	rig_counts(&rig, (struct rig_counts){
				 .descriptors = 124,
				 .forwarded = 122,
				 .waits = 1,
				 .vmm = 2,
				 .entries = 10 * 120 + 1 + 10,
				 .calls = 20,
			 });
	iommunest_vtd_iq_free(rig.iq);
	rig.iq = NULL;
	iommunest_close(ctx);
	rig_close(&rig);
}
