/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: The libiommunest authors */
/*
 * Which functions of the engine allocate, and what they do where they cannot.
 * Linked with the library's objects.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/harness/heap.h"
#include "tests/harness/support.h"
#include "tests/queue/state-rig.h"
#include "tests/harness/target.h"

#define NO_PASID IOMMUNEST_VTD_NO_PASID

static void teardown(void)
{
	rig_end(&rig);
}
FIXTURE(NULL, teardown);

static int watch(int (*call)(void), unsigned int fail)
{
	int ret;

	heap_watch(fail);
	ret = call();
	heap_unwatch();
	return ret;
}

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
		ck_assert_int_eq(heap.grown, 0);
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
	return iommunest_vtd_iq_add_scope(rig.iq, 1, 0, TARGET(rig.ctx, 13));
}

static int add_shared_device(void)
{
	return iommunest_vtd_iq_add_device(rig.iq, 7, 4, TARGET(rig.ctx, 12));
}

static int add_unshared(void)
{
	return iommunest_vtd_iq_add_scope(rig.iq, 9, 9, TARGET(rig.ctx, 12));
}

/* HWPT 13 is not there; the ring works; what needs no room can be added. */
static void added_nothing(void)
{
	state_is_as_before();
	ck_assert_int_eq(iommunest_vtd_iq_forget(rig.iq, TARGET(rig.ctx, 13)),
			 -ENOENT);
	ck_assert_int_eq(iommunest_vtd_iq_remove_scope(rig.iq, 1, 0,
						       TARGET(rig.ctx, 13)),
			 -ENOENT);
	ck_assert_int_eq(iommunest_vtd_iq_remove_device(rig.iq, 7, 4,
							TARGET(rig.ctx, 12)),
			 -ENOENT);
	ck_assert_int_eq(watch(add_unshared, 0), 0);
	ck_assert_uint_eq(heap.count, 0);
	ck_assert_int_eq(iommunest_vtd_iq_remove_scope(rig.iq, 9, 9,
						       TARGET(rig.ctx, 12)),
			 0);
	rig_page(&rig, 0x1000);
	rig_put(&rig, guest_iotlb(IOMMUNEST_VTD_IOTLB_GLOBAL, 0, 0, 0));
	ck_assert_int_eq(rig_kick(&rig), 0);
	rig_is_done(&rig);
	rig_tells(&rig, "call 10x2, call 11x1, call 12x1");
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
		rig.iq, guest_iqa(RIG_BASE + 0x1000000, 5, true),
		IOMMUNEST_VTD_TTM_LEGACY);
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
		.forwarded = quiet_descriptor,
	};
	struct iommunest_sys sys = host_sys;
	const struct iommunest_open_options options = {
		.size = sizeof(options),
		.sys = &sys,
		.sys_data = &rig.host,
	};
	static const struct iommunest_vtd_iq_options halting = {
		.size = sizeof(halting),
		.unhealed = IOMMUNEST_VTD_UNHEALED_HALT,
	};
	struct iommunest_ctx *ctx;
	uint32_t i;

	rig_open(&rig, NULL);
	sys.ioctl = quiet_ioctl;
	ck_assert_int_eq(iommunest_open_fd(&ctx, 5, &options), 0);
	iommunest_vtd_iq_free(rig.iq);
	ck_assert_int_eq(
		iommunest_vtd_iq_new(&rig.iq, &ops, &rig.guest, &halting), 0);
	rig_set_base(&rig, RIG_BASE, 0);
	for (i = 10; i < 20; i++)
		ck_assert_int_eq(iommunest_vtd_iq_add_scope(rig.iq, 1, 0,
							    TARGET(ctx, i)),
				 0);
	ck_assert_int_eq(iommunest_vtd_iq_add_device(rig.iq, 7, NO_PASID,
						     TARGET(ctx, 10)),
			 0);
	for (i = 0; i < 120; i++)
		rig_page(&rig, (uint64_t)i << 12);
	rig_put(&rig, guest_dev_tlb(7, 0x1000, 0));
	rig_wait(&rig);
	rig_vmm(&rig);
	rig_put(&rig, guest_iotlb(IOMMUNEST_VTD_IOTLB_GLOBAL, 0, 0, 0));
	ck_assert_int_eq(watch(run_quietly, 0), 0);
	ck_assert_uint_eq(heap.count, 0);
	ck_assert_int_eq(heap.grown, 0);
	rig_is_done(&rig);
	rig_counts(&rig, (struct rig_counts){
				 .descriptors = 124,
				 .forwarded = 122,
				 .waits = 1,
				 .vmm = 1,
				 .entries = 10 * 120 + 1 + 10,
				 .calls = 20,
			 });
	iommunest_vtd_iq_free(rig.iq);
	rig.iq = NULL;
	iommunest_close(ctx);
	rig_close(&rig);
}

/* Nothing is asserted where allocations are counted. */
static int changes_of_mind;

static int change_its_mind(struct guest *guest, const struct guest_event *event)
{
	(void)guest, (void)event;
	for (; changes_of_mind < 1000; changes_of_mind++) {
		if (iommunest_vtd_iq_add_scope(rig.iq, 3, 0,
					       TARGET(rig.ctx, 30)) ||
		    iommunest_vtd_iq_forget(rig.iq, TARGET(rig.ctx, 30)))
			break;
	}
	return 0;
}

static int kick(void)
{
	return rig_kick(&rig);
}

/* What nothing refers to any more is used again, within a callback too. */
TEST(adding_and_forgetting_in_turn_needs_no_more_room)
{
	rig_open(&rig, NULL);
	rig_vmm(&rig);
	changes_of_mind = 0;
	rig.guest.hook = change_its_mind;
	ck_assert_int_eq(watch(kick, 0), 0);
	ck_assert_int_eq(changes_of_mind, 1000);
	ck_assert_uint_eq(heap.count, 0);
	rig_is_done(&rig);
}

static int isolate(void *vmm, uint64_t cookie, uint32_t index, int error,
		   uint32_t code)
{
	(void)vmm, (void)cookie, (void)index, (void)error, (void)code;
	return 0;
}

static int share_a_scope(void)
{
	return iommunest_vtd_iq_add_scope(rig.iq, 2, 0, TARGET(rig.ctx, 10));
}

TEST(a_target_that_could_not_be_added_again_stays_cut_off)
{
	struct iommunest_vtd_iq_ops ops = guest_ops;
	struct iommunest_vtd_iq *iq;

	ops.isolate = isolate;
	rig_open(&rig, NULL);
	ck_assert_int_eq(iommunest_vtd_iq_new(&iq, &ops, &rig.guest, NULL), 0);
	take(iq);
	rig_set_base(&rig, RIG_BASE, 0);
	rig_add(&rig, 1, 0, 10);
	rig_add(&rig, 2, 0, 12);
	host_fail(&rig.host, (struct host_rule){ .fault = HOST_FAIL_ENTRY,
						 .error = -EIO,
						 .hwpt_id = 10,
						 .addr = HOST_ANY_ADDR });
	rig_page(&rig, 0x1000);
	ck_assert_int_eq(rig_kick(&rig), 0);
	ck_assert_int_eq(watch(share_a_scope, 1), -ENOMEM);
	rig_page(&rig, 0x1000);
	ck_assert_int_eq(rig_kick(&rig), 0);
	ck_assert_uint_eq(host_calls_to(&rig.host, 10), 0);
	ck_assert_int_eq(share_a_scope(), 0);
	host_heal(&rig.host);
	rig_page(&rig, 0x1000);
	ck_assert_int_eq(rig_kick(&rig), 0);
	ck_assert_uint_eq(host_calls_to(&rig.host, 10), 1);
}
